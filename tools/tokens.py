"""Writes the colours and sizes of tokens.toml in the languages that use them.

`python -m tools.tokens` writes the custom properties of the website, the theme layers of Quarto
and the dictionaries of the Typst template. Nothing else is decided here.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
NOTE = "Written by tools/tokens.py from tools/tokens.toml: edit that file, not this one."


def css(tokens: dict) -> str:
    """Return the tokens as CSS custom properties; print always has the light theme."""
    light = ["color-scheme: light;", *_colours(tokens["light"])]
    dark = ["color-scheme: dark;", *_colours(tokens["dark"])]
    chosen = _block(':root[data-theme="dark"]', dark)
    system = _block(':root:not([data-theme="light"])', dark)
    return "\n".join(
        [
            f"/* {NOTE} */",
            _block(":root", light + _shared(tokens)),
            f"@media screen and (prefers-color-scheme: dark) {{\n{system}}}\n",
            f"@media screen {{\n{chosen}}}\n",
        ]
    )


def _colours(theme: dict) -> list[str]:
    plain = [f"--{name}: {value};" for name, value in theme.items() if name != "code"]
    return plain + [f"--code-{name}: {value};" for name, value in theme["code"].items()]


def _shared(tokens: dict) -> list[str]:
    return [
        f"--{kind}-{name}: {value};"
        for kind in ("size", "font")
        for name, value in tokens[kind].items()
    ]


def _block(selector: str, lines: list[str]) -> str:
    return f"{selector} {{\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


def scss(tokens: dict, theme: str) -> str:
    """Return one theme as a layer for Quarto's HTML format."""
    colour, font = tokens[theme], tokens["font"]
    named = {name: value for name, value in colour.items() if str(value).startswith("#")}
    named |= {f"code-{name}": value for name, value in colour["code"].items()}
    named |= {"measure": tokens["size"]["measure"], "label-font": font["label"]}
    variables = "\n".join(f"$token-{name}: {value};" for name, value in named.items())
    return f"""/*-- scss:defaults --*/
// {NOTE}
$body-bg: {colour["paper"]};
$body-color: {colour["ink"]};
$text-muted: {colour["muted"]};
$primary: {colour["link"]};
$link-color: {colour["link"]};
$border-color: {colour["rule"]};
$sidebar-bg: {colour["paper"]};
$sidebar-fg: {colour["muted"]};
$sidebar-hl: {colour["accent"]};
$callout-color-note: {colour["note"]};
$callout-color-tip: {colour["tip"]};
$callout-color-warning: {colour["warning"]};
$callout-color-caution: {colour["warning"]};
$callout-color-important: {colour["important"]};
$code-color: {colour["ink"]};
$code-bg: {colour["code-paper"]};
$code-block-bg: {colour["code-paper"]};
$font-family-sans-serif: {font["text"]};
$headings-font-family: {font["text"]};
$font-family-monospace: {font["code"]};
$font-size-base: {tokens["size"]["text"]};
$line-height-base: {tokens["size"]["line"]};
$code-font-size: {tokens["size"]["code"]};
$grid-sidebar-width: {_pixels(tokens["size"]["sidebar"])};
$grid-body-width: {_pixels(tokens["size"]["wide"])};
$grid-margin-width: {_pixels(tokens["size"]["margin"])};
{variables}
/*-- scss:rules --*/
{_block(":root", [f"color-scheme: {theme};", *_colours(colour), *_shared(tokens)]).rstrip()}
main img:not(.keep-colours) {{
  filter: {colour["figure-filter"]};
  mix-blend-mode: {colour["figure-blend"]};
}}
.glightbox-container .gslide-image img {{
  background: white;
  filter: {colour["figure-filter"]};
}}
"""


def _pixels(rem: str) -> str:
    return f"{float(rem.removesuffix('rem')) * 16:g}px"


def typst(tokens: dict) -> str:
    """Return the light theme and the fonts of print as a Typst module."""
    theme, faces = tokens["light"], dict(tokens["print"])
    size = faces.pop("size")
    colours = {name: value for name, value in theme.items() if str(value).startswith("#")}
    colours |= {f"code-{name}": value for name, value in theme["code"].items()}
    lines = [f"// {NOTE}", "#let colour = ("]
    lines += [f'  {name}: rgb("{value}"),' for name, value in colours.items()]
    lines += [")", "#let face = ("]
    lines += [f'  {name}: "{value}",' for name, value in faces.items()]
    lines += [")", f"#let text-size = {size}", ""]
    return "\n".join(lines)


def outputs() -> dict[Path, str]:
    """Return every file made from the tokens, with its text."""
    tokens = tomllib.loads((HERE / "tokens.toml").read_text(encoding="utf-8"))
    return {
        ROOT / "bookbuild/html/tokens.css": css(tokens),
        ROOT / "quarto/tokens.scss": scss(tokens, "light"),
        ROOT / "quarto/tokens-dark.scss": scss(tokens, "dark"),
        ROOT / "bookbuild/typst/tokens.typ": typst(tokens),
    }


if __name__ == "__main__":
    for path, text in outputs().items():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
