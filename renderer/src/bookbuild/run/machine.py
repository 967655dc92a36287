"""Describe the machine and the installed packages on which results depend."""

from __future__ import annotations

import functools
import platform
import re
import sys
from pathlib import Path

# Libraries choose their code by the vector instructions, and some by the maker.
PROCESSOR = re.compile(
    r"(?m)^vendor_id\s*:\s*\w+|\b(?:sse|ssse|avx|fma|f16c|amx|asimd|sve|sme|bf16)\w*"
)


@functools.cache
def instructions() -> str:
    """Return the processor's architecture, maker and vector instructions."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    return " ".join([platform.machine(), *sorted({*PROCESSOR.findall(text)})])


def packages_state() -> tuple[str, ...]:
    """Return a value that changes when a package is installed, upgraded or removed.

    It lists the modification time of each folder on Python's path, and the names of the folders
    with metadata, which contain the version: in a reproducible image all files have one time.
    """
    folders = [path for path in map(Path, sys.path) if path.is_dir()]
    times = [f"{path} {path.stat().st_mtime_ns}" for path in folders if path != Path.cwd()]
    return *times, *sorted(str(info) for path in folders for info in path.glob("*-info"))
