"""`make expected`: what would have to change in tests/expected/ to fit the book as it is.

It writes nothing. A changed exact value is shown as the two lines of a diff. A band is never
widened to fit a new value: measure it again over seeds, and say in `why` what you found.
"""

from __future__ import annotations

import json
import sys

from bookbuild.errors import BookError
from tools.quantities import Comparison, compare_all, of_book
from tools.scratch import REPOSITORY


def main() -> int:
    """Show what would change; return 1 where anything would."""
    try:
        comparisons = compare_all(REPOSITORY, of_book(REPOSITORY))
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    changes = [c for c in comparisons if c.verdict != "ok"]
    for change in changes:
        print(f"tests/expected/{change.chapter}.toml: {change.name}")
        print("".join(f"    {line}\n" for line in proposal(change)))
    print(f"expected: {len(comparisons)} quantities, {len(changes)} do not fit their lines")
    return 1 if changes else 0


def proposal(change: Comparison) -> list[str]:
    """Return what an author should do about a quantity that does not fit its line."""
    if change.verdict == "no line":
        return new_line(change)
    if change.verdict == "no value":
        return ["no chapter has this quantity: remove the line, or name the value in the chapter"]
    if change.line and change.line["kind"] == "exact":
        return [f"- value = {change.expected}", f"+ value = {change.found}"]
    if change.line and change.line["kind"] == "claim":
        return ["the claim no longer holds: change the text that makes it, not this line"]
    return [
        f"the band is {change.expected}, the value {change.found}: find out what changed it;",
        "if the change was meant, measure again over seeds and set low and high by hand",
    ]


def new_line(change: Comparison) -> list[str]:
    """Return the start of a line for a quantity that has none."""
    begin = ["[[quantity]]", f"name = {json.dumps(change.name)}"]
    if isinstance(change.value, float):
        return [*begin, 'kind = "band"', f"low =    # measured: {change.found}", "high =", "why ="]
    kind = "claim" if isinstance(change.value, bool) else "exact"
    return [*begin, f'kind = "{kind}"', f"value = {change.found}", "why ="]


if __name__ == "__main__":
    sys.exit(main())
