"""Compare the words of a site's PDF with those of its pages, chapter by chapter.

Notes and floating figures are elsewhere on paper, so words are counted, whatever their order.
Intended differences are left out: folded summaries, downloads, web-only content, list markers.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from bs4 import BeautifulSoup, Tag

from . import pdf
from .pages import page_paths

# what only pages have; each summary of folded code or printed text repeats some of it
WEB_ONLY = (
    "script, style, annotation, mphantom, .book-title, .subtitle, .imprint, .take-away, "
    ".footnote-back, .anchor, .copy, .zoom, details.code-fold > summary, details.log > summary"
)
DROPPED = "•‣–√"  # list markers, and signs of roots, which have no text if they are tall
# a run of letters, a run of digits, or any other character; the PDF divides very long words
TOKEN = re.compile(r"\b[^\W\d_]{40,}|([^\W\d_]+|\d+|\S)")
ADDRESS = re.compile("^https?:")
MARGIN = 22 / 25.4 * 72  # above and below are the running head and the page number
EQUAL = str.maketrans(
    {"ı": "i", "ȷ": "j", "−": "-", "→": "\u20d7", "¯": None, "_": None, "∣": "|", "‖": "∥"}
)


def differences(
    site: Path, book_pdf: Path, own: tuple[str, ...] = ()
) -> dict[str, tuple[Counter[str], Counter[str]]]:
    """Return, for each page, what its chapter in the PDF lacks and what it adds.

    Whole words and numbers are counted outside formulas, characters within. `own` contains the
    paragraphs that are meant for one format only.
    """
    result = {}
    for name, main, printed in _chapters(site, book_pdf):
        for paragraph in [p for p in main("p") if pdf.one_line(p.get_text()) in own]:
            paragraph.decompose()
        for text in own:
            printed = printed.replace(text, "")
        heads = [_characters(head.get_text()) for head in main.select("thead")]
        words, characters = _page(main)
        in_print = _characters(printed)
        lacking = words - Counter(TOKEN.findall(printed)) + (characters - in_print)
        more = _without_repeated(heads, in_print - characters)
        if lacking or more:
            result[name] = lacking, more
    return result


def _without_repeated(heads: list[Counter[str]], more: Counter[str]) -> Counter[str]:
    """Leave out the heads of tables, which are repeated on each of their pages."""
    for head in heads:
        while head and head <= more:
            more = more - head
    return more


def _chapters(site: Path, book_pdf: Path) -> Iterator[tuple[str, Tag, str]]:
    """Yield each page's name, its content, and the text of its chapter."""
    starts = pdf.chapter_starts(book_pdf)
    texts = [_text(page) for page in pdf.pages(book_pdf)]
    names = _reading_order(site)
    assert len(names) == len(starts)
    notes = 0
    for name, start, end in zip(names, starts, [*starts[1:], len(texts) + 1], strict=True):
        main = _main(site / name)
        notes = _number_notes(main, notes)
        yield name, main, " ".join(texts[start - 1 : end - 1])


def _reading_order(site: Path) -> list[str]:
    """Return the pages in the order of the sidebar."""
    front = BeautifulSoup((site / "index.html").read_bytes(), "html.parser")
    known = {*page_paths(site)}
    links = [unquote(str(link["href"]).partition("#")[0]) for link in front.select("nav a[href]")]
    return [*dict.fromkeys(["index.html", *(name for name in links if name in known)])]


def _main(path: Path) -> Tag:
    main = BeautifulSoup(path.read_bytes(), "html.parser").main
    for node in main.select(WEB_ONLY):
        node.decompose()
    return main


def _number_notes(main: Tag, before: int) -> int:
    """Number a page's notes as the PDF does, through all chapters; return the last number."""
    references = main.select(".footnote-ref")
    for number, reference in enumerate(references, before + 1):
        reference.string = str(number)
    for number, note in enumerate(main.select(".footnotes > ol > li"), before + 1):
        first = note.p or note
        first.insert(0, str(number))
    return before + len(references)


def _page(main: Tag) -> tuple[Counter[str], Counter[str]]:
    """Return the words outside formulas, and all characters."""
    for items in main.select("ol"):
        if not items.find_parent(class_="footnotes"):
            for number, item in enumerate(items.find_all("li", recursive=False)):
                item.insert(0, f" {int(items.get('start', 1)) + number}. ")
    characters = _characters(main.get_text(" "))
    for node in [*main.select("math"), *main.find_all("a", string=ADDRESS)]:
        node.decompose()  # addresses are divided anywhere
    return Counter(TOKEN.findall(_plain(main.get_text("\0").replace("\0", "")))), characters


def _text(page: pdf.PdfPage) -> str:
    inside = [w for w in page.words if w.top > MARGIN and w.bottom < page.height - MARGIN]
    return _plain(" ".join(word.text for word in inside))


def _plain(text: str) -> str:
    return text.translate(EQUAL)


def _characters(text: str) -> Counter[str]:
    plain = unicodedata.normalize("NFKD", _plain(text))
    return Counter(c for c in plain if c.isprintable() and not c.isspace() and c not in DROPPED)
