"""Books for tests: a small one to edit and break, and the probe book, which has everything once."""

from __future__ import annotations

import copy
import json
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import pytest

from bookbuild import BookError
from bookbuild.cli.build import check_sources, read
from bookbuild.cli.main import main
from bookbuild.render.book import Rendered
from bookbuild.render.pandoc import render
from bookbuild.render.weave import placeholder_results, weave
from bookbuild.source.project import load

PROBE = Path(__file__).parents[1] / "probe"

CONFIGURATION = """
project:
  type: book
  execute-dir: project
book:
  title: Small book
  chapters: [index.qmd, chapters/one.qmd]
bibliography: references.bib
crossref:
  chapters: true
format:
  html:
    html-math-method: mathml
"""

CHAPTER = """# One {#sec-one}

Some prose with `{python} 40 + 2` in it.

```{python}
#| label: first
from helper import VALUE

print("first", VALUE)
```
"""

# Settings unlike those of any real book, so that a test notices a name built into the renderer.
CONVENTIONS = {
    "data": "measurements",
    "data_manifest": "measurements/state.json",
    "data_command": "task measure",
    "data_program": "python -m measurements.collect",
    "kit": "handout",
    "kit_extra": ["COPYING", "measurements/ABOUT.md", "measurements/__init__.py"],
    "quarto_only": ["book.reader-mode"],
    "quarto_command": "task book --quarto",
    "live_figures": "drawings/moving",
    "watch": ["notes/**/*"],
    "binder_path": "lab/tree/unpacked",
    "preview_command": "task preview --port={port}",
}


def located(messages: str, file: str = "chapters/one.qmd") -> list[tuple[int, str]]:
    """Return the line and the rest of each message; all must be about one file."""
    found = [*_located(messages)]
    assert {name for name, *_ in found} <= {file}, messages
    return [(line, message) for _, line, message in found]


def _located(messages: str) -> Iterator[tuple[str, int, str]]:
    """Yield the file, the line and the rest of each message."""
    for each in messages.removeprefix("error: ").splitlines():
        match = re.fullmatch(r"(\S+\.qmd):(\d+): (.*)", each)
        assert match, messages
        yield match[1], int(match[2]), match[3]


class SmallBook:
    """A book with a preface and one chapter, in its own folder.

    It has no pyproject.toml, so no data, kit or live figures, until `configure` writes one.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("_quarto.yml", CONFIGURATION)
        self.write("index.qmd", "# Preface {.unnumbered}\n\nSee @sec-one.\n")
        self.write("chapters/one.qmd", CHAPTER)
        self.write(
            "references.bib", "@book{known1925, title = {T}, author = {A, B}, year = 1925}\n"
        )
        self.write("helper.py", "VALUE = 1\n")
        self.write("requirements.txt", "polars==2.1.0\n")

    def configure(self, **settings: str | list[str]) -> None:
        """Write these settings of [tool.bookbuild], or by default all of `CONVENTIONS`."""
        lines = [
            f"{name.replace('_', '-')} = {json.dumps(value)}"
            for name, value in (settings or CONVENTIONS).items()
        ]
        self.write("pyproject.toml", "\n".join(["[tool.bookbuild]", *lines, ""]))

    def copy(self, root: Path) -> SmallBook:
        """Return a copy of the book in another folder, including anything built."""
        shutil.copytree(self.root, root)
        other = copy.copy(self)
        other.root = root
        return other

    def write(self, name: str, text: str) -> None:
        """Write a file of the book."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def chapter(self, body: str) -> None:
        """Replace the chapter's body, which begins at line 3, under the same title."""
        self.write("chapters/one.qmd", f"# One {{#sec-one}}\n\n{body}\n")

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text, which must be there, in a file of the book."""
        text = (self.root / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def add_pdf(self) -> None:
        """Add a PDF to the book's formats."""
        self.edit("_quarto.yml", "  title:", "  downloads: [pdf]\n  title:")

    def add_chapter(self, name: str, text: str) -> None:
        """Add a chapter, chapters/`name`.qmd, after the others."""
        self.edit("_quarto.yml", ".qmd]", f".qmd, chapters/{name}.qmd]")
        self.write(f"chapters/{name}.qmd", text)

    def run(self, *command: str) -> int:
        """Run a command of bookbuild on the book; return its exit status."""
        return main(["--root", str(self.root), *command])

    def add_cases(self, bodies: Iterable[str]) -> list[str]:
        """Add a chapter for each body, which begins at line 3; return the chapters' names.

        Building or checking all cases takes little longer than one.
        """
        names = []
        for number, body in enumerate(bodies):
            names.append(f"case-{number}")
            self.write(f"chapters/{names[-1]}.qmd", f"# Case {{#sec-{names[-1]}}}\n\n{body}\n")
        listed = "".join(f", chapters/{name}.qmd" for name in names)
        self.edit("_quarto.yml", ".qmd]", f".qmd{listed}]")
        return names

    def problems(self, bodies: Iterable[str]) -> list[list[tuple[int, str]]]:
        """Add a chapter for each body and check the book once; return their lines and messages."""
        names = self.add_cases(bodies)
        with pytest.raises(BookError) as raised:
            check_sources(load(self.root))
        found: dict[str, list[tuple[int, str]]] = {name: [] for name in names}
        for file, line, message in _located(str(raised.value)):
            found[PurePosixPath(file).stem].append((line, message))
        return [*found.values()]

    def render(self) -> list[Rendered]:
        """Check the book without executing it and return its rendered chapters."""
        project = load(self.root)
        check_sources(project)
        wovens = {c: weave(s, placeholder_results(s)) for c, s in read(project).items()}
        # what the check has just rendered, from the cache
        return [*render(project, wovens, formats=("html", "typst")).values()]

    def page(self, name: str = "chapters/one.html") -> str:
        """Return the HTML of a page of the built site."""
        return (self.root / "_book" / name).read_text(encoding="utf-8")

    def site(self) -> dict[str, bytes]:
        """Return all files of the built site by path."""
        folder = self.root / "_book"
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def probe_book(folder: Path) -> Path:
    """Copy the sources of the probe book into a new folder."""
    ignored = shutil.ignore_patterns("_book", ".cache", "__pycache__")
    return Path(shutil.copytree(PROBE, folder, ignore=ignored))
