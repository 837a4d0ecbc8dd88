"""The cells of a submitted notebook: which of them run, where functions are judged, and a clean copy for people.

Nothing here runs or trusts anything of the student's. Cells are matched to the instructors' notebook by grade_id.
"""

from __future__ import annotations

import json
import keyword
import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from nbgrader.utils import compute_checksum

from rnncourse.authoring import notebooks
from rnncourse.check.cells import checks
from rnncourse.grading.clean import escaped, outputs, stream
from rnncourse.grading.clean import markdown as clean_markdown

MOST_CODE = 50_000, 200_000  # characters that are shown, of a cell and in all; all are run
MOST_MARKDOWN = 100_000  # characters that are rendered, in all
SENTENCE = 5  # words
TEXT = re.compile(r"""(?:\w+\s*=\s*|print\s*\(\s*)?[frbuFRBU]{0,2}(\"{3}|'{3}|"|').*\1\s*\)?;?""", re.S)
WORD = rf"(?!(?:{'|'.join(keyword.kwlist)})\b)[^\W\d_]+"  # none of Python's own
PROSE = re.compile(rf"""^[^#"'\n]*?\b{WORD}(?: {WORD}){{3}}""", re.M)
DEFINES = re.compile(r"^\s*(?:def|class) ", re.M)


@dataclass(frozen=True)
class Template:
    """The instructors' copy of a unit: the cells of the student version, in order."""

    unit: str
    cells: tuple  # nbformat cells of exercises/UNIT/UNIT.ipynb
    setup: tuple[str, ...]  # sources of the set-up cells

    def role(self, grade_id: str) -> str | None:
        """ "solution", "manual" (a person grades it), "locked", or None if there is no such cell."""
        cell = self.by_id.get(grade_id)
        if cell is None:
            return None
        grading = cell.metadata.nbgrader
        if grading.get("solution"):
            return "manual" if grading.get("grade") else "solution"
        return "locked"

    @cached_property
    def plain(self) -> list[dict]:
        """The cells as plain dicts, with nbgrader's checksum; not to be changed."""
        cells = [json.loads(json.dumps(c)) for c in self.cells]
        for cell, original in zip(cells, self.cells, strict=True):
            if "nbgrader" in cell["metadata"]:
                cell["metadata"]["nbgrader"]["checksum"] = compute_checksum(original)
        return cells

    @cached_property
    def texts(self) -> set[str]:
        return {c.source.strip() for c in self.cells}

    @cached_property
    def functions(self) -> set[str]:
        """The functions that have a check cell."""
        graded = (n for n, c in self.by_id.items() if c.metadata.nbgrader.get("grade"))
        return {n.removeprefix("check_") for n in graded if n.startswith("check_")}

    def checked(self, cell: dict) -> list[str]:
        """The functions that a code cell checks, each once."""
        return [name for name in dict.fromkeys(checks(cell["source"])) if name in self.functions]

    @cached_property
    def by_id(self) -> dict:
        return {c.metadata.nbgrader.grade_id: c for c in self.cells if "nbgrader" in c.metadata}


def template(unit: str, notebook) -> Template:
    """The template of a student notebook as `rnncourse release` writes it."""
    setup = tuple(c.source for c in notebook.cells if "setup" in c.metadata.get("tags", []))
    return Template(unit, tuple(notebook.cells), setup)


@dataclass
class Submission:
    """What is left of a file: code to run as (name, source), answers for people, problems in plain words."""

    code: list[tuple[str, str]] = field(default_factory=list)
    places: list[tuple[int, str]] = field(default_factory=list)  # (cells of `code` before it, function) of check cells
    answered: dict[str, bool] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    cells: list[dict] = field(default_factory=list)  # as parsed: type, source, grade_id, outputs


def recognised(cells: list[dict], templates: dict[str, Template]) -> str | None:
    """The unit to which most of the cells belong, by their grade_ids or by what their code defines."""

    def hits(t: Template) -> int:
        ids = {c["grade_id"] for c in cells} & set(t.by_id)
        defined = {n for c in cells for n in re.findall(r"^def (\w+)\(", c["source"], re.M)}
        return 2 * len(ids) + len(defined & set(t.by_id)) + any(f'unit("{t.unit}")' in c["source"] for c in cells)

    best = max(templates.values(), key=hits, default=None)
    return best.unit if best and hits(best) else None


def read(cells: list[dict], of: Template) -> Submission:
    """Match the cells to the instructors' notebook."""
    found = Submission(cells=cells)
    seen: dict[str, int] = {}
    words = False  # Markdown of the student's own, outside of the cells for answers
    for k, cell in enumerate(cells):
        name, role = cell["grade_id"], of.role(cell["grade_id"] or "")
        if role:
            seen[name] = seen.get(name, 0) + 1
        if role == "manual":
            found.answered[name] = found.answered.get(name, False) or not same(cell, "", of.by_id[name].source)
        elif role == "solution" and cell["type"] != "code" and cell["source"].strip():
            found.problems.append(f"cell {name} is a {cell['type']} cell now and was not run: it has to be a code cell")
        elif cell["type"] == "code" and role in ("solution", None) and cell["source"].strip():
            found.code.append((name if role else f"number {k + 1}", cell["source"]))
            # a check cell that has lost its label, or was joined with its neighbour
            found.places += [(len(found.code), function) for function in of.checked(cell)]
        elif role == "locked" and cell["type"] == "code":
            if not same(cell, of.by_id[name].source):
                found.problems.append(f"read-only cell {name} was changed; its changes are not run")
            if name.removeprefix("check_") in of.functions and name.startswith("check_"):
                found.places.append((len(found.code), name.removeprefix("check_")))
        if role != "manual" and cell["source"].strip() and (cell["type"] != "code" or _in_words(cell)):
            words = words or not (role == "solution" or same(cell, *of.texts))
    for name in of.by_id:
        role = of.role(name)
        if role == "manual":
            found.answered.setdefault(name, False)
        if role in ("solution", "manual") and not seen.get(name):
            found.problems.append(f"cell {name} is missing")
    for name in (n for n, done in found.answered.items() if words and not done):
        found.answered[name] = True
        found.problems.append(f"cell {name} is blank, but the student has written text elsewhere: read that")
    if not seen:
        found.problems = ["no cell carries the unit's labels: all code cells were run"]
    found.problems += [f"cell {n} occurs {k} times" for n, k in seen.items() if k > 1 and of.role(n) != "locked"]
    return found


def same(cell: dict, *sources: str) -> bool:
    """Does a cell hold one of these texts? Blanks at the ends of lines do not count: editors take them away."""
    return _bare(cell["source"]) in map(_bare, sources)


@lru_cache(500)
def _bare(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


def _in_words(cell: dict) -> bool:
    """Does a code cell look like an answer in words: comments, a text, or sentences that are no Python?"""
    source = cell["source"].strip()
    if all(line.lstrip().startswith("#") for line in source.splitlines() if line.strip()):
        return True
    text = TEXT.fullmatch(source) and len(source.split()) >= SENTENCE
    return not DEFINES.search(source) and bool(text or PROSE.search(source))


def clean(found: Submission, of: Template, messages: dict[str, str]) -> str:
    """The notebook for people: the instructors' cells in their order, the student's answers, nothing that could run.

    `messages` has the text for the output of each check cell, by function.
    """
    _shorten(found.cells)
    theirs: dict[str | None, list[dict]] = {}
    added: dict[str | None, list[dict]] = {}  # by the known cell before them
    last = None
    for cell in found.cells:
        if of.role(cell["grade_id"] or ""):
            last = cell["grade_id"]
            theirs.setdefault(last, []).append(cell)
        elif cell["type"] == "code" or cell["source"].strip() not in of.texts:  # texts of ours stand there anyway
            added.setdefault(last, []).append(_added(cell))
    cells = added.get(None, [])
    for original in of.plain:
        name = original["metadata"].get("nbgrader", {}).get("grade_id")
        cells += [_answered(original, name, of, theirs.get(name, []), messages), *(added.get(name, []) if name else [])]
    for k, cell in enumerate(cells):
        cell["id"] = f"cell-{k}"
    metadata = {"kernelspec": notebooks.KERNEL, "language_info": {"name": "python"}}
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, ensure_ascii=False)


def plain(found: Submission, of: Template, messages: dict[str, str]) -> str:
    """As `clean`, with every text of the student's as it stands, escaped, and without outputs."""
    shown = [c | {"outputs": []} | ({} if c["type"] == "code" else {"type": "raw"}) for c in found.cells]
    return clean(Submission(cells=shown), of, messages)


def _shorten(cells: list[dict]) -> None:
    """Cut what nobody could read, before it is highlighted and rendered: both take long for long texts."""
    left = {"code": MOST_CODE[1], "markdown": MOST_MARKDOWN}
    for cell in cells:
        kind = "code" if cell["type"] == "code" else "markdown"
        most = min(left[kind], MOST_CODE[0])
        if len(cell["source"]) > most:
            cell["source"] = cell["source"][:most] + "\n... cut here: too long to be shown"
        left[kind] -= len(cell["source"])
        left[kind] = max(left[kind], 0)


def _answered(original: dict, name: str | None, of: Template, theirs: list[dict], messages: dict[str, str]) -> dict:
    """One of the instructors' cells with the student's answer, and outputs."""
    cell = dict(original)
    if name and of.role(name) != "locked":
        cell["source"] = "\n\n".join(t["source"] for t in theirs if t["source"].strip())
        if cell["cell_type"] == "markdown":
            cell["source"] = (escaped if any(t["type"] == "raw" for t in theirs) else clean_markdown)(cell["source"])
    if cell["cell_type"] == "code":
        function = (name or "").removeprefix("check_")
        if name != function and function in messages:
            cell["outputs"] = [stream(messages[function] + "\n")]
        else:
            cell["outputs"] = outputs(theirs[-1]["outputs"]) if theirs else []
        cell["execution_count"] = None
    return cell


def _added(cell: dict) -> dict:
    if cell["type"] == "code":
        shown = {"outputs": outputs(cell["outputs"]), "execution_count": None}
        return {"cell_type": "code", "metadata": {}, "source": cell["source"]} | shown
    shown = (escaped if cell["type"] == "raw" else clean_markdown)(cell["source"])
    return {"cell_type": "markdown", "metadata": {}, "source": shown}
