"""Inputs, known mistakes and other right answers for unit 05-vanishing-and-exploding-gradients."""

import numpy as np

from rnncourse.grading import exercise

# 1. leaky_jacobian

leaky = exercise("leaky_jacobian", points=3, returns="J")


@leaky.inputs
def draw_leaky(rng, B, H):
    alpha = rng.uniform(0.1, 0.7, size=H)
    h_prev, new = rng.uniform(-0.9, 0.9, size=(2, B, H))
    return {
        "h_prev": h_prev,
        "h": (1 - alpha) * h_prev + alpha * new,
        "W_h": rng.normal(size=(H, H)),
        "alpha": alpha,
    }


leaky.slip(
    "The slope is taken from the whole new state: tanh produced only the new value n, which has to be recovered from the two states.",
    "(h - (1 - alpha) * h_prev) / alpha",
    "h",
)
leaky.slip(
    "The leak's own path is missing: the share 1 - alpha of the old state passes directly, unit by unit.",
    "np.diag(1 - alpha) + ",
    "",
)
leaky.slip(
    "The old state passes whole on the direct path: only the share 1 - alpha of it stays.",
    "np.diag(1 - alpha)",
    "np.eye(len(alpha))",
)
leaky.slip(
    "The share alpha is missing on the path through tanh: the new value enters weighted.",
    "alpha * (1 - new**2)",
    "(1 - new**2)",
)
leaky.slip(
    "The slopes multiply the columns of W_h: they belong to the new units, which are the rows.",
    "slope[:, :, None]",
    "slope[:, None, :]",
)
leaky.slip(
    "W_h is transposed: row j of the Jacobian is about new unit j, as is row j of W_h.",
    " * W_h",
    " * W_h.T",
)
leaky.slip(
    "The recovered new value is not divided by alpha: only the share alpha of it is in the difference.",
    "(h - (1 - alpha) * h_prev) / alpha",
    "h - (1 - alpha) * h_prev",
)
leaky.slip(
    "The derivative of tanh is 1 minus the square of its value.",
    "(1 - new**2)",
    "(1 - np.abs(new))",
)
leaky.slip(
    "The direct path is added to every entry: a unit leaks into itself only, so 1 - alpha belongs on the diagonal.",
    "np.diag(1 - alpha)",
    "(1 - alpha)[:, None]",
)


@leaky.mistake("The shares are exchanged: alpha belongs to the new value, 1 - alpha to the old state.")
def shares_exchanged(h_prev, h, W_h, alpha):
    new = (h - alpha * h_prev) / (1 - alpha)
    return np.diag(alpha) + ((1 - alpha) * (1 - new**2))[:, :, None] * W_h


@leaky.mistake("tanh is applied once more: the new value that is recovered from the states is already its result.")
def squashed_again(h_prev, h, W_h, alpha):
    new = np.tanh((h - (1 - alpha) * h_prev) / alpha)
    return np.diag(1 - alpha) + (alpha * (1 - new**2))[:, :, None] * W_h


@leaky.answer
def entry_by_entry(h_prev, h, W_h, alpha):
    B, H = h.shape
    J = np.empty((B, H, H))
    for b in range(B):
        for j in range(H):
            n = h_prev[b, j] + (h[b, j] - h_prev[b, j]) / alpha[j]
            for k in range(H):
                J[b, j, k] = alpha[j] * (1 - n * n) * W_h[j, k]
                J[b, j, k] += (1 - alpha[j]) * (j == k)
    return J


@leaky.answer
def by_einsum(h_prev, h, W_h, alpha):
    n = (h - h_prev) / alpha + h_prev
    J = np.einsum("j,bj,jk->bjk", alpha, (1 - n) * (1 + n), W_h)
    index = np.arange(len(alpha))
    J[:, index, index] += 1 - alpha
    return J


# 2. gradient_norms

norms = exercise("gradient_norms", points=3, returns="norms")


@norms.inputs(T=(6, 1, 8, 4), B=(4, 2, 1, 3))
def draw_norms(rng, T, B, H):
    lengths = rng.integers(1, T + 1, size=B)
    if T > 3:  # the first is padded, the last is not, and none ends at its first step
        lengths = rng.integers(3, T + 1, size=B)
        lengths[-1] = T
        lengths[0] = T - 1
    return {
        "dh_last": rng.normal(size=(B, H)),
        "h": rng.uniform(-0.9, 0.9, size=(T, B, H)),
        "W_h": rng.normal(size=(H, H)),
        "lengths": lengths,
    }


norms.slip(
    "The gradient enters at the last step of the array: each sequence has its own last real step.",
    "(lengths - 1 == t)[:, None]",
    "t == len(h) - 1",
)
norms.slip(
    "The gradient enters one step late: a sequence of length n has its last real state at index n - 1.",
    "lengths - 1 == t",
    "np.minimum(lengths, len(h) - 1) == t",
)
norms.slip(
    "W_h is used in the wrong orientation: backwards, unit k gathers from all units j with the weights W_h[j, k].",
    ") @ W_h",
    ") @ W_h.T",
)
norms.slip(
    "The slope of tanh is missing: a gradient on h passes 1 - h^2 before it meets W_h.",
    "(dh * (1 - h[t] ** 2))",
    "dh",
)
norms.slip(
    "The slope is that of the step before: the gradient for h[t] passes the tanh that produced h[t].",
    "h[t] ** 2",
    "h[t - 1] ** 2",
)
norms.slip(
    "The lengths are squared: the root is missing.",
    "np.sqrt((dh**2).sum(axis=1))",
    "(dh**2).sum(axis=1)",
)
norms.slip(
    "This is the mean over units, not the length of the vector: the squares are added.",
    "(dh**2).sum(axis=1)",
    "(dh**2).mean(axis=1)",
)
norms.slip(
    "The length is taken as the sum of absolute values: asked for is the Euclidean length.",
    "np.sqrt((dh**2).sum(axis=1))",
    "np.abs(dh).sum(axis=1)",
)
norms.slip(
    "The last gradient is added again at every step: it enters once, at the last real step.",
    "np.where((lengths - 1 == t)[:, None], dh_last, dh)",
    "np.where((lengths - 1 >= t)[:, None], dh_last + dh, dh)",
)
norms.slip(
    "The slope is applied after W_h: the gradient passes tanh first, then the matrix.",
    "(dh * (1 - h[t] ** 2)) @ W_h",
    "(dh @ W_h) * (1 - h[t] ** 2)",
)


@norms.mistake(
    "The lengths are turned round in time: row t belongs to h[t], and the last real step has the given gradient."
)
def turned_round(dh_last, h, W_h, lengths):
    found = np.zeros(h.shape[:2])
    dh = np.zeros_like(dh_last)
    for t in reversed(range(len(h))):
        dh = np.where((lengths - 1 == t)[:, None], dh_last, dh)
        found[len(h) - 1 - t] = np.sqrt((dh**2).sum(axis=1))
        dh = (dh * (1 - h[t] ** 2)) @ W_h
    return found


@norms.mistake(
    "These are the gradients behind tanh: asked for is the gradient for h[t] itself, before the slope multiplies it."
)
def behind_tanh(dh_last, h, W_h, lengths):
    found = np.zeros(h.shape[:2])
    dh = np.zeros_like(dh_last)
    for t in reversed(range(len(h))):
        dh = np.where((lengths - 1 == t)[:, None], dh_last, dh)
        da = dh * (1 - h[t] ** 2)
        found[t] = np.sqrt((da**2).sum(axis=1))
        dh = da @ W_h
    return found


@norms.answer
def one_at_a_time(dh_last, h, W_h, lengths):
    found = np.zeros(h.shape[:2])
    for b, n in enumerate(lengths):
        g = dh_last[b]
        for t in range(n - 1, -1, -1):
            found[t, b] = np.linalg.norm(g)
            g = W_h.T @ ((1 - h[t, b] ** 2) * g)
    return found


@norms.answer
def with_matrices(dh_last, h, W_h, lengths):
    found = np.zeros(h.shape[:2])
    for b in range(h.shape[1]):
        product = np.eye(h.shape[2])
        for t in range(lengths[b] - 1, -1, -1):
            found[t, b] = np.linalg.norm(dh_last[b] @ product)
            product = product @ (np.diag(1 - h[t, b] ** 2) @ W_h)
    return found


# 3. spectral_norm

sigma = exercise("spectral_norm", points=2, returns="sigma")


@sigma.inputs(N=(4, 3, 5, 2), K=(4, 2, 3, 5), steps=(1, 2, 3, 1))
def draw_sigma(rng, N, K, steps):
    return {
        "W": rng.normal(size=(N, K)),
        "v": rng.uniform(1, 3) * rng.normal(size=K),
        "steps": steps,
    }


@sigma.inputs(N=(3, 4), K=(3, 2))  # no round at all
def draw_no_round(rng, N, K):
    return draw_sigma(rng, N, K, 0)


@sigma.inputs(N=(4,), K=(3,), steps=(400,))  # many rounds: nothing may overflow or die away
def draw_many_rounds(rng, N, K, steps):
    inputs = draw_sigma(rng, N, K, steps)
    return {**inputs, "W": 1e4 * inputs["W"]}


sigma.slip(
    "One round too many: the estimate belongs after exactly the given number.",
    "range(steps)",
    "range(steps + 1)",
)
sigma.slip(
    "One round too few.",
    "range(steps)",
    "range(1, steps)",
)
sigma.slip(
    "The first vector is not brought to length 1: without a round the estimate is then too long.",
    "v = v / np.linalg.norm(v)\n    for",
    "for",
)
sigma.slip(
    "This is the square of the estimate: W is applied once to v, not once and back.",
    "return np.linalg.norm(W @ v)",
    "return np.linalg.norm(W.T @ (W @ v))",
)
sigma.slip(
    "The estimate is taken from a vector of length 1 that W has not met: it is then always 1.",
    "return np.linalg.norm(W @ v)",
    "return np.linalg.norm(v)",
)
sigma.slip(
    "The vectors are brought to a largest entry of 1: it is the Euclidean length that must be 1.",
    "v = W.T @ u\n        v = v / np.linalg.norm(v)",
    "v = W.T @ u\n        v = v / np.abs(v).max()",
)


@sigma.mistake(
    "The exact largest singular value is returned: asked for is the estimate after the given number of rounds."
)
def exact(W, v, steps):
    return np.linalg.norm(W, 2)


@sigma.mistake(
    "The vector is never shortened: after many rounds it overflows, and the estimate has no length to refer to."
)
def never_shortened(W, v, steps):
    v = v / np.linalg.norm(v)
    for _ in range(steps):
        v = W.T @ (W @ v)
    return np.linalg.norm(W @ v)


@sigma.mistake("The start v is ignored: the estimate after a few rounds depends on it.")
def ones(W, v, steps):
    v = np.ones(W.shape[1]) / np.sqrt(W.shape[1])
    for _ in range(steps):
        v = W.T @ (W @ v)
        v /= np.linalg.norm(v)
    return np.linalg.norm(W @ v)


@sigma.mistake(
    "Only W is applied, never its transpose: that goes towards an eigenvector, and W need not even be square."
)
def eigenvector(W, v, steps):
    v = v / np.linalg.norm(v)
    for _ in range(steps):
        v = W @ v
        v = v / np.linalg.norm(v)
    return np.linalg.norm(W @ v)


@sigma.mistake(
    "The estimate is that of half a round before: after the last v the length of W v is due, not that of W.T u."
)
def half_a_round_before(W, v, steps):
    v = v / np.linalg.norm(v)
    found = np.linalg.norm(W @ v)
    for _ in range(steps):
        u = W @ v
        v = W.T @ (u / np.linalg.norm(u))
        found = np.linalg.norm(v)
        v = v / found
    return found


@sigma.answer
def on_the_square(W, v, steps):
    A = W.T @ W
    for _ in range(steps):
        v = A @ v
        v = v / np.sqrt(v @ v)
    v = v / np.sqrt(v @ v)
    return np.sqrt(v @ A @ v)


@sigma.answer
def by_svd(W, v, steps):
    _, s, Vt = np.linalg.svd(W, full_matrices=False)
    c = Vt @ v
    share = (s / s[0]) ** (2 * steps) * c
    rest = 0.0 if steps else v @ v - c @ c  # what W does not see is gone in one round
    return float(np.sqrt(((s * share) ** 2).sum() / ((share**2).sum() + max(rest, 0.0))))


# 4. orthogonal_gates

gates = exercise("orthogonal_gates", points=2, returns="W_h")


@gates.inputs(G=(3, 4, 1, 2), H=(4, 3, 5, 2))
def draw_gates(rng, G, H):
    normal = rng.normal(size=(G, H, H))
    for A in normal:  # both signs on every diagonal of R
        signs = np.sign(np.diag(np.linalg.qr(A)[1]))
        wanted = np.where(np.arange(H) % 2 == 0, 1.0, -1.0) * rng.choice([-1.0, 1.0])
        A *= signs * wanted
    return {
        "normal": normal,
        "gain": rng.uniform(1.2, 3.0, size=G) + np.arange(G),
    }


gates.slip(
    "The signs are missing: column k of Q has to be multiplied by the sign of R[k, k].",
    " * np.sign(np.diag(R))",
    "",
)
gates.slip(
    "The signs multiply the rows: the sign of R[k, k] belongs to column k of Q.",
    "np.sign(np.diag(R))",
    "np.sign(np.diag(R))[:, None]",
)
gates.slip(
    "The gain is missing.",
    "factor * Q",
    "Q",
)
gates.slip(
    "The matrices are transposed: orthogonal as well, but not the Q of this decomposition.",
    "factor * Q * np.sign(np.diag(R))",
    "(factor * Q * np.sign(np.diag(R))).T",
)
gates.slip(
    "The diagonal of R itself is used, not its sign: the columns are then not of length 1.",
    "np.sign(np.diag(R))",
    "np.diag(R)",
)
gates.slip(
    "The signs are taken from Q: it is R's diagonal that has to become positive.",
    "np.diag(R)",
    "np.diag(Q)",
)
gates.slip(
    "The gates lie side by side: they are stacked, one below the other.",
    "np.concatenate(gates)",
    "np.concatenate(gates, axis=1)",
)
gates.slip(
    "The gates are not joined: asked for is one array of shape (G * H, H).",
    "np.concatenate(gates)",
    "np.stack(gates)",
)
gates.slip(
    "The root of the gain is used: the gain itself is the length of every column.",
    "factor * Q",
    "np.sqrt(factor) * Q",
)
gates.slip(
    "R is returned: the orthogonal factor is the first of the two.",
    "Q, R = np.linalg.qr(A)",
    "R, Q = np.linalg.qr(A)",
)


@gates.mistake(
    "The stack is decomposed as a whole: then its columns are orthonormal, but no gate on its own is orthogonal."
)
def whole_stack(normal, gain):
    G, H, _ = normal.shape
    Q, R = np.linalg.qr(normal.reshape(G * H, H))
    return np.repeat(gain, H)[:, None] * Q * np.sign(np.diag(R))


@gates.mistake("Every gate gets the first gate's matrix: each has numbers of its own.")
def first_for_all(normal, gain):
    Q, R = np.linalg.qr(normal[0])
    Q = Q * np.sign(np.diag(R))
    return np.concatenate([g * Q for g in gain])


@gates.mistake("The gates are in the reverse order: the first comes on top.")
def reverse_order(normal, gain):
    Q, R = np.linalg.qr(normal)
    Q = gain[:, None, None] * Q * np.sign(np.einsum("gkk->gk", R))[:, None, :]
    return np.concatenate(Q[::-1])


@gates.answer
def gram_schmidt(normal, gain):
    G, H, _ = normal.shape
    W = np.zeros((G * H, H))
    for g in range(G):
        block = W[g * H : (g + 1) * H]
        for k in range(H):
            q = normal[g, :, k].copy()
            for _ in range(2):
                q -= block @ (block.T @ q)
            block[:, k] = q / np.linalg.norm(q)
    return W * np.repeat(gain, H)[:, None]


@gates.answer
def all_at_once(normal, gain):
    Q, R = np.linalg.qr(normal)
    signs = np.where(np.diagonal(R, axis1=1, axis2=2) < 0, -1.0, 1.0)
    return (Q * signs[:, None, :] * gain[:, None, None]).reshape(-1, normal.shape[2])


# 5. log_bounds

bounds = exercise("log_bounds", points=3, returns=("lower", "upper"))


@bounds.inputs
def draw_bounds(rng, T, B, H):
    return {
        "h": rng.uniform(-0.95, 0.95, size=(T, B, H)),
        "W_h": rng.normal(size=(H, H)) + 0.5,
    }


@bounds.inputs(T=(1500,), B=(2,), H=(3,))  # the products leave the range of floating point numbers
def draw_long_bounds(rng, T, B, H):
    return draw_bounds(rng, T, B, H)


bounds.slip(
    "The step's own slope is counted instead of the next one's: the derivative by h[t] begins with the step that reads h[t].",
    "upper[t + 1] + largest[t + 1]",
    "upper[t + 1] + largest[t]",
)
bounds.slip(
    "The spectral radius stands where the largest singular value belongs: it bounds nothing.",
    "sigma.max()",
    "np.abs(np.linalg.eigvals(W_h)).max()",
)
bounds.slip(
    "The upper bound uses the mean slope: only the largest one bounds from above.",
    "slope.max(axis=2)",
    "slope.mean(axis=2)",
)
bounds.slip(
    "The slopes are missing in the upper bound: W_h alone gives a bound too, but a looser one than asked for.",
    " + np.log10(slope.max(axis=2))",
    " + 0 * slope.max(axis=2)",
)
bounds.slip(
    "The extremes are taken over the whole batch: each sequence has its own slopes.",
    "slope.max(axis=2)",
    "slope.max(axis=(1, 2))[:, None]",
)
bounds.slip(
    "The lower bound uses the largest singular value: it needs the smallest.",
    "np.log10(sigma.min())",
    "np.log10(sigma.max())",
)
bounds.slip(
    "Both bounds come in the wrong order: lower first, then upper.",
    "return lower, upper",
    "return upper, lower",
)
bounds.slip(
    "These are natural logarithms: log10 was asked for.",
    "return lower, upper",
    "return lower * np.log(10), upper * np.log(10)",
)
bounds.slip(
    "The Frobenius norm stands where the largest singular value belongs: a bound as well, but a looser one.",
    "sigma.max()",
    "np.linalg.norm(W_h)",
)
bounds.slip(
    "The slope is 1 - |h|: the derivative of tanh is one minus the square of its value.",
    "1 - h**2",
    "1 - np.abs(h)",
)


@bounds.mistake("The products run from the first step to t: asked for is what lies between t and the last step.")
def from_the_start(h, W_h):
    s = np.linalg.svd(W_h, compute_uv=False)
    slope = 1 - h**2
    low = np.log10(s.min()) + np.log10(slope.min(axis=2))
    high = np.log10(s.max()) + np.log10(slope.max(axis=2))
    return np.cumsum(low, axis=0), np.cumsum(high, axis=0)


@bounds.mistake("The products are formed before the logarithm: over many steps they underflow to 0 or overflow.")
def products_first(h, W_h):
    s = np.linalg.svd(W_h, compute_uv=False)
    slope = 1 - h**2
    found = []
    for factor in (s.min() * slope.min(axis=2), s.max() * slope.max(axis=2)):
        later = np.concatenate([factor[1:], np.ones_like(factor[:1])])
        with np.errstate(divide="ignore", over="ignore"):
            found.append(np.log10(np.cumprod(later[::-1], axis=0)[::-1]))
    return tuple(found)


@bounds.mistake(
    "The last step is not empty: the derivative of the last state by itself is the identity, so both bounds are 0 there."
)
def own_step_included(h, W_h):
    s = np.linalg.svd(W_h, compute_uv=False)
    slope = 1 - h**2
    low = np.log10(s.min()) + np.log10(slope.min(axis=2))
    high = np.log10(s.max()) + np.log10(slope.max(axis=2))
    return np.cumsum(low[::-1], axis=0)[::-1], np.cumsum(high[::-1], axis=0)[::-1]


@bounds.answer
def by_cumsum(h, W_h):
    found = []
    for value, extreme in ((-2, np.max), (2, np.min)):
        steps = np.log10(np.linalg.norm(W_h, value) * (1 - extreme(h**2, axis=2)))
        total = np.cumsum(steps[::-1], axis=0)[::-1]
        found.append(np.concatenate([total[1:], np.zeros_like(total[:1])]))
    return found[0], found[1]


@bounds.answer
def sums_of_slices(h, W_h):
    T, B, _ = h.shape
    eigen = np.linalg.eigvalsh(W_h.T @ W_h)
    low, high = np.zeros((T, B)), np.zeros((T, B))
    for t in range(T):
        for b in range(B):
            d = 1 - h[t + 1 :, b] ** 2
            if len(d):
                low[t, b] = np.log10(d.min(axis=1)).sum()
                low[t, b] += len(d) * np.log10(eigen[0]) / 2
                high[t, b] = np.log10(d.max(axis=1)).sum()
                high[t, b] += len(d) * np.log10(eigen[-1]) / 2
    return low, high


# 6. clip_by_value

clip = exercise("clip_by_value", points=2, returns=("clipped", "cosine"))


def three_gradients(rng, I, H):
    return [
        3 * rng.normal(size=(H, I)),
        0.5 * rng.normal(size=(H, H)),
        rng.normal(size=H),
    ]


@clip.inputs
def draw_clip(rng, I, H):
    gradients = three_gradients(rng, I, H)
    return {"gradients": gradients, "limit": float(rng.uniform(0.3, 0.9))}


@clip.inputs(I=(2, 3), H=(3, 2))
def draw_nothing_to_clip(rng, I, H):
    return {"gradients": three_gradients(rng, I, H), "limit": 100.0}


@clip.inputs(I=(2, 3), H=(3, 2))
def draw_no_gradient(rng, I, H):
    return {"gradients": [0 * g for g in three_gradients(rng, I, H)], "limit": 0.5}


clip.slip(
    "Only large positive entries are cut: the range is from -limit to limit.",
    "np.clip(g, -limit, limit)",
    "np.minimum(g, limit)",
)
clip.slip(
    "Large entries are set to zero: they are cut to the limit, with their sign.",
    "np.clip(g, -limit, limit)",
    "np.where(np.abs(g) > limit, 0.0, g)",
)
clip.slip(
    "The cosine is not divided by both lengths.",
    "np.linalg.norm(before) * np.linalg.norm(after)",
    "np.linalg.norm(before) ** 2",
)
clip.slip(
    "A gradient that is zero everywhere divides zero by zero: its cosine is 1.",
    " if length > 0 else 1.0",
    "",
)
clip.slip(
    "A gradient that is zero everywhere counts as turned: it has not been, so the cosine is 1.",
    "else 1.0",
    "else 0.0",
)
clip.slip(
    "The angle is returned: asked for is its cosine.",
    "return clipped, cosine",
    "return clipped, np.arccos(np.minimum(cosine, 1.0))",
)
clip.slip(
    "Every entry is replaced by its sign times the limit: entries within the range stay as they are.",
    "np.clip(g, -limit, limit)",
    "limit * np.sign(g)",
)
clip.slip(
    "The sign is lost: entries below -limit are cut to -limit.",
    "np.clip(g, -limit, limit)",
    "np.clip(np.abs(g), 0, limit)",
)


@clip.mistake("Each array has its own cosine and their mean is returned: all arrays together are one vector.")
def mean_of_cosines(gradients, limit):
    clipped = [np.clip(g, -limit, limit) for g in gradients]
    each = [
        np.sum(a * c) / max(np.linalg.norm(a) * np.linalg.norm(c), 1e-300) if a.any() else 1.0
        for a, c in zip(gradients, clipped, strict=True)
    ]
    return clipped, np.mean(each)


@clip.mistake("The gradient is clipped by its norm: that keeps the direction, and here every entry is cut on its own.")
def by_norm(gradients, limit):
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    return [g * min(1.0, limit / max(norm, 1e-300)) for g in gradients], 1.0


@clip.mistake("The limit is taken as a share of the largest entry: it is the bound itself.")
def relative_limit(gradients, limit):
    bound = limit * max(np.abs(g).max() for g in gradients)
    clipped = [np.clip(g, -bound, bound) for g in gradients]
    a, c = (np.concatenate([g.ravel() for g in gs]) for gs in (gradients, clipped))
    return clipped, a @ c / (np.linalg.norm(a) * np.linalg.norm(c)) if a.any() else 1.0


@clip.mistake("The arrays that were handed in are clipped in place: the caller's gradients must stay as they are.")
def in_place(gradients, limit):
    a = np.concatenate([g.ravel() for g in gradients])
    for g in gradients:
        np.clip(g, -limit, limit, out=g)
    c = np.concatenate([g.ravel() for g in gradients])
    return gradients, a @ c / (np.linalg.norm(a) * np.linalg.norm(c)) if a.any() else 1.0


@clip.answer
def with_sums(gradients, limit):
    clipped = [np.minimum(np.maximum(g, -limit), limit) for g in gradients]
    pairs = list(zip(gradients, clipped, strict=True))
    dot = sum(float((a * c).sum()) for a, c in pairs)
    first = sum(float((a * a).sum()) for a, _ in pairs)
    second = sum(float((c * c).sum()) for _, c in pairs)
    return clipped, 1.0 if first == 0 else dot / np.sqrt(first * second)


@clip.answer
def by_cases(gradients, limit):
    clipped = []
    for g in gradients:
        c = g.copy()
        c[c > limit], c[c < -limit] = limit, -limit
        clipped.append(c)
    a, c = (np.hstack([g.reshape(-1) for g in gs]) for gs in (gradients, clipped))
    if not a.any():
        return tuple(clipped), 1
    return tuple(clipped), np.dot(a / np.linalg.norm(a), c / np.linalg.norm(c))


# 7. lyapunov_spectrum

spectrum = exercise("lyapunov_spectrum", points=3, returns="exponents")


@spectrum.inputs(T=(6, 1, 9, 12), H=(4, 5, 3, 2))
def draw_spectrum(rng, T, H):
    K = max(2, H - 1)
    return {
        "J": rng.normal(size=(T, H, H)),
        "Q": np.linalg.qr(rng.normal(size=(H, K)))[0],
        "skip": int(rng.integers(1, max(2, T - 2))) if T > 2 else 0,
    }


@spectrum.inputs(T=(700,), H=(3,))  # the product underflows
def draw_long_spectrum(rng, T, H):
    inputs = draw_spectrum(rng, T, H)
    return {**inputs, "J": 0.02 * inputs["J"]}


spectrum.slip(
    "The Jacobians are transposed: a small change of the state is multiplied by J from the left.",
    "J_t @ Q",
    "J_t.T @ Q",
)
spectrum.slip(
    "The absolute value is missing: the diagonal of R may be negative, and then the logarithm is not defined.",
    "np.abs(np.diag(R))",
    "np.diag(R)",
)
spectrum.slip(
    "The first steps are counted as well: skip says how many to leave out.",
    "if t >= skip",
    "if t >= 0",
)
spectrum.slip(
    "The sum is divided by all steps: only those that were counted count.",
    "(len(J) - skip)",
    "len(J)",
)
spectrum.slip(
    "These are decimal logarithms: exponents are in nats per step.",
    "np.log(",
    "np.log10(",
)
spectrum.slip(
    "The sum is not divided by the number of steps.",
    " / (len(J) - skip)",
    "",
)
spectrum.slip(
    "One step too many is left out.",
    "t >= skip",
    "t > skip",
)
spectrum.slip(
    "The steps run backwards in time: the first Jacobian is applied first.",
    "enumerate(J)",
    "enumerate(J[::-1])",
)


@spectrum.mistake(
    "The skipped steps are not run: they turn the vectors into their directions, they are only not counted."
)
def skipped_steps_not_run(J, Q, skip):
    total = np.zeros(Q.shape[1])
    for J_t in J[skip:]:
        Q, R = np.linalg.qr(J_t @ Q)
        total += np.log(np.abs(np.diag(R)))
    return total / (len(J) - skip)


@spectrum.mistake(
    "The vectors are brought to length 1 one by one, but not to right angles: they all turn into the same direction."
)
def lengths_only(J, Q, skip):
    total = np.zeros(Q.shape[1])
    for t, J_t in enumerate(J):
        Q = J_t @ Q
        lengths = np.linalg.norm(Q, axis=0)
        Q = Q / lengths
        if t >= skip:
            total += np.log(lengths)
    return total / (len(J) - skip)


@spectrum.mistake(
    "The vectors start from Q again at every step: each step has to go on from the vectors of the one before."
)
def always_from_the_start(J, Q, skip):
    total = np.zeros(Q.shape[1])
    for J_t in J[skip:]:
        total += np.log(np.abs(np.diag(np.linalg.qr(J_t @ Q)[1])))
    return total / (len(J) - skip)


@spectrum.mistake("The product of all Jacobians is decomposed once: over many steps it underflows.")
def product_once(J, Q, skip):
    for J_t in J[:skip]:
        Q = np.linalg.qr(J_t @ Q)[0]
    for J_t in J[skip:]:
        Q = J_t @ Q
    with np.errstate(divide="ignore"):
        return np.log(np.abs(np.diag(np.linalg.qr(Q)[1]))) / (len(J) - skip)


@spectrum.mistake("The columns are turned round: exponents come in the order of the columns of Q.")
def turned_columns(J, Q, skip):
    total = np.zeros(Q.shape[1])
    for t, J_t in enumerate(J):
        Q, R = np.linalg.qr(J_t @ Q)
        if t >= skip:
            total += np.log(np.abs(np.diag(R)))
    return total[::-1] / (len(J) - skip)


@spectrum.answer
def by_gram_schmidt(J, Q, skip):
    logs = []
    for J_t in J:
        V = J_t @ Q
        Q, lengths = np.zeros_like(V), []
        for k in range(V.shape[1]):
            v = V[:, k].copy()
            for i in range(k):
                v -= (Q[:, i] @ v) * Q[:, i]
            lengths.append(np.linalg.norm(v))
            Q[:, k] = v / lengths[-1]
        logs.append(np.log(lengths))
    return np.mean(logs[skip:], axis=0)


@spectrum.answer
def by_volumes(J, Q, skip):
    """The growth of the volume of the first k columns, step by step, and its differences."""
    volumes = []
    for J_t in J:
        V = J_t @ Q
        logs = [np.linalg.slogdet(V[:, :k].T @ V[:, :k])[1] / 2 for k in range(1, V.shape[1] + 1)]
        volumes.append(np.diff(logs, prepend=0.0))
        Q = np.linalg.qr(V)[0]
    return np.array(volumes)[skip:].mean(axis=0)
