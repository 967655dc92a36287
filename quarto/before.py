"""What must stand before Quarto renders: the data, what the cells give, the style of references.

The data are those of `make data`. The cells' results are those of `make book` and `make test`,
from the same cache or executed now; Quarto finds them in `_freeze/` (see freeze.py).
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from own_python import ROOT, use_own_python


def write_style(path: Path, language: str) -> None:
    """Write pandoc's own citation style in the book's language.

    Quarto makes the list of references without telling pandoc the language, so that its quotation
    marks would be American whatever `lang` is.
    """
    import pypandoc

    pandoc = [pypandoc.get_pandoc_path(), "--print-default-data-file=default.csl"]
    style = subprocess.run(pandoc, check=True, capture_output=True, text=True).stdout
    style = re.sub(r' default-locale="[^"]*"', "", style)
    path.parent.mkdir(exist_ok=True)
    path.write_text(style.replace("<style ", f'<style default-locale="{language}" ', 1), "utf-8")


def main() -> int:
    """Prepare the data and freeze the results; return the exit status."""
    use_own_python()
    from freeze import freeze

    from bookbuild import project
    from bookbuild.errors import BookError

    if subprocess.run([sys.executable, ROOT / "data" / "prepare.py"]).returncode:
        return 1
    try:
        book = project.load(ROOT)
        write_style(ROOT / ".cache/references.csl", book.lang)
        frozen = freeze(book)
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"quarto: the results of {frozen} chapters are in _freeze/, Quarto executes nothing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
