"""A run that is interrupted, anywhere and in any way, ends as if it had not been."""

import os
import resource
import subprocess
import sys
import textwrap

import pytest
import torch
from test_training import IDS, Reader, carried, held_out, started, weights

from conftest import ROOT
from rnncourse import training
from rnncourse.training import Options, Shuffled, Streams, train

SAME = {"vocabulary": tuple("abcdefghijklmnopqrstuvwxyz0123456789")}


def go(path, steps=24, *, seed=0, every=1, lr=1e-2, same=SAME, H=6, batches=None, loss=carried, clip=1.0):
    """The lines that are run again: everything is made anew."""
    model, optimizer = started(seed, lr, H=H)
    history = train(
        model,
        loss,
        batches or Streams(IDS, 5, 4),
        optimizer,
        Options(steps, clip=clip, validate_every=5, checkpoint=path, checkpoint_every=every),
        valid=held_out(),
        scheduler=training.warmup_cosine(optimizer, 100, 5),
        same=same,
    )
    return model, history


class Stop(Exception):
    pass


def stopping(after):
    def loss(model, batch, state):
        loss.calls += model.training  # validation does not count
        if loss.calls > after:
            raise Stop
        return carried(model, batch, state)

    loss.calls = 0
    return loss


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return go(tmp_path_factory.mktemp("whole") / "run.pt")


@pytest.mark.parametrize("stop", [1, 4, 5, 6, 23])
@pytest.mark.parametrize("every", [1, 4])
def test_a_run_goes_on_bit_for_bit(tmp_path, whole, stop, every):
    """Also from a checkpoint that lies behind, and at the end of an epoch."""
    path = tmp_path / "run.pt"
    while True:
        try:
            model, history = go(path, every=every, loss=stopping(max(stop, every)), seed=0 if not path.exists() else 99)
            break
        except Stop:
            torch.manual_seed(5)  # whatever happened in between
    assert history == whole[1] and torch.equal(weights(model), weights(whole[0]))


def test_shuffled_batches_go_on_bit_for_bit(tmp_path):
    examples = [(IDS[k : k + 4], IDS[k + 1 : k + 5]) for k in range(0, 200, 4)]

    def collate(some):
        return tuple(torch.stack([torch.from_numpy(s[k]) for s in some], 1) for k in (0, 1))

    def fresh(model, batch, state):
        return *carried(model, batch, None)[:2], None

    whole = go(None, batches=Shuffled(examples, 8, 1, collate), loss=fresh)
    for steps in (3, 7, 10, 24):
        model, history = go(tmp_path / "run.pt", steps, batches=Shuffled(examples, 8, 1, collate), loss=fresh)
    assert history["loss"] == whole[1]["loss"] and history["lr"] == whole[1]["lr"]


def test_a_finished_run_is_not_run_again(tmp_path, whole):
    path = tmp_path / "run.pt"
    go(path)
    model, history = go(path, loss=stopping(0))
    assert history == whole[1] and torch.equal(weights(model), weights(whole[0]))


KILLED = """
    import os, random, signal, sys, time
    sys.path.insert(0, "tests")
    import torch
    torch.set_num_threads(1)
    from test_checkpoint import go, weights
    path, draw, kills = sys.argv[1], random.Random(0), 0
    begun = time.monotonic()
    go(path + ".whole", 40)
    takes = time.monotonic() - begun
    while True:
        child = os.fork()
        if not child:
            model, history = go(path, 40)
            torch.save([weights(model), history], path + ".result")
            os._exit(0)
        time.sleep(draw.uniform(0.1, 0.8) * takes)
        os.kill(child, signal.SIGKILL)
        if os.waitpid(child, 0)[1] == 0:
            break
        kills += 1
    print(kills)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_random_moments(tmp_path):
    """SIGKILL, also while a checkpoint is being written: one is written after every step."""
    path = tmp_path / "run.pt"
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) >= 1, "it was never killed: shorten the waits"
    found, history = torch.load(f"{path}.result", weights_only=True)
    model, expected = go(tmp_path / "other.pt", 40, every=40)
    assert history == expected and torch.equal(found, weights(model))


# What is refused


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"H": 7}, r"rnn.weight_ih_l0 is of shape \(24, 4\) in the stored model and of shape \(28, 4\) in this one"),
        ({"same": {"vocabulary": tuple("abcdefghijklmnopqrstuvwxyz0123456798")}}, "difference is entry 34: .'8'. and"),
        ({"same": {}}, "vocabulary was .* and is None"),
        ({"lr": 3e-3}, "the optimiser's lr was 0.01 and is 0.003"),
        ({"clip": None}, "clip was 1.0 and is None"),
        ({"batches": Streams(IDS, 5, 3)}, "of the stored run has 34 batches, this one has 46"),
        ({"batches": Shuffled([(IDS[:3], IDS[1:4])], 1, 0)}, "batches was 'Streams' and is 'Shuffled'"),
    ],
)
def test_another_run_is_refused(tmp_path, change, message):
    path = tmp_path / "run.pt"
    go(path, 3)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=message) as error:
        go(path, 6, **change)
    assert "run.pt is the checkpoint of another run" in str(error.value) and path.read_bytes() == before


def test_a_refused_checkpoint_changes_nothing(tmp_path):
    path = tmp_path / "run.pt"
    go(path, 3)
    model, optimizer = started(H=7)
    before, batches = weights(model), Streams(IDS, 5, 4)
    options = Options(6, validate_every=5, checkpoint=path)
    with pytest.raises(ValueError, match="another run"):
        train(model, carried, batches, optimizer, options, same=SAME)
    assert torch.equal(weights(model), before) and batches.position == 0 and not optimizer.state


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "run.pt"
    go(path, 3)
    intact = path.read_bytes()
    for damaged in (b"", intact[: len(intact) // 2], intact[:-30], b"hello"):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"run.pt \([\d,]+ bytes\) is no checkpoint that can be read"):
            go(path, 6)
        assert path.read_bytes() == damaged  # for whoever wants to look at it
    torch.save(Reader().state_dict(), path)
    with pytest.raises(ValueError, match="no checkpoint of training.train, which holds batches, generators, model"):
        go(path, 6)


def test_a_file_that_would_run_code_is_refused(tmp_path):
    path = tmp_path / "run.pt"
    torch.save({"model": Reader()}, path)  # a whole module: pickle would build it, and run what it likes
    with pytest.raises(ValueError, match="holds more than numbers and texts"):
        training.load(path)


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path):
    path = tmp_path / "run.pt"
    go(path, 3)
    intact, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))  # writing more fails, as on a full disk
        with pytest.raises(OSError, match="could not be written .* the checkpoint before is intact. Make room"):
            go(path, 6)
        with pytest.raises(OSError, match="there is no older one"):
            go(tmp_path / "new.pt", 6)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == intact and [p.name for p in tmp_path.iterdir()] == ["run.pt"]
    assert go(path, 6)[1]["loss"] == go(None, 6)[1]["loss"]


def test_killed_while_writing(tmp_path, monkeypatch):
    """What is left then is a part of a file under the other name."""
    path = tmp_path / "run.pt"
    go(path, 3)
    intact = path.read_bytes()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        go(path, 6)
    monkeypatch.undo()
    assert path.read_bytes() == intact and (tmp_path / "run.pt.partial").exists()
    assert go(path, 6)[1]["loss"] == go(None, 6)[1]["loss"] and not (tmp_path / "run.pt.partial").exists()
