#!/usr/bin/env bash
# plotnine: a polars Decimal column is drawn as evenly spaced categories.
#
# Expected: a column of decimals gets a continuous scale.
# Actual:   converted to pandas, the column holds Python objects, so 1.5, 3 and 20 become three
#           categories one step apart. Cast to Float64 before plotting.
# Output:   ['1.5', '3.0', '20.0'] [1.0, 2.0, 3.0]
# Version:  plotnine 0.15.9, polars 2.1.0, pyarrow 26.0.1; Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet plotnine==0.15.9 polars==2.1.0 pyarrow==26.0.1
venv/bin/python - <<'EOF'
from decimal import Decimal

import polars as pl
from plotnine import aes, geom_point, ggplot

prices = [Decimal("1.5"), Decimal("3.0"), Decimal("20.0")]
frame = pl.DataFrame({"x": [1, 2, 3], "price": prices})


def drawn(data):
    plot = ggplot(data, aes("x", "price")) + geom_point()
    figure = plot.draw()
    axis = figure.axes[0].yaxis
    heights = sorted(round(float(y), 2) for _, y in figure.axes[0].collections[0].get_offsets())
    return [label.get_text() for label in axis.get_ticklabels()], heights


labels, heights = drawn(frame)
print(labels, heights)
assert labels == ["1.5", "3.0", "20.0"] and heights == [1, 2, 3]
_, heights = drawn(frame.with_columns(pl.col("price").cast(pl.Float64)))
assert heights == [1.5, 3, 20]
EOF
