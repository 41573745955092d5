# SPDX-License-Identifier: Apache-2.0
"""Interruptions of a run, and wrong doings of a host; after each the machine is at rest."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from csb_rnn.experiments.direct.host import (
    FLUSH,
    FRESH,
    RESET,
    START,
    STOP,
    Host,
    expect,
)
from csb_rnn.experiments.direct.library import FRAMES, IMAGE, SLVERR
from csb_rnn.machine.registers import WATCHDOG_RESET

Rng = np.random.Generator


def stalls(h: Host, rng: Rng) -> None:
    """Every port gets a chance of its stalls; half of the runs have none at input and sink."""
    frame, sink = (float(rng.choice((0, 0, 0.2, 0.5, 0.9))) for _ in range(2))
    image, axil = float(rng.choice((0, 0.3))), float(rng.choice((0, 0.5)))
    h.m.stall(image, frame, sink, axil)
    which = "both" if frame and sink else "source" if frame else "sink" if sink else "none"
    h.facts.add(f"stalls: {which}, registers {'stall' if axil else 'do not'}")


def _begin(h: Host, rng: Rng, sequence: int) -> int:
    """A run of some frames, some cycles long; how many frames were sent."""
    assert h.job is not None
    h.start()
    frames = int(rng.integers(0, min(h.job.frames, 40) + 1))
    h.send(sequence, frames)
    h.m.run(int(rng.integers(0, 1500)))
    return frames


def _end(h: Host, rng: Rng, sequence: int, *, reset_source: bool | None = None) -> None:
    drawn = bool(rng.random() < 0.5)
    h.at_rest(reset_source=drawn if reset_source is None else reset_source)
    if h.job is not None:
        h.packets(sequence)
    h.m.take()


def stop(h: Host, rng: Rng, sequence: int) -> None:
    """CONTROL.stop in any cycle."""
    _begin(h, rng, sequence)
    h.command(STOP)
    _end(h, rng, sequence)


def hold(h: Host, rng: Rng, sequence: int) -> None:
    """A stop while the sink holds a packet open; a start waits for it and is taken back."""
    _begin(h, rng, sequence)
    h.m.stall(0, 0, 1)
    h.m.run(int(rng.integers(0, 300)))
    h.command(STOP)
    h.poll(running=0, idle=1)
    h.m.forget(FRAMES, finish=True)
    is_open = h.m.read("STATUS", "out_open")
    expect(is_open == h.m.offered, "out_open is not what the port offers")
    h.command(START | FRESH)
    expect(h.m.read("STATUS", "start_waits") == is_open, "a start does not wait")
    h.command(STOP)
    stalls(h, rng)
    _end(h, rng, sequence)


def flush(h: Host, rng: Rng, sequence: int) -> None:
    """CONTROL.flush after the frames' source was reset."""
    _begin(h, rng, sequence)
    h.command(STOP)
    h.poll(running=0)
    h.m.run(4)
    h.m.forget(FRAMES)
    h.command(FLUSH)
    _end(h, rng, sequence, reset_source=True)


def reset(h: Host, rng: Rng, sequence: int) -> None:
    """CONTROL.reset in any cycle; the image is gone."""
    _begin(h, rng, sequence)
    h.command(RESET)
    h.m.run(4)
    h.m.forget(FRAMES)
    h.at_rest(reset_source=True)
    h.packets(sequence)
    h.job = None
    h.command(START)
    h.m.run(4)
    expect(h.error() == "no_image", "a start without an image")


def frame(h: Host, rng: Rng, sequence: int) -> None:
    """An input packet of a beat too few or too many."""
    assert h.job is not None
    _begin(h, rng, sequence)
    wide = h.job.program.in_beats + int(rng.choice((-1, 1)))
    h.m.send(FRAMES, np.zeros(wide or 2, np.uint64), wide or 2)
    for _ in range(2000):
        if h.error() == "frame":
            break
        h.m.run(20)
    expect(h.error() == "frame", "a packet of a wrong length is no error")
    _end(h, rng, sequence)


def bad_image(h: Host, rng: Rng, sequence: int) -> None:
    """A load in the middle of a run, of an image with a flipped bit."""
    assert h.job is not None
    job = h.job
    _begin(h, rng, sequence)
    words = job.image.copy()
    words[rng.integers(0, len(words))] ^= np.uint32(1 << int(rng.integers(0, 32)))
    expect(h.image(words) != "none", "an image with a flipped bit is taken")
    h.job = job
    _end(h, rng, sequence)
    h.job = None


def another_image(h: Host, rng: Rng, sequence: int) -> None:
    """A good load in the middle of a run."""
    assert h.job is not None
    job = h.job
    _begin(h, rng, sequence)
    h.load(job)
    h.facts.add("images: in the middle of a run")
    _end(h, rng, sequence)


def aborted(h: Host, rng: Rng, sequence: int) -> None:
    """A load whose source is reset, in the middle of a run."""
    assert h.job is not None
    job = h.job
    _begin(h, rng, sequence)
    h.m.send(IMAGE, job.image[: rng.integers(1, len(job.image))], 0)
    h.m.run(int(rng.integers(5, 1500)))
    h.poll(loading=1)
    h.m.forget(IMAGE)
    h.command(FLUSH)
    h.poll(idle=1, loading=0)
    expect(h.error() == "flushed", "an aborted load is not told")
    _end(h, rng, sequence)
    h.job = None


def wrong_access(h: Host, rng: Rng, sequence: int) -> None:
    """Registers at the wrong moment: a second start, states of a running machine, no register."""
    _begin(h, rng, sequence)
    for _ in range(int(rng.integers(1, 6))):
        kind = int(rng.integers(0, 4))
        if kind == 0:
            code = h.m.access(bool(rng.random() < 0.5), 0x3FC)[0]
            expect(code == SLVERR, "an access to no register")
        elif kind == 1 and h.m.read("STATUS", "running"):
            code = h.m.write("STATE_DATA", int(rng.integers(0, 1 << 16)))
            expect(code == SLVERR, "a state of a running machine is written")
        elif kind == 2 and h.m.read("STATUS", "running"):
            h.command(START)
            expect(h.error() == "busy", "a second start is not told")
        else:
            h.m.write("IDENTITY", int(rng.integers(0, 1 << 32)))
            h.m.write("PEG_SELECT", int(rng.integers(0, 256)))
    h.command(STOP)
    _end(h, rng, sequence)


def anew(h: Host, rng: Rng, sequence: int) -> None:
    """Stop and start in one write: the run begins anew, and is right."""
    _begin(h, rng, sequence)
    h.command(STOP | START | FRESH)
    h.m.run(6)
    h.m.forget(FRAMES, finish=True)
    h.poll(in_cut=0, start_waits=0, running=1)
    h.packets(sequence)
    h.command(STOP)
    _end(h, rng, sequence)


def impatient(h: Host, rng: Rng, sequence: int) -> None:
    """A watchdog of few cycles ends the run: ``timeout``, or the frame was fast enough."""
    h.m.write("WATCHDOG", int(rng.integers(1, 60)))
    _begin(h, rng, sequence)
    found = h.error()
    expect(found in ("timeout", "none"), f"error {found} from the watchdog")
    h.command(STOP)
    h.m.write("WATCHDOG", WATCHDOG_RESET)
    _end(h, rng, sequence)


KINDS: tuple[Callable[[Host, Rng, int], None], ...] = (
    stop, hold, flush, reset, frame, bad_image, another_image, aborted, wrong_access, anew,
    impatient,
)  # fmt: skip
