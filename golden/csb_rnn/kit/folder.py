# SPDX-License-Identifier: Apache-2.0
"""Writes the kit: all files of a configuration into one folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from csb_rnn.errors import UsageError
from csb_rnn.kit import (
    block_design,
    constraints,
    core,
    readme,
    register_files,
    smoke,
    synthesis,
    wrapper,
)
from csb_rnn.kit.names import top_name
from csb_rnn.kit.smoke import Example
from csb_rnn.machine import design
from csb_rnn.machine.config import Config
from csb_rnn.machine.folders import HDL, ROOT
from csb_rnn.machine.memories import memory_bits
from csb_rnn.system import staging

DRIVERS = ROOT / "drivers"
MARK = "csb_regs.rdl"  # a folder with it is a kit, and may be written anew


def sources() -> tuple[list[Path], list[Path]]:
    """The design's SystemVerilog files in compile order, and its headers."""
    needed = design.needed_files(design.TOP)
    headers = [f for f in needed if f.suffix == ".svh"]
    return [f for f in needed if f.suffix == ".sv"], headers


def _texts(c: Config, mega_hertz: float, example: Example | None) -> dict[str, str]:
    """The generated files by name."""
    top = top_name(c)
    modules, headers = (["hdl/" + str(f.relative_to(HDL)) for f in files] for files in sources())
    folders = sorted({h.rpartition("/")[0] for h in headers})
    listed = [f"+incdir+{folder}" for folder in folders] + modules + [f"{top}.v"]
    data = {} if example is None else example.files()
    frames = 0 if example is None else example.frames
    return data | {
        "README.md": readme.readme_text(c, memory_bits(c), frames),
        f"{top}.v": wrapper.wrapper_text(c, mega_hertz),
        f"{top}_instance.v": wrapper.template_text(c),
        "files.f": "\n".join([*listed, ""]),
        f"{top}.core": core.core_text(c, modules, headers, sorted(data)),
        f"{top}.ys": synthesis.yosys_text(c),
        f"{top}_synth.sh": synthesis.shell_text(c),
        f"{top}.sdc": constraints.sdc_text(mega_hertz),
        f"{top}.xdc": constraints.xdc_text(mega_hertz),
        f"{top}.lpf": constraints.lpf_text(mega_hertz),
        f"{top}_block_design.tcl": block_design.block_design_text(c),
        f"smoke/{top}_smoke.sv": smoke.smoke_text(c, example),
        "driver/csb_regs.h": register_files.header_text(),
        "driver/csb_config.h": register_files.config_header_text(c),
        MARK: register_files.systemrdl_text(c),
        "csb_regs.svd": register_files.svd_text(c),
        "csb_regs.md": register_files.markdown_text(c),
    }


def check_out(out: Path) -> None:
    """Refuse a place where no kit may be written, before anything is made.

    Raises:
        UsageError: it is a file, it cannot be written, or it holds other files than those of a kit.
    """
    staging.check_out(out)
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).is_file():
        raise UsageError(f"{out}: holds other files; name a new folder or an older kit")


def _files(out: Path) -> set[str]:
    """The files at the top of an older kit, which go if a new one has none of their names."""
    return {file.name for file in out.iterdir() if file.is_file()}


def write_kit(
    c: Config, out: Path, mega_hertz: float = 100.0, example: Example | None = None
) -> list[str]:
    """Write the kit of a configuration; an older kit there is replaced as a whole.

    Args:
        c: the configuration.
        out: the folder.
        mega_hertz: the clock of the constraints.
        example: frames that the test bench compares; without them it reads registers only.

    Returns:
        Names of the files, relative to ``out``.

    Raises:
        UsageError: ``out`` may not be written.
        DesignError: the design does not elaborate in this configuration.
    """
    check_out(out)
    texts = _texts(c, mega_hertz, example)
    with staging.staged(out, MARK, _files) as made:
        for name, text in texts.items():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_text(text)
        for files in sources():
            for file in files:
                copy = made / "hdl" / file.relative_to(HDL)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)
        shutil.copyfile(design.WAIVERS, made / design.WAIVERS.name)
        for name in ("csb_rnn.h", "csb_rnn.c"):
            shutil.copyfile(DRIVERS / "c" / name, made / "driver" / name)
    return sorted(str(f.relative_to(out)) for f in out.rglob("*") if f.is_file())
