"""The book: its contents page, sources and citations, and the pages as built."""

import doctest
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from rnncourse.plot.sound import SECONDS, SOUND

ROOT = Path(__file__).resolve().parent.parent


def entries(pattern: str) -> list[str]:
    """Pages as the table of contents names them: paths without a suffix."""
    return sorted(path.relative_to(ROOT).with_suffix("").as_posix() for path in ROOT.glob(pattern))


CHAPTERS = entries("book/*/*.ipynb")  # a first look and pages for reference too, which have neither number nor unit
UNITS = entries("exercises/*/*.ipynb")
PARTS = entries("book/[1-9]-*/index.md")


def toc_entries(node) -> list[str]:
    """Every `root` and `file` of the table of contents, in order."""
    if isinstance(node, list):
        return [entry for child in node for entry in toc_entries(child)]
    if isinstance(node, dict):
        own = [node[key] for key in ("root", "file") if key in node]
        return own + [
            entry for key, child in node.items() if key not in ("root", "file") for entry in toc_entries(child)
        ]
    return []


CONTENTS = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
TOC = toc_entries(CONTENTS)


def source_of(entry: str) -> Path:
    found = [ROOT / (entry + suffix) for suffix in (".md", ".ipynb") if (ROOT / (entry + suffix)).exists()]
    assert len(found) == 1, f"_toc.yml names {entry}, but the files found for it are {found}"
    return found[0]


def text_of(path: Path) -> str:
    """The markdown and code of a page, outputs left out."""
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells)


# Sources


@pytest.mark.parametrize("entry", TOC)
def test_every_entry_of_the_contents_is_one_file(entry):
    source_of(entry)


def test_the_contents_list_every_notebook_once():
    listed = sorted(entry for entry in TOC if (ROOT / (entry + ".ipynb")).exists())
    assert listed == sorted(CHAPTERS + UNITS)


def nodes(node):
    """Every entry of the table of contents that has pages below it, with these."""
    if isinstance(node, list):
        return {entry: below for child in node for entry, below in nodes(child).items()}
    own = {node["file"]: [child["file"] for child in node["sections"]]} if "sections" in node else {}
    return own | nodes([child for key in ("parts", "chapters", "sections") for child in node.get(key, [])])


def test_a_unit_stands_under_its_chapter_and_a_chapter_under_its_part():
    below = nodes(CONTENTS)
    for part in PARTS:
        chapters = [entry for entry in CHAPTERS if entry.startswith(part.removesuffix("index"))]
        listed = [entry for entry in below.get(part, []) if entry in CHAPTERS]
        assert listed == chapters, f"{part}: its chapters are its `sections` in _toc.yml, by number"
    units = [chapter.split("/")[-1] for chapter in CHAPTERS if number(chapter)]
    assert {f"exercises/{name}/{name}" for name in units} == set(UNITS)
    for chapter in CHAPTERS:
        unit = [f"exercises/{name}/{name}" for name in [chapter.split("/")[-1]] if number(chapter)]
        assert below.get(chapter, []) == unit, f"{chapter}: its exercises are its `sections` in _toc.yml"


@pytest.mark.parametrize("part", PARTS)
def test_the_page_of_a_part_and_the_readme_list_its_chapters(part):
    pages = {part: text_of(source_of(part)), "README.md": (ROOT / "README.md").read_text(encoding="utf-8")}
    assert part.removeprefix("book/") + ".md" in text_of(source_of("book/index")), "book/index.md lists the parts"
    for chapter in CHAPTERS:
        if chapter.startswith(part.removesuffix("index")):
            name = chapter.split("/")[-1]
            for page, text in pages.items():
                for file in (name, f"exercises/{name}/{name}") if number(chapter) else (name,):
                    assert f"{file}.ipynb" in text, f"{page} does not list {file}.ipynb"


@pytest.mark.parametrize("unit", UNITS)
def test_the_title_of_a_unit_has_its_number(unit):
    assert text_of(source_of(unit)).startswith(f"# Exercises {number(unit)}: ")


def number(entry: str) -> int | None:
    """The number of a chapter, unit or part, from its path; None for other pages."""
    place, _, name = entry.rpartition("/")
    found = re.match(r"\d+", place.split("/")[-1] if name == "index" else name)
    return int(found[0]) if found else None


MENTION = r"\b([Cc]hapters?|[Uu]nit|[Pp]art) (\d+)\b(?!,\d{3})((?:(?:, | and | to | or |, and )\d+)*)"
KNOWN = {"chapter": {number(one) for one in CHAPTERS}, "part": {number(one) for one in PARTS}}
KNOWN["unit"] = KNOWN["chapter"]


def mentions(text: str):
    """(kind, number) of everything like "chapter 3", "Chapters 4 and 5", "unit 2"."""
    for kind, first, others in re.findall(MENTION, " ".join(text.split())):
        for digits in [first, *re.findall(r"\d+", others)]:
            yield kind.lower().rstrip("s"), int(digits)


def test_mentions_are_found():
    text = "Chapters 2, 3 and 41, unit\n7; unit 22,102, units 15, Part 1"
    assert [*mentions(text)] == [("chapter", 2), ("chapter", 3), ("chapter", 41), ("unit", 7), ("part", 1)]


@pytest.mark.parametrize("entry", TOC)
def test_no_page_speaks_of_a_chapter_that_does_not_exist(entry):
    missing = {f"{kind} {n}" for kind, n in mentions(text_of(source_of(entry))) if n not in KNOWN[kind]}
    assert not missing, f"{entry} speaks of {sorted(missing)}: say it without the number until it is there"


def test_no_docstring_speaks_of_a_chapter_that_does_not_exist():
    for path in ROOT.glob("rnncourse/**/*.py"):
        missing = {f"{kind} {n}" for kind, n in mentions(path.read_text(encoding="utf-8")) if n not in KNOWN[kind]}
        assert not missing, f"{path} speaks of {sorted(missing)}"


@pytest.mark.parametrize("entry", TOC)
def test_links_that_name_a_number_lead_there(entry):
    for words, target in re.findall(r"\[([^\]]+)\]\(([^)#\s]+\.(?:md|ipynb))[^)]*\)", text_of(source_of(entry))):
        named = {n for _, n in mentions(words)}
        stem = re.sub(r"(/index)?\.(md|ipynb)$", r"\1", target)
        assert not named or named == {number(f"{entry.rpartition('/')[0]}/{stem}")}, f"{entry}: [{words}]({target})"


def test_markdown_pages_are_all_in_the_contents():
    pages = {path.relative_to(ROOT).with_suffix("").as_posix() for path in ROOT.glob("book/**/*.md")}
    assert pages <= set(TOC)


def test_every_cited_key_exists():
    entries = re.findall(r"^@\w+\{([^,\s]+),", (ROOT / "book/references.bib").read_text(encoding="utf-8"), re.M)
    assert len(entries) == len(set(entries)), "a key occurs twice in references.bib"
    for entry in TOC:
        for keys in re.findall(r"\{cite[^}]*\}`([^`]+)`", text_of(source_of(entry))):
            unknown = {key.strip() for key in keys.split(",")} - set(entries)
            assert not unknown, f"{entry} cites {sorted(unknown)}, not in book/references.bib"


def test_one_page_alone_lists_the_sources():
    """A second list makes every source that both contain a duplicate, and the build fails."""
    pages = [entry for entry in TOC if "{bibliography}" in text_of(source_of(entry))]
    assert pages == ["book/references"], "end a chapter with sentences that cite its sources, not with {bibliography}"


@pytest.mark.parametrize("entry", TOC)
def test_no_page_brings_a_foreign_resource(entry):
    path = source_of(entry)
    whole = path.read_text(encoding="utf-8")  # with outputs
    for pattern in (
        r"<script[^>]*\bsrc=",
        r"<link[^>]*\bstylesheet",
        r"<iframe",
        r"!\[[^\]]*\]\(https?:",
        r"```\{mermaid",
    ):
        assert not re.search(pattern, whole, re.I), f"{entry}: matches {pattern}"
    for mime in ("application/vnd.jupyter.widget-view+json", "application/vnd.plotly", "application/vnd.bokeh"):
        assert mime not in whole, f"{entry} has an output of type {mime}, which loads foreign scripts"


@pytest.mark.parametrize("entry", CHAPTERS)
def test_a_page_holds_no_more_sound_than_anyone_listens_to(entry):
    cells = json.loads(source_of(entry).read_text(encoding="utf-8"))["cells"]
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    assert sum(data[SOUND]["seconds"] for data in outputs if SOUND in data) <= SECONDS


def test_the_page_of_the_package_has_every_module_that_chapters_use():
    from test_house import CHAPTERS as ROOMS

    text = (ROOT / "book/package.md").read_text(encoding="utf-8")
    for room in ROOMS:
        there = any((ROOT / "rnncourse" / name).exists() for name in (room, f"{room}.py"))
        assert there == (f".. automodule:: rnncourse.{room}\n" in text), room


def test_the_examples_on_the_notation_page_are_true():
    text = (ROOT / "book/notation.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```pycon\n(.*?)^```", text, re.M | re.S)
    example = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "notation.md", "book/notation.md", 0)
    assert len(example.examples) > 10
    assert doctest.DocTestRunner().run(example).failed == 0


def test_a_symbol_has_one_meaning_in_a_chapter():
    text = (ROOT / "book/notation.md").read_text(encoding="utf-8")
    tables = re.split(r"^#{2,3} ", text, flags=re.M)[1:]
    rows = {table.split("\n")[0]: re.findall(r"^\|([^|]*\$[^|]*)\|", table, re.M) for table in tables}
    symbols = {name: re.findall(r"\$([^$]+)\$", " ".join(cells)) for name, cells in rows.items()}
    core = symbols["Sizes"] + symbols["Symbols of every chapter"]
    assert 12 <= len(rows["Symbols of every chapter"]) <= 15
    chapters = {name: own for name, own in symbols.items() if name.startswith("Chapter ")}
    numbers = [number(name.removeprefix("Chapter ")) for name in chapters]
    assert numbers == sorted(set(numbers) & KNOWN["chapter"]) and numbers
    for name, own in chapters.items():
        twice = {one for one in core + own if (core + own).count(one) > 1}
        assert not twice, f"book/notation.md, {name}: {sorted(twice)} have two meanings"


# The pages as built


class Page(HTMLParser):
    """Collects what a page loads, where it links to, and its ids."""

    def __init__(self, path: Path):
        super().__init__()
        self.path, self.loads, self.links, self.ids = path, [], [], set()
        self.html = path.read_text(encoding="utf-8")
        self.feed(self.html)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids.add(attrs.get("id"))
        loading = ("stylesheet", "icon", "preload", "modulepreload", "preconnect", "dns-prefetch")
        if tag in ("script", "img", "iframe", "source", "video", "audio", "embed") and attrs.get("src"):
            self.loads.append(attrs["src"])
        elif tag == "link" and attrs.get("href") and any(word in attrs.get("rel", "") for word in loading):
            self.loads.append(attrs["href"])
        elif tag == "a" and attrs.get("href"):
            self.links.append(attrs["href"])


def is_foreign(address: str) -> bool:
    return bool(urlsplit(address).netloc)


@pytest.fixture(scope="module")
def pages(built) -> dict[str, Page]:
    return {entry: Page(built / f"{entry}.html") for entry in TOC}


@pytest.mark.slow
def test_chapters_and_parts_are_numbered_by_their_files(pages):
    for entry in TOC:
        if (entry in CHAPTERS and number(entry)) or entry in PARTS:
            words = f"Part {number(entry)}:" if entry in PARTS else str(number(entry))
            html, span = pages[entry].html, f'<span class="course-number">{words}</span> '
            assert f"<h1>{span}" in html and f"<title>{words} " in html, entry
            other = next(page for name, page in pages.items() if name != entry)
            name = "/".join(entry.split("/")[-2:])
            assert re.search(rf'href="[^"]*{name}.html">{span}', other.html), f"{entry} has no number in the sidebar"


@pytest.mark.slow
def test_pages_load_nothing_from_elsewhere(pages):
    for entry, page in pages.items():
        assert not [address for address in page.loads if is_foreign(address)], entry
        assert not re.search(r"thebe|unpkg\.com|cdn\.jsdelivr|cdnjs|googleapis", page.html, re.I), entry


@pytest.mark.slow
def test_everything_a_page_loads_is_there(pages):
    for entry, page in pages.items():
        for address in page.loads:
            if not address.startswith("data:"):
                target = page.path.parent / unquote(urlsplit(address).path)
                assert target.is_file(), f"{entry}: {address} is missing"


@pytest.mark.slow
def test_links_within_the_book_lead_somewhere(pages, built):
    by_path = {page.path.resolve(): page for page in pages.values()}
    for entry, page in pages.items():
        for address in page.links:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path.resolve()
            assert target.is_file(), f"{entry}: {address} leads nowhere"
            if parts.fragment and target in by_path:
                assert unquote(parts.fragment) in by_path[target].ids, f"{entry}: {address}: no such place on that page"


@pytest.mark.slow
def test_equations_are_drawn_by_the_vendored_mathjax(pages, built):
    for entry, page in pages.items():
        if 'class="math' in page.html:
            scripts = [address for address in page.loads if "mathjax" in address]
            assert len(scripts) == 1, f"{entry}: {scripts}"
            path = (page.path.parent / urlsplit(scripts[0]).path).resolve()
            assert path == (built / "mathjax/tex-chtml.js").resolve() and path.is_file()
    assert all(list((built / "mathjax").rglob(pattern)) for pattern in ("*.woff", "LICENSE", "boldsymbol.js"))


@pytest.mark.slow
def test_exercise_pages_offer_the_notebook_itself(pages):
    for unit in UNITS:
        page = pages[unit]
        offered = [address for address in page.links if address.endswith(".ipynb")]
        assert 'class="course-download' in page.html and offered
        for address in offered:
            assert (page.path.parent / unquote(address)).read_bytes() == (ROOT / f"{unit}.ipynb").read_bytes()


@pytest.mark.slow
def test_pages_show_no_button_without_a_repository(pages):
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    if config["repository"]["url"]:
        pytest.skip("a repository is set")
    for entry, page in pages.items():
        assert not re.search(r"mybinder|colab\.research|btn-source-(edit|issues|repository)|/issues/new", page.html), (
            entry
        )


@pytest.mark.slow
def test_pages_have_one_title_and_pictures_with_words(pages):
    for entry, page in pages.items():
        article = page.html.split("<article", 1)[1].split("</article>", 1)[0]
        assert len(re.findall(r"<h1", article)) == 1, entry
        for picture in re.findall(r"<img[^>]*>", article):
            alt = re.search(r'alt="([^"]*)"', picture)
            assert alt and len(alt[1]) > 20 and not alt[1].startswith("_"), f"{entry}: no alt text: {picture[:200]}"


@pytest.mark.slow
def test_the_built_book_is_small(built):
    size = sum(path.stat().st_size for path in built.rglob("*") if path.is_file())
    assert size < 60e6, f"{size / 1e6:.0f} MB"
