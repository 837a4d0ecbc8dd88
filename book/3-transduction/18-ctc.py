"""The record of chapter 18: its networks with three seeds. `rnncourse record 18` writes 18-ctc.json."""

import sys

import numpy as np

from rnncourse.bench.record import definitions

SEEDS, NOISES = 3, (0.5, 0.8)


def record() -> dict:
    page = definitions(__file__, "setup", "task", "words", "language-model")
    names = {"uniform segmentation": "uniform", "told the spans": "told"}
    tests = {noise: page["recordings"](300, 3, noise) for noise in NOISES}
    valid = page["valid_set"]
    errors, letters, spikes, chosen = {}, {}, {}, []

    def note(name, noise, found):
        true = tests[noise]
        share = sum(map(len, found)) / sum(len(example["word"]) for example in true)
        for kept, value, digits in ((errors, page["error_rate"](found, true), 1), (letters, share, 2)):
            kept.setdefault(name, {}).setdefault(str(noise), []).append(round(value, digits))

    for seed in range(SEEDS):
        print("seed", seed, file=sys.stderr)
        models = {name: page["learn"](page["framewise"](frames), seed)[0] for name, frames in names.items()}
        models["CTC, greedy"] = page["learn"](page["ctc_objective"], seed)[0]
        models["CTC, causal, greedy"] = page["learn"](page["ctc_objective"], seed, both=False)[0]
        models["CTC, causal, 1,200 steps"] = page["learn"](page["ctc_objective"], seed, stops=(1200,), both=False)[0]
        log_ps = {
            (name, noise): page["log_probabilities"](model, tests[noise])
            for name, model in models.items()
            for noise in NOISES
        }
        for (name, noise), outputs in log_ps.items():
            note(name, noise, [page["greedy"](p) for p in outputs])
        on_valid = page["log_probabilities"](models["CTC, greedy"], valid)
        settings = [(0.3, 0.5), (0.6, 1.0), (1.0, 1.5)]
        rates = [page["error_rate"](read(page, on_valid, *pair), valid) for pair in settings]
        chosen.append(settings[int(np.argmin(rates))])
        for noise in NOISES:
            outputs = log_ps["CTC, greedy", noise]
            for name, pair in (("CTC, beam of 8", (0.0, 0.0)), ("CTC, beam of 8, LM", chosen[-1])):
                note(name, noise, read(page, outputs, *pair))
            paths = [p.argmax(axis=-1) for p in outputs]
            note("CTC, wrong order", noise, [page["collapse_wrongly"](path) for path in paths])
        for name, shown in (("CTC, greedy", "both directions"), ("CTC, causal, 1,200 steps", "causal, 1,200 steps")):
            spikes.setdefault(shown, []).append(places(page, log_ps[name, 0.5], tests[0.5]))
    return {"seeds": SEEDS, "chosen": chosen, "errors": errors, "letters": letters, "spikes": spikes}


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
        "behind": round(behind / len(after), 4),
    }
