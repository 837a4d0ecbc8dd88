"""Inputs and other right answers for unit 12-deep-and-bidirectional; the known mistakes are in mistakes.py."""

import numpy as np
import torch
from torch import nn

from rnncourse.authoring import exercise
from rnncourse.check import toys

# 1. reach

reach = exercise("reach", points=2, returns=("back", "ahead"), adapter="tensors")
MODELS = (
    toys.slow_echo,
    toys.peeking,
    toys.rarely_far_ahead,
    toys.last_counts,
    toys.deaf,
    toys.only_highs,
    toys.fading_pair,
    toys.only_two_highs,
    toys.largest_yet,
)


@reach.inputs(
    k=(0, 1, 2, 3, 4, 2, 5, 5, 6, 7, 7, 8),
    T=(6, 4, 9, 5, 3, 8, 7, 6, 9, 8, 5, 7),
    B=(2, 3, 4, 1, 2, 5, 3, 4, 2, 1, 2, 3),
)
def draw_reach(rng, k, T, B, I):
    x, other = 2 * rng.normal(size=(2, T, B, I))
    if MODELS[k] is toys.rarely_far_ahead and B > 1:  # in one sequence it never looks ahead
        blind = 0 if T % 2 else B - 1
        x[:, blind], other[:, blind] = -np.abs(x[:, blind]), -np.abs(other[:, blind])
        x[0], other[-1] = -np.abs(x[0]), -np.abs(other[-1])  # what it reads last counts by x alone
        x[-1, 1 - min(blind, 1)] = 3.0
    if MODELS[k] is toys.only_highs:  # it reacts to one entry of `other` alone, and to no zero
        x, other = -np.abs(x) - 0.1, -np.abs(other) - 0.1
        other[T // 3 if T % 2 else 0, B // 2, -1] *= -1
    if MODELS[k] is toys.only_two_highs:  # one change alone makes two highs only beside the last input
        x, other = -np.abs(x) - 0.1, np.abs(other) + 0.1
        x[-1, B // 2] *= -1
    if MODELS[k] is toys.fading_pair:  # eighths: its sums are exact
        x = np.round(8 * x) / 8
        other = x + rng.choice([-1, 1], size=x.shape) * rng.integers(1, 20, size=x.shape) / 8
    return {"f": MODELS[k], "x": x, "other": other}


@reach.inputs(k=(0, 2), T=(1, 2), B=(3, 2), says="the sequences have only one or two steps")
def draw_reach_short(rng, k, T, B, I):
    return draw_reach(rng, k, T, B, I)


@reach.answer
def all_changes_at_once(f, x, other):
    """The changed copies side by side in one batch."""
    T, B = x.shape[:2]
    copies = x[:, None].repeat(1, T, 1, 1)  # (T, copy, B, I)
    copies[torch.arange(T), torch.arange(T)] = other
    y = f(copies.flatten(1, 2)).unflatten(1, (T, B))
    t, s = (y != f(x)[:, None]).flatten(2).any(2).nonzero(as_tuple=True)
    d = [0, *(t - s).tolist()]
    return max(d), -min(d)


@reach.answer
def from_the_far_end(f, x, other):
    T, before = len(x), f(x)

    def seen(s, t):
        changed = torch.cat([x[:s], other[s : s + 1], x[s + 1 :]])
        return not torch.equal(f(changed)[t], before[t])

    back = next((d for d in range(T - 1, 0, -1) if any(seen(t - d, t) for t in range(d, T))), 0)
    ahead = next((d for d in range(T - 1, 0, -1) if any(seen(t + d, t) for t in range(T - d))), 0)
    return back, ahead


# 2. locked_packed

packed = exercise(
    "locked_packed",
    points=3,
    returns="dropped",
    adapter="tensors",
    gradients=("data",),
    forbidden=("torch.nn.utils.rnn",),
)


@packed.inputs(B=(4, 3, 1, 6), training=(True, True, True, False), sixteenths=(8, 4, 7, 5))
def draw_packed(rng, B, I, training, sixteenths):
    p = sixteenths / 16
    lengths = np.sort(rng.integers(1, 7, size=B))[::-1]
    lengths[0] += 1
    batch_sizes = (np.arange(lengths[0])[:, None] < lengths).sum(axis=1)
    u = rng.uniform(size=(B, I))
    u[rng.integers(B), rng.integers(I)] = 0.9 * p  # dropped, and not at a rate that is a little smaller
    return {
        "data": rng.normal(size=(lengths.sum(), I)),
        "batch_sizes": batch_sizes,
        "u": u,
        "p": p,
        "training": training,
    }


@packed.inputs(B=(3, 2), training=(True, True), sixteenths=(4, 8), says="some numbers u are exactly p")
def draw_packed_ties(rng, B, I, training, sixteenths):
    given = draw_packed(rng, B, I, training, sixteenths)
    p = given["p"]
    given["u"][rng.uniform(size=(B, I)) < 0.5] = p
    given["u"][0] = p
    return given


@packed.answer
def step_by_step(data, batch_sizes, u, p, training):
    if not training:
        return data
    factor = torch.where(u < p, 0.0, 1 / (1 - p))
    steps = data.split(batch_sizes.tolist())
    return torch.cat([rows * factor[: len(rows)] for rows in steps])


@packed.answer
def by_sequence(data, batch_sizes, u, p, training):
    start = batch_sizes.cumsum(0) - batch_sizes
    found = data.clone()
    for b in range(len(u)):
        rows = start[batch_sizes > b] + b
        found[rows] = data[rows] * ((u[b] >= p) / (1 - p) if training else 1.0)
    return found


# 3. zoned_states

zoned = exercise("zoned_states", points=3, returns="h", adapter="tensors", gradients=("x", "h0"))


@zoned.inputs(T=(5, 4, 7, 6), B=(3, 2, 1, 4), training=(True, False, True, True))
def draw_zoned(rng, T, B, I, H, training):
    return {
        "step": toys.squashed_shift_tensors,
        "x": rng.normal(size=(T, B, I)),
        "h0": rng.uniform(-1, 1, size=(B, H)),
        "u": rng.uniform(size=(T, B, H)),
        "z": rng.uniform(0.2, 0.7, size=H),
        "training": training,
    }


@zoned.inputs(T=(4, 3), B=(2, 3), says="some numbers u are exactly the rate of their unit")
def draw_zoned_ties(rng, T, B, I, H):
    given = draw_zoned(rng, T, B, I, H, True)
    given["u"] = np.where(rng.uniform(size=(T, B, H)) < 0.5, given["z"], given["u"])
    given["u"][0] = given["z"]
    return given


@zoned.answer
def with_a_share(step, x, h0, u, z, training):
    h, states = h0, []
    for x_t, u_t in zip(x, u, strict=True):
        kept = (u_t < z).to(h) if training else z
        new = step(x_t, h)
        h = new + kept * (h - new)
        states += [h]
    return torch.stack(states)


@zoned.answer
def by_lerp(step, x, h0, u, z, training):
    share = torch.where(u < z, 0.0, 1.0) if training else (1 - z).expand(u.shape)  # of the new state
    h = [h0]
    for t in range(len(x)):
        h.append(torch.lerp(h[t], step(x[t], h[t]), share[t].to(h0)))
    return torch.stack(h[1:])


# 4. TiedEnds

tied = exercise(
    "TiedEnds",
    points=3,
    returns=("embedded", "logits"),
    adapter="module",
    forbidden=("torch.nn.Embedding", "torch.nn.Linear"),
)


@tied.inputs(T=(4, 1, 3, 5), B=(3, 2, 1, 4), V=(6, 7, 9, 5), E=(3, 2, 4, 5), H=(5, 4, 3, 2))
def draw_tied(rng, T, B, V, E, H):
    weights = {"weight": (V, E), "project": (E, H), "bias": V}
    return {
        "init": {"V": V, "E": E, "H": H},
        "weights": {name: rng.normal(size=size) for name, size in weights.items()},
        "inputs": {"x": rng.integers(V, size=(T, B)), "h": rng.uniform(-1, 1, size=(T, B, H))},
        "cotangents": {"embedded": rng.normal(size=(T, B, E)), "logits": rng.normal(size=(T, B, V))},
    }


class Base(nn.Module):
    """The constructor that the exercise gives."""

    def __init__(self, V, E, H):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(V, E))
        self.project = nn.Parameter(torch.zeros(E, H))
        self.bias = nn.Parameter(torch.zeros(V))


@tied.answer
class Functional(Base):
    def forward(self, x, h):
        embedded = nn.functional.embedding(x, self.weight) * self.weight.shape[1] ** 0.5
        middle = nn.functional.linear(h, self.project)
        return embedded, nn.functional.linear(middle, self.weight, self.bias)


@tied.answer
class OneHot(Base):
    def forward(self, x, h):
        V, E = self.weight.shape
        chosen = nn.functional.one_hot(x, V).to(self.weight)
        to_logits = self.weight @ self.project  # (V, H)
        return chosen @ (self.weight * E**0.5), torch.einsum("tbh,vh->tbv", h, to_logits) + self.bias


# 5. both_ways

both = exercise("both_ways", points=4, returns="output", adapter="tensors", gradients=("x", "h0_right", "h0_left"))


@both.inputs(T=(6, 5, 4, 8), B=(3, 4, 1, 2))
def draw_both(rng, T, B, I, H):
    lengths = rng.integers(1, T + 1, size=B)
    lengths[0], lengths[-1] = T, min(T, 3)
    x = rng.normal(size=(T, B, I))
    x[np.arange(T)[:, None] >= lengths] = 9.0
    h0_right, h0_left = rng.uniform(-1, 1, size=(2, B, H))
    return {
        "right": toys.squashed_shift_tensors,
        "left": toys.gated_sum_tensors,
        "x": x,
        "h0_right": h0_right,
        "h0_left": h0_left,
        "lengths": lengths,
    }


@both.answer
def one_by_one(right, left, x, h0_right, h0_left, lengths):
    T, B = x.shape[:2]
    H = h0_right.shape[1]
    columns = []
    for b, n in enumerate(lengths.tolist()):
        h, g, there, back = h0_right[b : b + 1], h0_left[b : b + 1], [], []
        for t in range(n):
            h, g = right(x[t, b : b + 1], h), left(x[n - 1 - t, b : b + 1], g)
            there.append(h)
            back.insert(0, g)
        real = torch.cat([torch.cat(there), torch.cat(back)], dim=1)  # (n, 2H)
        columns.append(torch.cat([real, real.new_zeros(T - n, 2 * H)]))
    return torch.stack(columns, dim=1)


@both.answer
def by_index(right, left, x, h0_right, h0_left, lengths):
    """Turn each sequence round within its length, read both alike, and turn back."""
    T = len(x)
    t = torch.arange(T)[:, None]
    turned = torch.where(t < lengths, lengths - 1 - t, t)  # its own inverse
    rows = torch.arange(x.shape[1])

    def read(step, x, h):
        states = []
        for x_t in x:
            h = step(x_t, h)
            states.append(h)
        return torch.stack(states)

    output = torch.cat([read(right, x, h0_right), read(left, x[turned, rows], h0_left)[turned, rows]], dim=2)
    return torch.where((t < lengths)[..., None], output, 0.0)


# 6. chrono_biases

chrono = exercise("chrono_biases", points=3, returns="parameters", adapter="tensors")


@chrono.inputs(L=(2, 1, 3, 2), directions=(2, 1, 2, 1), I=(3, 2, 4, 1), H=(4, 5, 1, 3), longest=(50, 12, 400, 90))
def draw_chrono(rng, L, directions, I, H, longest):
    parameters = {}
    for layer in range(L):
        for direction in ("", "_reverse")[:directions]:
            read = directions * H if layer else I
            sizes = {"weight_ih": (4 * H, read), "weight_hh": (4 * H, H), "bias_ih": 4 * H, "bias_hh": 4 * H}
            parameters |= {f"{n}_l{layer}{direction}": rng.normal(size=s) for n, s in sizes.items()}
    return {"parameters": parameters, "u": rng.uniform(size=(L * directions, H)), "longest": longest}


@chrono.answer
def by_name(parameters, u, longest):
    found = {name: p.clone() for name, p in parameters.items()}
    rows = iter((1 + u * (longest - 2)).log())
    for name in found:
        if name.startswith("bias"):
            found[name].zero_()
        if name.startswith("bias_ih"):
            i, f, _, _ = found[name].chunk(4)
            f.copy_(next(rows))
            i.copy_(-f)
    return found


@chrono.answer
def by_place(parameters, u, longest):
    zero = torch.zeros_like(u)
    f = torch.log1p(u * (longest - 2))
    biases = torch.cat([-f, f, zero, zero], dim=1)  # (places, 4H)
    found, places = {}, [n[8:] for n in parameters if n.startswith("bias_ih_")]
    for name, p in parameters.items():
        kind, place = name[:8], name[8:]
        found[name] = {"bias_ih_": biases, "bias_hh_": 0 * biases}[kind][places.index(place)] if "bias" in kind else p
    return found
