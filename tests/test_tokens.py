"""The colours and sizes: the files made from them are current, and every colour can be read."""

from __future__ import annotations

import itertools
import re
import tomllib

import pytest
import yaml

from tests.kit.contrast import READABLE, contrast, rgb
from tools import tokens

TOKENS = tomllib.loads((tokens.HERE / "tokens.toml").read_text(encoding="utf-8"))
FORMATS = yaml.safe_load((tokens.ROOT / "_quarto.yml").read_text(encoding="utf-8"))["format"]


def test_the_files_made_from_the_tokens_are_current():
    for path, text in tokens.outputs().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is stale: run make tokens"


def test_contrast_of_known_pairs():
    white = rgb("#ffffff")
    assert contrast(rgb("#000000"), white) == pytest.approx(21)
    assert contrast(rgb("#767676"), white) == pytest.approx(4.54, abs=0.005)  # WCAG's own example


INKS = ["ink", "muted", "link", "accent", "note", "tip", "warning", "important"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_ink_can_be_read_on_every_paper(theme):
    colours = TOKENS[theme]
    inks = {name: colours[name] for name in INKS} | colours["code"]
    pairs = [*itertools.product(inks.values(), (colours["paper"], colours["code-paper"]))]
    for ink, paper in [*pairs, (colours["ink"], colours["mark"])]:
        assert contrast(rgb(ink), rgb(paper)) >= READABLE, f"{theme}: {ink} on {paper}"


def test_the_pdf_by_quarto_is_set_by_the_built_in_pdfs_template():
    typst = FORMATS["typst"]
    assert not typst.keys() & {"mainfont", "codefont", "mathfont", "fontsize", "margin"}
    files = [*typst["template-partials"], *(one["path"] for one in typst["filters"])]
    texts = [(tokens.ROOT / name).read_text(encoding="utf-8") for name in files]
    (template,) = re.findall(r'^#import "/(.+)" as look$', "\n".join(texts), re.MULTILINE)
    assert '#import "tokens.typ"' in (tokens.ROOT / template).read_text(encoding="utf-8")


def test_quartos_themes_are_made_of_the_tokens():
    # "default", because Bootswatch's themes load fonts from another host
    assert FORMATS["html"]["theme"] == {
        "light": ["default", "quarto/tokens.scss", "quarto/book.scss"],
        "dark": ["default", "quarto/tokens-dark.scss", "quarto/book.scss"],
    }
    style = (tokens.ROOT / "quarto/book.scss").read_text(encoding="utf-8")
    colours = re.findall(r"#[0-9a-f]{3,8}\b", style)
    assert colours == [], "a colour of its own: it belongs in tools/tokens.toml"
