"""Read a PDF back with poppler."""

from __future__ import annotations

import itertools
import re
import subprocess
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from .programs import program


@dataclass(frozen=True)
class Word:
    """A word and its box, in points from the upper left corner of the page."""

    left: float
    top: float
    right: float
    bottom: float
    text: str

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The sides: left, top, right and bottom."""
        return self.left, self.top, self.right, self.bottom


@dataclass(frozen=True)
class PdfPage:
    """The size of a page in points, and its words."""

    width: float
    height: float
    words: list[Word]


def poppler(tool: str, *arguments: str | Path) -> str:
    """Return the output of one of poppler's tools."""
    call = [program(tool, "poppler-utils"), *map(str, arguments)]
    return subprocess.run(call, capture_output=True, check=True).stdout.decode(errors="replace")


def text(pdf: Path) -> str:
    """Return all text of a PDF on one line, with plain spaces for no-break ones."""
    return one_line(poppler("pdftotext", pdf, "-"))


def one_line(words: str) -> str:
    """Return text on one line, with plain spaces for no-break ones."""
    return " ".join(words.split())


def info(pdf: Path) -> dict[str, str]:
    """Return what pdfinfo reports, such as "Title", "Tagged" and "Pages"."""
    lines = (line.partition(":") for line in poppler("pdfinfo", pdf).splitlines())
    return {name: value.strip() for name, _, value in lines}


def pages(pdf: Path) -> list[PdfPage]:
    """Return every page with the boxes of its words."""
    size = r'<page width="([\d.]+)" height="([\d.]+)">'
    box = r'<word xMin="(.+?)" yMin="(.+?)" xMax="(.+?)" yMax="(.+?)">(.*?)</word>'
    result = []
    for page in re.split("(?=<page )", poppler("pdftotext", "-bbox", pdf, "-"))[1:]:
        width, height = map(float, re.match(size, page).groups())
        words = [Word(*map(float, sides), unescape(word)) for *sides, word in re.findall(box, page)]
        result.append(PdfPage(width, height, words))
    return result


MILLIMETRE = 72 / 25.4
LEFT, RIGHT, TOP, BOTTOM = (side * MILLIMETRE for side in (30, 22, 12, 12))  # empty margins


def outside(pdf: Path) -> list[str]:
    """Return the words, pictures and formulas that start or end in a margin."""
    read = pages(pdf)
    width, height = read[0].width, read[0].height
    spans = [(*word.box, word.text) for page in read for word in page.words]
    assert spans
    boxes = re.findall(r"/BBox \[(\S+) (\S+) (\S+) ([^\]\s]+)", poppler("pdfinfo", "-struct", pdf))
    for left, bottom, right, top in (map(float, box) for box in boxes):
        spans.append((left, height - top, right, height - bottom, "a picture or formula"))
    # punctuation may hang into the margin by a point or two
    return [
        text
        for left, top, right, bottom, text in spans
        if left < LEFT - 3 or right > width - RIGHT + 3 or top < TOP or bottom > height - BOTTOM
    ]


def overprinted(pdf: Path) -> list[str]:
    """Return the pairs of words that overlap, with their page."""
    found = []
    for number, page in enumerate(pages(pdf), 1):
        words = sorted(page.words, key=lambda word: word.top)
        for n, a in enumerate(words):
            after = itertools.takewhile(lambda b, a=a: b.top < a.bottom, words[n + 1 :])
            found += [f"{number}: {a.text} {b.text}" for b in after if _overlap(a, b)]
    return found


def _overlap(a: Word, b: Word) -> bool:
    """Return whether two words share more than a point of width and 0.4 of a line of height.

    The boxes of symbols such as roots are larger than the symbols.
    """
    if not (any(map(str.isalnum, a.text)) and any(map(str.isalnum, b.text))):
        return False
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    return width > 1 and height > 0.4 * min(a.bottom - a.top, b.bottom - b.top)


def outline(pdf: Path) -> list[str]:
    """Return the titles in the outline, which viewers show as bookmarks."""
    xml = poppler("pdftohtml", "-xml", "-stdout", "-i", pdf)
    entries = re.findall(r"<item page=\"\d+\">(.*?)</item>", xml, re.DOTALL)
    return [one_line(unescape(entry)) for entry in entries]


def chapter_starts(pdf: Path) -> list[int]:
    """Return the first page of each chapter, from the top level of the outline."""
    depth, starts = 0, []
    xml = poppler("pdftohtml", "-xml", "-stdout", "-i", pdf)
    for opening, closing, page in re.findall(r'(<outline>)|(</outline>)|<item page="(\d+)">', xml):
        depth += bool(opening) - bool(closing)
        if page and depth == 1:
            starts.append(int(page))
    return starts


def unembedded_fonts(pdf: Path) -> list[str]:
    """Return the lines of pdffonts for fonts that the PDF does not contain."""
    _, _, *lines = poppler("pdffonts", pdf).splitlines()
    assert lines, "no text at all"
    # the last columns: embedded, subset, Unicode map, object and generation
    return [line for line in lines if not re.search(r" yes (yes|no) (yes|no) +\d+ +\d+$", line)]


def alternatives(pdf: Path) -> list[str]:
    """Return the alternative texts in the structure tree, which Typst leaves uncompressed."""
    texts = []
    for plain, coded in re.findall(
        rb"/Alt *(?:\(((?:\\.|[^\\)])*)\)|<([0-9A-F]+)>)/A", pdf.read_bytes()
    ):
        decoded = (
            bytes.fromhex(coded.decode()).decode("utf-16") if coded else plain.decode("latin-1")
        )
        texts.append(decoded if coded else re.sub(r"\\(.)", r"\1", decoded))
    return texts


def empty_pages(pdf: Path) -> list[int]:
    """Return the numbers of the pages that are blank between running head and page number."""
    call = [program("pdftoppm", "poppler-utils"), "-r", "10", "-gray", str(pdf)]
    images = subprocess.run(call, capture_output=True, check=True).stdout
    empty, number = [], 0
    while images:
        number += 1
        _, size, _, images = images.split(b"\n", 3)  # type, size, maximum, pixels
        width, height = map(int, size.split())
        body = images[width * round(0.08 * height) : width * round(0.91 * height)]
        if body.count(255) == len(body):
            empty.append(number)
        images = images[width * height :]
    return empty
