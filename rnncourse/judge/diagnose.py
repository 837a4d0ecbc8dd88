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
    """The mistakes recognised, best first; `complete` if the first explains every wrong cell."""

    mistakes: tuple = ()
    complete: bool = False


def diagnose(mistakes, prints, right, sizes) -> Diagnosis:
    """Which of `mistakes` explain the table `prints`?

    `prints`, `right` and `sizes` have one dict per case: leaf -> the result's print (or RIGHT), the right print, the
    number of entries. A mistake that explains all is named alone; otherwise the ones that explain most, none of which
    does harm where the result is right.
    """
    wrong = {(c, leaf) for c, row in enumerate(prints) for leaf, p in row.items() if p != RIGHT}
    whole, parts = [], []
    for mistake in mistakes:
        harm = {(c, leaf) for c, row in enumerate(mistake.prints) for leaf, p in row.items() if p != RIGHT}
        if not harm <= wrong:
            continue
        hits = {
            (c, leaf) for c, leaf in harm if alike(mistake.prints[c][leaf], prints[c][leaf], right[c].get(leaf, ""))
        }
        if hits == wrong:
            whole.append(mistake)
            continue
        # A text such as "raises IndexError" is weak evidence for a part; numbers are strong
        evidence = sum(sizes[c][leaf] for c, leaf in hits if isinstance(prints[c][leaf], list))
        full = sum(all((c, name) in hits for c, name in wrong if name == leaf) for leaf in {leaf for _, leaf in hits})
        if evidence >= EVIDENCE:
            parts.append((full, len(hits), mistake))
    if whole:
        return Diagnosis(tuple(whole[:1]), True)
    parts.sort(key=lambda part: part[:2], reverse=True)
    return Diagnosis(tuple(mistake for *_, mistake in parts[:MOST]))
