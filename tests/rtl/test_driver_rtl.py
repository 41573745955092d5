# SPDX-License-Identifier: Apache-2.0
"""The drivers on csb_top, the one in C compiled without a warning: see tb/driver/."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from csb_rnn.machine import config, image
from csb_rnn.machine.folders import ROOT
from csb_rnn.simulation.launcher import run
from tests.jobs import SMALL, write_job

C = ROOT / "drivers/c"
WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-pedantic"]
COVERED = 0.95  # share of the driver's lines that the bench runs


# Icarus is slow: there, X is what we look for.
ICARUS = r"runs/stall=0.5/network=0|recovers_from_cut_streams"


def compiled(folder: Path) -> Path:
    """The driver and two networks' headers as a shared library that counts its lines."""
    flags = [*WARNINGS, "-O0", "-fPIC", "--coverage", "-DCSB_COVERAGE", f"-I{C}", f"-I{folder}"]
    shim = ROOT / "tb/driver/shim.c"
    for file in (C / "csb_rnn.c", shim):
        subprocess.run(
            ["gcc", *flags, "-c", str(file), "-o", str(folder / f"{file.stem}.o")], check=True
        )
    library = folder / "libcsb_rnn.so"
    objects = [str(folder / "csb_rnn.o"), str(folder / "shim.o")]
    subprocess.run(["gcc", "-shared", "--coverage", *objects, "-o", str(library)], check=True)
    return library


def covered(folder: Path) -> float:
    """Share of the driver's lines that ran, as gcov tells it."""
    text = subprocess.run(
        ["gcov", "-n", "-o", str(folder), str(C / "csb_rnn.c")],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    part = text[text.index("csb_rnn.c'") :]
    return float(re.search(r"Lines executed:([\d.]+)%", part).group(1)) / 100


def test_c_driver(sim: str, tmp_path: Path) -> None:
    c = config.load("tiny", **SMALL)
    write_job(tmp_path, c, 6, drivers=True)
    run(
        "csb_top",
        "tb.driver.test_c_driver",
        sim=sim,
        parameters=image.all_parameters(c),
        test_filter=ICARUS if sim == "icarus" else None,
        extra_env={"CSB_JOB": str(tmp_path), "CSB_DRIVER": str(compiled(tmp_path))},
    )
    if sim == "verilator":
        assert covered(tmp_path) >= COVERED


def test_python_driver(sim: str, tmp_path: Path) -> None:
    c = config.load("tiny", **SMALL)
    write_job(tmp_path, c, 6, drivers=True)
    run(
        "csb_top",
        "tb.driver.test_python_driver",
        sim=sim,
        parameters=image.all_parameters(c),
        test_filter="runs|cut_streams" if sim == "icarus" else None,
        extra_env={"CSB_JOB": str(tmp_path)},
    )
