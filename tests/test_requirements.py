"""requirements.txt pins all that requirements.in asks for, for any machine."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"


def lines(name):
    """Return what a requirements file asks for, without its comments."""
    text = (ROOT / name).read_text(encoding="utf-8")
    stripped = [re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines()]
    return [line for line in stripped if line]


def normal(requirement):
    """Return a requirement's name as registries compare names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", re.match(NAME, requirement)[0]).lower()


PINNED = lines("requirements.txt")


KIT = lines("kit/requirements.txt")
both = pytest.mark.parametrize("pins", [PINNED, KIT], ids=["book", "kit"])


@both
def test_every_line_is_a_pin_for_any_machine(pins):
    pin = re.compile(rf"{NAME}==[0-9][A-Za-z0-9.!]*")
    assert [line for line in pins if not pin.fullmatch(line)] == []
    assert [line for line in pins if re.match("nvidia-|cuda-", line)] == []


@both
def test_nothing_is_pinned_twice(pins):
    names = [normal(line) for line in pins]
    assert len(names) == len(set(names))


def test_what_is_asked_for_is_pinned():
    pins = {normal(pin): pin.partition("==")[2] for pin in PINNED}
    for line in lines("requirements.in"):
        assert normal(line) in pins, f"{line} is in requirements.in only: make lock"
        asked = line.partition("==")[2]
        assert not asked or pins[normal(line)] == asked


def test_the_kit_has_the_versions_of_the_book_and_all_that_the_chapters_ask_for():
    pins = {normal(pin): pin for pin in PINNED}
    other = [pin for pin in KIT if pins.get(normal(pin), pin) != pin]
    assert other == [], "make lock"
    asked = (ROOT / "requirements.in").read_text("utf-8").split("# the built-in renderer")[0]
    wanted = {normal(line) for line in asked.splitlines() if re.match(NAME, line)}
    assert len(wanted) > 5 and {*wanted, "jupyterlab", "ipykernel"} <= {*map(normal, KIT)}
