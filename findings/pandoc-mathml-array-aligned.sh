#!/usr/bin/env bash
# pandoc: an array with a right and a left column becomes the MathML of an aligned equation.
#
# Expected: in \begin{array}{rl} 11 & 12 \end{array} a gap between the columns, as in TeX; the
#           aligned environment, which has none, gets other MathML.
# Actual:   both get the same MathML, whose two cells have no padding where they meet, so a browser
#           shows 1112. An array with columns {lr} has no such padding of zero.
# Output:   equal MathML: True; padding of zero in rl: 2, in lr: 0
# Version:  pypandoc_binary 1.17 (pandoc 3.9); Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet pypandoc_binary==1.17
venv/bin/python - <<'PYTHON'
import re

import pypandoc


def mathml(begin, end):
    formula = rf"$$\begin{{{begin} 11 & 12 \end{{{end}}}$$"
    html = pypandoc.convert_text(formula, "html", "markdown", extra_args=["--mathml"])
    return re.sub(r"<annotation.*?</annotation>", "", html)  # repeats the TeX


array, aligned = mathml("array}{rl}", "array"), mathml("aligned}", "aligned")
other = mathml("array}{lr}", "array")
unpadded = [len(re.findall(r"padding-(?:left|right): 0", html)) for html in (array, other)]
print(f"equal MathML: {array == aligned}; padding of zero in rl: {unpadded[0]}, in lr: {unpadded[1]}")
assert array == aligned and unpadded == [2, 0]
PYTHON
