"""The one call of pandoc: all woven chapters to what they hold, and to HTML, Typst and notebooks.

`lua/book.lua` does the work in a single process. Its answer is kept; it stays valid while the
texts, the bibliography, the program and the pictures that pandoc measured are the same. Where only
the prose of a chapter has changed, so that the others see nothing of it, only that one is rendered.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from bookbuild.book import Rendered
from bookbuild.errors import BookError
from bookbuild.project import Chapter, Project
from bookbuild.store import digest, kept, last_used
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
    asked = [_asked(project, chapter, woven) for chapter, woven in wovens.items()]
    settings = _settings(project, formats)
    folder = project.cache / "rendered"
    parts = [settings, json.dumps(asked, ensure_ascii=False)]

    def run(path: Path) -> None:
        answers = _answers(project, formats, asked, _last(folder, settings))
        path.write_text(json.dumps([settings, answers], ensure_ascii=False), encoding="utf-8")

    entry = kept(folder, parts, run)
    answers = _read(entry)
    if not _are_measured(project, answers):  # a picture may have another size now
        entry.unlink()
        answers = _read(kept(folder, parts, run))
    return {c: _rendered(each["answer"]) for c, each in zip(wovens, answers, strict=True)}


def _asked(project: Project, chapter: Chapter, woven: Woven) -> dict[str, Any]:
    return {
        "text": woven.text,
        "number": chapter.number,
        "kind": chapter.kind,
        "page": chapter.page,
        "to_root": chapter.to_root,
        "folder": str((project.root / chapter.source).parent),
    }


def _settings(project: Project, formats: tuple[str, ...]) -> str:
    """Return a hash of all that a chapter's rendering depends on, besides the chapters."""
    parts = [version("pypandoc_binary"), project.lang, *formats]
    for path in (*sorted(PROGRAM.glob("*.lua")), *project.bibliography):
        parts += [str(path), path.read_text(encoding="utf-8")]
    return digest(parts)


def _read(entry: Path) -> list[dict[str, Any]]:
    return json.loads(entry.read_text(encoding="utf-8"))[1]


def _last(folder: Path, settings: str) -> dict[str, dict[str, Any]]:
    """Return what was asked and answered the last time with these settings, by page."""
    for entry in last_used(folder):
        with contextlib.suppress(FileNotFoundError):  # another build may have removed it
            of, answers = json.loads(entry.read_text(encoding="utf-8"))
            if of == settings:
                return {each["asked"]["page"]: each for each in answers}
    return {}


def _answers(
    project: Project, formats: tuple[str, ...], asked: list[dict], last: dict[str, dict]
) -> list[dict[str, Any]]:
    """Ask pandoc; return for each chapter what was asked, what it answered, and the pictures."""
    job = {
        "formats": formats,
        "lang": project.lang,
        "bibliography": [str(path) for path in project.bibliography],
        "chapters": [_with_last(project, formats, each, last.get(each["page"])) for each in asked],
    }
    answers = json.loads(_pandoc(json.dumps(job, ensure_ascii=False)))
    return [
        {"asked": each, "answer": answer, "pictures": _digests(project, each, answer)}
        if answer
        else last[each["page"]]
        for each, answer in zip(asked, answers, strict=True)
    ]


def _with_last(
    project: Project, formats: tuple[str, ...], asked: dict, last: dict | None
) -> dict[str, Any]:
    """Add what was found in a chapter the last time, and whether it is the same chapter still."""
    if not last or not set(formats) <= last["answer"]["texts"].keys():  # something was wrong then
        return asked
    before = {name: last["answer"][name] for name in ("labels", "cites", "has_list", "seen")}
    is_as_before = last["asked"] == asked and _are_measured(project, [last])
    return asked | {"before": before, "is_as_before": is_as_before}


def _are_measured(project: Project, answers: list[dict]) -> bool:
    return all(e["pictures"] == _digests(project, e["asked"], e["answer"]) for e in answers)


def _digests(project: Project, asked: dict, answer: dict) -> list[str]:
    """Return a hash of each picture of the project that a chapter shows."""
    files = [Path(asked["folder"], unquote(picture)) for picture in answer["pictures"]]
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
    names = {field.name for field in fields(Rendered)}
    return Rendered(**{"title": "", "id": ""} | {n: v for n, v in answer.items() if n in names})
