"""Exports for crawlers and language models: Markdown copies, llms.txt, robots.txt, sitemap.xml."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

pytestmark = pytest.mark.thorough

ADDRESS = "https://example.org/book"


@pytest.fixture
def site(book):
    book.edit("_quarto.yml", "  title:", f"  site-url: {ADDRESS}/\n  title:")
    assert book.run("build", "--renderer", "builtin") == 0
    return book.root / "_book"


def test_llms_txt_links_the_copy_of_every_page(site):
    text = (site / "llms.txt").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert text.startswith("# Small book\n")
    assert links == ["index.md", "chapters/one.md"]
    assert all((site / link).is_file() for link in links)


def test_a_copy_has_prose_code_and_outputs_as_plain_markdown(site):
    text = (site / "chapters" / "one.md").read_text(encoding="utf-8")
    assert "Some prose with 42 in it." in text
    assert "```python\nfrom helper import VALUE" in text
    assert "```\nfirst 1\n```" in text
    assert not re.search(r":::|@sec-|\{python\}|attachment:|data:", text)


def test_the_sitemap_names_each_page_and_robots_names_the_sitemap(site):
    tree = ElementTree.parse(site / "sitemap.xml")
    addresses = [element.text for element in tree.iter() if element.tag.endswith("loc")]
    assert addresses == [f"{ADDRESS}/index.html", f"{ADDRESS}/chapters/one.html"]
    assert f"Sitemap: {ADDRESS}/sitemap.xml" in (site / "robots.txt").read_text(encoding="utf-8")


def test_a_site_without_an_address_has_no_sitemap(book):
    assert book.run("build", "--renderer", "builtin") == 0
    assert not (book.root / "_book" / "sitemap.xml").exists()
    assert "Sitemap" not in (book.root / "_book" / "robots.txt").read_text(encoding="utf-8")
