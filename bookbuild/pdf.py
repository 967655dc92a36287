"""The PDF: all chapters as one Typst document, set by the `typst` package."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bookbuild.book import Book
from bookbuild.errors import BookError, error_at
from bookbuild.project import Chapter
from bookbuild.store import kept

if TYPE_CHECKING:
    from typst import TypstError, TypstWarning

PARTS = Path(__file__).parent / "typst"
STANDARD: Final = "ua-1"  # Typst then insists on title, language, alt texts and order of headings


def write(book: Book, stage: Path) -> None:
    """Write the book's PDF where the book offers one; it is set again only if anything changed.

    Raises
    ------
    BookError
        Where Typst cannot set a chapter.
    """
    if "pdf" not in book.project.downloads:
        return
    files = dict(sorted(_files(book).items()))
    parts = [f"{version('typst')} {STANDARD}", *(part for item in files.items() for part in item)]
    pdf = kept(book.project.cache / "pdf", parts, lambda path: path.write_bytes(_compile(files)))
    shutil.copyfile(pdf, stage / book.project.pdf_name)


def _files(book: Book) -> dict[str, bytes]:
    """Return all that Typst reads, by path from the project's root."""
    root = book.project.root
    files = {"main.typ": _main(book).encode()}
    files |= {path.name: path.read_bytes() for path in PARTS.iterdir()}
    for page in book.pages:
        folder = page.chapter.source.parent
        text = f'#import "/book.typ": *\n{page.rendered.texts["typst"]}'
        files[_name(page.chapter)] = text.encode()
        files |= {str(folder / path): data for path, data in page.woven.pictures.items()}
        files |= {str(p): (root / p).read_bytes() for p in page.own_pictures(root).values()}
    return files


def _name(chapter: Chapter) -> str:
    return str(chapter.source.with_suffix(".typ"))


def _main(book: Book) -> str:
    """Return the document that takes the chapters in, in order."""
    project = book.project
    language, _, region = project.lang.partition("-")
    names = {n: getattr(project, n) for n in ("title", "subtitle", "author", "version")}
    names |= {"lang": language, "region": region}
    arguments = [f"{name}: {_typst(value)}" for name, value in names.items()]
    arguments.append(f"parts: ({''.join(_parts(book))})")
    lines = ['#import "book.typ": *', f"#show: book.with({', '.join(arguments)})"]
    for page in book.pages:
        title = f"{_typst(page.chapter.label)}, {_typst(page.rendered.title)}"
        lines += [f"#section(1, {title}) <{page.rendered.id}>", f'#include "{_name(page.chapter)}"']
    return "\n".join(lines) + "\n"


def _parts(book: Book) -> Iterator[str]:
    """Yield each part's name with the label of its first chapter."""
    for part, pages in itertools.groupby(book.pages, key=lambda page: page.chapter.part):
        yield f"({_typst(part)}, <{next(pages).rendered.id}>), "


def _typst(value: str | None) -> str:
    """Return a text as Typst writes it, and none for an empty one."""
    return json.dumps(value, ensure_ascii=False) if value else "none"


def _compile(files: dict[str, bytes]) -> bytes:
    import typst

    fonts = typst.Fonts(include_system_fonts=False)  # so that each machine gives the same bytes
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        try:
            pdf, warnings = typst.compile_with_warnings(
                folder / "main.typ", root=folder, font_paths=fonts, pdf_standards=STANDARD
            )
        except typst.TypstError as error:
            raise _fault(folder, error) from None
    if warnings:
        raise _fault(folder, warnings[0])
    return pdf


def _fault(folder: Path, found: TypstError | TypstWarning) -> BookError:
    """Return what Typst says, under the name of the chapter that it speaks of."""
    text = re.sub(rf"\S*{folder.name}/", "", found.diagnostic)
    place = re.search(r"┌─ (\S.*)\.typ:\d+", text)
    name = f"{place[1]}.qmd" if place and place[1] not in ("main", "book") else "bookbuild"
    return error_at(name, None, f"the PDF cannot be set: {text.strip()}")
