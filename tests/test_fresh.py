"""Where an exercise asks for new arrays, an argument or a view of one is not given back; elsewhere it may be."""

from dataclasses import replace

import numpy as np
import pytest

from rnncourse.authoring.author import exercise
from rnncourse.authoring.unit import Unit
from rnncourse.check import in_process
from rnncourse.check.forbidden import NUMPY_UNIT
from rnncourse.check.spec import spec_from_json, spec_to_json
from rnncourse.check.verdict import judge
from rnncourse.grading import sandbox
from rnncourse.grading.session import Session

TOLD = "keep returns memory of h where new arrays are asked for"


def spec_of(solution, adapter=None):
    e = exercise("keep", 1, ("kept", "parts"), fresh=True, adapter=adapter)

    @e.inputs(T=(4, 3), N=(3, 4))
    def draw(rng, T, N):
        return {"h": rng.normal(size=(T, N)), "x": rng.normal(size=N)}

    return Unit("u", None, {"keep": e}, {"keep": solution}, {}).spec("keep")


def message(answer, spec):
    call = in_process({"keep": answer}, spec.arguments, adapter=spec.adapter)
    return judge(spec, call).message


GIVEN_BACK = {
    "itself": lambda h, x: (h, [x + 1]),
    "a view": lambda h, x: (np.asarray(h)[:, :], [x + 1]),
    "turned twice": lambda h, x: (h.T.T, [x + 1]),
    "reshaped": lambda h, x: (h.reshape(len(h), -1), [x + 1]),
}


@pytest.mark.parametrize("way", GIVEN_BACK)
def test_an_argument_given_back_is_told_where_new_arrays_are_asked_for(way):
    spec = spec_of(lambda h, x: (h.copy(), [x + 1]))
    assert TOLD in message(GIVEN_BACK[way], spec)
    assert "is right in all" in message(GIVEN_BACK[way], replace(spec, fresh=False))
    assert TOLD in message(GIVEN_BACK[way], spec_from_json(spec_to_json(spec))), "the students' file says it too"


def test_in_a_list_too():
    spec = spec_of(lambda h, x: (1.0 * h, [x.copy()]))
    assert "keep returns memory of h and x where" in message(lambda h, x: (h, [x]), spec)
    assert "keep returns memory of x where" in message(lambda h, x: (h + 0, [x[::-1][::-1]]), spec)


def test_new_arrays_and_wrong_ones_are_not_blamed_for_it():
    spec = spec_of(lambda h, x: (h.copy(), [x + 1]))
    for way in (lambda h, x: (np.where(h == h, h, 0), [x + 1]), lambda h, x: (np.stack(list(h)), [1 + x[:]])):
        assert "is right in all" in message(way, spec)
    changed = message(lambda h, x: (np.add(h, 1, out=h) - 1, [x + 1]), spec)
    assert "keep changes its argument h: work on a copy" in changed and TOLD not in changed


def test_tensors_of_the_same_memory():
    torch = pytest.importorskip("torch")
    spec = spec_of(lambda h, x: (h.clone(), [x + 1]), adapter="tensors")
    for way in (lambda h, x: (h, [x + 1]), lambda h, x: (h.detach().view(-1).reshape(h.shape), [x + 1])):
        assert TOLD.replace("array", "tensor") in message(way, spec)
    for way in (lambda h, x: (h + 0, [x + 1]), lambda h, x: (torch.stack(list(h)), [x + 1])):
        assert "is right in all" in message(way, spec), "that arguments came from arrays is nobody's fault"


@pytest.mark.skipif(not sandbox.available(), reason="bubblewrap is missing: apt install bubblewrap")
@pytest.mark.parametrize(("kept", "right"), [("h", False), ("h.copy()", True)])
def test_in_the_sandbox(kept, right):
    spec = spec_of(lambda h, x: (h.copy(), [x + 1]))
    room = sandbox.Sandbox(["import numpy as np"], NUMPY_UNIT, limits=sandbox.Limits(5, 60, 512, 16))
    try:
        with Session(room, [("keep", f"def keep(h, x):\n    return {kept}, [x + 1]\n")]) as session:
            verdict = judge(spec, session.caller({"keep": spec}), reveal=False)
    finally:
        room.close()
    assert verdict.passed == right and (TOLD in verdict.message) != right
