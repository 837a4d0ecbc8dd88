"""A unit as instructors have it: the solution notebook, checks.py, and the specs made of both.

The reference is the solution notebook itself: what its setup and solution cells define.
"""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import itertools
import re
import sys
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from rnncourse.authoring import notebooks
from rnncourse.authoring.author import Draw, Exercise, Slip
from rnncourse.check import adapters, cells, in_process, wire
from rnncourse.check.compare import alike
from rnncourse.check.diagnose import EVIDENCE
from rnncourse.check.observe import observe, reply_of
from rnncourse.check.relations import Again, ignored
from rnncourse.check.spec import RIGHT, WRONG, Case, Mistake, Pair, Spec
from rnncourse.check.verdict import Verdict, judge, recognise

PUBLIC_SEED = 20260101
PAIRED = 16  # slips, from the first on, of which two at once are looked at: their number grows with the square
KEPT = 3  # fingerprints of a stored pair of mistakes


class OnDemand(Sequence):
    """A list that is made when it is first looked at: fingerprints take seconds and right answers need none."""

    def __init__(self, make: Callable[[], list]):
        self._make = make

    @cached_property
    def items(self) -> list:
        return self._make()

    def __getitem__(self, k):
        return self.items[k]

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True)
class Score:
    """Points for one function, with the verdict that led to them."""

    points: float
    max_points: float
    verdict: Verdict


@dataclass(frozen=True, eq=False)
class Unit:
    """One exercise unit: its exercises in order, the solution's namespace and source per function."""

    name: str
    folder: Path
    exercises: dict[str, Exercise]
    namespace: dict
    sources: dict[str, str]

    def implementation(self, name: str, mistake):
        """A known mistake of the function `name` as a callable; several slips may be given as a tuple."""
        if callable(mistake):
            return mistake
        slips = mistake if isinstance(mistake, tuple) else (mistake,)
        source = self.sources[name]
        for slip in slips:
            if _misplaced(slip, source):
                raise ValueError(f"{self.name}, {name}: {_misplaced(slip, source)}")
            source = source.replace(slip.old, slip.new)
        namespace = dict(self.namespace)
        exec(compile(source, f"<{name} with a slip>", "exec"), namespace)
        return namespace[name]

    @cache  # noqa: B019  (units live as long as the process)
    def spec(self, name: str, seed: int | None = None) -> Spec:
        """The spec of one function: public cases, or with a seed the hidden ones."""
        e = self.exercises[name]
        arguments = adapters.arguments(e.adapter, self.namespace[name])
        spec = Spec(
            name,
            e.points,
            arguments,
            e.returns,
            [],
            terms=e.terms,
            tolerance=e.tolerance,
            may_change=e.may_change,
            fresh=e.fresh,
            forbidden=e.forbidden,
            adapter=e.adapter,
            blocks=e.blocks,
        )
        mixed = [PUBLIC_SEED] if seed is None else [seed, zlib.crc32(self.name.encode())]  # hidden ones differ by unit
        rng = np.random.default_rng([*mixed, zlib.crc32(name.encode())])
        right = in_process({name: self.namespace[name]}, arguments, adapter=e.adapter)
        cases = []
        for case in self._cases(e, rng, hidden=seed is not None, arguments=arguments):
            reply = reply_of(spec, case, right)
            if reply.trouble:
                raise ValueError(f"{self.name}, {name}: the solution fails with sizes {case.sizes}: {reply.text}")
            # what is stored is what is compared, also with hidden cases
            cases.append(replace(case, expected=wire.decode(wire.encode(reply.value))))
        spec = replace(spec, cases=cases)
        spec = replace(spec, unused=self._unused(spec, right))
        known = OnDemand(lambda: [Mistake(hint, self.prints(spec, m), _headline(hint)) for hint, m in e.mistakes])
        single = replace(spec, mistakes=known)
        return replace(single, pairs=OnDemand(lambda: list(self._masking_pairs(single))))

    def given(self) -> dict:
        """Of the notebook's read-only code cells: the sources of those for set-up, and a fingerprint of each."""
        found = {"setup": [], "read-only": {}}
        for cell in notebooks.code_cells(notebooks.read(self.folder / f"{self.name}.ipynb")):
            grading = cell.metadata.get("nbgrader", {})
            if "setup" in cell.metadata.get("tags", []):
                found["setup"].append(cell.source)
            if grading.get("locked") or (grading.get("grade") and not grading.get("solution")):
                found["read-only"][grading["grade_id"]] = cells.fingerprint(cell.source)
        return found

    def _unused(self, spec: Spec, right: Callable) -> tuple[str, ...]:
        """The arguments that make no difference to the solution either."""
        plain = [(case, observe(spec, case, right)) for case in spec.cases if case.through is None]
        return tuple(ignored(spec, plain, Again(spec, right.trial)))

    def slips(self, name: str) -> list[int]:
        """Which of the known mistakes of `name` are slips, so that two can be made at once."""
        return [k for k, (_, m) in enumerate(self.exercises[name].mistakes) if isinstance(m, Slip)]

    def pair(self, name: str, k: int, l: int) -> Callable | None:
        """The function with two slips at once; None where one took away what the other edits, or both make no sense."""
        known = self.exercises[name].mistakes
        with contextlib.suppress(ValueError, SyntaxError):
            return self.implementation(name, (known[k][1], known[l][1]))

    def _masking_pairs(self, spec: Spec):
        """The pairs of mistakes of which the judge would name neither."""
        for k, l in itertools.combinations(self.slips(spec.name)[:PAIRED], 2):
            implementation = self.pair(spec.name, k, l)
            if implementation is None:
                continue
            seen = self.observations(spec, implementation)
            named = {m.hint for m in recognise(spec, seen).mistakes}
            if not all(o.passed for o in seen) and not named & {spec.mistakes[k].hint, spec.mistakes[l].hint}:
                prints = _thinned(seen, spec.mistakes[k].prints, spec.mistakes[l].prints)
                if prints:
                    yield Pair((k, l), prints)

    def observations(self, spec: Spec, implementation: Callable) -> list:
        """What a function gives in each case of a spec."""
        call = in_process({spec.name: implementation}, spec.arguments, adapter=spec.adapter)
        return [observe(spec, case, call) for case in spec.cases]

    def prints(self, spec: Spec, mistake) -> list[dict]:
        """The fingerprints of a known mistake (or slips, or any function) over the cases of a spec."""
        return [o.prints() for o in self.observations(spec, self.implementation(spec.name, mistake))]

    def _cases(self, e: Exercise, rng, hidden: bool, arguments: tuple[str, ...]) -> list[Case]:
        cases = []
        for draw in e.draws:
            for k in range(2 * draw.count if hidden else draw.count):
                sizes = {
                    n: v[k % len(v)] if k < draw.count else int(rng.integers(min(v), max(v) + 1))
                    for n, v in draw.sizes.items()
                }
                inputs = self._inputs(e, draw, rng, sizes, arguments)
                if k == draw.count - 1 and k > 0:
                    inputs = {n: wire.strided(v) if isinstance(v, np.ndarray) else v for n, v in inputs.items()}
                cases.append(Case(inputs, sizes, through=draw.through, says=draw.says))
        base = next((c for c in cases if c.through is None), None)
        for term in e.terms if base else ():
            others = {a for t, names in e.terms.items() if t != term for a in names} - set(e.terms[term])
            zeroed = {n: v * 0 if n in others else v for n, v in base.inputs.items()}
            cases.append(Case(zeroed, base.sizes, term=term))
        return cases

    def _inputs(self, e: Exercise, draw: Draw, rng, sizes: dict, arguments: tuple[str, ...]) -> dict:
        extra = (
            {"reference": SimpleNamespace(**self.namespace)}
            if "reference" in inspect.signature(draw.function).parameters
            else {}
        )
        inputs = draw.function(rng, **sizes, **extra)
        if draw.through is None and tuple(inputs) != arguments:
            raise ValueError(
                f"{self.name}, {e.name}: the inputs {tuple(inputs)} are not the parameters {arguments}, in order"
            )
        return wire.decode(wire.encode(dict(inputs)))


def _headline(hint: str) -> str:
    """A hint in short, as tables have it: what comes before its explanation."""
    return re.split(r"[:;.] |[.:;]$|, which|, so ", hint)[0][:80]


def _is_mask(value) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "b"


def _thinned(seen: list, one: list[dict], other: list[dict]) -> list[dict]:
    """A table that keeps a few fingerprints, of cells that neither mistake alone explains, with many numbers first.

    [] if there are too few to go by: each mistake shows in places of its own, or in masks, which are soon alike.
    """
    numbers, prints = [o.evidence() for o in seen], [o.prints() for o in seen]
    shared = [
        (c, leaf)
        for c, row in enumerate(prints)
        for leaf, p in row.items()
        if isinstance(p, list)
        and not _is_mask(seen[c].expected[leaf])
        and not any(alike(p, alone[c].get(leaf, RIGHT), "") for alone in (one, other))
    ]
    shared.sort(key=lambda cell: -len(numbers[cell[0]][cell[1]]))
    kept, known = set(), set()
    for c, leaf in shared:
        if len(kept) < KEPT or len(known) < EVIDENCE:
            kept.add((c, leaf))
            known |= numbers[c][leaf]
    if len(known) < EVIDENCE:
        return []

    def cell(c, leaf, p):
        return p if p == RIGHT or (c, leaf) in kept else [float(f"{p[0]:.4g}")] if isinstance(p, list) else WRONG

    return [{leaf: cell(c, leaf, p) for leaf, p in row.items()} for c, row in enumerate(prints)]


def load(folder: Path) -> Unit:
    """The unit in `solutions/NN-slug`. Raises ValueError if notebook and checks.py do not fit together."""
    folder = Path(folder)
    name = folder.name
    notebook = notebooks.read(folder / f"{name}.ipynb")
    # exec: the instructors' own notebook and checks.py, never a student's
    namespace, sources = {"__name__": name}, {}
    for cell in notebooks.code_cells(notebook):
        grading = cell.metadata.get("nbgrader", {})
        if "setup" in cell.metadata.get("tags", []) or (grading.get("solution") and not grading.get("grade")):
            exec(compile(cell.source, f"<{name}, cell {cell.id}>", "exec"), namespace)
            sources[grading.get("grade_id", cell.id)] = cell.source
    module = _checks(folder)
    exercises = {e.name: e for e in vars(module).values() if isinstance(e, Exercise)}
    for problem in _misfits(notebook, exercises, namespace, sources):
        raise ValueError(f"{folder}: {problem}")
    return Unit(name, folder, exercises, namespace, sources)


def _checks(folder: Path):
    """The module checks.py of a unit, after mistakes.py beside it (if there is one) has added to its exercises."""
    modules = {}
    held = sys.modules.get("checks")
    try:
        for name in ("checks", "mistakes"):
            if (folder / f"{name}.py").is_file():
                spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
                modules[name] = importlib.util.module_from_spec(spec)
                if name == "checks":  # so that mistakes.py says `from checks import leaky_step`
                    sys.modules[name] = modules[name]
                spec.loader.exec_module(modules[name])
    finally:
        sys.modules.pop("checks")
        if held is not None:
            sys.modules["checks"] = held
    return modules["checks"]


def _misfits(notebook, exercises, namespace, sources):
    """Where notebook and checks.py contradict each other."""
    points = {}
    for cell in notebooks.code_cells(notebook):
        grading = cell.metadata.get("nbgrader", {})
        if grading.get("grade"):
            function = grading["grade_id"].removeprefix("check_")
            points[function] = grading["points"]
            if cell.source.strip() != f'check("{function}")':
                yield f'the grade cell {grading["grade_id"]} must hold exactly check("{function}")'
    for name in points.keys() ^ exercises.keys():
        yield f"{name} is graded in {'the notebook' if name in points else 'checks.py'} alone"
    for name, e in exercises.items():
        if points[name] != e.points:
            yield f"{name} has {points[name]} points in the notebook and {e.points} in checks.py"
        if name not in sources or not callable(namespace.get(name)):
            yield f"no solution cell with grade_id {name} defines {name}"
        slips = [m for _, m in e.mistakes if isinstance(m, Slip)]
        yield from (f"{name}: {_misplaced(s, sources[name])}" for s in slips if _misplaced(s, sources.get(name, s.old)))


def _misplaced(slip: Slip, source: str) -> str:
    """Why a slip is no edit of this source, if it is none."""
    times = source.count(slip.old)
    return "" if times == 1 else f"{slip.old!r} occurs {times} times in the solution, not once"


def score(unit: Unit, call, seed: int, names=None) -> dict[str, Score]:
    """Points per function on hidden cases drawn with `seed`; `call(name, args) -> Reply` runs a student's function.

    `names`: the functions to look at; all of the unit if not given.
    """
    scores = {}
    for name in unit.exercises if names is None else names:
        e = unit.exercises[name]
        spec = unit.spec(name, seed)
        try:
            verdict = judge(spec, call, reveal=False)
        except Exception as error:  # whatever came back: it costs this function alone, and a person looks at it
            text = f"what {name} gave back could not be judged: {type(error).__name__}: {str(error)[:200]}"
            verdict = Verdict(name, False, text, trouble="unjudged")
        scores[name] = Score(e.points if verdict.passed else 0, e.points, verdict)
    return scores
