"""`rnncourse train` and `rnncourse sample`: short runs, stopped and gone on with, in one process and in two."""

import json
import os
import subprocess
import sys

import pytest
import torch
from typer.testing import CliRunner

from conftest import ROOT
from rnncourse import models
from rnncourse.cli import app
from rnncourse.training import checkpoint, loop

TEXT = "the cat sat on the mat, and the dog sat on the cat.\n" * 120
SMALL = ["--hidden", "16", "--embedding", "8", "--T", "8", "--B", "4", "--validate-every", "5"]


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def rnncourse(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def weights(folder):
    stored = checkpoint.load(folder / "run.pt")
    return stored["model"], stored["progress"]["history"]


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("level", ["char", "word"])
def test_a_text_is_learnt_and_sampled(tmp_path, text, level):
    said = rnncourse("train", text, "--folder", tmp_path / "run", "--level", level, "--steps", 30, "--lr", 0.03, *SMALL)
    assert said.exit_code == 0, said.output
    for words in ("Uniform guessing", "modified Kneser-Ney", "validation:", "perplexity", "test:", "A sample"):
        assert words in said.output
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    assert history["loss"][-1] < history["loss"][0] - 0.5 and history["valid_step"] == [5, 10, 15, 20, 25, 30]
    one, again, other = (
        rnncourse("sample", tmp_path / "run", "--prompt", "the cat", "--length", 20, "--seed", k) for k in (1, 1, 2)
    )
    assert one.exit_code == 0 and one.output == again.output != other.output
    units = one.output.split(" ") if level == "word" else one.output.removesuffix("\n")
    assert len(units) == 20


def test_a_stopped_run_goes_on_as_if_it_had_not_been(tmp_path, text, monkeypatch):
    arguments = ("train", text, "--steps", 20, "--dropout", 0.2, *SMALL, "--folder")
    assert rnncourse(*arguments, tmp_path / "whole").exit_code == 0
    note, steps = loop._note, []

    def stopping(now, *values):
        steps.append(now["step"])
        if len(steps) == 14:
            raise KeyboardInterrupt
        note(now, *values)

    monkeypatch.setattr(loop, "_note", stopping)
    stopped = rnncourse(*arguments, tmp_path / "halves")
    assert stopped.exit_code == 130 and "goes on from the last checkpoint" in stopped.output
    monkeypatch.setattr(loop, "_note", note)
    assert rnncourse(*arguments, tmp_path / "halves").exit_code == 0
    (a, before), (b, after) = weights(tmp_path / "whole"), weights(tmp_path / "halves")
    assert same(a, b) and before == after


def test_another_run_in_the_same_folder_is_refused(tmp_path, text):
    arguments = ("train", text, "--folder", tmp_path / "run", "--steps", 5)
    assert rnncourse(*arguments, *SMALL).exit_code == 0
    kept = (tmp_path / "run" / "run.pt").read_bytes()
    other = rnncourse(*arguments, *SMALL, "--seed", 3)
    assert other.exit_code == 1 and "another run" in other.output and "seed was 0 and is 3" in other.output
    text.write_text(TEXT.replace("dog", "cow"), encoding="utf-8")
    changed = rnncourse(*arguments, *SMALL)
    assert changed.exit_code == 1 and "another run" in changed.output
    assert (tmp_path / "run" / "run.pt").read_bytes() == kept


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        (b"\xff\xfe\x00", (), "is not UTF-8"),
        (b" \n", (), "is empty"),
        (b"too short", (), "do not fill one batch"),
        (TEXT.encode(), ("--cell", "elman"), "expected one of rnn, gru, lstm"),
        (TEXT.encode(), ("--level", "byte"), "expected char or word"),
        (TEXT.encode(), ("--tied",), "E=8 and H=16"),
    ],
)
def test_what_cannot_be_trained_is_told(tmp_path, content, options, words):
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    said = rnncourse("train", path, "--folder", tmp_path / "run", "--steps", 2, *SMALL, *options)
    assert said.exit_code == 1 and words in said.output and len(said.output) < 600


def test_what_is_no_run_is_told(tmp_path, text):
    missing = rnncourse("train", tmp_path / "none.txt", "--folder", tmp_path / "run")
    assert missing.exit_code == 1 and "none.txt cannot be read" in missing.output
    nothing = rnncourse("sample", tmp_path)
    assert nothing.exit_code == 1 and "holds no run" in nothing.output
    assert rnncourse("train", text, "--folder", tmp_path / "run", "--steps", 2, *SMALL).exit_code == 0
    empty = rnncourse("sample", tmp_path / "run", "--prompt", "")
    assert empty.exit_code == 1 and "the prompt is empty" in empty.output


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(tmp_path, text):
    """Under torchrun, over gloo: the same losses and weights as one process."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}

    def torchrun(folder, steps):
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        command += ["-m", "rnncourse.cli", "train", str(text), "--folder", str(folder), "--steps", str(steps), *SMALL]
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, cwd=tmp_path)

    done = torchrun(tmp_path / "two", 15)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("Uniform guessing") == 1 and "2 x" in done.stdout
    assert rnncourse("train", text, "--folder", tmp_path / "one", "--steps", 15, *SMALL).exit_code == 0
    (one, a), (two, b) = weights(tmp_path / "one"), weights(tmp_path / "two")
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(torch.tensor(b["valid_loss"]), torch.tensor(a["valid_loss"]), rtol=1e-4, atol=1e-5)
    states = checkpoint.load(tmp_path / "two" / "run.pt")["progress"]["state"]
    assert len(states) == 2 and states[0][0].shape == (1, 2, 16) and not torch.equal(states[0][0], states[1][0])
    alone = rnncourse("train", text, "--folder", tmp_path / "two", "--steps", 15, *SMALL)
    assert alone.exit_code == 1 and "processes was 2 and is 1" in alone.output


def test_sampling_with_no_and_little_temperature():
    torch.manual_seed(0)
    model = models.LanguageModel(5, 4, 6, cell="gru")
    coldest = models.generate(model, [1, 2], 12, temperature=0)
    assert models.generate(model, [1, 2], 12, temperature=1e-300, seed=4) == coldest
    drawn = [models.generate(model, [1, 2], 200, temperature=50.0, seed=k) for k in (0, 1)]
    assert drawn[0] != drawn[1] and set(drawn[0]) == set(range(5)) and model.training
    with pytest.raises(ValueError, match="temperature=-1"):
        models.generate(model, [1], 3, temperature=-1)


@pytest.mark.parametrize("cell", models.CELLS)
@pytest.mark.parametrize("tied", [False, True])
def test_a_language_model_begins_near_uniform_guessing(cell, tied):
    torch.manual_seed(0)
    model = models.LanguageModel(50, 24, 24, layers=2, cell=cell, tied=tied)
    x = torch.randint(50, (30, 8))
    logits, _ = model(x)
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.randint(50, (240,)))
    assert abs(loss.item() - 3.912) < 0.1
    if cell == "lstm":
        for k in range(2):
            total = sum(model.recurrent.get_parameter(f"bias_{part}_l{k}")[24:48] for part in ("ih", "hh"))
            assert torch.equal(total, torch.ones(24))
