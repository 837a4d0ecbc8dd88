"""What a page asks of its reader: the time that its opening names, and how much code stays open."""

import ast
import json
import re

import pytest

from conftest import ROOT

PAGES = sorted(ROOT.glob("book/*/*.ipynb"))
TIMED = [page for page in PAGES if page.parent.name != "0-start"]  # chapters, and pages for reference
WORDS, LINES = 180, 12  # that are read in a minute
CELL, FUNCTION = 15, 30  # lines that stay open at most; one function a page may be as long as the second
FOLDED = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
STATED = re.compile(r"\*\*Reading time\*\*: main path (\d+) minutes, everything (\d+)\.")


def text(cell) -> str:
    return "".join(cell["source"])


def cells(page) -> list[dict]:
    return json.loads(page.read_text(encoding="utf-8"))["cells"]


def open_lines(cell) -> int:
    """Lines of code that the page shows unfolded; blank ones are not counted."""
    if cell["cell_type"] != "code" or FOLDED & set(cell["metadata"].get("tags", [])):
        return 0
    return sum(bool(line.strip()) for line in text(cell).splitlines())


def reading_time(notebook: list[dict]) -> tuple[float, float]:
    """Minutes of the main path and of everything. A section "Going deeper: ..." ends before a heading of its level."""
    minutes, deeper = {False: 0.0, True: 0.0}, 7  # 7: below every level of heading
    for cell in notebook:
        minutes[deeper < 7] += open_lines(cell) / LINES
        for line in text(cell).splitlines() if cell["cell_type"] == "markdown" else []:
            heading = re.match(r"(#{1,6}) +(Going deeper:)?", line)
            if heading and (heading[2] or len(heading[1]) <= deeper):
                deeper = min(deeper, len(heading[1])) if heading[2] else 7
            minutes[deeper < 7] += len(line.split()) / WORDS
    return minutes[False], sum(minutes.values())


def is_one_function(cell) -> bool:
    body = ast.parse(text(cell)).body
    return len(body) == 1 and isinstance(body[0], ast.FunctionDef | ast.ClassDef)


def test_a_section_that_goes_deeper_is_not_the_main_path():
    def cell(kind, source, *tags):
        return {"cell_type": kind, "source": [source], "metadata": {"tags": [*tags]}}

    prose, code = "word " * (WORDS - 3), "x = 1\n\n" * LINES
    notebook = [
        cell("markdown", "## One two\n" + prose),
        cell("code", code),
        cell("code", code, "hide-input"),
        cell("markdown", "## Going deeper:\n" + prose + "\n### A part\n"),
        cell("code", code),
        cell("markdown", "### Going deeper: twice\n## Back again\n" + prose),
    ]
    main, everything = reading_time(notebook)
    assert main == pytest.approx(3, abs=0.02) and everything == pytest.approx(5, abs=0.08)


@pytest.mark.parametrize("page", TIMED, ids=lambda page: page.stem)
def test_the_opening_says_how_long_a_page_takes(page):
    stated, measured = STATED.search(text(cells(page)[0])), reading_time(cells(page))
    found = "main path {:.0f} minutes, everything {:.0f}".format(*measured)
    assert stated, f"{page.name}: the first cell says no reading time as CONTRIBUTING.md wants it; measured: {found}"
    for given, true in zip(stated.groups(), measured, strict=True):
        assert abs(int(given) - true) <= 0.2 * true, f"{page.name} says {stated[0]} Measured: {found}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_open_cells_are_short(page):
    long = {cell["id"]: open_lines(cell) for cell in cells(page) if open_lines(cell) > CELL}
    functions = [cell["id"] for cell in cells(page) if cell["id"] in long and is_one_function(cell)]
    allowed = [name for name in functions if long[name] <= FUNCTION][:1]
    for name in allowed:
        del long[name]
    assert not long, f"{page.name}: cells with more than {CELL} open lines: {long}; fold plumbing with hide-input"
