"""Known mistakes of unit 02-recurrent-cell."""

import itertools
from functools import partial

import numpy as np
from checks import count, every, fit, last, loss, six_units, stacked_least_squares, step, three, unroll, weighted

from rnncourse.authoring import mistakes, slips

# 1. leaky_step

slips(
    step,
    {
        "(1 - alpha) * h_prev + alpha * new": {
            "h_prev + alpha * new": "The old state is kept whole: only the share that the new value leaves may stay, or the state can leave the range -1 to 1.",
            "(1 - alpha) * h_prev + new": "The new value is added whole: only the share alpha of it enters.",
            "h_prev + new": "Old and new value are both taken whole: their shares have to add up to 1.",
            "new": "There is no leak: the whole state is replaced, which is the plain cell.",
            "alpha * new": "The old state is missing from the mixture: without it the unit leaks everything at once.",
            "(1 - alpha) * h_prev - alpha * new": "The new value is subtracted: a mixture is a sum of two shares.",
            "(alpha - 1) * h_prev + alpha * new": "The old state enters with the wrong sign: what a unit was should carry on, not turn round at every step.",
            "(1 - alpha) * (h_prev + alpha * new)": "The bracket closes too late: the old state's share multiplies the new value as well, which is then too small.",
            "1 - alpha * h_prev + alpha * new": "The bracket around 1 - alpha is missing: so a 1 is added to every unit.",
            "(1 - alpha) * h_prev @ W_h.T + alpha * new": "The share that stays goes through W_h: each unit keeps a share of its own old value.",
            "np.tanh((1 - alpha) * h_prev + alpha * new)": "The mixture is squashed as well: tanh belongs around the new value only, and the old state stays as it is.",
            "(1 - alpha) * np.tanh(h_prev) + alpha * new": "The old state is squashed once more: its share stays as it is.",
        },
        "np.tanh(x @ W_x.T + h_prev @ W_h.T + b)": {
            "(x @ W_x.T + h_prev @ W_h.T + b)": "The tanh is missing: without it the recurrence is one affine map of the inputs.",
            "np.tanh(x @ W_x.T) + np.tanh(h_prev @ W_h.T) + np.tanh(b)": "The terms are squashed one by one: tanh acts on their sum.",
            "np.tanh(x @ W_x.T) + h_prev @ W_h.T + b": "The tanh closes too early: it squashes the input term alone, and belongs around the whole sum.",
            "1 / (1 + np.exp(-(x @ W_x.T + h_prev @ W_h.T + b)))": "The new value goes through the logistic function: this cell squashes with tanh.",
            "np.maximum(0, x @ W_x.T + h_prev @ W_h.T + b)": "The new value is cut off at zero: this cell squashes with tanh.",
        },
        " + b) -> ) + b": "The bias stands outside the tanh: it shifts the argument, not the squashed value.",
        " + h_prev @ W_h.T ->  + (1 - alpha) * h_prev @ W_h.T": "The old state is shortened before W_h reads it: inside the tanh it stands whole.",
    },
)
mistakes(
    step,
    one_tanh_around_all=(
        "The tanh stands around the whole mixture: it belongs around the new value only, and the old state stays as it is.",
        lambda x, h_prev, W_x, W_h, b, alpha: np.tanh((1 - alpha) * h_prev + alpha * (x @ W_x.T + h_prev @ W_h.T + b)),
    ),
    alpha_inside=(
        "alpha stands inside the tanh: it is the squashed value that is weighted, not its argument.",
        lambda x, h_prev, W_x, W_h, b, alpha: (1 - alpha) * h_prev + np.tanh(alpha * (x @ W_x.T + h_prev @ W_h.T + b)),
    ),
    bias_after_all=(
        "The bias is added to the finished state: it belongs inside the tanh, with the other terms.",
        lambda x, h_prev, W_x, W_h, b, alpha: (1 - alpha) * h_prev + alpha * np.tanh(x @ W_x.T + h_prev @ W_h.T) + b,
    ),
)


# 2. unroll

slips(
    unroll,
    {
        "np.where(first[t][:, None], h0, state)": {
            "state": "The flags are not used: where a sequence begins, the state must not know the sequence before it; if they are, h0 itself has been overwritten by the running state.",
            "np.where(first[t][:, None], 0.0, state)": "A new sequence starts from zeros: it has to start from h0, like the first one.",
            "np.where(first[t][:, None], h0[0], state)": "Every column starts again from the first row of h0: each has a row of its own.",
            "state + h0 * first[t][:, None]": "h0 is added to the running state where a sequence begins: it takes its place.",
        },
        "first[t][:, None]": {
            "first[t].any()": "All columns start again together: a sequence that begins in one column leaves the others alone.",
            "first[t].all()": "The state goes back to h0 only where sequences begin in all columns at once: each column has its own flag.",
            "first[t, 0]": "The flag of the first column is taken for all of them: each column has its own.",
            "(first[(t + 1) % len(x)] & (t + 1 < len(x)))[:, None]": "The flags come one step early: a flag at step t leaves the step before it alone.",
        },
        "h, state = [], h0 -> h, state = [], np.zeros_like(h0)": "The given first state is replaced by zeros at the start: h0 arrives as an argument because it need not be zero.",
        "step(x[t], state) -> step(x[t], h0)": "The state is not carried from step to step: every step must receive what the step before returned.",
        "range(len(x)) -> reversed(range(len(x)))": "The steps run from last to first: the state has to meet the inputs in the order of time.",
        "        state = step(x[t], state)\n        h.append(state)": {
            "        h.append(state)\n        state = step(x[t], state)": "The states are those before each step: h[t] is what the step returned at t, so h0 is not among them."
        },
    },
)


@unroll.mistake("The state is put back after the step: then the first input of a new sequence is lost.")
def reset_after(step, x, h0, first):
    h, state = [], h0
    for t in range(len(x)):
        state = np.where(first[t][:, None], h0, step(x[t], state))
        h.append(state)
    return np.stack(h)


@unroll.mistake(
    "The state is put back in place: it is the array already stored for the step before, which changes with it, so make a new one."
)
def reset_in_place(step, x, h0, first):
    h, state = [], h0.copy()
    for t in range(len(x)):
        state[first[t]] = h0[first[t]]
        state = step(x[t], state)
        h.append(state)
    return np.stack(h)


mistakes(
    unroll,
    h0_kept=(
        "h0 is stored as well: h has T entries, and the first is what the step returned at t = 0.",
        lambda step, x, h0, first: np.stack([h0, *weighted(step, x, h0, first)]),
    ),
    h0_kept_last_dropped=(
        "h0 is stored first and the last state dropped: h[t] is what the step returned at t.",
        lambda step, x, h0, first: np.stack([h0, *weighted(step, x, h0, first)][:-1]),
    ),
    h0_for_the_first_step=(
        "h[0] is h0 itself: the first input goes through the step as well.",
        lambda step, x, h0, first: np.stack([h0, *weighted(step, x[1:], h0, first[1:])]),
    ),
    first_step_left_out=(
        "The first step is left out: the loop begins at t = 0, with h0 as the state before it.",
        lambda step, x, h0, first: np.stack([0 * h0, *weighted(step, x[1:], h0, first[1:])]),
    ),
    filled_backwards=(
        "h is filled from its end: the state at t has to know the inputs up to t, not those from t on.",
        lambda step, x, h0, first: weighted(step, x[::-1], h0, first[::-1])[::-1],
    ),
    flags_on_the_results=(
        "h0 is written over the results where a sequence begins, while the state itself runs on: it is the state before the step that goes back to h0.",
        lambda step, x, h0, first: np.where(first[..., None], h0, weighted(step, x, h0, first & False)),
    ),
)


# 3. count_parameters

slips(
    count,
    {
        "H * below +  -> ": "The input matrices are missing: every layer has a W_x from what it reads to its units.",
        " + biases * H": {
            " + biases": "The bias of a layer is counted as one number: every unit has its own.",
            " + biases * below": "A bias has as many entries as the layer has inputs: it shifts the units, so every unit has one.",
            " + biases * H * (_ == 0)": "The biases are counted once for the whole stack: every layer has its own.",
        },
        "below = H": {
            "below = I": "Every layer is counted as if it read the input: the layers above the first read the states below them.",
            "below = 0": "The layers above the first have one matrix only: each has W_x for the layer below and W_h for its own past.",
            "below += H": "The inputs of the layers add up: a layer reads the states right below it and nothing else.",
            "below = I + H": "The layers above the first read the input as well: they read the states below them and nothing else.",
        },
        "total, below = 0, I": {
            "total, below = 0, H": "The first layer is counted as if it read states: it reads the inputs.",
            "total, below = H * H, I": "There is one matrix too many between the layers: the first layer reads no other.",
        },
        " + H * H": {
            "": "The recurrent matrices are missing: every layer also reads its own past.",
            " + below * below": "W_h has the size of the layer's input: it leads from every unit to every unit, also in the first layer.",
        },
        "O * H + O": {
            "O * H": "The bias of the readout is missing: it has one entry per output.",
            "O * H + biases * O": "The readout gets as many biases as a layer: it always has one.",
            "O * H + 2 * O": "The readout is given two biases: it always has one.",
            "O * I + O": "The readout is attached to the input: it reads the states of the last layer.",
            "O * H * L + O": "The readout reads the states of all layers: it reads the last layer's alone.",
            "L * (O * H + O)": "The readout is counted once per layer: only the last layer is read.",
            "O * H + 1": "The bias of the readout is counted as one number: it has one entry per output.",
            "O * H + H": "The bias of the readout has an entry per unit: it shifts the outputs, so every output has one.",
        },
        "    if O > 0:\n        total += O * H + O": {
            "    total += O * H + 1": "The bias of the readout is counted as one number, and even where there is no readout.",
            "    total += O * H + H": "The bias of the readout has an entry per unit, and even where there is no readout: outputs have biases of their own.",
        },
        "return total": {
            "return total + L * H": "A first state is counted for every layer: h0 is given, not trained.",
            "return total + H": "A first state is counted: h0 is given, not trained.",
            "return total if O > 0 else 0": "Nothing is counted where O is 0: then only the readout is missing, and the layers are there.",
        },
    },
)


# 4. multiple_of_three

slips(
    three,
    {
        "(2 * r + bit) % 3 -> (r + bit) % 3": "The machine counts ones: reading a bit doubles the number before the bit is added.",
        "follows == r": {
            "(np.arange(6) // 2 + np.arange(6) % 2) % 3 == r": "The transitions count ones, the answer does not: also there the bit comes to twice the old remainder.",
            "np.arange(6) // 2 == r": "A unit counts as the remainder it has come from: read it as the one that its pair leads to.",
        },
        "gain * (1 + (1 - bit) - 1.5)": {
            "gain * (1 + (1 - bit) - 0.5)": "The answer is always yes: either units come on without both conditions, or stay in between because h0 has none at -1 or the weights are too small, or c is so large that w_y · h + c is positive with all units off.",
            "gain * (1 + (1 - bit) - 2.0)": "The threshold is as high as both conditions together: it has to lie between one of them and two.",
        },
        "h0[0] = 1.0": {
            "h0[0] = -1.0": "The answer is never yes: either no unit ever comes on (is one on in h0, and do both conditions together pass the threshold?), or w_y · h + c is never positive (a unit that is off counts -1, not 0).",
            "h0[1] = 1.0": "The network starts with remainder 1: nothing read yet is the number 0.",
            "h0[2] = 1.0": "The network starts with remainder 2: nothing read yet is the number 0.",
        },
        "np.where(follows == 0, 1.0, 0.0)": {
            "np.where([r == 0 for r, _ in pairs], 1.0, 0.0)": "The answer is about the remainder before the bit: it is the remainder after the bit that counts; W_h with rows and columns exchanged does the same.",
            "np.where([(r + bit) % 3 == 0 for r, bit in pairs], 1.0, 0.0)": "The answer counts ones, the transitions do not: also there the bit comes to twice the old remainder.",
            "np.where(follows == 1, 1.0, 0.0)": "The answer is yes for remainder 1: multiples of three have remainder 0.",
            "np.where(np.arange(6) == 0, 1.5, 0.0)": "The answer hears only the unit for bit 0: a 1 can lead to remainder 0 as well, and has a unit of its own.",
            "np.where(np.arange(6) == 3, 1.5, 0.0)": "The answer hears only the unit for bit 1: a 0 can lead to remainder 0 as well, and has a unit of its own.",
        },
        "return W_x, W_h, b, h0, w_y, 1.0": {
            "return W_x, W_h, b, h0, -w_y, -1.0": "The answer is inverted: it must be positive for multiples of three.",
            "return W_x, W_h, b, w_y, h0, 1.0": "h0 and w_y are exchanged in what is returned: the order is W_x, W_h, b, h0, w_y, c.",
        },
        "W_x[k] = gain if bit == 1 else -gain -> W_x[k], bit = (gain, 1) if bit == 0 else (-gain, 0)": "The bits are taken the wrong way round: 0 is read as 1 and 1 as 0.",
    },
)


def six_units_but(gain=6.0, on=(), bias=None, exchanged=None, no_gain=None):
    """`six_units` with more of them on at the start, one bias for all, two values exchanged, or one without gain."""
    values = list(six_units(gain))
    values[3][list(on)] = 1.0
    if bias is not None:
        values[2][:] = bias
    if exchanged is not None:
        i, j = exchanged
        values[i], values[j] = values[j], values[i]
    if no_gain is not None:
        values[no_gain] = values[no_gain] / gain
    return tuple(values)


mistakes(
    three,
    gain_1_5=(
        "The weights are far too small: after a few bits all units have drifted away from -1 and 1.",
        lambda: six_units(1.5),
    ),
    gain_2=(
        "The weights are too small: after some bits the units have drifted away from -1 and 1, and the remainder is lost.",
        lambda: six_units(2.0),
    ),
    gain_2_2=(
        "The weights are a little too small: for some dozens of bits the units stay near -1 and 1, then they drift away.",
        lambda: six_units(2.2),
    ),
    gain_2_5=(
        "The weights are almost large enough: most numbers are read rightly for hundreds of bits, but at 101010... the units drift away.",
        lambda: six_units(2.5),
    ),
    bit_0_never_on=(
        "The units for bit 0 never come on: all units have the same bias here, and that the bit is 0 has to be said by a bias of its own.",
        lambda: six_units_but(bias=-3.0),
    ),
    both_leading_to_0_on=(
        "Both units that lead to remainder 0 are on in h0: one is enough, and two pass the threshold without the bit.",
        lambda: six_units_but(on=(0, 4)),
    ),
    two_remainders_on=(
        "Two units are on in h0, and they lead to different remainders: exactly one remainder may hold.",
        lambda: six_units_but(on=(0, 3)),
    ),
)
COMMON_GAINS = (4.0, 5.0, 6.0, 8.0, 10.0)  # the answers depend on it
ORDER = "the order is W_x, W_h, b, h0, w_y, c"
for name, what, right, change, gains in (
    (
        "b_without_gain",
        "The biases are not multiplied by it",
        "all weights of a unit grow together",
        {"no_gain": 2},
        COMMON_GAINS,
    ),
    (
        "W_x_without_gain",
        "W_x is not multiplied by it",
        "all weights of a unit grow together",
        {"no_gain": 0},
        COMMON_GAINS[:2],
    ),
    (
        "b_and_h0_exchanged",
        "b and h0 are exchanged in what is returned",
        ORDER,
        {"exchanged": (2, 3)},
        COMMON_GAINS,
    ),
):
    for gain in gains:
        hint = f"{what} (the gain is {gain:g}): {right}."
        wrong = partial(six_units_but, gain, **change)
        mistakes(three, **{f"{name}_{gain:g}": (hint, wrong)})


# 5. read_last

slips(
    last,
    {
        "h[lengths - 1, columns]": {
            "h[-1]": "The last padded step is read: behind its own length, a sequence's state has gone on through the padding.",
            "h[np.minimum(lengths, len(h) - 1), columns]": "One step too far: the first padded state is read, since indices begin at 0.",
            "h[lengths, columns]": "One step too far, and beyond the end of h for a sequence that fills it: indices begin at 0.",
            "h[-lengths, columns]": "The steps are counted from the end of h: the padding is there, and a sequence begins at index 0.",
            "h[lengths - 1]": "Whole rows of h are read, one for each length: of the row at its own length each sequence needs its own column.",
            "h[columns, lengths - 1]": "The two indices are exchanged: h has the steps first, then the sequences.",
            "h[lengths - 1, 0]": "The first column is read for all sequences: each has its own.",
            "h.reshape(len(columns), len(h), -1)[columns, lengths - 1]": "reshape does not exchange the axes of h: it mixes the states of different sequences.",
            "h[lengths.min() - 1]": "All sequences are read at the shortest length: each has its own.",
            "h[lengths.max() - 1]": "All sequences are read at the longest length: each has its own.",
            "h[int(lengths.mean()) - 1]": "All sequences are read at the mean length: each has its own.",
            "h[lengths[0] - 1]": "All sequences are read at the length of the first: each has its own.",
            "h[lengths[-1] - 1]": "All sequences are read at the length of the last: each has its own.",
            "h[0]": "The first state is read: the answer belongs after the last real step.",
            "h.mean(axis=0)": "The mean over all steps is read, padding included: asked for is the state after the last real step.",
            "h.sum(axis=0)": "The sum over all steps is read, padding included: asked for is one state, the last real one.",
            "np.stack([h[:n, j].mean(axis=0) for j, n in enumerate(lengths)])": "The mean over the real steps is read: asked for is one state, the last real one.",
            "np.stack([h[:n, j].sum(axis=0) for j, n in enumerate(lengths)])": "The sum over the real steps is read: asked for is one state, the last real one.",
            "(h * (np.arange(len(h))[:, None] < lengths)[..., None])[-1]": "The padded states are set to zero and then the last row is read: for a shorter sequence that row is padding.",
        },
        "last @ W_y.T + b_y": {
            "np.tanh(last @ W_y.T + b_y)": "The output is squashed: this readout is affine, with no tanh around it.",
            "(lambda e: e / e.sum(axis=1, keepdims=True))(np.exp(last @ W_y.T + b_y))": "The output goes through a softmax: this readout is affine, and its outputs need not be probabilities.",
        },
    },
)


# 6. read_every

slips(
    every,
    {
        "h @ W_y.T -> np.concatenate([0 * h[:1], h[:-1]]) @ W_y.T": "The state of the step before is read: y[t] comes from h[t].",
        " + x @ W_s.T": {
            " + np.concatenate([0 * x[:1], x[:-1]]) @ W_s.T": "The input of the step before is used: the direct connection carries the present input.",
            " + np.concatenate([x[1:], 0 * x[:1]]) @ W_s.T": "The input of the step after is used: the direct connection carries the present input.",
        },
        "np.arange(len(h))[:, None] < lengths": {
            "(np.arange(len(h))[:, None] <= lengths) & (np.arange(len(h)) > 0)[:, None]": "The indices 1 to n are taken for real: the formula counts steps from 1, Python from 0.",
            "np.arange(len(h))[:, None] >= lengths": "Real and padded steps are exchanged: the padded ones give zero.",
            "np.arange(len(h))[:, None] > lengths": "Real and padded steps are exchanged, and the first padded one is left out too.",
            "np.arange(len(h))[::-1, None] < lengths": "The padding is taken to be at the start: the real steps are the first ones.",
            "np.arange(len(h))[:, None] == lengths - 1": "Only the last real step gives an output: all real steps do.",
            "np.arange(len(h))[:, None] < lengths.max()": "All sequences are cut at the longest length: each has its own.",
            "np.arange(len(h))[:, None] < lengths.min()": "All sequences are cut at the shortest length: each has its own.",
            "np.arange(len(h))[:, None] < lengths[0]": "All sequences are cut at the length of the first: each has its own.",
        },
        "np.where(real[..., None], y, 0.0)": {
            "y": "Padded steps still give outputs: they have to be exactly zero, or someone takes them for answers.",
            "np.where(real[..., None], y, np.nan)": "Padded steps hold NaN: they have to be exactly zero, which np.empty does not make them.",
            "np.where(real[..., None], np.tanh(y), 0.0)": "The output is squashed: this readout is affine, with no tanh around it.",
        },
    },
)


@every.mistake("The last answer is repeated through the padding: padded steps have to be exactly zero.")
def last_answer_repeated(h, x, lengths, W_y, W_s, b_y):
    y = h @ W_y.T + x @ W_s.T + b_y
    for j, n in enumerate(lengths):
        y[n:, j] = y[n - 1, j]
    return y


def masked_in_part(kept):
    """The terms in `kept` go on through the padding, the others are zero there."""

    def read(h, x, lengths, W_y, W_s, b_y):
        real = (np.arange(len(h))[:, None] < lengths)[..., None]
        terms = {"state": h @ W_y.T, "input": x @ W_s.T, "bias": b_y}
        return sum(v if k in kept else v * real for k, v in terms.items())

    read.__name__ = f"{'_and_'.join(kept)}_in_the_padding"
    return read


for kept in itertools.chain(*(itertools.combinations(every.terms, n) for n in (1, 2))):
    every.mistake(
        f"In the padding the {' and the '.join(kept)} still count{'s' * (len(kept) == 1)}: the whole output has to be zero there."
    )(masked_in_part(kept))


# 7. masked_cross_entropy


def through_p(logits, targets, mask, shifted=False, one_hot=False, guarded=True):
    """Softmax first, log afterwards; the target's log is picked, or comes from a product with a one-hot vector."""
    p = np.exp(logits - shifted * logits.max(axis=-1, keepdims=True))
    log_p = np.log(p / p.sum(axis=-1, keepdims=True))
    targets = np.eye(log_p.shape[-1])[targets]
    losses = (log_p * targets if one_hot else np.where(targets, log_p, 0)).sum(axis=-1)
    return 0.0 if guarded and not mask.any() else -(losses * mask).sum() / mask.sum()


AS_WRITTEN = "The probabilities are computed as written, and their log is taken afterwards: exp overflows for large logits, so take the largest off first and stay with logs"
mistakes(
    loss,
    as_written=(f"{AS_WRITTEN}.", through_p),
    as_written_empty=(
        f"{AS_WRITTEN}; without a real token the loss is 0.",
        partial(through_p, guarded=False),
    ),
    one_hot_times_log_of_p=(
        "Where the probability of another symbol has become 0, its log times the 0 of the one-hot vector is NaN: take the log of the softmax without going through p.",
        partial(through_p, shifted=True, one_hot=True),
    ),
)
REAL = "np.sum(loss * mask) / max(np.sum(mask), 1.0)"
slips(
    loss,
    {
        "logits - logits.max(axis=-1, keepdims=True)": {
            "logits": "The softmax is computed as written, and exp overflows for large logits: take the largest logit off first.",
            "logits - logits.max()": "One largest logit is taken off everywhere: each token needs its own, or exp is 0 for all its symbols.",
        },
        "z - np.log(np.exp(z).sum(axis=-1, keepdims=True))": {
            "z": "The log of the sum is missing: without it the probabilities of a token do not add up to 1.",
            "logits": "The loss is minus the logit itself: it has to depend on how large the other logits are as well.",
            "z - np.exp(z).sum(axis=-1, keepdims=True)": "The sum of the exponentials is subtracted as it is: a log belongs between the two.",
            "z - np.log2(np.exp(z).sum(axis=-1, keepdims=True))": "The log of the sum has base 2: with exp goes the natural logarithm.",
            "logits - np.log(np.exp(z).sum(axis=-1, keepdims=True))": "The largest logit is taken off inside the sum only: it has to come off the target's logit as well.",
            "z - np.log(np.exp(logits).sum(axis=-1, keepdims=True))": "The largest logit is taken off the target's logit only: it has to come off inside the sum as well.",
            "np.log(np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True))": "The log is taken of a probability that has become 0: the log of the softmax can be had without going through p.",
        },
    },
)
TINY = "is added to the probability, or put in its place, so no loss is above"
slips(
    loss,
    {
        "z - np.log(np.exp(z).sum(axis=-1, keepdims=True))": {
            f"np.log({tiny} + np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True))": f"{tiny:g} {TINY} {-np.log(tiny):.1f}: take the log of the softmax without going through p."
            for tiny in (1e-8, 1e-9, 1e-10, 1e-12, 1e-15)
        }
    },
)
slips(
    loss,
    {
        "-np.take_along_axis(log_p, targets[..., None], axis=-1)[..., 0]": {
            "1 - np.take_along_axis(np.exp(log_p), targets[..., None], axis=-1)[..., 0]": "The loss is 1 - p: cross-entropy has no upper limit, it punishes a confident error without bound.",
            "-log_p[:, :, targets]": "The targets of all tokens are read at every token: each needs the log probability of its own target alone.",
            "-(log_p * np.eye(log_p.shape[-1])[targets]).mean(axis=-1)": "The one-hot product is averaged over the V symbols: its sum is the log probability of the target.",
        },
        "max(np.sum(mask), 1.0)": {
            "np.sum(mask)": "An empty batch divides zero by zero: without a real token the loss is 0.",
            "mask.size": "The mean is over all tokens: the padded ones then count as perfectly predicted.",
            "len(mask)": "The sum is divided by the number of steps: it is a mean over real tokens.",
            "mask.shape[1]": "The sum is divided by the number of sequences: it is a mean over real tokens.",
            "(np.sum(mask) + 1)": "One token too many is counted: divide by the number of real tokens, whatever is done about an empty batch.",
            "max(np.sum(loss * mask != 0), 1)": "Tokens whose loss is 0 are not counted: a real token may be predicted with certainty, and the mask alone says what is real.",
        },
        "np.sum(loss * mask) -> np.sum(loss)": "The losses of padded tokens are in the sum: they must not count there either.",
        " / max(np.sum(mask), 1.0) -> ": "The losses are summed, not averaged: asked for is the loss per real token.",
        REAL: {
            "mask.any() * np.exp(np.sum(loss * mask) / max(np.sum(mask), 1.0))": "This is the perplexity: asked for is its logarithm, the mean loss itself.",
        },
    },
)
MEANS = "(np.sum(loss * mask, axis={0}) / np.sum(mask, axis={0})).mean()"
WITH_1 = "(np.sum(loss * mask, axis={0}) / np.maximum(np.sum(mask, axis={0}), 1)).mean()"
OF_SEQUENCES = (
    "The mean is over sequences: first within each and then over all of them, so that short ones weigh too much"
)
OF_STEPS = "The mean is over steps: first within each and then over all of them, so that late steps weigh too much"
slips(
    loss,
    {
        REAL: {
            MEANS.format(0): f"{OF_SEQUENCES}, and an empty one gives NaN.",
            WITH_1.format(0): f"{OF_SEQUENCES}, and an empty one counts as perfectly predicted.",
            f"{MEANS[:-7]}[mask.any(axis=0)].mean() if mask.any() else 0.0".format(0): f"{OF_SEQUENCES}.",
            MEANS.format(1): f"{OF_STEPS}, and an empty one gives NaN.",
            WITH_1.format(1): f"{OF_STEPS}.",
        },
    },
)


def token_losses(logits, targets, axis=-1):
    z = logits - logits.max(axis=axis, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=axis, keepdims=True))
    return -np.take_along_axis(log_p, targets[..., None], axis=-1)[..., 0]


def all_losses(logits):
    """The loss of every symbol, if it were the target."""
    return np.logaddexp.reduce(logits, axis=-1, keepdims=True) - logits


def mean_of_real(losses, mask):
    return (losses * mask).sum() / max(mask.sum(), 1)


def softmax_over(axis, logits, targets, mask):
    return mean_of_real(token_losses(logits, targets, axis), mask)


RUNS = "The softmax runs over"
mistakes(
    loss,
    softmax_over_time=(
        f"{RUNS} the wrong axis, the steps: the probabilities of the V symbols at one step add up to 1.",
        partial(softmax_over, 0),
    ),
    softmax_over_sequences=(
        f"{RUNS} the wrong axis, the sequences: the probabilities of the V symbols of one sequence add up to 1.",
        partial(softmax_over, 1),
    ),
    softmax_over_all=(
        f"{RUNS} the whole array: at each token the probabilities of its own V symbols add up to 1.",
        partial(softmax_over, None),
    ),
)
mistakes(
    loss,
    mask_on_logits=(
        "The mask is applied to the logits: a padded token then costs ln V instead of nothing.",
        lambda logits, targets, mask: token_losses(logits * mask[..., None], targets).sum() / max(mask.sum(), 1),
    ),
    mask_on_logits_but_empty=(
        "The mask is applied to the logits: a padded token then costs ln V instead of nothing, which 0 for an empty batch does not mend.",
        lambda logits, targets, mask: (
            mask.any() * token_losses(logits * mask[..., None], targets).sum() / max(mask.sum(), 1)
        ),
    ),
    mean_after_mask_on_logits=(
        "The mask is applied to the logits, and the mean is over all tokens: a padded token then counts with the loss ln V.",
        lambda logits, targets, mask: token_losses(logits * mask[..., None], targets).mean(),
    ),
    padding_minus_infinity=(
        "The logits of padded tokens are set to minus infinity: their loss is then NaN, and NaN times 0 is NaN.",
        lambda logits, targets, mask: (
            mean_of_real(
                token_losses(np.where(mask[..., None] > 0, logits, -np.inf), targets),
                mask,
            )
            if mask.any()
            else 0.0
        ),
    ),
    softmax_twice=(
        "The softmax is taken twice: probabilities stand where the log-softmax wants logits, and as they lie between 0 and 1 no loss can come near 0.",
        lambda logits, targets, mask: mean_of_real(token_losses(np.exp(-all_losses(logits)), targets), mask),
    ),
    log_of_the_mean=(
        "The log is taken of the mean probability: the loss is the mean of the logs.",
        lambda logits, targets, mask: (
            -np.log(
                mean_of_real(np.exp(-token_losses(logits, targets)), mask) or 1.0  # nothing is real
            )
        ),
    ),
)


# 8. fit_readout


def rows(kept):
    """The first two lines of the solution, by what is kept of "h & target", or of either "{}"."""
    of_h, of_target = kept.split(" & ") if "&" in kept else map(kept.format, ("h", "target"))
    return f"states = {of_h}.reshape(-1, h.shape[-1])\n    wanted = {of_target}.reshape(-1, target.shape[-1])"


OUT_OF_STEP = "States and targets are out of step"
OTHER_ROWS = {
    "{}": "The washout takes part in the fit: its states still remember the arbitrary first state.",
    "{0}[: len({0}) - washout]": "The washout is cut off at the end: it is the first steps that remember the first state.",
    "{}[:-washout]": "The washout is cut off at the end, and with a washout of 0 everything: it is the first steps that remember the first state.",
    "{0}.reshape(-1, 1, {0}.shape[-1])[washout:]": "The washout is cut off after steps and sequences have become one axis: it is that many steps of every sequence, not rows.",
    "h[washout:] & target[: len(target) - washout]": f"{OUT_OF_STEP}: the washout has to be cut off both at the same end.",
    "h[: len(h) - washout] & target[washout:]": f"{OUT_OF_STEP}: the washout has come off the end of the states and the start of the targets.",
    "h[:-washout] & target[washout:]": f"{OUT_OF_STEP}: the washout has come off the end of the states, and with a washout of 0 nothing is left of them.",
    "h[washout:-1] & target[washout + 1 :]": f"{OUT_OF_STEP}: each state is fitted to the target of the next step, but target[t] already belongs to h[t].",
    "h[washout:] & target[washout:].transpose(1, 0, 2)": "The rows of states and targets are in different order: both go through steps and sequences in the same way.",
    "{}[washout:, :1]": "Only the first sequence of the batch is fitted: the sum runs over all of them.",
    "{}[washout:, -1:]": "Only the last sequence of the batch is fitted: the sum runs over all of them.",
    "{}[washout:].mean(axis=1)": "The sequences are averaged before the fit: the sum runs over every one of them.",
}
slips(fit, {rows("{}[washout:]"): {rows(k): v for k, v in OTHER_ROWS.items()}})
slips(
    fit,
    {
        "states.mean(axis=0), wanted.mean(axis=0)": {
            "np.full(states.shape[1], states.mean()), np.full(wanted.shape[1], wanted.mean())": "One mean is taken over all units: every unit and every output has its own.",
            "h.mean(axis=(0, 1)), target.mean(axis=(0, 1))": "The washout is in the means: they are of the steps that are fitted.",
        },
        "a = states - states_mean -> a = states": "The means stay in the states: the best constant takes them off states and targets alike.",
        "a = states - states_mean\n    y = wanted - wanted_mean": {
            "a, y = states, wanted": "The weights are fitted without a constant, as if it were zero: take the means off states and targets first."
        },
        "penalty * np.eye(a.shape[1])": {
            "penalty": "The penalty is added to every entry of the matrix: it is the square of each weight that costs something, not the products of two.",
            "penalty * len(a) * np.eye(a.shape[1])": "The penalty is multiplied by the number of rows: the equation adds it once to a sum over all steps.",
            "penalty * (len(h) - washout) * np.eye(a.shape[1])": "The penalty is multiplied by the number of steps: the equation adds it once to a sum over all steps.",
            "penalty / len(a) * np.eye(a.shape[1])": "The penalty is divided by the number of rows: the equation adds it once to a sum over all steps.",
        },
        "a.T @ a + -> a.T @ a / len(a) +": "One side is divided by the number of rows, the other is not: both are sums over all steps.",
        "wanted_mean - W_y @ states_mean": {
            "wanted_mean": "The constant is the mean of the targets: that would be right only if the states were zero on average.",
            "wanted_mean + W_y @ states_mean": "What the mean state contributes has the wrong sign in the constant: the mean error is then twice that, not zero.",
            "0 * wanted_mean": "The constant is zero: of centred data it always is, so take it from the means as they were.",
        },
    },
)


def with_a_column_of_ones(spared):
    """Ridge regression on the states and a constant 1, which comes last; `spared`: the entry without a penalty."""

    def fitted(h, target, washout, penalty):
        H = h.shape[-1]
        a = np.insert(h[washout:].reshape(-1, H), H, 1.0, axis=1)
        y = target[washout:].reshape(-1, target.shape[-1])
        diagonal = np.full(H + 1, penalty)
        if spared is not None:
            diagonal[spared] = 0.0
        W = np.linalg.solve(a.T @ a + np.diag(diagonal), a.T @ y)
        return W[:-1].T, W[-1]

    return fitted


def centred_by_sequence(h, target, washout, penalty):
    own = [v - v[washout:].mean(axis=0) for v in (h, target)]
    W, _ = stacked_least_squares(*own, washout, penalty)
    return W, target[washout:].mean(axis=(0, 1)) - W @ h[washout:].mean(axis=(0, 1))


def mean_of_fits(h, target, washout, penalty):
    fits = [stacked_least_squares(h[:, [j]], target[:, [j]], washout, penalty) for j in range(h.shape[1])]
    return tuple(np.mean(part, axis=0) for part in zip(*fits, strict=True))


mistakes(
    fit,
    constant_penalised=(
        "The constant is penalised: then it is too small wherever the targets do not lie around zero.",
        with_a_column_of_ones(spared=None),
    ),
    weight_spared=(
        "The penalty spares the wrong entry: it is the constant that is free, and the weight of the last unit that is not.",
        with_a_column_of_ones(spared=-2),
    ),
    constant_alone_penalised=(
        "The penalty is on the constant alone: it belongs on the weights, and the constant is free.",
        with_a_column_of_ones(spared=slice(None, -1)),
    ),
    centred_by_sequence=(
        "Every sequence is centred by its own means: there is one constant for all sequences together.",
        centred_by_sequence,
    ),
    mean_of_fits=(
        "Every sequence is fitted on its own and the results averaged: one fit minimises the sum over all of them.",
        mean_of_fits,
    ),
)
