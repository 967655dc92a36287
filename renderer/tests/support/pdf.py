"""Read a PDF back with poppler."""

from __future__ import annotations

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


@dataclass(frozen=True)
class PdfPage:
    """The size of a page in points, and its words."""

    width: float
    height: float
    words: list[Word]


def poppler(tool: str, *arguments: str | Path) -> str:
    """Return the output of one of poppler's tools."""
    call = [program(tool, "poppler-utils"), *map(str, arguments)]
    return subprocess.run(call, capture_output=True, text=True, check=True).stdout


def text(pdf: Path) -> str:
    """Return all text of a PDF on one line, its no-break spaces plain."""
    return one_line(poppler("pdftotext", pdf, "-"))


def one_line(words: str) -> str:
    """Return text on one line, its no-break spaces plain."""
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


def outline(pdf: Path) -> list[str]:
    """Return the titles in the outline, which viewers show as bookmarks."""
    xml = poppler("pdftohtml", "-xml", "-stdout", "-i", pdf)
    entries = re.findall(r"<item page=\"\d+\">(.*?)</item>", xml, re.DOTALL)
    return [one_line(unescape(entry)) for entry in entries]


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
