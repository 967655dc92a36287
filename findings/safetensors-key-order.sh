#!/usr/bin/env bash
# safetensors: a file does not preserve the order of its tensors.
#
# Expected: load() returns the tensors in the order in which they were saved, as in a state_dict.
# Actual:   they are sorted by the width of their type, then by name. Pairing them with a model's
#           parameters by position assigns bias to weight; pair them by name.
# Output:   ['index', 'bias', 'weight']
# Version:  safetensors 0.8.0, numpy 2.4.6; Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet safetensors==0.8.0 numpy==2.4.6
venv/bin/python - <<'EOF'
import numpy as np
from safetensors.numpy import load, save

layer = {"weight": np.zeros((2, 3), "f4"), "bias": np.ones(2, "f4"), "index": np.arange(3)}
loaded = load(save(layer))
print(list(loaded))
assert list(loaded) == ["index", "bias", "weight"]
assert all(np.array_equal(loaded[name], layer[name]) for name in layer)
EOF
