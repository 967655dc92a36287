"""The PDF of every site is complete, accessible and free of markup, as poppler reads it back."""

from __future__ import annotations

import re
import unicodedata

import pytest

from renderer.tests.support import pdf
from renderer.tests.support.pages import pages as parsed_pages
from renderer.tests.support.words import differences
from tests.parity import facts

pytestmark = pytest.mark.thorough

# Markdown and Typst source, which no PDF shows outside code
MARKUP = re.compile(
    r"@(?:fig|tbl|sec|eq|lst|thm)-[\w-]+|\[@[^\]]*|:::+ ?\S*|\{[#.][^}]*\}?|\]\([^)]*\)|\?\?|"
    r"`\{python\}[^`]*`|<(?:fig|tbl|sec|eq|lst|thm)-[^>]*>|"
    r"#(?:figure|link|ref|emph|strong|block|table|heading|quote|footnote|look)[.(\[]\S*"
)


# what the probe book shows in one format only
OWN = ("Only on the web.", "Raw HTML.", "Only on paper.")


@pytest.fixture(scope="module")
def pages(site) -> facts.Site:
    """Return the facts of a site's pages."""
    return facts.of_site(site.folder)


@pytest.fixture(scope="module")
def words(site) -> str:
    """Return all text of a site's PDF on one line."""
    return pdf.text(site.pdf)


def squeezed(text: str) -> str:
    """Return text without spaces, and with plain letters for mathematical ones."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def test_it_is_tagged_and_has_the_title_author_and_language_of_the_book(site):
    book = site.configuration
    info = pdf.info(site.pdf)
    assert (info["Title"], info["Author"]) == (book["book"]["title"], book["book"]["author"])
    assert info["Tagged"] == "yes"
    assert "<pdfuaid:part>1</pdfuaid:part>" in pdf.poppler("pdfinfo", "-meta", site.pdf)
    assert b"/Lang(%s)" % book["lang"].encode() in site.pdf.read_bytes()


def test_every_chapter_and_section_is_in_the_outline(site, pages):
    expected = []
    for page in pages.values():
        ((_, number, title),) = page["title"]
        sections = [(number, text) for tag, _, number, text in page["headings"] if tag < "h4"]
        expected += [f"{number} {text}".strip() for number, text in [(number, title), *sections]]
    # an appendix is called one
    outline = [entry.removeprefix("Appendix ") for entry in pdf.outline(site.pdf)]
    assert [entry for entry in expected if entry not in outline] == []


def test_every_caption_is_there_with_its_number(pages, words):
    labelled = [fact for page in pages.values() for fact in page["figures"] + page["tables"]]
    captions = [caption for _, caption, *_ in labelled if caption]
    assert len(captions) > 3
    assert all(re.match(r"(Figure|Table) [\dA-Z]+\.\d+: ", caption) for caption in captions)
    text = squeezed(words)
    assert [caption for caption in captions if squeezed(caption) not in text] == []


def test_every_figure_has_its_alternative_text(site, pages):
    expected = {alt for page in pages.values() for _, _, alt, _ in page["figures"]}
    assert expected
    assert expected - set(pdf.alternatives(site.pdf)) == set()


def test_no_page_is_empty(site):
    assert int(pdf.info(site.pdf)["Pages"]) > 5
    assert pdf.empty_pages(site.pdf) == []


def test_nothing_is_outside_the_margins_or_on_something_else(site):
    assert pdf.outside(site.pdf) == []
    assert pdf.overprinted(site.pdf) == []


def test_its_words_are_those_of_the_pages(builtin_site):
    assert differences(builtin_site.folder, builtin_site.pdf, OWN) == {}


def test_all_fonts_are_embedded(site):
    assert pdf.unembedded_fonts(site.pdf) == []


def test_no_word_is_hyphenated(site, words):
    """If Typst 0.15.2 hyphenates one word of a PDF, it makes every typed hyphen a soft one."""
    assert "\u00ad" not in words + pdf.poppler("pdftotext", "-layout", site.pdf, "-")


def test_no_markup_is_left(site, words):
    trees = parsed_pages(site.folder).values()
    code = squeezed(" ".join(node.get_text() for tree in trees for node in tree.select("code")))
    left = [
        words[max(0, match.start() - 40) : match.end() + 40]
        for match in MARKUP.finditer(words)
        if squeezed(match[0]) not in code
    ]
    assert left == []
