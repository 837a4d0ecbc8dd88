"""`rnncourse check`: the public checks of a notebook from a terminal, on any system.

The student's code runs in a process of its own, so that a loop without end ends. Not a sandbox: it is one's own code.
"""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import sys
import textwrap
import threading
from dataclasses import dataclass, field
from pathlib import Path

from rnncourse import check
from rnncourse.check import cells
from rnncourse.check.call import in_process
from rnncourse.check.verdict import judge

UNIT = re.compile(r"""\bunit\(\s*["']([\w-]+)["']\s*\)""")
SETUP = "set-up"  # in place of a cell's number
START = 120.0  # seconds for what we start and import, on a slow disk too
WIDTH = 100


class NoExercise(ValueError):
    """A notebook that belongs to no unit, such as a chapter."""


@dataclass
class Outcome:
    """One notebook's checks: per function {"passed", "trouble", "message", "points"}, and notes about cells."""

    unit: str
    results: dict[str, dict]
    notes: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return all(r["passed"] for r in self.results.values())

    @property
    def points(self) -> tuple[float, float]:
        """(reached, all)."""
        return sum(r["points"] for r in self.results.values() if r["passed"]), sum(
            r["points"] for r in self.results.values()
        )


def notebooks(path: Path) -> list[Path]:
    """The notebook `path`, or those below the folder `path`. Raises ValueError if there are none."""
    if path.is_dir():
        found = [p for p in sorted(path.rglob("*.ipynb")) if ".ipynb_checkpoints" not in p.parts and p.is_file()]
        if not found:
            raise ValueError(f"{path} holds no notebooks (.ipynb)")
        return found
    if not path.exists():
        raise ValueError(f"there is no {path}")
    return [path]


def unit_of(path: Path) -> tuple[str, list[dict]]:
    """The unit that a notebook's checks belong to, and its code cells. Raises ValueError in plain words."""
    try:
        found = cells.code_cells(path.read_bytes())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        why = str(error) if isinstance(error, (OSError, ValueError)) else "it holds something else"
        raise ValueError(f"{path} is not a notebook that can be read: {why}") from None
    for cell in found:
        if named := UNIT.search(cell["source"]):
            try:
                check.load(named[1])
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from None
            return named[1], found
    raise NoExercise(f'{path} is no exercise notebook: no cell says unit("NAME")')


def run(path: Path, seconds: float = 10.0) -> Outcome:
    """Run the checks of one notebook. A function or cell that takes longer than `seconds` is stopped and told, the rest
    goes on. Raises ValueError."""
    unit, found = unit_of(path)
    results: dict[str, dict] = {}
    stopped: dict[str, str] = {}  # cells that took too long or ended the process
    errors: dict[str, str] = {}
    while True:
        final = [n for n, r in results.items() if r["passed"] or r["trouble"] == "stopped"]
        told, late, said = _watched(path, [*final, *stopped], seconds)
        errors |= {t["cell"]: t["error"] for t in told if t.get("error") and t["cell"] != SETUP}
        new = {t["name"]: t for t in told if "passed" in t}
        results |= new
        last = told[-1] if told else {}
        if last.get("done"):
            break
        why = f"took longer than {seconds:g} s" if late else "ended the process"
        if last.get("cell") == SETUP and "error" not in last:
            raise ValueError(f"{path}: the unit's set-up {why}: {said.strip()[-500:]}")
        if "cell" in last and "error" not in last:
            stopped[last["cell"]] = why
        elif "name" in last and "passed" not in last:
            results[last["name"]] = last | {"passed": False, "trouble": "stopped", "message": f"It {why}."}
        elif not new:
            raise ValueError(f"{path}: the checks did not start: {said.strip()[-500:] or why}")
    for name, result in results.items():
        if result["trouble"] == "missing":
            result["message"] = _missing(name, found, errors, stopped)
    notes = [f"{_called(found, cell)} {why} and was left out." for cell, why in stopped.items()]
    notes += [f"The read-only cell {name} was changed; its changes are not run." for name in _changed(unit, found)]
    return Outcome(unit, {n: results[n] for n in check.load(unit) if n in results}, notes)


def _watched(path: Path, skip: list[str], seconds: float) -> tuple[list[dict], bool, str]:
    """(what the child told, whether it was stopped for want of an answer, its errors on start)."""
    path, package = path.resolve(), Path(check.__file__).parents[1]
    there = os.pathsep.join(filter(None, [str(package), os.environ.get("PYTHONPATH")]))
    child = subprocess.Popen(
        [sys.executable, "-m", "rnncourse.check.terminal", str(path), json.dumps(skip)],
        cwd=path.parent,  # as in Jupyter, files beside the notebook are found
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"MPLBACKEND": "Agg", "PYTHONPATH": there},
    )
    lines: queue.Queue = queue.Queue()
    errors: list[bytes] = []
    # Threads, as pipes cannot be waited for on every system; the watch is here, as no thread of the child runs while
    # a long operation of the interpreter does
    threading.Thread(target=_pump, args=(child.stdout, lines), daemon=True).start()
    reader = threading.Thread(target=lambda: errors.append(child.stderr.read()), daemon=True)
    reader.start()
    told: list[dict] = []
    late = False
    try:
        while not (told and told[-1].get("done")):
            ours = not told or "setup" in told[-1]
            line = lines.get(timeout=max(seconds, START) if ours else seconds)
            if line is None:
                break
            told.append(json.loads(line))
    except queue.Empty:
        late = True
    finally:
        child.kill()
        child.wait()
    reader.join(1)
    return told, late, b"".join(errors).decode(errors="replace")


def _pump(stream, lines: queue.Queue) -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)


def _changed(unit: str, found: list[dict]) -> list[str]:
    """The read-only cells that are not as they were given."""
    known = check.given(unit)["read-only"]
    names = [(c["metadata"].get("nbgrader", {}).get("grade_id"), c["source"]) for c in found]
    return [name for name, source in names if name in known and cells.fingerprint(source) != known[name]]


def _called(found: list[dict], cell: str) -> str:
    """A cell as a student knows it."""
    source = found[int(cell)]["source"].strip()
    grade_id = found[int(cell)]["metadata"].get("nbgrader", {}).get("grade_id")
    return f"The cell of {grade_id}" if grade_id else f'The cell that begins with "{source.splitlines()[0][:40]}"'


def _missing(name: str, found: list[dict], errors: dict[str, str], stopped: dict[str, str]) -> str:
    """Why there is no such function: its cell is gone, or did not run to its end."""
    for cell, error in [*stopped.items(), *errors.items()]:
        if re.search(rf"^\s*def {name}\b", found[int(cell)]["source"], re.M):
            return f"There is no function {name}: its cell " + (error if cell in stopped else f"stopped with {error}.")
    return f"There is no function {name} in the notebook."


def _child(path: Path, skip: list[str]) -> None:
    """Runs in the process of its own: one line of JSON before and after everything that may not come back."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    unit, found = unit_of(path)
    specs = check.load(unit)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for fd in (1, 2):
        os.dup2(nowhere, fd)
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (until the process ends)

    def tell(**line):
        print(json.dumps(line), file=out, flush=True)

    namespace = {"__name__": "__main__"}
    passed = set(skip)

    def look(name):
        spec = specs[name]
        tell(name=name, points=spec.points)
        v = judge(spec, in_process(namespace, spec.arguments, spec.forbidden, spec.adapter))
        tell(name=name, points=spec.points, passed=v.passed, trouble=v.trouble, message=v.message)
        passed.update([name] if v.passed else [])

    def run(k, source, **about):
        tell(cell=str(k), **about)
        tell(cell=str(k), error=cells.run(source, f"cell {k}", namespace))

    # As in grading: set-up as it was given, each function judged at its check, what fails there once more at the end
    for source in check.given(unit)["setup"]:
        run(SETUP, source, setup=True)
    for k, cell in enumerate(found):
        grading = cell["metadata"].get("nbgrader", {})
        own = not grading or grading.get("solution")
        if own and cell["source"].strip() and str(k) not in skip and "setup" not in cell["metadata"].get("tags", []):
            run(k, cell["source"])
        for function in dict.fromkeys(cells.checks(cell["source"])):
            if function in specs and function not in passed:
                look(function)
    for name in specs:
        if name not in passed:
            look(name)
    tell(done=True)
    os._exit(0)  # whatever the student's code left running


def table(path: Path, outcome: Outcome, marks: str = "✓✗") -> str:
    """What passes and what is still wrong, as text."""
    got, most = outcome.points
    lines = [f"{outcome.unit}: {got:g} of {most:g} points  ({path})"]
    width = max(map(len, outcome.results), default=0)
    for name, r in outcome.results.items():
        points = f"{r['points'] if r['passed'] else 0:g} of {r['points']:g}"
        line = f"  {marks[not r['passed']]} {name:{width}}  {points:>7}"
        if r["trouble"] == "blank":
            line += "  not written yet"
        lines.append(line)
        if not r["passed"] and r["trouble"] != "blank":
            lines += _indented(r["message"].removeprefix(f"{name} is not right yet: "))
    return "\n".join([*lines, *(line for note in outcome.notes for line in _indented(f"Note: {note}", "  "))])


def _indented(text: str, indent: str = "      ") -> list[str]:
    wrap = textwrap.TextWrapper(
        width=WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    glued = re.sub(r"(\w) = (?=\S)", "\\1\u00a0=\u00a0", text)  # "alpha = 0.3" stays together
    return [line.replace("\u00a0", " ") for part in glued.split("\n") for line in wrap.wrap(part.strip())]


def main(path: Path, seconds: float) -> int:
    """Check one notebook or all below a folder, and print; 0 if everything passes."""
    try:
        " ".join("✓✗").encode(sys.stdout.encoding or "ascii")
        marks = "✓✗"
    except UnicodeEncodeError:  # an old terminal of Windows
        marks = "+-"
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="replace")
    outcomes, unread = [], 0
    for notebook in notebooks(path):
        try:
            outcome = run(notebook, seconds)
        except NoExercise:
            if notebook == path:
                raise
            continue  # a chapter, or notes
        except ValueError as error:
            print(error)
            unread += 1
            continue
        outcomes.append(outcome)
        print(table(notebook, outcome, marks), flush=True)
    if not outcomes and not unread:
        raise NoExercise(f'{path} holds no exercise notebook: no cell says unit("NAME")')
    if len(outcomes) > 1:
        got, most = (sum(x) for x in zip(*(o.points for o in outcomes), strict=True))
        print(f"Together: {got:g} of {most:g} points in {len(outcomes)} notebooks.")
    return int(unread > 0 or not all(o.passed for o in outcomes))


if __name__ == "__main__":
    _child(Path(sys.argv[1]), json.loads(sys.argv[2]))
