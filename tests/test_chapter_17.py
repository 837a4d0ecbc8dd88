"""Chapter 17: its attention, its decoder and its measures do what the page says."""

import runpy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from conftest import ROOT
from rnncourse import data
from rnncourse.bench.record import definitions

CHAPTER = ROOT / "book" / "3-transduction" / "17-attention.ipynb"
KINDS = (None, "Multiplicative", "Additive")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(CHAPTER.parent)
        space = definitions(CHAPTER, "setup", "parts", "encode", "bands", "pieces")
        yield space
    torch.set_num_threads(threads)


def model_of(page, kind, seed=0):
    return page["started"](seed, page.get(kind))[0]


def test_the_parts_share_no_number(page):
    everything = [number for part in page["parts"].values() for number in part]
    assert len(everything) == len(set(everything)) and set(range(100)) <= set(page["parts"]["train"])


@pytest.mark.parametrize("seed", range(3))
def test_attend_is_pytorchs_attention_and_padding_gets_no_gradient(page, seed):
    generator = torch.Generator().manual_seed(seed)
    q, k = (torch.randn(3, n, 6, generator=generator, dtype=torch.double) for n in (4, 5))
    k.requires_grad_()
    mask = torch.arange(5) < torch.tensor([[5], [2], [1]])
    context, weights = page["attend"](q @ k.mT, k, mask)
    theirs = F.scaled_dot_product_attention(q, k, k, mask[:, None], scale=1.0)
    torch.testing.assert_close(context, theirs, rtol=0, atol=1e-12)
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 4, dtype=torch.double))
    (context**2).sum().backward()
    assert (weights[1, :, 2:] == 0).all() and (k.grad[1, 2:] == 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_padding_changes_no_prediction(page, kind):
    model = model_of(page, kind)
    pairs = [page["encode"](number) for number in (42, 7, 100_563)]
    together = page["collate"](pairs)
    source, state = model.begin(together.x, together.lengths)
    logits, _, _ = model.step(together.y_in, state, source)
    for b, pair in enumerate(pairs):
        alone = page["collate"]([pair])
        source, state = model.begin(alone.x, alone.lengths)
        expected, _, _ = model.step(alone.y_in, state, source)
        torch.testing.assert_close(logits[: len(expected), [b]], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_all_letters_at_once_and_one_by_one_are_the_same(page, kind):
    model = model_of(page, kind)
    batch = page["as_batch"]([42, 563])
    source, state = model.begin(batch.x, batch.lengths)
    at_once, _, _ = model.step(batch.y_in, state, source)
    for t in range(len(batch.y_in)):
        one, state, _ = model.step(batch.y_in[t : t + 1], state, source)
        torch.testing.assert_close(one, at_once[t : t + 1], rtol=0, atol=1e-5)


def test_targets_are_what_comes_next(page):
    batch = page["collate"]([page["encode"](42), page["encode"](7)])
    assert page["spell"](batch.y_out[:, 0]) == "zweiundvierzig" and page["spell"](batch.y_out[:, 1]) == "sieben"
    assert (batch.y_in[0] == page["BOS"]).all() and torch.equal(batch.y_in[1:7], batch.y_out[:6])
    mean, count, state = page["mean_loss"](torch.zeros(*batch.y_out.shape, 24), batch.y_out)
    assert count == len("zweiundvierzig") + len("sieben") + 2 and state is None
    assert mean.item() == pytest.approx(np.log(24))


def test_right_if_and_only_if_no_letter_is_wrong_with_a_teacher(page):
    """After a short training on few numbers some are right and some are wrong."""
    numbers = list(range(60))
    model, optimizer, _ = page["started"](0, page["Multiplicative"])
    batches = [page["as_batch"](numbers[::2])]
    page["training"].train(model, page["loss"], batches, optimizer, page["training"].Options(60))
    right, texts = page["is_right"](model, numbers)
    rows = page["forced_wrong"](model, numbers)
    for number, row, one, text in zip(numbers, rows, right, texts, strict=True):
        german = data.number_words(number)[1]
        assert one == (text == german) == (not any(row[: len(german) + 1]))
    assert 0 < right.sum() < 60
    forced, free, total = page["piece_errors"](model, numbers)
    assert (free[right] == 0).all() and (forced[right] == 0).all() and (free[~right] >= 0).all()
    assert total[42] == 3


def test_pieces_and_edits_by_hand(page):
    pieces = page["PATTERN"].findall(data.number_words(716_001)[1])
    assert pieces == ["sieben", "hundert", "sechzehn", "tausend", "eins"]
    known = page["PIECES"] | {"ein"}
    for number in range(1, 1_000_000, 4999):
        german = data.number_words(number)[1]
        assert "".join(page["PATTERN"].findall(german)) == german and set(page["PATTERN"].findall(german)) <= known
    assert page["edits"]("kitten", "sitting") == 3 and page["edits"]("", "ab") == 2 and page["edits"]("ab", "ab") == 0


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_scheduled_sampling_reads_the_true_letters_or_its_own(page, share):
    model, batch = model_of(page, None), page["as_batch"]([42, 563])
    read = []
    step = model.step
    model.step = lambda y, state, source: (read.append(y), step(y, state, source))[1]
    torch.manual_seed(0)
    page["scheduled"](share)(model, batch, None)
    assert torch.equal(read[0], batch.y_in) and (read[1][batch.y_in == page["PAD"]] == page["PAD"]).all()
    if share == 0:
        assert torch.equal(read[1], batch.y_in)
    else:
        real = batch.y_in[1:] != page["PAD"]
        assert (read[1][0] == page["BOS"]).all() and (read[1][1:][real] != batch.y_in[1:][real]).float().mean() > 0.7


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_the_toy_ends_where_the_formula_says(page, share):
    assert page["impossible"](share) == pytest.approx(share / 2, abs=0.03)


def test_a_layer_of_a_transformer_is_pytorchs_attention_between_its_residuals(page):
    torch.manual_seed(0)
    layer, x = page["Layer"](8).double(), torch.randn(2, 5, 8).double()
    n = layer.before(x)
    inner = F.scaled_dot_product_attention(layer.q(n), layer.k(n), layer.v(n), is_causal=True)
    y = x + layer.out(inner)
    torch.testing.assert_close(layer(x), y + layer.mlp(layer.between(y)), rtol=0, atol=1e-12)


def test_the_record_reads_a_source_from_the_right(page):
    reader = runpy.run_path(str(CHAPTER.with_suffix(".py")))["from_the_right"](page["Encoder"])
    torch.manual_seed(0)
    encoder = reader(len(page["words"]), 8, 16, directions=1)
    batch = page["collate"]([page["encode"](42), page["encode"](563)])
    _, summary = encoder(batch.x, batch.lengths)
    for b, n in enumerate(batch.lengths.tolist()):
        _, expected = page["Encoder"].forward(encoder, batch.x[:n, [b]].flip(0), batch.lengths[[b]])
        torch.testing.assert_close(summary[[b]], expected, rtol=0, atol=1e-6)
