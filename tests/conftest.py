"""What all tests share: where the code under test lies, and how hypothesis looks for examples."""

import os
import sys
from pathlib import Path

from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "data")]
os.environ.setdefault("MPLBACKEND", "Agg")  # figures are drawn into memory, no window is opened

settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)  # the same examples each time
settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_collection_modifyitems(items):
    """Put the browser tests last: Playwright leaves an event loop running, nbclient needs none."""
    items.sort(key=lambda item: "browser" in item.path.parts)
