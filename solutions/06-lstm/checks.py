"""Inputs, known mistakes and other right answers for unit 06-lstm."""

import numpy as np

from rnncourse.grading import exercise


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


# 1. masked_lstm_step

masked = exercise(
    "masked_lstm_step",
    points=3,
    returns=("h", "c"),
    terms={"input": ("x",), "recurrent": ("h_prev",), "old cell state": ("c_prev",)},
)


@masked.inputs(B=(4, 2, 1, 3))
def draw_masked(rng, B, I, H):
    mask = np.ones(B)
    mask[1::2] = 0.0  # the first is real, the second is not
    x = rng.normal(size=(B, I))
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


masked.slip(
    "The hidden state at padded steps is set to zero: it stands still, so that it is what it was.",
    "np.where(real, h, h_prev)",
    "np.where(real, h, 0.0)",
)
masked.slip(
    "The cell state at padded steps is set to zero: it stands still, so that it is what it was.",
    "np.where(real, c, c_prev)",
    "np.where(real, c, 0.0)",
)
masked.slip(
    "Only the cell state stands still: the hidden state has to as well.",
    "np.where(real, h, h_prev)",
    "h",
)
masked.slip(
    "Only the hidden state stands still: the cell state has to as well, or the padding is remembered.",
    "np.where(real, c, c_prev)",
    "c",
)
masked.slip("The bias is missing: b shifts all four sums.", " + b", "")
masked.slip(
    "The gates are taken in the order i, f, o, g: the third block is the candidate, the fourth the output gate.",
    "i, f, g, o =",
    "i, f, o, g =",
)
masked.slip(
    "Input and forget gate are exchanged: the first block is i, the second f.",
    "i, f, g, o =",
    "f, i, g, o =",
)
masked.slip(
    "The new cell state is shown without tanh: h = o * tanh(c).",
    "sigmoid(o) * np.tanh(c)",
    "sigmoid(o) * c",
)
masked.slip(
    "The hidden state is made from the old cell state: the output gate shows the new one.",
    "sigmoid(o) * np.tanh(c)",
    "sigmoid(o) * np.tanh(c_prev)",
)
masked.slip(
    "The candidate goes through the logistic function: it is a tanh and may be negative.",
    "np.tanh(g)",
    "sigmoid(g)",
)
masked.slip(
    "The forget gate is missing: this adds to the whole old cell state, as in 1997.",
    "sigmoid(f) * c_prev",
    "c_prev",
)
masked.slip(
    "The mask is turned round: 1 is a real step, 0 is padding.",
    "> 0",
    "== 0",
)
masked.slip(
    "The states come in the wrong order: h first, then c.",
    "return np.where(real, h, h_prev), np.where(real, c, c_prev)",
    "return np.where(real, c, c_prev), np.where(real, h, h_prev)",
)
masked.slip(
    "The gates read the cell state: the recurrent weights belong to the hidden state.",
    "h_prev @ W_h.T",
    "c_prev @ W_h.T",
)


@masked.mistake("Only the input is masked: with x at zero the step still changes both states.")
def input_masked_only(x, mask, h_prev, c_prev, W_x, W_h, b):
    a = (x * mask[:, None]) @ W_x.T + h_prev @ W_h.T + b
    i, f, g, o = np.split(a, 4, axis=1)
    c = sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@masked.mistake("At padded steps h is shown anew from the old cell state: it stands still and is h_prev.")
def shown_anew(x, mask, h_prev, c_prev, W_x, W_h, b):
    a = x @ W_x.T + h_prev @ W_h.T + b
    i, f, g, o = np.split(a, 4, axis=1)
    c = np.where(mask[:, None] > 0, sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g), c_prev)
    return sigmoid(o) * np.tanh(c), c


@masked.mistake("The states that were handed in are changed in place: the caller's arrays must stay as they are.")
def in_place(x, mask, h_prev, c_prev, W_x, W_h, b):
    a = x @ W_x.T + h_prev @ W_h.T + b
    i, f, g, o = np.split(a, 4, axis=1)
    real = mask > 0
    c_prev[real] = (sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g))[real]
    h_prev[real] = (sigmoid(o) * np.tanh(c_prev))[real]
    return h_prev, c_prev


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
    terms={"through h": ("dh",), "from the next step": ("dc_later",)},
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


old.slip(
    "The slope of the candidate is that of tanh: this one runs from -2 to 2, and its slope is (4 - g^2) / 4.",
    "(4 - g**2) / 4",
    "(1 - g**2)",
)
old.slip(
    "The slope of the candidate is that of the logistic function of its own value: put a = sigma^-1((g + 2) / 4) first.",
    "(4 - g**2) / 4",
    "g * (1 - g)",
)
old.slip(
    "The factor 1/4 in the slope of the candidate is missing.",
    "(4 - g**2) / 4",
    "(4 - g**2)",
)
old.slip(
    "The slope of the function that shows the cell is twice too large: with values from -1 to 1 it is (1 - value^2) / 2.",
    "(1 - shown**2) / 2",
    "(1 - shown**2)",
)
old.slip(
    "The cell is shown through tanh: in 1997 it was 2 sigma(c) - 1.",
    "2 * sigmoid(c) - 1",
    "np.tanh(c)",
)
old.slip(
    "What comes from the next step is missing in the adjoint of c: c goes to h and to the next c.",
    "dc_later + ",
    "",
)
old.slip(
    "The output gate is missing on the way from h to c.",
    "dh * o * (1 - shown**2)",
    "dh * (1 - shown**2)",
)
old.slip(
    "The adjoint of the input gate lacks its partner g.",
    "dc * g * i * (1 - i)",
    "dc * i * (1 - i)",
)
old.slip(
    "The adjoint of the candidate lacks its partner i.",
    "dc * i * (4",
    "dc * (4",
)
old.slip(
    "The output gate takes its adjoint from c: it is reached from h, through the cell that is shown.",
    "dh * shown * o",
    "dc * shown * o",
)
old.slip(
    "The output gate's partner is c itself: it multiplies the squashed value.",
    "dh * shown * o",
    "dh * c * o",
)
old.slip(
    "The blocks are in the order i, o, g: asked for is i, g, o.",
    "[da_i, da_g, da_o]",
    "[da_i, da_o, da_g]",
)
old.slip(
    "The gradient for the old cell is multiplied by the input gate: there is no factor on this path, it is the carrousel.",
    "axis=1), dc",
    "axis=1), dc * i",
)
old.slip(
    "Only what came from the next step is passed on: what enters through h goes back to c as well.",
    "axis=1), dc",
    "axis=1), dc_later",
)
old.slip(
    "The slope of the output gate is missing.",
    "dh * shown * o * (1 - o)",
    "dh * shown",
)
old.slip(
    "The slope of the input gate is missing.",
    "dc * g * i * (1 - i)",
    "dc * g",
)


@old.mistake("The old cell is given a forget gate of 1 - i: in 1997 there was none, the old cell passes whole.")
def coupled_forget(dh, dc_later, i, g, o, c):
    shown = np.tanh(c / 2)
    dc = dc_later + dh * o * (1 - shown**2) / 2
    da = [dc * g * i * (1 - i), dc * i * (1 - g * g / 4), dh * shown * o * (1 - o)]
    return np.hstack(da), dc * (1 - i)


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
    terms={"through h": ("dh",), "gradient of the last cell": ("dc_last",)},
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


cells.slip(
    "The last cell's own gradient is ignored: dc_last enters at the last step.",
    "later = dc_last",
    "later = np.zeros_like(dc_last)",
)
cells.slip(
    "The gradient of the last cell is multiplied by a forget gate: it enters the last cell as it is.",
    "later = dc_last",
    "later = dc_last * f[-1]",
)
cells.slip(
    "The forget gate is missing on the way back.",
    "f[t] * dc[t]",
    "dc[t]",
)
cells.slip(
    "The forget gate is that of the step before: the way from c[t-1] to c[t] has the gate of step t.",
    "f[t] * dc[t]",
    "f[t - 1] * dc[t]",
)
cells.slip(
    "The output gate is missing on the way from h to c.",
    "o[t] * (1",
    "(1",
)
cells.slip(
    "The slope of tanh is missing on the way from h to c.",
    " * (1 - np.tanh(c[t]) ** 2)",
    "",
)
cells.slip(
    "The slope is 1 - c^2: what is squared is tanh(c), c itself can be larger than 1.",
    "np.tanh(c[t]) ** 2",
    "c[t] ** 2",
)
cells.slip(
    "The slope is 1 - tanh(c): the square is missing.",
    "np.tanh(c[t]) ** 2",
    "np.tanh(c[t])",
)
cells.slip(
    "What comes from later is not added: a cell also acts through the next cell.",
    " + later",
    " + 0 * later",
)
cells.slip(
    "The gradient for the first state is that of the first cell: it has the first forget gate still to pass.",
    "return dc, later",
    "return dc, dc[0]",
)
cells.slip(
    "The gate multiplies also what enters through h at the same step: f[t] acts on the way to the step before.",
    "dh[t] + later",
    "dh[t] * f[t] + later",
)
cells.slip(
    "The steps run forward: a gradient goes from the last step to the first.",
    "reversed(range(len(dh)))",
    "range(len(dh))",
)
cells.slip(
    "The two results are in the wrong order: all steps first, then the state before them.",
    "return dc, later",
    "return later, dc",
)


@cells.mistake("Only the last gradient travels: what enters through h at earlier steps is carried back as well.")
def nothing_accumulates(dh, dc_last, f, o, c):
    dc = o * (1 - np.tanh(c) ** 2) * dh
    back = dc_last
    for t in reversed(range(len(dh))):
        dc[t] = dc[t] + back
        back = back * f[t]
    return dc, back


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


@path.inputs(T=(2500,), B=(2,), H=(3,), says="These sequences are long: products underflow.")
def draw_long_path(rng, T, B, H):
    return draw_path(rng, T, B, H)


path.slip(
    "The step's own gate is counted: the way from c[t] to later cells begins with the gate of step t + 1.",
    "D[t] = np.where(t < lengths, total.max(axis=1), 0.0)",
    "D[t] = np.where(t < lengths, (total + np.log10(f[t])).max(axis=1), 0.0)",
)
path.slip(
    "The gates of padded steps are counted: the path ends at the last real step.",
    "np.where(real, np.log10(f[t]), 0.0)",
    "np.log10(f[t])",
)
path.slip(
    "Padded steps are not 0.",
    "np.where(t < lengths, total.max(axis=1), 0.0)",
    "np.where(t < lengths, total.max(axis=1), np.log10(f[t]).max(axis=1))",
)
path.slip(
    "The worst unit is returned: asked for is the best.",
    "total.max(axis=1)",
    "total.min(axis=1)",
)
path.slip(
    "The mean over units is returned: asked for is the best.",
    "total.max(axis=1)",
    "total.mean(axis=1)",
)
path.slip(
    "These are natural logarithms: log10 was asked for.",
    "np.log10(f[t])",
    "np.log(f[t])",
)
path.slip(
    "The sequences end one step too early: the last real step has index length - 1.",
    "real = (t < lengths)[:, None]",
    "real = (t < lengths - 1)[:, None]",
)
path.slip(
    "The best is taken over the batch and units together: every sequence has its own path.",
    "total.max(axis=1)",
    "total.max()",
)
path.slip(
    "The lengths are ignored: padded steps are 0 and are not on the path.",
    "    real = (t < lengths)[:, None]",
    "    real = True\n        D[t] = total.max(axis=1)",
)


@path.mistake("The best gate is chosen at every step: a path stays in one unit, so sum first, then take the best.")
def best_gate_each_step(f, lengths):
    T, B, _ = f.shape
    D = np.zeros((T, B))
    for b in range(B):
        best = np.log10(f[: lengths[b], b].max(axis=1))
        for t in range(lengths[b]):
            D[t, b] = best[t + 1 :].sum()
    return D


@path.mistake("The gates are multiplied before the logarithm: over thousands of steps the product is zero.")
def product_first(f, lengths):
    T, B, _ = f.shape
    D = np.zeros((T, B))
    with np.errstate(divide="ignore"):
        for b in range(B):
            product = np.ones(f.shape[2])
            for t in reversed(range(lengths[b])):
                D[t, b] = np.log10(product.max())
                product = product * f[t, b]
    return D


@path.mistake("The sums run from the first step to t: asked for is what lies between t and the last real step.")
def from_the_start(f, lengths):
    D = np.cumsum(np.log10(f), axis=0).max(axis=2)
    return np.where(np.arange(len(f))[:, None] < lengths, D, 0.0)


@path.mistake("The mean gate of the layer is used: the logarithm of a mean is not the best unit's sum.")
def mean_gate(f, lengths):
    T, B, _ = f.shape
    D = np.zeros((T, B))
    for b in range(B):
        logs = np.log10(f[: lengths[b], b].mean(axis=1))
        for t in range(lengths[b]):
            D[t, b] = logs[t + 1 :].sum()
    return D


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


@bias.inputs(H=(3, 2))
def draw_without_feedback(rng, H):
    return {"half_life": rng.uniform(0.5, 40, size=H), "feedback": np.zeros(H)}


bias.slip(
    "The feedback is ignored: gate and feedback together make the factor of a step.",
    " - feedback",
    " - 0 * feedback",
)
bias.slip(
    "The feedback is added to the gate that is wanted: what is written back need not be kept by the gate.",
    " - feedback",
    " + 0.5 * feedback",
)
bias.slip(
    "This is the logarithm of the gate: the logistic function is inverted by ln(f / (1 - f)).",
    "np.log(f / (1 - f))",
    "np.log(f)",
)
bias.slip(
    "The sign is wrong: a gate near 1 needs a large positive bias.",
    "np.log(f / (1 - f))",
    "np.log((1 - f) / f)",
)
bias.slip(
    "The gate is returned: asked for is its bias.",
    "return np.log(f / (1 - f))",
    "return f",
)
bias.slip(
    "1 / e is left after this many steps, not one half.",
    "0.5 ** (1 / half_life)",
    "np.exp(-1 / half_life)",
)
bias.slip(
    "The power is turned round: the factor is the n-th root of one half.",
    "0.5 ** (1 / half_life)",
    "(1 - 0.5 ** half_life)",
)
bias.slip(
    "The rule of the chrono start is used, f = 1 - 1 / n: n is a half-life here.",
    "0.5 ** (1 / half_life)",
    "(1 - 1 / (1 + half_life))",
)
bias.slip(
    "The decimal logarithm is used: sigma is made with e.",
    "np.log(f / (1 - f))",
    "np.log10(f / (1 - f))",
)
bias.slip(
    "The inverse of tanh is used: the gate is a logistic function.",
    "np.log(f / (1 - f))",
    "np.arctanh(f)",
)


@bias.mistake("The feedback is taken off the bias: it has to be taken off the factor, before the inverse of sigma.")
def feedback_off_the_bias(half_life, feedback):
    f = 0.5 ** (1 / half_life)
    return np.log(f / (1 - f)) - feedback


@bias.mistake("The feedback multiplies: it is added to the gate at every step.")
def feedback_multiplies(half_life, feedback):
    f = 0.5 ** (1 / half_life) / (1 + feedback)
    return np.log(f / (1 - f))


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

scales = exercise("time_scale_biases", points=2, returns=("b_ih", "b_hh"))


@scales.inputs(L=(2, 1, 3), D=(2, 1, 1), H=(3, 4, 2))
def draw_scales(rng, L, D, H):
    shortest = float(rng.uniform(1.5, 4))
    return {
        "u": rng.uniform(0.05, 0.95, size=(L, D, H)),
        "shortest": shortest,
        "longest": float(shortest * rng.uniform(30, 200)),
    }


scales.slip(
    "The time scales are spread evenly: asked for is an even spread of their logarithms.",
    "shortest * (longest / shortest) ** u",
    "shortest + (longest - shortest) * u",
)
scales.slip(
    "The shortest time scale is missing as a factor.",
    "shortest * (longest / shortest) ** u",
    "(longest / shortest) ** u + 0.5",
)
scales.slip(
    "Short and long are exchanged: u = 0 is the shortest time scale.",
    "shortest * (longest / shortest) ** u",
    "longest * (shortest / longest) ** u",
)
scales.slip(
    "The 1 is missing: sigma(b) = 1 - 1 / tau gives b = ln(tau - 1).",
    "np.log(tau - 1)",
    "np.log(tau)",
)
scales.slip(
    "The input gate's bias is not negative: a cell that keeps much takes in little.",
    "[-forget, forget, 0 * u, 0 * u]",
    "[forget, forget, 0 * u, 0 * u]",
)
scales.slip(
    "The input gate's bias is left at zero: it is the negative of the forget gate's.",
    "[-forget, forget, 0 * u, 0 * u]",
    "[0 * u, forget, 0 * u, 0 * u]",
)
scales.slip(
    "Input and forget gate are exchanged: the first block is i, the second f.",
    "[-forget, forget, 0 * u, 0 * u]",
    "[forget, -forget, 0 * u, 0 * u]",
)
scales.slip(
    "The forget gate's bias is in the third block: that is the candidate in the order i, f, g, o.",
    "[-forget, forget, 0 * u, 0 * u]",
    "[-forget, 0 * u, forget, 0 * u]",
)
scales.slip(
    "The value stands in both vectors: they are added, so the bias is doubled.",
    "np.zeros_like(b_ih)",
    "b_ih.copy()",
)
scales.slip(
    "The two vectors are exchanged: the first gets the values, the second zeros.",
    "return b_ih, np.zeros_like(b_ih)",
    "return np.zeros_like(b_ih), b_ih",
)
scales.slip(
    "The time scale itself is the bias: it takes the logarithm of tau - 1 to make the gate.",
    "np.log(tau - 1)",
    "tau - 1",
)
scales.slip(
    "The decimal logarithm is used: sigma is made with e.",
    "np.log(tau - 1)",
    "np.log10(tau - 1)",
)


@scales.mistake("Every layer and direction gets the numbers of the first: each has uniforms of its own.")
def first_for_all(u, shortest, longest):
    forget = np.log(shortest * (longest / shortest) ** u[0, 0] - 1)
    row = np.concatenate([-forget, forget, 0 * forget, 0 * forget])
    b_ih = np.tile(row, (*u.shape[:2], 1))
    return b_ih, 0 * b_ih


@scales.mistake("Only the first layer is set: every layer needs its biases.")
def first_layer_only(u, shortest, longest):
    forget = np.log(shortest * (longest / shortest) ** u - 1)
    b_ih = np.concatenate([-forget, forget, 0 * u, 0 * u], axis=2)
    b_ih[1:] = 0
    return b_ih, 0 * b_ih


@scales.mistake("Half of the value stands in each vector: the sum is right, but asked for is everything in the first.")
def half_and_half(u, shortest, longest):
    forget = np.log(shortest * (longest / shortest) ** u - 1)
    b_ih = np.concatenate([-forget, forget, 0 * u, 0 * u], axis=2) / 2
    return b_ih, b_ih.copy()


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

onnx = exercise("from_onnx", points=3, returns=("W_x", "W_h", "b"))


@onnx.inputs(D=(2, 1, 2, 1), I=(2, 3, 5, 1), H=(3, 4, 2, 1))
def draw_onnx(rng, D, I, H):
    return {
        "W": rng.normal(size=(D, 4 * H, I)),
        "R": rng.normal(size=(D, 4 * H, H)),
        "B": rng.normal(size=(D, 8 * H)),
    }


onnx.slip(
    "The gates are left in ONNX's order.",
    "[i, f, g, o]",
    "[i, o, f, g]",
)
onnx.slip(
    "The gates are read in PyTorch's order and written in ONNX's: the conversion runs the other way.",
    "i, o, f, g = np.split(a, 4, axis=1)\n        return np.concatenate([i, f, g, o], axis=1)",
    "i, f, g, o = np.split(a, 4, axis=1)\n        return np.concatenate([i, o, f, g], axis=1)",
)
onnx.slip(
    "Only candidate and output gate are exchanged: in ONNX the output gate is the second block.",
    "i, o, f, g =",
    "i, f, o, g =",
)
onnx.slip(
    "Output and forget gate are exchanged and the candidate stays last: the order wanted is i, f, g, o.",
    "[i, f, g, o]",
    "[i, f, o, g]",
)
onnx.slip(
    "The bias for the recurrence is lost: the two are added.",
    "first + second",
    "first",
)
onnx.slip(
    "The bias for the input is lost: the two are added.",
    "first + second",
    "second",
)
onnx.slip(
    "The bias is the mean of the two: they are added.",
    "first + second",
    "(first + second) / 2",
)
onnx.slip(
    "The biases keep ONNX's order: they are cut and stacked like the weights.",
    "ordered(first + second)",
    "first + second",
)
onnx.slip(
    "The recurrent weights keep ONNX's order: they are cut and stacked like the others.",
    "ordered(W), ordered(R)",
    "ordered(W), R",
)
onnx.slip(
    "The input weights keep ONNX's order: they are cut and stacked like the others.",
    "ordered(W), ordered(R)",
    "W, ordered(R)",
)
onnx.slip(
    "Input and recurrent weights are exchanged.",
    "ordered(W), ordered(R)",
    "ordered(R), ordered(W)",
)
onnx.slip(
    "The axis of directions is lost: it stays in front.",
    "return ordered(W), ordered(R), ordered(first + second)",
    "return ordered(W)[0], ordered(R)[0], ordered(first + second)[0]",
)


@onnx.mistake("The second direction is converted as the first: each has weights of its own.")
def first_direction_twice(W, R, B):
    H = R.shape[2]
    order = np.concatenate([np.arange(H) + k * H for k in (0, 2, 3, 1)])
    b = (B[:, : 4 * H] + B[:, 4 * H :])[:, order]
    return tuple(np.repeat(a[:1], len(a), axis=0) for a in (W[:, order], R[:, order], b))


@onnx.mistake("The bias is cut into eight and neighbours are added: it is four blocks for the input, then four more.")
def neighbours_added(W, R, B):
    D, H = len(W), R.shape[2]
    order = np.concatenate([np.arange(H) + k * H for k in (0, 2, 3, 1)])
    b = B.reshape(D, 4, 2, H).sum(axis=2).reshape(D, 4 * H)
    return W[:, order], R[:, order], b[:, order]


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
