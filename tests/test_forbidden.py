"""Forbidden shortcuts are found in the notebook too, by whatever way they come."""

import importlib

import numpy as np
import pytest

from rnncourse import check
from rnncourse.check import in_process
from rnncourse.check.forbidden import NUMPY_UNIT, used

WAYS = {
    "import": "def f(x):\n    import torch\n    return torch.tanh(x)",
    "alias": "import torch as t\ndef f(x): return t.tanh(x)",
    "from": "from scipy.signal import lfilter\ndef f(x): return lfilter([1], [1], x)",
    "from inside": "def f(x):\n    from torch.nn.functional import relu as r\n    return r(x)",
    "dunder import": "def f(x): return __import__('torch').tanh(x)",
    "importlib": "import importlib\ndef f(x): return importlib.import_module('torch').tanh(x)",
    "attribute": "import rnncourse.layers\nimport rnncourse\ndef f(x): return rnncourse.layers.rnn_forward(x)",
    "getattr": "import rnncourse.layers as n, rnncourse as r\ndef f(x): return getattr(r, 'layers').rnn_forward(x)",
    "helper": "import torch as t\ndef g(x): return t.tanh(x)\ndef f(x): return g(x)",
    "lambda": "import torch as t\ng = lambda x: t.tanh(x)\nf = lambda x: g(x)",
    "nested": "import torch as t\ndef f(x):\n    def inner(): return t.tanh(x)\n    return inner()",
    "closure": "import torch as t\ndef make(u):\n    return lambda x: u.tanh(x)\nf = make(t)",
    "method": "import torch as t\nclass C:\n    def run(self, x): return t.tanh(x)\ndef f(x): return C().run(x)",
    "object": "from torch import tanh\ndef f(x): return tanh(x)",
    "function": "import numpy as np\ndef f(x): return np.convolve(x, x)",
    "list": "import numpy as np\ntools = [np.convolve]\ndef f(x): return tools[0](x, x)",
    "dict": "import numpy as np\ntools = {'a': np.convolve}\ndef f(x): return tools['a'](x, x)",
    "partial": "import numpy as np, functools\ng = functools.partial(np.convolve, [1])\ndef f(x): return g(x)",
    "default argument": "import numpy as np\ndef f(x, g=np.convolve): return g(x, x)",
    "attribute of an object": "import numpy as np\nclass T: pass\nt = T()\nt.g = np.convolve\n"
    "def f(x): return t.g(x, x)",
    "attribute of a class": "import numpy as np\nclass T: g = staticmethod(np.convolve)\ndef f(x): return T.g(x, x)",
    "function by name": "from numpy import convolve as c\ndef f(x): return c(x, x)",
}


def made(source):
    namespace = {"__name__": "__main__"}  # as in a notebook
    exec(source, namespace)
    return namespace


@pytest.mark.parametrize("way", WAYS)
def test_a_shortcut_is_found(way):
    namespace = made(WAYS[way])
    forbidden = (*NUMPY_UNIT, "numpy.convolve")
    assert used(namespace["f"], forbidden), way
    reply = in_process(namespace, ("x",), forbidden)("f", [np.ones(3)])
    assert reply.trouble == "forbidden" and "which this exercise does not allow" in reply.text


@pytest.mark.parametrize(
    "source",
    [
        "import torch, scipy\nimport numpy as np\ndef f(x): return np.tanh(x)",
        "import numpy as np\ndef f(x, layers=2, signal=1): return np.fft.rfft(x) + layers",
        "import numpy as np\ndef f(x):\n    'as torch does'\n    return np.linalg.norm(x)",
        "def f(x): return [v for v in x]",
        "f = len",
    ],
)
def test_what_is_allowed_is_not_found(source):
    assert used(made(source)["f"], (*NUMPY_UNIT, "numpy.convolve")) == []


def test_the_notebook_says_so(monkeypatch):
    importlib.import_module("torch")
    exec(WAYS["alias"].replace("def f", "def leaky_step").replace("(x)", "(*a)"), globals())
    try:
        with pytest.raises(check.CheckFailed, match="leaky_step uses torch, which this exercise does not allow"):
            check.unit("02-recurrent-cell")("leaky_step")
    finally:
        del globals()["leaky_step"], globals()["t"]
