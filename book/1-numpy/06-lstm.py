"""The record of chapter 6: the latch for numbers, one bit over 100 steps, and parity with a doubled forget bias."""

import numpy as np

from rnncourse.bench.record import definitions

SEEDS = {"latch": range(4), "bit": range(5), "parity": range(10)}
LATCHES = {  # name: what `train_latch` gets
    "LSTM, bias 1": ("LSTM", 1.0),
    "LSTM, bias 5": ("LSTM", 5.0),
    "no forget gate": ("no forget gate", 1.0),
    "tanh": ("tanh", 1.0),
}
BITS = ("tanh, orthogonal", "default", "bias 1", "bias 2", "chrono")
PARITIES = ("1 in one bias", "1 in both biases")
TESTS = {"40 steps": (40, 0.1), "400 steps": (400, 0.1), "fewer marks": (400, 0.02)}


def record():
    page = definitions(__file__)
    return {"latch": latch(page), "bit": bit(page), "parity": parity(page)}


def latch(page):
    """Per kind: the errors by test and seed; of LSTMs also gates, errors without h in one sum, and what is kept."""
    results = {}
    for name, (kind, bias) in LATCHES.items():
        networks = [page["train_latch"](kind, seed, bias) for seed in SEEDS["latch"]]
        row = {"weights": sum(array.size for array in networks[0].values())}
        row["errors"] = {test: [page["error"](p, *TESTS[test]) for p in networks] for test in TESTS}
        if kind == "LSTM":
            row |= {what: [] for what in ("gates", "cuts", "kept")}
            x, _ = page["latch_batch"](np.random.default_rng(4), 60, 200)
            for p in networks:
                row["gates"].append(page["mean_gates"](p, x))
                mean = page["run"](p, x)[0].mean(axis=(0, 1))
                row["cuts"].append({gate: page["error"](page["cut"](p, gate, mean), 40, 0.1) for gate in "ifgo"})
                half_life, left = page["kept"](p)
                row["kept"].append({"half_life": half_life, "left": left})
        results[name] = rounded(row)
    return results


def bit(page):
    """Per initialisation and seed: after how many batches the task is solved, or null, and the last loss."""
    return {kind: [rounded(page["train_bit"](kind, seed)) for seed in SEEDS["bit"]] for kind in BITS}


def parity(page):
    """Per initialisation and seed: after how many batches 99.9 % are right, or null."""
    return {kind: [page["train_parity"](kind, seed) for seed in SEEDS["parity"]] for kind in PARITIES}


def rounded(value):
    """The same with plain numbers of four decimals."""
    if isinstance(value, dict):
        return {key: rounded(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(part) for part in value]
    return value if value is None or isinstance(value, int) else round(float(value), 4)
