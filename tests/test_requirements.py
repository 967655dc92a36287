"""Check that requirements.txt pins everything requirements.in and the renderer need, portably."""

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"


def lines(name):
    """Return the lines of a requirements file without comments."""
    text = (ROOT / name).read_text(encoding="utf-8")
    stripped = [re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines()]
    return [line for line in stripped if line]


def normal(requirement):
    """Return a requirement's name as registries compare names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", re.match(NAME, requirement)[0]).lower()


RENDERER = "-e ./renderer[cluster]"
REQUIRED = [line for line in lines("requirements.in") if line != RENDERER]
PINNED = [line for line in lines("requirements.txt") if line != RENDERER]
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


def test_the_renderer_is_installed_from_its_folder():
    for name in ("requirements.in", "requirements.txt"):
        assert lines(name).count(RENDERER) == 1, name


def test_every_requirement_is_pinned():
    project = tomllib.loads((ROOT / "renderer/pyproject.toml").read_text("utf-8"))["project"]
    renderer = [*project["dependencies"], *project["optional-dependencies"]["cluster"]]
    pins = {normal(pin): pin.partition("==")[2] for pin in PINNED}
    for line in [*REQUIRED, *renderer]:
        assert normal(line) in pins, f"{line} is not in requirements.txt: make lock"
        version = line.partition("==")[2]
        assert not version or pins[normal(line)] == version


def test_the_dependencies_of_every_pinned_package_are_pinned():
    pins = {normal(pin) for pin in PINNED}
    for pin in PINNED:
        for requirement in map(Requirement, requires(pin.partition("==")[0]) or []):
            name, marker = normal(requirement.name), requirement.marker
            if marker is None or marker.evaluate({"extra": ""}):
                # omitted: setuptools by pip freeze, the others with torch's CUDA build
                is_omitted = re.match("setuptools|nvidia-|cuda-|triton", name)
                assert name in pins or is_omitted, f"{pin} needs {name}: make lock"


def test_nothing_is_required_twice():
    project = tomllib.loads((ROOT / "renderer/pyproject.toml").read_text("utf-8"))["project"]
    assert not {*map(normal, REQUIRED)} & {*map(normal, project["dependencies"])}


def test_the_kit_has_the_books_versions_and_everything_the_chapters_need():
    pins = {normal(pin): pin for pin in PINNED}
    other = [pin for pin in KIT if pins.get(normal(pin), pin) != pin]
    assert other == [], "make lock"
    chapters = (ROOT / "requirements.in").read_text("utf-8").split("# the renderer")[0]
    needed = {normal(line) for line in chapters.splitlines() if re.match(NAME, line)}
    assert len(needed) > 5 and {*needed, "jupyterlab", "ipykernel"} <= {*map(normal, KIT)}
