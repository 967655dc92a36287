#!/usr/bin/env bash
# MyST-NB: formulas between dollar signs are printed as plain text.
#
# Expected: $x_i$ in a notebook is a formula in Sphinx, as it is in Jupyter.
# Actual:   MyST-NB enables no syntax extensions, so the dollar signs are printed, and a pair of
#           underscores may become emphasis. Set myst_enable_extensions = ['dollarmath'].
# Output:   False True True
# Version:  myst-nb 1.4.0, sphinx 9.2.0; Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet myst-nb==1.4.0 sphinx==9.2.0
venv/bin/python - <<'EOF'
import subprocess
import sys
from pathlib import Path

import nbformat

cell = nbformat.v4.new_markdown_cell("# Title\n\nA formula $x_i$ in a sentence.")
nbformat.write(nbformat.v4.new_notebook(cells=[cell]), "index.ipynb")


def page(settings=""):
    Path("conf.py").write_text(f"extensions = ['myst_nb']\n{settings}\n", encoding="utf-8")
    sphinx = [sys.executable, "-m", "sphinx", "-q", "-E", ".", "out"]
    subprocess.run(sphinx, check=True, capture_output=True)
    return Path("out/index.html").read_text(encoding="utf-8")


default, enabled = page(), page("myst_enable_extensions = ['dollarmath']")
print('class="math' in default, "$x_i$" in default, 'class="math' in enabled)
assert 'class="math' not in default
assert "$x_i$" in default
assert 'class="math' in enabled
EOF
