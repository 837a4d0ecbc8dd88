"""One rule for all loaders: other data than the course was written with is an error, not a surprise in chapter 4."""

import hashlib
from pathlib import Path

FILES = Path(__file__).parent / "files"  # made by `rnncourse data NAME`; DATA.md lists them


def verify(content: bytes, expected: str, name: str, advice: str) -> None:
    """Raise RuntimeError with `advice` unless the SHA-256 of `content` is `expected` (hexadecimal)."""
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise RuntimeError(
            f"{name}: the SHA-256 is {found[:16]}..., but the course was written with {expected[:16]}... {advice}"
        )


def unpack(file: str, expected: str) -> bytes:
    """The content of an .xz file of `FILES`. RuntimeError unless it is there, whole, and has the SHA-256 `expected`."""
    advice = f"rnncourse/data/files/{file} is missing or damaged: get a fresh copy of the course."
    try:
        import lzma  # not at the top: a Python built without liblzma can do all the rest

        content = lzma.decompress((FILES / file).read_bytes())
    except ImportError as error:
        raise RuntimeError(f"{file} needs Python's lzma ({error}): use a Python that was built with it") from error
    except (OSError, lzma.LZMAError) as error:
        raise RuntimeError(f"{advice} ({error})") from error
    verify(content, expected, file, advice)
    return content
