"""Inputs and other right answers for unit 20-named-entities; the known mistakes are in mistakes.py."""

import numpy as np

from rnncourse.authoring import exercise

LIBRARIES = ("seqeval", "sklearn", "torch", "scipy", "rnncourse.data")

# 1. spans

spans = exercise("spans", points=3, returns="found", forbidden=LIBRARIES)


def chain(rng, T, K, illegal):
    """Tags in which about a share of I- tags stands where it may not."""
    tags = [0]
    for _ in range(T):
        last = tags[-1]
        if last and rng.random() < 0.5:
            tags.append(last if last % 2 == 0 else last + 1)  # the name goes on
        elif rng.random() < illegal:
            tags.append(int(2 * rng.integers(1, K + 1)))  # I- of any type
        else:
            tags.append(int(rng.choice([0, 2 * rng.integers(0, K) + 1], p=[0.4, 0.6])))
    return np.array(tags[1:])


@spans.inputs(T=(14, 1, 25, 18), K=(3, 2, 2, 3))
def draw_spans(rng, T, K):
    return {"tags": chain(rng, T, K, 0.35), "strict": bool(rng.integers(2))}


@spans.inputs(T=(16, 22, 12), K=(2, 3, 2), says="strict, and I- tags begin names")
def draw_spans_strict(rng, T, K):
    tags = chain(rng, T, K, 0.6)
    tags[:5] = [2, 2, 3, 2, 4]  # a name that begins the sentence with I-, and changes of type
    tags[-2:] = [1, 2]
    return {"tags": tags, "strict": True}


@spans.inputs(T=(16, 22, 12), K=(2, 3, 2), says="lenient, and I- tags begin names")
def draw_spans_lenient(rng, T, K):
    tags = chain(rng, T, K, 0.6)
    tags[:6] = [4, 4, 3, 2, 2, 1]
    tags[-3:] = [0, 2, 2]
    return {"tags": tags, "strict": False}


@spans.inputs(T=(7, 9), K=(2, 3), says="there is no name at all")
def draw_spans_none(rng, T, K):
    return {"tags": np.zeros(T, dtype=int), "strict": bool(rng.integers(2))}


@spans.answer
def by_runs(tags, strict):
    """A word begins a run unless it goes on with its neighbour's name."""
    kind, inside = (tags + 1) // 2, (tags > 0) & (tags % 2 == 0)
    before = np.concatenate([[0], kind[:-1]])
    begins = (tags > 0) & ~(inside & (before == kind))
    run = np.cumsum(begins) * (tags > 0)
    out = []
    for number in range(1, begins.sum() + 1):
        (places,) = np.nonzero(run == number)
        if not (strict and inside[places[0]]):
            out.append([places[0], places[-1] + 1, kind[places[0]] - 1])
    return np.array(out, dtype=int).reshape(-1, 3)


@spans.answer
def by_text(tags, strict):
    out, opened = [], None
    for t, tag in enumerate([*tags.tolist(), 0]):
        letter, kind = ("O", -1) if tag == 0 else ("BI"[(tag - 1) % 2], (tag - 1) // 2)
        if opened and (letter != "I" or kind != opened[1]):
            if opened[2] == "B" or not strict:
                out.append((opened[0], t, opened[1]))
            opened = None
        if letter != "O" and not opened:
            opened = (t, kind, letter)
    return np.array(out, dtype=int).reshape(-1, 3)


# 2. type_scores

type_scores = exercise("type_scores", points=2, returns=("precision", "recall", "f1", "micro"), forbidden=LIBRARIES)


def some_spans(rng, N, K):
    """Spans (sentence, begin, end, type), none twice, those of a sentence apart."""
    rows = [(n // 4, 5 * (n % 4) + 1, 5 * (n % 4) + rng.integers(2, 5), rng.integers(K)) for n in range(N)]
    return np.array(rows, dtype=int).reshape(-1, 4)


@type_scores.inputs(N=(24, 5, 40, 16), K=(3, 2, 4, 3))
def draw_type_scores(rng, N, K):
    """Of the true spans most are found; some have another type, begin, end or sentence."""
    true = some_spans(rng, N, K)
    found = true[rng.random(N) < 0.8].copy()
    wrong = rng.random(len(found))
    found[wrong < 0.2, 3] = (found[wrong < 0.2, 3] + 1) % K
    found[(wrong > 0.2) & (wrong < 0.35), 2] += 1
    found[(wrong > 0.35) & (wrong < 0.45), 0] += 50
    found[(wrong > 0.45) & (wrong < 0.6), 1] -= 1
    extra = some_spans(rng, max(N // 3, 1), K) + np.array([90, 0, 0, 0])
    return {"true": true, "found": rng.permutation(np.concatenate([found, extra])), "K": K}


@type_scores.inputs(N=(18, 12), K=(4, 3), says="a type is never true, and another is never found")
def draw_type_scores_empty(rng, N, K):
    inputs = draw_type_scores(rng, N, K)
    inputs["true"] = inputs["true"][inputs["true"][:, 3] != 0]
    inputs["found"] = inputs["found"][inputs["found"][:, 3] != 1]
    return inputs


@type_scores.inputs(N=(6, 9), K=(2, 3), says="nothing is found")
def draw_type_scores_none(rng, N, K):
    return {"true": some_spans(rng, N, K), "found": np.zeros((0, 4), dtype=int), "K": K}


@type_scores.answer
def with_sets(true, found, K):
    a, b = ({tuple(row) for row in rows.tolist()} for rows in (true, found))
    count = np.array([[sum(row[3] == k for row in s) for k in range(K)] for s in (a & b, a, b)], dtype=float)
    hits, needed, said = count
    total = needed.sum() + said.sum()
    return (
        hits / np.maximum(said, 1),
        hits / np.maximum(needed, 1),
        2 * hits / np.maximum(needed + said, 1),
        2 * hits.sum() / total if total else 0.0,
    )


@type_scores.answer
def with_all_pairs(true, found, K):
    same = (true[:, None] == found[None]).all(axis=2)
    p, r, f = np.zeros(K), np.zeros(K), np.zeros(K)
    for k in range(K):
        if (found[:, 3] == k).any():
            p[k] = same.any(axis=0)[found[:, 3] == k].mean()
        if (true[:, 3] == k).any():
            r[k] = same.any(axis=1)[true[:, 3] == k].mean()
        if p[k] + r[k] > 0:
            f[k] = 2 * p[k] * r[k] / (p[k] + r[k])
    return p, r, f, 2 * same.sum() / max(len(true) + len(found), 1)


# 3. marginals

marginals = exercise("marginals", points=3, returns=("p", "log_Z"))


@marginals.inputs(T=(6, 1, 9, 4), K=(4, 3, 2, 5))
def draw_marginals(rng, T, K):
    return {
        "scores": 2 * rng.normal(size=(T, K)),
        "transitions": 2 * rng.normal(size=(K, K)),
        "start": rng.normal(size=K),
    }


@marginals.inputs(T=(5, 7), K=(4, 3), says="some transitions are forbidden: -1e4")
def draw_marginals_forbidden(rng, T, K):
    inputs = draw_marginals(rng, T, K)
    inputs["transitions"][0, K - 1] = inputs["transitions"][1, 0] = inputs["start"][K - 1] = -1e4
    return inputs


@marginals.inputs(T=(6, 8), K=(3, 4), says="scores are in the hundreds")
def draw_marginals_large(rng, T, K):
    inputs = draw_marginals(rng, T, K)
    inputs["scores"] += rng.uniform(150, 200, size=(T, 1))
    return inputs


@marginals.answer
def by_scaling(scores, transitions, start):
    T, _ = scores.shape
    highest, moves = scores.max(axis=1, keepdims=True), np.exp(transitions)
    weight, ahead, log_Z = np.exp(scores - highest), [], float(highest.sum())
    a = np.exp(start)
    for t in range(T):
        a = (a if t == 0 else a @ moves) * weight[t]
        log_Z += np.log(a.sum())
        a = a / a.sum()
        ahead.append(a)
    b, p = np.ones_like(a), [None] * T
    for t in range(T - 1, -1, -1):
        p[t] = ahead[t] * b / (ahead[t] * b).sum()
        b = moves @ (weight[t] * b)
        b = b / b.sum()
    return np.array(p), log_Z


@marginals.answer
def by_clamping(scores, transitions, start):
    def total(s):
        a = start + s[0]
        for row in s[1:]:
            a = np.logaddexp.reduce(a[:, None] + transitions, axis=0) + row
        return np.logaddexp.reduce(a)

    log_Z, p = total(scores), np.zeros(scores.shape)
    for t in range(len(scores)):
        for k in range(scores.shape[1]):
            only = scores.copy()
            only[t] = -np.inf
            only[t, k] = scores[t, k]
            p[t, k] = np.exp(total(only) - log_Z)
    return p, log_Z


# 4. leave_out

leave_out = exercise("leave_out", points=2, returns="part")


@leave_out.inputs(N=(30, 1, 45, 24), K=(6, 4, 8, 5))
def draw_leave_out(rng, N, K):
    """Sentences of one to three forms and none to three people; the rest is -1."""
    forms, people = rng.integers(0, K, size=(N, 3)), rng.integers(0, K + 3, size=(N, 3))
    forms[np.arange(3) >= rng.integers(1, 4, size=N)[:, None]] = -1
    people[np.arange(3) >= rng.integers(0, 4, size=N)[:, None]] = -1
    return {
        "forms": forms,
        "people": people,
        "held_forms": rng.permutation(K)[: K // 2],
        "held_people": rng.permutation(K + 3)[: K // 2 + 1],
    }


@leave_out.inputs(N=(24, 30), K=(6, 5), says="most sentences are of one form and one person")
def draw_leave_out_single(rng, N, K):
    inputs = draw_leave_out(rng, N, K)
    inputs["forms"][: N // 2, 1:] = -1
    inputs["people"][: N // 2, 1:] = -1
    return inputs


@leave_out.answer
def sentence_by_sentence(forms, people, held_forms, held_people):
    out = []
    for these_forms, these_people in zip(forms.tolist(), people.tolist(), strict=True):
        new_forms = {f in held_forms for f in these_forms if f >= 0}
        new_people = {p in held_people for p in these_people if p >= 0} or {False}
        mixed = len(new_forms) > 1 or len(new_people) > 1
        out.append(-1 if mixed else 2 * new_people.pop() + new_forms.pop())
    return np.array(out)


@leave_out.answer
def with_counts(forms, people, held_forms, held_people):
    part = np.zeros(len(forms), dtype=int)
    for weight, ids, held in ((1, forms, held_forms), (2, people, held_people)):
        there = (ids >= 0).sum(axis=1)
        new = (ids[:, :, None] == held).any(axis=2).sum(axis=1)
        part += np.where(new == 0, 0, np.where(new == there, weight, -10))
    return np.maximum(part, -1)
