"""A submitted file, read as data: whatever it is, it becomes a list of cells or a plain reason."""

from __future__ import annotations

import json
import re

from rnncourse.grading.clean import as_text

MOST_BYTES = 100_000_000  # with stored outputs
MOST_KEPT = 10_000_000  # characters without large outputs
MOST_BRACKETS = 200_000  # of JSON, without large outputs: parsed, they take hundreds of bytes each
MOST_OUTPUTS = 2_500_000, 2_000  # characters and brackets of one cell's stored outputs; more is not read
MOST_TOGETHER = 8_000_000, 100_000  # of all cells' outputs; what goes beyond is not read
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
        text = PICTURE.sub(PASTED, text)
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
OPENING = re.compile(r"\s*:\s*([\[{])")
UNREAD = {'"outputs"': (3, 5), '"attachments"': (3, 5), '"widgets"': (2,)}  # key: depth (a cell of format 3 is at 5)
PICTURE = re.compile(r"data:image/[\w.+-]+;base64,[\w+/=%]*")  # in the text of a cell, as Colab keeps pasted pictures
PASTED = "attachment:picture"


def without_large_outputs(text: str) -> tuple[str, int]:
    """The JSON of a notebook without stored outputs that are too large to be read, attachments and the state of
    widgets, and its number of brackets.

    Works on the text: parsed, outputs could take more memory than there is. What is no JSON comes back as it is.
    """
    kept, start, brackets, depth = [], 0, 0, 0
    inside = None  # (where the value begins, its depth, brackets before it, its key)
    together = [0, 0]  # characters and brackets of the outputs that are kept
    position, end = 0, len(text)
    while position < end and (token := TOKEN.search(text, position)):
        position = token.end()
        what = token[0]
        if what in "[{":
            depth += 1
            brackets += 1
            if brackets > MOST_BRACKETS and inside is None:
                break
        elif what in "]}":
            depth -= 1
            if inside and depth == inside[1]:
                begin, _, before, key = inside
                inside = None
                size = position - begin, brackets - before
                if key == '"outputs"' and all(
                    s <= most and s + t <= all_of_them
                    for s, most, t, all_of_them in zip(size, MOST_OUTPUTS, together, MOST_TOGETHER, strict=True)
                ):
                    together = [t + s for t, s in zip(together, size, strict=True)]
                else:
                    kept += [text[start:begin], "[]" if what == "]" else "{}"]
                    start, brackets = position, before + 1
        elif inside is None and depth in UNREAD.get(what, ()) and (opening := OPENING.match(text, position)):
            position = opening.end() - 1
            inside = position, depth, brackets, what
    return "".join([*kept, text[start:]]), brackets


def _cell(raw: dict) -> dict:
    source = raw.get("source", raw.get("input", ""))
    if isinstance(source, list):
        source = "".join(s for s in source if isinstance(s, str))
    metadata = raw.get("metadata")
    grading = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = grading.get("grade_id") if isinstance(grading, dict) else None
    outputs = raw.get("outputs")
    source = as_text(source) if isinstance(source, str) else ""
    kind = raw.get("cell_type")
    return {
        "type": kind if kind in ("code", "markdown", "raw") else "raw",
        "source": source if kind == "code" else PICTURE.sub(PASTED, source),
        "grade_id": grade_id if isinstance(grade_id, str) else None,
        "outputs": outputs if isinstance(outputs, list) else [],
    }
