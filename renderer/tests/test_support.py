"""Test the fixtures and helpers shared by the tests."""

from __future__ import annotations

import pytest

from tests.support.processes import shared


@pytest.mark.parametrize("worker", [None, "gw0"])
def test_a_shared_folder_is_made_once_per_run(tmp_path_factory, monkeypatch, worker):
    base = tmp_path_factory.mktemp("run") / "gw0"
    base.mkdir()
    monkeypatch.setattr(tmp_path_factory, "getbasetemp", lambda: base)
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    if worker:
        monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
    made = []

    def make(folder):
        folder.mkdir()
        made.append(folder)

    folders = {shared(tmp_path_factory, "site", make) for _ in range(2)}
    assert folders == {(base.parent if worker else base) / "site"} == {*made}
    assert len(made) == 1


def test_a_shared_folder_that_could_not_be_made_is_tried_again(tmp_path_factory, monkeypatch):
    base = tmp_path_factory.mktemp("run")
    monkeypatch.setattr(tmp_path_factory, "getbasetemp", lambda: base)
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)

    def fail(folder):
        folder.mkdir()
        raise RuntimeError("the build failed")

    with pytest.raises(RuntimeError):
        shared(tmp_path_factory, "site", fail)
    folder = shared(tmp_path_factory, "site", lambda path: path.mkdir())
    assert folder.is_dir()


def test_a_built_book_is_the_tests_own(built_once, built_book):
    before = built_once.page()
    built_book.write("_book/chapters/one.html", "changed")
    assert built_book.page() == "changed"
    assert built_once.page() == before


def test_the_probe_book_is_built_with_all_its_sources_around_it(probe):
    assert (probe / "index.html").is_file()
    assert (probe.parent / "_quarto.yml").is_file()
