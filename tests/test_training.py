"""What chapters train with."""

import pytest
import torch

from rnncourse import training


@pytest.mark.parametrize(("cuda", "mps", "kind"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")])
def test_the_fastest_device_is_taken(monkeypatch, cuda, mps, kind):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert training.device() == torch.device(kind)


def test_a_model_and_its_data_can_go_there():
    place = training.device()
    assert torch.nn.Linear(2, 3).to(place)(torch.ones(4, 2, device=place)).shape == (4, 3)
