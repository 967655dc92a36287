#!/usr/bin/env bash
# gensim: get_mean_vector normalises each vector and ignores unknown words.
#
# Expected: get_mean_vector(words) is the mean of the words' vectors, and an unknown word raises
#           KeyError, as in most_similar.
# Actual:   each vector is first scaled to length 1, and unknown words are skipped; if all are
#           unknown, the mean is zero. n_similarity averages the vectors unscaled.
# Output:   [0.5, 0.5] [5.0, 0.5] [0.0, 0.0] KeyError
# Version:  gensim 4.4.0; Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet gensim==4.4.0
venv/bin/python - <<'EOF'
import numpy as np
from gensim.models import KeyedVectors

vectors = KeyedVectors(2)
vectors.add_vectors(["long", "short"], np.array([[10, 0], [0, 1]], dtype="f4"))
both = ["long", "short"]
mean = vectors.get_mean_vector(both).tolist()
plain = vectors.get_mean_vector(both, pre_normalize=False).tolist()
unknown = vectors.get_mean_vector(["nowhere"]).tolist()
assert mean == [0.5, 0.5]
assert plain == [5, 0.5]
assert unknown == [0, 0]
try:
    vectors.most_similar(["long", "nowhere"])
    raise SystemExit("no KeyError")
except KeyError:
    print(mean, plain, unknown, "KeyError")
cosine = float(vectors.n_similarity(both, ["short"]))
assert abs(cosine - 0.5 / np.hypot(5, 0.5)) < 1e-6  # of the unscaled means
EOF
