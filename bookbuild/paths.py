"""Which of the project's files and folders some code names: in a text, or joined part by part."""

from __future__ import annotations

import ast
import functools
import itertools
from collections.abc import Iterator
from pathlib import Path

from bookbuild.modules import parsed

LONGEST = 200  # characters of a path
JOINING = {"Path", "PurePath", "PosixPath", "PurePosixPath", "joinpath", "join"}


def named(root: Path, code: str) -> set[str]:
    """Return the paths, relative to the project's root, that `code` names and that are there.

    A folder is meant as a whole where what lies in it is named by a variable.
    """
    finder = _found(code)
    files = {text for text in finder.texts if _is_there(root, text)}
    folders = {text for text in finder.folders if _is_own(text) and (root / text).is_dir()}
    return files | folders


@functools.cache  # the same modules come with each chapter
def _found(code: str) -> _Finder:
    finder = _Finder()
    finder.visit(parsed(code))
    return finder


def _is_there(root: Path, text: str) -> bool:
    path = root / text
    return _is_own(text) and (path.is_file() or ("/" in text and path.is_dir()))


def _is_own(text: str) -> bool:
    """Say whether a text may be the path of a source: no hidden file, nothing that is made."""
    is_path = text.isprintable() and 0 < len(text) <= LONGEST
    return is_path and not text.startswith(("/", ".", "_", "~"))


class _Finder(ast.NodeVisitor):
    """Collects texts that may be files, and what is joined to a path and may be a folder."""

    def __init__(self) -> None:
        self.texts: set[str] = set()
        self.folders: set[str] = set()

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            text = node.value.removeprefix("./")
            (self.folders if text.endswith("/") else self.texts).add(text.removesuffix("/"))

    def visit_BinOp(self, node: ast.BinOp) -> None:
        self._joined(node) if isinstance(node.op, ast.Div) else self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self._joined(node) if _is_joining(node) else self.generic_visit(node)

    def _joined(self, node: ast.expr) -> None:
        parts = [*_parts(node)]
        first = next((n for n, part in enumerate(parts) if isinstance(part, str)), len(parts))
        known = [*itertools.takewhile(lambda part: isinstance(part, str), parts[first:])]
        path = "/".join(map(str, known)).removeprefix("./")
        self.texts.add(path)
        if first + len(known) < len(parts) or len(known) == 1:  # anything in it may be meant
            self.folders.add(path)
        for part in parts:
            if isinstance(part, ast.AST):
                self.visit(part)


def _parts(node: ast.AST) -> Iterator[str | ast.AST]:
    """Yield the parts of a path from left to right: texts, or expressions that are none."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        yield from _parts(node.left)
        yield from _parts(node.right)
    elif isinstance(node, ast.Call) and _is_joining(node):
        if isinstance(node.func, ast.Attribute):
            yield from _parts(node.func.value)
        for argument in node.args:
            yield from _parts(argument)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value.strip("/")
    else:
        yield node


def _is_joining(node: ast.Call) -> bool:
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    return name in JOINING
