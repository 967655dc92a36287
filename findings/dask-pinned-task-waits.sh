#!/usr/bin/env bash
# Dask: a task restricted to one worker waits for ever if that worker is lost.
#
# Expected: submit(..., workers=[address]) fails once the worker is gone, as no other is allowed.
# Actual:   the future stays pending although another worker is idle, and nothing is raised. A
#           replacement worker has a different address. Use a timeout, or
#           allow_other_workers=True.
# Output:   pending, TimeoutError; with others allowed: 42
# Version:  distributed 2026.8.0; Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet distributed==2026.8.0
cat >finding.py <<'EOF'
import logging
import os
import signal

from distributed import Client, LocalCluster

if __name__ == "__main__":
    logging.disable()
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        address, pid = next(iter(client.run(os.getpid).items()))
        os.kill(pid, signal.SIGKILL)
        while address in client.scheduler_info()["workers"]:
            pass
        future = client.submit(abs, -42, workers=[address], pure=False)
        try:
            future.result(timeout=10)
            raise RuntimeError("no error")
        except TimeoutError:
            status = future.status
        other = client.submit(abs, -42, workers=[address], allow_other_workers=True, pure=False)
        result = other.result(timeout=30)
    print(f"{status}, TimeoutError; with others allowed: {result}")
    assert status == "pending"
    assert result == 42
EOF
venv/bin/python finding.py
