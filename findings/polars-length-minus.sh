#!/usr/bin/env bash
# polars: pl.len() minus a larger number is about four billion.
#
# Expected: with five rows, pl.len() - 10 is -5.
# Actual:   lengths and distinct counts are unsigned 32-bit integers. The literal is cast to that
#           type, and the difference wraps around. Cast to Int64 first.
# Output:   {'rows': [4294967291], 'distinct': [4294967291], 'cast': [-5]}
# Version:  polars 2.1.0; Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet polars==2.1.0
venv/bin/python - <<'EOF'
import polars as pl

words = pl.DataFrame({"word": ["a", "b", "c", "d", "e"]})
column = pl.col("word")
differences = words.select(
    rows=pl.len() - 10,
    distinct=column.n_unique() - 10,
    cast=pl.len().cast(pl.Int64) - 10,
)
print(differences.to_dict(as_series=False))
assert differences.row(0) == (2**32 - 5, 2**32 - 5, -5)
EOF
