"""Run the command line: `python -m bookbuild`."""

from bookbuild.cli.main import run

if __name__ == "__main__":
    run()
