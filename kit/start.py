"""Set up the notebooks and open JupyterLab: python3 start.py [--no-browser]

It creates .venv in this folder, installs the pinned packages there, prepares the data and checks
that nothing is missing; steps already done are skipped. The syntax is that of Python 2.7, so that
an old Python can read the file and report that it is too old.
"""

import sys

if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit(
        "start: this is Python %d.%d, but the packages need Python 3.11 to 3.13; if one of these "
        "is installed, name it: python3.13 start.py." % sys.version_info[:2]
    )

import argparse
import json
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

KIT = Path(__file__).resolve().parent
VENV = KIT / ".venv"
PYTHON = str(VENV / "bin" / "python")
LOG = VENV / "pip.log"
INSTALLED = VENV / "installed.txt"  # a copy of requirements.txt, written after installation
# Settings of a user that hide the kit's modules or, the last one, switch off the exercises' checks.
HARMFUL = ("PYTHONHOME", "PYTHONPATH", "PYTHONSAFEPATH", "PYTHONOPTIMIZE")


def main():
    """Run every step that is not done yet, then open JupyterLab."""
    parser = argparse.ArgumentParser(description="Set up the notebooks and open JupyterLab.")
    parser.add_argument("--no-browser", action="store_true", help="do not open JupyterLab")
    options = parser.parse_args()
    os.chdir(str(KIT))
    clean_environment()
    check_machine()
    check_files()
    with alone():
        install()
    prepare()
    check_notebooks()
    if options.no_browser:
        print("start: Everything is ready. Start JupyterLab with: .venv/bin/python -m jupyterlab")
    else:
        subprocess.call([PYTHON, "-m", "jupyterlab"])


def clean_environment():
    """Remove settings that would break the programs started from here."""
    for name in HARMFUL:
        os.environ.pop(name, None)
    os.environ["PIP_USER"] = "0"  # pip refuses a user's setting in a .venv


def check_machine():
    """Stop on systems without .venv/bin and without file locks for the data."""
    if os.name != "posix":
        stop("this needs Linux or macOS; on Windows, run it in WSL")


def check_files():
    """Stop if a file of the kit is missing."""
    listed = Path("contents.txt").read_text(encoding="utf-8").splitlines()
    missing = [name for name in listed if not Path(name).exists()]
    if missing:
        stop("missing files: %s; unpack the kit again" % ", ".join(missing))


@contextmanager
def alone():
    """Wait until no other run installs packages in this folder."""
    import fcntl  # only where check_machine lets the program continue

    with Path("requirements.txt").open("a") as lock:  # any file will do; nothing is appended
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("start: waiting for another run that is installing the packages")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_alive():
    """Return whether .venv works; an update may have removed or replaced the Python it links to."""
    try:
        return subprocess.call([PYTHON, "-c", "import pip"], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def install():
    """Install requirements.txt into .venv."""
    wanted = Path("requirements.txt").read_text(encoding="utf-8")
    if not is_alive():
        create = [sys.executable, "-m", "venv", "--clear", str(VENV)]
        if subprocess.call(create, stdout=subprocess.DEVNULL):
            stop(
                "this Python cannot create virtual environments (Debian: apt install python3-venv)"
            )
    elif INSTALLED.exists() and INSTALLED.read_text(encoding="utf-8") == wanted:
        return
    count = wanted.count("==")
    print("start: installing %d packages, which takes a few minutes" % count)
    command = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--progress-bar=off"]
    command += ["--requirement", "requirements.txt"]
    with LOG.open("w") as log:
        pip = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        show(pip.stdout, count)
    if pip.wait():
        stop("pip could not install the packages; is there a network? See .venv/pip.log")
    INSTALLED.write_text(wanted, encoding="utf-8")


def show(lines, count):
    """Show pip's progress in one line of the terminal."""
    done = 0
    for line in lines:
        done += line.startswith("Collecting")
        if line.startswith(("Collecting", "Installing")) and sys.stdout.isatty():
            what = " ".join(line.split()[:2])[:50]
            sys.stdout.write("\r%3d of %d  %-50s" % (done, count, what))
            sys.stdout.flush()
    if sys.stdout.isatty():
        print("")


def prepare():
    """Download and prepare the data, or check the existing files."""
    if subprocess.call([PYTHON, "-m", "data.prepare"]):
        stop("the data are not ready, for the reason above; start again to continue")


def check_notebooks():
    """Run the cell `check` of each chapter's notebook, which looks for the files it needs."""
    for path in sorted(Path().glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell.get("id") == "check":
                command = [PYTHON, "-c", "".join(cell["source"])]
                done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
                if done.returncode:
                    stop("%s: %s" % (path, done.stderr.strip().splitlines()[-1].rstrip(".")))


def stop(reason):
    """Exit with one sentence."""
    sys.exit("start: %s." % reason)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nstart: stopped; start again to continue.")
    except (OSError, ValueError) as error:
        stop(error)
