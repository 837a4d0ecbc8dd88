"""The `rnncourse` command."""

from __future__ import annotations

import contextlib
import importlib
import sys
from pathlib import Path
from typing import Annotated

import typer
import typer.core

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Tools of the course on recurrent neural networks.",
)
measure = typer.Typer(no_args_is_help=True, help="Measure speed. Reported, never asserted.")
app.add_typer(measure, name="bench")


def _root() -> Path:
    """The course's folder: here or above."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / "solutions").is_dir() and (folder / "rnncourse").is_dir():
            return folder
    raise typer.BadParameter("no solutions/ here or above: run this inside a clone of the course")


def _room(name: str):
    """The module `rnncourse.NAME`, imported when a command needs it. The students' copy has no rooms of instructors."""
    if not (Path(__file__).parent / name.partition(".")[0]).is_dir():
        print("This command is not part of the students' copy: it needs a clone of the whole course.")
        raise typer.Exit(1)
    return importlib.import_module(f"rnncourse.{name}")


@app.command()
def release(
    units: Annotated[list[str] | None, typer.Argument(help="Unit names; all units if none is given.")] = None,
    archive: Annotated[bool, typer.Option("--zip", help="Also write dist/rnncourse-students.zip.")] = False,
) -> None:
    """Generate exercises/ and rnncourse/units/ from solutions/."""
    room = _room("authoring.release")
    root = _root()
    known = room.unit_names(root)
    for name in units or known:
        if name not in known:
            raise typer.BadParameter(f"no unit {name!r} in solutions/; there are: {', '.join(known)}")
        try:
            room.generate(root, name)
        except ValueError as error:
            print(f"Nothing was written for {name}: {error}")
            raise typer.Exit(1) from error
        print(f"exercises/{name}/{name}.ipynb and rnncourse/units/{name}.json")
    if archive:
        target = root / "dist" / "rnncourse-students.zip"
        names = room.student_zip(root, target)
        print(f"{target.relative_to(root)}: {len(names)} files, {target.stat().st_size / 1e3:.0f} kB")


@app.command()
def notebooks(
    paths: Annotated[list[Path], typer.Argument(help="Notebooks, executed and normalised in place.", exists=True)],
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing: list what is not executed in order or not normalised.")
    ] = False,
) -> None:
    """Execute and normalise notebooks in place."""
    room = _room("authoring.notebooks")
    found = []
    for path in paths:
        try:
            if check:
                found += room.faults(path)
            else:
                room.refresh(path)
                print(path)
        except ValueError as error:
            found.append(f"{path}: {error}")
    if found:
        print("\n".join(found))
        raise typer.Exit(1)


@app.command()
def data(name: Annotated[str, typer.Argument(help="Of a data set that DATA.md lists.")]) -> None:
    """Make a data file of rnncourse/data/files/ anew."""
    room = _room("authoring.datafiles")
    try:
        paths = room.make(name)
    except (ValueError, RuntimeError) as error:
        print(error)
        raise typer.Exit(1) from error
    for path in paths:
        print(f"{path.name}: {path.stat().st_size:,} bytes")


@app.command()
def record(chapter: Annotated[str, typer.Argument(help="Its number or name: 13, or 13-training-well.")]) -> None:
    """Measure anew what a chapter shows but is too long to run on the page: NN-slug.json beside the chapter."""
    room = _room("bench.record")
    try:
        print(f"recorded in {room.make(_root(), chapter)}")
    except ValueError as error:
        print(error)
        raise typer.Exit(1) from error


class _UsageEndsWith1(typer.core.TyperCommand):
    """Wrong arguments end with 1: after `grade` the usual 2 says that submissions need a person."""

    def make_context(self, *args, **kwargs):
        with _usage_ends_with_1():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx):
        with _usage_ends_with_1():
            return super().invoke(ctx)


@contextlib.contextmanager
def _usage_ends_with_1():
    try:
        yield
    except Exception as error:
        if not isinstance(error, typer.Exit) and getattr(error, "exit_code", None) == 2:
            error.exit_code = 1
        raise


@app.command(cls=_UsageEndsWith1)
def grade(
    submissions: Annotated[Path, typer.Argument(help="STUDENT/UNIT/UNIT.ipynb, a flat folder, or a platform's zip.")],
    unit: Annotated[str | None, typer.Option(help="One unit; all that are found if none is given.")] = None,
    output: Annotated[Path, typer.Option(help="Where results, gradebook and feedback go.")] = Path("grading"),
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; all cores if not given.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the hidden cases; drawn once per output folder.")] = None,
    time_limit: Annotated[float, typer.Option(min=0.1, help="Seconds per cell and per call.")] = 10.0,
    memory_limit: Annotated[int, typer.Option(min=64, help="MB per submission.")] = 1024,
    allow_unsandboxed: Annotated[
        bool, typer.Option("--allow-unsandboxed", help="Without bubblewrap: students' code could do anything.")
    ] = False,
    dask: Annotated[str | None, typer.Option(help="Address of a dask scheduler; the extra dask is needed.")] = None,
    export: Annotated[str | None, typer.Option(help="Also write the CSV that canvas or moodle imports.")] = None,
    feedback: Annotated[bool, typer.Option(help="Write feedback/STUDENT/UNIT/UNIT.html.")] = True,
    replace: Annotated[
        bool, typer.Option("--replace", help="Without asking, take these in place of results from other submissions.")
    ] = False,
) -> None:
    """Grade submissions. Exit code 0: all graded, 2: some need a person, 1: not complete, run it again."""
    room = _room("grading.run")
    raise typer.Exit(
        room.main(
            _root(),
            submissions,
            output,
            unit,
            workers=workers,
            seed=seed,
            time_limit=time_limit,
            memory_limit=memory_limit,
            allow_unsandboxed=allow_unsandboxed,
            dask=dask,
            export=export,
            feedback=feedback,
            replace=replace,
        )
    )


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="An exercise notebook, or a folder of them.")],
    time_limit: Annotated[float, typer.Option(min=0.1, help="Seconds per cell and per function.")] = 10.0,
) -> None:
    """Run the public checks of your notebooks; points are given on other inputs. Exit code 1: something is wrong.

    The notebook's code runs as you, as in Jupyter: no sandbox. Check only notebooks whose code you would run.
    """
    room = _room("check.terminal")
    try:
        code = room.main(path, time_limit)
    except ValueError as error:
        print(error)
        code = 1
    raise typer.Exit(code)


@app.command()
def train(
    text: Annotated[
        Path | None, typer.Argument(help="A text file, UTF-8; NumPy's docstrings if none is given.")
    ] = None,
    folder: Annotated[Path, typer.Option(help="Of the run; what was stopped goes on from there.")] = Path("run"),
    level: Annotated[str, typer.Option(help="char or word.")] = "char",
    cell: Annotated[str, typer.Option(help="lstm, gru or rnn.")] = "lstm",
    hidden: Annotated[int, typer.Option(min=1, help="Units of a layer.")] = 128,
    embedding: Annotated[int, typer.Option(min=1)] = 64,
    layers: Annotated[int, typer.Option(min=1)] = 1,
    dropout: Annotated[float, typer.Option(min=0, max=0.95)] = 0.0,
    tied: Annotated[bool, typer.Option("--tied", help="Readout and embedding share their weights.")] = False,
    t: Annotated[int, typer.Option("--T", min=1, help="Steps that a gradient flows back.")] = 64,
    b: Annotated[int, typer.Option("--B", min=1, help="Streams side by side, of all processes together.")] = 32,
    steps: Annotated[int, typer.Option(min=1, help="Updates of the weights.")] = 2800,
    lr: Annotated[float, typer.Option(help="The highest learning rate.")] = 0.007,
    clip: Annotated[float, typer.Option(help="The largest norm of a gradient.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    validate_every: Annotated[int, typer.Option(min=1, help="Updates; a checkpoint is written as often.")] = 200,
    least: Annotated[int, typer.Option(min=1, help="Words that are rarer in the training part become <unk>.")] = 3,
    precision: Annotated[str | None, typer.Option(help="bf16 or fp16, for graphics cards.")] = None,
) -> None:
    """Train a language model, on a graphics card if there is one. The same command goes on with a run that was stopped.

    On N cards: torchrun --nproc-per-node N -m rnncourse.cli train ...
    """
    room = _room("training.language")
    settings = room.Run(
        level=level, cell=cell, embedding=embedding, hidden=hidden, layers=layers, dropout=dropout, tied=tied,
        T=t, B=b, steps=steps, lr=lr, clip=clip, seed=seed, validate_every=validate_every, least=least,
        precision=precision,
    )  # fmt: skip
    try:
        room.train(text, folder, settings, progress=None if sys.stderr.isatty() else "lines")
    except (ValueError, OSError, FloatingPointError) as error:
        print(error)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        print(f"Stopped. The same command goes on from the last checkpoint in {folder}.")
        raise typer.Exit(130) from None


@app.command()
def sample(
    folder: Annotated[Path, typer.Argument(help="Of a run.")],
    prompt: Annotated[str, typer.Option(help="What the text begins with.")] = "\n",
    length: Annotated[int, typer.Option(min=1, help="Characters or words.")] = 400,
    temperature: Annotated[float, typer.Option(min=0, help="0: the likeliest each time.")] = 0.8,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """What the model of a run makes of the beginning of a text."""
    try:
        print(_room("training.language").sample(folder, prompt, length, temperature, seed))
    except ValueError as error:
        print(error)
        raise typer.Exit(1) from error


def _benched(name: str, figures_of, record: Path | None) -> None:
    """Print the table of a benchmark, and keep its figures."""
    room = _room(name)
    try:
        figures = figures_of(room)
    except (ValueError, RuntimeError) as error:
        print(error)
        raise typer.Exit(1) from error
    print(room.table(figures))
    if record:
        print(f"recorded in {_room('bench.machine').write_record(figures, record)}")


@measure.command("layers")
def bench_layers(
    record: Annotated[Path | None, typer.Option(help="Also write the figures to this JSON file.")] = None,
    pairs: Annotated[int, typer.Option(help="Timings of each version.")] = 21,
) -> None:
    """The NumPy layers beside torch.nn's: CPU time in float32 on one thread, as ratios."""
    _benched("bench.layers", lambda room: room.layers(pairs=pairs), record)


@measure.command("ctc")
def bench_ctc(
    record: Annotated[Path | None, typer.Option(help="Also write the figures to this JSON file.")] = None,
    pairs: Annotated[int, typer.Option(help="Timings of each version.")] = 21,
) -> None:
    """The NumPy loss of chapter 18 beside torch's ctc_loss: CPU time in float64 on one thread, as ratios."""
    _benched("bench.ctc", lambda room: room.losses(pairs=pairs), record)


@measure.command("grading")
def bench_grading(
    record: Annotated[Path | None, typer.Option(help="Also write the figures to this JSON file.")] = None,
    unit: Annotated[str, typer.Option(help="The unit whose solution is graded.")] = "02-recurrent-cell",
    copies: Annotated[int, typer.Option(help="Copies that ours grades, and then four times as many.")] = 40,
    stock_copies: Annotated[int, typer.Option(help="Copies that nbgrader grades, and then twice as many.")] = 6,
    rounds: Annotated[int, typer.Option(help="Times that everything is measured.")] = 3,
) -> None:
    """`rnncourse grade` beside stock `nbgrader autograde`: CPU seconds per submission, start-up, memory."""
    _benched("bench.grading", lambda room: room.grading(_root(), unit, copies, stock_copies, rounds), record)


@measure.command("gpu")
def bench_gpu(
    record: Annotated[Path | None, typer.Option(help="Also write the figures to this JSON file, row by row.")] = None,
    device: Annotated[str, typer.Option(help="cuda, or cpu.")] = "cuda",
    size: Annotated[str, typer.Option(help="large, or small.")] = "large",
    minutes: Annotated[float, typer.Option(help="Begin no new row after so many.")] = 7.5,
) -> None:
    """One LSTM layer written five ways on a GPU, beside the floor of arithmetic and memory. Under eight minutes."""
    raise typer.Exit(_room("bench.gpu").run(record, device, size, minutes))


if __name__ == "__main__":
    app()
