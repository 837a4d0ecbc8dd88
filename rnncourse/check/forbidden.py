"""Which forbidden modules and functions a student's function uses.

Two nets: `used` reads the code that Python compiled, with the helper functions it calls; tripwires stand in for
forbidden modules where students' code is graded, so that an import does no harm but any use raises `Forbidden`.
In the sandbox the modules themselves are not there.
"""

from __future__ import annotations

import functools
import importlib.machinery
import sys
import types

NUMPY_UNIT = ("torch", "rnncourse.layers", "scipy", "sklearn", "statsmodels")  # where everything is written by hand
TORCH_UNIT = (
    "rnncourse.layers",
    "rnncourse.models",
)  # with PyTorch; whole layers of torch.nn as an exercise names them
MOST_HELD = 1000  # things in a list or dict that are looked at
BY_NAME = {"__import__", "import_module", "getattr"}


class Forbidden(Exception):
    """A tripwire was used; the text is the name of what it stands for."""


def used(function, forbidden: tuple[str, ...]) -> list[str]:
    """The names in `forbidden` that `function` uses itself, through helpers or through imports within it."""
    found, seen, queue = set(), set(), _methods(function) if isinstance(function, type) else [function]
    if isinstance(function, type):
        found |= {f for f in forbidden if _object(f) in function.__mro__}
    own = next((f.__globals__ for f in queue if hasattr(f, "__globals__")), None)  # not into the code of libraries
    while queue and forbidden:
        target = queue.pop()
        function = getattr(target, "__func__", target)
        code = getattr(function, "__code__", None)
        if code is None or code in seen or function.__globals__ is not own:
            continue
        seen.add(code)
        names, texts = _names(code)
        values = _opened(_values(function, names))
        own_names = {n for n in names if n in function.__globals__}
        found |= (names - own_names) & set(forbidden)  # imported within the function
        reached = {*_reached(values, names, texts)}
        found |= {f for f in forbidden for n in reached if n == f or n.startswith(f + ".") or _leads_to(f, n, names)}
        found |= {f for f in forbidden if any(v is _object(f) or type(v) is _object(f) for v in values)}
        queue += [v for v in values if isinstance(v, (types.FunctionType, types.MethodType))]
        queue += [m for c in values if isinstance(c, type) for m in _methods(c)]
    return sorted(found)


def _leads_to(forbidden: str, module: str, names) -> bool:
    """Are all steps from a module to what is forbidden among the names: torch, then nn, then LSTM?"""
    return forbidden.startswith(module + ".") and names >= {*forbidden.removeprefix(module + ".").split(".")}


def _object(forbidden: str):
    """What a dotted name stands for, from whatever module it was imported; a new object if nothing is there."""
    module, _, name = forbidden.rpartition(".")
    found = getattr(sys.modules.get(module), name, object())
    return found.__dict__["_original"] if isinstance(found, Tripwire) else found


def _methods(cls) -> list:
    return [v for v in vars(cls).values() if callable(v)]


def _names(code) -> tuple[set[str], set[str]]:
    """All names and text constants of a code object and those within it.

    Python keeps the modules that a function imports among its names: "scipy.linalg", and what it takes from them.
    """
    names, texts, queue = set(), set(), [code]
    while queue:
        code = queue.pop()
        names |= {*code.co_names, *code.co_freevars}
        texts |= {c for c in code.co_consts if isinstance(c, str)}
        queue += [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return names, texts


def _values(function, names) -> list:
    """What the names stand for: globals and the variables of enclosing functions."""
    cells = getattr(function, "__closure__", None) or ()
    inner = [c.cell_contents for c in cells if _filled(c)]
    given = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    return [function.__globals__[n] for n in names if n in function.__globals__] + inner + given


def _opened(values) -> list:
    """The values, and what those hold that are often used to hold functions: containers, partials, own classes."""
    found = list(values)
    for value in values:
        if isinstance(value, (list, tuple, set, frozenset)):
            inner = list(value)[:MOST_HELD]
        elif isinstance(value, dict):
            inner = list(value.values())[:MOST_HELD]
        elif isinstance(value, functools.partial):
            inner = [value.func, *value.args, *value.keywords.values()]
        else:
            cls = value if isinstance(value, type) else type(value)
            own = cls.__module__ == "__main__"
            inner = [*vars(cls).values(), *getattr(value, "__dict__", {}).values()] if own else []
        found += [getattr(v, "__func__", v) for v in inner]  # of a staticmethod
    return found


def _filled(cell) -> bool:
    try:
        cell.cell_contents  # noqa: B018  (an empty cell raises)
    except ValueError:
        return False
    return True


def _reached(values, names, texts):
    """Dotted names of all that the code can reach in one step."""
    imported = [n for n in names if "." in n or n in sys.modules]
    yield from (f"{module}.{n}" for module in imported for n in names)
    yield from imported
    if names & BY_NAME:
        yield from texts
    for value in values:
        name = getattr(value, "__name__", "")
        if isinstance(value, types.ModuleType):
            yield name
            yield from (f"{name}.{n}" for n in (*names, *(texts if names & BY_NAME else ())))
        else:
            module = getattr(value, "__module__", None) or type(value).__module__
            yield f"{module}.{name}"


class Tripwire:
    """Stands for something forbidden; looking at it is free, using it is not."""

    def __init__(self, name: str, original=None):
        self.__dict__.update(_name=name, _original=original)

    def __getattr__(self, attribute):
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return Tripwire(f"{self._name}.{attribute}")

    def _use(self, *args, **kwargs):
        raise Forbidden(self._name)

    __call__ = __mro_entries__ = __array__ = __iter__ = __enter__ = __len__ = __getitem__ = __bool__ = _use
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __matmul__ = __rmatmul__ = __float__ = _use


class Tripwires:
    """An import hook that gives tripwires for forbidden modules, however they are imported."""

    def __init__(self, forbidden):
        self.forbidden = tuple(forbidden)

    def find_spec(self, name, path=None, target=None):
        if any(name == f or name.startswith(f + ".") for f in self.forbidden):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        name = module.__name__

        def attribute(key):
            if key.startswith("__"):
                raise AttributeError(key)
            return Tripwire(f"{name}.{key}")

        module.__getattr__ = attribute

    def install(self) -> None:
        """Take the place of the forbidden modules, also of those already imported."""
        for name in [n for n in sys.modules if self.find_spec(n)]:
            del sys.modules[name]
        sys.meta_path.insert(0, self)
