"""Units whose answers are torch.nn modules: the same checks, in the notebook and behind the sandbox's wall."""

import json
import subprocess
import sys

import nbformat
import numpy as np
import pytest
from submissions import full, put, solution, student_notebook

from conftest import ROOT
from rnncourse.authoring import release, unit
from rnncourse.check import adapters, in_process
from rnncourse.check.forbidden import used
from rnncourse.check.spec import Case, Spec
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
CHUNKS = """
def two_chunks(x, h0, W, mask, k, lengths):
    ### BEGIN SOLUTION
    h = h0
    for t in range(len(x)):
        h = h.detach() if t == k else h
        h = torch.where(mask[:, None], torch.tanh(x[t] + h @ W.T), h)
    return h, lengths.sum() + k
    ### END SOLUTION
"""
CHECKS = """
from rnncourse.authoring import exercise

leaky = exercise("Leaky", points=3, returns=("new",), adapter="module")


@leaky.inputs
def draw(rng, B, I, H):
    x, h, g = rng.normal(size=(B, I)), rng.normal(size=(B, H)), rng.normal(size=(B, H))
    weights = {"W_x": rng.normal(size=(H, I)), "b": rng.normal(size=H)}
    init, inputs = {"inputs": I, "hidden": H}, {"x": x, "h": h}
    return {"init": init, "weights": weights, "inputs": inputs, "cotangents": {"new": g}}


# a function on tensors, of which gradients are asked for as well: the state's gradient ends at the seam
chunks = exercise(
    "two_chunks",
    points=2,
    returns=("h", "n"),
    adapter="tensors",
    requires_grad=("W",),
    gradients=("x", "h0", "W"),
    forbidden=("torch.nn.RNN",),
)


@chunks.inputs
def draw_chunks(rng, T, B, H):
    x, W, mask = rng.normal(size=(T, B, H)), rng.normal(size=(H, H)), rng.random(B) < 0.5
    return {"x": x, "h0": rng.normal(size=(B, H)), "W": W, "mask": mask, "k": 1, "lengths": rng.integers(1, 9, size=B)}


chunks.slip("The state is not cut at the seam.", "h.detach() if t == k else h", "h")
chunks.slip("The weights are cut off.", "@ W.T", "@ W.detach().T")
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
        nbformat.v4.new_code_cell(CHUNKS.strip(), id="chunks", metadata=graded("two_chunks", solution=True)),
        nbformat.v4.new_code_cell(
            'check("two_chunks")',
            id="check-chunks",
            metadata=graded("check_two_chunks", grade=True, locked=True, points=2),
        ),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / f"{NAME}.ipynb")
    release.generate(root, NAME)
    return root


@pytest.mark.parametrize("name", ["Leaky", "two_chunks"])
def test_solution_and_mistakes(course, name):
    u = unit.load(course / "solutions" / NAME)
    spec = u.spec(name)
    for hint, mistake in u.exercises[name].mistakes:
        call = in_process({name: u.implementation(name, mistake)}, spec.arguments, adapter=spec.adapter)
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


def told(course, answer):
    """What a student reads whose two_chunks is `answer`, a function or its source."""
    spec = unit.load(course / "solutions" / NAME).spec("two_chunks")
    if isinstance(answer, str):
        namespace = {}
        exec(f"import torch, numpy as np\n{answer}", namespace)
        answer = namespace["two_chunks"]
    return judge(spec, in_process({"two_chunks": answer}, spec.arguments, spec.forbidden, spec.adapter)).message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return h.numpy(), lengths.sum() + k", "Can't call numpy() on Tensor that requires grad"),
        ("return h.detach().numpy(), lengths.sum() + k", "h is a NumPy array; a tensor was asked for"),
        ("return h.detach(), lengths.sum() + k", "no gradient reaches x: was it detached"),
        ("return h", "returned a tensor of shape (3, 4); expected 2 values (h, n)."),
        ("pass", "returned None; expected 2 values (h, n). Is a `return` missing at the end?"),
        ("return h.T, lengths.sum() + k", "h has shape (4, 3); expected (3, 4). It looks transposed."),
        (
            "return list(h), lengths.sum() + k",
            "expected a tensor of shape (3, 4). Make it one tensor: torch.tensor for a",
        ),
        ("return h, lengths.sum() / 1", "n has dtype float32; expected integers."),
        ("return h @ torch.ones(4, 4), lengths.sum() + k", "a new one is float32 unless told"),
        ("mask.logical_not_(); return h, lengths.sum() + k", "modified by an inplace operation"),
        ("n = lengths.sum() + k; lengths.zero_(); return h, n", "two_chunks changes its argument lengths"),
        ("h0.fill_(1.0); return h, lengths.sum() + k", "a leaf Variable that requires grad"),
        ("return torch.nn.RNN(4, 4)(x)[1], 1", "two_chunks uses torch.nn.RNN, which this exercise does not allow"),
    ],
)
def test_messages_speak_of_tensors(course, body, message):
    lines = CHUNKS.strip().splitlines()
    source = "\n".join([*lines[:-2], "    " + body])
    assert message in " ".join(told(course, source).split())


def test_a_right_answer_in_other_words_is_right(course):
    source = """
from torch import tanh
def two_chunks(x, h0, W, mask, k, lengths):
    states, m = [h0], mask.unsqueeze(1).to(x.dtype)
    for t, step in enumerate(x.unbind()):
        old = states[-1].detach().clone() if t == k else states[-1]
        states.append(m * tanh(step + torch.einsum('bh,gh->bg', old, W)) + (1 - m) * old)
    return [states[-1].float(), int(lengths.sum()) + k]
"""
    assert "is right" in told(course, source)


def test_gradient_where_none_should_be_is_said(course):
    rng = np.random.default_rng(0)
    a, options = rng.normal(size=3), {"name": "tensors", "returns": ["y"], "requires_grad": [], "gradients": ["a"]}
    y, da = adapters.bound(options, ("a",))(lambda a: 3 * a, [a])
    assert np.allclose(y, 3 * a) and np.allclose(da, 3 * np.cos(1 + np.arange(3)))
    spec = Spec("f", 1, ("a",), ("y", "d a"), [Case({"a": a}, {}, (y, 0 * da))], adapter=options)
    text = judge(spec, in_process({"f": lambda a: 3 * a}, ("a",), adapter=options)).message
    assert "a gradient reaches a, and none should" in text


def test_nested_tensors_go_in_and_come_out():
    import torch

    def f(state, weights, sequences):
        h, c = state
        assert all(isinstance(s, torch.Tensor) for s in sequences) and sequences[0].dtype is torch.int64
        return {"h": weights["W"] @ h, "all": [s + 1 for s in sequences]}, (c, None, "text")

    state, weights = (np.ones(2), np.zeros(2)), {"W": np.eye(2)}
    options = {"name": "tensors", "returns": ["a", "b"], "requires_grad": [], "gradients": ["state", "weights"]}
    invoke = adapters.bound(options, ("state", "weights", "sequences"))
    a, b, d_state, d_weights = invoke(f, [state, weights, [np.arange(2, dtype=np.int32), np.arange(3)]])
    assert a["h"].tolist() == [1, 1] and [s.tolist() for s in a["all"]] == [[1, 2], [1, 2, 3]]
    assert b[1:] == (None, "text") and all(isinstance(v, np.ndarray) for v in (b[0], *d_state, d_weights["W"]))
    assert d_weights["W"].any() and d_state[1].any()


def test_changes_of_a_list_or_dict_show():
    def f(weights, sequences):
        weights["W"] = 2 * weights["W"]
        return sequences.pop()

    options = {"name": "tensors", "returns": ["a"], "requires_grad": [], "gradients": []}
    reply = in_process({"f": f}, ("weights", "sequences"), adapter=options)("f", [{"W": np.eye(2)}, [np.ones(2)] * 2])
    assert reply.changed == (0, 1) and reply.value.tolist() == [1, 1]


def test_numpy_units_do_without_pytorch():
    code = "import sys, rnncourse.check as c; c.load('03-backpropagation-through-time'); print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


@pytest.mark.parametrize(
    "source",
    [
        "import torch\ndef f(x): return torch.nn.LSTM(2, 3)(x)",
        "from torch import nn\ndef f(x): return nn.LSTM(2, 3)(x)",
        "from torch.nn import LSTM as L\ndef f(x): return L(2, 3)(x)",
        "import torch\ndef f(x):\n    from torch.nn import LSTM\n    return LSTM(2, 3)(x)",
        "from torch import nn\nclass f(nn.LSTM): pass",
        "from torch import nn\nclass f(nn.Module):\n    def __init__(self): self.inner = nn.LSTM(2, 3)",
    ],
)
def test_a_layer_of_torch_can_be_forbidden(source):
    namespace = {}
    exec(source, namespace)
    assert used(namespace["f"], ("torch.nn.LSTM",)) == ["torch.nn.LSTM"]
    assert used(namespace["f"], ("torch.nn.GRU", "torch.nn.LSTMCell")) == []


def test_gradients_are_those_of_torch():
    import torch

    rng = np.random.default_rng(0)
    w, b, x, g = rng.normal(size=(3, 2)), rng.normal(size=3), rng.normal(size=(4, 2)), rng.normal(size=(4, 3))
    found = adapters.module(
        torch.nn.Linear, {"in_features": 2, "out_features": 3}, {"weight": w, "bias": b}, {"x": x}, {"y": g}
    )
    assert np.allclose(found["y"], x @ w.T + b)
    assert np.allclose(found["d weight"], g.T @ x) and np.allclose(found["d x"], g @ w)


@pytest.mark.skipif(not sandbox.available(), reason="bubblewrap is missing: apt install bubblewrap")
def test_graded_in_the_sandbox(course, tmp_path):
    right = unit.load(course / "solutions" / NAME).sources
    layer = "from torch.nn import RNN\n" + right["two_chunks"].replace("h = h0", "h = RNN(1, 1) and h0")
    blind = "import rnncourse.check.call as c\nc.used = lambda *a: []\n"
    held = blind + "hold = [[torch.nn.RNN]]\n" + right["two_chunks"].replace("h = h0", "h = hold[0][0](1, 1) and h0")
    built = blind + "n = torch.nn.RNN(4, 4).double()\n" + right["two_chunks"].replace("h = h0", "h = n(x) and h0")
    inherited = blind + "class N(torch.nn.RNN): pass\n" + right["two_chunks"].replace("h = h0", "h = N(1, 1) and h0")
    answers = {
        "right": right,
        "no bias": right | {"Leaky": right["Leaky"].replace(" + self.b)", ")")},
        "no cut": right | {"two_chunks": right["two_chunks"].replace("h.detach() if t == k else h", "h")},
        "a layer": right | {"two_chunks": layer},
        "a layer held since before": right | {"two_chunks": held},
        "a layer built before": right | {"two_chunks": built},
        "a layer inherited from": right | {"two_chunks": inherited},
        "numpy": {"Leaky": "class Leaky:\n    pass"},
        "trick": {
            "Leaky": "class Leaky(torch.nn.Module):\n    def __init__(self, **k):\n        import os; os._exit(0)"
        },
    }
    for student, sources in answers.items():
        notebook = nbformat.read(course / "exercises" / NAME / f"{NAME}.ipynb", 4)
        for cell in notebook.cells:
            cell.source = sources.get(cell.metadata.nbgrader.grade_id, cell.source)
        path = tmp_path / "submissions" / student / NAME / f"{NAME}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)
    runner.run(course, tmp_path / "submissions", tmp_path / "grading", NAME, workers=1, feedback=False)
    rows = {r["student"]: r for r in json.loads((tmp_path / "grading" / "results.json").read_text(encoding="utf-8"))}
    scores = {"right": 5, "no bias": 2, "no cut": 3, "numpy": 0, "trick": 0}
    scores |= {name: 3 for name in answers if name.startswith("a layer")}
    assert {s: r["score"] for s, r in rows.items()} == scores
    assert rows["no cut"]["functions"]["two_chunks"]["hints"] == ["The state is not cut at the seam."]
    for name in (n for n in answers if n.startswith("a layer")):
        assert "uses torch.nn.RNN, which this exercise" in rows[name]["functions"]["two_chunks"]["message"], name
    assert rows["no bias"]["functions"]["Leaky"]["hints"] == ["The bias is missing."]
    assert "ended the process" in rows["trick"]["reason"]


PACKED = """
{before}
def pack(x, lengths):
    packed = {pack}(x, lengths, enforce_sorted=False)
    return packed.data, packed.batch_sizes, torch.argsort(lengths, descending=True, stable=True)
"""
BLIND = "import rnncourse.check.call as c\nc.used = lambda *a: []"
TOOL = "torch.nn.utils.rnn.pack_padded_sequence"
FILM = """
def film_vector(frame, x, lengths):
    n = lengths.tolist()
    described = frame(torch.cat([x[:k, b] for b, k in enumerate(n)])).split(n)
    return torch.nn.utils.rnn.pad_sequence(described).sum(dim=0) / lengths[:, None]
"""


@pytest.mark.skipif(not sandbox.available(), reason="bubblewrap is missing: apt install bubblewrap")
def test_what_one_function_may_not_use_the_others_may(tmp_path):
    """`pack` may not use torch.nn.utils.rnn; nn.GRU needs it, and `film_vector` may use it."""
    unit_name = "11-variable-length-batches"
    right, most = solution(unit_name), full(unit_name)
    layer = "gru = torch.nn.GRU(2, 3)\ngru(torch.zeros(4, 1, 2))[0].sum().backward()\nworks = True\n"
    needs = right["last_states"].replace("    H = output", "    assert works\n    H = output")
    answers = {
        "honest": right | {"film_vector": FILM.strip(), "last_states": layer + needs},
        "packs directly": right | {"pack": PACKED.format(before="", pack=TOOL)},
        "packs by import": right
        | {"pack": PACKED.format(before="from torch.nn.utils.rnn import pack_padded_sequence as p", pack="p")},
        "packs by a list, unseen": right
        | {"pack": PACKED.format(before=f"{BLIND}\ntools = [[{TOOL}]]", pack="tools[0][0]")},
        "packs by sys.modules, unseen": right
        | {
            "pack": PACKED.format(
                before=f"{BLIND}\nimport sys",
                pack="getattr(sys.modules['torch.nn.utils' + '.rnn'], 'pack_padded_sequence')",
            )
        },
    }
    for student, sources in answers.items():
        put(tmp_path / "subs", student, student_notebook(sources, unit=unit_name), unit_name)
    runner.run(ROOT, tmp_path / "subs", tmp_path / "out", unit_name, workers=1, feedback=False)
    rows = {r["student"]: r for r in json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))}
    assert (rows["honest"]["score"], rows["honest"]["reason"]) == (most, "")
    for student in (s for s in answers if s.startswith("packs")):
        assert rows[student]["functions"]["pack"]["points"] == 0, student
        assert "which this exercise does not allow" in rows[student]["functions"]["pack"]["message"], student
