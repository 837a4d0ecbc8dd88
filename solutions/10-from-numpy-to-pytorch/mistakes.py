"""Known mistakes of unit 10-from-numpy-to-pytorch."""

import torch
from checks import Base, basic, bridge, count, leaky, one, stream

from rnncourse.authoring import mistakes, slips

# 1. from_basic_lstm

slips(
    basic,
    {
        "i, j, f, o = torch": {
            "i, f, j, o = torch": "The blocks are left in the order of the checkpoint, and the second one got the forget bias: there the candidate comes second and the forget gate third.",
            "i, j, o, f = torch": "Forget and output gate are exchanged: the checkpoint ends with f, o.",
            "j, i, f, o = torch": "Input gate and candidate are exchanged: the checkpoint begins with i, j.",
        },
        "rows = torch.cat([i, f, j, o])": {
            "rows = torch.cat([i, f, o, j])": "The new order is that of ONNX, with the candidate last: nn.LSTM wants i, f, g, o.",
        },
        "torch.cat([kernel, bias[None]])": {
            "torch.cat([kernel[-H:], kernel[:-H], bias[None]])": "The rows of the kernel are read with the state first: the input's rows come first, the state's behind them.",
        },
        "f[:, -1:] + forget_bias": {
            "f[:, -1:]": "The forget bias is missing: the checkpoint does not hold it, the program added it at every step.",
            "f[:, -1:] - forget_bias": "The forget bias has the wrong sign: the program added it to the sum, so it is added to the bias.",
            "f[:, -1:] * forget_bias": "The forget bias is multiplied: the program added it.",
            "f[:, -1:] + 1.0": "The forget bias is taken to be 1: it is an argument, and not every checkpoint was trained with 1.",
            "f[:, -1:] + torch.sigmoid(torch.tensor(forget_bias))": "The forget bias has been squashed: it belongs to the sum inside the logistic function.",
        },
        "f = torch.cat([f[:, :-1], f[:, -1:] + forget_bias], dim=1)": {
            "f = f + forget_bias": "The forget bias has been added to the weights of the forget gate too: it is part of the bias alone.",
            "j = torch.cat([j[:, :-1], j[:, -1:] + forget_bias], dim=1)": "The forget bias has gone to the candidate, whose block is the second in the checkpoint.",
            "i, f, j, o = (torch.cat([g[:, :-1], g[:, -1:] + forget_bias], dim=1) for g in (i, f, j, o))": "The forget bias has been added to all four gates.",
        },
        "torch.zeros_like(bias)": {
            "rows[:, -1]": "The bias stands in both vectors, so the layer adds it twice: one of the two is zero.",
            "torch.cat([0 * i[:, -1], 0 * i[:, -1] + forget_bias, 0 * bias[2 * H :]])": "The forget bias stands in both vectors: their sum has it twice.",
        },
        '"bias_ih_l0": rows[:, -1]': {
            '"bias_ih_l0": torch.cat([bias[:H], bias[H : 2 * H] + forget_bias, bias[2 * H :]])': "The bias is still in the order of the checkpoint, and its second block got the forget bias: its blocks move with those of the weights.",
        },
    },
)


def converted(kernel, bias, forget_bias, weights="ifjo", recurrent=None, biases="ifjo", to="f", cut=None):
    """The weights with blocks in other orders, the forget bias on another block, or the rows cut elsewhere."""
    H = len(bias) // 4
    columns, b = dict(zip("ijfo", kernel.split(H, dim=1), strict=True)), dict(zip("ijfo", bias.split(H), strict=True))
    b[to] = b[to] + forget_bias
    W_x, W_h = (torch.cat([columns[k] for k in order], dim=1) for order in (weights, recurrent or weights))
    b, cut = torch.cat([b[k] for k in biases]), len(kernel) - H if cut is None else cut
    return {"weight_ih_l0": W_x[:cut].T, "weight_hh_l0": W_h[cut:].T, "bias_ih_l0": b, "bias_hh_l0": 0 * b}


def replaced(kernel, bias, forget_bias):
    bias = torch.cat([bias[: len(bias) // 2], 0 * bias[: len(bias) // 4], bias[-(len(bias) // 4) :]])
    return converted(kernel, bias, forget_bias)


def moved(kernel, bias, forget_bias, what):
    """`what` stands in the other vector: the forget bias alone, or all of the bias."""
    right, bare = converted(kernel, bias, forget_bias), converted(kernel, bias, 0.0)["bias_ih_l0"]
    ih, hh = (bare, right["bias_ih_l0"] - bare) if what == "forget bias" else (0 * bare, right["bias_ih_l0"])
    return right | {"bias_ih_l0": ih, "bias_hh_l0": hh}


mistakes(
    basic,
    all_in_old_order=(
        "Weights and bias are left in the order of the checkpoint: nn.LSTM has another.",
        lambda *given: converted(*given, weights="ijfo", biases="ijfo"),
    ),
    bias_in_old_order=(
        "The weights are in the new order, the bias is still in that of the checkpoint: its blocks move with theirs.",
        lambda *given: converted(*given, biases="ijfo"),
    ),
    weights_in_old_order=(
        "The bias is in the new order, the weights are still in that of the checkpoint.",
        lambda *given: converted(*given, weights="ijfo"),
    ),
    only_input=(
        "Only the input weights are in the new order: the recurrent ones have the same four blocks.",
        lambda *given: converted(*given, recurrent="ijfo"),
    ),
    only_recurrent=(
        "Only the recurrent weights are in the new order: those of the input have the same four blocks.",
        lambda *given: converted(*given, weights="ijfo", recurrent="ifjo"),
    ),
    to_input_gate=("The forget bias has gone to the input gate.", lambda *given: converted(*given, to="i")),
    to_output_gate=("The forget bias has gone to the output gate.", lambda *given: converted(*given, to="o")),
    cut_at_hidden=(
        "The rows of the kernel are cut after the first H: the first belong to the input, whose size is another.",
        lambda kernel, bias, fb: converted(kernel, bias, fb, cut=len(bias) // 4),
    ),
    replaced=(
        "The forget bias has taken the place of the forget gate's own bias: the program added it to that.",
        replaced,
    ),
    forget_bias_elsewhere=(
        "The forget bias stands in bias_hh_l0, which is to be zero.",
        lambda *given: moved(*given, "forget bias"),
    ),
    bias_elsewhere=(
        "All of the bias stands in bias_hh_l0, and bias_ih_l0 is zero: asked for is the other way round.",
        lambda *given: moved(*given, "all"),
    ),
)

# 2. bridge

slips(
    bridge,
    {
        "h_n[0::2], h_n[1::2]": {
            "h_n[1::2], h_n[0::2]": "The two directions are exchanged: within a layer the forward one comes first.",
            "h_n[: len(h_n) // 2], h_n[len(h_n) // 2 :]": "h_n is cut into halves: its entries go layer by layer, both directions of one layer side by side.",
            "h_n[0::2], h_n[0::2]": "The forward state is taken twice: the other half is the backward direction's.",
            "h_n[1::2], h_n[1::2]": "The backward state is taken twice: the first half is the forward direction's.",
            "h_n[0::2].detach(), h_n[1::2].detach()": "The states are detached: the encoder would learn nothing from the decoder's loss.",
            "h_n[-2:-1].expand(len(h_n) // 2, -1, -1), h_n[-1:].expand(len(h_n) // 2, -1, -1)": "Every layer starts from the encoder's last layer: each starts from the same layer of the encoder.",
            "h_n[:1].expand(len(h_n) // 2, -1, -1), h_n[1:2].expand(len(h_n) // 2, -1, -1)": "Every layer starts from the encoder's first layer: each starts from the same layer of the encoder.",
        },
        "torch.cat([forward, backward], dim=2)": {
            "h_n.reshape(len(h_n) // 2, -1, W.shape[1])": "A reshape alone keeps the order in memory and joins states of different sequences: the directions have to be put side by side for each sequence.",
            "torch.cat([forward + backward, forward + backward], dim=2) / 2": "The directions are averaged: each has its own half of the map.",
            "torch.stack([forward, backward], dim=3).flatten(2)": "The units of the two directions alternate: all of the forward state comes first, all of the backward state behind it.",
        },
        "torch.tanh(both @ W.T + b)": {
            "torch.tanh(both @ W.T)": "The bias is missing.",
            "torch.tanh(both @ W.T + b).detach()": "Everything is taken out of the graph: neither the encoder nor the map would learn.",
            "torch.tanh(both @ W.detach().T + b.detach())": "W and b are taken out of the graph: the map itself would never learn.",
            "torch.tanh(both @ W.detach().T + b)": "W is taken out of the graph: the map itself would never learn.",
            "torch.tanh(both @ W.T + b.detach())": "b is taken out of the graph: it would never learn.",
            "both @ W.T + b": "The tanh is missing: a state of the decoder lies between -1 and 1.",
            "torch.tanh(both @ W.T) + b": "The bias is added outside the tanh.",
            "torch.sigmoid(both @ W.T + b)": "A logistic function squashes in place of tanh.",
            "torch.tanh(both) @ W.T + b": "The states are squashed before the map: the sum is what is squashed.",
        },
    },
)


def one_by_one(h_n, W, b):
    H = h_n.shape[2]
    return (h_n[0::2] @ W[:, :H].T + b).tanh() + (h_n[1::2] @ W[:, H:].T).tanh()


def neighbours(h_n, W, b):
    L = len(h_n) // 2
    return torch.tanh(torch.cat([h_n[:L], h_n[1 : L + 1]], dim=2) @ W.T + b)


mistakes(
    bridge,
    one_by_one=("The two directions are squashed one by one: their sum is squashed once.", one_by_one),
    neighbours=("Layer l is read from the entries l and l + 1: each layer has two entries of its own.", neighbours),
)

# 3. LeakyRNN

slips(
    leaky,
    {
        "h = (1 - alpha) * h + alpha * new": {
            "h = alpha * h + (1 - alpha) * new": "The shares are exchanged: alpha is the share of the new value.",
            "h = (1 - alpha) * h + new": "The new value is not multiplied by its share.",
            "h = h + alpha * new": "Nothing leaks: the old state keeps only the share that is not replaced.",
            "h = (1 - alpha) * h.detach() + alpha * new": "The old state is detached on its straight road: gradients pass there too.",
            "h = torch.tanh((1 - alpha) * h + alpha * (x_t @ self.W_x.T + h @ self.W_h.T + self.b))": "The mixture is inside the tanh: the new value is squashed first, and then mixed with the old state.",
        },
        "torch.sigmoid(self.a)": {
            "torch.tanh(self.a)": "The share is tanh(a), which can be negative: asked for is the logistic function.",
            "0.5": "The share is one half whatever a is: was it computed in the constructor?",
            "torch.sigmoid(self.a[:1])": "All units have the share of the first: each has its own.",
            "self.a": "The share is a itself: the logistic function of a, which lies between 0 and 1, is missing.",
            "torch.sigmoid(self.a).detach()": "The share is detached: a would never learn.",
            "torch.sigmoid(self.a).mean()": "All units share one alpha: each has its own.",
            "torch.exp(self.a) / torch.exp(self.a).sum()": "The shares are a softmax: the units do not compete, each has a logistic function of its own.",
        },
        "torch.tanh(x_t @ self.W_x.T + h @ self.W_h.T + self.b)": {
            "torch.tanh(x_t @ self.W_x.T + h @ self.W_h.T)": "The bias is missing.",
            "(torch.tanh(x_t @ self.W_x.T + h @ self.W_h.T) + self.b)": "The bias is added outside the tanh.",
            "torch.relu(x_t @ self.W_x.T + h @ self.W_h.T + self.b)": "relu stands in place of tanh.",
            "torch.sigmoid(x_t @ self.W_x.T + h @ self.W_h.T + self.b)": "A logistic function stands in place of tanh.",
            "(x_t @ self.W_x.T + h @ self.W_h.T + self.b)": "The tanh is missing: the new value is squashed.",
            "torch.tanh(x_t @ self.W_x.T + h @ self.W_h + self.b)": "W_h is used in the wrong orientation: states are rows, so its transpose multiplies from the right.",
            "torch.tanh(x_t @ self.W_x.T + h.detach() @ self.W_h.T + self.b)": "The state is detached before the product with W_h: no gradient goes back through it.",
            "torch.tanh(x_t @ self.W_x.T + (1 - alpha) * h @ self.W_h.T + self.b)": "The product with W_h reads what is left of the old state: it reads the whole of it.",
        },
        "if h0 is None else h0[0]": {
            "if True else h0[0]": "The first state that is given is not used.",
        },
        "states.append(h)": {
            "states.append(new)": "The output holds the new values before they are mixed: it holds the states.",
            "states.append(h.detach())": "output is taken out of the graph: a loss on it would teach nothing.",
            "states.append(h)\n            h = h.detach()": "The state is detached between the steps: no gradient goes back through time.",
        },
        "h = (1 - alpha) * h + alpha * new\n            states.append(h)": {
            "states.append((1 - alpha) * h + alpha * new)": "The state is not carried on: every step starts from the first state, which is also h_n.",
            "states.append(h)\n            h = (1 - alpha) * h + alpha * new": "The state is stored before the step: output begins with the first state and lacks the last one.",
        },
        "h = (1 - alpha) * h + alpha * new\n            states.append(h)\n        return torch.stack(states), h[None]": {
            "states.append((1 - alpha) * h + alpha * new)\n        return torch.stack(states), states[-1][None]": "The state is not carried on: every step starts from the first state.",
        },
        "return torch.stack(states), h[None]": {
            "return torch.stack(states), states[0][None]": "h_n is the first state: it is the last one.",
            "return torch.stack(states), new[None]": "h_n is the last new value: it is the last state, after the mixture.",
            "return torch.stack(states), h[None].detach()": "No gradient goes from h_n back to the weights: a loss on the last state would teach nothing.",
            "return torch.stack(states), torch.zeros_like(h[None]) if h0 is None else h0": "h_n is the state at the beginning: it is the last one.",
        },
    },
)


class Kept(Base):
    """Without a first state it goes on from the last call."""

    def forward(self, x, h0=None):
        h = getattr(self, "h", x.new_zeros(x.shape[1], len(self.b))) if h0 is None else h0[0]
        alpha, states = torch.sigmoid(self.a), []
        for x_t in x:
            h = (1 - alpha) * h + alpha * torch.tanh(x_t @ self.W_x.T + h @ self.W_h.T + self.b)
            states.append(h)
        self.h = h
        return torch.stack(states), h[None]


mistakes(
    leaky,
    Kept=("Without h0 the layer goes on from where the call before ended: every call starts from zero then.", Kept),
)

# 4. stream_states

slips(
    stream,
    {
        "h.detach())": {
            "h.detach() if h is h0 else h)": "Only h0 is cut off: every later chunk begins with a cut as well.",
            "h)": "Nothing cuts the gradient: the state is handed over with its history, so every chunk sends gradients into all earlier ones.",
            "h0.detach())": "Every chunk starts from h0: the state of the chunk before is lost.",
            "0.0 * h.detach())": "Every chunk starts from zero, in all streams: only a new text does.",
        },
        "torch.where(new[:, None], 0.0, h.detach())": {
            "h.detach()": "fresh is not used: a new text starts with the state of the old one.",
            "torch.where(new[:, None], h.detach(), 0.0)": "fresh is turned round: where it is True the state is zero.",
            "torch.where(new.any(), 0.0, h.detach())": "One new text resets all streams: the others keep their state.",
            "torch.where(new[:, None], h0.detach(), h.detach())": "A new text starts from h0: it starts from zero.",
            "h if h is h0 else torch.where(new[:, None], 0.0, h.detach())": "The first chunk is no exception: its state is cut and reset as well.",
            "h.detach() if h is h0 else torch.where(new[:, None], 0.0, h.detach())": "fresh is not used in the first chunk: a text that begins there starts from zero too.",
            "torch.where(new[:, None], 0.0, h.detach() if h is not h0 else h)": "The gradient reaches h0: the first chunk cuts too, for h0 comes from a chunk before it.",
        },
        "for x_t in chunk:": {
            "for x_t in chunk.detach():": "The inputs are detached: within a chunk gradients reach them.",
        },
        "torch.tanh(x_t @ W_x.T + h @ W_h.T + b)": {
            "x_t @ W_x.T + h @ W_h.T + b": "The tanh is missing.",
        },
        "h @ W_h.T": {
            "h.detach() @ W_h.T": "The gradient is cut at every step: only the seams between chunks cut it.",
            "torch.where(new[:, None], 0.0, h) @ W_h.T": "A new text is reset at every step of its chunk: its state is zero at the beginning only.",
            "h @ W_h": "W_h is used in the wrong orientation: states are rows, so its transpose multiplies from the right.",
        },
        " + b)": {
            ")": "The bias is missing: b shifts every unit at every step.",
        },
        "states.append(h)": {
            "states.append(h.detach())": "The returned states are detached: no loss on them can teach anything.",
        },
        "    for chunk, new in zip(x.split(k), fresh, strict=True):\n        h = torch.where(new[:, None], 0.0, h.detach())\n        for x_t in chunk:\n            h = torch.tanh(x_t @ W_x.T + h @ W_h.T + b)\n            states.append(h)\n": {
            "    for chunk, new in zip(x.split(k), fresh, strict=True):\n        for x_t in chunk:\n            h = torch.tanh(x_t @ W_x.T + h @ W_h.T + b)\n            states.append(h)\n        h = torch.where(new[:, None], 0.0, h.detach())\n": "State and gradient are cut at the end of a chunk: fresh[s] belongs to the beginning of chunk s, the first included.",
        },
    },
)


def stepwise(x, h0, W_x, W_h, b, k, fresh, cut=lambda t, k, T: t % k == 0, row=lambda t, k: t // k, source=None):
    """Step by step, with cuts at other steps, other rows of fresh, or another state carried on."""
    h, states = h0, []
    for t in range(len(x)):
        if cut(t, k, len(x)):
            h = states[t - source(k)] if source and t else h
            h = torch.where(fresh[row(t, k)][:, None], 0.0, h.detach())
        h = torch.tanh(x[t] @ W_x.T + h @ W_h.T + b)
        states.append(h)
    return torch.stack(states)


def written_into(x, h0, W_x, W_h, b, k, fresh):
    """What detach() gives is written into."""
    h, states = h0, []
    for t in range(len(x)):
        if t % k == 0:
            h = h.detach()
            h[fresh[t // k]] = 0.0
        h = torch.tanh(x[t] @ W_x.T + h @ W_h.T + b)
        states.append(h)
    return torch.stack(states)


def stored_detached(x, h0, W_x, W_h, b, k, fresh):
    h, states = h0, []
    for t in range(len(x)):
        if t % k == 0:
            h = torch.where(fresh[t // k][:, None], 0.0, h)
        h = torch.tanh(x[t] @ W_x.T + h @ W_h.T + b)
        h = h.detach() if t % k == k - 1 else h
        states.append(h)
    return torch.stack(states)


mistakes(
    stream,
    too_early=(
        "State and gradient are cut one step too early, before the last step of a chunk.",
        lambda *given: stepwise(*given, cut=lambda t, k, T: (t + 1) % k == 0),
    ),
    too_late=(
        "State and gradient are cut one step too late, before the second step of a chunk.",
        lambda *given: stepwise(*given, cut=lambda t, k, T: t % k == min(1, k - 1)),
    ),
    first_of_chunk=(
        "A chunk starts from the first state of the chunk before: it starts from its last one.",
        lambda *given: stepwise(*given, source=lambda k: k),
    ),
    written_into=(
        "What detach() gives lies in the memory of the state itself: writing zeros into it changes the stored states or h0 too.",
        written_into,
    ),
    stored_detached=(
        "The last state of a chunk is detached before it is stored: it is part of the answer, with its gradient.",
        stored_detached,
    ),
)

# 5. torch_parameters

slips(
    count,
    {
        "2 * rows": {
            "2 * H": "The biases are counted for one block: each block has its own.",
            "rows": "One bias is counted: PyTorch has two.",
            "0": "The biases are missing.",
            "4 * H": "The biases are counted as if every cell had two blocks: each bias is as long as the weights have rows.",
            "2 * (P or rows)": "The biases have been projected too: they belong to the blocks of H rows.",
        },
        "I if layer == 0 else directions * state": {
            "directions * (state if layer else I)": "The first layer reads its input twice over: each direction reads it once.",
            "I": "Every layer reads the inputs: from the second on a layer reads the states of the one below.",
            "I if layer == 0 else state": "The layers above the first read one direction only: they read both, side by side.",
            "I if layer == 0 else directions * H": "The layers above read H numbers in spite of the projection: what is shown has P.",
            "I if layer == 0 else I + directions * state": "The layers above read the inputs as well: they read the states alone.",
        },
        "rows * read": {
            "H * read": "W_x is counted for one block: each block has its own.",
        },
        "rows * state": {
            "rows // H * state * state": "W_h is counted with as many rows as columns: with a projection the two differ.",
            "rows * H": "W_h reads H numbers in spite of the projection: the state that comes back has P.",
            "H * state": "W_h is counted for one block: each gate has its own.",
            "directions * rows * state": "W_h reads both directions: each direction has a recurrence of its own.",
        },
        " + P * H": {
            " + rows * P": "The projection is counted once per block: a layer has one for each direction.",
            " + P * (H + 1)": "The projection is given a bias: it has none.",
            " + P * P": "The projection is counted as a square matrix: it turns H numbers into P.",
            "": "The matrix of the projection itself is missing.",
            " + directions * P * H": "The projection is counted twice in two directions: each direction has one, and is counted already.",
        },
        '{"RNN": 1, "LSTM": 4, "GRU": 3}[cell] * H': {
            '{"RNN": 1, "LSTM": 4, "GRU": 3}[cell] * (P or H)': "The blocks are counted with P rows: they have H, the projection comes behind them.",
        },
        '{"RNN": 1, "LSTM": 4, "GRU": 3}': {
            '{"RNN": 1, "LSTM": 1, "GRU": 1}': "Gates are not counted: LSTM and GRU have several blocks of rows.",
            '{"RNN": 1, "LSTM": 4, "GRU": 2}': "The GRU is counted with two blocks: it has one more.",
            '{"RNN": 1, "LSTM": 3, "GRU": 2}': "The candidate is forgotten: beside its gates a cell has the block that makes the new value.",
            '{"RNN": 1, "LSTM": 3, "GRU": 4}': "LSTM and GRU are exchanged: the LSTM has four blocks, the GRU three.",
        },
        "total += directions * one": {
            "total += directions * (one - P * H) + P * H": "The projection is counted once per layer: each direction has its own.",
            "total += one": "The second direction is missing: it has weights of its own.",
            "total += (directions if layer == 0 else 1) * one": "Only the first layer is counted in both directions.",
        },
        "for layer in range(L)": {
            "for layer in range(1)": "Only the first layer is counted.",
        },
    },
)

# 6. as_one_bias

slips(
    one,
    {
        '2 * len(gradient) // 3 if cell == "GRU" else len(gradient)': {
            "len(gradient)": "The GRU is treated like the others: its third block has a bias of its own behind the reset gate.",
            "2 * len(gradient) // 3": "The last third is kept in every cell: only the GRU has such a bias, in an LSTM the third that is left belongs to g and o.",
            '0 if cell == "GRU" else len(gradient)': "The GRU is left as it is: in its first two blocks one of the two biases is superfluous.",
            'len(gradient) // 3 if cell == "GRU" else len(gradient)': "Only the block r of the GRU stands still: in z, too, only the sum of the biases counts.",
        },
        'name.startswith("bias_hh")': {
            "False": "bias_hh is left as it is in all cells: what is superfluous of it has to stand still.",
            'name.startswith("bias_hh") and cell != "RNN"': "nn.RNN is left as it is: it has two biases as well.",
            'name.startswith("bias_ih")': "The wrong one of the two stands still: in the third block of a GRU it is bias_hh that is needed, so bias_ih goes on in all.",
            'name == "bias_hh_l0"': "Only the first layer's forward direction is treated: every layer and direction has such a pair.",
            'name.startswith("bias_hh") and "reverse" not in name': "The backward directions are forgotten: each has a pair of its own.",
            'name.startswith("bias_hh_l0")': "The layers above the first are forgotten: each has a pair of its own.",
            '"hh" in name': "The recurrent weights stand still as well: only biases are superfluous.",
            'name.startswith("bias")': "Both biases stand still: one of the two has to learn.",
        },
        "torch.cat([still, gradient[kept:]])": {
            "torch.cat([gradient[: len(gradient) - kept], still])": "In the GRU the first block is kept, in place of the one behind the reset gate.",
            "torch.cat([still[kept // 2 :], gradient[kept // 2 : len(gradient) - kept // 2], still[: kept // 2]])": "In the GRU the second block is kept, in place of the one behind the reset gate.",
            'torch.cat([gradient[:kept], 0 * gradient[kept:]]) if cell == "GRU" else still': "In the GRU what is kept and what is zero are exchanged.",
            "torch.cat([gradient[:kept] / 2, gradient[kept:]])": "The gradient is halved: then the other bias still moves too, and their sum too far.",
            "gradient[kept:]": "The zeros are missing: a gradient has the length of its parameter.",
        },
        "still = torch.zeros_like(gradient[:kept])": {
            "still = gradient[:kept].zero_()": "The given gradients are overwritten, though the caller still needs them: make new tensors and a new dict.",
        },
        "found[name] = gradient": {
            'found[name] = gradient + gradients[name.replace("ih", "hh")] if "bias_ih" in name else gradient': "The gradient of bias_hh is added to that of bias_ih, which is to stay as it was.",
        },
    },
)
