"""What the cells have in common: products arranged for speed, and the checks of arguments."""

import numpy as np

BLOCK = 16384  # numbers in a block of states: small enough for the cache, enough to hide the cost of a call
ROWS = 512  # as many, steps times batch, let the large products reach their speed
SMALL = 10**6  # multiplications; OpenBLAS has a kernel of its own for products of at most this size


def with_bias(x, W_x, b):
    """The bias as the weight of an input that is always 1: x with that input, and W_x with b as its last column.

    x (T, B, I), W_x (G * H, I), b (G * H,); returns x_1 (T, B, I + 1) and W_1 (G * H, I + 1), new arrays.
    """
    x_1 = np.concatenate([x, np.ones((*x.shape[:2], 1), x.dtype)], axis=2)
    return x_1, np.concatenate([W_x, b[:, None]], axis=1)


def by_gate(W, scale):
    """W (G * H, K) as one matrix per gate, transposed, times that gate's scale (G, 1, 1): (G, K, H), contiguous."""
    return np.multiply(W.reshape(len(scale), -1, W.shape[1]).swapaxes(1, 2), scale, order="C")


def projections(x_1, W_xT):
    """x_1 (T, B, K) times each gate's W_xT (G, K, H): yields (G, B, H) for one step after the other.

    Computed for a block of steps at once, since large products are fast; what is yielded is valid for that step only.
    """
    (T, B, K), (G, _, H) = x_1.shape, W_xT.shape
    if B == 1:  # the gates of a batch of one are one row: one product for all of them, in the order that is read
        yield from (x_1[:, 0] @ W_xT.swapaxes(0, 1).reshape(K, -1)).reshape(T, G, 1, H)
        return
    cuts = blocks(T, B, H)
    a_x = np.empty((G, cuts[0].stop, B, H), x_1.dtype)
    for block in cuts:
        rows = x_1[block].reshape(-1, K)
        np.matmul(rows, W_xT, out=a_x.reshape(G, -1, H)[:, : len(rows)])
        yield from a_x.swapaxes(0, 1)[: len(rows) // B]


def blocks(T, B, H):
    """Slices that cut T steps into blocks of about BLOCK numbers of a state (B, H), but no fewer than ROWS rows."""
    n = min(T, max(BLOCK // (B * H), -(-ROWS // B)))
    return [slice(start, min(start + n, T)) for start in range(0, T, n)]


def step_product(W, out):
    """The product that every step repeats: returns a function of a (B, K) that writes a @ W into out (..., B, N).

    W is (K, N) or one matrix per gate (G, K, N). NumPy's OpenBLAS repacks a matrix before it multiplies, which pays for
    many rows, unless the whole product is small. So W is cut, once, into strips of columns for which it is, and, where
    that is not enough, into blocks of rows, whose products are added. On a processor with AVX-512 this saved up to 40 %
    of the time with 16 to 128 rows and never cost more than 4 %; other processors have not been tried.
    """
    if out.shape[:-1] == (len(W), 1):  # the gates of a batch of one are one row: one product for all of them
        W, out = W.swapaxes(0, 1).reshape(W.shape[1], -1), out.reshape(1, -1)
    (*gates, K, N), B = W.shape, out.shape[-2]
    height, width = _cut(B, K, N, most=8 if W.ndim == 2 and B <= 128 else 1)
    if (height, width) == (K, N):
        whole = np.array(W, order="C")
        multiply = np.dot if W.ndim == 2 else np.matmul
        return lambda a: multiply(a, whole, out=out)
    if height == K:
        strips = np.array(W.reshape(*gates, K, -1, width).swapaxes(-3, -2), order="C")  # (..., strips, K, width)
        view = out.reshape(*gates, B, -1, width).swapaxes(-3, -2)  # (..., strips, B, width)
        return lambda a: np.matmul(a, strips, out=view)
    pieces = np.array(W.reshape(-1, height, N // width, width).swapaxes(1, 2), order="C")
    terms = np.empty((K // height, B, N), W.dtype)  # one per block of rows
    view = terms.reshape(-1, B, N // width, width).swapaxes(1, 2)

    def multiply_and_add(a):
        np.matmul(a.reshape(B, -1, 1, height).transpose(1, 2, 0, 3), pieces, out=view)
        np.sum(terms, axis=0, out=out)

    return multiply_and_add


def _cut(B, K, N, most):
    """Height and width of the largest pieces that W (K, N) is cut into: 16 columns or more, at most so many heights."""
    for height in [K // k for k in range(1, most + 1) if K % k == 0]:
        widths = [w for w in range(16, N + 1) if N % w == 0 and B * height * w <= SMALL]
        if widths:
            return height, max(widths, key=lambda w: (w % 16 == 0, w))
    return K, N


def check_forward(arrays, G):
    """Raise ValueError unless types and shapes fit a cell of G gates: T, B and I are taken from x, and H from W_h.

    arrays: the arguments by name, of which h0 and c0 are states, those whose name starts with b biases.
    """
    _check_types(arrays)
    x, W_h = arrays["x"], arrays["W_h"]
    rows = "H" if G == 1 else f"{G}H"
    if x.ndim != 3:
        fix = "pass x[:, None, :] if it is one sequence (T, I)" if x.ndim == 2 else "pass one batch of sequences"
        raise ValueError(f"x has shape {x.shape}, expected (T, B, I), that is steps, batch, features: {fix}")
    T, B, features = x.shape
    if 0 in x.shape:
        raise ValueError(f"x has shape {x.shape}, expected at least one step, sequence and feature: pass no empty x")
    if W_h.ndim != 2 or W_h.shape[0] != G * W_h.shape[1] or W_h.size == 0:
        square, fix = (
            ("a square ", "pass one row per hidden unit") if G == 1 else ("", f"pass {G} rows per hidden unit")
        )
        if G > 1 and W_h.ndim == 2 and G * W_h.shape[0] == W_h.shape[1]:
            fix = "pass W_h.T"
        raise ValueError(f"W_h has shape {W_h.shape}, expected {square}({rows}, H): {fix}")
    H = W_h.shape[1]
    for name in ("h0", "c0"):
        if name not in arrays:
            continue
        state = arrays[name]
        if state.ndim == 2 and state.shape[0] == T != B:
            raise ValueError(
                f"x has shape {x.shape} and {name} {state.shape}, expected (T, B, I) and (B, H): x seems to have the "
                "batch first; pass x.swapaxes(0, 1)"
            )
        _check_shape(name, state, "(B, H)", (B, H), "B from x and H from W_h")
    _check_shape("W_x", arrays["W_x"], f"({rows}, I)", (G * H, features), "H from W_h and I from x")
    for name in [name for name in arrays if name.startswith("b")]:
        _check_shape(name, arrays[name], f"({rows},)", (G * H,), "H from W_h")


def check_cache(cache, kind, call):
    """Raise ValueError unless cache is of the given kind; call is the line of code that makes one."""
    if not isinstance(cache, kind):
        function = call.split("= ")[1].split("(")[0]
        raise ValueError(
            f"cache is of type {type(cache).__name__}, expected the last value that {function} returns: {call}"
        )


def check_gradient(name, gradient, result):
    """Raise ValueError unless the gradient has the type, dtype and shape of the result it belongs to."""
    _check_types({name: gradient}, result.dtype, "the forward run")
    letters, source = ("(T, B, H)", "the shape of h") if result.ndim == 3 else ("(B, H)", "the shape of one state")
    _check_shape(name, gradient, letters, result.shape, source)


def _check_types(arrays, dtype=None, owner="x"):
    """Raise ValueError unless all are NumPy arrays of one dtype, float32 or float64: the given one or the first's."""
    for name, value in arrays.items():
        wanted = "float64" if dtype is None else dtype
        if not isinstance(value, np.ndarray):
            if hasattr(value, "detach"):
                fix = f"pass {name}.detach().cpu().numpy()"
            elif value is None:
                fix = "pass an array of zeros if there is none"
            else:
                fix = f"pass np.array({name}, dtype=np.{wanted})"
            raise ValueError(f"{name} is of type {type(value).__name__}, expected a NumPy array: {fix}")
        if value.dtype not in (np.float32, np.float64):
            fix = f"pass {name}.astype(np.{wanted})"
            if name == "x" and value.dtype.kind in "iu":
                fix += ", or if these are ids of tokens their one-hot vectors, np.eye(V)[x]"
            raise ValueError(f"{name} has dtype {value.dtype}, expected float32 or float64: {fix}")
        if dtype is None:
            dtype = value.dtype
        if value.dtype != dtype:
            fix = f"pass {name}.astype(np.{dtype}), or convert the others"
            raise ValueError(f"{name} has dtype {value.dtype}, but {owner} has {dtype}; expected one dtype: {fix}")


def _check_shape(name, array, letters, expected, source):
    """Raise ValueError unless the array has the expected shape; a simple way to get there is proposed."""
    if array.shape == expected:
        return
    if array.T.shape == expected:
        fix = f"pass {name}.T"
    elif array.ndim == 3 and array.swapaxes(0, 1).shape == expected:
        fix = f"pass {name}.swapaxes(0, 1)"
    elif [n for n in array.shape if n != 1] == [n for n in expected if n != 1]:
        fix = f"pass {name}.reshape{expected}"
    else:
        fix = f"make {name} of that shape, or correct what it has to fit"
    raise ValueError(f"{name} has shape {array.shape}, expected {letters} = {expected} ({source}): {fix}")
