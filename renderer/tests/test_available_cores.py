"""Chapters use as many cores as affinity and cgroup quotas allow."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bookbuild import available_cores


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree of cgroups on a machine whose affinity allows eight cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    (tmp_path / "outer" / "inner").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("quotas", "group", "cores"),
    [
        ({}, "0::/outer/inner", 8),
        ({"outer": "150000 100000", "outer/inner": "max 100000"}, "0::/outer/inner", 2),
        ({"outer": "150000 100000"}, "0::/", 8),
        ({"": "5000 100000"}, "0::/outer", 1),
        ({"outer": "1600000 100000"}, "0::/outer", 8),
        ({"outer": "100000 100000"}, "4:cpu:/outer", 8),
    ],
    ids=["no quota", "outer group", "another group", "a twentieth", "more than there are", "v1"],
)
def test_quotas_of_all_groups_count(groups: Path, quotas, group: str, cores: int):
    for folder, quota in quotas.items():
        (groups / folder / "cpu.max").write_text(f"{quota}\n", encoding="utf-8")
    (groups / "own").write_text(f"{group}\n", encoding="utf-8")
    assert available_cores(groups, groups / "own") == cores


def test_without_cgroups_affinity_decides(groups: Path):
    assert available_cores(groups / "none", groups / "none") == 8
