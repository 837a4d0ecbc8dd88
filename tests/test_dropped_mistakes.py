"""Wrong answers that are in no catalogue of known mistakes, because what the numbers show says it as well.

Written as edits of the solution, "what stands there -> what they put in its place", or as functions of the right one.
"""

import numpy as np
import pytest
import torch

from conftest import load
from rnncourse.authoring.author import Slip
from rnncourse.check import in_process, relations
from rnncourse.check import load as load_public
from rnncourse.check.relations import OPENING
from rnncourse.check.verdict import judge


@pytest.fixture(autouse=True)
def in_no_hurry(monkeypatch):
    """What the numbers show is looked for in a limited time, which a busy machine exceeds."""
    monkeypatch.setattr(relations, "SECONDS", 60.0)
    monkeypatch.setattr(relations, "LONGEST", 15.0)


def split_evenly(right, step, step_backward, x, kept, dh, k):
    """Segments of equal length, whatever k is."""
    states = []
    for state, steps in zip(kept, np.array_split(np.arange(len(x)), len(kept)), strict=True):
        for t in steps:
            states.append(state)
            state = step(x[t], state)
    return right(step, step_backward, x, np.array(states), dh, 1)


def by_gradient(right, f, x, other):
    """An output depends on the inputs whose gradient is not zero."""
    x, found = x.clone().requires_grad_(), [0]
    for t, y_t in enumerate(f(x)):
        if y_t.requires_grad:
            (g,) = torch.autograd.grad(y_t.sum(), x, retain_graph=True)
            found += (t - g.flatten(1).any(1).nonzero()).flatten().tolist()
    return max(found), -min(found)


def by_cutting(right, f, x, other):
    """The sequence is cut at each step, and both parts are compared with the whole."""
    whole, back, ahead = f(x), 0, 0
    for s in range(1, len(x)):
        before = (f(x[:s]) != whole[:s]).flatten(1).any(1).nonzero()
        after = (f(x[s:]) != whole[s:]).flatten(1).any(1).nonzero()
        back = max([back, *(after.flatten() + 1).tolist()])
        ahead = max([ahead, *(s - before.flatten()).tolist()])
    return back, ahead


# unit: function: {what is said: [the wrong answers of which it is said]}
DROPPED = {
    "01-sequences": {
        "windows": {
            "X and y are exchanged": ["return X, y -> return y, X"],
            "horizon makes no difference to the answer": [lambda right, x, K, horizon, stride: right(x, K, 1, stride)],
            "the last two axes of X are exchanged": [lambda right, *a: (right(*a)[0].swapaxes(1, 2), right(*a)[1])],
            "the first two axes of X are exchanged": [lambda right, *a: (right(*a)[0].swapaxes(0, 1), right(*a)[1])],
            "X stands in reverse order": [lambda right, *a: (right(*a)[0][::-1], right(*a)[1])],
        },
        "next_targets": {
            "with end and ignore exchanged the answer would be right": [
                "y = np.full((T, B), ignore) -> end, ignore = ignore, end\n    y = np.full((T, B), ignore)"
            ],
            "end makes no difference to the answer": ["= end -> = 1"],
            "ignore makes no difference to the answer": [
                "(T, B), ignore -> (T, B), -100",
                lambda right, ids, lengths, end, ignore: right(ids, lengths, end, 0),
            ],
            "y is transposed": ["return y -> return y.T"],
            "with lengths - 1 in place of lengths the answer would be right": [
                lambda right, ids, n, *a: right(np.concatenate([ids, ids[-1:]]), n + 1, *a)[: len(ids)]
            ],
            "the last step (or row) of y is missing": [lambda right, *a: right(*a)[:-1]],
            "with lengths + 1 in place of lengths the answer would be right": [
                lambda right, ids, lengths, *a: right(ids, np.maximum(lengths - 1, 1), *a)
            ],
        },
        "stream_batch": {
            "x is returned where y belongs": ["ids[1 : B * length + 1] -> ids[: B * length]"],
            "x and y are exchanged": ["return x[steps], y[steps] -> return y[steps], x[steps]"],
            "keep is the wrong way round: True where False belongs": [
                "document[1:] == document[:-1] -> document[1:] != document[:-1]"
            ],
            "document makes no difference to the answer": [
                "document[1:] == document[:-1] -> document[1:] == document[1:]"
            ],
            "k makes no difference to the answer": ["slice(k * T, k * T + T) -> slice(0, T)"],
            "with k + 1 in place of k the answer would be right": [
                "slice(k * T, k * T + T) -> slice(k * T - T, k * T)"
            ],
            "x, y and keep are transposed": [lambda right, *a: tuple(part.T for part in right(*a))],
        },
        "interpolated_loss": {
            "nats and bits have the wrong sign": ["total -= np.log(p) -> total += np.log(p)"],
            "k makes no difference to the answer": [
                "(pairs.sum(axis=0) + k) / (pairs.sum() + k * V) -> (pairs.sum(axis=0) + 1) / (pairs.sum() + V)"
            ],
            "with pairs transposed the answer would be right": [
                "V = len(pairs) -> pairs = pairs.T\n    V = len(pairs)"
            ],
            "with 1 - weight in place of weight the answer would be right": [
                "weight * pairs[before, token] / seen + (1 - weight) * p -> (1 - weight) * pairs[before, token] / seen + weight * p"
            ],
            "nats is returned where bits belongs": ["nats / np.log(2) -> nats"],
            "nats and bits are exchanged": ["return nats, nats / np.log(2) -> return nats / np.log(2), nats"],
            "bits is returned where nats belongs": ["np.log(p) -> np.log2(p)"],
            "the logarithm in nats and bits has the base 10, not e": ["np.log(p) -> np.log10(p)"],
            "with ids in reverse order the answer would be right": [
                lambda right, pairs, ids, *a: right(pairs, ids[::-1], *a)
            ],
        },
        "seasonal_skill": {
            "skill has the wrong sign": ["1 - mse / rival_mse -> mse / rival_mse - 1"],
            "the negative values of skill are cut off": ["1 - mse / rival_mse -> np.maximum(1 - mse / rival_mse, 0)"],
            "skill is averaged over the first axis": ["1 - mse / rival_mse -> (1 - mse / rival_mse).mean()"],
        },
        "time_split": {
            "with valid and test exchanged the answer would be right": [
                "s = n - test\n    v = s - valid -> s = n - valid\n    v = s - test"
            ],
            "with valid - 1 in place of valid the answer would be right": ["v = s - valid -> v = s - valid - 1"],
            "with test - 1 in place of test the answer would be right": ["s = n - test -> s = n - test - 1"],
            "train and test are exchanged": [lambda right, *a: right(*a)[::-1]],
            "train, valid and test are the wrong way round: True where False belongs": [
                lambda right, *a: tuple(~part for part in right(*a))
            ],
        },
        "scale": {
            "with n_train - 1 in place of n_train the answer would be right": [
                "known = x[:n_train] -> known = x[: n_train + 1]"
            ],
            "with n_train + 1 in place of n_train the answer would be right": [
                "known = x[:n_train] -> known = x[: max(n_train - 1, 1)]"
            ],
            "deviation is the square of what it should be": [
                "np.nanstd(known, axis=(0, 1)) -> np.nanvar(known, axis=(0, 1))",
                "scaled), mean, deviation -> scaled), mean, deviation**2",
            ],
            "mean and deviation are exchanged": ["scaled), mean, deviation -> scaled), deviation, mean"],
        },
    },
    "02-recurrent-cell": {
        "leaky_step": {
            "with 1 - alpha in place of alpha the answer would be right": [
                "(1 - alpha) * h_prev + alpha * new -> alpha * h_prev + (1 - alpha) * new"
            ],
            "b makes no difference to the answer": [" + b) -> )"],
            "with half of b in place of b the answer would be right": [" + b) ->  + 2 * b)"],
            "W_h makes no difference to the answer": [" + h_prev @ W_h.T -> "],
            "with W_h transposed the answer would be right": [" + h_prev @ W_h.T ->  + h_prev @ W_h"],
            "x makes no difference to the answer": ["x @ W_x.T +  -> "],
            "alpha makes no difference to the answer": [lambda right, *a: right(*a[:-1], 0.25)],
        },
        "unroll": {
            "with True and False of first exchanged the answer would be right": [
                "np.where(first[t][:, None], h0, state) -> np.where(first[t][:, None], state, h0)"
            ],
            "with first one step earlier the answer would be right": [
                "first[t][:, None] -> (first[t - 1] & (t > 0))[:, None]"
            ],
            "the last step (or row) of h stands everywhere": [lambda right, *a: right(*a) * 0 + right(*a)[-1]],
            "the last step (or row) of h is zero": [
                lambda right, *a: np.concatenate([right(*a)[:-1], 0 * right(*a)[-1:]])
            ],
            "with x in reverse order the answer would be right": [lambda right, step, x, *a: right(step, x[::-1], *a)],
        },
        "count_parameters": {
            "biases makes no difference to the answer": [
                " + biases * H -> ",
                " + biases * H ->  + H",
                " + biases * H ->  + 2 * H",
            ],
            "L makes no difference to the answer": ["range(L) -> range(1)"],
            "with L - 1 in place of L the answer would be right": ["range(L) -> range(L + 1)"],
            "with L + 1 in place of L the answer would be right": ["range(L) -> range(max(L - 1, 1))"],
            "O makes no difference to the answer": ["O * H + O -> 0"],
        },
        "read_last": {
            "with h one step earlier the answer would be right": ["h[lengths - 1, columns] -> h[lengths - 2, columns]"],
            "b_y makes no difference to the answer": ["last @ W_y.T + b_y -> last @ W_y.T"],
            "with half of b_y in place of b_y the answer would be right": [
                "last @ W_y.T + b_y -> last @ W_y.T + 2 * b_y"
            ],
        },
        "read_every": {
            "h makes no difference to the answer": ["h @ W_y.T -> 0"],
            "x makes no difference to the answer": [" + x @ W_s.T -> "],
            "with x one step earlier the answer would be right": [" + x @ W_s.T ->  + np.roll(x, 1, axis=0) @ W_s.T"],
            "with lengths - 1 in place of lengths the answer would be right": [
                "np.arange(len(h))[:, None] < lengths -> np.arange(len(h))[:, None] <= lengths"
            ],
            "with lengths + 1 in place of lengths the answer would be right": [
                "np.arange(len(h))[:, None] < lengths -> np.arange(len(h))[:, None] < lengths - 1"
            ],
            "the first step (or row) of y is zero": [
                "np.arange(len(h))[:, None] < lengths -> (np.arange(len(h))[:, None] < lengths) & (np.arange(len(h)) > 0)[:, None]"
            ],
            "b_y makes no difference to the answer": [" + b_y -> "],
            "with half of b_y in place of b_y the answer would be right": [" + b_y ->  + 2 * b_y"],
        },
        "masked_cross_entropy": {
            "loss has the wrong sign": [
                "-np.take_along_axis(log_p, targets[..., None], axis=-1)[..., 0] -> np.take_along_axis(log_p, targets[..., None], axis=-1)[..., 0]"
            ],
            "the logarithm in loss has the base 2, not e": ["np.sum(loss * mask) -> np.sum(loss * mask) / np.log(2)"],
            "the logarithm in loss has the base 10, not e": ["np.sum(loss * mask) -> np.sum(loss * mask) / np.log(10)"],
            "mask makes no difference to the answer": ["np.sum(loss * mask) / max(np.sum(mask), 1.0) -> loss.mean()"],
            "with 1 - mask in place of mask the answer would be right": [
                "np.sum(loss * mask) / max(np.sum(mask), 1.0) -> np.sum(loss * (1 - mask)) / max(np.sum(1 - mask), 1.0)"
            ],
        },
        "fit_readout": {
            "with washout + 1 in place of washout the answer would be right": [
                "states = h[washout:].reshape(-1, h.shape[-1])\n    wanted = target[washout:].reshape(-1, target.shape[-1]) -> states = h[max(washout - 1, 0) :].reshape(-1, h.shape[-1])\n    wanted = target[max(washout - 1, 0) :].reshape(-1, target.shape[-1])",
                lambda right, h, y, washout, penalty: right(h[washout - 1 :], y[washout - 1 :], 0, penalty),
            ],
            "with washout - 1 in place of washout the answer would be right": [
                "states = h[washout:].reshape(-1, h.shape[-1])\n    wanted = target[washout:].reshape(-1, target.shape[-1]) -> states = h[washout + 1 :].reshape(-1, h.shape[-1])\n    wanted = target[washout + 1 :].reshape(-1, target.shape[-1])"
            ],
            "washout makes no difference to the answer": [
                "states = h[washout:].reshape(-1, h.shape[-1])\n    wanted = target[washout:].reshape(-1, target.shape[-1]) -> states = h[1:].reshape(-1, h.shape[-1])\n    wanted = target[1:].reshape(-1, target.shape[-1])"
            ],
            "penalty makes no difference to the answer": [
                "penalty * np.eye(a.shape[1]) -> 0.0",
                "penalty * np.eye(a.shape[1]) -> np.eye(a.shape[1])",
            ],
            "with the square root of penalty in place of penalty the answer would be right": [
                "penalty * np.eye(a.shape[1]) -> penalty**2 * np.eye(a.shape[1])"
            ],
            "with half of penalty in place of penalty the answer would be right": [
                "penalty * np.eye(a.shape[1]) -> 2 * penalty * np.eye(a.shape[1])"
            ],
            "with twice penalty in place of penalty the answer would be right": [
                "penalty * np.eye(a.shape[1]) -> penalty / 2 * np.eye(a.shape[1])"
            ],
            "with the square of penalty in place of penalty the answer would be right": [
                "penalty * np.eye(a.shape[1]) -> np.sqrt(penalty) * np.eye(a.shape[1])"
            ],
            "b_y has the wrong sign": ["wanted_mean - W_y @ states_mean -> W_y @ states_mean - wanted_mean"],
        },
    },
    "03-backpropagation-through-time": {
        "leaky_backward": {
            "b makes no difference to the answer": [" + b) -> )"],
            "alpha makes no difference to the answer": ["    new =  ->     alpha = 0.25\n    new = "],
            "dW_h is transposed": ["da.T @ h_prev -> h_prev.T @ da"],
        },
        "softsign_backward": {
            "h0 makes no difference to the answer": ["np.tile(h0, (len(h[0]), 1)) -> np.zeros(h[0].shape)"],
            "with W_h transposed the answer would be right": ["back = da @ W_h -> back = da @ W_h.T"],
            "dW_h is transposed": ["da.T @ before -> before.T @ da"],
        },
        "cross_entropy_backward": {
            "dh, dW_y and db_y have the wrong sign": ["(p - right) -> (right - p)"],
            "b_y makes no difference to the answer": ["h @ W_y.T + b_y -> h @ W_y.T"],
            "with targets one step later the answer would be right": [
                "targets[..., None] -> np.roll(targets, -1, axis=0)[..., None]"
            ],
            "with targets + 1 in place of targets the answer would be right": [
                "targets[..., None] -> (targets[..., None] - 1) % len(b_y)"
            ],
            "mask makes no difference to the answer": ["    z = h ->     mask = (targets != 0) * 1.0\n    z = h"],
        },
        "embedding_backward": {
            "pad makes no difference to the answer": [
                "    dE[pad] = 0.0\n -> ",
                "dE[pad] -> dE[0]",
                "dE[pad] -> dE[-1]",
            ],
            "V makes no difference to the answer": ["np.arange(V) -> np.arange(ids.max() + 1)"],
            "with ids transposed the answer would be right": [
                lambda right, dx, ids, *a: right(dx, ids.T.reshape(ids.shape), *a),
                lambda right, dx, *a: right(dx.swapaxes(0, 1).reshape(dx.shape), *a),
            ],
        },
        "checkpointed_backward": {
            "kept makes no difference to the answer": ["before = [kept[s]] -> before = [np.zeros_like(kept[s])]"],
            "with kept one step earlier the answer would be right": ["before = [kept[s]] -> before = [kept[s - 1]]"],
            "dx stands in reverse order": ["return dx, carried -> return dx[::-1], carried"],
            "k makes no difference to the answer": [
                "    dx, carried = np.zeros(x.shape) ->     k = -(-len(x) // len(kept))\n    dx, carried = np.zeros(x.shape)",
                "    dx, carried = np.zeros(x.shape) ->     k = len(x) // len(kept)\n    dx, carried = np.zeros(x.shape)",
                "    dx, carried = np.zeros(x.shape) ->     k = round(len(x) / len(kept))\n    dx, carried = np.zeros(x.shape)",
                "    dx, carried = np.zeros(x.shape) ->     k = 2\n    dx, carried = np.zeros(x.shape)",
                lambda right, step, back, x, kept, dh, k: right(step, back, x, kept[:1], dh, len(x)),
                split_evenly,
            ],
        },
        "diagonal_rtrl": {
            "dw is not added up along the first axis": ["dw[-1] + (g * P) -> 0 + (g * P)"],
            "dW_x is not added up along the first axis": ["dW_x[-1] + (g[..., None] * Q) -> 0 + (g[..., None] * Q)"],
            "h0 makes no difference to the answer": ["[np.zeros(W_x.shape)], h0 -> [np.zeros(W_x.shape)], 0 * h0"],
            "dw and dW_x come one step too late": [
                "np.array(dw[1:]), np.array(dW_x[1:]) -> np.array(dw[:-1]), np.array(dW_x[:-1])"
            ],
            "dw and dW_x stand in reverse order": [
                "np.array(dw[1:]), np.array(dW_x[1:]) -> np.array(dw[:0:-1]), np.array(dW_x[:0:-1])"
            ],
            "W_x makes no difference to the answer": ["w * h + x_t @ W_x.T -> w * h"],
            "with dh one step earlier the answer would be right": [
                lambda right, dh, *a: right(np.roll(dh, 1, axis=0), *a)
            ],
            "the last step (or row) of dw and dW_x stands everywhere": [
                lambda right, *a: tuple(d * 0 + d[-1] for d in right(*a))
            ],
        },
        "wrong_entries": {
            "wrong is the wrong way round: True where False belongs": [" > allowed ->  <= allowed"],
        },
    },
    "04-training-a-character-model": {
        "truncated_gradient": {
            "k2 makes no difference to the answer": ["max(end - k2, 0) - 1 -> -1"],
            "with k2 + 1 in place of k2 the answer would be right": [
                "max(end - k2, 0) - 1 -> max(end - k2 + 1, 0) - 1"
            ],
            "with k2 - 1 in place of k2 the answer would be right": [
                "max(end - k2, 0) - 1 -> max(end - k2 - 1, 0) - 1"
            ],
            "with W_h transposed the answer would be right": ["delta @ W_h -> delta @ W_h.T"],
            "W_h makes no difference to the answer": ["delta @ W_h -> delta"],
            "h0 makes no difference to the answer": [
                "np.concatenate([h0[None], h[:-1]]) -> np.concatenate([0 * h0[None], h[:-1]])"
            ],
            "dW_h is transposed": ["delta.T @ before[t] -> before[t].T @ delta"],
            "k1 makes no difference to the answer": [
                "for start in range(0, T, k1):\n        end = min(start + k1, T) -> for start in range(0, T, k2):\n        end = min(start + k2, T)"
            ],
            "with k1 and k2 exchanged the answer would be right": ["T = len(h)\n -> T, k1, k2 = len(h), k2, k1\n"],
        },
        "adamw_step": {
            "decay makes no difference to the answer": ["(1 - lr * decay) * w -> w"],
            "with -decay in place of decay the answer would be right": ["(1 - lr * decay) -> (1 + lr * decay)"],
            "with half of decay in place of decay the answer would be right": [
                "(1 - lr * decay) -> (1 - 2 * lr * decay)"
            ],
            "lr makes no difference to the answer": ["m = beta1 * m -> lr = 0.1\n    m = beta1 * m"],
            "beta1 makes no difference to the answer": [
                "m = beta1 * m -> beta1, beta2 = 0.9, 0.999\n    m = beta1 * m"
            ],
            "with t - 1 in place of t the answer would be right": [
                "mean = m / (1 - beta1**t) -> t = t + 1\n    mean = m / (1 - beta1**t)"
            ],
            "t makes no difference to the answer": [
                "mean = m / (1 - beta1**t) -> t = 1\n    mean = m / (1 - beta1**t)"
            ],
            "eps makes no difference to the answer": ["(np.sqrt(square) + eps) -> np.sqrt(square)"],
            "m and v are exchanged": ["+ eps), m, v -> + eps), v, m"],
            "m is returned where w belongs": [
                "return (1 - lr * decay) * w - lr * mean / (np.sqrt(square) + eps), m, v -> return m, v, (1 - lr * decay) * w - lr * mean / (np.sqrt(square) + eps)"
            ],
            "with beta1 and beta2 exchanged the answer would be right": [
                lambda right, w, g, m, v, t, lr, beta1, beta2, *a: right(w, g, m, v, t, lr, beta2, beta1, *a)
            ],
        },
        "clip_accumulated": {
            "with the square of counts in place of counts the answer would be right": [
                "counts / counts.sum() -> np.sqrt(counts) / np.sqrt(counts).sum()"
            ],
            "max_norm makes no difference to the answer": [
                "max_norm / max(norm, max_norm) -> 1.0",
                "max_norm / max(norm, max_norm) -> 1 / max(norm, 1)",
            ],
            "norm is the square of what it should be": [
                "np.sqrt(sum(np.sum(g**2) for g in total)) -> sum(np.sum(g**2) for g in total)"
            ],
        },
        "learning_rates": {
            "with total + 1 in place of total the answer would be right": [
                "(k - warmup) / (total - warmup) -> (k - warmup) / (total - warmup - 1)"
            ],
            "floor makes no difference to the answer": ["floor + (peak - floor) * -> peak *"],
            "with k + 1 in place of k the answer would be right": [
                "rising =  -> k = k - 1\n    rising = ",
                lambda right, k, *a: right(k - 1, *a),
            ],
            "warmup makes no difference to the answer": ["rising =  -> warmup, total = 5, 15\n    rising = "],
        },
        "bits_per_character": {
            "the logarithm in bits has the base e, not 2": [" / np.log(2) -> "],
            "bits has the wrong sign": ["append(-log_p -> append(log_p"],
            "h0 makes no difference to the answer": ["h, losses = h0, [] -> h, losses = np.zeros_like(h0), []"],
            "warm makes no difference to the answer": ["if t >= warm: -> if True:"],
            "with warm + 1 in place of warm the answer would be right": ["if t >= warm: -> if t >= warm - 1:"],
            "the logarithm in bits has the base 2, not e": [
                "np.mean(losses) / np.log(2) -> np.mean(losses) / np.log(2) ** 2"
            ],
        },
        "sample_top_p": {
            "top_p makes no difference to the answer": ["np.cumsum(q, axis=1) - q < top_p -> np.full(q.shape, True)"],
            "with 1 - top_p in place of top_p the answer would be right": [
                "np.cumsum(q, axis=1) - q < top_p -> (np.cumsum(q, axis=1) - q < 1 - top_p) | (np.arange(q.shape[1]) == 0)"
            ],
            "with 1 / temperature in place of temperature the answer would be right": [
                "keepdims=True)) / temperature -> keepdims=True)) * temperature"
            ],
            "temperature makes no difference to the answer": ["keepdims=True)) / temperature -> keepdims=True))"],
            "with 1 - u in place of u the answer would be right": [
                "u[:, None] * -> np.minimum(1 - u[:, None], 1 - 1e-9) *"
            ],
        },
        "perplexity": {
            "perplexity is turned upside down: 1 divided by what is asked for": ["np.exp(nats) -> np.exp(-nats)"],
            "perplexity is the logarithm of what is asked for": ["np.exp(nats) -> nats"],
            "the logarithm in bits has the base e, not 2": ["nats / np.log(2) -> nats"],
            "bits has the wrong sign": ["nats / np.log(2) -> -nats / np.log(2)"],
            "perplexity and bits are exchanged": ["np.exp(nats), nats / np.log(2) -> nats / np.log(2), np.exp(nats)"],
        },
    },
    "05-vanishing-and-exploding-gradients": {
        "leaky_jacobian": {
            "with -h_prev in place of h_prev the answer would be right": [
                "(h - (1 - alpha) * h_prev) / alpha -> (h + (1 - alpha) * h_prev) / alpha"
            ],
            "with h_prev and h exchanged the answer would be right": [
                "(h - (1 - alpha) * h_prev) / alpha -> (h_prev - (1 - alpha) * h) / alpha"
            ],
            "with W_h transposed the answer would be right": [" * W_h ->  * W_h.T"],
            "the last two axes of J are exchanged": [
                "np.diag(1 - alpha) + slope[:, :, None] * W_h -> (np.diag(1 - alpha) + slope[:, :, None] * W_h).transpose(0, 2, 1)"
            ],
            "the first step (or row) of J stands everywhere": [
                lambda right, h_prev, h, *a: right(h_prev * 0 + h_prev[0], h * 0 + h[0], *a)
            ],
        },
        "gradient_norms": {
            "with W_h transposed the answer would be right": [") @ W_h -> ) @ W_h.T"],
            "h makes no difference to the answer": ["(dh * (1 - h[t] ** 2)) -> dh"],
            "with h one step earlier the answer would be right": ["(1 - h[t] ** 2) -> (1 - h[t - 1] ** 2)"],
            "norms is the square of what it should be": ["np.sqrt((dh**2).sum(axis=1)) -> (dh**2).sum(axis=1)"],
            "with lengths - 1 in place of lengths the answer would be right": [
                "lengths - 1 == t -> lengths == t",
                "lengths - 1 == t -> np.minimum(lengths, len(h) - 1) == t",
            ],
            "with lengths + 1 in place of lengths the answer would be right": [
                "lengths - 1 == t -> lengths - 2 == t",
                "lengths - 1 == t -> np.maximum(lengths - 2, 0) == t",
            ],
            "the first step (or row) of norms is zero": ["reversed(range(len(h))) -> reversed(range(1, len(h)))"],
            "norms stands in reverse order": ["return norms -> return norms[::-1]"],
        },
        "spectral_norm": {
            "with steps - 1 in place of steps the answer would be right": ["range(steps) -> range(steps + 1)"],
            "with steps + 1 in place of steps the answer would be right": ["range(steps) -> range(1, steps)"],
            "steps makes no difference to the answer": ["range(steps) -> range(10)", "range(steps) -> range(1)"],
            "sigma is the square of what it should be": [
                "return np.linalg.norm(W @ v) -> return np.linalg.norm(W @ v) ** 2"
            ],
            "v makes no difference to the answer": [
                lambda right, W, v, steps: right(W, np.ones(v.shape), steps),
                lambda right, W, v, steps: right(W, np.random.default_rng(0).normal(size=v.shape), steps),
            ],
        },
        "orthogonal_gates": {
            "W_h has the wrong sign": ["np.sign(np.diag(R)) -> -np.sign(np.diag(R))"],
            "gain makes no difference to the answer": ["factor * Q -> Q"],
            "normal makes no difference to the answer": [
                lambda right, normal, gain: right(np.random.default_rng(0).normal(size=normal.shape), gain)
            ],
        },
        "log_bounds": {
            "W_h makes no difference to the answer": ["np.linalg.svd(W_h, compute_uv=False) -> np.ones(1)"],
            "lower and upper are exchanged": ["return lower, upper -> return upper, lower"],
            "the logarithm in lower and upper has the base e, not 10": [
                "return lower, upper -> return lower * np.log(10), upper * np.log(10)"
            ],
            "lower and upper stand in reverse order": ["return lower, upper -> return lower[::-1], upper[::-1]"],
            "a logarithm to the base 10 is missing in lower and upper": [
                "return lower, upper -> return 10**lower, 10**upper"
            ],
            "the first step (or row) of lower and upper is zero": [
                lambda right, h, W_h: tuple(b * (np.arange(len(h))[:, None] > 0) for b in right(h, W_h))
            ],
        },
        "clip_by_value": {
            "the negative values of clipped[0], clipped[1] and clipped[2] are cut off": [
                "np.clip(g, -limit, limit) -> np.clip(g, 0, limit)"
            ],
            "clipped[0], clipped[1] and clipped[2] have lost the sign": [
                "np.clip(g, -limit, limit) -> np.clip(np.abs(g), 0, limit)"
            ],
            "limit makes no difference to the answer": ["np.clip(g, -limit, limit) -> np.clip(g, -1.0, 1.0)"],
            "with twice limit in place of limit the answer would be right": [
                "np.clip(g, -limit, limit) -> np.clip(g, -limit / 2, limit / 2)"
            ],
            "cosine is 1 minus what it should be": ["return clipped, cosine -> return clipped, 1 - cosine"],
            "cosine is the square of what it should be": ["return clipped, cosine -> return clipped, cosine**2"],
        },
        "lyapunov_spectrum": {
            "the logarithm in exponents has the base 10, not e": [
                "np.log(np.abs(np.diag(R))) -> np.log10(np.abs(np.diag(R)))"
            ],
            "the logarithm in exponents has the base 2, not e": [
                "np.log(np.abs(np.diag(R))) -> np.log2(np.abs(np.diag(R)))"
            ],
            "exponents is divided by the length of the first axis": [
                "return total / (len(J) - skip) -> return total / (len(J) - skip) / len(total)"
            ],
            "exponents has the wrong sign": ["return total / (len(J) - skip) -> return -total / (len(J) - skip)"],
            "a logarithm is missing in exponents": [
                "return total / (len(J) - skip) -> return np.exp(total / (len(J) - skip))"
            ],
            "exponents is sorted from the largest, and should not be": [
                "return total / (len(J) - skip) -> return np.sort(total / (len(J) - skip))[::-1]"
            ],
            "exponents is sorted, and should not be": [
                "return total / (len(J) - skip) -> return np.sort(total / (len(J) - skip))"
            ],
            "exponents stands in reverse order": [
                "return total / (len(J) - skip) -> return total[::-1] / (len(J) - skip)"
            ],
            "with J in reverse order the answer would be right": ["enumerate(J) -> enumerate(J[::-1])"],
            "with skip - 1 in place of skip the answer would be right": [
                "        if t >= skip:\n            total += np.log(np.abs(np.diag(R)))\n    return total / (len(J) - skip) ->         if t > skip:\n            total += np.log(np.abs(np.diag(R)))\n    return total / max(len(J) - skip - 1, 1)"
            ],
            "Q makes no difference to the answer": [lambda right, J, Q, skip: right(J, np.eye(*Q.shape), skip)],
        },
    },
    "06-lstm": {
        "masked_lstm_step": {
            "b makes no difference to the answer": [" + b -> "],
            "with half of b in place of b the answer would be right": [" + b ->  + 2 * b"],
            "with 1 - mask in place of mask the answer would be right": ["> 0 -> == 0"],
            "h and c are exchanged": [
                "return np.where(real, h, h_prev), np.where(real, c, c_prev) -> return np.where(real, c, c_prev), np.where(real, h, h_prev)"
            ],
            "W_h makes no difference to the answer": [" + h_prev @ W_h.T -> "],
        },
        "backward_1997": {
            "da and dc_prev are divided by the length of the first axis": [
                "np.concatenate([da_i, da_g, da_o], axis=1), dc -> np.concatenate([da_i, da_g, da_o], axis=1) / len(c), dc / len(c)"
            ],
        },
        "cell_adjoints": {
            "dc_last makes no difference to the answer": ["later = dc_last -> later = np.zeros_like(dc_last)"],
            "with f one step earlier the answer would be right": ["f[t] * dc[t] -> f[t - 1] * dc[t]"],
            "with f one step later the answer would be right": ["f[t] * dc[t] -> f[(t + 1) % len(dh)] * dc[t]"],
            "with 1 - f in place of f the answer would be right": ["f[t] * dc[t] -> (1 - f[t]) * dc[t]"],
            "with o one step earlier the answer would be right": ["o[t] * (1 -> o[t - 1] * (1"],
            "c makes no difference to the answer": [" * (1 - np.tanh(c[t]) ** 2) -> "],
            "dc and dc0 are exchanged": ["return dc, later -> return later, dc"],
            "dc0 is zero everywhere": ["return dc, later -> return dc, 0 * later"],
            "dc stands in reverse order": ["return dc, later -> return dc[::-1], later"],
            "dc is divided by the length of the first axis": [
                "return dc, later -> return dc / len(dc), later / len(dc)"
            ],
            "dc0 is summed over the first axis": ["return dc, later -> return dc, later.sum(axis=0)"],
            "the first step (or row) of dc stands everywhere": ["return dc, later -> return 0 * dc + dc[0], later"],
            "with c one step earlier the answer would be right": [
                "(1 - np.tanh(c[t]) ** 2) -> (1 - np.tanh(c[t - 1]) ** 2)"
            ],
            "o makes no difference to the answer": ["o[t] * (1 -> (1"],
        },
        "direct_path": {
            "D has the wrong sign": [
                "D[t] = np.where(t < lengths, total.max(axis=1), 0.0) -> D[t] = -np.where(t < lengths, total.max(axis=1), 0.0)"
            ],
            "the logarithm in D has the base e, not 10": ["np.log10(f[t]) -> np.log(f[t])"],
            "with 1 - f in place of f the answer would be right": ["np.log10(f[t]) -> np.log10(1 - f[t])"],
            "with lengths + 1 in place of lengths the answer would be right": [
                "real = (t < lengths)[:, None] -> real = (t < lengths - 1)[:, None]"
            ],
            "with lengths - 1 in place of lengths the answer would be right": [
                "real = (t < lengths)[:, None] -> real = (t <= lengths)[:, None]"
            ],
            "lengths makes no difference to the answer": [
                "    real = (t < lengths)[:, None] ->     real = True\n        D[t] = total.max(axis=1)",
            ],
            "D comes one step too early": [
                lambda right, f, lengths: np.concatenate([right(f, lengths)[1:], 0 * f[:1, :, 0]])
            ],
            "a logarithm to the base 10 is missing in D": [lambda right, *a: 10 ** right(*a)],
        },
        "forget_bias": {
            "feedback makes no difference to the answer": [" - feedback ->  - 0 * feedback"],
            "b_f has the wrong sign": ["np.log(f / (1 - f)) -> np.log((1 - f) / f)"],
            "the logarithm in b_f has the base 2, not e": ["np.log(f / (1 - f)) -> np.log2(f / (1 - f))"],
            "b_f is half as large as it should be": ["np.log(f / (1 - f)) -> np.arctanh(2 * f - 1)"],
            "a logarithm is missing in b_f": ["np.log(f / (1 - f)) -> f / (1 - f)"],
            "b_f has lost the sign": ["np.log(f / (1 - f)) -> np.abs(np.log(f / (1 - f)))"],
            "half_life makes no difference to the answer": ["0.5 ** (1 / half_life) -> np.sqrt(0.5)"],
            "the negative values of b_f are cut off": [
                "0.5 ** (1 / half_life) - feedback -> np.maximum(0.5 ** (1 / half_life) - feedback, 0.5)"
            ],
            "the logarithm in b_f has the base 10, not e": ["np.log(f / (1 - f)) -> np.log10(f / (1 - f))"],
        },
        "time_scale_biases": {
            "with shortest and longest exchanged the answer would be right": [
                "shortest * (longest / shortest) ** u -> longest * (shortest / longest) ** u"
            ],
            "shortest makes no difference to the answer": [
                "shortest * (longest / shortest) ** u -> 2 * (longest / 2) ** u"
            ],
            "u makes no difference to the answer": [
                "shortest * (longest / shortest) ** u -> shortest * (longest / shortest) ** (0 * u + np.linspace(0, 1, u.shape[2]))"
            ],
            "b_ih is returned where b_hh belongs": ["np.zeros_like(b_ih) -> b_ih.copy()"],
            "b_ih and b_hh are exchanged": ["return b_ih, np.zeros_like(b_ih) -> return np.zeros_like(b_ih), b_ih"],
            "the logarithm in b_ih has the base 10, not e": ["np.log(tau - 1) -> np.log10(tau - 1)"],
        },
        "from_onnx": {
            "b is half as large as it should be": ["first + second -> (first + second) / 2"],
            "the first step (or row) of b stands everywhere": [
                "ordered(first + second) -> ordered(first + second)[:1].repeat(len(B), axis=0)"
            ],
            "b is summed over the first axis": ["ordered(first + second) -> ordered(first + second).sum(axis=0)"],
            "b has one axis in place of several": ["ordered(first + second) -> ordered(first + second).ravel()"],
            "W_x and W_h are exchanged": ["ordered(W), ordered(R) -> ordered(R), ordered(W)"],
            "W_x, W_h and b are the first step (or row) alone": [
                "return ordered(W), ordered(R), ordered(first + second) -> return ordered(W)[0], ordered(R)[0], ordered(first + second)[0]"
            ],
            "W_x, W_h and b stand in reverse order": [
                "return ordered(W), ordered(R), ordered(first + second) -> return ordered(W)[::-1], ordered(R)[::-1], ordered(first + second)[::-1]"
            ],
            "b is returned where W_x belongs": [
                "return ordered(W), ordered(R), ordered(first + second) -> return ordered(first + second), ordered(W), ordered(R)"
            ],
            "the last two axes of W_x and W_h are exchanged": [
                "return ordered(W), ordered(R), ordered(first + second) -> return ordered(W).swapaxes(1, 2), ordered(R).swapaxes(1, 2), ordered(first + second)"
            ],
            "the first step (or row) of W_x, W_h and b stands everywhere": [
                lambda right, *a: tuple(w * 0 + w[:1] for w in right(*a))
            ],
        },
    },
    "07-gru-and-variants": {
        "reset_before_backward": {
            "b makes no difference to the answer": ["    a = x @ W_x.T + b ->     a = x @ W_x.T"],
            "dx and dh_prev are exchanged": [
                "    return da @ W_x, dh_prev, da.T @ x, dW_h, da.sum(axis=0) ->     return dh_prev, da @ W_x, da.T @ x, dW_h, da.sum(axis=0)"
            ],
            "dW_x and dW_h are exchanged": [
                "    return da @ W_x, dh_prev, da.T @ x, dW_h, da.sum(axis=0) ->     return da @ W_x, dh_prev, dW_h, da.T @ x, da.sum(axis=0)"
            ],
        },
        "coupled_backward": {
            "dc makes no difference to the answer": ["dc + dh * o * (1 - shown**2) -> dh * o * (1 - shown**2)"],
            "with -g in place of g the answer would be right": [
                "total * (c_prev - g) * f * (1 - f) -> total * (c_prev + g) * f * (1 - f)"
            ],
            "da is divided by the length of the first axis": [
                "    return np.concatenate([da_f, da_g, da_o], axis=1), total * f ->     return np.concatenate([da_f, da_g, da_o], axis=1) / len(dh), total * f"
            ],
        },
        "peephole_backward": {
            "dc makes no difference to the answer": [
                "dc + dh * o * (1 - shown**2) + da_o * p[2] -> dh * o * (1 - shown**2) + da_o * p[2]"
            ],
            "with half of dc in place of dc the answer would be right": [
                "    total = dc + dh * o * (1 - shown**2) + da_o * p[2] ->     total = dc + dc + dh * o * (1 - shown**2) + da_o * p[2]"
            ],
            "with 1 - f in place of f the answer would be right": [
                "    dc_prev = total * f + da_i * p[0] + da_f * p[1] ->     dc_prev = total * (1 - f) + da_i * p[0] + da_f * p[1]"
            ],
            "dc_prev and dp are exchanged": [
                "    return np.concatenate([da_i, da_f, da_g, da_o], axis=1), dc_prev, dp ->     return np.concatenate([da_i, da_f, da_g, da_o], axis=1), dp, dc_prev"
            ],
        },
        "from_lab": {
            "W_x and W_h are transposed": ["joined[:, :I], joined[:, I:] -> joined[:, :I].T, joined[:, I:].T"],
            "W_x, W_h and b have the wrong sign": [
                "    joined = np.concatenate([r, -u, kernel_new], axis=1).T  # (3H, I + H)\n    b_u, b_r = np.split(bias_gates, 2)\n    return joined[:, :I], joined[:, I:], np.concatenate([b_r, -b_u, bias_new]) ->     joined = np.concatenate([-r, u, -kernel_new], axis=1).T  # (3H, I + H)\n    b_u, b_r = np.split(bias_gates, 2)\n    return joined[:, :I], joined[:, I:], np.concatenate([-b_r, b_u, -bias_new])"
            ],
            "bias_new makes no difference to the answer": [
                "    return joined[:, :I], joined[:, I:], np.concatenate([b_r, -b_u, bias_new]) ->     return joined[:, :I], joined[:, I:], np.concatenate([b_r, -b_u, 0 * bias_new])"
            ],
            "b is twice as large as it should be": [
                "    return joined[:, :I], joined[:, I:], np.concatenate([b_r, -b_u, bias_new]) ->     return joined[:, :I], joined[:, I:], np.concatenate([2 * b_r, -2 * b_u, 2 * bias_new])"
            ],
        },
        "merge_biases": {
            "b_x and b_h are exchanged": ["return b_x + moved, b_h - moved -> return b_h - moved, b_x + moved"],
        },
        "norm_gates": {
            "eps makes no difference to the answer": ["np.sqrt(variance + eps) -> np.sqrt(variance)"],
            "with the square root of eps in place of eps the answer would be right": [
                "np.sqrt(variance + eps) -> np.sqrt(variance + eps**2)"
            ],
            "gain makes no difference to the answer": [
                "gain * centred / np.sqrt(variance + eps) + offset -> centred / np.sqrt(variance + eps) + offset"
            ],
            "offset makes no difference to the answer": [
                "gain * centred / np.sqrt(variance + eps) + offset -> gain * centred / np.sqrt(variance + eps)"
            ],
            "with -offset in place of offset the answer would be right": [
                "    return (gain * centred / np.sqrt(variance + eps) + offset).reshape(a.shape) ->     return (gain * centred / np.sqrt(variance + eps) - offset).reshape(a.shape)"
            ],
            "with gain and offset exchanged the answer would be right": [
                "    return (gain * centred / np.sqrt(variance + eps) + offset).reshape(a.shape) ->     return (offset * centred / np.sqrt(variance + eps) + gain).reshape(a.shape)"
            ],
            "with 1 / gain in place of gain the answer would be right": [
                "    return (gain * centred / np.sqrt(variance + eps) + offset).reshape(a.shape) ->     return (centred / gain / np.sqrt(variance + eps) + offset).reshape(a.shape)"
            ],
            "with the square root of gain in place of gain the answer would be right": [
                "    return (gain * centred / np.sqrt(variance + eps) + offset).reshape(a.shape) ->     return (gain**2 * centred / np.sqrt(variance + eps) + offset).reshape(a.shape)"
            ],
        },
        "half_lives": {
            "half_lives has the wrong sign": ["-np.log(2) / mean_log -> np.log(2) / mean_log"],
            "half_lives is turned upside down: 1 divided by what is asked for": [
                "-np.log(2) / mean_log -> -mean_log / np.log(2)"
            ],
            "half_lives is divided by the length of the first axis": [
                "-np.log(2) / mean_log -> -np.log(2) / mean_log / z.shape[2]"
            ],
        },
    },
    "12-deep-and-bidirectional": {
        "reach": {
            "ahead is zero everywhere": ["range(len(x)) -> [0]"],
            "back is zero everywhere": ["range(len(x)) -> [len(x) - 1]"],
            "other makes no difference to the answer": [
                "changed[s] = other[s] -> changed[s] = 0",
                "changed[s] = other[s] -> changed[s] += 1",
                by_gradient,
                by_cutting,
            ],
            "x makes no difference to the answer": [lambda right, f, x, other: right(f, 0 * x, other)],
        },
        "locked_packed": {
            "batch_sizes makes no difference to the answer": [
                "data * mask[rows] -> torch.cat([data[: len(u)] * mask, data[len(u) :]])"
            ],
        },
        "zoned_states": {
            "training makes no difference to the answer": [
                "z * h + (1 - z) * new -> torch.where(u_t < z, h, new)",
                "if training -> if False",
            ],
            "u makes no difference to the answer": ["if training -> if False"],
        },
        "TiedEnds": {
            "d bias is zero everywhere": [" + self.bias -> "],
            "d h is zero everywhere": ["= h @ self -> = h.detach() @ self"],
        },
        "both_ways": {
            "with lengths - 1 in place of lengths the answer would be right": ["< lengths) -> <= lengths)"],
            "with lengths + 1 in place of lengths the answer would be right": ["< lengths) -> < lengths - 1)"],
            "d h0_left is zero everywhere": [
                "left(x[t], h), h) -> left(x[t], h.detach()), h)",
                "    h = h0_left\n -> ",
                "    h = h0_left\n ->     h = torch.zeros_like(h0_left)\n",
            ],
            "h0_left makes no difference to the answer": [
                "    h = h0_left\n -> ",
                "    h = h0_left\n ->     h = torch.zeros_like(h0_left)\n",
            ],
        },
        "chrono_biases": {
            "with longest - 1 in place of longest the answer would be right": ["(longest - 2) -> (longest - 1)"],
            "the negative values of parameters['bias_ih_l0'], parameters['bias_ih_l0_reverse'], parameters['bias_ih_l1'] and parameters['bias_ih_l1_reverse'] are cut off": [
                "[-forget, forget, zero, zero] -> [zero, forget, zero, zero]"
            ],
            "parameters['bias_ih_l0'], parameters['bias_ih_l0_reverse'], parameters['bias_ih_l1'] and parameters['bias_ih_l1_reverse'] have the wrong sign": [
                "[-forget, forget, zero, zero] -> [forget, -forget, zero, zero]"
            ],
            "parameters['bias_ih_l0'], parameters['bias_ih_l0_reverse'], parameters['bias_ih_l1'] and parameters['bias_ih_l1_reverse'] have lost the sign": [
                "[-forget, forget, zero, zero] -> [forget, forget, zero, zero]"
            ],
            "parameters['bias_ih_l0'] is returned where parameters['bias_hh_l0'] belongs": [
                "torch.zeros_like(parameters[name]) -> new[name.replace('hh', 'ih')].clone()"
            ],
            "with u in reverse order the answer would be right": ["u[k] -> u[-1 - k]"],
            "parameters['weight_ih_l0'], parameters['weight_hh_l0'], parameters['weight_ih_l0_reverse'], parameters['weight_hh_l0_reverse'], parameters['weight_ih_l1'], parameters['weight_hh_l1'], parameters['weight_ih_l1_reverse'], parameters['weight_hh_l1_reverse'], parameters['weight_ih_l2'], parameters['weight_hh_l2'], parameters['weight_ih_l2_reverse'] and parameters['weight_hh_l2_reverse'] are zero everywhere": [
                "dict(parameters), 0 -> {name: torch.zeros_like(p) for name, p in parameters.items()}, 0"
            ],
        },
    },
    "14-gpu-training": {
        "scaled_update": {
            "clip makes no difference to the answer": ["g * (clip / max(clip, np.linalg.norm(g))) -> g"],
            "good makes no difference to the answer": [
                "if good == interval:\n        return w, scale * 2, 0 -> if good >= 1:\n        return w, scale * 2, 0"
            ],
            "with -lr in place of lr the answer would be right": ["w - lr * g -> w + lr * g"],
            "scale and good are exchanged": [lambda right, *a: [right(*a)[k] for k in (0, 2, 1)]],
        },
        "gru_floor": {
            "compute is half as large as it should be": ["operations = 2 * T -> operations = T"],
            "resident makes no difference to the answer": [
                "3 * H * H if resident else T * 3 * H * H -> 3 * H * H",
                "3 * H * H if resident else T * 3 * H * H -> T * 3 * H * H",
            ],
            "size makes no difference to the answer": ["1e6 * size * numbers -> 1e6 * numbers"],
        },
        "joined_gradient": {
            "with the square of tokens in place of tokens the answer would be right": [
                "factors = len(tokens) * tokens / tokens.sum() -> factors = len(tokens) * np.sqrt(tokens) / np.sqrt(tokens).sum()"
            ],
            "factors and gradient are exchanged": [lambda right, *a: right(*a)[::-1]],
        },
        "pipeline": {
            "ahead makes no difference to the answer": [
                "begun[k - ahead] if k >= ahead else 0.0 -> 0.0",
                "begun[k - ahead] if k >= ahead else 0.0 -> begun[k - 1] if k >= 1 else 0.0",
                lambda right, load, compute, ahead: (
                    max(load.sum(), compute.sum()),
                    max(load.sum(), compute.sum()) - compute.sum(),
                ),
            ],
            "with ahead - 1 in place of ahead the answer would be right": [
                "begun[k - ahead] if k >= ahead else 0.0 -> begun[k - ahead - 1] if k > ahead else 0.0"
            ],
            "end and waited are exchanged": ["return done, waited -> return waited, done"],
        },
        "where_time_goes": {
            "short and long are exchanged": ["if gap >= long: -> if gap < long:"],
            "busy is 1 minus what it should be": [
                "busy = 1 - (short_gaps + long_gaps) / whole -> busy = (short_gaps + long_gaps) / whole"
            ],
            "short is zero everywhere": [
                lambda right, *a: (right(*a)[0], 0.0, 1 - right(*a)[0]),
            ],
        },
        "checkpoint_memory": {
            "k makes no difference to the answer": ["peak(k), min -> peak(min(range(1, T + 1), key=peak)), min"],
            "best is smaller by one than it should be": [
                "min(range(1, T + 1), key=peak) -> int(np.argmin([peak(n) for n in range(1, T + 1)]))"
            ],
            "peak and best are exchanged": [lambda right, *a: [right(*a)[k] for k in (0, 2, 1)]],
        },
    },
    "15-language-models": {
        "word_scores": {
            "with lengths - 1 in place of lengths the answer would be right": [
                "[:, None] < lengths -> [:, None] <= lengths"
            ],
            "unk makes no difference to the answer": ["nats + np.where(targets == unk, width * np.log(A), 0) -> nats"],
            "the logarithm in bits has the base e, not 2": [" / np.log(2) -> "],
            "perplexity and bits are exchanged": [lambda right, *a: right(*a)[::-1]],
        },
        "document_loss": {
            "h0 makes no difference to the answer": ["h = h0 -> h = 0 * h0"],
            "nats has the wrong sign": ["total -= -> total +="],
            "a logarithm is missing in nats": ["return total / tokens -> return np.exp(total / tokens)"],
            "the logarithm in nats has the base 2, not e": [
                "return total / tokens -> return total / tokens / np.log(2)"
            ],
        },
        "recency_cache": {
            "with 1 - share in place of share the answer would be right": [
                "(1 - share) * p[t] + share * c -> share * p[t] + (1 - share) * c"
            ],
            "with N + 1 in place of N the answer would be right": ["t - N) -> t - N + 1)"],
            "decay makes no difference to the answer": ["decay ** np.arange(len(held)) -> 1.0 ** np.arange(len(held))"],
            "N makes no difference to the answer": ["max(begin, t - N) -> begin"],
            "mixed is the logarithm of what is asked for": ["return mixed -> return np.log(mixed)"],
        },
        "mixture": {
            "steps makes no difference to the answer": ["joint = weights[:, None] * valid -> joint = valid"],
            "with steps - 1 in place of steps the answer would be right": ["range(steps) -> range(steps + 1)"],
            "the logarithm in bits has the base e, not 2": ["np.log2 -> np.log"],
        },
    },
    "16-decoding": {
        "nucleus": {
            "least makes no difference to the answer": [lambda right, z, tau, mass, least: right(z, tau, mass, 1)],
            "with least - 1 in place of least the answer would be right": [
                "| (np.arange(z.shape[1]) < least) -> | (np.arange(z.shape[1]) <= least)"
            ],
            "with 1 - mass in place of mass the answer would be right": ["(before < mass) -> (before < 1 - mass)"],
        },
        "typical": {
            "the logarithm in entropy has the base 2, not e": [
                lambda right, *a: (right(*a)[0], right(*a)[1] / np.log(2))
            ],
            "entropy has the wrong sign": [lambda right, *a: (right(*a)[0], -right(*a)[1])],
            "a logarithm is missing in entropy": [lambda right, *a: (right(*a)[0], np.exp(right(*a)[1]))],
            "mass makes no difference to the answer": [
                lambda right, log_p, mass: (np.exp(log_p), right(log_p, mass)[1])
            ],
        },
        "beam": {
            "alpha makes no difference to the answer": [
                "return total / len(tokens) ** alpha -> return total",
                "return total / len(tokens) ** alpha -> return total / len(tokens)",
            ],
            "with limit + 1 in place of limit the answer would be right": ["range(limit) -> range(limit - 1)"],
            "a logarithm is missing in score": [lambda right, *a: (right(*a)[0], np.exp(right(*a)[1]))],
        },
        "closing": {
            "with left + 1 in place of left the answer would be right": [
                "allowed = depth + 2 <= left -> allowed = (depth + 2 < left) | (np.arange(6) % 2 == 0)"
            ],
            "log_p makes no difference to the answer": ["np.exp(log_p) -> np.ones(6)"],
        },
        "copied_runs": {
            "least makes no difference to the answer": ["length[t] >= least -> length[t] >= 1"],
        },
    },
    "17-attention": {
        "local_context": {
            "lengths makes no difference to the answer": ["(i < lengths) & ((i -> ((i"],
            "with lengths - 1 in place of lengths the answer would be right": ["i < lengths -> i <= lengths"],
            "d p is zero everywhere": ["torch.exp(-2 * (i - p) -> torch.exp(-2 * (i - p.detach())"],
        },
        "covered_weights": {
            "lengths makes no difference to the answer": ["e.masked_fill(~real, -torch.inf) -> e"],
            "q makes no difference to the answer": ["q_t + k + -> k +"],
            "w makes no difference to the answer": ["k + u[..., None] * w -> k"],
            "with -w in place of w the answer would be right": ["k + u -> k - u"],
        },
        "copying": {
            "g makes no difference to the answer": ["g.sigmoid() -> (0 * g).sigmoid()"],
            "d a is zero everywhere": ["(1 - gate) * a.T -> (1 - gate) * a.detach().T"],
        },
        "attention_backward": {
            "lengths makes no difference to the answer": [
                "np.where(real, (k * m).sum(axis=2), -np.inf) -> (k * m).sum(axis=2)"
            ],
            "dW is transposed": ["q.T @ dm -> dm.T @ q"],
        },
        "forced_loss": {
            "begin makes no difference to the answer": ["row + begin -> row", "row + begin -> row + end"],
            "a logarithm is missing in loss": [
                lambda right, *a: (torch.exp(right(*a)[0]), right(*a)[1]),
            ],
            "log_p has the wrong sign": [lambda right, *a: (right(*a)[0], -right(*a)[1])],
        },
        "scheduled": {
            "with u one step earlier the answer would be right": ["u[t] < share -> u[t - 1] < share"],
            "with v one step earlier the answer would be right": ["v[t][:, None] -> v[t - 1][:, None]"],
            "with 1 - share in place of share the answer would be right": ["< share -> < 1 - share"],
            "losses has the wrong sign": ["= -log_p[ -> = log_p["],
        },
    },
    "18-ctc": {
        "greedy_spans": {
            "blank makes no difference to the answer": ["path[start] != blank -> path[start] > 0"],
            "stop is smaller by one than it should be": [
                "return path[start], start, stop, -> return path[start], start, stop - 1,"
            ],
        },
        "log_likelihood": {
            "log_likelihood has the wrong sign": ["return np.logaddexp(last, -> return -np.logaddexp(last,"],
        },
        "logit_gradient": {
            "dz has the wrong sign": ["return gamma, dz -> return gamma, -dz"],
            "dz is divided by the length of the first axis": ["return gamma, dz -> return gamma, dz / len(dz)"],
        },
        "best_alignment": {"path stands in reverse order": [lambda right, *a: (right(*a)[0][::-1], right(*a)[1])]},
        "append_label": {"b and n are exchanged": ["return b_new, n_new, -> return n_new, b_new,"]},
    },
}

# unit: function: {what the message says without any hint: [the wrong answers of which it is said]}
MESSAGES = {
    "12-deep-and-bidirectional": {
        "locked_packed": {
            "no gradient reaches data: was it detached": ["data * mask[rows] -> data.detach() * mask[rows]"],
            "changes its argument data": ["data * mask[rows] -> data.detach().mul_(mask[rows])"],
            "an argument is changed in place": ["data * mask[rows] -> data.mul_(mask[rows])"],
            "some numbers u are exactly p": ["u >= p -> u > p"],
        },
        "zoned_states": {
            "no gradient reaches x: was it detached": ["h, new) -> h, new.detach())"],
            "some numbers u are exactly the rate of their unit": ["u_t < z -> u_t <= z"],
            "an argument is changed in place": [
                "h = torch.where(u_t < z, h, new) -> h[:] = torch.where(u_t < z, h, new)"
            ],
        },
        "both_ways": {
            "an argument is changed in place": ["    there, back ->     x *= real\n    there, back"],
        },
        "chrono_biases": {
            "changes its argument parameters": [
                "new[name] = torch.zeros_like(parameters[name]) -> parameters[name].zero_()"
            ],
        },
    },
    "16-decoding": {
        "nucleus": {
            "changes its argument z": [
                "p = np.exp((z - z.max -> z -= z.max(axis=1, keepdims=True)\n    p = np.exp((z - z.max"
            ]
        },
        "typical": {
            "There is an axis of length 1 too many": [lambda right, *a: (right(*a)[0], right(*a)[1][:, None])],
        },
        "closing": {"raised IndexError": ["stack[-1:] == [1] -> stack[-1] == 1"]},
    },
    "17-attention": {
        "local_context": {
            "the scores are about 1000, or about -1000": ["e.softmax(dim=0) -> (e.exp() / e.exp().sum(dim=0))"],
        },
        "covered_weights": {
            "the scores are as large as a thousand": [
                "e.masked_fill(~real, -torch.inf).softmax(dim=0) -> (e.exp() * real / (e.exp() * real).sum(dim=0))"
            ],
        },
        "copying": {
            "the logits are as large as a thousand": ["z.softmax(dim=1) -> z.exp() / z.exp().sum(dim=1, keepdim=True)"],
        },
        "attention_backward": {
            "changes its argument k": ["da = (k * dc) -> k[~real] = 0\n    da = (k * dc)"],
        },
    },
}


def wrong(u, function, change):
    """The function of a unit as somebody got it wrong."""
    if callable(change):
        return lambda *arguments: change(u.namespace[function], *arguments)
    old, _, new = change.partition(" -> ")
    return u.implementation(function, Slip("", old, new))


@pytest.mark.parametrize(("name", "function"), [(name, function) for name in DROPPED for function in DROPPED[name]])
def test_what_the_numbers_show_says_it(name, function):
    u, spec = load(name), load_public(name)[function]
    for sentence, changes in DROPPED[name][function].items():
        for change in changes:
            call = in_process({function: wrong(u, function, change)}, spec.arguments, adapter=spec.adapter)
            v = judge(spec, call)
            assert f"{sentence}." in v.hints and OPENING in v.message, (change, sentence, v.message)
            assert not {m.hint for m in spec.mistakes} & set(v.hints), (change, v.message)


@pytest.mark.parametrize(("name", "function"), [(name, function) for name in MESSAGES for function in MESSAGES[name]])
def test_the_message_says_it(name, function):
    u, spec = load(name), load_public(name)[function]
    for text, changes in MESSAGES[name][function].items():
        for change in changes:
            call = in_process({function: wrong(u, function, change)}, spec.arguments, adapter=spec.adapter)
            v = judge(spec, call)
            assert text in v.message and not v.passed and not v.hints, (change, text, v.message)
