"""Record what Quarto writes for the small book and for this one: `make quarto-facts`.

Where Quarto is not installed, tests/parity compares the built-in renderer's pages with these
records. The record of the small book is complete. That of this book holds only its structure and
hashes of its code, as its numbers may change. Each page is recorded with the hash of its source:
the record of a changed chapter is out of date until it is recorded again.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path, PurePosixPath

import bookbuild
from renderer.tests.support.processes import build
from tests.parity import facts
from tools.scratch import REPOSITORY, copy_book

SMALL = REPOSITORY / "tests/parity/small"
RECORDED = REPOSITORY / "tests/parity/recorded"


def main() -> int:
    """Record both books; return the exit status."""
    try:
        quarto, _ = bookbuild.find_quarto("quarto")
    except bookbuild.BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    version = subprocess.run([str(quarto), "--version"], capture_output=True, text=True).stdout
    RECORDED.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, copy in (("small", copy_small), ("book", copy_whole)):
            site = build(copy(Path(folder, name)), "quarto")
            text = json.dumps(record(name, site, version.strip()), ensure_ascii=False, indent=1)
            (RECORDED / f"{name}.json").write_text(text + "\n", encoding="utf-8")
            print(f"wrote {(RECORDED / name).relative_to(REPOSITORY)}.json")
    return 0


def record(name: str, site: Path, version: str) -> dict:
    """Return the record of a site that Quarto has written."""
    pages = facts.of_site(site)
    if name == "book":
        pages = {page: structure(of_page) for page, of_page in pages.items()}
    sources = {page: source_hash(root_of(name), page) for page in pages}
    return {"quarto": version, "sources": sources, "pages": pages}


def structure(of_page: facts.Facts) -> facts.Facts:
    """Return the facts of a page that do not change with its results."""
    stable = {kind: of_page[kind] for kind in of_page if kind not in ("paragraphs", "outputs")}
    stable["tables"] = [table[:3] for table in of_page["tables"]]  # id, caption, header
    stable["callouts"] = [callout[:3] for callout in of_page["callouts"]]  # without its text
    code = [code.encode() for (code,) in of_page["code"]]
    stable["code"] = [[hashlib.sha256(text).hexdigest()[:12]] for text in code]
    return stable


def root_of(name: str) -> Path:
    """Return the folder of a book's sources."""
    return SMALL if name == "small" else REPOSITORY


def source_hash(root: Path, page: str) -> str:
    """Return the hash of the source of a page."""
    source = root / PurePosixPath(page).with_suffix(".qmd")
    return hashlib.sha256(source.read_bytes()).hexdigest()[:12]


def copy_small(target: Path) -> Path:
    """Copy the small book, with this book's scripts for Quarto to run before and after it."""
    shutil.copytree(SMALL, target)
    shutil.copytree(REPOSITORY / "quarto", target / "quarto")  # a script runs on the book around it
    (target / ".venv").symlink_to(REPOSITORY / ".venv")
    return target


def copy_whole(target: Path) -> Path:
    """Copy this book, with its data, packages and cached results."""
    copy_book(REPOSITORY, target)
    shutil.copytree(REPOSITORY / ".cache/executed", target / ".cache/executed")
    (target / ".venv").symlink_to(REPOSITORY / ".venv")
    return target


if __name__ == "__main__":
    sys.exit(main())
