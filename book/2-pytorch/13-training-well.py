"""The record of chapter 13: its runs with other seeds. `rnncourse record 13` writes 13-training-well.json."""

import sys

from rnncourse.bench.record import definitions

SEEDS = 5


def record() -> dict:
    page = definitions(__file__, "setup", "text", "fresh", "patients-code", "faults")
    return {
        "seeds": SEEDS,
        "forgotten": [forgotten(page, seed) for seed in range(SEEDS)],
        "rates": rates(page),
        "patients": {fault: patients(page, fault) for fault in ("none", "lines, healthy", *page["FAULTS"].values())},
    }


def forgotten(page, seed: int) -> dict:
    """By piece: the difference of the validation losses at the end."""
    print("forgotten pieces, seed", seed, file=sys.stderr)
    return {name: round(gap, 6) for name, (_, gap) in page["costs"](seed).items()}


def rates(page, steps=300) -> dict:
    """Validation loss by learning rate and schedule, one value a seed."""
    training, found = page["training"], {}
    for lr in (0.01, 0.03, 0.1):
        schedules = (("constant", None), ("cosine", 0), ("warm-up and cosine", 30))
        for name, warmup in schedules[:1] if lr == 0.1 else schedules:
            print("learning rate", lr, name, file=sys.stderr)
            found[f"{lr}, {name}"] = []
            for seed in range(SEEDS):
                model, optimizer = page["started"](seed, lr)
                schedule = None if warmup is None else training.warmup_cosine(optimizer, steps, warmup)
                batches = training.Streams(page["train_ids"], T=32, B=32)
                training.train(model, page["loss"], batches, optimizer, training.Options(steps), scheduler=schedule)
                value = training.evaluate(model, page["loss"], page["held_out"])
                found[f"{lr}, {name}"].append(round(value, 4))
    return found


def patients(page, fault: str, seeds=3) -> list[dict]:
    """What the instruments show of one fault, one entry a seed."""
    print(fault, file=sys.stderr)
    return [
        {
            "training": round(run["training"][-1], 4),
            "validation": round(run["validation"][-1], 4),
            "largest norm": round(run["largest norm"], 4),
            "again": [round(value - run["again"][0], 8) for value in run["again"]],
            "first position": round(run["by position"][0] - run["by position"][-1], 3) if run["by position"] else None,
        }
        for run in (page["patient"](fault, seed=seed) for seed in range(seeds))
    ]
