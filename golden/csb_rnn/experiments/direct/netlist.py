# SPDX-License-Identifier: Apache-2.0
"""csb_top after synthesis for the ECP5, cell by cell, runs networks with equal bits.

Block RAMs and multipliers are models (:mod:`csb_rnn.experiments.board.cells`); LUTs and flip-flops
are Yosys' own. Example: the netlist of ``tiny`` loads the image of a GRU of 13 units and answers
its frames under stalls, with a stop, a second run and a second network between.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np

from csb_rnn.compiler import compile_network
from csb_rnn.experiments.board import cells
from csb_rnn.experiments.board.netlist import share
from csb_rnn.experiments.direct import jobs, library
from csb_rnn.experiments.direct.host import STOP, Host
from csb_rnn.experiments.silicon.synthesis import run_yosys
from csb_rnn.machine import config, design, image
from csb_rnn.machine.folders import BUILD
from csb_rnn.verify.random_layers import LayerCase

#: Netlists: of a configuration, without parity bits (0) or with them.
NETLISTS = (("tiny", 0), ("tiny", 1), ("small", 0))
#: Depths that fit a block RAM: the rest of a configuration is as it is.
DEPTHS = {**jobs.SHALLOW, "weight_depth": 512, "drain_depth": 512, "elem_depth": 512,
          "out_depth": 256}  # fmt: skip
CASES = (
    LayerCase(seed=5, cell="gru", inputs=7, hidden=13),
    LayerCase(seed=6, cell="lstm", inputs=12, hidden=9, layers=2, extreme=True),
)
FRAMES = 12
STALLS = ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5))  # source, sink


def synthesise(name: str, parity: int) -> Path:
    """The netlist of a configuration, in Verilog, with its cells behind it.

    Raises:
        RuntimeError: Yosys failed.
    """
    c = config.load(name, **DEPTHS, parity=parity)
    prefix = BUILD / f"netlist/{name}_{parity}"
    prefix.parent.mkdir(parents=True, exist_ok=True)
    includes = " ".join(f"-I {d}" for d in design.file_list()[1])
    files = " ".join(map(str, design.needed_sources(design.TOP)))
    generics = " ".join(f"-G {p}={v}" for p, v in image.all_parameters(c).items())
    Path(f"{prefix}.ys").write_text(
        f"read_slang --threads 1 --keep-hierarchy --top {design.TOP} "
        f"{generics} {includes} {files}\n"
        f"synth_ecp5 -top {design.TOP}\n"
        f"write_verilog -noattr -noexpr {prefix}_cells.v\n"
    )
    run_yosys(prefix)
    whole = prefix.with_suffix(".sv")
    parts = [cells.logic(share()), cells.block_ram(), cells.multiplier()]
    whole.write_text("\n".join([*parts, Path(f"{prefix}_cells.v").read_text()]))
    return whole


def counted(netlist: Path) -> Counter[str]:
    """How many of each cell are in a netlist of :func:`synthesise`."""
    text = netlist.with_name(f"{netlist.stem}_cells.v").read_text()
    return Counter(re.findall(r"^  (LUT4|CCU2C|TRELLIS_FF|DP16KD|MULT18X18D)\b", text, re.M))


def smoke(name: str, netlist: Path) -> tuple[int, int]:
    """Runs both networks on a netlist; returns frames and cycles.

    Raises:
        MismatchError: an output differs, or a frame is not answered.
        DirectError: it does not compile, or breaks a rule of a stream.
    """
    c = config.load(name, **DEPTHS)
    machine = library.build({}, files=[netlist])
    rng = np.random.default_rng(1)
    with library.Direct(machine, 1) as m:
        host = Host(m)
        for case in CASES:
            q, _ = case.make(c)
            program = compile_network(q, c)
            job = jobs.job(case, 1, program, q, c, len(STALLS), FRAMES, rng)
            host.load(job)
            for sequence, (source, sink) in enumerate(STALLS):
                m.stall(source, source, sink, sink)
                host.start()
                host.send(sequence)
                host.finish(sequence, FRAMES)
                host.command(STOP)
                host.at_rest(reset_source=False)
        return host.answered, m.cycle
