"""Inputs, known mistakes and other right answers for unit 07-gru-and-variants."""

import numpy as np

from rnncourse.grading import exercise


def slips(e, edits):
    """Known mistakes as edits of the solution: {what stands there: {what they put in its place: hint}}."""
    for old, wrong in edits.items():
        for new, hint in wrong.items():
            e.slip(hint, old, new)


def mistakes(e, **known):
    """Known mistakes by name: (hint, function)."""
    for name, (hint, function) in known.items():
        function.__name__ = name
        e.mistake(hint)(function)


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

before = exercise("reset_before_backward", points=4, returns=("dx", "dh_prev", "dW_x", "dW_h", "db"))


@before.inputs
def draw_before(rng, B, I, H):
    return {
        "dh": rng.normal(size=(B, H)),
        "x": rng.normal(size=(B, I)),
        "h_prev": rng.uniform(-1, 1, size=(B, H)),
        "W_x": 0.7 * rng.normal(size=(3 * H, I)),
        "W_h": 0.7 * rng.normal(size=(3 * H, H)),
        "b": rng.normal(size=3 * H),
    }


slips(
    before,
    {
        "dh * z + product * r + da_rz @ W_h[: 2 * H]": {
            "product * r + da_rz @ W_h[: 2 * H]": "The straight road is missing in dh_prev: the share z of the old state goes to the new one without any matrix.",
            "dh * (1 - z) + product * r + da_rz @ W_h[: 2 * H]": "The straight road carries the wrong share: z keeps the old state, 1 - z is the share of the new value.",
            "dh + product * r + da_rz @ W_h[: 2 * H]": "The straight road carries the whole gradient: only the share z of the old state was kept.",
            "dh * z + da_rz @ W_h[: 2 * H]": "The road through the new value is missing in dh_prev: the old state, reset, also entered n.",
            "dh * z + product * r": "The roads through the gates are missing in dh_prev: r and z read the old state too.",
            "dh * z + product + da_rz @ W_h[: 2 * H]": "The gradient on the road through n has not passed the reset gate: what entered the product was r times the old state.",
            "dh * z + da_n * r @ W_h[2 * H :] + da_rz @ W_h[: 2 * H]": "The reset gate is passed before the matrix on the way back: that is the other GRU; here the matrix comes first.",
            "dh * z + product * r + da_z @ W_h[H : 2 * H]": "The road through the reset gate is missing in dh_prev: r was computed from the old state as well.",
            "dh * z + product * r + da_r @ W_h[:H]": "The road through the update gate is missing in dh_prev: z was computed from the old state as well.",
        },
        "product = da_n @ W_h[2 * H :]": {
            "product = da_n @ W_h[2 * H :].T": "W_hn is used in the wrong orientation on the way back: in rows it is da_n @ W_hn, without a transpose.",
        },
        "da_n = dh * (1 - z) * (1 - n**2)": {
            "da_n = dh * (1 - z)": "The slope of the tanh is missing: 1 - n**2.",
            "da_n = dh * z * (1 - n**2)": "The new value gets the wrong share of the gradient: it entered with 1 - z.",
            "da_n = dh * (1 - n**2)": "The share 1 - z is missing in the gradient of the new value.",
        },
        "da_r = product * h_prev * r * (1 - r)": {
            "da_r = product * h_prev": "The slope of the reset gate is missing: r (1 - r).",
            "da_r = product * r * (1 - r)": "The old state is missing in the gradient of the reset gate: r was multiplied by it.",
            "da_r = da_n * (h_prev @ W_h[2 * H :].T) * r * (1 - r)": "The gradient of the reset gate is that of the other GRU, in which r multiplies the product W_hn h.",
            "da_r = product * h_prev * (1 - r**2)": "The slope of the reset gate is that of a tanh: a logistic function has r (1 - r).",
        },
        "da_z = dh * (h_prev - n) * z * (1 - z)": {
            "da_z = dh * (h_prev - n)": "The slope of the update gate is missing: z (1 - z).",
            "da_z = dh * (n - h_prev) * z * (1 - z)": "The gradient of the update gate has the wrong sign: a larger z brings more of the old state and less of n.",
            "da_z = dh * h_prev * z * (1 - z)": "In the gradient of z one half is missing: z multiplies the old state, and 1 - z multiplies n.",
            "da_z = -dh * n * z * (1 - z)": "In the gradient of z the old state is missing: z multiplies it.",
        },
        "da_n.T @ (r * h_prev)": {
            "da_n.T @ h_prev": "The n block of dW_h is made with the old state: W_hn multiplied the old state after its reset.",
            "(r * da_n).T @ h_prev": "The n block of dW_h is that of the other GRU: here r belongs to the state, not to the gradient.",
        },
        "np.concatenate([da_rz, da_n], axis=1)": {
            "np.concatenate([da_z, da_r, da_n], axis=1)": "The blocks of dx, dW_x and db are in the order z r n: they have to lie as the weights do, r z n.",
            "np.concatenate([da_rz, product * 0 + da_n * r], axis=1)": "The gradients for the input, W_x and b have been multiplied by r in the n block: the input's part stands outside the reset.",
        },
        "da.sum(axis=0)": {
            "da.mean(axis=0)": "The gradient of the bias is averaged over the batch: all sequences use the same bias, so their parts are summed.",
        },
    },
)


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

coupled = exercise("coupled_backward", points=3, returns=("da", "dc_prev"), terms={"output": ("dh",), "cell": ("dc",)})


@coupled.inputs
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


slips(
    coupled,
    {
        "dc + dh * o * (1 - shown**2)": {
            "dh * o * (1 - shown**2)": "What comes back from step t + 1 is missing: dc is to be added to what the output sends to the cell state.",
            "dc": "The output's part is missing in the gradient of the cell state: h was made from c.",
            "dc + dh * o": "The slope of the last tanh is missing: 1 - tanh(c)**2.",
            "dc + dh * (1 - shown**2)": "The output gate is missing on the way from h to c: h was o times tanh(c).",
            "dc + dh * o * (1 - c**2)": "The slope of the last tanh is taken at the wrong place: it is tanh(c) that is squared, not c.",
            "(dc + dh) * o * (1 - shown**2)": "dc has been sent through the output gate: it is a gradient of c itself and enters as it is.",
            "dc + dh": "The gradient of h is added to that of c as it is: between them lie the output gate and the slope of the tanh.",
        },
        "total * (c_prev - g) * f * (1 - f)": {
            "total * c_prev * f * (1 - f)": "The gate is treated as a forget gate alone: it also takes away from the new value, so the candidate g has to be subtracted.",
            "total * (c_prev + g) * f * (1 - f)": "The candidate enters with the wrong sign: a larger f brings less of it.",
            "total * (g - c_prev) * f * (1 - f)": "The gradient of the gate has the wrong sign: a larger f brings more of the old cell state.",
            "total * (c - g) * f * (1 - f)": "The cell state after the step is used where the gate multiplied the one before it.",
            "total * (c_prev - g)": "The slope of the gate f is missing: f (1 - f).",
            "total * (c_prev - g) * (1 - f**2)": "The slope of the gate f is that of a tanh: a logistic function has f (1 - f).",
        },
        "total * (1 - f) * (1 - g**2)": {
            "total * f * (1 - g**2)": "The candidate gets the wrong share: it entered with 1 - f.",
            "total * (1 - g**2)": "The share 1 - f is missing in the gradient of the candidate.",
            "total * (1 - f)": "The slope of the candidate's tanh is missing: 1 - g**2.",
            "total * (1 - f) * g * (1 - g)": "The candidate gets the slope of a logistic function: it is a tanh, 1 - g**2.",
        },
        "dh * shown * o * (1 - o)": {
            "dh * c * o * (1 - o)": "The output gate multiplied tanh(c), not c itself.",
            "dh * shown": "The slope of the output gate is missing: o (1 - o).",
            "total * shown * o * (1 - o)": "The gradient of the output gate is made with that of the cell state: the gate acts on h alone.",
        },
        "[da_f, da_g, da_o]": {
            "[da_o, da_f, da_g]": "The blocks are in the wrong order: asked for is f, g, o.",
            "[da_f, da_o, da_g]": "The last two blocks are swapped: asked for is f, g, o.",
        },
        "total * f\n": {
            "total\n": "The gate is missing in dc_prev: only the share f of the old cell state was kept.",
            "total * (1 - f)\n": "dc_prev has the wrong share: f is what was kept of the old cell state.",
            "dc * f\n": "dc_prev carries on dc alone: the output's part of the gradient of c goes back as well.",
        },
    },
)


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
    terms={"output": ("dh",), "cell": ("dc",)},
)


@peephole.inputs
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


slips(
    peephole,
    {
        "dc + dh * o * (1 - shown**2) + da_o * p[2]": {
            "dc + dh * o * (1 - shown**2)": "The output gate's peephole is missing in the gradient of c: the gate has seen the new cell state.",
            "dh * o * (1 - shown**2) + da_o * p[2]": "What comes back from step t + 1 is missing: dc is to be added to the other parts.",
            "dc + dh * o + da_o * p[2]": "The slope of the last tanh is missing: 1 - tanh(c)**2.",
            "dc + dh * (1 - shown**2) + da_o * p[2]": "The output gate is missing on the way from h to c: h was o times tanh(c).",
            "dc + dh * o * (1 - shown**2) + da_o": "The peephole weight of the output gate is missing: the gate saw p_o times the cell state.",
            "dc + dh * o * (1 - shown**2) + da_o * p[0]": "The output gate's peephole uses the wrong row of p: the rows are i, f, o.",
            "dc + dh * o * (1 - c**2) + da_o * p[2]": "The slope of the last tanh is taken at the wrong place: it is tanh(c) that is squared, not c.",
        },
        "total * f + da_i * p[0] + da_f * p[1]": {
            "total * f": "The peepholes of i and f are missing in dc_prev: both gates have seen the old cell state.",
            "total * f + da_i * p[0]": "The forget gate's peephole is missing in dc_prev.",
            "total * f + da_f * p[1]": "The input gate's peephole is missing in dc_prev.",
            "da_i * p[0] + da_f * p[1]": "The straight road is missing in dc_prev: the share f of the old cell state was kept.",
            "total * f + da_i * p[1] + da_f * p[0]": "The peepholes of i and f are swapped in dc_prev: the rows of p are i, f, o.",
            "total * f + da_i * p[0] + da_f * p[1] + da_o * p[2]": "The output gate's peephole leads to the old cell state: that gate saw the new one.",
            "dc * f + da_i * p[0] + da_f * p[1]": "dc_prev carries on dc alone: the parts from the output go back as well.",
        },
        "da_o * c]": {
            "da_o * c_prev]": "The output gate's peephole weight multiplied the new cell state, not the old one.",
            "da_o * shown]": "The output gate's peephole weight multiplied c itself, not tanh(c).",
        },
        "[da_i * c_prev, da_f * c_prev,": {
            "[da_i * c, da_f * c,": "The peephole weights of i and f multiplied the old cell state, not the new one.",
            "[da_f * c_prev, da_i * c_prev,": "The first two rows of dp are swapped: the rows are i, f, o.",
        },
        "np.sum(seen, axis=1)": {
            "np.mean(seen, axis=1)": "dp is averaged over the batch: all sequences use the same weights, so their parts are summed.",
            "np.array(seen)": "dp has not been summed over the batch: all sequences use the same weights.",
        },
        "da_i = total * g * i * (1 - i)": {
            "da_i = total * i * (1 - i)": "The candidate is missing in the gradient of the input gate: the gate multiplied g.",
            "da_i = total * g": "The slope of the input gate is missing: i (1 - i).",
        },
        "da_f = total * c_prev * f * (1 - f)": {
            "da_f = total * c * f * (1 - f)": "The forget gate multiplied the cell state before the step, not the one after it.",
            "da_f = total * c_prev": "The slope of the forget gate is missing: f (1 - f).",
        },
        "da_g = total * i * (1 - g**2)": {
            "da_g = total * i": "The slope of the candidate's tanh is missing: 1 - g**2.",
            "da_g = total * (1 - g**2)": "The input gate is missing in the gradient of the candidate.",
        },
        "[da_i, da_f, da_g, da_o]": {
            "[da_i, da_f, da_o, da_g]": "The last two blocks of da are swapped: the order is i, f, g, o.",
        },
    },
)


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

lab = exercise("from_lab", points=3, returns=("W_x", "W_h", "b"))


@lab.inputs
def draw_lab(rng, I, H):
    return {
        "kernel_gates": rng.normal(size=(I + H, 2 * H)),
        "kernel_new": rng.normal(size=(I + H, H)),
        "bias_gates": rng.normal(size=2 * H),
        "bias_new": rng.normal(size=H),
    }


@lab.inputs(I=(3, 2), H=(3, 2))
def draw_square_lab(rng, I, H):
    return draw_lab(rng, I, H)


slips(
    lab,
    {
        "u, r = np.split(kernel_gates, 2, axis=1)": {
            "r, u = np.split(kernel_gates, 2, axis=1)": "In the kernels u and r are taken in the wrong order: the first half of the columns is u.",
        },
        "b_u, b_r = np.split(bias_gates, 2)": {
            "b_r, b_u = np.split(bias_gates, 2)": "In the biases u and r are taken in the wrong order: u comes first.",
        },
        "u, r = np.split(kernel_gates, 2, axis=1)\n    joined = np.concatenate([r, -u, kernel_new], axis=1).T  # (3H, I + H)\n    b_u, b_r = np.split(bias_gates, 2)": {
            "r, u = np.split(kernel_gates, 2, axis=1)\n    joined = np.concatenate([r, -u, kernel_new], axis=1).T\n    b_r, b_u = np.split(bias_gates, 2)": "u and r are taken in the wrong order, in kernels and biases: u comes first.",
        },
        "[r, -u, kernel_new]": {
            "[r, u, kernel_new]": "The kernels of z have not changed their sign: u takes the new value, z keeps the old one, and 1 - sigmoid(a) = sigmoid(-a).",
            "[r, 1 - u, kernel_new]": "The kernels of z are 1 minus those of u: it is the gate that is 1 minus the other, and that is a change of sign inside it.",
            "[-u, r, kernel_new]": "The blocks of the weights are in the order z r n: asked for is r z n.",
            "[-r, u, kernel_new]": "The sign has been changed for r instead of u: it is the update gate that is turned round.",
            "[r, -u, -kernel_new]": "The new value has changed its sign too: only u is turned round.",
            "[-r, -u, kernel_new]": "The reset gate has changed its sign too: only u is turned round.",
        },
        "[b_r, -b_u, bias_new]": {
            "[b_r, b_u, bias_new]": "The bias of z has not changed its sign: everything that goes into the gate has to.",
            "[b_r, 1 - b_u, bias_new]": "The bias of z is 1 minus that of u: the sign changes, nothing else.",
            "[-b_u, b_r, bias_new]": "The blocks of the bias are in the order z r n: asked for is r z n.",
        },
        "[r, -u, kernel_new], axis=1).T  # (3H, I + H)\n    b_u, b_r = np.split(bias_gates, 2)\n    return joined[:, :I], joined[:, I:], np.concatenate([b_r, -b_u, bias_new])": {
            "[r, u, kernel_new], axis=1).T\n    b_u, b_r = np.split(bias_gates, 2)\n    return joined[:, :I], joined[:, I:], np.concatenate([b_r, b_u, bias_new])": "z has been given the weights of u as they are: u takes the new value and z keeps the old one, so all signs change.",
            "[-u, r, kernel_new], axis=1).T\n    b_u, b_r = np.split(bias_gates, 2)\n    return joined[:, :I], joined[:, I:], np.concatenate([-b_u, b_r, bias_new])": "All blocks are in the order z r n: asked for is r z n.",
        },
        "joined[:, :I], joined[:, I:]": {
            "joined[:, -I:], joined[:, :-I]": "The columns are split as if the state came first: in [x, h] the input does.",
            "joined[:, I:], joined[:, :I]": "W_x and W_h are returned in the wrong order.",
            "joined[:, :I].T, joined[:, I:].T": "The weights are transposed: asked for is (3H, I) and (3H, H).",
        },
        "I = len(kernel_gates) - len(bias_new)": {
            "I = len(bias_new)": "The number of inputs is taken to be the number of units: rows of the kernel are I + H.",
        },
    },
)


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


slips(
    merging,
    {
        "if reset_after:": {
            "if True:": "The n block is spared even if the reset comes before the product: there everything may be moved.",
            "if not reset_after:": "The two cases are swapped: it is the reset after the product that has one bias inside and one outside.",
            "if False:": "The n block is merged although the reset comes after the product: there b_hn is multiplied by r and b_xn is not.",
        },
        'order.index("n") * H': {
            "2 * H": "The n block is taken to be the last one: the argument `order` says where it lies.",
            'order.index("r") * H': "The reset gate's block has been spared: it is the n block that cannot be merged.",
            'order.index("z") * H': "The update gate's block has been spared: it is the n block that cannot be merged.",
            'order.index("n")': "The place of the block is counted in blocks, not in entries: block k begins at k * H.",
        },
        "return b_x + moved, b_h - moved": {
            "b_x += moved\n    return b_x, b_h - moved": "b_x itself has been changed: return new arrays, the caller still needs the old ones.",
            "return b_x + moved, b_h": "What has been moved is still in b_h: it now counts twice.",
            "return b_x, b_h - moved": "What was taken out of b_h has not been added to b_x: the model has lost it.",
            "return b_h - moved, b_x + moved": "The two biases are returned in the wrong order: b_x first.",
            "return b_x + moved, 0 * b_h": "b_h has been emptied: the block that could not be moved has to stay there.",
            "return b_x - moved, b_h - moved": "What was taken out of b_h is subtracted from b_x: it has to be added.",
            "return b_x + b_h, b_h - moved": "All of b_h has been added to b_x, the n block included, which stays in b_h as well.",
        },
        "moved[start : start + H] = 0": {
            "moved[start + H :] = 0": "The wrong entries stay: those of the n block are start to start + H.",
            "moved[start:] = 0": "Everything from the n block on stays in b_h: only that block has to.",
            "moved[:start] = 0": "Everything before the n block stays in b_h: only that block has to.",
        },
    },
)


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

norm = exercise("norm_gates", points=2, returns="a", terms={"offset": ("offset",)})


@norm.inputs(G=(4, 3, 2, 5), B=(3, 2, 1, 4), H=(4, 5, 3, 2))
def draw_norm(rng, G, B, H):
    return {
        "a": 2 * rng.normal(size=(B, G * H)) + np.repeat(3 * rng.normal(size=G), H),
        "gain": rng.uniform(0.5, 2, size=(G, H)),
        "offset": rng.normal(size=(G, H)),
        "eps": float(rng.uniform(0.3, 0.9)),
    }


slips(
    norm,
    {
        "blocks = a.reshape(len(a), *gain.shape)": {
            "blocks = a.reshape(len(a), *gain.T.shape).swapaxes(1, 2)": "The columns of a are taken as units of G gates: they lie block after block, H entries each.",
        },
        "centred = blocks - blocks.mean(axis=2, keepdims=True)": {
            "centred = blocks - blocks.mean(axis=(1, 2), keepdims=True)": "The mean is taken over all blocks together: every gate has its own.",
            "centred = blocks - blocks.mean(axis=0, keepdims=True)": "The mean is taken over the batch: that is batch normalisation; here every sequence is on its own.",
            "centred = blocks - blocks.mean(axis=1, keepdims=True)": "The mean is taken over the gates: it runs over the H entries of one gate.",
            "centred = blocks": "The mean has not been taken off.",
        },
        "variance = np.mean(centred**2, axis=2, keepdims=True)": {
            "variance = np.mean(centred**2, axis=(1, 2), keepdims=True)": "The variance is taken over all blocks together: every gate has its own.",
            "variance = np.mean(centred**2, axis=0, keepdims=True)": "The variance is taken over the batch: every sequence is on its own.",
            "variance = np.sum(centred**2, axis=2, keepdims=True)": "The squares are summed, not averaged: the variance is their mean.",
            "variance = np.sum(centred**2, axis=2, keepdims=True) / (gain.shape[1] - 1)": "The variance is divided by H - 1: layer normalisation divides by H.",
            "variance = np.mean(np.abs(centred), axis=2, keepdims=True)": "The mean of the absolute values is not the variance: the entries are squared.",
        },
        "np.sqrt(variance + eps)": {
            "(np.sqrt(variance) + eps)": "eps is added to the root: it belongs to the variance, inside the root.",
            "np.sqrt(variance)": "eps is missing: without it a gate whose sums are all equal divides by zero.",
            "(variance + eps)": "The root is missing: it is the standard deviation that the sums are divided by.",
            "np.sqrt(variance + 1e-5)": "eps is always 1e-5: the argument says how large it is.",
            "np.sqrt(variance + eps**2)": "eps is squared: it is added to the variance as it is.",
        },
        "gain * centred / np.sqrt(variance + eps) + offset": {
            "centred / np.sqrt(variance + eps) + offset": "The gain is missing.",
            "gain * centred / np.sqrt(variance + eps)": "The offset is missing.",
            "gain * (centred / np.sqrt(variance + eps) + offset)": "The offset is multiplied by the gain: it is added afterwards.",
            "(1 + gain) * centred / np.sqrt(variance + eps) + offset": "The gain is counted from 1: it is the factor itself.",
            "gain * blocks / np.sqrt(variance + eps) + offset": "The sums are divided, but their mean has not been taken off.",
        },
    },
)


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
    mask[0, 0] = 1.0
    return {"z": rng.uniform(0.05, 0.99, size=(T, B, H)), "mask": mask}


@lives.inputs(says="All sequences but one are padding from the second step on.", T=(6,), B=(3,), H=(4,))
def draw_short_lives(rng, T, B, H):
    mask = np.zeros((T, B))
    mask[0], mask[:, 1] = 1.0, 1.0
    return {"z": rng.uniform(0.3, 0.999, size=(T, B, H)), "mask": mask}


MEAN_LOG = "np.sum(mask[:, :, None] * np.log(z), axis=(0, 1)) / np.sum(mask)"
slips(
    lives,
    {
        MEAN_LOG: {
            "np.log(z).mean(axis=(0, 1))": "The mask is not used: padded steps take part in the mean.",
            "np.log(np.sum(mask[:, :, None] * z, axis=(0, 1)) / np.sum(mask))": "The arithmetic mean is taken: along a road the gates multiply, so it is the logarithms that are averaged.",
            "np.log(z.mean(axis=(0, 1)))": "The arithmetic mean is taken, of padded steps as well: the logarithms of the real steps are averaged.",
            "np.sum(mask[:, :, None] * np.log(z), axis=(0, 1))": "The logarithms are summed, not averaged: divide by the number of real steps.",
            "np.sum(mask[:, :, None] * np.log(z), axis=(0, 1)) / mask.size": "The sum is divided by the number of all steps: only the real ones count.",
            "np.sum(mask[:, :, None] * np.log(z), axis=(0, 1)) / len(mask)": "The sum is divided by T: divide by the number of real steps of all sequences.",
            "np.sum(mask[:, :, None] * np.log(z), axis=(0, 1)) / mask.shape[1]": "The sum is divided by the number of sequences: divide by the number of real steps of all sequences.",
            "np.sum(mask[:, :, None] * np.log(z)) / np.sum(mask) / z.shape[2]": "One mean is taken over all units: every unit has its own half-life.",
            "np.sum(mask[:, :, None] * np.log(1 - z), axis=(0, 1)) / np.sum(mask)": "z is read as the share that is replaced: here it keeps the old state.",
            "np.sum((1 - mask[:, :, None]) * np.log(z), axis=(0, 1)) / max(np.sum(1 - mask), 1)": "The mask is inverted: it is 1 for real steps.",
            "np.sum(mask[:, :, None] * np.log2(z), axis=(0, 1)) / np.sum(mask)": "Two different logarithms are mixed: use the same one for z and for 2.",
        },
        "-np.log(2) / logs": {
            "np.log(2) / logs": "The sign is wrong: ln z is negative, and a half-life is not.",
            "-1 / logs": "This is the time after which a share 1/e is left: asked for is a half.",
            "-logs / np.log(2)": "Numerator and denominator are swapped: a larger z makes a longer half-life.",
            "-np.log(2) * logs": "ln 2 is multiplied: the half-life is ln 2 divided by -ln z.",
            "1 / (1 - np.exp(logs))": "This is 1 / (1 - z), the mean time until a unit is replaced: asked for is the half-life.",
            "np.log(2) / (1 - np.exp(logs))": "-ln z is approximated by 1 - z, which is right only for z close to 1.",
            "np.exp(logs)": "This is the mean gate itself: asked for is the number of steps.",
        },
    },
)


@lives.mistake("The mean of the half-lives of single steps is taken: first average the logarithms, then invert.")
def mean_of_half_lives(z, mask):
    return np.sum(mask[:, :, None] * -np.log(2) / np.log(z), axis=(0, 1)) / np.sum(mask)


@lives.mistake(
    "The mean is over sequences: first within each and then over all of them, so that short ones weigh too much."
)
def mean_of_sequence_means(z, mask):
    real = mask.sum(axis=0) > 0
    sums = np.sum(mask[:, :, None] * np.log(z), axis=0)[real]
    return -np.log(2) / np.mean(sums / mask.sum(axis=0)[real][:, None], axis=0)


@lives.answer
def lives_of_real_steps(z, mask):
    return np.log(0.5) / np.log(z[mask > 0]).mean(axis=0)


@lives.answer
def lives_by_products(z, mask):
    """The k-th root of the product, then the logarithm to its base."""
    kept = np.where(mask[:, :, None] > 0, z, 1.0).prod(axis=(0, 1)) ** (1 / mask.sum())
    return np.array([np.emath.logn(g, 0.5) for g in kept])
