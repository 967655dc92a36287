"""Everything that a chapter's results depend on. Prose is not among it."""

from __future__ import annotations

import json
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bookbuild.errors import BookError
from bookbuild.modules import project_modules, what_runs
from bookbuild.project import Project
from bookbuild.qmd import Cell, Inline, Source

FORMAT = "4"  # raise it when kernel.py or outputs.py keeps something else than before


def of(project: Project, source: Source) -> dict[str, str]:
    """Return each ingredient by its name; what differs between two machines can then be told."""
    code = [block.code for block in source.cells]
    modules = project_modules(project.root, code)
    requirements = _text(project.root / "requirements.txt")
    return {
        "bookbuild": FORMAT,
        "Python": platform.python_version(),
        "the cells": json.dumps([_step(step) for step in source.steps]),
        "modules": json.dumps({path: what_runs(text) for path, text in sorted(modules.items())}),
        "requirements.txt": requirements,
        "data": _data(project, [*code, *modules.values()], source),
    }


def installed(project: Project) -> str:
    """Return the versions of what requirements.txt names, as they are installed here."""
    names = re.findall(r"^[\w.-]+", _text(project.root / "requirements.txt"), re.MULTILINE)
    return json.dumps({name: _version(name) for name in sorted(names)})


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _step(step: Cell | Inline) -> list[Any]:
    if isinstance(step, Cell):
        return [step.code, step.options.warning]  # decides whether standard error is kept
    return [step.expression]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def outputs(project: Project) -> dict[str, str]:
    """Return what the data's manifest lists: the names below data/, with their checksums."""
    return _manifest(project).get("outputs", {})


def recipe(project: Project) -> dict[str, str]:
    """Return the names below data/ of what the outputs are made from, with their checksums."""
    return _manifest(project).get("recipe", {})


def _data(project: Project, code: list[str], source: Source) -> str:
    """Return the checksums of the data, and of what they are made from."""
    found = _manifest(project)
    if not found:
        if any("data/" in text for text in code):
            raise BookError(f"{source.path} reads data/, which is not there yet: run `make data`")
        return ""
    # not the programs: another one that gives the same data changes no result
    lists = {n: sha for n, sha in found.get("recipe", {}).items() if not n.endswith(".py")}
    return json.dumps([found["outputs"], lists], sort_keys=True)


def _manifest(project: Project) -> dict[str, dict[str, str]]:
    """Return the data's manifest, empty where there is none."""
    path = project.root / "data" / ".manifest.json"
    if not path.is_file():
        return {}
    try:
        found = json.loads(_text(path))
        if all(isinstance(part, dict) for part in (found["outputs"], found.get("recipe", {}))):
            return found
    except (ValueError, KeyError, TypeError):
        pass
    raise BookError(f"{path} is damaged: run `make data` to write it anew")
