"""The boundary to students' code: only plain data crosses, and no forged reply crashes the grader or scores."""

import json
import os
import socket
import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnncourse.check import toys, wire
from rnncourse.check.call import Reply
from rnncourse.check.spec import Case, Spec
from rnncourse.check.verdict import judge
from rnncourse.grading import frames
from rnncourse.grading.session import checked

EXAMPLES = 3_000  # of each of the four kinds below
FUZZ = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
VALUES = [
    None,
    True,
    -3,
    2**70,
    0.1,
    float("nan"),
    float("-inf"),
    "text \ud83d",
    [1, [2.0, ()]],
    (1, (2, [3])),
    {"a": np.arange(3), 1: None, (1, 2): 2.5},
    np.eye(3, dtype=np.float32),
    np.array(2.5),
    np.zeros((0, 3)),
    np.arange(4) > 1,
    np.arange(6, dtype=np.uint8).reshape(2, 3),
    wire.strided(np.random.default_rng(0).normal(size=(3, 4))),
    toys.fading_sum,
]


@pytest.mark.parametrize("value", VALUES, ids=lambda v: type(v).__name__)
def test_plain_values_keep_every_bit(value):
    assert wire.same(frames.unpack(frames.pack(value), with_toys=True), value)


def test_what_is_not_plain_crosses_as_its_name_alone():
    class Secret:
        def __reduce__(self):
            return (os._exit, (1,))

    for value in (Secret(), lambda: 0, np, np.array([Secret()]), np.array(["a"]), np.zeros(2, dtype=complex), {1, 2}):
        back = frames.unpack(frames.pack([value]))[0]
        assert type(back) is not type(value) or isinstance(back, np.ndarray)
        assert not isinstance(back, np.ndarray) or back.size == 0
    assert type(frames.unpack(frames.pack(Secret()))).__name__ == "object", "a local class has no plain name"
    with pytest.raises(frames.Forged):
        frames.unpack(frames.pack(toys.fading_sum))


def test_subclasses_cross_as_their_plain_base():
    class Sneaky(np.ndarray):
        __eq__ = lambda self, other: True  # noqa: E731

    class Number(float):
        pass

    back = frames.unpack(frames.pack([np.zeros(3).view(Sneaky), Number(2.5), type("D", (dict,), {})(a=1)]))
    assert [type(v) for v in back] == [np.ndarray, float, dict]


def test_a_frame_too_large_or_too_late_is_refused():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(frames.LENGTH.pack(2**50))
        with pytest.raises(frames.Forged, match="MB"):
            frames.receive(ours, 1000, 1)
        with pytest.raises(TimeoutError):
            frames.receive(ours, 1000, 0.05)
        threading.Thread(target=theirs.sendall, args=(frames.LENGTH.pack(10) + b"short",)).start()
        with pytest.raises(TimeoutError):
            frames.receive(ours, 1000, 0.1)
        theirs.close()
        with pytest.raises(EOFError):
            frames.receive(ours, 1000, 1)


RIGHT = np.random.default_rng(1).normal(size=(2, 3))
SPEC = Spec(
    "f", 1, ("x",), ("y", "kept", "name"), [Case({"x": RIGHT}, {"T": 2}, (RIGHT, np.array([True, False]), "rnn"))]
)


def outcome(data: bytes):
    """What the grader makes of a worker's reply: "refused", "wrong" or "right"."""
    try:
        reply = checked(frames.unpack(data), 1)
    except frames.Forged:
        reply = Reply(trouble="stopped", text="cannot be read", code="stopped")
    verdict = judge(SPEC, lambda name, args: reply, reveal=False)
    assert verdict.message.encode("utf-8", "replace") and len(verdict.message) < 5000
    return "right" if verdict.passed else "refused" if reply.trouble == "stopped" else "wrong"


def answer(value, **changes):
    return {"value": value, "trouble": None, "text": "", "code": "", "changed": [], "shared": []} | changes


def test_an_honest_reply_is_right():
    assert outcome(frames.pack(answer((RIGHT, np.array([True, False]), "rnn")))) == "right"
    assert outcome(frames.pack(answer((RIGHT + 1, np.array([True, False]), "rnn")))) == "wrong"


def framed(tree, blobs=b""):
    text = json.dumps(tree).encode()
    return frames.LENGTH.pack(len(text)) + text + blobs


plain = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.sampled_from(["rnn", "y", "nan"])
)
shapes = st.lists(st.one_of(st.integers(-2, 5), st.just(2**62), st.booleans(), st.floats()), max_size=4)
dtypes = st.one_of(
    st.sampled_from(["<f8", "|b1", "<i8", "<f2", "|O", "<U9", "<c16", "|V8", "<M8[s]"]), st.text(max_size=4)
)
tagged = st.one_of(
    st.fixed_dictionaries({"a": dtypes, "shape": shapes}, optional={"strided": plain}),
    st.fixed_dictionaries({"x": st.one_of(st.sampled_from("cOUSmMVf"), plain), "shape": shapes}),
    st.fixed_dictionaries({"o": st.one_of(st.sampled_from(["os.system", "numpy.ndarray", "__main__.X"]), st.text())}),
    st.fixed_dictionaries({"f": st.one_of(st.sampled_from(["nan", "inf", "-inf"]), plain)}),
    st.fixed_dictionaries({"toy": st.sampled_from(["fading_sum", "__builtins__", "np"])}),
)
trees = st.recursive(
    st.one_of(plain, tagged),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.fixed_dictionaries({"t": st.lists(inner, max_size=4)}),
        st.fixed_dictionaries({"d": st.lists(st.lists(inner, min_size=2, max_size=2), max_size=3)}),
        st.dictionaries(st.text(max_size=3), inner, max_size=3),
    ),
    max_leaves=12,
)


@pytest.mark.slow
@FUZZ
@given(st.binary(max_size=300))
def test_random_bytes(data):
    assert outcome(data) == "refused"


@pytest.mark.slow
@FUZZ
@given(st.data())
def test_an_honest_reply_with_bytes_changed(data):
    honest = bytearray(frames.pack(answer((RIGHT + 1, np.array([True, False]), "rnn"))))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(honest) - 1))
        if data.draw(st.booleans()):
            honest[place] = data.draw(st.integers(0, 255))
        else:
            del honest[place:]
            honest += data.draw(st.binary(max_size=8))
        if not honest:
            break
    assert outcome(bytes(honest)) != "right"


@pytest.mark.slow
@FUZZ
@given(trees, st.binary(max_size=200))
def test_any_tree_at_all(tree, blobs):
    assert outcome(framed(tree, blobs)) == "refused"


@pytest.mark.slow
@FUZZ
@given(trees, st.one_of(plain, trees), st.one_of(plain, trees), trees, st.binary(max_size=200))
def test_replies_of_the_right_form_with_anything_in_them(value, trouble, text, changed, blobs):
    told = {"trouble": trouble, "text": text, "code": text, "changed": changed, "shared": changed}
    for form in ({"value": value}, {"value": {"t": [value, value, value]}}, {"value": value} | told):
        reply = {
            "d": [
                [k, v]
                for k, v in ({"trouble": None, "text": "", "code": "", "changed": [], "shared": []} | form).items()
            ]
        }
        assert outcome(framed(reply, blobs)) != "right"
