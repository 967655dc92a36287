"""Books for tests: a small one to edit and break, and the probe book, which has everything once."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

from bookbuild.__main__ import main

PROBE = Path(__file__).parent / "probe"

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


class SmallBook:
    """A book of a preface and one chapter in a folder of its own."""

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

    def copy(self, root: Path) -> SmallBook:
        """Return a copy of the book in another folder, with what has been built of it."""
        shutil.copytree(self.root, root)
        other = copy.copy(self)
        other.root = root
        return other

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def chapter(self, body: str) -> None:
        """Give the chapter another body under the same title; it begins at line 3."""
        self.write("chapters/one.qmd", f"# One {{#sec-one}}\n\n{body}\n")

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def run(self, *command: str) -> int:
        return main(["--root", str(self.root), *command])

    def page(self, name: str = "chapters/one.html") -> str:
        return (self.root / "_book" / name).read_text(encoding="utf-8")


def probe_book(folder: Path) -> Path:
    """Copy the sources of the probe book into a new folder."""
    made = shutil.ignore_patterns("_book", ".cache", "__pycache__")
    return Path(shutil.copytree(PROBE, folder, ignore=made))
