"""Render all woven chapters to HTML, Typst and notebook text with pandoc.

`lua/book.lua` does the work, in one process or, in a long book, in parallel ones for batches of
chapters. The cache key of their answers covers the texts, the bibliography, the Lua code and the
pictures that pandoc measured. After an edit of one chapter's prose that no other chapter can see,
only that chapter is rendered again.
"""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from bookbuild.render.book import Rendered
from bookbuild.render.weave import Woven
from bookbuild.run.cache import by_last_use, digest, get_or_create
from bookbuild.run.execute import available_cores
from bookbuild.source.errors import BookError
from bookbuild.source.project import Chapter, Project

LUA = Path(__file__).parent / "lua"
FORMATS = ("html", "typst", "notebook")
BATCH = 40  # chapters in one process: with more, each takes longer and the process more memory

Request = dict[str, Any]
Answer = dict[str, Any]


def render(
    project: Project, wovens: dict[Chapter, Woven], formats: tuple[str, ...] = FORMATS
) -> dict[Chapter, Rendered]:
    """Return each chapter in each format, with what it defines and refers to.

    Raises
    ------
    BookError
        If pandoc itself fails. Mistakes in the text are among the `problems` of its chapter.
    """
    requests = [_request(project, chapter, woven) for chapter, woven in wovens.items()]
    settings = _settings(project, formats)
    folder = project.cache / "rendered"
    key_parts = [settings, json.dumps(requests, ensure_ascii=False)]

    def run(path: Path) -> None:
        answers = _answers(project, formats, requests, _previous(folder, settings))
        path.write_text(json.dumps([settings, answers], ensure_ascii=False), encoding="utf-8")

    entry = get_or_create(folder, key_parts, run)
    answers = _read(entry, settings)
    if not answers or not _are_current(project, answers):  # pictures may have another size now
        entry.unlink(missing_ok=True)
        answers = _read(get_or_create(folder, key_parts, run), settings)
    return {c: _rendered(each["answer"]) for c, each in zip(wovens, answers, strict=True)}


def _request(project: Project, chapter: Chapter, woven: Woven) -> dict[str, Any]:
    return {
        "text": woven.text,
        "description": woven.source.meta.get("description", ""),
        "is_faulty": bool(woven.source.problems),
        "label": chapter.label,
        "number": chapter.number,
        "kind": chapter.kind,
        "page": chapter.page,
        "to_root": chapter.to_root,
        "folder": str((project.root / chapter.source).parent),
    }


def _settings(project: Project, formats: tuple[str, ...]) -> str:
    """Return a hash of everything but the chapters that their rendering depends on."""
    parts = [version("pypandoc_binary"), project.lang, project.site_url or "", *formats]
    for path in (*sorted(LUA.glob("*.lua")), *project.bibliography):
        parts += [str(path), path.read_text(encoding="utf-8")]
    return digest(parts)


def _read(entry: Path, settings: str) -> list[dict[str, Any]]:
    """Return the answers in a cache entry, or none if it is damaged or of other settings."""
    try:
        used, answers = json.loads(entry.read_text(encoding="utf-8"))
        is_whole = all({"request", "answer", "pictures"} <= each.keys() for each in answers)
        return answers if used == settings and is_whole else []
    except (OSError, ValueError, TypeError, AttributeError):
        return []


def _previous(folder: Path, settings: str) -> dict[str, dict[str, Any]]:
    """Return the last requests and answers with these settings, by page."""
    for entry in by_last_use(folder):
        if answers := _read(entry, settings):
            return {each["request"]["page"]: each for each in answers}
    return {}


def _answers(
    project: Project, formats: tuple[str, ...], requests: list[Request], previous: dict[str, dict]
) -> list[dict[str, Any]]:
    """Ask pandoc; return the request, answer and picture hashes of each chapter."""
    if [*previous] != [each["page"] for each in requests]:
        previous = {}  # a chapter that was added, moved or removed may affect any other
    chapters = [
        _with_previous(project, formats, each, previous.get(each["page"])) for each in requests
    ]
    ask = _ask if len(chapters) <= BATCH else _ask_in_batches
    answers = ask(project, formats, chapters)
    return [
        {"request": each, "answer": answer, "pictures": _digests(project, each, answer)}
        if (answer := answers.get(each["page"]))
        else previous[each["page"]]
        for each in requests
    ]


def _ask(project: Project, formats: tuple[str, ...], chapters: list[Request]) -> dict[str, Answer]:
    """Return pandoc's answers by page; an unchanged chapter has none, unless others affect it."""
    job = {
        "formats": formats,
        "lang": project.lang,
        "site_url": project.site_url or "",
        "bibliography": [str(path) for path in project.bibliography],
        "chapters": chapters,
    }
    answers = json.loads(_pandoc(json.dumps(job, ensure_ascii=False)))
    return {c["page"]: each for c, each in zip(chapters, answers, strict=True) if each}


def _ask_in_batches(
    project: Project, formats: tuple[str, ...], chapters: list[Request]
) -> dict[str, Answer]:
    """Do the same in parallel: first find what chapters need of each other, then write them."""
    changed = [each for each in chapters if not each.get("is_as_before")]
    surveys = _in_parallel(project, (), _batches([_without(each, "before") for each in changed]))
    if any(each["is_faulty"] or surveys[each["page"]]["problems"] for each in changed):
        return surveys
    known = [
        _without(each, "text") | {"before": surveys.get(each["page"], each.get("before"))}
        for each in chapters
    ]
    affects_others = any(
        each.get("before", {}).get("seen") != surveys[each["page"]]["seen"] for each in changed
    )
    jobs = []
    for batch in _batches(chapters if affects_others else changed):
        texts = {each["page"]: each["text"] for each in batch}
        jobs.append(
            [
                each | {"text": texts.get(each["page"]), "is_as_before": each["page"] not in texts}
                for each in known
            ]
        )
    return _in_parallel(project, formats, jobs)


def _batches(chapters: list[Request]) -> list[list[Request]]:
    return [chapters[n : n + BATCH] for n in range(0, len(chapters), BATCH)]


def _without(request: Request, name: str) -> Request:
    return {key: value for key, value in request.items() if key != name}


def _in_parallel(
    project: Project, formats: tuple[str, ...], jobs: list[list[Request]]
) -> dict[str, Answer]:
    with ThreadPoolExecutor(available_cores()) as pool:
        answers = pool.map(lambda chapters: _ask(project, formats, chapters), jobs)
        return {page: answer for each in answers for page, answer in each.items()}


def _with_previous(
    project: Project, formats: tuple[str, ...], request: dict, previous: dict | None
) -> dict[str, Any]:
    """Add a chapter's last definitions to its request, and whether the chapter is unchanged."""
    if not previous or not set(formats) <= previous["answer"]["texts"].keys():  # it had problems
        return request
    names = ("labels", "cites", "has_list", "id", "ids", "seen")
    before = {name: previous["answer"][name] for name in names}
    is_as_before = previous["request"] == request and _are_current(project, [previous])
    return request | {"before": before, "is_as_before": is_as_before}


def _are_current(project: Project, answers: list[dict]) -> bool:
    return all(e["pictures"] == _digests(project, e["request"], e["answer"]) for e in answers)


def _digests(project: Project, request: dict, answer: dict) -> list[str]:
    """Return a hash of each picture file that a chapter shows."""
    files = [Path(request["folder"], unquote(picture)) for picture in answer["pictures"]]
    return [digest([file.read_bytes()]) for file in files if file.is_file()]


def _pandoc(job: str) -> str:
    import pypandoc

    # the pinned one; pypandoc itself would prefer a newer one in PATH
    program = Path(pypandoc.__file__).parent / "files" / "pandoc"
    # 64 MB between two garbage collections take a tenth of the time
    command = [str(program), "+RTS", "-A64m", "-RTS", "lua", str(LUA / "book.lua")]
    done = subprocess.run(command, input=job, capture_output=True, encoding="utf-8")
    if done.returncode or done.stderr.strip():
        message = done.stderr.partition("stack traceback")[0].strip()
        message = message or f"it ended with status {done.returncode}"
        raise BookError(f"pandoc: {message}")
    return done.stdout


def _rendered(answer: dict[str, Any]) -> Rendered:
    names = {field.name for field in fields(Rendered)}
    known = {name: value for name, value in answer.items() if name in names}
    return Rendered(**{"title": "", "id": "", "label": ""} | known)
