"""Run an ipykernel that shows everything a cell writes to file descriptors 1 and 2, in order.

What a child process or a C library prints goes through a pipe. ipykernel 7.4.0 may end a cell, or
show its value, before it has read the whole pipe, and nbclient ignores what arrives later: of 60
cells that each wrote 60,000 bytes, 4 lost the end. ipykernel also decodes 1,000 bytes at a time,
which splits characters.

kernel.py runs this file as a program, because importing bookbuild would take longer.
"""

from __future__ import annotations

import codecs
import os
import select
import sys
import threading
from typing import Any

del sys.path[0]  # this program's folder, whose modules no cell should find

from ipykernel.iostream import OutStream  # noqa: E402
from ipykernel.kernelapp import IPKernelApp  # noqa: E402


class Stream(OutStream):
    """A stream that shows what its descriptor has received before it shows anything else."""

    _fid: Any  # ipykernel's end of the pipe, for reading

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.lock = threading.RLock()  # a signal handler may print meanwhile
        super().__init__(*arguments, **options)
        # keeps the pipe open when a cell closes or redirects the descriptor
        self.writing_end = os.dup(self._original_stdstream_fd)

    def fileno(self) -> int:
        """Return the descriptor that leads here, for a child process."""
        return self._original_stdstream_fd

    def write(self, string: str) -> int | None:  # type: ignore[override]
        """Show what the descriptor has received, and then the text."""
        self._show_unread()
        return super().write(string)

    def flush(self) -> None:
        """Send everything; ipykernel does so before it shows anything else."""
        self._show_unread()
        super().flush()

    def end_cell(self, _result: object) -> None:
        """Show the rest of what the cell has written."""
        self._show_unread()
        if not self.closed:
            super().write(self.decoder.decode(b"", final=True))

    def _watch_pipe_fd(self) -> None:
        while self._should_watch:
            select.select([self._fid], [], [])
            self._show_unread()

    def _show_unread(self) -> None:
        if not self._is_master_process():  # a forked child may inherit a held lock
            return
        with self.lock:
            while self._should_watch and select.select([self._fid], [], [], 0)[0]:
                super().write(self.decoder.decode(os.read(self._fid, 65536)))


def main() -> None:
    """Start the kernel that the command line describes, as `ipykernel_launcher` does."""
    app: Any = IPKernelApp.instance(outstream_class="__main__.Stream")
    app.initialize()
    streams: list[Any] = [sys.stdout, sys.stderr]
    for stream in streams:
        app.shell.events.register("post_run_cell", stream.end_cell)
    app.start()


if __name__ == "__main__":
    main()
