"""Checks of unit 01: inputs, known mistakes with their hints, other right answers."""

import numpy as np

from rnncourse.grading import exercise

# ---------------------------------------------------------------------------------------------------------------------
windows = exercise("windows", points=2, returns=("X", "y"))


@windows.inputs(N=(5, 1, 4, 6), K=(3, 2, 1, 4), I=(2, 3, 1, 2))
def draw_windows(rng, N, K, I):
    horizon, stride = int(rng.integers(2, 4)), int(rng.integers(2, 4))
    left_over = int(rng.integers(0, stride))
    x = rng.normal(size=(K + horizon + stride * (N - 1) + left_over, I))
    return {"x": x, "K": K, "horizon": horizon, "stride": stride}


windows.slip(
    "y comes one step too late: horizon 1 is the value right after the window.",
    "K - 1 + horizon]",
    "K + horizon]",
)
windows.slip(
    "y is the value right after the window, whatever the horizon: the forecast is then easier than the one reported.",
    "starts + K - 1 + horizon",
    "starts + K",
)
windows.slip(
    "y is the last value of its own window: the target can be seen, and a copy scores a perfect forecast.",
    "starts + K - 1 + horizon",
    "starts + K - 1",
)
windows.slip(
    "The horizon is counted from the start of the window: it counts from the window's last value.",
    "starts + K - 1 + horizon",
    "starts + horizon",
)
windows.slip(
    "The last window is missing: it still fits when its target is the last value.",
    "// stride + 1",
    "// stride",
)
windows.slip(
    "Windows start at every step: stride is the distance between two starts.",
    "stride * np.arange(N)",
    "np.arange(N)",
)
windows.slip(
    "More windows than have a target: the target lies `horizon` steps behind the window and must exist as well.",
    "(len(x) - K - horizon)",
    "(len(x) - K)",
)


@windows.mistake(
    "X is batch first, (N, K, I): this course puts time first, (K, N, I)."
)
def batch_first(x, K, horizon, stride):
    N = (len(x) - K - horizon) // stride + 1
    X = np.stack([x[n * stride : n * stride + K] for n in range(N)])
    return X, np.stack([x[n * stride + K - 1 + horizon] for n in range(N)])


@windows.mistake(
    "X has the right shape but mixes windows and steps: reshape does not swap two axes, swapaxes does."
)
def reshaped(x, K, horizon, stride):
    N = (len(x) - K - horizon) // stride + 1
    X = np.stack([x[n * stride : n * stride + K] for n in range(N)]).reshape(
        K, N, -1
    )
    return X, np.stack([x[n * stride + K - 1 + horizon] for n in range(N)])


@windows.mistake(
    "The steps within each window run backwards: the oldest value comes first."
)
def latest_first(x, K, horizon, stride):
    N = (len(x) - K - horizon) // stride + 1
    X = np.stack([x[n * stride : n * stride + K][::-1] for n in range(N)], axis=1)
    return X, np.stack([x[n * stride + K - 1 + horizon] for n in range(N)])


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
    rows = np.lib.stride_tricks.sliding_window_view(x, K + horizon, axis=0)[
        ::stride
    ]  # (N, I, K + horizon)
    return rows[:, :, :K].transpose(2, 0, 1), rows[:, :, -1].astype(np.float32)


# ---------------------------------------------------------------------------------------------------------------------
next_targets = exercise("next_targets", points=2, returns="y")


@next_targets.inputs(T=(5, 1, 8, 4), B=(3, 2, 1, 4))
def draw_next_targets(rng, T, B):
    lengths = rng.integers(1, T + 1, size=B)
    lengths[0] = max(1, T - 2)
    if B > 1:
        lengths[-1] = T
    return {
        "ids": rng.integers(3, 30, size=(T, B)),
        "lengths": lengths,
        "end": 1,
        "ignore": -100,
    }


next_targets.slip(
    "The targets are the inputs themselves: move them on by one step, or every model that copies is perfect.",
    "ids[1 : last + 1, b]",
    "ids[:last, b]",
)


@next_targets.mistake(
    "The targets are the tokens before, not after: y[t] is ids[t + 1]."
)
def backwards(ids, lengths, end, ignore):
    y = np.full_like(ids, ignore)
    for b, length in enumerate(lengths):
        y[1:length, b] = ids[: length - 1, b]
        y[length - 1, b] = end
    return y


@next_targets.mistake(
    "No sequence ends: the last real token has the target `end`, so that a model learns to stop."
)
def without_end(ids, lengths, end, ignore):
    y = np.full_like(ids, ignore)
    for b, length in enumerate(lengths):
        y[: length - 1, b] = ids[1:length, b]
    return y


@next_targets.mistake(
    "`end` stands one step too late: it is the target of the last real token, at step lengths[b] - 1."
)
def end_too_late(ids, lengths, end, ignore):
    y = np.full((len(ids) + 1, ids.shape[1]), ignore)
    for b, length in enumerate(lengths):
        y[:length, b] = np.append(ids[1:, b], end)[:length]
        y[length, b] = end
    return y[:-1]


@next_targets.mistake(
    "`end` stands in the last row for all sequences: the shorter ones end earlier."
)
def end_in_the_last_row(ids, lengths, end, ignore):
    y = np.concatenate([ids[1:], np.full((1, ids.shape[1]), end)])
    padded = np.arange(len(ids))[:, None] >= lengths
    padded[-1] = False
    return np.where(padded, ignore, y)


@next_targets.mistake(
    "The padding has targets: all steps from lengths[b] on get `ignore`."
)
def padding_is_predicted(ids, lengths, end, ignore):
    y = np.concatenate([ids[1:], np.full((1, ids.shape[1]), ignore)])
    y[lengths - 1, np.arange(ids.shape[1])] = end
    return y


@next_targets.mistake(
    "Each sequence ends one token early: its targets are all its tokens from the second on, then `end`."
)
def one_too_few(ids, lengths, end, ignore):
    y = np.full_like(ids, ignore)
    for b, length in enumerate(lengths):
        y[: max(length - 2, 0), b] = ids[1 : max(length - 1, 1), b]
        y[max(length - 2, 0), b] = end
    return y


@next_targets.mistake(
    "The shift goes along the batch: y[t, b] is the next token of the same column b."
)
def along_the_batch(ids, lengths, end, ignore):
    y = np.concatenate([ids[:, 1:], np.full((len(ids), 1), end)], axis=1)
    y[lengths - 1, np.arange(ids.shape[1])] = end
    return np.where(np.arange(len(ids))[:, None] >= lengths, ignore, y)


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


# ---------------------------------------------------------------------------------------------------------------------
stream_batch = exercise("stream_batch", points=3, returns=("x", "y", "keep"))


def corpus(rng, T, B, k, spare):
    """A text of B streams of two batches and a shorter third one (T > 1), with `spare` tokens more than needed."""
    length = 2 * T + max(1, T // 2)
    N = B * length + 1 + spare
    document = np.cumsum(rng.random(N) < 0.4)
    return {
        "ids": rng.permutation(N) + 10,
        "document": document,
        "T": T,
        "B": B,
        "k": k,
    }


@stream_batch.inputs(T=(4, 1, 5, 3), B=(3, 2, 1, 4))
def draw_stream_batch(rng, T, B):
    return corpus(rng, T, B, 1, spare=0)


@stream_batch.inputs(T=(4, 3, 2), B=(3, 2, 4))
def draw_stream_batch_2(rng, T, B):
    return corpus(rng, T, B, 2, spare=B - 1)


stream_batch.slip(
    "The text is dealt out like cards, so neighbours in a column are B tokens apart: cut it into B long pieces.",
    "x = ids[: B * length].reshape(B, length).T\n    y = ids[1 : B * length + 1].reshape(B, length).T",
    "x = ids[: B * length].reshape(length, B)\n    y = ids[1 : B * length + 1].reshape(length, B)",
)
stream_batch.slip(
    "y is x itself: the target is the token after the input.",
    "ids[1 : B * length + 1]",
    "ids[: B * length]",
)
stream_batch.slip(
    "keep is turned round: it is True where input and target belong to the same document.",
    "document[1:] == document[:-1]",
    "document[1:] != document[:-1]",
)
stream_batch.slip(
    "keep is one step late: the pair that crosses a border is the last token of a document with the first of the next.",
    "same = document[1:] == document[:-1]",
    "same = np.append(True, document[1:] == document[:-1])",
)
stream_batch.slip(
    "keep is True everywhere: a prediction across the border of two documents is not to be counted.",
    "document[1:] == document[:-1]",
    "document[1:] >= document[:-1]",
)
stream_batch.slip(
    "Batch k starts at step k: it starts at step k * T, or the batches overlap and most tokens are used many times.",
    "slice(k * T, k * T + T)",
    "slice(k, k + T)",
)
stream_batch.slip(
    "The batches are counted from 1: batch 0 holds the first T steps.",
    "slice(k * T, k * T + T)",
    "slice(k * T - T, k * T)",
)
stream_batch.slip(
    "The streams are shortened to whole batches: here the last batch may be shorter, and less of the text is lost.",
    "length = (len(ids) - 1) // B",
    "length = (len(ids) - 1) // B // T * T",
)
stream_batch.slip(
    "The length of a stream forgets that the last input needs a target as well: it is (N - 1) // B.",
    "(len(ids) - 1) // B",
    "len(ids) // B",
)


@stream_batch.mistake(
    "Batch k is the k-th piece of T * B tokens: column b does not go on where it stopped, a carried state is wrong."
)
def pieces(ids, document, T, B, k):
    start = k * T * B
    same = document[1:] == document[:-1]
    return tuple(
        part[start : start + T * B].reshape(B, -1).T
        for part in (ids[:-1], ids[1:], same)
    )


@stream_batch.mistake(
    "The arrays are batch first, (B, T): this course puts time first, (T, B)."
)
def batch_rows(ids, document, T, B, k):
    length = (len(ids) - 1) // B
    same = document[1:] == document[:-1]
    return tuple(
        part[: B * length].reshape(B, length)[:, k * T : k * T + T]
        for part in (ids[:-1], ids[1:], same)
    )


@stream_batch.mistake(
    "The last target of the batch is its own first token: np.roll wraps round, take the next token of the text."
)
def rolled(ids, document, T, B, k):
    length = (len(ids) - 1) // B
    same = document[1:] == document[:-1]
    x, keep = (
        part[: B * length].reshape(B, length).T[k * T : k * T + T]
        for part in (ids, same)
    )
    return x, np.roll(x, -1, axis=0), keep


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


# ---------------------------------------------------------------------------------------------------------------------
interpolated_loss = exercise(
    "interpolated_loss", points=3, returns=("nats", "bits")
)


@interpolated_loss.inputs(V=(6, 3, 4, 8), N=(14, 2, 9, 25))
def draw_interpolated_loss(rng, V, N):
    pairs = rng.poisson(2.0, size=(V, V)) + np.eye(V, dtype=np.int64)[::-1]
    pairs[V // 2] = 0  # a token that was never followed by anything
    ids = rng.integers(0, V, size=N)
    if N > 2:
        ids[1] = V // 2
    return {
        "pairs": pairs,
        "ids": ids,
        "weight": float(rng.uniform(0.55, 0.9)),
        "k": float(rng.uniform(0.5, 2)),
    }


interpolated_loss.slip(
    "After a token that nothing ever followed, the single tokens need the whole weight, or the sum is not 1.",
    "p = single[token]",
    "p = (1 - weight * (seen == 0)) * single[token]",
)
interpolated_loss.slip(
    "The denominator lacks kV: k was added to each of V counts, so the probabilities now sum to more than 1.",
    "(pairs.sum() + k * V)",
    "pairs.sum()",
)
interpolated_loss.slip(
    "The denominator adds k once: it was added to each of V counts.",
    "(pairs.sum() + k * V)",
    "(pairs.sum() + k)",
)
interpolated_loss.slip(
    "The single tokens are not smoothed: a token that never occurred has probability 0, and the loss is infinite.",
    "(pairs.sum(axis=0) + k) / (pairs.sum() + k * V)",
    "pairs.sum(axis=0) / pairs.sum()",
)
interpolated_loss.slip(
    "The pairs are read the wrong way round: pairs[i, j] counts i followed by j.",
    "pairs[before, token]",
    "pairs[token, before]",
)
interpolated_loss.slip(
    "The single tokens are counted as the first of a pair: c(. j) is the sum of column j, how often j came second.",
    "pairs.sum(axis=0)",
    "pairs.sum(axis=1)",
)
interpolated_loss.slip(
    "The weights are exchanged: lambda belongs to the pairs, 1 - lambda to the single tokens.",
    "weight * pairs[before, token] / seen + (1 - weight) * p",
    "(1 - weight) * pairs[before, token] / seen + weight * p",
)
interpolated_loss.slip(
    "The mean is taken over N tokens: a text of N tokens holds N - 1 predictions.",
    "total / (len(ids) - 1)",
    "total / len(ids)",
)
interpolated_loss.slip(
    "The loss is a sum: divide by the number of predictions, or longer texts look worse.",
    "total / (len(ids) - 1)",
    "total",
)
interpolated_loss.slip(
    "Bits are nats divided by ln 2: a bit is the smaller unit.",
    "nats / np.log(2)",
    "nats * np.log(2)",
)
interpolated_loss.slip(
    "The sign is missing: the loss is the mean of -ln p.",
    "total -= np.log(p)",
    "total += np.log(p)",
)
interpolated_loss.slip(
    "The logarithm has base 2 where nats are asked for: nats use the natural logarithm.",
    "np.log(p)",
    "np.log2(p)",
)
interpolated_loss.slip(
    "This is minus the logarithm of the mean probability: the loss is the mean of the logarithms.",
    "total -= np.log(p)\n    nats = total / (len(ids) - 1)",
    "total += p\n    nats = -np.log(total / (len(ids) - 1))",
)


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


# ---------------------------------------------------------------------------------------------------------------------
seasonal_skill = exercise("seasonal_skill", points=2, returns="skill")


def a_season(rng, T, B, period, horizon):
    """A forecast of the last T steps, somewhat better than the rival, and enough steps before them."""
    first = period * (horizon // period + 1) + 1
    x = rng.normal(size=(first + T, B)) + 3
    forecast = x[first:] + 0.5 * rng.normal(size=(T, B))
    return {
        "x": x,
        "forecast": forecast,
        "first": first,
        "period": period,
        "horizon": horizon,
    }


@seasonal_skill.inputs(T=(7, 4, 9, 5), B=(3, 2, 1, 4))
def draw_seasonal_skill(rng, T, B):
    period = int(rng.integers(3, 5))
    return a_season(rng, T, B, period, period + int(rng.integers(1, 3)))


@seasonal_skill.inputs(T=(6, 5), B=(3, 2))
def draw_seasonal_skill_2(rng, T, B):
    period = int(rng.integers(3, 5))
    return a_season(rng, T, B, period, 2 * period)


@seasonal_skill.inputs(T=(6, 5), B=(2, 3))
def draw_seasonal_skill_3(rng, T, B):
    return a_season(rng, T, B, int(rng.integers(4, 6)), 2)


seasonal_skill.slip(
    "The rival always goes back one period: with a longer horizon that value is not yet known.",
    "period * -(-horizon // period)",
    "period",
)
seasonal_skill.slip(
    "The rival is the last known value, x[t - horizon]: it should be the last known one of the same season.",
    "period * -(-horizon // period)",
    "horizon",
)
seasonal_skill.slip(
    "The rival goes back a period too far when the horizon is a whole number of periods: x[t - h] itself is known.",
    "period * -(-horizon // period)",
    "period * (horizon // period + 1)",
)
seasonal_skill.slip(
    "The `1 -` is missing: the skill of a perfect forecast is 1.",
    "1 - mse / rival_mse",
    "mse / rival_mse",
)
seasonal_skill.slip(
    "The ratio is upside down: the error of the forecast is divided by that of the rival.",
    "1 - mse / rival_mse",
    "1 - rival_mse / mse",
)
seasonal_skill.slip(
    "The skill compares root mean squares: it is defined with the squared errors, without a root.",
    "1 - mse / rival_mse",
    "1 - np.sqrt(mse / rival_mse)",
)
seasonal_skill.slip(
    "The errors of all series are put together: each series gets its own skill, so sum over the time axis alone.",
    "1 - mse / rival_mse",
    "np.full(len(mse), 1 - mse.sum() / rival_mse.sum())",
)
seasonal_skill.slip(
    "This is R squared: the forecast is compared with the mean of the series, which is easier to beat than the season.",
    "rival = x[first - back : len(x) - back]",
    "rival = truth.mean(axis=0)",
)


@seasonal_skill.mistake(
    "The errors are absolute, not squared: the skill is defined with squares."
)
def absolute(x, forecast, first, period, horizon):
    m = int(np.ceil(horizon / period))
    rival = np.array([x[t - m * period] for t in range(first, len(x))])
    return 1 - np.abs(forecast - x[first:]).sum(axis=0) / np.abs(
        rival - x[first:]
    ).sum(axis=0)


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


# ---------------------------------------------------------------------------------------------------------------------
time_split = exercise("time_split", points=2, returns=("train", "valid", "test"))


@time_split.inputs(N=(12, 5, 20, 9), K=(4, 2, 6, 3), L=(2, 3, 4, 2))
def draw_time_split(rng, N, K, L):
    horizon, valid, test = (
        L,
        L + 3 + int(rng.integers(0, 3)),
        int(rng.integers(1, 3)) + L,
    )
    if valid == test:
        valid += 1
    return {
        "n": N + K + 2 * horizon + valid + test,
        "K": K,
        "horizon": horizon,
        "valid": valid,
        "test": test,
    }


@time_split.inputs(N=(6, 8), K=(3, 5))
def draw_time_split_2(rng, N, K):
    return {"n": N + K + 9, "K": K, "horizon": 1, "valid": 5, "test": 3}


time_split.slip(
    "No gap before the validation: the last training targets are not yet known at its first forecast.",
    "(t <= v - horizon)",
    "(t < v)",
)
time_split.slip(
    "No gap before the test: the last validation targets are not yet known at its first forecast.",
    "(t <= s - horizon)",
    "(t < s)",
)
time_split.slip(
    "The first training targets have no whole window: the first one that has lies at K - 1 + horizon.",
    "(t >= K - 1 + horizon)",
    "(t >= 0)",
)
time_split.slip(
    "The training targets begin at K: with a longer horizon that window would begin before the series.",
    "(t >= K - 1 + horizon)",
    "(t >= K)",
)
time_split.slip(
    "The first training target is lost: a window that starts at 0 has its target at K - 1 + horizon.",
    "(t >= K - 1 + horizon)",
    "(t >= K + horizon)",
)
time_split.slip(
    "The lengths of validation and test are exchanged.",
    "s = n - test\n    v = s - valid",
    "s = n - valid\n    v = s - test",
)


@time_split.mistake(
    "The validation is counted from the end of the series: it lies before the test, not in it."
)
def valid_within_test(n, K, horizon, valid, test):
    t, v, s = np.arange(n), n - valid, n - test
    return (
        (t >= K + horizon - 1) & (t <= v - horizon),
        (t >= v) & (t <= s - horizon),
        t >= s,
    )


@time_split.mistake(
    "Both gaps are one step too long: at time v - h the value x[v - h] itself is known."
)
def gaps_too_long(n, K, horizon, valid, test):
    t, v, s = np.arange(n), n - test - valid, n - test
    return (
        (t >= K + horizon - 1) & (t < v - horizon),
        (t >= v) & (t < s - horizon),
        t >= s,
    )


@time_split.mistake(
    "The gaps are as long as a window: inputs may overlap, only future targets may not be used."
)
def gaps_of_windows(n, K, horizon, valid, test):
    t, v, s = np.arange(n), n - test - valid, n - test
    return (
        (t >= K + horizon - 1) & (t <= v - horizon - K),
        (t >= v) & (t <= s - horizon - K),
        t >= s,
    )


@time_split.mistake(
    "The gaps are taken from the later part: drop the last targets of the earlier one, so that the test stays whole."
)
def gaps_at_the_start(n, K, horizon, valid, test):
    t, v, s = np.arange(n), n - test - valid, n - test
    return (
        (t >= K + horizon - 1) & (t < v),
        (t >= v + horizon - 1) & (t < s),
        t >= s + horizon - 1,
    )


@time_split.mistake(
    "The targets are shuffled: a split in time keeps the future out of the training part."
)
def shuffled(n, K, horizon, valid, test):
    t, v, s = np.random.default_rng(0).permutation(n), n - test - valid, n - test
    return (
        (t >= K + horizon - 1) & (t <= v - horizon),
        (t >= v) & (t <= s - horizon),
        t >= s,
    )


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
    train, later, last = np.zeros(n, int), np.zeros(n, int), np.zeros(n, int)
    for t in range(n):
        known = t - horizon  # the newest value when the forecast for t is made
        if t >= n - test:
            last[t] = 1
        elif t >= n - test - valid:
            later[t] = t + horizon <= n - test
        else:
            train[t] = known - (K - 1) >= 0 and t + horizon <= n - test - valid
    return train, later, last


# ---------------------------------------------------------------------------------------------------------------------
scale = exercise("scale", points=2, returns=("scaled", "mean", "deviation"))


@scale.inputs(T=(8, 2, 9, 6), B=(3, 2, 1, 4), I=(2, 3, 4, 2))
def draw_scale(rng, T, B, I):
    n_train = max(1, 2 * T // 3)
    x = rng.normal(size=(T, B, I)) * 3 + 5 + np.arange(T)[:, None, None]
    missing = rng.random((T, B, I)) < 0.2
    missing[0] = False
    missing[-1, 0, 0] = True
    if n_train > 1:
        missing[1, 0, 0] = True
    x[missing] = np.nan
    x[:n_train, :, -1] = 4.0  # constant in the training part, but not later
    return {"x": x, "n_train": n_train}


scale.slip(
    "The statistics are taken over all steps: only the first n_train may be known.",
    "x[:n_train]",
    "x",
)


@scale.mistake(
    "One mean and one deviation serve all features: each feature has its own."
)
def one_for_all(x, n_train):
    mean, deviation = np.nanmean(x[:n_train]), np.nanstd(x[:n_train])
    features = np.ones(x.shape[2])
    return (
        np.where(np.isnan(x), 0, (x - mean) / deviation),
        mean * features,
        deviation * features,
    )


scale.slip(
    "The deviation divides by one less than the number of values: here it is the plain mean of the squares (ddof=0).",
    "np.nanstd(known, axis=(0, 1))",
    "np.nanstd(known, axis=(0, 1), ddof=1 if len(known) * known.shape[1] > 1 else 0)",
)
scale.slip(
    "This divides by the variance: the deviation is its square root.",
    "np.nanstd(known, axis=(0, 1))",
    "np.nanvar(known, axis=(0, 1))",
)
scale.slip(
    "A feature that is constant in the training part is divided by 0: divide it by 1.",
    "np.where(deviation > 0, deviation, 1)",
    "deviation",
)
scale.slip(
    "A small number stands in for a deviation of 0: a feature that moves later is then blown up to millions.",
    "np.where(deviation > 0, deviation, 1)",
    "deviation + 1e-8",
)
scale.slip(
    "The missing values are still NaN after scaling: they become 0.",
    "np.where(np.isnan(x), 0, scaled)",
    "scaled",
)
scale.slip(
    "Missing values are 0 before scaling: they then look like a measured 0, far from the mean.",
    "(x - mean) / deviation",
    "(np.nan_to_num(x) - mean) / deviation\n    return scaled, mean, deviation",
)
scale.slip("The mean is not taken off.", "(x - mean) / deviation", "x / deviation")


@scale.mistake(
    "Missing values count as 0 in the mean and the deviation: they do not count at all."
)
def zeros_count(x, n_train):
    filled = np.nan_to_num(x[:n_train])
    mean, deviation = filled.mean(axis=(0, 1)), filled.std(axis=(0, 1))
    deviation = np.where(deviation > 0, deviation, 1)
    return np.nan_to_num((x - mean) / deviation), mean, deviation


@scale.mistake(
    "The statistics are NaN: a plain mean over missing values is missing itself."
)
def nan_spreads(x, n_train):
    mean, deviation = x[:n_train].mean(axis=(0, 1)), x[:n_train].std(axis=(0, 1))
    deviation = np.where(deviation == 0, 1, deviation)
    return np.nan_to_num((x - mean) / deviation), mean, deviation


@scale.mistake(
    "Every series has statistics of its own: they are shared, so take the mean over steps and series."
)
def per_series(x, n_train):
    mean, deviation = (
        np.nanmean(x[:n_train], axis=0),
        np.nanstd(x[:n_train], axis=0),
    )
    deviation = np.where(deviation > 0, deviation, 1)
    return np.nan_to_num((x - mean) / deviation), mean, deviation


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
