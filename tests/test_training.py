"""What chapters train with: the device, the loop, what it refuses."""

import math
import sys
import types

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LinearLR, ReduceLROnPlateau, SequentialLR

from rnncourse import data, training
from rnncourse.training import Options, Shuffled, Streams, evaluate, train

V = 7
IDS = np.random.default_rng(0).integers(V, size=700)


class Reader(nn.Module):
    """A small model of characters with dropout, so that random numbers decide."""

    def __init__(self, H=6, p=0.3):
        super().__init__()
        self.embed, self.rnn, self.drop = nn.Embedding(V, 4), nn.LSTM(4, H), nn.Dropout(p)
        self.readout = nn.Linear(H, V)

    def forward(self, x, state=None):
        h, state = self.rnn(self.embed(x), state)
        return self.readout(self.drop(h)), state


def carried(model, batch, state):
    x, y = batch
    z, state = model(x, state)
    return F.cross_entropy(z.flatten(0, 1), y.flatten()), y.numel(), state


def started(seed=0, lr=1e-2, **kind):
    torch.manual_seed(seed)
    model = Reader(**kind)
    return model, torch.optim.Adam(model.parameters(), lr)


def held_out():
    return data.streams(IDS[:200], T=5, B=2)


def weights(model):
    return torch.cat([w.flatten() for w in model.state_dict().values()])


@pytest.mark.parametrize(("cuda", "mps", "kind"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")])
def test_the_fastest_device_is_taken(monkeypatch, cuda, mps, kind):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert training.device() == torch.device(kind)


def test_a_model_and_its_data_can_go_there():
    place = training.device()
    assert torch.nn.Linear(2, 3).to(place)(torch.ones(4, 2, device=place)).shape == (4, 3)


def test_the_loop_is_the_loop_that_one_would_write():
    model, optimizer = started()
    scheduler = training.warmup_cosine(optimizer, steps=40, warmup=5)
    history = train(model, carried, Streams(IDS, 5, 4), optimizer, Options(40, clip=0.5), scheduler=scheduler)
    by_hand, optimizer = started()
    scheduler = training.warmup_cosine(optimizer, steps=40, warmup=5)
    losses, norms, rates = [], [], []
    while len(losses) < 40:
        state = None
        for x, y in data.streams(IDS, 5, 4):
            z, state = by_hand(torch.from_numpy(x), state)
            loss = F.cross_entropy(z.flatten(0, 1), torch.from_numpy(y).flatten())
            optimizer.zero_grad()
            loss.backward()
            norms.append(nn.utils.clip_grad_norm_(by_hand.parameters(), 0.5).item())
            losses.append(loss.item())
            rates.append(scheduler.get_last_lr()[0])
            optimizer.step()
            scheduler.step()
            state = tuple(s.detach() for s in state)
            if len(losses) == 40:
                break
    assert (history["loss"], history["grad_norm"], history["lr"]) == (losses, norms, rates)
    assert torch.equal(weights(model), weights(by_hand))


def test_validation_changes_nothing_in_training():
    """Nor the generators, nor the modes of single modules, nor the carried state."""

    def noisy(model, batch, state):
        torch.rand(3)  # a loss that draws
        return carried(model, batch, state)

    runs = {}
    for valid in (None, held_out()):
        model, optimizer = started()
        history = train(model, noisy, Streams(IDS, 5, 4), optimizer, Options(30, validate_every=7), valid=valid)
        runs[valid is None] = history["loss"], history["grad_norm"]
    assert runs[True] == runs[False]
    assert history["valid_step"] == [7, 14, 21, 28, 30]
    model.train()
    model.drop.eval()
    first, again = (evaluate(model, noisy, held_out()) for _ in range(2))
    assert first == again and model.training and not model.drop.training


def test_evaluation_is_a_mean_over_tokens_from_a_fresh_state():
    model = Reader()
    batches = [(torch.randint(V, (T, 3)), torch.randint(V, (T, 3))) for T in (2, 9)]

    def fresh(model, batch, state):
        mean, count, _ = carried(model, batch, None)
        return mean, count, None

    model.eval()
    both = [carried(model, batch, None) for batch in batches]
    tokens = sum(count for _, count, _ in both)
    assert evaluate(model, fresh, batches) == pytest.approx(sum(m.item() * n for m, n, _ in both) / tokens)
    with pytest.raises(ValueError, match="nothing to evaluate on"):
        evaluate(model, fresh, [])


def test_early_stopping_keeps_the_best_weights():
    """The training text says nothing about the held-out one, so that validation gets worse from some step on."""
    model, optimizer = started(lr=5e-2)
    options = Options(2000, validate_every=5, patience=4)
    history = train(model, carried, Streams(IDS[200:400], 5, 4), optimizer, options, valid=held_out())
    losses, steps = history["valid_loss"], history["valid_step"]
    assert len(history["loss"]) == steps[-1] < 2000
    assert losses.index(min(losses)) == len(losses) - 5  # four validations without a new best, then the end
    assert evaluate(model, carried, held_out()) == min(losses)


@pytest.mark.parametrize(("warmup", "floor"), [(0, 0.0), (1, 0.0), (6, 0.1)])
def test_the_schedule_is_that_of_torch(warmup, floor):
    steps, lr = 25, 0.3

    def rates(make):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr)
        scheduler, found = make(optimizer), []
        for _ in range(steps):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        return found

    def of_torch(optimizer):
        cosine = CosineAnnealingLR(optimizer, steps - 1 - warmup, eta_min=floor * lr)
        if warmup < 2:  # one step at 1/1 is no warm-up, but shifts the cosine by one
            return cosine if not warmup else SequentialLR(optimizer, [LambdaLR(optimizer, lambda _: 1), cosine], [1])
        rise = LinearLR(optimizer, 1 / warmup, 1.0, warmup - 1)
        return SequentialLR(optimizer, [rise, cosine], [warmup])

    ours = rates(lambda optimizer: training.warmup_cosine(optimizer, steps, warmup, floor))
    np.testing.assert_allclose(ours, rates(of_torch), rtol=0, atol=1e-12)
    assert max(ours) == lr and ours[-1] == pytest.approx(floor * lr)


def test_a_schedule_of_validations():
    model, optimizer = started(lr=5e-2)
    scheduler = ReduceLROnPlateau(optimizer, patience=0)
    train(
        model,
        carried,
        Streams(IDS, 5, 4),
        optimizer,
        Options(90, validate_every=5),
        valid=held_out(),
        scheduler=scheduler,
    )
    assert optimizer.param_groups[0]["lr"] < 5e-2


def test_shuffled_batches_hold_every_example_once_an_epoch():
    batches = Shuffled(range(10), B=4, seed=3)
    epochs = [[k for batch in batches for k in batch] for _ in range(3)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs) and epochs[0] != epochs[1] != epochs[2]
    assert len(batches) == 3


@pytest.mark.parametrize("stop", range(9))
@pytest.mark.parametrize("make", [lambda: Shuffled(range(10), 4, 3), lambda: Streams(np.arange(28), T=3, B=3)])
def test_batches_go_on_where_they_were(make, stop):
    def drawn(batches, n):
        found = []
        while len(found) < n:
            for batch in batches:
                found.append(str(batch))
                if len(found) == n:
                    break
        return found

    whole, batches, later = drawn(make(), 15), make(), make()
    assert drawn(batches, stop) == whole[:stop]
    later.load_state_dict(batches.state_dict())
    assert drawn(later, 15 - stop) == whole[stop:]


def test_padded_batches_and_dicts_train_too():
    """A classifier: examples of different lengths, shuffled, in a dict; no state."""
    examples = [(torch.full((n,), n % 2), n % 2) for n in range(1, 30)]

    def collate(some):
        return {"x": nn.utils.rnn.pad_sequence([x for x, _ in some]), "y": np.array([y for _, y in some])}

    def loss(model, batch, state):
        z = model(batch["x"])[0][0]
        return F.cross_entropy(z, batch["y"]), len(z), None

    model, optimizer = started()
    history = train(model, loss, Shuffled(examples, 8, 0, collate), optimizer, Options(60))
    assert history["loss"][-1] < 0.2 < 1.5 < history["loss"][0]


def test_a_loss_that_is_no_number_stops_the_run_before_it_changes_weights():
    model, optimizer = started()
    before = {}

    def breaks(model, batch, state):
        mean, count, state = carried(model, batch, state)
        before["weights"] = weights(model).clone()
        breaks.calls += 1
        return mean * (math.nan if breaks.calls == 5 else 1), count, state

    breaks.calls = 0
    with pytest.raises(FloatingPointError, match=r"step 4 \(from 0\): the loss is nan .* before this step"):
        train(model, breaks, Streams(IDS, 5, 4), optimizer, Options(9))
    assert torch.equal(weights(model), before["weights"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batches": iter([(torch.zeros(2, 1).long(),) * 2])}, "batches ran out at step 1 of 9"),
        ({"batches": []}, "batches ran out at step 0"),
        ({"optimizer": torch.optim.SGD([torch.zeros(2, requires_grad=True)], 1.0)}, "1 parameters of another model"),
        ({"batches": Shuffled([(torch.zeros(2, 1).long(),) * 2], 1, 0, lambda b: b[0])}, "holds other sequences"),
        ({"loss": lambda model, batch, state: carried(model, batch, state)[0]}, "must return three things"),
        ({"loss": lambda model, batch, state: (torch.zeros(3), 3, None)}, "a tensor of one number"),
        ({"options": Options(9, checkpoint="x.pt"), "batches": [1]}, "list, which cannot say where it is"),
        ({"same": {"model": Reader}}, "a setting is type"),
    ],
)
def test_what_cannot_be_trained_is_said(change, message):
    model, optimizer = started()
    given = {"loss": carried, "batches": Streams(IDS, 5, 4), "optimizer": optimizer, "options": Options(9)} | change
    same = given.pop("same", None)
    with pytest.raises(ValueError, match=message):
        train(model, *given.values(), same=same)


def test_one_object_cannot_be_training_and_validation():
    model, optimizer = started()
    batches = Streams(IDS, 5, 4)
    with pytest.raises(ValueError, match="one object"):
        train(model, carried, batches, optimizer, Options(9), valid=batches)


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"steps": 2.5}, {"clip": 0}, {"patience": -1}, {"validate_every": 0}])
def test_options_are_checked(wrong):
    name = next(iter(wrong))
    with pytest.raises(ValueError, match=f"{name}=.*expected a positive"):
        Options(**({"steps": 5} | wrong))
    with pytest.raises(ValueError, match="warmup=9, steps=9"):
        training.warmup_cosine(started()[1], steps=9, warmup=9)


def test_tensorboard_is_asked_for_or_not_needed(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    model, optimizer = started()
    with pytest.raises(ModuleNotFoundError, match="pip install tensorboard, or leave it out"):
        train(model, carried, Streams(IDS, 5, 4), optimizer, Options(3, tensorboard=tmp_path))

    written = []

    class Writer:
        def __init__(self, folder, purge_step):
            written.append((folder, purge_step))

        def __enter__(self):
            return self

        def __exit__(self, *error):
            written.append("closed")

        def add_scalar(self, *scalar):
            written.append(scalar)

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", types.SimpleNamespace(SummaryWriter=Writer))
    options = Options(2, tensorboard=tmp_path, validate_every=2)
    history = train(model, carried, Streams(IDS, 5, 4), optimizer, options, valid=held_out())
    assert written[0] == (str(tmp_path), 1) and written[-1] == "closed"
    assert ("loss", history["loss"][1], 2) in written and ("valid_loss", history["valid_loss"][0], 2) in written


def test_the_bar_goes_to_stderr(capsys):
    pytest.importorskip("tqdm")
    model, optimizer = started()
    train(model, carried, Streams(IDS, 5, 4), optimizer, Options(6, progress=True, validate_every=3), valid=held_out())
    shown = capsys.readouterr()
    assert "6/6" in shown.err and "validation" in shown.err and not shown.out
    train(model, carried, Streams(IDS, 5, 4), optimizer, Options(2))
    assert not capsys.readouterr().err  # no terminal, no bar
