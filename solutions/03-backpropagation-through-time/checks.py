"""Checks of unit 03-backpropagation-through-time: inputs and independent right answers."""

import numpy as np

from rnncourse.authoring import exercise
from rnncourse.check import toys

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


@loss.inputs(
    T=(4, 6),
    B=(3, 5),
    H=(4, 3),
    V=(5, 4),
    says="The logits go into the thousands here, and those of one token lie thousands above those of its neighbours.",
)
def draw_large(rng, T, B, H, V):
    drawn = draw_loss(rng, T, B, H, V)
    drawn["h"][..., 0] = 3000.0 - 6000.0 * (np.add.outer(np.arange(T), np.arange(B)) % 2)
    drawn["W_y"][:, 0] = 1.0  # all logits of a token move together
    return drawn


@loss.inputs(T=(5,), B=(4,), H=(3,), V=(6,), says="One sequence is padding from end to end here.")
def draw_empty_sequence(rng, T, B, H, V):
    drawn = draw_loss(rng, T, B, H, V)
    drawn["mask"][:, -1] = 0.0
    return drawn


@loss.inputs(T=(3,), B=(2,), H=(4,), V=(5,), says="Nothing is real here.")
def draw_nothing(rng, T, B, H, V):
    return {**draw_loss(rng, T, B, H, V), "mask": np.zeros((T, B))}


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


@embedding.inputs(T=(6, 4), V=(6, 5), says="The padding has id 0 here.")
def draw_padding_first(rng, T, B, E, V):
    drawn = draw_embedding(rng, T, B, E, V)
    ids = drawn["ids"]
    return {**drawn, "ids": np.where(ids == drawn["pad"], 0, np.where(ids == 0, drawn["pad"], ids)), "pad": 0}


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


@segments.inputs(T=(9,), B=(3,), I=(2,), H=(4,), k=(4,))
def draw_one_step_over(rng, T, B, I, H, k):
    return draw_segments(rng, T, B, I, H, k)


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
WRONG = {
    "double": lambda v: 2 * v,
    "negated": lambda v: -v,
    "zero": lambda v: 0 * v,
    "percent": lambda v: 1.015 * v,
    "less": lambda v: 0.985 * v,
    "small": lambda v: v + 0.005,
}
WITHIN = 0.98e-6  # how far right claims are off


def claimed(rng, right, *kinds, away=False):
    """A claim with about half of the entries wrong, in these ways; the first is right. Where the gradient is 0 a wrong
    claim is 0.002. Right claims are off by almost 0.000001, to either side or `away` from 0; those of large gradients
    are exact, since ten digits are stored."""
    off = WITHIN * (np.sign(right) if away else rng.choice([-1, 1], size=right.shape))
    claim = right + np.where(abs(right) < 100, off, 0)
    flat, true = claim.reshape(-1), right.reshape(-1)
    for k, place in enumerate(1 + rng.permutation(right.size - 1)[: right.size // 2 if kinds else 0]):
        flat[place] = WRONG[kinds[k % len(kinds)]](true[place]) if true[place] else 0.002
    return claim


def signs(rng, size):
    return rng.choice([-1.0, 1.0], size=size)


@judge.inputs(N=(14, 11), says="The loss is half the sum of the squares here: its gradient is the array itself.")
def draw_bowl(rng, N):
    a = ((rng.integers(300, 450, size=N) + 0.5) / 1000 + 3e-7) * signs(rng, N)  # claims may round to either side
    return {
        "loss": toys.bowl_loss,
        "array": a,
        "gradient": claimed(rng, toys.bowl_gradient(a), "small", "negated", "zero", "double"),
    }


@judge.inputs(B=(4, 3), H=(6, 5), says="The slope changes quickly here.")
def draw_wavy(rng, B, H):
    a = np.round((rng.uniform(-0.7, 0.7, size=(B, H)) + np.pi * rng.integers(-20, 20, size=(B, H))) / 30, 6)
    return {
        "loss": toys.wavy_loss,
        "array": a,
        "gradient": claimed(rng, toys.wavy_gradient(a), "percent", "negated", "zero", "double", away=True),
    }


@judge.inputs(B=(3, 4), says="Many entries are at the lowest point of the loss here: gradient zero, curvature large.")
def draw_valley(rng, B):
    a = np.zeros((B, 5))
    a[:, 2] = rng.integers(1800, 2000, size=B) / 1e5 * signs(rng, B)
    return {
        "loss": toys.valley_loss,
        "array": a,
        "gradient": claimed(rng, toys.valley_gradient(a), "negated", "zero", "double"),
    }


@judge.inputs(
    B=(4, 3), H=(5, 6), says="The loss is a sum of cubes here: where an entry is 0 its slope is 0, but not for long."
)
def draw_bent(rng, B, H):
    a = rng.integers(450, 500, size=(B, H)) / 1000 * signs(rng, (B, H))
    a.flat[rng.permutation(a.size)[: a.size // 2]] = 0.0
    return {
        "loss": toys.bent_loss,
        "array": a,
        "gradient": claimed(rng, toys.bent_gradient(a), "less", "negated", "zero"),
    }


@judge.inputs(N=(14, 17), says="The loss is a small change on top of 10,000 here.")
def draw_high(rng, N):
    a = np.round(rng.uniform(0.3, 2, size=N), 6) * signs(rng, N)
    a[rng.permutation(N)[: N // 2]] = 0.0
    right = toys.high_gradient(a)
    claim = claimed(rng, right, "negated", "zero", "double")
    return {"loss": toys.high_loss, "array": a, "gradient": np.where(abs(claim - right) > 1e-5, claim, right)}


@judge.inputs(T=(3,), B=(2,), says="The claim is right everywhere here.")
def draw_right(rng, T, B):
    a = draw_valley(rng, T * B)["array"].reshape(T, B, 5)
    return {"loss": toys.valley_loss, "array": a, "gradient": claimed(rng, toys.valley_gradient(a))}


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
