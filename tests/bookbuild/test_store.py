"""The store: whole entries, evicted in time, and not disturbed by a second build."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from bookbuild.store import VERSIONS, keep_only, kept


def write(text: str):
    return lambda path: path.write_text(text, encoding="utf-8")


def test_content_is_made_once_for_the_same_ingredients(tmp_path):
    first = kept(tmp_path / "words", ["a", b"b"], write("made"))
    second = kept(tmp_path / "words", ["a", b"b"], write("made again"))
    assert first == second
    assert second.read_text(encoding="utf-8") == "made"


def test_where_one_ingredient_ends_and_the_next_begins_counts(tmp_path):
    assert kept(tmp_path / "x", ["ab", "c"], write("1")) != kept(
        tmp_path / "x", ["a", "bc"], write("2")
    )


def test_a_failure_leaves_nothing(tmp_path):
    def fail(path: Path) -> None:
        path.write_text("half", encoding="utf-8")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        kept(tmp_path / "words", ["a"], fail)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_last_versions_that_were_asked_for_stay(tmp_path):
    folder = tmp_path / "words"
    entries = [kept(folder, [str(n)], write(str(n))) for n in range(VERSIONS)]
    assert kept(folder, ["0"], write("0")) == entries[0]  # asked for again
    newest = kept(folder, ["another"], write("another"))
    assert {*folder.iterdir()} == {entries[0], *entries[2:], newest}


def test_folders_are_kept_and_evicted_whole(tmp_path):
    def make(path: Path) -> None:
        (path / "inside").mkdir(parents=True)

    for n in range(VERSIONS + 2):
        entry = kept(tmp_path / "index", [str(n)], make)
    assert (entry / "inside").is_dir()
    assert len([*(tmp_path / "index").iterdir()]) == VERSIONS


def test_two_builds_at_once_agree(tmp_path):
    """Both make the same content at the same time; the later finds what the earlier has left."""
    barrier = threading.Barrier(2, timeout=60)

    def make(path: Path) -> None:
        (path / "inside").mkdir(parents=True)
        barrier.wait()

    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.append(kept(tmp_path / "index", ["a"], make)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] == found[1]
    assert (found[0] / "inside").is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_what_is_not_named_goes(tmp_path):
    kept(tmp_path / "one", ["a"], write("1"))
    kept(tmp_path / "two", ["a"], write("2"))
    keep_only(tmp_path, {"two"})
    assert [path.name for path in tmp_path.iterdir()] == ["two"]
