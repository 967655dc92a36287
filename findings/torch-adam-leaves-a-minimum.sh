#!/usr/bin/env bash
# PyTorch: Adam and RMSprop throw a weight far away from a minimum that it has practically reached.
#
# Expected: a weight whose gradient is 2e-12 stays where it is, or moves by less than that; eps (1e-8)
#           in the denominator is there for such cases.
# Actual:   with a learning rate of 0.05 and the loss (w - 1)² + u², where u begins at 1e-12, Adam
#           moves u to 0.037 in two steps, and RMSprop to 0.498. While the gradient is far below eps,
#           the rate is in effect 0.05 / 1e-8, so the first step overshoots, and the second is taken
#           at full size. So rounding errors decide about a weight whose exact gradient is zero. SGD
#           brings u closer to zero with each step.
# Output:   SGD 9.0e-13, Adam 3.7e-02, RMSprop 5.0e-01
# Version:  torch 2.13.0, numpy 2.4.6; Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet torch==2.13.0 numpy==2.4.6
venv/bin/python - <<'EOF'
import torch


def farthest(optimizer_class):
    """Return the largest distance of u from its minimum after any of a hundred steps."""
    w = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
    u = torch.tensor(1e-12, dtype=torch.float64, requires_grad=True)
    optimizer = optimizer_class([w, u], lr=0.05)
    distances = []
    for _ in range(100):
        optimizer.zero_grad()
        ((w - 1) ** 2 + u**2).backward()
        optimizer.step()
        distances.append(u.detach().abs().item())
    return max(distances)


sgd, adam, rmsprop = map(farthest, (torch.optim.SGD, torch.optim.Adam, torch.optim.RMSprop))
print(f"SGD {sgd:.1e}, Adam {adam:.1e}, RMSprop {rmsprop:.1e}")
assert sgd < 1e-12
assert adam > 0.03
assert rmsprop > 0.4
EOF
