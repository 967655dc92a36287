"""Typeset the PDF: all chapters as one Typst document."""

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

from bookbuild.outputs import brand
from bookbuild.render.book import Book, Page
from bookbuild.run.cache import get_or_create
from bookbuild.source.errors import BookError, DownloadError, error_at
from bookbuild.source.project import Chapter

TEMPLATE = Path(__file__).parent / "typst"
MESSAGE_LENGTH = 1500  # characters of Typst's message; the rest is about the template
# Alt text and titles in the outline: read by screen readers and viewers, never typeset.
ALT_TEXT = re.compile(
    r'(?:alt: |#rich\(|#formula\((?:block: true, )?(?:number: "[^"]*", )?)"(?:\\.|[^"\\])*"'
)
WORD = re.compile(r"\w+")
TOO_WIDE = re.compile(r"panicked with: too wide: (.*)")  # from book.typ: the formula's TeX
STANDARD: Final = "ua-1"  # Typst then requires title, language, alt texts and ordered headings

Input = TypeVar("Input", Path, bytes)


class _TypstError(Exception):
    """Typst's message about a document."""


def write(book: Book, stage: Path) -> None:
    """Write the book's PDF if the book offers one; typeset it only if anything changed.

    Raises
    ------
    DownloadError
        If Typst cannot typeset a chapter, or has no glyph for one of its characters.
    """
    if "pdf" not in book.project.downloads:
        return
    files = dict(sorted(_files(book).items()))
    key_parts = [
        f"{version('typst')} {STANDARD}",
        *(part for item in files.items() for part in item),
    ]
    pdf = get_or_create(
        book.project.cache / "pdf", key_parts, lambda path: path.write_bytes(_compile(book, files))
    )
    shutil.copyfile(pdf, stage / book.project.pdf_name)


def _files(book: Book) -> dict[str, bytes]:
    """Return all files that Typst reads, by path from the project's root."""
    root = book.project.root
    files = {"main.typ": _main(book).encode()}
    files |= {path.name: path.read_bytes() for path in TEMPLATE.iterdir()}
    files["_brand.yml"] = brand.read(root).text.encode()
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
    """Return the document that includes the chapters in order."""
    project = book.project
    language, _, region = project.lang.partition("-")
    region = region if len(region) == 2 else ""  # not a script, as in zh-Hans
    names = {n: getattr(project, n) for n in ("title", "subtitle", "author", "version")}
    names |= {"lang": language, "region": region, "paper": project.paper}
    arguments = [f"{name}: {_typst(value)}" for name, value in names.items()]
    arguments.append(f"parts: ({''.join(_parts(book))})")
    lines = ['#import "book.typ": *', f"#show: book.with({', '.join(arguments)})"]
    lines += [f'#include "{_name(page.chapter)}"' for page in book.pages]
    return "\n".join(lines) + "\n"


def _parts(book: Book) -> Iterator[str]:
    """Yield each part's name, its first chapter's label, and its chapters' numbers of sections."""
    for part, pages in itertools.groupby(book.pages, key=lambda page: page.chapter.part):
        chapters = [page.rendered for page in pages]
        sections = (sum(heading["level"] == 2 for heading in each.toc) for each in chapters)
        counts = "".join(f"{count}, " for count in sections)
        yield f"({_typst(part)}, <{chapters[0].label}>, ({counts})), "


def _typst(value: str | None) -> str:
    """Return text as a Typst string, or `none` if it is empty."""
    return json.dumps(value, ensure_ascii=False) if value else "none"


def _compile(book: Book, files: dict[str, bytes]) -> bytes:
    check_glyphs(book)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        try:
            return _typeset(folder / "main.typ", root=folder)
        except _TypstError as error:
            raise _located(book, re.sub(rf"\S*{folder.name}/", "", str(error))) from None


def _typeset(document: Input, root: Input | None = None) -> bytes:
    """Return a document as PDF; raise `_TypstError` for any error or warning."""
    import typst

    fonts = typst.Fonts(include_system_fonts=False)  # so that every machine makes the same bytes
    try:
        pdf, warnings = typst.compile_with_warnings(
            document, root=root, font_paths=fonts, pdf_standards=STANDARD
        )
    except typst.TypstError as error:
        raise _TypstError(error.diagnostic) from None
    if warnings:
        raise _TypstError(warnings[0].diagnostic)
    return pdf


# Missing glyphs


def check_glyphs(book: Book) -> None:
    """Find the characters for which the PDF's fonts have no glyph.

    Raises
    ------
    DownloadError
        With the first place of each.
    """
    places = dict(_characters(book))
    missing = _without_glyph(book, sorted(places))
    if errors := sorted({(*places[character], character) for character in missing}):
        raise DownloadError("\n".join(str(_no_glyph(*each)) for each in errors))


def _without_glyph(book: Book, characters: list[str]) -> list[str]:
    """Return those of the characters that Typst cannot display; ask it once for each set."""

    def ask(path: Path) -> None:
        text = "\n\n".join(f"#{_typst(character)}" for character in characters)
        missing: list[str] = []
        try:
            _typeset(f'#set document(title: "Glyphs")\n{text}'.encode())
        except _TypstError as error:
            missing = re.findall(r'the text `"(.)"` could not be displayed', str(error))
        path.write_text(json.dumps(missing), encoding="utf-8")

    key_parts = [version("typst"), *characters]
    entry = get_or_create(book.project.cache / "glyphs", key_parts, ask)
    return json.loads(entry.read_text(encoding="utf-8"))


def _no_glyph(path: PurePosixPath, line: int, character: str) -> BookError:
    message = f"the PDF's fonts have no glyph for {character} (U+{ord(character):04X})"
    advice = 'show it on the web only, in `::: {.content-visible when-format="html"}`'
    return error_at(path, line or None, f"{message}; {advice}")


def _characters(book: Book) -> Iterator[tuple[str, tuple[PurePosixPath, int]]]:
    """Yield the non-ASCII characters in the PDF with their places, the last place first."""
    for page in reversed(book.pages):
        in_pdf = {*ALT_TEXT.sub("", page.rendered.texts["typst"])}
        for line, origin in reversed([*zip(page.woven.lines, page.woven.origins, strict=True)]):
            for character in filter(_needs_glyph, in_pdf.intersection(line)):
                yield character, (page.source.path, origin)
    project = book.project
    parts = "".join(page.chapter.part for page in book.pages)
    for character in f"{project.title}{project.subtitle}{project.author}{parts}":
        if _needs_glyph(character):
            yield character, (PurePosixPath("_quarto.yml"), 0)


def _needs_glyph(character: str) -> bool:
    return character > "~" and character.isprintable()


# Error locations


def _located(book: Book, message: str) -> DownloadError:
    """Return Typst's message as an error at the line of the .qmd that it is about."""
    if found := TOO_WIDE.search(message):
        return _too_wide(book, found[1])
    first = message.strip().split("\n\n")[0]
    text = f"the PDF cannot be typeset: {first[:MESSAGE_LENGTH].strip()}"
    pages = {str(page.chapter.source.with_suffix("")): page for page in book.pages}
    for name, line in re.findall(r"┌─ (\S.*)\.typ:(\d+)", message):
        if page := pages.get(name):
            return DownloadError(str(error_at(page.source.path, _origin(page, int(line)), text)))
    return DownloadError(str(error_at("bookbuild", None, text)))


def _too_wide(book: Book, tex: str) -> DownloadError:
    """Return the error that a formula is too wide, at its line."""
    pattern = re.compile(r"\s+".join(map(re.escape, tex.split())))
    text = (
        "this formula is too wide for the PDF's page: divide it into lines, "
        r"`\begin{aligned} a &= b \\ &\quad + c \end{aligned}`"
    )
    for page in book.pages:
        if match := pattern.search("\n".join(page.source.lines)):
            line = match.string.count("\n", 0, match.start()) + 1
            return DownloadError(str(error_at(page.source.path, line, text)))
    return DownloadError(str(error_at("bookbuild", None, f"{text}: {tex}")))


def _origin(page: Page, line: int) -> int:
    """Return the line of the .qmd from which a line of the chapter's Typst text came.

    pandoc does not record lines, so the words of both texts are aligned: it is the line of the last
    common word, up to the end of the Typst line.
    """
    typst = page.rendered.texts["typst"].split("\n")
    words = [(word, n) for n, text in enumerate(typst, 2) for word in WORD.findall(text)]
    woven = zip(page.woven.lines, page.woven.origins, strict=True)
    origins = [(word, origin) for text, origin in woven for word in WORD.findall(text)]
    matcher = SequenceMatcher(None, [w for w, _ in words], [w for w, _ in origins], autojunk=False)
    pairs = (
        (block.a + n, block.b + n)
        for block in matcher.get_matching_blocks()
        for n in range(block.size)
    )
    before = [origins[ours][1] for theirs, ours in pairs if words[theirs][1] <= line]
    return before[-1] if before else 1
