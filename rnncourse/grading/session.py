"""One submission's worker, as the grading side sees it: run the cells, call the functions, survive whatever happens.

Nothing that a worker answers is trusted: it is read as plain data and compared elsewhere.
"""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import dataclass

from rnncourse.check.call import Reply
from rnncourse.check.spec import Spec
from rnncourse.grading import frames
from rnncourse.grading.sandbox import Sandbox
from rnncourse.grading.words import quoted

REPLY_BYTES = 1_000_000  # to a cell
MOST_BAD = 100  # cells that end the worker; each costs a new one
TEXT = 2000  # characters of a message
ENOUGH = ("missing", "blank", "forbidden")  # the other cases would say the same
TROUBLES = (None, "missing", "blank", "forbidden", "raised", "late")
# What a worker says may be what a student wants us to say: it is quoted below words of our own
BLANK = "It is not written yet: `raise NotImplementedError()` still stands there."
WORDS = {
    "missing": "There is no such function when its check is reached. The notebook's program says:",
    "forbidden": "It uses what this exercise does not allow. The notebook's program says:",
    "raised": "It ends with an exception. The notebook's program says:",
    "blank": BLANK,
    "late": "It took too long. The notebook's program says:",
}


class Session:
    """One submission's worker: `call` is the seam to `score`. A call that ends the worker costs that function alone."""

    def __init__(self, sandbox: Sandbox, cells):
        self.sandbox, self.cells = sandbox, list(cells)  # cells: (name, source)
        self.until = len(self.cells)  # how many of them are to have run; fewer where a function is judged in its place
        self.ran = 0  # in the worker that is alive
        self.limits = sandbox.limits
        self.channel: socket.socket | None = None
        self.dead: dict[str, Reply] = {}  # functions that ended the worker
        self.bad: dict[int, str] = {}  # cells that ended the worker
        self.errors: dict[str, str] = {}  # what went wrong in cells
        self.troubles: list[str] = []  # for the report, in plain words
        self.waited = 0.0  # seconds: what we do with the answers is not on the student's clock

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stop()

    def caller(self, specs: dict) -> Caller:
        """The `call` for `score`, for functions with these specs."""
        return Caller(self, specs)

    def ask(self, spec: Spec, packed: bytes, count: int, limit: int, trial: bool = False) -> list[Reply]:
        """Send one request with `count` calls of a function; their replies, shorter if the first says all.

        `limit`: bytes that a reply may have. What goes wrong in a `trial` is not the student's and is not kept.
        """
        name = spec.name
        if name in self.dead:
            return [self.dead[name]]
        replies: list[Reply] = []
        before = self.waited
        try:
            self.prepare()
            self.send(packed)
            while len(replies) < count:
                replies.append(checked(self.answer(limit), len(spec.arguments)))
                if replies[-1].trouble in ENOUGH:
                    break
        except TimeoutError:
            text = self._late(name)
        except (EOFError, OSError):
            text = f"{name} ended the process, or needed more than {self.limits.memory_mb} MB"
        except frames.Forged as error:
            text = f"{name} gave back what cannot be read: {error}"
        else:
            if replies[-1].trouble == "missing" and self.errors:
                replies[-1] = Reply(trouble="missing", text=f"{replies[-1].text}\n{self._explained(name)}")
            return replies
        finally:
            self.waited = before if trial else self.waited  # what we try out is not on the student's clock
        self._stop()
        if trial:
            return [Reply(trouble="late", text=f"{text}.", code="late")]
        self.troubles.append(text)
        self.dead[name] = Reply(trouble="stopped", text=f"{text}.", code="stopped")
        return [*replies, self.dead[name]]

    def _explained(self, name) -> str:
        cell = name if name in self.errors else next(iter(self.errors))
        return f"The cell {cell} stopped with\n{quoted(self.errors[cell])}"

    def _late(self, name) -> str:
        if self._left() <= 0:
            return f"{name} was not finished: all together took longer than {self.limits.total_seconds:g} s"
        return f"{name} took longer than {self.limits.seconds:g} s"

    def _left(self) -> float:
        return self.limits.total_seconds - self.waited

    def prepare(self) -> None:
        """Bring the worker, a new one if need be, to `until`, without the cells that ended one."""
        while self.channel is None or self.ran < self.until:
            if self.channel is None:
                self.begin()
                self.ran = 0
                self.errors = {name: self.bad[k] for k, (name, _) in enumerate(self.cells) if k in self.bad}
            while self.ran < self.until:
                k, (name, source) = self.ran, self.cells[self.ran]
                self.ran += 1
                if k in self.bad:
                    continue
                try:
                    answer = self.request({"do": "cell", "source": source, "name": name})
                except (OSError, EOFError, frames.Forged) as error:  # TimeoutError is an OSError
                    ended = self._late("it") if isinstance(error, TimeoutError) else "it ended the process"
                    self.bad[k] = self.errors[name] = ended
                    self.troubles.append(f"cell {name}: {self.bad[k]}")
                    self._stop()
                    if len(self.bad) == MOST_BAD:
                        self.troubles.append(f"{MOST_BAD} cells ended the process: nothing more was run")
                        self.waited = self.limits.total_seconds
                    if self._left() <= 0:
                        raise TimeoutError from None
                    break
                error = answer.get("error") if type(answer) is dict else None
                if type(error) is str and error:
                    self.errors[name] = error[:TEXT]

    def begin(self) -> None:
        self.channel = self.sandbox.spawn()

    def request(self, request: dict):
        """The worker's answer to one request, read as plain data; waits no longer than the limits allow."""
        self.send(frames.pack(request))
        return self.answer()

    def send(self, packed: bytes) -> None:
        self.channel.settimeout(self.limits.seconds)
        with self._waiting():
            frames.send(self.channel, packed)

    def answer(self, limit: int = REPLY_BYTES):
        seconds = min(self.limits.seconds, max(self._left(), 0.0))
        with self._waiting():
            received = frames.receive(self.channel, limit, seconds)
        return frames.unpack(received)

    @contextlib.contextmanager
    def _waiting(self):
        started = time.monotonic()
        try:
            yield
        finally:
            self.waited += time.monotonic() - started

    def _stop(self) -> None:
        if self.channel is not None:
            self.channel.close()
            self.channel = None
            self.sandbox.kill()


class Caller:
    """`call(name, args) -> Reply` for one submission, and all cases of a function at once."""

    def __init__(self, session: Session, specs: dict[str, Spec]):
        self.session, self.specs = session, specs

    def __call__(self, name: str, args: list) -> Reply:
        spec = self.specs[name]
        return self.session.ask(spec, packed(spec, [args]), 1, self._request(spec).room)[-1]

    def trial(self, name: str, args: list, seconds: float) -> Reply:
        """A call that the student has not asked for: stopped after `seconds`."""
        spec = self.specs[name]
        return self.session.ask(spec, packed(spec, [args], seconds), 1, self._request(spec).room, trial=True)[-1]

    def all(self, spec: Spec) -> list[Reply]:
        """The replies to the cases that call the function itself, in order."""
        request = self._request(spec)
        replies = self.session.ask(spec, request.packed, request.count, request.room) if request.count else []
        return replies + replies[-1:] * (request.count - len(replies))

    def _request(self, spec: Spec) -> Request:
        known = self.session.sandbox.requests  # the same for every student
        if spec.name not in known or known[spec.name].spec is not spec:
            cases = [list(c.inputs.values()) for c in spec.cases if c.through is None]
            known[spec.name] = Request(spec, packed(spec, cases), len(cases), room_for(spec))
        return known[spec.name]


@dataclass(frozen=True)
class Request:
    """All direct cases of a function as they are sent, and the bytes that a reply to one may have."""

    spec: Spec
    packed: bytes
    count: int
    room: int


def packed(spec: Spec, cases: list[list], seconds: float | None = None) -> bytes:
    """A request to call a function once per case; with `seconds` as a trial."""
    request = {"do": "call", "name": spec.name, "cases": cases, "seconds": seconds}
    return frames.pack(request | {"arguments": spec.arguments, "forbidden": spec.forbidden, "adapter": spec.adapter})


def checked(answer, arguments: int = 0) -> Reply:
    """An answer as a Reply, if it has the form of one. Raises Forged."""
    if type(answer) is not dict or set(answer) != {"value", "trouble", "text", "code", "changed", "shared"}:
        raise frames.Forged("not an answer")
    trouble, changed, shared = answer["trouble"], answer["changed"], answer["shared"]
    if not (trouble is None or (type(trouble) is str and trouble in TROUBLES)):
        raise frames.Forged("not an answer")
    if type(answer["text"]) is not str or type(answer["code"]) is not str:
        raise frames.Forged("not an answer")
    for places in (changed, shared):
        if type(places) is not list or not all(type(i) is int and 0 <= i < arguments for i in places):
            raise frames.Forged("not an answer")
    text = f"{WORDS[trouble]}\n{quoted(answer['text'])}" if trouble else ""
    text = BLANK if trouble == "blank" else text
    return Reply(answer["value"], trouble, text, answer["code"][:200], tuple(changed), tuple(shared))


def room_for(spec: Spec) -> int:
    """Bytes that an honest reply to any case of a spec can have, with much to spare."""
    return 1_000_000 + 20 * max(len(frames.pack(c.expected)) for c in spec.cases)
