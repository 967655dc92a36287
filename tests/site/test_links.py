"""The pages of every site are sound: links resolve, ids are unique, pictures have their text."""

from __future__ import annotations

import pytest

from renderer.tests.support.pages import dead_links, pages
from tests.site.sites import QUARTO

pytestmark = pytest.mark.thorough

# Quarto's style sheets for its two themes share their ids
QUARTOS_STYLES = "link.quarto-color-scheme, link.quarto-color-scheme-extra"


@pytest.fixture(scope="module")
def trees(site):
    """Return the parsed pages of a site; fails where tags are not closed in order."""
    return pages(site.folder)


def test_every_link_and_anchor_resolves(site):
    assert dead_links(site.folder) == []


def test_ids_are_unique(trees):
    for name, page in trees.items():
        for link in page.select(QUARTOS_STYLES):
            del link["id"]
        ids = [element["id"] for element in page.select("[id]")]
        assert len(ids) == len(set(ids)), (name, sorted(i for i in ids if ids.count(i) > 1))


def test_every_picture_has_alternative_text(trees):
    for name, page in trees.items():
        for image in page.find_all("img"):
            assert image["alt"].strip(), (name, image["src"])


def test_every_picture_has_its_size(site, trees):
    """A picture without one moves the text when it loads."""
    for name, page in trees.items():
        without = [image["src"] for image in page.find_all("img") if not image.get("width")]
        if site.renderer == QUARTO:  # it measures no SVG file
            without = [source for source in without if not source.endswith(".svg")]
        assert without == [], name


PAGES = {
    "index.html": """<link rel="icon" href="icon.svg"><h1 id="top">T</h1>
        <a href="chapters/one%20w%C3%B6rd.html#a">1</a> <a href="chapters/">2</a>
        <a href="#top">3</a>
        <a href="https://example.org/x.html#y">4</a> <a href="mailto:a@example.org">5</a>""",
    "chapters/index.html": '<script src="../start.js"></script>',
    "chapters/one wörd.html": '<p id="a"><img src="../icon.svg"><a href="../index.html">up</a></p>',
}


@pytest.mark.parametrize(
    ("page", "before", "after"),
    [
        ("index.html", "%B6rd.html#a", "%B6rd.html#b"),
        ("index.html", "%B6rd.html#a", "%B6rds.html"),
        ("index.html", "#top", "#bottom"),
        ("index.html", 'chapters/"', 'parts/"'),
        ("index.html", "icon.svg", "../site/icon.svg"),
        ("chapters/index.html", "start.js", "started.js"),
        ("chapters/one wörd.html", "../icon.svg", "icon.svg"),
    ],
)
def test_a_dead_link_is_detected(tmp_path, page, before, after):
    site = tmp_path / "site"
    (site / "chapters").mkdir(parents=True)
    for name in ("icon.svg", "start.js"):
        (site / name).touch()
    for name, html in PAGES.items():
        (site / name).write_text(html, encoding="utf-8")
    assert dead_links(site) == []
    assert before in PAGES[page]
    (site / page).write_text(PAGES[page].replace(before, after, 1), encoding="utf-8")
    (dead,) = dead_links(site)
    assert dead.startswith(f"{page}: ")
