"""Plain data as bytes and back, for the socket between the process that grades and the one that runs students' code.

A frame is JSON with the arrays' raw bytes behind it. Unlike `wire` (what is stored: JSON alone, rounded) it keeps every
bit. Nothing here trusts its sender: what does not fit raises `Forged`, decoding runs nobody's code, never pickle.
"""

from __future__ import annotations

import json
import math
import re
import socket
import struct
import time

import numpy as np

from rnncourse.check import toys, wire

LENGTH = struct.Struct(">Q")
KINDS = "biuf"
DTYPE = re.compile(r"^[<>|=]?[biuf](1|2|4|8)$")
IDENTIFIER = re.compile(r"^[A-Za-z_]\w{0,60}(\.[A-Za-z_]\w{0,60}){0,6}$", re.ASCII)
MOST_TREE = 4_000_000  # bytes of JSON: parsed, they take many times as much memory
MOST_ITEMS = 1_000_000  # values in lists, tuples and dicts together


class Forged(ValueError):
    """The bytes are no frame that the other side could have made honestly."""


def pack(value) -> bytes:
    """Any value as bytes; what is no plain data becomes a note of its type."""
    blobs: list[bytes] = []
    tree = json.dumps(_tree(value, blobs, 0)).encode()
    return LENGTH.pack(len(tree)) + tree + b"".join(blobs)


def _tree(value, blobs, depth):
    kind = type(value)
    if value is None or kind in (bool, str, int):
        return value
    if isinstance(value, (np.bool_, np.integer, np.floating)) and value.dtype.itemsize <= 8:
        return _tree(value.item(), blobs, depth)
    if kind is float:
        return value if math.isfinite(value) else {"f": repr(value)}
    if isinstance(value, np.ndarray):
        return _array_tree(np.asarray(value), blobs)
    if depth < 20 and isinstance(value, (list, tuple)):
        items = [_tree(v, blobs, depth + 1) for v in value]
        return items if isinstance(value, list) else {"t": items}
    if depth < 20 and isinstance(value, dict):
        return {"d": [[_tree(k, blobs, depth + 1), _tree(v, blobs, depth + 1)] for k, v in value.items()]}
    if isinstance(value, (bool, str, int, float)):  # a subclass
        return _tree({bool: bool, str: str, int: int, float: float}[_base(value)](value), blobs, depth)
    if callable(value) and getattr(toys, getattr(value, "__name__", None) or "", None) is value:
        return {"toy": value.__name__}
    return {"o": f"{kind.__module__}.{kind.__qualname__}"}


def _base(value):
    return next(k for k in (bool, str, int, float) if isinstance(value, k))


def _array_tree(array, blobs):
    array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    if array.dtype.kind not in KINDS or array.dtype.itemsize > 8:
        return {"x": array.dtype.kind, "shape": list(array.shape)}
    coded = {"a": array.dtype.str, "shape": list(array.shape)}
    if not array.flags.c_contiguous:
        coded["strided"] = True
    blobs.append(array.tobytes())
    return coded


def unpack(data: bytes, with_toys: bool = False):
    """The value of a frame; raises Forged. Functions of `rnncourse.check.toys` are read only `with_toys`."""
    try:
        (length,) = LENGTH.unpack_from(data)
        if length > MOST_TREE:
            raise Forged(f"{length / 1e6:.0f} MB of structure; {MOST_TREE // 10**6} MB are read")
        start = LENGTH.size + length
        if length > len(data) - LENGTH.size:
            raise Forged("shorter than it says")
        reader = _Reader(memoryview(data)[start:], with_toys)
        value = reader.value(json.loads(bytes(data[LENGTH.size : start])))
    except Forged:
        raise
    except Exception as error:  # whatever the bytes are, the other side must not crash this one
        raise Forged(f"{type(error).__name__}: {error}"[:200]) from None
    if reader.position != len(reader.blobs):
        raise Forged("bytes left over")
    return value


class _Reader:
    """Decodes a tree, taking the arrays' bytes one after the other."""

    def __init__(self, blobs, with_toys):
        self.blobs, self.position, self.items, self.with_toys = blobs, 0, 0, with_toys

    def value(self, tree):
        self.items += 1
        if self.items > MOST_ITEMS:
            raise Forged("too many values")
        if isinstance(tree, list):
            return [self.value(v) for v in tree]
        if not isinstance(tree, dict):
            return tree
        if "a" in tree:
            return self.array(tree)
        if "t" in tree:
            return tuple(self.value(v) for v in _a_list(tree["t"]))
        if "d" in tree:
            return {self.value(k): self.value(v) for k, v in _a_list(tree["d"])}
        if "f" in tree and tree["f"] in ("nan", "inf", "-inf"):
            return float(tree["f"])
        if "x" in tree and tree["x"] in tuple("cOUSmMVf"):
            return np.zeros((0,) * min(len(_a_list(tree["shape"])), 8), dtype="O" if tree["x"] in "VO" else tree["x"])
        if "o" in tree and isinstance(tree["o"], str):
            return _stranger(tree["o"])
        if self.with_toys and "toy" in tree:
            return getattr(toys, tree["toy"])
        raise Forged("an unknown kind of value")

    def array(self, tree):
        shape = tuple(_a_list(tree["shape"]))
        if not (isinstance(tree["a"], str) and DTYPE.match(tree["a"])):
            raise Forged("an unknown dtype")
        if len(shape) > 32 or not all(type(n) is int and 0 <= n < 2**40 for n in shape):
            raise Forged("an impossible shape")
        dtype = np.dtype(tree["a"])
        size = math.prod(shape) * dtype.itemsize
        if size > len(self.blobs) - self.position:
            raise Forged("shorter than it says")
        raw = self.blobs[self.position : self.position + size]
        self.position += size
        if dtype.kind == "b" and any(b > 1 for b in bytes(raw)):
            raise Forged("a truth value that is neither")
        array = np.frombuffer(raw, dtype=dtype).reshape(shape).astype(dtype.newbyteorder("="))
        return wire.strided(array) if tree.get("strided") is True and array.ndim else array


def _a_list(value) -> list:
    if not isinstance(value, list):
        raise Forged("not a list")
    return value


def _stranger(name: str):
    """An object that stands for one of a type that may not cross: the student is told its type."""
    if not IDENTIFIER.match(name):
        name = "some.object"
    module, _, kind = name.rpartition(".")
    return type(kind, (), {"__module__": module})()


def framed(payload: bytes) -> bytes:
    """A payload as it is sent: its length before it."""
    return LENGTH.pack(len(payload)) + payload


def send(channel: socket.socket, payload: bytes) -> None:
    channel.sendall(framed(payload))


def receive(channel: socket.socket, limit: int, seconds: float | None = None) -> bytes:
    """The next frame's bytes.

    Raises TimeoutError after `seconds` in all, EOFError if the other side is gone, Forged for more than `limit` bytes.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    (length,) = LENGTH.unpack(_exactly(channel, LENGTH.size, deadline))
    if length > limit:
        raise Forged(f"a reply of {length / 1e6:.0f} MB; {limit / 1e6:.0f} MB are allowed")
    return _exactly(channel, length, deadline)


def _exactly(channel, count, deadline) -> bytes:
    parts, missing = [], count
    while missing:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            channel.settimeout(left)
        part = channel.recv(min(missing, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
