"""Both renderers give the same book.

tests/quarto/facts keeps what a real Quarto wrote, and the built-in renderer's pages are compared
with it. Where there is a Quarto, its pages are, too.
"""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path

import pytest

from bookbuild.quarto import find as find_quarto
from tools import facts, quarto_facts

ROOT = Path(__file__).resolve().parents[2]
QUARTO, REASON = find_quarto("auto")
needs_quarto = pytest.mark.skipif(not QUARTO, reason=f"no Quarto here: {REASON}")


def recorded(name: str) -> dict:
    return json.loads((quarto_facts.FACTS / f"{name}.json").read_text(encoding="utf-8"))


def shown(differences: list[facts.Difference]) -> list[str]:
    return [str(difference) for difference in differences]


@pytest.fixture(scope="session")
def builtin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small book's site by the built-in renderer."""
    book = quarto_facts.copy_small(tmp_path_factory.mktemp("builtin") / "small")
    return quarto_facts.build(book, "builtin")


@pytest.fixture(scope="session")
def small(builtin: Path) -> facts.Site:
    """The facts of the small book's pages by the built-in renderer."""
    return facts.of_site(builtin)


@pytest.fixture
def site(builtin: Path, tmp_path: Path) -> Path:
    """A copy of these pages, to be changed at will."""
    return Path(shutil.copytree(builtin, tmp_path / "site"))


def test_the_small_book_says_what_quarto_said(small):
    assert shown(facts.differences(small, recorded("small")["pages"])) == []


def test_the_facts_of_the_small_book_are_of_its_sources():
    sources = recorded("small")["sources"]
    now = {page: quarto_facts.source_hash(quarto_facts.SMALL, page) for page in sources}
    assert now == sources, "the small book has changed: make quarto-facts"


@pytest.mark.book
def test_the_book_says_what_quarto_said():
    """Chapters that have changed since are left out, and what others say of them."""
    kept = recorded("book")
    here = facts.of_site(ROOT / "_book")
    here = {page: quarto_facts.structure(found) for page, found in here.items()}
    changed = [
        page
        for page, source in kept["sources"].items()
        if quarto_facts.source_hash(ROOT, page) != source
    ]
    found = facts.differences(without(here, changed), without(kept["pages"], changed))
    assert shown(found) == []
    if changed:
        pytest.skip(f"recorded before these changed: {', '.join(changed)} (make quarto-facts)")


def without(site: facts.Site, pages: list[str]) -> facts.Site:
    """Return a site without some pages, and without references to them."""
    left = {page: dict(found) for page, found in site.items() if page not in pages}
    for found in left.values():
        found["references"] = [
            fact for fact in found["references"] if fact[1].partition("#")[0] not in pages
        ]
    return left


KINDS = sorted(recorded("small")["pages"]["chapters/one.html"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_fact_is_seen(small, kind):
    pages = recorded("small")["pages"]
    page = next(page for page, found in pages.items() if found[kind])
    broken = copy.deepcopy(pages)
    broken[page][kind][0][-1] += " broken"
    (found,) = facts.differences(small, broken)
    assert (found.page, found.kind) == (page, kind)


CHANGES = {
    "title": ("Chapter 1</p>", "Chapter 2</p>"),
    "headings": ('<h2 id="equations"', '<h2 id="equation"'),
    "figures": ('alt="A straight line from', 'alt="A crooked line from'),
    "tables": (">4</td>", ">5</td>"),
    "equations": ("(1.1)", "(1.2)"),
    "references": ('href="#fig-line"', 'href="#fig-other"'),
    "citations": ("Fisher 1925, 2", "Fisher 1926, 2"),
    "paragraphs": ("Half is 0.50", "Half is 0.51"),
    "code": ("plt.subplots", "plt.subplot"),
    "folds": ("Show it", "Code"),
    "outputs": ("0.5</code>", "0.6</code>"),
    "callouts": ("<aside", "<details"),
    "definitions": ("How wrong a prediction is.", "How right a prediction is."),
    "footnotes": ("What it says.", "What it said."),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_change_in_a_page_is_seen(site, small, kind):
    page = site / "chapters/one.html"
    before, after = CHANGES[kind]
    html = page.read_text(encoding="utf-8")
    body = html.index("<main")
    assert before in html[body:]
    page.write_text(html[:body] + html[body:].replace(before, after), encoding="utf-8")
    found = facts.differences(facts.of_site(site), small)
    assert kind in {one.kind for one in found}
    assert {one.page for one in found} == {"chapters/one.html"}


def test_every_kind_of_fact_has_such_a_test():
    assert {*CHANGES, "bibliography"} == set(KINDS)


def test_another_list_of_references_is_seen(site, small):
    page = site / "chapters/references.html"
    page.write_text(page.read_text("utf-8").replace("Oliver", "Boyd"), encoding="utf-8")
    (found,) = facts.differences(facts.of_site(site), small)
    assert (found.page, found.kind) == ("chapters/references.html", "bibliography")


def test_a_missing_page_is_seen(site, small):
    (site / "chapters/data.html").unlink()
    (found,) = facts.differences(facts.of_site(site), small)
    assert (found.kind, found.quarto) == ("pages", [["chapters/data.html"]])


def test_the_long_form_is_allowed_only_for_the_same_chapter(small):
    assert small["index.html"]["references"][0] == ["Chapter 1", "chapters/one.html"]
    pages = recorded("small")["pages"]
    assert pages["index.html"]["references"][0] == ["1 One chapter", "chapters/one.html"]
    pages["index.html"]["references"][0][1] = "chapters/data.html"
    (found,) = facts.differences(small, pages)
    assert found.kind == "references"


def test_a_sound_site_has_no_dead_link(builtin):
    assert facts.dead_links(builtin) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('href="#tbl-frame"', 'href="#tbl-gone"'),
        ('href="../chapters/references.html#ref', 'href="../chapters/references.html#fer'),
        ('href="../chapters/references.html#ref', 'href="../chapters/gone.html#ref'),
        ('src="one_files/figure-html/fig-line', 'src="one_files/figure-html/fig-gone'),
        ('href="../assets/book.css"', 'href="../assets/gone.css"'),
    ],
)
def test_a_dead_link_is_seen(site, before, after):
    page = site / "chapters/one.html"
    text = page.read_text(encoding="utf-8")
    assert before in text
    page.write_text(text.replace(before, after), encoding="utf-8")
    found = facts.dead_links(site)
    assert found and all(one.startswith("chapters/one.html: ") for one in found)


@needs_quarto
def test_quarto_says_the_same_of_the_small_book(small, tmp_path):
    made = quarto_facts.build(quarto_facts.copy_small(tmp_path / "small"), "quarto")
    assert shown(facts.differences(small, facts.of_site(made))) == []
    assert facts.dead_links(made) == []
    kept = quarto_facts.recorded("small", made, "")["pages"]
    assert kept == recorded("small")["pages"], "make quarto-facts"


@pytest.mark.book
@pytest.mark.slow
def test_quarto_says_the_same_of_the_book(quarto_book):
    here = facts.of_site(ROOT / "_book")
    assert shown(facts.differences(here, facts.of_site(quarto_book))) == []
    assert facts.dead_links(quarto_book) == []
    kept = quarto_facts.recorded("book", quarto_book, recorded("book")["quarto"])
    assert kept == recorded("book"), "make quarto-facts"
