"""What a GPU waits for in an LSTM: one layer written five ways, timed beside the floor of arithmetic and memory.

`rnncourse bench gpu --record FILE` in the course's environment; where only PyTorch and NumPy are installed,
`python -m rnncourse.bench.gpu --record FILE` beside the folder `rnncourse`. Every variant is compared with float64
before it is timed. The record is written anew after each row, so an interrupted run keeps what it has measured.
"""

from rnncourse.bench.gpu.clock import peak_bytes
from rnncourse.bench.gpu.layer import LARGEST_ERROR
from rnncourse.bench.gpu.record import SIZES, measure, run
from rnncourse.bench.gpu.roofline import DATA_SHEETS, PUBLISHED, floor
from rnncourse.bench.gpu.tables import table
from rnncourse.bench.gpu.training import ahead

__all__ = [
    "measure",
    "run",
    "table",
    "floor",
    "peak_bytes",
    "ahead",
    "SIZES",
    "DATA_SHEETS",
    "PUBLISHED",
    "LARGEST_ERROR",
]
