"""Other tools save the downloaded notebooks unchanged, and convert them without loss."""

from __future__ import annotations

import ast
import base64
import os
import re
from pathlib import Path

import jupytext
import nbconvert
import nbformat
import pypandoc
import pytest

from tests.support.notebooks import code_cells
from tests.support.pages import parse

pytestmark = pytest.mark.thorough

ALT = "A straight line from the lower left to the upper right."  # of a cell's picture
DRAWN = "A black disc in the middle."  # of a picture in the text
PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def path(probe: Path) -> Path:
    return probe / "chapters" / "probe.ipynb"


@pytest.fixture(scope="module")
def node(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, 4)


def convert(exporter: nbconvert.Exporter, path: Path) -> tuple[str, dict[str, bytes]]:
    """Return an exporter's output for a notebook, and the files beside it."""
    text, resources = exporter.from_filename(str(path))
    return text, resources.get("outputs") or {}


def embedded(addresses: list[str]) -> list[bytes]:
    """Return the beginnings of the pictures in data URIs."""
    prefix = "data:image/png;base64,"
    found = [a.removeprefix(prefix) for a in addresses if a.startswith(prefix)]
    return [base64.b64decode(text)[:4] for text in found]


# Jupyter


def test_jupyter_saves_a_notebook_as_it_is(probe, tmp_path):
    """JupyterLab's server saves what it has read with these two functions."""
    notebooks = [*probe.rglob("*.ipynb")]
    assert len(notebooks) > 1
    for path in notebooks:
        nbformat.write(nbformat.read(path, 4), tmp_path / "saved.ipynb")
        assert (tmp_path / "saved.ipynb").read_bytes() == path.read_bytes(), path.name


# nbconvert


@pytest.mark.parametrize("template", ["classic", "lab", "reveal"])
def test_nbconvert_to_html_and_slides(path, template):
    text, _ = convert(nbconvert.HTMLExporter(template_name=template), path)
    pictures = parse(text).find_all("img")
    assert embedded([picture["src"] for picture in pictures]) == [PNG, PNG]
    alts = [picture["alt"] for picture in pictures]
    if template != "classic":  # only this one reads the alt text of an output
        alts[0] = ALT
    assert alts == [ALT, DRAWN]


def test_nbconvert_to_markdown(path):
    text, files = convert(nbconvert.MarkdownExporter(), path)
    pictures = re.findall(r"!\[(.*?)\]\((.*?)\)", text)
    assert DRAWN in [alt for alt, _ in pictures]
    assert embedded([address for _, address in pictures]) == [PNG]
    assert [file[:4] for name, file in files.items() if f"({name})" in text] == [PNG]


@pytest.mark.parametrize(
    ("exporter", "drawn"),
    [
        (nbconvert.RSTExporter, r"(?:image|figure)::\s+(data:\S+)"),
        (nbconvert.ASCIIDocExporter, r"image::?(data:[^\[]+)"),
    ],
)
def test_nbconvert_to_text_with_pictures(path, monkeypatch, exporter, drawn):
    folder = Path(pypandoc.get_pandoc_path()).parent
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    text, files = convert(exporter(), path)
    assert embedded(re.findall(drawn, text)) == [PNG]
    assert [file[:4] for name, file in files.items() if name in text] == [PNG]


def test_nbconvert_to_a_script(path, node):
    text, _ = convert(nbconvert.PythonExporter(), path)
    code = "\n".join(cell.source for cell in code_cells(node))
    assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(code))


# jupytext


@pytest.mark.parametrize("form", ["py:percent", "md", "md:myst"])
def test_jupytext_returns_the_same_cells(node, form):
    again = jupytext.reads(jupytext.writes(node, fmt=form), fmt=form)
    assert [(c.cell_type, c.source) for c in again.cells] == [
        (c.cell_type, c.source) for c in node.cells
    ]
