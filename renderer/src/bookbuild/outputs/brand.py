"""Read a book's look from the file that Quarto reads too: `_brand.yml`, or the default `brand.yml`.

It has the colours of both themes, the fonts and the sizes. `typst/book.typ` reads it itself.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from bookbuild.source import config
from bookbuild.source.errors import BookError, did_you_mean

DEFAULT = Path(__file__).parent / "brand.yml"
SASS = "defaults.bootstrap.defaults"
FOR_QUARTO = ("meta.", f"{SASS}.")  # sections whose other keys do not concern this renderer

# The form of a value, by the first pattern that matches its key
FORMS = {
    "color.*": ("#[0-9a-fA-F]{6}", 'a colour such as "#1b4f86"'),
    "*.line-height": (r"\d+(\.\d+)?", "a number"),
    "*.figure-*": (r"[a-z0-9 ().%-]+", "a CSS filter or blend mode"),
    "defaults.typst.size": (r"\d+(\.\d+)?pt", "a size such as 10.5pt"),
    "*size*": (r"\d+(\.\d+)?r?em", "a size such as 1.125rem"),
    "*": (r"""[\w "',-]+""", "the names of fonts"),
}

# The pages' custom properties and their keys; {} is the theme
THEMED = {
    "paper": "color.background.{}",
    "ink": "color.foreground.{}",
    "muted": "color.secondary.{}",
    "rule": "color.palette.rule-{}",
    "link": "color.primary.{}",
    "accent": "color.palette.accent-{}",
    "code-paper": "color.palette.code-paper-{}",
    "mark": "color.palette.mark-{}",
    "note": "color.info.{}",
    "tip": "color.success.{}",
    "warning": "color.warning.{}",
    "important": "color.danger.{}",
    "figure-filter": f"{SASS}.figure-filter-{{}}",
    "figure-blend": f"{SASS}.figure-blend-{{}}",
    "code-keyword": "color.palette.code-keyword-{}",
    "code-string": "color.palette.code-string-{}",
    "code-number": "color.palette.code-number-{}",
    "code-function": "color.palette.code-function-{}",
    "code-comment": "color.palette.code-comment-{}",
    "code-error": "color.palette.code-error-{}",
}
SHARED = {
    "size-text": f"{SASS}.font-size-base",
    "size-line": "typography.base.line-height",
    "size-measure": f"{SASS}.size-measure",
    "size-wide": f"{SASS}.size-wide",
    "size-sidebar": f"{SASS}.size-sidebar",
    "size-margin": f"{SASS}.size-margin",
    "size-code": f"{SASS}.code-font-size",
    "font-text": "typography.base.family",
    "font-label": f"{SASS}.font-label",
    "font-code": "typography.monospace.family",
    "font-math": f"{SASS}.font-math",
}


@dataclass(frozen=True)
class Brand:
    """The checked values of a brand file, by keys such as `color.primary.dark`."""

    text: str  # the file, for the PDF's template
    values: dict[str, Any]


def read(root: Path) -> Brand:
    """Return the book's brand, or the default one for a book without `_brand.yml`.

    Raises
    ------
    BookError
        If a key is missing or unknown, or its value has the wrong form.
    """
    path = root / "_brand.yml"
    if not path.is_file():
        return _default()
    brand, known = config.read(path), _default().values
    for key in brand.values:
        if key not in known and not key.startswith(FOR_QUARTO):
            near = did_you_mean(key, known)
            brand.problem(key, f"the key `{key}` is not known to this renderer{near}")
    for key in known:
        _check(brand, key)
    if brand.problems:
        raise BookError("\n".join(map(str, brand.problems)))
    return Brand(path.read_text(encoding="utf-8-sig"), brand.values)


@functools.cache
def _default() -> Brand:
    return Brand(DEFAULT.read_text(encoding="utf-8"), config.read(DEFAULT).values)


def _check(brand: config.Config, key: str) -> None:
    if key not in brand.values:
        brand.problem(None, f"`{key}` is missing")
        return
    pattern, words = next(form for keys, form in FORMS.items() if fnmatchcase(key, keys))
    if not re.fullmatch(pattern, str(brand.values[key])):
        brand.problem(key, f"`{key}` must be {words}, not {brand.values[key]}")


def css(brand: Brand) -> str:
    """Return the brand as CSS custom properties; on paper the theme is always light."""
    shared = [f"--{name}: {brand.values[key]};" for name, key in SHARED.items()]
    light, dark = _theme(brand, "light"), _theme(brand, "dark")
    system = _block(':root:not([data-theme="light"])', dark)
    chosen = _block(':root[data-theme="dark"]', dark)
    return "\n".join(
        [
            "/* Written by bookbuild from the book's _brand.yml, or its own brand.yml. */",
            _block(":root", light + shared),
            f"@media screen and (prefers-color-scheme: dark) {{\n{system}}}\n",
            f"@media screen {{\n{chosen}}}\n",
        ]
    )


def _theme(brand: Brand, theme: str) -> list[str]:
    colours = [f"--{name}: {brand.values[key.format(theme)]};" for name, key in THEMED.items()]
    return [f"color-scheme: {theme};", *colours]


def _block(selector: str, lines: list[str]) -> str:
    return f"{selector} {{\n" + "".join(f"  {line}\n" for line in lines) + "}\n"
