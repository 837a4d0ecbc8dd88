"""The command by itself, for a machine that has only PyTorch and NumPy."""

import argparse
import sys
from pathlib import Path

from rnncourse.bench.gpu import SIZES, __doc__, run

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--record", type=Path, help="also write every figure to this JSON file")
parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
parser.add_argument("--size", default="large", choices=tuple(SIZES))
parser.add_argument("--minutes", type=float, default=7.5, help="begin no new row after so many")
sys.exit(run(**vars(parser.parse_args())))
