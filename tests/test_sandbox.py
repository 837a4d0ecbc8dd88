"""What a student's code finds inside the wall: nothing of ours, nothing that lasts, nothing without end."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rnncourse.check.forbidden import NUMPY_UNIT
from rnncourse.grading import group, sandbox
from rnncourse.grading.session import Session

pytestmark = pytest.mark.skipif(not sandbox.available(), reason="bubblewrap is missing: apt install bubblewrap")

# cells that fail, with what the error says
REFUSED = {
    "import os; os.memfd_create('x')": "PermissionError",
    "import ctypes; assert ctypes.CDLL(None).shmget(0, 1 << 30, 0o1600) >= 0": "AssertionError",
    "import ctypes; assert ctypes.CDLL(None).unshare(0x10000000) == 0": "AssertionError",
    "import ctypes; assert ctypes.CDLL(None).ptrace(0, 0, 0, 0) == 0": "AssertionError",
    "import os; os.fork()": "BlockingIOError",
    "import threading; threading.Thread(target=print).start()": "can't start new thread",
    "open('/dev/left', 'w').write('x')": "Read-only file system",
    "open('/usr/left', 'w').write('x')": "Read-only file system",
    "open('/course/left', 'w').write('x')": "Read-only file system",
    "open('/left', 'w').write('x')": "Read-only file system",
    "open('/tmp/big', 'wb').write(bytes(20 << 20))": "OSError",
    "bytearray(1 << 30)": "MemoryError",
    "open('/etc/passwd')": "FileNotFoundError",
    "open('/proc/self/environ')": "FileNotFoundError",
    "import socket; socket.socketpair()": "PermissionError",
    "import socket; socket.create_connection(('127.0.0.1', 22), 1)": "PermissionError",
    "import socket; socket.create_connection(('1.1.1.1', 53), 1)": "PermissionError",
    "import os; os.setuid(0)": "OSError",
    "import os; os.kill(1, 0); os.kill(2, 0)": "ProcessLookupError",
    "import rnncourse.layers as x; x.rnn_forward(1)": "Forbidden",
    "import scipy.signal as x; x.lfilter(1)": "Forbidden",
    "import nbgrader_config": "ModuleNotFoundError",
    "import rnncourse.authoring.unit": "ModuleNotFoundError",
    "import rnncourse.check.verdict": "ModuleNotFoundError",
}
ALLOWED = [
    "import numpy as np; np.linalg.svd(np.ones((3, 3)))",
    "open('/tmp/small', 'w').write('x'); assert open('/tmp/small').read() == 'x'",
    "import os; assert os.getuid() != 0 and os.listdir('/proc') == []",
    "from rnncourse.check import unit; unit('x')('y')",
    "from rnncourse import gradcheck; from rnncourse.check import properties, toys",
    "import torch, scipy",
]


@pytest.fixture(scope="module")
def walled():
    room = sandbox.Sandbox(["import numpy as np"], NUMPY_UNIT, limits=sandbox.Limits(5, 60, 512, 16))
    yield room
    room.close()


@pytest.mark.parametrize("cell", REFUSED)
def test_refused(walled, cell):
    with Session(walled, [("cell", cell)]) as session:
        session.prepare()
        assert REFUSED[cell] in session.errors.get("cell", "nothing went wrong")


@pytest.mark.parametrize("cell", ALLOWED)
def test_allowed(walled, cell):
    with Session(walled, [("cell", cell)]) as session:
        session.prepare()
        assert session.errors == {}


def test_a_worker_finds_nothing_of_the_one_before(walled):
    with Session(walled, [("cell", "open('/tmp/left', 'w').write('x'); import numpy; numpy.tanh = None")]) as session:
        session.prepare()
        assert session.errors == {}
    with Session(walled, [("cell", "import os; assert os.listdir('/tmp') == []; np.tanh(1.0)")]) as session:
        session.prepare()
        assert session.errors == {}


def test_a_missing_tool_is_said(monkeypatch):
    monkeypatch.setattr(sandbox, "available", lambda: False)
    with pytest.raises(sandbox.NoSandbox, match="apt install bubblewrap"):
        sandbox.Sandbox([])


def test_a_set_up_that_fails_is_said():
    with pytest.raises(sandbox.NoSandbox, match="nothing_like_this"):
        sandbox.Sandbox(["import nothing_like_this"])


def test_folders_of_killed_runs_are_swept(tmp_path, monkeypatch):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    monkeypatch.setattr(sandbox.tempfile, "gettempdir", lambda: str(tmp_path))
    for name, hours in ((f"{gone.pid}-old", 2), (f"{gone.pid}-new", 0), (f"{os.getpid()}-old", 2), ("bench-x", 2)):
        folder = tmp_path / f"rnncourse-{name}"
        folder.mkdir()
        os.utime(folder, (time.time() - 3600 * hours,) * 2)
    sandbox.sweep()
    assert {f.name for f in tmp_path.iterdir()} == {
        f"rnncourse-{gone.pid}-new", f"rnncourse-{os.getpid()}-old", "rnncourse-bench-x"
    }  # fmt: skip


def test_one_limit_for_all_memory(walled):
    if not walled.group.works:
        pytest.skip("no right to make a control group here")
    text = next(
        f for f in walled.group.folder.iterdir() if f.name in ("memory.max", "memory.limit_in_bytes")
    ).read_text()
    assert text.strip() != "max" and int(text) < 2**33
    procs = (walled.group.folder / "cgroup.procs").read_text().split()
    assert str(walled.server.pid) in procs


def fake_groups(tmp_path, monkeypatch, line, parent_controls):
    """A folder that stands for /sys/fs/cgroup, in which a new group of the parent gets `parent_controls` as files."""
    (tmp_path / "app.slice" / "shell.scope").mkdir(parents=True)
    (tmp_path / "memory" / "app.slice").mkdir(parents=True)
    real_text, real_mkdir = Path.read_text, Path.mkdir

    def mkdir(path, *args, **kwargs):
        real_mkdir(path, *args, **kwargs)
        if path.name == "rnncourse-x":
            (path / "cgroup.procs").write_text("")
            for name in parent_controls if path.parent.name == "app.slice" else ():
                (path / name).write_text("1000")

    def rmdir(path):  # the kernel's files do not keep a group
        shutil.rmtree(path)

    monkeypatch.setattr(group, "ROOT", tmp_path)
    monkeypatch.setattr(Path, "mkdir", mkdir)
    monkeypatch.setattr(Path, "rmdir", rmdir)
    monkeypatch.setattr(
        Path, "read_text", lambda p, *a, **k: line if p.name == "cgroup" else real_text(p, *a, **k)
    )  # of /proc/self


TWO = ("memory.max", "memory.current", "memory.swap.max")
ONE = ("memory.limit_in_bytes", "memory.usage_in_bytes")


@pytest.mark.parametrize(
    ("line", "files", "place"),
    [
        ("0::/app.slice/shell.scope\n", TWO, "app.slice/rnncourse-x"),  # a group with processes limits no children
        ("4:memory:/app.slice\n0::/app.slice\n", ONE, "memory/app.slice/rnncourse-x"),
    ],
)
def test_a_group_is_made_where_it_limits_memory(tmp_path, monkeypatch, line, files, place):
    fake_groups(tmp_path, monkeypatch, line, files)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = [(tmp_path / place).with_name(f"rnncourse-{pid}-x") for pid in (gone.pid, os.getpid())]
    for folder in left:
        folder.mkdir()
    made = group.Group("rnncourse-x")
    assert made.works and made.folder == tmp_path / place
    assert [folder.exists() for folder in left] == [False, True]
    made.take(17)
    made.limit(500)
    assert (made.folder / "cgroup.procs").read_text() == "17" and (made.folder / files[0]).read_text() == "1500"
    if files is TWO:
        assert (made.folder / "memory.swap.max").read_text() == "0"
    made.close()
    assert not made.works and not (tmp_path / place).exists()
    made.take(17)
    made.limit(500)


@pytest.mark.parametrize("what", ["no controller", "no right to move", "no cgroups"])
def test_without_the_right_there_is_no_group(tmp_path, monkeypatch, what):
    line = "" if what == "no cgroups" else "0::/app.slice/shell.scope\n"
    fake_groups(tmp_path, monkeypatch, line, TWO if what == "no right to move" else ())
    made = group.Group("rnncourse-x")
    if what == "no right to move":
        (made.folder / "cgroup.procs").unlink()
        (made.folder / "cgroup.procs").symlink_to("/proc/1/nothing")  # writing raises OSError
        made.take(17)
    assert not made.works and not list(tmp_path.rglob("rnncourse-x"))


def test_python_below_tmp_is_still_there(tmp_path, monkeypatch):
    """Every worker gets an empty /tmp; what it imports late may lie there."""
    home = tmp_path / "env"
    home.mkdir()
    (home / "late.txt").write_text("found")
    for folder in (tmp_path, *tmp_path.parents):
        if str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    places = [*sandbox.places(), home]
    monkeypatch.setattr(sandbox, "places", lambda: places)
    with_env = sandbox.Sandbox([], limits=sandbox.Limits(seconds=20))
    try:
        # what a chapter's helper imports late comes from the copy in /course, wherever the course itself lies
        with Session(with_env, [("late", "import rnncourse.plot, rnncourse.gradcheck, numpy.polynomial")]) as session:
            session.prepare()
            assert not session.errors
        cell = f"assert open('{home}/late.txt').read() == 'found'; open('/tmp/mine', 'w').write('x')"
        cell += f"\ntry:\n    open('{home}/new', 'w')\nexcept OSError:\n    pass\nelse:\n    raise AssertionError"
        with Session(with_env, [("cell", cell)]) as session:
            session.prepare()
            assert not session.errors
    finally:
        with_env.close()
