"""What the page's script adds: theme, search, copy, lightbox, notes in place, current section."""

from __future__ import annotations

import json
import re

import pytest

pytestmark = pytest.mark.slow

# for each book a phrase and the section that it is in
PHRASES = {
    "probe": ("drawn by hand", "Figures and tables"),
    "book": ("max pooling", "Pooling"),
}

# records the background of every painted frame, from the first
RECORD = """
    window.frames_ = [];
    const look = () => {
        if (document.body)
            window.frames_.push(getComputedStyle(document.documentElement).backgroundColor);
        requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
"""


def background(page) -> str:
    return page.evaluate("getComputedStyle(document.documentElement).backgroundColor")


@pytest.mark.parametrize(("system", "chosen"), [("light", "dark"), ("dark", "light")])
def test_the_chosen_theme_survives_a_reload_without_a_flash(site, visit, system, chosen):
    page = visit(site.url + site.chapter, color_scheme=system).page
    first = background(page)
    page.locator(".theme").click()
    wanted = background(page)
    assert wanted != first
    page.route("**/book.js", lambda route: (page.wait_for_timeout(300), route.continue_()))
    page.add_init_script(RECORD)
    page.reload(wait_until="networkidle")
    assert set(page.evaluate("window.frames_")) == {wanted}
    assert page.locator(".theme").get_attribute("aria-pressed") == str(chosen == "dark").lower()
    page.goto(site.url + "index.html")
    assert background(page) == wanted, "the choice holds for every page"


def test_without_a_choice_the_theme_follows_the_system(site, visit):
    page = visit(site.url, color_scheme="light").page
    light = background(page)
    page.emulate_media(color_scheme="dark")
    assert background(page) != light
    page.locator(".theme").click()  # chosen: light, on a dark system
    assert background(page) == light
    page.locator(".theme").click()  # the system's own again: nothing to remember
    assert page.evaluate("localStorage.getItem('theme')") is None


@pytest.mark.parametrize("keys", ["/", "Control+k"])
def test_search_finds_a_phrase_and_opens_its_section(site, visit, keys):
    phrase, section = PHRASES[site.name]
    page = visit(site.url + "index.html").page
    page.keyboard.press(keys)
    page.keyboard.type(phrase)
    result = page.locator(".results a", has=page.locator(".title", has_text=section)).first
    result.wait_for()
    assert result.locator("mark").count() > 0
    result.click()
    page.wait_for_url("**/*.html#*")
    target = page.locator(f'[id="{page.url.split("#")[1]}"]')
    assert section in target.inner_text()
    assert 0 <= target.bounding_box()["y"] < 300, "the section stands at the top"


def test_search_works_by_keyboard_alone(site, visit):
    phrase, _ = PHRASES[site.name]
    page = visit(site.url + "index.html").page
    page.keyboard.press("/")
    page.keyboard.type(phrase)
    page.wait_for_selector(".results a")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.matches('.results li:first-child a')")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.type") == "search"
    page.keyboard.press("Escape")
    assert not page.locator("dialog.search").is_visible()


def test_search_says_when_there_is_nothing(site, visit):
    page = visit(site.url + "index.html").page
    page.keyboard.press("/")
    page.keyboard.type("ѫѫѫ")  # pagefind shortens a word until it knows it
    page.wait_for_selector(".status:has-text('No sections found')")


def test_copy_puts_the_cells_code_on_the_clipboard(site, visit):
    allowed = ["clipboard-read", "clipboard-write"]
    page = visit(site.url + site.chapter, permissions=allowed).page
    notebook = json.loads((site.folder / site.chapter).with_suffix(".ipynb").read_text("utf-8"))
    sources = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    sources = [re.sub(r"^#\|.*\n", "", source, flags=re.M).strip("\n") for source in sources]
    boxes = page.locator(".cell .copyable:visible")
    copied = []
    for box in (boxes.nth(i) for i in range(min(5, boxes.count()))):
        box.hover()
        button = box.locator(".copy")
        button.click()
        page.wait_for_function("b => b.textContent === 'Copied'", arg=button.element_handle())
        copied.append(page.evaluate("navigator.clipboard.readText()"))
    assert len(set(copied)) == len(copied) > 2
    assert [code for code in copied if code not in sources] == []


def test_the_lightbox_works_by_keyboard_and_gives_the_focus_back(site, visit):
    page = visit(site.url + site.chapter).page
    dialog = page.locator("dialog.lightbox")
    button = page.locator(".zoom:visible").first
    button.focus()
    page.keyboard.press("Enter")
    assert dialog.is_visible()
    picture = page.locator("main img.lightbox:visible").first
    assert dialog.locator("img").get_attribute("src") == picture.get_attribute("src")
    assert dialog.locator("img").get_attribute("alt") == picture.get_attribute("alt")
    for _ in range(6):
        page.keyboard.press("Tab")
        within = page.evaluate("document.activeElement.matches('dialog *, dialog, body')")
        assert within, "the focus does not reach the page behind"
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert button.evaluate("element => element === document.activeElement")


def test_a_click_on_a_picture_enlarges_it(site, visit):
    page = visit(site.url + site.chapter).page
    page.locator("main img.lightbox:visible").first.click()
    dialog = page.locator("dialog.lightbox")
    assert dialog.is_visible()
    dialog.get_by_role("button", name="Close").click()
    assert not dialog.is_visible()


def test_dark_pictures_are_inverted_but_for_those_that_keep_their_colours(site, visit):
    page = visit(site.url + site.chapter, color_scheme="dark").page
    filters = page.evaluate("""() => [...document.querySelectorAll("main img")].map((image) =>
        [image.classList.contains("keep-colours"), getComputedStyle(image).filter])""")
    assert any(not keeps for keeps, _ in filters)
    for keeps, applied in filters:
        assert applied == ("none" if keeps else "invert(1) hue-rotate(180deg)")


@pytest.mark.parametrize("way", ["hover", "focus", "tap"])
@pytest.mark.parametrize(
    ("kind", "links"),
    [("footnote-ref", "a.footnote-ref:visible"), ("citation", ".citation a:visible")],
)
def test_notes_are_readable_where_they_stand(site, visit, way, kind, links):
    texts = {path: (site.folder / path).read_text(encoding="utf-8") for path in site.pages}
    pages = [path for path in texts if f'class="{kind}"' in texts[path]]
    if site.name == "book" and not pages:
        pytest.skip("no chapter has such a note")
    address = site.url + pages[0]
    page = visit(address, has_touch=way == "tap").page
    link = page.locator(links).first
    getattr(link, way)()
    tip = page.locator("#tip")
    tip.wait_for()
    assert page.url == address, "the reader stays"
    words = note_text(page, link.evaluate("link => link.href"))
    assert tip.inner_text().split() == words
    assert link.get_attribute("aria-describedby") == "tip"
    page.keyboard.press("Escape")
    assert not tip.is_visible()


def note_text(page, address: str) -> list[str]:
    """The words at the link's target, read in a page of its own, without the way back."""
    other = page.context.new_page()
    other.goto(address)
    text = other.locator(f'[id="{address.split("#")[1]}"]').inner_text()
    other.close()
    return text.replace("↩︎", "").replace("↩", "").split()


def test_on_this_page_follows_the_scroll(site, visit):
    page = visit(site.url + site.chapter).page
    current = page.locator('.outline a[aria-current="location"]')
    assert current.count() == 0
    names = [link.get_attribute("href")[1:] for link in page.locator(".outline a").all()]
    for name in names:
        page.evaluate("id => document.getElementById(id).scrollIntoView()", name)
        at_end = page.evaluate("innerHeight + scrollY > document.documentElement.scrollHeight - 2")
        page.wait_for_function(
            "name => document.querySelector('.outline [aria-current]')?.hash === '#' + name",
            arg=names[-1] if at_end else name,
        )
    assert current.count() == 1


def test_headings_have_anchors(site, visit):
    page = visit(site.url + site.chapter).page
    headings = page.locator("main h2[id]")
    assert headings.count() == page.locator("main h2[id] > a.anchor").count() > 0
    link = headings.first.locator("a.anchor")
    link.click()
    assert page.url.endswith("#" + headings.first.get_attribute("id"))
