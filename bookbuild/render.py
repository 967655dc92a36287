"""The one call of pandoc: all woven chapters to what they hold, and to HTML, Typst and notebooks.

`lua/book.lua` does the work in a single process. Its answer is kept; it stays valid while the
texts, the bibliography, the program and the pictures that pandoc measured are the same.
"""

from __future__ import annotations

import json
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from bookbuild.book import Rendered
from bookbuild.errors import BookError
from bookbuild.project import Chapter, Project
from bookbuild.store import digest, kept
from bookbuild.weave import Woven

PROGRAM = Path(__file__).parent / "lua"
FORMATS = ("html", "typst", "notebook")


def render(
    project: Project, wovens: dict[Chapter, Woven], formats: tuple[str, ...] = FORMATS
) -> dict[Chapter, Rendered]:
    """Return what pandoc finds in each chapter and its text in each format.

    Raises
    ------
    BookError
        Where pandoc itself fails. What is wrong in the text is among what it finds.
    """
    job = json.dumps(_job(project, wovens, formats), ensure_ascii=False)
    parts = [version("pypandoc_binary"), job]
    parts += [path.read_text(encoding="utf-8") for path in sorted(PROGRAM.glob("*.lua"))]
    parts += [path.read_text(encoding="utf-8") for path in project.bibliography]

    def run(path: Path) -> None:
        answers = json.loads(_pandoc(job))
        measured = _digests(project, list(wovens), answers)
        path.write_text(json.dumps([answers, measured], ensure_ascii=False), encoding="utf-8")

    entry = kept(project.cache / "rendered", parts, run)
    answers, measured = json.loads(entry.read_text(encoding="utf-8"))
    if measured != _digests(project, list(wovens), answers):  # a picture may have another size now
        entry.unlink()
        kept(project.cache / "rendered", parts, run)
        answers, _ = json.loads(entry.read_text(encoding="utf-8"))
    return {c: _rendered(answer) for c, answer in zip(wovens, answers, strict=True)}


def _job(
    project: Project, wovens: dict[Chapter, Woven], formats: tuple[str, ...]
) -> dict[str, Any]:
    return {
        "formats": formats,
        "lang": project.lang,
        "bibliography": [str(path) for path in project.bibliography],
        "chapters": [
            {
                "text": woven.text,
                "number": chapter.number,
                "kind": chapter.kind,
                "page": chapter.page,
                "to_root": chapter.to_root,
                "folder": str((project.root / chapter.source).parent),
            }
            for chapter, woven in wovens.items()
        ],
    }


def _digests(project: Project, chapters: list[Chapter], answers: list[dict]) -> list[str]:
    """Return a hash of each picture of the project that a chapter shows."""
    files = [
        project.root / chapter.source.parent / unquote(picture)
        for chapter, answer in zip(chapters, answers, strict=True)
        for picture in answer["pictures"]
    ]
    return [digest([file.read_bytes()]) for file in files if file.is_file()]


def _pandoc(job: str) -> str:
    import pypandoc

    # the pinned one; pypandoc itself would take a newer one from PATH
    program = Path(pypandoc.__file__).parent / "files" / "pandoc"
    # room for 128 MB between two collections of garbage: a tenth of the time
    command = [str(program), "+RTS", "-A128m", "-RTS", "lua", str(PROGRAM / "book.lua")]
    done = subprocess.run(command, input=job, capture_output=True, encoding="utf-8")
    if done.returncode or done.stderr.strip():
        said = done.stderr.strip() or f"it ended with status {done.returncode}"
        raise BookError(f"pandoc: {said}")
    return done.stdout


def _rendered(answer: dict[str, Any]) -> Rendered:
    return Rendered(**{"title": "", "id": ""} | answer)
