"""The glossary: in order, and each term linked from where the book first uses it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bookbuild import project

ROOT = Path(__file__).resolve().parent.parent
TERM = re.compile(r"^\[(.+?)\]\{#(gl-[a-z0-9-]+)\}$", re.MULTILINE)
LINK = re.compile(r"\[([^][]+)\]\((?:chapters/)?glossary\.qmd#(gl-[a-z0-9-]+)\)")
GLOSSARY = (ROOT / "chapters/glossary.qmd").read_text(encoding="utf-8")
ENTRIES = {place: term for term, place in TERM.findall(GLOSSARY)}
PAGES = [ROOT / chapter.source for chapter in project.load(ROOT).chapters]
LINKS = [
    (page.stem, match.start(), *match.groups())
    for page in PAGES
    for match in LINK.finditer(page.read_text(encoding="utf-8"))
]


def test_entries_are_in_order():
    terms = [term.casefold() for term in ENTRIES.values()]
    assert terms == sorted(terms) and len(terms) > 40


def test_each_term_is_linked_once():
    assert sorted(place for *_, place in LINKS) == sorted(ENTRIES)


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link[-1])
def test_no_earlier_bold_use(link):
    """A term is set bold where it is defined: the link is there or before."""
    stem, position, _, place = link
    bold = f"**{ENTRIES[place]}**"
    before = PAGES[: [page.stem for page in PAGES].index(stem)]
    earlier = [page.read_text(encoding="utf-8") for page in before]
    (page,) = [page for page in PAGES if page.stem == stem]
    earlier.append(page.read_text(encoding="utf-8")[:position])
    assert bold.casefold() not in "".join(earlier).casefold()
