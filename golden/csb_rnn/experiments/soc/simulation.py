# SPDX-License-Identifier: Apache-2.0
"""The system in Verilator or Icarus: built from a kit, ``examples/soc`` and picorv32, then run."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from csb_rnn.errors import CsbError, UsageError
from csb_rnn.kit.names import top_name
from csb_rnn.machine.config import Config
from csb_rnn.machine.folders import ROOT
from csb_rnn.simulation.toolchain import tool_env

SOC = ROOT / "examples/soc"
TOP = "csb_soc_sim"
LINE = re.compile(r"(\w+) sequence (\d+) class (\d+) outputs ([0-9a-f]{8}) cycles (\d+)")
LOADED = re.compile(r"loaded by (\w+) in (\d+) cycles")


class SocError(CsbError, RuntimeError):
    """The system did not come to its end."""

    exit_code = 1


class Answer(NamedTuple):
    """The firmware's output for a sequence."""

    how: str
    sequence: int
    label: int
    checksum: int
    cycles: int


def core() -> Path:
    """The file of picorv32, from its package.

    Raises:
        UsageError: the package is not there.
    """
    found = importlib.util.find_spec("pythondata_cpu_picorv32")
    if found is None or not found.submodule_search_locations:
        raise UsageError("pythondata-cpu-picorv32 is not there: run make soc, which installs it")
    return Path(found.submodule_search_locations[0]) / "verilog/picorv32.v"


def build(c: Config, kit: Path, folder: Path, sim: str) -> list[str]:
    """Compile the system; returns the command to run it.

    Args:
        c: the configuration.
        kit: of the configuration (:func:`csb_rnn.kit.write_kit`).
        folder: where it is built.
        sim: ``verilator`` or ``icarus``.
    """
    listed = (kit / "files.f").read_text().split()
    includes = [f"-I{kit / p.removeprefix('+incdir+')}" for p in listed if p.startswith("+")]
    files = [str(kit / p) for p in listed if not p.startswith("+")]
    files += [str(core()), str(SOC / "csb_soc.sv"), str(SOC / "csb_soc_sim.sv")]
    define = f"-DCSB_TOP={top_name(c)}"
    folder.mkdir(parents=True, exist_ok=True)
    if sim == "icarus":
        program = str(folder / "soc.vvp")
        command = ["iverilog", "-g2012", "-s", TOP, f"-P{TOP}.StreamW={c.stream_w}", define]
        subprocess.run([*command, *includes, "-o", program, *files], check=True)
        return ["vvp", "-n", program]
    command = ["verilator_bin", "--binary", "--timing", "-j", "2", "-Wno-fatal", "-Wno-lint"]
    command += [
        "-Wno-style",
        "-Wno-TIMESCALEMOD",
        "--top-module",
        TOP,
        f"-GStreamW={c.stream_w}",
        define,
        "--Mdir",
    ]
    subprocess.run(
        [*command, str(folder / "obj"), *includes, *files],
        check=True,
        env=os.environ | tool_env(),
        stdout=subprocess.DEVNULL,
    )
    return [str(folder / "obj" / f"V{TOP}")]


def run(command: list[str], folder: Path, seconds: float) -> tuple[list[Answer], dict[str, int]]:
    """Run the system, with ``firmware.memh`` in its folder.

    Returns:
        An answer for each sequence and way of moving frames; cycles of the load by each way.

    Raises:
        SocError: the firmware failed, or did not end in time.
    """
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        said = (error.stdout or b"").decode(errors="replace")
        raise SocError(f"the system did not end in {seconds:g} s: {said}") from None
    if "exit 0" not in done.stdout:
        raise SocError(f"the firmware failed:\n{done.stdout}{done.stderr}")
    answers = [
        Answer(m[1], int(m[2]), int(m[3]), int(m[4], 16), int(m[5]))
        for m in LINE.finditer(done.stdout)
    ]
    return answers, {m[1]: int(m[2]) for m in LOADED.finditer(done.stdout)}
