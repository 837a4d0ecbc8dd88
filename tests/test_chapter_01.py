"""What chapter 01 writes by hand and the package also has is the same computation."""

import nbformat
import numpy as np
import pytest

from conftest import ROOT
from rnncourse import data

V = 7


@pytest.fixture(scope="module")
def chapter():
    """The names that the chapter's defining cells define, without the rest of the chapter."""
    notebook = nbformat.read(ROOT / "book/1-numpy/01-sequences.ipynb", as_version=4)
    sources = {cell.id: cell.source for cell in notebook.cells}
    names = {"np": np, "data": data, "V": V}
    for cell in ("ngram-keys", "context-counts", "witten-bell"):
        exec(sources[cell], names)
    exec(sources["streams"].split("\n\n\n")[0], names)
    return names


@pytest.mark.parametrize(("N", "T", "B"), [(101, 5, 4), (100, 5, 4), (21, 5, 4), (57, 1, 1)])
def test_streams(chapter, N, T, B):
    ids = np.random.default_rng(N).integers(0, V, N)
    by_hand, package = chapter["streams"](ids, T, B), list(data.streams(ids, T, B))
    assert len(by_hand) == len(package) > 0
    for hand, ours in zip(by_hand, package, strict=True):
        assert all(np.array_equal(*pair) for pair in zip(hand, ours, strict=True))


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_witten_bell(chapter, order):
    rng = np.random.default_rng(order)
    train, held_out = rng.integers(0, V - 1, 300), rng.integers(0, V, 80)
    by_hand = chapter["witten_bell"](train, held_out, order)
    for n in range(1, order + 1):
        np.testing.assert_allclose(by_hand[n - 1], data.witten_bell(train, held_out, n, V), rtol=1e-10)
