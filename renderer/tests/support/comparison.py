"""Compare a built book's outputs with its random chapters (chapters.py)."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bs4 import BeautifulSoup

from . import pdf
from .chapters import NOWHERE, Facts

WORD = re.compile(r"zq\d[a-z]{3}")
OUTPUTS = ("page", "PDF", "notebook")


def faults(site: Path, page: str, facts: Facts) -> Iterator[str]:
    """Yield what is lost, doubled or wrongly numbered in the outputs of a chapter."""
    [paper] = site.glob("*.pdf")
    tree = BeautifulSoup((site / f"{page}.html").read_text(encoding="utf-8"), "html.parser")
    texts = [_page_text(tree), _paper_text(paper), _notebook_text(site / f"{page}.ipynb")]
    alternatives = [
        [image["alt"] for image in tree.select("main img")],
        pdf.alternatives(paper),
        re.findall(r"!\[(.*?)\]\(", texts[2]),
    ]
    for place, name in enumerate(OUTPUTS):
        messages = [*_miscounted(place, texts[place], facts)]
        messages += _misnumbered(place, texts[place], facts)
        for word, shown in facts.alternatives.items():
            if (count := alternatives[place].count(word)) != shown[place]:
                messages.append(f"the alt text {word} is there {count} times")
        yield from (f"{name}: {message}" for message in messages)


def _miscounted(place: int, text: str, facts: Facts) -> Iterator[str]:
    counts = Counter(WORD.findall(text.lower()))
    for word, shown in facts.words.items():
        is_repeated = OUTPUTS[place] == "PDF" and word in facts.repeated and shown[place]
        if counts[word] != shown[place] and not (is_repeated and counts[word]):
            yield f"{word} is there {counts[word]} times instead of {shown[place]}"


def _misnumbered(place: int, text: str, facts: Facts) -> Iterator[str]:
    """Yield the references, citations, captions and items whose text is not as expected."""
    for word, expected in facts.between.items():
        # in a PDF, the end of a page may be in between
        found = re.search(rf"{word}\s+(.*?),? zq", text) if facts.words[word][place] else None
        if found and not found[1].startswith(expected) and f"{expected}, " not in found[1]:
            yield f"{expected} reads {found[1][:60]}"
    for word, expected in facts.before.items():
        number = rf"(?:^|[\s>(*_]){re.escape(expected)}[.)\\]*[\s*_]*{word}"
        if facts.words.get(word, NOWHERE)[place] and not re.search(number, text):
            yield f"{expected} is not before {word}"


def _page_text(tree: BeautifulSoup) -> str:
    """Return the text of a page, with numbered lists and without repeated text."""
    assert tree.main
    for node in tree.main.select("annotation, details.log > summary"):
        node.decompose()
    for ordered in tree.main.select("ol"):
        start, is_lettered = int(str(ordered.get("start", 1))), ordered.get("type") == "a"
        for n, item in enumerate(ordered.find_all("li", recursive=False), start):
            item.insert(0, f" {chr(96 + n) if is_lettered else n} ")
    return pdf.one_line(tree.main.get_text())


def _paper_text(paper: Path) -> str:
    """Return the text of a PDF without the letters of formulas, which may be between its words."""
    return pdf.one_line(
        re.sub("[\U0001d400-\U0001d7ff√]\\s*", "", pdf.poppler("pdftotext", paper, "-"))
    )


def _notebook_text(file: Path) -> str:
    """Return the text of a notebook: Markdown, code, and the outputs that readers see."""
    parts = []
    for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
        parts.append("".join(cell["source"]))
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            text = output.get("text") or data.get("text/markdown") or data.get("text/plain", "")
            parts.append("".join(text))
    return pdf.one_line("\n".join(parts))
