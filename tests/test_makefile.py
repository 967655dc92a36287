"""Test the Makefile: its tasks, without running them, and the installation of a single package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from tests import tiny

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "renderer/pyproject.toml").read_text("utf-8"))["project"]
HARMFUL = {"PYTHONPATH": "/nowhere", "PYTHONSAFEPATH": "1", "PYTHONOPTIMIZE": "2"}


@pytest.fixture(autouse=True)
def outside_make(monkeypatch):
    """Run make as a user does, even where make runs the tests: a nested one prints its folder."""
    for name in ("MAKELEVEL", "MAKEFLAGS", "MFLAGS"):
        monkeypatch.delenv(name, raising=False)


def make(*arguments: str, **settings: str) -> str:
    """Return what make prints."""
    command = ["make", *arguments]
    own = os.environ | settings
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=own).stdout


def test_the_users_pip_setting_is_overridden():
    assert "\nPIP_USER := 0\n" in make("--print-data-base", "--dry-run", "help")


def test_settings_that_would_break_the_programs_are_dropped():
    show = (
        f"show: ; @{sys.executable} -c 'import data.fetch; assert False, \"checked\"' 2>&1 || true"
    )
    assert "AssertionError: checked" in make("--eval", show, "show", **HARMFUL)


def test_preview_passes_the_port_on():
    commands = make("--dry-run", "preview", "PORT=4321", "READY=", "RECIPE=")
    assert "bookbuild preview --port 4321" in commands


def test_findings_lists_those_that_have_changed_and_runs_each_in_an_empty_folder(tmp_path):
    scripts = {"same": "exit 0", "changed": "echo seen; exit 3", "folder": '[ -z "$(ls -A)" ]'}
    for name, text in scripts.items():
        (tmp_path / f"{name}.sh").write_text(text, encoding="utf-8")
    paths = [str(tmp_path / f"{name}.sh") for name in scripts]
    text = make("findings", f"FINDINGS={' '.join(paths)}")
    assert text == f"{paths[1]} has changed:\n    seen\nfindings: 3 run\n"
    command = ["make", "findings", f"FINDINGS={paths[0]}"]
    assert subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL).returncode == 0
    command[-1] = f"FINDINGS={paths[1]}"
    assert subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL).returncode != 0


# The installation


class Folder:
    """A folder with what the installation needs, and a single package to install."""

    def __init__(self, root: Path, index: Path) -> None:
        self.root, self.index = root, index
        for name in ("Makefile", "tools/venv.sh", "renderer/pyproject.toml"):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
        (root / "requirements.txt").write_text("tiny==1.0\n", encoding="utf-8")

    def start(self, python: str = sys._base_executable) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["make", ".venv/.ready", f"PYTHON={python}"],
            cwd=self.root,
            env=tiny.environment(self.index),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def install(self, **options: str) -> tuple[int, str]:
        """Return make's exit status and what it prints."""
        process = self.start(**options)
        text, _ = process.communicate()
        return process.returncode, text

    def works(self) -> bool:
        """Return whether .venv's Python finds the package."""
        command = [self.root / ".venv/bin/python", "-c", "import tiny"]
        return subprocess.run(command, env=tiny.environment(self.index)).returncode == 0


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "a book", tiny.make_index(tmp_path / "index"))


def sentence(done: tuple[int, str]) -> str:
    """Return the one sentence with which the installation stopped."""
    code, text = done
    message, of_make = text.strip().splitlines()
    assert code == 2 and message.startswith("setup: ") and of_make.startswith("make: ***"), text
    return message


@pytest.mark.parametrize("version", [f"3.{minor}.2" for minor in range(9, 17)] + ["2.7.18"])
def test_exactly_the_supported_pythons_are_accepted(folder, tmp_path, version):
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\ncase "$*" in *version_info*) echo {version};; *) exit 1;; esac\n'
    )
    python.chmod(0o755)
    message = sentence(folder.install(python=str(python)))
    if SpecifierSet(PROJECT["requires-python"]).contains(version):
        assert "python3-venv" in message, "the next obstacle"
    else:
        assert f"is Python {version}, but the packages need Python 3." in message


def test_a_missing_python_is_named(folder):
    assert "python9 does not run" in sentence(folder.install(python="python9"))


@pytest.mark.slow
def test_it_installs_once_and_again_when_something_has_changed(folder):
    wheel = folder.index / tiny.WHEEL
    wheel.rename(folder.root / wheel.name)
    code, text = folder.install()
    assert code == 2 and "setup: pip could not install the packages" in text
    (folder.root / wheel.name).rename(wheel)
    assert_installs(folder)
    assert folder.install() == (0, "")
    stamp = folder.root / ".venv/.ready"
    before = stamp.stat().st_mtime_ns
    assert folder.install(python="python9") == (0, ""), "that Python is no longer needed"
    assert stamp.stat().st_mtime_ns == before, "nothing that depends on it is made anew"
    (folder.root / "requirements.txt").write_text("tiny\n", encoding="utf-8")
    assert_installs(folder)
    for make_useless in (move, remove_python, change_version):
        make_useless(folder)
        assert_installs(folder)
        pip = (folder.root / ".venv/bin/pip").read_text("utf-8")
        assert str(folder.root) in pip, "scripts, too"


def assert_installs(folder: Folder) -> None:
    code, text = folder.install()
    assert code == 0 and "installing" in text and folder.works(), text


def move(folder: Folder) -> None:
    folder.root = folder.root.rename(folder.root.with_name("moved"))


def remove_python(folder: Folder) -> None:
    python = folder.root / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/gone/python3.12")


def change_version(folder: Folder) -> None:
    """Let the link lead to a Python that looks for packages elsewhere."""
    [packages] = (folder.root / ".venv/lib").iterdir()
    packages.rename(packages.with_name("python3.2"))


@pytest.mark.slow
def test_two_at_once_install_once(folder):
    processes = [folder.start(), folder.start()]
    texts = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sum("installing requirements.txt" in text for text in texts) == 1
    assert sum("waiting for another make" in text for text in texts) <= 1 and folder.works()
