"""Show what would have to change in tests/expected/ to fit the current book: `make expected`.

Nothing is written. A changed exact value is shown as the two lines of a diff. A band is never
widened to fit a new value: measure it again over seeds, and explain the result in `why`.
"""

from __future__ import annotations

import json
import sys

from bookbuild import BookError
from tools.quantities import Comparison, compare_all, of_book
from tools.scratch import REPOSITORY


def main() -> int:
    """Show what would change; return 1 if anything would."""
    try:
        comparisons = compare_all(REPOSITORY, of_book(REPOSITORY))
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    changes = [c for c in comparisons if c.verdict != "ok"]
    for change in changes:
        print(f"tests/expected/{change.chapter}.toml: {change.name}")
        print("".join(f"    {line}\n" for line in proposal(change)))
    print(f"expected: {len(comparisons)} quantities, {len(changes)} do not match")
    return 1 if changes else 0


def proposal(change: Comparison) -> list[str]:
    """Return what an author should do about a quantity that does not match its line."""
    if change.verdict == "no line":
        return new_line(change)
    if change.verdict == "no value":
        return ["no chapter has this quantity: remove the line, or name the value in a chapter"]
    if change.line and change.line["kind"] == "exact":
        return [f"- value = {change.expected}", f"+ value = {change.actual}"]
    if change.line and change.line["kind"] == "claim":
        return ["the claim no longer holds: change the text that makes it, not this line"]
    return [
        f"the band is {change.expected}, the value {change.actual}: find out what changed it;",
        "if the change was intended, measure again over seeds and set low and high by hand",
    ]


def new_line(change: Comparison) -> list[str]:
    """Return a draft of the line for a quantity that has none."""
    begin = ["[[quantity]]", f"name = {json.dumps(change.name)}"]
    if isinstance(change.value, float):
        return [*begin, 'kind = "band"', f"low =    # measured: {change.actual}", "high =", "why ="]
    kind = "claim" if isinstance(change.value, bool) else "exact"
    return [*begin, f'kind = "{kind}"', f"value = {change.actual}", "why ="]


if __name__ == "__main__":
    sys.exit(main())
