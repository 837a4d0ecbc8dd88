"""Optimisers for NumPy parameters: gradients in, weights changed in place::

    adam = optim.Adam(params, lr=3e-3)            # a dict or a list of arrays
    norm = optim.clip_by_global_norm(grads, 1.0)  # same keys or order, same shapes
    adam.step(grads)                              # changes params in place
    adam.lr = 1e-3                                # between steps: a schedule

The arithmetic is that of ``torch.optim`` with the same arguments.
"""

from collections.abc import Mapping, Sequence

import numpy as np

Arrays = Mapping[str, np.ndarray] | Sequence[np.ndarray]


class SGD:
    """Gradient descent, with momentum if asked: ``u <- momentum u + g``, ``w <- w - lr u``.

    Source: Rumelhart, Hinton and Williams (1986); in the form of `torch.optim.SGD`, in which lr multiplies the whole u.
    """

    def __init__(self, params: Arrays, lr: float, momentum: float = 0.0):
        _positive("lr", lr)
        _share("momentum", momentum)
        self.params, self.lr, self.momentum = params, lr, momentum
        self._made_with = _distinct(params)
        self._velocity = {key: np.zeros_like(w) for key, w in _named(params)}

    def step(self, grads: Arrays) -> None:
        """Change the parameters in place. ValueError if keys, shapes or dtypes differ from those of the parameters."""
        _rate(self.lr)
        for key, w, g in _triples(self.params, grads, self._velocity, self._made_with):
            u = self._velocity[key]
            if self.momentum:
                u *= self.momentum
                u += g
            else:  # 0 times NaN is NaN: one bad gradient would stay for ever
                u[...] = g
            w -= self.lr * u


class Adam:
    """Steps scaled by running means of the gradient and of its square, both corrected for their start at zero.

    With g the gradient and t the number of the step, from 1::

        m <- beta1 m + (1 - beta1) g
        v <- beta2 v + (1 - beta2) g²
        w <- w - lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)

    Source: Kingma and Ba (2015), algorithm 1; chapter 04 derives the corrections.
    """

    def __init__(self, params: Arrays, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8):
        _positive("lr", lr)
        _positive("eps", eps)
        for name, beta in zip(("beta1", "beta2"), betas, strict=True):
            _share(name, beta)
        self.params, self.lr, self.betas, self.eps = params, lr, betas, eps
        self._made_with = _distinct(params)
        self.t = 0
        self._m = {key: np.zeros_like(w) for key, w in _named(params)}
        self._v = {key: np.zeros_like(w) for key, w in _named(params)}

    def step(self, grads: Arrays) -> None:
        """Change the parameters in place. ValueError if keys, shapes or dtypes differ from those of the parameters."""
        _rate(self.lr)
        triples = _triples(self.params, grads, self._m, self._made_with)
        self.t += 1
        beta1, beta2 = self.betas
        size = self.lr / (1 - beta1**self.t)
        root = (1 - beta2**self.t) ** 0.5
        for key, w, g in triples:
            m, v = self._m[key], self._v[key]
            m *= beta1
            m += (1 - beta1) * g
            v *= beta2
            v += (1 - beta2) * g * g
            spread = np.sqrt(v)
            spread /= root
            spread += self.eps
            w -= size * (m / spread)


def clip_by_global_norm(grads: Arrays, max_norm: float) -> float:
    """Scale all gradients in place by one factor, so that their norm, taken together, is at most `max_norm`.

    The direction stays. Shorter gradients are left alone. Returns the norm before.

    `torch.nn.utils.clip_grad_norm_` adds 1e-6 to the norm before it divides; here nothing is added.

    Raises ValueError if the norm is not finite: scaling cannot repair such a gradient.
    Source: Pascanu, Mikolov and Bengio (2013).
    """
    _positive("max_norm", max_norm)
    arrays = list({id(g): g for _, g in _named(grads)}.values())  # one array under two names is scaled once
    norm = _global_norm(arrays)
    if not np.isfinite(norm):
        raise ValueError(
            f"the global norm of the gradients is {norm}: clipping cannot repair it; "
            "look for an overflow or a division by zero before it, or take a smaller learning rate"
        )
    if norm > max_norm:
        for g in arrays:
            g *= max_norm / norm
    return norm


def _global_norm(arrays: list[np.ndarray]) -> float:
    """The norm of all arrays taken together. Squares of numbers that fit may not fit: then all are scaled first."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        # long sums and short types lose digits
        exact = [g if g.size < 100_000 and g.itemsize > 2 else g.astype(np.float64, copy=False) for g in arrays]
        norm = float(np.sqrt(sum(float(np.vdot(g, g)) for g in exact)))
        if np.isfinite(norm) and norm > 1e-12:
            return norm
        largest = max((float(np.max(np.abs(g), initial=0.0)) for g in arrays), default=0.0)
        if largest == 0 or not np.isfinite(largest):
            return largest
        scaled = (np.divide(g, largest, dtype=np.float64) for g in arrays)
        return largest * float(np.sqrt(sum(float(np.vdot(g, g)) for g in scaled)))


def _named(arrays: Arrays) -> list[tuple[object, np.ndarray]]:
    """(key or position, array) in order. ValueError unless they are floating-point arrays in a dict or a sequence."""
    if isinstance(arrays, np.ndarray) or not isinstance(arrays, (Mapping, Sequence)):
        raise ValueError(f"got a {type(arrays).__name__}, expected a dict or a list of arrays: pass [array] for one")
    items = list(arrays.items() if isinstance(arrays, Mapping) else enumerate(arrays))
    for key, array in items:
        if not isinstance(array, np.ndarray) or not np.issubdtype(array.dtype, np.floating):
            found = f"dtype {array.dtype}" if isinstance(array, np.ndarray) else f"type {type(array).__name__}"
            raise ValueError(f"the entry {key!r} is of {found}, expected a NumPy array of floats: convert it first")
    return items


def _distinct(params: Arrays) -> dict[object, np.ndarray]:
    """The parameters by key or position. ValueError if one array is there twice: a step would change it twice."""
    keys: dict[int, object] = {}
    for key, w in _named(params):
        if keys.setdefault(id(w), key) != key:
            raise ValueError(f"the parameters {keys[id(w)]!r} and {key!r} are one array: pass it once")
    return dict(_named(params))


def _triples(
    params: Arrays, grads: Arrays, known: Mapping, made_with: Mapping
) -> list[tuple[object, np.ndarray, np.ndarray]]:
    """(key, parameter, gradient) in the order of the parameters. ValueError if they do not belong together.

    `known` has an array of the optimiser's own for each parameter that it was made with, `made_with`.
    """
    left, right = _named(params), dict(_named(grads))
    if {key for key, _ in left} != set(right):
        raise ValueError(
            f"the gradients are for {list(right)}, the parameters are {[key for key, _ in left]}: pass one for each"
        )
    for key, w in left:
        if key not in known or known[key].shape != w.shape:
            raise ValueError(
                f"the parameter {key!r} with shape {w.shape} is not among those this optimiser was made with, "
                f"{[(k, a.shape) for k, a in known.items()]}: make a new optimiser if parameters were added"
            )
        if w is not made_with[key] and (other := [k for k, a in made_with.items() if a is w]):
            raise ValueError(
                f"the parameter {key!r} is the array that was {other[0]!r} when this optimiser was made: its running "
                "means would be those of another; keep the order, or use a dict"
            )
        if right[key].shape != w.shape or right[key].dtype != w.dtype:
            raise ValueError(
                f"the gradient {key!r} has shape {right[key].shape} and dtype {right[key].dtype}, expected those of "
                f"its parameter, {w.shape} and {w.dtype}: a gradient has the shape of the array it belongs to"
            )
    return [(key, w, right[key]) for key, w in left]


def _rate(lr: float) -> None:
    if not 0 <= lr < np.inf:
        raise ValueError(f"lr={lr}, expected a number from 0 up: what did the schedule compute?")


def _positive(name: str, value: float) -> None:
    if np.ndim(value) or isinstance(value, str | type(None)):
        raise ValueError(f"{name}={value!r} is a {type(value).__name__}, expected one positive number")
    if not 0 < value < np.inf:
        raise ValueError(f"{name}={value}, expected a positive number")


def _share(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise ValueError(f"{name}={value}, expected a number from 0 up to, not including, 1")
