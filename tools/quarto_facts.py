"""`make quarto-facts`: record what a real Quarto writes of the small book and of this one.

Where there is no Quarto, `tests/quarto` compares the built-in renderer's pages with these facts. Of
the small book all are kept. Of this one only its structure is: its numbers may move, and its code
is kept as a hash. Each page is kept with the hash of its source: once a chapter has changed, its
facts say nothing about it until they are recorded again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path, PurePosixPath

from bookbuild.errors import BookError
from bookbuild.quarto import find
from tools import facts
from tools.scratch import REPOSITORY, copy_book

SMALL = REPOSITORY / "tests/quarto/small"
FACTS = REPOSITORY / "tests/quarto/facts"


def main() -> int:
    """Record both books; return the exit status."""
    try:
        quarto, _ = find("quarto")
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    version = subprocess.run([str(quarto), "--version"], capture_output=True, text=True).stdout
    FACTS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, copy in (("small", copy_small), ("book", copy_whole)):
            site = build(copy(Path(folder, name)), "quarto")
            text = json.dumps(recorded(name, site, version.strip()), ensure_ascii=False, indent=1)
            (FACTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
            print(f"wrote {(FACTS / name).relative_to(REPOSITORY)}.json")
    return 0


def recorded(name: str, site: Path, version: str) -> dict:
    """Return what is kept of a site that Quarto has written."""
    pages = facts.of_site(site)
    if name == "book":
        pages = {page: structure(found) for page, found in pages.items()}
    sources = {page: source_hash(root_of(name), page) for page in pages}
    return {"quarto": version, "sources": sources, "pages": pages}


def structure(found: facts.Facts) -> facts.Facts:
    """Return the facts of a page that stay when its results move."""
    kept = {kind: found[kind] for kind in found if kind not in ("paragraphs", "outputs")}
    kept["tables"] = [table[:3] for table in found["tables"]]  # id, caption, header
    kept["callouts"] = [callout[:3] for callout in found["callouts"]]  # without its text
    kept["code"] = [[hashlib.sha256(code.encode()).hexdigest()[:12]] for (code,) in found["code"]]
    return kept


def root_of(name: str) -> Path:
    """Return the folder of a book's sources."""
    return SMALL if name == "small" else REPOSITORY


def source_hash(root: Path, page: str) -> str:
    """Return the hash of the .qmd that a page is made of."""
    source = root / PurePosixPath(page).with_suffix(".qmd")
    return hashlib.sha256(source.read_bytes()).hexdigest()[:12]


def copy_small(target: Path) -> Path:
    """Copy the small book, with this book's scripts to run before and after Quarto."""
    shutil.copytree(SMALL, target)
    shutil.copytree(REPOSITORY / "quarto", target / "quarto")  # a script finds its book beside it
    for name in ("bookbuild", ".venv"):
        (target / name).symlink_to(REPOSITORY / name)
    return target


def copy_whole(target: Path) -> Path:
    """Copy this book, with its data, packages and what its cells gave."""
    copy_book(REPOSITORY, target)
    shutil.copytree(REPOSITORY / ".cache/executed", target / ".cache/executed")
    (target / ".venv").symlink_to(REPOSITORY / ".venv")
    return target


def build(book: Path, renderer: str) -> Path:
    """Build a copy of a book; return its site's folder.

    Raises
    ------
    SystemExit
        If the renderer fails, with what it said.
    """
    command = [sys.executable, "-m", "bookbuild", "--root", str(book), "build"]
    done = subprocess.run(
        [*command, "--renderer", renderer],
        cwd=REPOSITORY,
        env=os.environ | {"QUARTO_PYTHON": sys.executable},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return book / "_book"


if __name__ == "__main__":
    sys.exit(main())
