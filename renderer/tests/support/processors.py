"""Execute the same cells on one processor and on all."""

from __future__ import annotations

import json
import os
import subprocess

from .books import SmallBook
from .processes import command

HEAD = "import hashlib\n{setup}"
CELL = """\
rng = np.random.default_rng(14)
{code}
print(hashlib.sha256(np.ascontiguousarray(out)).hexdigest())"""


def digests_by_processors(
    book: SmallBook, setup: str, cells: dict[str, str]
) -> tuple[list[str], list[str]]:
    """Execute cells on one processor, then on all; return a digest of each cell's array `out`.

    Parameters
    ----------
    book : SmallBook
        The book to execute them in.
    setup : str
        Code of the first cell; it imports numpy as `np`.
    cells : dict of str
        Code of each cell, which computes `out` with the random numbers of `rng`.
    """
    codes = [HEAD.format(setup=setup), *(CELL.format(code=code) for code in cells.values())]
    book.chapter("\n\n".join(f"```{{python}}\n{code}\n```" for code in codes))
    everything = os.sched_getaffinity(0)
    return _digests(book, {min(everything)}), _digests(book, everything)


def _digests(book: SmallBook, processors: set[int]) -> list[str]:
    done = subprocess.run(
        command(book.root, "execute"),
        preexec_fn=lambda: os.sched_setaffinity(0, processors),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    [entry] = (book.root / ".cache" / "executed" / "chapters-one").iterdir()
    outputs = json.loads(entry.read_text())["outputs"]
    entry.unlink()
    return [cell[0]["text"] for cell in outputs[1:]]
