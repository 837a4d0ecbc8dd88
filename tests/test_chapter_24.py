"""Chapter 24: its completers do what the page says, its counts are the package's, and the loader tells bad lines."""

import json
from collections import Counter

import numpy as np
import pytest
import torch

from conftest import ROOT
from rnncourse import data
from rnncourse.bench.record import definitions
from rnncourse.data import queries

CHAPTER = ROOT / "book" / "4-applications" / "24-query-completion.ipynb"
RECORD = json.loads(CHAPTER.with_suffix(".json").read_text(encoding="utf-8"))["results"]


@pytest.fixture(scope="module")
def page():
    threads = torch.get_num_threads()
    yield definitions(CHAPTER, "setup", "forms")
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def made(page):
    return page["split"](7)


LOG = Counter({"time in mali": 3, "time in malta": 3, "map of mali": 2, "flag of fiji": 1, "time": 5})


def test_the_names_are_plain_and_another_version_is_refused(monkeypatch):
    names = data.world()
    assert {kind: len(some) for kind, some in names.items()} == {"country": 222, "language": 179, "currency": 209}
    assert "france" in names["country"] and "unknown region" not in names["country"]
    monkeypatch.setattr(queries, "_SHA256", "0" * 64)
    with pytest.raises(RuntimeError, match=r"Babel.*requirements\.lock"):
        data.world()


def test_a_split_keeps_its_sides_apart_and_repeats(page, made):
    _, log, parts = made
    _, again, same = page["split"](7)
    assert (log, parts) == (again, same)
    valid, test = set(parts["valid, unseen"]), set(parts["test, unseen"])
    assert not valid & test and not set(log) & (valid | test)
    assert set(parts["test, seen"]) | set(parts["valid, seen"]) <= set(log)


def test_the_queries_follow_their_probabilities(page):
    world = page["World"](7)
    p = page["everything"](world)
    assert sum(p.values()) == pytest.approx(1)
    drawn = Counter(world.draw() for _ in range(4000))
    assert set(drawn) <= set(p)
    for query, _ in p.most_common(5):
        assert drawn[query] / 4000 == pytest.approx(p[query], abs=4 * np.sqrt(p[query] / 4000))


def test_trie_and_endings_by_hand(page):
    trie = page["Trie"](LOG)
    assert trie("time in mal") == ["time in mali", "time in malta"]  # equal counts: by name
    assert trie("time")[0] == "time" and trie("x") == [] and len(trie("")) == 5
    assert page["Endings"](LOG)("flag of ma")[:2] == ["flag of mali", "flag of malta"]
    assert page["then"](trie, lambda prefix: ["time", "timer"])("time")[-1] == "timer"


def test_forms_by_hand(page):
    log = ["map of mali", "map of malta", "flag of mali", "flag of malta", "flag of fiji"]
    forms = page["forms_of"](log, 2)
    assert forms["map of ", ""] == {"mali", "malta"} and forms["", " of mali"] == {"map", "flag"}
    assert ("", " of fiji") not in forms  # only one filler
    scores = page["of_forms"](log, 2)
    assert scores["map of fiji"] == pytest.approx(2 * (2 / 3) / (5 / 3 + 5 / 3 + 2 / 3))
    assert page["Trie"](scores)("map of f") == ["map of fiji"]


def test_a_slip_is_one_letter_of_the_first_two_fifths(page):
    queries = ["map of mali", "time in new caledonia", "ab"] * 20
    for query, wrong in zip(queries, page["slipped"](queries, seed=1), strict=True):
        places = [k for k, (a, b) in enumerate(zip(query, wrong, strict=True)) if a != b]
        assert len(places) <= 1 and all(0 < k < max(2, 0.4 * len(query) + 0.5) for k in places)
    assert page["slipped"](queries, seed=1) == page["slipped"](queries, seed=1)


def test_measures_by_hand(page):
    lists = {"ab": ["abx", "abc"], "de": ["q"] * 5 + ["def"]}
    hit, mrr = page["measure"](lists.get, ["abc", "def"], 2 / 3)
    assert (hit, mrr) == (0.5, 0.25)


@pytest.mark.parametrize("order", [2, 4, 7])
def test_the_counts_are_the_package_s(page, made, order):
    _, log, _ = made
    some, held = sorted(log)[:150], sorted(log)[140:160]
    V, padded = page["V"], page["padded"]
    counts = page["Counts"](Counter(dict.fromkeys(some, 1)), order)
    p = data.kneser_ney(padded(some, order), padded(held, order), order, V)
    asked, place = [], 0
    for query in held:
        place += order - 1
        asked += range(place, place + len(query) + 1)
        place += len(query)
    assert counts.bits(held) == pytest.approx(-np.log2(p[asked]).mean())
    after = counts.begin("time in ")[0]
    assert np.exp(after).sum() == pytest.approx(1)


def test_a_batch_and_its_reader(page):
    x, y = page["collate"](["ab", "c"])
    assert x.T.tolist() == [[0, 2, 3], [0, 4, 0]] and y.T.tolist() == [[2, 3, 0], [4, 0, -1]]
    torch.manual_seed(0)
    model = page["LanguageModel"](page["V"], 8, 12, cell="gru").eval()
    reader = page["Reader"](model)
    _, state = reader.begin("ti")
    step, _ = reader.step(np.array([int(page["vocabulary"].encode("m")[0])]), state)
    np.testing.assert_allclose(step, reader.begin("tim")[0], atol=1e-6)


def test_the_search_finds_the_likeliest(page):
    """With a beam that keeps everything, against all queries of up to four more letters of a small alphabet."""
    counts = page["Counts"](Counter({"aab": 3, "aba": 2, "abb": 1, "b": 2}), 3)
    found = page["complete"](counts, "a", k=4, K=3000, limit=4)

    def log_p(query):
        ids = [0, 0, *page["vocabulary"].encode(query), 0]
        return sum(np.log(counts.p(tuple(ids[t - 2 : t]))[ids[t]]) for t in range(3, len(ids)))

    letters = ["", "a", "b", "c"]
    every = {"a" + x + y + z for x in letters for y in letters for z in letters}
    best = sorted(every, key=log_p, reverse=True)[:4]
    assert [query for _, query in found] == best
    assert [total for total, _ in found] == pytest.approx([log_p(query) for query in best])


def test_kinds_by_hand(page):
    log, possible = {"map of mali": 1}, {"map of mali": 0.5, "map of fiji": 0.5}
    complete = lambda prefix: ["map of mali", "map of fiji", "mali map", "map of malu"]  # noqa: E731
    found = page["kinds"](complete, log, possible, ["map of mali"], 0.6)
    assert list(found.values()) == [0.25] * 4


def test_a_log_of_one_s_own(tmp_path):
    path = tmp_path / "log.tsv"
    path.write_text("Time  in Mali\t3\nmap of fiji\t1\ntime in mali\t2\n", encoding="utf-8")
    assert data.query_log(path) == {"time in mali": 5, "map of fiji": 1}
    for line in ("no count", "a\tb", "a\t0", "\t3", "a\t-1", "a\t1.5"):
        path.write_text(f"fine\t1\n{line}\n", encoding="utf-8")
        with pytest.raises(ValueError, match="line 2"):
            data.query_log(path)
    path.write_text("", encoding="utf-8")
    with pytest.raises(ValueError, match="no line"):
        data.query_log(path)


def test_a_log_of_clicks(tmp_path):
    path = tmp_path / "clicks.tsv"
    path.write_text("7\tMap of  Mali\tD1\thttps://a\n7\tmap of mali\tD2\thttps://b\n9\tfiji\tD3\thttps://c\n")
    assert data.query_log(path, query=1, count=None) == {"map of mali": 2, "fiji": 1}
    path.write_text("7\n")
    with pytest.raises(ValueError, match=r"line 1.*1 columns.*query in column 1$"):
        data.query_log(path, query=1, count=None)


def test_the_record_has_what_the_page_compares():
    assert len(RECORD["runs"]) >= 3
    for run in RECORD["runs"]:
        assert {len(row) for row in run["test"].values()} == {4}
        assert run["test"]["trie"][2:] == [[0.0, 0.0], [0.0, 0.0]]
        assert {len(row) for row in run["slipped"].values()} == {2}
    assert len({json.dumps(run) for run in RECORD["runs"]}) == len(RECORD["runs"])  # no run stands in for another
