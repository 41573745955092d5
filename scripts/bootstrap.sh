#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sets up everything the project needs on Debian or Ubuntu: system packages, then `.venv` with the
# pinned Python packages. Safe to call before every make target: when nothing is missing it returns
# at once, and two calls at the same time wait for each other.
#
# Environment: PYTHON, the Python 3.11 to use (default: python3.11, else python3).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# ccache makes a rebuilt simulation 15 times faster; liblz4 and zlib are what FST waves link with.
packages=(g++ make perl zlib1g-dev liblz4-dev ccache iverilog)
stamp=.venv/.stamp

say() { printf '[setup] %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }
installed() { [[ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null)" == ii* ]]; }
# The stamp is written last, so an interrupted set-up is taken up again.
fingerprint() { sha256sum requirements.txt; }
ready() { [[ -f $stamp && "$(<"$stamp")" == "$(fingerprint)" ]]; }

mkdir -p build
exec 9>build/.setup.lock
flock 9

python=""
for candidate in "${PYTHON:-python3.11}" python3; do
  if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
    python=$candidate
    break
  fi
done

missing=()
for package in "${packages[@]}"; do
  installed "$package" || missing+=("$package")
done
if [[ -z $python ]]; then
  missing+=(python3.11 python3.11-venv)
elif ! ready && ! "$python" -c 'import ensurepip' 2>/dev/null; then
  missing+=(python3.11-venv)  # Debian keeps the part of venv that installs pip in its own package
fi

if ((${#missing[@]})); then
  install=(apt-get install --yes --no-install-recommends "${missing[@]}")
  if ((EUID == 0)); then
    root=(env)
  elif sudo -n true 2>/dev/null; then
    root=(sudo -n env)
  else
    die "system packages are missing; as root: apt-get update && ${install[*]}"
  fi
  say "installing ${missing[*]}"
  root+=(DEBIAN_FRONTEND=noninteractive)
  "${root[@]}" apt-get update -qq >&2
  "${root[@]}" "${install[@]}" -qq -o Dpkg::Use-Pty=0 >&2 || die "could not install: ${missing[*]}"
  python=${python:-python3.11}
fi

ready && exit 0
say "installing the Python packages into .venv (a few minutes the first time)"
[[ -x .venv/bin/python ]] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt >&2
# Makes `golden` and `tb` importable from everywhere, without packaging them.
pwd >"$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/csb.pth"
fingerprint >"$stamp"
say "ready"
