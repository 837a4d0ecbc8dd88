"""The record of chapter 5: one bit over 300 steps from four initialisations, the same with noise, and three ways to
clip, with five seeds each."""

import numpy as np

from rnncourse.bench.record import definitions

SEEDS = range(5)
KINDS = "orthogonal", "identity", "normal, scale 1", "torch's default"
NOISES = (0.3, 1.0), (1.0, 1.0), (1.0, 0.1)  # noise, factor of W_x
CLIPS = {  # name: (clipping, learning rate)
    "not": ("not", 0.1),
    "by norm": ("by norm", 0.1),
    "by value": ("by value", 0.1),
    "not, rate 0.003": ("not", 0.003),
}


def record():
    page = definitions(__file__, "matrices")
    return {"bit": bit(page), "noise": noise(page), "clip": clip(page)}


def bit(page):
    """Per initialisation, one number a seed: norm before and after, distance of the bits, steps, last loss; and the
    running mean of ten losses, every fifth."""
    results = {}
    for kind in KINDS:
        row = {what: [] for what in ("before", "apart", "steps", "last", "after", "curves")}
        for seed in SEEDS:
            before, apart, losses, after = page["bit_run"](kind, seed)
            row["before"].append(round(float(before), 2))
            row["apart"].append(round(float(apart), 3))
            row["steps"].append(page["steps_taken"](losses))
            row["last"].append(round(float(np.mean(losses[-10:])), 4))
            row["after"].append(round(float(after), 2))
            smooth = np.convolve(losses, np.ones(10) / 10, "valid")
            row["curves"].append([round(float(loss), 3) for loss in smooth[::5]])
        results[kind] = row
    return results


def noise(page):
    """Per noise and factor of W_x: the norms before training and the steps it took, or null, one a seed."""
    rows = []
    for size, factor in NOISES:
        runs = [page["noisy_bit"](size, factor, seed) for seed in SEEDS]
        before = [round(float(norm), 2) for norm, _ in runs]
        rows.append({"noise": size, "factor": factor, "before": before, "steps": [steps for _, steps in runs]})
    return rows


def clip(page):
    """Per way of clipping: the mean of the last twenty losses and log10 of the longest gradient, one a seed."""
    results = {}
    for name, (kind, rate) in CLIPS.items():
        runs = [page["descend"](kind, seed, rate=rate) for seed in SEEDS]
        ends = [round(float(losses[-20:].mean()), 4) for losses, _ in runs]
        results[name] = {"ends": ends, "peaks": [round(float(np.log10(norms.max())), 2) for _, norms in runs]}
    return results
