"""Pairs of sentences from a file of the reader's own: nothing is downloaded."""

from pathlib import Path


def sentence_pairs(path: str | Path) -> list[tuple[str, str]]:
    """Pairs (sentence, translation), in the order of the file, each pair once.

    path: a text file with a pair on every line, a tab between the two, as Tatoeba's exports for Anki have it; what
    follows a second tab (their attribution) is left out, and lines without a character are skipped. Runs of spaces,
    non-breaking ones included, become one.

    Raises FileNotFoundError if there is no such file; ValueError if it is not UTF-8, a line has no tab, one of its two
    sides is empty, or no pair is left.
    """
    path, found = Path(path), {}
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file: sentence_pairs() expects one with a pair on every line")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text ({error.reason} at byte {error.start})") from None
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        sides = [" ".join(side.split()) for side in line.split("\t")[:2]]
        if len(sides) < 2 or not all(sides):
            raise ValueError(
                f"{path}, line {number}: expected a sentence, a tab and its translation, found {line[:60]!r}"
            )
        found[tuple(sides)] = None
    if not found:
        raise ValueError(f"{path} holds no pair of sentences")
    return list(found)
