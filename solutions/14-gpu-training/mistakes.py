"""Known mistakes of unit 14-gpu-training."""

import numpy as np
from checks import floor, joined, keeping, loading, update, where

from rnncourse.authoring import mistakes, slips

# 1. scaled_update

slips(
    update,
    {
        "dw / scale": {
            "dw": "Every gradient gets the norm `clip`: short ones are stretched, or the scaling was not undone before the clipping.",
        },
        "np.isfinite(g).all()": {
            "np.isfinite(g).any()": "An overflow is not noticed: one entry that is not finite is enough to skip the whole step.",
            "np.isinf(g).any() == False": "NaN is not noticed: an overflow may arrive as infinity or as NaN.",
            "np.isnan(g).any() == False": "Infinity is not noticed: an overflow may arrive as infinity or as NaN.",
        },
        "return w, scale / 2, 0": {
            "return w, scale, 0": "After an overflow the scale stays: the next step would overflow again.",
            "return w, scale / 2, good": "A skipped step does not break the row: after an overflow the count begins anew.",
            "return w, scale / 2, good + 1": "A skipped step is counted as a good one.",
        },
        "g * (clip / max(clip, np.linalg.norm(g)))": {
            "np.clip(g, -clip, clip)": "Each entry is clipped by itself, which turns the gradient: shorten the vector as a whole.",
            "g * (clip / np.linalg.norm(g))": "Every gradient gets the norm `clip`, even the zero one, which has no direction: only longer ones are shortened.",
            "g / max(1, np.linalg.norm(g) / (1 if np.linalg.norm(g) > clip else np.inf))": "A long gradient gets the norm 1 and not the norm `clip`.",
            "g * (clip / max(clip, np.linalg.norm(dw)))": "The norm is that of the scaled gradient: nearly every step is clipped, to almost nothing.",
            "g * (clip / max(clip, np.linalg.norm(g) ** 2))": "The square of the norm is taken for the norm.",
        },
        "if good == interval:\n        return w, scale * 2, 0": {
            "if good > interval:\n        return w, scale * 2, 0": "The scale grows one step late: it doubles with good step number `interval`.",
            "if good == interval:\n        return w, scale * 2, good": "The count goes on after the scale has grown: it begins anew.",
        },
    },
)


def repaired(w, dw, scale, good, clip, lr, interval):
    finite = np.isfinite(dw).all()
    g = np.nan_to_num(dw / scale, nan=0.0, posinf=0.0, neginf=0.0)
    w = w - lr * g * (clip / max(clip, np.linalg.norm(g)))
    if not finite:
        return w, scale / 2, 0
    return (w, scale * 2, 0) if good + 1 == interval else (w, scale, good + 1)


mistakes(
    update,
    repaired=(
        "After an overflow the finite entries are used all the same: the whole step is to be skipped.",
        repaired,
    ),
)

# 2. gru_floor

slips(
    floor,
    {
        "operations = 2 * T * B": {
            "operations = 2 * T": "The batch is missing from the operations: each sequence has its own product.",
        },
        "B * 3 * H * (I + H)\n": {
            "B * 4 * H * (I + H)\n": "Four blocks are computed: the GRU has three.",
            "B * 3 * H * H\n": "The product with the input is missing from the operations.",
        },
        "3 * H * H if resident else T * 3 * H * H": {
            "T * 3 * H * H if resident else 3 * H * H": "The two cases are exchanged: W_h that stays on the chip comes in once.",
            "3 * H * H if resident else T * B * 3 * H * H": "W_h comes in for each sequence: all sequences of a batch use it while it is there.",
            "0 if resident else T * 3 * H * H": "W_h is free if it stays on the chip: it has to get there once.",
            "3 * H * H if resident else (T + 1) * 3 * H * H": "W_h comes in once more than there are steps.",
        },
        "T * B * (I + H) + 3": {
            "T * B * I + 3": "The states are not written: they are what the layer is for.",
            "T * B * H + 3": "The input is not read.",
            "T * B * (I + 2 * H) + 3": "The states go through memory twice: each number is counted once.",
        },
        "3 * H * I + W_h + 2 * 3 * H": {
            "3 * H * I + W_h + 3 * H": "One bias is missing: PyTorch's layer has two.",
            "(3 * H * I + 2 * 3 * H) * (1 if resident else T) + W_h": "All weights come in at every step: only W_h does, the others are used for all steps at once.",
        },
        "max(compute, memory)": {
            "compute + memory": "The two times are added: a processor computes while it moves data, so the slower one decides.",
            "min(compute, memory)": "The faster one is taken: nothing is finished before the slower one.",
        },
    },
)


def in_seconds(T, B, I, H, size, flops, bandwidth, resident):  # noqa: E741
    W_h = 3 * H * H if resident else T * 3 * H * H
    compute = 2 * T * B * 3 * H * (I + H) / flops
    memory = size * (T * B * (I + H) + 3 * H * I + W_h + 2 * 3 * H) / bandwidth
    return compute, memory, max(compute, memory)


mistakes(floor, in_seconds=("The times are in seconds: asked for are microseconds.", in_seconds))

# 3. joined_gradient


def right_gradient(means, tokens):
    return tokens[tokens > 0] @ means[tokens > 0] / tokens.sum()


def shares(means, tokens):
    return tokens / tokens.sum(), right_gradient(means, tokens)


def numbers_of_tokens(means, tokens):
    return 1.0 * tokens, right_gradient(means, tokens)


def over_workers_with_tokens(means, tokens):
    factors = len(tokens) * tokens / tokens.sum()
    return factors, factors[tokens > 0] @ means[tokens > 0] / (tokens > 0).sum()


def upside_down(means, tokens):
    some = tokens > 0
    factors = np.zeros(len(tokens))
    factors[some] = tokens.sum() / tokens[some] / len(tokens)
    return factors, factors[some] @ means[some] / len(tokens)


def unweighted(means, tokens):
    return np.ones(len(tokens)) * (tokens > 0), means[tokens > 0].mean(axis=0)


def with_zeros(means, tokens):
    return len(tokens) * tokens / tokens.sum(), np.nan_to_num(means).mean(axis=0)


def added(means, tokens):
    return len(tokens) * tokens / tokens.sum(), np.nan_to_num(means).sum(axis=0) / tokens.sum()


def added_up(means, tokens):
    return len(tokens) * tokens / tokens.sum(), tokens[tokens > 0] @ means[tokens > 0]


def of_busy_workers(means, tokens):
    some = tokens > 0
    factors = some.sum() * tokens / tokens.sum()
    return factors, factors[some] @ means[some] / some.sum()


slips(
    joined,
    {
        "factors = len(tokens) * tokens / tokens.sum()": {
            "factors = tokens / tokens.sum()": "The factors add up to 1: the all-reduce divides by K once more, so they have to add up to K.",
            "factors = tokens / tokens.max()": "The factors are relative to the largest worker: their sum depends on the others then.",
        },
        "factors[some] @ means[some]": {
            "factors @ means": "A worker without tokens spoils the gradient: 0 times NaN is NaN.",
        },
        "means[some] / len(tokens)": {
            "means[some]": "The gradient is K times too large: the all-reduce divides by the number of workers.",
            "means[some] / len(tokens) ** 2": "The gradient is divided by the number of workers twice.",
        },
    },
)
mistakes(
    joined,
    shares=(
        "The factors are the shares of the tokens: the all-reduce will still divide by the number of workers.",
        shares,
    ),
    numbers_of_tokens=(
        "The factors are the numbers of tokens: then the all-reduce does not give the mean over all tokens.",
        numbers_of_tokens,
    ),
    over_workers_with_tokens=(
        "The all-reduce divides by the number of all workers, and not of those that have tokens.",
        over_workers_with_tokens,
    ),
    upside_down=("The factors are upside down: a worker with more tokens has to count more, not less.", upside_down),
    unweighted=("Every worker with tokens counts the same: one with more tokens has to count more.", unweighted),
    with_zeros=(
        "The gradient is the plain average over the workers: that is what the factors are to mend.",
        with_zeros,
    ),
    added=("The mean gradients are divided by the number of tokens: they are means already.", added),
    added_up=("The gradient is that of the summed loss: divide by the number of all tokens.", added_up),
    of_busy_workers=(
        "Only workers with tokens are counted in the factors: the all-reduce divides by the number of all workers.",
        of_busy_workers,
    ),
)

# 4. pipeline


def serial(load, compute, ahead):
    return load.sum() + compute.sum(), load.sum()


def steady(load, compute, ahead):
    end = load.mean() + (len(load) - 1) * max(load.mean(), compute.mean()) + compute.mean()
    return end, end - compute.sum()


def loaders_wait(load, compute, ahead):
    loaded, done, idle, begun = 0.0, 0.0, 0.0, []
    for k in range(len(load)):
        place = begun[k - ahead] if k >= ahead else 0.0
        idle += max(0.0, place - loaded)
        loaded = max(loaded, place) + load[k]
        begun.append(max(done, loaded))
        done = begun[k] + compute[k]
    return done, idle


slips(
    loading,
    {
        "begun[k - ahead] if k >= ahead else 0.0": {
            "begun[k - ahead] + compute[k - ahead] if k >= ahead else 0.0": "A place is free only when its batch is computed: it is free as soon as the device takes the batch.",
        },
        "max(loaded, place) + load[k]": {
            "place + load[k]": "Several batches are loaded at the same time: the loader makes one after the other.",
            "loaded + max(place, load[k])": "A moment and a duration are compared: loading begins at the later of two moments, and takes its time from there.",
        },
        "begun.append(max(done, loaded))": {
            "begun.append(loaded)": "The device begins a batch before it has finished the one before.",
        },
        "waited += begun[k] - done\n": {
            "waited += begun[k] - done if k else 0.0\n": "The wait for the first batch is not counted.",
            "waited += loaded - done\n": "Batches that are ready early count as negative waiting.",
            "waited += begun[k] > done\n": "The batches that were waited for are counted, not the time.",
            "waited = max(waited, begun[k] - done)\n": "Only the longest wait is returned: asked for is the sum.",
        },
        "return done, waited": {
            "return begun[-1], waited": "The last batch is not computed: the end is when the device has finished it.",
            "return done, waited / done": "The waiting is returned as a share: asked for is the time.",
            "return done, done - load.sum()": "The loading is taken off the end: the device waits whenever it does not compute.",
        },
    },
)
mistakes(
    loading,
    serial=("Nothing overlaps: the next batch is loaded while the device computes.", serial),
    steady=("Means are used: a slow batch is waited for, a fast one does not give that time back.", steady),
    loaders_wait=("The time that the loader waits for a place is returned: asked for is the device.", loaders_wait),
)

# 5. where_time_goes


def added_durations(start, stop, long):
    whole = stop.max() - start.min()
    order = np.argsort(start)
    gaps = np.maximum(0.0, start[order][1:] - np.maximum.accumulate(stop[order])[:-1])
    return (stop - start).sum() / whole, gaps[gaps < long].sum() / whole, gaps[gaps >= long].sum() / whole


def as_they_come(start, stop, long):
    whole = stop.max() - start.min()
    gaps = np.maximum(0.0, start[1:] - np.maximum.accumulate(stop)[:-1])
    short, lengthy = gaps[gaps < long].sum() / whole, gaps[gaps >= long].sum() / whole
    return 1 - short - lengthy, short, lengthy


def numbers_of_gaps(start, stop, long):
    order = np.argsort(start)
    gaps = np.maximum(0.0, start[order][1:] - np.maximum.accumulate(stop[order])[:-1])
    whole = stop.max() - start.min()
    gaps = gaps[gaps > 0]
    share = (gaps >= long).mean() if len(gaps) else 0.0
    return 1 - gaps.sum() / whole, (1 - share) * (len(gaps) > 0), share


def shares_of_waiting(start, stop, long):
    order = np.argsort(start)
    gaps = np.maximum(0.0, start[order][1:] - np.maximum.accumulate(stop[order])[:-1])
    waiting = max(gaps.sum(), 1e-30)
    whole = stop.max() - start.min()
    return 1 - gaps.sum() / whole, gaps[gaps < long].sum() / waiting, gaps[gaps >= long].sum() / waiting


def between_starts(start, stop, long):
    whole = stop.max() - start.min()
    gaps = np.diff(np.sort(start))
    short, lengthy = gaps[gaps < long].sum() / whole, gaps[gaps >= long].sum() / whole
    return 1 - short - lengthy, short, lengthy


slips(
    where,
    {
        "end = max(end, stop[k])": {
            "end = stop[k]": "A short kernel inside a long one ends the busy time: the long one is still running.",
        },
        "if gap >= long:": {
            "if gap > long:": "A gap of exactly `long` is counted as a short one.",
        },
        "gap = max(0.0, start[k] - end)": {
            "gap = start[k] - end": "Overlaps count as negative gaps: where two kernels overlap there is no gap.",
        },
        "order = np.argsort(start)": {
            "order = np.argsort(stop)": "The rows are gone through by their ends: what begins next is decided by the starts.",
        },
        "long_gaps += gap": {
            "long_gaps += gap - long": "Only what exceeds `long` is counted of a long gap: the whole gap is spent waiting.",
        },
        "whole = stop.max() - start.min()": {
            "whole = stop.max()": "The time before the first kernel is counted: the profile begins with the first start.",
            "whole = stop[order[-1]] - start.min()": "The whole time ends with the kernel that started last: an earlier one may still be running then.",
            "whole = stop[-1] - start[0]": "The last row is taken for the last kernel: the rows are in no particular order.",
        },
        "return busy, short_gaps / whole, long_gaps / whole": {
            "return busy * whole, short_gaps, long_gaps": "Times are returned: asked for are shares of the whole time.",
        },
        "busy = 1 - (short_gaps + long_gaps) / whole": {
            "busy = 1 - long_gaps / whole": "Short gaps count as busy: in them nothing runs.",
        },
    },
)
mistakes(
    where,
    added_durations=(
        "The durations are added: where kernels overlap, the same time is counted twice.",
        added_durations,
    ),
    as_they_come=("The rows are taken in the order of the table: sort them by time first.", as_they_come),
    numbers_of_gaps=("The gaps are counted: asked for is the time spent in them.", numbers_of_gaps),
    shares_of_waiting=(
        "The gaps are shares of the waiting: asked for are shares of the whole time.",
        shares_of_waiting,
    ),
    between_starts=("The time from one start to the next is taken for a gap: the kernel runs in it.", between_starts),
)

# 6. checkpoint_memory

slips(
    keeping,
    {
        "-(-T // k) * state + k * kept": {
            "T // k * state + k * kept": "The last, shorter segment has no checkpoint: it needs one, too.",
            "(T // k + 1) * state + k * kept": "There is a segment too many if k divides T.",
            "-(-T // k) * kept + k * state": "States and steps are exchanged: at the boundaries states are kept, inside one segment the steps.",
            "-(-T // k) * (state + k * kept)": "All segments are kept at the same time: they are gone through one after the other.",
            "-(-T // k) * state": "The steps of the segment that is just computed again are missing.",
            "k * kept": "The checkpoints themselves are missing.",
            "(-(-T // k) - 1) * state + k * kept": "The state at the very beginning is not kept: the first segment is computed again, too.",
            "-(-T // k) * state + k * (kept + state)": "The states inside the segment are counted twice: they are among what a step keeps.",
        },
        "T * kept, peak": {
            "T * (kept + state), peak": "Without checkpoints no extra state is kept for each step.",
        },
        "min(range(1, T + 1), key=peak)": {
            "min(range(1, max(2, T)), key=peak)": "One segment of all T steps is not tried: with large states it is best.",
            "min(range(T, 0, -1), key=peak)": "Of several best lengths the largest is returned: asked for is the smallest.",
            "min(map(peak, range(1, T + 1)))": "The smallest peak is returned: asked for is the length that gives it.",
            "round(T**0.5)": "The square root of T is best only if a step keeps as much as a checkpoint.",
            "max(1, round((T * state / kept) ** 0.5))": "The square root is the best length of a smooth formula: segments are whole, so compare the lengths themselves.",
            "min((n for n in range(1, T + 1) if T % n == 0), key=peak)": "Only divisors of T are tried: the last segment may be shorter.",
        },
    },
)
