"""Inputs and other right answers for unit 15-language-models; the known mistakes are in mistakes.py."""

from collections import Counter

import numpy as np

from rnncourse.authoring import exercise
from rnncourse.check import toys

# 1. word_scores

scores = exercise("word_scores", points=3, returns=("perplexity", "bits"))


@scores.inputs(T=(5, 4, 7, 6), B=(3, 1, 4, 2), V=(6, 5, 8, 7), A=(40, 98, 60, 30))
def draw_scores(rng, T, B, V, A):
    lengths = rng.integers(1, T, size=B)
    lengths[rng.integers(B)] = T if B > 1 else T - 1
    unk = int(rng.integers(V))
    targets = rng.integers(0, V, size=(T, B))
    targets[0, rng.integers(B)] = unk
    width = rng.integers(1, 10, size=(T, B))
    logits = 2 * rng.normal(size=(T, B, V))
    return {"logits": logits, "targets": targets, "lengths": lengths, "width": width, "unk": unk, "A": A}


@scores.inputs(T=(4, 6), B=(3, 2), V=(6, 5), A=(50, 98), says="the logits of some tokens are about 1000")
def draw_scores_large(rng, T, B, V, A):
    inputs = draw_scores(rng, T, B, V, A)
    return inputs | {"logits": inputs["logits"] + rng.choice([1000, -1000, 0], size=(T, B, 1))}


@scores.answer
def text_by_text(logits, targets, lengths, width, unk, A):
    nats = extra = 0.0
    characters = 0
    for b, n in enumerate(lengths):
        for t in range(n):
            nats += np.logaddexp.reduce(logits[t, b]) - logits[t, b, targets[t, b]]
            extra += (targets[t, b] == unk) * width[t, b] * np.log(A)
            characters += width[t, b]
    return np.exp(nats / lengths.sum()), (nats + extra) / characters / np.log(2)


@scores.answer
def with_weights(logits, targets, lengths, width, unk, A):
    """All cells are scored, and padding has the weight 0."""
    weight = (np.arange(len(logits))[:, None] < lengths) * 1.0
    p = np.exp(logits - logits.max(axis=2, keepdims=True))
    p = p / p.sum(axis=2, keepdims=True)
    bits = -np.log2((p * np.eye(logits.shape[2])[targets]).sum(axis=2))
    spelled = bits + (targets == unk) * width * np.log2(A)
    return 2 ** np.average(bits, weights=weight), np.average(spelled, weights=weight) / np.average(
        width, weights=weight
    )


# 2. vocabulary

vocabulary = exercise("vocabulary", points=2, returns=("train ids", "held-out ids", "unknown"))
WORDS = "a of axis array shape return if not given default value float sum mean zero Notes See Also x".split()


@vocabulary.inputs(N=(30, 24, 45, 60), M=(12, 9, 7, 20), least=(2, 3, 2, 4))
def draw_vocabulary(rng, N, M, least):
    """Train has words below, at and above the threshold, and ties; held out are also new ones."""
    pool = rng.permutation(WORDS).tolist()
    at, above, below = pool[:3], [*pool[3:5], "the"], [*pool[6:8], "The"]
    tail = at * least + above * (least + 2) + [above[0]] * 2 + below * (least - 1)
    train = rng.permutation(tail + rng.choice(pool[3:6] + pool[9:12], size=max(0, N - len(tail))).tolist()).tolist()
    held_out = rng.choice([*at, *above, *below, *pool[-4:]], size=M).tolist()
    return {"train": train, "held_out": held_out + [below[0], pool[-1], pool[-1], *at, below[1]], "least": least}


@vocabulary.answer
def by_counter(train, held_out, least):
    """Counter.most_common keeps the order of first appearance among equals."""
    number = {}
    for word, count in Counter(train).most_common():
        if count >= least:
            number[word] = len(number) + 1
    ids = [np.array([number.get(w, 0) for w in part]) for part in (train, held_out)]
    return *ids, 1 - sum(w in number for w in held_out) / len(held_out)


@vocabulary.answer
def by_unique(train, held_out, least):
    words, first, counts = np.unique(train, return_index=True, return_counts=True)
    order = np.lexsort((first, -counts))
    known = words[order[counts[order] >= least]].tolist()

    def encoded(part):
        return np.array([known.index(w) + 1 if w in known else 0 for w in part])

    return encoded(train), encoded(held_out), np.count_nonzero(encoded(held_out) == 0) / len(held_out)


# 3. document_loss

document = exercise("document_loss", points=3, returns=("nats", "tokens"))
MODELS = toys.fading_window, toys.neighbour_window


@document.inputs(k=(0, 1, 0, 1), V=(4, 5, 3, 4), K=(3, 2, 4, 3), T=(4, 3, 5, 2), longest=(11, 13, 12, 9))
def draw_document(rng, k, V, K, T, longest):
    sizes = rng.integers(2, longest + 1, size=K)
    sizes[rng.integers(K)] = longest  # several windows
    if K > 2:
        sizes[rng.permutation(K)[0]] = T + 2  # a last window of one token
    ids = rng.integers(0, V, size=sizes.sum())
    for i in range(1, len(ids)):  # a text that the models can predict in part
        if rng.uniform() < 0.5:
            ids[i] = (ids[i - 1] + k) % V
    numbers = rng.permutation(20)[:K]
    h0 = rng.uniform(-0.5, 1.0, size=V)
    return {"model": MODELS[k], "ids": ids, "document": np.repeat(numbers, sizes), "h0": h0, "T": T}


@document.inputs(k=(1, 0), V=(4, 3), K=(4, 5), T=(4, 3), longest=(7, 9), says="some documents are a single token")
def draw_document_short(rng, k, V, K, T, longest):
    inputs = draw_document(rng, k, V, K, T, longest)
    numbers = 20 + rng.permutation(9)[:2]
    inputs["ids"] = np.concatenate([rng.integers(0, V, size=1), inputs["ids"], rng.integers(0, V, size=1)])
    inputs["document"] = np.concatenate([numbers[:1], inputs["document"], numbers[1:]])
    return inputs


@document.answer
def token_by_token(model, ids, document, h0, T):
    total, tokens, h = 0.0, 0, h0
    for i in range(len(ids) - 1):
        if i == 0 or document[i] != document[i - 1]:
            h = h0
        log_p, h = model(ids[i : i + 1], h)
        if document[i] == document[i + 1]:
            total, tokens = total - log_p[0, ids[i + 1]], tokens + 1
    return total / tokens, tokens


@document.answer
def cut_everywhere(model, ids, document, h0, T):
    """Windows end at multiples of T in the whole text and wherever a document ends."""
    ends = np.append(np.flatnonzero(document[1:] != document[:-1]) + 1, len(ids))
    cuts = sorted({*range(0, len(ids), T), *ends.tolist()})
    losses, h = [], h0
    for i, j in zip(cuts[:-1], cuts[1:], strict=True):
        if i in ends:
            h = h0
        log_p, h = model(ids[i:j], h)
        last = j in ends  # the last token of a document predicts nothing
        losses += [-row[v] for row, v in zip(log_p[: len(log_p) - last], ids[i + 1 : j + 1], strict=False)]
    return np.mean(losses), len(losses)


# 4. kneser_ney

kneser = exercise("kneser_ney", points=4, returns=("p", "q", "D"))


@kneser.inputs(V=(5, 6, 8, 7))
def draw_kneser(rng, V):
    pairs = rng.poisson(3 * rng.uniform(0.1, 1, size=V)[:, None] * rng.uniform(0, 1, size=V) ** 2, size=(V, V))
    i, j, k = rng.permutation(V)[:3]
    pairs[i] = [0, 1, 2, 3, 1, 0, 2, 1][:V]
    pairs[:, j] = 0
    pairs[j, i] = 9  # a frequent token that follows few others
    pairs[k] = 0
    return {"pairs": pairs}


@kneser.inputs(V=(4, 6), says="no count is 2")
def draw_kneser_no_twos(rng, V):
    pairs = rng.choice([0, 0, 1, 1, 3, 5], size=(V, V))
    pairs[0, :3], pairs[1, :2] = [1, 3, 0], [0, 1]
    return {"pairs": pairs[rng.permutation(V)][:, rng.permutation(V)]}


@kneser.answer
def entry_by_entry(pairs):
    V = len(pairs)
    found = [(i, j) for i in range(V) for j in range(V) if pairs[i, j]]
    values = Counter(int(pairs[pair]) for pair in found)
    D = values[1] / (values[1] + 2 * values[2])
    before = Counter(j for _, j in found)
    q = np.array([D * len(before) / len(found) / V] * V)
    for j, n in before.items():
        q[j] += (n - D) / len(found)
    p = np.tile(q, (V, 1))
    for i in range(V):
        kinds, total = np.count_nonzero(pairs[i]), sum(pairs[i])
        if total:
            for j in range(V):
                p[i, j] = D * kinds / total * q[j] + max(pairs[i, j] - D, 0) / total
    return p, q, D


@kneser.answer
def with_clipping(pairs):
    """What is given up is counted, and not derived: the difference of the counts."""
    seen = (pairs > 0) * 1.0
    D = seen[pairs == 1].sum() / (seen[pairs == 1].sum() + 2 * seen[pairs == 2].sum())

    def smoothed(counts, lower):
        kept = np.clip(counts - D, 0, None)
        freed = (counts - kept).sum(axis=-1, keepdims=True)
        total = np.where(counts.any(axis=-1, keepdims=True), counts.sum(axis=-1, keepdims=True), 1)
        return np.where(counts.any(axis=-1, keepdims=True), (kept + freed * lower) / total, lower)

    q = smoothed(seen.sum(axis=0), 1 / len(pairs))
    return smoothed(pairs * 1.0, q), q, D


# 5. recency_cache

cache = exercise("recency_cache", points=3, returns="mixed")


@cache.inputs(T=(14, 10, 24, 30), V=(3, 2, 4, 3), N=(5, 3, 8, 6), K=(2, 1, 3, 4))
def draw_cache(rng, T, V, N, K):
    cuts = np.sort(rng.permutation(np.arange(3, T - 2))[: K - 1])
    document = np.repeat(rng.permutation(20)[:K], np.diff([0, *cuts, T]))
    decay, share = rng.uniform([0.4, 0.2], [0.9, 0.8])
    p = rng.uniform(0.02, 0.6, size=T)
    ids = rng.integers(0, V, size=T)
    return {"ids": ids, "document": document, "p": p, "N": N, "decay": decay, "share": share}


@cache.inputs(T=(14, 20), V=(3, 3), N=(4, 6), K=(1, 2), says="all tokens of the cache count alike")
def draw_cache_flat(rng, T, V, N, K):
    return draw_cache(rng, T, V, N, K) | {"decay": 1.0}


@cache.inputs(T=(12, 18), V=(3, 4), N=(40, 20), K=(2, 3), says="the cache never fills")
def draw_cache_long(rng, T, V, N, K):
    return draw_cache(rng, T, V, N, K)


@cache.answer
def with_a_triangle(ids, document, p, N, decay, share):
    t = np.arange(len(ids))
    age = t[:, None] - t  # (T, T)
    held = (age > 0) & (age <= N) & (document[:, None] == document)
    weight = np.where(held, decay ** np.clip(age, 0, None), 0)
    total = weight.sum(axis=1)
    c = np.where(ids[:, None] == ids, weight, 0).sum(axis=1) / np.where(total > 0, total, 1)
    return np.where(total > 0, p + share * (c - p), p)


@cache.answer
def with_a_deque(ids, document, p, N, decay, share):
    mixed, last, held = [], None, []
    for v, d, p_t in zip(ids, document, p, strict=True):
        if d != last:
            last, held = d, []
        total = sum(decay**k for k in range(len(held)))
        found = sum(decay**k for k, w in enumerate(held) if w == v)
        mixed.append((1 - share) * p_t + share * found / total if held else p_t)
        held = [v, *held][:N]
    return np.array(mixed)


# 6. mixture

mixture = exercise("mixture", points=3, returns=("weights", "bits"))


@mixture.inputs(K=(2, 3, 4, 3), N=(9, 12, 20, 7), M=(6, 15, 8, 5), steps=(3, 1, 6, 2))
def draw_mixture(rng, K, N, M, steps):
    """Each model is best on some tokens, and a model is better on validation than on test."""
    valid, test = (rng.beta(0.8, 2, size=(K, n)).clip(0.01) for n in (N, M))
    best, other = rng.permutation(K)[:2]
    valid[best] **= 0.4
    test[other] **= 0.4
    return {"valid": valid, "test": test, "steps": steps}


@mixture.inputs(K=(3, 2), N=(10, 14), M=(8, 9), steps=(4, 2), says="a model gives some tokens the probability 0")
def draw_mixture_zeros(rng, K, N, M, steps):
    inputs = draw_mixture(rng, K, N, M, steps)
    for part in inputs["valid"], inputs["test"]:
        part[rng.integers(0, K, size=3), rng.permutation(part.shape[1])[:3]] = 0
    return inputs


@mixture.answer
def token_by_token_em(valid, test, steps):
    K, N = valid.shape
    weights = [1 / K] * K
    for _ in range(steps):
        collected = [0.0] * K
        for p in valid.T:
            total = sum(w * p_k for w, p_k in zip(weights, p, strict=True))
            for k in range(K):
                collected[k] += weights[k] * p[k] / total
        weights = [c / N for c in collected]
    return np.array(weights), -sum(np.log2(np.dot(weights, p)) for p in test.T) / len(test.T)


@mixture.answer
def by_the_gradient(valid, test, steps):
    """A step multiplies each weight by the derivative of the mean log likelihood."""
    weights = np.full(len(valid), 1 / len(valid))
    for _ in range(steps):
        weights = weights * (valid / (weights @ valid)).mean(axis=1)
    return weights, np.log2(1 / (weights @ test)).mean()
