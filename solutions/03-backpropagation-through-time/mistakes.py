"""Known mistakes of unit 03-backpropagation-through-time."""

import numpy as np
from checks import (
    add_at,
    before,
    by_segments,
    diagonal_sums,
    embedding,
    five_points,
    from_logits,
    judge,
    leaky,
    leaky_rows,
    loss,
    old_states,
    prefix_by_prefix,
    rtrl,
    segments,
    softmax,
    softsign,
    softsign_at_once,
    sums,
)

from rnncourse.authoring import mistakes, slips

# 1. leaky_backward

slips(
    leaky,
    {
        "(1 - alpha) * dh +  -> ": "The straight road is missing: a part of the old state was kept as it was, so a part of the gradient comes back without passing the tanh.",
        " + da @ W_h": {
            "": "The road through the tanh is missing in dh_prev: the old state also entered the sum, through W_h.",
            " + alpha * da @ W_h": "alpha is counted twice on the road from the sum to the old state: the gradient of the sum holds it already.",
            " - da @ W_h": "One road is subtracted from the other: what comes back along two roads is added.",
        },
        "da = alpha * (": {
            "da = (": "alpha is missing in the gradient of the sum: only that share of the tanh reached the new state.",
            "da = (1 - alpha) * (": "The road through the tanh has the share of the other road: what came through the tanh was the share of the new value.",
            "da = alpha**2 * (": "alpha is counted twice in the gradient of the sum.",
        },
        "(1 - alpha) * dh +": {
            "dh +": "The straight road carries the whole gradient: only a share of the old state was kept.",
            "(1 - alpha) * (1 - new**2) * dh +": "The straight road has the slope of the tanh: the part that is kept does not pass the tanh.",
        },
        "da @ W_h": {
            "da @ W_h.T": "W_h is transposed on the way back: a unit collects from the units that it fed, with the weights by which it fed them.",
            "da": "The gradient of the sum is added to dh_prev as it is: on its way to the old state it has to pass W_h.",
        },
        " * (1 - new**2) -> ": "The slope of the tanh is missing: where the tanh is flat, hardly anything comes back through it.",
        "da.sum(axis=0) -> da.mean(axis=0)": "The gradients of the bias are averaged over the batch: all sequences use the same bias, so they are summed.",
        "da.T @ h_prev": {
            "da.T @ new": "dW_h is made with the new value: W_h multiplied the old state.",
            "dh.T @ h_prev": "dW_h is made with the gradient of the new state: W_h acts on the sum, so it takes the gradient of the sum.",
        },
        "return da @ W_x": {
            "return dh @ W_x": "dx is made with the gradient of the new state: x acts on the sum, so it takes the gradient of the sum.",
            "return alpha * da @ W_x": "alpha is counted twice in dx: the gradient of the sum holds it already.",
        },
        "(1 - alpha) * dh": {
            "alpha * dh": "The straight road has the share of the other road: it carries the share of the old state that was kept.",
            "(1 - alpha) * h_prev": "The straight road brings back the old state: it is a share of the gradient that comes back.",
        },
        "(1 - alpha) * dh + da @ W_h -> ((1 - alpha) * dh + da) @ W_h": "The straight road passes W_h: the part that is kept does not meet a weight.",
        "h_prev @ W_h.T -> h_prev @ W_h": "W_h is transposed in the sum, so the slope is taken at the wrong place: row i of W_h belongs to the unit that receives.",
        " + h_prev @ W_h.T -> ": "The old state is missing in the sum, so the slope is taken at the wrong place.",
        "np.tanh(x @ W_x.T + h_prev @ W_h.T + b) -> np.tanh(alpha * (x @ W_x.T + h_prev @ W_h.T + b))": "alpha stands inside the tanh: u is the tanh of the sum alone, and alpha multiplies it afterwards.",
        "(1 - new**2)": {
            "(1 - h_prev**2)": "The slope is taken from the old state: it is the slope of this step's tanh.",
            "(1 - new)": "The slope is 1 - u: the tanh is as steep at -u as it is at u.",
            "new * (1 - new)": "The slope is that of the logistic function: u came out of a tanh.",
            "(1 + new**2)": "The slope is larger than 1: the tanh is steepest at 0, where its slope is 1.",
        },
    },
)


def leaky_with(dh, x, h_prev, W_x, W_h, b, alpha, slope, share, straight):
    """The gradients for a given slope, share and straight road."""
    da = share * slope * dh
    return da @ W_x, straight * dh + da @ W_h, da.T @ x, da.T @ h_prev, da.sum(0)


@leaky.mistake(
    "The slope is taken from the new state: that is a mixture, and how steep the tanh is depends on its own value alone."
)
def slope_of_the_mixture(dh, x, h_prev, W_x, W_h, b, alpha):
    new = np.tanh(x @ W_x.T + h_prev @ W_h.T + b)
    h = (1 - alpha) * h_prev + alpha * new
    return leaky_with(dh, x, h_prev, W_x, W_h, b, alpha, 1 - h**2, alpha, 1 - alpha)


@leaky.mistake(
    "The slope is taken from the sum inside the tanh as if it were the value of the tanh: for a large sum it becomes negative, and the tanh never falls."
)
def slope_of_the_sum(dh, x, h_prev, W_x, W_h, b, alpha):
    a = x @ W_x.T + h_prev @ W_h.T + b
    return leaky_with(dh, x, h_prev, W_x, W_h, b, alpha, 1 - a**2, alpha, 1 - alpha)


@leaky.mistake("dW_h is made with the state after the step: W_h multiplied the state before it.")
def state_after(dh, x, h_prev, W_x, W_h, b, alpha):
    dx, dh_prev, dW_x, _, db = leaky_rows(dh, x, h_prev, W_x, W_h, b, alpha)
    new = np.tanh(x @ W_x.T + h_prev @ W_h.T + b)
    da = alpha * (1 - new**2) * dh
    return dx, dh_prev, dW_x, da.T @ ((1 - alpha) * h_prev + alpha * new), db


@leaky.mistake("alpha is missing in dW_x and dW_h: they take the same gradient of the sum as dx.")
def weights_without_alpha(dh, x, h_prev, W_x, W_h, b, alpha):
    dx, dh_prev, dW_x, dW_h, db = leaky_rows(dh, x, h_prev, W_x, W_h, b, alpha)
    return dx, dh_prev, dW_x / alpha, dW_h / alpha, db


@leaky.mistake(
    "All weight gradients are averaged over the batch: every sequence used the same weights, so the parts are summed."
)
def batch_means(dh, x, h_prev, W_x, W_h, b, alpha):
    found = leaky_rows(dh, x, h_prev, W_x, W_h, b, alpha)
    return *found[:2], *(d / len(x) for d in found[2:])


@leaky.mistake("The shares of the two roads are swapped: each has the share that it had on the way forward.")
def shares_swapped(dh, x, h_prev, W_x, W_h, b, alpha):
    new = np.tanh(x @ W_x.T + h_prev @ W_h.T + b)
    return leaky_with(dh, x, h_prev, W_x, W_h, b, alpha, 1 - new**2, 1 - alpha, alpha)


@leaky.mistake("This is the plain cell's backward pass: the leak is not used at all.")
def plain_cell(dh, x, h_prev, W_x, W_h, b, alpha):
    new = np.tanh(x @ W_x.T + h_prev @ W_h.T + b)
    return leaky_with(dh, x, h_prev, W_x, W_h, b, alpha, 1 - new**2, 1.0, 0.0)


# 2. softsign_backward

slips(
    softsign,
    {
        "(1 - np.abs(h[t])) ** 2": {
            "(1 - h[t] ** 2)": "The slope is that of the tanh: this state came out of a softsign.",
            "(1 - np.abs(h[t]))": "The slope is not squared: the derivative of a quotient has the square of its denominator.",
            "1 / (1 + np.abs(h[t])) ** 2": "The slope is written in terms of a, but h stands in its place: where |h| is near 1 it has to be almost 0, and it is a quarter.",
            "(1 - h[t]) ** 2": "The absolute value is missing in the slope: it is the same for a and -a.",
            "(1 - np.abs(before)) ** 2": "The slope is that of the step before: what comes back to h[t] passes the slope of step t.",
            "1 / (1 + np.abs(h[t]))": "The slope is written in terms of a, but h stands in its place, and the square is missing: where |h| is near 1 it is a half, not almost 0.",
            "(1 - 2 * np.abs(h[t]))": "A term of the square is missing in the slope: where |h| is above a half it is negative, and softsign rises everywhere.",
            "np.sign(h[t]) * (1 - np.abs(h[t])) ** 2": "The slope has the sign of h: softsign rises everywhere, so its slope is positive.",
            "(h[t] * (1 - h[t]))": "The slope is that of the logistic function: this state came out of a softsign.",
        },
        "(dh[t] + back)": {
            "(dh[t])": "Nothing comes back from later steps: a state acts on the loss through the next state as well.",
            "((dh[t] if t == len(h) - 1 else 0) + back)": "dh of the earlier steps is ignored: every state has its direct part, not the last one alone.",
            "((dh[t + 1] if t + 1 < len(h) else 0) + back)": "dh is read one step too late: dh[t] is the direct part of h[t].",
            "(2 * dh[t] + back)": "The direct part is counted twice: it is added once, at its own step.",
        },
        "back = da @ W_h": {
            "back = (dh[t] + back) @ W_h": "The gradient of the state goes back through W_h: what passes W_h is the gradient of the sum, after the slope.",
            "back = back + da @ W_h": "What comes from later steps is added up: what a step sends back already holds all that came from behind it.",
        },
        "back.sum(axis=0)": {
            "back.mean(axis=0)": "The gradient of the learnt first state is averaged over the batch: all sequences start from it, so their parts are summed.",
            "back": "dh0 holds one row for each sequence: they all start from the same vector, so its gradient is the sum of the rows.",
            "back[0]": "dh0 is taken from the first sequence alone: all sequences start from h0, so their parts are summed.",
            "back.sum(axis=0) / (len(h) * len(h[0]))": "dh0 is a mean over time and batch: the sequences' parts are summed.",
            "(da @ W_h.T).sum(axis=0)": "W_h is used in the wrong orientation for dh0: it is the same way back as between two states.",
            "(back + dh[0]).sum(axis=0)": "dh[0] is added to dh0: it is the direct part of the state after the first step, and h0 has none.",
            "(back * (1 - np.abs(h0)) ** 2).sum(axis=0)": "dh0 is multiplied by a slope: h0 is given, it did not come out of a softsign.",
        },
        "dW_h += da.T @ before -> dW_h += da.T @ h[t]": "dW_h is made with the state after each step: W_h multiplied the state before it.",
        "np.tile(h0, (len(h[0]), 1)) -> np.repeat(h0, len(h[0])).reshape(h[0].shape)": "h0 is repeated entry by entry: each row of the batch is the whole h0.",
        "db += da.sum(axis=0) -> db += da.mean(axis=0)": "The bias gradient is averaged over the batch: parts of a shared weight are summed.",
        "db +=  -> db = ": "db is overwritten at each step: the parts of all steps have to be added up.",
        "dW_h +=  -> dW_h = ": "dW_h is overwritten at each step: the parts of all steps have to be added up.",
        "range(len(h) - 1, -1, -1)": {
            "range(len(h) - 1, 0, -1)": "The first step is left out: its sum has a gradient too, and only through it does anything reach h0.",
            "range(len(h) - 2, -1, -1)": "The last step is left out: its state has a direct part like every other.",
        },
        " * (1 - np.abs(h[t])) ** 2 -> ": "The slope is missing: on its way from a state to its sum a gradient is multiplied by the slope.",
        "(dh[t] + back) * (1 - np.abs(h[t])) ** 2": {
            "dh[t] * (1 - np.abs(h[t])) ** 2 + back": "The slope multiplies the direct part alone: both parts reach the sum through the same softsign.",
            "dh[t] + back * (1 - np.abs(h[t])) ** 2": "The slope multiplies the part from later steps alone: both parts reach the sum through the same softsign.",
        },
        "dx[t] = da @ W_x -> dx[t] = dh[t] @ W_x": "dx is made with the gradient of the state: x acts on the sum, so it takes the gradient of the sum.",
    },
)


@softsign.mistake(
    "The loop runs forwards in time: a state's gradient needs that of the next one, so the last step comes first."
)
def forwards(dh, x, h, h0, W_x, W_h):
    dx, dh0, *others = softsign_at_once(dh[::-1], x[::-1], h[::-1], h0, W_x, W_h, h_prev=before(h, h0)[::-1])
    return dx[::-1], dh0, *others


@softsign.mistake("dh0 is the gradient of the first sum: on the way to h0 it has to pass W_h.")
def first_sum(dh, x, h, h0, W_x, W_h):
    dx, _, dW_x, dW_h, db = softsign_at_once(dh, x, h, h0, W_x, W_h)
    da = sums(dh, h, W_h)
    return dx, da[0].sum(axis=0), dW_x, dW_h, db


@softsign.mistake(
    "All weight gradients are averaged over the batch: every sequence used the same weights, so the parts are summed."
)
def mean_over_batch(dh, x, h, h0, W_x, W_h):
    dx, dh0, *others = softsign_at_once(dh, x, h, h0, W_x, W_h)
    return dx, dh0, *(d / x.shape[1] for d in others)


@softsign.mistake(
    "h0 is taken for one row per sequence: it has shape (H,), so give it to every sequence before it joins the states."
)
def a_row_for_each(dh, x, h, h0, W_x, W_h):
    return softsign_at_once(dh, x, h, h0, W_x, W_h, h_prev=np.concatenate([h0[None], h[:-1]]))


@softsign.mistake(
    "All weight gradients are divided by the number of steps: the loss may be a mean, but then dh says so already."
)
def mean_over_steps(dh, x, h, h0, W_x, W_h):
    dx, dh0, *others = softsign_at_once(dh, x, h, h0, W_x, W_h)
    return dx, dh0, *(d / len(x) for d in others)


# 3. cross_entropy_backward

slips(
    loss,
    {
        " * mask[..., None] / count ->  / count": "The mask is not used in the gradient: what is stored as a padded token's target must not matter.",
        "max(mask.sum(), 1.0)": {
            "mask.size": "The mean is over all tokens: divide by the number of real ones.",
            "mask.sum()": "An empty batch divides zero by zero: if nothing is real, all gradients are 0.",
            "mask.shape[1]": "The mean is over the sequences: divide by the number of real tokens.",
            "mask.shape[0]": "The mean is over the steps: divide by the number of real tokens.",
            "(mask.sum() + 1.0)": "1 is added to the number of real tokens: that changes every mean, and only an empty mask needs another number.",
            "max((targets != 0).sum(), 1.0)": "The real tokens are counted by their targets: 0 is a token like any other, and the mask alone says what is real.",
        },
        " / count -> ": "The gradients are those of the sum of the losses: the loss is their mean over the real tokens.",
        "z - z.max(axis=-1, keepdims=True) -> z": "The softmax is computed as written, and exp overflows for large logits: take the largest logit off first.",
        "(p - right)": {
            "(p)": "The one that marks the right token is missing: without it nothing raises the right token's logit.",
            "(p - right) * p * (1 - p)": "The difference is multiplied by p * (1 - p): it is the derivative for the logit already, no slope follows.",
            "p * (1 - p)": "This is the derivative of each probability with respect to its own logit: the loss is minus the logarithm of the right one.",
            "(p - right) * (p * right).sum(axis=-1, keepdims=True)": "This is the derivative of the right token's probability: the loss is its logarithm with a minus.",
            "(-1.0 * right / p)": "This is the derivative for the probabilities: on the way to the logits the softmax has to be passed as well.",
        },
        "p /= p.sum(axis=-1, keepdims=True)": {
            "p /= 1.0": "The softmax is not normalised: the probabilities of the V tokens at one place add up to 1.",
            "p /= p.sum(axis=-1, keepdims=True)\n    p = np.exp(p) / np.exp(p).sum(axis=-1, keepdims=True)": "The softmax is taken twice: the probabilities are treated as logits, and then hardly differ from each other.",
        },
        "dz.sum(axis=(0, 1))": {
            "dz.mean(axis=(0, 1))": "db_y is a mean over time and batch: its parts are summed, and the division by the number of real tokens is already in dz.",
            "((p - right) / count).sum(axis=(0, 1))": "The mask is missing in db_y: all three gradients come from the masked difference.",
        },
        "/ count\n": {
            "/ count\n    dz[-1] = 0.0\n": "The last step is left out: every step has a target, and the mask says which are real."
        },
        "* mask[..., None] -> * (1 - mask[..., None])": "The mask is the wrong way round: 1 marks what is real.",
        "(p - right) * mask[..., None]": {
            "(p * mask[..., None] - right)": "The mask is on the probabilities alone: it belongs to the whole difference.",
            "(p - right * mask[..., None])": "The mask is on the right token's one alone: it belongs to the whole difference.",
        },
        "return dz @ W_y": {
            "return (p - right) / count @ W_y": "The mask is missing in dh: all three gradients come from the masked difference.",
            "return dz * count @ W_y": "dh is not divided by the number of real tokens: all three gradients are those of the mean.",
        },
        "return dz @ W_y, dW_y,": {
            'return dz @ W_y, np.einsum("tbv,tbh->vh", (p - right) / count, h),': "The mask is missing in dW_y: all three gradients come from the masked difference.",
            "return dz @ W_y, dW_y / count,": "dW_y is divided by the number of real tokens once more: the division is in dz already.",
        },
        "z.max(axis=-1, keepdims=True)": {
            "z.max()": "The largest logit is taken off for many tokens at once: far below it all exp are 0, so take it off for each token.",
            "z.max(axis=0, keepdims=True)": "The largest logit is sought along another axis: what is taken off must be the same number for all logits of one token.",
        },
        "p.sum(axis=-1, keepdims=True)": {
            "p.sum(axis=0, keepdims=True)": "The exponentials are divided by their sum over time: the probabilities of the V tokens at one place add up to 1.",
            "p.sum(axis=1, keepdims=True)": "The exponentials are divided by their sum over the batch: the probabilities of the V tokens at one place add up to 1.",
            "p.sum()": "The exponentials are divided by the sum of all of them: the probabilities of the V tokens at each place add up to 1.",
        },
    },
)


@loss.mistake("The softmax runs over time: the probabilities of the V tokens at one place add up to 1.")
def softmax_over_time(h, targets, mask, W_y, b_y):
    z = h @ W_y.T + b_y
    p = np.exp(z - z.max(axis=0))
    return from_logits(p / p.sum(axis=0), h, targets, mask, W_y)


def divided_by(divisor):
    """The gradients with another divisor than the number of real tokens: a function of the mask."""

    def by_another_number(h, targets, mask, W_y, b_y):
        with np.errstate(all="ignore"):
            return from_logits(softmax(h @ W_y.T + b_y), h, targets, mask / divisor(mask), W_y, count=1.0)

    return by_another_number


def per_sequence(mask):
    return mask.sum(axis=0)


def per_step(mask):
    return mask.sum(axis=1, keepdims=True)


mistakes(
    loss,
    sequence_means=(
        "Each sequence is averaged by itself: the loss is one mean over all real tokens, in which long sequences count more.",
        divided_by(lambda mask: np.maximum(per_sequence(mask), 1.0) * max((per_sequence(mask) > 0).sum(), 1)),
    ),
    sequence_means_and_batch=(
        "Each sequence is averaged by itself, and then the batch: the loss is one mean, divided by the number of real tokens.",
        divided_by(lambda mask: np.maximum(per_sequence(mask), 1.0) * mask.shape[1]),
    ),
    by_own_length=(
        "Each sequence is divided by its own length: the loss is one mean, divided by the number of real tokens.",
        divided_by(lambda mask: np.maximum(per_sequence(mask), 1.0)),
    ),
    by_own_length_or_zero=(
        "Each sequence is divided by its own length, and that may be 0: the one divisor is the number of all real tokens.",
        divided_by(per_sequence),
    ),
    step_means=(
        "Each step is averaged by itself: the loss is one mean, divided by the number of real tokens.",
        divided_by(lambda mask: np.maximum(per_step(mask), 1.0)),
    ),
    step_means_or_zero=(
        "Each step is averaged by itself, and all its tokens may be padding: the one divisor is the number of all real tokens.",
        divided_by(per_step),
    ),
)


@loss.mistake("The logits are clipped: exp overflows no more, but logits beyond the limit become equal.")
def clipped(h, targets, mask, W_y, b_y):
    return from_logits(softmax(np.clip(h @ W_y.T + b_y, -500, 500)), h, targets, mask, W_y)


@loss.mistake(
    "The overflow is hidden: where infinity is divided by infinity stands no probability; take the largest logit off first."
)
def hidden_overflow(h, targets, mask, W_y, b_y):
    with np.errstate(all="ignore"):
        p = np.exp(h @ W_y.T + b_y)
        return from_logits(np.nan_to_num(p / p.sum(axis=-1, keepdims=True)), h, targets, mask, W_y)


@loss.mistake(
    "The mask is applied to the logits: the probabilities of padded tokens then are even, but their gradient is not zero."
)
def mask_on_logits(h, targets, mask, W_y, b_y):
    p = softmax((h @ W_y.T + b_y) * mask[..., None])
    return from_logits(p, h, targets, np.ones_like(mask), W_y, count=max(mask.sum(), 1.0))


# 4. embedding_backward

slips(
    embedding,
    {
        "dE[pad]": {
            "dE[:pad]": "All rows below the padding's are set to zero, and its own is not: pad is the number of one row.",
            "dE[pad:]": "All rows from the padding's on are zero: pad is one id, and those above it are tokens.",
            "dE[: pad + 1]": "All rows up to the padding's are zero: pad is one id, and those below it are tokens.",
            "dE[:, pad]": "A column is set to zero: the padding has a row of the table.",
        },
        "    dE[pad] = 0.0": {
            "    if pad:\n        dE[pad] = 0.0": "A padding with id 0 is overlooked: 0 is an id like any other, but as a condition it counts as False."
        },
    },
)


@embedding.mistake(
    "Of a token that occurs twice only one place counts: with `dE[ids]` on the left each row is written once."
)
def last_one_wins(dx, ids, V, pad):
    dE = np.zeros((V, dx.shape[2]))
    dE[ids] += dx
    dE[pad] = 0
    return dE


@embedding.mistake(
    "Of a token that occurs twice in one step only one place counts: with `dE[ids[t]]` on the left each row is written once."
)
def last_of_a_step(dx, ids, V, pad):
    return sum(last_one_wins(dx[t : t + 1], ids[t : t + 1], V, pad) for t in range(len(ids)))


@embedding.mistake(
    "Of a token that occurs twice in one sequence only one place counts: with its ids on the left each row is written once."
)
def last_of_a_sequence(dx, ids, V, pad):
    return sum(last_one_wins(dx[:, [b]], ids[:, [b]], V, pad) for b in range(ids.shape[1]))


@embedding.mistake("Of each token only the first place counts: its row was used at all of them.")
def first_place(dx, ids, V, pad):
    return last_one_wins(dx[::-1, ::-1], ids[::-1, ::-1], V, pad)


@embedding.mistake("The places are counted, not added up: each place gives its dx.")
def counted(dx, ids, V, pad):
    return add_at(np.ones_like(dx), ids, V, pad)


@embedding.mistake("What follows a padding in its sequence is left out: padding may stand anywhere.")
def until_padding(dx, ids, V, pad):
    real = np.cumsum(ids == pad, axis=0) == 0
    return add_at(dx * real[..., None], ids, V, pad)


@embedding.mistake("The first step is left out: its rows were looked up as well.")
def without_the_first(dx, ids, V, pad):
    return add_at(dx[1:], ids[1:], V, pad)


@embedding.mistake("The last step is left out: its rows were looked up as well.")
def without_the_last(dx, ids, V, pad):
    return add_at(dx[:-1], ids[:-1], V, pad)


@embedding.mistake("The gradient is divided by the number of sequences: if the loss is a mean, dx says so already.")
def mean_over_sequences(dx, ids, V, pad):
    return add_at(dx, ids, V, pad) / ids.shape[1]


@embedding.mistake(
    "A token's row gets the mean over its places: the row was used at each of them, so its gradient is the sum."
)
def mean_over_places(dx, ids, V, pad):
    places = np.bincount(ids.ravel(), minlength=V)
    return add_at(dx, ids, V, pad) / np.maximum(places, 1)[:, None]


@embedding.mistake(
    "The gradient is divided by the number of places in the batch: if the loss is a mean, dx says so already."
)
def mean_over_all(dx, ids, V, pad):
    return add_at(dx, ids, V, pad) / ids.size


@embedding.mistake("Only the first sequence of the batch counts: all of them use the same table.")
def first_sequence(dx, ids, V, pad):
    return add_at(dx[:, :1], ids[:, :1], V, pad)


@embedding.mistake(
    "Each token gets the gradient of the step before: the row was looked up at the same step at which dx stands."
)
def one_step_late(dx, ids, V, pad):
    return add_at(dx[:-1], ids[1:], V, pad)


@embedding.mistake(
    "Each token gets the gradient of the step after: the row was looked up at the same step at which dx stands."
)
def one_step_early(dx, ids, V, pad):
    return add_at(dx[1:], ids[:-1], V, pad)


# 5. checkpointed_backward

slips(
    segments,
    {
        "        stop = min(": {
            "        carried = np.zeros(kept[0].shape)\n        stop = min(": "The gradient does not cross the seams: what a segment sends back enters the last step of the segment before it."
        },
        "dh[t] + carried": {
            "carried + (dh[t] if t == len(x) - 1 else 0)": "dh is used at the last step only: each state gets its own dh[t] besides what comes from later.",
            "dh[t]": "Nothing comes back from later steps: the total gradient of a state is dh[t] and what the next step sends back.",
            "carried": "dh is not used: each state gets its own dh[t] besides what comes from later.",
            "carried + (dh[t] if t == stop - 1 else 0)": "dh is used at the ends of the segments only: each state gets its own dh[t], wherever it stands.",
            "dh[t] + (carried if t == stop - 1 else 0)": "What comes from later is used at the ends of the segments only: inside a segment each step sends back as well.",
            "dh[t] + carried * (2 if t == stop - 1 else 1)": "What a segment sends back is added twice: it belongs to the last step of the segment before it, once.",
            "(carried if t == stop - 1 < len(x) - 1 else dh[t] + carried)": "At the seams dh[t] is replaced by what the segment behind sends back: the last state of a segment has its direct gradient as well.",
            "(dh[t - 1] if t > 0 else 0) + carried": "dh is read one step too early: dh[t] belongs to the new state of step t.",
            "(dh[t + 1] if t + 1 < len(x) else 0) + carried": "dh is read one step too late: dh[t] belongs to the new state of step t.",
            "dh[t - s * k] + carried": "Each segment uses the first entries of dh: segment s begins at step s * k.",
        },
        "before = [kept[s]]": {
            "before = [kept[min(s + 1, len(kept) - 1)]]": "A segment is started from the next one's state: kept[s] is the state before step s * k.",
            "before = [kept[s + 1]]": "A segment is started from the next one's state, and behind the last there is none: kept[0] belongs to the first segment.",
            "before = [kept[0]]": "Every segment starts from h0: each has its own kept state.",
            "before = [kept[max(s - 1, 0)]]": "A segment is started from the state kept for the segment before it: kept[s] is the state before step s * k.",
            "before = [kept[s] if s == 0 else step(x[s * k - 1], kept[s - 1])]": "A segment is started one step after the state kept for the one before it: it has its own kept state.",
        },
        "step(x[t], before[-1]) -> step(x[t - s * k], before[-1])": "The states are computed with the inputs of the first segment: segment s begins at step s * k.",
        "step_backward(dh[t] + carried, x[t], before.pop()) -> step_backward(dh[t] + carried, x[t], step(x[t], before.pop()))": "The state after each step is handed to step_backward: it asks for the old one, before the step.",
        "before.pop() -> before.pop(0)": "The states are taken from the front of the segment: going backwards, the last one comes first.",
        "dx[t], carried = step_backward(dh[t] + carried, x[t], before.pop())": {
            "dx[t], back = step_backward(dh[t] + carried, x[t], before.pop())\n            carried = carried + back": "What comes from later is added up: what a step sends back already holds all that came from behind it."
        },
        "step_backward(dh[t] + carried, x[t], -> step_backward(dh[t] + carried, x[t - s * k],": "Going backwards, each segment uses the inputs of the first: segment s begins at step s * k.",
        "range(s * k, stop - 1) -> range(s * k + 1, stop)": "The first step of a segment is not run again: kept[s] is the state before it.",
        "return dx, carried -> return dx, carried + dh[0]": "dh[0] is added to dh0: it is the direct gradient of the state after step 0, and h0 has none.",
    },
)


@segments.mistake("The last, shorter segment is left out: T need not be a multiple of k.")
def rest_left_out(step, step_backward, x, kept, dh, k):
    states = old_states(step, x, kept, k)
    whole = len(x) // k * k
    return by_segments(step, step_backward, x, kept, dh, k, states, whole)


@segments.mistake("The kept state stands in for all states of its segment: those in between have to be computed again.")
def never_run_again(step, step_backward, x, kept, dh, k):
    states = [kept[t // k] for t in range(len(x))]
    return by_segments(step, step_backward, x, kept, dh, k, states)


@segments.mistake(
    "The segments are walked from the first to the last: a segment needs what the one after it sends back."
)
def first_segment_first(step, step_backward, x, kept, dh, k):
    states = old_states(step, x, kept, k)
    dx, carried = np.zeros_like(x), np.zeros_like(kept[0])
    for s in range(len(kept)):
        for t in reversed(range(s * k, min((s + 1) * k, len(x)))):
            dx[t], carried = step_backward(dh[t] + carried, x[t], states[t])
    return dx, carried


@segments.mistake(
    "The steps of a segment are walked from the first to the last: each needs what the one after it sends back."
)
def first_step_first(step, step_backward, x, kept, dh, k):
    states = old_states(step, x, kept, k)
    dx, carried = np.zeros_like(x), np.zeros_like(kept[0])
    for s in reversed(range(len(kept))):
        for t in range(s * k, min((s + 1) * k, len(x))):
            dx[t], carried = step_backward(dh[t] + carried, x[t], states[t])
    return dx, carried


@segments.mistake(
    "The last step of each segment is left out on the way back: it has its own dh, and it sends back as well."
)
def last_steps_left_out(step, step_backward, x, kept, dh, k):
    states = old_states(step, x, kept, k)
    dx, carried = np.zeros_like(x), np.zeros_like(kept[0])
    for t in reversed(range(len(x) - 1)):
        if t % k != k - 1:
            dx[t], carried = step_backward(dh[t] + carried, x[t], states[t])
    return dx, carried


@segments.mistake(
    "dh0 is the gradient of the first state after a step: it has to go back through the first step to reach h0."
)
def one_step_short(step, step_backward, x, kept, dh, k):
    states = old_states(step, x, kept, k)
    dx, _ = by_segments(step, step_backward, x, kept, dh, k, states)
    later = np.zeros_like(kept[0])
    for t in reversed(range(1, len(x))):
        _, later = step_backward(dh[t] + later, x[t], states[t])
    return dx, dh[0] + later


# 6. diagonal_rtrl

slips(
    rtrl,
    {
        "P = slope * (h + w * P)": {
            "P = slope * h": "The way through the old state is missing for w: the state before depends on w already.",
            "P = np.broadcast_to((slope * (h + w * P)).mean(axis=0), h.shape)": "The derivatives of w are averaged over the batch before they are carried on: each sequence carries its own.",
        },
        "(x_t[:, None, :] + w[:, None] * Q) -> (x_t[:, None, :] + 0 * Q)": "The way through the old state is missing for W_x: the state before depends on W_x already.",
        "(h + w * P)": {
            "(h + P)": "The carried part of w is handed on at full size: on its way into the new state the old one is weighted.",
            "(w * P)": "The direct part of w is missing: w acts at this step too, not through the old state alone.",
            "(new + w * P)": "The new state is used in the direct part of w: it was not there yet when this step's sum was made.",
            "w * (h + P)": "The direct part of w is multiplied by w: the sum is linear in w, so its derivative holds it no more.",
            "w * (h + w * P)": "Everything in the derivative for w is multiplied by w once too often.",
            "(h - w * P)": "The carried part of w has the wrong sign: both parts are added.",
        },
        "w[:, None] * Q -> Q": "The carried part of W_x is handed on at full size: on its way into the new state the old one is weighted.",
        "slope * (h + w * P)": {
            "slope * h + w * P": "The slope of the tanh is missing in the carried part of w: both reasons act through the tanh.",
            "h + slope * w * P": "The slope of the tanh is missing in the direct part of w: both reasons act through the tanh.",
        },
        "(g * P).sum(axis=0) -> (g * P).mean(axis=0)": "The gradients are averaged over the batch in dw: every sequence used the same weights, so the parts are summed.",
        "(g[..., None] * Q).sum(axis=0) -> (g[..., None] * Q).mean(axis=0)": "The gradients are averaged over the batch in dW_x: every sequence used the same weights, so the parts are summed.",
        "slope = 1 - new**2": {
            "slope = np.ones(new.shape)": "The slope of the tanh is missing: both parts act through it.",
            "slope = 1 - h**2": "The slope is that of the old state: the tanh gave the new one.",
            "slope = 1 - new": "The slope is 1 - h: the tanh is as steep at -h as it is at h.",
            "slope = new * (1 - new)": "The slope is that of the logistic function: these states came out of a tanh.",
        },
        "slope[..., None] * (x_t[:, None, :] + w[:, None] * Q)": {
            "slope[..., None] * x_t[:, None, :] + w[:, None] * Q": "The slope of the tanh is missing in the carried part of W_x: both reasons act through the tanh.",
            "x_t[:, None, :] + slope[..., None] * w[:, None] * Q": "The slope of the tanh is missing in the direct part of W_x: both reasons act through the tanh.",
        },
        "x_t[:, None, :] + -> x_t[:, None, :] * W_x +": "The direct part of W_x is multiplied by W_x: the sum is linear in W_x, so its derivative holds it no more.",
        "w * h + x_t @ W_x.T -> x_t @ W_x.T": "The old state is missing in the sum: a has two terms.",
        "P, Q = np.zeros(h0.shape)": {
            "P, Q = h0.copy()": "The derivatives of w start with h0: h0 does not depend on w, so they start at 0.",
            "P, Q = np.ones(h0.shape)": "The derivatives of w start with ones: h0 does not depend on w, so they start at 0.",
        },
    },
)


def with_other_gradients(gradients):
    """The results if the derivatives at each step meet other gradients than dh[t]."""

    def other_gradients(dh, x, h0, w, W_x):
        return prefix_by_prefix(gradients(dh), x, h0, w, W_x)

    return other_gradients


mistakes(
    rtrl,
    dh_cumulated=(
        "dh is added up before it meets the derivatives: the loss of step t meets those of step t alone.",
        with_other_gradients(lambda dh: np.cumsum(dh, axis=0)),
    ),
    dh_summed=(
        "dh of all steps is added up before it meets the derivatives: the loss of step t meets those of step t alone.",
        with_other_gradients(lambda dh: np.tile(dh.sum(axis=0), (len(dh), 1, 1))),
    ),
    dh_from_here_on=(
        "dh of this step and all later ones meets the derivatives: the loss of step t meets those of step t alone.",
        with_other_gradients(lambda dh: np.cumsum(dh[::-1], axis=0)[::-1]),
    ),
)


@rtrl.mistake("The first step is left out: it moves the state, and its loss counts as well.")
def from_the_second(dh, x, h0, w, W_x):
    if len(x) == 1:
        return np.zeros((1, *w.shape)), np.zeros((1, *W_x.shape))
    return [np.concatenate([0 * d[:1], d]) for d in prefix_by_prefix(dh[1:], x[1:], h0, w, W_x)]


@rtrl.mistake("The results are means over the steps so far: entry t is a sum.")
def running_mean(dh, x, h0, w, W_x):
    dw, dW_x = prefix_by_prefix(dh, x, h0, w, W_x)
    steps = 1 + np.arange(len(x))
    return dw / steps[:, None], dW_x / steps[:, None, None]


@rtrl.mistake("Entry t holds the losses from step t on: it must hold those up to step t.")
def from_step_on(dh, x, h0, w, W_x):
    return [d[-1] - d + np.diff(d, axis=0, prepend=0 * d[:1]) for d in prefix_by_prefix(dh, x, h0, w, W_x)]


@rtrl.mistake(
    "The derivatives of w reach back one step only: the old derivatives that are carried hold all the steps before."
)
def one_step_back(dh, x, h0, w, W_x):
    _, dW_x = prefix_by_prefix(dh, x, h0, w, W_x)
    _, old = diagonal_sums(dh, x, h0, w, W_x)
    slope = 1 - np.tanh(w * old + x @ W_x.T) ** 2
    direct = slope * old
    P = direct + slope * w * np.concatenate([0 * old[:1], direct[:-1]])
    return (dh * P).sum(axis=1).cumsum(axis=0), dW_x


@rtrl.mistake("The tanh is left out: the new state is the tanh of the sum.")
def without_tanh(dh, x, h0, w, W_x):
    P, Q, h = np.zeros(h0.shape), np.zeros((*h0.shape, x.shape[2])), h0
    dw, dW_x = [], []
    for x_t, g in zip(x, dh, strict=True):
        P, Q = h + w * P, x_t[:, None, :] + w[:, None] * Q
        h = w * h + x_t @ W_x.T
        dw.append((g * P).sum(axis=0))
        dW_x.append(np.einsum("bh,bhi->hi", g, Q))
    return np.cumsum(dw, axis=0), np.cumsum(dW_x, axis=0)


@rtrl.mistake("The input of the step before is used in the derivatives of W_x: this step's input made its sum.")
def input_before(dh, x, h0, w, W_x):
    dw, _ = prefix_by_prefix(dh, x, h0, w, W_x)
    _, old = diagonal_sums(dh, x, h0, w, W_x)
    Q, parts = np.zeros((*h0.shape, x.shape[2])), []
    for t in range(len(x)):
        slope = 1 - np.tanh(w * old[t] + x[t] @ W_x.T) ** 2
        Q = slope[..., None] * ((x[t - 1] if t else 0 * x[0])[:, None, :] + w[:, None] * Q)
        parts.append(np.einsum("bh,bhi->hi", dh[t], Q))
    return dw, np.cumsum(parts, axis=0)


@rtrl.mistake(
    "Parts are added by the step at which a weight was used, from the first on: entry t must hold the losses up to t, and all uses before them."
)
def by_use(dh, x, h0, w, W_x):
    da, old = diagonal_sums(dh, x, h0, w, W_x)
    dw = (da * old).sum(axis=1)
    return dw.cumsum(axis=0), np.einsum("tbh,tbi->thi", da, x).cumsum(axis=0)


# 7. wrong_entries

slips(
    judge,
    {
        "(above - loss(probe)) / (2 * step) -> (above - loss(array)) / step": "The difference is taken to one side only: half a step times the curvature is added, so right entries look wrong.",
        "/ (2 * step) -> / step": "The slopes are twice too large: between the two points lie two steps.",
        "step = np.zeros(array.shape), 1e-5": {
            "step = np.zeros(array.shape), 1e-30": "The slope comes out as 0 everywhere: the nudge does not reach the loss, or is lost in rounding, or the difference is not divided by both steps together.",
            "step = np.zeros(array.shape), 1e-12": "The step is far too small: on top of a large number a change by so little is lost in rounding.",
            "step = np.zeros(array.shape), 1e-3": "The step is too large: where the slope changes quickly a thousandth is no small step.",
            "step = np.zeros(array.shape), 1e-2": "The step is far too large: the loss is not a straight line over a hundredth.",
            "step = np.zeros(array.shape), 0.1": "The step is far too large: the loss is not a straight line over a tenth.",
        },
        "np.abs(gradient - numeric)": {
            "(gradient - numeric)": "Only claims that are too large are found: what counts is the distance, to either side.",
            "(numeric - gradient)": "Only claims that are too small are found: what counts is the distance, to either side.",
            "np.abs(np.abs(gradient) - np.abs(numeric))": "A claim of the wrong sign passes: the distance of the two counts, not that of their sizes.",
        },
        "np.abs(gradient - numeric) > allowed -> np.round(gradient, 3) != np.round(numeric, 3)": "Rounded numbers are compared: two that are almost the same can round apart, so compare their distance.",
        "1e-4 + 1e-3 * np.abs(numeric)": {
            "1e-3 * np.abs(numeric)": "The tolerance is relative only: where the gradient is zero it allows nothing.",
            "1e-9 + 1e-9 * np.abs(numeric)": "The tolerance is so tight that the error of the difference itself counts: with a step of 1e-5 few losses give nine right digits.",
            "1e-6": "The tolerance leaves no room for the error of the difference itself: draw the line between 0.000001 and 0.001.",
            "1e-4 + 2e-2 * np.abs(numeric)": "The relative tolerance is so wide that errors of more than 1 % pass.",
            "1e-2": "The absolute tolerance is so wide that small entries can be wrong unseen.",
            "0.1 + 0.1 * np.abs(numeric)": "Both tolerances, relative and absolute, are so wide that wrong entries pass.",
            "1e-6 * np.abs(numeric).max()": "All entries are judged by a tiny share of the largest: if that is small, right entries look wrong.",
            "1e-4 * np.abs(loss(array))": "The tolerance is a share of the loss: the loss may stand on top of a large number, and its gradient does not.",
        },
        "1e-3 * np.abs(numeric)": {
            "1e-3 * numeric": "The tolerance is negative where the gradient is: it depends on the size, not on the sign.",
            "1e-2 * np.abs(numeric).max()": "All entries are judged by the largest: small ones can then be wrong unseen.",
        },
    },
)


@judge.mistake("One verdict is given for the whole array: say for each entry whether it is wrong.")
def all_or_nothing(loss, array, gradient):
    found = five_points(loss, array, gradient)
    return np.full(array.shape, found.any())


@judge.mistake("All entries are nudged together: one entry at a time, or their effects are mixed up.")
def all_at_once(loss, array, gradient):
    slope = (loss(array + 1e-5) - loss(array - 1e-5)) / 2e-5
    return np.abs(gradient - slope) > 1e-4 + 1e-3 * abs(slope)


@judge.mistake("Whole rows are nudged together: one entry at a time, whatever the shape.")
def row_by_row_together(loss, array, gradient):
    wrong = np.zeros(array.shape, dtype=bool)
    for k in range(len(array)):
        move = np.zeros(array.shape)
        move[k] = 1e-5
        slope = (loss(array + move) - loss(array - move)) / 2e-5
        wrong[k] = np.abs(gradient[k] - slope) > 1e-4 + 1e-3 * abs(slope)
    return wrong


@judge.mistake("The step is a share of the entry: for an entry of 0 it is 0, and 0 / 0 judges nothing.")
def step_by_share(loss, array, gradient):
    return with_steps(loss, array, gradient, 1e-5 * np.abs(array))


@judge.mistake("The step is almost a share of the entry: for an entry of 0 it is so small that rounding swallows it.")
def step_almost_by_share(loss, array, gradient):
    return with_steps(loss, array, gradient, 1e-5 * (np.abs(array) + 1e-8))


def with_steps(loss, array, gradient, steps):
    slopes = np.zeros(array.shape)
    for index in np.ndindex(array.shape):
        move = np.zeros(array.shape)
        move[index] = steps[index]
        with np.errstate(all="ignore"):
            slopes[index] = np.float64(loss(array + move) - loss(array - move)) / (2 * steps[index])
    return np.abs(gradient - slopes) > 1e-4 + 1e-3 * np.abs(slopes)


@judge.mistake("The array itself is nudged and not set back: work on a copy.")
def left_nudged(loss, array, gradient):
    numeric = np.zeros(array.shape)
    for index in np.ndindex(array.shape):
        array[index] += 1e-5
        above = loss(array)
        array[index] -= 2e-5
        numeric[index] = (above - loss(array)) / 2e-5
    return np.abs(gradient - numeric) > 1e-4 + 1e-3 * np.abs(numeric)


@judge.mistake("array is almost what it was: a step forward and back in floating point need not end where it began.")
def almost_set_back(loss, array, gradient):
    numeric = np.zeros(array.shape)
    for index in np.ndindex(array.shape):
        array[index] += 1e-5
        above = loss(array)
        array[index] -= 2e-5
        numeric[index] = (above - loss(array)) / 2e-5
        array[index] += 1e-5
    return np.abs(gradient - numeric) > 1e-4 + 1e-3 * np.abs(numeric)


@judge.mistake("The nudged entry is not set back: the entries after it are then judged at another place.")
def left_behind(loss, array, gradient):
    return left_nudged(loss, array.copy(), gradient)
