"""The NumPy layers against PyTorch's, and what they say when they are called wrongly."""

import numpy as np
import pytest
import torch

from rnncourse.layers import rnn_backward, rnn_forward

NAMES = ("x", "h0", "W_x", "W_h", "b")
SIZES = [(5, 3, 2, 4), (1, 3, 2, 4), (5, 1, 2, 4), (1, 1, 1, 1), (7, 2, 1, 5), (6, 4, 3, 1), (60, 17, 33, 29)]


def draw(T, B, features, H, dtype=np.float64, seed=0):
    """Arguments of rnn_forward in order, and a dh."""
    rng = np.random.default_rng(seed)
    shapes = [(T, B, features), (B, H), (H, features), (H, H), (H,), (T, B, H)]
    *arguments, dh = (rng.normal(size=shape).astype(dtype) for shape in shapes)
    arguments[3] /= np.sqrt(H)
    return arguments, dh


def scattered(array):
    """The same numbers in a view that is contiguous in no order."""
    doubled = np.zeros([2 * n + 1 for n in array.shape], array.dtype)
    view = doubled[tuple(slice(2 * n - 1, None, -2) for n in array.shape)]
    view[...] = array
    return view


def torch_rnn(arguments, dh):
    """h and the five gradients, from torch.nn.RNN."""
    x, h0, W_x, W_h, b = (torch.from_numpy(np.ascontiguousarray(array)) for array in arguments)
    rnn = torch.nn.RNN(x.shape[2], h0.shape[1], dtype=x.dtype)
    weights = {"weight_ih_l0": W_x, "weight_hh_l0": W_h, "bias_ih_l0": b, "bias_hh_l0": torch.zeros_like(b)}
    rnn.load_state_dict(weights)
    x.requires_grad_()
    h0.requires_grad_()
    h, _ = rnn(x, h0[None])
    h.backward(torch.from_numpy(np.ascontiguousarray(dh)))
    tensors = [h.detach(), x.grad, h0.grad, rnn.weight_ih_l0.grad, rnn.weight_hh_l0.grad, rnn.bias_ih_l0.grad]
    return [tensor.numpy() for tensor in tensors]


def assert_like_torch(arguments, dh, tolerance):
    h, cache = rnn_forward(*arguments)
    ours = [h, *rnn_backward(dh, cache)]
    for name, mine, theirs in zip(("h", *NAMES), ours, torch_rnn(arguments, dh), strict=True):
        assert mine.shape == theirs.shape, name
        assert mine.dtype == theirs.dtype, name
        assert np.abs(mine - theirs).max() <= tolerance * max(1, np.abs(theirs).max()), name


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_rnn_equals_torch_in_float64(sizes):
    assert_like_torch(*draw(*sizes), tolerance=1e-10)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_rnn_equals_torch_in_float32(sizes):
    assert_like_torch(*draw(*sizes, dtype=np.float32), tolerance=1e-4)


@pytest.mark.parametrize("rearrange", [scattered, np.asfortranarray], ids=["scattered", "column-major"])
def test_rnn_takes_arrays_of_any_memory_layout(rearrange):
    arguments, dh = draw(5, 3, 2, 4)
    arguments, dh = [rearrange(array) for array in arguments], rearrange(dh)
    assert not arguments[0].flags.c_contiguous
    assert_like_torch(arguments, dh, tolerance=1e-10)


def test_backward_takes_a_broadcast_gradient():
    arguments, _ = draw(5, 3, 2, 4)
    assert_like_torch(arguments, np.broadcast_to(np.float64(0.5), (5, 3, 4)), tolerance=1e-10)


def test_inputs_are_never_changed():
    arguments, dh = draw(5, 3, 2, 4)
    before = [array.copy() for array in (*arguments, dh)]
    _, cache = rnn_forward(*arguments)
    rnn_backward(dh, cache)
    for name, array, copy in zip((*NAMES, "dh"), (*arguments, dh), before, strict=True):
        np.testing.assert_array_equal(array, copy, err_msg=name)


def test_the_cache_serves_any_number_of_backward_calls():
    arguments, dh = draw(5, 3, 2, 4)
    _, cache = rnn_forward(*arguments)
    first = rnn_backward(dh, cache)
    kept = [gradient.copy() for gradient in first]
    rnn_backward(-dh, cache)
    for gradient, copy, again in zip(first, kept, rnn_backward(dh, cache), strict=True):
        np.testing.assert_array_equal(gradient, copy)
        np.testing.assert_array_equal(again, copy)


def test_the_cache_outlives_changes_to_the_inputs():
    arguments, dh = draw(5, 3, 2, 4)
    expected = rnn_backward(dh, rnn_forward(*arguments)[1])
    _, cache = rnn_forward(*arguments)
    for array in arguments:
        array += 1.0
    for gradient, right in zip(rnn_backward(dh, cache), expected, strict=True):
        np.testing.assert_array_equal(gradient, right)


def test_returned_gradients_are_contiguous_and_share_no_memory():
    arguments, dh = draw(5, 3, 2, 4)
    h, cache = rnn_forward(*arguments)
    results = [h, *rnn_backward(dh, cache), *arguments, dh]
    for k, array in enumerate(results[:6]):
        assert array.flags.c_contiguous
        assert not any(np.shares_memory(array, other) for other in results[k + 1 :])


def test_dh_enters_at_one_output_only():
    """A gradient at step 2 reaches the inputs up to step 2, none after, and equals that of the shorter sequence."""
    (x, *rest), dh = draw(5, 3, 2, 4)
    dh[[0, 1, 3, 4]] = 0.0
    dx, dh0, *_ = rnn_backward(dh, rnn_forward(x, *rest)[1])
    short_dx, short_dh0, *_ = rnn_backward(dh[:3], rnn_forward(x[:3], *rest)[1])
    assert np.all(dx[3:] == 0)
    np.testing.assert_allclose(dx[:3], short_dx, rtol=0, atol=1e-14)
    np.testing.assert_allclose(dh0, short_dh0, rtol=0, atol=1e-14)


def test_two_chunks_equal_one_sequence():
    """The state carried forward and its gradient carried back, added to dh[-1], join two halves without a seam."""
    (x, h0, *weights), dh = draw(6, 3, 2, 4)
    h, cache = rnn_forward(x, h0, *weights)
    dx, dh0, *dweights = rnn_backward(dh, cache)

    h_a, cache_a = rnn_forward(x[:2], h0, *weights)
    h_b, cache_b = rnn_forward(x[2:], h_a[-1], *weights)
    dx_b, dh_carried, *dweights_b = rnn_backward(dh[2:], cache_b)
    dh_a = dh[:2].copy()
    dh_a[-1] += dh_carried
    dx_a, dh0_a, *dweights_a = rnn_backward(dh_a, cache_a)

    np.testing.assert_allclose(np.concatenate([h_a, h_b]), h, rtol=0, atol=1e-13)
    np.testing.assert_allclose(np.concatenate([dx_a, dx_b]), dx, rtol=0, atol=1e-13)
    np.testing.assert_allclose(dh0_a, dh0, rtol=0, atol=1e-13)
    for part_a, part_b, whole in zip(dweights_a, dweights_b, dweights, strict=True):
        np.testing.assert_allclose(part_a + part_b, whole, rtol=0, atol=1e-12)


FORWARD_ERRORS = {  # argument -> what replaces it -> the words that must be in the message
    "list": ("x", lambda x: x.tolist(), ["x is of type list", "NumPy array", "np.array(x"]),
    "torch tensor": ("W_h", torch.from_numpy, ["W_h is of type Tensor", "W_h.detach().cpu().numpy()"]),
    "no h0": ("h0", lambda h0: None, ["h0 is of type NoneType", "zeros"]),
    "integers": ("x", lambda x: x.astype(int), ["x has dtype int64", "float32 or float64", "x.astype"]),
    "half precision": ("b", lambda b: b.astype(np.float16), ["b has dtype float16", "b.astype(np.float64)"]),
    "mixed": (
        "W_x",
        lambda W: W.astype(np.float32),
        ["W_x has dtype float32", "x has float64", "W_x.astype(np.float64)"],
    ),
    "batch first": ("x", lambda x: x.swapaxes(0, 1), ["x has shape (3, 5, 2)", "(T, B, I)", "x.swapaxes(0, 1)"]),
    "no step": ("x", lambda x: x[:0], ["x has shape (0, 3, 2)", "at least one step"]),
    "one sequence": ("x", lambda x: x[:, 0], ["x has shape (5, 2)", "(T, B, I)", "x[:, None, :]"]),
    "one step": ("x", lambda x: x[0, 0], ["x has shape (2,)", "(T, B, I)"]),
    "torch's h0": ("h0", lambda h0: h0[None], ["h0 has shape (1, 3, 4)", "(B, H) = (3, 4)", "h0.reshape(3, 4)"]),
    "h0 of another batch": ("h0", lambda h0: h0[:2], ["h0 has shape (2, 4)", "(B, H) = (3, 4)", "B from x"]),
    "transposed W_x": ("W_x", lambda W: W.T, ["W_x has shape (2, 4)", "(H, I) = (4, 2)", "W_x.T"]),
    "other H": ("W_x", lambda W: W[:3], ["W_x has shape (3, 2)", "(H, I) = (4, 2)", "H from W_h"]),
    "oblong W_h": ("W_h", lambda W: W[:3], ["W_h has shape (3, 4)", "square (H, H)"]),
    "column b": ("b", lambda b: b[:, None], ["b has shape (4, 1)", "(H,) = (4,)", "b.reshape(4,)"]),
    "scalar b": ("b", lambda b: b.sum(keepdims=True).reshape(()), ["b has shape ()", "(H,) = (4,)"]),
}


@pytest.mark.parametrize(("name", "change", "words"), FORWARD_ERRORS.values(), ids=FORWARD_ERRORS)
def test_forward_explains_wrong_arguments(name, change, words):
    named = dict(zip(NAMES, draw(5, 3, 2, 4)[0], strict=True))
    named[name] = change(named[name])
    with pytest.raises(ValueError) as caught:
        rnn_forward(**named)
    for word in words:
        assert word in str(caught.value)


BACKWARD_ERRORS = {
    "short dh": (lambda dh: dh[:-1], ["dh has shape (4, 3, 4)", "(T, B, H) = (5, 3, 4)", "the shape of h"]),
    "batch first": (lambda dh: dh.swapaxes(0, 1), ["dh has shape (3, 5, 4)", "dh.swapaxes(0, 1)"]),
    "last step only": (lambda dh: dh[-1], ["dh has shape (3, 4)", "(T, B, H) = (5, 3, 4)"]),
    "mixed": (lambda dh: dh.astype(np.float32), ["dh has dtype float32", "float64", "dh.astype(np.float64)"]),
    "list": (lambda dh: dh.tolist(), ["dh is of type list", "np.array(dh, dtype=np.float64)"]),
}


@pytest.mark.parametrize(("change", "words"), BACKWARD_ERRORS.values(), ids=BACKWARD_ERRORS)
def test_backward_explains_a_wrong_dh(change, words):
    arguments, dh = draw(5, 3, 2, 4)
    _, cache = rnn_forward(*arguments)
    with pytest.raises(ValueError) as caught:
        rnn_backward(change(dh), cache)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("wrong", [None, (1, 2, 3, 4), "whole result"])
def test_backward_explains_a_wrong_cache(wrong):
    arguments, dh = draw(5, 3, 2, 4)
    cache = rnn_forward(*arguments) if wrong == "whole result" else wrong
    with pytest.raises(ValueError, match="cache is of type .* h, cache = rnn_forward"):
        rnn_backward(dh, cache)
