"""Judge a function by its cases: right or not, at which stage it fails, and which known mistake explains it.

One judge serves the student's notebook (public cases), the tests and the grading (hidden cases). It calls the function
only through `call(name, args) -> Reply`, so the function may live in this process or behind a sandbox's wall.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rnncourse.check import adapters, messages, properties, wire
from rnncourse.check.call import Reply
from rnncourse.check.compare import Problem, Wrong, agree, fingerprint, leaves
from rnncourse.check.diagnose import diagnose
from rnncourse.check.spec import ARGUMENTS, RIGHT, Case, Spec

MOST_TEXT = 5000  # characters of a message
OPENINGS = {
    "whole": "Known mistake:",
    "symptom": "A known mistake that ends like this:",
    "part": "Part of it looks like a known mistake:",
}


@dataclass(frozen=True)
class Observation:
    """One case: the leaves, which of them are right, and the trouble if there was any."""

    leaves: dict
    expected: dict
    right: dict[str, bool]
    reply: Reply

    @property
    def passed(self) -> bool:
        return all(self.right.values())

    def prints(self) -> dict:
        """Per leaf RIGHT or its fingerprint."""
        return {
            k: RIGHT if self.right[k] else fingerprint(leaf, self.expected.get(k)) for k, leaf in self.leaves.items()
        }


@dataclass(frozen=True)
class Verdict:
    """The outcome for one function: `message` is for the student, `mistakes` are the names of what was recognised."""

    name: str
    passed: bool
    message: str
    mistakes: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    trouble: str | None = None  # of the first case, as in Reply


class _Stop(Exception):
    def __init__(self, reply):
        self.reply = reply


def observe(spec: Spec, case: Case, call: Callable, reply: Reply | None = None) -> Observation:
    """Run one case, unless its reply is here already, and compare every leaf."""
    reply = reply or reply_of(spec, case, call)
    names = spec.returns if case.through is None else "the result"
    expected = leaves(case.expected, case.expected, names)
    if reply.trouble:
        code = Problem(reply.code or reply.trouble, reply.text)
        found = dict.fromkeys(expected, code)
    else:
        found = leaves(reply.value, case.expected, names)
    right = {k: agree(found[k], expected[k], spec.tolerance) for k in expected}
    changed = [spec.arguments[i] for i in reply.changed if spec.arguments[i] not in spec.may_change]
    if changed and case.through is None:
        which, plural = ", ".join(changed), "s" if len(changed) > 1 else ""
        text = f"{spec.name} changes its argument{plural} {which}: work on a copy, the caller still needs the original."
        found[ARGUMENTS], right[ARGUMENTS], expected[ARGUMENTS] = Problem(f"changed {which}", text), False, ""
    return Observation(found, expected, right, reply)


def reply_of(spec: Spec, case: Case, call: Callable) -> Reply:
    """Call the function with the case's inputs, directly or through its adapter."""
    _fill_free_memory(case.expected)
    if case.through is None:
        return call(spec.name, [wire.fresh(v) for v in case.inputs.values()])

    def function(*args):
        reply = call(spec.name, [wire.fresh(v) for v in args])
        if reply.trouble:
            raise _Stop(reply)
        return reply.value

    try:
        adapter = getattr(properties, case.through)
        with np.errstate(all="ignore"):
            return Reply(adapter(function, **{k: wire.fresh(v) for k, v in case.inputs.items()}))
    except _Stop as stop:
        return stop.reply
    except Wrong as wrong:
        return Reply(trouble="wrong", text=str(wrong), code=f"wrong {wrong}")
    except Exception as error:  # a result of another kind than the adapter can work with
        return Reply(
            trouble="wrong",
            text=f"what {spec.name} returned cannot be used: {error}",
            code=f"unusable {type(error).__name__}",
        )


def _fill_free_memory(expected) -> None:
    """Leave NaN where a function's np.empty may look: the right answer of the call before must not be found there."""
    for part in expected if isinstance(expected, (tuple, list)) else (expected,):
        if isinstance(part, np.ndarray) and part.dtype.kind == "f":
            hold = [np.full(part.shape, np.nan) for _ in range(4)]
            del hold


def judge(spec: Spec, call: Callable, reveal: bool = True) -> Verdict:
    """Run all cases; with `reveal` the message shows values, otherwise sizes and errors only.

    `call(name, args)` runs the function; if it has `all(spec)`, that gives the replies of all plain cases at once.
    """
    direct = iter(call.all(spec)) if hasattr(call, "all") else None

    def seen_of(case):
        return observe(spec, case, call, next(direct) if direct and case.through is None else None)

    first = seen_of(spec.cases[0])
    if first.reply.trouble in ("missing", "blank", "forbidden", "stopped"):
        return Verdict(spec.name, False, first.reply.text, trouble=first.reply.trouble)
    seen = [first, *(seen_of(case) for case in spec.cases[1:])]
    if all(o.passed for o in seen):
        return Verdict(spec.name, True, f"{spec.name} is right in all {len(seen)} cases.")
    found = diagnose(
        spec,
        [o.prints() for o in seen],
        [{k: fingerprint(v) for k, v in o.expected.items()} for o in seen],
        [{k: getattr(v, "size", 1) for k, v in o.expected.items()} for o in seen],
    )
    lines = messages.explain(spec, seen, reveal)
    if spec.adapter:  # what an exception says stays as it is
        raised = {o.reply.text for o in seen}
        lines = [line if line in raised else adapters.in_words_of_tensors(line) for line in lines]
    lines += [f"→ {OPENINGS[found.sure]} {m.hint}" for m in found.mistakes]
    names, hints = tuple(m.name for m in found.mistakes), tuple(m.hint for m in found.mistakes)
    return Verdict(
        spec.name, False, "\n".join(lines)[:MOST_TEXT], names, hints, next((o.reply.trouble for o in seen), None)
    )
