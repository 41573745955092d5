# SPDX-License-Identifier: Apache-2.0
"""PEGroup words from DRAM in place of a memory on the chip: a model of time, of no machine built.

A word is used once a frame, so one stream needs words at the rate of their use: 13.5 GB/s for
every PEGroup of ``paper256`` at 200 MHz. Eight streams share them if programs run in *pieces*: all
streams multiply by one piece, then by the next. Each PEGroup has room for two pieces, one in use
and one on its way.

Two things stall a PEGroup. A piece is not there yet: the DRAM is too slow, or its latency is longer
than a piece's turn. The new state of a stream is not there yet: its last piece ends seven turns
before its first one is wanted, so pieces have to be long enough to hide the loop of slots.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

from csb_rnn.experiments.bench import models
from csb_rnn.experiments.bench.programs import build
from csb_rnn.experiments.bench.tables import Row
from csb_rnn.flow.cycles import LOOP_CYCLES, slot_cycles
from csb_rnn.machine import config, image
from csb_rnn.machine.config import Config
from csb_rnn.machine.image import Target

CLOCK = 200e6  # Hz
LATENCY = 100  # cycles from a request to the first word: 500 ns
STREAMS = 8
FRAMES = 6  # of every stream; the last half is measured
PIECES = (16, 64, 256)  # words of a PEGroup
#: Bytes a second: one and four channels of DDR4-2400 of 64 bits, a stack of HBM2.
MEMORIES = {"DDR4 x 1": 19.2e9, "DDR4 x 4": 76.8e9, "HBM2": 256e9}
MODELS = ("MT2", "SR1")
CONFIG = "paper256_sim"


@dataclasses.dataclass(frozen=True)
class Stream:
    """A program in pieces.

    Attributes:
        words: of a frame, of the longest PEGroup.
        piece: words of a piece.
        bits: of a word of all PEGroups.
        loop: cycles from the last word of a frame to the first of the next one of its stream.
    """

    words: int
    piece: int
    bits: int
    loop: int


def interval(s: Stream, bandwidth: float, streams: int = STREAMS) -> float:
    """Cycles a frame, streams counted together: piece after piece in time.

    Args:
        bandwidth: bits a cycle.
        streams: that take turns with each piece.

    Example: 1,000 words, no loop, and a memory that is fast enough: 1,000.
    """
    sizes = [min(s.piece, s.words - at) for at in range(0, s.words, s.piece)]
    loaded = done = 0.0  # the port of the DRAM; the PEGroups
    ended = [0.0] * streams  # the last word of each stream's frame
    freed: list[float] = [0.0, 0.0]  # when the rooms were left
    ends = []
    for n, (_, (k, size)) in enumerate(itertools.product(range(FRAMES), enumerate(sizes))):
        # Requests are made in time if there is room; the port is busy for a piece's bits.
        loaded = max(loaded, freed[n % 2] + LATENCY) + size * s.bits / bandwidth
        done = max(done, loaded)
        for stream in range(streams):
            if k == 0:
                done = max(done, ended[stream] + s.loop)
            done += size
            if k == len(sizes) - 1:
                ended[stream] = done
        freed[n % 2] = done
        if k == len(sizes) - 1:
            ends.append(done)
    half = FRAMES // 2
    return (ends[-1] - ends[half - 1]) / ((FRAMES - half) * streams)


def word_bits(c: Config) -> int:
    """Bits of a word of all PEGroups."""
    bits, _, groups = image.memories(c)[Target.PEGROUP]
    return bits * groups


def rows() -> Iterator[Row]:
    """Every model, memory and size of a piece, with one stream and with eight."""
    c = config.load(CONFIG)
    for name in MODELS:
        m = models.MODELS[name]
        network = build(m, [models.tensors(m, n, 32, (4, 4)) for n in range(len(m.layers))], 32)
        words = -(-network.kept_weights // c.pes)  # those of a frame's bound: full words
        # All layers run in one iteration, and the loop of the longest one is between two frames.
        loop = max(slot_cycles(la, c) for la in network.layers) + LOOP_CYCLES
        drained = sum(
            -(-la.size(stage.space) // c.lanes) * len(stage.drains)
            for la in network.layers
            for stage in la.cell.stages
        )
        accumulators = drained * c.lanes * c.L * c.acc_w
        for streams, piece in itertools.product((1, STREAMS), PIECES):
            s = Stream(words, piece, word_bits(c), loop)
            for memory, rate in MEMORIES.items():
                cycles = interval(s, rate * 8 / CLOCK, streams)
                yield {
                    "table": "streamed",
                    "model": name,
                    "config": CONFIG,
                    "streams": streams,
                    "piece": piece,
                    "memory": memory,
                    "words": words,
                    "needed_gbytes": s.bits / 8 * CLOCK / streams / 1e9,
                    "buffer_kibit": 2 * piece * s.bits / 1024,
                    "accumulators_kibit": streams * accumulators / 1024,
                    "cycles": cycles,
                    "stalled": 1 - s.words / cycles,
                }
