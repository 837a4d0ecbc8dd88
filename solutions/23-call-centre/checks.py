"""Inputs and other right answers for unit 23-call-centre; the known mistakes are in mistakes.py."""

import heapq

import numpy as np

from rnncourse.authoring import exercise

# 1. giveaways

giveaways = exercise("giveaways", points=3, returns="purity")


@giveaways.inputs(N=(12, 5, 30, 21), V=(4, 3, 6, 5), K=(3, 2, 4, 3))
def draw_giveaways(rng, N, V, K):
    """One feature gives a label away, one is in no call and one in all."""
    labels = rng.choice(K, size=N, p=np.arange(K, 0, -1) / (K * (K + 1) / 2))
    counts = rng.poisson(0.9, size=(N, V))
    counts[:, 0] = (labels == 0) * rng.integers(0, 3, size=N)
    counts[:, 1] = 0
    counts[:, -1] = rng.integers(1, 4, size=N)
    return {"counts": counts, "labels": labels, "K": K}


@giveaways.inputs(N=(9, 14), V=(3, 4), K=(5, 6), says="some labels do not occur")
def draw_giveaways_few(rng, N, V, K):
    return {"counts": rng.poisson(1.0, size=(N, V)), "labels": 2 * rng.integers(0, 2, size=N), "K": K}


@giveaways.answer
def one_by_one(counts, labels, K):
    purity = np.zeros((counts.shape[1], 2))
    for v in range(counts.shape[1]):
        for column, has in enumerate((counts[:, v] > 0, counts[:, v] == 0)):
            n = np.bincount(labels[has], minlength=K)
            purity[v, column] = (n.max() + 1) / (has.sum() + K)
    return purity


@giveaways.answer
def with_a_smoothed_table(counts, labels, K):
    table = np.ones((counts.shape[1], 2, K))  # one call of each label
    calls, features = np.meshgrid(np.arange(len(labels)), np.arange(counts.shape[1]), indexing="ij")
    np.add.at(table, (features, (counts == 0).astype(int), labels[calls]), 1)
    return (table / table.sum(axis=2, keepdims=True)).max(axis=2)


# 2. grouped_folds

folds = exercise("grouped_folds", points=3, returns="fold")


@folds.inputs(N=(14, 1, 40, 25), G=(5, 2, 9, 12), K=(3, 2, 4, 3))
def draw_folds(rng, N, G, K):
    """Groups of unequal sizes, numbered with gaps, in random order; some of equal size."""
    names = rng.permutation(3 * G)[:G]
    share = 0.6 ** np.arange(G) + 0.1
    return {"groups": names[rng.choice(G, size=N, p=share / share.sum())], "K": K}


@folds.inputs(N=(11, 13), G=(5, 6), K=(2, 3), says="many groups have equal sizes")
def draw_folds_ties(rng, N, G, K):
    names = rng.permutation(2 * G)[:G]
    return {"groups": rng.permutation(names[np.arange(N) % G]), "K": K}


@folds.inputs(N=(23, 29), G=(7, 8), K=(3, 3), says="one group is as large as all others together")
def draw_folds_large(rng, N, G, K):
    names = rng.permutation(2 * G)[:G]
    rest = names[1:][rng.integers(0, G - 1, size=N - N // 2)]
    return {"groups": rng.permutation(np.concatenate([np.full(N // 2, names[0]), rest])), "K": K}


@folds.answer
def with_sorted_lists(groups, K):
    calls = {}
    for n, g in enumerate(groups.tolist()):
        calls.setdefault(g, []).append(n)
    fold, filled = np.zeros(len(groups), dtype=int), [0] * K
    for g in sorted(calls, key=lambda g: (-len(calls[g]), g)):
        k = min(range(K), key=lambda k: (filled[k], k))
        fold[calls[g]] = k
        filled[k] += len(calls[g])
    return fold


@folds.answer
def with_a_heap(groups, K):
    sizes = np.bincount(groups)
    heap, place = [(0, k) for k in range(K)], np.zeros(len(sizes), dtype=int)
    for g in np.lexsort((np.arange(len(sizes)), -sizes)):
        n, k = heapq.heappop(heap)
        place[g] = k
        heapq.heappush(heap, (n + int(sizes[g]), k))
    return place[groups]


# 3. macro_f1

f1 = exercise("macro_f1", points=2, returns=("f1", "macro"))


@f1.inputs(K=(3, 2, 5, 4))
def draw_f1(rng, K):
    """Classes of different sizes; one is never found."""
    confusion = rng.poisson(1 + 12 * rng.random((K, K))) + np.diag(rng.integers(5, 60, size=K))
    if K > 2:
        confusion[K - 1, K - 1] = 0
    return {"confusion": confusion}


@f1.inputs(K=(4, 5), says="one class neither occurs nor is predicted; another is never predicted, or never occurs")
def draw_f1_empty(rng, K):
    confusion = rng.integers(1, 30, size=(K, K))
    confusion[1] = confusion[:, 1] = 0
    confusion.T[2] *= K > 4  # K = 4: never predicted
    confusion[3] *= K == 4  # K = 5: never occurs
    return {"confusion": confusion}


@f1.answer
def from_precision_and_recall(confusion):
    scores = {}
    for k in range(len(confusion)):
        right, taken, true = confusion[k, k], confusion[:, k].sum(), confusion[k].sum()
        if taken + true == 0:
            continue
        elif right == 0:
            scores[k] = 0.0
        else:
            precision, recall = right / taken, right / true
            scores[k] = 2 * precision * recall / (precision + recall)
    listed = [scores.get(k, 0.0) for k in range(len(confusion))]
    return np.array(listed), sum(listed) / len(scores)


@f1.answer
def from_errors(confusion):
    right = np.diag(confusion).astype(float)
    wrong = (confusion + confusion.T).sum(axis=1) - 2 * right
    with np.errstate(invalid="ignore"):
        scores = right / (right + wrong / 2)
    return np.nan_to_num(scores), np.nanmean(scores)


# 4. mood_now

mood = exercise("mood_now", points=2, returns="p")


@mood.inputs(T=(6, 1, 12, 9))
def draw_mood(rng, T):
    likelihood = rng.uniform(0.05, 0.9, size=(T, 2))
    prior = rng.uniform(0.2, 0.8)
    if T > 3:
        likelihood[rng.choice(np.arange(1, T), size=T // 4, replace=False)] = np.nan
    return {"likelihood": likelihood, "prior": np.array([prior, 1 - prior]), "change": rng.uniform(0.05, 0.4)}


@mood.inputs(T=(5, 8), says="the first turn and the last are missing, and two in a row")
def draw_mood_missing(rng, T):
    inputs = draw_mood(rng, T)
    inputs["likelihood"] = rng.uniform(0.05, 0.9, size=(T, 2))
    inputs["likelihood"][[0, 2, 3, -1]] = np.nan
    return inputs


@mood.answer
def all_courses(likelihood, prior, change):
    """Sums over the moods before, without scaling between turns: by the matrix of changes."""
    matrix = np.array([[1 - change, change], [change, 1 - change]])
    said = np.where(np.isnan(likelihood), 1.0, likelihood)
    joint = [prior * said[0]]
    for t in range(1, len(said)):
        joint.append(said[t] * (matrix @ joint[-1]))
    joint = np.array(joint)
    return joint / joint.sum(axis=1, keepdims=True)


@mood.answer
def by_log_odds(likelihood, prior, change):
    out, q = [], prior[1]  # of angry
    for t in range(len(likelihood)):
        q = q if t == 0 else q + change * (1 - 2 * q)
        calm, angry = likelihood[t]
        if angry == angry:
            q = 1 / (1 + np.exp(np.log(1 - q) - np.log(q) + np.log(calm) - np.log(angry)))
        out.append([1 - q, q])
    return np.array(out)
