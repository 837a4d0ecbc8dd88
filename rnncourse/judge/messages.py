"""What a student reads when a function is not right: the first stage that fails, then the term."""

from __future__ import annotations

import numpy as np

from rnncourse.judge.compare import ABSOLUTE, Problem, rms
from rnncourse.judge.spec import Case, Spec


def explain(spec: Spec, seen: list, reveal: bool) -> list[str]:
    """The lines for a function of which at least one case failed; `seen` holds one observation per case."""
    number = next(k for k, o in enumerate(seen) if not o.passed)
    case = spec.cases[number]
    opening = f"{spec.name} is not right yet{_where(case, seen)}."
    return [opening, *_what(spec, case, seen[number], reveal), *_terms(spec, seen)]


def _where(case: Case, seen: list) -> str:
    sizes = ", ".join(f"{k} = {v}" for k, v in case.sizes.items())
    wrong = sum(not o.passed for o in seen)
    return (
        f": {wrong} of {len(seen)} cases fail, the first with {sizes}"
        if sizes
        else f": {wrong} of {len(seen)} cases fail"
    )


def _what(spec: Spec, case: Case, seen, reveal: bool) -> list[str]:
    """The first stage that fails: exception, type, shape, finiteness, value."""
    if seen.reply.trouble:
        return [seen.reply.text]
    lines = [case.says] if case.says else []
    problems = {k: v.text for k, v in seen.leaves.items() if isinstance(v, Problem)}
    if problems:
        return [*lines, *dict.fromkeys(problems.values())]
    wrong = [k for k, ok in seen.right.items() if not ok]
    right = [k for k, ok in seen.right.items() if ok]
    if right and wrong:
        lines.append(f"Right: {', '.join(right)}. Wrong: {', '.join(wrong)}.")
    return [
        *lines,
        *(_value(k, seen.leaves[k], seen.expected[k], case.sizes, spec.tolerance, reveal) for k in wrong[:3]),
    ]


def _value(name, leaf, expected, sizes, tolerance, reveal) -> str:
    if isinstance(expected, str):
        texts = f": yours is {leaf!r:.80}, expected {expected!r:.80}" if reveal else ""
        return f"{name} is another text than expected{texts}.".replace("\\x1f", " | ")
    error = np.abs(leaf.astype(np.float64) - expected.astype(np.float64))
    if not error.size:
        return f"{name} is wrong."
    worst = np.unravel_index(int(np.argmax(np.nan_to_num(error, nan=np.inf))), error.shape)
    at = f"[{', '.join(map(str, worst))}]" if error.ndim else ""
    values = f": yours {_number(leaf[worst])}, expected {_number(expected[worst])}" if reveal else ""
    bad = ~(error <= tolerance * rms(expected) + ABSOLUTE)
    text = f"{name} has the right shape and wrong values: {int(bad.sum())} of {bad.size} entries"
    if not error.ndim:
        text = f"{name} has the wrong value"
    if reveal or error.ndim:
        text += f", largest difference {error[worst]:.3g} at {name}{at}{values}" if error.ndim else values
    if not reveal:
        text += f" (the values are of size {rms(expected):.3g})"
    if error.ndim > 1 and sizes.get("T", 0) == len(error) > 1:
        steps = np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1))
        text += f"; wrong steps: {_steps(steps, len(error))}"
    if leaf.dtype.kind in "iu" and expected.dtype.kind == "f":
        text += "; your array holds integers, so fractions are cut off"
    return text + "."


def _number(value) -> str:
    return str(value) if value.dtype.kind in "biu" else f"{value:.5g}"


def _steps(steps, T) -> str:
    if len(steps) == T:
        return f"all {T}"
    return ", ".join(f"t = {t}" for t in steps[:6]) + (" ..." if len(steps) > 6 else "")


def _terms(spec: Spec, seen: list) -> list[str]:
    """Which term is wrong, if some terms alone are right and others are not."""
    alone = {c.term: o.passed for c, o in zip(spec.cases, seen, strict=True) if c.term}
    wrong = [t for t, ok in alone.items() if not ok]
    if not wrong or len(wrong) == len(alone):
        if alone and not wrong and not any(o.reply.trouble for o in seen):
            return ["Each term alone is right: look at how the terms are combined."]
        return []
    right = [t for t, ok in alone.items() if ok]
    arguments = _listed(a for t in wrong for a in spec.terms[t])
    return [
        f"Look at the {_listed(wrong)} term{'s' * (len(wrong) > 1)} ({arguments}): "
        f"with the other terms zero the result is wrong; for {_listed(right)} alone it is right."
    ]


def _listed(words) -> str:
    words = list(words)
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
