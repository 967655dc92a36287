"""Check references, labels, citations, pictures and raw HTML within and between the chapters.

One error reports all problems, each with its file and line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from urllib.parse import unquote

from bookbuild.render import lists
from bookbuild.render.book import Book, Page
from bookbuild.render.links import Site, addresses
from bookbuild.render.places import Places
from bookbuild.source import policy, syntax
from bookbuild.source.errors import BookError, did_you_mean, error_at

UNCLOSED = re.compile(r"pandoc: Div at line (\d+) .* unclosed")
NO_END = "pandoc finds no end of this div; if it has a single tag such as <hr>, write <hr/>"

Problem = tuple[int | str, str]  # a line of the .qmd or a text in it, and the message


def check(book: Book) -> None:
    """Raise one `BookError` for all problems of the book, in the order of files and lines."""
    messages = list(book.project.problems)
    site = Site(book)
    for page in book.pages:
        problems = sorted(set(_problems(site, page)))
        messages += [str(error_at(page.source.path, line or None, text)) for line, text in problems]
    if messages:
        raise BookError("\n".join(_with_way_out(book, messages)))


def _with_way_out(book: Book, messages: list[str]) -> list[str]:
    """Add to the last message about unsupported syntax that Quarto may support it."""
    unsupported = [n for n, message in enumerate(messages) if "not supported" in message]
    for n in unsupported[-1:]:
        messages[n] += f"; Quarto may support it: {book.project.settings.quarto_command}"
    return messages


def _problems(site: Site, page: Page) -> Iterator[tuple[int, str]]:
    """Yield a chapter's problems with their lines, 0 if unknown."""
    yield from page.source.problems
    book, places = site.book, Places(page)
    problems = [*_from_pandoc(page), *_references(book, page)]
    problems += [*_citations(book, page), *_labels(book, page), *_pictures(book, page)]
    problems += [*_raw_html(page, places), *_other_raw(page), *_scripts(book, page)]
    problems += _html_ids(page)
    for place, text in problems:
        yield place if isinstance(place, int) else places.line(place, text), text
    for address, only in addresses(page):
        if problem := site.problem(page, address, only):
            yield places.line_of_address(address, problem), problem
    yield from _examples(page, places)
    yield from lists.problems(page, places)


def _from_pandoc(page: Page) -> Iterator[Problem]:
    unclosed = [*filter(None, (UNCLOSED.search(p["message"]) for p in page.rendered.problems))]
    yield from ((page.woven.origins[int(found[1]) - 1], NO_END) for found in unclosed)
    for problem in page.rendered.problems:
        if unclosed and (problem.get("token") == ":::" or UNCLOSED.search(problem["message"])):
            continue  # the div's end, which has become text
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


def _references(book: Book, page: Page) -> Iterator[Problem]:
    labels = book.page_of_label
    for label in page.rendered.refs:
        if label not in labels and not _may_be_unread(book, label):
            yield f"@{label}", f"the reference @{label} has no target{did_you_mean(label, labels)}"


def _may_be_unread(book: Book, label: str) -> bool:
    """Return whether a chapter that cannot be parsed may define a label."""
    unread = (page.source for page in book.pages if page.source.is_unparseable)
    return any(source.line_of(label) for source in unread)


def _citations(book: Book, page: Page) -> Iterator[Problem]:
    for key in page.rendered.cites:
        if key not in book.works:
            yield (
                f"@{key}",
                f"the citation @{key} is in no .bib file{did_you_mean(key, book.works)}",
            )


def _labels(book: Book, page: Page) -> Iterator[Problem]:
    for label in page.rendered.labels:
        if (other := book.page_of_label[label["id"]]) != page.chapter.page:
            yield label["id"], f"the label `{label['id']}` is also in {other}"


def _pictures(book: Book, page: Page) -> Iterator[Problem]:
    folder = (book.project.root / page.source.path).parent
    root = str(book.project.root)
    for picture in map(unquote, page.rendered.pictures):
        if policy.is_address(picture):
            yield picture, f"the picture {picture} is on another host; put a copy in the project"
        elif not os.path.normpath(folder / picture).startswith(f"{root}{os.sep}"):
            yield picture, f"the picture {picture} is outside the project's folder; copy it there"
        elif picture not in page.woven.pictures and not (folder / picture).is_file():
            yield picture, f"the picture {picture} does not exist"


def _raw_html(page: Page, places: Places) -> Iterator[Problem]:
    """Yield the raw HTML that the pages' policy forbids, or that PDF and notebooks would lack."""
    covered: set[str] = set()  # tags that go with one that is already reported
    read: set[tuple[int, str]] = set()
    for text, only in _raw(page, "html"):
        line = 0 if only == "output" else places.line_of_html(text)
        tag = next((match[1].lower() for match in syntax.TAG.finditer(text)), "")
        violations = [*_violations(text, line)]
        yield from violations
        if only not in ("html", "output"):
            if not violations and tag not in covered:
                yield line or text.strip().split("\n")[0], syntax.raw_html(tag)
            covered |= syntax.belongs_to(tag)
        read.add((line, tag))
    for position, tag, text in syntax.in_table_rows(places.prose):
        if (line := places.line_at(position), tag) not in read:
            yield from [*_violations(text, line)] or [(line, syntax.raw_html(tag))]


def _html_ids(page: Page) -> Iterator[Problem]:
    """Yield the ids in raw HTML that the page has already."""
    seen = {label["id"] for label in page.rendered.labels}
    for text, only in _raw(page, "html"):
        for name in policy.ids(text) if only != "output" else ():
            if name in seen:
                yield f'id="{name}"', f"the id `{name}` is used twice on this page"
            seen.add(name)


def _violations(html: str, line: int) -> Iterator[Problem]:
    """Yield what the policy forbids in a piece of HTML that begins at `line`, 0 if unknown."""
    for tag, need in policy.violations(html):
        message = f"raw HTML with {need}: the pages' policy forbids it"
        yield (line + html[: html.find(tag)].count("\n") if line else tag), message


def _other_raw(page: Page) -> Iterator[Problem]:
    for text, only in _raw(page, "typst"):
        first_line = text.strip().split("\n")[0]
        if only != "typst":
            advice = 'put it into `::: {.content-visible when-format="pdf"}`'
            yield first_line, f"raw Typst is not supported on the pages: {advice}"
        if re.search(r'"@\w+/', text):
            message = "this Typst package comes from another host: keep a copy in the project"
            yield first_line, message
    for raw in page.rendered.raw:
        if raw["format"] not in syntax.RAW_FORMATS:
            message = "is shown nowhere: write Markdown, or a formula between $$"
            yield raw["text"].strip().split("\n")[0], f"raw {raw['format']} {message}"


def _raw(page: Page, form: str) -> Iterator[tuple[str, str]]:
    """Yield the raw text of a format, each with the only format that shows it."""
    for raw in page.rendered.raw:
        if raw["format"] == form:
            yield raw["text"], raw.get("only", "")


def _examples(page: Page, places: Places) -> Iterator[tuple[int, str]]:
    """Yield the items of example lists; the author meant references or citations."""
    for word in page.rendered.examples:
        at_word = places.find(rf"{syntax.EXAMPLE}\W*{re.escape(word)}")
        if match := at_word or places.find(syntax.EXAMPLE):
            message = (
                f"`{match[1]}` at the start of a paragraph is read as an example list's number"
            )
            yield places.line_at(match.start(1)), f"{message}; put a word before it"
        else:
            yield 0, "`(@)` begins an example list, which is not supported"


def _scripts(book: Book, page: Page) -> Iterator[Problem]:
    folder = book.project.settings.live_figures
    for script in page.rendered.scripts:
        if not folder:
            message = "live figures need `live-figures` in [tool.bookbuild] of pyproject.toml"
            yield f'script="{script}"', message
        elif not (book.project.root / folder / f"{script}.js").is_file():
            yield f'script="{script}"', f"the live figure's {folder}/{script}.js does not exist"
