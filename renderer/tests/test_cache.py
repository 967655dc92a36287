"""Cache entries are complete, outlive those used less recently, and survive a second build."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bookbuild.run import cache
from bookbuild.run.cache import (
    UNUSED_SECONDS,
    VERSIONS,
    digest,
    get_or_create,
    imports,
    mark_used,
    remove_unused,
    runnable_code,
)


def write(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text, encoding="utf-8")


def age(entry: Path, seconds: float) -> None:
    """Make an entry look as if it was last used so many seconds ago."""
    time = entry.stat().st_mtime - seconds
    os.utime(entry, (time, time))


def test_an_entry_is_made_once(tmp_path):
    first = get_or_create(tmp_path / "words", ["a", b"b"], write("made"))
    second = get_or_create(tmp_path / "words", ["a", b"b"], write("made again"))
    assert first == second
    assert second.read_text(encoding="utf-8") == "made"


def test_the_boundary_between_two_parts_counts(tmp_path):
    first = get_or_create(tmp_path / "x", ["ab", "c"], write("1"))
    assert first != get_or_create(tmp_path / "x", ["a", "bc"], write("2"))
    assert digest(["a", "b"]) != digest(["ab"]) != digest(["a", "b", ""])


def test_a_failure_leaves_nothing(tmp_path):
    def fail(path: Path) -> None:
        path.write_text("half", encoding="utf-8")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        get_or_create(tmp_path / "words", ["a"], fail)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


# Eviction


def test_the_last_used_entries_remain(tmp_path):
    folder = tmp_path / "words"
    entries = [get_or_create(folder, [str(n)], write(str(n))) for n in range(VERSIONS)]
    assert get_or_create(folder, ["0"], write("0")) == entries[0]  # used again
    newest = get_or_create(folder, ["another"], write("another"))
    assert {*folder.iterdir()} == {entries[0], *entries[2:], newest}


def test_an_entry_that_is_only_read_is_not_evicted(tmp_path):
    """A build reads the results of most chapters and creates none; that must count as use."""
    folder = tmp_path / "results"
    main = get_or_create(folder, ["main"], write("main"))
    age(main, 1000)
    for number in range(2 * VERSIONS):
        for path in folder.iterdir():
            age(path, 10)
        assert mark_used(main), f"evicted after {number} experiments"
        get_or_create(folder, [f"experiment {number}"], write("x"))
    assert main.read_text(encoding="utf-8") == "main"


def test_an_unused_entry_is_evicted_although_it_is_newer(tmp_path):
    folder = tmp_path / "results"
    entries = [get_or_create(folder, [str(n)], write(str(n))) for n in range(VERSIONS)]
    for number, entry in enumerate(entries):
        age(entry, 100 * (VERSIONS - number))  # the last one is the newest
    for entry in entries[:-1]:
        mark_used(entry)
    get_or_create(folder, ["another"], write("another"))
    assert [entry.exists() for entry in entries] == [*[True] * (VERSIONS - 1), False]


def test_marking_an_absent_entry_creates_nothing(tmp_path):
    assert not mark_used(tmp_path / "none")
    assert [*tmp_path.iterdir()] == []


def test_an_entry_evicted_between_check_and_use_is_made_again(tmp_path, monkeypatch):
    """Another build may remove an entry at any moment; an empty file must never take its place."""
    folder = tmp_path / "words"
    entry = get_or_create(folder, ["a"], write("content"))
    utime, removed = os.utime, []

    def evicted_first(path: Path, *arguments) -> None:
        if not removed:
            removed.append(path)
            path.unlink()
        utime(path, *arguments)

    monkeypatch.setattr(os, "utime", evicted_first)
    assert get_or_create(folder, ["a"], write("content")) == entry
    assert removed == [entry]
    assert entry.read_text(encoding="utf-8") == "content"


def test_an_entry_evicted_as_soon_as_it_is_made_is_made_again(tmp_path, monkeypatch):
    folder, made = tmp_path / "words", []

    def evicted_after(complete: Path, entry: Path) -> None:
        move(complete, entry)
        made.append(entry)
        if len(made) == 1:
            entry.unlink()

    move = cache._move
    monkeypatch.setattr(cache, "_move", evicted_after)
    entry = get_or_create(folder, ["a"], write("content"))
    assert len(made) == 2
    assert entry.read_text(encoding="utf-8") == "content"


def test_folders_are_stored_and_evicted_whole(tmp_path):
    def make(path: Path) -> None:
        (path / "inside").mkdir(parents=True)
        (path / "inside" / "words").write_text("content", encoding="utf-8")

    for n in range(VERSIONS + 2):
        entry = get_or_create(tmp_path / "index", [str(n)], make)
    assert (entry / "inside").is_dir()
    assert len([*(tmp_path / "index").iterdir()]) == VERSIONS


def test_two_builds_at_once_agree(tmp_path):
    """Both produce the same content at the same time; the later one uses the earlier one's."""
    barrier = threading.Barrier(2, timeout=60)

    def make(path: Path) -> None:
        (path / "inside").mkdir(parents=True)
        (path / "inside" / "words").write_text("content", encoding="utf-8")
        barrier.wait()

    entries: list[Path] = []
    threads = [
        threading.Thread(
            target=lambda: entries.append(get_or_create(tmp_path / "index", ["a"], make))
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert entries[0] == entries[1]
    assert (entries[0] / "inside").is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_what_was_made_without_content_is_an_error(tmp_path):
    """Some programs report no error on a full disk, and leave empty files."""
    with pytest.raises(OSError, match="No space left on device"):
        get_or_create(tmp_path / "index", ["a"], write(""))
    assert [*(tmp_path / "index").iterdir()] == []


def test_only_entries_unused_for_long_are_removed(tmp_path):
    old = get_or_create(tmp_path / "one", ["a"], write("1"))
    recent = get_or_create(tmp_path / "one", ["b"], write("2"))
    set_aside = get_or_create(tmp_path / "two", ["a"], write("3"))
    age(old, UNUSED_SECONDS + 60)
    age(set_aside, UNUSED_SECONDS / 2)
    remove_unused(tmp_path)
    assert (old.exists(), recent.exists(), set_aside.exists()) == (False, True, True)


# The inputs of results; which edit executes which chapter is tested in test_reexecution.py


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("import a; import b.c", {"a", "b.c"}),
        ("try:\n    from a.b import c\nexcept E:\n    import d as x, e.f", {"a.b", "d", "e.f"}),
        ("from .own import a", set()),
        ('# import a\n"""\nfrom b import c\n"""', set()),
        ("%matplotlib inline\n!ls\nimport a\na?", {"a"}),
        ("import a\nx = (1\n    != a\n    % 2)", {"a"}),
        ("import a\nx = (", set()),
    ],
    ids=["semicolon", "in a block", "relative", "no code", "IPython", "operators", "no Python"],
)
def test_imports_of_a_cell(code, names):
    assert imports(code) == names


@pytest.mark.parametrize(
    ("module", "same"),
    [
        ("x = 1  # a remark", True),
        ('"""Another docstring."""\n\n\nx = (1)', True),
        ("x = 2", False),
        ("x = 1\nx", False),
    ],
)
def test_only_code_that_runs_counts(module, same):
    assert (runnable_code(module) == runnable_code('"""A docstring."""\nx = 1')) == same
