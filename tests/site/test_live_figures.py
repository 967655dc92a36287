"""Rules for every live figure, whatever it shows, on every site of the book."""

from __future__ import annotations

import pytest

from tests.live import live_figures
from tests.site.axe import WIDTHS, violations_in_both_themes
from tests.site.browsing import LISTEN, press_theme_button
from tests.site.sites import BUILTIN

pytestmark = [pytest.mark.slow, pytest.mark.book]

BEFORE_START = 25_000  # bytes that a page may load for its live figures before one is started
DATA = 900_000  # bytes of a data file
TARGET = 44  # pixels, the shortest side of a touch target
# Sides of everything that can be pressed or chosen; a checkbox counts with the label around it.
CONTROLS = "button, select, input, textarea, canvas[tabindex], a"
TARGETS = f"""stage => [...stage.querySelectorAll("{CONTROLS}")]
    .map(control => control.closest("label:has([type=checkbox], [type=radio])") || control)
    .filter(control => control.getClientRects().length)
    .map(control => [control.outerHTML.slice(0, 60), control.getBoundingClientRect()])
    .map(([html, box]) => [html, box.width, box.height])"""
SHOWN = """stage => stage.innerText
    + [...stage.querySelectorAll("input, select")].map(control => control.value + control.checked)
    + [...stage.querySelectorAll("canvas")].map(canvas => canvas.toDataURL())
    + [...stage.querySelectorAll("svg")].map(svg => svg.outerHTML)"""


@pytest.fixture(params=live_figures(), ids=lambda figure: figure.script)
def live(request):
    return request.param


def stage(page, live):
    return page.locator(f"#{live.id} .explorable-stage")


def status(page, live):
    return page.locator(f"#{live.id} .explorable-bar [role=status]")


def test_nothing_is_loaded_before_start_and_nothing_from_another_host(book_site, visit, live):
    visited = visit(book_site.url + live.page)
    visited.page.wait_for_load_state("networkidle")
    before = [request for request in visited.requests if "/live/" in request]
    assert sorted(before) == [f"{book_site.url}live/start.css", f"{book_site.url}live/start.js"]
    assert not [request for request in visited.requests if request.endswith("-data.js")]
    live.start(visited.page)
    visited.page.wait_for_load_state("networkidle")
    later = [request for request in visited.requests if request.endswith(f"/{live.script}.js")]
    assert len(later) == 1
    foreign = visited.requests_outside(book_site.url)
    assert (foreign, visited.failures, visited.console) == ([], [], [])


def test_it_runs_from_a_file_without_a_network(book_site, visit, live):
    visited = visit((book_site.folder / live.page).as_uri(), offline=True)
    # browsers load no module from a file: Quarto's own script is one
    on_load = [] if book_site.renderer == BUILTIN else [*visited.console]
    live.start(visited.page)
    assert stage(visited.page, live).inner_text().strip()
    assert visited.console == on_load


def test_it_does_not_violate_the_policy_of_the_page(book_site, new_context, live):
    page = new_context().new_page()
    page.add_init_script(LISTEN)
    page.goto(book_site.url + live.page)
    live.start(page)
    for button in stage(page, live).locator("button:visible").all():
        button.click()
    assert page.evaluate("window.violations") == []


@WIDTHS
def test_axe_finds_no_violation_while_it_runs(book_site, visit, axe, live, width):
    page = visit(book_site.url + live.page, width=width).page
    live.start(page)
    assert violations_in_both_themes(page, axe, f"#{live.id}") == []


@WIDTHS
def test_axe_finds_no_violation_on_the_page_while_all_its_figures_run(book_site, visit, axe, width):
    page = visit(book_site.url + live_figures()[0].page, width=width).page
    for live in live_figures():
        live.start(page)
    assert violations_in_both_themes(page, axe) == []


def test_it_fits_a_phone_and_its_touch_targets_are_large_enough(book_site, visit, live):
    page = visit(book_site.url + live.page, width=360).page
    live.start(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    targets = stage(page, live).evaluate(TARGETS)
    targets += page.locator(f"#{live.id} .explorable-bar").evaluate(TARGETS)
    small = [target for target in targets if min(target[1:]) < TARGET - 0.5]
    assert targets and small == []


def test_it_starts_by_keyboard_and_receives_the_focus(book_site, visit, live):
    page = visit(book_site.url + live.page).page
    page.locator(f"#{live.id}").get_by_role("button", name="Start").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(f"#{live.id}.is-live")
    assert page.evaluate("document.activeElement.className") == "explorable-stage"


def test_it_starts_by_touch(book_site, visit, live):
    page = visit(book_site.url + live.page, width=360, has_touch=True).page
    page.locator(f"#{live.id}").get_by_role("button", name="Start").tap()
    page.wait_for_selector(f"#{live.id}.is-live")


def test_reset_restores_the_initial_state(book_site, visit, live):
    page = visit(book_site.url + live.page).page
    live.start(page)
    start = stage(page, live).evaluate(SHOWN)
    for select in stage(page, live).locator("select:visible").all():
        select.select_option(index=1)
    for button in stage(page, live).locator("button:visible").all():
        button.click()
    assert stage(page, live).evaluate(SHOWN) != start
    page.locator(f"#{live.id}").get_by_role("button", name="Reset").click()
    assert stage(page, live).evaluate(SHOWN) == start


def test_a_click_on_it_enlarges_nothing(book_site, visit, live):
    page = visit(book_site.url + live.page).page
    live.start(page)
    stage(page, live).click()
    assert page.locator(book_site.controls.enlarged).count() == 0
    assert page.locator(f"#{live.id} img").first.is_hidden()


def test_without_scripts_the_picture_is_shown_with_its_caption(book_site, visit, live):
    page = visit(book_site.url + live.page, java_script_enabled=False).page
    figure = page.locator(f"#{live.id}")
    assert figure.locator("img").is_visible() and figure.locator("figcaption").is_visible()
    assert figure.get_by_role("button").count() == 0
    assert "with JavaScript" in figure.locator(".explorable-data").first.inner_text()


def test_on_paper_the_picture_is_shown_and_refers_to_the_live_figure(book_site, visit, live):
    page = visit(book_site.url + live.page).page
    live.start(page)
    page.emulate_media(media="print")
    figure = page.locator(f"#{live.id}")
    assert figure.locator("img").is_visible()
    assert figure.locator(".explorable-data").first.is_visible()
    assert stage(page, live).is_hidden() and status(page, live).is_hidden()


def half_of(text: str) -> str:
    return text[: len(text) // 2]


@pytest.mark.parametrize("damage", ["absent", "half", "empty", "letters"])
def test_missing_or_damaged_data_are_reported_and_the_page_still_works(
    book_site, visit, live, damage
):
    page = visit(book_site.url + live.page).page

    def answer(route):
        if damage == "absent":
            return route.abort()
        text = route.fetch().text()
        bodies = {"half": half_of(text), "empty": "", "letters": text.replace('8": "', '8": "?', 1)}
        return route.fulfill(body=bodies[damage], content_type="text/javascript")

    page.route("**/*-data.js", answer)
    page.locator(f"#{live.id}").get_by_role("button", name="Start").click()
    page.wait_for_selector(f"#{live.id} .explorable-bar [role=status]:has-text('cannot start')")
    assert "-data.js" in status(page, live).inner_text()
    assert page.locator(f"#{live.id} img").first.is_visible() and stage(page, live).is_hidden()
    press_theme_button(page, book_site)
    page.unroute("**/*-data.js")
    if damage == "absent":  # the data can be loaded by now
        live.start(page)


def test_files_are_small(book_site, live):
    before = [book_site.folder / "live" / name for name in ("start.js", "start.css")]
    assert sum(file.stat().st_size for file in before) <= BEFORE_START
    assert live.data(book_site.folder)
    for file in live.data(book_site.folder):
        assert file.stat().st_size < DATA, file.name
