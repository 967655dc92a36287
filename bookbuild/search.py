"""The search index of the staged pages, made by pagefind."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from bookbuild.book import Book
from bookbuild.errors import BookError
from bookbuild.store import kept


def write(book: Book, stage: Path) -> None:
    """Write the index; it is made again only where a page has changed."""
    pages = [(stage / page.chapter.page).read_bytes() for page in book.pages]

    def make(path: Path) -> None:
        _pagefind(stage, path, book.project.lang[:2])
        for widget in path.glob("pagefind-*"):  # its own search boxes: the template has ours
            if not widget.name.startswith(("pagefind-entry", "pagefind-worker")):
                widget.unlink()

    index = kept(book.project.cache / "search", [version("pagefind"), *pages], make)
    shutil.copytree(index, stage / "pagefind")


def _pagefind(pages: Path, output: Path, language: str) -> None:
    command = [sys.executable, "-m", "pagefind", "--site", str(pages), "--output-path", str(output)]
    command += ["--force-language", language, "--silent"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode or not output.is_dir():
        raise BookError(f"pagefind made no search index: {done.stdout}{done.stderr}")
