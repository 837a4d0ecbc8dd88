"""The record of chapter 15: language models by cell, size, time and text. `rnncourse record 15` writes the JSON.

A run that is finished is kept in the folder for temporary files together with what it cost, so a record that was killed
goes on with the next run. Its cost is in the JSON's CPU-seconds, whichever call paid it.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from rnncourse import data, training
from rnncourse.bench.record import definitions
from rnncourse.models import LanguageModel

FOLDER = Path(tempfile.gettempdir()) / "rnncourse-15"
SEEDS = 3
LONGER = ", a minute"
RUNS = {  # name: text, settings; each for about 15 seconds on a core that has nothing else to do, or for a minute
    "tanh 128": ("all", {"cell": "rnn", "H": 128, "lr": 0.01, "steps": 1200}),
    "GRU 72": ("all", {"cell": "gru", "H": 72, "lr": 0.01, "steps": 750}),
    "LSTM 60": ("all", {"cell": "lstm", "H": 60, "lr": 0.01, "steps": 1500}),
    "LSTM 128": ("all", {"H": 128, "lr": 0.007, "steps": 720}),
    "tanh 128, a minute": ("all", {"cell": "rnn", "H": 128, "lr": 0.01, "steps": 4600}),
    "LSTM 128, a minute": ("all", {"H": 128, "lr": 0.007, "steps": 2800}),
    "every line once": ("once", {"H": 128, "lr": 0.007, "steps": 720}),
    "words": ("words", {"E": 128, "H": 128, "tied": True, "dropout": 0.1, "lr": 0.005, "steps": 800, "T": 32, "B": 16}),
}
ORDERS = {"all": (3, 4, 5, 6, 9, 10, 12, 15), "once": (4, 5, 6, 9, 15), "words": (2, 3, 5, 7, 10)}
BASES = {"all": (5, 9, 15), "once": (5, 9, 15), "words": (3, 5, 10)}
THRESHOLDS = (1, 2, 3, 5, 8, 12, 18, 30, 60)  # of the pruned counts, in nats that an n-gram saves on the training part
PRUNED = 9  # their order
SHARES = np.linspace(0, 0.5, 21)
TRAINING = ("lr", "steps", "T", "B")  # what is no size of the model


def record() -> dict:
    page, begun = definitions(__file__), time.process_time()
    text = data.docstrings()
    symbols = {"all": text, "once": page["once"](text), "words": data.words(text)}
    texts = {kind: page["cut"](of, 3 if kind == "words" else 1) for kind, of in symbols.items()}
    found = {
        name: [trained(page, *texts[kind], name, settings, seed) for seed in range(SEEDS)]
        for name, (kind, settings) in RUNS.items()
    }
    paid = time.process_time() - begun  # for the runs that were not there
    known = {kind: baselines(page, symbols[kind], *texts[kind], kind) for kind in symbols}
    ms = speeds(page, texts)
    runs = {}
    for name, (kind, settings) in RUNS.items():
        print("judging", name, file=sys.stderr, flush=True)
        runs[name] = {
            "text": kind,
            "steps": settings["steps"],
            "settings": settings,
            "weights": sum(w.numel() for w in found[name][0]["model"].parameters()),
            "ms": ms[name.removesuffix(LONGER)],
            "seeds": [judged(page, run, texts[kind][0], known[kind], name.endswith(LONGER)) for run in found[name]],
        }
    return {
        "seeds": SEEDS,
        "runs": runs,
        "counts": {kind: of["counts"] for kind, of in known.items()},
        "shares": [round(float(share), 3) for share in SHARES],
        "earlier_cpu_seconds": round(sum(run["cost"] for runs in found.values() for run in runs) - paid),
    }


def trained(page, ids, vocabulary, name, settings, seed) -> dict:
    """The model of a run, its history and its CPU-seconds, now or earlier."""
    path, V = FOLDER / f"{name}, seed {seed}.pt", len(vocabulary)
    if not path.exists():
        print(path.stem, file=sys.stderr, flush=True)
        begun = time.process_time()
        model, history = page["fitted"](ids, V, seed=seed, **settings)
        FOLDER.mkdir(exist_ok=True)
        cost = time.process_time() - begun
        torch.save({"model": model.state_dict(), "history": history, "cost": cost}, path)
    stored = torch.load(path)
    model = LanguageModel(V, **{key: value for key, value in settings.items() if key not in TRAINING})
    model.load_state_dict(stored["model"])
    return stored | {"model": model}


def speeds(page, texts, rounds=16, updates=4) -> dict:
    """CPU milliseconds of an update by run: the least of some rounds, in which all take their turn."""
    best, loops = {}, {}
    for name, (kind, settings) in RUNS.items():
        if name.endswith(LONGER):
            continue
        ids, vocabulary = texts[kind]
        sizes = {key: value for key, value in settings.items() if key not in TRAINING}
        model = LanguageModel(len(vocabulary), **sizes)
        batches = training.Streams(ids["train"], settings.get("T", 64), settings.get("B", 32))
        loops[name] = model, torch.optim.Adam(model.parameters()), batches
    for _ in range(rounds):
        for name, (model, optimizer, batches) in loops.items():
            begun = time.process_time()
            training.train(model, page["loss"], batches, optimizer, training.Options(updates))
            spent = 1000 * (time.process_time() - begun) / updates
            best[name] = round(min(spent, best.get(name, spent)), 1)
    return best


def ranked(tokens, order, V) -> list:
    """Which n-gram begins at each place, for n = 0 .. order: numbers without gaps, so that no order is too high."""
    ranks = [np.zeros(tokens.size + 1, dtype=np.int64)]
    for n in range(1, order + 1):
        keys = ranks[-1][: tokens.size - n + 1] * V + tokens[n - 1 :]
        ranks.append(np.unique(keys, return_inverse=True)[1])
    return ranks


def tables(ranks, order, end, V) -> list[dict]:
    """Modified Kneser-Ney counts of the tokens before `end` for n = 1 .. order, by n-gram.

    p(w | h) = own(hw) + rest(h) p(w | h'): "context" is h, "shorter" is h'w, by the number of hw.
    """
    found = []
    for n in range(1, order + 1):
        _, first = np.unique(ranks[n], return_index=True)
        context, shorter = ranks[n - 1][first], ranks[n - 1][first + 1]
        places = np.arange(end - n + 1)
        if n < order:  # each longer n-gram once
            places = np.unique(ranks[n + 1][: end - n], return_index=True)[1] + 1
        count = np.bincount(ranks[n][places], minlength=first.size)
        cut = discounts(count)[np.minimum(count, 3)]
        total, freed = np.bincount(context, count), np.bincount(context, cut)
        own = (count - cut) / np.maximum(total, 1)[context]
        rest = np.where(total > 0, freed / np.maximum(total, 1), 1)
        found.append({"context": context, "shorter": shorter, "own": own, "rest": rest})
    return found


def chances(counts, V) -> list:
    """p(w | h) by n-gram, for n = 0 .. order."""
    p = [np.array([1 / V])]
    for of in counts:
        p.append(of["own"] + of["rest"][of["context"]] * p[-1][of["shorter"]])
    return p


def pruned(counts, ranks, end, V, threshold) -> list[dict]:
    """The tables without n-grams that save the training part no more nats than the threshold.

    An n-gram that is dropped leaves its mass to the shorter ones. The longest are judged first, and of a shorter one
    the occurrences that the longer ones leave to it (Stolcke, 1998, simplified).
    """
    p, order, kept = chances(counts, V), len(counts), []
    left = np.bincount(ranks[order][: end - order + 1], minlength=p[order].size).astype(float)
    for n in range(order, 0, -1):
        context, shorter, own, rest = (counts[n - 1][name] for name in ("context", "shorter", "own", "rest"))
        drop = left * np.log(p[n] / ((own + rest[context]) * p[n - 1][shorter])) <= threshold
        passed = np.where(drop, 1, rest[context] * p[n - 1][shorter] / p[n])
        left = np.bincount(shorter, left * passed, minlength=p[n - 1].size)
        rest = rest + np.bincount(context, own * drop, minlength=rest.size)
        kept.insert(0, counts[n - 1] | {"own": np.where(drop, 0, own), "rest": rest})
    return kept


def size(counts) -> int:
    """How many numbers the tables hold: one for an n-gram, and one for a context that has followers."""
    return sum(int(np.count_nonzero(of["own"]) + np.unique(of["context"][of["own"] > 0]).size) for of in counts)


def discounts(count):
    """What counts of 0, 1, 2, and 3 or more give up (Chen and Goodman, 1999)."""
    n1, n2, n3, n4 = (np.count_nonzero(count == k) for k in (1, 2, 3, 4))
    if min(n1, n2, n3, n4) == 0:  # a few symbols, all of them frequent
        return np.array([0, 0.5, 0.5, 0.5])
    Y = n1 / (n1 + 2 * n2)
    D = np.array([1 - 2 * Y * n2 / n1, 2 - 3 * Y * n3 / n2, 3 - 4 * Y * n4 / n3])
    return np.array([0, *np.clip(D, 0.05, [1, 2, 3])])


def baselines(page, symbols, ids, vocabulary, kind) -> dict:
    """Losses by part of counts and of counts with a cache; which characters stand in new lines; a table of counts."""
    V, last = len(vocabulary), ids["valid"].size
    end, tokens = ids["train"].size, np.concatenate([ids[part] for part in ("train", "valid", "test")])
    read = symbols[end:] if isinstance(symbols, str) else tuple(tokens[end:])

    def parts(values):
        return dict(zip(("valid", "test"), np.split(values, [last]), strict=True))

    everywhere = parts(np.full(tokens.size - end, True))
    places = {"all": everywhere}
    if kind == "all":
        places["new lines"] = parts(page["on_new_lines"](read, symbols[:end]))
    ranks = ranked(tokens, max(ORDERS[kind]), V)
    losses, table = {}, {}

    def judge(name, counts):
        print(kind, name, file=sys.stderr, flush=True)
        p, n = chances(counts, V)[-1], len(counts)
        losses[name] = parts(-np.log(p[ranks[n][end - n + 1 :]]))
        table[name] = {"numbers": size(counts)} | {
            place: {part: round(float(losses[name][part][marks[part]].mean()), 4) for part in marks}
            for place, marks in places.items()
        }

    for order in ORDERS[kind]:
        judge(f"KN-{order}", tables(ranks, order, end, V))
    if kind == "all":
        full = tables(ranks, PRUNED, end, V)
        for threshold in THRESHOLDS:
            judge(f"pruned, {threshold}", pruned(full, ranks, end, V, threshold))
    bases = [f"KN-{n}" for n in BASES[kind]]
    cache = parts(page["cached"](read, V))
    return {
        "models": {base: losses[base] for base in bases},
        "cache": cache,
        "with a cache": bases[1:],
        "places": places,
        "counts": table | {"cache": cached_gains(page, cache, losses, bases, places)},
    }


def cached_gains(page, cache, losses, bases, places) -> dict:
    """What the cache adds by base and place, bits."""
    return {
        base: {place: round(float(page["gain"](cache, losses[base], marks)), 4) for place, marks in places.items()}
        for base in bases
    }


def judged(page, run, ids, known, curves) -> dict:
    """Losses, gains and the curve of one run; with curves also the gain by share."""
    history, network = run["history"], {part: page["nats"](run["model"], ids[part]) for part in ("valid", "test")}
    like = page["like"]
    found = {
        "valid": round(float(network["valid"].mean()), 4),
        "test": round(float(network["test"].mean()), 4),
        "training": round(float(np.mean(history["loss"][-100:])), 4),
        "valid_step": history["valid_step"],
        "valid_loss": [round(value, 4) for value in history["valid_loss"]],
        "new lines": {},
        "gains": {},
    }
    for place, marks in known["places"].items():
        where = like(marks, network)
        if place != "all":
            found[place] = {part: round(float(network[part][where[part]].mean()), 4) for part in network}
        others = {base: like(losses, network) for base, losses in known["models"].items()}
        for base in known["with a cache"]:  # with the share that is best on these lines
            others[f"{base} + cache"], _ = page["mixture"](like(known["cache"], network), others[base], where)
        for base, other in others.items():
            found["gains"].setdefault(base, {})[place] = round(float(page["gain"](network, other, where)), 4) + 0.0
            if curves:
                on = where["test"]
                u, v = network["test"][on], other["test"][on]
                saved = [(v - page["mixed"](share, u, v)).mean() / np.log(2) for share in SHARES]
                found.setdefault("by share", {}).setdefault(base, {})[place] = [round(float(x), 4) for x in saved]
    return found
