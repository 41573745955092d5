# SPDX-License-Identifier: Apache-2.0
"""Runs the tutorial: prints its outputs, writes them into the page, or times a fresh clone."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.experiments.documents import tutorial
from csb_rnn.machine.folders import BUILD, ROOT

MINUTES = 15  # from a fresh clone to the last line, at most


def run(write: bool) -> int:
    """Run the page's cells in build/tutorial."""
    folder = BUILD / "tutorial"
    folder.mkdir(parents=True, exist_ok=True)
    text = tutorial.PAGE.read_text()
    printed = tutorial.outputs(text, folder)
    print("".join(printed), end="")
    if write:
        new = tutorial.with_outputs(text, printed)
        tutorial.PAGE.write_text(new)
        tutorial.NOTEBOOK.write_text(tutorial.notebook(new))
        for picture in folder.glob("tutorial_*.png"):
            shutil.copy(picture, tutorial.PAGE.parent)
    return commands.OK


def fresh() -> int:
    """Clone, set up, run the tutorial as a reader does, and say how long it took."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "csb-rnn"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(place)], check=True)
        for command in (["make", "setup"], [".venv/bin/python", "scripts/tutorial.py"]):
            code = subprocess.run(command, cwd=place, check=False).returncode
            if code:
                print(f"{' '.join(command)}: exit code {code}", file=sys.stderr)
                return commands.MISMATCH
    minutes = (time.monotonic() - began) / 60
    print(f"from a fresh clone to the end of the tutorial: {minutes:.1f} minutes")
    return commands.OK if minutes < MINUTES else commands.MISMATCH


def main() -> int:
    parser = commands.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="page, notebook, pictures anew")
    parser.add_argument(
        "--fresh", action="store_true", help=f"in a new clone; over {MINUTES} minutes: exit code 1"
    )
    args = parser.parse_args()
    return fresh() if args.fresh else run(args.write)


if __name__ == "__main__":
    commands.run(main)
