#!/bin/sh
# Make .venv and install the locked packages of $2 with the Python named $1. Safe to repeat.
set -eu
python=$1 lock=$2
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Abate needs Python 3.11 or newer; $("$python" --version) is older. Name another: make PYTHON=python3.12" >&2
    exit 1
}
if [ ! -x .venv/bin/python ]; then
    # Debian ships venv apart from Python.
    "$python" -c 'import ensurepip, venv' 2>/dev/null || scripts/system.sh python3-venv
    "$python" -m venv .venv
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
# Translated once, by all processors: test workers begin side by side, and each would translate what none has yet.
.venv/bin/python -m compileall -q -j 0 src
