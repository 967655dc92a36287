#!/usr/bin/env bash
# openTSNE: transform moves the rows that the embedding was fitted on.
#
# Expected: transform(X) on the training rows returns approximately their fitted positions.
# Actual:   the positions are computed again, and some rows land more than a tenth of the map's
#           width away.
# Output:   True True
# Version:  openTSNE 1.0.4, numpy 2.4.6; Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet openTSNE==1.0.4 numpy==2.4.6
venv/bin/python - <<'EOF'
import numpy as np
from openTSNE import TSNE

rows = np.random.default_rng(0).random((150, 5))
fitted = TSNE(perplexity=10, random_state=1, n_iter=250).fit(rows)
distance = np.linalg.norm(np.asarray(fitted.transform(rows)) - np.asarray(fitted), axis=1)
width = np.ptp(np.asarray(fitted), axis=0).max()
print(bool(distance.max() > width / 10), bool(np.median(distance) > width / 1000))
assert distance.max() > width / 10
assert np.median(distance) > width / 1000
EOF
