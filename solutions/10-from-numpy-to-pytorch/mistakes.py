"""Known mistakes of unit 10-from-numpy-to-pytorch."""

from checks import basic, bridge, count, leaky, one, stream

from rnncourse.authoring import slips

slips(
    basic,
    {
        "i, j, f, o = torch": {
            "i, f, j, o = torch": "The blocks are left in the order of the checkpoint: there the candidate comes second and the forget gate third.",
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
            '"bias_ih_l0": torch.cat([bias[:H], bias[H : 2 * H] + forget_bias, bias[2 * H :]])': "The weights have been put in order, the bias has not: its four blocks move with the others.",
        },
    },
)

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
            "both @ W.T + b": "The tanh is missing: a state of the decoder lies between -1 and 1.",
            "torch.tanh(both @ W.T) + b": "The bias is added outside the tanh.",
            "torch.sigmoid(both @ W.T + b)": "A logistic function squashes in place of tanh.",
            "torch.tanh(both) @ W.T + b": "The states are squashed before the map: the sum is what is squashed.",
        },
    },
)

slips(
    leaky,
    {
        "h = (1 - alpha) * h + alpha * new": {
            "h = alpha * h + (1 - alpha) * new": "The shares are exchanged: alpha is the share of the new value.",
            "h = h + alpha * new": "Nothing leaks: the old state keeps only the share that is not replaced.",
            "h = (1 - alpha) * h.detach() + alpha * new": "The old state is detached on its straight road: gradients pass there too.",
            "h = torch.tanh((1 - alpha) * h + alpha * (x_t @ self.W_x.T + h @ self.W_h.T + self.b))": "The mixture is inside the tanh: the new value is squashed first, and then mixed with the old state.",
        },
        "torch.sigmoid(self.a)": {
            "self.a": "The share is a itself: the logistic function of a, which lies between 0 and 1, is missing.",
            "torch.sigmoid(self.a).detach()": "The share is detached: a would never learn.",
            "torch.sigmoid(self.a).mean()": "All units share one alpha: each has its own.",
            "torch.exp(self.a) / torch.exp(self.a).sum()": "The shares are a softmax: the units do not compete, each has a logistic function of its own.",
        },
        "torch.tanh(x_t @ self.W_x.T + h @ self.W_h.T + self.b)": {
            "torch.tanh(x_t @ self.W_x.T + h @ self.W_h.T)": "The bias is missing inside the tanh.",
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
        },
        "return torch.stack(states), h[None]": {
            "return torch.stack(states), states[0][None]": "h_n is the first state: it is the last one.",
            "return torch.stack(states), new[None]": "h_n is the last new value: it is the last state, after the mixture.",
            "return torch.stack(states), h[None].detach()": "h_n is detached: a loss on the last state would teach nothing.",
        },
    },
)

slips(
    stream,
    {
        "h.detach())": {
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
            "torch.where(new[:, None], 0.0, h.detach() if h is not h0 else h)": "The gradient reaches h0: the first chunk cuts too, for h0 comes from a chunk before it.",
        },
        "for x_t in chunk:": {
            "for x_t in chunk.detach():": "The inputs are detached: within a chunk gradients reach them.",
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

slips(
    count,
    {
        "2 * rows": {
            "rows": "One bias is counted: PyTorch has two.",
            "0": "The biases are missing.",
            "4 * H": "The biases are counted as if every cell had two blocks: each bias is as long as the weights have rows.",
            "2 * (P or rows)": "The biases have been projected too: they belong to the blocks of H rows.",
        },
        "I if layer == 0 else directions * state": {
            "I": "Every layer reads the inputs: from the second on a layer reads the states of the one below.",
            "I if layer == 0 else state": "The layers above the first read one direction only: they read both, side by side.",
            "I if layer == 0 else directions * H": "The layers above read H numbers in spite of the projection: what is shown has P.",
            "I if layer == 0 else I + directions * state": "The layers above read the inputs as well: they read the states alone.",
        },
        "rows * state": {
            "rows * H": "W_h reads H numbers in spite of the projection: the state that comes back has P.",
            "H * state": "W_h is counted for one block: each gate has its own.",
            "directions * rows * state": "W_h reads both directions: each direction has a recurrence of its own.",
        },
        " + P * H": {
            "": "The matrix of the projection itself is missing.",
            " + directions * P * H": "The projection is counted twice in two directions: each direction has one, and is counted already.",
        },
        '{"RNN": 1, "LSTM": 4, "GRU": 3}': {
            '{"RNN": 1, "LSTM": 3, "GRU": 2}': "The candidate is forgotten: beside its gates a cell has the block that makes the new value.",
            '{"RNN": 1, "LSTM": 3, "GRU": 4}': "LSTM and GRU are exchanged: the LSTM has four blocks, the GRU three.",
        },
        "total += directions * one": {
            "total += one": "The second direction is missing: it has weights of its own.",
            "total += (directions if layer == 0 else 1) * one": "Only the first layer is counted in both directions.",
        },
        "for layer in range(L)": {
            "for layer in range(1)": "Only the first layer is counted.",
        },
    },
)

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
            'name.startswith("bias_ih")': "The wrong one of the two stands still: in the third block of a GRU it is bias_hh that is needed, so bias_ih goes on in all.",
            'name == "bias_hh_l0"': "Only the first layer's forward direction is treated: every layer and direction has such a pair.",
            'name.startswith("bias_hh") and "reverse" not in name': "The backward directions are forgotten: each has a pair of its own.",
            'name.startswith("bias_hh_l0")': "The layers above the first are forgotten: each has a pair of its own.",
            '"hh" in name': "The recurrent weights stand still as well: only biases are superfluous.",
            'name.startswith("bias")': "Both biases stand still: one of the two has to learn.",
        },
        "torch.cat([still, gradient[kept:]])": {
            "torch.cat([gradient[:kept], 0 * gradient[kept:]])": "The wrong blocks stand still: what is kept and what is zero are exchanged.",
            "torch.cat([gradient[:kept] / 2, gradient[kept:]])": "The gradient is halved: then the other bias still moves too, and their sum too far.",
            "gradient[kept:]": "The zeros are missing: a gradient has the length of its parameter.",
        },
        "still = torch.zeros_like(gradient[:kept])": {
            "still = gradient[:kept].zero_()": "The given gradients are overwritten, though the caller still needs them: make new tensors and a new dict.",
        },
    },
)
