#!/usr/bin/env bash
# scikit-learn: SimpleImputer does not fill the nulls of a polars text column.
#
# Expected: strategy='most_frequent' fills missing strings in a polars frame as it does in a
#           pandas frame.
# Actual:   polars passes None to NumPy, but the imputer looks for NaN, so the null silently
#           remains. Missing numbers are filled. Use missing_values=None, or fill_null() in
#           polars.
# Output:   [['x'], ['x'], [None]] [['x'], ['x'], ['x']]
# Version:  scikit-learn 1.9.1, polars 2.1.0, pandas 3.1.1, pyarrow 26.0.1; Python 3.11, Linux,
#           2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet \
    scikit-learn==1.9.1 polars==2.1.0 pandas==3.1.1 pyarrow==26.0.1
venv/bin/python - <<'EOF'
import polars as pl
from sklearn.impute import SimpleImputer

frame = pl.DataFrame({"text": ["x", "x", None]})


def imputed(data, strategy="most_frequent", **options):
    return SimpleImputer(strategy=strategy, **options).fit_transform(data).tolist()


print(imputed(frame), imputed(frame.to_pandas()))
assert imputed(frame) == [["x"], ["x"], [None]]
assert imputed(frame.to_pandas()) == [["x"]] * 3
assert imputed(frame, missing_values=None) == [["x"]] * 3
assert imputed(pl.DataFrame({"n": [1, 3, None]}), "mean") == [[1], [3], [2]]
EOF
