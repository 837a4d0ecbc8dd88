"""Judge a function by its cases: right or not, at which stage it fails, and which known mistake explains it.

One judge serves the student's notebook (public cases), the tests and the grading (hidden cases).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rnncourse.check import adapters, messages
from rnncourse.check.compare import fingerprint
from rnncourse.check.diagnose import Diagnosis, diagnose
from rnncourse.check.observe import observe
from rnncourse.check.relations import OPENING, relations
from rnncourse.check.spec import Spec

MOST_TEXT = 5000  # characters of a message
OPENINGS = {
    "whole": "Known mistake:",
    "symptom": "A known mistake with the same result:",
    "part": "Part of it looks like a known mistake:",
}


@dataclass(frozen=True)
class Verdict:
    """The outcome for one function: `message` is for the student.

    `mistakes` and `hints` are what was recognised in it, in short and as the student reads it: known mistakes, and what
    the numbers show.
    """

    name: str
    passed: bool
    message: str
    mistakes: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    trouble: str | None = None  # of the first case, as in Reply


def passes(spec: Spec, call: Callable) -> bool:
    """Is the function right in all cases? Without a word on what is wrong."""
    direct = iter(call.all(spec)) if hasattr(call, "all") else None
    replies = (next(direct) if direct and c.through is None else None for c in spec.cases)
    return all(observe(spec, c, call, reply).passed for c, reply in zip(spec.cases, replies, strict=True))


def judge(spec: Spec, call: Callable, reveal: bool = True) -> Verdict:
    """Run all cases; with `reveal` the message shows values, otherwise sizes and errors only.

    `call(name, args)` runs the function. If it has `all(spec)`, that gives the replies of all plain cases at once; if
    it has `trial(name, args, seconds)`, a wrong function may be called again to find out what is wrong.
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
    found = recognise(spec, seen)
    said = [(m.name, m.hint) for m in found.mistakes]
    told = [f"→ {OPENINGS[found.sure]} {hint}" for _, hint in said]
    if found.sure not in ("whole", "symptom"):
        shown = relations(spec, seen, call)
        said = [(sentence, f"{sentence}.") for sentence in shown] + said
        told = [f"→ {OPENING} {'; '.join(shown)}."] * bool(shown) + told
    lines = messages.explain(spec, seen, reveal, told)
    if spec.adapter:  # what an exception says stays as it is
        raised = {o.reply.text for o in seen}
        lines = [line if line in raised else adapters.in_words_of_tensors(line) for line in lines]
    message = "\n".join(lines)[:MOST_TEXT]
    trouble = next((o.reply.trouble for o in seen), None)
    return Verdict(spec.name, False, message, tuple(n for n, _ in said), tuple(h for _, h in said), trouble)


def recognise(spec: Spec, seen: list) -> Diagnosis:
    """The known mistakes behind a wrong answer, of which `seen` holds one observation per case."""
    right = [{k: fingerprint(v) for k, v in o.expected.items()} for o in seen]
    return diagnose(spec, [o.prints() for o in seen], right, [o.evidence() for o in seen])
