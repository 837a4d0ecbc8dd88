"""Inputs and other right answers for unit 10-from-numpy-to-pytorch; the known mistakes are in mistakes.py."""

import torch
from torch import nn

from rnncourse.authoring import exercise

LAYERS = ("torch.nn.RNN", "torch.nn.LSTM", "torch.nn.GRU")
CELLS = ("torch.nn.RNNCell", "torch.nn.LSTMCell", "torch.nn.GRUCell")

# 1. from_basic_lstm

basic = exercise("from_basic_lstm", points=3, returns="state", adapter="tensors")


@basic.inputs(I=(3, 2, 1, 4), H=(2, 4, 3, 1))
def draw_basic(rng, I, H):
    forget_bias = [1.0, 0.5, 2.0, 1.5][H - 1]
    return {"kernel": rng.normal(size=(I + H, 4 * H)), "bias": rng.normal(size=4 * H), "forget_bias": forget_bias}


@basic.answer
def by_index(kernel, bias, forget_bias):
    H = kernel.shape[1] // 4
    order = torch.arange(4 * H).view(4, H)[[0, 2, 1, 3]].flatten()
    b = bias[order]
    b[H : 2 * H] += forget_bias
    I = len(kernel) - H
    names = "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"
    return dict(zip(names, (kernel[:I, order].T, kernel[I:, order].T, b, torch.zeros(4 * H)), strict=True))


@basic.answer
def with_a_layer(kernel, bias, forget_bias):
    H = bias.numel() // 4
    lstm = nn.LSTM(kernel.shape[0] - H, H, dtype=kernel.dtype)
    with torch.no_grad():
        for p in lstm.parameters():
            p.zero_()
        for gate, place in enumerate((0, 2, 1, 3)):
            columns, rows = slice(place * H, (place + 1) * H), slice(gate * H, (gate + 1) * H)
            lstm.weight_ih_l0[rows] = kernel[:-H, columns].T
            lstm.weight_hh_l0[rows] = kernel[-H:, columns].T
            lstm.bias_ih_l0[rows] = bias[columns] + (forget_bias if gate == 1 else 0)
    return lstm.state_dict()


# 2. bridge

bridge = exercise("bridge", points=2, returns="h0", adapter="tensors", gradients=("h_n", "W", "b"))


@bridge.inputs(L=(2, 3, 1, 4), B=(3, 2, 4, 1), H=(4, 1, 2, 3), D=(5, 3, 6, 2))
def draw_bridge(rng, L, B, H, D):
    return {
        "h_n": rng.uniform(-1, 1, size=(2 * L, B, H)),
        "W": rng.normal(size=(D, 2 * H)),
        "b": rng.normal(size=D),
    }


@bridge.answer
def by_view(h_n, W, b):
    layers = h_n.view(len(h_n) // 2, 2, *h_n.shape[1:])  # (L, 2, B, H)
    return torch.tanh(nn.functional.linear(layers.permute(0, 2, 1, 3).flatten(2), W, b))


@bridge.answer
def by_loop(h_n, W, b):
    H = h_n.shape[2]
    pairs = zip(h_n[::2], h_n[1::2], strict=True)
    return torch.stack([(f @ W[:, :H].T + r @ W[:, H:].T + b).tanh() for f, r in pairs])


# 3. LeakyRNN

leaky = exercise(
    "LeakyRNN", points=4, returns=("output", "h_n"), adapter="module", forbidden=("rnncourse.layers", *LAYERS, *CELLS)
)


@leaky.inputs(T=(4, 3, 1, 5), B=(3, 2, 4, 1), I=(2, 3, 1, 4), H=(4, 5, 1, 2))
def draw_leaky(rng, T, B, I, H):
    h0 = None if B == 2 else rng.uniform(-1, 1, size=(1, B, H))
    weights = {"W_x": (H, I), "W_h": (H, H), "b": H, "a": H}
    return {
        "init": {"inputs": I, "hidden": H},
        "weights": {name: rng.normal(size=size) for name, size in weights.items()},
        "inputs": {"x": rng.normal(size=(T, B, I)), "h0": h0},
        "cotangents": {"output": rng.normal(size=(T, B, H)), "h_n": rng.normal(size=(1, B, H))},
    }


class Base(nn.Module):
    """The constructor that the exercise gives."""

    def __init__(self, inputs, hidden):
        super().__init__()
        self.W_x = nn.Parameter(torch.zeros(hidden, inputs))
        self.W_h = nn.Parameter(torch.zeros(hidden, hidden))
        self.b = nn.Parameter(torch.zeros(hidden))
        self.a = nn.Parameter(torch.zeros(hidden))


@leaky.answer
class ProjectedFirst(Base):
    def forward(self, x, h0=None):
        if h0 is None:
            h0 = torch.zeros(1, x.size(1), self.b.numel(), dtype=x.dtype, device=x.device)
        keep, from_x, states = torch.sigmoid(-self.a), x @ self.W_x.T + self.b, [h0.squeeze(0)]
        for a in from_x:
            states.append(states[-1] * keep + (1 - keep) * torch.tanh(a + states[-1] @ self.W_h.T))
        output = torch.stack(states[1:])
        return output, output[-1:]


@leaky.answer
class ByLerp(Base):
    def forward(self, x, h0=None):
        h = torch.zeros_like(x[0, :, :1]).repeat(1, len(self.b)) if h0 is None else h0[-1]
        share, states = 1 / (1 + torch.exp(-self.a)), []
        for t in range(len(x)):
            new = nn.functional.linear(x[t], self.W_x, self.b) + nn.functional.linear(h, self.W_h)
            h = torch.lerp(h, new.tanh(), share)
            states += [h]
        return torch.stack(states), h.unsqueeze(0)


# 4. stream_states

stream = exercise(
    "stream_states",
    points=4,
    returns="h",
    adapter="tensors",
    gradients=("x", "h0", "W_x", "W_h", "b"),
    forbidden=("rnncourse.layers", *LAYERS, *CELLS),
)


@stream.inputs(B=(3, 1, 4, 2), chunks=(3, 2, 2, 4), k=(2, 3, 4, 1))
def draw_stream(rng, B, I, H, chunks, k):
    fresh = rng.random((chunks, B)) < 0.4
    fresh[:2, :2] = [[False, True], [True, False]][:2] if B > 1 else [[False], [True]]
    return {
        "x": rng.normal(size=(chunks * k, B, I)),
        "h0": rng.uniform(-1, 1, size=(B, H)),
        "W_x": rng.normal(size=(H, I)),
        "W_h": rng.normal(size=(H, H)),
        "b": rng.normal(size=H),
        "k": k,
        "fresh": fresh,
    }


@stream.answer
def by_step(x, h0, W_x, W_h, b, k, fresh):
    h, states = h0, []
    for t, x_t in enumerate(x):
        if t % k == 0:
            h = h.detach() * (~fresh[t // k])[:, None]
        h = torch.tanh(x_t @ W_x.T + h @ W_h.T + b)
        states.append(h)
    return torch.stack(states)


@stream.answer
def by_chunk(x, h0, W_x, W_h, b, k, fresh):
    def read(chunk, h):
        states = []
        for x_t in chunk:
            h = nn.functional.linear(x_t, W_x, b).add(h @ W_h.T).tanh()
            states.append(h)
        return states

    found = []
    for s in range(len(x) // k):
        with torch.no_grad():
            h = (found[-1] if found else h0).clone()
            h[fresh[s]] = 0
        found += read(x[s * k : (s + 1) * k], h)
    return torch.stack(found)


# 5. torch_parameters

count = exercise(
    "torch_parameters", points=2, returns="total", adapter="tensors", forbidden=("rnncourse.layers", "torch.nn")
)
KINDS = [("RNN", 1, 0), ("LSTM", 1, 0), ("GRU", 2, 0), ("LSTM", 2, 3), ("LSTM", 1, 2), ("RNN", 2, 0), ("LSTM", 2, 0)]
KINDS += [("LSTM", 2, 4), ("LSTM", 1, 3), ("GRU", 1, 0)]


@count.inputs(
    I=(5, 3, 4, 7, 2, 6, 9, 5, 8, 2), H=(6, 4, 7, 5, 8, 3, 4, 6, 9, 5), L=(1, 1, 2, 3, 2, 3, 2, 1, 1, 3), kind=range(10)
)
def draw_count(rng, I, H, L, kind):
    cell, directions, P = KINDS[kind]
    return {"cell": cell, "I": I, "H": H, "L": L, "directions": directions, "P": min(P, H - 1)}


@count.answer
def first_and_others(cell, I, H, L, directions, P):
    blocks, shown = {"R": 1, "L": 4, "G": 3}[cell[0]], P or H

    def layer(read):
        return directions * (blocks * H * (read + shown + 2) + H * P)

    return layer(I) + (L - 1) * layer(directions * shown)


@count.answer
def by_shapes(cell, I, H, L, directions, P):
    G = {"RNN": 1, "LSTM": 4, "GRU": 3}[cell]
    shapes = []
    for layer in range(L):
        for _ in range(directions):
            shapes += [(G * H, (P or H) * directions if layer else I), (G * H, P or H), (2, G * H), (P, H)]
    return int(sum(torch.zeros(shape).numel() for shape in shapes))


# 6. as_one_bias

one = exercise("as_one_bias", points=2, returns="gradients", adapter="tensors")


@one.inputs(L=(1, 2, 2, 1, 2), kind=(0, 1, 2, 1, 0), I=(2, 3, 1, 4, 3), H=(3, 2, 4, 1, 2))
def draw_one(rng, L, kind, I, H):
    cell, G = (("LSTM", 4), ("GRU", 3), ("RNN", 1))[kind]
    gradients = {}
    for layer in range(L):
        for direction in ("", "_reverse"):
            read = 2 * H if layer else I
            sizes = {"weight_ih": (G * H, read), "weight_hh": (G * H, H), "bias_ih": G * H, "bias_hh": G * H}
            gradients |= {f"{n}_l{layer}{direction}": rng.normal(size=s) for n, s in sizes.items()}
    return {"gradients": gradients, "cell": cell}


@one.answer
def by_mask(gradients, cell):
    found = {name: g.clone() for name, g in gradients.items()}
    for name in found:
        if "bias_hh" in name:
            H = len(found[name]) // 3
            found[name][: 2 * H if cell == "GRU" else None] = 0
    return found


@one.answer
def by_blocks(gradients, cell):
    keep = {"RNN": [0.0], "LSTM": [0.0] * 4, "GRU": [0.0, 0.0, 1.0]}[cell]

    def changed(name, g):
        weight = torch.tensor(keep, dtype=g.dtype).repeat_interleave(len(g) // len(keep))
        return g * weight if name.split("_l")[0] == "bias_hh" else g

    return {name: changed(name, g) for name, g in gradients.items()}
