"""The figure style: what every figure must have, and that nothing global changes."""

import subprocess
import sys

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

from rnncourse import plot  # noqa: E402


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_importing_and_drawing_change_no_setting():
    code = """
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot
before = dict(matplotlib.rcParams)
from rnncourse import plot
fig, ax = plot.figure("a", "b")
ax.plot([1, 2], label="c")
plot.legend(ax)
assert dict(matplotlib.rcParams) == before
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_one_panel_has_labels_a_white_card_and_few_pixels():
    fig, ax = plot.figure("year", "sunspots", title="a title")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("year", "sunspots")
    assert fig.get_facecolor() == (1, 1, 1, 1) and ax.get_facecolor() == (1, 1, 1, 1)
    assert fig.dpi <= 100 and fig.get_figwidth() * fig.dpi <= 720
    assert min(text.get_fontsize() for text in [ax.xaxis.label, ax.yaxis.label, *ax.get_xticklabels()]) >= 9


def test_several_panels():
    fig, axes = plot.figure(["lag", "step"], "loss", titles=["a", "b"], columns=2)
    assert [ax.get_xlabel() for ax in axes] == ["lag", "step"]
    assert [ax.get_ylabel() for ax in axes] == ["loss", "loss"]
    assert [ax.get_title(loc="left") for ax in axes] == ["a", "b"]


@pytest.mark.parametrize("labels", [("", "y"), ("x", " "), (["x"], "y"), (["x", ""], "y")])
def test_an_axis_without_a_label_is_refused(labels):
    with pytest.raises(ValueError, match="label"):
        plot.figure(*labels, columns=2)


def test_panels_that_share_an_axis_name_it_once():
    _, axes = plot.figure("x", ["a", "b"], rows=2, sharex=True)
    assert [ax.get_xlabel() for ax in axes] == ["", "x"] and [ax.get_ylabel() for ax in axes] == ["a", "b"]
    _, axes = plot.figure("x", "y", columns=2, sharey=True)
    assert [ax.get_ylabel() for ax in axes] == ["y", ""]


def test_other_bad_arguments():
    with pytest.raises(ValueError, match="7.2"):
        plot.figure("x", "y", width=12)
    with pytest.raises(ValueError, match="titles"):
        plot.figure("x", "y", titles=["a", "b"])
    _, ax = plot.figure("x", "y")
    with pytest.raises(ValueError, match=r"\(3,\)"):
        plot.heatmap(ax, np.zeros(3), "z")
    with pytest.raises(ValueError, match="label"):
        plot.heatmap(ax, np.zeros((2, 3)), "")
    with pytest.raises(ValueError, match="side"):
        plot.reference(ax, 0, "chance", side="top")


def test_lines_differ_in_colour_and_in_style():
    _, ax = plot.figure("x", "y")
    lines = [ax.plot([0, 1])[0] for _ in plot.COLOURS]
    assert len({line.get_color() for line in lines}) == len(lines)
    assert len({str(plot.line(number)["linestyle"]) for number in range(len(lines))}) == len(lines)
    assert lines[1].get_linestyle() == "--"
    assert lines[2].get_color() == plot.line(2)["color"] == plot.line(2 + len(lines))["color"]


def test_colours_can_be_seen_on_white():
    for name, colour in plot.COLOURS.items():
        r, g, b = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (r, g, b)]
        luminance = np.dot([0.2126, 0.7152, 0.0722], parts)
        assert 1.05 / (luminance + 0.05) >= 2, name


def test_drawing_works():
    fig, (left, right) = plot.figure("step", ["value", "unit"], columns=2)
    left.plot(np.arange(5.0), label="a")
    plot.reference(left, 2, "chance")
    plot.legend(left, outside=True)
    plot.heatmap(right, np.linspace(-1, 2, 12).reshape(3, 4), "activation", centre=0)
    assert right.images[0].norm.vcenter == 0
    fig.canvas.draw()
