"""The page of conventions: its readers are the equations, its converters are exact, its biases merge as it says."""

import ast

import numpy as np
import pytest
import torch

from conftest import ROOT
from rnncourse import layers
from rnncourse.authoring import notebooks

PAGE = ROOT / "book" / "1-numpy" / "checkpoints-and-conventions.ipynb"


@pytest.fixture(scope="module")
def page():
    """The functions that the page defines, without running the rest of it."""
    namespace = {"np": np, "torch": torch, "layers": layers}
    for cell in notebooks.code_cells(notebooks.read(PAGE)):
        for node in ast.parse(cell.source).body:
            if isinstance(node, ast.FunctionDef):
                exec(ast.unparse(node), namespace)
    return namespace


def drawn(G, seed, T=6, B=3, I=2, H=4):
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=shape) for shape in ((G * H, I), (G * H, H), G * H, G * H)]
    return weights, rng.normal(size=(T, B, I)), rng.uniform(-1, 1, size=(B, H)), rng.normal(size=(B, H))


def close(a, b, atol=1e-10):
    np.testing.assert_allclose(a, b, rtol=0, atol=atol)


@pytest.mark.parametrize("seed", range(3))
def test_lstm_in_every_layout(page, seed):
    (W_x, W_h, b_x, b_h), x, h0, c0 = drawn(4, seed)
    weights = W_x, W_h, b_x, b_h
    last = layers.lstm_forward(x, h0, c0, W_x, W_h, b_x + b_h)[0][-1]
    close(page["by_torch"](torch.nn.LSTM(2, 4, dtype=torch.float64), weights, x, h0, c0), last)
    keras = page["to_keras"](*weights, "ifgo", "ifgo")
    assert [a.shape for a in keras] == [(2, 16), (4, 16), (16,)]
    close(page["keras_lstm"](x.swapaxes(0, 1), h0, c0, *keras), last)
    W_x2, W_h2, b_x2, b_h2 = page["from_keras"](*keras, "ifgo", "ifgo")
    close(layers.lstm_forward(x, h0, c0, W_x2, W_h2, b_x2 + b_h2)[0][-1], last)
    onnx = page["to_onnx"](*weights, "ifgo", "iofg")
    assert [a.shape for a in onnx] == [(1, 16, 2), (1, 16, 4), (1, 32)]
    close(page["onnx_lstm"](x, *onnx, h0, c0), last)
    assert all(map(np.array_equal, page["from_onnx"](*onnx, "iofg", "ifgo"), weights))


@pytest.mark.parametrize("seed", range(50, 53))
def test_gru_in_every_layout(page, seed):
    weights, x, h0, _ = drawn(3, seed)
    last = layers.gru_forward(x, h0, *weights)[0][-1]
    close(page["by_torch"](torch.nn.GRU(2, 4, dtype=torch.float64), weights, x, h0), last)
    keras = page["to_keras"](*weights, "rzn", "zrn")
    assert [a.shape for a in keras] == [(2, 12), (4, 12), (2, 12)]
    close(page["keras_gru"](x.swapaxes(0, 1), h0, *keras), last)
    onnx = page["to_onnx"](*weights, "rzn", "zrn")
    assert [a.shape for a in onnx] == [(1, 12, 2), (1, 12, 4), (1, 24)]
    close(page["onnx_gru"](x, *onnx, h0, linear_before_reset=1), last)
    close(page["takes_the_new"](x, h0, *page["flip_z"](*weights)), last)
    assert all(map(np.array_equal, page["from_keras"](*keras, "zrn", "rzn"), weights))
    assert all(map(np.array_equal, page["from_onnx"](*onnx, "zrn", "rzn"), weights))
    assert all(map(np.array_equal, page["flip_z"](*page["flip_z"](*weights)), weights))


def test_onnx_by_default_resets_before_the_product(page):
    (W_x, W_h, b_x, b_h), x, h, _ = drawn(3, 7, T=1)
    (W_xr, W_xz, W_xn), (W_hr, W_hz, W_hn), (b_r, b_z, b_n) = (np.split(a, 3) for a in (W_x, W_h, b_x + b_h))
    r, z = (1 / (1 + np.exp(-(x[0] @ W.T + h @ U.T + b))) for W, U, b in ((W_xr, W_hr, b_r), (W_xz, W_hz, b_z)))
    n = np.tanh(x[0] @ W_xn.T + (r * h) @ W_hn.T + b_n)
    onnx = page["to_onnx"](W_x, W_h, b_x, b_h, "rzn", "zrn")
    close(page["onnx_gru"](x, *onnx, h), (1 - z) * n + z * h)


@pytest.mark.parametrize("seed", range(40, 44))
def test_which_biases_merge(page, seed):
    (W_x, W_h, b_x, b_h), x, h0, _ = page["draw"](3, seed, scale=1.0)

    def gap(reset, blocks):
        states = (
            page["gru_state"](x, h0, (W_x, W_h, *biases), reset)
            for biases in ((b_x, b_h), page["merge"](b_x, b_h, blocks))
        )
        return np.abs(np.subtract(*states)).max()

    assert gap("after", 2) < 1e-12 and gap("before", 3) < 1e-12 and 0.05 < gap("after", 3) < 0.4


@pytest.mark.parametrize("in_both", [False, True])
def test_the_forget_bias_of_every_layer_and_direction(page, in_both):
    lstm = torch.nn.LSTM(3, 5, num_layers=2, bidirectional=True)
    page["set_forget_bias"](lstm, 1.0, in_both)
    named = dict(lstm.named_parameters())
    for place in ("_l0", "_l0_reverse", "_l1", "_l1_reverse"):
        total = named["bias_ih" + place] + named["bias_hh" + place]
        close(total[5:10].detach().numpy(), 2.0 if in_both else 1.0, 1e-7)


def test_silent_errors_are_errors(page):
    for scale in (1.0, 3.0):
        for wrong in (page["wrong_lstm"](scale), page["wrong_gru"](scale)):
            assert all(gap > 0.05 for name, gap in wrong.items() if name != "LSTM, c0 left out")


def test_counts_are_those_of_torch(page):
    for kind, G in (("RNN", 1), ("GRU", 3), ("LSTM", 4)):
        layer = getattr(torch.nn, kind)(6, 10)
        assert sum(p.numel() for p in layer.parameters()) == page["weights_of"](G, 6, 10, biases=2)
