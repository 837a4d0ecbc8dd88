"""Checks of unit 01-sequences: inputs and independent right answers."""

import numpy as np

from rnncourse.authoring import exercise

# 1. windows

windows = exercise("windows", points=2, returns=("X", "y"))


@windows.inputs(
    N=(5, 2, 4, 6),
    K=(3, 2, 5, 4),
    I=(2, 3, 1, 2),
    horizon=(2, 4, 3, 2),
    stride=(2, 3, 4, 3),
    spare=(1, 0, 2, 0),
)
def draw_windows(rng, N, K, I, horizon, stride, spare):
    steps = K + horizon + stride * (N - 1) + spare % stride
    x = rng.normal(size=(steps, I))
    return {"x": x, "K": K, "horizon": horizon, "stride": stride}


@windows.inputs(N=(4, 6), K=(3, 4), I=(2, 3), horizon=(1, 1), stride=(2, 4), spare=(0, 3))
def draw_windows_next(rng, N, K, I, horizon, stride, spare):
    return draw_windows(rng, N, K, I, horizon, stride, spare)


@windows.inputs(N=(7, 5), K=(2, 4), I=(2, 1), horizon=(3, 1), stride=(1, 1), spare=(0, 0))
def draw_windows_all(rng, N, K, I, horizon, stride, spare):
    return draw_windows(rng, N, K, I, horizon, stride, spare)


@windows.answer
def with_a_loop(x, K, horizon, stride):
    inputs, targets, start = [], [], 0
    while start + K - 1 + horizon < len(x):
        inputs.append(x[start : start + K])
        targets.append(x[start + K + horizon - 1])
        start += stride
    return np.array(inputs).transpose(1, 0, 2), np.array(targets)


@windows.answer
def with_a_view(x, K, horizon, stride):
    # (N, I, K + horizon)
    rows = np.lib.stride_tricks.sliding_window_view(x, K + horizon, axis=0)[::stride]
    return rows[:, :, :K].transpose(2, 0, 1), rows[:, :, -1].astype(np.float32)


# 2. next_targets

next_targets = exercise("next_targets", points=2, returns="y")


@next_targets.inputs(
    T=(5, 1, 8, 4, 6),
    B=(3, 2, 1, 4, 2),
    end=(7, 1, 0, 3, 12),
    ignore=(-1, -100, -1, -7, -100),
)
def draw_next_targets(rng, T, B, end, ignore):
    lengths = rng.integers(1, T + 1, size=B)
    lengths[0] = max(1, T - 3)
    if B > 2:
        lengths[-1] = T
    # any number may be padding, and `end` and 0 may be tokens
    ids = rng.integers(0, 15, size=(T, B))
    ids[0, 0], ids[T // 2, -1] = end, 0
    return {"ids": ids, "lengths": lengths, "end": end, "ignore": ignore}


@next_targets.inputs(T=(7, 5), B=(3, 2), end=(2, 9), ignore=(-2, -100))
def draw_next_targets_to_the_end(rng, T, B, end, ignore):
    inputs = draw_next_targets(rng, T, B, end, ignore)
    inputs["lengths"][-1] = T
    return inputs


@next_targets.answer
def with_masks(ids, lengths, end, ignore):
    t = np.arange(len(ids))[:, None]
    y = np.roll(ids, -1, axis=0)
    y = np.where(t == lengths - 1, end, y)
    return np.where(t >= lengths, ignore, y)


@next_targets.answer
def step_by_step(ids, lengths, end, ignore):
    rows = []
    for t in range(ids.shape[0]):
        row = []
        for b in range(ids.shape[1]):
            if t >= lengths[b]:
                row.append(ignore)
            elif t == lengths[b] - 1:
                row.append(end)
            else:
                row.append(int(ids[t + 1, b]))
        rows.append(row)
    return np.array(rows, dtype=np.int32)


# 3. stream_batch

stream_batch = exercise("stream_batch", points=3, returns=("x", "y", "keep"))


def corpus(rng, T, B, k, rest, spare):
    """A text of B streams of two batches and a third one of `rest` steps, with `spare` tokens more than needed."""
    N = B * (2 * T + min(rest, T)) + 1 + min(spare, B - 1)
    starts = rng.random(N) < 0.4
    starts[N // 2 : N // 2 + 2] = True, False
    number = rng.permutation(3 * N)  # documents have any numbers, in any order
    return {
        "ids": rng.integers(0, 40, size=N),
        "document": number[np.cumsum(starts)],
        "T": T,
        "B": B,
        "k": k,
    }


@stream_batch.inputs(
    T=(4, 1, 5, 3),
    B=(3, 2, 1, 4),
    k=(1, 0, 1, 0),
    rest=(2, 1, 3, 2),
    spare=(0, 0, 0, 2),
)
def draw_stream_batch(rng, T, B, k, rest, spare):
    return corpus(rng, T, B, k, rest, spare)


@stream_batch.inputs(T=(4, 3, 5), B=(3, 2, 4), k=(2, 2, 2), rest=(2, 3, 3), spare=(1, 0, 2))
def draw_stream_batch_last(rng, T, B, k, rest, spare):
    return corpus(rng, T, B, k, rest, spare)


@stream_batch.inputs(T=(4, 3), B=(3, 4), k=(0, 1), rest=(1, 2))
def draw_stream_batch_full(rng, T, B, k, rest):
    return corpus(rng, T, B, k, rest, spare=B)  # N is a multiple of B


@stream_batch.answer
def with_positions(ids, document, T, B, k):
    length = (len(ids) - 1) // B
    t = np.arange(k * T, min(k * T + T, length))
    place = t[:, None] + length * np.arange(B)
    return ids[place], ids[place + 1], document[place] == document[place + 1]


@stream_batch.answer
def with_loops(ids, document, T, B, k):
    length = (len(ids) - 1) // B
    x, y, keep = [], [], []
    for t in range(k * T, min((k + 1) * T, length)):
        now = [b * length + t for b in range(B)]
        x.append([ids[i] for i in now])
        y.append([ids[i + 1] for i in now])
        keep.append([bool(document[i] == document[i + 1]) for i in now])
    return np.array(x), np.array(y), np.array(keep)


# 4. interpolated_loss

interpolated_loss = exercise("interpolated_loss", points=3, returns=("nats", "bits"))


def counts(rng, V):
    """Counts with a token that nothing followed and one that was followed once, and the numbers of both."""
    unseen, once = rng.permutation(V)[:2]
    pairs = rng.poisson(2.0, size=(V, V)) + np.eye(V, dtype=np.int64)[::-1]
    pairs[unseen] = pairs[once] = 0
    pairs[once, rng.integers(0, V)] = 1
    return pairs, unseen, once


def with_text(rng, pairs, start, N):
    return {
        "pairs": pairs,
        "ids": np.concatenate([start, rng.integers(0, len(pairs), size=N)]),
        "weight": float(rng.uniform(0.3, 0.9)),
        "k": float(rng.uniform(0.3, 2)),
    }


@interpolated_loss.inputs(V=(6, 4, 8), N=(10, 7, 20))
def draw_interpolated_loss(rng, V, N):
    """All columns are seen."""
    pairs, unseen, once = counts(rng, V)
    pairs[(unseen + 1) % V if (unseen + 1) % V != once else (unseen + 2) % V] += 1
    return with_text(rng, pairs, [unseen, once, unseen, once], N)


@interpolated_loss.inputs(V=(5, 4, 7), N=(12, 5, 9))
def draw_interpolated_loss_new_token(rng, V, N):
    """A column is empty, and its token comes in the text."""
    pairs, unseen, once = counts(rng, V)
    new = next(j for j in range(V) if j != once and not pairs[once, j])
    pairs[:, new] = 0
    return with_text(rng, pairs, [once, new, unseen, new], N)


@interpolated_loss.inputs(V=(3, 5))
def draw_interpolated_loss_one_prediction(rng, V):
    pairs, unseen, once = counts(rng, V)
    other = next(j for j in range(V) if j not in (unseen, once))
    pairs[other] = 1 + rng.permutation(V)
    return with_text(rng, pairs, [other, once], 0)


@interpolated_loss.answer
def whole_table(pairs, ids, weight, k):
    V = pairs.shape[0]
    unigram = (pairs.sum(0) + k) / (pairs.sum() + V * k)
    rows = pairs.sum(1, keepdims=True)
    bigram = pairs / np.maximum(rows, 1)
    table = np.where(rows > 0, weight * bigram + (1 - weight) * unigram, unigram)
    loss = -np.log(table[ids[:-1], ids[1:]]).mean()
    return loss, loss / np.log(2)


@interpolated_loss.answer
def in_bits_first(pairs, ids, weight, k):
    V, C = len(pairs), float(np.sum(pairs))
    bits = []
    for t in range(1, len(ids)):
        i, j = ids[t - 1], ids[t]
        share = weight if pairs[i].any() else 0.0
        p = (1 - share) * (pairs[:, j].sum() + k) / (C + k * V)
        p += share * pairs[i, j] / max(pairs[i].sum(), 1)
        bits.append(-np.log2(p))
    return float(np.mean(bits) * np.log(2)), float(np.mean(bits))


# 5. seasonal_skill

seasonal_skill = exercise("seasonal_skill", points=2, returns="skill")


def a_season(rng, T, B, period, horizon):
    """Forecasts of the last T steps, for every second series worse than the rival; enough steps before them."""
    first = period * horizon + period + int(rng.integers(0, 3))
    x = rng.normal(size=(first + T, B)) + 3
    noise = np.where(np.arange(B) % 2, 2.5, 0.5)
    return {
        "x": x,
        "forecast": x[first:] + noise * rng.normal(size=(T, B)),
        "first": first,
        "period": period,
        "horizon": horizon,
    }


@seasonal_skill.inputs(T=(7, 4), B=(3, 2), period=(4, 5))
def draw_seasonal_skill(rng, T, B, period):
    return a_season(rng, T, B, period, period + int(rng.integers(1, period)))


@seasonal_skill.inputs(T=(6, 5), B=(3, 2), period=(3, 4))
def draw_seasonal_skill_one_period(rng, T, B, period):
    return a_season(rng, T, B, period, period)


@seasonal_skill.inputs(T=(6, 5), B=(2, 3), period=(6, 5))
def draw_seasonal_skill_within(rng, T, B, period):
    return a_season(rng, T, B, period, int(rng.integers(2, period)))


@seasonal_skill.inputs(T=(9, 5), B=(1, 4), period=(3, 4))
def draw_seasonal_skill_third(rng, T, B, period):
    return a_season(rng, T, B, period, 2 * period + 1)


@seasonal_skill.inputs(T=(6, 8), B=(3, 2), period=(2, 4), m=(3, 2))
def draw_seasonal_skill_whole_periods(rng, T, B, period, m):
    return a_season(rng, T, B, period, m * period)


@seasonal_skill.answer
def one_series_at_a_time(x, forecast, first, period, horizon):
    m = 1
    while m * period < horizon:
        m += 1
    skill = []
    for b in range(x.shape[1]):
        ours = theirs = 0.0
        for i, t in enumerate(range(first, len(x))):
            ours += (forecast[i, b] - x[t, b]) ** 2
            theirs += (x[t - m * period, b] - x[t, b]) ** 2
        skill.append(1 - ours / theirs)
    return np.array(skill)


@seasonal_skill.answer
def with_einsum(x, forecast, first, period, horizon):
    t = np.arange(first, len(x))
    e = forecast - x[t]
    d = x[t - period * int(np.ceil(horizon / period))] - x[t]
    return 1 - np.einsum("tb,tb->b", e, e) / np.einsum("tb,tb->b", d, d)


# 6. time_split

time_split = exercise("time_split", points=2, returns=("train", "valid", "test"))


@time_split.inputs(
    N=(12, 5, 20, 9),
    K=(4, 2, 6, 3),
    horizon=(3, 4, 3, 5),
    spare=(4, 3, 1, 2),
    test=(5, 3, 7, 4),
)
def draw_time_split(rng, N, K, horizon, spare, test):
    valid = horizon + spare
    valid += valid == test  # or exchanging the two would not show
    n = K + 2 * horizon + N + valid + test
    return {"n": n, "K": K, "horizon": horizon, "valid": valid, "test": test}


@time_split.inputs(N=(6, 8), K=(3, 5), horizon=(1, 2), spare=(6, 4), test=(3, 8))
def draw_time_split_near(rng, N, K, horizon, spare, test):
    return draw_time_split(rng, N, K, horizon, spare, test)


@time_split.answer
def by_positions(n, K, horizon, valid, test):
    parts = np.zeros((3, n), dtype=bool)
    first_valid = n - (test + valid)
    parts[0, K + horizon - 1 : first_valid - horizon + 1] = True
    parts[1, first_valid : n - test - (horizon - 1)] = True
    parts[2, -test:] = True
    return parts[0], parts[1], parts[2]


@time_split.answer
def one_time_after_another(n, K, horizon, valid, test):
    train, later, last = [], [], []
    for t in range(n):
        known = t - horizon  # the newest value when the forecast for t is made
        v, s = n - test - valid, n - test
        last.append(t >= s)
        later.append(v <= t < s and t + horizon <= s)
        train.append(t < v and known - (K - 1) >= 0 and t + horizon <= v)
    return np.array(train), np.array(later), np.array(last)


# 7. scale

scale = exercise("scale", points=2, returns=("scaled", "mean", "deviation"))


def readings(rng, n_train, later, B, I):
    """Features of different size that drift, with missing values; the first step is complete."""
    T = n_train + later
    size = np.array([0.2, 4, 0.5, 2])[np.arange(I) % 4]
    x = size * (rng.normal(size=(T, B, I)) + 0.4 * np.arange(T)[:, None, None] + 2)
    missing = rng.random((T, B, I)) < 0.2
    missing[0] = False
    missing[-1, 0, 0] = True
    if n_train > 1:
        missing[1, -1, 0] = True
    return np.where(missing, np.nan, x)


@scale.inputs(n_train=(5, 1, 6, 4), later=(3, 2, 2, 4), B=(3, 2, 1, 4), I=(2, 3, 2, 4))
def draw_scale(rng, n_train, later, B, I):
    x = readings(rng, n_train, later, B, I)
    missing = np.isnan(x[:n_train, :, -1])
    # constant in the training part, but not later
    x[:n_train, :, -1] = np.where(missing, np.nan, rng.integers(3, 9))
    return {"x": x, "n_train": n_train}


@scale.inputs(n_train=(7, 3), later=(2, 4), B=(2, 3), I=(1, 3))
def draw_scale_without_constant(rng, n_train, later, B, I):
    return {"x": readings(rng, n_train, later, B, I), "n_train": n_train}


@scale.answer
def feature_by_feature(x, n_train):
    out, means, deviations = np.zeros(x.shape), [], []
    for i in range(x.shape[2]):
        known = x[:n_train, :, i]
        known = known[~np.isnan(known)]
        m = sum(known) / len(known)
        s = (sum((v - m) ** 2 for v in known) / len(known)) ** 0.5
        s = s if s > 1e-12 else 1.0
        column = (x[:, :, i] - m) / s
        column[np.isnan(column)] = 0
        out[:, :, i] = column
        means.append(m)
        deviations.append(s)
    return out, np.array(means), np.array(deviations)


@scale.answer
def with_weights(x, n_train):
    there = ~np.isnan(x)
    filled, w = np.where(there, x, 0.0), there[:n_train]
    count = w.sum(axis=(0, 1))
    m = filled[:n_train].sum(axis=(0, 1)) / count
    var = np.einsum("tbi,tbi->i", w, (filled[:n_train] - m) ** 2) / count
    s = np.where(var > 1e-18, np.sqrt(var), 1.0)
    return (there * (filled - m) / s).astype(np.float32), m, s
