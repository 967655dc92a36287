"""Build generated books of 20, 100 and 400 chapters: how time and memory grow.

The chapters have only text, formulas, references and code that is not run. Where a Quarto is
installed, it builds the same books.
"""

from __future__ import annotations

import functools
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import bookbuild
from tools.bench.measure import Row, seconds
from tools.bench.rebuild import edit
from tools.scratch import REPOSITORY

SIZES = (20, 100, 400)
SECTIONS, PARAGRAPHS, WORDS = 6, 3, 70  # a chapter's, a section's, a paragraph's
GROWTH = 1.25  # of time and memory per chapter, from 100 to 400 chapters
PAUSE = 0.02  # seconds between two looks at the processes' memory
LETTERS = "abcdefghiklmnoprstuvw"
PAGE = os.sysconf("SC_PAGE_SIZE")

CONFIGURATION = """project: {type: book, execute-dir: project}
book:
  title: A Large Book
  author: Nobody
  downloads: [pdf]
  chapters: [index.qmd, %s]
crossref: {chapters: true}
bibliography: references.bib
format: {html: {html-math-method: mathml}, typst: default}
"""
WORK = "@book{work%d, title = {Title}, author = {Writer%d, Ann}, year = %d, publisher = {Press}}\n"
PREFACE = "# Preface {.unnumbered}\n\n## References\n\n::: {#refs}\n:::\n"
SECTION = r"""## Section {number} {{#sec-{chapter}-{number}}}

{paragraphs[0]}

$$
f_{{{number}}}(x) = \sum_{{i=1}}^{{n}} \frac{{w_i x_i^{{{number}}}}}{{\sqrt{{\sigma_i^2 + 1}}}}
$$ {{#eq-{chapter}-{number}}}

{paragraphs[1]} By @eq-{chapter}-{number}, this is as in @sec-{other}-{number}.

```python
def f{number}(values, weights):
    total = 0.0
    for value, weight in zip(values, weights):
        total += weight * value**{number}
    return total / len(values)
```

{paragraphs[2]} So says @work{work}.
"""


@dataclass(frozen=True)
class Build:
    """The time of a build, and the most memory that its processes held together."""

    seconds: float
    megabytes: float


def rows() -> Iterator[Row]:
    """Measure each size, then compare the largest with the one before it."""
    quarto, _ = bookbuild.find_quarto("auto")
    measured = {}
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            book = write(Path(folder, "book"), size)
            builds = measured[size] = dict(cases(book))
            for case, build in builds.items():
                note = f"{seconds(build.seconds / size)} per chapter, {build.megabytes:.0f} MB"
                yield Row(f"{size} chapters, {case}", build.seconds, "s", note)
            if quarto:
                theirs = run([quarto, "render", str(write(Path(folder, "quarto"), size))])
                ours = builds["from scratch"].seconds
                note = f"{seconds(ours)} against {seconds(theirs.seconds)}"
                yield Row(f"{size} chapters / Quarto", ours / theirs.seconds, "×", note)
    yield from growth(measured[SIZES[-2]], measured[SIZES[-1]])


def growth(few: dict[str, Build], many: dict[str, Build]) -> Iterator[Row]:
    """Compare the two largest books."""
    between, share = f"{SIZES[-1]} / {SIZES[-2]} chapters", SIZES[-1] / SIZES[-2]
    for case in few:
        slower = many[case].seconds / few[case].seconds / share
        yield Row(f"{case}, time per chapter: {between}", slower, "×", goal=GROWTH)
    peaks = [builds["from scratch"].megabytes for builds in (few, many)]
    yield Row(f"peak memory per chapter: {between}", peaks[1] / peaks[0] / share, "×", goal=GROWTH)


def cases(book: Path) -> Iterator[tuple[str, Build]]:
    """Yield the builds from scratch, without a change and after an edit of prose."""
    command = [sys.executable, "-m", "bookbuild", "--root", str(book), "build"]
    command += ["--renderer", "builtin"]
    yield "from scratch", run(command)
    yield "no change", run(command)
    edit(book / "chapters" / "c1.qmd")
    yield "prose edit", run(command)


def write(root: Path, size: int) -> Path:
    """Write a book of this many chapters into a new folder."""
    shutil.rmtree(root, ignore_errors=True)
    (root / "chapters").mkdir(parents=True)
    names = [f"chapters/c{n}.qmd" for n in range(1, size + 1)]
    (root / "_quarto.yml").write_text(CONFIGURATION % ", ".join(names))
    works = (WORK % (n, n, 1900 + n) for n in range(1, size + 1))
    (root / "references.bib").write_text("".join(works))
    (root / "index.qmd").write_text(PREFACE)
    for n, name in enumerate(names, 1):
        (root / name).write_text(chapter(n, size))
    return root


def chapter(number: int, size: int) -> str:
    """Return the text of a chapter, always the same for a number."""
    chance = random.Random(number)
    sections = (
        SECTION.format(
            chapter=number,
            number=n,
            other=number % size + 1,
            work=number,
            paragraphs=[
                " ".join(chance.choices(words(), k=WORDS)) + "." for _ in range(PARAGRAPHS)
            ],
        )
        for n in range(1, SECTIONS + 1)
    )
    return "\n".join([f"# Chapter {number} {{#sec-{number}}}\n", *sections])


@functools.cache
def words() -> list[str]:
    """Return made-up words."""
    chance = random.Random(0)
    return ["".join(chance.choices(LETTERS, k=chance.randint(2, 9))) for _ in range(2000)]


def run(command: list[str]) -> Build:
    """Run a build to its end, and measure it.

    Raises
    ------
    SystemExit
        If it fails, as the time of a failure means nothing.
    """
    began, peak = time.perf_counter(), 0
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=quiet) as running:
        while running.poll() is None:
            peak = max(peak, memory(running.pid))
            time.sleep(PAUSE)
    elapsed = time.perf_counter() - began
    if running.returncode:
        raise SystemExit(f"exit status {running.returncode}: {' '.join(command)}")
    return Build(elapsed, peak / 1e6)


def memory(process: int) -> int:
    """Return the bytes that a process and those below it hold; 0 once it has ended."""
    try:
        folder = Path("/proc", str(process))
        own = int((folder / "statm").read_text().split()[1]) * PAGE
        below = [(task / "children").read_text().split() for task in (folder / "task").iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return own + sum(memory(int(child)) for children in below for child in children)
