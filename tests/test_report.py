"""The files that instructors read: results.csv, results.json, the class report, and what platforms import."""

import csv
import io
import json
import random
import re
import time
from html.parser import HTMLParser

import pytest

from conftest import ROOT
from rnncourse.grading import export, report

UNIT = "02-recurrent-cell"
RUN = {"seed": 7, "units": [UNIT], "started": "2026-03-01T10:00:00+00:00", "sandbox": "bubblewrap"}
RUN |= {"versions": {"numpy": "2.4.0"}}
HINTS = {
    "no_bias": "The bias is missing: `b` shifts <every> unit.",
    "no_tanh": "The tanh is missing.",
    "zeros": "Zeros.",
}
POINTS = {"leaky_step": 2.0, "unroll": 3.0}
NEEDS = {"status": "needs_person", "score": 0.0, "functions": {}, "manual_points_open": 0.0}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "{{ 7 * 7 }}{% raw %}",
    '=HYPERLINK("http://evil.example","x")',
    "-1+1",
    "'=quoted",
    'Smith, "J" O\'Neil',
    "two\nlines\r\nmore",
    "Žofie 李雷 \u202egnp.exe",
    "not utf-8 \udcff",
    "nul \x00 bell \x07",
    "</title></style></svg>",
    " = spaced",
]
VOID = {"meta", "img", "br", "hr", "link", "input", "rect", "line"}


def result(student, unit=UNIT, wrong=None, **changes):
    """A result in which the functions of `wrong` failed, with these known mistakes."""
    wrong = wrong or {}
    functions = {
        name: {
            "points": 0.0 if name in wrong else points,
            "max_points": points,
            "passed": name not in wrong,
            "message": "words",
            "mistakes": wrong.get(name, []),
            "hints": [HINTS[m] for m in wrong.get(name, [])],
        }
        for name, points in POINTS.items()
    }
    base = {
        "student": student,
        "unit": unit,
        "source": f"{student}/{unit}/{unit}.ipynb",
        "platform": {"kind": None, "id": None, "name": None},
        "timestamp": None,
        "status": "graded",
        "reason": "",
        "score": sum(f["points"] for f in functions.values()),
        "max_score": 5.0,
        "functions": functions,
        "manual": {"question": {"max_points": 4.0, "answered": True}},
        "manual_points_open": 4.0,
        "seconds": 0.125,
        "sandbox": "bubblewrap",
        "key": "0" * 64,
        "notebook": "NOTEBOOK TEXT",
    }
    return base | changes


def write(folder, results, run=RUN):
    """Write the three files and return them: rows of the CSV, the JSON, the page."""
    report.write(folder, iter(results), run)
    table, stored, page = (content(folder / name) for name in ("results.csv", "results.json", "report.html"))
    return list(csv.DictReader(io.StringIO(table, newline=""))), json.loads(stored), page


def content(path):
    """The text of a file, line ends untouched."""
    return path.read_bytes().decode("utf-8")


class Page(HTMLParser):
    """Tags, attributes, texts and headings of a page; raises where tags are not closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.text, self.headings = [], [], [], "", []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *a) for a in attrs]
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag, f"</{tag}> where another tag is open"
        if tag not in ("bdi", "code"):
            self.text += " "

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text += data


def test_the_csv_is_sorted_and_readable(tmp_path):
    results = [
        result("b", wrong={"leaky_step": ["no_bias", "no_tanh"], "unroll": ["zeros"]}, seconds=1.239),
        result("a", score=0.1 + 0.2, max_score=3.0),
        result("c", unit="01-sequences", reason='odd, "very"\nodd', status="graded_with_problems"),
        result("d", **NEEDS | {"max_score": 0.0, "seconds": 0}),
    ]
    rows, stored, _ = write(tmp_path, results)
    assert tuple(rows[0]) == report.COLUMNS
    assert [(r["unit"], r["student"]) for r in rows] == [("01-sequences", "c"), (UNIT, "a"), (UNIT, "b"), (UNIT, "d")]
    assert rows[0]["reason"] == 'odd, "very"\nodd'
    assert (rows[1]["score"], rows[1]["max_score"], rows[1]["percent"]) == ("0.3", "3", "10.0")
    assert rows[2]["mistakes"] == "leaky_step: no_bias, no_tanh; unroll: zeros"
    assert (rows[2]["seconds"], rows[2]["manual_points_open"], rows[2]["sandbox"]) == ("1.24", "4", "bubblewrap")
    assert (rows[3]["percent"], rows[3]["status"], rows[3]["seconds"]) == ("", "needs_person", "0.00")
    expected = [{k: v for k, v in r.items() if k != "notebook"} for r in results]
    assert stored == sorted(expected, key=lambda r: (r["unit"], r["student"]))


def test_the_same_results_give_the_same_bytes(tmp_path):
    results = [result(s, wrong={"unroll": ["zeros"]}) for s in [*HOSTILE, *"abc"]]
    write(tmp_path / "first", results)
    random.Random(1).shuffle(results)
    write(tmp_path / "second", results)
    names = {"results.csv", "results.json", "report.html"}
    assert {p.name for p in (tmp_path / "first").iterdir()} == names  # no scratch file stays
    assert all((tmp_path / "first" / n).read_bytes() == (tmp_path / "second" / n).read_bytes() for n in names)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    write(tmp_path, [result("a")])
    before = (tmp_path / "results.csv").read_bytes()
    monkeypatch.setattr(report.os, "replace", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        report.write(tmp_path, [result("b")], RUN)
    assert (tmp_path / "results.csv").read_bytes() == before


@pytest.mark.parametrize(
    "text", [*HOSTILE, "x; =1", "a, -2", "\t'=1", "a;' +b", "", "ada", "'", "''=", "＝1", "\t1", "a=b", "'ada"]
)
def test_no_cell_is_a_formula_and_every_id_comes_back(text):
    cell = report.guard(text)
    assert report.unguard(cell) == text
    assert cell.lstrip(" ")[:1] not in tuple("=+-@\t\r\n＝＋－＠")
    assert cell == text or report.FORMULA.match(text) or report.SEPARATED.search(text)


def test_every_student_is_once_in_every_file(tmp_path):
    rows, stored, page = write(tmp_path, [result(s, **NEEDS, reason=s, source=s) for s in HOSTILE])
    readable = [s.encode("utf-8", "backslashreplace").decode() for s in HOSTILE]
    assert sorted(report.unguard(r["student"]) for r in rows) == sorted(readable)
    assert sorted(r["student"] for r in stored) == sorted(HOSTILE)  # the JSON gives back even what is not UTF-8
    assert sorted(report.unguard(r["reason"]) for r in rows) == sorted(readable)


def test_hostile_text_is_shown_as_text(tmp_path):
    hostile = [result(s, status="graded_with_problems", reason=s) for s in HOSTILE]
    hostile += [result(f"{s}!", **NEEDS, reason=s, source=s) for s in HOSTILE]
    page = write(tmp_path, hostile)[2]
    parsed = Page(page)
    assert not {"script", "img", "iframe", "object", "link", "form"} & set(parsed.tags)
    assert not [a for a in parsed.attributes if a[1].startswith("on")]
    assert HOSTILE[0] in parsed.text and HOSTILE[1] in parsed.text and "{{ 7 * 7 }}" in parsed.text
    assert not re.search("[\x00\x07\u202e]", page)
    assert parsed.tags.count("title") == 2  # the page and its histogram


def test_the_page_stands_alone_and_is_in_order(tmp_path):
    page = write(tmp_path, [result("a", wrong={"unroll": []}), result("b", **NEEDS, reason="notebook missing")])[2]
    parsed = Page(page)
    assert "http://" not in page and "https://" not in page and "url(" not in page and "@import" not in page
    assert not [a for a in parsed.attributes if a[1] in ("src", "srcset", "action", "data")]
    assert all(a[2].startswith("#unit-") for a in parsed.attributes if a[1] == "href")
    assert parsed.headings[0] == 1 and parsed.headings.count(1) == 1
    assert all(b <= a + 1 for a, b in zip(parsed.headings, parsed.headings[1:], strict=False))
    assert ("html", "lang", "en") in parsed.attributes and f"<title>Class report: {UNIT}</title>" in page
    identifiers = [a[2] for a in parsed.attributes if a[1] == "id"]
    assert len(identifiers) == len(set(identifiers))
    named = [name for a in parsed.attributes if a[1] == "aria-labelledby" for name in a[2].split()]
    assert set(named) <= set(identifiers) and len(named) == 3


def test_what_the_page_says(tmp_path):
    both = {"leaky_step": ["no_bias", "no_tanh"]}
    results = [result("a", wrong=both), result("b", wrong={"leaky_step": ["no_bias"], "unroll": []}), result("c")]
    results += [result("d", status="graded_with_problems", reason="renamed file", wrong={"unroll": []})]
    results += [result("e", **NEEDS, reason="not valid JSON at byte 812", source="e.ipynb")]
    text = " ".join(Page(write(tmp_path, results)[2]).text.split())
    assert "Submissions 5 Mean 2.5 of 5 Median 2.5 of 5 Need a person 1 With problems 1 Answers to read 4" in text
    assert "are of the 4 that were graded" in text
    assert "Points: submissions. 0: 1; 2: 1; 3: 1; 5: 1." in text
    assert "leaky_step 50 % 2 of 4 2 unroll 50 % 2 of 4 3" in text  # in the unit's order
    assert "2 The bias is missing: b shifts <every> unit. 1 The tanh is missing." in text
    assert "unroll not right yet: 2 of 4 2 No known mistake recognised." in text
    assert "e not valid JSON at byte 812 e.ipynb" in text and "d 2 renamed file" in text
    assert "b 0 0.0 graded leaky_step (no_bias), unroll 4" in text and "e – – needs a person" in text
    assert "16 points in 4 submissions" in text and "Seed of the hidden cases 7" in text and "numpy 2.4.0" in text
    assert "without a sandbox" not in text


def test_functions_not_written_are_counted_apart(tmp_path):
    results = [result(name, wrong={"unroll": []}) for name in "abc"]
    for r, trouble in zip(results, ("blank", "blank", "stopped"), strict=True):
        r["functions"]["unroll"]["trouble"] = trouble
    text = " ".join(Page(write(tmp_path, results)[2]).text.split())
    assert "unroll not right yet: 3 of 3 2 Not written yet. 1 Took too long, or ended the process." in text


def test_rare_mistakes_are_counted_together(monkeypatch, tmp_path):
    monkeypatch.setattr(report, "MOST_MISTAKES", 1)
    results = [result("a", wrong={"unroll": ["zeros", "no_bias"]}), result("b", wrong={"unroll": ["zeros", "no_tanh"]})]
    text = " ".join(Page(write(tmp_path, results)[2]).text.split())
    assert "2 Zeros. 2 2 rarer known mistakes." in text


def test_a_run_without_sandbox_is_marked(tmp_path):
    text = Page(write(tmp_path, [result("a", sandbox="none")], {"units": []})[2]).text
    assert "Graded without a sandbox: 1 submission" in " ".join(text.split())


@pytest.mark.parametrize(
    "results", [[], [result("a")], [result("a", **NEEDS)], [result("a", max_score=0.0, score=0.0)]]
)
def test_few_submissions(tmp_path, results):
    rows, stored, page = write(tmp_path, results)
    assert len(rows) == len(stored) == len(results)
    assert ("No submissions were found." in Page(page).text) == (not results)
    assert not Page(write(tmp_path, [], {})[2]).text.count("nan")


def test_files_of_no_unit_have_their_section_and_no_export(tmp_path):
    results = [result("a"), result("b", unit="", **NEEDS | {"max_score": 0.0, "reason": "which unit?"})]
    rows, _, page = write(tmp_path, results)
    text = " ".join(Page(page).text.split())
    assert rows[0]["unit"] == "" and text.index("All submissions") < text.rindex("No unit recognised")
    assert [p.name for p in export.write(tmp_path, results, "canvas")] == [f"canvas-{UNIT}.csv"]


def test_a_thousand_submissions_take_less_than_two_seconds(tmp_path):
    wrong = [{}, {"unroll": ["zeros"]}, {"leaky_step": ["no_bias"], "unroll": []}]
    started = time.process_time()
    rows, _, page = write(tmp_path, (result(f"s{k:04d}", wrong=wrong[k % 3]) for k in range(1000)))
    assert time.process_time() - started < 2
    assert len({r["student"] for r in rows}) == 1000 and "NOTEBOOK TEXT" not in page


@pytest.mark.parametrize("most", [0, 1, 5.5, 20, 21, 60, 999])
def test_histograms_count_everybody_and_stay_in_their_box(most):
    scores = [0, most / 2, most, most]
    h = report.histogram(scores, most)
    assert sum(b["count"] for b in h["bars"]) == 4 and 1 <= len(h["bars"]) <= 21
    assert all(report.TOP <= b["y"] and b["y"] + b["height"] <= report.HEIGHT - report.BOTTOM for b in h["bars"])
    assert h["bars"][-1]["x"] + h["bars"][-1]["width"] <= report.WIDTH - report.RIGHT
    assert h["ticks"][0]["count"] == 0 and 2 <= len(h["ticks"]) <= 6


def luminance(colour):
    channels = (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def test_contrast_is_aa_in_every_mode():
    modes = re.findall(r":root \{(.*?)\}", report.TEMPLATE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(modes) == 3  # light, dark, print
    for mode in modes:
        colours = {n: luminance(c) for n, c in re.findall(r"--([\w-]+): (#\w{6})", mode)}
        for text, paper in [
            *((t, p) for t in ("ink", "muted", "alert") for p in ("paper", "shade")),
            *(("bar", "paper"), ("alert", "alert-shade"), ("ink", "alert-shade")),
        ]:
            bright, dim = sorted((colours[text], colours[paper]), reverse=True)
            assert (bright + 0.05) / (dim + 0.05) >= 4.5, f"{text} on {paper}"
        bright, dim = sorted((colours["bar"], colours["rail"]), reverse=True)
        assert (bright + 0.05) / (dim + 0.05) >= 3


def test_the_template_is_package_data():
    text = (ROOT / "pyproject.toml").read_text()
    assert '"grading/*.j2"' in text and report.TEMPLATE.suffix == ".j2"


def of(kind, number, name=None):
    return {"kind": kind, "id": number, "name": name}


def read(text):
    return list(csv.reader(io.StringIO(text, newline="")))


def test_canvas():
    results = [
        result("lovelaceada_12345", platform=of("canvas", "12345", "Lovelace, Ada"), wrong={"unroll": ["zeros"]}),
        result("grace", status="graded_with_problems", reason="renamed"),
        result("alan", **NEEDS),
        result("x Points Possible"),
        result("ada", unit="01-sequences"),
    ]
    rows = read(export.canvas(results, UNIT))
    assert rows[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", UNIT]
    assert rows[1] == ["    Points Possible", "", "", "", "", "5"]
    assert rows[2] == ["grace", "", "", "grace", "", "5"]
    assert rows[3] == ["Lovelace, Ada", "12345", "", "", "", "2"]
    assert rows[4] == ["", "", "", "x Points Possible", "", "5"]  # not another second row
    assert len(rows) == 5 and [r["student"] for r in export.left_out(results, UNIT)] == ["alan"]


def test_moodles_worksheet():
    results = [
        result("Ada Lovelace_77", platform=of("moodle", "77", "Ada Lovelace"), wrong={"leaky_step": ["no_bias"]}),
        result("Alan_78", platform=of("moodle", "78", "Alan"), **NEEDS),
    ]
    header, row = read(export.moodle(results, UNIT))
    assert {"Identifier", "Full name", "Grade", "Last modified (grade)", "Feedback comments"} <= set(header)
    assert row[:5] == ["Participant 77", "Ada Lovelace", "3", "5", "-"]
    assert row[5] == (
        "leaky_step: 0 of 2 points. The bias is missing: `b` shifts &lt;every&gt; unit.<br>unroll: 3 of 3 points.<br>"
        "A person will read your answers for 4 more points."
    )


def test_moodles_gradebook_where_ids_are_usernames():
    header, *rows = read(export.moodle([result("grace"), result("ada"), result("alan", **NEEDS)], UNIT))
    assert header == ["Username", UNIT, f"{UNIT} feedback"]
    assert [r[:2] for r in rows] == [["ada", "5"], ["grace", "5"]]


def test_exports_lose_nobody_who_was_graded(tmp_path):
    results = [result(s) for s in HOSTILE] + [result("m", platform=of("moodle", "9", "M")), result("n", unit="01-x")]
    names = [p.name for p in export.write(tmp_path, iter(results), "moodle")]
    assert names == ["moodle-01-x.csv", f"moodle-{UNIT}.csv", f"moodle-{UNIT}-usernames.csv"]
    assert [len(read(content(tmp_path / n))) - 1 for n in names] == [1, 1, len(HOSTILE)]
    names = [p.name for p in export.write(tmp_path, results, "canvas")]
    assert names == ["canvas-01-x.csv", f"canvas-{UNIT}.csv"]
    rows = read(content(tmp_path / names[1]))
    assert len(rows) == len(HOSTILE) + 3 and not [c for r in rows for c in r if report.FORMULA.match(c) and c[0] != "'"]
    assert "two lines more" in [r[3] for r in rows]


def test_an_unknown_export_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no export 'ilias'; there are canvas and moodle"):
        export.write(tmp_path, [], "ilias")
