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


def labels_common(labels, K):
    return np.bincount(labels, minlength=K).argmax()


def scores(n, K):
    return (n.max(axis=1) + 1) / (n.sum(axis=1) + K)


def table(counts, labels, K):
    return np.stack([(counts[labels == k] > 0).sum(axis=0) for k in range(K)], axis=1)


def commonest_of_all(counts, labels, K):
    k, columns = labels_common(labels, K), []
    for has in (counts > 0, counts == 0):
        columns.append((has[labels == k].sum(axis=0) + 1) / (has.sum(axis=0) + K))
    return np.stack(columns, axis=1)


def absent_is_the_rest(counts, labels, K):
    p = scores(table(counts, labels, K), K)
    return np.stack([p, 1 - p], axis=1)


def labels_that_occur(counts, labels, K):
    n, names = table(counts, labels, K), np.unique(labels)
    both = n, np.bincount(labels, minlength=K) - n
    return np.stack([scores(m[:, names], len(names)) for m in both], axis=1)


def absent_keeps_the_label(counts, labels, K):
    n = table(counts, labels, K)
    rest = np.bincount(labels, minlength=K) - n
    same = np.take_along_axis(rest, n.argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.stack([scores(n, K), (same + 1) / (rest.sum(axis=1) + K)], axis=1)


def unseen_is_zero(counts, labels, K):
    n = table(counts, labels, K)
    both = n, np.bincount(labels, minlength=K) - n
    return np.stack([np.where(m.sum(axis=1) > 0, scores(m, K), 0.0) for m in both], axis=1)


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
        "Where a feature is absent, the label that is commonest where it is *present* is looked at: take the maximum anew.",
        absent_keeps_the_label,
    ),
    unseen_is_zero=("A feature that no call has gets purity 0: by the added calls it is 1 / K.", unseen_is_zero),
)

# 2. grouped_folds


def greedy(groups, K, order, room=None, weight=None):
    """Groups by name in this order, each into the fold with the least."""
    fold, filled = np.zeros(len(groups), dtype=int), np.zeros(K)
    for g in order:
        k = filled.argmin() if room is None else room(filled)
        fold[groups == g] = k
        filled[k] += (groups == g).sum() if weight is None else weight
    return fold


def by_size(groups):
    names, sizes = np.unique(groups, return_counts=True)
    return names[np.argsort(-sizes, kind="stable")]


slips(
    folds,
    {
        "np.argsort(-sizes, kind='stable') -> np.argsort(sizes, kind='stable')": "The smallest groups come first: a large one at the end then upsets the balance. Take the largest first.",
        "np.argsort(-sizes, kind='stable') -> range(len(names))": "Groups are taken by their numbers: take the largest first, so that small ones can even out the folds.",
        "np.argsort(-sizes, kind='stable') -> np.argsort(sizes, kind='stable')[::-1]": "Of groups of equal size the one with the larger number comes first: turning round an ascending order turns ties round too.",
        "filled[k] += sizes[g] -> filled[k] += 1": "A fold's groups are counted: what has to be even is the number of calls.",
        "k = filled.argmin() -> k = filled.argmax()": "Each group goes into the fullest fold: it goes into the one with the fewest calls.",
        "k = filled.argmin() -> k = K - 1 - filled[::-1].argmin()": "Of folds that are equally full the last one is taken: it is the one with the smaller number.",
    },
)


def in_turns(groups, K):
    fold = np.zeros(len(groups), dtype=int)
    for n, g in enumerate(by_size(groups)):
        fold[groups == g] = n % K
    return fold


def to_and_fro(groups, K):
    fold = np.zeros(len(groups), dtype=int)
    for n, g in enumerate(by_size(groups)):
        fold[groups == g] = n % K if n // K % 2 == 0 else K - 1 - n % K
    return fold


def full_folds(groups, K):
    def room(filled):
        return min((filled >= len(groups) / K).argmin(), K - 1)

    return greedy(groups, K, by_size(groups), room)


def as_met(groups, K):
    return greedy(groups, K, list(dict.fromkeys(groups.tolist())))


def ties_as_met(groups, K):
    met = list(dict.fromkeys(groups.tolist()))
    return greedy(groups, K, sorted(met, key=lambda g: -(groups == g).sum()))


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
    in_turns=("Groups are dealt out in turns, whatever the folds hold: look which has the fewest calls.", in_turns),
    to_and_fro=(
        "Groups are dealt out to and fro, whatever the folds hold: look which has the fewest calls.",
        to_and_fro,
    ),
    full_folds=(
        "One fold is filled before the next is begun: each group goes to the fold with the fewest calls.",
        full_folds,
    ),
    as_met=("Groups are taken in the order in which they are met: take the largest first.", as_met),
    ties_as_met=(
        "Of groups of equal size the one met first is taken: it is the one with the smaller number.",
        ties_as_met,
    ),
    group_ranks=(
        "The place of each group in the order of sizes is returned: it has to be put into a fold.",
        lambda groups, K: np.argsort(by_size(groups))[np.searchsorted(np.sort(by_size(groups)), groups)],
    ),
)

# 3. macro_f1


def averaged(score):
    """With NaN where a class neither occurs nor is predicted."""

    def answer(confusion):
        right, taken, true = np.diag(confusion), confusion.sum(axis=0), confusion.sum(axis=1)
        values = np.where(taken + true > 0, score(right, np.maximum(taken, 1), np.maximum(true, 1)), np.nan)
        return values, np.nanmean(values)

    return answer


def right_f1(confusion):
    return averaged(
        lambda right, taken, true: 2 * right / np.maximum(confusion.sum(axis=0) + confusion.sum(axis=1), 1)
    )(confusion)[0]


def pooled(confusion):
    return right_f1(confusion), np.trace(confusion) / confusion.sum()


def weighted(confusion):
    true = confusion.sum(axis=1)
    return right_f1(confusion), np.nansum(right_f1(confusion) * true) / true.sum()


def empty_is_zero(confusion):
    values = np.nan_to_num(right_f1(confusion))
    return values, values.mean()


def empty_in_the_mean(confusion):
    return right_f1(confusion), np.nansum(right_f1(confusion)) / len(confusion)


def empty_is_one(confusion):
    values = np.nan_to_num(right_f1(confusion), nan=1.0)
    return values, values.mean()


def never_found_is_nan(confusion):
    values = right_f1(confusion)
    values = np.where(values > 0, values, np.nan)
    return values, np.nanmean(values)


def never_predicted_is_nan(confusion):
    values = np.where(confusion.sum(axis=0) > 0, right_f1(confusion), np.nan)
    return values, np.nanmean(values)


def of_mean_precision_and_recall(confusion):
    precision = averaged(lambda right, taken, true: right / taken)(confusion)[1]
    recall = averaged(lambda right, taken, true: right / true)(confusion)[1]
    return right_f1(confusion), 2 * precision * recall / (precision + recall)


mistakes(
    f1,
    precision=(
        "This is the precision: F1 asks also how many calls of the class were found.",
        averaged(lambda r, taken, true: r / taken),
    ),
    recall=(
        "This is the recall: F1 asks also how many of those taken for the class are right.",
        averaged(lambda r, taken, true: r / true),
    ),
    mean_of_both=(
        "Precision and recall are averaged arithmetically: F1 is their harmonic mean, which is low if one of them is.",
        averaged(lambda r, taken, true: (r / taken + r / true) / 2),
    ),
    geometric=(
        "This is the geometric mean of precision and recall: F1 is the harmonic one.",
        averaged(lambda r, taken, true: r / np.sqrt(taken * true)),
    ),
    jaccard=(
        "Right calls are divided by all that are in the class or taken for it: that is the Jaccard index.",
        averaged(lambda r, taken, true: r / np.maximum(taken + true - r, 1)),
    ),
    half=(
        "The factor 2 of the harmonic mean is missing: a perfect class has F1 1.",
        averaged(lambda r, taken, true: r / (taken + true)),
    ),
    pooled=(
        "The share of right calls is returned as the mean: in a macro mean a rare class weighs as much as a common one.",
        pooled,
    ),
    weighted=("Classes are weighted by how often they occur: in a macro mean each weighs the same.", weighted),
    empty_is_zero=("A class that neither occurs nor is predicted counts as 0: it has no F1.", empty_is_zero),
    empty_in_the_mean=("A class without F1 is in the denominator of the mean: leave it out.", empty_in_the_mean),
    empty_is_one=("A class that neither occurs nor is predicted counts as perfect: it has no F1.", empty_is_one),
    never_found_is_nan=(
        "A class of which no call was found is left out: it occurs, and its F1 is 0.",
        never_found_is_nan,
    ),
    never_predicted_is_nan=(
        "A class that is never predicted is left out: its calls are all missed, and its F1 is 0.",
        never_predicted_is_nan,
    ),
    of_mean_precision_and_recall=(
        "The mean is the F1 of mean precision and mean recall: it is the mean of the classes' F1.",
        of_mean_precision_and_recall,
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
        "if t > 0: -> if False:": "The mood never changes: then evidence from long ago weighs as much as the last turn.",
        "p[t] = moods -> p[t] = moods if not np.isnan(said).any() else prior": "At a missing turn the prior is returned: what was known before still holds.",
        "p[t] = moods -> p[t] = moods if not np.isnan(said).any() else np.array([0.5, 0.5])": "At a missing turn both moods get one half: what was known before still holds.",
        "moods = prior -> moods = np.array([0.5, 0.5])": "`prior` is not used: the moods of the first turn need not be equally likely.",
    },
)


def unscaled(likelihood, prior, change):
    p, moods = np.zeros(likelihood.shape), prior
    for t, said in enumerate(np.where(np.isnan(likelihood), 1.0, likelihood)):
        moods = moods if t == 0 else (1 - change) * moods + change * moods[::-1]
        moods = p[t] = said * moods
    return p


def change_afterwards(likelihood, prior, change):
    p, moods = np.zeros(likelihood.shape), prior
    for t, said in enumerate(np.where(np.isnan(likelihood), 1.0, likelihood)):
        moods = said * moods / (said * moods).sum()
        moods = p[t] = (1 - change) * moods + change * moods[::-1]
    return p


def with_the_future(likelihood, prior, change):
    """Smoothing: forward times backward."""
    said = np.where(np.isnan(likelihood), 1.0, likelihood)
    matrix = np.array([[1 - change, change], [change, 1 - change]])
    forward, backward = [prior * said[0]], [np.ones(2)]
    for t in range(1, len(said)):
        forward.append(said[t] * (matrix @ forward[-1]))
        backward.insert(0, matrix @ (said[-t] * backward[0]))
    both = np.array(forward) * np.array(backward)
    return both / both.sum(axis=1, keepdims=True)


def likeliest_course(likelihood, prior, change):
    p, moods = np.zeros(likelihood.shape), prior
    for t, said in enumerate(np.where(np.isnan(likelihood), 1.0, likelihood)):
        moods = moods if t == 0 else np.maximum((1 - change) * moods, change * moods[::-1])
        moods = p[t] = said * moods / (said * moods).sum()
    return p


mistakes(
    mood,
    unscaled=("The rows do not sum to 1: scale after weighing.", unscaled),
    change_afterwards=(
        "The mood changes after the turn is weighed, so p is that of the moment before the next turn.",
        change_afterwards,
    ),
    with_the_future=("Later turns are used: while the call runs, only the turns so far are known.", with_the_future),
    likeliest_course=(
        "Only the likelier way into each mood is kept (as in Viterbi's algorithm): both are summed.",
        likeliest_course,
    ),
)
