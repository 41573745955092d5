# SPDX-License-Identifier: Apache-2.0
"""The same accesses, counted by counters bound into the simulated RTL.

A counter counts from reset on: image, clearing and start too. So the machine runs twice, for
``FRAMES`` and for twice as many frames; the difference of the two runs is the part of ``FRAMES``
frames in steady state.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np

from csb_rnn.execution import timing
from csb_rnn.execution.units import Record
from csb_rnn.experiments.energy.accesses import accesses, operations
from csb_rnn.program.program import Program
from csb_rnn.simulation.simulate import SIM_TOP, Probes, simulate

PROBES = Probes([SIM_TOP.with_name(f"{name}.sv") for name in ("csb_accesses", "csb_products")])
FRAMES = 40  # beyond the first frames, in which units wait for each other in another way

#: Purpose of a counter by its path in the design, the first match.
PLACES = (
    (r"u_row\.u_products\.", "products"),
    (r"u_lane\.u_accesses$", "lane"),
    (r"u_neurons\.", "neurons"),
    (r"u_group\.u_seq\.", "PEGroup words"),
    (r"u_bank\.u_row\.", "accumulators of PE rows"),
    (r"u_bank\.gen_bank\[\d+\]\.gen_row\[\d+\]\.u_drain\.", "accumulators for drains"),
    (r"u_bias\.", "biases"),
    (r"u_state\.", "states"),
    (r"u_m\.", "narrow registers"),
    (r"u_x\.", "wide registers"),
    (r"u_drain\.u_seq\.", "drain program"),
    (r"u_element\.u_seq\.", "element program"),
    (r"u_table\.", "output table"),
    (r"u_copy\.", "output buffer"),
    (r"u_counters\.", "counters"),
)


def purpose(path: str) -> str:
    """The purpose of a counter.

    Raises:
        LookupError: no purpose is known for its place.
    """
    for pattern, name in PLACES:
        if re.search(pattern, path):
            return name
    raise LookupError(f"a counter at {path}, which no purpose is known for")


def read_counters(file: Path) -> Counter[tuple[str, int]]:
    """Sums of both counts of all counters of a run, by purpose; 0: reads, 1: writes."""
    sums: Counter[tuple[str, int]] = Counter()
    for line in file.read_text().splitlines():
        path, _width, _depth, first, second = line.rsplit(" ", 4)
        for which, count in enumerate((first, second)):
            sums[purpose(path), which] += int(count)
    return sums


def run(p: Program, frames: int, folder: Path, seed: int) -> Counter[tuple[str, int]]:
    """Counters of a run of random frames."""
    x = np.random.default_rng(seed).integers(-(1 << 12), 1 << 12, (frames, p.inputs))
    file = folder / "accesses.txt"
    file.unlink(missing_ok=True)
    simulate(p, x, folder, probes=PROBES, read_state=False)
    return read_counters(file)


def differences(p: Program, folder: Path, seed: int = 1) -> tuple[list[str], int]:
    """Where the RTL's counts of ``FRAMES`` frames are not those of the program.

    Returns:
        a line for each different number; how many numbers were compared.
    """
    frames = FRAMES * p.streams
    few, many = (run(p, n * frames, folder, seed) for n in (1, 2))
    record = Record()
    timing.predict(p, 2 * frames, record)
    issues = np.array([at for _, _, at in record.elem])
    half = frames * (len(p.elem) - p.elem_loop)
    shown = np.diff(issues[half - 1 : 2 * half]).reshape(frames, -1).sum(axis=0).tolist()
    whole = accesses(p, sum(shown), shown=shown)  # of one frame, but for those of every cycle
    o = operations(p)
    expected: dict[tuple[str, int], int] = {
        ("products", 0): o.products * frames,
        ("products", 1): o.kept * frames,
        ("lane", 0): o.drained * frames,
        ("lane", 1): o.elements * frames,
    }
    for name, m in whole.items():
        always = name in ("states", "narrow registers", "wide registers", "counters")
        expected[name, 0] = m.reads if always else m.reads * frames
        expected[name, 1] = m.writes if name == "counters" else m.writes * frames
    found = []
    for key, want in expected.items():
        got = many[key] - few[key]
        if got != want:
            kind = ("first", "second")[key[1]]
            found.append(f"{key[0]}, {kind} count: {got} in the RTL, {want} in the program")
    unknown = {k for k in many if k not in expected}
    found += [f"{k[0]}: counted in the RTL alone" for k in sorted(unknown)]
    return found, len(expected)
