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
        "return q / q.sum(axis=1, keepdims=True) -> return q": "What is kept is not divided by its sum: it is no distribution any more.",
        "np.argsort(-p, axis=1) -> np.argsort(p, axis=1)": "The tokens are taken from the rarest on: the likeliest come first.",
        "np.put_along_axis(q, order, np.where(keep, ranked, 0), axis=1) -> q = np.where(keep, ranked, 0)": "The result is in the order of probability: each has to go back to the place of its token.",
        "np.put_along_axis(q, order, np.where(keep, ranked, 0), axis=1) -> q = np.where(keep, p, 0)": "What is kept was found in order of probability and is applied to the tokens as they stand: put it back in their order first.",
        "np.put_along_axis(q, order, np.where(keep, ranked, 0), axis=1) -> q = np.where(np.take_along_axis(keep, order, axis=1), p, 0)": "The order of sorting is applied a second time: the way back to the tokens' places is its inverse.",
        "z.max(axis=1, keepdims=True) -> z.max()": "The largest logit of the whole batch is subtracted: a row of much smaller ones then becomes 0 / 0. Each row has its own.",
        "return q / q.sum(axis=1, keepdims=True) -> q = np.where(q > 0, np.exp(q), 0)\n    return q / q.sum(axis=1, keepdims=True)": "A softmax is taken of what is kept, which are probabilities already: divide by the sum.",
        "keep = (before < mass) -> keep = (np.arange(z.shape[1]) < (before < mass).sum(axis=1).max())": "One number of kept tokens serves all rows: each row has its own.",
        "(before < mass) | -> (ranked >= 1 - mass) |": "Each token's probability is compared with what the mass leaves: the mass is what all kept tokens hold together.",
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
        "np.abs(surprise - entropy[:, None]) -> surprise": "The likeliest tokens come first, as in top-p. So they do if the distance keeps its sign, or if the entropy is compared with something else than surprises. Those whose surprise is nearest to it come first, above or below.",
        "np.abs(surprise - entropy[:, None]) -> np.abs(surprise - np.log((p > 0).sum(axis=1, keepdims=True)))": "The surprise is compared with that of a uniform distribution: it is the entropy of this row's distribution that counts.",
        "np.abs(surprise - entropy[:, None]) -> np.abs(surprise - entropy.mean())": "One entropy serves all rows: each row has its own.",
        "entropy = (p * surprise).sum(axis=1) -> entropy = surprise.mean(axis=1)": "The surprise is averaged over tokens with equal weights: the entropy weights each by its probability.",
        "entropy = (p * surprise).sum(axis=1) -> entropy = (p * surprise).mean(axis=1)": "The entropy is divided by the number of tokens: it is a sum, in which the probabilities are the weights.",
        "np.put_along_axis(q, order, np.where(before < mass, ranked, 0), axis=1) -> q = np.where(before < mass, ranked, 0)": "The result is in the order of distance: each has to go back to the place of its token.",
        "np.put_along_axis(q, order, np.where(before < mass, ranked, 0), axis=1) -> q = np.where(before < mass, p, 0)": "What is kept was found in order of distance and is applied to the tokens as they stand: put it back in their order first.",
        "before < mass -> (before + ranked < mass) | (before == 0)": "The token that crosses the line is kept only if it is the first: it is kept wherever it stands.",
        "before < mass -> before - np.roll(ranked, 1, axis=1) < mass": "One token too many is kept: the one that crosses the line is the last.",
        "return q / q.sum(axis=1, keepdims=True), entropy -> q = q / q.sum(axis=1, keepdims=True)\n    return q, -(q * np.log(np.where(q > 0, q, 1))).sum(axis=1)": "The entropy of what is kept is returned: that of the whole distribution is asked for.",
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
        "return total / len(tokens) ** alpha -> return total / max(len(tokens) - tokens.count(0), 1) ** alpha": "The end is not counted among the tokens: it is one.",
        "return total / len(tokens) ** alpha -> return total * len(tokens) ** alpha": "The sum is multiplied by the length: that makes long texts worse still, since log-probabilities are negative.",
        "[h for h in kept if finished(h)] or kept -> kept": "The best of all that are kept is returned, finished or not: an unfinished one only if none is finished.",
        "grown = [h for h in kept if finished(h)] -> grown = []": "Finished hypotheses are lost: they stay in the beam and compete with those that go on.",
        "next_log_p(tokens) -> next_log_p(tokens[-1:])": "The model reads the last token alone: it is given the whole text so far.",
        "key=score, reverse=True)[:K] -> key=lambda h: h[0], reverse=True)[:K]": "The beam is cut by the plain sum and only the end is scored with the penalty: long hypotheses are dropped before it can help them.",
        "if all(finished(h) for h in kept): -> if any(finished(h) for h in kept):": "The search stops at the first finished hypothesis: others that are kept may become better.",
        "return np.array(best[1]), score(best) -> return np.array([v for v in best[1] if v]), score(best)": "The end is missing from the tokens: it is one of them.",
        "return np.array(best[1]), score(best) -> return np.array(best[1]), best[0]": "The plain sum is returned as the score: divide it by the power of the length.",
    },
)


def search(next_log_p, K, alpha, limit, score=None, leave=False, gather=False, going_on=False, only_first=False):
    score = score or (lambda total, n: total / n**alpha)

    def ended(h):
        return h[1][-1:] == (0,)

    kept, done = [(0.0, ())], []
    for step in range(limit):
        grown = [h for h in kept if ended(h) and not going_on]
        for total, tokens in [h for h in kept if h not in grown]:
            log_p = next_log_p(tokens)
            few = np.argsort(-log_p)[: 1 if step else K] if only_first else np.arange(len(log_p))
            grown += [(total + log_p[v], (*tokens, v)) for v in few.tolist()]
        done += filter(ended, grown if gather else [])
        kept = sorted(grown, key=lambda h: score(h[0], len(h[1])), reverse=True)[:K]
        if leave:
            done += filter(ended, kept)
            kept = [h for h in kept if not ended(h)]
        if all(map(ended, kept)):
            break
    total, tokens = max([*done, *filter(ended, kept)] or kept, key=lambda h: score(h[0], len(h[1])))
    return np.array(tokens), score(total, len(tokens))


def finished_leave(next_log_p, K, alpha, limit):
    return search(next_log_p, K, alpha, limit, leave=True)


def all_finished_gathered(next_log_p, K, alpha, limit):
    return search(next_log_p, K, alpha, limit, gather=True)


def finished_go_on(next_log_p, K, alpha, limit):
    return search(next_log_p, K, alpha, limit, going_on=True)


def branching_once(next_log_p, K, alpha, limit):
    return search(next_log_p, K, alpha, limit, only_first=True)


def greedily(next_log_p, K, alpha, limit):
    return search(next_log_p, 1, alpha, limit)


def length_subtracted(next_log_p, K, alpha, limit):
    return search(next_log_p, K, alpha, limit, score=lambda total, n: total - alpha * n)


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
    finished_leave=(
        "What is finished leaves the beam, as in the chapter: here it keeps its place, so that fewer others are kept.",
        finished_leave,
    ),
    all_finished_gathered=(
        "Everything that ends is remembered, though it is not among the K best of its step: only what is kept counts.",
        all_finished_gathered,
    ),
    finished_go_on=(
        "Finished hypotheses are extended too: nothing follows the end.",
        finished_go_on,
    ),
    branching_once=(
        "Only the first step branches, then each hypothesis goes on greedily: all extensions of all of them compete.",
        branching_once,
    ),
    greedily=(
        "A single hypothesis is followed, whatever K is: the search is greedy.",
        greedily,
    ),
    length_subtracted=(
        "A multiple of the length is subtracted: the score is divided by a power of it.",
        length_subtracted,
    ),
)

# 4. closing

slips(
    closing,
    {
        "depth + 2 <= left -> depth + 1 <= left": "One token of room is forgotten: the end takes one, and so does the token that is chosen now.",
        "np.array([0, 1, -1, 1, -1, 0]) -> np.array([0, 0, -1, 0, -1, 0])": "An opening bracket is counted like a letter: it needs room for the one that closes it.",
        "allowed = depth + 2 <= left -> allowed = np.full(6, True)": "The room that is left is not looked at: a bracket may be opened that cannot be closed in time.",
        "allowed[0] = not stack -> allowed[0] = True": "The end is always allowed: it needs all brackets closed.",
        "allowed[0] = not stack -> allowed[[1, 3]] = True\n    allowed[0] = not stack": "A bracket may always be opened: there must be room to close it, and all others.",
        "allowed[0] = not stack -> allowed[5] = True\n    allowed[0] = not stack": "A letter is always allowed: it takes room that the closing brackets may need.",
        "return q / q.sum() -> q = np.where(allowed, np.exp(np.exp(log_p)), 0)\n    return q / q.sum()": "The softmax is taken twice: what is allowed are probabilities already, divide by their sum.",
        "return q / q.sum() -> q = np.exp(np.where(allowed, log_p, 0))\n    return q / q.sum()": "A forbidden token's log-probability is set to 0, which makes its probability 1: it is minus infinity.",
        "depth = len(stack) -> stack = stack[::-1]\n    depth = len(stack)": "The bracket that was opened first is closed first: it is the other way round.",
        "np.exp(log_p) -> log_p": "Log-probabilities are cut and divided as if they were probabilities: take their exponential first.",
        "return q / q.sum() -> return q": "What is allowed is not divided by its sum: it is no distribution any more.",
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


def opened_last(ids, log_p, left):
    """Closes the kind that was opened last, even if that one is closed already."""
    opened = ids[np.isin(ids, (1, 3))]
    open_ = len(opened) - np.isin(ids, (2, 4)).sum()
    allowed = open_ + np.array([0, 1, -1, 1, -1, 0]) + 2 <= left
    allowed[0] = open_ == 0
    allowed[2] &= open_ > 0 and opened[-1] == 1
    allowed[4] &= open_ > 0 and opened[-1] == 3
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
    opened_last=(
        "What is looked at is the kind that was opened last, though that one is closed: take away each pair that is closed.",
        opened_last,
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


def with_share(found, least):
    inside = np.zeros(len(found), dtype=bool)
    for t, n in enumerate(found):
        if n >= least:
            inside[max(0, t - n + 1) : t + 1] = True
    return found, inside.mean()


def occurs(part, source, last=0):
    return any(np.array_equal(source[i : i + len(part)], part) for i in range(len(source) - len(part) + 1 - last))


def growing(ids, source, least, afresh):
    """A stretch grows token by token, and begins afresh where it does not go on."""
    found, n = np.zeros(len(ids), dtype=int), 0
    for t in np.arange(ids.size):
        n = n + 1 if occurs(ids[t - n : t + 1], source) else afresh and int(ids[t] in source)
        found[t] = n
    return with_share(found, least)


def from_nothing(ids, source, least):
    return growing(ids, source, least, afresh=0)


def from_one(ids, source, least):
    return growing(ids, source, least, afresh=1)


def first_place(ids, source, least):
    found = np.zeros(len(ids), dtype=int)
    for t, token in enumerate(ids):
        n, places = 0, np.flatnonzero(source == token)[:1]
        while places.size and n <= min(t, places[0]) and ids[t - n] == source[places[0] - n]:
            n += 1
        found[t] = n
    return with_share(found, least)


def without_the_last_place(ids, source, least):
    found = np.array(
        [
            max(n for n in range(t + 2) if n == 0 or occurs(ids[t + 1 - n : t + 1], source, last=1))
            for t in range(len(ids))
        ]
    )
    return with_share(found, least)


def as_text(ids, source, least):
    found, whole = np.zeros(len(ids), dtype=int), "".join(map(str, source))
    for t in np.arange(ids.size):
        while found[t] <= t and "".join(map(str, ids[t - found[t] : t + 1])) in whole:
            found[t] += 1
    return with_share(found, least)


def around_the_end(ids, source, least):
    found, ending = np.zeros(len(ids), dtype=int), np.zeros(len(source), dtype=int)
    for t, token in enumerate(ids):
        ending = np.where(source == token, np.roll(ending, 1) + 1, 0)
        found[t] = ending.max()
    return with_share(found, least)


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
    from_nothing=(
        "Where a stretch does not go on, the length becomes 0: a shorter stretch may still end there.",
        from_nothing,
    ),
    from_one=(
        "Where a stretch does not go on, the length becomes 1: a shorter stretch of several tokens may still end there.",
        from_one,
    ),
    first_place=(
        "Only the first place of a token in the source is looked at: it may stand at several.",
        first_place,
    ),
    without_the_last_place=(
        "The last place of the source at which a stretch fits is left out.",
        without_the_last_place,
    ),
    as_text=(
        "Tokens are joined to text without a mark between them: 1 and 2 then look like 12.",
        as_text,
    ),
    around_the_end=(
        "The index -1 leads from the source's first token to its last: nothing stands before the first.",
        around_the_end,
    ),
)
