"""Jobs to an executor: each gives one result, whatever happens to the processes that work on them.

Any `concurrent.futures` executor will do; without one there is a pool of processes on this machine. The grading process
of a submission may be killed (by the machine, for want of memory): what was under way is then graded again, each alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, ProcessPoolExecutor, wait
from multiprocessing import get_context, parent_process

from rnncourse.grading import engine
from rnncourse.grading.engine import Job
from rnncourse.grading.sandbox import NoSandbox, WorkerLost

AHEAD = 4  # jobs per worker that are handed out before an answer comes
ONE_AT_A_TIME = threading.Lock()  # an engine has one room; a dask worker may have many threads


def work(jobs: Iterator[Job], keep: Callable[[dict], None], workers: int, executor: Executor | None = None) -> None:
    """Run all jobs and `keep` every result. Raises NoSandbox, and CancelledError if the executor gives up."""
    if executor is not None:
        lost = _hand_out(jobs, keep, AHEAD * workers, executor)
        if lost:
            raise CancelledError("the executor broke")
        return
    while True:
        with _pool(workers) as pool:
            lost = _hand_out(jobs, keep, AHEAD * workers, pool)
        if not lost:
            return
        lost = iter(lost)
        while True:
            with _pool(1) as pool:
                killed = _hand_out(lost, keep, 1, pool)
            if not killed:
                break
            keep(failed(killed[0], "the grading process was killed, perhaps for want of memory"))


def failed(job: Job, why: str) -> dict:
    """A result that says that we failed, not the student. It is not kept for the next run, which tries again."""
    problem = f"grading itself failed: {why}; run the same command again"
    return engine._result(job, time.monotonic(), problem=problem) | {"again": True}


def _hand_out(jobs, keep, most: int, executor: Executor) -> list[Job]:
    """Keep `most` jobs under way until all are done; returns those that were under way when the executor broke."""
    running: dict = {}
    job, more = None, True
    try:
        while running or more:
            while more and len(running) < most:
                job = next(jobs, None)
                more = job is not None
                if more:
                    running[executor.submit(grade, job)] = job
                    job = None
            ready, _ = wait(running, return_when=FIRST_COMPLETED) if running else ((), ())
            for future in ready:
                try:
                    result = future.result()
                except (BrokenExecutor, NoSandbox, CancelledError):
                    raise
                except Exception as error:  # of ours; one submission must not stop the others
                    result = failed(running[future], f"{type(error).__name__}: {error}"[:300])
                del running[future]
                keep(result)
    except BrokenExecutor:
        return [*running.values(), *([job] if job else [])]  # also the one that was not taken any more
    return []


def grade(job: Job) -> dict:
    """Grade one submission, and once more if our side of the sandbox ended meanwhile, for which no student can be."""
    with ONE_AT_A_TIME:
        with contextlib.suppress(WorkerLost):
            result = engine.grade(job)
            current = engine.Room.current
            if current is None or current[1].sandbox.server.poll() is None:
                return result
        engine.Room.leave()
        return engine.grade(job)


@contextlib.contextmanager
def _pool(workers: int) -> Iterator[Executor]:
    """Processes on this machine; if the work is broken off, no further job begins."""
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """In a process of the pool: end quietly on Ctrl-C, and when the parent is killed."""
    signal.signal(signal.SIGINT, lambda *_: sys.exit(1))
    parent = parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()
