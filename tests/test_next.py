"""Test what `make next` compares; the comparison itself installs packages and is slow."""

from __future__ import annotations

import pytest

from tools import next as newest

OBSERVED = {"versions": ["a 1"], "warnings in chapters": ["an old one"]}


def test_requirements_lose_their_versions_but_for_torch():
    lines = "torch==2.13.0  # CPU\nsoupsieve<3 # later\na>=1,<2\n-e ./renderer[cluster]  # ours\n"
    free = [line.partition("#")[0].strip() for line in newest.without_pins(lines).splitlines()]
    assert free == ["torch==2.13.0", "soupsieve", "a", "-e ./renderer[cluster]"]


def test_names_that_do_not_exist_are_found():
    code = "\n".join(
        [
            "import os.path, numpy as np",
            "from polars import DataFrame, no_such_name",
            "from pathlib import Path",
            "np.linalg.norm, np.no_such, np.zeros(3).no_such, os.path.no_such, Path.cwd, other.x",
        ]
    )
    expected = ["numpy.no_such", "os.path.no_such", "polars.no_such_name"]
    assert [*newest.missing_names(code)] == expected


@pytest.mark.parametrize(
    ("subject", "line", "status"),
    [("versions", "a 2", 0), ("warnings in chapters", "a new one", 1)],
)
def test_only_what_is_new_is_printed(monkeypatch, capsys, subject, line, status):
    after = OBSERVED | {subject: [*OBSERVED[subject], line]}
    monkeypatch.setattr(newest.sys, "argv", ["next"])
    monkeypatch.setattr(newest, "install", lambda: "new")
    monkeypatch.setattr(newest, "observed_by", lambda p: after if p == "new" else OBSERVED)
    assert newest.main() == status
    printed = capsys.readouterr().out
    assert f"{subject}: 1 new\n    {line}\n" in printed and "an old one" not in printed
