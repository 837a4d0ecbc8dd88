"""Chapter 6: the LSTM agrees with torch; its gradients, its record and its claims hold on other seeds."""

import ast
import json
import runpy
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from conftest import ROOT
from rnncourse import data, gradcheck, layers, optim
from rnncourse.authoring import notebooks
from rnncourse.layers import plain

CHAPTER = ROOT / "book" / "1-numpy" / "06-lstm.ipynb"
FIGURES = sorted((ROOT / "book" / "figures").glob("06-*.svg"))


@pytest.fixture(scope="module")
def page():
    """The functions that the chapter defines, without running the rest of it."""
    import torch

    namespace = {"np": np, "data": data, "layers": layers, "optim": optim, "torch": torch}
    for cell in notebooks.code_cells(notebooks.read(CHAPTER)):
        for node in ast.parse(cell.source).body:
            if isinstance(node, ast.FunctionDef):
                exec(ast.unparse(node), namespace)
    return namespace


def draw(seed, T=6, B=3, I=2, H=4):
    rng = np.random.default_rng(seed)
    shapes = {"x": (T, B, I), "h0": (B, H), "c0": (B, H), "W_x": (4 * H, I), "W_h": (4 * H, H), "b": (4 * H,)}
    arrays = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    return arrays, rng.normal(size=(T, B, H)), rng.normal(size=(B, H))


def torch_lstm(arrays):
    import torch

    H = arrays["h0"].shape[1]
    lstm = torch.nn.LSTM(arrays["x"].shape[2], H, dtype=torch.float64)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    values = (arrays["W_x"], arrays["W_h"], arrays["b"], 0 * arrays["b"])
    lstm.load_state_dict({n: torch.tensor(v) for n, v in zip(names, values, strict=True)})
    return lstm


@pytest.mark.parametrize("sizes", [{}, {"T": 1}, {"B": 1, "T": 9}, {"H": 1, "I": 1}])
def test_forward_and_backward_are_those_of_torch(page, sizes):
    import torch

    arrays, dh, dc_last = draw(1, **sizes)
    h, c, cache = page["lstm_forward"](**arrays)
    lstm = torch_lstm(arrays)
    x, h0, c0 = leaves = [torch.tensor(arrays[k], requires_grad=True) for k in ("x", "h0", "c0")]
    output, (_, c_n) = lstm(x, (h0[None], c0[None]))
    np.testing.assert_allclose(h, output.detach().numpy(), rtol=0, atol=1e-10)
    np.testing.assert_allclose(c[-1], c_n[0].detach().numpy(), rtol=0, atol=1e-10)
    ((torch.tensor(dh) * output).sum() + (torch.tensor(dc_last) * c_n[0]).sum()).backward()
    ours = page["lstm_backward"](dh, dc_last, cache)
    for mine, leaf in zip(ours, [*leaves, *lstm.parameters()], strict=False):
        np.testing.assert_allclose(mine, leaf.grad.numpy(), rtol=0, atol=1e-10)


def test_backward_agrees_with_differences(page):
    arrays, dh, dc_last = draw(2, T=4, B=2)

    def loss(**arrays):
        h, c, _ = page["lstm_forward"](**arrays)
        return (dh * h).sum() + (dc_last * c[-1]).sum()

    ours = page["lstm_backward"](dh, dc_last, page["lstm_forward"](**arrays)[2])
    rows = gradcheck.check_gradients(loss, arrays, dict(zip(arrays, ours, strict=True)))
    assert all(row.approximate for row in rows)


@pytest.mark.parametrize("room", [layers, plain], ids=["kernel", "plain"])
def test_is_the_computation_of_the_package(page, room):
    arrays, dh, dc_last = draw(3)
    h, c, cache = room.lstm_forward(*arrays.values())
    ours = page["lstm_forward"](**arrays)
    np.testing.assert_allclose(h, ours[0], rtol=0, atol=1e-10)
    np.testing.assert_allclose(c, ours[1], rtol=0, atol=1e-10)
    for a, d in zip(room.lstm_backward(dh, dc_last, cache), page["lstm_backward"](dh, dc_last, ours[2]), strict=True):
        np.testing.assert_allclose(a, d, rtol=0, atol=1e-10)


def test_values_by_hand(page):
    """The table and the chain of the page, once more with Python floats."""
    from math import exp, tanh

    def s(a):
        return 1 / (1 + exp(-a))

    h, c, steps = 0.5, 0.4, []
    for x in (1.0, -1.0):
        i, f, g, o = s(0), s(h + 1), tanh(x), s(2 * h - 1)
        c_prev, c = c, f * c + i * g
        h = o * tanh(c)
        steps.append((f, o, c_prev, c, h))
    (f1, o1, _, c1, h1), (f2, o2, _, c2, h2) = steps
    assert [round(v, 4) for v in (c1, h1, c2, h2)] == [0.7078, 0.3047, 0.1760, 0.0703]
    dc2 = o2 * (1 - tanh(c2) ** 2) * 2
    da_f, da_o = dc2 * c1 * f2 * (1 - f2), 2 * tanh(c2) * o2 * (1 - o2)
    dh1 = 1 + da_f + 2 * da_o
    dc1 = o1 * (1 - tanh(c1) ** 2) * dh1 + f2 * dc2
    found = [round(v, 4) for v in (dc2, da_f, da_o, dh1, dc1, f1 * dc1)]
    assert found == [0.7826, 0.0930, 0.0839, 1.2607, 1.0119, 0.8273]


def test_reach_is_that_of_torch(page):
    import torch

    arrays, _, _ = draw(4, T=8, B=1, H=3)
    lstm = torch_lstm(arrays)
    x, h0 = torch.tensor(arrays["x"]), torch.tensor(arrays["h0"])[None]
    c0 = torch.tensor(arrays["c0"])
    theirs = torch.autograd.functional.jacobian(lambda c: lstm(x, (h0, c[None]))[1][1][0], c0).reshape(3, 3)
    ours = page["reach"](arrays["h0"], arrays["c0"], arrays["x"], arrays["W_x"], arrays["W_h"], arrays["b"])
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=0, atol=1e-12)


def test_the_cell_set_by_hand_holds_every_marked_value(page):
    """On another draw and over more steps; the weights are those of the page."""
    source = next(c.source for c in notebooks.code_cells(notebooks.read(CHAPTER)) if c.id == "hand-set")
    weights = [node for node in ast.parse(source).body if "_latch" in ast.unparse(node)[:8]]
    for node in weights:
        exec(ast.unparse(node), page)
    x, target = page["latch_batch"](np.random.default_rng(31), 1000, 20, 0.02)
    zero = np.zeros((20, 1))
    h, _, _ = page["lstm_forward"](x, zero, zero, page["W_latch"], np.zeros((4, 1)), page["b_latch"])
    assert len(weights) == 2 and np.abs(10 * h[..., 0] - target).max() < 0.007


def test_the_1997_cell_drifts_and_the_2000_cell_does_not(page):
    for seed in (7, 8):
        small, middle, large = page["drift"](page["step_1997"], 3, seed)
        assert large > 100 and 6 < large / middle < 20
        assert page["drift"](page["step_2000"], 4, seed)[-1] < 1


def test_the_drift_is_mostly_the_cells_own(page):
    """It needs no input; with input alone gate and candidate drift together, and apart they make a random walk."""
    whole = page["drift"](page["step_1997"], 3, 7)[-1]
    assert page["drift"](page["step_1997"], 3, 7, noise=0.0)[-1] > whole / 2
    assert page["drift"](page["step_1997"], 3, 7, lower=6.0)[-1] < 5
    means = {}
    for separate in (False, True):
        draws = [page["drift"](page["step_1997"], 3, seed, own=0.0, separate=separate) for seed in (7, 8, 9)]
        means[separate] = np.mean(draws, axis=0)
    assert means[False][-1] < whole / 5
    assert means[False][2] / means[False][1] > 5 and 2.4 < means[True][2] / means[True][1] < 4.2


def test_a_counter_is_exact_in_c_and_saturates_in_h(page):
    h, c = page["count"](10_000, 0.999)
    assert c / 0.999 == pytest.approx(10_000, abs=1e-3) and h == pytest.approx(1)
    h, _ = page["count"](7, 1e-4)
    assert np.arctanh(h) / 1e-4 == pytest.approx(7, abs=1e-3)


def fresh(page, kind, seed, k=100, s=0.1, scale=1.0):
    rng = np.random.default_rng(seed)
    W_x, W_h, b = page["fresh_lstm"](kind, rng)
    return page["paths"](k, s * rng.normal(size=(k + 100, 1, 4)), scale * W_x, scale * W_h, b)


def test_reach_at_lag_100(page):
    """PyTorch's default loses 10^-19; more bias reaches farther; the direct path alone is shorter."""
    reach = {}
    for kind in ("default", "bias 1", "bias 2", "chrono 100"):
        for seed in (20, 21):
            direct, whole = fresh(page, kind, seed)
            assert direct.max() < whole + 0.05, "the direct path is the smaller part"
            reach.setdefault(kind, []).append(whole)
    mean = {kind: np.mean(wholes) for kind, wholes in reach.items()}
    assert mean["default"] == pytest.approx(-19, abs=1.5)
    assert mean["default"] < mean["bias 1"] < mean["bias 2"] < mean["chrono 100"] < 0
    assert mean["chrono 100"] > -1


def test_large_weights_explode_though_every_forget_gate_is_below_one(page):
    direct, whole = fresh(page, "bias 1", 30, k=400, s=1.0, scale=12)
    assert direct.max() < -40 and whole > 15


@pytest.mark.slow
def test_a_trained_latch_holds_longer_than_its_gates_say(page):
    p = page["train_latch"]("LSTM", 11)
    assert page["error"](p, 40, 0.1) < 0.01
    half_life, left = page["kept"](p)
    assert half_life < 8 and left[2] > 0.8, "forty steps"
    x, _ = page["latch_batch"](np.random.default_rng(12), 60, 200)
    mean = page["run"](p, x)[0].mean(axis=(0, 1))
    errors = {gate: page["error"](page["cut"](p, gate, mean), 40, 0.1) for gate in "ifgo"}
    assert errors["g"] > 0.12 and max(errors, key=errors.get) == "g", "the number travels through the candidate"
    assert page["error"](page["train_latch"]("no forget gate", 11), 400, 0.02) > 5 * page["error"](p, 400, 0.02)


def test_latch_gradients_agree_with_differences(page):
    x, target = page["latch_batch"](np.random.default_rng(5), 6, 2, 0.3)
    for kind in ("LSTM", "tanh"):
        p = page["latch_start"](kind, 5)
        ours = page["latch_gradients"](p, x, target)

        def loss(x=x, target=target, **p):
            return np.mean((page["run"](p, x)[2] - target) ** 2)

        assert all(row.approximate for row in gradcheck.check_gradients(loss, p, ours)), kind


def test_latch_targets_are_the_last_marked_values(page):
    x, target = page["latch_batch"](np.random.default_rng(6), 50, 4)
    for b in range(4):
        for t in range(50):
            last = max(k for k in range(t + 1) if x[k, b, 1] == 1)
            assert target[t, b] == x[last, b, 0]


def test_forget_bias_goes_into_one_of_two_in_every_layer_and_direction(page):
    import torch

    lstm = torch.nn.LSTM(3, 5, num_layers=3, bidirectional=True)
    for in_both, value in ((False, 1.0), (True, 2.0)):
        page["set_forget_bias"](lstm, 1.0, in_both)
        p = dict(lstm.named_parameters())
        for layer in range(3):
            for end in ("", "_reverse"):
                total = p[f"bias_ih_l{layer}{end}"] + p[f"bias_hh_l{layer}{end}"]
                assert (total[5:10] == value).all() and not (total[:5] == value).any()


def test_formulas_close_what_they_open(page):
    text = page["formulas"](np.random.default_rng(3), 3000)
    for line in text.split("\n")[1:-1]:
        assert set(line) <= set("()+*abc")
        eval(line.replace("+", "|").replace("*", "&"), {"a": 1, "b": 2, "c": 3})
        depth = np.cumsum([(symbol == "(") - (symbol == ")") for symbol in line])
        assert depth[-1] == 0 and depth.min() >= 0 and depth.max() <= 4


def test_a_unit_of_a_trained_reader_counts_brackets(page):
    """On seeds the page does not show; the best unit is chosen on one half of the text and judged on the other."""
    symbols = data.Vocabulary("\n()*+abc")
    old = page["formulas"](np.random.default_rng(5), 100_000)
    new = page["formulas"](np.random.default_rng(6), 4000)
    depth = np.cumsum([(symbol == "(") - (symbol == ")") for symbol in new])
    best = {}
    for passes in (0, 6):
        *_, r = page["follow"](page["train_reader"](11, passes, symbols.encode(old)), symbols.encode(new), depth)
        best[passes] = abs(r[1, np.abs(r[0]).argmax()])
    assert best[6] > 0.9 and best[0] < 0.85


def test_cut_replaces_h_by_its_mean_in_one_sum(page):
    """Against a loop that does it at every step; a network whose h never moves from the mean is not changed."""
    p = page["latch_start"]("LSTM", 3)
    x, _ = page["latch_batch"](np.random.default_rng(13), 9, 4)
    mean = page["run"](p, x)[0].mean(axis=(0, 1))
    for block, gate in enumerate("ifgo"):
        h, c = np.zeros((2, 4, 4))
        for x_t in x:
            a = x_t @ p["W_x"].T + h @ p["W_h"].T + p["b"]
            rows = slice(4 * block, 4 * block + 4)
            a[:, rows] = (x_t @ p["W_x"].T + mean @ p["W_h"].T + p["b"])[:, rows]
            a_i, a_f, a_g, a_o = np.split(a, 4, axis=1)
            c = page["sigmoid"](a_f) * c + page["sigmoid"](a_i) * np.tanh(a_g)
            h = page["sigmoid"](a_o) * np.tanh(c)
        np.testing.assert_allclose(page["run"](page["cut"](p, gate, mean), x)[0][-1], h, rtol=0, atol=1e-12)


@pytest.fixture(scope="module")
def record():
    return json.loads(CHAPTER.with_suffix(".json").read_text(encoding="utf-8"))


def test_the_record_is_that_of_its_script(record):
    script, results = runpy.run_path(str(CHAPTER.with_suffix(".py"))), record["results"]
    assert record["command"] == "rnncourse record 06" and record["cpu_seconds"] <= 1800
    assert list(results["latch"]) == list(script["LATCHES"])
    for row in results["latch"].values():
        assert list(row["errors"]) == list(script["TESTS"])
        assert all(len(errors) == len(script["SEEDS"]["latch"]) for errors in row["errors"].values())
    assert list(results["bit"]) == list(script["BITS"]) and list(results["parity"]) == list(script["PARITIES"])
    assert all(len(runs) == len(script["SEEDS"]["bit"]) for runs in results["bit"].values())
    assert all(len(runs) == len(script["SEEDS"]["parity"]) for runs in results["parity"].values())


def test_the_record_says_what_the_page_says(record):
    """Every seed keeps its number in a loop if the forget bias was 1, and mostly in the cell if it was 5."""
    latch, bit = record["results"]["latch"], record["results"]["bit"]
    for cuts in latch["LSTM, bias 1"]["cuts"]:
        assert cuts["g"] > 1 / 6 and max(cuts, key=cuts.get) == "g"
    assert max(max(cuts.values()) for cuts in latch["LSTM, bias 5"]["cuts"]) < 0.06
    assert all(row["half_life"] < 3 and row["left"][3] > 0.9 for row in latch["LSTM, bias 1"]["kept"])
    assert all(row["half_life"] > 60 and 0.2 < row["left"][3] < 0.7 for row in latch["LSTM, bias 5"]["kept"])
    solved = {kind: sum(step is not None for step, _ in runs) for kind, runs in bit.items()}
    assert solved == {"tanh, orthogonal": 5, "default": 0, "bias 1": 0, "bias 2": 4, "chrono": 5}
    one, both = record["results"]["parity"].values()
    assert all(a < b for a, b in zip(one, both, strict=True)) and max(both) <= 1500


def test_chrono_keeps_for_its_time_scale(page):
    tau = np.array([2.0, 10.0, 1000.0])
    f = page["sigmoid"](np.log(tau - 1))
    np.testing.assert_allclose(f, 1 - 1 / tau)
    np.testing.assert_allclose(f[1:] ** tau[1:], np.exp(-1), atol=0.02)
    assert page["half_life"](page["sigmoid"](1.0)) == pytest.approx(2.2, abs=0.05)


@pytest.mark.parametrize("path", FIGURES, ids=lambda p: p.name)
def test_figures_have_titles_and_descriptions(path):
    root = ET.parse(path).getroot()
    texts = {child.tag.split("}")[1]: (child.text or "") for child in root}
    assert texts["title"] and len(texts["desc"]) > 60
    assert root.get("role") == "img"


def test_there_are_figures():
    assert len(FIGURES) == 5
    assert all(f"../figures/{path.name}" in CHAPTER.read_text(encoding="utf-8") for path in FIGURES)


def test_cells_that_are_not_compared_assert_their_claims():
    """What rests on 32-bit training or on times is not compared by nbval; each such cell asserts what the text says."""
    cells = [c for c in notebooks.read(CHAPTER).cells if "nbval-ignore-output" in c.metadata.get("tags", [])]
    assert {c.id for c in cells} == {"latch-live", "trained-paths", "bit-live", "sunspots-lstm"}
    assert all("assert " in c.source for c in cells)
