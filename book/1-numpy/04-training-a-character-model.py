"""The record of chapter 4: three rules of training at five learning rates each, and chunks of three lengths with the
state carried or thrown away, with several seeds."""

from rnncourse.bench.record import definitions

SEEDS = {"rates": range(3), "by_length": range(4)}
LENGTHS = 1, 4, 64
STATES = {"carried": True, "thrown away": False}


def record():
    page = definitions(__file__, "setup", "momentum")
    return {"rates": rates(page), "by_length": by_length(page)}


def rates(page):
    """Per rule: for each learning rate of the page's grid the last losses, one a seed."""
    return {
        name: [
            [round(float(page["short_run"](rule, lr, seed, page["train"], page["V"])), 3) for seed in SEEDS["rates"]]
            for lr in grid
        ]
        for name, (rule, grid) in page["rules"].items()
    }


def by_length(page):
    """Per length of chunks and what happens to the state: the losses with the state carried and from zero, per seed."""
    train, part, V = page["train"], page["valid"][:40_001], page["V"]
    found = {}
    for T in LENGTHS:
        found[f"{T}"] = {
            name: [
                [round(float(u), 3) for u in page["trained_in_chunks"](T, carry, seed, train, part, V)]
                for seed in SEEDS["by_length"]
            ]
            for name, carry in STATES.items()
        }
    return found
