"""Units whose answers are torch.nn modules: the same checks, in the notebook and behind the sandbox's wall."""

import json

import nbformat
import numpy as np
import pytest

from rnncourse.authoring import release, unit
from rnncourse.check import adapters, in_process
from rnncourse.check.verdict import judge
from rnncourse.grading import runner, sandbox

pytestmark = pytest.mark.slow
NAME = "90-module"
CELL = """
class Leaky(torch.nn.Module):
    def __init__(self, inputs, hidden):
        super().__init__()
        ### BEGIN SOLUTION
        self.W_x = torch.nn.Parameter(torch.zeros(hidden, inputs))
        self.b = torch.nn.Parameter(torch.zeros(hidden))
        ### END SOLUTION

    def forward(self, x, h):
        ### BEGIN SOLUTION
        new = torch.tanh(x @ self.W_x.T + self.b)
        return 0.5 * h + 0.5 * new
        ### END SOLUTION
"""
CHECKS = """
from rnncourse.authoring import exercise

leaky = exercise("Leaky", points=3, returns="what it gives back", adapter="module")


@leaky.inputs
def draw(rng, B, I, H):
    x, h, g = rng.normal(size=(B, I)), rng.normal(size=(B, H)), rng.normal(size=(B, H))
    weights = {"W_x": rng.normal(size=(H, I)), "b": rng.normal(size=H)}
    return {"init": {"inputs": I, "hidden": H}, "weights": weights, "inputs": [x, h], "cotangents": [g]}


leaky.slip("The bias is missing.", " + self.b)", ")")
leaky.slip("The gradient of the old state is cut.", "0.5 * h +", "0.5 * h.detach() +")
"""


def graded(grade_id, **more):
    base = {
        "grade_id": grade_id,
        "schema_version": 3,
        "grade": False,
        "solution": False,
        "locked": False,
        "task": False,
    }
    return {"nbgrader": base | more}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with one unit of PyTorch, and submissions."""
    root = tmp_path_factory.mktemp("course")
    folder = root / "solutions" / NAME
    folder.mkdir(parents=True)
    (root / "rnncourse" / "units").mkdir(parents=True)
    (folder / "checks.py").write_text(CHECKS)
    setup = f'import torch\n\nfrom rnncourse.check import unit\n\ncheck = unit("{NAME}")'
    cells = [
        nbformat.v4.new_code_cell(setup, id="setup", metadata=graded("setup", locked=True) | {"tags": ["setup"]}),
        nbformat.v4.new_code_cell(CELL.strip(), id="leaky", metadata=graded("Leaky", solution=True)),
        nbformat.v4.new_code_cell(
            'check("Leaky")', id="check", metadata=graded("check_Leaky", grade=True, locked=True, points=3)
        ),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / f"{NAME}.ipynb")
    release.generate(root, NAME)
    return root


def test_solution_and_mistakes(course):
    u = unit.load(course / "solutions" / NAME)
    spec = u.spec("Leaky")
    for hint, mistake in u.exercises["Leaky"].mistakes:
        call = in_process({"Leaky": u.implementation("Leaky", mistake)}, spec.arguments, adapter=spec.adapter)
        assert judge(spec, call).hints == (hint,)
    call = in_process(u.namespace, spec.arguments, adapter=spec.adapter)
    assert judge(spec, call).passed
    assert "90-module" in json.loads((course / "rnncourse" / "units" / f"{NAME}.json").read_text())["unit"]


def test_what_is_no_such_module_is_said(course):
    import torch

    class Other(torch.nn.Linear):
        def __init__(self, inputs, hidden):
            super().__init__(inputs, hidden)

    u = unit.load(course / "solutions" / NAME)
    spec = u.spec("Leaky")

    def told(answer):
        return judge(spec, in_process({"Leaky": answer}, spec.arguments, adapter=spec.adapter)).message

    assert "its parameters are weight (4, 2), bias (4,); expected W_x (4, 2), b (4,)." in told(Other)
    assert "is no class derived from torch.nn.Module" in told(lambda x, h: x)


def test_gradients_are_those_of_torch():
    import torch

    rng = np.random.default_rng(0)
    w, b, x, g = rng.normal(size=(3, 2)), rng.normal(size=3), rng.normal(size=(4, 2)), rng.normal(size=(4, 3))
    found = adapters.module(torch.nn.Linear, {"in_features": 2, "out_features": 3}, {"weight": w, "bias": b}, [x], [g])
    assert np.allclose(found["output 0"], x @ w.T + b)
    assert np.allclose(found["d weight"], g.T @ x) and np.allclose(found["d input 0"], g @ w)


@pytest.mark.skipif(not sandbox.available(), reason="bubblewrap is missing: apt install bubblewrap")
def test_graded_in_the_sandbox(course, tmp_path):
    sources = {
        "right": unit.load(course / "solutions" / NAME).sources["Leaky"],
        "no bias": unit.load(course / "solutions" / NAME).sources["Leaky"].replace(" + self.b)", ")"),
        "numpy": "class Leaky:\n    pass",
        "trick": "class Leaky(torch.nn.Module):\n    def __init__(self, **k):\n        import os; os._exit(0)",
    }
    for student, source in sources.items():
        notebook = nbformat.read(course / "exercises" / NAME / f"{NAME}.ipynb", 4)
        next(c for c in notebook.cells if c.metadata.nbgrader.grade_id == "Leaky").source = source
        path = tmp_path / "submissions" / student / NAME / f"{NAME}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)
    runner.run(course, tmp_path / "submissions", tmp_path / "grading", NAME, workers=1, feedback=False)
    rows = {r["student"]: r for r in json.loads((tmp_path / "grading" / "results.json").read_text(encoding="utf-8"))}
    assert {s: r["score"] for s, r in rows.items()} == {"right": 3, "no bias": 0, "numpy": 0, "trick": 0}
    assert rows["no bias"]["functions"]["Leaky"]["hints"] == ["The bias is missing."]
    assert "ended the process" in rows["trick"]["reason"]
