#!/usr/bin/env bash
# SciPy and PyTorch: with an even kernel, results of the same size are shifted by a pixel.
#
# Expected: scipy.signal and scipy.ndimage agree on where an even kernel has its centre, and
#           PyTorch's padding="same" agrees with their correlation, which is what it calls convolution.
# Actual:   the two agree for correlation but not for convolution, where ndimage is a pixel to the
#           left. PyTorch's padding="same" is a pixel to the left of both correlations. With odd
#           kernels all agree.
# Output:   {'correlate: signal': 3, 'correlate: ndimage': 3, 'correlate: torch': 2,
#            'convolve: signal': 3, 'convolve: ndimage': 2}: the place of the first value of two
# Version:  scipy 1.17.1, torch 2.13.0, numpy 2.4.6; Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet scipy==1.17.1 torch==2.13.0 numpy==2.4.6
venv/bin/python -W ignore - <<'EOF'
import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage, signal


def same(x, kernel):
    """PyTorch's layer, which correlates."""
    x, kernel = (torch.tensor(values)[None, None] for values in (x, kernel))
    return F.conv1d(x, kernel, padding="same").numpy()[0, 0]


METHODS = {
    "correlate: signal": lambda x, kernel: signal.correlate(x, kernel, "same"),
    "correlate: ndimage": lambda x, kernel: ndimage.correlate1d(x, kernel, mode="constant"),
    "correlate: torch": same,
    "convolve: signal": lambda x, kernel: signal.convolve(x, kernel, "same"),
    "convolve: ndimage": lambda x, kernel: ndimage.convolve1d(x, kernel, mode="constant"),
}


def first(kernel):
    """Return where each method's first value is that is not zero."""
    pulse = np.eye(7)[3]
    return {name: int(np.flatnonzero(method(pulse, kernel))[0]) for name, method in METHODS.items()}


print(first(np.array([1.0, 2.0])))
assert list(first(np.array([1.0, 2.0])).values()) == [3, 3, 2, 3, 2]
assert list(first(np.array([1.0, 2.0, 3.0])).values()) == [2, 2, 2, 2, 2]
EOF
