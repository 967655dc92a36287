"""Every word of a chapter is on its page, or the chapter is refused at a line."""

from __future__ import annotations

import re
import string
import tempfile
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bookbuild.source import qmd
from bookbuild.source.errors import BookError
from tests.support.books import SmallBook
from tests.support.pages import parse

PATH = PurePosixPath("one.qmd")

# Pieces of a chapter, valid and invalid; each {} is replaced by a unique word.
PIECES = [
    "{}",
    "*{}* and **{}**",
    "`{}`",
    "`` `{} ``",
    "`{{python}} 1`",
    "`{{r}} {}`",
    "{{{{< {} >}}}}",
    "`{{{{< {} >}}}}`",
    "(@fig-{}) {}",
    "(@) {}",
    "([@{}])",
    "[{}](one.qmd)",
    "[{}]{{.aside}}",
    "[{}]{{.content-visible when-format='html'}}",
    "---\n{}: 1\n---",
    "---",
    "{}\n---",
    "***",
    "# {}",
    "## {} {{#sec-{}}}",
    "- {}\n- {}",
    "1. {}",
    "> {}",
    "> ```{{python}}\n> {}\n> ```",
    "    {}",
    "~~~\n{}\n~~~",
    "```\n{}\n```",
    "```{{python}}\n{} = 1\n```",
    "```{{python}}\n#| label: {}\n#| {}: 1\n1\n```",
    '```{{.python #lst-{} lst-cap="{}"}}\n{}\n```',
    '```{{.python filename="{}"}}\n{}\n```',
    "```python {}\n{}\n```",
    "```python\n{} = 1 # <1>\n```\n\n1. {}",
    "```{{=latex}}\n{}\n```",
    "```{{=html}}\n<p>{}</p>\n```",
    "```",
    "::: {{.callout-note}}\n{}\n:::",
    '::: {{.callout-note title="{}"}}\n{}\n:::',
    "::: {{.{}}}\n{}\n:::",
    "::: {{.panel-tabset}}\n## {}\n\n{}\n:::",
    "::: {{#thm-{}}}\n## {}\n\n{}\n:::",
    "::: {{layout-ncol=2}}\n{}\n\n{}\n:::",
    '::: {{.content-visible when-format="{}"}}\n{}\n:::',
    '::: {{.content-visible when-format="pdf"}}\n:::',
    ":::",
    "| {} |\n|---|\n| {} |\n\n: {}",
    '| {} |\n|---|\n| {} |\n\n: {} {{#tbl-{} tbl-colwidths="[1]"}}',
    "{}[^{}]\n\n[^{}]: {}",
    "\\begin{{{}}} {} \\end{{{}}}",
    "\\textbf{{{}}}",
    "<b>{}</b>",
    "<iframe src='http://{}'></iframe>",
    "$${}$$",
    "$${}$$ {{#eq-{}}}",
    "{{#{}}}",
    "\\{}",
    '![{}](p.svg){{fig-alt="{}"}}',
    '![{}](p.svg){{#fig-{} fig-alt="{}" fig-align="center"}}',
]
BRACES = {"{{": "{", "}}": "}"}
ANY_LINE = st.text('`~:{}#|->$*_[]()@.="\\<! \tab1é\u2028\ufeff' + string.whitespace, max_size=30)


def lines() -> st.SearchStrategy[str]:
    return st.lists(st.one_of(st.sampled_from(PIECES), ANY_LINE), max_size=12).map("\n".join)


def scan(text: str) -> qmd.Source:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, PATH).write_bytes(text.encode("utf-8", "surrogatepass"))
        return qmd.read(Path(folder), PATH)


@given(st.one_of(st.text(), lines()))
@settings(max_examples=500)
def test_any_text_is_read_or_refused_at_a_line(text):
    source = scan(text)
    count = len(source.lines) or text.count("\n") + 1
    assert all(1 <= line <= count and message for line, message in source.problems)
    if source.problems:
        return
    cells = iter(source.cells)
    for block in source.blocks:
        if isinstance(block, qmd.Prose):
            assert "\n".join(source.lines).count(block.text) >= 1
        else:
            assert block is next(cells)
    for word in re.findall(r"\w+", "\n".join(source.lines)):
        assert word in str(source.blocks) + str(source.meta) or word in "python label"


def words_of(count: int) -> list[str]:
    """Return words that are neither syntax nor part of each other."""
    letters = string.ascii_lowercase
    return [f"zq{letters[n // 26]}{letters[n % 26]}" for n in range(count)]


@pytest.mark.slow
@given(pieces=st.lists(st.sampled_from(PIECES), min_size=1, max_size=3))
@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_word_is_on_the_page_or_refused(tmp_path_factory, pieces):
    words = iter(words_of(100))
    filled = [
        re.sub(r"(?<!\{)\{\}(?!\})|\{\{|\}\}", lambda m: BRACES.get(m[0]) or next(words), p)
        for p in pieces
    ]
    book = SmallBook(tmp_path_factory.mktemp("book"))
    book.write("chapters/p.svg", '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    book.chapter("Text.\n\n" + "\n\n".join(filled) + "\n\n```{python}\n1\n```")
    try:
        page = book.render()[1]
    except BookError as error:
        assert re.match(r"chapters/one\.qmd:\d+: ", str(error)), error
        return
    html = parse(page.texts["html"])
    text = f"{html.text} {html}" + page.title + str(page.toc)
    for word in re.findall(r"\bzq\w\w\b", "\n".join(filled)):
        assert word in text
        assert word in page.texts["typst"] or "html" in str(filled)
