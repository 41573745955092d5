# SPDX-License-Identifier: Apache-2.0
"""The firmware: frames and head as C, compiled with the driver for RV32IM, as a memory file."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from csb_rnn.driver import Network
from csb_rnn.errors import UsageError
from csb_rnn.kit.register_files import header_text
from csb_rnn.machine.folders import ROOT
from csb_rnn.machine.numerics import Ints

GCC = "riscv64-unknown-elf-gcc"
FLAGS = (
    *("-march=rv32im", "-mabi=ilp32", "-O2", "-std=c99", "-ffreestanding", "-nostdlib"),
    *("-Wall", "-Wextra", "-Wconversion", "-Werror", "-ffunction-sections", "-Wl,--gc-sections"),
)
HEAD_BITS = 16  # of the weights of the linear layer


@dataclasses.dataclass(frozen=True)
class Head:
    """A linear layer in integers: ``weight`` int16 ``[classes, H]``, ``bias`` int64 ``[classes]``.

    Scores are ``weight @ y + bias`` for outputs y as the machine gives them.
    """

    weight: Ints
    bias: Ints

    @classmethod
    def of(cls, weight: NDArray, bias: NDArray, out_frac: int) -> Head:
        """From floats, scaled by a power of two until the largest weight fills its bits."""
        frac = HEAD_BITS - 1 - int(np.ceil(np.log2(np.abs(weight).max() + 1e-30)))
        words = np.clip(np.round(np.ldexp(weight, frac)), -(1 << 15), (1 << 15) - 1)
        sums = np.round(np.ldexp(bias.astype(np.float64), frac + out_frac))
        return cls(words.astype(np.int64), sums.astype(np.int64))

    def best(self, y: Ints) -> int:
        """The class with the largest score."""
        return int((self.weight @ y + self.bias).argmax())


def _array(kind: str, name: str, values: Iterable[int], suffix: str = "") -> str:
    words = [f"{v}{suffix}" for v in values]
    lines = [", ".join(words[i : i + 12]) for i in range(0, len(words), 12)]
    return f"static const {kind} {name} = {{\n" + ",\n".join(lines) + "};\n"


def sequences_header(frames: Sequence[Ints], head: Head, n: Network) -> str:
    """``sequences.h``: frames as the machine takes them, and the head.

    Args:
        frames: integer inputs ``[T, inputs]`` of each sequence.
        head: of the classes.
        n: the network.
    """
    pad = n.in_values - n.inputs
    rows = np.concatenate([np.pad(x, ((0, 0), (0, pad))) for x in frames])
    classes, outputs = head.weight.shape
    longest = max(len(x) for x in frames)
    weights = ",\n".join("{" + ", ".join(map(str, row)) + "}" for row in head.weight)
    return "\n".join(
        [
            "/* Generated: do not edit. */",
            "#include <stdint.h>",
            f"#define SEQUENCES {len(frames)}u",
            f"#define MOST_FRAMES {longest}u",
            f"#define IN_VALUES {n.in_values}u",
            f"#define OUT_VALUES {n.out_values}u",
            f"#define CLASSES {classes}u",
            _array("uint32_t", "lengths[]", (len(x) for x in frames), "u"),
            _array("int16_t", "sequences[] __attribute__((aligned(64)))", rows.ravel().tolist()),
            f"static const int16_t head_weight[{classes}][{outputs}] = {{\n{weights}}};",
            _array("int64_t", "head_bias[]", head.bias.tolist(), "ll"),
        ]
    )


def _rows(data: bytes, width: int) -> str:
    """Memory rows of ``width`` bytes for $readmemh, little end first."""
    data += bytes(-len(data) % width)
    rows = (data[i : i + width][::-1].hex() for i in range(0, len(data), width))
    return "\n".join(rows) + "\n"


def compile_firmware(folder: Path, network: Path, sequences: str, beat_bytes: int) -> Path:
    """Compile the firmware.

    Args:
        folder: where it is made.
        network: the folder of ``network.h``.
        sequences: text of ``sequences.h``.
        beat_bytes: of a row of the system's RAM.

    Returns:
        ``firmware.memh``.

    Raises:
        UsageError: the compiler is not there.
    """
    if shutil.which(GCC) is None:
        raise UsageError(f"{GCC} is not there: on Debian, apt-get install gcc-riscv64-unknown-elf")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sequences.h").write_text(sequences)
    (folder / "csb_regs.h").write_text(header_text())
    source, driver = ROOT / "examples/soc/firmware", ROOT / "drivers/c"
    includes = [f"-I{f}" for f in (folder, source, driver, network)]
    files = [source / "start.S", source / "main.c", source / "soc.c", driver / "csb_rnn.c"]
    elf = folder / "firmware.elf"
    subprocess.run(
        [GCC, *FLAGS, *includes, f"-T{source / 'soc.ld'}", *map(str, files), "-lgcc", "-o", elf],
        check=True,
    )
    binary = folder / "firmware.bin"
    subprocess.run(
        [GCC.replace("gcc", "objcopy"), "-O", "binary", elf, binary],
        check=True,
    )
    memory = folder / "firmware.memh"
    memory.write_text(_rows(binary.read_bytes(), beat_bytes))
    return memory
