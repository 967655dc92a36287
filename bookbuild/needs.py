"""What a notebook needs, in words for its reader and as a first cell that looks for it.

Where the book is published (`site-url` and `repo-url` are set) that cell also gets what is not
there, so that the notebook runs in the cloud.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path
from pprint import pformat

from bookbuild import ingredients
from bookbuild.modules import imported, project_modules
from bookbuild.paths import named
from bookbuild.project import Project

LISTS = """\
# Is everything here that this notebook needs?
import importlib.util
from pathlib import Path

files = {files}
packages = {packages}
"""
GET = """\
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
    if Path("data/prepare.py").exists():
        run("data/prepare.py")
"""
CHECK = """\
absent = [name for name in files if not Path(name).exists()]
absent += [f"the package {name}" for name in packages if not importlib.util.find_spec(name)]
if absent:
    raise FileNotFoundError(
        f"missing in {Path.cwd()}: " + ", ".join(absent) + ". The text above says what to get."
    )"""


@dataclass(frozen=True)
class Needs:
    """What a notebook needs to run: the project's modules and other files, data, packages."""

    files: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()


def of(project: Project, code: list[str]) -> Needs:
    """Return what the code of a notebook needs."""
    modules = project_modules(project.root, code)
    code = [*code, *modules.values()]
    paths = {path for text in code for path in named(project.root, text)}
    data = {path for path in paths if path == "data" or path.startswith("data/")}
    own = {Path(path).parts[0].removesuffix(".py") for path in modules}
    packages = {name for text in code for name in imported(text)} - sys.stdlib_module_names - own
    files = sorted({*modules, *(paths - data)})
    return Needs(tuple(files), tuple(_with_companions(project, data)), tuple(sorted(packages)))


def _with_companions(project: Project, data: set[str]) -> list[str]:
    """Add what was made with a file of data and has its name: the pictures of a list, say."""
    if "data" in data:
        return ["data"]
    outputs = [Path("data", name) for name in ingredients.outputs(project)]
    stems = {Path(path).with_suffix("") for path in data}
    companions = {str(output) for output in outputs if output.with_suffix("") in stems}
    return sorted(data | companions)


def opening(project: Project, title: str, about: str, needed: Needs) -> str:
    """Return what stands above a chapter: its title, and what to get."""
    version = f", version {project.version}" if project.version else ""
    lines = [f"# {title}", "", f"From *{project.title}*{version}, {about}"]
    if needed != Needs():
        source = f"the kit, `{project.kit_name}`" if project.kit_name else "the book's repository"
        lines += [f"To run it, have in this notebook's folder, from {source}:", ""]
    if needed.files:
        lines.append(f"- {_named(needed.files)}")
    if needed.data:
        recipe = project.root / "data" / "prepare.py"
        how = ", which `python data/prepare.py` fills" if recipe.exists() else ""
        lines.append(f"- the folder `data/`{how}; used here: {_named(needed.data)}")
    if needed.packages and (project.root / "requirements.txt").exists():
        install = "`python -m pip install -r requirements.txt`"
        lines.append(f"- `requirements.txt`, and what it lists installed: {install}")
    return "\n".join(lines)


def _named(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def check(project: Project, needed: Needs) -> str:
    """Return the code of the first cell."""
    files, packages = [*needed.files, *needed.data], [*needed.packages]
    lists = LISTS.format(files=_listed(files), packages=_listed(packages))
    if not project.kit_url:
        return lists + CHECK
    pins = _listed(_pins(project, needed.packages)).replace("\n", "\n    ")
    return lists + GET.format(kit=project.kit_url, pins=pins) + CHECK


def _listed(names: list[str] | dict[str, str]) -> str:
    return pformat(names, compact=True)


def _pins(project: Project, packages: tuple[str, ...]) -> dict[str, str]:
    """Return what to ask pip for, by the names that are imported."""
    requirements = project.root / "requirements.txt"
    lines = requirements.read_text(encoding="utf-8").split() if requirements.is_file() else []
    pinned = {_normal(line.partition("==")[0]): line for line in lines if "==" in line}
    known = packages_distributions()
    names = {package: known.get(package, [package])[0] for package in packages}
    return {package: pinned.get(_normal(name), name) for package, name in names.items()}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
