"""Real reviews from a folder of the reader's own: nothing is downloaded."""

from pathlib import Path


def reviews(folder: str | Path) -> tuple[list[str], list[int]]:
    """Texts and judgements (1 praise, 0 blame) from `folder`/pos/*.txt and `folder`/neg/*.txt, sorted by file name.

    folder: with one review per file, say `aclImdb/train` of the Large Movie Review Dataset (Maas et al., 2011).
    Line breaks and the tag <br /> become one space. The two judgements follow each other: shuffle before training.

    Raises FileNotFoundError if a folder is missing or holds no .txt file; ValueError for a file empty or not UTF-8.
    """
    texts, praise = [], []
    for name, judgement in (("pos", 1), ("neg", 0)):
        paths = sorted((Path(folder) / name).glob("*.txt"))
        if not paths:
            raise FileNotFoundError(
                f"no .txt file in {Path(folder) / name}: reviews() expects the folders pos and neg in {folder}, "
                "with one review per file"
            )
        for path in paths:
            try:
                text = " ".join(path.read_text(encoding="utf-8").replace("<br />", " ").split())
            except UnicodeDecodeError as error:
                raise ValueError(f"{path} is not UTF-8 text ({error.reason} at byte {error.start})") from None
            if not text:
                raise ValueError(f"{path} is empty: delete it, or write its review")
            texts.append(text)
            praise.append(judgement)
    return texts, praise
