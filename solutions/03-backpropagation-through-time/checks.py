"""Inputs, known mistakes and other right answers for unit 03-backpropagation-through-time."""

import numpy as np

from rnncourse import toys
from rnncourse.grading import exercise

# 1. leaky_backward

leaky = exercise("leaky_backward", points=3, returns=("dx", "dh_prev", "dW_x", "dW_h", "db"))


@leaky.inputs
def draw_leaky(rng, B, I, H):
    return {
        "dh": rng.normal(size=(B, H)),
        "x": rng.normal(size=(B, I)),
        "h_prev": rng.uniform(-1, 1, size=(B, H)),
        "W_x": 0.7 * rng.normal(size=(H, I)),
        "W_h": 0.7 * rng.normal(size=(H, H)),
        "b": rng.normal(size=H),
        "alpha": float(rng.uniform(0.1, 0.4)),
    }


leaky.slip(
    "The straight road is missing: a share 1 - alpha of the gradient goes to the old state without passing the tanh.",
    "(1 - alpha) * dh + ",
    "",
)
leaky.slip(
    "The road through the tanh is missing in dh_prev: the old state also entered the sum, through W_h.",
    " + da @ W_h",
    "",
)
leaky.slip(
    "alpha is missing in the gradient of the sum: only that share of the tanh reached the new state.",
    "da = alpha * (",
    "da = (",
)
leaky.slip(
    "The straight road carries the whole gradient: only the share 1 - alpha of the old state was kept.",
    "(1 - alpha) * dh +",
    "dh +",
)
leaky.slip(
    "W_h is used in the wrong orientation: backward, unit j collects with column j, which in rows is da @ W_h.",
    "da @ W_h",
    "da @ W_h.T",
)
leaky.slip(
    "The bias is missing in the sum, so the slope is taken at the wrong place.",
    " + b)",
    ")",
)
leaky.slip(
    "The slope of the tanh is missing: its gradient is 1 - tanh(a)**2 times what comes in.",
    " * (1 - new**2)",
    "",
)
leaky.slip(
    "The gradients of the bias are averaged over the batch: all sequences use the same bias, so they are summed.",
    "da.sum(axis=0)",
    "da.mean(axis=0)",
)
leaky.slip(
    "dW_h is made with the new value: W_h multiplied the old state.",
    "da.T @ h_prev",
    "da.T @ new",
)


def leaky_with(dh, x, h_prev, W_x, W_h, b, alpha, slope, share, straight):
    """The gradients for a given slope, share and straight road."""
    da = share * slope * dh
    return da @ W_x, straight * dh + da @ W_h, da.T @ x, da.T @ h_prev, da.sum(0)


@leaky.mistake(
    "The slope is taken from the new state: that is a mixture, and the slope of the tanh is 1 - u**2 with u the tanh alone."
)
def slope_of_the_mixture(dh, x, h_prev, W_x, W_h, b, alpha):
    new = np.tanh(x @ W_x.T + h_prev @ W_h.T + b)
    h = (1 - alpha) * h_prev + alpha * new
    return leaky_with(dh, x, h_prev, W_x, W_h, b, alpha, 1 - h**2, alpha, 1 - alpha)


@leaky.mistake("The slope is 1 - a**2: it is the tanh that is squared, not the sum inside it.")
def slope_of_the_sum(dh, x, h_prev, W_x, W_h, b, alpha):
    a = x @ W_x.T + h_prev @ W_h.T + b
    return leaky_with(dh, x, h_prev, W_x, W_h, b, alpha, 1 - a**2, alpha, 1 - alpha)


@leaky.mistake("The shares are swapped: alpha belongs to the tanh, 1 - alpha to the old state.")
def shares_swapped(dh, x, h_prev, W_x, W_h, b, alpha):
    new = np.tanh(x @ W_x.T + h_prev @ W_h.T + b)
    return leaky_with(dh, x, h_prev, W_x, W_h, b, alpha, 1 - new**2, 1 - alpha, alpha)


@leaky.mistake("This is the plain cell's backward pass: the leak is not used at all.")
def plain_cell(dh, x, h_prev, W_x, W_h, b, alpha):
    new = np.tanh(x @ W_x.T + h_prev @ W_h.T + b)
    return leaky_with(dh, x, h_prev, W_x, W_h, b, alpha, 1 - new**2, 1.0, 0.0)


@leaky.mistake(
    "All weight gradients are averaged over the batch: every sequence used the same weights, so the parts are summed."
)
def batch_means(dh, x, h_prev, W_x, W_h, b, alpha):
    found = leaky_rows(dh, x, h_prev, W_x, W_h, b, alpha)
    return *found[:2], *(d / len(x) for d in found[2:])


@leaky.answer
def leaky_rows(dh, x, h_prev, W_x, W_h, b, alpha):
    """Sequence by sequence, in columns as in the equations."""
    dx, dh_prev = np.empty_like(x), np.empty_like(h_prev)
    dW_x, dW_h, db = np.zeros(W_x.shape), np.zeros(W_h.shape), np.zeros(b.shape)
    for j in range(len(x)):
        a = W_x @ x[j] + W_h @ h_prev[j] + b
        da = dh[j] * alpha / np.cosh(a) ** 2
        dx[j], dh_prev[j] = W_x.T @ da, W_h.T @ da + (1 - alpha) * dh[j]
        dW_x += np.outer(da, x[j])
        dW_h += np.outer(da, h_prev[j])
        db += da
    return dx, dh_prev, dW_x, dW_h, db


@leaky.answer
def leaky_side_by_side(dh, x, h_prev, W_x, W_h, b, alpha):
    """All inputs side by side with a constant 1, and one matrix; a list instead of a tuple."""
    z = np.concatenate([x, h_prev, np.ones((len(x), 1))], axis=1)
    W = np.concatenate([W_x, W_h, b[:, None]], axis=1)
    da = np.einsum("bh,bh->bh", dh * alpha, 1 - np.tanh(z @ W.T) ** 2)
    dz, dW = da @ W, np.einsum("bh,bz->hz", da, z)
    I = x.shape[1]
    return [
        dz[:, :I],
        dz[:, I:-1] + dh - alpha * dh,
        dW[:, :I],
        dW[:, I:-1],
        dW[:, -1],
    ]


# 2. softsign_backward

softsign = exercise("softsign_backward", points=4, returns=("dx", "dh0", "dW_x", "dW_h", "db"))


@softsign.inputs
def draw_softsign(rng, T, B, I, H):
    x = rng.normal(size=(T, B, I))
    h0 = rng.uniform(0.2, 0.9, size=H) * rng.choice([-1, 1], size=H)
    W_x, W_h = rng.normal(size=(H, I)), 1.5 * rng.normal(size=(H, H))
    h, state = np.empty((T, B, H)), h0
    for t in range(T):
        a = x[t] @ W_x.T + state @ W_h.T + 0.3
        h[t] = state = a / (1 + np.abs(a))
    return {
        "dh": rng.normal(size=(T, B, H)),
        "x": x,
        "h": h,
        "h0": h0,
        "W_x": W_x,
        "W_h": W_h,
    }


softsign.slip(
    "The slope is that of the tanh: find the slope of a / (1 + |a|).",
    "(1 - np.abs(h[t])) ** 2",
    "(1 - h[t] ** 2)",
)
softsign.slip(
    "The slope is not squared: it is 1 / (1 + |a|)**2, and 1 / (1 + |a|) is 1 - |h|.",
    "(1 - np.abs(h[t])) ** 2",
    "(1 - np.abs(h[t]))",
)
softsign.slip(
    "The slope is written in terms of a, but given h: with the state in its place, 1 / (1 + |h|)**2 is another number.",
    "(1 - np.abs(h[t])) ** 2",
    "/ (1 + np.abs(h[t])) ** 2".replace("/ ", "1 / "),
)
softsign.slip(
    "The absolute value is missing in the slope: it is the same for a and -a.",
    "(1 - np.abs(h[t])) ** 2",
    "(1 - h[t]) ** 2",
)
softsign.slip(
    "Nothing comes back from later steps: a state acts on the loss through the next state as well.",
    "(dh[t] + back)",
    "(dh[t])",
)
softsign.slip(
    "W_h is used in the wrong orientation on the way back: in rows it is da @ W_h, without a transpose.",
    "back = da @ W_h",
    "back = da @ W_h.T",
)
softsign.slip(
    "The gradient of the learnt first state is averaged over the batch: all sequences start from it, so their parts are summed.",
    "back.sum(axis=0)",
    "back.mean(axis=0)",
)
softsign.slip(
    "dh0 holds one row for each sequence: they all start from the same vector, so its gradient is the sum of the rows.",
    "back.sum(axis=0)",
    "back",
)
softsign.slip(
    "dW_h is made with the state after each step: W_h multiplied the state before it.",
    "dW_h += da.T @ before",
    "dW_h += da.T @ h[t]",
)
softsign.slip(
    "Zeros are used for the first state in dW_h: the first step started from h0.",
    "np.tile(h0, (len(h[0]), 1))",
    "np.zeros(h[0].shape)",
)
softsign.slip(
    "The bias gradient is averaged over the batch: parts of a shared weight are summed.",
    "db += da.sum(axis=0)",
    "db += da.mean(axis=0)",
)
softsign.slip(
    "db is overwritten at each step: the parts of all steps have to be added up.",
    "db += ",
    "db = ",
)
softsign.slip(
    "dW_h is overwritten at each step: the parts of all steps have to be added up.",
    "dW_h += ",
    "dW_h = ",
)
softsign.slip(
    "The first step is left out: the loop has to go down to index 0.",
    "range(len(h) - 1, -1, -1)",
    "range(len(h) - 1, 0, -1)",
)


@softsign.mistake(
    "The loop runs forwards in time: a state's gradient needs that of the next one, so the last step comes first."
)
def forwards(dh, x, h, h0, W_x, W_h):
    dx, dh0, *others = softsign_at_once(dh[::-1], x[::-1], h[::-1], h0, W_x, W_h, h_prev=before(h, h0)[::-1])
    return dx[::-1], dh0, *others


@softsign.mistake("dh0 is the gradient of the first sum: on the way to h0 it has to pass W_h.")
def first_sum(dh, x, h, h0, W_x, W_h):
    dx, _, dW_x, dW_h, db = softsign_at_once(dh, x, h, h0, W_x, W_h)
    da = sums(dh, h, W_h)
    return dx, da[0].sum(axis=0), dW_x, dW_h, db


@softsign.mistake("Everything is divided by the number of steps: the loss may be a mean, but then dh says so already.")
def mean_over_steps(dh, x, h, h0, W_x, W_h):
    dx, dh0, *others = softsign_at_once(dh, x, h, h0, W_x, W_h)
    return dx, dh0, *(d / len(x) for d in others)


def before(h, h0):
    return np.concatenate([np.broadcast_to(h0, (1, *h.shape[1:])), h[:-1]])


def sums(dh, h, W_h):
    """The gradients of all sums inside the softsign."""
    da, later = np.empty_like(h), 0.0
    for t in reversed(range(len(h))):
        da[t] = np.square(1 - np.abs(h[t])) * (dh[t] + later)
        later = da[t] @ W_h
    return da


@softsign.answer
def softsign_at_once(dh, x, h, h0, W_x, W_h, h_prev=None):
    """All sums first, then one product for each array."""
    da = sums(dh, h, W_h)
    h_prev = before(h, h0) if h_prev is None else h_prev
    return (
        da @ W_x,
        (da[0] @ W_h).sum(axis=0),
        np.tensordot(da, x, axes=([0, 1], [0, 1])),
        np.tensordot(da, h_prev, axes=([0, 1], [0, 1])),
        da.sum(axis=(0, 1)),
    )


@softsign.answer
def recursively(dh, x, h, h0, W_x, W_h):
    """The last step, then the rest with its gradient added to the state before."""
    a_slope = np.where(h[-1] > 0, 1 - h[-1], 1 + h[-1]) ** 2
    da = dh[-1] * a_slope
    h_prev = np.repeat(h0[None], x.shape[1], axis=0) if len(x) == 1 else h[-2]
    own = [da.T @ x[-1], da.T @ h_prev, da.sum(axis=0)]
    if len(x) == 1:
        return [(da @ W_x)[None], (da @ W_h).sum(axis=0), *own]
    rest = dh[:-1].copy()
    rest[-1] += da @ W_h
    dx, dh0, *others = recursively(rest, x[:-1], h[:-1], h0, W_x, W_h)
    dx = np.concatenate([dx, (da @ W_x)[None]])
    return [dx, dh0, *(a + b for a, b in zip(others, own, strict=True))]


# 3. cross_entropy_backward

loss = exercise("cross_entropy_backward", points=3, returns=("dh", "dW_y", "db_y"))


def padding_mask(rng, T, B):
    """Lengths of which at least two differ, where there is room."""
    lengths = rng.integers(1, T + 1, size=B)
    if T > 2:
        lengths[0] = T - 1
        lengths[1:2] = max(1, T // 2)
    return (np.arange(T)[:, None] < lengths).astype(float)


@loss.inputs
def draw_loss(rng, T, B, H, V):
    return {
        "h": rng.normal(size=(T, B, H)),
        "targets": rng.integers(0, V, size=(T, B)),
        "mask": padding_mask(rng, T, B),
        "W_y": rng.normal(size=(V, H)),
        "b_y": rng.normal(size=V),
    }


@loss.inputs(T=(4, 6), B=(3, 5), V=(5, 4), says="The logits go into the thousands here.")
def draw_large(rng, T, B, H, V):
    drawn = draw_loss(rng, T, B, H, V)
    return {**drawn, "b_y": drawn["b_y"] + rng.choice([1500.0, -1500.0])}


@loss.inputs(T=(5,), B=(4,), V=(6,), says="One sequence is padding from end to end here.")
def draw_empty_sequence(rng, T, B, H, V):
    drawn = draw_loss(rng, T, B, H, V)
    drawn["mask"][:, -1] = 0.0
    return drawn


@loss.inputs(T=(3,), B=(2,), V=(5,), says="Nothing is real here.")
def draw_nothing(rng, T, B, H, V):
    return {**draw_loss(rng, T, B, H, V), "mask": np.zeros((T, B))}


loss.slip(
    "The mask is not used in the gradient: what is stored as a padded token's target must not matter.",
    " * mask[..., None] / count",
    " / count",
)
loss.slip(
    "The mean is over all tokens: divide by the number of real ones.",
    "max(mask.sum(), 1.0)",
    "mask.size",
)
loss.slip(
    "An empty batch divides zero by zero: if nothing is real, all gradients are 0.",
    "max(mask.sum(), 1.0)",
    "mask.sum()",
)
loss.slip(
    "The gradients are those of the sum of the losses: the loss is their mean over the real tokens.",
    " / count",
    "",
)
loss.slip(
    "The mean is over the sequences: divide by the number of real tokens.",
    "max(mask.sum(), 1.0)",
    "mask.shape[1]",
)
loss.slip(
    "The softmax is computed as written, and exp overflows for large logits: take the largest logit off first.",
    "z - z.max(axis=-1, keepdims=True)",
    "z",
)
loss.slip(
    "The one that marks the right token is missing: the derivative is p - 1 there.",
    "(p - right)",
    "(p)",
)
loss.slip(
    "The sign is turned round: this is the gradient of the log-probability, which one would climb, not of the loss.",
    "(p - right)",
    "(right - p)",
)
loss.slip(
    "The softmax is not normalised: the probabilities of the V tokens at one place add up to 1.",
    "p /= p.sum(axis=-1, keepdims=True)",
    "p /= 1.0",
)
loss.slip(
    "The bias of the readout is left out of the logits.",
    "h @ W_y.T + b_y",
    "h @ W_y.T",
)
loss.slip(
    "db_y is a mean over time and batch: its parts are summed, and the division by the number of real tokens is already in dz.",
    "dz.sum(axis=(0, 1))",
    "dz.mean(axis=(0, 1))",
)
loss.slip(
    "The targets are shifted by one step: the logits at step t are judged by targets[t].",
    "targets[..., None]",
    "np.roll(targets, -1, axis=0)[..., None]",
)


@loss.mistake("The softmax runs over time: the probabilities of the V tokens at one place add up to 1.")
def softmax_over_time(h, targets, mask, W_y, b_y):
    z = h @ W_y.T + b_y
    p = np.exp(z - z.max(axis=0))
    return from_logits(p / p.sum(axis=0), h, targets, mask, W_y)


@loss.mistake(
    "Each sequence is averaged by itself: the loss is one mean over all real tokens, in which long sequences count more."
)
def mean_of_sequences(h, targets, mask, W_y, b_y):
    each = np.maximum(mask.sum(axis=0), 1.0) * max((mask.sum(axis=0) > 0).sum(), 1)
    return from_logits(softmax(h @ W_y.T + b_y), h, targets, mask / each, W_y, count=1.0)


@loss.mistake(
    "The mask is applied to the logits: the probabilities of padded tokens then are even, but their gradient is not zero."
)
def mask_on_logits(h, targets, mask, W_y, b_y):
    p = softmax((h @ W_y.T + b_y) * mask[..., None])
    return from_logits(p, h, targets, np.ones_like(mask), W_y, count=max(mask.sum(), 1.0))


def softmax(z):
    return np.exp(z - np.logaddexp.reduce(z, axis=-1, keepdims=True))


def from_logits(p, h, targets, mask, W_y, count=None):
    dz = p.copy()
    t, b = np.indices(targets.shape)
    dz[t, b, targets] -= 1
    dz *= (mask / (count or max(mask.sum(), 1.0)))[..., None]
    return (
        np.einsum("tbv,vh->tbh", dz, W_y),
        np.einsum("tbv,tbh->vh", dz, h),
        np.einsum("tbv->v", dz),
    )


@loss.answer
def by_indices(h, targets, mask, W_y, b_y):
    return from_logits(softmax(h @ W_y.T + b_y), h, targets, mask, W_y)


@loss.answer
def token_by_token(h, targets, mask, W_y, b_y):
    dh, dW_y, db_y = np.zeros(h.shape), np.zeros(W_y.shape), np.zeros(b_y.shape)
    real = np.argwhere(mask > 0)
    for t, b in real:
        dz = softmax(W_y @ h[t, b] + b_y)
        dz[targets[t, b]] -= 1
        dz /= len(real)
        dh[t, b] = W_y.T @ dz
        dW_y += np.outer(dz, h[t, b])
        db_y += dz
    return dh, dW_y, db_y


# 4. embedding_backward

embedding = exercise("embedding_backward", points=2, returns="dE")


@embedding.inputs(T=(6, 1, 9, 7), V=(5, 7, 4, 8))
def draw_embedding(rng, T, B, E, V):
    pad = int(rng.integers(1, V - 1))
    ids = rng.integers(0, V - T % 2, size=(T, B))  # with an odd T the last never occurs
    if ids.size > 6:  # the padding, the first token and another, each more than once
        other = V - 1 - T % 2
        ids.ravel()[:6] = rng.permutation([pad, 0, 0, pad, other, other])
    return {"dx": rng.normal(size=(T, B, E)), "ids": ids, "V": V, "pad": pad}


embedding.slip(
    "The padding's row gets a gradient: it is not trained, so its gradient is zero.",
    "    dE[pad] = 0.0\n",
    "",
)
embedding.slip(
    "Row 0 is set to zero instead of the padding's: which id is the padding arrives as an argument.",
    "dE[pad]",
    "dE[0]",
)
embedding.slip(
    "The last row is set to zero instead of the padding's: which id is the padding arrives as an argument.",
    "dE[pad]",
    "dE[-1]",
)
embedding.slip(
    "The table is as long as the largest id that occurs: it has V rows, whether they occur or not.",
    "np.arange(V)",
    "np.arange(ids.max() + 1)",
)


@embedding.mistake(
    "Of a token that occurs twice only one place counts: `dE[ids] += dx` reads all rows first and then keeps one of the sums."
)
def last_one_wins(dx, ids, V, pad):
    dE = np.zeros((V, dx.shape[2]))
    dE[ids] += dx
    dE[pad] = 0
    return dE


@embedding.mistake(
    "A token's row gets the mean over its places: the row was used at each of them, so its gradient is the sum."
)
def mean_over_places(dx, ids, V, pad):
    places = np.bincount(ids.ravel(), minlength=V)
    return add_at(dx, ids, V, pad) / np.maximum(places, 1)[:, None]


@embedding.mistake(
    "The gradient is divided by the number of places in the batch: if the loss is a mean, dx says so already."
)
def mean_over_all(dx, ids, V, pad):
    return add_at(dx, ids, V, pad) / ids.size


@embedding.mistake("Only the first sequence of the batch counts: all of them use the same table.")
def first_sequence(dx, ids, V, pad):
    return add_at(dx[:, :1], ids[:, :1], V, pad)


@embedding.mistake(
    "Ids and gradients are out of step: time and batch are laid out in another order for the one than for the other."
)
def out_of_order(dx, ids, V, pad):
    return add_at(dx.reshape(-1, dx.shape[-1]), ids.T.ravel(), V, pad)


@embedding.mistake(
    "Each token gets the gradient of the step before: the row was looked up at the same step at which dx stands."
)
def one_step_late(dx, ids, V, pad):
    return add_at(np.roll(dx, 1, axis=0), ids, V, pad)


@embedding.answer
def add_at(dx, ids, V, pad):
    dE = np.zeros((V, dx.shape[-1]))
    np.add.at(dE, ids, dx)
    dE[pad] = 0
    return dE


@embedding.answer
def row_by_row(dx, ids, V, pad):
    return np.array([dx[ids == v].sum(axis=0) if v != pad else np.zeros(dx.shape[-1]) for v in range(V)])


# 5. checkpointed_backward

segments = exercise("checkpointed_backward", points=3, returns=("dx", "dh0"))
STEPS = (
    (toys.squashed_shift, toys.squashed_shift_backward),
    (toys.fading_sum, toys.fading_sum_backward),
)


@segments.inputs(T=(11, 1, 8, 7, 5), k=(4, 3, 2, 3, 1), H=(4, 5, 3, 2, 3))
def draw_segments(rng, T, B, I, H, k):
    step, backward = STEPS[int(T in (1, 5))]
    return {
        "step": step,
        "step_backward": backward,
        "x": rng.normal(size=(T, B, I)),
        "kept": rng.uniform(-1, 1, size=(-(-T // k), B, H)),
        "dh": rng.normal(size=(T, B, H)),
        "k": k,
    }


@segments.inputs(T=(9,), B=(3,), I=(2,), H=(4,), k=(20,))
def draw_one_segment(rng, T, B, I, H, k):
    return {
        **draw_segments(rng, T, B, I, H, k),
        "step": STEPS[0][0],
        "step_backward": STEPS[0][1],
    }


segments.slip(
    "The gradient does not cross the seams: what a segment sends back enters the last step of the segment before it.",
    "        stop = min(",
    "        carried = np.zeros(kept[0].shape)\n        stop = min(",
)
segments.slip(
    "The direct gradients are left out: each state gets its own dh[t] besides what comes from later.",
    "dh[t] + carried",
    "carried + (dh[t] if t == len(x) - 1 else 0)",
)
segments.slip(
    "Nothing comes back from later steps: the total gradient of a state is dh[t] and what the next step sends back.",
    "dh[t] + carried",
    "dh[t]",
)
segments.slip(
    "A segment is started from the next one's state: kept[s] is the state before step s * k.",
    "before = [kept[s]]",
    "before = [kept[min(s + 1, len(kept) - 1)]]",
)
segments.slip(
    "The segments are run again from zeros: each starts from its own kept state.",
    "before = [kept[s]]",
    "before = [np.zeros_like(kept[s])]",
)
segments.slip(
    "Every segment starts from h0: each has its own kept state.",
    "before = [kept[s]]",
    "before = [kept[0]]",
)
segments.slip(
    "The states are computed with the inputs of the first segment: segment s begins at step s * k.",
    "step(x[t], before[-1])",
    "step(x[t - s * k], before[-1])",
)
segments.slip(
    "The state after each step is handed to step_backward: it asks for the old one, before the step.",
    "step_backward(dh[t] + carried, x[t], before.pop())",
    "step_backward(dh[t] + carried, x[t], step(x[t], before.pop()))",
)
segments.slip(
    "The states are taken from the front of the segment: going backwards, the last one comes first.",
    "before.pop()",
    "before.pop(0)",
)


def by_segments(step, step_backward, x, kept, dh, k, states, whole=None):
    """The backward pass over all steps with given old states; `whole`: the number of steps to walk."""
    dx, carried = np.zeros_like(x), np.zeros_like(kept[0])
    for t in reversed(range(len(x) if whole is None else whole)):
        dx[t], carried = step_backward(dh[t] + carried, x[t], states[t])
    return dx, carried


def old_states(step, x, kept, k):
    states = []
    for t in range(len(x)):
        states.append(kept[t // k] if t % k == 0 else step(x[t - 1], states[-1]))
    return states


@segments.mistake("The last, shorter segment is left out: T need not be a multiple of k.")
def rest_left_out(step, step_backward, x, kept, dh, k):
    states = old_states(step, x, kept, k)
    whole = len(x) // k * k
    return by_segments(step, step_backward, x, kept, dh, k, states, whole)


@segments.mistake(
    "Only the first kept state is used and the sequence run on from it: each segment starts from its own kept state."
)
def run_through(step, step_backward, x, kept, dh, k):
    states = old_states(step, x, kept, len(x))
    return by_segments(step, step_backward, x, kept, dh, k, states)


@segments.mistake("The kept state stands in for all states of its segment: those in between have to be computed again.")
def never_run_again(step, step_backward, x, kept, dh, k):
    states = [kept[t // k] for t in range(len(x))]
    return by_segments(step, step_backward, x, kept, dh, k, states)


@segments.mistake(
    "The segments are walked from the first to the last: a segment needs what the one after it sends back."
)
def first_segment_first(step, step_backward, x, kept, dh, k):
    states = old_states(step, x, kept, k)
    dx, carried = np.zeros_like(x), np.zeros_like(kept[0])
    for s in range(len(kept)):
        for t in reversed(range(s * k, min((s + 1) * k, len(x)))):
            dx[t], carried = step_backward(dh[t] + carried, x[t], states[t])
    return dx, carried


@segments.mistake(
    "dh0 is the gradient of the first state after a step: it has to go back through the first step to reach h0."
)
def one_step_short(step, step_backward, x, kept, dh, k):
    states = old_states(step, x, kept, k)
    dx, _ = by_segments(step, step_backward, x, kept, dh, k, states)
    later = np.zeros_like(kept[0])
    for t in reversed(range(1, len(x))):
        _, later = step_backward(dh[t] + later, x[t], states[t])
    return dx, dh[0] + later


@segments.answer
def all_states_first(step, step_backward, x, kept, dh, k):
    states = old_states(step, x, kept, k)
    return by_segments(step, step_backward, x, kept, dh, k, states)


@segments.answer
def gradient_into_dh(step, step_backward, x, kept, dh, k):
    dh, dx = dh.copy(), [None] * len(x)
    for t in reversed(range(len(x))):
        s = t // k
        state = kept[s]
        for u in range(s * k, t):
            state = step(x[u], state)
        dx[t], back = step_backward(dh[t], x[t], state)
        if t > 0:
            dh[t - 1] += back
    return [np.stack(dx), back]


# 6. diagonal_rtrl

rtrl = exercise("diagonal_rtrl", points=3, returns=("dw", "dW_x"))


@rtrl.inputs
def draw_rtrl(rng, T, B, I, H):
    return {
        "dh": rng.normal(size=(T, B, H)),
        "x": rng.normal(size=(T, B, I)),
        "h0": rng.uniform(0.2, 1, size=(B, H)) * rng.choice([-1, 1], size=(B, H)),
        "w": rng.uniform(0.6, 1.4, size=H) * rng.choice([-1, 1], size=H),
        "W_x": 0.6 * rng.normal(size=(H, I)),
    }


rtrl.slip(
    "The way through the old state is missing for w: the state before has moved already, by w times its own derivative.",
    "P = slope * (h + w * P)",
    "P = slope * h",
)
rtrl.slip(
    "The way through the old state is missing for W_x: the state before has moved already, by w times its own derivative.",
    "(x_t[:, None, :] + w[:, None] * Q)",
    "(x_t[:, None, :] + 0 * Q)",
)
rtrl.slip(
    "The old derivatives of w are not multiplied with w: what the old state does to the new one passes through w.",
    "(h + w * P)",
    "(h + P)",
)
rtrl.slip(
    "The old derivatives of W_x are not multiplied with w: what the old state does to the new one passes through w.",
    "w[:, None] * Q",
    "Q",
)
rtrl.slip(
    "The slope of the tanh is missing in the carried part of w: both reasons act through the tanh.",
    "slope * (h + w * P)",
    "slope * h + w * P",
)
rtrl.slip(
    "The direct part of w is missing: w multiplies the old state.",
    "(h + w * P)",
    "(w * P)",
)
rtrl.slip(
    "The new state is used in the direct part of w: w multiplies the old one.",
    "(h + w * P)",
    "(new + w * P)",
)
rtrl.slip(
    "dw is not added up: entry t is the gradient of all losses up to step t.",
    "dw[-1] + (g * P)",
    "0 + (g * P)",
)
rtrl.slip(
    "dW_x is not added up: entry t is the gradient of all losses up to step t.",
    "dW_x[-1] + (g[..., None] * Q)",
    "0 + (g[..., None] * Q)",
)
rtrl.slip(
    "The gradients are averaged over the batch in dw: every sequence used the same weights, so the parts are summed.",
    "(g * P).sum(axis=0)",
    "(g * P).mean(axis=0)",
)
rtrl.slip(
    "Zeros are used for the first state: h0 is given, and w multiplies it at the first step.",
    "[np.zeros(W_x.shape)], h0",
    "[np.zeros(W_x.shape)], 0 * h0",
)
rtrl.slip(
    "The results are one step late: entry t includes the loss of step t.",
    "np.array(dw[1:]), np.array(dW_x[1:])",
    "np.array(dw[:-1]), np.array(dW_x[:-1])",
)


@rtrl.mistake("Each entry holds the gradient of all losses: entry t may only know of the losses up to step t.")
def totals_everywhere(dh, x, h0, w, W_x):
    dw, dW_x = prefix_by_prefix(dh, x, h0, w, W_x)
    return np.tile(dw[-1], (len(x), 1)), np.tile(dW_x[-1], (len(x), 1, 1))


@rtrl.mistake(
    "Parts are added by the step at which a weight was used, from the first on: entry t must hold the losses up to t, and all uses before them."
)
def by_use(dh, x, h0, w, W_x):
    da, old = diagonal_sums(dh, x, h0, w, W_x)
    dw = (da * old).sum(axis=1)
    return dw.cumsum(axis=0), np.einsum("tbh,tbi->thi", da, x).cumsum(axis=0)


def diagonal_sums(dh, x, h0, w, W_x):
    """The gradients of the sums by going backwards, and the old states."""
    old = [h0]
    for x_t in x:
        old.append(np.tanh(w * old[-1] + x_t @ W_x.T))
    da, later = np.zeros(dh.shape), np.zeros_like(h0)
    for t in reversed(range(len(x))):
        da[t] = (1 - old[t + 1] ** 2) * (dh[t] + later)
        later = w * da[t]
    return da, np.array(old[:-1])


@rtrl.answer
def prefix_by_prefix(dh, x, h0, w, W_x):
    """Backwards, once for each step."""
    dw, dW_x = [], []
    for t in range(1, len(x) + 1):
        da, old = diagonal_sums(dh[:t], x[:t], h0, w, W_x)
        dw.append((da * old).sum(axis=(0, 1)))
        dW_x.append(np.einsum("tbh,tbi->hi", da, x[:t]))
    return np.stack(dw), np.stack(dW_x)


@rtrl.answer
def both_in_one_table(dh, x, h0, w, W_x):
    """The old state and the input as one row, and one table of derivatives."""
    J, total, h = np.zeros((*h0.shape, 1 + x.shape[2])), 0.0, h0
    dw, dW_x = np.zeros(dh.shape[::2]), np.zeros((len(x), *W_x.shape))
    for t in range(len(x)):
        z = np.concatenate(
            [
                h[..., None],
                np.broadcast_to(x[t][:, None], (*h.shape, x.shape[2])),
            ],
            axis=2,
        )
        h = np.tanh(h * w + np.einsum("bi,hi->bh", x[t], W_x))
        J = (z + w[None, :, None] * J) * (1 - h * h)[..., None]
        total = total + np.einsum("bh,bhj->hj", dh[t], J)
        dw[t], dW_x[t] = total[:, 0], total[:, 1:]
    return dw, dW_x


# 7. wrong_entries

judge = exercise(
    "wrong_entries",
    points=2,
    returns="wrong",
    forbidden=("torch", "rnncourse.layers", "rnncourse.gradcheck", "scipy"),
)


def plant(rng, right):
    """About half of the entries wrong, in all the ways in which gradients go wrong."""
    claim = right.copy()
    flat, size = claim.reshape(-1), claim.size
    for k, place in enumerate(rng.permutation(size)[: max(5, size // 2)]):
        v = flat[place]
        wrong = (2 * v, v * 1.02, -v, 0.0, v + 0.01)[k % 5]
        enough = max(0.002, 0.015 * abs(v))
        flat[place] = wrong if abs(wrong - v) > enough else v + 0.5 + abs(v) / 2
    return claim


@judge.inputs(B=(4, 3, 5, 4), H=(6, 5, 4, 7), says="The slope changes quickly here.")
def draw_wavy(rng, B, H):
    a = rng.normal(size=(B, H))
    return {
        "loss": toys.wavy_loss,
        "array": a,
        "gradient": plant(rng, toys.wavy_gradient(a)),
    }


@judge.inputs(
    B=(3, 4),
    H=(6, 5),
    says="Some entries are at the lowest point of the loss here: gradient zero, curvature large.",
)
def draw_steep(rng, B, H):
    a = rng.normal(size=(B, H)) * (rng.uniform(size=(B, H)) < 0.5)
    a.flat[:2] = 0.0, 0.7
    return {
        "loss": toys.steep_loss,
        "array": a,
        "gradient": plant(rng, toys.steep_gradient(a)),
    }


@judge.inputs(N=(14, 17), says="The loss is a small change on top of 10,000 here.")
def draw_high(rng, N):
    a = rng.uniform(0.4, 1.3, size=N) * rng.choice([-1, 1], size=N)
    return {
        "loss": toys.high_loss,
        "array": a,
        "gradient": plant(rng, toys.high_gradient(a)),
    }


@judge.inputs(T=(3,), B=(2,), H=(4,), says="The claim is right everywhere here.")
def draw_right(rng, T, B, H):
    a = rng.normal(size=(T, B, H))
    a[0, 0, :2] = 0.0
    return {
        "loss": toys.steep_loss,
        "array": a,
        "gradient": toys.steep_gradient(a),
    }


judge.slip(
    "The difference is to one side only: where the loss curves, right entries look wrong.",
    "(above - loss(probe)) / (2 * step)",
    "(above - loss(array)) / step",
)
judge.slip(
    "The step is counted once: between the two points lie two steps.",
    "/ (2 * step)",
    "/ step",
)
judge.slip(
    "The step is far too large: the loss is not a straight line over a hundredth.",
    "step = np.zeros(array.shape), 1e-5",
    "step = np.zeros(array.shape), 1e-2",
)
judge.slip(
    "The step is far too small: it is lost in rounding, and both losses are the same.",
    "step = np.zeros(array.shape), 1e-5",
    "step = np.zeros(array.shape), 1e-17",
)
judge.slip(
    "Only claims that are too large are found: what counts is the distance, to either side.",
    "np.abs(gradient - numeric)",
    "(gradient - numeric)",
)
judge.slip(
    "The mask is the wrong way round: True marks what is wrong.",
    " > allowed",
    " <= allowed",
)
judge.slip(
    "The tolerance is so tight that the error of the difference itself counts: no finite difference is right to twelve digits.",
    "1e-4 + 1e-3 * np.abs(numeric)",
    "1e-12 + 1e-12 * np.abs(numeric)",
)
judge.slip(
    "The tolerance is so wide that errors of a few percent pass.",
    "1e-4 + 1e-3 * np.abs(numeric)",
    "0.1 + 0.1 * np.abs(numeric)",
)
judge.slip(
    "All entries are judged by the largest: small ones can then be wrong unseen.",
    "1e-3 * np.abs(numeric)",
    "1e-2 * np.abs(numeric).max()",
)


@judge.mistake("One verdict is given for the whole array: say for each entry whether it is wrong.")
def all_or_nothing(loss, array, gradient):
    found = five_points(loss, array, gradient)
    return np.full(array.shape, found.any())


@judge.mistake("All entries are nudged together: one entry at a time, or their effects are mixed up.")
def all_at_once(loss, array, gradient):
    slope = (loss(array + 1e-5) - loss(array - 1e-5)) / 2e-5
    return np.abs(gradient - slope) > 1e-4 + 1e-3 * abs(slope)


@judge.mistake("The array itself is nudged and not set back: work on a copy.")
def left_nudged(loss, array, gradient):
    numeric = np.zeros(array.shape)
    for index in np.ndindex(array.shape):
        array[index] += 1e-5
        above = loss(array)
        array[index] -= 2e-5
        numeric[index] = (above - loss(array)) / 2e-5
    return np.abs(gradient - numeric) > 1e-4 + 1e-3 * np.abs(numeric)


@judge.answer
def five_points(loss, array, gradient):
    """A formula of higher order, which allows a larger step."""
    wrong, flat = np.zeros(array.size, dtype=bool), array.ravel()
    for k in range(array.size):

        def at(move, k=k):
            return loss((flat + move * (np.arange(flat.size) == k)).reshape(array.shape))

        s = 1e-4
        slope = (8 * (at(s) - at(-s)) - (at(2 * s) - at(-2 * s))) / (12 * s)
        wrong[k] = not np.isclose(gradient.ravel()[k], slope, rtol=3e-3, atol=2e-4)
    return wrong.reshape(array.shape)


@judge.answer
def with_a_mask_per_entry(loss, array, gradient):
    ones = np.eye(array.size).reshape(array.size, *array.shape)
    slopes = [(loss(array + 3e-6 * e) - loss(array - 3e-6 * e)) / 6e-6 for e in ones]
    slopes = np.reshape(slopes, array.shape)
    distance = np.abs(slopes - gradient)
    return (distance > 5e-4) & (distance > 5e-3 * np.abs(slopes))
