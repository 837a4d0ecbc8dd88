"""What grading costs: `rnncourse grade` beside stock `nbgrader autograde`, in CPU seconds with all child processes.

Both grade copies of a unit's solution, in two numbers of copies and in turn: the difference is what one more submission
costs, the rest is start-up. How CPU time is counted: `rnncourse.bench.run`.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import NamedTuple

from rnncourse.authoring import notebooks
from rnncourse.bench.machine import processor

GOALS = {"cpu_seconds": 0.045, "times_less_than_stock": 20, "two_workers": 1.7}  # to report, not to test
BIN = Path(sys.executable).parent
ONE, TWO, PAGES, STOCK = "ours, 1 worker", "ours, 2 workers", "ours, 1 worker, pages", "nbgrader autograde"
VARIANTS = {ONE: (1, False), TWO: (2, False), PAGES: (1, True)}  # workers, feedback pages


class Run(NamedTuple):
    """One measured run. Of ours: CPU and memory of the parent, and results.json's median of `cpu_seconds`.

    The parent hands out jobs and writes grades; `cpu_seconds` is what engine and sandbox use for one submission.
    """

    copies: int
    cpu: float
    wall: float
    parent_cpu: float | None = None
    engine_cpu: float | None = None
    peak_mb: float | None = None


def grading(root: Path, unit: str, copies: int = 40, stock_copies: int = 6, rounds: int = 3) -> dict:
    """Measure; returns what `table` prints. A round grades N and 4N copies in each variant of ours, N and 2N in stock.

    Needs bubblewrap. Takes one to two minutes a round; progress goes to stderr. Raises ValueError for an unknown unit
    or numbers below 1, RuntimeError if a measured run fails or does not give every copy full points.
    """
    if not (root / "solutions" / unit / "checks.py").is_file():
        raise ValueError(f"there is no unit {unit!r} in {root / 'solutions'}")
    if min(copies, stock_copies, rounds) < 1:
        raise ValueError(f"copies, stock copies and rounds are {copies}, {stock_copies}, {rounds}: expected 1 or more")
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="rnncourse-bench-") as scratch:
        bench = Bench(root, unit, Path(scratch))
        kinds = {name: (copies, 4 * copies, bench.ours(*v)) for name, v in VARIANTS.items()}
        kinds[STOCK] = (stock_copies, 2 * stock_copies, bench.stock)
        runs: dict[str, list[tuple[Run, Run]]] = {name: [] for name in kinds}
        for k in range(rounds):
            for name, (few, many, run) in kinds.items():
                print(f"round {k + 1} of {rounds}: {name}, {few} and {many} copies", file=sys.stderr, flush=True)
                runs[name].append((run(few), run(many)))
    return {
        "command": "rnncourse bench grading",
        "unit": unit,
        "device": {
            "cpu": processor(),
            "cores": os.cpu_count(),
            "system": platform.system(),
            "machine": platform.machine(),
            "load_before": round(load_before, 2),
        },
        "versions": {"python": platform.python_version()} | {p: version(p) for p in ("rnncourse", "numpy", "nbgrader")},
        "measured": f"medians of {rounds} rounds; per submission: the difference of two numbers of copies",
        "goals": GOALS,
        "results": [{"what": name} | summary(pairs) for name, pairs in runs.items()],
    }


def summary(pairs: list[tuple[Run, Run]]) -> dict:
    """Per submission and start-up from pairs of runs with few and many copies: medians over the pairs."""

    def split(field: str) -> tuple[float, float]:
        fits = []
        for few, many in pairs:
            slope = (getattr(many, field) - getattr(few, field)) / (many.copies - few.copies)
            fits.append((slope, getattr(few, field) - slope * few.copies))
        return round(median(s for s, _ in fits), 4), round(median(i for _, i in fits), 3)

    (cpu, cpu_start), (wall, wall_start) = split("cpu"), split("wall")
    ours = pairs[0][0].parent_cpu is not None
    return {
        "copies": [r.copies for r in pairs[0]],
        "cpu_seconds": cpu,
        "cpu_seconds_start": cpu_start,
        "cpu_seconds_engine": round(median(many.engine_cpu for _, many in pairs), 4) if ours else None,
        "cpu_seconds_parent": split("parent_cpu")[0] if ours else None,
        "wall_seconds": wall,
        "wall_seconds_start": wall_start,
        "wall_seconds_many": round(median(many.wall for _, many in pairs), 3),
        "peak_mb": round(max(r.peak_mb for pair in pairs for r in pair), 1) if ours else None,
        "runs": [[r._asdict() for r in pair] for pair in pairs],
    }


class Bench:
    """The course of the measurement in a scratch folder, and how to run both graders on it."""

    def __init__(self, root: Path, unit: str, scratch: Path):
        self.root, self.unit, self.scratch, self.count = root, unit, scratch, 0
        self.notebook = solved(root, unit)
        self.course = scratch / "course"
        (self.course / "solutions" / unit).mkdir(parents=True)
        (self.course / "grading").mkdir()
        shutil.copy(root / "nbgrader_config.py", self.course)
        shutil.copy(root / "solutions" / unit / f"{unit}.ipynb", self.course / "solutions" / unit)
        measured([str(BIN / "nbgrader"), "generate_assignment", unit, "--create"], cwd=self.course)

    def ours(self, workers: int, feedback: bool) -> Callable[[int], Run]:
        """A function that grades so many copies with `rnncourse grade`'s runner."""

        def run(copies: int) -> Run:
            folder = self._folder()
            self._hand_in(folder / "submitted", copies)
            request = {"root": str(self.root), "unit": self.unit, "workers": workers, "feedback": feedback}
            request |= {"submissions": str(folder / "submitted"), "output": str(folder / "grading")}
            out, cpu, wall = measured([sys.executable, "-m", "rnncourse.bench.run"], json.dumps(request))
            results = json.loads((folder / "grading" / "results.json").read_text(encoding="utf-8"))
            if any(r["score"] != r["max_score"] for r in results) or len(results) != copies:
                raise RuntimeError(f"{self.unit}: a copy of the solution did not get full points")
            shutil.rmtree(folder)
            return Run(copies, cpu, wall, engine_cpu=median(r["cpu_seconds"] for r in results), **json.loads(out))

        return run

    def stock(self, copies: int) -> Run:
        """Grade so many copies with `nbgrader autograde`."""
        folder = self._folder()
        shutil.copytree(self.course, folder)
        self._hand_in(folder / "grading" / "submitted", copies)
        _, cpu, wall = measured([str(BIN / "nbgrader"), "autograde", self.unit], cwd=folder)
        done = list((folder / "grading" / "autograded").glob(f"*/{self.unit}/{self.unit}.ipynb"))
        if len(done) != copies:
            raise RuntimeError(f"nbgrader graded {len(done)} of {copies} copies")
        shutil.rmtree(folder)
        return Run(copies, cpu, wall)

    def _folder(self) -> Path:
        self.count += 1
        return self.scratch / f"run-{self.count}"

    def _hand_in(self, folder: Path, copies: int) -> None:
        for k in range(copies):
            place = folder / f"student-{k:04d}" / self.unit
            place.mkdir(parents=True)
            (place / f"{self.unit}.ipynb").write_text(self.notebook, encoding="utf-8")


def measured(command: list[str], said: str = "", cwd: Path | None = None) -> tuple[str, float, float]:
    """Run a command: (stdout, CPU seconds of it and all it waited for, wall seconds)."""
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"  # nbgrader runs alembic by name
    env = os.environ | {"PATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        asked.write(said.encode())
        asked.seek(0)
        started = time.monotonic()
        launch = [sys.executable, "-I", str(Path(__file__).with_name("run.py")), *command]
        child = subprocess.Popen(launch, stdin=asked, stdout=out, stderr=err, env=env, cwd=cwd)
        _, status, used = os.wait4(child.pid, 0)
        wall = time.monotonic() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if child.returncode != 0:
            told = err.read().decode(errors="replace").strip()[-1500:]
            raise RuntimeError(f"{' '.join(command[-3:])} stopped with status {child.returncode}: {told}")
        return out.read().decode(), used.ru_utime + used.ru_stime, wall


def solved(root: Path, unit: str) -> str:
    """A student's notebook with the solution in it, as text."""

    def name(cell):
        return cell.metadata.get("nbgrader", {}).get("grade_id")

    book = notebooks.read(root / "exercises" / unit / f"{unit}.ipynb")
    answers = {name(c): c.source for c in notebooks.read(root / "solutions" / unit / f"{unit}.ipynb").cells if name(c)}
    for cell in book.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = answers[name(cell)]
    return notebooks.text(book)


def table(record: dict) -> str:
    """The results as plain text, then each goal with what was measured."""
    device, rows = record["device"], {r["what"]: r for r in record["results"]}
    lines = [
        f"{record['unit']}, copies of its solution; {record['measured']}",
        f"{device['cpu']}, {device['cores']} cores, load {device['load_before']} before; "
        f"nbgrader {record['versions']['nbgrader']}",
        f"{'':<34}{'CPU seconds':^37}{'wall seconds':^30}{'parent':>8}",
        f"{'what':<23}{'copies':>9}  {'each':>8}{'= engine':>9}{'+ parent':>9}{'start-up':>11}"
        f"{'each':>10}{'start-up':>10}{'the many':>10}{'peak MB':>8}",
    ]
    for r in rows.values():
        few, many = r["copies"]
        mine = r["peak_mb"] is not None
        engine, parent = (f"{r['cpu_seconds_' + who]:.3f}" if mine else "" for who in ("engine", "parent"))
        lines.append(
            f"{r['what']:<23}{f'{few}, {many}':>9}  {r['cpu_seconds']:>8.3f}{engine:>9}{parent:>9}"
            f"{r['cpu_seconds_start']:>11.2f}{r['wall_seconds']:>10.3f}{r['wall_seconds_start']:>10.2f}"
            f"{r['wall_seconds_many']:>10.1f}{r['peak_mb'] if mine else '':>8}"
        )
    one, two, stock, goals = rows[ONE], rows[TWO], rows[STOCK], record["goals"]
    figures = [
        ("CPU seconds per submission", "at most", goals["cpu_seconds"], one["cpu_seconds"]),
        ("times less CPU than nbgrader", "at least", goals["times_less_than_stock"], ratio(stock, one, "cpu_seconds")),
        ("two workers, times as fast as one", "at least", goals["two_workers"], ratio(one, two, "wall_seconds")),
    ]
    for what, sense, goal, got in figures:
        met = "lost in noise" if not got > 0 else "met" if (got <= goal) == (sense == "at most") else "not met"
        lines.append(f"{what + ',':<35}goal: {sense} {goal:g}, measured: {got:.3g}: {met}")
    return "\n".join(lines)


def ratio(above: dict, below: dict, field: str) -> float:
    return above[field] / below[field] if min(above[field], below[field]) > 0 else float("nan")
