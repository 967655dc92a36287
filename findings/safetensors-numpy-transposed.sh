#!/usr/bin/env bash
# safetensors.numpy: a transposed array is silently saved with its values in the wrong order.
#
# Expected: the array comes back equal, or is refused, as safetensors.torch refuses a tensor that
#           is not contiguous.
# Actual:   the shape is that of the transposed array, but the values are in the memory order of
#           the original, so nearly all are in the wrong place. Save np.ascontiguousarray(a).
# Output:   [[0, 1], [2, 3], [4, 5]] for [[0, 3], [1, 4], [2, 5]]
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

array = np.arange(6, dtype="f4").reshape(2, 3).T
loaded = load(save({"a": array}))["a"]
print(loaded.astype(int).tolist(), "for", array.astype(int).tolist())
assert loaded.shape == array.shape == (3, 2)
assert not np.array_equal(loaded, array)
assert np.array_equal(loaded.ravel(), np.arange(6))
copied = load(save({"a": np.ascontiguousarray(array)}))["a"]
assert np.array_equal(copied, array)
EOF
