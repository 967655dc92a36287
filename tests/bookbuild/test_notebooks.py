"""The notebook that readers take away: its prose is for Jupyter, and it runs in any folder."""

from __future__ import annotations

import ast
import base64
import json
import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from bookbuild import displays, needs
from bookbuild.paths import named
from bookbuild.project import Project
from tests.kit.pages import parse

ROOT = Path(__file__).parents[2]

# Executes a notebook as a reader does: in its folder, with this Python but none of the book's code.
RUN = """
import importlib.util, sys
import nbclient, nbformat
assert importlib.util.find_spec("bookbuild") is None
node = nbformat.read(sys.argv[1], 4)
nbclient.NotebookClient(node, timeout=1800, resources={"metadata": {"path": "."}}).execute()
nbformat.write(node, sys.argv[1])
"""


@pytest.fixture(scope="module")
def notebook(probe: Path) -> nbformat.NotebookNode:
    return nbformat.read(probe / "chapters" / "probe.ipynb", 4)


def code_cells(node: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in node.cells if cell.cell_type == "code"]


def prose(node: nbformat.NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in node.cells if cell.cell_type == "markdown")


def flat(text: str) -> str:
    return " ".join(text.replace("\xa0", " ").split())


# How it reads


def test_it_is_a_valid_notebook(probe):
    for path in probe.glob("chapters/*.ipynb"):
        node = nbformat.read(path, 4)
        nbformat.validate(node)
        assert "execution" not in json.dumps([cell.metadata for cell in node.cells])


def test_nothing_of_quarto_is_left(probe):
    for path in probe.glob("chapters/*.ipynb"):
        text = prose(nbformat.read(path, 4))
        shown = re.sub(r"```.*?```|(`+)(?!`).*?(?<!`)\1", "", text, flags=re.DOTALL)
        assert not re.search(r":::|@(?:fig|tbl|sec|eq)-|\[@|\{python\}|\{#|\{\.|<!--", shown)


@pytest.mark.parametrize(
    "text",
    [
        "# 1 A probe",
        "## 1.2 Figures and tables",
        "### 1.2.1 Figures",
        "Figure 1.1 is drawn by a cell, Figure 1.2 by hand (1.2); both are in Section 1.2.1.",
        "a citation (Mikolov and Chen 2013, 2). Word vectors of Mikolov and Chen (2013) are old.",
        "with a footnote (What the footnote says, with `code`.)",
        r"Half is 0.50, minus half −0.5, the name is two \*stars\*,",
        "it is written: `` `{python} x` ``.",
        "Table 1.1: (a) A frame as polars shows it.",
        r"y = \sum_i w_i x_i + b \tag{1.1}$$",
        r"and $\hat{y}$ stands in the line.",
        "> **A title of its own**\n>\n> Hidden until opened; Figure 1.1 is linked.",
        "> **Tip**\n>\n> No title.",
        "## Unnumbered",
        "## References\n\nMikolov, Tomas, and Kai Chen. 2013.",
    ],
)
def test_prose_says_what_the_page_says(notebook, text):
    assert text in prose(notebook).replace("\xa0", " ")


def test_captions_are_those_of_the_page_in_their_order(probe, notebook):
    page = parse((probe / "chapters" / "probe.html").read_text(encoding="utf-8"))
    text = flat(prose(notebook)).replace("*", "")
    places = [text.index(flat(caption.text)) for caption in page.find_all("figcaption")]
    assert len(places) == 4
    assert places == sorted(places)


def test_a_caption_stands_below_its_cell(notebook):
    ids = [cell.id for cell in notebook.cells]
    after = notebook.cells[ids.index("fig-line") + 1]
    assert after.source.startswith("Figure\xa01.1: A line that *rises*.")


def test_pictures_travel_inside(notebook):
    cells = [cell for cell in notebook.cells if "](attachment:" in cell.get("source", "")]
    assert [list(cell.attachments) for cell in cells] == [["pictures-dot.png"]]
    assert "![A black disc in the middle.](attachment:pictures-dot.png)" in cells[0].source
    data = base64.b64decode(cells[0].attachments["pictures-dot.png"]["image/png"])
    assert data.startswith(b"\x89PNG")
    assert struct.unpack(">II", data[16:24]) == (60, 30)  # 40 by 20, drawn half as large again


# What it holds


def test_all_cells_are_there_in_their_order_with_their_outputs(probe, notebook):
    [entry] = (probe.parent / ".cache" / "executed").glob("chapters-probe/*")
    outputs = json.loads(entry.read_text(encoding="utf-8"))["outputs"]
    source = (probe.parent / "chapters" / "probe.qmd").read_text(encoding="utf-8")
    labels = re.findall(r"^```\{python\}\n#\| label: (.*)$", source, re.MULTILINE)
    cells = code_cells(notebook)
    assert [cell.id for cell in cells] == ["check", *labels]
    assert [cell.execution_count for cell in cells] == [None, *range(1, len(cells))]
    assert [cell.outputs for cell in cells[1:]] == outputs
    assert "#|" not in "".join(cell.source for cell in cells)


def test_a_cell_for_the_pdf_alone_is_refused(book, fails):
    book.chapter('::: {.content-visible when-format="pdf"}\n```{python}\n1\n```\n:::')
    said = fails("build", "--renderer", "builtin")
    assert "chapters/one.qmd: a cell stands in text for the PDF alone" in said


# What it needs


def test_first_cell_names_what_to_get(notebook):
    first = notebook.cells[0].source
    assert first.startswith("# 1 A probe\n")
    assert "`helper.py`" in first


def test_first_cell_names_data_requirements_and_version(book):
    book.write("helper.py", 'VALUE = 1\nFILE = "data/x.csv"\n')
    book.write("data/.manifest.json", '{"outputs": {"data/x.csv": "abc"}}')
    book.write("data/x.csv", "a\n1\n")
    book.write("data/prepare.py", "")
    book.write("CITATION.cff", "version: 4.5.6\n")
    book.edit("chapters/one.qmd", "from helper", "import polars\nfrom helper")
    assert book.run("build", "--renderer", "builtin") == 0
    node = nbformat.read(book.root / "_book" / "chapters" / "one.ipynb", 4)
    for name in ("4.5.6", "`helper.py`", "`data/x.csv`", "data/prepare.py", "requirements.txt"):
        assert name in node.cells[0].source
    assert "'polars'" in node.cells[1].source


def test_no_check_where_nothing_is_needed(probe):
    node = nbformat.read(probe / "chapters" / "two wörds.ipynb", 4)
    assert [cell.id for cell in code_cells(node)] == ["cell-1"]


def run_check(cell: str, folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", cell], cwd=folder, capture_output=True, text=True, check=False
    )


def test_check_says_plainly_what_is_missing(notebook, tmp_path):
    cell = notebook.cells[1].source
    done = run_check(cell, tmp_path)
    assert done.returncode != 0
    assert f"missing in {tmp_path}: helper.py. The text above says what to get" in done.stderr
    (tmp_path / "helper.py").write_text("", encoding="utf-8")
    assert run_check(cell, tmp_path).returncode == 0


def test_check_names_a_missing_package(tmp_path):
    needed = needs.Needs(data=("data/x.csv",), packages=("json", "no_such_package"))
    project = Project(tmp_path, "A title", ())
    message = run_check(needs.check(project, needed), tmp_path).stderr
    assert "data/x.csv, the package no_such_package." in message
    assert "json" not in message.splitlines()[-1]


# It runs without the book


def shown(cell: nbformat.NotebookNode) -> list:
    """Return a cell's outputs as a reader sees them: whole streams, pictures without their repr."""
    found: list = []
    for output in cell.outputs:
        if output.output_type == "stream":
            if output.name == "stderr":  # progress and warnings, which a page may leave out
                continue
            if found and isinstance(found[-1], str):
                found[-1] += output.text
            else:
                found.append(output.text)
        elif displays.DATA not in output.data:  # the data of a live figure serve the page alone
            data = dict(output.data)
            if any(kind.startswith("image/") for kind in data):
                data.pop("text/plain", None)
            found.append(data)
    return found


def standalone(built: Path, root: Path, names: list[str], folder: Path) -> None:
    """Run a notebook with copies of these files; compare its outputs with those it came with."""
    folder.mkdir(exist_ok=True)
    path = folder / built.name
    shutil.copyfile(built, path)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (root / name).is_dir() else shutil.copy
        copy(root / name, folder / name)
    # variables of the tests that the book's kernels do not have
    theirs = ("PYTHONPATH", "MPLBACKEND", "OPENBLAS_CORETYPE")
    environment = {k: v for k, v in os.environ.items() if k not in theirs}
    command = [sys.executable, "-I", "-c", RUN, path.name]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    before, after = nbformat.read(built, 4), nbformat.read(path, 4)
    for old, new in zip(code_cells(before), code_cells(after), strict=True):
        assert shown(new) == shown(old), old.id


def test_it_runs_in_a_folder_of_its_own(probe, tmp_path):
    standalone(probe / "chapters" / "probe.ipynb", probe.parent, ["helper.py"], tmp_path / "away")


NAMES = {
    "a text": ('open("data/list.csv")', {"data/list.csv"}),
    "a folder with a slash": ('"data/list/"', {"data/list"}),
    "parts": ('Path("data") / "deep" / "a.txt"', {"data/deep/a.txt"}),
    "parts of the root": ('Path(__file__).parent / "data" / "deep"', {"data/deep"}),
    "arguments": ('Path("data", "deep", "a.txt")', {"data/deep/a.txt"}),
    "joined": ('os.path.join("data", "list.csv")', {"data/list.csv"}),
    "a variable": ('Path("data", name)', {"data"}),
    "a variable in a folder": ('Path("data") / "deep" / name', {"data/deep"}),
    "a text and a variable": ('"data/deep/" + name', {"data/deep"}),
    "a text with a variable": ('f"data/deep/{name}"', {"data/deep"}),
    "at the root": ('open("lock.txt")', {"lock.txt"}),
    "a word": ('{"data": 1, "deep": 2}', set()),
    "a quotient": ("a / b", set()),
    "nothing": ('Path("", name), Path("/", name), "/" + name, ""', set()),
    "not there": ('open("data/none.csv")', set()),
    "what is made": ('Path(".cache", name)', set()),
    "no Python": ("x = (", set()),
}


@pytest.mark.parametrize("name", NAMES)
def test_files_that_code_names(tmp_path, name):
    for path in ("data/list.csv", "data/list/1.png", "data/deep/a.txt", "lock.txt", ".cache/x"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    code, paths = NAMES[name]
    assert named(tmp_path, code) == paths


def needed(built: Path) -> list[str]:
    """Return the files that a notebook's first cell asks for."""
    source = next(cell.source for cell in nbformat.read(built, 4).cells if cell.id == "check")
    tree = ast.parse(source)
    [value] = [
        n.value for n in tree.body if isinstance(n, ast.Assign) and n.targets[0].id == "files"
    ]
    return ast.literal_eval(value)


def test_it_runs_with_exactly_what_it_names(book, tmp_path):
    """Pictures that a list names, a folder that a module puts together, a file at the root."""
    book.write("data/list.csv", "path\ndata/list/1.txt\n")
    book.write("data/list/1.txt", "one")
    book.write("data/other.csv", "not read")
    book.write("data/models/a.json", "{}")
    book.write("lock.txt", "locked")
    outputs = {"list.csv": "a", "list": "b", "other.csv": "c", "models/a.json": "d"}
    book.write("data/.manifest.json", json.dumps({"outputs": outputs}))
    book.write(
        "helper.py",
        "from pathlib import Path\nVALUE = 1\n"
        'MODELS = Path(__file__).resolve().parent / "data" / "models"\n',
    )
    book.chapter(
        "```{python}\nfrom pathlib import Path\nfrom helper import MODELS\n"
        "path = Path('data/list.csv').read_text().split()[1]\n"
        "print(Path(path).read_text(), (MODELS / 'a.json').read_text())\n"
        "print(Path('lock.txt').read_text())\n```"
    )
    assert book.run("build", "--renderer", "builtin") == 0
    built = book.root / "_book" / "chapters" / "one.ipynb"
    names = needed(built)
    assert names == ["helper.py", "lock.txt", "data/list", "data/list.csv", "data/models"]
    standalone(built, book.root, names, tmp_path / "away")


@pytest.mark.book
@pytest.mark.minutes
@pytest.mark.skipif(os.environ.get("CI") != "true", reason="takes minutes: CI=true runs it")
def test_the_chapter_runs_with_exactly_what_it_names(tmp_path):
    built = ROOT / "_book" / "chapters" / "cnns-word2vec.ipynb"
    standalone(built, ROOT, needed(built), tmp_path / "away")
