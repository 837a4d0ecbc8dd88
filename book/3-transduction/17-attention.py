"""The record of chapter 17: three seeds and more updates. `rnncourse record 17` writes 17-attention.json."""

import sys

import numpy as np
import torch

from rnncourse.bench.record import definitions

SEEDS, EVERY = 3, 100


def record() -> dict:
    page = definitions(__file__, "setup", "parts", "encode", "bands", "pieces")
    return {
        "seeds": SEEDS,
        "tried": tried(page),
        "models": {name: [run(page, name, seed) for seed in range(SEEDS)] for name in MODELS},
    }


MODELS = {  # name: attention, directions of the encoder (1: from the right), updates, learning rate
    "no attention": (None, 2, 400, 0.008),
    "no attention, source reversed": (None, 1, 200, 0.008),
    "multiplicative": ("Multiplicative", 2, 200, 0.004),
    "additive": ("Additive", 2, 200, 0.004),
}


def tried(page) -> dict:
    """Other learning rates without attention, one seed: the validation part right after 200 updates."""
    training, found = page["training"], {}
    for lr in (0.002, 0.004, 0.016):
        model, optimizer, batches = page["started"](0, None, lr)
        training.train(model, page["loss"], batches, optimizer, training.Options(200))
        found[str(lr)] = share(page["is_right"](model, page["parts"]["valid"])[0])
    return found


def run(page, name: str, seed: int) -> dict:
    """One model: the share of right ones every 100 updates, by length at 200 and the end, pieces, alignment."""
    print(name, "seed", seed, file=sys.stderr)
    kind, directions, updates, lr = MODELS[name]
    training = page["training"]
    model, optimizer, batches = page["started"](seed, page.get(kind), lr, directions=directions)
    if directions == 1:
        model.encoder.__class__ = from_the_right(page["Encoder"])
    loss, options = page["loss"], training.Options(EVERY)
    valid, test, found = page["parts"]["valid"], page["parts"]["test"], {"valid": [], "test": {}}
    for done in range(EVERY, updates + 1, EVERY):
        training.train(model, loss, batches, optimizer, options)
        found["valid"].append(share(page["is_right"](model, valid)[0]))
        if done in (200, updates):
            ok, _ = page["is_right"](model, test)
            lengths = {band: share(part) for band, part in page["by_length"](ok, test).items()}
            forced, free, total = (part.sum() for part in page["piece_errors"](model, test))
            pieces = {"forced": share(forced / total), "free": share(free / total)}
            found["test"][str(done)] = {"right": share(ok), "by length": lengths, "pieces": pieces}
    if kind == "Multiplicative":
        found["crossing"] = [share(value) for value in page["crossing"](model, crossed(test))]
        found["7342"] = page["alignment"](model, 7342)[1].astype(float).round(3).tolist()
    return found


def crossed(numbers) -> list[int]:
    """The first sixty that end in tens and units, both said."""
    return [n for n in numbers if n % 100 > 20 and n % 10][:60]


def from_the_right(encoder):
    class Reversed(encoder):
        def forward(self, x, lengths):
            places = (lengths - 1 - torch.arange(len(x), device=x.device)[:, None]) % len(x)  # in the padding: anything
            return super().forward(x.gather(0, places), lengths)

    return Reversed


def share(value) -> float:
    return round(float(np.mean(value)), 4)
