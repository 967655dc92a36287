#!/usr/bin/env bash
# PyTorch: exporting a small network to ONNX writes two files.
#
# Expected: torch.onnx.export(model, args, 'm.onnx') writes one file unless the weights exceed two
#           gigabytes.
# Actual:   the weights are written to m.onnx.data even if they are a few kilobytes, and m.onnx
#           cannot be loaded without it. Pass external_data=False.
# Output:   ['m.onnx', 'm.onnx.data'] ['one.onnx'] Fail
# Version:  torch 2.13.0, onnx 1.23.2, onnxscript 0.7.2, onnxruntime 1.32.0; Python 3.11, Linux,
#           2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet \
    torch==2.13.0 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0
venv/bin/python - <<'EOF'
from pathlib import Path

import onnxruntime
import torch

model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10)).eval()
picture = (torch.zeros(1, 1, 28, 28),)
torch.onnx.export(model, picture, "m.onnx", verbose=False)
torch.onnx.export(model, picture, "one.onnx", verbose=False, external_data=False)
written = [sorted(path.name for path in Path().glob(f"{name}*")) for name in ("m.onnx", "one.onnx")]
onnxruntime.InferenceSession("one.onnx")
Path("m.onnx.data").unlink()
try:
    onnxruntime.InferenceSession("m.onnx")
    raise SystemExit("loaded")
except Exception as error:
    print(*written, type(error).__name__)
assert written == [["m.onnx", "m.onnx.data"], ["one.onnx"]]
EOF
