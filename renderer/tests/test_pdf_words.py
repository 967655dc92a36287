# ruff: noqa: E501
"""The PDF has all words of the pages, none outside the margins or on top of another.

One book has each mark that Typst reads in each place where a line can start, and content that is
long, wide or tall.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.support import pdf
from tests.support.books import SmallBook
from tests.support.pages import parse
from tests.support.programs import program
from tests.support.words import TOKEN, differences

pytestmark = pytest.mark.thorough

# what Typst's markup reads, at the start of a line or anywhere
MARKS = [
    "= 5", "== 5", "- x", "+ plus", "1. one", "12. twelve", "/ a: b", "// c", "/* c */", "#x", "#let",
    "*b*", "_e_", "`c`", "$m$", "<label>", "@ref", "~", "--", "---", "...", "-?", "a-?b", "x--y",
    "\\u{41}", "\\", "[c]", "(c)", "{c}", "\"q\"", "'a'", ";", ":", "https://a.b/c", "-1", "3-4", "^",
    "#(1)", "&", "|", "a.b(c)[d]",
]  # fmt: skip

PLACES = {
    "paragraph": "{0}",
    "bullet item": "- {0}",
    "numbered item": "1. {0}",
    "loose item": "- {0}\n\n    {0}",
    "nested item": "- x\n    - {0}",
    "quotation": "> {0}",
    "line block": "| {0}\n| {0}",
    "after a break": "x\\\n{0}\\\n{0}",
    "strong": "**{0}**",
    "emphasis": "*{0}*",
    "strong and emphasis": "***{0}***",
    "struck, raised, lowered": "~~{0}~~ ^x^ ~y~",
    "note": "x^[{0}]",
    "link": "[{0}](https://example.org/)",
    "span": '[{0}]{{lang="fr"}}',
    "after a formula": "$x$ {0}",
    "quotation marks": "“{0}” {0}",
    "heading": "## {0} {{.unnumbered}}",
    "definition": "{0}\n\n:   {0}",
    "table": "| {0} | {0} |\n|:---|---:|\n| {0} | {0} |",
    "caption of a table": "| a |\n|---|\n| b |\n\n: {0} {{#tbl-{1}}}",
    "callout": "::: {{.callout-note}}\n## {0}\n\n{0}\n:::",
    "theorem": "::: {{#thm-{1}}}\n## {0}\n\n{0}\n:::",
    "tab": "::: {{.panel-tabset}}\n## {0}\n\n{0}\n:::",
    "column": "::: {{layout-ncol=2}}\n{0}\n\n{0}\n:::",
}


def escaped(text: str) -> str:
    """Return text as Markdown that shows it."""
    return re.sub(r"[!-/:-@\[-`{-~]", r"\\\g<0>", text)


def marks_chapter() -> str:
    """Return every mark in every place."""
    blocks = ["# Marks"]
    for place, template in PLACES.items():
        for n, mark in enumerate(MARKS):
            # no mark can be the whole of an inline
            text = f"{escaped(mark)} w"
            blocks.append(template.format(text, f"{place.replace(' ', '-')}-{n}"))
            blocks.append("<!-- -->")
    return "\n\n".join(blocks)


ROW = "| row {n} | " + "words " * 30 + "|\n"
HTML_TABLE = "<table>{head}{body}{body}</table>"
HEAD = "<thead><tr><th align='center'>head</th><th>other head</th></tr></thead>"
TALL = "<tr><td{align}>{n}</td><td>{items}</td></tr>"
PICTURE = '![Dot {n}.](dot.svg){{fig-alt="A dot." width=700}}\n\n'


def html_table(head: str, rows: int) -> str:
    items = [" ".join(f"<p>item{n}x{m}</p>" for m in range(20)) for n in range(rows)]
    bodies = [
        TALL.format(n=n, items=each, align="" if n % 2 else " align='right'")
        for n, each in enumerate(items)
    ]
    body = (
        f"<tbody>{''.join(bodies[:5])}</tbody><tbody>{''.join(bodies[5:])}</tbody>" if rows else ""
    )
    return f"```{{python}}\n#| echo: false\nHTML({f'<table>{head}{body}</table>'!r})\n```"


LARGE = {
    "a table of many rows": "| a | b |\n|---|---|\n" + "".join(ROW.format(n=n) for n in range(60)),
    "a note and a link in the head of a long table": "| a^[In a head.] | [b](https://example.org) |\n"
    "|---|---|\n" + "".join(ROW.format(n=n) for n in range(40)),
    "a table with a caption": "| a | b |\n|---|---|\n"
    + "".join(ROW.format(n=n) for n in range(40))
    + "\n: A caption. {#tbl-long}",
    "a table in a figure": "::: {#fig-table}\n| a | b |\n|---|---|\n"
    + "".join(ROW.format(n=n) for n in range(40))
    + "\nA caption.\n:::",
    "code in a figure": "::: {#fig-code}\n```python\n"
    + "line = 1\n" * 120
    + "```\n\nA caption.\n:::",
    "many pictures in a figure": "::: {#fig-dots layout-ncol=2}\n"
    + "".join(PICTURE.format(n=n) for n in range(14))
    + "Pictures.\n:::",
    "HTML": "```{python}\n#| echo: false\nfrom IPython.display import HTML\n```",
    "tall rows": html_table(HEAD, 9),
    "a table of a head": html_table(HEAD, 0),
    "a table without a head": html_table("", 3),
    "a definition": "Term\n\n:   " + "many words " * 900,
    "code with long lines": "```python\ncall(\n" + ("    " + "x + " * 1500 + "1,\n") * 3 + ")\n```",
    "a long word": "a" * 200 + " and\n\n- " + "é" * 150 + "\n\n> - " + "w" * 100,
    "a long note": "x^[" + "many words " * 900 + "]",
    "a long callout": "::: {.callout-tip}\n" + "many words " * 900 + "\n:::",
    "a wide formula": "$$ " + " + ".join(f"a_{{{n}}}" for n in range(25)) + " $$",
    "a wide numbered formula": "$$ " + " + ".join(f"b_{{{n}}}" for n in range(24)) + " $$ {#eq-w}",
    "a wide formula in a list": "- $$ " + " + ".join(f"c_{{{n}}}" for n in range(20)) + " $$",
    "a long formula in the line": "x $" + " + ".join(f"d_{{{n}}}" for n in range(60)) + "$",
    "a long heading": "## " + "Many words " * 30,
}

ONE = (
    """# One {#sec-one}

## Data

See [above](#data), [top](#), [other](two.qmd#data).

## A head^[A note in a head.] with a note {#sec-note}

Text with a note^[Second note.].

1. one
2. two

<!-- -->

1. uno
2. due

- x

<!-- -->

- y

```c#
var c = 1;
```

```{.vue.js}
<p>
```

```
no language ``` and #
```

    indented #let

`` a ` b `` and `#let` and `\\`

The soft hyphen-like word, re-entrant co-operation; """
    + "international networks misunderstand considerations of " * 20
)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> SmallBook:
    program("pdftotext", "poppler-utils")
    book = SmallBook(tmp_path_factory.mktemp("words") / "book")
    book.add_pdf()
    book.write("chapters/one.qmd", ONE)
    book.write(
        "chapters/dot.svg",
        '<svg xmlns="http://www.w3.org/2000/svg" width="700" height="700"><circle r="9"/></svg>',
    )
    book.add_chapter("two", "# Two\n\n## Data\n\nSee [here](#data).\n")
    book.add_chapter("marks", marks_chapter())
    book.add_chapter("large", "# Large\n\n" + "\n\n".join(LARGE.values()))
    assert book.run("build", "--renderer", "builtin") == 0
    return book


@pytest.fixture(scope="module")
def made(book: SmallBook) -> Path:
    return book.root / "_book" / "Small-book.pdf"


def test_the_words_of_the_pdf_are_those_of_the_pages(book, made):
    assert differences(book.root / "_book", made) == {}


def test_every_mark_stays_in_every_place(book, made):
    """The pages are compared with the sources, since the test above compares the PDF with them."""
    text = parse(book.page("chapters/marks.html")).main.get_text()
    uses = sum(template.count("{0}") for template in PLACES.values())
    expected = Counter(TOKEN.findall(" ".join(MARKS) + " w" * len(MARKS)))
    shown = Counter(TOKEN.findall(text))
    assert [token for token, n in expected.items() if shown[token] < n * uses] == []


def test_nothing_is_outside_the_margins_or_on_something_else(made):
    assert pdf.outside(made) == []
    assert pdf.overprinted(made) == []
    assert pdf.empty_pages(made) == []


def test_no_hyphen_is_a_soft_one(made):
    assert "\u00ad" not in pdf.poppler("pdftotext", "-layout", made, "-")


def test_a_note_in_a_heading_is_counted_once(made):
    text = pdf.text(made)
    assert text.count("A note in a head.") == 1
    assert "1A note in a head. 2Second note. " in text
    assert "1.2 A head with a note" in pdf.outline(made)


def test_neighbouring_lists_stay_apart(made):
    assert "1. one 2. two 1. uno 2. due" in pdf.text(made)


def test_links_to_equal_headings_stay_in_their_chapter(made):
    xml = pdf.poppler("pdftohtml", "-xml", "-stdout", "-i", made)
    links = re.findall(r'<a href="[^"#]*#(\d+)">(above|top|other|here)</a>', xml)
    starts = pdf.chapter_starts(made)
    assert [(text, starts.index(int(page))) for page, text in links] == [
        ("above", 1), ("top", 1), ("other", 2), ("here", 2),
    ]  # fmt: skip


def test_the_cells_of_a_printed_table_keep_their_own_alignment(book):
    table = parse(book.page("chapters/large.html")).find("td", class_="num").find_parent("table")
    assert [cell.get("class") for cell in table.thead("th")] == [["center"], None]
    first = [row.td.get("class") for row in table.tbody("tr")]
    assert first == [["num"], None, ["num"], None, ["num"]]
