"""Pages load all of their own files and nothing else, and can be read without scripts."""

from __future__ import annotations

import pytest

from tests.site.browsing import LISTEN, Visit, background
from tests.site.sites import BUILTIN, QUARTO
from tests.site.test_tools import close_search, search_for

pytestmark = pytest.mark.slow

WEIGHT = {BUILTIN: 500_000, QUARTO: 3_000_000}  # bytes of a page without its pictures
PICTURES = {"image"}


def test_every_page_is_small_and_nothing_is_blocked_missing_or_from_another_host(site, new_context):
    page = new_context().new_page()
    page.add_init_script(LISTEN)
    visited, weights = Visit.of(page), []
    page.on("response", lambda response: weights.append(weight(response)))
    for path in site.pages:
        weights.clear()
        # until the network is idle: a request that the next page cuts off counts as failed
        page.goto(site.url + path, wait_until="networkidle")
        assert sum(weights) < WEIGHT[site.renderer], f"{path}: {sum(weights):,} bytes"
        use_everything(page, site)
        assert page.evaluate("window.violations") == [], path
    foreign = visited.requests_outside(site.url)
    assert (foreign, visited.failures, visited.console) == ([], [], [])


def weight(response) -> int:
    """Return the size of a response in bytes, 0 for a picture."""
    is_own = response.url.startswith("http") and response.request.resource_type not in PICTURES
    return len(response.body()) if is_own else 0


def use_everything(page, site) -> None:
    """Scroll through the page and use each of its controls once."""
    controls = site.controls
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    for selector in (controls.theme, controls.enlarge, controls.copy):
        if page.locator(f"{selector}:visible").count():
            page.locator(f"{selector}:visible").first.click()
            page.keyboard.press("Escape")
            page.wait_for_selector(controls.enlarged, state="detached")
    if site.renderer == BUILTIN and page.locator(".copy:visible").count():
        page.wait_for_selector(".copy:text-matches('Copied|Selected')")  # not immediate
    if page.locator(".citation a:visible").count():
        page.locator(".citation a:visible").first.focus()
    search_for(page, site, "the")
    page.wait_for_selector(f"{controls.result}, {controls.no_result}")
    close_search(page, site)


def test_pages_are_readable_without_scripts(site, visit):
    page = visit(site.url + site.chapter, java_script_enabled=False).page
    assert page.locator("main h1").is_visible()
    assert page.locator("main p:visible").count() > 10
    assert page.locator("main pre.sourceCode").first.is_visible()


def test_built_in_pages_follow_the_system_theme_without_scripts(builtin_site, visit):
    address = builtin_site.url + builtin_site.chapter
    page = visit(address, java_script_enabled=False, color_scheme="dark").page
    assert page.locator("button.theme").is_hidden()
    assert max(background(page)) < 0x30


def test_every_picture_loads(site, visit):
    page = visit(site.url).page
    for path in site.pages:
        page.goto(site.url + path)
        widths = page.evaluate("""() => Promise.all([...document.images].map(async (image) => {
            image.loading = "eager";
            await image.decode().catch(() => {});
            return [image.src, image.naturalWidth];
        }))""")
        assert not [source for source, width in widths if not width], path
