"""Inputs and other right answers for unit 13-training-well; the known mistakes are in mistakes.py."""

import numpy as np
import torch

from rnncourse.authoring import exercise

OURS = ("rnncourse.training", "torch.optim.lr_scheduler")

# 1. rates

rates = exercise("rates", points=2, returns="rates")


@rates.inputs(steps=(14, 20, 13, 30, 16, 12), warmup=(3, 4, 0, 7, 2, 5), cooldown=(4, 6, 5, 0, 1, 7))
def draw_rates(rng, steps, warmup, cooldown):
    peak = rng.uniform(0.1, 2.0)
    return {
        "steps": steps,
        "warmup": warmup,
        "cooldown": cooldown,
        "peak": peak,
        "floor": peak * rng.uniform(0.05, 0.3),
    }


@rates.answer
def step_by_step(steps, warmup, cooldown, peak, floor):
    found = []
    for t in range(steps):
        left = steps - 1 - t
        if t < warmup:
            found.append(peak * (t + 1) / (warmup + 1))
        elif left >= cooldown:
            found.append(peak)
        else:
            found.append(peak - (peak - floor) * ((cooldown - left) / cooldown) ** 0.5)
    return np.array(found)


@rates.answer
def in_three_pieces(steps, warmup, cooldown, peak, floor):
    up = np.linspace(0, peak, warmup + 2)[1:-1]
    share = np.sqrt(np.linspace(0, 1, cooldown + 1)[1:])
    return np.r_[up, np.full(steps - warmup - cooldown, peak), (1 - share) * peak + share * floor]


# 2. accumulated_gradient

accumulated = exercise(
    "accumulated_gradient",
    points=3,
    returns=("gradient", "norm"),
    adapter="tensors",
    requires_grad=("W",),
    forbidden=OURS,
)


@accumulated.inputs(V=(5, 4, 6, 3), H=(3, 2, 4, 5), K=(3, 2, 4, 1), long=(1, 1, 0, 1))
def draw_accumulated(rng, V, H, K, long):
    parts = []
    for k in range(K):
        N = int(rng.integers(2, 5)) + 3 * (k % 2)
        y = rng.integers(V, size=N)
        y[rng.permutation(N)[: 1 + k % 2]] = -1
        parts.append((1.5 * rng.normal(size=(N, H)), y))
    return {"W": rng.normal(size=(V, H)), "parts": parts, "clip": rng.uniform(0.02, 0.06) if long else 5.0}


@accumulated.inputs(V=(4, 5), H=(3, 2), says="one part is all padding")
def draw_accumulated_empty(rng, V, H):
    given = draw_accumulated(rng, V, H, 3, 1)
    given["parts"][1][1][:] = -1
    return given


@accumulated.answer
def all_at_once(W, parts, clip):
    h, y = (torch.cat(some) for some in zip(*parts, strict=True))
    W.grad = None
    log_p = torch.log_softmax(h[y >= 0] @ W.T, dim=1)
    (-log_p.gather(1, y[y >= 0][:, None]).mean()).backward()
    norm = W.grad.norm().clone()
    torch.nn.utils.clip_grad_norm_([W], clip)
    return W.grad, norm


@accumulated.answer
def without_autograd(W, parts, clip):
    total, tokens = torch.zeros_like(W), 0
    for h, y in parts:
        real = y >= 0
        p = torch.softmax(h[real] @ W.T, dim=1)
        total = total + (p - torch.nn.functional.one_hot(y[real], len(W))).T @ h[real]
        tokens += real.sum()
    gradient = (total / tokens).detach()
    norm = gradient.square().sum().sqrt()
    return gradient * torch.clamp(clip / norm, max=1.0), norm


# 3. go_on

going = exercise("go_on", points=3, returns="saved", adapter="tensors", forbidden=(*OURS, "torch.optim"))


@going.inputs(N=(4, 5, 3, 6), I=(3, 2, 4, 2), t=(6, 8, 4, 13), steps=(5, 1, 7, 4))
def draw_going(rng, N, I, t, steps):
    saved = {name: rng.normal(size=I) for name in ("w", "v", "a")} | {"t": t}
    x, y = 0.7 * rng.normal(size=(N, I)), rng.normal(size=N)
    order = np.roll(np.arange(N), 1)[rng.permutation(N)]
    rates = {"lr": 0.2, "decay": rng.uniform(0.1, 0.3), "beta": rng.uniform(0.5, 0.8)}
    return {"saved": saved, "x": x, "y": y, "order": order, "steps": steps} | rates


@going.inputs(N=(4, 5), I=(3, 2), steps=(9, 6), says="the run begins: everything saved is zero")
def draw_going_fresh(rng, N, I, steps):
    given = draw_going(rng, N, I, 0, steps)
    return given | {"saved": {name: np.zeros(I) for name in ("w", "v", "a")} | {"t": 0}}


@going.answer
def with_autograd(saved, x, y, order, steps, lr, decay, beta):
    w, v, a, t = saved["w"].clone(), saved["v"].clone(), saved["a"] * saved["t"], saved["t"]
    for k in order.repeat(2 + (t + steps) // len(order))[t : t + steps]:
        w.requires_grad_()
        (g,) = torch.autograd.grad((x[k] @ w - y[k]) ** 2 / 2, w)
        v = g + beta * v
        w = w.detach() - v * (lr / (1 + decay * t))
        a, t = a + w, t + 1
    return {"w": w, "v": v, "a": a / t, "t": t}


@going.answer
def by_recursion(saved, x, y, order, steps, lr, decay, beta):
    if not steps:
        return saved
    w, v, a, t = (saved[name] for name in "wvat")
    k = order[t % len(order)]
    v = beta * v + (torch.dot(x[k], w) - y[k]) * x[k]
    w = w - lr * v / (1 + decay * t)
    return by_recursion(
        {"w": w, "v": v, "a": (t * a + w) / (t + 1), "t": t + 1}, x, y, order, steps - 1, lr, decay, beta
    )


# 4. early_stop

stopping = exercise("early_stop", points=2, returns=("best", "stop"))


@stopping.inputs(K=(20, 24, 18, 26, 22, 30), patience=(3, 4, 5, 3, 4, 6))
def draw_stopping(rng, K, patience):
    """Falls in steps around delta, then rises; ties, and falls that are too small to count."""
    falls = rng.choice([0.0, 0.05, 0.1, 0.15, 0.3, -0.1], size=K, p=[0.1, 0.2, 0.1, 0.2, 0.25, 0.15])
    losses = 4.0 - np.cumsum(falls) + 0.01 * rng.integers(3, size=K)
    losses[K // 2] = np.nan
    return {"losses": losses.round(2), "patience": patience, "delta": float(rng.choice([0.0, 0.055, 0.105, 0.155]))}


@stopping.inputs(K=(9, 7, 8), says="a slow fall, in steps that are each too small to count")
def draw_stopping_slow(rng, K):
    losses = 3.0 - 0.06 * np.arange(K) - 0.01 * rng.integers(2, size=K)
    return {"losses": losses.round(3), "patience": 3, "delta": 0.105}


@stopping.inputs(K=(12, 16), says="some losses are lower by exactly delta")
def draw_stopping_exactly(rng, K):
    """Losses and delta are eighths, so no rounding blurs the threshold; the losses are large."""
    losses = 1500.0 - np.cumsum(np.tile([1, 1, 2, 0], 4)[:K] + rng.integers(2, size=K)) / 8
    losses[:5] = 1500.0 - np.array([0, 1, 3, 4, 4]) / 8
    return {"losses": losses, "patience": 2, "delta": 0.125}


@stopping.inputs(K=(6, 8), says="the run ends before patience does, or begins with NaN")
def draw_stopping_ends(rng, K):
    losses = 2.0 + np.r_[np.nan, -0.3, rng.uniform(0, 0.2, size=2), -0.8, rng.uniform(0, 0.2, size=K - 5)]
    return {"losses": losses.round(2), "patience": 3, "delta": 0.055}


@stopping.inputs(K=(7, 9), says="the run begins with several NaN, as many as patience or one less")
def draw_stopping_nan(rng, K):
    losses = np.round(2.0 + rng.uniform(0, 0.5, size=K) - 0.3 * np.arange(K), 2)
    losses[:3] = np.nan
    return {"losses": losses, "patience": 3 + K // 9, "delta": 0.055}


@stopping.inputs(K=(2, 5, 7), says="every loss is NaN")
def draw_stopping_diverged(rng, K):
    return {"losses": np.full(K, np.nan), "patience": int(rng.integers(3, 5)), "delta": 0.055}


@stopping.answer
def with_a_counter(losses, patience, delta):
    best, lowest, waited = -1, float("inf"), 0
    for k, value in enumerate(losses):
        waited += 1
        if np.isfinite(value) and value < lowest - delta:
            best, lowest, waited = k, float(value), 0
        if waited == patience:
            return best, k
    return best, len(losses) - 1


@stopping.answer
def by_records(losses, patience, delta):
    records = []
    for k, value in enumerate(np.nan_to_num(losses, nan=np.inf)):
        since = k - (records[-1] if records else -1)
        if value < np.inf and (not records or value < losses[records[-1]] - delta):
            records.append(k)
        elif since >= patience:
            return (records or [-1])[-1], k
    return (records or [-1])[-1], len(losses) - 1


# 5. diagnose

diagnosing = exercise("diagnose", points=3, returns="codes")


@diagnosing.inputs(R=(22, 26, 30, 24), S=(8, 11, 9, 14), V=(20, 60, 10, 35))
def draw_diagnose(rng, R, S, V):
    """Runs with one fault, none, or two; numbers near each threshold, on both sides."""
    floor, clip, entropy = np.log(V - 1 + np.e) - 1, (0.5, 20.0)[S % 2], 0.9
    loss = np.linspace(np.log(V), 1.3, S) + 0.05 * rng.normal(size=(R, S)).round(2)
    norms = clip * rng.uniform(0.3, 1.0, size=(R, S))
    again = np.repeat(loss[:, -1:] + 2.0, 3, axis=1)
    kinds = rng.permutation(np.arange(R) % 22)
    norms[kinds < 12, S // 3] = clip
    for r, kind in enumerate(kinds):
        if kind in (1, 6):
            loss[r, -1] = entropy - rng.uniform(0.05, 0.4)
        if kind in (2, 7, 16):
            loss[r] = floor + rng.uniform(0.02, 0.3, size=S)
            loss[r, 0] = np.log(V)
        if kind in (3, 6):
            norms[r, rng.integers(S // 3 + 1, S - 1)] = clip * rng.uniform(1.2, 3)
        if kind in (4, 7):
            again[r, 1:] += rng.uniform(0.01, 0.1) * np.array([1, -1]) * rng.choice([-1, 1])
        if kind == 5:
            again[r, 1:] += rng.uniform(0.001, 0.01) * rng.choice([-1, 1])
        if kind == 8:  # a healthy run that once was below the entropy: a lucky batch
            loss[r, S // 2] = entropy - 0.1
        if kind == 9:  # a healthy run that just begins to fall below the floor
            loss[r] = np.linspace(np.log(V), (floor + np.log(V) - 1) / 2, S)
        if kind == 10:  # long gradients all the time, but for one
            norms[r] = clip * rng.uniform(1.5, 2, size=S)
            norms[r, -1] = 0.5 * clip
        if kind == 11:  # only the last one is long
            norms[r, -1] = 1.5 * clip
        if kind in (12, 13):  # differences that are too small to count, and some that just count
            again[r] = 3.0 + np.array([0, 1, 1]) * (4e-7, 2e-6)[kind - 12]
        if kind in (14, 15):
            norms[r, 2] = clip * (1 + (4e-7, 3e-6)[kind - 14])
        if kind == 16:  # two softmaxes for most of the run, but one loss is below the floor
            loss[r, S // 2] = floor - 0.1
        if kind in (17, 18):  # losses above ln V or a little below
            loss[r] = np.log(V) + (0.1, -0.2)[kind - 17] + rng.uniform(0, 0.1, size=S)
        if kind == 19:  # always below the floor, and in the end exactly at the entropy
            loss[r] = np.linspace(1.2, entropy, S)
        if kind == 20:  # random, and the first two happen to be equal, or the first and the last
            again[r, 2] += 0.05 * rng.choice([-1, 1])
        if kind == 21:
            again[r, 1] += 0.05 * rng.choice([-1, 1])
    return {"loss": loss, "norms": norms, "again": again, "clip": clip, "V": V, "entropy": entropy}


@diagnosing.inputs(R=(8, 9), S=(6, 7), V=(4, 5), says="the entropy is above the lowest loss of two softmaxes")
def draw_diagnose_few(rng, R, S, V):
    floor = np.log(V - 1 + np.e) - 1
    given = draw_diagnose(rng, R, S, V) | {"entropy": floor + 0.2}
    last = floor + np.where(np.arange(R) % 2, 0.1, 0.3)
    return given | {"loss": np.linspace(np.full(R, np.log(V)), last, S, axis=1)}


@diagnosing.answer
def run_by_run(loss, norms, again, clip, V, entropy):
    codes = []
    for each, lengths, (first, second, third) in zip(loss, norms, again, strict=True):
        if each[-1] < entropy:
            codes.append(1)
        elif np.exp(min(each) + 1) >= V - 1 + np.e:
            codes.append(2)
        elif max(lengths) / clip > 1.000001:
            codes.append(3)
        elif abs(second - third) > 1e-6:
            codes.append(4)
        else:
            codes.append(5 * int(abs(second - first) > 1e-6))
    return np.array(codes)


@diagnosing.answer
def from_the_last(loss, norms, again, clip, V, entropy):
    codes = np.zeros(len(loss), dtype=int)
    codes[np.abs(np.diff(again)[:, 0]) > 1e-6] = 5
    codes[np.abs(np.diff(again)[:, 1]) > 1e-6] = 4
    codes[(norms > clip * (1 + 1e-6)).sum(axis=1) > 0] = 3
    codes[loss.min(axis=1) >= np.logaddexp(1, np.log(V - 1)) - 1] = 2
    codes[loss[:, -1] < entropy] = 1
    return codes


# 6. scaled_step

scaling = exercise(
    "scaled_step", points=2, returns=("params", "taken"), adapter="tensors", forbidden=(*OURS, "torch.nn.utils")
)


@scaling.inputs(H=(3, 2, 4), I=(2, 4, 3), long=(2, 1, 0))
def draw_scaling(rng, H, I, long):
    clip, scale = (1e4, 30.0, 2.0)[long], float(rng.choice([4.0, 16.0, 128.0]))
    shapes = (H, I), (H,), (2, H)
    params, grads = ([rng.normal(size=shape) for shape in shapes] for _ in range(2))
    grads = [(k + 1) * scale * g for k, g in enumerate(grads)]
    return {"params": params, "grads": grads, "scale": scale, "clip": clip, "lr": 0.1}


@scaling.inputs(
    H=(3, 2, 4, 2, 3),
    I=(2, 3, 3, 4, 2),
    k=(1, 0, 2, 2, 0),
    bad=(1, 0, 2, 0, 1),
    says="somewhere in the gradients is an infinity or a NaN",
)
def draw_scaling_overflow(rng, H, I, k, bad):
    given = draw_scaling(rng, H, I, 2)
    given["grads"][k][-1] = (np.inf, np.nan, -np.inf)[bad]
    return given


@scaling.answer
def flattened(params, grads, scale, clip, lr):
    flat = torch.cat([g.reshape(-1) for g in grads]) / scale
    if not bool(torch.isfinite(flat).all()):
        return params, False
    flat = flat * min(1.0, clip / flat.norm().item())
    pieces = flat.split([p.numel() for p in params])
    return [p - lr * piece.view_as(p) for p, piece in zip(params, pieces, strict=True)], True


@scaling.answer
def by_the_norm(params, grads, scale, clip, lr):
    norm = sum(float((g / scale).pow(2).sum()) for g in grads) ** 0.5
    taken = norm < float("inf")
    factor = lr / scale * (1 if norm <= clip else clip / norm)
    return ([p - factor * g for p, g in zip(params, grads, strict=True)] if taken else [*params]), taken
