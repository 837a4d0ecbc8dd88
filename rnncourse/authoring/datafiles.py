"""The data files of rnncourse/data/files/, made anew: what `rnncourse data NAME` runs. DATA.md lists them."""

import hashlib
import inspect
import lzma
from importlib import metadata
from pathlib import Path

import numpy as np

from rnncourse.data import text
from rnncourse.data.checksum import FILES, verify


def docstrings() -> dict[str, bytes]:
    """The course's main text and its licence, by file name: what the pinned NumPy says of itself.

    The docstrings of the functions and classes that numpy, numpy.linalg, numpy.fft and numpy.random export, each text
    once, margins removed by `inspect.cleandoc`, joined by two blank lines. Scalar types are left out, because their
    docstrings differ between platforms. They come in the order of their SHA-256: shuffled, yet the same everywhere, so
    that every contiguous part holds all kinds of them.

    Raises RuntimeError if the text is another one: docstrings differ between versions of NumPy, and those that NumPy
    fills in at import are indented differently from Python 3.13 on.
    """
    found = set()
    for module in (np, np.linalg, np.fft, np.random):
        for name in module.__all__:
            item = getattr(module, name)
            scalar_type = inspect.isclass(item) and issubclass(item, np.generic)
            # importing scipy.special rewrites the docstring of np.sinc, but not that of the function behind it
            written = (item._implementation if item is np.sinc else item).__doc__
            if callable(item) and not scalar_type and written:
                found.add("\n".join(line.rstrip() for line in inspect.cleandoc(written).split("\n")))
    content = text.SEPARATOR.join(sorted(found, key=lambda one: hashlib.sha256(one.encode()).hexdigest())).encode()
    verify(
        content,
        text.DOCSTRINGS_SHA256,
        f"The docstrings of NumPy {np.__version__}",
        "Collect them with the NumPy of requirements.lock and Python 3.11 or 3.12, without -OO.",
    )
    licence = metadata.distribution("numpy").read_text("licenses/LICENSE.txt").partition("\n----")[0]
    return {text.DOCSTRINGS: lzma.compress(content, preset=9), "docstrings.LICENSE.txt": licence.encode()}


MAKERS = {"docstrings": docstrings}


def make(name: str) -> list[Path]:
    """Write the files of one data set into rnncourse/data/files/ and return their paths."""
    if name not in MAKERS:
        raise ValueError(f"no data file is called {name!r}; there are: {', '.join(MAKERS)}")
    contents = MAKERS[name]()
    FILES.mkdir(exist_ok=True)
    for file, content in contents.items():
        (FILES / file).write_bytes(content)
    return [FILES / file for file in contents]
