"""`rnncourse train` and `rnncourse sample`: a language model of any text, on one device or on several.

Chapter 4's model, and a model of words, with the loop of chapter 13. A run is a folder; its checkpoint alone says what
the run is, so that it goes on, and is sampled from, without being told again.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch

from rnncourse import data
from rnncourse.models import LanguageModel, generate
from rnncourse.training import checkpoint, loop, many
from rnncourse.training.batches import Streams
from rnncourse.training.device import device
from rnncourse.training.schedule import warmup_cosine

UNKNOWN = "<unk>"
ORDER = 5  # of the n-grams to beat; fewer where V**ORDER does not fit


@dataclass(frozen=True)
class Run:
    """What decides how a run goes."""

    level: str = "char"  # or "word"
    cell: str = "lstm"
    embedding: int = 64
    hidden: int = 128
    layers: int = 1
    dropout: float = 0.0
    tied: bool = False
    T: int = 64  # steps that a gradient flows back
    B: int = 32  # streams side by side, of all processes together
    steps: int = 2800
    lr: float = 0.007
    clip: float = 1.0
    seed: int = 0
    validate_every: int = 200
    least: int = 3  # a rarer word is <unk>
    precision: str | None = None  # "bf16" or "fp16": half precision where it pays


def read(path: Path | None) -> str:
    """The text to learn. ValueError in words for what is none."""
    if path is None:
        return data.docstrings()
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8 first") from error
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    if not text.strip():
        raise ValueError(f"{path} is empty")
    return text


def tokens(text: str, level: str) -> list[str] | str:
    """A text's characters or words. ValueError for another level."""
    if level not in ("char", "word"):
        raise ValueError(f"level={level!r}, expected char or word")
    return text if level == "char" else data.words(text)


def vocabulary(symbols, level: str) -> data.Vocabulary:
    return data.Vocabulary(symbols, unknown=UNKNOWN, between=" " if level == "word" else "")


def learnt(part, run: Run) -> data.Vocabulary:
    """The symbols of the training part: all characters, or the words that are frequent enough."""
    counts = Counter(part)
    return vocabulary([s for s, n in counts.items() if run.level == "char" or n >= run.least], run.level)


def model_of(run: Run, V: int) -> LanguageModel:
    return LanguageModel(V, run.embedding, run.hidden, run.layers, run.cell, run.dropout, run.tied)


def loss(model, batch, state):
    """The mean loss per token in nats, how many there are, and the state to carry on."""
    x, y = batch
    logits, state = model(x, state)
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten()), y.numel(), state


def train(path: Path | None, folder: Path, run: Run, progress=None, say=print) -> dict:
    """Train, or go on with, the run in `folder`; returns what `history.json` holds.

    The first 80 % of the text are learnt, 10 % validate, the last 10 % are looked at once, at the end. Raises
    ValueError for settings or texts that do not go together, and what `training.train` raises.
    """
    many.begin()
    say = say if many.rank() == 0 else (lambda *_: None)
    text = tokens(read(path), run.level)
    symbols = learnt(text[: int(0.8 * len(text))], run)
    ids, V = symbols.encode(text), len(symbols)
    learn, valid, test = (
        ids[: int(0.8 * ids.size)],
        ids[int(0.8 * ids.size) : int(0.9 * ids.size)],
        ids[int(0.9 * ids.size) :],
    )
    place = device()
    torch.manual_seed(run.seed)
    model = model_of(run, V).to(place)
    torch.manual_seed(run.seed + many.rank())  # dropout is each process's own
    unit = "character" if run.level == "char" else "token"
    say(
        f"{ids.size:,} {unit}s, V = {V:,}; {sum(p.numel() for p in model.parameters()):,} weights on "
        f"{many.processes()} x {place.type}. Uniform guessing: {math.log(V):.3f} nats per {unit}"
    )
    order, counted = ngram(learn, valid, V)
    say(f"to beat: {counted:.3f}, modified Kneser-Ney counts of order {order} on the validation part")
    batches = Streams(learn, run.T, run.B, share=(many.rank(), many.processes()))
    held_out = [Streams(part, *_size(part)) for part in (valid, test)]
    model = many.joined(model)
    optimizer = torch.optim.Adam(model.parameters(), run.lr)
    history = loop.train(
        model,
        loss,
        batches,
        optimizer,
        loop.Options(
            steps=run.steps,
            clip=run.clip,
            precision=run.precision,
            validate_every=run.validate_every,
            checkpoint=Path(folder) / "run.pt",
            checkpoint_every=run.validate_every,
            progress=progress,
        ),
        valid=held_out[0],
        scheduler=warmup_cosine(optimizer, run.steps, warmup=min(50, run.steps // 10)),
        same=asdict(run) | {"symbols": list(symbols.symbols), "text": hashlib.sha256(ids).hexdigest()[:16]},
    )
    best = min(history["valid_loss"])
    final = loop.evaluate(model, loss, held_out[1])
    for name, value in (("validation", best), ("test", final)):
        say(f"{name}: {value:.3f} nats, {value / math.log(2):.3f} bits per {unit}, perplexity {math.exp(value):.2f}")
    if many.rank() == 0:
        result = {"run": asdict(run), "kneser_ney": {"order": order, "valid": counted}, "test": final, **history}
        (Path(folder) / "history.json").write_text(json.dumps(result), encoding="utf-8")
        begin = symbols.decode(valid[: 40 if run.level == "char" else 8])
        say(f"\nA sample at temperature 0.8; it begins as the validation part does:\n{begin!r} ...\n")
        say(sample(folder, begin, 400 if run.level == "char" else 80, 0.8, run.seed))
    many.end()
    return history


def ngram(learn: np.ndarray, held_out: np.ndarray, V: int) -> tuple[int, float]:
    """The order of the counts to beat, and their loss in nats per token."""
    order = next(n for n in range(ORDER, 0, -1) if V**n < 2**63)
    return order, float(-np.log(data.kneser_ney(learn, held_out, order, V)).mean())


def _size(part: np.ndarray) -> tuple[int, int]:
    """T and B to evaluate a part with: few streams, since each begins without a past."""
    B = 8 if part.size > 8 * 64 else 1
    return max(1, min(512, (part.size - 1) // B)), B


def sample(folder: Path, prompt: str, length: int, temperature: float, seed: int) -> str:
    """What the best model of a run says after a prompt. ValueError for a folder without a run, or an unknown prompt."""
    path = Path(folder) / "run.pt"
    if not path.is_file():
        raise ValueError(f"{folder} holds no run: there is no {path.name} in it. rnncourse train makes one")
    stored = checkpoint.load(path)
    settings = stored["settings"]
    names = [field.name for field in fields(Run)]
    if not {"symbols", *names} <= settings.keys():
        raise ValueError(f"{path} is a checkpoint, but not one that rnncourse train has written")
    run = Run(**{name: settings[name] for name in names})
    symbols = vocabulary(settings["symbols"], run.level)
    model = model_of(run, len(symbols)).to(device())
    best = stored["progress"]["best"]
    model.load_state_dict(best["model"] if best else stored["model"])
    return symbols.decode(generate(model, symbols.encode(tokens(prompt, run.level)), length, temperature, seed))
