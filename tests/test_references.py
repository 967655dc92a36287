"""Test references.bib: no key is missing or unused, and every entry is complete."""

from __future__ import annotations

import json
import re
import unicodedata
from functools import cache
from pathlib import Path

import pypandoc
import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "index.qmd", *sorted((ROOT / "chapters").glob("*.qmd"))]
KEY = re.compile(r"(?<![\w`])-?@([a-z]+\d{4}\w+)")
CODE = re.compile(r"^```.*?^```\s*$|`[^`]*`", re.DOTALL | re.MULTILINE)


@cache
def entries() -> dict[str, dict]:
    """Return the bibliography as pandoc reads it, by key."""
    text = pypandoc.convert_file(str(ROOT / "references.bib"), "csljson", format="bibtex")
    return {entry["id"]: entry for entry in json.loads(text)}


def cited(text: str) -> set[str]:
    return set(KEY.findall(CODE.sub("", text)))


def used() -> set[str]:
    return set().union(*(cited(page.read_text(encoding="utf-8")) for page in PAGES))


def plain(text: str) -> str:
    """Return the letters and digits of a text, in lower case, without accents."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]", "", ascii_text.lower())


def test_keys_are_found_in_prose_only():
    text = "See [@kim2014convolutional; @jacovi2018understanding, p. 2]. @guo2017calibration say."
    assert cited(text + " `@code2020span`") == {
        "kim2014convolutional",
        "jacovi2018understanding",
        "guo2017calibration",
    }


def test_every_cited_key_is_defined():
    assert not used() - set(entries())


def test_every_defined_key_is_cited():
    assert not set(entries()) - used()


@pytest.mark.parametrize("key", entries())
def test_an_entry_is_complete(key):
    entry = entries()[key]
    needed = {"author", "title", "issued"}
    if entry["type"] == "article-journal":
        needed |= {"container-title", "volume", "page"}
    if entry["type"] == "paper-conference":
        needed |= {"container-title"}
    assert not needed - set(entry)
    assert re.fullmatch(r"10\.\d{4,9}/\S+", entry.get("DOI", "")) or re.match(
        r"https://\S+$", entry.get("URL", "")
    )


@pytest.mark.parametrize("key", entries())
def test_a_key_is_author_year_and_a_word_of_the_title(key):
    entry = entries()[key]
    author = plain(entry["author"][0]["family"])
    year = entry["issued"]["date-parts"][0][0]
    assert key.startswith(f"{author}{year}")
    assert key.removeprefix(f"{author}{year}") in plain(entry["title"])


def test_no_work_is_listed_twice():
    addresses = [entry.get("DOI") or entry["URL"] for entry in entries().values()]
    assert len(addresses) == len(set(addresses))
