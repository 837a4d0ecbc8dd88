"""Inputs and other right answers for unit 18-ctc; the known mistakes are in mistakes.py."""

import itertools

import numpy as np

from rnncourse.authoring import exercise
from rnncourse.check import toys

# 1. greedy_spans

spans = exercise("greedy_spans", points=2, returns=("labels", "start", "stop", "confidence"))


def log_softmax(z):
    return z - np.logaddexp.reduce(z, axis=-1, keepdims=True)


@spans.inputs(T=(12, 9, 1, 20), V=(4, 3, 2, 5))
def draw_spans(rng, T, V):
    """Runs of 1 to 4 frames; a third of them blank."""
    blank = int(rng.integers(V))
    label = (blank + 1 + rng.integers(V - 1)) % V
    runs = [
        label,
        blank,
        label,
        (blank + 1) % V,
        *(blank if rng.random() < 0.35 else v for v in rng.integers(V, size=T)),
    ]
    path = np.repeat(runs, rng.integers(1, 5, size=len(runs)))[:T]
    z = rng.normal(size=(T, V))
    z[np.arange(T), path] = z.max(axis=1) + rng.uniform(0.2, 2.5, size=T)
    return {"log_p": log_softmax(z), "blank": blank}


@spans.answer
def frame_by_frame(log_p, blank):
    found, before = [], None
    for t, row in enumerate(log_p):
        v = int(np.argmax(row))
        if v == before and v != blank:
            found[-1][2] = t + 1
            found[-1][3].append(np.exp(row[v]))
        elif v != blank:
            found.append([v, t, t + 1, [np.exp(row[v])]])
        before = v
    labels, start, stop, sure = zip(*found, strict=True)
    return np.array(labels), np.array(start), np.array(stop), np.array([np.mean(s) for s in sure])


@spans.answer
def by_groups(log_p, blank):
    path, best = np.argmax(log_p, axis=-1), np.exp(np.max(log_p, axis=-1))
    found = []
    for v, group in itertools.groupby(range(len(path)), key=path.__getitem__):
        frames = list(group)
        if v != blank:
            found.append((v, frames[0], frames[-1] + 1, sum(best[frames]) / len(frames)))
    return tuple(np.array(column) for column in zip(*found, strict=True))


# 2. ctc_graph

graph = exercise("ctc_graph", points=3, returns=("states", "skip", "frames"))


def text(rng, U, V, blank, again=0.4):
    """Labels (U,), none of them blank; each is the one before with probability `again`."""
    labels = (blank + 1 + rng.integers(V - 1, size=U)) % V
    for u in range(1, U):
        if rng.random() < again:
            labels[u] = labels[u - 1]
    return labels


@graph.inputs(B=(5, 3, 1, 6), U=(5, 7, 4, 6), V=(4, 3, 6, 5))
def draw_graph(rng, B, U, V):
    blank = int(rng.integers(V))
    targets = np.stack([text(rng, U, V, blank) for _ in range(B)])
    lengths = rng.integers(1, U + 1, size=B)
    lengths[0] = U - 1
    targets[0, -2:] = targets[0, -3]  # the padding repeats the last label
    targets[0, :2] = targets[0, 0]
    return {"targets": targets, "lengths": lengths, "blank": blank}


@graph.inputs(B=(4, 5), U=(4, 6), V=(4, 5), says="some texts are empty, and the padding holds blanks")
def draw_graph_empty(rng, B, U, V):
    inputs = draw_graph(rng, B, U, V)
    inputs["lengths"][1:3] = 0, U
    inputs["targets"][np.arange(U) >= inputs["lengths"][:, None]] = inputs["blank"]
    return inputs


@graph.answer
def text_by_text(targets, lengths, blank):
    B, U = targets.shape
    states = np.zeros((B, 2 * U + 1), dtype=int) + blank
    skip, frames = np.zeros((B, 2 * U + 1), dtype=bool), []
    for b, n in enumerate(lengths):
        labels = targets[b, :n].tolist()
        frames.append(n)
        for u, label in enumerate(labels):
            states[b, 2 * u + 1] = label
            if u and label != labels[u - 1]:
                skip[b, 2 * u + 1] = True
            elif u:
                frames[-1] += 1
    return states, skip, np.array(frames)


@graph.answer
def from_the_states(targets, lengths, blank):
    """A skip is allowed where neither blank nor the same label stands; every label but the first without one costs."""
    B, U = targets.shape
    labels = np.where(np.arange(U) < lengths.reshape(-1, 1), targets, blank)
    states = np.concatenate(
        [np.stack([np.full_like(labels, blank), labels], axis=2).reshape(B, -1), labels[:, :1] * 0 + blank], axis=1
    )
    two_before = np.concatenate([states[:, :2] * 0 + blank, states[:, :-2]], axis=1)
    skip = (states != blank) & (states != two_before) & (two_before != blank)
    return states, skip, np.maximum(2 * lengths - 1, 0) - skip.sum(axis=1)


# 3. log_likelihood

likelihood = exercise("log_likelihood", points=4, returns="log_likelihood")


def graph_of(labels, U, blank):
    """(states, skip) of one text, for U labels."""
    n = len(labels)
    states, skip = np.full(2 * U + 1, blank), np.zeros(2 * U + 1, dtype=bool)
    states[1 : 2 * n : 2] = labels
    skip[3 : 2 * n : 2] = labels[1:] != labels[:-1]
    return states, skip


def room(labels):
    """The smallest number of frames into which a text fits."""
    return len(labels) + int((labels[1:] == labels[:-1]).sum())


def forward(log_p, states, skip, add=np.logaddexp):
    """The forward variables in log space, (T, S)."""
    alpha = np.full((len(log_p), len(states)), -np.inf)
    alpha[0, :2] = log_p[0, states[:2]]
    for t, s in itertools.product(range(1, len(alpha)), range(len(states))):
        ways = alpha[t - 1, max(s - 1 - skip[s], 0) : s + 1]
        alpha[t, s] = add.reduce(ways) + log_p[t, states[s]]
    return alpha


@likelihood.inputs(T=(7, 9, 8, 6), B=(3, 2, 1, 4), U=(3, 2, 4, 2), V=(4, 3, 5, 3))
def draw_likelihood(rng, T, B, U, V):
    blank = int(rng.integers(V))
    lengths = rng.integers(1, U + 1, size=B)
    lengths[rng.integers(B)] = max(U - 1, 1)
    texts = [text(rng, n, V, blank) for n in lengths]
    graphs = [graph_of(labels, U, blank) for labels in texts]
    frames = np.minimum(T, np.array([room(labels) for labels in texts]) + rng.integers(0, T - 1, size=B))
    frames[lengths.argmin()] = T
    log_p = log_softmax(1.2 * rng.normal(size=(T, B, V)))
    states, skip = (np.stack(part) for part in zip(*graphs, strict=True))
    return {"log_p": log_p, "states": states, "skip": skip, "frames": frames, "lengths": lengths}


@likelihood.inputs(T=(6, 5), B=(4, 3), U=(3, 2), V=(4, 3), says="the text of some inputs is empty")
def draw_likelihood_empty(rng, T, B, U, V):
    inputs = draw_likelihood(rng, T, B, U, V)
    for b in (0, B - 1)[: B - 1]:
        inputs["lengths"][b], inputs["skip"][b], inputs["states"][b] = 0, False, inputs["states"][b, 0]
    return inputs


@likelihood.inputs(T=(6, 5), B=(3, 4), U=(3, 3), V=(3, 4), says="one text does not fit into its frames")
def draw_likelihood_no_room(rng, T, B, U, V):
    inputs = draw_likelihood(rng, T, B, U, V)
    inputs["frames"][0] = max(inputs["lengths"][0] - 1, 1)
    if inputs["lengths"][0] < 2:
        inputs["lengths"][0], inputs["frames"][0] = 2, 1
        inputs["states"][0, 1:4:2] = inputs["states"][0, 1]
        inputs["skip"][0] = False
    return inputs


@likelihood.inputs(T=(6, 7), B=(3, 2), U=(2, 3), V=(4, 5), says="log_p is NaN after the last frame of an input")
def draw_likelihood_nan(rng, T, B, U, V):
    inputs = draw_likelihood(rng, T, B, U, V)
    inputs["frames"][-1] = min(inputs["frames"][-1], T - 1)
    inputs["log_p"][np.arange(T)[:, None] >= inputs["frames"]] = np.nan
    return inputs


@likelihood.inputs(T=(5, 6), B=(2, 3), U=(2, 2), V=(4, 5), says="the likelihoods are below 1e-400")
def draw_likelihood_tiny(rng, T, B, U, V):
    inputs = draw_likelihood(rng, T, B, U, V)
    return inputs | {"log_p": inputs["log_p"] - 1000}


@likelihood.inputs(T=(6, 7), B=(3, 4), U=(2, 3), V=(4, 3), says="some probabilities are 0, log_p is minus infinity")
def draw_likelihood_zeros(rng, T, B, U, V):
    inputs = draw_likelihood(rng, T, B, U, V)
    inputs["log_p"][rng.integers(T), np.arange(B), inputs["states"][:, 0]] = -np.inf
    inputs["log_p"][0, -1, inputs["states"][-1, 1]] = -np.inf
    return inputs


@likelihood.answer
def one_at_a_time(log_p, states, skip, frames, lengths):
    given = zip(frames, 2 * lengths + 1, states, skip, strict=True)
    ends = [forward(log_p[:T, b], s[:n], skips)[-1, -2:] for b, (T, n, s, skips) in enumerate(given)]
    return np.array([np.logaddexp.reduce(end) for end in ends])


@likelihood.answer
def with_matrices(log_p, states, skip, frames, lengths):
    """Probabilities, scaled in every frame, and a matrix of transitions."""
    found, S = np.zeros(len(frames)), states.shape[1]
    for b in range(len(frames)):
        step = np.eye(S) + np.eye(S, k=1) + np.eye(S, k=2) * skip[b]
        a, total = np.eye(S)[0] + np.eye(S)[min(1, S - 1)] * (S > 1), 0.0
        for t in range(frames[b]):
            a = (a @ step if t else a) * np.exp(log_p[t, b] - log_p[t, b].max())[states[b]]
            with np.errstate(divide="ignore", invalid="ignore"):
                total += log_p[t, b].max() + np.log(a.sum())
            a = a / (a.sum() or 1.0)
        with np.errstate(divide="ignore"):
            found[b] = total + np.log(a[max(2 * lengths[b] - 1, 0) : 2 * lengths[b] + 1].sum())
    return found


# 4. logit_gradient

gradient = exercise("logit_gradient", points=3, returns=("gamma", "dz"))


def variables(rng, T, U, V, above=0.0, fits=True):
    """`above`: how far the logit of a class that is not used is above the others."""
    blank = int(rng.integers(V - 1))
    labels = text(rng, U, V - 1, blank)
    states, skip = graph_of(labels, U, blank)
    T = max(T, room(labels)) if fits else T
    z = 1.2 * rng.normal(size=(T, V))
    z[:, -1] += above
    log_p = log_softmax(z)
    back = forward(log_p[::-1], states[::-1], np.append([False, False], skip[:1:-1]))[::-1, ::-1]
    return {"log_p": log_p, "states": states, "log_alpha": forward(log_p, states, skip), "log_beta": back.copy()}


@gradient.inputs(T=(6, 5, 9, 7), U=(2, 1, 4, 3), V=(4, 3, 5, 6))
def draw_gradient(rng, T, U, V):
    return variables(rng, T, U, V)


@gradient.inputs(T=(8, 10), U=(4, 5), V=(4, 4), says="a label occurs several times")
def draw_gradient_repeated(rng, T, U, V):
    return variables(rng, 2 * U, U, V)


@gradient.inputs(T=(4, 6), U=(2, 3), V=(4, 5), says="the likelihood is below 1e-400")
def draw_gradient_tiny(rng, T, U, V):
    return variables(rng, T + U, U, V, above=400.0)


@gradient.inputs(T=(2, 3), U=(3, 4), V=(4, 5), says="the text does not fit into the frames")
def draw_gradient_no_room(rng, T, U, V):
    return variables(rng, min(T, U - 1), U, V, fits=False)


@gradient.inputs(T=(4, 3), V=(3, 5), says="the text is empty")
def draw_gradient_empty(rng, T, V):
    return variables(rng, T, 0, V)


@gradient.answer
def frames_one_by_one(log_p, states, log_alpha, log_beta):
    gamma, dz = np.zeros(log_alpha.shape), np.zeros(log_p.shape)
    for t, row in enumerate(log_p):
        joint = log_alpha[t] + log_beta[t] - row[states]
        if np.isneginf(joint).all():
            continue
        weight = np.exp(joint - joint.max())
        gamma[t] = weight / weight.sum()
        dz[t] = np.exp(row) - np.bincount(states, weights=gamma[t], minlength=len(row))
    return gamma, dz


@gradient.answer
def with_one_hot(log_p, states, log_alpha, log_beta):
    one_hot = (states[:, None] == np.arange(log_p.shape[1])).astype(float)  # (S, V)
    total = np.logaddexp.reduce(log_alpha[-1, -2:])
    gamma = np.exp(log_alpha + log_beta - log_p @ one_hot.T - (total if np.isfinite(total) else 0.0))
    return gamma, (np.exp(log_p) - gamma @ one_hot) * np.isfinite(total)


# 5. best_alignment

alignment = exercise("best_alignment", points=3, returns=("path", "score"))


@alignment.inputs(T=(8, 6, 10, 12), U=(3, 2, 4, 3), V=(4, 3, 5, 6))
def draw_alignment(rng, T, U, V):
    blank = int(rng.integers(V))
    labels = text(rng, U, V, blank)
    states, skip = graph_of(labels, U, blank)
    return {"log_p": log_softmax(rng.normal(size=(max(T, room(labels)), V))), "states": states, "skip": skip}


@alignment.inputs(U=(4, 3, 5), V=(4, 3, 5), says="the text barely fits into the frames")
def draw_alignment_tight(rng, U, V):
    return draw_alignment(rng, 1, U, V)


@alignment.inputs(T=(4, 1), V=(3, 4), says="the text is empty, there is one state")
def draw_alignment_empty(rng, T, V):
    return draw_alignment(rng, T, 0, V)


@alignment.inputs(T=(8, 9), U=(3, 2), V=(4, 5), says="some probabilities are 0, log_p is minus infinity")
def draw_alignment_zeros(rng, T, U, V):
    inputs = draw_alignment(rng, T, U, V)
    inputs["log_p"][np.arange(1, T, 3), inputs["states"][0]] = -np.inf
    return inputs


@alignment.inputs(U=(2, 3), V=(4, 3), says="the input holds the text twice")
def draw_alignment_twice(rng, U, V):
    inputs = draw_alignment(rng, 4 * U + 2, U, V)
    inputs["log_p"][np.arange(4 * U + 2), np.tile(inputs["states"], 2)] += 4
    return inputs | {"log_p": log_softmax(inputs["log_p"])}


@alignment.answer
def with_whole_paths(log_p, states, skip):
    """Keeps the best path to each state itself."""
    best = {s: (log_p[0, states[s]], (s,)) for s in range(len(states[:2]))}
    for row in log_p[1:]:
        new = {}
        for s, label in enumerate(states):
            ways = [best[r] for r in range(s - 1 - int(skip[s]), s + 1) if r in best]
            if ways:
                total, path = max(ways)
                new[s] = (total + row[label], (*path, s))
        best = new
    score, path = max(best[s] for s in best if s >= len(states) - 2)
    return np.array(path), score


@alignment.answer
def from_the_scores(log_p, states, skip):
    """Without notes: at each frame the state from which the score can have come."""
    score = forward(log_p, states, skip, np.maximum)
    S = len(states)
    path = [S - 1 - int(score[-1, ::-1][:2].argmax())]
    for t in range(len(log_p) - 2, -1, -1):
        s = path[-1]
        path.append(max(range(max(s - 1 - int(skip[s]), 0), s + 1), key=score[t].__getitem__))
    return np.array(path[::-1]), score[-1, path[0]]


# 6. beam_step

step = exercise("beam_step", points=4, returns=("prefixes", "b", "n"))
MODELS = toys.garden_path, toys.wandering, toys.tiring, toys.never_ending
PREFIXES = (), (1,), (1, 1), (2,), (1, 2), (2, 1), (2, 2), (1, 1, 2), (2, 3), (3, 3, 1)


def possible(prefixes, b, n, log_p):
    """How many prefixes have a probability above 0 after this frame."""
    after = set()
    for p, ends in zip(prefixes, np.stack([b, n], axis=1), strict=True):
        after |= {p} if ends.max() + log_p[0] > -np.inf or (p and ends[1] + log_p[p[-1]] > -np.inf) else set()
        after |= {(*p, v) for v in (1, 2, 3) if ends[: 1 + (p[-1:] != (v,))].max() + log_p[v] > -np.inf}
    return len(after)


@step.inputs(k=(1, 0, 2, 1, 3), many=(3, 5, 4, 7, 6), K=(9, 4, 12, 5, 7))
def draw_step(rng, k, many, K):
    names = np.append(0, 1 + rng.permutation(3))  # other labels
    b, n = rng.dirichlet(np.full(many, 2.0), size=2) * rng.dirichlet([4, 4])[:, None]
    n[0] = 0  # no path to the empty text ends in a label
    order = rng.permutation(many)
    prefixes = [tuple(names[list(PREFIXES[j])].tolist()) for j in order]
    with np.errstate(divide="ignore"):
        b, n = np.log(b[order]), np.log(n[order])
    log_p = log_softmax(0.8 * rng.normal(size=4) + [0.7, 0, 0, 0])
    given = {"prefixes": prefixes, "b": b, "n": n, "log_p": log_p, "next_log_p": MODELS[k]}
    return given | {"weight": float(rng.uniform(0.3, 1.2)), "K": min(K, possible(prefixes, b, n, log_p))}


@step.inputs(k=(3,), K=(4,), says="it is the first frame, only the empty prefix is in the beam")
def draw_step_first(rng, k, K):
    return draw_step(rng, k, 1, K) | {"b": np.zeros(1)}


@step.inputs(k=(1, 0), many=(3, 5), K=(8, 5), says="the language model has weight 0")
def draw_step_plain(rng, k, many, K):
    return draw_step(rng, k, many, K) | {"weight": 0.0}


@step.inputs(k=(1, 2), many=(4, 6), K=(5, 6), says="some probabilities are 0, their logarithms minus infinity")
def draw_step_zeros(rng, k, many, K):
    inputs = draw_step(rng, k, many, K)
    inputs["b"][[len(p) == 1 for p in inputs["prefixes"]]] = -np.inf
    inputs["log_p"][rng.integers(1, 4)] = -np.inf
    return inputs | {"K": min(K, possible(*list(inputs.values())[:4]))}


@step.answer
def by_prefix(prefixes, b, n, log_p, next_log_p, weight, K):
    """Asks of each new prefix where it comes from, in probabilities."""
    p, old = np.exp(log_p), {key: np.exp(pair) for key, *pair in zip(prefixes, b, n, strict=True)}
    found = []
    for new in {*old, *((*key, v) for key in old for v in range(1, len(p)))}:
        in_blank = old[new].sum() * p[0] if new in old else 0.0
        in_label = old[new][1] * p[new[-1]] if new in old and new else 0.0
        if new and new[:-1] in old:
            parent, v = new[:-1], new[-1]
            mass = old[parent][0] if parent and parent[-1] == v else old[parent].sum()
            in_label += mass * p[v] * np.exp(next_log_p(parent)[v]) ** weight
        found.append((in_blank + in_label, new, in_blank, in_label))
    _, kept, b, n = zip(*sorted(found, reverse=True)[:K], strict=True)
    with np.errstate(divide="ignore"):
        return list(kept), np.log(b), np.log(n)


@step.answer
def by_paths(prefixes, b, n, log_p, next_log_p, weight, K):
    """Each ending of each prefix, with each class, is one way; the prefixes come back as a tuple."""
    ways = {}
    for prefix, *ends in zip(prefixes, b, n, strict=True):
        for ends_in_label, so_far in enumerate(ends):
            for v, log_q in enumerate(log_p):
                goes_on = v > 0 and not (ends_in_label and prefix[-1:] == (v,))
                new = (*prefix, v) if goes_on else prefix
                pays = weight * next_log_p(prefix)[v] if goes_on else 0.0
                ways.setdefault(new, ([-np.inf], [-np.inf]))[v > 0].append(so_far + log_q + pays)
    total = {new: np.array([np.logaddexp.reduce(w) for w in both]) for new, both in ways.items()}
    kept = sorted(total, key=lambda new: -np.logaddexp.reduce(total[new]))[:K]
    return tuple(kept), *np.array([total[new] for new in kept]).T
