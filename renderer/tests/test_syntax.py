"""Quarto's syntax beyond the probe book: supported with Quarto's ids and numbers, or refused.

The expected values of the supported part were read off Quarto 1.10.18's output.
"""

from __future__ import annotations

import json
import re

import nbformat
import pytest
from bs4 import BeautifulSoup

from bookbuild.source import syntax
from tests.support.books import SmallBook
from tests.support.pages import flat, parse

ONE = "chapters/one.qmd"
DOT = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><circle r="9"/></svg>'
BODY = """
```{.python #lst-loop lst-cap="A *loop*"}
for i in range(3): pass
```

See @lst-loop, @thm-line, @def-d, @exm-e, @fig-two, @fig-a, [-@fig-b].

::: {#thm-line}

## Line

The equation of a line.

:::

::: {#def-d}
A definition without a name.
:::

::: {#exm-e}
```python
example = 1
```
:::

```python
x = 1 # <1>
y = 2 # <2>
```
1. first
2. second

```{python}
#| label: annotated
z = 3 # <1>
print(z)
```

1. third

::: {.panel-tabset}

## Python

Some text.

## R

Other text.

:::

## After

::: {#fig-two layout-ncol=2}
![One](p.svg){#fig-a fig-alt="A"}

![Two](p.svg){#fig-b fig-alt="B"}

Both of them.
:::

::: {layout-ncol=3}
![Plain one](p.svg){#fig-p fig-alt="A"}

![Plain two](p.svg){#fig-q fig-alt="B"}
:::

::: {.content-visible when-format="html"}
Only on the web.
:::

::: {.content-visible when-format="pdf"}
Only on paper.
:::

A [web]{.content-visible when-format="html"}[paper]{.content-visible when-format="pdf"} page.
"""


@pytest.fixture(scope="module")
def built_syntax(tmp_path_factory) -> SmallBook:
    book = SmallBook(tmp_path_factory.mktemp("syntax"))
    book.add_pdf()
    book.write("chapters/p.svg", DOT)
    book.chapter(BODY)
    assert book.run("build", "--renderer", "builtin") == 0
    return book


@pytest.fixture(scope="module")
def page(built_syntax) -> BeautifulSoup:
    return parse(built_syntax.page())


@pytest.fixture(scope="module")
def prose(built_syntax) -> str:
    node = nbformat.read(built_syntax.root / "_book/chapters/one.ipynb", 4)
    nbformat.validate(node)
    return flat("\n".join(c.source for c in node.cells if c.cell_type == "markdown"))


@pytest.fixture(scope="module")
def typst(built_syntax) -> str:
    [entry] = (built_syntax.root / ".cache" / "rendered").iterdir()
    text = json.loads(entry.read_text(encoding="utf-8"))[1][1]["answer"]["texts"]["typst"]
    return re.sub('#"(.*?)";', r"\1", text)  # words with punctuation are strings


def test_references_read_as_in_quarto(page):
    assert [(a["href"], flat(a.text)) for a in page.select("main a.crossref")] == [
        ("#lst-loop", "Listing\xa01.1"),
        ("#thm-line", "Theorem\xa01.1"),
        ("#def-d", "Definition\xa01.1"),
        ("#exm-e", "Example\xa01.1"),
        ("#fig-two", "Figure\xa01.1"),
        ("#fig-a", "Figure\xa01.1 (a)"),
        ("#fig-b", "1.1 (b)"),
    ]
    for link in page.select("main a.crossref"):
        assert page.select_one(link["href"])


def test_captions_equal_quartos(page, prose):
    captions = [flat(caption.text) for caption in page.find_all("figcaption")]
    assert captions == [
        "Listing\xa01.1: A loop",
        "(a) One",
        "(b) Two",
        "Figure\xa01.1: Both of them.",
        "Figure\xa01.2: Plain one",
        "Figure\xa01.3: Plain two",
    ]
    for caption in captions:
        assert caption in prose.replace("\\", "").replace("*", "")


def test_a_figure_contains_its_parts(page):
    assert [f["id"] for f in page.select("figure#fig-two figure")] == ["fig-a", "fig-b"]
    assert len(page.select(".layout.columns-2 > .column")) == 2
    assert len(page.select(".layout.columns-3 > .column")) == 2


@pytest.mark.parametrize(
    ("label", "title"),
    [
        ("thm-line", "Theorem\xa01.1 (Line)"),
        ("def-d", "Definition\xa01.1"),
        ("exm-e", "Example\xa01.1"),
    ],
)
def test_theorems_have_their_titles(page, prose, label, title):
    assert page.select_one(f"#{label}.theorem .theorem-title").text == title
    assert f"**{title}**" in prose


def test_headings_of_tabs_and_theorems_have_no_number(page):
    assert [flat(heading.text) for heading in page.select("main h2")] == ["1.1 After"]
    assert [flat(tab.text) for tab in page.select("details.tab > summary")] == ["Python", "R"]


def test_annotations_are_numbered_and_explained_in_a_list(page):
    code = [block.text for block in page.select("main pre code")]
    assert "x = 1 # (1)\ny = 2 # (2)" in code
    assert any(text.startswith("z = 3 # (1)") for text in code)
    assert [item.text for item in page.select("main ol li")] == ["first", "second", "third"]


def test_each_format_has_its_own_content(page, prose, typst):
    web, pdf = ["Only on the web.", "A web page."], ["Only on paper.", "A paper page."]
    text = flat(page.main.text)
    for shown, hidden in zip(web, pdf, strict=True):
        assert shown in text and hidden not in text
        assert shown in prose and hidden not in prose
        assert hidden in typst and shown not in typst


# Refused syntax: the chapter's body from line 3 on, the lines reported, words of the first message

REFUSED = {
    "shortcode": ("{{< include _x.qmd >}}\n\nAnd {{< meta title >}}.", [3, 5], "shortcodes"),
    "shortcode over two lines": ("Text {{< video\nx >}}", [3], "shortcodes"),
    "escaped shortcode": ("{{{< meta x >}}}", [3], "shortcodes"),
    "YAML block": ("Text.\n\n---\na: b\n---\n\nMore.", [5], "empty line after it"),
    "reference that begins an example": ("(@sec-one) says.", [3], "put a word before it"),
    "example list": ("(@) One.\n(@) Two.", [3, 4], "example list"),
    "another format": ('::: {.content-visible when-format="docx"}\nx\n:::', [3], '"docx"'),
    "no format": ("::: {.content-visible}\nx\n:::", [3], "when-format"),
    "hidden": ('::: {.content-hidden when-format="html"}\nx\n:::', [3], "content-visible"),
    "columns": ('::: {.columns}\n::: {.column width="50%"}\na\n:::\n:::', [3, 4], "layout-ncol"),
    "margin": ("::: {.column-margin}\nx\n:::", [3], "footnote"),
    "span in the margin": ("A [x]{.aside}.", [3], "footnote"),
    "look of a callout": ('::: {.callout-note appearance="simple"}\nx\n:::', [3], "leave it out"),
    "five columns": ("::: {layout-ncol=5}\nx\n:::", [3], "2, 3 or 4"),
    "layout": ('::: {layout="[[1,1]]"}\nx\n:::', [3], "layout-ncol"),
    "label of a callout": (
        "::: {#tip-x .callout-tip}\nx\n:::",
        [3],
        "labels of this kind are not supported",
    ),
    "tabs without headings": ("::: {.panel-tabset}\nx\n:::", [3], "heading for each"),
    "listing without caption": ("```{.python #lst-x}\n1\n```", [3], "both"),
    "caption without listing": ('```{.python lst-cap="A"}\n1\n```', [3], "both"),
    "file name": ('```{.python filename="a.py"}\n1\n```', [3], "name the file in the text"),
    "attributes without braces": ('```python filename="a.py"\n1\n```', [3], "cannot parse"),
    "annotation without a list": ("```python\nx = 1 # <1>\n```\n\nText.", [4], "numbered list"),
    "annotation without its item": ("```python\nx # <2>\n```\n\n1. a", [4], "<2>"),
    "widths of columns": (
        '| a |\n|---|\n| 1 |\n\n: A {#tbl-a tbl-colwidths="[1]"}',
        [7],
        "tbl-colwidths",
    ),
    "place of a picture": ('![A](p.svg){fig-alt="A" fig-align="left"}', [3], "fig-align"),
    "video": ('![A](p.mp4){fig-alt="A"}', [3], "svg, png"),
    "LaTeX": ("\\begin{center}\nx\n\\end{center}", [3], "shown nowhere"),
    "LaTeX in a line": ("Text \\textbf{x}.", [3], "shown nowhere"),
    "raw text of another format": ("Text `x`{=docx}.", [3], "raw docx"),
    "layout of a cell": ("```{python}\n#| layout-ncol: 2\n1\n```", [4], "layout-ncol=2}"),
    "cell that does not run": ("```{python}\n#| eval: false\n1\n```", [4], "```python"),
    "cell with a section's label": ("```{python}\n#| label: sec-x\n1\n```", [3], "sec-"),
    "look of a figure": ("```{python}\n#| fig-width: 5\n1\n```", [4], "in the code"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_names_the_alternative(book, fails, name):
    body, lines, words = REFUSED[name]
    book.write("chapters/p.svg", DOT)
    book.write("chapters/p.mp4", "")
    book.chapter(body)
    messages = fails("check").removeprefix("error: ").splitlines()
    assert [m.split(": ")[0] for m in messages] == [f"{ONE}:{line}" for line in lines]
    assert words in messages[0]


# Classes that the renderer itself uses on the way through pandoc, or on its pages.
INTERNAL = ["cell", "cell-output", "hidden", "layout", "tab", "theorem", "explorable-data", "code"]


@pytest.mark.parametrize("name", INTERNAL)
def test_a_div_with_one_of_the_renderers_own_classes_is_refused(book, fails, name):
    book.chapter(f"::: {{.{name}}}\nx\n:::")
    message = fails("check")
    assert message.startswith(f"error: {ONE}:3: the div class `.{name}` is not supported")
    assert "pandoc" not in message and "Lua" not in message


def test_the_renderers_own_classes_on_other_elements_are_refused(book, fails):
    elements = [f"## Heading {{.{name}}}\n\nA [span]{{.{name}}}." for name in INTERNAL]
    book.chapter("\n\n".join(elements))
    messages = fails("check").splitlines()
    assert len(messages) == 2 * len(INTERNAL)
    assert all("has no effect here" in message for message in messages)


@pytest.mark.parametrize("key", ["title", "execute", "format", "bibliography"])
def test_a_header_key_that_belongs_elsewhere(book, fails, key):
    book.write(ONE, f"---\ndescription: A.\n{key}: x\n---\n\n# One {{#sec-one}}\n")
    assert f"{ONE}:3: the header's key `{key}`" in fails("check")
    assert syntax.ADVICE[key] in fails("check")


def test_code_may_contain_refused_syntax(book):
    shown = "{{< meta x >}} (@fig-x) ::: {.nope}"
    book.chapter(f"`{shown}` and\n\n```\n{shown}\n---\na: b\n---\n```")
    assert book.run("build", "--renderer", "builtin") == 0
    assert book.page().count("{{&lt; meta x &gt;}} (@fig-x) ::: {.nope}") == 2


# All at once


def test_all_mistakes_of_all_files_are_reported_in_order(book, fails):
    book.edit("_quarto.yml", "title: Small book", "title: 1984\n  subtitle: true")
    book.write("index.qmd", "# Preface {.unnumbered}\n\nSee @sec-one and @sec-none.\n")
    book.chapter(
        "{{< a >}}\n\n```{python}\n#| lable: x\n#| echo: 3\n```\n\n::: {.callout-x}\n:::\n"
    )
    places = [message.split(": ")[0] for message in fails("check").splitlines()]
    assert places == [
        "error",
        "_quarto.yml:7",
        "index.qmd:3",
        f"{ONE}:3",
        f"{ONE}:6",
        f"{ONE}:7",
        f"{ONE}:10",
    ]
    assert fails("build", "--renderer", "builtin") == fails("check") == fails("execute")


def test_mistakes_found_by_scanner_and_pandoc_are_reported_together(book, fails):
    book.chapter("See @fig-none.\n\n{{< a >}}\n\nA [x]{.aside}.")
    lines = [message.partition(": ")[0] for message in fails("check")[7:].splitlines()]
    assert lines == [f"{ONE}:3", f"{ONE}:5", f"{ONE}:7"]


def test_a_label_in_an_unparseable_file_is_not_reported_as_missing(book, fails):
    book.chapter("```python\nnever closed")
    assert "sec-one" not in fails("check")


def test_byte_order_marks_are_skipped(book):
    for name in ("index.qmd", ONE, "references.bib", "_quarto.yml", "helper.py"):
        text = (book.root / name).read_text(encoding="utf-8")
        (book.root / name).write_text(text, encoding="utf-8-sig")
    book.edit(ONE, "Some prose", "Some @known1925 prose")
    assert book.run("build", "--renderer", "builtin") == 0
    assert "\ufeff" not in book.page()


@pytest.mark.parametrize(
    "name",
    [
        ".one.qmd",
        "chapters/.#one.qmd",
        "chapters/.ipynb_checkpoints/one-checkpoint.qmd",
        "chapters/_part.qmd",
        "chapters/#one.qmd#",
        "chapters/~lock.qmd",
    ],
)
def test_editors_files_are_not_chapters(book, name):
    book.write(name, "# Not a chapter\n")
    assert book.run("check") == 0
