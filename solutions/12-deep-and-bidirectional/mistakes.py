"""Known mistakes of unit 12-deep-and-bidirectional."""

import torch
from checks import both, chrono, packed, reach, tied, zoned

from rnncourse.authoring import mistakes, slips

# 1. reach


def all_later(f, x, other):
    """Everything from step s on is replaced."""
    before, back, ahead = f(x), 0, 0
    for s in range(len(x)):
        t = (f(torch.cat([x[:s], other[s:]])) != before).flatten(1).any(dim=1).nonzero()
        if len(t):
            back, ahead = max(back, t.max().item() - s), max(ahead, s - t.min().item())
    return back, ahead


def only_next(f, x, other):
    """Only the neighbours of a changed step are looked at."""
    before, found = f(x), {1: 0, -1: 0}
    for s in range(len(x)):
        changed = x.clone()
        changed[s] = other[s]
        moved = (f(changed) != before).flatten(1).any(dim=1)
        for d in found:
            if 0 <= s + d < len(x) and moved[s + d]:
                found[d] = 1
    return found[1], found[-1]


def counting(f, x, other):
    """The number of moved outputs on each side, not their distance."""
    before, back, ahead = f(x), 0, 0
    for s in range(len(x)):
        changed = x.clone()
        changed[s] = other[s]
        moved = (f(changed) != before).flatten(1).any(dim=1)
        back, ahead = max(back, int(moved[s + 1 :].sum())), max(ahead, int(moved[:s].sum()))
    return back, ahead


slips(
    reach,
    {
        "changed[s] = other[s]": {
            "changed[s] = other[0]": "Each input is replaced by the first of `other`: a model may react to some values and not to others, so take the one of the same step.",
            "changed[s, 0] = other[s, 0]": "Only the first sequence is changed: what a model does now and then shows in some sequence, so change all.",
        },
        "changed = x.clone()": {
            "changed = x": "The inputs are changed for good: `x` is another name for the same tensor, and the next step starts from the changed one. Copy it.",
            "changed = x.clone() if s == 0 else changed": "One step after the other is changed and none is put back: then it is unknown which of them moved the output.",
        },
        "changed = x.clone()\n        changed[s] = other[s]\n        t = (f(changed) != before)": {
            "changed = torch.cat([other[: s + 1], x[s + 1 :]])\n        t = (f(changed) != f(torch.cat([other[:s], x[s:]])))": "The changes stay, and each output is compared with that of the change before: every step is changed in x itself.",
        },
        ".flatten(1).any(dim=1)": {
            ".flatten(1).all(dim=1)": "A step counts only if all its outputs move: one that moves in one sequence is enough.",
        },
        "range(len(x))": {
            "[len(x) // 2]": "Only the input in the middle is changed: nothing reaches further than half the sequence from there.",
            "{0, len(x) - 1}": "Only the first and the last input are changed: a model may react to a step in the middle alone.",
        },
        "(f(changed) != before).flatten(1).any(dim=1)": {
            "((f(changed) - before).flatten(1).sum(dim=1) != 0)": "The differences of a step are added up: they may cancel. One output that moves is enough.",
            "(~torch.isclose(f(changed), before).flatten(1).all(dim=1))": "Outputs that are nearly equal count as equal: a fading memory moves them by little, so compare exactly.",
            "(f(changed) != before)[..., 0].any(dim=1)": "Only the first output of each step is looked at: any of them may move.",
        },
        "t.max().item() - s": {
            "t.min().item() - s": "`back` is measured to the first output that moved: the last one shows how far back the model looks.",
        },
    },
)
mistakes(
    reach,
    all_later=(
        "All inputs from step s on are replaced: an output that moves may then have seen any of them. Replace one step.",
        all_later,
    ),
    only_next=(
        "Only the neighbours of the changed step are looked at: a model may look further than one step.",
        only_next,
    ),
    counting=(
        "The outputs that moved are counted: a model that sees the step three ahead and not those between looks three ahead.",
        counting,
    ),
)

# 2. locked_packed


def per_step(data, batch_sizes, u, p, training):
    """One mask per step for all sequences."""
    t = torch.repeat_interleave(torch.arange(len(batch_sizes)), batch_sizes) % len(u)
    return data * ((u >= p) / (1 - p))[t] if training else data


def by_sequence(data, batch_sizes, u, p, training):
    """As if the data lay sequence after sequence."""
    lengths = (batch_sizes[:, None] > torch.arange(len(u))).sum(0)
    rows = torch.repeat_interleave(torch.arange(len(u)), lengths)
    return data * ((u >= p) / (1 - p))[rows] if training else data


def cycled(data, batch_sizes, u, p, training):
    """As if every step had all sequences."""
    rows = torch.arange(len(data)) % len(u)
    return data * ((u >= p) / (1 - p))[rows] if training else data


def whole_sequences(data, batch_sizes, u, p, training):
    rows = torch.cat([torch.arange(n) for n in batch_sizes.tolist()])
    return data * ((u[:, :1] >= p) / (1 - p))[rows] if training else data


def shortest_first(data, batch_sizes, u, p, training):
    rows = torch.cat([torch.arange(len(u) - n, len(u)) for n in batch_sizes.tolist()])
    return data * ((u >= p) / (1 - p))[rows] if training else data


slips(
    packed,
    {
        "(u >= p) / (1 - p)": {
            "(u >= p) * 1.0": "What is kept is not divided by 1 - p: the next layer then gets smaller inputs in training than in use.",
            "(u >= p) / p": "What is kept is divided by the rate: the share that is *kept* restores the mean.",
            "(u >= p) * (1 - p)": "What is kept is made smaller: it is divided by the share that is kept, so that the mean stays.",
            "(u < p) / (1 - p)": "The mask is turned round: it drops what it should keep.",
            "(u >= p) / (1 - p) ** 2": "The division by 1 - p is done twice.",
            "(u >= p) / (u >= p).double().mean()": "Divided is by the share that happened to be kept: it is the rate, a number, that restores the mean over all masks.",
            "(u[:1] >= p).expand(u.shape) / (1 - p)": "All sequences share the mask of the first: each has its own.",
        },
        "return data * mask[rows]": {
            "return data * mask[rows] + data * (1 - p) * (mask[rows] == 0)": "What is dropped is made smaller: it is to be zero.",
        },
        "if not training": {
            "if training": "Training and use are exchanged: entries are dropped while training, and only then.",
        },
        "return data\n": {
            "return data * (1 - p)\n": "The data are scaled when not training: the division while training has already taken care of the mean.",
        },
    },
)
mistakes(
    packed,
    per_step=(
        "There is one mask per step, the same for all sequences: it is to be one per sequence, the same at all its steps.",
        per_step,
    ),
    by_sequence=(
        "The data are taken to lie sequence after sequence: packed data lie step after step.",
        by_sequence,
    ),
    cycled=(
        "Every step is taken to hold all sequences: later steps have fewer, so the rows shift. `batch_sizes` says how many.",
        cycled,
    ),
    whole_sequences=("One number decides for all entries of a sequence: each entry has its own.", whole_sequences),
    shortest_first=(
        "The sequences that go on are taken to be the last ones: they are sorted longest first.",
        shortest_first,
    ),
)

# 3. zoned_states


def beside(step, x, h0, u, z, training):
    """Zoneout of the output only; the recurrence goes on without it."""
    h, shown, states = h0, h0, []
    for x_t, u_t in zip(x, u, strict=True):
        h = step(x_t, h)
        shown = torch.where(u_t < z, shown, h) if training else z * shown + (1 - z) * h
        states.append(shown)
    return torch.stack(states)


def mixed_afterwards(step, x, h0, u, z, training):
    """First all states without zoneout, then each is mixed with the one before."""
    new = [h0]
    for x_t in x:
        new.append(step(x_t, new[-1]))
    old, new = torch.stack(new[:-1]), torch.stack(new[1:])
    return torch.where(u < z, old, new) if training else z * old + (1 - z) * new


slips(
    zoned,
    {
        "u_t < z, h, new": {
            "u_t < z, new, h": "Old and new are exchanged: where u is below the rate, the unit keeps its *old* value.",
            "u_t < z, 0 * h, new": "The units are set to zero: that is dropout. With zoneout they keep their old value.",
            "u_t < z, h.detach(), new": "The old value is detached: the gradient is to pass through the units that stand still.",
            "u_t < z, h0, new": "The units go back to the first state: they keep the value of the step before.",
            "u[0] < z, h, new": "The same mask serves at all steps: then some units never move. Each step has its own numbers.",
            "u_t < z, h, new / (1 - z)": "The new values are scaled as in dropout: nothing is set to zero here, so there is no mean to restore.",
            "u_t[:1] < z, h, new": "All sequences share the mask of the first: each has its own.",
            "u_t < z.mean(), h, new": "One rate serves for all units: each has its own.",
        },
        "z * h + (1 - z) * new": {
            "(1 - z) * h + z * new": "The shares of the mean are exchanged: z is the share of the old value.",
            "new": "Without training the new state is taken alone: the units then run faster than they were trained to. The mean takes the place of chance.",
            "(1 - z) * new": "Without training the old state is missing: that is the mean of dropout.",
        },
        "states.append(h)": {
            "states.append(new)": "What is returned is the new state before zoneout.",
        },
        "if training": {
            "if not training": "Training and use are exchanged: chance acts while training, the mean takes its place in use.",
        },
    },
)
mistakes(
    zoned,
    beside=(
        "The step reads a state without zoneout: the next step reads what zoneout left, or nothing stands still.",
        beside,
    ),
    mixed_afterwards=(
        "All states are made without zoneout and mixed afterwards: the next step reads what zoneout left.",
        mixed_afterwards,
    ),
)

# 4. TiedEnds

slips(
    tied,
    {
        "self.weight[x] * self.weight.shape[1] ** 0.5": {
            "self.weight[x]": "The embedding is not scaled.",
            "self.weight[x] / self.weight.shape[1] ** 0.5": "The embedding is made smaller: it is multiplied by the root of its width.",
            "self.weight[x] * self.weight.shape[1]": "The embedding is multiplied by its width: it is the root of that.",
            "self.weight[x] * self.weight.shape[0] ** 0.5": "The embedding is multiplied by the root of the number of words: it is the root of its width, E.",
            "self.weight[x] * self.project.shape[1] ** 0.5": "The embedding is multiplied by the root of the states' width, H: it is the root of its own, E.",
            "self.weight.detach()[x] * self.weight.shape[1] ** 0.5": "No gradient reaches the matrix from the embedding: it is to learn from both ends.",
        },
        "h @ self.project.T @ self.weight.T + self.bias": {
            "h @ self.project.T @ self.weight.detach().T + self.bias": "No gradient reaches the matrix from the logits: it is to learn from both ends.",
            "h @ self.project.T @ self.weight.T * self.weight.shape[1] ** 0.5 + self.bias": "The logits are scaled like the embedding: the factor belongs to the input end alone.",
            "h @ self.project.T @ self.weight.T / self.weight.shape[1] ** 0.5 + self.bias": "The logits are divided by the root of E, as the scores of attention are: here they are not scaled.",
            "torch.tanh(h @ self.project.T) @ self.weight.T + self.bias": "There is a tanh between the projection and the matrix: the projection is linear.",
            "h @ self.project.T @ self.weight.T + self.bias / self.weight.shape[1] ** 0.5": "The bias is scaled: it is added as it is.",
            "(h @ self.project.T @ self.weight.T + self.bias).log_softmax(2)": "The logits have gone through a softmax: the loss does that.",
            "(h @ self.project.T @ self.weight.T + self.bias).softmax(2)": "The logits have become probabilities: the loss takes logits, and a second softmax flattens them.",
        },
    },
)

# 5. both_ways


def turned(right, left, x, h0_right, h0_left, lengths):
    """Each sequence is turned within its length, and the states are left in the order in which they were made."""
    t, rows = torch.arange(len(x))[:, None], torch.arange(x.shape[1])
    real = (t < lengths)[..., None]
    x_turned = x[torch.where(t < lengths, lengths - 1 - t, t), rows]
    h, g, output = h0_right, h0_left, []
    for x_t, y_t in zip(x, x_turned, strict=True):
        h, g = right(x_t, h), left(y_t, g)
        output.append(torch.cat([h, g], dim=1))
    return torch.stack(output).masked_fill(~real, 0.0)


def on_top(right, left, x, h0_right, h0_left, lengths):
    """The reader from the right reads the states of the other."""
    real = (torch.arange(len(x))[:, None] < lengths)[..., None]
    h, there, back = h0_right, [], []
    for t in range(len(x)):
        h = torch.where(real[t], right(x[t], h), h)
        there.append(h)
    h = h0_left
    for t in reversed(range(len(x))):
        h = torch.where(real[t], left(there[t], h), h)
        back.append(h)
    return torch.cat([torch.stack(there), torch.stack(back[::-1])], dim=2).masked_fill(~real, 0.0)


slips(
    both,
    {
        "< lengths)": {
            "< lengths.max())": "Every sequence counts as long as the longest: each has its own length.",
            "< lengths.min())": "Every sequence counts as long as the shortest: each has its own length.",
        },
        "h = torch.where(real[t], left(x[t], h), h)": {
            "h = left(x[t] * real[t], h)": "The padding is set to zero and read: a step that reads zeros changes the state all the same. It must stand still.",
            "h = left(x[t], h)": "The reader from the right reads the padding: its state is spoilt before it meets the first real step.",
            "h = torch.where(real[t], left(x[t], h), 0.0)": "The reader from the right begins at zero in the shorter sequences: each begins from its row of h0_left at its own last step.",
            "h = torch.where(real[t], right(x[t], h), h)": "The reader from the right uses the cell `right`: the one that begins at the last step is called `left`.",
        },
        "torch.stack(back[::-1])": {
            "torch.stack(back)": "The list of the reader from the right is not turned round: its first state belongs to the last step.",
        },
        "return output.masked_fill(~real, 0.0)": {
            "return output": "The padding of the output is not zero: states that stand still are there.",
        },
        "[torch.stack(there), torch.stack(back[::-1])], dim=2": {
            "[torch.stack([h0_right, *there[:-1]]), torch.stack([h0_left, *back[:-1]][::-1])], dim=2": "What stands at a step is the state before that step was read: it is to be the one after.",
            "[torch.stack(back[::-1]), torch.stack(there)], dim=2": "The two halves are exchanged: the reader from the left comes first.",
        },
    },
)
mistakes(
    both,
    turned=(
        "The states of the reader from the right stand in the order in which it made them, from the first row on: row t must belong to step t.",
        turned,
    ),
    on_top=("The second reader reads the states of the first: both read x.", on_top),
)

# 6. chrono_biases


def direction_by_direction(parameters, u, longest):
    """The rows go to all layers of the one direction first."""
    rows = {}
    for k, name in enumerate(sorted((n for n in parameters if "bias_ih" in n), key=lambda n: "reverse" in n)):
        rows[name] = u[k]
    order = torch.stack([rows[name] for name in parameters if "bias_ih" in name])
    return chrono.answers[0](parameters, order, longest)


slips(
    chrono,
    {
        "torch.log(1 + u[k] * (longest - 2))": {
            "1 + u[k] * (longest - 2)": "The logarithm is missing: the bias goes through the logistic function, where a bias of 20 is a gate that never closes.",
            "torch.log(1 + u[0] * (longest - 2))": "All layers and directions use the first row of u: each pair of bias vectors has its own.",
            "torch.log(1 + (0 * u[k] + u[k].mean()) * (longest - 2))": "All units get the same bias: the times are to be spread over the units.",
            "torch.log(u[k] * (longest - 2))": "The 1 is missing: the shortest time is one step, and the logarithm of less is negative.",
            "torch.log(1 + u[k] * longest)": "The longest time is two steps too long.",
            "torch.ones_like(u[k])": "That is the forget bias of 1: here it depends on how long the memories are to be.",
        },
        "[-forget, forget, zero, zero]": {
            "[-forget, zero, forget, zero]": "The forget biases stand in the third block, where other libraries have that gate: in PyTorch's order it is the second.",
            "[-forget, forget, zero, -forget]": "The output gate gets a bias as well: it stays at 0.",
            "[1 - forget, forget, zero, zero]": "The input gate's bias is 1 minus the other: that is for gates, after the logistic function. A gate of 1 - f has the bias -b.",
        },
        "torch.zeros_like(parameters[name])": {
            "parameters[name]": "The second bias vector is left as it was: what counts is the sum of the two.",
        },
        'name.startswith("bias_ih")': {
            'name == "bias_ih_l0"': "Only the first layer's reader from the left is set: every layer and direction has its own.",
            'name.startswith("bias_ih") and "reverse" not in name': "The readers from the right are left as they were: they have biases, too.",
            'name.startswith("bias_ih_l0")': "Only the lowest layer is set: every layer has its own.",
        },
        "torch.cat([-forget, forget, zero, zero])": {
            "torch.cat([-forget, forget, parameters[name][2 * len(zero) :]])": "The biases of the cell's input and of the output gate are as they were: they are to be 0.",
        },
    },
)
mistakes(
    chrono,
    direction_by_direction=(
        "The rows of u go to all layers of the one direction first: the dict lists both directions of a layer together.",
        direction_by_direction,
    ),
)
