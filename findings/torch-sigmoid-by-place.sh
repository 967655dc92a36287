#!/usr/bin/env bash
# PyTorch: the sigmoid of a number depends on its tensor's memory layout.
#
# Expected: an elementwise function returns the same bits for the same float32 number, alone or in
#           a tensor.
# Actual:   contiguous numbers are computed with vector instructions, single and strided ones by a
#           scalar function. For a few per cent of numbers, sigmoid, softplus and gelu differ in
#           the last bit; exp, tanh and log do not.
# Output:   sigmoid True, softplus True, gelu True, exp False, tanh False
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

torch.manual_seed(0)
numbers = torch.randn(30_000) * 4


def differs(function):
    difference = function(numbers[::3]) - function(numbers)[::3]
    assert difference.abs().max() < 1e-5
    return bool((difference != 0).any())


affected = {
    "sigmoid": torch.sigmoid, "softplus": functional.softplus, "gelu": functional.gelu,
}
unaffected = {"exp": torch.exp, "tanh": torch.tanh}
print(", ".join(f"{name} {differs(f)}" for name, f in (affected | unaffected).items()))
assert all(differs(function) for function in affected.values())
assert not any(differs(function) for function in unaffected.values())
EOF
