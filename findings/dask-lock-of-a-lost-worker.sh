#!/usr/bin/env bash
# Dask: a lock is not released until half a minute after its worker dies.
#
# Expected: the scheduler notices at once that a worker is gone, and releases its locks.
# Actual:   the scheduler drops the worker at once, but releases its lock only when the lease of
#           30 seconds expires (distributed.scheduler.locks.lease-timeout).
# Output:   False True
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
import time
from pathlib import Path

from distributed import Client, LocalCluster, Lock


def hold():
    Lock("lock").acquire()
    Path("held").touch()
    time.sleep(300)


if __name__ == "__main__":
    logging.disable()
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        address, pid = next(iter(client.run(os.getpid).items()))
        future = client.submit(hold, workers=[address])
        while not Path("held").exists():
            time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        while address in client.scheduler_info()["workers"]:
            time.sleep(0.1)
        future.cancel()
        soon = Lock("lock").acquire(timeout=5)
        later = Lock("lock").acquire(timeout=90)
    print(soon, later)
    assert not soon
    assert later
EOF
venv/bin/python finding.py
