"""Known mistakes of unit 21-translation."""

from collections import Counter

import numpy as np
from checks import bleu, chrf, em, route, runs_of

from rnncourse.authoring import mistakes, slips

# 1. bleu

slips(
    bleu,
    {
        "min(m, due[run]) -> m * (run in due)": "A right word said three times counts three times: a run is right at most as often as its reference has it.",
        "min(m, due[run]) -> (run in due)": "Each kind of run is counted once: what counts is how often it occurs, up to the reference's number.",
        "min(1.0, np.exp(1 - R / C)) -> np.exp(1 - R / C)": "Long translations get a bonus: the first factor is at most 1.",
        "min(1.0, np.exp(1 - R / C)) -> 1.0": "The penalty for short translations is missing: leaving out what one is unsure of would be free.",
        "min(1.0, np.exp(1 - R / C)) -> min(1.0, C / R)": "The penalty is the ratio of the lengths: it is the exponential of one minus a ratio.",
        "min(1.0, np.exp(1 - R / C)) -> min(1.0, np.exp(1 - C / R))": "Long translations are punished and short ones are not: too many words already lower the precisions.",
        "np.exp(np.log(p).mean()) -> p.mean()": "The plain mean of the precisions is taken: it is the geometric one, which is 0 if one of them is.",
        "np.exp(np.log(p).mean()) -> np.exp(np.log(p).sum() / 4)": "The root is always the fourth: it is the K-th.",
        "np.exp(np.log(p).mean()) -> p.prod()": "The precisions are multiplied without the K-th root.",
        "total[n - 1] += sum(have.values()) -> total[n - 1] += sum(due.values())": "The runs of the reference are the denominator, which makes a recall: BLEU takes precisions, and the length penalty stands for recall.",
    },
)


def counted(pairs, K):
    right, total = np.zeros((len(pairs), K)), np.zeros((len(pairs), K))
    for k, (a, b) in enumerate(pairs):
        for n in range(1, K + 1):
            have, due = Counter(runs_of(a, n)), Counter(runs_of(b, n))
            right[k, n - 1], total[k, n - 1] = sum((have & due).values()), sum(have.values())
    return right, total


def scored(p, said, truth):
    brevity = min(1.0, np.exp(1 - (truth >= 0).sum() / (said >= 0).sum()))
    return p, brevity * np.exp(np.log(p).mean()) if p.all() else 0.0


def texts(said, truth):
    return [(a[a >= 0], b[b >= 0]) for a, b in zip(said, truth, strict=True)]


def mean_of_sentences(said, truth, K):
    right, total = counted(texts(said, truth), K)
    return scored((right / np.maximum(total, 1)).mean(axis=0), said, truth)


def one_long_text(said, truth, K):
    right, total = counted([(said[said >= 0], truth[truth >= 0])], K)
    return scored(right[0] / np.maximum(total[0], 1), said, truth)


def any_reference(said, truth, K):
    pairs, p = texts(said, truth), np.zeros(K)
    for n in range(1, K + 1):
        have, due = (sum((Counter(runs_of(pair[side], n)) for pair in pairs), Counter()) for side in (0, 1))
        p[n - 1] = sum((have & due).values()) / max(sum(have.values()), 1)
    return scored(p, said, truth)


mistakes(
    bleu,
    mean_of_sentences=(
        "A precision is computed for each sentence, and their mean is taken: the counts of all sentences are added up first.",
        mean_of_sentences,
    ),
    one_long_text=(
        "All texts are joined into one: a run does not go on from one sentence into the next.",
        one_long_text,
    ),
    any_reference=(
        "A run is right if any reference has it: what counts is the reference of its own sentence.",
        any_reference,
    ),
)

# 2. chrf

slips(
    chrf,
    {
        "(beta**2 * p + r) -> (p + beta**2 * r)": "The weight has gone to precision: with a large beta recall decides.",
        "(1 + beta**2) * p * r / (beta**2 * p + r) -> (1 + beta) * p * r / (beta * p + r)": "Beta enters as it is: its square does.",
        "(1 + beta**2) * p * r / (beta**2 * p + r) -> 2 * p * r / (p + r)": "Beta is not used: this is the F-score that weighs both alike.",
        "(1 + beta**2) * p * r / (beta**2 * p + r) -> (p + beta**2 * r) / (1 + beta**2)": "The plain weighted mean is taken: the F-score is a harmonic mean, near the smaller of the two.",
        "shared = sum((have & due).values()) -> shared = len(have & due)": "Each kind of run is counted once: a run that both texts have twice counts twice.",
        "shared = sum((have & due).values()) -> shared = sum(have[run] for run in due)": "A run that the translation repeats is right each time: it counts as often as it occurs in both.",
        "np.mean(P), np.mean(R) -> P[-1], R[-1]": "Only the longest order counts: the mean is over all orders.",
        "np.mean(P), np.mean(R) -> sum(P) / K, sum(R) / K": "An order without runs counts as 0: it is left out of the means.",
        "np.mean(P), np.mean(R) -> np.prod(P) ** (1 / len(P)), np.prod(R) ** (1 / len(R))": "The geometric mean over the orders is taken, as in BLEU: here it is the plain one.",
        "tuple(ids[k : k + n].tolist()) -> tuple(sorted(ids[k : k + n].tolist()))": "The order of the letters within a run is ignored.",
    },
)


def orders(said, truth, K):
    for n in range(1, K + 1):
        have, due = Counter(runs_of(said, n)), Counter(runs_of(truth, n))
        if have and due:
            yield sum((have & due).values()), sum(have.values()), sum(due.values())


def f_score(p, r, beta):
    return (1 + beta**2) * p * r / (beta**2 * p + r) if p else 0.0


def score_by_order(said, truth, K, beta):
    return np.mean([f_score(n / a, n / b, beta) for n, a, b in orders(said, truth, K)])


def counts_of_all_orders(said, truth, K, beta):
    n, a, b = np.sum(list(orders(said, truth, K)), axis=0)
    return f_score(n / a, n / b, beta)


mistakes(
    chrf,
    score_by_order=(
        "An F-score is computed for each order, and their mean is taken: first come the means of precision and recall.",
        score_by_order,
    ),
    counts_of_all_orders=(
        "The counts of all orders are added up: each order has a precision and a recall of its own, and weighs the same.",
        counts_of_all_orders,
    ),
)

# 3. em_step

slips(
    em,
    {
        "p / p.sum(axis=0)) -> p / p.sum(axis=1, keepdims=True))": "Each source word is shared among the targets: it is the target words that are shared among the sources.",
        "p / p.sum(axis=0)) -> p / p.sum())": "One share is made of a whole sentence: each of its target words is shared by itself.",
        "p / p.sum(axis=0)) -> (p == p.max(axis=0)).astype(float))": "Each target word goes whole to its likeliest source word: expectation maximisation shares it in proportion.",
        "p / p.sum(axis=0)) -> prior)": "The shares are those of the prior alone: what the table already knows is not used.",
        "prior = prior / prior.sum(axis=0) -> prior = prior / prior.sum(axis=1, keepdims=True)": "The prior is normalised over the target words: for a given target it is a distribution over the source words.",
        "np.add.at(counts, (es, fs), p / p.sum(axis=0)) -> np.add.at(counts, (es, fs), t[es, fs] / t[es, fs].sum(axis=0))": "The shares are those of the table alone: the prior enters them too, not only the likelihood.",
        "s / len(es) - k / len(fs) -> s / max(len(es) - 1, 1) - k / max(len(fs) - 1, 1)": "Positions are divided by the length less one: here they are s/S and k/T, counted from 0.",
        "s / len(es) - k / len(fs) -> s - k": "Positions are compared as they are: they are fractions of each sentence's length.",
        "s / len(es) - k / len(fs) -> s / e.shape[1] - k / f.shape[1]": "Positions are divided by the width of the arrays: each sentence has its own lengths.",
        "s / len(es) - k / len(fs) -> 1 - s / len(es) - k / len(fs)": "The prior follows the other diagonal: early words belong to early words.",
        "s / len(es) - k / len(fs) -> 0 * s * k": "The prior is uniform: this is model 1, without the slope.",
        "total = counts.sum(axis=1, keepdims=True) -> total = counts.sum(axis=0) + 0 * counts": "The table is divided by the totals of the target words: each *source* word has a distribution over targets.",
        ", t), log_p -> , 1 / t.shape[1]), log_p": "A source word that does not occur gets a uniform row: it keeps the one that it had.",
        "np.add.at(counts, (es, fs), p / p.sum(axis=0)) -> counts[es, fs] += p / p.sum(axis=0)": "A word that occurs twice in a sentence is counted once: `counts[i, j] += x` with repeated indices keeps only the last.",
        "np.log(p.sum(axis=0)).sum() -> np.log(p.max(axis=0)).sum()": "The likelihood is that of the best source word alone: it is the sum over all of them.",
    },
)

# 4. best_route


def search(quality, hops, join=np.multiply, grow=True):
    L = len(quality)
    direct = quality * (1 - np.eye(L))
    best = np.eye(L)
    first = np.where(best > 0, np.arange(L), -1)
    for _ in range(hops):
        through = join(direct[:, :, None], best)
        top, by = through.max(axis=1), through.argmax(axis=1)
        better = (top > best) & (grow | (best == 0))
        first, best = np.where(better, by, first), np.where(better, top, best)
    return best, first


def weakest_link(quality, hops):
    return search(quality, hops, join=np.minimum)


def fewest(quality, hops):
    return search(quality, hops, grow=False)


def last_stop(quality, hops):
    best, first = search(quality.T, hops)
    return best.T, first.T


slips(
    route,
    {
        "range(hops) -> range(hops + 1)": "Routes are one translation too long: with hops = 1 only direct ones are allowed.",
        "range(hops) -> range(hops - 1)": "Routes are one translation too short: a direct translation is a route of one.",
        "direct = quality * (1 - np.eye(L)) -> direct = quality.T * (1 - np.eye(L))": "Rows and columns are exchanged: entry [a, b] is from a to b.",
        "best = np.where(better, through.max(axis=1), best)\n    return best, first -> best = np.where(better, through.max(axis=1), best)\n    return best, np.where(first == np.arange(L), -1, first)": "A direct translation is given no first language: it goes into the target.",
        "return best, first -> return np.where(np.eye(L) > 0, 1.0, quality), first": "The first language is that of the best route and the share that of the direct one: return what the route reaches.",
    },
)
mistakes(
    route,
    weakest_link=(
        "A chain is taken to be as good as its worst translation: all have to be right, so the shares multiply.",
        weakest_link,
    ),
    fewest=(
        "A longer route is used only where there is no shorter one: two good translations can beat one that is bad.",
        fewest,
    ),
    last_stop=(
        "The language returned is the last stop before the target: what is asked is where to go first.",
        last_stop,
    ),
)
