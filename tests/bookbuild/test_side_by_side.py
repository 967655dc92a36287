"""Chapters side by side: their order, what an error ends and what it keeps, equal bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.processes import is_gone, start, wait_for

REPOSITORY = Path(__file__).parents[2]
NAMES = ("one", "two", "three")

# each chapter waits until the file that its name is given for is there
WAITS = """# {title}

```{{python}}
import os, pathlib, time
pathlib.Path("{title}.pid").write_text(str(os.getpid()))
while not pathlib.Path("{until}").exists(): time.sleep(0.05)
print("{title} went")
```
"""


@pytest.fixture
def three(book):
    """A book of three chapters."""
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


def site(book) -> dict[str, bytes]:
    folder = book.root / "_book"
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_two_jobs_run_two_chapters_at_once(three):
    """Each waits for what the other writes: one after the other they would never end."""
    three.write("chapters/one.qmd", WAITS.format(title="one", until="two.pid"))
    three.write("chapters/two.qmd", WAITS.format(title="two", until="one.pid"))
    assert three.run("execute", "--jobs", "2") == 0


def test_a_chapter_waits_for_the_one_that_its_header_names(three):
    body = '# One\n\n```{python}\nprint(open("made.txt").read())\n```\n'
    three.write("chapters/one.qmd", f"---\nafter: chapters/three.qmd\n---\n\n{body}")
    made = 'import time\ntime.sleep(1)\nopen("made.txt", "w").write("by three");'
    three.write("chapters/three.qmd", f"# Three\n\n```{{python}}\n{made}\n```\n")
    assert three.run("build", "--renderer", "builtin", "--jobs", "3") == 0
    assert "by three" in three.page()


def test_a_chapter_waits_for_a_cell_and_no_longer(three):
    """One reads what a cell of three made; three ends when one has run."""
    made = 'import time\ntime.sleep(1)\nopen("made.txt", "w").write("made");'
    cell = f"# Three\n\n```{{python}}\n#| label: make\n{made}\n```\n\n"
    three.write("chapters/three.qmd", cell + WAITS.format(title="three", until="one.txt"))
    body = '# One\n\n```{python}\nopen("one.txt", "w").write(open("made.txt").read());\n```\n'
    three.write("chapters/one.qmd", f"---\nafter: chapters/three.qmd#make\n---\n\n{body}")
    assert three.run("execute", "--jobs", "3") == 0


def test_what_took_longest_the_last_time_goes_first(three, capsys):
    for run in ("first", "second"):
        for name in NAMES:
            seconds = 1.5 if name == "two" else 0
            code = f'import time\ntime.sleep({seconds})\nprint("{run}")'
            three.write(f"chapters/{name}.qmd", f"# {name}\n\n```{{python}}\n{code}\n```\n")
        assert three.run("execute", "--jobs", "1") == 0
    shown = [line for line in capsys.readouterr().err.splitlines() if "cell 1 of 1" in line]
    began = [line.split()[0].removeprefix("chapters/").removesuffix(".qmd") for line in shown]
    assert began[:3] == [*NAMES]  # nothing is known of them: as the book has them
    assert began[3] == "two"


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"one": "chapters/two.qmd#cell-11"}, "does not have (did you mean cell-1?)"),
        ({"one": "chapters/tow.qmd"}, "chapters/one.qmd:2: `after` names chapters/tow.qmd"),
        ({"one": "chapters/two.qmd", "two": "chapters/one.qmd"}, "wait for each other"),
    ],
)
def test_a_wrong_header_is_told(three, fails, headers, message):
    for name, after in headers.items():
        body = f"---\nafter: {after}\n---\n\n# {name}\n\n```{{python}}\n1\n```\n"
        three.write(f"chapters/{name}.qmd", body)
    assert message in fails("execute")


def test_an_error_ends_the_others_and_keeps_what_was_finished(three):
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
    kept = [p.parent.name for p in (three.root / ".cache" / "executed").glob("*/*")]
    assert kept == ["chapters-two"]


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
        sites.append(site(three))
        for name in ("_book", ".cache"):
            (three.root / name).rename(three.root / f"{name}-{jobs}")
    assert sites[0] == sites[1]


@pytest.mark.parametrize("jobs", ["0", "-1", "two"])
def test_a_wrong_number_of_jobs_is_refused(three, capsys, jobs):
    with pytest.raises(SystemExit):
        three.run("execute", "--jobs", jobs)
    assert f"expected a number from 1, not {jobs!r}" in capsys.readouterr().err


def test_a_terminal_shows_all_chapters_that_run_in_one_line(three, monkeypatch, capsys):
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
    "numpy": "x = rng.random((400, 400))\nout = (x @ x.T).tobytes()",
    "numpy's LAPACK": "out = np.linalg.svd(rng.random((400, 300)))[1].tobytes()",
    "torch": "import torch\nx = torch.from_numpy(rng.random((300, 3000))).float()\n"
    "out = torch.nn.functional.linear(x, x).numpy().tobytes()",
    "torch's oneDNN": "layer = torch.nn.Conv2d(1, 8, 3)\n"
    "layer(torch.rand(25, 1, 60, 80)).square().mean().backward()\n"
    "out = layer.weight.grad.numpy().tobytes()",
    "scikit-learn's PCA": "from sklearn.decomposition import PCA\n"
    "out = PCA(9, random_state=0).fit_transform(rng.random((400, 300))).tobytes()",
    "scikit-learn": "from sklearn.linear_model import LogisticRegression\n"
    "x = rng.random((600, 40))\ny = (x[:, 0] > 0.5).astype(int)\n"
    "out = LogisticRegression().fit(x, y).coef_.tobytes()",
    "gensim": "from gensim.models import Word2Vec\n"
    "texts = [[f'w{i}' for i in rng.integers(0, 50, 30)] for _ in range(100)]\n"
    "out = Word2Vec(texts, vector_size=20, seed=14, workers=1).wv.vectors.tobytes()",
}


@pytest.mark.slow
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="this machine has one processor")
def test_results_do_not_hang_on_the_number_of_processors(book):
    """Every user of BLAS and OpenMP gives the same bytes on one processor as on all."""
    cells = "\n\n".join(
        f"```{{python}}\nrng = np.random.default_rng(14)\n{code}\n"
        "print(hashlib.sha256(out).hexdigest())\n```"
        for code in USERS.values()
    )
    book.write("funs.py", (REPOSITORY / "funs.py").read_text(encoding="utf-8"))
    setup = "```{python}\nfrom funs import *\nimport hashlib\nimport numpy as np\nset_seed()\n```"
    book.chapter(f"{setup}\n\n{cells}")
    found = []
    for processors in ({min(os.sched_getaffinity(0))}, os.sched_getaffinity(0)):
        process = start_on(book, processors)
        assert process.wait(timeout=300) == 0
        [entry] = (book.root / ".cache" / "executed" / "chapters-one").iterdir()
        found.append([o[0]["text"] for o in json.loads(entry.read_text())["outputs"][1:]])
        entry.unlink()
    assert len(found[0]) == len(USERS)
    assert found[0] == found[1]


def start_on(book, processors: set[int]) -> subprocess.Popen:
    command = [sys.executable, "-m", "bookbuild", "--root", str(book.root), "execute"]
    return subprocess.Popen(
        command, cwd=REPOSITORY, preexec_fn=lambda: os.sched_setaffinity(0, processors)
    )
