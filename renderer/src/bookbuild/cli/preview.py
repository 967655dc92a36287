"""Preview for authors: serve the site on this machine, rebuild on save, reload the browser.

The script that reloads is added to a page as it is served; it is never part of the site.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import sys
import threading
import time
from collections.abc import Callable
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bookbuild.source.errors import BookError, IncompleteSiteError, os_error_message
from bookbuild.source.project import Project

WATCHED = ("*.qmd", "*.yml", "*.cff", "*.bib", "pyproject.toml", "chapters/**/*")
SCRIPT = b"""const { build } = document.currentScript.dataset;
new EventSource(`/.reload?${build}`).onmessage = () => location.reload();
"""
WAIT_SECONDS = 2
TAG = '<script src="/.reload.js" data-build="{build}"></script></head>'


class Server(ThreadingHTTPServer):
    """Serves a folder, and tells open pages when to reload."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int) -> None:
        """Listen on `port` of this machine only; 0 means any free port."""
        self.changed = threading.Condition()
        self.build = time.time_ns()  # an earlier server's pages may still be open
        super().__init__(("127.0.0.1", port), functools.partial(_Handler, directory=str(folder)))

    def reload(self) -> None:
        """Make all open pages reload."""
        with self.changed:
            self.build += 1
            self.changed.notify_all()


class _Handler(SimpleHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        address, _, query = self.path.partition("?")
        path = Path(self.translate_path(address))
        page = path / "index.html" if path.is_dir() else path
        if address == "/.reload":
            self._wait(query)
        elif address == "/.reload.js":
            self._send(SCRIPT, "text/javascript")
        elif page.suffix == ".html" and page.is_file() and address.endswith((".html", "/")):
            tag = TAG.format(build=self.server.build).encode()  # before the page is read
            self._send(page.read_bytes().replace(b"</head>", tag, 1), "text/html; charset=utf-8")
        else:
            super().do_GET()

    def _send(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def end_headers(self) -> None:
        """Forbid caching: the browser would go on showing the pictures of the last build."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def _wait(self, seen: str) -> None:
        """Tell the page to reload as soon as there is a newer build than the one that it shows.

        The page asks again when the connection ends. Browsers open only six at once, so that pages
        which waited for longer would block others.
        """
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the page has been closed
            self.wfile.write(b"retry: 300\n\n")
            with self.server.changed:
                changed = self.server.changed.wait_for(
                    lambda: str(self.server.build) != seen, WAIT_SECONDS
                )
            self.wfile.write(b"data: reload\n\n" if changed else b"")

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the terminal is for the builds."""


def preview(project: Project, port: int, build: Callable[[Callable[[], None]], None]) -> None:
    """Build, serve and rebuild until stopped; a failed build leaves the last site in place.

    `build` calls the function that it is given once the pages are there.
    """
    with _server(project, port) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"preview: http://127.0.0.1:{server.server_port}/  (Ctrl-C stops)", flush=True)
        seen: dict[Path, int] = {}
        while True:
            if (now := _times(project)) != seen:
                seen = now
                _rebuild(server, build)
            time.sleep(0.3)


def _server(project: Project, port: int) -> Server:
    folder = project.root / project.output
    try:
        return Server(folder, port)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        with Server(folder, 0) as other:
            free = other.server_port
        command = project.settings.preview_command.format(port=free)
        message = f"cannot use port {port}: {error.strerror}"
        raise BookError(f"{message}; port {free} is free: {command}") from None


def _rebuild(server: Server, build: Callable[[Callable[[], None]], None]) -> None:
    before = server.build
    try:
        build(server.reload)
    except IncompleteSiteError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        server.reload()  # the pages no longer link to what is missing
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # not even our own bugs or a panic in Typst may end it
        state = "the last complete site stays"
        if server.build != before:
            state = "the pages are new; all else is from the last complete build"
        print(f"error: {_message(error)}\n{state}", file=sys.stderr, flush=True)


def _message(error: BaseException) -> str:
    if isinstance(error, OSError):
        return os_error_message(error)
    is_known = isinstance(error, BookError)
    return str(error) if is_known else f"the renderer failed: {type(error).__name__}: {error}"


def _times(project: Project) -> dict[Path, int]:
    """Return when each watched file was last written."""
    times = {}
    patterns = (*WATCHED, *project.settings.watch)
    for pattern in patterns:
        with contextlib.suppress(OSError):  # a file or folder that has just been removed
            for path in filter(Path.is_file, project.root.glob(pattern)):
                times[path] = path.stat().st_mtime_ns
    return times
