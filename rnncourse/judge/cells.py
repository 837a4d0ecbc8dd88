"""Run the code cells of a student's notebook outside of Jupyter, each as far as it goes."""

from __future__ import annotations

import contextlib
import re
import traceback

MAGIC = re.compile(r"^(\s*)(?:[%!?]|(?:[\w., ]+=\s*)[%!])|\?\s*$")
RUN_ANYWAY = ("%%time", "%%timeit", "%%capture", "%%prun")  # cell magics whose cell is ordinary code


def run(source: str, name: str, namespace: dict) -> str:
    """Run one cell like a notebook does; returns "" or what went wrong."""
    try:
        exec(compile(plain_python(source), f"<{name}>", "exec"), namespace)
    except SyntaxError as error:
        return f"SyntaxError: {error.msg} (line {error.lineno})"
    except BaseException as error:  # also SystemExit and KeyboardInterrupt: the next cell runs
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == f"<{name}>"]
        where = f" (line {lines[-1]})" if lines else ""
        return f"{type(error).__name__}: {error}"[:300] + where
    return ""


def plain_python(source: str) -> str:
    """A cell without IPython's magics, shell lines and questions."""
    if source.startswith("%%"):
        first, _, rest = source.partition("\n")
        return rest if first.split()[0] in RUN_ANYWAY else ""
    with contextlib.suppress(SyntaxError, ValueError):
        compile(source, "<cell>", "exec")
        return source
    return "\n".join(MAGIC.match(line) and re.match(r"\s*", line)[0] + "pass" or line for line in source.split("\n"))
