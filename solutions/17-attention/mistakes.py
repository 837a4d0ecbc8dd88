"""Known mistakes of unit 17-attention."""

import numpy as np
import torch
from checks import backward, copying, covered, forced, growing, local, scheduled

from rnncourse.authoring import mistakes, slips

# 1. local_context

slips(
    local,
    {
        "i = torch.arange(len(k))[:, None]": {
            "p = p.round()\n    i = torch.arange(len(k))[:, None]": "p is rounded: it need not be a whole number, and through a rounding no gradient comes back to it.",
        },
        "(i < lengths) & ((i - p).abs() <= r)": {
            "i < lengths": "The whole source is looked at: what is further from p than r has weight 0, and no part in the softmax.",
            "(i < lengths) & ((i - p).abs() < r)": "Steps just r away from p are left out: they are seen.",
            "(i < lengths) & ((i - p.round()).abs() <= r)": "The window lies around a rounded p: how far a step is from p is measured from p as it is.",
        },
        ".masked_fill(~seen, -torch.inf)": {
            ".masked_fill(~seen, 0.0)": "The scores of unseen steps are set to 0 before the softmax: exp(0) is 1, so they take a share.",
        },
        "e.softmax(dim=0)": {
            "(k * (q @ W)).sum(dim=2).softmax(dim=0) * seen": "Unseen steps are set to 0 after the softmax, in which they had a share: those that are seen then add up to less than 1.",
            "torch.where(i < lengths, (k * (q @ W)).sum(dim=2), -torch.inf).softmax(dim=0) * seen": "The window is cut out after the softmax, which ran over the whole source: the shares of the steps that are seen add up to 1.",
            "(e / k.shape[2] ** 0.5).softmax(dim=0)": "The scores are divided by the root of their size, as in a Transformer: here they are as they stand.",
            "e.masked_fill(~seen, -1e9).softmax(dim=1).masked_fill(~seen, 0)": "The softmax runs over the batch: the shares of the source's steps, the first axis, are asked for.",
        },
        "torch.exp(-2 * (i - p) ** 2 / r**2)": {
            "torch.exp(-((i - p) ** 2) / (2 * r**2))": "The bell is twice as wide as it should be: its sigma is half of r.",
            "torch.exp(-2 * (i - p.round()) ** 2 / r**2)": "The bell lies around a rounded p: it need not be a whole number, and through a rounding no gradient comes back to it.",
            "torch.exp(-4 * (i - p) ** 2 / r**2)": "The bell is too narrow: beside the square of sigma, in the denominator, stands a factor.",
            "torch.exp(-((i - p) ** 2) / r**2)": "The bell is too wide: sigma is half of r, and it is squared with its half.",
            "torch.exp(-((i - p) ** 2) / r)": "Sigma is not squared in the bell.",
            "torch.exp(-2 * (i - p).abs() / r)": "The distance from p is not squared: that is a peak, not a bell.",
            "torch.exp(-2 * (i - p) ** 2 / r**2) / (r / 2 * (2 * torch.pi) ** 0.5)": "The bell is divided by its area, like a density: here it is 1 at p.",
        },
        "e.softmax(dim=0) * torch.exp(-2 * (i - p) ** 2 / r**2)": {
            "(e * torch.exp(-2 * (i - p) ** 2 / r**2)).softmax(dim=0)": "The bell multiplies the scores: it makes the shares smaller, after the softmax.",
        },
        "c = (a[..., None] * k).sum(dim=0)": {
            "c = (e.softmax(dim=0)[..., None] * k).sum(dim=0)": "The bell is missing in the context: it is the sum of the states with the weights a.",
            "c = (a[..., None] * k).sum(dim=0)\n    c = c / a.sum(dim=0)[:, None]": "The context is divided by the sum of the weights: it is to be weaker where the bell is low.",
            "a = a / a.sum(dim=0)\n    c = (a[..., None] * k).sum(dim=0)": "The weights add up to 1: the bell comes after the softmax, and what it leaves is not divided by its sum again.",
        },
    },
)

# 2. covered_weights


def all_at_once(q, k, lengths, w, v):
    """First the weights without coverage, then coverage from those, then the weights again."""
    real = torch.arange(len(k))[:, None] < lengths

    def soft(e):
        return e.masked_fill(~real, -torch.inf).softmax(dim=1)

    a = soft(torch.tanh(q[:, None] + k) @ v)
    u = a.cumsum(dim=0) - a
    a = soft(torch.tanh(q[:, None] + k + u[..., None] * w) @ v)
    return a, torch.minimum(a, a.cumsum(dim=0) - a).sum(dim=1)


slips(
    covered,
    {
        "u = u + a_t": {
            "u = a_t": "The coverage holds only the last step's weights: it is the sum over all steps before.",
            "u = u + e": "The scores are added up in place of the weights: coverage is how much attention a step has had.",
            "u = (u * (len(weights) - 1) + a_t) / len(weights)": "The coverage is the mean of the weights so far: it is their sum, and grows.",
            "u += a_t": "The coverage is changed in place, though earlier steps need its old values for their gradients: make a new tensor.",
            "u = u + a_t.detach()": "The coverage is detached: the gradient is to flow through it, so that earlier steps learn what they cost later ones.",
        },
        "u = k.new_zeros(real.shape)": {
            "u = k.new_ones(real.shape)": "The coverage begins at 1: before the first output step nothing has been read.",
        },
        "torch.tanh(q_t + k + u[..., None] * w) @ v": {
            "torch.tanh(q_t + k) @ v + u * (w @ v)": "The coverage is added to the score, outside of tanh: it belongs beside the query and the key.",
            "(q_t + k + u[..., None] * w) @ v": "The tanh is missing: without it the query adds the same to all scores, and the softmax takes no notice of it.",
        },
        "e.masked_fill(~real, -torch.inf).softmax(dim=0)": {
            "e.masked_fill(~real, 0.0).softmax(dim=0)": "The scores of the padding are set to 0 before the softmax: exp(0) is 1, so the padding takes a share.",
            "e.softmax(dim=0) * real": "The padding is set to 0 after the softmax, in which it had a share: the real steps then add up to less than 1.",
            "e.masked_fill(~real, -1e9).softmax(dim=1) * real": "The softmax runs over the batch: it is over the steps of the source.",
        },
        "torch.minimum(a_t, u).sum(dim=0)": {
            "torch.minimum(a_t, u + a_t).sum(dim=0)": "The step's own weights are in the coverage already: the overlap compares them with what was read *before*.",
            "(a_t * u).sum(dim=0)": "Weights and coverage are multiplied: the overlap is the smaller of the two.",
            "torch.minimum(a_t, weights[-2] if weights[1:] else 0 * a_t).sum(dim=0)": "The overlap is with the last step alone: it is with all that was read before.",
        },
    },
)
mistakes(
    covered,
    all_at_once=(
        "The coverage comes from weights that were made without it: each step's weights read the coverage that is final for the steps before.",
        all_at_once,
    ),
)

# 3. copying


def overwritten(z, g, a, x, N):
    """A word that occurs twice keeps the weight of its last place."""
    gate = g.sigmoid()[:, None]
    copied = z.new_zeros(len(z), N)
    for b in range(len(z)):
        copied[b, x[:, b]] = a[:, b]
    made = torch.cat([z.softmax(dim=1), z.new_zeros(len(z), N - z.shape[1])], dim=1)
    return gate * made + (1 - gate) * copied


def largest(z, g, a, x, N):
    gate = g.sigmoid()[:, None]
    copied = torch.stack([torch.where(x == n, a, 0.0).amax(dim=0) for n in range(N)], dim=1)
    made = torch.cat([z.softmax(dim=1), z.new_zeros(len(z), N - z.shape[1])], dim=1)
    return gate * made + (1 - gate) * copied


def zero_logits(z, g, a, x, N):
    """Unknown words have the logit 0."""
    gate = g.sigmoid()[:, None]
    made = torch.cat([z, z.new_zeros(len(z), N - z.shape[1])], dim=1).softmax(dim=1)
    return (gate * made).scatter_add(1, x.T, (1 - gate) * a.T)


slips(
    copying,
    {
        "g.sigmoid()": {
            "g": "The gate is not between 0 and 1: its share is the logistic function of g.",
            "(-g).sigmoid()": "The gate is turned round: it is the share that is generated, and the rest is copied.",
        },
        "z.softmax(dim=1)": {
            "z.softmax(dim=0)": "The softmax runs over the batch: it is over the words.",
            "z": "The logits are mixed in as they stand: only probabilities can be added to weights, so they need their softmax.",
        },
        "generated.scatter_add(1, x.T, (1 - gate) * a.T)": {
            "generated.scatter_add(1, x.T, a.T)": "What is copied is not multiplied by its share: the probabilities add up to more than 1.",
            "generated.scatter_add(1, x.T, (1 - gate) * a.T * (x.T >= z.shape[1]))": "Only unknown words are copied: a word that the model knows may be copied as well.",
            "generated.scatter_add(1, x.T, (1 - gate) * a.T * (x.T < z.shape[1]))": "Only words of the vocabulary are copied: those that it lacks are what copying is for.",
            "generated.scatter_add(1, x.T, (1 - gate) * a.T.softmax(dim=1))": "The weights go through a second softmax: they are probabilities already.",
        },
        "torch.cat([gate * z.softmax(dim=1), unknown], dim=1)": {
            "torch.cat([z.softmax(dim=1), unknown], dim=1)": "What is generated is not multiplied by its share: the probabilities add up to more than 1.",
            "torch.cat([unknown, gate * z.softmax(dim=1)], dim=1)": "The unknown words are put first: the model's own are the first V.",
        },
    },
)
mistakes(
    copying,
    overwritten=(
        "Where a word occurs several times, only the last of its places counts: an assignment with an index overwrites, and the weights must add up.",
        overwritten,
    ),
    largest=(
        "Where a word occurs several times, only the largest of its weights counts: they add up.",
        largest,
    ),
    zero_logits=(
        "Unknown words enter the softmax with the logit 0, and so with a probability: the model can generate only its own words.",
        zero_logits,
    ),
)

# 4. attention_backward

slips(
    backward,
    {
        "de = a * (da - (a * da).sum(axis=0))": {
            "de = a * da": "The softmax is taken for a function of each score alone: a larger score also makes the other weights smaller, through their sum.",
            "de = a * (1 - a) * da": "Only the diagonal of the softmax's Jacobian is there, as for a logistic function: each score acts on all weights of its source.",
            "de = da * real": "The softmax is left out: the gradient of the weights is not that of the scores.",
            "de = a * (da - da.mean(axis=0))": "The plain mean is subtracted: the softmax's backward pass subtracts the mean with the weights a.",
            "de = a * (da - da.sum(axis=0))": "The plain sum is subtracted: each step counts with its weight.",
            "de = a * (da - (a * da).sum(axis=1, keepdims=True))": "The sum in the softmax's backward pass runs over the batch: the softmax runs over the source.",
            "de = da - (a * da).sum(axis=0)": "The factor a is missing in the softmax's backward pass: a step without weight has no gradient.",
            "de = a * da - (a * da).sum(axis=0)": "In the softmax's backward pass the factor a is missing in what is subtracted.",
        },
        "dk = a[..., None] * dc + de[..., None] * m": {
            "dk = a[..., None] * dc": "The states get no gradient through their scores: each works in two places, where it is read and where it is scored.",
            "dk = de[..., None] * m": "The states get no gradient through the context: each works in two places, where it is scored and where it is read.",
            "dk = a[..., None] * dc + de[..., None] * dc": "The gradient through the score is multiplied by that of the context: a score is the product of a state and q W.",
            "dk = dc + de[..., None] * m": "The context is taken for a plain sum of the states: each state is read with its weight.",
        },
        "dm = (de[..., None] * k).sum(axis=0)": {
            "dm = (a[..., None] * k).sum(axis=0)": "The context is taken for the gradient of q W: the states are added with the gradients of their scores.",
        },
        "q.T @ dm": {
            "q.T @ dm / len(q)": "The gradient of W is averaged over the batch: the loss is a sum, and so is the gradient.",
        },
        "a = np.exp(e - e.max(axis=0))": {
            "a = np.exp(e)": "The softmax is computed as written, and exp overflows for large scores: take the largest score of each sequence off first.",
            "a = np.exp(e - e.max())": "The largest score of the whole batch is taken off: a sequence of much smaller scores becomes 0 / 0. Each has its own.",
        },
        "a = a / a.sum(axis=0)": {
            "e = (k * m).sum(axis=2)\n    a = np.exp(e - e.max(axis=0))\n    a = a / a.sum(axis=0) * real": "The padding is set to 0 after the softmax, in which it had a share: the real weights then add up to less than 1.",
        },
        "np.where(real, (k * m).sum(axis=2), -np.inf)": {
            "np.where(real, (k * m).sum(axis=2), 0.0)": "The scores of the padding are set to 0: exp(0) is 1, so the padding takes part in the softmax.",
        },
    },
)

# 5. forced_loss


def free_running(decode, y, lengths, begin, end):
    """The decoder reads its own likeliest words."""
    inputs = y.new_zeros(1, y.shape[1]) + begin
    for _ in range(len(y)):
        inputs = torch.cat([inputs, decode(inputs)[-1:].argmax(dim=2)])
    row, t = y.new_zeros(1, y.shape[1]), torch.arange(len(y) + 1)[:, None]
    targets = torch.where(t == lengths, end, torch.cat([y, row + end]))
    scored = decode(inputs).log_softmax(dim=2).gather(2, targets[..., None])[..., 0]
    log_p = torch.where(t <= lengths, scored, 0.0).sum(dim=0)
    return -log_p.sum() / (lengths + 1).sum(), log_p


slips(
    forced,
    {
        "decode(inputs)": {
            "decode(targets)": "The decoder reads the words that it should say: shift by one, or it learns to copy.",
            "decode(torch.cat([row + begin, row + begin, y])[:-1])": "The inputs are shifted twice: the decoder reads the word before the last one.",
        },
        ".log_softmax(dim=2)": {
            ".softmax(dim=2)": "The logarithm is missing: probabilities of a text multiply, their logarithms add up.",
            "": "The logits are taken for log-probabilities: they need a softmax first.",
            ".softmax(dim=2).log_softmax(dim=2)": "The softmax is taken twice: `cross_entropy` and `log_softmax` take logits, not probabilities.",
        },
        "torch.where(t == lengths, end, torch.cat([y, row + end]))": {
            "torch.cat([y, row + end])": "The end stands at the end of the array: it belongs behind the last real word of each text.",
            "torch.where(t == lengths - 1, end, torch.cat([y, row + end]))": "The end takes the place of the last word: it comes after it.",
        },
        "log_p = torch.where(t <= lengths, scored, 0.0).sum(dim=0)": {
            "log_p = torch.where(t < lengths, scored, 0.0).sum(dim=0)\n    lengths = lengths - 1": "The end is not scored: a decoder that is never told to stop does not.",
            "log_p = scored.sum(dim=0)\n    lengths = 0 * lengths + len(y)": "The padding is scored.",
            "log_p = torch.where((t <= lengths) & (t > 0), scored, 0.0).sum(dim=0)\n    lengths = lengths - 1": "The first word is not scored: it is what the decoder says after `begin`.",
            "real = (t <= lengths) & (targets != 0)\n    log_p = torch.where(real, scored, 0.0).sum(dim=0)\n    lengths = real.sum(dim=0) - 1": "Word 0 is taken for padding and not scored: here it is a word, and the lengths say what padding is.",
        },
        "-log_p.sum() / (lengths + 1).sum()": {
            "-log_p.mean()": "The loss is a mean over texts: it is one over tokens, so that a long text counts as much as its words.",
            "-(log_p / (lengths + 1)).mean()": "The mean of each text is taken first and then that of the texts: short texts then count too much.",
            "-log_p.sum() / targets.numel()": "The sum is divided by the number of places, padding and all: longer padding would make the loss smaller.",
            "-log_p.sum() / lengths.sum()": "The ends are scored and not counted: the mean is over all tokens that are scored.",
        },
        "(lengths + 1).sum(), log_p": {
            "(lengths + 1).sum(), log_p / (lengths + 1)": "The log-probability of a text is divided by its length: of the whole text it is the sum.",
        },
    },
)
mistakes(
    forced,
    free_running=(
        "The decoder reads its own words: with teacher forcing it reads the true ones.",
        free_running,
    ),
)

# 6. scheduled


def run(step, y, h0, begin, share, u, v, twice=False, first=1, true_state=False, same=False):
    """A run in which something else is true: where words are drawn, from which step on, what the state has read."""
    true = np.concatenate([np.full((1, y.shape[1]), begin), y[:-1]])
    h, state, inputs, losses = h0, h0, [], []  # state: with true inputs
    log_p = log_q = step(true[0], h0)[0]
    for t, x in enumerate(true):
        log_p = step(x, h)[0] if same else log_p
        drawn = (np.exp(log_q if twice else log_p).cumsum(axis=1) <= v[t][:, None]).sum(axis=1)
        inputs.append(np.where(u[t] < share, drawn, x) if t >= first else x)
        log_q, state = step(x, state)
        log_p, h = step(inputs[t], h)
        h = state if true_state else h
        losses.append(-log_p[np.arange(len(x)), y[t]])
    return np.stack(inputs), np.stack(losses)


def two_passes(*given):
    return run(*given, twice=True)


def mixed_from_the_start(*given):
    return run(*given, first=0)


def same_step(*given):
    return run(*given, same=True)


def state_of_the_truth(*given):
    return run(*given, true_state=True)


slips(
    scheduled,
    {
        "np.where(u[t] < share, drawn, y[t - 1])": {
            "np.where(u[t] < share, drawn, y[t])": "The decoder reads the word that it should say: the true input of a step is the word *before*.",
            "np.where(u[t, 0] < share, drawn, y[t - 1])": "One choice serves for the whole batch: each sequence has its own.",
            "np.where(u[0] < share, drawn, y[t - 1])": "One choice serves for all steps of a text: it is made anew at each step.",
            "np.where(u[t] < share, y[t - 1], drawn)": "The choice is turned round: the share is that of the model's *own* words.",
        },
        "(np.exp(log_p).cumsum(axis=1) <= v[t][:, None]).sum(axis=1)": {
            "log_p.argmax(axis=1)": "The likeliest word is taken: the word is *drawn*, so that errors of all kinds turn up.",
            "(np.exp(log_p).cumsum(axis=1) <= u[t][:, None]).sum(axis=1)": "One number makes both the choice and the draw: where the word is drawn, u is below the share, so that words at the end are never drawn.",
            "(v[t] * log_p.shape[1]).astype(int)": "All words are equally likely to be drawn: they come from the model's distribution, whose errors the decoder is to learn from.",
            "(np.exp(log_p).cumsum(axis=1) <= v[t][0]).sum(axis=1)": "One number draws for the whole batch: each sequence has its own.",
            "(np.exp(log_p).cumsum(axis=1) <= v[t][:, None]).sum(axis=1) - 1": "The word one before the right one is drawn: it is the smallest n whose sum, its own probability included, is above v.",
        },
        "log_p, h = step(inputs[t], h)": {
            "log_p, h = step(inputs[t], h0)": "Every step begins from h0: the decoder forgets what it has read.",
        },
        "-log_p[columns, y[t]]": {
            "-log_p[columns, inputs[t]]": "The loss is that of the inputs: the target is the true word of the step.",
            "-log_p[columns, y[t]] * ((u[t] >= share) | (t == 0))": "Steps that read the model's own word are left out of the loss: they are what scheduled sampling is for.",
        },
    },
)


mistakes(
    scheduled,
    two_passes=(
        "The words are drawn in a run with true inputs, and a second run reads the mixture, as in the chapter: here they are drawn with the inputs that the model really had.",
        two_passes,
    ),
    mixed_from_the_start=(
        "The first input is drawn as well: it is always `begin`.",
        mixed_from_the_start,
    ),
    same_step=(
        "The word is drawn from what the model says after the true word: the input of a step is drawn from the distribution of the step *before*.",
        same_step,
    ),
    state_of_the_truth=(
        "The state goes on with the true words: it is to go on with the inputs that were chosen.",
        state_of_the_truth,
    ),
)

# 7. own_share

slips(
    growing,
    {
        'if kind == "linear"': {
            'i = np.arange(len(i))\n    if kind == "linear"': "The updates are counted from 0 by the length of `i`: they are the numbers that `i` holds.",
            'if kind == "line"': "The linear kind is not recognised and falls into another branch: compare its name, letter by letter, with that of the docstring.",
        },
        'elif kind == "exponential"': {
            'elif kind == "exponent"': "The exponential kind is not recognised and falls into another branch: compare its name, letter by letter, with that of the docstring.",
        },
        "1 - i / k": {
            "1 - i // k": "The division is rounded down, so that the line falls in one jump: `/` divides, `//` rounds.",
            "1 - (1 - least) * i / k": "The line is stretched, to reach `least` after k updates: it falls by 1 / k an update, and so meets the floor before.",
            "1 - i * k": "The line falls by k at every update: k is the number of updates in which it falls from 1 to 0.",
            "1 - (i + 1) / k": "The line has begun to fall at update 0: updates are counted from 0, so there all words are still true.",
            "k - i": "The line begins at k: it begins at 1, as a share, and falls by 1 / k an update.",
            "1 - i / i.max()": "The line ends at the last update that was asked for: it arrives at 0 after k updates, whatever `i` holds.",
        },
        "k**i": {
            "np.exp(-i / k)": "The fall is exp(-i / k): here k is the factor of one update, so after i updates k to the power i is left.",
            "np.exp(-k * i)": "The fall is exp(-k i): here k is the factor of one update, so after i updates k to the power i is left.",
            "i**k": "Base and exponent have changed places: the factor k is multiplied i times.",
            "k ** (i + 1)": "The factor has been applied once more than there were updates: at update 0 all words are true.",
            "1 - k**i": "The exponential line gives the share of own words, which `1 -` at the end turns round again: k to the power i is the share of true words.",
        },
        "k / (k + np.exp(i / k))": {
            "1 / (1 + np.exp(i / k))": "The k before and beside the exponential is missing: at update 0 half of the words would be own ones.",
            "1 / (1 + np.exp(i - k))": "That is a logistic function with its middle at k: the paper's is k / (k + exp(i / k)), whose middle lies at k ln k.",
            "k / (k + np.exp(-i / k))": "The sign in the exponential is turned round: the share of true words would grow.",
            "k / (k + np.exp(i * k))": "The update is multiplied by k in the exponential: i / k stands there.",
            "k / (k + np.exp(i))": "In the exponential i is not divided by k.",
            "k / (k + np.exp(i) / k)": "The exponential itself is divided by k: its exponent is to be.",
            "k / (k + np.exp(i // k))": "The division in the exponent is rounded down, so that the share moves in jumps: `/` divides, `//` rounds.",
            "(k + 1) / (k + np.exp(i / k))": "The inverse sigmoid is scaled to begin at 1: as it stands it begins a little below, and so some words are own ones from the first update.",
            "1 - k / (k + 1) + k / (k + np.exp(i / k))": "The inverse sigmoid is moved up to begin at 1: as it stands it begins a little below, and so some words are own ones from the first update.",
            "k / (k + np.exp(i / k) - 1)": "The inverse sigmoid is shifted to begin at 1: as it stands it begins a little below, and so some words are own ones from the first update.",
            "1 - np.exp(i / k) / (k + np.exp(i / k))": "For late updates the exponential overflows, and infinity divided by infinity is no number: divide something finite by it.",
            "k**i": "The inverse sigmoid is computed as the exponential kind: each has its own formula.",
            "np.exp(i / k) / (k + np.exp(i / k))": "The inverse sigmoid gives the share of own words, which `1 -` at the end turns round again.",
        },
        "1 - np.maximum(true, least)": {
            "np.maximum(true, least)": "That is the share of the true words: the share of the model's own is 1 minus it.",
            "1 - true": "`least` is not used: that share of the words stays true, however long training goes on.",
            "np.maximum(1 - true, least)": "`least` is a floor under the share of *own* words: it is one under the share of true words.",
            "1 - np.minimum(true, least)": "The smaller of the two is taken: the share of true words is not to fall *below* `least`, so the larger one counts.",
            "np.maximum(1 - true - least, 0)": "`least` is subtracted from the share of own words: it is a floor under that of true words, and changes nothing before the fall gets there.",
            "1 - true - least": "`least` is taken off everywhere, so that the share begins below 0: it is a floor under the share of true words, and changes nothing before the fall gets there.",
            "1 - (least + (1 - least) * true)": "The fall is squeezed between 1 and `least`: it runs as it stands, and stops at `least`.",
            "1 - (np.maximum(true, least) if kind == 'linear' else np.maximum(true, 0))": "The floor stands under the line alone: here it stands under all three.",
            "np.clip(1 - true, 0, 1)": "The share is kept between 0 and 1 without `least`: that share of the words stays true, however long training goes on.",
        },
    },
)
