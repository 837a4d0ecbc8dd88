"""The built book in a real browser: all pages light, dark and narrow; figures, search, sidebar, copy buttons used."""

import gzip
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from browser import Visit, chromium, needs_chromium, served
from test_book import CHAPTERS, TOC

pytestmark = [pytest.mark.slow, needs_chromium]

FIGURES = "rnn-steps, rnn-curves, rnn-sampling"
HEAVIEST = 200_000  # bytes of a page without the theme and MathJax, as a server sends them: text compressed


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def site(built):
    with served(built) as address:
        yield address


def serious(visit) -> list[str]:
    """What axe-core finds on a page that is critical or serious."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(visit.page).response["violations"]
    return [
        f"{one['id']}: {node['html'][:120]}"
        for one in found
        if one["impact"] in ("critical", "serious")
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("entry", TOC)
def test_a_page_asks_nobody_else_is_light_and_for_everyone(browser, site, built, entry):
    with Visit(browser, f"{site}/{entry}.html") as visit:
        asked = list(visit.asked)  # before axe-core looks for style sheets of its own accord
        foreign = [url for url in asked if urlsplit(url).netloc != urlsplit(site).netloc and "data:" not in url]
        assert foreign == [] and visit.complaints == []
        assert serious(visit) == []
        levels = visit.page.evaluate(
            "[...document.querySelectorAll('article :is(h1,h2,h3,h4,h5,h6)')].map(h => +h.tagName[1])"
        )
    assert levels[0] == 1 and all(b <= a + 1 for a, b in zip(levels, levels[1:], strict=False)), levels
    own = {urlsplit(url).path for url in asked if url.startswith(site)}
    own = {path for path in own if not path.startswith(("/_static/", "/mathjax/"))}
    files = [built / path.lstrip("/") for path in own]
    sent = {f.name: len(gzip.compress(f.read_bytes())) if f.suffix == ".html" else f.stat().st_size for f in files}
    assert sum(sent.values()) <= HEAVIEST, sent


@pytest.mark.parametrize("entry", TOC)
def test_a_dark_page_is_for_everyone(browser, site, entry):
    with Visit(browser, f"{site}/{entry}.html", scheme="dark") as visit:
        assert visit.page.get_attribute("html", "data-theme") == "dark"
        assert visit.complaints == [] and serious(visit) == []


@pytest.mark.parametrize("entry", TOC)
def test_a_page_fits_a_phone(browser, site, entry):
    with Visit(browser, f"{site}/{entry}.html", width=390) as visit:
        assert visit.complaints == []
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("entry", [Path(name).with_suffix("").as_posix() for name in CHAPTERS])
def test_figures_move_under_the_keyboard(browser, site, entry):
    with Visit(browser, f"{site}/{entry}.html") as visit:
        figures = visit.page.query_selector_all(FIGURES)
        assert figures, f"{entry} has nothing to drag: see CONTRIBUTING.md"
        for figure in figures:
            assert figure.get_attribute("aria-label")
            assert not figure.query_selector("img").is_visible()
            moved = 0
            for slider in figure.query_selector_all("input[type=range]"):
                states = []
                for key in ("Home", "ArrowRight", "End"):
                    slider.focus()
                    visit.page.keyboard.press(key)
                    states.append(figure.query_selector(".drawing").inner_html())
                    assert slider.get_attribute("aria-valuetext")
                moved += len(set(states)) > 1
            for choice in figure.query_selector_all("select"):
                before = figure.query_selector(".drawing").inner_html()
                choice.focus()
                visit.page.keyboard.press("ArrowDown")
                moved += figure.query_selector(".drawing").inner_html() != before
            assert moved == len(figure.query_selector_all("input[type=range], select")), entry
        assert visit.complaints == []


def test_without_scripts_and_in_print_there_is_a_picture(browser, site):
    entry = Path(CHAPTERS[0]).with_suffix("").as_posix()
    with Visit(browser, f"{site}/{entry}.html", java_script_enabled=False) as visit:
        picture = visit.page.query_selector(f":is({FIGURES}) img")
        assert picture.is_visible() and picture.get_attribute("alt")


def test_search_finds_a_word(browser, site):
    with Visit(browser, f"{site}/search.html?q=peephole") as visit:
        visit.page.wait_for_selector("#search-results li")
        assert any(
            "gru" in link.get_attribute("href") for link in visit.page.query_selector_all("#search-results li a")
        )
        assert visit.complaints == []


def test_the_search_field_opens_by_its_button_and_by_key(browser, site):
    with Visit(browser, f"{site}/book/notation.html") as visit:
        visit.page.keyboard.press("Control+k")
        field = visit.page.wait_for_selector("input[type=search]:visible")
        field.fill("parity")
        field.press("Enter")
        visit.page.wait_for_selector("#search-results li")


@pytest.mark.parametrize("width", [1280, 390])
def test_the_sidebar_toggles(browser, site, width):
    with Visit(browser, f"{site}/book/notation.html", width=width) as visit:
        sidebar = visit.page.locator(".bd-sidebar-primary").first
        toggle = visit.page.locator("button.primary-toggle:visible").first
        before = sidebar.is_visible()
        toggle.click()
        visit.page.wait_for_timeout(600)
        assert sidebar.is_visible() != before


def test_a_copy_button_copies(browser, site):
    entry = Path(CHAPTERS[0]).with_suffix("").as_posix()
    with Visit(browser, f"{site}/{entry}.html", permissions=["clipboard-read", "clipboard-write"]) as visit:
        cell = visit.page.locator("div.cell_input").first
        cell.hover()
        cell.locator("button.copybtn").click()
        copied = visit.page.evaluate("navigator.clipboard.readText()")
        assert copied.strip() == cell.locator("pre").inner_text().strip()
