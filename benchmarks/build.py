"""A full build from nothing against the same cells, run by plain Python one after the other.

Plain Python runs one script per chapter: its cells in order, without the inline code. A script
does not display the value of a cell's last line, so it draws no figures: the build does more. It
also runs as many chapters at once as there are cores.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Row, process, ratio
from benchmarks.rebuild import build
from bookbuild import project, qmd
from bookbuild.kernel import KEPT_MEMORY, ONE_THREAD
from tools.scratch import REPOSITORY, copy_book


def rows() -> Iterator[Row]:
    """Run the scripts and the build once each, in a copy of the book."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        copy_book(REPOSITORY, copy)
        scripts = write_scripts(copy)
        # neither side shall pay for reading the packages from disk
        process([sys.executable, "-c", "import funs, gensim, umap, plotnine"], copy)
        plain = sum(process([sys.executable, s.name], copy, **PLAIN).seconds for s in scripts)
        shutil.rmtree(copy / ".cache")  # so that the build trains the word vectors, too
        yield ratio("full build / the same cells as plain scripts", build(copy), plain, goal=0.7)


# as in the kernel: one thread, the same hash seed and memory settings, no windows
PLAIN = (
    KEPT_MEMORY
    | ONE_THREAD
    | {
        "PYTHONHASHSEED": "0",
        "MPLBACKEND": "Agg",
        "NUMBA_CACHE_DIR": ".cache/plain",
    }
)


DISPLAY = "from IPython.display import display"  # which a kernel has without an import


def write_scripts(copy: Path) -> list[Path]:
    """Write the cells of each chapter as a script in the root of the copy."""
    scripts = []
    for chapter in project.load(copy).chapters:
        if cells := qmd.read(copy, chapter.source).cells:
            scripts.append(copy / f"plain_{chapter.source.stem.replace('-', '_')}.py")
            code = [DISPLAY, *(cell.code for cell in cells)]
            scripts[-1].write_text("\n\n".join(code), encoding="utf-8")
    return scripts
