"""The NumPy layers against PyTorch's and finite differences, and what they say when they are called wrongly."""

import inspect
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch

from rnncourse import layers
from rnncourse.gradcheck import check_gradients
from rnncourse.layers import common, plain


class Cell(NamedTuple):
    """A cell as the tests call it. dlast is empty, or [dc_last]: a list, so that every cell is called in one way."""

    gates: int
    names: tuple[str, ...]  # of the arguments, and of their gradients
    outputs: tuple[str, ...]  # what the forward function returns before the cache
    forward: Callable
    backward: Callable
    module: type[torch.nn.Module]

    def states(self):
        return [name for name in self.names if name in ("h0", "c0")]

    def run(self, arguments, dh, *dlast):
        """Everything that forward and backward return, but the cache."""
        *outputs, cache = self.forward(*arguments)
        return [*outputs, *self.backward(dh, *dlast, cache)]


CELLS = {
    "rnn": Cell(1, ("x", "h0", "W_x", "W_h", "b"), ("h",), layers.rnn_forward, layers.rnn_backward, torch.nn.RNN),
    "gru": Cell(
        3, ("x", "h0", "W_x", "W_h", "b_x", "b_h"), ("h",), layers.gru_forward, layers.gru_backward, torch.nn.GRU
    ),
    "lstm": Cell(
        4,
        ("x", "h0", "c0", "W_x", "W_h", "b"),
        ("h", "c"),
        layers.lstm_forward,
        layers.lstm_backward,
        torch.nn.LSTM,
    ),
}
PLAIN = {
    name: cell._replace(forward=getattr(plain, f"{name}_forward"), backward=getattr(plain, f"{name}_backward"))
    for name, cell in CELLS.items()
}
SIZES = [(5, 3, 2, 4), (1, 3, 2, 4), (5, 1, 2, 4), (1, 1, 1, 1), (7, 2, 1, 5), (6, 4, 3, 1), (60, 17, 33, 29)]
LARGE = (13, 64, 3, 128)  # two blocks of steps, the second one shorter, and weights in pieces
SIZES.append(LARGE)


@pytest.fixture(params=CELLS.values(), ids=CELLS)
def cell(request):
    return request.param


@pytest.fixture(params=[*CELLS.values(), *PLAIN.values()], ids=[*CELLS, *(f"plain {name}" for name in PLAIN)])
def any_cell(request):
    """A cell, by its kernel and as its equations read."""
    return request.param


def draw(cell, T, B, features, H, dtype=np.float64, seed=0):
    """Arguments of a cell's forward function in order, and the gradients that enter: dh, and dc_last for an LSTM."""
    rng = np.random.default_rng(seed)
    rows = cell.gates * H
    shapes = {"x": (T, B, features), "h0": (B, H), "c0": (B, H), "W_x": (rows, features), "W_h": (rows, H)}
    arguments = [rng.normal(size=shapes.get(name, (rows,))).astype(dtype) for name in cell.names]
    arguments[cell.names.index("W_h")] /= np.sqrt(H)
    gradients = [rng.normal(size=shape).astype(dtype) for shape in [(T, B, H), (B, H)][: len(cell.outputs)]]
    return arguments, gradients


def scattered(array):
    """The same numbers in a view that is contiguous in no order."""
    doubled = np.zeros([2 * n + 1 for n in array.shape], array.dtype)
    view = doubled[tuple(slice(2 * n - 1, None, -2) for n in array.shape)]
    view[...] = array
    return view


def torch_run(cell, arguments, gradients):
    """The outputs and all gradients from torch; the second output is torch's last c alone."""
    named = {
        name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in zip(cell.names, arguments, strict=True)
    }
    x, states = named["x"].requires_grad_(), [named[name].requires_grad_() for name in cell.states()]
    module = cell.module(x.shape[2], states[0].shape[1], dtype=x.dtype)
    biases = [named["b_x"], named["b_h"]] if "b_x" in named else [named["b"], torch.zeros_like(named["b"])]
    keys = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
    module.load_state_dict(dict(zip(keys, [named["W_x"], named["W_h"], *biases], strict=True)))
    first = [state[None] for state in states]
    h, last = module(x, first[0] if len(first) == 1 else tuple(first))
    results = [h] if len(first) == 1 else [h, last[1][0]]
    torch.autograd.backward(results, [torch.from_numpy(np.ascontiguousarray(gradient)) for gradient in gradients])
    weights = [getattr(module, key) for key in keys[: 4 if "b_x" in named else 3]]
    return [tensor.detach().numpy() for tensor in results + [t.grad for t in (x, *states, *weights)]]


def assert_like_torch(cell, arguments, gradients, tolerance):
    ours = cell.run(arguments, *gradients)
    theirs = torch_run(cell, arguments, gradients)
    if "c" in cell.outputs:
        assert ours[1].shape == ours[0].shape and ours[1].dtype == ours[0].dtype
        ours[1] = ours[1][-1]
    for name, mine, other in zip((*cell.outputs, *cell.names), ours, theirs, strict=True):
        assert mine.shape == other.shape, name
        assert mine.dtype == other.dtype, name
        assert np.abs(mine - other).max() <= tolerance * max(1, np.abs(other).max()), name


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_equals_torch_in_float64(any_cell, sizes):
    assert_like_torch(any_cell, *draw(any_cell, *sizes), tolerance=1e-10)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_equals_torch_in_float32(any_cell, sizes):
    """Also: float32 stays float32."""
    assert_like_torch(any_cell, *draw(any_cell, *sizes, dtype=np.float32), tolerance=1e-4)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_kernels_compute_what_the_equations_say(name, sizes):
    """The reason for ``plain``: whoever doubts a trick finds here that it changes no number."""
    arguments, gradients = draw(CELLS[name], *sizes)
    pairs = zip(CELLS[name].run(arguments, *gradients), PLAIN[name].run(arguments, *gradients), strict=True)
    for fast, slow in pairs:
        assert np.abs(fast - slow).max() <= 1e-12 * max(1, np.abs(slow).max())


def test_plain_has_the_names_and_arguments_of_the_kernels():
    for name in layers.__all__:
        ours, theirs = (list(inspect.signature(getattr(room, name)).parameters) for room in (plain, layers))
        assert ours == theirs, name


def test_every_c_equals_that_of_the_shorter_sequence():
    """torch tells the last c only."""
    cell = CELLS["lstm"]
    (x, *rest), _ = draw(cell, 5, 3, 2, 4)
    _, c, _ = layers.lstm_forward(x, *rest)
    for t in range(5):
        arguments, gradients = [x[: t + 1], *rest], [np.zeros((t + 1, 3, 4)), np.zeros((3, 4))]
        np.testing.assert_allclose(c[t], torch_run(cell, arguments, gradients)[1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("sizes", [(4, 2, 3, 3), (1, 1, 1, 1)], ids=str)
def test_equals_finite_differences(any_cell, sizes):
    arguments, gradients = draw(any_cell, *sizes)
    arrays = dict(zip(any_cell.names, arguments, strict=True))

    def loss(**arrays):
        h, *rest = any_cell.forward(**arrays)
        return np.sum(h * gradients[0]) + (np.sum(rest[0][-1] * gradients[1]) if "c" in any_cell.outputs else 0.0)

    results = any_cell.run(arguments, *gradients)[len(any_cell.outputs) :]
    rows = check_gradients(loss, arrays, dict(zip(any_cell.names, results, strict=True)))
    assert [row.name for row in rows if not row.approximate] == []


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
def test_saturation_is_exact_and_silent(any_cell, dtype):
    """Gates that are 0 or 1 to the last digit: no overflow, no NaN, torch's numbers."""
    arguments, gradients = draw(any_cell, 5, 3, 2, 4, dtype)
    arguments = [
        array * (dtype(1e4) if name.startswith(("W", "b")) else 1)
        for name, array in zip(any_cell.names, arguments, strict=True)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = any_cell.run(arguments, *gradients)
    assert all(np.isfinite(array).all() for array in results)
    assert_like_torch(any_cell, arguments, gradients, tolerance=1e-5 if dtype == np.float32 else 1e-10)


@pytest.mark.parametrize("rearrange", [scattered, np.asfortranarray], ids=["scattered", "column-major"])
@pytest.mark.parametrize("sizes", [(5, 3, 2, 4), LARGE], ids=str)
def test_takes_arrays_of_any_memory_layout(any_cell, rearrange, sizes):
    arguments, gradients = draw(any_cell, *sizes)
    arguments, gradients = [rearrange(array) for array in arguments], [rearrange(array) for array in gradients]
    assert not arguments[0].flags.c_contiguous
    assert_like_torch(any_cell, arguments, gradients, tolerance=1e-10)


def test_backward_takes_broadcast_gradients(any_cell):
    arguments, gradients = draw(any_cell, 5, 3, 2, 4)
    gradients = [np.broadcast_to(np.float64(0.5), array.shape) for array in gradients]
    assert_like_torch(any_cell, arguments, gradients, tolerance=1e-10)


def test_inputs_are_never_changed(any_cell):
    arguments, gradients = draw(any_cell, 5, 3, 2, 4)
    before = [array.copy() for array in (*arguments, *gradients)]
    any_cell.run(arguments, *gradients)
    for name, array, copy in zip((*any_cell.names, "dh", "dc_last"), (*arguments, *gradients), before, strict=False):
        np.testing.assert_array_equal(array, copy, err_msg=name)


def test_the_cache_serves_any_number_of_backward_calls(any_cell):
    arguments, gradients = draw(any_cell, 5, 3, 2, 4)
    *_, cache = any_cell.forward(*arguments)
    first = any_cell.backward(*gradients, cache)
    kept = [gradient.copy() for gradient in first]
    any_cell.backward(*(-gradient for gradient in gradients), cache)
    for gradient, copy, again in zip(first, kept, any_cell.backward(*gradients, cache), strict=True):
        np.testing.assert_array_equal(gradient, copy)
        np.testing.assert_array_equal(again, copy)


def test_the_cache_outlives_changes_to_the_inputs(cell):
    arguments, gradients = draw(cell, 5, 3, 2, 4)
    expected = cell.backward(*gradients, cell.forward(*arguments)[-1])
    *_, cache = cell.forward(*arguments)
    for array in arguments:
        array += 1.0
    for gradient, right in zip(cell.backward(*gradients, cache), expected, strict=True):
        np.testing.assert_array_equal(gradient, right)


def test_returned_arrays_are_contiguous_and_share_no_memory(cell):
    arguments, gradients = draw(cell, 5, 3, 2, 4)
    results = cell.run(arguments, *gradients)
    everything = [*results, *arguments, *gradients]
    for k, array in enumerate(results):
        assert array.flags.c_contiguous
        assert not any(np.shares_memory(array, other) for other in everything[k + 1 :])


def test_dh_enters_at_one_output_only(any_cell):
    """A gradient at step 2 reaches the inputs up to step 2, none after, and equals that of the shorter sequence."""
    (x, *rest), (dh, *dlast) = draw(any_cell, 5, 3, 2, 4)
    dh[[0, 1, 3, 4]] = 0.0
    dlast = [0 * array for array in dlast]
    dx, dh0, *_ = any_cell.backward(dh, *dlast, any_cell.forward(x, *rest)[-1])
    short_dx, short_dh0, *_ = any_cell.backward(dh[:3], *dlast, any_cell.forward(x[:3], *rest)[-1])
    assert np.all(dx[3:] == 0)
    np.testing.assert_allclose(dx[:3], short_dx, rtol=0, atol=1e-14)
    np.testing.assert_allclose(dh0, short_dh0, rtol=0, atol=1e-14)


def test_two_chunks_equal_one_sequence(any_cell):
    """The states carried forward and their gradients carried back, dh's added to dh[-1], join two halves seamlessly."""
    (x, *rest), (dh, *dlast) = draw(any_cell, 6, 3, 2, 4)
    first, weights = rest[: len(any_cell.outputs)], rest[len(any_cell.outputs) :]
    *whole, cache = any_cell.forward(x, *first, *weights)
    whole_gradients = any_cell.backward(dh, *dlast, cache)

    *a, cache_a = any_cell.forward(x[:2], *first, *weights)
    *b, cache_b = any_cell.forward(x[2:], *(output[-1] for output in a), *weights)
    n = 1 + len(first)  # dx and the gradients of the states; then come those of the weights
    dx_b, dh_carried, *rest_b = any_cell.backward(dh[2:], *dlast, cache_b)
    dlast_a, dweights_b = rest_b[: n - 2], rest_b[n - 2 :]
    dh_a = dh[:2].copy()
    dh_a[-1] += dh_carried
    dx_a, *rest_a = any_cell.backward(dh_a, *dlast_a, cache_a)
    dfirst_a, dweights_a = rest_a[: n - 1], rest_a[n - 1 :]

    for part_a, part_b, output in zip(a, b, whole, strict=True):
        np.testing.assert_allclose(np.concatenate([part_a, part_b]), output, rtol=0, atol=1e-13)
    np.testing.assert_allclose(np.concatenate([dx_a, dx_b]), whole_gradients[0], rtol=0, atol=1e-13)
    for ours, state in zip(dfirst_a, whole_gradients[1:n], strict=True):
        np.testing.assert_allclose(ours, state, rtol=0, atol=1e-13)
    for part_a, part_b, weight in zip(dweights_a, dweights_b, whole_gradients[n:], strict=True):
        np.testing.assert_allclose(part_a + part_b, weight, rtol=0, atol=1e-12)


def test_an_open_forget_gate_carries_c_and_its_gradient_unchanged():
    """The reason for the cell: with f = 1 and i = 0, c and dc pass any number of steps without loss."""
    T, B, H = 200, 2, 3
    rng = np.random.default_rng(0)
    x, h0, c0, dc_last = rng.normal(size=(T, B, 1)), *rng.normal(size=(3, B, H))
    b = np.repeat([-1e3, 1e3, 0.0, 0.0], H)
    _, c, cache = layers.lstm_forward(x, h0, c0, np.zeros((4 * H, 1)), np.zeros((4 * H, H)), b)
    np.testing.assert_array_equal(c, np.broadcast_to(c0, c.shape))
    _, dh0, dc0, *_ = layers.lstm_backward(np.zeros((T, B, H)), dc_last, cache)
    np.testing.assert_array_equal(dc0, dc_last)
    np.testing.assert_array_equal(dh0, np.zeros((B, H)))


def test_the_two_biases_of_the_gru_differ_in_the_third_gate_alone():
    cell = CELLS["gru"]
    (x, h0, W_x, W_h, b_x, b_h), (dh,) = draw(cell, 5, 3, 2, 4)
    moved = np.where(np.arange(12) < 8, b_h, 0)
    h, _ = layers.gru_forward(x, h0, W_x, W_h, b_x, b_h)
    same, cache = layers.gru_forward(x, h0, W_x, W_h, b_x + moved, b_h - moved)
    np.testing.assert_allclose(same, h, rtol=0, atol=1e-14)
    *_, db_x, db_h = layers.gru_backward(dh, cache)
    np.testing.assert_array_equal(db_x[:8], db_h[:8])
    assert np.abs(db_x[8:] - db_h[8:]).min() > 1e-3


def shape_of(letters, cell):
    """The message's words for a shape: of a cell with G gates, '(GH, I)' is '(4H, I) = (16, 2)'."""
    numbers = {"GH": cell.gates * 4, "I": 2, "H": 4}
    names = letters.replace("GH", f"{cell.gates}H" if cell.gates > 1 else "H")
    values = ", ".join(str(numbers[letter]) for letter in letters.strip("(,)").split(", "))
    return f"{names} = ({values}{',' if letters.endswith(',)') else ''})"


BIAS = "the last argument"
FORWARD_ERRORS = {  # argument -> what replaces it -> the words that must be in the message
    "list": ("x", lambda x: x.tolist(), ["x is of type list", "NumPy array", "np.array(x"]),
    "torch tensor": ("W_h", torch.from_numpy, ["W_h is of type Tensor", "W_h.detach().cpu().numpy()"]),
    "no state": ("state", lambda state: None, ["{name} is of type NoneType", "zeros"]),
    "integers": ("x", lambda x: x.astype(int), ["x has dtype int64", "float32 or float64", "x.astype"]),
    "half precision": (BIAS, lambda b: b.astype(np.float16), ["{name} has dtype float16", "{name}.astype(np.float64)"]),
    "mixed": (
        "W_x",
        lambda W: W.astype(np.float32),
        ["W_x has dtype float32", "x has float64", "W_x.astype(np.float64)"],
    ),
    "batch first": ("x", lambda x: x.swapaxes(0, 1), ["x has shape (3, 5, 2)", "(T, B, I)", "x.swapaxes(0, 1)"]),
    "no step": ("x", lambda x: x[:0], ["x has shape (0, 3, 2)", "at least one step"]),
    "one sequence": ("x", lambda x: x[:, 0], ["x has shape (5, 2)", "(T, B, I)", "x[:, None, :]"]),
    "one step": ("x", lambda x: x[0, 0], ["x has shape (2,)", "(T, B, I)"]),
    "torch's state": (
        "state",
        lambda state: state[None],
        ["{name} has shape (1, 3, 4)", "(B, H) = (3, 4)", "{name}.reshape(3, 4)"],
    ),
    "another batch": ("state", lambda s: s[:2], ["{name} has shape (2, 4)", "(B, H) = (3, 4)", "B from x"]),
    "transposed W_x": ("W_x", lambda W: W.T, ["W_x has shape {shape}", "(GH, I)", "W_x.T"]),
    "other H": ("W_x", lambda W: W[:3], ["W_x has shape (3, 2)", "(GH, I)", "H from W_h"]),
    "oblong W_h": ("W_h", lambda W: W[:3], ["W_h has shape (3, 4)", "expected", "per hidden unit"]),
    "flat W_h": ("W_h", lambda W: W[0], ["W_h has shape (4,)", "expected"]),
    "column b": (BIAS, lambda b: b[:, None], ["{name} has shape {shape}", "(GH,)", "{name}.reshape("]),
    "scalar b": (BIAS, lambda b: b.sum(keepdims=True).reshape(()), ["{name} has shape ()", "(GH,)"]),
}


@pytest.mark.parametrize(("argument", "change", "words"), FORWARD_ERRORS.values(), ids=FORWARD_ERRORS)
def test_forward_explains_wrong_arguments(cell, argument, change, words):
    arguments = draw(cell, 5, 3, 2, 4)[0]
    for name in {BIAS: [n for n in cell.names if n.startswith("b")], "state": cell.states()}.get(argument, [argument]):
        named = dict(zip(cell.names, arguments, strict=True))
        named[name] = change(named[name])
        with pytest.raises(ValueError) as caught:
            cell.forward(**named)
        for word in words:
            if word in ("(GH, I)", "(GH,)"):
                word = shape_of(word, cell)
            word = word.replace("{name}", name).replace("{shape}", str(np.shape(named[name])))
            assert word in str(caught.value)


@pytest.mark.parametrize(
    ("name", "expected"), [("rnn", "a square (H, H)"), ("gru", "(3H, H)"), ("lstm", "(4H, H): pass W_h.T")]
)
def test_the_shape_of_w_h_is_told_per_cell(name, expected):
    cell = CELLS[name]
    named = dict(zip(cell.names, draw(cell, 5, 3, 2, 4)[0], strict=True))
    named["W_h"] = named["W_h"].T if name == "lstm" else named["W_h"][1:]
    with pytest.raises(ValueError) as caught:
        cell.forward(**named)
    assert expected in str(caught.value)


BACKWARD_ERRORS = {
    "short dh": (0, lambda dh: dh[:-1], ["dh has shape (4, 3, 4)", "(T, B, H) = (5, 3, 4)", "the shape of h"]),
    "batch first": (0, lambda dh: dh.swapaxes(0, 1), ["dh has shape (3, 5, 4)", "dh.swapaxes(0, 1)"]),
    "last step only": (0, lambda dh: dh[-1], ["dh has shape (3, 4)", "(T, B, H) = (5, 3, 4)"]),
    "mixed": (0, lambda dh: dh.astype(np.float32), ["dh has dtype float32", "float64", "dh.astype(np.float64)"]),
    "list": (0, lambda dh: dh.tolist(), ["dh is of type list", "np.array(dh, dtype=np.float64)"]),
    "no dc_last": (1, lambda dc: None, ["dc_last is of type NoneType", "zeros"]),
    "torch's dc_last": (1, lambda dc: dc[None], ["dc_last has shape (1, 3, 4)", "(B, H) = (3, 4)", "reshape(3, 4)"]),
    "float32 dc_last": (
        1,
        lambda dc: dc.astype(np.float32),
        ["dc_last has dtype float32", "dc_last.astype(np.float64)"],
    ),
}


@pytest.mark.parametrize(("which", "change", "words"), BACKWARD_ERRORS.values(), ids=BACKWARD_ERRORS)
def test_backward_explains_wrong_gradients(cell, which, change, words):
    arguments, gradients = draw(cell, 5, 3, 2, 4)
    if which >= len(gradients):
        return  # this cell has no dc_last
    *_, cache = cell.forward(*arguments)
    gradients[which] = change(gradients[which])
    with pytest.raises(ValueError) as caught:
        cell.backward(*gradients, cache)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("wrong", [None, (1, 2, 3, 4), "whole result", "another cell's"])
def test_backward_explains_a_wrong_cache(cell, wrong):
    arguments, gradients = draw(cell, 5, 3, 2, 4)
    if wrong == "whole result":
        wrong = cell.forward(*arguments)
    elif wrong == "another cell's":
        other = CELLS["gru" if cell.gates == 4 else "lstm"]
        *_, wrong = other.forward(*draw(other, 5, 3, 2, 4)[0])
    call = f"{', '.join(cell.outputs)}, cache = {cell.forward.__name__}({', '.join(cell.names)})"
    with pytest.raises(ValueError, match="cache is of type .* expected the last value that") as caught:
        cell.backward(*gradients, wrong)
    assert call in str(caught.value)


def test_the_package_names_what_it_offers():
    assert sorted(layers.__all__) == sorted(f"{cell}_{way}" for cell in CELLS for way in ("forward", "backward"))
    assert all(getattr(layers, name).__module__ == f"rnncourse.layers.{name.split('_')[0]}" for name in layers.__all__)


@pytest.mark.parametrize(
    ("B", "K", "N"), [(1, 1, 1), (3, 4, 5), (64, 256, 96), (20, 650, 650), (64, 2048, 64), (64, 512, 37)]
)
def test_products_by_pieces_are_products(B, K, N):
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(B, K + 3))
    a, W, out, one = wide[:, :K], rng.normal(size=(2, K, N)), np.empty((2, B, N)), np.empty((B, N))
    common.step_product(W, out)(a)
    np.testing.assert_allclose(out, a @ W, rtol=0, atol=1e-11)
    common.step_product(W[0], one)(a)
    np.testing.assert_allclose(one, a @ W[0], rtol=0, atol=1e-11)


@pytest.mark.parametrize(
    ("sizes", "pieces"),
    [
        ((2, 64, 48), (64, 48)),  # small as it is
        ((64, 256, 96), (256, 48)),
        ((64, 2048, 512), (512, 16)),  # rows must be cut too
        ((64, 509, 97), (509, 97)),  # no divisor to cut at
        ((9, 8, 7), (8, 7)),
        ((4000, 512, 512), (512, 512)),  # many rows
    ],
)
def test_weights_are_cut_into_small_pieces_where_that_can_be(sizes, pieces):
    assert common._cut(*sizes, most=8) == pieces


@pytest.mark.parametrize("sizes", [(1, 1, 1), (7, 64, 2048), (100, 20, 100), (5, 1, 1), (300, 1, 128)], ids=str)
def test_blocks_cover_every_step_once(sizes):
    T, B, H = sizes
    cuts = common.blocks(T, B, H)
    assert [t for cut in cuts for t in range(cut.start, cut.stop)] == list(range(T))
    longest = max(cut.stop - cut.start for cut in cuts)
    assert cuts[0].stop == longest, "buffers are made for the first"
    assert (longest - 1) * B < common.ROWS or longest * B * H <= common.BLOCK


def test_ids_are_recognised():
    with pytest.raises(ValueError, match="one-hot"):
        layers.rnn_forward(np.zeros((3, 2), int), np.zeros((2, 4)), np.zeros((4, 5)), np.zeros((4, 4)), np.zeros(4))
