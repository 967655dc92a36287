"""No output loses, doubles, misnumbers or covers any part of a chapter."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support import comparison, pdf
from tests.support.books import SmallBook
from tests.support.chapters import PICTURE, SVG, WORKS, Chapter

pytestmark = pytest.mark.thorough


def build(root: Path, chapters: Sequence[Chapter]) -> Path:
    """Build a book of these chapters and return the folder of its site."""
    book = SmallBook(root)
    book.add_pdf()
    book.write("references.bib", WORKS)
    book.write(f"chapters/{PICTURE}", SVG)
    book.write("index.qmd", "# Preface {.unnumbered}\n\nText.\n")
    (book.root / "chapters/one.qmd").unlink()
    names = [f"chapters/{chapter.number}.qmd" for chapter in chapters]
    book.edit("_quarto.yml", "chapters/one.qmd", ", ".join([*names, "chapters/works.qmd"]))
    for name, chapter in zip(names, chapters, strict=True):
        book.write(name, chapter.text)
    book.write("chapters/works.qmd", "# Works {.unnumbered}\n\n::: {#refs}\n:::\n")
    assert book.run("build", "--renderer", "builtin") == 0
    return root / "_book"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0])
def test_all_outputs_have_the_words_and_numbers_of_random_chapters(tmp_path, seed):
    chapters = [Chapter(number, seed) for number in range(1, 3)]
    site = build(tmp_path / "book", chapters)
    faults = [
        f"chapter {chapter.number}: {fault}"
        for chapter in chapters
        for fault in comparison.faults(site, f"chapters/{chapter.number}", chapter.facts)
    ]
    [paper] = site.glob("*.pdf")
    assert [*faults, *pdf.outside(paper), *pdf.overprinted(paper)] == []


WORDS = " ".join(f"zq1{a}{b}c" for a in "bcdgh" for b in "kmnp")
FOUND = f"""
Text:

iv) four

v) five

   1. one
   2. two

   - (a) first
     (b) second

vi) six

::: {{layout-ncol=2}}

```
{WORDS}
```

```
{WORDS.replace("1", "2")}
```

:::

+----------------{"-" * len(WORDS)}+
| {WORDS.replace("1", "3")}               |
+================{"=" * len(WORDS)}+
| ```            {" " * len(WORDS)}|
| {WORDS.replace("1", "4")}               |
| ```            {" " * len(WORDS)}|
|                {" " * len(WORDS)}|
| $\\frac{{a}}{{b}}$ {" " * (len(WORDS) + 2)}|
+----------------{"-" * len(WORDS)}+

```{{python}}
1
```
"""  # found by random chapters


def test_numbers_of_nested_lists_and_code_within_columns(book):
    book.add_pdf()
    book.chapter(FOUND)
    assert book.run("build", "--renderer", "builtin") == 0
    [paper] = (book.root / "_book").glob("*.pdf")
    assert [*pdf.outside(paper), *pdf.overprinted(paper)] == []
    text = pdf.text(paper)
    assert "iv) four v) five 1. one 2. two • (a) first (b) second vi) six" in text
    notebook = json.loads((book.root / "_book/chapters/one.ipynb").read_text(encoding="utf-8"))
    source = "".join("".join(cell["source"]) for cell in notebook["cells"])
    plain = " ".join(source.replace("\\", "").split())
    assert "- iv) four - v) five 1. one 2. two - - (a) first - (b) second - vi) six" in plain
    assert r"(\frac{a}{b}\)" in source
