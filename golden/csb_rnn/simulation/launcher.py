# SPDX-License-Identifier: Apache-2.0
"""The one helper to start every simulation, on top of cocotb-test.

:func:`run` compiles a top level with one set of parameters (:mod:`csb_rnn.simulation.builds`) and
runs cocotb tests on it. A run has a folder of its own, ``build/sim_run/<simulator>/<test>``, with
its log, results and waves; of two processes with the same test, one waits.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack
from xml.etree import ElementTree

from csb_rnn.machine.folders import BUILD, PACKAGE, ROOT
from csb_rnn.simulation import compiled_clock
from csb_rnn.simulation.builds import Design, built
from csb_rnn.simulation.repeat import pytest_test, repeat_command, seed_from_env
from csb_rnn.simulation.toolchain import (
    LIMIT,
    SimulationError,
    excerpt,
    relative,
    run_classes,
    simulate,
)
from csb_rnn.system.locks import locked

recorded: list[Path] = []  # wave files of this process's simulations


def _waves_of(work: Path) -> Path | None:
    """The wave file of a simulation's folder, the newest."""
    files = sorted(work.glob("*.fst"), key=lambda f: f.stat().st_mtime)
    return files[-1] if files else None


def run(
    toplevel: str,
    module: str,
    *,
    sim: str,
    waves: bool = False,
    seed: int | None = None,
    extra_env: Mapping[str, str] | None = None,
    plus_args: Sequence[str] = (),
    test_filter: str | None = None,
    work_dir: Path | None = None,
    limit: float | None = LIMIT,
    **compiled: Unpack[Design],
) -> Path:
    """Runs the cocotb tests of ``module`` on ``toplevel`` and returns the simulation's folder.

    One at a time in a process, as it changes the environment; parallel simulations are processes.

    Args:
        toplevel, sim, waves, compiled: as :func:`csb_rnn.simulation.builds.build`.
        module: importable cocotb test module, for example ``tb.util.test_csb_skid``.
        seed: of Python's ``random`` in the bench (``cocotb.RANDOM_SEED`` for numpy) and of
            Verilator's initial values; default :func:`seed_from_env`.
        extra_env: environment of the bench.
        plus_args: arguments of the simulation, such as ``+image=FILE``.
        test_filter: regular expression for tests of ``module``.
        work_dir: where log, results and waves go; default: named after the pytest test.
        limit: seconds until the simulation is ended; None: it waits for commands.

    Raises:
        SimulationError: it does not compile, a test failed, none ran, or the simulation died.
    """
    __tracebackhide__ = True  # in a pytest report the message says all
    seed = seed_from_env() if seed is None else seed
    waves = waves or os.environ.get("WAVES") == "1"
    name = re.sub(r"[^\w.=-]+", "_", f"{pytest_test() or module}.{test_filter or ''}")
    work = work_dir or BUILD / "sim_run" / sim / name.strip("._")
    work.mkdir(parents=True, exist_ok=True)
    results = work / "results.xml"

    plus_args = list(plus_args)
    if sim == "verilator":
        plus_args += ["+verilator+rand+reset+2", f"+verilator+seed+{seed}"]
    if waves:
        plus_args.append({"verilator": "--trace", "icarus": "-fst"}[sim])
    error = ""
    with contextlib.ExitStack() as held:
        folder = held.enter_context(built(toplevel, sim=sim, waves=waves, **compiled))
        held.enter_context(locked(work / "lock"))  # the same test in two processes
        results.unlink(missing_ok=True)
        started = time.monotonic()
        try:
            simulate(
                run_classes(limit),
                sim,
                work / "sim.log",
                {
                    **(extra_env or {}),
                    "COCOTB_RESULTS_FILE": str(results),
                    "COCOTB_ANSI_OUTPUT": "0",
                },
                toplevel=toplevel,
                module=module,
                plus_args=plus_args,
                python_search=[str(PACKAGE.parent), str(ROOT)],
                sim_build=str(folder),
                work_dir=str(work),
                waves=False,  # the build's matter; here only an argument says where they go
                seed=seed,
                testcase=test_filter,
            )
        except SystemExit as e:
            error = str(e)
        passed, failed = _outcome(results)
        if waves and (file := _waves_of(work)):
            recorded.append(file)
    if not (error or failed or passed):
        error = "no test ran"
    if error or failed:
        raise SimulationError(
            f"{excerpt(work / 'sim.log')}\n"
            f"failed: {', '.join(failed) or error}\n"
            + _where(toplevel, compiled, work, started, sim, seed)
        )
    return work


def run_job(
    toplevel: str,
    job: dict[str, Any],
    *,
    sim: str,
    work_dir: Path,
    seed: int | None = None,
    plus_args: Sequence[str] = (),
    limit: float = LIMIT,
    **compiled: Unpack[Design],
) -> dict[str, Any]:
    """Runs a job on csb_sim_top at the speed of compiled code and returns its report.

    Args:
        job: see :func:`csb_rnn.simulation.job.run`.
        toplevel, sim, work_dir, seed, plus_args, limit, compiled: as of :func:`run`.

    Raises:
        SimulationError: it does not compile, or the simulation died.
    """
    seed = seed_from_env() if seed is None else seed
    random = ["+verilator+rand+reset+2", f"+verilator+seed+{seed}"]
    work_dir.mkdir(parents=True, exist_ok=True)
    with built(toplevel, sim=sim, **compiled) as folder, locked(work_dir / "lock"):
        started = time.monotonic()
        try:
            return compiled_clock.run_job(folder, work_dir, job, [*plus_args, *random], limit)
        except SimulationError as error:
            end = _where(toplevel, compiled, work_dir, started, sim, seed)
            raise SimulationError(f"{error}\n{end}") from None


def _where(top: str, compiled: Design, work: Path, started: float, sim: str, seed: int) -> str:
    """The last lines of an error: the design, its log, the command to repeat it."""
    return (
        f"top:    {top} {dict(compiled.get('parameters') or {})}\n"
        f"log:    {relative(work / 'sim.log')} (after {time.monotonic() - started:.1f} s)\n"
        f"repeat: {repeat_command(sim, seed)}"
    )


def _outcome(results: Path) -> tuple[list[str], list[str]]:
    """Names of the cocotb tests with and without success, skipped ones left out."""
    passed: list[str] = []
    failed: list[str] = []
    if results.exists() and results.stat().st_size:
        for case in ElementTree.parse(results).iter("testcase"):
            kinds = {child.tag for child in case}
            if "skipped" not in kinds:
                (failed if kinds & {"failure", "error"} else passed).append(case.get("name", ""))
    return passed, failed
