"""Chapter 2: what the page writes by hand agrees with the package, and what it says about its machines holds."""

import ast
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from conftest import ROOT
from rnncourse import layers
from rnncourse.authoring import notebooks
from rnncourse.check import properties, toys
from rnncourse.layers import plain

CHAPTER = ROOT / "book" / "1-numpy" / "02-recurrent-cell.ipynb"
FIGURES = sorted((ROOT / "book" / "figures").glob("02-*.svg"))


@pytest.fixture(scope="module")
def page():
    """The functions that the chapter defines, without running the rest of it."""
    namespace = {"np": np}
    for cell in notebooks.code_cells(notebooks.read(CHAPTER)):
        for node in ast.parse(cell.source).body:
            if isinstance(node, ast.FunctionDef):
                exec(ast.unparse(node), namespace)
    return namespace


def drawn(rng, T=7, B=3, I=2, H=4):
    return (
        rng.normal(size=(T, B, I)),
        rng.normal(size=(B, H)),
        rng.normal(size=(H, I)),
        rng.normal(size=(H, H)),
        rng.normal(size=H),
    )


@pytest.mark.parametrize("sizes", [{}, {"T": 1}, {"B": 1}, {"I": 1, "H": 1}])
def test_the_loop_is_the_packages_forward_pass(page, sizes):
    arguments = drawn(np.random.default_rng(1), **sizes)
    for room in (layers, plain):
        h, _ = room.rnn_forward(*arguments)
        np.testing.assert_allclose(page["rnn"](*arguments), h, rtol=0, atol=1e-12)


def test_without_tanh_the_loop_is_affine(page):
    x, h0, W_x, W_h, b = drawn(np.random.default_rng(2))
    u, v = x, np.random.default_rng(3).normal(size=x.shape)
    f = [page["linear_rnn"](inputs, h0, W_x, W_h, b) for inputs in (u + v, u, v, 0 * u)]
    np.testing.assert_allclose(f[0] - f[1], f[2] - f[3], rtol=0, atol=1e-10)


def test_log_softmax_is_that_of_torch(page):
    import torch

    z = 500 * np.random.default_rng(4).normal(size=(5, 3, 7))
    expected = torch.log_softmax(torch.tensor(z), dim=-1).numpy()
    np.testing.assert_allclose(page["log_softmax"](z), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("V", [2, 3, 98])
def test_a_softmax_applied_twice_leaves_a_perfect_forecast_with_a_loss(page, V):
    import torch

    certain = torch.eye(V)[:1]
    expected = torch.nn.functional.cross_entropy(certain, torch.tensor([0])).item()
    assert -page["log_softmax"](certain.numpy())[0, 0] == pytest.approx(expected, abs=1e-6)
    assert expected == pytest.approx(np.log(np.e + V - 1) - 1, abs=1e-6)


def test_the_steps_of_the_softmax_fit_are_within_boehnings_bound(page):
    rng = np.random.default_rng(9)
    for _ in range(200):
        p = rng.dirichlet(np.full(rng.integers(2, 9), rng.choice([0.05, 1.0, 20.0])))
        assert np.linalg.eigvalsh(np.diag(p) - np.outer(p, p)).max() <= 0.5 + 1e-12
    features = np.hstack([3 * rng.normal(size=(200, 6)), np.ones((200, 1))])
    _, losses = page["fit_softmax"](features, rng.integers(0, 4, size=200), 4, steps=50)
    assert (np.diff(losses) < 1e-7).all() and losses[-1] < losses[0]


def test_both_ways_reads_from_both_ends(page):
    arguments = drawn(np.random.default_rng(10))
    h = page["both_ways"](*arguments)
    reversed_h = page["rnn"](arguments[0][::-1], *arguments[1:])
    np.testing.assert_array_equal(h[..., :4], page["rnn"](*arguments))
    np.testing.assert_array_equal(h[0, :, 4:], reversed_h[-1])


def test_parity_holds_from_other_seeds_and_other_first_states(page):
    rng = np.random.default_rng(5)
    bits = rng.integers(0, 2, size=(3000, 16, 1)).astype(float)
    for h0, start in ((-np.ones((16, 2)), 0), (np.tile([1.0, -1.0], (16, 1)), 1)):
        h = page["rnn"](bits, h0, *page["parity_weights"](5))
        assert np.array_equal((h[..., 0] - h[..., 1]) / 2 > 0.5, (start + bits[..., 0].cumsum(axis=0)) % 2 == 1)


@pytest.mark.parametrize(("gain", "kept"), [(2.2, False), (2.3, False), (2.4, True), (2.5, True), (5.0, True)])
def test_a_lone_one_survives_silence_from_gain_2_4_on(page, gain, kept):
    bits = np.zeros((5001, 1, 1))
    bits[0] = 1
    h = page["rnn"](bits, -np.ones((1, 2)), *page["parity_weights"](gain))[:, 0]
    p = (h[:, 0] - h[:, 1]) / 2
    assert (p > 0.5).all() == kept and (p[-1] > 0.5) == kept


def test_ridge_is_least_squares_with_the_penalty_as_rows(page):
    rng = np.random.default_rng(6)
    features, target = rng.normal(size=(30, 5)), rng.normal(size=(30, 2))
    rows = np.vstack([features, np.sqrt(0.7) * np.eye(5)])
    expected = np.linalg.lstsq(rows, np.vstack([target, np.zeros((5, 2))]), rcond=None)[0]
    np.testing.assert_allclose(page["ridge"](features, target, 0.7), expected, rtol=0, atol=1e-10)


def test_radius_below_one_is_not_enough_and_singular_value_below_one_is(page):
    W = np.array([[3.5, 1.5], [-6.0, -2.5]])
    assert np.abs(np.linalg.eigvals(W)).max() == pytest.approx(0.5, abs=1e-6)
    starts = np.array([[0.9, -0.9], [0.0, 0.0]])
    silent = np.zeros((500, 2, 1))
    apart = page["rnn"](silent, starts, np.zeros((2, 1)), W, np.zeros(2))
    assert np.linalg.norm(apart[-1, 0] - apart[-1, 1]) > 1
    tamed = W * 0.99 / np.linalg.norm(W, 2)
    together = page["rnn"](np.zeros((3000, 2, 1)), starts, np.zeros((2, 1)), tamed, np.zeros(2))
    assert np.linalg.norm(together[-1, 0] - together[-1, 1]) < 1e-8


@pytest.mark.parametrize("step", [toys.fading_sum, toys.squashed_shift, toys.largest_so_far])
def test_toy_steps_keep_shapes_and_arguments(step):
    rng = np.random.default_rng(7)
    x, h = rng.normal(size=(3, 2)), rng.normal(size=(3, 4))
    before = x.copy(), h.copy()
    assert step(x, h).shape == (3, 4)
    assert np.array_equal(x, before[0]) and np.array_equal(h, before[1])
    assert not np.allclose(step(x, h), step(x, 0 * h)), "the state matters"
    assert not np.allclose(step(x, h), step(x + 10, h)), "the input matters"


def parity_network():
    """The chapter's parity machine in the form that the adapter expects: p = (u - v) / 2 - 1/2 > 0."""
    half = np.array([[0.5, -0.5], [0.5, -0.5]])
    return 5 * np.ones((2, 1)), 5 * half, 5 * np.array([-0.5, -1.5]), -np.ones(2), np.array([0.5, -0.5]), -0.5


def test_bit_reader_runs_the_network():
    bits = np.random.default_rng(8).integers(0, 2, size=(50, 4))
    assert np.array_equal(properties.bit_reader(parity_network, bits), bits.cumsum(axis=0) % 2)


@pytest.mark.parametrize(
    ("position", "value", "says"),
    [
        (0, np.ones(2), r"W_x has shape \(2,\)"),
        (0, np.ones((65, 1)), "H from 1 to 64"),
        (1, np.ones((2, 3)), r"W_h has shape \(2, 3\); expected \(2, 2\)"),
        (3, np.ones((1, 2)), "h0 has shape"),
        (5, np.array([1.0]), r"c has shape \(1,\); it is one number"),
        (2, np.array([np.nan, 0.0]), "b holds NaN"),
        (4, "yes", "must be arrays of numbers"),
    ],
)
def test_bit_reader_says_what_is_wrong(position, value, says):
    returned = list(parity_network())
    returned[position] = value
    with pytest.raises(properties.Wrong, match=says):
        properties.bit_reader(lambda: returned, np.zeros((2, 1), dtype=int))


def test_bit_reader_wants_six_values():
    with pytest.raises(properties.Wrong, match="expected six values"):
        properties.bit_reader(lambda: (np.ones((2, 1)), np.ones((2, 2))), np.zeros((2, 1), dtype=int))


def test_there_are_figures():
    text = CHAPTER.read_text(encoding="utf-8")
    assert len(FIGURES) == 3
    assert all(f"../figures/{path.name}" in text for path in FIGURES)


@pytest.mark.parametrize("path", FIGURES, ids=lambda p: p.stem)
def test_figures_describe_themselves_and_stand_on_a_white_card(path):
    svg = "{http://www.w3.org/2000/svg}"
    root = ET.parse(path).getroot()
    assert root.find(f"{svg}title").text and len(root.find(f"{svg}desc").text) > 40
    card = root.find(f"{svg}rect")
    assert card.get("fill") == "#ffffff" and float(card.get("rx")) > 0
