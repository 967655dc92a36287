"""Measure how far the book's quantities vary over seeds: `make spread`.

The book is executed once per seed, in a copy whose `funs.SEED`, and the default `seed` of the
training function in steps.qmd, are set to that seed. The output lists every quantity that has a
band, with its values and their standard deviation; the `why` of a band quotes them. Where a chapter
names its seeds, as the exercises do, the values are the same each time. This takes five times as
long as executing the book, and writes nothing to tests/expected/.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from tools.quantities import expected, of_book
from tools.scratch import REPOSITORY, copy_book

SEEDS = (14, 15, 16, 17, 18)


def main() -> int:
    """Execute the copies and print the table; return the exit status."""
    by_seed = [quantities(seed) for seed in SEEDS]
    print(f"chapter  quantity  seeds {SEEDS[0]} to {SEEDS[-1]}  standard deviation")
    for stem, lines in expected(REPOSITORY).items():
        for line in lines:
            if line["kind"] == "band":
                values = [of_seed[stem][line["name"]] for of_seed in by_seed]
                print(stem, line["name"], *values, f"{statistics.stdev(values):.4g}", sep="  ")
    return 0


def quantities(seed: int) -> dict[str, dict[str, Any]]:
    """Return the quantities of the book's copy with this seed; execute what is not cached."""
    copy = REPOSITORY / ".cache" / "spread" / str(seed)
    copy_book(REPOSITORY, copy)
    _replace(copy / "funs.py", r"^SEED = \d+", f"SEED = {seed}")
    _replace(copy / "chapters" / "steps.qmd", r"\bseed=14\):", f"seed={seed}):")
    print(f"spread: seed {seed}", file=sys.stderr)
    command = [sys.executable, "-m", "bookbuild", "--root", str(copy), "execute"]
    if subprocess.run(command, cwd=REPOSITORY).returncode:
        raise SystemExit(f"seed {seed}: the book did not execute")
    return of_book(copy)


def _replace(file: Path, pattern: str, text: str) -> None:
    changed, count = re.subn(pattern, text, file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    if count != 1:
        raise SystemExit(f"{file}: expected one match of {pattern}, got {count}")
    file.write_text(changed, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
