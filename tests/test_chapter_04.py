"""Chapter 4: gradient, truncation, sampling and measures of the page agree with the package, torch and theory."""

import ast
import json
import runpy
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from conftest import ROOT
from rnncourse import data, gradcheck, layers, optim
from rnncourse.authoring import notebooks
from rnncourse.check import toys

CHAPTER = ROOT / "book" / "1-numpy" / "04-training-a-character-model.ipynb"
FIGURE = ROOT / "book" / "figures" / "04-truncated.svg"
V = 7


@pytest.fixture(scope="module")
def page():
    """The functions that the chapter defines, with a vocabulary of seven characters, without running the rest of it."""
    rng = np.random.default_rng(0)
    namespace = {"np": np, "data": data, "optim": optim, "text_ids": rng.integers(0, V, size=4000)}
    for cell in notebooks.code_cells(notebooks.read(CHAPTER)):
        for node in ast.parse(cell.source).body:
            if isinstance(node, ast.FunctionDef):
                exec(ast.unparse(node), namespace)
    return namespace


def drawn(page, T=9, B=3, H=5, dtype=np.float64, seed=1):
    rng = np.random.default_rng(seed)
    params = page["initialise"](H, V, rng, dtype)
    params["W_y"] *= 100
    params["b"] += rng.normal(size=H)
    ids = rng.integers(0, V, size=(T + 1, B))
    return ids[:-1], ids[1:], rng.uniform(-1, 1, size=(B, H)).astype(dtype), params


@pytest.mark.parametrize("sizes", [{}, {"T": 1}, {"B": 1}, {"H": 1}])
def test_the_gradient_is_that_of_finite_differences(page, sizes):
    x, y, h0, params = drawn(page, **sizes)
    _, grads, _ = page["gradients"](x, y, h0, params)

    def loss(**changed):
        return np.float64(page["readout"](page["states"](x, h0, changed), y, changed)[0].mean())

    rows = gradcheck.check_gradients(loss, params, grads)
    assert all(row.approximate for row in rows), gradcheck.table(rows)


def test_states_are_those_of_the_package_and_the_last_is_returned(page):
    x, y, h0, p = drawn(page)
    h, _ = layers.rnn_forward(np.eye(V)[x], h0, p["W_x"], p["W_h"], p["b"])
    np.testing.assert_allclose(page["states"](x, h0, p), h, rtol=0, atol=1e-12)
    np.testing.assert_allclose(page["gradients"](x, y, h0, p)[2], h[-1], rtol=0, atol=1e-12)


def test_float32_stays_float32(page):
    x, y, h0, p = drawn(page, dtype=np.float32)
    _, grads, last = page["gradients"](x, y, h0, p)
    assert last.dtype == np.float32 and {g.dtype for g in grads.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("k", [1, 2, 4, 5, 12])
def test_chunks_are_torchs_detach(page, k):
    import torch

    x, y, h0, p = drawn(page, T=12)
    total, _ = page["in_chunks"](x, y, h0, p, k)
    leaf = {name: torch.tensor(w, requires_grad=True) for name, w in p.items()}
    h, loss = torch.tensor(h0), 0.0
    for t in range(12):
        if t % k == 0:
            h = h.detach()
        h = torch.tanh(leaf["W_x"].T[torch.tensor(x[t])] + h @ leaf["W_h"].T + leaf["b"])
        z = h @ leaf["W_y"].T + leaf["b_y"]
        loss = loss + torch.nn.functional.cross_entropy(z, torch.tensor(y[t])) / 12
    loss.backward()
    for name, tensor in leaf.items():
        np.testing.assert_allclose(total[name], tensor.grad.numpy(), rtol=0, atol=1e-12)


def test_held_out_is_one_long_stream_when_b_is_one(page):
    *_, p = drawn(page, seed=3)
    ids = page["text_ids"][:301]
    h = page["states"](ids[:-1, None], np.zeros((1, 5)), p)
    expected = page["readout"](h, ids[1:, None], p)[0][:, 0]
    np.testing.assert_allclose(page["held_out"](ids, p, B=1), expected, rtol=0, atol=1e-12)
    assert page["held_out"](ids, p, B=4).shape == (300,)


def test_training_lowers_the_loss_of_a_text_with_order(page):
    p = page["initialise"](12, V, np.random.default_rng(0))
    history = page["fit"](p, np.tile(np.arange(V), 600), 60, 8, 8, 0.03)
    assert history.shape == (60, 2)
    assert history[0, 0] == pytest.approx(np.log(V), abs=0.05) and history[-1, 0] < 0.3


def test_choose_draws_with_the_right_probabilities(page):
    z = np.array([0.3, -1.0, 2.0, 0.9])
    u = (np.arange(20_000) + 0.5) / 20_000
    for temperature, top_k in ((1.0, None), (0.5, None), (2.0, 3), (1.0, 1)):
        q = np.exp(z / temperature)
        if top_k:
            q[np.argsort(-z)[top_k:]] = 0
        shares = np.bincount([page["choose"](z, x, temperature, top_k) for x in u], minlength=4) / u.size
        np.testing.assert_allclose(shares, q / q.sum(), atol=1e-4)
    assert page["choose"](z, 0.0) == 0 and page["choose"](z, np.nextafter(1, 0)) == 3


def test_choose_never_takes_what_has_no_probability(page):
    assert page["choose"](np.array([-np.inf, 0.0, -np.inf]), 0.0) == 1
    assert page["choose"](np.array([-np.inf, 0.0, -np.inf]), np.nextafter(1, 0)) == 1


def test_write_begins_with_the_prompt_and_depends_on_the_seed_alone(page):
    p = drawn(page, dtype=np.float32)[3]
    vocabulary = data.Vocabulary("abcdefg")
    a, b, c = (page["write"](p, vocabulary, "gab", 50, seed) for seed in (1, 1, 2))
    assert a == b != c and a.startswith("gab") and len(a) == 53
    greedy = [page["write"](p, vocabulary, "gab", 50, 1, **knobs) for knobs in ({"temperature": 0}, {"top_k": 1})]
    assert greedy[0] == greedy[1]
    with pytest.raises(ValueError, match="prompt is empty"):
        page["write"](p, vocabulary, "", 50, 1)


@pytest.mark.parametrize("top_k", [0, -1, V + 1])
def test_choose_refuses_a_top_k_that_makes_no_sense(page, top_k):
    with pytest.raises(ValueError, match=f"expected 1 to {V}"):
        page["choose"](np.zeros(V), 0.5, top_k=top_k)


@pytest.mark.parametrize(("N", "T", "B"), [(101, 5, 4), (100, 5, 4), (21, 5, 4), (57, 1, 1)])
def test_streams_are_those_of_the_package(page, N, T, B):
    ids = np.random.default_rng(N).integers(0, V, N)
    by_hand, package = page["streams"](ids, T, B), list(data.streams(ids, T, B))
    assert len(by_hand) == len(package) > 0
    for hand, ours in zip(by_hand, package, strict=True):
        assert all(np.array_equal(*pair) for pair in zip(hand, ours, strict=True))


def test_the_program_in_one_view_trains_like_the_functions_of_the_page(page):
    text = data.docstrings()[:30_000]
    vocabulary = data.Vocabulary(text)
    w = page["initialise"](10, len(vocabulary), np.random.default_rng(0))
    ids = vocabulary.encode(text)[: int(0.8 * len(text))]
    losses = page["character_model"](text, updates=100, stop=25, H=10, T=8, B=4, clip=1.0)
    np.testing.assert_allclose(losses, page["fit"](w, ids, 100, 8, 4, 0.01)[:25, 0], rtol=1e-3)


def test_a_loop_is_found(page):
    assert page["in_a_loop"]("start " + "abc " * 200)
    rng = np.random.default_rng(0)
    assert not page["in_a_loop"]("".join(rng.choice(list("abcdefg"), size=1500)))


def test_mixing_gives_a_distribution_no_worse_than_the_better_share(page):
    first, second = np.random.default_rng(0).uniform(0.1, 5, size=(2, 100))
    assert np.array_equal(page["mixed"](0, first, second), -np.log(np.exp(-second)))
    assert (page["mixed"](0.3, first, second) <= np.maximum(first, second) + 1e-12).all()


@pytest.mark.parametrize("model", [toys.fading_reader, toys.neighbour_reader])
def test_toy_models_give_distributions_and_leave_their_arguments(model):
    rng = np.random.default_rng(7)
    x, h = rng.integers(0, 5, size=4), rng.normal(size=(4, 5))
    before = x.copy(), h.copy()
    log_p, new = model(x, h)
    np.testing.assert_allclose(np.exp(log_p).sum(axis=1), 1, rtol=1e-12)
    assert log_p.shape == new.shape == (4, 5)
    assert np.array_equal(x, before[0]) and np.array_equal(h, before[1])
    assert not np.allclose(model(x, 0 * h)[0], log_p) and not np.allclose(model((x + 1) % 5, h)[0], log_p)


def test_the_windows_that_repeat():
    text = data.docstrings()
    a, b = int(0.8 * len(text)), int(0.9 * len(text))
    step = 7  # every seventh window of the validation part is enough
    share = np.mean([text[i : i + 50] in text[:a] for i in range(a, b - 49, step * 40)])
    assert share == pytest.approx(0.29, abs=0.06)


def test_what_depends_on_the_long_run_is_asserted_where_it_is_not_compared():
    cells = {c.id: c for c in notebooks.code_cells(notebooks.read(CHAPTER))}
    free = [name for name, c in cells.items() if "nbval-ignore-output" in c.metadata.get("tags", [])]
    silent = {name for name in free if "assert" not in cells[name].source}
    # a picture; a table whose claims the next figure asserts; samples, of which the page claims nothing
    assert silent == {"run-figure", "bias-run", "samples-code"}
    assert "assert" in cells["bias-figure"].source


def test_the_record_is_that_of_its_script_and_says_what_the_page_says():
    """Of every seed: Adam is ahead of momentum, momentum of SGD; chunks of one step need the state that is carried."""
    record = json.loads(CHAPTER.with_suffix(".json").read_text(encoding="utf-8"))
    script, results = runpy.run_path(str(CHAPTER.with_suffix(".py"))), record["results"]
    assert record["command"] == "rnncourse record 04" and record["cpu_seconds"] <= 600
    rates = {name: np.array(losses) for name, losses in results["rates"].items()}
    assert all(losses.shape == (5, len(script["SEEDS"]["rates"])) for losses in rates.values())
    best = {name: losses[losses.mean(axis=1).argmin()] for name, losses in rates.items()}
    assert max(best["Adam"]) + 0.1 < min(best["SGD, momentum 0.9"]) < min(best["SGD"]) - 0.1
    by_length = {int(T): {k: np.array(v) for k, v in row.items()} for T, row in results["by_length"].items()}
    assert tuple(by_length) == script["LENGTHS"]
    assert all(v.shape == (len(script["SEEDS"]["by_length"]), 2) for row in by_length.values() for v in row.values())
    for row in by_length.values():
        assert (row["carried"][:, 0] < row["carried"][:, 1]).all(), "a state that was carried in training is needed"
    carried, thrown = (by_length[1][kind] for kind in ("carried", "thrown away"))
    assert carried[:, 0].max() + 0.15 < thrown[:, 1].min() < thrown[:, 0].min() - 0.2


def test_the_figure_describes_itself_and_stands_on_a_white_card():
    svg = "{http://www.w3.org/2000/svg}"
    root = ET.parse(FIGURE).getroot()
    assert root.find(f"{svg}title").text and len(root.find(f"{svg}desc").text) > 40
    assert root.find(f"{svg}rect").get("fill") == "#ffffff"
    assert f"../figures/{FIGURE.name}" in CHAPTER.read_text(encoding="utf-8")
