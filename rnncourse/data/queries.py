"""Names for queries, from Babel; and query logs of the reader's own, from a file."""

import re
from collections import Counter
from importlib import metadata
from pathlib import Path

from rnncourse.data.checksum import verify

_SHA256 = "5b5009591ff36c4d7faa0ff6ae44b41d1759d51fff91e575fde60e9f5c2df4e1"
_NO_COUNTRIES = {"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"}  # unions, test locales and "unknown region"


def world() -> dict[str, list[str]]:
    """English names by kind, "country", "language" and "currency": lower case, a to z and spaces, sorted.

    Source: the Babel package (BSD licence), which has them from Unicode's CLDR (Unicode licence).
    """
    from babel import Locale  # not at the top: only this function needs it

    english = Locale("en")
    kinds = {
        "country": [n for code, n in english.territories.items() if len(code) == 2 and code not in _NO_COUNTRIES],
        "language": [n for code, n in english.languages.items() if len(code) == 2],
        "currency": list(english.currencies.values()),
    }
    kept = {kind: sorted({n.lower() for n in names if _plain(n.lower())}) for kind, names in kinds.items()}
    verify(
        "\n".join("\t".join([kind, *names]) for kind, names in kept.items()).encode(),
        _SHA256,
        f"world() from Babel {metadata.version('babel')}",
        "Install the versions that the course pins: pip install -r requirements.lock",
    )
    return kept


def _plain(name: str) -> bool:
    return re.fullmatch("[a-z ]{3,22}", name) is not None


def query_log(path: str | Path, query: int = 0, count: int | None = 1) -> Counter:
    """How often each query occurs, from a file with tabs between its columns; UTF-8, lines may repeat a query.

    query: the column of the query, from 0; count: that of how often it was typed, None if each line stands for once.
    Queries are put into lower case, and spaces between words become one. Raises ValueError, with the line's number, for
    a line without these columns, a count that is no positive integer, or a query of nothing but spaces.
    """
    counts: Counter = Counter()
    with Path(path).open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            columns = line.rstrip("\r\n").split("\t")
            if len(columns) <= max(query, count or 0):
                raise ValueError(
                    f"{path}, line {number}: {line.rstrip()!r:.80} has {len(columns)} columns between tabs, "
                    f"expected a query in column {query}{'' if count is None else f' and a count in column {count}'}"
                )
            text, times = " ".join(columns[query].lower().split()), "1" if count is None else columns[count]
            if not text or not re.fullmatch("[0-9]+", times) or int(times) == 0:
                raise ValueError(
                    f"{path}, line {number}: query {text!r:.80}, count {times!r}; expected a text and a positive count"
                )
            counts[text] += int(times)
    if not counts:
        raise ValueError(f"{path} has no line: expected a query on each")
    return counts
