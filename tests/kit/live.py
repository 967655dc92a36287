"""Live figures in an open page."""

from __future__ import annotations

from playwright.sync_api import Locator, Page


def start(page: Page, figure: str) -> Locator:
    """Press a figure's Start and wait until it is live; return the figure."""
    found = page.locator(f"#{figure}")
    found.get_by_role("button", name="Start").click()
    page.wait_for_selector(f"#{figure}.is-live")
    return found
