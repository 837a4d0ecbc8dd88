"""Inputs, known mistakes and other right answers for unit 04-training-a-character-model."""

import numpy as np

from rnncourse.authoring import exercise
from rnncourse.check import properties, toys
from rnncourse.check.forbidden import NUMPY_UNIT

FORBIDDEN = (*NUMPY_UNIT, "rnncourse.optim")

# 1. truncated_gradient

truncated = exercise("truncated_gradient", points=4, returns="dW_h")


@truncated.inputs(T=(7, 1, 8, 9), B=(3, 2, 1, 4), k1=(2, 1, 3, 1), more=(1, 2, 2, 2))
def draw_truncated(rng, T, B, H, k1, more):
    return {
        "h0": rng.uniform(-0.9, 0.9, size=(B, H)),
        "h": rng.uniform(-0.9, 0.9, size=(T, B, H)),
        "dh": rng.normal(size=(T, B, H)),
        "W_h": rng.normal(size=(H, H)),
        "k1": k1,
        "k2": k1 + more,
    }


@truncated.inputs(T=(6, 7), B=(2, 3), H=(3, 4), k1=(3, 2), more=(0, 3))
def draw_truncated_more(rng, T, B, H, k1, more):
    return draw_truncated(rng, T, B, H, k1, more)


truncated.slip(
    "The losses of earlier groups are sent back again: each group sends back the losses of its own k1 steps only.",
    "if t >= start:",
    "if t >= 0:",
)
truncated.slip(
    "The steps before the group add nothing: from the group's end the gradient goes back k2 steps, and each of them adds "
    "its product.",
    "max(end - k2, 0) - 1",
    "start - 1",
)
truncated.slip(
    "The gradient goes back to the first step: it stops after k2 steps.",
    "max(end - k2, 0) - 1",
    "-1",
)
truncated.slip(
    "The k2 steps are counted from the beginning of the group: they are counted back from its end.",
    "max(end - k2, 0) - 1",
    "max(start - k2, 0) - 1",
)
truncated.slip(
    "One step too few: with the group's last step among them, k2 steps are gone through.",
    "max(end - k2, 0) - 1",
    "max(end - k2 + 1, 0) - 1",
)
truncated.slip(
    "One step too many: with the group's last step among them, k2 steps are gone through.",
    "max(end - k2, 0) - 1",
    "max(end - k2 - 1, 0) - 1",
)
truncated.slip(
    "W_h is used in the wrong orientation on the way back: the gradient goes through its transpose (in rows: delta @ W_h).",
    "delta @ W_h",
    "delta @ W_h.T",
)
truncated.slip(
    "The slope of tanh is missing: what arrives at h has to go through 1 - h**2.",
    "(1 - h[t] ** 2) * back",
    "back",
)
truncated.slip(
    "The slope of tanh is 1 - h**2: the square is missing.",
    "(1 - h[t] ** 2)",
    "(1 - h[t])",
)
truncated.slip(
    "The state of the same step is used: W_h acts on the state of the step before.",
    "before[t]",
    "h[t]",
)
truncated.slip(
    "The first step of all adds nothing: it has the index 0 in the arrays, and the state before it is h0, not zeros.",
    "np.concatenate([h0[None], h[:-1]])",
    "np.concatenate([0 * h0[None], h[:-1]])",
)
truncated.slip(
    "The result is transposed: row i of dW_h belongs to unit i, which receives.",
    "delta.T @ before[t]",
    "before[t].T @ delta",
)
truncated.slip(
    "The last group is left out when it is shorter than k1: its losses count too.",
    "range(0, T, k1)",
    "range(0, T - k1 + 1, k1)",
)
truncated.slip(
    "The gradient is averaged over the batch: it is a sum over the sequences.",
    "return dW_h",
    "return dW_h / h.shape[1]",
)
truncated.slip(
    "The groups are laid from the end of the text: they begin at the first step, and only the last may be short.",
    "for start in range(0, T, k1):\n        end = min(start + k1, T)",
    "for end in range(T, 0, -k1):\n        start = max(end - k1, 0)",
)

truncated.slip(
    "The losses at the first step of each group are left out: t = s belongs to the group.",
    "if t >= start:",
    "if t > start:",
)
truncated.slip(
    "Only the loss at the end of each group is sent back: each of its k1 steps has one.",
    "if t >= start:",
    "if t == end - 1:",
)
truncated.slip(
    "h * (1 - h) is the slope of the sigmoid: these states come from a tanh.",
    "(1 - h[t] ** 2)",
    "h[t] * (1 - h[t])",
)
truncated.slip(
    "tanh is applied to h once more: h is already behind it, so its slope is 1 - h**2.",
    "(1 - h[t] ** 2)",
    "(1 - np.tanh(h[t]) ** 2)",
)
truncated.slip(
    "The slope is taken at the state of the step before: at step t it is 1 - h_t**2.",
    "(1 - h[t] ** 2)",
    "(1 - before[t] ** 2)",
)
truncated.slip(
    "The slope multiplies the direct gradient alone: what comes back from the step after goes through it too.",
    "back = back + dh[t]\n            delta = (1 - h[t] ** 2) * back",
    "back = back + (1 - h[t] ** 2) * dh[t]\n            delta = back",
)
truncated.slip(
    "The slope is missing on the steps before the group: the gradient goes through the tanh of every step.",
    "delta = (1 - h[t] ** 2) * back",
    "delta = (1 - h[t] ** 2) * back if t >= start else back",
)
truncated.slip(
    "What is handed on has not gone through the slope: W_h takes delta_t, behind the tanh, to the step before.",
    "delta @ W_h",
    "back @ W_h",
)
truncated.slip(
    "W_h is missing on the way back: from step to step the gradient goes through its transpose.",
    "delta @ W_h",
    "delta",
)
truncated.slip(
    "What comes back is not set to zero between the groups: each starts with nothing at its own end.",
    "back = np.zeros_like(h0)",
    "back = np.zeros_like(h0) if start == 0 else back",
)
truncated.slip(
    "Only the last group counts: the groups add up.",
    "back = np.zeros_like(h0)",
    "back, dW_h = np.zeros_like(h0), np.zeros_like(W_h)",
)
truncated.slip(
    "The groups have k2 steps: they have k1, and k2 only says how far their losses go back.",
    "for start in range(0, T, k1):\n        end = min(start + k1, T)",
    "for start in range(0, T, k2):\n        end = min(start + k2, T)",
)
truncated.slip(
    "k1 and k2 are exchanged: groups have k1 steps, and their losses go back through k2.",
    "T = len(h)\n",
    "T, k1, k2 = len(h), k2, k1\n",
)
truncated.slip(
    "k2 counts groups: it counts steps.",
    "max(end - k2, 0) - 1",
    "max(end - k1 * k2, 0) - 1",
)
truncated.slip(
    "The last, shorter group goes back too few steps: the k2 steps are counted back from its true end.",
    "max(end - k2, 0) - 1",
    "max(start + k1 - k2, 0) - 1",
)
truncated.slip(
    "The way back runs on past the first step: negative indices count from the end, so stop at index 0.",
    "max(end - k2, 0) - 1",
    "end - k2 - 1",
)
truncated.slip(
    "The earliest step of each way back adds nothing: step max(1, e - k2 + 1) is gone through too (range leaves out its "
    "end), and the state before it is as given.",
    "max(end - k2, 0) - 1",
    "max(end - k2, 0)",
)
truncated.slip(
    "The last step of each group is left out: the way back begins at e itself.",
    "range(end - 1,",
    "range(end - 2,",
)
truncated.slip(
    "The last group is filled up to k1 steps: it may be shorter, and each loss belongs to one group.",
    "end = min(start + k1, T)\n",
    "end = min(start + k1, T)\n        start = max(end - k1, 0)\n",
)
truncated.slip(
    "Before the first step of all stands the last state: h[-1] is the end, and h0 comes before h[0].",
    "before[t]",
    "h[t - 1]",
)
truncated.slip(
    "h0 stands at the start of every way back: it belongs to step 1 alone.",
    "before[t]",
    "(h0 if t == max(end - k2, 0) else before[t])",
)
truncated.slip(
    "The batch is summed before the product: the products of the sequences are summed.",
    "delta.T @ before[t]",
    "np.outer(delta.sum(axis=0), before[t].sum(axis=0))",
)
truncated.slip(
    "Only the first sequence counts: the gradient is a sum over the batch.",
    "delta.T @ before[t]",
    "delta[:1].T @ before[t][:1]",
)
truncated.slip(
    "The gradient is averaged over the steps: it is a sum.",
    "return dW_h",
    "return dW_h / T",
)
truncated.slip(
    "The gradient is averaged over steps and sequences: it is a sum over both.",
    "return dW_h",
    "return dW_h / (T * len(h0))",
)
truncated.slip(
    "The gradient is averaged over the groups: they add up.",
    "return dW_h",
    "return dW_h / len(range(0, T, k1))",
)


@truncated.mistake("Every loss goes back exactly k2 steps: all losses of one group stop at the same step.")
def each_loss_alone(h0, h, dh, W_h, k1, k2):
    return back_through(h0, h, dh, W_h, 1, k2)


def back_through(h0, h, dh, W_h, k1, k2):
    before = np.concatenate([h0[None], h[:-1]])
    total = np.zeros_like(W_h)
    for t, direct in enumerate(dh):
        end = min((t // k1 + 1) * k1, len(h))
        delta = direct * (1 - h[t] ** 2)
        for s in range(t, max(end - k2, 0) - 1, -1):
            total += np.einsum("bi,bj->ij", delta, before[s])
            if s:
                delta = delta @ W_h * (1 - h[s - 1] ** 2)
    return total


@truncated.answer
def loss_by_loss(h0, h, dh, W_h, k1, k2):
    return back_through(h0, h, dh, W_h, k1, k2)


@truncated.answer
def padded_with_h0(h0, h, dh, W_h, k1, k2):
    states = [h0, *h]
    total = 0 * W_h
    ends = sorted({min(e, len(h)) for e in range(k1, len(h) + k1, k1)})
    for number, end in enumerate(ends):
        start = ends[number - 1] if number else 0
        carried = np.zeros(h0.shape)
        for t in reversed(range(max(0, end - k2), end)):
            carried = carried + dh[t] * (t >= start)
            carried = carried * (1 - states[t + 1] * states[t + 1])
            total = total + carried.T @ states[t]
            carried = np.einsum("bi,ij->bj", carried, W_h)
    return total


# 2. adamw_step

adamw = exercise(
    "adamw_step",
    points=3,
    returns=("w", "m", "v"),
    terms={"decay": ("w",), "gradient": ("g",)},
    forbidden=FORBIDDEN,
)


@adamw.inputs(t=(3, 1, 2, 12), E=(3, 2, 4, 5))
def draw_adamw(rng, H, E, t):
    young = t > 1
    return {
        "w": rng.normal(size=(H, E)),
        "g": rng.normal(size=(H, E)),
        "m": rng.normal(size=(H, E)) * young,
        "v": rng.uniform(0.2, 1.5, size=(H, E)) * young,
        "t": t,
        "lr": float(rng.uniform(0.05, 0.2)),
        "beta1": float(rng.uniform(0.6, 0.8)),
        "beta2": float(rng.uniform(0.85, 0.95)),
        "eps": float(rng.uniform(0.01, 0.05)),
        "decay": float(rng.uniform(0.5, 1.5)),
    }


@adamw.inputs(t=(2, 5), N=(6, 3))  # one axis, gradients that eps outweighs
def draw_adamw_small(rng, N, t):
    return {
        **draw_adamw(rng, N, 1, t),
        "w": rng.normal(size=N),
        "g": 1e-3 * rng.normal(size=N),
        "m": 1e-3 * rng.normal(size=N),
        "v": 1e-6 * rng.uniform(0.2, 1.5, size=N),
        "eps": 2e-3,
    }


adamw.slip(
    "The decay is missing: the weights have to shrink by the factor 1 - lr * decay.",
    "(1 - lr * decay) * w",
    "w",
)
adamw.slip(
    "The decay is not multiplied by the learning rate.",
    "(1 - lr * decay)",
    "(1 - decay)",
)
adamw.slip(
    "The decay has the wrong sign: the weights grow.",
    "(1 - lr * decay)",
    "(1 + lr * decay)",
)
adamw.slip(
    "The decay is added to the gradient, as in Adam with L2: then it is divided by the root of v like everything else.",
    "m = beta1 * m",
    "g = g + decay * w\n    decay = 0.0\n    m = beta1 * m",
)
adamw.slip(
    "The mean m is not corrected: it began at zero, and its weights sum to 1 - beta1**t.",
    "m / (1 - beta1**t)",
    "m",
)
adamw.slip(
    "The mean square v is not corrected: it began at zero, and its weights sum to 1 - beta2**t.",
    "v / (1 - beta2**t)",
    "v",
)
adamw.slip(
    "The corrections are those of the next step: the first step has t = 1.",
    "mean = m / (1 - beta1**t)",
    "t = t + 1\n    mean = m / (1 - beta1**t)",
)
adamw.slip(
    "eps stands under the root: it is added to the root.",
    "(np.sqrt(square) + eps)",
    "np.sqrt(square + eps)",
)
adamw.slip(
    "The given eps is not used: it is added to the root.",
    "(np.sqrt(square) + eps)",
    "np.sqrt(square)",
)
adamw.slip(
    "The root is missing: m is divided by the root of v.",
    "np.sqrt(square)",
    "square",
)
adamw.slip(
    "v averages the gradient, not its square: the square is missing.",
    "(1 - beta2) * g**2",
    "(1 - beta2) * g",
)
adamw.slip(
    "The gradient enters m whole: its share is 1 - beta1.",
    "(1 - beta1) * g\n",
    "g\n",
)
adamw.slip(
    "The step goes uphill: it is subtracted.",
    "- lr * mean",
    "+ lr * mean",
)
adamw.slip(
    "The corrected averages are returned: m and v go on without the correction.",
    "(np.sqrt(square) + eps), m, v",
    "(np.sqrt(square) + eps), mean, square",
)
adamw.slip(
    "m and v are returned in the wrong order: w, m, v.",
    "+ eps), m, v",
    "+ eps), v, m",
)
adamw.slip(
    "The weights are decayed after the step: the decay applies to the weights as they were.",
    "return (1 - lr * decay) * w - lr * mean / (np.sqrt(square) + eps), m, v",
    "return (1 - lr * decay) * (w - lr * mean / (np.sqrt(square) + eps)), m, v",
)

adamw.slip(
    "The weights keep the share lr * decay: that is what they lose, and 1 - lr * decay is what they keep.",
    "(1 - lr * decay)",
    "lr * decay",
)
adamw.slip(
    "The decay is doubled: the weights shrink by the factor 1 - lr * decay.",
    "(1 - lr * decay)",
    "(1 - 2 * lr * decay)",
)
adamw.slip(
    "The decay is added to m: then it is divided by the root of v like everything else; it belongs to w alone.",
    "(1 - lr * decay) * w - lr * mean /",
    "w - lr * (mean + decay * w) /",
)
adamw.slip(
    "The decay shrinks the learning rate: it shrinks the weights.",
    "(1 - lr * decay) * w - lr * mean",
    "w - lr / (1 + decay * t) * mean",
)
adamw.slip(
    "The corrections are those of the step before: the first step has t = 1, not 0.",
    "mean = m / (1 - beta1**t)",
    "t = t - 1\n    mean = m / (1 - beta1**t)",
)
adamw.slip(
    "The power is missing in the corrections: they divide by 1 - beta**t.",
    "mean = m / (1 - beta1**t)",
    "t = 1\n    mean = m / (1 - beta1**t)",
)
adamw.slip(
    "In the corrections beta is multiplied by t: it is raised to the power t.",
    "mean = m / (1 - beta1**t)\n    square = v / (1 - beta2**t)",
    "mean = m / (1 - beta1 * t)\n    square = v / (1 - beta2 * t)",
)
adamw.slip(
    "v is corrected with beta1: each average has its own beta.",
    "v / (1 - beta2**t)",
    "v / (1 - beta1**t)",
)
adamw.slip(
    "The corrected m is returned: m goes on without the correction.",
    "+ eps), m, v",
    "+ eps), mean, v",
)
adamw.slip(
    "The corrected v is returned: v goes on without the correction.",
    "+ eps), m, v",
    "+ eps), m, square",
)
adamw.slip(
    "eps is added before v is corrected: first the correction, then the root, then eps.",
    "mean / (np.sqrt(square) + eps)",
    "mean * np.sqrt(1 - beta2**t) / (np.sqrt(v) + eps)",
)
adamw.slip(
    "eps is taken as a least value of the root: it is added to it.",
    "(np.sqrt(square) + eps)",
    "np.maximum(np.sqrt(square), eps)",
)
adamw.slip(
    "v averages the size of the gradient: it averages the square.",
    "(1 - beta2) * g**2",
    "(1 - beta2) * np.abs(g)",
)
adamw.slip(
    "v averages the square of m: it averages the square of the gradient.",
    "(1 - beta2) * g**2",
    "(1 - beta2) * m**2",
)
adamw.slip(
    "beta and 1 - beta are exchanged: the old average keeps the share beta.",
    "m = beta1 * m + (1 - beta1) * g\n    v = beta2 * v + (1 - beta2) * g**2",
    "m = (1 - beta1) * m + beta1 * g\n    v = (1 - beta2) * v + beta2 * g**2",
)
adamw.slip(
    "The step follows the gradient: it follows the average m.",
    "lr * mean",
    "lr * g",
)
adamw.slip(
    "The three results are returned as m, v, w: the order is w, m, v.",
    "return (1 - lr * decay) * w - lr * mean / (np.sqrt(square) + eps), m, v",
    "return m, v, (1 - lr * decay) * w - lr * mean / (np.sqrt(square) + eps)",
)
adamw.slip(
    "The given lr is not used: 0.1 stands in its place.",
    "m = beta1 * m",
    "lr = 0.1\n    m = beta1 * m",
)
adamw.slip(
    "The given betas are not used: 0.9 and 0.999 stand in their place.",
    "m = beta1 * m",
    "beta1, beta2 = 0.9, 0.999\n    m = beta1 * m",
)


@adamw.mistake("The step uses m and v as they were before: it uses the new averages.")
def old_averages(w, g, m, v, t, lr, beta1, beta2, eps, decay):
    _, new_m, new_v = decayed_then_moved(w, g, m, v, t, lr, beta1, beta2, eps, decay)
    step = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return (1 - lr * decay) * w - lr * step, new_m, new_v


@adamw.mistake("beta1 and beta2 are swapped: beta1 belongs to m, beta2 to v.")
def betas_swapped(w, g, m, v, t, lr, beta1, beta2, eps, decay):
    return decayed_then_moved(w, g, m, v, t, lr, beta2, beta1, eps, decay)


@adamw.answer
def decayed_then_moved(w, g, m, v, t, lr, beta1, beta2, eps, decay):
    """The order of PyTorch: first the decay, then the step, with the corrections moved into the learning rate."""
    new = w - lr * decay * w
    m = m + (1 - beta1) * (g - m)
    v = v + (1 - beta2) * (g * g - v)
    root = np.sqrt(1 - beta2**t)
    new = new - lr / (1 - beta1**t) * m / (np.sqrt(v) / root + eps)
    return new, m, v


@adamw.answer
def entry_by_entry(w, g, m, v, t, lr, beta1, beta2, eps, decay):
    out = [np.empty(w.shape) for _ in range(3)]
    for i in np.ndindex(w.shape):
        first = beta1 * m[i] + (1 - beta1) * g[i]
        second = beta2 * v[i] + (1 - beta2) * g[i] ** 2
        move = first / (1 - beta1**t) / ((second / (1 - beta2**t)) ** 0.5 + eps)
        out[0][i] = w[i] - lr * (move + decay * w[i])
        out[1][i], out[2][i] = first, second
    return out


# 3. clip_accumulated

clip = exercise("clip_accumulated", points=3, returns=("clipped", "norm"), forbidden=FORBIDDEN)


def drawn_gradients(rng, K, H, I, limit, size=1.0):
    """K micro-batches; `limit` is the share of its norm to which the combined gradient may go."""
    counts = rng.permutation(np.arange(1, K + 1) * 3 + rng.integers(0, 3, size=K))
    shapes = [(H, I), (H,), (I, H)]
    scales = size * rng.permutation([0.3, 1.0, 3.0])
    gradients = [[scale * rng.normal(size=s) for scale, s in zip(scales, shapes, strict=True)] for _ in range(K)]
    return limited(gradients, counts, limit)


def limited(gradients, counts, limit):
    share = counts / counts.sum()
    total = [sum(s * g for s, g in zip(share, same, strict=True)) for same in zip(*gradients, strict=True)]
    norm = np.sqrt(sum(np.sum(g**2) for g in total))
    return {"gradients": gradients, "counts": counts, "max_norm": float(limit * norm)}


@clip.inputs(K=(3, 2, 4, 3))
def draw_clip(rng, K, H, I):
    return drawn_gradients(rng, K, H, I, rng.uniform(0.2, 0.6))


@clip.inputs(K=(3, 2), H=(4, 5), I=(2, 3))  # short enough: nothing to clip
def draw_clip_short(rng, K, H, I):
    return drawn_gradients(rng, K, H, I, rng.uniform(1.1, 1.4))


@clip.inputs(K=(1,), H=(4,), I=(3,))  # one micro-batch
def draw_clip_single(rng, K, H, I):
    return drawn_gradients(rng, K, H, I, rng.uniform(0.2, 0.6))


@clip.inputs(K=(3,), H=(3,), I=(2,), says="One micro-batch has a gradient of zeros: its characters count.")
def draw_clip_with_zeros(rng, K, H, I):
    drawn = drawn_gradients(rng, K, H, I, 1.0)
    drawn["gradients"][1] = [0 * g for g in drawn["gradients"][1]]
    return limited(drawn["gradients"], drawn["counts"], rng.uniform(0.2, 0.6))


@clip.inputs(K=(2,), H=(3,), I=(2,), says="All gradients are zero, and so is their norm: nothing is to be scaled.")
def draw_clip_nothing(rng, K, H, I):
    drawn = drawn_gradients(rng, K, H, I, 0.5)
    return {**drawn, "gradients": [[0 * g for g in part] for part in drawn["gradients"]]}


@clip.inputs(K=(2,), H=(3,), I=(4,), says="The gradients are very small.")
def draw_clip_small(rng, K, H, I):
    return drawn_gradients(rng, K, H, I, rng.uniform(0.2, 0.6), size=1e-4)


clip.slip(
    "All micro-batches count alike: each has to count by its number of characters.",
    "counts / counts.sum()",
    "np.ones(len(counts)) / len(counts)",
)
clip.slip(
    "The gradients are weighted by their characters but not divided by all of them: asked for is the mean.",
    "counts / counts.sum()",
    "counts",
)
clip.slip(
    "The gradients of the micro-batches are added up as they are: each is a mean, and has to count by its characters.",
    "counts / counts.sum()",
    "np.ones(len(counts))",
)
clip.slip(
    "Short gradients are made longer: if the norm is below the limit, nothing changes.",
    "max_norm / max(norm, max_norm)",
    "max_norm / norm",
)
clip.slip(
    "Nothing is clipped: above the limit the gradient has to be scaled.",
    "max_norm / max(norm, max_norm)",
    "1.0",
)
clip.slip(
    "The root is missing: the norm is the root of the sum of squares.",
    "np.sqrt(sum(np.sum(g**2) for g in total))",
    "sum(np.sum(g**2) for g in total)",
)
clip.slip(
    "The norms of the arrays are added up: the squares are, and then comes the root.",
    "np.sqrt(sum(np.sum(g**2) for g in total))",
    "sum(np.sqrt(np.sum(g**2)) for g in total)",
)
clip.slip(
    "The limit is on the longest array: the global norm takes all arrays together.",
    "np.sqrt(sum(np.sum(g**2) for g in total))",
    "max(np.sqrt(np.sum(g**2)) for g in total)",
)
clip.slip(
    "The norm is divided by the number of entries (a root mean square): the norm is a sum.",
    "np.sqrt(sum(np.sum(g**2) for g in total))",
    "np.sqrt(sum(np.sum(g**2) for g in total) / sum(g.size for g in total))",
)
clip.slip(
    "The norm after clipping is returned: asked for is the norm before.",
    "for g in total], norm",
    "for g in total], scale * norm",
)
clip.slip(
    "Each entry is clipped to the range from -max_norm to max_norm: that turns the gradient.",
    "[scale * g for g in total]",
    "[np.clip(g, -max_norm, max_norm) for g in total]",
)
clip.slip(
    "Each array is clipped by its own norm: one factor for all keeps the direction.",
    "[scale * g for g in total]",
    "[min(1.0, max_norm / np.linalg.norm(g)) * g for g in total]",
)
clip.slip(
    "The result is divided by the norm only: its length should be max_norm.",
    "max_norm / max(norm, max_norm)",
    "1 / norm if norm > max_norm else 1.0",
)

clip.slip(
    "The gradients are added up without their characters, though divided by all of them: each has to count n_i times.",
    "counts / counts.sum()",
    "np.ones(len(counts)) / counts.sum()",
)
clip.slip(
    "The weighted gradients are divided by the number of micro-batches: divide by all characters.",
    "counts / counts.sum()",
    "counts / len(counts)",
)
clip.slip(
    "The mean is divided by the number of micro-batches as well: its weights sum to 1 without that.",
    "counts / counts.sum()",
    "counts / counts.sum() / len(counts)",
)
clip.slip(
    "The weighted gradients are divided by the largest number of characters: divide by the sum.",
    "counts / counts.sum()",
    "counts / counts.max()",
)
clip.slip(
    "Each gradient is divided by its characters: it is a mean already, and counts n_i times.",
    "counts / counts.sum()",
    "1 / counts",
)
clip.slip(
    "The weights are rounded down: // leaves 0 of every share below 1.",
    "counts / counts.sum()",
    "counts // counts.sum()",
)
clip.slip(
    "The weights are the roots of the counts: they are the counts themselves.",
    "counts / counts.sum()",
    "np.sqrt(counts) / np.sqrt(counts).sum()",
)
clip.slip(
    "Micro-batches whose gradient is zero are left out of the number of characters: they count.",
    "counts / counts.sum()",
    "counts / sum(n for n, part in zip(counts, gradients) if any(np.any(g) for g in part))",
)
clip.slip(
    "The factor is turned round: it is max_norm / norm, below 1.",
    "max_norm / max(norm, max_norm)",
    "norm / max_norm if norm > max_norm else 1.0",
)
clip.slip(
    "The factor is divided by the norm twice: max_norm / norm makes the length max_norm.",
    "max_norm / max(norm, max_norm)",
    "max_norm / norm**2 if norm > max_norm else 1.0",
)
clip.slip(
    "The given max_norm is not used: 1 stands in its place.",
    "max_norm / max(norm, max_norm)",
    "1 / max(norm, 1)",
)
clip.slip(
    "A norm of 0 is divided by: 0/0 is NaN, and there is nothing to scale.",
    "[scale * g for g in total]",
    "[g / norm * min(norm, max_norm) for g in total]",
)
clip.slip(
    "A small number is added to the norm, as PyTorch does: here the clipped gradient has the norm max_norm.",
    "max_norm / max(norm, max_norm)",
    "max_norm / (norm + 1e-6) if norm > max_norm else 1.0",
)
clip.slip(
    "The norm is that of the first array: it runs over all arrays.",
    "np.sqrt(sum(np.sum(g**2) for g in total))",
    "np.sqrt(np.sum(total[0] ** 2))",
)
clip.slip(
    "The norm is the sum of the sizes of the entries: it is the root of the sum of their squares.",
    "np.sqrt(sum(np.sum(g**2) for g in total))",
    "sum(np.sum(np.abs(g)) for g in total)",
)
clip.slip(
    "The norm is the largest entry: it is the root of the sum of all squares.",
    "np.sqrt(sum(np.sum(g**2) for g in total))",
    "max(np.max(np.abs(g)) for g in total)",
)
clip.slip(
    "norm(g, 2) of a matrix is its largest singular value: the norm here is the root of the sum of squares.",
    "np.sqrt(sum(np.sum(g**2) for g in total))",
    "np.sqrt(sum(np.linalg.norm(g, 2) ** 2 for g in total))",
)
clip.slip(
    "The norm is taken before the sum is divided by the characters: it is that of the combined gradient.",
    "np.sqrt(sum(np.sum(g**2) for g in total))",
    "counts.sum() * np.sqrt(sum(np.sum(g**2) for g in total))",
)
clip.slip(
    "The norm runs over all micro-batches before they are put together: it is that of the combined gradient.",
    "np.sqrt(sum(np.sum(g**2) for g in total))",
    "np.sqrt(sum(np.sum(g**2) for part in gradients for g in part))",
)
clip.slip(
    "The norm is that of the first micro-batch: it is that of the combined gradient.",
    "np.sqrt(sum(np.sum(g**2) for g in total))",
    "np.sqrt(sum(np.sum(g**2) for g in gradients[0]))",
)
clip.slip(
    "The norm is the weighted mean of the micro-batches' norms: it is that of the combined gradient.",
    "np.sqrt(sum(np.sum(g**2) for g in total))",
    "sum(s * np.sqrt(sum(np.sum(g**2) for g in part)) for s, part in zip(share, gradients))",
)
clip.slip(
    "The norm that is returned is the mean of the micro-batches' norms: it is that of the combined gradient.",
    "for g in total], norm",
    "for g in total], np.mean([np.sqrt(sum(np.sum(g**2) for g in part)) for part in gradients])",
)


def each_clipped(gradients, max_norm):
    return [flat_and_back([part], np.array([1]), max_norm)[0] for part in gradients]


@clip.mistake(
    "Each micro-batch is clipped before they are put together: the clip belongs to the gradient that is used."
)
def clipped_first(gradients, counts, max_norm):
    return flat_and_back(each_clipped(gradients, max_norm), counts, np.inf)


@clip.mistake(
    "Each micro-batch is clipped by itself, though the norm is right: the clip is that of the combined gradient."
)
def clipped_first_norm_right(gradients, counts, max_norm):
    clipped, _ = clipped_first(gradients, counts, max_norm)
    return clipped, flat_and_back(gradients, counts, max_norm)[1]


@clip.mistake("Only the first two micro-batches are used: their number is len(gradients).")
def first_two(gradients, counts, max_norm):
    total = [(counts[0] * g[0] + counts[1] * g[1]) / (counts[0] + counts[1]) for g in zip(*gradients, strict=True)]
    return flat_and_back([total], np.array([1]), max_norm)


@clip.answer
def flat_and_back(gradients, counts, max_norm):
    rows = np.stack([np.concatenate([g.ravel() for g in part]) for part in gradients])
    mean = np.average(rows, axis=0, weights=counts)
    norm = np.linalg.norm(mean)
    if norm > max_norm:
        mean = mean * (max_norm / norm)
    out, place = [], 0
    for g in gradients[0]:
        out.append(mean[place : place + g.size].reshape(g.shape))
        place += g.size
    return out, norm


@clip.answer
def running_sum(gradients, counts, max_norm):
    total = [np.zeros(g.shape) for g in gradients[0]]
    for part, n in zip(gradients, counts, strict=True):
        for t, g in zip(total, part, strict=True):
            t += n * g
    squares = 0.0
    for t in total:
        t /= np.sum(counts)
        squares += float(np.vdot(t, t))
    norm = squares**0.5
    return tuple(t / max(1.0, norm / max_norm) for t in total), norm


# 4. learning_rates

rates = exercise("learning_rates", points=2, returns="rates")


@rates.inputs(warmup=(5, 0, 3, 1), N=(14, 12, 13, 11))
def draw_rates(rng, warmup, N):
    total, peak = warmup + int(rng.integers(6, 9)), float(rng.uniform(0.5, 2))
    return {
        "k": rng.permutation([*range(N + 4), *rng.integers(0, N + 4, size=3)]),  # any order, some twice
        "peak": peak,
        "warmup": warmup,
        "total": total,
        "floor": float(peak * rng.uniform(0.25, 0.35)),  # above the first rates of a warm-up
    }


rates.slip(
    "The warm-up begins at zero: update 0 already has the rate peak / warmup.",
    "peak * (k + 1)",
    "peak * k",
)
rates.slip(
    "The warm-up rises from the floor: it rises from zero, in equal steps of peak / warmup.",
    "peak * (k + 1) / max(warmup, 1)",
    "floor + (peak - floor) * (k + 1) / max(warmup, 1)",
)
rates.slip(
    "The cosine begins with update 0: it begins where the warm-up ends.",
    "(k - warmup) / (total - warmup)",
    "k / total",
)
rates.slip(
    "The cosine takes `total` updates: it has only those that the warm-up leaves, total - warmup.",
    "(k - warmup) / (total - warmup)",
    "(k - warmup) / total",
)
rates.slip(
    "After the last update the rate rises again: from `total` on it stays at the floor.",
    "np.minimum((k - warmup) / (total - warmup), 1.0)",
    "(k - warmup) / (total - warmup)",
)
rates.slip(
    "The floor is missing: the rate falls to zero.",
    "floor + (peak - floor) *",
    "peak *",
)
rates.slip(
    "The floor is added on top: at the start of the cosine the rate should be the peak.",
    "(peak - floor) * (1 + np.cos(np.pi * done)) / 2",
    "peak * (1 + np.cos(np.pi * done)) / 2",
)
rates.slip(
    "The rate falls in a straight line: asked for is half a cosine.",
    "(1 + np.cos(np.pi * done)) / 2",
    "(1 - done)",
)
rates.slip(
    "The factor 1/2 is missing: 1 + cos begins at 2.",
    "(1 + np.cos(np.pi * done)) / 2",
    "(1 + np.cos(np.pi * done))",
)
rates.slip(
    "A whole cosine falls and rises again: asked for is half a period.",
    "np.cos(np.pi * done)",
    "np.cos(2 * np.pi * done)",
)
rates.slip(
    "There is no warm-up: in the first updates the rate has to rise.",
    "np.where(k < warmup, rising, falling)",
    "np.where(k < 0, rising, floor + (peak - floor) * (1 + np.cos(np.pi * np.clip(done, 0, 1))) / 2)",
)
rates.slip(
    "The rate falls to the floor at once: between the peak and the floor lies half a cosine.",
    "np.where(k < warmup, rising, falling)",
    "np.where(k < warmup, rising, floor)",
)

rates.slip(
    "The warm-up counts its updates from 1 to n_w + 1: update n_w - 1 should have the peak.",
    "max(warmup, 1)",
    "(warmup + 1)",
)
rates.slip(
    "Only the 1 is divided by n_w: k + 1 belongs in brackets.",
    "peak * (k + 1) / max(warmup, 1)",
    "peak * (k + 1 / max(warmup, 1))",
)
rates.slip(
    "The warm-up is rounded down: // leaves 0 of every share below 1.",
    "peak * (k + 1) / max(warmup, 1)",
    "peak * ((k + 1) // max(warmup, 1))",
)
rates.slip(
    "The warm-up ends one update too late: update n_w is the first of the cosine.",
    "np.where(k < warmup, rising",
    "np.where(k <= warmup, rising",
)
rates.slip(
    "The warm-up ends one update too early: update n_w - 1 is its last, and has the peak.",
    "np.where(k < warmup, rising",
    "np.where(k < warmup - 1, rising",
)
rates.slip(
    "The floor holds in the warm-up too: there the rate rises from near zero, the floor bounds the cosine.",
    "np.where(k < warmup, rising, falling)",
    "np.maximum(np.where(k < warmup, rising, falling), floor)",
)
rates.slip(
    "The updates are counted from 1: the first is update 0.",
    "rising = ",
    "k = k - 1\n    rising = ",
)
rates.slip(
    "Rate i belongs to place i of k: it belongs to the update k[i].",
    "rising = ",
    "k = np.arange(len(k))\n    rising = ",
)
rates.slip(
    "k is sorted: the rates are asked for in the order of k.",
    "rising = ",
    "k = np.sort(k)\n    rising = ",
)
rates.slip(
    "The given warmup and total are not used: 5 and 15 stand in their place.",
    "rising = ",
    "warmup, total = 5, 15\n    rising = ",
)
rates.slip(
    "The cosine is one update ahead: update n_w has the peak.",
    "(k - warmup) / (total - warmup)",
    "(k + 1 - warmup) / (total - warmup)",
)
rates.slip(
    "The fall is one update too short: it reaches the floor at k = n, so its length is n - n_w.",
    "(k - warmup) / (total - warmup)",
    "(k - warmup) / (total - warmup - 1)",
)
rates.slip(
    "A quarter of a cosine is used: asked for is half a period, moved up by 1 and halved.",
    "(1 + np.cos(np.pi * done)) / 2",
    "np.cos(np.pi / 2 * done)",
)
rates.slip(
    "peak and floor are added: the cosine takes their difference, so that it begins at the peak.",
    "(peak - floor)",
    "(peak + floor)",
)
rates.slip(
    "The last update before `total` is at the floor already: the floor begins with k = n.",
    "np.where(k < warmup, rising, falling)",
    "np.where(k < warmup, rising, np.where(k < total - 1, falling, floor))",
)
rates.slip(
    "After the last update the rate is zero: from `total` on it stays at the floor.",
    "np.where(k < warmup, rising, falling)",
    "np.where(k < warmup, rising, np.where(k < total, falling, 0.0))",
)
rates.slip(
    "After the last update the rate is the peak: from `total` on it stays at the floor.",
    "np.where(k < warmup, rising, falling)",
    "np.where(k < warmup, rising, np.where(k < total, falling, peak))",
)


def in_branches(k, warmup, total, floor, rise, fall, first=0):
    """The three cases as masks: `rise` for k < warmup + first, `fall` until total, then the floor."""
    out = np.full(len(k), float(floor))
    early, middle = k < warmup + first, (k >= warmup + first) & (k < total)
    if warmup:
        out[early] = rise(k[early])
    out[middle] = fall(k[middle])
    return out


def wrong_fall(hint, fall):
    """A mistake between warm-up and `total`: there the rate is fall(k, peak, warmup, total, floor)."""

    @rates.mistake(hint)
    def schedule(k, peak, warmup, total, floor):
        return in_branches(
            k, warmup, total, floor, lambda k: peak * (k + 1) / warmup, lambda k: fall(k, peak, warmup, total, floor)
        )


def half_cosine(angle, peak, floor):
    return floor + (peak - floor) / 2 * (1 + np.cos(angle))


wrong_fall(
    "The fall is divided by n: x = (k - n_w) / (n - n_w) runs from 0 to 1.",
    lambda k, peak, warmup, total, floor: half_cosine(np.pi * (k - warmup) / total, peak, floor),
)
wrong_fall(
    "The cosine does not begin where the warm-up ends: x = (k - n_w) / (n - n_w) runs from 0 to 1.",
    lambda k, peak, warmup, total, floor: half_cosine(np.pi * k / (total - warmup), peak, floor),
)
wrong_fall(
    "A whole period of the cosine is run through: with x from 0 to 1, the cosine of pi x is half of one.",
    lambda k, peak, warmup, total, floor: half_cosine(2 * np.pi * (k - warmup) / (total - warmup), peak, floor),
)
wrong_fall(
    "pi is missing in the cosine: x runs from 0 to 1, the angle from 0 to pi.",
    lambda k, peak, warmup, total, floor: half_cosine((k - warmup) / (total - warmup), peak, floor),
)
wrong_fall(
    "The angle is in degrees: np.cos takes radians, from 0 to pi.",
    lambda k, peak, warmup, total, floor: half_cosine(180 * (k - warmup) / (total - warmup), peak, floor),
)
wrong_fall(
    "A sine stands where the cosine belongs: at x = 0 the rate is the peak.",
    lambda k, peak, warmup, total, floor: half_cosine(np.pi * (k - warmup) / (total - warmup) - np.pi / 2, peak, floor),
)
wrong_fall(
    "The fall is upside down (1 - cos, or peak and floor exchanged): at x = 0 it has the peak, at x = 1 the floor.",
    lambda k, peak, warmup, total, floor: half_cosine(np.pi * (k - warmup) / (total - warmup), floor, peak),
)
wrong_fall(
    "The floor is not added: the cosine falls from the peak to the floor.",
    lambda k, peak, warmup, total, floor: half_cosine(np.pi * (k - warmup) / (total - warmup), peak - floor, 0),
)
wrong_fall(
    "The cosine falls from the peak to zero and then jumps to the floor: it ends at the floor.",
    lambda k, peak, warmup, total, floor: half_cosine(np.pi * (k - warmup) / (total - warmup), peak, 0),
)


@rates.mistake(
    "Update n_w belongs to the warm-up here, and if there is none, update 0 to nothing: n_w is the first of the cosine."
)
def one_more_in_warmup(k, peak, warmup, total, floor):
    def fall(k):
        return half_cosine(np.pi * (k - warmup) / (total - warmup), peak, floor)

    return in_branches(k, warmup, total, floor, lambda k: peak * (k + 1) / warmup, fall, first=1)


@rates.mistake("Update k is treated as update k - 1, and update 0 as none: the first is update 0.")
def counted_from_1(k, peak, warmup, total, floor):
    def fall(k):
        return half_cosine(np.pi * (k - warmup) / (total - warmup), peak, floor)

    return in_branches(k - 1, warmup, total, floor, lambda k: peak * (k + 1) / warmup, fall)


@rates.mistake("The warm-up is a factor on a cosine from update 0: first the rise alone, then the cosine from there.")
def factor_on_cosine(k, peak, warmup, total, floor):
    falling = half_cosine(np.pi * np.clip(k / total, 0, 1), peak, floor)
    return np.minimum((k + 1) / max(warmup, 1), 1) * falling


@rates.mistake(
    "A warm-up of 0 updates is divided by, and infinity times a mask of zeros is NaN: choose, or divide by 1."
)
def masks_multiplied(k, peak, warmup, total, floor):
    rising = peak * (k + 1) / np.float64(warmup)
    falling = half_cosine(np.pi * (k - warmup) / (total - warmup), peak, floor)
    return rising * (k < warmup) + falling * ((k >= warmup) & (k < total)) + floor * (k >= total)


@rates.mistake("The cosine is cut off below the floor: it has to be squeezed in between peak and floor.")
def cut_at_floor(k, peak, warmup, total, floor):
    done = np.clip((k - warmup) / (total - warmup), 0, 1)
    falling = np.maximum(peak * (1 + np.cos(np.pi * done)) / 2, floor)
    return np.where(k < warmup, peak * (k + 1) / max(warmup, 1), falling)


@rates.answer
def one_by_one(k, peak, warmup, total, floor):
    out = []
    for number in k.tolist():
        if number < warmup:
            out.append(peak * (number + 1) / warmup)
        elif number >= total:
            out.append(floor)
        else:
            angle = np.pi * (number - warmup) / (total - warmup)
            out.append(floor + (peak - floor) * np.cos(angle / 2) ** 2)
    return np.array(out)


@rates.answer
def by_parts(k, peak, warmup, total, floor):
    out = np.full(k.shape, floor, dtype=float)
    early, middle = k < warmup, (k >= warmup) & (k < total)
    out[early] = peak * (k[early] + 1.0) / max(warmup, 1)
    part = (k[middle] - warmup) / (total - warmup)
    out[middle] = (peak + floor + (peak - floor) * np.cos(np.pi * part)) / 2
    return out


# 5. bits_per_character

bits = exercise("bits_per_character", points=3, returns="bits")


@bits.inputs(T=(7, 5, 9, 6), V=(4, 5, 3, 6), warm=(2, 1, 3, 4))
def draw_bits(rng, T, B, V, warm):
    small = V == toys.SMALL_READER_SIZES[0]  # a model whose state is not of the size of the vocabulary
    return {
        "model": toys.small_reader if small else (toys.fading_reader, toys.neighbour_reader)[T % 2],
        "ids": rng.integers(0, V, size=(T + 1, B)),
        "h0": rng.normal(size=(B, toys.SMALL_READER_SIZES[1] if small else V)),
        "warm": min(warm, T - 1),
    }


@bits.inputs(T=(1, 6), V=(5, 4))  # every prediction counts
def draw_bits_all(rng, T, B, V):
    return {**draw_bits(rng, T, B, V, 0), "model": toys.neighbour_reader, "h0": rng.normal(size=(B, V))}


bits.slip(
    "The loss is in nats: bits are nats divided by ln 2.",
    " / np.log(2)",
    "",
)
bits.slip(
    "Nats are multiplied by ln 2: bits are nats divided by it.",
    "/ np.log(2)",
    "* np.log(2)",
)
bits.slip(
    "The base of the logarithm is 10: bits have the base 2.",
    "np.log(2)",
    "np.log(10)",
)
bits.slip(
    "The losses are summed: asked for is the mean per character.",
    "np.mean(losses)",
    "np.sum(losses)",
)
bits.slip(
    "The losses are summed over the streams: asked for is the mean per character, over streams too.",
    "np.mean(losses)",
    "np.mean(losses) * ids.shape[1]",
)
bits.slip(
    "The sign is missing: a loss is minus the log of a probability.",
    "append(-log_p",
    "append(log_p",
)
bits.slip(
    "The model is scored on the character that it has just read: the target is the next one.",
    "ids[t + 1]",
    "ids[t]",
)
bits.slip(
    "The state is not carried: every step must receive the state that the step before returned.",
    "log_p, h = model(ids[t], h)",
    "log_p, _ = model(ids[t], h)",
)
bits.slip(
    "Zeros stand where h0 was given.",
    "h, losses = h0, []",
    "h, losses = np.zeros_like(h0), []",
)
bits.slip(
    "The first predictions count as well: the first `warm` of each stream are left out.",
    "if t >= warm:",
    "if True:",
)
bits.slip(
    "One prediction too many is left out: prediction number `warm`, counted from 0, counts.",
    "if t >= warm:",
    "if t > warm:",
)
bits.slip(
    "One prediction too few is left out.",
    "if t >= warm:",
    "if t >= warm - 1:",
)
bits.slip(
    "The first characters leave no trace in the state: the model has to read them, and to keep the state it gains.",
    "for t in range(len(ids) - 1):",
    "for t in range(warm, len(ids) - 1):",
)
bits.slip(
    "The predictions that are left out are at the end: they are the first of each stream.",
    "if t >= warm:",
    "if t < len(ids) - 1 - warm:",
)
bits.slip(
    "Only the first stream is judged: the mean runs over all of them.",
    "-log_p[columns, ids[t + 1]]",
    "-log_p[0, ids[t + 1, 0]]",
)
bits.slip(
    "The perplexity is returned: asked for are bits.",
    "np.mean(losses) / np.log(2)",
    "np.exp(np.mean(losses))",
)

bits.slip(
    "Only the predictions of the warm-up count: they are those that are left out.",
    "if t >= warm:",
    "if t < warm:",
)
bits.slip(
    "The last prediction of each stream is left out: rows 1 to T are targets.",
    "for t in range(len(ids) - 1):",
    "for t in range(len(ids) - 2):",
)
bits.slip(
    "Only the last step counts: the mean runs over all predictions after the warm-up.",
    "np.mean(losses)",
    "np.mean(losses[-1])",
)
bits.slip(
    "All streams begin with the first state: row b of h0 belongs to stream b.",
    "h, losses = h0, []",
    "h, losses = np.repeat(h0[:1], len(h0), axis=0), []",
)
bits.slip(
    "The model is called twice per step, each time with the new state: the state moves on once per character.",
    "log_p, h = model(ids[t], h)",
    "h = model(ids[t], h)[1]\n        log_p = model(ids[t], h)[0]",
)
bits.slip(
    "All streams are judged by all targets: of each stream's row one number counts, that of its own target.",
    "-log_p[columns, ids[t + 1]]",
    "-log_p[:, ids[t + 1]]",
)
bits.slip(
    "The first stream's probabilities are taken for all streams: each has its own row of log_p.",
    "-log_p[columns, ids[t + 1]]",
    "-log_p[0, ids[t + 1]]",
)
bits.slip(
    "The most likely character is scored: the loss is that of the character that comes.",
    "-log_p[columns, ids[t + 1]]",
    "-log_p.max(axis=1)",
)
bits.slip(
    "The entropy of the prediction is taken: the loss is that of the character that comes.",
    "-log_p[columns, ids[t + 1]]",
    "-(np.exp(log_p) * log_p).sum(axis=1)",
)
bits.slip(
    "A second logarithm is taken: the model gives log probabilities.",
    "-log_p[columns, ids[t + 1]]",
    "-np.log(log_p[columns, ids[t + 1]])",
)
bits.slip(
    "A second logarithm is taken, of the losses: the model gives log probabilities already.",
    "-log_p[columns, ids[t + 1]]",
    "-np.log(-log_p[columns, ids[t + 1]])",
)
bits.slip(
    "The losses are divided by the number of characters in the vocabulary: the mean runs over the predictions.",
    "-log_p[columns, ids[t + 1]]",
    "-log_p[columns, ids[t + 1]] / log_p.shape[1]",
)
bits.slip(
    "The logarithm of the mean loss is returned: bits are nats divided by ln 2.",
    "np.mean(losses) / np.log(2)",
    "np.log2(np.mean(losses))",
)
bits.slip(
    "Nats are turned into bits twice: once is enough.",
    "np.mean(losses) / np.log(2)",
    "np.mean(losses) / np.log(2) ** 2",
)


def all_losses(model, ids, h0):
    """Every loss in nats, (T, B)."""
    return losses_of(model, ids[:-1], ids[1:], h0)


def losses_of(model, read, targets, h0):
    state, losses = h0, []
    for now, following in zip(read, targets, strict=True):
        log_p, state = model(now, state)
        losses.append(-np.take_along_axis(log_p, following[:, None], axis=1)[:, 0])
    return np.array(losses)


@bits.mistake("The last `warm` predictions are kept: the first `warm` are left out, and all others kept.")
def last_ones(model, ids, h0, warm):
    return all_losses(model, ids, h0)[-warm:].mean() / np.log(2)


@bits.mistake("`warm` predictions are left out in all: of each stream `warm` are.")
def warm_in_all(model, ids, h0, warm):
    return all_losses(model, ids, h0).ravel()[warm:].mean() / np.log(2)


@bits.mistake(
    "The characters are counted, not the predictions: T + 1 rows give T predictions, `warm` of them left out."
)
def by_characters(model, ids, h0, warm):
    losses = all_losses(model, ids, h0)[warm:]
    return losses.sum() / losses.shape[1] / (len(losses) + 1) / np.log(2)


@bits.mistake("The last character is followed by the first: it has no target.")
def wrapped_round(model, ids, h0, warm):
    return all_losses(model, np.concatenate([ids, ids[:1]]), h0)[warm:].mean() / np.log(2)


@bits.mistake("The streams are read one after the other: they run side by side, each from its own row of h0.")
def one_long_text(model, ids, h0, warm):
    return all_losses(model, ids.T.reshape(-1, 1), h0[:1])[warm:].mean() / np.log(2)


@bits.mistake(
    "The model reads the target and is scored on the character before: it reads ids[t], and ids[t + 1] is next."
)
def one_ahead(model, ids, h0, warm):
    return losses_of(model, ids[1:], ids[:-1], h0)[warm:].mean() / np.log(2)


@bits.mistake("The probabilities are averaged before the logarithm: the losses are averaged.")
def mean_probability(model, ids, h0, warm):
    return -np.log2(np.exp(-all_losses(model, ids, h0)[warm:]).mean())


@bits.mistake("The warm-up predictions count as zeros: they are left out of the number that is divided by, too.")
def counted_as_zero(model, ids, h0, warm):
    T = len(ids) - 1
    return from_a_list(model, ids, h0, warm) * (T - warm) / T


@bits.answer
def from_a_list(model, ids, h0, warm):
    return float(all_losses(model, ids, h0)[warm:].mean() / np.log(2))


@bits.answer
def stream_by_stream(model, ids, h0, warm):
    total, number = 0.0, 0
    for j in range(ids.shape[1]):
        state = h0[j : j + 1]
        for t in range(ids.shape[0] - 1):
            log_p, state = model(ids[t, j : j + 1], state)
            if t >= warm:
                total -= log_p[0, ids[t + 1, j]] * np.log2(np.e)
                number += 1
    return total / number


# 6. sample_top_p

# the name that results of properties have too, so that the messages of both go together
nucleus = exercise("sample_top_p", points=3, returns="the result")


def softmax(z):
    q = np.exp(z - z.max(axis=1, keepdims=True))
    return q / q.sum(axis=1, keepdims=True)


def in_nucleus(q, top_p):
    """Kept or not, in the order of ids: what is more likely than a character sums to less than top_p."""
    above = np.where(q[:, None, :] > q[:, :, None], q[:, None, :], 0.0).sum(axis=2)
    return above < top_p


def nucleus_draw(q, kept, u):
    out = []
    for row, keep, number in zip(q, kept, u, strict=True):
        order = sorted(np.flatnonzero(keep), key=lambda i: -row[i])
        weights = row[order] / row[order].sum()
        place = np.searchsorted(np.cumsum(weights), number, side="right")
        out.append(order[min(place, len(order) - 1)])
    return np.array(out)


def drawn_logits(rng, B, V, top_p, shift=0):
    u = rng.uniform(0.02, 0.98, size=B) if B > 1 else np.array([0.98])  # a single one lies beyond most nuclei
    u[1:3] = (1 - 1e-10, 0.0)[: B - 1]  # the ends of [0, 1)
    return {
        "z": 1.5 * rng.normal(size=(B, V)) + shift,
        "u": u,
        "temperature": float(rng.choice([rng.uniform(0.5, 0.7), rng.uniform(1.4, 2.0)])),
        "top_p": float(top_p),
    }


@nucleus.property(
    properties.repeats,
    "Two calls with the same z and u have to give the same characters: draw no random numbers of your own.",
    B=(20,),
    V=(8,),
)
def draw_again(rng, B, V):
    return drawn_logits(rng, B, V, 0.9)


@nucleus.inputs(B=(40, 30, 1, 50), V=(7, 9, 6, 8))
def draw_nucleus(rng, B, V):
    return drawn_logits(rng, B, V, rng.uniform(0.5, 0.8))


@nucleus.inputs(B=(40,), V=(6,))  # hardly anything is cut
def draw_whole(rng, B, V):
    return drawn_logits(rng, B, V, 0.98)


@nucleus.inputs(B=(40, 1), V=(6, 8))  # one is kept
def draw_greedy(rng, B, V):
    return drawn_logits(rng, B, V, 0.05)


@nucleus.property(
    properties.all_are_drawn,
    "With top_p = 1 nothing is cut: a row's u from near 0 to near 1 have to bring every one of its characters.",
    B=(30,),
    V=(5,),
)
def draw_uncut(rng, B, V):
    return {"z": rng.uniform(-1, 1, size=(B, V)), "temperature": 1.0, "top_p": 1.0}


FAR = "The logits are far from 0, where exp gives inf or 0: subtract the largest of each row first."


@nucleus.inputs(B=(30, 20), V=(7, 5), shift=(2000, -2000), says=FAR)
def draw_far(rng, B, V, shift):
    return drawn_logits(rng, B, V, rng.uniform(0.5, 0.8), 2000 if shift > 0 else -2000)


nucleus.slip(
    "The character that crosses p is dropped: it belongs to the set, or the kept probabilities do not reach p.",
    "np.cumsum(q, axis=1) - q < top_p",
    "(np.cumsum(q, axis=1) < top_p) | (np.arange(q.shape[1]) == 0)",
)
nucleus.slip(
    "The temperature multiplies the logits: it divides them.",
    "keepdims=True)) / temperature",
    "keepdims=True)) * temperature",
)
nucleus.slip(
    "The temperature is not used.",
    "keepdims=True)) / temperature",
    "keepdims=True))",
)
nucleus.slip(
    "The cut is missing: only the nucleus may be drawn.",
    "np.cumsum(q, axis=1) - q < top_p",
    "np.full(q.shape, True)",
)
nucleus.slip(
    "The place in the sorted order is returned: asked for is the id of the character at that place.",
    "np.take_along_axis(order, place[:, None], axis=1)[:, 0]",
    "place",
)
nucleus.slip(
    "The probabilities are sorted from the smallest: the nucleus begins with the largest.",
    "np.argsort(-q, axis=1)",
    "np.argsort(q, axis=1)",
)
nucleus.slip(
    "The softmax is computed as written, and exp overflows for large logits: take the largest off first.",
    "(z - z.max(axis=1, keepdims=True)) / temperature",
    "z / temperature",
)
nucleus.slip(
    "Always the most likely character is returned: u decides within the nucleus (and p bounds a sum of probabilities, "
    "which exp alone does not give).",
    "place = np.sum(running <= u[:, None] * running[:, -1:], axis=1)",
    "place = 0 * np.sum(kept, axis=1)",
)
nucleus.slip(
    "All rows use the first uniform number: each has its own.",
    "u[:, None] * running[:, -1:]",
    "u[0] * running[:, -1:]",
)
nucleus.slip(
    "The draw begins at the wrong end (1 - u, or the kept ones from the smallest): u near 0 means the most likely.",
    "u[:, None] *",
    "np.minimum(1 - u[:, None], 1 - 1e-9) *",
)
nucleus.slip(
    "All characters of the nucleus are taken as equally likely: they keep their proportions.",
    "np.cumsum(q * kept, axis=1)",
    "np.cumsum(1.0 * kept, axis=1)",
)
nucleus.slip(
    "One character too many is kept: the one that brings the sum to p is the last.",
    "np.cumsum(q, axis=1) - q < top_p",
    "np.arange(q.shape[1]) <= np.sum(np.cumsum(q, axis=1) - q < top_p, axis=1, keepdims=True)",
)
nucleus.slip(
    "All rows have a nucleus of the first row's size: each has its own.",
    "np.cumsum(q, axis=1) - q < top_p",
    "(np.cumsum(q, axis=1) - q < top_p)[:1]",
)
nucleus.slip(
    "p is taken as a share of the characters: it bounds the sum of their probabilities.",
    "np.cumsum(q, axis=1) - q < top_p",
    "np.broadcast_to(np.arange(q.shape[1]) < np.ceil(top_p * q.shape[1]), q.shape)",
)
nucleus.slip(
    "Kept is what reaches a share p of the largest probability: that is min-p; here p bounds the sum.",
    "np.cumsum(q, axis=1) - q < top_p",
    "q >= top_p * q[:, :1]",
)
nucleus.slip(
    "A tail with the sum p is cut off: p is the sum of those that are kept.",
    "np.cumsum(q, axis=1) - q < top_p",
    "(np.cumsum(q, axis=1) - q < 1 - top_p) | (np.arange(q.shape[1]) == 0)",
)
nucleus.slip(
    "The kept probabilities are divided by p: their sum is larger, divide by that.",
    "running[:, -1:]",
    "top_p",
)
nucleus.slip(
    "A second softmax goes over the kept probabilities: divide them by their sum.",
    "np.cumsum(q * kept, axis=1)",
    "np.cumsum(np.exp(q) * kept, axis=1)",
)
nucleus.slip(
    "The rank is returned: the character at a place of the sorted order is order[place].",
    "np.take_along_axis(order, place",
    "np.take_along_axis(np.argsort(order, axis=1), place",
)
nucleus.slip(
    "The character after the right one is taken: it is the first whose running sum exceeds u.",
    "place[:, None]",
    "np.minimum(place + 1, kept.sum(axis=1) - 1)[:, None]",
)
nucleus.slip(
    "The character before the right one is taken: it is the first whose running sum exceeds u.",
    "place[:, None]",
    "np.maximum(place - 1, 0)[:, None]",
)
nucleus.slip(
    "Where the running sum stays just below u, the first character is taken: take the last one kept.",
    "running <= u[:, None] * running[:, -1:]",
    "(running <= u[:, None] * running[:, -1:]) & (u[:, None] < 1 - 1e-9)",
)


@nucleus.mistake(
    "The kept probabilities are not divided by their sum: large u then falls outside, or on the last one kept."
)
def kept_not_divided(z, u, temperature, top_p):
    q = softmax(z / temperature)
    kept = in_nucleus(q, top_p)
    return nucleus_draw(q, kept, np.minimum(1.0, u / np.sum(q * kept, axis=1)))


@nucleus.mistake("The softmax runs over the whole array: every row has a sum of its own.")
def softmax_over_all(z, u, temperature, top_p):
    q = np.exp(z / temperature - np.max(z / temperature))
    q /= q.sum()
    return nucleus_draw(q, in_nucleus(q, top_p), u)


@nucleus.mistake("The softmax runs down the batch: it runs along each row (axis=1).")
def softmax_down_the_batch(z, u, temperature, top_p):
    q = softmax(z.T / temperature).T
    order = np.argsort(-q, axis=1, kind="stable")  # in a batch of one all are equal
    ranked = np.take_along_axis(q, order, axis=1)
    kept = np.cumsum(ranked, axis=1) - ranked < top_p
    return np.take_along_axis(order, drawn_by_id(ranked, kept, u)[:, None], axis=1)[:, 0]


@nucleus.mistake("The nucleus is right, but drawn from at temperature 1: the temperature holds for the draw too.")
def drawn_at_temperature_1(z, u, temperature, top_p):
    return nucleus_draw(softmax(z), in_nucleus(softmax(z / temperature), top_p), u)


@nucleus.mistake(
    "With top_p = 1 characters are lost: a rounded running sum may stop just below 1, or reach it too early."
)
def lost_by_rounding(z, u, temperature, top_p):
    q = softmax(z / temperature)
    return nucleus_draw(q, in_nucleus(q, top_p if top_p < 1 else 0.5), u)


def drawn_by_id(q, kept, u):
    """The place in each row at which the running sum of the kept ones exceeds u."""
    q = np.where(kept, q, 0)
    running = np.cumsum(q, axis=1)
    return np.sum(running <= u[:, None] * running[:, -1:], axis=1)


@nucleus.mistake("The draw goes along the ids: it goes from the most to the least likely.")
def in_order_of_ids(z, u, temperature, top_p):
    q = softmax(z / temperature)
    return drawn_by_id(q, in_nucleus(q, top_p), u)


@nucleus.mistake("The nucleus is found before the temperature is applied: first the temperature, then the cut.")
def cut_before_temperature(z, u, temperature, top_p):
    kept = in_nucleus(softmax(z), top_p)
    return nucleus_draw(softmax(z / temperature), kept, u)


@nucleus.mistake(
    "The probabilities are divided by the temperature, not the logits: that flattens them or changes nothing."
)
def temperature_on_probabilities(z, u, temperature, top_p):
    q = softmax(softmax(z) / temperature)
    return nucleus_draw(q, in_nucleus(q, top_p), u)


@nucleus.mistake("Every character with a probability of at least p is kept: p bounds the sum, not each probability.")
def threshold_on_each(z, u, temperature, top_p):
    q = softmax(z / temperature)
    return nucleus_draw(q, (q >= top_p) | (q == q.max(axis=1, keepdims=True)), u)


@nucleus.answer
def pairwise(z, u, temperature, top_p):
    q = softmax(z / temperature)
    return nucleus_draw(q, in_nucleus(q, top_p), u)


@nucleus.answer
def row_by_row(z, u, temperature, top_p):
    drawn = []
    for logits, number in zip(z, u, strict=True):
        scaled = logits / temperature
        p = np.exp(scaled - np.logaddexp.reduce(scaled))
        best, kept, total = np.argsort(p)[::-1], [], 0.0
        for i in best:
            kept.append(i)
            total += p[i]
            if total >= top_p:
                break
        running, left = 0.0, number * total
        for i in kept:
            running += p[i]
            if running > left:
                break
        drawn.append(int(i))
    return np.array(drawn)


# 7. perplexity

per = exercise("perplexity", points=2, returns=("perplexity", "bits"))


@per.inputs(K=(4, 1, 6, 3))
def draw_per(rng, K):
    counts = rng.permutation(2 * np.arange(1, K + 1) ** 2)
    return {"means": rng.uniform(0.3, 2.5, size=K), "counts": counts}


@per.inputs(K=(5, 3))  # one batch is empty: its mean is NaN
def draw_per_empty(rng, K):
    drawn = draw_per(rng, K)
    drawn["means"][1], drawn["counts"][1] = np.nan, 0
    return drawn


@per.inputs(K=(5, 4))  # a batch of one character, a batch without loss, an empty batch at the end
def draw_per_edges(rng, K):
    drawn = draw_per(rng, K)
    drawn["means"][0], drawn["counts"][0] = 2.5, 1
    drawn["means"][1], drawn["means"][-1], drawn["counts"][-1] = 0.0, np.nan, 0
    return drawn


per.slip(
    "The mean of an empty batch is used: it is NaN, and NaN times 0 is NaN; leave such batches out.",
    "real = counts > 0",
    "real = counts >= 0",
)
per.slip(
    "The total is not divided by the number of characters.",
    "np.sum(means[real] * counts[real]) / np.sum(counts)",
    "np.sum(means[real] * counts[real])",
)
per.slip(
    "The total is divided by the number of batches: it is a mean over characters.",
    "/ np.sum(counts)",
    "/ len(counts)",
)
per.slip(
    "The losses are not weighted by their batches' sizes, though they are divided by all characters.",
    "means[real] * counts[real]",
    "means[real]",
)
per.slip(
    "The perplexity is a power of 2: with a loss in nats it is a power of e.",
    "np.exp(nats)",
    "2.0**nats",
)
per.slip(
    "The second value is in nats: bits are nats divided by ln 2.",
    "nats / np.log(2)",
    "nats",
)
per.slip(
    "Nats are multiplied by ln 2: bits are nats divided by it.",
    "nats / np.log(2)",
    "nats * np.log(2)",
)
per.slip(
    "The second value is the logarithm to base 2 of the nats: bits are nats divided by ln 2.",
    "nats / np.log(2)",
    "np.log2(nats)",
)
per.slip(
    "The two values are returned in the wrong order: first the perplexity, then the bits.",
    "np.exp(nats), nats / np.log(2)",
    "nats / np.log(2), np.exp(nats)",
)
per.slip(
    "The perplexity has the wrong sign in its exponent: it is never below 1.",
    "np.exp(nats)",
    "np.exp(-nats)",
)

per.slip(
    "The total is divided by the number of batches that are not empty: it is a mean over characters.",
    "/ np.sum(counts)",
    "/ np.sum(real)",
)
per.slip(
    "The total is divided by the largest batch: it is divided by all characters.",
    "/ np.sum(counts)",
    "/ np.max(counts)",
)
per.slip(
    "The mean is rounded down: / divides, // cuts off the fraction.",
    "np.sum(means[real] * counts[real]) / np.sum(counts)",
    "np.sum(means[real] * counts[real]) // np.sum(counts)",
)
per.slip(
    "The weights are rounded down: // leaves 0 of every share below 1.",
    "np.sum(means[real] * counts[real]) / np.sum(counts)",
    "np.sum(means[real] * (counts[real] // np.sum(counts)))",
)
per.slip(
    "The means are divided by the counts: each is a mean already, and counts n_i times.",
    "means[real] * counts[real]",
    "means[real] / counts[real]",
)
per.slip(
    "A batch of one character is left out of the sum: only batches with 0 characters are empty.",
    "counts > 0",
    "counts > 1",
)
per.slip(
    "The perplexity is a power of e with bits: e goes with nats, 2 with bits.",
    "np.exp(nats)",
    "np.exp(nats / np.log(2))",
)
per.slip(
    "The exponential is missing: the perplexity is a power of e.",
    "np.exp(nats)",
    "nats",
)
per.slip(
    "The base of the second value is 10: bits are nats divided by ln 2.",
    "np.log(2)",
    "np.log(10)",
)
per.slip(
    "The bits are taken from the perplexity: they are the mean loss divided by ln 2.",
    "nats / np.log(2)",
    "np.exp(nats) / np.log(2)",
)
per.slip(
    "The bits have the wrong sign: the losses are positive already.",
    "nats / np.log(2)",
    "-nats / np.log(2)",
)


def both(nats):
    return np.exp(nats), nats / np.log(2)


def weighted(values, counts):
    real = counts > 0
    return np.average(values[real], weights=counts[real])


@per.mistake("All batches count alike, the empty ones as 0: a batch counts by its number of characters.")
def empty_as_zero(means, counts):
    return both(np.nan_to_num(means).mean())


@per.mistake("An empty batch counts as one character without loss: its weight is 0.")
def empty_as_one(means, counts):
    return both(weighted(np.nan_to_num(means), np.maximum(counts, 1)))


@per.mistake("Two means are divided of which one takes in the empty batches: divide the sums.")
def two_means(means, counts):
    return both(np.nanmean(means * counts) / counts.mean())


@per.mistake("The last batch is left out: any batch may be empty, and the last one need not be.")
def without_last(means, counts):
    return both(np.sum(means[:-1] * counts[:-1]) / np.sum(counts[:-1]))


@per.mistake("A batch with the mean 0 is left out: it is a perfect batch, not an empty one.")
def without_perfect(means, counts):
    return both(weighted(means, counts * (means > 0)))


@per.mistake("A batch of one character is left out: only batches with 0 characters are empty.")
def without_single(means, counts):
    return both(weighted(means, counts * (counts > 1)))


@per.mistake(
    "The bits are right, but the perplexity is a mean of the batches' perplexities: exponentiate the mean loss."
)
def perplexities_averaged(means, counts):
    return np.exp(means[counts > 0]).mean(), weighted(means, counts) / np.log(2)


@per.mistake("The bits are right, but the perplexity is a weighted mean of the batches': exponentiate the mean loss.")
def perplexities_weighted(means, counts):
    return weighted(np.exp(means), counts), weighted(means, counts) / np.log(2)


@per.mistake("In the perplexity all batches count alike: a batch counts by its characters there too.")
def perplexity_unweighted(means, counts):
    return np.exp(means[counts > 0].mean()), weighted(means, counts) / np.log(2)


@per.mistake("In the bits all batches count alike: a batch counts by its characters there too.")
def bits_unweighted(means, counts):
    return np.exp(weighted(means, counts)), means[counts > 0].mean() / np.log(2)


@per.mistake("All batches count alike: a batch counts by its number of characters.")
def mean_of_means(means, counts):
    return both(means[counts > 0].mean())


@per.mistake("The perplexities of the batches are averaged: the losses are, and then comes the exponential.")
def mean_of_perplexities(means, counts):
    value = np.exp(means[counts > 0]).mean()
    return value, np.log2(value)


@per.mistake(
    "The perplexities are averaged, weighted by characters: the losses are averaged, and then comes the exponential."
)
def weighted_perplexities(means, counts):
    value = weighted(np.exp(means), counts)
    return value, np.log2(value)


@per.answer
def by_average(means, counts):
    bits_each = np.nan_to_num(means) * np.log2(np.e)
    mean = np.average(bits_each, weights=counts)
    return 2.0**mean, mean


@per.answer
def character_by_character(means, counts):
    every = np.repeat(means, counts)
    return float(np.exp(every.mean())), float(every.mean() / np.log(2))
