"""What Quarto leaves to be done: notebooks, live figures, and no request to a third party.

Where an output holds HTML, Quarto's Jupyter engine has the page load requirejs and jquery from
another host, for widgets that this book does not have. With the results of freeze.py it does not;
it does when it executes a chapter itself.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from urllib.parse import quote

from own_python import ROOT, use_own_python

WIDGET_SCRIPTS = re.compile(
    r'[ \t]*<script\b[^>]*\bsrc="https?://[^"]*/(?:require|jquery)(?:\.min)?\.js"[^>]*></script>\n?'
    r"|[ \t]*<script\b[^>]*>define\('jquery'[^<]*</script>\n?"
)
LOADED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?(?:https?:)?//[^\s\"'>]+"
    r"|<link\b(?=[^>]*\brel=[\"']?(?:stylesheet|preload|icon))[^>]*\bhref=[\"']?(?:https?:)?//[^\s>]+"
    r"|@import\s*(?:url\()?[\"']?(?:https?:)?//[^\s\"')]+"
)
TITLE_BLOCK = re.compile(r'<header id="title-block-header".*?(?=</header>)', re.DOTALL)


def main() -> int:
    """Finish the site that Quarto has just written; return the exit status."""
    use_own_python()
    output = Path(os.environ.get("QUARTO_PROJECT_OUTPUT_DIR", ROOT / "_book"))
    from bookbuild.errors import BookError

    try:
        complete(ROOT / output)
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    foreign = clean(ROOT / output)
    for path, request in foreign:
        print(f"error: {path} loads from another host: {request}", file=sys.stderr)
    return 1 if foreign else 0


def clean(output: Path) -> list[tuple[Path, str]]:
    """Take the widgets' scripts out of all pages; return what still loads from another host."""
    for page in sorted(output.rglob("*.html")):
        text = page.read_text(encoding="utf-8")
        if (cleaned := WIDGET_SCRIPTS.sub("", text)) != text:
            page.write_text(cleaned, encoding="utf-8")
    texts = sorted([*output.rglob("*.html"), *output.rglob("*.css")])
    return [
        (path.relative_to(output), request)
        for path in texts
        for request in LOADED.findall(path.read_text(encoding="utf-8"))
    ]


def complete(output: Path) -> None:
    """Add what only the book knows: each chapter's notebook and source, what its figures load."""
    from bookbuild import explorables, notebooks, project
    from bookbuild.build import executed_book

    book = executed_book(project.load(ROOT))
    notebooks.write(book, output)
    explorables.write(book, output)
    pdf = book.project.pdf_name
    for page in book.pages:
        chapter, path = page.chapter, output / page.chapter.page
        if not path.exists():
            continue
        links = {"PDF": chapter.to_root + pdf} if (output / pdf).exists() else {}
        if page.source.cells:
            shutil.copyfile(ROOT / chapter.source, output / chapter.source)
            links = {"Notebook": f"{path.stem}.ipynb", **links, "Source": f"{path.stem}.qmd"}
        html = with_links(path.read_text(encoding="utf-8"), links)
        path.write_text(with_head(html, explorables.head(page)), encoding="utf-8")


def with_links(html: str, links: dict[str, str]) -> str:
    """Return a page with these links, by their texts, once at the end of its title block."""
    items = "".join(
        f'<li><a href="{quote(path)}"{" download" if text == "Notebook" else ""}>{text}</a></li>'
        for text, path in links.items()
    )
    block = f'<ul class="take-away">{items}</ul>\n'
    if not links or block in html:
        return html
    return TITLE_BLOCK.sub(lambda match: match[0] + block, html, count=1)


def with_head(html: str, lines: str) -> str:
    """Return a page with these lines, once, at the end of its head."""
    return html if not lines or lines in html else html.replace("</head>", f"{lines}\n</head>", 1)


if __name__ == "__main__":
    sys.exit(main())
