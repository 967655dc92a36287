"""The site is installed wherever `_book` is, on any disk, without losing other people's files."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bookbuild.outputs import site
from bookbuild.source.errors import BookError
from bookbuild.source.project import load
from tests.support.books import SmallBook
from tests.support.processes import command, start

pytestmark = pytest.mark.thorough

BUILD = ("build", "--renderer", "builtin")
MEMORY = Path("/dev/shm")  # another file system than the temporary folder's


def can_mount() -> bool:
    """Return whether this process may mount folders."""
    return os.geteuid() == 0 and not subprocess.run(["unshare", "-m", "true"]).returncode


needs_mounts = pytest.mark.skipif(not can_mount(), reason="needs root, to mount folders")


@pytest.fixture
def other_disk(tmp_path) -> Path:
    """Return a new folder on another file system."""
    if not MEMORY.is_dir() or MEMORY.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system")
    folder = MEMORY / f"bookbuild-{os.getpid()}-{tmp_path.name}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def book(book: SmallBook) -> SmallBook:
    """Return a book that takes little time to build."""
    book.edit("_quarto.yml", "  title:", "  search: false\n  title:")
    book.chapter("Text.")
    return book


def files(folder: Path) -> dict[str, bytes]:
    """Return all files in a folder by path."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def build_twice(book: SmallBook) -> None:
    """Build, change the chapter, build again: the site must be the second build's."""
    assert book.run(*BUILD) == 0
    book.edit("chapters/one.qmd", "Text.", "Other words.")
    assert book.run(*BUILD) == 0
    assert "Other words." in book.page()
    assert not [
        path for path in (book.root / "_book").iterdir() if path.name.startswith(".partial")
    ]


# Kinds of folders


def test_a_plain_folder(book):
    build_twice(book)


def test_a_link_stays_a_link(book, tmp_path):
    served = tmp_path / "www"
    served.mkdir()
    link = book.root / "_book"
    link.symlink_to(served)
    build_twice(book)
    assert link.is_symlink()
    assert "Other words." in (served / "chapters/one.html").read_text(encoding="utf-8")


def test_a_link_to_another_disk(book, other_disk):
    (book.root / "_book").symlink_to(other_disk)
    build_twice(book)
    assert (other_disk / "index.html").is_file()


def test_a_cache_on_another_disk(book, other_disk):
    (book.root / ".cache").symlink_to(other_disk)
    build_twice(book)


def test_folders_of_the_site_that_are_links(book, tmp_path, other_disk):
    """A large part of a site, such as its chapters, may be on another disk."""
    (book.root / "_book").mkdir()
    (book.root / "_book" / "chapters").symlink_to(other_disk)
    build_twice(book)
    assert (other_disk / "one.html").is_file()


def in_namespace(book: SmallBook, script: str) -> str:
    """Run a shell script that mounts folders, in the book's folder; return what it prints."""
    variables = os.environ | {"BUILD": " ".join(command(Path(), *BUILD))}
    call = ["unshare", "-m", "sh", "-ec", script]
    done = subprocess.run(call, cwd=book.root, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_mounts
def test_a_mount(book, other_disk):
    (book.root / "_book").mkdir()
    in_namespace(
        book,
        f"""mount --bind {other_disk} _book
        $BUILD; sed -i 's/Text/Other words/' chapters/one.qmd; $BUILD""",
    )
    assert "Other words" in (other_disk / "chapters/one.html").read_text(encoding="utf-8")


@needs_mounts
def test_a_mounted_cache(book, other_disk):
    (book.root / ".cache").mkdir()
    in_namespace(
        book,
        f"""mount --bind {other_disk} .cache
        $BUILD; sed -i 's/Text/Other words/' chapters/one.qmd; $BUILD""",
    )
    assert "Other words" in book.page()


@needs_mounts
def test_an_overlay(book, other_disk):
    """As in a container whose image holds a built book: folders of the image cannot be renamed."""
    assert book.run(*BUILD) == 0
    done = in_namespace(
        book,
        f"""mount -t tmpfs tmpfs {other_disk}; cd {other_disk}; mkdir up work merged
        mount -t overlay overlay -o lowerdir={book.root},upperdir=up,workdir=work merged
        cd merged; echo More words. >> chapters/one.qmd; $BUILD; cat _book/chapters/one.html""",
    )
    assert "More words." in done


@needs_mounts
def test_a_full_disk_changes_nothing(book, other_disk):
    (book.root / "_book").mkdir()
    book.write("large.bin", "x" * 3_000_000)
    assert book.run(*BUILD) == 0
    before = files(book.root / "_book")
    book.edit("chapters/one.qmd", "Text.", "Other words.")
    book.add_pdf()
    done = in_namespace(
        book,
        f"""cp -a _book {other_disk}/built; mkdir {other_disk}/small
        mount -t tmpfs -o size=400k tmpfs {other_disk}/small; cp -a _book/. {other_disk}/small
        dd if=/dev/zero of={other_disk}/small/foreign bs=1k count=1000 2>/dev/null || true
        mount --bind {other_disk}/small _book
        $BUILD 2>&1 || true; rm _book/foreign; cp -a _book/. {other_disk}/after""",
    )
    assert "No space left on device; free some disk space" in done
    assert files(other_disk / "after") == before


# Problems are found before anything is executed


def make_file(path: Path) -> None:
    path.write_text("x")


def make_broken_link(path: Path) -> None:
    path.symlink_to("nowhere")


def make_loop(path: Path) -> None:
    path.symlink_to(path.name)


def make_link_to_file(path: Path) -> None:
    path.with_name("file").write_text("x")
    path.symlink_to("file")


@pytest.mark.parametrize("name", ["_book", ".cache"])
@pytest.mark.parametrize("make", [make_file, make_broken_link, make_loop, make_link_to_file])
def test_what_is_no_folder_is_reported_before_a_cell_runs(book, fails, name, make):
    book.chapter('```{python}\nopen("r" + "an.txt", "w")\n```')
    make(book.root / name)
    message = fails(*BUILD)
    assert message.startswith("error: ") and len(message.splitlines()) == 1
    assert str(book.root / name) in message and "remove it" in message
    assert not (book.root / "ran.txt").exists()


@needs_mounts
@pytest.mark.parametrize("name", ["_book", ".cache"])
def test_a_folder_that_cannot_be_written_is_reported_before_a_cell_runs(book, name):
    book.chapter('```{python}\nopen("r" + "an.txt", "w")\n```')
    (book.root / name).mkdir()
    done = in_namespace(
        book, f"mount -t tmpfs -o ro tmpfs {name}; $BUILD 2>&1 || true; test ! -e ran.txt"
    )
    assert "Read-only file system; check that you have write permission" in done
    assert "Traceback" not in done


@pytest.mark.parametrize(
    "name", [".", "..", "chapters", "./chapters/", ".cache", ".cache/site", "/tmp"]
)
def test_folders_that_the_site_cannot_have(book, fails, name):
    book.edit("_quarto.yml", "  type: book", f"  type: book\n  output-dir: {name}")
    message = fails(*BUILD)
    assert message.startswith("error: _quarto.yml:") and f"`{name}`" in message
    assert not (book.root / "chapters" / "index.html").exists()


def test_a_link_back_to_the_sources_is_refused(book, fails):
    (book.root / "_book").symlink_to("chapters")
    assert "must not hold the book's sources" in fails(*BUILD)


# Other people's files


FOREIGN = (
    "CNAME",
    ".nojekyll",
    "google1234.html",
    "chapters/own.txt",
    "images/deep/a.png",
    ".git/HEAD",
)


def test_files_of_others_survive(book):
    assert book.run(*BUILD) == 0
    for name in FOREIGN:
        book.write(f"_book/{name}", name)
    (book.root / "_book" / "empty").mkdir()
    book.edit("chapters/one.qmd", "Text.", "Other words.")
    assert book.run(*BUILD) == 0
    assert "Other words." in book.page()
    for name in FOREIGN:
        assert book.site()[name] == name.encode()
    assert (book.root / "_book" / "empty").is_dir()


def test_a_folder_with_other_files_can_become_the_site(book):
    book.write("docs/.nojekyll", "")
    book.write("docs/notes/a.txt", "a")
    book.edit("_quarto.yml", "  type: book", "  type: book\n  output-dir: docs")
    assert book.run(*BUILD) == 0
    assert {".nojekyll", "notes/a.txt", "index.html"} <= set(files(book.root / "docs"))


@pytest.mark.parametrize("name", site.HOST_FILES)
def test_files_for_the_host_are_copied_from_the_root(book, name):
    book.write(name, "for the host")
    assert book.run(*BUILD) == 0
    assert book.site()[name] == b"for the host"
    (book.root / name).unlink()
    assert book.run(*BUILD) == 0
    assert book.site().get(name) != b"for the host"  # robots.txt is then the renderer's own


def test_the_files_for_the_host_are_those_of_quarto():
    """They are the list in Quarto's src/project/project-resources.ts, and its 404 page."""
    assert set(site.HOST_FILES) == {"robots.txt", ".nojekyll", "CNAME", "_redirects", "404.html"}


# Files of ours that are no longer written


def test_a_renamed_chapter_leaves_nothing(book):
    book.chapter("```{python}\n1\n```")
    assert book.run(*BUILD) == 0
    assert {"chapters/one.html", "chapters/one.ipynb", "chapters/one.qmd"} <= set(book.site())
    (book.root / "deep").mkdir()
    (book.root / "chapters/one.qmd").rename(book.root / "deep/two.qmd")
    book.edit("_quarto.yml", "chapters/one.qmd", "deep/two.qmd")
    assert book.run(*BUILD) == 0
    assert not [name for name in book.site() if name.startswith("chapters/")]
    assert not (book.root / "_book" / "chapters").exists()
    assert "deep/two.html" in book.site()


def test_a_build_leaves_the_site_of_a_new_folder(book, tmp_path):
    """After any series of builds the site is as if only the last one had run."""
    assert book.run(*BUILD) == 0
    book.write("CNAME", "x")
    book.add_pdf()
    book.add_chapter("two", "# Two\n\n```{python}\n1\n```\n")
    assert book.run(*BUILD) == 0
    book.edit("_quarto.yml", ", chapters/two.qmd", "")
    book.edit("_quarto.yml", "  downloads: [pdf]\n", "")
    (book.root / "chapters/two.qmd").unlink()
    (book.root / "CNAME").unlink()
    assert book.run(*BUILD) == 0
    fresh = book.copy(tmp_path / "fresh")
    shutil.rmtree(fresh.root / "_book")
    assert fresh.run(*BUILD) == 0
    assert book.site() == fresh.site()


def test_unchanged_files_are_not_written_again(book):
    assert book.run(*BUILD) == 0
    icon = book.root / "_book/assets/favicon.svg"
    before = icon.stat().st_mtime_ns, icon.stat().st_ino
    book.edit("chapters/one.qmd", "Text.", "Other words.")
    assert book.run(*BUILD) == 0
    assert (icon.stat().st_mtime_ns, icon.stat().st_ino) == before


@pytest.mark.parametrize(
    "names",
    [
        ["../chapters/one.qmd"],
        ["../../outside.txt"],
        ["a/../../chapters/one.qmd"],
        ["{root}/chapters/one.qmd"],
        ["..", ".", "", "/"],
        [1, None, ["x"]],
        {"../chapters/one.qmd": 1},
        "text",
        7,
        ["chapters"],
    ],
)
def test_a_list_that_is_damaged_or_forged_removes_nothing_else(book, names):
    book.write("../outside.txt", "outside")
    assert book.run(*BUILD) == 0
    book.write("_book/chapters/own.txt", "own")
    text = json.dumps(names).replace("{root}", str(book.root))
    book.write(f"_book/{site.LIST}", text)
    assert book.run(*BUILD) == 0
    for name in ("../outside.txt", "chapters/one.qmd", "_book/chapters/own.txt"):
        assert (book.root / name).is_file()


# The same path twice


def installed(book: SmallBook, *names: str) -> Callable[[], Path]:
    """Return a function that installs a site of these files."""

    def install() -> Path:
        stage = book.root / "stage"
        shutil.rmtree(stage, ignore_errors=True)
        for name in names:
            book.write(f"stage/{name}", name)
        return site.install(load(book.root), stage)

    return install


def test_a_file_of_ours_may_become_a_folder_and_back(book):
    for names in (("a", "b/c"), ("a/b/c", "b"), ("a", "b/c")):
        target = installed(book, *names)()
        assert set(files(target)) - {site.LIST} == set(names)


@pytest.mark.parametrize(("own", "foreign"), [("index.html", "index.html/x"), ("a/b", "a")])
def test_a_path_that_others_use_is_reported_and_nothing_changed(book, own, foreign):
    book.write(f"_book/{foreign}", "foreign")
    before = files(book.root / "_book")
    with pytest.raises(BookError, match="move it away"):
        installed(book, "first", own, "z")()
    assert files(book.root / "_book") == before


def test_an_empty_folder_of_others_is_reported(book):
    (book.root / "_book/index.html/deep").mkdir(parents=True)
    with pytest.raises(BookError, match=r"index\.html is a folder"):
        installed(book, "index.html")()


# Builds that are killed, or coincide


def test_a_build_that_is_killed_loses_track_of_no_file(book, monkeypatch):
    """The list names both builds' files until the second is complete."""
    installed(book, "a", "b")()
    replace, moved = Path.replace, []

    def killed(path: Path, target: Path) -> Path:
        if Path(target).name not in (site.LIST,):
            moved.append(target)
            if len(moved) == 2:
                raise KeyboardInterrupt
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        installed(book, "c", "d", "e")()
    monkeypatch.undo()
    assert set(files(installed(book, "d")())) == {"d", site.LIST}


def test_an_error_in_the_middle_is_one_line(book, fails, monkeypatch):
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "x")

    monkeypatch.setattr(site.shutil, "copyfile", full)
    assert "free some disk space" in fails(*BUILD)


@pytest.mark.slow
def test_two_builds_at_once_leave_one_whole_site(book):
    book.chapter("```{python}\nprint(1)\n```")
    builds = [start(book, *BUILD, stdout=subprocess.PIPE) for _ in range(3)]
    assert [(build.communicate(timeout=200), build.returncode)[1] for build in builds] == [0, 0, 0]
    written = json.loads((book.root / "_book" / site.LIST).read_text(encoding="utf-8"))
    assert set(book.site()) == {*written, site.LIST}
