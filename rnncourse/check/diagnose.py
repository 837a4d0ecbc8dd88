"""Name the known mistake behind a wrong result, by fingerprints.

A result is a table of cells, one per case and leaf; a cell is RIGHT or holds a fingerprint. A known mistake is a table
of the same kind. A false hint costs a student more than none. So a mistake can explain a result only if it does no harm
where the result is right; it explains a leaf only if it does so in every case in which that leaf is wrong, by enough
numbers, and if no other known mistake does as well; and what rests on fewer numbers is not stated as a fact.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass

from rnncourse.check.compare import ABSOLUTE, PRINT_TOLERANCE, alike
from rnncourse.check.spec import RIGHT, WRONG

MOST = 2  # mistakes named at once
EVIDENCE = 4  # different numbers that must agree before a mistake counts as recognised
# Texts that tell something; "returned None" has its own message
SYMPTOMS = ("raises", "wrong", "text", "changed", "shared")


@dataclass(frozen=True)
class Diagnosis:
    """The mistakes recognised, best first, and how sure that is.

    "whole": they explain all; "symptom": one does, but on few numbers or an exception alone; "part"; or "".
    """

    mistakes: tuple = ()
    sure: str = ""


def diagnose(spec, prints: list[dict], right: list[dict], numbers: list[dict]) -> Diagnosis:
    """Which known mistakes of `spec` explain the table `prints`?

    All three have one dict per case: leaf -> the result's print (or RIGHT), the right print, the different numbers that
    came out wrong. A mistake that explains all is named alone, then two made at once; otherwise those that explain
    whole leaves.
    """
    wrong = {(c, leaf) for c, row in enumerate(prints) for leaf, p in row.items() if p != RIGHT}

    def hits(table):
        """The wrong cells that the table reproduces; none if it does harm elsewhere."""
        harm = {(c, leaf) for c, row in enumerate(table) for leaf, p in row.items() if p != RIGHT}
        if not harm <= wrong:
            return set()
        return {(c, leaf) for c, leaf in harm if alike(table[c][leaf], prints[c][leaf], right[c].get(leaf, ""))}

    def enough(cells) -> bool:
        return len(set().union(*(numbers[c].get(leaf, ()) for c, leaf in cells))) >= EVIDENCE

    found = [hits(mistake.prints) for mistake in spec.mistakes]
    for mistake, cells in zip(spec.mistakes, found, strict=True):
        if cells == wrong:
            if enough(cells):
                return Diagnosis((mistake,), "whole")
            if all(isinstance(p, list) or p.startswith(SYMPTOMS) for p in (prints[c][leaf] for c, leaf in cells)):
                return Diagnosis((mistake,), "symptom")
    for pair in spec.pairs:
        harm = {(c, leaf): p for c, row in enumerate(pair.prints) for leaf, p in row.items() if p != RIGHT}
        if harm.keys() == wrong and all(_seen(p, prints[c][k], right[c].get(k, "")) for (c, k), p in harm.items()):
            if enough(cell for cell, p in harm.items() if len(p) > 1):
                return Diagnosis(tuple(spec.mistakes[k] for k in pair.of), "whole")

    leaves = {leaf: {cell for cell in wrong if cell[1] == leaf} for _, leaf in wrong}
    known = [{k for k, all_of_it in leaves.items() if all_of_it <= cells and enough(all_of_it)} for cells in found]
    rivals = Counter(k for explained in known for k in explained)
    parts = [
        (len(explained), len(cells), mistake, explained)
        for mistake, cells, explained in zip(spec.mistakes, found, known, strict=True)
        if any(rivals[k] == 1 for k in explained)
    ]
    parts.sort(key=lambda part: part[:2], reverse=True)
    for (*_, a, of_a), (*_, b, of_b) in itertools.combinations(parts, 2):
        if of_a | of_b == set(leaves):
            return Diagnosis((a, b), "whole")
    return Diagnosis(tuple(mistake for *_, mistake, _ in parts[:MOST]), "part" if parts else "")


def _seen(stored, came, right) -> bool:
    """Does a cell of a stored pair agree with what came? It holds a fingerprint, its first number alone, or WRONG."""
    if stored == WRONG:
        return True
    if len(stored) == 1:
        return isinstance(came, list) and abs(came[0] - stored[0]) <= 2 * PRINT_TOLERANCE * came[-1] + ABSOLUTE
    return alike(stored, came, right)
