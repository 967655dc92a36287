"""The book's live figures: which there are, and how a test starts one."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DIV = re.compile(r'^::: \{#(fig-[\w-]+) \.explorable script="([\w-]+)"\}$', re.MULTILINE)


@dataclass(frozen=True)
class LiveFigure:
    """One live figure of the book."""

    id: str
    script: str
    page: str  # from the site's root

    def start(self, page) -> None:
        """Press the figure's Start on an open page, and wait until it is live."""
        page.locator(f"#{self.id}").get_by_role("button", name="Start").click()
        page.wait_for_selector(f"#{self.id}.is-live")

    def data(self, site: Path) -> list[Path]:
        """Return its files of data in a built site."""
        html = (site / self.page).read_text(encoding="utf-8")
        figure = html[html.index(f'id="{self.id}"') :]
        figure = figure[: figure.index("</figcaption>")]
        found = re.findall(r'data-path="([^"]+)"', figure)
        return [site / Path(self.page).parent / path for path in found]


def live_figures() -> list[LiveFigure]:
    """Return all live figures of this book, as its sources have them."""
    return [
        LiveFigure(id_, script, source.relative_to(ROOT).with_suffix(".html").as_posix())
        for source in sorted([*ROOT.glob("*.qmd"), *ROOT.glob("chapters/*.qmd")])
        for id_, script in DIV.findall(source.read_text(encoding="utf-8"))
    ]


def figure_of(script: str) -> LiveFigure:
    """Return the live figure with this script."""
    return next(figure for figure in live_figures() if figure.script == script)


def packed_data(file: Path) -> dict:
    """Return what a file of data holds, as packed."""
    return json.loads(file.read_text(encoding="utf-8").split(" = ", 1)[1].removesuffix(";\n"))
