"""Compare `import funs` with importing the two libraries that it needs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial

from tools.bench.measure import Row, fastest, process, ratio
from tools.scratch import REPOSITORY


def rows() -> Iterator[Row]:
    """Time each import in a new Python, seven times."""
    ours, theirs = (
        partial(process, [sys.executable, "-c", f"import {names}"], REPOSITORY)
        for names in ("funs", "torch, polars")
    )
    yield ratio(
        "`import funs` / `import torch, polars`", *fastest(ours, theirs, rounds=7), goal=1.2
    )
