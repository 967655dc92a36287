"""Test the tasks of the Makefile without running them."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def make(*arguments: str) -> str:
    """Return what make prints."""
    return subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True).stdout


def test_the_users_pip_setting_is_overridden():
    assert "\nPIP_USER := 0\n" in make("--print-data-base", "--dry-run", "help")


def test_preview_passes_the_port_on():
    commands = make("--dry-run", "preview", "PORT=4321", "READY=", "RECIPE=")
    assert "bookbuild preview --port 4321" in commands
