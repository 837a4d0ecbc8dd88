"""Chapter 16: its samplers and searches do what the page says; the record's weights have the record's loss."""

import itertools

import numpy as np
import pytest
import torch

from conftest import ROOT
from rnncourse import data
from rnncourse.bench.record import definitions

CHAPTER = ROOT / "book" / "3-transduction" / "16-decoding.ipynb"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    gradients, threads = torch.is_grad_enabled(), torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(CHAPTER.parent)
        yield definitions(CHAPTER, "setup", "unpack", "model")
    torch.set_grad_enabled(gradients)
    torch.set_num_threads(threads)


def distributions(seed, B=5, V=9):
    return np.random.default_rng(seed).dirichlet(np.ones(V), size=B)


@pytest.mark.parametrize("seed", range(5))
def test_as_few_are_kept_as_reach_the_mass_and_the_crossing_one_is(page, seed):
    p = distributions(seed)
    mass = np.random.default_rng(seed).uniform(0.2, 0.95)
    for kept in (page["top_p"](p, mass), page["typical"](p, mass)):
        held = (p * (kept > 0)).sum(axis=-1)
        assert (held >= mass).all()
        np.testing.assert_allclose(kept, np.where(kept > 0, p, 0) / held[:, None])
    order = np.random.default_rng(seed).permuted(np.tile(np.arange(9), (5, 1)), axis=-1)
    for row, kept, places in zip(p, page["first"](p, order, mass), order, strict=True):
        count = next(n for n in range(1, 10) if row[places[:n]].sum() >= mass)
        assert set(np.flatnonzero(kept)) == set(places[:count])


def test_one_token_that_holds_more_than_the_mass_is_kept_alone(page):
    p = np.array([[0.02, 0.95, 0.03]])
    np.testing.assert_array_equal(page["top_p"](p, 0.9), [[0, 1, 0]])


def test_typical_may_drop_the_likeliest(page):
    p = np.array([[0.6, 0.15, 0.05, 0.2]])
    np.testing.assert_allclose(page["typical"](p, 0.1), [[0, 0, 0, 1]])


@pytest.mark.parametrize("seed", range(3))
def test_draw_inverts_the_cumulative_distribution(page, seed):
    p = distributions(seed)
    p[:, 3] = 0  # does not sum to 1 either, as it need not
    running = np.cumsum(p, axis=-1)
    for u in np.linspace(0, 1, 41, endpoint=False):
        drawn = page["draw"](p, np.full(5, u))
        expected = [np.searchsorted(row, u * row[-1], side="right") for row in running]
        assert drawn.tolist() == expected and 3 not in drawn


@pytest.mark.parametrize("seed", range(8))
def test_a_beam_that_keeps_everything_is_exhaustive_and_one_of_one_is_greedy(page, seed):
    toy = page["Toy"](seed)
    strings = page["exhaustive"](toy, 4)
    for early in (True, False):
        found = page["beam_search"](toy, "", 4**6, toy.end, limit=5, early=early)
        likeliest = max(strings, key=strings.get)
        assert found[0][1] == likeliest and found[0][0] == pytest.approx(strings[likeliest])
    assert {tokens for _, tokens in found} == set(strings)  # without an early stop

    tokens, total, last = [], 0.0, toy.end
    for _ in range(5):
        best = int(toy.log_p[last].argmax())
        total, last = total + toy.log_p[last, best], best
        if best == toy.end:
            break
        tokens.append(best)
    greedy = page["beam_search"](toy, "", 1, toy.end, limit=5)
    assert greedy == ([(pytest.approx(total), tuple(tokens))] if last == toy.end else [])


def test_copied_and_period_by_hand(page):
    space = page | {"learnt": "the cat sat on the mat"}
    copied = type(page["copied"])(page["copied"].__code__, space)
    assert [copied(text) for text in ("a cat sits", "xyz", "on the mat", "")] == [len(" cat s"), 0, 10, 0]
    period = page["period"]
    assert period("abc" * 60) == 3 and period("x" + " " * 130) == 1
    assert period("ab" * 60 + "c") == 0 and period("".join(map(chr, range(200, 400)))) == 0


@pytest.mark.parametrize("seed", [56, 1, 2])
def test_a_mask_is_a_distribution_but_not_the_exact_one(page, seed):
    toy = page["Toy"](seed)
    free = {s: np.exp(log_p) for s, log_p in page["exhaustive"](toy, 10).items()}
    kept = {s: p for s, p in free.items() if page["allowed"](s)}
    assert all((s in kept) == all(a != b for a, b in itertools.pairwise(s)) for s in free)
    by_mask = {s: page["masked"](toy, s) for s in kept}
    exact = {s: p / sum(kept.values()) for s, p in kept.items()}
    assert 0.95 < sum(by_mask.values()) < 1 + 1e-9
    assert sum(abs(exact[s] - by_mask[s]) for s in kept) > 0.05


def test_the_weights_of_the_record_have_its_loss(page):
    """On the whole validation part, in 32 streams."""
    ids = torch.tensor(page["vocabulary"].encode(page["valid"]))
    ids = ids[: len(ids) // 32 * 32].view(32, -1).T  # (T, B)
    with torch.no_grad():
        logits, _ = page["net"](ids[:-1])
    nats = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[1:].flatten())
    assert abs(nats.item() - page["record"]["valid"]) < 0.02


def test_the_counts_of_the_page_are_those_of_the_package(page):
    learnt, held_out = (page["vocabulary"].encode(text) for text in (page["learnt"], page["valid"][:400]))
    counts = page["Counts"](learnt, 6)
    p = np.array([counts.p(held_out[i - 5 : i]) for i in range(5, held_out.size)])  # (N, V)
    np.testing.assert_allclose(p.sum(axis=-1), 1)
    package = data.kneser_ney(learnt, held_out, 6, page["V"])[5:]
    np.testing.assert_allclose(p[np.arange(len(p)), held_out[5:]], package)

    prompts = [page["valid"][s : s + 20] for s in (0, 100, 200)]
    log_p, state = counts.begin(*prompts)
    stepped, _ = counts.step(page["vocabulary"].encode("abc"), state)
    np.testing.assert_allclose(np.exp(log_p).sum(axis=-1), 1)
    again, _ = counts.begin(*(prompt + letter for prompt, letter in zip(prompts, "abc", strict=True)))
    np.testing.assert_allclose(stepped, again)


def test_texts_read_together_are_texts_read_alone(page):
    reader, prompts = page["Reader"](), [page["valid"][s : s + 30] for s in (0, 50, 99)]
    together, _ = reader.begin(*prompts)
    for row, prompt in zip(together, prompts, strict=True):
        np.testing.assert_allclose(row, reader.begin(prompt)[0][0], rtol=1e-9)


def test_write_returns_the_losses_of_what_it_drew(page):
    prompts = [page["valid"][s : s + 30] for s in (0, 50, 99)]
    texts, losses = page["write"](page["Reader"](), np.exp, prompts, 12)
    assert losses.shape == (12, 3) and all(len(page["vocabulary"].encode(text)) == 12 for text in texts)
    np.testing.assert_allclose(losses.mean(axis=0), page["nats_of"](prompts, texts))


def test_a_rhyme_is_of_two_words(page):
    rhymes = page["rhymes"]
    assert rhymes("it goes on growing", "a long string") and not rhymes("the string", "a long string")
    assert not rhymes("growing.", "a string") and not rhymes("", "ring") and not rhymes("`axis`", "basis")


def test_the_end_of_a_word_has_the_probability_of_all_that_is_no_letter(page):
    letters = np.array([s.isalpha() and len(s) == 1 for s in page["vocabulary"].symbols])
    space = page | {"letters": letters, "newline": 0}
    log_p, _ = page["Reader"]().begin("    axis : in")
    ending = type(page["Words"].ending)(page["Words"].ending.__code__, space)
    found = np.exp(ending(None, log_p))
    np.testing.assert_allclose(found.sum(), 1)
    np.testing.assert_allclose(found[:, letters], np.exp(log_p[:, letters]))


def test_the_record_has_every_sampler_with_at_least_three_seeds(page):
    record = page["record"]
    assert record["seeds"] >= 3 and len(record["sweep"]) == 10
    for rows in record["sweep"].values():
        assert set(rows) == {"known", "kinds", "copied", "loops", "flow", "closed", "nats"}
        assert all(len(values) == record["seeds"] for values in rows.values())
    assert len({*record["sweep"]["as the model says"]["nats"]}) > 1  # the seeds differ
