"""What every live figure of the book keeps to, whatever it shows."""

from __future__ import annotations

import pytest

from tests.browser.test_accessibility import WIDTHS, violations_in_both_themes
from tests.browser.test_policy import LISTEN
from tests.kit.live import live_figures

pytestmark = [pytest.mark.slow, pytest.mark.book]

BEFORE_START = 25_000  # bytes that a page may load for its live figures before one is started
DATA = 900_000  # bytes of a file of data
TARGET = 44  # pixels, the least side of what a finger meets
# Sides of all that can be pressed or chosen; a checkbox counts with the label around it.
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


def says(page, live):
    return page.locator(f"#{live.id} .explorable-bar [role=status]")


def test_nothing_is_loaded_before_start_and_nothing_from_elsewhere(live_url, visit, live):
    visited = visit(live_url + live.page)
    visited.page.wait_for_load_state("networkidle")
    before = [request for request in visited.requests if "explorables/" in request]
    assert sorted(before) == [
        f"{live_url}explorables/explorables.css",
        f"{live_url}explorables/start.js",
    ]
    assert not [request for request in visited.requests if request.endswith("-data.js")]
    live.start(visited.page)
    visited.page.wait_for_load_state("networkidle")
    later = [request for request in visited.requests if request.endswith(f"/{live.script}.js")]
    assert len(later) == 1
    assert [request for request in visited.requests if not request.startswith(live_url)] == []
    assert (visited.failures, visited.console) == ([], [])


def test_it_runs_from_a_file_without_a_network(live_root, visit, live):
    visited = visit((live_root / live.page).as_uri(), offline=True)
    live.start(visited.page)
    assert stage(visited.page, live).inner_text().strip()
    assert visited.console == []


def test_it_keeps_to_the_pages_policy(live_url, new_context, live):
    page = new_context().new_page()
    page.add_init_script(LISTEN)
    page.goto(live_url + live.page)
    live.start(page)
    for button in stage(page, live).locator("button:visible").all():
        button.click()
    assert page.evaluate("window.violations") == []


@WIDTHS
def test_axe_finds_nothing_while_it_runs(live_url, visit, axe, live, width):
    page = visit(live_url + live.page, width=width).page
    live.start(page)
    assert violations_in_both_themes(page, axe, f"#{live.id}") == []


@WIDTHS
def test_axe_finds_nothing_on_the_page_while_all_its_figures_run(live_url, visit, axe, width):
    page = visit(live_url + live_figures()[0].page, width=width).page
    for live in live_figures():
        live.start(page)
    assert violations_in_both_themes(page, axe) == []


def test_it_fits_a_phone_and_a_finger(live_url, visit, live):
    page = visit(live_url + live.page, width=360).page
    live.start(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    targets = stage(page, live).evaluate(TARGETS)
    targets += page.locator(f"#{live.id} .explorable-bar").evaluate(TARGETS)
    small = [target for target in targets if min(target[1:]) < TARGET - 0.5]
    assert targets and small == []


def test_it_starts_by_keyboard_and_has_the_focus(live_url, visit, live):
    page = visit(live_url + live.page).page
    page.locator(f"#{live.id}").get_by_role("button", name="Start").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(f"#{live.id}.is-live")
    assert page.evaluate("document.activeElement.className") == "explorable-stage"


def test_it_starts_by_touch(live_url, visit, live):
    page = visit(live_url + live.page, width=360, has_touch=True).page
    page.locator(f"#{live.id}").get_by_role("button", name="Start").tap()
    page.wait_for_selector(f"#{live.id}.is-live")


def test_reset_brings_the_start_back(live_url, visit, live):
    page = visit(live_url + live.page).page
    live.start(page)
    start = stage(page, live).evaluate(SHOWN)
    for select in stage(page, live).locator("select:visible").all():
        select.select_option(index=1)
    for button in stage(page, live).locator("button:visible").all():
        button.click()
    assert stage(page, live).evaluate(SHOWN) != start
    page.locator(f"#{live.id}").get_by_role("button", name="Reset").click()
    assert stage(page, live).evaluate(SHOWN) == start


def test_a_click_on_it_enlarges_nothing(live_url, visit, live):
    page = visit(live_url + live.page).page
    live.start(page)
    stage(page, live).click()
    assert page.locator("dialog[open]").count() == 0
    assert page.locator(f"#{live.id} img").first.is_hidden()


def test_without_script_the_picture_stands_with_its_caption(live_url, visit, live):
    page = visit(live_url + live.page, java_script_enabled=False).page
    figure = page.locator(f"#{live.id}")
    assert figure.locator("img").is_visible() and figure.locator("figcaption").is_visible()
    assert figure.get_by_role("button").count() == 0
    assert "with JavaScript" in figure.locator(".explorable-data").first.inner_text()


def test_on_paper_the_picture_stands_and_says_where_the_live_one_is(live_url, visit, live):
    page = visit(live_url + live.page).page
    live.start(page)
    page.emulate_media(media="print")
    figure = page.locator(f"#{live.id}")
    assert figure.locator("img").is_visible()
    assert figure.locator(".explorable-data").first.is_visible()
    assert stage(page, live).is_hidden() and says(page, live).is_hidden()


def half_of(text: str) -> str:
    return text[: len(text) // 2]


@pytest.mark.parametrize("damage", ["absent", "half", "empty", "letters"])
def test_data_that_are_missing_or_damaged_are_told_and_the_page_works_on(
    live_url, visit, live, damage
):
    page = visit(live_url + live.page).page

    def answer(route):
        if damage == "absent":
            return route.abort()
        text = route.fetch().text()
        bodies = {"half": half_of(text), "empty": "", "letters": text.replace('8": "', '8": "?', 1)}
        return route.fulfill(body=bodies[damage], content_type="text/javascript")

    page.route("**/*-data.js", answer)
    page.locator(f"#{live.id}").get_by_role("button", name="Start").click()
    page.wait_for_selector(f"#{live.id} .explorable-bar [role=status]:has-text('cannot start')")
    assert "-data.js" in says(page, live).inner_text()
    assert page.locator(f"#{live.id} img").first.is_visible() and stage(page, live).is_hidden()
    page.locator("button.theme").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.unroute("**/*-data.js")
    if damage == "absent":  # what was not there may be there now
        live.start(page)


def test_files_are_small(live_root, live):
    before = [live_root / "explorables" / name for name in ("start.js", "explorables.css")]
    assert sum(file.stat().st_size for file in before) <= BEFORE_START
    assert live.data(live_root)
    for file in live.data(live_root):
        assert file.stat().st_size < DATA, file.name
