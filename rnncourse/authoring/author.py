"""What authors write in `solutions/NN-slug/checks.py`: how to draw inputs, the known mistakes, other right answers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field

from rnncourse.check.forbidden import NUMPY_UNIT, TORCH_UNIT

# Sizes of the public cases by parameter name: a general case, T = 1, B = 1, a last one. All different within a case, so
# that a transposed array shows.
SIZES = {
    "T": (5, 1, 8, 3),
    "B": (3, 2, 1, 4),
    "I": (2, 3, 4, 1),
    "H": (4, 5, 3, 2),
    "V": (6, 7, 9, 5),
    "E": (3, 2, 4, 5),
    "N": (12, 20, 7, 30),
    "K": (3, 2, 4, 5),
    "L": (2, 3, 1, 4),
}


@dataclass(frozen=True)
class Draw:
    """One way to draw inputs: for the function itself, or for a property's adapter."""

    function: Callable
    sizes: dict[str, tuple[int, ...]]
    through: str | None = None
    says: str | None = None

    @property
    def count(self) -> int:
        return max((len(v) for v in self.sizes.values()), default=2)


@dataclass(frozen=True)
class Slip:
    """A known mistake as an edit of the solution's source."""

    hint: str
    old: str
    new: str

    @property
    def __name__(self) -> str:
        return f"{self.old!r} -> {self.new!r}"


@dataclass
class Exercise:
    """One graded function."""

    name: str
    points: float
    returns: str | tuple[str, ...]
    terms: dict[str, tuple[str, ...]] = field(default_factory=dict)
    tolerance: float = 1e-5
    may_change: tuple[str, ...] = ()
    fresh: bool = False
    forbidden: tuple[str, ...] = NUMPY_UNIT
    adapter: dict | None = None
    blocks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    draws: list[Draw] = field(default_factory=list)
    mistakes: list[tuple[str, Callable | Slip]] = field(default_factory=list)
    answers: list[Callable] = field(default_factory=list)

    def inputs(self, function: Callable | None = None, /, says: str | None = None, **sizes):
        """Decorator: `draw(rng, *sizes by name[, reference])` returns the inputs by parameter name, in order.

        `says` is a sentence for the student on what is special in these cases.
        """
        if function is None:
            return lambda f: self._draw(f, sizes, says=says)
        return self._draw(function, sizes)

    def property(self, adapter: Callable, says: str, **sizes):
        """Decorator for draws whose inputs go to `adapter(function, **inputs)` of rnncourse.check.properties."""
        return lambda f: self._draw(f, sizes, through=adapter.__name__, says=says)

    def _draw(self, function, sizes, **kind):
        names = [p for p in inspect.signature(function).parameters if p not in ("rng", "reference")]
        unknown = [n for n in names if n not in sizes and n not in SIZES]
        if unknown:
            raise ValueError(
                f"{self.name}: no sizes for {unknown}; give them as @{self.name}.inputs({unknown[0]}=(5, 1, 8))"
            )
        if broken := [n for n in names if not all(isinstance(v, int) for v in sizes.get(n, ()))]:
            raise ValueError(
                f"{self.name}: the sizes {broken} are not whole numbers, but hidden cases draw whole numbers between "
                "the smallest and the largest: draw other values inside of the function"
            )
        self.draws.append(Draw(function, {n: tuple(sizes.get(n, SIZES.get(n))) for n in names}, **kind))
        return function

    def mistake(self, hint: str):
        """Decorator: a wrong implementation, and the sentence that names the mistake."""

        def add(function):
            self.mistakes.append((hint, function))
            return function

        return add

    def slip(self, hint: str, old: str, new: str) -> None:
        """A known mistake as an edit of the solution: `old` must occur exactly once in its source."""
        self.mistakes.append((hint, Slip(hint, old, new)))

    def answer(self, function: Callable) -> Callable:
        """Decorator: an independent right answer."""
        self.answers.append(function)
        return function


def exercise(
    name,
    points,
    returns,
    terms=None,
    tolerance=1e-5,
    may_change=(),
    fresh=False,
    forbidden=None,
    adapter=None,
    requires_grad=(),
    gradients=(),
    calls=(),
    blocks=None,
) -> Exercise:
    """Declare a graded function.

    `returns` names the returned value, or each value of a returned tuple. `terms` maps a term of the equation to the
    arguments that belong to it: a student whose result is wrong is told in which term. `tolerance` is relative to the
    root mean square of the expected array. Arguments may be changed in place only if listed in `may_change`.
    With `fresh` no returned array may be an argument or a view of one: the text must ask for new arrays.
    `forbidden` names modules and functions ("numpy.convolve", "torch.nn.LSTM") whose use costs the points; unless given
    these are NUMPY_UNIT, and with an adapter TORCH_UNIT.
    `adapter` is "tensors" for a function of tensors. Arrays are drawn as ever and arrive as tensors, those of the
    arguments in `requires_grad` with gradients required and the gradient of an earlier call in `.grad`; the gradient
    with respect to each argument in `gradients` is compared too, as "d NAME" after the returned values, and how often
    each function among the arguments that `calls` names was called, as "calls of NAME". `adapter` is "module" for a
    class of torch.nn, with the parameters of `check.adapters.module` as inputs; `returns` is then a tuple with the
    names of forward's outputs.
    `blocks` names the equal blocks along the last axis of a returned array, {"da": ("i", "f", "g", "o")}: a student is
    told which of them are wrong.
    """
    if forbidden is None:
        forbidden = TORCH_UNIT if adapter else NUMPY_UNIT
    how = {"name": adapter} if adapter else None
    if adapter == "tensors":
        values = (returns,) if isinstance(returns, str) else tuple(returns)
        how |= {"returns": list(values), "requires_grad": list(requires_grad), "gradients": list(gradients)}
        how |= {"calls": list(calls)} if calls else {}
        more = (*(f"d {name}" for name in gradients), *(f"calls of {name}" for name in calls))
        returns = (*values, *more) if more else returns
    unknown = set(blocks or {}) - ({returns} if isinstance(returns, str) else set(returns))
    if unknown:
        raise ValueError(f"{name}: blocks are given for {', '.join(sorted(unknown))}, which it does not return")
    changeable, forbidden = tuple(may_change), tuple(forbidden)
    terms, blocks = dict(terms or {}), dict(blocks or {})
    return Exercise(name, points, returns, terms, tolerance, changeable, fresh, forbidden, how, blocks)


def slips(e: Exercise, edits: dict[str, str | dict[str, str]]) -> None:
    """Many slips of one function: {"what stands there -> what they put in its place": hint}.

    Where several things are put in its place, {what stands there: {what they put in its place: hint}}.
    """
    for old, wrong in edits.items():
        if isinstance(wrong, str):
            old, _, new = old.partition(" -> ")
            wrong = {new: wrong}
        for new, hint in wrong.items():
            e.slip(hint, old, new)


def mistakes(e: Exercise, **known: tuple[str, Callable]) -> None:
    """Many mistakes of one function, by name: (hint, function)."""
    for name, (hint, function) in known.items():
        function.__name__ = name
        e.mistake(hint)(function)
