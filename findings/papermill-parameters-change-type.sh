#!/usr/bin/env bash
# papermill: -p converts whatever looks like a number; -y follows YAML 1.1.
#
# Expected: -p id 007 passes the string 007, and -y 'rate: 1e-3' the number 0.001.
# Actual:   -p turns 007 into 7, 1.10 into 1.1 and the word nan into a float. -y reads YAML 1.1,
#           in which 1e-3 is a string and no is False. -r passes strings unchanged.
# Output:   id = 7 | version = 1.1 | word = float('nan') | id = "007" | rate = "1e-3" | word =
#           False
# Version:  papermill 2.7.0; Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet papermill==2.7.0
venv/bin/python - <<'EOF'
import json
import subprocess
import sys

import nbformat

cell = nbformat.v4.new_code_cell("x = 1", metadata={"tags": ["parameters"]})
kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel})
nbformat.write(notebook, "in.ipynb")


def injected(*arguments):
    command = [sys.executable, "-m", "papermill", "--prepare-only", "in.ipynb", "out.ipynb"]
    subprocess.run([*command, *arguments], check=True, capture_output=True)
    with open("out.ipynb", encoding="utf-8") as file:
        cells = json.load(file)["cells"]
    return cells[1]["source"][1].strip()


numbers = [injected("-p", *pair) for pair in (("id", "007"), ("version", "1.10"), ("word", "nan"))]
raw = injected("-r", "id", "007")
yaml = [injected("-y", text) for text in ("rate: 1e-3", "word: no")]
print(" | ".join([*numbers, raw, *yaml]))
assert numbers == ["id = 7", "version = 1.1", "word = float('nan')"]
assert raw == 'id = "007"'
assert yaml == ['rate = "1e-3"', "word = False"]
EOF
