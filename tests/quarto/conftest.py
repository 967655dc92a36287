"""What the Quarto tests share: the scripts of quarto/, and a copy of the probe book."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROBE = ROOT / "tests/bookbuild/probe"
sys.path.insert(0, str(ROOT / "quarto"))


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the probe book, to be changed at will; its executions are kept for all tests."""
    book = tmp_path_factory.mktemp("quarto") / "probe"
    shutil.copytree(PROBE, book, ignore=shutil.ignore_patterns("_book", ".cache", "__pycache__"))
    return book
