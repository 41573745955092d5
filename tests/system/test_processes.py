# SPDX-License-Identifier: Apache-2.0
"""Interruptions: ``kill -9`` leaves no process, Ctrl-C ends in one line."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from csb_rnn.machine.folders import ROOT
from csb_rnn.system import processes

PATIENCE = 60_000  # milliseconds, for hangs only

GUARDED = """
import subprocess
from csb_rnn.system import processes
shell = ["sh", "-c", "sleep 1000 & echo $PPID $$ $!; sleep 1000"]
subprocess.Popen(processes.guarded(shell)).wait()
"""
MADE = """
import time
from csb_rnn import commands
def main():
    print("started", flush=True)
    time.sleep(1000)
commands.run(main)
"""
POOL = """
import os, time
from csb_rnn import commands
from csb_rnn.system import processes
def work():
    print(os.getpid(), flush=True)
    time.sleep(1000)
def main():
    with processes.pool(1) as pool:
        pool.submit(work).result()
if __name__ == "__main__":
    commands.run(main)
"""
SIMULATION = """
from csb_rnn import commands
from csb_rnn.simulation import toolchain
from pathlib import Path
class Endless(toolchain.Icarus):
    def build_command(self):
        return [["sh", "-c", "echo $$ > pid; sleep 1000"]]
def main():
    print("started", flush=True)
    toolchain.simulate({"icarus": Endless}, "icarus", Path("log"), {}, toplevel="top", module="m",
                       verilog_sources=[], sim_build="build", work_dir=".")
commands.run(main)
"""


def gone(pid: int) -> bool:
    """Whether a process ends, or has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    try:
        return bool(poll.poll(PATIENCE))
    finally:
        os.close(handle)


@contextlib.contextmanager
def started(folder: Path, text: str, **env: str) -> Iterator[subprocess.Popen]:
    """A Python program; what it started ends with the test."""
    (folder / "program.py").write_text(text)
    path = os.pathsep.join([str(ROOT / "golden"), str(ROOT)])
    with subprocess.Popen(
        [sys.executable, folder / "program.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("victim", ["command", "guard"])
def test_kill_leaves_nothing(tmp_path, victim):
    """The command, or its guard, is killed: the shell and both of its children end too."""
    with started(tmp_path, GUARDED) as process:
        guard, shell, inner = map(int, process.stdout.readline().split())
        os.kill(process.pid if victim == "command" else guard, signal.SIGKILL)
        assert gone(guard)
        assert gone(shell)
        assert victim == "guard" or gone(inner)
        with contextlib.suppress(ProcessLookupError):
            os.kill(inner, signal.SIGKILL)


def test_exit_code_of_a_guarded_command():
    for command, code in (("exit 3", 3), ("kill -9 $$", 137), ("true", 0)):
        done = subprocess.run(processes.guarded(["sh", "-c", command]), check=False)
        assert done.returncode == code
    done = subprocess.run(
        processes.guarded(["/no/such/tool"]), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (127, "/no/such/tool: No such file or directory\n")


def test_command_follows_its_make(tmp_path):
    make = subprocess.Popen(["sleep", "1000"])
    with started(tmp_path, MADE, CSB_MAKE_PID=str(make.pid)) as process:
        assert process.stdout.readline() == "started\n"
        make.kill()
        make.wait()
        assert gone(process.pid)
        assert (process.wait(), process.stderr.read()) == (130, "interrupted\n")


def test_ctrl_c_of_a_pool(tmp_path):
    """Both get the signal, as from a terminal; one line, and the worker is gone."""
    with started(tmp_path, POOL) as process:
        worker = int(process.stdout.readline())
        os.killpg(process.pid, signal.SIGINT)
        assert gone(process.pid)
        assert gone(worker)
        assert (process.wait(), process.stderr.read()) == (130, "interrupted\n")


def test_worker_ends_with_its_command(tmp_path):
    with started(tmp_path, POOL) as process:
        worker = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        assert gone(worker)


def test_ctrl_c_of_a_simulation(tmp_path):
    with started(tmp_path, SIMULATION) as process:
        assert process.stdout.readline() == "started\n"
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            select.select([], [], [], 0.05)
        os.killpg(process.pid, signal.SIGINT)
        assert gone(int((tmp_path / "pid").read_text()))
        assert gone(process.pid)
        assert (process.wait(), process.stderr.read()) == (130, "interrupted\n")
