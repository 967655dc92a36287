#!/usr/bin/env bash
# duckdb: a polars Enum becomes text, so it sorts alphabetically.
#
# Expected: duckdb has an ordered ENUM type, so a polars Enum becomes one, and an Enum again on
#           the way back.
# Actual:   it becomes VARCHAR in duckdb and String back in polars, whether it comes from a frame
#           or from a Parquet file, and sorts alphabetically.
# Output:   ['mid', 'neg', 'pos'] for ['neg', 'mid', 'pos'], String
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

order = ["neg", "mid", "pos"]
frame = pl.DataFrame({"label": pl.Series(["pos", "neg", "mid"], dtype=pl.Enum(order))})
frame.write_parquet("labels.parquet")
for table in ("frame", "'labels.parquet'"):
    result = duckdb.sql(f"select label, typeof(label) as type from {table} order by label").pl()
    print(result["label"].to_list(), "for", frame["label"].sort().to_list(), result["label"].dtype)
    assert result["label"].to_list() == ["mid", "neg", "pos"]
    assert set(result["type"]) == {"VARCHAR"}
    assert result["label"].dtype == pl.String
assert frame["label"].sort().to_list() == order
EOF
