"""requirements.txt pins all that requirements.in asks for, for any machine."""

import re
from pathlib import Path

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


def test_every_line_is_a_pin_for_any_machine():
    pin = re.compile(rf"{NAME}==[0-9][A-Za-z0-9.!]*")
    assert [line for line in PINNED if not pin.fullmatch(line)] == []
    assert [line for line in PINNED if re.match("nvidia-|cuda-", line)] == []


def test_nothing_is_pinned_twice():
    names = [normal(line) for line in PINNED]
    assert len(names) == len(set(names))


def test_what_is_asked_for_is_pinned():
    pins = {normal(pin): pin.partition("==")[2] for pin in PINNED}
    for line in lines("requirements.in"):
        assert normal(line) in pins, f"{line} is in requirements.in only: make lock"
        asked = line.partition("==")[2]
        assert not asked or pins[normal(line)] == asked
