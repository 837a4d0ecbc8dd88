"""What the numbers show of a wrong answer: each kind of sentence, when nothing is said, and what it may cost."""

import time

import numpy as np
import pytest

from conftest import functions, load
from rnncourse.authoring.author import exercise
from rnncourse.authoring.unit import Unit
from rnncourse.check import in_process, relations
from rnncourse.check.forbidden import NUMPY_UNIT
from rnncourse.check.spec import ARGUMENTS
from rnncourse.check.verdict import judge
from rnncourse.grading import sandbox
from rnncourse.grading.session import Session


def leak(h, x, alpha, k, mask):
    """Right: `new` keeps real steps, `total` adds up; not linear in any argument."""
    new = (1 - alpha) * h**3 + alpha * np.tanh(x) + 0.1 * k * x**3
    new = np.where(mask, new, h)
    return new, np.exp(new).sum(axis=0)


def spec_of(function, returns, draw, **more):
    e = exercise("leak", 1, returns, **more)
    e.inputs(T=(6, 5), N=(3, 4))(draw)
    return Unit("u", None, {"leak": e}, {"leak": function}, {}).spec("leak")


def draw(rng, T, N):
    h, x = rng.normal(size=(T, N)), rng.normal(size=(T, N))
    return {"h": h, "x": x, "alpha": 0.3, "k": 2, "mask": rng.random((T, N)) < 0.6}


def message(function, spec=None, **kind):
    spec = spec or spec_of(leak, ("new", "total"), draw)
    return judge(spec, in_process({"leak": function}, spec.arguments, adapter=spec.adapter), **kind).message


def changed(*changes):
    """The right answer with its values changed."""
    return lambda *args: tuple(c(v) for c, v in zip(changes, leak(*args), strict=True))


def given(**changes):
    """The right function of changed arguments."""

    def function(h, x, alpha, k, mask):
        args = {"h": h, "x": x, "alpha": alpha, "k": k, "mask": mask}
        return leak(**{name: changes[name](args) if name in changes else v for name, v in args.items()})

    return function


def same(a):
    return a


SAID = {
    "new and total have the wrong sign": changed(np.negative, np.negative),
    "total is half as large as it should be": changed(same, lambda a: a / 2),
    "total is the logarithm of what is asked for": changed(same, np.log),
    "new is transposed": changed(lambda a: a.T, same),
    "new stands in reverse order": changed(lambda a: a[::-1], same),
    "new comes one step too late": changed(lambda a: np.concatenate([0 * a[:1], a[:-1]]), same),
    "new is added up along the first axis": changed(lambda a: a.cumsum(axis=0), same),
    "the first step (or row) of new is zero": changed(lambda a: np.concatenate([0 * a[:1], a[1:]]), same),
    "new and total are exchanged": lambda *args: leak(*args)[::-1],
    "total is returned where new belongs": lambda *args: leak(*args)[1:] * 2,
    "mask makes no difference to the answer": given(mask=lambda a: a["mask"] | True),
    "h makes no difference to the answer": given(h=lambda a: 0 * a["h"]),
    "with -x in place of x the answer would be right": given(x=lambda a: -a["x"]),
    "with h in reverse order the answer would be right": given(h=lambda a: a["h"][::-1]),
    "with 1 - alpha in place of alpha the answer would be right": given(alpha=lambda a: 1 - a["alpha"]),
    "with k + 1 in place of k the answer would be right": given(k=lambda a: a["k"] - 1),
    "with True and False of mask exchanged the answer would be right": given(mask=lambda a: ~a["mask"]),
    "with h and x exchanged the answer would be right": given(h=lambda a: a["x"], x=lambda a: a["h"]),
}


@pytest.mark.parametrize("sentence", SAID)
@pytest.mark.parametrize("reveal", [True, False])
def test_each_kind_of_sentence(sentence, reveal):
    assert f"→ What the numbers show: {sentence}" in message(SAID[sentence], reveal=reveal)


def test_at_most_two_sentences():
    wrong = changed(np.negative, lambda a: 2 * a)
    text = "What the numbers show: new has the wrong sign; total is twice as large as it should be."
    assert text in message(wrong)
    assert "makes no difference" not in message(wrong), "what explains all is enough"
    three = given(h=lambda a: 0 * a["h"] + 0.7, x=lambda a: 0 * a["x"] + 1.3, k=lambda a: 3)
    assert message(three).count("makes no difference") == 2


def silent(function, spec=None):
    return "What the numbers show" not in message(function, spec)


def test_nothing_is_said_without_enough_numbers():
    assert silent(lambda *args: tuple(1.1 * v for v in leak(*args)))
    assert silent(lambda *args: tuple(np.nan * v for v in leak(*args)))

    def few(rng, T, N):
        return {"x": rng.normal(size=1)}

    spec = spec_of(lambda x: x + 3, "y", few)
    assert silent(lambda x: -x - 3, spec), "two cases with a number each"

    def masks(rng, T, N):
        return {"x": rng.normal(size=7)}

    spec = spec_of(lambda x: x > 0, "y", masks)
    assert silent(lambda x: x <= 0, spec), "14 bits are fewer than four numbers"


def test_an_argument_that_the_solution_does_not_feel_is_not_blamed():
    def idle(rng, T, N):
        return {"x": rng.normal(size=(T, N)), "eps": 1e-3, "shape": rng.normal(size=(T, 2))}

    def solution(x, eps, shape):
        return np.tanh(x) + np.zeros(len(shape))[:, None]

    spec = spec_of(solution, "y", idle)
    assert spec.unused == ("eps", "shape")
    assert silent(lambda x, eps, shape: 1.3 * np.tanh(x), spec)
    assert "x makes no difference" in message(lambda x, eps, shape: 0 * x + 1.3, spec)


def test_further_calls_are_few_short_and_silent(capsys):
    calls = []

    def counted(*args):
        calls.append(1)
        print("here I am")
        return tuple(1.1 * v for v in leak(*args))

    assert silent(counted)
    assert 2 < len(calls) <= 2 + relations.CALLS
    assert capsys.readouterr().out.count("here I am") == 2, "what a student prints comes once a case"

    def endless(h, x, alpha, k, mask):
        while k != 2:  # another k than that of the cases
            k += k > 2
        return tuple(1.1 * v for v in leak(h, x, alpha, k, mask))

    started = time.monotonic()
    assert "cases fail" in message(endless)
    assert time.monotonic() - started < 3 * relations.SECONDS


def test_functions_lists_and_texts_are_left_alone():
    def mixed(rng, T, N):
        return {"text": "abc", "parts": [rng.normal(size=N), rng.normal(size=N)], "x": rng.normal(size=N)}

    spec = spec_of(lambda text, parts, x: parts[0] + x, "y", mixed)
    assert silent(lambda text, parts, x: 1.1 * x, spec)


@pytest.mark.skipif(not sandbox.available(), reason="bubblewrap is missing: apt install bubblewrap")
def test_in_the_sandbox_the_same_is_said():
    spec = spec_of(leak, ("new", "total"), draw)
    body = """
def leak(h, x, alpha, k, mask):
    while k > 2:
        pass
    new = (1 - alpha) * x**3 + alpha * np.tanh(h) + 0.1 * k * h**3
    new = np.where(mask, new, x)
    return new, np.exp(new).sum(axis=0)
"""
    room = sandbox.Sandbox(["import numpy as np"], NUMPY_UNIT, limits=sandbox.Limits(5, 60, 512, 16))
    try:
        with Session(room, [("leak", body)]) as session:
            verdict = judge(spec, session.caller({"leak": spec}), reveal=False)
        assert "What the numbers show: with h and x exchanged the answer would be right." in verdict.message
        assert verdict.hints == ("with h and x exchanged the answer would be right.",) and session.troubles == [], (
            "an endless trial is ours"
        )
    finally:
        room.close()


@pytest.mark.parametrize(("name", "function"), functions())
def test_of_right_answers_nothing_is_said(name, function):
    u, spec = load(name), load(name).spec(function)
    for answer in (u.namespace[function], *u.exercises[function].answers):
        call = in_process({function: answer}, spec.arguments, adapter=spec.adapter)
        seen = u.observations(spec, answer)
        assert relations.relations(spec, seen, call) == []
        assert all(ok for o in seen for leaf, ok in o.right.items() if leaf != ARGUMENTS)
