"""Run a downloaded notebook as a reader does: in a folder of its own, without the book's code."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbclient
import nbformat

LIVE_DATA = "application/vnd.explorable+json"
# Variables of the tests' environment that the book's kernels do not have.
TESTS_OWN = ("MPLBACKEND", "OPENBLAS_CORETYPE")
RUN = """
import sys
import nbclient, nbformat
node = nbformat.read(sys.argv[1], 4)
nbclient.NotebookClient(node, timeout=1800, resources={"metadata": {"path": "."}}).execute()
nbformat.write(node, sys.argv[1])
"""
NO_RENDERER = "raise ImportError('a notebook must not need bookbuild')\n"


def code_cells(node: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Return a notebook's code cells."""
    return [cell for cell in node.cells if cell.cell_type == "code"]


def needed_files(path: Path) -> list[str]:
    """Return the files that a notebook's first cell requires."""
    source = next(cell.source for cell in nbformat.read(path, 4).cells if cell.id == "check")
    tree = ast.parse(source)
    [value] = [
        n.value for n in tree.body if isinstance(n, ast.Assign) and n.targets[0].id == "files"
    ]
    return ast.literal_eval(value)


def run_alone(built: Path, root: Path, names: list[str], folder: Path) -> None:
    """Run a notebook beside copies of these files; its outputs must equal the stored ones."""
    (folder / "none" / "bookbuild").mkdir(parents=True)
    (folder / "none" / "bookbuild" / "__init__.py").write_text(NO_RENDERER, encoding="utf-8")
    path = folder / built.name
    shutil.copyfile(built, path)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (root / name).is_dir() else shutil.copy
        copy(root / name, folder / name)
    environment = {name: value for name, value in os.environ.items() if name not in TESTS_OWN}
    environment["PYTHONPATH"] = str(folder / "none")  # for the kernel; -I is for the runner
    command = [sys.executable, "-I", "-c", RUN, path.name]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    before, after = nbformat.read(built, 4), nbformat.read(path, 4)
    for old, new in zip(code_cells(before), code_cells(after), strict=True):
        assert _shown(new) == _shown(old), old.id


def _shown(cell: nbformat.NotebookNode) -> list:
    """Return a cell's outputs as a reader sees them: whole streams, pictures without their repr."""
    shown: list = []
    for output in cell.outputs:
        if output.output_type == "stream":
            if output.name == "stderr":  # progress and warnings, which a page may leave out
                continue
            if shown and isinstance(shown[-1], str):
                shown[-1] += output.text
            else:
                shown.append(output.text)
        elif LIVE_DATA not in output.data:  # the data of a live figure are for the page only
            data = dict(output.data)
            if any(kind.startswith("image/") for kind in data):
                data.pop("text/plain", None)
            shown.append(data)
    return shown


def answer(node: nbformat.NotebookNode, folder: Path, *tries: dict[str, Any]) -> list[list[str]]:
    """Run a practice notebook with answers for its dots; return the checks' texts for each try.

    As a reader does, each further try executes only the cells with answers and checks again.
    """
    resources = {"metadata": {"path": str(folder)}}
    client = nbclient.NotebookClient(node, timeout=600, resources=resources)
    sources = [cell.source for cell in node.cells]
    is_check = [source.startswith("# Check your answer") for source in sources]
    texts = []
    with client.setup_kernel():
        for answers in tries:
            for index, cell in enumerate(node.cells):
                cell.source = _answered(sources[index], answers)
                if not texts or is_check[index] or " = ..." in sources[index]:
                    client.execute_cell(cell, index)
            checks = [cell for cell, check in zip(node.cells, is_check, strict=True) if check]
            texts.append(["".join(each.text for each in cell.outputs).strip() for cell in checks])
    return texts


def _answered(source: str, answers: dict[str, Any]) -> str:
    for name, value in answers.items():
        source = source.replace(f"{name} = ...", f"{name} = {value!r}")
    return source
