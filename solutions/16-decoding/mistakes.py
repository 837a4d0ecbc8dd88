"""Known mistakes of unit 16-decoding."""

import numpy as np
from checks import beam, closing, nucleus, runs, typical

from rnncourse.authoring import mistakes, slips

# 1. nucleus

slips(
    nucleus,
    {
        "(z - z.max(axis=1, keepdims=True)) / tau -> z - z.max(axis=1, keepdims=True)": "The temperature is missing: it divides the logits before the softmax.",
        "(z - z.max(axis=1, keepdims=True)) / tau -> (z - z.max(axis=1, keepdims=True)) * tau": "The logits are multiplied by the temperature: above 1 it must make the distribution flatter, here it makes it steeper.",
        "(before < mass) | -> (before + ranked < mass) |": "The token that crosses the line is dropped: what is kept then holds less than the mass.",
        "(before < mass) | (np.arange(z.shape[1]) < least) -> (before < mass) & (np.arange(z.shape[1]) < least)": "`least` is taken for the most that may be kept: it is how many are kept in any case.",
        "| (np.arange(z.shape[1]) < least) -> | (np.arange(z.shape[1]) <= least)": "One token more than `least` is kept in any case.",
        "return q / q.sum(axis=1, keepdims=True) -> return q": "What is kept is not divided by its sum: it is no distribution any more.",
        "np.argsort(-p, axis=1) -> np.argsort(p, axis=1)": "The tokens are taken from the rarest on: the likeliest come first.",
        "np.put_along_axis(q, order, np.where(keep, ranked, 0), axis=1) -> q = np.where(keep, ranked, 0)": "The result is in the order of probability: each has to go back to the place of its token.",
        "(before < mass) -> (before < mass * ranked[:, :1])": "The mass is measured by the likeliest token: it is a share of the whole.",
    },
)


def temperature_on_probabilities(z, tau, mass, least):
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p = p / p.sum(axis=1, keepdims=True)
    p = np.exp(p / tau)
    return cut(p / p.sum(axis=1, keepdims=True), p / p.sum(axis=1, keepdims=True), mass, least)


def heated_after_the_cut(z, tau, mass, least):
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p = p / p.sum(axis=1, keepdims=True)
    return cut(p, p ** (1 / tau), mass, least)


def threshold(z, tau, mass, least):
    p = np.exp((z - z.max(axis=1, keepdims=True)) / tau)
    p = p / p.sum(axis=1, keepdims=True)
    q = np.where(p >= (1 - mass) * p.max(axis=1, keepdims=True), p, 0)
    return q / q.sum(axis=1, keepdims=True)


def cut(p, values, mass, least):
    order = np.argsort(-p, axis=1)
    ranked = np.take_along_axis(p, order, axis=1)
    keep = (np.cumsum(ranked, axis=1) - ranked < mass) | (np.arange(p.shape[1]) < least)
    q = np.zeros(p.shape)
    np.put_along_axis(q, order, np.where(keep, np.take_along_axis(values, order, axis=1), 0), axis=1)
    return q / q.sum(axis=1, keepdims=True)


def overflowing(z, tau, mass, least):
    with np.errstate(over="ignore", invalid="ignore"):
        p = np.exp(z / tau)
        p = p / p.sum(axis=1, keepdims=True)
    return cut(p, p, mass, least)


mistakes(
    nucleus,
    temperature_on_probabilities=(
        "The softmax is taken twice: probabilities are divided by the temperature and exponentiated again, where logits belong.",
        temperature_on_probabilities,
    ),
    heated_after_the_cut=(
        "The tail is cut before the temperature is applied: the mass belongs to the distribution that the temperature makes.",
        heated_after_the_cut,
    ),
    threshold=(
        "Tokens are compared with a fraction of the likeliest one: that is another method (min-p), where the mass held by all kept tokens decides here.",
        threshold,
    ),
    overflowing=(
        "`exp` overflows for large logits: subtract the row's largest first, which changes no probability.",
        overflowing,
    ),
)

# 2. typical

slips(
    typical,
    {
        "np.where(before < mass, ranked, 0) -> np.where(before + ranked < mass, ranked, 0)": "The token that crosses the line is dropped: what is kept then holds less than the mass.",
        "np.abs(surprise - entropy[:, None]) -> surprise": "The likeliest tokens come first, as in top-p (or because a distance keeps its sign): here those come first whose surprise is nearest to the entropy, above or below.",
        "np.abs(surprise - entropy[:, None]) -> np.abs(surprise - np.log((p > 0).sum(axis=1, keepdims=True)))": "The surprise is compared with that of a uniform distribution: it is the entropy of this row's distribution that counts.",
        "np.abs(surprise - entropy[:, None]) -> np.abs(surprise - entropy.mean())": "One entropy serves all rows: each row has its own.",
        "entropy = (p * surprise).sum(axis=1) -> entropy = (p * surprise).sum(axis=1) / np.log(2)": "The entropy is in bits: the logarithms are natural, so nats are asked for.",
        "entropy = (p * surprise).sum(axis=1) -> entropy = surprise.mean(axis=1)": "The surprise is averaged over tokens with equal weights: the entropy weights each by its probability.",
        "return q / q.sum(axis=1, keepdims=True), entropy -> return q, entropy": "What is kept is not divided by its sum: it is no distribution any more.",
        "np.argsort(distance, axis=1) -> np.argsort(-distance, axis=1)": "The tokens are taken from the farthest on: those nearest to the entropy come first.",
    },
)


def nan_entropy(log_p, mass):
    with np.errstate(invalid="ignore"):
        p = np.exp(log_p)
        entropy = -(p * log_p).sum(axis=1)
        order = np.argsort(np.abs(-log_p - entropy[:, None]), axis=1)
        ranked = np.take_along_axis(p, order, axis=1)
        q = np.zeros(p.shape)
        np.put_along_axis(q, order, np.where(np.cumsum(ranked, axis=1) - ranked < mass, ranked, 0), axis=1)
        return q / q.sum(axis=1, keepdims=True), entropy


mistakes(
    typical,
    nan_entropy=(
        "A forbidden token makes the entropy NaN, because `0 * -inf` is NaN: leave out tokens of probability 0.",
        nan_entropy,
    ),
)

# 3. beam

slips(
    beam,
    {
        "return total / len(tokens) ** alpha -> return total": "The length penalty is missing: the score is the plain sum.",
        "return total / len(tokens) ** alpha -> return total / max(len(tokens) - tokens.count(0), 1) ** alpha": "The end is not counted among the tokens: it is one.",
        "return total / len(tokens) ** alpha -> return total * len(tokens) ** alpha": "The sum is multiplied by the length: that makes long texts worse still, since log-probabilities are negative.",
        "[h for h in kept if finished(h)] or kept -> kept": "The best of all that are kept is returned, finished or not: an unfinished one only if none is finished.",
        "grown = [h for h in kept if finished(h)] -> grown = []": "Finished hypotheses are lost: they stay in the beam and compete with those that go on.",
        "(total + log_p[v], (*tokens, v)) -> (log_p[v], (*tokens, v))": "Only the last token's log-probability is counted: the score sums over all tokens.",
        "next_log_p(tokens) -> next_log_p(tokens[-1:])": "The model reads the last token alone: it is given the whole text so far.",
        "for v in range(len(log_p)) -> for v in np.argsort(-log_p)[:1]": "Each hypothesis is extended by its likeliest token alone: then all but the first step are greedy.",
        "key=score, reverse=True)[:K] -> key=lambda h: h[0], reverse=True)[:K]": "The beam is cut by the plain sum and only the end is scored with the penalty: long hypotheses are dropped before it can help them.",
        "if all(finished(h) for h in kept): -> if any(finished(h) for h in kept):": "The search stops at the first finished hypothesis: others that are kept may become better.",
        "key=score, reverse=True)[:K] -> key=score)[:K]": "The worst hypotheses are kept: a log-probability is the better the nearer it is to 0.",
        "return np.array(best[1]), score(best) -> return np.array([v for v in best[1] if v]), score(best)": "The end is missing from the tokens: it is one of them.",
        "return np.array(best[1]), score(best) -> return np.array(best[1]), best[0]": "The plain sum is returned as the score: divide it by the power of the length.",
    },
)


def per_hypothesis(next_log_p, K, alpha, limit):
    kept = [(0.0, ())]
    for _ in range(limit):
        grown = [h for h in kept if h[1][-1:] == (0,)]
        for total, tokens in [h for h in kept if h[1][-1:] != (0,)]:
            log_p = next_log_p(tokens)
            grown += [(total + log_p[v], (*tokens, v)) for v in np.argsort(-log_p)[:K].tolist()]
        kept = grown
    done = [h for h in kept if h[1][-1:] == (0,)] or kept
    total, tokens = max(done, key=lambda h: h[0] / len(h[1]) ** alpha)
    return np.array(tokens), total / len(tokens) ** alpha


mistakes(
    beam,
    per_hypothesis=(
        "K extensions of each hypothesis are kept, so that the beam grows with every step: keep the K best of all together.",
        per_hypothesis,
    ),
)

# 4. closing

slips(
    closing,
    {
        "depth + 2 <= left -> depth + 1 <= left": "The end is forgotten when the room is counted: it needs a token too.",
        "depth + 2 <= left -> depth + 3 <= left": "One token of room too much is asked for.",
        "np.array([0, 1, -1, 1, -1, 0]) -> np.array([0, 0, -1, 0, -1, 0])": "An opening bracket is counted like a letter: it needs room for the one that closes it.",
        "allowed = depth + 2 <= left -> allowed = np.full(6, True)": "The room that is left is not looked at: a bracket may be opened that cannot be closed in time.",
        "allowed[0] = not stack -> pass": "The end is not looked at: it needs all brackets closed.",
        "allowed[0] = not stack -> allowed[0] = False": "The end is never allowed: it is, once all brackets are closed.",
        "allowed[2] &= stack[-1:] == [1] -> allowed[2] &= 1 in stack": "A round bracket may close though a square one was opened last: only the latest open bracket may be closed.",
        "allowed[4] &= stack[-1:] == [3] -> allowed[4] &= 3 in stack": "A square bracket may close though a round one was opened last: only the latest open bracket may be closed.",
        "np.exp(log_p) -> log_p": "Log-probabilities are cut and divided as if they were probabilities: take their exponential first.",
        "return q / q.sum() -> return q": "What is allowed is not divided by its sum: it is no distribution any more.",
        "np.array([0, 1, -1, 1, -1, 0]) -> np.array([0, 1, -1, 1, -1, 1])": "A letter is counted as if it opened a bracket: it only takes one place.",
    },
)


def counting(ids, log_p, left):
    """Counts each kind, without their order."""
    n = np.bincount(ids, minlength=6)
    round_, square = n[1] - n[2], n[3] - n[4]
    depth = round_ + square + np.array([0, 1, -1, 1, -1, 0])
    allowed = depth + 2 <= left
    allowed[0] = round_ + square == 0
    allowed[2] &= round_ > 0
    allowed[4] &= square > 0
    q = np.where(allowed, np.exp(log_p), 0)
    return q / q.sum()


def one_kind(ids, log_p, left):
    """Any closing bracket closes any opening one."""
    open_ = np.isin(ids, (1, 3)).sum() - np.isin(ids, (2, 4)).sum()
    allowed = open_ + np.array([0, 1, -1, 1, -1, 0]) + 2 <= left
    allowed[0] = open_ == 0
    allowed[[2, 4]] &= open_ > 0
    q = np.where(allowed, np.exp(log_p), 0)
    return q / q.sum()


mistakes(
    closing,
    counting=(
        "Brackets of each kind are counted, but not their order: what counts is which kind was opened last and is still open.",
        counting,
    ),
    one_kind=(
        "Any closing bracket may close any open one: it must be of the kind that was opened last.",
        one_kind,
    ),
)

# 5. copied_runs

slips(
    runs,
    {
        "ending[:-1] + 1, 0) -> ending[:-1] + 1, ending[:-1])": "A stretch goes on after a token that differs: that counts a common subsequence, and a copy has no gaps.",
        "ending[:-1] + 1, 0) -> ending[1:] + 1, 0)": "The stretch before is looked up at the same place of the source: the token before stands one place earlier there.",
        "length[t] >= least -> length[t] > least": "A stretch of just `least` tokens is left out: it counts.",
        "inside[t - length[t] + 1 : t + 1] = True -> inside[t] = True": "Only the end of a stretch is counted: all its positions lie inside.",
        "inside[t - length[t] + 1 : t + 1] = True -> inside[t - length[t] + 1 : t] = True": "The last position of a stretch is left out.",
        "inside[t - length[t] + 1 : t + 1] = True -> inside[t - length[t] : t + 1] = True": "The position before a stretch is counted too.",
        "inside.mean() -> inside.sum()": "The number of positions is returned: a share is asked for.",
        "length[t] = ending.max() -> length[t] = ending[-1]": "Only stretches at the very end of the source are looked at: it may stand anywhere.",
        "length[t] = ending.max() -> length[t] = ending[1:].argmax() + 1": "Where the stretch ends in the source is returned: its length is asked for.",
    },
)


def in_place_forwards(ids, source, least):
    """One row, overwritten from the left: a token's value is used for the next one."""
    length, ending = np.zeros(len(ids), dtype=int), [0] * (len(source) + 1)
    inside = np.zeros(len(ids), dtype=bool)
    for t, token in enumerate(ids):
        for i, other in enumerate(source):
            ending[i + 1] = ending[i] + 1 if other == token else 0
        length[t] = max(ending)
        if length[t] >= least:
            inside[max(0, t - length[t] + 1) : t + 1] = True
    return length, inside.mean()


def starting_there(ids, source, least):
    """Stretches that begin at t."""
    backwards = lengths(ids[::-1], source[::-1])[::-1]
    inside = np.zeros(len(ids), dtype=bool)
    for t, n in enumerate(backwards):
        if n >= least:
            inside[t : t + n] = True
    return backwards.copy(), inside.mean()


def lengths(ids, source):
    found, ending = np.zeros(len(ids), dtype=int), np.zeros(len(source) + 1, dtype=int)
    for t, token in enumerate(ids):
        ending[1:] = np.where(source == token, ending[:-1] + 1, 0)
        found[t] = ending.max()
    return found


def longest_so_far(ids, source, least):
    found = np.maximum.accumulate(lengths(ids, source))
    return found, lengths_share(ids, source, least)


def lengths_share(ids, source, least):
    inside = np.zeros(len(ids), dtype=bool)
    for t, n in enumerate(lengths(ids, source)):
        if n >= least:
            inside[t - n + 1 : t + 1] = True
    return inside.mean()


mistakes(
    runs,
    in_place_forwards=(
        "The row of the step before is overwritten while it is still needed: go through the source from its end, or work on a copy.",
        in_place_forwards,
    ),
    starting_there=(
        "The stretches that begin at a position are measured: those that end there are asked for.",
        starting_there,
    ),
    longest_so_far=(
        "The longest stretch so far is returned: for each position the one that ends there is asked for.",
        longest_so_far,
    ),
)
