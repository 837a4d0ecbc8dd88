"""The gradient checker finds right gradients right and planted bugs wrong, and refuses what it cannot judge."""

import numpy as np
import pytest

from rnncourse.gradcheck import check_gradients, compare, numerical_gradient, table
from rnncourse.layers import rnn_backward, rnn_forward

NAMES = ("x", "h0", "W_x", "W_h", "b")


def rnn_problem():
    """Arguments of a small RNN by name, its loss as a function of them, and dh, the gradient of that loss."""
    rng = np.random.default_rng(0)
    T, B, features, H = 4, 2, 3, 5
    shapes = [(T, B, features), (B, H), (H, features), (H, H), (H,)]
    arrays = {name: 0.5 * rng.normal(size=shape) for name, shape in zip(NAMES, shapes, strict=True)}
    dh = rng.normal(size=(T, B, H))
    return arrays, lambda **arrays: np.sum(rnn_forward(**arrays)[0] * dh), dh


def test_numerical_gradient_of_known_functions():
    a = np.linspace(-2.0, 2.0, 12).reshape(3, 4)
    np.testing.assert_allclose(numerical_gradient(lambda a: np.sum(a**3), a), 3 * a**2, rtol=0, atol=1e-8)
    np.testing.assert_allclose(
        numerical_gradient(lambda a: float(np.tanh(a[1, 2])), a)[1, 2], 1 - np.tanh(a[1, 2]) ** 2
    )


@pytest.mark.parametrize("array", [np.array(0.3), np.ones((2, 0)), np.arange(12.0).reshape(3, 4).T[::2]])
def test_any_shape_and_memory_layout(array):
    gradient = numerical_gradient(lambda a: np.sum(np.sin(a)), array)
    assert gradient.shape == array.shape
    np.testing.assert_allclose(gradient, np.cos(array), rtol=0, atol=1e-8)


def test_large_entries_get_a_step_that_they_feel():
    a = np.array([1e12, -3e12])
    np.testing.assert_allclose(numerical_gradient(lambda a: np.sum(a), a), [1, 1], rtol=1e-8)


def test_the_rnn_layer_passes():
    arrays, loss, dh = rnn_problem()
    gradients = dict(zip(NAMES, rnn_backward(dh, rnn_forward(**arrays)[1]), strict=True))
    rows = check_gradients(loss, arrays, gradients)
    assert [row.name for row in rows] == list(NAMES)
    assert all(row.approximate and row.max_difference < 1e-8 and row.relative < 1e-8 for row in rows)


def textbook_backward(arrays, dh, bug=None):
    """Backpropagation through time step by step, with one planted bug on request."""
    x, h0, W_x, W_h, b = arrays.values()
    h, _ = rnn_forward(x, h0, W_x, W_h, b)
    gradients = {name: np.zeros_like(array) for name, array in arrays.items()}
    dh_next = np.zeros_like(h0)
    for t in reversed(range(len(x))):
        h_prev = h[t - 1] if t else h0
        da = dh[t] if bug == "truncated" else dh[t] + dh_next
        if bug != "no slope":
            da = da * (1 - (h_prev if bug == "slope of the previous state" else h[t]) ** 2)
        dh_next = da @ (W_h.T if bug == "W_h transposed" else W_h)
        gradients["x"][t] = da @ W_x
        gradients["W_x"] += da.T @ x[t]
        gradients["W_h"] += da.T @ (h[t] if bug == "state of the same step" else h_prev)
        if bug == "bias of the last step":
            gradients["b"] = gradients["b"] if t < len(x) - 1 else da.sum(axis=0)
        else:
            gradients["b"] += da.mean(axis=0) if bug == "mean over the batch" else da.sum(axis=0)
    gradients["h0"] = np.zeros_like(h0) if bug == "h0 forgotten" else dh_next
    if bug == "one wrong entry":
        gradients["W_h"][2, 3] += 1e-4
    if bug == "nan":
        gradients["W_h"][0, 0] = np.nan
    return gradients


BUGS = {  # planted bug -> the arrays whose gradient it spoils
    None: set(),
    "truncated": {"x", "h0", "W_x", "W_h", "b"},
    "no slope": {"x", "h0", "W_x", "W_h", "b"},
    "slope of the previous state": {"x", "h0", "W_x", "W_h", "b"},
    "W_h transposed": {"x", "h0", "W_x", "W_h", "b"},
    "state of the same step": {"W_h"},
    "bias of the last step": {"b"},
    "mean over the batch": {"b"},
    "h0 forgotten": {"h0"},
    "one wrong entry": {"W_h"},
    "nan": {"W_h"},
}


@pytest.mark.parametrize(("bug", "spoilt"), BUGS.items(), ids=[str(bug) for bug in BUGS])
def test_planted_bugs_are_found_where_they_are(bug, spoilt):
    arrays, loss, dh = rnn_problem()
    rows = check_gradients(loss, arrays, textbook_backward(arrays, dh, bug))
    assert {row.name for row in rows if not row.approximate} == spoilt


def test_compare_measures():
    a, b = np.array([1.0, -4.0]), np.array([1.0, -3.0])
    row = compare(a, b, "W")
    assert (row.name, row.exact, row.approximate, row.max_difference, row.relative) == ("W", False, False, 1.0, 0.25)
    assert compare(a, a.copy()).exact
    assert compare(a, a + 1e-7).approximate and not compare(a, a + 1e-7).exact
    zero = compare(np.zeros(3), np.zeros(3))
    assert zero.exact and zero.approximate and zero.relative == 0
    assert compare(np.zeros(3), np.full(3, 1e-11)).approximate  # rounding around a gradient of exactly zero
    assert not compare(np.array([np.inf]), np.array([np.inf])).approximate


def test_table_shows_no_digits_that_are_rounding():
    rows = [compare(np.array([1.0, 2.0]), np.array([1.0, 2.0 + 1e-11]), "W_x"), compare(np.ones(2), np.zeros(2), "b")]
    assert table(rows).splitlines() == [
        "array  exact  approximate  max difference  relative",
        "W_x       no          yes         < 1e-07   < 1e-07",
        "b         no           NO         1.0e+00   1.0e+00",
    ]


def test_gradients_too_small_to_be_judged_are_named():
    wrong, right = np.array([3e-9, 0.0]), np.array([1e-9, 0.0])
    row = compare(wrong, right, "W_x")
    assert row.approximate and row.small
    assert "Not tested: W_x." in table([row]) and "smaller atol" in table([row])
    assert not compare(wrong, right, atol=0).approximate
    assert not compare(wrong, right, atol=0).small
    assert not compare(np.zeros(2), np.zeros(2)).small, "exactly zero, both of them: right"
    assert not compare(np.ones(2), np.ones(2) + 1e-9).small
    assert not compare(np.array([np.nan]), np.array([0.0])).small


def test_the_message_about_integers_says_what_has_a_gradient():
    ids, E = np.array([2, 0, 2]), np.ones((3, 2))
    with pytest.raises(ValueError, match="^ids has dtype int64.*the table that they look up has one"):
        check_gradients(lambda E, ids: np.sum(E[ids] ** 2), {"E": E, "ids": ids}, {"ids": np.zeros(3)})


def test_arrays_stay_as_they_were_even_if_the_loss_raises():
    arrays, loss, dh = rnn_problem()
    before = {name: array.copy() for name, array in arrays.items()}
    calls = []

    def failing(**arrays):
        calls.append(1)
        arrays["b"] += 1.0  # a careless loss gets copies, whatever array is being probed
        if len(calls) == 3:
            raise RuntimeError("in the loss")
        return loss(**arrays)

    with pytest.raises(RuntimeError, match="in the loss"):
        check_gradients(failing, arrays, {"W_x": np.zeros_like(arrays["W_x"])})
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, before[name])


def test_a_loss_may_work_in_place_on_what_it_gets():
    def in_place(a):
        a *= 2.0
        return np.sum(a)

    a = np.ones(3)
    np.testing.assert_allclose(numerical_gradient(in_place, a), [2, 2, 2], rtol=1e-9)
    np.testing.assert_array_equal(a, np.ones(3))


REFUSED = {
    "float32": (np.ones(3, np.float32), r"has dtype float32, expected float64: .*astype\(np.float64\)"),
    "integers": (np.ones(3, int), r"has dtype int64, expected float64"),
    "list": ([1.0, 2.0], r"is of type list, expected a float64 NumPy array"),
}


@pytest.mark.parametrize(("wrong", "message"), REFUSED.values(), ids=REFUSED)
def test_only_float64_arrays_are_judged(wrong, message):
    with pytest.raises(ValueError, match="^array " + message):
        numerical_gradient(lambda a: np.sum(a), wrong)
    with pytest.raises(ValueError, match="^the analytic b " + message):
        compare(wrong, np.ones(3), "b")
    with pytest.raises(ValueError, match="^the numeric b " + message):
        compare(np.ones(3), wrong, "b")
    with pytest.raises(ValueError, match="^b " + message):
        check_gradients(lambda a, b: np.sum(a), {"a": np.ones(3), "b": wrong}, {"a": np.ones(3), "b": np.ones(3)})


def test_ids_may_be_among_the_arguments():
    rows = check_gradients(
        lambda a, ids: np.sum(a[ids]), {"a": np.ones(3), "ids": np.array([0, 2])}, {"a": [1.0, 0, 1] * np.ones(3)}
    )
    assert rows[0].approximate


@pytest.mark.parametrize("value", [[0, 2], 2, 0.5, None, "mean", np.uint8(2), True])
def test_what_has_no_gradient_may_be_among_the_arguments(value):
    a = np.ones(3)
    assert check_gradients(lambda a, other: np.sum(a), {"a": a, "other": value}, {"a": a})[0].approximate


def test_ids_have_no_gradient():
    arrays = {"a": np.ones(3), "ids": np.array([0, 2])}
    with pytest.raises(ValueError, match="ids has dtype int64.* no gradient; leave ids of tokens out"):
        check_gradients(lambda a, ids: np.sum(a[ids]), arrays, {"ids": np.ones(2)})


def test_places_and_steps_without_a_difference():
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="array holds NaN or infinity"):
            numerical_gradient(lambda a: 0.0, np.array([bad]))
    with pytest.raises(ValueError, match="step is 1e-17, which rounding swallows"):
        numerical_gradient(lambda a: 1.0 + np.sum(a), np.zeros(3), step=1e-17)


def test_a_random_loss_and_a_step_that_is_lost_are_told():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="the loss differs between two calls with the same argument"):
        numerical_gradient(lambda a: np.sum(a * rng.normal(size=3)), np.ones(3))
    with pytest.raises(ValueError, match="step is 1e-17, which rounding swallows"):
        numerical_gradient(np.sum, np.ones(3), step=1e-17)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lambda a: a, r"dtype float64 and shape \(3,\), expected one float64 number"),
        (lambda a: np.sum(a, dtype=np.float32), "dtype float32 and shape"),
        (lambda a: None, "dtype object"),
        (lambda a: np.nan * np.sum(a), "loss returned nan, expected a finite number"),
    ],
    ids=["array", "float32", "None", "nan"],
)
def test_the_loss_must_be_one_finite_float64(loss, message):
    with pytest.raises(ValueError, match=message):
        numerical_gradient(loss, np.ones(3))


def test_wrong_names_shapes_and_steps_are_explained():
    a, b = np.ones(3), np.ones((3, 1))
    with pytest.raises(ValueError, match=r"has shape \(3,\), expected \(3, 1\)"):
        compare(a, b)
    with pytest.raises(ValueError, match="name 'W_f', expected one of W_x, b"):
        check_gradients(lambda W_x, b: np.sum(b), {"W_x": a, "b": a}, {"W_f": a})
    with pytest.raises(ValueError, match="gradients is empty"):
        check_gradients(lambda W_x: np.sum(W_x), {"W_x": a}, {})
    with pytest.raises(ValueError, match="step is 0, expected a small positive number"):
        numerical_gradient(lambda a: np.sum(a), a, step=0)
