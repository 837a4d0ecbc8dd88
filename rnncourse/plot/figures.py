"""Figures in the house style: see the package's docstring."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import colors
from matplotlib.axes import Axes
from matplotlib.figure import Figure

DPI = 100
INK, FAINT = "#222222", "#d9d9d9"
COLOURS = {
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "green": "#009E73",
    "black": "#000000",
    "orange": "#E69F00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
}
LINESTYLES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (8, 3)), (0, (1, 2)))


def line(number: int) -> dict:
    """Colour, line style and width of the cycle's entry `number` (from 0; it starts again after the last)."""
    names = list(COLOURS)
    return {
        "color": COLOURS[names[number % len(names)]],
        "linestyle": LINESTYLES[number % len(LINESTYLES)],
        "linewidth": 1.8,
    }


def figure(
    xlabel: str | list[str],
    ylabel: str | list[str],
    *,
    title: str = "",
    titles: list[str] | None = None,
    rows: int = 1,
    columns: int = 1,
    width: float = 7.2,
    height: float = 3.2,
    sharex: bool = False,
    sharey: bool = False,
) -> tuple[Figure, Axes | np.ndarray]:
    """A figure in the house style: (fig, ax), or (fig, flat array of axes) if there are several panels.

    xlabel, ylabel: one text for all panels or a list with one per panel, row by row; an empty one is an error. Panels
    that share an axis (sharex, sharey) show its label once, in the last row or the first column.
    width, height: inches, of the whole figure. A width above 7.2 is refused: the page would shrink it, text included.
    """
    panels = rows * columns
    labels = {"xlabel": xlabel, "ylabel": ylabel}
    for name, given in labels.items():
        texts = [given] * panels if isinstance(given, str) else list(given)
        if len(texts) != panels or not all(isinstance(text, str) and text.strip() for text in texts):
            raise ValueError(
                f"{name}={given!r} for {panels} panel(s): give one text for all, or a list of {panels}; "
                "every axis says what it shows and in which unit"
            )
        labels[name] = texts
    if titles is not None and len(titles) != panels:
        raise ValueError(f"titles has {len(titles)} entries, but the figure has {panels} panel(s)")
    if width > 7.2:
        raise ValueError(f"width={width} inches: the page shows at most 7.2; use rows, or a smaller width")

    fig, axes = plt.subplots(
        rows,
        columns,
        figsize=(width, height),
        dpi=DPI,
        layout="constrained",
        facecolor="white",
        squeeze=False,
        sharex=sharex,
        sharey=sharey,
    )
    axes = axes.ravel()
    for number, ax in enumerate(axes):
        _dress(ax)
        ax.set_xlabel(labels["xlabel"][number], fontsize=11, color=INK)
        ax.set_ylabel(labels["ylabel"][number], fontsize=11, color=INK)
        if titles is not None:
            ax.set_title(titles[number], fontsize=11, color=INK, loc="left")
        if sharex and number < panels - columns:
            ax.set_xlabel("")
        if sharey and number % columns:
            ax.set_ylabel("")
    if title:
        fig.suptitle(title, fontsize=12, color=INK, x=0.01, ha="left")
    return fig, axes[0] if panels == 1 else axes


def reference(ax: Axes, level: float, label: str, *, side: str = "right") -> None:
    """A thin horizontal line at `level` across the panel, named just above it, at its "right" or "left" end."""
    if side not in ("left", "right"):
        raise ValueError(f'side={side!r}, expected "left" or "right"')
    ax.axhline(level, color="#555555", linestyle=(0, (4, 3)), linewidth=1.2, zorder=1)
    ax.annotate(
        label,
        xy=(1 if side == "right" else 0, level),
        xycoords=("axes fraction", "data"),
        xytext=(-4 if side == "right" else 4, 3),
        textcoords="offset points",
        ha=side,
        va="bottom",
        fontsize=9.5,
        color="#555555",
    )


def heatmap(ax: Axes, values, label: str, *, centre: float | None = None) -> None:
    """`values` (rows, columns) as coloured cells with a labelled colour bar; `centre` makes the colours two-sided."""
    values = np.asarray(values, dtype=float)
    if values.ndim != 2:
        raise ValueError(f"values has shape {values.shape}, but a heat map needs two axes (rows, columns)")
    if not label.strip():
        raise ValueError("label is empty: say what the colours show, and in which unit")
    ax.grid(False)
    norm = None if centre is None else colors.CenteredNorm(centre)
    image = ax.imshow(
        values, aspect="auto", interpolation="nearest", cmap="cividis" if norm is None else "RdBu_r", norm=norm
    )
    bar = ax.figure.colorbar(image, ax=ax)
    bar.set_label(label, fontsize=11, color=INK)
    bar.ax.tick_params(labelsize=10, colors=INK)
    bar.outline.set_edgecolor(FAINT)


def legend(ax: Axes, *, outside: bool = False, **options) -> None:
    """The legend in the house style; `outside` puts it right of the panel, `options` go to `Axes.legend`."""
    if outside:
        options = {"loc": "center left", "bbox_to_anchor": (1.01, 0.5)} | options
    ax.legend(**{"frameon": False, "fontsize": 10, "labelcolor": INK, "handlelength": 2.6} | options)


def _dress(ax: Axes) -> None:
    cycle = [line(number) for number in range(len(COLOURS))]
    ax.set_prop_cycle(**{key: [entry[key] for entry in cycle] for key in cycle[0]})
    ax.set_facecolor("white")
    ax.set_axisbelow(True)
    ax.grid(True, color=FAINT, linewidth=0.7)
    ax.tick_params(labelsize=10, colors=INK, length=3)
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color("#888888")
