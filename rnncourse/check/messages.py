"""What a student reads when a function is not right: what is known, the first stage that fails, then the term."""

from __future__ import annotations

import itertools
import numbers

import numpy as np

from rnncourse.check.compare import ABSOLUTE, Problem, rms
from rnncourse.check.spec import ARGUMENTS, RESULT, Case, Spec

MOST_NAMES = 8  # of the others
MOST_RIGHT = 5  # that are listed by name


def explain(spec: Spec, seen: list, reveal: bool, told: list[str]) -> list[str]:
    """The lines for a function of which at least one case failed.

    `seen` holds one observation per case, `told` the sentences that say what is wrong, if that is known.
    """
    number = next(k for k, o in enumerate(seen) if not o.passed)
    wrong = sum(not o.passed for o in seen)
    opening = f"{spec.name} is not right yet: {wrong} of {len(seen)} cases fail{'s' * (wrong == 1)}"
    where = _where(spec.cases[number])
    if where:
        opening += f", {'with' if wrong == 1 else 'the first with'} {where}"
    return [opening + ".", *told, *_what(spec, seen, number, reveal, bool(told)), *_terms(spec, seen)]


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


def _what(spec: Spec, seen: list, number: int, reveal: bool, known: bool) -> list[str]:
    """The first stage that fails: exception, type, shape, finiteness, value. Of several wrong arrays one is shown."""
    case, first = spec.cases[number], seen[number]
    if first.reply.trouble:
        return [first.reply.text]
    lines = [case.says] if case.says else []
    summary = _right_and_wrong(seen)
    lines += summary + ([] if known else _exchanged(first))
    wrong = [k for k, ok in first.right.items() if not ok]
    problems = {k: v.text for k, v in first.leaves.items() if isinstance(v, Problem)}
    shown = [k for k, text in problems.items() if k == ARGUMENTS or text == next(iter(problems.values()))] or wrong[:1]
    lines += dict.fromkeys(problems[k] for k in shown if k in problems)
    lines += [_value(spec, case, k, first, reveal) for k in shown if k not in problems]
    return lines if summary else lines + _others([k for k in wrong if k not in shown])


def _others(names: list[str]) -> list[str]:
    """The wrong values of which nothing more is said, so that nobody takes them for right."""
    if not names:
        return []
    listed = ", ".join(names[:MOST_NAMES]) + (" ..." if len(names) > MOST_NAMES else "")
    return [f"{len(names)} more {'are' if len(names) > 1 else 'is'} wrong: {listed}."]


def _right_and_wrong(seen: list) -> list[str]:
    """Which of several returned values are right in all cases, if the function answered in all."""
    leaves = list(dict.fromkeys(k for o in seen for k in o.right if k not in (ARGUMENTS, RESULT)))
    right = [k for k in leaves if all(o.right.get(k, True) for o in seen)]
    if not right or len(right) == len(leaves) or any(o.reply.trouble for o in seen):
        return []
    wrong = f"Wrong: {', '.join(k for k in leaves if k not in right)}."
    if len(right) > MOST_RIGHT:
        return [f"{wrong} The other {len(right)} are right."]
    return [f"Right: {', '.join(right)}. {wrong}"]


def _exchanged(seen) -> list[str]:
    """Two returned arrays of which each has the other's shape."""
    came = {k: v.array.shape for k, v in seen.leaves.items() if isinstance(v, Problem) and v.array is not None}
    due = {k: np.shape(v) for k, v in seen.expected.items()}
    pairs = [(a, b) for a, b in itertools.combinations(came, 2) if (came[a], came[b]) == (due[b], due[a])]
    if len(pairs) != 1 or due[pairs[0][0]] == due[pairs[0][1]]:
        return []
    return [f"{pairs[0][0]} and {pairs[0][1]} have each other's shapes."]


def _value(spec: Spec, case: Case, name: str, seen, reveal: bool) -> str:
    """How a value of the right form is wrong: where, how far, in which blocks and steps."""
    leaf, expected = seen.leaves[name], seen.expected[name]
    if isinstance(expected, str):
        texts = f": yours is {leaf!r:.80}, expected {expected!r:.80}" if reveal else ""
        return f"{name} is another text than expected{texts}.".replace("\\x1f", " | ")
    if name.startswith("d ") and leaf.any() != expected.any():  # a gradient that an adapter was asked for
        return _reached(name.removeprefix("d "), bool(leaf.any()))
    with np.errstate(invalid="ignore"):
        error = np.abs(leaf.astype(np.float64) - expected.astype(np.float64))
    if not error.size:
        return f"{name} is wrong."
    bad = ~((error <= spec.tolerance * rms(expected[np.isfinite(expected)]) + ABSOLUTE) | (leaf == expected))
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
    text += _blocks(spec.blocks.get(name, ()), bad) + _steps(case, bad)
    if leaf.dtype.kind in "iu" and expected.dtype.kind == "f":
        text += "; your array holds integers, so fractions are cut off"
    return text + "."


def _blocks(blocks: tuple[str, ...], bad) -> str:
    """Which of the blocks along the last axis are wrong, if some are right."""
    if not blocks or bad.shape[-1] % len(blocks):
        return ""
    wrong = bad.reshape(-1, len(blocks), bad.shape[-1] // len(blocks)).any(axis=(0, 2))
    named = [block for block, is_wrong in zip(blocks, wrong, strict=True) if is_wrong]
    return "" if wrong.all() else f"; wrong block{'s' * (len(named) > 1)}: {', '.join(named)}"


def _steps(case: Case, bad) -> str:
    """Which steps are wrong, for an array whose first axis is time and no other length of the case."""
    T = case.sizes.get("T", 0)
    others = [n for k, n in case.sizes.items() if k != "T"]
    if bad.ndim < 2 or not len(bad) == T > 1 or T in others:
        return ""
    steps = np.flatnonzero(bad.reshape(T, -1).any(axis=1))
    if len(steps) == T:
        named = f"all {T}"
    elif len(steps) > 2 and steps[-1] - steps[0] == len(steps) - 1:
        named = f"t = {steps[0]} to {steps[-1]}"
    else:
        named = ", ".join(f"t = {t}" for t in steps[:6]) + f" and {len(steps) - 6} more" * (len(steps) > 6)
    return f"; wrong steps: {named}"


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


def _terms(spec: Spec, seen: list) -> list[str]:
    """Which term is wrong, if some terms alone are right and others are not."""
    alone = {c.term: _right(o) for c, o in zip(spec.cases, seen, strict=True) if c.term}
    wrong = [t for t, ok in alone.items() if not ok]
    if not wrong or len(wrong) == len(alone):
        if (
            alone
            and not wrong
            and not all(map(_right, seen))
            and not any(o.reply.trouble or _problems(o) for o in seen)
        ):
            return ["Each term alone is right: look at how the terms are combined."]
        return []
    right = [t for t, ok in alone.items() if ok]
    arguments = _listed(a for t in wrong for a in spec.terms[t])
    return [
        f"Look at the {_listed(wrong)} term{'s' * (len(wrong) > 1)} ({arguments}): "
        f"with the other terms zero the result is wrong; for {_listed(right)} alone it is right."
    ]


def _right(seen) -> bool:
    """Is all right that was returned? A changed argument is no fault of a term."""
    return all(ok for leaf, ok in seen.right.items() if leaf != ARGUMENTS)


def _problems(seen) -> bool:
    return any(isinstance(v, Problem) for v in seen.leaves.values())


def _listed(words) -> str:
    words = list(words)
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
