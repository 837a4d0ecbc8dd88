"""Chapter 15: what its functions claim, on small texts; and that its record is of the page's own runs."""

import json
import re
import runpy

import numpy as np
import pytest
import torch

from conftest import ROOT
from rnncourse import data
from rnncourse.bench.record import definitions
from rnncourse.models import LanguageModel

CHAPTER = ROOT / "book" / "3-transduction" / "15-language-models.ipynb"


@pytest.fixture(scope="module")
def page():
    return definitions(CHAPTER)


@pytest.fixture(scope="module")
def text():
    return data.docstrings()[:6000]


def test_the_vocabulary_is_that_of_the_training_part(page):
    ids, vocabulary = page["cut"]("abca" * 2 + "d" + "e", least=1)
    assert vocabulary.symbols == ("<unk>", "a", "b", "c")
    assert vocabulary.decode(ids["valid"]) == vocabulary.decode(ids["test"]) == "<unk>"
    _, rare = page["cut"]("abca" * 2 + "d" + "e", least=3)
    assert rare.symbols == ("<unk>", "a")


def test_counts_are_kneser_ney_over_the_two_parts_in_a_row(page, text):
    ids, vocabulary = page["cut"](text)
    found = page["counted"](ids, 4, len(vocabulary))
    assert {part: losses.size for part, losses in found.items()} == {part: ids[part].size for part in found}
    alone = -np.log(data.kneser_ney(ids["train"], ids["valid"], 4, len(vocabulary)))
    np.testing.assert_allclose(found["valid"], alone)
    later = -np.log(data.kneser_ney(ids["train"], ids["test"], 4, len(vocabulary)))
    np.testing.assert_allclose(found["test"][3:], later[3:])


def test_new_lines_by_hand(page):
    learnt, part = "one\n  two\n\n", "two\nthree\n\n  one"
    assert page["on_new_lines"](part, learnt).tolist() == [False] * 4 + [True] * 6 + [False] * 6


def test_once_keeps_the_first_of_each_line(page, text):
    assert page["once"]("\na\n  a\n\n\nb\na\n\nc") == "a\n\nb\n\nc"
    lines = [line.strip() for line in page["once"](text).split("\n") if line.strip()]
    assert len(lines) == len(set(lines)) and set(lines) == {line.strip() for line in text.split("\n")} - {""}


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_a_carried_state_is_one_pass_and_a_reset_one_is_not(page, cell):
    torch.manual_seed(0)
    model = LanguageModel(7, E=5, H=6, cell=cell, dropout=0.5)
    ids = np.random.default_rng(0).integers(0, 7, size=97)
    once = page["nats"](model, ids, T=12, B=4)
    with torch.no_grad():
        for b in range(4):
            z, _ = model(torch.tensor(ids[24 * b : 24 * (b + 1)])[:, None])
            p = torch.log_softmax(z[:, 0], dim=-1).numpy()
            target = ids[24 * b + 1 : 24 * (b + 1) + 1]
            np.testing.assert_allclose(once[24 * b : 24 * (b + 1)], -p[np.arange(24), target], rtol=1e-4)
    cold = page["nats"](model, ids, T=12, B=4, carry=False).reshape(4, 2, 12)
    once = once.reshape(4, 2, 12)
    np.testing.assert_allclose(cold[:, 0], once[:, 0], rtol=1e-5)
    assert np.abs(cold[:, 1] - once[:, 1]).max() > 1e-3
    np.testing.assert_allclose(cold, page["nats"](model, ids, T=12, B=4, carry=False).reshape(4, 2, 12))


@pytest.mark.parametrize(("order", "window"), [(1, 50), (4, 50), (6, 400), (3, 10_000)])
def test_a_cache_is_witten_bell_counted_on_the_window(page, text, order, window):
    part = text[:600]
    ids, V = data.Vocabulary(text).encode(part), len(data.Vocabulary(text))
    losses = page["cached"](part, V, order, window)
    assert losses[0] == pytest.approx(np.log(V))
    for i in (1, 2, 7, 60, 333, 599):
        p = 1 / V
        for n in range(min(order, i + 1)):
            h = part[i - n : i]
            after = [part[j] for j in range(max(0, i - window), i) if j >= n and part[j - n : j] == h]
            if after:
                p = (after.count(part[i]) + len(set(after)) * p) / (len(after) + len(set(after)))
        assert losses[i] == pytest.approx(-np.log(p)), i
    if window > len(part):  # nothing forgotten: the package's function says the same of the last character
        package = data.witten_bell(ids[:599], ids[599 - order + 1 : 600], order, V)
        assert losses[599] == pytest.approx(-np.log(package[-1]))


def test_a_cache_gives_probabilities(page, text):
    part, symbols = text[:300], sorted(set(text))
    total = sum(np.exp(-page["cached"](part + symbol, len(symbols), 5, 100)[-1]) for symbol in symbols)
    assert total == pytest.approx(1)


def test_a_mixture_is_chosen_on_validation_and_never_worse_there(page):
    rng = np.random.default_rng(0)
    one, other = ({part: rng.exponential(size=400) + 0.1 for part in ("valid", "test")} for _ in range(2))
    where = {part: rng.random(400) < 0.5 for part in one}
    both, share = page["mixture"](one, other, where)
    for part in one:
        np.testing.assert_allclose(np.exp(-both[part]), share * np.exp(-one[part]) + (1 - share) * np.exp(-other[part]))
    on = where["valid"]
    assert both["valid"][on].mean() <= min(one["valid"][on].mean(), other["valid"][on].mean())
    saved = (other["test"] - both["test"])[where["test"]].mean() / np.log(2)
    assert page["gain"](one, other, where) == pytest.approx(saved)
    assert page["gain"](other, other, where) == pytest.approx(0)


def test_the_share_of_a_mixture_is_no_step_of_a_grid(page):
    rng = np.random.default_rng(1)
    one, other = ({part: rng.exponential(size=4000) + 0.1 for part in ("valid", "test")} for _ in range(2))
    one = {part: losses + 1.5 for part, losses in one.items()}  # the weaker model: its share is small
    where = {part: np.full(4000, True) for part in one}
    _, share = page["mixture"](one, other, where)
    grid = np.linspace(0, 0.2, 2001)
    losses = [page["mixed"](s, one["valid"], other["valid"]).mean() for s in grid]
    assert share == pytest.approx(grid[np.argmin(losses)], abs=2e-4) and 0.001 < share < 0.05


def test_the_counts_of_the_record_are_kneser_ney_and_pruned_they_are_a_distribution(page, text):
    script = runpy.run_path(str(CHAPTER.with_suffix(".py")))
    ids, vocabulary = page["cut"](text[:3000])
    tokens, V, end = np.concatenate([ids["train"], ids["valid"]]), len(vocabulary), ids["train"].size
    ranks = script["ranked"](tokens, 4, V)
    full = script["tables"](ranks, 4, end, V)
    found = script["chances"](full, V)[-1][ranks[4][end - 3 :]]
    np.testing.assert_allclose(found[3:], data.kneser_ney(ids["train"], ids["valid"], 4, V)[3:])
    total = 0.0
    for w in range(V):  # all continuations of the training part
        ranks = script["ranked"](np.append(ids["train"], w), 4, V)
        full = script["tables"](ranks, 4, end, V)
        small = script["pruned"](full, ranks, end, V, 2)
        assert script["size"](small) < script["size"](full) / 2
        total += script["chances"](small, V)[-1][ranks[4][end - 3]]
    assert total == pytest.approx(1)


def test_the_record_is_of_the_runs_that_its_script_names(page):
    results = json.loads(CHAPTER.with_suffix(".json").read_text(encoding="utf-8"))["results"]
    script = CHAPTER.with_suffix(".py").read_text(encoding="utf-8")
    assert set(results["runs"]) == set(re.findall(r'^    "([^"]+)": \("(?:all|once|words)"', script, re.MULTILINE))
    for run in results["runs"].values():
        assert len(run["seeds"]) == results["seeds"] == 3 and run["ms"] > 0
        for seed in run["seeds"]:
            assert all(gain > -0.01 for places in seed["gains"].values() for gain in places.values())
    live = results["runs"]["LSTM 128"]["settings"]
    assert {"steps": 720, "lr": 0.007, "H": 128} == live
