"""The files beside the gradebook: autograded notebooks and feedback pages in nbgrader's folders.

Pages come from nbgrader's template and preprocessors, with an exporter that is built once for all students.
"""

from __future__ import annotations

import copy
import hashlib
import html
import json
import os
import re
import textwrap
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from logging import Logger
from pathlib import Path

import latex2mathml.converter
import nbformat
from jinja2 import DictLoader, pass_context
from nbconvert.exporters import HTMLExporter, TemplateExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import GetGrades
from traitlets.config import Config

from rnncourse.authoring import notebooks

# nbgrader's template asks for the macro of this file where others load MathJax from a foreign host. With this in its
# place no script runs and nothing is fetched, whatever the page holds (formulas are MathML), and long lines of a
# message are wrapped between words: nbconvert's style breaks them anywhere.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
HEAD = f"""{{%- macro mathjax(url="") -%}}
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<style>.output_area pre {{ white-space: pre-wrap; word-break: normal; overflow-wrap: anywhere; }}</style>
{{%- endmacro %}}"""
NO_ALT = "No description has been provided for this image"  # nbconvert's words
CHECK = re.compile(r'(<a href="#check_(\w+)">)Test cell</a>')  # how nbgrader's list of points names each function
LONGEST = 128  # characters of a student id in nbgrader's tables
REMEMBERED = 256  # rendered cells: those of the instructors are the same in every student's notebook


@dataclass(frozen=True)
class Shown:
    """What a page shows of the gradebook: scores and comments by grade_id, the late penalty, the most one can get."""

    scores: dict[str, float]
    comments: dict[str, str | None]
    penalty: float
    max_score: float


class Renderer(IPythonRenderer):
    """nbconvert's Markdown with formulas as MathML, which browsers show without a script."""

    def inline_math(self, body):
        """`$body$` as MathML."""
        return mathml(body, "inline") or super().inline_math(body)

    def block_math(self, body):
        """`$$body$$` as MathML."""
        return mathml(body, "block") or super().block_math(body)

    def latex_environment(self, name, body):
        """An environment that stands alone, as MathML."""
        return mathml(f"\\begin{{{name}}}{body}\\end{{{name}}}", "block") or super().latex_environment(name, body)


class PageExporter(HTMLExporter):
    """HTMLExporter without its second parse of every finished page, and with a memory of rendered cells."""

    def __init__(self, config: Config | None = None, **kw):
        self._highlight = lru_cache(REMEMBERED)(Highlight2HTML(pygments_lexer="python"))
        self._markdown = lru_cache(REMEMBERED)(MarkdownWithMath(renderer=Renderer(escape=False)).render)
        super().__init__(config=config, extra_loaders=[DictLoader({"mathjax.html.j2": HEAD})], **kw)

    def default_filters(self):
        """nbconvert's filters, code highlighting among them, which it registers anew for every page."""
        yield from super().default_filters()
        yield "highlight_code", lambda source, metadata=None: self._highlight(source)

    @pass_context
    def markdown2html(self, context, source):
        """The HTML of one markdown cell."""
        if context.get("cell", {}).get("attachments"):
            return super().markdown2html(context, source)
        return self._markdown(source)

    def from_notebook_node(self, nb, resources=None, **kw):
        """The page and its resources. HTMLExporter's own parses the page again to add alternative texts to images."""
        for cell in nb.cells:
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", NO_ALT)
            for output in cell.get("outputs", []):
                if "image/png" in output.get("data", {}):
                    output.metadata.setdefault("image/png", {}).setdefault("alt", alt)
        return TemplateExporter.from_notebook_node(self, nb, resources, **kw)


class Pages:
    """The feedback pages of one unit, from the course's nbgrader configuration."""

    def __init__(self, config: Config, unit: str, log: Logger):
        converter = GenerateFeedback(config=config, log=log)
        self.unit = unit
        self.exporter = PageExporter(config=converter.config, log=log)
        for preprocessor in converter.preprocessors:
            if preprocessor is not GetGrades:  # opens the gradebook again for every student; html() does its work
                self.exporter.register_preprocessor(preprocessor)

    def html(self, notebook: nbformat.NotebookNode, shown: Shown) -> str:
        """One student's page. Scores and comments go into `notebook` in place, as nbgrader's GetGrades does it."""
        for cell in notebook.cells:
            grading = cell.metadata.get("nbgrader", {})
            name = grading.get("grade_id")
            if name in shown.comments:
                grading["comment"] = shown.comments[name]
            if name in shown.scores:
                grading["score"] = shown.scores[name]
        header = {
            "notebook": self.unit,
            "score": sum(shown.scores.values()) - shown.penalty,
            "max_score": shown.max_score,
            "late_penalty": shown.penalty,
        }
        try:
            page = self.exporter.from_notebook_node(notebook, {"nbgrader": header})[0]
            return CHECK.sub(r"\1<code>\2</code></a>", page)
        except Exception:  # whatever a renderer trips over: the student still gets a page
            cells = "".join(f"<pre>{html.escape(c.source)}\n\n{html.escape(_printed(c))}</pre>" for c in notebook.cells)
            points = f"{header['score']:g} of {header['max_score']:g} points"
            return (
                f"<!DOCTYPE html><meta charset=utf-8><title>{self.unit}</title><h1>{self.unit}</h1><p>{points}{cells}"
            )


def _printed(cell) -> str:
    """What a cell has printed."""
    return "".join(o.get("text", "") for o in cell.get("outputs", []))


class Folders:
    """The folders of one unit below autograded/ and feedback/."""

    def __init__(self, course: CourseDirectory, unit: str, released: nbformat.NotebookNode, pages: bool, log: Logger):
        self.course, self.unit, self.released = course, unit, released
        self.modes = {
            course.autograded_directory: Autograde(coursedir=course, config=course.config).permissions,
            course.feedback_directory: GenerateFeedback(coursedir=course, config=course.config).permissions,
        }
        self.pages = Pages(course.config, unit, log) if pages else None

    def write(self, result: dict, timestamp: datetime | None, shown: Shown, last: dict) -> dict:
        """The files of one result; returns what the next run should get as `last`."""
        text = text_of(result) or explained(self.released, result["reason"])
        when = result["timestamp"] if timestamp else None
        self._put(self.course.autograded_directory, result["student"], f"{self.unit}.ipynb", text, when)
        if not self.pages:
            return {}
        folder, name = self.course.feedback_directory, f"{self.unit}.html"
        digest = hashlib.sha256(f"{text}{shown}".encode()).hexdigest()
        page = Path(self.course.format_path(folder, result["student"], self.unit)) / name
        if last.get("page") != digest or not page.exists():
            self._put(folder, result["student"], name, self.pages.html(nbformat.v4.reads(text), shown), when)
        return {"page": digest}

    def _put(self, folder: str, student: str, name: str, text: str, when: str | None) -> None:
        place, mode = Path(self.course.format_path(folder, student, self.unit)), self.modes[folder]
        put(place / name, text, mode)
        if when:
            put(place / "timestamp.txt", when + "\n", mode)


def mathml(tex: str, display: str) -> str | None:
    """A formula of the unit's text as MathML, None if it cannot be parsed. No student's gets here: see clean.py."""
    try:
        return latex2mathml.converter.convert(tex, display=display)
    except Exception:  # whatever its parser trips over
        return None


def folder_name(name: str) -> str:
    """`name`, if nbgrader can use it as a folder's name and as an id. Raises ValueError saying why not."""
    printable = all(unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp") for c in name)
    reasons = {
        "it is empty": not name,
        "it has a slash or a backslash": re.search(r"[/\\]", name),
        "it starts with a dot": name.startswith("."),
        "it starts or ends with a blank": name != name.strip(),
        "it has control characters or broken unicode": not printable,
        f"it is longer than {LONGEST} characters or 250 bytes": len(name) > LONGEST
        or len(name.encode("utf-8", "replace")) > 250,
    }
    for reason in (r for r, wrong in reasons.items() if wrong):
        raise ValueError(f"{name[:60]!r} cannot be the name of a folder: {reason}")
    return name


def text_of(result: dict) -> str | None:
    """The notebook's text, without the halves of surrogate pairs that JSON can name and no file can hold."""
    text = result["notebook"]
    if text is None:
        return None
    if re.search(r"\\u[dD]", text):
        text = json.dumps(json.loads(text), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    return text.encode("utf-8", "replace").decode("utf-8")


def explained(released: nbformat.NotebookNode, reason: str) -> str:
    """The students' notebook as text, with a first cell that says why the student's own is not here."""
    notebook = copy.deepcopy(released)
    # indented lines: nothing in them is read as markdown or HTML
    words = reason.encode("utf-8", "replace").decode("utf-8").split()
    lines = textwrap.wrap(" ".join(words) or "no reason was given", 90)
    text = "**No notebook could be read, so nothing was graded:**\n\n" + "\n".join(f"    {line}" for line in lines)
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell(text, id="why-not-graded"))
    return notebooks.text(notebook)


def put(path: Path, text: str, permissions: int = 644) -> None:
    """Make `path` hold `text`, whole or not at all; a file that holds it already stays as it is."""
    data = text.encode("utf-8")
    if path.exists() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.new")
    scratch.write_bytes(data)
    scratch.chmod(int(str(permissions), 8))  # nbgrader writes the octal digits as a decimal number
    os.replace(scratch, path)
