"""Text as numbers: a corpus that comes with the package, a character vocabulary, contiguous streams."""

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pooch

from rnncourse.data.checksum import unpack
from rnncourse.data.ids import checked, whole

DOCSTRINGS = "docstrings.txt.xz"
DOCSTRINGS_SHA256 = "ad6e9423de69c6efa85441c6e0e6104983a6d65a1103a2e836f86864d1cf9d52"
SEPARATOR = "\n\n\n"
SHAKESPEARE = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e"
    "/data/tinyshakespeare/input.txt"
)
_SHAKESPEARE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"


@functools.cache
def docstrings() -> str:
    """The documentation of NumPy as one string of 1,115,184 characters: 497 docstrings, 98 symbols.

    What NumPy said of its functions and classes when the course was written, a file of the package, so that it is the
    same with every Python and every NumPy. The docstrings come in a shuffled but fixed order, joined by two blank
    lines, so that every contiguous part holds all kinds of them. `rnncourse data docstrings` has made it; DATA.md says
    how. Licence of the text: NumPy's (BSD-3-Clause), beside the file.
    """
    return unpack(DOCSTRINGS, DOCSTRINGS_SHA256).decode()


def shakespeare() -> str:
    """ "Tiny Shakespeare", 1,115,394 characters of his plays: a text that many courses and papers train on.

    The only loader that needs the network, and only once: pooch downloads 1.1 MB, checks the SHA-256 and keeps the
    file in its cache folder. No page and no test needs it. Public domain; the selection is Karpathy's (char-rnn, 2015).

    Raises RuntimeError if the file cannot be fetched, or is not the one the course was written with.
    """
    try:
        path = pooch.retrieve(SHAKESPEARE, f"sha256:{_SHAKESPEARE_SHA256}", "tiny-shakespeare.txt", progressbar=False)
    except OSError as error:  # no network, no room, no such page
        raise RuntimeError(
            f"shakespeare() cannot be downloaded from {SHAKESPEARE} ({type(error).__name__}). "
            "Try again with a network, or use docstrings(), which needs none."
        ) from error
    except ValueError as error:
        raise RuntimeError(
            f"shakespeare(): {SHAKESPEARE} gave another file than the course was written with. A proxy or a login page "
            f"in between may be the reason. {error}"
        ) from error
    return Path(path).read_text(encoding="utf-8")


class Vocabulary:
    """Symbols <-> ids 0..V-1, in sorted order. `symbols` is a text (each distinct character counts once) or a sequence.

    `len(vocabulary)` is V; `vocabulary.symbols[i]` is the symbol with id i. unknown: a symbol of the vocabulary, say
    "<unk>", that stands for all that it lacks; between: what `decode` puts between symbols, a space for words.
    """

    def __init__(self, symbols: Iterable[str], unknown: str | None = None, between: str = ""):
        self.symbols = tuple(sorted({*symbols, *([] if unknown is None else [unknown])}))
        if not self.symbols:
            raise ValueError("a vocabulary needs at least one symbol, but it was given none")
        self._ids = {symbol: number for number, symbol in enumerate(self.symbols)}
        self.unknown, self._between = unknown, between

    def __len__(self) -> int:
        return len(self.symbols)

    def encode(self, text: Sequence[str]) -> np.ndarray:
        """The ids (N,) int64 of the N symbols of `text`. Without `unknown`, ValueError names a missing one."""
        if self.unknown is not None:
            instead = self._ids[self.unknown]
            return np.fromiter((self._ids.get(symbol, instead) for symbol in text), dtype=np.int64, count=len(text))
        try:
            return np.fromiter((self._ids[symbol] for symbol in text), dtype=np.int64, count=len(text))
        except KeyError as error:
            raise ValueError(
                f"the symbol {error.args[0]!r} is not among the {len(self)} of this vocabulary: "
                "build the vocabulary from all the text it must encode, or replace unknown symbols first"
            ) from None

    def decode(self, ids) -> str:
        """The text of the ids (N,). ValueError for ids outside 0..V-1 (a negative id does not count from the end)."""
        ids = np.asarray(ids)
        if ids.ndim != 1:
            raise ValueError(f"ids has shape {ids.shape}, expected one axis: decode one sequence at a time, ids[:, b]")
        if ids.size and not np.issubdtype(ids.dtype, np.integer):
            raise ValueError(f"ids has dtype {ids.dtype}, expected integers")
        if ids.size and (ids.min() < 0 or ids.max() >= len(self)):
            raise ValueError(f"ids run from {ids.min()} to {ids.max()}, expected 0 to {len(self) - 1}")
        return self._between.join(self.symbols[number] for number in ids)


def words(text: str) -> list[str]:
    """The words, numbers, punctuation marks and line breaks of a text, in order; spaces are left out."""
    return re.findall(r"\w+|[^\w\s]|\n", text)


class streams:  # noqa: N801  (used like a function)
    """Contiguous batches of next-token pairs x, y (T, B): y is x one token later, in the text.

        for x, y in streams(ids, T=64, B=32): ...

    The text is cut into B equal parts, one per column. Column b of a batch goes on where column b of the batch before
    ended, so a recurrent state may be carried from batch to batch. What does not fill a last batch is left out
    (fewer than T * B + B tokens). Can be gone through again, for the next epoch; batches share no memory with the
    text. Chapter 04 derives it. ValueError for too few tokens, or what are no ids.
    """

    def __init__(self, ids, T: int, B: int):
        tokens, T, B = checked("ids", ids), whole("T", T, "steps"), whole("B", B, "streams")
        if T < 1 or B < 1:
            raise ValueError(f"T={T} steps and B={B} streams: both must be 1 or more")
        self.T, batches = T, (tokens.size - 1) // B // T
        if batches < 1:
            raise ValueError(
                f"{tokens.size} tokens do not fill one batch of T={T} steps and B={B} streams: T * B + 1 are needed"
            )
        length = batches * T
        self._x = tokens[: B * length].reshape(B, length).T  # (length, B)
        self._y = tokens[1 : B * length + 1].reshape(B, length).T

    def __len__(self) -> int:
        return len(self._x) // self.T

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for start in range(0, len(self._x), self.T):
            yield self._x[start : start + self.T].copy(), self._y[start : start + self.T].copy()
