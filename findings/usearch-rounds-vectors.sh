#!/usr/bin/env bash
# usearch: an index rounds float32 vectors to bfloat16.
#
# Expected: Index(ndim=100, metric='cos') stores the float32 vectors that it is given.
# Actual:   they are stored as bfloat16: get() returns different numbers, and distances are off in
#           the third digit. Pass dtype='f32'.
# Output:   BF16 True False
# Version:  usearch 2.26.6, numpy 2.4.6; Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet usearch==2.26.6 numpy==2.4.6
venv/bin/python - <<'EOF'
import numpy as np
from usearch.index import Index

vectors = np.random.default_rng(0).standard_normal((50, 100)).astype("f4")


def is_rounded(**options):
    index = Index(ndim=100, metric="cos", **options)
    index.add(np.arange(50), vectors)
    difference = np.abs(index.get(np.arange(50)) - vectors).max()
    assert difference < 0.02
    return bool(difference > 0.001)


print(Index(ndim=100, metric="cos").dtype.name, is_rounded(), is_rounded(dtype="f32"))
assert Index(ndim=100, metric="cos").dtype.name == "BF16"
assert is_rounded()
assert not is_rounded(dtype="f32")
EOF
