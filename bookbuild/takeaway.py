"""What a page offers to take away or to open elsewhere, as links: the same in both renderers."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from bookbuild.book import Page
from bookbuild.practice import VERSIONS
from bookbuild.project import Project

COLAB = "https://colab.research.google.com/#fileId={notebook}"
BINDER = "https://mybinder.org/v2/git/{repository}/HEAD?urlpath={path}"
FOLDER = "lab/tree/notebooks"  # where postBuild unpacks the kit


@dataclass(frozen=True)
class Link:
    """One link of a page's list."""

    text: str
    target: str
    download: bool = False


def links(project: Project, page: Page) -> list[Link]:
    """Return the links of a page."""
    chapter, name = page.chapter, quote(page.chapter.source.stem)
    found = []
    if page.source.cells:
        found.append(Link("Notebook", f"{name}.ipynb", download=True))
    if page.source.has_checks:
        found += [Link(text.title(), f"{name}-{text}.ipynb", download=True) for text in VERSIONS]
    if project.kit_name and (page.source.cells or chapter.kind == "index"):
        found.append(Link("Kit", chapter.to_root + quote(project.kit_name), download=True))
    if page.source.cells:
        found += _services(project, page)
    if "pdf" in project.downloads:
        found.append(Link("PDF", chapter.to_root + quote(project.pdf_name)))
    if page.source.cells:
        found.append(Link("Source", f"{name}.qmd"))
    return found


def _services(project: Project, page: Page) -> list[Link]:
    if not project.kit_url:
        return []
    notebook = page.chapter.source.with_suffix(".ipynb")
    address = quote(f"{project.site_url}/{quote(str(notebook))}", safe="")
    repository = quote(project.repo_url or "", safe="")
    path = quote(f"{FOLDER}/{quote(notebook.name)}", safe="")
    return [
        Link("Colab", COLAB.format(notebook=address)),
        Link("Binder", BINDER.format(repository=repository, path=path)),
    ]
