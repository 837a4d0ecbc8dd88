"""Make the environment if needed, then open JupyterLab on the exercises: `python start.py`.

`python start.py --no-lab` only makes the environment.
"""

import hashlib
import importlib.util
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
LOCK = ROOT / "requirements.lock"
STAMP = ENVIRONMENT / "installed"


def install() -> None:
    """Make `.venv` from requirements.lock. Does nothing when that was done already with the same lock."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if PYTHON.exists() and STAMP.exists() and STAMP.read_text() == digest:
        return
    if importlib.util.find_spec("ensurepip") is None:
        name = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        sys.exit(f"This Python has no ensurepip to make an environment with; on Debian and Ubuntu: apt install {name}")
    print("Making the environment in .venv; this takes some minutes, once.", flush=True)
    venv.create(ENVIRONMENT, with_pip=True)
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    pep517 = os.environ | {"PIP_USE_PEP517": "1"}  # seqeval comes as source; an older pip would build it another way
    try:
        subprocess.run([*pip, "-r", str(LOCK)], check=True, env=pep517)
        subprocess.run([*pip, "--no-deps", "--editable", str(ROOT)], check=True)
    except subprocess.CalledProcessError as error:
        sys.exit(
            f"The installation failed (see above). Check the network and the free disk, then run this again.\n{error}"
        )
    STAMP.write_text(digest)


def main() -> None:
    """Install, then open JupyterLab."""
    if sys.version_info < (3, 11):  # noqa: UP036  (a student's Python may be older)
        sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
    install()
    if "--no-lab" not in sys.argv[1:]:
        sys.exit(subprocess.call([str(PYTHON), "-m", "jupyter", "lab", str(ROOT / "exercises")]))


if __name__ == "__main__":
    main()
