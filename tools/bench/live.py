"""Measure the live figures in Chromium: response times and file sizes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tools.bench.measure import Row
from tools.scratch import REPOSITORY

SITE = REPOSITORY / "_book"
STROKES = 40
# Draw stroke after stroke over the digit, timing each until its numbers are laid out.
DRAW = """strokes => {
  const stage = document.querySelector("[data-script=kernel-to-verdict] .explorable-stage");
  const canvas = stage.querySelector("canvas"), box = canvas.getBoundingClientRect();
  const point = (type, n) => canvas.dispatchEvent(new PointerEvent(type, {
    pointerId: 1, bubbles: true, clientX: box.left + box.width / 2,
    clientY: box.top + box.height * (0.2 + 0.6 * n / strokes) }));
  canvas.setPointerCapture = () => {}; // no real pointer exists
  const times = [];
  point("pointerdown", 0);
  for (let n = 1; n <= strokes; n++) {
    const began = performance.now();
    point("pointermove", n);
    stage.offsetHeight;
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b);
}"""


# Type letter after letter at the end of a 200-word review, timing each in the same way.
TYPE = """letters => {
  const stage = document.querySelector("[data-script=write-a-review] .explorable-stage");
  const text = stage.querySelector("textarea");
  text.value = "a slow film with a great ending ".repeat(29).trim().slice(0, -19);
  const times = [];
  for (let n = 0; n < letters; n++) {
    const began = performance.now();
    text.value += "a";
    text.dispatchEvent(new Event("input"));
    stage.offsetHeight;
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b);
}"""


def rows() -> Iterator[Row]:
    """Yield the rows of the table, measured in the built site."""
    for what, times in (
        ("a stroke on the digit, until the probabilities are shown", stroke_times()),
        ("a letter in a review of 200 words, until the log-odds are shown", typing_times()),
    ):
        note = f"median of {STROKES}; the slowest {times[-1]:.0f} ms"
        yield Row(what, times[len(times) // 2], "ms", note, 50)
    before = [SITE / "live" / name for name in ("start.js", "start.css")]
    size = sum(file.stat().st_size for file in before) / 1000
    yield Row("live figures: what a page loads before *Start*", size, "kB", goal=25)
    for file in sorted(SITE.rglob("*-data.js")):
        yield Row(f"live figures: {file.name}", file.stat().st_size / 1000, "kB", goal=900)


def stroke_times() -> list[float]:
    """Return the times of the strokes, in milliseconds, sorted."""
    with _started("kernel-to-verdict") as figure:
        figure.get_by_role("combobox", name="Digit").select_option(label="blank, to draw on")
        return figure.page.evaluate(DRAW, STROKES)


def typing_times() -> list[float]:
    """Return the times of the letters, in milliseconds, sorted."""
    with _started("write-a-review") as figure:
        return figure.page.evaluate(TYPE, STROKES)


@contextmanager
def _started(script: str) -> Iterator[Any]:
    """Open the page in Chromium and start the figure with this script; yield the figure."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto((SITE / "chapters/cnns-word2vec.html").as_uri())
        figure = page.locator(f"[data-script={script}]")
        figure.get_by_role("button", name="Start").click()
        page.wait_for_selector(f"[data-script={script}].is-live")
        yield figure
