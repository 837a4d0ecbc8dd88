"""Known mistakes of unit 04-training-a-character-model."""

import numpy as np
from checks import (
    adamw,
    all_losses,
    back_through,
    bits,
    clip,
    decayed_then_moved,
    flat_and_back,
    from_a_list,
    in_nucleus,
    losses_of,
    nucleus,
    nucleus_draw,
    per,
    rates,
    softmax,
    truncated,
)

from rnncourse.authoring import slips

# 1. truncated_gradient

slips(
    truncated,
    {
        "if t >= start:": {
            "if t >= 0:": "The losses of earlier groups are sent back again: each group sends back the losses of its own k1 steps only.",
            "if t > start:": "The losses at the first step of each group are left out: t = s belongs to the group.",
            "if t == end - 1:": "Only the loss at the end of each group is sent back: each of its k1 steps has one.",
        },
        "max(end - k2, 0) - 1": {
            "start - 1": "The steps before the group add nothing: from the group's end the gradient goes back k2 steps, and each of them adds its product.",
            "max(start - k2, 0) - 1": "The k2 steps are counted from the beginning of the group: they are counted back from its end.",
            "max(end - k1 * k2, 0) - 1": "k2 counts groups: it counts steps.",
            "max(start + k1 - k2, 0) - 1": "The last, shorter group goes back too few steps: the k2 steps are counted back from its true end.",
            "end - k2 - 1": "The way back runs on past the first step: negative indices count from the end, so stop at index 0.",
            "max(end - k2, 0)": "The earliest step of each way back adds nothing: it is one of the k2 steps too (range leaves out its end).",
        },
        "delta @ W_h -> back @ W_h": "What is handed on has not gone through the slope: only what has passed the tanh goes on to the step before.",
        "(1 - h[t] ** 2) * back -> back": "The slope of tanh is missing: what arrives at a state has to pass the tanh that made it.",
        "(1 - h[t] ** 2)": {
            "(1 - h[t])": "The square is missing in the slope of tanh: tanh is as steep at -h as it is at h.",
            "h[t] * (1 - h[t])": "The slope is that of the logistic function: these states come from a tanh.",
            "(1 - np.tanh(h[t]) ** 2)": "tanh is applied to h once more in the slope: h is behind it already.",
            "(1 - before[t] ** 2)": "The slope is taken at the state of the step before: it was another tanh that made that one.",
        },
        "before[t]": {
            "h[t]": "The state of the same step is used: W_h acts on the state of the step before.",
            "h[t - 1]": "Before the first step of all stands the last state: h[-1] is the end, and h0 comes before h[0].",
            "(h0 if t == max(end - k2, 0) else before[t])": "h0 stands at the start of every way back: it belongs to step 1 alone.",
        },
        "delta.T @ before[t]": {
            "np.outer(delta.sum(axis=0), before[t].sum(axis=0))": "The batch is summed before the product: the products of the sequences are summed.",
            "delta[:1].T @ before[t][:1]": "Only the first sequence counts: the gradient is a sum over the batch.",
        },
        "range(0, T, k1) -> range(0, T - k1 + 1, k1)": "The last group is left out when it is shorter than k1: its losses count too.",
        "return dW_h": {
            "return dW_h / h.shape[1]": "The gradient is averaged over the batch: it is a sum over the sequences.",
            "return dW_h / T": "The gradient is averaged over the steps: it is a sum.",
            "return dW_h / (T * len(h0))": "The gradient is averaged over steps and sequences: it is a sum over both.",
            "return dW_h / len(range(0, T, k1))": "The gradient is averaged over the groups: they add up.",
        },
        "for start in range(0, T, k1):\n        end = min(start + k1, T)": {
            "for end in range(T, 0, -k1):\n        start = max(end - k1, 0)": "The groups are laid from the end of the text: they begin at the first step, and only the last may be short.",
        },
        "back = back + dh[t]\n            delta = (1 - h[t] ** 2) * back": {
            "back = back + (1 - h[t] ** 2) * dh[t]\n            delta = back": "The slope multiplies the direct gradient alone: what comes back from the step after goes through it too."
        },
        "delta = (1 - h[t] ** 2) * back -> delta = (1 - h[t] ** 2) * back if t >= start else back": "The slope is missing on the steps before the group: the gradient goes through the tanh of every step.",
        "back = np.zeros_like(h0)": {
            "back = np.zeros_like(h0) if start == 0 else back": "What comes back is not set to zero between the groups: each starts with nothing at its own end.",
            "back, dW_h = np.zeros_like(h0), np.zeros_like(W_h)": "Only the last group counts: the groups add up.",
        },
        "range(end - 1, -> range(end - 2,": "The last step of each group is left out: the way back begins at e itself.",
        "end = min(start + k1, T)\n": {
            "end = min(start + k1, T)\n        start = max(end - k1, 0)\n": "The last group is filled up to k1 steps: it may be shorter, and each loss belongs to one group."
        },
    },
)


@truncated.mistake("Every loss goes back exactly k2 steps: all losses of one group stop at the same step.")
def each_loss_alone(h0, h, dh, W_h, k1, k2):
    return back_through(h0, h, dh, W_h, 1, k2)


# 2. adamw_step

slips(
    adamw,
    {
        "(1 - lr * decay)": {
            "(1 - decay)": "The decay is not multiplied by the learning rate: it is then as strong with small steps as with large ones.",
            "lr * decay": "The weights keep what they should lose: after a single step hardly anything of them is left.",
        },
        "m = beta1 * m": {
            "g = g + decay * w\n    decay = 0.0\n    m = beta1 * m": "The decay is added to the gradient, as in Adam with L2: then it is divided by the root of v like everything else.",
        },
        "m / (1 - beta1**t) -> m": "The mean m is not corrected: it began at zero, so in the first steps it is too small.",
        "v / (1 - beta2**t)": {
            "v": "The mean square v is not corrected: it began at zero, so in the first steps it is too small.",
            "v / (1 - beta1**t)": "v is corrected with beta1: each average has its own beta.",
        },
        "mean = m / (1 - beta1**t)": {
            "t = t - 1\n    mean = m / (1 - beta1**t)": "The corrections are those of the step before: the first step has t = 1, not 0.",
        },
        "(np.sqrt(square) + eps)": {
            "np.sqrt(square + eps)": "eps stands under the root: there a small one counts for much more.",
            "np.maximum(np.sqrt(square), eps)": "eps is taken as a least value of the root: it is added to it.",
        },
        "np.sqrt(square) -> square": "The root is missing under m: the step is then not free of the gradient's scale.",
        "(1 - beta2) * g**2": {
            "(1 - beta2) * g": "v averages the gradient, not its square: the square is missing.",
            "(1 - beta2) * np.abs(g)": "v averages the size of the gradient: it averages the square.",
            "(1 - beta2) * m**2": "v averages the square of m: it averages the square of the gradient.",
        },
        "(1 - beta1) * g\n": {"g\n": "The gradient enters m whole: m is a mean, and the shares of a mean add up to 1."},
        "- lr * mean -> + lr * mean": "The step goes uphill: it is subtracted.",
        "(np.sqrt(square) + eps), m, v -> (np.sqrt(square) + eps), mean, square": "The corrected averages are returned: m and v go on without the correction.",
        "+ eps), m, v": {
            "+ eps), mean, v": "The corrected m is returned: m goes on without the correction.",
            "+ eps), m, square": "The corrected v is returned: v goes on without the correction.",
        },
        "return (1 - lr * decay) * w - lr * mean / (np.sqrt(square) + eps), m, v -> return (1 - lr * decay) * (w - lr * mean / (np.sqrt(square) + eps)), m, v": "The weights are decayed after the step: the decay applies to the weights as they were.",
        "(1 - lr * decay) * w - lr * mean / -> w - lr * (mean + decay * w) /": "The decay is added to m: then it is divided by the root of v like everything else; it belongs to w alone.",
        "(1 - lr * decay) * w - lr * mean -> w - lr / (1 + decay * t) * mean": "The decay shrinks the learning rate: it shrinks the weights.",
        "mean = m / (1 - beta1**t)\n    square = v / (1 - beta2**t)": {
            "mean = m / (1 - beta1 * t)\n    square = v / (1 - beta2 * t)": "In the corrections beta is multiplied by t: they then change their sign instead of fading."
        },
        "mean / (np.sqrt(square) + eps) -> mean * np.sqrt(1 - beta2**t) / (np.sqrt(v) + eps)": "eps is added before v is corrected: first the correction, then the root, then eps.",
        "m = beta1 * m + (1 - beta1) * g\n    v = beta2 * v + (1 - beta2) * g**2": {
            "m = (1 - beta1) * m + beta1 * g\n    v = (1 - beta2) * v + beta2 * g**2": "The shares of old and new are exchanged in both averages: with a beta near 1 they then hardly remember anything."
        },
        "lr * mean -> lr * g": "The step follows the gradient: it follows the average m.",
    },
)


@adamw.mistake("The step uses m and v as they were before: it uses the new averages.")
def old_averages(w, g, m, v, t, lr, beta1, beta2, eps, decay):
    _, new_m, new_v = decayed_then_moved(w, g, m, v, t, lr, beta1, beta2, eps, decay)
    step = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return (1 - lr * decay) * w - lr * step, new_m, new_v


# 3. clip_accumulated

slips(
    clip,
    {
        "counts / counts.sum()": {
            "np.ones(len(counts)) / len(counts)": "All micro-batches count alike: each has to count by its number of characters.",
            "counts": "The gradients are weighted by their characters but not divided by all of them: asked for is the mean.",
            "np.ones(len(counts))": "The gradients of the micro-batches are added up as they are: each is a mean, and has to count by its characters.",
            "np.ones(len(counts)) / counts.sum()": "The gradients are added up without their characters, though divided by all of them: each has to count n_i times.",
            "counts / len(counts)": "The weighted gradients are divided by the number of micro-batches: divide by all characters.",
            "1 / counts": "Each gradient is divided by its characters: it is a mean already, and counts n_i times.",
            "counts // counts.sum()": "The weights are rounded down: // leaves 0 of every share below 1.",
            "counts / sum(n for n, part in zip(counts, gradients) if any(np.any(g) for g in part))": "Micro-batches whose gradient is zero are left out of the number of characters: they count.",
        },
        "max_norm / max(norm, max_norm)": {
            "max_norm / norm": "Short gradients are made longer: if the norm is below the limit, nothing changes.",
            "1 / norm if norm > max_norm else 1.0": "The result is divided by the norm only: its length is then 1, whatever the limit.",
            "norm / max_norm if norm > max_norm else 1.0": "The factor is turned round: it has to be below 1 to make the gradient shorter.",
            "max_norm / norm**2 if norm > max_norm else 1.0": "The factor is divided by the norm once too often: the clipped gradient then misses the limit.",
            "max_norm / (norm + 1e-6) if norm > max_norm else 1.0": "A small number is added to the norm, as PyTorch does: here the clipped gradient has the norm max_norm.",
        },
        "np.sqrt(sum(np.sum(g**2) for g in total))": {
            "sum(np.sqrt(np.sum(g**2)) for g in total)": "The norms of the arrays are added up: lengths at right angles do not add, their squares do.",
            "max(np.sqrt(np.sum(g**2)) for g in total)": "The limit is on the longest array: the global norm takes all arrays together.",
            "np.sqrt(sum(np.sum(g**2) for g in total) / sum(g.size for g in total))": "The norm is divided by the number of entries (a root mean square): the norm is a sum.",
            "np.sqrt(np.sum(total[0] ** 2))": "The norm is that of the first array: it runs over all arrays.",
            "sum(np.sum(np.abs(g)) for g in total)": "The norm is the sum of the sizes of the entries: the length of a vector is made with squares.",
            "max(np.max(np.abs(g)) for g in total)": "The norm is the largest entry: the length of a vector takes in all of them.",
            "np.sqrt(sum(np.linalg.norm(g, 2) ** 2 for g in total))": "norm(g, 2) of a matrix is its largest singular value: the norm here takes in every entry.",
            "counts.sum() * np.sqrt(sum(np.sum(g**2) for g in total))": "The norm is taken before the sum is divided by the characters: it is that of the combined gradient.",
            "np.sqrt(sum(np.sum(g**2) for part in gradients for g in part))": "The norm runs over all micro-batches before they are put together: it is that of the combined gradient.",
            "np.sqrt(sum(np.sum(g**2) for g in gradients[0]))": "The norm is that of the first micro-batch: it is that of the combined gradient.",
            "sum(s * np.sqrt(sum(np.sum(g**2) for g in part)) for s, part in zip(share, gradients))": "The norm is the weighted mean of the micro-batches' norms: it is that of the combined gradient.",
        },
        "for g in total], norm": {
            "for g in total], scale * norm": "The norm after clipping is returned: asked for is the norm before.",
            "for g in total], np.mean([np.sqrt(sum(np.sum(g**2) for g in part)) for part in gradients])": "The norm that is returned is the mean of the micro-batches' norms: it is that of the combined gradient.",
        },
        "[scale * g for g in total]": {
            "[np.clip(g, -max_norm, max_norm) for g in total]": "Each entry is clipped to the range from -max_norm to max_norm: that turns the gradient.",
            "[min(1.0, max_norm / np.linalg.norm(g)) * g for g in total]": "Each array is clipped by its own norm: one factor for all keeps the direction.",
            "[g / norm * min(norm, max_norm) for g in total]": "A norm of 0 is divided by: 0/0 is NaN, and there is nothing to scale.",
        },
    },
)


def each_clipped(gradients, max_norm):
    return [flat_and_back([part], np.array([1]), max_norm)[0] for part in gradients]


@clip.mistake(
    "Each micro-batch is clipped before they are put together: the clip belongs to the gradient that is used."
)
def clipped_first(gradients, counts, max_norm):
    return flat_and_back(each_clipped(gradients, max_norm), counts, np.inf)


@clip.mistake(
    "Each micro-batch is clipped by itself, though the norm is right: the clip is that of the combined gradient."
)
def clipped_first_norm_right(gradients, counts, max_norm):
    clipped, _ = clipped_first(gradients, counts, max_norm)
    return clipped, flat_and_back(gradients, counts, max_norm)[1]


@clip.mistake("Only the first two micro-batches are used: their number is len(gradients).")
def first_two(gradients, counts, max_norm):
    total = [(counts[0] * g[0] + counts[1] * g[1]) / (counts[0] + counts[1]) for g in zip(*gradients, strict=True)]
    return flat_and_back([total], np.array([1]), max_norm)


# 4. learning_rates

slips(
    rates,
    {
        "peak * (k + 1) -> peak * k": "The warm-up begins at zero: with update 0 it has already taken its first step up.",
        "peak * (k + 1) / max(warmup, 1)": {
            "floor + (peak - floor) * (k + 1) / max(warmup, 1)": "The warm-up rises from the floor: it rises from zero, and the floor belongs to the cosine.",
            "peak * (k + 1 / max(warmup, 1))": "Only the 1 is divided by n_w: a bracket is missing.",
            "peak * ((k + 1) // max(warmup, 1))": "The warm-up is rounded down: // leaves 0 of every share below 1.",
        },
        "(k - warmup) / (total - warmup)": {
            "k / total": "The cosine begins with update 0: it begins where the warm-up ends.",
            "(k - warmup) / total": "The cosine takes `total` updates: it has only those that the warm-up leaves.",
            "(k + 1 - warmup) / (total - warmup)": "The cosine is one update ahead: update n_w has the peak.",
        },
        "np.minimum((k - warmup) / (total - warmup), 1.0) -> (k - warmup) / (total - warmup)": "After the last update the rate rises again: from `total` on it stays at the floor.",
        "(peak - floor) * (1 + np.cos(np.pi * done)) / 2 -> peak * (1 + np.cos(np.pi * done)) / 2": "The floor is added on top: at the start of the cosine the rate should be the peak.",
        "(1 + np.cos(np.pi * done)) / 2": {
            "(1 - done)": "The rate falls in a straight line: asked for is half a cosine.",
            "(1 + np.cos(np.pi * done))": "The cosine stands twice too far above the floor: it has to begin at the peak.",
            "np.cos(np.pi / 2 * done)": "A quarter of a cosine is used: it arrives at the floor steeply, half a period levels off at both ends.",
        },
        "np.cos(np.pi * done) -> np.cos(2 * np.pi * done)": "A whole cosine falls and rises again: asked for is half a period.",
        "np.where(k < warmup, rising, falling)": {
            "np.where(k < 0, rising, floor + (peak - floor) * (1 + np.cos(np.pi * np.clip(done, 0, 1))) / 2)": "There is no warm-up: in the first updates the rate has to rise.",
            "np.where(k < warmup, rising, floor)": "The rate falls to the floor at once: between the peak and the floor lies half a cosine.",
            "np.maximum(np.where(k < warmup, rising, falling), floor)": "The floor holds in the warm-up too: there the rate rises from near zero, the floor bounds the cosine.",
            "np.where(k < warmup, rising, np.where(k < total - 1, falling, floor))": "The last update before `total` is at the floor already: the floor begins with k = n.",
            "np.where(k < warmup, rising, np.where(k < total, falling, 0.0))": "After the last update the rate is zero: from `total` on it stays at the floor.",
            "np.where(k < warmup, rising, np.where(k < total, falling, peak))": "After the last update the rate is the peak: from `total` on it stays at the floor.",
        },
        "max(warmup, 1) -> (warmup + 1)": "The warm-up counts its updates from 1 to n_w + 1: update n_w - 1 should have the peak.",
        "np.where(k < warmup, rising": {
            "np.where(k <= warmup, rising": "The warm-up ends one update too late: update n_w is the first of the cosine.",
            "np.where(k < warmup - 1, rising": "The warm-up ends one update too early: update n_w - 1 is its last, and has the peak.",
        },
        "rising = ": {
            "k = np.arange(len(k))\n    rising = ": "Rate i belongs to place i of k: it belongs to the update k[i].",
            "k = np.sort(k)\n    rising = ": "k is sorted: the rates are asked for in the order of k.",
        },
        "(peak - floor) -> (peak + floor)": "peak and floor are added in the cosine: it then begins above the peak.",
    },
)


def in_branches(k, warmup, total, floor, rise, fall, first=0):
    """The three cases as masks: `rise` for k < warmup + first, `fall` until total, then the floor."""
    out = np.full(len(k), float(floor))
    early, middle = k < warmup + first, (k >= warmup + first) & (k < total)
    if warmup:
        out[early] = rise(k[early])
    out[middle] = fall(k[middle])
    return out


def wrong_fall(hint, fall):
    """A mistake between warm-up and `total`: there the rate is fall(k, peak, warmup, total, floor)."""

    @rates.mistake(hint)
    def schedule(k, peak, warmup, total, floor):
        return in_branches(
            k, warmup, total, floor, lambda k: peak * (k + 1) / warmup, lambda k: fall(k, peak, warmup, total, floor)
        )


def half_cosine(angle, peak, floor):
    return floor + (peak - floor) / 2 * (1 + np.cos(angle))


wrong_fall(
    "The fall is laid out for all n updates, the warm-up included: it stops short of the floor and then jumps.",
    lambda k, peak, warmup, total, floor: half_cosine(np.pi * (k - warmup) / total, peak, floor),
)
wrong_fall(
    "The cosine does not begin where the warm-up ends: there the rate should be the peak.",
    lambda k, peak, warmup, total, floor: half_cosine(np.pi * k / (total - warmup), peak, floor),
)
wrong_fall(
    "A whole period of the cosine is run through before the rate jumps to the floor: half of one ends there.",
    lambda k, peak, warmup, total, floor: half_cosine(2 * np.pi * (k - warmup) / (total - warmup), peak, floor),
)
wrong_fall(
    "pi is missing in the cosine: half a turn has to be gone through, and this stops at one radian.",
    lambda k, peak, warmup, total, floor: half_cosine((k - warmup) / (total - warmup), peak, floor),
)
wrong_fall(
    "The angle is in degrees: np.cos takes radians.",
    lambda k, peak, warmup, total, floor: half_cosine(180 * (k - warmup) / (total - warmup), peak, floor),
)
wrong_fall(
    "A sine stands where the cosine belongs: the fall has to begin at the peak, not halfway.",
    lambda k, peak, warmup, total, floor: half_cosine(np.pi * (k - warmup) / (total - warmup) - np.pi / 2, peak, floor),
)
wrong_fall(
    "The fall is upside down: it has to begin at the peak and end at the floor.",
    lambda k, peak, warmup, total, floor: half_cosine(np.pi * (k - warmup) / (total - warmup), floor, peak),
)
wrong_fall(
    "The floor is not added: the cosine falls from the peak to the floor.",
    lambda k, peak, warmup, total, floor: half_cosine(np.pi * (k - warmup) / (total - warmup), peak - floor, 0),
)
wrong_fall(
    "The cosine falls from the peak to zero and then jumps to the floor: it ends at the floor.",
    lambda k, peak, warmup, total, floor: half_cosine(np.pi * (k - warmup) / (total - warmup), peak, 0),
)


@rates.mistake(
    "Update n_w belongs to the warm-up here, and if there is none, update 0 to nothing: n_w is the first of the cosine."
)
def one_more_in_warmup(k, peak, warmup, total, floor):
    def fall(k):
        return half_cosine(np.pi * (k - warmup) / (total - warmup), peak, floor)

    return in_branches(k, warmup, total, floor, lambda k: peak * (k + 1) / warmup, fall, first=1)


@rates.mistake("The warm-up is a factor on a cosine from update 0: first the rise alone, then the cosine from there.")
def factor_on_cosine(k, peak, warmup, total, floor):
    falling = half_cosine(np.pi * np.clip(k / total, 0, 1), peak, floor)
    return np.minimum((k + 1) / max(warmup, 1), 1) * falling


@rates.mistake(
    "A warm-up of 0 updates is divided by, and infinity times a mask of zeros is NaN: choose, or divide by 1."
)
def masks_multiplied(k, peak, warmup, total, floor):
    rising = peak * (k + 1) / np.float64(warmup)
    falling = half_cosine(np.pi * (k - warmup) / (total - warmup), peak, floor)
    return rising * (k < warmup) + falling * ((k >= warmup) & (k < total)) + floor * (k >= total)


@rates.mistake("The cosine is cut off below the floor: it has to be squeezed in between peak and floor.")
def cut_at_floor(k, peak, warmup, total, floor):
    done = np.clip((k - warmup) / (total - warmup), 0, 1)
    falling = np.maximum(peak * (1 + np.cos(np.pi * done)) / 2, floor)
    return np.where(k < warmup, peak * (k + 1) / max(warmup, 1), falling)


# 5. bits_per_character

slips(
    bits,
    {
        "/ np.log(2) -> * np.log(2)": "Nats are turned into bits the wrong way: a bit is the smaller unit, so the number should be larger.",
        "np.log(2) -> np.log(10)": "The base of the logarithm is 10: bits have the base 2.",
        "np.mean(losses)": {
            "np.sum(losses)": "The losses are summed: asked for is the mean per character.",
            "np.mean(losses) * ids.shape[1]": "The losses are summed over the streams: asked for is the mean per character, over streams too.",
            "np.mean(losses[-1])": "Only the last step counts: the mean runs over all predictions after the warm-up.",
        },
        "ids[t + 1] -> ids[t]": "The model is scored on the character that it has just read: the target is the next one.",
        "log_p, h = model(ids[t], h)": {
            "log_p, _ = model(ids[t], h)": "The state is not carried: every step must receive the state that the step before returned.",
            "h = model(ids[t], h)[1]\n        log_p = model(ids[t], h)[0]": "The model is called twice per step, each time with the new state: the state moves on once per character.",
        },
        "h, losses = h0, [] -> h, losses = np.repeat(h0[:1], len(h0), axis=0), []": "All streams begin with the first state: row b of h0 belongs to stream b.",
        "if t >= warm:": {
            "if t > warm:": "One prediction too many is left out: prediction number `warm`, counted from 0, counts.",
            "if t < len(ids) - 1 - warm:": "The predictions that are left out are at the end: they are the first of each stream.",
            "if t < warm:": "Only the predictions of the warm-up count: they are those that are left out.",
        },
        "for t in range(len(ids) - 1):": {
            "for t in range(warm, len(ids) - 1):": "The first characters leave no trace in the state: the model has to read them, and to keep the state it gains.",
            "for t in range(len(ids) - 2):": "The last prediction of each stream is left out: rows 1 to T are targets.",
        },
        "-log_p[columns, ids[t + 1]]": {
            "-log_p[0, ids[t + 1, 0]]": "Only the first stream is judged: the mean runs over all of them.",
            "-log_p[:, ids[t + 1]]": "All streams are judged by all targets: of each stream's row one number counts, that of its own target.",
            "-log_p[0, ids[t + 1]]": "The first stream's probabilities are taken for all streams: each has its own row of log_p.",
            "-log_p.max(axis=1)": "The most likely character is scored: the loss is that of the character that comes.",
            "-(np.exp(log_p) * log_p).sum(axis=1)": "The entropy of the prediction is taken: the loss is that of the character that comes.",
            "-np.log(log_p[columns, ids[t + 1]])": "A second logarithm is taken: the model gives log probabilities.",
            "-np.log(-log_p[columns, ids[t + 1]])": "A second logarithm is taken, of the losses: the model gives log probabilities already.",
            "-log_p[columns, ids[t + 1]] / log_p.shape[1]": "The losses are divided by the number of characters in the vocabulary: the mean runs over the predictions.",
        },
        "np.mean(losses) / np.log(2)": {
            "np.exp(np.mean(losses))": "The perplexity is returned: asked for are bits.",
            "np.log2(np.mean(losses))": "The logarithm of the mean loss is returned: another unit is a constant factor, the losses are logarithms already.",
        },
    },
)


@bits.mistake("The last `warm` predictions are kept: the first `warm` are left out, and all others kept.")
def last_ones(model, ids, h0, warm):
    return all_losses(model, ids, h0)[-warm:].mean() / np.log(2)


@bits.mistake("`warm` predictions are left out in all: of each stream `warm` are.")
def warm_in_all(model, ids, h0, warm):
    return all_losses(model, ids, h0).ravel()[warm:].mean() / np.log(2)


@bits.mistake(
    "The characters are counted, not the predictions: T + 1 rows give T predictions, `warm` of them left out."
)
def by_characters(model, ids, h0, warm):
    losses = all_losses(model, ids, h0)[warm:]
    return losses.sum() / losses.shape[1] / (len(losses) + 1) / np.log(2)


@bits.mistake("The last character is followed by the first: it has no target.")
def wrapped_round(model, ids, h0, warm):
    return all_losses(model, np.concatenate([ids, ids[:1]]), h0)[warm:].mean() / np.log(2)


@bits.mistake("The streams are read one after the other: they run side by side, each from its own row of h0.")
def one_long_text(model, ids, h0, warm):
    return all_losses(model, ids.T.reshape(-1, 1), h0[:1])[warm:].mean() / np.log(2)


@bits.mistake(
    "The model reads the target and is scored on the character before: it reads ids[t], and ids[t + 1] is next."
)
def one_ahead(model, ids, h0, warm):
    return losses_of(model, ids[1:], ids[:-1], h0)[warm:].mean() / np.log(2)


@bits.mistake("The probabilities are averaged before the logarithm: the losses are averaged.")
def mean_probability(model, ids, h0, warm):
    return -np.log2(np.exp(-all_losses(model, ids, h0)[warm:]).mean())


@bits.mistake("The warm-up predictions count as zeros: they are left out of the number that is divided by, too.")
def counted_as_zero(model, ids, h0, warm):
    T = len(ids) - 1
    return from_a_list(model, ids, h0, warm) * (T - warm) / T


# 6. sample_top_p

slips(
    nucleus,
    {
        "np.cumsum(q, axis=1) - q < top_p": {
            "(np.cumsum(q, axis=1) < top_p) | (np.arange(q.shape[1]) == 0)": "The character that crosses p is dropped: it belongs to the set, or the kept probabilities do not reach p.",
            "np.arange(q.shape[1]) <= np.sum(np.cumsum(q, axis=1) - q < top_p, axis=1, keepdims=True)": "One character too many is kept: the one that brings the sum to p is the last.",
            "(np.cumsum(q, axis=1) - q < top_p)[:1]": "All rows have a nucleus of the first row's size: each has its own.",
            "np.broadcast_to(np.arange(q.shape[1]) < np.ceil(top_p * q.shape[1]), q.shape)": "p is taken as a share of the characters: it bounds the sum of their probabilities.",
            "q >= top_p * q[:, :1]": "Kept is what reaches a share p of the largest probability: that is min-p; here p bounds the sum.",
        },
        "np.take_along_axis(order, place[:, None], axis=1)[:, 0] -> place": "The place in the sorted order is returned: asked for is the id of the character at that place.",
        "np.argsort(-q, axis=1) -> np.argsort(q, axis=1)": "The probabilities are sorted from the smallest: the nucleus begins with the largest.",
        "(z - z.max(axis=1, keepdims=True)) / temperature -> z / temperature": "The softmax is computed as written, and exp overflows for large logits: take the largest off first.",
        "place = np.sum(running <= u[:, None] * running[:, -1:], axis=1) -> place = 0 * np.sum(kept, axis=1)": "Always the most likely character is returned: u decides within the nucleus (and p bounds a sum of probabilities, which exp alone does not give).",
        "u[:, None] * running[:, -1:] -> u[0] * running[:, -1:]": "All rows use the first uniform number: each has its own.",
        "np.cumsum(q * kept, axis=1)": {
            "np.cumsum(1.0 * kept, axis=1)": "All characters of the nucleus are taken as equally likely: they keep their proportions.",
            "np.cumsum(np.exp(q) * kept, axis=1)": "A second softmax goes over the kept probabilities: divide them by their sum.",
        },
        "running[:, -1:] -> top_p": "The kept probabilities are divided by p: their sum is larger.",
        "np.take_along_axis(order, place -> np.take_along_axis(np.argsort(order, axis=1), place": "The rank of a character is returned: asked for is the character that has this rank.",
        "place[:, None]": {
            "np.minimum(place + 1, kept.sum(axis=1) - 1)[:, None]": "The character after the right one is taken: it is the first whose running sum exceeds u.",
            "np.maximum(place - 1, 0)[:, None]": "The character before the right one is taken: it is the first whose running sum exceeds u.",
        },
        "running <= u[:, None] * running[:, -1:] -> (running <= u[:, None] * running[:, -1:]) & (u[:, None] < 1 - 1e-9)": "Where the running sum stays just below u, the first character is taken: take the last one kept.",
    },
)


@nucleus.mistake(
    "The kept probabilities are not divided by their sum: large u then falls outside, or on the last one kept."
)
def kept_not_divided(z, u, temperature, top_p):
    q = softmax(z / temperature)
    kept = in_nucleus(q, top_p)
    return nucleus_draw(q, kept, np.minimum(1.0, u / np.sum(q * kept, axis=1)))


@nucleus.mistake("The softmax runs over the whole array: every row has a sum of its own.")
def softmax_over_all(z, u, temperature, top_p):
    q = np.exp(z / temperature - np.max(z / temperature))
    q /= q.sum()
    return nucleus_draw(q, in_nucleus(q, top_p), u)


@nucleus.mistake("The softmax runs down the batch: each row is one choice, and its probabilities add up to 1.")
def softmax_down_the_batch(z, u, temperature, top_p):
    q = softmax(z.T / temperature).T
    order = np.argsort(-q, axis=1, kind="stable")  # in a batch of one all are equal
    ranked = np.take_along_axis(q, order, axis=1)
    kept = np.cumsum(ranked, axis=1) - ranked < top_p
    return np.take_along_axis(order, drawn_by_id(ranked, kept, u)[:, None], axis=1)[:, 0]


@nucleus.mistake("The nucleus is right, but drawn from at temperature 1: the temperature holds for the draw too.")
def drawn_at_temperature_1(z, u, temperature, top_p):
    return nucleus_draw(softmax(z), in_nucleus(softmax(z / temperature), top_p), u)


@nucleus.mistake(
    "With top_p = 1 characters are lost: a rounded running sum may stop just below 1, or reach it too early."
)
def lost_by_rounding(z, u, temperature, top_p):
    q = softmax(z / temperature)
    return nucleus_draw(q, in_nucleus(q, top_p if top_p < 1 else 0.5), u)


def drawn_by_id(q, kept, u):
    """The place in each row at which the running sum of the kept ones exceeds u."""
    q = np.where(kept, q, 0)
    running = np.cumsum(q, axis=1)
    return np.sum(running <= u[:, None] * running[:, -1:], axis=1)


@nucleus.mistake("The draw goes along the ids: it goes from the most to the least likely.")
def in_order_of_ids(z, u, temperature, top_p):
    q = softmax(z / temperature)
    return drawn_by_id(q, in_nucleus(q, top_p), u)


@nucleus.mistake("The nucleus is found before the temperature is applied: first the temperature, then the cut.")
def cut_before_temperature(z, u, temperature, top_p):
    kept = in_nucleus(softmax(z), top_p)
    return nucleus_draw(softmax(z / temperature), kept, u)


@nucleus.mistake(
    "The probabilities are divided by the temperature, not the logits: that flattens them or changes nothing."
)
def temperature_on_probabilities(z, u, temperature, top_p):
    q = softmax(softmax(z) / temperature)
    return nucleus_draw(q, in_nucleus(q, top_p), u)


@nucleus.mistake("Every character with a probability of at least p is kept: p bounds the sum, not each probability.")
def threshold_on_each(z, u, temperature, top_p):
    q = softmax(z / temperature)
    return nucleus_draw(q, (q >= top_p) | (q == q.max(axis=1, keepdims=True)), u)


# 7. perplexity

slips(
    per,
    {
        "real = counts > 0 -> real = counts >= 0": "The mean of an empty batch is used: it is NaN, and NaN times 0 is NaN; leave such batches out.",
        "np.sum(means[real] * counts[real]) / np.sum(counts)": {
            "np.sum(means[real] * counts[real])": "The total is not divided by the number of characters.",
            "np.sum(means[real] * counts[real]) // np.sum(counts)": "The mean is rounded down: / divides, // cuts off the fraction.",
            "np.sum(means[real] * (counts[real] // np.sum(counts)))": "The weights are rounded down: // leaves 0 of every share below 1.",
        },
        "/ np.sum(counts)": {
            "/ len(counts)": "The total is divided by the number of batches: it is a mean over characters.",
            "/ np.sum(real)": "The total is divided by the number of batches that are not empty: it is a mean over characters.",
            "/ np.max(counts)": "The total is divided by the largest batch: it is divided by all characters.",
        },
        "means[real] * counts[real]": {
            "means[real]": "The losses are not weighted by their batches' sizes, though they are divided by all characters.",
            "means[real] / counts[real]": "The means are divided by the counts: each is a mean already, and counts n_i times.",
        },
        "np.exp(nats)": {
            "2.0**nats": "The perplexity is a power of 2: that goes with a loss in bits, and this one is in nats.",
            "np.exp(nats / np.log(2))": "The perplexity is a power of e with bits: e goes with nats, 2 with bits.",
        },
        "nats / np.log(2)": {
            "nats * np.log(2)": "Nats are turned into bits the wrong way: a bit is the smaller unit, so the number should be larger.",
            "np.log2(nats)": "The second value is a logarithm of the nats: another unit is a constant factor.",
            "np.exp(nats) / np.log(2)": "The bits are taken from the perplexity: they are the mean loss in another unit.",
        },
        "counts > 0 -> counts > 1": "A batch of one character is left out of the sum: only batches with 0 characters are empty.",
        "np.log(2) -> np.log(10)": "The base of the second value is 10: bits have the base 2.",
    },
)


def both(nats):
    return np.exp(nats), nats / np.log(2)


def weighted(values, counts):
    real = counts > 0
    return np.average(values[real], weights=counts[real])


@per.mistake("All batches count alike, the empty ones as 0: a batch counts by its number of characters.")
def empty_as_zero(means, counts):
    return both(np.nan_to_num(means).mean())


@per.mistake("An empty batch counts as one character without loss: its weight is 0.")
def empty_as_one(means, counts):
    return both(weighted(np.nan_to_num(means), np.maximum(counts, 1)))


@per.mistake("Two means are divided of which one takes in the empty batches: divide the sums.")
def two_means(means, counts):
    return both(np.nanmean(means * counts) / counts.mean())


@per.mistake("The last batch is left out: any batch may be empty, and the last one need not be.")
def without_last(means, counts):
    return both(np.sum(means[:-1] * counts[:-1]) / np.sum(counts[:-1]))


@per.mistake("A batch with the mean 0 is left out: it is a perfect batch, not an empty one.")
def without_perfect(means, counts):
    return both(weighted(means, counts * (means > 0)))


@per.mistake("A batch of one character is left out: only batches with 0 characters are empty.")
def without_single(means, counts):
    return both(weighted(means, counts * (counts > 1)))


@per.mistake(
    "The bits are right, but the perplexity is a mean of the batches' perplexities: exponentiate the mean loss."
)
def perplexities_averaged(means, counts):
    return np.exp(means[counts > 0]).mean(), weighted(means, counts) / np.log(2)


@per.mistake("The bits are right, but the perplexity is a weighted mean of the batches': exponentiate the mean loss.")
def perplexities_weighted(means, counts):
    return weighted(np.exp(means), counts), weighted(means, counts) / np.log(2)


@per.mistake("In the perplexity all batches count alike: a batch counts by its characters there too.")
def perplexity_unweighted(means, counts):
    return np.exp(means[counts > 0].mean()), weighted(means, counts) / np.log(2)


@per.mistake("In the bits all batches count alike: a batch counts by its characters there too.")
def bits_unweighted(means, counts):
    return np.exp(weighted(means, counts)), means[counts > 0].mean() / np.log(2)


@per.mistake("All batches count alike: a batch counts by its number of characters.")
def mean_of_means(means, counts):
    return both(means[counts > 0].mean())


@per.mistake("The perplexities of the batches are averaged: the losses are, and then comes the exponential.")
def mean_of_perplexities(means, counts):
    value = np.exp(means[counts > 0]).mean()
    return value, np.log2(value)


@per.mistake(
    "The perplexities are averaged, weighted by characters: the losses are averaged, and then comes the exponential."
)
def weighted_perplexities(means, counts):
    value = weighted(np.exp(means), counts)
    return value, np.log2(value)
