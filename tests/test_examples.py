"""The visible example of an exercise: most wrong answers print something else, and it prints what it says."""

import contextlib
import io
import re
import warnings
from functools import cache

import pytest

from conftest import ROOT, functions, load
from rnncourse.authoring import notebooks

NUMBER = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")


@cache
def example(name, function):
    """The cells between the solution of a function and its check."""
    cells, inside = [], False
    for cell in notebooks.code_cells(notebooks.read(ROOT / "solutions" / name / f"{name}.ipynb")):
        grading = cell.metadata.get("nbgrader", {})
        if grading.get("grade_id") == f"check_{function}":
            break
        if inside:
            cells.append(cell.source)
        inside = inside or grading.get("grade_id") == function
    assert cells, "no example"
    return "\n".join(cells)


def printed(name, function, implementation):
    """What the example prints with another function in place of the solution, or the exception it ends in."""
    namespace, out = {**load(name).namespace, function: implementation}, io.StringIO()
    with contextlib.redirect_stdout(out), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(example(name, function), namespace)
        except Exception as error:
            return type(error).__name__
    return out.getvalue()


@pytest.mark.parametrize(("name", "function"), functions())
def test_most_mistakes_show_in_the_example(name, function):
    u = load(name)
    right = printed(name, function, u.namespace[function])
    known = u.exercises[function].mistakes
    same = [hint for hint, m in known if printed(name, function, u.implementation(function, m)) == right]
    assert len(same) <= len(known) / 3, same


@pytest.mark.parametrize(("name", "function"), functions())
def test_the_example_prints_what_it_says(name, function):
    source = example(name, function)
    said = re.findall("(?:expected|#).*", source[source.find("expected") :]) if "expected" in source else []
    if not said:
        pytest.skip("the text above says it")
    there = iter(NUMBER.findall(" ".join(said)))
    for number in NUMBER.findall(printed(name, function, load(name).namespace[function])):
        assert any(float(number) == float(other) for other in there), number
