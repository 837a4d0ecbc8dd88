"""The record of chapter 23: three seeds of data, baselines and both networks. `rnncourse record 23` writes it."""

import sys
import time

import numpy as np

from rnncourse.bench.record import definitions

SEEDS = 3
PENALTIES = (0.03, 0.1, 0.3)


def record() -> dict:
    page = definitions(__file__, "setup", "labels", "phrases", "call", "parts", "baselines")
    return {"seeds": [one(page, seed) for seed in range(SEEDS)]}


def one(page, seed) -> dict:
    found = {"course": {}, "intent": {}, "backwards": {}, "shuffled": {}, "after": {}, "cpu_seconds": {}}
    for name, style in (("first", page["FIRST"]), ("mended", page["MENDED"])):
        parts = page["draw_parts"](seed, style)
        pairs = (("words", page["unigrams"]), ("pairs", page["bigrams"]))
        found[name] = {words: round(page["course_f1"](parts, analyse)[0], 4) for words, analyse in pairs}
    parts = page["draw_parts"](seed, page["HARDER"])
    for name, analyse in page["BASELINES"].items():
        for label in ("course",) if "," in name else ("course", "intent"):  # where an intent is said tells nothing
            model = chosen(page, parts, analyse, label)
            note(page, found, name, label, parts, model.predict)
    note(page, found, "lexicon rule", "course", parts, lambda calls: [page["lexicon"](call) for call in calls])
    note(page, found, "ideal reader", "course", parts, lambda calls: best(page, calls))
    print(seed, found, file=sys.stderr, flush=True)
    for name, kind in (("two levels", page["CallReader"]), ("flat", page["FlatReader"])):
        begun = time.process_time()
        model, number, history = page["trained"](kind, parts, seed)
        found["cpu_seconds"][name] = round(time.process_time() - begun, 1)
        for place, label in enumerate(("intent", "course")):
            note(page, found, name, label, parts, lambda c, k=place: page["decisions"](model, number, c)[k])  # noqa: B023
        after = page["accuracy_after"](model, number, parts["test"])
        found["after"][name] = {label: [round(float(v), 4) for v in values] for label, values in after.items()}
        print(seed, name, found["course"][name], found["intent"][name], file=sys.stderr, flush=True)
    found["after"]["ideal reader"] = [round(v, 4) for v in page["ideal_after"](parts["test"], page["HARDER"])]
    return found


def chosen(page, parts, analyse, label):
    """The penalty chosen on the validation part."""
    models = [page["fit"](parts["train"], analyse, label, C) for C in PENALTIES]
    return max(models, key=lambda m: page["macro_f1"](m.predict(parts["valid"]), parts["valid"], label))


def best(page, calls):
    return np.array([page["ideal"](call.shows, page["HARDER"]).argmax() for call in calls])


def note(page, found, name, label, parts, decide) -> None:
    """The macro-F1 on both test parts; of the course also with the order of exchanges changed."""

    def score(calls):
        return round(page["macro_f1"](decide(calls), calls, label), 4)

    found[label][name] = {part: score(parts[part]) for part in ("test", "new phrasings")}
    if label == "course":
        found["backwards"][name] = score([page["backwards"](call) for call in parts["test"]])
        rng = np.random.default_rng(0)
        found["shuffled"][name] = score([page["shuffled"](call, rng) for call in parts["test"]])
