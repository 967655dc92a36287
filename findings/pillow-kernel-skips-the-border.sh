#!/usr/bin/env bash
# Pillow: ImageFilter.Kernel does not filter the pixels at the border.
#
# Expected: every pixel is filtered, with zeros, mirrored or repeated pixels around the picture, as in
#           scipy.ndimage, OpenCV and torch; or the result is smaller by the border.
# Actual:   the border, one pixel wide for a kernel of 3 × 3 and two for 5 × 5, is copied from the
#           picture. An edge detector therefore leaves a bright frame on a white ground, which a
#           network can learn. (That the kernel is flipped, from top to bottom only, is documented.)
# Output:   frames of 1 and 2 pixels still have 200, everything else is 0
# Version:  pillow 13.0.0, numpy 2.4.6; Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet pillow==13.0.0 numpy==2.4.6
venv/bin/python - <<'EOF'
import numpy as np
from PIL import Image, ImageFilter

ground = Image.new("L", (9, 9), 200)
for size in (3, 5):
    weights = [-1] * size**2
    weights[size**2 // 2] = size**2 - 1  # an edge detector: the weights add up to 0
    filtered = np.asarray(ground.filter(ImageFilter.Kernel((size, size), weights, scale=1)))
    border = size // 2
    assert (filtered[border:-border, border:-border] == 0).all()
    frame = np.ones((9, 9), bool)
    frame[border:-border, border:-border] = False
    assert (filtered[frame] == 200).all()
print("frames of 1 and 2 pixels still have 200, everything else is 0")
EOF
