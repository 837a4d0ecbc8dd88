"""Batches that know where they are, so that a run can be stopped and go on.

What `train` needs of batches: `iter` gives those that are left of the epoch, and the next `iter` the next epoch;
`state_dict()` says which comes next, and `load_state_dict` goes there. Where batches are random, their generator is
part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

import torch

from rnncourse.data import streams


class Streams(streams):
    """`data.streams` as tensors x, y (T, B), from where it stands: a state may be carried from batch to batch."""

    carries = True  # column b of a batch goes on where column b of the batch before ended

    def __init__(self, ids, T: int, B: int):
        super().__init__(ids, T, B)
        self.position = 0

    def __iter__(self):
        for x, y in islice(super().__iter__(), self.position, None):
            self.position += 1
            yield torch.from_numpy(x), torch.from_numpy(y)
        self.position = 0

    def state_dict(self) -> dict:
        return {"position": self.position, "batches": len(self)}

    def load_state_dict(self, state: dict) -> None:
        self.position = _position(state, len(self))


class Shuffled:
    """Batches of B examples in a new random order each epoch; the last batch of an epoch may be smaller.

    examples: a sequence; collate: makes a batch of a list of examples (pads them, say); seed: of the orders.
    No state may be carried from one of these batches to the next: their sequences have nothing to do with each other.
    """

    carries = False

    def __init__(self, examples: Sequence, B: int, seed: int, collate: Callable = list):
        if B < 1 or not len(examples):
            raise ValueError(f"{len(examples)} examples in batches of B={B}: both must be 1 or more")
        self.examples, self.B, self.collate = examples, B, collate
        self.position, self._generator = 0, torch.Generator().manual_seed(seed)
        self._began = self._generator.get_state()  # the generator before it drew this epoch's order

    def __len__(self) -> int:
        return -(-len(self.examples) // self.B)

    def __iter__(self):
        self._generator.set_state(self._began)
        order = torch.randperm(len(self.examples), generator=self._generator).tolist()
        while self.position < len(self):
            chosen = order[self.B * self.position :][: self.B]
            self.position += 1
            yield self.collate([self.examples[k] for k in chosen])
        self.position, self._began = 0, self._generator.get_state()

    def state_dict(self) -> dict:
        return {"position": self.position, "batches": len(self), "generator": self._began.clone()}

    def load_state_dict(self, state: dict) -> None:
        self.position, self._began = _position(state, len(self)), state["generator"].clone()


def _position(state: dict, batches: int) -> int:
    """The stored position. ValueError if the stored run had another number of batches per epoch."""
    if state["batches"] != batches:
        raise ValueError(
            f"an epoch of the stored run has {state['batches']} batches, this one has {batches}: "
            "go on with the same data and batch size, or begin a new run under another file name"
        )
    return state["position"]
