#!/usr/bin/env bash
# PyTorch: ReLU, clamp and max pooling preserve negative zero.
#
# Expected: relu(-0.0) is 0.0, like max(0, x) in Python and Math.max in JavaScript, so 1 / relu(x)
#           is never minus infinity.
# Actual:   relu, clamp(min=0) and max_pool2d (of four zeros of both signs) return -0.0.
# Output:   [-inf, -inf, -inf]
# Version:  torch 2.13.0, numpy 2.4.6; Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet torch==2.13.0 numpy==2.4.6
venv/bin/python - <<'EOF'
import torch
from torch.nn import functional

minus = torch.tensor([-0.0])
mixed = torch.tensor([-0.0, 0.0, 0.0, -0.0])
results = [
    torch.relu(minus),
    minus.clamp(min=0),
    functional.max_pool2d(mixed.reshape(1, 1, 2, 2), 2).flatten(),
]
inverse = [float(1 / result) for result in results]
print(inverse)
infinity = float("inf")
assert inverse == [-infinity, -infinity, -infinity]
EOF
