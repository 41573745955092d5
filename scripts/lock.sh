#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes requirements.txt of requirements.in, and those of the groups kit and site of theirs: every
# package that is needed, exactly, with the SHA-256 of all its files, for Python 3.11 to 3.13 on any
# machine. A package that is there keeps its version
# unless requirements.in says otherwise; with --upgrade all of them move. Needs .venv (make setup).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

uv=0.13.9
if [[ "$(build/lock/bin/uv --version 2>/dev/null)" != "uv $uv"* ]]; then
  .venv/bin/python -m venv --clear build/lock
  build/lock/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: "uv==$uv"
fi
# No index is written down: pip's own configuration says where to get packages.
compile() {
  UV_CUSTOM_COMPILE_COMMAND="make lock" build/lock/bin/uv pip compile --quiet \
    --universal --python-version 3.11 --only-binary :all: --generate-hashes --no-emit-index-url "$@"
}
compile "$@" --output-file requirements.txt requirements.in
for group in kit site; do  # in versions that those of the project allow
  compile "$@" --constraint requirements.txt --output-file "requirements-$group.txt" \
    "requirements-$group.in"
done
if grep -E '^(nvidia|cuda|torch|triton)|://' requirements{,-kit,-site}.txt >&2; then
  echo "requirements: a CUDA package or an address got in" >&2
  exit 1
fi
