"""Are hand-written gradients right? Compare them with central differences of the loss, in float64."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

SMALLEST_STEP = 1e-12  # rounding of the loss, 1e-16, leaves four digits of the difference


@dataclass(frozen=True)
class Comparison:
    """How close two gradients of one array are. ``compare`` makes it, ``table`` prints it."""

    name: str  #: of the array
    exact: bool  #: every number is the same
    approximate: bool  #: the largest difference is within the tolerance
    max_difference: float  #: the largest difference of two entries, without its sign
    relative: float  #: that difference over the largest magnitude in either gradient
    small: bool = False  #: no entry exceeds atol in magnitude, so that ``approximate`` says nothing


def numerical_gradient(loss: Callable, array: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Gradient of loss(array) by central differences: (loss(a + step) - loss(a - step)) / (2 step), entry by entry.

    array: float64, any shape; never changed, ``loss`` gets copies. ``loss`` must compute one finite float64 number from
    its argument. step is in the units of the array, multiplied by the magnitude of entries beyond 1. Its error is of
    the order of step² (the method) plus 1e-16 / step times the magnitude of the loss (rounding): 1e-5 is near the best
    compromise.

    Returns a float64 array of the same shape, at the cost of two calls of ``loss`` per entry and two more.

    Raises ValueError if the array is not float64, if the step is lost in rounding, if ``loss`` returns anything but one
    finite float64 number, or different numbers for the same argument.
    Source: Press et al., Numerical Recipes (2007), section 5.7; chapter 03-backpropagation-through-time.
    """
    _require_float64("array", array)
    if not 0 < step < np.inf:
        raise ValueError(f"step is {step}, expected a small positive number: pass 1e-5")
    if step < SMALLEST_STEP:
        raise ValueError(f"step is {step}, which rounding swallows beside the loss: pass 1e-5")
    if not np.isfinite(array).all():
        raise ValueError("array holds NaN or infinity: there is no gradient to compare at such a place")
    probe = np.array(array, order="C")
    entries = probe.reshape(-1)  # a view
    gradient = np.empty(entries.size)
    once, again = _evaluate(loss, probe), _evaluate(loss, probe)
    if abs(once - again) > 1e-12 * max(1.0, abs(once)):
        raise ValueError(
            f"the loss differs between two calls with the same argument, {once} and {again}: draw random numbers "
            "(dropout, noise) once, outside of it, or make its generator anew with the same seed in every call"
        )
    for i, value in enumerate(entries.tolist()):
        width = step * max(1.0, abs(value))
        entries[i] = above = value + width
        loss_above = _evaluate(loss, probe)
        entries[i] = below = value - width
        loss_below = _evaluate(loss, probe)
        entries[i] = value
        if not above > below:
            raise ValueError(f"step is {step}, which rounding swallows beside the entry {value}: pass 1e-5")
        gradient[i] = (loss_above - loss_below) / (above - below)  # the step as it was after rounding
    return gradient.reshape(array.shape)


def compare(
    analytic: np.ndarray, numeric: np.ndarray, name: str = "gradient", rtol: float = 1e-6, atol: float = 1e-8
) -> Comparison:
    """Compare two gradients of one array, for instance a hand-written one with a numerical one.

    analytic, numeric: float64 arrays of the same shape. They agree approximately if no difference exceeds
    atol + rtol · (the largest magnitude in either). A NaN or an infinity anywhere is a disagreement. Where both
    gradients are below atol everywhere, they agree whatever they are, and ``small`` is true.

    Raises ValueError if one of them is not float64 or their shapes differ.
    """
    _require_float64(f"the analytic {name}", analytic)
    _require_float64(f"the numeric {name}", numeric)
    if analytic.shape != numeric.shape:
        raise ValueError(
            f"the analytic {name} has shape {analytic.shape}, expected {numeric.shape}, the shape of the numeric one: "
            "a gradient has the shape of the array it belongs to"
        )
    exact = np.array_equal(analytic, numeric)
    with np.errstate(invalid="ignore"):  # infinity - infinity is NaN here, and that is the answer
        difference = float(np.max(np.abs(analytic - numeric), initial=0.0))
    scale = float(max(np.max(np.abs(analytic), initial=0.0), np.max(np.abs(numeric), initial=0.0)))
    approximate = bool(np.isfinite(scale) and difference <= atol + rtol * scale)
    relative = difference / scale if scale != 0 else 0.0  # both gradients are zero everywhere
    return Comparison(name, exact, approximate, difference, relative, small=not exact and scale <= atol)


def check_gradients(
    loss: Callable,
    arrays: Mapping[str, np.ndarray],
    gradients: Mapping[str, np.ndarray],
    step: float = 1e-5,
    rtol: float = 1e-6,
    atol: float = 1e-8,
) -> list[Comparison]:
    """Check hand-written gradients of ``loss(**arrays)``, one by one, against central differences.

    arrays: name -> array, everything ``loss`` is called with; none is changed. Floats must be float64;
    integers, such as token ids, and what is no array, such as None, may be among them, but have no gradient.

    gradients: name -> hand-written gradient, for all or some of these names, in the order of the result.

    step as in ``numerical_gradient``, rtol and atol as in ``compare``. All is well if every ``approximate`` is true.

    Raises ValueError for a name that is not in ``arrays``, and as ``numerical_gradient`` and ``compare`` do.
    Source: chapter 03-backpropagation-through-time.
    """
    if not gradients:
        raise ValueError("gradients is empty, expected at least one: pass {'W_h': dW_h, ...}")
    for name in gradients:
        if name not in arrays:
            known = ", ".join(arrays)
            raise ValueError(f"gradients has the name {name!r}, expected one of {known}: use the names of the arrays")
    for name, array in arrays.items():
        short = isinstance(array, (np.ndarray, np.generic)) and array.dtype.kind in "fc" and array.dtype != np.float64
        if name in gradients or short:
            _require_float64(name, array)

    rows = []
    for name, analytic in gradients.items():

        def loss_of_one(value, name=name):
            copies = {other: copy.deepcopy(array) for other, array in arrays.items() if other != name}
            return loss(**copies, **{name: value})

        numeric = numerical_gradient(loss_of_one, arrays[name], step)
        rows.append(compare(analytic, numeric, name, rtol, atol))
    return rows


def table(rows: list[Comparison], floor: float = 1e-7) -> str:
    """The comparisons as text: exact, approximate, max difference and relative difference per array.

    Differences below ``floor`` are shown as "< floor": their digits are rounding, and differ between machines.
    A line below the table names the arrays whose gradients are too small for the comparison to say anything.
    """
    lines = [("array", "exact", "approximate", "max difference", "relative")]
    for row in rows:
        agreement = ("yes" if row.exact else "no", "yes" if row.approximate else "NO")
        lines.append((row.name, *agreement, _figure(row.max_difference, floor), _figure(row.relative, floor)))
    width = max(len(name) for name, *_ in lines)
    shown = [f"{name:<{width}}{a:>7}{b:>13}{c:>16}{d:>10}" for name, a, b, c, d in lines]
    if small := ", ".join(row.name for row in rows if row.small):
        shown.append(f"Not tested: {small}. No entry is above atol, so any gradient as small would pass;")
        shown.append("multiply the loss by a large number, or pass a smaller atol.")
    return "\n".join(shown)


def _figure(value, floor):
    if value == 0:
        return "0"
    return f"< {floor:.0e}" if value < floor else f"{value:.1e}"


def _evaluate(loss, probe):
    value = np.asarray(loss(probe.copy()))
    if value.dtype != np.float64 or value.ndim != 0:
        raise ValueError(
            f"loss returned something of dtype {value.dtype} and shape {value.shape}, expected one float64 number: "
            "keep everything in float64 and reduce it with .sum()"
        )
    if not np.isfinite(value):
        raise ValueError(f"loss returned {value}, expected a finite number: check it away from its singular points")
    return float(value)


def _require_float64(name, array):
    if not isinstance(array, np.ndarray):
        fix = f"pass np.array({name}, dtype=np.float64)" if name.isidentifier() else "convert it with np.array"
        raise ValueError(f"{name} is of type {type(array).__name__}, expected a float64 NumPy array: {fix}")
    if array.dtype.kind in "iub":
        raise ValueError(
            f"{name} has dtype {array.dtype}, expected float64: whole numbers have no gradient; "
            "leave ids of tokens out of the gradients (the table that they look up has one), and convert measurements "
            "with .astype(np.float64)"
        )
    if array.dtype != np.float64:
        raise ValueError(
            f"{name} has dtype {array.dtype}, expected float64: a difference of two nearly equal losses has no correct "
            "digits left in a shorter type; convert everything the loss reads with .astype(np.float64)"
        )
