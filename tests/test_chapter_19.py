"""Chapter 19: its grammar says what it means, its marks and losses are right, the record bears out the page."""

import json
import re

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from conftest import ROOT
from rnncourse import data
from rnncourse.bench.record import definitions

CHAPTER = ROOT / "book" / "4-applications" / "19-sentiment.ipynb"
RECORD = json.loads(CHAPTER.with_suffix(".json").read_text(encoding="utf-8"))["results"]


@pytest.fixture(scope="module")
def page():
    threads = torch.get_num_threads()
    space = definitions(CHAPTER, "setup", "words", "forms", "draw", "marks", "counts", "accuracy")
    yield space | {"device": torch.device("cpu")}
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def parts(page):
    return page["draw_parts"](5)


def judged(page, clause):
    """1 for praise, read from the words of one clause."""
    good = any(word in clause for word in page["GOOD"] + page["NEW_GOOD"])
    outer = clause.startswith(tuple(page["DOUBT"]))
    inner = any(f" {verb} " in clause for verb in page["NEGATE"])
    return int(good ^ outer ^ inner)


def verdict(page, text):
    """Read from the text alone: what counts is the last clause that no "although" or "though" introduces."""
    clauses = re.split(r" (?:,|;) (?:(but|though|however ,|also ,) )?", text.removesuffix(" ."))
    first, rest = clauses[0], list(zip(clauses[1::2], clauses[2::2], strict=True))
    last = None if first.startswith("although ") else judged(page, first)
    for link, clause in rest:
        last = last if link == "though" else judged(page, clause)
    return last


def test_the_verdict_can_be_read_from_the_words(page, parts):
    for name, reviews in parts.items():
        for r in reviews[:500]:
            assert verdict(page, r.text) == r.praise, (name, r)


def test_no_word_tells_anything_alone(page, parts):
    praise = np.array([r.praise for r in parts["train"]])
    for word in ("great", "dull", "not", "doubt", "but", "although"):
        has = np.array([word in r.text.split() for r in parts["train"]])
        assert abs(praise[has].mean() - 0.5) < 5 * 0.5 / has.sum() ** 0.5, word


def test_parts_are_apart_and_special_ones_are_new(page, parts):
    seen = {r.text for r in parts["train"]}
    assert not seen & {r.text for name, reviews in parts.items() if name != "train" for r in reviews}
    words = {word for text in seen for word in text.split()}
    assert not words & {*page["NEW_GOOD"], *page["NEW_BAD"]}
    for r in parts["new adjectives"]:
        assert set(r.text.split()) & {*page["NEW_GOOD"], *page["NEW_BAD"]}
    negations = [
        max(sum(w in page["NEGATIONS"] for w in c.replace("at all", "").split()) for c in re.split("[,;]", t))
        for t in seen
    ]
    assert max(negations) == 1
    links = [sum(w in page["CONTRASTS"] for w in t.replace("anything but", "").split()) for t in seen]
    assert max(links) == 1 and all(
        sum(w in page["CONTRASTS"] for w in r.text.replace("anything but", "").split()) == 2
        for r in parts["two contrasts"]
    )


def test_marks_by_hand(page):
    text = "i doubt that it is good , but it was anything but bad ."
    assert page["negated"](text)[:7] == ["i", "doubt", "NOT_that", "NOT_it", "NOT_is", "NOT_good", ","]
    placed = page["placed"](text)
    assert placed[5:9] == ["but before NOT_good", "but before ,", "but after but", "but after it"]
    assert placed[-2:] == ["but after NOT_bad", "but after ."]
    assert page["placed"]("it is anything but bad .")[-2] == "none before NOT_bad"
    assert page["placed"]("although it is bad , it is good .")[0] == "although before although"


def test_the_rule_by_hand(page, parts):
    words = page["ruled"]("i doubt that it was anything but bad , though it is not good ; however , it was dull .")
    assert words[:7] == [f"aside {w}" for w in ("i", "doubt", "NOT_that", "NOT_it", "NOT_was", "NOT_anything", "but")]
    assert words[7:9] == ["aside bad", "aside though"] and words[-3:] == ["main was", "main dull", "main ."]
    assert page["ruled"]("although it is bad , it is not good .")[-2:] == ["main NOT_good", "main NOT_."]
    for name, reviews in parts.items():  # with the sign of one adjective, the marks are the verdict
        for r in reviews[:300]:
            words = page["ruled"](r.text)
            good, bad = page["GOOD"] + page["NEW_GOOD"], page["BAD"] + page["NEW_BAD"]
            praise = any(w in words for w in [f"main {g}" for g in good] + [f"main NOT_{b}" for b in bad])
            assert praise == r.praise, (name, r)


def test_the_ideal_reader_knows_what_can_be_known(page, parts):
    for text, praise, expected in (
        ("it is great .", 1, [0.5, 0.5, 0.6, 1]),
        ("it is not great , though it is great .", 0, [0.5] * 3 + [0.4, 0.5] + [0] * 5),
        ("it is anything but dull ; however , it is dull .", 0, [0.5] * 4 + [0.6, 0.5] + [0] * 6),
        ("although it is dull , it is great .", 1, [0.5] * 3 + [1] * 6),
    ):
        np.testing.assert_allclose(page["ideal"](page["Review"](text, praise, "")), expected)
    reviews = parts["train"]
    p, y = np.concatenate([page["ideal"](r) for r in reviews]), page["outcomes"](reviews)
    for value in np.unique(p):
        assert abs(y[p == value].mean() - value) < 0.03
    assert 0.32 < page["ideal_loss"](reviews) < 0.35


def test_losses_see_no_padding(page, parts):
    reviews = parts["train"][:7]
    number = page["number_words"](parts["train"])
    torch.manual_seed(0)
    model = page["Judge"](len(number) + 2)
    end, n, _ = page["at_the_end"](model, page["collate"](number, reviews), None)
    every, words, _ = page["at_every_word"](model, page["collate"](number, reviews), None)
    last, total = 0, 0
    for r in reviews:
        z = model(torch.tensor([[number[w]] for w in r.text.split()]))[:, 0]
        losses = F.binary_cross_entropy_with_logits(z, torch.full_like(z, r.praise), reduction="none")
        last, total = last + losses[-1].item(), total + losses.sum().item()
        p = page["probabilities"](model, number, reviews)[reviews.index(r)]
        np.testing.assert_allclose(p, torch.sigmoid(z).detach(), atol=1e-6)
    assert n == 7 and words == sum(len(r.text.split()) for r in reviews)
    assert end.item() == pytest.approx(last / 7, abs=1e-5) and every.item() == pytest.approx(total / words, abs=1e-5)


def test_the_record_bears_out_the_page():
    assert len(RECORD["seeds"]) >= 10
    for run in RECORD["seeds"]:
        end, every, rule = (run[k] for k in ("asked at the end", "asked at every word", "the rule, by hand"))
        assert min(end["test"], every["test"], rule["test"]) > 0.99
        assert min(rule["two contrasts"], rule["nested negation"]) > 0.99
        assert rule["new adjectives"] > max(end["new adjectives"], every["new adjectives"])
        assert run["negation and contrast marked"]["nested negation"] < 0.01
        assert run["ideal reader"]["nats at every word"] < every["nats at every word"] < 0.4
        assert end["nats at every word"] > 0.8
    nested = [run["asked at the end"]["nested negation"] for run in RECORD["seeds"]]
    assert min(nested) < 0.1 and max(nested) > 0.98  # opposite rules


def test_reviews_are_read_from_a_folder(tmp_path):
    for name, text in (
        ("pos/2.txt", "Good,\n really<br /><br />good."),
        ("pos/10.txt", "Fine é."),
        ("neg/1.txt", "Bad."),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert data.reviews(tmp_path) == (["Fine é.", "Good, really good.", "Bad."], [1, 1, 0])
    assert data.reviews(str(tmp_path)) == data.reviews(tmp_path)
    (tmp_path / "neg" / "2.txt").write_bytes(b"caf\xe9")
    with pytest.raises(ValueError, match="2.txt is not UTF-8"):
        data.reviews(tmp_path)
    (tmp_path / "neg" / "2.txt").write_text(" \n")
    with pytest.raises(ValueError, match="2.txt is empty"):
        data.reviews(tmp_path)
    with pytest.raises(FileNotFoundError, match="expects the folders pos and neg"):
        data.reviews(tmp_path / "pos")
