"""Inputs and other right answers for unit 21-translation; the known mistakes are in mistakes.py."""

from collections import Counter

import numpy as np

from rnncourse.authoring import exercise

# 1. bleu

bleu = exercise("bleu", points=3, returns=("precisions", "score"))


def padded(rows, width):
    out = np.full((len(rows), width), -1)
    for row, ids in zip(out, rows, strict=True):
        row[: len(ids)] = ids
    return out


@bleu.inputs(N=(3, 1, 5, 4), T=(11, 9, 13, 10), K=(4, 2, 3, 1), longer=(1, 0, -3, 2))
def draw_bleu(rng, N, T, K, longer):
    """References of a few words, and translations that keep most of them; `longer` words are added or left out."""
    said, truth = [], []
    for n in range(N):
        row = rng.integers(0, 4, size=int(rng.integers(T - 3, T + 1))).tolist()
        row[1:3] = row[:1] * 2  # a word that follows itself
        kept = list(row)
        kept[-1 - n % 3] = 5
        kept = kept[: len(kept) + longer] if longer < 0 else kept[:2] + row[:longer] + kept[2:]
        said.append(kept)
        truth.append(row)
    return {"said": padded(said, T + 3), "truth": padded(truth, T + 1), "K": K}


@bleu.inputs(N=(3, 2), T=(6, 5), K=(4, 3), says="no run of K words is right, or a translation is empty")
def draw_bleu_hard(rng, N, T, K):
    truth = [rng.integers(0, 3, size=T).tolist() for _ in range(N)]
    said = [[5 if k % 2 else word for k, word in enumerate(row)] for row in truth]
    said[-1] = []
    if K == 3:
        said[0] = truth[0]
    return {"said": padded(said, T), "truth": padded(truth, T), "K": K}


@bleu.answer
def with_lists(said, truth, K):
    p, lengths = [], [(said >= 0).sum(), (truth >= 0).sum()]
    for n in range(1, K + 1):
        right = total = 0
        for a, b in zip(said.tolist(), truth.tolist(), strict=True):
            a, b = [w for w in a if w >= 0], [w for w in b if w >= 0]
            left = [b[k : k + n] for k in range(len(b) - n + 1)]
            for k in range(len(a) - n + 1):
                total += 1
                if a[k : k + n] in left:
                    left.remove(a[k : k + n])
                    right += 1
        p.append(right / total if total else 0.0)
    short = np.exp(1 - lengths[1] / lengths[0]) if lengths[0] < lengths[1] else 1.0
    return np.array(p), short * np.prod(p) ** (1 / K)


@bleu.answer
def with_codes(said, truth, K):
    p = np.zeros(K)
    for n in range(1, K + 1):
        found = []
        for texts in (said, truth):
            runs = np.lib.stride_tricks.sliding_window_view(texts, n, axis=1)
            codes = [Counter(map(tuple, row[(row >= 0).all(axis=1)].tolist())) for row in runs]
            found.append(codes)
        total = sum(sum(c.values()) for c in found[0])
        right = sum(sum((a & b).values()) for a, b in zip(*found, strict=True))
        p[n - 1] = right / max(total, 1)
    ratio = (truth >= 0).sum() / (said >= 0).sum()
    with np.errstate(divide="ignore"):
        return p, float(np.exp(np.log(p).mean() - max(ratio - 1, 0)))


# 2. chrf

chrf = exercise("chrf", points=2, returns="score")


@chrf.inputs(T=(12, 1, 9, 20), R=(10, 1, 14, 17), K=(3, 2, 6, 4), halves=(4, 2, 6, 1))
def draw_chrf(rng, T, R, K, halves):
    truth = rng.integers(0, 3, size=R)
    if R > 5:
        truth[2:5] = 1
    said = np.concatenate([truth[: R // 2], rng.integers(0, 4, size=T)])[:T]
    return {"said": said, "truth": truth, "K": K, "beta": halves / 2}


@chrf.inputs(T=(2, 7), R=(9, 3), K=(4, 5), beta=(2, 3), says="a text is shorter than the longest run")
def draw_chrf_short(rng, T, R, K, beta):
    truth = rng.permutation(9)[:R]
    return {"said": np.concatenate([truth, truth])[:T], "truth": truth, "K": K, "beta": beta}


@chrf.inputs(T=(5,), R=(6,), K=(3,), beta=(2,), says="nothing is right")
def draw_chrf_nothing(rng, T, R, K, beta):
    return {"said": rng.integers(0, 3, size=T), "truth": rng.integers(3, 6, size=R), "K": K, "beta": beta}


def runs_of(ids, n):
    return [tuple(ids[k : k + n].tolist()) for k in range(len(ids) - n + 1)]


@chrf.answer
def run_by_run(said, truth, K, beta):
    shares = []
    for n in range(1, min(K, len(said), len(truth)) + 1):
        left, right = runs_of(truth, n), 0
        for run in runs_of(said, n):
            if run in left:
                left.remove(run)
                right += 1
        shares.append((right / (len(said) - n + 1), right / (len(truth) - n + 1)))
    p, r = np.mean(shares, axis=0)
    return 0.0 if p == 0 else 1 / ((1 / p + beta**2 / r) / (1 + beta**2))  # a weighted harmonic mean


@chrf.answer
def with_a_table(said, truth, K, beta):
    top = min(K, len(said), len(truth))
    p = r = 0.0
    for n in range(1, top + 1):
        kinds, place = np.unique(np.array(runs_of(said, n) + runs_of(truth, n)), axis=0, return_inverse=True)
        place, cut = place.ravel(), len(said) - n + 1
        both = np.minimum(*(np.bincount(part, minlength=len(kinds)) for part in (place[:cut], place[cut:]))).sum()
        p, r = p + both / cut / top, r + both / (len(truth) - n + 1) / top
    return (1 + beta**2) * p * r / max(beta**2 * p + r, 1e-300)


# 3. em_step

em = exercise("em_step", points=3, returns=("t", "log_p"))


@em.inputs(N=(4, 1, 6, 3), S=(6, 1, 5, 8), T=(5, 2, 7, 6), V=(6, 3, 8, 5), slope=(2, 1, 0, 4))
def draw_em(rng, N, S, T, V, slope):
    """Words occur several times in a sentence; the last source word of the vocabulary does not occur at all."""
    e = [rng.integers(0, V - 1, size=int(rng.integers(max(1, S - 3), S + 1))) for _ in range(N)]
    f = [rng.integers(0, V + 1, size=int(rng.integers(max(1, T - 3), T + 1))) for _ in range(N)]
    t = rng.random((V, V + 1)) + 0.1
    return {"t": t / t.sum(axis=1, keepdims=True), "e": padded(e, S + 1), "f": padded(f, T + 2), "slope": slope}


@em.answer
def word_by_word(t, e, f, slope):
    counts, log_p = np.zeros_like(t), 0.0
    for es, fs in zip(e.tolist(), f.tolist(), strict=True):
        es, fs = [w for w in es if w >= 0], [w for w in fs if w >= 0]
        for k, word in enumerate(fs):
            prior = np.array([np.exp(-slope * abs(s / len(es) - k / len(fs))) for s in range(len(es))])
            p = prior / prior.sum() * t[es, word]
            log_p += np.log(p.sum())
            for s, w in enumerate(es):
                counts[w, word] += p[s] / p.sum()
    new = t.copy()
    for w in range(len(t)):
        if counts[w].sum() > 0:
            new[w] = counts[w] / counts[w].sum()
    return new, log_p


@em.answer
def all_at_once(t, e, f, slope):
    real = (e >= 0)[:, :, None] & (f >= 0)[:, None]  # (N, S, T)
    s = np.arange(e.shape[1])[:, None] / (e >= 0).sum(axis=1)[:, None, None]
    k = np.arange(f.shape[1]) / (f >= 0).sum(axis=1)[:, None, None]
    prior = np.where(real, np.exp(-slope * np.abs(s - k)), 0.0)
    prior = prior / np.maximum(prior.sum(axis=1, keepdims=True), 1e-300)
    p = prior * t[e[:, :, None], f[:, None]]
    total = p.sum(axis=1, keepdims=True)
    share = p / np.where(total > 0, total, 1.0)
    in_e, in_f = np.eye(len(t))[e] * (e >= 0)[..., None], np.eye(t.shape[1])[f] * (f >= 0)[..., None]
    counts = np.einsum("nst,nsv,ntw->vw", share, in_e, in_f)
    n = counts.sum(axis=1, keepdims=True)
    return np.where(n > 0, counts / np.where(n > 0, n, 1.0), t), np.log(total[total > 0]).sum()


# 4. best_route

route = exercise("best_route", points=2, returns=("best", "first"))


@route.inputs(L=(5, 2, 7, 6), hops=(2, 1, 3, 4), tenths=(5, 8, 4, 3))
def draw_route(rng, L, hops, tenths):
    """The diagonal holds something, and is not to be read."""
    return {"quality": rng.uniform(0.3, 1, size=(L, L)) * (rng.random((L, L)) < tenths / 10), "hops": hops}


@route.inputs(L=(6, 5), hops=(3, 2), says="a chain of good translations beats a direct one that is bad")
def draw_route_chain(rng, L, hops):
    quality, order = rng.uniform(0.05, 0.5, size=(L, L)), rng.permutation(L)
    quality[order, np.roll(order, -1)] = rng.uniform(0.9, 0.99, size=L)
    quality[order[0], order[2]] = 0.0
    return {"quality": quality, "hops": hops}


@route.answer
def every_route(quality, hops):
    L = len(quality)
    best, first = np.zeros((L, L)), np.full((L, L), -1)

    def go(start, here, value, left, taken):
        if value > best[start, here]:
            best[start, here], first[start, here] = value, taken
        for there in range(L) if left else ():
            if there != here and quality[here, there] > 0:
                go(start, there, value * quality[here, there], left - 1, there if taken < 0 else taken)

    for a in range(L):
        go(a, a, 1.0, hops, -1)
        first[a, a] = a
    return best, first


@route.answer
def with_logarithms(quality, hops):
    L = len(quality)
    with np.errstate(divide="ignore"):
        cost = -np.log(quality)
    np.fill_diagonal(cost, 0.0)  # to stay costs nothing
    total, first = cost.copy(), np.where(np.isfinite(cost), np.arange(L), -1)
    for _ in range(hops - 1):
        longer = cost[:, :, None] + total  # (from, by, to)
        by = longer.argmin(axis=1)
        low = longer.min(axis=1)
        first = np.where(low < total - 1e-12, by, first)
        total = np.minimum(low, total)
    return np.exp(-total), first
