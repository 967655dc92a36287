"""Mistakes in `_quarto.yml` and CITATION.cff are reported with their line."""

from __future__ import annotations

import pytest

from bookbuild.source import project

YML = "_quarto.yml"

# The text that replaces `title: Small book` (line 6) or is added at the end; the line, words
VALUES = {
    "Norwegian": ("lang: no", 14, ["`lang`", 'lang: "no"']),
    "language without a code": ("lang: english", 14, ["`lang`", "en-GB"]),
    "title that is a number": ("  title: 1984", 6, ["`book.title`", 'title: "1984"']),
    "title that is a list": ("  title: [a, b]", 6, ["`book.title`", "a list"]),
    "title that has keys": ("  title:\n    text: a", 7, ["book.title.text", "not supported"]),
    "title that is a date": ("  title: 2026-01-02", 6, ["`book.title`", '"2026-01-02"']),
    "description": ("  title: a\n  description: 3", 7, ["`book.description`", "text"]),
    "author": ("  title: a\n  author: 3", 7, ["`book.author`", "name"]),
    "authors": ("  title: a\n  author: [{email: x}]", 7, ["`book.author`", "name"]),
    "download": ("  title: a\n  downloads: [epub]", 7, ["epub", "pdf"]),
    "downloads": ("  title: a\n  downloads: true", 7, ["`book.downloads`", "list"]),
    "address": ("  title: a\n  site-url: 5", 7, ["`book.site-url`"]),
    "flag": ("  title: a\n  search: maybe", 7, ["`book.search`", "true or false"]),
    "same key twice": ("  title: a\n  title: b", 7, ["line 6"]),
    "part without a name": ("  title: a\n  appendices: [{part: [], chapters: []}]", 7, ["part:"]),
    "chapter that is not text": ("  title: a\n  appendices: [[x]]", 7, ["expected a file"]),
}


@pytest.mark.parametrize("name", VALUES)
def test_value_of_the_wrong_type(book, fails, name):
    new, line, words = VALUES[name]
    if new.startswith(" "):
        book.edit(YML, "  title: Small book", new)
    else:
        text = (book.root / YML).read_text(encoding="utf-8")
        book.write(YML, f"{text}{new}\n")
    message = fails("check")
    assert f"{YML}:{line}: " in message
    for word in words:
        assert word in message


FILES = {
    "empty": (b"", f"{YML}: "),
    "text": (b"hello", f"{YML}:1: expected `key: value`"),
    "list": (b"- a\n- b\n", f"{YML}:1: expected `key: value`"),
    "Latin-1": ("book:\n  title: café\n".encode("latin-1"), f"{YML}:2: not UTF-8"),
    "control character": (b"book:\n  title: a\x07\n", f"{YML}: not YAML"),
    "tag": (b"book: !expr x\n", f"{YML}:1: not YAML"),
    "tab": (b"book:\n\ttitle: a\n", f"{YML}:2: not YAML"),
    "anchor that is not defined": (b"book: *a\n", f"{YML}:1: not YAML"),
    "invalid date": (b"lang: 2026-99-99\n", f"{YML}:1: not YAML: month"),
}


@pytest.mark.parametrize("name", FILES)
def test_file_that_is_not_a_configuration(book, fails, name):
    content, where = FILES[name]
    (book.root / YML).write_bytes(content)
    assert where in fails("check")


def test_all_mistakes_in_the_configuration_are_reported(book, fails):
    book.edit(YML, "  title: Small book", "  title: 1984\n  author: 3\n  colour: red")
    assert [m.count(YML) for m in fails("check").splitlines()] == [1, 1, 1]


@pytest.mark.parametrize(("value", "words"), [("0.10", '"0.10"'), ("1", '"1"'), ("[1]", "a list")])
def test_version_that_is_not_text(book, fails, value, words):
    book.write("CITATION.cff", f"cff-version: 1.2.0\nversion: {value}\ntitle: x\n")
    message = fails("check")
    assert "CITATION.cff:2: `version` must be text" in message and words in message


def test_empty_values_count_as_absent(book):
    book.edit(YML, "  title: Small book", "  title: Small book\n  subtitle:\n  author:")
    book.write("CITATION.cff", "version:\n")
    loaded = project.load(book.root)
    assert (loaded.subtitle, loaded.author, loaded.version, loaded.problems) == ("", "", None, ())


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        (".", "inside the project"),
        ("..", "inside the project"),
        ("chapters", "must not hold the book's sources"),
    ],
)
def test_the_site_replaces_nothing_else(book, fails, folder, words):
    book.edit(YML, "  type: book", f"  type: book\n  output-dir: {folder}")
    message = fails("build", "--renderer", "builtin")
    assert f"{YML}:4: " in message and words in message
    assert (book.root / "chapters" / "one.qmd").is_file()


@pytest.mark.thorough
def test_title_with_a_slash_makes_a_file_name(book):
    book.edit(YML, "title: Small book", "title: A/B tests")
    book.add_pdf()
    assert book.run("build", "--renderer", "builtin") == 0
    assert (book.root / "_book" / "A-B-tests.pdf").is_file()
