"""Write plain-text exports for crawlers and language models.

These are Markdown copies of the pages, llms.txt, robots.txt and sitemap.xml. The copies are made
from the readers' notebooks, so they contain code and outputs as text; a picture is represented by
its alt text.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bookbuild.outputs import notebooks
from bookbuild.render.book import Book

PICTURE = re.compile(r"!\[([^\]]*)\]\(data:[^)]*\)")


def write(book: Book, stage: Path) -> None:
    """Write all exports into the staged site; a sitemap only if the site has an address."""
    for page in book.pages:
        path = (stage / page.chapter.page).with_suffix(".md")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_markdown(notebooks.notebook(book.project, page)), encoding="utf-8")
    (stage / "llms.txt").write_text(_llms_txt(book), encoding="utf-8")
    address = (book.project.site_url or "").rstrip("/")
    robots = "User-agent: *\nAllow: /\n"
    if address:
        robots += f"Sitemap: {address}/sitemap.xml\n"
        (stage / "sitemap.xml").write_text(_sitemap(book, address), encoding="utf-8")
    (stage / "robots.txt").write_text(robots, encoding="utf-8")


def _markdown(notebook: dict[str, Any]) -> str:
    cells = (_cell(cell) for cell in notebook["cells"] if cell["id"] != "check")
    return "\n\n".join(cells) + "\n"


def _cell(cell: dict[str, Any]) -> str:
    if cell["cell_type"] == "markdown":
        return PICTURE.sub(r"(Picture: \1)", cell["source"])
    blocks = [f"```python\n{cell['source']}\n```"]
    for output in cell["outputs"]:
        text = output.get("text") or output.get("data", {}).get("text/plain", "")
        blocks += [f"```\n{text.rstrip()}\n```"] if text.strip() else []
    return "\n\n".join(blocks)


def _llms_txt(book: Book) -> str:
    """Return title, description, and one line per page with a link to its Markdown copy."""
    project = book.project
    lines = [f"# {project.title}", "", f"> {project.description}", "", "## Pages", ""]
    for page in book.pages:
        link = quote(str(page.chapter.source.with_suffix(".md")))
        title, about = page.labelled(page.rendered.titles["list"]), page.rendered.description
        lines.append(f"- [{title}]({link})" + (f": {about}" if about else ""))
    return "\n".join(lines) + "\n"


def _sitemap(book: Book, address: str) -> str:
    urls = [f"{address}/{quote(page.chapter.page)}" for page in book.pages]
    entries = "".join(f"  <url><loc>{escape(url, quote=False)}</loc></url>\n" for url in urls)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return (
        f'{head}<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{entries}</urlset>\n'
    )
