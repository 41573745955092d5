# SPDX-License-Identifier: Apache-2.0
"""A child process for all runs and analyses of a file's own code.

Shape inference, the checker and ONNX Runtime are C++ on a stranger's file: a broken file
may crash them, and a few nodes may ask for any memory or time. They run in a child process that
has 4 GB and 60 seconds for a request. If it dies or is late the caller gets :class:`WorkerError`
with one line, and the next request starts a new child.

One child serves many requests, as starting ONNX Runtime takes longer than most of them. A request
is a pickled tuple ``(name of a function of this module, arguments)``; both ends are ours.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import selectors
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn.errors import CsbError

SECONDS, BYTES = 60.0, 4 << 30


class WorkerError(CsbError):
    """A failed request; the message is one line, without the name of a node."""


class WorkerLost(WorkerError):  # noqa: N818 - the request failed, and the child with it
    """The child is dead, or must be."""


# --- the child ----------------------------------------------------------------------------------


def check(data: bytes, path: str | None) -> None:
    """ONNX's own checker; by path if the tensors are in files beside it."""
    import onnx

    onnx.checker.check_model(path if path is not None else data)


def infer(data: bytes) -> dict[str, tuple[int, list[int | str | None] | None]]:
    """Type and shape of every tensor of the graph as ONNX's shape inference finds them."""
    import onnx

    proto = onnx.shape_inference.infer_shapes(
        onnx.load_from_string(data), check_type=False, strict_mode=False, data_prop=True
    )
    found: dict[str, tuple[int, list[int | str | None] | None]] = {}
    g = proto.graph
    for v in (*g.value_info, *g.input, *g.output):
        if v.type.WhichOneof("value") != "tensor_type":
            continue
        t = v.type.tensor_type
        shape: list[int | str | None] | None = None
        if t.HasField("shape"):
            shape = [
                d.dim_value if d.HasField("dim_value") else (d.dim_param or None)
                for d in t.shape.dim
            ]
        found[v.name] = (t.elem_type, shape)
    return found


def _session(data: bytes, path: str | None, optimise: bool) -> Any:
    import onnxruntime

    o = onnxruntime.SessionOptions()
    o.intra_op_num_threads = o.inter_op_num_threads = 1
    o.log_severity_level = 4
    levels = onnxruntime.GraphOptimizationLevel
    o.graph_optimization_level = levels.ORT_ENABLE_BASIC if optimise else levels.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(
        path if path is not None else data, o, providers=["CPUExecutionProvider"]
    )


_SESSIONS: dict[bytes, Any] = {}


def run(
    data: bytes,
    feeds: Mapping[str, np.ndarray],
    outputs: Sequence[str] | None = None,
    optimise: bool = False,
) -> list[np.ndarray]:
    """A model in ONNX Runtime; the last large ones stay loaded for the next inputs."""
    session = _SESSIONS.get(data)
    if session is None:
        session = _session(data, None, optimise)
        if len(data) > 1 << 16:
            _SESSIONS.clear()
            _SESSIONS[data] = session
    return session.run(None if outputs is None else list(outputs), dict(feeds))


def crash(seconds: float) -> None:
    """For tests: sleep, then die without a word."""
    time.sleep(seconds)
    os._exit(3)


def _serve() -> None:
    import resource
    import warnings

    warnings.filterwarnings("ignore")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    calls, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # prints of a library must not damage the answers
    while head := calls.read(8):
        name, args = pickle.loads(calls.read(struct.unpack("<Q", head)[0]))
        try:
            answer = (True, globals()[name](*args))
        except MemoryError:
            answer = (False, f"needs more than {BYTES >> 30} GB")
        except Exception as error:
            answer = (False, _reason(error))
        text = pickle.dumps(answer, protocol=5)
        answers.write(struct.pack("<Q", len(text)) + text)
        answers.flush()


def _reason(error: Exception) -> str:
    """The first line with a message, without the library's tags."""
    text = " ".join(str(error).split()) or type(error).__name__
    if "bad_alloc" in text or "Failed to allocate memory" in text:
        return f"needs more than {BYTES >> 30} GB"
    if text.startswith("[ONNXRuntimeError]"):
        text = text.split(" : ", 3)[-1]
    return text[:300]


# --- the parent ---------------------------------------------------------------------------------


class _Child:
    """The process, and one request at a time."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=env,
        )

    def _read(self, size: int, end: float) -> bytes:
        pipe = self.process.stdout
        assert pipe is not None
        got = bytearray()
        with selectors.DefaultSelector() as ready:
            ready.register(pipe, selectors.EVENT_READ)
            while len(got) < size:
                if not ready.select(max(0.0, end - time.monotonic())):
                    raise WorkerLost("takes longer than allowed")
                part = os.read(pipe.fileno(), min(size - len(got), 1 << 20))
                if not part:
                    raise WorkerLost("ends the process that runs it")
                got += part
        return bytes(got)

    def ask(self, name: str, args: tuple[Any, ...], seconds: float) -> Any:
        end = time.monotonic() + seconds
        text = pickle.dumps((name, args), protocol=5)
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(struct.pack("<Q", len(text)) + text)
            self.process.stdin.flush()
            good, answer = pickle.loads(self._read(struct.unpack("<Q", self._read(8, end))[0], end))
        except BrokenPipeError:
            raise WorkerLost("ends the process that runs it") from None
        if not good:
            raise WorkerError(answer)
        return answer

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self.process.kill()
            self.process.wait()


_child: _Child | None = None


def stop() -> None:
    """End the child, if this process started one."""
    global _child
    if _child is not None and _child.owner == os.getpid():
        _child.stop()
    _child = None


atexit.register(stop)


def ask(name: str, *args: Any, seconds: float = SECONDS) -> Any:
    """Run a function of this module in the child.

    Raises:
        WorkerError: the function failed, the process died, or the time is over.
    """
    global _child
    if _child is not None and _child.owner != os.getpid():
        _child = None  # of a forked parent
    if _child is None:
        _child = _Child()
    try:
        return _child.ask(name, args, seconds)
    except WorkerLost:
        stop()
        raise


if __name__ == "__main__":
    _serve()
