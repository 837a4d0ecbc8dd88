"""What a run shows while it goes: a progress bar, TensorBoard."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def reports(steps: int, now: dict, progress: bool | None, tensorboard) -> Iterator[Callable]:
    """A function that shows the last step of `now["history"]` to whoever looks."""
    with contextlib.ExitStack() as opened:
        shown = sys.stderr.isatty() if progress is None else progress
        bar = opened.enter_context(_bar(steps, now["step"])) if shown else None
        board = opened.enter_context(_board(tensorboard, now["step"])) if tensorboard else None

        def report() -> None:
            step, history = now["step"], now["history"]
            if bar is not None:
                held_out = f", validation {history['valid_loss'][-1]:.3f}" if history["valid_loss"] else ""
                bar.set_postfix_str(f"loss {history['loss'][-1]:.3f}{held_out}", refresh=False)
                bar.update()
            if board is not None:
                for name in ("loss", "grad_norm", "lr"):
                    board.add_scalar(name, history[name][-1], step)
                if history["valid_step"][-1:] == [step]:
                    board.add_scalar("valid_loss", history["valid_loss"][-1], step)

        yield report


def _bar(steps: int, begun: int):
    from tqdm import tqdm

    return tqdm(total=steps, initial=begun, file=sys.stderr, unit="step", dynamic_ncols=True)


def _board(folder, begun: int):
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ModuleNotFoundError(
            "Options.tensorboard is set, but tensorboard is not installed: pip install tensorboard, or leave it out "
            "(the history that train returns holds the same numbers)"
        ) from error
    return SummaryWriter(str(folder), purge_step=begun + 1)
