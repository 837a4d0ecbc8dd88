"""Connectionist temporal classification (CTC): labels for a sequence whose alignment nobody knows::

    losses, dz = ctc.ctc_loss(log_p, targets, input_lengths, target_lengths)
    ctc.collapse(log_p[:, 0].argmax(axis=-1))     # the best path, read as labels
    ctc.beam_search(log_p[:, 0], K=8)             # [(ln p, labels), ...], the best first

Sizes: T frames, B batch, V symbols, one of them the blank, U labels, S = 2U + 1 states.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np

NEVER = -1e30  # ln 0 for sums and differences: -inf - -inf is NaN


def ctc_loss(log_p, targets, input_lengths=None, target_lengths=None, blank: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The loss -ln p(labels) of each sequence, summed over all alignments, and its gradient by the logits.

    log_p (T, B, V): log-softmax of the logits, float32 or float64; targets (B, U): labels, behind the end anything.
    input_lengths (B,): frames of each sequence, all T if not given; target_lengths (B,): labels of each, all U if not.
    Returns losses (B,) and dz (T, B, V): the gradient of the sum of the losses with respect to the logits, 0 in frames
    behind a sequence's end. Labels that do not fit into their frames have an infinite loss, and a gradient of 0.

    Only the loop over time is sequential; forward and backward variables run through it side by side.

    Raises ValueError for shapes or lengths that do not fit, a label that is the blank or no symbol, and for a log_p
    that is not a log-softmax: logits, or probabilities.
    Source: Graves et al. (2006); chapter 18 derives it.
    """
    log_p, p, targets, frames, labels = _checked(log_p, targets, input_lengths, target_lengths, blank)
    (T, B, V), S, rows = log_p.shape, 2 * targets.shape[1] + 1, np.arange(len(frames))
    states = np.full((B, S), blank)
    states[:, 1::2] = targets
    last = 2 * labels  # (B,) the last state, a blank
    t, s = np.arange(T)[:, None], np.arange(S)
    t_back, s_back = np.maximum(frames - 1 - t, 0), np.maximum(last[:, None] - s, 0)  # each from its own end

    # beta is alpha of the reversed problem: both in one loop, over (2B, S)
    reverse_states = np.take_along_axis(states, s_back, axis=1)
    emitted = _columns(log_p, states)  # (T, B, S)
    both = np.concatenate([emitted, _columns(log_p[t_back, rows], reverse_states)], axis=1)
    run = _forward(both, _skips(np.concatenate([states, reverse_states]), blank, log_p.dtype))
    log_alpha = run[:, :B]
    log_beta = _columns(run[:, B:][t_back, rows], s_back)

    final = log_alpha[frames - 1, rows]  # (B, S)
    total = np.logaddexp(final[rows, last], np.where(last > 0, final[rows, last - 1], NEVER))  # (B,) ln p(labels)
    fits = total > NEVER / 2
    log_gamma = log_alpha + log_beta
    log_gamma -= emitted
    log_gamma -= np.where(fits, total, 0)[:, None]
    log_gamma[:, s > last[:, None]] = NEVER
    gamma = np.exp(np.minimum(log_gamma, 0, out=log_gamma), out=log_gamma)  # rubbish where nothing is real
    share = gamma.transpose(1, 0, 2) @ (states[..., None] == np.arange(V)).astype(log_p.dtype)  # (B, T, V)
    real = (t < frames) & fits
    dz = np.where(real[..., None], p - share.transpose(1, 0, 2), 0)
    return np.where(fits, -total, np.inf).astype(log_p.dtype), dz


def _columns(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """values[t, b, chosen[b, s]]: (T, B, S) from values (T, B, N) and chosen (B, S)."""
    T, B, N = values.shape
    flat = chosen + N * np.arange(B)[:, None]
    return np.ascontiguousarray(values).reshape(T, B * N).take(flat, axis=1)


def _skips(states: np.ndarray, blank: int, dtype) -> np.ndarray:
    """(N, S): 0 where a state may be reached from two below it, that is over a blank between unlike labels."""
    skip = np.full(states.shape, NEVER, dtype)
    skip[:, 2:][(states[:, 2:] != blank) & (states[:, 2:] != states[:, :-2])] = 0
    return skip


def _forward(emitted: np.ndarray, skip: np.ndarray) -> np.ndarray:
    """ln alpha (T, N, S), the emission of its own frame included, from emitted (T, N, S) and skip (N, S)."""
    T, N, S = emitted.shape
    padded = np.full((T, N, S + 2), NEVER, emitted.dtype)  # two columns that nothing comes from
    log_alpha = padded[:, :, 2:]
    log_alpha[0, :, :2] = emitted[0, :, :2]
    most, total, step, jump = (np.empty((N, S), emitted.dtype) for _ in range(4))
    for t in range(1, T):  # ln(exp stay + exp step + exp jump) without a new array
        stay = log_alpha[t - 1]
        np.add(padded[t - 1, :, :-2], skip, out=jump)
        np.maximum(stay, padded[t - 1, :, 1:-1], out=most)
        np.maximum(most, jump, out=most)
        np.subtract(stay, most, out=total)
        np.subtract(padded[t - 1, :, 1:-1], most, out=step)
        np.subtract(jump, most, out=jump)
        np.exp(total, out=total)
        total += np.exp(step, out=step)
        total += np.exp(jump, out=jump)
        np.log(total, out=total)
        total += most
        np.add(total, emitted[t], out=log_alpha[t])
    return log_alpha


def collapse(path, blank: int = 0) -> tuple[int, ...]:
    """The labels that a path, one symbol a frame, stands for: runs become one symbol, then blanks are dropped.

    Source: Graves et al. (2006); chapter 18.
    """
    return tuple(int(k) for k, _ in itertools.groupby(np.asarray(path).tolist()) if k != blank)


def beam_search(
    log_p,
    K: int,
    *,
    extend: Callable[[tuple, int], float | None] | None = None,
    finish: Callable[[tuple], float | None] | None = None,
    blank: int = 0,
    top: int | None = None,
) -> list[tuple[float, tuple[int, ...]]]:
    """Prefix beam search: the K likeliest labellings that were found, as (ln p, labels), the best first.

    log_p (T, V): of one sequence. Paths of one prefix are summed; with K large enough every ln p is exact.
    extend(prefix, k): what is added when label k follows the prefix, say a language model's weighted ln p and a bonus
    per label; None forbids it. finish(prefix): what is added at the end, or None for a labelling that may not end.
    top: in each frame only so many of the likeliest labels may extend a prefix; all if not given.

    Raises ValueError if log_p is not (T, V) or K is not positive.
    Source: Hannun et al. (2014); chapter 18.
    """
    log_p = np.asarray(log_p)
    if log_p.ndim != 2 or K < 1:
        raise ValueError(f"log_p has shape {log_p.shape} and K={K}, expected (T, V) of one sequence and 1 or more")
    labels = [k for k in range(log_p.shape[1]) if k != blank]
    beam = {(): (0.0, -math.inf)}  # by prefix: ln p of its paths that end in a blank, and of those that do not
    for row in log_p.tolist():
        likely = sorted(labels, key=row.__getitem__, reverse=True)[:top]
        found: dict[tuple, tuple[float, float]] = {}
        for prefix, (ln_b, ln_n) in beam.items():
            both, end = _log_add(ln_b, ln_n), prefix[-1] if prefix else None
            _add(found, prefix, both + row[blank], ln_n + row[end] if prefix else -math.inf)
            for k in likely:
                bonus = extend(prefix, k) if extend else 0.0
                if bonus is not None:
                    _add(found, (*prefix, k), -math.inf, (ln_b if k == end else both) + row[k] + bonus)
        beam = dict(sorted(found.items(), key=lambda entry: -_log_add(*entry[1]))[:K])
    ends = [(_log_add(*both), prefix, finish(prefix) if finish else 0.0) for prefix, both in beam.items()]
    scored = [(total + bonus, prefix) for total, prefix, bonus in ends if bonus is not None and total > -math.inf]
    return sorted(scored, key=lambda entry: -entry[0])


def _add(found: dict, prefix: tuple, ln_b: float, ln_n: float) -> None:
    before = found.get(prefix, (-math.inf, -math.inf))
    found[prefix] = _log_add(before[0], ln_b), _log_add(before[1], ln_n)


def _log_add(a: float, b: float) -> float:
    low, high = min(a, b), max(a, b)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))


def _checked(log_p, targets, input_lengths, target_lengths, blank: int):
    """Arrays of the right shapes. ValueError, which says what came, for others."""
    log_p, targets = np.asarray(log_p), np.asarray(targets)
    if log_p.ndim != 3 or log_p.dtype not in (np.float32, np.float64) or not len(log_p):
        raise ValueError(
            f"log_p is {log_p.dtype} of shape {log_p.shape}, expected float32 or float64 (T, B, V), T >= 1"
        )
    T, B, V = log_p.shape
    if targets.ndim != 2 or len(targets) != B or not np.issubdtype(targets.dtype, np.integer):
        raise ValueError(f"targets is {targets.dtype} of shape {targets.shape}, expected whole numbers ({B}, U)")
    if not 0 <= blank < V:
        raise ValueError(f"blank={blank}, expected one of the {V} symbols, 0 to {V - 1}")
    lengths = []
    for name, given, most, least in (
        ("input_lengths", input_lengths, T, 1),
        ("target_lengths", target_lengths, targets.shape[1], 0),
    ):
        each = np.full(B, most) if given is None else np.asarray(given)
        if each.shape != (B,) or not np.issubdtype(each.dtype, np.integer):
            raise ValueError(f"{name} is {each.dtype} of shape {each.shape}, expected whole numbers ({B},)")
        if B and not (each.min() >= least and each.max() <= most):
            raise ValueError(f"{name} runs from {each.min()} to {each.max()}, expected {least} to {most}")
        lengths.append(each)
    inside = np.arange(targets.shape[1]) < lengths[1][:, None]
    wrong = targets[inside & ((targets == blank) | (targets < 0) | (targets >= V))]
    if wrong.size:
        raise ValueError(f"targets holds {wrong[0]}, expected symbols 0 to {V - 1} without the blank, {blank}")
    with np.errstate(over="ignore"):
        p = np.exp(log_p)
    sums = p.sum(axis=-1)
    if sums.size and not np.abs(sums - 1).max() < 1e-3:
        raise ValueError(
            f"the probabilities of a frame, exp(log_p), add up to {sums.min():.3g} to {sums.max():.3g}, expected 1: "
            "pass log_softmax of the logits"
        )
    return log_p, p, np.where(inside, targets, (blank + 1) % V), *lengths
