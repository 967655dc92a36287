"""Which Python the scripts of this folder run under.

Quarto starts them with the first `python3` it finds, which may be any. The book's packages are in
the conda environment of environment.yml or in `.venv`, so each script first changes over.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def use_own_python() -> None:
    """Start this script again under the book's Python, unless it runs there already."""
    sys.path.insert(0, str(ROOT))  # for bookbuild
    venv = ROOT / ".venv"
    if os.environ.get("CONDA_DEFAULT_ENV") == "cnns-word2vec" or Path(sys.prefix) == venv:
        return
    if not (venv / "bin/python").exists():
        sys.exit("quarto: the book's packages are not installed yet: run `make data` once")
    os.execv(venv / "bin/python", [str(venv / "bin/python"), *sys.argv])
