"""What a run shows while it goes: a progress bar, TensorBoard."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from rnncourse.training import many


@contextlib.contextmanager
def reports(steps: int, now: dict, progress: bool | str | None, tensorboard) -> Iterator[Callable]:
    """A function that shows the last step of `now["history"]` to whoever looks; it takes the number of tokens."""
    if many.rank():
        yield lambda count: None
        return
    with contextlib.ExitStack() as opened:
        shown = sys.stderr.isatty() if progress is None else progress
        bar = opened.enter_context(_bar(steps, now["step"])) if shown and shown != "lines" else None
        board = opened.enter_context(_board(tensorboard, now["step"])) if tensorboard else None
        begun, tokens = time.monotonic(), 0

        def report(count: int) -> None:
            nonlocal tokens
            step, history = now["step"], now["history"]
            tokens += int(count) * many.processes()
            validated = history["valid_step"][-1:] == [step]
            held_out = f", validation {history['valid_loss'][-1]:.3f}" if history["valid_loss"] else ""
            rate = tokens / (time.monotonic() - begun)
            said = f"loss {history['loss'][-1]:.3f}{held_out}, {rate:,.0f} tokens/s"
            if bar is not None:
                bar.set_postfix_str(said, refresh=False)
                bar.update()
            elif shown == "lines" and (validated or step == steps):
                norm, lr = history["grad_norm"][-1], history["lr"][-1]
                print(
                    f"step {step:,} of {steps:,}: {said}, gradient {norm:.2f}, lr {lr:.2g}", file=sys.stderr, flush=True
                )
            if board is not None:
                for name in ("loss", "grad_norm", "lr"):
                    board.add_scalar(name, history[name][-1], step)
                if validated:
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
