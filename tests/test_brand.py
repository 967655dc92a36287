"""Test the book's look: every colour is readable, and no file has colours or fonts of its own."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
import yaml

from tests.contrast import READABLE, contrast, rgb

ROOT = Path(__file__).resolve().parent.parent
BRANDS = ("_brand.yml", "renderer/src/bookbuild/outputs/brand.yml")
FORMATS = yaml.safe_load((ROOT / "_quarto.yml").read_text(encoding="utf-8"))["format"]
STYLE = (ROOT / "quarto/book.scss").read_text(encoding="utf-8")


def read(name: str) -> dict:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_contrast_of_known_pairs():
    white = rgb("#ffffff")
    assert contrast(rgb("#000000"), white) == pytest.approx(21)
    assert contrast(rgb("#767676"), white) == pytest.approx(4.54, abs=0.005)  # WCAG's own example


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", BRANDS)
def test_every_ink_can_be_read_on_every_paper(name, theme):
    palette = {
        key.removesuffix(f"-{theme}"): value
        for key, value in read(name)["color"].pop("palette").items()
        if key.endswith(f"-{theme}")
    }
    colours = {key: value[theme] for key, value in read(name)["color"].items() if key != "palette"}
    papers = colours.pop("background"), palette.pop("code-paper")
    palette.pop("rule")  # hairlines are decoration
    mark = palette.pop("mark")
    inks = [*colours.values(), *palette.values()]
    assert len(inks) == 14  # 7 of the theme, the accent, 6 of the code
    for ink, paper in [*itertools.product(inks, papers), (colours["foreground"], mark)]:
        assert contrast(rgb(ink), rgb(paper)) >= READABLE, f"{theme}: {ink} on {paper}"


def test_the_pdf_by_quarto_is_set_by_the_built_in_pdfs_template():
    typst = FORMATS["typst"]
    assert not typst.keys() & {"mainfont", "codefont", "mathfont", "fontsize", "margin"}
    files = [*typst["template-partials"], *(one["path"] for one in typst["filters"])]
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in files]
    (template,) = re.findall(r'^#import "/(.+)" as look$', "\n".join(texts), re.MULTILINE)
    assert 'yaml("/_brand.yml")' in (ROOT / template).read_text(encoding="utf-8")


def test_quartos_themes_are_made_of_the_brand():
    # "default", because Bootswatch's themes load fonts from another host; "brand" comes last, so
    # that book.scss can use its variables
    layers = ["default", "quarto/book.scss", "brand"]
    assert FORMATS["html"]["theme"] == {"light": layers, "dark": layers}
    colours = re.findall(r"#[0-9a-f]{3,8}\b", STYLE)
    assert colours == [], "a colour of its own: it belongs in _brand.yml"


def test_quartos_style_uses_only_what_the_brand_defines():
    brand = read("_brand.yml")
    variables = {f"brand-{name}" for name in brand["color"]["palette"]}
    variables |= brand["defaults"]["bootstrap"]["defaults"].keys()
    used = set(re.findall(r"\$((?:brand|size|figure|font-(?:label|math))-?[\w-]*)", STYLE))
    own = set(re.findall(r"^ *\$([\w-]+):", STYLE, re.MULTILINE))
    assert used - own and used <= variables | own
    (root,) = re.findall(r"^:root \{(.*?)^\}", STYLE, re.MULTILINE | re.DOTALL)
    properties = set(re.findall(r"[a-z][a-z-]*", root))
    live = (ROOT / "figures/live/start.css").read_text(encoding="utf-8")
    assert set(re.findall(r"var\(--([\w-]+)\)", STYLE + live)) <= properties


def test_quarto_loads_no_fonts_and_leaves_the_pdfs_type_alone():
    typography = read("_brand.yml")["typography"]
    assert "fonts" not in typography  # Quarto loads fonts listed there from another host
    for kind, settings in typography.items():  # it would also apply these to the PDF
        assert settings.keys() <= {"family", "line-height"}, kind
