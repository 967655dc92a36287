"""`make spread`: how far the book's quantities move over seeds.

It executes the book once for each seed, in a copy in which `funs.SEED` is that seed, as is the
default `seed` of the function that trains in steps.qmd. It prints every quantity that has a band,
with its values and their standard deviation; the `why` of a band quotes them. Where a chapter names
its seeds, the values are the same each time. (So do the exercises: with another seed a solution may
fail its check.) It takes five times as long as the book, and writes nothing into tests/expected/.
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
    """Execute and print; return the exit status."""
    found = [quantities(seed) for seed in SEEDS]
    print(f"chapter  quantity  seeds {SEEDS[0]} to {SEEDS[-1]}  standard deviation")
    for stem, lines in expected(REPOSITORY).items():
        for line in lines:
            if line["kind"] == "band":
                values = [values[stem][line["name"]] for values in found]
                print(stem, line["name"], *values, f"{statistics.stdev(values):.4g}", sep="  ")
    return 0


def quantities(seed: int) -> dict[str, dict[str, Any]]:
    """Return the quantities of the book's copy with this seed; execute it where it is new."""
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
        raise SystemExit(f"{file}: expected one place like {pattern}, found {count}")
    file.write_text(changed, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
