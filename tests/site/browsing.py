"""Visit pages in Chromium: what they load and report, and their colour theme."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from playwright.sync_api import Page

from tests.site.sites import Site

# collects what the page's Content-Security-Policy blocks
LISTEN = """
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) =>
        window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""
# the page's own colour: of the body, or of what lies behind it
BACKGROUND = """() => [document.body, document.documentElement]
    .map((element) => getComputedStyle(element).backgroundColor)
    .find((colour) => colour !== "rgba(0, 0, 0, 0)")"""
IS_DARK = f"""() => ({BACKGROUND})().match(/[0-9]+/g).slice(0, 3).every((part) => part < 0x60)"""
HAS_ITS_STYLES = """() => [...document.querySelectorAll("link[rel=stylesheet]")]
    .every((link) => link.sheet)"""


@dataclass
class Visit:
    """An open page, with its requests, failed requests and console messages."""

    page: Page
    requests: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, page: Page) -> Visit:
        """Start recording a new page's requests and messages."""
        visit = cls(page)
        page.on("request", lambda request: visit.requests.append(request.url))
        page.on("requestfailed", lambda request: visit.failures.append(request.url))
        page.on("console", lambda message: visit._note(message.type, message.text))
        page.on("pageerror", lambda error: visit.console.append(str(error)))
        return visit

    def requests_outside(self, url: str) -> list[str]:
        """Return the requests that went neither to the site at `url` nor to the page itself."""
        return [one for one in self.requests if not one.startswith((url, "data:", "blob:"))]

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.console.append(f"{kind}: {text}")


def use_system_theme(page: Page, theme: str) -> None:
    """Change the system's colour theme to "light" or "dark" and wait until the page follows."""
    page.emulate_media(color_scheme=theme)
    page.wait_for_function(f"dark => ({IS_DARK})() === dark", arg=theme == "dark")
    page.wait_for_function(HAS_ITS_STYLES)


def press_theme_button(page: Page, site: Site) -> None:
    """Press the button that changes the colour theme, and wait for the other background."""
    before = page.evaluate(BACKGROUND)
    page.locator(f"{site.controls.theme}:visible").first.click()
    page.wait_for_function(f"before => ({BACKGROUND})() !== before", arg=before)


def background(page: Page) -> list[int]:
    """Return red, green and blue of the page's background."""
    page.wait_for_function(HAS_ITS_STYLES)
    return [int(part) for part in re.findall(r"\d+", page.evaluate(BACKGROUND))[:3]]


def open_everything(page: Page) -> None:
    """Unfold folded content and load lazy content, so that both are checked."""
    page.evaluate("""() => {
        for (const details of document.querySelectorAll("details")) details.open = true;
        for (const image of document.images) image.loading = "eager";
    }""")
