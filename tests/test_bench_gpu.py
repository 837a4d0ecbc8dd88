"""`rnncourse bench gpu`: compares before it times, keeps what it has, and calls CUDA in the right order.

No GPU is needed: what only CUDA can do runs here with a stand-in that writes down the order of the calls.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from conftest import ROOT
from rnncourse import layers, models
from rnncourse.bench import gpu, machine
from rnncourse.bench.gpu import clock, layer, lstms, record, roofline, training
from rnncourse.cli import app

CPU = torch.device("cpu")
QUICK = ("nn.LSTM", "Python loop", "nn.LSTMCell", "compiled step")
pytestmark = pytest.mark.filterwarnings("ignore")  # TF32's two ways of saying it, the profiler's notes


@pytest.fixture(autouse=True)
def no_compiler(monkeypatch):
    """torch.compile's first stages alone: what it makes of the step is then computed by torch as it is."""
    monkeypatch.setattr(lstms, "BACKEND", "eager")


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(record.SIZES, "small", ((5, 3, 4), (3, 2, 6)))
    monkeypatch.setitem(record.SWEEPS, "small", {"batch": (3, 4, (1, 2)), "memory": (2, 4, (4, 9)), "vocabulary": 8})
    for module in (clock, roofline, layer, training):
        monkeypatch.setattr(
            module, "timed", lambda f, *a, **k: (f(), {"ms": 2.0, "quartiles": [1.0, 3.0], "calls": 1})[1]
        )


@pytest.mark.parametrize("variant", [*QUICK, "Python loop, checkpointed"])
def test_every_variant_is_the_lstm_of_part_1(variant):
    x, dh, W_x, W_h, b = lstms.draw(7, 3, 5, CPU, torch.float64)
    zero = np.zeros((3, 5))
    h, _, cache = layers.lstm_forward(x.numpy(), zero, zero, *(a.numpy() for a in (W_x, W_h, b)))
    dx, _, _, dW_x, dW_h, db = layers.lstm_backward(dh.numpy(), zero, cache)
    found = lstms.program(variant, "forward+backward", x, dh, W_x, W_h, b)()
    for ours, theirs in zip((h, dx, dW_x, dW_h, db), found, strict=True):
        np.testing.assert_allclose(theirs.detach().numpy(), ours, rtol=0, atol=1e-10)
    alone = lstms.program(variant, "forward", x, dh, W_x, W_h, b)()
    np.testing.assert_allclose(alone[0].detach().numpy(), h, rtol=0, atol=1e-10)


def test_the_same_numbers_are_drawn_in_every_precision():
    exact, rounded = (lstms.draw(3, 2, 4, CPU, dtype) for dtype in (torch.float64, torch.bfloat16))
    assert all(torch.equal(a, b.double()) for a, b in zip(exact, rounded, strict=True))


def test_an_unknown_variant_is_named():
    with pytest.raises(ValueError, match="variant is 'fast', expected one of nn.LSTM, Python loop"):
        lstms.program("fast", "forward", *lstms.draw(2, 1, 3, CPU, torch.float32))


def test_error_is_that_of_the_worst_array_and_nan_stays():
    right = [torch.ones(4, dtype=torch.float64), torch.ones(2, dtype=torch.float64)]
    assert lstms.error([torch.ones(4), torch.tensor([1.0, 1.1])], right) == pytest.approx(0.1 / 2**0.5, rel=1e-5)
    assert np.isnan(lstms.error([torch.ones(4), torch.tensor([1.0, torch.nan])], right))


@pytest.mark.parametrize("planted", [0.5, float("nan")])
def test_what_is_wrong_is_not_timed(monkeypatch, planted):
    right = [torch.ones(3, 2, 4, dtype=torch.float64)]
    monkeypatch.setattr(lstms, "program", lambda *a: lambda: [right[0] + planted])
    monkeypatch.setattr(layer, "timed", lambda *a: pytest.fail("timed"))
    row = {"variant": "nn.LSTM", "precision": "fp32", "task": "forward", "T": 3, "B": 2, "H": 4}
    assert "differs from float64 by" in layer.one_layer(CPU, right, row, {})["failed"]


def test_the_floor_counts_operations_and_bytes():
    limits = {"fp32": 1e9, "bf16": 2e9, "bandwidth": 1e6}
    T, B, I, H = 5, 3, 4, 6  # noqa: E741
    forward = gpu.floor(T, B, I, H, "forward", "fp32", limits)
    by_hand = 2 * sum(B * rows * columns for _ in range(T) for rows, columns in ((4 * H, I), (4 * H, H)))
    assert forward["operations"] == by_hand
    assert forward["bytes"] == 4 * (T * B * I + T * B * H + 4 * H * I + 4 * H * H + 4 * H)
    assert forward["floor_by"] == "bytes" and forward["floor_ms"] == pytest.approx(1e3 * forward["bytes"] / 1e6)
    both = gpu.floor(T, B, I, H, "forward+backward", "bf16", limits | {"bandwidth": 1e12})
    assert both["operations"] == 3 * by_hand and both["floor_by"] == "operations"
    assert both["floor_ms"] == pytest.approx(1e3 * 3 * by_hand / 2e9)
    assert both["streamed_ms"] == pytest.approx(1e3 * 2 * 4 * H * H * T * 2 / 1e12)


def test_busy_is_the_union_of_the_spans():
    assert clock.busy([(10, 12), (0, 4), (1, 2), (3, 5)]) == {"microseconds": 12, "busy": round(7 / 12, 4)}
    assert clock.busy([]) == {"microseconds": 0.0, "busy": None}


def test_peak_memory_is_the_most_at_once():
    def three_then_one():
        kept = [torch.zeros(250_000) for _ in range(3)]
        del kept
        return torch.zeros(250_000).sum()

    assert 3e6 <= gpu.peak_bytes(three_then_one, CPU) < 3.2e6


@pytest.fixture
def measured(tiny):
    kept = []
    found = gpu.measure("cpu", "small", keep=lambda r: kept.append((len(r["results"]), r["complete"])), variants=QUICK)
    return found, kept


def test_a_record_has_everything_and_says_with_what(measured, tmp_path):
    found, kept = measured
    rows = found["results"]
    layers_measured = {(r["variant"], r["precision"], r["task"], r["T"]) for r in rows if r["what"] == "layer"}
    assert len(layers_measured) == len(QUICK) * 2 * 2 * 2 and found["complete"]
    kinds = ("profile", "layer", "batch", "training step", "loading", "memory")
    assert {r["what"] for r in rows} == set(kinds)
    failed = {r["what"] for r in rows if "failed" in r}
    assert failed <= {"training step"}, "16-bit LSTMs are not there on every CPU"
    assert kept == [*((n + 1, False) for n in range(len(rows))), (len(rows), True)], "after every row"
    for row in rows:
        if row["what"] == "layer":
            assert row["error"] <= gpu.LARGEST_ERROR[row["precision"]] and row["tokens_per_s"] > 0
            assert ("of_floor" in row) == (row["precision"] == "fp32"), "no floor for what a CPU does not have"
    assert set(found["versions"]) == {"python", "numpy", "torch"} and found["device"]["name"]
    path = machine.write_record(found, tmp_path / "new" / "record.json")
    text = path.read_text(encoding="utf-8")
    assert json.loads(text) == json.loads(json.dumps(found)) and not re.search(r"(/[a-z]+){2}", text)
    assert [p.name for p in path.parent.iterdir()] == ["record.json"]
    shown = gpu.table(found)
    assert shown.count("compiled step") == 4 and "T 5, B 3, H 4, forward+backward" in shown


def test_the_time_being_up_leaves_a_partial_record(tiny):
    found = gpu.measure("cpu", "small", minutes=0.0, variants=QUICK)
    assert len(found["results"]) == 1 and not found["complete"] and "not everything was measured" in gpu.table(found)


def test_an_interrupt_leaves_the_rows_so_far(tiny, tmp_path, monkeypatch, capsys):
    def interrupted(*args):
        yield {"what": "batch", "T": 1, "B": 1, "H": 1, "ms": 1.0}
        raise KeyboardInterrupt

    monkeypatch.setattr(record, "profiles", interrupted)
    assert gpu.run(tmp_path / "r.json", "cpu", "small", 1.0) == 130
    assert "interrupted; what was measured so far is in" in capsys.readouterr().out
    left = json.loads((tmp_path / "r.json").read_text())
    assert len(left["results"]) == 1 and not left["complete"]


def test_one_rows_precision_does_not_reach_another(monkeypatch):
    """Parts are measured in turn: whatever a row sets is undone before the next."""
    seen = []
    monkeypatch.setattr(layer, "one_layer", lambda *a: seen.append(torch.backends.cudnn.allow_tf32) or {})
    rows = layer.layers(CPU, [(2, 1, 3)], {}, ["nn.LSTM"], ["tf32", "fp32"])
    before = torch.backends.cudnn.allow_tf32
    for _ in rows:
        assert torch.backends.cudnn.allow_tf32 == before
    assert seen == [True, True, False, False]


def test_a_row_that_fails_does_not_stop_the_others():
    assert clock.attempt(lambda: 1 / 0) == {"failed": "ZeroDivisionError: division by zero"}


def test_without_a_gpu_one_sentence_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    result = CliRunner().invoke(app, ["bench", "gpu", "--record", str(tmp_path / "r.json")])
    assert result.exit_code == 1 and result.output.count("\n") == 1 and not (tmp_path / "r.json").exists()
    assert "no CUDA device here" in result.output and "--device cpu --size small" in result.output
    for wrong in (["--device", "tpu"], ["--device", "cpu", "--size", "huge"]):
        result = CliRunner().invoke(app, ["bench", "gpu", *wrong])
        assert result.exit_code == 1 and "expected cuda or cpu, and large or small" in result.output


@pytest.mark.slow
def test_it_runs_uninstalled_with_torch_and_numpy_alone(tmp_path):
    """`python -m rnncourse.bench.gpu` beside the folder `rnncourse`: nothing else of the course's environment."""
    shutil.copytree(ROOT / "rnncourse", tmp_path / "rnncourse", ignore=shutil.ignore_patterns("__pycache__"))
    arguments = ["--device", "cpu", "--size", "small", "--minutes", "0", "--record", "r.json"]
    code = f"""
import runpy, sys
for name in ("matplotlib", "typer", "nbformat", "scipy", "pandas", "rich"):
    sys.modules[name] = None
sys.argv[1:] = {arguments}
runpy.run_module("rnncourse.bench.gpu", run_name="__main__")
"""
    env = os.environ | {"PYTHONPATH": str(tmp_path)}
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-1000:]
    assert len(json.loads((tmp_path / "r.json").read_text())["results"]) == 1


# CUDA, played by a stand-in


@pytest.fixture
def cuda(monkeypatch):
    """`torch.cuda` as far as it is used here: each call is written down, and what it is given runs on the CPU."""
    log = []

    class Stream:
        def __init__(self, name="side"):
            self.name = name
            if name == "side":
                log.append("new stream")

        def wait_stream(self, other):
            log.append(f"{self.name} waits for {other.name}")

    main, current = Stream("main"), [None]
    current[0] = main

    @contextmanager
    def stream(entered):
        before, current[0] = current[0], entered
        yield
        current[0] = before

    @contextmanager
    def graph(recorded):
        log.append("record")
        yield
        log.append("recorded")

    fakes = {
        "Stream": Stream,
        "stream": stream,
        "current_stream": lambda: current[0],
        "graph": graph,
        "CUDAGraph": lambda: SimpleNamespace(replay=lambda: log.append("replay")),
        "synchronize": lambda: log.append("synchronize"),
        "memory_allocated": lambda: 100,
        "reset_peak_memory_stats": lambda: log.append("reset peak"),
        "max_memory_allocated": lambda: 350,
        "is_available": lambda: True,
    }
    for name, fake in fakes.items():
        monkeypatch.setattr(torch.cuda, name, fake)
    return SimpleNamespace(log=log, current=lambda: current[0].name)


def test_a_graph_is_recorded_after_runs_on_another_stream(cuda):
    def run():
        cuda.log.append(f"run on {cuda.current()}")
        return ["results"]

    replay = lstms.graphed(run)
    warm = ["new stream", "side waits for main", *["run on side"] * 3, "main waits for side"]
    assert cuda.log == [*warm, "record", "run on main", "recorded"]
    assert replay() == replay() == ["results"] and cuda.log[-2:] == ["replay", "replay"]
    assert cuda.log.count("run on main") == 1, "what is replayed is not run again"


def test_a_graphed_layer_is_that_layer(cuda):
    given = lstms.draw(4, 2, 3, CPU, torch.float64)
    found = lstms.program("CUDA graph", "forward+backward", *given)()
    assert lstms.error(found, lstms.reference(4, 2, 3, CPU)) < 1e-12


def test_each_batch_is_copied_while_the_one_before_is_used(cuda):
    class Host:
        def __init__(self, k):
            self.k = k

        def to(self, device, non_blocking):
            assert non_blocking and cuda.current() == "side"
            cuda.log.append(f"copy {self.k}")
            return SimpleNamespace(k=self.k, record_stream=lambda s: cuda.log.append(f"keep {self.k} for {s.name}"))

    for x in gpu.ahead([Host(0), Host(1), Host(2)], "cuda"):
        cuda.log.append(f"use {x.k}")
    first = ["new stream", "copy 0", "main waits for side", "keep 0 for main"]
    second = ["copy 1", "use 0", "main waits for side", "keep 1 for main"]
    third = ["copy 2", "use 1", "main waits for side", "keep 2 for main", "use 2"]
    assert cuda.log == [*first, *second, *third]
    assert [*gpu.ahead([], "cuda")] == []


def test_a_gpu_is_idle_before_and_after_each_timing(cuda):
    clock.timed(lambda: cuda.log.append("run"), torch.device("cuda"), least=3, seconds=0.0)
    assert cuda.log == ["run", "run", "synchronize", *["run", "synchronize"] * 3]


def test_peak_memory_of_a_gpu_is_reset_first(cuda):
    assert gpu.peak_bytes(lambda: cuda.log.append("run"), torch.device("cuda")) == 250
    assert cuda.log == ["synchronize", "reset peak", "run", "synchronize"]


def test_floors_come_from_the_data_sheet_of_a_gpu_that_has_one(monkeypatch, cuda):
    monkeypatch.setattr(roofline, "timed", lambda *a: {"ms": 1.0})
    real = torch.randn, torch.zeros, torch.empty_like
    monkeypatch.setattr(torch, "randn", lambda *s, device, dtype: real[0](2, 2).to(dtype))
    monkeypatch.setattr(torch, "zeros", lambda *s, device: real[1](2))
    found = roofline.ceilings(torch.device("cuda"), "NVIDIA H100 80GB HBM3")
    assert found["data sheet"]["bandwidth"] == 3.35e12 and set(found["measured"]) == {*roofline.PRECISIONS, "bandwidth"}
    assert roofline.ceilings(torch.device("cuda"), "a card of next year")["data sheet"] is None
    assert roofline.ceilings(CPU, "H100 80GB HBM3")["data sheet"] is None


@pytest.mark.parametrize("precision", ["fp32", "fp16 autocast, scaled"])
def test_a_training_step_scales_and_unscales_in_order(monkeypatch, precision):
    """The calls of one step, written down by a scaler that does nothing else; a GRU plays the LSTM of 16 bits."""
    log = []

    class Scaler:
        def __init__(self, device, enabled):
            log.append(f"enabled {enabled}")

        def scale(self, loss):
            log.append("scale")
            return loss

        def __getattr__(self, name):
            return lambda *a: log.append(name)

    monkeypatch.setattr(torch.amp, "GradScaler", Scaler)
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda *a: log.append("clip"))
    monkeypatch.setitem(models.CELLS, "lstm", torch.nn.GRU)
    assert training.training_step(CPU, 3, 2, 4, 8, precision)().isfinite()
    assert log == [f"enabled {'fp16' in precision}", "scale", "unscale_", "clip", "step", "update"]
