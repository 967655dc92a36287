"""Execute chapters: their outputs, what a cell can use, and what stops a build."""

from __future__ import annotations

import signal
import socket
import sys

import nbformat
import pytest

import bookbuild
from bookbuild.run import kernel
from tests.support.processes import is_gone, start, wait_for

pytestmark = pytest.mark.thorough

ONE = "chapters/one.qmd"


def executions(book, capsys) -> int:
    """Execute the book; return how many cells ran."""
    capsys.readouterr()
    assert book.run("execute") == 0
    return capsys.readouterr().err.count("  cell ")


def notebook(book) -> nbformat.NotebookNode:
    """Execute the book and return the chapter's notebook."""
    project = bookbuild.load(book.root)
    chapter = project.chapters[1]
    source, results = bookbuild.read(project)[chapter], bookbuild.execute(project)[chapter]
    return nbformat.from_dict(bookbuild.executed_notebook(source, results))


def outputs(book, position: int = -1) -> list[dict]:
    """Return the outputs of one cell of the chapter."""
    return [cell for cell in notebook(book).cells if cell.cell_type == "code"][position].outputs


def text(book) -> str:
    return "".join(output.get("text", "") for output in outputs(book))


# The cache; which edit executes which chapter is tested in test_reexecution.py


def test_module_imported_by_a_module_counts(book, capsys):
    book.edit("helper.py", "VALUE = 1", "from deeper import VALUE")
    book.write("deeper.py", "VALUE = 1\n")
    assert executions(book, capsys) == 1
    book.edit("deeper.py", "1", "2")
    assert executions(book, capsys) == 1


def test_missing_data(book, fails):
    book.configure()
    book.chapter('```{python}\nopen("measurements/x.csv")\n```')
    message = fails("execute")
    assert f"{ONE} reads measurements/, which does not exist yet: run `task measure`" in message


def test_a_book_without_settings_may_read_any_folder(book):
    book.write("data/x.csv", "a")
    book.chapter('```{python}\nprint(open("data/x.csv").read())\n```')
    assert text(book) == "a\n"


@pytest.mark.parametrize("manifest", ["", "[1]", '{"x.csv": "abc"}', '{"outputs": ["x.csv"]}'])
def test_damaged_manifest(book, fails, manifest):
    book.configure()
    book.write("measurements/state.json", manifest)
    book.chapter('```{python}\nopen("measurements/x.csv")\n```')
    message = fails("execute")
    assert "measurements/state.json is damaged: run `task measure` to write it again" in message


def test_prose_edit_shows_in_the_notebook_from_the_cache(book):
    assert book.run("execute") == 0
    book.edit(ONE, "Some prose", "Other prose")
    node = notebook(book)
    assert "Other prose with 42" in node.cells[0].source
    assert node.cells[1].outputs[0].text == "first 1\n"


# A cell's environment, and how its outputs are stored


def test_cells_run_in_the_project_without_network(book):
    book.chapter(
        "```{python}\nimport os, pathlib, urllib.request\n"
        "print(pathlib.Path('helper.py').exists(), os.environ['PYTHONHASHSEED'])\n"
        "try:\n    urllib.request.urlopen('http://192.0.2.1/', timeout=5)\n"
        "except OSError as error:\n    print(error.reason.strerror)\n```"
    )
    assert text(book) == "True 0\nConnection refused\n"


def test_cells_do_not_see_the_users_settings(book, monkeypatch):
    monkeypatch.setenv("SECRET", "known")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    book.chapter(
        "```{python}\nimport os, pathlib\n"
        "print(os.environ.get('SECRET'), os.environ.get('PYTHONPATH'))\n"
        "print(pathlib.Path.home().relative_to(pathlib.Path.cwd()))\n```"
    )
    assert text(book) == "None None\n.cache/home\n"


PRINTED = {
    r'print("\x1b[31mred\x1b[0m")': "red\n",
    r'print("10%\r50%\r100%")': "100%\n",
    r'print("a\x00b\x08c")': "abc\n",
    "for n in range(3):\n    print(n, flush=True)": "0\n1\n2\n",
    r'import os; _ = os.write(1, b"\xff\xfe bytes\n")': "\ufffd\ufffd bytes\n",
}


def test_text_is_stored_as_a_terminal_would_show_it(book):
    book.chapter("\n\n".join(f"```{{python}}\n{code}\n```" for code in PRINTED))
    texts = [outputs(book, position)[0]["text"] for position in range(len(PRINTED))]
    assert texts == [*PRINTED.values()]


IMPORTS = "import os, subprocess, sys\n"
WRITTEN = {  # code, and what a cell with it shows
    "bytes": ("_ = os.write(1, b'x' * 60_000)", ["x" * 60_000]),
    "characters": ("_ = os.write(1, 'a€'.encode() * 15_000)", ["a€" * 15_000]),
    "a child": ("_ = os.system('seq 9000')", ["".join(f"{n}\n" for n in range(1, 9001))]),
    "before the value": ("os.write(1, b'x' * 60_000)", ["x" * 60_000, "60000"]),
    "between prints": ("print('A'); os.system('echo B'); print('C')", ["A\nB\nC\n"]),
    "to sys.stdout": ("_ = subprocess.run(['echo', 'x'], stdout=sys.stdout)", ["x\n"]),
    "standard error": ("_ = os.write(2, b'x' * 60_000)", ["x" * 60_000]),
    "redirected": ("os.dup2(os.open(os.devnull, os.O_WRONLY), 1)\nprint('x')", ["x\n"]),
    "closed": ("sys.stdout.close()", []),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_all_that_is_written_to_descriptors_is_shown_in_order(book, name):
    code, shown = WRITTEN[name]
    cells = 1 if name == "closed" else 40
    book.chapter("\n\n".join(f"```{{python}}\n{IMPORTS}{code}\n```" for _ in range(cells)))
    executed = [cell for cell in notebook(book).cells if cell.cell_type == "code"]
    texts = [[o.get("text") or o.data["text/plain"] for o in c.outputs] for c in executed]
    assert [[len(text) for text in cell] for cell in texts] == [[*map(len, shown)]] * cells
    assert texts == [shown] * cells


def test_what_is_written_after_a_cell_has_ended_belongs_to_the_next(book):
    book.chapter(
        "```{python}\nimport os, threading\n"
        "started, done = threading.Event(), threading.Event()\n"
        "def later():\n    started.wait()\n    os.write(1, b'later')\n    done.set()\n"
        "threading.Thread(target=later).start()\n_ = os.write(1, b'at once')\n```\n\n"
        "```{python}\nstarted.set()\n_ = done.wait()\n```"
    )
    assert [outputs(book, position)[0]["text"] for position in (0, 1)] == ["at once", "later"]


def test_a_displays_handle_is_not_shown(book):
    """IPython returns one if `display` gets an id; Jupyter shows its repr, which is useless."""
    book.chapter(
        "```{python}\nhandle = display(1, display_id=True)\nhandle\n```\n\n"
        "```{python}\ndisplay(2, display_id='b')\n```\n\n"
        "```{python}\nhandle.update(3)\nprint('<DisplayHandle display_id=b>')\n```"
    )
    cells = [outputs(book, position) for position in range(3)]
    texts = [[o.get("text") or o["data"]["text/plain"] for o in cell] for cell in cells]
    assert texts == [["1"], ["2"], ["<DisplayHandle display_id=b>\n"]]


STARTS = """```{python}
import asyncio, threading
go, done = threading.Event(), threading.Event()
thread = threading.Thread(target=lambda: (go.wait(), print("from a thread")))
thread.start()
async def later():
    await asyncio.sleep(0)
    print("from a task")
    done.set()
task = asyncio.create_task(later())
```

```{python}
while not done.is_set():
    await asyncio.sleep(0.01)
```

```{python}
go.set()
thread.join()
```"""


def test_what_a_cell_starts_and_does_not_await(book):
    """CONTRIBUTING.md describes this; correct it if ipykernel changes."""
    book.chapter(STARTS)
    cells = [outputs(book, position) for position in range(3)]
    assert [[o["text"] for o in cell] for cell in cells] == [[], [], ["from a thread\n"]]


def test_streams_and_results_keep_their_order(book):
    book.chapter(
        "```{python}\nimport sys\nfrom IPython.display import display\n"
        "print('a')\nprint('warned', file=sys.stderr)\nprint('b')\ndisplay(1)\nprint('c')\n2\n```"
    )
    texts = [o.get("text") or o["data"]["text/plain"] for o in outputs(book)]
    assert texts == ["a\nb\n", "warned\n", "1", "c\n", "2"]


@pytest.mark.parametrize(
    ("code", "expression", "expected"),
    [
        ("x = 0.5", "x", "0\\.5"),
        ("x = 'a*b'", "x", "a\\*b"),
        ("x = 1", "f'{x:,}'", "1"),
        ("x = -0.5", "f'{x:.1f}, 2-3, p-value'", "−0\\.5\\, 2\\-3\\, p\\-value"),
        ("from IPython.display import Markdown", "Markdown('*a*')", "*a*"),
    ],
)
def test_inline_values(book, code, expression, expected):
    book.chapter(f"```{{python}}\n{code}\n```\n\nText `{{python}} {expression}`.")
    assert f"Text {expected}." in notebook(book).cells[2].source


# Errors that stop a build: the chapter's body; the line in the message, and words of the message
FAULTS = {
    "raises": (
        "```{python}\n#| label: bad\nx = 1\nx / 0\n```",
        6,
        ["cell bad", "ZeroDivisionError"],
    ),
    "does not parse": ("```{python}\nx = = 1\n```", 4, ["cell-1", "SyntaxError"]),
    "exits": ("```{python}\nimport os\nos._exit(3)\n```", 3, ["cell-1", "called os._exit"]),
    "runs too long": ("```{python}\nwhile True: pass\n```", 3, ["cell-1", "longer than 3 s"]),
    "prints endlessly": (
        '```{python}\nwhile True: print("x" * 100_000)\n```',
        3,
        ["cell-1", "print less"],
    ),
    "prints 100 MB": ('```{python}\nprint("x" * 100_000_000)\n```', 3, ["cell-1", "print less"]),
    "shows an address": ("```{python}\nobject()\n```", 3, ["cell-1", "memory address"]),
    "shows a path": ("```{python}\nimport os\nos.getcwd()\n```", 3, ["cell-1", "path"]),
    "inline raises": (
        "```{python}\n1\n```\n\nText `{python} nothing`.",
        7,
        ["`nothing`", "NameError"],
    ),
    "inline shows numpy": (
        "```{python}\nimport numpy as np\n```\n\nText `{python} np.float64(1)`.",
        7,
        ["np.float64(1)", "format it"],
    ),
    "inline exits": (
        "```{python}\nimport os\n```\n\nText\n`{python} os._exit(1)`.",
        8,
        ["ended its kernel"],
    ),
    "picture without alt text": (
        "```{python}\nimport matplotlib.pyplot as plt\nplt.plot([1]);\n```",
        3,
        ["cell-1", "fig-alt"],
    ),
    "figure without picture": (
        "```{python}\n#| label: fig-x\n#| fig-cap: A.\n#| fig-alt: B.\n1\n```",
        3,
        ["fig-x", "one picture", "shows 0"],
    ),
    "table without table": (
        "```{python}\n#| label: tbl-x\n#| tbl-cap: A.\n1\n```",
        3,
        ["tbl-x", "one table"],
    ),
    "unsupported output": (
        "```{python}\nfrom IPython.display import display\n"
        "display({'application/x': '1'}, raw=True)\n```",
        3,
        ["application/x"],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_fault_stops_the_build(built_book, capsys, monkeypatch, name):
    body, line, words = FAULTS[name]
    if name == "runs too long":
        monkeypatch.setattr(kernel, "CELL_SECONDS", 3)
    before = built_book.page()
    built_book.chapter(body)
    assert built_book.run("build", "--renderer", "builtin") == 1
    message = capsys.readouterr().err
    assert f"{ONE}:{line}: " in message
    for word in words:
        assert word in message
    assert "\x1b" not in message
    assert built_book.page() == before


def test_an_error_starts_a_new_line_on_a_terminal(book, fails, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    book.chapter("```{python}\n1 / 0\n```")
    progress, _, message = fails("execute").rpartition("\r\x1b[K")
    assert "cell 1 of 1" in progress
    assert message.startswith(f"error: {ONE}:")


def test_a_kernel_that_starts_too_slowly(book, fails, monkeypatch):
    startup = book.root / ".cache/ipython/profile_default/startup/wait.py"
    startup.parent.mkdir(parents=True)
    startup.write_text("import time\ntime.sleep(60)")
    monkeypatch.setattr(kernel, "START_SECONDS", 1)
    assert "the kernel did not start" in fails("execute")


# Kills, Ctrl-C, and a second process

WAITS = """```{python}
import os, pathlib, time
pathlib.Path("kernel.pid").write_text(str(os.getpid()))
while not pathlib.Path("go").exists(): time.sleep(0.1)
print("finished")
```"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGKILL", "SIGINT", "SIGTERM"])
def test_a_build_stopped_in_the_middle_of_a_chapter(built_book, name):
    book, before = built_book, built_book.page()
    book.chapter(WAITS)
    process = start(book, "build", "--renderer", "builtin")
    wait_for(lambda: (book.root / "kernel.pid").exists())
    wait_for(lambda: (book.root / "kernel.pid").read_text())
    process.send_signal(signal.Signals[name])
    message = process.communicate(timeout=60)[1]
    assert process.returncode != 0
    assert "Traceback" not in message
    pid = int((book.root / "kernel.pid").read_text())
    wait_for(lambda: is_gone(pid))
    assert book.page() == before
    book.write("go", "")
    assert book.run("build", "--renderer", "builtin") == 0
    assert "finished" in book.page()


def test_a_network_that_never_answers_does_not_delay_the_build(book, monkeypatch):
    """The user's proxy accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "*")
        book.chapter(
            "```{python}\nimport urllib.request\ntry:\n"
            "    urllib.request.urlopen('http://192.0.2.1/')\n"
            "except OSError as error:\n    print('refused')\n```"
        )
        assert text(book) == "refused\n"
