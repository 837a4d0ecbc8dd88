"""The built book in a real browser: all pages but the chapters (test_browser_chapters.py); search, sidebar, buttons."""

import pytest
from browser import Visit, look_at, needs_chromium
from test_book import CHAPTERS, TOC

pytestmark = [pytest.mark.slow, needs_chromium]


@pytest.mark.parametrize("entry", [entry for entry in TOC if entry not in CHAPTERS])
def test_a_page_is_light_for_everyone_and_asks_nobody_else(browser, site, built, entry):
    look_at(browser, site, built, entry)


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
    with Visit(browser, f"{site}/{CHAPTERS[0]}.html", permissions=["clipboard-read", "clipboard-write"]) as visit:
        cell = visit.page.locator("div.cell_input:visible").first
        cell.hover()
        cell.locator("button.copybtn").click()
        copied = visit.page.evaluate("navigator.clipboard.readText()")
        assert copied.strip() == cell.locator("pre").inner_text().strip()
