"""The book's frame when the course is complete: forty chapters, of which a sidebar shows one part on one screen."""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml
from browser import SCREEN, Visit, needs_chromium, serious, served, sidebar_height

from conftest import ROOT

PARTS = {  # names as long as those of real chapters; 16 chapters in one part
    "1-numpy": "From scratch in NumPy: what order buys, the recurrent cell, backpropagation through time, training a "
    "character model, vanishing and exploding gradients, the LSTM, the GRU and other gated cells, synthetic tasks, "
    "fast NumPy",
    "2-pytorch": "Engineering in PyTorch: from NumPy to PyTorch, batches of variable length, deep and bidirectional "
    "networks, training well, training on a GPU",
    "3-transduction": "Transduction: language models, decoding, attention, connectionist temporal classification",
    "4-applications": "Applications: sentiment, named entities, translation, summarisation, the call centre, query "
    "completion, forecasting, stock prices, speech recognition, speech synthesis, music, image captioning, video, face "
    "detection, image completion, DNA",
    "5-modern": "Recurrence today: linear recurrences, gates without state, recurrence and attention, looking inside, "
    "deployment, the next forty",
}


@pytest.fixture(scope="module")
def forty(tmp_path_factory):
    """A book of empty pages in the repository's frame; its folder, and the chapters of each part."""
    book, contents, chapters, number = tmp_path_factory.mktemp("forty"), [], {}, 0
    for folder in ("_ext", "_static", "vendor"):
        shutil.copytree(ROOT / folder, book / folder)
    (book / "book").mkdir()
    for file in ("_config.yml", "book/references.bib"):
        shutil.copy(ROOT / file, book / file)

    def page(entry, title):
        path = book / f"{entry}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {title}\n\nNothing.\n", encoding="utf-8")
        return {"file": entry}

    for part, line in PARTS.items():
        name, subjects = line.split(": ")
        below = []
        for subject in subjects.split(", "):
            number += 1
            unit = f"{number:02}-{subject.replace(' ', '-').lower()}"
            exercises = page(f"exercises/{unit}/{unit}", f"Exercises {number}: {subject}")
            below.append(page(f"book/{part}/{unit}", subject[0].upper() + subject[1:]) | {"sections": [exercises]})
        chapters[part] = [entry["file"] for entry in below]
        contents.append(page(f"book/{part}/index", name) | {"sections": below})
    start = [page("book/0-start/first-look", "A first look"), page("book/notation", "Notation")]
    appendix = [page(f"book/{title.split()[-1].lower()}", title) for title in ("The helper package", "References")]
    appendix.append(page("book/instructors", "Grading a class"))
    page("book/index", "Recurrent neural networks")
    parts = {"Before you start": start, "Chapters": contents, "Appendix": appendix}
    parts = [{"caption": caption, "chapters": entries} for caption, entries in parts.items()]
    toc = {"format": "jb-book", "root": "book/index", "options": {"titlesonly": True}, "parts": parts}
    (book / "_toc.yml").write_text(yaml.safe_dump(toc, sort_keys=False), encoding="utf-8")
    command = [sys.executable, Path(sysconfig.get_path("scripts")) / "jupyter-book", "build", book, "-W", "--quiet"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    assert number == 40
    return book / "_build/html", chapters


@pytest.mark.slow
@needs_chromium
def test_a_sidebar_of_forty_chapters_is_one_screen(browser, forty):
    folder, chapters = forty
    with served(folder) as site:
        for entries in chapters.values():
            unit = entries[-1].split("/")[-1]
            with Visit(browser, f"{site}/exercises/{unit}/{unit}.html") as visit:  # three levels are unfolded
                assert visit.complaints == []
                shown = [link.inner_text() for link in visit.page.query_selector_all("nav.bd-links a") if visible(link)]
                numbers = [int(text.split()[0]) for text in shown if text[0].isdigit()]
                assert numbers == [int(entry.split("/")[-1][:2]) for entry in entries]
                assert sum(text.startswith("Exercises") for text in shown) == 1
                assert sum(text.startswith("Part") for text in shown) == len(PARTS)
                assert sidebar_height(visit) <= SCREEN
                if entries is chapters["4-applications"]:  # axe-core takes its time
                    assert serious(visit) == []


def visible(link):
    return link.evaluate("link => link.checkVisibility()")
