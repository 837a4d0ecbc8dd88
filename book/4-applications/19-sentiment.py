"""The record of chapter 19: ten seeds, and fewer reviews. `rnncourse record 19` writes 19-sentiment.json."""

import sys

from rnncourse.bench.record import definitions

SEEDS, FEW, SIZES = 10, 3, (500, 1000)  # some things are tried with a few of the seeds only
CURVES = ("the rule, by hand", "negation and contrast marked", "1 to 3 words, hidden layer")


def record() -> dict:
    page = definitions(__file__, "setup", "words", "forms", "draw", "marks", "counts", "accuracy")
    results = {"seeds": [], "sizes": {str(n): [] for n in SIZES}, "longer": []}
    for seed in range(SEEDS):
        parts = page["draw_parts"](seed)
        results["seeds"].append(everything(page, parts, seed))
        if seed < FEW:
            for n in SIZES:
                results["sizes"][str(n)].append(fewer(page, parts, seed, n))
            results["longer"].append(longer(page, parts, seed))
    return results


def everything(page, parts, seed) -> dict:
    """By method, the accuracy on each part; of the networks also the loss at every word and the loss's history."""
    train, valid = parts["train"], parts["valid"]
    names = [name for name in page["TABLE"] if seed < FEW or not name.startswith("1 to")]
    found = {name: rounded(accuracies(page, counted(page, name, train, valid), parts)) for name in names}
    model, number, history = page["trained"](train, valid, seed)
    nets = {"asked at the end": model}
    nets["asked at every word"] = page["trained_on"](model, number, train, valid, seed, page["at_every_word"])
    if seed < FEW:
        nets["+400 at the end"] = page["trained_on"](model, number, train, valid, seed, page["at_the_end"])
    for name, net in nets.items():
        found[name] = rounded(accuracies(page, page["by_network"](net, number), parts))
        loss = page["training"].evaluate(net, page["at_every_word"], [page["collate"](number, parts["test"])])
        found[name]["nats at every word"] = round(loss, 4)
        print("seed", seed, name, found[name], file=sys.stderr, flush=True)
    found["asked at the end"]["validation"] = [round(value, 4) for value in history["valid_loss"]]
    found["ideal reader"] = {"nats at every word": round(page["ideal_loss"](parts["test"]), 4)}
    return found


def fewer(page, parts, seed, n) -> dict:
    """The accuracy on the test part after the first n reviews of training; the network's losses."""
    train, valid = parts["train"][:n], parts["valid"]
    found = {name: counted(page, name, train, valid) for name in CURVES}
    model, number, history = page["trained"](train, valid, seed)
    found["asked at the end"] = page["by_network"](model, number)
    found = {name: round(accuracies(page, decide, parts)["test"], 4) for name, decide in found.items()}
    print("seed", seed, n, "reviews", found, file=sys.stderr, flush=True)
    return found | losses(history)


def longer(page, parts, seed) -> dict:
    """500 reviews with weight decay and more steps."""
    model, number, history = page["trained"](parts["train"][:500], parts["valid"], seed, steps=1200, decay=0.1)
    found = {"test": round(accuracies(page, page["by_network"](model, number), parts)["test"], 4)}
    print("seed", seed, "longer", found, file=sys.stderr, flush=True)
    return found | losses(history)


def losses(history) -> dict:
    """Every 50 steps, the validation loss, and the mean training loss of the 50."""
    batches = [sum(history["loss"][k : k + 50]) / 50 for k in range(0, len(history["loss"]), 50)]
    return {
        "validation": [round(value, 4) for value in history["valid_loss"]],
        "training": [round(value, 4) for value in batches],
    }


def accuracies(page, decide, parts):
    return page["accuracies"](decide, parts)


def counted(page, name, train, valid):
    return page["by_counts"](page["fitted"](name, train, valid))


def rounded(values: dict) -> dict:
    return {name: round(value, 4) for name, value in values.items()}
