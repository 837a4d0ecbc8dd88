"""The judge on a small unit of its own: all stages of messages, fingerprints, properties, functions as arguments."""

import json
import time
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from rnncourse import check
from rnncourse.authoring.author import exercise
from rnncourse.authoring.unit import Unit
from rnncourse.check import CheckFailed, compare, in_process, properties, toys, wire
from rnncourse.check.diagnose import diagnose
from rnncourse.check.spec import RIGHT, WRONG, Mistake, Pair, Spec, spec_from_json, spec_to_json
from rnncourse.check.verdict import judge

STEP = '''
def step(x, h_prev, W_x, W_h, b):
    """One step: new state and its pre-activation."""
    a = x @ W_x.T + h_prev @ W_h.T + b
    return np.tanh(a), a
'''
UNROLL = """
def unroll(step, x, h0):
    states = []
    h = h0
    for x_t in x:
        h = step(x_t, h)
        states.append(h)
    return np.stack(states)
"""


@cache
def small_unit():
    step = exercise("step", 2, ("h", "a"), terms={"input": ("x",), "recurrent": ("h_prev",), "bias": ("b",)})

    @step.inputs
    def draw(rng, B, I, H):
        sizes = {"x": (B, I), "h_prev": (B, H), "W_x": (H, I), "W_h": (H, H), "b": (H,)}
        return {name: rng.normal(size=size) for name, size in sizes.items()}

    step.slip("The bias is missing.", " + b", "")
    step.slip("The state is not squashed.", "np.tanh(a), a", "a, a")
    step.slip("W_h is used untransposed.", "W_h.T", "W_h")

    @step.mistake("The batch is summed away.")
    def summed(x, h_prev, W_x, W_h, b):
        a = (x @ W_x.T + h_prev @ W_h.T + b).sum(axis=0)
        return np.tanh(a), a

    unroll = exercise("unroll", 1, "h")

    @unroll.inputs
    def sequences(rng, T, B, I, H):
        return {"step": toys.squashed_shift, "x": rng.normal(size=(T, B, I)), "h0": rng.normal(size=(B, H))}

    unroll.slip("h0 is replaced by zeros.", "h = h0", "h = h0 * 0")
    namespace, sources = {"np": np}, {"step": STEP, "unroll": UNROLL}
    for source in sources.values():
        exec(source, namespace)
    return Unit("small", None, {"step": step, "unroll": unroll}, namespace, sources)


def verdict(name, function, hidden=False):
    spec = small_unit().spec(name, 5 if hidden else None)
    if not hidden:
        spec = spec_from_json(json.loads(json.dumps(spec_to_json(spec))))
    return judge(spec, in_process({name: function} if function else {}, spec.arguments), reveal=not hidden)


def right(x, h_prev, W_x, W_h, b):
    a = x @ W_x.T + h_prev @ W_h.T + b
    return np.tanh(a), a


def told(function, *words, name="step"):
    v = verdict(name, function)
    assert not v.passed
    for word in words:
        assert word in v.message, v.message
    return v


def test_right_answers_pass_in_many_forms():
    for f in (
        right,
        lambda *args: list(right(*args)),
        lambda *args: tuple(r.astype(np.float32) for r in right(*args)),
        lambda *args: tuple(np.asfortranarray(r) for r in right(*args)),
    ):
        assert verdict("step", f).passed and verdict("step", f, hidden=True).passed


def test_every_stage_has_its_message():
    told(None, "There is no function step yet", "run the cell")
    told(lambda *args: None, "returned None", "2 values (h, a)", "`return`")
    told(lambda *args: right(*args)[0], "returned an array of shape (3, 4)", "2 values (h, a)")
    told(lambda *args: (*right(*args), 1), "returned 3 values")
    told(lambda *args: tuple(r.T for r in right(*args)), "h has shape (4, 3); expected (3, 4)", "transposed")
    told(lambda *args: (right(*args)[0], None), "a is None; expected an array")
    told(lambda *args: tuple(r[None] for r in right(*args)), "an axis of length 1 too many")
    told(lambda *args: tuple(r.tolist() for r in right(*args)), "h is a list of length 3", "np.stack")
    told(
        lambda *args: tuple(r * np.nan for r in right(*args)),
        "h has NaN or infinite entries: 12 of 12, the first at h[0, 0]",
    )
    told(lambda *args: tuple(r.astype(str) for r in right(*args)), "h has dtype <U")
    told(lambda *args: (right(*args)[0].round().astype(int), right(*args)[1]), "holds integers", "Right: a. Wrong: h.")
    told(
        lambda *args: (right(*args)[0] + 1e-3, right(*args)[1]), "12 of 12 entries", "largest difference 0.001", "yours"
    )
    told(lambda x, h: x, "step(x, h) cannot be called with 5 arguments (x, h_prev, W_x, W_h, b)", "signature")


def test_of_many_wrong_values_the_others_are_named():
    many = exercise("many", 1, ("a", "b", "c", "d", "e"))

    @many.inputs(N=(6, 4))
    def draw(rng, N):
        return {"x": rng.normal(size=N)}

    def solution(x):
        return x, x, x, x, x

    spec = Unit("many", None, {"many": many}, {"many": solution}, {}).spec("many")

    def message(f):
        return judge(spec, in_process({"many": f})).message

    text = message(lambda x: [2.2 * x] * 5)
    assert "a has the right shape and wrong values" in text and "b has" not in text, "one is enough to look at"
    assert "4 more are wrong: b, c, d, e." in text
    text = message(lambda x: [x[:-1]] * 4 + [2.2 * x])
    assert "a has shape (5,); expected (6,)" in text and "4 more are wrong: b, c, d, e." in text
    assert "more" not in message(lambda x: [x, *[2.2 * x] * 4]), "the line Right, Wrong says it"
    assert "more" not in message(lambda x: None)


def test_exchanged_values_are_named():
    pair = exercise("pair", 1, ("a", "b"))

    @pair.inputs(N=(6, 4))
    def draw(rng, N):
        return {"x": rng.normal(size=(N, N + 1))}

    @pair.inputs(N=(3,))
    def draw_square(rng, N):
        return {"x": rng.normal(size=(N, N))}

    unit = Unit("pair", None, {"pair": pair}, {"pair": lambda x: (x, x.T)}, {})

    def message(f):
        return judge(unit.spec("pair"), in_process({"pair": f})).message

    assert "What the numbers show: a and b are exchanged." in message(lambda x: (x.T, x))
    assert "a and b have each other's shapes." in message(lambda x: (1.1 * x.T, 1.1 * x))
    nan = message(lambda x: (x, x.T) if x.shape[0] != x.shape[1] else (x * np.nan, x.T * np.nan))
    assert "NaN" in nan and "each other's" not in nan


def test_blank_and_misspelt():
    def step(x, h_prev, W_x, W_h, b):
        raise NotImplementedError()

    told(step, "step is not written yet")

    def setp(x, h_prev, W_x, W_h, b):
        return None

    spec = small_unit().spec("step")
    assert "There is one called setp: is the name misspelt?" in judge(spec, in_process({"setp": setp})).message
    assert "is no function any more but int" in judge(spec, in_process({"step": 3})).message


def test_an_exception_is_shown_with_the_line_of_the_student():
    def step(x, h_prev, W_x, W_h, b):
        return x @ W_h, None

    told(step, "step raised ValueError: matmul", f"in line {step.__code__.co_firstlineno + 1}:  return x @ W_h, None")


def test_changing_an_argument_is_a_named_error():
    def step(x, h_prev, W_x, W_h, b):
        out = right(x, h_prev, W_x, W_h, b)
        h_prev += 1
        return out

    told(step, "changes its argument h_prev", "work on a copy")


def test_terms_name_the_part_of_the_equation():
    def step(x, h_prev, W_x, W_h, b):
        a = x @ W_x.T + h_prev @ W_h.T * 1.5 + b
        return np.tanh(a), a

    told(step, "Look at the recurrent term (h_prev)", "for input and bias alone it is right")


@pytest.mark.parametrize("hidden", [False, True])
def test_each_known_mistake_is_named(hidden):
    unit = small_unit()
    for hint, m in unit.exercises["step"].mistakes:
        assert verdict("step", unit.implementation("step", m), hidden).hints == (hint,)


def test_of_two_mistakes_at_once_the_one_that_explains_a_whole_value_is_named():
    unit = small_unit()
    slips = tuple(m for _, m in unit.exercises["step"].mistakes[:2])
    v = told(unit.implementation("step", slips), "Part of it looks like a known mistake")
    assert v.hints == ("b makes no difference to the answer.", "The bias is missing."), "a shows it; h is wrong twice"


def test_an_unknown_mistake_gets_no_hint():
    assert told(lambda *args: tuple(r * 1.1 for r in right(*args))).hints == ()


def test_functions_arrive_as_arguments():
    unit = small_unit()
    assert verdict("unroll", unit.namespace["unroll"]).passed
    assert verdict("unroll", unit.implementation("unroll", unit.exercises["unroll"].mistakes[0][1])).hints
    told(lambda step, x, h0: [step(x_t, h0) for x_t in x], "expected h as one array", name="unroll")
    v = told(lambda step, x, h0: np.stack([step(x_t, h0) for x_t in x]), "wrong steps: t = 1 to 4", name="unroll")
    assert v.hints == ()


def test_hidden_failures_show_no_values():
    message = verdict("step", lambda *args: (right(*args)[0] + 1e-3, right(*args)[1]), hidden=True).message
    assert "yours" not in message and "expected" not in message and "largest difference 0.001" in message


def test_property_cases_judge_what_an_adapter_sees():
    latch = exercise("latch", 1, "weights")

    @latch.property(properties.bit_reader, "The readout must be positive exactly while the bit is 1.")
    def bits(rng, T, B):
        return {"bits": rng.integers(0, 2, size=(T, B))}

    def follow():
        one = np.ones(1)
        return np.full((1, 1), 8.0), np.zeros((1, 1)), -4 * one, 0 * one, one, 0.0

    unit = Unit("p", None, {"latch": latch}, {"latch": follow}, {})
    latch.mistake("The sign of the readout is wrong.")(lambda: (*follow()[:4], -np.ones(1), 0.0))
    spec = spec_from_json(json.loads(json.dumps(spec_to_json(unit.spec("latch")))))

    def tell(f):
        return judge(spec, in_process({"latch": f}))

    assert tell(follow).passed
    assert tell(lambda: tuple(3 * w for w in follow())).passed, "other weights with the same property"
    assert tell(lambda: (*follow()[:4], -np.ones(1), 0.0)).hints == ("The sign of the readout is wrong.",)
    assert "W_h has shape (2, 2); expected (1, 1)" in tell(lambda: (follow()[0], np.eye(2), *follow()[2:])).message
    assert "The readout must be positive" in tell(lambda: (*follow()[:5], 9.0)).message


def test_the_student_sees_one_line_or_one_message(monkeypatch, capsys):
    monkeypatch.setattr(check, "load", lambda name: {"step": small_unit().spec("step")})
    globals()["step"] = right
    try:
        started = time.process_time()
        assert check.unit("small")("step") is None
        assert (
            time.process_time() - started < 1
            and capsys.readouterr().out == "✓ step is right in all 7 cases. (2 points)\n"
        )
        globals()["step"] = lambda *args: None
        with pytest.raises(CheckFailed) as failed:
            check.unit("small")("step")
    finally:
        del globals()["step"]
    assert failed.value._render_traceback_() == [str(failed.value)] and str(failed.value).startswith(
        "✗ step is not right"
    )


def test_unknown_units_and_functions_say_what_there_is():
    with pytest.raises(ValueError, match="there is no unit 'nonsense'; the installed rnncourse has: "):
        check.unit("nonsense")("step")


VALUES = [
    1,
    2.5,
    "text",
    None,
    True,
    [1, [2.0]],
    (1, 2),
    {"a": np.arange(3)},
    np.eye(2),
    np.float64(2),
    float("nan"),
    float("-inf"),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_cross_as_json(value):
    back = wire.decode(json.loads(json.dumps(wire.encode(value))))
    assert wire.same(back, value) or (isinstance(value, np.float64) and back == value)


def test_layout_and_toys_cross_and_code_does_not():
    back = wire.decode(wire.encode(wire.strided(np.eye(3))))
    assert not back.flags.contiguous and np.array_equal(back, np.eye(3))
    assert wire.decode(wire.encode(toys.fading_sum)) is toys.fading_sum
    with pytest.raises(TypeError, match="only plain data"):
        wire.encode(lambda: 0)


@pytest.mark.parametrize("name", ["bowl", "wavy", "steep", "valley", "bent", "high"])
def test_toy_losses_have_their_gradients(name):
    loss, gradient = getattr(toys, f"{name}_loss"), getattr(toys, f"{name}_gradient")
    a = np.random.default_rng(1).normal(size=(2, 3)) / 10
    found = np.zeros(a.shape)
    for index in np.ndindex(a.shape):
        move = np.zeros(a.shape)
        move[index] = 1e-5
        found[index] = (loss(a + move) - loss(a - move)) / 2e-5
    assert np.allclose(found, gradient(a), rtol=1e-6, atol=1e-6)
    with pytest.raises(TypeError, match="an array of float32"):
        loss(a.astype(np.float32))


def test_structure_follows_the_expected_value():
    expected = ([1.0, 2.0], {"a": np.zeros(2)}, ["x", "y"], [np.zeros(1), np.zeros(2)], 3.0)
    names = ("numbers", "table", "words", "arrays", "loss")
    same = (np.array([1.0, 2.0]), {"a": np.zeros(2)}, ("x", "y"), (np.zeros(1), np.zeros(2)), np.array(3.0))
    wanted, found = compare.leaves(expected, expected, names), compare.leaves(same, expected, names)
    assert list(found) == ["numbers", "table['a']", "words", "arrays[0]", "arrays[1]", "loss"]
    assert all(compare.agree(found[k], wanted[k], 1e-5) for k in wanted)
    worse = ([1.0], {"b": 1}, "xy", [np.zeros(1)], None)
    problems = compare.leaves(worse, expected, names)
    assert not any(compare.agree(problems[k], wanted[k], 1e-5) for k in wanted)


def test_a_nan_is_never_right():
    assert not compare.agree(np.array([np.nan]), np.array([1.0]), 1e-5)
    assert compare.agree(np.array([np.inf]), np.array([np.inf]), 1e-5)
    assert not compare.agree(np.array([np.inf]), np.array([1.0]), 1e-5)


def table(*values):
    """A table of one leaf with a fingerprint (or RIGHT) per case."""
    return [{"n": v if isinstance(v, str) else [v] * 5} for v in values]


def found(known, prints, size=9, pairs=()):
    def numbers(row):
        return {k: set(range(size)) for k, p in row.items() if isinstance(p, list)}

    spec = Spec("f", 1, (), "n", [], known, list(pairs))
    return diagnose(spec, prints, table(*[30.0] * len(prints)), [numbers(row) for row in prints])


def test_diagnosis_needs_real_evidence():
    """A mistake must explain a leaf in every case in which it is wrong, with enough numbers, and spoil no right one."""
    a, b = Mistake("a", table(1.0, 2.0, RIGHT)), Mistake("b", table(RIGHT, RIGHT, 3.0))
    assert found([a], table(1.0, 2.0, RIGHT)).sure == "whole"
    assert found([a], table(1.0, 2.0, RIGHT), size=1).sure == "symptom", "few numbers are no proof"
    assert found([a], table(1.0, 5.0, RIGHT)).mistakes == (), "contradicted in the second case"
    assert found([a], table(1.0, RIGHT, RIGHT)).mistakes == (), "does harm where the result is right"
    assert found([a, b], table(1.0, 2.0, 3.0)).mistakes == (), "one value, explained by neither in all cases"


def test_a_value_that_two_mistakes_explain_names_neither():
    def both(**leaves):
        return [{k: v if v == RIGHT else [v] * 5 for k, v in leaves.items()}]

    a, b, c = (Mistake(n, both(**t)) for n, t in (("a", {"h": 1.0}), ("b", {"h": 1.0, "y": 2.0}), ("c", {"y": 5.0})))
    spec = Spec("f", 1, (), ("h", "y"), [], [a, b, c])
    right, numbers = both(h=30.0, y=30.0), [{"h": set(range(9)), "y": set(range(9))}]
    assert diagnose(spec, both(h=1.0, y=7.0), right, numbers).mistakes == ()
    assert diagnose(spec, both(h=7.0, y=5.0), right, numbers).mistakes == (c,)
    assert diagnose(spec, both(h=1.0, y=RIGHT), right, numbers).mistakes == (a,)
    two = diagnose(replace(spec, mistakes=[a, c]), both(h=1.0, y=5.0), right, numbers)
    assert set(m.hint for m in two.mistakes) == {"a", "c"} and two.sure == "whole", "each explains a value of its own"


def test_evidence_is_of_different_finite_numbers():
    right = np.arange(6.0)
    assert len(compare.evidence(right + 1.5, right)) == 6
    assert len(compare.evidence(np.zeros(6), right)) == 1, "a constant array"
    assert len(compare.evidence(np.full(6, np.nan), right)) == 0
    mask = np.arange(32) % 3 > 0
    assert len(compare.evidence(~mask, mask)) == 4 and len(compare.evidence(mask[:6], mask)) == 0
    assert len(compare.evidence(mask ^ (np.arange(32) == 9), mask)) == 1
    assert len(compare.evidence(compare.Problem("shape", "", right[:4] + 1), right)) == 4
    beside = np.append(right, -np.inf)
    assert len(compare.evidence(beside + 1.5, beside)) == 6, "an infinity among what is expected"


def test_an_exception_alone_is_a_symptom_and_none_is_nothing():
    a = Mistake("a", table("raises IndexError: index # is out", "raises IndexError: index # is out"))
    assert found([a], a.prints).sure == "symptom"
    none = Mistake("a", table("None", "None"))
    assert found([none], none.prints).mistakes == ()


def test_two_returned_values_are_each_evidence():
    a = Mistake("a", [{"h": [1.0] * 5, "y": [2.0] * 5}])
    spec = Spec("f", 1, (), ("h", "y"), [], [a])
    right, numbers = [{"h": [30.0] * 5, "y": [30.0] * 5}], [{"h": {1, 2, 3, 4}, "y": {1, 2, 3, 4}}]
    half = diagnose(spec, [{"h": [1.0] * 5, "y": [7.0] * 5}], right, numbers)
    assert half.mistakes == (a,) and half.sure == "part"


def test_a_stored_pair_names_both():
    a, b = (Mistake(hint, table(value)) for hint, value in (("a", 1.0), ("b", 2.0)))
    pair = Pair((0, 1), table(7.0))
    assert found([a, b], table(7.0), pairs=[pair]).mistakes == (a, b)
    short = Pair((0, 1), [*table(7.0), {"n": [8.0]}, {"n": WRONG}])
    assert found([a, b], table(7.0, 8.0, 5.0), pairs=[short]).mistakes == (a, b)
    assert found([a, b], table(7.0, 8.5, 5.0), pairs=[short]).mistakes == (), "contradicted in the second case"
    assert found([a, b], table(7.0), size=1, pairs=[pair]).mistakes == (), "one number is no evidence for two mistakes"


def masks():
    pick = exercise("pick", 1, ("mask", "total"))

    @pick.inputs(N=(6, 4))
    def draw(rng, N):
        return {"x": np.arange(N) + rng.random(), "k": 2, "share": 1.0}

    def solution(x, k, share):
        return x > x[k], share * 1.23456789

    return Unit("masks", None, {"pick": pick}, {"pick": solution}, {})


def test_messages_name_arguments_first_entries_and_enough_digits():
    spec = masks().spec("pick")

    def message(f, reveal=True):
        return judge(spec, in_process({"pick": f}), reveal).message

    assert "2 of 2 cases fail, the first with N = 6, k = 2, share = 1." in message(lambda x, k, share: (x, 0.0))
    assert "expected a mask of True and False (dtype bool)" in message(
        lambda x, k, share: ((x > x[k]).astype(int), share)
    )
    one = message(lambda x, k, share: (x >= x[k], share * 1.23456789))
    assert "1 of 6 entries, the first at mask[2]: yours True, expected False" in one and "Right: total." in one
    assert "first at mask[2] " not in message(lambda x, k, share: (x >= x[k], 1.2), reveal=False)
    assert "yours 1.2345979, expected 1.2345679" in message(lambda x, k, share: (x > x[k], share * 1.2345979))
    assert "1 of 2 cases fails, with N = 4" in message(
        lambda x, k, share: (x > x[k], share * 1.23456789 if len(x) > 4 else np.nan)
    )
    assert "total is NaN, which is no finite number" in message(lambda x, k, share: (x > x[k], np.nan))
