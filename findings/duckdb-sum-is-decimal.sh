#!/usr/bin/env bash
# duckdb to polars: a sum of integers arrives as a Decimal.
#
# Expected: sum(x) of 64-bit integers comes back as Int64, as count(*) does.
# Actual:   it comes back as Decimal(38, 0), which NumPy turns into an array of Python objects.
#           round(2.5) is also a Decimal. Cast in the query: sum(x)::BIGINT.
# Output:   {'total': Decimal(precision=38, scale=0), 'number': Int64, 'cast': Int64} object
# Version:  duckdb 2.0.0, polars 2.1.0, pyarrow 26.0.1; Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet duckdb==2.0.0 polars==2.1.0 pyarrow==26.0.1
venv/bin/python - <<'EOF'
import duckdb
import polars as pl

frame = pl.DataFrame({"x": [1, 2]})
query = "select sum(x) as total, count(*) as number, sum(x)::BIGINT as cast from frame"
result = duckdb.sql(query).pl()
values = result["total"].to_numpy()
print(dict(result.schema), values.dtype)
assert result["total"].dtype == pl.Decimal(38, 0)
assert result["number"].dtype == pl.Int64 and result["cast"].dtype == pl.Int64
assert values.dtype == object
EOF
