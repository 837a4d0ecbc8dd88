"""The tanh cell, the simplest recurrent layer."""

from typing import NamedTuple

import numpy as np

from rnncourse.layers.common import check_cache, check_forward, check_gradient, step_product, with_bias


class RNNCache(NamedTuple):
    """What ``rnn_backward`` needs to know of a run of ``rnn_forward``."""

    x_1: np.ndarray  # (T * B, I + 1) the inputs, with a constant 1 behind each
    states: np.ndarray  # (T + 1, B, H) h0, then h[0] to h[T - 1]
    W_1: np.ndarray  # (H, I + 1) W_x, with b as the weights of that 1
    W_h: np.ndarray  # (H, H)


def rnn_forward(x, h0, W_x, W_h, b):
    """Run a tanh cell over a sequence: ``h_t = tanh(W_x x_t + W_h h_{t-1} + b)``.

    x (T, B, I), h0 (B, H), W_x (H, I), W_h (H, H), b (H,): NumPy arrays, all float32 or all float64.
    Returns h (T, B, H) in the same dtype, and a cache for ``rnn_backward``.

    The cache keeps copies of x and of the weights, so these may change afterwards. It shares its memory with h:
    change h in place only after the last ``rnn_backward``.

    Forward and backward are 2.4 to 2.7 times as fast as ``plain`` at H = 16, 1.1 to 1.4 at 128 to 256, equal at 512.

    Raises ValueError if an argument has the wrong type, dtype or shape.
    Source: Elman (1990), Finding structure in time, with tanh in place of the logistic function.
    """
    check_forward({"x": x, "h0": h0, "W_x": W_x, "W_h": W_h, "b": b}, G=1)
    T, B, _ = x.shape
    H = W_h.shape[1]

    x_1, W_1 = with_bias(x, W_x, b)
    x_1 = x_1.reshape(T * B, -1)  # (T * B, I + 1)

    states = np.empty((T + 1, B, H), x.dtype)
    states[0] = h0
    h = states[1:]  # (T, B, H)
    np.dot(x_1, W_1.T, out=h.reshape(T * B, H))  # W_x x_t + b for all steps at once
    recurrent = np.empty((B, H), x.dtype)
    recur = step_product(W_h.T, out=recurrent)
    for h_prev, h_t in zip(states[:-1], h, strict=True):  # h_t holds W_x x_t + b and becomes the state
        recur(h_prev)  # recurrent = W_h h_{t-1}
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
    check_cache(cache, RNNCache, "h, cache = rnn_forward(x, h0, W_x, W_h, b)")
    x_1, states, W_1, W_h = cache
    h_prev, h = states[:-1], states[1:]  # (T, B, H) each
    check_gradient("dh", dh, h)
    T, B, H = h.shape

    da = h * h
    np.subtract(1, da, out=da)  # (T, B, H): tanh' at every step, turned below into dLoss/da, a = W_x x + W_h h + b
    dh_next = np.zeros((B, H), h.dtype)  # what step t + 1 sends back to h[t]; nothing comes after the last step
    back_to_h = step_product(W_h, out=dh_next)
    for da_t, dh_t in zip(da[::-1], dh[::-1], strict=True):
        dh_next += dh_t  # (B, H): now the total gradient of h[t]
        da_t *= dh_next
        back_to_h(da_t)

    da = da.reshape(T * B, H)  # every step has the same weights, so their gradients are sums over T and B together
    dx = np.dot(da, W_1[:, :-1]).reshape(T, B, -1)
    dW_1 = np.dot(da.T, x_1)  # (H, I + 1)
    dW_h = np.dot(da.T, h_prev.reshape(T * B, H))
    return dx, dh_next, dW_1[:, :-1].copy(), dW_h, dW_1[:, -1].copy()
