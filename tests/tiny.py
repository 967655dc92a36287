"""A package index with a single package, so that pip can install without a network."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

ABOUT = "tiny-1.0.dist-info"
WHEEL = "tiny-1.0-py3-none-any.whl"


def make_index(folder: Path) -> Path:
    """Create a folder that contains tiny 1.0, and return it."""
    folder.mkdir()
    with zipfile.ZipFile(folder / WHEEL, "w") as wheel:
        wheel.writestr("tiny.py", "")
        wheel.writestr(f"{ABOUT}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        wheel.writestr(f"{ABOUT}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{ABOUT}/RECORD", "")
    return folder


def environment(index: Path) -> dict[str, str]:
    """Return variables with which pip uses this index only."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "PYTHON"))}
    return own | {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(index),
    }
