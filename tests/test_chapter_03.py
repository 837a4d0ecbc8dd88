"""Chapter 3: what the page writes by hand agrees with the package and with PyTorch, and what it claims holds."""

import ast
import inspect
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch

from conftest import ROOT
from rnncourse import gradcheck, layers
from rnncourse.authoring import notebooks
from rnncourse.check import toys
from rnncourse.layers import plain

CHAPTER = ROOT / "book" / "1-numpy" / "03-backpropagation-through-time.ipynb"
FIGURES = sorted((ROOT / "book" / "figures").glob("03-*.svg"))
SIZES = [{}, {"T": 1}, {"B": 1}, {"I": 1, "H": 1}]


@pytest.fixture(scope="module")
def page():
    """The functions and the planted errors of the chapter, without running the rest of it."""
    namespace = {"np": np, "inspect": inspect}
    for cell in notebooks.code_cells(notebooks.read(CHAPTER)):
        for node in ast.parse(cell.source).body:
            planted = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "EDITS"
            if isinstance(node, ast.FunctionDef) or planted:
                exec(ast.unparse(node), namespace)
            if isinstance(node, ast.FunctionDef) and node.name == "backward":
                namespace["source"] = ast.get_source_segment(cell.source, node)
    return namespace


def drawn(seed=1, T=7, B=3, I=2, H=4):
    rng = np.random.default_rng(seed)
    shapes = ((T, B, I), (B, H), (H, I), (H, H), (H,), (T, B, H))
    *arrays, g = (rng.normal(size=shape) for shape in shapes)
    return dict(zip(("x", "h0", "W_x", "W_h", "b"), arrays, strict=True)), g


def backward_of(page, arrays, g, backward=None):
    return page["gradients"](arrays, g, backward or page["backward"])


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_backward_is_the_packages(page, sizes):
    arrays, g = drawn(**sizes)
    for room in (layers, plain):
        _, cache = room.rnn_forward(**arrays)
        ours = backward_of(page, arrays, g)
        assert list(ours) == list(arrays)
        for gradient, expected in zip(ours.values(), room.rnn_backward(g, cache), strict=True):
            np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_backward_is_that_of_torchs_own_layer(page, sizes):
    arrays, g = drawn(seed=2, **sizes)
    x, h0, W_x, W_h, b = (torch.tensor(a) for a in arrays.values())
    rnn = torch.nn.RNN(x.shape[2], len(b), dtype=torch.float64)
    zero = torch.zeros_like(b)
    rnn.load_state_dict({"weight_ih_l0": W_x, "weight_hh_l0": W_h, "bias_ih_l0": b, "bias_hh_l0": zero})
    x.requires_grad_()
    h0.requires_grad_()
    (rnn(x, h0[None])[0] * torch.tensor(g)).sum().backward()
    theirs = [x.grad, h0.grad, rnn.weight_ih_l0.grad, rnn.weight_hh_l0.grad, rnn.bias_ih_l0.grad]
    for ours, expected in zip(backward_of(page, arrays, g).values(), theirs, strict=True):
        np.testing.assert_allclose(ours, expected.numpy(), rtol=0, atol=1e-10)


def test_a_shared_weight_gets_the_sum_over_its_copies(page):
    assert sum(page["nudged"](m) for m in ((1, 0, 0), (0, 1, 0), (0, 0, 1))) == pytest.approx(
        page["nudged"]((1, 1, 1)), abs=1e-8
    )


def test_every_planted_error_is_one_edit_and_is_found(page):
    arrays, g = page["problem"]()

    def loss(**arrays):
        return (g * page["rnn"](**arrays)).sum()

    right = backward_of(page, arrays, g)
    assert all(row.approximate for row in gradcheck.check_gradients(loss, arrays, right))
    assert len(page["EDITS"]) == 8
    for name, (old, new) in page["EDITS"].items():
        assert page["source"].count(old) == 1, name
        namespace = {"np": np, "rows": page["rows"]}
        exec(page["source"].replace(old, new), namespace)
        wrong = backward_of(page, arrays, g, namespace["backward"])
        assert not all(row.approximate for row in gradcheck.check_gradients(loss, arrays, wrong)), name


def test_a_pass_that_stops_early_holds_the_sum_of_the_last_steps(page):
    arrays, g = drawn(seed=8)
    walked = page["walk_back"](arrays, g)
    whole = backward_of(page, arrays, g)
    for name, expected in whole.items():
        np.testing.assert_array_equal(walked[0][name], expected)
    x, h0, W_x, W_h, _ = arrays.values()
    h = page["rnn"](**arrays)
    da = np.zeros_like(h)
    for t in reversed(range(len(h))):
        sent = walked[t + 1]["h0"] if t + 1 < len(h) else 0.0
        da[t] = (1 - h[t] ** 2) * (g[t] + sent)
        before = h[t - 1] if t else h0
        later = walked[t + 1]["W_h"] if t + 1 < len(h) else 0.0
        np.testing.assert_allclose(walked[t]["W_h"] - later, da[t].T @ before, rtol=0, atol=1e-12)


def test_without_a_bias_no_linear_readout_beats_the_loss_of_guessing(page):
    rng = np.random.default_rng(9)
    W_x, W_h, b, _, _ = page["initial_weights"](rng).values()
    x, _, _ = page["bits_and_answers"](rng, 9, 4, 2)
    h0 = np.zeros((4, len(b)))
    assert np.abs(b).min() > 0
    np.testing.assert_array_equal(page["rnn"](-x, h0, W_x, W_h, 0 * b), -page["rnn"](x, h0, W_x, W_h, 0 * b))
    assert np.abs(page["rnn"](-x, h0, W_x, W_h, b) + page["rnn"](x, h0, W_x, W_h, b)).max() > 0.1
    # flipped bits: the same answers, states of the other sign; so no readout has less than the loss of a coin
    x, y, share = page["bits_and_answers"](rng, 9, 4000, 1)
    x, y, share = np.concatenate([x, -x], axis=1), np.concatenate([y, y], axis=1), share / 2
    b_y = np.log(y[2:].mean() / (1 - y[2:].mean()))
    guess = page["xor_loss"](x, y, share, W_x, W_h, 0 * b, np.zeros((1, 16)), np.array([b_y]))
    for _ in range(20):
        W_y, moved = rng.normal(size=(1, 16)), np.array([rng.normal()])
        assert page["xor_loss"](x, y, share, W_x, W_h, 0 * b, W_y, moved) > guess


@pytest.mark.parametrize("d", [1, 4])
def test_a_linear_rule_is_right_for_three_of_four_pairs_of_bits(page, d):
    x, y, _ = page["bits_and_answers"](np.random.default_rng(10), 16, 4000, d)
    rule = x[1 : 16 - d] + x[: 15 - d] + 1 > 0
    assert np.mean(rule == (y[d + 1 :] == 1)) == pytest.approx(0.75, abs=0.01)


def test_a_carried_state_with_a_cut_gradient_changes_no_state(page):
    arrays, g = drawn(T=12)
    h, whole = page["in_pieces"](arrays, g, 12, carry=True)
    cut_h, cut = page["in_pieces"](arrays, g, 4, carry=True)
    reset_h, _ = page["in_pieces"](arrays, g, 4, carry=False)
    np.testing.assert_allclose(cut_h, h, rtol=0, atol=1e-12)
    assert np.abs(cut - whole).max() > 1e-3 and np.abs(reset_h - h).max() > 1e-3
    np.testing.assert_allclose(whole, backward_of(page, arrays, g)["W_h"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("k", [1, 2, 4, 7, 20])
def test_checkpoints_give_the_same_gradients(page, k):
    arrays, _ = drawn(seed=3)
    expected = page["keep_all"](**arrays)
    for name, gradient in page["checkpointed"](**arrays, k=k).items():
        np.testing.assert_allclose(gradient, expected[name], rtol=0, atol=1e-12)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_forward_mode_gives_the_same_gradients(page, sizes):
    arrays, _ = drawn(seed=4, **sizes)
    expected = page["keep_all"](**arrays)
    for name, gradient in page["rtrl"](**arrays).items():
        np.testing.assert_allclose(gradient, expected[name], rtol=0, atol=1e-12)


def test_the_gradient_of_the_exclusive_or_is_torchs(page):
    rng = np.random.default_rng(5)
    weights = page["initial_weights"](rng, H=6)
    x, y, known = page["bits_and_answers"](rng, 9, 4, 3)
    tensors = {name: torch.tensor(w, requires_grad=True) for name, w in weights.items()}
    W_x, W_h, b, W_y, b_y = tensors.values()
    state, loss = torch.zeros(4, 6, dtype=torch.float64), 0.0
    for t in range(9):
        state = torch.tanh(torch.tensor(x[t]) @ W_x.T + state @ W_h.T + b)
        z = state @ W_y.T + b_y
        each = torch.nn.functional.binary_cross_entropy_with_logits(z, torch.tensor(y[t]), reduction="none")
        loss = loss + (each * torch.tensor(known[t])).sum()
    loss.backward()
    assert page["xor_loss"](x, y, known, **weights) == pytest.approx(loss.item(), abs=1e-12)
    ours = page["xor_gradients"](x, y, known, weights, page["backward"])
    for name, tensor in tensors.items():
        np.testing.assert_allclose(ours[name], tensor.grad.numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("d", [1, 2, 6])
def test_the_answers_are_the_exclusive_or_of_the_bits_d_steps_ago(page, d):
    x, y, known = page["bits_and_answers"](np.random.default_rng(6), 16, 5, d)
    for t in range(16):
        if t <= d:
            assert known[t] == 0
        else:
            assert np.array_equal(y[t] == 1, x[t - d] != x[t - d - 1])
    assert known.sum() * 5 == pytest.approx(1)


@pytest.mark.parametrize("name", ["fading_sum", "squashed_shift"])
def test_backward_passes_of_toy_steps(name):
    step, backward = getattr(toys, name), getattr(toys, f"{name}_backward")
    rng = np.random.default_rng(7)
    arrays = {"x": rng.normal(size=(3, 2)), "h": rng.normal(size=(3, 4))}
    g = rng.normal(size=(3, 4))
    found = dict(zip(arrays, backward(g, **arrays), strict=True))
    rows = gradcheck.check_gradients(lambda x, h: (g * step(x, h)).sum(), arrays, found)
    assert all(row.approximate for row in rows)


@pytest.mark.parametrize("name", ["wavy", "steep", "high"])
def test_gradients_of_toy_losses(name):
    loss, gradient = getattr(toys, f"{name}_loss"), getattr(toys, f"{name}_gradient")
    a = np.random.default_rng(8).normal(size=(3, 4))
    numeric = gradcheck.numerical_gradient(lambda a: np.float64(loss(a)), a, step=1e-6)
    np.testing.assert_allclose(gradient(a), numeric, rtol=1e-5, atol=1e-4)


def test_there_are_figures():
    text = CHAPTER.read_text(encoding="utf-8")
    assert len(FIGURES) == 2
    assert all(f"../figures/{path.name}" in text for path in FIGURES)


@pytest.mark.parametrize("path", FIGURES, ids=lambda p: p.stem)
def test_figures_describe_themselves_and_stand_on_a_white_card(path):
    svg = "{http://www.w3.org/2000/svg}"
    root = ET.parse(path).getroot()
    assert root.find(f"{svg}title").text and len(root.find(f"{svg}desc").text) > 40
    card = root.find(f"{svg}rect")
    assert card.get("fill") == "#ffffff" and float(card.get("rx")) > 0
