#!/usr/bin/env bash
# Create .venv with the given Python and install requirements.txt, unless that is done already.
set -euo pipefail

python=$1
stamp=.venv/.ready # the folder and the requirements that .venv was made for

fail() {
    echo "setup: $*" >&2
    exit 1
}

wanted() {
    pwd -P
    cat requirements.txt renderer/pyproject.toml
}

# A system update may remove the Python that .venv links to, or replace it with another version.
is_alive() {
    .venv/bin/python -Ic 'import pip' 2>/dev/null
}

# Scripts and the renderer's link in .venv name this folder, so a moved .venv is also useless.
is_ours() {
    is_alive && [ "$(head -n 1 "$stamp" 2>/dev/null)" = "$(pwd -P)" ]
}

check_python() {
    local range version first last major minor
    range=$(sed -nE 's/^requires-python = ">=3\.([0-9]+),<3\.([0-9]+)".*/\1 \2/p' renderer/pyproject.toml)
    read -r first last <<<"$range"
    last=$((last - 1))
    range="Python 3.$first to 3.$last"
    version=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) ||
        fail "$python does not run; install $range, or name one that is installed: make book PYTHON=/path/to/python3"
    IFS=. read -r major minor _ <<<"$version"
    ((major == 3 && minor >= first && minor <= last)) ||
        fail "$python is Python $version, but the packages need $range; name one that is installed: make book PYTHON=python3.$last"
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "this Python cannot create virtual environments; on Debian and Ubuntu: apt install python3-venv"
}

# One make at a time; a second one waits, and then has nothing to install.
mkdir -p .cache
exec 9>.cache/setup.lock
flock -n 9 || {
    echo "setup: waiting for another make that is installing"
    flock 9
}
if is_alive && wanted | cmp -s - "$stamp"; then
    exit
fi
if ! is_ours; then
    check_python
    "$python" -m venv --clear .venv
fi
rm -f "$stamp"
echo "setup: installing requirements.txt into .venv (a few minutes the first time)"
.venv/bin/python -m pip --disable-pip-version-check install --quiet --requirement requirements.txt ||
    fail "pip could not install the packages, for the reason above; run make again to continue"
wanted >"$stamp"
