"""The record of chapter 16: the model that the page decodes from, as `rnncourse train` trains it by default."""

import base64
import tempfile
from dataclasses import asdict
from pathlib import Path

from rnncourse.training import checkpoint
from rnncourse.training.language import Run, train


def record():
    with tempfile.TemporaryDirectory() as folder:
        history = train(None, Path(folder), Run(), progress="lines", say=lambda *_: None)
        stored = checkpoint.load(Path(folder) / "run.pt")
    weights = stored["progress"]["best"]["model"]
    return {
        "run": asdict(Run()),
        "valid": round(min(history["valid_loss"]), 3),
        "symbols": stored["settings"]["symbols"],
        "shapes": {name: list(w.shape) for name, w in weights.items()},
        "float16": {name: base64.b64encode(w.half().numpy().tobytes()).decode() for name, w in weights.items()},
    }
