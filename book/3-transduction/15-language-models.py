"""The record of chapter 15: language models by cell, size, time and text. `rnncourse record 15` writes the JSON.

A run that is finished is kept in the folder for temporary files, so a record that was killed goes on with the next run.
The CPU-seconds in the JSON are those of the last call: all runs together take about eight minutes more.
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
RUNS = {  # name: text, settings; each for about 15 seconds on a core that has nothing else to do
    "tanh 128": ("all", {"cell": "rnn", "H": 128, "lr": 0.01, "steps": 1200}),
    "GRU 72": ("all", {"cell": "gru", "H": 72, "lr": 0.01, "steps": 750}),
    "LSTM 60": ("all", {"cell": "lstm", "H": 60, "lr": 0.01, "steps": 1500}),
    "LSTM 128": ("all", {"H": 128, "lr": 0.007, "steps": 720}),
    "every line once": ("once", {"H": 128, "lr": 0.007, "steps": 720}),
    "words": ("words", {"E": 128, "H": 128, "tied": True, "dropout": 0.1, "lr": 0.005, "steps": 800, "T": 32, "B": 16}),
}
BASES = {"all": ("KN-5", "KN-9"), "once": ("KN-5", "KN-9"), "words": ("KN-3", "KN-5")}
TRAINING = ("lr", "steps", "T", "B")  # what is no size of the model


def record() -> dict:
    page = definitions(__file__)
    text = data.docstrings()
    symbols = {"all": text, "once": page["once"](text), "words": data.words(text)}
    texts = {kind: page["cut"](of, 3 if kind == "words" else 1) for kind, of in symbols.items()}
    for seed in range(SEEDS):
        for name, (kind, settings) in RUNS.items():
            trained(page, *texts[kind], name, settings, seed)
    known = {kind: baselines(page, symbols[kind], *texts[kind], BASES[kind]) for kind in symbols}
    ms = speeds(page, texts)
    runs = {}
    for name, (kind, settings) in RUNS.items():
        print("judging", name, file=sys.stderr, flush=True)
        models = [trained(page, *texts[kind], name, settings, seed) for seed in range(SEEDS)]
        runs[name] = {
            "text": kind,
            "steps": settings["steps"],
            "settings": settings,
            "weights": sum(w.numel() for w in models[0][0].parameters()),
            "ms": ms[name],
            "seeds": [judged(page, model, history, texts[kind][0], known[kind]) for model, history in models],
        }
    return {"seeds": SEEDS, "runs": runs}


def trained(page, ids, vocabulary, name, settings, seed):
    """The model of a run and its history, trained now or earlier."""
    path, V = FOLDER / f"{name}, seed {seed}.pt", len(vocabulary)
    if not path.exists():
        print(path.stem, file=sys.stderr, flush=True)
        model, history = page["fitted"](ids, V, seed=seed, **settings)
        FOLDER.mkdir(exist_ok=True)
        torch.save({"model": model.state_dict(), "history": history}, path)
    stored = torch.load(path)
    model = LanguageModel(V, **{key: value for key, value in settings.items() if key not in TRAINING})
    model.load_state_dict(stored["model"])
    return model, stored["history"]


def speeds(page, texts, rounds=12, updates=4) -> dict:
    """CPU milliseconds of an update by run: the least of some rounds, in which all take their turn."""
    best, loops = {}, {}
    for name, (kind, settings) in RUNS.items():
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


def baselines(page, symbols, ids, vocabulary, names) -> dict:
    """Losses by part of counts and of counts with a cache; which characters stand in new lines."""
    V, end, last = len(vocabulary), int(0.8 * len(symbols)), int(0.9 * len(symbols))
    models = {name: page["counted"](ids, int(name[3:]), V) for name in names}
    read = symbols[end:] if isinstance(symbols, str) else tuple(ids["valid"]) + tuple(ids["test"])
    cache = dict(zip(("valid", "test"), np.split(page["cached"](read, V), [last - end]), strict=True))
    everywhere = {part: np.full(ids[part].size, True) for part in cache}
    models[f"{names[-1]} + cache"], _ = page["mixture"](cache, models[names[-1]], everywhere)
    places = {"all": everywhere}
    if isinstance(symbols, str):
        new = np.split(page["on_new_lines"](symbols[end:], symbols[:end]), [last - end])
        places["new lines"] = dict(zip(("valid", "test"), new, strict=True))
    return {"models": models, "cache": cache, "places": places, "counts": names[-1]}


def judged(page, model, history, ids, known) -> dict:
    """Losses, gains and the curve of one run."""
    network = {part: page["nats"](model, ids[part]) for part in ("valid", "test")}
    found = {
        "valid": round(float(network["valid"].mean()), 4),
        "test": round(float(network["test"].mean()), 4),
        "training": round(float(np.mean(history["loss"][-100:])), 4),
        "valid_step": history["valid_step"],
        "valid_loss": [round(value, 4) for value in history["valid_loss"]],
        "new lines": {},
        "gains": {},
    }
    like = page["like"]
    for place, marks in known["places"].items():
        where = like(marks, network)
        if place != "all":
            found[place] = {part: round(float(network[part][where[part]].mean()), 4) for part in network}
        for base, losses in known["models"].items():
            other = like(losses, network)
            if base.endswith("cache"):  # with the share that is best on these lines
                other, _ = page["mixture"](
                    like(known["cache"], network), like(known["models"][known["counts"]], network), where
                )
            found["gains"].setdefault(base, {})[place] = round(float(page["gain"](network, other, where)), 4) + 0.0
    return found
