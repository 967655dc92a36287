"""Load a book's configuration from `_quarto.yml`, with its chapters in order and their numbers.

Of a chapter's own text only one thing is read, since the numbers depend on it: whether its title is
unnumbered. `qmd.py` reads the rest.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import yaml

from bookbuild.source.config import ANYTHING, FLAG, TEXT, TEXTS, WHOLE, Config, read
from bookbuild.source.errors import BookError, did_you_mean, error_at
from bookbuild.source.settings import Settings, read_settings

# Every supported key, by section and type; `*` matches any key below it. README.md has the table.
KEYS = {
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
KEY_TYPES = {"lang": TEXT, "bibliography": TEXTS} | {
    f"{section}.{key}": expected
    for section, types in KEYS.items()
    for expected, keys in types.items()
    for key in keys.split()
}

# Keys of which this renderer supports one value only.
REQUIRED = {
    "project.type": "book",
    "project.execute-dir": "project",
    "format.html.html-math-method": "mathml",
    "crossref.chapters": True,
}


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
    _check_keys(config)
    settings, setting_problems = read_settings(root)
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
        problems=(*map(str, [*config.problems, *setting_problems, *version_problems]),),
    )


def _check_keys(config: Config) -> None:
    for key in config.values:
        if not any(fnmatchcase(f"{key}.", f"{known}.") for known in KEY_TYPES):
            near = did_you_mean(key, KEY_TYPES)
            config.problem(key, f"the key `{key}` is not known to this renderer{near}")
    config.check(KEY_TYPES)
    for key, value in REQUIRED.items():
        if (actual := config.values.get(key)) != value:
            config.problem(key, f"`{key}` must be `{value}`, not `{actual}`")
    for key in ("book.title", "book.chapters"):
        if key not in config.nodes:
            config.problem(None, f"`{key}` is missing")
    for name in config.texts("book.downloads"):
        if name != "pdf":
            config.problem(
                "book.downloads", f"unknown download format `{name}`; only `pdf` is supported"
            )
    lang = config.values.get("lang", "en")
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", lang):
        config.problem("lang", f"`lang` must be a language code such as en or en-GB, not {lang}")


def _output(root: Path, config: Config) -> str:
    """Return the site's folder; the build replaces all of it, so it must hold nothing else."""
    name = config.values.get("project.output-dir", "_book")
    folder = (root / name).resolve()
    is_free = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    if folder == root or not folder.is_relative_to(root):
        config.problem(
            "project.output-dir", f"output-dir `{name}` must be a folder inside the project"
        )
    elif not is_free and not any(folder.rglob("*.html")):
        message = f"output-dir `{name}` contains other files that the build would delete; "
        message += "choose another folder"
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
            message = "an appendix is lettered; remove {.unnumbered}"
            config.problems.append(error_at(source, None, message))
        chapters.append(Chapter(source, "appendix", chr(ord("A") + position), "Appendices"))
    if not chapters:
        raise BookError("\n".join(map(str, config.problems)))
    _check_all_listed(root, config, chapters)
    return tuple(chapters)


def _sources(root: Path, config: Config, key: str) -> Iterator[tuple[PurePosixPath, str]]:
    """Yield each chapter that exists, with its part."""
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
            config.problem(item, "expected a file, or `part:` (a name) with `chapters:` (a list)")


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
        if source not in listed and not any(_is_set_aside(part) for part in source.parts):
            message = "not listed in _quarto.yml; list it there, or start its name with `_`"
            config.problems.append(error_at(source, None, message))


def _is_set_aside(name: str) -> bool:
    """Return whether a file or folder is not a chapter: an author's notes, an editor's copies."""
    return name.startswith(("_", ".", "#", "~"))
