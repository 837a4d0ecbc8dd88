"""Known mistakes of unit 13-training-well."""

import numpy as np
import torch
from checks import accumulated, by_records, diagnosing, going, rates, scaling, stopping

from rnncourse.authoring import slips

# 1. rates

slips(
    rates,
    {
        "(t + 1) / (warmup + 1)": {
            "t / (warmup + 1)": "The first step has rate zero: it is computed and then thrown away.",
            "(t + 1) / max(warmup, 1)": "The peak is reached one step too early, at the last step of the warm-up: it belongs to the first step after it.",
            "t / max(warmup, 1)": "The first step has rate zero, and the rate then rises too steeply: the warm-up begins with a part of the peak, and the step after it has all of it.",
        },
        "rates[:warmup] = peak * -> rates[:warmup] = floor + (peak - floor) *": "The warm-up begins at the floor: it begins near zero, the floor is where the run ends.",
        "np.sqrt(k / cooldown)": {
            "k / cooldown": "The rate falls in a straight line: it is to fall steeply at first and ever more slowly.",
            "np.sqrt((k - 1) / cooldown)": "The cool-down comes one step late, so that the last step does not reach the floor.",
            "np.sqrt(k / steps)": "The cool-down is measured against the whole run: it takes `cooldown` steps, and the last one has the floor.",
            "np.sqrt((k - 1) / max(1, cooldown - 1))": "The first step of the cool-down still has the peak: it is the first of its `cooldown` steps down.",
            "(1 - np.sqrt(1 - k / cooldown))": "The root is taken of what is left of the cool-down, so the rate falls slowly at first and then steeply: it is to be the other way round.",
            "np.sqrt((cooldown + 1 - k) / cooldown)": "The cool-down runs backwards: it begins at the floor and rises.",
            "(1 - np.cos(np.pi * k / cooldown)) / 2": "That is half a cosine, as in the chapter: here the fall is that of a square root.",
        },
        "peak - (peak - floor) *": {
            "peak - peak *": "The run ends at zero and not at the floor.",
            "floor + (peak - floor) *": "The cool-down rises from the floor: it falls from the peak.",
            "peak - peak * (1 - floor) *": "The floor is taken as a fraction of the peak: here it is a rate itself.",
        },
        "(peak - floor) * np.sqrt(k / cooldown) -> np.sqrt((peak - floor) * k / cooldown)": "The root is taken of the rates as well: only the share of the cool-down stands under it.",
        "return rates -> return np.round(rates, 3)": "The rates are rounded: the example rounds only what it prints.",
    },
)

# 2. accumulated_gradient

slips(
    accumulated,
    {
        'reduction="sum") / tokens': {
            'reduction="sum")': "The gradients are summed over tokens and never divided: twice as many tokens would make the step twice as long.",
            'reduction="mean") / len(parts)': "That is the mean of the parts' means: tokens of a small part count more than those of a large one.",
            'reduction="sum") / max(1, int((y >= 0).sum()))': "Each part is divided by its own tokens and the parts are then added: the result grows with the number of parts.",
            'reduction="sum") / len(parts)': "The sums are divided by the number of parts: a part is not a token.",
            'reduction="mean") / sum(bool((y >= 0).any()) for _, y in parts)': "That is the mean of the means of all parts that have tokens: tokens of a small part count more than those of a large one.",
        },
        "int((y >= 0).sum()) -> len(y)": "The padding is counted among the tokens, so the gradient is too small.",
        "z = h @ W.T -> z = torch.softmax(h @ W.T, dim=1)": "There are two softmaxes: cross_entropy takes logits and has its own.",
        "norm = gradient.norm() -> norm = torch.linalg.matrix_norm(gradient, 2)": "That is the largest singular value: the norm asked for is the root of the sum of all squares, as if the matrix were one long vector.",
        "gradient +=  -> gradient = ": "Only the last part is left: every part overwrites the ones before.",
        "gradient * min(1.0, clip / norm), norm": {
            "gradient, norm": "Nothing is clipped.",
            "gradient * (clip / norm), norm": "The gradient is stretched to the length `clip` even if it was shorter: clipping only shortens.",
            "gradient.clamp(-clip, clip), norm": "Each entry is clipped on its own, which changes the direction: the whole gradient is to be shortened.",
            "gradient * min(1.0, clip / norm), norm.clamp(max=clip)": "The norm is returned as it is after clipping: in a log that hides every spike.",
            "gradient * min(1.0, clip / (norm * tokens)), norm": "The sum is clipped and divided afterwards: what is clipped is the gradient of the mean.",
            "gradient * min(1.0, clip / norm**2), norm": "The gradient is compared by its squared length: the norm is the root of it.",
        },
    },
)


@accumulated.mistake(
    "Each part is clipped on its own and then they are added: clip once, when the gradient of all parts is there."
)
def clipped_parts(W, parts, clip):
    tokens, gradient = sum(int((y >= 0).sum()) for _, y in parts), torch.zeros_like(W)
    for h, y in parts:
        loss = torch.nn.functional.cross_entropy(h @ W.T, y, ignore_index=-1, reduction="sum") / tokens
        part = torch.autograd.grad(loss, W)[0]
        gradient += part * min(1.0, clip / max(1e-12, part.norm().item()))
    return gradient, gradient.norm()


@accumulated.mistake("The gradient of the call before still stands in `W.grad`, and `backward` adds to it.")
def added_to_the_old(W, parts, clip):
    tokens = sum(int((y >= 0).sum()) for _, y in parts)
    for h, y in parts:
        (torch.nn.functional.cross_entropy(h @ W.T, y, ignore_index=-1, reduction="sum") / tokens).backward()
    norm = W.grad.norm()
    return W.grad * min(1.0, clip / norm), norm


@accumulated.mistake("The padding is trained on, as if it were the last class: -1 means that there is no token.")
def padding_counts(W, parts, clip):
    h, y = (torch.cat(some) for some in zip(*parts, strict=True))
    loss = torch.nn.functional.cross_entropy(h @ W.T, y % len(W))
    gradient = torch.autograd.grad(loss, W)[0]
    return gradient * min(1.0, clip / gradient.norm()), gradient.norm()


@accumulated.mistake("The padding is trained on, as if it were class 0: -1 means that there is no token.")
def padding_first(W, parts, clip):
    return padding_counts(W, [(h, y.clamp(min=0)) for h, y in parts], clip)


# 3. go_on

slips(
    going,
    {
        'for t in range(saved["t"], saved["t"] + steps)': {
            't = saved["t"] - 1\n    for t in range(saved["t"], steps)': "`steps` is taken for the length of the whole run: it is the number of steps to make now.",
            "for t in range(steps)": "The step is counted from zero again: rate, order and average go on from where the run was.",
        },
        "order[t % len(order)]": {
            "order[(t - saved['t']) % len(order)]": "The order begins at its first example again: the run goes on in the middle of an epoch.",
            "t % len(order)": "The examples come as they are stored: `order` says which comes when.",
        },
        "lr / (1 + decay * t)": {
            "lr / (1 + decay * (t - saved['t']))": "The learning rate starts from the top again: it falls with the steps of the whole run.",
            "lr / (1 + decay * (t + 1))": "The learning rate is one step ahead: step 0 has the whole lr.",
            "lr / (1 + decay * (t // len(order)))": "The learning rate falls by epochs: it is to fall with every step.",
            "lr / (1 + decay) ** t": "The learning rate falls by a factor at every step: it is to fall like one over the step.",
        },
        'w, v, a = saved["w"], saved["v"], saved["a"]': {
            'w, v, a = saved["w"], 0 * saved["v"], saved["a"]': "The velocity begins at zero: what the optimiser remembers belongs to the run.",
            'w, v, a = saved["w"], saved["v"], 0 * saved["a"]': "The average begins at zero: it has its own stored value.",
        },
        "error = w @ x[k] - y[k]": {
            "error = y[k] - w @ x[k]": "The error has the wrong sign: the weights move away from the target.",
            "error = 2 * (w @ x[k] - y[k])": "The gradient is twice too large: that of the equation has no factor 2.",
        },
        "v = beta * v + error * x[k]\n        w = w - lr / (1 + decay * t) * v": {
            "w, v = w - lr / (1 + decay * t) * v, beta * v + error * x[k]": "The weights move by the velocity of the step before: it takes up the new gradient first.",
            "v = beta * v + lr / (1 + decay * t) * error * x[k]\n        w = w - v": "The learning rate is put into the velocity, so old gradients keep their old rate: it multiplies the whole velocity.",
        },
        "w = w - lr / (1 + decay * t) * v\n        a = a + (w - a) / (t + 1) -> a = a + (w - a) / (t + 1)\n        w = w - lr / (1 + decay * t) * v": "The average takes the weights before the step: it is over the weights after each step.",
        "v = beta * v + error * x[k]": {
            "v = beta * v + (1 - beta) * error * x[k]": "The gradient is damped: the velocity adds it as a whole.",
            "v = error * x[k]": "There is no momentum: the velocity keeps a part of what it was.",
        },
        "a = a + (w - a) / (t + 1)": {
            "a = a + (w - a) / (t - saved['t'] + 1)": "The average is over the steps of this call only: it goes over all steps of the run.",
            "a = a + (w - a) / max(t, 1)": "The new weights count too much in the average: there are t + 1 weights by then, step t included.",
            "a = a + (w - a) / (t + 2)": "The average counts its steps from 1: after step 0 it has to equal the weights.",
            "a = beta * a + (1 - beta) * w": "That average forgets: all weights so far are to count the same.",
        },
        '"t": t + 1': {
            '"t": saved["t"]': "The number of steps is returned as it came: the next call would make the same steps again.",
            '"t": steps': "Saved is the number of steps of this call, not of the whole run.",
        },
    },
)


@going.mistake("Learning rate, order and average count the steps of this call: all three count those of the whole run.")
def counted_anew(saved, x, y, order, steps, lr, decay, beta):
    w, v, a = saved["w"], saved["v"], saved["a"]
    for s in range(steps):
        k = order[s % len(order)]
        v = beta * v + (x[k] @ w - y[k]) * x[k]
        w = w - lr / (1 + decay * s) * v
        a = a + (w - a) / (s + 1)
    return {"w": w, "v": v, "a": a, "t": saved["t"] + steps}


@going.mistake(
    "Only the weights go on: velocity, learning rate, order and average begin anew, which makes it another run."
)
def only_the_weights(saved, x, y, order, steps, lr, decay, beta):
    return counted_anew(saved | {"v": 0 * saved["v"]}, x, y, order, steps, lr, decay, beta)


# 4. early_stop

slips(
    stopping,
    {
        "losses[k] < lowest - delta": {
            "losses[k] < lowest": "A new best counts however small it is: it has to be lower by more than delta.",
            "losses[k] <= lowest - delta": "A loss that is lower by exactly delta counts as a new best: it has to be lower by more.",
            "losses[k] < lowest * (1 - delta)": "Delta is taken as a share of the best loss: it is a difference of losses.",
            "abs(losses[k] - lowest) > delta": "A loss that is much higher counts as a new best: it has to be lower.",
            "losses[k] < losses[k - 1] - delta or (best < 0 and losses[k] == losses[k])": "Compared is with the validation before: it has to be compared with the best so far.",
            "not losses[k] >= lowest - delta": "NaN counts as a new best: every comparison with NaN is false, so ask whether it *is* lower.",
        },
        "waited == patience": {
            "waited > patience": "The run goes on one validation too long.",
            "waited == patience or np.isnan(losses[k])": "The run stops at NaN: that is a validation without a new best, and patience decides.",
            "waited == patience - 1": "The run stops one validation too early.",
            "best >= 0 and waited == patience": "Validations before the first best are not counted: a run that only gives NaN would never end.",
        },
        "best, lowest, waited = -1 -> best, lowest, waited = 0": "Without any new best the first validation is returned: the index is then -1.",
        "best, lowest, waited = -1, np.inf, 0 -> best, lowest, waited = 0, losses[0], -1": "The first loss is taken as the best without asking whether it is a number: nothing is lower than NaN.",
        "waited += 1": {
            "waited += int(losses[k] == losses[k])": "NaN is skipped: a validation that gives NaN is no new best, so it counts as waiting.",
            "waited += 1\n            lowest = min(lowest, losses[k])": "The bar follows every small fall: a slow fall is measured against the best, until it has come further than delta.",
            "waited += 1\n            if losses[k] < lowest:\n                best, lowest = k, losses[k]": "Every lower loss becomes the best, and only the waiting heeds delta: a fall of less than delta is no new best at all.",
            "waited += 1\n            if losses[k] < np.fmin.reduce(losses[:k], initial=np.inf):\n                best = k": "The best is the lowest of all: one that was not lower by more than delta does not count.",
        },
        "best, lowest, waited = k, losses[k], 0 -> best, lowest = k, losses[k]": "The waiting is never reset: patience counts validations in a row.",
        "return best, k": {
            "return k, k": "The best is taken to be the last: it lies `patience` validations back.",
            "return best, best": "The stop is taken to be at the best: the run noticed only later.",
            "return best, k + 1": "The stop is the number of validations: asked for is the index of the last one.",
        },
        "return best, len(losses) - 1": {
            "return best, len(losses)": "A run that is not stopped ends at its last validation: indices begin at 0.",
            "return best, -1": "A run that is not stopped ends at its last validation.",
        },
    },
)


@stopping.mistake("The best is the lowest of all validations, after the stop as well: the run does not know those.")
def lowest_of_all(losses, patience, delta):
    best = int(np.nan_to_num(losses, nan=np.inf).argmin())
    return best if losses[best] < np.inf else -1, by_records(losses, patience, delta)[1]


# 5. diagnose

slips(
    diagnosing,
    {
        "np.log(V - 1 + np.e) - 1": {
            "np.log(V)": "The floor of two softmaxes is put at ln V or close to it: that is where a run begins, and it does fall below.",
            "np.e / (V - 1 + np.e)": "That is the probability which a perfect prediction gets: the loss is minus its logarithm.",
            "np.log(V) - 1": "The floor is a little too low: all V classes were given the logit 0.",
        },
        "loss.min(axis=1) >= floor": {
            "loss.min(axis=1) == np.inf": "Two softmaxes are never found: the losses of such a run lie anywhere above the floor, none has to be at it.",
            "loss[:, -1] >= floor": "Only the last loss is compared with the floor: any loss below it, also an earlier one, shows that there is one softmax.",
            "loss.max(axis=1) >= floor": "One loss above the floor is enough for you: every run begins there, what counts is that none falls below.",
        },
        "loss[:, -1] < entropy": {
            "loss.min(axis=1) < entropy": "One lucky batch is enough for you: the last loss decides.",
            "loss.mean(axis=1) < entropy": "The mean over the run is compared: every run begins high, the last loss decides.",
            "loss[:, -1] <= entropy": "A last loss equal to the entropy is reported: it has to be below.",
        },
        "norms.max(axis=1) > clip * (1 + 1e-6)": {
            "norms.max() > clip * (1 + 1e-6)": "A norm above the threshold in any run counts against all of them: each run is judged by its own row.",
            "norms.max(axis=1) > clip": "A norm that is above the threshold by rounding alone is reported: it has to be above by more than a millionth.",
            "norms.max(axis=1) > clip + 1e-6": "The millionth is added to the threshold: it is a millionth *of* it.",
            "norms.max(axis=1) >= clip": "A norm that was clipped is equal to the threshold: only one above it shows that clipping had no effect.",
            "norms.min(axis=1) > clip * (1 + 1e-6)": "All norms have to be above the threshold for you: one is enough, most gradients are short anyway.",
            "norms.mean(axis=1) > clip * (1 + 1e-6)": "The mean norm is compared: clipping is for the rare long gradients.",
            "norms[:, -1] > clip * (1 + 1e-6)": "Only the last norm is looked at.",
        },
        "second = np.abs(again[:, 1] - again[:, 0])\n    third = np.abs(again[:, 2] - again[:, 1]) -> second = again[:, 1] - again[:, 0]\n    third = again[:, 2] - again[:, 1]": "A validation that is lower than the one before goes unnoticed: the difference has a sign.",
        "second = np.abs(again[:, 1] - again[:, 0]) -> second = again[:, 1] - again[:, 0]": "A second validation that is lower goes unnoticed: the difference has a sign.",
        "third = np.abs(again[:, 2] - again[:, 1])": {
            "third = np.abs(again[:, 2] - again[:, 0])": "The third validation is compared with the first: a leaked state moves that as well, the second tells the two apart.",
        },
        "codes[second > 1e-6] = 5\n    codes[third > 1e-6] = 4": {
            "codes[second > 0] = 5\n    codes[third > 0] = 4": "Two validations that differ by rounding alone are reported: it has to be by more than 1e-6.",
            "codes[~np.isclose(again[:, 0], again[:, 1])] = 5\n    codes[~np.isclose(again[:, 1], again[:, 2])] = 4": "Small differences go unnoticed: isclose has its own tolerances, which are larger than 1e-6.",
            "codes[third > 1e-6] = 4\n    codes[second > 1e-6] = 5": "Whatever differs at the second validation is called a leak: randomness differs at every one.",
            "codes[second > 1e-6] = 4\n    codes[third > 1e-6] = 5": "The two are exchanged: a leak settles after one validation, randomness does not.",
        },
    },
)


slips(
    diagnosing,
    {
        "codes[loss.min(axis=1) >= floor] = 2\n    codes[loss[:, -1] < entropy] = 1 -> codes[loss[:, -1] < entropy] = 1\n    codes[loss.min(axis=1) >= floor] = 2": "Two softmaxes are reported although the last loss is below the entropy: of two faults the first of the list counts.",
        "return codes -> return np.maximum(codes, 1)": "A run in which nothing is found gets code 1: argmax of nothing but False is the first place.",
    },
)


@diagnosing.mistake("Of two faults the later one of the list is named: the first that applies counts.")
def last_found(loss, norms, again, clip, V, entropy):
    codes = np.zeros(len(loss), dtype=int)
    codes[loss[:, -1] < entropy] = 1
    codes[loss.min(axis=1) >= np.log(V - 1 + np.e) - 1] = 2
    codes[norms.max(axis=1) > clip * (1 + 1e-6)] = 3
    codes[np.abs(again[:, 2] - again[:, 1]) > 1e-6] = 4
    codes[np.abs(again[:, 1] - again[:, 0]) > 1e-6] = 5
    return codes


# 6. scaled_step

slips(
    scaling,
    {
        "[g.norm() for g in unscaled]).norm()": {
            "[g.norm() for g in unscaled]).sum()": "The norms of the arrays are added: their squares are, and the root comes last.",
            "[g.norm() for g in unscaled]).max()": "The norm is that of the longest array alone: it is over all entries of all of them.",
        },
        "if not torch.isfinite(norm):\n        return params, False\n    factor -> factor": "An overflow is not noticed: one entry that is not finite, in any array, is enough to leave the step out.",
        "[g / scale for g in grads]": {
            "[g for g in grads]": "The gradients are never unscaled: they are `scale` times too long, which clipping hides.",
            "[g * scale for g in grads]": "The scale is multiplied in once more: the loss was already multiplied by it.",
        },
        "min(1.0, clip / norm)": {
            "clip / norm": "The step is stretched to the length `clip` even if it was shorter: clipping only shortens.",
            "1.0": "Nothing is clipped.",
            "min(1.0, clip / (norm * scale))": "The clipping looks at the scaled gradients: unscale first, or the threshold means something else with every scale.",
            "max(1.0, clip / norm)": "Long gradients stay and short ones are stretched: clipping is the other way round.",
            "min(1.0, clip / norm**2)": "The gradient is compared by its squared length: the norm is the root of it.",
        },
        "if not torch.isfinite(norm):\n        return params, False": {
            "if any(torch.isinf(g).any() for g in grads):\n        return params, False": "NaN passes: it is not finite either.",
            "if any((g == torch.inf).any() for g in grads):\n        return params, False": "Only +inf is looked for: -inf and NaN are not finite either.",
            "if torch.isnan(norm):\n        return params, False": "Infinity passes: divided by its own norm it becomes NaN.",
            "if not torch.isfinite(norm):\n        return params, True": "A step that was left out is reported as taken: the scale would never be lowered.",
            "unscaled = [g.nan_to_num(0.0, 0.0, 0.0) for g in unscaled]\n    norm = torch.stack([g.norm() for g in unscaled]).norm()": "The broken entries are set to zero and the step is taken: a gradient that overflowed says nothing about the rest either.",
            "if not torch.isfinite(unscaled[0]).all():\n        return params, False": "Only the first array is looked at: an overflow anywhere spoils the norm of all.",
        },
        "p - lr *": {
            "p + lr *": "The step goes uphill: the gradient is subtracted.",
            "p - (lr / scale) *": "The scale is taken out twice.",
        },
    },
)


@scaling.mistake("Each array is clipped by its own norm, which changes the direction: the norm is over all of them.")
def one_by_one(params, grads, scale, clip, lr):
    new, good = [], True
    for p, g in zip(params, grads, strict=True):
        norm = (g / scale).norm()
        good = good and bool(torch.isfinite(norm))
        new.append(p - lr * min(1.0, clip / norm) * g / scale)
    return (new if good else params), good


@scaling.mistake("Each entry is clipped on its own, which changes the direction: the whole gradient is shortened.")
def by_value(params, grads, scale, clip, lr):
    good = all(bool(torch.isfinite(g).all()) for g in grads)
    new = [p - lr * (g / scale).clamp(-clip, clip) for p, g in zip(params, grads, strict=True)]
    return (new if good else params), good


@scaling.mistake(
    "Only the arrays that overflowed are left as they are: the whole step is left out, or it points somewhere else."
)
def broken_arrays_stay(params, grads, scale, clip, lr):
    good = [g / scale for g in grads if torch.isfinite(g).all()]
    norm = torch.cat([g.flatten() for g in good]).norm()
    new = [
        p - lr * min(1.0, clip / norm) * g / scale if torch.isfinite(g).all() else p
        for p, g in zip(params, grads, strict=True)
    ]
    return new, len(good) == len(grads)
