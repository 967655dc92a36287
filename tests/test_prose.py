"""Test the book's prose: no typed results, British spelling, captions and alternative texts.

Each rule is a small function that returns the violations in a text; the first test applies each to
a bad and a good example, the others apply them to every page.
"""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import codespell_lib
import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
PAGES = ["index.qmd", *(f"chapters/{page.name}" for page in (ROOT / "chapters").glob("*.qmd"))]
PAGES.sort()

# Decimals that are not computed, and why they may be typed.
ALLOWED = {
    "CC BY 4.0": "the name of a licence",
    "CC BY-SA 3.0": "the name of a licence",
    "(PDDL) 1.0": "the name of a licence",
    "Python 3.11 to 3.13": "the supported versions",
    "correlate at about 0.9": "a published figure",
}
# Constants that were chosen, not measured: levels, probabilities, learning rates, a known power.
CONSTANTS = {"0.0001", "0.001", "0.003", "0.01", "0.02", "0.05", "0.1", "0.5", "0.75", "0.9"}
CONSTANTS |= {"0.95", "0.975", "5%", "50%", "95%", "100%"}
# American spellings in codespell's list that are also British words with another meaning.
BOTH = {"program", "programs", "check", "checks", "practice", "meter", "story", "stories"}
BOTH |= {"inquiry", "draft", "license", "disk", "tire", "curb"}
HEADER = re.compile(r"\A---\n(?P<yaml>.*?\n)---\n", re.DOTALL)
FENCED = re.compile(r"^(`{3,}).*?^\1$", re.DOTALL | re.MULTILINE)
CELL = re.compile(r"^```\{python\}\n(?P<options>(?:#\|.*\n)*)", re.MULTILINE)
NUMBER = re.compile(r"(?<![\w.,])(?:\d[\d,]*)?\.\d+(?![\w.]*\d)|\d+\s?%|\d per cent")
REPEATED = re.compile(r"\b([a-z]+)\s+\1\b", re.IGNORECASE)
PICTURE = re.compile(
    r"!\[(?P<cap>[^\]]*)\]\([^)]*\)\{(?P<id>#fig-[\w-]+)(?P<rest>(?:[^}\"]|\"[^\"]*\")*)\}"
)


@cache
def source(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def header(page: str) -> dict[str, Any]:
    """Return the YAML header of a page."""
    match = HEADER.match(source(page))
    return yaml.safe_load(match["yaml"]) if match else {}


@cache
def cell_options(page: str) -> list[dict[str, Any]]:
    """Return the options of each cell."""
    options = [match["options"].replace("#| ", "") for match in CELL.finditer(source(page))]
    return [yaml.safe_load(text) or {} for text in options]


@cache
def markdown(page: str) -> str:
    """Return the page without its header, cells and code blocks, keeping the line numbers."""
    return FENCED.sub(blank, HEADER.sub(blank, source(page)))


def prose(page: str) -> str:
    """Return the Markdown of a page without code spans."""
    return re.sub(r"(`+)[^`]*?\1", "⟦code⟧", markdown(page))


def blank(match: re.Match[str]) -> str:
    return "\n" * match[0].count("\n")


def captions(page: str) -> list[tuple[str, str, str]]:
    """Return label, caption and alternative text of each figure and table."""
    entries = [
        (
            options["label"],
            options.get("fig-cap") or options.get("tbl-cap"),
            options.get("fig-alt", ""),
        )
        for options in cell_options(page)
        if {"fig-cap", "tbl-cap"} & options.keys()
    ]
    for picture in PICTURE.finditer(markdown(page)):
        alt = re.search(r'fig-alt="([^"]*)"', picture["rest"])
        entries.append((picture["id"][1:], picture["cap"], alt[1] if alt else ""))
    for table in re.finditer(r"^: (.+?) \{#(tbl-[\w-]+)\}", markdown(page), re.MULTILINE):
        entries.append((table[2], table[1], ""))
    return entries


def typed_results(text: str) -> list[str]:
    for phrase in ALLOWED:
        text = text.replace(phrase, "")
    return [number for number in NUMBER.findall(text) if number not in CONSTANTS]


def repeated_words(text: str) -> list[str]:
    return [match[0] for match in REPEATED.finditer(text)]


def repeats(caption: str, alt: str) -> bool:
    """Return whether one of the two contains the other, ignoring case and punctuation."""
    one, other = (" ".join(re.findall(r"\w+", text.lower())) for text in (caption, alt))
    return one in other or other in one


@pytest.fixture(scope="module")
def misspelt(tmp_path_factory):
    """Return a function that returns codespell's complaints, American words included."""
    folder = tmp_path_factory.mktemp("codespell")
    data = Path(codespell_lib.__file__).parent / "data"
    pairs = (data / "dictionary_en-GB_to_en-US.txt").read_text(encoding="utf-8").splitlines()
    american = [
        f"{us}->{gb}"
        for gb, _, options in (pair.partition("->") for pair in pairs)
        for us in re.findall(r"[\w'-]+", options)
        if us not in BOTH
    ]
    dictionary = folder / "american.txt"
    dictionary.write_text("\n".join(american) + "\n", encoding="utf-8")

    def complaints(**texts: str) -> str:
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "codespell_lib", "--builtin", "clear"]
        command += ["-D", str(dictionary), "-D", "-", *texts]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout

    return complaints


@pytest.mark.parametrize(
    ("rule", "bad", "good"),
    [
        (typed_results, "It reads 0.91 of them.", "It reads ⟦code⟧ of the 1,000 digits."),
        (typed_results, "It reads 91% of them.", "The licence is CC BY 4.0."),
        (typed_results, "A rise by .02.", "See it in lines 3, 4."),
        (typed_results, "It has p = 0.051 and 15%.", "A p below 0.05, or 5%, at 95%."),
        (repeated_words, "It is is so.", "It is so."),
        (repeated_words, "in the\nthe net", "What is, is not."),
    ],
)
def test_rules_object_to_bad_examples_only(rule, bad, good):
    assert rule(bad)
    assert not rule(good)


def test_american_and_misspelt_words_are_found(misspelt):
    wrong = misspelt(
        color="The color of the net.", ize="The optimizer.", ie="They recieve it.", good="A colour."
    )
    assert {line.split(":")[0] for line in wrong.splitlines()} == {"color", "ize", "ie"}


def test_repetition_between_caption_and_alternative_text_is_found():
    assert repeats("A line that rises.", "A line that rises, in blue")
    assert not repeats("A line that rises.", "A straight line from left to right.")


@pytest.mark.parametrize("page", PAGES)
def test_no_result_is_typed_into_the_prose(page):
    assert not typed_results(prose(page))


@pytest.mark.parametrize("page", PAGES)
def test_no_result_is_typed_into_a_caption_or_option(page):
    for label, caption, alt in captions(page):
        assert not typed_results(f"{caption} {alt}"), label
    for options in cell_options(page):
        assert not typed_results(options.get("code-summary", ""))
    assert not typed_results(header(page).get("description", ""))


def test_spelling_is_british(misspelt):
    texts = {}
    for page in PAGES:
        options = [f"{caption} {alt}" for _, caption, alt in captions(page)]
        description = header(page).get("description", "")
        texts[Path(page).name] = "\n".join([prose(page), description, *options])
    assert not misspelt(**texts)


@pytest.mark.parametrize("page", PAGES)
def test_no_word_is_repeated(page):
    assert not repeated_words(prose(page))
    for label, caption, alt in captions(page):
        assert not repeated_words(caption) + repeated_words(alt), label


@pytest.mark.parametrize("page", PAGES)
def test_every_figure_has_a_caption_and_a_different_alternative_text(page):
    for label, caption, alt in captions(page):
        assert caption.strip(), label
        if label.startswith("fig-"):
            assert len(alt.split()) >= 5, label
            assert not repeats(caption, alt), label


@pytest.mark.parametrize("page", PAGES)
def test_every_cell_has_a_label(page):
    assert [options for options in cell_options(page) if not options.get("label")] == []


def test_every_figure_and_table_is_referenced():
    text = "\n".join(prose(page) for page in PAGES)
    labels = [label for page in PAGES for label, _, _ in captions(page)]
    assert not [label for label in labels if not re.search(rf"@{re.escape(label)}\b(?!-)", text)]
    assert len(labels) == len(set(labels))


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_a_description(page):
    if page != "chapters/references.qmd":
        assert header(page).get("description", "").endswith(".")
