"""Prepare what Quarto needs to render: the data, the cells' results and the citation style.

The results come from the cache that `make book` and `make test` use; chapters that have changed are
executed. Quarto reads the results from `_freeze/` (see freeze.py).
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # Quarto runs this as a script

from quarto.own_python import ROOT, use_own_python


def write_style(path: Path, language: str) -> None:
    """Write pandoc's own citation style with the book's language as its default.

    Quarto generates the list of references without passing the language to pandoc, so the
    quotation marks would be American whatever `lang` is.
    """
    import pypandoc

    pandoc = [pypandoc.get_pandoc_path(), "--print-default-data-file=default.csl"]
    style = subprocess.run(pandoc, check=True, capture_output=True, text=True).stdout
    style = re.sub(r' default-locale="[^"]*"', "", style)
    path.parent.mkdir(exist_ok=True)
    path.write_text(style.replace("<style ", f'<style default-locale="{language}" ', 1), "utf-8")


def main() -> int:
    """Prepare the data, the style and the results; return the exit status."""
    use_own_python()
    from bookbuild import BookError, load
    from quarto.freeze import freeze

    if subprocess.run([sys.executable, "-m", "data.prepare"], cwd=ROOT).returncode:
        return 1
    try:
        project = load(ROOT)
        write_style(ROOT / ".cache/references.csl", project.lang)
        count = freeze(project)
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"quarto: the results of {count} chapters are in _freeze/; Quarto executes nothing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
