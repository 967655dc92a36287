"""The one error that readers of messages see, and how it says where something is wrong."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath


class BookError(Exception):
    """Something in the book's sources is wrong; the message is for whoever wrote them."""


class Incomplete(BookError):
    """The site was written, but for a part; the message says which."""


def error_at(path: Path | PurePosixPath | str, line: int | None, message: str) -> BookError:
    """Return a `BookError` that says where: `path:line: message`."""
    return BookError(f"{path}:{line}: {message}" if line else f"{path}: {message}")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean ...?)` for a near miss, else an empty string."""
    near = difflib.get_close_matches(word, sorted(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""
