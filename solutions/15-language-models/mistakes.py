"""Known mistakes of unit 15-language-models."""

import numpy as np
from checks import cache, document, kneser, mixture, scores, vocabulary

from rnncourse.authoring import mistakes, slips

# 1. word_scores

slips(
    scores,
    {
        "np.arange(len(logits))[:, None] < lengths -> np.full(targets.shape, True)": "Padding is scored: of text b only the first lengths[b] tokens are real.",
        "np.arange(len(logits))[:, None] < lengths -> (np.arange(len(logits))[:, None] < lengths) & (targets != unk)": "Unknown words are left out of the text: that hides what the model cannot do. They count like other tokens, and in the bits they cost more.",
        "perplexity = np.exp(nats[real].mean()) -> perplexity = np.exp(nats[real]).mean()": "The perplexity is the mean of each token's exponential: take the mean of the nats first, then its exponential.",
        "perplexity = np.exp(nats[real].mean()) -> perplexity = np.exp((nats + np.where(targets == unk, width * np.log(A), 0))[real].mean())": "The perplexity pays for the letters of unknown words: that belongs to the bits per character alone.",
        "perplexity = np.exp(nats[real].mean()) -> perplexity = np.mean([np.exp(nats[:n, b].mean()) for b, n in enumerate(lengths)])": "The perplexity is a mean of the texts' perplexities: take the mean over all tokens of the batch, then the exponential.",
        "perplexity = np.exp(nats[real].mean()) -> perplexity = np.exp(np.where(real, nats, 0).mean())": "The sum of the nats is divided by all cells, padding included: divide by the number of real tokens.",
        "np.exp(z).sum(axis=-1, keepdims=True) -> np.exp(z).sum(axis=0)": "The softmax runs over the time steps: it runs over the vocabulary.",
        "paid[real].sum() -> (nats[real].sum() + (paid - nats).sum())": "Unknown words in the padding are paid for.",
        "width * np.log(A) -> np.log(A)": "An unknown word is charged for one letter: each of its characters has to be paid for.",
        "width * np.log(A) -> width * np.log2(A)": "Nats and bits are added up: the letters are charged in bits, the words in nats.",
        "nats + np.where(targets == unk, width * np.log(A), 0) -> np.where(targets == unk, width * np.log(A), nats)": "The letters are charged in place of the prediction that an unknown word stands there: the model has to pay for both.",
        "width[real].sum() -> real.sum()": "The bits are divided by the number of tokens: per character is asked for.",
        "width[real].sum() -> width.sum()": "The characters of the padding are counted.",
        "paid[real].sum() / width[real].sum() -> (paid / width)[real].mean()": "The bits per character are a mean of the words' bits per character, in which a letter of a short word weighs more: divide the sum by the sum.",
        "z - np.log(np.exp(z).sum(axis=-1, keepdims=True)) -> z": "The logits are taken for log-probabilities: they need the softmax.",
    },
)


def overflowing(logits, targets, lengths, width, unk, A):
    real = np.arange(len(logits))[:, None] < lengths
    with np.errstate(all="ignore"):
        p = np.exp(logits)
        p = np.take_along_axis(p, targets[..., None], axis=-1)[..., 0] / p.sum(axis=-1)
        nats = -np.log(p)
    paid = nats + np.where(targets == unk, width * np.log(A), 0)
    return np.exp(nats[real].mean()), paid[real].sum() / width[real].sum() / np.log(2)


mistakes(
    scores,
    overflowing=(
        "The exponential of a large logit is infinite: subtract the largest logit of the token first.",
        overflowing,
    ),
)

# 2. vocabulary

slips(
    vocabulary,
    {
        "for word in train:\n -> for word in [*train, *held_out]:\n": "The held-out part is counted too: it must not decide which words are known.",
        "count[word] >= least -> count[word] > least": "A word that occurs just `least` times is dropped: it is known.",
        "start=1 -> start=0": "The numbers begin at 0, which is <unk>: the most frequent word then cannot be told from an unknown one.",
        "key=lambda word: -count[word] -> key=lambda word: count[word]": "The rarest word comes first: the most frequent one has number 1.",
        "key=lambda word: -count[word] -> key=lambda word: (-count[word], word)": "Words with the same count are in the order of the alphabet: the one that appears first in the training part comes first.",
        "known.sort(key=lambda word: -count[word])  # keeps the order among equals -> pass": "The words are in the order in which they appear: the most frequent one comes first.",
        "number.get(word, 0) for word in train -> number.get(word, len(known) + 1 + list(count).index(word)) for word in train": "Rare words keep a number of their own in the training part: there they are <unk> as well.",
        "np.mean(held_out_ids == 0) -> np.mean([number.get(word, 0) == 0 for word in set(held_out)])": "The share is one of different words: every token counts, as often as it occurs.",
        "np.mean(held_out_ids == 0) -> np.mean(train_ids == 0)": "The share of unknown tokens is that of the training part: the held-out part is asked for.",
        "np.mean(held_out_ids == 0) -> np.mean([word not in count for word in held_out])": "Only words that the training part lacks count as unknown: those that are too rare there are unknown, too.",
        "number.get(word, 0) for word in held_out -> number.setdefault(word, len(number) + 1) for word in held_out": "New words of the held-out part get new numbers: a model that was trained has no place for them.",
        "number.get(word, 0) for word in held_out -> number[word] for word in held_out if word in number": "Unknown words are left out of the held-out part: each of its tokens keeps its place, as number 0.",
        "number.get(word, 0) for word in train -> number[word] for word in train if word in number": "Rare words are left out of the training part, which joins words that never stood side by side: each token keeps its place, as number 0.",
    },
)


def unknown_last(train, held_out, least):
    """<unk> is the last number, and the known words begin at 0."""
    words = list(dict.fromkeys(train))
    known = sorted((w for w in words if train.count(w) >= least), key=lambda w: -train.count(w))
    ids = [np.array([known.index(w) if w in known else len(known) for w in part]) for part in (train, held_out)]
    return *ids, np.mean(ids[1] == len(known))


def same_letters(train, held_out, least):
    return encoded([w.lower() for w in train], [w.lower() for w in held_out], least)


def encoded(train, held_out, least, unknown=None):
    """With `unknown` for rare words, which is then a word like any other."""
    kept = [w if train.count(w) >= least else unknown for w in train]
    ranked = sorted(dict.fromkeys(kept), key=lambda w: -kept.count(w))
    known = ranked if unknown else [None, *(w for w in ranked if w is not None)]
    ids = [np.array([known.index(w if w in known else unknown) for w in part]) for part in (train, held_out)]
    return *ids, np.mean([w not in known for w in held_out])


def unknown_by_rank(train, held_out, least):
    return encoded(train, held_out, least, unknown="<unk>")


mistakes(
    vocabulary,
    same_letters=("Capitals are made small: two words that differ in them are different words here.", same_letters),
    unknown_by_rank=(
        "<unk> has a number by its count, like a word: its number is 0, and the most frequent word has 1.",
        unknown_by_rank,
    ),
    unknown_last=("<unk> has the last number: it is number 0, and the words begin at 1.", unknown_last),
)

# 3. document_loss


def read(begins, cuts, scored, model, ids, document, h0, T):
    """The state is h0 before each place in begins; windows from cut to cut; token i + 1 counts where scored[i]."""
    losses, h = [], h0
    for i, j in zip(cuts[:-1], cuts[1:], strict=True):
        log_p, h = model(ids[i:j], h0 if i in begins else h)
        losses += [-log_p[k - i, ids[k + 1]] for k in range(i, j) if k + 1 < len(ids) and scored[k]]
    return np.mean(losses), len(losses)


def places(document, T):
    """Where documents begin, cuts at every T tokens, and which tokens are followed by one of their own document."""
    inside = document[1:] == document[:-1]
    begins = {0, *(np.flatnonzero(~inside) + 1).tolist()}
    return begins, sorted({*range(0, len(document), T), len(document)}), inside


def reset_at_windows(model, ids, document, h0, T):
    begins, grid, inside = places(document, T)
    return read({min(c for c in grid if c >= b) for b in begins}, grid, inside, model, ids, document, h0, T)


def early_windows(model, ids, document, h0, T):
    begins, grid, inside = places(document, T)
    return read({max(c for c in grid if c <= b) for b in begins}, grid, inside, model, ids, document, h0, T)


def aligned(model, ids, document, h0, T):
    begins, grid, inside = places(document, T)
    return read(begins, grid, inside, model, ids, document, h0, T)


def never_reset(model, ids, document, h0, T):
    _, grid, inside = places(document, T)
    return read({0}, grid, inside, model, ids, document, h0, T)


def one_text(model, ids, document, h0, T):
    _, grid, inside = places(document, T)
    return read({0}, grid, inside | True, model, ids, document, h0, T)


def crossing(model, ids, document, h0, T):
    begins, grid, inside = places(document, T)
    return read(begins, sorted({*grid, *begins}), inside | True, model, ids, document, h0, T)


def increasing(model, ids, document, h0, T):
    _, grid, _ = places(document, T)
    inside = document[1:] <= document[:-1]
    begins = {0, *(np.flatnonzero(~inside) + 1).tolist()}
    return read(begins, sorted({*grid, *begins}), inside, model, ids, document, h0, T)


def mean_of_documents(model, ids, document, h0, T):
    begins, grid, inside = places(document, T)
    means, tokens = [], 0
    for d in np.unique(document[1:][inside]):
        here = inside & (document[1:] == d)
        mean, n = read(begins, sorted({*grid, *begins}), here, model, ids, document, h0, T)
        means, tokens = [*means, mean], tokens + n
    return np.mean(means), tokens


def in_windows(document, T):
    """Cuts at every T tokens of each document."""
    ends = sorted({*places(document, T)[0], len(document)})
    return [*(k for i, j in zip(ends[:-1], ends[1:], strict=True) for k in range(i, j, T)), len(document)]


def mean_of_windows(model, ids, document, h0, T):
    begins, _, inside = places(document, T)
    cuts, means, tokens = in_windows(document, T), [], 0
    for i, j in zip(cuts[:-1], cuts[1:], strict=True):
        here = inside & (np.arange(1, len(ids)) > i) & (np.arange(1, len(ids)) <= j)
        if here.any():
            mean, n = read(begins, cuts, here, model, ids, document, h0, T)
            means, tokens = [*means, mean], tokens + n
    return np.mean(means), tokens


def inside_windows(model, ids, document, h0, T):
    begins, _, inside = places(document, T)
    cuts = in_windows(document, T)
    return read(begins, cuts, inside & ~np.isin(np.arange(1, len(ids)), cuts), model, ids, document, h0, T)


slips(
    document,
    {
        "k + len(y)], h) -> k + len(y)], h0)": "Every window begins with h0: the state is carried on within a document.",
        "model(ids[k : k + len(y)], h) -> model(y, h)": "The model reads the targets, each before it is asked for it: the answer is in the input.",
        "begin, end - 1, T -> begin, end - T, T": "A last window of fewer than T targets is dropped: every token but the first of a document is scored.",
        "begin, end - 1, T -> begin, end - T + 1, T": "A last window of fewer than T tokens is dropped: every token but the first of a document is scored.",
        "begin, end - 1, T -> begin + 1, end - 1, T": "The first token of a document is not read, so the second is not scored: the first is read, and not scored.",
        "log_p[np.arange(len(y)), y].sum() -> log_p[:, y].sum()": "All targets are looked up in every row: each row has one target.",
        "h = h0\n        for k in range(begin, end - 1, T):\n            y = ids[k + 1 : min(k + T + 1, end)]\n            log_p, h = model(ids[k : k + len(y)], h) -> h = h if begin else h0\n        for k in range(begin, end - 1, T):\n            y = ids[k + 1 : min(k + T + 1, end)]\n            log_p, h = model(ids[k : min(k + T, end)], h)": "The state goes on from one document to the next: each begins with h0.",
        "h = h0\n -> h = h0 if begin == 0 else h\n": "The last state of a document is the first of the next: each begins with h0.",
        "return total / tokens, tokens -> return total / len(ids), tokens": "The sum is divided by all tokens: the first of each document is not scored.",
    },
)


mistakes(
    document,
    inside_windows=(
        "The last token of each window predicts nothing: its target is the first token of the next window.",
        inside_windows,
    ),
    reset_at_windows=(
        "The state is reset only where the next window begins: a document can begin anywhere, so cut the windows there.",
        reset_at_windows,
    ),
    early_windows=(
        "The state is reset at the beginning of the window in which a document begins: the end of the document before then forgets what it has read, and the new one remembers it.",
        early_windows,
    ),
    aligned=(
        "The state is reset only for documents that happen to begin with a window: cut the windows where a document begins.",
        aligned,
    ),
    never_reset=(
        "The state is never reset: each document is read with what the one before has left in it.",
        never_reset,
    ),
    one_text=(
        "The documents are read as one text: at each beginning the state is h0 again, and the first token is not scored.",
        one_text,
    ),
    crossing=(
        "The first token of each document is predicted from the end of the one before: it is not scored.",
        crossing,
    ),
    increasing=(
        "A document is taken to begin where its number is larger than the one before: the numbers are in no order.",
        increasing,
    ),
    mean_of_documents=(
        "The loss is a mean of the documents' means, in which a token of a short document weighs more: all scored tokens count alike.",
        mean_of_documents,
    ),
    mean_of_windows=(
        "The loss is a mean of the windows' means, in which a token of a short window weighs more: all scored tokens count alike.",
        mean_of_windows,
    ),
)

# 4. kneser_ney

slips(
    kneser,
    {
        "N = seen.sum(axis=0) -> N = pairs.sum(axis=0)": "The lower order counts how often a token occurs: count the different tokens before it, which is what the method is about.",
        "N = seen.sum(axis=0) -> N = seen.sum(axis=1)": "Different tokens after each token are counted: those before it are asked for.",
        "(pairs == 1).sum(), (pairs == 2).sum() -> (pairs == 1).sum(), 2 * (pairs == 2).sum()": "The discount is taken from occurrences: n_1 and n_2 are numbers of different pairs.",
        "once / (once + 2 * twice) -> once / (once + twice)": "The pairs that occur twice enter the discount once: the formula has a factor.",
        "freed = D * (N > 0).sum() -> freed = D * len(N)": "In the lower order, tokens with nothing before them are taken to give up a discount as well: they have nothing to give, but get a share of what the others give up.",
        "freed / len(N)) -> freed)": "What the lower order has given up is added to every token in full: it is shared among all of them.",
        "np.maximum(N - D, 0) + freed / len(N) -> N": "The lower order is not discounted: tokens with nothing before them keep the probability 0.",
        "/ N.sum() -> / pairs.sum()": "The lower order is divided by all occurrences: the sum of N is the number of different pairs.",
        "D = once / (once + 2 * twice) -> N = (pairs > 0).sum(axis=0)\n    D = (N == 1).sum() / max((N == 1).sum() + 2 * (N == 2).sum(), 1)": "The discount comes from the numbers of different tokens before: it comes from the counts of pairs.",
        "np.maximum(pairs - D, 0) -> pairs": "Nothing is taken off the counts of a row, so that it sums to more than 1.",
        "pairs.sum(axis=1, keepdims=True) -> pairs.sum(axis=0)": "The rows are divided by the sums of the columns.",
        "freed = D * (N > 0).sum()\n    q = (np.maximum(N - D, 0) -> n = np.bincount(N, minlength=3)\n    own = n[1] / (n[1] + 2 * n[2]) if n[1] else D\n    freed = own * (N > 0).sum()\n    q = (np.maximum(N - own, 0)": "The lower order has a discount from its own counts: here one D, that of the pairs, serves both orders.",
        "np.maximum(N - D, 0) -> (N - D)": "The discount is taken off counts of 0 in the lower order, which become negative.",
        "np.maximum(pairs - D, 0) -> (pairs - D)": "The discount is taken off pairs that never occurred, which become negative.",
        "D * seen.sum(axis=1, keepdims=True) -> D": "A row gives up one discount: each different pair in it gives up one.",
        "+ freed * q) -> + np.where(seen, 0, freed * q))": "The lower order is used only for pairs that never occurred: the rows then do not sum to 1. Interpolation adds it to every pair.",
        "+ freed * q) -> + freed / len(N))": "What a row has given up is shared evenly: it is spread by the lower order.",
        "np.where(total > 0, p, q) -> p": "After a token that was never followed by anything, the row is 0: it is the lower order.",
        "np.where(total > 0, p, q) -> np.where(total > 0, p, 1 / len(N))": "After a token that was never followed by anything, the row is uniform: it is the lower order.",
    },
)


# 5. recency_cache

slips(
    cache,
    {
        "max(begin, t - N) -> max(0, t - N)": "The cache goes on over the end of a document: each begins with an empty one.",
        "held = ids[max(begin, t - N) : t] -> held = ids[t - N : t][document[t - N : t] == document[t]]": "For the first N tokens t - N is negative, and NumPy counts from the end: begin at 0 at the earliest.",
        "document[t] != document[t - 1] -> document[t] > document[t - 1]": "A document is taken to begin where its number is larger than the one before: the numbers are in no order.",
        "max(begin, t - N) -> max(begin + 1, t - N)": "The first token of a document does not enter the cache.",
        "/ weight.sum() -> / sum(decay**k for k in range(min(N, t)))": "Tokens of the document before still count in the denominator: the cache begins empty.",
        "np.arange(len(held))[::-1] -> np.arange(len(held))": "The oldest token has the weight 1: the youngest weighs most.",
        "/ weight.sum() -> / len(held)": "The weights are divided by the number of tokens, so that the cache's probabilities do not sum to 1: divide by all weights.",
        "/ weight.sum() -> / sum(decay**k for k in range(N))": "The weights are divided by those of a full cache: while it fills, divide by those of the tokens in it.",
        "/ weight.sum() -> ": "The cache's weights are not divided by anything: they are no probabilities.",
        "weight[held == ids[t]].sum() -> weight[held == ids[t]].max(initial=0)": "Only the last time that the token occurred counts: each occurrence in the cache does.",
        "mixed, begin = p.copy(), 0 -> mixed, begin = (1 - share) * p, 0": "While the cache is empty, its share is lost: the model's probability stands alone.",
        "(1 - share) * p[t] + share * c -> p[t] + share * c": "The cache's share is added without being taken from the model: the sum over all tokens is then more than 1.",
        "(1 - share) * p[t] + share * c -> p[t] ** (1 - share) * c**share": "The probabilities are multiplied, not added: a token that the cache lacks then has probability 0.",
        "(1 - share) * p[t] + share * c -> (1 - share) * p[t] + share * c if c else p[t]": "Where the token is not in the cache, the model's probability stands alone: that looks at the token before it is scored, and all probabilities together exceed 1.",
        "begin = t -> begin = t - 1": "The last token of the document before stays in the cache.",
    },
)


def whole_document(ids, document, p, N, decay, share):
    """Shares of the whole document."""
    whole = [(ids[document == d] == v).mean() for v, d in zip(ids, document, strict=True)]
    return (1 - share) * p + share * np.array(whole)


def with_itself(ids, document, p, N, decay, share, more=0):
    mixed = np.empty(len(ids))
    for t, v in enumerate(ids):
        held = ids[max(np.argmax(document == document[t]), t - N + 1 - more) : t + 1]
        weight = decay ** np.arange(len(held))[::-1]
        mixed[t] = (1 - share) * p[t] + share * weight[held == v].sum() / weight.sum()
    return mixed


def one_more(ids, document, p, N, decay, share):
    return with_itself(ids, document, p, N, decay, share, more=1)


mistakes(
    cache,
    with_itself=(
        "The token that is scored is already in the cache, as the last of its N: it holds only what was read before.",
        with_itself,
    ),
    one_more=(
        "The token that is scored is in the cache, beside the N before it: the cache holds only what was read before.",
        one_more,
    ),
    whole_document=(
        "The cache holds the whole document, with what comes later: only what was read before may count.",
        whole_document,
    ),
)

# 6. mixture

slips(
    mixture,
    {
        "joint = weights[:, None] * valid -> joint = weights[:, None] * test": "The weights are fitted to the test part: they are chosen on validation, and test is only scored.",
        "joint = weights[:, None] * valid -> joint = weights[:, None] * np.concatenate([valid, test], axis=1)": "The weights are fitted to both parts: the test part must not choose anything.",
        "weights = (joint / joint.sum(axis=0)).mean(axis=1)\n    return weights, -np.log2(weights @ test) -> old, weights = weights, (joint / joint.sum(axis=0)).mean(axis=1)\n    return weights, -np.log2(old @ test)": "The loss belongs to the weights before the last step.",
        "joint.sum(axis=0) -> joint.sum(axis=1, keepdims=True)": "The responsibilities of a model sum to 1 over the tokens: those of a token must, over the models.",
        "-np.log2(weights @ test).mean() -> -np.log2(weights @ valid).mean()": "The loss is that of the validation part, on which the weights were chosen: test is asked for.",
        "-np.log2(weights @ test).mean() -> -np.log2((weights @ test).mean())": "The logarithm of a mean probability is taken: it is the mean of the tokens' logarithms.",
        "-np.log2(weights @ test).mean() -> -np.log2(weights @ test).sum()": "The losses are summed: bits per token are asked for.",
        "return weights, -np.log2(weights @ test).mean() -> with np.errstate(divide='ignore'):\n        return weights, (weights @ -np.log2(test)).mean()": "The losses are mixed: the mixture is one of probabilities, whose logarithm is taken at the end.",
        "-np.log2(weights @ test).mean() -> 2 ** -np.log2(weights @ test).mean()": "The perplexity is returned: the loss in bits is asked for.",
        "(joint / joint.sum(axis=0)).mean(axis=1) -> joint.mean(axis=1) / joint.mean()  / len(valid)": "The probabilities are averaged over the tokens before they are divided: each token has its own responsibilities.",
        "(joint / joint.sum(axis=0)).mean(axis=1) -> (joint / joint.sum(axis=0)).sum(axis=1)": "The responsibilities are summed over the tokens, so that the weights do not sum to 1: take the mean.",
        "(joint / joint.sum(axis=0)).mean(axis=1) -> (joint == joint.max(axis=0)).mean(axis=1)": "Each token is given to the one model that explains it best: a token's probability is shared among all of them.",
        "(joint / joint.sum(axis=0)).mean(axis=1) -> weights * (joint / joint.sum(axis=0)).mean(axis=1)\n        weights = weights / weights.sum()": "The mean responsibility is multiplied by the old weight, which it already contains: it is the new weight.",
    },
)


def in_place(valid, test, steps):
    """Each weight is renewed before the next one is computed."""
    weights = np.full(len(valid), 1 / len(valid))
    for _ in range(steps):
        for k in range(len(weights)):
            weights[k] = (weights[k] * valid[k] / (weights @ valid)).mean()
    return weights, -np.log2(weights @ test).mean()


mistakes(
    mixture,
    in_place=(
        "A weight is renewed before the others are computed: all responsibilities of a step belong to the same weights.",
        in_place,
    ),
)
