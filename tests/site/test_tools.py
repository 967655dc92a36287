"""The scripts of a page: theme, search, copy, enlarged pictures, notes, current section."""

from __future__ import annotations

import json
import re
from itertools import islice

import pytest

from tests.site.browsing import background, press_theme_button, use_system_theme
from tests.site.sites import BUILTIN

pytestmark = pytest.mark.slow

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


def phrase_of(site) -> tuple[str, str]:
    """Return a phrase of the book and the section in which the search finds it."""
    if not site.is_real:
        return "drawn by hand", "Figures and tables"
    # Quarto's index has no subsections
    return "max pooling", "Pooling" if site.renderer == BUILTIN else "Theory"


@pytest.mark.parametrize(("system", "chosen"), [("light", "dark"), ("dark", "light")])
def test_the_chosen_theme_is_remembered_for_every_page(site, visit, system, chosen):
    page = visit(site.url + site.chapter, color_scheme=system).page
    press_theme_button(page, site)
    wanted = background(page)
    assert (max(wanted) < 0x60) == (chosen == "dark")
    page.reload()
    assert background(page) == wanted
    page.goto(site.url + "index.html")
    assert background(page) == wanted


@pytest.mark.parametrize(("system", "chosen"), [("light", "dark"), ("dark", "light")])
def test_the_chosen_theme_survives_a_reload_without_a_flash(builtin_site, visit, system, chosen):
    page = visit(builtin_site.url + builtin_site.chapter, color_scheme=system).page
    page.locator(".theme").click()
    wanted = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    page.route("**/book.js", lambda route: (page.wait_for_timeout(300), route.continue_()))
    page.add_init_script(RECORD)
    page.reload(wait_until="networkidle")
    assert set(page.evaluate("window.frames_")) == {wanted}
    assert page.locator(".theme").get_attribute("aria-pressed") == str(chosen == "dark").lower()


def test_without_a_choice_the_theme_follows_the_system(site, visit):
    page = visit(site.url, color_scheme="dark").page
    assert max(background(page)) < 0x60
    use_system_theme(page, "light")
    assert min(background(page)) > 0xF0
    use_system_theme(page, "dark")
    assert max(background(page)) < 0x60


def test_choosing_the_systems_theme_again_forgets_the_choice(builtin_site, visit):
    page = visit(builtin_site.url, color_scheme="light").page
    light = background(page)
    use_system_theme(page, "dark")
    page.locator(".theme").click()  # light, on a dark system
    assert background(page) == light
    page.locator(".theme").click()
    assert page.evaluate("localStorage.getItem('theme')") is None


def search_for(page, site, phrase: str) -> None:
    """Open the search by its button and type a phrase."""
    page.locator(f"{site.controls.search}:visible").first.click()
    page.keyboard.type(phrase)


def close_search(page, site) -> None:
    """Close the search."""
    page.keyboard.press("Escape")
    page.wait_for_selector(site.controls.result, state="hidden")


def test_search_finds_a_phrase_and_opens_its_section(site, visit):
    phrase, section = phrase_of(site)
    page = visit(site.url + "index.html").page
    search_for(page, site, phrase)
    result = page.locator(site.controls.result, has_text=section).first
    result.wait_for()
    assert result.locator("mark").count() > 0
    result.click()
    page.wait_for_url("**/*.html*#*")
    target = page.locator(f'[id="{page.url.split("#")[1]}"]')
    assert section in target.inner_text()
    assert 0 <= target.bounding_box()["y"] < 300, "the section is at the top"


def test_search_does_not_find_the_tex_of_formulas(builtin_site, visit):
    """It may find words that begin like a command, such as fraction."""
    page = visit(builtin_site.url + "index.html").page
    for command in ("frac", "aligned", "cdot", "lfloor"):
        search_for(page, builtin_site, command)
        page.wait_for_selector(f"{builtin_site.controls.result}, {builtin_site.controls.no_result}")
        found = page.locator(builtin_site.controls.result).locator("mark").all_inner_texts()
        assert command not in found
        assert not [text for text in found if re.match(r"\\[a-z]", text)]
        close_search(page, builtin_site)


@pytest.mark.parametrize("keys", ["/", "Control+k"])
def test_search_works_by_keyboard_alone(builtin_site, visit, keys):
    phrase, _ = phrase_of(builtin_site)
    page = visit(builtin_site.url + "index.html").page
    page.keyboard.press(keys)
    page.keyboard.type(phrase)
    page.wait_for_selector(".results a")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.matches('.results li:first-child a')")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.type") == "search"
    page.keyboard.press("Escape")
    assert not page.locator("dialog.search").is_visible()


def test_search_reports_that_nothing_matches(site, visit):
    page = visit(site.url + "index.html").page
    search_for(page, site, "ѫѫѫ")  # pagefind shortens a word until it finds a match
    page.wait_for_selector(site.controls.no_result)


def test_copy_puts_the_code_of_a_cell_on_the_clipboard(site, visit):
    allowed = ["clipboard-read", "clipboard-write"]
    page = visit(site.url + site.chapter, permissions=allowed).page
    notebook = json.loads((site.folder / site.chapter).with_suffix(".ipynb").read_text("utf-8"))
    sources = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    sources = [re.sub(r"^#\|.*\n", "", source, flags=re.M).strip("\n") for source in sources]
    blocks = page.locator(f".cell {site.controls.copy}").locator("..").all()
    copied = []
    for block in islice((block for block in blocks if block.is_visible()), 5):
        block.hover()
        before = page.evaluate("navigator.clipboard.readText()")
        block.locator(site.controls.copy).click()
        page.wait_for_function(
            "async before => (await navigator.clipboard.readText()) !== before", arg=before
        )
        copied.append(page.evaluate("navigator.clipboard.readText()"))
    assert len(set(copied)) == len(copied) > 2
    assert [code for code in copied if code.strip("\n") not in sources] == []


def test_a_click_on_a_picture_enlarges_it(site, visit):
    page = visit(site.url + site.chapter).page
    page.locator("main img.lightbox:visible, main a.lightbox img:visible").first.click()
    enlarged = page.locator(site.controls.enlarged)
    enlarged.wait_for()
    page.keyboard.press("Escape")
    enlarged.wait_for(state="hidden")


def test_an_enlarged_picture_closes_by_its_button(builtin_site, visit):
    page = visit(builtin_site.url + builtin_site.chapter).page
    page.locator("main img.lightbox:visible").first.click()
    dialog = page.locator("dialog.lightbox")
    assert dialog.is_visible()
    dialog.get_by_role("button", name="Close").click()
    assert not dialog.is_visible()


def test_pictures_are_enlarged_by_keyboard_and_return_the_focus(builtin_site, visit):
    page = visit(builtin_site.url + builtin_site.chapter).page
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


NOTES = pytest.mark.parametrize(
    ("kind", "links"),
    [("footnote-ref", "a.footnote-ref:visible"), ("citation", ".citation a:visible")],
)


def page_with(site, kind: str) -> str:
    """Return the address of the first page with a footnote or a citation."""
    for path in site.pages:
        if f'class="{kind}"' in (site.folder / path).read_text(encoding="utf-8"):
            return site.url + path
    if site.is_real:
        pytest.skip("no chapter has such a note")
    raise AssertionError(f"the small test book has no {kind}")


@NOTES
def test_notes_appear_beside_their_links(site, visit, kind, links):
    address = page_with(site, kind)
    page = visit(address).page
    link = page.locator(links).first
    link.hover()
    note = page.locator(site.controls.note)
    note.wait_for()
    assert page.url == address, "the reader stays on the page"
    assert note.inner_text().split() == note_text(page, link.evaluate("link => link.href"))


@NOTES
@pytest.mark.parametrize("action", ["focus", "tap"])
def test_notes_are_described_to_screen_readers_and_close(builtin_site, visit, action, kind, links):
    address = page_with(builtin_site, kind)
    page = visit(address, has_touch=action == "tap").page
    link = page.locator(links).first
    getattr(link, action)()
    note = page.locator("#tip")
    note.wait_for()
    assert page.url == address, "the reader stays on the page"
    assert note.inner_text().split() == note_text(page, link.evaluate("link => link.href"))
    assert link.get_attribute("aria-describedby") == "tip"
    page.keyboard.press("Escape")
    assert not note.is_visible()


def note_text(page, address: str) -> list[str]:
    """Return the text at a link's target without the backlink, read in a separate page."""
    other = page.context.new_page()
    other.goto(address)
    text = other.locator(f'[id="{address.split("#")[1]}"]').inner_text()
    other.close()
    return text.replace("↩︎", "").replace("↩", "").split()


def test_on_this_page_follows_the_scroll(builtin_site, visit):
    page = visit(builtin_site.url + builtin_site.chapter).page
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


def test_headings_have_anchors(builtin_site, visit):
    page = visit(builtin_site.url + builtin_site.chapter).page
    headings = page.locator("main h2[id]")
    assert headings.count() == page.locator("main h2[id] > a.anchor").count() > 0
    link = headings.first.locator("a.anchor")
    link.click()
    assert page.url.endswith("#" + headings.first.get_attribute("id"))
