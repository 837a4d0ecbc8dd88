"""The `rnncourse` command as a user types it."""

import shutil

from typer.testing import CliRunner

from conftest import ROOT
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


def test_notebooks_check_lists_faults_and_changes_nothing(tmp_path):
    stored = next(ROOT.glob("book/*/*.ipynb"))
    path = tmp_path / "a.ipynb"
    shutil.copy(stored, path)
    assert run("notebooks", "--check", path).exit_code == 0
    path.write_text(path.read_text().replace('"execution_count": 1,', '"execution_count": 9,'))
    before = path.read_bytes()
    result = run("notebooks", "--check", path)
    assert result.exit_code == 1 and "did not run in order" in result.output and path.read_bytes() == before
