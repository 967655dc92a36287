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

from bookbuild.cli import build
from bookbuild.cli.quarto import find_quarto, run_quarto
from bookbuild.outputs.site import check_folders
from bookbuild.run.execute import Pool, local_pool
from bookbuild.source.errors import BookError, os_error_message
from bookbuild.source.project import Project, load


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
        return COMMANDS[options.command](load(options.root), options)
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
        return functools.partial(local_pool, jobs=options.jobs or 0)
    from bookbuild.run.cluster import dask_pool  # imports Dask, which is optional

    return functools.partial(dask_pool, address=options.cluster)


def _build(project: Project, options: argparse.Namespace) -> int:
    program, reason = find_quarto(options.renderer)
    _print(f"renderer: {'Quarto' if program else 'built-in'} ({reason})")
    if program:
        return run_quarto(program, project.root)
    _build_site(project, _pool(options))
    return 0


def _build_site(
    project: Project, pool: Pool = local_pool, on_pages: Callable[[], None] | None = None
) -> None:
    """Build what has changed; with `on_pages`, the pages first."""
    start = time.monotonic()

    def report(what: str) -> None:
        _print(f"{what}  {time.monotonic() - start:.1f} s")

    check_folders(project)
    _print(f"execute: {len(project.chapters)} chapters")
    executed = build.executed(project, pool)
    _print("pages: pandoc, Typst, search index")
    if on_pages:
        build.write_pages(project, *executed)
        on_pages()
        report("pages")
    target = build.write_site(project, *executed)
    report(f"{target.relative_to(project.root)}/index.html")


def _execute(project: Project, options: argparse.Namespace) -> int:
    build.execute(project, _pool(options))
    return 0


def _check(project: Project, options: argparse.Namespace) -> int:
    build.check_sources(project)
    _print(f"check: {len(project.chapters)} chapters, no problems")
    return 0


def _preview(project: Project, options: argparse.Namespace) -> int:
    from bookbuild.cli.preview import preview

    def rebuild(reload: Callable[[], None]) -> None:
        _build_site(load(project.root), on_pages=reload)

    preview(project, options.port, rebuild)
    return 0


def _print(line: str) -> None:
    print(line, flush=True)


COMMANDS = {"build": _build, "execute": _execute, "check": _check, "preview": _preview}
