"""Inputs and other right answers for unit 17-attention; the known mistakes are in mistakes.py."""

import math

import numpy as np
import torch

from rnncourse.authoring import exercise
from rnncourse.check import toys


def source(rng, S, B, H):
    """States of a source (S, B, H) with nonsense in their padding, and its lengths (B,): one is S, one is less."""
    lengths = rng.integers(1, S + 1, size=B)
    lengths[rng.integers(B)] = max(S - 2, 1)
    lengths[0] = S
    h = rng.normal(size=(S, B, H))
    padding = np.arange(S)[:, None] >= lengths
    h[padding] = 5 * rng.normal(size=h.shape)[padding]
    return h, lengths


# 1. local_context

local = exercise("local_context", points=3, returns=("a", "c"), adapter="tensors", gradients=("q", "k", "W", "p"))


@local.inputs(S=(6, 8, 5, 9), B=(3, 2, 1, 4), D=(4, 2, 5, 3), H=(2, 3, 4, 5), r=(2, 3, 1, 2))
def draw_local(rng, S, B, D, H, r):
    k, lengths = source(rng, S, B, H)
    p = rng.uniform(0, lengths - 1)
    p[0] = rng.uniform(S - 2, S - 1)
    W = rng.normal(size=(D, H))
    return {"q": rng.normal(size=(B, D)), "k": k, "lengths": lengths, "W": W, "p": p, "r": r}


@local.inputs(S=(7, 6), B=(3, 2), D=(3, 2), H=(4, 3), r=(2, 1), says="p is a whole number")
def draw_local_whole(rng, S, B, D, H, r):
    given = draw_local(rng, S, B, D, H, r)
    return given | {"p": rng.integers(0, given["lengths"]).astype(float)}


def large(rng, S, B, D, H):
    """Arguments of which all scores q W k of a sequence are about 1000, or all about -1000."""
    k, lengths = source(rng, S, B, H)
    sign = rng.choice([-1, 1], size=(B, 1))
    q, W = sign * rng.uniform(0.5, 1.5, size=(B, D)), rng.uniform(0.5, 1.5, size=(D, H))
    score = np.einsum("bd,dh,sbh->sb", q, W, k)[..., None]
    k += (1000 * sign - score) / (q @ W).sum(axis=1, keepdims=True) + 0.3 * rng.normal(size=k.shape)
    return {"q": q, "k": k, "lengths": lengths, "W": W}


@local.inputs(S=(7, 6), B=(3, 4), D=(3, 2), H=(4, 3), r=(2, 2), says="the scores are about 1000, or about -1000")
def draw_local_large(rng, S, B, D, H, r):
    given = large(rng, S, B, D, H)
    return given | {"p": rng.uniform(0, given["lengths"] - 1), "r": r}


@local.answer
def state_by_state(q, k, lengths, W, p, r):
    columns, contexts = [], []
    for b, n in enumerate(lengths.tolist()):
        near = [i for i in range(n) if abs(i - p[b].item()) <= r]
        scores = torch.stack([q[b] @ W @ k[i, b] for i in near])
        alpha = torch.exp(scores - torch.logsumexp(scores, 0))
        alpha = alpha * torch.stack([torch.exp(-((i - p[b]) ** 2) / (r * r / 2)) for i in near])
        column = k.new_zeros(len(k))
        column[near] = alpha
        columns.append(column)
        contexts.append(sum(alpha[n] * k[i, b] for n, i in enumerate(near)))
    return torch.stack(columns, dim=1), torch.stack(contexts)


@local.answer
def with_einsum(q, k, lengths, W, p, r):
    i = torch.arange(len(k)).to(k)[:, None]
    within = torch.logical_and(i < lengths, torch.abs(i - p) <= r)
    e = torch.where(within, torch.einsum("bd,dh,sbh->sb", q, W, k), -1e30)
    top = e.max(dim=0).values
    share = torch.exp(e - top) * within
    a = share / share.sum(dim=0) * torch.exp(-0.5 * (2 * (i - p) / r) ** 2)
    return a, torch.einsum("sb,sbh->bh", a, k)


# 2. covered_weights

covered = exercise(
    "covered_weights", points=3, returns=("a", "overlap"), adapter="tensors", gradients=("q", "k", "w", "v")
)


@covered.inputs(T=(4, 3, 5, 2), S=(6, 4, 5, 7), B=(3, 2, 1, 4), A=(2, 5, 3, 4))
def draw_covered(rng, T, S, B, A):
    k, lengths = source(rng, S, B, A)
    w, v = rng.normal(size=(2, A))
    return {"q": rng.normal(size=(T, B, A)), "k": k, "lengths": lengths, "w": 2 * w, "v": 2 * v}


@covered.inputs(T=(3, 4), S=(5, 4), B=(3, 2), A=(3, 4), says="the scores are as large as a thousand")
def draw_covered_large(rng, T, S, B, A):
    """tanh is near 1 or -1 where v is large, so that softmax gets nearly equal scores of about 1000."""
    given = draw_covered(rng, T, S, B, A)
    sign = rng.choice([-1, 1], size=B)
    given["v"][0] = 1000.0
    given["w"][0] = 0.0
    given["q"][:, :, 0] = 8.0 * sign
    given["k"][:, :, 0] = 0.2 * rng.normal(size=(S, B))
    return given


@covered.answer
def one_by_one(q, k, lengths, w, v):
    T, B = q.shape[:2]
    a, overlap = q.new_zeros(T, len(k), B), []
    for b, n in enumerate(lengths.tolist()):
        rows, costs = [], []
        for t in range(T):
            u = sum(rows) if rows else q.new_zeros(n)
            e = torch.tanh(q[t, b] + k[:n, b] + torch.outer(u, w)) @ v
            rows.append(torch.softmax(e, dim=0))
            costs.append(torch.where(rows[-1] < u, rows[-1], u).sum())
        a[:, :n, b] = torch.stack(rows)
        overlap.append(torch.stack(costs))
    return a, torch.stack(overlap, dim=1)


@covered.answer
def with_a_growing_tensor(q, k, lengths, w, v):
    padding = torch.arange(len(k))[:, None] >= lengths
    a = q.new_zeros(0, *padding.shape)
    overlap = []
    for q_t in q:
        u = a.sum(dim=0)
        e = (v * torch.tanh(q_t + k + w * u.unsqueeze(2))).sum(dim=2)
        new = torch.softmax(torch.where(padding, -torch.inf, e), dim=0)
        overlap += [(new + u - (new - u).abs()).sum(dim=0) / 2]
        a = torch.cat([a, new[None]])
    return a, torch.stack(overlap)


# 3. copying

copying = exercise("copying", points=2, returns="p", adapter="tensors", gradients=("z", "g", "a"))


@copying.inputs(S=(6, 5, 7, 9), B=(3, 2, 1, 4), V=(4, 3, 5, 4), more=(3, 2, 4, 2))
def draw_copying(rng, S, B, V, more):
    h, lengths = source(rng, S, B, 1)
    a = np.where(np.arange(S)[:, None] < lengths, np.exp(rng.normal(size=(S, B))), 0)
    x = rng.integers(V + more - 1, size=(S, B))  # the last word occurs in no source
    x[S - 3] = x[1] = x[0]
    x[lengths[-1] - 1, -1] = V + more - 2  # a word that is not in the vocabulary
    return {"z": 1.5 * rng.normal(size=(B, V)), "g": rng.normal(size=B), "a": a / a.sum(0), "x": x, "N": V + more}


@copying.inputs(S=(5, 4), B=(3, 2), V=(4, 3), more=(2, 3), says="the logits are as large as a thousand")
def draw_copying_large(rng, S, B, V, more):
    given = draw_copying(rng, S, B, V, more)
    return given | {"z": given["z"] + 1000.0 * rng.choice([-1, 1], size=(B, 1))}


@copying.answer
def word_by_word(z, g, a, x, N):
    V = z.shape[1]
    made = torch.softmax(z, dim=1)
    columns = []
    for n in range(N):
        copied = (a * (x == n)).sum(dim=0) * torch.sigmoid(-g)
        columns.append(copied + torch.sigmoid(g) * made[:, n] if n < V else copied)
    return torch.stack(columns, dim=1)


@copying.answer
def with_one_hot(z, g, a, x, N):
    said = torch.nn.functional.one_hot(x, N).to(z)  # (S, B, N)
    copied = torch.einsum("sb,sbn->bn", a, said)
    made = torch.nn.functional.pad(torch.exp(torch.log_softmax(z, dim=1)), (0, N - z.shape[1]))
    return torch.lerp(copied, made, torch.sigmoid(g)[:, None])


# 4. attention_backward

backward = exercise(
    "attention_backward",
    points=4,
    returns=("dq", "dk", "dW"),
    forbidden=("backward", "torch.autograd", "torch.func", "rnncourse.layers", "rnncourse.gradcheck"),
)


@backward.inputs(S=(5, 4, 6, 3), B=(3, 2, 1, 4), D=(4, 3, 2, 5), H=(2, 5, 3, 4))
def draw_backward(rng, S, B, D, H):
    k, lengths = source(rng, S, B, H)
    q, W, dc = rng.normal(size=(B, D)), rng.normal(size=(D, H)) / np.sqrt(D), rng.normal(size=(B, H))
    return {"dc": dc, "q": q, "k": k, "lengths": lengths, "W": W}


@backward.inputs(S=(5, 4), B=(3, 4), D=(3, 2), H=(4, 3), says="the scores are about 1000, or about -1000")
def draw_backward_large(rng, S, B, D, H):
    return {"dc": rng.normal(size=(B, H)), **large(rng, S, B, D, H)}


@backward.answer
def sequence_by_sequence(dc, q, k, lengths, W):
    dq, dk, dW = np.zeros(q.shape), np.zeros(k.shape), np.zeros(W.shape)
    for b, n in enumerate(lengths):
        real = k[:n, b]  # (n, H)
        e = real @ (W.T @ q[b])
        a = np.exp(e - np.logaddexp.reduce(e))
        jacobian = np.diag(a) - np.outer(a, a)
        de = jacobian @ real @ dc[b]
        dW += np.outer(q[b], de @ real)
        dq[b] = W @ (de @ real)
        dk[:n, b] = np.outer(a, dc[b]) + np.outer(de, q[b] @ W)
    return dq, dk, dW


@backward.answer
def through_the_context(dc, q, k, lengths, W):
    """With de = a (dc . (k - c))."""
    e = np.einsum("bd,dk,sbk->sb", q, W, k)
    e = np.where(np.arange(len(k))[:, None] < lengths, e, -np.inf)
    a = np.exp(e - np.logaddexp.reduce(e, axis=0))
    c = np.einsum("sb,sbk->bk", a, k)
    de = a * np.einsum("bk,sbk->sb", dc, k - c)
    moved = np.einsum("sb,sbk->bk", de, k)
    return moved @ W.T, a[..., None] * dc + de[..., None] * (q @ W), q.T @ moved


# 5. forced_loss

forced = exercise("forced_loss", points=3, returns=("loss", "log_p"), adapter="tensors")


@forced.inputs(T=(5, 4, 6, 7), B=(3, 2, 1, 4))
def draw_forced(rng, T, B):
    begin, end = rng.choice(7, size=2, replace=False)
    lengths = rng.integers(1, T + 1, size=B)
    lengths[0] = T
    lengths[-1] = max(1, T - 2)
    y = rng.choice(np.setdiff1d(np.arange(7), [begin, end]), size=(T, B))
    padding = np.arange(T)[:, None] >= lengths
    y[padding] = rng.integers(7, size=(T, B))[padding]
    return {
        "decode": toys.fading_decoder,
        "y": y,
        "lengths": lengths,
        "begin": int(begin),
        "end": int(end),
    }


@forced.inputs(T=(6, 1), B=(4, 2), says="one text is empty: all that is left to say is its end")
def draw_forced_empty(rng, T, B):
    given = draw_forced(rng, T, B)
    given["lengths"][-1] = 0
    return given


@forced.answer
def text_by_text(decode, y, lengths, begin, end):
    log_p = []
    for b, n in enumerate(lengths.tolist()):
        said = [*y[:n, b].tolist(), end]
        z = decode(torch.tensor([begin, *said[:-1]])[:, None])[:, 0]
        log_p.append(sum(torch.log_softmax(z[t], dim=0)[v] for t, v in enumerate(said)))
    log_p = torch.stack(log_p)
    return -log_p.sum() / (lengths.sum() + len(lengths)), log_p


@forced.answer
def by_cross_entropy(decode, y, lengths, begin, end):
    T, B = y.shape
    t = torch.arange(T + 1)[:, None]
    last = torch.full((1, B), end)
    targets = torch.cat([y, last]).masked_fill(t == lengths, end).masked_fill(t > lengths, -100)
    z = decode(torch.cat([torch.full_like(last, begin), y]))
    nats = torch.nn.functional.cross_entropy(z.flatten(0, 1), targets.flatten(), reduction="none")
    return nats.sum() / (targets != -100).sum(), -nats.reshape(T + 1, B).sum(dim=0)


# 6. scheduled

scheduled = exercise(
    "scheduled", points=3, returns=("inputs", "losses"), forbidden=("rnncourse.layers", "rnncourse.models")
)


@scheduled.inputs(
    T=(6, 5, 8, 7), B=(3, 2, 1, 4), H=(4, 5, 6, 3), toy=(0, 0, 0, 1), eighths=(3, 4, 5, 3), begin=(1, 2, 0, 2)
)
def draw_scheduled(rng, T, B, H, toy, eighths, begin):
    if toy:
        H = 3
    V = 4 if toy else H
    u = rng.uniform(size=(T, B))
    u[:2, -1] = 0.9 * eighths / 8  # row 0 is not read: who does so feels the share
    return {
        "step": toys.small_reader if toy else toys.neighbour_reader,
        "y": rng.integers(V, size=(T, B)),
        "h0": rng.uniform(-1, 1, size=(B, H)),
        "begin": min(begin, V - 1),
        "share": eighths / 8,
        "u": u,
        "v": rng.uniform(size=(T, B)),
    }


@scheduled.inputs(
    T=(5, 4, 6),
    B=(3, 2, 3),
    toy=(1, 0, 1),
    eighths=(0, 8, 0),
    says="the share is 0 or 1: the model never reads its own words, or always",
)
def draw_scheduled_ends(rng, T, B, toy, eighths):
    return draw_scheduled(rng, T, B, 5, toy, 8 * (eighths > 4), 1)


@scheduled.answer
def one_text_at_a_time(step, y, h0, begin, share, u, v):
    T, B = y.shape
    inputs, losses = np.full((T, B), begin), np.zeros((T, B))
    for b in range(B):
        h, drawn = h0[b : b + 1], None
        for t in range(T):
            if t:
                inputs[t, b] = drawn(v[t, b]) if u[t, b] < share else y[t - 1, b]
            log_p, h = step(inputs[t, b : b + 1], h)
            losses[t, b] = -log_p[0, y[t, b]]
            steps = np.cumsum(np.exp(log_p[0]))
            drawn = lambda at, steps=steps: int(np.searchsorted(steps, at, side="right"))  # noqa: E731
    return inputs, losses


@scheduled.answer
def by_counting(step, y, h0, begin, share, u, v):
    B = y.shape[1]
    x, h, inputs, losses = np.repeat(begin, B), h0, [], []
    for y_t, u_next, v_next in zip(y, np.roll(u, -1, axis=0), np.roll(v, -1, axis=0), strict=True):
        log_p, h = step(x, h)
        inputs.append(x)
        losses.append(-np.take_along_axis(log_p, y_t[:, None], axis=1)[:, 0])
        below = np.cumsum(np.exp(log_p), axis=1) <= v_next[:, None]
        x = np.choose(u_next < share, [y_t, below[:, :-1].sum(axis=1)])
    return np.stack(inputs), np.stack(losses)


# 7. own_share

growing = exercise("own_share", points=2, returns="share", forbidden=("rnncourse.layers", "rnncourse.models"))


@growing.inputs(N=(5, 4, 6), k=(30, 7, 90), percent=(0, 10, 25))
def draw_linear(rng, N, k, percent):
    return {"i": updates(rng, N, 2 * k), "kind": "linear", "k": k, "least": percent / 100}


@growing.inputs(N=(5, 4, 6), steps=(10, 33, 5), percent=(0, 10, 30))
def draw_exponential(rng, N, steps, percent):
    return {"i": updates(rng, N, 4 * steps), "kind": "exponential", "k": 1 - 1 / steps, "least": percent / 100}


@growing.inputs(N=(5, 4, 6), halves=(10, 3, 24), percent=(0, 10, 25))
def draw_sigmoid(rng, N, halves, percent):
    return {"i": updates(rng, N, 4 * halves), "kind": "inverse sigmoid", "k": halves / 2, "least": percent / 100}


@growing.inputs(N=(5, 6), halves=(3, 5), percent=(10, 0), says="the last update is so late that exp(i / k) is infinite")
def draw_late(rng, N, halves, percent):
    given = draw_sigmoid(rng, N, halves, percent)
    given["i"][-1] = 400 * halves
    return given


def updates(rng, N, last):
    """The first, one early, and others in between, up to the last: where there is a floor, some lie on it."""
    return np.sort(np.r_[0, 1, rng.integers(2, last, size=N - 3), last])


@growing.answer
def one_update_at_a_time(i, kind, k, least):
    share = []
    for n in i.tolist():
        true = {"linear": lambda n: max(0, k - n) / k, "exponential": lambda n: math.exp(n * math.log(k))}.get(
            kind, lambda n: 1 / (1 + math.exp(min(n / k, 700) - math.log(k)))
        )(n)
        share.append(1 - max(true, least))
    return np.array(share)


@growing.answer
def capped(i, kind, k, least):
    if kind == "linear":
        own = np.minimum(i / k, 1)
    elif kind == "exponential":
        own = -np.expm1(i * np.log(k))
    else:
        own = 1 / (1 + k * np.exp(-i / k))
    return np.minimum(own, 1 - least)
