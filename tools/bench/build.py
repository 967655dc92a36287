"""Compare a full build from scratch with the same cells run as plain Python scripts.

One script per chapter runs its cells in order, one chapter after another, without the inline code.
A script does not display the value of a cell's last line, so it draws no figures; the build does
more. The build also runs as many chapters in parallel as there are cores.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import bookbuild
from tools.bench.measure import Row, process, ratio
from tools.bench.rebuild import build
from tools.scratch import REPOSITORY, copy_book

# as in the kernel: one thread, a fixed hash seed, no windows
PLAIN = {
    "OMP_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "MPLBACKEND": "Agg",
    "NUMBA_CACHE_DIR": ".cache/plain",
}
DISPLAY = "from IPython.display import display"  # predefined in a kernel


def rows() -> Iterator[Row]:
    """Run the scripts and the build once each, in a copy of the book."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        copy_book(REPOSITORY, copy)
        scripts = write_scripts(copy)
        # warm the disk cache, so that neither side pays for reading the packages
        process([sys.executable, "-c", "import funs, gensim, umap, plotnine"], copy)
        plain = sum(process([sys.executable, s.name], copy, **PLAIN).seconds for s in scripts)
        shutil.rmtree(copy / ".cache")  # so that the build also trains the word vectors
        yield ratio("full build / the same cells as plain scripts", build(copy), plain, goal=0.7)


def write_scripts(copy: Path) -> list[Path]:
    """Write the cells of each chapter as a script in the root of the copy."""
    scripts = []
    for chapter, source in bookbuild.read(bookbuild.load(copy)).items():
        if source.cells:
            scripts.append(copy / f"plain_{chapter.source.stem.replace('-', '_')}.py")
            code = [DISPLAY, *(cell.code for cell in source.cells)]
            scripts[-1].write_text("\n\n".join(code), encoding="utf-8")
    return scripts
