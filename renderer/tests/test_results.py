"""Outputs of cells: blank ones, rich objects, non-deterministic ones, requests to other hosts.

A server on this machine counts the requests that a build makes.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import nbformat
import pytest

from tests.support.pages import flat, parse

pytestmark = pytest.mark.thorough

ONE = "chapters/one.qmd"
BUILD = ("build", "--renderer", "builtin")


@pytest.fixture
def shows(book):
    """Return a function that builds the small book, with a PDF, and returns the chapter's page."""

    def build(body: str):
        book.add_pdf()
        book.chapter(body)
        assert book.run(*BUILD) == 0
        assert (book.root / "_book" / "Small-book.pdf").is_file()
        nbformat.validate(nbformat.read(book.root / "_book" / "chapters" / "one.ipynb", 4))
        return parse(book.page())

    return build


def cell(code: str) -> str:
    return f"```{{python}}\n{code}\n```"


# Blank outputs

BLANK = {
    "print": "print()",
    "spaces": "print('  \\n ')",
    "Markdown": "from IPython.display import Markdown; Markdown('')",
    "HTML": "from IPython.display import HTML; HTML('')",
    "HTML comment": "from IPython.display import HTML; HTML('<!-- nothing -->')",
    "style alone": "from IPython.display import HTML; HTML('<style>.a {color: red}</style>')",
    "finished progress bar": "from tqdm import tqdm\n[*tqdm(range(9), leave=False)];",
    "no columns": "import polars as pl\npl.DataFrame()",
    "no rows": "import polars as pl\npl.DataFrame({'a': []})",
    "empty pandas": "import pandas as pd\npd.DataFrame()",
    "no code": "",
}


FENCES = ["```python\n\n```", "```\n```", "~~~\n~~~", "    \n"]


def test_blank_outputs_and_blank_code_in_every_format(shows):
    blocks = [*map(cell, BLANK.values()), *FENCES]
    page = shows("\n\n".join(f"{block}\n\nAfter {n}." for n, block in enumerate(blocks)))
    assert "IPython.core" not in page.main.text
    assert [n for n in range(len(blocks)) if f"After {n}." not in page.main.text] == []


def test_a_long_text_without_spaces_is_searched_in_one_pass(book):
    """A search that starts again at each character would take most of an hour."""
    book.chapter(cell("print(','.join(map(str, range(200_000))))"))
    assert book.run(*BUILD) == 0
    assert "199998,199999" in book.page()


def test_an_empty_frame_is_a_table_with_its_caption(shows):
    frame = '#| label: tbl-e\n#| tbl-cap: "None."\nimport polars as pl\npl.DataFrame()'
    page = shows(f"{cell(frame)}\n\nSee @tbl-e.")
    [table] = page.select("figure#tbl-e table")
    assert flat(table.find_parent("figure").figcaption.text) == "Table\xa01.1: None."
    assert "shape: (0, 0)" in page.main.text


EMPTY = {
    "heading": ("## {#sec-x}", "heading"),
    "formula": ("$$ $$", "formula"),
    "link": ("[](#sec-one)", "link"),
}


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_element_is_refused(book, fails, name):
    body, word = EMPTY[name]
    book.chapter(body)
    message = fails("check")
    assert f"{ONE}:3: " in message and word in message


# Rich objects


def test_formulas_are_displayed(shows):
    page = shows(
        cell(
            "from IPython.display import Latex, Markdown, Math, display\n"
            r"display(Math(r'\frac{1}{2}'), Latex('$$x^2$$'), Markdown('**bold** and $y$'))"
            "\n"
            r"display(Latex(r'\begin{align} a &= b \\ c &= d \end{align}'))"
        )
    )
    formulas = page.select(".cell-output math")
    assert [math.annotation.text.strip()[:7] for math in formulas] == [
        r"\frac{1",
        "x^2",
        "y",
        r"\begin{",
    ]
    assert page.select_one(".cell-output strong").text == "bold"


def test_an_estimator_is_shown_as_text(shows):
    code = "from sklearn.linear_model import LogisticRegression\nLogisticRegression(C=2.0)"
    page = shows(cell(code))
    assert page.select_one(".cell-output").text.strip() == "LogisticRegression(C=2.0)"


def test_a_drawing_is_shown(shows):
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"></svg>'
    options = '#| fig-alt: "Nothing."\n'
    page = shows(cell(f"{options}from IPython.display import SVG\nSVG('{drawing}')"))
    assert page.select_one(".cell-output img")["src"].endswith(".svg")


def test_a_pandas_frame_is_a_table(shows):
    page = shows(cell("import pandas as pd\npd.DataFrame({'a': [1, 2]})"))
    assert [td.text for td in page.select(".cell-output td")] == ["1", "2"]


REFUSED = {
    "an object that cannot be displayed": (
        "class Plot:\n    def _repr_markdown_(self):\n        raise ValueError('no data')\n"
        "display(Plot())",
        "cannot show an object: ValueError: no data",
    ),
    "script": ("HTML('<b>b</b><script>1</script>')", "a script"),
    "styler": ("import pandas as pd; pd.DataFrame({'a': [1]}).style", "a style of its own"),
    "frame": ("IFrame('x.html', 1, 1)", "a frame"),
    "JavaScript": ("Javascript('1')", "tells readers nothing"),
    "LaTeX": (r"Latex(r'\textbf{x}')", "not one formula"),
    "object": ("type('Thing', (), {'__repr__': lambda s: '<a.Thing object>'})()", "`;`"),
    "picture": ("Image(url='http://127.0.0.1:9/a.png')", "another host"),
    "Markdown picture": ("Markdown('![A](http://127.0.0.1:9/a.png)')", "another host"),
    "Markdown frame": ("Markdown('<iframe src=\"http://127.0.0.1:9/\"></iframe>')", "a frame"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_unshowable_output_is_refused_at_its_cell(book, fails, name):
    code, words = REFUSED[name]
    book.chapter(cell(f"from IPython.display import *\n{code}"))
    message = fails(*BUILD)
    assert re.search(rf"{ONE}:[35]: .*{re.escape(words)}", message)  # the fence, or the code


def test_a_semicolon_is_not_advised_for_a_styler(book, fails):
    book.chapter(cell("import pandas as pd\npd.DataFrame({'a': [1]}).style"))
    assert "`;`" not in fails(*BUILD)


# No requests during a build


class _Counter(BaseHTTPRequestHandler):
    requests: list[str]

    def do_GET(self) -> None:
        self.requests.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<p>text from another host</p>")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def host() -> Iterator[tuple[str, list[str]]]:
    """Yield the address of a server on this machine, and the list of the paths requested."""
    requests: list[str] = []
    handler = type("Counter", (_Counter,), {"requests": requests})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", requests
        server.shutdown()


REQUESTING = {
    "frame": "HTML('<p>Above</p><iframe src=\"{}/a.html\"></iframe>')",
    "frame with a text": "display({{'text/html': '<iframe src=\"{}/b\"></iframe>', "
    "'text/plain': 'instead'}}, raw=True)",
    "picture": 'HTML(\'<img alt="x" src="{}/c.png">\')',
    "object": "HTML('<object data=\"{}/d\"></object>')",
    "Markdown frame": "Markdown('<iframe src=\"{}/e\"></iframe>')",
    "Markdown picture": "Markdown('![x]({}/f.png)')",
}


@pytest.mark.parametrize("name", REQUESTING)
def test_outputs_cause_no_request(book, host, name):
    address, requests = host
    book.chapter(cell(f"from IPython.display import *\n{REQUESTING[name].format(address)}"))
    assert (book.run(*BUILD) == 0) == (name == "frame with a text")
    assert requests == []
    if name == "frame with a text":
        assert "instead" in book.page() and "another host" not in book.page()


RAW = {
    "frame": '<iframe src="{}/a"></iframe>',
    "raw frame": '```{{=html}}\n<iframe src="{}/b"></iframe>\n```',
    "picture": "![A]({}/c.png)",
    "raw picture": '<img alt="A" src="{}/d.png">',
}


@pytest.mark.parametrize("name", RAW)
def test_prose_causes_no_request(book, host, fails, name):
    address, requests = host
    book.chapter(f"{RAW[name].format(address)}\n\nText.")
    message = fails("check")
    assert f"{ONE}:3: " in message or f"{ONE}:4: " in message
    assert requests == []


def test_a_package_of_typst_is_refused(book, fails):
    book.chapter('```{=typst}\n#import "@preview/cetz:0.3.0"\n```')
    assert f"{ONE}:4: this Typst package comes from another host" in fails("check")


# Differences between runs and machines

NONDETERMINISTIC = {
    "process": ("import warnings\nwarnings.warn('old')", ["process", "warning: false"]),
    "library": ("import nbformat\nprint(nbformat.__file__)", ["path", "print less"]),
    "standard library": ("import json\nprint(json.__file__)", ["path"]),
    "speed": ("from tqdm import tqdm\n[*tqdm(range(9))];", ["how fast", "progress bar"]),
    "time": ("%time sum([1])", ["how fast"]),
    "address of a result": ("object()", ["memory address", "`;`"]),
    "address in a text": ("print(object())", ["memory address", "print the object's content"]),
}


@pytest.mark.parametrize("name", NONDETERMINISTIC)
def test_a_nondeterministic_output_is_refused_at_its_cell(book, fails, name):
    code, words = NONDETERMINISTIC[name]
    book.chapter(cell(code))
    message = fails("execute")
    assert f"{ONE}:3: cell cell-1 " in message
    for word in words:
        assert word in message


INLINE = {
    "path": ("import os", "os.getcwd()", "path on this machine"),
    "object": ("class A:\n    __repr__ = lambda s: '<a.A object>'", "A()", "format it"),
}


@pytest.mark.parametrize("name", INLINE)
def test_a_nondeterministic_inline_value_is_refused(book, fails, name):
    code, expression, words = INLINE[name]
    book.chapter(f"{cell(code)}\n\nText `{{python}} {expression}`.")
    message = fails("execute")
    assert f"inline code `{expression}`" in message and words in message


def test_a_hidden_warning_may_contain_its_process_number(shows):
    page = shows(cell("#| warning: false\nimport warnings\nwarnings.warn('old')\nprint('ok')"))
    assert page.select_one(".cell-output").text.strip() == "ok"


def test_an_unknown_home_is_no_obstacle(book, monkeypatch):
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", unknown)
    book.chapter(cell("print('ok')"))
    assert book.run("execute") == 0
