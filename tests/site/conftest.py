"""Fixtures of the site tests: the sites to test, Chromium, axe-core.

A test that takes `site` runs on every site that exists: the small test book's, and this book's by
the built-in renderer and by Quarto. `book_site` leaves out the small book; `builtin_site` is for
features of the built-in renderer's pages alone. With `--site FOLDER` each of them is that site.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from data.fetch import Source, fetch, open_member
from renderer.tests.support.programs import missing, program
from renderer.tests.support.server import served
from tests.site.browsing import Visit
from tests.site.sites import BOOK, BUILTIN, QUARTO, ROOT, Site, no_quarto_site, renderer_of

AXE = Source(
    client="npm",
    package="axe-core",
    version="4.14.1",
    archive="axe-core-4.14.1.tgz",
    megabytes=0.6,
    sha256="e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745",
    member="package/axe.min.js",
    member_bytes=653_780,
    licence="MPL-2.0",
)
SITES = {
    "site": ["probe", "builtin", "quarto"],
    "book_site": ["builtin", "quarto"],
    "builtin_site": ["probe", "builtin"],
}
FOLDERS = {"probe": "probe", "builtin": "builtin_book", "quarto": "quarto_book"}  # fixtures


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test once per site of its fixture, or once with `--site`."""
    given = metafunc.config.getoption("--site")
    for fixture in SITES.keys() & set(metafunc.fixturenames):
        names = ["given"] if given else SITES[fixture]
        sites = [pytest.param(name, marks=marks_of(name)) for name in names]
        metafunc.parametrize(fixture, sites, indirect=True, scope="session")


def marks_of(name: str) -> list[pytest.MarkDecorator]:
    """Return the marks of the tests of a site."""
    book = [] if name == "probe" else [pytest.mark.book]
    reason = no_quarto_site() if name == "quarto" else ""
    return [*book, pytest.mark.skip(reason=reason)] if reason else book


@pytest.fixture(scope="session")
def open_site(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Site]]:
    """Return a function that serves a site by its name, each site only once."""
    opened: dict[str, Site] = {}
    with ExitStack() as servers:

        def open_once(name: str) -> Site:
            if name not in opened:
                folder = folder_of(name, request)
                url = servers.enter_context(served(folder))
                opened[name] = Site(folder, url, folder.parent if name == "probe" else ROOT)
            return opened[name]

        yield open_once


def folder_of(name: str, request: pytest.FixtureRequest) -> Path:
    """Return the folder of a site by its name."""
    if name == "given":
        return Path(request.config.getoption("--site")).resolve()
    return request.getfixturevalue(FOLDERS[name])


@pytest.fixture(scope="session")
def site(request, open_site) -> Site:
    """Yield every available site."""
    return open_site(request.param)


@pytest.fixture(scope="session")
def book_site(request, open_site) -> Site:
    """Return each site of this book."""
    return open_site(request.param)


@pytest.fixture(scope="session")
def builtin_site(request, open_site) -> Site:
    """Return each site built by the built-in renderer."""
    site = open_site(request.param)
    if site.renderer != BUILTIN:
        pytest.skip("concerns only the built-in renderer's pages; --site is by another one")
    return site


@pytest.fixture(scope="session")
def live_site(request, open_site) -> Site:
    """Return one site of this book; the live figures of both renderers are the same."""
    if request.config.getoption("--site"):
        return open_site("given")
    if not renderer_of(BOOK):
        missing("the book is not built: run make book")
    return open_site("quarto" if renderer_of(BOOK) == QUARTO else "builtin")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    shell = "chromium-headless-shell"  # the same engine without windows, in half the time
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    path = shutil.which(shell) or program("chromium", shell)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=arguments)
        yield started
        started.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """Return the source of the pinned axe-core, from npm."""
    with open_member(AXE, fetch(AXE, ROOT / ".cache")) as stream:
        return stream.read().decode()


@pytest.fixture
def new_context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Open a browser context with nothing stored; options as in Playwright's `new_context`."""
    contexts: list[BrowserContext] = []

    def open_context(width: int = 1280, height: int = 900, **options: object) -> BrowserContext:
        options = {"reduced_motion": "reduce", **options}
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        return context

    yield open_context
    for context in contexts:
        context.close()


@pytest.fixture
def visit(new_context: Callable[..., BrowserContext]) -> Callable[..., Visit]:
    """Open an address in a new context and wait until the page has loaded."""

    def open_page(address: str, **options: object) -> Visit:
        visited = Visit.of(new_context(**options).new_page())
        visited.page.goto(address)
        return visited

    return open_page


@pytest.fixture
def figure(request, visit, live_site):
    """Open the page of the test module's `LIVE` as a file, start the figure and return it.

    Options are those of a browser context.
    """
    live = request.module.LIVE

    def open_figure(**options):
        page = visit((live_site.folder / live.page).as_uri(), **options).page
        live.start(page)
        return page.locator(f"#{live.id}")

    return open_figure
