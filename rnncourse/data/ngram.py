"""The n-gram baseline that every language model of the course has to beat."""

import numpy as np

from rnncourse.data import ids


def witten_bell(train, held_out, order: int, V: int) -> np.ndarray:
    """Probability of each token of `held_out` (N,), given up to order - 1 tokens before it; counts from `train` only.

    In formulas, where c counts, n(h) is the number of different tokens seen after h, h' is h without its oldest token,
    and below the unigrams lies 1/V::

        p(w | h) = (c(hw) + n(h) p(w | h')) / (c(h) + n(h))

    Contexts never seen leave p(w | h') as it is.
    The loss in nats per token is ``-np.log(p).mean()``. ``V**order`` must stay below ``2**63``.

    Source: Witten and Bell (1991), method C; in this recursive form Chen and Goodman (1999). Chapter 01 derives it.
    """
    V = ids.size(V)
    train, held_out = ids.checked("train", train, V), ids.checked("held_out", held_out, V)
    if order < 1:
        raise ValueError(f"order={order}, expected 1 (unigrams) or more")
    if V**order >= 2**63:
        raise ValueError(f"V**order = {V}**{order} does not fit into 63 bits: use a smaller order")

    p = np.full(held_out.size, 1 / V)
    for n in range(1, min(order, train.size, held_out.size) + 1):
        grams, counts = np.unique(_keys(train, n, V), return_counts=True)
        contexts, first, kinds = np.unique(grams // V, return_index=True, return_counts=True)
        totals = np.add.reduceat(counts, first)

        keys = _keys(held_out, n, V)  # the n-grams ending at positions n-1, n, ...
        count = _look_up(grams, counts, keys)
        total = _look_up(contexts, totals, keys // V)
        kind = _look_up(contexts, kinds, keys // V)
        lower = p[n - 1 :]
        p[n - 1 :] = np.where(total > 0, (count + kind * lower) / np.maximum(total + kind, 1), lower)
    return p


def _keys(tokens: np.ndarray, n: int, V: int) -> np.ndarray:
    """Each n-gram of `tokens` as one integer in base V: the last token is the last digit."""
    keys = np.zeros(tokens.size - n + 1, dtype=np.int64)
    for k in range(n):
        keys = keys * V + tokens[k : tokens.size - n + 1 + k]
    return keys


def _look_up(table: np.ndarray, values: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """values[i] where table[i] == key, 0 for a key that the (sorted) table lacks."""
    place = np.minimum(np.searchsorted(table, keys), table.size - 1)
    return np.where(table[place] == keys, values[place], 0)
