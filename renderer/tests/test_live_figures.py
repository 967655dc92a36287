"""Live figures: a div, a picture for print, and data that only the page contains."""

from __future__ import annotations

import json
import re

import nbformat
import pytest

from tests.support import pdf
from tests.support.pages import parse

pytestmark = pytest.mark.thorough

BUILD = ("build", "--renderer", "builtin")
DRAW = """from IPython.display import SVG
class Data:
    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"application/vnd.explorable+json": {"word": "é", "n": 1}, "text/plain": "data"}
display(SVG('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'))
Data()"""
FIGURE = f"""See @fig-live.

::: {{#fig-live .explorable script="live"}}

```{{python}}
#| label: draws
#| echo: false
#| fig-alt: A blank picture.
{DRAW}
```

```{{python}}
#| label: more
#| echo: false
Data()
```

What is shown.
:::"""


@pytest.fixture
def live(book):
    """Return the small book with a live figure in its chapter, and the project's scripts."""
    book.configure()
    book.add_pdf()
    book.chapter(FIGURE)
    for name in ("start.js", "start.css", "live.js", "notes.txt"):
        book.write(f"drawings/moving/{name}", name)
    return book


def test_the_page_has_picture_caption_script_and_data(live):
    assert live.run(*BUILD) == 0
    page = parse(live.page())
    figure = page.find(id="fig-live")
    assert (figure["data-script"], "explorable" in figure["class"]) == ("live", True)
    assert figure.figcaption.text == "Figure\u00a01.1: What is shown."
    assert figure.img["alt"] == "A blank picture."
    data = live.root / "_book/chapters" / figure.find(class_="explorable-data")["data-path"]
    written = re.fullmatch(r'explorables\.data\["draws"\] = (.*);\n', data.read_text("utf-8"))
    assert json.loads(written[1]) == {"word": "é", "n": 1}
    loaded = [tag.get("src") or tag.get("href") for tag in page.head(["script", "link"])]
    assert {"../live/start.js", "../live/start.css"} <= {*loaded}
    copied = {file.name for file in (live.root / "_book/live").iterdir()}
    assert copied == {"start.css", "live.js", "start.js"}


def test_a_page_without_a_live_figure_loads_nothing_for_one(live):
    assert live.run(*BUILD) == 0
    assert "live/" not in live.page("index.html") and "explorable" not in live.page("index.html")


@pytest.mark.parametrize("address", ["", "https://book.example/cnn"])
def test_pdf_notebook_and_markdown_have_the_caption_and_the_address(live, address):
    if address:
        live.edit("_quarto.yml", "  title:", f"  site-url: {address}\n  title:")
    assert live.run(*BUILD) == 0
    where = f"at {address}/chapters/one.html" if address else "on the book’s website"
    folder = live.root / "_book"
    notebook = nbformat.read(folder / "chapters/one.ipynb", 4)
    prose = "\n".join(c["source"] for c in notebook["cells"] if c["cell_type"] == "markdown")
    texts = {
        "PDF": pdf.text(folder / "Small-book.pdf"),
        "notebook": prose,
        "Markdown": (folder / "chapters/one.md").read_text("utf-8"),
    }
    for name, text in texts.items():
        plain = " ".join(text.replace("<", "").replace(">", "").split())
        said = re.sub(r"\[[^]]*\]\(([^)]*)\)", r"\1", plain)
        assert said.count(f"This figure is live {where}") == 1, name  # for two sets of data
        assert "What is shown." in plain, name
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    assert [list(output["data"]) for output in outputs] == [["image/svg+xml"]]


FAULTS = {
    "no script": ('.explorable script="live"', ".explorable", 'script="name"'),
    "capital": ('script="live"', 'script="../Live"', "in small letters"),
    "not a figure": ("#fig-live .explorable", ".explorable", "in small letters"),
    "unknown attribute": ('script="live"', 'script="live" size=3', "`size` is not supported"),
    "no such script": (
        'script="live"',
        'script="lives"',
        "drawings/moving/lives.js does not exist",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_mistake_is_reported_with_its_line(live, fails, name):
    old, new, message = FAULTS[name]
    if name == "not a figure":
        live.edit("chapters/one.qmd", "See @fig-live.", "See.")
    live.edit("chapters/one.qmd", old, new)
    reported = fails("check")
    assert message in reported and "chapters/one.qmd:5" in reported


def test_a_book_without_a_folder_for_live_figures(live, fails):
    live.configure(kit="handout")
    reported = fails("check")
    assert "chapters/one.qmd:5: live figures need `live-figures` in [tool.bookbuild]" in reported
    assert "pyproject.toml" in reported


def test_data_twice_in_one_cell_is_refused(live, fails):
    live.edit("chapters/one.qmd", "\nData()", "\ndisplay(Data())\nData()")
    assert "cell draws shows data for a live figure twice" in fails(*BUILD)
