"""Find what a notebook needs; list it in the opening text and check it in the first cell.

Where the book is published (`site-url` and `repo-url` are set), that cell also fetches what is
missing, so that the notebook runs in the cloud.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from pprint import pformat

from bookbuild.run.cache import (
    data_outputs,
    imported_packages,
    named_paths,
    project_modules,
)
from bookbuild.run.cache import packages as installed
from bookbuild.run.machine import packages_state
from bookbuild.source.project import Project

LISTS = """\
# Is everything here that this notebook needs?
import importlib.util
from pathlib import Path

files = {files}
packages = {packages}
"""
FETCH = """\
if not all(Path(name).exists() for name in files):  # as in the cloud: get the kit
    import io, subprocess, sys, urllib.request, zipfile

    def run(*command):
        subprocess.run([sys.executable, *command], check=True)

    with urllib.request.urlopen({kit!r}) as answer:
        kit = zipfile.ZipFile(io.BytesIO(answer.read()))
    kit.extractall(members=[name for name in kit.namelist() if not Path(name).exists()])
    pins = {pins}
    if absent := [pins[name] for name in packages if not importlib.util.find_spec(name)]:
        run("-m", "pip", "install", "--quiet", *absent)
"""
PREPARE = """\
    run({arguments})
"""
CHECK = """\
absent = [name for name in files if not Path(name).exists()]
absent += [f"the package {name}" for name in packages if not importlib.util.find_spec(name)]
if absent:
    raise FileNotFoundError(
        f"missing in {Path.cwd()}: {', '.join(absent)}. "
        "The opening text tells where to get them."
    )"""


@dataclass(frozen=True)
class Needs:
    """The requirements of a notebook: the project's modules and other files, data, packages."""

    files: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()


def find(project: Project, code: list[str]) -> Needs:
    """Return what the code of a notebook needs."""
    modules = project_modules(project.root, code)
    code = [*code, *modules.values()]
    paths = {path for text in code for path in named_paths(project.root, text)}
    folder = project.settings.data
    data = {p for p in paths if folder and (p == folder or p.startswith(f"{folder}/"))}
    own = {Path(path).parts[0].removesuffix(".py") for path in modules}
    packages = imported_packages(code) - own
    files = sorted({*modules, *(paths - data)})
    return Needs(tuple(files), tuple(_with_companions(project, data)), tuple(sorted(packages)))


def _with_companions(project: Project, data: set[str]) -> list[str]:
    """Add the data that share a file's name, such as the pictures that a table lists."""
    folder = project.settings.data
    if folder in data:
        return [folder]
    outputs = [Path(folder, name) for name in data_outputs(project)]
    stems = {Path(path).with_suffix("") for path in data}
    companions = {str(output) for output in outputs if output.with_suffix("") in stems}
    return sorted(data | companions)


def opening(project: Project, title: str, about: str, needed: Needs) -> str:
    """Return the text above a chapter: its title, and what to get."""
    release = f", version {project.version}" if project.version else ""
    lines = [f"# {title}", "", f"From *{project.title}*{release}, {about}"]
    if needed != Needs():
        source = f"the kit, `{project.kit_name}`" if project.kit_name else "the book's repository"
        lines += [f"To run it, have in this notebook's folder, from {source}:", ""]
    if needed.files:
        lines.append(f"- {_quoted(needed.files)}")
    if needed.data:
        folder, program = project.settings.data, project.settings.data_program
        how = f", which `{program}` fills" if program else ""
        lines.append(f"- the folder `{folder}/`{how}; used here: {_quoted(needed.data)}")
    if needed.packages and (project.root / "requirements.txt").exists():
        install = "`python -m pip install -r requirements.txt`"
        lines.append(f"- `requirements.txt`, and what it lists installed: {install}")
    return "\n".join(lines)


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def check_code(project: Project, needed: Needs) -> str:
    """Return the code of the first cell."""
    files, packages = [*needed.files, *needed.data], [*needed.packages]
    lists = LISTS.format(files=_literal(files), packages=_literal(packages))
    if not project.kit_url:
        return lists + CHECK
    pins = _literal(_pins(project, needed.packages)).replace("\n", "\n    ")
    fetch = FETCH.format(kit=project.kit_url, pins=pins)
    if program := project.settings.data_program:
        arguments = ", ".join(f'"{word}"' for word in program.split()[1:])  # after "python"
        fetch += PREPARE.format(arguments=arguments)
    return lists + fetch + CHECK


def _literal(names: list[str] | dict[str, str]) -> str:
    return pformat(names, compact=True)


def _pins(project: Project, packages: tuple[str, ...]) -> dict[str, str]:
    """Return pip's requirement for each imported package."""
    requirements = project.root / "requirements.txt"
    lines = requirements.read_text(encoding="utf-8").split() if requirements.is_file() else []
    pinned = {_normal(line.partition("==")[0]): line for line in lines if "==" in line}
    distributions = installed(project.cache, packages_state())["owners"]
    names = {package: distributions.get(package, [package])[0] for package in packages}
    return {package: pinned.get(_normal(name), name) for package, name in names.items()}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
