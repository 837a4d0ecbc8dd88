"""The table of strengths and limits: each number is printed in the section that it links to."""

import json
import re

import pytest

from conftest import ROOT

PAGE = ROOT / "book" / "2-pytorch" / "strengths-and-limits.md"
QUOTES = re.findall(r"\[([^\]]*)\]\(([^)#\s]+\.ipynb)#([^)\s]+)\)", PAGE.read_text(encoding="utf-8"))
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


def slug(heading):
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def printed(page, anchor):
    """What the cells of a section print, down to the next heading, and None where there is no such section."""
    found, inside = None, False
    for cell in json.loads((PAGE.parent / page).read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            for heading in re.findall(r"^#+ (.+)$", source, re.M):
                inside = slug(heading) == anchor
                found = (found or "") if inside else found
        elif inside:
            found += "\n" + "".join("".join(o.get("text", "")) for o in cell["outputs"])
    return found


def test_there_are_quotes():
    assert len(QUOTES) >= 15 and sum(bool(NUMBER.search(text)) for text, _, _ in QUOTES) >= 14


@pytest.mark.parametrize(("text", "page", "anchor"), QUOTES, ids=[f"{t[:30]}" for t, _, _ in QUOTES])
def test_every_number_is_printed_where_its_link_leads(text, page, anchor):
    section = printed(page, anchor)
    assert section is not None, f"{page} has no section {anchor}"
    numbers = {n.strip(",") for n in NUMBER.findall(section.replace("%", " "))}
    missing = {n.strip(",") for n in NUMBER.findall(text)} - numbers
    assert not missing, f"{missing} not printed in {page}, {anchor}"


def test_index_links_to_the_table():
    assert "2-pytorch/strengths-and-limits.md" in (ROOT / "book" / "index.md").read_text(encoding="utf-8")
