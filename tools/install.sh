#!/bin/sh
# Usage: install.sh REQUIREMENTS, from the project's root. Does nothing when they are installed.
set -eu

requirements=$1
installed=.venv/installed-$requirements
log=var/log/install.log
wanted=$(cat requirements.txt requirements-base.txt "$requirements")

if [ "$(cat "$installed" 2>/dev/null || true)" = "$wanted" ] && .venv/bin/python -c '' 2>/dev/null
then
    exit 0
fi

fail() {
    tail -n 8 "$log" >&2
    echo "Installing the packages failed; see $log" >&2
    exit 1
}

if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
    echo "Python 3.11 was not found as $PYTHON. Install it (Debian: apt-get install python3.11" \
        "python3.11-venv), or name it: make demo PYTHON=/path/to/python3.11" >&2
    exit 1
fi

mkdir -p var/log
echo "Installing the packages, about 2 GB; the first time takes minutes (log: $log) ..."
: >"$log"
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    "$PYTHON" -m venv --clear .venv >>"$log" 2>&1 || fail
fi
# torch alone and first: the others then find it and do not choose another build.
.venv/bin/python -m pip install "$(grep '^torch==' requirements.txt)" >>"$log" 2>&1 || fail
.venv/bin/python -m pip install -r "$requirements" >>"$log" 2>&1 || fail
.venv/bin/python -m pip install --no-deps -r requirements-base.txt >>"$log" 2>&1 || fail
cat requirements.txt requirements-base.txt requirements.txt >.venv/installed-requirements.txt
cat requirements.txt requirements-base.txt "$requirements" >"$installed"
