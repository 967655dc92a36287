"""An SVG canvas for the book's diagrams: grids of numbers, arrows, outlines and text as paths.

This module defines the look of the diagrams, `draw.py` their contents. Text is drawn from the
outlines of DejaVu Sans (shipped with matplotlib), so browsers, Typst and printers show the same
letters. A glyph's identifier is its face and its hexadecimal code point. Lengths are SVG user
units; every picture is `WIDTH` wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot
from pathlib import Path

import matplotlib
from fontTools.pens.svgPathPen import SVGPathPen
from fontTools.ttLib import TTFont

WIDTH = 420  # on a 360 px screen some 328 px remain: a unit is then .78 px
CELL = 26
TEXT = 13  # the smallest text: still 10 px on such a screen
INK = "#1c2530"
HAIRLINE = "#8a94a0"

Row = Sequence[int | None]


@dataclass(frozen=True)
class Style:
    """The fill and line of one kind of grid; kinds differ in line style as well as colour."""

    fill: str
    stroke: str
    width: float
    dash: str = "none"


INPUT = Style("#e4ecf6", "#4a6585", 1.3)
KERNEL = Style("#fbeecb", "#8a6210", 2, "6 3")
OUTPUT = Style("#dcf0e1", "#256b43", 2)
PLAIN = Style("none", HAIRLINE, 1)
HIGHLIGHT = Style("none", "#b3261e", 3.6)
GUIDE = Style("none", "#b3261e", 1.2, "2 3")


@dataclass(frozen=True)
class Box:
    """A rectangle on the canvas, usually a grid of cells."""

    x: float
    y: float
    w: float = CELL
    h: float = CELL

    @property
    def right(self) -> float:
        """The x of the right edge."""
        return self.x + self.w

    @property
    def bottom(self) -> float:
        """The y of the lower edge."""
        return self.y + self.h

    @property
    def cx(self) -> float:
        """The x of the centre."""
        return self.x + self.w / 2

    @property
    def cy(self) -> float:
        """The y of the centre."""
        return self.y + self.h / 2

    def cells(self, row: int, column: int, rows: int = 1, columns: int = 1) -> Box:
        """Return the part of a grid that begins at a cell and is `rows` high and `columns` wide."""
        x, y = self.x + column * CELL, self.y + row * CELL
        return Box(x, y, columns * CELL, rows * CELL)


class Font:
    """The outlines of a font file, in its own units."""

    def __init__(self, file: str) -> None:
        """Read one of matplotlib's font files."""
        font = TTFont(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / file)
        self.em: int = font["head"].unitsPerEm
        self._names, self._glyphs = font.getBestCmap(), font.getGlyphSet()

    def advance(self, character: str) -> int:
        """Return how far the pen advances after a character."""
        return self._glyphs[self._names[ord(character)]].width

    def outline(self, character: str) -> str:
        """Return a character's outline as the `d` of an SVG path, y up; a space has none."""
        pen = SVGPathPen(self._glyphs)
        self._glyphs[self._names[ord(character)]].draw(pen)
        return pen.getCommands()


FONTS = {"r": Font("DejaVuSans.ttf"), "b": Font("DejaVuSans-Bold.ttf")}
DIGIT_HEIGHT = 0.73  # of a digit in DejaVu Sans, as a share of the type size


def text_width(string: str, bold: bool = False) -> float:
    """Return the width of a text, in user units."""
    font = FONTS["b" if bold else "r"]
    return sum(map(font.advance, string)) * TEXT / font.em


def number(value: float) -> str:
    """Return a number as text, with a true minus sign."""
    return f"{value:g}".replace("-", "−")


def _tag(name: str, **attributes: object) -> str:
    """Return one empty element, with lengths rounded so that the bytes are equal everywhere."""
    pairs = (
        (key.replace("_", "-"), f"{round(value, 2):g}" if isinstance(value, float) else value)
        for key, value in attributes.items()
    )
    return f"<{name} " + " ".join(f'{key}="{value}"' for key, value in pairs) + "/>"


class Canvas:
    """A picture under construction; `svg()` returns it as text."""

    def __init__(self, height: int) -> None:
        """Start with an empty picture, `WIDTH` wide."""
        self.height = height
        self._elements: list[str] = []
        self._glyphs: dict[str, str] = {}

    def text(
        self, x: float, y: float, string: str, *, anchor: str = "middle", bold: bool = False
    ) -> None:
        """Write a text with its digits centred on y; x is its start, middle or end."""
        face = "b" if bold else "r"
        font, pen, uses = FONTS[face], 0, []
        for character in string:
            glyph, outline = f"{face}{ord(character):x}", font.outline(character)
            if outline:
                self._glyphs[glyph] = outline
                uses.append(f'<use href="#{glyph}" x="{pen}"/>')
            pen += font.advance(character)
        scale = TEXT / font.em
        left = x - pen * scale * {"start": 0, "middle": 0.5, "end": 1}[anchor]
        baseline = y + TEXT * DIGIT_HEIGHT / 2
        # y points up in a glyph and down on the page, hence the second scale
        transform = f"translate({left:.2f} {baseline:.2f}) scale({scale:.5f} {-scale:.5f})"
        self._elements.append(f'<g transform="{transform}">{"".join(uses)}</g>')

    def title(
        self, x: float, y: float, name: str, rest: str = "", *, anchor: str = "middle"
    ) -> None:
        """Write a name in bold type, followed by a note."""
        whole = text_width(name, bold=True) + text_width(rest)
        left = x - whole * {"start": 0, "middle": 0.5, "end": 1}[anchor]
        self.text(left, y, name, anchor="start", bold=True)
        self.text(left + text_width(name, bold=True), y, rest, anchor="start")

    def box(self, box: Box, style: Style) -> None:
        """Draw a rectangle in a style."""
        self.fill(box, style.fill)
        self.outline(box, style)

    def fill(self, box: Box, colour: str, opacity: float = 1) -> None:
        """Fill a rectangle."""
        if colour != "none":
            area = {"x": box.x, "y": box.y, "width": box.w, "height": box.h}
            self._elements.append(_tag("rect", **area, fill=colour, fill_opacity=opacity))

    def outline(self, box: Box, style: Style) -> None:
        """Draw the outline of a rectangle."""
        corners = f"M{box.x:g} {box.y:g}h{box.w:g}v{box.h:g}h{-box.w:g}z"
        self._line(corners, style)

    def line(self, style: Style, *points: tuple[float, float]) -> None:
        """Draw a line through the points."""
        self._line("M" + "L".join(f"{x:g} {y:g}" for x, y in points), style)

    def arrow(self, *points: tuple[float, float]) -> None:
        """Draw a line through the points, ending in an arrowhead."""
        (x0, y0), (x1, y1) = points[-2:]
        length = hypot(x1 - x0, y1 - y0)
        dx, dy = (x1 - x0) / length, (y1 - y0) / length
        neck = (x1 - 7 * dx, y1 - 7 * dy)
        self.line(Style("none", INK, 1.4), *points[:-1], neck)
        left, right = ((neck[0] - s * dy, neck[1] + s * dx) for s in (4, -4))
        path = "M{:g} {:g}L{:g} {:g}L{:g} {:g}z".format(x1, y1, *left, *right)
        self._elements.append(_tag("path", d=path))

    def ring(self, box: Box) -> None:
        """Draw a ring inside a cell."""
        circle = {"cx": box.cx, "cy": box.cy, "r": CELL * 0.41}
        self._elements.append(_tag("circle", **circle, fill="none", stroke=INK, stroke_width=1.8))

    def grid(self, x: float, y: float, values: Sequence[Row], style: Style, shade: str = "") -> Box:
        """Draw rows of numbers; `None` leaves a cell empty, `shade` tints cells by value."""
        box = Box(x, y, CELL * len(values[0]), CELL * len(values))
        for r, row in enumerate(values):
            for c, value in enumerate(row):
                if value is not None:
                    self.fill(box.cells(r, c), style.fill)
                if shade and value:
                    self.fill(box.cells(r, c), shade, 0.15 * value)
        self._rules(box)
        self.outline(box, style)
        for r, row in enumerate(values):
            for c, value in enumerate(row):
                if value is not None:
                    cell = box.cells(r, c)
                    self.text(cell.cx, cell.cy, number(value))
        return box

    def _rules(self, box: Box) -> None:
        """Draw hairlines between the cells of a grid."""
        columns, rows = round(box.w / CELL), round(box.h / CELL)
        upright = [f"M{box.x + c * CELL:g} {box.y:g}v{box.h:g}" for c in range(1, columns)]
        level = [f"M{box.x:g} {box.y + r * CELL:g}h{box.w:g}" for r in range(1, rows)]
        if upright or level:
            self._line("".join(upright + level), Style("none", HAIRLINE, 0.7))

    def _line(self, path: str, style: Style) -> None:
        dash = {} if style.dash == "none" else {"stroke_dasharray": style.dash}
        line = {"stroke": style.stroke, "stroke_width": style.width, **dash}
        self._elements.append(_tag("path", d=path, fill="none", **line))

    def svg(self) -> str:
        """Return the picture as the text of an SVG file."""
        glyphs = (f'<path id="{name}" d="{d}"/>' for name, d in sorted(self._glyphs.items()))
        size = f'width="{WIDTH}" height="{self.height}" viewBox="0 0 {WIDTH} {self.height}"'
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
                "<defs>",
                *glyphs,
                "</defs>",
                f'<g fill="{INK}">',
                *self._elements,
                "</g>",
                "</svg>",
                "",
            ]
        )
