"""Known mistakes of unit 18-ctc."""

import itertools

import numpy as np
from checks import alignment, forward, gradient, graph, likelihood, spans, step

from rnncourse.authoring import slips

# 1. greedy_spans

slips(
    spans,
    {
        "path[1:] != path[:-1] -> path[1:] == path[1:]": "Each frame gives a label of its own: neighbouring frames of the same class are one run.",
        "stop = np.append(start[1:], len(path))\n    label = path[start] != blank\n    start, stop = start[label], stop[label] -> label = path[start] != blank\n    start = start[label]\n    stop = np.append(start[1:], len(path))": "A label is taken to last until the next one begins: the blanks after it do not belong to its run.",
        "stop = np.append(start[1:], len(path)) -> start, stop = start[:-1], start[1:]": "The last run is lost: nothing follows that would close it.",
        "np.exp(log_p[i:j, path[i]]).mean() -> np.exp(log_p[i:j, path[i]].mean())": "The exponential of the mean log-probability is a geometric mean: average the probabilities.",
        "np.exp(log_p[i:j, path[i]]).mean() -> log_p[i:j, path[i]].mean()": "The confidence is a mean of log-probabilities: probabilities are asked for.",
        "np.exp(log_p[i:j, path[i]]).mean() -> np.exp(log_p[i:j, path[i]]).max()": "The largest probability of the run is returned: it hides the frames in which the network was unsure.",
        "np.exp(log_p[i:j, path[i]]).mean() -> np.exp(log_p[i:j, path[i]]).prod()": "The probabilities of the frames are multiplied: a long run then looks unsure because it is long.",
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


@spans.mistake("Start and stop are counted without the blanks: they are frames of the input.")
def in_the_shortened_path(log_p, blank):
    path = log_p.argmax(axis=1)
    before = np.append(0, np.cumsum(path == blank))
    start = np.flatnonzero((path != blank) & np.append(True, np.diff(path) != 0))
    stop = 1 + np.flatnonzero((path != blank) & np.append(np.diff(path) != 0, True))
    confidence = np.array([np.exp(log_p[i:j, path[i]]).mean() for i, j in zip(start, stop, strict=True)])
    return path[start], start - before[start], stop - before[stop], confidence


# 2. ctc_graph

slips(
    graph,
    {
        "skip[:, 3::2] = real[:, 1:] & ~equal -> skip[:, 3::2] = real[:, 1:]": "A skip is allowed between two equal labels (is each compared with the blank before it?): without the blank they would collapse into one.",
        "skip[:, 3::2] = real[:, 1:] & ~equal -> skip[:, 3::2] = ~equal": "Skips are allowed in the padding: they must stop where the text does.",
        "skip[:, 3::2] = real[:, 1:] & ~equal -> skip[:, 1:-2:2] = real[:, 1:] & ~equal": "The mask marks the state that a skip leaves: it is the state that the skip enters.",
        "skip[:, 3::2] = real[:, 1:] & ~equal -> skip[:, 2:-1:2] = real[:, 1:] & ~equal": "The mask marks the blank that is left out: it is the label after it that is entered.",
        "skip[:, 3::2] = real[:, 1:] & ~equal -> skip[:, 1::2] = real\n    skip[:, 3::2] &= ~equal": "The first label is marked: nothing stands two states before it. np.roll and negative indices reach the other end of the row.",
        "skip[:, 3::2] = real[:, 1:] & ~equal -> skip[:, 2::2] = real\n    skip[:, 3::2] = real[:, 1:] & ~equal": "Blanks may be entered by a skip: that would leave out a label.",
        "skip[:, 3::2] = real[:, 1:] & ~equal -> skip[:, 2:] = states[:, 2:] != states[:, :-2]": "A skip enters the first blank of the padding, because it differs from the label two states before: no skip enters a blank.",
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
        "return np.logaddexp(last, label) -> return last + label": "The two ends are multiplied, which the sum of logarithms does: their probabilities are added.",
        "return np.logaddexp(last, label) -> return np.logaddexp(last, label) / frames": "The log-likelihood is divided by the number of frames: it is a sum over them.",
        "return np.logaddexp(last, label) -> return np.logaddexp.reduce(alpha, axis=1)": "All states of the last frame are added: only the last two of the text are its end.",
        "label = np.where(lengths > 0, alpha[rows, 2 * lengths - 1], -np.inf) -> label = alpha[rows, 2 * lengths - 1]": "For an empty text the index of its last label is -1, which is the last state of the row: this text has one state alone.",
        "return np.logaddexp(last, label) -> return np.log(np.exp(last) + np.exp(label))": "Likelihoods become 0 as probabilities in a long input: stay with the logarithms.",
        "total = np.logaddexp(stay, move) -> total = np.maximum(stay, move) + np.log1p(np.exp(-np.abs(stay - move)))": "Where all ways are impossible, minus infinity is subtracted from itself, which is NaN: np.logaddexp knows the case.",
        "np.concatenate([nothing, alpha], axis=1) -> np.concatenate([alpha[:, -2:], alpha], axis=1)": "The last states lead round to the first, as with np.roll or negative indices: nothing stands before the first state.",
        "np.arange(states.shape[1]) < 2 -> np.arange(states.shape[1]) < 1": "All alignments start with a blank: they may start with the first label too.",
        "np.where(np.arange(states.shape[1]) < 2, emit[0], -np.inf) -> emit[0]": "Alignments start in every state: only in the first two may they.",
        "np.where(np.arange(states.shape[1]) < 2, emit[0], -np.inf) -> np.where(np.arange(states.shape[1]) < 2, 0.0, -np.inf)": "The first frame's probability is missing.",
        "total = np.logaddexp(stay, move) -> total = np.maximum(stay, move)": "Of staying and moving on only the likelier is taken: the likelihood adds all ways up.",
        "total = np.logaddexp(stay, move) -> total = move": "A state is always left after one frame: a label may last for several.",
        "total + emit[t], alpha) -> total + emit[t - 1], alpha)": "The probability of the frame before is taken: a state is entered in frame t and gives its class there.",
        "np.where(skip, leap, -np.inf) -> np.where(np.roll(skip, -2, axis=1), leap, -np.inf)": "The mask is read two states off: skip says which state is entered, not which is left.",
        "total = np.logaddexp(total, np.where(skip, leap, -np.inf)) -> total = np.where(skip, leap, total)": "Where a skip is allowed it replaces the other ways: it is added to them.",
    },
)


@likelihood.mistake(
    "The log-probability of the likeliest alignment is returned: the likelihood is the sum over all of them."
)
def likeliest_alignment(log_p, states, skip, frames, lengths):
    given = zip(frames, 2 * lengths + 1, states, skip, strict=True)
    return np.array(
        [forward(log_p[:T, b], s[:n], k, np.maximum)[-1, -2:].max() for b, (T, n, s, k) in enumerate(given)]
    )


@likelihood.mistake(
    "The row of the frame before is overwritten while it is still needed, so that a path walks through several states in one frame."
)
def one_row(log_p, states, skip, frames, lengths):
    found = []
    for b, n in enumerate(2 * lengths + 1):
        emit = log_p[:, b, states[b, :n]]
        alpha = np.where(np.arange(n) < 2, emit[0], -np.inf)
        for t, s in itertools.product(range(1, frames[b]), range(n)):
            alpha[s] = np.logaddexp.reduce(alpha[max(s - 1 - skip[b, s], 0) : s + 1]) + emit[t, s]
        found.append(np.logaddexp.reduce(alpha[-2:]))
    return np.array(found)


# 4. logit_gradient

slips(
    gradient,
    {
        "log_alpha + log_beta - log_p[:, states] -> log_alpha + log_beta": "The frame t is counted twice: both variables hold the probability of its class, so that it has to be taken out once.",
        "log_alpha + log_beta - log_p[:, states] -> log_alpha + log_beta + log_p[:, states]": "The probability of the frame's class is put in once more: it is in both variables already.",
        "gamma = np.exp(joint - total) -> gamma = np.exp(joint)": "The products are not divided by the likelihood: the posteriors of each frame sum to 1.",
        "gamma = np.exp(joint - total) -> gamma = np.eye(len(states))[joint.argmax(axis=1)]": "Each frame is given to its likeliest state alone: the loss sums over all alignments, so a frame is shared among states.",
        "gamma = np.exp(joint - total) -> gamma = np.exp(joint) / np.exp(total)": "Probabilities become 0 in a long input, and 0 / 0 is NaN: stay with the logarithms until after the division.",
        "gamma = np.exp(joint - total) -> joint = log_alpha + log_beta\n    gamma = np.exp(joint - np.logaddexp.reduce(joint, axis=1, keepdims=True))": "Each frame is scaled to sum to 1, but its class still counts twice: that changes the shares of the states.",
        "return gamma, dz -> return gamma, dz / np.exp(log_p) - 1": "This is the gradient for the probabilities: the one for the logits is asked for.",
        "dz = np.exp(log_p) -> dz = np.exp(np.exp(log_p))\n    dz /= dz.sum(axis=1, keepdims=True)": "The softmax is taken of probabilities: log_p is normalised already.",
        "np.logaddexp.reduce(joint[0]) -> joint[-1, -1]": "The likelihood counts the alignments that end in the last blank alone: those that end in the last label belong to it too.",
        "gamma = np.exp(joint - total) -> gamma = joint / total": "A logarithm is divided by a logarithm: subtract them, then take the exponential.",
        "gamma = np.exp(joint - total) -> gamma = joint - total": "The posterior is left as a logarithm.",
        "dz[:, label] -= gamma[:, s] -> dz[:, label] = np.exp(log_p[:, label]) - gamma[:, s]": "Of a class that stands in several states only the last counts: add up the posteriors of all its states. An index that occurs twice in `dz[:, states] -= gamma` does the same.",
        "dz = np.exp(log_p) -> dz = np.zeros(log_p.shape)": "This is the gradient for log_p: the softmax between logits and log_p is missing, which adds a term for every class.",
        "dz = np.exp(log_p) -> dz = log_p.copy()": "The log-probability stands where the probability belongs.",
        "return np.zeros(joint.shape), np.zeros(log_p.shape) -> return np.zeros(joint.shape), np.exp(log_p)": "A text that does not fit gets the gradient p: with posteriors of 0 the probabilities are left over. All has to be zero.",
        "if total == -np.inf: -> if False:": "A text that does not fit gives NaN: minus infinity is subtracted from itself.",
        "for s, label in enumerate(states): -> for s, label in list(enumerate(states))[1::2]:": "The posteriors of the blank are left out: it is a class like others.",
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
        "+ log_p[t, states] -> + log_p[t - 1, states]": "The probability of the frame before is taken: a state is entered in frame t and gives its class there.",
        "[[-np.inf, -np.inf], score] -> [np.resize(np.roll(score, 2), 2), score]": "The last states lead round to the first, as with np.roll or negative indices: nothing stands before the first state.",
        "return path, score[path[-1]] -> return states[path], score[path[-1]]": "The classes of the states are returned: the states themselves, counted from 0, are asked for.",
        "[before[2:], before[1:-1], leap] -> [np.full(S, -np.inf), before[1:-1], leap]": "A state is always left after one frame: a label may last for several.",
    },
)


@alignment.mistake(
    "The state with the best score so far is taken in each frame: what comes later decides, so follow the way back from the end."
)
def best_of_each_frame(log_p, states, skip):
    score = forward(log_p, states, skip, np.maximum)
    score[-1, :-2] = -np.inf
    return score.argmax(axis=1), score[-1].max()


@alignment.mistake("Each frame takes its likeliest state, in any order: an alignment stays or moves on.")
def without_order(log_p, states, skip):
    path = log_p[:, states].argmax(axis=1)
    return path, log_p[np.arange(len(path)), states[path]].sum()


@alignment.mistake(
    "The path is made from the front, by the class that is likeliest next: it may not reach the end of the text, and a poor frame now may pay later."
)
def greedily(log_p, states, skip):
    emit, path = log_p[:, states], [int(log_p[0, states[:2]].argmax())]
    for row in emit[1:]:
        s = path[-1]
        ways = [r for r in (s, s + 1, s + 2) if r < len(states) and (r < s + 2 or skip[r])]
        path.append(max(ways, key=lambda r: row[r]))
    return np.array(path), emit[np.arange(len(path)), path].sum()


@alignment.mistake(
    "The likeliest state of each frame by itself is taken: together these need not be an alignment. Take the best way as a whole."
)
def by_posterior(log_p, states, skip):
    beta = forward(log_p[::-1], states[::-1], np.append([False, False], skip[:1:-1]))[::-1, ::-1]
    joint = forward(log_p, states, skip) + beta - np.where(np.isfinite(beta), log_p[:, states], 0)
    path = joint.argmax(axis=1)
    return path, log_p[np.arange(len(path)), states[path]].sum()


# 6. beam_step

slips(
    step,
    {
        "pair[k] = np.logaddexp(pair[k], value) -> pair[k] = value": "A prefix that is reached a second time loses what it had: the probabilities of all ways add up.",
        "pair[k] = np.logaddexp(pair[k], value) -> pair[k] = max(pair[k], value)": "Of several ways to a prefix only the likeliest is kept: their probabilities add up.",
        "pair[k] = np.logaddexp(pair[k], value) -> pair[k] = value + (pair[k] if pair[k] > -np.inf else 0.0)": "Logarithms are added, which multiplies the probabilities: ways to the same prefix add up.",
        "add(prefix, 0, both + log_p[0]) -> add(prefix, 0, blank + log_p[0])": "A blank follows a blank only: it may follow a label too.",
        "add(prefix, 0, both + log_p[0]) -> add(prefix, 1, both + log_p[0])": "The paths that end in a blank are counted among those that end in a label: then equal labels cannot be told apart in the next frame.",
        "add(prefix, 1, label + log_p[prefix[-1]]) -> add(prefix, 1, both + log_p[prefix[-1]])": "After a blank the same label begins a new one: only paths that end in the label stay with the prefix.",
        "add(prefix, 1, label + log_p[prefix[-1]]) -> pass": "A label that lasts for another frame is left out: the path stays with its prefix.",
        "add(prefix, 1, label + log_p[prefix[-1]]) -> add(prefix, 1, label + log_p[prefix[-1]] + weight * next_log_p(prefix)[prefix[-1]])": "A path that stays with its prefix pays the language model again: it adds no label.",
        "before = blank if prefix[-1:] == (v,) else both -> before = both": "A label that is read on counts as a second one: the same label is new only after a blank.",
        "before = blank if prefix[-1:] == (v,) else both -> before = label if prefix[-1:] == (v,) else both": "The same label is new after a blank: here it is counted after the label itself.",
        "before = blank if prefix[-1:] == (v,) else both -> before = blank": "A new label is taken to follow a blank only: if it differs from the last it may follow that directly.",
        "before = blank if prefix[-1:] == (v,) else both -> before = both\n            if prefix[-1:] == (v,):\n                continue": "The same label never follows itself: after a blank it does, or no text with a doubled letter is found.",
        "+ model[v] -> + weight * np.exp(next_log_p(prefix)[v])": "The model's probability is added to logarithms: take its logarithm.",
        "+ model[v] -> + weight * next_log_p((*prefix, v))[v]": "The model is asked after the longer prefix: it predicts the label from what stands before it.",
        "+ model[v] -> + weight * next_log_p(prefix[-1:])[v]": "The model reads the last label alone: it is given the whole prefix.",
        "add(prefix, 0, both + log_p[0]) -> add(prefix, 0, both + log_p[0] + weight * next_log_p(prefix)[0])": "The blank pays the language model: entry 0 of the model is the end of the text, and a blank adds no label.",
        "add((*prefix, v), 1, before -> add((*prefix, v), 0, before": "A new label is counted among the paths that end in a blank.",
        "range(1, len(log_p)) -> range(len(log_p))": "The blank is put into the prefix like a label: it only keeps labels apart.",
        "np.logaddexp(*found[p]), reverse -> max(found[p]), reverse": "The prefixes are ranked by the larger of the two: what counts is their sum.",
        "np.logaddexp(*found[p]), reverse -> found[p][1], reverse": "The prefixes are ranked by the paths that end in a label: those that end in a blank count too.",
        "np.logaddexp(*found[p]), reverse -> sum(found[p]), reverse": "The prefixes are ranked by the sum of two logarithms, a product: add the probabilities.",
        "np.logaddexp(*found[p]), reverse -> np.logaddexp(*found[p]) / max(len(p), 1), reverse": "The totals are divided by the lengths before they are ranked: the prefixes are ranked by their totals.",
        "return kept, b, n -> return kept, *(np.stack([b, n]) - np.logaddexp.reduce(np.append(b, n)))": "What is kept is scaled to sum to 1: the totals then are no longer probabilities, and two beams cannot be compared.",
        "b, n = np.array([found[p] for p in kept]).T -> b, n = np.exp([found[p] for p in kept]).T": "Probabilities are returned: the beam holds their logarithms.",
    },
)


@step.mistake("Each old prefix is cut to its K best before the ways are added up: merge all first, then cut.")
def cut_too_early(prefixes, b, n, log_p, next_log_p, weight, K):
    """Forgets what falls out of a beam that is cut after each prefix."""
    found = {}
    for prefix, *ends in zip(prefixes, b, n, strict=True):
        both = np.logaddexp(*ends)
        new = [(prefix, 0, both + log_p[0])]
        new += [(prefix, 1, ends[1] + log_p[prefix[-1]])] if prefix else []
        for v in (1, 2, 3):
            before = ends[0] if prefix[-1:] == (v,) else both
            new.append(((*prefix, v), 1, before + log_p[v] + weight * next_log_p(prefix)[v]))
        for key, k, value in new:
            pair = found.setdefault(key, [-np.inf, -np.inf])
            pair[k] = np.logaddexp(pair[k], value)
        found = dict(sorted(found.items(), key=lambda item: -np.logaddexp(*item[1]))[:K])
    return list(found), *np.array(list(found.values())).T
