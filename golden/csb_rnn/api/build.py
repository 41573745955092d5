# SPDX-License-Identifier: Apache-2.0
"""From a source to a build: its predictions, its models, its run on the RTL."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from csb_rnn import flow
from csb_rnn.api import arguments, running, sizes
from csb_rnn.api.results import Memory, Prediction, Result, Run
from csb_rnn.api.sources import read_source
from csb_rnn.execution import timing, utilisation
from csb_rnn.machine import image
from csb_rnn.machine.config import Config
from csb_rnn.machine.own_config import choose
from csb_rnn.network.onnx.hosting import Engine
from csb_rnn.network.read import Source, with_initial
from csb_rnn.system import extras

if TYPE_CHECKING:
    from csb_rnn import verify
    from csb_rnn.api.sources import AnySource

States: TypeAlias = Mapping[str, ArrayLike] | None

log = logging.getLogger(__name__)
_PREDICTED_FRAMES = 240  # enough for the definition of an interval


class Build:
    """A model, quantised, compiled and packed for a configuration.

    Attributes:
        record: the results of all steps on the way.
    """

    def __init__(self, record: flow.Build) -> None:
        self.record = record

    def __repr__(self) -> str:
        r = self.record
        return (
            f"<Build of {r.cell} {r.inputs} -> {r.outputs} on {r.config.name}: "
            f"{r.kept_weights} kept weights>"
        )

    # --- before anything runs -------------------------------------------------------------------
    def predict(self) -> Prediction:
        """Cycles, efficiency, memory and bound, from the program alone."""
        r, c = self.record, self.record.config
        cycles = issue = 0.0
        latency = 0
        used: Counter[str] = Counter()
        bounds: dict[str, float] = {}
        for part in r.parts:
            p = part.compiled()
            times = timing.predict(p, _PREDICTED_FRAMES)
            interval = timing.interval(times.last_out)
            cycles, latency = cycles + interval, latency + int(times.last_out[0])
            issue += flow.issue_cycles(p)
            bounds[utilisation.analyse(p).bound] = interval
            for s in part.sections:
                name = s.target.name.lower()
                used[name] = max(used[name], s.addr + len(s.words))
            used["state"] = max(used["state"], p.state_stride * p.streams)
        depths = {t.name.lower(): depth for t, (_, depth, _) in image.memories(c).items()}
        return Prediction(
            cycles=cycles,
            latency=latency,
            mac_efficiency=flow.ratio(r.kept_weights, c.pes * issue),
            frame_efficiency=flow.ratio(r.kept_weights, c.pes * cycles),
            memory={n: Memory(used[n], d) for n, d in depths.items() if n != "config"},
            bound=max(bounds, key=bounds.__getitem__),
        )

    # --- pictures -------------------------------------------------------------------------------
    def plot_kernels(self) -> Any:
        """A figure of matplotlib: blocks, kernels and kept weights of the six largest matrices.

        Raises:
            UsageError: matplotlib is not installed.
        """
        from csb_rnn.api import plots

        return plots.build_kernels(self.record)

    def plot_timeline(self, frames: int = 3) -> Any:
        """A figure of matplotlib: who works when over some frames, and why the others wait.

        Args:
            frames: in steady state.

        Raises:
            UsageError: no frame, a model of several parts; matplotlib is not installed.
        """
        from csb_rnn.api import plots

        return plots.build_timeline(self.record, frames)

    def plot_losses(self) -> Any:
        """A figure of matplotlib: the share of PE time by cause, the useful one included.

        Raises:
            UsageError: a model of several parts; matplotlib is not installed.
        """
        from csb_rnn.api import plots

        return plots.build_losses(self.record)

    # --- models ---------------------------------------------------------------------------------
    @extras.named
    def run_float(self, x: Any, state: States = None) -> Result:
        """The float model: the network as it was trained.

        Args:
            x: ``[frames, inputs]`` or ``[batch, frames, inputs]``. If the source needs the host
                (an embedding, a convolution, a softmax, ...): inputs of its graph in its own
                shapes, one array, a tuple in their order, or arrays by name. The host's parts then
                run around the engine, and the outputs are those of the graph.
            state: initial states by torch's names, ``[H]`` or ``[batch, H]``; absent ones are
                those of the model, or zero.

        Raises:
            UsageError: a wrong shape, or the build was loaded from a folder, which has integers.
            OnnxError: inputs unknown to the graph.
        """
        return self._result(lambda own: flow.float_engine(self.record, own), x, state)

    @extras.named
    def run_fixed(self, x: Any, state: States = None) -> Result:
        """The fixed model: every bit as the machine computes it; arguments as :meth:`run_float`.

        Raises:
            UsageError, QuantError: a wrong shape, an unknown state, NaN or infinity.
        """
        return self._result(lambda own: flow.fixed_engine(self.record, own), x, state)

    def _result(self, make: Callable[[States], Engine], x: Any, state: States) -> Result:
        def engine(frames: np.ndarray, given: dict[str, np.ndarray]) -> Any:
            return make(running.batched(state, len(frames), self.record))(frames, given)

        return running.result(self.record, engine, x)

    # --- the machine ----------------------------------------------------------------------------
    @extras.named
    def simulate(
        self,
        x: Any,
        state: States = None,
        sim: str = "verilator",
        trace: bool = False,
        waves: bool = False,
        out: str | Path | None = None,
    ) -> Run:
        """The RTL, compared with the models bit for bit and cycle for cycle.

        The first run on a configuration compiles its simulation: minutes for a large one.

        Args:
            x, state: as :meth:`run_float`. A build of S streams takes S sequences at a time.
            sim: ``verilator`` or ``icarus``.
            trace: with ``out``, who worked when and where cycles were lost.
            waves: with ``out``, every signal.
            out: folder for outputs, states and report; None writes nothing.

        Raises:
            UsageError, QuantError: bad input, or a program is not installed.
            SimulationError: the simulation failed.
        """
        running.need_simulator(sim)
        folder = None if out is None else arguments.path("out", out)
        from csb_rnn import verify

        runs: list[verify.Run] = []
        several = self.record.host is not None and bool(self.record.host.lengths)
        settings = {"sim": sim, "timeline": trace, "waves": waves}
        found = self._result(
            lambda own: verify.on_machine(self.record, own, folder, runs, several, **settings),
            x,
            state,
        )
        reports = tuple(r.report for r in runs)
        for line in dict.fromkeys(r["warning"] for r in reports if r["warning"] is not None):
            log.warning("%s", line)
        count = ("mismatches", "state_mismatches", "cycle_mismatches")
        intervals = [r["cycles_per_frame"] for r in reports]
        return Run(
            outputs=found.outputs,
            state=found.state,
            named=found.named,
            cycles=None if None in intervals else float(np.mean(intervals)),
            saturations=sum(r["saturations"] + r["input_saturations"] for r in reports),
            mismatches=sum(r[k] or 0 for r in reports for k in count),
            reports=reports,
        )

    @extras.named
    def evaluate(
        self,
        inputs: Any,
        labels: ArrayLike | None = None,
        reference: ArrayLike | None = None,
        **settings: Any,
    ) -> verify.Evaluation:
        """Float model, fixed model and RTL side by side: error and accuracy over sequences.

        Args:
            inputs: ``[sequences, frames, n]``, or the inputs of a source with host parts.
            labels: classes, of every frame or ``[sequences]`` of the last.
            reference: outputs as they should be.
            settings: ``rtl`` (sequences on the RTL, 2), ``lengths``, ``output``, ``sim``: see
                :func:`csb_rnn.verify.evaluate`.

        Raises:
            UsageError, OnnxError, QuantError: data of a wrong shape.
            SimulationError: the simulation failed.
        """
        from csb_rnn import verify

        settings["rtl"] = arguments.whole("rtl", settings.get("rtl", 2), least=0)
        if settings["rtl"]:
            running.need_simulator(settings.get("sim", "verilator"))
        x, *known = map(arguments.each_plain, (inputs, labels, reference))
        return verify.evaluate(self.record, x, known[0], known[1], **settings)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the image folder, whole or not at all.

        Raises:
            UsageError, OSError: it cannot be written.
        """
        flow.save(self.record, arguments.path("folder", folder))


@extras.named
def build(
    source: AnySource,
    *,
    config: str | os.PathLike[str] | Config | None = None,
    calibrate: Any = None,
    initial: Mapping[str, ArrayLike] | None = None,
    streams: int = 1,
    block: str | int = "auto",
    sharing: str | None = None,
    prefix: str | None = None,
    cell: str | None = None,
    example: Any = None,
    unchecked: bool = False,
) -> Build:
    """Quantise, compile and pack a model, which is compared with its source first.

    Args:
        source: file, module or state dict (:func:`csb_rnn.read`).
        config: name of a configuration in ``hdl/configs.toml``, path of a TOML file, or one; None
            for the smallest that holds the model.
        calibrate: float inputs ``[frames, inputs]`` or ``[batch, frames, inputs]`` that set the
            number formats; without them |x| < 8. If the source needs the host: inputs of its graph.
        initial: states at the start of a run, ``[H]`` by torch's names.
        streams: sequences, taking turns on the machine, 1 to 8.
        block: side of the blocks of the weights' pattern, or ``auto``.
        sharing: ``none``, ``horizontal``, ``vertical``, ``both``; None for all those built in.
        prefix, cell, example: as :func:`csb_rnn.read`.
        unchecked: do not run the source, by onnxruntime or torch, to compare the model with it.

    Raises:
        CsbError: bad input; one line with the fault.
    """
    options = arguments.options(block, sharing, streams)
    named = None if config is None else arguments.configuration(config)
    start = {} if initial is None else arguments.by_name("initial", initial)
    found = read_source(source, prefix=prefix, cell=cell, example=example)
    if start:
        found = dataclasses.replace(found, model=with_initial(found.model, start))
    samples = arguments.each_plain(calibrate)
    if calibrate is not None and found.plan is None:
        samples = running.sequences(calibrate, found.model.inputs)[0]

    def make(source: Source) -> Build:
        chosen = named or sizes.smallest(source, samples, **options)
        c = chosen if isinstance(chosen, Config) else choose(chosen)
        return Build(flow.build_source(source, c, samples, unchecked, **options))

    return flow.fitting(found, make, log.warning)


@extras.named
def load(folder: str | os.PathLike[str]) -> Build:
    """The build of an image folder, checked against itself: CsbError if files contradict."""
    return Build(flow.load(arguments.path("folder", folder)))
