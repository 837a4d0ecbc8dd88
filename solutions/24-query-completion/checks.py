"""Inputs and other right answers for unit 24-query-completion; the known mistakes are in mistakes.py."""

import heapq
from collections import Counter
from itertools import groupby

import numpy as np

from rnncourse.authoring import exercise

# 1. popular

popular = exercise("popular", points=2, returns=("found", "share"))
STEMS = ["ta", "tab", "tar", "tarn", "tabs", "te", "ten", "tea", "team", "tan", "tang", "a tab", "sta", "at", "t"]
ENDINGS = ["tab", "tabs", "tar", "tarn", "tan", "tang", "tango", "tax", "taxi", "tale", "tame", "task", "te", "at"]


@popular.inputs(N=(9, 12, 8, 10), k=(2, 3, 2, 4), says="each query was typed on one day, and no totals are equal")
def draw_popular_plain(rng, N, k):
    queries = [str(q) for q in rng.permutation(ENDINGS)[:N]]
    return {"queries": queries, "counts": rng.permutation(50)[:N] + 1, "prefix": "ta", "k": k}


@popular.inputs(N=(24, 30, 16, 36, 20, 28), k=(3, 2, 4, 5, 2, 3))
def draw_popular(rng, N, k):
    return log_of(rng, N) | {"prefix": str(rng.choice(["ta", "t", "te"])), "k": k}


@popular.inputs(N=(10, 12, 9), k=(3, 2, 4), says="some totals are equal")
def draw_popular_ties(rng, N, k):
    plain = draw_popular_plain(rng, N, k)
    return plain | {"counts": rng.integers(1, 4, size=N) * 7}


@popular.inputs(N=(10, 12, 9), k=(3, 4, 2), says="some have typed the prefix alone, others have it inside a query")
def draw_popular_prefix(rng, N, k):
    plain = draw_popular_plain(rng, N, k)
    queries = [*plain["queries"], "ta", "sta", "a tab"]
    return plain | {"queries": queries, "counts": np.append(plain["counts"], rng.permutation([81, 82, 83]))}


@popular.inputs(N=(14, 18), k=(8, 9), says="there are fewer than k completions, or none")
def draw_popular_few(rng, N, k):
    return log_of(rng, N) | {"prefix": str(rng.choice(["tab", "ten", "x", "tang"])), "k": k}


def log_of(rng, N):
    queries = [str(q) for q in rng.choice(STEMS, size=N)]
    return {"queries": queries, "counts": rng.integers(1, 30, size=N)}


@popular.answer
def with_a_counter(queries, counts, prefix, k):
    total = Counter()
    for query, count in zip(queries, counts, strict=True):
        if query != prefix and query[: len(prefix)] == prefix:
            total[query] += int(count)
    ranked = sorted(sorted(total), key=total.get, reverse=True)  # a stable sort keeps the names' order
    share = sum(map(total.get, ranked[:k])) / total.total() if total else 0.0
    return ranked[:k], share


@popular.answer
def with_a_heap(queries, counts, prefix, k):
    rows = sorted((q, int(c)) for q, c in zip(queries, counts, strict=True) if q.startswith(prefix) and q != prefix)
    total = [(-sum(c for _, c in group), q) for q, group in groupby(rows, key=lambda row: row[0])]
    if not total:
        return [], 0.0
    best = heapq.nsmallest(k, total)
    return [q for _, q in best], sum(n for n, _ in best) / sum(n for n, _ in total)


# 2. merged

merged = exercise("merged", points=2, returns="shown")


@merged.inputs(m=(6, 5, 8, 7), n=(7, 6, 5, 8), k=(5, 4, 6, 3), least=(1, 2, 2, 1))
def draw_merged(rng, m, n, k, least):
    """Repetitions and common proposals."""
    return {"first": rng.integers(10, 18, size=m), "second": rng.integers(10, 24, size=n), "k": k, "least": least}


@merged.inputs(m=(6, 5, 2, 3), n=(4, 6, 6, 5), k=(5, 4, 6, 5), least=(1, 2, 1, 0), says="no proposal comes twice")
def draw_merged_plain(rng, m, n, k, least):
    ids = rng.permutation(30)[: m + n] + 10
    return {"first": ids[:m], "second": ids[m:], "k": k, "least": least}


@merged.inputs(m=(4, 5), n=(4, 3), k=(6, 5), least=(1, 2), says="the first list repeats itself")
def draw_merged_first(rng, m, n, k, least):
    plain = draw_merged_plain(rng, m, n, k, least)
    return plain | {"first": np.append(plain["first"][:3], plain["first"])}


@merged.inputs(m=(3, 4), n=(4, 5), k=(6, 7), least=(2, 1), says="the second list repeats itself")
def draw_merged_second(rng, m, n, k, least):
    plain = draw_merged_plain(rng, m, n, k, least)
    return plain | {"second": np.append(plain["second"][:2], plain["second"])}


@merged.inputs(
    m=(6, 7, 3, 4), n=(4, 5, 5, 4), k=(5, 4, 6, 5), least=(2, 2, 1, 1), says="the lists have proposals in common"
)
def draw_merged_common(rng, m, n, k, least):
    plain = draw_merged_plain(rng, m, n, k, least)
    return plain | {"second": np.append(plain["first"][-2:], plain["second"])}


@merged.inputs(
    m=(7, 6, 7, 6),
    n=(1, 2, 2, 1),
    k=(4, 5, 5, 4),
    least=(3, 4, 3, 4),
    common=(0, 0, 3, 4),
    says="the second list has fewer new proposals than `least`",
)
def draw_merged_short(rng, m, n, k, least, common):
    plain = draw_merged_plain(rng, m, n, k, least)
    return plain | {"second": np.concatenate([plain["first"][1 : 1 + common], plain["second"]])}


@merged.answer
def by_loops(first, second, k, least):
    mine, new = [], []
    for query in first:
        if query not in mine:
            mine.append(query)
    for query in second:
        if query not in mine and query not in new:
            new.append(query)
    while len(mine) + min(len(new), least) > k:
        mine.pop()
    return np.array((mine + new)[:k])


@merged.answer
def by_places(first, second, k, least):
    mine = first[np.sort(np.unique(first, return_index=True)[1])]
    new = second[np.sort(np.unique(second, return_index=True)[1])]
    new = new[~np.isin(new, first)]
    of_second = max(min(least, len(new)), min(k - len(mine), len(new)))
    return np.concatenate([mine[: k - of_second], new[:of_second]])


# 3. scores

scores = exercise("scores", points=3, returns=("hit", "mrr"))


LETTERS = list("abcdefghij")


@scores.inputs(N=(7, 9, 12, 8), m=(7, 6, 8, 7), k=(3, 4, 2, 3))
def draw_scores(rng, N, m, k):
    lists = [[str(q) for q in rng.choice(LETTERS[:6], size=rng.integers(0, m))] for _ in range(N)]
    lists[:2] = ["b", "b", "c", "a", "a"], ["c", "d", "c", "b", "d"]
    targets = [str(q) for q in rng.choice(LETTERS[:6], size=N)]
    targets[:2] = "a", "b"
    return {"lists": lists, "targets": targets, "counts": rng.integers(1, 9, size=N), "k": k}


@scores.inputs(N=(7, 9, 8), m=(6, 7, 5), k=(3, 4, 2), says="no list repeats itself, and each query has one user")
def draw_scores_plain(rng, N, m, k):
    lists = [[str(q) for q in rng.permutation(LETTERS[:7])[:m]] for _ in range(N)]
    targets = [str(q) for q in rng.choice(LETTERS[:7], size=N)]
    return {"lists": lists, "targets": targets, "counts": np.ones(N, dtype=int), "k": k}


@scores.inputs(N=(7, 9, 8), m=(4, 4, 5), k=(4, 5, 6), says="no list repeats itself or is longer than k")
def draw_scores_short(rng, N, m, k):
    return draw_scores_plain(rng, N, m, k) | {"counts": rng.integers(1, 30, size=N)}


@scores.inputs(N=(7, 9, 8), m=(3, 4, 3), k=(8, 9, 8), says="each query has one user, and lists repeat themselves")
def draw_scores_repeated(rng, N, m, k):
    plain = draw_scores_plain(rng, N, m, k)
    return plain | {"lists": [[proposals[0], *proposals] for proposals in plain["lists"]]}


@scores.answer
def by_ranks(lists, targets, counts, k):
    ranks = []
    for proposals, target in zip(lists, targets, strict=True):
        before = proposals.index(target) if target in proposals else None
        ranks.append(np.inf if before is None else len(set(proposals[:before])) + 1)
    reciprocal = np.where(np.array(ranks) <= k, 1 / np.array(ranks), 0)
    return np.average(reciprocal > 0, weights=counts), np.average(reciprocal, weights=counts)


@scores.answer
def user_by_user(lists, targets, counts, k):
    found = []
    for proposals, target, count in zip(lists, targets, counts, strict=True):
        shown = []
        for query in proposals:
            if query not in shown and len(shown) < k:
                shown.append(query)
        value = next((1 / place for place, query in enumerate(shown, start=1) if query == target), 0.0)
        found += [value] * int(count)
    return np.mean([value > 0 for value in found]), np.mean(found)


# 4. grow

grow = exercise("grow", points=4, returns=("rows", "tokens", "totals", "ended", "done"))


@grow.inputs(B=(3, 2, 4, 3), V=(6, 7, 5, 4), K=(4, 3, 5, 3), k=(3, 2, 4, 3))
def draw_grow(rng, B, V, K, k):
    logits = 1.5 * rng.normal(size=(B, V))
    log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    totals, ended = -3 * rng.random(B) - 1, -np.sort(4 * rng.random(k) + 1)
    end = int(rng.integers(V))
    return {"log_p": log_p, "totals": totals, "ended": ended, "K": K, "end": end}


@grow.inputs(
    B=(3, 2, 4, 3, 2, 3),
    V=(5, 6, 4, 7, 5, 6),
    K=(3, 4, 2, 4, 3, 2),
    k=(3, 2, 4, 2, 3, 3),
    far=(0, 1, 0, 1, 0, 1),
    says="an ending is likely, or fewer than k queries have finished: then `ended` has minus infinity",
)
def draw_grow_ending(rng, B, V, K, k, far):
    inputs = draw_grow(rng, B, V, K, k)
    inputs["log_p"][:, inputs["end"]] += 2.5
    inputs["log_p"] -= np.logaddexp.reduce(inputs["log_p"], axis=1, keepdims=True)
    if far:
        inputs["ended"][1:] = -np.inf
    return inputs


@grow.inputs(B=(3, 2, 4), V=(6, 5, 4), K=(4, 3, 3), k=(3, 2, 2), says="the best finished queries are hard to beat")
def draw_grow_done(rng, B, V, K, k):
    inputs = draw_grow(rng, B, V, K, k)
    best = (inputs["totals"][:, None] + np.delete(inputs["log_p"], inputs["end"], axis=1)).max()
    inputs["ended"] = best + np.sort(rng.uniform(0.05, 0.8, size=k))[::-1]
    return inputs


@grow.answer
def by_lists(log_p, totals, ended, K, end):
    finished, going = [float(total) for total in ended], []
    for b, row in enumerate(log_p):
        for v, value in enumerate(row):
            if v == end:
                finished.append(totals[b] + value)
            else:
                going.append((totals[b] + value, b, v))
    going = sorted(going, reverse=True)[:K]
    finished = sorted(finished, reverse=True)[: len(ended)]
    rows, tokens = np.array([b for _, b, _ in going]), np.array([v for _, _, v in going])
    return rows, tokens, np.array([t for t, _, _ in going]), np.array(finished), bool(going[0][0] <= finished[-1])


@grow.answer
def without_the_column(log_p, totals, ended, K, end):
    others = np.delete(np.arange(log_p.shape[1]), end)
    total = (log_p[:, others].T + totals).T
    order = np.argsort(total.ravel())[::-1][:K]
    rows, columns = np.divmod(order, len(others))
    best = np.array(sorted([*ended, *(totals + log_p[:, end])])[::-1][: len(ended)])
    return rows, others[columns], total.ravel()[order], best, bool((best >= total.max()).all())
