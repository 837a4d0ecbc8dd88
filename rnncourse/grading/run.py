"""What `rnncourse grade` does with its options: checks, progress, the outcome in words, the exit code."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

from tqdm import tqdm

from rnncourse.grading import export as platforms
from rnncourse.grading import runner, sandbox

LOUD = """\
! Students' code runs WITHOUT a sandbox (--allow-unsandboxed): it can read and change every file that you can,
! use the network, and forge grades. Every row of the results says so."""


def main(
    root: Path,
    submissions: Path,
    output: Path,
    unit: str | None,
    *,
    workers: int | None,
    seed: int | None,
    time_limit: float,
    memory_limit: int,
    allow_unsandboxed: bool,
    dask: str | None,
    export: str | None,
    feedback: bool,
) -> int:
    """Grade and print. Returns 0 (all graded), 2 (some need a person) or 1 (not complete)."""
    confined = sandbox.available()
    if not confined and not allow_unsandboxed:
        print(f"{sandbox.INSTALL}\nOr say --allow-unsandboxed, if you trust every line of the submissions.")
        return 1
    if export and export not in platforms.KINDS:
        print(f"--export {export} is not known; there are: {', '.join(platforms.KINDS)}")
        return 1
    if not confined:
        print(LOUD, file=sys.stderr)
    limits = sandbox.Limits(seconds=time_limit, total_seconds=12 * time_limit, memory_mb=memory_limit)
    with contextlib.ExitStack() as stack:
        bar = stack.enter_context(tqdm(desc="grading", unit="submission", disable=None))

        def progress(done, total, what):
            bar.total = total
            bar.update(done - bar.n)

        try:
            executor = stack.enter_context(_dask(dask)) if dask else None
            outcome = runner.run(
                root,
                submissions,
                output,
                unit,
                seed=seed,
                workers=workers,
                limits=limits,
                confined=confined,
                executor=executor,
                feedback=feedback,
                progress=progress,
            )
        except (ValueError, sandbox.NoSandbox) as error:
            print(error)
            return 1
    if export:
        results = json.loads((output / "results.json").read_text(encoding="utf-8"))
        for path in platforms.write(output, results, export):
            print(path)
    return _told(outcome, output)


def _dask(address: str):
    try:
        from dask.distributed import Client
    except ImportError:
        raise ValueError('--dask needs the extra: pip install "rnncourse[dask]"') from None
    return Client(address).get_executor()


def _told(outcome: runner.Outcome, output: Path) -> int:
    counts = outcome.counts
    if not outcome.worked:
        print("Nothing to do: everything was graded before.")
    print(
        f"{sum(counts.values())} submissions: {counts['graded']} graded, {counts['graded_with_problems']} graded with "
        f"problems, {counts['needs_person']} need a person. Seed {outcome.seed}."
    )
    print(f"{output / 'results.csv'}, {output / 'report.html'}")
    if not outcome.complete:
        print("Not complete: run the same command again, it goes on where it stopped.")
        return 1
    return 2 if counts["needs_person"] else 0
