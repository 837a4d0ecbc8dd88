"""Chapter 20: its splits are what they say, its CRF is exact, its counts are right, the record bears it out."""

import itertools
import json
from collections import Counter

import numpy as np
import pytest
import torch

from conftest import ROOT
from rnncourse import data
from rnncourse.bench.record import definitions

CHAPTER = ROOT / "book" / "4-applications" / "20-named-entities.ipynb"
RECORD = json.loads(CHAPTER.with_suffix(".json").read_text(encoding="utf-8"))["results"]["seeds"]
CELLS = (
    "setup",
    "names",
    "split",
    "forms",
    "more-forms",
    "tagged",
    "parts",
    "score",
    "legal",
    "believed",
)


@pytest.fixture(scope="module")
def page():
    threads = torch.get_num_threads()
    yield definitions(CHAPTER, *CELLS) | {"device": torch.device("cpu")}
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def parts(page):
    return page["draw_parts"](7, count=1000)


def names_of(sentences):
    """The words of names."""
    return {w for s in sentences for w, tag in zip(s.words, s.tags, strict=True) if tag != "O"}


def test_new_names_are_new_word_by_word(page, parts):
    names = page["draw_names"](7)
    count = Counter(w for part in names.values() for kind in page["TYPES"] for n in part[kind] for w in n.split())
    people = {w for part in names.values() for name in part["PER"] for w in name.split()}
    seen = {w for kind in page["TYPES"] for name in names["train"][kind] for w in name.split()}
    for part in ("valid: new names, seen forms", "test: new names, seen forms", "test: new names, new forms"):
        shared = {w for w in names_of(parts[part]) & seen if w[0].isupper()}
        assert not shared & people, part
        assert all(count[w] > 5 for w in shared), part
    assert not names_of(parts["test: seen names, seen forms"]) - seen


def test_new_forms_have_no_verb_of_training(page, parts):
    for part in ("valid", "test"):
        for slot, choices in page["WORDS"][part].items():
            assert not set(choices) & {*page["WORDS"]["train"].get(slot, ())} - {""}, (part, slot)
    assert not set(page["CLAUSES"]) & {
        *page["VALID_CLAUSES"],
        *page["TEST_CLAUSES"],
    }
    forms = {form for s in parts["test: seen names, seen forms"] for form in s.forms}
    assert forms == {*page["CLAUSES"], "frame", "says"}


def test_sentences_are_tagged_in_bio(page, parts):
    for name, sentences in parts.items():
        for s in sentences[:200]:
            assert len(s.words) == len(s.tags) == len(s.forms) and s.words[-1] == ".", name
            before = ["O", *s.tags]
            assert all(page["may_follow"](a, b) for a, b in zip(before, s.tags, strict=False)), s
    assert not page["may_follow"]("O", "I-PER") and not page["may_follow"]("B-ORG", "I-PER")
    assert page["may_follow"]("B-PER", "I-PER") and page["may_follow"]("I-LOC", "B-LOC")


def test_swapped_names_are_of_the_wrong_type(page, parts):
    names = page["draw_names"](7)["train"]
    for s in parts["swapped"][:200]:
        for kind, begin, end in page["get_entities"](s.tags):
            assert " ".join(s.words[begin : end + 1]) in names[page["WRONG"][kind]]
    truth = page["believed"](parts["swapped"], [s.tags for s in parts["swapped"]])
    assert truth == {"the sentence": 1.0, "the name": 0.0, "neither": 0.0}


def test_crf_and_viterbi_equal_enumeration_in_a_padded_batch(page):
    generator = torch.Generator().manual_seed(1)
    scores = torch.randn(5, 3, 4, generator=generator, dtype=torch.float64)
    moves = torch.randn(4, 4, generator=generator, dtype=torch.float64)
    lengths = torch.tensor([5, 1, 3])
    log_Z = page["log_partition"](scores, moves, lengths)
    for b, T in enumerate(lengths.tolist()):
        paths = list(itertools.product(range(4), repeat=T))
        tags = torch.full((5, len(paths)), -100)
        tags[:T] = torch.tensor(paths).T
        every = page["path_score"](scores[:, [b] * len(paths)], moves, tags)
        by_hand = [sum(scores[t, b, k] + moves[([0, *p])[t], k] for t, k in enumerate(p)) for p in paths]
        torch.testing.assert_close(every, torch.stack(by_hand))
        assert log_Z[b].item() == pytest.approx(every.logsumexp(0).item(), abs=1e-10)
        best = page["viterbi"](scores[:T, b].numpy(), moves.numpy())
        assert best == list(paths[int(every.argmax())])


def test_padding_changes_nothing(page, parts):
    some = sorted(parts["train"][:6], key=lambda s: len(s.words))
    words, letters = page["vocabulary"](parts["train"])
    torch.manual_seed(0)
    model = page["Tagger"](len(words) + 2, len(letters) + 2).eval()

    def pad(sentences):
        return page["collate"](words, letters, sentences)

    together = page["scored"](model, pad, some)
    for s, scores in zip(some, together, strict=True):
        np.testing.assert_allclose(page["scored"](model, pad, [s])[0], scores, atol=1e-5)
    model.rnn = page["Window"](model.rnn.there.input_size, 48)
    together = page["scored"](model, pad, some)
    np.testing.assert_allclose(page["scored"](model, pad, some[:1])[0], together[0], atol=1e-5)


def test_errors_are_counted_by_kind(page):
    tags = "B-PER I-PER O B-ORG O B-LOC O B-PER O O".split()
    said = "B-PER O O B-LOC O B-LOC O O O B-PER".split()
    s = page["Sentence"](list("abcdefghij"), tags, ["x"] * 5 + ["y"] * 5)
    assert page["errors"]([s], [said]) == {
        "boundary": 1,
        "type": 1,
        "right": 1,
        "missed": 1,
        "invented": 1,
    }
    assert page["by_form"]([s], [said]) == {"x": 0.0, "y": 0.5}


def test_simple_taggers_by_hand(page):
    sentence = page["Sentence"]
    train = [
        sentence(
            "Later Ann Lee met Bank .".split(),
            "O B-PER I-PER O B-ORG O".split(),
            ["x"] * 6,
        )
    ]
    probe = [sentence("Later Bob Lee met New Bank , Lee .".split(), ["O"] * 9, ["x"] * 9)]
    assert page["capitals"](train)(probe) == ["O B-PER I-PER O B-ORG I-ORG O B-PER O".split()]
    assert page["lookup"](train)(probe) == ["O O I-PER O O B-ORG O I-PER O".split()]
    assert page["shape"]("Smith-Jones") == "Xx-Xx" and page["shape"]("2019") == "9"


def test_the_record_bears_out_the_page():
    assert len(RECORD) >= 3
    seen, new = "test: new names, seen forms", "test: new names, new forms"
    for run in RECORD:
        f1 = run["methods"]
        assert f1["LSTM"][seen] > 0.94 and f1["LSTM"][new] < 0.7
        for better in ("features, CRF", "window network"):
            assert f1[better][seen] > f1["LSTM"][seen] - 0.01 and f1[better][new] > f1["LSTM"][new] + 0.02
        assert f1["LSTM"]["old dates"] > f1["LSTM"][new] + 0.1
        assert max(f1[name][part] for name in ("lookup", "capitals") for part in (seen, new)) < 0.4
        for name, errors in run["errors"].items():
            counts = errors[new]
            right, found = (
                counts["right"],
                sum(counts.get(k, 0) for k in ("right", "boundary", "type", "missed")),
            )
            assert right / found > 0.3, name


def test_entities_are_read_from_columns(tmp_path):
    path = tmp_path / "eng.train"
    path.write_text(
        "-DOCSTART- -X- O O\n\nU.N. NNP I-ORG\nBonn NNP I-LOC\nUlm NNP B-LOC\nand CC O\nAnn B-PER\nLee I-PER\n\n\nEnd O"
    )
    first, last = data.entities(path)
    assert first == (
        ["U.N.", "Bonn", "Ulm", "and", "Ann", "Lee"],
        ["B-ORG", "B-LOC", "B-LOC", "O", "B-PER", "I-PER"],
    )
    assert last == (["End"], ["O"]) and data.entities(str(path)) == data.entities(path)
    for text, message in (
        ("Bonn\n", "line 1: 'Bonn'"),
        ("a O\nBonn LOC\n", "line 2"),
        ("a B-\n", "line 1"),
        ("\n\n", "no sentence"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            data.entities(path)
    path.write_bytes(b"caf\xe9 O\n")
    with pytest.raises(ValueError, match="not UTF-8"):
        data.entities(path)
