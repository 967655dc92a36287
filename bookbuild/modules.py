"""Which of the project's own modules some code imports, and which names it imports at all."""

from __future__ import annotations

import ast
import functools
from pathlib import Path


def project_modules(root: Path, code: list[str]) -> dict[str, str]:
    """Return the text of each of the project's own modules that `code` imports, also indirectly."""
    found: dict[str, str] = {}
    queue = list(code)
    while queue:
        for name in imported(queue.pop()):
            for path in [root / f"{name}.py", *sorted((root / name).glob("**/*.py"))]:
                relative = path.relative_to(root).as_posix()
                if path.is_file() and relative not in found:
                    found[relative] = path.read_text(encoding="utf-8-sig")
                    queue.append(found[relative])
    return found


@functools.cache  # the same modules come with each chapter
def imported(code: str) -> frozenset[str]:
    """Return the top-level names that `code` imports; IPython's own lines may stand in it."""
    found: list[str] = []
    for node in ast.walk(parsed(code)) if "import" in code else ():  # most cells import nothing
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.append(node.module or "")
    return frozenset(name.partition(".")[0] for name in found)


@functools.cache
def what_runs(module: str) -> str:
    """Return a module's code as its syntax tree, without comments, layout and docstrings."""
    try:
        tree = ast.parse(module)
    except SyntaxError:
        return module  # the kernel will say what is wrong
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return ast.dump(tree)


def parsed(code: str) -> ast.Module:
    """Return the syntax tree of `code`, IPython's own lines included; empty where it is none."""
    try:
        return ast.parse(code)
    except SyntaxError:
        from IPython.core.inputtransformer2 import TransformerManager  # for %, ! and ?; slow

    try:
        return ast.parse(TransformerManager().transform_cell(code))
    except SyntaxError:
        return ast.Module([], [])  # the kernel will say what is wrong, and at which line
