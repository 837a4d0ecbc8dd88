"""Known mistakes of unit 13-training-well."""

import numpy as np
import torch
from checks import accumulated, diagnosing, going, rates, scaling, stopping

from rnncourse.authoring import mistakes, slips

# 1. rates

slips(
    rates,
    {
        "(t + 1) / (warmup + 1)": {
            "t / (warmup + 1)": "The first step has rate zero: it is computed and then thrown away.",
            "(t + 1) / max(warmup, 1)": "The peak is reached one step too early, at the last step of the warm-up: it belongs to the first step after it.",
            "(t + 1) / steps": "The warm-up is stretched over the whole run.",
        },
        "rates[:warmup] = peak *": {
            "rates[:warmup] = floor + (peak - floor) *": "The warm-up begins at the floor: it begins near zero, the floor is where the run ends.",
        },
        "np.sqrt(k / cooldown)": {
            "k / cooldown": "The rate falls in a straight line: it is to fall steeply at first and ever more slowly.",
            "np.sqrt((k - 1) / cooldown)": "The cool-down comes one step late, so that the last step does not reach the floor.",
            "np.sqrt(k / steps)": "The cool-down is measured against the whole run: it takes `cooldown` steps, and the last one has the floor.",
            "(k / cooldown) ** 2": "The rate falls slowly at first and then steeply: it is to be the other way round.",
            "(1 - np.cos(np.pi * k / cooldown)) / 2": "That is half a cosine, as in the chapter: here the fall is that of a square root.",
        },
        "peak - (peak - floor) *": {
            "peak - peak *": "The run ends at zero and not at the floor.",
            "peak - peak * (1 - floor) *": "The floor is taken as a fraction of the peak: here it is a rate itself.",
        },
        "rates = np.full(steps, peak)": {
            "rates = np.full(steps, peak) + floor": "The floor is added to the peak: the peak is the highest rate there is.",
        },
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
            'reduction="sum") / len(parts[0][1])': "Divided is by the size of the first part: the parts differ in size.",
        },
        "int((y >= 0).sum())": {
            "len(y)": "The padding is counted among the tokens, so the gradient is too small.",
        },
        "gradient += ": {
            "gradient = ": "Only the last part is left: every part overwrites the ones before.",
        },
        "gradient * min(1.0, clip / norm), norm": {
            "gradient, norm": "Nothing is clipped.",
            "gradient * (clip / norm), norm": "The gradient is stretched to the length `clip` even if it was shorter: clipping only shortens.",
            "gradient.clamp(-clip, clip), norm": "Each entry is clipped on its own, which changes the direction: the whole gradient is to be shortened.",
            "gradient * min(1.0, clip / norm), norm.clamp(max=clip)": "The norm is returned as it is after clipping: in a log that hides every spike.",
            "gradient * min(1.0, clip / norm**2), norm": "The gradient is compared by its squared length: the norm is the root of it.",
        },
    },
)


def clipped_parts(W, parts, clip):
    tokens, gradient = sum(int((y >= 0).sum()) for _, y in parts), torch.zeros_like(W)
    for h, y in parts:
        loss = torch.nn.functional.cross_entropy(h @ W.T, y, ignore_index=-1, reduction="sum") / tokens
        part = torch.autograd.grad(loss, W)[0]
        gradient += part * min(1.0, clip / max(1e-12, part.norm().item()))
    return gradient, gradient.norm()


def padding_counts(W, parts, clip):
    h, y = (torch.cat(some) for some in zip(*parts, strict=True))
    loss = torch.nn.functional.cross_entropy(h @ W.T, y % len(W))
    gradient = torch.autograd.grad(loss, W)[0]
    return gradient * min(1.0, clip / gradient.norm()), gradient.norm()


mistakes(
    accumulated,
    clipped_parts=(
        "Each part is clipped on its own and then they are added: clip once, when the gradient of all parts is there.",
        clipped_parts,
    ),
    padding_counts=(
        "The padding is trained on, as if it were the last class: -1 means that there is no token.",
        padding_counts,
    ),
)

# 3. go_on

slips(
    going,
    {
        'for t in range(saved["t"], saved["t"] + steps)': {
            "for t in range(steps)": "The step is counted from zero again: rate, order and average go on from where the run was.",
        },
        "order[t % len(order)]": {
            "order[(t - saved['t']) % len(order)]": "The order begins at its first example again: the run goes on in the middle of an epoch.",
            "order[(t + 1) % len(order)]": "The order is one example ahead: step 0 takes the first of it.",
            "t % len(order)": "The examples come as they are stored: `order` says which comes when.",
            "order[::1 - 2 * (t // len(order) % 2)][t % len(order)]": "Every second epoch goes through the order backwards: each begins at its front.",
        },
        "lr / (1 + decay * t)": {
            "lr / (1 + decay * (t - saved['t']))": "The learning rate starts from the top again: it falls with the steps of the whole run.",
            "lr / (1 + decay * (t + 1))": "The learning rate is one step ahead: step 0 has the whole lr.",
            "lr / (1 + decay * (t // len(order)))": "The learning rate falls by epochs: it is to fall with every step.",
            "lr / (1 + decay) ** t": "The learning rate falls by a factor at every step: it is to fall like one over the step.",
        },
        'w, v, a = saved["w"], saved["v"], saved["a"]': {
            'w, v, a = saved["w"], 0 * saved["v"], saved["a"]': "The velocity begins at zero: what the optimiser remembers belongs to the run.",
            'w, v, a = saved["w"], saved["v"], saved["w"]': "The average begins at the stored weights: it has its own stored value.",
        },
        "v = beta * v + error * x[k]": {
            "v = beta * v + (1 - beta) * error * x[k]": "The gradient is damped: the velocity adds it as a whole.",
            "v = error * x[k]": "There is no momentum: the velocity keeps a part of what it was.",
        },
        "a = a + (w - a) / (t + 1)": {
            "a = a + (w - a) / (t - saved['t'] + 1)": "The average is over the steps of this call only: it goes over all steps of the run.",
            "a = a + (w - a) / (t + 2)": "The average counts its steps from 1: after step 0 it has to equal the weights.",
            "a = beta * a + (1 - beta) * w": "That average forgets: all weights so far are to count the same.",
        },
        '"t": t + 1': {
            '"t": t': "The last step is not counted: the next call would repeat its example.",
            '"t": steps': "Saved is the number of steps of this call, not of the whole run.",
        },
    },
)


def average_first(saved, x, y, order, steps, lr, decay, beta):
    w, v, a = saved["w"], saved["v"], saved["a"]
    for t in range(saved["t"], saved["t"] + steps):
        a = a + (w - a) / (t + 1)
        k = order[t % len(order)]
        v = beta * v + (x[k] @ w - y[k]) * x[k]
        w = w - lr / (1 + decay * t) * v
    return {"w": w, "v": v, "a": a, "t": t + 1}


def rate_inside(saved, x, y, order, steps, lr, decay, beta):
    w, v, a = saved["w"], saved["v"], saved["a"]
    for t in range(saved["t"], saved["t"] + steps):
        k = order[t % len(order)]
        v = beta * v + lr / (1 + decay * t) * (x[k] @ w - y[k]) * x[k]
        w = w - v
        a = a + (w - a) / (t + 1)
    return {"w": w, "v": v, "a": a, "t": t + 1}


def only_the_weights(saved, x, y, order, steps, lr, decay, beta):
    w, v, a = saved["w"], 0 * saved["v"], saved["a"]
    for s in range(steps):
        k = order[s % len(order)]
        v = beta * v + (x[k] @ w - y[k]) * x[k]
        w = w - lr / (1 + decay * s) * v
        a = a + (w - a) / (s + 1)
    return {"w": w, "v": v, "a": a, "t": saved["t"] + steps}


mistakes(
    going,
    only_the_weights=(
        "Only the weights go on: velocity, learning rate, order and average begin anew, which makes it another run.",
        only_the_weights,
    ),
    average_first=(
        "The average takes the weights before the step: it is over the weights after each step.",
        average_first,
    ),
    rate_inside=(
        "The learning rate is put into the velocity, so old gradients keep their old rate: it multiplies the whole velocity.",
        rate_inside,
    ),
)

# 4. early_stop

slips(
    stopping,
    {
        "losses[k] < lowest - delta": {
            "losses[k] < lowest": "A new best counts however small it is: it has to be lower by more than delta.",
            "losses[k] < lowest + delta": "A validation that is a little worse still counts as a new best.",
            "k == 0 or losses[k] < losses[k - 1] - delta": "Compared is with the validation before: it has to be compared with the best so far.",
            "not losses[k] >= lowest - delta": "NaN counts as a new best: every comparison with NaN is false, so ask whether it *is* lower.",
        },
        "waited == patience": {
            "waited > patience": "The run goes on one validation too long.",
            "waited == patience - 1": "The run stops one validation too early.",
            "best >= 0 and waited == patience": "Validations before the first best are not counted: a run that only gives NaN would never end.",
        },
        "best, lowest, waited = k, losses[k], 0": {
            "best, lowest = k, losses[k]": "The waiting is never reset: patience counts validations in a row.",
            "best, lowest, waited = k, lowest - delta if k else losses[k], 0": "The bar is lowered by delta only: the new best itself is the bar.",
        },
        "return best, k": {
            "return k, k": "The best is taken to be the last: it lies `patience` validations back.",
            "return best, best": "The stop is taken to be at the best: the run noticed only later.",
            "return int(np.nanargmin(losses[: k + 1])), k": "The best is the lowest of all: one that was not lower by more than delta does not count.",
            "return best, k + 1": "The stop is the number of validations: asked for is the index of the last one.",
        },
        "return best, len(losses) - 1": {
            "return best, len(losses)": "A run that is not stopped ends at its last validation: indices begin at 0.",
            "return best, -1": "A run that is not stopped ends at its last validation.",
        },
    },
)


def looks_ahead(losses, patience, delta):
    best = int(np.nanargmin(losses))
    return best, min(best + patience, len(losses) - 1)


mistakes(
    stopping,
    looks_ahead=(
        "The best of all validations is found first: a run that has stopped does not know what would have come.",
        looks_ahead,
    ),
)

# 5. diagnose

slips(
    diagnosing,
    {
        "np.log(V - 1 + np.e) - 1": {
            "np.log(V)": "The floor of two softmaxes is taken to be ln V: that is where a run begins, and it does fall below.",
            "np.log(V) - 1": "The floor is a little too low: all V classes were given the logit 0.",
        },
        "loss.min(axis=1) >= floor": {
            "loss.max(axis=1) >= floor": "One loss above the floor is enough for you: every run begins there, what counts is that none falls below.",
            "loss[:, -1] < floor": "A loss below the floor clears a run of two softmaxes.",
        },
        "loss[:, -1] < entropy": {
            "loss.min(axis=1) < entropy": "One lucky batch is enough for you: the last loss decides.",
            "loss.mean(axis=1) < entropy": "The mean over the run is compared: every run begins high, the last loss decides.",
            "loss[:, -1] > entropy": "Too good to be true means below the entropy.",
        },
        "norms.max(axis=1) > clip * (1 + 1e-6)": {
            "norms.max(axis=1) >= clip": "A norm that was clipped is equal to the threshold: only one above it shows that clipping had no effect.",
            "norms.min(axis=1) > clip * (1 + 1e-6)": "All norms have to be above the threshold for you: one is enough, most gradients are short anyway.",
            "norms.mean(axis=1) > clip * (1 + 1e-6)": "The mean norm is compared: clipping is for the rare long gradients.",
            "norms[:, -1] > clip * (1 + 1e-6)": "Only the last norm is looked at.",
        },
        "second = np.abs(again[:, 1] - again[:, 0])": {
            "second = again[:, 1] - again[:, 0]": "A second validation that is lower goes unnoticed: the difference has a sign.",
        },
        "third = np.abs(again[:, 2] - again[:, 1])": {
            "third = again[:, 2] - again[:, 1]": "A third validation that is lower goes unnoticed: the difference has a sign.",
            "third = np.abs(again[:, 2] - again[:, 0])": "The third validation is compared with the first: a leaked state moves that as well, the second tells the two apart.",
        },
        "codes[second > 1e-6] = 5\n    codes[third > 1e-6] = 4": {
            "codes[third > 1e-6] = 4\n    codes[second > 1e-6] = 5": "Whatever differs at the second validation is called a leak: randomness differs at every one.",
            "codes[second > 1e-6] = 4\n    codes[third > 1e-6] = 5": "The two are exchanged: a leak settles after one validation, randomness does not.",
        },
    },
)


def last_found(loss, norms, again, clip, V, entropy):
    codes = np.zeros(len(loss), dtype=int)
    codes[loss[:, -1] < entropy] = 1
    codes[loss.min(axis=1) >= np.log(V - 1 + np.e) - 1] = 2
    codes[norms.max(axis=1) > clip * (1 + 1e-6)] = 3
    differs = np.abs(np.diff(again)) > 1e-6
    codes[differs[:, 1]] = 4
    codes[differs[:, 0] & ~differs[:, 1]] = 5
    return codes


mistakes(
    diagnosing,
    last_found=("Of two faults the later one of the list is named: the first that applies counts.", last_found),
)

# 6. scaled_step

slips(
    scaling,
    {
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
            "if torch.isnan(norm):\n        return params, False": "Infinity passes: divided by its own norm it becomes NaN.",
            "if not torch.isfinite(norm):\n        return params, True": "A step that was left out is reported as taken: the scale would never be lowered.",
            "unscaled = [g.nan_to_num(0.0, 0.0, 0.0) for g in unscaled]\n    norm = torch.stack([g.norm() for g in unscaled]).norm()": "The broken entries are set to zero and the step is taken: a gradient that overflowed says nothing about the rest either.",
            "if not torch.isfinite(unscaled[0]).all():\n        return params, False": "Only the first array is looked at: an overflow anywhere spoils the norm of all.",
        },
        "p - lr *": {
            "p - (lr / scale) *": "The scale is taken out twice.",
        },
    },
)


def one_by_one(params, grads, scale, clip, lr):
    new, good = [], True
    for p, g in zip(params, grads, strict=True):
        norm = (g / scale).norm()
        good = good and bool(torch.isfinite(norm))
        new.append(p - lr * min(1.0, clip / norm) * g / scale)
    return (new if good else params), good


def by_value(params, grads, scale, clip, lr):
    good = all(bool(torch.isfinite(g).all()) for g in grads)
    new = [p - lr * (g / scale).clamp(-clip, clip) for p, g in zip(params, grads, strict=True)]
    return (new if good else params), good


def broken_arrays_stay(params, grads, scale, clip, lr):
    good = [g / scale for g in grads if torch.isfinite(g).all()]
    norm = torch.cat([g.flatten() for g in good]).norm()
    new = [
        p - lr * min(1.0, clip / norm) * g / scale if torch.isfinite(g).all() else p
        for p, g in zip(params, grads, strict=True)
    ]
    return new, len(good) == len(grads)


mistakes(
    scaling,
    one_by_one=(
        "Each array is clipped by its own norm, which changes the direction: the norm is over all of them.",
        one_by_one,
    ),
    by_value=(
        "Each entry is clipped on its own, which changes the direction: the whole gradient is shortened.",
        by_value,
    ),
    broken_arrays_stay=(
        "Only the arrays that overflowed are left as they are: the whole step is left out, or it points somewhere else.",
        broken_arrays_stay,
    ),
)
