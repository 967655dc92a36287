"""A chapter is executed again if, and only if, something changed that its results depend on.

The chapters themselves record that they ran, in a file whose name no cell spells out.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

import pytest

from bookbuild.run import cache, execute
from bookbuild.run.cache import VERSIONS, by_last_use, get_or_create
from bookbuild.run.progress import Progress
from bookbuild.run.results import Results
from bookbuild.source import qmd
from bookbuild.source.project import load
from tests.support.books import SmallBook
from tests.support.processes import command

RECORD = """import pathlib
with pathlib.Path("ran" + ".txt").open("a") as log: log.write("{name} ")
"""
ONE = f"""{RECORD.format(name="one")}
try:
    import alpha
except ImportError:
    pass
from helper import VALUE
from tools.words import WORDS
print("notes/first.txt")
print(pathlib.Path("texts") / "second.txt")
print(pathlib.Path("texts", "deep"))
"""
TWO = RECORD.format(name="two")


def cell(code: str) -> str:
    return f"```{{python}}\n{code}\n```"


@pytest.fixture
def packages(tmp_path, monkeypatch) -> Path:
    """Return a folder of installed packages: alpha, which needs beta, and gamma."""
    folder = tmp_path / "packages"
    install(folder, "alpha", "1.0", "Beta_One>=1", 'gamma; extra == "more"')
    install(folder, "beta_one", "1.0")
    install(folder, "gamma", "1.0")
    monkeypatch.syspath_prepend(folder)
    return folder


def install(folder: Path, name: str, version: str, *needs: str) -> None:
    """Install a version of a package in place of the others, as pip does."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "__init__.py").write_text("")
    for other in folder.glob(f"{name}-*.dist-info"):
        shutil.rmtree(other)
    information = folder / f"{name}-{version}.dist-info"
    information.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {need}" for need in needs]
    (information / "METADATA").write_text("\n".join(lines) + "\n")
    (information / "top_level.txt").write_text(f"{name}\n")


@pytest.fixture
def project(book: SmallBook, packages: Path) -> SmallBook:
    """Return a book of two chapters; the first uses packages, modules and files."""
    book.configure(data="data", data_manifest="data/state.json", data_command="task measure")
    manifest = {"outputs": {"digits.csv": "aaaa"}, "recipe": {"list.toml": "cccc"}}
    book.write("data/state.json", json.dumps(manifest))
    book.write("tools/__init__.py", "")
    book.write(
        "tools/words.py", "from pathlib import Path\nWORDS = Path(__file__).parent / 'words.txt'\n"
    )
    book.write("tools/words.txt", "words\n")
    book.write("notes/first.txt", "first\n")
    book.write("notes/other.txt", "other\n")
    book.write("texts/second.txt", "second\n")
    book.write("texts/deep/third.txt", "third\n")
    book.add_chapter("two", f"# Two\n\n{cell(TWO)}\n")
    book.chapter(f"Some prose.\n\n{cell(ONE)}")
    return book


def ran(book: SmallBook) -> list[str]:
    """Execute the book and return which chapters ran."""
    log = book.root / "ran.txt"
    log.unlink(missing_ok=True)
    assert book.run("execute", "--jobs", "1") == 0
    return sorted(log.read_text().split()) if log.exists() else []


def replace(name: str, old: str, new: str) -> Callable:
    return lambda book, packages: book.edit(name, old, new)


def upgrade(name: str, *needs: str) -> Callable:
    return lambda book, packages: install(packages, name, "1.1", *needs)


def write(name: str, text: str) -> Callable:
    return lambda book, packages: book.write(name, text)


ALPHA_NEEDS = ("Beta_One>=1", 'gamma; extra == "more"')
CHANGES = {
    "an imported package": (upgrade("alpha", *ALPHA_NEEDS), ["one"]),
    "a package that it needs": (upgrade("beta_one"), ["one"]),
    "what it needs": (upgrade("alpha", *ALPHA_NEEDS, "gamma"), ["one"]),
    "a cell": (replace("chapters/one.qmd", "first.txt", "other.txt"), ["one"]),
    "a module": (replace("helper.py", "VALUE = 1", "VALUE = 2"), ["one"]),
    "a named file": (write("notes/first.txt", "changed"), ["one"]),
    "a file in a named folder": (write("texts/second.txt", "changed"), ["one"]),
    "a file deep in a named folder": (write("texts/deep/third.txt", "changed"), ["one"]),
    "a new file in a named folder": (write("texts/deep/fourth.txt", "new"), ["one"]),
    "a file beside a module": (write("tools/words.txt", "changed"), ["one"]),
    "the data": (replace("data/state.json", "aaaa", "bbbb"), ["one", "two"]),
    "the data's sources": (replace("data/state.json", "cccc", "dddd"), ["one", "two"]),
    # and nothing else
    "another package": (upgrade("gamma"), []),
    "a new package": (lambda book, packages: install(packages, "delta", "1.0"), []),
    "prose": (replace("chapters/one.qmd", "Some prose", "Other prose"), []),
    "the list of requirements": (write("requirements.txt", "polars==9\n"), []),
    "the configuration": (replace("_quarto.yml", "Small book", "Other book"), []),
    "another file": (write("notes/other.txt", "changed"), []),
    "another module": (write("unused.py", "X = 1\n"), []),
    "a comment in a module": (replace("helper.py", "VALUE = 1", "VALUE = 1  # remark"), []),
    "compiled modules": (write("texts/__pycache__/x.pyc", "code"), []),
    "the time of a file": (lambda book, packages: os.utime(book.root / "notes/first.txt"), []),
    "nothing": (lambda book, packages: None, []),
}


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return where the first test leaves the executed book, for all others to copy."""
    return {}


@pytest.mark.slow
@pytest.mark.parametrize("name", CHANGES)
def test_which_change_executes_which_chapter(name, project, packages, executed, tmp_path_factory):
    if not executed:
        assert ran(project) == ["one", "two"]
        executed["cache"] = tmp_path_factory.mktemp("executed") / ".cache"
        shutil.copytree(project.root / ".cache", executed["cache"])
    shutil.copytree(executed["cache"], project.root / ".cache", dirs_exist_ok=True)
    change, chapters = CHANGES[name]
    change(project, packages)
    assert ran(project) == chapters
    assert ran(project) == []


def inputs(book: SmallBook) -> dict[str, str]:
    project = load(book.root)
    return cache.inputs(project, qmd.read(project.root, project.chapters[1].source))


@pytest.mark.thorough
@pytest.mark.parametrize(
    "code",
    [
        "import importlib\nimportlib.import_module('gam' + 'ma')",
        "from importlib.metadata import version\nprint(version('gamma'))",
        "import importlib.metadata as m",
    ],
)
def test_code_that_looks_packages_up_depends_on_all(book, packages, code):
    book.chapter(cell(code))
    before = inputs(book)
    install(packages, "gamma", "1.1")
    assert inputs(book)["installed packages"] != before["installed packages"]


@pytest.mark.parametrize("package", ["ipykernel", "ipython", "nbclient", "numpy"])
def test_versions_include_the_kernel_and_what_it_shows(book, package):
    from importlib.metadata import version

    book.chapter(cell("import matplotlib.pyplot as plt"))
    assert json.loads(inputs(book)["installed packages"])[package] == version(package)


@pytest.mark.thorough
def test_a_package_upgraded_while_a_preview_or_worker_runs(book, packages):
    """Each build reads the versions again, although this process keeps running."""
    book.chapter(cell("import alpha"))
    seen = set()
    for version in ("1.0", "1.1", "1.2", "1.0"):
        install(packages, "alpha", version)
        seen.add(inputs(book)["installed packages"])
    assert len(seen) == 3


def test_a_package_upgraded_where_all_files_have_one_time(book, packages):
    book.chapter(cell("import alpha"))
    os.utime(packages, (0, 0))
    before = inputs(book)
    install(packages, "alpha", "1.1")
    os.utime(packages, (0, 0))
    assert inputs(book)["installed packages"] != before["installed packages"]


def test_the_owners_of_packages_are_those_that_python_finds(book):
    book.chapter(cell("1"))
    owners = cache.packages(load(book.root).cache, cache.packages_state())["owners"]
    found = importlib.metadata.packages_distributions()
    assert {name: {*owners[name]} for name in found} == {n: {*o} for n, o in found.items()}


@pytest.mark.thorough
@pytest.mark.parametrize("left", ["", "RECORD", "top_level.txt", "METADATA"])
def test_an_interrupted_installation_is_ignored(book, packages, left):
    """Dask before Python 3.12 imports importlib_metadata, whose finder replaces Python's own."""
    pytest.importorskip("importlib_metadata")
    book.chapter(cell("import alpha"))
    before = inputs(book)["installed packages"]
    folder = packages / "ghost-1.0.dist-info"
    folder.mkdir()
    if left:
        (folder / left).write_text("\n")
    assert inputs(book)["installed packages"] == before


def test_another_python(book, monkeypatch):
    before = inputs(book)
    monkeypatch.setattr("platform.python_version", lambda: "3.99.0")
    assert {k for k in before if inputs(book)[k] != before[k]} == {"Python"}


# The processor

CPU = """processor\t: 0
vendor_id\t: {vendor}
model name\t: {model}
cpu MHz\t\t: {speed}
flags\t\t: fpu sse4_2 {flags} rdrand
"""
SAME = {"vendor": "GenuineIntel", "model": "A", "speed": "2000", "flags": "fma avx2 avx512f"}
PROCESSORS = {  # the cache holds the last four
    "other speed and name": ({"model": "B", "speed": "3000"}, False),
    "flags in another order": ({"flags": "avx512f avx2 fma"}, False),
    "without AVX-512": ({"flags": "fma avx2"}, True),
    "with VNNI": ({"flags": "fma avx2 avx512f avx512_vnni"}, True),
    "with matrices": ({"flags": "fma avx2 avx512f amx_tile"}, True),
    "without FMA": ({"flags": "avx2 avx512f"}, True),
    "other maker": ({"vendor": "AuthenticAMD"}, True),
}


def execute_on(book: SmallBook, tmp_path: Path, **processor: str) -> bool:
    """Execute the book on a machine with this /proc/cpuinfo; return whether a chapter ran."""
    information = tmp_path / "cpuinfo"
    information.write_text(CPU.format(**SAME | processor))
    log = book.root / "ran.txt"
    log.unlink(missing_ok=True)
    script = 'mount --bind "$0" /proc/cpuinfo && exec "$@"'
    call = ["unshare", "-m", "sh", "-c", script, str(information), *command(book.root, "execute")]
    done = subprocess.run(call, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return log.exists()


def can_mount() -> bool:
    """Return whether this process may mount folders."""
    return os.geteuid() == 0 and not subprocess.run(["unshare", "-m", "true"]).returncode


@pytest.mark.slow
@pytest.mark.skipif(not can_mount(), reason="needs root, to mount another /proc/cpuinfo")
def test_another_processor(book, tmp_path):
    book.chapter(cell(TWO))
    assert execute_on(book, tmp_path)
    for name, (processor, is_other) in PROCESSORS.items():
        assert execute_on(book, tmp_path, **processor) == is_other, name


# Files that a chapter writes itself


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["w", "x"])
def test_a_file_that_a_chapter_writes_does_not_execute_it_again(project, mode):
    write_once = (
        f'import os\nif not os.path.exists("out.csv"): open("out.csv", "{mode}").write("1")'
    )
    project.chapter(cell(f"{RECORD.format(name='one')}\n{write_once}"))
    assert ran(project) == ["one", "two"]
    assert ran(project) == []
    project.write("out.csv", "2")
    assert ran(project) == ["one"]


# Entries that vanish, and damaged ones


def stub_pool(results: Results, before: Callable[[], object]):
    """Return a pool that calls `before` instead of executing a chapter."""

    @contextmanager
    def pool(project, progress):
        def submit(source):
            before()
            future: Future[Results] = Future()
            future.set_result(results)
            return future

        yield submit

    return pool


def test_an_entry_evicted_while_another_chapter_is_executed(book):
    book.add_chapter("two", f"# Two\n\n{cell('2')}\n")
    project = load(book.root)
    sources = {c: qmd.read(project.root, c.source) for c in project.chapters}
    one, two = list(sources)[1:]
    done = Results([[{"output_type": "stream", "name": "stdout", "text": "old"}]], ["42"])
    first = {one: sources[one]}
    execute.execute_all(project, first, stub_pool(done, lambda: None))

    def evict() -> None:
        for entry in (project.cache / "executed" / "chapters-one").iterdir():
            entry.unlink()

    results = execute.execute_all(project, sources, stub_pool(Results([[]], []), evict))
    assert results[one] == done
    assert results[two] == Results([[]], [])


@pytest.mark.parametrize("content", [b"", b"{", b"null", b"[]", b'{"outputs": []}', b"\xff"])
def test_a_damaged_entry_is_made_again(book, content):
    project = load(book.root)
    sources = {c: qmd.read(project.root, c.source) for c in project.chapters}
    done = Results([[]], ["42"])
    execute.execute_all(project, sources, stub_pool(done, lambda: None))
    [entry] = (project.cache / "executed" / "chapters-one").iterdir()
    entry.write_bytes(content)
    calls: list[int] = []
    for _ in range(2):
        found = execute.execute_all(project, sources, stub_pool(done, lambda: calls.append(1)))
        assert found[project.chapters[1]] == done
    assert calls == [1]


def test_a_new_entry_is_never_the_one_evicted(tmp_path):
    """The clock of a file system may be behind, or too coarse to tell two entries apart."""
    folder = tmp_path / "words"
    for number in range(VERSIONS):
        entry = get_or_create(folder, [str(number)], lambda path: path.write_text("x"))
        later = time.time() + 3600
        os.utime(entry, (later, later))
    assert get_or_create(folder, ["new"], lambda path: path.write_text("x")).exists()


def test_an_entry_that_another_build_has_just_removed_sorts_last(tmp_path):
    (tmp_path / "gone").symlink_to("nowhere")  # as if it had been removed after it was listed
    (tmp_path / "there").write_text("x")
    assert [path.name for path in by_last_use(tmp_path)] == ["there", "gone"]


# Chapters that are set aside


@pytest.mark.slow
def test_a_chapter_set_aside_for_a_while_is_not_executed_again(project):
    assert ran(project) == ["one", "two"]
    configuration = (project.root / "_quarto.yml").read_text(encoding="utf-8")
    two = project.root / "chapters/two.qmd"
    project.edit("_quarto.yml", ", chapters/two.qmd", "")
    two.rename(two.with_name("_two.qmd"))
    assert project.run("build", "--renderer", "builtin") == 0
    project.edit("chapters/one.qmd", "first.txt", "other.txt")
    assert ran(project) == ["one"]
    two.with_name("_two.qmd").rename(two)
    project.write("_quarto.yml", configuration)
    assert ran(project) == []


@pytest.mark.parametrize(("days", "stays"), [(80, True), (100, False)])
def test_results_unused_for_long_are_removed(tmp_path, days, stays):
    entry = get_or_create(tmp_path / "chapters-x", ["a"], lambda path: path.write_text("x"))
    then = time.time() - days * 24 * 3600
    os.utime(entry, (then, then))
    cache.remove_unused(tmp_path)
    assert entry.exists() == stays


# Two builds at once, and the hint


TOGETHER = """import os, pathlib, time
folder = pathlib.Path("to" + "gether")
folder.mkdir(exist_ok=True)
(folder / str(os.getpid())).touch()
deadline = time.time() + 60
while len([*folder.iterdir()]) < 2 and time.time() < deadline: time.sleep(.05)
print(len([*folder.iterdir()]))
"""


@pytest.mark.slow
def test_two_builds_at_once(book):
    book.chapter(cell(TOGETHER))
    call = command(book.root, "build", "--renderer", "builtin")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    builds = [subprocess.Popen(call, **pipes) for _ in range(2)]
    assert [(b.communicate(timeout=200)[0], b.returncode)[1] for b in builds] == [0, 0]
    assert "2</code>" in book.page()
    assert list(json.loads((book.root / ".cache/times.json").read_text())) == ["chapters/one.qmd"]
    assert [*(book.root / ".cache").glob("**/partial-*")] == []


def test_times_written_at_once(book):
    project = load(book.root)
    project.cache.mkdir()
    errors: list[BaseException] = []

    def write_times(name: str) -> None:
        progress = Progress()
        progress.times[name, "cell"] = 1.0
        try:
            for _ in range(100):
                execute._write_times(project, progress)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write_times, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert set(execute._read_times(project)) <= set("abc")


@pytest.mark.slow
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[1]",
        b"3",
        b"null",
        b'{"a": null}',
        b'{"a": "x"}',
        b'{"a": [1]}',
        None,
    ],
)
def test_a_damaged_hint_changes_nothing(project, content):
    hint = project.root / ".cache" / "times.json"
    hint.parent.mkdir(exist_ok=True)
    hint.mkdir() if content is None else hint.write_bytes(content)
    assert ran(project) == ["one", "two"]
    if content is not None:
        assert set(json.loads(hint.read_text())) == {"chapters/one.qmd", "chapters/two.qmd"}
