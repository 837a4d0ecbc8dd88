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


# Backward passes of two of the steps: `step_backward(dh_new, x, h) -> dx, dh`; dh_new is the gradient of the new state.


def fading_sum_backward(dh_new: np.ndarray, x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradients of `fading_sum`: (B, H), (B, I), (B, H) -> dx (B, I), dh (B, H)."""
    return np.repeat(dh_new.sum(axis=1, keepdims=True), x.shape[1], axis=1), 0.5 * dh_new


def squashed_shift_backward(dh_new: np.ndarray, x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradients of `squashed_shift`: (B, H), (B, I), (B, H) -> dx (B, I), dh (B, H)."""
    da = (1 - squashed_shift(x, h) ** 2) * dh_new
    return np.repeat(da.sum(axis=1, keepdims=True), x.shape[1], axis=1) / x.shape[1], np.roll(da, -1, axis=1)


# Losses of one array of any shape, for gradient checkers; each has a closed gradient.


def _float64(a: np.ndarray) -> np.ndarray:
    """The array itself. Raises TypeError for fewer digits."""
    a = np.asarray(a)
    if a.dtype != np.float64:
        raise TypeError(
            f"the loss was given an array of {a.dtype}: give it float64, a small nudge is lost in fewer digits"
        )
    return a


def bowl_loss(a: np.ndarray) -> float:
    """Half the sum of squares."""
    return float(np.square(_float64(a)).sum() / 2)


def bowl_gradient(a: np.ndarray) -> np.ndarray:
    """The gradient of `bowl_loss`."""
    return a.copy()


def wavy_loss(a: np.ndarray) -> float:
    """The sum of sin(30 a): its slope changes quickly."""
    return float(np.sin(30 * _float64(a)).sum())


def wavy_gradient(a: np.ndarray) -> np.ndarray:
    """The gradient of `wavy_loss`."""
    return 30 * np.cos(30 * a)


def steep_loss(a: np.ndarray) -> float:
    """500 times the sum of squares: at its lowest point the gradient is zero and the curvature large."""
    return float(500 * np.square(_float64(a)).sum())


def steep_gradient(a: np.ndarray) -> np.ndarray:
    """The gradient of `steep_loss`."""
    return 1000 * a


def valley_loss(a: np.ndarray) -> float:
    """250,000 times the squared differences of neighbours in a ring: lowest where they are equal, curvature 1e6."""
    flat = _float64(a).ravel()
    return float(250_000 * np.square(flat - np.roll(flat, 1)).sum())


def valley_gradient(a: np.ndarray) -> np.ndarray:
    """The gradient of `valley_loss`."""
    flat = a.ravel()
    return (500_000 * (2 * flat - np.roll(flat, 1) - np.roll(flat, -1))).reshape(a.shape)


def bent_loss(a: np.ndarray) -> float:
    """2,000 times the sum of cubes: flat at 0, but only there."""
    return float(2000 * (_float64(a) ** 3).sum())


def bent_gradient(a: np.ndarray) -> np.ndarray:
    """The gradient of `bent_loss`."""
    return 6000 * a**2


def high_loss(a: np.ndarray) -> float:
    """Ten thousand plus the sum of sin(0.4 a): a small change of a large number."""
    return float(1e4 + np.sin(0.4 * _float64(a)).sum())


def high_gradient(a: np.ndarray) -> np.ndarray:
    """The gradient of `high_loss`."""
    return 0.4 * np.cos(0.4 * a)


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


SMALL_READER_SIZES = 4, 3  # V, H


def small_reader(x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A toy language model with V = 4 and H = 3: characters x (B,), h (B, 3) -> log probabilities (B, 4), h_new.

    Raises ValueError for a state of another size.
    """
    V, H = SMALL_READER_SIZES
    if np.shape(h) != (len(x), H):
        raise ValueError(f"the model's state has shape {np.shape(h)}; expected ({len(x)}, {H})")
    weights = np.cos(2.0 * np.arange(V * H)).reshape(V, H)
    new = np.tanh(0.7 * h + 1.5 * weights[x])
    z = 2 * new @ weights.T
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True)), new


LONGEST_WINDOW = 8  # tokens


def _window(step, x, h):
    x, h, rows = np.asarray(x), np.asarray(h)[None], []
    if x.ndim != 1 or x.size > LONGEST_WINDOW:
        raise ValueError(f"x has shape {x.shape}; the model reads at most {LONGEST_WINDOW} tokens at a time, x (n,)")
    for token in x:
        log_p, h = step(np.array([token]), h)
        rows.append(log_p[0])
    return np.array(rows).reshape(len(rows), h.shape[1]), h[0]


def fading_window(x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`fading_reader` over a window of one text: x (n,), h (V,) -> log probabilities (n, V), the last state (V,).

    Raises ValueError for more than 8 tokens.
    """
    return _window(fading_reader, x, h)


def neighbour_window(x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`neighbour_reader` over a window of one text, as `fading_window`."""
    return _window(neighbour_reader, x, h)


def batch_contrast(pictures):
    """A toy encoder of pictures, tensors (N, C, H, W) -> (N, C): brightness relative to the pictures it is given.

    Bright pixels count more the lower and the further right they are, so that rows, columns and channels differ.
    """
    N, C, H, W = pictures.shape
    rows, columns = (1 + pictures.new_ones(n).cumsum(0) / n for n in (H, W))
    bright = (pictures * rows[:, None] * columns**2).mean(dim=(2, 3))  # (N, C)
    return (2 * (bright - bright.mean(dim=0)) + 0.1 * bright).tanh()


# Toy steps of tensors, `step(x, h) -> h_new`, x (B, I) and h (B, H).


def fading_sum_tensors(x, h):
    """`fading_sum` for tensors."""
    return 0.5 * h + x.sum(dim=1, keepdim=True)


def squashed_shift_tensors(x, h):
    """`squashed_shift` for tensors."""
    return (h.roll(1, dims=1) + x.mean(dim=1, keepdim=True)).tanh()


def gated_sum_tensors(x, h):
    """The old state times a gate that the sum of the inputs opens, plus that sum; not linear."""
    total = x.sum(dim=1, keepdim=True)
    return h * total.sigmoid() + total


# Toy models of sequences, tensors (T, B, I) -> (T, B, O), each sequence on its own, for probes of what depends on what.


def _later(x, steps: int):
    """x moved to later steps (to earlier ones, if negative), with zeros where nothing comes from."""
    moved = x.roll(steps, dims=0)
    moved[: max(steps, 0)] = 0
    moved[len(x) + min(steps, 0) :] = 0
    return moved


def slow_echo(x):
    """The input plus the one two steps ago."""
    return x + 0.5 * _later(x, 2)


def peeking(x):
    """The difference from the next input, squashed."""
    return (x - _later(x, -1)).tanh()


def rarely_far_ahead(x):
    """The sum of all inputs so far, and of the one three steps ahead where that is large."""
    return x.cumsum(dim=0) + _later(x - 1, -3).relu()


def last_counts(x):
    """The last input of all, at every step, and the input one step ago."""
    return x[-1:] * x.new_ones(len(x), 1, 1) - _later(x, 1)


def deaf(x):
    """Always the same, whatever is read."""
    return x.new_ones(x.shape)


def only_highs(x):
    """The input, and of those two steps ago and one step ahead what is above zero."""
    high = x.relu()
    return x + _later(high, 2) + _later(high, -1)


def fading_pair(x):
    """A sum of all inputs so far that fades to a sixteenth a step, and beside it the same with the other sign."""
    total = x.clone()
    for t in range(1, len(x)):
        total[t] += total[t - 1] / 16
    pair = total.repeat(1, 1, 2)
    pair[..., x.shape[2] :] *= -1
    return pair


def only_two_highs(x):
    """The input, and the product of the inputs one step ago and one ahead where both are above zero."""
    high = x.relu()
    return x + _later(high, 1) * _later(high, -1)


def largest_yet(x):
    """The largest input so far."""
    return x.cummax(dim=0).values


def fading_decoder(ids):
    """A toy decoder of seven tokens, tensors (T, B) -> logits (T, B, 7); each step sees the inputs up to its own.

    The tokens next above those read lately are likely, and so is 6, the more of 0 and 1 has been read.
    """
    h = (ids[..., None] == ids.new_tensor(range(7))).double()  # one-hot
    for t in range(1, len(h)):
        h[t] += 0.6 * h[t - 1]
    z = 2 * (1.5 * h).tanh().roll(1, dims=2)
    z[..., 6] += h[..., :2].sum(dim=2)
    return z


# Language models of four tokens, of which 0 ends the text: `next_log_p(tokens) -> log p (4,)` after a tuple of tokens.


def _log_softmax(z) -> np.ndarray:
    z = np.asarray(z, dtype=float)
    return z - z.max() - np.log(np.exp(z - z.max()).sum())


def tiring(tokens) -> np.ndarray:
    """Any token as likely as in the alphabet's order; the end gets likelier with each token."""
    return _log_softmax([len(tokens) - 2.0, 1.0, 0.8, 0.5])


def garden_path(tokens) -> np.ndarray:
    """It begins with 1 most often, after which nothing is likely; after a first 2 or 3 the rest is nearly sure."""
    if not len(tokens):
        return np.log([0.05, 0.45, 0.3, 0.2])
    if tokens[0] == 1:
        return np.log([0.22, 0.24, 0.26, 0.28])
    return np.log([0.9, 0.04, 0.03, 0.03] if len(tokens) == 5 - tokens[0] else [0.02, 0.03, 0.9, 0.05])


def wandering(tokens) -> np.ndarray:
    """Likes to go on from each token to the next, and depends on everything before."""
    total = sum((k + 1) * int(v) for k, v in enumerate(tokens))
    return _log_softmax(2 * np.sin(1.3 * total + np.arange(4) * (1 + len(tokens))) - [1.0, 0, 0, 0])


def never_ending(tokens) -> np.ndarray:
    """The end is the least likely token at every step."""
    last = int(tokens[-1]) if len(tokens) else 1
    return _log_softmax([-3.0, last == 3, 0.5 * (last == 1), 0.7 * (last == 2)])
