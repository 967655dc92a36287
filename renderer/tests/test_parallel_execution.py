"""Chapters executed in parallel: their order, errors, stopping, and the same bytes every time."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from tests.support.processes import is_gone, start, wait_for
from tests.support.processors import digests_by_processors

pytestmark = pytest.mark.thorough

NAMES = ("one", "two", "three")

# a chapter that waits until a file exists
WAITS = """# {title}

```{{python}}
import os, pathlib, time
pathlib.Path("{title}.pid").write_text(str(os.getpid()))
while not pathlib.Path("{until}").exists(): time.sleep(0.05)
print("{title} finished")
```
"""


@pytest.fixture
def three(book):
    """Return a book of three chapters."""
    listed = ", ".join(f"chapters/{name}.qmd" for name in NAMES)
    book.edit("_quarto.yml", "chapters/one.qmd", listed)
    book.write("index.qmd", "# Preface {.unnumbered}\n")
    for name in NAMES:
        book.write(f"chapters/{name}.qmd", f"# {name}\n\n```{{python}}\nprint('{name}')\n```\n")
    return book


def pid(book, name: str) -> int:
    path = book.root / f"{name}.pid"
    wait_for(lambda: path.exists() and path.read_text())
    return int(path.read_text())


def test_two_jobs_run_two_chapters_at_once(three):
    """Each waits for a file that the other one writes; in sequence, they would never end."""
    three.write("chapters/one.qmd", WAITS.format(title="one", until="two.pid"))
    three.write("chapters/two.qmd", WAITS.format(title="two", until="one.pid"))
    assert three.run("execute", "--jobs", "2") == 0


def test_a_chapter_waits_for_the_one_named_in_its_header(three):
    body = '# One\n\n```{python}\nprint(open("made.txt").read())\n```\n'
    three.write("chapters/one.qmd", f"---\nafter: chapters/three.qmd\n---\n\n{body}")
    made = 'import time\ntime.sleep(1)\nopen("made.txt", "w").write("by three");'
    three.write("chapters/three.qmd", f"# Three\n\n```{{python}}\n{made}\n```\n")
    assert three.run("build", "--renderer", "builtin", "--jobs", "3") == 0
    assert "by three" in three.page()


def test_a_chapter_waits_for_a_cell_only(three):
    """One reads a file that a cell of three writes; three ends only after one has run."""
    made = 'import time\ntime.sleep(1)\nopen("made.txt", "w").write("made");'
    cell = f"# Three\n\n```{{python}}\n#| label: make\n{made}\n```\n\n"
    three.write("chapters/three.qmd", cell + WAITS.format(title="three", until="one.txt"))
    body = '# One\n\n```{python}\nopen("one.txt", "w").write(open("made.txt").read());\n```\n'
    three.write("chapters/one.qmd", f"---\nafter: chapters/three.qmd#make\n---\n\n{body}")
    assert three.run("execute", "--jobs", "3") == 0


def test_the_chapter_that_took_longest_starts_first(three, capsys):
    for run in ("first", "second"):
        for name in NAMES:
            seconds = 1.5 if name == "two" else 0
            code = f'import time\ntime.sleep({seconds})\nprint("{run}")'
            three.write(f"chapters/{name}.qmd", f"# {name}\n\n```{{python}}\n{code}\n```\n")
        assert three.run("execute", "--jobs", "1") == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "cell 1 of 1" in line]
    started = [line.split()[0].removeprefix("chapters/").removesuffix(".qmd") for line in lines]
    assert started[:3] == [*NAMES]  # no times are known yet: in the book's order
    assert started[3] == "two"


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"one": "chapters/two.qmd#cell-11"}, "does not have (did you mean cell-1?)"),
        ({"one": "chapters/tow.qmd"}, "chapters/one.qmd:2: `after` names chapters/tow.qmd"),
        (
            {"one": "chapters/two.qmd", "two": "chapters/one.qmd"},
            "chapters/one.qmd:1: circular `after:` dependency: "
            "chapters/one.qmd → chapters/two.qmd → chapters/one.qmd",
        ),
        (
            {"one": "chapters/two.qmd", "two": "chapters/three.qmd", "three": "chapters/two.qmd"},
            "dependency: chapters/two.qmd → chapters/three.qmd → chapters/two.qmd",
        ),
    ],
)
def test_a_wrong_header_is_reported(three, fails, headers, message):
    for name, after in headers.items():
        body = f"---\nafter: {after}\n---\n\n# {name}\n\n```{{python}}\n1\n```\n"
        three.write(f"chapters/{name}.qmd", body)
    assert message in fails("execute")


def test_an_error_stops_the_others_and_keeps_finished_results(three):
    three.write("chapters/one.qmd", WAITS.format(title="one", until="never"))
    three.write("chapters/two.qmd", "# Two\n\n```{python}\nprint('two')\n```\n")
    three.write(
        "chapters/three.qmd",
        WAITS.format(title="three", until="go") + "\n```{python}\n1 / 0\n```\n",
    )
    process = start(three, "execute", "--jobs", "3")
    kernel = pid(three, "one")
    wait_for(lambda: [*(three.root / ".cache" / "executed" / "chapters-two").glob("*")])
    three.write("go", "")
    message = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert "error: chapters/three.qmd:11: cell cell-2 failed: ZeroDivisionError" in message
    wait_for(lambda: is_gone(kernel))
    finished = [p.parent.name for p in (three.root / ".cache" / "executed").glob("*/*")]
    assert finished == ["chapters-two"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_no_kernel_outlives_its_build(three, name):
    for chapter in NAMES[:2]:
        three.write(f"chapters/{chapter}.qmd", WAITS.format(title=chapter, until="never"))
    process = start(three, "execute", "--jobs", "2")
    kernels = [pid(three, chapter) for chapter in NAMES[:2]]
    process.send_signal(signal.Signals[name])
    assert "Traceback" not in process.communicate(timeout=60)[1]
    assert process.returncode != 0
    wait_for(lambda: all(map(is_gone, kernels)))


def test_the_number_of_jobs_changes_no_byte(three):
    sites = []
    for jobs in ("1", "3"):
        assert three.run("build", "--renderer", "builtin", "--jobs", jobs) == 0
        sites.append(three.site())
        for name in ("_book", ".cache"):
            (three.root / name).rename(three.root / f"{name}-{jobs}")
    assert sites[0] == sites[1]


@pytest.mark.parametrize("jobs", ["0", "-1", "two"])
def test_a_wrong_number_of_jobs_is_refused(three, capsys, jobs):
    with pytest.raises(SystemExit):
        three.run("execute", "--jobs", jobs)
    assert f"expected a number from 1, not {jobs!r}" in capsys.readouterr().err


def test_a_terminal_shows_all_running_chapters_in_one_line(three, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    three.write("chapters/one.qmd", WAITS.format(title="one", until="two.pid"))
    three.write("chapters/two.qmd", WAITS.format(title="two", until="one.pid"))
    assert three.run("execute", "--jobs", "2") == 0
    lines = capsys.readouterr().err.split("\r")
    assert any("one.qmd  cell 1" in line and "two.qmd  cell 1" in line for line in lines)
    assert not any("\n" in line for line in lines[:-1])


# Threads

USERS = {
    "BLAS": "out = rng.random((400, 400)) @ rng.random((400, 400))",
    "LAPACK": "out = np.linalg.svd(rng.random((400, 300)))[1]",
    "OpenMP": "from sklearn.cluster import KMeans\n"
    "out = KMeans(9, random_state=0, n_init=1).fit(rng.random((3000, 30))).cluster_centers_",
    "polars": "import polars as pl\n"
    "frame = pl.DataFrame({'key': rng.integers(0, 9, 10_000), 'x': rng.random(10_000)})\n"
    "out = frame.group_by('key').agg(pl.col('x').sum()).sort('key')['x'].to_numpy()",
}


@pytest.mark.slow
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="this machine has one processor")
def test_results_do_not_depend_on_the_number_of_processors(book):
    one, all_of_them = digests_by_processors(book, "import numpy as np", USERS)
    assert len(one) == len(USERS)
    assert one == all_of_them
