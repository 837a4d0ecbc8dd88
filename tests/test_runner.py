"""Running the grading of a folder: resuming, seeds, kill -9, exit codes, other executors, memory."""

import contextlib
import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from submissions import UNIT, full, put, solution, student_notebook
from typer.testing import CliRunner

from conftest import ROOT, load
from rnncourse.check import observe, verdict
from rnncourse.cli import app
from rnncourse.grading import engine, frames, jobs, run, runner, sandbox, session, store
from rnncourse.grading.run import closed_to_nobody
from rnncourse.grading.session import Session

pytestmark = pytest.mark.skipif(not sandbox.available(), reason="bubblewrap is missing: apt install bubblewrap")
needs_open_python = pytest.mark.skipif(closed_to_nobody() is not None, reason="nobody may not enter Python's folder")
KILLS = int(os.environ.get("RNNCOURSE_KILLS", "2"))
ALL = full()
FUNCTIONS = list(load(UNIT).exercises)
LIMITS = sandbox.Limits(seconds=5, total_seconds=60)


def class_of(folder, students=("ada", "bob", "cyd")):
    """Submissions with one answer more from student to student; every second has a mistake besides."""
    right = solution()
    for k, student in enumerate(students):
        answers = {f: right[f] for f in FUNCTIONS[: k % (len(FUNCTIONS) + 1)]}
        if k % 2 and answers:
            answers[FUNCTIONS[0]] = (
                right[FUNCTIONS[0]]
                + f"\n\n_old = {FUNCTIONS[0]}\n\n"
                + (f"def {FUNCTIONS[0]}(*args):\n    return 2 * _old(*args)")
            )
        put(folder, student, student_notebook(answers))
    return folder


def rows(output, but=("seconds",)):
    with (output / "results.csv").open(encoding="utf-8") as file:
        return [{k: v for k, v in row.items() if k not in but} for row in csv.DictReader(file)]


def graded(output):
    """What the gradebook says: (student, cell, points, comment)."""
    from nbgrader.api import Gradebook

    found = []
    with Gradebook(f"sqlite:///{output / 'gradebook.db'}") as book:
        for submitted in book.assignment_submissions(UNIT):
            for notebook in submitted.notebooks:
                comments = {c.name: c.comment for c in notebook.comments}
                found += [(submitted.student.id, g.name, g.score, comments.get(g.name)) for g in notebook.grades]
    return sorted(found, key=str)


class Counted(Executor):
    """One thread, and a count of the jobs."""

    def __init__(self):
        self.thread, self.jobs = ThreadPoolExecutor(1), []

    def submit(self, function, job):
        self.jobs.append(job.student)
        return self.thread.submit(function, job)


@pytest.fixture
def one_thread(monkeypatch):
    """Jobs run in this process, in one thread."""
    executor = Counted()
    monkeypatch.setattr(jobs, "_pool", lambda workers: contextlib.nullcontext(executor))
    monkeypatch.chdir(ROOT)
    yield executor
    executor.thread.shutdown()
    engine.Room.leave()


def grade(submissions, output, executor, **options):
    before = len(executor.jobs)
    outcome = runner.run(ROOT, submissions, output, UNIT, executor=executor, limits=LIMITS, **options)
    return outcome, executor.jobs[before:]


def cli(*arguments):
    return CliRunner().invoke(app, ["grade", *map(str, arguments)])


@pytest.mark.slow
def test_only_what_is_new_is_graded(tmp_path, one_thread):
    subs, output = class_of(tmp_path / "subs"), tmp_path / "new" / "out"
    outcome, worked = grade(subs, output, one_thread, feedback=False)
    assert sorted(worked) == ["ada", "bob", "cyd"] and outcome.complete and outcome.worked
    seed = outcome.seed
    files = [p for p in output.rglob("*") if p.is_file() and p.name != ".lock"]
    first, before = rows(output), {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in files}

    outcome, worked = grade(subs, output, one_thread, feedback=False)
    assert not worked and not outcome.worked and outcome.complete and outcome.seed == seed
    assert sum(outcome.counts.values()) == 3
    assert {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in files} == before

    put(subs, "ada", student_notebook(solution()))
    put(subs, "dan", student_notebook(solution()))
    outcome, worked = grade(subs, output, one_thread, feedback=False)
    assert sorted(worked) == ["ada", "dan"] and outcome.seed == seed
    now = {r["student"]: r for r in rows(output)}
    assert [float(now[s]["score"]) for s in ("ada", "dan")] == [ALL, ALL]
    assert [now["bob"], now["cyd"]] == first[1:] and len(now) == 4

    # pages asked for later come without grading; a lost table is written again
    outcome, worked = grade(subs, output, one_thread)
    pages = list((output / "feedback").rglob("*.html"))
    assert pages and seed > 2**64 and not any(str(seed) in page.read_text(encoding="utf-8") for page in pages)
    assert not worked and len(list((output / "feedback").rglob("*.html"))) == 4
    (output / "report.html").unlink()
    assert grade(subs, output, one_thread)[0].worked and (output / "report.html").exists()

    # the same seed elsewhere: the same results; another seed: everybody again
    grade(subs, tmp_path / "other", one_thread, seed=seed, feedback=False)
    assert rows(tmp_path / "other") == rows(output) and graded(tmp_path / "other") == graded(output)
    outcome, worked = grade(subs, output, one_thread, seed=seed + 1)
    assert sorted(worked) == ["ada", "bob", "cyd", "dan"]
    assert json.loads((output / "run.json").read_text())["seed"] == seed + 1
    assert grade(subs, output, one_thread)[0].seed == seed + 1


@pytest.mark.slow
def test_a_grading_that_fails_is_told_and_tried_again(tmp_path, one_thread, monkeypatch):
    subs, output = class_of(tmp_path / "subs"), tmp_path / "out"
    right = engine.grade

    def sometimes(job):
        if job.student == "bob":
            raise RuntimeError("no room on the device")
        return right(job)

    monkeypatch.setattr(engine, "grade", sometimes)
    outcome, _ = grade(subs, output, one_thread, feedback=False)
    bob = rows(output)[1]
    assert not outcome.complete and len(rows(output)) == 3
    assert bob["status"] == "needs_person" and "grading itself failed: RuntimeError: no room" in bob["reason"]
    monkeypatch.setattr(engine, "grade", right)
    outcome, worked = grade(subs, output, one_thread, feedback=False)
    assert worked == ["bob"] and outcome.complete and rows(output)[1]["status"] == "graded"


@pytest.mark.slow
def test_a_sandbox_that_ends_costs_nobody_points(tmp_path, one_thread, monkeypatch):
    put(tmp_path / "subs", "ada", student_notebook(solution()))
    score, killed = engine.score, []

    def score_without_server(*args):
        if not killed:
            killed.append(engine.Room.current[1].sandbox.server)
            killed[0].kill()
            killed[0].wait()
        return score(*args)

    monkeypatch.setattr(engine, "score", score_without_server)
    grade(tmp_path / "subs", tmp_path / "out", one_thread, feedback=False)
    assert killed and float(rows(tmp_path / "out")[0]["score"]) == ALL
    assert rows(tmp_path / "out")[0]["status"] == "graded"


class SlowClock:
    """A clock that goes on by minutes whenever `tick` is called, and otherwise hardly."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        self.now += 1e-6
        return self.now

    def tick(self):
        self.now += 600


@pytest.mark.slow
def test_our_own_work_is_not_on_the_students_clock(tmp_path, one_thread, monkeypatch):
    """A start of a worker, a comparison and a diagnosis that take ten minutes each cost nobody a point."""
    wrong = {FUNCTIONS[0]: solution()[FUNCTIONS[0]].replace("return ", "return 2 * ")}
    put(tmp_path / "subs", "ada", student_notebook(solution()))
    put(tmp_path / "subs", "bob", student_notebook(solution() | wrong))
    clock = SlowClock()
    for module in (session, frames):
        monkeypatch.setattr(module, "time", clock)

    def slowly(module, name):
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *a, **k: (clock.tick(), real(*a, **k))[1])

    slowly(observe, "agree")
    slowly(verdict, "recognise")
    slowly(verdict, "relations")
    slowly(Session, "begin")
    grade(tmp_path / "subs", tmp_path / "out", one_thread, feedback=False)
    assert clock.now > 100 * 600
    points = load(UNIT).exercises[FUNCTIONS[0]].points
    assert [(float(r["score"]), r["status"], r["reason"]) for r in rows(tmp_path / "out")] == [
        (ALL, "graded", ""),
        (ALL - points, "graded", ""),
    ]


def start(subs, output, *options):
    """`rnncourse grade` as the leader of a process group of its own."""
    scratch = output.parent / "tmp"
    scratch.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "rnncourse.cli", "grade", str(subs), "--unit", UNIT, "--output", str(output)]
    return subprocess.Popen(
        [*command, "--workers", "2", "--seed", "7", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"TMPDIR": str(scratch)},
        start_new_session=True,
    )


def descendants(process):
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def gone(processes, seconds=20):
    return not psutil.wait_procs(processes, timeout=seconds)[1]


def finished(process, code=0):
    said = process.communicate(timeout=300)[0]
    assert process.returncode == code, said
    return said


MOMENTS = (  # what must be there how often, and how many seconds later
    lambda chance, whole: ("cache/*.json", chance.randint(1, 8), chance.uniform(0, 0.1)),
    lambda chance, whole: ("feedback/*/*/*.html", chance.randint(1, 8), chance.uniform(0, 0.05)),
    lambda chance, whole: ("*.db", 1, chance.uniform(0, 0.5)),
    lambda chance, whole: (".*", 0, chance.uniform(0, whole / 3)),
    lambda chance, whole: ("results.*", chance.randint(1, 2), chance.uniform(0, 0.01)),
)


def wait_for(process, output, pattern, many, later):
    while process.poll() is None and len(list(output.glob(pattern))) < many:
        time.sleep(0.002)
    time.sleep(later)


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_the_same(tmp_path):
    subs = class_of(tmp_path / "subs", [f"student {k}" for k in range(8)])
    began = time.monotonic()
    finished(start(subs, tmp_path / "undisturbed"))
    whole = time.monotonic() - began
    expected, book = rows(tmp_path / "undisturbed"), graded(tmp_path / "undisturbed")
    names = {p.relative_to(tmp_path / "undisturbed") for p in (tmp_path / "undisturbed").rglob("*.html")}
    chance = random.Random(3)
    for k in range(KILLS):
        output = tmp_path / f"killed-{k}"
        process = start(subs, output)
        moment = MOMENTS[k % len(MOMENTS)](chance, whole)
        wait_for(process, output, *moment)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGSTOP)  # no new processes while they are counted
        children = descendants(process)
        there = len(list(output.glob("cache/*.json")))
        pages = len(list(output.rglob("*.html")))
        written = [n for n in ("gradebook.db", "results.csv", "run.json") if (output / n).exists()]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert gone(children), "a process survived kill -9"
        said = finished(start(subs, output))
        print(f"killed at {moment}: {there} results, {pages} pages, {written}; then {said.splitlines()[0]}")
        assert rows(output) == expected
        assert graded(output) == book
        assert {p.relative_to(output) for p in output.rglob("*.html")} == names
        assert not [p for p in output.rglob(".*") if p.name != ".lock"], "scratch files are left"
        shutil.rmtree(output)


@pytest.mark.slow
def test_nothing_goes_on_when_the_parent_alone_is_killed(tmp_path):
    put(tmp_path / "subs", "ada", student_notebook({FUNCTIONS[0]: f"def {FUNCTIONS[0]}(*a):\n    while True: pass"}))
    process = start(tmp_path / "subs", tmp_path / "out", "--time-limit", "30")
    until = time.monotonic() + 60
    while time.monotonic() < until and not any(p.name() == "bwrap" for p in descendants(process)):
        time.sleep(0.2)
    second = start(tmp_path / "subs", tmp_path / "out")
    assert "another run is at work" in finished(second, 1)
    children = descendants(process)
    process.kill()
    process.communicate()
    assert children and gone(children)


@pytest.mark.slow
def test_a_pool_process_that_is_killed_costs_nothing(tmp_path):
    subs = class_of(tmp_path / "subs", ["ada", "bob", "cyd", "dan"])
    process = start(subs, tmp_path / "out")
    until = time.monotonic() + 60
    while time.monotonic() < until and not any(p.name() == "bwrap" for p in descendants(process)):
        time.sleep(0.1)
    pool = [p for p in psutil.Process(process.pid).children() if "spawn_main" in " ".join(p.cmdline())]
    pool[0].kill()
    finished(process)
    assert [r["status"] for r in rows(tmp_path / "out")] == ["graded"] * 4


def test_a_process_that_is_killed_again_becomes_a_row(monkeypatch):
    """Two jobs under way when the pool breaks: the innocent one is graded, the other one's row says why."""
    from concurrent.futures import BrokenExecutor, Future

    class Breaks(Executor):
        def submit(self, function, job):
            future = Future()
            if job.student == "mallory":
                future.set_exception(BrokenExecutor())
            else:
                future.set_result({"key": job.student, "student": job.student})
            return future

    monkeypatch.setattr(jobs, "_pool", lambda workers: contextlib.nullcontext(Breaks()))
    kept = {}
    wanted = [engine.Job(str(ROOT), name, UNIT, "", name, 1, b"") for name in ("ada", "mallory", "zoe")]
    jobs.work(iter(wanted), lambda r: kept.update({r["key"]: r}), 2)
    assert set(kept) == {"ada", "mallory", "zoe"}
    assert "the grading process was killed" in kept["mallory"]["reason"] and kept["mallory"]["again"]


@pytest.mark.slow
def test_exit_codes_and_exports(tmp_path, one_thread):
    subs, output = class_of(tmp_path / "subs"), tmp_path / "out"
    result = cli(subs, "--unit", UNIT, "--output", output, "--export", "canvas")
    assert result.exit_code == 0, result.output
    assert "3 submissions: 3 graded, 0 graded with problems, 0 need a person" in result.stdout
    assert "SIS Login ID" in (output / f"canvas-{UNIT}.csv").read_text()

    archive = tmp_path / "moodle.zip"
    with zipfile.ZipFile(archive, "w") as z:
        z.writestr(f"Ada L_17_assignsubmission_file_/{UNIT}.ipynb", json.dumps(student_notebook(solution())))
        z.writestr(f"Bob M_18_assignsubmission_file_/{UNIT}.ipynb", "{")
    result = cli(archive, "--unit", UNIT, "--output", tmp_path / "zipped", "--export", "moodle")
    assert result.exit_code == 2, result.output
    assert "1 need a person" in result.stdout and "a person must look first: Bob M_18" in result.stdout
    text = (tmp_path / "zipped" / f"moodle-{UNIT}.csv").read_text()
    assert "Ada L" in text and "Bob M" not in text

    # everything was graded before, and the export is still written
    (output / f"canvas-{UNIT}.csv").unlink()
    result = cli(subs, "--unit", UNIT, "--output", output, "--export", "canvas")
    assert result.exit_code == 0 and "Nothing to do" in result.stdout
    assert (output / f"canvas-{UNIT}.csv").exists()


def test_wrong_arguments_end_with_1_and_a_plain_line(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(run, "DASK_SECONDS", 1)
    subs = class_of(tmp_path / "subs", ["ada"])
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "no.zip").write_text("x")
    for arguments, words in {
        (subs, "--unit", "02-nonsense"): "no unit '02-nonsense'; there are: 01-sequences",
        (tmp_path / "empty",): "holds no submissions: expected STUDENT/UNIT/UNIT.ipynb",
        (tmp_path / "nowhere",): "is no folder and no zip",
        (tmp_path / "no.zip",): "no readable zip",
        (subs, "--output", tmp_path / "file"): "cannot write into the output folder",
        (subs, "--output", tmp_path / "file" / "below"): "(Not a directory); choose another with --output",
        (subs, "--output", subs / "grading"): "lies inside of the submissions",
        (subs, "--export", "excel"): "--export excel is not known; there are: canvas, moodle",
        (subs, "--dask", "tcp://127.0.0.1:9"): "no dask scheduler answers at tcp://127.0.0.1:9",
        (subs, "--workers", "none"): "Invalid value for '--workers'",
        (): "Missing argument",
    }.items():
        options = () if "--output" in arguments else ("--output", tmp_path / "out")
        result = cli(*arguments, *options)
        assert result.exit_code == 1, (arguments, result.output)
        told = " ".join(result.output.replace("│", " ").split())
        assert words in told and "Traceback" not in told, told
    assert not list(subs.glob("grading"))
    monkeypatch.chdir(tmp_path)
    result = cli(subs)
    assert result.exit_code == 1 and "no solutions/ here or above" in " ".join(result.output.split())


def test_a_folder_that_is_read_only(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)  # root may write anywhere
    with pytest.raises(ValueError, match=r"cannot write into the output folder /x \(Permission denied\); choose"):
        store.alone(Path("/x")).__enter__()


def test_two_runs_do_not_share_an_output_folder(tmp_path):
    with store.alone(tmp_path), pytest.raises(ValueError, match="another run is at work"):
        store.alone(tmp_path).__enter__()
    with store.alone(tmp_path):
        pass


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"seed": "seven"}', "\udcff"])
def test_a_broken_run_json_is_no_trouble(tmp_path, text):
    (tmp_path / "run.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    seed = store.seed(tmp_path, None)
    assert store.seed(tmp_path, None) == seed == store.state(tmp_path)["seed"]


def test_without_bubblewrap_it_says_what_to_install(tmp_path, monkeypatch):
    subs = class_of(tmp_path / "subs")
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    result = cli(subs, "--unit", UNIT, "--output", tmp_path / "out")
    assert result.exit_code == 1 and "sudo apt install bubblewrap" in result.stdout
    assert "--allow-unsandboxed" in result.stdout and not (tmp_path / "out").exists()


def test_root_without_bubblewrap_and_with_a_python_of_its_own(tmp_path, monkeypatch):
    """Students' code is nobody then and could not even import NumPy: said at once, and not as 0 points for all."""
    (tmp_path / "mine" / "python").mkdir(parents=True)
    (tmp_path / "mine").chmod(0o700)
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "mine" / "python"))
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setenv("PATH", "")
    result = cli(tmp_path, "--unit", UNIT, "--allow-unsandboxed")
    assert result.exit_code == 1 and "who may not enter /" in result.stdout


@pytest.mark.slow
@needs_open_python
def test_unsandboxed(tmp_path, one_thread, monkeypatch):
    subs = class_of(tmp_path / "subs")
    assert cli(subs, "--unit", UNIT, "--output", tmp_path / "walled", "--seed", 5).exit_code == 0
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    result = cli(subs, "--unit", UNIT, "--output", tmp_path / "out", "--seed", 5, "--allow-unsandboxed")
    assert result.exit_code == 0 and "WITHOUT a sandbox" in result.stderr
    assert {r["sandbox"] for r in rows(tmp_path / "out")} == {"none"}
    assert rows(tmp_path / "out", ("seconds", "sandbox")) == rows(tmp_path / "walled", ("seconds", "sandbox"))
    result = cli(subs, "--unit", UNIT, "--output", tmp_path / "out", "--allow-unsandboxed")
    assert "Nothing to do" in result.stdout and "WITHOUT a sandbox" in result.stderr


@pytest.mark.parametrize("confined", [True, pytest.param(False, marks=needs_open_python)])
def test_students_code_is_never_root(confined):
    room = sandbox.Sandbox([], limits=LIMITS, confined=confined)
    try:
        with Session(room, []) as started:
            started.begin()
            told = "import os\nraise ValueError(os.getresuid(), os.getresgid(), os.getgroups())"
            said = started.request({"do": "cell", "source": told, "name": "mine"})["error"]
            again = "import os\nos.setuid(0)"
            refused = started.request({"do": "cell", "source": again, "name": "mine"})["error"]
    finally:
        room.close()
    ids, groups, others = eval(said.removeprefix("ValueError: ").removesuffix(" (line 2)"))
    assert 0 not in (*ids, *groups, *others)
    assert "Error" in refused


@pytest.mark.slow
def test_dask_gives_the_same_results(tmp_path, one_thread):
    distributed = pytest.importorskip("distributed")
    subs = class_of(tmp_path / "subs", ["ada", "bob", "cyd", "dan", "eve"])
    assert cli(subs, "--unit", UNIT, "--output", tmp_path / "here", "--seed", 3).exit_code == 0
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None, local_directory=str(tmp_path)
    ) as cluster:
        command = [subs, "--unit", UNIT, "--output", tmp_path / "there", "--seed", 3]
        result = cli(*command, "--dask", cluster.scheduler_address)
        assert result.exit_code == 0, result.output
        helpers = [p for p in psutil.Process().children(recursive=True) if p.name() == "bwrap"]
        assert len(helpers) >= 2  # the engines' rooms stay open for the next run
    one_thread_helpers = [p for p in helpers if p.is_running() and engine.Room.current and _mine(p)]
    assert gone([p for p in helpers if p not in one_thread_helpers])
    assert rows(tmp_path / "there") == rows(tmp_path / "here")
    assert graded(tmp_path / "there") == graded(tmp_path / "here")


def _mine(process):
    server = engine.Room.current[1].sandbox.server.pid
    return server in (process.pid, process.ppid())


COPIES = r"""
import re, sys
from pathlib import Path
from rnncourse.grading import runner

if __name__ == "__main__":
    outcome = runner.run(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], workers=2)
    assert outcome.complete and outcome.counts["graded"] == int(sys.argv[5]), outcome
    # not getrusage: its maximum counts the process that started this one
    print(int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024)
"""


@pytest.mark.slow
def test_a_large_class_needs_little_memory(tmp_path):
    blank = json.dumps(student_notebook())
    for k in range(200):
        put(tmp_path / "subs", f"s{k}", blank)
    (tmp_path / "run.py").write_text(COPIES)
    command = [sys.executable, tmp_path / "run.py", ROOT, tmp_path / "subs", tmp_path / "out", UNIT, "200"]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, cwd=ROOT, timeout=600)
    assert done.returncode == 0, done.stderr
    print(f"the parent took {float(done.stdout):.0f} MB at most")
    assert float(done.stdout) < 400
