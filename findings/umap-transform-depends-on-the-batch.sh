#!/usr/bin/env bash
# UMAP: where transform places a row depends on the other rows in the batch.
#
# Expected: with random_state set, rows get the same positions whether transformed together or one
#           by one, and training rows get those of embedding_.
# Actual:   the whole training set returns embedding_ unchanged, but a part of it, or new rows one
#           by one, moves by a noticeable part of the map.
# Output:   whole training set equal: True; a part of it moved: True; one by one differs: True
# Version:  umap-learn 0.5.12, scikit-learn 1.9.1; Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet umap-learn==0.5.12 scikit-learn==1.9.1
venv/bin/python - <<'EOF'
import numpy as np
import umap

train, new = np.random.default_rng(0).random((150, 5)), np.random.default_rng(1).random((20, 5))
fitted = umap.UMAP(n_neighbors=8, random_state=1, n_jobs=1).fit(train)
width = np.ptp(fitted.embedding_, axis=0).max()


def moved(one, other):
    return bool(np.abs(one - other).max() > width / 50)


together = fitted.transform(new)
apart = np.concatenate([fitted.transform(row[None]) for row in new])
is_equal = np.array_equal(fitted.transform(train), fitted.embedding_)
part_moved = moved(fitted.transform(train[:100]), fitted.embedding_[:100])
print(f"whole training set equal: {is_equal}; a part of it moved: {part_moved};", end=" ")
print(f"one by one differs: {moved(apart, together)}")
assert is_equal and part_moved
assert moved(apart, together)
assert np.array_equal(together, fitted.transform(new))  # repeatable
EOF
