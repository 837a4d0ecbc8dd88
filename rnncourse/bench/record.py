"""Records: what is too long for a page to run, measured once by `rnncourse record NN` and kept as JSON beside it.

Beside the chapter `book/PART/NN-slug.ipynb` stands `NN-slug.py` with one function, `record() -> dict`, and what it
returns becomes "results" of `NN-slug.json`. To measure what the page shows, it takes the page's own functions::

    from rnncourse.bench.record import definitions

    def record():
        page = definitions(__file__, "setup", "sizes")      # what the chapter defines, and two cells run whole
        return {"seeds": [page["train"](seed) for seed in range(5)]}
"""

from __future__ import annotations

import ast
import os
import runpy
import sys
import time
from pathlib import Path

import torch

from rnncourse.authoring import notebooks
from rnncourse.bench.machine import environment, write_record

KEPT = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


def definitions(path: str | Path, *cells: str) -> dict:
    """What the chapter beside `path` defines and imports, by name, without running the rest of it.

    path: NN-slug.py or NN-slug.ipynb; cells: ids of cells that run whole, where they stand.
    Raises ValueError for a cell that the chapter does not have.
    """
    notebook = Path(path).with_suffix(".ipynb")
    found = notebooks.code_cells(notebooks.read(notebook))
    if unknown := set(cells) - {cell.id for cell in found}:
        raise ValueError(f"{notebook.name} has no cell {', '.join(sorted(unknown))}")
    space: dict = {"__name__": notebook.stem}
    for cell in found:
        tree = ast.parse(cell.source)
        tree.body = [node for node in tree.body if cell.id in cells or isinstance(node, KEPT)]
        exec(compile(tree, f"{notebook.name}:{cell.id}", "exec"), space)
    return space


def make(root: Path, chapter: str) -> Path:
    """Run the record of the chapter with this number or name; returns the path of the JSON file.

    The file says command, device, versions and CPU seconds, then "results". It is written when all has run.
    Raises ValueError if there is no such record, or what it returns is no dict.
    """
    scripts = {path.stem: path for path in sorted(root.glob("book/*/[0-9][0-9]-*.py"))}
    named = [path for name, path in scripts.items() if chapter in (name, name[:2])]
    if len(named) != 1:
        raise ValueError(f"no record of chapter {chapter!r}; there are: {', '.join(scripts) or 'none'}")
    script = named[0]
    torch.set_num_threads(1)
    begun, here = time.process_time(), Path.cwd()
    try:
        os.chdir(script.parent)  # as the page runs
        results = runpy.run_path(str(script))["record"]()
    finally:
        os.chdir(here)
    if not isinstance(results, dict):
        raise ValueError(f"record() of {script.name} returned {type(results).__name__}, expected a dict")
    head = {"command": f"rnncourse record {script.stem[:2]}"} | environment()
    earlier = results.pop("earlier_cpu_seconds", 0)  # what an earlier call paid for, and this one only loaded
    head["cpu_seconds"] = round(time.process_time() - begun + earlier)
    print(f"{head['cpu_seconds']} CPU-seconds", file=sys.stderr)
    return write_record(head | {"results": results}, script.with_suffix(".json"))
