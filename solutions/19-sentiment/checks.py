"""Inputs and other right answers for unit 19-sentiment; the known mistakes are in mistakes.py."""

import numpy as np

from rnncourse.authoring import exercise

# 1. turned

turned = exercise("turned", points=3, returns="turns")
NEGATIONS, STOPS = np.array([3, 7]), np.array([1, 5])


@turned.inputs(T=(14, 1, 25, 18), reach=(4, 2, 6, 3))
def draw_turned(rng, T, reach):
    """Ids 0 to 9, of which two negate and two are punctuation."""
    p = np.full(10, 0.06)
    p[NEGATIONS], p[STOPS] = 0.18, 0.08
    return {
        "ids": rng.choice(10, size=T, p=p / p.sum()),
        "negations": NEGATIONS,
        "stops": STOPS,
        "reach": reach,
    }


@turned.inputs(T=(16, 22), reach=(5, 7), says="a negation stands shortly before a punctuation mark")
def draw_turned_cut(rng, T, reach):
    inputs = draw_turned(rng, T, reach)
    places = rng.choice(np.arange(2, T - 5, 4), size=2, replace=False)
    for place in places:
        inputs["ids"][place : place + 4] = [rng.choice(NEGATIONS), 2, rng.choice(STOPS), 4]
    return inputs


@turned.inputs(T=(20, 26), reach=(3, 2), says="clauses are long, so that the reach ends within them")
def draw_turned_long(rng, T, reach):
    """A negation in every fifth place or so, and one punctuation mark."""
    ids = rng.choice([0, 2, 4, 6, 8, 9], size=T)
    for place in range(int(rng.integers(0, 3)), T, 5):
        ids[place] = rng.choice(NEGATIONS)
        if rng.random() < 0.5:
            ids[min(place + 2, T - 1)] = rng.choice(NEGATIONS)
    ids[T // 2] = rng.choice(STOPS)
    return {"ids": ids, "negations": NEGATIONS, "stops": STOPS, "reach": reach}


@turned.answer
def all_pairs(ids, negations, stops, reach):
    t, s = np.arange(len(ids))[:, None], np.arange(len(ids))
    part = np.cumsum(np.isin(ids, stops))  # a stop begins a new part
    holds = (s < t) & (s >= t - reach) & (part[:, None] == part) & np.isin(ids, negations) & ~np.isin(ids, stops)
    return np.where(np.isin(ids, stops), 0, holds.sum(axis=1) % 2)


@turned.answer
def with_a_list(ids, negations, stops, reach):
    negations, stops, active, out = set(negations.tolist()), set(stops.tolist()), [], []
    for t, word in enumerate(ids.tolist()):
        if word in stops:
            active = []
        active = [s for s in active if t - s <= reach]
        out.append(len(active) % 2)
        if word in negations:
            active.append(t)
    return np.array(out)


# 2. gram_vector

grams = exercise("gram_vector", points=2, returns="x")


@grams.inputs(T=(12, 1, 30, 20), G=(7, 3, 9, 6), V=(3, 2, 3, 2))
def draw_grams(rng, T, G, V):
    """Most n-grams are taken from the document, of 1 to 3 words, and no two are equal."""
    ids, table = rng.integers(0, V, size=T), [(0, -1, -1), (1, 1, -1)]
    if T > 5:
        ids[2:5] = 1  # 1 1 occurs twice in 1 1 1
    while len(table) < G:
        n = int(rng.integers(1, 4))
        begin = int(rng.integers(0, max(1, T - n + 1)))
        words = ids[begin : begin + n].tolist() if T > 5 else rng.integers(0, V, size=n).tolist()
        gram = (*words, *[-1] * (3 - len(words)))
        if gram not in table:
            table.append(gram)
    return {"ids": ids, "grams": np.array(table)[rng.permutation(G)]}


@grams.inputs(T=(6, 9), G=(3, 4), says="the document has none of these n-grams")
def draw_grams_none(rng, T, G):
    table = np.array([[7, 8, -1], [9, -1, -1], [2, 7, 1], [8, 8, 9]])
    return {"ids": rng.integers(0, 4, size=T), "grams": table[:G]}


@grams.inputs(T=(25, 40), G=(6, 8), says="some words have numbers of two digits")
def draw_grams_digits(rng, T, G):
    inputs, numbers = draw_grams(rng, T, G, 3), np.array([1, 12, 21, -1])
    inputs["grams"][:2] = rng.integers(0, 3, size=(2, 3))  # perhaps in the document, perhaps not
    inputs["grams"][2] = [0, -1, -1]
    return {"ids": numbers[inputs["ids"]], "grams": numbers[inputs["grams"]]}


@grams.answer
def with_a_counter(ids, grams):
    words, found = ids.tolist(), {}
    for begin in range(len(words)):
        for n in (1, 2, 3):
            if begin + n <= len(words):
                key = tuple(words[begin : begin + n])
                found[key] = found.get(key, 0) + 1
    x = np.array([found.get(tuple(v for v in gram if v >= 0), 0) for gram in grams.tolist()], dtype=float)
    return x / (np.linalg.norm(x) or 1.0)


@grams.answer
def with_windows(ids, grams):
    longer = np.concatenate([ids, np.full(grams.shape[1], -2)])  # no window is too short
    windows = np.lib.stride_tricks.sliding_window_view(longer, grams.shape[1])
    x = ((windows[:, None] == grams) | (grams < 0)).all(axis=2)[: len(ids)].sum(axis=0)
    return x / max(np.sqrt((x**2).sum()), 1e-12)


# 3. verdicts

verdicts = exercise("verdicts", points=2, returns=("p", "settled"))


@verdicts.inputs(T=(7, 1, 12, 9), B=(3, 2, 1, 5), H=(4, 3, 2, 3))
def draw_verdicts(rng, T, B, H):
    return {
        "h": rng.uniform(-1, 1, size=(T, B, H)),
        "w": 2 * rng.normal(size=H),
        "b": rng.normal() / 2,
        "lengths": rng.permutation(np.concatenate([[T], rng.integers(1, T + 1, size=B - 1)])),
    }


@verdicts.inputs(T=(9, 11), B=(4, 3), H=(3, 4), says="every review is shorter than the array")
def draw_verdicts_short(rng, T, B, H):
    return draw_verdicts(rng, T, B, H) | {"lengths": rng.integers(2, T - 2, size=B)}


@verdicts.inputs(T=(8, 10), B=(4, 5), H=(4, 2), says="some logits are exactly 0")
def draw_verdicts_halves(rng, T, B, H):
    inputs, w = draw_verdicts(rng, T, B, H), rng.choice([-1.0, 1.0], size=H)
    h = rng.integers(-2, 3, size=(T, B, H)) / 4  # sums of such numbers are exact
    h[rng.random((T, B)) < 0.4] = -0.25 * w / H
    return inputs | {"h": h, "w": w, "b": 0.25}


@verdicts.inputs(T=(6, 9), B=(3, 2), H=(4, 3), says="some logits are large")
def draw_verdicts_large(rng, T, B, H):
    inputs = draw_verdicts(rng, T, B, H)
    w = rng.choice([-1, 1], size=H) * rng.uniform(1, 2, size=H)
    inputs["h"][rng.integers(T), :] = 1000 * np.sign(w)
    return inputs | {"w": w}


@verdicts.answer
def one_by_one(h, w, b, lengths):
    T, B, _ = h.shape
    p, settled = np.zeros((T, B)), np.zeros(B, dtype=int)
    for k in range(B):
        for t in range(T):
            p[t, k] = 1 / (1 + np.exp(-(h[min(t, lengths[k] - 1), k] @ w + b)))
        yes = p[:, k] > 0.5
        while not (yes[settled[k] :] == yes[-1]).all():
            settled[k] += 1
    return p, settled


@verdicts.answer
def from_the_back(h, w, b, lengths):
    z = np.einsum("tbh,h->tb", h, w) + b
    last = z[lengths - 1, np.arange(len(lengths))]
    z = np.where(np.arange(len(z))[:, None] < lengths, z, last)
    same = (z > 0) == (last > 0)
    run = np.cumprod(same[::-1], axis=0).sum(axis=0)  # agreeing from the back
    return 0.5 * (1 + np.tanh(z / 2)), len(z) - run


# 4. calibration

calibration = exercise("calibration", points=3, returns=("error", "worst"))


@calibration.inputs(N=(40, 1, 25, 90), K=(5, 3, 10, 4))
def draw_calibration(rng, N, K):
    p = rng.beta(0.7, 0.9, size=N)
    if N > 5:
        p = np.where((p > 0.4) & (p < 0.6), p / 3, p)  # a bin in the middle is thin or empty
    return {"p": p, "y": (rng.random(N) < 0.15 + 0.5 * p).astype(int), "K": K}


@calibration.inputs(N=(40, 30), K=(4, 8), says="some probabilities are 0, 1 or on the border of two bins")
def draw_calibration_borders(rng, N, K):
    inputs = draw_calibration(rng, N, K)
    some = rng.choice(N, size=N // 2, replace=False)
    inputs["p"][some] = rng.choice([0.0, 0.25, 0.5, 0.75, 1.0, 1.0], size=N // 2)
    return inputs


@calibration.answer
def bin_by_bin(p, y, K):
    error, worst = 0.0, 0.0
    for k in range(K):
        inside = (p >= k / K) & ((p < (k + 1) / K) | (k == K - 1))
        if inside.any():
            gap = abs(y[inside].mean() - p[inside].mean())
            error, worst = error + inside.mean() * gap, max(worst, gap)
    return error, worst


@calibration.answer
def with_a_histogram(p, y, K):
    edges = np.linspace(0, 1, K + 1)
    surplus = np.histogram(p, edges, weights=y - p)[0]  # sums: counts cancel
    count = np.histogram(p, edges)[0]
    return np.abs(surplus).sum() / p.size, (np.abs(surplus) / np.maximum(count, 1)).max()
