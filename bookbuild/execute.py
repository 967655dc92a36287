"""What a chapter's cells give, from the cache where nothing that they depend on has changed.

The cache holds results, not notebooks: the outputs of the cells and the values of the inline
expressions, under a hash of everything that they depend on. Prose is not among these, so a
notebook is put together anew from the file as it stands and the results as they were. `kernel.py`
runs what is not in the cache.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bookbuild import qmd
from bookbuild.project import BookError, Project
from bookbuild.qmd import Cell, Inline, Source

CACHE_FORMAT = 2  # raise it when kernel.py keeps something else than before


class Progress:
    """Shows which cell runs: one changing line on a terminal, a line a cell elsewhere."""

    def __init__(self) -> None:
        """Start the clock."""
        self.times: list[tuple[float, str]] = []
        self.live = sys.stderr.isatty()
        self.start = time.monotonic()

    def cell(self, source: Source, cell: Cell, number: int) -> None:
        """Say that a cell begins."""
        passed = time.monotonic() - self.start
        text = f"  {source.path}  cell {number} of {len(source.cells)}  {cell.id}  {passed:.0f} s"
        begin, end = ("\r", "\x1b[K") if self.live else ("", "\n")
        print(begin + text, end=end, file=sys.stderr, flush=True)

    def done(self, source: Source, cell: Cell, seconds: float) -> None:
        """Take note of how long a cell took."""
        self.times.append((seconds, f"{source.path}  {cell.id}"))

    def summary(self) -> None:
        """Print the slowest cells, where any ran."""
        if self.live:
            print("\r\x1b[K", end="", file=sys.stderr)
        for seconds, name in sorted(self.times, reverse=True)[:5]:
            print(f"  {seconds:7.1f} s  {name}", file=sys.stderr)


def notebook(source: Source, found: dict[str, Any]) -> dict[str, Any]:
    """Return the executed notebook as plain dictionaries."""
    return qmd.notebook(source, found["outputs"], found["values"])


def results(project: Project, source: Source, progress: Progress | None = None) -> dict[str, Any]:
    """Return a chapter's results: `outputs` of each cell, `values` of each inline expression.

    Raises
    ------
    BookError
        Where a cell fails, runs too long, prints too much or kills its kernel.
    """
    if not source.cells and not source.inlines:
        return {"outputs": [], "values": []}
    entry = project.cache / "executed" / f"{source.path.stem}-{key(project, source)[:24]}.json"
    if entry.exists():
        return json.loads(entry.read_text(encoding="utf-8"))
    from bookbuild import kernel  # here: nbclient takes half a second to import

    found = kernel.run(project, source, progress or Progress())
    write_whole(entry, json.dumps(found, ensure_ascii=False, indent=1).encode())
    return found


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    Path(file.name).replace(path)


# The key: everything that the results depend on


def key(project: Project, source: Source) -> str:
    """Return the hash of all that a chapter's results depend on."""
    code = [block.code for block in source.cells]
    modules = project_modules(project.root, code)
    parts = {
        "format": CACHE_FORMAT,
        "python": platform.python_version(),
        "code": [_what_runs(step) for step in source.steps],
        "modules": modules,
        "requirements": _text(project.root / "requirements.txt"),
        "data": _data(project, [*code, *modules.values()], source),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _what_runs(step: Cell | Inline) -> list[Any]:
    if isinstance(step, Cell):
        return [step.code, step.options.warning]  # decides whether standard error is kept
    return [step.expression]


def project_modules(root: Path, code: list[str]) -> dict[str, str]:
    """Return the text of each of the project's own modules that `code` imports, also indirectly."""
    found: dict[str, str] = {}
    queue = list(code)
    while queue:
        for name in imported(queue.pop()):
            for path in [root / f"{name}.py", *sorted((root / name).glob("**/*.py"))]:
                relative = path.relative_to(root).as_posix()
                if path.is_file() and relative not in found:
                    found[relative] = _text(path)
                    queue.append(found[relative])
    return found


@functools.cache  # the project's modules come with each chapter
def imported(code: str) -> frozenset[str]:
    """Return the top-level names that `code` imports; IPython's own lines may stand in it."""
    found: list[str] = []
    for node in ast.walk(_parsed(code)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.append(node.module or "")
    return frozenset(name.partition(".")[0] for name in found)


def _parsed(code: str) -> ast.Module:
    try:
        return ast.parse(code)
    except SyntaxError:
        from IPython.core.inputtransformer2 import TransformerManager  # for %, ! and ?; slow

    try:
        return ast.parse(TransformerManager().transform_cell(code))
    except SyntaxError:
        return ast.Module([], [])  # the kernel will say what is wrong, and at which line


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
