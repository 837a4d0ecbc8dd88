"""Known mistakes of unit 23-call-centre."""

import numpy as np
from checks import f1, folds, giveaways, mood

from rnncourse.authoring import mistakes, slips

# 1. giveaways

slips(
    giveaways,
    {
        "present = counts > 0 -> present = counts": "Counts are summed where calls are asked: a feature that a call has three times is present once.",
        "(n.max(axis=1) + 1) / (n.sum(axis=1) + K) -> n.max(axis=1) / np.maximum(n.sum(axis=1), 1)": "No call was added for each label: a feature seen once would be called certain.",
        "(n.max(axis=1) + 1) / (n.sum(axis=1) + K) -> (n.max(axis=1) + 1) / (n.sum(axis=1) + 1)": "One call was added in all: it is one of each label, so the denominator grows by more.",
        "(n.max(axis=1) + 1) / (n.sum(axis=1) + K) -> n.max(axis=1) / (n.sum(axis=1) + K)": "The added calls are missing in the numerator: one of them has the commonest label.",
        "(n.max(axis=1) + 1) / (n.sum(axis=1) + K) -> (n.max(axis=1) + 1) / (len(labels) + K)": "The commonest label is divided by all calls: purity is a share of the calls that have (or lack) the feature.",
        "(n.max(axis=1) + 1) / (n.sum(axis=1) + K) -> ((n + 1) / (label.sum(axis=0) + K)).max(axis=1)": "This asks how many calls of a label have the feature: asked is how many calls with the feature have the label.",
        "(present, ~present) -> (~present, present)": "The columns are exchanged: present comes first.",
        "present = counts > 0 -> present = counts > 1": "A feature with a count of 1 is taken for absent: present means above 0.",
        "present = counts > 0 -> present = counts == 1": "A feature that a call has several times is taken for absent: present means above 0.",
    },
)


def table(counts, labels, K):
    """Calls by feature and label, where it is present and where it is absent."""
    n = np.stack([(counts[labels == k] > 0).sum(axis=0) for k in range(K)], axis=1)
    return n, np.bincount(labels, minlength=K) - n


def scores(n, K):
    return (n.max(axis=1) + 1) / (n.sum(axis=1) + K)


def commonest_of_all(counts, labels, K):
    k = np.bincount(labels, minlength=K).argmax()
    return np.stack([(n[:, k] + 1) / (n.sum(axis=1) + K) for n in table(counts, labels, K)], axis=1)


def absent_is_the_rest(counts, labels, K):
    purity = scores(table(counts, labels, K)[0], K)
    return np.stack([purity, 1 - purity], axis=1)


def labels_that_occur(counts, labels, K):
    names = np.unique(labels)
    return np.stack([scores(n[:, names], len(names)) for n in table(counts, labels, K)], axis=1)


def absent_keeps_the_label(counts, labels, K):
    n, rest = table(counts, labels, K)
    same = np.take_along_axis(rest, n.argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.stack([scores(n, K), (same + 1) / (rest.sum(axis=1) + K)], axis=1)


def unseen_is_zero(counts, labels, K):
    both = table(counts, labels, K)
    return np.stack([np.where(n.sum(axis=1) > 0, scores(n, K), 0.0) for n in both], axis=1)


mistakes(
    giveaways,
    commonest_of_all=(
        "One label, the commonest of all calls, is taken for every feature: each has a commonest label of its own.",
        commonest_of_all,
    ),
    absent_is_the_rest=(
        "Column 1 is one minus column 0: the calls that lack a feature are other calls, and have to be counted.",
        absent_is_the_rest,
    ),
    labels_that_occur=("Only labels that occur in these calls are counted as labels: there are K.", labels_that_occur),
    absent_keeps_the_label=(
        "For absent, the label that is commonest where the feature is *present* is taken: take the maximum anew.",
        absent_keeps_the_label,
    ),
    unseen_is_zero=("A feature that no call has gets purity 0: by the added calls it is 1 / K.", unseen_is_zero),
)

# 2. grouped_folds

slips(
    folds,
    {
        'np.argsort(-sizes, kind="stable") -> np.argsort(sizes, kind="stable")': "The smallest groups come first: a large one at the end then upsets the balance. Take the largest first.",
        'np.argsort(-sizes, kind="stable") -> range(len(names))': "Groups are taken by their numbers: take the largest first, so that small ones can even out the folds.",
        'np.argsort(-sizes, kind="stable") -> np.argsort(sizes, kind="stable")[::-1]': "Of groups of equal size the one with the larger number comes first: turning round an ascending order turns ties round too.",
        "filled[k] += sizes[g] -> filled[k] += 1": "A fold's groups are counted, which deals groups out in turns: what has to be even is the number of calls.",
        "k = filled.argmin() -> k = filled.argmax()": "All groups are in one fold: each goes to the fold with the fewest calls, so count what every fold has got.",
        "k = filled.argmin() -> k = K - 1 - filled[::-1].argmin()": "Of folds that are equally full the last one is taken: it is the one with the smaller number.",
    },
)


def greedy(groups, K, order):
    """Groups in this order, each into the fold with the fewest calls."""
    fold, filled = np.zeros(len(groups), dtype=int), np.zeros(K)
    for g in order:
        fold[groups == g] = k = filled.argmin()
        filled[k] += (groups == g).sum()
    return fold


def met(groups):
    return list(dict.fromkeys(groups.tolist()))


mistakes(
    folds,
    by_remainder=(
        "The remainder of the group's number is taken: folds then may be of any size.",
        lambda groups, K: groups % K,
    ),
    calls_in_turns=(
        "Calls are dealt out one by one: a group is then in several folds.",
        lambda groups, K: np.arange(len(groups)) % K,
    ),
    calls_sorted=(
        "The calls, sorted by group, are cut into equal parts: a group at a cut is then in two folds.",
        lambda groups, K: np.argsort(np.argsort(groups, kind="stable")) * K // len(groups),
    ),
    as_met=(
        "Groups are taken in the order in which they are met: take the largest first.",
        lambda groups, K: greedy(groups, K, met(groups)),
    ),
    ties_as_met=(
        "Of groups of equal size the one met first is taken: it is the one with the smaller number.",
        lambda groups, K: greedy(groups, K, sorted(met(groups), key=lambda g: -(groups == g).sum())),
    ),
)

# 3. macro_f1


def scored(confusion, score):
    """Scores by class, 0 if no call was found, and their mean over classes that occur or are predicted."""
    right, taken, true = np.diag(confusion), confusion.sum(axis=0), confusion.sum(axis=1)
    values = score(right, np.maximum(taken, 1), np.maximum(true, 1))
    return values, values[taken + true > 0].mean()


def harmonic(right, taken, true):
    return 2 * right / (taken + true)


def with_mean(mean):
    def answer(confusion):
        values = scored(confusion, harmonic)[0]
        return values, mean(confusion, values)

    return answer


def of_mean_precision_and_recall(confusion, values):
    precision = scored(confusion, lambda right, taken, true: right / taken)[1]
    recall = scored(confusion, lambda right, taken, true: right / true)[1]
    return 2 * precision * recall / (precision + recall)


mistakes(
    f1,
    precision=(
        "This is the precision: F1 asks also how many calls of the class were found.",
        lambda confusion: scored(confusion, lambda right, taken, true: right / taken),
    ),
    recall=(
        "This is the recall: F1 asks also how many of those taken for the class are right.",
        lambda confusion: scored(confusion, lambda right, taken, true: right / true),
    ),
    arithmetic=(
        "Precision and recall are averaged arithmetically: F1 is their harmonic mean, which is low if one of them is.",
        lambda confusion: scored(confusion, lambda right, taken, true: (right / taken + right / true) / 2),
    ),
    pooled=(
        "The share of right calls is returned as the mean: in a macro mean a rare class weighs as much as a common one.",
        with_mean(lambda confusion, values: np.trace(confusion) / confusion.sum()),
    ),
    empty_in_the_mean=(
        "A class without F1 is in the denominator of the mean: leave it out.",
        with_mean(lambda confusion, values: values.mean()),
    ),
    of_mean_precision_and_recall=(
        "The mean is the F1 of mean precision and mean recall: it is the mean of the classes' F1.",
        with_mean(of_mean_precision_and_recall),
    ),
    never_found=(
        "A class of which no call was found is left out of the mean: it occurs, and its F1 is 0.",
        with_mean(lambda confusion, values: values[values > 0].mean()),
    ),
    never_occurs=(
        "A class that is predicted but does not occur is left out of the mean: it has an F1, and that is 0.",
        with_mean(lambda confusion, values: values[confusion.sum(axis=1) > 0].mean()),
    ),
    never_predicted=(
        "A class that is never predicted is left out of the mean: its calls are all missed, and its F1 is 0.",
        with_mean(lambda confusion, values: values[confusion.sum(axis=0) > 0].mean()),
    ),
    weighted=(
        "Classes are weighted by how often they occur: in a macro mean each weighs the same.",
        with_mean(lambda confusion, values: (values * confusion.sum(axis=1)).sum() / confusion.sum()),
    ),
)

# 4. mood_now

slips(
    mood,
    {
        "if t > 0: -> if True:": "The mood changes before the first turn: `prior` holds the probabilities at the first turn.",
        "(1 - change) * moods + change * moods[::-1] -> moods": "The mood never changes: then evidence from long ago weighs as much as the last turn.",
        "(1 - change) * moods + change * moods[::-1] -> change * moods + (1 - change) * moods[::-1]": "`change` is taken for the probability that the mood stays.",
        "(1 - change) * moods + change * moods[::-1] -> (1 - change) * moods + change / 2": "With probability `change` the mood is drawn anew, and may be the same: it changes to the other one.",
        "(1 - change) * moods + change * moods[::-1] -> (1 - change) * moods + change * prior": "With probability `change` the mood falls back to the prior: it changes to the other one.",
        "(1 - change) * moods + change * moods[::-1] -> (1 - change) * moods": "Only the mood that stays is kept: the probability that comes over from the other mood is missing.",
        "moods = said * moods / (said * moods).sum() -> moods = said / said.sum()": "Each turn is read alone: what was known before is lost.",
        "moods = said * moods / (said * moods).sum() -> moods = (moods + said / said.sum()) / 2": "Old and new probabilities are averaged: by Bayes' rule they are multiplied and scaled.",
        "if t > 0: -> if t > 0 and not np.isnan(said).any():": "At a missing turn nothing happens: nothing is said, but the mood may change meanwhile.",
        "p[t] = moods -> p[t] = moods if not np.isnan(said).any() else prior": "At a missing turn the prior is returned: what was known before still holds.",
        "np.zeros(likelihood.shape), prior -> np.zeros(likelihood.shape), np.array([0.5, 0.5])": "`prior` is not used: the moods of the first turn need not be equally likely.",
    },
)


def filtered(likelihood, prior, change, both=np.add, scale=True, late=False):
    """Both ways into a mood put together by `both`; late: the change comes after the turn."""
    p, moods = np.zeros(likelihood.shape), prior
    for t, said in enumerate(np.where(np.isnan(likelihood), 1.0, likelihood)):
        after = both((1 - change) * moods, change * moods[::-1])
        moods = said * (moods if t == 0 or late else after)
        moods = moods / moods.sum() if scale else moods
        moods = p[t] = both((1 - change) * moods, change * moods[::-1]) if late else moods
    return p


def with_the_future(likelihood, prior, change):
    """Smoothing: forward times backward."""
    said = np.where(np.isnan(likelihood), 1.0, likelihood)
    backward = [np.ones(2)]
    for t in range(1, len(said)):
        later = said[-t] * backward[0]
        backward.insert(0, (1 - change) * later + change * later[::-1])
    both = filtered(likelihood, prior, change) * np.array(backward)
    return both / both.sum(axis=1, keepdims=True)


mistakes(
    mood,
    unscaled=(
        "The rows do not sum to 1: scale after weighing.",
        lambda likelihood, prior, change: filtered(likelihood, prior, change, scale=False),
    ),
    change_afterwards=(
        "The mood changes after the turn is weighed, so p is that of the moment before the next turn.",
        lambda likelihood, prior, change: filtered(likelihood, prior, change, late=True),
    ),
    with_the_future=("Later turns are used: while the call runs, only the turns so far are known.", with_the_future),
    likeliest_course=(
        "Only the likelier way into each mood is kept (as in Viterbi's algorithm): both are summed.",
        lambda likelihood, prior, change: filtered(likelihood, prior, change, both=np.maximum),
    ),
)
