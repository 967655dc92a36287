"""Quarto, where it is installed: whether it can be used here, and a render by it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from bookbuild.errors import BookError

MINIMUM = (1, 9)


def find(renderer: str) -> tuple[str | None, str]:
    """Return Quarto's path, or None for the built-in renderer, and why.

    Parameters
    ----------
    renderer : str
        "quarto" or "builtin" to insist on one; "auto" for Quarto if there is a usable one.
    """
    if renderer == "builtin":
        return None, "asked for"
    beside = Path(sys.executable).parent / "quarto"  # where `make quarto` puts it
    path = os.environ.get("QUARTO") or shutil.which("quarto") or (beside.exists() and str(beside))
    usable, why = _is_usable(path) if path else (False, "no quarto in QUARTO=, PATH or .venv")
    if renderer == "quarto" and not usable:
        raise BookError(f"Quarto was asked for: {why}")
    return path if path and usable else None, why


def _is_usable(path: str) -> tuple[bool, str]:
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, f"{path} does not run: {error}"
    version = re.match(r"(\d+)\.(\d+)", done.stdout.strip())
    if not version or tuple(map(int, version.groups())) < MINIMUM:
        wanted = ".".join(map(str, MINIMUM))
        return False, f"{path} is {done.stdout.strip() or 'of no version'}, not {wanted} or newer"
    return True, f"{path}, {done.stdout.strip()}"


def render(quarto: str, root: Path) -> int:
    """Render the book at `root`; return Quarto's exit status."""
    # so that Quarto finds the Python that runs this
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = os.environ | {"QUARTO_PYTHON": sys.executable, "PATH": path}
    return subprocess.run([quarto, "render"], cwd=root, env=environment).returncode
