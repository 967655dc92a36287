#!/usr/bin/env bash
# scikit-learn: selecting columns of a mixed polars frame turns integers into floats.
#
# Expected: VarianceThreshold and SelectKBest with set_output(transform='polars') only select
#           columns, so types are preserved.
# Actual:   with pandas they are. A polars frame that also contains floats is converted to one
#           NumPy array, so every selected column becomes Float64: 9007199254740993 becomes
#           9007199254740992.
# Output:   {'a': Float64} {'a': 'int64'} 9007199254740992
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
from sklearn.feature_selection import VarianceThreshold

large = 2**53 + 1  # has no exact float64
frame = pl.DataFrame({"a": [large, 1, 2, 3], "b": [0.5] * 4})  # b never varies


def selected(data, library):
    return VarianceThreshold().set_output(transform=library).fit_transform(data)


ours, theirs = selected(frame, "polars"), selected(frame.to_pandas(), "pandas")
print(dict(ours.schema), theirs.dtypes.astype(str).to_dict(), int(ours["a"][0]))
assert ours.schema == {"a": pl.Float64}
assert int(ours["a"][0]) == large - 1
assert theirs["a"].dtype == "int64" and theirs["a"][0] == large
EOF
