"""Optimisers: the same numbers as torch.optim, gradients clipped together, errors that say what to do."""

import numpy as np
import pytest

from rnncourse import optim

SHAPES = {"W_x": (4, 3), "W_h": (4, 4), "b": (4,), "gain": ()}


def drawn(seed, scale=1.0):
    rng = np.random.default_rng(seed)
    return {name: np.asarray(scale * rng.normal(size=shape)) for name, shape in SHAPES.items()}


def run_both(ours, theirs, steps=200):
    """The largest difference of any parameter over a run with the same gradients."""
    import torch

    params = drawn(0)
    tensors = {name: torch.tensor(w, requires_grad=True) for name, w in params.items()}
    mine, library = ours(params), theirs(list(tensors.values()))
    largest = 0.0
    for k in range(steps):
        grads = drawn(k + 1, scale=10.0 ** (k % 5 - 3))
        if k == 100:  # a schedule
            mine.lr = library.param_groups[0]["lr"] = 1e-4
        mine.step(grads)
        for name, tensor in tensors.items():
            tensor.grad = torch.tensor(grads[name])
        library.step()
        largest = max(largest, *(np.abs(params[n] - tensors[n].detach().numpy()).max() for n in params))
    return largest


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lr": 0.02},
        {"lr": 0.02, "betas": (0.8, 0.95)},
        {"lr": 0.02, "eps": 1e-3},
        {"lr": 0.02, "betas": (0.0, 0.9)},
    ],
)
def test_adam_is_torchs(options):
    import torch

    assert run_both(lambda p: optim.Adam(p, **options), lambda p: torch.optim.Adam(p, **options)) < 1e-12


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_is_torchs(momentum):
    import torch

    options = {"lr": 0.01, "momentum": momentum}
    assert run_both(lambda p: optim.SGD(p, **options), lambda p: torch.optim.SGD(p, **options)) < 1e-12


def test_the_first_step_of_adam_has_the_size_of_the_learning_rate():
    w = [np.zeros(3)]
    optim.Adam(w, lr=0.01).step([np.array([1e-3, -5.0, 200.0])])
    np.testing.assert_allclose(w[0], [-0.01, 0.01, -0.01], rtol=1e-4)


@pytest.mark.parametrize("kind", [dict, list])
def test_dicts_and_lists_float32_stays_and_gradients_are_left_alone(kind):
    def as_kind(arrays):
        return arrays if kind is dict else list(arrays.values())

    params = {name: w.astype(np.float32) for name, w in drawn(0).items() if w.ndim}
    grads = {name: w.astype(np.float32) for name, w in drawn(1).items() if w.ndim}
    before, kept = [w.copy() for w in params.values()], [g.copy() for g in grads.values()]
    identity = [id(w) for w in params.values()]
    for optimiser in (optim.Adam(as_kind(params)), optim.SGD(as_kind(params), lr=0.1, momentum=0.9)):
        optimiser.step(as_kind(grads))
    assert [id(w) for w in params.values()] == identity, "in place"
    assert all(w.dtype == np.float32 for w in params.values())
    assert all((w != old).any() for w, old in zip(params.values(), before, strict=True))
    assert all(np.array_equal(g, old) for g, old in zip(grads.values(), kept, strict=True))


def test_the_order_of_keys_does_not_matter():
    a, b = drawn(0), drawn(0)
    grads = drawn(1)
    optim.Adam(a).step(grads)
    optim.Adam(b).step(dict(reversed(grads.items())))
    assert all(np.array_equal(a[name], b[name]) for name in SHAPES)


def test_clipping_scales_everything_by_one_factor():
    import torch

    grads, before = drawn(3, scale=5.0), drawn(3, scale=5.0)
    tensors = [torch.zeros(g.shape, dtype=torch.float64) for g in grads.values()]
    for tensor, g in zip(tensors, grads.values(), strict=True):
        tensor.grad = torch.tensor(g)
    expected = torch.nn.utils.clip_grad_norm_(tensors, 0.7).item()
    norm = optim.clip_by_global_norm(grads, 0.7)
    assert norm == pytest.approx(expected, rel=1e-12)
    assert np.sqrt(sum((g**2).sum() for g in grads.values())) == pytest.approx(0.7, rel=1e-12)
    for name, tensor in zip(SHAPES, tensors, strict=True):
        np.testing.assert_allclose(grads[name], before[name] * (0.7 / norm), rtol=1e-12)
        np.testing.assert_allclose(grads[name], tensor.grad.numpy(), rtol=1e-6)  # torch adds 1e-6 to the norm


def test_short_gradients_are_left_alone():
    grads = [np.array([0.3]), np.array([[0.4]])]
    assert optim.clip_by_global_norm(grads, 0.5 + 1e-12) == pytest.approx(0.5)
    assert grads[0][0] == 0.3 and grads[1][0, 0] == 0.4
    zero = [np.zeros(2)]
    assert optim.clip_by_global_norm(zero, 1.0) == 0.0 and not zero[0].any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_norm_that_is_not_finite_is_an_error(bad):
    grads = [np.array([3.0, bad]), np.ones(2)]
    with pytest.raises(ValueError, match="clipping cannot repair it"):
        optim.clip_by_global_norm(grads, 1.0)
    assert np.array_equal(grads[1], np.ones(2)), "nothing was scaled"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: optim.Adam(np.ones(3)), "expected a dict or a list of arrays"),
        (lambda: optim.Adam([np.ones(3, dtype=int)]), "dtype int64"),
        (lambda: optim.SGD([[1.0, 2.0]], lr=1.0), "of type list"),
        (lambda: optim.Adam([np.ones(3)], lr=0.0), "lr=0.0, expected a positive number"),
        (lambda: optim.Adam([np.ones(3)], betas=(0.9, 1.0)), "beta2=1.0"),
        (lambda: optim.SGD([np.ones(3)], lr=0.1, momentum=-1), "momentum=-1"),
        (lambda: optim.clip_by_global_norm([np.ones(3)], -1.0), "max_norm=-1.0"),
        (lambda: optim.Adam({"b": np.ones(3)}).step({"c": np.ones(3)}), "pass one for each"),
        (lambda: optim.Adam([np.ones(3)]).step([np.ones((3, 1))]), r"shape \(3, 1\)"),
        (lambda: optim.Adam([np.ones(3)]).step([np.ones(3, np.float32)]), "dtype float32"),
    ],
)
def test_errors_say_what_came_and_what_was_expected(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_a_refused_step_changes_nothing():
    w = [np.ones(3), np.ones(2)]
    adam = optim.Adam(w)
    with pytest.raises(ValueError):
        adam.step([np.ones(3), np.ones(3)])
    assert adam.t == 0 and np.array_equal(w[0], np.ones(3))


@pytest.mark.parametrize(("value", "dtype"), [(1e20, np.float32), (1e-25, np.float32), (1e200, float), (1e-200, float)])
def test_a_norm_whose_square_does_not_fit(value, dtype):
    grads = [np.full(4, value, dtype), np.full(5, value, dtype)]
    assert optim.clip_by_global_norm(grads, value) == pytest.approx(3 * value, rel=1e-6)
    assert np.concatenate(grads) == pytest.approx(np.full(9, value / 3), rel=1e-5)


def test_a_long_sum_of_squares_keeps_its_digits():
    assert optim.clip_by_global_norm([np.full(10**7, 0.1, np.float32)], 1e9) == pytest.approx(np.sqrt(1e5), rel=1e-7)


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
def test_parameters_added_or_reordered_later(kind):
    params = {"a": np.ones(2), "b": np.ones(3)}
    optimiser = kind(params, lr=0.1)
    optimiser.step({"a": np.ones(2), "b": np.zeros(3)})
    params["a"] = params.pop("a")  # now the last
    optimiser.step({"a": np.ones(2), "b": np.zeros(3)})
    np.testing.assert_allclose(params["b"], 1)
    assert (params["a"] < 0.9).all()
    params["c"] = np.ones(1)
    with pytest.raises(ValueError, match="'c' .* not among those this optimiser was made with"):
        optimiser.step({"a": np.ones(2), "b": np.ones(3), "c": np.ones(1)})


def test_a_bad_gradient_does_not_stay_without_momentum():
    params = [np.ones(2)]
    sgd = optim.SGD(params, lr=0.1)
    sgd.step([np.array([np.nan, 1.0])])
    params[0][:] = 1
    sgd.step([np.ones(2)])
    np.testing.assert_allclose(params[0], 0.9)


def test_a_norm_of_half_precision_keeps_its_digits():
    grads = [np.full(1000, 5e-4, np.float16)]
    assert optim.clip_by_global_norm(grads, 1.0) == pytest.approx(np.float16(5e-4) * np.sqrt(1000), rel=1e-6)
    assert optim.clip_by_global_norm([np.full(100, 6e4, np.float16)], 1e9) == pytest.approx(6e5, rel=1e-3)


def test_one_array_under_two_names_is_scaled_once():
    tied = np.array([3.0, 4.0])
    assert optim.clip_by_global_norm({"embedding": tied, "readout": tied}, 1.0) == 5
    np.testing.assert_allclose(tied, [0.6, 0.8])


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
def test_an_optimiser_that_would_go_wrong_in_silence_says_so(kind):
    w = np.ones(2)
    with pytest.raises(ValueError, match="the parameters 'a' and 'b' are one array"):
        kind({"a": w, "b": w}, lr=0.1)
    params = [np.ones(2), np.ones(2)]
    optimiser = kind(params, lr=0.1)
    params.reverse()
    with pytest.raises(ValueError, match="the parameter 0 is the array that was 1"):
        optimiser.step([np.ones(2), np.ones(2)])
    optimiser = kind(named := {"a": np.ones(2)}, lr=0.1)
    named["a"] = np.zeros(2)  # weights that were loaded
    optimiser.step({"a": np.ones(2)})
    optimiser.lr = 0.0  # the first step of a warm-up
    optimiser.step({"a": np.ones(2)})
    assert (named["a"] < 0).all()
    for lr in (np.nan, -0.1):
        optimiser.lr = lr
        with pytest.raises(ValueError, match="what did the schedule compute"):
            optimiser.step({"a": np.ones(2)})


@pytest.mark.parametrize("lr", ["0.1", None, np.ones(2)])
def test_a_learning_rate_is_one_number(lr):
    with pytest.raises(ValueError, match="expected one positive number"):
        optim.Adam([np.ones(2)], lr=lr)
