"""Recurrent layers in NumPy: a whole sequence forward, and its gradients backward.

Sizes: T steps, B batch, I input features, H hidden units. Sequences are time-major: ``x[t]`` is the batch at step t.
"""

from typing import NamedTuple

import numpy as np


class RNNCache(NamedTuple):
    """What ``rnn_backward`` needs to know of a run of ``rnn_forward``."""

    x_1: np.ndarray  # (T * B, I + 1) the inputs, with a constant 1 behind each
    states: np.ndarray  # (T + 1, B, H) h0, then h[0] to h[T - 1]
    W_1: np.ndarray  # (H, I + 1) W_x, with b as the weights of that 1
    W_h: np.ndarray  # (H, H)


def rnn_forward(x, h0, W_x, W_h, b):
    """Run a tanh cell over a sequence: h_t = tanh(W_x x_t + W_h h_{t-1} + b).

    x (T, B, I), h0 (B, H), W_x (H, I), W_h (H, H), b (H,): NumPy arrays, all float32 or all float64.
    Returns h (T, B, H) in the same dtype, and a cache for ``rnn_backward``.

    The cache keeps copies of x and of the weights, so these may change afterwards. It shares its memory with h:
    change h in place only after the last ``rnn_backward``.

    Raises ValueError if an argument has the wrong type, dtype or shape.
    Source: Elman (1990), Finding structure in time, with tanh in place of the logistic function.
    """
    arrays = {"x": x, "h0": h0, "W_x": W_x, "W_h": W_h, "b": b}
    _check_types(arrays)
    _check_shapes(arrays)
    T, B, _ = x.shape
    H = W_h.shape[0]

    # The bias is the weight of an input that is always 1.
    x_1 = np.concatenate([x, np.ones((T, B, 1), x.dtype)], axis=2).reshape(T * B, -1)  # (T * B, I + 1)
    W_1 = np.concatenate([W_x, b[:, None]], axis=1)  # (H, I + 1)
    W_hT = np.array(W_h.T, order="C")  # (H, H), contiguous: read once per step

    states = np.empty((T + 1, B, H), x.dtype)
    states[0] = h0
    h = states[1:]  # (T, B, H)
    np.dot(x_1, W_1.T, out=h.reshape(T * B, H))  # W_x x_t + b for all steps at once
    recurrent = np.empty((B, H), x.dtype)
    for h_prev, h_t in zip(states[:-1], h, strict=True):  # h_t holds W_x x_t + b and becomes the state
        np.dot(h_prev, W_hT, out=recurrent)  # (B, H)
        h_t += recurrent
        np.tanh(h_t, out=h_t)
    return h, RNNCache(x_1, states, W_1, np.array(W_h, order="C"))


def rnn_backward(dh, cache):
    """Gradients of a loss through ``rnn_forward``, by backpropagation through time.

    dh (T, B, H), in the dtype of the forward run: dh[t] is the gradient that enters through the output h[t] alone,
    without what flows back from step t + 1. A gradient on the last state is added to dh[-1].
    Returns dx (T, B, I), dh0 (B, H), dW_x (H, I), dW_h (H, H), db (H,). The cache stays valid for further calls.

    Raises ValueError if ``cache`` does not come from ``rnn_forward`` or dh does not fit it.
    Source: Werbos (1990), Backpropagation through time: what it does and how to do it.
    """
    if not isinstance(cache, RNNCache):
        raise ValueError(
            f"cache is of type {type(cache).__name__}, expected the second value that rnn_forward returns: "
            "h, cache = rnn_forward(x, h0, W_x, W_h, b)"
        )
    x_1, states, W_1, W_h = cache
    h_prev, h = states[:-1], states[1:]  # (T, B, H) each
    _check_types({"dh": dh}, states.dtype, "the forward run")
    _check_shape("dh", dh, "(T, B, H)", h.shape, "the shape of h")
    T, B, H = h.shape

    da = h * h
    np.subtract(1, da, out=da)  # (T, B, H): tanh' at every step, turned below into dLoss/da, a = W_x x + W_h h + b
    dh_next = np.zeros((B, H), h.dtype)  # what step t + 1 sends back to h[t]; nothing comes after the last step
    for da_t, dh_t in zip(da[::-1], dh[::-1], strict=True):
        dh_next += dh_t  # (B, H): now the total gradient of h[t]
        da_t *= dh_next
        np.dot(da_t, W_h, out=dh_next)

    da = da.reshape(T * B, H)  # every step has the same weights, so their gradients are sums over T and B together
    dx = np.dot(da, W_1[:, :-1]).reshape(T, B, -1)
    dW_1 = np.dot(da.T, x_1)  # (H, I + 1)
    dW_h = np.dot(da.T, h_prev.reshape(T * B, H))
    return dx, dh_next, dW_1[:, :-1].copy(), dW_h, dW_1[:, -1].copy()


def _check_types(arrays, dtype=None, owner="x"):
    """Raise ValueError unless all are NumPy arrays of one dtype, float32 or float64: the given one or the first's."""
    for name, value in arrays.items():
        wanted = "float64" if dtype is None else dtype
        if not isinstance(value, np.ndarray):
            if hasattr(value, "detach"):
                fix = f"pass {name}.detach().cpu().numpy()"
            elif value is None:
                fix = "pass an array of zeros to start from nothing"
            else:
                fix = f"pass np.array({name}, dtype=np.{wanted})"
            raise ValueError(f"{name} is of type {type(value).__name__}, expected a NumPy array: {fix}")
        if value.dtype not in (np.float32, np.float64):
            fix = f"pass {name}.astype(np.{wanted})"
            raise ValueError(f"{name} has dtype {value.dtype}, expected float32 or float64: {fix}")
        if dtype is None:
            dtype = value.dtype
        if value.dtype != dtype:
            fix = f"pass {name}.astype(np.{dtype}), or convert the others"
            raise ValueError(f"{name} has dtype {value.dtype}, but {owner} has {dtype}; expected one dtype: {fix}")


def _check_shapes(arrays):
    """Raise ValueError unless the shapes fit: T, B and I are taken from x, and H from W_h."""
    x, h0, W_x, W_h, b = arrays.values()
    if x.ndim != 3:
        fix = "pass x[:, None, :] if it is one sequence (T, I)" if x.ndim == 2 else "pass one batch of sequences"
        raise ValueError(f"x has shape {x.shape}, expected (T, B, I), that is steps, batch, features: {fix}")
    T, B, features = x.shape
    if 0 in x.shape:
        raise ValueError(f"x has shape {x.shape}, expected at least one step, sequence and feature: pass no empty x")
    if W_h.ndim != 2 or W_h.shape[0] != W_h.shape[1] or W_h.size == 0:
        raise ValueError(f"W_h has shape {W_h.shape}, expected a square (H, H): pass one row per hidden unit")
    H = W_h.shape[0]
    if h0.ndim == 2 and h0.shape[0] == T != B:
        raise ValueError(
            f"x has shape {x.shape} and h0 {h0.shape}, expected (T, B, I) and (B, H): x seems to have the batch first; "
            "pass x.swapaxes(0, 1)"
        )
    _check_shape("h0", h0, "(B, H)", (B, H), "B from x and H from W_h")
    _check_shape("W_x", W_x, "(H, I)", (H, features), "H from W_h and I from x")
    _check_shape("b", b, "(H,)", (H,), "H from W_h")


def _check_shape(name, array, letters, expected, source):
    """Raise ValueError unless the array has the expected shape; a simple way to get there is proposed."""
    if array.shape == expected:
        return
    if array.T.shape == expected:
        fix = f"pass {name}.T"
    elif array.ndim == 3 and array.swapaxes(0, 1).shape == expected:
        fix = f"pass {name}.swapaxes(0, 1)"
    elif [n for n in array.shape if n != 1] == [n for n in expected if n != 1]:
        fix = f"pass {name}.reshape{expected}"
    else:
        fix = f"make {name} of that shape, or correct what it has to fit"
    raise ValueError(f"{name} has shape {array.shape}, expected {letters} = {expected} ({source}): {fix}")
