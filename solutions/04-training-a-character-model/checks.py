"""Checks of unit 04-training-a-character-model: inputs and independent right answers."""

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


@bits.inputs(T=(7, 5, 9, 6, 8), V=(4, 5, 3, 6, 5), warm=(2, 1, 3, 4, 2))
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


def all_losses(model, ids, h0):
    """Every loss in nats, (T, B)."""
    return losses_of(model, ids[:-1], ids[1:], h0)


def losses_of(model, read, targets, h0):
    state, losses = h0, []
    for now, following in zip(read, targets, strict=True):
        log_p, state = model(now, state)
        losses.append(-np.take_along_axis(log_p, following[:, None], axis=1)[:, 0])
    return np.array(losses)


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


@per.answer
def by_average(means, counts):
    bits_each = np.nan_to_num(means) * np.log2(np.e)
    mean = np.average(bits_each, weights=counts)
    return 2.0**mean, mean


@per.answer
def character_by_character(means, counts):
    every = np.repeat(means, counts)
    return float(np.exp(every.mean())), float(every.mean() / np.log(2))
