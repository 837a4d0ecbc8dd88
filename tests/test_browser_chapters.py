"""The chapters in a real browser, a file of their own so that two workers have work: every page, its figures used."""

import pytest
from browser import Visit, look_at, needs_chromium
from test_book import CHAPTERS

pytestmark = [pytest.mark.slow, needs_chromium]

FIGURES = "rnn-steps, rnn-curves, rnn-sampling, rnn-choose, rnn-grid"


@pytest.mark.parametrize("entry", CHAPTERS)
def test_a_chapter_is_light_for_everyone_and_asks_nobody_else(browser, site, built, entry):
    look_at(browser, site, built, entry)


@pytest.mark.parametrize("entry", CHAPTERS)
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
    with Visit(browser, f"{site}/{CHAPTERS[0]}.html", java_script_enabled=False) as visit:
        picture = visit.page.query_selector(f":is({FIGURES}) img")
        assert picture.is_visible() and picture.get_attribute("alt")
