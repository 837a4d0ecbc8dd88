"""The known mistakes of unit 05-vanishing-and-exploding-gradients."""

import numpy as np
from checks import (
    all_at_once,
    bounds,
    by_einsum,
    clip,
    gates,
    leaky,
    norms,
    on_the_square,
    one_at_a_time,
    sigma,
    spectrum,
)

from rnncourse.authoring import mistakes, slips

# 1. leaky_jacobian

slips(
    leaky,
    {
        "(h - (1 - alpha) * h_prev) / alpha": {
            "h": "The slope is taken from the whole new state: tanh produced only the new value n, which has to be recovered from the two states.",
            "h_prev": "The slope is taken from the old state: it belongs to the new value n, which has to be recovered from the two states.",
            "h - (1 - alpha) * h_prev": "The recovered new value is too small by a factor of alpha: only that share of it stands in the new state.",
            "(h - h_prev) / alpha": "This is n - h_prev, not n: of the old state only the share that is still in h has to be subtracted.",
            "h / alpha - (1 - alpha) * h_prev": "Only h is divided by alpha where n is recovered, so too little of the old state is subtracted.",
            "(h - alpha * h_prev) / (1 - alpha)": "The shares are exchanged where n is recovered: alpha is the share of the new value in h.",
            "np.tanh((h - (1 - alpha) * h_prev) / alpha)": "tanh is applied once more: the new value that is recovered from the states is already its result.",
            "h - (1 - alpha) * h_prev / alpha": "Only the rest of the old state is divided by alpha where n is recovered: h itself contains only a share of n.",
            "np.tanh(h_prev @ W_h.T)": "The new value is computed from the old state alone: the input entered it as well, so it has to be recovered from the two states.",
            "(h / (1 - alpha) - h_prev) * (1 - alpha) / alpha": "There is a division by the share that stays: it is 0 for a unit that keeps nothing, and n can be recovered without it.",
        },
        "np.diag(1 - alpha)": {
            "np.diag(alpha)": "The direct path carries the share of the new value: along it passes what stays of the old state.",
            "np.eye(len(alpha))": "The old state passes whole on the direct path: a part of it is replaced by the new value.",
            "(1 - alpha)": "The direct path is added to whole columns: a unit leaks into itself only, not into the others.",
            "(1 - alpha)[:, None]": "The direct path is added to whole rows: a unit leaks into itself only, not into the others.",
            "-np.diag(1 - alpha)": "The direct path is subtracted: the derivatives along both paths add up.",
        },
        "np.diag(1 - alpha) +  -> ": "The leak's own path is missing: a part of the old state passes directly, unit by unit.",
        "alpha * (1 - new**2)": {
            "(1 - new**2)": "The share alpha is missing on the path through tanh: the new value enters weighted.",
            "(1 - alpha) * (1 - new**2)": "The path through tanh carries the share of the old state: what comes through tanh is the new value.",
            "alpha**2 * (1 - new**2)": "alpha stands twice on the path through tanh: the new value is weighted once.",
            "alpha * np.ones_like(new)": "The slope of tanh is missing: what comes through W_h is multiplied by it.",
        },
        "(1 - new**2)": {
            "(1 - new)": "The slope of tanh is taken as 1 - n, which is above 1 for every negative n: no slope of tanh is.",
            "(1 - np.abs(new))": "The slope of tanh is taken as 1 - |n|, which is too small everywhere but at 0 and at the ends.",
            "(1 + new**2)": "The slope of tanh has a wrong sign in it and comes out above 1: tanh is steepest at 0, where its slope is 1.",
            "new * (1 - new)": "n (1 - n) is the slope of the logistic function: this cell squashes with tanh.",
        },
        "slope[:, :, None] -> slope[:, None, :]": "The slopes multiply the columns of W_h: they belong to the new units, which are the rows.",
        "np.diag(1 - alpha) + slope[:, :, None] * W_h": {
            "np.diag(1 - alpha) + (1 - new**2)[:, :, None] * W_h * alpha": "alpha multiplies the columns of W_h: as the slope, it belongs to the new units, which are the rows.",
            "(1 - new**2)[:, :, None] * (alpha[:, None] * W_h + np.diag(1 - alpha))": "The slope multiplies the direct path as well: what leaks past tanh meets no slope.",
        },
    },
)


def shares_exchanged(h_prev, h, W_h, alpha):
    new = (h - alpha * h_prev) / (1 - alpha)
    return np.diag(alpha) + ((1 - alpha) * (1 - new**2))[:, :, None] * W_h


mistakes(
    leaky,
    shares_exchanged=(
        "The shares are exchanged throughout: alpha is the share of the new value, not of the old state.",
        shares_exchanged,
    ),
    plain_cell=(
        "This is the Jacobian of the plain tanh cell: the leak is missing, and with it alpha.",
        lambda h_prev, h, W_h, alpha: (1 - h**2)[:, :, None] * W_h,
    ),
    mean_alpha=(
        "All units get the mean of alpha: each has a share of its own.",
        lambda h_prev, h, W_h, alpha: by_einsum(h_prev, h, W_h, np.full_like(alpha, alpha.mean())),
    ),
    first_alpha=(
        "All units get the first unit's alpha: each has a share of its own.",
        lambda h_prev, h, W_h, alpha: by_einsum(h_prev, h, W_h, np.full_like(alpha, alpha[0])),
    ),
    mean_of_the_batch=(
        "All sequences get the mean of the Jacobians: the slopes depend on the states of each.",
        lambda h_prev, h, W_h, alpha: 0 * by_einsum(h_prev, h, W_h, alpha) + by_einsum(h_prev, h, W_h, alpha).mean(0),
    ),
)

# 2. gradient_norms

slips(
    norms,
    {
        "(lengths - 1 == t)[:, None] -> t == len(h) - 1": "The gradient enters at the last step of the array: each sequence has its own last real step.",
        "(1 - h[t] ** 2)": {
            "(1 - h[min(t + 1, len(h) - 1)] ** 2)": "The slope is that of the step after: the gradient for h[t] passes the tanh that produced h[t].",
            "(1 - np.tanh(h[t]) ** 2)": "tanh is applied once more: h is already its result.",
            "(1 - h[t])": "The slope of tanh is taken as 1 - h, which is above 1 for every negative h: no slope of tanh is.",
            "(1 - np.abs(h[t]))": "The slope of tanh is taken as 1 - |h|, which is too small everywhere but at 0 and at the ends.",
            "(h[t] * (1 - h[t]))": "h (1 - h) is the slope of the logistic function: this cell squashes with tanh.",
        },
        "(dh * (1 - h[t] ** 2)) @ W_h": {
            "(dh @ W_h) * (1 - h[t] ** 2)": "The slope is applied after W_h: the gradient passes tanh first, then the matrix.",
            "(dh @ W_h) * (1 - h[t - 1] ** 2)": "The slope is applied after W_h, and it is that of h[t-1]: the gradient for h[t] passes the tanh that produced h[t], then the matrix.",
            "(dh / np.maximum(np.linalg.norm(dh, axis=1), 1e-300)[:, None] * (1 - h[t] ** 2)) @ W_h": "The gradient is made length 1 at every step: then nothing of what vanishes or grows adds up.",
        },
        "np.sqrt((dh**2).sum(axis=1))": {
            "np.sqrt((dh**2).mean(axis=1))": "This is the mean over units, not the length of the vector: the squares are added.",
            "np.abs(dh).sum(axis=1)": "The length is taken as the sum of absolute values: asked for is the Euclidean length.",
            "np.abs(dh).max(axis=1)": "The length is taken as the largest entry: asked for is the Euclidean length.",
            "np.linalg.norm(dh)": "The length is taken over the whole batch: each sequence has its own.",
        },
        "lengths - 1 == t -> np.full_like(lengths, lengths.max()) - 1 == t": "All sequences get the greatest length: each has its own.",
        "lengths - 1 == t -> np.full_like(lengths, lengths[0]) - 1 == t": "All sequences get the first one's length: each has its own.",
        "np.where((lengths - 1 == t)[:, None], dh_last, dh)": {
            "np.where((lengths - 1 >= t)[:, None], dh_last, 0)": "The given gradient stands at every real step: it enters at the last one and is carried back from there.",
            "np.where((lengths - 1 >= t)[:, None], dh_last + dh, dh)": "The last gradient is added again at every step: it enters once, at the last real step.",
        },
        "reversed(range(len(h))) -> range(len(h))": "The gradient is carried forwards in time: from the last real step it goes back to the first.",
        "        norms[t] = np.sqrt((dh**2).sum(axis=1))\n        dh = (dh * (1 - h[t] ** 2)) @ W_h": {
            "        dh = (dh * (1 - h[t] ** 2)) @ W_h\n        norms[t] = np.sqrt((dh**2).sum(axis=1))": "The lengths are stored one step late: row t is for h[t], before the step back to h[t-1]."
        },
        "return norms": {
            "return np.log10(norms)": "These are logarithms: the lengths themselves are asked for.",
            "return np.where(norms > 0, np.log10(norms), 0)": "These are logarithms, with 0 in the padding: the lengths themselves are asked for.",
            "return norms / np.linalg.norm(dh_last, axis=1)": "The lengths are divided by that of the given gradient: the lengths themselves are asked for.",
            "return np.where(norms > 0, norms, np.linalg.norm(dh_last, axis=1))": "The padded steps hold the length of the given gradient: there the answer is 0.",
            "return np.where(norms > 0, norms, np.nan)": "The padded steps hold NaN: there the answer is 0.",
        },
    },
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


def padding_hidden(dh_last, h, W_h, lengths):
    found = one_at_a_time(dh_last, h, W_h, np.full_like(lengths, len(h)))
    return np.where(np.arange(len(h))[:, None] < lengths, found, 0)


def not_set_again(dh_last, h, W_h, lengths):
    found, g = np.zeros(h.shape[:2]), dh_last[0]
    for b, n in enumerate(lengths):
        for t in range(n - 1, -1, -1):
            found[t, b] = np.linalg.norm(g)
            g = W_h.T @ ((1 - h[t, b] ** 2) * g)
    return found


def norm_of_the_product(dh_last, h, W_h, lengths):
    found = np.zeros(h.shape[:2])
    for b, n in enumerate(lengths):
        product = np.eye(h.shape[2])
        for t in range(n - 1, -1, -1):
            found[t, b] = np.linalg.norm(dh_last[b]) * np.linalg.norm(product, 2)
            product = product @ ((1 - h[t, b] ** 2)[:, None] * W_h)
    return found


def longest_first(dh_last, h, W_h, lengths):
    order = np.argsort(-lengths, kind="stable")
    return one_at_a_time(dh_last[order], h[:, order], W_h, lengths[order])


mistakes(
    norms,
    behind_tanh=(
        "These are the gradients behind tanh: asked for is the gradient for h[t] itself, before the slope multiplies it.",
        behind_tanh,
    ),
    padding_hidden=(
        "The gradient starts in the padding, which is only hidden afterwards: it enters at each sequence's last real step.",
        padding_hidden,
    ),
    not_set_again=(
        "Each sequence goes on with the gradient of the one before: it starts from its own row of dh_last.",
        not_set_again,
    ),
    norm_of_the_product=(
        "This is a bound, the norm of the product of the Jacobians: asked for is the length of this one gradient.",
        norm_of_the_product,
    ),
    longest_first=(
        "The sequences are in another order, the longest first: column b belongs to sequence b.",
        longest_first,
    ),
)

# 3. spectral_norm

slips(
    sigma,
    {
        "range(steps) -> range(max(steps, 1))": "At least one round is done: with steps = 0 there is none.",
        "v = v / np.linalg.norm(v)\n    for": {
            "for": "The first vector is not brought to length 1: without a round the estimate is then too long."
        },
        "        v = v / np.linalg.norm(v)\n    return": {
            "    return": "v is not brought to length 1 in the round: W.T u gives it another length, and the estimate that factor."
        },
        "return np.linalg.norm(W @ v)": {
            "return np.linalg.norm(W.T @ (W @ v))": "In the end W and W.T are both applied: the estimate is the length of W v.",
            "return np.linalg.norm(v)": "The estimate is taken from a vector of length 1 that W has not met: it is then always 1.",
            "return np.abs(W @ v).max()": "The largest entry of W v is returned: the estimate is its Euclidean length.",
            "return np.abs(W @ v).sum()": "The entries of W v are added: the estimate is its Euclidean length.",
            "return v @ W @ v": "v W v is returned: that estimates an eigenvalue, and W need not even be square.",
            "return round(float(np.linalg.norm(W @ v)), 4)": "The estimate is rounded to four digits: return it as it is.",
        },
        "        v = v / np.linalg.norm(v)\n    return np.linalg.norm(W @ v)": {
            "        v = v / np.abs(v).max()\n    return np.linalg.norm(W @ v)": "In the rounds v is brought to a largest entry of 1: it is the Euclidean length that must be 1."
        },
    },
)


def shortened_by(length):
    """Rounds in which v is divided by something else than its length."""

    def estimate(W, v, steps):
        v = v / length(v)
        for _ in range(steps):
            u = W @ v
            v = W.T @ (u / np.linalg.norm(u))
            v = v / length(v)
        return np.linalg.norm(W @ v)

    return estimate


def never_shortened(W, v, steps):
    v = v / np.linalg.norm(v)
    for _ in range(steps):
        v = W.T @ (W @ v)
    return np.linalg.norm(W @ v)


def eigenvector(W, v, steps):
    v = v / np.linalg.norm(v)
    for _ in range(steps):
        v = W @ v
        v = v / np.linalg.norm(v)
    return np.linalg.norm(W @ v)


def exchanged(W, v, steps):
    v = v / np.linalg.norm(v)
    for _ in range(steps):
        u = W.T @ v
        v = W @ u
        v = v / np.linalg.norm(v)
    return np.linalg.norm(W @ v)


def half_rounds(W, v, steps):
    x = v / np.linalg.norm(v)
    for _ in range(steps):
        x = W @ x
        x, W = x / np.linalg.norm(x), W.T
    return np.linalg.norm(W @ x)


def half_a_round_before(first):
    """The estimate u W v with the u of before; `first` is the estimate without a round."""

    def estimate(W, v, steps):
        v = v / np.linalg.norm(v)
        found = first(W, v)
        for _ in range(steps):
            u = W @ v
            v = W.T @ (u / np.linalg.norm(u))
            found = np.linalg.norm(v)
            v = v / found
        return found

    return estimate


def with_old_u(W, v, steps):
    v = v / np.linalg.norm(v)
    for _ in range(steps):
        u = W @ v
        u = u / np.linalg.norm(u)
        v = W.T @ u
        v = v / np.linalg.norm(v)
    return u @ W @ v


def never_wide(W, v, steps):
    if W.shape[0] < W.shape[1]:
        W, v = W.T, v[: W.shape[0]]
    return on_the_square(W, v, steps)


mistakes(
    sigma,
    exact=(
        "The exact largest singular value is returned: asked for is the estimate after the given number of rounds.",
        lambda W, v, steps: np.linalg.norm(W, 2),
    ),
    exact_after_a_round=(
        "With a round or more the exact largest singular value is returned: asked for is the estimate after the given number of rounds.",
        lambda W, v, steps: np.linalg.norm(W, 2) if steps else on_the_square(W, v, 0),
    ),
    exact_square=(
        "The largest eigenvalue of W.T W is returned: that is the square of the singular value, and it is exact, not the estimate asked for.",
        lambda W, v, steps: np.linalg.norm(W, 2) ** 2,
    ),
    frobenius=(
        "This is the Frobenius norm of W: it counts all singular values, not the largest one.",
        lambda W, v, steps: np.linalg.norm(W),
    ),
    never_shortened=(
        "The vector is never shortened: after many rounds it overflows or dies away, and the estimate has no length to refer to.",
        never_shortened,
    ),
    largest_entry=(
        "The vectors are brought to a largest entry of 1, the first one too: it is the Euclidean length that must be 1.",
        shortened_by(lambda v: np.abs(v).max()),
    ),
    sum_of_entries=(
        "The entries of v are brought to a sum of 1: it is the Euclidean length that must be 1.",
        shortened_by(lambda v: np.abs(v).sum()),
    ),
    squared_length=(
        "v is divided by the square of its length: the root is missing.",
        shortened_by(lambda v: v @ v),
    ),
    large_epsilon=(
        "A constant as large as 0.001 is added to the length of v: then it does not become 1.",
        shortened_by(lambda v: np.linalg.norm(v) + 1e-3),
    ),
    eigenvector=(
        "Only W is applied, never its transpose: that goes towards an eigenvector, and W need not even be square.",
        eigenvector,
    ),
    exchanged=(
        "W and W.T are exchanged: v has as many entries as W has columns, and W is applied to it first.",
        exchanged,
    ),
    half_rounds=(
        "Only half a round is done for each of the steps: a round applies W and W.T.",
        half_rounds,
    ),
    half_a_round_before=(
        "The estimate is that of half a round before: after the last v the length of W v is due, not that of W.T u.",
        half_a_round_before(lambda W, v: np.linalg.norm(W @ v)),
    ),
    half_a_round_before_from_zero=(
        "The estimate uses the u of half a round before, and without a round it is 0: take the length of W v for the last v.",
        half_a_round_before(lambda W, v: 0.0),
    ),
    with_old_u=(
        "The estimate uses the u of half a round before, which does not exist without a round: take the length of W v for the last v.",
        with_old_u,
    ),
    mean_of_estimates=(
        "The mean of all estimates is returned: asked for is the last.",
        lambda W, v, steps: np.mean([on_the_square(W, v, k) for k in range(steps + 1)]),
    ),
    never_wide=(
        "A wide W is transposed, and v is cut off: W keeps its shape.",
        never_wide,
    ),
)

# 4. orthogonal_gates

slips(
    gates,
    {
        " * np.sign(np.diag(R)) -> ": "The signs are missing: without them the decomposition is not unique and the draw not uniform.",
        "np.sign(np.diag(R))": {
            "np.sign(np.diag(R))[:, None]": "The signs multiply the rows of Q: they belong to its columns.",
            "np.diag(R)": "The diagonal of R itself is used, not its sign: the columns are then not of length 1.",
            "np.abs(np.diag(R))": "The size of R's diagonal is used: its sign is asked for, 1 or -1.",
            "np.sign(np.diag(Q))": "The signs are taken from Q: it is R's diagonal that has to become positive.",
            "np.sign(R)": "The signs of the whole of R are used: a column of Q has one sign, that of R's diagonal.",
            "np.sign(np.trace(R))": "There is one sign for the whole matrix: each column has its own.",
        },
        "factor * Q": {
            "np.sqrt(factor) * Q": "The root of the gain is used: the gain itself is the length of every column.",
            "factor**2 * Q": "The gain is squared: the gain itself is the length of every column.",
            "1 / factor * Q": "The matrix is divided by the gain: it is multiplied by it.",
            "gain[0] * Q": "Every gate gets the first gate's gain: each has its own.",
            "np.abs(factor) * Q": "The sign of the gain is lost: a gain may be negative.",
        },
        "np.concatenate(gates)": {
            "np.concatenate(gates, axis=1)": "The gates lie side by side: they are stacked, one below the other.",
            "np.stack(gates)": "The gates are not joined: asked for is one array of shape (G * H, H).",
            "np.concatenate(gates[::-1])": "The gates are in the reverse order: the first comes on top.",
            "np.stack(gates, axis=1).reshape(-1, len(A))": "The rows of the gates are mixed, first the first row of each: the H rows of a gate stay together.",
        },
        "factor * Q * np.sign(np.diag(R))": {
            "(factor * Q * np.sign(np.diag(R))).T": "The matrices are transposed: orthogonal as well, but not the Q of this decomposition.",
            "factor * R * np.sign(np.diag(R))": "R is returned, the triangular factor: the orthogonal one is Q.",
        },
        "Q, R = np.linalg.qr(A)": {
            "R, Q = np.linalg.qr(A)": "Q and R are exchanged: the orthogonal factor is the first of the two.",
            "Q, R = np.linalg.qr(A.T)": "The transposed matrix is decomposed: its columns are the rows of the one asked for.",
            "Q, R = np.linalg.qr(normal[0])": "Every gate gets the first gate's matrix: each has numbers of its own.",
            "Q, R = A / np.linalg.norm(A, axis=0), np.eye(len(A))": "The columns are of length 1, but not at right angles: the decomposition is missing.",
        },
    },
)


def whole_stack(normal, gain):
    G, H, _ = normal.shape
    Q, R = np.linalg.qr(normal.reshape(G * H, H))
    return np.repeat(gain, H)[:, None] * Q * np.sign(np.diag(R))


def rows_at_right_angles(normal, gain):
    G, H, _ = normal.shape
    Q = all_at_once(normal.transpose(0, 2, 1), gain).reshape(G, H, H)
    return np.concatenate(Q.transpose(0, 2, 1))


def no_reflection(normal, gain):
    G, H, _ = normal.shape
    Q = all_at_once(normal, np.ones(G)).reshape(G, H, H)
    Q[:, :, 0] *= np.linalg.det(Q)[:, None]
    return np.concatenate(gain[:, None, None] * Q)


def from_svd(nearest):
    def stacked(normal, gain):
        U, _, Vt = np.linalg.svd(normal)
        return np.concatenate(gain[:, None, None] * (U @ Vt if nearest else U))

    return stacked


mistakes(
    gates,
    whole_stack=(
        "The stack is decomposed as a whole: then its columns are orthonormal, but no gate on its own is orthogonal.",
        whole_stack,
    ),
    rows_at_right_angles=(
        "The rows are taken for the columns: the first column, not the first row, keeps its direction.",
        rows_at_right_angles,
    ),
    no_reflection=(
        "One column is turned round so that the determinant is 1: reflections are orthogonal as well, and belong to a uniform draw.",
        no_reflection,
    ),
    nearest_orthogonal=(
        "This is U V^T of the singular value decomposition: orthogonal as well, but not the Q asked for.",
        from_svd(nearest=True),
    ),
    left_vectors=(
        "This is the U of the singular value decomposition: orthogonal as well, but not the Q asked for.",
        from_svd(nearest=False),
    ),
    gain_before=(
        "The gain multiplies the numbers before the decomposition, which leaves only its sign: multiply Q by it.",
        lambda normal, gain: (
            all_at_once(normal, np.ones(len(gain))) * np.repeat(np.sign(gain), normal.shape[1])[:, None]
        ),
    ),
    gains_sorted=(
        "The gains are sorted: gain g belongs to gate g.",
        lambda normal, gain: all_at_once(normal, np.sort(gain)),
    ),
    gains_by_row=(
        "The gains alternate from row to row: all H rows of a gate have the same.",
        lambda normal, gain: (
            all_at_once(normal, np.ones(len(gain))) * np.resize(gain, gain.size * normal.shape[1])[:, None]
        ),
    ),
)

# 5. log_bounds

slips(
    bounds,
    {
        "np.linalg.svd(W_h, compute_uv=False)": {
            "np.abs(np.linalg.eigvals(W_h))": "These are the absolute eigenvalues of W_h: they bound nothing, singular values do.",
            "np.abs(np.linalg.eigvalsh((W_h + W_h.T) / 2))": "These are eigenvalues of the symmetric part of W_h: its singular values are needed.",
            "np.linalg.eigvalsh(W_h.T @ W_h)": "These are the eigenvalues of W_h.T W_h, the squares of the singular values: the root is missing.",
            "np.abs(W_h)": "These are the entries of W_h: its singular values are needed.",
        },
        "sigma.max()": {
            "np.abs(np.linalg.eigvals(W_h)).max()": "The spectral radius stands where the largest singular value belongs: it bounds nothing.",
            "np.linalg.norm(W_h)": "The Frobenius norm stands where the largest singular value belongs: a bound as well, but a looser one.",
        },
        "np.log10(sigma.min())": {
            "np.log10(sigma.max())": "The lower bound uses the largest singular value: it needs the smallest.",
            "np.log10(sigma[1])": "The lower bound uses the second singular value: it needs the smallest, the last of H.",
        },
        "upper[t + 1] + largest[t + 1] -> upper[t + 1] + largest[t]": "The upper bound counts the step's own slope instead of the next one's: the derivative by h[t] begins with the step that reads h[t].",
        "slope.max(axis=2)": {
            "slope.mean(axis=2)": "The upper bound uses the mean slope: only the largest one bounds from above.",
            "slope.max(axis=(1, 2))[:, None]": "The upper bound takes the largest slope of the whole batch: each sequence has its own.",
        },
        " + np.log10(slope.max(axis=2)) ->  + 0 * slope.max(axis=2)": "The slopes are missing in the upper bound: W_h alone gives a bound too, but a looser one than asked for.",
        "1 - h**2": {
            "1 - np.abs(h)": "The slope of tanh is taken as 1 - |h|, which is too small everywhere but at 0 and at the ends.",
            "1 - h": "The slope of tanh is taken as 1 - h, which is above 1 for every negative h: no slope of tanh is.",
            "1 - np.tanh(h) ** 2": "tanh is applied once more: h is already its result.",
            "h * (1 - h)": "h (1 - h) is the slope of the logistic function, which is never negative because its h is not: this cell squashes with tanh.",
            "np.abs(h * (1 - h))": "|h (1 - h)| is the slope of no cell: this one squashes with tanh.",
        },
        "return lower, upper -> return lower * np.log2(10), upper * np.log2(10)": "These are logarithms to base 2: log10 was asked for.",
    },
)


def later(steps):
    """The sum over the steps after t."""
    total = np.cumsum(steps[::-1], axis=0)[::-1]
    return np.concatenate([total[1:], np.zeros_like(total[:1])])


def singular(W_h):
    return np.linalg.svd(W_h, compute_uv=False)


def factors(h, W_h):
    """log10 of the smallest and of the largest factor of every step."""
    s, slope = np.log10(singular(W_h)), np.log10(1 - h**2)
    return s.min() + slope.min(axis=2), s.max() + slope.max(axis=2)


def with_slopes(smallest, largest):
    """The bounds with other slopes than the extreme ones: functions of 1 - h^2."""

    def found(h, W_h):
        s = np.log10(singular(W_h))
        low, high = (np.log10(f(1 - h**2)) + np.zeros(h.shape[:2]) for f in (smallest, largest))
        return later(s.min() + low), later(s.max() + high)

    return found


def by_extremes_of_h(first, second):
    def found(h, W_h):
        s = np.log10(singular(W_h))
        return later(s.min() + np.log10(1 - first(h) ** 2)), later(s.max() + np.log10(1 - second(h) ** 2))

    return found


def smallest_of(a):
    return a.min(axis=2)


def largest_of(a):
    return a.max(axis=2)


def products_first(h, W_h):
    found = []
    for factor in factors(h, W_h):
        after = np.concatenate([10 ** factor[1:], np.ones_like(factor[:1])])
        found.append(np.log10(np.cumprod(after[::-1], axis=0)[::-1]))
    return tuple(found)


def products_with_a_floor(h, W_h):
    return tuple(np.maximum(low, -300) for low in products_first(h, W_h))


def sigmas_exchanged(h, W_h):
    s, slope = np.log10(singular(W_h)), np.log10(1 - h**2)
    return later(s.max() + slope.min(axis=2)), later(s.min() + slope.max(axis=2))


def sigma_once(h, W_h):
    s, slope = np.log10(singular(W_h)), np.log10(1 - h**2)
    real = np.arange(len(h))[:, None] < len(h) - 1
    return later(slope.min(axis=2)) + s.min() * real, later(slope.max(axis=2)) + s.max() * real


def sigma_once_more(h, W_h):
    s = np.log10(singular(W_h))
    return tuple(later(f) + e for f, e in zip(factors(h, W_h), (s.min(), s.max()), strict=True))


def own_steps(h, W_h):
    return tuple(later(np.roll(f, 1, axis=0)) for f in factors(h, W_h))


def from_the_first_state(h, W_h):
    return tuple(np.cumsum(np.concatenate([0 * f[:1], f[1:]]), axis=0) for f in factors(h, W_h))


def next_step_only(h, W_h):
    return tuple(np.concatenate([f[1:], 0 * f[:1]]) for f in factors(h, W_h))


def mean_over_steps(h, W_h):
    steps = np.maximum(np.arange(len(h))[::-1], 1)[:, None]
    return tuple(later(f) / steps for f in factors(h, W_h))


def by_whole_jacobians(h, W_h):
    s = np.log10(singular((1 - h**2)[..., None] * W_h))
    return later(s[..., -1]), later(s[..., 0])


mistakes(
    bounds,
    from_the_start=(
        "The products run from the first step to t: asked for is what lies between t and the last step.",
        lambda h, W_h: tuple(np.cumsum(f, axis=0) for f in factors(h, W_h)),
    ),
    from_the_first_state=(
        "The products run from the first state to t, with 0 at the first step: asked for is what lies between t and the last step.",
        from_the_first_state,
    ),
    products_first=(
        "The products are formed before the logarithm: over many steps they underflow to 0 or overflow.",
        products_first,
    ),
    products_with_a_floor=(
        "The products are formed before the logarithm and kept above a floor: over many steps the bounds are far below it.",
        products_with_a_floor,
    ),
    own_step_included=(
        "The last step is not empty: the derivative of the last state by itself is the identity, so both bounds are 0 there.",
        lambda h, W_h: tuple(np.cumsum(f[::-1], axis=0)[::-1] for f in factors(h, W_h)),
    ),
    own_steps=(
        "Both bounds count the step's own factor instead of the next one's: the derivative by h[t] begins with the step that reads h[t].",
        own_steps,
    ),
    next_step_only=(
        "Only the next step is counted: the factors of all later steps multiply.",
        next_step_only,
    ),
    mean_over_steps=(
        "The logarithms are averaged over the steps: the factors multiply, so they are added.",
        mean_over_steps,
    ),
    sigma_once=(
        "sigma is counted once: every step between t and the end has this factor.",
        sigma_once,
    ),
    sigma_once_more=(
        "sigma is counted once too often: from step t there are as many factors as steps after it, at the last step none.",
        sigma_once_more,
    ),
    sigmas_exchanged=(
        "The smallest and the largest singular value are exchanged: the smallest belongs to the lower bound.",
        sigmas_exchanged,
    ),
    slopes_exchanged=(
        "The smallest and the largest slope are exchanged: the smallest belongs to the lower bound.",
        with_slopes(largest_of, smallest_of),
    ),
    mean_slopes=(
        "Both bounds use the mean slope: the smallest bounds from below, the largest from above.",
        with_slopes(lambda d: d.mean(axis=2), lambda d: d.mean(axis=2)),
    ),
    no_slopes=(
        "The slopes are missing: every step multiplies by them as well as by W_h.",
        with_slopes(lambda d: 1.0, lambda d: 1.0),
    ),
    slopes_of_the_batch=(
        "The extremes are taken over the whole batch: each sequence has its own slopes.",
        with_slopes(lambda d: d.min(axis=(1, 2))[:, None], lambda d: d.max(axis=(1, 2))[:, None]),
    ),
    slopes_of_all_steps=(
        "The extremes are taken over all steps: each step has its own slopes.",
        with_slopes(lambda d: d.min(axis=(0, 2)), lambda d: d.max(axis=(0, 2))),
    ),
    slope_of_the_largest_state=(
        "The extremes are taken of h: the smallest slope belongs to the h that is farthest from 0, on either side.",
        by_extremes_of_h(largest_of, smallest_of),
    ),
    slope_of_the_smallest_state=(
        "The extremes are taken of h, the smallest for the smallest slope: it belongs to the h that is farthest from 0, on either side.",
        by_extremes_of_h(smallest_of, largest_of),
    ),
    by_whole_jacobians=(
        "These are the singular values of every whole Jacobian: bounds as well and tighter ones, but not those of the formula.",
        by_whole_jacobians,
    ),
)

# 6. clip_by_value

slips(
    clip,
    {
        "np.clip(g, -limit, limit)": {
            "np.minimum(g, limit)": "Only large positive entries are cut: the range is from -limit to limit.",
            "np.maximum(g, -limit)": "Only large negative entries are cut: the range is from -limit to limit.",
            "np.where(np.abs(g) > limit, 0.0, g)": "Large entries are set to zero: they are cut to the limit, with their sign.",
            "np.where(np.abs(g) > limit, limit, g)": "Large negative entries become +limit: they are cut to -limit.",
            "limit * np.sign(g)": "Every entry is replaced by its sign times the limit: entries within the range stay as they are.",
        },
        "np.linalg.norm(before) * np.linalg.norm(after)": {
            "np.linalg.norm(before) ** 2": "The product is divided by the square of the first length: both lengths are needed.",
            "(np.linalg.norm(before) * np.linalg.norm(after)) ** 2": "The product is divided by the squares of both lengths: the roots are missing.",
            "np.linalg.norm(before) * np.linalg.norm(after) ** 2": "The length of the clipped gradient is squared: its root is missing.",
            "(np.linalg.norm(before) + np.linalg.norm(after))": "The product is divided by the sum of the lengths: it is their product that is needed.",
            "sum(map(np.linalg.norm, gradients)) * sum(map(np.linalg.norm, clipped))": "The lengths of the arrays are added: all arrays together are one vector, so it is their squares that add up.",
        },
        "before @ after / length if": {
            "before @ after if": "The cosine is not divided by the lengths.",
            "np.linalg.norm(after) / np.linalg.norm(before) if": "This says how much shorter the gradient became: how far it was turned is asked for.",
            "before @ after / (length + 1e-12) if": "A small constant is added to the lengths: where the gradient is tiny, that constant is all that counts.",
        },
        "before @ after / length if length > 0 else 1.0": {
            "before @ after / (length + 1e-12)": "A small constant is added to the lengths: where the gradient is zero the cosine is then 0 instead of 1, and where it is tiny it is wrong as well.",
            "before @ after / length if gradients[0].any() else 1.0": "Only the first array is asked whether it is zero: others may not be.",
            "before @ after / length if all(g.any() for g in gradients) else 1.0": "One array of zeros is enough to give 1: the gradient is zero if all arrays are.",
            "before @ after / length if before.all() else 1.0": "One entry of zero is enough to give 1: the gradient is zero if all entries are.",
            "before @ after / length if before.sum() != 0 else 1.0": "The sum of the entries is taken for the test of zero: positive and negative ones cancel in it.",
        },
        "length > 0 else -> length > 1e-8 else": "A tiny gradient counts as zero: it has a direction as any other.",
        " if length > 0 else 1.0 -> ": "A gradient that is zero everywhere divides zero by zero: its cosine is 1.",
        "else 1.0 -> else 0.0": "A gradient that is zero everywhere counts as turned: it has not been, so the cosine is 1.",
        "return clipped, cosine": {
            "return clipped, np.arccos(np.minimum(cosine, 1.0))": "The angle is returned: asked for is its cosine.",
            "return clipped, np.degrees(np.arccos(np.minimum(cosine, 1.0)))": "The angle is returned, in degrees: asked for is its cosine.",
            "return clipped, 1 - cosine if length > 0 else 1.0": "This is 1 minus the cosine: the cosine itself is asked for.",
            "return clipped, round(float(cosine), 4)": "The cosine is rounded to four digits: return it as it is.",
        },
    },
)


def turned(gradients, clipped):
    """The cosine of the angle between two lists of arrays."""
    a, c = (np.concatenate([np.ravel(g) for g in gs]) for gs in (gradients, clipped))
    return a @ c / (np.linalg.norm(a) * np.linalg.norm(c)) if a.any() else 1.0


def cut(gradients, limit):
    return [np.clip(g, -limit, limit) for g in gradients]


def scaled(factor):
    """Every array times a factor of its own."""

    def clipped(gradients, limit):
        found = [g * factor(g, limit) for g in gradients]
        return found, turned(gradients, found)

    return clipped


def mean_of_cosines(gradients, limit):
    clipped = cut(gradients, limit)
    return clipped, np.mean([turned([a], [c]) for a, c in zip(gradients, clipped, strict=True)])


def cosine_of(part):
    def found(gradients, limit):
        clipped = cut(gradients, limit)
        return clipped, turned(gradients[part], clipped[part])

    return found


def by_norm(gradients, limit):
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    return [g * min(1.0, limit / max(norm, 1e-300)) for g in gradients], 1.0


def relative_limit(gradients, limit):
    bound = limit * max(np.abs(g).max() for g in gradients)
    return cut(gradients, bound), turned(gradients, cut(gradients, bound))


def relative_limits(gradients, limit):
    clipped = [np.clip(g, -limit * np.abs(g).max(), limit * np.abs(g).max()) for g in gradients]
    return clipped, turned(gradients, clipped)


def in_place(gradients, limit):
    before = [g.copy() for g in gradients]
    for g in gradients:
        np.clip(g, -limit, limit, out=g)
    return gradients, turned(before, gradients)


def in_place_too_early(gradients, limit):
    for g in gradients:
        np.clip(g, -limit, limit, out=g)
    return gradients, turned(gradients, gradients)


mistakes(
    clip,
    by_norm=(
        "The gradient is clipped by its norm: that keeps the direction, and here every entry is cut on its own.",
        by_norm,
    ),
    by_norms=(
        "Every array is clipped by its norm: here every entry is cut on its own.",
        scaled(lambda g, limit: min(1.0, limit / max(np.linalg.norm(g), 1e-300))),
    ),
    by_largest_entries=(
        "Every array is scaled until its largest entry fits: here entries within the range stay as they are.",
        scaled(lambda g, limit: min(1.0, limit / max(np.abs(g).max(), 1e-300))),
    ),
    relative_limit=(
        "The limit is taken as a share of the largest entry: it is the bound itself.",
        relative_limit,
    ),
    relative_limits=(
        "The limit is taken as a share of each array's largest entry: it is the bound itself.",
        relative_limits,
    ),
    mean_of_cosines=(
        "Each array has its own cosine and their mean is returned: all arrays together are one vector.",
        mean_of_cosines,
    ),
    first_cosine=(
        "The cosine is that of the first array: all arrays together are one vector.",
        cosine_of(slice(1)),
    ),
    last_cosine=(
        "The cosine is that of the last array: all arrays together are one vector.",
        cosine_of(slice(-1, None)),
    ),
    cosine_of_two=(
        "The cosine is that of the first two arrays: all arrays together are one vector.",
        cosine_of(slice(2)),
    ),
    in_place=(
        "The gradients that were handed in are changed, the arrays or the list itself: the caller's must stay as they are.",
        in_place,
    ),
    in_place_too_early=(
        "The arrays that were handed in are clipped in place, and so compared with themselves: the cosine is then always 1.",
        in_place_too_early,
    ),
)

# 7. lyapunov_spectrum

slips(
    spectrum,
    {
        "J_t @ Q": {
            "J_t.T @ Q": "The Jacobians are transposed: a small change of the state is multiplied by J from the left.",
            "J_t[:, : Q.shape[1]]": "Every Jacobian is decomposed on its own: each step has to go on from the vectors of the one before.",
        },
        "np.abs(np.diag(R))": {
            "np.diag(R)": "The absolute value is missing: the diagonal of R may be negative, and then the logarithm is not defined.",
            "np.linalg.norm(R, axis=0)": "The lengths of the columns of R are used: only its diagonal counts.",
            "np.linalg.norm(R, axis=1)": "The lengths of the rows of R are used: only its diagonal counts.",
        },
        "t >= skip": {
            "t >= 0": "The first steps are counted as well: skip says how many to leave out.",
            "t > skip": "One step too many is left out, yet the divisor counts it: the first step that counts is J[skip].",
            "t >= skip - 1": "One step too few is left out: the first that counts is J[skip].",
            "t < len(J) - skip": "The last steps are left out: it is the first that are not counted.",
        },
        "(len(J) - skip) -> len(J)": "The sum is divided by all steps: only those that were counted count.",
        "np.log(np.abs(np.diag(R)))": {
            "np.log(np.abs(np.diag(R)) + 1e-6)": "A constant of 1e-6 is added inside the logarithm: it hides what is smaller.",
            "np.abs(np.diag(R))": "The logarithm is missing: it is the logarithms that are averaged.",
        },
        " / (len(J) - skip) -> ": "The sum is not divided by the number of steps.",
        "return total / (len(J) - skip) -> return np.full_like(total, total.max() / (len(J) - skip))": "All columns get the largest exponent: each has its own.",
        "total += np -> total = (len(J) - skip) * np": "Only the last step is counted: the exponents are means over all steps after skip.",
        "        Q, R = np.linalg.qr(J_t @ Q)\n": {
            "        _, R = np.linalg.qr(J_t @ Q)\n": "The vectors start from Q again at every step: each step has to go on from the vectors of the one before.",
        },
        "        if t >= skip:\n            total += np.log(np.abs(np.diag(R)))\n    return total / (len(J) - skip)": {
            "        total += np.log(np.abs(np.diag(R)))\n    return total / len(J)": "skip is ignored: the first steps are run but not counted.",
            "        if t >= skip:\n            total += np.abs(np.diag(R))\n    return np.log(total / (len(J) - skip))": "The logarithm of the mean is taken: it is the logarithms that are averaged.",
        },
    },
)


def per_step(J, Q):
    """The logarithms of the growth of every column at every step."""
    logs = []
    for J_t in J:
        Q, R = np.linalg.qr(J_t @ Q)
        logs.append(np.log(np.abs(np.diag(R))))
    return np.array(logs)


def lengths_only(J, Q, skip):
    total = np.zeros(Q.shape[1])
    for t, J_t in enumerate(J):
        Q = J_t @ Q
        lengths = np.linalg.norm(Q, axis=0)
        Q = Q / lengths
        if t >= skip:
            total += np.log(lengths)
    return total / (len(J) - skip)


def whole_product(J, Q):
    for J_t in J:
        Q = J_t @ Q
    return Q


def product_once(J, Q, skip):
    for J_t in J[:skip]:
        Q = np.linalg.qr(J_t @ Q)[0]
    return np.log(np.abs(np.diag(np.linalg.qr(whole_product(J[skip:], Q))[1]))) / (len(J) - skip)


def one_step_late(J, Q, skip):
    logs = np.concatenate([np.zeros((1, Q.shape[1])), per_step(J, Q)[:-1]])
    return logs[skip:].mean(axis=0)


mistakes(
    spectrum,
    skipped_steps_not_run=(
        "The skipped steps are not run: they turn the vectors into their directions, they are only not counted.",
        lambda J, Q, skip: per_step(J[skip:], Q).mean(axis=0),
    ),
    lengths_only=(
        "The vectors are brought to length 1 one by one, but not to right angles: they all turn into the same direction.",
        lengths_only,
    ),
    product_once=(
        "The product of all Jacobians is decomposed once: over many steps it underflows.",
        product_once,
    ),
    product_of_everything=(
        "The product of all Jacobians is decomposed once, with the skipped steps in it: over many steps it underflows, and those do not count.",
        lambda J, Q, skip: np.log(np.abs(np.diag(np.linalg.qr(whole_product(J, Q))[1]))) / (len(J) - skip),
    ),
    singular_values_of_the_product=(
        "These are singular values of the whole product, skipped steps and all: decompose after every step.",
        lambda J, Q, skip: np.log(singular(whole_product(J, Q))) / (len(J) - skip),
    ),
    singular_values_of_the_steps=(
        "The logarithms of singular values are averaged: those of single steps belong to other directions each time, while R follows the same vectors.",
        lambda J, Q, skip: np.log(singular(J @ Q))[skip:].mean(axis=0),
    ),
    eigenvalues_of_the_steps=(
        "The logarithms of eigenvalues are averaged: those of single Jacobians belong to other directions each time, while R follows the same vectors.",
        lambda J, Q, skip: np.log(-np.sort(-np.abs(np.linalg.eigvals(J)))[skip:, : Q.shape[1]]).mean(axis=0),
    ),
    one_step_late=(
        "The decomposition comes before the step: what is counted is the growth of the step before.",
        one_step_late,
    ),
    median=(
        "The median over the steps is returned: the exponent is the mean.",
        lambda J, Q, skip: np.median(per_step(J, Q)[skip:], axis=0),
    ),
)
