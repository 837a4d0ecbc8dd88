"""Name the known mistake behind a wrong result, by fingerprints.

A result is a table of cells, one per case and leaf; a cell is RIGHT or holds a fingerprint. A known mistake is a table
of the same kind. It explains a result if it does harm only where the result is wrong, with the same fingerprints.
"""

from __future__ import annotations

from dataclasses import dataclass

from rnncourse.judge.compare import alike

RIGHT = "="
MOST = 2  # mistakes named at once
EVIDENCE = 4  # numbers that must agree before a part of a result counts as recognised


@dataclass(frozen=True)
class Diagnosis:
    """The mistakes recognised, best first; `complete` if they explain every wrong cell."""

    mistakes: tuple = ()
    complete: bool = False


def diagnose(spec, prints, right, sizes) -> Diagnosis:
    """Which known mistakes of `spec` explain the table `prints`?

    `prints`, `right` and `sizes` have one dict per case: leaf -> the result's print (or RIGHT), the right print, the
    number of entries. A mistake that explains all is named alone, then two made at once; otherwise the ones that
    explain most, none of which does harm where the result is right.
    """
    wrong = {(c, leaf) for c, row in enumerate(prints) for leaf, p in row.items() if p != RIGHT}

    def hits(table):
        """The wrong cells that the table reproduces; None if it does harm elsewhere."""
        harm = {(c, leaf) for c, row in enumerate(table) for leaf, p in row.items() if p != RIGHT}
        if not harm <= wrong:
            return None
        return {(c, leaf) for c, leaf in harm if alike(table[c][leaf], prints[c][leaf], right[c].get(leaf, ""))}

    found = [hits(mistake.prints) for mistake in spec.mistakes]
    if wrong in found:
        return Diagnosis((spec.mistakes[found.index(wrong)],), True)
    for pair in spec.pairs:
        if hits(pair.prints) == wrong:
            return Diagnosis(tuple(spec.mistakes[k] for k in pair.of), True)
    parts = []
    for mistake, cells in zip(spec.mistakes, found, strict=True):
        # A text such as "raises IndexError" is weak evidence for a part; numbers are strong
        evidence = sum(sizes[c][leaf] for c, leaf in cells or () if isinstance(prints[c][leaf], list))
        if evidence >= EVIDENCE:
            whole = sum(all((c, name) in cells for c, name in wrong if name == leaf) for leaf in {k for _, k in cells})
            parts.append((whole, len(cells), mistake))
    parts.sort(key=lambda part: part[:2], reverse=True)
    return Diagnosis(tuple(mistake for *_, mistake in parts[:MOST]))
