"""Build Quarto books from .qmd chapters: executed notebooks, a website and a PDF.

The names below are the public interface; everything else may change. The command line is
`python -m bookbuild` or `bookbuild`.
"""

# ruff: noqa: F401  the names are public
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bookbuild.cli.build import assemble, execute, read, write_downloads
    from bookbuild.cli.quarto import find_quarto
    from bookbuild.outputs.pages import Link, live_head, page_links
    from bookbuild.render.book import Book, Page
    from bookbuild.run.execute import available_cores
    from bookbuild.run.results import Results, executed_notebook
    from bookbuild.source.errors import BookError
    from bookbuild.source.policy import foreign_requests
    from bookbuild.source.project import Chapter, Project, load
    from bookbuild.source.qmd import Source

MODULES = {
    "cli.build": ("assemble", "execute", "read", "write_downloads"),
    "cli.quarto": ("find_quarto",),
    "outputs.pages": ("Link", "live_head", "page_links"),
    "render.book": ("Book", "Page"),
    "run.execute": ("available_cores",),
    "run.results": ("Results", "executed_notebook"),
    "source.errors": ("BookError",),
    "source.policy": ("foreign_requests",),
    "source.project": ("Chapter", "Project", "load"),
    "source.qmd": ("Source",),
}
__all__ = sorted(name for names in MODULES.values() for name in names)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: a build with nothing to do needs none."""
    for module, names in MODULES.items():
        if name in names:
            return getattr(import_module(f"bookbuild.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
