"""Models that more than one chapter trains."""

from __future__ import annotations

import torch
from torch import nn

CELLS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class LanguageModel(nn.Module):
    """The next token of a text: embedding, recurrent layers, readout.

    V, E, H: symbols, embedding, hidden units; cell: "rnn" (tanh), "gru" or "lstm"; dropout: before, between and after
    the layers; tied: the readout's weights are the embedding's, which needs E = H. W_h begins orthogonal for each
    gate, a forget gate's bias at 1, in one of PyTorch's two bias vectors. ValueError for a cell there is not, or
    E != H if tied.

    Source: chapters 4, 6, 10 and 12; Press and Wolf (2017) for tied weights.
    """

    def __init__(self, V: int, E: int = 64, H: int = 128, layers: int = 1, cell="lstm", dropout=0.0, tied=False):
        super().__init__()
        if cell not in CELLS:
            raise ValueError(f"cell={cell!r}, expected one of {', '.join(CELLS)}")
        if tied and E != H:
            raise ValueError(f"tied weights need an embedding as wide as the state, but E={E} and H={H}")
        self.embedding = nn.Embedding(V, E)
        self.recurrent = CELLS[cell](E, H, layers, dropout=dropout if layers > 1 else 0.0)
        self.dropout, self.readout = nn.Dropout(dropout), nn.Linear(H, V)
        if tied:
            self.readout.weight = self.embedding.weight
        with torch.no_grad():
            self.embedding.weight.mul_(0.1 if tied else 0.3)  # small logits, so that the loss begins near ln V
            self.readout.bias.zero_()
            for name, w in self.recurrent.named_parameters():
                if name.startswith("weight_hh"):
                    for gate in w.split(H):
                        nn.init.orthogonal_(gate)
                elif name.startswith("bias"):
                    w.zero_()
                    if cell == "lstm" and name.startswith("bias_ih"):
                        w[H : 2 * H] = 1.0

    def forward(self, x, state=None):
        """x (T, B) ids and a state, or None -> logits (T, B, V) and the state after the last step."""
        h, state = self.recurrent(self.dropout(self.embedding(x)), state)  # (T, B, H)
        return self.readout(self.dropout(h)), state


@torch.no_grad()
def generate(model, prompt, length: int, temperature: float = 1.0, seed: int = 0) -> list[int]:
    """`length` ids, each drawn from what the model expects after the prompt (a list of ids) and the ones before it.

    temperature divides the logits; 0 takes the likeliest. ValueError for an empty prompt or a negative temperature.
    Source: chapter 4.
    """
    if not len(prompt):
        raise ValueError("the prompt is empty: the model needs one token at least to read before it says the next")
    if not temperature >= 0:
        raise ValueError(f"temperature={temperature}, expected 0 (the likeliest token) or more")
    place, training = next(model.parameters()).device, model.training
    model.eval()
    generator = torch.Generator().manual_seed(seed)  # on the CPU, so that every device draws the same
    read, state, ids = torch.as_tensor(prompt).view(-1, 1), None, []
    for _ in range(length):
        logits, state = model(read.to(place), state)  # (T, 1, V)
        last = logits[-1, 0].cpu().double()
        if temperature:
            p = torch.softmax((last - last.max()) / temperature, dim=0)  # nothing overflows
            ids.append(int(torch.multinomial(p, 1, generator=generator)))
        else:
            ids.append(int(last.argmax()))
        read = torch.tensor([[ids[-1]]])
    model.train(training)
    return ids
