"""External programs that the tests need and pip does not install: Chromium, poppler."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def program(name: str, package: str) -> str:
    """Return the path of a program; skip the test, or fail it in CI, if there is none."""
    return shutil.which(name) or missing(f"{name} is not installed (Debian: apt install {package})")


def missing(reason: str) -> NoReturn:
    """Skip the test on a reader's machine, fail it in CI."""
    pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
