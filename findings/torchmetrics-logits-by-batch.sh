#!/usr/bin/env bash
# torchmetrics: the accuracy of the same logits depends on how they are divided into batches.
#
# Expected: a metric fed batch by batch gives the same value as one fed everything at once.
# Actual:   a binary metric decides for each batch whether it has logits or probabilities: it applies
#           a sigmoid only if some value lies outside 0 to 1. In a batch of small logits, 0.2 counts
#           as a probability below 0.5, so as class 0; in a batch with 2.0, as class 1. Passing
#           probabilities avoids it.
# Output:   at once: 1.0; in batches: 0.25
# Version:  torchmetrics 1.9.0, torch 2.13.0; Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet torchmetrics==1.9.0 torch==2.13.0
venv/bin/python - <<'EOF'
import torch
from torchmetrics.classification import BinaryAccuracy

logits, labels = torch.tensor([0.1, 0.2, 0.3, 2.0]), torch.ones(4, dtype=torch.int64)
at_once, in_batches = BinaryAccuracy(), BinaryAccuracy()
at_once.update(logits, labels)
for batch in range(4):
    in_batches.update(logits[batch : batch + 1], labels[batch : batch + 1])
print(f"at once: {at_once.compute():.3}; in batches: {in_batches.compute():.3}")
assert (at_once.compute(), in_batches.compute()) == (1, 0.25)
EOF
