#!/usr/bin/env bash
# seaborn: frames of polars 2 are refused.
#
# Guess:   seaborn 0.13 accepts any frame with the interchange protocol, polars among them, as
#          its release notes say.
# Seen:    polars 2 has no __dataframe__ any more, so countplot raises TypeError: not a
#          DataFrame or Mapping. Call to_pandas(); an Enum's order is then kept.
# Output:  TypeError ['neg', 'mid', 'pos']
# Version: seaborn 0.13.2, polars 2.1.0, pandas 3.1.1, pyarrow 26.0.1; Python 3.11, Linux,
#          2026-11-30.
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
