"""Notebooks as files: read, execute, and normalise so that two runs give the same bytes."""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from rnncourse.plot.sound import SOUND

RANDOM_ID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){0,3}(-[0-9a-f]{12})?$")
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
# One thread: the same sums in the same order, and no fight for the cores
os.environ.setdefault("OMP_NUM_THREADS", "1")


def read(path: Path) -> nbformat.NotebookNode:
    """The notebook in `path`. Raises ValueError naming the file if it is not a notebook."""
    try:
        return nbformat.read(path, as_version=4)
    except Exception as error:
        raise ValueError(f"{path} is not a notebook: {error}") from error


def text(notebook: nbformat.NotebookNode) -> str:
    """The notebook as the bytes of a file: sorted keys, an indent of 1, a final newline."""
    return nbformat.writes(notebook, indent=1, ensure_ascii=False, sort_keys=True).rstrip("\n") + "\n"


def write(notebook: nbformat.NotebookNode, path: Path) -> None:
    path.write_text(text(notebook), encoding="utf-8")


def code_cells(notebook) -> list:
    return [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]


def execute(notebook, folder: Path, timeout: int = 600) -> None:
    """Run all code cells in place, in a fresh kernel in `folder`. Raises ValueError naming a cell that fails."""
    try:
        NotebookClient(
            notebook, timeout=timeout, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
        ).execute()
    except CellExecutionError as error:
        failed = next(
            (c.id for c in notebook.cells if any(o.output_type == "error" for o in c.get("outputs", []))), "?"
        )
        raise ValueError(f"cell {failed} failed:\n{error}") from error


def normalise(notebook) -> None:
    """Take out, in place, what differs from run to run without meaning anything.

    Cell ids become readable and unique, execution counts 1..n over non-empty code cells; timestamps, stderr, widgets
    and kernel details go; pieces of one stream are joined. All other outputs stay as they are.
    """
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    taken, count = set(), 0
    for cell in notebook.cells:
        cell.id = _identity(cell, taken)
        taken.add(cell.id)
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        cell.source = cell.source.rstrip()
        cell.outputs = _outputs(cell.outputs)
        ran = cell.source and cell.execution_count is not None
        count += bool(ran)
        cell.execution_count = count if ran else None
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = cell.execution_count


def _identity(cell, taken: set[str]) -> str:
    """The cell's id, or one made of its first words if it is random."""
    name = cell.get("id", "")
    if not name or RANDOM_ID.match(name):
        words = re.findall(r"[a-z0-9_]+", cell.source.lower())[:4]
        name = "-".join(words)[:50] or "cell"
    base, k = name, 2
    while name in taken:
        name, k = f"{base}-{k}", k + 1
    return name


def _outputs(outputs) -> list:
    kept = []
    for output in outputs:
        if output.output_type == "stream":
            if output.name == "stderr":
                continue
            if kept and kept[-1].output_type == "stream" and kept[-1].name == output.name:
                kept[-1].text += output.text
                continue
        elif "data" in output:
            output.data.pop("application/vnd.jupyter.widget-view+json", None)
            if SOUND in output.data:  # which holds the same samples
                output.data.pop("text/html", None)
            output.metadata = {}
        kept.append(output)
    return kept


def refresh(path: Path) -> None:
    """Execute and normalise one notebook file. The file stays as it was if a cell fails."""
    notebook = read(path)
    execute(notebook, path.parent)
    normalise(notebook)
    write(notebook, path)


def faults(path: Path) -> list[str]:
    """What a reviewer would object to in a stored notebook: cells that did not run in order, or not normalised."""
    notebook, found = read(path), []
    counts = [c.execution_count for c in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        found.append(f"{path}: code cells did not run in order 1..{len(counts)}: {counts}")
    before = text(notebook)
    normalise(notebook)
    if text(notebook) != before or path.read_text(encoding="utf-8") != before:
        found.append(f"{path}: not normalised")
    return found and [f"{f} (make notebooks)" for f in found]
