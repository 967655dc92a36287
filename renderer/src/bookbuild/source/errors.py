"""The errors that users see, and the wording that their messages share."""

from __future__ import annotations

import difflib
import errno
import os
import shutil
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

MESSAGE_LENGTH = 200  # characters of an operating system's message
PERMISSION = "; check that you have write permission for the book's folder and all in it"
DISK_FULL = "; free some disk space, then run it again"
ADVICE = {
    errno.EACCES: PERMISSION,
    errno.EPERM: PERMISSION,
    errno.EROFS: PERMISSION,
    errno.ENOSPC: DISK_FULL,
    errno.EDQUOT: DISK_FULL,
}


class BookError(Exception):
    """A mistake in the book's sources; the message is written for their author."""


class DownloadError(BookError):
    """A download, such as the PDF, cannot be made; the pages do not need it."""


class IncompleteSiteError(BookError):
    """The site was written without one of its downloads; the message names it."""


def error_at(path: Path | PurePosixPath | str, line: int | None, message: str) -> BookError:
    """Return a `BookError` with its place: `path:line: message`."""
    return BookError(f"{path}:{line}: {message}" if line else f"{path}: {message}")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean …?)` for a near miss, else an empty string."""
    near = difflib.get_close_matches(word, sorted(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def os_error_message(error: OSError) -> str:
    """Return one line about what the operating system refused, with the remedy."""
    reason = error.strerror or str(error)
    if isinstance(error, shutil.Error):  # one entry for each file of a folder; the first will do
        reason = str(error.args[0][0][-1])
    advice = next((text for code, text in ADVICE.items() if os.strerror(code) in reason), "")
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{reason.splitlines()[0][:MESSAGE_LENGTH]}{advice}"
