"""Show what changes with the newest versions of the book's packages: `make next`.

The packages of requirements.in are installed in `.cache/next` without their pins, except torch: the
newest one on the default index brings gigabytes of CUDA. The book's Python and the new one then
both report versions, missing names, and problems in chapters and fast tests. What only the new one
reports is printed. A run takes about three times as long as `make book`.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
import venv
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

import bookbuild
from tools.expected import proposal
from tools.quantities import compare_all, executed, printed
from tools.scratch import REPOSITORY

FOLDER = REPOSITORY / ".cache" / "next"
PINNED = "torch"
MODULES = ("*.py", "data/*.py", "figures/**/*.py", "renderer/src/**/*.py")
TESTS = {"renderer": "not slow", "tests": "not book and not slow"}
REPORTED = re.compile(r"^(?:FAILED|ERROR) \S+|\b\w+Warning: .*", re.MULTILINE)

Observations = dict[str, list[str]]  # by subject


def main() -> int:
    """Print what only the newest versions report; return 1 if that is more than their numbers."""
    if sys.argv[1:] == ["observe"]:
        print(json.dumps(observe()))
        return 0
    before, after = observed_by(sys.executable), observed_by(str(install()))
    new = {subject: [x for x in after[subject] if x not in before[subject]] for subject in after}
    for subject, lines in new.items():
        print(f"{subject}: {len(lines) or 'nothing'} new")
        print("".join(f"    {line}\n" for line in lines), end="")
    return 1 if any(new[subject] for subject in new if subject != "versions") else 0


def install() -> Path:
    """Install the newest packages in an environment of their own; return its Python."""
    venv.create(FOLDER, clear=True, with_pip=True)
    python = FOLDER / "bin" / "python"
    wanted = FOLDER / "requirements.in"
    text = (REPOSITORY / "requirements.in").read_text(encoding="utf-8")
    wanted.write_text(without_pins(text), encoding="utf-8")
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "-qq"]
    run([*pip, "--requirement", str(wanted)])
    return python


def without_pins(requirements: str) -> str:
    """Return requirements without versions, except that of torch."""
    lines = requirements.splitlines()
    free = (
        x if x.startswith(PINNED) else re.sub(r"(?<=\w)\s*[<>=!~]=?[^#]*", " ", x) for x in lines
    )
    return "\n".join(free) + "\n"


def observed_by(python: str) -> Observations:
    """Return what a Python observes."""
    return json.loads(run([python, "-m", "tools.next", "observe"]))


def run(command: list[str]) -> str:
    """Return a command's output; exit if it fails, as its error has been printed."""
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"next: {' '.join(command)} failed, for the reason above")
    return done.stdout


# In either environment


def observe() -> Observations:
    """Return all observations of this Python."""
    errors, warnings, quantities = chapters()
    return {
        "versions": sorted(f"{d.name} {d.version}" for d in distributions()),
        "removed names": sorted({name for code in sources() for name in missing_names(code)}),
        "errors in chapters": errors,
        "warnings in chapters": warnings,
        "quantities that do not match": quantities,
        "failures and warnings in tests": sorted({x for folder in TESTS for x in tested(folder)}),
    }


def chapters() -> tuple[list[str], list[str], list[str]]:
    """Return the chapters' errors, their warnings, and the quantities that do not match."""
    try:
        notebooks = executed(REPOSITORY)
    except bookbuild.BookError as error:
        return str(error).splitlines(), [], []
    outputs = [
        o for book in notebooks.values() for c in book["cells"] for o in c.get("outputs", [])
    ]
    warnings = [
        line for o in outputs if o.get("name") == "stderr" for line in o["text"].splitlines()
    ]
    values = {stem: named for stem, book in notebooks.items() if (named := printed(book))}
    changes = [c for c in compare_all(REPOSITORY, values) if c.verdict != "ok"]
    return [], warnings, [f"{c.chapter}, {c.name}: {' '.join(proposal(c))}" for c in changes]


def sources() -> Iterator[str]:
    """Yield the code of the book, of the renderer and of each chapter."""
    yield from (p.read_text("utf-8") for name in MODULES for p in sorted(REPOSITORY.glob(name)))
    for source in bookbuild.read(bookbuild.load(REPOSITORY)).values():
        yield "\n".join(cell.code for cell in source.cells)


def missing_names(code: str) -> Iterator[str]:
    """Yield the imported names, and attributes of imported names, that do not exist."""
    imported: dict[str, str] = {}  # what each name in the code is
    wanted: set[str] = set()
    nodes = [*ast.walk(ast.parse(code))]
    for node in nodes:
        if isinstance(node, ast.Import):
            tops = (alias.name.partition(".")[0] for alias in node.names)
            imported |= {top: top for top in tops}
            imported |= {alias.asname: alias.name for alias in node.names if alias.asname}
            wanted |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module != "__future__":
            names = [alias for alias in node.names if alias.name != "*"]
            imported |= {a.asname or a.name: f"{node.module}.{a.name}" for a in names}
    used = (ast.unparse(node).partition(".") for node in nodes if isinstance(node, ast.Attribute))
    dotted = {f"{imported[name]}.{rest}" for name, _, rest in used if name in imported}
    wanted |= {*imported.values(), *filter(re.compile(r"[\w.]+").fullmatch, dotted)}
    yield from (name for name in sorted(wanted) if not exists(name))


def exists(name: str) -> bool:
    """Return whether a dotted name is a module, or an attribute of one."""
    first, *others = name.split(".")
    try:
        thing, path = importlib.import_module(first), first
        for part in others:
            path = f"{path}.{part}"
            thing = getattr(thing, part) if hasattr(thing, part) else importlib.import_module(path)
    except ImportError:
        return False
    return True


def tested(folder: str) -> list[str]:
    """Return what the fast tests of a folder report."""
    command = [sys.executable, "-m", "pytest", folder, "-q", "-n", "auto", "-m", TESTS[folder]]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    return REPORTED.findall(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
