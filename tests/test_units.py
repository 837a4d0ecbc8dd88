"""Every unit: the solution scores all, every known mistake is caught and named, nothing of the answers ships."""

import ast
import itertools
import json
import re
import zipfile
import zlib
from collections import Counter

import numpy as np
import pytest

from conftest import ROOT, UNITS, functions, load
from rnncourse.authoring import notebooks, release, unit
from rnncourse.check import in_process
from rnncourse.check import load as load_public
from rnncourse.check.compare import alike
from rnncourse.check.spec import RIGHT
from rnncourse.check.verdict import judge

SEED = 11
LENGTH = 12  # characters: shorter lines of a solution are no secret


def verdict(name, function, implementation, hidden=False):
    u = load(name)
    spec = u.spec(function, SEED) if hidden else load_public(name)[function]
    call = in_process({function: implementation}, spec.arguments, adapter=spec.adapter)
    return judge(spec, call, reveal=not hidden)


def score(u, namespace):
    """The scores of a namespace's functions."""
    specs = {name: u.spec(name) for name in u.exercises}
    calls = {name: in_process(namespace, s.arguments, adapter=s.adapter) for name, s in specs.items()}
    return unit.score(u, lambda name, args: calls[name](name, args), SEED)


def mistakes(name, function):
    return [(hint, load(name).implementation(function, m), m) for hint, m in load(name).exercises[function].mistakes]


def test_there_are_units():
    assert UNITS


def sizes(name):
    """(functions, points) that a unit may have: one of applications is shorter."""
    applied = (ROOT / "book" / "4-applications" / f"{name}.ipynb").exists()
    return ((3, 5), (6, 12)) if applied else ((4, 8), (10, 20))


@pytest.mark.parametrize("name", UNITS)
def test_blank_scores_nothing(name):
    notebook = notebooks.read(ROOT / "exercises" / name / f"{name}.ipynb")
    namespace = {}
    for cell in notebooks.code_cells(notebook):
        grading = cell.metadata.get("nbgrader", {})
        if "setup" in cell.metadata.get("tags", []) or grading.get("solution"):
            exec(cell.source, namespace)
    scores = score(load(name), namespace)
    assert sum(s.points for s in scores.values()) == 0
    assert all("not written yet" in s.verdict.message for s in scores.values())


@pytest.mark.parametrize("name", UNITS)
def test_solution_scores_all(name):
    u = load(name)
    scores = score(u, u.namespace)
    assert {n: s.verdict.message for n, s in scores.items() if not s.verdict.passed} == {}
    fewest, most = sizes(name)[1]
    assert fewest <= sum(s.points for s in scores.values()) <= most


@pytest.mark.parametrize("name", UNITS)
def test_open_question_and_number_of_functions(name):
    notebook = notebooks.read(ROOT / "exercises" / name / f"{name}.ipynb")
    manual = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade") and c.cell_type == "markdown"]
    assert len(manual) == 1
    assert "YOUR ANSWER HERE" in manual[0].source
    fewest, most = sizes(name)[0]
    assert fewest <= len(load(name).exercises) <= most


@pytest.mark.parametrize(("name", "function"), functions())
def test_right_answers_score_all(name, function):
    answers = load(name).exercises[function].answers
    assert len(answers) >= 2, "at least two independent right answers"
    for answer in answers:
        for hidden in (False, True):
            v = verdict(name, function, answer, hidden)
            assert v.passed, f"{answer.__name__}: {v.message}"


@pytest.mark.parametrize(("name", "function"), functions())
def test_float32_scores_all(name, function):
    """The solution's own result in float32 is right as well."""

    def in_float32(value):
        if isinstance(value, np.ndarray) and value.dtype == np.float64:
            return value.astype(np.float32)
        if getattr(value, "is_floating_point", bool)():  # a tensor
            return value.float()
        if isinstance(value, (tuple, list)):
            return type(value)(in_float32(v) for v in value)
        return value

    right = load(name).namespace[function]
    if isinstance(right, type):  # a module
        narrow = type(function, (right,), {"forward": lambda self, *args: in_float32(right.forward(self, *args))})
    else:
        narrow = lambda *args: in_float32(right(*args))  # noqa: E731
    v = verdict(name, function, narrow, hidden=True)
    assert v.passed, v.message


@pytest.mark.parametrize(("name", "function"), functions())
def test_every_mistake_loses_its_points_and_is_named(name, function):
    known = mistakes(name, function)
    assert known, "no known mistakes"
    for hint, implementation, _ in known:
        public, hidden = verdict(name, function, implementation), verdict(name, function, implementation, True)
        assert not public.passed and not hidden.passed, f"not caught: {hint}"
        assert public.hints == (hint,), f"{hint!r} is told as {public.hints}"
        assert hidden.hints == (hint,), f"{hint!r} is told as {hidden.hints} when grading"


def equal_tables(a, b):
    """Do two tables of fingerprints show the same results?"""
    cells = [(x.get(k, RIGHT), y.get(k, RIGHT)) for x, y in zip(a, b, strict=True) for k in x.keys() | y.keys()]
    return all(x == y or (RIGHT not in (x, y) and alike(x, y, "")) for x, y in cells)


@pytest.mark.parametrize(("name", "function"), functions())
def test_mistakes_are_told_apart(name, function):
    known = load_public(name)[function].mistakes
    assert len({m.hint for m in known}) == len(known)
    for a, b in itertools.combinations(known, 2):
        assert not equal_tables(a.prints, b.prints), (a.hint, b.hint)


TWO = 40  # pairs of slips a function that are looked at


def two_at_once(name, function):
    """(k, l, the function with both slips) for at most TWO pairs, drawn by seed."""
    u, rng = load(name), np.random.default_rng([SEED, zlib.crc32(function.encode())])
    pairs = rng.permutation(list(itertools.combinations(u.slips(function), 2))).reshape(-1, 2).tolist()
    made = ((k, l, u.pair(function, k, l)) for k, l in pairs)
    return itertools.islice(((k, l, both) for k, l, both in made if both is not None), TWO)


def outcome(name, function, k, l, both):
    """What the judge says of two mistakes at once: "both", "one" or "none" of them; "same" or "false" for another.

    "same": in every case, hidden ones too, the two together give what the named mistake gives, alone or with another of
    those that were named or made.
    """
    u, known = load(name), load(name).exercises[function].mistakes
    v = verdict(name, function, both)
    if v.passed:
        return None
    said = [m for m, (hint, _) in enumerate(known) if hint in v.hints]
    if not set(said) <= {k, l}:
        hidden = u.spec(function, SEED)
        came = u.prints(hidden, both)
        foreign = {*said} - {k, l}
        alike = [hidden.mistakes[m].prints for m in foreign] if len(foreign) == 1 else []
        edits = sorted({*said, k, l} & {*u.slips(function)})
        pairs = (u.pair(function, *pair) for pair in itertools.combinations(edits, 2) if foreign <= {*pair})
        alike += [u.prints(hidden, pair) for pair in pairs if pair is not None]
        return "same" if any(equal_tables(came, other) for other in alike) else "false"
    return ("none", "one", "both")[len(said)]


@pytest.mark.slow
@pytest.mark.parametrize("name", UNITS)
def test_two_mistakes_at_once_are_rarely_taken_for_another(name, record_property):
    counts = Counter()
    for function in load(name).exercises:
        counts.update(outcome(name, function, *pair) for pair in two_at_once(name, function))
    counts.pop(None, 0)
    record_property("pairs", dict(counts))
    total = sum(counts.values())
    assert counts["false"] <= 0.01 * total, dict(counts)
    assert counts["both"] + counts["one"] + counts["same"] >= total / 3, dict(counts)


@pytest.mark.parametrize("name", UNITS)
def test_exercises_are_what_solutions_generate(name):
    assert (ROOT / "exercises" / name / f"{name}.ipynb").read_text(encoding="utf-8") == release.exercise_notebook(
        ROOT, name
    )


def close(a, b):
    """Equal by value: numbers within 1e-8, since another processor rounds differently."""
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(close(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(close, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return a == b or abs(a - b) <= 1e-8 * max(1, abs(a))
    return a == b


@pytest.mark.slow
@pytest.mark.parametrize("name", UNITS)
def test_public_checks_are_what_checks_py_generates(name):
    stored = json.loads((ROOT / "rnncourse" / "units" / f"{name}.json").read_text(encoding="utf-8"))
    assert close(stored, json.loads(release.unit_json(load(name))))


def secrets(name):
    """Lines of the solution regions and of the known mistakes, and the names of the latter."""
    lines, open_lines = set(), set()
    for cell in notebooks.read(ROOT / "solutions" / name / f"{name}.ipynb").cells:
        inside = False
        for line in map(str.strip, cell.source.splitlines()):
            inside = (inside or line == "### BEGIN SOLUTION") and line != "### END SOLUTION"
            (lines if inside else open_lines).add(line)
    for path in (ROOT / "solutions" / name).glob("*.py"):
        module = ast.parse(path.read_text(encoding="utf-8"))
        for function in (n for n in module.body if isinstance(n, ast.FunctionDef) and n.name != "draw"):
            lines |= {line.strip() for statement in function.body for line in ast.unparse(statement).splitlines()}
    return {line for line in lines - open_lines if len(line) >= LENGTH and not line.startswith("#")}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """The students' zip, made once: text by file, of notebooks the lines of their cells."""
    archive = tmp_path_factory.mktemp("zip") / "students.zip"
    release.student_zip(ROOT, archive)
    with zipfile.ZipFile(archive) as z:
        inside = {n: z.read(n).decode("utf-8", "replace") for n in z.namelist()}
    for file in (f for f in inside if f.endswith(".ipynb")):
        inside[file] = "\n".join("".join(c["source"]) for c in json.loads(inside[file])["cells"])
    return inside


@pytest.fixture(scope="module")
def shipped_lines(shipped):
    """The lines of notebooks and unit files that ship, by file."""
    files = {file: text for file, text in shipped.items() if file.endswith((".ipynb", ".json"))}
    return {file: {line.strip() for line in text.splitlines()} for file, text in files.items()}


def test_the_zip_holds_nothing_of_the_instructors(shipped):
    names = [n.removeprefix("rnncourse/") for n in shipped]
    assert "start.py" in names and {f"exercises/{n}/{n}.ipynb" for n in UNITS} <= set(names)
    secret = ("solutions", "checks.py", "mistakes.py")
    assert not any(n.startswith(("tests/", "book/")) or any(s in n for s in secret) for n in names)


@pytest.mark.parametrize("name", UNITS)
def test_nothing_of_a_solution_ships(name, shipped, shipped_lines):
    hidden = secrets(name)
    elsewhere = {line for line in hidden if len(line) >= 2 * LENGTH}  # "for x_t in x:" may stand in another unit
    for file, lines in shipped_lines.items():
        assert not (hidden if name in file else elsewhere) & lines, file
    data = shipped[f"rnncourse/rnncourse/units/{name}.json"]
    for m in (m for e in load(name).exercises.values() for _, m in e.mistakes):
        assert json.dumps(m.__name__) not in data, "names of mistakes stay with the instructors"


def test_public_checks_hold_no_hidden_case():
    for name in UNITS:
        for function, spec in load_public(name).items():
            public = [json.dumps(c, default=str) for c in map(str, (c.inputs for c in spec.cases))]
            hidden = [
                json.dumps(c, default=str) for c in map(str, (c.inputs for c in load(name).spec(function, SEED).cases))
            ]
            arrays = [
                c
                for c in spec.cases
                if any(isinstance(v, np.ndarray) and v.dtype.kind == "f" for v in c.inputs.values())
            ]
            if arrays:
                assert not set(public) & set(hidden), (name, function)


class Normalised(ast.NodeTransformer):
    """Names by order of appearance, so that renaming hides nothing."""

    def __init__(self):
        self.names = {}

    def visit_Name(self, node):
        node.id = self.names.setdefault(node.id, f"n{len(self.names)}")
        return node

    def visit_arg(self, node):
        node.arg, node.annotation = self.names.setdefault(node.arg, f"n{len(self.names)}"), None
        return node


def bodies(source):
    """The normalised body of every function in a source, without docstrings."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            plain = ast.parse(ast.unparse(node)).body[0]
            plain.name, plain.returns, plain.decorator_list = "f", None, []
            if ast.get_docstring(plain) is not None:
                plain.body = plain.body[1:]
            if plain.body:
                yield node.name, ast.dump(Normalised().visit(plain))


def test_no_solution_is_printed_in_a_chapter_or_the_package():
    shown = {}
    for path in (ROOT / "book").rglob("*.ipynb"):
        for cell in notebooks.code_cells(notebooks.read(path)):
            shown |= {body: (path.name, n) for n, body in bodies(re.sub(r"^[%!].*$", "", cell.source, flags=re.M))}
    for path in (ROOT / "rnncourse").rglob("*.py"):
        shown |= {body: (path.name, n) for n, body in bodies(path.read_text(encoding="utf-8"))}
    assert len(shown) > 20
    for name in UNITS:
        for function in load(name).exercises:
            for _, body in bodies(load(name).sources[function]):
                assert body not in shown, f"{name}, {function} is printed as {shown.get(body)}"
