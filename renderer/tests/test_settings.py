"""Test the settings in pyproject.toml: what they may be, and a book that has none."""

from __future__ import annotations

import pytest

from bookbuild.source.project import load
from bookbuild.source.settings import Settings
from tests.support.books import CONVENTIONS

FILE = "pyproject.toml"


def test_every_setting_is_read(book):
    book.configure()
    project = load(book.root)
    assert project.problems == ()
    for name, value in CONVENTIONS.items():
        expected = tuple(value) if isinstance(value, list) else value
        assert getattr(project.settings, name) == expected, name
    assert set(CONVENTIONS) == set(vars(Settings())), "the tests' books use every setting"


@pytest.mark.parametrize("text", [None, "", "[project]\nname = 'a'\n", "[tool.other]\nkit = 1\n"])
def test_a_book_without_settings(book, text):
    if text is not None:
        book.write(FILE, text)
    project = load(book.root)
    assert (project.settings, project.problems) == (Settings(), ())
    assert project.kit_name is None


FAULTS = {
    "unknown key": ('kitt = "handout"', ["unknown key `kitt`", "did you mean kit?"]),
    "key unlike any other": ("xyzzy = 1", ["unknown key `xyzzy`"]),
    "key written as in Python": ('data_manifest = "a"', ["`data_manifest`", "data-manifest?"]),
    "number for a text": ("kit = 1", ["`kit` must be text", "1"]),
    "list for a text": ('data = ["a"]', ["`data` must be text"]),
    "table for a text": ('[tool.bookbuild.data]\nfolder = "a"', ["`data` must be text"]),
    "text for a list": ('watch = "*.py"', ["`watch` must be a list of texts", "*.py"]),
    "list of numbers": ("kit-extra = [1]", ["`kit-extra` must be a list of texts"]),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_mistake_in_the_settings(book, fails, name):
    line, words = FAULTS[name]
    book.write(FILE, f"[tool.bookbuild]\n{line}\n")
    message = fails("check")
    assert message.startswith(f"error: {FILE}: [tool.bookbuild] ")
    assert len(message.splitlines()) == 1
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[tool.bookbuild\n", "line 1"),
        (b'[tool.bookbuild]\nkit = "a"\nkit = "b"\n', "line 3"),
        (b'[tool.bookbuild]\nkit = "caf\xe9"\n', "not TOML"),
    ],
    ids=["bracket", "key twice", "Latin-1"],
)
def test_a_file_that_is_not_toml(book, fails, content, words):
    (book.root / FILE).write_bytes(content)
    message = fails("check")
    assert message.startswith(f"error: {FILE}: not TOML: ") and words in message
    assert "Traceback" not in message


@pytest.mark.parametrize("text", ["tool = 3\n", "[tool]\nbookbuild = 3\n", "tool = []\n"])
def test_a_table_that_is_not_one(book, fails, text):
    book.write(FILE, text)
    assert FILE in fails("check")


def test_all_mistakes_are_reported_with_those_of_the_chapters(book, fails):
    book.write(FILE, "[tool.bookbuild]\nkit = 1\ndata = 2\n")
    book.chapter("```{python}\n#| lable: x\n1\n```")
    starts = [line.removeprefix("error: ").split(": ")[0] for line in fails("check").splitlines()]
    assert starts == [FILE, FILE, "chapters/one.qmd:4"]
