# SPDX-License-Identifier: Apache-2.0
"""Lints the design and the Python code; exits with 1 on any finding.

slang and Icarus see every module alone as top, and Verilator (-Wall) sees `csb_top`, with every
set of parameters that it has somewhere in a named configuration; waivers are in
``hdl/csb_waivers.vlt`` only. mypy checks the types of the package. Rules of this repository: every
source file has its licence line, no line of SystemVerilog is longer than 100 columns, no test reads
a clock. ``--fix`` rewrites the formatting of both languages, and ruff's own repairs, instead.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.experiments.lint import run


def main() -> int:
    parser = commands.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--fix", action="store_true", help="rewrite formatting instead of linting")
    return run.fix() if parser.parse_args().fix else run.lint()


if __name__ == "__main__":
    commands.run(main)
