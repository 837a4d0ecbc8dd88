"""The `rnncourse` command as a user types it."""

import json
import shutil

import nbformat
import pytest
from typer.testing import CliRunner

from conftest import ROOT
from rnncourse.bench import ctc as bench_ctc
from rnncourse.bench import layers as bench
from rnncourse.cli import app


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_help_lists_the_commands():
    output = run("--help").output
    assert all(word in output for word in ("release", "notebooks", "bench"))


def test_bench_layers_prints_and_records(monkeypatch, tmp_path):
    figures = bench.layers(pairs=1, sizes=[(2, 2, 2, 2)])
    monkeypatch.setattr(bench, "layers", lambda pairs: figures)
    result = run("bench", "layers", "--record", tmp_path / "new" / "layers.json")
    assert result.exit_code == 0 and "forward+backward" in result.output
    assert (tmp_path / "new" / "layers.json").is_file()


def test_bench_layers_says_what_is_wrong():
    result = run("bench", "layers", "--pairs", 0)
    assert result.exit_code == 1 and "pairs is 0, expected at least 1" in result.output


def test_bench_ctc_prints_and_records(monkeypatch, tmp_path):
    figures = bench_ctc.losses(pairs=1, sizes=[(4, 2, 3, 2)])
    monkeypatch.setattr(bench_ctc, "losses", lambda pairs: figures)
    result = run("bench", "ctc", "--record", tmp_path / "ctc.json")
    assert result.exit_code == 0 and "loss+gradient" in result.output
    assert (tmp_path / "ctc.json").is_file()


def test_notebooks_check_lists_faults_and_changes_nothing(tmp_path):
    stored = next(ROOT.glob("book/*/*.ipynb"))
    path = tmp_path / "a.ipynb"
    shutil.copy(stored, path)
    assert run("notebooks", "--check", path).exit_code == 0
    path.write_text(path.read_text().replace('"execution_count": 1,', '"execution_count": 9,'))
    before = path.read_bytes()
    result = run("notebooks", "--check", path)
    assert result.exit_code == 1 and "did not run in order" in result.output and path.read_bytes() == before


CELLS = [("setup", "import math\nhalf = 0.5"), ("f", "def f(x):\n    return half * x"), ("run", "raise SystemExit")]


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of one chapter, 13-x, with a record."""
    (tmp_path / "solutions").mkdir()
    (tmp_path / "rnncourse").mkdir()
    page = tmp_path / "book" / "2-part" / "13-x.ipynb"
    page.parent.mkdir(parents=True)
    cells = [nbformat.v4.new_code_cell(source, id=name) for name, source in CELLS]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), page)
    monkeypatch.chdir(tmp_path)
    return page


def test_record_runs_the_functions_of_the_page(course):
    course.with_suffix(".py").write_text(
        "from rnncourse.bench.record import definitions\n"
        "def record():\n    return {'f(4)': definitions(__file__, 'setup')['f'](4)}\n"
    )
    ran = run("record", 13)
    assert ran.exit_code == 0, ran.output
    made = json.loads(course.with_suffix(".json").read_text())
    assert made["results"] == {"f(4)": 2.0} and made["command"] == "rnncourse record 13"
    assert {"device", "versions", "cpu_seconds"} < set(made)


def test_record_says_what_is_wrong_and_writes_nothing(course):
    assert "there are: none" in run("record", 13).output
    for body, said in (("[1]", "returned list, expected a dict"), ("definitions(__file__, 'gone')", "no cell gone")):
        course.with_suffix(".py").write_text(
            f"from rnncourse.bench.record import definitions\ndef record():\n    return {body}\n"
        )
        ran = run("record", "13-x")
        assert ran.exit_code == 1 and said in ran.output and not course.with_suffix(".json").exists()
    assert "there are: 13-x" in run("record", 14).output
