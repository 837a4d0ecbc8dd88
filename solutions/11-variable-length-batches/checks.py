"""Inputs and other right answers for unit 11-variable-length-batches; the known mistakes are in mistakes.py."""

import numpy as np
import torch

from rnncourse.authoring import exercise
from rnncourse.check import properties, toys


def lengths_of(rng, T, B, shortest=1):
    """Lengths (B,) from `shortest` to T, most of them smaller than T, not all the same."""
    lengths = rng.integers(shortest, T + 1, size=B)
    lengths[rng.integers(B)] = min(T, shortest + 1)
    return lengths


def junk(rng, x, lengths, more=0):
    """x (T, B, ...) with `more` steps, and nonsense in all its padding."""
    longer = np.concatenate([x, np.zeros((more, *x.shape[1:]), x.dtype)])
    padding = np.arange(len(longer))[:, None] >= lengths
    longer[padding] = 9 * rng.normal(size=longer.shape)[padding]
    return longer


# 1. scored_steps

scored = exercise("scored_steps", points=2, returns="mask", adapter="tensors")


@scored.inputs(T=(7, 5, 6, 9), B=(4, 3, 1, 6), warmup=(2, 1, 3, 4))
def draw_scored(rng, T, B, warmup):
    lengths = rng.integers(0, T - 1, size=B)
    lengths[0] = T - 2
    return {"lengths": lengths, "T": T, "warmup": warmup}


@scored.inputs(T=(6, 1), B=(5, 2), says="some sequences are empty, shorter than the warm-up or as long as the array")
def draw_scored_edges(rng, T, B):
    return {"lengths": np.arange(B) * T // (B - 1), "T": T, "warmup": T // 3}


@scored.answer
def by_a_loop(lengths, T, warmup):
    mask = torch.zeros(T, len(lengths), dtype=torch.bool)
    for b, n in enumerate(lengths.tolist()):
        mask[warmup:n, b] = True
    return mask


@scored.answer
def by_counting_down(lengths, T, warmup):
    left = lengths.expand(T, -1) - torch.ones(T, len(lengths), dtype=torch.long).cumsum(0)
    return torch.logical_not(torch.logical_or(left < 0, lengths - 1 - left < warmup))


# 2. last_states

last = exercise("last_states", points=3, returns="states", adapter="tensors", gradients=("output",))


@last.inputs(shortest=(1, 1, 1, 1))
def draw_last(rng, T, B, H, shortest):
    lengths = lengths_of(rng, T, B, shortest)
    return {"output": junk(rng, rng.normal(size=(T, B, 2 * H)), lengths), "lengths": lengths}


@last.inputs(T=(4, 6), B=(3, 5), says="one sequence is empty, and one as long as the array")
def draw_last_empty(rng, T, B, H):
    inputs = draw_last(rng, T, B, H, 1)
    inputs["lengths"][:2] = 0, T
    return inputs


@last.inputs(T=(5, 3), B=(4, 2), says="the padding is NaN, and one sequence is empty")
def draw_last_broken(rng, T, B, H):
    inputs = draw_last_empty(rng, T, B, H)
    inputs["output"][np.arange(T)[:, None] >= inputs["lengths"]] = np.nan
    return inputs


@last.answer
def one_by_one(output, lengths):
    H = output.shape[2] // 2
    nothing = output.new_zeros(2 * H)
    rows = [
        torch.cat([output[n - 1, b, :H], output[0, b, H:]]) if n else nothing for b, n in enumerate(lengths.tolist())
    ]
    return torch.stack(rows)


@last.answer
def by_gather(output, lengths):
    forward, backward = output.unflatten(2, (2, -1)).unbind(2)
    index = (lengths - 1).clamp(min=0)[None, :, None].expand(1, -1, forward.shape[2])
    both = torch.stack([forward.gather(0, index)[0], backward[0]], dim=1).flatten(1)
    return torch.where(lengths[:, None] > 0, both, 0.0)


# 3. token_loss

loss = exercise(
    "token_loss",
    points=3,
    returns=("loss", "perplexity"),
    adapter="tensors",
    gradients=("logits",),
    forbidden=tuple(
        f"torch.nn.{n}" for n in ("functional.cross_entropy", "functional.nll_loss", "CrossEntropyLoss", "NLLLoss")
    ),
)


@loss.inputs
def draw_loss(rng, T, B, V):
    lengths = lengths_of(rng, T, B)
    logits = junk(rng, 1.5 * rng.normal(size=(T, B, V)), lengths)
    return {"logits": logits, "targets": rng.integers(V, size=(T, B)), "lengths": lengths}


@loss.inputs(T=(5, 4), B=(3, 4), says="the logits of the padding are NaN or infinite, and its targets -100")
def draw_loss_broken(rng, T, B, V):
    inputs = draw_loss(rng, T, B, V)
    padding = np.arange(T)[:, None] >= inputs["lengths"]
    inputs["logits"][padding] = np.where(np.arange(padding.sum())[:, None] % 2, np.nan, np.inf)
    inputs["targets"][padding] = -100
    return inputs


@loss.inputs(T=(3,), B=(2,), V=(4,), says="the logits are as large as a thousand")
def draw_loss_large(rng, T, B, V):
    inputs = draw_loss(rng, T, B, V)
    return inputs | {"logits": inputs["logits"] + 1000.0 * rng.integers(-1, 2, size=(T, B, 1))}


@loss.inputs(T=(6,), B=(4,), V=(5,), says="of one real token the logit is 800 below the largest")
def draw_loss_far(rng, T, B, V):
    lengths, targets = np.array([T, T, T - 1, T]), rng.integers(V, size=(T, B))
    logits = junk(rng, 1.5 * rng.normal(size=(T, B, V)), lengths)
    logits[0, 1, targets[0, 1]] -= 800
    return {"logits": logits, "targets": targets, "lengths": lengths}


@loss.property(
    properties.padding_moves, "what stands in the padding, and how much there is of it, changes nothing", T=(4, 6)
)
def draw_loss_moves(rng, T, B, V):
    given = draw_loss(rng, T, B, V)
    logits, lengths = given["logits"], given["lengths"]
    targets = np.concatenate([given["targets"], np.full((3, B), V)])
    return {"short": [*given.values()], "long": [junk(rng, logits, lengths, 3), targets, lengths], "values": 2}


@loss.answer
def with_where(logits, targets, lengths):
    real = torch.arange(len(logits))[:, None] < lengths
    z = torch.where(real[..., None], logits, 0.0)
    right = z.gather(2, torch.where(real, targets, 0)[..., None])[..., 0]
    nats = (torch.where(real, torch.logsumexp(z, 2) - right, 0.0)).sum() / lengths.sum()
    return nats, torch.exp(nats)


@loss.answer
def sequence_by_sequence(logits, targets, lengths):
    total = logits.new_zeros(())
    for b, n in enumerate(lengths.tolist()):
        for t in range(n):
            total = total - torch.log_softmax(logits[t, b], 0)[targets[t, b]]
    return total / lengths.sum(), torch.e ** (total / lengths.sum())


# 4. pack

packing = exercise(
    "pack",
    points=3,
    returns=("data", "batch_sizes", "order"),
    adapter="tensors",
    gradients=("x",),
    forbidden=("torch.nn.utils.rnn",),
)


@packing.inputs(T=(6, 4, 5, 8), B=(4, 3, 1, 6))
def draw_pack(rng, T, B, I):
    lengths = rng.integers(1, T + 1, size=B)
    lengths[-1] = lengths.max()  # a tie, of the longest
    return {"x": junk(rng, rng.normal(size=(T, B, I)), lengths), "lengths": lengths}


@packing.inputs(
    T=(5, 7, 6),
    B=(5, 7, 20),
    says="lengths tie, which leaves sequences in the order in which they came, and T is larger than the longest length",
)
def draw_pack_ties(rng, T, B, I):
    lengths = np.resize([2, 3, 1], B)
    return {"x": junk(rng, rng.normal(size=(T, B, I)), lengths), "lengths": lengths}


@packing.answer
def with_a_mask(x, lengths):
    order = torch.tensor(sorted(range(len(lengths)), key=lambda b: -lengths[b].item()))
    real = torch.arange(lengths.max())[:, None] < lengths[order]
    return x[: len(real), order][real], real.sum(1), order


@packing.answer
def with_lists(x, lengths):
    n = lengths.tolist()
    order = sorted(range(len(n)), key=n.__getitem__, reverse=True)  # reverse keeps the order of equals
    rows = [x[t, b] for t in range(max(n)) for b in order if t < n[b]]
    sizes = [sum(t < k for k in n) for t in range(max(n))]
    return torch.stack(rows), torch.tensor(sizes), torch.tensor(order)


# 5. token_batches

batches = exercise("token_batches", points=3, returns="batches", forbidden=("torch.utils.data",))


BATCHED = "sequences: the numbers of all batches in a row; batch: the batch in which each stands"


@batches.property(properties.laid_out, BATCHED, N=(14, 20, 7, 30), pool=(6, 8, 7, 14), budget=(12, 20, 9, 40))
def draw_batches(rng, N, pool, budget):
    lengths = 1 + rng.integers(0, budget // 2, size=N)
    return {"lengths": lengths, "order": rng.permutation(N), "pool": pool, "budget": budget}


@batches.property(
    properties.laid_out,
    f"lengths tie, fill the budget exactly, or are longer than it ({BATCHED})",
    N=(13, 14),
    pool=(2, 4),
)
def draw_batches_edges(rng, N, pool):
    order = rng.permutation(N)
    lengths = rng.choice([2, 3, 4, 15], size=N, p=[0.4, 0.2, 0.2, 0.2])
    lengths[order[:pool]] = 15
    lengths[order[pool : 2 * pool]] = 4
    lengths[order[2 * pool : 3 * pool]] = np.resize([15, 2], pool)
    return {"lengths": lengths, "order": order, "pool": pool, "budget": 8}


@batches.property(
    properties.laid_out, f"many lengths are equal: they stay in the given order ({BATCHED})", N=(45,), pool=(20,)
)
def draw_batches_ties(rng, N, pool):
    return {"lengths": rng.integers(1, 4, size=N), "order": rng.permutation(N), "pool": pool, "budget": 12}


@batches.property(properties.laid_out, f"the pool is larger than the data ({BATCHED})", N=(9,), pool=(50,))
def draw_batches_small(rng, N, pool):
    return {"lengths": rng.integers(1, 9, size=N), "order": rng.permutation(N), "pool": pool, "budget": 20}


@batches.answer
def by_argsort(lengths, order, pool, budget):
    made = []
    for some in np.split(order, range(pool, len(order), pool)):
        some = some[np.argsort(lengths[some], kind="stable")]
        while len(some):
            cells = lengths[some] * (1 + np.arange(len(some)))
            fits = int(np.argmin(cells <= budget)) if (cells > budget).any() else len(some)
            made.append([int(k) for k in some[: max(fits, 1)]])
            some = some[max(fits, 1) :]
    return made


@batches.answer
def by_places(lengths, order, pool, budget):
    """Sort by (pool, length, place) at once, then cut."""
    keys = sorted((place // pool, int(lengths[k]), place, int(k)) for place, k in enumerate(order))
    made, held = [[]], None
    for number, length, _, k in keys:
        if made[-1] and (number != held or length * (len(made[-1]) + 1) > budget):
            made.append([])
        made[-1].append(k)
        held = number
    return made


# 6. film_vector

film = exercise("film_vector", points=4, returns="vectors", adapter="tensors", gradients=("x",), calls=("frame",))


@film.inputs(T=(5, 1, 6, 3), B=(3, 2, 1, 4), C=(2, 1, 3, 2), H=(4, 3, 2, 5), W=(3, 2, 4, 4))
def draw_film(rng, T, B, C, H, W):
    lengths = lengths_of(rng, T, B)
    x = junk(rng, rng.normal(size=(T, B, C, H, W)), lengths)
    return {"frame": toys.batch_contrast, "x": x, "lengths": lengths}


@film.property(
    properties.padding_moves,
    "what stands in the padding, and how much there is of it, changes nothing",
    T=(4, 5),
    B=(3, 2),
    C=(2, 1),
)
def draw_film_moves(rng, T, B, C):
    given = draw_film(rng, T, B, C, 3, 2)
    longer = junk(rng, given["x"], given["lengths"], 2)
    return {"short": [*given.values()], "long": [given["frame"], longer, given["lengths"]], "values": 1}


@film.answer
def film_by_film(frame, x, lengths):
    n = lengths.tolist()
    described = frame(torch.cat([x[:k, b] for b, k in enumerate(n)])).split(n)
    return torch.stack([some.mean(0) for some in described])


@film.answer
def with_a_matrix(frame, x, lengths):
    t, b = torch.nonzero(torch.arange(len(x))[:, None] < lengths, as_tuple=True)
    share = torch.nn.functional.one_hot(b, len(lengths)).to(x) / lengths
    return share.T @ frame(x[t, b])
