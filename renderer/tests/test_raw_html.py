"""Raw HTML and raw Typst reach the only format that they are written for, or are refused."""

from __future__ import annotations

import re

import nbformat
import pytest

from bookbuild import assemble, load
from bookbuild.source.policy import ALLOWED_IN_CHAPTERS, TAGS
from tests.support.books import SmallBook, located
from tests.support.pages import parse

pytestmark = pytest.mark.thorough

ONE = "chapters/one.qmd"

# All elements of HTML, and some that browsers still know
INLINE = """
a abbr acronym b bdi bdo big button canvas cite code data datalist del dfn em font i img
input ins kbd label map mark meter output picture progress q ruby s samp select small span
strike strong sub sup svg textarea time tt u var wbr br audio video iframe object embed
"""
BLOCK = """
address article aside blockquote center details dialog div dl fieldset figure footer form
h1 h2 h3 h4 h5 h6 header hr main menu nav noscript ol p pre search section table ul script style
template
"""
VOID = {"br", "hr", "img", "input", "wbr", "embed"}
FORBIDDEN = {tag for need, tags in TAGS.items() if need not in ALLOWED_IN_CHAPTERS for tag in tags}
PARTS = {
    "table": "<table>\n<thead><tr><th>a</th></tr></thead>\n<tr><td>1</td></tr>\n</table>",
    "details": "<details>\n<summary>More</summary>\n\nText.\n\n</details>",
    "ul": "<ul>\n<li>a</li>\n<li>b</li>\n</ul>",
    "ol": "<ol><li>a</li></ol>",
    "dl": "<dl><dt>a</dt><dd>b</dd></dl>",
    "figure": '<figure>\n<img src="p.svg" alt="A">\n<figcaption>B</figcaption>\n</figure>',
}
ON_PAGES, IN_PDF = [f'::: {{.content-visible when-format="{f}"}}' for f in ("html", "pdf")]
ONLY_HTML = 'not supported outside `::: {.content-visible when-format="html"}`'


def _element(tag: str) -> str:
    return f"<{tag}>" if tag in VOID else f"<{tag}>x</{tag}>"


def _body(texts: list[str]) -> str:
    return "\n\n".join(texts)


@pytest.fixture
def book(book) -> SmallBook:
    book.write("chapters/p.svg", '<svg xmlns="http://www.w3.org/2000/svg"/>')
    return book


@pytest.mark.parametrize("form", ["{}", "Text {} text.", "- {}", "> {}", "| a |\n|---|\n| {} |"])
@pytest.mark.parametrize("tags", [INLINE.split(), BLOCK.split()], ids=["inline", "block"])
def test_every_tag_is_refused_at_its_line(book, fails, form, tags):
    texts = [form.format(_element(tag)) for tag in tags]
    book.chapter(_body(texts))
    step = form.count("\n") + 2
    expected = {3 + form.count("\n") + n * step: tag for n, tag in enumerate(tags)}
    messages = located(fails("check"))
    assert [line for line, _ in messages] == [*expected]
    for line, message in messages:
        tag = expected[line]
        assert ("policy forbids" if tag in FORBIDDEN else f"`<{tag}>` is raw HTML") in message


def test_an_element_is_reported_once_with_all_its_parts(book):
    found = book.problems(f"Text.\n\n{part}\n\nText." for part in PARTS.values())
    for tag, problems in zip(PARTS, found, strict=True):
        lines = {"figure": [5, 6]}.get(tag, [5])  # the advice for a picture is useful on its own
        assert [line for line, _ in problems] == lines
        assert f"`<{tag}>`" in problems[0][1]


FORMS = {
    "block": ("<div>x</div>", 3),
    "inline": ("Text <b>x</b>.", 3),
    "raw block": ("```{=html}\n<p>x</p>\n```", 4),
    "raw text": ("Text `<b>x</b>`{=html}.", 3),
    "in a note": ("Text.[^n]\n\n[^n]: A <b>note</b>.", 5),
    "in a heading": ("## A <b>x</b>", 3),
    "in a caption": ('![A <b>x</b>](p.svg){fig-alt="A"}', 3),
    "in a listing's caption": ('```{.python #lst-a lst-cap="A <b>x</b>"}\n1\n```', 3),
    "in a callout's title": ('::: {.callout-note title="A <b>x</b>"}\nx\n:::', 3),
    "in the PDF only": (f"{IN_PDF}\n<b>x</b>\n:::", 4),
    "in the PDF only, within the pages only": (f"{ON_PAGES}\n\n{IN_PDF}\n<b>x</b>\n:::\n:::", 6),
    "closing alone": ("Text.</b>", 3),
    "a part alone": ("<tr><td>x</td></tr>", 3),
    "unknown": ("<my-tag>x</my-tag>", 3),
    "capital letters": ("<TABLE>\n<TR><TD>1</TD></TR>\n</TABLE>", 3),
    "over two lines": ("Text\n<b\nclass='x'>x</b>.", 4),
    "single quotation marks": ("Text.\n\n<p class='x'>x</p>", 5),
}


def test_every_form_is_refused_at_its_line(book):
    found = book.problems(body for body, _ in FORMS.values())
    for (_, line), problems in zip(FORMS.values(), found, strict=True):
        assert {number for number, _ in problems} == {line}
        assert ONLY_HTML in problems[0][1]


def test_equal_tags_are_told_apart(book, fails):
    book.chapter(
        "`<br>` is code.\n\n```\n<br>\n```\n\n<!-- <br> -->\n\n"
        f"{ON_PAGES}\nText<br>text.\n:::\n\nText<br>text.\n\nText\ntext<br>text.\n\nText.<br>"
    )
    assert [line for line, _ in located(fails("check"))] == [15, 18, 20]


def test_the_way_out_is_named_once(book, fails):
    book.configure(quarto_command="task quarto")
    book.chapter("A <b>x</b>.\n\nB <i>x</i>.\n\n[dead](#dead)")
    messages = fails("check").splitlines()
    assert [m.endswith("; Quarto may support it: task quarto") for m in messages] == [
        False,
        True,
        False,
    ]


def test_a_book_without_anything_unsupported_does_not_name_it(book, fails):
    book.chapter("[dead](#dead)")
    assert "Quarto" not in fails("check")


# Content for pages only


@pytest.mark.parametrize("tags", [INLINE.split(), BLOCK.split()], ids=["inline", "block"])
def test_every_tag_is_allowed_in_content_for_pages_or_forbidden_by_policy(book, fails, tags):
    elements = [
        _element(tag).replace("<hr>", "<hr/>").replace("<embed>", "<embed/>") for tag in tags
    ]
    texts = [f"{ON_PAGES}\n\n{element}\n\n:::" for element in elements]
    book.chapter(_body(texts))
    expected = [5 + 6 * n for n, tag in enumerate(tags) if tag in FORBIDDEN]
    messages = located(fails("check"))
    assert [line for line, _ in messages] == expected
    assert all("policy forbids" in message for _, message in messages)


def test_it_is_on_the_page_and_in_the_notebook_but_not_in_the_pdf(book):
    book.chapter(
        f"```{{python}}\n0\n```\n\n{ON_PAGES}\n<table><tr><td>Cell</td></tr></table>\n:::\n\n"
        'A [<kbd>Key</kbd>]{.content-visible when-format="html"} word.'
    )
    assert book.run("build", "--renderer", "builtin") == 0
    page = parse(book.page())
    assert page.select_one("main > table td").text.strip() == "Cell"
    assert page.select_one("main p kbd").text == "Key"
    node = nbformat.read(book.root / "_book/chapters/one.ipynb", 4)
    prose = "\n".join(cell.source for cell in node.cells)
    assert "<table>" in prose and "<kbd>Key</kbd>" in prose
    typst = assemble(load(book.root)).pages[-1].rendered.texts["typst"]
    assert "Cell" not in typst and "Key" not in typst and "word" in typst


def test_a_tag_that_hides_the_end_of_a_div_is_named_at_its_line(book, fails):
    book.chapter(f"```{{python}}\nprint(1)\n```\n\n{ON_PAGES}\n<hr>\n:::")
    [(line, message)] = located(fails("check"))
    assert line == 7 and "write <hr/>" in message


INTERNAL = ["cell", "cell-output", "hidden", "layout", "tab", "theorem", "callout-note", "columns"]


@pytest.fixture(scope="module")
def internal(tmp_path_factory) -> SmallBook:
    """Return a built book with raw HTML of one of the renderer's own classes in each chapter."""
    book = SmallBook(tmp_path_factory.mktemp("internal") / "book")
    book.add_cases(
        "```{python}\n1 + 1\n```\n\n"
        f'{ON_PAGES}\n<div class="{name}">\n\n*Text.*\n\n</div>\n:::\n\n'
        f'{ON_PAGES}\n<span class="{name}">Word</span>\n:::\n\n```{{python}}\n2 + 2\n```'
        for name in INTERNAL
    )
    assert book.run("build", "--renderer", "builtin") == 0
    return book


@pytest.mark.parametrize("name", INTERNAL)
def test_a_div_is_html_whatever_its_class(internal, name):
    case = f"chapters/case-{INTERNAL.index(name)}"
    page = parse(internal.page(f"{case}.html"))
    [div] = [div for div in page.select(f"main div.{name}") if div.em]
    assert div.em.text == "Text."
    assert page.select_one(f"main span.{name}").text == "Word"
    node = nbformat.read(internal.root / f"_book/{case}.ipynb", 4)
    code = [cell.source for cell in node.cells if cell.cell_type == "code"]
    assert code[-2:] == ["1 + 1", "2 + 2"]


COMMENTS = ["Text.\n\n{}\n\nMore.", "Text {} more.", "- {}\n- b", "## A {}", "{}\n\n## A"]
SECRETS = ["<!-- secret -->", "<!-- secret\n<b>and more</b> -->"]


def test_comments_are_in_no_output(book):
    bodies = [form.format(secret) for form in COMMENTS for secret in SECRETS]
    book.add_cases(body for body in bodies if not re.search("## .*\n.*and", body))
    assert book.run("build", "--renderer", "builtin") == 0
    site = [path for path in (book.root / "_book").rglob("*") if path.suffix in (".html", ".md")]
    texts = [path.read_text(encoding="utf-8") for path in site]
    texts += [page.rendered.texts["typst"] for page in assemble(load(book.root)).pages]
    assert len(texts) > 3 * len(COMMENTS)
    assert not any("secret" in text or "and more" in text for text in texts)


# Cells


CELLS = {
    "html": "from IPython.display import HTML\nHTML('{}')",
    "markdown": "from IPython.display import Markdown\nMarkdown('''{}''')",
}
HARMLESS = [
    '<div class="cell"><p>Shown</p></div>',
    '<div class="cell-output"><span class="cell">Shown</span></div>',
    '<h1 id="sec-x">Shown</h1>',
    '<p id="sec-one">Shown</p>',
]


def test_html_that_a_cell_shows_is_no_part_of_the_structure(book):
    cells = [CELLS["html"].format(html) for html in HARMLESS]
    names = book.add_cases(f"```{{python}}\n{cell}\n```\n\n```{{python}}\n2\n```" for cell in cells)
    assert book.run("build", "--renderer", "builtin") == 0
    for name in names:
        page = parse(book.page(f"chapters/{name}.html"))
        assert page.select("main h1")[0].text == "Case"
        assert "Shown" in page.select_one("main .cell-output").text
        node = nbformat.read(book.root / f"_book/chapters/{name}.ipynb", 4)
        assert [cell.source for cell in node.cells if cell.cell_type == "code"][-1] == "2"


def test_a_fenced_div_that_a_cell_shows_is_no_cell(book):
    text = CELLS["markdown"].format("\n::: {.cell}\nShown\n:::\n")
    book.chapter(f"```{{python}}\n{text}\n```\n\n```{{python}}\n2\n```")
    assert book.run("build", "--renderer", "builtin") == 0
    assert "Shown" in parse(book.page()).select_one("main .cell-output").text


@pytest.mark.parametrize("html", ["A <b>x</b>.", "<table><tr><td>1</td></tr></table>"])
def test_raw_html_in_markdown_that_a_cell_shows_is_refused_at_the_cell(book, fails, html):
    book.chapter(f"Text.\n\n```{{python}}\n{CELLS['markdown'].format(html)}\n```")
    message = fails("build", "--renderer", "builtin").partition("error: ")[2]
    [(line, text)] = located(message)
    assert 5 <= line <= 7 and ONLY_HTML in text


# The suggested alternatives work


INSTEAD = {
    "br": ("One\\\ntwo", "br", r"One\s?\\", "One\\\ntwo"),
    "sub": ("H~2~O", "sub", r"#sub\[2\]", "H<sub>2</sub>O"),
    "sup": ("x^2^", "sup", r"#super\[2\]", "x<sup>2</sup>"),
    "b": ("**t**", "strong", r"#strong\[t\]", "**t**"),
    "i": ("*t*", "em", r"#emph\[t\]", "*t*"),
    "u": ("[t]{.underline}", "u", r"#underline\[t\]", "<u>t</u>"),
    "s": ("~~t~~", "del", r"#strike\[t\]", "<s>t</s>"),
    "mark": ("[t]{.mark}", "mark", r"#highlight\[t\]", "<mark>t</mark>"),
    "kbd": ("`t`", "code", r'#raw\("t"\)', "`t`"),
    "hr": ("a\n\n* * *\n\nb", "hr", "#horizontalrule", "-----"),
    "table": ("| a |\n|---|\n| 1 |", "table", "table\\(", "| a"),
    "ul": ("- a", "ul", "- a", "- a"),
    "details": ('::: {.callout-note collapse="true"}\na\n:::', "details", "#callout", "> **Note**"),
    "img": ('![a](p.svg){fig-alt="A"}', "img", "image.with", "data:image/png;base64,"),
}


def test_tags_are_refused_where_there_is_markdown_for_them(book):
    for tag, problems in zip(INSTEAD, book.problems(map(_element, INSTEAD)), strict=True):
        assert f"`<{tag}>`" in problems[0][1]


@pytest.fixture(scope="module")
def instead(tmp_path_factory) -> SmallBook:
    """Return a built book with the Markdown for one tag in each chapter."""
    book = SmallBook(tmp_path_factory.mktemp("instead") / "book")
    book.write("chapters/p.svg", '<svg xmlns="http://www.w3.org/2000/svg"/>')
    book.add_cases(f"```{{python}}\n0\n```\n\n{markdown}" for markdown, *_ in INSTEAD.values())
    assert book.run("build", "--renderer", "builtin") == 0
    return book


@pytest.mark.parametrize("tag", INSTEAD)
def test_the_markdown_for_a_tag_reaches_every_output(instead, tag):
    _, selector, typst, notebook = INSTEAD[tag]
    case = f"case-{[*INSTEAD].index(tag)}"
    assert parse(instead.page(f"chapters/{case}.html")).select(f"main {selector}")
    pages = {page.chapter.source.stem: page for page in assemble(load(instead.root)).pages}
    assert re.search(typst, pages[case].rendered.texts["typst"])
    node = nbformat.read(instead.root / f"_book/chapters/{case}.ipynb", 4)
    assert notebook in "\n".join(cell.source for cell in node.cells)


# Raw Typst


TYPST = {
    "block": "```{=typst}\n#strong[T]\n```",
    "inline": "Text `#strong[T]`{=typst}.",
}


@pytest.mark.parametrize("form", TYPST)
@pytest.mark.parametrize("opening", ["Text.\n", f"{ON_PAGES}\n"])
def test_raw_typst_that_pages_would_lack_is_refused_at_its_line(book, fails, form, opening):
    closing = "\n:::" if ":::" in opening else ""
    book.chapter(f"{opening}\n{TYPST[form]}{closing}")
    [(line, message)] = located(fails("check"))
    assert line == 5 + (form == "block")
    assert "raw Typst is not supported on the pages" in message


@pytest.mark.parametrize("form", TYPST)
@pytest.mark.parametrize("output", ["pdf", "typst"])
def test_raw_typst_is_allowed_in_content_for_the_pdf(book, form, output):
    book.chapter(f'::: {{.content-visible when-format="{output}"}}\n{TYPST[form]}\n:::')
    [_, rendered] = book.render()
    assert "#strong[T]" in rendered.texts["typst"] and "strong" not in rendered.texts["html"]
