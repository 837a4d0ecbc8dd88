"""Inputs and other right answers for unit 14-gpu-training; the known mistakes are in mistakes.py."""

import math

import numpy as np

from rnncourse.authoring import exercise

# 1. scaled_update

update = exercise("scaled_update", points=3, returns=("w", "scale", "good"))


@update.inputs(good=(0, 1, 2, 0, 3), left=(5, 2, 1, 2, 1), clipped=(1, 0, 1, 0, 1))
def draw_update(rng, N, good, left, clipped):
    return update_inputs(rng, rng.normal(size=N), good, left, clipped)


@update.inputs(N=(5, 4, 6), bad=(0, 1, 2), good=(1, 3, 0), left=(2, 1, 4), says="an overflow")
def draw_overflow(rng, N, bad, good, left):
    inputs = update_inputs(rng, rng.normal(size=N), good, left, True)
    inputs["dw"][rng.integers(N)] = (np.inf, -np.inf, np.nan)[bad]
    return inputs


@update.inputs(N=(3,), good=(1,), left=(3,), says="the gradient is zero")
def draw_zero(rng, N, good, left):
    return update_inputs(rng, np.zeros(N), good, left, True) | {"clip": 1.0}


def update_inputs(rng, g, good, left, clipped):
    """The scaled gradient of g, which is clipped or not, `left` good steps before the scale grows."""
    scale, clip = 2.0 ** rng.integers(6, 12), np.linalg.norm(g) * (rng.uniform(0.15, 0.3) if clipped else 1.5)
    given = {"w": rng.normal(size=len(g)), "dw": scale * g, "scale": scale, "good": good}
    return given | {"clip": float(clip), "lr": 0.3, "interval": good + left}


@update.answer
def by_norm_first(w, dw, scale, good, clip, lr, interval):
    length = math.sqrt(float(np.sum(dw * dw))) / scale
    if not math.isfinite(length):
        return w.copy(), 0.5 * scale, 0
    step = lr / scale if length <= clip else lr * clip / (length * scale)
    grown = good + 1 >= interval
    return w - step * dw, scale * (1 + grown), 0 if grown else good + 1


@update.answer
def in_a_loop(w, dw, scale, good, clip, lr, interval):
    g = [float(v) / scale for v in dw]
    if any(v != v or abs(v) == math.inf for v in g):
        return np.array(w), scale / 2.0, 0
    norm = math.hypot(*g)
    new = [a - lr * v * (clip / norm if norm > clip else 1.0) for a, v in zip(w, g, strict=True)]
    return np.array(new), scale * 2.0 if good + 1 == interval else scale, (good + 1) % interval


# 2. gru_floor

floor = exercise("gru_floor", points=3, returns=("compute", "memory", "floor"))


@floor.inputs(
    T=(40, 1, 200, 30),
    B=(8, 3, 2, 64),
    I=(16, 24, 40, 8),
    H=(32, 20, 96, 48),
    power=(1, 2, 1, 3),
    resident=(1, 1, 0, 0),
    slow=(0, 1, 0, 1),
)
def draw_floor(rng, T, B, I, H, power, resident, slow):  # noqa: E741
    """Sizes, and a device on which either the operations (slow = 1) or the bytes decide."""
    sizes = {"T": T, "B": B, "I": I, "H": H, "size": 2**power}
    compute, memory, _ = by_matrices(**sizes, flops=1e9, bandwidth=1e9, resident=bool(resident))
    flops, bandwidth = 1e9 * rng.uniform(1, 2, size=2)
    flops *= compute / memory / (rng.uniform(1.3, 2) if slow else rng.uniform(0.5, 0.8))
    return sizes | {"flops": float(flops), "bandwidth": float(bandwidth), "resident": bool(resident)}


@floor.answer
def by_matrices(T, B, I, H, size, flops, bandwidth, resident):  # noqa: E741
    once = [(T * B, I), (T * B, H), (3 * H, I), (6 * H, 1)] + [(3 * H, H)] * (1 if resident else T)
    moved = sum(rows * columns for rows, columns in once) * size
    steps = sum(2 * B * rows * columns for rows, columns in ((3 * H, I), (3 * H, H))) * T
    times = np.array([steps / flops, moved / bandwidth]) * 1e6
    return (*times, times.max())


@floor.answer
def by_steps(T, B, I, H, size, flops, bandwidth, resident):  # noqa: E741
    operations, numbers = 0, 3 * H * (I + H + 2)
    for t in range(T):
        operations += 6 * B * H * I + 6 * B * H * H
        numbers += B * I + B * H + (0 if resident or t == 0 else 3 * H * H)
    compute, memory = operations / (flops / 1e6), numbers * size / (bandwidth / 1e6)
    return compute, memory, compute if compute > memory else memory


# 3. joined_gradient

joined = exercise("joined_gradient", points=2, returns=("factors", "gradient"))


@joined.inputs(N=(4, 3, 2, 5), K=(3, 2, 4, 1))
def draw_joined(rng, N, K):
    return {"means": rng.normal(size=(K, N)), "tokens": rng.permutation(2 + 7 * np.arange(K))}


@joined.inputs(N=(4, 3), K=(3, 5), says="some workers have no token, and their mean is NaN")
def draw_joined_empty(rng, N, K):
    inputs = draw_joined(rng, N, K)
    empty = rng.permutation(K)[: K // 2]
    inputs["tokens"][empty], inputs["means"][empty] = 0, np.nan
    return inputs


@joined.answer
def by_sums(means, tokens):
    total = np.zeros(means.shape[1])
    for row, n in zip(means, tokens, strict=True):
        if n:
            total = total + n * row
    return tokens / tokens.mean(), total / sum(tokens)


@joined.answer
def by_average(means, tokens):
    return np.divide(tokens, tokens.sum()) * tokens.size, np.average(np.nan_to_num(means), axis=0, weights=tokens)


# 4. pipeline

loading = exercise("pipeline", points=3, returns=("end", "waited"))


@loading.inputs(N=(9, 1, 12, 15), ahead=(1, 2, 2, 3), slow=(5, 6, 4, 7))
def draw_pipeline(rng, N, ahead, slow):
    load = slow * rng.choice([0.1, 0.2, 0.8], size=N) * rng.uniform(0.9, 1.1, size=N)
    return {"load": load, "compute": rng.uniform(0.5, 2.5, size=N), "ahead": ahead}


@loading.inputs(N=(6, 5), ahead=(4, 9), says="the loader is fast, and the places are many")
def draw_pipeline_fast(rng, N, ahead):
    return {"load": rng.uniform(0.1, 0.3, size=N), "compute": rng.uniform(1, 2, size=N), "ahead": ahead}


@loading.answer
def by_lists(load, compute, ahead):
    begun, ended, loaded = [], [], []
    for k, (a, b) in enumerate(zip(load, compute, strict=True)):
        free = [loaded[-1]] if loaded else [0.0]
        free += [begun[k - ahead]] if k - ahead >= 0 else []
        loaded.append(max(free) + a)
        begun.append(max([loaded[k], *ended[-1:]]))
        ended.append(begun[k] + b)
    return ended[-1], ended[-1] - sum(compute)


@loading.answer
def by_repeated_relaxation(load, compute, ahead):
    N = len(load)
    begun = np.zeros(N)
    for _ in range(2 * N + 2):
        loaded = np.zeros(N)
        for k in range(N):
            loaded[k] = load[k] + max(loaded[k - 1] if k else 0.0, begun[k - ahead] if k >= ahead else 0.0)
        begun = np.maximum(loaded, np.concatenate([[0.0], (begun + compute)[:-1]]))
    return begun[-1] + compute[-1], begun[0] + (begun[1:] - (begun + compute)[:-1]).sum()


# 5. where_time_goes

where = exercise("where_time_goes", points=3, returns=("busy", "short", "long"))


@where.inputs(N=(9, 14, 1, 20), halves=(4, 6, 2, 5))
def draw_where(rng, N, halves):
    long = halves / 2
    gaps = rng.choice([-1.0, 0.25, 0.5, long, long + 2.0], size=N)
    return kernels(rng, gaps, long)


@where.inputs(N=(8, 12), halves=(4, 8), says="long kernels contain short ones, and one gap is exactly `long`")
def draw_where_nested(rng, N, halves):
    long = halves / 2
    given = kernels(rng, np.resize([0.5, long, -1.0, 1.0, long + 1.5], N), long)
    inside = given["start"] + 0.25
    start, stop = np.concatenate([given["start"], inside]), np.concatenate([given["stop"], inside + 0.5])
    order = rng.permutation(2 * N)
    return {"start": start[order], "stop": stop[order], "long": long}


def kernels(rng, gaps, long):
    """Kernels in a random order, on a grid of quarters; a negative gap is an overlap."""
    lengths = rng.integers(6, 14, size=len(gaps)) / 4
    stop = 40.0 + np.cumsum(gaps + lengths)
    order = rng.permutation(len(gaps))
    return {"start": (stop - lengths)[order], "stop": stop[order], "long": long}


@where.answer
def by_merging(start, stop, long):
    merged = []
    for a, b in sorted(zip(start.tolist(), stop.tolist(), strict=True)):
        if merged and a <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], b)
        else:
            merged.append([a, b])
    gaps = np.array([b[0] - a[1] for a, b in zip(merged, merged[1:], strict=False)])
    whole = merged[-1][1] - merged[0][0]
    shares = sum(b - a for a, b in merged), gaps[gaps < long].sum(), gaps[gaps >= long].sum()
    return tuple(share / whole for share in shares)


@where.answer
def by_points(start, stop, long):
    """Between neighbouring times something runs, or nothing does."""
    points = np.unique(np.concatenate([start, stop]))
    runs = [bool(((start <= a) & (stop > a)).any()) for a in points[:-1]]
    steps, totals = np.diff(points), [0.0, 0.0, 0.0]
    for running, step in zip(runs, steps, strict=True):  # no kernel begins or ends inside a gap
        totals[0 if running else 1 + (step >= long)] += step
    return tuple(np.array(totals) / (points[-1] - points[0]))


@where.answer
def by_sorted_ends(start, stop, long):
    """Between the k-th stop and the start after it, in order of time, k kernels have run and none runs."""
    gaps = np.sort(start)[1:] - np.sort(stop)[:-1]
    gaps = gaps[gaps > 0]
    shares = np.array([gaps[gaps < long].sum(), gaps[gaps >= long].sum()]) / (stop.max() - start.min())
    return 1 - shares.sum(), shares[0], shares[1]


# 6. checkpoint_memory

keeping = exercise("checkpoint_memory", points=2, returns=("plain", "peak", "best"))


@keeping.inputs(
    T=(50, 7, 96, 33, 200, 6), parts=(6, 1, 8, 33, 7, 2), kept=(6, 9, 5, 4, 1, 1), state=(2, 3, 2, 9, 15, 4)
)
def draw_keeping(rng, T, parts, kept, state):
    unit = int(rng.integers(2, 9))
    return {"T": T, "k": max(1, T // parts), "kept": kept * unit, "state": state * unit}


@keeping.inputs(T=(20, 20), k=(6, 4), says="several segment lengths have the same peak")
def draw_keeping_ties(rng, T, k):
    unit = int(rng.integers(2, 9))
    return {"T": T, "k": k, "kept": unit, "state": unit}


@keeping.answer
def with_an_array(T, k, kept, state):
    lengths = np.arange(1, T + 1)
    peaks = np.ceil(T / lengths).astype(int) * state + lengths * kept
    return kept * T, peaks[k - 1], 1 + int(np.argmin(peaks))


@keeping.answer
def by_cutting(T, k, kept, state):
    found = []
    for length in range(1, T + 1):
        pieces = [range(T)[a : a + length] for a in range(0, T, length)]
        found.append((len(pieces) * state + len(pieces[0]) * kept, length))
    return T * kept, found[k - 1][0], min(found)[1]
