"""Restart a script of this folder under the book's Python.

Quarto starts its scripts with the first `python3` in PATH. The book's packages are in the conda
environment of environment.yml or in `.venv`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

# User settings that make Python find other modules or leave out assertions.
UNWANTED = ("PYTHONHOME", "PYTHONPATH", "PYTHONSAFEPATH", "PYTHONOPTIMIZE")
ROOT = Path(__file__).resolve().parents[1]


def use_own_python() -> None:
    """Restart the running script under the book's Python, unless it is already in use."""
    for name in UNWANTED:
        os.environ.pop(name, None)
    venv = ROOT / ".venv"
    if os.environ.get("CONDA_DEFAULT_ENV") == "cnns-word2vec" or Path(sys.prefix) == venv:
        return
    if not (venv / "bin/python").exists():
        sys.exit("quarto: the book's packages are not installed yet: run `make data` once")
    os.execv(venv / "bin/python", [str(venv / "bin/python"), *sys.argv])
