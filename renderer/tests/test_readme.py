"""Test that the README's tables list what the renderer supports, and that the rest is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bookbuild.source.project import KEY_TYPES, ONE_VALUE, REQUIRED
from bookbuild.source.qmd import OPTION_TYPES
from bookbuild.source.settings import Settings
from bookbuild.source.syntax import ADVICE, CALLOUTS, DIVS, META_KEYS

README = Path(__file__).parents[1] / "README.md"
ROW = re.compile(r"^\| (`[^|]*?) \| ?(.*?) ?\|$", re.MULTILINE)
SUPPORT = ("supported", "one value only", "for Quarto")


def section(start: str, end: str) -> dict[str, str]:
    """Return a table between two texts: the name in each first cell, and the second cell."""
    text = README.read_text(encoding="utf-8").partition(start)[2].partition(end)[0]
    rows = [(name, cell) for names, cell in ROW.findall(text) for name in _names(names)]
    assert rows and len(rows) == len(dict(rows)), "a table, with every name once"
    return dict(rows)


def table(marker: str) -> dict[str, str]:
    """Return the table between `<!-- marker -->` and `<!-- /marker -->`."""
    return section(f"<!-- {marker} -->", f"<!-- /{marker} -->")


def _names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# The tables


def test_the_configuration_keys():
    rows = table("keys")
    assert set(rows) == set(KEY_TYPES)
    assert [key for key, cell in rows.items() if not cell.startswith(SUPPORT)] == []
    single = {key: cell for key, cell in rows.items() if cell.startswith("one value only")}
    assert set(single) == set(ONE_VALUE)
    for key, cell in single.items():
        assert _names(cell) == [str(ONE_VALUE[key]).lower()], key
    required = {key for key, cell in rows.items() if cell.endswith("; required")}
    assert required == {*REQUIRED, "book.title"}


def test_the_cell_options():
    assert set(table("options")) == {name.replace("_", "-") for name in OPTION_TYPES}


def test_the_div_classes_and_their_attributes():
    rows = table("divs")
    assert set(rows) == set(DIVS) and set(CALLOUTS) <= set(rows)
    for name, cell in rows.items():
        assert DIVS[name] == set(_names(cell.partition(":")[0])), name


def test_the_settings():
    rows = section("## A book's own conventions", "\n## ")
    assert set(rows) == {name.replace("_", "-") for name in vars(Settings())}


def test_the_header_keys():
    text = README.read_text(encoding="utf-8")
    [sentence] = re.findall(r"A chapter's YAML header has only (.*?)\(", text, re.DOTALL)
    assert _names(sentence) == [*META_KEYS]


# Refusals

REFUSED = {
    "header": "---\n{name}: x\n---\n\n# One\n",
    "option": "# One\n\n```{{python}}\n#| {name}: x\n1\n```\n",
    "div class": "# One\n\n::: {{.{name}}}\nx\n:::\n",
    "div attribute": '# One\n\n::: {{.callout-note {name}="x"}}\nx\n:::\n',
    "code attribute": '# One\n\n```{{.python {name}="x"}}\n1\n```\n',
}
SUPPORTED = {"div attribute": {"title", "collapse"}, "code attribute": {"lst-cap"}}


@pytest.mark.thorough
@pytest.mark.parametrize("name", ADVICE)
def test_every_name_with_advice_is_refused_with_it(book, fails, name):
    """In each place a name is supported or refused; at least one refusal includes the advice."""
    advised = []
    for kind, text in REFUSED.items():
        if name in SUPPORTED.get(kind, ()):
            continue
        book.write("chapters/one.qmd", text.format(name=name))
        message = fails("check")
        assert re.search(r"^(error: )?chapters/one\.qmd:\d+: ", message, re.MULTILINE), kind
        advised += [kind] if ADVICE[name] in message else []
    assert advised
