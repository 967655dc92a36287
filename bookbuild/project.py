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
from urllib.parse import quote

import yaml

from bookbuild.config import ANYTHING, FLAG, TEXT, TEXTS, WHOLE, Config, read
from bookbuild.errors import BookError, did_you_mean, error_at

# Every key that a configuration may have, and what it holds; `*` stands for anything below it.
KNOWN = {
    "project": {
        TEXT: "type output-dir execute-dir",
        TEXTS: "pre-render post-render",
    },
    "book": {
        TEXT: "title subtitle description site-url repo-url favicon sidebar.style",
        TEXTS: "downloads repo-actions",
        FLAG: "open-graph reader-mode search",
        ANYTHING: "author chapters appendices",
    },
    "crossref": {FLAG: "chapters"},
    "execute": {ANYTHING: "freeze"},
    "format.html": {
        TEXT: "html-math-method csl",
        TEXTS: "include-after-body",
        FLAG: "toc number-sections code-copy lightbox respect-user-color-scheme",
        WHOLE: "toc-depth",
        ANYTHING: "theme.* filters",
    },
    "format.typst": {
        TEXT: "papersize pdf-standard syntax-highlighting",
        TEXTS: "template-partials",
        FLAG: "toc number-sections citeproc",
        WHOLE: "toc-depth",
        ANYTHING: "filters",
    },
}
KINDS = {"lang": TEXT, "bibliography": TEXTS} | {
    f"{section}.{key}": kind
    for section, kinds in KNOWN.items()
    for kind, keys in kinds.items()
    for key in keys.split()
}

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
    repo_url: str | None = None
    version: str | None = None
    downloads: tuple[str, ...] = ()
    bibliography: tuple[Path, ...] = ()
    output: str = "_book"
    problems: tuple[str, ...] = ()  # of the configuration

    @property
    def cache(self) -> Path:
        """Where everything is kept that a build can make again."""
        return self.root / ".cache"

    @property
    def pdf_name(self) -> str:
        """The PDF's file name: the title, spaces and slashes turned to hyphens."""
        return re.sub(r"[\s/]+", "-", self.title.strip()) + ".pdf"

    @property
    def kit_name(self) -> str | None:
        """The kit's file name, made of the title's words; None without a folder `kit/`."""
        words = re.findall(r"\w+", self.title.lower())
        return "-".join([*words, "kit"]) + ".zip" if (self.root / "kit").is_dir() else None

    @property
    def kit_url(self) -> str | None:
        """Where the kit can be fetched; None unless the book is published from a repository."""
        is_public = self.site_url and self.repo_url and self.kit_name
        return f"{self.site_url}/{quote(self.kit_name or '')}" if is_public else None


def load(root: Path) -> Project:
    """Read `_quarto.yml` in `root`, and the version in CITATION.cff.

    Raises
    ------
    BookError
        Where the file is missing, is not YAML, or names no chapters. What else is wrong is among
        the project's `problems`, so that it can be told with what is wrong in the chapters.
    """
    root = root.resolve()
    config = read(root / "_quarto.yml")
    _check_keys(config)
    version, more = _version(root)
    texts = {key: config.values.get(key, "") for key, kind in KINDS.items() if kind == TEXT}
    return Project(
        root=root,
        title=texts["book.title"],
        chapters=_chapters(root, config),
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
        problems=(*map(str, config.problems), *map(str, more)),
    )


def _check_keys(config: Config) -> None:
    for key in config.values:
        if not any(fnmatchcase(f"{key}.", f"{known}.") for known in KINDS):
            near = did_you_mean(key, KINDS)
            config.problem(key, f"the key `{key}` is not known to this renderer{near}")
    config.check(KINDS)
    for key, value in REQUIRED.items():
        if config.values.get(key) != value:
            found = config.values.get(key)
            config.problem(key, f"`{key}` must be `{value}`, not `{found}`")
    for key in ("book.title", "book.chapters"):
        if key not in config.nodes:
            config.problem(None, f"`{key}` is missing")
    for name in config.texts("book.downloads"):
        if name != "pdf":
            config.problem("book.downloads", f"`{name}` is no download that is known: write pdf")
    lang = config.values.get("lang", "en")
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", lang):
        config.problem("lang", f"`lang` must be a language's code, as en or en-GB, not {lang}")


def _output(root: Path, config: Config) -> str:
    """Return the site's folder; what lies in it is replaced, so it must be the site's alone."""
    name = config.values.get("project.output-dir", "_book")
    folder = (root / name).resolve()
    is_free = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    if folder == root or not folder.is_relative_to(root):
        config.problem("project.output-dir", f"`{name}` must be a folder within the project")
    elif not is_free and not any(folder.rglob("*.html")):
        message = f"`{name}` holds other things than a site, which would be lost: name another"
        config.problem("project.output-dir", message)
    return name


def _authors(config: Config) -> Iterator[str]:
    value = config.values.get("book.author", [])
    for author in value if isinstance(value, list) else [value]:
        name = author.get("name") if isinstance(author, dict) else author
        if isinstance(name, str):
            yield name
        else:
            expected = "a name, or a list of names"
            config.problem("book.author", f"`book.author` must be {expected}, not {author}")


def _version(root: Path) -> tuple[str | None, list[BookError]]:
    if not (root / "CITATION.cff").exists():
        return None, []
    config = read(root / "CITATION.cff")
    config.check({"version": TEXT})
    return config.values.get("version"), config.problems


def _bibliography(root: Path, config: Config) -> Iterator[Path]:
    for name in config.texts("bibliography"):
        if (root / name).is_file():
            yield root / name
        else:
            config.problem("bibliography", f"the bibliography {name} does not exist")


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
    for position, (source, _) in enumerate(_sources(root, config, "book.appendices")):
        if _is_unnumbered(root, source):
            message = "an appendix has a letter: take {.unnumbered} out"
            config.problems.append(error_at(source, None, message))
        chapters.append(Chapter(source, "appendix", chr(ord("A") + position), "Appendices"))
    if not chapters:
        raise BookError("\n".join(map(str, config.problems)))
    _check_all_listed(root, config, chapters)
    return tuple(chapters)


def _sources(root: Path, config: Config, key: str) -> Iterator[tuple[PurePosixPath, str]]:
    """Yield each chapter that is there, with its part."""
    for source, part, node in _listed(config, config.nodes.get(key)):
        if (root / source).is_file():
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
        elif set(keys) == {"part", "chapters"} and not part and _is_name(keys["part"]):
            yield from _listed(config, keys["chapters"], keys["part"].value)
        else:
            config.problem(item, "expected a file, or part: and chapters: (a name and a list)")


def _is_map(node: yaml.Node) -> bool:
    return isinstance(node, yaml.MappingNode)


def _is_name(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and bool(node.value.strip())


def _is_unnumbered(root: Path, source: PurePosixPath) -> bool:
    text = (root / source).read_text(encoding="utf-8-sig", errors="replace")
    title = re.search(r"^# .*$", text, re.M)
    return bool(title and re.search(r"\{[^}]*(\.unnumbered|-)(\s[^}]*)?\}\s*$", title[0]))


def _check_all_listed(root: Path, config: Config, chapters: list[Chapter]) -> None:
    listed = [chapter.source for chapter in chapters]
    if listed[0] != PurePosixPath("index.qmd"):
        config.problem("book.chapters", "the first chapter must be index.qmd")
    for source in dict.fromkeys(source for source in listed if listed.count(source) > 1):
        config.problem("book.chapters", f"the chapter {source} is listed twice")
    for path in sorted([*root.glob("*.qmd"), *root.glob("chapters/**/*.qmd")]):
        source = PurePosixPath(path.relative_to(root).as_posix())
        if source not in listed and not any(_is_aside(part) for part in source.parts):
            message = "not listed in _quarto.yml. List it there, or begin its name with `_`"
            config.problems.append(error_at(source, None, message))


def _is_aside(name: str) -> bool:
    """Say whether a file or folder is no chapter: the author's notes, an editor's copies."""
    return name.startswith(("_", ".", "#", "~"))
