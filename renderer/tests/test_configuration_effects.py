"""Every key and every cell option changes what readers get, or is refused; none is ignored.

The tests iterate over the renderer's own tables, so a key or option without a case fails.
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

import pytest
import yaml

from bookbuild import BookError, load
from bookbuild.cli.build import check_sources
from bookbuild.source.project import KEY_TYPES
from bookbuild.source.qmd import OPTION_TYPES
from bookbuild.source.syntax import META_KEYS
from tests.support import pdf
from tests.support.books import SmallBook

pytestmark = pytest.mark.slow

BASE = {
    "project.type": "book",
    "project.execute-dir": "project",
    "project.output-dir": "_book",
    "book.title": "Small book",
    "book.subtitle": "A subtitle",
    "book.author": "An author",
    "book.description": "A description",
    "book.site-url": "https://book.example.org",
    "book.repo-url": "https://example.org/book",
    "book.chapters": ["index.qmd", "chapters/one.qmd", "chapters/two.qmd"],
    "book.appendices": ["chapters/three.qmd", "chapters/four.qmd"],
    "book.downloads": ["pdf"],
    "lang": "en-GB",
    "bibliography": "references.bib",
}
CHAPTER = """# One {#sec-one}

Words of @known1925.

## Second {#sec-second}

### Third {#sec-third}

#### Fourth {#sec-fourth}

```{python}
#| label: fig-dots
#| fig-cap: "A caption"
#| fig-alt: "An alternative"
from IPython.display import SVG
print("printed")
SVG('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle r="9"/></svg>')
```
"""
ICON = '<svg xmlns="http://www.w3.org/2000/svg"><title>mine</title></svg>'

REFUSED = "refused"
INDEX, ONE, FOUR = "_book/index.html", "_book/chapters/one.html", "_book/chapters/four.html"
PDF = "_book/Small-book.pdf"

# Another value of each key, and a file with a text that is in it after the change and not before.
# A list of texts: what is no longer in it after the change.
CASES: dict[str, list[tuple[Any, str, str | list[str]]]] = {
    "project.type": [("website", REFUSED, "")],
    "project.execute-dir": [("file", REFUSED, "")],
    "project.output-dir": [("docs", "docs/index.html", "Small book")],
    "book.title": [("Other title", "_book/chapters/one.html", "Other title")],
    "book.subtitle": [("Other words", INDEX, "Other words"), ("Other words", PDF, "Other words")],
    "book.author": [
        (["B", {"name": "Someone"}], INDEX, "B, Someone"),
        ("Someone", PDF, "Someone"),
        ([{"name": "B", "orcid": "0000-0002"}], REFUSED, "orcid"),
    ],
    "book.description": [("Another text", INDEX, "Another text")],
    "book.site-url": [("https://elsewhere.org", ONE, "https://elsewhere.org/chapters/one.html")],
    "book.repo-url": [("https://example.org/moved", ONE, "https://example.org/moved")],
    "book.chapters": [
        (["index.qmd", "chapters/two.qmd", "chapters/one.qmd"], ONE, "Chapter 2"),
        (
            ["index.qmd", {"part": "Some part", "chapters": BASE["book.chapters"][1:]}],
            ONE,
            "Some part",
        ),
        (
            ["index.qmd", {"part": "chapters/one.qmd", "chapters": ["chapters/two.qmd"]}],
            REFUSED,
            "chapters/one.qmd",
        ),
        (["index.qmd", "chapters/one.ipynb"], REFUSED, "chapters/one.ipynb"),
        (["index.qmd", "chapters/one.md"], REFUSED, "chapters/one.md"),
        (["index.qmd", {"file": "chapters/one.qmd", "text": "Other"}], REFUSED, "a file"),
    ],
    "book.appendices": [
        (["chapters/four.qmd", "chapters/three.qmd"], FOUR, '"chapter-label">Appendix A'),
        ([{"part": "Some part", "chapters": ["chapters/three.qmd"]}], REFUSED, "Some part"),
    ],
    "book.downloads": [([], ONE, ["Small-book.pdf"]), (["epub"], REFUSED, "epub")],
    "book.favicon": [("mine.svg", "_book/assets/favicon.svg", "mine")],
    "book.sidebar.style": [("floating", REFUSED, "")],
    "book.open-graph": [(False, REFUSED, "")],
    "book.search": [(False, ONE, ["search-open", 'dialog class="search"'])],
    "lang": [("en-US", ONE, 'lang="en-US"'), ("de", REFUSED, ""), ("pt-BR", REFUSED, "")],
    "bibliography": [
        ("others.bib", ONE, "1926"),
        ("references.json", REFUSED, "references.json"),
    ],
    "crossref.chapters": [(False, REFUSED, "")],
    "format.html": [("default", INDEX, "Small book"), ("dashboard", REFUSED, "")],
    "format.typst": [("default", INDEX, "Small book"), ("letter", REFUSED, "")],
    "format.html.html-math-method": [("katex", REFUSED, "")],
    "format.html.toc": [(False, ONE, ['aria-label="On this page"'])],
    "format.html.toc-depth": [
        (2, ONE, ['href="#sec-third"']),
        (4, ONE, 'href="#sec-fourth"'),
        (1, ONE, ['aria-label="On this page"']),
        (9, REFUSED, ""),
    ],
    "format.html.number-sections": [(False, REFUSED, "")],
    "format.html.code-copy": [(False, REFUSED, "")],
    "format.html.lightbox": [(False, REFUSED, "")],
    "format.html.respect-user-color-scheme": [(False, REFUSED, "")],
    "format.typst.papersize": [
        ("a5", PDF, "419.528 x 595.276"),
        ("us-letter", PDF, "612 x 792"),
        ("a0", REFUSED, ""),
    ],
    "format.typst.toc": [(False, REFUSED, "")],
    "format.typst.number-sections": [(False, REFUSED, "")],
}
WALK = [(key, *case) for key in KEY_TYPES for case in CASES.get(key, [(None, "no case", "")])]

# Keys of Quarto's that this renderer does not know, with values.
OTHER_KEYS = {
    "project.pre-render": "prepare.py",
    "project.resources": ["files"],
    "project.render": ["*.qmd"],
    "project.lib-dir": "libs",
    "book.cover-image": "cover.png",
    "book.date": "2026-01-02",
    "book.doi": "10.1000/1",
    "book.page-footer": "Footer",
    "book.page-navigation": True,
    "book.navbar.title": "Bar",
    "book.sidebar.logo": "logo.png",
    "book.search.location": "navbar",
    "book.reader-mode": True,
    "book.repo-branch": "main",
    "book.repo-actions": ["edit"],
    "book.sharing": ["twitter"],
    "book.twitter-card": True,
    "book.google-analytics": "UA-1",
    "book.cookie-consent": True,
    "book.announcement": "News",
    "book.output-file": "name",
    "book.references": "Works",
    "website.title": "Site",
    "title": "A title",
    "date": "today",
    "abstract": "Text",
    "jupyter": "python3",
    "engine": "knitr",
    "execute.echo": False,
    "execute.freeze": "auto",
    "execute.cache": True,
    "number-sections": False,
    "number-depth": 2,
    "toc": False,
    "toc-title": "Inhalt",
    "csl": "apa.csl",
    "nocite": "@*",
    "link-citations": True,
    "fig-width": 4,
    "code-fold": True,
    "filters": ["own.lua"],
    "shortcodes": ["own.lua"],
    "crossref.fig-title": "Abb.",
    "crossref.eq-prefix": "Gl.",
    "language.toc-title-website": "Inhalt",
    "bibliographies": "b.bib",
    "format.html.theme": "cosmo",
    "format.html.theme.dark": "darkly",
    "format.html.css": "own.css",
    "format.html.code-fold": True,
    "format.html.code-tools": True,
    "format.html.code-line-numbers": True,
    "format.html.code-overflow": "wrap",
    "format.html.include-in-header": "head.html",
    "format.html.include-after-body": "banner.html",
    "format.html.toc-location": "left",
    "format.html.toc-expand": 2,
    "format.html.number-depth": 2,
    "format.html.fig-cap-location": "top",
    "format.html.citations-hover": False,
    "format.html.embed-resources": True,
    "format.html.mainfont": "Arial",
    "format.html.grid.body-width": "900px",
    "format.typst.mainfont": "Arial",
    "format.typst.margin.x": "1cm",
    "format.typst.columns": 2,
    "format.typst.toc-depth": 2,
    "format.typst.section-numbering": "I.1",
    "format.epub": "default",
    "format.pdf.documentclass": "book",
}


def write_configuration(book: SmallBook, values: dict[str, Any]) -> None:
    """Write `_quarto.yml` with these keys; a key replaces those that are nested in it."""
    tree: dict[str, Any] = {}
    for key, value in values.items():
        *sections, name = key.split(".")
        node = tree
        for section in sections:
            if not isinstance(node.get(section), dict):
                node[section] = {}
            node = node[section]
        node[name] = deepcopy(value)
    book.write("_quarto.yml", yaml.safe_dump(tree, sort_keys=False, allow_unicode=True))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> SmallBook:
    """Return the book with `BASE`, built."""
    book = SmallBook(tmp_path_factory.mktemp("effects") / "book")
    book.configure(
        kit="handout", binder_path="lab/tree", quarto_command="make book RENDERER=quarto"
    )
    book.write("handout/README.md", "Read.\n")
    book.write("mine.svg", ICON)
    book.write("others.bib", "@book{known1925, title={Other}, author={C, D}, year=1926}\n")
    book.write("references.json", "[]")
    for name in ("ipynb", "md"):
        book.write(f"chapters/one.{name}", "{}")
    book.write("chapters/one.qmd", CHAPTER)
    for name in ("two", "three", "four"):
        book.write(f"chapters/{name}.qmd", f"# {name.title()} {{#sec-{name}}}\n\nText.\n")
    write_configuration(book, BASE)
    assert book.run("build", "--renderer", "builtin") == 0
    return book


@pytest.fixture
def book(built: SmallBook, tmp_path) -> SmallBook:
    """Return a copy of the built book."""
    return built.copy(tmp_path / "book")


def shown(book: SmallBook, name: str) -> str:
    """Return what a reader can see of a file of the site, "" if it is absent."""
    path = book.root / name
    if not path.exists():
        return ""
    if path.suffix == ".pdf":
        return f"{pdf.text(path)} {pdf.info(path)}"
    return path.read_text(encoding="utf-8")


def refusals(book: SmallBook) -> dict[int, str]:
    """Check a book whose settings must be refused; return the messages by line."""
    with pytest.raises(BookError) as raised:
        check_sources(load(book.root))
    found = re.findall(r"(?m)^_quarto\.yml:(\d+): (.*)$", str(raised.value))
    assert len(dict(found)) == len(found), raised.value
    assert "make book RENDERER=quarto" in found[-1][1]  # the remedy, once for all keys
    return {int(line): message for line, message in found}


def refusal(book: SmallBook, key: str, value: Any) -> str:
    """Return the only message about a key, which must name its line and value and a remedy."""
    [(line, message)] = refusals(book).items()
    assert line in lines_of(book, key, value), message
    if not isinstance(value, list):
        assert shown_value(value) in message
    return message


def shown_value(value: Any) -> str:
    """Return a value as a message shows it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def lines_of(book: SmallBook, key: str, value: Any) -> range:
    """Return the lines of a key and its value."""
    first = line_of(book, key)
    return range(first, first + 1 + (len(value) if isinstance(value, list) else 0))


def line_of(book: SmallBook, key: str) -> int:
    """Return the line of a nested key."""
    node = yaml.compose((book.root / "_quarto.yml").read_text(encoding="utf-8"))
    for name in key.split("."):
        found, node = next(pair for pair in node.value if pair[0].value == name)
    return found.start_mark.line + 1


def test_every_key_has_a_case():
    assert set(CASES) == set(KEY_TYPES)


@pytest.mark.parametrize(("key", "value", "file", "text"), WALK)
def test_a_key_has_an_effect_or_is_refused(built, book, capsys, key, value, file, text):
    without = [other for other in BASE if other.startswith(f"{key}.")]
    values = {k: v for k, v in BASE.items() if k not in without} | {key: value}
    write_configuration(book, values)
    if file == REFUSED:
        assert text in refusal(book, key, value)
        return
    assert book.run("build", "--renderer", "builtin") == 0, capsys.readouterr().err
    if value == "default":  # the only value: it must be accepted
        return
    before, after = shown(built, file), shown(book, file)
    for gone in text if isinstance(text, list) else []:
        assert gone in before and gone not in after
    if isinstance(text, str):
        assert text in after and text not in before


@pytest.mark.parametrize("group", [0, 1])
def test_other_keys_are_refused(book, group):
    """Each key is in one group; nested keys are in different groups."""
    keys = [key for key in OTHER_KEYS if group_of(key) == group]
    taken = {k for k in BASE for key in keys if k.startswith(f"{key}.") or key.startswith(f"{k}.")}
    values = {k: v for k, v in BASE.items() if k not in taken}
    write_configuration(book, values | {key: OTHER_KEYS[key] for key in keys})
    messages = refusals(book)
    assert len(messages) == len(keys)
    for key in keys:
        [line] = set(lines_of(book, key, OTHER_KEYS[key])) & set(messages)
        assert f"`{key}`" in messages[line]
        if not isinstance(OTHER_KEYS[key], list):
            assert shown_value(OTHER_KEYS[key]) in messages[line]


def group_of(key: str) -> int:
    """Return how many other keys contain this one, as `a` contains `a.b`."""
    return sum(key.startswith(f"{other}.") for other in (*OTHER_KEYS, *BASE) if other != key)


def test_every_other_key_is_in_a_group():
    assert {group_of(key) for key in OTHER_KEYS} == {0, 1}


@pytest.mark.parametrize("key", ["book.reader-mode", "format.html.theme.dark", "execute.freeze"])
def test_a_key_for_quarto_only_is_accepted_where_it_is_listed(book, key):
    section = key.removesuffix(".dark")  # a group of keys may be listed by its name
    book.configure(quarto_only=[section])
    write_configuration(book, BASE | {key: OTHER_KEYS[key]})
    assert book.run("check") == 0


def test_listing_one_key_for_quarto_admits_no_other(book, capsys):
    book.configure(quarto_only=["book.reader"])
    write_configuration(book, BASE | {"book.reader-mode": True})
    assert book.run("check") == 1
    assert "book.reader-mode" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["_quarto.yml.local", "_metadata.yml", "chapters/_metadata.yml"])
def test_other_files_with_keys_are_refused(book, capsys, name):
    book.write(name, "number-sections: false\n")
    assert book.run("check") == 1
    assert f"{name}: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "form", ["html: default\n  typst: default", "html: {}\n  typst: {}", "typst: default"]
)
def test_formats_without_keys_of_their_own(book, form):
    write_configuration(book, BASE)
    text = (book.root / "_quarto.yml").read_text(encoding="utf-8")
    book.write("_quarto.yml", f"{text}format:\n  {form}\n")
    assert book.run("check") == 0


# Chapters: their numbers and letters


@pytest.mark.parametrize(
    "header",
    [
        "---\n# a remark\ndescription: A\n---\n",
        "---\ndescription: A # {.unnumbered}\n---\n",
        "---\n# Remark {.unnumbered}\n...\n",
        "---\n\n---\n",
    ],
)
def test_a_comment_in_a_header_changes_no_number(book, capsys, header):
    book.write("chapters/one.qmd", f"{header}\n# One {{#sec-one .unnumbered}}\n\nText.\n")
    book.write("chapters/two.qmd", f"{header}\n# Two {{#sec-two}}\n\nText.\n")
    assert book.run("build", "--renderer", "builtin") == 0, capsys.readouterr().err
    assert "Chapter" not in re.sub("<nav.*?</nav>", "", shown(book, ONE), flags=re.DOTALL)
    assert "Chapter 1" in shown(book, "_book/chapters/two.html")


def test_letters_go_on_after_z(book):
    names = [f"chapters/x{number}.qmd" for number in range(54)]
    for name in names:
        book.write(name, f"# {name} {{#sec-{name[9:-4]}}}\n")
    write_configuration(book, BASE | {"book.appendices": names, "book.downloads": []})
    book.write("chapters/three.qmd", "")
    for unused in ("three", "four"):
        (book.root / f"chapters/{unused}.qmd").unlink()
    assert book.run("build", "--renderer", "builtin") == 0
    letters = {0: "A", 25: "Z", 26: "AA", 51: "AZ", 52: "BA", 53: "BB"}
    for position, letter in letters.items():
        assert f"Appendix {letter}<" in shown(book, f"_book/chapters/x{position}.html")


@pytest.mark.parametrize("name", ["../outside.qmd", "chapters/../index.qmd"])
def test_a_chapter_must_be_in_the_project(book, capsys, name):
    book.write("../outside.qmd", "# Outside\n")
    write_configuration(book, BASE | {"book.chapters": [*BASE["book.chapters"], name]})
    assert book.run("check") == 1
    assert f"{name} is not in the project's folder" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../icon.svg", "none.svg", "chapters"])
def test_a_favicon_must_be_a_file_of_the_project(book, capsys, name):
    book.write("../icon.svg", ICON)
    write_configuration(book, BASE | {"book.favicon": name})
    assert book.run("check") == 1
    assert name in capsys.readouterr().err


# Cell options and headers


FIGURE = '#| label: fig-dots\n#| fig-cap: "A caption"\n#| fig-alt: "An alternative"'
CODE = """from IPython.display import SVG
print("printed")
import sys
print("warned", file=sys.stderr)
SVG('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle r="9"/></svg>')"""
TABLE = "from IPython.display import Markdown\nMarkdown('| a |\\n|---|\\n| 1 |')"
SOLUTION = """::: {.callout-tip collapse="true" title="Solution"}
```{python}
answer = 1
```
:::

"""
# The options and the code before, those after, and what is in the page or notebook after or before.
OPTION_CASES = {
    "label": ("", "#| label: named", "x = 1\nprint(x)", 'id="named"'),
    "fig_cap": (FIGURE, FIGURE.replace("A caption", "Other words"), CODE, "Other words"),
    "fig_alt": (FIGURE, FIGURE.replace("An alternative", "Other words"), CODE, "Other words"),
    "tbl_cap": (
        '#| label: tbl-a\n#| tbl-cap: "A"',
        '#| label: tbl-a\n#| tbl-cap: "Words"',
        TABLE,
        "Words",
    ),
    "echo": ("", "#| echo: false", CODE.replace("SVG(", "x = SVG("), ["sys.stderr"]),
    "include": ("", "#| include: false", "print('printed')", ["printed"]),
    "output": ("", "#| output: false", "print('sh' + 'own')", ["shown"]),
    "warning": (
        "",
        "#| warning: false",
        "import sys\nprint('war' + 'ned', file=sys.stderr)",
        ["warned"],
    ),
    "code_fold": ("", "#| code-fold: true", "print('printed')", "Show the code"),
    "code_summary": (
        "#| code-fold: true",
        '#| code-fold: true\n#| code-summary: "Open"',
        "1",
        "Open",
    ),
    "check": (
        "#| include: false",
        "#| include: false\n#| check: answer",
        "assert answer == 1",
        "Check your answer",
    ),
}


def option_cases(after: bool) -> list[str]:
    """Return a chapter for each option, before or after the option changes."""
    bodies = []
    for option, (*options, code, _) in OPTION_CASES.items():
        cell = "\n".join(filter(None, ["```{python}", options[after], code, "```"]))
        body = f"{SOLUTION if option == 'check' else ''}{cell}"
        bodies.append(body.replace("fig-dots", f"fig-{option.replace('_', '-')}"))
    return bodies


@pytest.fixture(scope="module")
def pages_by_option(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Return the page and the notebooks of each option's chapter, before and after the change."""
    book = SmallBook(tmp_path_factory.mktemp("options") / "book")
    names = dict(zip(OPTION_CASES, book.add_cases(option_cases(after=False)), strict=True))
    pages: dict[str, list[str]] = {option: [] for option in names}
    for after in (False, True):
        for name, body in zip(names.values(), option_cases(after), strict=True):
            title = f"# Case {{#sec-{name}}}"
            book.write(f"chapters/{name}.qmd", f"{title}\n\n{body}\n")
        assert book.run("build", "--renderer", "builtin") == 0
        for option, name in names.items():
            files = (f"{name}.html", f"{name}.ipynb", f"{name}-practice.ipynb")
            pages[option].append("".join(shown(book, f"_book/chapters/{file}") for file in files))
    return pages


def test_every_cell_option_has_a_case():
    assert set(OPTION_CASES) == set(OPTION_TYPES)


@pytest.mark.parametrize("option", OPTION_TYPES)
def test_a_cell_option_has_an_effect(pages_by_option, option):
    before, after = pages_by_option[option]
    text = OPTION_CASES[option][-1]
    for gone in text if isinstance(text, list) else []:
        assert re.search(rf"(?s)<main.*{gone}.*</main", before)
        assert not re.search(rf"(?s)<main.*{gone}.*</main", after)
    if isinstance(text, str):
        assert text in after and text not in before


OTHER_OPTIONS = ["eval", "error", "fig-width", "lst-cap", "line-numbers", "tags", "layout-ncol"]


def test_other_cell_options_are_refused(tmp_path):
    book = SmallBook(tmp_path / "options")
    found = book.problems(f"```{{python}}\n#| {option}: true\n1\n```" for option in OTHER_OPTIONS)
    for option, [(line, message)] in zip(OTHER_OPTIONS, found, strict=True):
        assert line == 4 and f"`{option}`" in message and "not supported" in message


HEADERS = {"description": ("description: Other words", "Other words"), "after": (None, "")}


@pytest.mark.parametrize("key", META_KEYS)
def test_a_header_has_an_effect(book, key):
    """The effect of `after` on the order is tested in test_parallel_execution.py."""
    header, text = HEADERS[key]
    if header:
        book.write("chapters/two.qmd", f"---\n{header}\n---\n\n# Two {{#sec-two}}\n")
        assert book.run("build", "--renderer", "builtin") == 0
        assert text in shown(book, "_book/chapters/two.html")


OTHER_HEADERS = ["title", "author", "toc", "number-sections", "format", "execute", "lang"]


def test_other_headers_are_refused(book, capsys):
    header = "\n".join(f"{key}: text" for key in OTHER_HEADERS)
    book.write("chapters/two.qmd", f"---\n{header}\n---\n\n# Two {{#sec-two}}\n")
    assert book.run("check") == 1
    messages = capsys.readouterr().err.splitlines()
    for line, (key, message) in enumerate(zip(OTHER_HEADERS, messages, strict=True), 2):
        assert f"chapters/two.qmd:{line}: " in message and f"`{key}`" in message
    assert "make book RENDERER=quarto" in messages[-1]
