"""What `rnncourse grade` does with its options: checks, progress, the outcome in words, the exit code."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
import tempfile
from pathlib import Path

import typer

from rnncourse.grading import export as platforms
from rnncourse.grading import runner, sandbox
from rnncourse.grading.words import visible

MOST_SECONDS = 86_400  # a time limit
DASK_SECONDS = 10  # until a scheduler must have answered
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
    replace: bool = False,
) -> int:
    """Grade and print. Returns 0 (all graded), 2 (some need a person) or 1 (not complete)."""
    if not 0 < time_limit <= MOST_SECONDS:
        print(f"--time-limit {time_limit:g}: expected a number of seconds, at most {MOST_SECONDS}")
        return 1
    confined = sandbox.available()
    if not confined and not allow_unsandboxed:
        print(f"{sandbox.INSTALL}\nOr say --allow-unsandboxed, if you trust every line of the submissions.")
        return 1
    closed = None if confined else closed_to_nobody()
    if closed:
        print(
            f"Started as root without bubblewrap, students' code runs as the user nobody, who may not enter {closed}, "
            "where Python is. Grade as an ordinary user, use a Python elsewhere, or install bubblewrap."
        )
        return 1
    for path in (root, submissions, output) if confined else ():
        if sandbox.seen(path):
            print(f"{path} lies below {sandbox.seen(path)}, which students' code can read: move it elsewhere.")
            return 1
    if export and export not in platforms.KINDS:
        print(f"--export {export} is not known; there are: {', '.join(platforms.KINDS)}")
        return 1
    if not confined:
        print(LOUD, file=sys.stderr)
    limits = sandbox.Limits(seconds=time_limit, total_seconds=12 * time_limit, memory_mb=memory_limit)
    with contextlib.ExitStack() as stack:
        bar = stack.enter_context(
            typer.progressbar(length=1, label="Grading", show_pos=True, file=sys.stderr, hidden=not sys.stderr.isatty())
        )

        def progress(done, total, what):
            bar.length = total
            bar.update(done - bar.pos)

        try:
            executor, there = stack.enter_context(_dask(dask)) if dask else (None, None)
            outcome = runner.run(
                root,
                submissions,
                output,
                unit,
                seed=seed,
                workers=workers or there,
                limits=limits,
                confined=confined,
                executor=executor,
                feedback=feedback,
                progress=progress,
                say=lambda sentence: print(f"Note: {visible(sentence)}"),
                may_replace=lambda name, source: replace or _agreed(name, source),
            )
        except (ValueError, sandbox.NoSandbox) as error:
            print(error)
            return 1
        except (KeyboardInterrupt, OSError) as error:
            print(
                f"Stopped{f': {error}' if str(error) else ''}. Nothing is lost: run the same command again, it goes on."
            )
            return 1
    if export:
        try:
            results = json.loads((output / "results.json").read_text(encoding="utf-8"))
        except ValueError:
            print(f"{output / 'results.json'} is damaged: delete it and run the same command again; nothing is lost.")
            return 1
        for path in platforms.write(output, results, export):
            print(path)
        waiting = [r["student"] for r in results if r["status"] == "needs_person"]
        if waiting:
            print(f"Not in the files for {export}, a person must look first: {visible(', '.join(waiting))}")
    return _told(outcome, output)


def _agreed(name: str, source: str) -> bool:
    """Ask, where somebody can answer."""
    if not sys.stdin.isatty():
        return False
    return typer.confirm(f"{name} was graded from {source}. Replace that result?", default=False)


def closed_to_nobody() -> Path | None:
    """A folder on the way to what students' code needs that only its owner may enter; matters for root alone."""
    if os.getuid() != 0:
        return None
    needed = [Path(sys.base_prefix), Path(sys.prefix), Path(tempfile.gettempdir())]
    ways = (p for place in needed for p in (place.resolve(), *place.resolve().parents))
    return next((p for p in ways if not p.stat().st_mode & stat.S_IXOTH), None)


@contextlib.contextmanager
def _dask(address: str):
    """(an executor, the number of its workers) of the dask scheduler there. Raises ValueError in plain words."""
    try:
        from dask.distributed import Client
    except ImportError:
        raise ValueError('--dask needs the extra: pip install "rnncourse[dask]"') from None
    try:
        client = Client(address, timeout=DASK_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:  # TimeoutError is an OSError
        raise ValueError(f"no dask scheduler answers at {address}: {error}") from None
    with client:
        workers = len(client.scheduler_info(n_workers=-1)["workers"])
        if not workers:
            raise ValueError(f"the dask scheduler at {address} has no workers: start some with dask worker {address}")
        yield client.get_executor(pure=False), workers


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
    return 2 if counts["needs_person"] or outcome.kept else 0
