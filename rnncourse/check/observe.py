"""Run one case of a function and compare what came, leaf by leaf, with what was expected.

The function is called only through `call(name, args) -> Reply`, so it may live in this process or behind a sandbox's
wall.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rnncourse.check import properties, wire
from rnncourse.check.call import Reply
from rnncourse.check.compare import Problem, Wrong, agree, evidence, fingerprint, leaves
from rnncourse.check.spec import ARGUMENTS, RESULT, RIGHT, Case, Spec


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

    def evidence(self) -> dict:
        """Per wrong leaf the different numbers that came."""
        return {k: evidence(leaf, self.expected.get(k)) for k, leaf in self.leaves.items() if not self.right[k]}


class _Stop(Exception):
    def __init__(self, reply):
        self.reply = reply


def observe(spec: Spec, case: Case, call: Callable, reply: Reply | None = None) -> Observation:
    """Run one case, unless its reply is here already, and compare every leaf."""
    reply = reply or reply_of(spec, case, call)
    names = _names(spec, case)
    expected = leaves(case.expected, case.expected, names)
    if reply.trouble:
        code = Problem(reply.code or reply.trouble, reply.text)
        found = dict.fromkeys(expected, code)
    else:
        found = leaves(reply.value, case.expected, names)
    right = {k: agree(found[k], expected[k], spec.tolerance) for k in expected}
    changed = [spec.arguments[i] for i in reply.changed if spec.arguments[i] not in spec.may_change]
    if changed:
        which, plural = ", ".join(changed), "s" if len(changed) > 1 else ""
        text = f"{spec.name} changes its argument{plural} {which}: work on a copy, the caller still needs the original."
        found[ARGUMENTS], right[ARGUMENTS], expected[ARGUMENTS] = Problem(f"changed {which}", text), False, ""
    elif spec.fresh and reply.shared and case.through is None:
        which = " and ".join(spec.arguments[i] for i in reply.shared)
        text = f"{spec.name} returns memory of {which} where new arrays are asked for: the argument itself or a view "
        text += "of it, so that a change of the one changes the other. Return a copy."
        found[ARGUMENTS], right[ARGUMENTS], expected[ARGUMENTS] = Problem(f"shared {which}", text), False, ""
    return Observation(found, expected, right, reply)


def _names(spec: Spec, case: Case) -> str | tuple[str, ...] | None:
    """The names of what comes back; None where an adapter returns a dict by name."""
    if isinstance(case.expected, dict) and (case.through or not isinstance(spec.returns, str)):
        return None
    return spec.returns if case.through is None else RESULT


def reply_of(spec: Spec, case: Case, call: Callable) -> Reply:
    """Call the function with the case's inputs, directly or through its adapter."""
    _fill_free_memory(case.expected)
    if case.through is None:
        return call(spec.name, [wire.fresh(v) for v in case.inputs.values()])

    changed = set()

    def function(*args):
        reply = call(spec.name, [wire.fresh(v) for v in args])
        if reply.trouble:
            raise _Stop(reply)
        changed.update(reply.changed)
        return reply.value

    try:
        adapter = getattr(properties, case.through)
        with np.errstate(all="ignore"):
            value = adapter(function, **{k: wire.fresh(v) for k, v in case.inputs.items()})
        return Reply(value, changed=tuple(sorted(changed)))
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
