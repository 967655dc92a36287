"""Text, numbers or citations that pandoc would silently lose or change are refused at their lines.

Each chapter below is one book's; a single `check` reports all its mistakes. `✗` marks the lines to
be reported, and is removed from the text; the lines without it must be accepted.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.books import SmallBook, located

ONE = "chapters/one.qmd"
README = Path(__file__).parents[1] / "README.md"

LISTS = """
e. g. a film ✗

Text.

z. B. ein Film ✗

Text.

i. e. a film ✗

Text.

vi. is an editor ✗

I.  Newton ✗

c) is the third ✗

B. ✗

(c) 2026 The authors ✗

(B) was better ✗

1986. A great year ✗

Text.

42. The answer ✗

> 1986. A quoted year ✗

Term
:   1999. A year ✗

- item
  1987. Another year ✗

e. g. first ✗
z. B. second ✗

Text.

(c) 2025 Somebody ✗
(c) 2026 Somebody ✗

2001. One year ✗
2002. Another

Text.

1. one
2. two
4. four ✗

Text.

5. five
7. seven ✗

A note.[^year]

[^year]: 1984. A year. ✗

1986\\. A great year, e.\\ g. for films. I. Newton wrote "e.g." there.

\\(c) 2026 The authors

1. one
1. two

(a) one
(b) two

a. part

Text between.

b. part

iv. four
v. five

Text.

#. any
#. number

Text.

3. three
4. four

Between.

5. five, of `code` and *emphasis*

- 1. nested
  2. twice
    a. deep
    b. deeper
"""

CITATIONS = """
@tbl-x [@doe] ✗

@tbl-x[@doe] ✗

@tbl-x ✗
[@doe]

@tbl-x [-@doe] and @tbl-x [see @doe, p. 3] ✗

@doe [@tbl-x] ✗

[@tbl-x; @doe] ✗

[@doe; @tbl-x; @roe] ✗

[-@tbl-x; -@doe] ✗

@tbl-x [in colour] ✗

[@tbl-x, above] ✗

[@doe, @roe] ✗

[@doe @roe] ✗

[see @doe and @roe] ✗

[@doe [@roe]] ✗

[@eq-one and @tbl-x] ✗

A note^[@tbl-x [@doe]] ✗

- *@tbl-x [@doe]* ✗

| heading @tbl-x [@doe] ✗ |
|-------|
| @tbl-x [@doe] ✗ |

: A caption of @eq-one [@doe] ✗ {#tbl-x}

## Heading @tbl-x [@doe] ✗

@doe. Next ✗

(@doe) begins ✗

@doe) begins ✗

[@tbl-x] [@doe], @tbl-x, [@doe], @tbl-x @doe, @tbl-x; @doe (@tbl-x; @doe), @tbl-x\\ [@doe].

[@doe; @roe], [see @doe, p. 3; @roe], @doe [p. 3; @roe], [@eq-one; @tbl-x], [see @tbl-x].

@tbl-x [link](https://example.org), @tbl-x^[note], @tbl-x \\[aside].

$$x$$ {#eq-one}

Works: @doe says so. See (@doe) and @roe.
"""

BELOW_A_NOTE = [
    "## Heading",
    "- item",
    "* item",
    "1. item",
    "(a) item",
    "[x]: https://example.org",
    "```\ncode\n```",
    "~~~\ncode\n~~~",
    "::: {.callout-note}\ntext\n:::",
    "> quotation",
    "| a |\n|---|",
    "---",
    "===",
    "* * *",
    '![A](p.svg){fig-alt="B"}',
    "$$x$$",
    "Term\n: explanation",
]

APOSTROPHES = """
In '90s films and their makers' words ✗

rock 'n' roll ✗

'Tis the readers' word ✗

'68ers and others' words ✗

The \\'90s and the readers' word.

The '90s, the “'80s”, and isn't it ‘quoted’?

The ’90s and the readers' 'quoted' words, '90 days'.
"""

IGNORED = """
[x]{.foo} ✗

[x](https://example.org){.bar} ✗

| a |
|---|
| 1 |

: A table {#tbl-a .wide} ✗

```{.python .numberLines} ✗
x = 1
```

## One {.unlisted} ✗

## Two {.unnumbered .special} ✗

Text {#eq-a} ✗

$$x$$ and then {#eq-b} ✗

text{#eq-c} ✗

$$x$$ {#eq-d .left} ✗

Text
## No heading ✗

- item
### No heading ✗

<https://example.org>, <a@example.org>, [x]{.mark}, [x]{.kbd},
[x]{.underline}, [x]{.smallcaps}, `x`{.python}.

$$y$$ {#eq-e}

## Three {.unnumbered}

Numbers # of things, ~~struck~~ and [underlined]{.underline}.

~~first *and [underlined]{.underline}*~~ ✗

[second ~~and struck~~]{.underline} ✗

```{python}
x = 1
#| echo: false ✗
text = '''
#| echo: false
'''
```

```{python}

#| label: late ✗
x = 1
```

```{python}
#| echo: false
#| output: true
#| echo: true ✗
x = 1
```

Text with a comment <!-- of
two lines --> and `<!--` code.

<!--

```{python}
x = 2
```

-->

| a    | b               |
|------|-----------------|
| text | `{python} 1`    |

+------+-----------------+
| a    | b               |
+======+=================+
| text | `{python} 1`    | ✗
+------+-----------------+

a      b
-----  ------------
text   `{python} 1` ✗

The end <!-- never ✗
"""

BIBLIOGRAPHY = r"""
@string{press = {Some Press}}
@comment{@book{no, title = {The U.K.}}}
@article{doi1, title = {T}, author = {Doe, J.}, journal = {J}, year = 2020,
  doi = {https://doi.org/10.1000/182}} ✗
@article{doi2, author = {Doe, J.}, doi = "doi:10.1000/182", ✗
  eid = {123}, ✗
  url = {\url{https://example.org}} ✗
}
@misc{web, author = {Doe, J.},
  howpublished = {\url{https://example.org}}} ✗
@misc{web2, author = {Doe, J.},
  howpublished = "https://example.org"} ✗

@book{team,
  author = {The NumPy team} ✗
}
@book{team2,
  author = {Doe, Jane and Bureau of Labor and Statistics} ✗
}
@book{team3, author = "pandas developers"} ✗
@book{team4, author = {Google Inc.}} ✗
@book{team5, author = {Doe, J.}, editor = {Jane Roe and Institute for Books}} ✗

@book{prefix, author = {de Boer, Jan}} ✗
@book{prefix2, author = {Jan de Boer}} ✗
@book{prefix3, author = {Doe, J. and van der Goot, Rob}} ✗
@inproceedings{title,
  title = {The U.K. and us}, ✗
  booktitle = {Plan B}, ✗
  series = {Notes on C: A Series} ✗
}
@misc{title2, title = {U.K. Press}} ✗
@inproceedings{venue,
  booktitle = {Proc. of the Conference}, ✗
  year = 2020,
  year = 2021 ✗
}
@article{venue2,
  journal = {ACM Trans. on Graphics}} ✗

@book{doi1, title = {The same key}} ✗

@article{right, author = {{The NumPy team} and {Google Inc.} and van der Goot, Rob and others},
  title = {The {U.K.}: A {Plan B} and {C}, I.e. E.g.}, editor = {van Dam, Ann},
  journal = "J. Mach. Learn. Res.", doi = {10.1000/182}, url = {https://example.org/a_b},
  publisher = press # { and U.K. Press}, howpublished = {arXiv:1603.07285}}
@book{right2, author = {{de Boer}, Jan and Doe, Jane Q. and Ng, A.}, title = "A {\"O}l",
  booktitle = {Proceedings of the {IEEE}}, note = {See \url{https://example.org}}}
@book{right3, author = {Jane Doe and Press, William H.}, journal = {{Proc. of the} U}}
"""


def marked(text: str) -> tuple[str, list[int]]:
    """Return a chapter's body without marks, and the lines that are marked."""
    lines = text.split("\n")
    return text.replace(" ✗", ""), [n for n, line in enumerate(lines, 3) if "✗" in line]


def reported(book: SmallBook, fails) -> dict[int, str]:
    """Return the chapter's messages by line; fail on a message without a line."""
    return dict(located(fails("check")))


@pytest.fixture
def book(book: SmallBook) -> SmallBook:
    """Return a book with two works and a picture."""
    book.write(
        "references.bib",
        "@book{doe, title = {T}, author = {Doe, Jane}, year = 2020}\n"
        "@book{roe, title = {R}, author = {Roe, Jim}, year = 2021}\n",
    )
    book.write("chapters/p.svg", '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    return book


@pytest.mark.parametrize("chapter", [LISTS, CITATIONS, APOSTROPHES])
def test_lines_that_would_lose_or_change_their_text(book, fails, chapter):
    body, lines = marked(chapter)
    book.chapter(body)
    assert sorted(reported(book, fails)) == lines


def test_what_would_have_no_effect(book, fails):
    body, lines = marked(IGNORED)
    book.chapter(body)
    messages = reported(book, fails)
    [in_comment] = [line for line, message in messages.items() if "in a comment" in message]
    assert sorted(messages.keys() - {in_comment}) == lines


def test_a_block_directly_below_a_note(book, fails):
    text, lines = "", []
    for n, block in enumerate(BELOW_A_NOTE):
        text += f"Text.[^{n}]\n\n[^{n}]: The note,\ncontinued.\n{block}\n\n"
        lines.append(3 + text[: text.rindex(f"continued.\n{block}")].count("\n") + 1)
    lines[-1] += 1  # the term is text, its explanation is not
    text += "Text.[^p] and.[^q]\n\n[^p]: Note.\n\n    More.\n- item\n\n[^q]: Note.\n\n## Heading\n"
    lines.append(3 + text[: text.index("- item\n\n[^q]")].count("\n"))
    text += "\nText.[^r] and.[^s]\n\n[^r]: Note,\n    - indented.\n[^s]: Another.\n"
    book.chapter(text)
    assert sorted(reported(book, fails)) == lines


def test_entries_that_would_be_printed_wrongly(book, fails):
    text, lines = marked(BIBLIOGRAPHY)
    book.write("references.bib", text)
    messages = fails("check").removeprefix("error: ").splitlines()
    found = [re.match(r"references\.bib:(\d+): ", message) for message in messages]
    assert [int(match[1]) for match in found if match] == [line - 2 for line in lines]


def test_keys_set_twice_and_a_chapter_after_itself(book, fails):
    header = "---\ndescription: One.\nafter: chapters/one.qmd#first\ndescription: Two.\n---\n"
    book.write(ONE, f"{header}\n# One {{#sec-one}}\n\n```{{python}}\n#| label: first\n1\n```\n")
    messages = reported(book, fails)
    assert [*messages] == [3, 4]
    assert "itself" in messages[3] and "twice" in messages[4]


def test_the_readmes_sentences_are_refused_and_their_alternatives_accepted(book, fails):
    part = README.read_text(encoding="utf-8").split("<!-- sentences -->")[1].split("<!--")[0]
    rows = re.findall(r"^\| `(.+)` \| `(.+)` \|$", part, re.MULTILINE)
    table = "\n\n| a |\n|---|\n| 1 |\n\n: A table {#tbl-x}"
    book.chapter("\n\nText.\n\n".join(written for written, _ in rows) + table)
    assert sorted(reported(book, fails)) == [3 + 4 * n for n in range(len(rows))]
    book.chapter("\n\n".join(instead for _, instead in rows) + table)
    assert book.run("check") == 0
