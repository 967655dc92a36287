#!/usr/bin/env bash
# Dask: sys.exit() in a task shuts down one worker after another.
#
# Expected: result() raises SystemExit, as it does other exceptions.
# Actual:   the worker shuts down, and the task is rescheduled on the next one. After four
#           workers, result() raises KilledWorker, which does not mention SystemExit.
# Output:   4 KilledWorker
# Version:  distributed 2026.8.0; Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet distributed==2026.8.0
cat >finding.py <<'EOF'
import logging
import sys
from pathlib import Path

from distributed import Client, KilledWorker, LocalCluster


def leave():
    with Path("runs").open("a", encoding="utf-8") as file:
        file.write("run\n")
    sys.exit(3)


if __name__ == "__main__":
    logging.disable()
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        try:
            client.submit(leave).result(timeout=120)
            raise RuntimeError("no error")
        except KilledWorker as error:
            message = str(error)
    runs = len(Path("runs").read_text(encoding="utf-8").split())
    print(runs, "KilledWorker")
    assert runs == 4
    assert "SystemExit" not in message
EOF
venv/bin/python finding.py
