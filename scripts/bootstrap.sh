#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sets up everything the project needs on Linux: system packages (on Debian and Ubuntu), then `.venv`
# with the locked Python packages, each file checked by its SHA-256. Safe to call before every make
# target: when nothing is missing it returns at once, and two calls at the same time wait for each
# other. On a machine where it cannot do this, one line says what is needed.
#
# Usage: bootstrap.sh [GROUP]: a group's packages too; `soc`: a RISC-V compiler and core; `kit`: FuseSoC;
#   `site`: mkdocs.
# Environment: PYTHON, the Python to use: 3.11, 3.12 or 3.13 (default: the first of these found).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# ccache makes a rebuilt simulation 15 times faster; liblz4 and zlib are what FST waves link with.
packages=(g++ make perl zlib1g-dev liblz4-dev ccache iverilog)
commands=(g++ make perl ccache iverilog)  # of these packages, where there is no dpkg to ask
locks=(requirements.txt requirements-torch.txt)
stamp=.venv/.stamp
group=${1:-}
case $group in
  "" | kit | site) ;;
  soc) packages+=(gcc-riscv64-unknown-elf) commands+=(riscv64-unknown-elf-gcc) ;;
  *) echo "bootstrap.sh: unknown group '$group': known are kit, site, soc" >&2; exit 2 ;;
esac

say() { printf '[setup] %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }
has() { command -v "$1" >/dev/null; }
installed() { [[ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null)" == ii* ]]; }
# Prints the version of a Python that the packages are locked for; fails for any other.
version() {
  "$1" - 2>/dev/null <<'EOF'
import sys
print("%d.%d" % sys.version_info[:2])
sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
EOF
}
find_python() {
  for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3}; do
    if version "$candidate" >/dev/null; then
      echo "$candidate"
      return
    fi
  done
}
# The stamp is written last, so an interrupted set-up is taken up again.
fingerprint() { sha256sum "${locks[@]}"; }
ready() { [[ -f $stamp && -x .venv/bin/csb-rnn && "$(<"$stamp")" == "$(fingerprint)" ]] && version .venv/bin/python >/dev/null; }
# Only wheels, whose files are all in the lock: nothing is built, no set-up code runs.
install() {
  .venv/bin/python -m pip install --quiet --disable-pip-version-check \
    --require-hashes --only-binary :all: "$@" >&2
}

# The Python packages of a group, which have a lock of their own.
install_group() {
  local lock=requirements-$group.txt done=.venv/.stamp-$group
  [[ -z $group ]] && return
  [[ -f $done && "$(<"$done")" == "$(sha256sum "$lock")" ]] && return
  install -r "$lock" || die "the packages of $lock could not be installed: see above"
  sha256sum "$lock" >"$done"
}

machine="$(uname -s) $(uname -m)"
case $machine in
  "Linux x86_64" | "Linux aarch64") ;;
  *) die "needed: Linux on x86_64 or aarch64, as in a container of Debian 12; this is $machine" ;;
esac

mkdir -p build
exec 9>build/.setup.lock
flock 9

python=$(find_python)
missing=()
if has dpkg-query && has apt-get; then
  for package in "${packages[@]}"; do
    installed "$package" || missing+=("$package")
  done
  if [[ -n $python ]]; then
    # Debian keeps the part of venv that installs pip in a package of its own.
    ready || "$python" -c 'import ensurepip' 2>/dev/null || missing+=("python$(version "$python")-venv")
  elif [[ -z ${PYTHON:-} ]]; then
    missing+=(python3 python3-venv)
  fi
else
  for command in "${commands[@]}"; do
    has "$command" || missing+=("$command")
  done
  [[ -n $python || -n ${PYTHON:-} ]] || missing+=("python 3.11, 3.12 or 3.13")
  ((${#missing[@]} == 0)) || die "needed (this script installs it on Debian and Ubuntu only):" \
    "$(printf '%s, ' "${missing[@]}")headers of zlib and lz4"
fi

if ((${#missing[@]})); then
  apt=(apt-get install --yes --no-install-recommends "${missing[@]}")
  if ((EUID == 0)); then
    root=(env)
  elif sudo -n true 2>/dev/null; then
    root=(sudo -n env)
  else
    die "system packages are missing; as root: apt-get update && ${apt[*]}"
  fi
  say "installing ${missing[*]}"
  root+=(DEBIAN_FRONTEND=noninteractive)
  "${root[@]}" apt-get update -qq >&2
  "${root[@]}" "${apt[@]}" -qq -o Dpkg::Use-Pty=0 >&2 || die "could not install: ${missing[*]}"
  python=$(find_python)
fi
[[ -n $python ]] ||
  die "needed: Python 3.11, 3.12 or 3.13; found: ${PYTHON:-python3} $(version "${PYTHON:-python3}" || true)"

if ready; then
  install_group
  exit 0
fi
say "installing the Python packages into .venv (a few minutes the first time)"
if ! version .venv/bin/python >/dev/null; then
  "$python" -m venv --clear .venv
fi
install -r requirements.txt || die "the packages of requirements.txt could not be installed: see above"
install --no-deps -r requirements-torch.txt ||
  die "needed: the CPU build of torch; PIP_EXTRA_INDEX_URL can name PyTorch's index of CPU wheels"
conflicts=$(.venv/bin/python -m pip check --disable-pip-version-check) || die "$conflicts"
# Makes `csb_rnn` (in golden/) and `tb` importable from everywhere, without packaging them.
printf '%s\n' "$PWD/golden" "$PWD" >"$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/csb.pth"
# The command of the package, as an installed one has it.
printf '#!%s\nfrom csb_rnn.cli.main import main\n\nmain()\n' "$PWD/.venv/bin/python" >.venv/bin/csb-rnn
chmod +x .venv/bin/csb-rnn
fingerprint >"$stamp"
install_group
say "ready"
