"""What a student's code finds inside the wall: nothing of ours, nothing that lasts, nothing without end."""

import os
import subprocess
import sys
import time

import pytest

from rnncourse.check.forbidden import NUMPY_UNIT
from rnncourse.grading import sandbox
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
        cell = f"assert open('{home}/late.txt').read() == 'found'; open('/tmp/mine', 'w').write('x')"
        cell += f"\ntry:\n    open('{home}/new', 'w')\nexcept OSError:\n    pass\nelse:\n    raise AssertionError"
        with Session(with_env, [("cell", cell)]) as session:
            session.prepare()
            assert not session.errors
    finally:
        with_env.close()
