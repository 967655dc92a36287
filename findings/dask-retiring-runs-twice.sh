#!/usr/bin/env bash
# Dask: retiring a busy worker runs its task twice.
#
# Expected: retire_workers() waits for the running task, as it is the graceful way to stop a
#           worker.
# Actual:   it returns at once, and the task starts again on another worker. Both runs finish, so
#           anything that the task writes is written twice.
# Output:   start start end end
# Version:  distributed 2026.8.0; Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet distributed==2026.8.0
cat >finding.py <<'EOF'
import logging
import time
from pathlib import Path

from distributed import Client, LocalCluster


def work():
    with Path("log").open("a", encoding="utf-8") as file:
        file.write("start\n")
    time.sleep(6)
    with Path("log").open("a", encoding="utf-8") as file:
        file.write("end\n")


if __name__ == "__main__":
    logging.disable()
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        future = client.submit(work)
        while not Path("log").exists():
            time.sleep(0.1)
        (worker,) = [name for name, tasks in client.processing().items() if tasks]
        client.retire_workers([worker])
        assert Path("log").read_text(encoding="utf-8").split().count("end") == 0  # it did not wait
        future.result(timeout=60)
        time.sleep(2)
    log = Path("log").read_text(encoding="utf-8").split()
    print(*log)
    assert log == ["start", "start", "end", "end"]
EOF
venv/bin/python finding.py
