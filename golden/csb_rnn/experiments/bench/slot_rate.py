# SPDX-License-Identifier: Apache-2.0
"""The rate of slots: frames of small models by the parameters that decide it, and their price.

Intervals come from the timing model, which the RTL equals; those of ``fast256`` are run on the RTL
too. LUTs are those of Yosys for the modules that a parameter changes. Example: SR4 takes 99 cycles
a frame on ``paper256`` and 73 with two neurons a bus cycle and two drains a cycle.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from csb_rnn.compiler import compile_network
from csb_rnn.execution import timing
from csb_rnn.experiments.bench import models
from csb_rnn.experiments.bench.models import CHECKPOINTS, MODELS
from csb_rnn.experiments.bench.on_rtl import on_rtl, rtl_build
from csb_rnn.experiments.bench.programs import build
from csb_rnn.experiments.bench.tables import Row
from csb_rnn.experiments.silicon import synthesis
from csb_rnn.machine import config, design, isa
from csb_rnn.machine.config import Config
from csb_rnn.models import quantise
from csb_rnn.network.checkpoint_files import read_checkpoint
from csb_rnn.network.network import Network
from csb_rnn.network.stacking import network_from_checkpoint

TRAINED = ("z6_lstm", "z2_gru", "z3_ligru")
STREAMS = (1, 4)
FRAMES = 240
CALIBRATION = 50
BUILD_SECONDS = 900.0
BASE, FAST = "paper256", "fast256"
BOTH = {"bus_neurons": 2, "drain_rows": 2}
SHORTER = {"fast_act": 1, "reg_bypass": 1, "sum_bypass": 1}
#: Machines of the table: name, configuration and its changes.
MACHINES: dict[str, tuple[str, dict[str, int]]] = {
    BASE: (BASE, {}),
    "bus_neurons": (BASE, {"bus_neurons": 2}),
    "drain_rows": (BASE, {"drain_rows": 2}),
    "both": (BASE, BOTH),
    FAST: (FAST, {}),
    **{f"{FAST}, {name}": (FAST, {name: 1}) for name in SHORTER},
    f"{FAST}, all three": (FAST, SHORTER),
    "fast512": ("fast512", {}),
    "fast512, all three": ("fast512", SHORTER),
}
#: Latencies that no parameter shortens: cycles that each would save; timing model alone.
NOT_BUILT = {"event with the first bus word": {"lat_neuron": -1}}
#: Modules with another size by these parameters.
PARTS = ("csb_lane", "csb_pe_row", "csb_reduce", "csb_writer", "csb_output", "csb_drain")


def networks() -> dict[str, Network]:
    """The models by name: SR4 has synthetic weights, the others are shipped checkpoints."""
    sr4 = MODELS["SR4"]
    out = {"SR4": build(sr4, [models.tensors(sr4, 0, 32, (4, 4))], 32)}
    for name in TRAINED:
        out[name] = network_from_checkpoint(read_checkpoint(CHECKPOINTS / f"{name}.npz"))
    return out


def inputs(network: Network, streams: int) -> np.ndarray:
    """Normal inputs [streams, frames, inputs], at most 4 in size."""
    rng = np.random.default_rng(models.SEED)
    shape = (streams, FRAMES // streams, network.inputs)
    return rng.normal(size=shape).clip(-4, 4).astype(np.float32)


@contextlib.contextmanager
def shorter(changes: Mapping[str, int]) -> Iterator[None]:
    """Latencies of :mod:`csb_rnn.machine.isa`, shorter by so many cycles: of no machine that is
    built."""
    before = {name: getattr(isa, name) for name in changes}

    def changed(of: Callable[[Config], int], by: int) -> Callable[[Config], int]:
        return functools.wraps(of)(lambda c: of(c) + by)

    for name, by in changes.items():
        setattr(isa, name, changed(before[name], by))
    try:
        yield
    finally:
        for name, of in before.items():
            setattr(isa, name, of)


def interval_row(name: str, network: Network, machine: str, c: Config, streams: int) -> Row:
    """Cycles a frame by the timing model."""
    q = quantise.quantise(network, c, inputs(network, streams)[:, :CALIBRATION])
    p = compile_network(q, c, streams, None, 32)
    cycles = timing.interval(timing.predict(p, FRAMES).last_out)
    return _row(name, machine, c, streams, network.kept_weights, cycles, "timing")


def _row(
    model: str, machine: str, c: Config, streams: int, kept: int, cycles: float, source: str
) -> Row:
    return {"table": "intervals", "model": model, "machine": machine, "streams": streams,
            "pes": c.pes, "kept_weights": kept, "cycles": cycles, "source": source}  # fmt: skip


def interval_rows() -> Iterator[Row]:
    """Every model on every machine, then with latencies that are not built."""
    found = networks()
    for machine, (base, changes) in MACHINES.items():
        c = config.load(base, **changes)
        for name, network in found.items():
            for streams in STREAMS:
                yield interval_row(name, network, machine, c, streams)
    for what, changes in NOT_BUILT.items():
        c = config.load(FAST)
        with shorter(changes):
            for name, network in found.items():
                for streams in STREAMS:
                    yield interval_row(name, network, f"{FAST}, {what}", c, streams)


def rtl_rows() -> Iterator[Row]:
    """Every model on the RTL of ``fast256``; no row if its build takes too long.

    Raises:
        AssertionError: a bit or a cycle was not that of the models.
    """
    c = config.load(FAST)
    if not rtl_build(FAST, BUILD_SECONDS):
        return
    for name, network in networks().items():
        for streams in STREAMS:
            x = inputs(network, streams)
            q = quantise.quantise(network, c, x[:, :CALIBRATION])
            p = compile_network(q, c, streams, None, 32)
            predicted = timing.predict(p, FRAMES).last_out
            report = on_rtl(p, q, q.quantise_inputs(x), predicted, None)
            cycles = report["cycles_per_frame"]
            yield _row(name, FAST, c, streams, network.kept_weights, cycles, "rtl")


def luts(c: Config, out: Path) -> int:
    """LUTs by Yosys of the modules that the parameters change; like ones are mapped once."""
    instances = design.elaborate(design.TOP, config.rtl_parameters(c))
    return sum(_luts(i.module, i.parameters, out) for i in instances if i.module in PARTS)


@functools.cache
def _luts(part: str, parameters: tuple[tuple[str, int], ...], out: Path) -> int:
    areas, _ = synthesis.synthesise("xcup", f"slots_{part}", part, dict(parameters), out=out)
    return int(areas["total"]["LUT"])


def area_rows(out: Path) -> Iterator[Row]:
    """LUTs of these modules in every machine of 256 PEs.

    Args:
        out: folder for Yosys, below the working folder.
    """
    for machine, (base, changes) in MACHINES.items():
        c = config.load(base, **changes)
        if c.pes == config.load(BASE).pes:
            yield {"table": "area", "machine": machine, "pes": c.pes, "lut": luts(c, out)}
