# SPDX-License-Identifier: Apache-2.0
"""A network on every machine: its fit, its speed there, its bound.

Example: the GRU of ``checkpoints/z2_gru.npz`` takes 355 cycles a frame on ``tiny`` (16 PEs), where
the engine bounds it, and 69 on ``paper512`` (512 PEs), where dependences do.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from csb_rnn import flow
from csb_rnn.api import arguments, known, rates, sizes
from csb_rnn.api.build import Build
from csb_rnn.api.comparing import slower
from csb_rnn.api.results import Prediction
from csb_rnn.api.sources import read_source
from csb_rnn.errors import UsageError
from csb_rnn.execution import utilisation
from csb_rnn.execution.utilisation import Utilisation
from csb_rnn.machine.config import Config
from csb_rnn.network.read import Source
from csb_rnn.program.program import CompileError
from csb_rnn.system import extras

if TYPE_CHECKING:
    from csb_rnn.api.sources import AnySource

CLOCK = 100e6  # Hz, if nothing else is said


@dataclasses.dataclass(frozen=True)
class Point:
    """A network at a rate on a configuration.

    Attributes:
        config: the machine.
        rate: weights / kept weights, pruned in one shot for this machine; None: as it came.
        block: side of the blocks that it was pruned to; None: as it came.
        prediction: cycles, memory and bound, exact; None if it does not fit.
        usage: cycles of a frame in use by each unit, of each part; empty if none fits.
        kept: weights that are not zero, quantised for this machine; 0 if it does not fit.
        short: the memory that is too small and by how much; empty if the network fits.
        remedy: the rate at which it fits, found by trying it, or why no rate helps.
        clock: of the machine, Hz.
        frame_rate: frames a second that come in; None if it is not known.
        memory_kibit: all memories of the machine, Kibit.
        area: LUTs, multipliers, ... as measured; None if it never was.
        energy: nJ a frame by process, ``{"22 nm": 47.1}``, as measured for this very network.
    """

    config: Config
    rate: float | None
    block: int | None
    prediction: Prediction | None
    usage: tuple[Utilisation, ...]
    kept: int
    short: str
    remedy: str
    clock: float
    frame_rate: float | None
    memory_kibit: float
    area: known.Area | None
    energy: dict[str, float]

    @property
    def fits(self) -> bool:
        """Whether the configuration holds the network."""
        return self.prediction is not None

    @property
    def microseconds(self) -> float | None:
        """Of a frame in steady state, all streams together."""
        return None if self.prediction is None else self.prediction.cycles * 1e6 / self.clock

    @property
    def latency_us(self) -> float | None:
        """From the first input beat to the last output beat in an idle machine, microseconds."""
        return None if self.prediction is None else self.prediction.latency * 1e6 / self.clock

    @property
    def realtime(self) -> float | None:
        """How many times faster than frames come: 100 at 1 us a frame and 10,000 frames a second.
        None if the frame rate is not known."""
        time = self.microseconds
        return None if time is None or self.frame_rate is None else 1e6 / time / self.frame_rate


@dataclasses.dataclass(frozen=True)
class Exploration:
    """Points, and a comparison of them.

    Attributes:
        network: its name, cell, inputs and outputs in a line.
        points: for each rate and block the configurations by size.
        notes: a line for each larger machine that is slower than a smaller one, with the reason.
    """

    network: str
    points: tuple[Point, ...]
    notes: tuple[str, ...]

    @property
    def smallest(self) -> Point | None:
        """The first that fits, of the machines by size."""
        return min(
            (p for p in self.points if p.fits), key=lambda p: sizes.size(p.config), default=None
        )

    def plot(self) -> Any:
        """A figure of matplotlib: cycles of every machine, and memory against time."""
        from csb_rnn.pictures.explored import explored

        return explored(self)


def _point(
    found: Source, c: Config, rate: float | None, block: int | None, options: dict[str, Any]
) -> dict[str, Any]:
    """Fields of a point that depend on the network."""
    fields: dict[str, Any] = {"prediction": None, "usage": (), "short": "", "remedy": ""}
    fields |= {"kept": 0, "energy": {}}
    side = block or rates.BLOCK
    try:
        if rate is None:
            own = {**options, **({} if block is None else {"block": block})}
            record = flow.build_source(found, c, unchecked=True, **own)
        else:
            record = flow.build_source(
                rates.pruned(found, c, rate, side), c, unchecked=True, **options
            )
    except CompileError as error:
        now = rate if rate is not None else found.checkpoint.rate if found.checkpoint else 1.0
        remedy = rates.remedy(found, c, str(error), now, side, options)
        return fields | {"short": str(error), "remedy": remedy}
    p = Build(record).predict()
    parts = [part.compiled() for part in record.parts]
    return fields | {
        "prediction": p,
        "usage": tuple(utilisation.analyse(program) for program in parts),
        "kept": record.kept_weights,
        "energy": known.energy(found.path.stem, c, record.kept_weights, p.cycles),
    }


@extras.named
def explore(
    source: AnySource | os.PathLike[str],
    *,
    configs: str | Iterable[str | Config] = "all",
    rates: Sequence[float] = (),
    blocks: Sequence[int] = (),
    clock: float = CLOCK,
    frame_rate: float | None = None,
    calibrate: Any = None,
    streams: int = 1,
    sharing: str | None = None,
    prefix: str | None = None,
    cell: str | None = None,
    example: Any = None,
) -> Exploration:
    """A network on every configuration, at every rate. Nothing is written and nothing runs.

    Args:
        source: as :func:`csb_rnn.build`.
        configs: ``all``, or names and configurations.
        rates: the network is pruned in one shot to each, for each machine; none: as it is. How well
            it still does its task is not looked at: :func:`csb_rnn.prune` and ``evaluate`` do.
        blocks: sides of blocks; without rates those of the dealt units.
        clock: Hz.
        frame_rate: frames a second that come in, for the realtime factor: 100 for speech.
        calibrate, streams, sharing, prefix, cell, example: as :func:`csb_rnn.build`.

    Raises:
        UsageError: a clock or frame rate that is not positive; rates of a source that is no
            state dict or module, or below the rate that it has.
        CsbError: bad input, one line.
    """
    for name, value in (("clock", clock), ("frame_rate", frame_rate)):
        number = 1.0 if value is None else arguments.real(name, value)
        if not (np.isfinite(number) and number > 0):
            raise UsageError(f"{name}: expected a positive number, got {number:g}")
    rates = [arguments.real("rates", rate) for rate in arguments.several("rates", rates)]
    blocks = [arguments.whole("blocks", side) for side in arguments.several("blocks", blocks)]
    streams = arguments.whole("streams", streams)
    found = read_source(source, prefix=prefix, cell=cell, example=example)
    if rates and found.checkpoint is None:
        raise UsageError(f"{found.path.name}: only state dicts and modules are pruned here")
    for rate in rates:
        assert found.checkpoint is not None
        if rate < found.checkpoint.rate * (1 - 1e-6):
            raise UsageError(
                f"rate {rate:g}: {found.path.name} is pruned to rate {found.checkpoint.rate:.4g} "
                "already; give higher rates, or the network before it was pruned"
            )
    chosen = sizes.machines(configs)
    options = {"calibrate": arguments.each_plain(calibrate), "streams": streams, "sharing": sharing}
    with sizes.quiet():
        points = tuple(
            Point(
                config=c,
                rate=rate,
                block=block,
                clock=clock,
                frame_rate=frame_rate,
                memory_kibit=sizes.size(c)[1] / 1024,
                area=known.area(c),
                **_point(found, c, rate, block, options),
            )
            for rate, block, c in itertools.product(rates or (None,), blocks or (None,), chosen)
        )
        model = found.model
    name = found.checkpoint.cell if found.checkpoint else "network"
    line = f"{found.path.name}: {name} {model.inputs} -> {model.outputs}"
    return Exploration(line, points, tuple(slower(points)))
