"""Inputs and right answers for unit 06-lstm."""

import numpy as np

from rnncourse.authoring import exercise


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


# 1. masked_lstm_step

masked = exercise(
    "masked_lstm_step",
    points=3,
    returns=("h", "c"),
    terms={"input": ("x",), "recurrent": ("h_prev",), "old cell state": ("c_prev",)},
    fresh=True,
)


@masked.inputs(B=(4, 2, 1, 3))
def draw_masked(rng, B, I, H):
    mask = np.array({1: [0.0], 2: [0.0, 1.0], 3: [0.0, 1.0, 0.0], 4: [1.0, 0.0, 0.0, 1.0]}[B])
    x = 1.5 * rng.normal(size=(B, I))
    x[mask == 0] *= 20  # padding may be anything
    return {
        "x": x,
        "mask": mask,
        "h_prev": rng.uniform(-0.9, 0.9, size=(B, H)),
        "c_prev": 1.5 * rng.normal(size=(B, H)),
        "W_x": rng.normal(size=(4 * H, I)),
        "W_h": rng.normal(size=(4 * H, H)),
        "b": rng.normal(size=4 * H),
    }


@masked.inputs(B=(3, 2), I=(2, 3), H=(2, 4), says="In this case numbers of 10,000 stand at the padded places.")
def draw_huge_padding(rng, B, I, H):
    inputs = draw_masked(rng, B, I, H)
    padded = inputs["mask"] == 0
    inputs["x"][padded] = rng.choice([-1e4, 1e4], size=(padded.sum(), I))
    return inputs


@masked.answer
def one_sequence_at_a_time(x, mask, h_prev, c_prev, W_x, W_h, b):
    h, c = h_prev.copy(), c_prev.copy()
    H = h.shape[1]
    for n in range(len(x)):
        if mask[n]:
            a = W_x @ x[n] + W_h @ h_prev[n] + b
            c[n] = sigmoid(a[H : 2 * H]) * c_prev[n] + sigmoid(a[:H]) * np.tanh(a[2 * H : 3 * H])
            h[n] = sigmoid(a[3 * H :]) * np.tanh(c[n])
    return h, c


@masked.answer
def by_blending(x, mask, h_prev, c_prev, W_x, W_h, b):
    a = np.hstack([x, h_prev]) @ np.hstack([W_x, W_h]).T + b
    a = a.reshape(len(x), 4, -1)
    s, m = sigmoid(a), mask.reshape(-1, 1)
    c = s[:, 1] * c_prev + s[:, 0] * np.tanh(a[:, 2])
    return m * s[:, 3] * np.tanh(c) + (1 - m) * h_prev, m * c + (1 - m) * c_prev


# 2. backward_1997

old = exercise(
    "backward_1997",
    points=3,
    returns=("da", "dc_prev"),
    blocks={"da": ("i", "g", "o")},
    terms={"hidden state": ("dh",), "next step": ("dc_later",)},
)


@old.inputs
def draw_old(rng, B, H):
    return {
        "dh": rng.normal(size=(B, H)),
        "dc_later": rng.normal(size=(B, H)),
        "i": rng.uniform(0.1, 0.9, size=(B, H)),
        "g": rng.uniform(-1.8, 1.8, size=(B, H)),
        "o": rng.uniform(0.1, 0.9, size=(B, H)),
        "c": 1.5 * rng.normal(size=(B, H)),
    }


@old.inputs(B=(3, 2), H=(2, 4), says="In this case the cell state is as large as 1000, on either side.")
def draw_large_cell(rng, B, H):
    c = rng.choice([-1.0, 1.0], size=(B, H)) * rng.uniform(100, 1000, size=(B, H))
    c[0, 0], c[-1, -1] = -1000.0, 1000.0
    return {**draw_old(rng, B, H), "c": c}


@old.answer
def with_half_tanh(dh, dc_later, i, g, o, c):
    shown = np.tanh(c / 2)
    dc = dc_later + 0.5 * dh * o / np.cosh(c / 2) ** 2
    return np.hstack([dc * g * (i - i * i), dc * i * (1 - g / 2) * (1 + g / 2), dh * shown * (o - o * o)]), dc.copy()


@old.answer
def by_logistic(dh, dc_later, i, g, o, c):
    B, H = dh.shape
    da = np.empty((B, 3 * H))
    s, n = sigmoid(c), (g + 2) / 4
    dc = dc_later + dh * o * 2 * s * (1 - s)
    da[:, :H] = dc * g * i * (1 - i)
    da[:, H : 2 * H] = dc * i * 4 * n * (1 - n)
    da[:, 2 * H :] = dh * (2 * s - 1) * o * (1 - o)
    return da, dc


# 3. cell_adjoints

cells = exercise(
    "cell_adjoints",
    points=3,
    returns=("dc", "dc0"),
    terms={"hidden states": ("dh",), "last cell": ("dc_last",)},
)


@cells.inputs
def draw_cells(rng, T, B, H):
    return {
        "dh": rng.normal(size=(T, B, H)),
        "dc_last": rng.normal(size=(B, H)),
        "f": rng.uniform(0.2, 0.95, size=(T, B, H)),
        "o": rng.uniform(0.2, 0.95, size=(T, B, H)),
        "c": rng.normal(size=(T, B, H)),
    }


@cells.answer
def by_sums(dh, dc_last, f, o, c):
    T = len(dh)
    own = o / np.cosh(c) ** 2 * dh
    own[-1] += dc_last
    dc = np.zeros_like(dh)
    for t in range(T):
        for k in range(t, T):
            dc[t] += np.prod(f[t + 1 : k + 1], axis=0) * own[k]
    return dc, f[0] * dc[0]


@cells.answer
def by_recursion(dh, dc_last, f, o, c):
    s = np.tanh(c[-1])
    last = dc_last + o[-1] * (1 - s * s) * dh[-1]
    if len(dh) == 1:
        return last[None], f[0] * last
    dc, dc0 = by_recursion(dh[:-1], f[-1] * last, f[:-1], o[:-1], c[:-1])
    return np.concatenate([dc, last[None]]), dc0


# 4. direct_path

path = exercise("direct_path", points=2, returns="D")


@path.inputs(T=(6, 1, 8, 5), B=(3, 2, 1, 4), H=(3, 2, 4, 5))
def draw_path(rng, T, B, H):
    lengths = np.full(B, T)
    if T > 1:
        lengths[0] = T - 2
    if B > 2:
        lengths[1] = T - 1
    return {"f": rng.uniform(0.05, 0.99, size=(T, B, H)), "lengths": lengths}


@path.inputs(T=(400,), B=(2,), H=(2,), says="These sequences are long: products underflow.")
def draw_long_path(rng, T, B, H):
    return {**draw_path(rng, T, B, H), "f": rng.uniform(0.01, 0.3, size=(T, B, H))}


@path.inputs(
    T=(4, 6), B=(2, 3), H=(3, 2), says="In this case some gates are as small as 1e-9: every gate counts as it is."
)
def draw_small_gates(rng, T, B, H):
    return {**draw_path(rng, T, B, H), "f": 10 ** rng.uniform(-9, -3, size=(T, B, H))}


@path.answer
def by_slices(f, lengths):
    T, B, _ = f.shape
    D = np.zeros((T, B))
    for b, n in enumerate(lengths):
        for t in range(n - 1):
            D[t, b] = np.log10(f[t + 1 : n, b]).sum(axis=0).max()
    return D


@path.answer
def by_cumsum(f, lengths):
    real = np.arange(len(f))[:, None] < np.asarray(lengths)
    logs = np.log(f) * real[:, :, None] / np.log(10)
    after = logs[::-1].cumsum(axis=0)[::-1] - logs
    return np.where(real, after.max(axis=2), 0)


# 5. forget_bias

bias = exercise("forget_bias", points=2, returns="b_f")


@bias.inputs
def draw_bias(rng, H):
    half_life = np.exp(rng.uniform(np.log(1.5), np.log(300), size=H))
    return {"half_life": half_life, "feedback": rng.uniform(0.02, 0.5, size=H)}


@bias.inputs(
    H=(3, 2), says="In this case nothing is written back; half-lives may be below one step or above a thousand."
)
def draw_without_feedback(rng, H):
    half_life = rng.uniform(1.5, 40, size=H)
    half_life[0], half_life[-1] = rng.uniform(0.4, 0.8), rng.uniform(1000, 2000)
    return {"half_life": half_life, "feedback": np.zeros(H)}


@bias.inputs(H=(4, 3))
def draw_short(rng, H):
    return {"half_life": rng.uniform(1.6, 2.8, size=H), "feedback": rng.uniform(0.01, 0.1, size=H)}


@bias.answer
def by_exponential(half_life, feedback):
    f = np.exp(np.log(0.5) / half_life) - feedback
    return -np.log(1 / f - 1)


@bias.answer
def by_bisection(half_life, feedback):
    low, high = np.full_like(half_life, -60), np.full_like(half_life, 60)
    for _ in range(200):
        middle = (low + high) / 2
        left = (sigmoid(middle) + feedback) ** half_life
        low, high = np.where(left < 0.5, middle, low), np.where(left < 0.5, high, middle)
    return (low + high) / 2


# 6. time_scale_biases

scales = exercise(
    "time_scale_biases",
    points=2,
    returns=("b_ih", "b_hh"),
    blocks=dict.fromkeys(("b_ih", "b_hh"), ("i", "f", "g", "o")),
)


@scales.inputs(L=(2, 1, 3), D=(2, 1, 1), H=(3, 4, 2))
def draw_scales(rng, L, D, H):
    shortest = float(rng.uniform(1.5, 4))
    return {
        "u": rng.uniform(0.05, 0.95, size=(L, D, H)),
        "shortest": shortest,
        "longest": float(shortest * rng.uniform(30, 200)),
    }


@scales.inputs(L=(1, 2), D=(2, 2), H=(3, 2), says="In this case the shortest time scale is below 2.")
def draw_short_scales(rng, L, D, H):
    u = rng.uniform(0.05, 0.95, size=(L, D, H))
    u[..., 0] = rng.uniform(0.01, 0.05, size=(L, D))
    return {"u": u, "shortest": float(rng.uniform(1.1, 1.4)), "longest": float(rng.uniform(20, 60))}


@scales.answer
def by_logarithms(u, shortest, longest):
    L, D, H = u.shape
    tau = np.exp((1 - u) * np.log(shortest) + u * np.log(longest))
    b = np.zeros((2, L, D, 4, H))
    b[0, :, :, 1] = np.log(tau - 1)
    b[0, :, :, 0] = -b[0, :, :, 1]
    return b[0].reshape(L, D, 4 * H), b[1].reshape(L, D, 4 * H)


@scales.answer
def by_gates(u, shortest, longest):
    L, D, H = u.shape
    f = 1 - 1 / (shortest * (longest / shortest) ** u)
    b_ih = np.zeros((L, D, 4 * H))
    for layer in range(L):
        for d in range(D):
            b_ih[layer, d, H : 2 * H] = np.log(f[layer, d]) - np.log1p(-f[layer, d])
            b_ih[layer, d, :H] = -b_ih[layer, d, H : 2 * H]
    return b_ih, np.zeros((L, D, 4 * H))


# 7. from_onnx

onnx = exercise("from_onnx", points=3, returns=("W_x", "W_h", "b"), blocks={"b": ("i", "f", "g", "o")})


@onnx.inputs(D=(2, 1, 2, 1), I=(2, 3, 5, 1), H=(3, 4, 2, 1))
def draw_onnx(rng, D, I, H):
    return {
        "W": rng.normal(size=(D, 4 * H, I)),
        "R": rng.normal(size=(D, 4 * H, H)),
        "B": rng.normal(size=(D, 8 * H)),
    }


@onnx.answer
def by_index(W, R, B):
    H = R.shape[2]
    order = np.r_[0:H, 2 * H : 4 * H, H : 2 * H]
    return W[:, order], R[:, order], B[:, order] + B[:, 4 * H + order]


@onnx.answer
def direction_by_direction(W, R, B):
    D, H = len(W), R.shape[2]
    found = [], [], []
    for d in range(D):
        bias = B[d].reshape(2, 4, H).sum(axis=0)
        for target, a in zip(found, (W[d].reshape(4, H, -1), R[d].reshape(4, H, H), bias), strict=True):
            target.append(np.concatenate([a[0], a[2], a[3], a[1]]))
    return tuple(np.stack(a) for a in found)
