"""Every cell forward and backward as its equations read: what the kernels of ``rnncourse.layers`` compute, unhurried.

Names, arguments, shapes and results are those of the kernels, whose docstrings describe them, and so are the numbers,
but for rounding. There are two differences: arguments are not checked, and a cache refers to the arguments instead of
copying them, so they must not change before the backward pass.
"""

import numpy as np


def sigmoid(a):
    """The logistic function, written so that nothing overflows."""
    return 0.5 * np.tanh(0.5 * a) + 0.5


def rnn_forward(x, h0, W_x, W_h, b):
    """The tanh cell (chapter 2): h (T, B, H) and a cache."""
    h = np.empty((len(x), *h0.shape), x.dtype)
    h_prev = h0
    for t in range(len(x)):
        h[t] = np.tanh(x[t] @ W_x.T + h_prev @ W_h.T + b)  # (B, H)
        h_prev = h[t]
    return h, (x, h0, h, W_x, W_h)


def rnn_backward(dh, cache):
    """Gradients through ``rnn_forward`` (chapter 3): dx, dh0, dW_x, dW_h, db."""
    x, h0, h, W_x, W_h = cache
    dx, dW_x, dW_h, db = np.empty_like(x), np.zeros_like(W_x), np.zeros_like(W_h), np.zeros_like(W_h[:, 0])
    dh_next = np.zeros_like(h0)  # what step t + 1 sends back to h[t]
    for t in reversed(range(len(x))):
        h_prev = h[t - 1] if t > 0 else h0
        dh_t = dh[t] + dh_next
        da = dh_t * (1 - h[t] ** 2)  # (B, H)
        dx[t] = da @ W_x
        dh_next = da @ W_h
        dW_x += da.T @ x[t]
        dW_h += da.T @ h_prev
        db += da.sum(axis=0)
    return dx, dh_next, dW_x, dW_h, db


def lstm_forward(x, h0, c0, W_x, W_h, b):
    """The LSTM (chapter 6): h and c (T, B, H) and a cache."""
    h, c, i, f, g, o = np.empty((6, len(x), *h0.shape), x.dtype)
    h_prev, c_prev = h0, c0
    for t in range(len(x)):
        a = x[t] @ W_x.T + h_prev @ W_h.T + b  # (B, 4H)
        a_i, a_f, a_g, a_o = np.split(a, 4, axis=1)
        i[t] = sigmoid(a_i)
        f[t] = sigmoid(a_f)
        g[t] = np.tanh(a_g)
        o[t] = sigmoid(a_o)
        c[t] = f[t] * c_prev + i[t] * g[t]
        h[t] = o[t] * np.tanh(c[t])
        h_prev, c_prev = h[t], c[t]
    return h, c, (x, h0, c0, h, c, i, f, g, o, W_x, W_h)


def lstm_backward(dh, dc_last, cache):
    """Gradients through ``lstm_forward`` (chapter 6): dx, dh0, dc0, dW_x, dW_h, db."""
    x, h0, c0, h, c, i, f, g, o, W_x, W_h = cache
    dx, dW_x, dW_h, db = np.empty_like(x), np.zeros_like(W_x), np.zeros_like(W_h), np.zeros_like(W_h[:, 0])
    dh_next, dc_next = np.zeros_like(h0), dc_last  # what step t + 1 sends back to h[t] and c[t]
    for t in reversed(range(len(x))):
        h_prev, c_prev = (h[t - 1], c[t - 1]) if t > 0 else (h0, c0)
        shown = np.tanh(c[t])
        dh_t = dh[t] + dh_next
        dc_t = dc_next + dh_t * o[t] * (1 - shown**2)
        da_i = dc_t * g[t] * i[t] * (1 - i[t])
        da_f = dc_t * c_prev * f[t] * (1 - f[t])
        da_g = dc_t * i[t] * (1 - g[t] ** 2)
        da_o = dh_t * shown * o[t] * (1 - o[t])
        da = np.concatenate([da_i, da_f, da_g, da_o], axis=1)  # (B, 4H)
        dx[t] = da @ W_x
        dh_next = da @ W_h
        dc_next = dc_t * f[t]
        dW_x += da.T @ x[t]
        dW_h += da.T @ h_prev
        db += da.sum(axis=0)
    return dx, dh_next, dc_next, dW_x, dW_h, db


def gru_forward(x, h0, W_x, W_h, b_x, b_h):
    """The GRU (chapter 7), reset after the product: h (T, B, H) and a cache."""
    h, r, z, n, m_n = np.empty((5, len(x), *h0.shape), x.dtype)
    h_prev = h0
    for t in range(len(x)):
        a_r, a_z, a_n = np.split(x[t] @ W_x.T + b_x, 3, axis=1)  # (B, H) each
        m_r, m_z, m_n[t] = np.split(h_prev @ W_h.T + b_h, 3, axis=1)
        r[t] = sigmoid(a_r + m_r)
        z[t] = sigmoid(a_z + m_z)
        n[t] = np.tanh(a_n + r[t] * m_n[t])
        h[t] = (1 - z[t]) * n[t] + z[t] * h_prev
        h_prev = h[t]
    return h, (x, h0, h, r, z, n, m_n, W_x, W_h)


def gru_backward(dh, cache):
    """Gradients through ``gru_forward`` (chapter 7): dx, dh0, dW_x, dW_h, db_x, db_h."""
    x, h0, h, r, z, n, m_n, W_x, W_h = cache
    dx, dW_x, dW_h = np.empty_like(x), np.zeros_like(W_x), np.zeros_like(W_h)
    db_x, db_h = np.zeros_like(W_h[:, 0]), np.zeros_like(W_h[:, 0])
    dh_next = np.zeros_like(h0)  # what step t + 1 sends back to h[t]
    for t in reversed(range(len(x))):
        h_prev = h[t - 1] if t > 0 else h0
        dh_t = dh[t] + dh_next
        da_n = dh_t * (1 - z[t]) * (1 - n[t] ** 2)
        da_r = da_n * m_n[t] * r[t] * (1 - r[t])
        da_z = dh_t * (h_prev - n[t]) * z[t] * (1 - z[t])
        da = np.concatenate([da_r, da_z, da_n], axis=1)  # (B, 3H), of W_x x + b_x
        dm = np.concatenate([da_r, da_z, da_n * r[t]], axis=1)  # (B, 3H), of W_h h + b_h
        dx[t] = da @ W_x
        dh_next = dh_t * z[t] + dm @ W_h
        dW_x += da.T @ x[t]
        dW_h += dm.T @ h_prev
        db_x += da.sum(axis=0)
        db_h += dm.sum(axis=0)
    return dx, dh_next, dW_x, dW_h, db_x, db_h
