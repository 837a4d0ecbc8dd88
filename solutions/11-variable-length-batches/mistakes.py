"""Known mistakes of unit 11-variable-length-batches."""

import torch
from checks import batches, film, last, loss, packing, scored

from rnncourse.authoring import mistakes, slips

# 1. scored_steps

slips(
    scored,
    {
        "(t >= warmup)": {
            "(t > warmup)": "The warm-up is one step too long: with steps counted from 0, step number `warmup` is the first that counts.",
            "(t < warmup)": "The warm-up is what is scored: its steps are the ones to leave out.",
        },
        "(t < lengths)": {
            "(t <= lengths)": "One step of padding is scored: steps are counted from 0, so the last real one is length - 1.",
            "(t < lengths - 1)": "The last real step is not scored: it is real like any other.",
            "(t < lengths + warmup)": "The warm-up is put on top of the length: it is the first part of the sequence itself.",
            "(t < lengths - warmup)": "The warm-up is taken off at both ends: only the first steps are warm-up.",
            "(t < 0 * lengths + lengths.max())": "The longest length counts for all sequences: each has its own.",
            "(t < 0 * lengths + lengths.min())": "The shortest length counts for all sequences: each has its own.",
            "(t < lengths.max())": "Every sequence counts as long as the longest: each has its own length.",
        },
        ") & (": {
            ") | (": "Either condition is enough: a step counts if it is real and also past the warm-up.",
        },
        "(t >= warmup) & (t < lengths)": {
            "(t + 1 >= warmup) & (t + 1 < lengths)": "Both limits are one step early: steps are counted from 0.",
            "(t > warmup) & (t <= lengths)": "Both limits are one step late: steps are counted from 0.",
            "(t < lengths) & ((t >= warmup) | (lengths <= warmup))": "Sequences that are not longer than the warm-up are scored from their first step: they are not scored at all.",
            "t < lengths": "The warm-up is scored as well: its steps are to be left out.",
            "(t >= warmup) & (t >= lengths)": "The mask is True in the padding: it is to be True for steps that count.",
            "(t >= warmup) & (t >= T - lengths)": "The sequences are taken to be padded at the front: here they begin at step 0.",
        },
        "return (t >= warmup) & (t < lengths)": {
            "return (t < lengths) & (lengths > warmup)": "Only whole sequences are left out: of the long ones the first steps are warm-up, too.",
            "return (t >= torch.clamp(lengths - warmup, min=0)) & (t < lengths)": "The last steps are scored, as many as the warm-up has: what counts is all after the warm-up.",
        },
    },
)

# 2. last_states

slips(
    last,
    {
        "output[lengths - 1, rows, :H]": {
            "output[-1, rows, :H]": "The reader from the left is read at the end of the array: for a shorter sequence that is padding.",
            "output[lengths.clamp(max=len(output) - 1), rows, :H]": "The reader from the left is read one step late, in the padding: steps are counted from 0.",
            "output[(lengths - 2).clamp(min=0), rows, :H]": "The reader from the left is read one step early.",
            "output[lengths.max() - 1, rows, :H]": "All sequences are read at the last step of the longest: each has its own end.",
            "output[0, rows, :H]": "The reader from the left is read at the first step, where it has seen a single input.",
            "output[lengths - 1, rows, H:]": "The first half comes from the reader from the right: the first H entries are those from the left.",
        },
        "output[0, :, H:]": {
            "output[lengths - 1, rows, H:]": "The second half stands at the last real step too, where the reader from the right has seen a single input: it ends at step 0.",
            "output[(len(output) - lengths).clamp(max=len(output) - 1), rows, H:]": "The reader from the right is looked for as if the padding stood in front: it ends at step 0.",
            "output[-1, :, H:]": "The reader from the right is read at the end of the array, where it begins: it ends at step 0.",
            "output[0, :, :H]": "The second half comes from the reader from the left.",
        },
        "[forward, backward], dim=1": {
            "[backward, forward], dim=1": "The two halves are exchanged: from the left comes first.",
        },
        "forward = output[lengths - 1, rows, :H]\n    backward = output[0, :, H:]": {
            "forward = output[lengths - 1, rows, 0::2]\n    backward = output[0, :, 1::2]": "The directions are taken to alternate: the first H entries are those from the left.",
        },
        "return both.masked_fill((lengths == 0)[:, None], 0.0)": {
            "return both * (lengths > 0)[:, None]": "NaN times zero is NaN, and the padding may be NaN: choose, do not multiply.",
            "return output.masked_fill((torch.arange(len(output))[:, None] >= lengths)[..., None], 0.0).sum(0) / lengths.clamp(min=1)[:, None]": "That is the mean over the real steps: asked for are the states at the two ends.",
            "return both": "An empty sequence gets a state: index -1 is the end of the array, and what stands there belongs to nobody.",
            "return torch.cat([forward.masked_fill((lengths == 0)[:, None], 0.0), backward], dim=1)": "Of an empty sequence the half from the right is not zero.",
            "return both.detach().masked_fill((lengths == 0)[:, None], 0.0)": "The states are cut off from the graph: the layer that made them cannot learn.",
        },
    },
)
# 3. token_loss


def multiplied(logits, targets, lengths):
    """The mask as a factor."""
    real = (torch.arange(len(logits))[:, None] < lengths).to(logits)
    log_p = torch.log_softmax(logits, dim=-1)
    nats = -(log_p.gather(2, (targets * real.long())[..., None])[..., 0] * real).sum() / real.sum()
    return nats, nats.exp()


def shifted(logits, targets, lengths):
    log_p = torch.log_softmax(logits[:-1], dim=-1).gather(2, targets[1:, :, None].clamp(0, logits.shape[2] - 1))
    nats = -log_p[..., 0][torch.arange(1, len(logits))[:, None] < lengths].mean()
    return nats, nats.exp()


def by_sequence(logits, targets, lengths):
    means = []
    for b, n in enumerate(lengths.tolist()):
        log_p = torch.log_softmax(logits[:n, b], dim=-1)
        means.append(-log_p.gather(1, targets[:n, b, None]).mean())
    return torch.stack(means)


def mean_of_means(logits, targets, lengths):
    nats = by_sequence(logits, targets, lengths).mean()
    return nats, nats.exp()


def mean_perplexity(logits, targets, lengths):
    means = by_sequence(logits, targets, lengths)
    return (means * lengths).sum() / lengths.sum(), means.exp().mean()


slips(
    loss,
    {
        "-log_p.gather": {
            "log_p.gather": "The sign is missing: the loss is minus the logarithm of the probability.",
        },
        "torch.log_softmax(logits[real], dim=-1)": {
            "torch.log_softmax(logits, dim=-1)[real]": "The padding goes through the softmax and is left out afterwards: backward then multiplies 0 by NaN.",
            "torch.log(torch.softmax(logits[real], dim=-1))": "A probability that is too small for a number is 0, and its logarithm infinite: softmax and logarithm belong together.",
            "torch.softmax(logits[real], dim=-1)": "The logarithm is missing: the loss is -ln of the probability.",
            "torch.log_softmax(logits[real], dim=0)": "The softmax runs over the tokens of the batch: it belongs over the vocabulary, the last axis.",
            "logits[real]": "The softmax is missing: logits are no probabilities before it.",
        },
        "< lengths  #": {
            "< 0 * lengths + len(logits)  #": "The lengths are not used: the padding counts like any token.",
            "<= lengths  #": "One step of padding is taken for real: steps are counted from 0.",
            "< lengths - 1  #": "The last real step of every sequence is left out.",
        },
        "loss.exp()": {
            "2**loss": "The perplexity has another base than the loss: nats go with e.",
            "loss": "The loss is given back twice: perplexity is its exponential.",
            "(-log_p.gather(1, targets[real][:, None])).exp().mean()": "The perplexity is a mean of exponentials: it is the exponential of the mean.",
            "(loss * len(log_p)).exp()": "The perplexity is the exponential of the sum of the losses: it is that of their mean.",
            "loss.detach().exp()": "The perplexity is cut off from the graph.",
        },
        "return loss,": {
            "return loss / torch.log(torch.tensor(2.0)),": "The loss is in bits: asked for are nats.",
        },
        ").mean()": {
            ").sum() / real.numel()": "The sum is divided by all cells of the batch: the padding then counts as predicted without an error.",
            ").sum() / len(lengths)": "The sum is divided by the number of sequences: asked for is the mean over tokens.",
            ").sum()": "The sum is not divided by the number of real tokens.",
        },
    },
)
mistakes(
    loss,
    multiplied=(
        "The mask is used as a factor: 0 times NaN is NaN, so choose the real tokens before the logarithm.",
        multiplied,
    ),
    shifted=(
        "The targets have been moved by one step: targets[t, b] already belongs to logits[t, b].",
        shifted,
    ),
    mean_of_means=(
        "The mean is taken over each sequence first: then a token of a short sequence counts more than one of a long one.",
        mean_of_means,
    ),
    mean_perplexity=(
        "The perplexities of the sequences are averaged: perplexity is the exponential of the mean over all tokens.",
        mean_perplexity,
    ),
)

# 4. pack


def unsorted(x, lengths):
    order = torch.arange(len(lengths))
    real = torch.arange(int(lengths.max()))[:, None] < lengths
    return x[: len(real)][real], real.sum(dim=1), order


slips(
    packing,
    {
        "descending=True, stable=True": {
            "stable=True": "The shortest sequence comes first: at later steps the running ones are then not the first rows.",
        },
        "torch.argsort(lengths, descending=True, stable=True)": {
            "torch.argsort(lengths, stable=True).flip(0)": "Sequences of the same length are turned round: turning an ascending sort reverses ties.",
        },
        "x[t, order[:n]]": {
            "x[t, t < lengths]": "order is right, but the rows of a step stand in the order of the batch as it came.",
            "x[t, :n]": "The first rows of the batch as it came are cut out: take them in the sorted order.",
        },
        "[x[t, order[:n]] for t, n in enumerate(batch_sizes.tolist())]": {
            "[x[: lengths[b], b] for b in order]": "The data hold one sequence after the other: they are laid out step by step, all sequences of a step together.",
        },
        "int(lengths.max())": {
            "len(x)": "batch_sizes goes on with zeros to the end of the array: it has as many entries as the longest sequence has steps.",
        },
        "(steps < lengths)": {
            "(steps <= lengths)": "One step of padding of every shorter sequence is packed: steps are counted from 0.",
            "(steps >= lengths)": "The sequences that have ended are counted: batch_sizes counts those that still run.",
        },
        "return torch.cat(rows), batch_sizes, order": {
            "return torch.cat(rows), lengths[order], order": "The second value is the sorted lengths: batch_sizes counts sequences per step.",
            "return torch.cat(rows), batch_sizes, lengths[order]": "The third value is the sorted lengths: order holds places in the batch.",
            "return torch.cat(rows), batch_sizes, torch.argsort(order)": "order is the inverse permutation: it should say where sequence k of the new order came from.",
            "return torch.cat(rows), batch_sizes.cumsum(0), order": "batch_sizes is summed up over the steps.",
            "return torch.cat(rows).detach(), batch_sizes, order": "The data are cut off from the graph: no gradient reaches what made x.",
        },
    },
)
mistakes(
    packing,
    unsorted=(
        "The sequences are not sorted: a packed layer takes the first batch_sizes[t] rows of its state, so the longest must come first.",
        unsorted,
    ),
)

# 5. token_batches


LOOP = """            if batch and lengths[k] * (len(batch) + 1) > budget:
                batches.append(batch)
                batch = []
            batch.append(k)
        batches.append(batch)
    return batches"""


def loop(*edits):
    """The end of the solution with several edits, and without empty batches."""
    text = LOOP.replace("return batches", "return [batch for batch in batches if batch]")
    for old, new in edits:
        text = text.replace(old, new)
    return text


def alone(what):
    """The end of the solution with another treatment of sequences that are longer than the budget."""
    return loop(
        (
            "if batch and",
            f"if lengths[k] > budget:\n                {what}\n                continue\n            if batch and",
        )
    )


def filled(lengths, order, pool, budget, across=False, sign=1):
    """The sampler without an end of pools, or with the longest sequences first."""
    made, batch = [], []
    for start in range(0, len(order), pool):
        for k in sorted(order[start : start + pool].tolist(), key=lambda k: sign * lengths[k]):
            longest = lengths[k] if sign > 0 else lengths[[*batch, k]].max()
            if batch and longest * (len(batch) + 1) > budget:
                made.append(batch)
                batch = []
            batch.append(k)
        if not across:
            made.append(batch)
            batch = []
    return made + [batch] * bool(batch)


slips(
    batches,
    {
        "> budget": {
            ">= budget": "A batch that fills the budget exactly is cut: it is allowed, since it does not exceed it.",
        },
        "lengths[k] * (len(batch) + 1)": {
            "lengths[k] * len(batch)": "The sequence that is about to join is not counted, so the batch can exceed the budget by one sequence.",
            "(lengths[k] + sum(lengths[i] for i in batch))": "Real tokens are counted, without the padding: the cells are the longest length times the number of sequences.",
            "(len(batch) + 1)": "The budget is taken as a number of sequences: it is the number of cells, longest length times sequences.",
            "lengths[(batch or [k])[0]] * (len(batch) + 1)": "The cells are counted with the shortest length of the batch: padding goes up to the longest.",
            "lengths[(batch or [k])[-1]] * (len(batch) + 1)": "The cells are counted with the longest length so far: the sequence that joins is longer.",
        },
        "key=lambda k: lengths[k]": {
            "key=lambda k: 0": "The pool is not sorted by length: then little padding is saved.",
            "key=lambda k: (lengths[k], k)": "Equal lengths are sorted by their numbers: they stay in the given order.",
        },
        "batches = []": {
            "batches, pool = [], len(order)": "All sequences are sorted at once: only those of one pool are, or the batches are no longer random.",
            "batches, order = [], np.arange(len(order))": "The given order is not used: take the sequences in the order of the permutation, `pool` at a time.",
        },
        "range(0, len(order), pool)": {
            "range(0, max(len(order) - pool, 0) + 1, pool)": "The last, smaller pool is lost.",
        },
        "if batch and lengths": {
            "if lengths": "There is a batch without a sequence, made where one is longer than the budget.",
        },
        "return batches": {
            "return [[order.tolist().index(k) for k in batch] for batch in batches]": "The batches hold places in the given order: they are to hold the numbers of the sequences.",
            "return [[order.tolist().index(k) % pool for k in batch] for batch in batches]": "The batches hold places within the pool: they are to hold the numbers of the sequences.",
            "return [[int(lengths[k]) for k in batch] for batch in batches]": "The batches hold lengths: they are to hold the numbers of the sequences.",
            "return [batch for batch in batches if lengths[batch[0]] <= budget]": "Sequences longer than the budget are lost: each gets a batch of its own.",
        },
        LOOP: {
            loop(
                ("            batch.append(k)\n", ""),
                ("            if batch and", "            batch.append(k)\n            if"),
                ("(len(batch) + 1)", "len(batch)"),
            ): "The sequence that exceeds the budget is still put into the batch: it begins the next one.",
            alone(
                "batches.append([k])"
            ): "A sequence longer than the budget gets its batch before the open one is closed: it comes after it in the pool.",
            alone(
                "batches.insert(0, [k])"
            ): "Sequences longer than the budget are put in front of all others: their batches stand where they are made.",
        },
    },
)
mistakes(
    batches,
    longest_first=(
        "The longest come first: each pool is sorted with the shortest first.",
        lambda *given: filled(*given, sign=-1),
    ),
    unsorted_pool=(
        "The pool is left in the given order: it is to be sorted by length, or little padding is saved.",
        lambda *given: filled(*given, sign=0),
    ),
    across=(
        "A batch reaches into the next pool: the end of a pool ends its last batch.",
        lambda *given: filled(*given, across=True),
    ),
)

# 6. film_vector


def one_by_one(frame, x, lengths):
    return torch.stack([frame(x[:n, b]).mean(dim=0) for b, n in enumerate(lengths.tolist())])


def mean_first(frame, x, lengths):
    padding = (torch.arange(len(x))[:, None] >= lengths)[..., None, None, None]
    return frame(x.masked_fill(padding, 0.0).sum(dim=0) / lengths[:, None, None, None])


slips(
    film,
    {
        "< lengths  #": {
            "<= lengths  #": "One frame of padding of every shorter film is described: steps are counted from 0.",
            "< lengths - 1  #": "The last real frame of every film is left out.",
            ">= lengths  #": "The padding is described: the mask is turned round.",
        },
        "frame(x[real])": {
            "frame(x.flatten(0, 1))[real.flatten()]": "The padding is described, too: the function normalises over all pictures it gets, so it changes the real ones.",
            "frame(x.masked_fill(~real[..., None, None, None], 0.0).flatten(0, 1))[real.flatten()]": "The padding is set to zero and then described: black pictures also take part in the normalisation.",
            "torch.cat([frame(x[t, real[t]]) for t in range(int(lengths.max()))])": "The function is called once per step: it then normalises over one step instead of the whole batch.",
            "torch.cat([frame(picture[None]) for picture in x[real]])": "The function is called once per picture: then there is nothing to normalise over.",
        },
        "described = frame(x[real])  #": {
            "frame(x[:1, 0])\n    described = frame(x[real])  #": "frame is called a second time: once, with the real frames, is enough.",
        },
        "features.sum(dim=0) / lengths[:, None]": {
            "features.sum(dim=0) / lengths.max()": "The sum is divided by the longest length: each film has its own.",
            "features.mean(dim=0)": "The sum is divided by the length of the array: a short film then has a vector that is too small.",
            "features.sum(dim=0)": "The sum is not divided: asked for is the mean over the real frames of each film.",
            "features.sum(dim=0) / len(described)": "The sum is divided by the frames of all films: each film has its own number.",
            "features.amax(dim=0)": "That is the largest value over the frames: asked for is their mean.",
            "torch.stack([film.mean(dim=0) for film in described.split(lengths.tolist())])": "The descriptions go to the wrong films: the mask takes the pictures step by step, not film by film.",
            "features[lengths - 1, torch.arange(B)]": "That is the last real frame alone: asked for is the mean over all real frames.",
        },
        "features[real] = described": {
            "features[real] = described.detach()": "The descriptions are cut off from the graph: no gradient reaches the films.",
        },
    },
)
mistakes(
    film,
    one_by_one=(
        "The function is called once per film: it then normalises over one film instead of the batch.",
        one_by_one,
    ),
    mean_first=(
        "The mean picture is described: describe every frame, and take the mean of the descriptions.",
        mean_first,
    ),
)
