"""The preview loses no reload, and survives every build error."""

from __future__ import annotations

import itertools
import re
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bookbuild.cli import preview
from bookbuild.cli.preview import Server
from bookbuild.source.errors import BookError, DownloadError, IncompleteSiteError
from bookbuild.source.project import load

pytestmark = pytest.mark.thorough

PAGE = "<html><head><title>A page</title></head><body>{}</body></html>"
RELOAD = "data: reload\n\n"


@pytest.fixture
def server(tmp_path) -> Iterator[Server]:
    """Serve a site of one page and a picture."""
    (tmp_path / "index.html").write_text(PAGE.format("one"))
    (tmp_path / "picture.svg").write_text("<svg/>")
    with Server(tmp_path, 0) as started:
        threading.Thread(target=started.serve_forever, daemon=True).start()
        yield started
        started.shutdown()


def get(server: Server, path: str):
    """Return the response to a request."""
    return urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/{path}", timeout=60)


def text(server: Server, path: str) -> str:
    return get(server, path).read().decode()


def build_of(page: str) -> str:
    """Return the number of the build that a page was served from."""
    return re.search(r'data-build="(\w+)"', page)[1]


def event(server: Server, build: str) -> str:
    """Wait up to a minute, as a browser does, which reconnects when a connection ends."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if RELOAD in (answer := text(server, f".reload?{build}")):
            return answer
    return ""


# Reloads


def test_a_build_that_ends_while_a_page_loads(server):
    page = text(server, "index.html")
    server.reload()  # before the page's script has connected
    start = time.monotonic()
    assert RELOAD in event(server, build_of(page))
    assert time.monotonic() - start < 1


def test_a_build_that_ends_while_a_page_is_read(server, tmp_path, monkeypatch):
    read_bytes = Path.read_bytes

    def read_then_build(path: Path) -> bytes:
        content = read_bytes(path)
        (tmp_path / "index.html").write_text(PAGE.format("two"))
        server.reload()
        return content

    monkeypatch.setattr(Path, "read_bytes", read_then_build)
    page = text(server, "index.html")
    monkeypatch.undo()
    assert ">one<" in page
    assert RELOAD in event(server, build_of(page))


def test_all_open_pages_are_told(server):
    build = build_of(text(server, ""))
    events: list[str] = []

    def wait() -> None:
        events.append(event(server, build))

    pages = [threading.Thread(target=wait) for _ in range(20)]
    for page in pages:
        page.start()
    time.sleep(0.2)
    server.reload()
    for page in pages:
        page.join(timeout=60)
    assert len(events) == 20 and all(RELOAD in each for each in events)


def test_a_page_that_waits_leaves_the_connection_to_others(server):
    """Browsers open only six connections to a server: a seventh page must not wait for a build."""
    start = time.monotonic()
    answer = text(server, f".reload?{build_of(text(server, ''))}")
    assert RELOAD not in answer and "retry: " in answer
    assert time.monotonic() - start < 10


def test_a_page_of_the_current_build_does_not_reload(server):
    server.reload()
    assert RELOAD not in text(server, f".reload?{build_of(text(server, ''))}")


def test_every_build_reloads_a_page_that_missed_some(server):
    builds = [build_of(text(server, ""))]
    for _ in range(3):
        server.reload()
        builds.append(build_of(text(server, "")))
    assert len(set(builds)) == 4
    assert all(RELOAD in event(server, build) for build in builds[:-1])


def test_a_page_of_a_preview_that_was_stopped_reloads(server, tmp_path):
    """A new preview at the same address may count the same number of builds."""
    build = build_of(text(server, ""))
    with Server(tmp_path, 0) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        assert RELOAD in event(other, build)
        other.shutdown()


@pytest.mark.parametrize("address", ["", "index.html", "index.html?x=1", "?x=1"])
def test_every_address_of_a_page_reloads(server, address):
    assert 'src="/.reload.js"' in text(server, address)


@pytest.mark.parametrize("path", ["index.html", "picture.svg", ".reload.js", ".reload?0"])
def test_the_browser_stores_nothing(server, path):
    assert get(server, path).headers["Cache-Control"] == "no-store"


# Errors


class Panic(BaseException):
    """An exception outside `Exception`, like those of Typst and polars for a panic in Rust."""


ERRORS = [
    BookError("wrong"),
    DownloadError("wrong"),
    OSError("wrong"),
    FileNotFoundError(2, "wrong", "x"),
    RuntimeError("wrong"),
    KeyError("wrong"),
    StopIteration("wrong"),
    AssertionError("wrong"),
    RecursionError("wrong"),
    MemoryError("wrong"),
    UnicodeDecodeError("utf-8", b"x", 0, 1, "wrong"),
    ExceptionGroup("wrong", [ValueError("a")]),
    Panic("wrong"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_build_that_fails_leaves_the_page_and_the_preview(server, capsys, error):
    build = server.build

    def fail(reload: Callable[[], None]) -> None:
        raise error

    preview._rebuild(server, fail)
    message = capsys.readouterr().err
    assert message.startswith("error: ") and "wrong" in message
    assert message.endswith("the last complete site stays\n")
    assert server.build == build


def test_a_build_that_fails_after_its_pages(server, capsys):
    build = server.build

    def fail(reload: Callable[[], None]) -> None:
        reload()
        raise BookError("wrong")

    preview._rebuild(server, fail)
    message = "error: wrong\nthe pages are new; all else is from the last complete build\n"
    assert capsys.readouterr().err == message
    assert server.build != build


@pytest.mark.parametrize("request_to_stop", [KeyboardInterrupt, SystemExit])
def test_the_preview_can_be_stopped_in_a_build(server, request_to_stop):
    def stop(reload: Callable[[], None]) -> None:
        raise request_to_stop

    with pytest.raises(request_to_stop):
        preview._rebuild(server, stop)


def test_a_site_without_its_pdf_is_shown(server, capsys):
    build = server.build

    def fail(reload: Callable[[], None]) -> None:
        raise IncompleteSiteError("no PDF")

    preview._rebuild(server, fail)
    assert capsys.readouterr().err == "error: no PDF\n"
    assert server.build != build


def test_files_that_vanish_while_they_are_listed(book, monkeypatch):
    project = load(book.root)
    glob = Path.glob

    def vanishing(path: Path, pattern: str) -> Iterator[Path]:
        yield from glob(path, pattern)
        yield path / "gone.qmd"
        raise FileNotFoundError(2, "gone", "chapters/old")

    monkeypatch.setattr(Path, "glob", vanishing)
    assert book.root / "chapters/one.qmd" in preview._times(project)


def test_all_watched_files_are_seen(book):
    book.configure(watch=["*.py", "notes/**/*"])
    project = load(book.root)
    seen = [preview._times(project)]
    for name in (
        "index.qmd",
        "chapters/one.qmd",
        "_quarto.yml",
        "references.bib",
        "helper.py",
        "notes/deep/new.txt",
        "pyproject.toml",
        "chapters/new.qmd",
    ):
        book.write(name, f"{name} changed")
        seen.append(preview._times(project))
    assert all(before != after for before, after in itertools.pairwise(seen))
