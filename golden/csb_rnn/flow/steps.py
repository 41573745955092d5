# SPDX-License-Identifier: Apache-2.0
"""The steps of a build: read -> quantise -> compile -> pack, each from a record to a fuller one.

Example: an LSTM of one layer on ``tiny`` is one part; a bidirectional GRU of two layers is four.
"""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from csb_rnn.compiler import compile_network, fullness
from csb_rnn.execution import timing
from csb_rnn.flow import host, source_check
from csb_rnn.flow.record import Build, Options, Part, Source
from csb_rnn.machine import config, image
from csb_rnn.machine.config import Config
from csb_rnn.models.integer_network import QNetwork
from csb_rnn.models.quantise import quantise_model
from csb_rnn.network.network import part_state
from csb_rnn.network.read import Source as Found
from csb_rnn.network.read import read_source
from csb_rnn.program import assemble
from csb_rnn.program.program import CompileError, Program

BLOCKS = (8, 16, 32, 64, 128)  # tried beside the pattern's
ENOUGH = 1.02  # of the cycles in which all PEs multiply all kept weights: no other size is tried
WORTH = 0.98  # of its cycles, at most, with another size: that may cost words, read in every frame
WARN_BELOW = 0.9  # filled share of the words' weight slots
log = logging.getLogger(__name__)


def choose_block(block: str | int, c: Config, csb: Mapping[str, Any]) -> int | None:
    """Side of the blocks of the pattern: the dealing keeps units of a block together, and the
    statistics are about them. ``auto``: the block of the checkpoint's metadata; None if it has
    none.

    Raises:
        CompileError: larger than the configuration's ``max_block``, or no positive number.
    """
    if block == "auto":
        chosen = csb.get("block")
    elif len(str(block)) < 10 and str(block).isdecimal() and int(block) > 0:
        chosen = int(block)
    else:
        raise CompileError(f"block '{block}': expected a positive number or auto")
    if chosen is not None and chosen > c.max_block:
        raise CompileError(
            f"block {chosen} is larger than max_block {c.max_block} of configuration {c.name}"
        )
    return chosen


def say_cost(q: QNetwork, c: Config, block: int | None) -> None:
    """Log a warning, one line on standard error by default, if the pattern leaves much of the words
    of a machine with shared columns empty."""
    if c.shared_cols == 1 or block is None:
        return
    full = fullness(q, c, block)
    if full < WARN_BELOW:
        log.warning(
            "warning: %s shares columns among %d PE rows, and kernels of this model do not keep as "
            "many rows in each: words are %.0f %% full, products take %.2f times as long as they "
            "could; prune with scripts/prune.py --config %s",
            c.name,
            c.shared_cols,
            100 * full,
            1 / full,
            c.name,
        )


def _interval(p: Program) -> float:
    """Cycles a frame, by the timing model."""
    return timing.interval(timing.predict(p, 8 * p.streams).last_out)


def fastest(q: QNetwork, c: Config, options: Options, block: int | None) -> tuple[Program, int]:
    """The program with fewest cycles, and the size of the blocks that were dealt for it.

    Units of a block stay close together when they are dealt. The pattern's block is the first
    choice, but a small network may be faster with another one: its slots matter more than its
    full words. Another size has to save 2 % of the cycles. A size that the user names is taken.
    Example: z2_gru, blocks of 32, on ``small``: 180 cycles a frame if 32 are dealt, 164 for 8. On
    ``paper256_cols`` 32 are dealt: 8 would save one cycle of 97, and read 924 words for 386.

    Raises:
        CompileError: the network does not fit the configuration.
    """
    sharing = c.choose_sharing(options.sharing)

    def dealt(n: int) -> Program:
        return compile_network(q, c, options.streams, sharing, n, options.compiler)

    sizes = [n for n in BLOCKS if n <= c.max_block]
    if block is None:
        return min(((dealt(n), n) for n in sizes), key=lambda found: _interval(found[0]))
    best = dealt(block)
    # The reference compiler's block iterations are those of the pattern.
    if options.block != "auto" or options.compiler != "default":
        return best, block
    cycles = _interval(best)
    limit, size = WORTH * cycles, block
    for n in sizes:
        if n == block or cycles <= ENOUGH * q.kept_weights / c.pes:
            continue
        try:
            other = dealt(n)
        except CompileError:  # it may need more words
            continue
        if (found := _interval(other)) < cycles and found <= limit:
            best, cycles, size = other, found, n
    return best, size


def quantised(build: Build) -> Build:
    """With every network in integers.

    Raises:
        QuantError: no format holds its numbers.
    """
    assert build.model is not None, "a build that was read from a folder is quantised"
    numbers = quantise_model(build.model, build.config, build.calibrate)
    pairs = zip(build.model.spans, numbers.spans, strict=True)
    parts = [
        Part(
            number,
            reverse,
            floats.first,
            ints.frac,
            ints.networks[reverse],
            network,
            part_state(build.model.initial, network.state_shapes(), floats.first, reverse),
        )
        for number, (floats, ints) in enumerate(pairs)
        for reverse, network in floats.networks.items()
    ]
    return dataclasses.replace(build, parts=tuple(parts))


def compiled(build: Build) -> Build:
    """With a program for every part.

    Raises:
        CompileError, ConfigError: a network does not fit the configuration, or an option is wrong.
    """
    c, parts = build.config, []
    for part in build.parts:
        block = choose_block(build.options.block, c, {"block": part.quantised.block})
        say_cost(part.quantised, c, block)
        program, dealt = fastest(part.quantised, c, build.options, block)
        if block is None:  # only now the blocks with full words are known
            say_cost(part.quantised, c, dealt)
        parts.append(dataclasses.replace(part, program=program, block=block, dealt_block=dealt))
    return dataclasses.replace(build, parts=tuple(parts))


def packed(build: Build) -> Build:
    """With the words of every memory, and the image of them, for every part."""
    parts = []
    for part in build.parts:
        assert part.program is not None, "only a compiled build is packed"
        sections = assemble.sections(part.program)
        data = image.pack(build.config, sections)
        parts.append(dataclasses.replace(part, sections=tuple(sections), data=data))
    return dataclasses.replace(build, parts=tuple(parts))


def finish(build: Build) -> Build:
    """All steps after reading.

    Raises:
        QuantError, CompileError, ConfigError: as above.
    """
    return packed(compiled(quantised(build)))


def build(
    path: str | os.PathLike,
    configuration: str | Config,
    *,
    prefix: str | None = None,
    cell: str | None = None,
    activation: str | None = None,
    calibrate: ArrayLike | Mapping[str, np.ndarray] | None = None,
    initial: Mapping[str, ArrayLike] | None = None,
    constants: Mapping[str, float] | None = None,
    unchecked: bool = False,
    say: Callable[[str], None] = lambda _: None,
    **options: Any,
) -> Build:
    """From a file to images.

    Args:
        path: state dict, ONNX or description file.
        configuration: a named one, or one.
        prefix, cell, activation: see :func:`csb_rnn.network.read.read_source`.
        calibrate: float inputs ``[..., frames, inputs]`` for the number formats; of an ONNX
            file with host parts its inputs, by name or the only one.
        initial: states at the start of a run, by the model's names, ``[H]``.
        constants: numbers for inputs of an ONNX file, in place of those of a run.
        unchecked: do not compare the model with its file.
        say: takes lines about the file: the place of each part, unused tensors.
        options: fields of :class:`~csb_rnn.flow.record.Options`.

    Raises:
        CheckpointError, NetworkError, QuantError, CompileError, ConfigError, UsageError: bad input.
    """
    found = read_source(path, prefix, cell, activation, initial, constants)
    return build_source(found, configuration, calibrate, unchecked, say, **options)


def build_source(
    found: Found,
    configuration: str | Config,
    calibrate: ArrayLike | Mapping[str, np.ndarray] | None = None,
    unchecked: bool = False,
    say: Callable[[str], None] = lambda _: None,
    **options: Any,
) -> Build:
    """From a model to images; arguments and errors as :func:`build`, and

    Args:
        found: the model and where it is from.
    """
    c = config.load(configuration) if isinstance(configuration, str) else configuration
    checkpoint = found.checkpoint
    samples = host.calibration(found.plan, calibrate)
    check = source_check.UNCHECKED if unchecked else source_check.check_source(found, samples)
    for line in host.report(found):
        say(line)
    cell = "" if checkpoint is None else checkpoint.cell
    source = Source(found.path.name, found.sha256, checkpoint, cell)
    around = None if found.plan is None or found.plan.plain else host.of_plan(found.plan)
    notes = {"source_check": check, "unused": list(found.unused)}
    floats = None if samples is None else np.asarray(samples)
    return finish(
        Build(c, Options(**options), source, found.model, floats, host=around, notes=notes)
    )
