"""Build Quarto books from .qmd chapters: executed notebooks, a website and a PDF.

The names below are the public interface; everything else may change. The command line is
`python -m bookbuild` or `bookbuild`.
"""

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

__all__ = [
    "Book",
    "BookError",
    "Chapter",
    "Link",
    "Page",
    "Project",
    "Results",
    "Source",
    "assemble",
    "available_cores",
    "execute",
    "executed_notebook",
    "find_quarto",
    "foreign_requests",
    "live_head",
    "load",
    "page_links",
    "read",
    "write_downloads",
]
