"""What CONTRIBUTING.md and the automation name exists, and has the versions pinned here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
WORKFLOW = (ROOT / ".github/workflows/book.yml").read_text("utf-8")
HOOKS = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
CONTAINER = (ROOT / ".devcontainer/devcontainer.json").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def test_every_file_that_the_guide_names_exists():
    names = re.findall(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|md|yml|bib|in))`", GUIDE)
    made = {"_book/"}
    missing = [name for name in names if name not in made and not (ROOT / name).exists()]
    assert len(names) > 20 and missing == []


@pytest.mark.parametrize(
    "text",
    [GUIDE, WORKFLOW, HOOKS, CONTAINER],
    ids=["guide", "workflow", "hooks", "container"],
)
def test_every_task_is_one_of_the_makefile(text):
    tasks = set(re.findall(r'(?:`|run: |entry: |Command": ")make ([a-z0-9-]+)', text))
    assert tasks and tasks <= set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE))


def test_the_cell_options_of_the_guide_are_those_that_are_known():
    from bookbuild.qmd import OPTION_TYPES

    listed = GUIDE.split("Options are")[1].split("nothing else")[0]
    named = {name.removeprefix("#| ") for name in re.findall(r"`([^`]+)`", listed)}
    assert named == {name.replace("_", "-") for name in OPTION_TYPES}


def test_hooks_have_the_versions_of_the_requirements():
    pinned = set((ROOT / "requirements.txt").read_text("utf-8").splitlines())
    hooks = yaml.safe_load(HOOKS)["repos"][0]["hooks"]
    asked = {line for hook in hooks for line in hook.get("additional_dependencies", [])}
    assert asked and asked <= pinned


def test_every_action_is_pinned_by_commit():
    uses = re.findall(r"uses: (\S+)", WORKFLOW)
    assert uses and all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action) for action in uses)
    jobs = yaml.safe_load(WORKFLOW)["jobs"]
    assert set(jobs["publish"]["needs"]) == {"build", "verify"}


def test_the_environment_is_the_requirements_and_quarto():
    wanted = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    assert wanted["name"] in MAKEFILE, "the Makefile knows the environment by its name"
    assert any(isinstance(d, str) and d.startswith("quarto>=1.9") for d in wanted["dependencies"])
    assert {"pip": ["-r requirements.txt"]} in wanted["dependencies"]
