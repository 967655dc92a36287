"""List the book's live figures, start one on an open page, and read its data."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
DIV = re.compile(r'^::: \{#(fig-[\w-]+) \.explorable script="([\w-]+)"\}$', re.MULTILINE)


@dataclass(frozen=True)
class LiveFigure:
    """One live figure of the book."""

    id: str
    script: str
    page: str  # from the site's root

    def start(self, page) -> None:
        """Press the figure's Start button on an open page and wait until it is live."""
        page.locator(f"#{self.id}").get_by_role("button", name="Start").click()
        page.wait_for_selector(f"#{self.id}.is-live")

    def data(self, site: Path) -> list[Path]:
        """Return its data files in a built site."""
        html = (site / self.page).read_text(encoding="utf-8")
        figure = html[html.index(f'id="{self.id}"') :]
        figure = figure[: figure.index("</figcaption>")]
        paths = re.findall(r'data-path="([^"]+)"', figure)
        return [site / Path(self.page).parent / path for path in paths]


def live_figures() -> list[LiveFigure]:
    """Return all live figures in the sources of this book."""
    return [
        LiveFigure(id_, script, source.relative_to(ROOT).with_suffix(".html").as_posix())
        for source in sorted([*ROOT.glob("*.qmd"), *ROOT.glob("chapters/*.qmd")])
        for id_, script in DIV.findall(source.read_text(encoding="utf-8"))
    ]


def figure_of(script: str) -> LiveFigure:
    """Return the live figure with this script."""
    return next(figure for figure in live_figures() if figure.script == script)


def packed_data(file: Path) -> dict:
    """Return the content of a data file, still packed."""
    return json.loads(file.read_text(encoding="utf-8").split(" = ", 1)[1].removesuffix(";\n"))


def unpacked(data: dict) -> np.ndarray:
    """Return an array of a data file, unpacked by NumPy alone."""

    def read(name: str, kind: str) -> np.ndarray:
        return np.frombuffer(base64.b64decode(data[name]), kind)

    if "int8" not in data:
        name = "uint8" if "uint8" in data else "float32"
        return read(name, {"uint8": "u1", "float32": "<f4"}[name]).reshape(data["shape"])
    rows = read("int8", "i1").reshape(data["shape"][0], -1).astype(np.float32)
    return (rows * read("scale", "<f4")[:, None]).reshape(data["shape"])
