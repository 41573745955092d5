# SPDX-License-Identifier: Apache-2.0
"""Cases of the soak: a network and its runs, which follow from a configuration and a seed."""

from __future__ import annotations

import dataclasses
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from csb_rnn.experiments.direct import jobs, library
from csb_rnn.experiments.direct.host import STOP, Host, MismatchError
from csb_rnn.experiments.soak.kinds import KINDS, stalls
from csb_rnn.machine import config, image

CONFIGS = ("tiny", "small")
SEQUENCES = 24  # of a case
FRAMES = 100  # of a sequence, about
INTERRUPTED = 0.3  # chance that a run is interrupted before the sequence's whole run


@dataclasses.dataclass
class Case:
    """A finished case.

    Attributes:
        frames: answered ones, each right.
        interruptions: how many of each kind.
        failure: a line about a mismatch; empty if there is none.
    """

    config: str
    seed: int
    frames: int = 0
    cycles: int = 0
    interruptions: Counter[str] = dataclasses.field(default_factory=Counter)
    failure: str = ""
    facts: set[str] = dataclasses.field(default_factory=set)
    job: jobs.Job | None = None


def libraries(names: tuple[str, ...]) -> dict[str, Path]:
    """The compiled machines: assertions of the RTL are on."""
    loaded = {name: config.load(name, **jobs.SHALLOW) for name in names}
    return {name: library.build(image.all_parameters(c)) for name, c in loaded.items()}


def one(name: str, seed: int, machine: Path, sequences: int = SEQUENCES, **changes: int) -> Case:
    """Runs a case.

    Args:
        name, seed: all follows from them.
        machine: of the configuration, see :func:`libraries`.
        sequences: each a whole run, some of them behind an interruption.
        changes: to the configuration.
    """
    rng, done = np.random.default_rng(seed), Case(name, seed)
    c = config.load(name, **jobs.SHALLOW, **changes)
    drawn = done.job = jobs.draw(rng, c, sequences, FRAMES)
    with library.Direct(machine, seed) as m:
        host = Host(m)
        try:
            for sequence in range(sequences):
                stalls(host, rng)
                if host.job is None:
                    host.load(drawn)
                if rng.random() < INTERRUPTED:
                    kind = KINDS[rng.integers(len(KINDS))]
                    done.interruptions[kind.__name__] += 1
                    kind(host, rng, sequence)
                    if host.job is None:
                        host.load(drawn)
                    stalls(host, rng)
                host.start()
                host.send(sequence)
                host.finish(sequence, drawn.frames)
                host.command(STOP)
                host.at_rest(reset_source=bool(rng.random() < 0.5))
        except (MismatchError, library.DirectError) as error:
            done.failure = f"{type(error).__name__}: {error}"
        done.frames, done.cycles, done.facts = host.answered, m.cycle, host.facts
    return done


def cases(
    names: tuple[str, ...], seconds: float, frames: int, tell: Callable[[str], None]
) -> Iterator[Case]:
    """Cases with fresh seeds, configuration by configuration in turn.

    Args:
        names: configurations.
        seconds: to run at most, builds apart.
        frames: to answer at most, about.
        tell: told about each failure, in one line with the command that repeats it.
    """
    machines = libraries(names)
    end, answered = time.monotonic() + seconds, 0
    while time.monotonic() < end and answered < frames:
        for name in names:
            found = one(name, secrets.randbelow(2**31), machines[name])
            answered += found.frames
            if found.failure:
                tell(f"{found.failure}; repeat: make soak CONFIG={name} SEED={found.seed}")
            yield found
