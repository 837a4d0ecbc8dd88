"""Honest submissions that are odd: each becomes a row with the right points or a plain reason, and no work is lost."""

import copy
import csv
import json
import os
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
from submissions import UNIT, cell_of, code, full, markdown, put, solution, student_notebook

from conftest import ROOT, load
from rnncourse.grading import engine, intake, runner, sandbox, submission
from rnncourse.grading.clean import markdown as cleaned
from rnncourse.grading.parse import Unreadable, parse

pytestmark = pytest.mark.skipif(not sandbox.available(), reason="bubblewrap is missing: apt install bubblewrap")

ALL = full()
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
HOSTILE = [
    "<script>alert('attack')</script>",
    "<img src=x onerror=alert('attack')>",
    "[click](javascript:alert('attack')) \\[click\\](javascript:alert('attack'))",
    "<a href='java\nscript:alert(1)'>x</a> <iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<svg/onload=alert('attack')> <style>body{display:none}</style> <form action=//evil.example><input></form>",
    "<div onclick=alert(1) style='position:fixed'>x</div> ![x](https://evil.example/spy.png)",
    "```\n<script>alert('attack')</script>\n```\n\n$<script>alert('attack')</script>$",
]


def worth(*functions):
    return sum(load(UNIT).exercises[f].points for f in functions)


def right(**changes):
    """The solution with some functions' bodies replaced; a body is the lines below the signature."""
    answers = solution()
    for function, body in changes.items():
        lines = answers[function].split("\n")
        head = next(k for k, line in enumerate(lines) if line.startswith("def "))
        answers[function] = "\n".join([*lines[: head + 1], *(f"    {line}" for line in body.split("\n"))])
    return student_notebook(answers)


def changed(notebook, change):
    notebook = copy.deepcopy(notebook)
    change(notebook)
    return notebook


def everywhere(notebook, change):
    for cell in notebook["cells"]:
        change(cell)
    return notebook


def old_format(notebook):
    """The notebook as format version 3 had it."""
    cells = [
        {"cell_type": "code", "input": c["source"], "outputs": [], "language": "python", "metadata": c["metadata"]}
        if c["cell_type"] == "code"
        else c
        for c in notebook["cells"]
    ]
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": cells}]}


def with_output(**output):
    """The solution with an open question answered, and one stored output."""
    notebook = answered(right())
    cell_of(notebook, "unroll")["outputs"] = [output]
    return notebook


def answered(notebook):
    cell_of(notebook, "open_question")["source"] = "Because the state carries it."
    return notebook


def after(grade_id, *cells):
    """The solution, its open question answered, with cells added below one."""
    notebook = answered(right())
    at = notebook["cells"].index(cell_of(notebook, grade_id)) + 1
    notebook["cells"][at:at] = cells
    return notebook


def helped(helper):
    """`leaky_step` uses a helper of the student's that a later cell defines again."""
    source = solution()["leaky_step"]
    assert "np.tanh" in source
    notebook = after("read_every", code(helper))
    own = "def squash(a):\n    return np.tanh(a)\n\n\n"
    cell_of(notebook, "leaky_step")["source"] = own + source.replace("np.tanh", "squash")
    return notebook


def into(grade_id, extra="", **change):
    """The solution with something added to a cell, or the cell changed."""
    notebook = answered(right())
    cell = cell_of(notebook, grade_id)
    cell.update(change)
    cell["source"] += extra
    return notebook


def in_examples():
    """All answers stand in the read-only example cells."""
    notebook = answered(student_notebook())
    for function, source in solution().items():
        cell_of(notebook, f"example_{function}")["source"] = source
    return notebook


def above(grade_id, source):
    """The solution with something above the function in its cell."""
    notebook = answered(right())
    cell = cell_of(notebook, grade_id)
    cell["source"] = f"{source}\n{cell['source']}"
    return notebook


def joined(grade_id, below, notebook):
    """Two cells made one, which keeps the label of the first."""
    cell = cell_of(notebook, below)
    cell_of(notebook, grade_id)["source"] += "\n\n" + "".join(cell["source"])
    notebook["cells"].remove(cell)
    return notebook


READ = "written text elsewhere: read that"
# Honest notebooks: what the student saw in JupyterLab is what counts
HONEST = {
    "a helper with another meaning later": (
        helped("def squash(a):\n    return 1 / (1 + np.exp(-a))"),
        ALL,
        "graded",
        "",
    ),
    "a builtin covered later": (after("check_read_every", code("sum = 0\nrange = None\nlen = 3")), ALL, "graded", ""),
    "an unfinished copy at the end": (
        changed(answered(right()), lambda n: n["cells"].append(cell_of(student_notebook(), "unroll"))),
        ALL,
        "graded_with_problems",
        "cell unroll occurs 2 times",
    ),
    "right only at the end": (
        into("leaky_step", source="")
        | {"cells": [*into("leaky_step", source="")["cells"], code(solution()["leaky_step"])]},
        ALL,
        "graded",
        "",
    ),
    "a pasted picture": (after("unroll", markdown("![x](attachment:x.png)\n\nmy plot")), ALL, "graded", ""),
    "a question answered below": (after("open_question", markdown("Since it forgets.")), ALL, "graded", ""),
    "a question answered elsewhere": (
        changed(right(), lambda n: n["cells"].append(markdown("Since it forgets."))),
        ALL,
        "graded_with_problems",
        READ,
    ),
    "an import in the set-up": (into("setup", "\nimport math"), ALL, "graded_with_problems", "cell setup was changed"),
    "answers in example cells": (in_examples(), 0, "graded_with_problems", "example_unroll was changed; its changes"),
    "250,000 printed brackets": (
        with_output(output_type="stream", name="stdout", text="[" * 250_000),
        ALL,
        "graded",
        "",
    ),
    "many brackets of JSON in an output": (
        with_output(output_type="display_data", metadata={}, data={"application/json": [[1]] * 250_000}),
        ALL,
        "graded",
        "",
    ),
    "an animation of 12 MB": (
        with_output(output_type="display_data", metadata={}, data={"text/html": "x" * 12_000_000}),
        ALL,
        "graded",
        "",
    ),
    "colours in an output": (
        with_output(output_type="stream", name="stdout", text="\u001b[31mred\u001b[0m" * 9_000),
        ALL,
        "graded",
        "",
    ),
    "a solution as Markdown": (
        into("unroll", cell_type="markdown"),
        ALL - worth("unroll"),
        "graded_with_problems",
        "cell unroll is a markdown cell now",
    ),
    "await at the top": (
        after("setup", code("async def one():\n    return 1\n\nawait one()")),
        ALL,
        "graded",
        "",
    ),
    "a module written by a cell": (
        changed(
            into("leaky_step", source="from mine import leaky_step"),
            lambda n: n["cells"].insert(
                2, code(f"%%writefile mine.py\nimport numpy as np\n{solution()['leaky_step']}")
            ),
        ),
        ALL,
        "graded",
        "",
    ),
    "a check in the solution's cell, and np covered later": (
        joined("leaky_step", "check_leaky_step", after("check_fit_readout", code("np = 0"))),
        ALL,
        "graded",
        "",
    ),
    "a check without its label, with a comment": (
        changed(
            after("check_fit_readout", code("np = 0")),
            lambda n: cell_of(n, "check_unroll").update(metadata={}, source='check("unroll")  # works'),
        ),
        ALL,
        "graded",
        "",
    ),
    "a package that is not here": (above("leaky_step", "import not_installed_here as sns\nONE = 1"), ALL, "graded", ""),
    "names of an example": (above("unroll", "print(h_prev.shape)"), ALL, "graded", ""),
    "a keyboard and a screen": (
        above("unroll", "import matplotlib\nmatplotlib.use('TkAgg')\nname = input()\nprint(_)"),
        ALL,
        "graded",
        "",
    ),
    "a timed cell that fails first": (above("unroll", "%%time\nprint(h_prev)"), ALL, "graded", ""),
    "%timeit with options": (above("unroll", "t = %timeit -o -n 1 sum([1])\nprint(t.best)"), ALL, "graded", ""),
    "a module written by Python": (
        above(
            "unroll", "with open('m.py', 'w') as f:\n    f.write('one = 1')\nimport m\nassert m.one == 1\ndel unroll"
        ),
        ALL,
        "graded",
        "",
    ),
    "%run": (
        changed(
            into("leaky_step", source=solution()["leaky_step"].replace("np.tanh", "squash")),
            lambda n: n["cells"].__setitem__(
                slice(2, 2), [code("%%writefile s.py\nimport numpy as np\nsquash = np.tanh"), code("%run s.py")]
            ),
        ),
        ALL,
        "graded",
        "",
    ),
    "a question answered in a code cell": (
        changed(right(), lambda n: n["cells"].append(code("The error is small since the days were drawn at random."))),
        ALL,
        "graded_with_problems",
        READ,
    ),
    "a picture of 12 MB": (
        changed(
            into("open_question", source=f"![x](data:image/png;base64,{'A' * 12_000_000})\n\nSince it forgets."),
            lambda n: n["cells"][0].update(attachments={"x.png": {"image/png": "A" * 12_000_000}}),
        ),
        ALL,
        "graded",
        "",
    ),
    "2,100 cells": (after("setup", *[code("")] * 2_000, *[code("pass")] * 100), ALL, "graded", ""),
}


def hostile():
    notebook = right()
    cell_of(notebook, "open_question")["source"] = "\n\n".join(HOSTILE)
    notebook["cells"] += [markdown(h) for h in HOSTILE]
    bad = code("pass")
    bad["outputs"] = [
        {"output_type": "display_data", "metadata": {}, "data": {"text/html": HOSTILE[0], "text/plain": "kept"}},
        {"output_type": "display_data", "metadata": {}, "data": {"image/svg+xml": HOSTILE[4], "image/png": PNG}},
        {"output_type": "display_data", "metadata": {}, "data": {"image/png": 'x" onerror="alert(1)'}},
        {"output_type": "display_data", "metadata": {}, "data": {"application/javascript": "alert(1)"}},
        {"output_type": "stream", "name": "stdout", "text": HOSTILE[0]},
    ]
    notebook["cells"].append(bad)
    return notebook


LOOP = "while True: pass"
# name -> (notebook, points, status, part of the reason)
ODD = {
    "blank": (student_notebook(), 0, "graded", ""),
    "all right": (right(), ALL, "graded", ""),
    "partly right": (right(unroll="return x"), ALL - worth("unroll"), "graded", ""),
    "warns in every call": (
        changed(right(), lambda n: n["cells"].append(code("import warnings\nwarnings.warn('careful')"))),
        ALL,
        "graded",
        "",
    ),
    "prints 200 MB": (
        changed(right(), lambda n: n["cells"].append(code("for k in range(200): print('x' * 10**6)"))),
        ALL,
        "graded",
        "",
    ),
    "loops in one function": (
        right(unroll=LOOP),
        ALL - worth("unroll"),
        "graded_with_problems",
        "unroll took longer than 2 s",
    ),
    "loops in a cell of its own": (
        changed(right(), lambda n: n["cells"].insert(5, code(LOOP))),
        ALL,
        "graded_with_problems",
        "cell number 6: it took longer than 2 s",
    ),
    "needs memory without end": (
        right(read_last="keep = []\nwhile True: keep.append(bytearray(1 << 26))"),
        ALL - worth("read_last"),
        None,  # a MemoryError that Python can still raise, or the end of the process
        "",
    ),
    "ends the process": (
        right(read_last="import os\nos._exit(0)"),
        ALL - worth("read_last"),
        "graded_with_problems",
        "read_last ended the process",
    ),
    "crashes the interpreter": (
        right(read_every="import ctypes\nctypes.string_at(0)"),
        ALL - worth("read_every"),
        "graded_with_problems",
        "read_every ended the process",
    ),
    "leaves with sys.exit": (right(leaky_step="import sys\nsys.exit()"), ALL - worth("leaky_step"), "graded", ""),
    "recursion without end": (right(unroll="return unroll(step, x, h0)"), None, "graded", ""),
    "a cell that fails first": (
        changed(right(), lambda n: n["cells"].insert(0, code("1 / 0\nimport nothing_like_this"))),
        ALL,
        "graded",
        "",
    ),
    "a cell that is no Python": (
        changed(right(), lambda n: cell_of(n, "unroll").update(source="def unroll(step, x h0):")),
        ALL - worth("unroll"),
        "graded",
        "",
    ),
    "magics and shell lines": (
        changed(right(), lambda n: n["cells"].insert(0, code("%matplotlib inline\n!pip install x\nnp?\nx = %pwd\n"))),
        ALL,
        "graded",
        "",
    ),
    "a question in a solution cell": (
        changed(right(), lambda n: cell_of(n, "unroll").update(source="np.zeros?\n" + solution()["unroll"])),
        ALL,
        "graded",
        "",
    ),
    "shows things": (
        changed(right(), lambda n: cell_of(n, "unroll").update(source="display(1)\n" + solution()["unroll"])),
        ALL,
        "graded",
        "",
    ),
    "a text of 200 kB": (
        changed(right(), lambda n: n["cells"].extend([markdown("# a\n" * 50_000), code("x = 1\n" * 50_000)])),
        ALL,
        "graded_with_problems",
        "written text elsewhere",
    ),
    "a timed solution cell": (
        changed(right(), lambda n: cell_of(n, "unroll").update(source="%%time\n" + solution()["unroll"])),
        ALL,
        "graded",
        "",
    ),
    "answers in added cells": (
        changed(student_notebook(), lambda n: n["cells"].extend(code(s) for s in solution().values())),
        ALL,
        "graded",
        "",
    ),
    "helper functions": (
        changed(
            right(read_last="return helper(h, lengths, W_y, b_y)"),
            lambda n: n["cells"].insert(2, code(solution()["read_last"].replace("def read_last", "def helper"))),
        ),
        None,
        "graded",
        "",
    ),
    "test cells deleted": (
        changed(
            right(),
            lambda n: n.update(
                cells=[
                    c
                    for c in n["cells"]
                    if not c["metadata"].get("nbgrader", {}).get("grade_id", "").startswith("check")
                ]
            ),
        ),
        ALL,
        "graded",
        "",
    ),
    "a solution cell deleted": (
        changed(right(), lambda n: n["cells"].remove(cell_of(n, "unroll"))),
        ALL - worth("unroll"),
        "graded_with_problems",
        "cell unroll is missing",
    ),
    "a cell copied": (
        changed(right(), lambda n: n["cells"].insert(9, copy.deepcopy(cell_of(n, "unroll")))),
        ALL,
        "graded_with_problems",
        "cell unroll occurs 2 times",
    ),
    "old metadata": (
        everywhere(right(), lambda c: c["metadata"].get("nbgrader", {}).update(schema_version=1)),
        ALL,
        "graded",
        "",
    ),
    "no metadata at all": (
        everywhere(right(), lambda c: c.update(metadata={})),
        ALL,
        "graded_with_problems",
        "no cell carries the unit's labels",
    ),
    "unknown kernel": (
        right() | {"metadata": {"kernelspec": {"name": "julia-9", "language": "julia"}}},
        ALL,
        "graded",
        "",
    ),
    "format version 3": (old_format(right()), ALL, "graded", ""),
    "format version 9": (right() | {"nbformat": 9}, ALL, "graded", ""),
    "metadata of wrong types": (
        changed(right(), lambda n: n["cells"].append({"cell_type": 7, "source": None, "metadata": [1], "outputs": 3})),
        ALL,
        "graded",
        "",
    ),
    "half surrogates": (
        changed(right(), lambda n: n["cells"].append(markdown("half \ud83d of a pair"))),
        ALL,
        "graded_with_problems",
        "written text elsewhere",
    ),
    **HONEST,
    "with a byte order mark": (b"\xef\xbb\xbf" + json.dumps(right()).encode(), ALL, "graded", ""),
    "in UTF-16": (json.dumps(right()).encode("utf-16"), ALL, "graded", ""),
    "hostile text and outputs": (hostile(), ALL, "graded", ""),
    'Zoë O\'Brien "Ünï" 学生': (right(), ALL, "graded", ""),
    "corrupt JSON": (json.dumps(right())[:812], 0, "needs_person", "file is not valid JSON at byte "),
    "empty file": (b"", 0, "needs_person", "file is empty"),
    "a zip with the ending changed": (b"PK\x03\x04" + bytes(99), 0, "needs_person", "a zip archive, not a notebook"),
    "a web page": (b"<!DOCTYPE html><html></html>", 0, "needs_person", "a web page, not a notebook"),
    "a photo": (b"\xff\xd8\xff\xe0" + bytes(range(256)), 0, "needs_person", "not text in UTF-8"),
    "a list": (b"[1, 2]", 0, "needs_person", "holds a JSON list"),
    "worksheets without cells": (b'{"worksheets": [{"cells": 5}, null]}', 0, "needs_person", "nothing of the unit"),
    "brackets without end": (b"[" + b"[]," * 2_000_000, 0, "needs_person", "more than 200,000 brackets"),
    "no cells": (b'{"nbformat": 4}', 0, "needs_person", "without a list of cells"),
    "nested without end": (b"[" * 100_000, 0, "needs_person", "file is not"),
    "another notebook": ({"cells": [code("print(1)")], "nbformat": 4}, 0, "needs_person", "nothing of the unit"),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd")
    subs = folder / "submissions"
    for name, (notebook, *_) in ODD.items():
        put(subs, name, notebook)
    put(subs, "renamed", right(), name=f"{UNIT} (1).ipynb")
    put(subs, "homework", right(), name="homework.ipynb")
    put(subs, "two of them", right(), name="a.ipynb")
    put(subs, "two of them", right(), name="b.ipynb")
    put(subs, "a draft beside it", right())
    put(subs, "a draft beside it", student_notebook(), name="draft.ipynb")
    put(subs, "late", right()).with_name("timestamp.txt").write_text("2030-01-01 10:00:00 UTC")
    put(subs, "a time that is none", right()).with_name("timestamp.txt").write_text("9" * 30 + "h")
    put(subs, "extra files", right()).with_name("big.csv").write_text("1,2,3")
    (subs / "missing" / UNIT).mkdir(parents=True)
    (subs / "nothing at all").mkdir()
    (subs / "a folder with its name" / UNIT / f"{UNIT}.ipynb").mkdir(parents=True)
    target = put(subs, "linked", right(), name="x.txt")
    target.with_name(f"{UNIT}.ipynb").symlink_to(target)
    os.mkfifo(put(subs, "a pipe", "", name="y.txt").with_name(f"{UNIT}.ipynb"))
    outcome = runner.run(ROOT, subs, folder / "grading", UNIT, limits=sandbox.Limits(2, 20, 512, 16))
    rows = list(csv.DictReader((folder / "grading" / "results.csv").open(encoding="utf-8")))
    return {r["student"].lstrip("'"): r for r in rows}, outcome, folder


@pytest.mark.slow
@pytest.mark.parametrize("name", ODD)
def test_an_odd_submission_has_its_points_and_reason(run, name):
    _, points, status, reason = ODD[name]
    row = run[0][name]
    if status:
        assert row["status"] == status, row
        assert reason in row["reason"] and (reason or not row["reason"]), row["reason"]
    if points is not None:
        assert float(row["score"]) == points


FILES = {
    "renamed": (ALL, "graded_with_problems", f"renamed file recognised as {UNIT}.ipynb"),
    "homework": (ALL, "graded_with_problems", f"renamed file recognised as {UNIT}.ipynb"),
    "two of them": (0, "needs_person", "several notebooks, none chosen: a.ipynb, b.ipynb"),
    "a draft beside it": (ALL, "graded_with_problems", "other notebooks were left alone: draft.ipynb"),
    "late": (ALL, "graded", ""),
    "a time that is none": (ALL, "graded", ""),
    "extra files": (ALL, "graded", ""),
    "missing": (0, "needs_person", "no notebook in the folder"),
    "nothing at all": (0, "needs_person", "the folder is empty"),
    "a folder with its name": (0, "needs_person", "no ordinary file"),
    "linked": (0, "needs_person", "file is a link"),
    "a pipe": (0, "needs_person", "no ordinary file"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_an_odd_file_has_its_row(run, name):
    points, status, reason = FILES[name]
    row = run[0][name]
    assert (float(row["score"]), row["status"]) == (points, status), row
    assert reason in row["reason"]


@pytest.mark.slow
def test_nobody_is_lost(run):
    rows, outcome, folder = run
    assert set(rows) == {p.name for p in (folder / "submissions").iterdir()}
    assert outcome.complete and sum(outcome.counts.values()) == len(rows)
    assert {r["sandbox"] for r in rows.values()} == {"bubblewrap"}


@pytest.mark.slow
def test_no_script_reaches_the_feedback_page(run):
    page = run[2] / "grading" / "feedback" / "hostile text and outputs" / UNIT / f"{UNIT}.html"
    text = page.read_text(encoding="utf-8")
    autograded = run[2] / "grading" / "autograded" / "hostile text and outputs" / UNIT / f"{UNIT}.ipynb"
    ordinary = page.parent.parent.parent / "all right" / UNIT / f"{UNIT}.html"
    assert risky(text) <= risky(ordinary.read_text(encoding="utf-8"))
    for cell in json.loads(autograded.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "markdown":
            assert not risky("".join(cell["source"]))
    assert "<script>alert" not in text
    assert PNG[:40] in text and "kept" in text


class Risky(HTMLParser):
    """Collects what could do something: tags, event handlers, styles, links that are scripts or lead elsewhere."""

    def __init__(self):
        super().__init__()
        self.found = set()

    def handle_starttag(self, tag, attributes):
        if tag in ("script", "iframe", "img", "svg", "style", "form", "input", "object", "embed", "link", "base"):
            self.found.add((tag, str(dict(attributes).get("src", ""))[:60]))
        for name, value in attributes:
            plain = "".join((value or "").split()).lower()
            if name.startswith("on") or name == "style" or (name in ("href", "src") and "script:" in plain):
                self.found.add((tag, name, plain))


def risky(html):
    parser = Risky()
    parser.feed(html)
    own_picture = {("img", f"data:image/png;base64,{PNG}"[:60])}
    return {f for f in parser.found if f not in own_picture}


@pytest.mark.parametrize("attack", HOSTILE)
def test_markdown_is_safe_however_often_it_is_rendered(attack):
    from nbconvert.filters import markdown2html

    once = cleaned(attack)
    for html in (once, markdown2html(once), markdown2html(markdown2html(once)), cleaned(once)):
        assert not risky(html)


def test_markdown_keeps_what_people_write():
    html = cleaned("A *word*, `code`, $a_1 < b$ and\n\n* a\n* b\n\n| x | y |\n|---|---|\n| 1 | 2 |")
    for kept in ("<em>word</em>", "<code>code</code>", "a&#95;1 &lt; b", "<li>a</li>", "<td>1</td>"):
        assert kept in html


TEMPLATES = {UNIT: None}


def found(path, unit=UNIT):
    notebook = {n: submission.template(n, _book(n)) for n in (UNIT, "01-sequences")}
    return {f.student: f for f in intake.find(path, notebook, unit)}


def _book(name):
    from rnncourse.authoring import notebooks

    return notebooks.read(ROOT / "exercises" / name / f"{name}.ipynb")


def test_a_flat_folder_and_platform_names(tmp_path):
    text = json.dumps(student_notebook())
    for name in (f"ada_{UNIT}.ipynb", f"{UNIT}-bob.ipynb", "cyd.ipynb", f"lovelaceada_LATE_77_88_{UNIT}-1.ipynb"):
        (tmp_path / name).write_text(text)
    moodle = tmp_path / "Gus Ö_123_assignsubmission_file_"
    moodle.mkdir()
    (moodle / "x.ipynb").write_text(text)
    rows = found(tmp_path)
    assert set(rows) == {"ada", "bob", "cyd", "lovelaceada_77", "Gus Ö_123"}
    assert rows["lovelaceada_77"].platform == {"kind": "canvas", "id": "77", "name": "lovelaceada"}
    assert rows["Gus Ö_123"].platform == {"kind": "moodle", "id": "123", "name": "Gus Ö"}
    assert not any(r.problem for r in rows.values())


def test_a_zip_is_read_and_never_unpacked(tmp_path):
    archive = tmp_path / "export.zip"
    text = json.dumps(student_notebook())
    with zipfile.ZipFile(archive, "w") as z:
        z.writestr(f"class/ada/{UNIT}/{UNIT}.ipynb", text)
        z.writestr(f"class/bob/{UNIT}/{UNIT}.ipynb", text)
        z.writestr("class/__MACOSX/bob/._x.ipynb", "junk")
    rows = found(archive)
    assert set(rows) == {"ada", "bob"} and not any(r.problem for r in rows.values())
    assert json.loads(rows["ada"].read())["nbformat"] == 4
    with zipfile.ZipFile(archive, "w") as z:
        z.writestr("../../../../tmp/escaped.ipynb", text)
        z.writestr("/etc/escaped.ipynb", text)
    assert set(found(archive)) == {"tmp", "etc"}
    assert not Path("/tmp/escaped.ipynb").exists() and not Path("/etc/escaped.ipynb").exists()


def test_nobody_can_hand_in_for_another(tmp_path):
    text = json.dumps(student_notebook())
    for path in (
        "Ada_1_assignsubmission_file_/my answer.ipynb",
        f"Mallory_2_assignsubmission_file_/Ada_1_assignsubmission_file_/{UNIT}/{UNIT}.ipynb",
        f"Mallory_2_assignsubmission_file_/Eve_3_assignsubmission_file_/{UNIT}/timestamp.txt",
        "bob/x.ipynb",
        f"mallory/bob/{UNIT}/{UNIT}.ipynb",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text if path.endswith("ipynb") else "2000-01-01")
    rows = found(tmp_path)
    assert set(rows) == {"Ada_1", "Mallory_2", "bob", "mallory"}
    assert (
        rows["Ada_1"].source == "Ada_1_assignsubmission_file_/my answer.ipynb" and rows["bob"].source == "bob/x.ipynb"
    )
    assert rows["Mallory_2"].timestamp is None


def test_a_zip_that_claims_little_and_holds_much(tmp_path):
    archive = tmp_path / "bomb.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(f"ada/{UNIT}/{UNIT}.ipynb", bytes(160_000_000))
    with pytest.raises(Unreadable, match="more than 100 MB"):
        found(archive)["ada"].read()


def test_wrong_places_are_said(tmp_path):
    with pytest.raises(ValueError, match="holds no submissions"):
        found(tmp_path)
    with pytest.raises(ValueError, match="no folder and no zip"):
        found(tmp_path / "nowhere")
    (tmp_path / "x.zip").write_text("no zip")
    with pytest.raises(ValueError, match="no readable zip"):
        found(tmp_path / "x.zip")
    with pytest.raises(ValueError, match="no unit 'nonsense'; there are: 01-sequences"):
        runner.run(ROOT, tmp_path, tmp_path / "out", "nonsense")


@pytest.mark.parametrize("name", ["..", "a/b", " x ", "", "x" * 300, ".hidden", "a\nb", "a\x00b"])
def test_every_name_becomes_an_id_that_a_folder_can_have(name):
    from rnncourse.grading.feedback import folder_name

    assert folder_name(intake.identity(name))
    assert intake.identity("ada") == "ada"


@pytest.mark.slow
def test_an_answer_elsewhere_is_seen_by_a_person(run):
    _, _, folder = run
    rows = {r["student"]: r for r in json.loads((folder / "grading" / "results.json").read_text(encoding="utf-8"))}
    for student in ("a question answered elsewhere", "a question answered below", "a picture of 12 MB"):
        assert rows[student]["manual"]["open_question"]["answered"], student
        assert "Since it forgets." in (folder / f"grading/feedback/{student}/{UNIT}/{UNIT}.html").read_text()


def test_what_is_never_read_is_no_reason_to_refuse_a_file():
    stored = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "A" * 2_000_000}}
    cells = [code("x = 1") | {"outputs": [stored]} for _ in range(9)]
    cells += [markdown("![x](attachment:x.png)") | {"attachments": {"x.png": {"image/png": "A" * 2_000_000}}}] * 5
    state = {"application/vnd.jupyter.widget-state+json": {"state": {str(k): {"a": [[]]} for k in range(70_000)}}}
    found = parse(json.dumps({"cells": cells, "metadata": {"widgets": state}, "nbformat": 4}).encode())
    assert [c["source"] for c in found] == ["x = 1"] * 9 + ["![x](attachment:x.png)"] * 5
    assert [len(c["outputs"]) for c in found[:9]] == [1] * 3 + [0] * 6  # the first are kept


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("Two things are wrong. The model doesn't see the past.", True),
        ('"""The days were drawn at random, so it saw the future."""', True),
        ('print("The days were drawn at random, so it saw the future.")', True),
        ('answer = "The days were drawn at random, so it saw the future."', True),
        ("# random days", True),
        ('print("done")', False),
        ("for k in range(3):\n    print(k)", False),
        ("h is not None and x in y", False),
        ('def f():\n    """\n    Gives the first of four words.\n    """', False),
        ("plt.title('The error as a function of the leak')\nplt.show()", False),
        ("x = 1  # this is the first of four words", False),
    ],
)
def test_words_in_a_code_cell(source, words):
    assert submission._in_words({"source": source}) == words


@pytest.mark.parametrize("source", ["<!-- It forgets. -->", "<img src='x.png'>"])
def test_an_answer_that_renders_as_nothing_is_shown_as_it_stands(source):
    assert "<pre>&lt;" in cleaned(source)


def test_many_looks_at_one_function_cost_little(monkeypatch):
    looked = []
    unit = SimpleNamespace(exercises={"f": SimpleNamespace(points=1)}, spec=lambda name, seed: None)
    session = SimpleNamespace(caller=lambda specs: None, dead={}, cells=[("a", "pass")] * 3, until=0)
    wrong = engine.Score(0, 1, engine.Verdict("f", False, "", trouble="raised"))
    monkeypatch.setattr(engine, "score", lambda unit, call, seed, names: (looked.append(1), {"f": wrong})[1])
    monkeypatch.setattr(engine, "_right", lambda spec, call: False)
    engine.judged(unit, session, [(k, "f") for k in range(500)], 1)
    assert len(looked) == engine.MOST_LOOKS
