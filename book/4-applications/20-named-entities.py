"""The record of chapter 20: other seeds, inputs and losses. `rnncourse record 20` writes 20-named-entities.json."""

import sys

from rnncourse.bench.record import definitions

SEEDS = 3
CELLS = ("setup", "names", "split", "forms", "more-forms", "tagged", "parts", "score", "legal", "believed")


def record() -> dict:
    page = definitions(__file__, *CELLS)
    return {"seeds": [everything(page, seed) for seed in range(SEEDS)]}


def everything(page, seed) -> dict:
    """By method: F1 on each part, and what it says of swapped names; of some also their errors."""
    parts = page["draw_parts"](seed) | {"old dates": page["old_dates"](seed)}
    train, valid = parts["train"], parts["valid: new names, seen forms"]
    found = {"methods": {}, "errors": {}, "forms": {}}

    def note(name, tagger):
        tags = {part: tagger(parts[part]) for part in (*page["VALIDS"], *page["TESTS"], "old dates")}
        row = {part: round(page["score"](parts[part], tags[part]), 4) for part in tags}
        row |= {k: round(v, 4) for k, v in page["believed"](parts["swapped"], tagger(parts["swapped"])).items()}
        found["methods"][name] = row
        if name in ("features, CRF", "LSTM", "LSTM, words only", "window network"):
            found["errors"][name] = {part: page["errors"](parts[part], tags[part]) for part in page["TESTS"]}
            new = page["TESTS"][3]
            found["forms"][name] = {k: round(v, 4) for k, v in page["by_form"](parts[new], tags[new]).items()}
        print("seed", seed, name, row, file=sys.stderr, flush=True)

    for name in ("lookup", "capitals"):
        note(name, page[name](train))
    for name, options in {
        "features, CRF": {},
        "features, each word alone": {"loss": page["word_loss"]},
    }.items():
        note(name, page["decoded"](*page["trained_linear"](train, valid, seed, **options)))
    for name, options in {
        "LSTM": {},
        "LSTM, CRF": {"loss": page["crf_loss"]},
        "LSTM, words only": {"spelling": False},
        "LSTM, letters only": {"words": False},
        "window network": {"window": True},
    }.items():
        model, pad, history = page["trained"](train, valid, seed, **options)
        note(name, page["decoded"](model, pad))
        if name in ("LSTM", "LSTM, words only"):
            note(name + ", greedy", page["decoded"](model, pad, "greedy"))
    return found
