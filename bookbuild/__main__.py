"""The command line: `python -m bookbuild build | execute | check | preview`."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bookbuild import pdf, project, site, weave
from bookbuild.project import BookError, Project

QUARTO_MINIMUM = (1, 9)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        COMMANDS[options.command](project.load(options.root), options)
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; the last good book stays in place", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bookbuild", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the book's folder")
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="execute what has changed and write the site")
    build.add_argument("--renderer", choices=["auto", "quarto", "builtin"], default="auto")
    commands.add_parser("execute", help="execute what has changed, and nothing else")
    preview = commands.add_parser("preview", help="serve the site, rebuild on save, reload")
    preview.add_argument("--port", type=int, default=4200)
    commands.add_parser("check", help="check the sources without executing anything")
    return parser


def _build(book: Project, options: argparse.Namespace) -> None:
    quarto, why = find_quarto(options.renderer)
    if quarto:
        _say(f"renderer: Quarto ({why})")
        raise SystemExit(subprocess.run([quarto, "render"], cwd=book.root, env=_here()).returncode)
    _say(f"renderer: built-in ({why})")
    _build_site(book)


def _here() -> dict[str, str]:
    """Return an environment in which Quarto finds the Python that runs this."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return os.environ | {"QUARTO_PYTHON": sys.executable, "PATH": path}


def _build_site(book: Project) -> None:
    began = time.monotonic()
    sources = site.read(book)
    _say(f"execute: {len(sources)} chapters")
    results = site.execute_all(book, sources)
    prepared = site.prepare(book, sources, results)
    _say("pages: pandoc, Typst, search index")
    with ThreadPoolExecutor() as pool:  # the PDF takes as long as all the rest
        made = pool.submit(pdf.make, prepared) if "pdf" in book.downloads else None
        target = site.write(prepared, made)
    _say(f"{target.relative_to(book.root)}/index.html  {time.monotonic() - began:.1f} s")


def find_quarto(renderer: str) -> tuple[str | None, str]:
    """Return Quarto's path, or None for the built-in renderer, and why."""
    if renderer == "builtin":
        return None, "asked for"
    path = os.environ.get("QUARTO") or shutil.which("quarto")
    found, why = _usable_quarto(path) if path else (False, "no quarto in QUARTO= or PATH")
    if renderer == "quarto" and not found:
        raise BookError(f"Quarto was asked for: {why}")
    return path if found else None, why


def _usable_quarto(path: str) -> tuple[bool, str]:
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, f"{path} does not run: {error}"
    version = re.match(r"(\d+)\.(\d+)", done.stdout.strip())
    if not version or tuple(map(int, version.groups())) < QUARTO_MINIMUM:
        wanted = ".".join(map(str, QUARTO_MINIMUM))
        return False, f"{path} is {done.stdout.strip() or 'of no version'}, not {wanted} or newer"
    return True, f"{path}, {done.stdout.strip()}"


def _execute(book: Project, options: argparse.Namespace) -> None:
    site.execute_all(book, site.read(book))


def _check(book: Project, options: argparse.Namespace) -> None:
    sources = site.read(book)
    site.prepare(book, sources, {c: weave.unexecuted(source) for c, source in sources.items()})
    _say(f"check: {len(sources)} chapters, nothing wrong")


def _preview(book: Project, options: argparse.Namespace) -> None:
    from bookbuild.preview import preview

    preview(book, options.port, lambda: _build_site(project.load(book.root)))


def _say(line: str) -> None:
    print(line, flush=True)


COMMANDS = {"build": _build, "execute": _execute, "check": _check, "preview": _preview}

if __name__ == "__main__":
    sys.exit(main())
