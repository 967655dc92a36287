"""The PDF: all chapters as one Typst document, set by the `typst` package."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from difflib import SequenceMatcher
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Final, TypeVar

from bookbuild.book import Book, Page
from bookbuild.errors import BookError, DownloadError, error_at
from bookbuild.project import Chapter
from bookbuild.store import kept

PARTS = Path(__file__).parent / "typst"
SAID = 1500  # characters of what Typst says; the rest says where within the template
# What is said to who cannot see a picture or formula, and is not set.
UNSEEN = re.compile(
    r'(?:alt: |#formula\((?:block: true, )?(?:number: "[^"]*", )?)"(?:\\.|[^"\\])*"'
)
WORD = re.compile(r"\w+")
STANDARD: Final = "ua-1"  # Typst then insists on title, language, alt texts and order of headings


Input = TypeVar("Input", Path, bytes)


class _Fault(Exception):
    """What Typst says against a document."""


def write(book: Book, stage: Path) -> None:
    """Write the book's PDF where the book offers one; it is set again only if anything changed.

    Raises
    ------
    DownloadError
        Where Typst cannot set a chapter, or has no letter for one of its characters.
    """
    if "pdf" not in book.project.downloads:
        return
    check_letters(book)
    files = dict(sorted(_files(book).items()))
    parts = [f"{version('typst')} {STANDARD}", *(part for item in files.items() for part in item)]
    pdf = kept(
        book.project.cache / "pdf", parts, lambda path: path.write_bytes(_compile(book, files))
    )
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
    region = region if len(region) == 2 else ""  # not a script, as in zh-Hans
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


def _compile(book: Book, files: dict[str, bytes]) -> bytes:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        try:
            return _typeset(folder / "main.typ", root=folder)
        except _Fault as fault:
            raise _error(book, re.sub(rf"\S*{folder.name}/", "", str(fault))) from None


def _typeset(document: Input, root: Input | None = None) -> bytes:
    """Return a document as PDF.

    Raises
    ------
    _Fault
        Where Typst has anything to say against it.
    """
    import typst

    fonts = typst.Fonts(include_system_fonts=False)  # so that each machine gives the same bytes
    try:
        pdf, warnings = typst.compile_with_warnings(
            document, root=root, font_paths=fonts, pdf_standards=STANDARD
        )
    except typst.TypstError as error:
        raise _Fault(error.diagnostic) from None
    if warnings:
        raise _Fault(warnings[0].diagnostic)
    return pdf


# What is wrong, and where


def check_letters(book: Book) -> None:
    """Find the characters for which the PDF's fonts have no letter.

    Raises
    ------
    DownloadError
        With the first place of each.
    """
    places = dict(_characters(book))
    shown = "\n\n".join(f"#{_typst(character)}" for character in places)
    try:
        _typeset(f'#set document(title: "Letters")\n{shown}'.encode())
    except _Fault as fault:
        absent = re.findall(r'the text `"(.)"` could not be displayed', str(fault))
        found = sorted({(*places[each], each) for each in absent})
        raise DownloadError("\n".join(str(_no_letter(*each)) for each in found)) from None


def _no_letter(path: PurePosixPath, line: int, character: str) -> BookError:
    message = f"the PDF's fonts have no letter for {character} (U+{ord(character):04X})"
    advice = 'show it on the web alone, in `::: {.content-visible when-format="html"}`'
    return error_at(path, line or None, f"{message}: {advice}")


def _characters(book: Book) -> Iterator[tuple[str, tuple[PurePosixPath, int]]]:
    """Yield the characters beyond ASCII that the PDF shows, with their places, from the end."""
    for page in reversed(book.pages):
        in_pdf = {*UNSEEN.sub("", page.rendered.texts["typst"]), *page.rendered.title}
        for line, origin in reversed([*zip(page.woven.lines, page.woven.origins, strict=True)]):
            for character in filter(_is_letter, in_pdf.intersection(line)):
                yield character, (page.source.path, origin)
    project = book.project
    parts = "".join(page.chapter.part for page in book.pages)
    for character in f"{project.title}{project.subtitle}{project.author}{parts}":
        if _is_letter(character):
            yield character, (PurePosixPath("_quarto.yml"), 0)


def _is_letter(character: str) -> bool:
    return character > "~" and character.isprintable()


def _error(book: Book, said: str) -> DownloadError:
    """Return what Typst says, with the file and line of the .qmd that it speaks of."""
    first = said.strip().split("\n\n")[0]
    message = f"the PDF cannot be set: {first[:SAID].strip()}"
    pages = {str(page.chapter.source.with_suffix("")): page for page in book.pages}
    for name, line in re.findall(r"┌─ (\S.*)\.typ:(\d+)", said):
        if page := pages.get(name):
            return DownloadError(str(error_at(page.source.path, _origin(page, int(line)), message)))
    return DownloadError(str(error_at("bookbuild", None, message)))


def _origin(page: Page, line: int) -> int:
    """Return the line of the .qmd from which a line of the chapter's Typst text came.

    pandoc keeps no lines, so the words of both texts are aligned: it is the line of the last word
    that both have, up to the end of that line.
    """
    typst = page.rendered.texts["typst"].split("\n")
    words = [(word, n) for n, text in enumerate(typst, 2) for word in WORD.findall(text)]
    woven = zip(page.woven.lines, page.woven.origins, strict=True)
    origins = [(word, origin) for text, origin in woven for word in WORD.findall(text)]
    aligned = SequenceMatcher(None, [w for w, _ in words], [w for w, _ in origins], autojunk=False)
    pairs = (
        (block.a + n, block.b + n)
        for block in aligned.get_matching_blocks()
        for n in range(block.size)
    )
    before = [origins[there][1] for here, there in pairs if words[here][1] <= line]
    return before[-1] if before else 1
