"""What the book needs beyond Jupyter Book: numbers of chapters, theme options, offline pages, accessible markup."""

import base64
import hashlib
import posixpath
import re
from pathlib import Path

from docutils import nodes
from PIL import Image
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.osutil import relative_uri

from rnncourse.plot.interactive import MIME
from rnncourse.plot.sound import SOUND

THEME_OPTIONS = {
    "logo": {"alt_text": "", "text": "Recurrent neural networks"},
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "footer_content_items": ["copyright.html", "extra-footer.html"],
    "search_bar_text": "Search this book",
    "primary_sidebar_end": [],  # the theme's place for advertisements
}
# Added only when `repository: url` in _config.yml is set.
REPOSITORY_OPTIONS = {
    "use_repository_button": True,
    "use_issues_button": True,
    "use_edit_page_button": True,
    "launch_buttons": {
        "colab_url": "https://colab.research.google.com",
        "binderhub_url": "https://mybinder.org",
        "notebook_interface": "jupyterlab",
    },
}


# A page's file says which number its title gets, wherever it is shown: sidebar, page, browser, links without text.
NUMBERS = {r"book/\d-[^/]+/(\d\d)-[^/]+": "{}", r"book/(\d)-[^/]+/index": "Part {}:"}


def number_of(docname: str) -> str | None:
    """What stands before the title of a page: "3" for a chapter, "Part 1:" for a part, None for other pages."""
    found = ((re.fullmatch(pattern, docname), words) for pattern, words in NUMBERS.items())
    return next((words.format(int(match[1])) for match, words in found if match), None)


class NumberedTitles(SphinxTransform):
    """Chapters are numbered by their file names, never by their position: chapter 8 may be missing for a while."""

    default_priority = 500  # before Sphinx collects titles

    def apply(self) -> None:
        title, number = next(self.document.findall(nodes.title), None), number_of(self.env.docname)
        if title is not None and number is not None:
            title.insert(0, [nodes.inline("", number, classes=["course-number"]), nodes.Text(" ")])


def part_docstrings(app: Sphinx, what, name, item, options, lines: list[str]) -> None:
    """Set the house's docstrings as reStructuredText: each `argument: ...` an item of a list; results, errors and
    source, which have lines of their own, paragraphs."""
    parted, indent = [], ""
    for line in lines:
        argument = re.fullmatch(r"([a-z]\w*(?:, [a-z]\w*)*): (.+)", line)
        if argument:
            parted += ["", f"* ``{argument[1]}``: {argument[2]}"]
            indent = "  "
        elif not line.strip() or re.match(r"(Returns|Raises|Source:)", line):
            parted += ["", line]
            indent = ""
        else:
            parted.append(indent + line)
    lines[:] = parted


def merge_theme_options(app: Sphinx, config) -> None:
    """Add to the theme options; `html_theme_options` in _config.yml would replace what Jupyter Book computes."""
    options = config.html_theme_options
    if options.get("repository_url"):
        options.update(REPOSITORY_OPTIONS)
    else:
        for name in ("repository_url", "repository_branch", "launch_buttons"):
            options.pop(name, None)
    options.update(THEME_OPTIONS)


def drop_thebe(app: Sphinx, config) -> None:
    """Switch sphinx-thebe off: Jupyter Book always loads it, and its script is foreign and declared twice."""
    for listeners in app.events.listeners.values():
        listeners[:] = [one for one in listeners if not one.handler.__module__.startswith("sphinx_thebe")]
    app.registry.css_files[:] = [one for one in app.registry.css_files if one[0] != "sphinx-thebe.css"]


def drop_duplicate_scripts(app: Sphinx, pagename, templatename, context, doctree) -> None:
    """Keep the first of equal script tags."""
    seen, kept = set(), []
    for script in context.get("script_files", []):
        key = (str(getattr(script, "filename", script)), getattr(script, "attributes", {}).get("body"))
        if key not in seen:
            seen.add(key)
            kept.append(script)
    context["script_files"] = kept


def name_chevrons(app: Sphinx, pagename, templatename, context, doctree) -> None:
    """Say what a chevron of the sidebar unfolds: the theme gives it no words."""
    generate = context["generate_toctree_html"]

    def named(kind, **options):
        soup = generate(kind, **options)
        for summary in soup("summary") if kind == "sidebar" else []:
            summary["aria-label"] = f"Pages of {summary.find_previous('a').get_text()}"
        return soup

    context["generate_toctree_html"] = named


def is_exercise(docname: str) -> bool:
    return docname.startswith("exercises/")


def add_download_box(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put a link to the notebook itself below the title of an exercise page."""
    if not is_exercise(docname) or app.builder.format != "html":
        return
    section = next(doctree.findall(nodes.section), None)
    if section is None:
        return
    name = posixpath.basename(docname) + ".ipynb"
    target = relative_uri(app.builder.get_target_uri(docname), f"_sources/{docname}.ipynb")
    link = nodes.reference("", name, refuri=target, internal=True, classes=["course-download-link"])
    text = nodes.paragraph("", "", nodes.strong("", "Exercise notebook: "), link)
    text += nodes.Text(". Download it, or open ")
    text += nodes.literal("", f"{docname}.ipynb")
    text += nodes.Text(" in your copy of the course. Cells are answered in JupyterLab; this page only shows them.")
    section.insert(1, nodes.container("", text, classes=["course-download"]))


def edit_the_source(app: Sphinx, pagename, templatename, context, doctree) -> None:
    """Exercise pages are generated: their edit button leads to what they are generated from."""
    if is_exercise(pagename):
        for group in context["header_buttons"]:
            for button in group.get("buttons", []):
                if button.get("label") == "source-edit-button":
                    button["url"] = button["url"].replace("/exercises/", "/solutions/", 1)


def write_start_page(app: Sphinx, exception) -> None:
    """Give the redirect at the root a language, a title, an icon and a link."""
    if exception is None and app.builder.format == "html":
        target, icon = app.builder.get_target_uri(app.config.root_doc), Path(app.config.html_favicon).name
        Path(app.outdir, "index.html").write_text(
            f"""<!DOCTYPE html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<title>{app.config.html_title}</title>
<meta http-equiv="refresh" content="0; url={target}">
<link rel="icon" href="_static/{icon}">
</head>
<body><main><h1>{app.config.html_title}</h1><p><a href="{target}">To the book</a></p></main></body>
</html>
""",
            encoding="utf-8",
        )


class PicturesIntoFigures(SphinxPostTransform):
    """A figure to drag holds the picture of the same output, for readers without JavaScript; a sound its waveform."""

    default_priority = 3  # before myst-nb chooses one form of each output
    builders = ("html",)

    def run(self) -> None:
        for bundle in self.document.findall(nodes.container):
            forms = {form.get("mime_type"): form for form in bundle.children if isinstance(form, nodes.container)}
            for mime in {MIME, SOUND} & {*forms}:
                if "image/png" not in forms:
                    continue
                forms[mime].insert(1, forms["image/png"].children)
                for image in forms[mime].findall(nodes.image):
                    image["loading"] = "lazy"  # it is hidden where scripts run, or far down the page
            if SOUND in forms:
                for written in forms[SOUND].findall(nodes.raw):
                    text = re.sub(r"data:audio/wav;base64,([\w+/=]+)", self.file, written.astext())
                    written.children[:] = [nodes.Text(text)]

    def file(self, found: re.Match) -> str:
        """The address, from this page, of a file with the sound: a page loads no sound that nobody plays."""
        content = base64.b64decode(found[1])
        name = f"_sounds/{hashlib.sha256(content).hexdigest()[:16]}.wav"
        path = Path(self.app.outdir, name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return relative_uri(self.app.builder.get_target_uri(self.env.docname), name)


def shrink_pictures(app: Sphinx, exception) -> None:
    """Store plots with a palette of 256 colours: they look the same in a third of the bytes."""
    if exception is not None or app.builder.format != "html":
        return
    for path in Path(app.outdir, "_images").glob("*.png"):
        with Image.open(path) as picture:
            if picture.mode != "P":
                small = picture.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
                small.save(path, optimize=True)


def visit_citation(self, node) -> None:
    """Write bibliography entries as a list with list items (docutils writes a list without items)."""
    if not isinstance(node.previous_sibling(), nodes.citation):
        self.body.append('<div role="list" class="citation-list">\n')
    self.body.append(self.starttag(node, "div", CLASS="citation", role="listitem"))


def depart_citation(self, node) -> None:
    self.body.append("</div>\n")
    if not isinstance(node.next_node(descend=False, siblings=True), nodes.citation):
        self.body.append("</div>\n")


def setup(app: Sphinx) -> dict:
    app.connect("config-inited", merge_theme_options)
    app.connect("config-inited", drop_thebe)
    app.connect("autodoc-process-docstring", part_docstrings)
    app.connect("doctree-resolved", add_download_box)
    app.connect("html-page-context", edit_the_source, priority=900)
    app.connect("html-page-context", name_chevrons, priority=900)
    app.connect("html-page-context", drop_duplicate_scripts, priority=900)
    app.connect("build-finished", write_start_page, priority=900)
    app.connect("build-finished", shrink_pictures, priority=900)
    app.add_transform(NumberedTitles)
    app.add_post_transform(PicturesIntoFigures)
    app.add_node(nodes.citation, override=True, html=(visit_citation, depart_citation))
    app.config.templates_path.insert(0, str(Path(__file__).parent / "templates"))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
