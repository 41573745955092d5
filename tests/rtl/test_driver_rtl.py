# SPDX-License-Identifier: Apache-2.0
"""The drivers on csb_top, the one in C compiled without a warning: see tb/driver/."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

from csb_rnn.driver import recovery
from csb_rnn.experiments.reports import measured
from csb_rnn.machine import config, error_codes, image
from csb_rnn.machine.folders import ROOT
from csb_rnn.simulation.launcher import run
from tests.jobs import SMALL, write_job

C = ROOT / "drivers/c"
WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-pedantic"]
COVERED = 0.95  # share of the driver's lines run by the bench
DECLARED = len(re.findall(r"^\w[\w ]*\*?csb_\w+\(", (C / "csb_rnn.h").read_text(), re.MULTILINE))


# Icarus is slow: there we look for X.
ICARUS = r"runs/stall=0.5/network=0|recovers_from_cut_streams|states_go_on"


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


def covered(folder: Path) -> dict[str, Any]:
    """Lines and functions of the driver, and those that ran, as gcov tells it."""
    text = subprocess.run(
        ["gcov", "-n", "-f", "-o", str(folder), str(C / "csb_rnn.c")],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = re.findall(r"(Function|File) '([^']+)'\nLines executed:([\d.]+)% of (\d+)", text)
    ran = [float(share) for kind, name, share, _ in found if kind == "Function" and "csb_" in name]
    share, lines = next((float(s), int(n)) for _, name, s, n in found if name.endswith("csb_rnn.c"))
    return {"file": "drivers/c/csb_rnn.c", "functions": len(ran), "ran": sum(s > 0 for s in ran),
            "lines": lines, "covered": round(share / 100 * lines)}  # fmt: skip


def test_c_driver(sim: str, tmp_path: Path) -> None:
    c, began = config.load("tiny", **SMALL, parity=1), measured.begin("driver")
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
        row = covered(tmp_path)
        assert row["covered"] >= COVERED * row["lines"]
        assert row["ran"] == row["functions"] >= DECLARED
        if os.environ.get("CSB_RESULTS"):
            codes = len(error_codes.ERRORS)
            measured.write("driver", [row | {"codes": codes, "shown": len(recovery.SHOWN)}], began)


def test_python_driver(sim: str, tmp_path: Path) -> None:
    c = config.load("tiny", **SMALL, parity=1)
    write_job(tmp_path, c, 6, drivers=True)
    run(
        "csb_top",
        "tb.driver.test_python_driver",
        sim=sim,
        parameters=image.all_parameters(c),
        test_filter="runs|cut_streams" if sim == "icarus" else None,
        extra_env={"CSB_JOB": str(tmp_path)},
    )
