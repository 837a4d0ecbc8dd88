"""Chapter 21: its dates and baselines do what it says, padding changes nothing, the record bears out the page."""

import json
from datetime import date

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from conftest import ROOT
from rnncourse import data
from rnncourse.bench.record import definitions

CHAPTER = ROOT / "book" / "4-applications" / "21-translation.ipynb"
RUNS = json.loads(CHAPTER.with_suffix(".json").read_text(encoding="utf-8"))["results"]["runs"]
DAY = date(2017, 3, 9)


@pytest.fixture(scope="module")
def page():
    threads = torch.get_num_threads()
    cells = "setup", "languages", "parts", "directions", "tokens", "rule", "keys", "collate"
    yield definitions(CHAPTER, *cells) | {"device": torch.device("cpu")}
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def model(page):
    days = page["draw_days"](3)["train"][:1500]
    torch.manual_seed(0)
    return page["Translator"](page["vocabulary"](page["examples"](days, page["PAIRS"], 0)))


def test_parts_are_apart_and_directions_as_they_are_called(page):
    parts = page["draw_days"](4)
    assert {name: len(days) for name, days in parts.items()} == {"train": 6000, "valid": 300, "test": 600}
    assert len({day for days in parts.values() for day in days}) == 6900
    trained = page["TRAINED"]
    assert [len(directions) for directions in trained.values()] == [8, 10, 15]
    for name, partners in (("ring", 2), ("all but five", 3)):
        for language in page["LANGUAGES"]:
            assert sum(a == language for a, _ in trained[name]) == partners, (name, language)
            assert sum(b == language for _, b in trained[name]) == partners, (name, language)
    assert all("en" in pair for pair in trained["with English"])
    assert sum("en" in pair for pair in page["PAIRS"]) == 8


def test_tokens_give_the_text_back_and_the_rule_is_right(page):
    for example in page["examples"](page["draw_days"](5)["test"], page["PAIRS"], 0):
        source, target = page["read_and_said"](example)
        assert source[0] == f"<{example.target}>"
        assert "".join(source[1:]) == page["say"](example.day, example.source, example.form)
        assert "".join(target) == page["say"](example.day, example.target)
        assert page["by_rule"]("".join(source[1:]), example.source, example.target) == "".join(target)


def test_the_lexicon_finds_what_belongs_together(page):
    pairs = [("a b", "x y"), ("b c", "y z"), ("c a", "z x"), ("a c", "x z"), ("b a", "y x"), ("c b", "z y")]
    found = page["lexicon"]([(e.split(), f.split()) for e, f in pairs], rounds=20)
    assert found == {"a": "x", "b": "y", "c": "z"}


def test_fields_and_spoilt_dates(page):
    example = page["Example"]("en", "hu", "numeric", DAY)
    assert page["right_fields"]("2017. március 9., csütörtök", example) == dict.fromkeys(
        ("weekday", "day", "month", "year"), True
    )
    for field in ("weekday", "day", "month", "year"):
        right = page["right_fields"](page["spoilt"](example, field), example)
        assert [name for name, ok in right.items() if not ok] == [field]
    assert page["spoilt"](example, "punctuation") == "2017 március 9 csütörtök"
    texts = ["2017. március 9., csütörtök", "Thursday, March 9, 2017"]
    assert page["right_language"](texts, [example, example]) == 0.5
    found = page["scores"](texts, [example, example])
    assert found["exact"] == 50 and found["all fields"] == 50 and 0 < found["BLEU"] < 100


@torch.no_grad()
def test_padding_changes_nothing(page, model):
    chosen = [page["Example"](a, b, form, DAY) for a, b in page["PAIRS"] for form in page["FORMS"]]
    together, weights = page["translate"](model, page["sources"](chosen), [e.target for e in chosen])
    np.testing.assert_allclose(weights.sum(dim=-1), 1, atol=1e-5)
    log_p = page["log_p"](model, chosen, page["truths"](chosen))
    for k, example in enumerate(chosen[::7]):
        assert page["direct"](model, [example]) == together[7 * k : 7 * k + 1]
        source, target = page["encode"](model, *page["read_and_said"](example))
        memory, state = model.read(source[:, None], torch.tensor([len(source)]))
        y = torch.cat([torch.tensor([1]), target])
        z, _, _ = page["step"](model, y[:, None], state, memory)
        alone = -F.cross_entropy(z[:, 0], torch.cat([target, torch.tensor([2])]), reduction="sum")
        assert log_p[7 * k].item() == pytest.approx(alone.item(), abs=1e-3)


def test_the_record_bears_out_the_page():
    assert all(len(runs) >= 3 for runs in RUNS.values())
    for english, ring, most in zip(RUNS["with English"], RUNS["ring"], RUNS["all but five"], strict=True):
        assert english["unseen"]["exact"] < 5 < ring["unseen"]["exact"] < most["unseen"]["exact"] - 5
        assert english["through English"]["exact"] > 85 and min(run["seen"]["exact"] for run in (english, most)) > 85
        assert english["unseen"]["model errors"] > 0.97
    for run in RUNS["counts"]:
        assert run["by_memory, seen"]["exact"] == run["by_memory, unseen"]["exact"] == 100
        word = run["word_for_word, seen"]
        assert word["exact"] < 5 and word["all fields"] > 99 and word["BLEU"] < 20


def test_pairs_are_read_from_a_file(tmp_path):
    path = tmp_path / "own.txt"
    path.write_bytes(
        "\ufeffIt rains.\tEs regnet.\tours\r\n\nWe wait.\tWir\u00a0 warten.\nIt rains.\tEs regnet.\n".encode()
    )
    assert data.sentence_pairs(path) == [("It rains.", "Es regnet."), ("We wait.", "Wir warten.")]
    assert data.sentence_pairs(str(path)) == data.sentence_pairs(path)
    for text, told in (("a\tb\nno tab\n", "line 2: expected"), ("a\t \n", "line 1: expected"), ("\n \n", "no pair")):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=told):
            data.sentence_pairs(path)
    path.write_bytes(b"a\tcaf\xe9\n")
    with pytest.raises(ValueError, match="not UTF-8"):
        data.sentence_pairs(path)
    with pytest.raises(FileNotFoundError, match="is no file"):
        data.sentence_pairs(tmp_path)
