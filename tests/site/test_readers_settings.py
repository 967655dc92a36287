"""Readers' own settings reach every part of a page: colours, keys, speech, translation, size."""

from __future__ import annotations

import io
import re
from collections import Counter

import pytest
from bs4 import BeautifulSoup
from PIL import Image

from tests.site.browsing import open_everything

pytestmark = pytest.mark.slow

SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])
PRESSED = pytest.mark.parametrize("pressed", [False, True], ids=["", "pressed"])
CODE = "pre, code, kbd, samp"
BLOCKS = "main pre, main .table-wrap, main math"
# of each block: whether it scrolls, whether it is a tab stop, and its name
STOPS = f"""() => [...document.querySelectorAll("{BLOCKS}")]
  .filter((block) => block.checkVisibility()).map((block) => {{
    const {{ overflowX, overflowY }} = getComputedStyle(block);
    const moves = (overflow, inner, outer) => /auto|scroll/.test(overflow) && inner > outer;
    return {{
        scrolls: moves(overflowX, block.scrollWidth, block.clientWidth)
            || moves(overflowY, block.scrollHeight, block.clientHeight),
        stop: block.tabIndex === 0,
        name: block.getAttribute("aria-label") || "",
        role: block.getAttribute("role") || block.localName,
        text: block.textContent.trim().slice(0, 40),
    }};
}})"""
ROOT_SIZE = "size => { document.documentElement.style.fontSize = size; }"
TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


# Forced colours


@SCHEMES
@PRESSED
def test_pictures_are_visible_in_forced_colours(builtin_site, visit, scheme, pressed):
    url = builtin_site.url + builtin_site.chapter
    page = visit(url, forced_colors="active", color_scheme=scheme).page
    open_everything(page)
    if pressed:
        page.locator(builtin_site.controls.theme).click()
    pictures = page.locator("main img:visible")
    assert pictures.count() > 1
    for picture in (pictures.nth(n) for n in range(min(pictures.count(), 6))):
        picture.scroll_into_view_if_needed()
        picture.evaluate("picture => picture.decode()")
        greys = Image.open(io.BytesIO(picture.screenshot())).convert("L").getcolors()
        assert len(greys) > 2, picture.get_attribute("src")


@SCHEMES
@PRESSED
def test_an_enlarged_picture_is_visible_in_forced_colours(builtin_site, visit, scheme, pressed):
    url = builtin_site.url + builtin_site.chapter
    page = visit(url, forced_colors="active", color_scheme=scheme).page
    if pressed:
        page.locator(builtin_site.controls.theme).click()
    page.locator("main img.lightbox:visible").first.click()
    picture = page.locator(builtin_site.controls.enlarged)
    picture.evaluate("picture => picture.decode()")
    assert len(Image.open(io.BytesIO(picture.screenshot())).convert("L").getcolors()) > 2


@SCHEMES
@pytest.mark.parametrize("entries", [".outline a", "nav.chapters a"])
def test_the_current_entry_is_marked_by_more_than_colour(builtin_site, visit, scheme, entries):
    url = builtin_site.url + builtin_site.chapter
    page = visit(url, forced_colors="active", color_scheme=scheme).page
    page.mouse.wheel(0, 3000)
    page.wait_for_selector(f"{entries}[aria-current]")
    marks = """link => { const style = getComputedStyle(link);
        return [style.textDecorationLine, style.fontWeight, style.borderLeftStyle]; }"""
    current = page.locator(f"{entries}[aria-current]").first.evaluate(marks)
    others = page.locator(f"{entries}:not([aria-current])").evaluate_all(
        f"links => links.map({marks})"
    )
    assert others and current not in others


@SCHEMES
def test_the_theme_button_is_visible_in_forced_colours(builtin_site, visit, scheme):
    page = visit(builtin_site.url, forced_colors="active", color_scheme=scheme).page
    picture = page.locator("button.theme .half").screenshot()
    assert len(Image.open(io.BytesIO(picture)).convert("L").getcolors()) > 2


# Translation


def test_translation_leaves_code_as_it_is(site):
    """A page's code is marked in its text, titles, menus and outline."""
    for path in site.pages:
        tree = BeautifulSoup((site.folder / path).read_text(encoding="utf-8"), "html.parser")
        unmarked = [
            str(node)[:100]
            for node in tree.select(CODE)
            if not any(parent.get("translate") == "no" for parent in [node, *node.parents])
        ]
        assert unmarked == [], path
        assert tree.select_one("html").get("translate") != "no"
        assert not tree.select("main[translate], p[translate], h2[translate], figure[translate]")


# Screen readers


def accessible(page) -> list[dict]:
    """Return the nodes of the page's accessibility tree."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    return [node for node in nodes if not node.get("ignored")]


def named(page, role: str) -> list[str]:
    """Return the accessible names of all elements of a role, in order."""
    nodes = [node for node in accessible(page) if node.get("role", {}).get("value") == role]
    return [node["name"]["value"] for node in nodes]


def test_each_heading_is_read_once(builtin_site, visit):
    for path in builtin_site.pages:
        page = visit(builtin_site.url + path).page
        open_everything(page)
        html = (builtin_site.folder / path).read_text(encoding="utf-8")
        headings = BeautifulSoup(html, "html.parser").select("h1, h2, h3, h4, h5, h6")
        formulas = [heading for heading in headings if heading.find("math")]
        for math in (math for heading in formulas for math in heading.find_all("math")):
            math.decompose()  # a formula's name is the browser's own
        read = [re.sub(r"\s+", "", name) for name in named(page, "heading")]
        assert len(read) == len(headings), path
        written = [re.sub(r"\s+", "", h.get_text()) for h in headings if h not in formulas]
        assert Counter(written) <= Counter(read), path
        assert not [name for name in read if "#" in name or "Linkto" in name], path


def test_anchors_are_no_tab_stops_but_can_be_clicked(builtin_site, visit):
    page = visit(builtin_site.url + builtin_site.chapter).page
    anchors = page.locator("main .anchor")
    assert anchors.count() > 3
    assert anchors.evaluate_all("links => links.every(link => link.tabIndex === -1)")
    anchors.nth(2).evaluate("link => link.click()")
    assert page.url.endswith(anchors.nth(2).get_attribute("href"))


# Tab stops


def check_stops(page, where: str) -> int:
    """Check that exactly the scrolling blocks are tab stops, with names; return their number."""
    page.evaluate(TWO_FRAMES)
    blocks = page.evaluate(STOPS)
    for block in blocks:
        assert block["stop"] == block["scrolls"], f"{where}: {block}"
        assert bool(block["name"]) == block["scrolls"], f"{where}: {block}"
    stops = [block for block in blocks if block["stop"]]
    names = [block["name"] for block in stops]
    assert len(set(names)) == len(names), f"{where}: {sorted(names)}"
    assert {block["role"] for block in stops} <= {"group", "math"}, where
    return len(stops)


def test_exactly_the_blocks_that_scroll_are_tab_stops(builtin_site, visit):
    page = visit(builtin_site.url).page
    stops = 0
    for path in builtin_site.pages:
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(builtin_site.url + path)
        check_stops(page, f"{path}, wide")
        page.set_viewport_size({"width": 320, "height": 900})
        stops += check_stops(page, f"{path}, narrow")
        open_everything(page)
        stops += check_stops(page, f"{path}, narrow, unfolded")
        page.set_viewport_size({"width": 1280, "height": 900})
        check_stops(page, f"{path}, wide again")
        page.evaluate(ROOT_SIZE, "250%")
        check_stops(page, f"{path}, large")
    assert stops > 0


def test_a_block_that_scrolls_can_be_scrolled_by_keys(builtin_site, visit):
    page = visit(builtin_site.url + builtin_site.chapter, width=320).page
    open_everything(page)
    page.evaluate(TWO_FRAMES)
    for selector in ("pre", ".table-wrap", "math"):
        blocks = page.locator(f"main {selector}[tabindex='0']:visible")
        if not blocks.count():
            continue
        blocks.first.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("() => document.activeElement.scrollLeft > 0")


def test_formulas_remain_formulas_to_screen_readers(builtin_site, visit):
    """Naming a scrolling formula must not hide its content."""
    page = visit(builtin_site.url + builtin_site.chapter, width=320).page
    open_everything(page)
    page.evaluate(TWO_FRAMES)
    narrow = len([n for n in accessible(page) if n.get("role", {}).get("value") == "MathMLMath"])
    assert narrow == page.locator("main math:visible").count()


# The key that opens the search


def is_open(page) -> bool:
    return page.locator("dialog.search").is_visible()


def test_the_single_key_can_be_turned_off_and_stays_off(builtin_site, visit):
    page = visit(builtin_site.url + "index.html").page
    page.keyboard.press("/")
    assert is_open(page)
    switch = page.locator("dialog.search").get_by_role("checkbox", name="opens this search")
    assert switch.is_checked()
    switch.uncheck()
    page.keyboard.press("Escape")
    for reload in (
        lambda: None,
        page.reload,
        lambda: page.goto(builtin_site.url + builtin_site.chapter),
    ):
        reload()
        page.keyboard.press("/")
        assert not is_open(page)
        assert not page.locator(".search-open kbd").is_visible()
    page.keyboard.press("Control+k")
    assert is_open(page)
    assert not switch.is_checked()
    switch.check()
    page.keyboard.press("Escape")
    page.reload()
    page.keyboard.press("/")
    assert is_open(page)


def test_the_single_key_can_be_turned_off_without_storage(builtin_site, visit):
    page = visit(builtin_site.url + "index.html").page
    page.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw 1; } })")
    page.reload()
    page.keyboard.press("/")
    page.locator("dialog.search .shortcut input").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    assert not is_open(page)
    page.keyboard.press("Control+k")
    assert is_open(page)


def test_no_other_single_key_does_anything(builtin_site, visit):
    """Speech input may type any text, so only the search has a single-key shortcut."""
    page = visit(builtin_site.url + builtin_site.chapter).page
    page.evaluate("localStorage.setItem('shortcuts', 'off')")
    page.reload()
    before = page.evaluate("document.body.outerHTML")
    page.keyboard.type("abcdefghijklmnopqrstuvwxyz0123456789?/.,;:+-*#")
    assert page.evaluate("document.body.outerHTML") == before
    assert page.url == builtin_site.url + builtin_site.chapter


# Copied text


def test_copied_text_has_no_words_of_buttons(site, visit):
    allowed = ["clipboard-read", "clipboard-write"]
    page = visit(site.url + site.chapter, permissions=allowed).page
    open_everything(page)
    page.evaluate("getSelection().selectAllChildren(document.querySelector('main'))")
    page.keyboard.press("Control+c")
    text = page.evaluate("navigator.clipboard.readText()")
    lines = [line.strip() for line in text.splitlines()]
    assert len(lines) > 20
    assert not {"Copy", "Copied", "Enlarge", "#", ""} & {*lines} - {""}
    assert [line for line in lines if re.search(r"[^#\s]#$", line)] == []
    html = page.evaluate("""async () => { const [item] = await navigator.clipboard.read();
        return (await item.getType("text/html")).text(); }""")
    assert not re.search(r">(Copy|Enlarge|#)<", html)


# Size


@pytest.mark.parametrize("by", ["root", "browser"])
def test_text_of_twice_the_size_fits_a_window_of_320_px(builtin_site, visit, by):
    page = visit(builtin_site.url, width=320).page
    if by == "browser":
        sizes = {"fontSizes": {"standard": 32, "fixed": 26}}
        page.context.new_cdp_session(page).send("Page.setFontSizes", sizes)
    wide = []
    for path in builtin_site.pages:
        page.goto(builtin_site.url + path)
        if by == "root":
            page.evaluate(ROOT_SIZE, "200%")
        open_everything(page)
        needed = page.evaluate("document.documentElement.scrollWidth")
        if needed > 320:
            wide.append((path, needed, page.evaluate(WIDEST)))
    assert wide == []


WIDEST = """() => [...document.querySelectorAll("body *")]
    .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
    .filter((element) => !element.closest("pre, .table-wrap, math"))
    .map((element) => element.outerHTML.slice(0, 120)).slice(0, 5)"""


@pytest.mark.parametrize("by", ["root", "browser"])
def test_the_search_and_the_menus_fit_with_text_of_twice_the_size(builtin_site, visit, by):
    page = visit(builtin_site.url, width=320, height=600).page
    if by == "browser":
        sizes = {"fontSizes": {"standard": 32, "fixed": 26}}
        page.context.new_cdp_session(page).send("Page.setFontSizes", sizes)
    page.goto(builtin_site.url + builtin_site.chapter)
    if by == "root":
        page.evaluate(ROOT_SIZE, "200%")
    page.locator("summary", has_text="Contents").click()
    page.keyboard.press("Escape")
    page.locator(".search-open").click()
    for selector in ("dialog.search input[type=search]", "dialog.search .shortcut"):
        box = page.locator(selector).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 320, selector
    assert page.locator("dialog.search").evaluate("d => d.scrollWidth <= d.clientWidth")


# Messages


def test_messages_are_for_readers_without_a_checkout(builtin_site, visit):
    page = visit((builtin_site.folder / "index.html").as_uri()).page
    page.locator(".search-open").click()
    page.wait_for_function("() => document.querySelector('dialog.search .status').textContent")
    message = page.locator("dialog.search .status").inner_text()
    assert "online" in message
    for script in builtin_site.folder.glob("assets/*.js"):
        strings = re.findall(r'"[^"\n]*"|`[^`]*`', script.read_text(encoding="utf-8"))
        assert not [text for text in strings if re.search(r"\bmake [a-z]|\.venv|checkout", text)]
