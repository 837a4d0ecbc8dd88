"""Chapter 12: layers and regularisers by hand are PyTorch's where it has them; the record is that of its script."""

import json
import runpy

import pytest
import torch
from torch import nn

from conftest import ROOT
from rnncourse.bench.record import definitions

CHAPTER = ROOT / "book" / "2-pytorch" / "12-deep-and-bidirectional.ipynb"


@pytest.fixture(scope="module")
def page():
    return definitions(CHAPTER, "setup", "future-task")


def lstm(seed, size=4):
    torch.manual_seed(seed)
    return nn.LSTM(size, size).double(), torch.randn(7, 3, size).double()


@pytest.mark.parametrize("seed", range(3))
def test_a_stack_of_layers_is_a_deep_layer(page, seed):
    torch.manual_seed(seed)
    deep, x = nn.GRU(5, 5, num_layers=3, bidirectional=False).double(), torch.randn(6, 2, 5).double()
    layers = [nn.GRU(5, 5).double() for _ in range(3)]
    for k, layer in enumerate(layers):
        layer.load_state_dict({n.replace(f"_l{k}", "_l0"): w for n, w in deep.state_dict().items() if f"_l{k}" in n})
    torch.testing.assert_close(page["stack"](layers, x), deep(x)[0], rtol=0, atol=1e-12)
    first, _ = layers[0](x)
    second, _ = layers[1](x + first)
    torch.testing.assert_close(page["stack"](layers[:2], x, residual=True), x + first + second)


@pytest.mark.parametrize("seed", range(3))
def test_zoneout_and_weight_drop_without_noise_are_the_layer(page, seed):
    layer, x = lstm(seed)
    state = tuple(torch.randn(2, 1, 3, 4).double())
    y, (h_n, c_n) = layer(x, state)
    for run, training in ((page["zoneout"], True), (page["zoneout"], False), (page["weight_drop"], True)):
        by_hand, (h, c) = run(layer, x, state, 0.0, training)
        for a, b in ((by_hand, y), (h, h_n), (c, c_n)):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_weight_drop_reaches_the_gradient_and_leaves_the_weights(page):
    layer, x = lstm(0)
    before = layer.weight_hh_l0.detach().clone()
    y, _ = page["weight_drop"](layer, x, None, 0.5, training=True)
    assert not torch.equal(y, layer(x)[0]) and torch.equal(layer.weight_hh_l0, before)
    y.sum().backward()
    share = (layer.weight_hh_l0.grad == 0).double().mean()
    assert 0.25 < share < 0.75
    assert torch.equal(page["weight_drop"](layer, x, None, 0.5, training=False)[0], layer(x)[0])


def test_locked_dropout_keeps_its_mask_and_the_mean(page):
    torch.manual_seed(0)
    x = torch.ones(9, 400, 50)
    y = page["locked"](x, 0.3, training=True)
    assert torch.equal(y, y[:1].expand_as(y)) and set(y.unique().tolist()) == {0.0, (x[0, 0, 0] / 0.7).item()}
    assert abs(y.mean() - 1) < 0.02
    assert page["locked"](x, 0.3, training=False) is x


def test_zone_is_its_mean_when_used(page):
    torch.manual_seed(0)
    old, new = torch.randn(2, 300, 300)
    drawn = torch.stack([page["zone"](old, new, 0.2, True) for _ in range(200)]).mean(0)
    torch.testing.assert_close(drawn, page["zone"](old, new, 0.2, False), rtol=0, atol=0.6)
    assert ((drawn - page["zone"](old, new, 0.2, False)).abs().mean()) < 0.05


@pytest.mark.parametrize(("layers", "both"), [(1, False), (2, True), (3, True)])
def test_initialisation_reaches_every_layer_and_direction(page, layers, both):
    lstm = nn.LSTM(3, 8, num_layers=layers, bidirectional=both)
    page["initialise"](lstm)
    named, wanted = dict(lstm.named_parameters()), torch.cat([torch.zeros(8), torch.ones(8), torch.zeros(16)])
    for name, p in named.items():
        if name.startswith("bias_ih"):
            assert torch.equal(p + named[name.replace("_ih", "_hh")], wanted)
        if name.startswith("weight_hh"):
            for gate in p.split(8):
                torch.testing.assert_close(gate @ gate.T, torch.eye(8), rtol=0, atol=1e-5)


@pytest.mark.parametrize("delay", [0, 2, 5])
def test_labels_are_of_the_future_and_come_late(page, delay):
    K, T = page["K"], 12
    x, y = page["future_bits"](T, 30, torch.Generator().manual_seed(1), delay)
    for t in range(T):
        s = t - delay  # the step that is answered at t
        if 0 <= s and s + K < T:
            assert torch.equal(y[t], x[s] ^ x[s + K])
        else:
            assert (y[t] == -100).all()


def test_the_probe_tells_who_sees_the_future(page):
    torch.manual_seed(0)
    bits = torch.randint(2, (6, 2))
    for options, sees in (({"layers": 3, "residual": True}, False), ({"both": True}, True), ({}, False)):
        table = page["moved"](page["Tagger"](**options), bits, 1 - bits)
        assert table.triu().sum() == 21 and bool(table.tril(-1).any()) is sees


def test_tied_weights_are_one_array_and_every_option_trains(page):
    ids = {part: torch.arange(700).remainder(11).numpy() for part in ("train", "valid")}
    script = runpy.run_path(str(CHAPTER.with_suffix(".py")))
    for options, penalties in script["ROWS"].values():
        torch.manual_seed(0)
        model = page["WordModel"](11, H=8, **options)
        assert (model.readout.weight is model.embed.weight) is bool(options.get("tied"))
        first = page["nats"](model, ids["valid"])
        history = page["train"](model, ids, epochs=3, **penalties)
        assert history[-1] < first
        x = torch.arange(20).reshape(10, 2) % 11
        assert torch.equal(model(x)[0], model(x)[0])  # no noise when used


def test_the_record_is_that_of_the_script():
    script = runpy.run_path(str(CHAPTER.with_suffix(".py")))
    record = json.loads(CHAPTER.with_suffix(".json").read_text(encoding="utf-8"))
    words, seeds = record["results"]["words"], len(script["SEEDS"])
    assert record["command"] == "rnncourse record 12" and record["cpu_seconds"] <= 1800
    assert list(words) == list(script["ROWS"]) and seeds >= 5
    for row in words.values():
        assert all(len(row[part]) == seeds for part in ("train", "valid", "test"))
        assert all(len(history) == 20 for history in row["valid"])
    depths = [(row["layers"], row["residual"]) for row in record["results"]["depth"]]
    assert depths == script["DEPTHS"]
    assert all(len(row["right"]) == seeds for row in record["results"]["depth"])
    cheat = record["results"]["cheat"]
    assert list(cheat) == ["causal", "bidirectional"] and all(len(values) == seeds for values in cheat.values())
