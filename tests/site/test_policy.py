"""The built-in renderer's pages have a strict Content-Security-Policy and work from a file."""

from __future__ import annotations

import pytest

from renderer.tests.support.pages import pages

pytestmark = pytest.mark.slow


def test_the_policy_is_strict_and_no_page_violates_it(builtin_site):
    for name, page in pages(builtin_site.folder).items():
        (policy,) = page.select('meta[http-equiv="Content-Security-Policy"]')
        assert policy["content"].startswith("default-src 'self';"), name
        assert "unsafe" not in policy["content"], name
        assert not page.select("style, [style], script:not([src])"), name
        assert not [a for e in page.find_all(True) for a in e.attrs if a.startswith("on")], name


def test_injected_script_and_style_do_not_run(builtin_site, new_context):
    page = new_context().new_page()
    evil = (
        "<script>window.injected = 1</script><img src=x onerror='window.injected = 2'>"
        "<p id=evil style='position: fixed'>injected</p></main>"
    )

    def inject(route):
        body = route.fetch().text().replace("</main>", evil)
        route.fulfill(body=body, content_type="text/html")

    page.route("**/*.html", inject)
    page.goto(builtin_site.url + builtin_site.chapter, wait_until="networkidle")
    assert page.locator("#evil").count() == 1
    assert page.evaluate("window.injected") is None
    assert page.locator("#evil").evaluate("e => getComputedStyle(e).position") == "static"


@pytest.mark.parametrize("width", [1280, 360])
def test_from_a_file_all_but_search_works_and_search_says_why(builtin_site, visit, width):
    visited = visit((builtin_site.folder / builtin_site.chapter).as_uri(), width=width)
    page = visited.page
    assert page.locator(".copyable").count() > 0
    assert page.evaluate("getComputedStyle(document.body).display") in ("grid", "block")
    page.keyboard.press("Control+k")
    page.wait_for_selector(".status:has-text('file')")
    assert visited.console == []
