"""Runs a chapter in a kernel of its own, and cleans what comes out of chance and of this machine.

It imports nbclient, so it is imported only where something is to be run.
"""

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from queue import Empty
from typing import Any

import nbformat
from jupyter_client import AsyncKernelClient, AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from bookbuild import qmd
from bookbuild.execute import Progress
from bookbuild.project import BookError, Project, error_at
from bookbuild.qmd import Cell, Inline, Source

CELL_SECONDS = 15 * 60
START_SECONDS = 5 * 60  # a busy machine takes more than nbclient's one minute
CELL_BYTES = 8_000_000
KEPT_VARIABLES = ("PATH", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "CONDA_PREFIX")
# To score some hundred reviews at once takes blocks of 40 MB. By default glibc gives each back to
# the system, which zeroes the next one; with these two it keeps them, and scoring takes half.
KEPT_MEMORY = dict.fromkeys(("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"), str(2**30))
ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")
MINUS = re.compile(r"(?<![\w.-])-(?=\.?\d)")  # Python writes a hyphen


def run(project: Project, source: Source, progress: Progress) -> dict[str, Any]:
    """Execute a chapter; return `outputs` of each cell and `values` of each inline expression.

    Raises
    ------
    BookError
        Where a cell or an expression fails, runs too long, gives too much or ends its kernel.
    """
    return asyncio.run(_run(project, source, progress))


async def _run(project: Project, source: Source, progress: Progress) -> dict[str, Any]:
    empty: list[list[dict]] = [[] for _ in source.cells]
    node = nbformat.from_dict(qmd.notebook(source, empty, [i.expression for i in source.inlines]))
    positions = iter([n for n, cell in enumerate(node.cells) if cell.cell_type == "code"])
    found: dict[str, Any] = {"outputs": [], "values": []}
    async with _kernel(project, node) as client:
        for step in source.steps:
            if isinstance(step, Inline):
                found["values"].append(await _evaluate(client, source, step))
                continue
            progress.cell(source, step, len(found["outputs"]) + 1)
            began = time.monotonic()
            outputs = await _execute(client, source, step, next(positions))
            found["outputs"].append(_normalised(project, source, step, outputs))
            progress.done(source, step, time.monotonic() - began)
    return found


# The kernel


class _Client(NotebookClient):
    """An nbclient that stops a cell which gives too much, while it gives it."""

    km: AsyncKernelManager
    kc: AsyncKernelClient
    received = 0
    end: asyncio.Future | None = None

    def output(self, outs: list, msg: dict, display_id: str | None, cell_index: int) -> Any:
        content = msg["content"]
        pieces = [content.get("text", ""), *content.get("data", {}).values()]
        self.received += sum(len(piece) for piece in pieces if isinstance(piece, str))
        if self.received <= CELL_BYTES:
            return super().output(outs, msg, display_id, cell_index)
        self.end = self.end or asyncio.ensure_future(self.km.signal_kernel(signal.SIGKILL))
        return None


@asynccontextmanager
async def _kernel(project: Project, node: nbformat.NotebookNode) -> AsyncIterator[_Client]:
    """Start a kernel of this Python and end it, come what may."""
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    with tempfile.TemporaryDirectory(prefix="bookbuild-") as folder:  # a socket's path is short
        manager = AsyncKernelManager(transport="ipc", connection_file=f"{folder}/kernel.json")
        manager._kernel_spec = KernelSpec(argv=command, display_name="Python 3", language="python")
        client = _Client(node, km=manager, timeout=CELL_SECONDS, record_timing=False)
        client.startup_timeout = START_SECONDS
        try:
            environment = _environment(project, folder)
            await client.async_start_new_kernel(cwd=str(project.root), env=environment)
            await _connect(client)
            yield client
        finally:
            if client.kc:
                client.kc.stop_channels()
            await manager.shutdown_kernel(now=True)


async def _connect(client: _Client) -> None:
    try:
        await client.async_start_new_kernel_client()
    except RuntimeError as error:
        raise BookError(f"the kernel did not start: {error}; is the machine busy?") from None


def _environment(project: Project, runtime: str) -> dict[str, str]:
    """Return the kernel's environment: nothing of the user's settings, and no network."""
    for folder in ("home", "ipython"):
        (project.cache / folder).mkdir(parents=True, exist_ok=True)
    schemes = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy")
    closed = dict.fromkeys([*schemes, *map(str.upper, schemes)], "http://127.0.0.1:9")
    return {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ} | {
        **closed,
        **KEPT_MEMORY,
        "HOME": str(project.cache / "home"),
        "IPYTHONDIR": str(project.cache / "ipython"),
        "JUPYTER_RUNTIME_DIR": runtime,
        "LC_ALL": "C.UTF-8",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": str(project.cache / "matplotlib"),
        "NUMBA_CACHE_DIR": str(project.cache / "numba"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONHASHSEED": os.environ.get("PYTHONHASHSEED", "0"),
    }


async def _execute(client: _Client, source: Source, cell: Cell, at: int) -> list[dict]:
    client.received = 0
    try:
        await client.async_execute_cell(client.nb.cells[at], at)
    except CellExecutionError as error:
        raise _failure(source, cell, error) from None
    except CellTimeoutError:
        message = f"ran longer than {CELL_SECONDS} s and was stopped"
        raise _cell_error(source, cell, message) from None
    except DeadKernelError:
        if (task := asyncio.current_task()) and task.cancelling():  # Ctrl-C, not the cell
            raise asyncio.CancelledError from None
        if client.received <= CELL_BYTES:
            message = "ended its kernel: it called exit, crashed, or used up the memory"
            raise _cell_error(source, cell, message) from None
    if client.received > CELL_BYTES:
        raise _cell_error(source, cell, f"gives more than {CELL_BYTES:,} characters; print less")
    return client.nb.cells[at].outputs


def _cell_error(source: Source, cell: Cell, message: str) -> BookError:
    return error_at(source.path, cell.line, f"cell {cell.id} {message}")


def _failure(source: Source, cell: Cell, error: CellExecutionError) -> BookError:
    trace = ANSI.sub("", error.traceback).strip()
    inside = re.search(r"Cell In\[\d+\], line (\d+)", trace)
    line = cell.code_line + int(inside[1]) - 1 if inside else cell.line
    name = f"cell {cell.id} failed: {error.ename}: {ANSI.sub('', error.evalue)}"
    return error_at(source.path, line, f"{name}\n\n{trace}")


async def _evaluate(client: _Client, source: Source, inline: Inline) -> str:
    """Return the Markdown text of an inline expression's value."""
    message = client.kc.execute(
        "", silent=True, store_history=False, user_expressions={"value": inline.expression}
    )
    deadline = time.monotonic() + CELL_SECONDS
    content: dict[str, Any] = {}
    while not content:
        try:
            reply = await client.kc.get_shell_msg(timeout=1)
        except Empty:
            if time.monotonic() < deadline and await client.km.is_alive():
                continue
            raise _inline_error(source, inline, "ended its kernel or ran too long") from None
        if reply["parent_header"].get("msg_id") == message:
            content = reply["content"]
    value = content.get("user_expressions", {}).get("value", content)
    if value["status"] != "ok":
        raise _inline_error(source, inline, f"failed: {value['ename']}: {value['evalue']}")
    return _inline_text(source, inline, value["data"])


def _inline_error(source: Source, inline: Inline, message: str) -> BookError:
    return error_at(source.path, inline.line, f"inline code `{inline.expression}` {message}")


def _inline_text(source: Source, inline: Inline, data: dict[str, str]) -> str:
    if markdown := data.get("text/markdown"):
        return " ".join(markdown.split())
    text = data["text/plain"]
    if "np." in text or ADDRESS.search(text):
        raise _inline_error(source, inline, f"gives {text}: format it, as in f'{{x:.2f}}'")
    if text[:1] in "'\"":
        text = str(ast.literal_eval(text))
    text = MINUS.sub("−", text)
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(text.split()))


# What is kept of an output


def _normalised(project: Project, source: Source, cell: Cell, outputs: list[dict]) -> list[dict]:
    """Return the outputs as they are kept: free of chance, of control codes and of this machine."""
    merged = [o for o in _merged(outputs) if cell.options.warning or o.get("name") != "stderr"]
    kept = [_cleaned(output) for output in merged]
    text = json.dumps(kept, ensure_ascii=False)
    for folder in (project.root, Path.home()):
        path = rf"(?<![\w.-]){re.escape(str(folder))}(?![\w-])"
        if folder != Path("/") and re.search(path, text):
            raise _cell_error(source, cell, f"shows a path of this machine: {folder}")
    if any(ADDRESS.search(shown) for shown in _texts(kept)):
        raise _cell_error(
            source,
            cell,
            "shows a memory address, which differs in each run: end its last line with `;`",
        )
    return kept


def _texts(outputs: list[dict]) -> Iterator[str]:
    for output in outputs:
        yield output.get("text", "")
        yield from (v for kind, v in output.get("data", {}).items() if kind.startswith("text/"))


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
