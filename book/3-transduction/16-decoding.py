"""The record of chapter 16: the model that the page decodes from, as `rnncourse train` trains it by default, and the
page's table of samplers for five seeds. A model that the record already holds is kept: without the file it is trained.
"""

import base64
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np

from rnncourse import data
from rnncourse.bench.record import definitions
from rnncourse.training import checkpoint
from rnncourse.training.language import Run, train

SEEDS = range(5)
ORDER = 9  # of the counts
KEPT = "run", "valid", "symbols", "shapes", "float16"


def record():
    path = Path(__file__).with_suffix(".json")
    stored = json.loads(path.read_text(encoding="utf-8"))["results"] if path.exists() else {}
    model = {name: stored[name] for name in KEPT} if stored.get("run") == asdict(Run()) else trained()

    page = definitions(__file__, "setup", "unpack", "samplers", "prompts", "measure")
    page |= {"vocabulary": data.Vocabulary(model["symbols"], unknown="<unk>"), "V": len(model["symbols"])}
    page["net"] = page["unpacked"](model)
    learnt, valid = (page["vocabulary"].encode(page[part]) for part in ("learnt", "valid"))
    counted = -np.log(data.kneser_ney(learnt, valid, ORDER, page["V"])).mean()
    sweep = sampled(page, page["Reader"](), page["Counts"](learnt, ORDER))
    return model | {"counts": {"order": ORDER, "valid": round(counted, 3)}, "seeds": len(SEEDS), "sweep": sweep}


def trained() -> dict:
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


def sampled(page, network, counts) -> dict:
    """By sampler and measure, one value a seed."""
    plain, cut = (page["knobs"][name] for name in ("as the model says", "top-p, mass 0.9"))
    writers = {name: (network, knob) for name, knob in page["knobs"].items()}
    writers |= {"counts": (counts, plain), "counts, top-p 0.9": (counts, cut)}
    found = {}
    for name, (model, knob) in writers.items():
        print(name, file=sys.stderr, flush=True)
        rows = [row(page, model, knob, seed, judge=model is counts) for seed in SEEDS]
        found[name] = {measure: [values[measure] for values in rows] for measure in rows[0]}
    return found


def row(page, model, knob, seed: int, judge: bool) -> dict:
    """The measures of one sampler's texts; judge: another model wrote them, the network's losses are to be had."""
    texts, losses = page["write"](model, knob, page["prompts"], 400, seed)
    losses = page["nats_of"](page["prompts"], texts) if judge else losses
    values = page["measured"](texts) | {"nats": losses.mean()}
    return {measure: round(float(value), 4) for measure, value in values.items()}
