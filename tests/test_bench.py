"""The benchmarks measure what they say, compare before they time, and keep a complete record. No speed is asserted."""

import json
import re
import sys

import numpy as np
import pytest
import torch

from conftest import ROOT
from rnncourse.bench import ctc as bench_ctc
from rnncourse.bench import grading as bench_grading
from rnncourse.bench import layers as bench
from rnncourse.bench import machine
from rnncourse.bench.grading import ONE, STOCK, TWO, VARIANTS, Run
from rnncourse.grading import sandbox


@pytest.fixture(scope="module")
def record():
    """One real measurement, of two tiny sizes in a process of its own."""
    return bench.layers(pairs=2, sizes=[(3, 2, 4, 5), (2, 1, 1, 3)])


def test_every_cell_size_and_task_is_measured(record):
    keys = [tuple(row[key] for key in ("cell", "against", "task", "T", "B", "I", "H")) for row in record["results"]]
    assert list(bench.CELLS) == ["rnn", "gru", "lstm"]
    assert sorted(keys) == sorted(
        (cell, against, task, *size)
        for cell, against in [*((cell, "torch.nn") for cell in bench.CELLS), ("lstm", bench.ONEDNN_OFF)]
        for size in [(3, 2, 4, 5), (2, 1, 1, 3)]
        for task in ("forward", "forward+backward")
    )
    for row in record["results"]:
        assert row["pairs"] == 2 and row["calls_per_timing"] >= 1
        assert min(row["ours_ms"], row["torch_ms"], row["ratio"], *row["ratio_quartiles"]) > 0
        assert 0 <= row["largest_relative_difference"] < bench.SAME


def test_the_record_says_where_and_with_what(record, tmp_path):
    assert record["device"]["cpu"] and record["device"]["threads"] == 1
    assert set(record["versions"]) == {"python", "rnncourse", "numpy", "blas", "torch"}
    assert record["versions"]["numpy"] == np.__version__ and record["versions"]["torch"] == torch.__version__
    assert record["command"] == "rnncourse bench layers"
    path = machine.write_record(record, tmp_path / "new" / "layers.json")
    text = path.read_text(encoding="utf-8")
    assert json.loads(text) == record
    assert not re.search(r"(/[a-z]+){2}", text), "a path of this machine"


def test_the_measurement_runs_on_one_thread(monkeypatch):
    """The variables that BLAS reads at its start are set for the measuring process, whatever this one was given."""
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    seen = {}

    def run(command, *, env, **kwargs):
        seen.update(env)
        return bench.subprocess.CompletedProcess(command, 0, stdout="{}")

    monkeypatch.setattr(bench.subprocess, "run", run)
    bench.layers()
    assert bench.ONE_THREAD.items() <= seen.items() and seen["OMP_NUM_THREADS"] == "1"


def fake_task(seconds, clock, log=None):
    """A task whose versions only move a clock, by the next of the given seconds."""
    steps = {name: iter(values) for name, values in seconds.items()}

    def version(name):
        def call():
            clock[0] += next(steps[name])
            if log is not None:
                log.append(name)
            return [np.ones(2)]

        return call

    return bench.Task("forward", ("h",), version("ours"), version("torch"))


def test_pairs_are_interleaved_and_the_ratio_is_the_median_of_pairs(monkeypatch):
    clock, log = [0.0], []
    monkeypatch.setattr(bench.time, "process_time", lambda: clock[0])
    warm_up = [1.0, 1.0]  # the comparison, and the call that decides how often to repeat
    task = fake_task({"ours": [*warm_up, 1, 2, 3, 4, 50], "torch": [*warm_up, 2, 2, 2, 2, 10]}, clock, log)
    row = bench.measure(task, pairs=5)
    assert log == ["ours", "torch"] * 7
    assert row["calls_per_timing"] == 1
    assert row["ratio"] == 1.5 and row["ratio_quartiles"] == [1.0, 2.0]  # of 0.5, 1, 1.5, 2, 5
    assert (row["ours_ms"], row["torch_ms"]) == (3000, 2000)


def test_short_calls_are_repeated(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(bench.time, "process_time", lambda: clock[0])
    row = bench.measure(fake_task({"ours": [0.001] * 100, "torch": [0.004] * 100}, clock), pairs=2)
    assert row["calls_per_timing"] == 20
    assert row["ratio"] == 0.25 and row["ours_ms"] == 1


@pytest.mark.parametrize("planted", [np.array([1.0, 1.001]), np.array([1.0, np.nan])], ids=["wrong", "nan"])
def test_nothing_is_timed_if_the_numbers_differ(planted):
    right = np.ones(2)
    task = bench.Task("forward+backward", ("h", "dW_h"), lambda: [right, planted], lambda: [right, right])
    with pytest.raises(RuntimeError, match=r"forward\+backward: dW_h differs from torch's by .* nothing was timed"):
        bench.measure(task, pairs=1)


def test_a_failed_measurement_is_an_error(monkeypatch):
    failed = bench.subprocess.CompletedProcess([], 1, stdout="")
    monkeypatch.setattr(bench.subprocess, "run", lambda *args, **kwargs: failed)
    with pytest.raises(RuntimeError, match="stopped with status 1"):
        bench.layers()


@pytest.mark.filterwarnings("ignore:TF32 acceleration")
@pytest.mark.parametrize("cell", bench.CELLS)
def test_both_versions_give_all_results_named(cell):
    for task in bench.CELLS[cell](3, 2, 4, 5):
        ours, theirs = task.ours(), task.torch()
        assert len(ours) == len(task.names) <= len(theirs)
        assert all(array.dtype == np.float32 for array in ours)
        assert bench.largest_difference(task) < bench.SAME


@pytest.mark.filterwarnings("ignore:TF32 acceleration")
def test_onednn_is_off_where_the_table_says_so(monkeypatch):
    """And on again afterwards; without it, torch's LSTM gives the same numbers."""
    seen = []
    monkeypatch.setattr(
        bench, "torch_versions", lambda *args: [lambda: seen.append(torch.backends.mkldnn.enabled) or []] * 2
    )
    tasks = bench.lstm_tasks(3, 2, 4, 5)
    for task in tasks:
        task.torch()
    assert [task.against for task in tasks] == ["torch.nn"] * 2 + [bench.ONEDNN_OFF] * 2
    assert seen == [True, True, False, False] and torch.backends.mkldnn.enabled


def test_goals_are_those_of_the_course():
    first, other = bench.SIZES[0], bench.SIZES[1]
    assert bench.goal("rnn", "forward", "torch.nn", first) == bench.goal("rnn", "forward+backward", "torch.nn", other)
    assert bench.goal("gru", "forward+backward", "torch.nn", other) == 0.75
    assert bench.goal("lstm", "forward+backward", "torch.nn", first) == 1.3
    assert bench.goal("lstm", "forward+backward", "torch.nn", list(first)) == 1.3, "sizes arrive as lists, from JSON"
    assert bench.goal("lstm", "forward+backward", "torch.nn", other) == 2.0
    assert bench.goal("lstm", "forward", "torch.nn", other) == 2.3
    assert bench.goal("lstm", "forward+backward", bench.ONEDNN_OFF, first) == 0.8
    assert bench.goal("lstm", "forward", bench.ONEDNN_OFF, first) is None
    assert bench.goal("gru", "forward", "torch.nn", first) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cells": ["rnm"]}, "cells has 'rnm', expected names among rnn, gru, lstm"),
        ({"sizes": [(1, 2, 3)]}, r"sizes has \(1, 2, 3\), expected \(T, B, I, H\)"),
        ({"sizes": [(0, 2, 3, 4)]}, "four positive integers"),
        ({"pairs": 0}, "pairs is 0, expected at least 1"),
    ],
)
def test_wrong_requests_are_explained(arguments, message):
    with pytest.raises(ValueError, match=message):
        bench.layers(**arguments)


def test_table_has_a_line_per_result_and_counts_the_goal(record):
    rows = [{**record["results"][0], "ratio": ratio, "goal": 0.7} for ratio in (0.7, 0.71, 3.0)]
    rows.append({**rows[0], "goal": None})
    lines = bench.table({**record, "results": rows}).splitlines()
    assert lines[1].split()[:7] == ["cell", "task", "against", "T", "B", "I", "H"]
    assert [line.split()[:7] for line in lines[2:6]] == [["rnn", "forward", "torch.nn", "3", "2", "4", "5"]] * 4
    assert [line.split()[11:] for line in lines[2:6]] == [["0.70", "met"], ["0.70"], ["0.70"], []]
    ratios = {line.index(f"{row['ratio']:>7.2f}  ") for line, row in zip(lines[2:6], rows, strict=True)}
    assert {lines[1].index("  ratio")} == ratios, "the columns are aligned"
    assert (
        "Of 3 rows that have a goal, a ratio to stay below, 1 meet it." in lines[6] and "the same numbers" in lines[7]
    )


@pytest.fixture(scope="module")
def ctc_record():
    """One real measurement of the CTC loss, of two tiny sizes in a process of its own."""
    return bench_ctc.losses(pairs=2, sizes=[(12, 3, 5, 4), (6, 1, 3, 2)])


def test_the_ctc_loss_is_measured_beside_torchs(ctc_record, tmp_path):
    assert [[row[name] for name in "TBVU"] for row in ctc_record["results"]] == [[12, 3, 5, 4], [6, 1, 3, 2]]
    for row in ctc_record["results"]:
        assert row["pairs"] == 2 and min(row["ours_ms"], row["torch_ms"], row["ratio"]) > 0
        assert 0 <= row["largest_relative_difference"] < 1e-9
    assert ctc_record["command"] == "rnncourse bench ctc" and ctc_record["device"]["threads"] == 1
    path = machine.write_record(ctc_record, tmp_path / "ctc.json")
    text = path.read_text(encoding="utf-8")
    assert json.loads(text) == ctc_record and not re.search(r"(/[a-z]+){2}", text), "a path of this machine"
    lines = bench_ctc.table(ctc_record).splitlines()
    assert lines[1].split()[:7] == ["task", "T", "B", "V", "U", "ours", "ms"]
    assert lines[2].split()[:5] == ["loss+gradient", "12", "3", "5", "4"] and "the same numbers" in lines[-1]


@pytest.mark.parametrize("size", bench_ctc.SIZES[:2])
def test_every_alignment_that_is_timed_is_possible(size):
    (task,) = bench_ctc.tasks(*size)
    losses, dz = task.ours()
    assert np.isfinite(losses).all() and dz.any(axis=(0, 2)).all()
    assert bench.largest_difference(task) < 1e-9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"sizes": [(1, 2, 3)]}, r"sizes has \(1, 2, 3\), expected \(T, B, V, U\)"), ({"pairs": 0}, "pairs is 0")],
)
def test_wrong_requests_for_the_ctc_loss_are_explained(arguments, message):
    with pytest.raises(ValueError, match=message):
        bench_ctc.losses(**arguments)


NEEDS_SANDBOX = pytest.mark.skipif(not sandbox.available(), reason="bubblewrap is missing: apt install bubblewrap")


@pytest.fixture(scope="module")
def graded():
    """One real measurement of both graders, of two copies, and of ours in one variant."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench_grading, "VARIANTS", {ONE: VARIANTS[ONE]})
        return bench_grading.grading(ROOT, "02-recurrent-cell", copies=2, stock_copies=1, rounds=1)


@pytest.mark.slow
@NEEDS_SANDBOX
def test_both_graders_are_measured_with_all_their_processes(graded):
    rows = {r["what"]: r for r in graded["results"]}
    assert list(rows) == [ONE, STOCK]
    for what, row in rows.items():
        runs = [run for pair in row["runs"] for run in pair]
        assert [run["copies"] for run in runs] == row["copies"] == ([1, 2] if what == STOCK else [2, 8])
        assert all(0 < run["cpu"] < 20 * run["wall"] for run in runs)
        if what != STOCK:
            assert all(run["parent_cpu"] + run["copies"] * run["engine_cpu"] / 2 < run["cpu"] for run in runs)
            assert all(30 < run["peak_mb"] < 2000 for run in runs)
            assert 0 < row["cpu_seconds_engine"] < row["runs"][0][0]["cpu"]


@pytest.mark.slow
@NEEDS_SANDBOX
def test_the_record_of_grading_says_where_and_with_what(graded, tmp_path):
    path = machine.write_record(graded, tmp_path / "grading.json")
    text = path.read_text(encoding="utf-8")
    assert json.loads(text) == graded and graded["command"] == "rnncourse bench grading"
    assert set(graded["versions"]) == {"python", "rnncourse", "numpy", "nbgrader"}
    assert graded["device"]["cpu"] and graded["device"]["cores"] >= 1
    assert not re.search(r"(/[a-z]+){2}", text), "a path of this machine"


def test_cpu_time_of_a_process_whose_starter_is_gone_is_counted():
    burn = "import time; t = time.process_time()\nwhile time.process_time() < t + 0.3: pass"
    leave = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {burn!r}]); print('left')"
    out, cpu, wall = bench_grading.measured([sys.executable, "-c", leave])
    assert out == "left\n" and cpu > 0.3 and wall > 0.3


def test_a_failed_run_says_what_failed():
    with pytest.raises(RuntimeError, match="stopped with status 3: no such thing"):
        bench_grading.measured([sys.executable, "-c", "import sys; sys.stderr.write('no such thing'); sys.exit(3)"])


def pairs(start, each, wall, ours=True):
    """Runs of 40 and 160 copies that cost `start` and `each`; the second round was disturbed."""
    extra = {"parent_cpu": 0.5, "engine_cpu": each, "peak_mb": 150.0} if ours else {}
    return [
        tuple(Run(n, more + start + n * each, start + n * wall, **extra) for n, more in ((40, 0), (160, noise)))
        for noise in (0, 9, 0)
    ]


def test_start_up_and_slope_are_told_apart_and_one_disturbed_round_does_not_matter():
    row = bench_grading.summary(pairs(5, 0.04, 0.1))
    assert (row["cpu_seconds"], row["cpu_seconds_start"]) == (0.04, 5)
    assert (row["wall_seconds"], row["wall_seconds_start"], row["wall_seconds_many"]) == (0.1, 5, 21)
    assert (row["cpu_seconds_engine"], row["cpu_seconds_parent"], row["peak_mb"]) == (0.04, 0, 150)


def test_the_table_of_grading_says_each_goal_and_what_was_measured():
    rows = {name: bench_grading.summary(pairs(5, 0.05, 0.1)) for name in VARIANTS}
    rows[TWO] = bench_grading.summary(pairs(5, 0.05, 0.05))
    rows[STOCK] = bench_grading.summary(pairs(3, 1.25, 1.5, ours=False))
    record = {
        "unit": "u",
        "measured": "m",
        "device": {"cpu": "c", "cores": 2, "load_before": 0.1},
        "versions": {"nbgrader": "0"},
        "goals": bench_grading.GOALS,
        "results": [{"what": name} | row for name, row in rows.items()],
    }
    lines = bench_grading.table(record).splitlines()
    assert [line.split("  ")[0] for line in lines[4:8]] == [*VARIANTS, STOCK]
    assert len({len(line) for line in lines[3:8]}) == 1, "the columns are aligned"
    assert "at most 0.045, measured: 0.05: not met" in lines[8]
    assert "at least 20, measured: 25: met" in lines[9]
    assert "at least 1.7, measured: 2: met" in lines[10]
    record["results"][0]["cpu_seconds"] = -0.01
    assert "lost in noise" in bench_grading.table(record), ONE


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("99-none",), "there is no unit '99-none'"), (("02-recurrent-cell", 0), "are 0, 6, 3: expected 1 or more")],
)
def test_wrong_requests_for_grading_are_explained(arguments, message):
    with pytest.raises(ValueError, match=message):
        bench_grading.grading(ROOT, *arguments)
