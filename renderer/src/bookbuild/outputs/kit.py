"""Pack the kit: an archive of all notebooks and what they need, for readers without a checkout.

It contains the files in the project's kit folder, the notebooks, and the files that these name, but
only the committed data and the recipe for the rest. All notebooks are in the top folder, since a
notebook looks for its files in its own folder. The archive's bytes depend only on these files.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from bookbuild.outputs import needs
from bookbuild.outputs.notebooks import EDITIONS
from bookbuild.render.book import Book, Page
from bookbuild.run.cache import data_outputs, data_recipe, get_or_create
from bookbuild.source.errors import BookError
from bookbuild.source.project import Project

DATE = (1980, 1, 1, 0, 0, 0)  # the earliest in a ZIP archive
MODE = 0o644
CONTENTS = "contents.txt"  # lists the files without which a notebook would stop


def write(book: Book, site: Path) -> None:
    """Write the kit, if the project has one."""
    project = book.project
    if not project.kit_name:
        return
    folder = project.root / project.settings.kit
    own = {path.name: path for path in folder.iterdir() if path.is_file()}
    files = _needed_files(book) | own
    contents = "".join(f"{name}\n" for name in sorted(files))
    texts = {name: path.read_bytes() for name, path in (files | _notebooks(book, site)).items()}
    texts[CONTENTS] = contents.encode()
    key_parts = [part for item in sorted(texts.items()) for part in item]
    kit = get_or_create(project.cache / "kit", key_parts, lambda path: _pack(path, texts))
    shutil.copyfile(kit, site / project.kit_name)


def _pack(path: Path, files: dict[str, bytes]) -> None:
    with ZipFile(path, "w") as kit:
        for name in sorted(files):
            entry = ZipInfo(name, DATE)
            entry.external_attr, entry.compress_type = MODE << 16, ZIP_DEFLATED
            kit.writestr(entry, files[name])


def _notebooks(book: Book, site: Path) -> dict[str, Path]:
    """Return the site's notebooks by name."""
    notebooks: dict[str, Path] = {}
    for page in book.pages:
        for path in _editions(page, site):
            if path.name in notebooks:
                message = "another chapter's file has the same name, and the kit has one folder"
                raise BookError(f"{page.chapter.source}: {message}; rename one of them")
            notebooks[path.name] = path
    return notebooks


def _editions(page: Page, site: Path) -> Iterator[Path]:
    path = (site / page.chapter.page).with_suffix(".ipynb")
    others = [path.with_name(f"{path.stem}-{ending}.ipynb") for ending in EDITIONS]
    yield from (file for file in [path, *others] if file.exists())


def _needed_files(book: Book) -> dict[str, Path]:
    """Return the project's files that a notebook needs, by their paths from the root."""
    project, folder = book.project, book.project.settings.data
    prepared = [Path(folder, name) for name in data_outputs(project)]
    wanted = {*project.settings.kit_extra, *(f"{folder}/{name}" for name in data_recipe(project))}
    for page in book.pages:
        needed = needs.find(project, [cell.code for cell in page.source.cells])
        wanted |= {*needed.files, *needed.data} - {folder}

    def is_committed(path: Path) -> bool:
        return not any(path == output or output in path.parents for output in prepared)

    names = filter(is_committed, map(Path, wanted))  # first, so as not to list folders of pictures
    files = {file for name in names for file in _files(project, name)}
    return {file.as_posix(): project.root / file for file in filter(is_committed, files)}


def _files(project: Project, path: Path) -> Iterator[Path]:
    """Yield a file, or the files in a folder, by their paths from the project's root."""
    start = project.root / path
    for file in [start, *sorted(start.rglob("*"))]:
        if file.is_file() and "__pycache__" not in file.parts:
            yield file.relative_to(project.root)
