#!/usr/bin/env bash
# pandoc: formulas written to ODT are lost when the file is read back.
#
# Expected: a formula survives the round trip through ODT, as it does through DOCX.
# Actual:   the reader silently drops the formula objects that the writer produced: 'Let $x_i$
#           be.' comes back as 'Let be.'
# Output:   'Let be.' 'Let $x_{i}$ be.'
# Version:  pypandoc_binary 1.17; Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet pypandoc_binary==1.17
venv/bin/python - <<'EOF'
import pypandoc

text = "Let $x_i$ be."


def returned(kind):
    name = f"text.{kind}"
    pypandoc.convert_text(text, kind, "markdown", outputfile=name)
    return " ".join(pypandoc.convert_file(name, "markdown").split())


odt, docx = returned("odt"), returned("docx")
print(repr(odt), repr(docx))
assert odt == "Let be."
assert docx == "Let $x_{i}$ be."
EOF
