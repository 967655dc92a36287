#!/usr/bin/env bash
# importlib_metadata: importing it changes what Python's own importlib.metadata returns.
#
# Expected: the backport is a separate module; code that uses importlib.metadata is not affected
#           when some dependency, such as Dask before Python 3.12, imports the backport.
# Actual:   the backport deletes PathFinder.find_distributions and adds a finder of its own. From then
#           on importlib.metadata returns the backport's objects: a missing field raises KeyError
#           instead of returning None.
# Output:   before: None; after: KeyError, from importlib_metadata
# Version:  importlib_metadata 10.2.0; Python 3.11, Linux, 2026-11-30.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet importlib_metadata==10.2.0
venv/bin/python - <<'EOF'
import importlib.metadata

before = importlib.metadata.metadata("pip")["Maintainer-Nickname"]
import importlib_metadata  # noqa: E402, F401

try:
    after = importlib.metadata.metadata("pip")["Maintainer-Nickname"]
except KeyError:
    after = "KeyError"
owner = type(importlib.metadata.distribution("pip")).__module__
print(f"before: {before}; after: {after}, from {owner}")
assert (before, after, owner) == (None, "KeyError", "importlib_metadata")
EOF
