"""A character model of surnames on any number of processes: torchrun --nproc-per-node 2 ddp.py OUT.pt [float64]"""

import os
import sys

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.functional import cross_entropy, pad

from rnncourse import data, training


def collate(names):
    """x, y (T, B): symbol 0 begins and ends a name; cross_entropy leaves out targets of -100."""
    ids = [torch.tensor([0, *(ord(c) % 32 for c in name.lower()), 0]) for name in names]
    x, y = [n[:-1] for n in ids], [n[1:] for n in ids]
    return nn.utils.rnn.pad_sequence(x), nn.utils.rnn.pad_sequence(y, padding_value=-100)


def shard(x, y, rank, world):
    """This process's columns of a batch: as many as the others have, if need be with targets that are left out."""
    more = (0, -x.shape[1] % world)
    return pad(x, more)[:, rank::world], pad(y, more, value=-100)[:, rank::world]


class Model(nn.Module):
    def __init__(self, V=32, H=32):
        super().__init__()
        self.embedding, self.lstm, self.readout = nn.Embedding(V, H), nn.LSTM(H, H), nn.Linear(H, V)

    def forward(self, x):  # (T, B) -> (T, B, V)
        return self.readout(self.lstm(self.embedding(x))[0])


def main(out, dtype="float32"):
    dist.init_process_group()  # torchrun says how many there are, and which one this is
    rank, world = dist.get_rank(), dist.get_world_size()
    device = torch.device(f"cuda:{os.environ['LOCAL_RANK']}" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)  # the same weights everywhere
    model = nn.parallel.DistributedDataParallel(Model().to(device, getattr(torch, dtype)))
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    history = {"loss": [], "gradients": []}
    for x, y in training.Shuffled(data.surnames()["it_IT"][:37], B=12, seed=0, collate=collate):  # 12, 12, 12, 1
        tokens = (y >= 0).sum()  # of all processes: the batch is not dealt out yet
        x, y = (part.to(device) for part in shard(x, y, rank, world))
        loss = cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum") * world / tokens
        optimizer.zero_grad()
        loss.backward()  # the processes average their gradients here
        optimizer.step()
        dist.all_reduce(mean := loss.detach() / world)
        history["loss"].append(mean.item())
        history["gradients"].append(torch.cat([p.grad.flatten() for p in model.parameters()]).cpu())
    if rank == 0:
        torch.save(history, out)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
