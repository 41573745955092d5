# SPDX-License-Identifier: Apache-2.0
"""Checks whether this checkout can be released; exits with 1 on any finding."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.experiments import release
from csb_rnn.machine.version import __version__


def main() -> int:
    parser = commands.Parser(description=__doc__.splitlines()[0])
    parser.parse_args()
    total = 0
    for name, check in release.CHECKS.items():
        found = check()
        total += len(found)
        print(f"{name:<10} {'good' if not found else f'{len(found)} findings'}", flush=True)
        for line in found:
            print(f"  {line}")
    print(f"{total} findings" if total else f"ready: tag this commit v{__version__}")
    return 1 if total else 0


if __name__ == "__main__":
    commands.run(main)
