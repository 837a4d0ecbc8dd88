"""What there is to judge: a function's cases and known mistakes, and their JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rnncourse.check import wire

RIGHT, WRONG = "=", "!"  # cells of a table of results: as expected; wrong, whatever came
ARGUMENTS = "the arguments"  # the extra leaf that tells whether an argument was changed, or given back for a new array
RESULT = "the result"  # the leaf of a property whose adapter gives a single value


@dataclass(frozen=True)
class Case:
    """Inputs by parameter name, the sizes they were drawn with, and what a right function returns."""

    inputs: dict
    sizes: dict
    expected: object = None
    term: str | None = None  # all arguments of the other terms are zero
    through: str | None = None  # the adapter in rnncourse.check.properties that calls the function
    says: str | None = None  # the property in one sentence


@dataclass(frozen=True)
class Mistake:
    """A known mistake: its hint, and its fingerprint per case and leaf (RIGHT where it does no harm)."""

    hint: str
    prints: list[dict]
    name: str = ""  # stays with the instructors


@dataclass(frozen=True)
class Pair:
    """Two known mistakes made at once, where the fingerprints of the one hide those of the other.

    There are many of them, so only a few cells keep their fingerprint; of others its first number is kept, and cells
    without numbers are WRONG.
    """

    of: tuple[int, int]
    prints: list[dict]


@dataclass(frozen=True)
class Spec:
    """All that is needed to judge one function."""

    name: str
    points: float
    arguments: tuple[str, ...]
    returns: str | tuple[str, ...]
    cases: list[Case]
    mistakes: Sequence[Mistake] = ()
    pairs: Sequence[Pair] = ()
    terms: dict[str, tuple[str, ...]] = field(default_factory=dict)
    tolerance: float = 1e-5
    may_change: tuple[str, ...] = ()
    fresh: bool = False  # new arrays are asked for: none may share memory with an argument
    adapter: dict | None = None  # how rnncourse.check.adapters calls it: a name and options
    forbidden: tuple[str, ...] = ()  # modules and functions that an answer may not use
    blocks: dict[str, tuple[str, ...]] = field(default_factory=dict)  # of a returned array, along its last axis
    unused: tuple[str, ...] = ()  # arguments that make no difference to the right answer either


def spec_to_json(spec: Spec) -> dict:
    """A public spec as JSON: inputs, expected outputs, hints and fingerprints; no code, no names of mistakes."""
    optional = ("term", "through", "says")
    return {
        "name": spec.name,
        "points": spec.points,
        "arguments": list(spec.arguments),
        "returns": spec.returns if isinstance(spec.returns, str) else list(spec.returns),
        "terms": {k: list(v) for k, v in spec.terms.items()},
        "tolerance": spec.tolerance,
        "may_change": list(spec.may_change),
        "forbidden": list(spec.forbidden),
        **({"adapter": spec.adapter} if spec.adapter else {}),
        **({"blocks": {k: list(v) for k, v in spec.blocks.items()}} if spec.blocks else {}),
        **({"unused": list(spec.unused)} if spec.unused else {}),
        **({"fresh": True} if spec.fresh else {}),
        "cases": [
            {
                "sizes": c.sizes,
                "inputs": {k: wire.encode(v) for k, v in c.inputs.items()},
                "expected": wire.encode(c.expected),
            }
            | {k: getattr(c, k) for k in optional if getattr(c, k)}
            for c in spec.cases
        ],
        "mistakes": [{"hint": m.hint, "prints": m.prints} for m in spec.mistakes],
        "pairs": [{"of": list(p.of), "prints": p.prints} for p in spec.pairs],
    }


def spec_from_json(data: dict) -> Spec:
    """The spec that `spec_to_json` stored."""
    cases = [
        Case(
            **c
            | {"inputs": {k: wire.decode(v) for k, v in c["inputs"].items()}, "expected": wire.decode(c["expected"])}
        )
        for c in data["cases"]
    ]
    returns = data["returns"]
    return Spec(
        name=data["name"],
        points=data["points"],
        arguments=tuple(data["arguments"]),
        returns=returns if isinstance(returns, str) else tuple(returns),
        cases=cases,
        mistakes=[Mistake(**m) for m in data["mistakes"]],
        pairs=[Pair(tuple(p["of"]), p["prints"]) for p in data["pairs"]],
        terms={k: tuple(v) for k, v in data["terms"].items()},
        tolerance=data["tolerance"],
        may_change=tuple(data["may_change"]),
        forbidden=tuple(data["forbidden"]),
        blocks={k: tuple(v) for k, v in data.get("blocks", {}).items()},
        unused=tuple(data.get("unused", ())),
        fresh=data.get("fresh", False),
        adapter=data.get("adapter"),
    )
