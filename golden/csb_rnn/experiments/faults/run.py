# SPDX-License-Identifier: Apache-2.0
"""Flips: each is a bit, a network and a cycle of a run, drawn from its number.

A flip is judged over the rest of its run and a second run without a load between, so one that
sleeps in a program is found. Example: bit 7 of word 12 of a PEGroup's weights in cycle 240 of six
frames of a GRU: frames 3 to 6 differ and no code is told: silent.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from csb_rnn.compiler import compile_network
from csb_rnn.experiments.direct import jobs, library
from csb_rnn.experiments.direct.host import STOP, Host, MismatchError
from csb_rnn.experiments.direct.jobs import Job
from csb_rnn.experiments.direct.library import Direct, DirectError
from csb_rnn.experiments.faults.places import Variable, variables
from csb_rnn.machine import config, image
from csb_rnn.verify.random_layers import LayerCase

CASES = (
    LayerCase(seed=5, cell="gru", inputs=7, hidden=13),
    LayerCase(seed=6, cell="lstm", inputs=12, hidden=9, layers=2),
)
FRAMES = 6
LIMIT = 2000  # cycles of the watchdog; a frame takes about 100
PATIENCE = 3 * LIMIT
ENDS = ("masked", "detected", "silent", "hung")


class Flip(NamedTuple):
    """A flip and its end: one of :data:`ENDS`, and the code or the place of a difference."""

    parity: int
    number: int
    place: str
    path: str
    bit: int
    cycle: int
    end: str
    by: str


class Trial:
    """A configuration, its library, its networks, its variables."""

    def __init__(self, name: str, parity: int) -> None:
        c = config.load(name, **jobs.SHALLOW, parity=parity)
        self.parity = parity
        parameters = image.all_parameters(c)
        # Assertions would end the run; a chip has none.
        self.machine: Path = library.build(parameters, public=True, defines=["SYNTHESIS"])
        rng = np.random.default_rng(1)
        self.jobs: list[Job] = []
        for case in CASES:
            q, _ = case.make(c)
            program = compile_network(q, c)
            self.jobs.append(jobs.job(case, 1, program, q, c, 2, FRAMES, rng))
        with Direct(self.machine, 0) as m:
            self.variables = variables(m, parameters)
        self.cycles = [self._length(job) for job in self.jobs]
        self.by_place: dict[str, list[Variable]] = {}
        for v in self.variables:
            self.by_place.setdefault(v.place, []).append(v)

    def _length(self, job: Job) -> int:
        with Direct(self.machine, 0) as m:
            host = _begun(m, job)
            before = m.cycle
            host.finish(0, FRAMES)
            return m.cycle - before

    def word(self, m: Direct, rng: np.random.Generator, place: str) -> tuple[Variable, int]:
        """A drawn word of a place: of a memory one that is not zero, if it has such."""
        some = self.by_place[place]
        weights = np.array([v.bits * v.words for v in some], float)
        v = some[int(rng.choice(len(some), p=weights / weights.sum()))]
        if v.words == 1:
            return v, 0
        raw = np.frombuffer(m.bytes(v.offset, v.size * v.words), np.uint8)
        used = np.flatnonzero(raw.reshape(v.words, v.size).any(axis=1))
        return v, int(rng.choice(used)) if len(used) else int(rng.integers(v.words))

    def one(self, number: int) -> Flip:
        """Flips the bit of a number: places take turns."""
        rng = np.random.default_rng(number)
        places = list(self.by_place)
        place, which = places[number % len(places)], int(rng.integers(len(self.jobs)))
        cycle = int(rng.integers(self.cycles[which]))
        with Direct(self.machine, 0) as m:
            host = _begun(m, self.jobs[which])
            m.run(cycle)
            v, word = self.word(m, rng, place)
            bit = int(rng.integers(v.bits))
            m.flip(v.offset + word * v.size, bit)
            end, by = _judged(host)
        path = v.path if v.words == 1 else f"{v.path}[{word}]"
        return Flip(self.parity, number, place, path, bit, cycle, end, by)


def _begun(m: Direct, job: Job) -> Host:
    """A host in whose run the first frames are on their way."""
    host = Host(m)
    host.load(job)
    m.write("WATCHDOG", LIMIT)
    host.start()
    host.send(0)
    return host


def _judged(host: Host) -> tuple[str, str]:
    assert host.job is not None
    wide = host.job.y.shape[2]
    try:
        for sequence in (0, 1):
            if sequence:
                host.command(STOP)
                host.poll(PATIENCE, idle=1)
                host.start()
                host.send(sequence)
            host.m.run(PATIENCE, FRAMES)
            host.m.run(20)
            data, last = host.m.take()
            code = host.error()
            if code != "none":
                return "detected", code
            if last.sum() < FRAMES:
                return "hung", f"{last.sum()} of {FRAMES} frames of run {sequence + 1}"
            want = host.job.y[sequence].ravel()
            ends = (np.arange(len(want)) + 1) % wide == 0
            if not np.array_equal(data, want) or not np.array_equal(last, ends):
                return "silent", f"outputs of run {sequence + 1}"
    except (MismatchError, DirectError) as error:
        return "hung", str(error)
    return "masked", ""


def summary(flips: list[Flip], bits: dict[str, int], parity: int) -> list[dict[str, Any]]:
    """A row for each place, with counts of ends; then each flip that hangs.

    Args:
        flips: of a machine with parity bits, or without.
        bits: of each of its places.
        parity: 1 if it has them.
    """
    rows: list[dict[str, Any]] = []
    for place, size in bits.items():
        some = [f for f in flips if f.place == place]
        counts = {end: sum(f.end == end for f in some) for end in ENDS}
        rows.append({"table": "places", "parity": parity, "place": place, "bits": size,
                     "flips": len(some), **counts})  # fmt: skip
    hung = (f for f in flips if f.end == "hung")
    return rows + [{"table": "hung", "parity": parity, "place": f.place, "path": f.path,
                    "bit": f.bit, "cycle": f.cycle, "by": f.by} for f in hung]  # fmt: skip
