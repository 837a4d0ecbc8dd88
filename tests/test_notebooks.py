"""Stored notebooks ran in order and are normalised; the normaliser and the gate that compares outputs work."""

import os
import re
import subprocess
import sys

import nbformat
import pytest
from nbformat import v4

from conftest import ROOT, UNITS
from rnncourse.authoring import notebooks

STORED = sorted([*ROOT.glob("book/*/*.ipynb"), *ROOT.glob("solutions/*/*.ipynb")])


def test_there_are_notebooks():
    assert len(STORED) >= 2 * len(UNITS) > 0


@pytest.mark.parametrize("path", STORED, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_stored_notebooks_ran_in_order_and_are_normalised(path):
    assert notebooks.faults(path) == []


@pytest.mark.parametrize("path", STORED, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_stored_notebooks_hold_nothing_of_one_machine(path):
    text = path.read_text(encoding="utf-8")
    traces = r'/(home|root|tmp|Users)/|site-packages| at 0x|"output_type": "error"'
    assert not (found := re.search(traces, text)), found


@pytest.mark.parametrize("path", [p for p in STORED if "book" in p.parts], ids=lambda p: p.stem)
def test_figures_have_alt_text(path):
    for cell in notebooks.code_cells(notebooks.read(path)):
        if any("image/png" in o.get("data", {}) for o in cell.outputs):
            assert len(cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")) > 20, cell.id


def messy():
    cells = [
        v4.new_markdown_cell("# A title"),
        v4.new_code_cell("import sys\nprint('one')\nsys.stderr.write('noise')\nprint('two')\n"),
        v4.new_code_cell("1 + 1"),
        v4.new_code_cell(""),
    ]
    cells[2].id = "kept"
    notebook = v4.new_notebook(
        cells=cells, metadata={"widgets": {"state": {}}, "kernelspec": {"name": "python3", "display_name": "x"}}
    )
    notebooks.execute(notebook, ROOT)
    return notebook


def test_normalising_removes_noise_and_nothing_else():
    notebook = messy()
    notebook.cells[1].execution_count = 17
    notebooks.normalise(notebook)
    once = notebooks.text(notebook)
    notebooks.normalise(notebook)
    assert notebooks.text(notebook) == once, "a second time changes nothing"
    assert [c.id for c in notebook.cells] == ["a-title", "import-sys-print-one", "kept", "cell"]
    assert [c.get("execution_count") for c in notebook.cells] == [None, 1, 2, None]
    assert [o.get("text") for o in notebook.cells[1].outputs] == ["one\ntwo\n"]
    assert notebook.cells[2].outputs[0].data["text/plain"] == "2"
    assert "timestamp" not in once and "noise\\n" not in once and "widgets" not in once


def test_a_failing_cell_leaves_the_file_alone(tmp_path):
    path = tmp_path / "fails.ipynb"
    nbformat.write(v4.new_notebook(cells=[v4.new_code_cell("1 / 0", id="divides")]), path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"cell divides failed:(.|\n)*ZeroDivisionError"):
        notebooks.refresh(path)
    assert path.read_bytes() == before


def test_a_broken_file_is_named(tmp_path):
    path = tmp_path / "broken.ipynb"
    path.write_text("{")
    with pytest.raises(ValueError, match="broken.ipynb is not a notebook"):
        notebooks.read(path)


def nbval(path):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval",
        "--nbval-current-env",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        "conftest.ini",
        str(path),
    ]
    (path.parent / "conftest.ini").write_text("[pytest]\n")
    (path.parent / "conftest.py").write_text((ROOT / "conftest.py").read_text())
    return subprocess.run(
        command, cwd=path.parent, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )


@pytest.mark.slow
@pytest.mark.skipif(not UNITS, reason="no unit yet")
def test_a_changed_output_fails_the_gate(tmp_path):
    name = UNITS[-1]
    path = tmp_path / f"{name}.ipynb"
    notebook = notebooks.read(ROOT / "solutions" / name / f"{name}.ipynb")
    notebooks.write(notebook, path)
    good = nbval(path)
    assert good.returncode == 0, good.stdout[-2000:]
    output = next(o for c in notebook.cells for o in c.get("outputs", []) if "✓" in o.get("text", ""))
    output.text = output.text.replace("✓", "✗")
    notebooks.write(notebook, path)
    bad = nbval(path)
    assert bad.returncode == 1 and "1 failed" in bad.stdout, bad.stdout[-2000:]
