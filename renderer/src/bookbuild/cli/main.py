"""The command line: `bookbuild build | execute | check | preview`."""

from __future__ import annotations

import argparse
import functools
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bookbuild.cli import unchanged
from bookbuild.source.errors import BookError, os_error_message

if TYPE_CHECKING:  # these take half of the time of a build with nothing to do
    from bookbuild.run.execute import Pool
    from bookbuild.source.project import Project


def run() -> None:
    """Run the command line as a program."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that kernels are shut down too
    sys.exit(main())


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit status."""
    options = _parser().parse_args(arguments)
    # libraries need a home folder and a user name, which a container may lack
    os.environ.setdefault("HOME", str(options.root.resolve() / ".cache" / "home"))
    os.environ.setdefault("USER", "reader")
    try:
        return COMMANDS[options.command](options.root.resolve(), options)
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {os_error_message(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; the last complete site is still in place", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bookbuild", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the book's folder")
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="execute what has changed and write the site")
    build.add_argument("--renderer", choices=["auto", "quarto", "builtin"], default="auto")
    execute = commands.add_parser("execute", help="execute what has changed, and nothing else")
    for command in (build, execute):
        command.add_argument("--jobs", type=_count, help="chapters in parallel (one per core)")
        command.add_argument("--cluster", help="a Dask scheduler's address, tcp://host:8786")
    preview = commands.add_parser("preview", help="serve the site, rebuild on save, reload")
    preview.add_argument("--port", type=_port, default=4200)
    preview.set_defaults(jobs=None, cluster=None)
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


def _pool(options: argparse.Namespace) -> Pool:
    """Return where chapters are executed: on this machine or on the requested cluster."""
    if not options.cluster:
        from bookbuild.run.execute import local_pool

        return functools.partial(local_pool, jobs=options.jobs or 0)
    from bookbuild.run.cluster import dask_pool  # imports Dask, which is optional

    return functools.partial(dask_pool, address=options.cluster)


def _build(root: Path, options: argparse.Namespace) -> int:
    from bookbuild.cli.quarto import find_quarto, run_quarto

    program, reason = find_quarto(options.renderer)
    _print(f"renderer: {'Quarto' if program else 'built-in'} ({reason})")
    if program:
        return run_quarto(program, _load(root).root)
    _build_site(root, options)
    return 0


def _build_site(
    root: Path, options: argparse.Namespace, on_pages: Callable[[], None] | None = None
) -> None:
    """Build what has changed; with `on_pages`, the pages first."""
    start, state = time.monotonic(), unchanged.look(root)

    def report(what: object) -> None:
        _print(f"{what}  {time.monotonic() - start:.1f} s")

    if page := unchanged.current_page(root, state):
        report(page)
        return
    from bookbuild.cli import build
    from bookbuild.outputs.site import check_folders

    project = _load(root)
    page = Path(project.output, "index.html")
    check_folders(project)
    _print(f"execute: {len(project.chapters)} chapters")

    def show_pages() -> None:
        report(page)
        if on_pages:
            on_pages()

    def show_executed() -> None:
        _print("pages: pandoc, Typst, search index")

    build.build(project, _pool(options), show_executed, show_pages if on_pages else None)
    report("search index and downloads" if on_pages else page)
    unchanged.record(root, state, page)


def _execute(root: Path, options: argparse.Namespace) -> int:
    from bookbuild.cli import build

    build.execute(_load(root), _pool(options))
    return 0


def _check(root: Path, options: argparse.Namespace) -> int:
    from bookbuild.cli import build

    project = _load(root)
    build.check_sources(project)
    _print(f"check: {len(project.chapters)} chapters, no problems")
    return 0


def _preview(root: Path, options: argparse.Namespace) -> int:
    from bookbuild.cli.preview import preview

    preview(_load(root), options.port, functools.partial(_build_site, root, options))
    return 0


def _load(root: Path) -> Project:
    from bookbuild.source.project import load

    return load(root)


def _print(line: str) -> None:
    print(line, flush=True)


COMMANDS = {"build": _build, "execute": _execute, "check": _check, "preview": _preview}
