"""The PDF: all chapters as one Typst document, set by the `typst` package.

It is kept under a hash of everything that goes into it, so an unchanged book costs nothing.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bookbuild import pandoc
from bookbuild.book import Book
from bookbuild.execute import write_whole
from bookbuild.project import BookError, Chapter, error_at

if TYPE_CHECKING:
    from typst import TypstError, TypstWarning

TYPST = Path(__file__).parent / "typst"
STANDARD: Final = "ua-1"  # Typst then insists on title, language, alt texts and order of headings


def make(book: Book) -> bytes:
    """Return the book's PDF, set anew where anything in it has changed.

    Raises
    ------
    BookError
        Where Typst cannot set a chapter.
    """
    files = _files(book)
    digest = hashlib.sha256(f"{version('typst')} {STANDARD}".encode())
    for name, content in sorted(files.items()):
        digest.update(f"\0{name}\0{len(content)}\0".encode() + content)
    entry = book.project.cache / "pdf" / f"{digest.hexdigest()}.pdf"
    if entry.exists():
        return entry.read_bytes()
    pdf = _compile(files)
    for last in entry.parent.glob("*.pdf"):
        last.unlink(missing_ok=True)
    write_whole(entry, pdf)
    return pdf


def _files(book: Book) -> dict[str, bytes]:
    """Return all that Typst reads, by path from the project's root."""
    root = book.project.root
    files = {"main.typ": _main(book).encode()}
    for name in ("book.typ", "tokens.typ", "python.sublime-syntax"):
        files[name] = (TYPST / name).read_bytes()
    for chapter, woven in book.wovens.items():
        text = pandoc.render(book.project, chapter, woven, book.found, to="typst")
        files[_name(chapter)] = f'#import "/book.typ": *\n{text}'.encode()
        folder = chapter.source.parent
        files |= {str(folder / path): data for path, data in woven.pictures.items()}
        pictures = book.own_pictures(chapter).values()
        files |= {str(path): (root / path).read_bytes() for path in pictures}
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
    for chapter in project.chapters:
        held = book.found[chapter]
        title = f"{_typst(chapter.label)}, {_typst(held['title'])}"
        lines += [f"#section(1, {title}) <{held['id']}>", f'#include "{_name(chapter)}"']
    return "\n".join(lines) + "\n"


def _parts(book: Book) -> Iterator[str]:
    """Yield each part's name with the label of its first chapter."""
    for part, chapters in itertools.groupby(book.project.chapters, key=lambda c: c.part):
        yield f"({_typst(part)}, <{book.found[next(chapters)]['id']}>), "


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
