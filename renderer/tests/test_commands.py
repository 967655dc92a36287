"""The command line: the choice of a renderer, the search index, the preview."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import urllib.request
from pathlib import Path

import pytest

from bookbuild import outputs
from tests.support import pages
from tests.support.processes import command, start

pytestmark = pytest.mark.thorough


def quarto(folder: Path, version: str, status: int = 0) -> Path:
    """Write a stand-in for `quarto` that prints its version or records its arguments."""
    program = folder / "quarto"
    program.write_text(
        f'#!/bin/sh\nif [ "$1" = --version ]; then echo {version}; else echo "$@" > arguments; '
        f"exit {status}; fi\n"
    )
    program.chmod(0o755)
    return program


def build(book, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    variables = {**os.environ, "QUARTO": "", **environment}
    build_command = command(book.root, "build", *arguments)
    return subprocess.run(build_command, env=variables, capture_output=True, text=True)


def test_a_recent_quarto_is_used(book, tmp_path):
    done = build(book, QUARTO=str(quarto(tmp_path, "1.9.37")))
    assert done.returncode == 0
    assert "renderer: Quarto" in done.stdout and "1.9.37" in done.stdout
    assert (book.root / "arguments").read_text() == "render\n"


def test_quarto_is_found_in_path(book, tmp_path):
    quarto(tmp_path, "1.10.2")
    assert "renderer: Quarto" in build(book, PATH=f"{tmp_path}:{os.environ['PATH']}").stdout


def test_quartos_exit_status_is_returned(book, tmp_path):
    assert build(book, QUARTO=str(quarto(tmp_path, "1.9.0", status=3))).returncode == 3


@pytest.mark.parametrize(("version", "reason"), [("1.8.27", "1.8.27"), ("?", "?")])
def test_an_unusable_quarto_is_ignored(book, tmp_path, version, reason):
    program = str(quarto(tmp_path, version))
    done = build(book, QUARTO=program)
    assert done.returncode == 0 and (book.root / "_book" / "index.html").exists()
    assert "renderer: built-in" in done.stdout and reason in done.stdout
    forced = build(book, "--renderer", "quarto", QUARTO=program)
    assert forced.returncode == 1 and reason in forced.stderr


def test_quarto_that_does_not_run(book, tmp_path):
    done = build(book, "--renderer", "quarto", QUARTO=str(tmp_path / "none"))
    assert done.returncode == 1 and "does not run" in done.stderr


def test_the_builtin_renderer_can_be_requested(book, tmp_path):
    done = build(book, "--renderer", "builtin", QUARTO=str(quarto(tmp_path, "1.9.37")))
    assert done.returncode == 0 and "renderer: built-in (requested)" in done.stdout
    assert not (book.root / "arguments").exists()


def test_search_index_is_in_the_site(probe):
    entry = json.loads((probe / "pagefind" / "pagefind-entry.json").read_text(encoding="utf-8"))
    assert entry["languages"]["en"]["page_count"] == len(list(probe.rglob("*.html")))
    assert (probe / "pagefind" / "pagefind.js").is_file()


def test_the_search_index_has_what_pages_show_of_formulas(probe):
    texts = pages.indexed_texts(probe)
    shown = texts["/chapters/probe.html"]
    assert re.search("is a sum, and y.{0,2} is an inline formula", shown)
    assert "1.3 Equations. y=∑iwixi+b(1.1)." in shown and "aligned" not in shown
    assert not [text for text in texts.values() if re.search(r"\\[a-z]+", text)]


def test_the_search_index_is_made_anew_with_other_options(built_book, monkeypatch):
    folder = built_book.root / ".cache/search"
    before = {*folder.iterdir()}
    monkeypatch.setattr(outputs.pages, "PAGEFIND", ("--exclude-selectors", "main", "--silent"))
    assert built_book.run("build", "--renderer", "builtin") == 0
    assert len({*folder.iterdir()} - before) == 1
    assert "Some prose" not in "".join(pages.indexed_texts(built_book.root / "_book").values())


def test_build_writes_nowhere_else(book):
    before = {path.name for path in book.root.iterdir()}
    assert book.run("build", "--renderer", "builtin") == 0
    assert {path.name for path in book.root.iterdir()} - before == {"_book", ".cache"}


def test_leftovers_of_a_build_are_not_published(book):
    assert book.run("build", "--renderer", "builtin") == 0
    book.write(".cache/stage/old.html", "from a build that was killed")
    assert book.run("build", "--renderer", "builtin") == 0
    assert not (book.root / "_book" / "old.html").exists()


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=60) as answer:
        return answer.read().decode()


def reload_of(address: str) -> str:
    """Wait as a browser does for the page to reload, reconnecting when a connection ends."""
    build = get(address).partition('data-build="')[2].partition('"')[0]
    while not (event := get(f"{address}.reload?{build}").partition("\n\n")[2]):
        pass
    return event


def test_preview_rebuilds_reloads_and_keeps_the_last_good_page(book):
    book.configure()
    process = start(book, "preview", "--port", "0", stdout=subprocess.PIPE)
    try:
        address = process.stdout.readline().split()[1]

        def wait_for_build() -> None:
            assert any("index.html" in line for line in process.stdout)

        wait_for_build()
        assert "/.reload.js" in get(address)
        assert "EventSource" in get(f"{address}.reload.js")
        assert "/.reload.js" not in book.page("index.html")
        assert "pagefind" in get(f"{address}pagefind/pagefind.js")

        events: list[str] = []
        waiting = threading.Thread(target=lambda: events.append(reload_of(address)))
        waiting.start()
        book.edit("chapters/one.qmd", "Some prose", "Better prose")
        wait_for_build()
        waiting.join(timeout=60)
        assert events == ["data: reload\n\n"]
        assert "Better prose" in get(f"{address}chapters/one.html")

        book.write("notes/deep/note.txt", "a file that the book's own settings watch")
        wait_for_build()

        book.edit("chapters/one.qmd", "Better prose", "See @sec-nothing,")
        assert "@sec-nothing" in next(line for line in process.stderr if "error: " in line)
        assert "Better prose" in get(f"{address}chapters/one.html")

        good = (book.root / "_quarto.yml").read_bytes()
        for bad in (b"book: [", b"\xff", b"\x07", b"- a", good + b"lang: no\n"):
            (book.root / "_quarto.yml").write_bytes(bad)
            assert "_quarto.yml" in next(line for line in process.stderr if "error: " in line)
        (book.root / "_quarto.yml").write_bytes(good)
        book.edit("chapters/one.qmd", "See @sec-nothing,", "Best prose")
        wait_for_build()
        assert "Best prose" in get(f"{address}chapters/one.html")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
