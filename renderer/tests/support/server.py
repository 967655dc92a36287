"""Serve a built site on this machine."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on a free local port and yield the address of its root.

    The server is a process of its own, without site-packages: threads that begin and end with each
    request occasionally fail under coverage.
    """
    command = [sys.executable, "-S", "-u", "-m", "http.server", "--bind", "127.0.0.1", "0"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen([*command, "--directory", str(folder)], **pipes) as process:
        try:
            port = re.search(r"port (\d+)", process.stdout.readline())[1]
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()
