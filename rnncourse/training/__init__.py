"""Training in PyTorch: one loop for every model of the course from chapter 13 on::

    from rnncourse import training

    device = training.device()
    torch.manual_seed(0)                              # initial weights, dropout
    model = Model(V).to(device)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    history = training.train(
        model,
        loss,                                         # loss(model, batch, state) -> mean loss, count, new state
        training.Streams(ids, T=64, B=32),            # or training.Shuffled(examples, B=32, seed=0, collate=pad)
        optimizer,
        training.Options(steps=1000, checkpoint="run.pt"),
        valid=data.streams(held_out, T=64, B=32),
        scheduler=training.warmup_cosine(optimizer, steps=1000, warmup=50),
        same={"vocabulary": vocabulary.symbols},      # what must not change between stopping and going on
    )
    history["loss"], history["grad_norm"]             # one value per step
    training.evaluate(model, loss, test)              # the mean loss of other batches

A run that was killed goes on if the same lines run again, and ends with the same weights, bit for bit on a CPU.
"""

from rnncourse.training.batches import Shuffled, Streams
from rnncourse.training.checkpoint import load, save
from rnncourse.training.device import device
from rnncourse.training.loop import Options, evaluate, train
from rnncourse.training.schedule import warmup_cosine

__all__ = ["device", "train", "evaluate", "Options", "Streams", "Shuffled", "warmup_cosine", "save", "load"]
