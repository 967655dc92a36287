"""Run axe-core on an open page, in one colour theme or in both."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.site.browsing import use_system_theme
from tests.site.sites import QUARTO

THEMES = ["light", "dark"]
WIDTHS = pytest.mark.parametrize("width", [1280, 360])

# Violations in Quarto's own navigation and callouts, which no style or filter of ours can fix:
# rule, then the only elements that may break it.
QUARTOS_OWN = {
    # a <div> with aria-expanded
    "aria-allowed-attr": ".callout-header",
    # the accessible name leaves out the chapter's number
    "label-content-name-mismatch": ".pagination-link",
    # several landmarks without names of their own
    "landmark-unique": ".sidebar-navigation, .sidebar-item-toggle, .quarto-secondary-nav",
}
RUN = """async ([within, quarto, quartosOwn]) => {
  const generator = document.querySelector("meta[name=generator]")?.content ?? "";
  const exceptions = generator.startsWith(quarto) ? quartosOwn : {};
  const isExcepted = (rule, target) =>
    exceptions[rule] && document.querySelector(target).matches(exceptions[rule]);
  const resultTypes = ["violations", "incomplete"];
  const { violations, incomplete } = await axe.run(within, { resultTypes });
  const isError = ({ none }) => none.some(({ id }) => id === "error-occurred");
  const failed = incomplete.filter(({ nodes }) => nodes.some(isError)).map(({ id }) => id);
  if (failed.length) throw new Error(`axe failed in ${failed}`);
  return violations.flatMap(({ id, nodes }) => nodes
    .filter((node) => !isExcepted(id, node.target[0]))
    .map((node) => `${location.href} ${id}: ${node.target} ${node.failureSummary}`));
}"""


def violations(page: Page, axe: str, within: str = "html") -> list[str]:
    """Return one line per violation on the page, or on a part of it, in its current state.

    Raises
    ------
    playwright.sync_api.Error
        If a rule of axe fails; axe itself only calls the rule incomplete, without violations.
    """
    page.evaluate(axe)
    return page.evaluate(RUN, [within, QUARTO, QUARTOS_OWN])


def violations_in_both_themes(page: Page, axe: str, within: str = "html") -> list[str]:
    """Return one line per violation in the light theme and in the dark one."""
    lines = []
    for theme in THEMES:
        use_system_theme(page, theme)
        lines += [f"{theme}: {violation}" for violation in violations(page, axe, within)]
    return lines
