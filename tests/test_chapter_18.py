"""Chapter 18: its functions are those of the package, of torch, and of the sum over all paths; its record holds."""

import itertools
import json
import runpy

import numpy as np
import pytest
import torch

from conftest import ROOT
from rnncourse import ctc
from rnncourse.bench.record import definitions

CHAPTER = ROOT / "book" / "3-transduction" / "18-ctc.ipynb"


@pytest.fixture(scope="module")
def page():
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(CHAPTER.parent)
        yield definitions(CHAPTER, "setup", "task", "words")
    torch.set_num_threads(threads)


def log_softmax(z):
    return z - np.logaddexp.reduce(z, axis=-1, keepdims=True)


@pytest.mark.parametrize("seed", range(5))
def test_loss_and_gradient_are_those_of_the_package(page, seed):
    rng = np.random.default_rng(seed)
    z, labels = 3 * rng.standard_normal((25, 7)), tuple(rng.integers(1, 7, 8).tolist())
    loss, gamma, dz = page["loss_and_gradient"](z, labels)
    losses, gradient = ctc.ctc_loss(log_softmax(z)[:, None], np.array([labels]))
    assert loss == pytest.approx(losses[0])
    np.testing.assert_allclose(dz, gradient[:, 0], atol=1e-10)
    np.testing.assert_allclose(gamma.sum(axis=1), 1)


@pytest.mark.parametrize("seed", range(5))
def test_beams_are_those_of_the_package(page, seed):
    log_p = log_softmax(2 * np.random.default_rng(seed).standard_normal((9, 4)))
    for K in (1, 4, 50):
        ours = page["beam_search"](log_p, K, lambda prefix, k: -0.3 * k)
        theirs = ctc.beam_search(log_p, K, extend=lambda prefix, k: -0.3 * k)
        possible = {labels: p for labels, p in ours.items() if np.isfinite(p)}
        assert possible == {labels: pytest.approx(p) for p, labels in theirs}
    path = np.random.default_rng(seed).integers(0, 3, 30)
    assert page["collapse"](path) == ctc.collapse(path)


def test_short_runs_of_letters_are_dropped_and_blanks_stay(page):
    path = [1, 1, 3, 1, 0, 1, 1, 2, 2, 2]
    for m, labels in ((1, (1, 3, 1, 1, 2)), (2, (1, 1, 2)), (3, (2,)), (4, ())):
        assert page["collapse"](page["long_runs"](path, m)) == labels
    rng = np.random.default_rng(0)
    for path in rng.integers(0, 4, (20, 30)):
        assert page["collapse"](page["long_runs"](path, 1)) == page["collapse"](path)


def test_the_frames_that_a_labelling_needs(page):
    log_p = np.full((4, 3), np.log(1 / 3))
    for labels in itertools.product((1, 2), repeat=3):
        log_alpha = page["forward"](log_p, labels)
        needed = 3 + sum(a == b for a, b in itertools.pairwise(labels))
        assert np.isfinite(np.logaddexp(log_alpha[-1, -1], log_alpha[-1, -2])) == (needed <= 4)


def test_edit_distance_by_hand(page):
    for found, true, distance in (
        ("", "abc", 3),
        ("abc", "abc", 0),
        ("axc", "abc", 1),
        ("bc", "abc", 1),
        ("cab", "abc", 2),
    ):
        assert page["edit_distance"](found, true) == page["edit_distance"](true, found) == distance


def test_recordings_are_what_the_page_says(page):
    examples = page["recordings"](200, 7)
    for example in examples:
        spans = example["spans"]
        assert 3 <= len(example["word"]) == len(spans) <= 8
        assert all(4 <= end - begin <= 10 for begin, end in spans)
        assert all(0 <= later - end <= 5 for (_, end), (later, _) in itertools.pairwise(spans))
        assert 1 <= spans[0][0] <= 5 and 0 <= len(example["x"]) - spans[-1][1] <= 5
        assert page["collapse"](page["told"](example)) == example["word"], "what it is told says the word"
        assert len(page["uniform"](example)) == len(example["x"])


def test_two_lstms_are_one_bidirectional_one(page):
    torch.manual_seed(0)
    net, theirs = page["Net"](), torch.nn.LSTM(6, 32, bidirectional=True)
    for mine, suffix in ((net.there, "_l0"), (net.back, "_l0_reverse")):
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(theirs, name + suffix).data = getattr(mine, name + "_l0").data
    x, frames = torch.randn(9, 3, 6), torch.tensor([9, 4, 7])
    packed, _ = theirs(torch.nn.utils.rnn.pack_padded_sequence(x, frames, enforce_sorted=False))
    h, _ = torch.nn.utils.rnn.pad_packed_sequence(packed)
    expected, logits = net.readout(h), net(x, frames)
    for b, T in enumerate(frames.tolist()):
        torch.testing.assert_close(logits[:T, b], expected[:T, b])


@pytest.mark.parametrize("both", [True, False])
def test_padding_changes_no_probability(page, both):
    torch.manual_seed(0)
    model, examples = page["Net"](both=both), page["recordings"](4, 8)
    together = page["log_probabilities"](model, examples)
    for example, log_p in zip(examples, together, strict=True):
        (alone,) = page["log_probabilities"](model, [example])
        np.testing.assert_allclose(alone, log_p, atol=1e-5)


def test_a_transducer_sums_its_paths_too(page):
    rng = np.random.default_rng(1)
    log_blank, log_label = np.log(rng.uniform(0.1, 0.9, (3, 4))), np.log(rng.uniform(0.1, 0.9, (3, 3)))
    total = 0.0
    for frames in itertools.combinations_with_replacement(range(3), 3):  # in which each label is written
        written = [sum(f <= t for f in frames) for t in range(3)]
        labels = sum(log_label[f, u] for u, f in enumerate(frames))
        total += np.exp(labels + sum(log_blank[t, u] for t, u in enumerate(written)))
    assert np.exp(-page["transducer_loss"](log_blank, log_label)) == pytest.approx(total)


@pytest.fixture(scope="module")
def results():
    return json.loads(CHAPTER.with_suffix(".json").read_text(encoding="utf-8"))["results"]


def test_the_record_has_three_seeds_of_each(results):
    assert results["seeds"] == 3
    assert all(len(values) == 3 for rows in results["errors"].values() for values in rows.values())
    assert all(len(rows) == 3 for rows in results["spikes"].values())
    for name, rows in results.get("runs", {}).items():
        assert len(rows["m"]) == 3
        for noise, by_m in rows["errors"].items():
            assert by_m["1"] == results["errors"][name][noise], "runs of one frame are the plain collapse"


def test_changed_examples_of_the_record(page):
    record, examples = runpy.run_path(str(CHAPTER.with_suffix(".py"))), page["recordings"](20, 9)
    changed = zip(examples, record["uniform_spans"](examples), record["later"](examples, 3), strict=True)
    for example, equal, later in changed:
        blank = page["told"](equal) == 0
        assert blank.sum() == len(example["word"])
        assert (page["told"](equal)[~blank] == page["uniform"](example)[~blank]).all()
        assert (page["told"](later)[3:] == page["told"](example)).all() and (later["x"][-3:] == 0).all()
