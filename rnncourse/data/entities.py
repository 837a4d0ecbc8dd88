"""Sentences with named entities from a file of the reader's own: nothing is downloaded."""

from pathlib import Path


def entities(path: str | Path) -> list[tuple[list[str], list[str]]]:
    """Words and BIO tags of every sentence of a file in the column format of CoNLL-2003 (Tjong Kim Sang, De Meulder).

    path: a UTF-8 file; a line is a token, its word in the first column and its tag in the last, columns apart by white
    space; an empty line ends a sentence, and lines that begin with -DOCSTART- are left out. Tags are O, B-TYPE or
    I-TYPE. In the IOB1 of the original files a B- stands only between two neighbouring entities of one type; they come
    back as BIO (IOB2), in which every entity begins with B-.

    Raises ValueError with the line's number for a line of fewer than two columns or another tag; ValueError for a file
    that is not UTF-8 or has no sentence.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text ({error.reason} at byte {error.start})") from None
    sentences, words, tags = [], [], []
    for number, line in enumerate([*lines, ""], 1):
        columns = line.split()
        if not columns or columns[0] == "-DOCSTART-":
            if words:
                sentences.append((words, _begun(tags)))
            words, tags = [], []
            continue
        tag = columns[-1]
        if len(columns) < 2 or not (tag == "O" or (tag[:2] in ("B-", "I-") and tag[2:])):
            raise ValueError(
                f"{path}, line {number}: {line!r}; expected a word, perhaps more columns, and a tag O, B-TYPE or I-TYPE"
            )
        words.append(columns[0])
        tags.append(tag)
    if not sentences:
        raise ValueError(f"{path} has no sentence: expected a line for each token, as `Berlin NNP B-NP B-LOC`")
    return sentences


def _begun(tags: list[str]) -> list[str]:
    """The tags with a B- where an entity begins with I-."""
    before = ["O", *tags]
    return [
        "B" + tag[1:] if tag[0] == "I" and last[2:] != tag[2:] else tag for last, tag in zip(before, tags, strict=False)
    ]
