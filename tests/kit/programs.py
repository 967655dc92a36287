"""Programs that tests need and pip does not install: Chromium, poppler."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def program(name: str, package: str) -> str:
    """Return the path of a program; if it is missing, skip or fail the test."""
    return shutil.which(name) or missing(f"{name} is not installed (Debian: apt install {package})")


def missing(what: str) -> NoReturn:
    """Skip a test on a reader's machine, fail it in CI."""
    pytest.fail(what) if os.environ.get("CI") == "true" else pytest.skip(what)
