# SPDX-License-Identifier: Apache-2.0
"""The first signals to look at in a recorded run: save files for GTKWave and Surfer.

``waves.gtkw`` and ``waves.sucl`` name the same groups of the same signals. Example:
``gtkwave OUT/waves.gtkw``, ``surfer --command-file OUT/waves.sucl OUT/waves.fst``.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from csb_rnn.machine.config import Config, clog2

TOP = "csb_sim_top.u_top"


class Signal(NamedTuple):
    """A signal below :data:`TOP`, and its bits."""

    name: str
    width: int = 1


def groups(c: Config) -> dict[str, list[Signal]]:
    """Signals by the name of their group, in the order of a frame's way through the machine."""
    beat = c.stream_w

    def stream(prefix: str, width: int) -> list[Signal]:
        flags = [Signal(f"{prefix}_{n}") for n in ("tvalid", "tready", "tlast")]
        return [*flags, Signal(f"{prefix}_tdata", width)]

    found = {
        "clock and run": [Signal(n) for n in ("clk_i", "rst_ni", "running", "at_rest", "irq_o")],
        "image": [*stream("s_axis_image", 32), Signal("loading"), Signal("image_valid")],
        "registers": [
            *(Signal(f"s_axil_{n}") for n in ("awvalid", "awready", "arvalid", "arready")),
            Signal("s_axil_wdata", 32),
            Signal("s_axil_rdata", 32),
        ],
        "input frames": stream("s_axis_frame", beat),
    }
    for g in range(c.groups):
        k, column = divmod(g, c.L)
        here = f"u_engine.gen_engine_row[{k}].gen_group[{column}].u_group"
        found[f"PEGroup {k},{column}"] = [
            *(Signal(f"{here}.{n}") for n in ("issue", "stall_o", "mark_o", "wrap_o")),
            Signal(f"{here}.next_pc", clog2(c.weight_depth)),
        ]
    found["data path"] = [
        Signal(n)
        for n in ("drain_issue", "elem_issue", "stall_mark", "stall_reg", "stall_post", "stall_out")
    ]
    found["output frames"] = stream("m_axis_frame", beat)
    return found


def gtkwave_text(c: Config) -> str:
    """A save file of GTKWave."""
    lines = ["[*] Written by csb-rnn simulate --waves", '[dumpfile] "waves.fst"', "[timestart] 0"]
    for group, signals in groups(c).items():
        lines += ["@800200", f"-{group}"]
        for s in signals:
            lines.append("@28" if s.width == 1 else "@22")
            lines.append(f"{TOP}.{s.name}" + (f"[{s.width - 1}:0]" if s.width > 1 else ""))
        lines += ["@1000200", f"-{group}"]
    return "\n".join([*lines, ""])


def surfer_text(c: Config) -> str:
    """A command file of Surfer."""
    lines = []
    for group, signals in groups(c).items():
        lines.append(f"divider_add {group}")
        lines += [f"variable_add {TOP}.{s.name}" for s in signals]
    return "\n".join([*lines, "zoom_fit", ""])


def write_groups(c: Config, out: Path) -> list[Path]:
    """Both files beside each ``waves.fst`` in a folder of results; returns those waves."""
    waves = sorted(out.rglob("waves.fst"))
    for wave in waves:
        wave.with_suffix(".gtkw").write_text(gtkwave_text(c))
        wave.with_suffix(".sucl").write_text(surfer_text(c))
    return waves
