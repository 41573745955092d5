# SPDX-License-Identifier: Apache-2.0
"""A host of csb_top as a library: loads, runs, stops, and judges every output packet."""

from __future__ import annotations

import numpy as np

from csb_rnn.errors import CsbError
from csb_rnn.experiments.direct.jobs import Job
from csb_rnn.experiments.direct.library import FRAMES, IMAGE, OKAY, Direct
from csb_rnn.machine.counters import COUNTERS
from csb_rnn.machine.error_codes import ERRORS
from csb_rnn.machine.registers import value

START, STOP, FRESH, FLUSH, RESET = (
    value("CONTROL", **{name: 1}) for name in ("start", "stop", "fresh", "flush", "reset")
)
CODES = {code: name for name, (code, _) in ERRORS.items()}
WAITS = tuple(c.name for c in COUNTERS if c.name.startswith(("STALL_", "WAIT_")))
PATIENCE = 40_000  # cycles of a load, or from packet to packet


class MismatchError(CsbError, AssertionError):
    """The machine did something that no host expects; one line."""


def expect(holds: object, text: str) -> None:
    """Raises :class:`MismatchError` unless it holds."""
    if not holds:
        raise MismatchError(text)


class Host:
    """One machine, and the job that is loaded."""

    def __init__(self, machine: Direct) -> None:
        self.m = machine
        self.job: Job | None = None
        self.answered = 0  # frames whose packets were right
        self.facts: set[str] = set()  # "point: bin", see csb_rnn.experiments.functional
        machine.reset()

    def error(self) -> str:
        """Name of STATUS.error."""
        name = CODES.get(self.m.read("STATUS", "error"), "unknown")
        self.facts.add(f"error codes: {name}")
        return name

    def command(self, bits: int) -> None:
        """Writes CONTROL."""
        expect(self.m.write("CONTROL", bits) == OKAY, "CONTROL refuses a write")

    def poll(self, cycles: int = PATIENCE, **want: int) -> None:
        """Waits for fields of STATUS."""
        before = self.m.cycle
        while any(self.m.read("STATUS", k) != v for k, v in want.items()):
            expect(self.m.cycle - before < cycles, f"STATUS never has {want}")
            self.m.run(7)

    def image(self, words: np.ndarray) -> str:
        """Sends an image; returns the error code's name."""
        self.job = None
        self.m.send(IMAGE, words, len(words))
        self.poll(loading=1)
        self.poll(loading=0)
        self.m.run(4)
        return self.error()

    def load(self, job: Job) -> None:
        """Sends a good image."""
        found = self.image(job.image)
        expect(found == "none", f"a good image is refused: {found}")
        self.job = job

    def start(self) -> None:
        """Starts from a zero state, with no packet waiting."""
        self.m.take()
        self.command(START | FRESH)

    def packets(self, sequence: int) -> tuple[int, int]:
        """Judges the packets since the last call against a sequence's.

        Returns:
            How many there are, and how many of them are cut: the last one at most.
        """
        assert self.job is not None
        data, last = self.m.take()
        want, wide = self.job.y[sequence], self.job.y.shape[2]
        expect(len(data) % wide == 0, "a packet is not whole")
        got = data.reshape(-1, wide)
        ends = last.reshape(-1, wide)
        expect(ends[:, -1].all() and not ends[:, :-1].any(), "TLAST is at a wrong beat")
        expect(len(got) <= len(want), f"{len(got)} packets for {len(want)} frames")
        wrong = np.flatnonzero((got != want[: len(got)]).any(axis=1))
        if len(wrong):
            i = int(wrong[0])
            first = int(np.flatnonzero(got[i] != want[i])[0])
            expect(i == len(got) - 1, f"packet {i} is wrong and not the last")
            expect(not got[i, first:].any(), f"packet {i} is wrong from beat {first}")
        self.answered += len(got) - len(wrong)
        return len(got), len(wrong)

    def send(self, sequence: int, frames: int | None = None) -> None:
        """Queues the first frames of a sequence, or all."""
        assert self.job is not None
        wide = self.job.program.in_beats
        self.m.send(FRAMES, self.job.x[sequence][: None if frames is None else frames * wide], wide)

    def finish(self, sequence: int, frames: int) -> None:
        """Runs until so many frames are out, and all are right."""
        done = self.m.packets
        while done < frames:
            self.m.run(PATIENCE, done + 1)
            expect(self.m.packets > done, f"frame {done} is not answered, error {self.error()}")
            done = self.m.packets
            self.m.run(PATIENCE, frames) if self.error() == "none" else None
            done = max(done, self.m.packets)
        expect(self.error() == "none", f"error {self.error()} in a good run")
        expect(self.m.read("FRAMES_IN") == frames, "FRAMES_IN is another number")
        expect(self.m.read("FRAMES_OUT") == frames, "FRAMES_OUT is another number")
        expect(self.packets(sequence) == (frames, 0), "a frame is cut in a good run")
        self.facts |= {f"waits: {name}" for name in WAITS if self.m.read(name)}

    def at_rest(self, *, reset_source: bool) -> None:
        """Comes to rest with empty streams: a reset source needs a flush, another ends a frame."""
        self.poll(running=0, idle=1)
        if reset_source:
            self.m.forget(FRAMES)
            if self.m.read("STATUS", "in_cut"):
                self.command(FLUSH)
        else:
            self.m.forget(FRAMES, finish=True)
        self.poll(idle=1, loading=0, in_cut=0, out_open=0, start_waits=0)
        expect(not self.m.offered, "a machine at rest offers a beat")
