"""Cache what a build makes, under a hash of everything that it depends on.

An entry is complete or absent: a build that is killed leaves nothing half-made, and two builds at
once do not disturb each other. The second half of this module lists what a chapter's results depend
on: its code, the modules and data that it uses, and the installed requirements, but no prose.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bookbuild.source.errors import BookError
from bookbuild.source.project import Project
from bookbuild.source.qmd import Cell, Inline, Source

VERSIONS = 4  # of each entry: enough for an author who alternates between two


def get_or_create(
    folder: Path, key_parts: Iterable[str | bytes], make: Callable[[Path], object]
) -> Path:
    """Return the path of the entry with this key; make it if it is absent.

    Parameters
    ----------
    folder : Path
        The folder of all versions of this entry. Only the last few used are retained.
    key_parts : iterable of str or bytes
        Everything that the entry depends on.
    make : callable
        Writes the entry, a file or a folder, at the path that it is given.
    """
    entry = entry_path(folder, key_parts)
    while not mark_used(entry):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="partial-") as partial:
            complete = Path(partial, "complete")
            make(complete)
            _move(complete, entry)
    _remove(by_last_use(folder)[VERSIONS:])
    return entry


def mark_used(entry: Path) -> bool:
    """Note the use of an entry, so that it is evicted last; return whether it exists."""
    try:
        os.utime(entry)
    except FileNotFoundError:
        return False
    return True


def by_last_use(folder: Path) -> list[Path]:
    """Return all versions of an entry, the last used first."""
    return sorted(folder.glob("*"), key=_time, reverse=True)


def entry_path(folder: Path, key_parts: Iterable[str | bytes]) -> Path:
    """Return the path of the entry with this key, whether or not it exists."""
    return folder / digest(key_parts)


def digest(parts: Iterable[str | bytes]) -> str:
    """Return a hash of the parts in order; moving a boundary between two changes it."""
    hashed = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        hashed.update(f"{len(content)}:".encode() + content)
    return hashed.hexdigest()[:32]


def remove_others(folder: Path, names: Collection[str]) -> None:
    """Remove everything in a folder whose name is not among `names`."""
    if folder.is_dir():
        _remove([path for path in folder.iterdir() if path.name not in names])


def _move(complete: Path, entry: Path) -> None:
    try:
        complete.rename(entry)
    except OSError:
        if not entry.exists():  # otherwise another build was faster
            raise


def _time(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0.0


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


# What a chapter's results depend on


def inputs(project: Project, source: Source) -> dict[str, str]:
    """Return everything that a chapter's results depend on, by name.

    The names let a message say what differs between two machines.
    """
    code = [cell.code for cell in source.cells]
    modules = project_modules(project.root, code)
    return {
        "bookbuild": _renderer_code(),
        "Python": platform.python_version(),
        "the cells": json.dumps([_step(step) for step in source.steps]),
        "modules": json.dumps({path: runnable_code(m) for path, m in sorted(modules.items())}),
        "requirements.txt": _requirements(project),
        "data": _data(project, [*code, *modules.values()], source),
    }


def installed_packages(project: Project) -> str:
    """Return the installed versions of the packages in requirements.txt, as JSON."""
    names = re.findall(r"^[\w.-]+", _requirements(project), re.MULTILINE)
    return json.dumps({name: _version(name) for name in sorted(names) if name != "-e"})


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@functools.cache
def _renderer_code() -> str:
    """Return a hash of the modules that decide what is cached of a cell's outputs."""
    folder = Path(__file__).parent
    texts = [(folder / name).read_text(encoding="utf-8") for name in ("kernel.py", "results.py")]
    return digest(map(runnable_code, texts))


def _step(step: Cell | Inline) -> list[Any]:
    if isinstance(step, Cell):
        return [step.code, step.options.warning]  # decides whether standard error is cached
    return [step.expression]


def _requirements(project: Project) -> str:
    path = project.root / "requirements.txt"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def data_outputs(project: Project) -> dict[str, str]:
    """Return the prepared data: names below the data folder, with checksums."""
    return _manifest(project).get("outputs", {})


def data_recipe(project: Project) -> dict[str, str]:
    """Return the files that the data are made from: names below the data folder, with checksums."""
    return _manifest(project).get("recipe", {})


def _data(project: Project, code: list[str], source: Source) -> str:
    """Return the checksums of the data, and of the lists that they are made from."""
    settings = project.settings
    if not settings.data_manifest:
        return ""
    manifest = _manifest(project)
    if not manifest:
        if any(f"{settings.data}/" in text for text in code):
            missing = f"reads {settings.data}/, which does not exist yet"
            raise BookError(f"{source.path} {missing}: run `{settings.data_command}`")
        return ""
    # without the programs: the same data from another program change no result
    lists = {n: sha for n, sha in manifest.get("recipe", {}).items() if not n.endswith(".py")}
    return json.dumps([manifest["outputs"], lists], sort_keys=True)


def _manifest(project: Project) -> dict[str, dict[str, str]]:
    """Return the data's manifest, empty if there is none."""
    path = project.root / project.settings.data_manifest
    if not path.is_file():
        return {}
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if all(
            isinstance(part, dict) for part in (manifest["outputs"], manifest.get("recipe", {}))
        ):
            return manifest
    except (ValueError, KeyError, TypeError):
        pass
    raise BookError(f"{path} is damaged: run `{project.settings.data_command}` to write it again")


# Imports


def project_modules(root: Path, code: list[str]) -> dict[str, str]:
    """Return the project's modules that `code` imports, directly or not: path and text."""
    modules: dict[str, str] = {}
    queue = list(code)
    while queue:
        for path in (p for name in imports(queue.pop()) for p in _module_files(root, name)):
            relative = path.relative_to(root).as_posix()
            if path.is_file() and relative not in modules:
                modules[relative] = path.read_text(encoding="utf-8-sig")
                queue.append(modules[relative])
    return modules


def _module_files(root: Path, name: str) -> list[Path]:
    """Return the files behind a dotted name: a module, or the innermost package with all in it."""
    folder, files = root, []
    for part in name.split("."):
        files.append(folder / f"{part}.py")
        if not (folder / part).is_dir():
            break
        folder /= part
        files.append(folder / "__init__.py")
    return files if folder == root else [*files, *sorted(folder.glob("**/*.py"))]


@functools.cache  # the same modules come with each chapter
def imports(code: str) -> frozenset[str]:
    """Return the dotted names that `code` imports; it may contain IPython's own syntax."""
    names: list[str] = []
    for node in ast.walk(_parse(code)) if "import" in code else ():  # most cells import nothing
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.append(node.module or "")
    return frozenset(names)


@functools.cache
def runnable_code(module: str) -> str:
    """Return a module's code without comments, layout and docstrings."""
    try:
        tree = ast.parse(module)
    except SyntaxError:
        return module  # the kernel reports the error
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return ast.dump(tree)


def _parse(code: str) -> ast.Module:
    """Return the syntax tree of a cell, with %, ! and ? as IPython runs them; empty if invalid."""
    try:
        return ast.parse(code)
    except SyntaxError:
        from IPython.core.inputtransformer2 import TransformerManager  # slow to import

    try:
        return ast.parse(TransformerManager().transform_cell(code))
    except SyntaxError:
        return ast.Module([], [])  # the kernel reports the error and its line
