#!/usr/bin/env bash
# torchinfo: summary() changes the random numbers drawn after it.
#
# Expected: summary(model, input_size=...) only describes the network, so a seed set before it
#           still takes effect.
# Actual:   it draws its input from PyTorch's global generator, so everything drawn later differs,
#           such as dropout and the order of batches. Pass input_data instead, or set the seed
#           afterwards.
# Output:   False True
# Version:  torchinfo 1.8.0, torch 2.13.0, numpy 2.4.6; Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet torchinfo==1.8.0 torch==2.13.0 numpy==2.4.6
venv/bin/python - <<'EOF'
import torch
from torchinfo import summary

model = torch.nn.Linear(3, 2)


def drawn_after(**options):
    torch.manual_seed(14)
    if options:
        summary(model, verbose=0, **options)
    return torch.rand(3)


plain = drawn_after()
size = torch.equal(plain, drawn_after(input_size=(1, 3)))
data = torch.equal(plain, drawn_after(input_data=torch.zeros(1, 3)))
print(size, data)
assert not size
assert data
EOF
