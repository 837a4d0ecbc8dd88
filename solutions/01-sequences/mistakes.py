"""Known mistakes of unit 01-sequences."""

import numpy as np
from checks import (
    interpolated_loss,
    next_targets,
    scale,
    seasonal_skill,
    stream_batch,
    time_split,
    whole_table,
    windows,
    with_a_loop,
    with_positions,
    with_weights,
)

from rnncourse.authoring import slips

# 1. windows


def at_starts(x, K, starts, targets):
    starts = np.asarray(starts, dtype=int)
    return x[starts + np.arange(K)[:, None]], x[np.asarray(targets, dtype=int)]


slips(
    windows,
    {
        "// stride + 1\n    starts = stride * np.arange(N)": {
            "+ 1\n    starts = np.arange(N)": "The stride is ignored, so there are too many windows: it is the distance between two starts."
        },
        "K - 1 + horizon] -> K + horizon]": "y comes one step too late: horizon 1 is the value right after the window.",
        "starts + K - 1 + horizon": {
            "starts + K": "y is the value right after the window, whatever the horizon: the forecast is then easier than the one reported.",
            "starts + K - 1": "y is the last value of its own window: the target can be seen, and a copy scores a perfect forecast.",
            "starts + K - 2 + horizon": "y comes one step too early: the horizon counts from the window's last value, so horizon 1 is the next one.",
            "starts + horizon": "The horizon is counted from the start of the window: it counts from the window's last value.",
            "np.arange(N) + K - 1 + horizon": "The targets do not move with the stride: each belongs to its own window, and the windows lie a stride apart.",
        },
        "N = (len(x) - K - horizon) // stride + 1\n    starts = stride * np.arange(N)": {
            "horizon = horizon * stride\n    N = (len(x) - K - horizon) // stride + 1\n    starts = stride * np.arange(N)": "The horizon is counted in strides: it counts steps of the series, whatever the stride."
        },
        "// stride + 1 -> // stride": "The last window is always missing: the first one counts besides those that the strides add.",
        "stride * np.arange(N) -> np.arange(N)": "Windows start at every step, though their number is right: stride is the distance between two starts.",
        "(len(x) - K - horizon) -> (len(x) - K)": "More windows than have a target: the target lies `horizon` steps behind the window and must exist as well.",
        "(len(x) - K - horizon) // stride + 1 -> (len(x) - K) // stride": "The horizon is left out of the number of windows, and so is the first window.",
    },
)


@windows.mistake(
    "The last window is missing where the strides fit exactly: range leaves out its end, but a start there still has its target."
)
def range_too_short(x, K, horizon, stride):
    starts = np.arange(0, len(x) - K - horizon, stride)
    return at_starts(x, K, starts, starts + K - 1 + horizon)


@windows.mistake(
    "The last window is missing unless the strides fit exactly: the steps left over after the last full stride do not take it away."
)
def rounded_down(x, K, horizon, stride):
    starts = stride * np.arange((len(x) - K - horizon + 1) // stride)
    return at_starts(x, K, starts, starts + K - 1 + horizon)


def with_surplus(x, K, horizon, stride, x_later):
    starts = np.arange(0, len(x) - K + 1, stride)
    return at_starts(x, K, starts, starts)[0], x_later(starts + K - 1 + horizon)


@windows.mistake(
    "The target lies one step too far, and the last window is missing to make room for it: horizon 1 is the value right after the window."
)
def too_late_and_too_short(x, K, horizon, stride):
    return with_a_loop(x, K, horizon + 1, stride)


@windows.mistake(
    "Windows without a target are kept, with zeros as their target: only windows whose target exists count."
)
def padded_with_zeros(x, K, horizon, stride):
    longer = np.concatenate([x, np.zeros((horizon, x.shape[1]))])
    return with_surplus(x, K, horizon, stride, lambda t: longer[t])


@windows.mistake("Windows without a target are kept, with a target from the start of the series: indices wrap round.")
def wrapped(x, K, horizon, stride):
    return with_surplus(x, K, horizon, stride, lambda t: x[t % len(x)])


@windows.mistake("Windows without a target are kept, with the last value as their target: leave them out.")
def clipped(x, K, horizon, stride):
    return with_surplus(x, K, horizon, stride, lambda t: x[np.minimum(t, len(x) - 1)])


@windows.mistake("X has windows without a target at its end: X and y have the same number of windows.")
def more_windows_than_targets(x, K, horizon, stride):
    return with_a_loop(x, K, 0, stride)[0], with_a_loop(x, K, horizon, stride)[1]


@windows.mistake("Each window is one step too long: it holds K values.")
def too_long(x, K, horizon, stride):
    X, y = with_a_loop(x, K, horizon, stride)
    return np.concatenate([X, x[K + stride * np.arange(X.shape[1])][None]]), y


@windows.mistake(
    "Only the windows move by the stride: y has a target for every step, and must have one for each window."
)
def dense_targets(x, K, horizon, stride):
    return with_a_loop(x, K, horizon, stride)[0], x[K - 1 + horizon :]


@windows.mistake(
    "The stride is used within the window: a window holds K neighbouring values, the starts lie `stride` apart."
)
def stride_inside(x, K, horizon, stride):
    starts = np.arange(len(x) - (K - 1) * stride - horizon)
    X = x[starts + stride * np.arange(K)[:, None]]
    return X, x[starts + stride * (K - 1) + horizon]


@windows.mistake("The windows are counted back from the end of the series: the first one starts at step 0.")
def from_the_end(x, K, horizon, stride):
    starts = np.arange(len(x) - K - horizon, -1, -stride)[::-1]
    return at_starts(x, K, starts, starts + K - 1 + horizon)


@windows.mistake("y holds the first feature alone: the target has all I features.")
def first_feature(x, K, horizon, stride):
    X, y = with_a_loop(x, K, horizon, stride)
    return X, y[:, 0]


@windows.mistake("y holds the first feature alone, as a column: the target has all I features.")
def first_feature_column(x, K, horizon, stride):
    X, y = with_a_loop(x, K, horizon, stride)
    return X, y[:, :1]


@windows.mistake("y holds all `horizon` values behind the window: the target is the last of them alone.")
def all_on_the_way(x, K, horizon, stride):
    X, _ = with_a_loop(x, K, horizon, stride)
    return X, np.stack([x[K + n * stride :][:horizon] for n in range(X.shape[1])])


@windows.mistake("y is the mean of the `horizon` values behind the window: the target is the last of them alone.")
def mean_on_the_way(x, K, horizon, stride):
    X, y = all_on_the_way(x, K, horizon, stride)
    return X, y.mean(axis=1)


@windows.mistake(
    "X has the right shape but mixes windows and steps: reshape reads the same numbers in the same order, it exchanges no axes."
)
def reshaped(x, K, horizon, stride):
    X, y = with_a_loop(x, K, horizon, stride)
    return X.swapaxes(0, 1).reshape(X.shape), y


# 2. next_targets


def moved_on(ids, last, by=1):
    """The ids `by` steps later, with `last` in the rows that are left."""
    rows = np.full((min(by, len(ids)), ids.shape[1]), last)
    return np.concatenate([ids[by:], rows])


def with_end(y, lengths, end):
    y = y.copy()
    y[lengths - 1, np.arange(y.shape[1])] = end
    return y


def is_padding(ids, lengths):
    return np.arange(len(ids))[:, None] >= lengths


slips(
    next_targets,
    {
        "ids[1 : last + 1, b] -> ids[:last, b]": "The targets are the inputs themselves: move them on by one step, or every model that copies is perfect.",
        "y[last, b] = end": {
            "y[last:, b] = end": "The padding gets `end` over and over: `end` stands once in each column, all steps after it get `ignore`.",
            "pass": "No sequence ends: the last real token has the target `end`, so that a model learns to stop.",
        },
    },
)


@next_targets.mistake("The targets are the tokens before, not after: a model would learn to read backwards.")
def backwards(ids, lengths, end, ignore):
    y = with_end(np.concatenate([ids[:1] * 0 + ignore, ids[:-1]]), lengths, end)
    return np.where(is_padding(ids, lengths), ignore, y)


@next_targets.mistake("The targets lie two steps ahead: each is the very next token.")
def two_ahead(ids, lengths, end, ignore):
    y = with_end(moved_on(ids, ignore, by=2), lengths, end)
    return np.where(is_padding(ids, lengths), ignore, y)


@next_targets.mistake("`end` stands in the last row for all sequences: the shorter ones end earlier.")
def end_in_the_last_row(ids, lengths, end, ignore):
    y = np.where(is_padding(ids, lengths), ignore, moved_on(ids, end))
    y[-1] = end
    return y


@next_targets.mistake(
    "Only sequences that fill their column get `end`: at the last token of a shorter one y now holds padding."
)
def end_of_full_columns(ids, lengths, end, ignore):
    return np.where(is_padding(ids, lengths), ignore, moved_on(ids, end))


@next_targets.mistake(
    "`end` fills whole rows: a row index by itself means all columns, and each column has a row of its own."
)
def end_in_whole_rows(ids, lengths, end, ignore):
    y = moved_on(ids, end)
    y[lengths - 1] = end
    return np.where(is_padding(ids, lengths), ignore, y)


@next_targets.mistake("The padding has targets: nobody should be asked to predict it.")
def padding_is_predicted(ids, lengths, end, ignore):
    return with_end(moved_on(ids, ignore), lengths, end)


@next_targets.mistake(
    "The padding has targets, the last of them the first token: np.roll wraps round, and nobody should be asked to predict padding."
)
def padding_rolls(ids, lengths, end, ignore):
    return with_end(np.roll(ids, -1, axis=0), lengths, end)


@next_targets.mistake("The padding keeps its ids as targets: a loss would count them as tokens.")
def padding_stays(ids, lengths, end, ignore):
    y = with_end(moved_on(ids, end), lengths, end)
    return np.where(is_padding(ids, lengths), ids, y)


@next_targets.mistake(
    "Padding is taken to be where ids is 0: it may hold any number and 0 may be a token, so use lengths."
)
def zeros_are_padding(ids, lengths, end, ignore):
    return np.where(ids == 0, ignore, with_end(moved_on(ids, end), lengths, end))


@next_targets.mistake(
    "One padded step still has a target: steps are counted from 0, so the padding begins one step earlier than this."
)
def one_step_of_padding(ids, lengths, end, ignore):
    y = with_end(moved_on(ids, ignore), lengths, end)
    return np.where(is_padding(ids, lengths + 1), ignore, y)


@next_targets.mistake("The shift goes along the batch: the next token stands in the same column, one row further down.")
def along_the_batch(ids, lengths, end, ignore):
    y = np.concatenate([ids[:, 1:], np.full((len(ids), 1), end)], axis=1)
    return np.where(is_padding(ids, lengths), ignore, with_end(y, lengths, end))


@next_targets.mistake("The roll goes along the batch: the next token lies along the time axis.")
def rolled_along_the_batch(ids, lengths, end, ignore):
    y = with_end(np.roll(ids, -1, axis=1), lengths, end)
    return np.where(is_padding(ids, lengths), ignore, y)


@next_targets.mistake(
    "The roll has no axis and runs through the whole array: the next token lies along the time axis alone."
)
def rolled_flat(ids, lengths, end, ignore):
    y = with_end(np.roll(ids, -1), lengths, end)
    return np.where(is_padding(ids, lengths), ignore, y)


# 3. stream_batch


def at_places(ids, document, place):
    return ids[place], ids[place + 1], document[place] == document[place + 1]


slips(
    stream_batch,
    {
        "ids[1 : B * length + 1]": {
            "np.roll(ids, -2)[: B * length]": "y lies two tokens ahead: the target is the very next token.",
            "np.roll(ids, 1)[: B * length]": "y is the token before the input: the target is the one after it.",
        },
        "return x[steps], y[steps] -> return x[steps], np.where(keep, y, -100)[steps]": "y is -100 where keep is False: keep says it already, y stays the next token.",
        "document[1:] == document[:-1]": {
            "document[1:] <= document[:-1]": "keep is True also where the document's number falls: documents come in any order, so ask whether the two are equal.",
            "document[1:] >= document[:-1]": "keep is True also where the document's number rises: only input and target of the same document count.",
            "document[1:] == document[0]": "keep compares with the first document of the text: what counts is that input and target are of the same one.",
            "ids[1:] == ids[:-1]": "keep compares the tokens: it is the documents of input and target that must be equal.",
        },
        "same = document[1:] == document[:-1] -> same = np.append(True, document[1:] == document[:-1])": "keep is one step late: the pair that crosses a border is the last token of a document with the first of the next.",
        "keep = same[: B * length] -> keep = np.append(same[1:], True)[: B * length]": "keep is one step early: compare the document of the input with that of its own target.",
        "slice(k * T, k * T + T) -> slice(k, k + T)": "Batch k starts at step k: a batch starts where the one before ends, or most tokens are used many times.",
        "length = (len(ids) - 1) // B -> length = (len(ids) - 1) // B // T * T": "The streams are shortened to whole batches: here the last batch may be shorter, and less of the text is lost.",
        "(len(ids) - 1) // B -> len(ids) // B": "The length of a stream forgets that the last input needs a target as well: one token of the text is only a target.",
        "steps = slice(k * T, k * T + T) -> steps = slice(k * T, min(k * T + T, length // T * T))": "The last, shorter batch is dropped: it holds the steps that are left.",
    },
)


@stream_batch.mistake(
    "The text is dealt out like cards, so neighbours in a column are B tokens apart: cut it into B long pieces."
)
def dealt(ids, document, T, B, k):
    length = (len(ids) - 1) // B
    steps = np.arange(k * T, min(k * T + T, length))
    return at_places(ids, document, B * steps[:, None] + np.arange(B))


@stream_batch.mistake(
    "Batch k is the k-th piece of T * B tokens: column b does not go on where it stopped, a carried state is wrong."
)
def pieces(ids, document, T, B, k):
    place = np.arange(k * T * B, min((k + 1) * T * B, len(ids) - 1))
    place = place[: len(place) // B * B].reshape(B, -1).T
    return at_places(ids, document, place)


@stream_batch.mistake(
    "Stream b starts T tokens after the one before: a stream starts where the one before ends, or the streams overlap."
)
def overlapping(ids, document, T, B, k):
    length = (len(ids) - 1) // B
    steps = np.arange(k * T, min(k * T + T, length))
    return at_places(ids, document, steps[:, None] + T * np.arange(B))


@stream_batch.mistake("The last batch is filled up to T steps with zeros: it has fewer rows.")
def filled_up(ids, document, T, B, k):
    parts = with_positions(ids, document, T, B, k)
    return tuple(np.pad(part, ((0, T - len(part)), (0, 0))) for part in parts)


@stream_batch.mistake(
    "The last batch is filled up by steps of the batch before: these tokens would be trained on twice, and it has fewer rows."
)
def filled_from_before(ids, document, T, B, k):
    length = (len(ids) - 1) // B
    last = min(k * T + T, length)
    steps = np.arange(last - T, last)
    return at_places(ids, document, steps[:, None] + length * np.arange(B))


@stream_batch.mistake("The last batch runs on into the next stream: each stream ends after L steps.")
def running_on(ids, document, T, B, k):
    length = (len(ids) - 1) // B
    place = np.arange(k * T, k * T + T)[:, None] + length * np.arange(B)
    return at_places(ids, document, np.minimum(place, len(ids) - 2))


@stream_batch.mistake(
    "The last target of the batch is its own first token: np.roll wraps round, take the next token of the text."
)
def rolled(ids, document, T, B, k):
    x, _, keep = with_positions(ids, document, T, B, k)
    return x, np.roll(x, -1, axis=0), keep


@stream_batch.mistake(
    "The last target of each stream is the stream's own first token: take the next token of the text."
)
def rolled_streams(ids, document, T, B, k):
    length = (len(ids) - 1) // B
    steps = np.arange(k * T, min(k * T + T, length))[:, None]
    place, after = (t + length * np.arange(B) for t in (steps, (steps + 1) % length))
    return ids[place], ids[after], document[place] == document[after]


@stream_batch.mistake(
    "The last target may be the first token of the text: the last token has no successor, so it can only be a target."
)
def rolled_text(ids, document, T, B, k):
    length = len(ids) // B
    steps = np.arange(k * T, min(k * T + T, length))
    return at_places(
        np.append(ids, ids[0]),
        np.append(document, document[0]),
        steps[:, None] + length * np.arange(B),
    )


@stream_batch.mistake(
    "keep is True in the last row of each batch: its targets are the tokens that follow in the text, also across a border."
)
def last_row_kept(ids, document, T, B, k):
    x, y, keep = with_positions(ids, document, T, B, k)
    keep[-1] = True
    return x, y, keep


@stream_batch.mistake(
    "keep is False in the last row of each batch: its targets are tokens of the text like others, in the next batch."
)
def last_row_left_out(ids, document, T, B, k):
    x, y, keep = with_positions(ids, document, T, B, k)
    keep[-1] = False
    return x, y, keep


# 4. interpolated_loss


def probabilities(pairs, ids, k):
    """For each prediction the bigram's probability, the unigram's, and whether the context was ever followed."""
    before, token, rows = ids[:-1], ids[1:], pairs.sum(axis=1)
    bigram = pairs[before, token] / np.maximum(rows[before], 1)
    unigram = (pairs.sum(axis=0) + k) / (pairs.sum() + k * len(pairs))
    return bigram, unigram[token], rows[before] > 0


def both_units(losses):
    return np.mean(losses), np.mean(losses) / np.log(2)


slips(
    interpolated_loss,
    {
        "p = single[token] -> p = (1 - weight * (seen == 0)) * single[token]": "After a token that nothing ever followed, the single tokens need the whole weight, or the sum is not 1.",
        "total -= np.log(p) -> total -= np.log(p if seen > 0 else 1 / V)": "After a token that nothing ever followed, all tokens are taken to be equally likely: the single tokens decide.",
        "if seen > 0 -> if seen > 1": "After a token that was followed once, the pairs are left out: only if it was never followed does their fraction not exist.",
        "(pairs.sum() + k * V)": {
            "pairs.sum()": "The denominator lacks what was added to the counts: the probabilities now sum to more than 1.",
            "(pairs.sum() + k)": "The denominator adds k once: more than that was added to the counts together.",
            "(pairs.sum() + k * V * V)": "The denominator adds k for all pairs: it was added to the counts of the single tokens alone.",
        },
        "(pairs.sum(axis=0) + k) -> pairs.sum(axis=0)": "The numerator lacks k: a token that never came second has probability 0, and the sum over all is below 1.",
        "(pairs.sum(axis=0) + k) / (pairs.sum() + k * V)": {
            "(pairs.sum(axis=0) + k / V) / (pairs.sum() + k)": "k is shared out over the V tokens: it is added to each count in full.",
            "pairs.sum(axis=0) / pairs.sum()": "The single tokens are not smoothed: a token that never came second has probability 0, and the loss is infinite.",
        },
        "pairs[before, token] / seen": {
            "(pairs[before, token] + k) / (seen + k * V)": "The pairs are smoothed as well: only the probabilities of the single tokens are.",
            "pairs[before, token] / pairs.sum()": "The pairs are divided by the count of all pairs: what follows one token has to add up to 1 by itself.",
        },
        "seen = pairs[before].sum() -> seen = pairs[:, before].sum()": "The pairs are divided by how often the first token came second: it is how often it came first that makes them add up to 1.",
        "pairs[before, token] -> pairs[token, before]": "A pair is looked up the wrong way round, though divided by the right sum: pairs[i, j] counts i followed by j.",
        "pairs.sum(axis=0) -> pairs.sum(axis=1)": "The single tokens are counted as the first of a pair: it is how often a token came second that makes it likely to come.",
        "+ (1 - weight) * p -> + p": "The single tokens are added without their weight: the probabilities then sum to more than 1.",
        "total / (len(ids) - 1)": {
            "total / len(ids)": "The mean is taken over N tokens: a text of N tokens holds N - 1 predictions.",
            "total": "The loss is a sum: divide by the number of predictions, or longer texts look worse.",
        },
        "nats / np.log(2)": {
            "nats * np.log(2)": "Nats are turned into bits the wrong way: a bit is the smaller unit, so there are more of them.",
            "np.exp(nats)": "The second value is the perplexity, exp of the nats: bits are asked for.",
        },
        "total -= np.log(p)\n    nats = total / (len(ids) - 1)": {
            "total += p\n    nats = -np.log(total / (len(ids) - 1))": "This is the logarithm of the mean probability, which good predictions rule: a loss is taken for each prediction and then averaged."
        },
    },
)


@interpolated_loss.mistake(
    "Predictions after a token that nothing ever followed are left out: the single tokens make them."
)
def unseen_left_out(pairs, ids, weight, k):
    bigram, unigram, known = probabilities(pairs, ids, k)
    return both_units(-np.log(weight * bigram + (1 - weight) * unigram)[known])


@interpolated_loss.mistake(
    "Predictions after a token that nothing ever followed cost nothing here: the single tokens make them, at a loss."
)
def unseen_for_nothing(pairs, ids, weight, k):
    bigram, unigram, known = probabilities(pairs, ids, k)
    return both_units(-np.log(weight * bigram + (1 - weight) * unigram) * known)


@interpolated_loss.mistake(
    "Single tokens are asked only if the pair was never seen: after every token that was followed, both have their weight."
)
def backing_off(pairs, ids, weight, k):
    bigram, unigram, _ = probabilities(pairs, ids, k)
    return both_units(-np.log(np.where(bigram > 0, bigram, unigram)))


@interpolated_loss.mistake(
    "A pair that was never seen leaves all to the single tokens: that holds only if nothing ever followed the first token."
)
def whole_weight_for_new_pairs(pairs, ids, weight, k):
    bigram, unigram, _ = probabilities(pairs, ids, k)
    mixed = weight * bigram + (1 - weight) * unigram
    return both_units(-np.log(np.where(bigram > 0, mixed, unigram)))


@interpolated_loss.mistake(
    "Each column of the counts is divided by the sum of a row: the sums stand side by side where they should stand one below the other."
)
def without_keepdims(pairs, ids, weight, k):
    _, unigram, known = probabilities(pairs, ids, k)
    bigram = (pairs / np.maximum(pairs.sum(axis=1), 1))[ids[:-1], ids[1:]]
    p = np.where(known, weight * bigram + (1 - weight) * unigram, unigram)
    return both_units(-np.log(p))


@interpolated_loss.mistake(
    "The product of the probabilities is returned in place of its logarithm: it shrinks with every token, however good the model."
)
def product_of_probabilities(pairs, ids, weight, k):
    bigram, unigram, known = probabilities(pairs, ids, k)
    likelihood = np.prod(np.where(known, weight * bigram + (1 - weight) * unigram, unigram))
    return likelihood, likelihood / np.log(2)


@interpolated_loss.mistake("k is added to every pair: it is added to the counts of the single tokens alone.")
def all_pairs_smoothed(pairs, ids, weight, k):
    return whole_table(pairs + k, ids, weight, 0)


@interpolated_loss.mistake("The last prediction is forgotten: a text of N tokens holds N - 1 of them.")
def without_the_last(pairs, ids, weight, k):
    bigram, unigram, known = probabilities(pairs, ids, k)
    losses = -np.log(np.where(known, weight * bigram + (1 - weight) * unigram, unigram))
    return both_units(losses[:-1] if len(losses) > 1 else losses * 0)


@interpolated_loss.mistake(
    "The first token is predicted as well: nothing stands before it, the predictions begin with the second."
)
def with_the_first(pairs, ids, weight, k):
    bigram, unigram, known = probabilities(pairs, ids, k)
    p = np.where(known, weight * bigram + (1 - weight) * unigram, unigram)
    first = (pairs[:, ids[0]].sum() + k) / (pairs.sum() + k * len(pairs))
    return both_units(-np.log(np.append(first, p)))


@interpolated_loss.mistake(
    "The single tokens are counted in the held-out text: they too come from the training counts."
)
def held_out_counts(pairs, ids, weight, k):
    bigram, _, known = probabilities(pairs, ids, k)
    unigram = (np.bincount(ids, minlength=len(pairs)) + k)[ids[1:]]
    unigram = unigram / (len(ids) + k * len(pairs))
    p = np.where(known, weight * bigram + (1 - weight) * unigram, unigram)
    return both_units(-np.log(p))


# 5. seasonal_skill

RIVAL = "rival = x[first - back : len(x) - back]"
SKILL = "1 - mse / rival_mse"


def errors(x, forecast, first, period, horizon):
    """The errors of the forecast and of the right rival."""
    back = period * int(np.ceil(horizon / period))
    return forecast - x[first:], x[first - back : len(x) - back] - x[first:]


BACK = {
    "period": "The rival always goes back one period: with a longer horizon that value is not yet known.",
    "min(back, 2 * period)": "The rival goes back two periods at most: with a horizon of more than two periods that value is not yet known.",
    "max(back, 2 * period)": "The rival goes back at least two periods: up to one period ahead, the value one period ago is known.",
    "(back + period * (horizon == period))": "The rival goes back two periods when the horizon is exactly one: x[t - h] itself is known.",
    "horizon": "The rival is the last known value, x[t - horizon]: it should be the last known one of the same season.",
    "1": "The rival is the value one step before, x[t - 1]: it should be the last known one of the same season.",
    "period * (horizon // period + 1)": "The rival goes back a period too far when the horizon is a whole number of periods: x[t - h] itself is known.",
    "(back + period)": "The rival always goes back a period too far: the latest known value of the same season lies nearer.",
    "period * (horizon // period)": "The number of periods is rounded down: the rival is then not yet known, or the truth itself.",
    "period * max(1, horizon // period)": "The number of periods is rounded down, to at least 1: a value is not known until the horizon has passed.",
    "period * max(1, int(horizon / period + 0.5))": "The number of periods is rounded to the nearest whole number: round it up, or the rival may not be known yet.",
    "horizon * period": "The rival goes back a period for each step of the horizon: it needs as many periods as the horizon fills or begins.",
    "(horizon + period)": "The rival goes back the horizon and a period: that is another season unless the horizon is a whole number of periods.",
    "(back + 1)": "The rival goes back one step too far.",
}
slips(seasonal_skill, {RIVAL: {f"rival = x[np.arange(first, len(x)) - {back}]": hint for back, hint in BACK.items()}})
slips(
    seasonal_skill,
    {
        RIVAL: {
            "rival = truth.mean(axis=0)": "This is R squared: the forecast is compared with the mean of the series, which is easier to beat than the season.",
            "rival = x[:first].mean(axis=0)": "The rival is the mean of the series up to `first`: it should be the last known value of the same season.",
            "rival = x[first - horizon]": "The rival is one value for all times, the last known before `first`: it moves on with t.",
            "rival = np.stack([x[t % period : first : period].mean(axis=0) for t in range(first, len(x))])": "The rival is the mean of each season: it should be the last known value of the same season.",
        },
        SKILL: {
            "mse / rival_mse": "This is the ratio of the errors alone: it is 0 for a perfect forecast, whose skill is 1.",
            "1 - rival_mse / mse": "The ratio is upside down: the error of the forecast is divided by that of the rival.",
            "rival_mse / mse - 1": "The gain is divided by the error of the forecast: divide by that of the rival.",
            "1 - np.sqrt(mse / rival_mse)": "The skill compares root mean squares: it is defined with the squared errors, without a root.",
            "100 * (1 - mse / rival_mse)": "The skill is given in percent: that of a perfect forecast is 1.",
            "np.full(len(mse), 1 - mse.sum() / rival_mse.sum())": "The errors of all series are put together: each series gets its own skill, so sum over the time axis alone.",
            "1 - mse.sum() / rival_mse.sum()": "All series have one skill together: the result is an array (B,), a skill for each.",
        },
    },
)


@seasonal_skill.mistake("The errors are absolute, not squared: the skill is defined with squares.")
def absolute(x, forecast, first, period, horizon):
    ours, theirs = errors(x, forecast, first, period, horizon)
    return 1 - np.abs(ours).sum(axis=0) / np.abs(theirs).sum(axis=0)


@seasonal_skill.mistake("The errors are added up with their signs, so they cancel: square each before the sum.")
def not_squared(x, forecast, first, period, horizon):
    ours, theirs = errors(x, forecast, first, period, horizon)
    return 1 - ours.sum(axis=0) / theirs.sum(axis=0)


@seasonal_skill.mistake("The sums are squared: square each error before the sum.")
def squared_too_late(x, forecast, first, period, horizon):
    ours, theirs = errors(x, forecast, first, period, horizon)
    return 1 - ours.sum(axis=0) ** 2 / theirs.sum(axis=0) ** 2


@seasonal_skill.mistake(
    "This is a mean of ratios, which single small errors of the rival rule: divide the one sum by the other."
)
def mean_of_ratios(x, forecast, first, period, horizon):
    ours, theirs = errors(x, forecast, first, period, horizon)
    return 1 - (ours**2 / theirs**2).mean(axis=0)


@seasonal_skill.mistake("The sums run over the series: they run over time, axis 0, so that each series gets its skill.")
def over_series(x, forecast, first, period, horizon):
    ours, theirs = errors(x, forecast, first, period, horizon)
    return 1 - (ours**2).sum(axis=1) / (theirs**2).sum(axis=1)


@seasonal_skill.mistake(
    "The errors of the rival are summed over the whole series: both sums run from `first` to the end."
)
def rival_of_all_times(x, forecast, first, period, horizon):
    back = period * int(np.ceil(horizon / period))
    ours, _ = errors(x, forecast, first, period, horizon)
    return 1 - (ours**2).sum(axis=0) / ((x[back:] - x[:-back]) ** 2).sum(axis=0)


# 6. time_split

TRAIN, VALID = "(t <= v - horizon)", "(t <= s - horizon)"
FIRST = "(t >= K - 1 + horizon)"


def parts(n, train, valid, test):
    """Masks of three ranges, both ends included."""
    t = np.arange(n)
    return tuple((t >= a) & (t <= b) for a, b in (train, valid, test))


def masks(n, K, horizon, valid, test, gap=None):
    """The three parts, with the gaps of another horizon if one is given."""
    s, v, gap = n - test, n - test - valid, horizon if gap is None else gap
    return parts(n, (K - 1 + horizon, v - gap), (v, s - gap), (s, n - 1))


slips(
    time_split,
    {
        "s = n - test -> s = n - test + 1": "The test begins one step too late: it holds the last `test` times.",
        "v = s - valid -> v = s - valid + 1": "The validation begins one step too late: it begins `valid` times before the test.",
        TRAIN: {
            "(t < v)": "No gap before the validation: the last training targets are not yet known at its first forecast.",
            "(t <= v - horizon + 1)": "The gap before the validation is one step too short: v - h is the last time whose value is known.",
            "(t < v - horizon)": "The gap before the validation is one step too long: at time v - h the value x[v - h] itself is known.",
            "(t <= s - horizon)": "The training part reaches into the validation: it ends before v.",
        },
        VALID: {
            "(t < s)": "No gap before the test: the last validation targets are not yet known at its first forecast.",
            "(t <= s - horizon + 1)": "The gap before the test is one step too short: s - h is the last time whose value is known.",
            "(t < s - horizon)": "The gap before the test is one step too long: at time s - h the value x[s - h] itself is known.",
        },
        FIRST: {
            "(t >= K - 2 + horizon)": "The training targets begin one step too early: the window of the first one would begin before the series.",
            "(t >= 0)": "The first training targets have no whole window: K values and the way to the target have to fit in before them.",
            "(t >= K - 1)": "The training targets begin with the last value of the first window: its target lies `horizon` steps further on.",
            "(t >= K)": "The training targets begin at K: with a longer horizon that window would begin before the series.",
            "(t >= horizon)": "The training targets begin at `horizon`: the window before has K values, and all must be in the series.",
            "(t >= K + horizon)": "The first training target is lost: the window that starts at 0 has its target one step before this.",
        },
        "v = s - valid -> v = n - valid": "The validation is counted from the end of the series: it lies before the test, not in it.",
        "t >= s,": {
            "t > s,": "The first test target is left out: time s belongs to the test.",
            "(t >= s) & (t < n - 1),": "The last test target is left out: the test goes up to n - 1.",
        },
        "(t >= v) -> (t > v)": "The first validation target is left out: time v belongs to the validation.",
    },
)


@time_split.mistake(
    "There are no gaps: targets later than v - h, or s - h, are not yet known at the first forecast of the next part."
)
def no_gaps(n, K, horizon, valid, test):
    return masks(n, K, horizon, valid, test, gap=1)


@time_split.mistake("Both gaps are one step too short: the last times allowed are v - h and s - h.")
def gaps_too_short(n, K, horizon, valid, test):
    return masks(n, K, horizon, valid, test, gap=horizon - 1)


@time_split.mistake("Both gaps are one step too long: at time v - h the value x[v - h] itself is known.")
def gaps_too_long(n, K, horizon, valid, test):
    return masks(n, K, horizon, valid, test, gap=horizon + 1)


@time_split.mistake(
    "The gaps are a window and the horizon long: inputs may overlap, only targets not yet known may not be used."
)
def gaps_of_both(n, K, horizon, valid, test):
    return masks(n, K, horizon, valid, test, gap=K + horizon)


@time_split.mistake(
    "The gaps keep whole windows and their targets apart: inputs may overlap, only targets not yet known may not be used."
)
def gaps_apart(n, K, horizon, valid, test):
    return masks(n, K, horizon, valid, test, gap=K - 1 + horizon)


@time_split.mistake("The gaps are as long as a window: it is the horizon that says which targets are not yet known.")
def gaps_of_windows(n, K, horizon, valid, test):
    return masks(n, K, horizon, valid, test, gap=K)


@time_split.mistake(
    "The gaps are taken from the later part: drop the last targets of the earlier one, so that the test stays whole."
)
def gaps_at_the_start(n, K, horizon, valid, test):
    s, v, h = n - test, n - test - valid, horizon
    return parts(n, (K - 1 + h, v - 1), (v + h - 1, s - 1), (s + h - 1, n - 1))


@time_split.mistake("The gaps are taken from both sides: drop the last targets of the earlier part alone.")
def gaps_on_both_sides(n, K, horizon, valid, test):
    s, v, h = n - test, n - test - valid, horizon
    return parts(n, (K - 1 + h, v - h), (v + h - 1, s - h), (s + h - 1, n - 1))


@time_split.mistake("The validation needs no whole window of its own: its inputs may lie in the training part.")
def windows_of_their_own(n, K, horizon, valid, test):
    s, v, h = n - test, n - test - valid, horizon
    first = K - 1 + h
    return parts(n, (first, v - h), (v + first, s - h), (s + first, n - 1))


@time_split.mistake("The test loses its last targets: there is nothing behind it to keep a gap from.")
def gap_at_the_end(n, K, horizon, valid, test):
    s, v, h = n - test, n - test - valid, horizon
    return parts(n, (K - 1 + h, v - h), (v, s - h), (s, n - 1 - h))


@time_split.mistake("The validation begins earlier, by its gap: `valid` is the length of the period, the gap included.")
def valid_without_gap(n, K, horizon, valid, test):
    return masks(n, K, horizon, valid + horizon - 1, test)


@time_split.mistake("True stands where a forecast is made: it belongs at its target, `horizon` steps later.")
def times_of_forecasts(n, K, horizon, valid, test):
    return tuple(np.roll(m, -horizon) for m in masks(n, K, horizon, valid, test))


@time_split.mistake("True stands where a window begins: it belongs at its target, behind the window.")
def starts_of_windows(n, K, horizon, valid, test):
    later = K - 1 + horizon
    return tuple(np.roll(m, -later) for m in masks(n, K, horizon, valid, test))


@time_split.mistake("The targets are shuffled: a split in time keeps the future out of the training part.")
def shuffled(n, K, horizon, valid, test):
    order = np.random.default_rng(0).permutation(n)
    return tuple(part[order] for part in masks(n, K, horizon, valid, test))


@time_split.mistake("These are the times themselves: a mask has an entry for every time, True or False.")
def times(n, K, horizon, valid, test):
    return tuple(np.flatnonzero(part) for part in masks(n, K, horizon, valid, test))


@time_split.mistake(
    "The masks have an entry for each window: they have one for each of the n times, also for the first without a window."
)
def of_windows(n, K, horizon, valid, test):
    return tuple(part[K - 1 + horizon :] for part in masks(n, K, horizon, valid, test))


# 7. scale

KNOWN = "known = x[:n_train]"
MEAN, DEVIATION = "np.nanmean(known, axis=(0, 1))", "np.nanstd(known, axis=(0, 1))"
CONSTANT = "np.where(deviation > 0, deviation, 1)"


def scaled_with(x, mean, deviation):
    deviation = np.where(deviation > 0, deviation, 1)
    return np.where(np.isnan(x), 0, (x - mean) / deviation), mean, deviation


slips(
    scale,
    {
        KNOWN: {
            "known = x": "The statistics are taken over all steps: only the first n_train may be known.",
            "known = x[-n_train:]": "The statistics are taken over the last n_train steps: the first ones are for training.",
            "known = x[n_train:]": "The statistics are taken over the later part: the first n_train steps are for training.",
            "known = x[:n_train, :1]": "The statistics are those of the first series: take them over all series.",
        },
        DEVIATION: {
            "np.nanstd(known, axis=(0, 1), ddof=1 if len(known) * known.shape[1] > 1 else 0)": "The deviation divides by one less than the number of values: here the squares are averaged plainly.",
            "np.sqrt(np.nanmean(known**2, axis=(0, 1)))": "The deviation is taken from 0: it says how far values lie from their mean.",
            "np.nanmean(np.abs(known - mean), axis=(0, 1))": "The deviation is the mean absolute distance from the mean: the standard deviation is made with squares, so that large distances count for more.",
            "np.nanmax(known, axis=(0, 1)) - np.nanmin(known, axis=(0, 1))": "The deviation is the whole range of the values: that is set by the two most extreme ones alone.",
        },
        MEAN: {"np.nanmedian(known, axis=(0, 1))": "The median stands for the mean."},
        CONSTANT: {
            "deviation": "A feature that is constant in the training part is divided by 0: divide it by 1.",
            "deviation + 1e-8": "A small number stands in for a deviation of 0: a feature that moves later is then blown up to millions.",
            "np.maximum(deviation, 1)": "Deviations below 1 are replaced by 1 as well: only a deviation of 0 is.",
        },
        "np.where(np.isnan(x), 0, scaled)": {
            "scaled": "The missing values are still NaN after scaling: they become 0.",
            "np.where(np.isnan(x), -mean / deviation, scaled)": "Missing values are 0 before scaling: they then look like a measured 0, far from the mean.",
            "np.where(np.isnan(x), mean, scaled)": "Missing values are replaced by the mean after scaling: there the mean is 0.",
        },
        "(x - mean) / deviation": {
            "x / deviation": "The mean is not taken off.",
            "x / deviation - mean": "The mean is taken off after the division: take it off first.",
            "x - mean": "The mean is taken off, but nothing is divided by the deviation.",
            "(x - mean) * deviation": "The deviation is multiplied, not divided by.",
            "np.concatenate([(known - mean) / deviation, x[n_train:]])": "The later part is left as it was: the numbers of the training part scale all steps.",
            "(x - mean) / deviation * (np.nanstd(known, axis=(0, 1)) > 0)": "A feature that is constant in training is 0 at all later steps too: take off its mean and divide by 1.",
        },
        "return np.where(np.isnan(x), 0, scaled) -> return np.where(np.isnan(x), 0, scaled)[:n_train]": "Only the training part is returned: the numbers fitted there scale all steps.",
        "scaled), mean, deviation -> scaled), mean, np.nanstd(known, axis=(0, 1))": "The deviation returned for a constant feature is 0: return the 1 that was divided by.",
    },
)


@scale.mistake("One mean and one deviation serve all features: each feature has its own.")
def one_for_all(x, n_train):
    features = np.ones(x.shape[2])
    mean, deviation = np.nanmean(x[:n_train]), np.nanstd(x[:n_train])
    return scaled_with(x, mean * features, deviation * features)


@scale.mistake("Missing values count as 0 in the mean and the deviation: they do not count at all.")
def zeros_count(x, n_train):
    filled = np.nan_to_num(x[:n_train])
    return scaled_with(x, filled.mean(axis=(0, 1)), filled.std(axis=(0, 1)))


@scale.mistake("Sums over the values that are there are divided by the number of all: missing values count in neither.")
def divided_by_all(x, n_train):
    known = x[:n_train]
    size = n_train * x.shape[1]
    mean = np.nansum(known, axis=(0, 1)) / size
    deviation = np.sqrt(np.nansum((known - mean) ** 2, axis=(0, 1)) / size)
    return scaled_with(x, mean, deviation)


@scale.mistake(
    "Missing values are filled with the mean before the deviation is taken, which makes it too small: they do not count."
)
def filled_with_mean(x, n_train):
    mean = np.nanmean(x[:n_train], axis=(0, 1))
    filled = np.where(np.isnan(x[:n_train]), mean, x[:n_train])
    return scaled_with(x, mean, filled.std(axis=(0, 1)))


@scale.mistake("Steps at which any value is missing are dropped: the other values of that step count.")
def complete_steps(x, n_train):
    known = x[:n_train]
    known = known[~np.isnan(known).any(axis=(1, 2))]
    return scaled_with(x, known.mean(axis=(0, 1)), known.std(axis=(0, 1)))


@scale.mistake("The statistics are NaN: a plain mean over missing values is missing itself.")
def nan_spreads(x, n_train):
    mean, deviation = x[:n_train].mean(axis=(0, 1)), x[:n_train].std(axis=(0, 1))
    deviation = np.where(deviation == 0, 1, deviation)
    return np.nan_to_num((x - mean) / deviation), mean, deviation


@scale.mistake(
    "The statistics are NaN, and so is all that was scaled with them: a plain mean over missing values is missing itself."
)
def nan_everywhere(x, n_train):
    mean, deviation = x[:n_train].mean(axis=(0, 1)), x[:n_train].std(axis=(0, 1))
    deviation = np.where(deviation == 0, 1, deviation)
    return (x - mean) / deviation, mean, deviation


@scale.mistake("Every series has statistics of its own: they are shared, so take the mean over steps and series.")
def per_series(x, n_train):
    known = x[:n_train]
    return scaled_with(x, np.nanmean(known, axis=0), np.nanstd(known, axis=0))


@scale.mistake(
    "The statistics of the series are averaged: take one mean and one deviation over the values of all series."
)
def averaged_over_series(x, n_train):
    mean, deviation = (
        np.nanmean(x[:n_train], axis=0),
        np.nanstd(x[:n_train], axis=0),
    )
    return scaled_with(x, mean.mean(axis=0), deviation.mean(axis=0))


@scale.mistake(
    "The statistics are taken over series and features: each feature has its own, and the series share them."
)
def wrong_axes(x, n_train):
    known = x[:n_train]
    return scaled_with(x, np.nanmean(known, axis=(1, 2)), np.nanstd(known, axis=(1, 2)))


@scale.mistake("The later part is scaled with statistics of its own: those of the training part are used everywhere.")
def each_with_its_own(x, n_train):
    scaled, mean, deviation = with_weights(x, n_train)
    later = with_weights(x[n_train:], len(x) - n_train)[0]
    return np.concatenate([scaled[:n_train], later]), mean, deviation


@scale.mistake("The values are brought to the range from 0 to 1: mean 0 and deviation 1 are asked for.")
def to_the_unit_range(x, n_train):
    low = np.nanmin(x[:n_train], axis=(0, 1))
    return scaled_with(x, low, np.nanmax(x[:n_train], axis=(0, 1)) - low)
