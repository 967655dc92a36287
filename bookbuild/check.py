"""What is wrong in and between the chapters: references, labels, citations and pictures.

One error tells all of it, each with its file and line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from bookbuild.book import Book, Page
from bookbuild.errors import BookError, did_you_mean, error_at
from bookbuild.explorables import FOLDER

Problem = tuple[int | str, str]  # a line of the .qmd or a text that stands there, and the message


def check(book: Book) -> None:
    """Raise one `BookError` for all problems of the book, in the order of files and lines."""
    messages = list(book.project.problems)
    for page in book.pages:
        found = sorted(set(_problems(book, page)))
        messages += [str(error_at(page.source.path, line or None, text)) for line, text in found]
    if messages:
        raise BookError("\n".join(messages))


def _problems(book: Book, page: Page) -> Iterator[tuple[int, str]]:
    """Yield a chapter's problems by their lines, 0 where none is known."""
    yield from page.source.problems
    pages = {
        label["id"]: page.chapter.page for page in book.pages for label in page.rendered.labels
    }
    problems = [*_told_by_pandoc(page), *_references(book, page, set(pages))]
    problems += [*_citations(book, page), *_labels(page, pages), *_pictures(book, page)]
    problems += _scripts(book, page)
    for place, text in problems:
        line = place if isinstance(place, int) else page.woven.line_of(place)
        yield line or 0, text


def _told_by_pandoc(page: Page) -> Iterator[Problem]:
    for problem in page.rendered.problems:
        if line := problem.get("line"):
            yield _origin(page, line, problem["message"]), problem["message"]
        else:
            yield problem.get("token", ""), problem["message"]


def _origin(page: Page, line: int, message: str) -> int:
    """Return the line of the .qmd; pandoc names the one that it had read to by then."""
    origin = page.woven.origins[min(line, len(page.woven.origins)) - 1]
    name = re.search(r"'(.+?)'", message)
    above = range(origin, 0, -1)
    return next((n for n in above if name and name[1] in page.source.lines[n - 1]), origin)


def _references(book: Book, page: Page, labels: set[str]) -> Iterator[Problem]:
    unread = [page.source for page in book.pages if page.source.is_torn]
    for ref in page.rendered.refs:
        if ref not in labels and not any(source.line_of(ref) for source in unread):
            yield f"@{ref}", f"the reference @{ref} has no target{did_you_mean(ref, labels)}"
    for place in page.rendered.links:
        if place not in labels and not any(source.line_of(place) for source in unread):
            near = did_you_mean(place, labels)
            yield f"#{place}", f"the link to #{place} leads nowhere{near}"


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
        if "//" in picture:
            yield picture, f"the picture {picture} is on another host: keep a copy in the project"
        elif picture not in page.woven.pictures and not (folder / picture).is_file():
            yield picture, f"the picture {picture} does not exist"


def _scripts(book: Book, page: Page) -> Iterator[Problem]:
    for script in page.rendered.scripts:
        if not (book.project.root / FOLDER / f"{script}.js").is_file():
            yield f'script="{script}"', f"the live figure's {FOLDER}/{script}.js does not exist"
