"""Check references, labels, citations, pictures and raw HTML within and between the chapters.

One error reports all problems, each with its file and line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from bookbuild.render.book import Book, Page
from bookbuild.source import policy
from bookbuild.source.errors import BookError, did_you_mean, error_at

Problem = tuple[int | str, str]  # a line of the .qmd or a text in it, and the message


def check(book: Book) -> None:
    """Raise one `BookError` for all problems of the book, in the order of files and lines."""
    messages = list(book.project.problems)
    for page in book.pages:
        problems = sorted(set(_problems(book, page)))
        messages += [str(error_at(page.source.path, line or None, text)) for line, text in problems]
    if messages:
        raise BookError("\n".join(messages))


def _problems(book: Book, page: Page) -> Iterator[tuple[int, str]]:
    """Yield a chapter's problems with their lines, 0 if unknown."""
    yield from page.source.problems
    pages = {
        label["id"]: page.chapter.page for page in book.pages for label in page.rendered.labels
    }
    problems = [*_from_pandoc(page), *_references(book, page, set(pages))]
    problems += [*_citations(book, page), *_labels(page, pages), *_pictures(book, page)]
    problems += [*_raw_html(page), *_scripts(book, page)]
    for place, text in problems:
        line = place if isinstance(place, int) else page.woven.line_of(place)
        yield line or 0, text


def _from_pandoc(page: Page) -> Iterator[Problem]:
    for problem in page.rendered.problems:
        if line := problem.get("line"):
            yield _origin(page, line, problem["message"]), problem["message"]
        else:
            yield problem.get("token", ""), problem["message"]


def _origin(page: Page, line: int, message: str) -> int:
    """Return the .qmd line of a warning; pandoc reports the line that it had read up to."""
    origin = page.woven.origins[min(line, len(page.woven.origins)) - 1]
    name = re.search(r"'(.+?)'", message)
    above = range(origin, 0, -1)
    return next((n for n in above if name and name[1] in page.source.lines[n - 1]), origin)


def _references(book: Book, page: Page, labels: set[str]) -> Iterator[Problem]:
    unparsed = [page.source for page in book.pages if page.source.is_unparseable]

    def is_missing(label: str) -> bool:
        return label not in labels and not any(source.line_of(label) for source in unparsed)

    for label in filter(is_missing, page.rendered.refs):
        yield f"@{label}", f"the reference @{label} has no target{did_you_mean(label, labels)}"
    for label in filter(is_missing, page.rendered.links):
        yield f"#{label}", f"the link #{label} has no target{did_you_mean(label, labels)}"


def _citations(book: Book, page: Page) -> Iterator[Problem]:
    keys = _bibliography_keys(book)
    for key in page.rendered.cites:
        if key not in keys:
            yield f"@{key}", f"the citation @{key} is in no .bib file{did_you_mean(key, keys)}"


def _bibliography_keys(book: Book) -> set[str]:
    texts = [path.read_text(encoding="utf-8-sig") for path in book.project.bibliography]
    return {key for text in texts for key in re.findall(r"^\s*@\w+\s*\{\s*([^,\s]+)", text, re.M)}


def _labels(page: Page, pages: dict[str, str]) -> Iterator[Problem]:
    for label in page.rendered.labels:
        if (other := pages[label["id"]]) != page.chapter.page:
            yield label["id"], f"the label `{label['id']}` is also in {other}"


def _pictures(book: Book, page: Page) -> Iterator[Problem]:
    folder = (book.project.root / page.source.path).parent
    for picture in map(unquote, page.rendered.pictures):
        if policy.is_address(picture):
            yield picture, f"the picture {picture} is on another host; put a copy in the project"
        elif picture not in page.woven.pictures and not (folder / picture).is_file():
            yield picture, f"the picture {picture} does not exist"


def _raw_html(page: Page) -> Iterator[Problem]:
    for html in page.rendered.raw_html:
        for tag, need in policy.violations(html):
            name = re.match(r"<[\w-]*", tag)  # pandoc may have changed the quotation marks after it
            text = tag if page.woven.line_of(tag) or not name else name[0]
            yield text, f"raw HTML with {need}: the pages' policy forbids it"


def _scripts(book: Book, page: Page) -> Iterator[Problem]:
    folder = book.project.settings.live_figures
    for script in page.rendered.scripts:
        if not folder:
            message = "live figures need `live-figures` in [tool.bookbuild] of pyproject.toml"
            yield f'script="{script}"', message
        elif not (book.project.root / folder / f"{script}.js").is_file():
            yield f'script="{script}"', f"the live figure's {folder}/{script}.js does not exist"
