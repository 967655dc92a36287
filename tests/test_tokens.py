"""The design tokens: what is made of them is current, and every colour can be read."""

from __future__ import annotations

import itertools
import tomllib

import pytest

from tools import tokens

TOKENS = tomllib.loads((tokens.HERE / "tokens.toml").read_text(encoding="utf-8"))


def test_the_files_made_from_the_tokens_are_current():
    for path, text in tokens.outputs().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is stale: run make tokens"


def luminance(colour: str) -> float:
    """The relative luminance of `#rrggbb`, as WCAG 2 defines it."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    """The WCAG 2 contrast of two colours, from 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_of_known_pairs():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)  # WCAG's own example


INKS = ["ink", "muted", "link", "accent", "note", "tip", "warning", "important"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_ink_can_be_read_on_every_paper(theme):
    colours = TOKENS[theme]
    inks = {name: colours[name] for name in INKS} | colours["code"]
    papers = {name: colours[name] for name in ("paper", "code-paper")}
    for (ink, a), (paper, b) in itertools.product(inks.items(), papers.items()):
        assert contrast(a, b) >= 4.5, f"{theme}: {ink} on {paper} has {contrast(a, b):.2f}"
    assert contrast(colours["ink"], colours["mark"]) >= 4.5
