"""Known mistakes of unit 18-ctc."""

import itertools

import numpy as np
from checks import alignment, append, forward, from_the_scores, gradient, graph, likelihood, spans

from rnncourse.authoring import slips

# 1. greedy_spans

slips(
    spans,
    {
        "path[1:] != path[:-1] -> path[1:] == path[1:]": "Each frame gives a label of its own: neighbouring frames of the same class are one run.",
        "stop = np.append(start[1:], len(path))\n    label = path[start] != blank\n    start, stop = start[label], stop[label] -> label = path[start] != blank\n    start = start[label]\n    stop = np.append(start[1:], len(path))": "A label is taken to last until the next one begins: the blanks after it do not belong to its run.",
        "np.exp(log_p[i:j, path[i]]).mean() -> np.exp(log_p[i:j, path[i]].mean())": "The exponential of the mean log-probability is a geometric mean: average the probabilities.",
        "np.exp(log_p[i:j, path[i]]).mean() -> log_p[i:j, path[i]].mean()": "The confidence is a mean of log-probabilities: probabilities are asked for.",
        "np.exp(log_p[i:j, path[i]]).mean() -> np.exp(log_p[i:j, path[i]]).max()": "The largest probability of the run is returned: it hides the frames in which the network was unsure.",
        "np.exp(log_p[i:j, path[i]]).mean() -> np.exp(log_p[i:j, path[i]]).prod()": "The probabilities of the frames are multiplied: a long run then looks unsure because it is long.",
        "np.exp(log_p[i:j, path[i]]).mean() -> np.exp(log_p[i:j]).mean()": "The confidence is averaged over all symbols: only the probability of the label itself counts.",
        "np.exp(log_p[i:j, path[i]]).mean() -> np.exp(log_p[i:j, path[i]]).sum()": "The probabilities of the run are added, not averaged.",
        "np.exp(log_p[i:j, path[i]]).mean() -> np.exp(log_p[j - 1, path[i]])": "Only the last frame of the run counts for the confidence.",
        "return path[start], start, stop -> return path[start], start, stop - start": "The length of the run is returned: stop is the frame after its last.",
        "np.exp(log_p[i:j, path[i]]).mean() -> np.exp(log_p[i, path[i]])": "Only the first frame of the run counts for the confidence.",
        "np.exp(log_p[i:j, path[i]]).mean() -> np.exp(log_p[:, path[i]]).mean()": "The confidence is averaged over all frames: only those of the run belong to the label.",
        "np.exp(log_p[i:j, path[i]]).mean() -> np.exp(log_p[i : j + 1, path[i]]).mean()": "The frame after the run is counted into its confidence.",
    },
)


@spans.mistake(
    "The blanks are taken out before the runs are found: two equal labels with a blank between them become one."
)
def without_blanks_first(log_p, blank):
    path = log_p.argmax(axis=1)
    kept = np.flatnonzero(path != blank)
    runs = np.split(kept, 1 + np.flatnonzero(np.diff(path[kept])))
    confidence = np.array([np.exp(log_p[g, path[g[0]]]).mean() for g in runs])
    return path[[g[0] for g in runs]], np.array([g[0] for g in runs]), np.array([g[-1] + 1 for g in runs]), confidence


# 2. ctc_graph

slips(
    graph,
    {
        "jump[:, 3::2] = real[:, 1:] & ~equal -> jump[:, 3::2] = real[:, 1:]": "A jump is allowed between two equal labels (is each compared with the blank before it?): without the blank they would collapse into one.",
        "jump[:, 3::2] = real[:, 1:] & ~equal -> jump[:, 3::2] = ~equal": "Jumps are allowed in the padding: they must stop where the text does.",
        "jump[:, 3::2] = real[:, 1:] & ~equal -> jump[:, 1:-2:2] = real[:, 1:] & ~equal": "The mask marks the state that a jump leaves: it is the state that the jump enters.",
        "jump[:, 3::2] = real[:, 1:] & ~equal -> jump[:, 2:-1:2] = real[:, 1:] & ~equal": "The mask marks the blank that is left out: it is the label after it that is entered.",
        "jump[:, 3::2] = real[:, 1:] & ~equal -> jump[:, 1::2] = real\n    jump[:, 3::2] &= ~equal": "The first label is marked: nothing stands two states before it. np.roll and negative indices reach the other end of the row.",
        "jump[:, 3::2] = real[:, 1:] & ~equal -> jump[:, 2::2] = real\n    jump[:, 3::2] = real[:, 1:] & ~equal": "Blanks may be entered by a jump: that would leave out a label.",
        "jump[:, 3::2] = real[:, 1:] & ~equal -> jump[:, 2:] = states[:, 2:] != states[:, :-2]": "A jump enters the first blank of the padding, because it differs from the label two states before: no jump enters a blank.",
        "jump[:, 3::2] = real[:, 1:] & ~equal -> jump[:, 1::2] = real": "Every label is marked: the first has nothing two states before it, and one that equals the label before needs the blank.",
        "np.where(real, targets, blank) -> np.where(real, targets, 0)": "The padding of the states is filled with 0: the blank may be another symbol.",
        "frames = lengths + (real[:, 1:] & equal).sum(axis=1) -> frames = targets.shape[1] + equal.sum(axis=1)": "The room is counted for whole rows: the padding needs none.",
        "frames = lengths + (real[:, 1:] & equal).sum(axis=1) -> frames = np.array([2 * n - len(set(row[:n].tolist())) for row, n in zip(targets, lengths, strict=True)])": "The room counts every label that occurs again: only equal neighbours need a blank between them.",
        "np.where(real, targets, blank) -> targets": "What stands in the padding gets into the states: after a text all states are blank.",
        "(real[:, 1:] & equal).sum(axis=1) -> equal.sum(axis=1)": "Equal neighbours in the padding count for the room too: only those of the text need a blank between them.",
        "frames = lengths + (real[:, 1:] & equal).sum(axis=1) -> frames = lengths + 0": "Two equal labels need a frame for the blank between them: it is missing in the room.",
        "frames = lengths + (real[:, 1:] & equal).sum(axis=1) -> frames = 2 * lengths + 1": "A frame is counted for each state: most blanks need none.",
        "frames = lengths + (real[:, 1:] & equal).sum(axis=1) -> frames = 2 * lengths - 1": "A blank is counted between any two labels: only between equal ones is it needed.",
        "frames = lengths + (real[:, 1:] & equal).sum(axis=1) -> frames = lengths + (real[:, 1:] & ~equal).sum(axis=1)": "The room counts a blank between labels that differ: it is the equal ones that need it.",
        "(real[:, 1:] & equal) -> (real[:, :-1] & equal)": "The padding after a text counts as its next label: if it holds the same one, the room is too large.",
    },
)


# 3. log_likelihood

slips(
    likelihood,
    {
        "return np.logaddexp(last, label) -> return last": "Only the alignments that end in the last blank are counted: those that end in the last label belong to the text too.",
        "return np.logaddexp(last, label) -> return np.where(lengths > 0, label, last)": "Only the alignments that end in the last label are counted: a blank may follow it.",
        "return np.logaddexp(last, label) -> return np.nan_to_num(np.logaddexp(last, label), neginf=0.0)": "A text that does not fit gets 0, which is the logarithm of a sure thing: it has minus infinity.",
        "np.where((t < frames)[:, None], total + emit[t], alpha) -> total + emit[t]": "All inputs are read to the last frame of the batch: each ends at its own.",
        "np.where((t < frames)[:, None], total + emit[t], alpha) -> (t < frames)[:, None] * (total + emit[t]) + (t >= frames)[:, None] * alpha": "A mask is multiplied with minus infinity, and 0 times infinity is NaN: choose with np.where.",
        "last = alpha[rows, 2 * lengths]\n    label = np.where(lengths > 0, alpha[rows, 2 * lengths - 1], -np.inf) -> last, label = alpha[:, -1], alpha[:, -2]": "All texts are read off at the end of the row: each has its own last two states, before the padding.",
        "return np.logaddexp(last, label) -> return last + label": "The two ends are multiplied, which the sum of logarithms does: their probabilities are added.",
        "return np.logaddexp(last, label) -> return np.logaddexp(last, label) / frames": "The log-likelihood is divided by the number of frames: it is a sum over them.",
        "total + emit[t], alpha) -> np.logaddexp(total, emit[t]), alpha)": "The probability of the frame is added to that of the ways: it multiplies it, so the logarithms are added.",
        "return np.logaddexp(last, label) -> return np.logaddexp.reduce(np.where(np.arange(states.shape[1]) <= 2 * lengths[:, None], alpha, -np.inf), axis=1)": "All states of a text in its last frame are added: only the last two are its end.",
        "return np.logaddexp(last, label) -> return np.logaddexp.reduce(alpha, axis=1)": "All states of the row are added in the last frame, the padding too: only the last two of the text are its end.",
        "label = np.where(lengths > 0, alpha[rows, 2 * lengths - 1], -np.inf) -> label = alpha[rows, 2 * lengths - 1]": "For an empty text the index of its last label is -1, which is the last state of the row: this text has one state alone.",
        "return np.logaddexp(last, label) -> return np.log(np.exp(last) + np.exp(label))": "Likelihoods become 0 as probabilities in a long input: stay with the logarithms.",
        "total = np.logaddexp(stay, move) -> total = np.maximum(stay, move) + np.log1p(np.exp(-np.abs(stay - move)))": "Where all ways are impossible, minus infinity is subtracted from itself, which is NaN: np.logaddexp knows the case.",
        "np.concatenate([nothing, alpha], axis=1) -> np.concatenate([alpha[:, -2:], alpha], axis=1)": "The last states lead round to the first, as with np.roll or negative indices: nothing stands before the first state.",
        "np.arange(states.shape[1]) < 2 -> np.arange(states.shape[1]) < 1": "All alignments start with a blank: they may start with the first label too.",
        "np.where(np.arange(states.shape[1]) < 2, emit[0], -np.inf) -> emit[0]": "Alignments start in every state: only in the first two may they.",
        "np.where(np.arange(states.shape[1]) < 2, emit[0], -np.inf) -> np.where(np.arange(states.shape[1]) < 2, 0.0, -np.inf)": "The first frame's probability is missing.",
        "total = np.logaddexp(stay, move) -> total = np.maximum(stay, move)": "Of staying and moving on only the likelier is taken: the likelihood adds all ways up.",
        "total = np.logaddexp(stay, move) -> total = move": "A state is always left after one frame: a label may last for several.",
        "total + emit[t], alpha) -> total + emit[t - 1], alpha)": "The probability of the frame before is taken: a state is entered in frame t and gives its symbol there.",
        "np.where(jump, leap, -np.inf) -> np.where(np.roll(jump, -2, axis=1), leap, -np.inf)": "The mask is read two states off: jump says which state is entered, not which is left.",
        "total = np.logaddexp(total, np.where(jump, leap, -np.inf)) -> total = np.where(jump, leap, total)": "Where a jump is allowed it replaces the other ways: it is added to them.",
    },
)


@likelihood.mistake(
    "The log-probability of the likeliest alignment is returned: the likelihood is the sum over all of them."
)
def likeliest_alignment(log_p, states, jump, frames, lengths):
    given = zip(frames, 2 * lengths + 1, states, jump, strict=True)
    return np.array(
        [forward(log_p[:T, b], s[:n], k, np.maximum)[-1, -2:].max() for b, (T, n, s, k) in enumerate(given)]
    )


@likelihood.mistake(
    "The row of the frame before is overwritten while it is still needed, so that a path walks through several states in one frame."
)
def one_row(log_p, states, jump, frames, lengths):
    found = []
    for b, n in enumerate(2 * lengths + 1):
        emit = log_p[:, b, states[b, :n]]
        alpha = np.where(np.arange(n) < 2, emit[0], -np.inf)
        for t, s in itertools.product(range(1, frames[b]), range(n)):
            alpha[s] = np.logaddexp.reduce(alpha[max(s - 1 - jump[b, s], 0) : s + 1]) + emit[t, s]
        found.append(np.logaddexp.reduce(alpha[-2:]))
    return np.array(found)


# 4. logit_gradient

slips(
    gradient,
    {
        "joint = log_alpha + log_beta  # (T, S) -> joint = log_alpha + log_beta - log_p[:, states]": "The symbol of frame t is taken out, as with the chapter's beta: here beta does not hold it, so that it counts once as it is.",
        "joint = log_alpha + log_beta  # (T, S)\n    total = np.logaddexp.reduce(joint[0]) -> joint = log_alpha + log_beta - log_p[:, states]\n    total = np.logaddexp.reduce(log_alpha[-1, -2:])": "The symbol of frame t is taken out, as with the chapter's beta, and the likelihood is right: the occupancies of a frame do not sum to 1 then.",
        "gamma = np.exp(joint - total) -> joint = joint - log_p[:, states]\n    gamma = np.exp(joint - np.logaddexp.reduce(joint, axis=1, keepdims=True))": "The symbol of frame t is taken out, as with the chapter's beta, and each frame is scaled to sum to 1: the shares of the states are wrong all the same.",
        "joint = log_alpha + log_beta  # (T, S) -> joint = log_alpha + log_beta + log_p[:, states]": "The symbol of frame t is put in once more: alpha holds it already.",
        "np.logaddexp.reduce(joint[0]) -> np.logaddexp.reduce(log_alpha[-1])": "The likelihood adds up all states of the last frame: an alignment ends in one of the last two.",
        "gamma = np.exp(joint - total) -> gamma = np.exp(joint - np.logaddexp.reduce(joint, axis=0, keepdims=True))": "Each state is scaled to sum to 1 over the frames: it is each frame whose states share the alignments.",
        "return gamma, dz -> return joint - total, dz": "The occupancy is returned as a logarithm.",
        "return gamma, dz -> return gamma, dz * np.exp(log_p)": "The gradient is multiplied by the probabilities once more: p - q is the one for the logits already.",
        "gamma = np.exp(joint - total) -> gamma = np.exp(joint)": "The products are not divided by the likelihood: the occupancies of each frame sum to 1.",
        "gamma = np.exp(joint - total) -> gamma = np.eye(len(states))[joint.argmax(axis=1)]": "Each frame is given to its likeliest state alone: the loss sums over all alignments, so a frame is shared among states.",
        "gamma = np.exp(joint - total) -> gamma = np.exp(joint) / np.exp(total)": "Probabilities become 0 in a long input, and 0 / 0 is NaN: stay with the logarithms until after the division.",
        "return gamma, dz -> return gamma, dz / np.exp(log_p) - 1": "This is the gradient for the probabilities: the one for the logits is asked for.",
        "dz = np.exp(log_p) -> dz = np.exp(np.exp(log_p))\n    dz /= dz.sum(axis=1, keepdims=True)": "The softmax is taken of probabilities: log_p is normalised already.",
        "np.logaddexp.reduce(joint[0]) -> joint[-1, -1]": "The likelihood counts the alignments that end in the last blank alone: those that end in the last label belong to it too.",
        "gamma = np.exp(joint - total) -> gamma = joint / total": "A logarithm is divided by a logarithm: subtract them, then take the exponential.",
        "gamma = np.exp(joint - total) -> gamma = joint - total": "The occupancy is left as a logarithm.",
        "dz[:, label] -= gamma[:, s] -> dz[:, label] = np.exp(log_p[:, label]) - gamma[:, s]": "Of a symbol that stands in several states only the last counts: add up the occupancies of all its states. An index that occurs twice in `dz[:, states] -= gamma` does the same.",
        "dz = np.exp(log_p) -> dz = np.zeros(log_p.shape)": "This is the gradient for log_p: the softmax between logits and log_p is missing, which adds a term for every symbol.",
        "dz = np.exp(log_p) -> dz = log_p.copy()": "The log-probability stands where the probability belongs.",
        "return np.zeros(joint.shape), np.zeros(log_p.shape) -> return np.zeros(joint.shape), np.exp(log_p)": "A text that does not fit gets the gradient p: with occupancies of 0 the probabilities are left over. All has to be zero.",
        "if total == -np.inf: -> if False:": "A text that does not fit gives NaN: minus infinity is subtracted from itself.",
        "for s, label in enumerate(states): -> for s, label in list(enumerate(states))[1::2]:": "The occupancies of the blank are left out: it is a symbol like others.",
        "np.logaddexp.reduce(joint[0]) -> np.max(joint[0])": "The likelihood is taken from one state: add up all that are possible in a frame.",
    },
)


# 5. best_alignment

slips(
    alignment,
    {
        "np.where(np.arange(S) < 2, log_p[0, states], -np.inf) -> log_p[0, states]": "Alignments start in every state: only in the first two may they.",
        "np.arange(S) < 2 -> np.arange(S) < 1": "All alignments start with a blank: they may start with the first label too.",
        "path[-1] = max(ends, key=lambda s: score[s]) -> path[-1] = S - 1": "The alignment always ends in the last blank: it may end in the last label too.",
        "path[-1] = max(ends, key=lambda s: score[s]) -> path[-1] = max(S - 2, 0)": "The alignment always ends in the last label: a blank may follow it.",
        "path[-1] = max(ends, key=lambda s: score[s]) -> path[-1] = score.argmax()": "The alignment ends in the best of all states, so that a part of the text is left out: it ends in one of the last two.",
        "return path, score[path[-1]] -> return path, score[-1]": "The score is that of the last blank, whichever end the path has.",
        "return path, score[path[-1]] -> return path, score[path[-1]] / T": "The log-probability is divided by the number of frames: it is a sum over them.",
        "back[t, path[t]] -> back[t - 1, path[t]]": "The note of the frame before is read: the note of frame t says how its state was reached.",
        "score = ways.max(axis=0) + log_p[t, states] -> score = np.logaddexp.reduce(ways, axis=0) + log_p[t, states]": "The score adds all ways to a state: the likeliest way alone is asked for.",
        "+ log_p[t, states] -> + log_p[t - 1, states]": "The probability of the frame before is taken: a state is entered in frame t and gives its symbol there.",
        "[[-np.inf, -np.inf], score] -> [np.resize(np.roll(score, 2), 2), score]": "The last states lead round to the first, as with np.roll or negative indices: nothing stands before the first state.",
        "leap = np.where(jump, before[:-2], -np.inf) -> leap = np.full(S, -np.inf)": "No jumps are made: a blank between two different labels may be left out.",
        "ends = range(max(S - 2, 0), S) -> ends = range(S - 2, S)": "For an empty text the state before the last is -1: it has one state alone.",
        "return path, score[path[-1]] -> return states[path], score[path[-1]]": "The symbols of the states are returned: the states themselves, counted from 0, are asked for.",
        "[before[2:], before[1:-1], leap] -> [np.full(S, -np.inf), before[1:-1], leap]": "A state is always left after one frame: a label may last for several.",
    },
)


@alignment.mistake(
    "The state with the best score so far is taken in each frame: what comes later decides, so follow the way back from the end."
)
def best_of_each_frame(log_p, states, jump):
    score = forward(log_p, states, jump, np.maximum)
    return score.argmax(axis=1), score[-1].max()


@alignment.mistake("Each frame takes its likeliest state, in any order: an alignment stays or moves on.")
def without_order(log_p, states, jump):
    path = log_p[:, states].argmax(axis=1)
    return path, log_p[np.arange(len(path)), states[path]].sum()


@alignment.mistake(
    "The path is made from the front, by the symbol that is likeliest next: it may not reach the end of the text, and a poor frame now may pay later."
)
def greedily(log_p, states, jump):
    emit, path = log_p[:, states], [int(log_p[0, states[:2]].argmax())]
    for row in emit[1:]:
        s = path[-1]
        ways = [r for r in (s, s + 1, s + 2) if r < len(states) and (r < s + 2 or jump[r])]
        path.append(max(ways, key=lambda r: row[r]))
    return np.array(path), emit[np.arange(len(path)), path].sum()


@alignment.mistake(
    "The log-likelihood, over all alignments, is returned as the score: that of this one alignment is asked for."
)
def likelihood_as_score(log_p, states, jump):
    return from_the_scores(log_p, states, jump)[0], np.logaddexp.reduce(forward(log_p, states, jump)[-1, -2:])


@alignment.mistake(
    "The likeliest state of each frame by itself is taken: together these need not be an alignment. Take the best way as a whole."
)
def by_posterior(log_p, states, jump):
    beta = forward(log_p[::-1], states[::-1], np.append([False, False], jump[:1:-1]))[::-1, ::-1]
    joint = forward(log_p, states, jump) + beta - np.where(np.isfinite(beta), log_p[:, states], 0)
    path = joint.argmax(axis=1)
    return path, log_p[np.arange(len(path)), states[path]].sum()


# 6. append_label

slips(
    append,
    {
        "before = b if prefix[-1:] == (label,) else np.logaddexp(b, n) -> before = np.logaddexp(b, n)": "The same label directly after itself counts as a second one: it only lasts longer, until a blank has come between.",
        "before = b if prefix[-1:] == (label,) else np.logaddexp(b, n) -> before = b": "A new label is taken to follow a blank only: if it differs from the last it may follow that directly.",
        "before = b if prefix[-1:] == (label,) else np.logaddexp(b, n) -> before = n if prefix[-1:] == (label,) else np.logaddexp(b, n)": "The same label is new after a blank: here it is counted after the label itself.",
        "before = b if prefix[-1:] == (label,) else np.logaddexp(b, n) -> before = b if label in prefix else np.logaddexp(b, n)": "The whole prefix is searched for the label: only its last label matters.",
        "else np.logaddexp(b, n) -> else np.maximum(b, n)": "Of the two endings of the prefix only the likelier is taken: the probabilities of all ways add up.",
        "else np.logaddexp(b, n) -> else n if prefix else b": "A new label is taken to follow the last label only: a blank may come between.",
        "begin = before[:-1] + -> begin = before[1:] +": "The prefix is read one frame late: the label begins in the frame that comes after the prefix's paths.",
        "+ log_p[:, label]  # -> + log_p[:, 0]  #": "The label begins with the probability of the blank.",
        "n_new[t + 1] = np.logaddexp(begin[t], n_new[t] + log_p[t, label]) -> n_new[t + 1] = begin[t]": "The label lasts one frame only: it may last for several.",
        "n_new[t + 1] = np.logaddexp(begin[t], n_new[t] + log_p[t, label]) -> n_new[t + 1] = np.logaddexp(begin[t], np.logaddexp(n_new[t], b_new[t]) + log_p[t, label])": "The label is read on after a blank: that would be the label once more, a longer prefix.",
        "n_new[t + 1] = np.logaddexp(begin[t], n_new[t] + log_p[t, label]) -> n_new[t + 1] = np.maximum(begin[t], n_new[t] + log_p[t, label])": "Of beginning and lasting only the likelier is taken: the probabilities of all ways add up.",
        "n_new[t + 1] = np.logaddexp(begin[t], n_new[t] + log_p[t, label]) -> n_new[t + 1] = np.logaddexp(begin[t], n[t] + log_p[t, label])": "What lasts is the old prefix's label: the longer prefix goes on from its own paths.",
        "np.logaddexp(b_new[t], n_new[t]) + log_p[t, 0] -> n_new[t] + log_p[t, 0]": "A blank comes right after the label only: several may follow each other.",
        "np.logaddexp(b_new[t], n_new[t]) + log_p[t, 0] -> b_new[t] + log_p[t, 0]": "No blank comes after the label, so that no path of the longer prefix ever ends in one.",
        "np.logaddexp(b_new[t], n_new[t]) + log_p[t, 0] -> np.logaddexp(b_new[t], n_new[t + 1]) + log_p[t, 0]": "The label and the blank after it fall into the same frame: a frame has one symbol.",
        "np.logaddexp(b_new[t], n_new[t]) + log_p[t, 0] -> np.logaddexp(b[t], n_new[t]) + log_p[t, 0]": "Paths of the old prefix that end in a blank are counted for the longer one, though the label has not come.",
        "np.logaddexp.reduce(begin) -> np.logaddexp(b_new[-1], n_new[-1])": "The score is that of the text which ends with this prefix: asked for are all texts that begin with it.",
        "np.logaddexp.reduce(begin) -> np.logaddexp.reduce(n_new)": "Each frame in which the label lasts counts for the score: a path counts once, in the frame where the label begins.",
        "return b_new, n_new, np.logaddexp.reduce(begin) -> return np.log(np.exp(b_new)), np.log(np.exp(n_new)), np.log(np.exp(begin).sum())": "Probabilities become 0 in a long input: stay with the logarithms.",
        "b_new, n_new = np.full(T + 1, -np.inf), -> b_new, n_new = np.append(0.0, np.full(T, -np.inf)),": "Before the first frame the longer prefix already has a path: only the empty prefix has one.",
        "np.logaddexp.reduce(begin) -> np.logaddexp.reduce(before[:-1])": "The probability of the new label is missing in the score.",
        "np.logaddexp.reduce(begin) -> begin.max()": "The score takes the likeliest frame for the beginning: the label may begin in any, and the probabilities add up.",
        "np.logaddexp.reduce(begin) -> begin.sum()": "The logarithms are added, which multiplies the probabilities: the ways to begin add up.",
    },
)
