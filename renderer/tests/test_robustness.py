"""Odd input and damaged files: a located message or a repaired build, but never a traceback."""

from __future__ import annotations

import shutil

import pytest

BUILD = ("build", "--renderer", "builtin")
YML = "_quarto.yml"
ONE = "chapters/one.qmd"
TITLE = "title: Small book"

CONFIGURATIONS = {
    "invalid timestamp": ("crossref:", "lang: !!timestamp x\ncrossref:", "not YAML"),
    "keys that contain themselves": ("crossref:", "x: &a\n  b: *a\ncrossref:", "themselves"),
    "key with dots": ("crossref:", "format.html.toc: false\ncrossref:", "write nested keys"),
    "another format": ("  html:", "  epub:\n  html:", "`format.epub` is not supported"),
    "another format, empty": ("  html:", "  epub: {}\n  html:", "`format.epub` is not supported"),
    "empty unknown key": ("crossref:", "website: {}\ncrossref:", "`website` is not supported"),
    "part without chapters": ("[index.qmd,", "[index.qmd, {part: P, chapters: []},", "part P has"),
    "empty title": (TITLE, 'title: ""', "`title` must have letters"),
    "blank title": (TITLE, 'title: "  "', "`title` must have letters"),
    "title of dots": (TITLE, 'title: ".."', "`title` must have letters"),
    "long title": (TITLE, f"title: {'long ' * 80}", "at most 200 characters"),
    "output folder that is a file": (
        "  type: book",
        "  type: book\n  output-dir: helper.py",
        "not a file or hidden",
    ),
    "hidden output folder": ("  type: book", "  type: book\n  output-dir: .git", "hidden"),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_an_odd_configuration_is_refused(book, fails, name):
    old, new, words = CONFIGURATIONS[name]
    book.edit(YML, old, new)
    message = fails("check")
    assert YML in message and words in message
    assert "Traceback" not in message


def test_an_empty_known_key_is_absent(book):
    book.edit(YML, "crossref:", "lang:\ncrossref:")
    assert book.run("check") == 0


BIBLIOGRAPHIES = {
    "encoding": (b"@book{a, title = {T}}\n\xff\xfe", "references.bib is not UTF-8 text in line 2"),
    "syntax": (b"@book{k, title={T", "pandoc: "),
}


@pytest.mark.parametrize("name", BIBLIOGRAPHIES)
def test_a_broken_bibliography_is_reported(book, fails, name):
    content, words = BIBLIOGRAPHIES[name]
    (book.root / "references.bib").write_bytes(content)
    book.edit(ONE, "Some prose", "Some @k prose")
    message = fails("check")
    assert words in message and "traceback" not in message.lower()


@pytest.mark.parametrize("folder", ["assets", "live", "pagefind"])
def test_a_chapter_in_a_folder_of_the_site_is_refused(book, fails, folder):
    book.write(f"{folder}/x.qmd", "# X\n")
    book.edit(YML, "[index.qmd,", f"[index.qmd, {folder}/x.qmd,")
    assert f"the site has a folder {folder} of its own" in fails("check")


CHAPTERS = {
    "control character": ("Text \x1b.", 3, "U+001B"),
    "null character": ("Text.\n\nMore \x00.", 5, "U+0000"),
    "picture without width": ("![A](p.svg){width=0 fig-alt=A}", 3, "at least 1"),
    "hidden file": ("[x](../.env)", 3, "hidden file"),
    "hidden folder": ("[x](../.git/config)", 3, "hidden file"),
    "link out of the book": ("[x](out.csv)", 3, "outside the project's folder"),
    "id of the chapter": (
        '::: {.content-visible when-format="html"}\n<p id="sec-one">x</p>\n:::',
        4,
        "`sec-one` is used twice",
    ),
    "invalid date in a header": (None, 2, "not YAML"),
}


@pytest.mark.parametrize("name", CHAPTERS)
def test_an_odd_chapter_is_refused_at_its_line(book, fails, tmp_path, name):
    body, line, words = CHAPTERS[name]
    book.write("chapters/p.svg", '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    book.write(".env", "secret")
    book.write(".git/config", "secret")
    (tmp_path / "out.csv").write_text("a\n", encoding="utf-8")
    (book.root / "chapters/out.csv").symlink_to(tmp_path / "out.csv")
    if body is None:
        book.write(ONE, "---\ndescription: !!timestamp x\n---\n\n# One {#sec-one}\n")
    else:
        book.chapter(body)
    message = fails("check")
    assert f"{ONE}:{line}: " in message and words in message


@pytest.mark.slow
@pytest.mark.parametrize("content", [b"", b'{"x": [1', b"\xff\xfe", b"null", b"[]", b"{}"])
def test_a_damaged_cache_is_made_again(built_book, content):
    book = built_book
    before = book.site()
    for name in ("rendered", "executed"):
        for entry in (book.root / ".cache" / name).rglob("*"):
            if entry.is_file():
                entry.write_bytes(content)
    assert book.run(*BUILD) == 0
    assert book.site() == before


@pytest.mark.slow
def test_an_empty_entry_is_made_again(book):
    book.add_pdf()
    assert book.run(*BUILD) == 0
    before = book.site()
    for name in ("pdf", "search"):
        for entry in (book.root / ".cache" / name).rglob("*"):
            if entry.is_file():
                entry.write_bytes(b"")
    shutil.rmtree(book.root / "_book")
    assert book.run(*BUILD) == 0
    assert book.site() == before
