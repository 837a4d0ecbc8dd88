"""Inputs, known mistakes and other right answers for unit 02-recurrent-cell."""

import numpy as np

from rnncourse import properties, toys
from rnncourse.grading import exercise

# 1. leaky_step

step = exercise(
    "leaky_step",
    points=2,
    returns="h",
    terms={"input": ("x",), "recurrent": ("h_prev",), "bias": ("b",)},
)


@step.inputs
def draw_step(rng, B, I, H):
    return {
        "x": rng.normal(size=(B, I)),
        "h_prev": rng.uniform(-1, 1, size=(B, H)),
        "W_x": rng.normal(size=(H, I)),
        "W_h": rng.normal(size=(H, H)),
        "b": rng.normal(size=H),
        "alpha": float(rng.uniform(0.1, 0.4)),
    }


step.slip("The bias is missing: b shifts every unit at every step.", " + b)", ")")
step.slip(
    "The tanh is missing: without it the recurrence is one affine map of the inputs.",
    "new = np.tanh(",
    "new = (",
)
step.slip(
    "W_h is used in the wrong orientation: unit j must gather from all units with row j of W_h.",
    "W_h.T",
    "W_h",
)
step.slip(
    "The old state is kept whole: only the share 1 - alpha of it stays, or the state can leave the range -1 to 1.",
    "(1 - alpha) * h_prev",
    "h_prev",
)
step.slip(
    "The new value is added whole: only the share alpha of it enters.",
    "+ alpha * new",
    "+ new",
)
step.slip(
    "The recurrent term is missing inside the tanh: the leak alone lets each unit hear only itself.",
    " + h_prev @ W_h.T",
    "",
)


@step.mistake(
    "The leak is on the wrong side: alpha is the share of the new value, 1 - alpha that of the old state."
)
def leak_swapped(x, h_prev, W_x, W_h, b, alpha):
    return alpha * h_prev + (1 - alpha) * np.tanh(x @ W_x.T + h_prev @ W_h.T + b)


@step.mistake(
    "There is no leak: the whole state is replaced, which is the plain cell."
)
def no_leak(x, h_prev, W_x, W_h, b, alpha):
    return np.tanh(x @ W_x.T + h_prev @ W_h.T + b)


@step.mistake(
    "The mixture is squashed as well: tanh belongs around the new value only, and the old state stays as it is."
)
def tanh_around_all(x, h_prev, W_x, W_h, b, alpha):
    return np.tanh((1 - alpha) * h_prev + alpha * (x @ W_x.T + h_prev @ W_h.T + b))


@step.mistake(
    "alpha stands inside the tanh: it is the squashed value that is weighted, not its argument."
)
def alpha_inside(x, h_prev, W_x, W_h, b, alpha):
    return (1 - alpha) * h_prev + np.tanh(alpha * (x @ W_x.T + h_prev @ W_h.T + b))


@step.answer
def as_a_move(x, h_prev, W_x, W_h, b, alpha):
    inner = np.einsum("bi,hi->bh", x, W_x) + np.einsum("bk,hk->bh", h_prev, W_h) + b
    return h_prev + alpha * (np.tanh(inner) - h_prev)


@step.answer
def one_matrix_row_by_row(x, h_prev, W_x, W_h, b, alpha):
    W = np.hstack([W_x, W_h, b[:, None]])
    rows = [
        np.tanh(W @ np.concatenate([x_row, h_row, [1.0]]))
        for x_row, h_row in zip(x, h_prev, strict=True)
    ]
    h = h_prev.copy()
    h *= 1 - alpha
    h += alpha * np.array(rows)
    return h


# 2. unroll

unroll = exercise("unroll", points=3, returns="h")
STEPS = (toys.fading_sum, toys.largest_so_far, toys.squashed_shift)


@unroll.inputs
def draw_unroll(rng, T, B, I, H):
    return {
        "step": STEPS[T % 3],
        "x": rng.normal(size=(T, B, I)),
        "h0": rng.normal(size=(B, H)),
        "first": rng.uniform(size=(T, B)) < 0.35,
    }


@unroll.inputs(T=(4, 7), B=(3, 5))  # one sequence per column: no flag anywhere
def draw_unroll_plain(rng, T, B, I, H):
    return {
        **draw_unroll(rng, T, B, I, H),
        "step": toys.fading_sum,
        "first": np.zeros((T, B), dtype=bool),
    }


unroll.slip(
    "The given first state is replaced by zeros at the start: h0 arrives as an argument because it need not be zero.",
    "h, state = [], h0",
    "h, state = [], np.zeros_like(h0)",
)
unroll.slip(
    "A new sequence starts from zeros: it has to start from h0, like the first one.",
    "np.where(first[t][:, None], h0, state)",
    "np.where(first[t][:, None], 0.0, state)",
)
unroll.slip(
    "All columns start again together: a sequence that begins in one column leaves the others alone.",
    "first[t][:, None]",
    "first[t].any()",
)
unroll.slip(
    "The flags come one step late: a flag at step t already concerns the state that enters step t.",
    "first[t][:, None]",
    "(first[t - 1] & (t > 0))[:, None]",
)
unroll.slip(
    "The state is not carried from step to step: every step must receive what the step before returned.",
    "step(x[t], state)",
    "step(x[t], h0)",
)
unroll.slip(
    "The steps run from last to first: the state has to meet the inputs in the order of time.",
    "range(len(x))",
    "reversed(range(len(x)))",
)


@unroll.mistake(
    "The flags are not used: where a sequence begins, the state must not know the sequence before it."
)
def no_reset(step, x, h0, first):
    h = [h0]
    for x_t in x:
        h.append(step(x_t, h[-1]))
    return np.stack(h[1:])


@unroll.mistake(
    "The states are those before each step: h[t] is what the step returned at t, so h0 is not among them."
)
def one_early(step, x, h0, first):
    h, state = [], h0
    for t in range(len(x)):
        state = np.where(first[t][:, None], h0, state)
        h.append(state)
        state = step(x[t], state)
    return np.stack(h)


@unroll.mistake(
    "The state is put back after the step: then the first input of a new sequence is lost."
)
def reset_after(step, x, h0, first):
    h, state = [], h0
    for t in range(len(x)):
        state = np.where(first[t][:, None], h0, step(x[t], state))
        h.append(state)
    return np.stack(h)


@unroll.answer
def column_by_column(step, x, h0, first):
    T, B, _ = x.shape
    h = np.empty((T, B, h0.shape[1]))
    for j in range(B):
        state = h0[j : j + 1]
        for t in range(T):
            if first[t, j]:
                state = h0[j : j + 1]
            state = step(x[t, j : j + 1], state)
            h[t, j] = state[0]
    return h


@unroll.answer
def weighted(step, x, h0, first):
    h = np.empty((len(x), *h0.shape))
    for t, begins in enumerate(first.astype(float)[..., None]):
        before = h[t - 1] if t else h0
        h[t] = step(x[t], begins * h0 + (1 - begins) * before)
    return h


# 3. count_parameters

count = exercise("count_parameters", points=2, returns="total")


@count.inputs(L=(2, 1, 4, 3), O=(2, 0, 5, 1), biases=(1, 2, 2, 1))
def draw_count(rng, I, H, L, O, biases):
    return {"I": I, "H": H, "L": L, "O": O, "biases": biases}


@count.inputs(I=(7, 2), H=(11, 3), L=(3, 2), O=(4, 0), biases=(2, 1))
def draw_count_larger(rng, I, H, L, O, biases):
    return {"I": I, "H": H, "L": L, "O": O, "biases": biases}


count.slip(
    "Every layer is counted as if it read the input: layers above the first read the H states below them.",
    "below = H",
    "below = I",
)
count.slip(
    "The biases of the layers are missing: each bias vector has H entries.",
    " + biases * H",
    "",
)
count.slip(
    "Only one bias vector per layer is counted: `biases` says how many there are.",
    "biases * H",
    "H",
)
count.slip(
    "The bias of the readout is missing: it has one entry per output.",
    "O * H + O",
    "O * H",
)
count.slip(
    "The readout gets as many biases as a layer: it always has one.",
    "O * H + O",
    "O * H + biases * O",
)
count.slip(
    "Only one layer is counted: there are L of them, each with weights of its own.",
    "range(L)",
    "range(1)",
)
count.slip(
    "The recurrent matrix is missing: every layer has an H by H matrix W_h.",
    " + H * H",
    "",
)
count.slip(
    "The readout is attached to the input: it reads the H states of the last layer.",
    "O * H + O",
    "O * I + O",
)


@count.mistake(
    "The readout is counted once per layer: only the last layer is read."
)
def readout_per_layer(I, H, L, O, biases):
    return H * I + (L - 1) * H * H + L * (H * H + biases * H) + L * (O * H + O)


@count.answer
def closed_form(I, H, L, O, biases):
    return H * (I + H + biases) + (L - 1) * H * (2 * H + biases) + O * (H + 1)


@count.answer
def by_shapes(I, H, L, O, biases):
    shapes = [(O, H), (O, 1)]
    for layer in range(L):
        shapes += [(H, I if layer == 0 else H), (H, H)] + [(H,)] * biases
    return sum(int(np.prod(shape)) for shape in shapes)


# 4. multiple_of_three

three = exercise(
    "multiple_of_three", points=3, returns=("W_x", "W_h", "b", "h0", "w_y", "c")
)


@three.property(
    properties.bit_reader,
    "After every bit the answer must say whether the number read so far is a multiple of three.",
    T=(6, 1, 12, 60),
)
def draw_bits(rng, T, B):
    return {"bits": rng.integers(0, 2, size=(T, B))}


@three.property(
    properties.bit_reader,
    "The answers must stay right over hundreds of bits: the units have to be pulled back to -1 and 1 at every step.",
    T=(300,),
    B=(2,),
)
def draw_many_bits(rng, T, B):
    return {"bits": rng.integers(0, 2, size=(T, B))}


three.slip(
    "The weights are too small: after some bits the units have drifted away from -1 and 1, and the remainder is lost.",
    "gain, pairs = 6.0",
    "gain, pairs = 2.0",
)
three.slip(
    "The machine counts ones: reading a bit doubles the number before the bit is added.",
    "(2 * r + bit) % 3",
    "(r + bit) % 3",
)
three.slip(
    "All remainders come to seem true at once: the first state must say which one holds, "
    "and a unit may come on only if both its conditions do.",
    "(1 - bit) - 1.5",
    "(1 - bit) - 0.5",
)
three.slip(
    "The network starts with no unit on: the first state must say that the remainder is 0.",
    "h0[0] = 1.0",
    "h0[0] = -1.0",
)
three.slip(
    "The network starts with another remainder than 0: nothing read yet is the number 0.",
    "h0[0] = 1.0",
    "h0[1] = 1.0",
)
three.slip(
    "The answer is about the remainder before the bit: it is the remainder after the bit that counts.",
    "np.where(follows == 0, 1.0, 0.0)",
    "np.where([r == 0 for r, _ in pairs], 1.0, 0.0)",
)
three.slip(
    "The bits are taken the wrong way round: 0 is read as 1 and 1 as 0.",
    "W_x[k] = gain if bit == 1 else -gain",
    "W_x[k], bit = (gain, 1) if bit == 0 else (-gain, 0)",
)
three.slip(
    "The answer is inverted: it must be positive for multiples of three.",
    "return W_x, W_h, b, h0, w_y, 1.0",
    "return W_x, W_h, b, h0, -w_y, -1.0",
)


def six_units(gain):
    """Units ordered by bit, then by remainder; the same machine written as formulas."""
    r, bit = np.tile(np.arange(3), 2), np.repeat([0, 1], 3)
    follows = (2 * r + bit) % 3
    W_h = gain / 2 * (r[:, None] == follows[None])
    W_x = gain * np.where(bit == 1, 1.0, -1.0)[:, None]
    b = gain * np.where(bit == 1, -0.5, 0.5)
    h0 = np.where((r == 0) & (bit == 0), 1.0, -1.0)
    return W_x, W_h, b, h0, (follows == 0).astype(float), 1.0


@three.answer
def by_formulas():
    return six_units(9.0)


@three.answer
def every_unit_twice():
    W_x, W_h, b, h0, w_y, c = six_units(5.0)
    W_h = np.tile(W_h, (2, 2)) / 2
    return (
        np.tile(W_x, (2, 1)).tolist(),
        W_h,
        np.tile(b, 2),
        np.tile(h0, 2),
        np.tile(w_y, 2) / 2,
        c,
    )


# 5. read_last

last = exercise(
    "read_last", points=2, returns="y", terms={"state": ("h",), "bias": ("b_y",)}
)


@last.inputs(T=(6, 1, 8, 4), B=(4, 2, 1, 3), O=(2, 3, 1, 4))
def draw_last(rng, T, B, H, O):
    lengths = rng.integers(1, T + 1, size=B)
    if (
        T > 3
    ):  # the first sequence is padded and not the shortest, and none ends at its first step
        lengths = rng.integers(2, T + 1, size=B)
        lengths[1:2] = 2
        lengths[0] = rng.integers(3, T)
    return {
        "h": rng.uniform(-1, 1, size=(T, B, H)),
        "lengths": lengths,
        "W_y": rng.normal(size=(O, H)),
        "b_y": rng.normal(size=O),
    }


last.slip(
    "The last padded step is read: behind its own length, a sequence's state has gone on through the padding.",
    "h[lengths - 1, columns]",
    "h[-1]",
)
last.slip(
    "One step too far: a sequence of length n has its last real state at index n - 1.",
    "h[lengths - 1, columns]",
    "h[np.minimum(lengths, len(h) - 1), columns]",
)
last.slip(
    "All sequences are read at the length of the first: each has its own.",
    "h[lengths - 1, columns]",
    "h[lengths[0] - 1]",
)
last.slip(
    "All sequences are read at the shortest length: each has its own.",
    "h[lengths - 1, columns]",
    "h[lengths.min() - 1]",
)
last.slip("The bias of the readout is missing.", " + b_y", "")
last.slip(
    "The first state is read: the answer belongs after the last real step.",
    "h[lengths - 1, columns]",
    "h[0]",
)
last.slip(
    "The mean over all steps is read, padding included: asked for is the state after the last real step.",
    "h[lengths - 1, columns]",
    "h.mean(axis=0)",
)
last.slip(
    "The mean over the real steps is read: asked for is one state, the last real one.",
    "h[lengths - 1, columns]",
    "np.stack([h[:n, j].mean(axis=0) for j, n in enumerate(lengths)])",
)


@last.answer
def one_by_one(h, lengths, W_y, b_y):
    return np.array([W_y @ h[n - 1, j] + b_y for j, n in enumerate(lengths)])


@last.answer
def read_all_then_pick(h, lengths, W_y, b_y):
    y = np.einsum("tbh,oh->tbo", h, W_y) + b_y
    ends = np.arange(len(h))[:, None] == lengths - 1
    return (y * ends[..., None]).sum(axis=0)


# 6. read_every

every = exercise(
    "read_every",
    points=2,
    returns="y",
    terms={"state": ("h",), "input": ("x",), "bias": ("b_y",)},
)


@every.inputs(T=(6, 1, 8, 4), O=(2, 3, 1, 4))
def draw_every(rng, T, B, H, I, O):
    lengths = rng.integers(1, T + 1, size=B)
    if T > 2:
        lengths[0] = rng.integers(2, T)
    return {
        "h": rng.uniform(-1, 1, size=(T, B, H)),
        "x": rng.normal(size=(T, B, I)),
        "lengths": lengths,
        "W_y": rng.normal(size=(O, H)),
        "W_s": rng.normal(size=(O, I)),
        "b_y": rng.normal(size=O),
    }


every.slip(
    "The direct connection is missing: the present input enters the output through W_s.",
    " + x @ W_s.T",
    "",
)
every.slip("The bias of the readout is missing.", " + b_y", "")
every.slip(
    "Padded steps still give outputs: they have to be exactly zero, or someone takes them for answers.",
    "np.where(real[..., None], y, 0.0)",
    "y",
)
every.slip(
    "One padded step is taken for real: index t is real if t is below the length.",
    "np.arange(len(h))[:, None] < lengths",
    "np.arange(len(h))[:, None] <= lengths",
)
every.slip(
    "The padding is taken to be at the start: the real steps are the first ones.",
    "np.arange(len(h))[:, None] < lengths",
    "np.arange(len(h))[::-1, None] < lengths",
)
every.slip(
    "All sequences are cut at the longest length: each has its own.",
    "np.arange(len(h))[:, None] < lengths",
    "np.arange(len(h))[:, None] + 0 * lengths < lengths.max()",
)


@every.mistake(
    "State and input are set to zero at padded steps, but the bias remains: the output itself has to be zero."
)
def bias_in_the_padding(h, x, lengths, W_y, W_s, b_y):
    real = (np.arange(len(h))[:, None] < lengths)[..., None]
    return (h * real) @ W_y.T + (x * real) @ W_s.T + b_y


@every.mistake(
    "The input of the step before is used: the direct connection carries the present input."
)
def input_one_late(h, x, lengths, W_y, W_s, b_y):
    before = np.concatenate([np.zeros_like(x[:1]), x[:-1]])
    real = (np.arange(len(h))[:, None] < lengths)[..., None]
    return real * (h @ W_y.T + before @ W_s.T + b_y)


@every.answer
def sequence_by_sequence(h, x, lengths, W_y, W_s, b_y):
    y = np.zeros((*h.shape[:2], len(b_y)))
    for j, n in enumerate(lengths):
        for t in range(n):
            y[t, j] = W_y @ h[t, j] + W_s @ x[t, j] + b_y
    return y


@every.answer
def side_by_side(h, x, lengths, W_y, W_s, b_y):
    both = np.concatenate([h, x, np.ones((*h.shape[:2], 1))], axis=2)
    both *= np.arange(len(h))[:, None, None] < lengths[None, :, None]
    return np.einsum("tbk,ok->tbo", both, np.hstack([W_y, W_s, b_y[:, None]]))


# 7. masked_cross_entropy

loss = exercise("masked_cross_entropy", points=3, returns="loss")


def padding_mask(rng, T, B):
    """Lengths of which at least two differ, where there is room."""
    lengths = rng.integers(1, T + 1, size=B)
    if T > 2 and B > 1:
        lengths[:2] = 1, T
    return (np.arange(T)[:, None] < lengths).astype(float)


@loss.inputs
def draw_loss(rng, T, B, V):
    return {
        "logits": 2 * rng.normal(size=(T, B, V)),
        "targets": rng.integers(0, V, size=(T, B)),
        "mask": padding_mask(rng, T, B),
    }


@loss.inputs(T=(3, 5), B=(2, 4), V=(4, 6))  # logits beyond the range of exp
def draw_large(rng, T, B, V):
    return {
        "logits": rng.normal(size=(T, B, V))
        + rng.choice([-2000.0, 2000.0], size=(T, B, 1)),
        "targets": rng.integers(0, V, size=(T, B)),
        "mask": padding_mask(rng, T, B),
    }


@loss.inputs(
    T=(5, 4), B=(3, 4), V=(4, 6)
)  # one sequence is padding from end to end
def draw_empty_sequence(rng, T, B, V):
    mask = padding_mask(rng, T, B)
    mask[:, -1] = 0.0
    return {
        "logits": 2 * rng.normal(size=(T, B, V)),
        "targets": rng.integers(0, V, size=(T, B)),
        "mask": mask,
    }


@loss.inputs(T=(3,), B=(2,), V=(5,))  # nothing is real
def draw_nothing(rng, T, B, V):
    return {
        "logits": rng.normal(size=(T, B, V)),
        "targets": rng.integers(0, V, size=(T, B)),
        "mask": np.zeros((T, B)),
    }


loss.slip(
    "The softmax is computed as written, and exp overflows for large logits: take the largest logit off first.",
    "logits - logits.max(axis=-1, keepdims=True)",
    "logits",
)
loss.slip(
    "An empty batch divides zero by zero: without a real token the loss is 0.",
    "max(np.sum(mask), 1.0)",
    "np.sum(mask)",
)
loss.slip(
    "The mean is over all tokens: the padded ones then count as perfectly predicted.",
    "max(np.sum(mask), 1.0)",
    "mask.size",
)
loss.slip(
    "The losses are summed, not averaged: asked for is the loss per real token.",
    " / max(np.sum(mask), 1.0)",
    "",
)
loss.slip(
    "The sign is missing: a loss is minus the log of a probability, and is never negative.",
    "loss = -np.",
    "loss = np.",
)
loss.slip(
    "The loss is in bits: nats come from the natural logarithm.",
    "np.sum(loss * mask) /",
    "np.sum(loss * mask) / np.log(2) /",
)


@loss.mistake(
    "The mean is over sequences: first within each and then over all of them, so that short ones weigh too much."
)
def mean_of_sequences(logits, targets, mask):
    each = (token_losses(logits, targets) * mask).sum(axis=0) / np.maximum(
        mask.sum(axis=0), 1
    )
    return each.sum() / max((mask.sum(axis=0) > 0).sum(), 1)


@loss.mistake(
    "The mean is over steps: first within each and then over all of them, so that late steps weigh too much."
)
def mean_of_steps(logits, targets, mask):
    each = (token_losses(logits, targets) * mask).sum(axis=1) / np.maximum(
        mask.sum(axis=1), 1
    )
    return each.sum() / max((mask.sum(axis=1) > 0).sum(), 1)


@loss.mistake(
    "The mask is not used: padded tokens have no right answer, so their loss must not count."
)
def no_mask(logits, targets, mask):
    return token_losses(logits, targets).mean()


@loss.mistake(
    "The mask is applied to the logits: a padded token then costs ln V instead of nothing."
)
def mask_on_logits(logits, targets, mask):
    return token_losses(logits * mask[..., None], targets).sum() / max(
        mask.sum(), 1
    )


@loss.mistake(
    "The softmax runs over the wrong axis: the probabilities of the V symbols at one step add up to 1."
)
def softmax_over_time(logits, targets, mask):
    return (token_losses(logits, targets, axis=0) * mask).sum() / max(mask.sum(), 1)


@loss.mistake(
    "The log is taken of the mean probability: the loss is the mean of the logs."
)
def log_of_the_mean(logits, targets, mask):
    p = np.exp(-token_losses(logits, targets))
    return -np.log((p * mask).sum() / mask.sum()) if mask.any() else 0.0


def token_losses(logits, targets, axis=-1):
    z = logits - logits.max(axis=axis, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=axis, keepdims=True))
    return -np.take_along_axis(log_p, targets[..., None], axis=-1)[..., 0]


@loss.answer
def token_by_token(logits, targets, mask):
    found = []
    for index in np.argwhere(mask > 0):
        z = logits[tuple(index)]
        found.append(np.logaddexp.reduce(z) - z[targets[tuple(index)]])
    return float(np.mean(found)) if found else 0.0


@loss.answer
def real_tokens_first(logits, targets, mask):
    real = mask.astype(bool)
    if not real.any():
        return 0.0
    z, y = logits[real], targets[real]  # (N, V), (N,)
    top = z.max(axis=1)
    return (
        top + np.log(np.exp(z - top[:, None]).sum(axis=1)) - z[np.arange(len(y)), y]
    ).mean()


# 8. fit_readout

fit = exercise("fit_readout", points=3, returns=("W_y", "b_y"))


@fit.inputs(T=(12, 7, 15, 9), H=(4, 5, 3, 2), O=(2, 3, 1, 2))
def draw_fit(rng, T, B, H, O):
    return {
        "h": rng.uniform(-1, 1, size=(T, B, H)) + 0.5 * rng.normal(size=H),
        "target": rng.normal(size=(T, B, O)) + 3 * rng.normal(size=O),
        "washout": int(rng.integers(2, 5)),
        "penalty": float(rng.uniform(1.5, 3.0)),
    }


@fit.inputs(T=(6,), B=(3,), H=(4,), O=(2,))
def draw_fit_without_washout(rng, T, B, H, O):
    return {**draw_fit(rng, T, B, H, O), "washout": 0}


def with_penalised_constant(h, target, washout, penalty):
    a = h[washout:].reshape(-1, h.shape[-1])
    a = np.hstack([a, np.ones((len(a), 1))])
    y = target[washout:].reshape(-1, target.shape[-1])
    W = np.linalg.solve(a.T @ a + penalty * np.eye(a.shape[1]), a.T @ y)
    return W[:-1].T, W[-1]


fit.mistake(
    "The constant is penalised: then it is too small wherever the targets do not lie around zero."
)(with_penalised_constant)
fit.slip(
    "The washout takes part in the fit: its states still remember the arbitrary first state.",
    "states = h[washout:].reshape(-1, h.shape[-1])\n    wanted = target[washout:]",
    "states = h.reshape(-1, h.shape[-1])\n    wanted = target",
)
fit.slip(
    "States and targets are out of step: the washout has to be cut off both at the same end.",
    "wanted = target[washout:]",
    "wanted = target[: len(target) - washout]",
)
fit.slip(
    "The washout is cut off at the end: it is the first steps that remember the first state.",
    "states = h[washout:].reshape(-1, h.shape[-1])\n    wanted = target[washout:]",
    "states = h[: len(h) - washout].reshape(-1, h.shape[-1])\n    wanted = target[: len(target) - washout]",
)
fit.slip(
    "The penalty is missing: this is plain least squares.",
    "penalty * np.eye(a.shape[1])",
    "0.0",
)
fit.slip(
    "The penalty is added to every entry of the matrix: it belongs on the diagonal.",
    "penalty * np.eye(a.shape[1])",
    "penalty",
)
fit.slip(
    "The penalty is multiplied by the number of rows: the equation adds it once to a sum over all steps.",
    "penalty * np.eye(a.shape[1])",
    "penalty * len(a) * np.eye(a.shape[1])",
)
fit.slip(
    "The penalty is squared: lambda itself multiplies the squared norm.",
    "penalty * np.eye(a.shape[1])",
    "penalty**2 * np.eye(a.shape[1])",
)
fit.slip(
    "The constant is the mean of the targets: what the mean state contributes has to be taken off.",
    "wanted_mean - W_y @ states_mean",
    "wanted_mean",
)
fit.slip(
    "The means stay in the states: the best constant takes them off states and targets alike.",
    "a = states - states_mean",
    "a = states",
)


@fit.mistake(
    "Only the first sequence of the batch is fitted: the sum runs over all of them."
)
def first_sequence_only(h, target, washout, penalty):
    return stacked_least_squares(h[:, :1], target[:, :1], washout, penalty)


@fit.answer
def stacked_least_squares(h, target, washout, penalty):
    """The penalty as extra rows of an ordinary least-squares problem, the constant as an extra column."""
    H, O = h.shape[2], target.shape[2]
    a = np.concatenate(
        [h[washout:], np.ones((*h[washout:].shape[:2], 1))], axis=2
    ).reshape(-1, H + 1)
    y = target[washout:].reshape(-1, O)
    rows = np.sqrt(penalty) * np.eye(H, H + 1)
    solution = np.linalg.lstsq(
        np.vstack([a, rows]), np.vstack([y, np.zeros((H, O))]), rcond=None
    )[0]
    return solution[:H].T, solution[H]


@fit.answer
def summed_outer_products(h, target, washout, penalty):
    """The normal equations for weights and constant together, summed step by step."""
    H, O = h.shape[2], target.shape[2]
    gram, right = np.diag([penalty] * H + [0.0]), np.zeros((H + 1, O))
    for t in range(washout, len(h)):
        for state, y in zip(h[t], target[t], strict=True):
            row = np.append(state, 1.0)
            gram += np.outer(row, row)
            right += np.outer(row, y)
    solution = np.linalg.inv(gram) @ right
    return [solution[:H].T, solution[H]]
