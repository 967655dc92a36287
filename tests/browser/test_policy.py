"""The pages keep their Content-Security-Policy, ask no other host for anything, and are small."""

from __future__ import annotations

import re

import pytest

from tests.browser.conftest import Visit

pytestmark = pytest.mark.slow

LISTEN = """
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) =>
        window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""
PICTURES = {"image"}


def test_injected_script_and_style_do_not_run(site, new_context):
    page = new_context().new_page()
    evil = (
        "<script>window.injected = 1</script><img src=x onerror='window.injected = 2'>"
        "<p id=evil style='position: fixed'>injected</p></main>"
    )

    def inject(route):
        body = route.fetch().text().replace("</main>", evil)
        route.fulfill(body=body, content_type="text/html")

    page.route("**/*.html", inject)
    page.goto(site.url + site.chapter, wait_until="networkidle")
    assert page.locator("#evil").count() == 1
    assert page.evaluate("window.injected") is None
    assert page.locator("#evil").evaluate("e => getComputedStyle(e).position") == "static"


def test_every_page_is_small_and_nothing_of_it_is_blocked_missing_or_foreign(site, new_context):
    page = new_context().new_page()
    page.add_init_script(LISTEN)
    visited, weights = Visit.of(page), []
    page.on("response", lambda response: weights.append(weight(response)))
    for path in site.pages:
        weights.clear()
        # to the end: what is still on its way when the next page opens counts as missing
        page.goto(site.url + path, wait_until="networkidle")
        assert sum(weights) < 500_000, f"{path}: {sum(weights):,} bytes without its pictures"
        use_everything(page)
        assert page.evaluate("window.violations") == [], path
    foreign = [url for url in visited.requests if not url.startswith(site.url)]
    assert (foreign, visited.failures, visited.console) == ([], [], [])


def weight(response) -> int:
    """The bytes of an answer, pictures aside."""
    return 0 if response.request.resource_type in PICTURES else len(response.body())


def use_everything(page) -> None:
    """Scroll through the page and use each of its tools once."""
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    for name in (".theme", ".zoom", ".copy"):
        if page.locator(f"{name}:visible").count():
            page.locator(f"{name}:visible").first.click()
            page.keyboard.press("Escape")
    if page.locator(".copy:visible").count():  # where it may not copy it selects, in its own time
        page.wait_for_selector(".copy:text-matches('Copied|Selected')")
    if page.locator(".citation a:visible").count():
        page.locator(".citation a:visible").first.focus()
    page.keyboard.press("Control+k")
    page.keyboard.type("the")
    page.wait_for_selector(".results a, .status:has-text('No section')")
    page.keyboard.press("Escape")


def test_first_paint_needs_no_script(site, visit):
    page = visit(site.url + site.chapter, java_script_enabled=False, color_scheme="dark").page
    assert page.locator("main h1").is_visible()
    assert page.locator("main p").first.is_visible()
    assert page.locator("main pre.sourceCode").first.is_visible()
    assert page.locator("button.theme").is_hidden()
    background = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert max(map(int, re.findall(r"\d+", background))) < 0x30, "the system's dark theme"


@pytest.mark.parametrize("width", [1280, 360])
def test_from_a_file_all_but_search_works_and_search_says_why(site, visit, width):
    visited = visit((site.folder / site.chapter).as_uri(), width=width)
    page = visited.page
    assert page.locator(".copyable").count() > 0
    assert page.evaluate("getComputedStyle(document.body).display") in ("grid", "block")
    page.keyboard.press("Control+k")
    page.wait_for_selector(".status:has-text('file')")
    assert visited.console == []
