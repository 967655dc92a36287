"""The chapter template of CONTRIBUTING.md builds without changes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from renderer.tests.support.processes import build
from tests.parity import facts
from tests.parity.record import SMALL

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_a_chapter_from_the_template_builds(tmp_path):
    """Follow the steps of CONTRIBUTING.md in another book."""
    book = Path(shutil.copytree(SMALL, tmp_path / "book", ignore=shutil.ignore_patterns("data")))
    for name in ("data", "funs.py", "nets.py", "requirements.txt"):
        (book / name).symlink_to(ROOT / name)
    template = (ROOT / "chapters/_template.qmd").read_text("utf-8").replace("@sec-cnns", "@sec-one")
    (book / "chapters/new.qmd").write_text(template, encoding="utf-8")
    configuration = yaml.safe_load((book / "_quarto.yml").read_text("utf-8"))
    configuration["book"]["chapters"].append("chapters/new.qmd")
    (book / "_quarto.yml").write_text(yaml.safe_dump(configuration), encoding="utf-8")

    page = "chapters/new.html"
    of_page = facts.of_page((build(book) / page).read_text("utf-8"), page)
    assert of_page["title"] == [["sec-new", "2", "A new chapter"]]
    assert of_page["tables"][0][:2] == [
        "tbl-new-counts",
        "Table 2.1: Digits of each class in the two sets.",
    ]
    assert of_page["figures"][0][:2] == [
        "fig-new-counts",
        "Figure 2.1: The two sets, class by class.",
    ]
    assert any("has 10 rows" in text for (text,) in of_page["paragraphs"])
    (entry,) = (book / ".cache/executed").glob("chapters-new/*")
    last = json.loads(entry.read_text("utf-8"))["outputs"][-1]
    assert json.loads(last[0]["text"]) == {"classes": 10, "equal_shares": True}
