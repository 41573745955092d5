# SPDX-License-Identifier: Apache-2.0
"""A network pruned in one shot for a machine, and the rate at which a machine holds it."""

from __future__ import annotations

import dataclasses
import math
import re
from importlib.util import find_spec
from typing import Any

from csb_rnn import flow
from csb_rnn.errors import CsbError
from csb_rnn.machine.config import Config
from csb_rnn.network import stacking
from csb_rnn.network.checkpoint import Checkpoint
from csb_rnn.network.read import Source
from csb_rnn.program.program import CompileError

BLOCK = 32  # side of blocks, if nothing else is said
TRIES = 6
WEIGHTS = "the weight buffer"  # the only memory whose use shrinks with the rate
SHORT = re.compile(r"^(?P<name>.+) needs (?P<need>\d+) words, configuration \S+ has (?P<have>\d+)")


def pruned(found: Source, c: Config, rate: float, block: int) -> Source:
    """The network, pruned in one shot to a rate, aligned or class-balanced as a machine needs it.

    Raises:
        ProjectionError: its matrices are too small for the rate.
    """
    from csb_rnn.pruning.classes import machine_needs
    from csb_rnn.pruning.oneshot import prune_checkpoint
    from csb_rnn.pruning.schemes import Csb

    assert found.checkpoint is not None, "explore() has asked"
    align, machine = machine_needs(c)
    scheme = Csb(min(block, c.max_block), align, machine=machine)
    new, _ = prune_checkpoint(found.checkpoint, scheme, rate)
    parts: tuple[Any, ...] = tuple(new if isinstance(p, Checkpoint) else p for p in found.parts)
    model = stacking.from_checkpoint(new)
    return dataclasses.replace(found, model=model, checkpoint=new, parts=parts)


def _rounded(rate: float) -> float:
    """Up to a rate that is easily said: 7.31 to 7.5, 23.2 to 24."""
    step = 0.5 if rate < 10 else 1
    return math.ceil(rate / step) * step


def remedy(
    found: Source, c: Config, short: str, rate: float, block: int, options: dict[str, Any]
) -> str:
    """A line about the rate at which a machine holds a network that it does not hold now.

    The first try is in proportion to the words; a rate is named only if the build at that rate was
    made. Example: 1194 words of 512 at rate 12 are tried at rate 28.

    Args:
        found: the network.
        c: the machine.
        short: the error of the build.
        rate: at which it was made.
        block: side of blocks.
        options: of :func:`csb_rnn.flow.build_source`.
    """
    words = SHORT.match(short)
    if words is None or not words["name"].startswith(WEIGHTS):
        return "no rate helps: the units of the network set this, not its weights"
    if found.checkpoint is None or len(found.parts) > 1 or find_spec("torch") is None:
        factor = int(words["need"]) / int(words["have"])
        return f"about {factor:.1f} times fewer weights would do (not tried)"
    for _ in range(TRIES):
        rate = _rounded(rate * int(words["need"]) / int(words["have"]))
        try:
            at = pruned(found, c, rate, block)
            flow.build_source(at, c, unchecked=True, **{**options, "block": "auto"})
        except CompileError as error:
            words = SHORT.match(str(error))
            if words is None or not words["name"].startswith(WEIGHTS):
                return f"at rate {rate:g} {error}"
        except CsbError as error:
            return f"no rate was found: {error}"
        else:
            return f"rate {rate:g} fits"
    return f"no rate up to {rate:g} fits"
