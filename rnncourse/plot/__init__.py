"""The one figure style of the course::

    import matplotlib.pyplot as plt
    from rnncourse import plot

    fig, ax = plot.figure("year", "sunspots per year")  # both labels are required
    fig, (left, right) = plot.figure(["lag", "step"], "loss in nats", columns=2)
    ax.plot(x, y, label="persistence")  # colour and style change from line to line
    ax.plot(x, y, **plot.line(2))       # the third entry of that cycle
    ax.bar(names, values, color=plot.COLOURS["blue"])
    plot.reference(ax, 0.5, "chance")   # a thin dashed line across the panel
    plot.heatmap(ax, states.T, "activation", centre=0)  # with a colour bar
    plot.legend(ax)                     # beside the panel: outside=True
    plt.show()

Importing this module, and calling it, changes no global Matplotlib setting. Figures are white cards of at most 720
pixels at 100 dpi, so they read the same in light and dark pages. Colours are those of Okabe and Ito, which stay apart
for colour-blind readers; line styles say the same a second time.

Some figures can be dragged on the page. `interactive` takes the picture, which is what JupyterLab and print show, and
one of five descriptions of what the reader moves::

    plot.interactive(fig, plot.steps(tokens, {"state": h}), "The state, step by step")
    plot.interactive(fig, plot.curves("lag", lags, "norm", controls, series), "...")
    plot.interactive(fig, plot.sampling(characters, {"the retur": logits}), "...")
    plot.interactive(fig, plot.choose("step", {"1": [("a", 0.7, "kept")]}, value="probability"), "...")
    plot.interactive(fig, plot.grid("sentence", {"two": alignment}, "attention weight"), "...")

And some can be heard, at most 20 seconds a page::

    plot.sound(samples, 8000, "The word seven, as the network says it")
"""

from rnncourse.plot.curves import curves
from rnncourse.plot.figures import COLOURS, DPI, LINESTYLES, figure, heatmap, legend, line, reference
from rnncourse.plot.interactive import choose, grid, interactive, sampling, steps
from rnncourse.plot.sound import sound

__all__ = [
    "figure",
    "line",
    "reference",
    "heatmap",
    "legend",
    "interactive",
    "steps",
    "curves",
    "sampling",
    "choose",
    "grid",
    "sound",
    "COLOURS",
    "DPI",
    "LINESTYLES",
]
