# SPDX-License-Identifier: Apache-2.0
"""No process outlives its command, even if the command is killed with ``kill -9``.

A simulation or a compiler is started through this file as a script: ``python processes.py PARENT
COMMAND...`` runs the command in a session of its own and kills all of that session (``make``,
``g++``, the simulator) as soon as the process PARENT is gone. A command that ``make`` started
follows ``make``, whose process id the Makefile exports; a worker of a pool follows its parent.

Example: ``make sim`` -> ``sim.py`` -> two workers -> a guard and a simulator each. When ``make`` is
killed, ``sim.py`` interrupts itself and kills its workers; when ``sim.py`` is killed, the workers
end by themselves, and then the guards end the simulators.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

MAKE = "CSB_MAKE_PID"  # environment: the process id of the commands' make
GRACE = 5  # seconds of a command to end after its make
STEP = 0.25  # seconds between two looks, where the system does not tell of the end of a process


def wait_for_end(pid: int) -> None:
    """Return when the process is gone; at once if there is none of this number."""
    try:
        handle = os.pidfd_open(pid)
    except (AttributeError, OSError) as error:
        if isinstance(error, ProcessLookupError):
            return
        with contextlib.suppress(ProcessLookupError):
            while True:
                os.kill(pid, 0)
                time.sleep(STEP)
        return
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    poll.poll()
    os.close(handle)


def guarded(command: Sequence[Any]) -> list[str]:
    """A command line for ``command`` as long as this process lives, and no longer."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *map(str, command)]


def end_group(pid: int) -> None:
    """Kill a guard of :func:`guarded`, and all its children."""
    for end in (lambda: os.killpg(pid, signal.SIGKILL), lambda: os.kill(pid, signal.SIGKILL)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            end()


def _in_thread(pid: int, then: Callable[[], None]) -> None:
    def work() -> None:
        wait_for_end(pid)
        then()

    threading.Thread(target=work, daemon=True).start()


def follow_make() -> None:
    """Interrupt this process, as Ctrl-C does, when its make is gone."""

    def end() -> None:
        if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # of a job in the background it is
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(GRACE)
        os._exit(130)

    text = os.environ.get(MAKE, "")
    if text.isdecimal() and len(text) < 10:
        _in_thread(int(text), end)


def follow_parent() -> None:
    """End this worker when its parent is gone. Ctrl-C is the parent's matter."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _in_thread(os.getppid(), lambda: os._exit(1))


def _begin_worker(initializer: Callable[[], None] | None) -> None:
    follow_parent()
    if initializer is not None:
        initializer()


@contextlib.contextmanager
def pool(
    workers: int, initializer: Callable[[], None] | None = None
) -> Iterator[ProcessPoolExecutor]:
    """Fresh worker processes, without the threads of this one; an interruption ends
    them at once, with all their children.

    Args:
        workers: their number.
        initializer: called in each first.
    """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _begin_worker, (initializer,)) as executor:
        try:
            yield executor
        except (KeyboardInterrupt, SystemExit):
            for worker in list((executor._processes or {}).values()):
                worker.kill()
            executor.shutdown(wait=False, cancel_futures=True)
            raise


def _die_with_parent() -> None:
    """Asks the system to kill this process when the guard is killed; where it can."""
    with contextlib.suppress(OSError, AttributeError, ImportError):
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def main(parent: int, command: Sequence[str]) -> int:
    """The guard: the exit code of the command, or the end of all when the parent ends."""
    with contextlib.suppress(PermissionError):  # the leader of a session already
        os.setsid()
    if os.getppid() != parent:
        return 1
    _in_thread(parent, lambda: os.killpg(0, signal.SIGKILL))
    signal.signal(signal.SIGTERM, lambda *_: os.killpg(0, signal.SIGKILL))
    try:
        with subprocess.Popen(command, preexec_fn=_die_with_parent) as child:
            code = child.wait()
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
