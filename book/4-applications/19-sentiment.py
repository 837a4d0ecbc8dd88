"""The record of chapter 19: other seeds, and fewer reviews. `rnncourse record 19` writes 19-sentiment.json."""

import sys

from rnncourse.bench.record import definitions

SEEDS, SIZES = 3, (500, 1000, 2000)
CURVES = ("1 to 3 words", "negation and contrast marked")


def record() -> dict:
    page = definitions(__file__, "setup", "words", "forms", "draw", "marks", "counts", "accuracy")
    results = {"seeds": [], "sizes": {str(n): [] for n in SIZES}}
    for seed in range(SEEDS):
        parts = page["draw_parts"](seed)
        results["seeds"].append(everything(page, parts, seed))
        for n in SIZES:
            print("seed", seed, n, "reviews", file=sys.stderr, flush=True)
            results["sizes"][str(n)].append(fewer(page, parts, seed, n))
    return results


def everything(page, parts, seed) -> dict:
    """By method, the accuracy on each part; of the two networks also the loss at every word and the loss's history."""
    train, valid = parts["train"], parts["valid"]
    found = {
        name: rounded(accuracies(page, page["by_counts"](fit(page, name, train, valid)), parts))
        for name in page["COUNTS"]
    }
    model, number, history = page["trained"](train, valid, seed)
    again = page["asked_at_every_word"](model, number, train, valid, seed)
    for name, net in (("asked at the end", model), ("asked at every word", again)):
        found[name] = rounded(accuracies(page, page["by_network"](net, number), parts))
        loss = page["training"].evaluate(net, page["at_every_word"], [page["collate"](number, parts["test"])])
        found[name]["nats at every word"] = round(loss, 4)
    found["asked at the end"]["validation"] = [round(value, 4) for value in history["valid_loss"]]
    print("seed", seed, found["asked at the end"], found["asked at every word"], file=sys.stderr, flush=True)
    return found


def fewer(page, parts, seed, n) -> dict:
    """The accuracy on the test part after the first n reviews of training."""
    train, valid = parts["train"][:n], parts["valid"]
    found = {name: page["by_counts"](fit(page, name, train, valid)) for name in CURVES}
    model, number, _ = page["trained"](train, valid, seed)
    found["asked at the end"] = page["by_network"](model, number)
    return {name: round(accuracies(page, decide, parts)["test"], 4) for name, decide in found.items()}


def accuracies(page, decide, parts):
    return page["accuracies"](decide, parts)


def fit(page, name, train, valid):
    return page["fitted"](page["COUNTS"][name], train, valid)


def rounded(values: dict) -> dict:
    return {name: round(value, 4) for name, value in values.items()}
