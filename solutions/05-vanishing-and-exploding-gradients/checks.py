"""Inputs and right answers for unit 05-vanishing-and-exploding-gradients."""

import numpy as np

from rnncourse.authoring import exercise

# 1. leaky_jacobian

leaky = exercise("leaky_jacobian", points=3, returns="J")


def leaky_inputs(rng, alpha, new):
    B, H = new.shape
    h_prev = rng.uniform(-0.9, 0.9, size=(B, H))
    return {
        "h_prev": h_prev,
        "h": (1 - alpha) * h_prev + alpha * new,
        "W_h": rng.normal(size=(H, H)),
        "alpha": alpha,
    }


@leaky.inputs
def draw_leaky(rng, B, H):
    return leaky_inputs(rng, rng.uniform(0.1, 0.7, size=H), rng.uniform(-0.9, 0.9, size=(B, H)))


@leaky.inputs(B=(2, 3), H=(3, 4), says="In this case tanh is nearly saturated (|n| up to 0.9999), and one alpha is 1.")
def draw_saturated(rng, B, H):
    alpha = rng.uniform(0.1, 0.7, size=H)
    alpha[-1] = 1.0
    new = rng.choice([-1.0, 1.0], size=(B, H)) * (1 - 10.0 ** rng.uniform(-4, -1, size=(B, H)))
    new[:, 0] = np.sign(new[:, 0]) * 0.9999
    return leaky_inputs(rng, alpha, new)


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


def norms_inputs(rng, h, lengths):
    T, B, H = h.shape
    h = np.where(np.arange(T)[:, None, None] < lengths[:, None], h, 3 * h)  # what stands in the padding means nothing
    return {
        "dh_last": rng.normal(size=(B, H)),
        "h": h,
        "W_h": rng.normal(size=(H, H)),
        "lengths": lengths,
    }


@norms.inputs(T=(6, 1, 8, 4), B=(4, 2, 1, 3))
def draw_norms(rng, T, B, H):
    lengths = rng.integers(1, T + 1, size=B)
    if T > 3:  # the first is padded, the last is not, and none ends at its first step
        lengths = rng.integers(3, T + 1, size=B)
        lengths[-1] = T
        lengths[0] = T - 1
    return norms_inputs(rng, rng.uniform(-0.9, 0.9, size=(T, B, H)), lengths)


@norms.inputs(T=(5, 4), B=(3, 4), H=(2, 3), says="In this case one sequence has a single real step.")
def draw_short(rng, T, B, H):
    lengths = rng.integers(2, T, size=B)  # none is as long as the array
    lengths[1] = 1
    return norms_inputs(rng, rng.uniform(-0.9, 0.9, size=(T, B, H)), lengths)


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


@sigma.inputs(N=(3, 4, 5, 2), K=(4, 2, 3, 5), steps=(2, 3, 1, 1))
def draw_sigma(rng, N, K, steps):
    return {
        "W": rng.normal(size=(N, K)),
        "v": rng.uniform(1, 3) * rng.normal(size=K),
        "steps": steps,
    }


@sigma.inputs(K=(4,), steps=(2,))
def draw_square(rng, K, steps):
    return draw_sigma(rng, K, K, steps)


@sigma.inputs(N=(3, 4), K=(3, 2), percent=(10, 300), says="With no round at all, the first v, made length 1, counts.")
def draw_no_round(rng, N, K, percent):
    v = rng.normal(size=K)
    return {"W": rng.normal(size=(N, K)), "v": percent / 100 * v / np.linalg.norm(v), "steps": 0}


@sigma.inputs(N=(3, 4), K=(2, 3), steps=(0, 2), says="In this case v holds integers.")
def draw_integers(rng, N, K, steps):
    return {"W": rng.normal(size=(N, K)), "v": rng.permutation([-3, 1, 2, 5])[:K], "steps": steps}


@sigma.inputs(N=(4, 3), K=(3, 4), steps=(400, 60), power=(4, -7), says="W may be very large or small, and rounds many.")
def draw_many_rounds(rng, N, K, steps, power):
    inputs = draw_sigma(rng, N, K, steps)
    return {**inputs, "W": 10.0**power * inputs["W"]}


@sigma.inputs(N=(4, 3), K=(3, 2), steps=(40, 60), says="In this case the estimate rises slowly: all rounds are needed.")
def draw_close(rng, N, K, steps):
    U, V = (np.linalg.qr(rng.normal(size=(n, K)))[0] for n in (N, K))
    W = U * [1.05, 1.0, 0.3][:K] @ V.T
    return {"W": W, "v": 0.01 * V[:, 0] + V[:, 1], "steps": steps}


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


def both_signs(rng, G, H):
    """Normal numbers with both signs on every diagonal of R."""
    normal = rng.normal(size=(G, H, H))
    for A in normal:
        signs = np.sign(np.diag(np.linalg.qr(A)[1]))
        wanted = np.where(np.arange(H) % 2 == 0, 1.0, -1.0) * rng.choice([-1.0, 1.0])
        A *= signs * wanted
    return normal


@gates.inputs(G=(3, 4, 1, 2), H=(4, 3, 5, 2))
def draw_gates(rng, G, H):
    gain = rng.uniform(1.2, 2.0, size=G) + np.arange(G)
    return {"normal": both_signs(rng, G, H), "gain": gain[::-1].copy()}


@gates.inputs(G=(3, 2), H=(2, 3), says="In this case gains are integers, and one is negative.")
def draw_integer_gains(rng, G, H):
    return {"normal": both_signs(rng, G, H), "gain": np.array([3, -2, 2])[:G]}


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


@bounds.inputs(T=(4, 3), B=(2, 3), H=(3, 4), power=(0, -14), says="States may be near 1 or -1, and W_h tiny.")
def draw_saturated_states(rng, T, B, H, power):
    near = 1 - 10.0 ** rng.uniform(-5, -1, size=(T, B, H))
    return {
        "h": rng.choice([-1.0, 1.0], size=(T, B, H)) * near,
        "W_h": 10.0**power * draw_bounds(rng, T, B, H)["W_h"],
    }


@bounds.inputs(
    T=(150,), B=(2,), H=(3, 2), power=(0, -1), says="Here the products leave the range of floating point numbers."
)
def draw_long_bounds(rng, T, B, H, power):
    U, V = (np.linalg.qr(rng.normal(size=(H, H)))[0] for _ in "UV")
    sigma = 10.0 ** np.linspace(power, power - 3, H)
    return {"h": rng.uniform(-0.95, 0.95, size=(T, B, H)).round(3), "W_h": U * sigma @ V}


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


@clip.inputs(I=(2, 3), H=(3, 2), says="In this case the gradient is zero everywhere.")
def draw_no_gradient(rng, I, H):
    return {"gradients": [0 * g for g in three_gradients(rng, I, H)], "limit": 0.5}


@clip.inputs(arrays=(1, 5), says="The list may hold one array or many, and arrays without an axis or with three.")
def draw_shapes(rng, arrays):
    shapes = [(2, 3, 2), (), (3,), (1, 4), (2, 2)][:arrays]
    return {"gradients": [np.array(2 * rng.normal(size=s)) for s in shapes], "limit": float(rng.uniform(1.2, 1.5))}


@clip.inputs(I=(2, 3, 2), H=(3, 2, 3), zero=(0, 1, 2), says="In this case a part of the gradient is zero, not all.")
def draw_some_zero(rng, I, H, zero):
    gradients = three_gradients(rng, I, H)
    gradients[1] *= 4
    if zero < 2:
        gradients[zero] *= 0
    gradients[2][0] = 0
    return {"gradients": gradients, "limit": float(rng.uniform(0.3, 0.6))}


@clip.inputs(says="In this case the entries add up to zero.", H=(2, 3))
def draw_zero_sum(rng, H):
    half = rng.integers(1, 9, size=(H, 2)) / 4
    half[0] = 0.5, 4.0
    return {"gradients": [half, -half], "limit": 1.25}


@clip.inputs(I=(2, 3), H=(3, 2), says="In this case the gradient is tiny, but not zero.")
def draw_tiny(rng, I, H):
    return {"gradients": [1e-12 * g for g in three_gradients(rng, I, H)], "limit": 5e-13}


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


def orthonormal(rng, H, K):
    """Orthonormal columns; for K = H not symmetric, as the Q of a decomposition of size 2 is."""
    return np.linalg.qr(rng.normal(size=(H, K)))[0] * np.where(np.arange(K) % 2 == 0, 1.0, -1.0)


@spectrum.inputs(T=(6, 1, 9, 12), H=(4, 5, 3, 2), K=(3, 4, 2, 2))
def draw_spectrum(rng, T, H, K):
    return {
        "J": rng.normal(size=(T, H, H)),
        "Q": orthonormal(rng, H, min(H, K)),
        "skip": int(rng.integers(2, T - 2)) if T > 4 else 0,
    }


@spectrum.inputs(T=(7, 5), H=(3, 4), says="In this case one vector is followed, or as many as there are units.")
def draw_one_or_all(rng, T, H):
    return draw_spectrum(rng, T, H, 1 if T == 7 else H)


@spectrum.inputs(
    T=(3, 2), H=(3, 4), K=(2, 3), says="In this case one step is counted, and the first column grows least."
)
def draw_ascending(rng, T, H, K):
    J = np.stack([*(orthonormal(rng, H, H) for _ in range(T - 1)), rng.normal(size=(H, H))])
    Q = np.linalg.svd(J[-1])[2][::-1].T[:, :K]
    for J_t in J[-2::-1]:
        Q = J_t.T @ Q
    return {"J": J, "Q": Q, "skip": T - 1}


@spectrum.inputs(T=(40,), H=(3,), K=(2,), says="In this case the Jacobians are tiny, and their product underflows.")
def draw_tiny_spectrum(rng, T, H, K):
    inputs = draw_spectrum(rng, T, H, K)
    return {**inputs, "J": 1e-12 * inputs["J"], "skip": 5}


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
