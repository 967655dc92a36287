"""Install a staged site in its folder, which may be a mount, a link or on another disk.

Files are replaced one by one, so the folder is never renamed, and other people's files in it stay.
A list in the site records what a build has written, so that the next one can remove what it no
longer writes.
"""

from __future__ import annotations

import errno
import json
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from bookbuild.source.errors import BookError
from bookbuild.source.project import Project

LIST = ".bookbuild.json"
# Files in the project's root that hosts look for; Quarto copies the same ones.
HOST_FILES = ("robots.txt", ".nojekyll", "CNAME", "_redirects", "404.html")


def check_folders(project: Project) -> None:
    """Raise an error if the cache or the site could not be written."""
    for folder in (project.cache, project.root / project.output):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except FileExistsError:
            kind = "a file" if folder.exists() else "a link that leads nowhere"
            message = f"{folder} is {kind}; remove it, so that the build can write a folder there"
            raise BookError(message) from None


def copy_host_files(project: Project, stage: Path) -> None:
    """Copy the files that hosts look for from the project's root; they replace the build's own."""
    for name in HOST_FILES:
        if (project.root / name).is_file():
            shutil.copyfile(project.root / name, stage / name)


def install(project: Project, stage: Path, is_complete: bool = True) -> Path:
    """Bring the site's folder up to date with the stage; return the folder.

    What a complete stage no longer has is removed. All files are copied before the first one is
    replaced, so that a full disk changes nothing.
    """
    target = project.root / project.output
    check_folders(project)
    files = {p.relative_to(stage).as_posix() for p in stage.rglob("*") if p.is_file()}
    previous = _read_list(target)
    remaining = files if is_complete else files | previous
    _check_free(target, files, previous)
    changed = sorted(name for name in files if not _are_equal(stage / name, target / name))
    with tempfile.TemporaryDirectory(dir=target, prefix=".partial-") as name:
        folder = Path(name)
        for name in changed:
            _copy(stage / name, folder / name)
        _write_list(target, folder, files | previous)  # should this build be killed
        for name in previous - remaining:
            _remove(target, name)
        for name in changed:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            _replace(folder / name, target / name)
        _write_list(target, folder, remaining)
    return target


def _check_free(target: Path, files: Iterable[str], previous: set[str]) -> None:
    """Raise a `BookError` if someone else's file is in the way of our folder, or vice versa."""
    for name in files:
        if (target / name).is_dir() and not _is_only_ours(target, target / name, previous):
            raise BookError(f"{target / name} is a folder where the site has a file; move it away")
        for parent in PurePosixPath(name).parents[:-1]:
            path = target / parent
            if path.exists() and not path.is_dir() and str(parent) not in previous:
                raise BookError(f"{path} is a file where the site has a folder; move it away")


def _is_only_ours(target: Path, folder: Path, previous: set[str]) -> bool:
    files = [path for path in folder.rglob("*") if not path.is_dir()]
    return bool(files) and all(path.relative_to(target).as_posix() in previous for path in files)


def _read_list(target: Path) -> set[str]:
    """Return the files that the last build has written, by path from the folder."""
    try:
        names = json.loads((target / LIST).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return set()
    texts = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    paths = {name: PurePosixPath(name) for name in texts}
    return {name for name, path in paths.items() if not {"/", ".."} & {*path.parts}}


def _write_list(target: Path, folder: Path, files: set[str]) -> None:
    (folder / LIST).write_text(json.dumps(sorted(files), indent=0), encoding="utf-8")
    (folder / LIST).replace(target / LIST)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _replace(new: Path, old: Path) -> None:
    try:
        new.replace(old)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copyfile(new, old)  # this part of the site is on another disk


def _are_equal(new: Path, old: Path) -> bool:
    is_same_size = old.is_file() and new.stat().st_size == old.stat().st_size
    return is_same_size and new.read_bytes() == old.read_bytes()


def _remove(target: Path, name: str) -> None:
    """Remove a file that the site no longer has, and the folders that this empties."""
    path = target / name
    if path.is_file() or path.is_symlink():
        path.unlink()
    for folder in path.parents:
        if folder == target or not folder.is_dir() or any(folder.iterdir()):
            break
        folder.rmdir()
