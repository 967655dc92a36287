"""Every link leads somewhere, on the pages, in the PDF and in notebooks, or is refused."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

import nbformat
import pytest

from tests.support.books import SmallBook, located
from tests.support.pages import dead_links, parse
from tests.support.pdf import one_line, poppler

pytestmark = pytest.mark.thorough

ONE = "chapters/one.qmd"
DOT = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><circle r="9"/></svg>'
ON_PAGES = '::: {.content-visible when-format="html"}'

# Files of the project, and links from chapters/one.qmd to them. Quarto 1.10.18 also copies these.
FILES = {
    "data/scores.csv": "../data/scores.csv",
    "data/paper.pdf": "../data/paper.pdf",
    "data/notes.ipynb": "../data/notes.ipynb",
    "data/read.md": "../data/read.md",
    "data/page.html": "../data/page.html",
    "data/all.zip": "../data/all.zip",
    "data/with space.csv": "<../data/with space.csv>",
    "data/coded space.csv": "../data/coded%20space.csv",
    "data/ünï.csv": "../data/ünï.csv",
    "data/_under.csv": "../data/_under.csv",
    "data/root.csv": "/data/root.csv",
    "data/dots.csv": "./../chapters/../data/dots.csv",
    "chapters/beside.csv": "beside.csv",
    "picture.svg": "../picture.svg",
    "helper.py": "../helper.py",
    "COPYING": "../COPYING",
    # in Quarto's site these two links are dead
    "data/query.csv": "../data/query.csv?raw=1",
    "data/anchor.csv": "../data/anchor.csv#row=2",
}
FORMS = {
    "inline": "A [link]({}).",
    "with a title": 'A [link]({} "Title").',
    "reference": "A [link][r].\n\n[r]: {}",
    "around a picture": '[![A](p.svg){{fig-alt="A"}}]({})',
    "in a heading": "## A [link]({})",
    "in a note": "Text^[A [link]({}).].",
    "in a list": "- A [link]({}).",
    "in a table": "| a |\n|---|\n| [link]({}) |",
    "in a caption": '![A [link]({})](p.svg){{fig-alt="A"}}',
    "in a callout": "::: {{.callout-note}}\n## A [link]({})\nText.\n:::",
    "for pages": "::: {{.content-visible when-format=html}}\nA [link]({}).\n:::",
    "for the PDF": "::: {{.content-visible when-format=pdf}}\nA [link]({}).\n:::",
    "with attributes": 'A [link]({}){{target="_blank"}}.',
}
HTML_FORMS = {
    "link": '<a href="{}">link</a>',
    "picture": '<img src="{}" alt="A">',
    "choice": '<picture><source srcset="{} 2x"></picture>',
    "film": '<video src="{}"></video>',
    "poster": '<video poster="{}"></video>',
}


@pytest.fixture
def book(book) -> SmallBook:
    return _with_files(book)


def _with_files(book: SmallBook) -> SmallBook:
    for name in FILES:
        if name != "helper.py":
            book.write(name, DOT if name.endswith(".svg") else f"x {name}")
    book.write("chapters/p.svg", DOT)
    book.write("data/gone/other.csv", "x")
    book.add_chapter(
        "two", "# Two {#sec-two}\n\n## Part {#sec-part}\n\n## Plain heading\n\nText.\n"
    )
    return book


# Files


@pytest.fixture(scope="module")
def linked(tmp_path_factory) -> SmallBook:
    book = _with_files(SmallBook(tmp_path_factory.mktemp("linked") / "book"))
    book.add_pdf()
    book.chapter(
        "```{python}\n0\n```\n\n" + "\n\n".join(f"A [l]({each})." for each in FILES.values())
    )
    assert book.run("build", "--renderer", "builtin") == 0
    return book


@pytest.mark.parametrize("name", FILES)
def test_a_linked_file_is_copied_to_the_same_place(linked, name):
    assert (linked.root / "_book" / name).read_bytes() == (linked.root / name).read_bytes()


def test_links_on_the_page_lead_to_the_files(linked):
    dead = dead_links(linked.root / "_book")
    assert [link for link in dead if "?" not in link] == []


def test_files_without_a_link_are_not_copied(linked):
    assert not (linked.root / "_book/data/gone").exists()


def test_without_a_web_address_print_and_notebooks_name_the_file(linked):
    text = one_line(poppler("pdftotext", linked.root / "_book/Small-book.pdf", "-"))
    node = nbformat.read(linked.root / "_book/chapters/one.ipynb", 4)
    prose = "\n".join(cell.source for cell in node.cells)
    for name in FILES:
        assert f"l ({name} on the book’s website)" in re.sub(r"- ", "-", text)
        assert f"l (`{name}` on the book’s website)" in prose


def test_with_a_web_address_print_and_notebooks_link_to_the_file(book):
    book.add_pdf()
    book.edit("_quarto.yml", "  title:", "  site-url: https://example.org/b\n  title:")
    book.chapter(
        "```{python}\n0\n```\n\n" + "\n\n".join(f"A [l]({each})." for each in FILES.values())
    )
    assert book.run("build", "--renderer", "builtin") == 0
    urls = poppler("pdfinfo", "-url", book.root / "_book/Small-book.pdf")
    node = nbformat.read(book.root / "_book/chapters/one.ipynb", 4)
    prose = "\n".join(cell.source for cell in node.cells)
    for name in FILES:
        assert f" https://example.org/b/{quote(name)}\n" in urls
        assert f"[l](https://example.org/b/{quote(name)})" in prose


def _linking(address: str) -> dict[str, str]:
    """Return a chapter for each form of link, with the form's number in its address."""
    forms = {**FORMS, **HTML_FORMS}
    bodies = {name: form.format(address.format(n)) for n, (name, form) in enumerate(forms.items())}
    return bodies | {name: f"{ON_PAGES}\n{bodies[name]}\n:::" for name in HTML_FORMS}


@pytest.fixture(scope="module")
def every_form(tmp_path_factory) -> Path:
    """Return the site of a book with a link of each form, each to a file of its own."""
    book = _with_files(SmallBook(tmp_path_factory.mktemp("forms") / "book"))
    cases = _linking("../data/form-{}.csv")
    book.add_cases(cases.values())
    for number, name in enumerate(cases):
        book.write(f"data/form-{number}.csv", name)
    assert book.run("build", "--renderer", "builtin") == 0
    return book.root / "_book"


@pytest.mark.parametrize("number", range(len(FORMS) + len(HTML_FORMS)))
def test_every_form_of_link_is_followed(every_form, number):
    assert (every_form / f"data/form-{number}.csv").is_file()


def test_every_form_of_link_is_checked(book):
    cases = _linking("../data/scors.csv")
    for body, problems in zip(cases.values(), book.problems(cases.values()), strict=True):
        [(line, message)] = problems
        assert "scors" in ["", "", "", *body.split("\n")][line]
        expected = "the linked file ../data/scors.csv does not exist (did you mean scores.csv?)"
        assert message == expected


# Dead links: the message, from its beginning

DEAD = {
    "../data/gone.csv": "the linked file ../data/gone.csv does not exist",
    "gone.csv": "the linked file gone.csv does not exist",
    "../data/": "the link ../data/ leads to a folder; link to a file in it",
    "../data/gone": "the link ../data/gone leads to a folder; link to a file in it",
    "tow.html": "the link tow.html leads to a page that does not exist (did you mean two.html?)",
    "../tow.html#x": "the link ../tow.html#x leads to a page that does not exist",
    "tow.qmd#sec-two": (
        "the link tow.qmd#sec-two leads to a chapter that does not exist (did you mean two.qmd?)"
    ),
    "two.qmd": "this links to a chapter's file: write @sec-name instead",
    "two.qmd#sec-prat": "the link two.qmd#sec-prat has no target (did you mean sec-part?)",
    "two.html#sec-prat": "the link two.html#sec-prat has no target (did you mean sec-part?)",
    "two.html#sec-one": "the link two.html#sec-one has no target",
    "#sec-part": "the link #sec-part has no target",
    "#own-plcae": "the link #own-plcae has no target (did you mean own-place?)",
    "": "this link has no target",
    "../../outside.csv": "the link ../../outside.csv leads outside the project's folder",
    "../..": "the link ../.. leads outside the project's folder",
    "file:///etc/passwd": "the link file:///etc/passwd leads outside the project's folder",
    "javascript:alert(1)": "the link javascript:alert(1) is a script: the pages' policy forbids it",
    "JavaScript:x": "the link JavaScript:x is a script: the pages' policy forbids it",
}


OWN_PLACE = "## Own place"
DEAD_IN_HTML = [each for each in DEAD if not each.endswith(".qmd") and each]


@pytest.fixture
def book_beside_a_file(book) -> SmallBook:
    """Return the book with a file beside it."""
    book.write("../outside.csv", "x")
    return book


def test_a_dead_link_is_reported_at_its_line(book_beside_a_file):
    bodies = [f"Not {each} here.\n\nBut [this]({each}).\n\n{OWN_PLACE}" for each in DEAD]
    found = book_beside_a_file.problems(bodies)
    for (_, beginning), problems in zip(DEAD.items(), found, strict=True):
        [(line, message)] = problems
        assert line == 5
        assert message.startswith(beginning)


def test_a_dead_link_in_html_is_reported_at_its_line(book_beside_a_file):
    link = f'Text.\n\n{ON_PAGES}\n<a href="{{}}">this</a>\n:::\n\n{OWN_PLACE}'
    bodies = [link.replace("{}", each) for each in DEAD_IN_HTML]
    for address, problems in zip(DEAD_IN_HTML, book_beside_a_file.problems(bodies), strict=True):
        assert {line for line, _ in problems} == {6}
        assert any(message.startswith(DEAD[address]) for _, message in problems)


def test_equal_dead_links_are_all_reported(book, fails):
    book.chapter(
        "A [l](#gone).\n\n`[l](#gone)`\n\nB [l](#gone).\n\n```\n[l](#gone)\n```\n\n[l](#gone)"
    )
    assert [line for line, _ in located(fails("check"))] == [3, 7, 13]


ALIVE = [
    "https://example.org/x",
    "http://example.org/x.html#y",
    "//example.org",
    "mailto:a@example.org",
    "tel:+441234",
    "doi:10.1/x",
    "#sec-one",
    "#sec-below",
    "#below-by-name",
    "#a-term",
    "one.html",
    "one.html#sec-one",
    "two.html",
    "./two.html",
    "../chapters/two.html",
    "/chapters/two.html",
    "two.html#sec-part",
    "two.html#plain-heading",
    "two.qmd#plain-heading",
    "two.qmd#sec-part",
    "../index.html",
    "../index.html#preface",
    "/",
    "../",
    "one.ipynb",
    "one.md",
    "two.md",
    "../Small-book.pdf",
]
BELOW = "## Below {#sec-below}\n\n## Below by name\n\nA [term]{#a-term}.\n\n```{python}\n0\n```"


@pytest.fixture(scope="module")
def alive(tmp_path_factory) -> SmallBook:
    book = _with_files(SmallBook(tmp_path_factory.mktemp("alive") / "book"))
    book.add_pdf()
    links = [f"A [link{n}n]({address})." for n, address in enumerate(ALIVE)]
    book.chapter("\n\n".join([*links, BELOW]))
    assert book.run("build", "--renderer", "builtin") == 0
    return book


def test_live_links_lead_to_their_targets_on_the_page(alive):
    assert dead_links(alive.root / "_book") == []
    page = parse(alive.page())
    links = {a.text: a["href"] for a in page.select("main p a")}
    for n, address in enumerate(ALIVE):
        if re.match(r"[a-z]+:|//", address):
            assert links[f"link{n}n"] == address


def _pdf_targets(pdf: Path) -> dict[str, str]:
    """Return the page of the PDF, or the address, that each link leads to."""
    xml = poppler("pdftohtml", "-xml", "-stdout", "-i", pdf)
    found = re.findall(r'<a href="([^"]*)">(?:A )?(\w+)\.?</a>', xml)
    return {text: target.rpartition("#")[2] for target, text in found}


def test_live_links_lead_to_their_targets_in_the_pdf(alive):
    pdf = alive.root / "_book/Small-book.pdf"
    targets = _pdf_targets(pdf)
    pages = [one_line(page) for page in poppler("pdftotext", pdf, "-").split("\f")]
    first = {
        name: n for n, page in enumerate(pages, 1) for name in re.findall("Chapter . ...", page)
    }
    preface = next(n for n, page in enumerate(pages, 1) if page.startswith("Preface"))
    for n, address in enumerate(ALIVE):
        if address.startswith(("/", "../index")) and "two" not in address and address[1:2] != "/":
            assert targets[f"link{n}n"] == str(preface)
        elif "two." in address and not address.endswith(".md"):
            assert targets[f"link{n}n"] == str(first["Chapter 2 Two"])


def test_equal_headings_of_two_chapters_are_told_apart(book):
    book.add_pdf()
    book.add_chapter("three", "# Summary\n\n[own](#summary) and [other](two.html#plain-heading).\n")
    book.add_chapter(
        "four", "# Summary\n\n## Plain heading\n\n[mine](#plain-heading) [top](#summary)\n"
    )
    assert book.run("build", "--renderer", "builtin") == 0
    targets = _pdf_targets(book.root / "_book/Small-book.pdf")
    assert int(targets["other"]) < int(targets["own"]) < int(targets["mine"]) == int(targets["top"])


def test_a_target_that_only_pages_have_is_text_in_the_pdf(book):
    book.add_pdf()
    book.chapter(f'A [word](#only).\n\n{ON_PAGES}\n<p id="only">Text.</p>\n:::')
    assert book.run("build", "--renderer", "builtin") == 0
    assert "word" not in _pdf_targets(book.root / "_book/Small-book.pdf")


def test_an_edit_of_another_chapters_ids_is_noticed(book, fails):
    book.chapter("A [link](two.html#plain-heading).")
    assert book.run("check") == 0
    book.edit("chapters/two.qmd", "Plain heading", "Other heading")
    [(line, _)] = located(fails("check"))
    assert line == 3


def test_an_edit_of_a_linked_file_is_noticed(book):
    book.chapter("A [link](../data/scores.csv).")
    assert book.run("build", "--renderer", "builtin") == 0
    book.write("data/scores.csv", "new")
    assert book.run("build", "--renderer", "builtin") == 0
    assert book.site()["data/scores.csv"] == b"new"


def test_links_of_a_notebook_lead_to_the_web(book):
    book.edit("_quarto.yml", "  title:", "  site-url: https://example.org/b\n  title:")
    book.chapter(
        "A [l](two.html#sec-part), [m](two.html), [n](https://x.org).\n\n```{python}\n0\n```"
    )
    assert book.run("build", "--renderer", "builtin") == 0
    node = nbformat.read(book.root / "_book/chapters/one.ipynb", 4)
    expected = "A [l](https://example.org/b/chapters/two.html#sec-part), [m](https://example.org/b/"
    assert f"{expected}chapters/two.html), [n](https://x.org)." in [c.source for c in node.cells]


def test_raw_html_of_a_notebook_leads_to_the_web(book):
    book.edit("_quarto.yml", "  title:", "  site-url: https://example.org/b\n  title:")
    html = '<p><a href="two.html#sec-part">l</a> <img src="../picture.svg" alt="A"></p>'
    book.chapter(f"{ON_PAGES}\n{html}\n:::\n\n```{{python}}\n0\n```")
    assert book.run("build", "--renderer", "builtin") == 0
    node = nbformat.read(book.root / "_book/chapters/one.ipynb", 4)
    prose = "\n".join(cell.source for cell in node.cells)
    assert 'href="https://example.org/b/chapters/two.html#sec-part"' in prose
    assert 'src="https://example.org/b/picture.svg"' in prose


# Attributes

REFUSED = {
    "span": ("A [x]{{{}}}.", "lang"),
    "link": ("A [x](https://x.org){{{}}}.", "target"),
    "picture": ('![A](p.svg){{fig-alt="A" {}}}', "width"),
    "heading": ("## A {{{}}}", ""),
    "code": ("`x`{{.python {}}}", ""),
    "code block": ("```{{.python {}}}\n1\n```", ""),
    "code block in a quotation": ("> ```{{.python {}}}\n> 1\n> ```", ""),
    "table": ("| a |\n|---|\n| 1 |\n\n: A {{#tbl-a {}}}", ""),
    "div": ("::: {{.callout-note {}}}\nx\n:::", "collapse"),
    "div in a quotation": ("> ::: {{.callout-note {}}}\n> x\n> :::", "collapse"),
    "layout": ("::: {{layout-ncol=2 {}}}\nx\n:::", ""),
}
ATTRIBUTES = {
    'style="color: red"': "the pages’ policy forbids styles",
    'onclick="x()"': "the pages’ policy forbids scripts",
    "data-x=1": "",
    'aria-label="x"': "",
    'role="note"': "",
}


def test_an_attribute_that_would_be_lost_is_refused_at_its_line(book):
    cases = [(body.format(each), each) for body, _ in REFUSED.values() for each in ATTRIBUTES]
    # a label may be used once in a book
    bodies = [body.replace("#tbl-a", f"#tbl-{n}") for n, (body, _) in enumerate(cases)]
    found = book.problems(f"Text.\n\n{body}" for body in bodies)
    for body, (_, attribute), problems in zip(bodies, cases, found, strict=True):
        [(line, message)] = problems
        assert attribute in body.split("\n")[line - 5]
        assert f"`{attribute.partition('=')[0]}`" in message and "not supported" in message


SUPPORTED = {
    "A [x]{lang=de}.": ('lang="de"', 'lang: "de"'),
    'A [x](https://x.org){target="_blank" rel="nofollow"}.': ('target="_blank"', "x.org"),
    '![A](p.svg){fig-alt="A" width=20}': ('width="20"', "0.18181818181818in"),
}


@pytest.mark.parametrize("body", SUPPORTED)
def test_supported_attributes_reach_page_and_pdf(book, body):
    html, typst = SUPPORTED[body]
    book.chapter(body)
    rendered = book.render()[1].texts
    assert html in rendered["html"] and typst in rendered["typst"]


# References at the start of a paragraph, which pandoc takes for an example list

STARTS = {
    "paragraph": "{} Text.",
    "quotation": "> {} Text.",
    "item": "- {} Text.",
    "numbered item": "1. {} Text.",
    "lettered item": "a) {} Text.\nb) More.",
    "task": "- [ ] a\n- {} Text.",
    "second paragraph of an item": "- a\n\n  {} Text.",
    "second line of an item": "- a\n  {} Text.",
    "callout": "::: {{.callout-note}}\n{} Text.\n:::",
    "note": "A.[^1]\n\n[^1]: {} Text.",
    "second paragraph of a note": "A.[^1]\n\n[^1]: Before.\n\n    {} Text.",
    "definition": "Term\n:   {} Text.",
    "after a table": "| a |\n|---|\n| 1 |\n\n{} Text.",
    "after a heading": "## A\n{} Text.",
    "after code": "```\na\n```\n{} Text.",
    "after a rule": "* * *\n{} Text.",
    "after a comment": "<!-- a -->\n{} Text.",
    "twice": "{} Text.\n\n{} Text.",
    "with emphasis": "{} *Text* follows.",
    "with code": "{} `Text` follows.",
}


MARKERS = ["(@sec-one)", "@sec-one.", "@sec-one)"]


def test_a_reference_at_the_start_of_a_paragraph_is_refused_at_its_line(book):
    cases = [(form.format(each, each), each) for form in STARTS.values() for each in MARKERS]
    found = book.problems(body for body, _ in cases)
    for (body, marker), problems in zip(cases, found, strict=True):
        lines = [n for n, text in enumerate(body.split("\n"), 3) if marker in text]
        assert [line for line, _ in problems] == lines
        assert all("put a word before it" in message for _, message in problems)
        assert all(f"`{marker}`" in message for _, message in problems)


WITHIN = [
    "Text in\n{} Then more.",
    "See {} Then more.",
    "> text\n> {} Then.",
    "| a |\n|---|\n| {} |",
    "`{} Text.`",
    "```\n{} Text.\n```",
    "<!--\n{} Text.\n-->",
]


def test_the_same_text_elsewhere_is_a_reference(book):
    bodies = [form.format(marker) for form in WITHIN for marker in MARKERS]
    book.add_cases(bodies)
    for body, rendered in zip(bodies, book.render()[3:], strict=True):
        link = re.search(r'<a href="[^"]*one.html"[^>]*>Chapter\s1</a>', rendered.texts["html"])
        assert bool(link) != body.startswith(("`", "<!--"))
