"""Chapter 13: what the page derives holds elsewhere, and its record is what the page says."""

import json

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from conftest import ROOT
from rnncourse import training
from rnncourse.bench.record import definitions

CHAPTER = ROOT / "book" / "2-pytorch" / "13-training-well.ipynb"
RECORD = json.loads(CHAPTER.with_suffix(".json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page():
    return definitions(CHAPTER, "setup", "text", "fresh", "faults")


@pytest.mark.parametrize("spread", [0.2, 1.0, 1.5])
def test_the_first_loss_of_large_logits(spread):
    g = torch.Generator().manual_seed(0)
    z, y = spread * torch.randn(4000, 98, generator=g), torch.randint(98, (4000,), generator=g)
    assert F.cross_entropy(z, y).item() == pytest.approx(np.log(98) + spread**2 / 2, abs=0.04)


@pytest.mark.parametrize("V", [2, 10, 98])
def test_the_floor_of_two_softmaxes(V):
    perfect = F.one_hot(torch.arange(V), V).double()
    found = F.cross_entropy(perfect, torch.arange(V)).item()
    assert found == pytest.approx(np.log(np.e + V - 1) - 1)
    confident = torch.softmax(50 * perfect + torch.randn(V, V, generator=torch.Generator().manual_seed(1)), 1)
    assert F.cross_entropy(confident, torch.arange(V)).item() >= found - 1e-12


def test_the_loop_by_hand_is_that_of_the_package(page):
    model, optimizer = page["started"](3)
    batches = list(training.Streams(page["train_ids"][:3200], 10, 8))[:12]
    losses = page["by_hand"](model, page["loss"], batches, optimizer)
    model, optimizer = page["started"](3)
    batches = training.Streams(page["train_ids"][:3200], 10, 8)
    history = training.train(model, page["loss"], batches, optimizer, training.Options(12, clip=1.0))
    assert history["loss"] == losses


def test_each_forgotten_piece_is_all_that_is_forgotten(page, tmp_path):
    page["folder"] = tmp_path
    page["resumable"](tmp_path / "run.pt", steps=3)
    stored = training.load(tmp_path / "run.pt")
    homes = {"the position in the text": "batches", "Adam's state": "optimizer", "the schedule": "scheduler"}
    homes |= {"the random numbers": "generators", "the carried state": "progress"}
    assert homes.keys() == page["FRESH"].keys()
    for piece, home in homes.items():
        changed = page["without"]([piece], stored)
        assert str(changed[home]) != str(stored[home]), piece
        same = {name for name in stored if str(changed[name]) == str(stored[name])}
        assert same == stored.keys() - {home}, piece


def test_the_record_is_whole(page):
    results = RECORD["results"]
    assert RECORD["command"] == "rnncourse record 13" and {"device", "versions", "cpu_seconds"} < RECORD.keys()
    assert {"none", "lines, healthy", *page["FAULTS"].values()} == results["patients"].keys()
    assert len(results["forgotten"]) == results["seeds"] == 5
    assert all({*page["FRESH"], "all but the weights"} == seed.keys() for seed in results["forgotten"])
    assert len(results["rates"]) == 7 and all(len(values) == 5 for values in results["rates"].values())


def test_the_symptoms_hold_for_every_seed_of_the_record(page):
    V, patients = page["V"], RECORD["results"]["patients"]
    for seed in range(3):
        run = {fault: runs[seed] for fault, runs in patients.items()}
        healthy = run["none"]
        assert run["softmax twice"]["training"] > np.log(np.e + V) - 1
        assert run["padding in the loss"]["training"] < 0.6 * run["padding in the loss"]["validation"]
        assert run["clip before backward"]["largest norm"] > 0.4 > 0.2501 > healthy["largest norm"]
        assert run["shuffled streams"]["first position"] > 0.5 > 0.2 > healthy["first position"]
        assert run["shift by one"]["training"] < 0.1
        first, second, third = run["state leaked into validation"]["again"]
        assert second != first and abs(third - second) < abs(second - first) / 100
        first, second, third = run["evaluation in train mode"]["again"]
        assert len({first, second, third}) == 3
        assert set(healthy["again"]) == {0.0}
