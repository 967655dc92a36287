"""The book with all that was found out about it: what pages, PDF and notebooks are made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from bookbuild.project import BookError, Chapter, Project
from bookbuild.qmd import Source
from bookbuild.weave import Woven


@dataclass
class Book:
    """All chapters, executed and woven, and what each holds for the others."""

    project: Project
    sources: dict[Chapter, Source]
    results: dict[Chapter, dict[str, Any]]
    wovens: dict[Chapter, Woven]
    found: dict[Chapter, dict[str, Any]]

    def own_pictures(self, chapter: Chapter) -> dict[str, Path]:
        """Return the pictures that no cell draws: path as the text has it, path from the root."""
        root, drawn = self.project.root, self.wovens[chapter].pictures
        files = {
            path: (root / chapter.source.parent / unquote(path)).resolve()
            for path in self.found[chapter]["pictures"]
            if unquote(path) not in drawn
        }
        for file in files.values():
            if not file.is_relative_to(root):
                raise BookError(f"{file}: a picture must lie in the project's folder")
        return {path: file.relative_to(root) for path, file in files.items()}
