"""Check that files and tasks named in the guides and the automation exist, and that pins agree."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

import bookbuild

ROOT = Path(__file__).resolve().parents[1]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
WORKFLOW = (ROOT / ".github/workflows/book.yml").read_text("utf-8")
HOOKS = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
GUIDE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
GENERATED = ("_book/", ".cache/", "_freeze/")


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "README.md"])
def test_every_named_file_exists(name):
    text = (ROOT / name).read_text("utf-8")
    names = re.findall(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|md|yml|bib|in|cff))`", text)
    named = {path for path in names if not path.startswith(GENERATED)}
    assert len(named) > 10 and [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize(
    "name",
    [
        "CONTRIBUTING.md",
        "README.md",
        "tools/bench/README.md",
        ".ci/run",
        ".devcontainer/devcontainer.json",
        ".github/workflows/book.yml",
        ".pre-commit-config.yaml",
        "pyproject.toml",
    ],
)
def test_every_named_task_exists(name):
    text = (ROOT / name).read_text("utf-8")
    tasks = set(
        re.findall(r'(?:^|`|run: |entry: |"|-word2vec )make ([a-z0-9-]+)', text, re.MULTILINE)
    )
    assert tasks and tasks <= set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE))


def test_the_guide_lists_the_supported_cell_options():
    sources = bookbuild.read(bookbuild.load(ROOT)).values()
    cell = next(cell for source in sources for cell in source.cells)
    listed = GUIDE.split("Options are")[1].split("nothing else")[0]
    named = {name.removeprefix("#| ") for name in re.findall(r"`([^`]+)`", listed)}
    assert named == {name.replace("_", "-") for name in vars(cell.options)}


def test_hooks_have_the_pinned_versions():
    pinned = set((ROOT / "requirements.txt").read_text("utf-8").splitlines())
    hooks = yaml.safe_load(HOOKS)["repos"][0]["hooks"]
    required = {line for hook in hooks for line in hook.get("additional_dependencies", [])}
    assert required and required <= pinned


def test_every_action_is_pinned_by_commit():
    uses = re.findall(r"uses: (\S+)", WORKFLOW)
    assert uses and all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action) for action in uses)
    jobs = yaml.safe_load(WORKFLOW)["jobs"]
    assert set(jobs["publish"]["needs"]) == {"build", "verify"}


def test_the_published_site_is_tested():
    steps = yaml.safe_load(WORKFLOW)["jobs"]["build"]["steps"]
    commands = [step.get("run") or step.get("uses", "").partition("@")[0] for step in steps]
    build = commands.index("make book RENDERER=quarto")
    assert commands[build + 1 : build + 3] == ["make site-test", "actions/upload-pages-artifact"]


def test_the_environment_is_the_requirements_and_quarto():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    dependencies = environment["dependencies"]
    assert environment["name"] in MAKEFILE, "the Makefile recognises the environment by its name"
    assert any(isinstance(d, str) and d.startswith("quarto>=1.9") for d in dependencies)
    assert {"pip": ["-r requirements.txt"]} in dependencies


def test_the_development_container_uses_the_environment():
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text("utf-8"))
    name = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))["name"]
    assert "--file environment.yml" in container["onCreateCommand"]
    assert f"conda activate {name}" in container["onCreateCommand"]
    assert f"--name {name} make" in container["postCreateCommand"]


def test_binder_installs_files_that_exist():
    environment = yaml.safe_load((ROOT / ".binder/environment.yml").read_text("utf-8"))
    (packages,) = [d["pip"] for d in environment["dependencies"] if isinstance(d, dict)]
    paths = [line.removeprefix("-r ") for line in packages]
    assert paths and all((ROOT / ".binder" / path).exists() for path in paths)
