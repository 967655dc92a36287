"""Obstacles on the user's machine: the build copes, or explains itself in one line."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bookbuild.source.errors import os_error_message
from tests.support.books import SmallBook
from tests.support.processes import command as command_line

# Capabilities of a user without the superuser's rights who may read the superuser's folders.
READER = ["+dac_read_search", "+dac_override"]
# A process that may not write anywhere cannot record its coverage.
UNMEASURED = ("COVERAGE_PROCESS_CONFIG",)


def run(
    book: SmallBook,
    *command: str,
    before: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
    **env,
) -> subprocess.CompletedProcess:
    arguments = [*before, *command_line(book.root, *command)]
    variables = {key: value for key, value in os.environ.items() if key not in without} | env
    return subprocess.run(arguments, env=variables, capture_output=True, text=True, timeout=300)


def one_line(done: subprocess.CompletedProcess) -> str:
    """Return the error of a failed run: one line, without a traceback."""
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    [line] = [line for line in done.stderr.splitlines() if not line.startswith("  ")]
    return line


def as_user(*capabilities: str) -> tuple[str, ...]:
    """Return a command that runs a program as a user without a name on this system."""
    program = shutil.which("setpriv")
    if os.getuid() or not program:
        pytest.skip("needs setpriv and the superuser's rights")
    command = [program, "--reuid=12345", "--regid=12345", "--clear-groups"]
    allowed = ",".join(capabilities)
    return (*command, f"--inh-caps={allowed}", f"--ambient-caps={allowed}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 400 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    if os.getuid() or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs the right to mount a disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


BUILD = ("build", "--renderer", "builtin")


@pytest.mark.parametrize(
    "preview_command", ["", "task preview --port={port}"], ids=["default", "the book's own"]
)
def test_a_port_in_use(book, preview_command):
    if preview_command:
        book.configure(preview_command=preview_command)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = one_line(run(book, "preview", "--port", str(port)))
    assert f"cannot use port {port}" in line
    expected = preview_command or "bookbuild preview --port {port}"
    free = int(line.rpartition(expected.format(port=""))[2])
    with socket.create_server(("127.0.0.1", free)):
        assert free != port


@pytest.mark.parametrize("port", ["http", "-1", "65536"])
def test_invalid_port(book, port):
    done = run(book, "preview", "--port", port)
    assert done.returncode == 2 and "up to 65535" in done.stderr


@pytest.mark.slow
def test_a_long_path_for_temporary_files(book, tmp_path):
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    done = run(book, *BUILD, TMPDIR=str(folder))
    assert done.returncode == 0, done.stderr
    assert [*folder.iterdir()] == []


@pytest.mark.slow
def test_a_user_without_a_home_and_a_name(book):
    for path in (book.root, *book.root.rglob("*"), *book.root.parents[:2]):
        path.chmod(0o777)
    book.chapter("```{python}\nimport getpass\nprint(len(getpass.getuser()) > 0)\n```")
    done = run(
        book, *BUILD, before=as_user(*READER), without=("HOME", "USER", "LOGNAME", "XDG_CACHE_HOME")
    )
    assert done.returncode == 0, done.stderr
    assert "True" in book.page()


@pytest.mark.parametrize("command", [("check",), BUILD])
def test_a_read_only_folder(book, command):
    for path in (book.root, *book.root.rglob("*"), *book.root.parents[:2]):
        path.chmod(0o555 if path.is_relative_to(book.root) else 0o755)
    line = one_line(run(book, *command, before=as_user("+dac_read_search"), without=UNMEASURED))
    assert str(book.root) in line and "check that you have write permission" in line


@pytest.mark.slow
@pytest.mark.parametrize("free", [0, 20, 60, 150])
def test_a_full_disk(disk, free):
    book = SmallBook(disk)
    (disk / "rest").write_bytes(b"x" * 1024 * max(0, 350 - free))
    line = one_line(run(book, *BUILD))
    assert "No space left on device" in line


def test_an_error_about_a_whole_folder_is_one_line():
    nested = shutil.Error([("a", "b", "[Errno 28] No space left on device: 'b'"), ("c", "d", "x")])
    assert os_error_message(nested).endswith("free some disk space, then run it again")
    assert "\n" not in os_error_message(nested)
