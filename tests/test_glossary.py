"""The glossary: in order, and each term linked from where the book first uses it."""

from __future__ import annotations

import re
from pathlib import Path

from bookbuild import project

ROOT = Path(__file__).resolve().parent.parent
TERM = re.compile(r"^\[(.+?)\]\{#(gl-[a-z0-9-]+)\}$", re.MULTILINE)
LINK = re.compile(r"\[([^][]+)\]\((?:chapters/)?glossary\.qmd#(gl-[a-z0-9-]+)\)")
GLOSSARY = (ROOT / "chapters/glossary.qmd").read_text(encoding="utf-8")
ENTRIES = {place: term for term, place in TERM.findall(GLOSSARY)}
PAGES = [ROOT / chapter.source for chapter in project.load(ROOT).chapters]


def test_entries_are_in_order():
    terms = [term.casefold() for term in ENTRIES.values()]
    assert terms == sorted(terms) and len(terms) > 40


def test_each_term_is_linked_once():
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert sorted(place for _, place in LINK.findall(text)) == sorted(ENTRIES)


def test_a_term_is_set_bold_where_it_is_linked_or_later():
    """A term is set bold where it is defined: no bold use comes before its link."""
    read = ""  # the book up to the page
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in LINK.finditer(text):
            bold = f"**{ENTRIES[match[2]]}**".casefold()
            assert bold not in (read + text[: match.start()]).casefold(), match[2]
        read += text
