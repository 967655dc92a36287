"""Load a book's configuration from `_quarto.yml`, with its chapters in order and their numbers.

The only thing that it reads from a chapter's text is whether the title is unnumbered, since the
chapter numbers depend on it. `qmd.py` reads the rest.
"""

from __future__ import annotations

import itertools
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import yaml

from bookbuild.source import bibliography
from bookbuild.source.config import ANYTHING, FLAG, TEXT, TEXTS, WHOLE, Config, read
from bookbuild.source.errors import BookError, did_you_mean, error_at
from bookbuild.source.settings import Settings, read_settings

# Every supported key, by section and type. README.md has the table.
KEYS = {
    "project": {TEXT: "type output-dir execute-dir"},
    "book": {
        TEXT: "title subtitle description site-url repo-url favicon sidebar.style",
        TEXTS: "downloads",
        FLAG: "open-graph search",
        ANYTHING: "author chapters appendices",
    },
    "crossref": {FLAG: "chapters"},
    "format": {TEXT: "html typst"},
    "format.html": {
        TEXT: "html-math-method",
        FLAG: "toc number-sections code-copy lightbox respect-user-color-scheme",
        WHOLE: "toc-depth",
    },
    "format.typst": {TEXT: "papersize", FLAG: "toc number-sections"},
}
KEY_TYPES = {"lang": TEXT, "bibliography": TEXTS} | {
    f"{section}.{key}": expected
    for section, types in KEYS.items()
    for expected, keys in types.items()
    for key in keys.split()
}

# Keys with only one supported value. Those of the first table must be set, since Quarto's defaults
# are different.
REQUIRED = {"project.type": "book", "project.execute-dir": "project"}
ONE_VALUE = REQUIRED | {
    "crossref.chapters": True,
    "book.open-graph": True,
    "book.sidebar.style": "docked",
    "format.html": "default",
    "format.typst": "default",
    "format.html.html-math-method": "mathml",
    "format.html.number-sections": True,
    "format.html.code-copy": True,
    "format.html.lightbox": True,
    "format.html.respect-user-color-scheme": True,
    "format.typst.toc": True,
    "format.typst.number-sections": True,
}
HEADER = re.compile(r"\A---[ \t]*\n.*?^(?:---|\.\.\.)[ \t]*$", re.DOTALL | re.MULTILINE)
LOCAL = "_quarto.yml.local"  # Quarto reads it, too
PAPER_SIZES = {"a3": "a3", "a4": "a4", "a5": "a5", "us-letter": "us-letter", "letter": "us-letter"}
LONGEST_TITLE = 200  # characters: a file has this name, with an ending
SITE_FOLDERS = ("assets", "live", "pagefind")
TOC_DEPTHS = range(1, 7)


@dataclass(frozen=True)
class Chapter:
    """One source file of the book, with its number and part."""

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
        """The label before the title: "1", "Appendix A" or nothing."""
        return f"Appendix {self.number}" if self.kind == "appendix" else self.number

    @property
    def to_root(self) -> str:
        """The relative path from the page to the site's root: "../" or nothing."""
        return "../" * (len(self.source.parts) - 1)


@dataclass(frozen=True)
class Project:
    """A book's configuration."""

    root: Path
    title: str
    chapters: tuple[Chapter, ...]
    settings: Settings = field(default_factory=Settings)
    subtitle: str = ""
    author: str = ""
    description: str = ""
    lang: str = "en"
    site_url: str | None = None
    repo_url: str | None = None
    version: str | None = None
    downloads: tuple[str, ...] = ()
    bibliography: tuple[Path, ...] = ()
    output: str = "_book"
    favicon: Path | None = None
    has_search: bool = True
    toc_depth: int = 3  # 0 for no table of contents on the pages
    paper: str = "a4"
    problems: tuple[str, ...] = ()  # in the configuration

    @property
    def cache(self) -> Path:
        """The folder of everything that a build can make again."""
        return self.root / ".cache"

    @property
    def pdf_name(self) -> str:
        """The PDF's file name: the title with hyphens for spaces and slashes."""
        return re.sub(r"[\s/]+", "-", self.title.strip()) + ".pdf"

    @property
    def kit_name(self) -> str | None:
        """The kit's file name, made of the title's words; None if the book has no kit."""
        words = re.findall(r"\w+", self.title.lower())
        has_kit = self.settings.kit and (self.root / self.settings.kit).is_dir()
        return "-".join([*words, "kit"]) + ".zip" if has_kit else None

    @property
    def kit_url(self) -> str | None:
        """The kit's web address; None unless the book is published from a repository."""
        is_public = self.site_url and self.repo_url and self.kit_name
        return f"{self.site_url}/{quote(self.kit_name or '')}" if is_public else None


def load(root: Path) -> Project:
    """Read `_quarto.yml`, CITATION.cff and the settings in pyproject.toml of the book at `root`.

    Raises
    ------
    BookError
        If `_quarto.yml` is missing, is not YAML, or lists no chapters. All other mistakes become
        the project's `problems`, to be reported together with those in the chapters.
    """
    root = root.resolve()
    config = read(root / "_quarto.yml")
    settings, setting_problems = read_settings(root)
    _check_keys(config, settings)
    _check_values(config)
    version, version_problems = _version(root)
    texts = {key: config.values.get(key, "") for key, kind in KEY_TYPES.items() if kind == TEXT}
    return Project(
        root=root,
        title=texts["book.title"],
        chapters=_chapters(root, config),
        settings=settings,
        subtitle=texts["book.subtitle"],
        author=", ".join(_authors(config)),
        description=texts["book.description"].strip(),
        lang=texts["lang"] or "en",
        site_url=texts["book.site-url"].rstrip("/") or None,
        repo_url=texts["book.repo-url"].rstrip("/") or None,
        version=version,
        downloads=tuple(config.texts("book.downloads")),
        bibliography=tuple(_bibliography(root, config)),
        output=_output(root, config),
        favicon=_favicon(root, config),
        has_search=config.values.get("book.search", True),
        toc_depth=_toc_depth(config),
        paper=_paper(config),
        problems=(*map(str, [*config.problems, *setting_problems, *version_problems]),),
    )


def _check_keys(config: Config, settings: Settings) -> None:
    for key in [*config.values]:
        if _is_for_quarto(key, settings):
            del config.values[key]
        elif key not in KEY_TYPES:
            section = key[: key.rfind(".") + 1]
            names = [k.removeprefix(section) for k in KEY_TYPES if k.startswith(section)]
            near = did_you_mean(key.removeprefix(section), names)
            near = near.replace("mean ", f"mean {section}")
            message = f"the key `{key}` with {config.shown(key)} is not supported{near}: remove it"
            alone = "list it under `quarto-only` in [tool.bookbuild] of pyproject.toml"
            config.problem(key, f"{message}, or {alone}")
    for key, node in config.empty.items():
        is_section = any(known.startswith(f"{key}.") for known in KEY_TYPES)
        if not (key in KEY_TYPES or is_section or _is_for_quarto(key, settings)):
            config.problem(node, f"the key `{key}` is not supported: remove it")
    config.check(KEY_TYPES)
    for key in ("book.title", "book.chapters", *REQUIRED):
        if key not in config.nodes:
            value = f"; set it to `{REQUIRED[key]}`" if key in REQUIRED else ""
            config.problem(None, f"`{key}` is missing{value}")


def _is_for_quarto(key: str, settings: Settings) -> bool:
    return any(fnmatchcase(f"{key}.", f"{known}.*") for known in settings.quarto_only)


def _check_values(config: Config) -> None:
    """Record the values that only Quarto supports."""
    title = config.values.get("book.title", "title")
    if not 0 < len(title) <= LONGEST_TITLE or not re.search(r"\w", title):
        message = f"`title` must have letters, and at most {LONGEST_TITLE} characters"
        config.problem("book.title", message)
    for key, value in ONE_VALUE.items():
        if (actual := config.values.get(key, value)) != value:
            only = f"is not supported, only `{_yaml(value)}`"
            config.problem(key, f"`{key}` with `{_yaml(actual)}` {only}")
    for name in config.texts("book.downloads"):
        if name != "pdf":
            message = f"the download format `{name}` is not supported, only `pdf`"
            config.problem("book.downloads", message)
    lang = config.values.get("lang", "en")
    if not re.fullmatch(r"en(-[A-Za-z0-9]{2,8})*", lang):
        message = f"`lang` with {lang} is not supported, only English, such as en or en-GB"
        config.problem("lang", f"{message}: the renderer's own words are English")


def _yaml(value: Any) -> str:
    """Return a value as YAML writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _favicon(root: Path, config: Config) -> Path | None:
    if not (name := config.values.get("book.favicon")):
        return None
    if (root / name).is_file() and _is_inside(root, name):
        return root / name
    config.problem("book.favicon", f"the favicon {name} is not a file of the project")
    return None


def _is_inside(root: Path, name: str | PurePosixPath) -> bool:
    """Return whether a path, whose links are not followed, is below the project's root."""
    path = Path(os.path.normpath(root / name))
    return path != root and path.is_relative_to(root)


def _toc_depth(config: Config) -> int:
    depth = config.values.get("format.html.toc-depth", 3)
    if depth not in TOC_DEPTHS:
        message = f"`toc-depth` with {depth} is not supported, only 1 to 6"
        config.problem("format.html.toc-depth", message)
    return depth if config.values.get("format.html.toc", True) else 0


def _paper(config: Config) -> str:
    name = config.values.get("format.typst.papersize", "a4")
    if name not in PAPER_SIZES:
        known = ", ".join(PAPER_SIZES)
        message = f"`papersize` with {name} is not supported, only {known}"
        config.problem("format.typst.papersize", message)
    return PAPER_SIZES.get(name, "a4")


def _output(root: Path, config: Config) -> str:
    """Return the site's folder, which must be below the project's root; it may be a link."""
    name = config.values.get("project.output-dir", "_book")
    folder, cache = Path(os.path.realpath(root / name)), root / ".cache"
    sources = [cache, *root.glob("*.qmd"), *root.glob("chapters/**/*.qmd")]
    if not _is_inside(root, name):
        message = f"output-dir `{name}` must be a folder inside the project"
        config.problem("project.output-dir", message)
    elif (root / name).is_file() or PurePosixPath(name).parts[0].startswith("."):
        message = f"output-dir `{name}` must be a folder of its own, not a file or hidden"
        config.problem("project.output-dir", message)
    elif folder.is_relative_to(cache) or any(path.is_relative_to(folder) for path in sources):
        message = f"output-dir `{name}` must not hold the book's sources or its cache"
        config.problem("project.output-dir", message)
    return name


def _authors(config: Config) -> Iterator[str]:
    value = config.values.get("book.author", [])
    for author in value if isinstance(value, list) else [value]:
        is_only_name = isinstance(author, dict) and set(author) == {"name"}
        name = author["name"] if is_only_name else author
        if isinstance(name, str):
            yield name
        else:
            message = f"`book.author` with {author} is not supported, only names"
            config.problem("book.author", message)


def _version(root: Path) -> tuple[str | None, list[BookError]]:
    if not (root / "CITATION.cff").exists():
        return None, []
    config = read(root / "CITATION.cff")
    config.check({"version": TEXT})
    return config.values.get("version"), config.problems


def _bibliography(root: Path, config: Config) -> Iterator[Path]:
    for name in config.texts("bibliography"):
        if not (root / name).is_file():
            config.problem("bibliography", f"the bibliography {name} does not exist")
        elif Path(name).suffix not in (".bib", ".bibtex"):
            message = f"the bibliography {name} is not supported, only .bib files"
            config.problem("bibliography", message)
        elif message := _undecodable(root / name):
            config.problem("bibliography", f"the bibliography {name} is {message}")
        else:
            text = (root / name).read_text(encoding="utf-8-sig")
            mistakes = bibliography.problems(text)
            config.problems += [error_at(name, line, message) for line, message in mistakes]
            yield root / name


def _undecodable(file: Path) -> str:
    """Return why a file cannot be read as text, or nothing."""
    try:
        file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return f"not UTF-8 text in line {line}; save it as UTF-8"
    return ""


# The chapters


def _chapters(root: Path, config: Config) -> tuple[Chapter, ...]:
    chapters = []
    numbers = itertools.count(1)
    for source, part in _sources(root, config, "book.chapters"):
        if source == PurePosixPath("index.qmd"):
            chapters.append(Chapter(source, "index", "", part))
        elif _is_unnumbered(root, source):
            chapters.append(Chapter(source, "unnumbered", "", part))
        else:
            chapters.append(Chapter(source, "chapter", str(next(numbers)), part))
    for position, (source, part) in enumerate(_sources(root, config, "book.appendices")):
        if part:
            message = f"the part `{part}` is not supported among the appendices: list its chapters"
            config.problem("book.appendices", message)
        if _is_unnumbered(root, source):
            message = "an appendix is lettered; remove {.unnumbered}"
            config.problems.append(error_at(source, None, message))
        chapters.append(Chapter(source, "appendix", _letters(position), "Appendices"))
    if not chapters:
        raise BookError("\n".join(map(str, config.problems)))
    _check_all_listed(root, config, chapters)
    _check_other_files(root, config, chapters)
    return tuple(chapters)


def _letters(position: int) -> str:
    """Return an appendix's number: A to Z, then AA, AB, …"""
    rest, last = divmod(position, 26)
    return (_letters(rest - 1) if rest else "") + chr(ord("A") + last)


def _sources(root: Path, config: Config, key: str) -> Iterator[tuple[PurePosixPath, str]]:
    """Yield each chapter that exists, with its part."""
    for source, part, node in _listed(config, config.nodes.get(key)):
        if source.suffix != ".qmd":
            message = f"the chapter {source} is not supported, only .qmd files"
            config.problem(node, f"{message}; convert it with `quarto convert`")
        elif not _is_inside(root, source) or ".." in source.parts:
            config.problem(node, f"the chapter {source} is not in the project's folder")
        elif source.parts[0] in SITE_FOLDERS:
            message = f"the site has a folder {source.parts[0]} of its own; move {source}"
            config.problem(node, message)
        elif (root / source).is_file():
            yield source, part
        else:
            config.problem(node, f"the chapter {source} does not exist")


def _listed(
    config: Config, node: yaml.Node | None, part: str = ""
) -> Iterator[tuple[PurePosixPath, str, yaml.Node]]:
    for item in node.value if isinstance(node, yaml.SequenceNode) else [node] if node else []:
        keys = {key.value: value for key, value in item.value} if _is_map(item) else {}
        if isinstance(item, yaml.ScalarNode):
            yield PurePosixPath(item.value), part, item
        elif "part" in keys and _is_name(keys["part"]) and _is_file(keys["part"].value):
            message = f"the part {keys['part'].value} with a page of its own is not supported"
            config.problem(
                item, f"{message}; name the part, and list the page as its first chapter"
            )
        elif set(keys) == {"part", "chapters"} and not part and _is_name(keys["part"]):
            if keys["chapters"].value in ([], ""):
                config.problem(item, f"the part {keys['part'].value} has no chapters; list some")
            else:
                yield from _listed(config, keys["chapters"], keys["part"].value)
        else:
            expected = "expected a file, or `part:` (a name) with `chapters:` (a list)"
            config.problem(item, f"{expected}; other entries are not supported")


def _is_map(node: yaml.Node) -> bool:
    return isinstance(node, yaml.MappingNode)


def _is_name(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and bool(node.value.strip())


def _is_file(name: str) -> bool:
    return name.endswith((".qmd", ".md", ".ipynb", ".Rmd"))


def _is_unnumbered(root: Path, source: PurePosixPath) -> bool:
    text = (root / source).read_text(encoding="utf-8-sig", errors="replace")
    text = HEADER.sub("", text, count=1)  # whose comments begin with #, too
    title = re.search(r"^# .*$", text, re.M)
    return bool(title and re.search(r"\{[^}]*(\.unnumbered|-)(\s[^}]*)?\}\s*$", title[0]))


def _check_all_listed(root: Path, config: Config, chapters: list[Chapter]) -> None:
    listed = Counter(chapter.source for chapter in chapters)
    if chapters[0].source != PurePosixPath("index.qmd"):
        config.problem("book.chapters", "the first chapter must be index.qmd")
    for source in (source for source, count in listed.items() if count > 1):
        config.problem("book.chapters", f"the chapter {source} is listed twice")
    for path in sorted([*root.glob("*.qmd"), *root.glob("chapters/**/*.qmd")]):
        source = PurePosixPath(path.relative_to(root).as_posix())
        if source not in listed and not any(_is_set_aside(part) for part in source.parts):
            message = "not listed in _quarto.yml; list it there, or start its name with `_`"
            config.problems.append(error_at(source, None, message))


def _check_other_files(root: Path, config: Config, chapters: list[Chapter]) -> None:
    """Record the files from which Quarto reads further keys."""
    folders = sorted({chapter.source.parent for chapter in chapters})
    for source in (PurePosixPath(LOCAL), *(folder / "_metadata.yml" for folder in folders)):
        if (root / source).is_file():
            message = "this file is not supported: move its keys to _quarto.yml, and remove it"
            config.problems.append(error_at(source, None, message))


def _is_set_aside(name: str) -> bool:
    """Return whether a file or folder is not a chapter: an author's notes, an editor's copies."""
    return name.startswith(("_", ".", "#", "~"))
