"""Inputs and right answers for unit 07-gru-and-variants."""

import numpy as np

from rnncourse.authoring import exercise


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def slopes(loss, arrays):
    """Gradients of an analytic loss(*arrays) by complex steps: exact to rounding, without any derivation."""
    found = []
    for k, array in enumerate(arrays):
        gradient = np.empty(array.shape)
        for place in np.ndindex(array.shape):
            probe = [a.astype(complex) for a in arrays]
            probe[k][place] += 1e-30j
            gradient[place] = loss(*probe).imag / 1e-30
        found.append(gradient)
    return found


# 1. reset_before_backward

before = exercise(
    "reset_before_backward",
    points=4,
    returns=("dx", "dh_prev", "dW_x", "dW_h", "db"),
    blocks={"db": ("r", "z", "n")},
)


@before.inputs(B=(3, 1, 2), I=(2, 4, 1), H=(4, 2, 3))
def draw_before(rng, B, I, H):
    return {
        "dh": rng.normal(size=(B, H)),
        "x": rng.normal(size=(B, I)),
        "h_prev": rng.uniform(-1, 1, size=(B, H)),
        "W_x": 0.7 * rng.normal(size=(3 * H, I)),
        "W_h": 0.7 * rng.normal(size=(3 * H, H)),
        "b": rng.normal(size=3 * H),
    }


def before_loss(dh):
    def loss(x, h_prev, W_x, W_h, b):
        H = h_prev.shape[1]
        r, z, _ = np.split(sigmoid(x @ W_x.T + h_prev @ W_h.T + b), 3, axis=1)
        n = np.tanh(x @ W_x[2 * H :].T + (r * h_prev) @ W_h[2 * H :].T + b[2 * H :])
        return np.sum(dh * ((1 - z) * n + z * h_prev))

    return loss


@before.answer
def before_by_complex_steps(dh, x, h_prev, W_x, W_h, b):
    return tuple(slopes(before_loss(dh), (x, h_prev, W_x, W_h, b)))


@before.answer
def before_row_by_row(dh, x, h_prev, W_x, W_h, b):
    """Sequence by sequence, in columns as in the equations; a list instead of a tuple."""
    W_xr, W_xz, W_xn = np.split(W_x, 3)
    W_hr, W_hz, W_hn = np.split(W_h, 3)
    b_r, b_z, b_n = np.split(b, 3)
    dx, dh_prev, dW_x, dW_h, db = (np.zeros(a.shape) for a in (x, h_prev, W_x, W_h, b))
    for k, (g, u, h) in enumerate(zip(dh, x, h_prev, strict=True)):
        r, z = sigmoid(W_xr @ u + W_hr @ h + b_r), sigmoid(W_xz @ u + W_hz @ h + b_z)
        n = np.tanh(W_xn @ u + W_hn @ (r * h) + b_n)
        s = (1 - n * n) * (1 - z) * g
        q = W_hn.T @ s
        e_r, e_z = (r - r * r) * h * q, (z - z * z) * (h - n) * g
        e = np.concatenate([e_r, e_z, s])
        dx[k] = W_x.T @ e
        dh_prev[k] = z * g + r * q + W_hr.T @ e_r + W_hz.T @ e_z
        dW_x += np.outer(e, u)
        dW_h += np.vstack([np.outer(e_r, h), np.outer(e_z, h), np.outer(s, r * h)])
        db += e
    return [dx, dh_prev, dW_x, dW_h, db]


# 2. coupled_backward

coupled = exercise("coupled_backward", points=3, returns=("da", "dc_prev"), blocks={"da": ("f", "g", "o")})


@coupled.inputs(B=(3, 1, 2), H=(4, 3, 5))
def draw_coupled(rng, B, H):
    f, o = rng.uniform(0.1, 0.9, size=(2, B, H))
    g, c_prev = rng.uniform(-0.9, 0.9, size=(B, H)), 1.2 * rng.normal(size=(B, H))
    return {
        "dh": rng.normal(size=(B, H)),
        "dc": rng.normal(size=(B, H)),
        "c_prev": c_prev,
        "c": f * c_prev + (1 - f) * g,
        "f": f,
        "g": g,
        "o": o,
    }


@coupled.answer
def coupled_by_complex_steps(dh, dc, c_prev, c, f, g, o):
    def loss(a, before):
        keep, candidate, gate = np.split(a, 3, axis=1)
        cell = sigmoid(keep) * before + (1 - sigmoid(keep)) * np.tanh(candidate)
        return np.sum(dh * sigmoid(gate) * np.tanh(cell) + dc * cell)

    sums = np.concatenate([np.log(f / (1 - f)), np.arctanh(g), np.log(o / (1 - o))], axis=1)
    return tuple(slopes(loss, (sums, c_prev)))


@coupled.answer
def coupled_entry_by_entry(dh, dc, c_prev, c, f, g, o):
    B, H = dh.shape
    da, dc_prev = np.zeros((B, 3 * H)), np.zeros((B, H))
    for k in range(B):
        for j in range(H):
            s = np.tanh(c[k, j])
            d = dc[k, j] + o[k, j] * dh[k, j] / np.cosh(c[k, j]) ** 2
            da[k, j] = d * (c_prev[k, j] - g[k, j]) * (f[k, j] - f[k, j] ** 2)
            da[k, H + j] = d * (1 - f[k, j]) * (1 - g[k, j] ** 2)
            da[k, 2 * H + j] = dh[k, j] * s * (o[k, j] - o[k, j] ** 2)
            dc_prev[k, j] = d * f[k, j]
    return [da, dc_prev]


# 3. peephole_backward

peephole = exercise(
    "peephole_backward",
    points=4,
    returns=("da", "dc_prev", "dp"),
    blocks={"da": ("i", "f", "g", "o")},
)


@peephole.inputs(B=(2, 1, 4), H=(4, 2, 5))  # never 3: dp has three rows, and must not look like dc_prev
def draw_peephole(rng, B, H):
    i, f, o = rng.uniform(0.1, 0.9, size=(3, B, H))
    g, c_prev = rng.uniform(-0.9, 0.9, size=(B, H)), 1.2 * rng.normal(size=(B, H))
    return {
        "dh": rng.normal(size=(B, H)),
        "dc": rng.normal(size=(B, H)),
        "c_prev": c_prev,
        "c": f * c_prev + i * g,
        "i": i,
        "f": f,
        "g": g,
        "o": o,
        "p": rng.normal(size=(3, H)),
    }


@peephole.answer
def peephole_by_complex_steps(dh, dc, c_prev, c, i, f, g, o, p):
    def loss(a, before, peep):
        a_i, a_f, a_g, a_o = np.split(a, 4, axis=1)
        cell = sigmoid(a_f + peep[1] * before) * before + sigmoid(a_i + peep[0] * before) * np.tanh(a_g)
        return np.sum(dh * sigmoid(a_o + peep[2] * cell) * np.tanh(cell) + dc * cell)

    def logit(gate):
        return np.log(gate / (1 - gate))

    sums = [logit(i) - p[0] * c_prev, logit(f) - p[1] * c_prev, np.arctanh(g), logit(o) - p[2] * c]
    return tuple(slopes(loss, (np.concatenate(sums, axis=1), c_prev, p)))


@peephole.answer
def peephole_with_stacks(dh, dc, c_prev, c, i, f, g, o, p):
    """All gates in one array; the slopes at once; a list instead of a tuple."""
    B, H = dh.shape
    t = np.tanh(c)
    gates = np.stack([i, f, g, o])
    slope = np.stack([i - i * i, f - f * f, 1 - g * g, o - o * o])
    d_o = np.einsum("bh,bh,bh->bh", dh, t, slope[3])
    d = dc + np.einsum("bh,bh,bh->bh", dh, gates[3], 1 - t * t) + np.einsum("bh,h->bh", d_o, p[2])
    da = slope * np.stack([d * g, d * c_prev, d * i, dh * t])
    dp = np.einsum("gbh,gbh->gh", da[[0, 1, 3]], np.stack([c_prev, c_prev, c]))
    back = d * f + np.einsum("gbh,gh->bh", da[:2], p[:2])
    return [da.transpose(1, 0, 2).reshape(B, 4 * H), back, dp]


# 4. from_lab

lab = exercise("from_lab", points=3, returns=("W_x", "W_h", "b"), blocks={"b": ("r", "z", "n")})


@lab.inputs
def draw_lab(rng, I, H):
    return {
        "kernel_gates": rng.normal(size=(I + H, 2 * H)),
        "kernel_new": rng.normal(size=(I + H, H)),
        "bias_gates": rng.normal(size=2 * H),
        "bias_new": rng.normal(size=H),
    }


@lab.inputs(I=(3,), H=(3,))
def draw_square_lab(rng, I, H):
    return draw_lab(rng, I, H)


@lab.answer
def lab_by_blocks(kernel_gates, kernel_new, bias_gates, bias_new):
    H = bias_new.size
    blocks = kernel_gates[:, H:], 0 - kernel_gates[:, :H], kernel_new
    W = np.vstack([k.T for k in blocks])
    return [W[:, : W.shape[1] - H], W[:, -H:], np.hstack([bias_gates[H:], -bias_gates[:H], bias_new])]


@lab.answer
def lab_entry_by_entry(kernel_gates, kernel_new, bias_gates, bias_new):
    rows, H = kernel_new.shape
    I = rows - H
    W_x, W_h, b = np.empty((3 * H, I)), np.empty((3 * H, H)), np.empty(3 * H)
    for j in range(H):
        sources = (1, kernel_gates, bias_gates, H + j), (-1, kernel_gates, bias_gates, j), (1, kernel_new, bias_new, j)
        for block, (sign, kernel, bias, column) in enumerate(sources):
            W_x[block * H + j] = sign * kernel[:I, column]
            W_h[block * H + j] = sign * kernel[I:, column]
            b[block * H + j] = sign * bias[column]
    return W_x, W_h, b


# 5. merge_biases

merging = exercise("merge_biases", points=2, returns=("b_x", "b_h"))


@merging.inputs(H=(4, 1, 3, 2, 3, 2), case=(0, 1, 2, 3, 4, 5))
def draw_biases(rng, H, case):
    order = ("rzn", "zrn", "nrz", "zrn", "rnz", "rzn")[case]
    return {
        "b_x": rng.normal(size=3 * H),
        "b_h": rng.normal(size=3 * H),
        "order": order,
        "reset_after": case not in (3, 5),
    }


@merging.answer
def merged_by_name(b_x, b_h, order, reset_after):
    x, h = np.split(b_x, 3), np.split(b_h, 3)
    for k, gate in enumerate(order):
        if gate != "n" or not reset_after:
            x[k], h[k] = x[k] + h[k], np.zeros_like(h[k])
    return np.concatenate(x), np.concatenate(h)


@merging.answer
def merged_by_mask(b_x, b_h, order, reset_after):
    stays = np.repeat([reset_after and gate == "n" for gate in order], b_h.size // 3)
    return [np.where(stays, b_x, b_x + b_h), b_h * stays]


# 6. norm_gates

norm = exercise("norm_gates", points=2, returns="normed")


@norm.inputs(G=(4, 3, 2, 5), B=(3, 2, 1, 4), H=(4, 5, 3, 2))
def draw_norm(rng, G, B, H):
    return {
        "a": 2 * rng.normal(size=(B, G * H)) + np.repeat(3 * rng.normal(size=G), H),
        "gain": rng.uniform(0.5, 2, size=(G, H)),
        "offset": rng.normal(size=(G, H)),
        "eps": float(rng.uniform(0.3, 0.9)),
    }


@norm.answer
def normed_gate_by_gate(a, gain, offset, eps):
    found = []
    for part, g, o in zip(np.split(a, len(gain), axis=1), gain, offset, strict=True):
        found.append(g * (part - part.mean(1)[:, None]) / np.sqrt(part.var(1)[:, None] + eps) + o)
    return np.concatenate(found, axis=1)


@norm.answer
def normed_by_a_matrix(a, gain, offset, eps):
    """The means as one product with a matrix of blocks."""
    G, H = gain.shape
    average = np.kron(np.eye(G), np.full((H, H), 1 / H))
    centred = a - a @ average
    return centred * gain.ravel() * (centred**2 @ average + eps) ** -0.5 + offset.ravel()


# 7. half_lives

lives = exercise("half_lives", points=2, returns="half_lives")


@lives.inputs
def draw_lives(rng, T, B, H):
    mask = (rng.random((T, B)) < 0.6).astype(float)
    mask[0], mask[:, 0] = 1.0, 1.0  # every sequence has begun, and the first is the longest
    return {"z": rng.uniform(0.05, 0.99, size=(T, B, H)), "mask": mask}


@lives.inputs(
    says="All sequences but one are padding from the second step on here, the last step is padding in all, and z is 0 at the padded places.",
    T=(6,),
    B=(3,),
    H=(4,),
)
def draw_short_lives(rng, T, B, H):
    mask = np.zeros((T, B))
    mask[0], mask[:-1, 1] = 1.0, 1.0
    z = rng.uniform(0.3, 0.999, size=(T, B, H))
    z[0, 0, 0] = 0.005
    return {"z": z * mask[:, :, None], "mask": mask}


@lives.inputs(
    says="Many steps with nearly closed gates here: the product of all of them is below 1e-320.",
    T=(20,),
    B=(8,),
    H=(1,),
)
def draw_closed(rng, T, B, H):
    return {"z": 10 ** rng.uniform(-4, -2, size=(T, B, H)), "mask": np.ones((T, B))}


@lives.answer
def lives_of_real_steps(z, mask):
    return np.log(0.5) / np.log(z[mask > 0]).mean(axis=0)


@lives.answer
def lives_by_mean_gates(z, mask):
    """The mean gate first, then the logarithm of 1/2 to its base."""
    logs = np.log2(z, where=mask[:, :, None] > 0, out=np.zeros(z.shape))
    kept = 2.0 ** (logs.sum(axis=(0, 1)) / mask.sum())
    return np.array([np.emath.logn(g, 0.5) for g in kept])


@lives.answer
def lives_with_weights(z, mask):
    """A weighted mean over all places, padded ones with weight 0 and any number in them."""
    safe = np.where(mask[:, :, None] == 1, z, 0.5).reshape(mask.size, -1)
    return 1 / np.average(-np.log2(safe), axis=0, weights=mask.ravel())
