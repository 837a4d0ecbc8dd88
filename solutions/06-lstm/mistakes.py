"""The known mistakes of unit 06-lstm."""

import numpy as np
from checks import (
    bias,
    by_index,
    by_logarithms,
    by_sums,
    cells,
    masked,
    old,
    one_sequence_at_a_time,
    onnx,
    path,
    scales,
    sigmoid,
    with_half_tanh,
)

from rnncourse.authoring import mistakes, slips


def by_ratio(a):
    """The logistic function as people write it first: NaN where the exponential overflows."""
    return np.exp(a) / (1 + np.exp(a))


# 1. masked_lstm_step

slips(
    masked,
    {
        "return np.where(real, h, h_prev), np.where(real, c, c_prev) -> return h, c": "The mask has no effect: at padded steps both states go on, where they have to stand still.",
        "np.where(real, h, h_prev)": {
            "np.where(real, h, 0.0)": "The hidden state at padded steps is set to zero: it stands still, so that it is what it was.",
            "h": "Only the cell state stands still: the hidden state has to as well.",
            "np.where(real, h, np.tanh(c_prev))": "At padded steps h is tanh of the old cell state: it stands still and is h_prev.",
        },
        "np.where(real, c, c_prev)": {
            "np.where(real, c, 0.0)": "The cell state at padded steps is set to zero: it stands still, so that it is what it was.",
            "c": "Only the hidden state stands still: the cell state has to as well, or the padding is remembered.",
        },
        "i, f, g, o =": {
            "i, f, o, g =": "The gates are taken in the order i, f, o, g: the third block is the candidate, the fourth the output gate.",
            "f, i, g, o =": "Input and forget gate are exchanged: the first block is i, the second f.",
            "i, g, f, o =": "The gates are taken in the order i, g, f, o: the second block is the forget gate, the third the candidate.",
            "i, o, f, g =": "The gates are taken in ONNX's order i, o, f, g: here it is PyTorch's.",
            "i, f, g, o = np.moveaxis(a.reshape(len(a), -1, 4), 2, 0)  #": "The four sums of a unit are taken as neighbours: all sums of i come first, then all of f, g and o.",
        },
        "sigmoid(o) * np.tanh(c)": {
            "sigmoid(o) * c": "The new cell state is shown without tanh: h stays between -1 and 1, however large c becomes.",
            "sigmoid(o) * np.tanh(c_prev)": "The hidden state is made from the old cell state: the output gate shows the new one.",
            "np.tanh(o) * np.tanh(c)": "The output gate goes through tanh: a gate is between 0 and 1, a logistic function.",
        },
        "np.tanh(g)": {
            "sigmoid(g)": "The candidate goes through the logistic function: it is a tanh and may be negative.",
            "np.tanh(sigmoid(g))": "The candidate goes through the logistic function and then through tanh: it is tanh of its sum alone.",
        },
        "sigmoid(f) * c_prev": {
            "c_prev": "The forget gate is missing: this adds to the whole old cell state, as in 1997.",
            "(1 - sigmoid(f)) * c_prev": "The forget gate is turned round, 1 - f: it says how much is kept.",
            "sigmoid(f) * h_prev": "The forget gate multiplies the old hidden state: what it keeps is the old cell state.",
        },
        "return np.where(real, h, h_prev), np.where(real, c, c_prev)": {
            "return np.where(real, h, c_prev), np.where(real, c, h_prev)": "At padded steps the two old states are exchanged: each state stays what it was itself.",
            "return mask[:, None] * h + h_prev, mask[:, None] * c + c_prev": "The old states are added everywhere: they are kept at padded steps only, and replaced at real ones.",
        },
        "h_prev @ W_h.T -> c_prev @ W_h.T": "The gates read the cell state: the recurrent weights belong to the hidden state.",
        "mask[:, None] > 0": {
            "mask > 0": "The mask lies along the units: it has one entry for each sequence. (Where B and H are equal it runs, and is wrong.)",
            "mask[None, :] > 0": "The mask is a row, which lies along the units: it has one entry for each sequence and has to be a column.",
            "mask[0] > 0": "The first sequence's mask decides for the whole batch: every sequence has an entry of its own.",
            "np.any(mask > 0)": "States stand still only if all sequences are padded: every sequence has an entry of its own.",
            "np.all(mask > 0)": "States move only if no sequence is padded: every sequence has an entry of its own.",
            "np.cumprod(mask)[:, None] > 0": "All sequences behind the first padded one stand still: every sequence has an entry of its own.",
        },
        "sigmoid(i) * np.tanh(g)": {
            "np.tanh(g)": "The input gate is missing: it multiplies the candidate.",
            "(1 - sigmoid(f)) * np.tanh(g)": "The input gate is taken as 1 - f: the LSTM's is a gate of its own, with its own sum.",
        },
        "sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)": {
            "np.clip(sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g), -1, 1)": "The cell state is limited to -1 to 1: nothing limits it, only what is shown goes through tanh.",
            "np.tanh(f) * c_prev + np.tanh(i) * np.tanh(g)": "Input and forget gate go through tanh: a gate is between 0 and 1, a logistic function.",
        },
        "sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)\n    h = sigmoid(o)": {
            "np.tanh(f) * c_prev + np.tanh(i) * np.tanh(g)\n    h = np.tanh(o)": "All four sums go through tanh: that is for the candidate only, the three gates are logistic functions.",
        },
        "np.tanh(g)\n    h = sigmoid(o) * np.tanh(c)": {
            "(4 * sigmoid(g) - 2)\n    h = sigmoid(o) * (2 * sigmoid(c) - 1)": "These are the squashing functions of 1997: today's cell has tanh for the candidate and for what is shown.",
        },
    },
)


def without_standing_still(change):
    """A step that goes on at padded places, after `change` of the gates i, f, g, o by the mask m."""

    def step(x, mask, h_prev, c_prev, W_x, W_h, b):
        a = np.split(x @ W_x.T + h_prev @ W_h.T + b, 4, axis=1)
        i, f, g, o = change(sigmoid(a[0]), sigmoid(a[1]), np.tanh(a[2]), sigmoid(a[3]), mask[:, None])
        c = f * c_prev + i * g
        return o * np.tanh(c), c

    return step


def sums_masked(x, mask, h_prev, c_prev, W_x, W_h, b):
    a = (x @ W_x.T + h_prev @ W_h.T + b) * mask[:, None]
    i, f, g, o = np.split(a, 4, axis=1)
    c = sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def blended_along_units(x, mask, h_prev, c_prev, W_x, W_h, b):
    i, f, g, o = np.split(x @ W_x.T + h_prev @ W_h.T + b, 4, axis=1)
    c = sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    return mask * h + (1 - mask) * h_prev, mask * c + (1 - mask) * c_prev


def blended_with_exponentials(x, mask, h_prev, c_prev, W_x, W_h, b):
    i, f, g, o = np.split(x @ W_x.T + h_prev @ W_h.T + b, 4, axis=1)
    c = by_ratio(f) * c_prev + by_ratio(i) * np.tanh(g)
    h, m = by_ratio(o) * np.tanh(c), mask[:, None]
    return m * h + (1 - m) * h_prev, m * c + (1 - m) * c_prev


def real_rows_only(x, mask, h_prev, c_prev, W_x, W_h, b):
    h, c = one_sequence_at_a_time(x, mask, h_prev, c_prev, W_x, W_h, b)
    return h[mask > 0], c[mask > 0]


def mask_as_places(x, mask, h_prev, c_prev, W_x, W_h, b):
    h, c = one_sequence_at_a_time(x, np.ones_like(mask), h_prev, c_prev, W_x, W_h, b)
    places = mask.astype(int)
    h_new, c_new = h_prev.copy(), c_prev.copy()
    h_new[places], c_new[places] = h[places], c[places]
    return h_new, c_new


@masked.mistake("Only the input is masked: with x at zero the step still changes both states.")
def input_masked_only(x, mask, h_prev, c_prev, W_x, W_h, b):
    a = (x * mask[:, None]) @ W_x.T + h_prev @ W_h.T + b
    i, f, g, o = np.split(a, 4, axis=1)
    c = sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@masked.mistake("At padded steps h is shown anew from the old cell state: it stands still and is h_prev.")
def shown_anew(x, mask, h_prev, c_prev, W_x, W_h, b):
    a = x @ W_x.T + h_prev @ W_h.T + b
    i, f, g, o = np.split(a, 4, axis=1)
    c = np.where(mask[:, None] > 0, sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g), c_prev)
    return sigmoid(o) * np.tanh(c), c


@masked.mistake("The states that were handed in are changed in place: the caller's arrays must stay as they are.")
def in_place(x, mask, h_prev, c_prev, W_x, W_h, b):
    a = x @ W_x.T + h_prev @ W_h.T + b
    i, f, g, o = np.split(a, 4, axis=1)
    real = mask > 0
    c_prev[real] = (sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g))[real]
    h_prev[real] = (sigmoid(o) * np.tanh(c_prev))[real]
    return h_prev, c_prev


mistakes(
    masked,
    sums_masked=(
        "The sums are set to zero at padded steps: the gates are then one half, and both states still change.",
        sums_masked,
    ),
    input_gate_masked=(
        "Only the input gate is closed at padded steps: the forget gate still takes from the cell, and h is shown anew.",
        without_standing_still(lambda i, f, g, o, m: (i * m, f, g, o)),
    ),
    forget_gate_masked=(
        "The forget gate is closed at padded steps, which empties the cell: there both states have to stay what they were.",
        without_standing_still(lambda i, f, g, o, m: (i, f * m, g, o)),
    ),
    both_gates_masked=(
        "Both states are emptied at padded steps (set to zero, or by closing input and forget gate): they have to stay what they were.",
        without_standing_still(lambda i, f, g, o, m: (i * m, f * m, g, o)),
    ),
    blended_along_units=(
        "The mask multiplies along the units: it has one entry for each sequence. (Where B and H are equal it runs, and is wrong.)",
        blended_along_units,
    ),
    mask_as_places=(
        "The mask is used as a list of row numbers, 0 and 1: it says of every row whether it is real.",
        mask_as_places,
    ),
    blended_with_exponentials=(
        "The exponential of a huge padded value overflows to NaN, and 0 times NaN is NaN: padded results are not to be multiplied by 0 but left out.",
        blended_with_exponentials,
    ),
    real_rows_only=(
        "Padded sequences are left out of the result: they keep their place in the batch, with the states that they had.",
        real_rows_only,
    ),
)

# 2. backward_1997

slips(
    old,
    {
        "dc_later +  -> ": "What comes from the next step is missing in the adjoint of c: c goes to h and to the next c.",
        "(4 - g**2) / 4": {
            "(1 - g**2)": "The slope of the candidate is that of tanh: this candidate runs from -2 to 2, and its slope is zero there, not at -1 and 1.",
            "g * (1 - g)": "The slope of the candidate is taken as g (1 - g): that is for a value of the logistic function itself, and g has been stretched and shifted.",
            "(4 - g**2)": "The slope of the candidate is four times too large.",
            "(4 - g**2) / 16": "The slope of the candidate is four times too small: the 4 in front of sigma stretches the slope as well.",
            "4 * g * (1 - g)": "The slope of the candidate is taken as 4 g (1 - g): g is not a value of the logistic function itself, it has been stretched and shifted.",
            "sigmoid(g) * (1 - sigmoid(g))": "sigma is applied to g, which is a result of sigma already, and the 4 in front is missing: a slope is to be made of the value g.",
            "4 * sigmoid(g) * (1 - sigmoid(g))": "sigma is applied to g, which is a result of sigma already: the slope has to be made of the value g.",
            "(1 - (g / 4) ** 2)": "The slope of the candidate is zero at its ends, and these are -2 and 2, not -4 and 4.",
            "(1 - g**2 / 2)": "The slope of the candidate is zero too close to 0: the candidate is flat at its ends only, and these are -2 and 2.",
            "(2 + g) * -g": "The value of sigma that is recovered from g is twice too large, and so no longer between 0 and 1.",
        },
        "(1 - shown**2) / 2": {
            "(1 - shown**2)": "The slope of phi is twice too large: between the same ends phi rises more slowly than tanh.",
            "shown * (1 - shown)": "The slope of phi is taken as phi (1 - phi): that is for a value of the logistic function itself, and phi has been stretched and shifted.",
            "2 * shown * (1 - shown)": "The slope of phi is taken as 2 phi (1 - phi): phi is not a value of the logistic function itself, it has been stretched and shifted.",
            "sigmoid(c) * (1 - sigmoid(c))": "The slope of phi is half of what it should be: the 2 in front of sigma stretches the slope as well.",
            "2 * c * (1 - c)": "The slope of phi is made of c: it has to be made of a value of sigma or of phi.",
            "(1 - c**2) / 2": "The slope of phi is made of c itself and turns negative where c is large: it has to be made of what is shown of c.",
            "(1 - np.tanh(c) ** 2)": "The slope of phi is that of tanh, as in today's cell: phi rises more slowly.",
            "shown": "phi stands where its slope should: h goes back to c through the derivative of phi.",
            "(shown**2 - 1) / 2": "The slope of phi has the wrong sign: phi rises everywhere.",
            "(1 - shown) / 2": "The slope of phi is not the same for c and -c: a square is missing in it.",
        },
        "2 * sigmoid(c) - 1 -> np.tanh(c)": "The cell is shown through tanh, of which the slope is another as well: in 1997 it was shown through phi.",
        "dh * o * (1 - shown**2) -> dh * (1 - shown**2)": "The output gate is missing on the way from h to c.",
        "dc * g * i * (1 - i)": {
            "dc * i * (1 - i)": "The adjoint of the input gate lacks its partner g.",
            "dc * g": "The slope of the input gate is missing.",
            "dc * g * (1 - i)": "A factor is missing in the slope of the input gate: a gate is flat where it is closed as well as where it is open.",
            "dc * g * (1 - i**2)": "The slope of the input gate is that of tanh: a gate is a logistic function.",
            "dc * g * sigmoid(i) * (1 - sigmoid(i))": "sigma is applied to i, which is a value of sigma already: the slope has to be made of the value i.",
            "dc * c * i * (1 - i)": "The input gate's partner is c: it multiplies the candidate g.",
            "dh * g * i * (1 - i)": "The input gate takes its adjoint from h: it acts through the cell, whose adjoint also has what comes from later.",
            "(dc - dc_later) * g * i * (1 - i)": "What comes from the next step is missing in the adjoint of the input gate: it takes the whole adjoint of c.",
        },
        "dc * i * (4 -> dc * (4": "The adjoint of the candidate lacks its partner i.",
        "dh * shown * o": {
            "dc * shown * o": "The output gate takes its adjoint from c: it is reached from h, through the cell that is shown.",
            "dh * c * o": "The output gate's partner is c itself: it multiplies the squashed value.",
        },
        "[da_i, da_g, da_o]": {
            "[da_i, da_o, da_g]": "The blocks are in the order i, o, g: asked for is i, g, o.",
            "[da_g, da_i, da_o]": "The blocks are in the order g, i, o: asked for is i, g, o.",
            "[da_o, da_g, da_i]": "The blocks are in the order o, g, i: asked for is i, g, o.",
        },
        "axis=1), dc": {
            "axis=1), dc * i": "The gradient for the old cell is multiplied by the input gate: there is no factor on this path, it is the carrousel.",
            "axis=1), dc_later": "Only what came from the next step is passed on: what enters through h goes back to c as well.",
            "axis=1), dc * o": "The gradient for the old cell is multiplied by the output gate: there is no factor on this path, it is the carrousel.",
            "axis=1), dc - dc_later": "What came from the next step is not passed on: c goes on to the cell before it without a factor, whole.",
        },
        "dh * shown * o * (1 - o)": {
            "dh * shown": "The slope of the output gate is missing.",
            "dh * o * (1 - o)": "The adjoint of the output gate lacks its partner: the gate multiplies phi(c).",
            "dh * np.tanh(c) * o * (1 - o)": "The output gate's partner is tanh(c), as in today's cell: in 1997 it was phi(c).",
            "dh * sigmoid(c) * o * (1 - o)": "The output gate's partner is sigma(c): it is phi(c), which may be negative.",
            "dh * shown * (1 - o)": "A factor is missing in the slope of the output gate: a gate is flat where it is closed as well as where it is open.",
            "dh * shown * (1 - o**2)": "The slope of the output gate is that of tanh: a gate is a logistic function.",
            "dh * shown * sigmoid(o) * (1 - sigmoid(o))": "sigma is applied to o, which is a value of sigma already: the slope has to be made of the value o.",
        },
        "dc * i * (4 - g**2) / 4": {
            "dc * i": "The slope of the candidate is missing: its adjoint has to go through the squashing to the sum.",
            "dh * i * (4 - g**2) / 4": "The candidate takes its adjoint from h: it acts through the cell, whose adjoint also has what comes from later.",
            "(dc - dc_later) * i * (4 - g**2) / 4": "What comes from the next step is missing in the adjoint of the candidate: it takes the whole adjoint of c.",
        },
        " * (1 - shown**2) / 2 -> ": "The slope of phi is missing on the way from h to c.",
        "dc_later + dh * o -> (dc_later + dh) * o": "What comes from the next step is multiplied by o and the slope of phi: it reaches c directly, past both.",
        "2 * sigmoid(c) - 1\n    dc = dc_later + dh * o * (1 - shown**2) / 2": {
            "np.tanh(c)\n    dc = dc_later + dh * o * (1 - shown**2)": "The cell is shown through tanh, with the slope of tanh: in 1997 it was shown through phi.",
        },
        "np.concatenate([da_i, da_g, da_o], axis=1), dc": {
            "np.stack([da_i, da_g, da_o], axis=2).reshape(len(c), -1), dc": "The three adjoints of a unit lie side by side: all of i come first, then all of g, then all of o.",
            "np.concatenate([da_i, da_g, da_o]), dc": "The three adjoints lie under each other: they belong side by side, one row for each sequence.",
            "np.stack([da_i, da_g, da_o]), dc": "The three adjoints lie on an axis of their own: they belong side by side, one row for each sequence.",
            "np.concatenate([da_i, 0 * c, da_g, da_o], axis=1), dc": "There is a block for a forget gate: in 1997 there was none, the sums are those of i, g and o.",
        },
    },
)


def today(dh, dc_later, i, g, o, c):
    shown = np.tanh(c)
    dc = dc_later + dh * o * (1 - shown**2)
    return np.hstack([dc * g * i * (1 - i), dc * i * (1 - g**2), dh * shown * o * (1 - o)]), dc


def no_slopes(dh, dc_later, i, g, o, c):
    dc = dc_later + dh * o * (1 - np.tanh(c / 2) ** 2) / 2
    return np.hstack([dc * g, dc * i, dh * np.tanh(c / 2)]), dc


def gates_without_later(dh, dc_later, i, g, o, c):
    da, dc = with_half_tanh(dh, 0 * dc_later, i, g, o, c)
    return da, dc + dc_later


def from_h(dh, dc_later, i, g, o, c):
    da, dc = with_half_tanh(dh, dc_later, i, g, o, c)
    return np.hstack([dh * g * i * (1 - i), dh * i * (1 - g**2 / 4), np.split(da, 3, axis=1)[2]]), dc


def shown_by_ratio(dh, dc_later, i, g, o, c):
    n = by_ratio(c)
    dc = dc_later + dh * o * 2 * n * (1 - n)
    return np.hstack([dc * g * i * (1 - i), dc * i * (1 - g**2 / 4), dh * (2 * n - 1) * o * (1 - o)]), dc


def slope_by_ratio(dh, dc_later, i, g, o, c):
    da, dc = with_half_tanh(dh, dc_later, i, g, o, c)
    slope = 2 * np.exp(-c) / (1 + np.exp(-c)) ** 2
    dc = dc_later + dh * o * slope
    return np.hstack([dc * g * i * (1 - i), dc * i * (1 - g**2 / 4), np.split(da, 3, axis=1)[2]]), dc


@old.mistake("The old cell is given a forget gate of 1 - i: in 1997 there was none, the old cell passes whole.")
def coupled_forget(dh, dc_later, i, g, o, c):
    shown = np.tanh(c / 2)
    dc = dc_later + dh * o * (1 - shown**2) / 2
    da = [dc * g * i * (1 - i), dc * i * (1 - g * g / 4), dh * shown * o * (1 - o)]
    return np.hstack(da), dc * (1 - i)


mistakes(
    old,
    today=(
        "This is the step of today's cell, with tanh in both places: in 1997 candidate and cell had other squashing functions.",
        today,
    ),
    no_slopes=(
        "These are the adjoints of the gates' values: for those of the sums each has to be multiplied by its slope.",
        no_slopes,
    ),
    gates_without_later=(
        "What comes from the next step is added for the old cell only: it belongs to the adjoint of c, from which i and g take theirs.",
        gates_without_later,
    ),
    from_h=(
        "Input gate and candidate take their adjoints from h: they act through the cell, whose adjoint also has the slope of phi and what comes from later.",
        from_h,
    ),
    shown_by_ratio=(
        "The exponential of a large cell state overflows, and the quotient of two such numbers is NaN: the logistic function needs another form.",
        shown_by_ratio,
    ),
    slope_by_ratio=(
        "The slope of phi is a quotient of exponentials, which is NaN for a cell state far below 0: a slope made of what is shown never overflows.",
        slope_by_ratio,
    ),
)

# 3. cell_adjoints

slips(
    cells,
    {
        "f[t] * dc[t] -> dc[t]": "The forget gate is missing on the way back.",
        "+ later\n        later = f[t] * dc[t]\n    return dc, later": {
            "+ f[t] * later\n        later = dc[t]\n    return dc, f[0] * later": "What comes from step t + 1 is multiplied by the gate of step t: on the way from c[t] to c[t + 1] stands f[t + 1], and dc_last has no gate to pass.",
        },
        "later = dc_last": {
            "later = dc_last * f[-1]": "The gradient of the last cell is multiplied by a forget gate: it enters the last cell as it is.",
            "later = dc_last * o[-1] * (1 - np.tanh(c[-1]) ** 2)": "The gradient of the last cell is multiplied by o and the slope of tanh: it enters the cell as it is.",
            "later = dc_last[0]": "The gradient of the last cell is that of the first sequence for all: every sequence has its own.",
        },
        "f[t] * dc[t]": {
            "f[t] * (1 - f[t]) * dc[t]": "The slope of the forget gate stands on the way back: the cell is multiplied by f itself, the slope belongs to the gate's sum.",
            "f[t] * (dc[t] - later)": "Only one step back is counted: what arrived from later has to go on to all earlier steps.",
            "(f[t] + o[t] * (1 - np.tanh(c[t]) ** 2)) * dc[t]": "o and the slope of tanh stand on the way from cell to cell: between two cells there is only the forget gate.",
            "f[t] * dc[t] + dh[t] * np.tanh(c[t]) * o[t] * (1 - o[t])": "The output gate's sum passes something back: here nothing goes back but through the cell.",
        },
        "o[t] * (1": {
            "o[t] * (1 - o[t]) * (1": "The slope of the output gate stands on the way from h to c: the cell is multiplied by o itself.",
            "o[min(t + 1, len(dh) - 1)] * (1": "The output gate is that of the step after: h[t] is shown by o[t].",
            "f[t] * (1": "The forget gate stands on the way from h to c: there it is the output gate.",
        },
        "np.tanh(c[t]) ** 2": {
            "c[t] ** 2": "The slope of tanh is made of c itself and turns negative where c is large: it has to be made of the value of tanh.",
            "np.tanh(c[t])": "The slope is 1 - tanh(c), which is above 1 for every negative c: no slope of tanh is.",
        },
        " + later ->  + 0 * later": "What comes from later is not added: a cell also acts through the next cell.",
        "return dc, later": {
            "return dc, dc[0]": "The gradient for the first state is that of the first cell: it has the first forget gate still to pass.",
            "return dc, f[-1] * dc[0]": "The gradient for the state before the first has the last forget gate: it is the first one's.",
            "return dc, f[min(1, len(f) - 1)] * dc[0]": "The gradient for the state before the first has the second forget gate: it is the first one's.",
            "return dc, f[0] * later": "The gradient for the state before the first is multiplied by the first forget gate twice.",
            "dc[-1] += dc_last\n    return dc, later": "The gradient of the last cell is counted twice at the last step.",
        },
        "dh[t] + later -> dh[t] * f[t] + later": "The gate multiplies also what enters through h at the same step: f[t] acts on the way to the step before.",
        "reversed(range(len(dh))) -> range(len(dh))": "The steps run forward: a gradient goes from the last step to the first.",
        "(1 - np.tanh(c[t]) ** 2)": {
            "np.tanh(c[t])": "tanh stands where its slope should: h goes back to c through the derivative of tanh.",
            "np.tanh(c[t]) * (1 - np.tanh(c[t]))": "The slope is that of the logistic function, made of the value of tanh: that value belongs to another function.",
            "sigmoid(c[t]) * (1 - sigmoid(c[t]))": "The slope is that of the logistic function: today's cell is shown through tanh.",
            "(0.5 * (1 - np.tanh(c[t] / 2) ** 2))": "The slope is that of 2 sigma(c) - 1, the function of 1997: today's cell is shown through tanh.",
            "(1 - (o[t] * np.tanh(c[t])) ** 2)": "The slope is 1 - h^2, as in a plain tanh cell: in the LSTM h has passed the output gate as well.",
        },
        "o[t] * (1 - np.tanh(c[t]) ** 2) * dh[t] + later": {
            "dh[t] + later": "The gradient of h is added to that of c as it is: between the two lie the output gate and the slope of tanh.",
            "o[t] * (1 - np.tanh(c[t]) ** 2) * (dh[t] + later)": "What comes from later is multiplied by o and the slope of tanh: it reaches the cell directly, past both.",
            "o[t] * (1 - np.tanh(c[t]) ** 2) * dh[t] + later + dc_last * (t < len(dh) - 1)": "The gradient of the last cell is added at every step: it enters at the last one only.",
            "(dc_last if t == len(dh) - 1 else o[t] * (1 - np.tanh(c[t]) ** 2) * dh[t] + later)": "The gradient of the last cell takes the place of what enters through the last h: the two are added.",
        },
    },
)


def no_way_back(forget):
    def adjoints(dh, dc_last, f, o, c):
        dc = o * (1 - np.tanh(c) ** 2) * dh
        dc[-1] += dc_last
        return dc, f[0] * dc[0] if forget else dc[0].copy()

    return adjoints


def gate_in_the_end_only(dh, dc_last, f, o, c):
    dc, _ = by_sums(dh, dc_last, np.ones_like(f), o, c)
    return dc, f[0] * dc[0]


def own_gate(dh, dc_last, f, o, c):
    dc = o * (1 - np.tanh(c) ** 2) * dh
    dc[-1] += dc_last
    for t in reversed(range(len(dh) - 1)):
        dc[t] += f[t] * dc[t + 1]
    return dc, f[0] * dc[0]


def forwards_turned(dh, dc_last, f, o, c):
    dc, later = np.empty_like(dh), dc_last
    for t in range(len(dh)):
        dc[t] = o[t] * (1 - np.tanh(c[t]) ** 2) * dh[-1 - t] + later
        later = f[t] * dc[t]
    return dc, later


@cells.mistake("Only the last gradient travels: what enters through h at earlier steps is carried back as well.")
def nothing_accumulates(dh, dc_last, f, o, c):
    dc = o * (1 - np.tanh(c) ** 2) * dh
    back = dc_last
    for t in reversed(range(len(dh))):
        dc[t] = dc[t] + back
        back = back * f[t]
    return dc, back


mistakes(
    cells,
    no_way_back=(
        "Nothing goes back from step to step: every cell also acts through all later ones, with the forget gates in between.",
        no_way_back(True),
    ),
    gate_in_the_end_only=(
        "The forget gate is missing on the way from step to step: only the way to the state before the first has it.",
        gate_in_the_end_only,
    ),
    own_gate=(
        "Each cell's adjoint takes its own step's forget gate: on the way from c[t + 1] back to c[t] stands the gate of step t + 1.",
        own_gate,
    ),
    forwards_turned=(
        "The steps run forward and only dh is turned round: f, o and c belong to the same steps as dh, so it is the loop that runs backwards.",
        forwards_turned,
    ),
)

# 4. direct_path

slips(
    path,
    {
        "D[t] = np.where(t < lengths, total.max(axis=1), 0.0)": {
            "D[t] = np.where(t < lengths, (total + np.log10(f[t])).max(axis=1), 0.0)": "The step's own gate is counted: the way from c[t] to later cells begins with the gate of step t + 1.",
            "D[t] = np.where(t < lengths, total.sum(axis=1), 0.0)": "The sum over units is returned: asked for is the best.",
            "D[t] = np.where(t < lengths, total[:, -1], 0.0)": "The last unit is returned: asked for is the best.",
            "D[t] = np.where(t < lengths, np.median(total, axis=1), 0.0)": "The median of the units is returned: asked for is the best.",
            "D[t] = np.where(t < lengths, total.max(axis=1) / np.maximum(lengths - 1 - t, 1), 0.0)": "The mean over the steps is returned: asked for is the sum.",
            "D[t] = np.where(t < lengths, 10 ** total.max(axis=1), 0.0)": "The path itself is returned: asked for is its logarithm.",
        },
        "np.where(real, np.log10(f[t]), 0.0) -> np.log10(f[t])": "The gates of padded steps are counted: the path ends at the last real step.",
        "np.where(t < lengths, total.max(axis=1), 0.0) -> np.where(t < lengths, total.max(axis=1), np.log10(f[t]).max(axis=1))": "Padded steps are not 0.",
        "total.max(axis=1)": {
            "total.min(axis=1)": "The worst unit is returned: asked for is the best.",
            "total.mean(axis=1)": "The mean over units is returned: asked for is the best.",
            "total.max()": "The best is taken over the batch and units together: every sequence has its own path.",
        },
        "np.log10(f[t])": {
            "np.log2(f[t])": "These are logarithms to the base 2: log10 was asked for.",
            "f[t]": "The gates themselves are added: their logarithms are asked for.",
        },
        "real = (t < lengths)[:, None]": {
            "real = (t < lengths[0])": "The first sequence's length is used for all: every sequence ends where it ends.",
            "real = (t < lengths.max())": "The longest length is used for all sums: every sequence ends where it ends.",
        },
    },
)


def path_by(rule, padded=lambda logs, t: 0.0):
    """A direct path of which `rule(logs, t, n)` makes an entry from one sequence's logarithms (T, H) and its length."""

    def function(f, lengths):
        D = np.zeros(f.shape[:2])
        for b, n in enumerate(lengths):
            logs = np.log10(f[:, b])
            for t in range(len(f)):
                D[t, b] = rule(logs, t, n) if t < n else padded(logs, t)
        return D

    return function


def best_of(sums):
    return sums.sum(axis=0).max()


def log_of_the_sum(logs, t, n):
    return np.log10((10 ** logs[t + 1 : n]).sum(axis=0)).max() if t + 1 < n else 0.0


def not_turned_back(f, lengths):
    real = np.arange(len(f))[:, None] < lengths
    return (np.log10(f) * real[:, :, None])[::-1].cumsum(axis=0).max(axis=2)


def rolled(f, lengths):
    real = np.arange(len(f))[:, None] < lengths
    sums = (np.log10(f) * real[:, :, None])[::-1].cumsum(axis=0)[::-1]
    return np.roll(sums, -1, axis=0).max(axis=2)


@path.mistake("The best gate is chosen at every step: a path stays in one unit, so sum first, then take the best.")
def best_gate_each_step(f, lengths):
    T, B, _ = f.shape
    D = np.zeros((T, B))
    for b in range(B):
        best = np.log10(f[: lengths[b], b].max(axis=1))
        for t in range(lengths[b]):
            D[t, b] = best[t + 1 :].sum()
    return D


@path.mistake("The gates are multiplied before the logarithm: over thousands of steps the product is zero.")
def product_first(f, lengths):
    T, B, _ = f.shape
    D = np.zeros((T, B))
    with np.errstate(divide="ignore"):
        for b in range(B):
            product = np.ones(f.shape[2])
            for t in reversed(range(lengths[b])):
                D[t, b] = np.log10(product.max())
                product = product * f[t, b]
    return D


@path.mistake("The sums run from the first step to t: asked for is what lies between t and the last real step.")
def from_the_start(f, lengths):
    D = np.cumsum(np.log10(f), axis=0).max(axis=2)
    return np.where(np.arange(len(f))[:, None] < lengths, D, 0.0)


@path.mistake("The mean gate of the layer is used: the logarithm of a mean is not the best unit's sum.")
def mean_gate(f, lengths):
    T, B, _ = f.shape
    D = np.zeros((T, B))
    for b in range(B):
        logs = np.log10(f[: lengths[b], b].mean(axis=1))
        for t in range(lengths[b]):
            D[t, b] = logs[t + 1 :].sum()
    return D


mistakes(
    path,
    padded_like_real=(
        "Padded steps hold the sum of the gates behind them: they are 0.",
        path_by(lambda logs, t, n: best_of(logs[t + 1 : n]), lambda logs, t: best_of(logs[t + 1 :])),
    ),
    at_least_the_last=(
        "At the last real step its own gate is returned: there the sum is empty, 0.",
        path_by(lambda logs, t, n: best_of(logs[min(t + 1, n - 1) : n])),
    ),
    before=(
        "The sums run from the first step to before t: asked for is what lies between t and the last real step.",
        path_by(lambda logs, t, n: best_of(logs[:t])),
    ),
    best_mean_gate=(
        "The best unit is chosen by its mean gate over the sequence: it has to be the one with the largest sum from t on, and may differ from step to step.",
        path_by(lambda logs, t, n: logs[t + 1 : n].sum(axis=0)[(10 ** logs[:n]).mean(axis=0).argmax()]),
    ),
    best_at_the_start=(
        "The best unit of the whole path is kept for all steps: from a later step on another may be the best.",
        path_by(lambda logs, t, n: logs[t + 1 : n].sum(axis=0)[logs[1:n].sum(axis=0).argmax()]),
    ),
    log_of_the_sum=(
        "The gates are added and then the logarithm is taken: a path multiplies them, so the logarithms are added.",
        path_by(log_of_the_sum),
    ),
    not_turned_back=(
        "The sums are in reverse order of the steps, and each counts its own gate: turn them back, and begin with step t + 1.",
        not_turned_back,
    ),
    rolled=(
        "The sums are shifted round: what belongs to the first step has come to the last one, where the sum is empty.",
        rolled,
    ),
    nan_at_padding=(
        "Padded steps are not a number, or were never filled: they are 0.",
        path_by(lambda logs, t, n: best_of(logs[t + 1 : n]), lambda logs, t: np.nan),
    ),
    infinite_at_padding=(
        "Padded steps are minus infinity: they are 0.",
        path_by(lambda logs, t, n: best_of(logs[t + 1 : n]), lambda logs, t: -np.inf),
    ),
)

# 5. forget_bias

slips(
    bias,
    {
        "np.log(f / (1 - f))": {
            "np.log(f)": "This is the logarithm of the gate, which is negative for every gate: a gate above one half needs a positive bias.",
            "np.arctanh(f)": "The inverse of tanh is used: the gate is a logistic function.",
            "sigmoid(f)": "sigma is applied to the gate: asked for is its inverse.",
            "np.log(f / (1 + f))": "There is a wrong sign in sigma's inverse: a gate of one half has a bias of 0.",
            "np.log(f) / (1 - f)": "The logarithm covers only a part of what it should: a gate and its complement have biases that differ in sign alone.",
            "np.log(f) / np.log(1 - f)": "Two logarithms are divided: a gate of one half has a bias of 0.",
            "np.log(1 / (1 - f))": "One of the two places of the gate in sigma's inverse is empty: a gate of one half has a bias of 0.",
            "np.log(1 / f)": "This is minus the logarithm of the gate: solve sigma(b) = f for b.",
            "np.log(f / (1 - f)).round(3)": "The bias is rounded to three digits: return it as it is.",
        },
        "return np.log(f / (1 - f)) -> return f": "The gate is returned: asked for is its bias.",
        "0.5 ** (1 / half_life)": {
            "np.exp(-1 / half_life)": "1 / e is left after this many steps, not one half.",
            "0.5 ** half_life": "The power is turned round: the longer the half-life, the closer to 1 the factor of one step.",
            "2 ** (1 / half_life)": "The factor of one step is above 1: after n steps the content would be doubled, not halved.",
            "0.5 / half_life": "One half is divided by n: the factor of one step is applied n times, and all n together make one half.",
            "1 - 0.5 / half_life": "One half is lost in n equal parts: the content is multiplied at every step, so it loses less and less.",
            "1 - 1 / half_life": "The rule of chrono initialisation is used, f = 1 - 1 / n: there n is the time after which 1 / e is left, here it is a half-life.",
            "1 - np.log(2) / half_life": "This is an approximation for long half-lives: for short ones the factor comes out too small.",
            "np.log(0.5) / half_life": "No gate comes out between 0 and 1, so none has a bias: look at the factor of one step, and at what is subtracted from what.",
            "0.5 ** (1 / (half_life - 1))": "One step too few: after n steps the factor was applied n times.",
            "0.5 ** (1 / (half_life + 1))": "One step too many: after n steps the factor was applied n times.",
            "0.5 ** (1 / half_life[0])": "The first unit's half-life is used for all: each has its own.",
            "0.5 ** (1 / np.round(half_life))": "The half-life is rounded to whole steps: it need not be whole.",
            "0.5 ** (1 // half_life)": "1 // n cuts the fraction off: it is 0 for every half-life above one step.",
            "sigmoid(0.5) ** (1 / half_life)": "sigma(0.5) stands for one half: it is the content that is halved.",
            "0.5": "The factor of one step is set to one half: that is left after n of them.",
        },
        "0.5 ** (1 / half_life) - feedback": {
            "(0.5 - feedback) ** (1 / half_life)": "The feedback is taken off what is left after n steps: it comes in at every step, so it is a part of the factor of one step.",
            "0.5 ** (1 / half_life) * (1 - feedback)": "The factor is reduced by a share of itself: the feedback is a share of the content, which gate and feedback multiply together.",
            "(0.5 ** (1 / half_life) - feedback) / (1 - feedback)": "The feedback is counted as a share of what the gate lost: it is a share of the whole content.",
            "0.5 ** (1 / half_life) + feedback": "The feedback is added to the factor: what is written back need not be kept by the gate.",
            "0.5 ** (1 / half_life) - half_life * feedback": "The feedback is counted n times in a step: it comes in once at every step.",
            "0.5 ** (1 / half_life) - feedback / half_life": "The feedback is divided by n: it comes in whole at every step.",
            "0.5 ** (1 / half_life) - feedback ** (1 / half_life)": "The root is taken of the feedback as well: it is added to the gate as it is, at every step.",
            "0.5 ** (1 / half_life) - feedback[0]": "The first unit's feedback is used for all: each has its own.",
            "0.5 ** (1 / half_life) - feedback.mean()": "The mean feedback is used for all units: each has its own.",
        },
    },
)


@bias.mistake("The feedback is taken off the bias: it is a part of the factor of one step, as the gate is.")
def feedback_off_the_bias(half_life, feedback):
    f = 0.5 ** (1 / half_life)
    return np.log(f / (1 - f)) - feedback


@bias.mistake("The feedback multiplies: it is added to the gate at every step.")
def feedback_multiplies(half_life, feedback):
    f = 0.5 ** (1 / half_life) / (1 + feedback)
    return np.log(f / (1 - f))


mistakes(
    bias,
    chrono=(
        "The bias of chrono initialisation is returned: there n is the time after which 1 / e is left, and there is no feedback.",
        lambda half_life, feedback: np.log(half_life - 1),
    ),
    chrono_with_a_half=(
        "The bias of chrono initialisation is returned, for the time scale of a long half-life: that is an approximation, and the feedback is missing.",
        lambda half_life, feedback: np.log(half_life / np.log(2) - 1),
    ),
)

# 6. time_scale_biases

slips(
    scales,
    {
        "shortest * (longest / shortest) ** u": {
            "shortest + (longest - shortest) * u": "The time scales are spread uniformly: it is their logarithms that are to be.",
            "(longest / shortest) ** u": "The shortest time scale is missing as a factor: with u = 0 it has to come out.",
            "longest**u": "The longest time scale alone is raised to u: with u = 0 the shortest has to come out, not 1.",
            "shortest * longest**u": "The quotient is missing: with u = 1 the longest time scale has to come out, not its product with the shortest.",
            "shortest * (longest - shortest) ** u": "The difference of the two time scales is raised to u: on a logarithmic scale it is their quotient.",
            "shortest * (longest / shortest) * u": "The quotient is multiplied by u: it is raised to the power u.",
            "shortest * (shortest / longest) ** u": "The quotient is upside down: the time scales would become shorter with u, and below 1 there is no logarithm.",
            "2 + (longest - 2) * u": "This is chrono initialisation, uniform from 2 on: asked for are uniform logarithms, from the shortest time scale on.",
            "shortest * (longest / shortest) ** np.sort(u)": "The numbers u are sorted: every unit keeps its own.",
            "shortest * (longest / shortest) ** (0 * u + u.mean(axis=2, keepdims=True))": "The mean of u is used for a whole layer: every unit has its own.",
        },
        "np.log(tau - 1)": {
            "np.log(tau)": "The 1 is missing in the forget gate's bias: a time scale of two steps has a bias of 0.",
            "tau - 1": "The logarithm is missing: a bias as large as a time scale makes a gate that is hardly below 1.",
            "np.log(tau + 1)": "1 is added to the time scale instead of taken off: a time scale of two steps has a bias of 0.",
            "(np.log(tau) - 1)": "1 is taken off the logarithm: it comes off the time scale itself.",
            "(1 - 1 / tau)": "The gate is returned: asked for is its bias.",
            "tau": "The time scale itself is the bias: the logarithm is missing, and the 1 too.",
            "-np.log(2 ** (1 / tau) - 1)": "The time scale is taken for a half-life: with the bias asked for, about 1 / e is left after tau steps.",
            "np.log((shortest - 1) * ((longest - 1) / (shortest - 1)) ** u)": "tau - 1 is spread uniformly on the logarithmic scale: it is tau itself that is to be.",
            "np.log(np.round(tau) - 1)": "The time scales are rounded to whole steps: they need not be whole.",
            "np.log(np.floor(tau) - 1)": "The time scales are cut off to whole steps: they need not be whole.",
            "np.maximum(np.log(tau - 1), 0)": "Negative biases are cut off: with a time scale below 2 the forget gate's bias is below 0.",
        },
        "[-forget, forget, 0 * u, 0 * u]": {
            "[forget, forget, 0 * u, 0 * u]": "The input gate's bias has the sign of the forget gate's: it is the negative of it, as a cell that keeps much takes in little.",
            "[0 * u, forget, 0 * u, 0 * u]": "The input gate's bias is left at zero: it is the negative of the forget gate's.",
            "[forget, -forget, 0 * u, 0 * u]": "Input and forget gate are exchanged, or both signs are turned: the first block is i, the second f, and f has the positive bias where the time scale is long.",
            "[-forget, 0 * u, forget, 0 * u]": "The forget gate's bias is in the third block: that is the candidate in the order i, f, g, o.",
            "[-forget, 0 * u, 0 * u, 0 * u]": "The forget gate's bias is left at zero: it is the one that sets the time scale.",
            "[1 / forget, forget, 0 * u, 0 * u]": "The input gate's bias is 1 divided by the forget gate's: it is the negative of it.",
            "[-forget, 0 * u, 0 * u, forget]": "The forget gate's bias is in the last block: that is the output gate in the order i, f, g, o.",
            "[-forget, forget, -forget, 0 * u]": "The candidate gets a bias, that of the input gate: g and o have 0.",
            "[-forget, forget, forget, 0 * u]": "The candidate gets a bias, that of the forget gate: g and o have 0.",
            "[-forget, forget, 0 * u, -forget]": "The output gate gets a bias, that of the input gate: g and o have 0.",
            "[-forget, forget, 0 * u, forget]": "The output gate gets a bias, that of the forget gate: g and o have 0.",
            "[-forget, forget, 0 * u, 0 * u + 1]": "The output gate's bias is set to 1: g and o have 0.",
        },
        "np.zeros_like(b_ih)": {
            "-b_ih": "The second vector is the negative of the first: they are added, so nothing is left. It holds zeros.",
            "np.concatenate([0 * u, 0 * u + 1, 0 * u, 0 * u], axis=2)": "The second vector has ones at the forget gate, which are added: it holds zeros.",
            "np.concatenate([0 * u, forget, 0 * u, 0 * u], axis=2)": "The forget gate's bias stands in both vectors: they are added, so it is doubled.",
        },
        "return b_ih, np.zeros_like(b_ih)": {
            "return np.concatenate([0 * u, forget, 0 * u, 0 * u], axis=2), np.concatenate([-forget, 0 * u, 0 * u, 0 * u], axis=2)": "The forget gate's bias is in the first vector, the input gate's in the second: everything belongs into the first.",
            "return np.concatenate([-forget, 0 * u, 0 * u, 0 * u], axis=2), np.concatenate([0 * u, forget, 0 * u, 0 * u], axis=2)": "The input gate's bias is in the first vector, the forget gate's in the second: everything belongs into the first.",
        },
        "np.concatenate([-forget, forget, 0 * u, 0 * u], axis=2) -> np.stack([-forget, forget, 0 * u, 0 * u], axis=3).reshape(*u.shape[:2], -1)": "The four biases of a unit lie side by side: all of i come first, then all of f, g and o.",
    },
)


@scales.mistake("Only the first direction is set: a layer with two directions has biases for both.")
def first_way_only(u, shortest, longest):
    b_ih, b_hh = by_logarithms(u, shortest, longest)
    b_ih[:, 1:] = 0
    return b_ih, b_hh


@scales.mistake("Every layer and direction gets the numbers of the first: each has uniforms of its own.")
def first_for_all(u, shortest, longest):
    forget = np.log(shortest * (longest / shortest) ** u[0, 0] - 1)
    row = np.concatenate([-forget, forget, 0 * forget, 0 * forget])
    b_ih = np.tile(row, (*u.shape[:2], 1))
    return b_ih, 0 * b_ih


@scales.mistake("Only the first layer is set: every layer needs its biases.")
def first_layer_only(u, shortest, longest):
    forget = np.log(shortest * (longest / shortest) ** u - 1)
    b_ih = np.concatenate([-forget, forget, 0 * u, 0 * u], axis=2)
    b_ih[1:] = 0
    return b_ih, 0 * b_ih


@scales.mistake("Half of the value stands in each vector: the sum is right, but asked for is everything in the first.")
def half_and_half(u, shortest, longest):
    forget = np.log(shortest * (longest / shortest) ** u - 1)
    b_ih = np.concatenate([-forget, forget, 0 * u, 0 * u], axis=2) / 2
    return b_ih, b_ih.copy()


# 7. from_onnx

slips(
    onnx,
    {
        "[i, f, g, o]": {
            "[i, o, f, g]": "The gates are left in ONNX's order.",
            "[i, f, o, g]": "Output and forget gate are exchanged and the candidate stays last: the order wanted is i, f, g, o.",
            "[i, g, f, o]": "Forget gate and candidate are exchanged: the order wanted is i, f, g, o.",
            "[f, i, g, o]": "Input and forget gate are exchanged: the order wanted is i, f, g, o.",
            "[o, g, f, i]": "The gates are written in the order o, g, f, i: the order wanted is i, f, g, o.",
            "[g, f, i, o]": "Input gate and candidate are exchanged: the order wanted is i, f, g, o.",
        },
        "i, o, f, g = np.split(a, 4, axis=1)\n        return np.concatenate([i, f, g, o], axis=1)": {
            "i, f, g, o = np.split(a, 4, axis=1)\n        return np.concatenate([i, o, f, g], axis=1)": "The gates are read in PyTorch's order and written in ONNX's: the conversion runs the other way.",
        },
        "i, o, f, g = -> i, f, o, g =": "Only candidate and output gate are exchanged: in ONNX the output gate is the second block.",
        "first + second": {
            "first": "The bias for the recurrence is lost: the two are added.",
            "second": "The bias for the input is lost: the two are added.",
        },
        "ordered(first + second)": {
            "first + second": "The biases keep ONNX's order: they are cut and stacked like the weights.",
            "ordered(first) + second": "The bias for the recurrence keeps ONNX's order: both are cut and stacked, or their sum is.",
            "first + ordered(second)": "The bias for the input keeps ONNX's order: both are cut and stacked, or their sum is.",
            "ordered(first - second)": "The biases are subtracted: they are added.",
            "ordered(first * second)": "The biases are multiplied: they are added.",
            "sum(np.split(ordered(B), 2, axis=1))": "All of B is cut into four before the two biases are taken apart: it holds eight blocks, four for each.",
            "ordered(B)": "All of B is cut into four and nothing is added: it holds two biases of four blocks, which become one.",
            "np.concatenate([ordered(first), ordered(second)], axis=1)": "Both biases are returned, side by side: they are added to one.",
        },
        "ordered(W), ordered(R)": {
            "ordered(W), R": "The recurrent weights keep ONNX's order: they are cut and stacked like the others.",
            "W, ordered(R)": "The input weights keep ONNX's order: they are cut and stacked like the others.",
        },
        "return ordered(W), ordered(R), ordered(first + second) -> return ordered(W)[:1], ordered(R)[:1], ordered(first + second)[:1]": "Only the first direction is returned: each has weights of its own.",
        "np.concatenate([i, f, g, o], axis=1) -> np.stack([i, f, g, o], axis=2).reshape(a.shape)": "The gates of a unit are written side by side: each gate is a block of its own.",
        "np.split(a, 4, axis=1) -> (a[:, k::4] for k in range(4))": "Every fourth row is taken for a gate: each gate is a block of H rows.",
        "np.split(B, 2, axis=1) -> B[:, ::2], B[:, 1::2]": "Every second entry of B is taken for one of the biases: the first half is the bias for the input, the second that for the recurrence.",
        "ordered(R) -> ordered(R.reshape(len(R), 4, *R.shape[2:], -1).swapaxes(2, 3).reshape(R.shape))": "The block of each gate is transposed in the recurrent weights: rows stay rows, as in the file.",
    },
)


def second_direction_kept(W, R, B):
    H = R.shape[2]
    found = [a.copy() for a in (W, R, B[:, : 4 * H] + B[:, 4 * H :])]
    for a, right in zip(found, by_index(W, R, B), strict=True):
        a[0] = right[0]
    return tuple(found)


def second_direction_empty(W, R, B):
    found = by_index(W, R, B)
    for a in found:
        a[1:] = 0
    return found


def swapped_without_a_copy(W, R, B):
    H = R.shape[2]
    found = W.copy(), R.copy(), B[:, : 4 * H] + B[:, 4 * H :]
    for a in found:
        a[:, H : 2 * H] = a[:, 2 * H : 3 * H]
        a[:, 2 * H : 3 * H] = a[:, 3 * H :]
        a[:, 3 * H :] = a[:, H : 2 * H]
    return found


@onnx.mistake("The bias is cut into eight and neighbours are added: it is four blocks for the input, then four more.")
def neighbours_added(W, R, B):
    D, H = len(W), R.shape[2]
    order = np.concatenate([np.arange(H) + k * H for k in (0, 2, 3, 1)])
    b = B.reshape(D, 4, 2, H).sum(axis=2).reshape(D, 4 * H)
    return W[:, order], R[:, order], b[:, order]


mistakes(
    onnx,
    second_direction_kept=(
        "Only the first direction is put in order: the second has the same four blocks.",
        second_direction_kept,
    ),
    second_direction_empty=(
        "The second direction is left at zero: each has weights of its own.",
        second_direction_empty,
    ),
    swapped_without_a_copy=(
        "A block is overwritten before it is moved, so one gate stands twice and the output gate is lost: slices are views, so copy before you exchange.",
        swapped_without_a_copy,
    ),
)
