"""The downloaded notebook: its prose is for Jupyter, and it runs in any folder."""

from __future__ import annotations

import base64
import json
import re
import struct
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from bookbuild.outputs import needs
from bookbuild.source.project import Project, load
from tests.support.notebooks import code_cells, needed_files, run_alone
from tests.support.pages import parse

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def notebook(probe: Path) -> nbformat.NotebookNode:
    return nbformat.read(probe / "chapters" / "probe.ipynb", 4)


def prose(node: nbformat.NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in node.cells if cell.cell_type == "markdown")


def flat(text: str) -> str:
    return " ".join(text.replace("\xa0", " ").split())


# Its text


def test_notebooks_are_valid(probe):
    for path in probe.glob("chapters/*.ipynb"):
        node = nbformat.read(path, 4)
        nbformat.validate(node)
        assert "execution" not in json.dumps([cell.metadata for cell in node.cells])


def test_no_quarto_syntax_is_left(probe):
    for path in probe.glob("chapters/*.ipynb"):
        text = prose(nbformat.read(path, 4))
        plain = re.sub(r"```.*?```|(`+)(?!`).*?(?<!`)\1", "", text, flags=re.DOTALL)
        assert not re.search(r":::|@(?:fig|tbl|sec|eq)-|\[@|\{python\}|\{#|\{\.|<!--", plain)


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
        r"and $\hat{y}$ is an inline formula.",
        "> **A title of its own**\n>\n> Hidden until opened; Figure 1.1 is linked.",
        "> **Tip**\n>\n> No title.",
        "## Unnumbered",
        "## References\n\nMikolov, Tomas, and Kai Chen. 2013.",
    ],
)
def test_prose_reads_as_on_the_page(notebook, text):
    assert text in prose(notebook).replace("\xa0", " ")


def test_captions_equal_the_pages_in_order(probe, notebook):
    page = parse((probe / "chapters" / "probe.html").read_text(encoding="utf-8"))
    text = flat(prose(notebook)).replace("*", "")
    places = [text.index(flat(caption.text)) for caption in page.find_all("figcaption")]
    assert len(places) == 4
    assert places == sorted(places)


def test_a_caption_is_below_its_cell(notebook):
    ids = [cell.id for cell in notebook.cells]
    below = notebook.cells[ids.index("fig-line") + 1]
    assert below.source.startswith("Figure\xa01.1: A line that *rises*.")


def test_pictures_are_in_the_text(notebook):
    """Colab and some others do not show attachments."""
    text = "\n".join(cell.source for cell in notebook.cells)
    [encoded] = re.findall(
        r"!\[A black disc in the middle\.\]\(data:image/png;base64,(.+?)\)", text
    )
    assert not [cell for cell in notebook.cells if "attachments" in cell]
    data = base64.b64decode(encoded)
    assert data.startswith(b"\x89PNG")
    assert struct.unpack(">II", data[16:24]) == (60, 30)  # 40 by 20, 1.5 times as large


# Its cells


def test_all_cells_are_present_in_order_with_their_outputs(probe, notebook):
    [entry] = (probe.parent / ".cache" / "executed").glob("chapters-probe/*")
    outputs = json.loads(entry.read_text(encoding="utf-8"))["outputs"]
    source = (probe.parent / "chapters" / "probe.qmd").read_text(encoding="utf-8")
    labels = re.findall(r"^```\{python\}\n#\| label: (.*)$", source, re.MULTILINE)
    cells = code_cells(notebook)
    assert [cell.id for cell in cells] == ["check", *labels]
    assert [cell.execution_count for cell in cells] == [None, *range(1, len(cells))]
    shown = [[o.get("text") or o.data for o in cell.outputs] for cell in cells[1:]]
    assert shown == [[o.get("text") or o["data"] for o in cell] for cell in outputs]
    assert "#|" not in "".join(cell.source for cell in cells)


def test_a_cell_for_the_pdf_only_is_refused(book, fails):
    book.chapter('::: {.content-visible when-format="pdf"}\n```{python}\n1\n```\n:::')
    message = fails("build", "--renderer", "builtin")
    assert "chapters/one.qmd: a cell is in text for the PDF only" in message


# An author's own comments, among them those that the renderer might use itself
COMMENTS = """Above.

<!-- cell -->

```{python}
#| label: shown
print("shown")
```

<!-- solution -->

Between.

<!-- /solution -->

Text <!-- cell --> with <!-- output --> comments.

- <!-- solution --> An item.
"""


def test_an_authors_comments_are_harmless(book):
    book.add_pdf()
    book.chapter(COMMENTS)
    assert book.run("build", "--renderer", "builtin") == 0
    node = nbformat.read(book.root / "_book/chapters/one.ipynb", 4)
    assert [cell.id for cell in code_cells(node)] == ["shown"]
    page = parse(book.page())
    assert len(page.select("main .cell-output")) == 1
    for text in ("Above.", "Between.", "An item."):
        assert text in prose(node) and text in page.main.text
    assert not [*book.root.glob("_book/**/*-practice.ipynb")]


# Its needs


def test_the_opening_text_names_the_files(notebook):
    first = notebook.cells[0].source
    assert first.startswith("# 1 A probe\n")
    assert "`helper.py`" in first


def test_the_opening_text_names_data_requirements_and_version(book):
    book.configure()
    book.write("helper.py", 'VALUE = 1\nFILE = "measurements/x.csv"\n')
    book.write("measurements/state.json", '{"outputs": {"x.csv": "abc"}}')
    book.write("measurements/x.csv", "a\n1\n")
    book.write("CITATION.cff", "version: 4.5.6\n")
    book.edit("chapters/one.qmd", "from helper", "import polars\nfrom helper")
    assert book.run("build", "--renderer", "builtin") == 0
    node = nbformat.read(book.root / "_book" / "chapters" / "one.ipynb", 4)
    opening = node.cells[0].source
    assert "From *Small book*, version 4.5.6" in opening
    assert "- `helper.py`\n" in opening
    program = "which `python -m measurements.collect` fills"
    assert f"- the folder `measurements/`, {program}; used here: `measurements/x.csv`" in opening
    assert "`python -m pip install -r requirements.txt`" in opening
    assert "'polars'" in node.cells[1].source


def test_a_book_without_settings_has_files_but_no_data(book):
    book.write("data/x.csv", "a\n1\n")
    book.write("helper.py", 'VALUE = 1\nFILE = "data/x.csv"\n')
    assert book.run("build", "--renderer", "builtin") == 0
    node = nbformat.read(book.root / "_book" / "chapters" / "one.ipynb", 4)
    assert "- `data/x.csv`, `helper.py`" in node.cells[0].source
    assert "the folder" not in node.cells[0].source
    assert needed_files(book.root / "_book/chapters/one.ipynb") == ["data/x.csv", "helper.py"]


def test_no_check_unless_something_is_needed(probe):
    node = nbformat.read(probe / "chapters" / "two wörds.ipynb", 4)
    assert [cell.id for cell in code_cells(node)] == ["cell-1"]


def run_check(cell: str, folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", cell], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_check_names_missing_files(notebook, tmp_path):
    cell = notebook.cells[1].source
    done = run_check(cell, tmp_path)
    assert done.returncode != 0
    assert f"missing in {tmp_path}: helper.py. The opening text tells where" in done.stderr
    (tmp_path / "helper.py").write_text("", encoding="utf-8")
    assert run_check(cell, tmp_path).returncode == 0


def test_the_check_names_missing_packages(tmp_path):
    needed = needs.Needs(data=("data/x.csv",), packages=("json", "no_such_package"))
    project = Project(tmp_path, "A title", ())
    message = run_check(needs.check_code(project, needed), tmp_path).stderr
    assert "data/x.csv, the package no_such_package." in message
    assert "json" not in message.splitlines()[-1]


# It runs without the book


def test_it_runs_in_a_folder_of_its_own(probe, tmp_path):
    run_alone(probe / "chapters" / "probe.ipynb", probe.parent, ["helper.py"], tmp_path / "away")


# Files that code names: a path in one string literal, or a folder to which something is joined.
NAMES = {
    "a file": ('open("data/list.csv")', {"data/list.csv"}),
    "a file, relative": ('open("./data/list.csv")', {"data/list.csv"}),
    "a file in apostrophes": ("open('data/deep/a.txt')", {"data/deep/a.txt"}),
    "a folder with a slash": ('"data/list/"', {"data/list"}),
    "a folder in a folder": ('Path("data/deep")', {"data/deep"}),
    "a folder and parts": ('Path("data") / "deep" / "a.txt"', {"data"}),
    "a folder and a variable": ('Path("data") / name', {"data"}),
    "a folder in a folder and a variable": ('Path("data/deep") / name', {"data/deep"}),
    "parts": ('ROOT / "data" / "deep" / "a.txt"', {"data/deep/a.txt"}),
    "a folder in parts": ('Path(__file__).parent / "data" / "deep"', {"data/deep"}),
    "arguments": ('Path("data", "deep", "a.txt")', {"data"}),
    "joined": ('os.path.join("data", "list.csv")', {"data"}),
    "a folder and a variable as arguments": ('Path("data", name)', {"data"}),
    "a text and a variable": ('"data/deep/" + name', {"data/deep"}),
    "a text with a variable": ('f"data/deep/{name}"', {"data/deep"}),
    "a file in the root": ('open("lock.txt")', {"lock.txt"}),
    "a word": ('{"data": 1, "deep": 2}', set()),
    "a quotient": ("a / b", set()),
    "empty": ('Path("", name), Path("/", name), "/" + name, ""', set()),
    "missing": ('open("data/none.csv")', set()),
    "what the build makes": ('Path(".cache") / name', set()),
    "outside": ('open("../lock.txt"), open("/etc/passwd")', set()),
    "too long for a file": (f'"{"x" * 300}", "data/{"x" * 5000}"', set()),
    "no Python": ("x = (", set()),
}


@pytest.mark.parametrize("name", NAMES)
def test_files_that_code_names(book, name):
    for path in ("data/list.csv", "data/list/1.png", "data/deep/a.txt", "lock.txt", ".cache/x"):
        book.write(path, "")
    code, paths = NAMES[name]
    needed = needs.find(load(book.root), [code])
    assert {*needed.files, *needed.data} == paths


def test_it_runs_with_exactly_the_files_it_names(book, tmp_path):
    """Files named in a list, a folder that a module joins to the root, a file in the root."""
    book.configure(data="data", data_manifest="data/.manifest.json")
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
    names = needed_files(built)
    assert names == ["helper.py", "lock.txt", "data/list", "data/list.csv", "data/models"]
    run_alone(built, book.root, names, tmp_path / "away")
