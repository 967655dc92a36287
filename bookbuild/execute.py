"""What a chapter's cells give: from the store where nothing that they depend on has changed.

What is kept are results, not notebooks: the outputs of the cells and the values of the inline
expressions. Prose is not among what they depend on, so a page or notebook is put together anew from
the file as it stands and the results as they were. `kernel.py` runs what is not in the store.
"""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bookbuild.errors import BookError
from bookbuild.modules import project_modules, what_runs
from bookbuild.progress import Progress
from bookbuild.project import Chapter, Project
from bookbuild.qmd import Cell, Inline, Source
from bookbuild.store import keep_only, kept

FORMAT = "3"  # raise it when kernel.py or outputs.py keeps something else than before


@dataclass(frozen=True)
class Results:
    """What a chapter gave: the outputs of each cell, the value of each inline expression."""

    outputs: list[list[dict[str, Any]]]
    values: list[str]


def execute_all(project: Project, sources: dict[Chapter, Source]) -> dict[Chapter, Results]:
    """Return the results of every chapter.

    Raises
    ------
    BookError
        Where a cell fails, runs too long, prints too much or kills its kernel.
    """
    progress = Progress()
    try:
        found = {c: results(project, source, progress) for c, source in sources.items()}
    finally:
        progress.summary()  # an error's message begins on a line of its own
    keep_only(_folder(project), {_name(source) for source in sources.values()})
    return found


def results(project: Project, source: Source, progress: Progress | None = None) -> Results:
    """Return one chapter's results."""
    if not source.cells and not source.inlines:
        return Results([], [])

    def run(path: Path) -> None:
        from bookbuild import kernel  # here: nbclient takes half a second to import

        outputs, values = kernel.run(project, source, progress or Progress())
        text = json.dumps(asdict(Results(outputs, values)), ensure_ascii=False, indent=1)
        path.write_text(text, encoding="utf-8")

    entry = kept(_folder(project) / _name(source), ingredients(project, source), run)
    return Results(**json.loads(entry.read_text(encoding="utf-8")))


def _folder(project: Project) -> Path:
    return project.cache / "executed"


def _name(source: Source) -> str:
    return source.path.with_suffix("").as_posix().replace("/", "-")


# What the results depend on


def ingredients(project: Project, source: Source) -> list[str]:
    """Return everything that a chapter's results depend on, as text."""
    code = [block.code for block in source.cells]
    modules = project_modules(project.root, code)
    return [
        FORMAT,
        platform.python_version(),
        json.dumps([_step(step) for step in source.steps]),
        json.dumps({path: what_runs(text) for path, text in sorted(modules.items())}),
        _text(project.root / "requirements.txt"),
        _data(project, [*code, *modules.values()], source),
    ]


def _step(step: Cell | Inline) -> list[Any]:
    if isinstance(step, Cell):
        return [step.code, step.options.warning]  # decides whether standard error is kept
    return [step.expression]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _data(project: Project, code: list[str], source: Source) -> str:
    """Return the checksums of the data, and of the two lists among them that chapters show."""
    manifest = project.root / "data" / ".manifest.json"
    if not manifest.is_file():
        if any("data/" in text for text in code):
            raise BookError(f"{source.path} reads data/, which is not there yet: run `make data`")
        return ""
    try:
        found = json.loads(_text(manifest))
        # not the whole recipe: another program that gives the same data changes no result
        shown = [found.get("recipe", {}).get(name) for name in ("sources.toml", "models.json")]
        return json.dumps([found["outputs"], *shown])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BookError(f"{manifest} is damaged: run `make data` to write it anew") from None
