"""The record of chapter 15: language models by cell, size and length of training, three seeds each."""

import sys
import tempfile
from pathlib import Path

from rnncourse import data
from rnncourse.training.language import Run, train

FOLDER = Path(tempfile.gettempdir()) / "rnncourse-15"  # finished runs stay there: a record that was killed goes on
SEEDS = 3
RUNS = {  # name: text, settings; the seconds are those of the training on a core that has nothing else to do
    "tanh 128, 7 s": ("all", {"cell": "rnn", "hidden": 128, "lr": 0.01, "steps": 560}),
    "GRU 72, 7 s": ("all", {"cell": "gru", "hidden": 72, "lr": 0.01, "steps": 350}),
    "LSTM 60, 7 s": ("all", {"cell": "lstm", "hidden": 60, "lr": 0.01, "steps": 700}),
    "LSTM 128, 7 s": ("all", {"hidden": 128, "lr": 0.007, "steps": 340}),
    "tanh 128, 20 s": ("all", {"cell": "rnn", "hidden": 128, "lr": 0.01, "steps": 1600}),
    "GRU 72, 20 s": ("all", {"cell": "gru", "hidden": 72, "lr": 0.01, "steps": 1000}),
    "LSTM 60, 20 s": ("all", {"cell": "lstm", "hidden": 60, "lr": 0.01, "steps": 2000}),
    "LSTM 128, 20 s": ("all", {"hidden": 128, "lr": 0.007, "steps": 1000}),
    "every line once": ("once", {"hidden": 128, "lr": 0.007, "steps": 1000}),
    "words": ("words", {"level": "word", "embedding": 128, "tied": True, "dropout": 0.2, "lr": 0.007, "steps": 350}),
    "LSTM 128, 60 s": ("all", {"hidden": 128, "lr": 0.007, "steps": 2800}),
    "LSTM 256, 150 s": ("all", {"hidden": 256, "lr": 0.004, "dropout": 0.1, "steps": 2500}),
}


def once(text):
    """The text with each line only where it stands first; margins do not count, blank lines in a row become one."""
    seen, kept = set(), []
    for line in text.split("\n"):
        key = line.strip()
        if key not in seen if key else bool(kept and kept[-1]):
            kept.append(line)
        seen.add(key)
    return "\n".join(kept)


def trained(name: str, seed: int) -> Path:
    """The folder of a finished run."""
    kind, settings = RUNS[name]
    path, folder = None, FOLDER / f"{name}, seed {seed}"
    if kind == "once":
        FOLDER.mkdir(exist_ok=True)
        path = FOLDER / "once.txt"
        path.write_text(once(data.docstrings()), encoding="utf-8")
    if not (folder / "history.json").exists():
        print(folder.name, file=sys.stderr, flush=True)
        settings = {"validate_every": max(200, settings["steps"] // 6), "seed": seed} | settings
        train(path, folder, Run(**settings), progress=None, say=lambda *_: None)
    return folder


def record() -> dict:
    for seed in range(SEEDS):
        for name in RUNS:
            trained(name, seed)
    return {}
