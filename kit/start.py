"""Gets the notebooks ready and opens JupyterLab: python3 start.py [--no-browser]

It makes .venv beside this file, installs the pinned packages there, prepares the data and checks
that nothing is missing. What is done already is not done again. The file has no syntax newer than
Python 2.7, so that an old Python can read it and say that it is too old.
"""

import sys

if sys.version_info < (3, 11):
    sys.exit("start: this is Python %d.%d, and it must be 3.11 or newer." % sys.version_info[:2])

import argparse
import json
import os
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
PYTHON = str(VENV / "bin" / "python")
LOG = VENV / "pip.log"
INSTALLED = VENV / "installed.txt"  # a copy of requirements.txt, made when all is installed


def main():
    """Do all that is not done yet."""
    parser = argparse.ArgumentParser(description="Get the notebooks ready and open JupyterLab.")
    parser.add_argument("--no-browser", action="store_true", help="do not open JupyterLab")
    options = parser.parse_args()
    os.chdir(str(HERE))
    check_machine()
    check_files()
    install()
    prepare()
    check_notebooks()
    if options.no_browser:
        print("start: all is there; this opens JupyterLab: .venv/bin/python -m jupyterlab")
    else:
        subprocess.call([PYTHON, "-m", "jupyterlab"])


def check_machine():
    """Stop where there is no .venv/bin, and no file lock for the data."""
    if os.name != "posix":
        stop("this needs Linux or macOS; on Windows, run it in WSL")


def check_files():
    """Stop where a file of the kit is not there."""
    listed = Path("contents.txt").read_text(encoding="utf-8").splitlines()
    missing = [name for name in listed if not Path(name).exists()]
    if missing:
        stop("missing here: %s; unpack the kit again" % ", ".join(missing))


def install():
    """Install requirements.txt into .venv."""
    wanted = Path("requirements.txt").read_text(encoding="utf-8")
    if INSTALLED.exists() and INSTALLED.read_text(encoding="utf-8") == wanted:
        return
    if subprocess.call([sys.executable, "-m", "venv", VENV], stdout=subprocess.DEVNULL):
        stop(
            "this Python makes no virtual environment; Debian and Ubuntu: apt install python3-venv"
        )
    count = wanted.count("==")
    print("start: installing %d packages, which takes some minutes" % count)
    command = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--progress-bar=off"]
    command += ["--requirement", "requirements.txt"]
    own = dict(os.environ, PIP_USER="0")  # a user's setting, which pip refuses in a .venv
    with LOG.open("w") as log:
        pip = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=own)
        show(pip.stdout, count)
    if pip.wait():
        stop("pip could not install the packages; is there a network? .venv/pip.log says more")
    INSTALLED.write_text(wanted, encoding="utf-8")


def show(lines, count):
    """Show in one line of the terminal what pip is doing."""
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
    """Fetch and prepare the data, or check what is there."""
    if subprocess.call([PYTHON, "data/prepare.py"]):
        stop("the data are not ready; the lines above say why, and a new start goes on from there")


def check_notebooks():
    """Run the cell of each notebook that looks for what the others need."""
    for path in sorted(Path().glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell.get("id") == "check":
                command = [PYTHON, "-c", "".join(cell["source"])]
                done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
                if done.returncode:
                    stop("%s: %s" % (path, done.stderr.strip().splitlines()[-1].rstrip(".")))


def stop(why):
    """End with one sentence."""
    sys.exit("start: %s." % why)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nstart: stopped; start it again to go on.")
    except (OSError, ValueError) as error:
        stop(error)
