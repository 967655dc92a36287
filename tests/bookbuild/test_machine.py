"""The machine's own obstacles: it works, or one line says what to do; never a traceback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.books import SmallBook

REPOSITORY = Path(__file__).parents[2]
# A user without rights of the superuser's, save to read what lies in the superuser's folder.
READER = ["+dac_read_search", "+dac_override"]
# A run that may write nowhere cannot leave its coverage either.
UNMEASURED = ("COVERAGE_PROCESS_CONFIG",)


def run(
    book: SmallBook,
    *command: str,
    before: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
    **env,
) -> subprocess.CompletedProcess:
    arguments = [*before, sys.executable, "-m", "bookbuild", "--root", str(book.root), *command]
    variables = {key: value for key, value in os.environ.items() if key not in without} | env
    return subprocess.run(
        arguments, cwd=REPOSITORY, env=variables, capture_output=True, text=True, timeout=300
    )


def one_line(done: subprocess.CompletedProcess) -> str:
    """Return the error of a run that failed: one line, and no traceback."""
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    [line] = [line for line in done.stderr.splitlines() if not line.startswith("  ")]
    return line


def as_user(*capabilities: str) -> tuple[str, ...]:
    """Return how a program is run as a user whom the system does not know by name."""
    program = shutil.which("setpriv")
    if os.getuid() or not program:
        pytest.skip("needs setpriv, and the superuser's rights")
    command = [program, "--reuid=12345", "--regid=12345", "--clear-groups"]
    allowed = ",".join(capabilities)
    return (*command, f"--inh-caps={allowed}", f"--ambient-caps={allowed}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 400 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    if os.getuid() or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs the right to mount a disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


BUILD = ("build", "--renderer", "builtin")


def test_a_port_that_is_in_use(book):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = one_line(run(book, "preview", "--port", str(port)))
    assert f"port {port} cannot be used" in line
    free = int(line.rpartition("make preview PORT=")[2])
    with socket.create_server(("127.0.0.1", free)):
        assert free != port


@pytest.mark.parametrize("port", ["http", "-1", "65536"])
def test_a_port_that_is_none(book, port):
    done = run(book, "preview", "--port", port)
    assert done.returncode == 2 and "up to 65535" in done.stderr


@pytest.mark.slow
def test_a_long_path_of_temporary_files(book, tmp_path):
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    done = run(book, *BUILD, TMPDIR=str(folder))
    assert done.returncode == 0, done.stderr
    assert [*folder.iterdir()] == []


@pytest.mark.slow
def test_a_user_without_home_and_name(book):
    for path in (book.root, *book.root.rglob("*"), *book.root.parents[:2]):
        path.chmod(0o777)
    book.chapter("```{python}\nimport getpass\nprint(len(getpass.getuser()) > 0)\n```")
    done = run(
        book, *BUILD, before=as_user(*READER), without=("HOME", "USER", "LOGNAME", "XDG_CACHE_HOME")
    )
    assert done.returncode == 0, done.stderr
    assert "True" in book.page()


@pytest.mark.parametrize("command", [("check",), BUILD])
def test_a_folder_that_may_not_be_written_to(book, command):
    for path in (book.root, *book.root.rglob("*"), *book.root.parents[:2]):
        path.chmod(0o555 if path.is_relative_to(book.root) else 0o755)
    line = one_line(run(book, *command, before=as_user("+dac_read_search"), without=UNMEASURED))
    assert str(book.root) in line and "must be writable" in line


@pytest.mark.slow
@pytest.mark.parametrize("free", [0, 20, 60, 150])
def test_a_full_disk(disk, free):
    book = SmallBook(disk)
    (disk / "rest").write_bytes(b"x" * 1024 * max(0, 350 - free))
    line = one_line(run(book, *BUILD))
    assert "No space left on device" in line


def test_an_error_of_a_whole_folder_is_one_line():
    from bookbuild.errors import of_the_machine

    nested = shutil.Error([("a", "b", "[Errno 28] No space left on device: 'b'"), ("c", "d", "x")])
    assert of_the_machine(nested).endswith("make room on the disk, then run it again")
    assert "\n" not in of_the_machine(nested)


def test_the_makefile_leaves_out_a_setting_of_pips():
    command = ["make", "--print-data-base", "--dry-run", "help"]
    said = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True).stdout
    assert "\nPIP_USER := 0\n" in said


def test_preview_takes_a_port():
    command = ["make", "--dry-run", "preview", "PORT=4321", "READY=", "RECIPE="]
    said = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True).stdout
    assert "bookbuild preview --port 4321" in said
