"""The record of chapter 7: gates removed and cells compared with many seeds; a GRU unit and plain cells that hold a
number; and tanh, GRU and LSTM as models of chapter 4's text, at equal CPU time, beside counts."""

import sys
from time import process_time

import numpy as np
import torch

from rnncourse import data, training
from rnncourse.bench.record import definitions
from rnncourse.models import LanguageModel
from rnncourse.training.language import loss

SEEDS = range(3)
RATES = {  # two, and for the pair that is compared most closely one more on the side of the better
    "tanh 128": (0.005, 0.01, 0.02),
    "GRU 72": (0.01, 0.02),
    "LSTM 60": (0.01, 0.02, 0.04),
    "LSTM 128": (0.01, 0.02),
}
ROWS = {  # name: (cell, units, updates in about half a CPU-minute)
    "tanh 128": ("rnn", 128, 1750),
    "GRU 72": ("gru", 72, 1000),
    "LSTM 60": ("lstm", 60, 2000),
    "LSTM 128": ("lstm", 128, 1100),
}
ORDERS = range(3, 10)
MIXED = 5, 9  # orders of the counts that a network is mixed with
HOLDING = {  # name: (gates, units)
    "GRU, 1 unit": ("rz", 1),
    "plain, 3 units": ("", 3),
    "plain, 8 units": ("", 8),
    "plain, 16 units": ("", 16),
}
HOLDING_RATES = 0.005, 0.02, 0.05


def record():
    page = definitions(__file__, "ablation-cells")
    holding, gates = hold(page)
    found = {"language": language(), "parity": parity(page), "ablation": ablation(page)}
    return found | {"hold": holding, "gates": gates}


def ablation(page):
    """Per learning rate and cell: the share of right answers of twenty seeds. At 0.02 no cell with one gate."""
    found = {}
    for lr in (0.01, 0.02):
        cells = {name: cell for name, cell in page["cells"].items() if lr == 0.01 or cell[0] in ("rz", "")}
        found[f"{lr}"] = {
            name: [round(float(page["run"](*cell, seed, lr)), 4) for seed in range(20)] for name, cell in cells.items()
        }
    return found


def hold(page):
    """Per cell and learning rate the error of ten seeds; and the mean gates of the ten GRUs at the page's rate."""
    errors, gates = {}, []
    x, _, _ = page["hold"](np.random.default_rng(99), T=1000, B=16)
    for name, cell in HOLDING.items():
        errors[name] = {}
        for lr in HOLDING_RATES:
            networks = [page["fit_hold"](*cell, seed, lr) for seed in range(10)]
            errors[name][f"{lr}"] = [round(float(page["hold_error"](params)), 3) for params in networks]
            if name.startswith("GRU") and lr == 0.02:
                gates = [[round(mean, 4) for mean in page["mean_gates"](params, x)] for params in networks]
    return errors, gates


def parity(page):
    """Of a hundred seeds, how many solve the page's task; the first twenty are those of the page."""
    cells = {"GRU, 4 units": ("rz", 4), "plain, 8 units": ("", 8)}
    found = {name: [page["run"](*cell, seed, 0.01) >= 0.99 for seed in range(100)] for name, cell in cells.items()}
    return {name: {"first 20": int(sum(solved[:20])), "all 100": int(sum(solved))} for name, solved in found.items()}


def language():
    text = data.docstrings()
    vocabulary = data.Vocabulary(text)
    ids, V = vocabulary.encode(text), len(vocabulary)
    end, last = int(0.8 * ids.size), int(0.9 * ids.size)
    parts = {"train": ids[:end], "valid": ids[end:last], "test": ids[last:]}
    known = {line.strip() for line in text[:end].split("\n")}
    fresh = {name: unseen(vocabulary.decode(parts[name]), known) for name in ("valid", "test")}
    counts = {n: {name: -np.log(data.kneser_ney(parts["train"], parts[name], n, V)) for name in fresh} for n in ORDERS}
    found = {"counts": [{"order": n} | scores(losses, fresh) for n, losses in counts.items()], "runs": []}
    for name, (cell, H, steps) in ROWS.items():
        for lr in RATES[name]:
            for seed in SEEDS:
                found["runs"].append(run(name, cell, H, steps, lr, seed, parts, V, fresh, counts))
    return found


def run(name, cell, H, steps, lr, seed, parts, V, fresh, counts):
    """One network, trained and judged: losses in nats per character, the curve, gains of mixtures in bits."""
    torch.manual_seed(seed)
    model = LanguageModel(V, 64, H, cell=cell)
    optimizer = torch.optim.Adam(model.parameters(), lr)
    decay = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    valid = Clocked(chunks(parts["valid"]))
    options = training.Options(steps=steps, clip=1.0, validate_every=steps // 5, progress=False)
    begun = process_time()
    history = training.train(
        model, loss, training.Streams(parts["train"], 64, 32), optimizer, options, valid=valid, scheduler=decay
    )
    losses = {part: each_loss(model, parts[part]) for part in ("valid", "test")}
    row = {"name": name, "H": H, "parameters": sum(p.numel() for p in model.parameters())}
    row |= {"lr": lr, "seed": seed, "updates": steps, "cpu_seconds": valid.trained(begun)[-1]}
    row |= scores(losses, fresh, first=1)
    row["curve"] = {
        "seconds": valid.trained(begun),
        "updates": history["valid_step"],
        "valid": [round(value, 3) for value in history["valid_loss"]],
    }
    row["gain"] = {f"{n}": gain(losses, counts[n]) for n in MIXED}
    print({k: v for k, v in row.items() if k != "curve"}, file=sys.stderr, flush=True)
    return row


class Clocked:
    """Batches that note when a pass through them begins and ends, so that validation is not counted as training."""

    def __init__(self, batches):
        self.batches, self.passes = batches, []

    def __iter__(self):
        begun = process_time()
        yield from self.batches
        self.passes.append((begun, process_time()))

    def trained(self, begun):
        """CPU seconds of training before each pass."""
        seconds, idle = [], 0.0
        for start, stop in self.passes:
            seconds.append(round(start - begun - idle, 1))
            idle += stop - start
        return seconds


def chunks(ids, T=512, B=8):
    """A whole part as batches x, y: eight streams, the state carried, the last batch shorter."""
    N = (ids.size - 1) // B
    x, y = (torch.from_numpy(ids[s : s + N * B].reshape(B, N).T.copy()) for s in (0, 1))
    return list(zip(x.split(T), y.split(T), strict=True))


@torch.no_grad()
def each_loss(model, ids):
    """-log p of the characters 1, 2, ... of a part, in the order of the text."""
    model.eval()
    found, state = [], None
    for x, y in chunks(ids):
        logits, state = model(x, state)
        each = torch.nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none")
        found.append(each.view(y.shape))
    return torch.cat(found).T.flatten().double().numpy()


def unseen(text, known):
    """Which characters stand in lines that training does not hold; blank lines are left out. (N,)"""
    lines = text.split("\n")
    marks = [bool(line.strip()) and line.strip() not in known for line in lines]
    return np.repeat(marks, [len(line) + 1 for line in lines])[: len(text)]


def scores(losses, fresh, first=0):
    """Mean losses of validation and test part, and of their unseen lines alone; first: the first character judged."""
    row = {}
    for part, each in losses.items():
        where = fresh[part][first : first + each.size]
        row |= {part: round(each.mean(), 3), f"{part}_unseen": round(each[where].mean(), 3)}
    return row


def mixed(share, a, b):
    return -np.logaddexp(np.log(share) - a, np.log1p(-share) - b)


def gain(losses, counted):
    """Bits per character that mixing a network into counts gains on the test part; the share is chosen on valid."""
    part = {name: (each, counted[name][1 : each.size + 1]) for name, each in losses.items()}
    share = min(np.arange(0.01, 1, 0.01), key=lambda s: mixed(s, *part["valid"]).mean())
    bits = (part["test"][1].mean() - mixed(share, *part["test"]).mean()) / np.log(2)
    return {"share": round(share, 2), "bits": round(bits, 3)}
