"""Every page passes axe-core in both themes and widths, and works by keyboard and at 360 px."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow

THEMES = ["light", "dark"]
WIDTHS = pytest.mark.parametrize("width", [1280, 360])


def violations(page, axe: str, within: str = "html") -> list[str]:
    """Run axe-core on the page, or on a part of it, as it is; return one line per violation."""
    page.evaluate(axe)
    run = "within => axe.run(within, {resultTypes: ['violations']})"
    found = page.evaluate(run, within)["violations"]
    return [
        f"{page.url} {v['id']}: {node['target']} {node['failureSummary']}"
        for v in found
        for node in v["nodes"]
    ]


def violations_in_both_themes(page, axe: str, within: str = "html") -> list[str]:
    """Run axe-core in the light theme and in the dark one; return one line per violation."""
    found = []
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        found += [f"{theme}: {violation}" for violation in violations(page, axe, within)]
    return found


def open_everything(page) -> None:
    """Unfold what is folded and load what is lazy, so that it is checked too."""
    page.evaluate("""() => {
        for (const details of document.querySelectorAll("details")) details.open = true;
        for (const image of document.images) image.loading = "eager";
    }""")


@WIDTHS
def test_axe_finds_nothing_on_any_page(site, visit, axe, width):
    page = visit(site.url, width=width).page
    found = []
    for path in site.pages:
        page.goto(site.url + path)
        open_everything(page)
        found += violations_in_both_themes(page, axe)
    assert not found, "\n".join(found)


def test_axe_finds_nothing_in_what_opens(site, visit, axe):
    page = visit(site.url + site.chapter).page
    page.locator(".zoom:visible").first.click()
    found = violations_in_both_themes(page, axe, "dialog[open]")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("figure")
    page.wait_for_selector(".results a")
    found += violations_in_both_themes(page, axe, "dialog[open]")
    page.keyboard.press("Escape")
    page.locator(".citation a:visible").first.focus()
    page.wait_for_selector("#tip:not([hidden])")
    found += violations_in_both_themes(page, axe)
    assert not found, "\n".join(found)


def test_no_page_is_wider_than_its_window(site, visit):
    page = visit(site.url).page
    for path in site.pages:
        page.goto(site.url + path)
        open_everything(page)
        for width in (1280, 768, 360):
            page.set_viewport_size({"width": width, "height": 900})
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{path} is {wide} px wide in a window of {width}"


def test_no_table_and_no_code_is_cut_where_there_is_room(site, visit):
    for name in site.pages:
        page = visit(site.url + name, width=1280).page
        open_everything(page)
        blocks = page.locator(".table-wrap:visible, main pre:visible")
        cut = "blocks => blocks.filter(b => b.scrollWidth > b.clientWidth).map(b => b.innerText)"
        assert blocks.evaluate_all(cut) == [], name


def test_the_first_tab_stop_skips_to_the_text(site, visit):
    page = visit(site.url + site.chapter).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_every_tab_stop_shows_its_focus(site, visit):
    page = visit(site.url + site.chapter).page
    unseen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        unseen += page.evaluate("""() => {
            const element = document.activeElement, style = getComputedStyle(element);
            const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
            return seen || element === document.body ? [] : [element.outerHTML.slice(0, 120)];
        }""")
    assert not unseen


def test_the_drawer_works_without_script(site, visit):
    page = visit(site.url + site.chapter, width=360, java_script_enabled=False).page
    chapters = page.get_by_role("navigation", name="Chapters")
    assert not chapters.is_visible()
    page.locator("summary", has_text="Contents").click()
    assert chapters.is_visible()
    chapters.get_by_role("link").first.click()
    assert page.url == site.url + "index.html"


def test_escape_closes_the_drawer_and_keeps_the_focus(site, visit):
    page = visit(site.url + site.chapter, width=360).page
    summary = page.locator("summary", has_text="Contents")
    summary.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    assert not page.get_by_role("navigation", name="Chapters").is_visible()
    assert summary.evaluate("element => element === document.activeElement")


def test_reduced_motion_is_respected(site, visit):
    scrolling = "getComputedStyle(document.documentElement).scrollBehavior"
    assert visit(site.url, reduced_motion="reduce").page.evaluate(scrolling) == "auto"
    assert visit(site.url, reduced_motion="no-preference").page.evaluate(scrolling) == "smooth"


def test_print_is_light_and_shows_what_is_folded(site, visit):
    page = visit(site.url + site.chapter, color_scheme="dark").page
    page.emulate_media(media="print", color_scheme="dark")
    ink = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--ink')")
    assert int(ink.strip()[1:3], 16) < 0x60, "dark ink on paper"
    assert not page.locator(".bar").is_visible()
    assert not page.locator(".copy").first.is_visible()
    assert page.locator("main details pre").first.is_visible()
