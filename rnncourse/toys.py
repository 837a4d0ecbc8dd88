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


def fading_reader(x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A toy language model with V = H: characters x (B,), h (B, H) -> log probabilities of the next (B, V), h_new.

    The state is a fading count of the characters read; characters that were read lately are likely to come again.
    """
    new = 0.5 * h + np.eye(h.shape[1])[x]
    return new - np.log(np.exp(new).sum(axis=1, keepdims=True)), new


def neighbour_reader(x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A toy language model with V = H: as `fading_reader`, but the ids next above those read are likely."""
    new = np.tanh(0.8 * h + 2 * np.eye(h.shape[1])[x])
    z = 2 * np.roll(new, 1, axis=1)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True)), new
