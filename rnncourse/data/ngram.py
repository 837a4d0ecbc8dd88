"""The n-gram baselines that every language model of the course has to beat."""

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
    train, held_out, order, V = _checked(train, held_out, order, V)
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


def kneser_ney(train, held_out, order: int, V: int) -> np.ndarray:
    """Probability of each token of `held_out` (N,), given up to order - 1 tokens before it; counts from `train` only.

    Interpolated modified Kneser-Ney smoothing, the strongest of the classic ways to count. In formulas, where c counts,
    h' is h without its oldest token, and below the unigrams lies 1/V::

        p(w | h) = (c(hw) - D(c(hw)) + p(w | h') sum over v of D(c(hv))) / sum over v of c(hv)

    Every count gives up a discount, D1, D2 or D3 for counts of one, two, and three or more, and what all followers of
    h give up goes to the shorter context. Below the highest order c(hw) does not say how often hw occurs but after how
    many different tokens: a word that only ever follows one other is a poor guess elsewhere.
    Contexts never seen leave p(w | h') as it is. The discounts come from how many n-grams occur once to four times;
    where one of these numbers is zero (tiny texts) all discounts are one half.
    The loss in nats per token is ``-np.log(p).mean()``. ``V**order`` must stay below ``2**63``.

    Source: Chen and Goodman (1999), who modified Kneser and Ney (1995). Chapter 01 writes it by hand.
    """
    train, held_out, order, V = _checked(train, held_out, order, V)
    p = np.full(held_out.size, 1 / V)
    highest = min(order, train.size)
    for n in range(1, min(highest, held_out.size) + 1):
        if n == highest:
            grams, counts = np.unique(_keys(train, n, V), return_counts=True)
        else:  # of the n-grams inside longer ones, each longer one counted once
            grams, counts = np.unique(np.unique(_keys(train, n + 1, V)) % V**n, return_counts=True)
        cut = _discounts(counts)[np.minimum(counts, 3)]
        contexts, first = np.unique(grams // V, return_index=True)
        totals, freed = np.add.reduceat(counts, first), np.add.reduceat(cut, first)

        keys = _keys(held_out, n, V)
        kept = _look_up(grams, counts - cut, keys)
        total, given = (_look_up(contexts, values, keys // V) for values in (totals, freed))
        lower = p[n - 1 :]
        p[n - 1 :] = np.where(total > 0, (kept + given * lower) / np.maximum(total, 1), lower)
    return p


def _checked(train, held_out, order: int, V: int) -> tuple[np.ndarray, np.ndarray, int, int]:
    V, order = ids.size(V), ids.whole("order", order, "tokens in an n-gram")
    train, held_out = ids.checked("train", train, V), ids.checked("held_out", held_out, V)
    if order < 1:
        raise ValueError(f"order={order}, expected 1 (unigrams) or more")
    if V**order >= 2**63:
        raise ValueError(f"V**order = {V}**{order} does not fit into 63 bits: use a smaller order")
    return train, held_out, order, V


def _discounts(counts: np.ndarray) -> np.ndarray:
    """What a count of 0, 1, 2, and 3 or more gives up: 0, D1, D2, D3."""
    n1, n2, n3, n4 = (np.count_nonzero(counts == k) for k in (1, 2, 3, 4))
    if min(n1, n2, n3, n4) == 0:
        return np.array([0, 0.5, 0.5, 0.5])
    Y = n1 / (n1 + 2 * n2)
    D = [1 - 2 * Y * n2 / n1, 2 - 3 * Y * n3 / n2, 3 - 4 * Y * n4 / n3]
    return np.array([0, *np.clip(D, 0.05, [1, 2, 3])])  # odd texts: nothing is given up twice, something always


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
