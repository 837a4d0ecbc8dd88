"""Known mistakes of unit 19-sentiment."""

import numpy as np
from checks import calibration, grams, turned, verdicts

from rnncourse.authoring import mistakes, slips

# 1. turned

slips(
    turned,
    {
        "turns % 2 -> (turns > 0).astype(int)": "Two negations that reach a word turn it once, as if only one of them were seen: they cancel, so it is the parity of their number that counts.",
        "turns % 2 -> turns": "The number of negations is returned: what is asked is whether it is odd.",
        "break -> continue": "A negation reaches across punctuation: its scope ends there.",
        "max(t - reach, 0) -> 0": "A negation turns everything up to the punctuation: it reaches no further than `reach` words.",
        "max(t - reach, 0) - 1 -> max(t - reach, 0)": "The last word within reach is left out: a word exactly `reach` places after the negation is turned too.",
        "max(t - reach, 0) - 1 -> max(t - reach - 1, 0) - 1": "A negation reaches one word too far.",
        "s < t and -> True and": "A negation turns itself: only words after it are in its scope.",
        "if ids[s] in stops: -> if s < t and ids[s] in stops:": "A punctuation mark is turned: it ends the scope, and is not in it.",
        "if ids[s] in stops: -> if s == t and ids[s] in stops:": "A negation reaches across punctuation, though no mark is turned itself: its scope ends at the mark.",
        "return turns % 2 -> return turns % 2 * ~np.isin(ids, negations)": "Negations are never turned themselves: a second negation in the scope of a first is marked like any word.",
        "return turns % 2 -> return turns % 2 * (np.cumsum(np.isin(ids, stops)) == 0)": "After the first punctuation mark nothing is turned any more: the next clause may have negations of its own.",
        "return turns % 2 -> return ((turns > 0) & ~np.isin(ids, negations)).astype(int)": "The scope of a negation ends where the next one begins: scopes overlap, and where two overlap they cancel.",
        "ids[s] in negations -> ids[s] in negations and turns[s] % 2 == 0": "A negation that is itself turned no longer counts: it reaches the words after it like any other.",
        "ids[s] in negations -> ids[s] == negations[0]": "Only the first of the words that negate is looked for: `negations` holds several.",
    },
)


def renewed(ids, negations, stops, reach):
    """A switch, which goes off `reach` words after the latest negation."""
    out, on, since = np.zeros(len(ids), dtype=int), 0, 0
    for t, word in enumerate(ids):
        if word in stops or since >= reach:
            on = 0
        out[t] = on
        since += 1
        if word in negations:
            on, since = 1 - on, 0
    return out


def without_punctuation(ids, negations, stops, reach):
    kept, out = ~np.isin(ids, stops), np.zeros(len(ids), dtype=int)
    out[kept] = scope(ids[kept], negations, [], reach)
    return out


def scope(ids, negations, stops, reach):
    out = np.zeros(len(ids), dtype=int)
    for t in range(ids.size):
        for s in range(t, max(t - reach, 0) - 1, -1):
            if ids[s] in stops:
                break
            out[t] += s < t and ids[s] in negations
    return out % 2


def backwards(ids, negations, stops, reach):
    return scope(ids[::-1], negations, stops, reach)[::-1]


mistakes(
    turned,
    renewed=(
        "One switch serves all negations, and its reach is counted from the latest: each negation has a reach of its own.",
        renewed,
    ),
    without_punctuation=("Punctuation is dropped before scopes are found: it is what ends them.", without_punctuation),
    backwards=("The words *before* a negation are turned: its scope is what follows.", backwards),
)

# 2. gram_vector

slips(
    grams,
    {
        "range(len(ids) - n + 1) -> range(len(ids) - n)": "The n-gram at the very end of the document is not counted: there are T - n + 1 places.",
        "range(len(ids) - n + 1) -> range(0, len(ids) - n + 1, n)": "The document is cut into blocks of n words: an n-gram may begin at every word, and occurrences may overlap.",
        "np.array_equal(ids[t : t + n], words) -> sorted(ids[t : t + n]) == sorted(words)": "The order within an n-gram is ignored: it is what tells an n-gram from a bag of words.",
        "np.array_equal(ids[t : t + n], words) -> np.array_equal(ids[t : t + n], words[::-1])": "N-grams are compared back to front.",
        "np.array_equal(ids[t : t + n], words) -> (ids[t] == words[0])": "Only the first word of each n-gram is looked for: all of its words have to follow each other.",
        "x[g] += -> x[g] = x[g] or": "Presence is recorded where counts are asked: an n-gram that occurs twice counts twice.",
        "np.sqrt((x**2).sum()) -> x.sum()": "The vector is scaled to sum 1: what is asked is the Euclidean length 1, the root of the sum of squares.",
        "np.sqrt((x**2).sum()) -> x.max()": "The vector is scaled to a largest entry of 1: what is asked is the Euclidean length 1.",
        "np.sqrt((x**2).sum()) -> (x**2).sum()": "The counts are divided by the sum of squares: the length is its root.",
        "return x / length if length else x -> return x": "The counts are not scaled: a long document then counts more than a short one.",
        "return x / length if length else x -> return x / max(len(ids), 1)": "The counts are divided by the number of words: what is asked is the Euclidean length 1.",
        "words = gram[gram >= 0] -> words = gram": "The filling, -1, is taken for a word: an n-gram shorter than N then never occurs.",
        "np.array_equal(ids[t : t + n], words) -> ' '.join(map(str, ids[t:])).startswith(' '.join(map(str, words)))": "Words are compared as text, so that 1 is found at the beginning of 12: compare whole numbers.",
        "np.array_equal(ids[t : t + n], words) -> (t == 0) * np.isin(ids, words).sum()": "The words of an n-gram are counted wherever they stand: it occurs only where they follow each other.",
        "np.array_equal(ids[t : t + n], words) -> (t == 0) * np.isin(words, ids).all()": "An n-gram counts once if the document has all of its words somewhere: count the places where they follow each other.",
        "length = np.sqrt -> x = np.where((grams >= 0).sum(axis=1) == 1, np.minimum(x, 1), x)\n    length = np.sqrt": "Single words are marked as present, and only longer n-grams are counted: count all.",
    },
)


def any_gaps(ids, grams):
    def ways(words):
        count = np.zeros(len(words) + 1)
        count[0] = 1
        for word in ids:
            for k in range(len(words), 0, -1):
                count[k] += count[k - 1] * (word == words[k - 1])
        return count[-1]

    return unit_length(np.array([ways(gram[gram >= 0]) for gram in grams]))


def first_of_all(ids, grams):
    """Occurrences that do not overlap, found from the left, as str.count finds them."""
    x = np.zeros(len(grams))
    for g, gram in enumerate(grams):
        words, t = gram[gram >= 0], 0
        while t <= len(ids) - len(words):
            found = np.array_equal(ids[t : t + len(words)], words)
            x[g] += found
            t += len(words) if found else 1
    return unit_length(x)


def around_the_end(ids, grams):
    x = np.zeros(len(grams))
    for g, gram in enumerate(grams):
        hits = [np.roll(ids, -k) == word for k, word in enumerate(gram[gram >= 0])]
        x[g] = np.all(hits, axis=0).sum()
    return unit_length(x)


def unit_length(x):
    return x / (np.sqrt((x**2).sum()) or 1.0)


mistakes(
    grams,
    any_gaps=("Words with others between them are counted: an n-gram is a run of neighbouring words.", any_gaps),
    first_of_all=(
        "Occurrences that overlap are counted once, as `str.count` does: here 1 1 occurs twice in 1 1 1.",
        first_of_all,
    ),
    around_the_end=(
        "The document is read as a ring: an n-gram does not go on from its end to its beginning.",
        around_the_end,
    ),
)

# 3. verdicts

slips(
    verdicts,
    {
        "h[steps, np.arange(B)] -> h": "After its last word a review goes on changing: what stands there is padding, and the probability stays as it was at the last word.",
        "h[steps, np.arange(B)] -> h * (np.arange(T)[:, None] < lengths)[..., None]": "In the padding the probability is that of a state of zeros: it stays as it was at the last word.",
        "lengths - 1) -> np.minimum(lengths, T - 1))": "The first padded step is taken for the last word: step lengths - 1 is the last.",
        "lengths - 1) -> np.maximum(lengths - 2, 0))": "The last word of each review is left out: step lengths - 1 is the last.",
        "lengths - 1) -> lengths.min() - 1)": "All reviews end with the shortest: each has its own length.",
        "p > 0.5 -> p > p.mean(axis=0)": "The decision compares p with its mean over the steps: it is whether p is above one half.",
        "np.cumprod((yes == yes[-1])[::-1], axis=0) -> (yes == yes[-1])": "Every step that agrees with the final decision is counted, also before the last change of side: settled means that all later steps agree.",
        "T - agrees.sum(axis=0) -> (yes == yes[-1]).argmax(axis=0)": "This is the first step with the final decision: it may be left again. Settled means that every later step agrees.",
        "T - agrees.sum(axis=0) -> (yes[1:] != yes[:-1]).sum(axis=0)": "The changes of side are counted: what is asked is the step after the last of them.",
        "T - agrees.sum(axis=0) -> np.maximum(T - agrees.sum(axis=0) - 1, 0)": "This is the last step on the other side: the review is settled one step later.",
        "T - agrees.sum(axis=0) -> agrees.sum(axis=0)": "The settled steps are counted: what is asked is the number of the first of them.",
        "return p, T -> p = p * (np.arange(T)[:, None] < lengths)\n    return p, T": "After its last word a review gets probability 0, which is a verdict like any other: it stays as it was at the last word.",
        "T - agrees.sum(axis=0) -> yes.argmax(axis=0)": "This is the first step above one half: a review may settle on blame, and may change again.",
        "1 / (1 + np.exp(-z)) -> np.tanh(z)": "tanh goes from -1 to 1: a probability comes from the logistic function.",
        "1 / (1 + np.exp(-z)) -> np.exp(z) / np.exp(z).sum(axis=0)": "A softmax over the steps makes the probabilities of one review share a sum of 1: each step has a probability of its own.",
        "h[steps, np.arange(B)] @ -> (np.cumsum(h, axis=0) / np.arange(1, T + 1)[:, None, None])[steps, np.arange(B)] @": "States are averaged over the words so far: each state has read them already.",
        "h[steps, np.arange(B)] @ w + b -> (h @ w + b) * (np.arange(T)[:, None] < lengths)": "In the padding the logit is 0, and p one half: it stays as it was at the last word.",
        "yes = p > 0.5 -> yes = h @ w + b > 0": "p stays as it was at the last word, but the decisions are read from the padding as well: take them from p.",
        "p > 0.5 -> p >= 0.5": "A p of exactly one half is taken for praise: the decision asks for more than one half.",
        "p > 0.5 -> z > 0.5": "The logit is compared with one half: the decision is about p.",
        "p > 0.5 -> z > b": "The decision leaves out b: it is whether p is above one half, and p contains b.",
        "T - agrees.sum(axis=0) -> (yes != yes[0]).argmax(axis=0)": "The first change of side is returned: the decision may change again after it.",
        "T - agrees.sum(axis=0) -> np.where((yes == yes[-1]).all(axis=0), lengths - 1, T - agrees.sum(axis=0))": "A review that never changes side is said to be settled at its last word: it was so from step 0 on.",
        "1 / (1 + np.exp(-z)) -> np.exp(z) / (1 + np.exp(z))": "For a large z the exponential is infinite, and infinity over infinity is not a number: there p is 1.",
    },
)


# 4. calibration

slips(
    calibration,
    {
        "np.minimum((p * K).astype(int), K - 1) -> (p * K).astype(int)\n    p, y, k = p[k < K], y[k < K], k[k < K]": "A probability of exactly 1 falls out of all bins: it belongs to the last.",
        "np.minimum((p * K).astype(int), K - 1) -> np.clip(np.ceil(p * K).astype(int) - 1, 0, K - 1)": "A probability on the border goes to the lower bin: each bin contains its lower border, and only the last its upper one.",
        "np.minimum((p * K).astype(int), K - 1) -> np.minimum(np.rint(p * K).astype(int), K - 1)": "Probabilities are rounded to the nearest border: bin k holds those from k / K to (k + 1) / K.",
        "np.minimum((p * K).astype(int), K - 1) -> np.argsort(np.argsort(p)) * K // p.size": "The bins hold equal numbers of predictions: what is asked are bins of equal width.",
        "p[k == j].mean() -> (j + 0.5) / K": "The middle of the bin stands for its predictions: their mean is asked, which may lie elsewhere.",
        "abs(y[k == j].mean() - p[k == j].mean()) -> np.abs(y[k == j] - p[k == j]).mean()": "Each prediction is compared with its own outcome: within a bin the means are compared, so that chance evens out.",
        "abs(y[k == j].mean() - p[k == j].mean()) -> (y[k == j].mean() - p[k == j].mean()) ** 2": "The gap is squared: it is an absolute value.",
        "abs(y[k == j].mean() - p[k == j].mean()) -> y[k == j].mean() - p[k == j].mean()": "Gaps keep their sign, so that one bin pays for another: take the absolute value in each bin.",
        "abs(y[k == j].mean() - p[k == j].mean()) -> abs((y[k == j] == (p[k == j] > 0.5)).mean() - p[k == j].mean())": "The share of right decisions is compared with p: p is the probability of y = 1, so compare it with the share of y = 1.",
        "(count * gap).sum() / p.size -> np.sqrt((count * gap**2).sum() / p.size)": "The gaps are squared before their mean is taken: the expected calibration error is the weighted mean of the gaps themselves.",
        "gap.max() -> gap[count.argmax()]": "The gap of the fullest bin is returned: the largest gap of all bins is asked.",
        "abs(y[k == j].mean() - p[k == j].mean()) -> ((y[k == j] - p[k == j]) ** 2).mean()": "This is the Brier score of each bin: what is compared are the share of y = 1 and the mean of p.",
        "np.minimum((p * K).astype(int), K - 1) -> (p * K).astype(int) - 0\n    K = K + 1": "A probability of exactly 1 gets a bin of its own: it belongs to the last.",
        "np.minimum((p * K).astype(int), K - 1) -> np.minimum(((p - p.min()) / (np.ptp(p) or 1) * K).astype(int), K - 1)": "The bins go from the smallest to the largest prediction: they cut the whole interval from 0 to 1.",
        "(count * gap).sum() / p.size -> gap.mean()": "All bins weigh alike: each counts by the share of predictions in it.",
        "(count * gap).sum() / p.size -> gap.sum() / K": "The gaps are divided by the number of bins: each counts by the share of predictions in it.",
        "gap.max() -> (count * gap).max() / p.size": "The worst gap is weighted by its bin's size: it is asked without a weight.",
        "[j for j in range(K) if (k == j).any()] -> [j for j in range(K) if (k == j).sum() > 1]": "Bins with a single prediction are left out: only empty ones are.",
        "np.minimum((p * K).astype(int), K - 1) -> (p * K).astype(int)": "A probability of exactly 1 is in no bin, though it is counted among the predictions: it belongs to the last.",
        "gap.max() -> max([*gap, *[(j + 0.5) / K for j in range(K) if j not in filled]])": "An empty bin gets a gap, from 0 to its middle: it has neither a share nor a mean, and is left out.",
        "(count * gap).sum() / p.size -> np.abs(y - p).mean()": "The mean distance between p and y is returned: even a perfectly calibrated p has one. Compare the means within each bin.",
        "k = np.minimum -> p, y = np.maximum(p, 1 - p), ((p > 0.5) == y).astype(int)\n    k = np.minimum": "The larger of p and 1 - p is put into bins, with whether the decision was right: that is the confidence; here p itself, the probability of y = 1, is.",
    },
)
