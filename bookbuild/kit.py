"""The kit: one archive with all notebooks and what they need, for readers without the repository.

It holds what lies in the project's folder `kit/`, the notebooks as they are staged, and the files
that these name; of the data, what is committed and the recipe, not what the recipe makes. All lie
side by side, as a notebook looks for its files in its own folder. The bytes depend on these alone.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from bookbuild import ingredients, needs
from bookbuild.book import Book, Page
from bookbuild.errors import BookError
from bookbuild.practice import VERSIONS
from bookbuild.project import Project
from bookbuild.store import kept

DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that an archive knows
MODE = 0o644
ALWAYS = ("LICENSE", "requirements.txt", "data/README.md")  # where there are any
CONTENTS = "contents.txt"  # the files without which a notebook would stop


def write(book: Book, stage: Path) -> None:
    """Write the kit of a project that has a folder `kit/`."""
    project = book.project
    if not project.kit_name:
        return
    own = {path.name: path for path in (project.root / "kit").iterdir() if path.is_file()}
    files = _needed(book) | own
    contents = "".join(f"{name}\n" for name in sorted(files))
    texts = {name: path.read_bytes() for name, path in (files | _notebooks(book, stage)).items()}
    texts[CONTENTS] = contents.encode()
    parts = [part for item in sorted(texts.items()) for part in item]
    kit = kept(project.cache / "kit", parts, lambda path: _pack(path, texts))
    shutil.copyfile(kit, stage / project.kit_name)


def _pack(path: Path, files: dict[str, bytes]) -> None:
    with ZipFile(path, "w") as kit:
        for name in sorted(files):
            entry = ZipInfo(name, DATE)
            entry.external_attr, entry.compress_type = MODE << 16, ZIP_DEFLATED
            kit.writestr(entry, files[name])


def _notebooks(book: Book, stage: Path) -> dict[str, Path]:
    """Return the staged notebooks by name."""
    found: dict[str, Path] = {}
    for page in book.pages:
        for path in _staged(page, stage):
            if path.name in found:
                message = "another chapter's file has the same name, and the kit has one folder"
                raise BookError(f"{page.chapter.source}: {message}: rename one of them")
            found[path.name] = path
    return found


def _staged(page: Page, stage: Path) -> Iterator[Path]:
    path = (stage / page.chapter.page).with_suffix(".ipynb")
    others = [path.with_name(f"{path.stem}-{ending}.ipynb") for ending in VERSIONS]
    yield from (file for file in [path, *others] if file.exists())


def _needed(book: Book) -> dict[str, Path]:
    """Return the project's files that a notebook needs, by their paths in it."""
    project = book.project
    made = [Path("data", name) for name in ingredients.outputs(project)]
    wanted = {*ALWAYS, *(f"data/{name}" for name in ingredients.recipe(project))}
    for page in book.pages:
        needed = needs.of(project, [cell.code for cell in page.source.cells])
        wanted |= {*needed.files, *needed.data} - {"data"}

    def is_committed(path: Path) -> bool:
        return not any(path == output or output in path.parents for output in made)

    names = filter(is_committed, map(Path, wanted))  # so that no folder of pictures is walked
    files = {file for name in names for file in _files(project, name)}
    return {file.as_posix(): project.root / file for file in filter(is_committed, files)}


def _files(project: Project, path: Path) -> Iterator[Path]:
    """Yield a file, or the files in a folder, by their paths from the project's root."""
    place = project.root / path
    for file in [place, *sorted(place.rglob("*"))]:
        if file.is_file() and "__pycache__" not in file.parts:
            yield file.relative_to(project.root)
