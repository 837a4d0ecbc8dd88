"""The record of chapter 18: its networks with three seeds. `rnncourse record 18` writes 18-ctc.json."""

import sys

import numpy as np

from rnncourse.bench.record import definitions

SEEDS, NOISES, LATER = 3, (0.5, 0.8), 6
SETTINGS = [(0.3, 0.5), (0.6, 1.0), (1.0, 1.5), (1.5, 2.5), (2.0, 3.5)]  # weight and bonus of the language model


def record() -> dict:
    page = definitions(__file__, "setup", "task", "words", "language-model")
    tests = {noise: page["recordings"](300, 3, noise) for noise in NOISES}
    train, valid = page["train_set"], page["valid_set"]
    errors, letters, spikes, chosen, runs = {}, {}, {}, [], {}

    def note(name, noise, found):
        true = tests[noise]
        share = sum(map(len, found)) / sum(len(example["word"]) for example in true)
        for kept, value, digits in ((errors, page["error_rate"](found, true), 1), (letters, share, 2)):
            kept.setdefault(name, {}).setdefault(str(noise), []).append(round(value, digits))

    for seed in range(SEEDS):
        print("seed", seed, file=sys.stderr)
        for name, (target, change, both) in framewise().items():
            model = page["learn"](page["framewise"](target), seed, both=both, examples=change(train))[0]
            on_valid = page["errors_by_run"](model, change(valid))
            kept = runs.setdefault(name, {"m": [], "errors": {}})
            kept["m"].append(min(on_valid, key=on_valid.get))
            for noise in NOISES:
                examples = change(tests[noise])
                note(name, noise, [page["greedy"](p) for p in page["log_probabilities"](model, examples)])
                on_test = page["errors_by_run"](model, examples)
                for m, value in on_test.items():
                    by_m = kept["errors"].setdefault(str(noise), {})
                    by_m.setdefault(str(m), []).append(round(value, 1))

        ways = {"both": {}, "causal": {"both": False}, "causal, 1,200 steps": {"both": False, "stops": (1200,)}}
        models = {way: page["learn"](page["ctc_objective"], seed, **options)[0] for way, options in ways.items()}
        log_ps = {
            (way, noise): page["log_probabilities"](model, tests[noise])
            for way, model in models.items()
            for noise in NOISES
        }
        more, options = f"causal, 1,200 steps, {LATER} frames more", ways["causal, 1,200 steps"]
        model = page["learn"](page["ctc_objective"], seed, examples=later(train, LATER), **options)[0]
        for noise in NOISES:
            log_ps[more, noise] = page["log_probabilities"](model, later(tests[noise], LATER))
        for (way, noise), outputs in log_ps.items():
            name = "CTC, greedy" if way == "both" else f"CTC, {way}"
            note(name, noise, [page["greedy"](p) for p in outputs])
        on_valid = page["log_probabilities"](models["both"], valid)
        rates = [page["error_rate"](read(page, on_valid, *pair), valid) for pair in SETTINGS]
        chosen.append(SETTINGS[int(np.argmin(rates))])
        for noise in NOISES:
            outputs = log_ps["both", noise]
            for name, pair in (("CTC, beam of 8", (0.0, 0.0)), ("CTC, beam of 8, LM", chosen[-1])):
                note(name, noise, read(page, outputs, *pair))
            paths = [p.argmax(axis=-1) for p in outputs]
            note("CTC, wrong order", noise, [page["collapse_wrongly"](path) for path in paths])
        for way, shown in (("both", "both directions"), ("causal, 1,200 steps", "causal, 1,200 steps")):
            spikes.setdefault(shown, []).append(places(page, log_ps[way, 0.5], tests[0.5]))
    true = sum(len(example["word"]) for example in tests[0.5])
    return {
        "seeds": SEEDS,
        "chosen": chosen,
        "errors": errors,
        "runs": runs,
        "letters": letters,
        "true letters": true,
        "spikes": spikes,
    }


def framewise() -> dict:
    """The networks that are trained frame by frame: their targets, what is done to the examples, both directions?"""
    rows = {
        "uniform segmentation": ("uniform", lambda examples: examples, True),
        "uniform, with blanks": ("told", uniform_spans, True),
        "told the spans": ("told", lambda examples: examples, True),
    }
    for d in (0, 3, 6):
        rows[f"told, causal, {d} frames later"] = ("told", lambda examples, d=d: later(examples, d), False)
    return rows


def uniform_spans(examples):
    """The same examples with equal spans in the place of the true ones."""
    changed = []
    for example in examples:
        T, U = len(example["x"]), len(example["word"])
        edges = [-(-u * T // U) for u in range(U + 1)]
        changed.append(example | {"spans": list(zip(edges, edges[1:], strict=False))})
    return changed


def later(examples, d):
    """The same examples with d frames of zeros behind, and their spans d frames later."""
    changed = []
    for example in examples:
        x = np.concatenate([example["x"], np.zeros((d, example["x"].shape[1]))])
        changed.append(example | {"x": x, "spans": [(begin + d, end + d) for begin, end in example["spans"]]})
    return changed


def read(page, log_ps, weight, bonus):
    return [page["read"](log_p, page["log_lm"], weight, bonus) for log_p in log_ps]


def places(page, log_ps, examples) -> dict:
    """Where spikes begin, in frames after the first of their letter, in the words that are read correctly."""
    after, before, behind = [], 0, 0
    for log_p, example in zip(log_ps, examples, strict=True):
        path = log_p.argmax(axis=-1)
        if page["collapse"](path) != example["word"]:
            continue
        starts = np.flatnonzero((path != 0) & (path != np.concatenate([[0], path[:-1]])))
        for start, (begin, end) in zip(starts, example["spans"], strict=True):
            after.append(start - begin)
            before, behind = before + (start < begin), behind + (start >= end)
    return {
        "letters": len(after),
        "percentiles": np.percentile(after, [10, 50, 90]).tolist(),
        "before": round(before / len(after), 4),
        "first two": round(float(np.mean(np.isin(after, (0, 1)))), 4),
        "behind": round(behind / len(after), 4),
    }
