"""Gets the notebooks ready and opens JupyterLab: python3 start.py [--no-browser]

It makes .venv beside this file, installs the pinned packages there, prepares the data and checks
that nothing is missing. What is done already is not done again. The file has no syntax newer than
Python 2.7, so that any Python can at least say that it is too old.
"""

import argparse
import json
import os
import subprocess
import sys

OLDEST = (3, 11)
VENV = ".venv"
PYTHON = os.path.join(VENV, "bin", "python")
LOG = os.path.join(VENV, "pip.log")
INSTALLED = os.path.join(VENV, "installed.txt")  # a copy of requirements.txt, made at the end
NO_VENV = "this Python makes no virtual environments (on Debian and Ubuntu: apt install python3-venv)"


def main():
    """Do all that is not done yet."""
    parser = argparse.ArgumentParser(description="Get the notebooks ready and open JupyterLab.")
    parser.add_argument("--no-browser", action="store_true", help="do not open JupyterLab")
    options = parser.parse_args()
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    check_machine()
    check_files()
    install()
    if subprocess.call([PYTHON, os.path.join("data", "prepare.py")]):
        sys.exit(1)  # it has said why
    check_notebooks()
    command = [PYTHON, "-m", "jupyterlab"]
    if options.no_browser:
        print("start: all is there; open JupyterLab with " + " ".join(command))
    else:
        subprocess.call(command)


def check_machine():
    """Stop where the notebooks cannot run."""
    if sys.version_info < OLDEST:
        here = ".".join(str(number) for number in sys.version_info[:3])
        stop("this is Python %s, and the notebooks need %d.%d or newer" % ((here,) + OLDEST))
    if os.name != "posix":
        stop("this needs Linux or macOS; on Windows, run it in WSL")


def check_files():
    """Stop where a file of the kit is not there; contents.txt lists them."""
    missing = [name for name in read("contents.txt").split("\n") if not os.path.exists(name or ".")]
    if missing:
        stop("%s is missing; unpack the kit again" % ", ".join(missing))


def install():
    """Install requirements.txt into .venv, and show how far it is."""
    wanted = read("requirements.txt")
    if os.path.exists(INSTALLED) and read(INSTALLED) == wanted:
        return
    if subprocess.call([sys.executable, "-m", "venv", VENV], stdout=subprocess.DEVNULL):
        stop(NO_VENV)
    count = wanted.count("==")
    print("start: installing %d packages, which takes some minutes" % count)
    command = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--progress-bar=off"]
    command += ["--requirement", "requirements.txt"]
    with open(LOG, "w") as log:
        pip = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, universal_newlines=True,
            env=dict(os.environ, PIP_USER="0"),  # a user's setting that a .venv refuses
        )
        show(pip.stdout, count)
    if pip.wait():
        stop("pip could not install the packages; is there a network? %s has what it said" % LOG)
    with open(INSTALLED, "w") as file:
        file.write(wanted)


def show(lines, count):
    """Show what pip is doing, in one line of the terminal."""
    done = 0
    for line in lines:
        done += line.startswith("Collecting")
        if line.startswith(("Collecting", "Installing")) and sys.stdout.isatty():
            what = " ".join(line.split()[:2])[:50]
            sys.stdout.write("\r%3d of %d  %-50s" % (done, count, what))
            sys.stdout.flush()
    if sys.stdout.isatty():
        print("")


def check_notebooks():
    """Run the cell of each notebook that looks for what the others need."""
    for name in sorted(os.listdir(".")):
        cells = json.loads(read(name))["cells"] if name.endswith(".ipynb") else []
        for cell in [cell for cell in cells if cell.get("id") == "check"]:
            code = "".join(cell["source"])
            done = subprocess.run([PYTHON, "-c", code], stderr=subprocess.PIPE, text=True)
            if done.returncode:
                stop("%s: %s" % (name, done.stderr.strip().split("\n")[-1]))


def read(name):
    """Return the text of a file of the kit."""
    with open(name, "rb") as file:
        return file.read().decode("utf-8")


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
