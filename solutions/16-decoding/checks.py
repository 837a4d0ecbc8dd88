"""Inputs and other right answers for unit 16-decoding; the known mistakes are in mistakes.py."""

import numpy as np

from rnncourse.authoring import exercise
from rnncourse.check import toys

# 1. nucleus

nucleus = exercise("nucleus", points=2, returns="q")


@nucleus.inputs(B=(3, 1, 4, 2), V=(6, 7, 9, 5), least=(1, 1, 3, 2))
def draw_nucleus(rng, B, V, least):
    tau, mass = rng.uniform([0.4, 0.4], [1.8, 0.9])
    return {"z": 2 * rng.normal(size=(B, V)), "tau": tau, "mass": mass, "least": least}


@nucleus.inputs(B=(2, 3), V=(6, 5), least=(1, 2), says="the logits of some rows are about 1000, of others -1000")
def draw_nucleus_large(rng, B, V, least):
    inputs = draw_nucleus(rng, B, V, least)
    return inputs | {"z": inputs["z"] + rng.permutation([1000, -1000, 0])[:B, None]}


@nucleus.inputs(B=(3,), V=(6,), least=(2,), says="one token holds more than the mass")
def draw_nucleus_sure(rng, B, V, least):
    inputs = draw_nucleus(rng, B, V, least)
    inputs["z"][np.arange(B), rng.integers(0, V, size=B)] += 8
    return inputs


@nucleus.answer
def row_by_row(z, tau, mass, least):
    q = np.zeros(z.shape)
    for b, row in enumerate(z):
        p = np.exp(row / tau - np.logaddexp.reduce(row / tau))
        held, kept = 0.0, []
        for v in sorted(range(len(p)), key=lambda v: -p[v]):
            if held >= mass and len(kept) >= least:
                break
            kept.append(v)
            held += p[v]
        q[b, kept] = p[kept] / held
    return q


@nucleus.answer
def by_the_smallest_kept(z, tau, mass, least):
    p = np.exp((z - z.max(axis=1, keepdims=True)) / tau)
    p = p / p.sum(axis=1, keepdims=True)
    down = -np.sort(-p, axis=1)
    count = np.maximum(least, 1 + (np.cumsum(down, axis=1) < mass).sum(axis=1))
    smallest = np.take_along_axis(down, np.minimum(count, z.shape[1])[:, None] - 1, axis=1)
    q = np.where(p >= smallest, p, 0)
    return q / q.sum(axis=1, keepdims=True)


# 2. typical

typical = exercise("typical", points=3, returns=("q", "entropy"))


@typical.inputs(B=(3, 1, 4, 2), V=(6, 7, 9, 5))
def draw_typical(rng, B, V):
    z = 1.5 * rng.normal(size=(B, V))
    return {"log_p": z - np.logaddexp.reduce(z, axis=1, keepdims=True), "mass": rng.uniform(0.2, 0.9)}


@typical.inputs(B=(3, 2), V=(7, 6), says="some tokens are forbidden, their log_p is minus infinity")
def draw_typical_forbidden(rng, B, V):
    z = 1.5 * rng.normal(size=(B, V))
    z[np.arange(B), rng.integers(0, V, size=B)] = -np.inf
    z[:, rng.integers(V)] = -np.inf
    return {"log_p": z - np.logaddexp.reduce(z, axis=1, keepdims=True), "mass": rng.uniform(0.3, 0.8)}


@typical.answer
def typical_row_by_row(log_p, mass):
    q, entropy = np.zeros(log_p.shape), np.zeros(len(log_p))
    for b, row in enumerate(log_p):
        can = [v for v in range(len(row)) if row[v] > -np.inf]
        entropy[b] = -sum(np.exp(row[v]) * row[v] for v in can)
        held = 0.0
        for v in sorted(can, key=lambda v: abs(row[v] + entropy[b])):
            if held >= mass:
                break
            q[b, v] = np.exp(row[v])
            held += q[b, v]
        q[b] /= held
    return q, entropy


@typical.answer
def typical_with_ranks(log_p, mass):
    p = np.exp(log_p)
    surprise = np.where(p > 0, -log_p, 0)
    entropy = np.einsum("bv,bv->b", p, surprise)
    distance = np.where(p > 0, np.abs(surprise - entropy[:, None]), np.inf)
    nearer = (distance[:, None, :] < distance[:, :, None]) * p[:, None, :]  # (B, V, other V)
    q = np.where(nearer.sum(axis=2) < mass, p, 0)
    return q / q.sum(axis=1, keepdims=True), entropy


# 3. beam

beam = exercise("beam", points=4, returns=("tokens", "score"))
MODELS = toys.garden_path, toys.wandering, toys.tiring, toys.never_ending


@beam.inputs(
    k=(0, 0, 0, 1, 1, 2, 1, 1, 2),
    K=(1, 2, 3, 2, 4, 2, 6, 4, 4),
    tenths=(0, 0, 10, 0, 7, 15, 15, 5, 15),
    limit=(8, 8, 8, 7, 7, 6, 6, 8, 6),
)
def draw_beam(rng, k, K, tenths, limit):
    return {"next_log_p": MODELS[k], "K": K, "alpha": tenths / 10, "limit": limit}


@beam.inputs(
    k=(3, 1, 1, 3),
    K=(2, 2, 4, 4),
    tenths=(5, 10, 5, 5),
    limit=(4, 2, 4, 6),
    says="the limit comes before most have ended",
)
def draw_beam_short(rng, k, K, tenths, limit):
    return draw_beam(rng, k, K, tenths, limit)


@beam.answer
def with_two_lists(next_log_p, K, alpha, limit):
    going, ended = [(0.0, [])], []
    for n in range(1, limit + 1):
        pool = [(s / len(t) ** alpha, s, t, True) for s, t in ended]
        for s, t in going:
            pool += [((s + lp) / n**alpha, s + lp, [*t, v], v == 0) for v, lp in enumerate(next_log_p(tuple(t)))]
        pool = sorted(pool, key=lambda h: -h[0])[:K]
        going = [(s, t) for _, s, t, done in pool if not done]
        ended = [(s, t) for _, s, t, done in pool if done]
        if not going:
            break
    score, tokens = max((s / len(t) ** alpha, t) for s, t in ended or going)
    return np.array(tokens), score


@beam.answer
def without_stopping_early(next_log_p, K, alpha, limit):
    """Goes on to the limit: finished hypotheses only wait."""
    kept = [((), 0.0)]
    for _ in range(limit):
        grown = []
        for tokens, total in kept:
            if tokens and tokens[-1] == 0:
                grown.append((tokens, total))
            else:
                grown += [((*tokens, v), total + lp) for v, lp in enumerate(next_log_p(tokens))]
        grown.sort(key=lambda h: h[1] / len(h[0]) ** alpha, reverse=True)
        kept = grown[:K]
    done = [h for h in kept if h[0][-1] == 0]
    tokens, total = (done or kept)[0]
    return np.array(tokens), total / len(tokens) ** alpha


# 4. closing

closing = exercise("closing", points=3, returns="q")
OPEN, CLOSE = (1, 3), (2, 4)


def beginning(rng, T, least):
    """A text without a wrong bracket, and how many of its brackets are open."""
    ids, stack = [], []
    for _ in range(T):
        may = [1, 3, 5] + ([stack[-1] + 1] * 2 if stack else [])
        v = int(rng.choice(may))
        if v in OPEN:
            stack.append(v)
        elif v in CLOSE:
            stack.pop()
        ids.append(v)
    return (ids, stack) if len(stack) >= least else beginning(rng, T, least)


@closing.inputs(T=(5, 0, 8, 3, 6, 7), least=(1, 0, 2, 0, 2, 3), more=(9, 4, 6, 5, 8, 4))
def draw_closing(rng, T, least, more):
    ids, stack = beginning(rng, T, least)
    z = rng.normal(size=6)
    return {"ids": np.array(ids, dtype=int), "log_p": z - np.logaddexp.reduce(z), "left": len(stack) + more}


@closing.inputs(T=(4, 6, 7, 2, 5, 6), least=(1, 2, 2, 0, 0, 1), more=(1, 1, 2, 1, 2, 3), says="little room is left")
def draw_closing_tight(rng, T, least, more):
    return draw_closing(rng, T, least, more)


@closing.inputs(T=(4, 5, 7, 6), least=(1, 1, 2, 1), more=(5, 2, 4, 6), says="a bracket has just been closed in another")
def draw_closing_nested(rng, T, least, more):
    """What was opened last is closed, and of another kind than what is open; the outermost is another again."""
    while True:
        inputs = draw_closing(rng, T, least, more)
        stack, last = [], None
        for v in inputs["ids"]:
            if v in OPEN:
                stack.append(v)
            elif v in CLOSE:
                last = stack.pop()
        if len(stack) >= least and last not in (None, stack[-1]) and (least < 2 or stack[0] != stack[-1]):
            return inputs


@closing.answer
def by_replacing_pairs(ids, log_p, left):
    """What is open is what is left when pairs are taken out."""
    text = "".join(".()[]x"[v] for v in ids).replace("x", "")
    while "()" in text or "[]" in text:
        text = text.replace("()", "").replace("[]", "")
    may = []
    if not text:
        may.append(0)
    if text.endswith("("):
        may.append(2)
    if text.endswith("["):
        may.append(4)
    if len(text) + 2 <= left:
        may.append(5)
    if len(text) + 3 <= left:
        may += [1, 3]
    q = np.zeros(6)
    q[may] = np.exp(log_p[may] - np.logaddexp.reduce(log_p[may]))
    return q


@closing.answer
def token_by_token(ids, log_p, left):
    def fits(v):
        stack = []
        for w in [*ids, v]:
            if w in OPEN:
                stack.append(w)
            elif w in CLOSE:
                if not stack or stack.pop() != w - 1:
                    return False
        return not stack if v == 0 else len(stack) + 1 <= left - 1

    q = np.exp(log_p) * [fits(v) for v in range(6)]
    return q / q.sum()


# 5. copied_runs

runs = exercise("copied_runs", points=3, returns=("length", "share"))


TOKENS = np.array([1, 2, 12, 21])  # as text, one stands within another


@runs.inputs(T=(14, 9, 1, 20), N=(30, 12, 5, 60), V=(3, 2, 2, 4), least=(3, 2, 1, 4))
def draw_runs(rng, T, N, V, least):
    source = rng.integers(0, V, size=N)
    ids = rng.integers(0, V, size=T)
    if T > 8:  # a stretch that is copied, and one that is copied and goes on wrongly
        n = T // 3
        begin = int(rng.integers(0, N - n))
        ids[1 : 1 + n] = source[begin : begin + n]
        ids[T - n :] = source[N - n :]
    return {"ids": TOKENS[ids], "source": TOKENS[source], "least": least}


@runs.inputs(T=(6, 12), N=(4, 7), V=(2, 3), least=(2, 3), says="the source is shorter than the text")
def draw_runs_short_source(rng, T, N, V, least):
    return {"ids": rng.integers(0, V, size=T), "source": rng.integers(0, V, size=N), "least": least}


@runs.answer
def by_looking_back(ids, source, least):
    length = np.zeros(len(ids), dtype=int)
    for t in np.arange(ids.size):
        for end in range(len(source)):
            n = 0
            while n <= min(t, end) and ids[t - n] == source[end - n]:
                n += 1
            length[t] = max(length[t], n)
    inside = {s for t, n in enumerate(length) if n >= least for s in range(t - n + 1, t + 1)}
    return length, len(inside) / len(ids)


@runs.answer
def with_sets(ids, source, least):
    ids, source = tuple(ids.tolist()), tuple(source.tolist())
    known = [{source[i : i + n] for i in range(len(source) - n + 1)} for n in range(len(ids) + 1)]
    length = np.array(
        [max(n for n in range(t + 2) if ids[t + 1 - n : t + 1] in known[n] or n == 0) for t in range(len(ids))]
    )
    covered = np.zeros(len(ids) + 1, dtype=int)
    for t in np.flatnonzero(length >= least):
        covered[t - length[t] + 1] += 1
        covered[t + 1] -= 1
    return length, float((covered.cumsum()[:-1] > 0).mean())
