"""What the browser tests share: Chromium, axe-core, and two sites served on this machine.

A test that asks for `site` runs on the probe book and, marked `book`, on the real one.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from data.fetch import Source, fetch, open_member
from tests.kit.programs import missing, program
from tests.kit.server import served

ROOT = Path(__file__).resolve().parents[2]
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


@dataclass(frozen=True)
class Site:
    """A built book, served."""

    name: str
    folder: Path
    url: str

    @property
    def pages(self) -> list[str]:
        """The paths of all pages, from the site's root."""
        return sorted(p.relative_to(self.folder).as_posix() for p in self.folder.rglob("*.html"))

    @property
    def chapter(self) -> str:
        """The longest page: it has the most of everything."""
        return max(self.pages, key=lambda page: (self.folder / page).stat().st_size)


@dataclass
class Visit:
    """An open page, and everything that a page should not do."""

    page: Page
    requests: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, page: Page) -> Visit:
        """Listen to a new page."""
        visit = cls(page)
        page.on("request", lambda request: visit.requests.append(request.url))
        page.on("requestfailed", lambda request: visit.failures.append(request.url))
        page.on("console", lambda message: visit._hear(message.type, message.text))
        page.on("pageerror", lambda error: visit.console.append(str(error)))
        return visit

    def _hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.console.append(f"{kind}: {text}")


@pytest.fixture(scope="session")
def chromium() -> str:
    shell = "chromium-headless-shell"  # the same engine without windows, in half the time
    return shutil.which(shell) or program("chromium", shell)


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield started
        started.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The text of axe-core, from npm, pinned."""
    with open_member(AXE, fetch(AXE, ROOT / ".cache")) as stream:
        return stream.read().decode()


@pytest.fixture(scope="session")
def site(built: Path, chromium: str) -> Iterator[Site]:
    with served(built) as url:
        yield Site("book" if built.parent == ROOT else "probe", built, url)


@pytest.fixture(scope="session")
def live_root() -> Path:
    """The folder of the real book's site, which has the live figures."""
    if not (ROOT / "_book").is_dir():
        missing("the real book is not built: run make book")
    return ROOT / "_book"


@pytest.fixture(scope="session")
def live_url(live_root: Path, chromium: str) -> Iterator[str]:
    with served(live_root) as url:
        yield url


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
def figure(request, visit, live_root):
    """Open the page of the test file's `LIVE` from a file, start the figure and return it.

    Options are those of a browser context.
    """
    live = request.module.LIVE

    def open_figure(**options):
        page = visit((live_root / live.page).as_uri(), **options).page
        live.start(page)
        return page.locator(f"#{live.id}")

    return open_figure
