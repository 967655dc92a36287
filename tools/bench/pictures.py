"""Peak memory of `DSTorch.load_image` on photographs, against the size of the tensor it returns."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tools.bench.measure import Row, process
from tools.scratch import REPOSITORY

COUNT = 300
SIZE = (1000, 750)
MEGABYTES = COUNT * 3 * SIZE[0] * SIZE[1] * 4 / 1024**2

# the peak is the process's own, with Python and its libraries; all seven results are unpacked
PROGRAM = """
import sys
from pathlib import Path
from funs import *
import polars as pl
paths = sorted(map(str, Path(sys.argv[1]).iterdir()))
part = ["test" if row % 5 == 0 else "train" for row in range(len(paths))]
df = pl.DataFrame({"label": [row % 3 for row in range(len(paths))], "filepath": paths})
df = df.with_columns(index=pl.Series(part))
X, X_train, X_test, y, y_train, y_test, cn = DSTorch.load_image(df, scale=True)
print(X.nbytes / 1024**2)
"""


def rows() -> Iterator[Row]:
    """Load photographs in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        write_photographs(Path(folder))
        run = process([sys.executable, "-c", PROGRAM, folder], REPOSITORY)
    assert abs(float(run.output) - MEGABYTES) < 1
    note = f"{run.megabytes:.0f} MB, with Python and its libraries, against {MEGABYTES:.0f} MB"
    what = f"`load_image` of {COUNT} photographs, peak memory / size of `X`"
    yield Row(what, run.megabytes / MEGABYTES, "×", note, goal=1.25)


def write_photographs(folder: Path) -> None:
    """Save JPEG files of one size, each turned a little further."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    picture = Image.fromarray(load_sample_images().images[0]).resize(SIZE)
    for number in range(COUNT):
        picture.rotate(number % 7).save(folder / f"{number:03}.jpg")
