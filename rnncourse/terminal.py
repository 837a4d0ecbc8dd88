"""`rnncourse check`: the public checks of a notebook from a terminal, on any system.

The student's code runs in a process of its own, so that a loop without end ends. Not a sandbox: it is one's own code.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

from rnncourse import check
from rnncourse.judge import cells
from rnncourse.judge.call import in_process
from rnncourse.judge.verdict import judge

UNIT = re.compile(r"""\bunit\(\s*["']([\w-]+)["']\s*\)""")


def notebooks(path: Path) -> list[Path]:
    """The notebook `path`, or those below the folder `path`. Raises ValueError if there are none."""
    if path.is_dir():
        found = [p for p in sorted(path.rglob("*.ipynb")) if ".ipynb_checkpoints" not in p.parts]
        if not found:
            raise ValueError(f"{path} holds no notebooks (.ipynb)")
        return found
    if not path.exists():
        raise ValueError(f"there is no {path}")
    return [path]


def unit_of(path: Path) -> tuple[str, list[dict]]:
    """The unit that a notebook's checks belong to, and its cells. Raises ValueError in plain words."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = [c | {"source": "".join(c["source"])} for c in content["cells"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a notebook that can be read: {error}") from None
    for cell in found:
        named = UNIT.search(cell["source"]) if cell["cell_type"] == "code" else None
        if named:
            check.load(named[1])
            return named[1], found
    raise ValueError(f'{path} is no exercise notebook: no cell says unit("NAME")')


def run(path: Path, seconds: float = 10.0) -> tuple[str, dict[str, dict]]:
    """Run the checks of one notebook; returns the unit and per function {"passed", "message", "points"}.

    A function or cell that takes longer than `seconds` is stopped and told, the rest goes on. Raises ValueError.
    """
    unit, _ = unit_of(path)
    results: dict[str, dict] = {}
    skip: list[str] = []
    while True:
        command = [sys.executable, "-m", "rnncourse.terminal", str(path), str(seconds), json.dumps([*results, *skip])]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, env=os.environ | {"MPLBACKEND": "Agg"}
        )
        lines = [line for line in done.stdout.decode("utf-8", "replace").splitlines() if line.startswith("{")]
        told = [json.loads(line) for line in lines]
        results |= {t["name"]: t for t in told if "passed" in t}
        last = told[-1] if told else {}
        if last.get("done"):
            break
        if "cell" in last:
            skip.append(last["cell"])
        elif "name" in last and "passed" not in last:
            why = f"{last['name']} did not come back within {seconds:g} s, or ended the process."
            results[last["name"]] = last | {"passed": False, "message": why}
        else:
            raise ValueError(f"{path}: the checks did not start: {done.stderr.decode(errors='replace').strip()[-500:]}")
    return unit, {n: results[n] for n in check.load(unit) if n in results}


def _child(path: Path, seconds: float, skip: list[str]) -> None:
    """Runs in the process of its own: one line of JSON before and after everything that may not come back."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (until the process ends)

    def tell(**line):
        print(json.dumps(line), file=out, flush=True)

    def watched(work, **line):
        tell(**line)
        watch = threading.Timer(seconds, lambda: os._exit(1))
        watch.daemon = True
        watch.start()
        try:
            return work()
        finally:
            watch.cancel()

    unit, found = unit_of(path)
    namespace = {"__name__": "__main__"}
    for k, cell in enumerate(found):
        grading = cell.get("metadata", {}).get("nbgrader", {})
        setup = "setup" in cell.get("metadata", {}).get("tags", [])
        mine = not grading or grading.get("solution") or setup
        if cell["cell_type"] == "code" and mine and f"cell {k}" not in skip:
            watched(lambda cell=cell, k=k: cells.run(cell["source"], f"cell {k}", namespace), cell=f"cell {k}")
    for name, spec in check.load(unit).items():
        if name not in skip:
            call = in_process(namespace, spec.arguments, spec.forbidden, spec.adapter)
            v = watched(lambda spec=spec, call=call: judge(spec, call), name=name, points=spec.points)
            tell(name=name, points=spec.points, passed=v.passed, message=v.message)
    tell(done=True)
    os._exit(0)  # whatever the student's code left running


def table(path: Path, unit: str, results: dict[str, dict]) -> str:
    """What passes and what is still wrong, as text."""
    got = sum(r["points"] for r in results.values() if r["passed"])
    lines = [f"{unit}  ({path})  {got:g} of {sum(r['points'] for r in results.values()):g} points"]
    for name, r in results.items():
        first, *rest = r["message"].split("\n")
        lines.append(f"  {'✓' if r['passed'] else '✗'} {name}" + ("" if r["passed"] else f": {first}"))
        lines += [f"      {line.strip()}" for line in rest]
    return "\n".join(lines)


if __name__ == "__main__":
    _child(Path(sys.argv[1]), float(sys.argv[2]), json.loads(sys.argv[3]))
