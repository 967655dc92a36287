"""Read a book's conventions from `[tool.bookbuild]` in its pyproject.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from bookbuild.source.errors import BookError, did_you_mean, error_at

FILE = "pyproject.toml"


@dataclass(frozen=True)
class Settings:
    """A book's own conventions; paths are relative to its root, and "" means none."""

    data: str = ""  # folder that cells read
    data_manifest: str = ""  # JSON: `outputs` and `recipe`, each names below `data` with checksums
    data_command: str = ""  # prepares the data; messages name it
    data_program: str = ""  # the same where there is only the kit, as in "python -m data.prepare"
    kit: str = ""  # folder whose files join the notebooks in one archive
    kit_extra: tuple[str, ...] = ()  # other files that the archive includes where they exist
    quarto_only: tuple[str, ...] = ()  # keys of _quarto.yml that concern Quarto's output only
    quarto_command: str = "bookbuild build --renderer quarto"  # renders what is not supported
    live_figures: str = ""  # folder of the scripts of live figures
    watch: tuple[str, ...] = ()  # patterns of further files that the preview watches
    binder_path: str = ""  # JupyterLab address of the unpacked kit on Binder
    preview_command: str = "bookbuild preview --port {port}"


def read_settings(root: Path) -> tuple[Settings, list[BookError]]:
    """Return the settings of the book at `root`, and the problems found in them."""
    path = root / FILE
    if not path.is_file():
        return Settings(), []
    try:
        tools = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return Settings(), [error_at(FILE, None, f"not TOML: {error}")]
    table = tools.get("bookbuild", {}) if isinstance(tools, dict) else tools
    if not isinstance(table, dict):
        return Settings(), [error_at(FILE, None, "[tool.bookbuild] must be a table of settings")]
    known = {field.name.replace("_", "-"): field.default for field in fields(Settings)}
    values: dict[str, Any] = {}
    problems = []
    for key, value in table.items():
        if problem := _problem(key, value, known):
            problems.append(error_at(FILE, None, f"[tool.bookbuild] {problem}"))
        else:
            values[key.replace("-", "_")] = tuple(value) if isinstance(value, list) else value
    return Settings(**values), problems


def _problem(key: str, value: Any, known: dict[str, Any]) -> str:
    if key not in known:
        return f"has the unknown key `{key}`{did_you_mean(key, known)}"
    if isinstance(known[key], str):
        return "" if isinstance(value, str) else f"`{key}` must be text, not {value!r}"
    is_texts = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return "" if is_texts else f"`{key}` must be a list of texts, not {value!r}"
