"""Test the glossary: entries in order, each linked from the term's first use."""

from __future__ import annotations

import re
from pathlib import Path

import bookbuild

ROOT = Path(__file__).resolve().parent.parent
TERM = re.compile(r"^\[(.+?)\]\{#(gl-[a-z0-9-]+)\}$", re.MULTILINE)
LINK = re.compile(r"\[([^][]+)\]\((?:chapters/)?glossary\.qmd#(gl-[a-z0-9-]+)\)")
GLOSSARY = (ROOT / "chapters/glossary.qmd").read_text(encoding="utf-8")
ENTRIES = {label: term for term, label in TERM.findall(GLOSSARY)}
PAGES = [ROOT / chapter.source for chapter in bookbuild.load(ROOT).chapters]


def test_entries_are_in_order():
    terms = [term.casefold() for term in ENTRIES.values()]
    assert terms == sorted(terms) and len(terms) > 40


def test_each_term_is_linked_once():
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert sorted(label for _, label in LINK.findall(text)) == sorted(ENTRIES)


def test_no_term_is_set_bold_before_it_is_linked():
    """A term is set bold where it is defined, which is where it is linked."""
    earlier = ""  # the text of the pages before
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in LINK.finditer(text):
            bold = f"**{ENTRIES[match[2]]}**".casefold()
            assert bold not in (earlier + text[: match.start()]).casefold(), match[2]
        earlier += text
