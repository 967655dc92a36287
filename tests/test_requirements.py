"""Check that requirements.txt pins everything requirements.in and the renderer need, portably.

The range of supported Pythons follows from these pins; every file that names it is compared.
"""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, metadata, requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

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


# The range of supported Pythons

RENDERER_PROJECT = tomllib.loads((ROOT / "renderer/pyproject.toml").read_text("utf-8"))
REQUIRES_PYTHON = RENDERER_PROJECT["project"]["requires-python"]
MINORS = [n for n in range(30) if SpecifierSet(REQUIRES_PYTHON).contains(f"3.{n}.0")]
FIRST, LAST = f"3.{MINORS[0]}", f"3.{MINORS[-1]}"
ENDS = [f"{FIRST}.0", f"{FIRST}.2", f"{LAST}.0"]  # Debian 12 has 3.11.2


@pytest.mark.parametrize("version", ENDS)
def test_every_installed_pin_admits_both_ends_of_the_range(version):
    pins = [pin.partition("==")[0] for pin in {*PINNED, *KIT}]
    wrong = []
    for name in pins:
        try:
            declared = metadata(name).get("Requires-Python") or ""
        except PackageNotFoundError:
            continue  # JupyterLab, which only the kit has: the next test
        if not SpecifierSet(declared).contains(version):
            wrong.append(f"{name} needs Python {declared}")
    assert wrong == []


@pytest.mark.slow
@pytest.mark.parametrize("version", [f"{FIRST}.0", f"{LAST}.0"])
def test_pip_finds_a_wheel_of_every_pin_for_both_ends_of_the_range(version, tmp_path):
    pins = tmp_path / "pins.txt"
    pins.write_text("\n".join({*PINNED, *KIT}), encoding="utf-8")
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", f"--python-version={version}", f"--target={tmp_path}"]
    done = subprocess.run([*command, f"--requirement={pins}"], capture_output=True, text=True)
    if "(from versions: none)" in done.stderr or "Connection" in done.stderr:
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stderr[-500:]


@pytest.mark.parametrize(
    "name", ["README.md", "index.qmd", "kit/README.md", "kit/start.py", "renderer/README.md"]
)
def test_every_statement_of_the_range_agrees(name):
    text = " ".join((ROOT / name).read_text("utf-8").replace('"', "").split())
    ranges = re.findall(r"Python (3\.\d+) (?:to (3\.\d+)|or newer)", text)
    assert ranges and {*ranges} == {(FIRST, LAST)}


def test_the_tools_check_the_code_for_the_oldest_python():
    book = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    for tools in (book["tool"], RENDERER_PROJECT["tool"]):
        assert tools["ruff"]["target-version"] == f"py{FIRST.replace('.', '')}"
        assert tools["mypy"]["python_version"] == FIRST


def test_the_workflow_runs_the_portable_tests_on_both_ends():
    jobs = yaml.safe_load((ROOT / ".github/workflows/book.yml").read_text("utf-8"))["jobs"]
    assert jobs["pythons"]["strategy"]["matrix"]["python"] == [f"{FIRST}.2", LAST]
    assert jobs["pythons"]["steps"][-1]["run"] == "make portable"


@pytest.mark.parametrize("name", ["environment.yml", ".binder/environment.yml"])
def test_conda_installs_a_supported_python_and_the_cpu_build_of_torch(name):
    """The pinned torch must be installed before pip looks for it."""
    dependencies = yaml.safe_load((ROOT / name).read_text("utf-8"))["dependencies"]
    [torch] = [pin.partition("==")[2] for pin in PINNED if pin.startswith("torch==")]
    assert f"pytorch-cpu={torch}" in dependencies
    [python] = [d for d in dependencies if str(d).startswith("python=")]
    assert SpecifierSet(REQUIRES_PYTHON).contains(f"{python.partition('=')[2]}.2")
