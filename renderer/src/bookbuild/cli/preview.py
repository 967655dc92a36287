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
SCRIPT = b'new EventSource("/.reload").onmessage = () => location.reload();\n'
TAG = b'<script src="/.reload.js" defer></script></head>'


class Server(ThreadingHTTPServer):
    """Serves a folder, and tells open pages when to reload."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int) -> None:
        """Listen on `port` of this machine only; 0 means any free port."""
        self.built = threading.Condition()
        super().__init__(("127.0.0.1", port), functools.partial(_Handler, directory=str(folder)))

    def reload(self) -> None:
        """Make all open pages reload."""
        with self.built:
            self.built.notify_all()


class _Handler(SimpleHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        page = path / "index.html" if path.is_dir() else path
        if self.path == "/.reload":
            self._wait()
        elif self.path == "/.reload.js":
            self._send(SCRIPT, "text/javascript")
        elif page.suffix == ".html" and page.is_file() and self.path.endswith((".html", "/")):
            self._send(page.read_bytes().replace(b"</head>", TAG, 1), "text/html; charset=utf-8")
        else:
            super().do_GET()

    def _send(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def _wait(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.flush()
        with self.server.built:
            self.server.built.wait()
        with contextlib.suppress(ConnectionError):  # the page has been closed
            self.wfile.write(b"data: reload\n\n")

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the terminal is for the builds."""


def preview(project: Project, port: int, build: Callable[[], None]) -> None:
    """Build, serve and rebuild until stopped; a failed build leaves the last site in place."""
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


def _rebuild(server: Server, build: Callable[[], None]) -> None:
    try:
        build()
    except IncompleteSiteError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
    except (BookError, OSError) as error:
        message = os_error_message(error) if isinstance(error, OSError) else error
        print(f"error: {message}\nthe last complete site stays", file=sys.stderr, flush=True)
        return
    server.reload()


def _times(project: Project) -> dict[Path, int]:
    """Return when each watched file was last written."""
    times = {}
    patterns = (*WATCHED, *project.settings.watch)
    for path in {path for pattern in patterns for path in project.root.glob(pattern)}:
        with contextlib.suppress(FileNotFoundError):  # an editor's temporary file, gone again
            if path.is_file():
                times[path] = path.stat().st_mtime_ns
    return times
