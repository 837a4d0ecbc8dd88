"""Chapter 23: its calls say what they mean, the ideal reader is Bayes' rule, the record bears out the page."""

import json
from itertools import product

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from conftest import ROOT
from rnncourse import data
from rnncourse.bench.record import definitions

CHAPTER = ROOT / "book" / "4-applications" / "23-call-centre.ipynb"
RECORD = json.loads(CHAPTER.with_suffix(".json").read_text(encoding="utf-8"))["results"]


@pytest.fixture(scope="module")
def page():
    threads = torch.get_num_threads()
    space = definitions(CHAPTER, "setup", "labels", "phrases", "call", "parts", "baselines")
    space["SIZES"].update(train=300, valid=40, test=60)
    yield space | {"device": torch.device("cpu")}
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def parts(page):
    return page["draw_parts"](5, page["HARDER"])


def shown(page, agent, customer):
    """-1, 1 or 0, read from the words of an exchange alone."""
    agent, customer = agent.removeprefix("agent: "), customer.removeprefix("customer: ")
    phrases = page["PHRASES"]
    if customer in page["YES"] + page["NO"]:
        good = agent.removesuffix(" ?") in phrases["good question"]
        return -1 if (customer in page["YES"]) == good else 1
    return -1 if customer in phrases["calm"] else 1 if customer in phrases["angry"] else 0


def test_what_exchanges_show_can_be_read(page, parts):
    for call in parts["test"] + parts["new phrasings"]:
        pairs = zip(call.turns[2:-2:2], call.turns[3:-2:2], strict=True)
        assert [shown(page, *pair) for pair in pairs] == call.shows
        assert 5 <= len(call.shows) <= 10 and call.turns[-1] == "customer: goodbye"


def test_the_intent_can_be_read(page, parts):
    for call in parts["test"] + parts["new phrasings"]:
        agent, customer = call.turns[:2]
        text = customer if not customer.startswith("customer: yes") else agent
        counts = [text] if " not " not in f" {text} " else text.replace("customer: not ", "not ").split(" , ")
        counts = [t for t in counts if not t.startswith("not ")]
        if "last time" in text:
            counts = [t for t in text.replace("customer: ", "").split(" , ") if t.startswith("now")]
        own = page["PHRASES"][page["INTENTS"][call.intent]]
        assert any(phrase in t for phrase in own for t in counts), call.turns[:2]


def test_without_slips_the_moods_are_the_course(page):
    for call in page["draw_parts"](1, page["FIRST"])["test"]:
        start, end = divmod(call.course, 2)
        assert (call.shows[0] > 0, call.shows[-1] > 0) == (start, end)
        assert np.count_nonzero(np.diff(call.shows)) == (start != end)
        assert call.turns[-1].startswith("customer: ") and call.turns[-1] != "customer: goodbye"


def test_new_phrasings_are_new(page, parts):
    old = {turn for call in parts["train"] for turn in call.turns}
    fixed = {f"customer: {text}" for text in page["YES"] + page["NO"] + page["NEUTRAL"] + ["goodbye"]}
    for call in parts["new phrasings"]:
        assert not {t for t in call.turns[3:-2:2]} & old - fixed


def test_the_ideal_reader_is_bayes_rule(page):
    """By adding up all calls there can be, with what they show."""
    style, shows = page["HARDER"], (1, 0, -1, -1, 1)
    chance = {1: style.shown, -1: style.slip, 0: 1 - style.shown - style.slip}
    for k, ended in ((5, True), (3, False), (0, False)):
        expected = np.zeros(4)
        for n, course in product([5] if ended else range(5, 11), range(4)):
            start, end = (m or -1 for m in divmod(course, 2))
            for change in range(2, n - 1):
                moods = [start if t < change else end for t in range(n)][:k]
                seen = np.prod([chance[s * m] for s, m in zip(shows[:k], moods, strict=True)])
                expected[course] += page["SHARES"][course] * seen / (n - 3)
        np.testing.assert_allclose(page["ideal"](shows[:k], style, ended), expected / expected.sum(), rtol=1e-12)


@pytest.mark.parametrize("kind", ["CallReader", "FlatReader"])
def test_batches_change_nothing(page, parts, kind):
    calls, number = parts["train"][:7], page["number_words"](parts["train"])
    torch.manual_seed(0)
    model = page[kind](len(number) + 2)
    z = model(*page["collate"](number, calls)[:3])
    total = 0
    for b, call in enumerate(calls):
        alone = model(*page["collate"](number, [call])[:3])
        for together, one in zip(z, alone, strict=True):
            torch.testing.assert_close(together[: len(one), b], one[:, 0], atol=1e-5, rtol=1e-4)
        for one, label in zip(alone, (call.intent, call.course), strict=True):
            total += F.cross_entropy(one[-1], torch.tensor([label])).item() / len(calls)
    every = [(len(page["exchanges"](call)), call) for call in calls]
    steps = sum(n for n, _ in every)
    for b, (n, call) in enumerate(every):
        for logits, label in zip(z, (call.intent, call.course), strict=True):
            total += F.cross_entropy(logits[:n, b], torch.full((n,), label), reduction="sum").item() / steps
    loss, count, _ = page["both_losses"](model, page["collate"](number, calls), None)
    assert count == 7 and loss.item() == pytest.approx(total, rel=1e-4)


def test_probes(page, parts):
    rng = np.random.default_rng(0)
    for call in parts["test"]:
        turned = page["backwards"](call)
        assert turned.turns[2:4] == call.turns[-4:-2] and turned.shows == call.shows[::-1]
        assert page["backwards"](turned) == call
        mixed = page["shuffled"](call, rng)
        assert sorted(mixed.turns) == sorted(call.turns) and mixed.turns[:2] == call.turns[:2]
        pairs = zip(mixed.turns[2:-2:2], mixed.turns[3:-2:2], strict=True)
        assert [shown(page, *pair) for pair in pairs] == mixed.shows


def test_the_record_bears_out_the_page():
    assert len(RECORD["seeds"]) >= 3
    for run in RECORD["seeds"]:
        assert run["first"]["pairs"] > 0.95 and max(run["mended"].values(), default=1) < 0.8
        course = run["course"]
        two, flat, best = (course[name]["test"] for name in ("two levels", "flat", "ideal reader"))
        counts = {n: v for n, v in course.items() if n not in ("two levels", "flat", "ideal reader", "lexicon rule")}
        assert best > two > max(flat, *(v["test"] for v in counts.values())) and best - two < 0.04
        assert course["two levels"]["new phrasings"] < two - 0.25
        assert run["shuffled"]["two levels"] < two - 0.15 and abs(run["backwards"]["two levels"] - two) < 0.05


def test_dialogues_are_read_from_lines(tmp_path):
    path = tmp_path / "calls.jsonl"
    path.write_text(
        '{"turns": [{"speaker": "agent", "text": " Good\\nday. "}], "labels": {"intent": "bill", "stars": 4}}\n\n'
        '{"turns": [{"speaker": "customer", "text": "é"}, {"speaker": "customer", "text": "b"}]}\n',
        encoding="utf-8",
    )
    first, second = data.dialogues(path)
    assert first == ([("agent", "Good day.")], {"intent": "bill", "stars": "4"})
    assert second.turns == [("customer", "é"), ("customer", "b")] and second.labels == {}
    assert data.dialogues(str(path)) == [first, second]
    for line, said in (
        ("{", "line 2: Expecting"),
        ("[]", "line 2: .*expected"),
        ('{"turns": []}', "line 2: the dialogue has no turns"),
        ('{"turns": [{"speaker": "a"}]}', "line 2: 'text' is missing"),
        ('{"turns": [{"speaker": "a", "text": " "}]}', "line 2: a turn of 'a' has the text ''"),
        ('{"turns": [{"speaker": 1, "text": "x"}]}', "line 2: a turn of 1"),
        ('{"turns": [{"speaker": "a", "text": "x"}], "labels": []}', "line 2:"),
    ):
        path.write_text('{"turns": [{"speaker": "a", "text": "x"}]}\n' + line, encoding="utf-8")
        with pytest.raises(ValueError, match=said):
            data.dialogues(path)
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(ValueError, match="holds no dialogue"):
        data.dialogues(path)
