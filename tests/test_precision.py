"""Mixed precision in the training loop: autocast, and with fp16 unscale, clip, step, and a step skipped at an overflow.

The models are GRUs: not every CPU has an LSTM of 16 bits.
"""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from rnncourse import training
from rnncourse.training import Options, Shuffled, train

EXAMPLES = [*torch.randn(40, 6, 3, generator=torch.Generator().manual_seed(0))]


class Forecast(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru, self.readout = nn.GRU(3, 8), nn.Linear(8, 3)

    def forward(self, x):
        return self.readout(self.gru(x)[0])


def squares(model, x, state):
    squares.dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None
    return F.mse_loss(model(x[:-1]).float(), x[1:]), x[1:].numel(), None


def started(lr=0.1):
    torch.manual_seed(0)
    model = Forecast()
    return model, torch.optim.SGD(model.parameters(), lr)


def batches():
    return Shuffled(EXAMPLES, 8, seed=1, collate=lambda some: torch.stack(some, dim=1))


def go(steps=12, loss=squares, lr=0.1, **options):
    model, optimizer = started(lr)
    history = train(model, loss, batches(), optimizer, Options(steps, **options))
    return torch.cat([p.detach().flatten() for p in model.parameters()]), history


@pytest.fixture
def log(monkeypatch):
    """What a step calls, in order."""
    called = []

    def noted(thing, name):
        real = getattr(thing, name)
        monkeypatch.setattr(thing, name, lambda *a, **k: (called.append(name), real(*a, **k))[1])

    for name in ("scale", "unscale_", "step", "update"):
        noted(torch.amp.GradScaler, name)
    noted(torch.nn.utils, "clip_grad_norm_")
    return called


@pytest.mark.parametrize(("precision", "dtype"), [(None, None), ("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_the_loss_is_computed_in_the_precision_asked_for(precision, dtype):
    exact, history = go()
    mixed, found = go(precision=precision)
    assert squares.dtype == dtype
    assert torch.equal(exact, mixed) == (precision is None)
    assert found["loss"] == pytest.approx(history["loss"], rel=0.02) and mixed.dtype == torch.float32


def test_unscale_clip_step(log):
    go(steps=2, precision="fp16", clip=0.01)
    assert log == ["scale", "unscale_", "clip_grad_norm_", "step", "update"] * 2


def test_the_norm_is_that_of_the_gradient_and_not_of_what_was_scaled():
    _, exact = go(steps=3, clip=1e-3)
    _, scaled = go(steps=3, clip=1e-3, precision="fp16")
    assert scaled["grad_norm"] == pytest.approx(exact["grad_norm"], rel=0.02) and min(exact["grad_norm"]) > 1e-2


def overflowing(at):
    """A loss whose gradient, and not itself, is infinite at some steps."""

    def loss(model, x, state):
        mean, count, _ = squares(model, x, state)
        loss.calls += 1
        if loss.calls in at:
            mean.register_hook(lambda g: g * math.inf)
        return mean, count, None

    loss.calls = 0
    return loss


def test_an_overflow_skips_the_step_and_halves_the_scale():
    model, optimizer = started()
    before = [p.detach().clone() for p in model.parameters()]
    scheduler = training.warmup_cosine(optimizer, steps=10, warmup=5)
    rate = optimizer.param_groups[0]["lr"]
    history = train(model, overflowing([1]), batches(), optimizer, Options(1, precision="fp16"), scheduler=scheduler)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert not math.isfinite(history["grad_norm"][0]) and math.isfinite(history["loss"][0])
    assert optimizer.param_groups[0]["lr"] == rate, "the schedule counts steps that were made"


def test_without_a_scale_the_same_gradient_ends_the_run():
    for precision in (None, "bf16"):
        with pytest.raises(FloatingPointError, match="step 2 .* norm of its gradient"):
            go(loss=overflowing([3]), precision=precision)


def test_a_loss_that_always_overflows_ends_the_run():
    """The scale is halved 16 times, down to 1; then there is nothing to go on with."""
    with pytest.raises(FloatingPointError, match="step 16 "):
        go(steps=100, loss=overflowing(range(1, 101)), precision="fp16")


def test_a_run_in_fp16_goes_on_bit_for_bit(tmp_path):
    """With the scale: after an overflow at step 3 it is not what it was."""
    whole, history = go(precision="fp16", loss=overflowing([3]), checkpoint=tmp_path / "whole.pt")
    stopped = tmp_path / "stopped.pt"
    go(steps=5, precision="fp16", loss=overflowing([3]), checkpoint=stopped)
    assert training.load(stopped)["progress"]["scaler"]["scale"] == 2.0**15
    weights, found = go(precision="fp16", checkpoint=stopped)
    assert torch.equal(weights, whole) and found["loss"] == history["loss"]
    assert training.load(stopped)["progress"]["scaler"]["scale"] == 2.0**15


def test_a_checkpoint_does_not_go_on_in_another_precision(tmp_path):
    go(steps=2, checkpoint=tmp_path / "run.pt")
    with pytest.raises(ValueError, match="precision was None and is 'fp16'"):
        go(precision="fp16", checkpoint=tmp_path / "run.pt")


def test_an_unknown_precision_is_named():
    with pytest.raises(ValueError, match=r"precision='half', expected None \(32 bits\), 'bf16' or 'fp16'"):
        Options(1, precision="half")
