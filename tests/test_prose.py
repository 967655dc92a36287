"""The prose of the book: no typed results, British spelling, figures that say what they are.

Each rule is a small function that returns what is wrong in a text; the first test shows each of
them a text it must object to, the others apply them to every page.
"""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path, PurePosixPath

import codespell_lib
import pytest

from bookbuild import qmd

ROOT = Path(__file__).resolve().parent.parent
PAGES = ["index.qmd", *(f"chapters/{page.name}" for page in (ROOT / "chapters").glob("*.qmd"))]
PAGES.sort()

# Decimals that are not results of a computation, and why they may be typed.
ALLOWED = {
    "CC BY 4.0": "the name of a licence",
    "Python 3.11": "a version that is asked for",
    "95 per cent": "a level of confidence, chosen beforehand",
    "95% Wilson interval": "the same level",
}
# American spellings by codespell's list that are also British words in another sense.
BOTH = {"program", "programs", "check", "checks", "practice", "meter", "story", "stories"}
BOTH |= {"inquiry", "draft", "license", "disk", "tire", "curb"}
NUMBER = re.compile(r"(?<![\w.,])(?:\d[\d,]*)?\.\d+(?![\w.]*\d)|\d+\s?%|\d per cent")
REPEATED = re.compile(r"\b([a-z]+)\s+\1\b", re.IGNORECASE)
PICTURE = re.compile(
    r"!\[(?P<cap>[^\]]*)\]\([^)]*\)\{(?P<id>#fig-[\w-]+)(?P<rest>(?:[^}\"]|\"[^\"]*\")*)\}"
)


@cache
def source(page: str) -> qmd.Source:
    return qmd.read(ROOT, PurePosixPath(page))


def prose(page: str) -> str:
    """Return the page line by line, without cells, code and raw blocks."""
    lines = [""] * len(source(page).lines)
    for block in source(page).blocks:
        if isinstance(block, qmd.Prose):
            text = re.sub(r"^```.*?^```$", blank, block.text, flags=re.DOTALL | re.MULTILINE)
            text = re.sub(r"(`+)[^`]*?\1", "⟦code⟧", text)
            found = text.splitlines()
            lines[block.line - 1 : block.line - 1 + len(found)] = found
    return "\n".join(lines)


def blank(match: re.Match[str]) -> str:
    return "\n" * match[0].count("\n")


def captions(page: str) -> list[tuple[str, str, str]]:
    """Return label, caption and alternative text of each figure and table."""
    cells = [cell.options for cell in source(page).cells]
    found = [(o.label, o.caption, o.fig_alt) for o in cells if o.caption]
    for block in source(page).blocks:
        text = block.text if isinstance(block, qmd.Prose) else ""
        for picture in PICTURE.finditer(text):
            alt = re.search(r'fig-alt="([^"]*)"', picture["rest"])
            found.append((picture["id"][1:], picture["cap"], alt[1] if alt else ""))
        for table in re.finditer(r"^: (.+?) \{#(tbl-[\w-]+)\}", text, re.MULTILINE):
            found.append((table[2], table[1], ""))
    return found


def typed_results(text: str) -> list[str]:
    for phrase in ALLOWED:
        text = text.replace(phrase, "")
    return NUMBER.findall(text)


def repeated_words(text: str) -> list[str]:
    return [match[0] for match in REPEATED.finditer(text)]


def repeats(caption: str, alt: str) -> bool:
    """Say whether one of the two contains the other, ignoring case and punctuation."""
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
        (repeated_words, "It is is so.", "It is so."),
        (repeated_words, "in the\nthe net", "What is, is not."),
    ],
)
def test_a_rule_objects_to_what_is_wrong_only(rule, bad, good):
    assert rule(bad)
    assert not rule(good)


def test_spelling_objects_to_american_and_to_misspelt_words(misspelt):
    wrong = misspelt(
        color="The color of the net.", ize="The optimizer.", ie="They recieve it.", good="A colour."
    )
    assert {line.split(":")[0] for line in wrong.splitlines()} == {"color", "ize", "ie"}


def test_a_caption_and_an_alternative_text_that_repeat_each_other_are_found():
    assert repeats("A line that rises.", "A line that rises, in blue")
    assert not repeats("A line that rises.", "A straight line from left to right.")


@pytest.mark.parametrize("page", PAGES)
def test_no_result_is_typed_into_the_prose(page):
    assert not typed_results(prose(page))


@pytest.mark.parametrize("page", PAGES)
def test_no_result_stands_in_a_caption_or_another_option(page):
    for label, caption, alt in captions(page):
        assert not typed_results(f"{caption} {alt}"), label
    assert not typed_results(" ".join(cell.options.code_summary for cell in source(page).cells))
    assert not typed_results(str(source(page).meta.get("description", "")))


def test_spelling_is_british(misspelt):
    texts = {}
    for page in PAGES:
        options = [f"{caption} {alt}" for _, caption, alt in captions(page)]
        about = str(source(page).meta.get("description", ""))
        texts[Path(page).name] = "\n".join([prose(page), about, *options])
    assert not misspelt(**texts)


@pytest.mark.parametrize("page", PAGES)
def test_no_word_is_repeated(page):
    assert not repeated_words(prose(page))
    for label, caption, alt in captions(page):
        assert not repeated_words(caption) + repeated_words(alt), label


@pytest.mark.parametrize("page", PAGES)
def test_every_figure_has_a_caption_and_an_alternative_text_of_its_own(page):
    for label, caption, alt in captions(page):
        assert caption.strip(), label
        if label.startswith("fig-"):
            assert len(alt.split()) >= 5, label
            assert not repeats(caption, alt), label


@pytest.mark.parametrize("page", PAGES)
def test_every_cell_has_a_label(page):
    assert not [cell.line for cell in source(page).cells if not cell.options.label]


def test_every_figure_and_table_is_referenced():
    text = "\n".join(prose(page) for page in PAGES)
    labels = [label for page in PAGES for label, _, _ in captions(page)]
    assert not [label for label in labels if not re.search(rf"@{re.escape(label)}\b(?!-)", text)]
    assert len(labels) == len(set(labels))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_what_it_is_about(page):
    if page != "chapters/references.qmd":
        assert str(source(page).meta.get("description", "")).endswith(".")
