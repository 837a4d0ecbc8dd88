"""Runs students' code: the program inside the sandbox. It knows no reference, no hidden case, no other submission.

A server imports what the unit needs and runs the instructors' set-up once. For each submission it forks a child with
namespaces of its own, which runs the student's cells and functions on request and never returns. The server itself runs
no student's code. What the child answers is not trusted by anybody.

Started by `sandbox.py` as `python worker.py FD` with one end of a socket pair. Linux; macOS without the namespaces.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import io
import json
import os
import resource
import signal
import socket
import sys
import time

NOBODY = 65534
TOGETHER, MUCH = 0.02, 100_000  # seconds and bytes of answers that are sent at once


def main(fd: int, course: str) -> None:
    drop_root()
    sys.path.insert(0, course)
    control = socket.socket(fileno=fd)
    # here and not above: everything is imported as nobody, and rnncourse from the sandbox's copy
    global confine
    import rnncourse.check.call
    import rnncourse.check.cells  # noqa: F401  (both are imported once, for all workers)
    from rnncourse.check.forbidden import Tripwires
    from rnncourse.grading import confine, frames

    order = json.loads(frames.receive(control, 1 << 24))
    # what belongs to a package that the unit works with is forbidden to some functions only: see `snares`
    parts = [f for f in order["forbidden"] if f.partition(".")[0] in order["preload"]]
    Tripwires([f for f in order["forbidden"] if f not in parts]).install()
    for name in order["preload"] + parts:
        with contextlib.suppress(*([ModuleNotFoundError] if name in parts else [])):  # it may be a function
            importlib.import_module(name)
    namespace = {"__name__": "__main__"}
    for source in order["setup"]:
        exec(compile(source, "<set-up>", "exec"), namespace)
    gc.collect()
    gc.freeze()  # a worker's garbage collector would touch, and so copy, every page of the server
    frames.send(control, b"ready")
    child: tuple[int, ...] = ()
    while True:
        command, fds, *_ = socket.recv_fds(control, 1, 1)
        end(child)
        child = ()
        if not command:
            return
        if command == b"s":
            child = start(fds[0], control, namespace, order)
            os.close(fds[0])
        frames.send(control, str(cpu_seconds()).encode())


def cpu_seconds() -> float:
    """CPU time of this server and all workers that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def _is_function(name: str) -> bool:
    """Is a forbidden name a function of a module ("numpy.convolve") rather than a module?"""
    module, _, function = name.rpartition(".")
    return bool(module) and callable(getattr(sys.modules.get(module), function, None))


def drop_root() -> None:
    """Root's rights go for good: limits on processes do nothing for root."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def start(channel: int, control: socket.socket, namespace: dict, order: dict) -> tuple[int, ...]:
    """Fork a child that serves `channel`; returns the process ids of the helper between, if any, and of the child."""
    order = order | {"virtual": confine.virtual_memory()}
    if not order["confined"]:
        child = os.fork()
        if child == 0:
            control.close()
            serve_confined(channel, namespace, order)
        return (child,)
    reader, writer = os.pipe()
    between = os.fork()
    if between == 0:
        try:
            os.close(reader)
            control.close()
            confine.separate(order)
            child = os.fork()
            if child == 0:
                serve_confined(channel, namespace, order)
            os.write(writer, str(child).encode())
            os.close(writer)
            os.close(channel)
            os.waitpid(child, 0)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        child = told.read()
    return (between, int(child)) if child else (between,)


def end(child: tuple[int, ...]) -> None:
    """Kill the child and everything it started, and wait until it is gone."""
    if not child:
        return
    # In its namespace the child is the first process: the kernel kills the rest with it. Elsewhere the group must do
    for kill in (os.kill, os.killpg):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(child[-1], signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(child[0], 0)


def serve_confined(channel: int, namespace: dict, order: dict) -> None:
    """The last steps before students' code: limits, no rights, no open files; then serve for good."""
    try:
        os.setsid()  # kill(0) must not reach the server
        os.chdir("/tmp")
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        os.closerange(3, channel)
        os.closerange(channel + 1, 4096)
        confine.limits(order)
        confine.drop_capabilities()
        confine.forbid_calls()
        serve(socket.socket(fileno=channel), namespace)
    finally:
        os._exit(1)


def serve(channel: socket.socket, namespace: dict) -> None:
    """Say that it is ready, then answer requests until the other side is gone: run a cell, call a function."""
    from rnncourse.check import cells
    from rnncourse.grading import frames

    callers: dict = {}
    sys.stdout = sys.stderr = io.TextIOWrapper(io.FileIO(1, "w"), write_through=True)
    frames.send(channel, b"ready")
    while True:
        request = frames.unpack(frames.receive(channel, 1 << 30), with_toys=True)
        if request["do"] == "cell":
            answer = {"error": cells.run(request["source"], request["name"], namespace)}
            frames.send(channel, frames.pack(answer))
            continue
        # Quick answers go together: waking the other side for each costs more than many of the calls
        ready, sent = [], time.monotonic()
        for args in request["cases"]:
            answer = call(request, args, namespace, callers)
            ready.append(frames.framed(frames.pack(answer)))
            if time.monotonic() - sent > TOGETHER or sum(map(len, ready)) > MUCH:
                channel.sendall(b"".join(ready))
                ready, sent = [], time.monotonic()
            if answer["trouble"] in ("missing", "blank", "forbidden"):  # the other cases would say the same
                break
        channel.sendall(b"".join(ready))


def call(request: dict, args: list, namespace: dict, callers: dict) -> dict:
    """Call one of the student's functions."""
    from rnncourse.check.call import in_process

    name, forbidden = request["name"], tuple(request["forbidden"])
    if name not in callers:
        callers[name] = in_process(namespace, request["arguments"], forbidden, request["adapter"])
    with snares(forbidden):
        seconds = request["seconds"]
        reply = callers[name](name, args) if seconds is None else callers[name].trial(name, args, seconds)
    return {
        "value": reply.value,
        "trouble": reply.trouble,
        "text": reply.text[:2000],
        "code": reply.code[:200],
        "changed": list(reply.changed),
        "shared": list(reply.shared),
    }


@contextlib.contextmanager
def snares(forbidden):
    """While a function runs, what is forbidden to it in allowed packages is a tripwire, however the function holds it.

    Their own code is exchanged too: a list, a dict or a default argument may hold them since before the call.
    """
    from rnncourse.check.forbidden import Tripwire

    with contextlib.ExitStack() as undo:
        for name in (n for f in forbidden for n in _functions(f)):
            module, _, function = name.rpartition(".")
            original = getattr(sys.modules[module], function)
            _exchange(sys.modules[module], function, Tripwire(name, original), undo)
            if isinstance(original, type):
                for method in {"__init__", "forward"} & vars(original).keys():
                    _exchange(original, method, _raising(name), undo)
            elif hasattr(original, "__code__") and not original.__code__.co_freevars:
                _exchange(original, "__code__", _raising(name).__code__, undo)
        yield


@functools.cache
def _functions(name: str) -> tuple[str, ...]:
    """A forbidden function or class by itself; of a forbidden module all that it defines."""
    if _is_function(name):
        return (name,)
    inside = vars(sys.modules[name]).items() if name in sys.modules else ()
    return tuple(f"{name}.{n}" for n, v in inside if callable(v) and getattr(v, "__module__", None) == name)


def _exchange(holder, name: str, new, undo: contextlib.ExitStack) -> None:
    undo.callback(setattr, holder, name, getattr(holder, name))
    setattr(holder, name, new)


@functools.cache
def _raising(name: str):
    """A function that says that `name` was used; without a variable of its own, so that its code fits any function."""
    namespace: dict = {}
    exec(
        f"def used(*a, **k):\n    from rnncourse.check.forbidden import Forbidden\n    raise Forbidden({name!r})",
        namespace,
    )
    return namespace["used"]


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
