"""The one error that readers of messages see, and how it says where something is wrong."""

from __future__ import annotations

import difflib
import errno
import os
import shutil
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

SHOWN = 200  # characters of a message of the machine
OWN = "; the book's folder, and all in it, must be writable for you"
ROOM = "; make room on the disk, then run it again"
ADVICE = {
    errno.EACCES: OWN,
    errno.EPERM: OWN,
    errno.EROFS: OWN,
    errno.ENOSPC: ROOM,
    errno.EDQUOT: ROOM,
}


class BookError(Exception):
    """Something in the book's sources is wrong; the message is for whoever wrote them."""


class DownloadError(BookError):
    """What the site offers beside its pages cannot be made; the pages can do without it."""


class Incomplete(BookError):
    """The site was written, but for a part; the message says which."""


def error_at(path: Path | PurePosixPath | str, line: int | None, message: str) -> BookError:
    """Return a `BookError` that says where: `path:line: message`."""
    return BookError(f"{path}:{line}: {message}" if line else f"{path}: {message}")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean ...?)` for a near miss, else an empty string."""
    near = difflib.get_close_matches(word, sorted(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def of_the_machine(error: OSError) -> str:
    """Return in one line what the machine refuses, and what to do."""
    what = error.strerror or str(error)
    if isinstance(error, shutil.Error):  # of a whole folder: a list, of which the first will do
        what = str(error.args[0][0][-1])
    advice = next((a for code, a in ADVICE.items() if os.strerror(code) in what), "")
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{what.splitlines()[0][:SHOWN]}{advice}"
