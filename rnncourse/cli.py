"""The `rnncourse` command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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


@app.command()
def release(
    units: Annotated[list[str] | None, typer.Argument(help="Unit names; all units if none is given.")] = None,
    archive: Annotated[bool, typer.Option("--zip", help="Also write dist/rnncourse-students.zip.")] = False,
) -> None:
    """Generate exercises/ and rnncourse/units/ from solutions/."""
    from rnncourse.grading import release as room

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
    from rnncourse import notebooks as room

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


@measure.command("layers")
def bench_layers(
    record: Annotated[Path | None, typer.Option(help="Also write the figures to this JSON file.")] = None,
    pairs: Annotated[int, typer.Option(help="Timings of each version.")] = 21,
) -> None:
    """The NumPy layers beside torch.nn's: CPU time in float32 on one thread, as ratios."""
    from rnncourse import bench as room

    try:
        figures = room.layers(pairs=pairs)
    except (ValueError, RuntimeError) as error:
        print(error)
        raise typer.Exit(1) from error
    print(room.table(figures))
    if record:
        print(f"recorded in {room.write_record(figures, record)}")


if __name__ == "__main__":
    app()
