#!/usr/bin/env bash
# pandoc: formulas read back from DOCX have changed, and some are no longer valid TeX.
#
# Expected: \operatorname{softmax} comes back as an upright name, and a cases environment as
#           cases.
# Actual:   softmax becomes seven italic letters, and the right delimiter of cases becomes
#           '\right.\', which TeX cannot parse.
# Output:   $softmax(z)$; $\left\{ \begin{matrix} 1 & x > 0 \\ 0 & x < 0 \end{matrix} \right.\$
# Version:  pypandoc_binary 1.17; Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet pypandoc_binary==1.17
venv/bin/python - <<'EOF'
import pypandoc

NAME = r"$\operatorname{softmax}(z)$"
CASES = r"$\begin{cases}1 & x>0\\0 & x<0\end{cases}$"


def returned(formula):
    pypandoc.convert_text(formula, "docx", "markdown", outputfile="formula.docx")
    return " ".join(pypandoc.convert_file("formula.docx", "markdown").split())


name, cases = returned(NAME), returned(CASES)
print(name, cases, sep="; ")
assert name == "$softmax(z)$"
assert "cases" not in cases and "matrix" in cases
assert cases.endswith("\\right.\\$")
EOF
