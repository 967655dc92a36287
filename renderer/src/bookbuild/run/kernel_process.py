"""Run an ipykernel that loses nothing of what cells write to file descriptors.

The output of a child process, or of a library in C, goes through a pipe. In ipykernel 7.4.0 a cell
may end before that pipe has been read, and nbclient ignores what comes later: of 60 cells that
wrote 60,000 bytes each, 4 lost the end. It also decodes 1,000 bytes at a time, which cuts
characters.

kernel.py starts this as a program, without importing bookbuild, which would take longer.
"""

from __future__ import annotations

import codecs
import os
import select
import sys
import threading
from typing import Any


class Pipe:
    """A pipe from a file descriptor to one of ipykernel's streams; it replaces ipykernel's own."""

    def __init__(self, stream: Any, descriptor: int) -> None:
        self.stream = stream
        self.reading_end, writing_end = os.pipe()
        os.dup2(writing_end, descriptor)
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.lock = threading.Lock()
        threading.Thread(target=self._read_on, daemon=True).start()

    def end_cell(self, _result: object) -> None:
        """Show the rest of what the cell has written."""
        self._show_unread()
        self.stream.write(self.decoder.decode(b"", final=True))

    def _read_on(self) -> None:
        while True:
            select.select([self.reading_end], [], [])
            self._show_unread()

    def _show_unread(self) -> None:
        with self.lock:
            while select.select([self.reading_end], [], [], 0)[0]:
                self.stream.write(self.decoder.decode(os.read(self.reading_end, 65536)))


def main() -> None:
    """Start the kernel that the command line describes, as `ipykernel_launcher` does."""
    del sys.path[0]  # this program's folder
    from ipykernel.kernelapp import IPKernelApp

    app: Any = IPKernelApp.instance()
    app.initialize()
    for stream, descriptor in ((sys.stdout, 1), (sys.stderr, 2)):
        app.shell.events.register("post_run_cell", Pipe(stream, descriptor).end_cell)
    app.start()


if __name__ == "__main__":
    main()
