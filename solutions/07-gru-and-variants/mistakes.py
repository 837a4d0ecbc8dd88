"""The known mistakes of unit 07-gru-and-variants."""

import numpy as np
from checks import before, coupled, lab, lives, merging, norm, peephole

from rnncourse.authoring import slips


def edits(e, body, known):
    """Known mistakes of several edits: {hint: [(what stands in the solution's body, what they put in its place)]}."""
    for hint, pairs in known.items():
        wrong = body
        for old, new in pairs:
            if wrong.count(old) != 1:
                raise ValueError(f"{hint!r}: {old!r} stands {wrong.count(old)} times in the body, not once")
            wrong = wrong.replace(old, new)
        e.slip(hint, body, wrong)


# 1. reset_before_backward

slips(
    before,
    {
        "dh * z + product * r + da_rz @ W_h[: 2 * H]": {
            "product * r + da_rz @ W_h[: 2 * H]": "The straight path is missing in dh_prev: the share z of the old state goes to the new one without any matrix.",
            "dh * (1 - z) + product * r + da_rz @ W_h[: 2 * H]": "The straight path carries the share of the new value: z is the share that is kept of the old state.",
            "dh + product * r + da_rz @ W_h[: 2 * H]": "The straight path carries the whole gradient: only the share z of the old state was kept.",
            "dh * z + da_rz @ W_h[: 2 * H]": "The path through the new value is missing in dh_prev: the old state, reset, also entered n.",
            "dh * z + product * r": "The paths through the gates are missing in dh_prev: r and z read the old state too.",
            "dh * z + product + da_rz @ W_h[: 2 * H]": "The gradient on the path through n has not passed the reset gate: what entered the product was r times the old state.",
            "dh * z + da_n * r @ W_h[2 * H :] + da_rz @ W_h[: 2 * H]": "The reset gate is passed before the matrix on the way back: that is the other GRU; here the matrix comes first.",
            "dh * z + product * r + da_z @ W_h[H : 2 * H]": "The path through the reset gate is missing in dh_prev: r was computed from the old state as well.",
            "dh * z + product * r + da_r @ W_h[:H]": "The path through the update gate is missing in dh_prev: z was computed from the old state as well.",
        },
        "product = da_n @ W_h[2 * H :] -> product = da_n @ W_h[2 * H :].T": "W_hn is used in the wrong orientation on the way back: there an entry of the reset state gathers from all units that read it.",
        "da_n = dh * (1 - z) * (1 - n**2)": {
            "da_n = dh * (1 - z)": "The slope of the tanh is missing: the gradient of n has to pass the squashing before it reaches the sum.",
            "da_n = dh * z * (1 - n**2)": "The new value gets the share of the old state: it entered the new state with what z leaves.",
            "da_n = dh * (1 - n**2)": "The new value gets the whole gradient: only a share of it entered the new state.",
        },
        "da_r = product * h_prev * r * (1 - r)": {
            "da_r = product * h_prev": "The slope of the reset gate is missing: its gradient has to pass the squashing before it reaches the sum.",
            "da_r = product * r * (1 - r)": "The old state is missing in the gradient of the reset gate: r was multiplied by it.",
            "da_r = da_n * (h_prev @ W_h[2 * H :].T) * r * (1 - r)": "The gradient of the reset gate is that of the other GRU, in which r multiplies the product W_hn h.",
            "da_r = product * h_prev * (1 - r**2)": "The slope of the reset gate is that of a tanh: a gate is a logistic function.",
        },
        "da_z = dh * (h_prev - n) * z * (1 - z)": {
            "da_z = dh * (h_prev - n)": "The slope of the update gate is missing: its gradient has to pass the squashing before it reaches the sum.",
            "da_z = dh * (n - h_prev) * z * (1 - z)": "The gradient of the update gate has the wrong sign: a larger z brings more of the old state and less of n.",
            "da_z = dh * h_prev * z * (1 - z)": "In the gradient of z the new value is missing: a larger z also brings less of it.",
            "da_z = -dh * n * z * (1 - z)": "In the gradient of z the old state is missing: a larger z brings more of it.",
        },
        "da_n.T @ (r * h_prev)": {
            "da_n.T @ h_prev": "The n block of dW_h is made with the old state: W_hn multiplied the old state after its reset.",
            "(r * da_n).T @ h_prev": "The n block of dW_h is that of the other GRU: here r belongs to the state, not to the gradient.",
        },
        "np.concatenate([da_rz, da_n], axis=1)": {
            "np.concatenate([da_z, da_r, da_n], axis=1)": "The blocks of dx, dW_x and db are in the order z r n: they have to lie as the weights do, r z n.",
            "np.concatenate([da_rz, product * 0 + da_n * r], axis=1)": "The gradients for the input, W_x and b have been multiplied by r in the n block: the input's part stands outside the reset.",
        },
        "da.sum(axis=0) -> da.mean(axis=0)": "The gradient of the bias is averaged over the batch: all sequences use the same bias, so their parts are summed.",
    },
)

BEFORE = """a = x @ W_x.T + b
    gates = 1 / (1 + np.exp(-(a[:, : 2 * H] + h_prev @ W_h[: 2 * H].T)))
    r, z = gates[:, :H], gates[:, H:]
    n = np.tanh(a[:, 2 * H :] + (r * h_prev) @ W_h[2 * H :].T)
    da_n = dh * (1 - z) * (1 - n**2)
    product = da_n @ W_h[2 * H :]  # the gradient of r * h_prev
    da_r = product * h_prev * r * (1 - r)
    da_z = dh * (h_prev - n) * z * (1 - z)
    da_rz = np.concatenate([da_r, da_z], axis=1)
    dh_prev = dh * z + product * r + da_rz @ W_h[: 2 * H]
    dW_h = np.concatenate([da_rz.T @ h_prev, da_n.T @ (r * h_prev)])
    da = np.concatenate([da_rz, da_n], axis=1)
    return da @ W_x, dh_prev, da.T @ x, dW_h, da.sum(axis=0)"""

R_AFTER = "r * (h_prev @ W_h[2 * H :].T)"

BACK_AFTER = [
    ("product * h_prev * r", "da_n * (h_prev @ W_h[2 * H :].T) * r"),
    ("dh * z + product * r", "dh * z + (r * da_n) @ W_h[2 * H :]"),
    ("da_n.T @ (r * h_prev)", "(r * da_n).T @ h_prev"),
]

edits(
    before,
    BEFORE,
    {
        "This is the chapter's GRU, forward and backward: there r multiplies the product W_hn h, here it multiplies the state before the product.": [
            ("(r * h_prev) @ W_h[2 * H :].T", R_AFTER),
            *BACK_AFTER,
        ],
        "The new value is right, but the way back through it is that of the chapter's GRU: here the gradient passes W_hn first and meets r behind it.": BACK_AFTER,
        "The new value is that of the chapter's GRU: here r multiplies the old state before the product with W_hn.": [
            ("(r * h_prev) @ W_h[2 * H :].T", R_AFTER)
        ],
        "The reset gate is missing where the new value is computed again: what enters W_hn is r times the old state.": [
            ("(r * h_prev) @ W_h[2 * H :].T", "h_prev @ W_h[2 * H :].T")
        ],
        "The recurrence is missing where the gates are computed again: both read the old state as well as the input.": [
            ("(a[:, : 2 * H] + h_prev @ W_h[: 2 * H].T)", "a[:, : 2 * H]")
        ],
        "The recurrence is missing where the new value is computed again: it reads the reset state as well as the input.": [
            ("a[:, 2 * H :] + (r * h_prev) @ W_h[2 * H :].T", "a[:, 2 * H :]")
        ],
        "The slope of the update gate is that of a tanh: a gate is a logistic function.": [
            ("(h_prev - n) * z * (1 - z)", "(h_prev - n) * (1 - z**2)")
        ],
        "The bias of n has been put inside the reset gate: here r multiplies the old state and nothing else.": [
            ("np.tanh(a[:, 2 * H :] +", "np.tanh(a[:, 2 * H :] - (1 - r) * b[2 * H :] +")
        ],
        "The blocks of W_h are used in the wrong orientation where the gates and the new value are computed again: a row belongs to the unit that reads.": [
            (
                "h_prev @ W_h[: 2 * H].T",
                "np.concatenate([h_prev @ W_h[:H], h_prev @ W_h[H : 2 * H]], axis=1)",
            ),
            ("(r * h_prev) @ W_h[2 * H :].T", "(r * h_prev) @ W_h[2 * H :]"),
        ],
        "The blocks of all gradients are in the order z r n: they have to lie as the weights do, r z n.": [
            ("da_rz.T @ h_prev, da_n", "da_z.T @ h_prev, da_r.T @ h_prev, da_n"),
            ("da = np.concatenate([da_rz, da_n]", "da = np.concatenate([da_z, da_r, da_n]"),
        ],
        "All blocks of W_h are used in the wrong orientation on the way back: there an entry of the old state gathers from all units that read it.": [
            ("da_n @ W_h[2 * H :]", "da_n @ W_h[2 * H :].T"),
            ("+ da_rz @ W_h[: 2 * H]", "+ da_r @ W_h[:H].T + da_z @ W_h[H : 2 * H].T"),
        ],
        "r and z are exchanged throughout: the first block of the weights is r, the second z.": [
            ("r, z = gates", "z, r = gates"),
            ("[da_r, da_z]", "[da_z, da_r]"),
        ],
        "r and z are exchanged where the gates are read: the first block is r, the second z.": [
            ("r, z = gates", "z, r = gates")
        ],
        "z is read throughout as the share of the new value: here it is the share of the old state that is kept.": [
            ("dh * (1 - z)", "dh * z"),
            ("(h_prev - n)", "(n - h_prev)"),
            ("dh * z + product", "dh * (1 - z) + product"),
        ],
        "The logistic function has the wrong sign inside: a gate opens where its sum is large.": [
            ("np.exp(-(a", "np.exp((a")
        ],
        "The gates have been squashed with a tanh: r and z are logistic functions.": [
            (
                "1 / (1 + np.exp(-(a[:, : 2 * H] + h_prev @ W_h[: 2 * H].T)))",
                "np.tanh(a[:, : 2 * H] + h_prev @ W_h[: 2 * H].T)",
            )
        ],
        "The new value has been squashed with a logistic function: it is a tanh.": [
            (
                "np.tanh(a[:, 2 * H :] + (r * h_prev) @ W_h[2 * H :].T)",
                "1 / (1 + np.exp(-(a[:, 2 * H :] + (r * h_prev) @ W_h[2 * H :].T)))",
            )
        ],
        "The slope of the tanh is taken as 1 - n, which is above 1 for every negative n: no slope of tanh is.": [
            ("(1 - n**2)", "(1 - n)")
        ],
        "The new value gets the slope of a logistic function: it is a tanh.": [("(1 - n**2)", "n * (1 - n)")],
        "The slopes of both gates are missing: their gradients have to pass the squashing before they reach the sums.": [
            ("h_prev * r * (1 - r)", "h_prev"),
            ("(h_prev - n) * z * (1 - z)", "(h_prev - n)"),
        ],
        "The slopes of the gates are exchanged: the gradient of each gate needs the slope of that gate.": [
            ("r * (1 - r)", "z * (1 - z) "),
            ("(h_prev - n) * z * (1 - z)", "(h_prev - n) * r * (1 - r)"),
        ],
        "The slope of the reset gate is made of its sum: it has to be made of the gate itself, after the squashing.": [
            ("h_prev * r * (1 - r)", "h_prev * (s := a[:, :H] + h_prev @ W_h[:H].T) * (1 - s)")
        ],
        "Brackets are missing in the slope of the reset gate: products come before differences, so r is subtracted from the whole.": [
            ("r * (1 - r)", "r * 1 - r")
        ],
        "The slope of the tanh stands twice on the path through the reset gate: it is in the gradient of n's sum already.": [
            ("product * h_prev * r", "product * h_prev * (1 - n**2) * r")
        ],
        "The gradient of the reset gate holds one r too many: r multiplied the old state as it is, not the reset one.": [
            ("product * h_prev * r", "product * r * h_prev * r")
        ],
        "On the path through the reset gate the slope of the tanh is missing: the gradient passes the tanh of n before W_hn.": [
            ("product * h_prev * r", "(dh * (1 - z)) @ W_h[2 * H :] * h_prev * r")
        ],
        "On the path through n the slope of the tanh is missing: the gradient passes the tanh before W_hn.": [
            ("dh * z + product * r", "dh * z + (dh * (1 - z)) @ W_h[2 * H :] * r")
        ],
        "W_hn is missing on the path through n: the reset state entered the new value through that matrix.": [
            ("dh * z + product * r", "dh * z + da_n * r")
        ],
        "All of dh_prev is multiplied by z: only the straight path carries the share that is kept.": [
            ("dh * z + product * r + da_rz @ W_h[: 2 * H]", "z * (dh + product * r + da_rz @ W_h[: 2 * H])")
        ],
        "The straight path carries the gradient of the update gate: it carries that of the new state.": [
            ("dh * z + product", "dh * (h_prev - n) * z + product")
        ],
        "On the paths through the gates the blocks of W_h are exchanged: the gradient of r goes back through the first, that of z through the second.": [
            ("product * r + da_rz @ W_h[: 2 * H]", "product * r + da_z @ W_h[:H] + da_r @ W_h[H : 2 * H]")
        ],
        "The r and z blocks of dW_h are made with the reset state: both gates read the old state as it is.": [
            ("da_rz.T @ h_prev", "da_rz.T @ (r * h_prev)")
        ],
        "dW_h is made with the new state: W_h multiplied the old one.": [
            ("da_rz.T @ h_prev, da_n.T @ (r * h_prev)", "da.T @ ((1 - z) * n + z * h_prev)"),
            ("dW_h = np.concatenate([", "da = np.concatenate([da_rz, da_n], axis=1)\n    dW_h = np.concatenate(["),
        ],
        "dx goes through n alone: the input enters both gates as well.": [("da @ W_x", "da_n @ W_x[2 * H :]")],
        "dx goes through the gates alone: the input enters the new value as well.": [
            ("da @ W_x", "da_rz @ W_x[: 2 * H]")
        ],
        "The n block of db is multiplied by r: that is the inner bias of the chapter's GRU; here the bias stands outside.": [
            ("da.sum(axis=0)", "np.concatenate([da_rz, r * da_n], axis=1).sum(axis=0)")
        ],
        "dW_x is made from the first sequence alone: the parts of all sequences are summed.": [
            ("da.T @ x", "np.outer(da[0], x[0])")
        ],
        "All gradients of weights are averaged over the batch: all sequences use the same weights, so their parts are summed.": [
            ("da.T @ x, dW_h, da.sum(axis=0)", "da.T @ x / len(x), dW_h / len(x), da.mean(axis=0)")
        ],
        "W_x is used in the wrong orientation for dx: on the way back an input gathers from all sums that it entered.": [
            ("return da @ W_x", "return da @ W_x.T")
        ],
    },
)

# 2. coupled_backward

slips(
    coupled,
    {
        "(c_prev - g) * f * (1 - f) -> (c_prev - g) * (1 - f)": "A factor is missing in the slope of the gate f: it is flat where the gate is closed as well as where it is open.",
        "dc + dh * o * (1 - shown**2)": {
            "dc": "The output's part is missing in the gradient of the cell state: h was made from c.",
            "dc + dh * o": "The slope of the last tanh is missing on the way from h to c.",
            "dc + dh * (1 - shown**2)": "The output gate is missing on the way from h to c: it multiplied what was shown of c.",
            "dc + dh * o * (1 - c**2)": "The slope of the last tanh is made of c itself and turns negative where c is large: it has to be made of what is shown of c.",
            "(dc + dh) * o * (1 - shown**2)": "dc has been sent through the output gate: it is a gradient of c itself and enters as it is.",
            "dc + dh": "The gradient of h is added to that of c as it is: between them lie the output gate and the slope of the tanh.",
        },
        "total * (c_prev - g) * f * (1 - f)": {
            "total * c_prev * f * (1 - f)": "The gate is treated as a forget gate alone: where it keeps more of the old state it also writes less of the candidate.",
            "total * (g - c_prev) * f * (1 - f)": "The gradient of the gate has the wrong sign: a larger f brings more of the old cell state.",
            "total * (c - g) * f * (1 - f)": "The cell state after the step is used where the gate multiplied the one before it.",
            "total * (c_prev - g)": "The slope of the gate f is missing: its gradient has to pass the squashing before it reaches the sum.",
            "total * (c_prev - g) * (1 - f**2)": "The slope of the gate f is that of a tanh: a gate is a logistic function.",
        },
        "total * (1 - f) * (1 - g**2)": {
            "total * f * (1 - g**2)": "The candidate gets the share of the old cell state: it entered with what f leaves.",
            "total * (1 - g**2)": "The candidate gets the whole gradient: only a share of it entered the cell state.",
            "total * (1 - f)": "The slope of the candidate's tanh is missing: its gradient has to pass the squashing before it reaches the sum.",
            "total * (1 - f) * g * (1 - g)": "The candidate gets the slope of a logistic function: it is a tanh.",
        },
        "dh * shown * o * (1 - o)": {
            "dh * c * o * (1 - o)": "The output gate's gradient is made with c itself: the gate multiplied what is shown of c.",
            "dh * shown": "The slope of the output gate is missing: its gradient has to pass the squashing before it reaches the sum.",
            "total * shown * o * (1 - o)": "The gradient of the output gate is made with that of the cell state: the gate acts on h alone.",
        },
        "[da_f, da_g, da_o]": {
            "[da_o, da_f, da_g]": "The blocks are in the wrong order: asked for is f, g, o.",
            "[da_f, da_o, da_g]": "The last two blocks are swapped: asked for is f, g, o.",
        },
        "total * f\n": {
            "total\n": "The gate is missing in dc_prev: only the share f of the old cell state was kept.",
            "total * (1 - f)\n": "dc_prev has the wrong share: f is what was kept of the old cell state.",
            "dc * f\n": "dc_prev carries on dc alone: the output's part of the gradient of c goes back as well.",
        },
    },
)

COUPLED = """shown = np.tanh(c)
    total = dc + dh * o * (1 - shown**2)
    da_f = total * (c_prev - g) * f * (1 - f)
    da_g = total * (1 - f) * (1 - g**2)
    da_o = dh * shown * o * (1 - o)
    return np.concatenate([da_f, da_g, da_o], axis=1), total * f"""

edits(
    coupled,
    COUPLED,
    {
        "The slope of the last tanh is above 1 where c is negative: no slope of tanh is.": [
            ("(1 - shown**2)", "(1 - shown)")
        ],
        "On the way from h to c stands the slope of a logistic function: the cell is shown through a tanh.": [
            ("(1 - shown**2)", "shown * (1 - shown)")
        ],
        "The slope of the last tanh is made of h: h has passed the output gate as well.": [
            ("(1 - shown**2)", "(1 - (o * shown) ** 2)")
        ],
        "Brackets are missing in the slope of the last tanh: products come before differences, so the square is subtracted from the whole.": [
            ("(1 - shown**2)", "1 - shown**2")
        ],
        "tanh is taken of the cell state before the step: the output shows the one after it.": [
            ("np.tanh(c)", "np.tanh(c_prev)")
        ],
        "The output gate's gradient is made with the gate itself: the gate multiplied what is shown of c.": [
            ("dh * shown * o", "dh * o * o")
        ],
        "The output gate's gradient is made with h, which holds the gate already: one o is too many.": [
            ("dh * shown * o", "dh * o * shown * o")
        ],
        "All three slopes are missing: the gradients asked for are those of the sums, before the squashing.": [
            ("(c_prev - g) * f * (1 - f)", "(c_prev - g)"),
            ("(1 - f) * (1 - g**2)", "(1 - f)"),
            ("shown * o * (1 - o)", "shown"),
        ],
        "Both gates have the slope of a tanh: gates are logistic functions.": [
            ("(c_prev - g) * f * (1 - f)", "(c_prev - g) * (1 - f**2)"),
            ("shown * o * (1 - o)", "shown * (1 - o**2)"),
        ],
        "The slope of the output gate is that of a tanh: a gate is a logistic function.": [
            ("shown * o * (1 - o)", "shown * (1 - o**2)")
        ],
        "The slope of the output gate is made with the gate f: each gate has the slope of its own sum.": [
            ("shown * o * (1 - o)", "shown * f * (1 - f)")
        ],
        "Brackets are missing in the slope of the gate f: products come before differences, so f is subtracted from the whole.": [
            ("f * (1 - f)\n    da_g", "f * 1 - f\n    da_g")
        ],
        "The slope of the gate f has a wrong sign in it: the slope of a logistic function is never above one quarter.": [
            ("f * (1 - f)\n    da_g", "f * (1 + f)\n    da_g")
        ],
        "Gates and candidate are squashed once more: f, g and o are given after their squashing.": [
            (
                "shown = np.tanh(c)",
                "f, o, g = 1 / (1 + np.exp(-f)), 1 / (1 + np.exp(-o)), np.tanh(g)\n    shown = np.tanh(c)",
            )
        ],
        "The candidate is squashed once more for its slope: g is given after the tanh.": [
            ("(1 - g**2)", "(1 - np.tanh(g) ** 2)")
        ],
        "The slope of the candidate is made of the cell state: it has to be made of the candidate.": [
            ("(1 - g**2)", "(1 - shown**2)")
        ],
        "The old cell state is missing in the gradient of the gate: f multiplied it.": [("(c_prev - g)", "(-g)")],
        "From the old cell state the new one is subtracted: where f brings more of the old state it brings less of the candidate g.": [
            ("(c_prev - g)", "(c_prev - c)")
        ],
        "In the gradient of the gate dc is missing: f acts on the cell state, whose whole gradient counts.": [
            ("total * (c_prev - g)", "(total - dc) * (c_prev - g)")
        ],
        "In the gradient of the gate the output's part is missing: it goes on through the cell state to f.": [
            ("total * (c_prev - g)", "dc * (c_prev - g)")
        ],
        "In the gradients of f and g the output's part is missing: it goes on through the cell state to both.": [
            ("total * (c_prev - g)", "dc * (c_prev - g)"),
            ("total * (1 - f) * (1 - g", "dc * (1 - f) * (1 - g"),
        ],
        "The blocks are mixed unit by unit: they lie side by side, first all of f, then all of g, then all of o.": [
            ("np.concatenate([da_f, da_g, da_o], axis=1)", "np.stack([da_f, da_g, da_o], axis=2).reshape(len(dh), -1)")
        ],
        "The blocks are below each other: side by side means axis 1, so that every sequence keeps its row.": [
            ("axis=1)", "axis=0)")
        ],
        "The first two blocks are swapped: asked for is f, g, o.": [("[da_f, da_g, da_o]", "[da_g, da_f, da_o]")],
        "f stands twice in dc_prev: the old cell state was multiplied by it once.": [
            ("axis=1), total * f", "axis=1), total * f * f")
        ],
        "dc is added to dc_prev once more: it is in the gradient of the new cell state already and passes f.": [
            ("axis=1), total * f", "axis=1), total * f + dc")
        ],
        "da_f is added to dc_prev: here no gate looks at the cell state, so f is the only path.": [
            ("axis=1), total * f", "axis=1), total * f + da_f")
        ],
        "dc_prev has a path through the gate as well: here no gate looks at the cell state, so f is the only path.": [
            ("axis=1), total * f", "axis=1), total * f + da_f * c_prev")
        ],
        "The cell state is computed again, with the wrong share of the candidate: c is given.": [
            ("np.tanh(c)", "np.tanh(f * c_prev + f * g)")
        ],
        "@ is a product of matrices: here everything belongs to one unit of one sequence and is multiplied entry by entry.": [
            ("total * (c_prev - g)", "total @ (c_prev - g)")
        ],
        "dc itself is changed: += writes into the caller's array, so make a new one.": [
            ("total = dc + dh", "total = dc\n    total += dh")
        ],
    },
)

# 3. peephole_backward

slips(
    peephole,
    {
        "dc + dh * o * (1 - shown**2) + da_o * p[2]": {
            "dc + dh * o * (1 - shown**2)": "The output gate's peephole is missing in the gradient of c: the gate has seen the new cell state.",
            "dc + dh * o + da_o * p[2]": "The slope of the last tanh is missing on the way from h to c.",
            "dc + dh * (1 - shown**2) + da_o * p[2]": "The output gate is missing on the way from h to c: it multiplied what was shown of c.",
            "dc + dh * o * (1 - shown**2) + da_o": "The peephole weight of the output gate is missing: the gate saw p_o times the cell state.",
            "dc + dh * o * (1 - shown**2) + da_o * p[0]": "The output gate's peephole uses the wrong row of p: the rows are i, f, o.",
            "dc + dh * o * (1 - c**2) + da_o * p[2]": "The slope of the last tanh is made of c itself and turns negative where c is large: it has to be made of what is shown of c.",
        },
        "total * f + da_i * p[0] + da_f * p[1]": {
            "total * f": "The peepholes of i and f are missing in dc_prev: both gates have seen the old cell state.",
            "total * f + da_i * p[0]": "The forget gate's peephole is missing in dc_prev.",
            "total * f + da_f * p[1]": "The input gate's peephole is missing in dc_prev.",
            "da_i * p[0] + da_f * p[1]": "The straight path is missing in dc_prev: the share f of the old cell state was kept.",
            "total * f + da_i * p[1] + da_f * p[0]": "The peepholes of i and f are swapped in dc_prev: the rows of p are i, f, o.",
            "total * f + da_i * p[0] + da_f * p[1] + da_o * p[2]": "The output gate's peephole leads to the old cell state: that gate saw the new one.",
            "dc * f + da_i * p[0] + da_f * p[1]": "dc_prev carries on dc alone: the parts from the output go back as well.",
        },
        "da_o * c]": {
            "da_o * c_prev]": "The output gate's peephole weight multiplied the new cell state, not the old one.",
            "da_o * shown]": "The output gate's row of dp is made with what is shown of c: its peephole weight multiplied c itself.",
        },
        "[da_i * c_prev, da_f * c_prev,": {
            "[da_i * c, da_f * c,": "The peephole weights of i and f multiplied the old cell state, not the new one.",
            "[da_f * c_prev, da_i * c_prev,": "The first two rows of dp are swapped: the rows are i, f, o.",
        },
        "np.sum(seen, axis=1)": {
            "np.mean(seen, axis=1)": "dp is averaged over the batch: all sequences use the same weights, so their parts are summed.",
            "np.array(seen)": "dp has not been summed over the batch: all sequences use the same weights.",
        },
        "da_i = total * g * i * (1 - i)": {
            "da_i = total * i * (1 - i)": "The candidate is missing in the gradient of the input gate: the gate multiplied g.",
            "da_i = total * g": "The slope of the input gate is missing: its gradient has to pass the squashing before it reaches the sum.",
        },
        "da_f = total * c_prev * f * (1 - f)": {
            "da_f = total * c * f * (1 - f)": "The forget gate multiplied the cell state before the step, not the one after it.",
            "da_f = total * c_prev": "The slope of the forget gate is missing: its gradient has to pass the squashing before it reaches the sum.",
        },
        "da_g = total * i * (1 - g**2)": {
            "da_g = total * i": "The slope of the candidate's tanh is missing: its gradient has to pass the squashing before it reaches the sum.",
            "da_g = total * (1 - g**2)": "The input gate is missing in the gradient of the candidate.",
        },
        "[da_i, da_f, da_g, da_o] -> [da_i, da_f, da_o, da_g]": "The last two blocks of da are swapped: the order is i, f, g, o.",
    },
)

PEEPHOLE = """shown = np.tanh(c)
    da_o = dh * shown * o * (1 - o)
    total = dc + dh * o * (1 - shown**2) + da_o * p[2]
    da_i = total * g * i * (1 - i)
    da_f = total * c_prev * f * (1 - f)
    da_g = total * i * (1 - g**2)
    dc_prev = total * f + da_i * p[0] + da_f * p[1]
    seen = [da_i * c_prev, da_f * c_prev, da_o * c]
    dp = np.sum(seen, axis=1)
    return np.concatenate([da_i, da_f, da_g, da_o], axis=1), dc_prev, dp"""

OUT, BACK = "dc + dh * o * (1 - shown**2) + da_o * p[2]", "total * f + da_i * p[0] + da_f * p[1]"

edits(
    peephole,
    PEEPHOLE,
    {
        "No gradient passes the peepholes: this is the backward pass of an LSTM without them.": [
            (OUT, "dc + dh * o * (1 - shown**2)"),
            (BACK, "total * f"),
        ],
        "The output gate's peephole leads to the old cell state and not to the new one: it is the new one that this gate saw.": [
            (OUT, "dc + dh * o * (1 - shown**2)"),
            (BACK, f"{BACK} + da_o * p[2]"),
        ],
        "What comes through the output gate's peephole reaches dc_prev alone: it is part of the gradient of c, and so of i, f and g as well.": [
            (OUT, "dc + dh * o * (1 - shown**2)"),
            (BACK, f"{BACK} + da_o * p[2] * f"),
        ],
        "The path from h through the tanh is missing in the gradient of c: the output gate's peephole is not the only way.": [
            (OUT, "dc + da_o * p[2]")
        ],
        "dc has been sent through the output gate: it is a gradient of c itself and enters as it is.": [
            (OUT, "(dc + dh) * o * (1 - shown**2) + da_o * p[2]")
        ],
        "The output gate's peephole counts twice in the gradient of c.": [(OUT, f"{OUT} * 2")],
        "The output gate's peephole has the wrong sign in the gradient of c: the paths are added.": [
            (OUT, "dc + dh * o * (1 - shown**2) - da_o * p[2]")
        ],
        "The slope of the output gate is missing on the path through its peephole: the weight stands inside the squashing.": [
            (OUT, "dc + dh * o * (1 - shown**2) + dh * shown * p[2]")
        ],
        "The slope of the output gate stands twice on the path through its peephole: da_o holds it already.": [
            (OUT, f"{OUT} * o * (1 - o)")
        ],
        "What the output gate multiplied is missing on the path through its peephole.": [
            (OUT, "dc + dh * o * (1 - shown**2) + dh * o * (1 - o) * p[2]")
        ],
        "The path through the output gate's peephole has the slope of the last tanh: the gate saw c before the tanh.": [
            (OUT, f"{OUT} * (1 - shown**2)")
        ],
        "The output gate's peephole uses the row of the forget gate: the rows of p are i, f, o.": [
            (OUT, "dc + dh * o * (1 - shown**2) + da_o * p[1]")
        ],
        "The rows of p are read as i, o, f: they are i, f, o.": [
            (OUT, OUT.replace("2]", "1]")),
            (BACK, BACK.replace("1]", "2]")),
        ],
        "The paths through the peepholes of i and f are put into the gradient of the new cell state: these gates saw the old one.": [
            (OUT, f"{OUT}\n    total = total * (1 + g * i * (1 - i) * p[0] + c_prev * f * (1 - f) * p[1])"),
            (BACK, "total * f"),
        ],
        "The slopes of i and f are missing on the paths through their peepholes: the weights stand inside the squashing.": [
            (BACK, "total * f + total * g * p[0] + total * c_prev * p[1]")
        ],
        "The gate f is missing in dc_prev: only that share of the old cell state was kept.": [
            (BACK, BACK.replace("total * f", "total"))
        ],
        "The straight path in dc_prev has the share of the input gate: f is what was kept of the old cell state.": [
            (BACK, BACK.replace("total * f", "total * i"))
        ],
        "dc is added to dc_prev once more: it is in the gradient of the new cell state already and passes f.": [
            (BACK, f"dc + {BACK}")
        ],
        "The candidate has been given a peephole: g has not seen the cell state.": [(BACK, f"{BACK} + da_g * p[0]")],
        "The slope of the output gate is missing: its gradient has to pass the squashing before it reaches the sum.": [
            ("dh * shown * o * (1 - o)", "dh * shown")
        ],
        "The output gate's gradient is made with c itself: the gate multiplied what is shown of c.": [
            ("dh * shown * o * (1 - o)", "dh * c * o * (1 - o)")
        ],
        "tanh is taken of the cell state before the step: the output shows the one after it.": [
            ("np.tanh(c)", "np.tanh(c_prev)")
        ],
        "What i and f multiplied is exchanged: the input gate multiplied the candidate, the forget gate the old cell state.": [
            ("total * g * i", "total * c_prev * i"),
            ("total * c_prev * f", "total * g * f"),
        ],
        "The candidate gets the slope of a logistic function: it is a tanh.": [("(1 - g**2)", "g * (1 - g)")],
        "The candidate gets the share of the forget gate: the input gate multiplied it.": [
            ("total * i * (1 - g**2)", "total * f * (1 - g**2)")
        ],
        "The slope of the input gate is that of a tanh: a gate is a logistic function.": [
            ("i * (1 - i)", "(1 - i**2)")
        ],
        "The slopes of all three gates are missing: the gradients asked for are those of the sums, before the squashing.": [
            ("g * i * (1 - i)", "g"),
            ("c_prev * f * (1 - f)", "c_prev"),
            ("shown * o * (1 - o)", "shown"),
        ],
        "The gates are computed again from their results: i, f and o are given after their squashing.": [
            (
                "shown = np.tanh(c)\n",
                "i, f, o = (1 / (1 + np.exp(-s)) for s in (i + p[0] * c_prev, f + p[1] * c_prev, o + p[2] * c))\n    shown = np.tanh(c)\n",
            )
        ],
        "The input gate has been replaced by 1 - f: here the gates are not coupled.": [
            ("shown = np.tanh(c)\n", "i = 1 - f\n    shown = np.tanh(c)\n")
        ],
        "The first two blocks of da are swapped: the order is i, f, g, o.": [
            ("[da_i, da_f, da_g", "[da_f, da_i, da_g")
        ],
        "The block of the output gate stands first in da: the order is i, f, g, o.": [
            ("[da_i, da_f, da_g, da_o]", "[da_o, da_i, da_f, da_g]")
        ],
        "The last two rows of dp are swapped: the rows are i, f, o.": [
            ("da_f * c_prev, da_o * c]", "da_o * c, da_f * c_prev]")
        ],
        "The slopes of the gates are missing in dp: the weights stand inside the squashing, so it is made from da.": [
            ("[da_i * c_prev, da_f * c_prev, da_o * c]", "[total * g * c_prev, total * c_prev**2, dh * shown * c]")
        ],
        "dp is made with the weights p: a weight's gradient is made with what it multiplied, the cell state.": [
            ("[da_i * c_prev, da_f * c_prev, da_o * c]", "[da_i * p[0], da_f * p[1], da_o * p[2]]")
        ],
        "The forget gate's row of dp is made with the weight itself: that weight multiplied the old cell state.": [
            ("da_f * c_prev, da_o * c]", "da_f * p[1], da_o * c]")
        ],
        "dp is divided by all entries of the batch: the parts of the sequences are summed, and every unit has its own weights.": [
            ("dp = np.sum(seen, axis=1)", "dp = np.sum(seen, axis=1) / dh.size")
        ],
        "dp is summed over the units: every unit has weights of its own, and it is the sequences that are summed.": [
            ("axis=1)\n    return", "axis=2)\n    return")
        ],
        "@ is a product of matrices: every unit has its own peephole weight, so the product is entry by entry.": [
            (OUT, OUT.replace("da_o * p[2]", "da_o @ p[2]"))
        ],
        "dc itself is changed: += writes into the caller's array, so make a new one.": [
            ("total = dc + dh", "total = dc\n    total += dh")
        ],
    },
)

# 4. from_lab

WEIGHTS, BIAS, RETURN = "[r, -u, kernel_new]", "[b_r, -b_u, bias_new]", "return joined[:, :I], joined[:, I:]"


def blocks(weights, bias):
    return [(WEIGHTS, weights), (BIAS, bias)]


slips(
    lab,
    {
        "joined[:, :I], joined[:, I:] -> joined[:, I:], joined[:, :I]": "W_x and W_h are returned in the wrong order.",
        "[r, -u, kernel_new] -> [r, -u, -kernel_new]": "The new value has changed its sign too: only u is turned round.",
        "u, r = np.split(kernel_gates, 2, axis=1) -> r, u = np.split(kernel_gates, 2, axis=1)": "In the kernels u and r are taken in the wrong order: the first half of the columns is u.",
        "b_u, b_r = np.split(bias_gates, 2) -> b_r, b_u = np.split(bias_gates, 2)": "In the biases u and r are taken in the wrong order: u comes first.",
        "u, r = np.split(kernel_gates, 2, axis=1)\n    joined = np.concatenate([r, -u, kernel_new], axis=1).T  # (3H, I + H)\n    b_u, b_r = np.split(bias_gates, 2)": {
            "r, u = np.split(kernel_gates, 2, axis=1)\n    joined = np.concatenate([r, -u, kernel_new], axis=1).T\n    b_r, b_u = np.split(bias_gates, 2)": "u and r are taken in the wrong order, in kernels and biases: u comes first.",
        },
        "[r, -u, kernel_new]": {
            "[r, u, kernel_new]": "The kernels of z are those of u: where u takes the new value z keeps the old one, so the two gates have to add up to 1.",
            "[r, 1 - u, kernel_new]": "The kernels of z are 1 minus those of u: it is the gate that is 1 minus the other, not its weights.",
            "[-u, r, kernel_new]": "The blocks of the weights are in the order z r n: asked for is r z n.",
            "[-r, u, kernel_new]": "The sign has been changed for r instead of u: it is the update gate that is turned round.",
            "[-r, -u, kernel_new]": "The reset gate has changed its sign too: only u is turned round.",
        },
        "[b_r, -b_u, bias_new]": {
            "[b_r, b_u, bias_new]": "The bias of z is that of u, while the kernels are converted: both enter the same sum.",
            "[b_r, 1 - b_u, bias_new]": "The bias of z is 1 minus that of u: it is the gate that is 1 minus the other, not its bias.",
            "[-b_u, b_r, bias_new]": "The blocks of the bias are in the order z r n: asked for is r z n.",
        },
        "[r, -u, kernel_new], axis=1).T  # (3H, I + H)\n    b_u, b_r = np.split(bias_gates, 2)\n    return joined[:, :I], joined[:, I:], np.concatenate([b_r, -b_u, bias_new])": {
            "[r, u, kernel_new], axis=1).T\n    b_u, b_r = np.split(bias_gates, 2)\n    return joined[:, :I], joined[:, I:], np.concatenate([b_r, b_u, bias_new])": "z has been given the weights of u as they are, kernels and bias: where u takes the new value z keeps the old one.",
            "[-u, r, kernel_new], axis=1).T\n    b_u, b_r = np.split(bias_gates, 2)\n    return joined[:, :I], joined[:, I:], np.concatenate([-b_u, b_r, bias_new])": "All blocks are in the order z r n: asked for is r z n.",
        },
        "joined[:, :I], joined[:, I:] -> joined[:, -I:], joined[:, :-I]": "The columns are split as if the state came first: in [x, h] the input does.",
        "I = len(kernel_gates) - len(bias_new) -> I = len(bias_new)": "The number of inputs is taken to be the number of units: rows of the kernel are I + H.",
    },
)

LAB = """I = len(kernel_gates) - len(bias_new)
    u, r = np.split(kernel_gates, 2, axis=1)
    joined = np.concatenate([r, -u, kernel_new], axis=1).T  # (3H, I + H)
    b_u, b_r = np.split(bias_gates, 2)
    return joined[:, :I], joined[:, I:], np.concatenate([b_r, -b_u, bias_new])"""

edits(
    lab,
    LAB,
    {
        "The blocks are copied as they lie, u r n: asked for is r z n, and z keeps where u takes.": blocks(
            "[u, r, kernel_new]", "[b_u, b_r, bias_new]"
        ),
        "In W_x the block of z is that of u, while W_h and the bias are converted: all three enter the same sum.": [
            (RETURN, "return np.concatenate([r, u, kernel_new], axis=1).T[:, :I], joined[:, I:]")
        ],
        "In W_h the block of z is that of u, while W_x and the bias are converted: all three enter the same sum.": [
            (RETURN, "return joined[:, :I], np.concatenate([r, u, kernel_new], axis=1).T[:, I:]")
        ],
        "All signs are changed: only u is turned round, r and n stay.": blocks(
            "[-r, -u, -kernel_new]", "[-b_r, -b_u, -bias_new]"
        ),
        "All biases have changed their sign: only that of u is turned round.": [(BIAS, "[-b_r, -b_u, -bias_new]")],
        "In the bias the sign has been changed for r instead of u: the order is right, it is the update gate that is turned round.": [
            (BIAS, "[-b_r, b_u, bias_new]")
        ],
        "The sign has been changed for r instead of u, in weights and bias: it is the update gate that is turned round.": blocks(
            "[-r, u, kernel_new]", "[-b_r, b_u, bias_new]"
        ),
        "r has changed its sign as well, in weights and bias: only u is turned round.": blocks(
            "[-r, -u, kernel_new]", "[-b_r, -b_u, bias_new]"
        ),
        "The new value has been turned round instead of the update gate: old state and new value have to exchange their shares.": blocks(
            "[r, u, -kernel_new]", "[b_r, b_u, -bias_new]"
        ),
        "In W_h the block of n has changed its sign as well: only u is turned round.": [
            (RETURN, "joined[2 * len(bias_new) :, I:] *= -1\n    " + RETURN)
        ],
        "The block of n in W_h has been rescaled: the reset stands where it stood, so there is nothing to convert.": [
            (RETURN, "joined[2 * len(bias_new) :, I:] *= 0.5\n    " + RETURN)
        ],
        "z has been given 1 minus the weights and the bias of u: it is the gate that is 1 minus the other.": blocks(
            "[r, 1 - u, kernel_new]", "[b_r, 1 - b_u, bias_new]"
        ),
        "z has been given 1 divided by the weights of u: the two gates add up to 1.": blocks(
            "[r, 1 / u, kernel_new]", "[b_r, 1 / b_u, bias_new]"
        ),
        "The weights themselves have been squashed: squashed is the sum that they make, and it is the gate that is 1 minus the other.": blocks(
            "[r, 1 - 1 / (1 + np.exp(-u)), kernel_new]", "[b_r, 1 - 1 / (1 + np.exp(-b_u)), bias_new]"
        ),
        "All blocks are in the order n r z: asked for is r z n.": blocks(
            "[kernel_new, r, -u]", "[bias_new, b_r, -b_u]"
        ),
        "The blocks of the bias are in the order n r z: asked for is r z n.": [(BIAS, "[bias_new, b_r, -b_u]")],
        "The bias is copied as it lies, u r n: asked for is r z n, and z keeps where u takes.": [
            (BIAS, "[b_u, b_r, bias_new]")
        ],
        "The weights are copied as they lie, u r n: asked for is r z n, and z keeps where u takes.": [
            (WEIGHTS, "[u, r, kernel_new]")
        ],
        "The blocks of W_x are in the order z r n: asked for is r z n, as in W_h.": [
            (RETURN, "return np.concatenate([-u, r, kernel_new], axis=1).T[:, :I], joined[:, I:]")
        ],
        "The block of n holds the weights of the reset gate: n has a kernel of its own.": [(WEIGHTS, "[r, -u, r]")],
        "The weights are reshaped, not transposed: a reshape reads the entries in another order.": [
            (RETURN, "return joined.T[:I].reshape(-1, I), joined.T[I:].reshape(-1, len(bias_new))")
        ],
        "The block of n in W_h is transposed once too often, or not at all: rows are the units that are computed.": [
            (RETURN, "joined[-len(bias_new) :, I:] = joined[-len(bias_new) :, I:].T.copy()\n    " + RETURN)
        ],
        "The three blocks of W_h are transposed once too often, or not at all: rows are the units that are computed.": [
            (RETURN, "return joined[:, :I], np.concatenate([w.T for w in np.split(joined[:, I:], 3)])")
        ],
        "The columns of u and r are taken in turns: they lie block after block, first all of u.": [
            ("u, r = np.split(kernel_gates, 2, axis=1)", "u, r = kernel_gates[:, ::2], kernel_gates[:, 1::2]"),
            ("b_u, b_r = np.split(bias_gates, 2)", "b_u, b_r = bias_gates[::2], bias_gates[1::2]"),
        ],
    },
)

# 5. merge_biases

slips(
    merging,
    {
        "if reset_after:": {
            "if True:": "The n block is spared even if the reset comes before the product: there everything may be moved.",
            "if not reset_after:": "The two cases are swapped: it is the reset after the product that has one bias inside and one outside.",
            "if False:": "The n block is merged although the reset comes after the product: there b_hn is multiplied by r and b_xn is not.",
        },
        'order.index("n") * H': {
            "2 * H": "The n block is taken to be the last one: the argument `order` says where it lies.",
            'order.index("r") * H': "The reset gate's block has been spared: it is the n block that cannot be merged.",
            'order.index("z") * H': "The update gate's block has been spared: it is the n block that cannot be merged.",
            'order.index("n")': "The place of the block is counted in blocks, not in entries: a block has H of them.",
        },
        "return b_x + moved, b_h - moved": {
            "b_x += moved\n    return b_x, b_h - moved": "b_x itself has been changed: return new arrays, the caller still needs the old ones.",
            "return b_x + moved, b_h": "What has been moved is still in b_h: it now counts twice.",
            "return b_x, b_h - moved": "What was taken out of b_h has not been added to b_x: the model has lost it.",
            "return b_x + moved, 0 * b_h": "b_h has been emptied: the block that could not be moved has to stay there.",
            "return b_x - moved, b_h - moved": "What was taken out of b_h is subtracted from b_x: it has to be added.",
            "return b_x + b_h, b_h - moved": "All of b_h has been added to b_x, the n block included, which stays in b_h as well.",
        },
        "moved[start : start + H] = 0": {
            "moved[start + H :] = 0": "The wrong entries stay in b_h: those of the n block have to, and no others.",
            "moved[start:] = 0": "Everything from the n block on stays in b_h: only that block has to.",
            "moved[:start] = 0": "Everything before the n block stays in b_h: only that block has to.",
        },
    },
)

MERGE = """moved = b_h.copy()
    if reset_after:
        H = len(b_h) // 3
        start = order.index("n") * H
        moved[start : start + H] = 0
    return b_x + moved, b_h - moved"""

MERGED, STAYS, START = "return b_x + moved, b_h - moved", "moved[start : start + H] = 0", 'start = order.index("n") * H'

edits(
    merging,
    MERGE,
    {
        "b_x has been replaced by what was moved: the two are added.": [
            (MERGED, "return np.where(moved != 0, moved, b_x), b_h - moved")
        ],
        "The biases are moved the other way, from b_x to b_h.": [
            ("moved = b_h.copy()", "moved = b_x.copy()"),
            (MERGED, "return b_x - moved, b_h + moved"),
        ],
        "The mean of the two biases is taken: the model adds them, so the merged one is their sum.": [
            (MERGED, "return np.where(moved != 0, (b_x + b_h) / 2, b_x), b_h - moved")
        ],
        "Only half of b_h is moved: as much as possible means all of a block that may be moved.": [
            (MERGED, "return b_x + moved / 2, b_h - moved / 2")
        ],
        "Only the n block is merged: it is the one that has to stay if the reset comes after the product.": [
            ("moved = b_h.copy()", "moved, reset_after = b_h.copy(), True"),
            (STAYS, "moved[:start], moved[start + H :] = 0, 0"),
        ],
        "If the reset comes first, only the n block is merged: there everything may be moved.": [
            (
                STAYS,
                STAYS + '\n    else:\n        moved = b_h * np.repeat([gate == "n" for gate in order], len(b_h) // 3)',
            )
        ],
        "Nothing is merged if the reset comes after the product: there r and z may still be moved.": [
            (STAYS, "moved[:] = 0")
        ],
        "The n block of b_x has been moved into b_h: b_x lies outside the reset gate and stays there.": [
            (
                MERGED,
                MERGED.replace("return ", "kept = b_x * (moved != b_h)\n    return ")
                .replace("b_x + moved", "b_x - kept + moved")
                .replace("- moved", "- moved + kept"),
            )
        ],
        "The n block of b_x has been emptied: what cannot be merged stays in both biases.": [
            (MERGED, "return b_x * (moved == b_h) + moved, b_h - moved")
        ],
        "The n block is moved twice if the reset comes first: every entry of b_h is added once.": [
            (
                STAYS,
                STAYS
                + '\n    else:\n        moved = b_h * np.repeat([1 + (gate == "n") for gate in order], len(b_h) // 3)',
            ),
            (MERGED, "return b_x + moved, b_h - np.where(moved == 0, 0, b_h)"),
        ],
        "The blocks of the results are put into the order r z n: they have to stay in the order of the arguments.": [
            (
                MERGED,
                'parts = [order.index(gate) for gate in "rzn"]\n    '
                "x, h = (b.reshape(3, -1)[parts].ravel() for b in (b_x + moved, b_h - moved))\n    return x, h",
            )
        ],
        "The n block is taken to be the first one: the argument `order` says where it lies.": [(START, "start = 0")],
        "The n block is counted from the end of `order`: the first letter names the first block.": [
            (START, 'start = order[::-1].index("n") * H')
        ],
        "The place is looked up the wrong way round: asked for is where in `order` the letter n stands, not where in r z n a letter of `order` stands.": [
            (START, 'start = "rzn".index(order[2]) * H')
        ],
        "Only one entry stays in b_h: the whole n block has to, H entries.": [
            (START, 'start = order.index("n")'),
            (STAYS, "moved[start] = 0"),
        ],
        "Only the first entries are moved, as if every block had one: a block has H entries, a third of the array.": [
            ("moved = b_h.copy()", "moved = b_h.copy()\n    moved[3:] = 0"),
            ("H = len(b_h) // 3", "H = 1"),
        ],
        "The entries of a block are taken in steps of three: a block lies in one piece, H entries long.": [
            (STAYS, 'moved[order.index("n") :: 3] = 0')
        ],
        "The last entry of every block is left out: a slice ends before its second number.": [
            (MERGED, "moved.reshape(3, -1)[:, -1] = 0\n    " + MERGED)
        ],
        "The first entry of every block is left out: all H entries of a block move together.": [
            (MERGED, "moved.reshape(3, -1)[:, 0] = 0\n    " + MERGED)
        ],
    },
)


@merging.mistake("The array is cut into halves: each bias has three blocks, so H is a third of its entries.")
def two_blocks(b_x, b_h, order, reset_after):
    moved, H = b_h.copy(), len(b_h) // 2
    for k, gate in enumerate(order):
        if gate == "n" and reset_after:
            moved[k * H : (k + 1) * H] = 0
    return b_x + moved, b_h - moved


# 6. norm_gates

slips(
    norm,
    {
        "blocks = a.reshape(len(a), *gain.shape) -> blocks = a.reshape(len(a), *gain.T.shape).swapaxes(1, 2)": "The columns of a are taken as units of G gates: they lie block after block, H entries each.",
        "centred = blocks - blocks.mean(axis=2, keepdims=True)": {
            "centred = blocks - blocks.mean(axis=(1, 2), keepdims=True)": "The mean is taken over all blocks together: every gate has its own.",
            "centred = blocks - blocks.mean(axis=0, keepdims=True)": "The mean is taken over the batch: that is batch normalisation; here every sequence is on its own.",
            "centred = blocks - blocks.mean(axis=1, keepdims=True)": "The mean is taken over the gates: it runs over the H entries of one gate.",
            "centred = blocks": "The mean has not been taken off.",
        },
        "variance = np.mean(centred**2, axis=2, keepdims=True)": {
            "variance = np.mean(centred**2, axis=(1, 2), keepdims=True)": "The variance is taken over all blocks together: every gate has its own.",
            "variance = np.mean(centred**2, axis=0, keepdims=True)": "The variance is taken over the batch: every sequence is on its own.",
            "variance = np.sum(centred**2, axis=2, keepdims=True)": "The squares are summed, not averaged: the variance is their mean.",
            "variance = np.sum(centred**2, axis=2, keepdims=True) / (gain.shape[1] - 1)": "The variance is divided by H - 1: layer normalisation divides by H.",
            "variance = np.mean(np.abs(centred), axis=2, keepdims=True)": "The mean of the absolute values is not the variance: the entries are squared.",
        },
        "np.sqrt(variance + eps)": {
            "(np.sqrt(variance) + eps)": "eps is added to the root: it belongs to the variance, inside the root.",
            "(variance + eps)": "The root is missing: it is the standard deviation that the sums are divided by.",
        },
        "gain * centred / np.sqrt(variance + eps) + offset": {
            "gain * (centred / np.sqrt(variance + eps) + offset)": "The offset is multiplied by the gain: it is added afterwards.",
            "(1 + gain) * centred / np.sqrt(variance + eps) + offset": "The gain is counted from 1: it is the factor itself.",
            "gain * blocks / np.sqrt(variance + eps) + offset": "The sums are divided, but their mean has not been taken off.",
        },
    },
)

NORM = """blocks = a.reshape(len(a), *gain.shape)  # (B, G, H)
    centred = blocks - blocks.mean(axis=2, keepdims=True)
    variance = np.mean(centred**2, axis=2, keepdims=True)
    return (gain * centred / np.sqrt(variance + eps) + offset).reshape(a.shape)"""

MEAN, VARIANCE = "blocks.mean(axis=2, keepdims=True)", "np.mean(centred**2, axis=2, keepdims=True)"

ROOT, LAST = "np.sqrt(variance + eps)", "(gain * centred / np.sqrt(variance + eps) + offset).reshape(a.shape)"


def over(axes):
    return [(MEAN, MEAN.replace("2", axes)), (VARIANCE, VARIANCE.replace("axis=2", f"axis={axes}"))]


edits(
    norm,
    NORM,
    {
        "Mean and variance are taken over all blocks together: every gate has its own.": over("(1, 2)"),
        "Mean and variance are taken over the batch: that is batch normalisation; here every sequence is on its own.": over(
            "0"
        ),
        "Mean and variance are taken over the gates: they run over the H entries of one gate.": over("1"),
        "Mean and variance are taken over batch and units: every sequence has its own.": over("(0, 2)"),
        "The variance is taken over batch and units: every sequence has its own.": [
            (VARIANCE, VARIANCE.replace("axis=2", "axis=(0, 2)"))
        ],
        "Root and sum are exchanged: the root is taken of variance plus eps, not of each.": [
            (ROOT, "(np.sqrt(variance) + np.sqrt(eps))")
        ],
        "eps is added twice: once to the variance is enough.": [(ROOT, f"({ROOT} + eps)")],
        "eps is added to the sums: it belongs to the variance.": [
            ("gain * centred", "gain * (centred + eps)"),
            (ROOT, "np.sqrt(variance)"),
        ],
        "The variance is made without taking the mean off: it is the mean square of a - mu.": [
            (VARIANCE, VARIANCE.replace("centred", "blocks"))
        ],
        "The mean is added instead of taken off.": [("blocks - ", "blocks + ")],
        "The median has been taken off: mu is the mean.": [(MEAN, "np.median(blocks, axis=2, keepdims=True)")],
        "The square of the mean deviation is not the variance: first square, then average.": [
            (VARIANCE, "np.mean(np.abs(centred), axis=2, keepdims=True) ** 2")
        ],
        "The variance is divided by H twice: it is the mean of the squares, and a mean has divided already.": [
            (VARIANCE, f"{VARIANCE} / gain.shape[1]")
        ],
        "There is a factor H too many under the root: variance and eps enter as they are.": [
            (ROOT, "np.sqrt(gain.shape[1] * (variance + eps))")
        ],
        "The sums are divided by the largest one: it is the standard deviation that they are divided by.": [
            (ROOT, "(np.abs(centred).max(axis=2, keepdims=True) + eps)")
        ],
        "The square stands where the root should: the sums are divided by the root of variance plus eps.": [
            (ROOT, "(variance + eps) ** 2")
        ],
        "The gain stands under the root: it multiplies what comes out.": [
            ("gain * centred / np.sqrt(variance + eps)", "centred / np.sqrt(gain * (variance + eps))")
        ],
        "Gain and offset of the first gate are used for all: row k belongs to gate k.": [
            ("gain * centred", "gain[0] * centred"),
            ("+ offset", "+ offset[0]"),
        ],
        "One gain is used for all units of a gate: every unit has its own.": [
            ("gain * centred", "gain[:, :1] * centred")
        ],
        "The rows and columns of gain and offset are mixed up: they are (G, H) already, a reshape and transpose moves the entries.": [
            ("gain * centred", "gain.reshape(gain.T.shape).T * centred"),
            ("+ offset", "+ offset.reshape(gain.T.shape).T"),
        ],
        "The offset is added before normalising: it is added to what comes out.": [
            (
                LAST,
                "(gain * (blocks + offset - (blocks + offset).mean(axis=2, keepdims=True)) / np.sqrt(variance + eps)).reshape(a.shape)",
            )
        ],
        "The columns of a are taken as units of G gates, there and back: they lie block after block, H entries each.": [
            ("a.reshape(len(a), *gain.shape)", "a.reshape(len(a), *gain.T.shape).swapaxes(1, 2)"),
            (LAST, LAST.replace(".reshape", ".swapaxes(1, 2).reshape")),
        ],
        "On the way back the blocks are mixed unit by unit: they lie block after block, as they came.": [
            (LAST, LAST.replace(".reshape", ".swapaxes(1, 2).reshape"))
        ],
        "Blocks and sequences are mixed up: a row of a is one sequence with all its gates, so the axes are batch, gate, unit in this order.": [
            ("a.reshape(len(a), *gain.shape)", "a.reshape(len(gain), len(a), -1)"),
            ("gain * centred", "gain[:, None] * centred"),
            ("+ offset", "+ offset[:, None]"),
        ],
        "The last block is left out: there are G of them.": [
            ("return " + LAST, f"normed = {LAST}\n    normed[:, -gain.shape[1] :] = 0\n    return normed")
        ],
        "The result has been squashed: asked for are the normalised sums, and the gates come later.": [
            ("return " + LAST, f"return 1 / (1 + np.exp(-{LAST}))")
        ],
        "The sums are normalised once more after gain and offset: once is enough.": [
            (
                "return " + LAST,
                "normed = gain * centred / np.sqrt(variance + eps) + offset\n"
                "    spread = np.sqrt(normed.var(axis=2, keepdims=True) + eps)\n"
                "    return ((normed - normed.mean(axis=2, keepdims=True)) / spread).reshape(a.shape)",
            )
        ],
        "Mean and offset are missing: only the root mean square has been taken out.": [
            (MEAN, "0"),
            (" + offset", ""),
        ],
        "The result has three axes: put it back into the layout of a, (B, G * H).": [
            (LAST, LAST.replace(".reshape(a.shape)", ""))
        ],
    },
)

# 7. half_lives

LIVES = """logs = np.log(np.where(mask[:, :, None] > 0, z, 1))  # 0 where padded
    mean_log = np.sum(logs, axis=(0, 1)) / np.sum(mask)
    return -np.log(2) / mean_log"""

MEAN_LOG = "np.sum(logs, axis=(0, 1)) / np.sum(mask)"

slips(
    lives,
    {
        MEAN_LOG: {
            "np.log(z).mean(axis=(0, 1))": "The mask is not used: padded steps take part in the mean.",
            "np.log(np.sum(mask[:, :, None] * z, axis=(0, 1)) / np.sum(mask))": "The arithmetic mean is taken: along a path the gates multiply, so it is the logarithms that are averaged.",
            "np.log(z.mean(axis=(0, 1)))": "The arithmetic mean is taken, of padded steps as well: the logarithms of the real steps are averaged.",
            "np.sum(logs, axis=(0, 1))": "The logarithms are summed, not averaged: divide by the number of real steps.",
            "np.sum(logs, axis=(0, 1)) / mask.size": "The sum is divided by the number of all steps: only the real ones count.",
            "np.sum(logs, axis=(0, 1)) / len(mask)": "The sum is divided by T: divide by the number of real steps of all sequences.",
            "np.sum(logs, axis=(0, 1)) / mask.shape[1]": "The sum is divided by the number of sequences: divide by the number of real steps of all sequences.",
            "np.sum(logs) / np.sum(mask) / z.shape[2]": "One mean is taken over all units: every unit has its own half-life.",
            "np.sum(mask[:, :, None] * np.log(1 - z), axis=(0, 1)) / np.sum(mask)": "z is read as the share that is replaced: here it keeps the old state.",
            "np.sum(np.log(np.where(mask[:, :, None] > 0, 1, z)), axis=(0, 1)) / np.sum(1 - mask)": "The mask is inverted: it is 1 for real steps.",
            "np.sum(logs / np.log(2), axis=(0, 1)) / np.sum(mask)": "Two different logarithms are mixed: use the same one for z and for 2.",
        },
        "-np.log(2) / mean_log": {
            "-1 / mean_log": "This is the time after which a share 1/e is left, not a half, or the two logarithms have different bases.",
            "-np.log(2) * mean_log": "The logarithms are multiplied: gates closer to 1 have to give a longer half-life.",
            "1 / (1 - np.exp(mean_log))": "This is 1 / (1 - z), the mean time until a unit is replaced: asked for is the half-life.",
            "np.log(2) / (1 - np.exp(mean_log))": "-ln z is approximated by 1 - z, which is right only for z close to 1.",
            "np.exp(mean_log)": "This is the mean gate itself: asked for is the number of steps.",
            "0.5 / mean_log": "The logarithm of 1/2 is missing: it is 1/2 itself that is divided.",
            "-0.5 / mean_log": "The logarithm of 2 is missing: it is 1/2 itself that is divided.",
            "-np.log10(2) / mean_log": "Two different logarithms are mixed: 2 has that of base 10, z the natural one.",
            "-np.log(4) / mean_log": "This is the time after which a quarter is left: asked for is a half.",
            "np.exp(mean_log) ** 0.5": "This is the root of the mean gate: what is asked for is the power k at which it has become 1/2.",
            "0.5 / (1 - np.exp(mean_log))": "A half is lost at 1 - z per step as if the loss were always that of the first step: the gates multiply.",
            "np.ceil(-np.log(2) / mean_log)": "The half-life is rounded up to whole steps: it need not be a whole number.",
            "np.round(-np.log(2) / mean_log)": "The half-life is rounded to whole steps: it need not be a whole number.",
            "-np.log(2) / mean_log + 1": "One step is added: the k of the equation is the half-life itself.",
        },
        "logs = np.log(np.where(mask[:, :, None] > 0, z, 1))": {
            "logs = mask[:, :, None] * np.log(z)": "Padded steps are multiplied by 0 after the logarithm: where a 0 stands there, its logarithm is infinite and 0 times it is NaN.",
            "logs = np.log(z)": "The mask is used in the count only: the logarithms of padded steps are in the sum.",
            "logs = np.log(mask[:, :, None] * z)": "Padded gates are set to 0 before the logarithm: ln 0 is minus infinity, and it is the logarithm that has to be 0.",
            "logs = np.log(np.where(mask[:, :, None] > 0, z, 1) + 1e-3)": "Something is added to z before the logarithm: real gates are above 0, and a guard changes the small ones.",
            "logs = np.log(np.where(mask[:, :, None] > 0, np.clip(z, 0.01, 0.99), 1))": "The gates are clipped: those close to 0 or 1 say most about the memory.",
        },
    },
)

edits(
    lives,
    LIVES,
    {
        "Padded gates are replaced by 1/2 and take part in the mean: padded steps do not count.": [
            ("z, 1))", "z, 0.5))"),
            ("np.sum(mask)", "mask.size"),
        ],
        "The steps are counted as if a step were real in all sequences as soon as it is in one.": [
            ("np.sum(mask)", "(mask.any(axis=1).sum() * mask.shape[1])")
        ],
        "The sum is divided by the length of the longest sequence: divide by the number of real steps of all of them.": [
            ("np.sum(mask)", "np.sum(mask, axis=0).max()")
        ],
        "The number of real steps is one too large.": [("np.sum(mask)", "(np.sum(mask) + 1)")],
        "The number of real steps is one too small: this is a mean, not an estimate of a spread.": [
            ("np.sum(mask)", "(np.sum(mask) - 1)")
        ],
        "Only the first sequence is used: the mean is over the real steps of all of them.": [
            (MEAN_LOG, "np.sum(logs[:, 0], axis=0) / np.sum(mask[:, 0])")
        ],
        "Only the last step is used: the mean is over all real steps.": [(MEAN_LOG, "np.log(z[-1]).mean(axis=0)")],
        "The first step is left out: its gate keeps the state before it, too.": [
            (MEAN_LOG, "np.sum(logs[1:], axis=(0, 1)) / np.sum(mask[1:])")
        ],
        "Steps at which any sequence is padded are left out for all: every real step counts.": [
            (MEAN_LOG, "np.log(z[mask.all(axis=1)]).mean(axis=(0, 1))")
        ],
        "The mean is over steps: first over the sequences at each step and then over all steps, so that steps with few sequences weigh too much.": [
            (MEAN_LOG, "np.mean(np.sum(logs, axis=1) / np.maximum(mask.sum(axis=1), 1)[:, None], axis=0)")
        ],
        "A half-life is computed per sequence, and then their mean: first average the logarithms over everything, then invert.": [
            (
                "-np.log(2) / mean_log",
                "np.mean(-np.log(2) * mask.sum(axis=0)[:, None] / np.sum(logs, axis=0), axis=0)",
            )
        ],
        "The arithmetic mean is taken within each sequence: along a path the gates multiply, so it is the logarithms that are averaged.": [
            (
                MEAN_LOG,
                "np.log(np.sum(mask[:, :, None] * z, axis=0) / mask.sum(axis=0)[:, None]).mean(axis=0)",
            )
        ],
        "Products of the sequences are averaged: the logarithms of all real steps are.": [
            (MEAN_LOG, "np.log(np.mean(np.exp(np.sum(logs, axis=0)), axis=0)) / len(z)")
        ],
        "The harmonic mean is taken: along a path the gates multiply, so it is the logarithms that are averaged.": [
            (MEAN_LOG, "np.log(np.sum(mask) / np.sum(1 / z[mask > 0], axis=0))")
        ],
        "The median gate is taken: along a path the gates multiply, so it is the logarithms that are averaged.": [
            (MEAN_LOG, "np.log(np.median(z[mask > 0], axis=0))")
        ],
        "The logarithms of the half-lives of single steps are averaged: first average ln z, then invert.": [
            ("-np.log(2) / mean_log", "np.exp(np.mean(np.log(-np.log(2) / np.log(z[mask > 0])), axis=0))")
        ],
        "The product of all gates is formed: over many steps it becomes 0, its logarithm does not; average the logarithms.": [
            (
                MEAN_LOG,
                "np.log(np.prod(np.where(mask[:, :, None] > 0, z, 1), axis=(0, 1)) ** (1 / np.sum(mask)))",
            )
        ],
        "The mask is used as a list of indices, 0 and 1: it says of every step whether it is real.": [
            (MEAN_LOG, "np.log(z[mask.astype(int)]).mean(axis=(0, 1, 2))")
        ],
        "The mask is made from the values of z: small gates are real, it is the argument that says which steps are.": [
            ("mask[:, :, None] > 0", "(mask[:, :, None] * z) > 0.01"),
        ],
        "What is left is one half-life per sequence: the mean is over all sequences as well.": [
            (MEAN_LOG, "np.sum(logs, axis=0) / mask.sum(axis=0)[:, None]")
        ],
        "One number comes out for all units: the mean is over steps and sequences, and every unit keeps its own.": [
            (MEAN_LOG, "np.sum(logs) / np.sum(mask)")
        ],
    },
)


@lives.mistake("The mean of the half-lives of single steps is taken: first average the logarithms, then invert.")
def mean_of_half_lives(z, mask):
    return np.mean(-np.log(2) / np.log(z[mask > 0]), axis=0)


@lives.mistake("The median of the half-lives of single steps is taken: average the logarithms, then invert.")
def median_of_half_lives(z, mask):
    return np.median(-np.log(2) / np.log(z[mask > 0]), axis=0)


@lives.mistake(
    "The mean is over sequences: first within each and then over all of them, so that short ones weigh too much."
)
def mean_of_sequence_means(z, mask):
    sums = np.sum(np.log(np.where(mask[:, :, None] > 0, z, 1.0)), axis=0)
    return -np.log(2) / np.mean(sums / mask.sum(axis=0)[:, None], axis=0)
