"""What a student reads when a function is not right: the first stage that fails, then the term."""

from __future__ import annotations

import numbers

import numpy as np

from rnncourse.check.compare import ABSOLUTE, Problem, rms
from rnncourse.check.spec import ARGUMENTS, Case, Spec

MOST_VALUES = 3  # wrong values of which the entries are shown
MOST_NAMES = 8  # of the others


def explain(spec: Spec, seen: list, reveal: bool) -> list[str]:
    """The lines for a function of which at least one case failed; `seen` holds one observation per case."""
    number = next(k for k, o in enumerate(seen) if not o.passed)
    wrong = sum(not o.passed for o in seen)
    opening = f"{spec.name} is not right yet: {wrong} of {len(seen)} cases fail{'s' * (wrong == 1)}"
    where = _where(spec.cases[number])
    if where:
        opening += f", {'with' if wrong == 1 else 'the first with'} {where}"
    return [opening + ".", *_what(spec, seen, number, reveal), *_terms(spec, seen)]


def _where(case: Case) -> str:
    """The drawn sizes with a symbol (T, B, ...) that are the length of an axis, and the scalar arguments."""
    scalars = {k: v for k, v in case.inputs.items() if isinstance(v, (numbers.Number, str, bool))}
    axes = {n for v in (*case.inputs.values(), *_parts(case.expected)) for n in np.shape(_array(v))}
    sizes = {k: v for k, v in case.sizes.items() if v in axes and k.isupper() and k not in scalars}
    shown = {**sizes, **({} if case.through else scalars)}
    return ", ".join(f"{k} = {_short(v)}" for k, v in shown.items())


def _parts(expected) -> tuple:
    return tuple(expected) if isinstance(expected, (tuple, list)) else (expected,)


def _array(value):
    return value if isinstance(value, np.ndarray) else 0


def _short(value) -> str:
    return f"{value:.5g}" if isinstance(value, float) else repr(value)


def _what(spec: Spec, seen: list, number: int, reveal: bool) -> list[str]:
    """The first stage that fails: exception, type, shape, finiteness, value."""
    case, first = spec.cases[number], seen[number]
    if first.reply.trouble:
        return [first.reply.text]
    lines = [case.says] if case.says else []
    summary = _right_and_wrong(seen)
    lines += summary + _exchanged(first)
    wrong = [k for k, ok in first.right.items() if not ok]
    problems = {k: v.text for k, v in first.leaves.items() if isinstance(v, Problem)}
    shown = list(problems) or wrong[:MOST_VALUES]
    values = (k for k in shown if k not in problems)
    lines += dict.fromkeys(problems.values())
    lines += [_value(k, first.leaves[k], first.expected[k], case.sizes, spec.tolerance, reveal) for k in values]
    return lines if summary else lines + _others([k for k in wrong if k not in shown])


def _others(names: list[str]) -> list[str]:
    """The wrong values of which nothing more is said, so that nobody takes them for right."""
    if not names:
        return []
    listed = ", ".join(names[:MOST_NAMES]) + (" ..." if len(names) > MOST_NAMES else "")
    return [f"{len(names)} more {'are' if len(names) > 1 else 'is'} wrong: {listed}."]


def _right_and_wrong(seen: list) -> list[str]:
    """Which of several returned values are right in all cases, if the function answered in all."""
    leaves = list(dict.fromkeys(k for o in seen for k in o.right if k != ARGUMENTS))
    right = [k for k in leaves if all(o.right.get(k, True) for o in seen)]
    if not right or len(right) == len(leaves) or any(o.reply.trouble for o in seen):
        return []
    return [f"Right: {', '.join(right)}. Wrong: {', '.join(k for k in leaves if k not in right)}."]


def _exchanged(seen) -> list[str]:
    """Two returned arrays of which each has the other's shape."""
    shapes = {k: v.array.shape for k, v in seen.leaves.items() if isinstance(v, Problem) and v.array is not None}
    if len(shapes) == len(seen.expected) == 2:
        (a, b), (c, d) = shapes.values(), (np.shape(v) for v in seen.expected.values())
        if (a, b) == (d, c) != (c, d):
            return ["The two values look exchanged."]
    return []


def _value(name, leaf, expected, sizes, tolerance, reveal) -> str:
    if isinstance(expected, str):
        texts = f": yours is {leaf!r:.80}, expected {expected!r:.80}" if reveal else ""
        return f"{name} is another text than expected{texts}.".replace("\\x1f", " | ")
    if name.startswith("d ") and leaf.any() != expected.any():  # a gradient that an adapter was asked for
        return _reached(name.removeprefix("d "), bool(leaf.any()))
    with np.errstate(invalid="ignore"):
        error = np.abs(leaf.astype(np.float64) - expected.astype(np.float64))
    if not error.size:
        return f"{name} is wrong."
    bad = ~((error <= tolerance * rms(expected[np.isfinite(expected)]) + ABSOLUTE) | (leaf == expected))
    whole = expected.dtype.kind in "biu"  # of tokens and masks the first wrong one tells more than the largest
    worst = np.nan_to_num(np.where(bad, error, -1), nan=np.inf)
    place = np.unravel_index(int(np.argmax(bad if whole else worst)), error.shape)
    at = f"{name}[{', '.join(map(str, place))}]"
    values = ": yours {}, expected {}".format(*_numbers(leaf[place], expected[place])) if reveal else ""
    if not error.ndim:
        text = f"{name} has the wrong value{values}"
    else:
        text = f"{name} has the right shape and wrong values: {int(bad.sum())} of {bad.size} entries, "
        text += f"the first at {at}{values}" if whole else f"largest difference {error[place]:.3g} at {at}{values}"
    if not reveal and not whole:
        text += f" (the values are of size {rms(expected):.3g})"
    if error.ndim > 1 and sizes.get("T", 0) == len(error) > 1:
        steps = np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1))
        text += f"; wrong steps: {_steps(steps, len(error))}"
    if leaf.dtype.kind in "iu" and expected.dtype.kind == "f":
        text += "; your array holds integers, so fractions are cut off"
    return text + "."


def _reached(argument: str, does: bool) -> str:
    """What to say where a gradient arrives and none should, or the other way round."""
    if does:
        return f"a gradient reaches {argument}, and none should: where is the graph to be cut?"
    return f"no gradient reaches {argument}: was it detached, or its value taken out of the graph?"


def _numbers(a, b) -> tuple[str, str]:
    """Two numbers with as many digits as tell them apart."""
    if a.dtype.kind in "biu" and b.dtype.kind in "biu":
        return str(a), str(b)
    for digits in (5, 8, 12):
        shown = f"{a:.{digits}g}", f"{b:.{digits}g}"
        if shown[0] != shown[1]:
            break
    return shown


def _steps(steps, T) -> str:
    if len(steps) == T:
        return f"all {T}"
    return ", ".join(f"t = {t}" for t in steps[:6]) + (" ..." if len(steps) > 6 else "")


def _terms(spec: Spec, seen: list) -> list[str]:
    """Which term is wrong, if some terms alone are right and others are not."""
    alone = {c.term: o.passed for c, o in zip(spec.cases, seen, strict=True) if c.term}
    wrong = [t for t, ok in alone.items() if not ok]
    if not wrong or len(wrong) == len(alone):
        if alone and not wrong and not any(o.reply.trouble or _problems(o) for o in seen):
            return ["Each term alone is right: look at how the terms are combined."]
        return []
    right = [t for t, ok in alone.items() if ok]
    arguments = _listed(a for t in wrong for a in spec.terms[t])
    return [
        f"Look at the {_listed(wrong)} term{'s' * (len(wrong) > 1)} ({arguments}): "
        f"with the other terms zero the result is wrong; for {_listed(right)} alone it is right."
    ]


def _problems(seen) -> bool:
    return any(isinstance(v, Problem) for v in seen.leaves.values())


def _listed(words) -> str:
    words = list(words)
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
