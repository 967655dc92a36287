"""The real book's pages by Quarto: axe-core finds nothing of ours, and a phone shows them whole."""

from __future__ import annotations

import pytest

from tests.kit.live import live_figures
from tests.kit.server import served

pytestmark = [pytest.mark.slow, pytest.mark.book]

# What axe-core finds in Quarto's own navigation and callouts, which no style of ours can mend.
QUARTOS_OWN = {
    "aria-allowed-attr": ".callout-header",  # a <div> that says that it is folded
    "label-content-name-mismatch": ".pagination-link",  # its label leaves out the number
    "landmark-unique": ".sidebar-navigation, .sidebar-item-toggle, .quarto-secondary-nav",
}
VIOLATIONS = """async own => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  const isOurs = (rule, target) => !own[rule] || !document.querySelector(target).matches(own[rule]);
  return violations.flatMap(({ id, nodes }) => nodes
    .filter(node => isOurs(id, node.target[0]))
    .map(node => `${id}: ${node.target} ${node.failureSummary}`));
}"""


@pytest.fixture(scope="session")
def pages(quarto_book):
    """The site's address and its pages."""
    found = sorted(page.relative_to(quarto_book).as_posix() for page in quarto_book.rglob("*.html"))
    with served(quarto_book) as url:
        yield [url + page for page in found if "site_libs" not in page]


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_of_ours(pages, visit, axe, theme, width):
    page = visit(pages[0], color_scheme=theme, width=width).page
    found = []
    for url in pages:
        page.goto(url)
        page.wait_for_load_state("load")
        page.evaluate(axe)
        found += [f"{url} {violation}" for violation in page.evaluate(VIOLATIONS, QUARTOS_OWN)]
    assert not found, "\n".join(found)


def test_no_page_is_wider_than_a_phone(pages, visit):
    page = visit(pages[0], width=360).page
    wide = {}
    for url in pages:
        page.goto(url)
        wide[url] = page.evaluate("document.documentElement.scrollWidth")
    assert {url: width for url, width in wide.items() if width > 360} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("live", live_figures(), ids=lambda figure: figure.script)
def test_live_figures_run(pages, visit, axe, live, theme, width):
    (url,) = [url for url in pages if url.endswith(live.page)]
    visited = visit(url, color_scheme=theme, width=width)
    page = visited.page
    live.start(page)
    page.locator(f"#{live.id} .explorable-stage").click()
    assert page.locator(".glightbox-container").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate(axe)
    assert page.evaluate(VIOLATIONS, QUARTOS_OWN) == []
    assert visited.console == []


def test_nothing_is_asked_of_another_host(pages, visit):
    for url in pages:
        seen = visit(url)
        seen.page.wait_for_load_state("networkidle")
        assert seen.console == [] and seen.failures == []
        assert all(
            request.startswith((pages[0][:17], "data:", "blob:")) for request in seen.requests
        )
