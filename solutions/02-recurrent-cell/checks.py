"""Checks of unit 02-recurrent-cell: inputs and independent right answers."""

import numpy as np

from rnncourse.authoring import exercise
from rnncourse.check import properties, toys

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


@step.answer
def as_a_move(x, h_prev, W_x, W_h, b, alpha):
    inner = np.einsum("bi,hi->bh", x, W_x) + np.einsum("bk,hk->bh", h_prev, W_h) + b
    return h_prev + alpha * (np.tanh(inner) - h_prev)


@step.answer
def one_matrix_row_by_row(x, h_prev, W_x, W_h, b, alpha):
    W = np.hstack([W_x, W_h, b[:, None]])
    rows = [np.tanh(W @ np.concatenate([x_row, h_row, [1.0]])) for x_row, h_row in zip(x, h_prev, strict=True)]
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


@count.inputs(
    I=(7, 2, 9, 5, 3, 6), H=(11, 3, 4, 8, 7, 2), L=(3, 2, 5, 1, 2, 4), O=(4, 0, 6, 0, 2, 0), biases=(2, 1, 2, 1, 2, 2)
)
def draw_count_larger(rng, I, H, L, O, biases):
    return {"I": I, "H": H, "L": L, "O": O, "biases": biases}


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

three = exercise("multiple_of_three", points=3, returns=("W_x", "W_h", "b", "h0", "w_y", "c"))


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
    B=(20,),
)
def draw_many_bits(rng, T, B):
    bits = rng.integers(0, 2, size=(T, B))
    bits[:, 0] = np.arange(1, T + 1) % 2  # 101010...: too small weights fail here first
    return {"bits": bits}


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

last = exercise("read_last", points=2, returns="y", terms={"state": ("h",), "bias": ("b_y",)})


@last.inputs(T=(9, 1, 8, 5, 6), B=(4, 2, 1, 3, 3), O=(2, 3, 1, 4, 2))
def draw_last(rng, T, B, H, O):
    lengths = rng.integers(1, T + 1, size=B)
    if T > 4 and B < T - 2:
        # all padded, none ends at its first step, and the first is in between
        lengths = np.sort(rng.choice(np.arange(3, T), size=B, replace=False))
        lengths[0] = min(2, lengths[0])
        lengths = np.roll(lengths, B // 2)
    return {
        "h": rng.uniform(-1, 1, size=(T, B, H)),
        "lengths": lengths,
        "W_y": rng.normal(size=(O, H)),
        "b_y": rng.normal(size=O),
    }


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
    if T > 3:  # padding in the first sequence, which is not the shortest
        lengths[0] = rng.integers(2, T)
        lengths[1:2] = 1
    return {
        "h": rng.uniform(-1, 1, size=(T, B, H)),
        "x": rng.normal(size=(T, B, I)),
        "lengths": lengths,
        "W_y": rng.normal(size=(O, H)),
        "W_s": rng.normal(size=(O, I)),
        "b_y": rng.normal(size=O),
    }


@every.inputs(T=(7, 9), B=(3, 4), O=(3, 2))  # mostly padding
def draw_every_short(rng, T, B, H, I, O):
    given = draw_every(rng, T, B, H, I, O)
    return {
        **given,
        "lengths": np.minimum(given["lengths"], rng.integers(2, 5, size=B)),
    }


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


@loss.inputs(  # 64ths, so that float32 holds them too
    T=(3, 5),
    B=(2, 4),
    V=(4, 6),
    mixed=(0, 1),
    says="The logits are around 2000, or -2000: exp has to survive that.",
)
def draw_large(rng, T, B, V, mixed):
    around = np.full((T, B, 1), 2000.0)
    if mixed:
        around = rng.choice([-2000.0, 2000.0], size=(T, B, 1))
        around[0, :2, 0] = 2000.0, -2000.0
    return {
        "logits": around + np.round(64 * rng.normal(size=(T, B, V))) / 64,
        "targets": rng.integers(0, V, size=(T, B)),
        "mask": padding_mask(rng, T, B),
    }


@loss.inputs(
    T=(4, 3, 5, 6),
    B=(3, 2, 4, 2),
    V=(5, 4, 6, 3),
    says="The logit of one real target lies 1000 below the largest (a loss of about 1000), that of another 1000 above all others (a loss of 0).",
)
def draw_far(rng, T, B, V):
    logits = np.round(64 * rng.normal(size=(T, B, V))) / 64
    targets = rng.integers(0, V, size=(T, B))
    logits[0, 0, targets[0, 0]] -= 1000.0
    logits[0, 1, targets[0, 1]] += 1000.0
    return {"logits": logits, "targets": targets, "mask": padding_mask(rng, T, B)}


@loss.inputs(T=(5, 4), B=(3, 4), V=(4, 6))
def draw_empty_sequence(rng, T, B, V):
    """One sequence is padding from end to end."""
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
    return (top + np.log(np.exp(z - top[:, None]).sum(axis=1)) - z[np.arange(len(y)), y]).mean()


# 8. fit_readout

fit = exercise("fit_readout", points=3, returns=("W_y", "b_y"))


@fit.inputs(  # enough rows for a fit without penalty
    T=(12, 14, 16, 13), H=(4, 5, 3, 2), O=(2, 3, 1, 2)
)
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


@fit.answer
def stacked_least_squares(h, target, washout, penalty):
    """The penalty as extra rows of an ordinary least-squares problem, the constant as an extra column."""
    H, O = h.shape[2], target.shape[2]
    a = np.concatenate([h[washout:], np.ones((*h[washout:].shape[:2], 1))], axis=2).reshape(-1, H + 1)
    y = target[washout:].reshape(-1, O)
    rows = np.sqrt(penalty) * np.eye(H, H + 1)
    solution = np.linalg.lstsq(np.vstack([a, rows]), np.vstack([y, np.zeros((H, O))]), rcond=None)[0]
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
