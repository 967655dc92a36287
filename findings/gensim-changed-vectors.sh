#!/usr/bin/env bash
# gensim: vectors changed after the first query have cosines above 1.
#
# Expected: most_similar uses the current vectors, and add_vector replaces the vector of an
#           existing word.
# Actual:   the first query caches the norms, and assigning a vector does not update them: the
#           cosine is 9.95. add_vector leaves an existing word unchanged and only logs this. Call
#           fill_norms(force=True), and add_vectors(..., replace=True).
# Output:   0.995 9.95 0.995 [1.0, 0.0]
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
vectors.add_vectors(["a", "b", "c"], np.array([[1, 0], [1, 0.1], [0, 1]], dtype="f4"))


def nearest():
    word, cosine = vectors.most_similar("a", topn=1)[0]
    assert word == "b"
    return round(cosine, 3)


first = nearest()
vectors["b"] = np.array([10, 1], dtype="f4")  # the same direction
second = nearest()
vectors.fill_norms(force=True)
vectors.add_vector("a", np.array([0, 5], dtype="f4"))
print(first, second, nearest(), vectors["a"].tolist())
assert first == nearest() == 0.995
assert second == 9.95
assert vectors["a"].tolist() == [1, 0]
EOF
