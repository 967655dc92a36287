"""Run a chapter's cells and inline expressions in a kernel of its own, in document order.

`results.py` cleans the outputs. This module imports nbclient, which takes half a second, so import
it only when there is something to run.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from queue import Empty
from typing import Any, Protocol, TypeVar

import nbformat
from jupyter_client import AsyncKernelClient, AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from bookbuild.run import results
from bookbuild.run.progress import Progress
from bookbuild.run.results import ANSI, Results, cell_error, inline_error
from bookbuild.source import qmd
from bookbuild.source.errors import BookError, error_at
from bookbuild.source.project import Project
from bookbuild.source.qmd import Cell, Inline, Source

PROGRAM = Path(__file__).with_name("kernel_process.py")
CELL_SECONDS = 15 * 60
START_SECONDS = 5 * 60  # a busy machine takes more than nbclient's one minute
STOP_SECONDS = 0.5  # how often to check for a stop request
FOLDER_BYTES = 60  # leaves room for the socket names, whose paths have at most 107
CELL_BYTES = 8_000_000
INHERITED_VARIABLES = ("PATH", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "CONDA_PREFIX")
# One thread per kernel: kernels share the cores, and results do not depend on their number.
THREADS = ("OMP", "OPENBLAS", "MKL", "NUMBA")
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in THREADS} | {"POLARS_MAX_THREADS": "1"}
# By default glibc returns the large blocks of arrays to the system, which zeroes each new one. With
# these two settings it reuses them, and some cells take half the time.
REUSED_MEMORY = dict.fromkeys(("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"), str(2**30))


T = TypeVar("T")


class StopRequest(Protocol):
    """An event of `threading` or of Dask."""

    def is_set(self) -> bool:
        """Return whether the chapter should stop."""


def run(project: Project, source: Source, progress: Progress, stop: StopRequest) -> Results:
    """Execute a chapter; end its kernel when `stop` is set.

    Raises
    ------
    BookError
        If a cell or expression fails, times out, produces too much output or kills the kernel.
    """
    try:
        return asyncio.run(_unless(stop, _run(project, source, progress)))
    except asyncio.CancelledError:
        raise BookError(f"{source.path}: stopped") from None
    finally:
        progress.finish(str(source.path))


async def _unless(stop: StopRequest, work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.ensure_future(work)
    while not task.done():
        await asyncio.wait({task}, timeout=STOP_SECONDS)
        if stop.is_set():
            task.cancel()
    return task.result()


async def _run(project: Project, source: Source, progress: Progress) -> Results:
    empty: list[list[dict]] = [[] for _ in source.cells]
    node = nbformat.from_dict(qmd.notebook(source, empty, [i.expression for i in source.inlines]))
    positions = iter([n for n, cell in enumerate(node.cells) if cell.cell_type == "code"])
    outputs: list[list[dict[str, Any]]] = []
    values: list[str] = []
    async with _kernel(project, node) as client:
        for step in source.steps:
            if isinstance(step, Inline):
                values.append(await _evaluate(project, client, source, step))
                continue
            progress.show(
                str(source.path), f"cell {len(outputs) + 1} of {len(source.cells)}  {step.id}"
            )
            start = time.monotonic()
            raw = await _execute(client, source, step, next(positions))
            outputs.append(results.clean(project, source, step, raw))
            progress.record(str(source.path), step.id, time.monotonic() - start)
    return Results(outputs, values)


# The kernel


class _Client(NotebookClient):
    """An nbclient that stops a cell while it produces too much output."""

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
    """Start a kernel of this Python; end it whatever happens."""
    command = [sys.executable, str(PROGRAM), "-f", "{connection_file}"]
    with tempfile.TemporaryDirectory(prefix="bookbuild-", dir=_short_folder()) as folder:
        manager = AsyncKernelManager(transport="ipc", connection_file=f"{folder}/kernel.json")
        manager._kernel_spec = KernelSpec(argv=command, display_name="Python 3", language="python")
        client = _Client(node, km=manager, timeout=CELL_SECONDS, record_timing=False)
        client.startup_timeout = START_SECONDS
        try:
            log = Path(folder, "kernel.log")
            with log.open("w") as file:
                environment = _environment(project, folder)
                await client.async_start_new_kernel(
                    cwd=str(project.root), env=environment, stdout=file, stderr=file
                )
            await _connect(client, log)
            yield client
        finally:
            if client.kc:
                client.kc.stop_channels()
            await manager.shutdown_kernel(now=True)


def _short_folder() -> str:
    """Return a temporary folder whose path is short enough for sockets, whatever TMPDIR is."""
    folders = [tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm"]
    short = (f for f in folders if len(os.fsencode(f)) <= FOLDER_BYTES and os.access(f, os.W_OK))
    return next(short, folders[0])


async def _connect(client: _Client, log: Path) -> None:
    try:
        await client.async_start_new_kernel_client()
    except RuntimeError as error:
        lines = log.read_text(errors="replace").split("\n")
        errors = [line for line in lines if "Error" in line] or [f"{error}; is this machine busy?"]
        reason = errors[-1]
        raise BookError(f"the kernel did not start: {reason[:300]}") from None


def _environment(project: Project, runtime: str) -> dict[str, str]:
    """Return the kernel's environment: proxies that refuse connections, and no user settings."""
    for folder in ("home", "ipython"):
        (project.cache / folder).mkdir(parents=True, exist_ok=True)
    schemes = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy")
    closed = dict.fromkeys([*schemes, *map(str.upper, schemes)], "http://127.0.0.1:9")
    return {name: os.environ[name] for name in INHERITED_VARIABLES if name in os.environ} | {
        **closed,
        **REUSED_MEMORY,
        **ONE_THREAD,
        "HOME": str(project.cache / "home"),
        "IPYTHONDIR": str(project.cache / "ipython"),
        "JUPYTER_RUNTIME_DIR": runtime,
        "LC_ALL": "C.UTF-8",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": str(project.cache / "matplotlib"),
        "NUMBA_CACHE_DIR": str(project.cache / "numba"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "USER": "reader",  # some libraries need a name, which a container's user may lack
        "PYTHONHASHSEED": os.environ.get("PYTHONHASHSEED", "0"),
    }


# One cell, one expression


async def _execute(client: _Client, source: Source, cell: Cell, at: int) -> list[dict]:
    client.received = 0
    try:
        await client.async_execute_cell(client.nb.cells[at], at)
    except CellExecutionError as error:
        raise _failure(source, cell, error) from None
    except CellTimeoutError:
        message = f"ran longer than {CELL_SECONDS} s and was stopped"
        raise cell_error(source, cell, message) from None
    except DeadKernelError:
        if (task := asyncio.current_task()) and task.cancelling():  # Ctrl-C, not the cell
            raise asyncio.CancelledError from None
        if client.received <= CELL_BYTES:
            message = "ended its kernel: it crashed, ran out of memory or called os._exit"
            raise cell_error(source, cell, message) from None
    if client.received > CELL_BYTES:
        raise cell_error(source, cell, f"output exceeds {CELL_BYTES:,} characters; print less")
    return client.nb.cells[at].outputs


def _failure(source: Source, cell: Cell, error: CellExecutionError) -> BookError:
    trace = ANSI.sub("", error.traceback).strip()
    inside = re.search(r"Cell In\[\d+\], line (\d+)", trace)
    line = cell.code_line + int(inside[1]) - 1 if inside else cell.line
    name = f"cell {cell.id} failed: {error.ename}: {ANSI.sub('', error.evalue)}"
    return error_at(source.path, line, f"{name}\n\n{trace}")


async def _evaluate(project: Project, client: _Client, source: Source, inline: Inline) -> str:
    """Return the Markdown of an inline expression's value."""
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
            raise inline_error(source, inline, "ended its kernel or ran too long") from None
        if reply["parent_header"].get("msg_id") == message:
            content = reply["content"]
    value = content.get("user_expressions", {}).get("value", content)
    if value["status"] != "ok":
        raise inline_error(source, inline, f"failed: {value['ename']}: {value['evalue']}")
    return results.inline_value(project, source, inline, value["data"])
