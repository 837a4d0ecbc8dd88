"""Chapter 14: what the page writes is what is measured; several processes give one gradient."""

import json
import os
import runpy
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from conftest import ROOT
from rnncourse import data, layers, training
from rnncourse.authoring import notebooks
from rnncourse.bench import gpu
from rnncourse.bench.gpu import lstms
from rnncourse.bench.record import definitions

FOLDER = ROOT / "book" / "2-pytorch"
CHAPTER = FOLDER / "14-gpu-training.ipynb"
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def page():
    return definitions(CHAPTER, "count")


@pytest.mark.parametrize("T", [1, 9])
def test_the_pages_loop_and_pieces_are_the_lstm_of_part_1(page, T):
    x, _, W_x, W_h, b = lstms.draw(T, 3, 5, CPU, torch.float64)
    zero = np.zeros((3, 5))
    h, *_ = layers.lstm_forward(x.numpy(), zero, zero, *(w.numpy() for w in (W_x, W_h, b)))
    for program in ("loop", "in_pieces"):
        np.testing.assert_allclose(page[program](x, W_x, W_h, b).numpy(), h, rtol=0, atol=1e-12)


def test_what_the_page_writes_is_what_is_measured(page):
    x, dh, W_x, W_h, b = lstms.draw(4, 2, 3, CPU, torch.float64)
    assert torch.equal(page["loop"](x, W_x, W_h, b), lstms.loop(x, W_x, W_h, b))
    assert torch.equal(page["in_pieces"](x, W_x, W_h, b), lstms.checkpointed(x, W_x, W_h, b))
    given = x.new_ones(2, 12), dh[0], dh[1], W_h
    assert all(torch.equal(p, q) for p, q in zip(page["step"](*given), lstms.step(*given), strict=True))


@pytest.mark.parametrize("size", gpu.SIZES["large"])
def test_the_pages_floor_is_that_of_the_benchmark(page, size):
    T, B, H = size
    limits = gpu.DATA_SHEETS["H100 80GB HBM3"]
    both = page["layer_floor"](T, B, H, limits["bf16"], limits["bandwidth"])
    found = gpu.floor(T, B, H, H, "forward+backward", "bf16", limits)
    assert max(both) == pytest.approx(found["floor_ms"])
    assert both == pytest.approx(
        (1e3 * found["operations"] / limits["bf16"], 1e3 * found["bytes"] / limits["bandwidth"])
    )


def test_each_step_starts_as_many_operations(page):
    """So the page may say what 1024 steps start from the difference of 16 and 32."""
    programs = page["three_ways"](8, device="meta")
    for name in ("Python loop", "nn.LSTMCell"):
        counts = [page["operations_of"](programs[name], T, B=2, H=8) for T in (8, 9, 13)]
        assert counts[2] - counts[1] == 4 * (counts[1] - counts[0]) > 80


def test_ahead_keeps_the_order_and_gives_all(page):
    assert [*page["ahead"](iter(range(50)), places=3)] == [*range(50)]
    assert [*page["ahead"](iter([]))] == []


def test_nothing_of_a_gpu_is_shown_without_a_record_of_one():
    shown = "".join(o.get("text", "") for c in notebooks.read(CHAPTER).cells if c.id == "records" for o in c.outputs)
    records = [json.loads(path.read_text()) for path in FOLDER.glob("14-bench-*.json")]
    cuda = any(record["device"]["type"] == "cuda" for record in records)
    assert ("On a GPU: not measured yet." in shown) == (not cuda)
    assert all(record["device"]["name"] in shown for record in records) and records


@pytest.mark.parametrize("path", sorted(FOLDER.glob("14-bench-*.json")), ids=lambda path: path.stem)
def test_a_stored_record_is_whole(path):
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["complete"] and record["command"].startswith("rnncourse bench gpu")
    rows = [row for row in record["results"] if row["what"] == "layer"]
    assert {row["variant"] for row in rows} >= set(lstms.VARIANTS) - {"CUDA graph"}
    assert all(row["error"] <= gpu.LARGEST_ERROR[row["precision"]] for row in rows if "failed" not in row)


# Several processes


@pytest.fixture(scope="module")
def ddp():
    return runpy.run_path(str(FOLDER / "ddp.py"))


def test_shards_are_of_one_size_and_lose_nothing(ddp):
    x = torch.arange(15).reshape(3, 5)
    for world in (1, 2, 3, 4):
        parts = [ddp["shard"](x, x, rank, world) for rank in range(world)]
        assert len({part.shape for pair in parts for part in pair}) == 1
        targets = torch.cat([y.flatten() for _, y in parts])
        assert sorted(targets[targets >= 0].tolist()) == [*range(15)]


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 3])
def test_processes_have_the_gradient_of_the_joined_batch(ddp, tmp_path, processes):
    """Against one plain loop without DDP; the last batch of 12, 12, 12, 1 is smaller than the number of processes."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command += [str(FOLDER / "ddp.py"), str(tmp_path / "out.pt"), "float64"]
    ran = subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = torch.load(tmp_path / "out.pt")
    torch.manual_seed(0)
    model = ddp["Model"]().double()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    batches = [*training.Shuffled(data.surnames()["it_IT"][:37], B=12, seed=0, collate=ddp["collate"])]
    assert [x.shape[1] for x, _ in batches] == [12, 12, 12, 1]
    for k, (x, y) in enumerate(batches):
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())  # the mean over real tokens
        optimizer.zero_grad()
        loss.backward()
        gradient = torch.cat([p.grad.flatten() for p in model.parameters()])
        optimizer.step()
        assert found["loss"][k] == pytest.approx(loss.item(), rel=1e-12)
        torch.testing.assert_close(found["gradients"][k], gradient, rtol=0, atol=1e-12)
