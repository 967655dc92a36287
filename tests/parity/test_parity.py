"""Both renderers produce the same book.

The built-in renderer's pages are compared with tests/parity/recorded, which Quarto wrote, and with
pages that Quarto renders now, where it is installed.
"""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path

import pytest

import bookbuild
from renderer.tests.support.pages import dead_links
from renderer.tests.support.processes import build, shared
from tests.parity import facts, record

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).resolve().parents[2]
QUARTO, REASON = bookbuild.find_quarto("auto")
needs_quarto = pytest.mark.skipif(not QUARTO, reason=f"not compared with Quarto: {REASON}")


def recorded(name: str) -> dict:
    return json.loads((record.RECORDED / f"{name}.json").read_text(encoding="utf-8"))


def shown(differences: list[facts.Difference]) -> list[str]:
    return [str(difference) for difference in differences]


@pytest.fixture(scope="session")
def builtin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the small book's site as built by the built-in renderer."""
    return shared(tmp_path_factory, "small", lambda root: build(record.copy_small(root))) / "_book"


@pytest.fixture(scope="session")
def small(builtin: Path) -> facts.Site:
    """Return the facts of the small book's pages as built by the built-in renderer."""
    return facts.of_site(builtin)


@pytest.fixture
def site(builtin: Path, tmp_path: Path) -> Path:
    """Return a copy of these pages that a test may change."""
    return Path(shutil.copytree(builtin, tmp_path / "site"))


def test_the_small_book_equals_its_record(small):
    assert shown(facts.differences(small, recorded("small")["pages"])) == []


def test_the_record_of_the_small_book_is_up_to_date():
    sources = recorded("small")["sources"]
    current = {page: record.source_hash(record.SMALL, page) for page in sources}
    assert current == sources, "the small book has changed: make quarto-facts"


@pytest.mark.book
def test_the_book_equals_its_record(builtin_book):
    """Compare all except the chapters that have changed since, and references to them."""
    expected = recorded("book")
    site = facts.of_site(builtin_book)
    site = {page: record.structure(of_page) for page, of_page in site.items()}
    changed = [
        page
        for page, source in expected["sources"].items()
        if record.source_hash(ROOT, page) != source
    ]
    compared = facts.differences(without(site, changed), without(expected["pages"], changed))
    assert shown(compared) == []
    if changed:
        pytest.skip(f"recorded before these changed: {', '.join(changed)} (make quarto-facts)")


def without(site: facts.Site, pages: list[str]) -> facts.Site:
    """Return a site without some pages, and without references to them."""
    rest = {page: dict(of_page) for page, of_page in site.items() if page not in pages}
    for of_page in rest.values():
        of_page["references"] = [
            fact for fact in of_page["references"] if fact[1].partition("#")[0] not in pages
        ]
    return rest


KINDS = sorted(recorded("small")["pages"]["chapters/one.html"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_fact_is_detected(small, kind):
    pages = recorded("small")["pages"]
    page = next(page for page, of_page in pages.items() if of_page[kind])
    broken = copy.deepcopy(pages)
    broken[page][kind][0][-1] += " broken"
    (difference,) = facts.differences(small, broken)
    assert (difference.page, difference.kind) == (page, kind)


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
def test_a_change_in_a_page_is_detected(site, small, kind):
    page = site / "chapters/one.html"
    before, after = CHANGES[kind]
    html = page.read_text(encoding="utf-8")
    body = html.index("<main")
    assert before in html[body:]
    page.write_text(html[:body] + html[body:].replace(before, after), encoding="utf-8")
    differences = facts.differences(facts.of_site(site), small)
    assert kind in {difference.kind for difference in differences}
    assert {difference.page for difference in differences} == {"chapters/one.html"}


def test_every_kind_of_fact_has_such_a_change():
    assert {*CHANGES, "bibliography"} == set(KINDS)


def test_a_change_in_the_bibliography_is_detected(site, small):
    page = site / "chapters/references.html"
    page.write_text(page.read_text("utf-8").replace("Oliver", "Boyd"), encoding="utf-8")
    (difference,) = facts.differences(facts.of_site(site), small)
    assert (difference.page, difference.kind) == ("chapters/references.html", "bibliography")


def test_a_missing_page_is_detected(site, small):
    (site / "chapters/data.html").unlink()
    (difference,) = facts.differences(facts.of_site(site), small)
    assert (difference.kind, difference.quarto) == ("pages", [["chapters/data.html"]])


def test_the_long_form_of_a_reference_is_allowed_only_for_the_same_chapter(small):
    assert small["index.html"]["references"][0] == ["Chapter 1", "chapters/one.html"]
    pages = recorded("small")["pages"]
    assert pages["index.html"]["references"][0] == ["1 One chapter", "chapters/one.html"]
    pages["index.html"]["references"][0][1] = "chapters/data.html"
    (difference,) = facts.differences(small, pages)
    assert difference.kind == "references"


@needs_quarto
def test_quarto_writes_the_same_small_book(small, tmp_path):
    site = build(record.copy_small(tmp_path / "small"), "quarto")
    assert shown(facts.differences(small, facts.of_site(site))) == []
    assert dead_links(site) == []
    pages = record.record("small", site, "")["pages"]
    assert pages == recorded("small")["pages"], "make quarto-facts"


@pytest.mark.book
@pytest.mark.slow
def test_quarto_writes_the_same_book(builtin_book, quarto_book):
    site = facts.of_site(builtin_book)
    assert shown(facts.differences(site, facts.of_site(quarto_book))) == []
    current = record.record("book", quarto_book, recorded("book")["quarto"])
    assert current == recorded("book"), "make quarto-facts"
