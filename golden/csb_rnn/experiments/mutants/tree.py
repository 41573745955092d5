# SPDX-License-Identifier: Apache-2.0
"""A copy of the project in which mutants live, and its tests run in forked processes, those of the
RTL on Icarus.

A process imports pytest and cocotb, or torch, once; each run of tests is a fork of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from csb_rnn.errors import CsbError
from csb_rnn.machine import design
from csb_rnn.machine.folders import ROOT

PARTS = ("golden", "hdl", "tb", "tests", "pyproject.toml")
LINKED = ("checkpoints", "docs", "drivers", "examples", "scripts", ".venv")
LIMIT = 600  # seconds of a run

#: Imported once, before the forks: nothing that a mutant may be in.
RTL = "import cocotb, pytest, numpy\nimport cocotb_test.simulator, csb_rnn.simulation.launcher"
PYTHON = "import numpy, pytest, torch, onnx"
SERVER = """
import json, os, signal, sys
for line in sys.stdin:
    job = json.loads(line)
    child = os.fork()
    if not child:
        log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1), os.dup2(log, 2)
        os._exit(int(pytest.main(job["arguments"])))
    signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGTERM))
    signal.alarm(job["limit"])
    _, status = os.waitpid(child, 0)
    signal.alarm(0)
    code = os.waitstatus_to_exitcode(status)
    print(json.dumps(code), flush=True)
"""


class TreeError(CsbError, RuntimeError):
    """Tests of the copy cannot be run."""


class Tree:
    """The copy of the project, below a folder of its own.

    Args:
        folder: where it is.
        imports: of the process that forks, :data:`RTL` or :data:`PYTHON`.
        limit: seconds of a run; what is longer hangs, and is found.
    """

    def __init__(self, folder: Path, imports: str = RTL, limit: int = LIMIT) -> None:
        self.folder, self.imports, self.limit = folder, imports, limit
        folder.mkdir(parents=True, exist_ok=True)
        for name in PARTS:
            source, target = ROOT / name, folder / name
            if source.is_dir():
                shutil.rmtree(target, ignore_errors=True)
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copyfile(source, target)
        for name in LINKED:
            if not (folder / name).is_symlink():
                (folder / name).symlink_to(ROOT / name)
        self._server: subprocess.Popen[str] | None = None

    def _started(self) -> subprocess.Popen[str]:
        if self._server is None:
            search = os.pathsep.join((str(self.folder / "golden"), str(self.folder)))
            # Files of bytecode are told apart by seconds and sizes: mutants have the same.
            env = {**os.environ, "PYTHONPATH": search, "SIM": "icarus", "CSB_SEED": "1",
                   "PYTHONDONTWRITEBYTECODE": "1",
                   "CSB_BUILD": str(self.folder / "build")}  # fmt: skip
            self._server = subprocess.Popen(
                [sys.executable, "-c", f"{self.imports}\n{SERVER}"], cwd=self.folder, env=env,
                text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
        return self._server

    def close(self) -> None:
        """Ends the process that forks."""
        if self._server is not None and self._server.stdin is not None:
            self._server.stdin.close()
            self._server.wait()
            self._server = None

    @contextlib.contextmanager
    def changed(self, file: Path, text: str) -> Iterator[None]:
        """A file of the design has another text for a while.

        Args:
            file: its place in the project.
            text: all of it.
        """
        place = self.folder / file.relative_to(ROOT)
        before = place.read_text()
        place.write_text(text)
        try:
            yield
        finally:
            place.write_text(before)
            shutil.rmtree(self.folder / "build", ignore_errors=True)

    def compiles(self, module: str) -> bool:
        """Whether Icarus takes the design below a module."""
        files, includes = design.needed_sources(module), design.file_list()[1]
        command = ["iverilog", "-g2012", "-t", "null", "-s", module]
        command += [f"-I{self.folder / i.relative_to(ROOT)}" for i in includes]
        command += [str(self.folder / f.relative_to(ROOT)) for f in files]
        done = subprocess.run(command, capture_output=True, check=False)
        return done.returncode == 0

    def fails(self, tests: Sequence[str]) -> str | None:
        """The first of some tests that fails; None if all pass.

        Raises:
            TreeError: the tests cannot be run.
        """
        log, server = self.folder / "tests.log", self._started()
        arguments = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=no"]
        arguments += [word for test in tests for word in shlex.split(test)]
        assert server.stdin is not None
        assert server.stdout is not None
        job = {"log": str(log), "arguments": arguments, "limit": self.limit}
        server.stdin.write(json.dumps(job) + "\n")
        server.stdin.flush()
        code = int(server.stdout.readline() or "99")
        if code == 0:
            return None
        said = log.read_text(errors="replace")
        failed = [line.split()[1] for line in said.splitlines() if line.startswith("FAILED ")]
        if code == 1 and failed:
            return failed[0]
        if code < 0:
            return f"{tests[0]} (no end)"
        raise TreeError(f"{' '.join(tests)}: exit code {code}\n{said[-2000:]}")
