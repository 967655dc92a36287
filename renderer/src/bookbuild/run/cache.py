"""Cache what a build makes, under a hash of everything that it depends on.

An entry is complete or absent: a build that is killed leaves nothing half-made, and two builds at
once do not disturb each other. The second half of this module lists what a chapter's results depend
on: its code, the modules, packages, files and data that it uses, and the processor's instructions,
but no prose.
"""

from __future__ import annotations

import ast
import errno
import functools
import hashlib
import importlib
import json
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from importlib.metadata import Distribution, MetadataPathFinder
from inspect import getmodulename
from pathlib import Path
from typing import Any

from bookbuild.run.machine import instructions, packages_state
from bookbuild.source import policy
from bookbuild.source.errors import BookError
from bookbuild.source.project import Project
from bookbuild.source.qmd import Cell, Inline, Source

LONGEST = 200  # characters of a path
JOINED = re.compile(r"""["'] ?/ ?["']""")  # "data" / "words.csv"
# A path at the start of a string literal, and whether something is joined to it: "data" / name
LITERAL = re.compile(
    r"""(?P<path>(?<=["'])(?:\./)?(?:\w[\w.-]*/)*(?:\w[\w.-]*)?)(?P<joined>["']\)? ?/)?"""
    r"""|(?<=Path\(|join\()["'](?P<first>\w[\w.-]*)["'],"""
)
VERSIONS = 4  # of each entry: enough for an author who alternates between two
UNUSED_SECONDS = 90 * 24 * 3600  # a chapter that is set aside, or on another branch, comes back
KERNEL_PACKAGES = ("ipykernel", "nbclient")  # outputs depend on them whatever a cell imports
# Code with one of these may import or look up any package.
ANY_PACKAGE = {"importlib", "importlib.metadata", "pkg_resources"}


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
            if not _is_complete(complete):  # pagefind reports no error on a full disk
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(entry))
            _move(complete, entry)
    _remove(other for other in by_last_use(folder)[VERSIONS:] if other != entry)
    return entry


def mark_used(entry: Path) -> bool:
    """Note the use of an entry, so that it is evicted last; return whether it is there.

    An entry that has lost its content, as after a crash of the machine, is removed.
    """
    try:
        os.utime(entry)
    except FileNotFoundError:
        return False
    if _is_complete(entry):
        return True
    _remove([entry])
    return False


def _is_complete(entry: Path) -> bool:
    """Return whether an entry has files, none of them empty."""
    files = [path for path in entry.rglob("*") if path.is_file()] if entry.is_dir() else [entry]
    return bool(files) and all(path.stat().st_size for path in files)


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


def remove_unused(folder: Path) -> None:
    """Remove every entry in the subfolders of `folder` that no build has used for long."""
    oldest = time.time() - UNUSED_SECONDS
    _remove([entry for entry in folder.glob("*/*") if _time(entry) < oldest])


def _move(complete: Path, entry: Path) -> None:
    try:
        complete.rename(entry)
    except OSError:
        if not entry.exists():  # otherwise another build was faster
            raise


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another build has just removed it
        return 0.0


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


# The inputs of a chapter's results


def inputs(project: Project, source: Source) -> dict[str, str]:
    """Return everything that a chapter's results depend on, by name.

    The names allow a message to report what differs between two machines.
    """
    cells = [cell.code for cell in source.cells]
    modules = project_modules(project.root, cells)
    code = [*cells, *modules.values()]
    return {
        "bookbuild": _renderer_code(),
        "Python": platform.python_version(),
        "the processor's instructions": instructions(),
        "installed packages": json.dumps(_installed(project, code)),
        "the cells": json.dumps([_step(step) for step in source.steps]),
        "modules": json.dumps({path: runnable_code(m) for path, m in sorted(modules.items())}),
        "files": json.dumps(named_files(project, source)),
        "data": _data(project, code, source),
    }


def imported_packages(code: Iterable[str]) -> set[str]:
    """Return the top-level names that code imports from outside the standard library."""
    return {name.partition(".")[0] for c in code for name in imports(c)} - sys.stdlib_module_names


def _installed(project: Project, code: list[str]) -> dict[str, str]:
    """Return the versions of the distributions that code imports, and of all they need."""
    known = packages(project.cache, packages_state())
    if any(ANY_PACKAGE & imports(text) for text in code):
        queue = [*known["needs"]]
    else:
        names = [*KERNEL_PACKAGES, *imported_packages(code)]
        queue = [owner for name in names for owner in known["owners"].get(name, [name])]
    versions: dict[str, str] = {}
    while queue:
        name = _normal(queue.pop())
        if name not in versions and name in known["needs"]:
            versions[name], needed = known["needs"][name]
            queue += needed
    return dict(sorted(versions.items()))


@functools.lru_cache(maxsize=1)
def packages(folder: Path, state: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Return the distributions behind each top-level package, as "owners", and their "needs".

    These are the version and requirements of each; reading them again takes half a second.
    """
    entry = get_or_create(
        folder / "packages",
        [sys.version, *state],
        lambda path: path.write_text(_distributions(state), encoding="utf-8"),
    )
    return json.loads(entry.read_text(encoding="utf-8"))


@functools.lru_cache(maxsize=1)  # for several books in one process
def _distributions(state: tuple[str, ...]) -> str:
    """Return what `packages` does as JSON, read from the metadata."""
    importlib.invalidate_caches()  # the finder keeps a folder until its time changes
    needs: dict[str, tuple[str, list[str]]] = {}
    owners: dict[str, list[str]] = {}
    # not distributions(): importlib_metadata, which Dask may import, replaces what that asks
    for found in MetadataPathFinder.find_distributions():
        if found.name:  # an interrupted installation has none
            needs.setdefault(_normal(found.name), (found.version, _required(found)))
            for package in _top_level(found):
                owners.setdefault(package, []).append(found.name)
    return json.dumps({"owners": owners, "needs": needs})


def _top_level(found: Distribution) -> list[str]:
    """Return the names of a distribution's packages and modules, inferred as by Python 3.12."""
    if declared := (found.read_text("top_level.txt") or "").split():
        return declared
    files = found.files or []
    names = {f.parts[0] if f.parts[1:] else getmodulename(f.name) or f.name for f in files}
    return sorted(name for name in names if "." not in name)


def _required(found: Distribution) -> list[str]:
    needed = [r for r in found.requires or [] if not re.search(r"\bextra\s*==", r)]
    return [re.split(r"[^\w.-]", r, maxsplit=1)[0] for r in needed]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@functools.cache
def _renderer_code() -> str:
    """Return a hash of the modules that decide what is cached of a cell's outputs."""
    names = ("kernel.py", "kernel_process.py", "results.py")
    files = [Path(__file__).with_name(name) for name in names]
    texts = [file.read_text(encoding="utf-8") for file in (*files, Path(policy.__file__))]
    return digest(map(runnable_code, texts))


def _step(step: Cell | Inline) -> list[Any]:
    if isinstance(step, Cell):
        return [step.code, step.options.warning]  # decides whether standard error is cached
    return [step.expression]


def named_files(project: Project, source: Source) -> dict[str, str]:
    """Return a hash of each file that a chapter's code names, apart from prepared data.

    Every file in a named folder counts. A module in a folder may also name the files beside it.
    """
    cells = [cell.code for cell in source.cells]
    modules = project_modules(project.root, cells)
    root = project.root
    prepared = project.settings.data_manifest and project.settings.data
    names = {name for text in (*cells, *modules.values()) for name in named_paths(root, text)}
    for module, text in modules.items():
        folder = Path(module).parent
        names |= {(folder / name).as_posix() for name in named_paths(root / folder, text)}
    own = sorted(name for name in names if not (prepared and _is_in(name, prepared)))
    files = {file for name in own for file in _files_at(root / name)}
    return {str(f.relative_to(root)): digest([f.read_bytes()]) for f in sorted(files)}


def _files_at(path: Path) -> list[Path]:
    """Return a file, or all files in a folder apart from Python's own."""
    paths = path.rglob("*") if path.is_dir() else [path]
    return [p for p in paths if p.is_file() and "__pycache__" not in p.parts]


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


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
    # leave out the programs: if the data are the same, no result changes
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


# The modules and files that code names


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
    """Return the files behind a dotted name: a module, or the innermost package and its files."""
    folder, files = root, []
    for part in name.split("."):
        files.append(folder / f"{part}.py")
        if not (folder / part).is_dir():
            break
        folder /= part
        files.append(folder / "__init__.py")
    return files if folder == root else [*files, *sorted(folder.glob("**/*.py"))]


@functools.cache  # chapters import the same modules
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


def named_paths(root: Path, code: str) -> set[str]:
    """Return the files and folders of the project that string literals in `code` name.

    A folder counts if its name has a slash or is joined to something: any file in it may be meant.
    """
    paths = set()
    for match in LITERAL.finditer(JOINED.sub("/", code)):
        path = match["first"] or (match["path"] or "").removeprefix("./")
        may_be_folder = "/" in path or match["joined"] or match["first"]
        if 0 < len(path) <= LONGEST and _exists(root / path, bool(may_be_folder)):
            paths.add(path.removesuffix("/"))
    return paths


def _exists(path: Path, may_be_folder: bool) -> bool:
    return path.is_file() or (may_be_folder and path.is_dir())
