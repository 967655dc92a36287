"""`import funs` against importing the two libraries that it needs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial

from benchmarks.measure import Row, fastest, process, ratio
from tools.scratch import REPOSITORY


def rows() -> Iterator[Row]:
    """Start a new Python for each import, seven times each."""
    ours, theirs = (
        partial(process, [sys.executable, "-c", f"import {names}"], REPOSITORY)
        for names in ("funs", "torch, polars")
    )
    yield ratio(
        "`import funs` / `import torch, polars`", *fastest(ours, theirs, rounds=7), goal=1.2
    )
