"""Figures to drag: what they hold, what is refused, and how a page gets them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np  # noqa: E402
import pytest  # noqa: E402

from rnncourse import plot  # noqa: E402
from rnncourse.plot.interactive import LARGEST, MIME  # noqa: E402
from rnncourse.plot.page import Renderer, element  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted(ROOT.glob("book/*/*.ipynb"))


def picture():
    fig, ax = plot.figure("step", "state")
    ax.plot([0, 1])
    return fig


CELLS = {"rows": ["a"], "columns": ["x", "y"], "values": [[1, 2]]}
STEPS = plot.steps("abc", {"state": np.array([[0.5, -1.0], [0.25, 2.0], [0.0, 0.0]])}, notes=["x", "y", "z"])


def test_a_notebook_gets_the_picture_and_the_data():
    fig = picture()
    bundle = plot.interactive(fig, STEPS, "A state")._repr_mimebundle_()
    assert bundle["image/png"].startswith(b"\x89PNG") and bundle[MIME]["label"] == "A state"
    assert json.loads(json.dumps(bundle[MIME])) == bundle[MIME]
    assert fig.number not in matplotlib.pyplot.get_fignums()  # the cell would show it a second time


def test_states_are_shares_of_the_deepest_colour():
    assert STEPS["panels"] == [{"name": "state", "values": [[0.25, -0.5], [0.12, 1], [0, 0]], "scale": 2}]
    scaled = plot.steps("ab", {"gate": [0.5, 1.0]}, scales={"gate": 2.0}, start=-1)
    assert scaled["panels"][0]["values"] == [[0.25], [0.5]] and scaled["start"] == 1
    assert plot.steps("ab", {"zero": np.zeros(2)})["panels"][0]["values"] == [[0], [0]]


def test_curves_are_rounded_and_laid_out_by_setting():
    values = np.arange(12.0).reshape(2, 3, 2) + 0.1234567
    data = plot.curves("lag", [1, 2], "norm", {"matrix": ["a", "b"], "gain": [0.5, 1, 2]}, {"tanh": values})
    # the page counts settings as NumPy does: the last control moves fastest
    assert data["series"][0]["values"][1 * 3 + 2] == [10.12, 11.12] == values[1, 2].round(2).tolist()
    assert [control["slide"] for control in data["controls"]] == [False, True]
    assert data["y"]["range"][0] == 0 and data["y"]["range"][1] > 11.1


def test_places_and_settings_are_not_rounded_to_pixels():
    data = plot.curves("year", [1900, 1904, 1907], "y", {"steps": [1001, 1002]}, {"a": np.zeros((2, 3)) + [0, 1, 1e-9]})
    assert data["x"]["values"] == [1900, 1904, 1907] and data["controls"][0]["values"] == [1001, 1002]
    assert data["series"][0]["values"] == [[0, 1, 0]] * 2  # a billionth of the height is nothing


def test_rows_to_choose_carry_their_kind():
    states = {"1": [("a", 0.12345, "kept"), ("b", 2, "dropped")], "2": [("ab", 3, "finished"), ("aa", 0, "kept")]}
    data = plot.choose("step", states, value="nats", notes=["first", "second"], slide=True)
    assert data["kinds"] == ["kept", "dropped", "finished"] and data["slide"]
    assert data["states"][0] == {"text": "1", "rows": [["a", 0.123, 0], ["b", 2, 1]]}
    assert data["states"][1]["rows"] == [["ab", 3, 2], ["aa", 0, 0]]


def test_a_grid_has_one_scale_for_all_states():
    first = {"rows": ["a", "b"], "columns": ["x", "y", "z"], "values": [[0, 1, -4], [1, 0.5, 0]], "path": [(0, 2)]}
    second = {"rows": ["c"], "columns": ["x"], "values": np.array([[2.0]])}
    data = plot.grid("word", {"ab": first, "c": second}, "weight", notes=["one", "two"])
    assert data["scale"] == 4 and data["states"][0]["values"] == [[0, 0.25, -1], [0.25, 0.125, 0]]
    assert data["states"][0]["path"] == [[0, 2]] and data["states"][1]["path"] == []
    assert data["states"][1]["values"] == [[0.5]] and data["notes"] == ["one", "two"]
    assert plot.grid("word", {"0": {**second, "values": [[0]]}}, "weight")["scale"] == 1


def test_notes_are_one_per_setting():
    notes = [["a", "b"], ["c", "d"], ["e", "f"]]
    controls, series = {"k": [1, 2, 3], "m": ["x", "y"]}, {"s": np.ones((3, 2, 4))}
    assert plot.curves("x", [1, 2, 3, 4], "y", controls, series, notes=notes)["notes"] == list("abcdef")
    with pytest.raises(ValueError, match="one sentence per setting"):
        plot.curves("x", [1, 2, 3, 4], "y", controls, series, notes=["a", "b"])


def test_logarithmic_axes_and_gaps():
    data = plot.curves(
        "lag", [1, 10], "norm", {"gain": [1, 2]}, {"a": [[1, 1e-7], [np.nan, 300]]}, log="y", start={"gain": 2}
    )
    assert data["y"]["range"] == [1e-7, 1000] and data["y"]["ticks"] == [1e-6, 1e-4, 1e-2, 1, 100]
    assert data["series"][0]["values"][1] == [None, 300] and data["controls"][0]["start"] == 1


@pytest.mark.parametrize("low, high", [(0, 1), (0, 0.003), (-70, 30), (2, 2.4)])
def test_ticks_are_few_round_and_inside(low, high):
    ticks = plot.curves("x", [0, 1], "y", {"c": [1]}, {"a": [[low, high]]}, limits=(low, high))["y"]["ticks"]
    assert 3 <= len(ticks) <= 7 and low <= min(ticks) and max(ticks) <= high


@pytest.mark.parametrize(
    "wrong, said",
    [
        (lambda: plot.steps("abc", {"state": np.zeros((2, 4))}), r"\(2, 4\).*T = 3"),
        (lambda: plot.steps("abc", {"state": np.zeros(3)}, notes=["one"]), "1 entries for 3"),
        (lambda: plot.steps("abc", {"state": np.zeros(3)}, scales={"gate": 1}), "gate"),
        (lambda: plot.curves("x", [1, 2], "y", {"c": [1, 2, 3]}, {"a": np.zeros((2, 2))}), r"\(2, 2\).*\(3, 2\)"),
        (lambda: plot.sampling("abc", {"b": np.zeros(4)}), r"\(4,\).*\(3,\)"),
        (lambda: plot.choose("step", {}, value="nats"), "states is empty"),
        (lambda: plot.choose("step", {"1": [("a", 1, "kept")]}, value="nats", notes=["one", "two"]), "2 entries for 1"),
        (lambda: plot.choose("step", {"1": [("a", -1, "kept")]}, value="nats"), "'a' in state '1' has the value -1"),
        (lambda: plot.choose("step", {"1": [("a", np.inf, "kept")]}, value="nats"), "expected a finite one"),
        (lambda: plot.choose("step", {"1": [("a", 1, str(k)) for k in range(7)]}, value="nats"), "7 kinds"),
        (lambda: plot.grid("word", {}, "weight"), "states is empty"),
        (lambda: plot.grid("word", {"a": CELLS | {"values": [[1]]}}, "weight"), r"'a' have shape \(1, 1\).*\(1, 2\)"),
        (lambda: plot.grid("word", {"a": CELLS | {"values": [[1, np.nan]]}}, "weight"), "'a' holds NaN"),
        (lambda: plot.grid("word", {"a": CELLS | {"path": [(0, 2)]}}, "weight"), r"through \(0, 2\), outside"),
        (lambda: plot.grid("word", {"a": CELLS}, "weight", notes=["1", "2"]), "2 entries for 1"),
        (lambda: plot.interactive("no figure", STEPS, "a"), "str"),
        (lambda: plot.interactive(picture(), {"kind": "?"}, "a"), "plot.steps"),
        (lambda: plot.interactive(picture(), STEPS, " "), "label"),
        (
            lambda: plot.interactive(picture(), plot.steps("ab" * 500, {"h": np.full((1000, 60), 0.123)}), "a"),
            f"at most {LARGEST:,}",
        ),
    ],
)
def test_what_does_not_fit_is_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        wrong()


def test_nothing_in_the_data_ends_the_script_or_the_attribute():
    start, end = element({"kind": "steps", "label": 'a "b" <c>', "tokens": ["</script>", "<!-- "]})
    assert start.count("</script>") == 1 and start.endswith("</script>") and end == "</rnn-steps>"
    assert 'aria-label="a &quot;b&quot; &lt;c&gt;"' in start
    written = re.search(r"<script[^>]*>(.*)</script>", start).group(1)
    assert json.loads(written)["tokens"] == ["</script>", "<!-- "]


def test_the_book_finds_the_renderer():
    code = "from myst_nb.core.render import load_mime_renders as load; print([r.__module__ for r in load()])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert Renderer.__module__ in found


def test_a_token_of_probability_zero_stays_one():
    made = plot.sampling(["a", "b"], {"x": np.array([0.0, -np.inf])})
    logits = made["contexts"][0]["logits"]
    assert logits[0] == 0 and logits[1] < -1e4
    for bad in ([np.nan, 0], [-np.inf, -np.inf], [np.inf, 0]):
        with pytest.raises(ValueError, match="the largest logit"):
            plot.sampling(["a", "b"], {"x": np.array(bad)})


@pytest.mark.parametrize("level", [0.0, 1e-300, 1e-15, -3.0, 1e15, 1e300])
@pytest.mark.parametrize("log", ["", "y"])
def test_curves_of_any_size(level, log):
    values = np.array([np.nan, level, np.inf, level])
    if log and level <= 0:
        with pytest.raises(ValueError, match="no series has a positive value"):
            plot.curves("x", [1, 2, 3, 4], "y", {}, {"a": values}, log=log)
        return
    made = plot.curves("x", [1, 2, 3, 4], "y", {}, {"a": values}, log=log)
    low, high = made["y"]["range"]
    assert low < high and made["y"]["ticks"] and made["series"][0]["values"][0][0] is None


def test_steps_without_a_colour_are_refused():
    with pytest.raises(ValueError, match="NaN or infinity"):
        plot.steps(["a"], {"h": np.array([np.nan])})


def curve(values=(1.0, 2.0), x=(1, 2), **options):
    return plot.curves("x", x, "y", options.pop("controls", {}), {"a": np.array(values)}, **options)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: curve([1e308, -1e308]), "the vertical axis would run from"),
        (lambda: curve([1e308, 1e308], log="y"), "the vertical axis would run from"),
        (lambda: curve([5e-324, 0]), "the vertical axis would run from"),
        (lambda: curve([5e-324, 1], log="y"), "the vertical axis would run from"),
        (lambda: curve(limits=(1, 0)), "the vertical axis would run from 1 to 0"),
        (lambda: curve(limits=(np.nan, 1)), "the vertical axis would run from nan"),
        (lambda: curve(limits=(0, 1), log="y"), "the vertical axis would run from 0"),
        (lambda: curve(x=(0, 1), log="x"), "x: 0 has no place on a logarithmic axis"),
        (lambda: curve(x=(np.nan, 1)), "x: nan has no place"),
        (lambda: curve(lines={"goal": np.inf}), "lines: inf has no place"),
        (lambda: curve(lines={"goal": 0}, log="y"), "lines: 0 has no place on a logarithmic axis"),
        (lambda: curve(controls={"gain": [np.nan]}), "the control 'gain': nan"),
        (lambda: curve(controls={"gain": [1]}, start={"lag": 1}), "start names lag=1"),
        (lambda: curve(controls={"gain": [1]}, start={"gain": 7}), "start names gain=7"),
        (lambda: plot.steps("ab", {"h": np.ones(2)}, scales={"h": -1.0}), "expected a positive number"),
        (lambda: plot.steps("ab", {"h": np.ones(2)}, scales={"h": np.nan}), "expected a positive number"),
        (lambda: plot.steps("ab", {"h": np.ones(2)}, start=2), "start=2, but there are 2 tokens"),
        (lambda: plot.sampling("", {"x": np.ones(0)}), "nothing to draw"),
        (lambda: plot.sampling("ab", {}), "nothing to draw"),
    ],
)
def test_a_figure_without_a_place_for_a_number_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_what_a_logarithmic_axis_has_no_place_for_is_a_gap():
    assert curve([-1.0, 0.0, 2.0], x=(1, 2, 3), log="y")["series"][0]["values"] == [[None, None, 2]]


@pytest.mark.parametrize("largest", [1e7, 1e308])
def test_huge_logits_keep_their_differences(largest):
    logits = plot.sampling("abc", {"x": np.array([largest, largest * (1 - 1e-6), -np.inf])})["contexts"][0]["logits"]
    assert logits[0] == 0 and logits[1] <= -10 and logits[2] == -1e5
