"""The record of chapter 21: other seeds and other directions. `rnncourse record 21` writes 21-translation.json."""

import sys

import numpy as np

from rnncourse.bench.record import definitions

SEEDS, ENGLISH = 3, "with English"


def record() -> dict:
    page = definitions(__file__, "setup", "languages", "parts", "directions", "tokens", "rule", "keys", "collate")
    runs = {name: [] for name in (*page["TRAINED"], "no attention", "counts")}
    for seed in range(SEEDS):
        days = page["draw_days"](seed)
        test = page["examples"](days["test"], page["PAIRS"], seed + 1)
        for name in page["TRAINED"]:
            runs[name].append(network(page, days, test, name, seed))
        runs["no attention"].append(network(page, days, test, ENGLISH, seed, attention=False))
        runs["counts"].append(counts(page, days, test, seed))
    return {"runs": runs}


def network(page, days, test, name, seed, **options) -> dict:
    """Scores of a trained network on the directions that it saw, and on the others."""
    directions = page["TRAINED"][name]
    train = page["examples"](days["train"], directions, seed)
    valid = page["examples"](days["valid"], directions, seed + 2)
    model, history = page["trained"](train, valid, seed, **options)
    seen, unseen = page["split"](test, directions)
    found = {"valid": [round(value, 4) for value in history["valid_loss"]]}
    for part, chosen in (("seen", seen), ("unseen", unseen)):
        texts = page["direct"](model, chosen)
        found[part] = described(page, texts, chosen) | blame(page, model, texts, chosen)
    if model.attention:
        found["on weekday"] = [round(float(page["on_weekday"](model, part)), 4) for part in (seen, unseen)]
    if name == ENGLISH:
        found["through English"] = described(page, page["through_english"](model, unseen), unseen)
    found["directions"] = {
        f"{a}-{b}": round(float(np.mean(exact(page, model, test, (a, b)))), 4) for a, b in page["PAIRS"]
    }
    print(name, options, seed, found["seen"]["exact"], found["unseen"]["exact"], file=sys.stderr, flush=True)
    return found


def exact(page, model, test, pair):
    chosen = [e for e in test if (e.source, e.target) == pair]
    return np.array(page["direct"](model, chosen)) == np.array(page["truths"](chosen))


def described(page, texts, chosen) -> dict:
    found = rounded(page["scores"](texts, chosen))
    found["right language"] = round(float(page["right_language"](texts, chosen)), 4)
    for form in page["FORMS"]:
        part = [k for k, e in enumerate(chosen) if e.form == form]
        shares = page["field_shares"]([texts[k] for k in part], [chosen[k] for k in part])
        found[form] = rounded(shares)
    return found


def blame(page, model, texts, chosen) -> dict:
    """Of the wrong translations, the share that the model finds likelier than the true one."""
    wrong = [k for k, (text, truth) in enumerate(zip(texts, page["truths"](chosen), strict=True)) if text != truth]
    if not wrong:
        return {"model errors": None}
    some = [chosen[k] for k in wrong]
    own = page["log_p"](model, some, [texts[k] for k in wrong])
    return {"model errors": round((own > page["log_p"](model, some, page["truths"](some))).double().mean().item(), 4)}


def counts(page, days, test, seed) -> dict:
    """The two methods of counts, through English where they must, on the directions with and without English."""
    train = page["examples"](days["train"], page["TRAINED"][ENGLISH], seed)
    table, found = page["tables"](train), {}
    for part, chosen in zip(("seen", "unseen"), page["split"](test, page["TRAINED"][ENGLISH]), strict=True):
        for name in ("word_for_word", "by_memory"):
            texts = [page["counted"](page[name], table, e) for e in chosen]
            found[f"{name}, {part}"] = rounded(page["scores"](texts, chosen))
    print("counts", seed, found, file=sys.stderr, flush=True)
    return found


def rounded(values: dict) -> dict:
    return {name: round(float(value), 4) for name, value in values.items()}
