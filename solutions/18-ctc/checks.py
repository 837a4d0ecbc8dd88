"""Inputs and other right answers for unit 18-ctc; the known mistakes are in mistakes.py."""

import itertools

import numpy as np

from rnncourse.authoring import exercise
from rnncourse.check.forbidden import NUMPY_UNIT

BY_HAND = (*NUMPY_UNIT, "rnncourse.ctc")

# 1. greedy_spans

spans = exercise("greedy_spans", points=2, returns=("labels", "start", "stop", "confidence"), forbidden=BY_HAND)


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

graph = exercise("ctc_graph", points=3, returns=("states", "jump", "frames"), forbidden=BY_HAND)


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
    jump, frames = np.zeros((B, 2 * U + 1), dtype=bool), []
    for b, n in enumerate(lengths):
        labels = targets[b, :n].tolist()
        frames.append(n)
        for u, label in enumerate(labels):
            states[b, 2 * u + 1] = label
            if u and label != labels[u - 1]:
                jump[b, 2 * u + 1] = True
            elif u:
                frames[-1] += 1
    return states, jump, np.array(frames)


@graph.answer
def from_the_states(targets, lengths, blank):
    """A jump is allowed where neither blank nor the same label stands; every label but the first without one costs."""
    B, U = targets.shape
    labels = np.where(np.arange(U) < lengths.reshape(-1, 1), targets, blank)
    states = np.concatenate(
        [np.stack([np.full_like(labels, blank), labels], axis=2).reshape(B, -1), labels[:, :1] * 0 + blank], axis=1
    )
    two_before = np.concatenate([states[:, :2] * 0 + blank, states[:, :-2]], axis=1)
    jump = (states != blank) & (states != two_before) & (two_before != blank)
    return states, jump, np.maximum(2 * lengths - 1, 0) - jump.sum(axis=1)


# 3. log_likelihood

likelihood = exercise("log_likelihood", points=4, returns="log_likelihood", forbidden=BY_HAND)


def graph_of(labels, U, blank):
    """(states, jump) of one text, for U labels."""
    n = len(labels)
    states, jump = np.full(2 * U + 1, blank), np.zeros(2 * U + 1, dtype=bool)
    states[1 : 2 * n : 2] = labels
    jump[3 : 2 * n : 2] = labels[1:] != labels[:-1]
    return states, jump


def room(labels):
    """The smallest number of frames into which a text fits."""
    return len(labels) + int((labels[1:] == labels[:-1]).sum())


def forward(log_p, states, jump, add=np.logaddexp):
    """The forward variables in log space, (T, S)."""
    alpha = np.full((len(log_p), len(states)), -np.inf)
    alpha[0, :2] = log_p[0, states[:2]]
    for t, s in itertools.product(range(1, len(alpha)), range(len(states))):
        ways = alpha[t - 1, max(s - 1 - jump[s], 0) : s + 1]
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
    states, jump = (np.stack(part) for part in zip(*graphs, strict=True))
    return {"log_p": log_p, "states": states, "jump": jump, "frames": frames, "lengths": lengths}


@likelihood.inputs(T=(6, 5), B=(4, 3), U=(3, 2), V=(4, 3), says="the text of some inputs is empty")
def draw_likelihood_empty(rng, T, B, U, V):
    inputs = draw_likelihood(rng, T, B, U, V)
    for b in (0, B - 1)[: B - 1]:
        inputs["lengths"][b], inputs["jump"][b], inputs["states"][b] = 0, False, inputs["states"][b, 0]
    return inputs


@likelihood.inputs(T=(6, 5), B=(3, 4), U=(3, 3), V=(3, 4), says="one text does not fit into its frames")
def draw_likelihood_no_room(rng, T, B, U, V):
    inputs = draw_likelihood(rng, T, B, U, V)
    b = inputs["lengths"].argmax()
    inputs["frames"][b] = inputs["lengths"][b] - 1
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


@likelihood.inputs(
    T=(6, 7),
    B=(3, 4),
    U=(2, 3),
    V=(4, 3),
    says="some probabilities are 0, log_p is minus infinity, and jump is any mask",
)
def draw_likelihood_zeros(rng, T, B, U, V):
    inputs = draw_likelihood(rng, T, B, U, V)
    inputs["log_p"][rng.integers(T), np.arange(B), inputs["states"][:, 0]] = -np.inf
    inputs["log_p"][0, -1, inputs["states"][-1, 1]] = -np.inf
    inputs["jump"][:, 2:] = rng.random(size=(B, 2 * U - 1)) < 0.5
    return inputs


@likelihood.answer
def one_at_a_time(log_p, states, jump, frames, lengths):
    given = zip(frames, 2 * lengths + 1, states, jump, strict=True)
    ends = [forward(log_p[:T, b], s[:n], jumps)[-1, -2:] for b, (T, n, s, jumps) in enumerate(given)]
    return np.array([np.logaddexp.reduce(end) for end in ends])


@likelihood.answer
def with_matrices(log_p, states, jump, frames, lengths):
    """Probabilities, scaled in every frame, and a matrix of transitions."""
    found, S = np.zeros(len(frames)), states.shape[1]
    for b in range(len(frames)):
        step = np.eye(S) + np.eye(S, k=1) + np.eye(S, k=2) * jump[b]
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

gradient = exercise("logit_gradient", points=3, returns=("gamma", "dz"), forbidden=BY_HAND)


def variables(rng, T, U, V, above=0.0, fits=True):
    """`above`: how far the logit of a class that is not used is above the others."""
    blank = int(rng.integers(V - 1))
    labels = text(rng, U, V - 1, blank)
    states, jump = graph_of(labels, U, blank)
    T = max(T, room(labels)) if fits else T
    z = 1.2 * rng.normal(size=(T, V))
    z[:, -1] += above
    log_p = log_softmax(z)
    back = forward(log_p[::-1], states[::-1], np.append([False, False], jump[:1:-1]))[::-1, ::-1]
    return {
        "log_p": log_p,
        "states": states,
        "log_alpha": forward(log_p, states, jump),
        "log_beta": back - log_p[:, states],
    }


@gradient.inputs(T=(6, 5, 9, 7), U=(2, 1, 4, 3), V=(4, 3, 5, 6))
def draw_gradient(rng, T, U, V):
    return variables(rng, T, U, V)


@gradient.inputs(T=(8, 10), U=(4, 5), V=(4, 4), says="a label occurs several times")
def draw_gradient_repeated(rng, T, U, V):
    return variables(rng, 2 * U, U, V)


@gradient.inputs(T=(4, 6), U=(2, 3), V=(4, 5), says="the likelihood is below 1e-400")
def draw_gradient_tiny(rng, T, U, V):
    return variables(rng, T + U, U, V, above=160.0)


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
        joint = log_alpha[t] + log_beta[t]
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
    gamma = np.exp(log_alpha + log_beta - (total if np.isfinite(total) else 0.0))
    return gamma, (np.exp(log_p) - gamma @ one_hot) * np.isfinite(total)


# 5. best_alignment

alignment = exercise("best_alignment", points=3, returns=("path", "score"), forbidden=BY_HAND)


@alignment.inputs(T=(8, 6, 10, 12), U=(3, 2, 4, 3), V=(4, 3, 5, 6))
def draw_alignment(rng, T, U, V):
    blank = int(rng.integers(V))
    labels = text(rng, U, V, blank)
    states, jump = graph_of(labels, U, blank)
    return {"log_p": log_softmax(rng.normal(size=(max(T, room(labels)), V))), "states": states, "jump": jump}


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
def with_whole_paths(log_p, states, jump):
    """Keeps the best path to each state itself."""
    best = {s: (log_p[0, states[s]], (s,)) for s in range(len(states[:2]))}
    for row in log_p[1:]:
        new = {}
        for s, label in enumerate(states):
            ways = [best[r] for r in range(s - 1 - int(jump[s]), s + 1) if r in best]
            if ways:
                total, path = max(ways)
                new[s] = (total + row[label], (*path, s))
        best = new
    score, path = max(best[s] for s in best if s >= len(states) - 2)
    return np.array(path), score


@alignment.answer
def from_the_scores(log_p, states, jump):
    """Without notes: at each frame the state from which the score can have come."""
    score = forward(log_p, states, jump, np.maximum)
    S = len(states)
    path = [S - 1 - int(score[-1, ::-1][:2].argmax())]
    for t in range(len(log_p) - 2, -1, -1):
        s = path[-1]
        path.append(max(range(max(s - 1 - int(jump[s]), 0), s + 1), key=score[t].__getitem__))
    return np.array(path[::-1]), score[-1, path[0]]


# 6. append_label

append = exercise("append_label", points=4, returns=("b", "n", "score"), forbidden=BY_HAND)


@append.inputs(T=(7, 6, 5, 1, 9), V=(4, 3, 5, 4, 6), U=(2, 1, 0, 0, 3))
def draw_append(rng, T, V, U, reference):
    log_p = log_softmax(rng.normal(size=(T, V)))
    prefix, label = text(rng, U, V, 0), int(rng.integers(1, V))
    return appended(
        log_p, prefix, label if U == 0 else (prefix[-1] - 1 + rng.integers(1, V - 1)) % (V - 1) + 1, reference
    )


def appended(log_p, prefix, label, reference):
    """The inputs for a prefix, of which b and n are built up label by label."""
    b, n = np.append(0.0, log_p[:, 0].cumsum()), np.full(len(log_p) + 1, -np.inf)
    prefix = tuple(int(v) for v in prefix)
    for u, v in enumerate(prefix):
        b, n, _ = reference.append_label(log_p, b, n, prefix[:u], v)
    return {"log_p": log_p, "b": b, "n": n, "prefix": prefix, "label": int(label)}


@append.inputs(T=(7, 6), V=(4, 3), U=(1, 2), says="the label is the last one of the prefix again")
def draw_append_same(rng, T, V, U, reference):
    prefix = text(rng, U, V, 0)
    return appended(log_softmax(rng.normal(size=(T, V))), prefix, prefix[-1], reference)


@append.inputs(T=(6, 7), V=(4, 5), says="the label stands in the prefix, but not at its end")
def draw_append_earlier(rng, T, V, reference):
    one, two = 1 + rng.permutation(V - 1)[:2]
    return appended(log_softmax(rng.normal(size=(T, V))), (one, two), one, reference)


@append.inputs(T=(4, 5), V=(4, 3), says="the probabilities are below 1e-400")
def draw_append_tiny(rng, T, V, reference):
    one, two = 1 + rng.permutation(V - 1)[:2]
    return appended(log_softmax(rng.normal(size=(T, V))) - 1000, (one,), two, reference)


@append.inputs(T=(7, 6), V=(4, 3), says="some probabilities are 0, log_p is minus infinity")
def draw_append_zeros(rng, T, V, reference):
    log_p, prefix = log_softmax(rng.normal(size=(T, V))), text(rng, 2, V, 0)
    log_p[rng.permutation(T)[:2], (0, prefix[0])] = -np.inf
    return appended(log_p, prefix, prefix[0], reference)


@append.answer
def by_the_graph(log_p, b, n, prefix, label):
    """b and n are the forward variables of the last two states of the longer prefix."""
    labels = np.array([*prefix, label])
    alpha = forward(log_p, *graph_of(labels, len(labels), 0))
    nothing = np.full((1, alpha.shape[1]), -np.inf)
    alpha = np.concatenate([nothing, alpha])
    before = np.stack([b, n] if prefix[-1:] != (label,) else [b])[:, :-1]
    return alpha[:, -1], alpha[:, -2], np.logaddexp.reduce(before + log_p[:, label], axis=None)


@append.answer
def by_where_it_begins(log_p, b, n, prefix, label):
    """For each frame in which the label may begin, how long it lasts; then the blanks."""
    T, same = len(log_p), len(prefix) > 0 and prefix[-1] == label
    before = [b[t] if same else np.logaddexp(b[t], n[t]) for t in range(T)]
    ends_in_label, ends_in_blank = [-np.inf], [-np.inf]
    for t in range(1, T + 1):
        ways = [before[i] + log_p[i:t, label].sum() for i in range(t)]
        ends_in_label.append(np.logaddexp.reduce(ways))
        ways = [ends_in_label[i] + log_p[i:t, 0].sum() for i in range(t)]
        ends_in_blank.append(np.logaddexp.reduce(ways))
    return np.array(ends_in_blank), np.array(ends_in_label), np.logaddexp.reduce(np.array(before) + log_p[:, label])
