"""Every page passes axe-core in both themes and widths, and works by keyboard and at 320 px."""

from __future__ import annotations

import pytest
from playwright.sync_api import Error

from tests.contrast import luminance
from tests.site.axe import WIDTHS, violations, violations_in_both_themes
from tests.site.browsing import open_everything

pytestmark = pytest.mark.slow


@WIDTHS
def test_axe_finds_no_violation_on_any_page(site, visit, axe, width):
    page = visit(site.url, width=width).page
    violations = []
    for path in site.pages:
        page.goto(site.url + path)
        open_everything(page)
        violations += violations_in_both_themes(page, axe)
    assert not violations, "\n".join(violations)


def test_axe_finds_no_violation_in_dialogs_and_notes(builtin_site, visit, axe):
    page = visit(builtin_site.url + builtin_site.chapter).page
    page.locator(".zoom:visible").first.click()
    violations = violations_in_both_themes(page, axe, "dialog[open]")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("figure")
    page.wait_for_selector(".results a")
    violations += violations_in_both_themes(page, axe, "dialog[open]")
    page.keyboard.press("Escape")
    page.locator(".citation a:visible").first.focus()
    page.wait_for_selector("#tip:not([hidden])")
    violations += violations_in_both_themes(page, axe)
    assert not violations, "\n".join(violations)


def test_a_rule_that_fails_is_not_taken_for_a_rule_without_violations(builtin_site, visit, axe):
    broken = """axe.configure({ checks: [
        { id: "doc-has-title", evaluate: () => { throw new Error("broken"); } },
    ] });"""
    page = visit(builtin_site.url).page
    with pytest.raises(Error, match="axe failed in document-title"):
        violations(page, axe + broken)


def test_no_page_is_wider_than_its_window(site, visit):
    page = visit(site.url).page
    wide = []
    for path in site.pages:
        page.goto(site.url + path)
        open_everything(page)
        for width in (1280, 768, 360, 320):
            page.set_viewport_size({"width": width, "height": 900})
            needed = page.evaluate("document.documentElement.scrollWidth")
            wide += [f"{path}: {needed} px in a window of {width}"] if needed > width else []
    assert wide == []


def test_no_table_and_no_code_is_cut_off_in_a_wide_window(site, visit):
    for name in site.pages:
        page = visit(site.url + name, width=1280).page
        open_everything(page)
        blocks = page.locator(".table-wrap:visible, main pre:visible")
        cut = "blocks => blocks.filter(b => b.scrollWidth > b.clientWidth).map(b => b.innerText)"
        assert blocks.evaluate_all(cut) == [], name


def test_every_tab_stop_shows_its_focus(site, visit):
    page = visit(site.url + site.chapter).page
    invisible = []
    for _ in range(40):
        page.keyboard.press("Tab")
        invisible += page.evaluate("""() => {
            const element = document.activeElement, style = getComputedStyle(element);
            const shown = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
            return shown || element === document.body ? [] : [element.outerHTML.slice(0, 120)];
        }""")
    assert not invisible


def test_print_is_light_and_shows_what_is_folded(site, visit):
    page = visit(site.url + site.chapter, color_scheme="dark").page
    page.emulate_media(media="print", color_scheme="dark")
    ink = page.locator("main").evaluate("main => getComputedStyle(main).color")
    colour = [int(part) for part in ink.removeprefix("rgb(").removesuffix(")").split(",")]
    assert luminance(colour) < luminance([0x60, 0x60, 0x60]), "dark ink on paper"
    assert not page.locator(site.controls.search).is_visible()
    assert not page.locator(site.controls.copy).first.is_visible()
    assert page.locator("main details pre").first.is_visible()


def test_the_first_tab_stop_skips_to_the_text(builtin_site, visit):
    page = visit(builtin_site.url + builtin_site.chapter).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_the_drawer_works_without_scripts(builtin_site, visit):
    address = builtin_site.url + builtin_site.chapter
    page = visit(address, width=360, java_script_enabled=False).page
    chapters = page.get_by_role("navigation", name="Chapters")
    assert not chapters.is_visible()
    page.locator("summary", has_text="Contents").click()
    assert chapters.is_visible()
    chapters.get_by_role("link").first.click()
    assert page.url == builtin_site.url + "index.html"


def test_escape_closes_the_drawer_and_returns_the_focus(builtin_site, visit):
    page = visit(builtin_site.url + builtin_site.chapter, width=360).page
    summary = page.locator("summary", has_text="Contents")
    summary.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    assert not page.get_by_role("navigation", name="Chapters").is_visible()
    assert summary.evaluate("element => element === document.activeElement")


def test_reduced_motion_is_respected(builtin_site, visit):
    scrolling = "getComputedStyle(document.documentElement).scrollBehavior"
    assert visit(builtin_site.url, reduced_motion="reduce").page.evaluate(scrolling) == "auto"
    page = visit(builtin_site.url, reduced_motion="no-preference").page
    assert page.evaluate(scrolling) == "smooth"
