"""Small public functions that checks hand to a student's function: toy steps, with states one can follow by hand.

Each is a module-level function, so that a unit's public data can name it. A toy step has the signature of a recurrent
step, `step(x, h) -> h_new`, with x (B, I) and h (B, H), changes neither argument, and needs no weights.
"""

import numpy as np


def fading_sum(x: np.ndarray, h: np.ndarray) -> np.ndarray:
    """Half of the old state plus the sum of this step's inputs: (B, I), (B, H) -> (B, H)."""
    return 0.5 * h + x.sum(axis=1, keepdims=True)


def squashed_shift(x: np.ndarray, h: np.ndarray) -> np.ndarray:
    """tanh of the state moved on by one place plus the mean input: (B, I), (B, H) -> (B, H); not linear."""
    return np.tanh(np.roll(h, 1, axis=1) + x.mean(axis=1, keepdims=True))


def largest_so_far(x: np.ndarray, h: np.ndarray) -> np.ndarray:
    """The larger of the old state and this step's largest input: (B, I), (B, H) -> (B, H)."""
    return np.maximum(h, x.max(axis=1, keepdims=True))
