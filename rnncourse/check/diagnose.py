"""Name the known mistake behind a wrong result, by fingerprints.

A result is a table of cells, one per case and leaf; a cell is RIGHT or holds a fingerprint. A known mistake is a table
of the same kind. It can explain a result only if it does no harm where the result is right; it explains the cells in
which both have the same fingerprint. A false hint costs a student more than none, so agreement has to be of numbers,
and a mistake that accounts for some of the wrong cells must account for all of at least one leaf.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from rnncourse.check.compare import alike
from rnncourse.check.spec import RIGHT, WRONG

MOST = 2  # mistakes named at once
EVIDENCE = 4  # numbers that must agree before a part of a result counts as recognised
PAIR_EVIDENCE = 2  # of a stored pair, which explains everything
SYMPTOMS = ("raises", "wrong", "text")  # texts that tell something; "returned None" has a message of its own


@dataclass(frozen=True)
class Diagnosis:
    """The mistakes recognised, best first; how sure: "whole", "symptom" (only an exception agrees), "part" or ""."""

    mistakes: tuple = ()
    sure: str = ""


def diagnose(spec, prints, right, sizes) -> Diagnosis:
    """Which known mistakes of `spec` explain the table `prints`?

    `prints`, `right` and `sizes` have one dict per case: leaf -> the result's print (or RIGHT), the right print, the
    number of entries. A mistake that explains all is named alone, then two made at once; otherwise those that explain
    whole leaves.
    """
    wrong = {(c, leaf) for c, row in enumerate(prints) for leaf, p in row.items() if p != RIGHT}

    def hits(table):
        """The wrong cells that the table reproduces; None if it does harm elsewhere."""
        harm = {(c, leaf) for c, row in enumerate(table) for leaf, p in row.items() if p != RIGHT}
        if not harm <= wrong:
            return None
        return {(c, leaf) for c, leaf in harm if alike(table[c][leaf], prints[c][leaf], right[c].get(leaf, ""))}

    def numbers(cells):
        return sum(sizes[c].get(leaf, 0) for c, leaf in cells if isinstance(prints[c][leaf], list))

    found = [hits(mistake.prints) or set() for mistake in spec.mistakes]
    for mistake, cells in zip(spec.mistakes, found, strict=True):
        if cells == wrong:
            if numbers(cells):
                return Diagnosis((mistake,), "whole")
            if all(prints[c][leaf].startswith(SYMPTOMS) or "changed" in prints[c][leaf] for c, leaf in cells):
                return Diagnosis((mistake,), "symptom")
    for pair in spec.pairs:
        kept = {(c, leaf) for c, row in enumerate(pair.prints) for leaf, p in row.items() if p not in (RIGHT, WRONG)}
        loose = {(c, leaf) for c, row in enumerate(pair.prints) for leaf, p in row.items() if p == WRONG}
        if kept | loose == wrong and (hits(pair.prints) or set()) >= kept and numbers(kept) >= PAIR_EVIDENCE:
            return Diagnosis(tuple(spec.mistakes[k] for k in pair.of), "whole")
    known = [(m, cells) for m, cells in zip(spec.mistakes, found, strict=True) if numbers(cells) >= EVIDENCE]
    for (a, cells_a), (b, cells_b) in itertools.combinations(known, 2):
        if cells_a | cells_b == wrong:
            return Diagnosis((a, b) if len(cells_a) >= len(cells_b) else (b, a), "whole")
    parts = []
    for mistake, cells in known:
        leaves = {k for _, k in cells if {cell for cell in wrong if cell[1] == k} <= cells}
        if numbers({cell for cell in cells if cell[1] in leaves}) >= EVIDENCE:
            parts.append((len(leaves), len(cells), mistake))
    parts.sort(key=lambda part: part[:2], reverse=True)
    return Diagnosis(tuple(mistake for *_, mistake in parts[:MOST]), "part" if parts else "")
