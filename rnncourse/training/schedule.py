"""Learning rates that change from step to step."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def warmup_cosine(optimizer: Optimizer, steps: int, warmup: int = 0, floor: float = 0.0) -> LambdaLR:
    """A scheduler: a straight line up over `warmup` steps, then half a cosine down to `floor` at the last of `steps`.

    The optimiser's own learning rate is the highest; floor is a fraction of it. The first step has 1/warmup of it.

    Raises ValueError unless 0 <= warmup < steps and 0 <= floor <= 1.

    Source: Loshchilov and Hutter (2017) for the cosine, without restarts; chapter 13.
    """
    if not 0 <= warmup < steps or not 0 <= floor <= 1:
        raise ValueError(
            f"warmup={warmup}, steps={steps}, floor={floor}: expected 0 <= warmup < steps and 0 <= floor <= 1"
        )

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        way = min(1.0, (step - warmup) / max(1, steps - 1 - warmup))  # 0 at the top, 1 at the last step
        return floor + (1 - floor) * (1 + math.cos(math.pi * way)) / 2

    return LambdaLR(optimizer, factor)
