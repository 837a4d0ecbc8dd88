"""Adapters for checks by property: each calls a student's function and returns an array (or a dict of arrays).

A check compares what an adapter gives for the student's function with what it gives for the solution. Where what came
cannot be used, an adapter raises `Wrong` with a sentence for the student.
"""

import numpy as np

from rnncourse.check import wire
from rnncourse.check.compare import Wrong, described

__all__ = ["Wrong", "all_are_drawn", "bit_reader", "laid_out", "padding_moves", "repeats"]

MOST_UNITS = 64


def bit_reader(f, bits: np.ndarray) -> np.ndarray:
    """Run the hand-set tanh network f() over bits (T, B) of 0 and 1; answers (T, B), 1 where the readout is positive.

    f() returns W_x (H, 1), W_h (H, H), b (H,), h0 (H,), w_y (H,) and the number c. Raises Wrong for other shapes.
    """
    names = ("W_x", "W_h", "b", "h0", "w_y", "c")
    found = f()
    if not isinstance(found, (tuple, list)) or len(found) != len(names):
        missing = " Is a `return` missing at the end?" if found is None else ""
        raise Wrong(f"returned {described(found)}; expected six values ({', '.join(names)}).{missing}")
    try:
        arrays = {name: np.asarray(value, dtype=np.float64) for name, value in zip(names, found, strict=True)}
    except (TypeError, ValueError):
        raise Wrong("all six values must be arrays of numbers (c is one number).") from None
    if arrays["W_x"].ndim == 2 and arrays["W_x"].shape[0] == 1 < arrays["W_x"].shape[1]:
        raise Wrong(f"W_x has shape {arrays['W_x'].shape}; expected (H, 1): it looks transposed.")
    H = arrays["W_x"].shape[0] if arrays["W_x"].ndim else 0
    if not 1 <= H <= MOST_UNITS:
        raise Wrong(f"W_x has shape {arrays['W_x'].shape}; expected (H, 1) with H from 1 to {MOST_UNITS}.")
    wanted = {"W_x": (H, 1), "W_h": (H, H), "b": (H,), "h0": (H,), "w_y": (H,), "c": ()}
    for name, shape in wanted.items():
        if arrays[name].shape != shape:
            why = f"expected {shape}, since W_x has {H} row{'s' * (H > 1)}" if shape else "it is one number"
            raise Wrong(f"{name} has shape {arrays[name].shape}; {why}.")
        if not np.isfinite(arrays[name]).all():
            raise Wrong(f"{name} holds NaN or infinite numbers.")
    x_proj = bits[..., None] * arrays["W_x"][:, 0] + arrays["b"]  # (T, B, H)
    W_h_T = np.ascontiguousarray(arrays["W_h"].T)
    h = np.empty_like(x_proj)
    state = np.tile(arrays["h0"], (bits.shape[1], 1))  # (B, H)
    for t in range(len(bits)):
        state = np.tanh(x_proj[t] + state @ W_h_T, out=h[t])
    return (h @ arrays["w_y"] + arrays["c"] > 0).astype(np.int64)


def repeats(f, **inputs) -> bool:
    """Do two calls of f with the same inputs give the same?"""
    return wire.same(f(*inputs.values()), f(*inputs.values()))


def all_are_drawn(f, z: np.ndarray, temperature: float, top_p: float, draws: int = 60) -> bool:
    """Does the sampler f(z, u, temperature, top_p) -> ids bring every character of each row of z (B, V)?

    `draws` uniform numbers go evenly from near 0 to near 1 in every row. Raises Wrong where ids (B,) do not come back.
    """
    B, V = z.shape
    u = np.tile((np.arange(draws) + 0.5) / draws, B)
    ids = np.asarray(f(np.repeat(z, draws, axis=0), u, temperature, top_p))
    if ids.shape != u.shape or ids.dtype.kind not in "iu":
        raise Wrong(f"returned {described(ids)}, {ids.dtype}; expected ids of shape {u.shape}, integers.")
    return all(set(row) == set(range(V)) for row in ids.reshape(B, draws).tolist())


def padding_moves(f, short: list, long: list, values: int) -> float:
    """How far what stands in the padding moves the answer: the largest difference of f(*short) and f(*long).

    The two lists of arguments hold the same sequences, padded differently. Of what f returns the first `values` arrays
    count; gradients, in the shape of the padded arguments, may follow. Raises Wrong where these cannot be compared.
    """
    answers = [f(*given) for given in (short, long)]
    pairs = [a[:values] if isinstance(a, tuple) else (a,) for a in answers]
    if [np.shape(a) for a in pairs[0]] != [np.shape(a) for a in pairs[1]]:
        raise Wrong("what comes back changes its shape with the length of the padding.")
    return max(float(np.abs(np.subtract(a, b)).max(initial=0.0)) for a, b in zip(*pairs, strict=True))


def laid_out(f, **inputs) -> dict:
    """The batches of f(**inputs), a list of lists of sequence numbers, as two arrays, so that they can be compared.

    Returns "sequences" (N,), the numbers one batch after the other, and "batch" (N,), the batch that each belongs to.
    Raises Wrong for what is no list of lists of integers, or has an empty batch.
    """
    batches = f(*inputs.values())
    if not isinstance(batches, (list, tuple)) or not all(isinstance(b, (list, tuple, np.ndarray)) for b in batches):
        missing = " Is a `return` missing at the end?" if batches is None else ""
        raise Wrong(f"returned {described(batches)}; expected a list of lists of sequence numbers.{missing}")
    empty = [k for k, batch in enumerate(batches) if len(batch) == 0]
    if empty:
        raise Wrong(f"batch {empty[0]} is empty.")
    sequences = np.array([k for batch in batches for k in batch])
    if sequences.dtype.kind not in "iu":
        raise Wrong(f"the batches hold {sequences.dtype}; expected integers, the numbers of the sequences.")
    return {"sequences": sequences, "batch": np.repeat(np.arange(len(batches)), [len(b) for b in batches])}
