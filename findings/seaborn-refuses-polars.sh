#!/usr/bin/env bash
# seaborn: polars 2 frames are refused.
#
# Expected: seaborn 0.13 accepts any frame with the interchange protocol, including polars, as its
#           release notes say.
# Actual:   polars 2 no longer has __dataframe__, so countplot raises a TypeError (must be a
#           DataFrame or Mapping). Call to_pandas(), which keeps the order of an Enum.
# Output:   TypeError ['neg', 'mid', 'pos']
# Version:  seaborn 0.13.2, polars 2.1.0, pandas 3.1.1, pyarrow 26.0.1; Python 3.11, Linux,
#           2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet seaborn==0.13.2 polars==2.1.0 pandas==3.1.1 pyarrow==26.0.1
venv/bin/python - <<'EOF'
import matplotlib
import polars as pl

matplotlib.use("Agg")
import seaborn as sns

labels = pl.Series(["pos", "neg", "mid"], dtype=pl.Enum(["neg", "mid", "pos"]))
frame = pl.DataFrame({"label": labels})
assert not hasattr(frame, "__dataframe__")
try:
    sns.countplot(frame, x="label")
    raise SystemExit("accepted")
except TypeError as error:
    refusal = str(error)
axes = sns.countplot(frame.to_pandas(), x="label")
order = [text.get_text() for text in axes.get_xticklabels()]
print("TypeError", order)
assert "must be a DataFrame or Mapping" in refusal
assert order == ["neg", "mid", "pos"]
EOF
