"""The command line: `python -m bookbuild build | execute | check | preview`."""

from __future__ import annotations

import argparse
import functools
import os
import signal
import sys
import time
from pathlib import Path

from bookbuild import build, project, quarto
from bookbuild.errors import BookError, of_the_machine
from bookbuild.execute import Workers, execute_all, here
from bookbuild.project import Project


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit status."""
    options = _parser().parse_args(arguments)
    # libraries ask for the user's folder and name, which a container may not have
    os.environ.setdefault("HOME", str(options.root.resolve() / ".cache" / "home"))
    os.environ.setdefault("USER", "reader")
    try:
        return COMMANDS[options.command](project.load(options.root), options)
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {of_the_machine(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; the last good book stays in place", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bookbuild", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the book's folder")
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="execute what has changed and write the site")
    build.add_argument("--renderer", choices=["auto", "quarto", "builtin"], default="auto")
    execute = commands.add_parser("execute", help="execute what has changed, and nothing else")
    for command in (build, execute):
        command.add_argument("--jobs", type=_count, help="chapters side by side; one per core")
        command.add_argument("--cluster", help="a Dask scheduler's address, tcp://host:8786")
    preview = commands.add_parser("preview", help="serve the site, rebuild on save, reload")
    preview.add_argument("--port", type=_port, default=4200)
    commands.add_parser("check", help="check the sources without executing anything")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1, not {text!r}")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a number up to 65535, not {text!r}")
    return int(text)


def _workers(options: argparse.Namespace) -> Workers:
    """Return who executes the chapters: this machine, or the cluster that was asked for."""
    if not options.cluster:
        return functools.partial(here, jobs=options.jobs or 0)
    from bookbuild.cluster import there

    return functools.partial(there, address=options.cluster)


def _build(book: Project, options: argparse.Namespace) -> int:
    program, why = quarto.find(options.renderer)
    _say(f"renderer: {'Quarto' if program else 'built-in'} ({why})")
    if program:
        return quarto.render(program, book.root)
    _build_site(book, _workers(options))
    return 0


def _build_site(book: Project, workers: Workers = here) -> None:
    began = time.monotonic()
    _say(f"execute: {len(book.chapters)} chapters")
    executed = build.executed_book(book, workers)
    _say("pages: pandoc, Typst, search index")
    target = build.write(executed)
    _say(f"{target.relative_to(book.root)}/index.html  {time.monotonic() - began:.1f} s")


def _execute(book: Project, options: argparse.Namespace) -> int:
    execute_all(book, build.read(book), _workers(options))
    return 0


def _check(book: Project, options: argparse.Namespace) -> int:
    checked = build.unexecuted_book(book)
    _say(f"check: {len(checked.pages)} chapters, nothing wrong")
    return 0


def _preview(book: Project, options: argparse.Namespace) -> int:
    from bookbuild.preview import preview

    preview(book, options.port, lambda: _build_site(project.load(book.root)))
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


COMMANDS = {"build": _build, "execute": _execute, "check": _check, "preview": _preview}

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that kernels are ended, too
    sys.exit(main())
