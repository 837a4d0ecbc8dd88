"""What chapter 01 writes by hand and the package also has is the same computation."""

import nbformat
import numpy as np
import pytest

from conftest import ROOT
from rnncourse import data

SYMBOLS = "abcdefg"
V = len(SYMBOLS)


@pytest.fixture(scope="module")
def chapter():
    """The names that the chapter's defining cells define, without the rest of the chapter."""
    notebook = nbformat.read(ROOT / "book/1-numpy/01-sequences.ipynb", as_version=4)
    sources = {cell.id: cell.source for cell in notebook.cells}
    names = {"np": np, "data": data}
    by_counting = ("count-followers", "witten-bell", "kneser-ney-by-hand", "discounts", "kneser-ney-recursion")
    for cell in (*by_counting, "autoregression", "fed-back", "overlap-leak"):
        exec(sources[cell], names)
    return names


def drawn(order, size=300):
    rng = np.random.default_rng(order)
    train, held_out = rng.integers(0, V - 1, size), rng.integers(0, V, 80)
    texts = ("".join(SYMBOLS[i] for i in ids) for ids in (train, held_out))
    return train, held_out, *texts


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_witten_bell(chapter, order):
    train, held_out, train_text, text = drawn(order)
    followers = chapter["count_followers"](train_text, order)
    by_hand = [chapter["witten_bell"](w, text[max(i - order + 1, 0) : i], followers, V) for i, w in enumerate(text)]
    np.testing.assert_allclose(by_hand, data.witten_bell(train, held_out, order, V), rtol=1e-10)


@pytest.mark.parametrize("order", [2, 3, 5])
def test_kneser_ney(chapter, order):
    text = data.docstrings()  # a text that is made up has no n-grams that occur just once
    vocabulary, train, held_out = data.Vocabulary(text), text[:60_000], text[-300:]
    V = len(vocabulary)
    followers = chapter["variety"](train, order)
    D = {n: chapter["discounts"](followers, n) for n in range(1, order + 1)}
    by_hand = [
        chapter["kneser_ney"](w, held_out[max(i - order + 1, 0) : i], followers, D, V) for i, w in enumerate(held_out)
    ]
    package = data.kneser_ney(vocabulary.encode(train), vocabulary.encode(held_out), order, V)
    np.testing.assert_allclose(by_hand, package, rtol=1e-10)


def test_forecasts_fed_back(chapter):
    series = np.cumsum(np.random.default_rng(0).normal(size=60))
    weights, t = np.array([0.6, 0.3, 0.1]), np.arange(20, 60)  # two values and a constant
    one = chapter["fed_back"](series, t, weights, 1)
    np.testing.assert_allclose(one, chapter["window_rows"](series, t, 2) @ weights)
    two = 0.6 * (0.6 * series[t - 2] + 0.3 * series[t - 3] + 0.1) + 0.3 * series[t - 2] + 0.1
    np.testing.assert_allclose(chapter["fed_back"](series, t, weights, 2), two)


def test_windows_at_random_overlap_only_where_the_stride_is_short(chapter):
    piece = np.arange(6400)
    for stride, overlap in ((64, False), (32, True)):
        known, unknown = chapter["window_split"](piece, stride, seed=0)
        assert known.size == np.unique(known).size  # each character once
        assert bool(set(known.tolist()) & set(unknown.tolist())) == overlap
