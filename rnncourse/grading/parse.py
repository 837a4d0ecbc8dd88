"""A submitted file, read as data: whatever it is, it becomes a list of cells or a plain reason."""

from __future__ import annotations

import json
import re

from rnncourse.grading.clean import as_text

MOST_BYTES = 100_000_000  # with stored outputs
MOST_KEPT = 10_000_000  # characters without large outputs
MOST_BRACKETS = 200_000  # of JSON, without large outputs: parsed, they take hundreds of bytes each
MOST_OUTPUTS = 2_500_000, 2_000  # characters and brackets of one cell's stored outputs; more is not read
MOST_CELLS = 20_000


class Unreadable(ValueError):
    """The file is no notebook of this unit; the text says why, in plain words."""


def parse(data: bytes) -> list[dict]:
    """The cells of a notebook file of any format version, as plain dicts. Raises Unreadable."""
    if not data.strip():
        raise Unreadable("file is empty")
    if len(data) > MOST_BYTES:
        raise Unreadable(f"file has {len(data) / 1e6:.0f} MB; {MOST_BYTES // 10**6} MB are read, outputs included")
    if data[:2] == b"PK":
        raise Unreadable("file is a zip archive, not a notebook")
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"file is not text in UTF-8 at byte {error.start}") from None
    if text.lstrip()[:1] == "<":
        raise Unreadable("file is a web page, not a notebook: the notebook has to be downloaded, not its page")
    text, brackets = without_large_outputs(text)
    if brackets > MOST_BRACKETS:
        raise Unreadable(f"file has more than {MOST_BRACKETS:,} brackets of JSON outside of outputs")
    if len(text) > MOST_KEPT:
        most = MOST_KEPT // 10**6
        raise Unreadable(
            f"file has {len(text) / 1e6:.0f} million characters outside of outputs; {most} million are read"
        )
    try:
        notebook = json.loads(text)
    except json.JSONDecodeError as error:
        place = len(text[: error.pos].encode("utf-8", "replace"))
        raise Unreadable(f"file is not valid JSON at byte {place}: {error.msg}") from None
    except (RecursionError, ValueError) as error:
        raise Unreadable(f"file is not a notebook: {type(error).__name__}") from None
    if not isinstance(notebook, dict):
        raise Unreadable(f"file holds a JSON {type(notebook).__name__}, not a notebook")
    cells = notebook.get("cells")
    if cells is None and isinstance(notebook.get("worksheets"), list):  # format 3
        sheets = [s for s in notebook["worksheets"] if isinstance(s, dict)]
        cells = [c for s in sheets if isinstance(s.get("cells"), list) for c in s["cells"]]
    if not isinstance(cells, list):
        raise Unreadable("file is JSON without a list of cells, not a notebook")
    if len(cells) > MOST_CELLS:
        raise Unreadable(f"file has {len(cells):,} cells; {MOST_CELLS:,} are read")
    return [_cell(c) for c in cells if isinstance(c, dict)]


TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{}]', re.S)  # a string or a bracket of JSON
OUTPUTS = re.compile(r"\s*:\s*\[")


def without_large_outputs(text: str) -> tuple[str, int]:
    """The JSON of a notebook with `[]` for stored outputs that are too large to be read, and its number of brackets.

    Works on the text: parsed, outputs could take more memory than there is. What is no JSON comes back as it is.
    """
    kept, start, brackets, depth = [], 0, 0, 0
    outputs = None  # (where the list of outputs begins, its depth, brackets before it)
    position, end = 0, len(text)
    while position < end and (token := TOKEN.search(text, position)):
        position = token.end()
        what = token[0]
        if what in "[{":
            depth += 1
            brackets += 1
            if brackets > MOST_BRACKETS and outputs is None:
                break
        elif what in "]}":
            depth -= 1
            if outputs and depth == outputs[1]:
                begin, _, before = outputs
                outputs = None
                if position - begin > MOST_OUTPUTS[0] or brackets - before > MOST_OUTPUTS[1]:
                    kept += [text[start:begin], "[]"]
                    start, brackets = position, before + 1
        elif what == '"outputs"' and outputs is None and depth in (3, 5) and (opening := OUTPUTS.match(text, position)):
            position = opening.end() - 1  # a cell of format 4 is at depth 3, one of format 3 at depth 5
            outputs = position, depth, brackets
    return "".join([*kept, text[start:]]), brackets


def _cell(raw: dict) -> dict:
    source = raw.get("source", raw.get("input", ""))
    if isinstance(source, list):
        source = "".join(s for s in source if isinstance(s, str))
    metadata = raw.get("metadata")
    grading = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = grading.get("grade_id") if isinstance(grading, dict) else None
    outputs = raw.get("outputs")
    kind = raw.get("cell_type")
    return {
        "type": kind if kind in ("code", "markdown", "raw") else "raw",
        "source": as_text(source) if isinstance(source, str) else "",
        "grade_id": grade_id if isinstance(grade_id, str) else None,
        "outputs": outputs if isinstance(outputs, list) else [],
    }
