#!/usr/bin/env bash
# polars: integer sums can overflow; only some widen their type, and only below 32 bits.
#
# Expected: sum() and sum_horizontal() widen small integers to 64 bits, and diff() of unsigned
#           integers wraps around.
# Actual:   sum() widens UInt8 but not Int32, which silently wraps to a negative number.
#           sum_horizontal() widens nothing, so two pixels of 200 add up to 144. diff() widens;
#           subtraction does not.
# Output:   400 -2147483648 144 -2 254
# Version:  polars 2.1.0; Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet polars==2.1.0
venv/bin/python - <<'EOF'
import polars as pl

pixels = pl.DataFrame({"a": [200, 200], "b": [200, 100]}, schema={"a": pl.UInt8, "b": pl.UInt8})
wide = pl.Series([2**31 - 1, 1], dtype=pl.Int32)
steps = pl.Series([5, 3], dtype=pl.UInt8)
total = pixels["a"].sum()
across = pixels.select(pl.sum_horizontal("a", "b")).item(0, 0)
minus = (steps.tail(1) - steps.head(1)).item()
print(total, wide.sum(), across, steps.diff()[1], minus)
assert total == 400
assert wide.sum() == -(2**31)
assert across == 144
assert (steps.diff()[1], minus) == (-2, 254)
EOF
