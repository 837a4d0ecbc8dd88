"""Run the code cells of a student's notebook outside of Jupyter, each as far as it goes."""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import json
import re
import sys
import traceback
import zlib

MAGIC = re.compile(r"^\s*(?:[%!?]|[\w., ]+=\s*[%!])|\?\s*$")  # where IPython is not installed
CHECK = re.compile(r"""(?:^|;)[ \t]*check\(\s*["'](\w+)["']\s*\)""", re.M)
RUN_ANYWAY = ("time", "capture", "prun")  # magics whose code is ordinary code; %timeit keeps no names
DEFINING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


def run(source: str, name: str, namespace: dict) -> str:
    """Run one cell like a notebook does; returns "" or what went wrong."""
    namespace.setdefault("display", print)
    namespace.setdefault("get_ipython", lambda: Shell(namespace))
    if "" not in sys.path:
        sys.path.append("")  # as in a notebook, a module that a cell has written can be imported
    try:
        _execute(plain_python(source), f"<{name}>", namespace)
    except SyntaxError as error:
        return f"SyntaxError: {error.msg} (line {error.lineno})"
    except BaseException as error:  # also SystemExit and KeyboardInterrupt: the next cell runs
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == f"<{name}>"]
        where = f" (line {lines[-1]})" if lines else ""
        return f"{type(error).__name__}: {error}"[:300] + where
    return ""


def _execute(python: str, file: str, namespace: dict) -> None:
    """Run code. Functions, classes, imports and constants below a line that fails are defined all the same.

    In the notebook that line may have been right: here there are no screen, no keyboard and no results of the read-only
    examples, and perhaps another set of packages.
    """
    code = compile(python, file, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    try:
        waiting = eval(code, namespace)  # exec, or for a cell with `await` at its top a coroutine, as in a notebook
        if inspect.iscoroutine(waiting):
            _until_done(waiting)
    except BaseException as error:
        failed = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == file][:1]
        for statement in ast.parse(python).body if failed else ():
            if statement.lineno > failed[0] and (isinstance(statement, DEFINING) or _constant(statement)):
                with contextlib.suppress(BaseException):
                    exec(compile(ast.Module([statement], []), file, "exec"), namespace)
        raise


def _constant(statement: ast.stmt) -> bool:
    """Is it an assignment that calls nothing, and so takes no time?"""
    return isinstance(statement, ast.Assign) and not any(isinstance(part, ast.Call) for part in ast.walk(statement))


def checks(source: str) -> list[str]:
    """The functions that a cell checks."""
    return CHECK.findall(source)


def code_cells(data: bytes) -> list[dict]:
    """Source and metadata of a notebook file's code cells, whatever editor wrote it. Raises ValueError, KeyError ..."""
    content = json.loads(data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"))
    found = content["cells"] if "cells" in content else [c for s in content["worksheets"] for c in s["cells"]]
    return [
        {"source": _text("".join(c.get("source", c.get("input", "")))), "metadata": _with_marks(c.get("metadata"))}
        for c in found
        if c.get("cell_type") == "code"
    ]


def _text(source: str) -> str:
    """Without halves of surrogate pairs, which JSON allows and Python does not compile."""
    return source.encode("utf-8", "replace").decode("utf-8")


def _with_marks(metadata) -> dict:
    """A cell's metadata as a dict, in which nbgrader's part and the tags have their own types."""
    metadata = metadata if isinstance(metadata, dict) else {}
    kinds = {"nbgrader": dict, "tags": list}
    return {name: metadata[name] for name, kind in kinds.items() if isinstance(metadata.get(name), kind)}


def fingerprint(source: str) -> int:
    """Of a cell's source; blanks at the ends of lines do not count, since editors take them away."""
    return zlib.crc32("\n".join(line.rstrip() for line in source.strip().splitlines()).encode())


def _until_done(waiting) -> None:
    """Run a coroutine to its end, in a loop of events where there can be one (a sandbox has no sockets for it)."""
    import asyncio  # here: few notebooks need it, and the sandbox imports this module for every submission

    try:
        loop = asyncio.new_event_loop()
    except OSError:
        with contextlib.suppress(StopIteration):
            while True:  # what waits for nothing but other code needs no loop
                if waiting.send(None) is not None:
                    raise RuntimeError("an await on time or files is not run here, only in a notebook") from None
        return
    try:
        loop.run_until_complete(waiting)
    finally:
        loop.close()


def plain_python(source: str) -> str:
    """A cell as Python: IPython's magics, shell lines and questions become calls of `get_ipython()`."""
    with contextlib.suppress(SyntaxError, ValueError):
        compile(source, "<cell>", "exec")
        return source
    try:
        from IPython.core.inputtransformer2 import TransformerManager
    except ImportError:
        return "\n".join(
            MAGIC.search(line) and re.match(r"\s*", line)[0] + "pass" or line for line in source.split("\n")
        )
    return TransformerManager().transform_cell(source)


class Shell:
    """Stands for IPython's shell: of its magics, those that only look at a cell run it; nothing else happens."""

    def __init__(self, namespace: dict):
        self.user_ns = namespace

    def run_cell_magic(self, name: str, line: str, cell: str) -> None:
        if name in ("writefile", "file"):
            append, _, path = line.strip().rpartition(" ")
            with open(path.strip("'\""), "a" if append.strip() == "-a" else "w", encoding="utf-8") as file:
                file.write(cell)
            importlib.invalidate_caches()
        if name in RUN_ANYWAY:
            _execute(plain_python(cell), f"<%%{name}>", self.user_ns)

    def run_line_magic(self, name: str, line: str, *args) -> None:
        if name == "run" and line.split():
            with open(line.split()[0], encoding="utf-8") as file:
                _execute(plain_python(file.read()), f"<%run {line}>", self.user_ns)
        if name in RUN_ANYWAY and line.strip():
            _execute(line, f"<%{name}>", self.user_ns)

    def __getattr__(self, name):
        return lambda *args, **kwargs: None
