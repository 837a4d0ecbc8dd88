"""One rule for all loaders: other data than the course was written with is an error, not a surprise in chapter 4."""

import hashlib


def verify(content: bytes, expected: str, name: str, advice: str) -> None:
    """Raise RuntimeError with `advice` unless the SHA-256 of `content` is `expected` (hexadecimal)."""
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise RuntimeError(
            f"{name}: the SHA-256 is {found[:16]}..., but the course was written with {expected[:16]}... {advice}"
        )
