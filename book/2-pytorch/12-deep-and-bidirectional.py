"""The record of chapter 12: regularisers of a model of words, deep stacks, and a language model that cheats."""

import torch
from torch.nn import functional as F

from rnncourse.bench.record import definitions

SEEDS = range(5)
FRESH = {"drop": F.dropout, "input": 0.2, "between": 0.2, "output": 0.4}
LOCKED = {"input": 0.2, "between": 0.2, "output": 0.4}
PENALTIES = {"ar": 0.5, "tar": 0.25}
ROWS = {  # name: (options of the model, options of the training)
    "none": ({}, {}),
    "between layers": ({"drop": F.dropout, "between": 0.4}, {}),
    "everywhere": (FRESH, {}),
    "locked": (LOCKED, {}),
    "locked, weight drop": (LOCKED | {"weight": 0.1}, {}),
    "locked, zoneout": (LOCKED | {"zone": 0.05}, {}),
    "locked, layer norm": (LOCKED | {"norm": True}, {}),
    "locked, tied": (LOCKED | {"tied": True}, {}),
    "locked, AR and TAR": (LOCKED, PENALTIES),
    "AWD recipe": (LOCKED | {"weight": 0.1, "tied": True, "word": 0.05}, PENALTIES),
}
DEPTHS = [(1, False), (8, False), (8, True)]


def record():
    page = definitions(__file__, "setup", "future-task", "words")
    return {"words": words(page), "depth": depth(page), "cheat": cheat(page)}


def words(page):
    """Per row and seed: nats per word of the training part, of the validation part by epoch, and of the test part."""
    found = {}
    for name, (options, penalties) in ROWS.items():
        found[name] = {"train": [], "valid": [], "test": []}
        for seed in SEEDS:
            torch.manual_seed(seed)
            model = page["WordModel"](page["V"], **options)
            found[name]["parameters"] = sum(p.numel() for p in model.parameters())
            history = page["train"](model, page["ids"], **penalties)
            found[name]["valid"].append([round(loss, 3) for loss in history])
            for part in ("train", "test"):
                found[name][part].append(round(page["nats"](model, page["ids"][part]), 3))
    return found


def depth(page):
    """Per number of layers, with and without residuals: the shares of right answers of all seeds."""
    found = []
    for layers, residual in DEPTHS:
        shares = []
        for seed in SEEDS:
            torch.manual_seed(seed)
            model = page["Tagger"](layers=layers, residual=residual)
            shares.append(round(page["train_tagger"](model, delay=page["K"], seed=seed), 3))
        found.append({"layers": layers, "residual": residual, "right": shares})
    return found


def cheat(page):
    """Per direction and seed: perplexity of all predictions, and of the last of each piece."""
    found = {"causal": [], "bidirectional": []}
    for name, values in found.items():
        for seed in SEEDS:
            torch.manual_seed(seed)
            model = page["Guesser"](page["V"], both=name == "bidirectional")
            page["train_guesser"](model, page["ids"]["train"])
            values.append([round(value, 2) for value in page["perplexities"](model, page["ids"]["valid"])])
    return found
