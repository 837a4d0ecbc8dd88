"""Inputs, known mistakes and other right answers for unit 04-training-a-character-model."""

import numpy as np

from rnncourse import toys
from rnncourse.grading import exercise
from rnncourse.judge.forbidden import NUMPY_UNIT

FORBIDDEN = (*NUMPY_UNIT, "rnncourse.optim")

# 1. truncated_gradient

truncated = exercise("truncated_gradient", points=4, returns="dW_h", terms={"loss": ("dh",)})


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
    "The gradient stops at the beginning of its group: it goes back k2 steps from the group's end.",
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
    "min(max(end - k2, 0), end - 1 - (k2 > 1))",
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
    "Zeros stand where h0 was given: the first step of all has a state before it.",
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
adamw.slip("eps is missing.", "(np.sqrt(square) + eps)", "np.sqrt(square)")
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


def drawn_gradients(rng, K, H, I, limit):
    counts = rng.permutation(np.arange(1, K + 1) * 3 + rng.integers(0, 3, size=K))
    shapes = [(H, I), (H,), (I, H)]
    scales = rng.permutation([0.3, 1.0, 3.0])
    gradients = [[scale * rng.normal(size=s) for scale, s in zip(scales, shapes, strict=True)] for _ in range(K)]
    share = counts / counts.sum()
    total = [sum(s * g for s, g in zip(share, same, strict=True)) for same in zip(*gradients, strict=True)]
    norm = np.sqrt(sum(np.sum(g**2) for g in total))
    return {
        "gradients": gradients,
        "counts": counts,
        "max_norm": float(limit * norm),
    }


@clip.inputs(K=(3, 2, 4, 3))
def draw_clip(rng, K, H, I):
    return drawn_gradients(rng, K, H, I, rng.uniform(0.2, 0.6))


@clip.inputs(K=(3, 2))  # short enough: nothing to clip
def draw_clip_short(rng, K, H, I):
    return drawn_gradients(rng, K, H, I, rng.uniform(1.1, 1.4))


@clip.inputs(K=(1,))  # one micro-batch
def draw_clip_single(rng, K, H, I):
    return drawn_gradients(rng, K, H, I, rng.uniform(0.2, 0.6))


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
    "min(1.0, max_norm / norm)",
    "max_norm / norm",
)
clip.slip(
    "Nothing is clipped: above the limit the gradient has to be scaled.",
    "min(1.0, max_norm / norm)",
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
    "min(1.0, max_norm / norm)",
    "min(1.0, 1 / norm) if norm > max_norm else 1.0",
)


@clip.mistake(
    "Each micro-batch is clipped before they are put together: the clip belongs to the gradient that is used."
)
def clipped_first(gradients, counts, max_norm):
    gradients = [flat_and_back([part], np.array([1]), max_norm)[0] for part in gradients]
    _, norm = flat_and_back(gradients, counts, np.inf)
    return flat_and_back(gradients, counts, np.inf)[0], norm


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
    total = warmup + int(rng.integers(6, 9))
    return {
        "k": rng.permutation(np.arange(N + 4)),
        "peak": float(rng.uniform(0.5, 2)),
        "warmup": warmup,
        "total": total,
        "floor": float(rng.uniform(0.1, 0.3)),
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
MODELS = (toys.fading_reader, toys.neighbour_reader)


@bits.inputs(T=(7, 5, 9, 6), V=(4, 5, 3, 6), warm=(2, 1, 3, 4))
def draw_bits(rng, T, B, V, warm):
    return {
        "model": MODELS[T % 2],
        "ids": rng.integers(0, V, size=(T + 1, B)),
        "h0": rng.normal(size=(B, V)),
        "warm": min(warm, T - 1),
    }


@bits.inputs(T=(1, 6), V=(5, 4))  # every prediction counts
def draw_bits_all(rng, T, B, V):
    return {**draw_bits(rng, T, B, V, 0), "model": toys.neighbour_reader}


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
    "if t > warm or len(ids) == 2:",
)
bits.slip(
    "One prediction too few is left out.",
    "if t >= warm:",
    "if t >= warm - 1:",
)
bits.slip(
    "The model does not read the first characters: it has to read them to warm up its state.",
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


@bits.mistake("The warm-up predictions count as zeros: they are left out of the number that is divided by, too.")
def counted_as_zero(model, ids, h0, warm):
    T = len(ids) - 1
    return from_a_list(model, ids, h0, warm) * (T - warm) / T


@bits.answer
def from_a_list(model, ids, h0, warm):
    state, scores = h0, []
    for now, following in zip(ids[:-1], ids[1:], strict=True):
        log_p, state = model(now, state)
        scores.append(np.take_along_axis(log_p, following[:, None], axis=1))
    return float(-np.concatenate(scores[warm:]).mean() / np.log(2))


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

nucleus = exercise("sample_top_p", points=3, returns="ids")


def drawn_logits(rng, B, V, top_p):
    tau = rng.choice([rng.uniform(0.5, 0.7), rng.uniform(1.4, 2.0)])
    return {
        "z": 1.5 * rng.normal(size=(B, V)),
        "u": rng.uniform(0.02, 0.98, size=B),
        "temperature": float(tau),
        "top_p": float(top_p),
    }


@nucleus.inputs(B=(40, 30, 1, 50), V=(7, 9, 6, 8))
def draw_nucleus(rng, B, V):
    return drawn_logits(rng, B, V, rng.uniform(0.5, 0.8))


@nucleus.inputs(B=(40,), V=(6,))  # nothing is cut
def draw_whole(rng, B, V):
    return drawn_logits(rng, B, V, 1.0)


@nucleus.inputs(B=(40,), V=(6,))  # one is kept
def draw_greedy(rng, B, V):
    return drawn_logits(rng, B, V, 0.05)


@nucleus.inputs(B=(30,), V=(7,))  # logits beyond the range of exp
def draw_far(rng, B, V):
    drawn = drawn_logits(rng, B, V, rng.uniform(0.5, 0.8))
    return {**drawn, "z": drawn["z"] + rng.choice([-2000.0, 2000.0], size=(B, 1))}


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
    "The kept probabilities are not divided by their sum: large u then falls outside, or on the last one kept.",
    "u[:, None] * running[:, -1:]",
    "np.minimum(u[:, None], running[:, -1:] - 1e-9)",
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
    "Always the most likely character is returned: u decides within the nucleus.",
    "place = np.sum(running <= u[:, None] * running[:, -1:], axis=1)",
    "place = 0 * np.sum(kept, axis=1)",
)
nucleus.slip(
    "All rows use the first uniform number: each has its own.",
    "u[:, None] * running[:, -1:]",
    "u[0] * running[:, -1:]",
)
nucleus.slip(
    "The uniform number is turned round: u near 0 means the first of the running sum.",
    "u[:, None] *",
    "(1 - u[:, None]) *",
)
nucleus.slip(
    "All characters of the nucleus are taken as equally likely: they keep their proportions.",
    "np.cumsum(q * kept, axis=1)",
    "np.cumsum(1.0 * kept, axis=1)",
)


def drawn_by_id(q, kept, u):
    q = np.where(kept, q, 0)
    running = np.cumsum(q, axis=1)
    return np.sum(running <= u[:, None] * running[:, -1:], axis=1)


def softmax(z):
    q = np.exp(z - z.max(axis=1, keepdims=True))
    return q / q.sum(axis=1, keepdims=True)


def in_nucleus(q, top_p):
    """Kept or not, in the order of ids: what is more likely than a character sums to less than top_p."""
    above = np.where(q[:, None, :] > q[:, :, None], q[:, None, :], 0.0).sum(axis=2)
    return above < top_p


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


def nucleus_draw(q, kept, u):
    out = []
    for row, keep, number in zip(q, kept, u, strict=True):
        order = sorted(np.flatnonzero(keep), key=lambda i: -row[i])
        weights = row[order] / row[order].sum()
        place = np.searchsorted(np.cumsum(weights), number, side="right")
        out.append(order[min(place, len(order) - 1)])
    return np.array(out)


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


@per.mistake("All batches count alike: a batch counts by its number of characters.")
def mean_of_means(means, counts):
    nats = means[counts > 0].mean()
    return np.exp(nats), nats / np.log(2)


@per.mistake("The perplexities of the batches are averaged: the losses are, and then comes the exponential.")
def mean_of_perplexities(means, counts):
    value = np.exp(means[counts > 0]).mean()
    return value, np.log2(value)


@per.mistake(
    "The perplexities are averaged, weighted by characters: the losses are averaged, and then comes the exponential."
)
def weighted_perplexities(means, counts):
    real = counts > 0
    value = np.average(np.exp(means[real]), weights=counts[real])
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
