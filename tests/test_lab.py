"""JupyterLab as a student uses it: run all, read the named mistake, mend it, press Validate."""

import json
import os
import re
import subprocess
import sys
import time

import nbformat
import pytest
from browser import chromium, needs_chromium

pytestmark = [pytest.mark.slow, needs_chromium]

UNIT, FUNCTION = "02-recurrent-cell", "leaky_step"
HINT = "b makes no difference to the answer"


@pytest.fixture
def homework(root, tmp_path):
    """A folder with the exercise notebook, all answered rightly but FUNCTION, which forgets b; FUNCTION's answer."""
    exercise = nbformat.read(root / f"exercises/{UNIT}/{UNIT}.ipynb", 4)
    solved = nbformat.read(root / f"solutions/{UNIT}/{UNIT}.ipynb", 4)
    right = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell.source for cell in solved.cells}
    answers = 0
    for cell in exercise.cells:
        task = cell.metadata.get("nbgrader", {})
        if task.get("solution"):
            cell.source = re.sub(r"\s*### (BEGIN|END) SOLUTION", "", right[task["grade_id"]])
            answers += 1
            if task["grade_id"] == FUNCTION:
                answer = cell.source
                cell.source = cell.source.replace(" + b", "")
    assert answers >= 4 and " + b" in answer
    folder = tmp_path / "work" / UNIT
    folder.mkdir(parents=True)
    nbformat.write(exercise, folder / f"{UNIT}.ipynb")
    return folder, answer


@pytest.fixture
def lab(homework, tmp_path):
    """The address of a JupyterLab that serves the homework, with no settings but its own."""
    folder, _ = homework
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        "--port=0",
        "--IdentityProvider.token=",
    ]
    own = {f"JUPYTER_{name}_DIR": str(tmp_path / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    settings = {
        "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
        "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},  # all cells are on the page at once
    }
    overrides = tmp_path / "settings"
    overrides.mkdir()
    (overrides / "overrides.json").write_text(json.dumps(settings))
    with open(tmp_path / "lab.log", "w") as log:
        server = subprocess.Popen(
            [*command, f"--ServerApp.root_dir={folder.parent}", f"--LabApp.app_settings_dir={overrides}"],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | own | {"OMP_NUM_THREADS": "1"},
        )
    try:
        until = time.monotonic() + 120
        while not (found := re.search(r"http://\S+:\d+/lab", (tmp_path / "lab.log").read_text())):
            assert server.poll() is None and time.monotonic() < until, (tmp_path / "lab.log").read_text()[-3000:]
            time.sleep(0.2)
        yield found[0]
    finally:
        server.terminate()
        server.wait(30)


def test_a_student_is_told_the_mistake_mends_it_and_validates(homework, lab):
    _, answer = homework
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(120_000)
        page.goto(f"{lab}/tree/{UNIT}/{UNIT}.ipynb")
        page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        page.get_by_text("| Idle").wait_for()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.get_by_text(HINT).first.wait_for()

        cell = page.locator(".jp-CodeCell", has_text=f"def {FUNCTION}(").first
        editor = cell.locator(".cm-content")
        editor.click()
        page.keyboard.press("Control+a")
        page.keyboard.insert_text(answer)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.get_by_text(HINT).first.wait_for(state="detached")

        page.get_by_role("button", name="Validate").click()
        page.get_by_text("Success! Your notebook passes all the tests.").wait_for()
