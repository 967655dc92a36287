#!/usr/bin/env bash
# CSV readers: duckdb keeps leading zeros; polars and pyarrow parse the column as integers.
#
# Expected: all readers infer integers for a column of 007 and 010.
# Actual:   duckdb reads text, polars and pyarrow read 7 and 10. Joining a frame from one with a
#           frame from the other matches nothing, or fails because the types differ.
# Output:   VARCHAR Int64 int64
# Version:  duckdb 2.0.0, polars 2.1.0, pyarrow 26.0.1; Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet duckdb==2.0.0 polars==2.1.0 pyarrow==26.0.1
venv/bin/python - <<'EOF'
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.csv

Path("films.csv").write_text("film,stars\n007,5\n010,8\n", encoding="utf-8")
kind = duckdb.sql("select typeof(film) from 'films.csv' limit 1").fetchall()[0][0]
texts = duckdb.sql("select film from 'films.csv'").fetchall()
numbers = pl.read_csv("films.csv")["film"]
arrow = pyarrow.csv.read_csv("films.csv").schema.field("film").type
print(kind, numbers.dtype, arrow)
assert kind == "VARCHAR" and texts == [("007",), ("010",)]
assert numbers.dtype == pl.Int64 and numbers.to_list() == [7, 10]
assert str(arrow) == "int64"
EOF
