"""Test the look of a book: the brand's values on the pages, the default, and mistakes in it."""

from __future__ import annotations

import re

import pytest
import yaml

from bookbuild.outputs import brand
from bookbuild.source import config
from bookbuild.source.errors import BookError

DEFAULT = brand.DEFAULT.read_text(encoding="utf-8")


def blocks(style: str) -> dict[str, dict[str, str]]:
    """Return the custom properties of each selector in a style sheet."""
    return {
        selector.strip(): dict(re.findall(r"--([\w-]+): (.+);", body))
        for selector, body in re.findall(r"^(:root.*?) \{(.*?)\}", style, re.MULTILINE | re.DOTALL)
    }


def test_pages_have_the_values_of_the_books_brand(tmp_path):
    text = DEFAULT.replace('light: "#23262b"', 'light: "#012345"')
    text = text.replace('rule-dark: "#363b42"', 'rule-dark: "#abcDEF"')
    text = text.replace("size-measure: 35em", "size-measure: 30.5em")
    (tmp_path / "_brand.yml").write_text(text, encoding="utf-8")
    light, system, chosen = blocks(brand.css(brand.read(tmp_path))).values()
    assert (light["ink"], light["size-measure"]) == ("#012345", "30.5em")
    assert system["rule"] == chosen["rule"] == "#abcDEF"


def test_a_book_without_a_brand_has_the_default(tmp_path):
    values = yaml.safe_load(DEFAULT)
    style = blocks(brand.css(brand.read(tmp_path)))
    assert list(style) == [
        ":root",
        ':root:not([data-theme="light"])',
        ':root[data-theme="dark"]',
    ]
    for theme, properties in zip(("light", "dark", "dark"), style.values(), strict=True):
        assert properties["paper"] == values["color"]["background"][theme]
        assert properties["code-string"] == values["color"]["palette"][f"code-string-{theme}"]
    assert style[":root"]["font-text"] == values["typography"]["base"]["family"]
    assert brand.read(tmp_path).text == DEFAULT


def test_pages_use_every_value_of_the_brand():
    used = {key.format(theme) for key in brand.THEMED.values() for theme in ("light", "dark")}
    unused = config.read(brand.DEFAULT).values.keys() - used - {*brand.SHARED.values()}
    assert {key for key in unused if not key.startswith("defaults.typst.")} == set()
    style = (brand.DEFAULT.parent / "html/book.css").read_text(encoding="utf-8")
    names = {*brand.THEMED, *brand.SHARED}
    own = set(re.findall(r"--([\w-]+):", style))  # set in the style sheet itself
    assert set(re.findall(r"var\(--([\w-]+)", style)) <= names | own


FAULTS = {
    "missing": ('    rule-dark: "#363b42"\n', "", ["`color.palette.rule-dark` is missing"]),
    "unknown": ("success:", "sucess:", ["`color.sucess.light`", "color.success.light?"]),
    "logo": ("typography:", "logo: a.png\ntypography:", ["`logo` is not known"]),
    "not a colour": ('"#f7e3a3"', "yellow", ["`color.palette.mark-light`", "#1b4f86", "yellow"]),
    "one for both themes": (
        '{ light: "#86510a", dark: "#e0b56c" }',
        '"#86510a"',
        ["`color.warning` is not known", "`color.warning.dark` is missing"],
    ),
    "size without a unit": (
        "size-wide: 54rem",
        "size-wide: 54",
        ["size-wide`", "1.125rem, not 54"],
    ),
    "size in pixels": ("font-size-base: 1.125rem", "font-size-base: 18px", ["rem, not 18px"]),
    "PDF's size in em": ("size: 10.5pt", "size: 1em", ["`defaults.typst.size`", "10.5pt"]),
    "words for a number": ("line-height: 1.6", "line-height: wide", ["a number, not wide"]),
    "more than a font": ("text: Libertinus Serif", "text: 'a; b'", ["the names of fonts"]),
    "list of fonts": ("math: New Computer Modern Math", "math: [a, b]", ["the names of fonts"]),
    "two rules": ("dark: screen", "dark: 'screen; color: red'", ["filter or blend mode"]),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_mistake_in_the_brand(tmp_path, name):
    old, new, words = FAULTS[name]
    assert old in DEFAULT
    (tmp_path / "_brand.yml").write_text(DEFAULT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BookError) as caught:
        brand.read(tmp_path)
    message = str(caught.value)
    assert all(re.match(r"_brand\.yml:(\d+:)? ", line) for line in message.splitlines())
    for word in words:
        assert word in message


def test_keys_for_quarto_are_accepted(tmp_path):
    text = DEFAULT.replace("defaults: # Sass", "defaults:\n      toc-font-size: 1rem # Sass")
    assert text != DEFAULT
    (tmp_path / "_brand.yml").write_text("meta: { name: A book }\n" + text, encoding="utf-8")
    assert brand.css(brand.read(tmp_path)) == brand.css(brand.read(tmp_path / "none"))
