"""Find a usable Quarto, and render the book with it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from bookbuild.source.errors import BookError

MINIMUM = (1, 9)


def find_quarto(choice: str) -> tuple[str | None, str]:
    """Return Quarto's path, or None for the built-in renderer, and the reason.

    Parameters
    ----------
    choice : str
        "quarto" or "builtin" to insist on one; "auto" for Quarto if a usable one is installed.
    """
    if choice == "builtin":
        return None, "requested"
    beside = Path(sys.executable).parent / "quarto"  # where quarto-cli's wheel puts it
    path = os.environ.get("QUARTO") or shutil.which("quarto") or (beside.exists() and str(beside))
    is_usable, reason = _check(path) if path else (False, "no quarto in QUARTO=, PATH or .venv")
    if choice == "quarto" and not is_usable:
        raise BookError(f"cannot render with Quarto: {reason}")
    return path if path and is_usable else None, reason


def _check(path: str) -> tuple[bool, str]:
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, f"{path} does not run: {error}"
    text = done.stdout.strip()
    version = re.match(r"(\d+)\.(\d+)", text)
    if not version or tuple(map(int, version.groups())) < MINIMUM:
        minimum = ".".join(map(str, MINIMUM))
        return False, f"{path} has version {text or 'unknown'}; {minimum} or newer is needed"
    return True, f"{path}, {text}"


def run_quarto(quarto: str, root: Path) -> int:
    """Render the book at `root`; return Quarto's exit status."""
    # so that Quarto finds this Python
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = os.environ | {"QUARTO_PYTHON": sys.executable, "PATH": path}
    return subprocess.run([quarto, "render"], cwd=root, env=environment).returncode
