"""Complete the site that Quarto has written: notebooks, kit, links and live figures.

Where an output holds HTML, Quarto's Jupyter engine makes the page load requirejs and jquery from
another host, for widgets that this book does not have. With the results of freeze.py it does not;
but it does when Quarto executes a chapter itself, so these scripts are removed.
"""

from __future__ import annotations

import os
import re
import sys
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # Quarto runs this as a script

from quarto.own_python import ROOT, use_own_python

if TYPE_CHECKING:
    from bookbuild import Link

WIDGET_SCRIPTS = re.compile(
    r'[ \t]*<script\b[^>]*\bsrc="https?://[^"]*/(?:require|jquery)(?:\.min)?\.js"[^>]*></script>\n?'
    r"|[ \t]*<script\b[^>]*>define\('jquery'[^<]*</script>\n?"
)
DARK_STYLES = re.compile(r'<link(?= [^>]*class="quarto-color-scheme quarto-color-alternate")')
# A script's text may also contain such tags.
CODE_TAG = re.compile(
    r"<script\b.*?</script>|<(?P<code>pre|code|kbd|samp)\b(?![^>]*\stranslate=)", re.DOTALL
)
TITLE_BLOCK = re.compile(r'<header id="title-block-header".*?(?=</header>)', re.DOTALL)


def main() -> int:
    """Complete the site; return the exit status."""
    use_own_python()
    from bookbuild import BookError

    output = ROOT / os.environ.get("QUARTO_PROJECT_OUTPUT_DIR", "_book")
    try:
        complete(output)
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    requests = clean(output)
    for path, request in requests:
        print(f"error: {path} loads from another host: {request}", file=sys.stderr)
    return 1 if requests else 0


def clean(output: Path) -> list[tuple[Path, str]]:
    """Clean all pages; return the requests to other hosts that remain."""
    from bookbuild import foreign_requests

    for page in sorted(output.rglob("*.html")):
        text = page.read_text(encoding="utf-8")
        page.write_text(with_untranslated_code(cleaned_page(text)), encoding="utf-8")
    return [
        (path.relative_to(output), request)
        for path in sorted([*output.rglob("*.html"), *output.rglob("*.css")])
        for request in foreign_requests(path)
    ]


def cleaned_page(html: str) -> str:
    """Return a page without the widgets' scripts, and with its dark theme for screens only."""
    html = WIDGET_SCRIPTS.sub("", html)
    return html if 'media="screen"' in html else DARK_STYLES.sub('<link media="screen"', html)


def with_untranslated_code(html: str) -> str:
    """Return a page whose code is marked as not to be translated."""
    return CODE_TAG.sub(lambda m: m[0] + (' translate="no"' if m["code"] else ""), html)


def complete(output: Path) -> None:
    """Add the downloads to the site, and to each page its links and the live figures' script."""
    from bookbuild import assemble, live_head, load, page_links, write_downloads

    book = assemble(load(ROOT))
    write_downloads(book, output)
    for page in book.pages:
        path = output / page.chapter.page
        if path.exists():
            links = [link for link in page_links(book, page) if _has_target(link, path.parent)]
            html = with_links(path.read_text(encoding="utf-8"), links)
            path.write_text(with_head(html, live_head(page)), encoding="utf-8")


def _has_target(link: Link, folder: Path) -> bool:
    """Return whether a link leads to another host or to an existing file, such as the PDF."""
    return "://" in link.target or (folder / unquote(link.target)).exists()


def with_links(html: str, links: list[Link]) -> str:
    """Return a page with these links, once, at the end of its title block."""
    items = ""
    for link in links:
        download = " download" if link.download else ""
        items += f'<li><a href="{escape(link.target)}"{download}>{link.text}</a></li>'
    block = f'<ul class="take-away">{items}</ul>\n'
    if not links or block in html:
        return html
    return TITLE_BLOCK.sub(lambda match: match[0] + block, html, count=1)


def with_head(html: str, lines: str) -> str:
    """Return a page with these lines, once, at the end of its head."""
    return html if not lines or lines in html else html.replace("</head>", f"{lines}\n</head>", 1)


if __name__ == "__main__":
    sys.exit(main())
