# SPDX-License-Identifier: Apache-2.0
"""A configuration from a file outside of the repository: its kit linted, simulated, synthesised.

Each step is one command of the kit's README, and the repository's ``git status`` is the same after
it. Exits with 1 if a target fails.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from csb_rnn import commands
from csb_rnn.errors import UsageError
from csb_rnn.experiments.reports import measured
from csb_rnn.kit.names import top_name
from csb_rnn.machine.folders import ROOT
from csb_rnn.machine.own_config import choose
from csb_rnn.simulation.toolchain import tool_env

RESULT = "kit"
TARGETS = ("lint", "sim", "synth")
#: Half of ``tiny`` with small memories: 8 multipliers.
OWN = """\
[half]
base = "tiny"
K = 1
weight_depth = 1024
neuron_depth = 256
acc_depth = 128
bias_depth = 128
state_depth = 128
drain_depth = 256
elem_depth = 256
out_depth = 128
"""
CELLS = ("LUT4", "CCU2C", "TRELLIS_FF", "TRELLIS_DPR16X4", "MULT18X18D", "DP16KD")


def status(root: Path = ROOT) -> str:
    """Tracked files that are changed, and files that are not ignored."""
    command = ["git", "status", "--porcelain"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout


def environment() -> dict[str, str]:
    """With Verilator, FuseSoC and a Python that has pyosys first on the path."""
    env = {**os.environ, **tool_env()}
    return env | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), env["PATH"]])}


def cells(text: str) -> dict[str, int]:
    """Cells of the kinds in :data:`CELLS`, of Yosys' ``stat``."""
    found = re.findall(r"^ +(\d+) +(\w+)$", text, re.MULTILINE)
    count = {kind: int(number) for number, kind in found}
    return {kind: count.get(kind, 0) for kind in CELLS}


def run_target(target: str, top: str, kit: Path, work: Path) -> dict[str, Any]:
    """One FuseSoC target of a kit: a row of the result."""
    command = ["fusesoc", "--cores-root", str(kit), "run", "--target", target, top]
    done = subprocess.run(
        command, cwd=work, env=environment(), capture_output=True, text=True, check=False
    )
    (work / f"{target}.log").write_text(done.stdout + done.stderr)
    said = re.findall(r"^PASS: (.*)$", done.stdout, re.MULTILINE)
    warnings = len(re.findall(r"%(?:Warning|Error)", done.stdout + done.stderr))
    good = done.returncode == 0 and not warnings and (target == "lint" or bool(said))
    row: dict[str, Any] = {"target": target, "passed": good, "warnings": warnings}
    row["said"] = "; ".join(said)
    for file in sorted(work.rglob(f"{top}_area.txt")):
        row |= cells(file.read_text())
    if not good:
        print(f"{target}: see {work / f'{target}.log'}", file=sys.stderr)
    return row


def steps(file: Path, work: Path) -> list[dict[str, Any]]:
    """All steps; a row for each.

    Raises:
        UsageError: FuseSoC is not there.
        ConfigError: the file holds no configuration.
    """
    env, rows = environment(), []
    if not any(Path(folder, "fusesoc").is_file() for folder in env["PATH"].split(os.pathsep)):
        raise UsageError("fusesoc is not there: run make kit, which installs it")
    c, before = choose(file), status()
    write = [sys.executable, "-m", "csb_rnn.cli.main", "rtl", "--config", str(file)]
    env["PYTHONPATH"] = os.pathsep.join([str(ROOT / "golden"), env.get("PYTHONPATH", "")])
    done = subprocess.run([*write, "--out", str(work / "kit")], env=env, check=False)
    rows.append({"target": "csb-rnn rtl", "passed": done.returncode == 0, "warnings": 0})
    for target in TARGETS:
        print(f"fusesoc run --target {target} {top_name(c)}", flush=True)
        rows.append(run_target(target, top_name(c), work / "kit", work))
    for row in rows:
        row["config"], row["git_status_same"] = c.name, status() == before
    return rows


def main() -> int:
    """Write a file outside of the repository, go all steps with it."""
    parser = commands.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", metavar="FILE.toml", help="one's own (default: half of tiny)")
    parser.add_argument("--results", action="store_true", help="keep the table, docs/results/data")
    a = parser.parse_args()
    began = measured.begin(RESULT)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "half.toml"
        file.write_text(OWN)
        rows = steps(file if a.config is None else Path(a.config).absolute(), Path(folder))
    for row in rows:
        word = "passed" if row["passed"] and row["git_status_same"] else "FAILED"
        used = ", ".join(f"{row[k]} {k}" for k in CELLS if k in row)
        print(": ".join(x for x in (row["target"], word, row.get("said"), used) if x))
    good = all(row["passed"] and row["git_status_same"] for row in rows)
    if a.results and good:
        measured.write(RESULT, rows, began)
    return commands.OK if good else commands.MISMATCH
