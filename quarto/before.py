"""What must stand before Quarto renders: the data, and what the cells give.

The data are those of `make data`. The cells' results are those of `make book` and `make test`,
from the same cache or executed now; Quarto finds them in `_freeze/` (see freeze.py).
"""

from __future__ import annotations

import subprocess
import sys

from own_python import ROOT, use_own_python


def main() -> int:
    """Prepare the data and freeze the results; return the exit status."""
    use_own_python()
    from freeze import freeze

    from bookbuild import project
    from bookbuild.errors import BookError

    if subprocess.run([sys.executable, ROOT / "data" / "prepare.py"]).returncode:
        return 1
    try:
        frozen = freeze(project.load(ROOT))
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"quarto: the results of {frozen} chapters are in _freeze/, Quarto executes nothing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
