"""The package's CTC: losses, gradients and labellings are torch's, those of finite differences, and of all paths."""

import itertools
from collections import Counter

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from rnncourse import ctc, gradcheck


def log_softmax(z):
    return z - np.logaddexp.reduce(z, axis=-1, keepdims=True)


def batch(seed, T, B, V, U, blank=0, scale=2.0):
    rng = np.random.default_rng(seed)
    labels = [k for k in range(V) if k != blank]
    targets = rng.choice(labels, (B, U))
    frames, letters = rng.integers(max(1, T // 2), T + 1, B), rng.integers(0, U + 1, B)
    return scale * rng.standard_normal((T, B, V)), targets, frames, letters


def by_paths(log_p, blank=0):
    total, (T, V) = Counter(), log_p.shape
    for path in itertools.product(range(V), repeat=T):
        total[ctc.collapse(path, blank)] += np.exp(log_p[np.arange(T), path].sum())
    return total


@pytest.mark.parametrize("blank", [0, 2])
@pytest.mark.parametrize(
    "sizes", [(12, 5, 4, 4), (40, 3, 6, 9), (9, 6, 5, 7), (1, 2, 3, 1), (3, 4, 3, 0), (150, 2, 20, 30)]
)
def test_losses_and_gradients_are_torchs_also_where_nothing_fits(sizes, blank):
    z, targets, frames, letters = batch(sum(sizes), *sizes, blank)
    losses, dz = ctc.ctc_loss(log_softmax(z), targets, frames, letters, blank)
    tracked = torch.tensor(z, requires_grad=True)
    tensors = [torch.tensor(array) for array in (targets, frames, letters)]
    log_p = tracked.log_softmax(-1)
    theirs = F.ctc_loss(log_p, *tensors, blank, reduction="none")
    (gradient,) = torch.autograd.grad(F.ctc_loss(log_p, *tensors, blank, "sum", zero_infinity=True), tracked)
    np.testing.assert_allclose(losses, theirs.detach(), rtol=1e-10)
    np.testing.assert_allclose(dz, gradient, atol=1e-10)


def test_what_does_not_fit_has_no_gradient():
    z, targets, _, _ = batch(0, 4, 4, 5, 3)
    frames, letters = np.array([4, 2, 1, 3]), np.array([2, 3, 2, 1])
    losses, dz = ctc.ctc_loss(log_softmax(z), targets, frames, letters)
    assert np.isinf(losses).any() and np.isfinite(losses).any()
    assert not dz[:, np.isinf(losses)].any() and np.isfinite(dz).all()


def test_gradients_are_those_of_finite_differences():
    z, targets, frames, _ = batch(5, 6, 2, 4, 2)
    letters = np.array([2, 1])

    def loss(z):
        return ctc.ctc_loss(log_softmax(z), targets, frames, letters)[0].sum()

    _, dz = ctc.ctc_loss(log_softmax(z), targets, frames, letters)
    np.testing.assert_allclose(dz, gradcheck.numerical_gradient(loss, z), atol=1e-8)


def test_confident_and_wrong_does_not_underflow():
    """ln p far below the smallest float: where scaled probabilities would be zero, logarithms are not."""
    z = np.zeros((60, 1, 3))
    z[:, :, 0] = 200
    targets = np.tile([1, 2], (1, 10))
    losses, dz = ctc.ctc_loss(log_softmax(z), targets)
    theirs = F.ctc_loss(torch.tensor(log_softmax(z)), torch.tensor(targets), [60], [20], reduction="none")
    assert losses[0] > 3000 and losses[0] == pytest.approx(theirs.item(), rel=1e-10)
    assert np.isfinite(dz).all() and dz.sum() == pytest.approx(0, abs=1e-9)


def test_float32_stays_float32():
    z, targets, frames, letters = batch(3, 20, 4, 5, 4)
    exact, _ = ctc.ctc_loss(log_softmax(z), targets, frames, letters)
    losses, dz = ctc.ctc_loss(log_softmax(z.astype(np.float32)), targets, frames, letters)
    assert losses.dtype == dz.dtype == np.float32
    np.testing.assert_allclose(losses, exact, rtol=1e-4)


def test_what_stands_behind_the_ends_does_not_matter():
    z, targets, frames, letters = batch(4, 12, 5, 4, 4)
    before = ctc.ctc_loss(log_softmax(z), targets, frames, letters)
    for b in range(5):
        z[frames[b] :, b] = 7.0
        targets[b, letters[b] :] = -1
    after = ctc.ctc_loss(log_softmax(z), targets, frames, letters)
    np.testing.assert_allclose(before[0], after[0])
    for b in range(5):
        np.testing.assert_allclose(before[1][:, b], after[1][:, b])
        assert not after[1][frames[b] :, b].any()


@pytest.mark.parametrize("blank", [0, 1])
def test_every_labelling_has_the_sum_of_its_paths(blank):
    log_p = log_softmax(np.random.default_rng(blank).standard_normal((5, 3)))
    total = by_paths(log_p, blank)
    assert sum(total.values()) == pytest.approx(1)
    for labels, p in total.items():
        losses, _ = ctc.ctc_loss(log_p[:, None], np.array([labels], dtype=int).reshape(1, -1), blank=blank)
        assert np.exp(-losses[0]) == pytest.approx(p)
    found = ctc.beam_search(log_p, 1000, blank=blank)
    assert [labels for _, labels in found] == [labels for labels, _ in total.most_common()]
    np.testing.assert_allclose([np.exp(log_p) for log_p, _ in found], sorted(total.values(), reverse=True))


@pytest.mark.parametrize("K", [1, 3, 10])
def test_a_narrow_beam_is_a_lower_bound(K):
    log_p = log_softmax(2 * np.random.default_rng(K).standard_normal((6, 4)))
    total = by_paths(log_p)
    found = ctc.beam_search(log_p, K)
    assert 1 <= len(found) <= K and found == sorted(found, key=lambda entry: -entry[0])
    assert all(np.exp(ln_p) <= total[labels] * (1 + 1e-12) for ln_p, labels in found)


def test_a_language_model_is_asked_once_a_label_and_once_at_the_end():
    log_p = log_softmax(np.random.default_rng(8).standard_normal((5, 3)))
    lm = np.log(np.random.default_rng(9).dirichlet(np.ones(3), size=3))  # row: before; column 0: the end

    def extend(prefix, k):
        return 0.7 * lm[prefix[-1] if prefix else 0, k] + 0.3

    def finish(prefix):
        return 0.7 * lm[prefix[-1] if prefix else 0, 0]

    expected = {}
    for labels, p in by_paths(log_p).items():
        pairs = itertools.pairwise((0, *labels, 0))
        expected[labels] = np.log(p) + 0.7 * sum(lm[pair] for pair in pairs) + 0.3 * len(labels)
    found = {labels: score for score, labels in ctc.beam_search(log_p, 1000, extend=extend, finish=finish)}
    assert found.keys() == expected.keys()
    for labels, score in found.items():
        assert score == pytest.approx(expected[labels])


def test_what_a_language_model_forbids_is_not_found():
    log_p = log_softmax(np.random.default_rng(8).standard_normal((5, 3)))
    found = ctc.beam_search(log_p, 1000, extend=lambda prefix, k: None if k in prefix else 0.0)
    assert {labels for _, labels in found} == {(), (1,), (2,), (1, 2), (2, 1)}
    ended = ctc.beam_search(log_p, 1000, finish=lambda prefix: 0.0 if len(prefix) == 2 else None)
    assert {len(labels) for _, labels in ended} == {2}


def test_top_only_prunes():
    log_p = log_softmax(3 * np.random.default_rng(2).standard_normal((6, 5)))
    assert ctc.beam_search(log_p, 50, top=4) == ctc.beam_search(log_p, 50)
    few = ctc.beam_search(log_p, 50, top=1)
    assert few and {labels for _, labels in few} <= {labels for _, labels in ctc.beam_search(log_p, 10**4)}


def test_collapse_merges_first_and_drops_blanks_then():
    assert ctc.collapse([0, 1, 1, 0, 1, 2, 2, 0]) == (1, 1, 2)
    assert ctc.collapse([1, 1, 0, 1], blank=1) == (0,) and ctc.collapse([]) == ()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"log_p": np.zeros((4, 2, 3))}, "add up to 3 to 3, expected 1: pass log_softmax"),
        ({"log_p": np.full((4, 2, 3), 1 / 3)}, "pass log_softmax"),
        ({"log_p": np.zeros((4, 3))}, r"shape \(4, 3\), expected float32 or float64 \(T, B, V\)"),
        ({"targets": np.array([[1, 0], [2, 1]])}, "targets holds 0, expected symbols 0 to 2 without the blank, 0"),
        ({"targets": np.array([[1, 3], [2, 1]])}, "targets holds 3"),
        ({"targets": np.array([1, 2])}, r"targets is int64 of shape \(2,\)"),
        ({"input_lengths": np.array([4, 5])}, "input_lengths runs from 4 to 5, expected 1 to 4"),
        ({"target_lengths": np.array([2.0, 1.0])}, "target_lengths is float64"),
        ({"blank": 3}, "blank=3, expected one of the 3 symbols"),
    ],
)
def test_what_does_not_fit_is_explained(changed, message):
    right = {"log_p": log_softmax(np.zeros((4, 2, 3))), "targets": np.array([[1, 2], [2, 1]])}
    ctc.ctc_loss(**right)
    with pytest.raises(ValueError, match=message):
        ctc.ctc_loss(**right | changed)


def test_a_beam_wants_one_sequence():
    with pytest.raises(ValueError, match=r"shape \(4, 2, 3\) and K=5"):
        ctc.beam_search(np.zeros((4, 2, 3)), 5)
