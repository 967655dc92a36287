"""What `_quarto.yml` says: the book, and its chapters in order with their numbers.

It reads the configuration and nothing else: what stands in a chapter is `qmd.py`'s matter, save
for the one thing that the numbering needs, whether the chapter's title is unnumbered.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from bookbuild.errors import BookError, did_you_mean, error_at

# Every key that a configuration may have, by section; `*` stands for anything below it.
KNOWN_SECTIONS = {
    "project": "type output-dir execute-dir pre-render post-render",
    "book": """
        title subtitle author description chapters appendices downloads site-url repo-url
        repo-actions open-graph favicon reader-mode search sidebar.style
    """,
    "crossref": "chapters",
    "execute": "freeze",
    "format.html": """
        html-math-method toc toc-depth number-sections code-copy lightbox theme.*
        respect-user-color-scheme csl include-after-body filters
    """,
    "format.typst": """
        citeproc pdf-standard syntax-highlighting template-partials filters
    """,
}
KNOWN_KEYS = {
    f"{section}.{key}" for section, keys in KNOWN_SECTIONS.items() for key in keys.split()
}
KNOWN_KEYS |= {"lang", "bibliography"}

# What this renderer does in one way only, and Quarto in several.
REQUIRED = {
    "project.type": "book",
    "project.execute-dir": "project",
    "format.html.html-math-method": "mathml",
    "crossref.chapters": True,
}


@dataclass(frozen=True)
class Chapter:
    """One source file of the book and its place there."""

    source: PurePosixPath  # relative to the project's root
    kind: str  # index, chapter, appendix or unnumbered
    number: str = ""  # "1", "A" or ""
    part: str = ""

    @property
    def page(self) -> str:
        """The page's path from the site's root."""
        return str(self.source.with_suffix(".html"))

    @property
    def label(self) -> str:
        """What stands before the title: "1", "Appendix A" or nothing."""
        return f"Appendix {self.number}" if self.kind == "appendix" else self.number

    @property
    def to_root(self) -> str:
        """The way from the page to the site's root: "../" or nothing."""
        return "../" * (len(self.source.parts) - 1)


@dataclass(frozen=True)
class Project:
    """The book as `_quarto.yml` describes it."""

    root: Path
    title: str
    chapters: tuple[Chapter, ...]
    subtitle: str = ""
    author: str = ""
    description: str = ""
    lang: str = "en"
    site_url: str | None = None
    version: str | None = None
    downloads: tuple[str, ...] = ()
    bibliography: tuple[Path, ...] = ()
    output: str = "_book"

    @property
    def cache(self) -> Path:
        """Where everything is kept that a build can make again."""
        return self.root / ".cache"

    @property
    def pdf_name(self) -> str:
        """The PDF's file name: the title, spaces turned to hyphens."""
        return re.sub(r"\s+", "-", self.title.strip()) + ".pdf"


def load(root: Path) -> Project:
    """Read `_quarto.yml` in `root`.

    Raises
    ------
    BookError
        Where the file is missing, is not YAML, has a key or value that this renderer does not
        know, or where its list of chapters and the files on disk differ.
    """
    root = root.resolve()
    config = _read_yaml(root / "_quarto.yml")
    _check_keys(config)
    book = config["book"]
    authors = _as_list(book.get("author"))
    return Project(
        root=root,
        title=book["title"],
        chapters=_chapters(root, book),
        subtitle=book.get("subtitle", ""),
        author=", ".join(a["name"] if isinstance(a, dict) else a for a in authors),
        description=(book.get("description") or "").strip(),
        lang=config.get("lang", "en"),
        site_url=_site_url(book),
        version=_version(root),
        downloads=tuple(_as_list(book.get("downloads"))),
        bibliography=tuple(_bibliography(root, config)),
        output=config["project"].get("output-dir", "_book"),
    )


def _read_yaml(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise BookError(f"{path.name}: not found in {path.parent}. Is this a book's root?")
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise error_at(path.name, line, f"not YAML: {error.problem}") from None


def _check_keys(config: dict[str, Any]) -> None:
    found = dict(_flatten(config))
    for key in found:
        if not any(fnmatchcase(f"{key}.", f"{known}.") for known in KNOWN_KEYS):
            near = did_you_mean(key, KNOWN_KEYS)
            raise BookError(f"_quarto.yml: the key `{key}` is not known to this renderer{near}")
    for key, value in REQUIRED.items():
        if found.get(key) != value:
            raise BookError(f"_quarto.yml: `{key}` must be `{value}`, not `{found.get(key)}`")
    for key in ("book.title", "book.chapters"):
        if not found.get(key):
            raise BookError(f"_quarto.yml: `{key}` is missing")


def _flatten(config: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _as_list(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _site_url(book: dict[str, Any]) -> str | None:
    url = book.get("site-url")
    return url.rstrip("/") if url else None


def _version(root: Path) -> str | None:
    citation = root / "CITATION.cff"
    return str(_read_yaml(citation).get("version") or "") or None if citation.exists() else None


def _bibliography(root: Path, config: dict[str, Any]) -> Iterator[Path]:
    for name in _as_list(config.get("bibliography")):
        if not (root / name).is_file():
            raise BookError(f"_quarto.yml: the bibliography {name} does not exist")
        yield root / name


def _chapters(root: Path, book: dict[str, Any]) -> tuple[Chapter, ...]:
    chapters = []
    numbers = itertools.count(1)
    for source, part in _listed(book["chapters"]):
        if source == PurePosixPath("index.qmd"):
            chapters.append(Chapter(source, "index", "", part))
        elif _is_unnumbered(root, source):
            chapters.append(Chapter(source, "unnumbered", "", part))
        else:
            chapters.append(Chapter(source, "chapter", str(next(numbers)), part))
    appendices = [source for source, _ in _listed(book.get("appendices") or [])]
    for position, source in enumerate(appendices):
        if _is_unnumbered(root, source):
            raise error_at(source, None, "an appendix has a letter: take {.unnumbered} out")
        chapters.append(Chapter(source, "appendix", chr(ord("A") + position), "Appendices"))
    _check_all_listed(root, chapters)
    return tuple(chapters)


def _listed(entries: list[Any], part: str = "") -> Iterator[tuple[PurePosixPath, str]]:
    for entry in entries:
        if isinstance(entry, str):
            yield PurePosixPath(entry), part
        elif set(entry) == {"part", "chapters"} and not part:
            yield from _listed(entry["chapters"], entry["part"])
        else:
            raise BookError(f"_quarto.yml: expected a file, or part: and chapters:, not {entry}")


def _is_unnumbered(root: Path, source: PurePosixPath) -> bool:
    path = root / source
    if not path.is_file():
        raise BookError(f"_quarto.yml: the chapter {source} does not exist")
    title = re.search(r"^# .*$", path.read_text(encoding="utf-8", errors="replace"), re.M)
    return bool(title and re.search(r"\{[^}]*(\.unnumbered|-)(\s[^}]*)?\}\s*$", title[0]))


def _check_all_listed(root: Path, chapters: list[Chapter]) -> None:
    listed = [chapter.source for chapter in chapters]
    if not listed or listed[0] != PurePosixPath("index.qmd"):
        raise BookError("_quarto.yml: the first chapter must be index.qmd")
    for source in listed:
        if listed.count(source) > 1:
            raise BookError(f"_quarto.yml: the chapter {source} is listed twice")
    for path in sorted([*root.glob("*.qmd"), *root.glob("chapters/**/*.qmd")]):
        source = PurePosixPath(path.relative_to(root).as_posix())
        if source not in listed and not path.name.startswith("_"):
            raise BookError(
                f"{source}: not listed in _quarto.yml. List it there, or begin its name with `_`"
            )
