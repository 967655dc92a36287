"""Runs a chapter's cells in a kernel, and keeps what they gave.

The cache holds results, not notebooks: the outputs of the cells and the values of the inline
expressions, under a hash of everything that they depend on. Prose is not among these, so a
notebook is put together anew from the file as it stands and the results as they were.
"""

from __future__ import annotations

import ast
import asyncio
import hashlib
import json
import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bookbuild import qmd
from bookbuild.project import BookError, Chapter, Project, error_at
from bookbuild.qmd import Cell, Inline, Prose, Source

if TYPE_CHECKING:
    from nbclient import NotebookClient
    from nbformat import NotebookNode

CACHE_FORMAT = 1  # raise it when this module keeps something else than before
CELL_SECONDS = 15 * 60
CELL_BYTES = 4_000_000  # of text; pictures have their own bound in what a page may weigh
ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")


def executed(project: Project, chapter: Chapter) -> NotebookNode:
    """Return the executed notebook of a chapter, from the cache where nothing has changed.

    Raises
    ------
    BookError
        Where a cell fails, runs too long, prints too much or kills its kernel.
    """
    import nbformat

    source = qmd.read(project.root, chapter.source)
    return nbformat.from_dict(notebook(source, results(project, source)))


def notebook(source: Source, found: dict[str, Any]) -> dict[str, Any]:
    """Return the executed notebook as plain dictionaries."""
    return qmd.notebook(source, found["outputs"], found["values"])


def results(project: Project, source: Source, progress: Progress | None = None) -> dict[str, Any]:
    """Return a chapter's results: `outputs` of each cell, `values` of each inline expression."""
    if not source.cells and not source.inlines:
        return {"outputs": [], "values": []}
    entry = project.cache / "executed" / f"{source.path.stem}-{key(project, source)[:24]}.json"
    if entry.exists():
        return json.loads(entry.read_text(encoding="utf-8"))
    found = asyncio.run(_run(project, source, progress or Progress()))
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
        "code": [text for text, _ in _steps(source)],
        "modules": modules,
        "requirements": _text(project.root / "requirements.txt"),
        "data": _data(project, [*code, *modules.values()], source),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _steps(source: Source) -> Iterator[tuple[str, Cell | Inline]]:
    """Yield what is run, in document order."""
    for block in source.blocks:
        if isinstance(block, Prose):
            yield from ((f"inline {i.expression}", i) for i in block.inlines)
        else:
            yield f"cell {block.code}", block


def project_modules(root: Path, code: list[str]) -> dict[str, str]:
    """Return the text of each of the project's own modules that `code` imports, also indirectly."""
    found: dict[str, str] = {}
    queue = list(code)
    while queue:
        for name in _imports(queue.pop()):
            for path in [root / f"{name}.py", *sorted((root / name).glob("**/*.py"))]:
                relative = path.relative_to(root).as_posix()
                if path.is_file() and relative not in found:
                    found[relative] = _text(path)
                    queue.append(found[relative])
    return found


def _imports(code: str) -> set[str]:
    statements = re.findall(r"^\s*(?:import|from)\s+([^#\n]+)", code, re.MULTILINE)
    parts = [part for text in statements for part in text.split(" import ")[0].split(",")]
    return {name[0] for part in parts if (name := re.findall(r"^\s*(\w+)", part))}


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _data(project: Project, code: list[str], source: Source) -> str:
    """Return the checksums of the data, where the chapter reads any."""
    if not any("data/" in text for text in code):
        return ""
    manifest = project.root / "data" / ".manifest.json"
    if not manifest.is_file():
        raise BookError(f"{source.path} reads data/, which is not there yet: run `make data` first")
    return _text(manifest)


# The run


class Progress:
    """Shows which cell runs: one changing line on a terminal, a line a cell elsewhere."""

    def __init__(self) -> None:
        self.times: list[tuple[float, str]] = []
        self.live = sys.stderr.isatty()
        self.start = time.monotonic()

    def cell(self, source: Source, cell: Cell, number: int) -> None:
        """Say that a cell begins."""
        passed = time.monotonic() - self.start
        text = f"  {source.path}  cell {number} of {len(source.cells)}  {cell.id}  {passed:.0f} s"
        print(f"\r{text}\x1b[K" if self.live else text, end="" if self.live else "\n", file=sys.stderr)
        sys.stderr.flush()

    def done(self, source: Source, cell: Cell, seconds: float) -> None:
        """Take note of how long a cell took."""
        self.times.append((seconds, f"{source.path}  {cell.id}"))

    def summary(self) -> None:
        """Print the slowest cells, where any ran."""
        if self.live and self.times:
            print("\r\x1b[K", end="", file=sys.stderr)
        for seconds, name in sorted(self.times, reverse=True)[:5]:
            print(f"  {seconds:7.1f} s  {name}", file=sys.stderr)


async def _run(project: Project, source: Source, progress: Progress) -> dict[str, Any]:
    import nbformat

    empty: list[list[dict]] = [[] for _ in source.cells]
    node = nbformat.from_dict(qmd.notebook(source, empty, [i.expression for i in source.inlines]))
    positions = iter([n for n, cell in enumerate(node.cells) if cell.cell_type == "code"])
    found: dict[str, Any] = {"outputs": [], "values": []}
    async with _kernel(project, node) as client:
        for _, step in _steps(source):
            if isinstance(step, Inline):
                found["values"].append(await _evaluate(client, source, step))
                continue
            progress.cell(source, step, len(found["outputs"]) + 1)
            began = time.monotonic()
            outputs = await _execute(client, source, step, next(positions))
            found["outputs"].append(_normalised(project, source, step, outputs))
            progress.done(source, step, time.monotonic() - began)
    return found


@asynccontextmanager
async def _kernel(project: Project, node: NotebookNode) -> Any:
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpec
    from nbclient import NotebookClient

    with tempfile.TemporaryDirectory(prefix="bookbuild-") as runtime:  # a socket's path is short
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        manager = AsyncKernelManager(
            transport="ipc",
            connection_file=f"{runtime}/kernel.json",
        )
        manager._kernel_spec = KernelSpec(argv=command, display_name="Python 3", language="python")
        client = NotebookClient(node, km=manager, timeout=CELL_SECONDS, record_timing=False)
        await client.async_start_new_kernel(cwd=str(project.root), env=_environment(project, runtime))
        try:
            await client.async_start_new_kernel_client()
            yield client
        finally:
            if client.kc:
                client.kc.stop_channels()
            await manager.shutdown_kernel(now=True)


def _environment(project: Project, runtime: str) -> dict[str, str]:
    """Return the kernel's environment: nothing of the user's settings, and no network."""
    closed = "http://127.0.0.1:9"
    proxies = {f"{scheme}_proxy": closed for scheme in ("http", "https", "ftp", "all")}
    (project.cache / "ipython").mkdir(parents=True, exist_ok=True)
    environment = {k: v for k, v in os.environ.items() if k.lower() not in {"no_proxy", *proxies}}
    return environment | {
        **proxies,
        **{name.upper(): value for name, value in proxies.items()},
        "IPYTHONDIR": str(project.cache / "ipython"),
        "JUPYTER_RUNTIME_DIR": runtime,
        "MPLCONFIGDIR": str(project.cache / "matplotlib"),
        "NUMBA_CACHE_DIR": str(project.cache / "numba"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONHASHSEED": os.environ.get("PYTHONHASHSEED", "0"),
    }


async def _execute(client: NotebookClient, source: Source, cell: Cell, at: int) -> list[dict]:
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    node = client.nb.cells[at]
    try:
        await client.async_execute_cell(node, at)
    except CellExecutionError as error:
        raise _failure(source, cell, error) from None
    except CellTimeoutError:
        raise error_at(
            source.path, cell.line, f"cell {cell.id} ran longer than {CELL_SECONDS} s and was stopped"
        ) from None
    except DeadKernelError:
        if (task := asyncio.current_task()) and task.cancelling():  # Ctrl-C, not the cell
            raise asyncio.CancelledError from None
        raise error_at(
            source.path, cell.line, f"cell {cell.id} ended its kernel (exit, or out of memory)"
        ) from None
    return node.outputs


def _failure(source: Source, cell: Cell, error: Any) -> BookError:
    trace = ANSI.sub("", error.traceback).strip()
    inside = re.search(r"Cell In\[\d+\], line (\d+)", trace)
    line = cell.code_line + int(inside[1]) - 1 if inside else cell.line
    name = f"cell {cell.id} failed: {error.ename}: {ANSI.sub('', error.evalue)}"
    return error_at(source.path, line, f"{name}\n\n{trace}")


async def _evaluate(client: NotebookClient, source: Source, inline: Inline) -> str:
    """Return the Markdown text of an inline expression's value."""
    message = client.kc.execute(
        "", silent=True, store_history=False, user_expressions={"value": inline.expression}
    )
    while True:
        reply = await client.kc.get_shell_msg(timeout=CELL_SECONDS)
        if reply["parent_header"].get("msg_id") == message:
            break
    value = reply["content"].get("user_expressions", {}).get("value", reply["content"])
    if value["status"] != "ok":
        raise error_at(
            source.path,
            inline.line,
            f"inline code `{inline.expression}` failed: {value['ename']}: {value['evalue']}",
        )
    return _inline_text(source, inline, value["data"])


def _inline_text(source: Source, inline: Inline, data: dict[str, str]) -> str:
    if markdown := data.get("text/markdown"):
        return " ".join(markdown.split())
    text = data["text/plain"]
    if "np." in text or ADDRESS.search(text):
        raise error_at(
            source.path,
            inline.line,
            f"inline code `{inline.expression}` gives {text}: format it, as in f'{{x:.2f}}'",
        )
    if text[:1] in "'\"":
        text = str(ast.literal_eval(text))
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(text.split()))


# What is kept of an output


def _normalised(project: Project, source: Source, cell: Cell, outputs: list[dict]) -> list[dict]:
    """Return the outputs as they are kept: free of chance, of control codes and of this machine."""
    kept = [_cleaned(output) for output in _merged(outputs)]
    text = json.dumps(kept, ensure_ascii=False)
    if (size := sum(len(text) for text in _texts(kept))) > CELL_BYTES:
        raise error_at(
            source.path, cell.line, f"cell {cell.id} gives {size:,} characters of text; print less"
        )
    if str(project.root) in text:
        raise error_at(
            source.path, cell.line, f"cell {cell.id} prints this machine's path {project.root}"
        )
    if any(ADDRESS.search(shown) for shown in _texts(kept)):
        raise error_at(
            source.path,
            cell.line,
            f"cell {cell.id} prints a memory address, which differs in each run; "
            "end its last line with `;` or print something else",
        )
    return kept


def _texts(outputs: list[dict]) -> Iterator[str]:
    for output in outputs:
        yield output.get("text", "")
        yield from (v for k, v in output.get("data", {}).items() if k.startswith("text/"))


def _merged(outputs: list[dict]) -> Iterator[dict]:
    """Join the pieces in which a stream happened to arrive; standard output goes first."""
    streams: dict[str, str] = {}

    def flush() -> Iterator[dict]:
        for name in sorted(streams, reverse=True):
            yield {"output_type": "stream", "name": name, "text": streams[name]}
        streams.clear()

    for output in outputs:
        if output["output_type"] == "stream":
            streams[output["name"]] = streams.get(output["name"], "") + output["text"]
        else:
            yield from flush()
            yield dict(output)
    yield from flush()


def _cleaned(output: dict) -> dict:
    if "text" in output:
        return {**output, "text": _plain(output["text"])}
    data = {k: _plain(v) if k == "text/plain" else v for k, v in output["data"].items()}
    if any(kind.startswith("image/") for kind in data):
        data.pop("text/plain", None)
    return {**output, "data": data}


def _plain(text: str) -> str:
    """Return text as a terminal would leave it: no colour codes, no overwritten lines."""
    lines = ANSI.sub("", text).replace("\r\n", "\n").split("\n")
    return "\n".join(CONTROL.sub("", line.rstrip("\r").rsplit("\r", 1)[-1]) for line in lines)
