# SPDX-License-Identifier: Apache-2.0
"""The record of a build: a model on its way from a file to images, each step beside those before.

:mod:`csb_rnn.flow.steps` has the steps: read -> quantise -> compile -> pack. A record is never
changed; a step returns one with more in it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from csb_rnn.errors import UsageError
from csb_rnn.flow.host import HostParts
from csb_rnn.machine.config import Config
from csb_rnn.machine.image import Section
from csb_rnn.models.directions import QModel, QSpan
from csb_rnn.models.integer_network import QNetwork
from csb_rnn.network.checkpoint import Checkpoint
from csb_rnn.network.network import Model, Network, model_key
from csb_rnn.program.program import Program


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a model is from.

    Attributes:
        name: of the file, or of the module's class.
        sha256: of the file; of all tensors of a module.
        checkpoint: the state dict, if it is one: statistics of its matrices come from it.
        cell: name of the cell, "" for the first layer's.
    """

    name: str
    sha256: str
    checkpoint: Checkpoint | None = None
    cell: str = ""


@dataclasses.dataclass(frozen=True)
class Options:
    """How a network is compiled.

    Attributes:
        block: side of the pattern's blocks, dealt as they are; ``auto``: the one of the model's
            metadata, or unknown, and the compiler deals the size with fewest cycles.
        sharing: one of :data:`csb_rnn.machine.sharing_modes.SHARING`; None for all
            those built in.
        compiler: one of :data:`csb_rnn.compiler.COMPILERS`.
        streams: independent streams, taking turns, 1 to 8.
    """

    block: str | int = "auto"
    sharing: str | None = None
    compiler: str = "default"
    streams: int = 1


@dataclasses.dataclass(frozen=True)
class Part:
    """One network of a model: an image of its own. A network of one direction is the whole model;
    a bidirectional layer is two parts.

    Attributes:
        number: of the span, counted in the order of the run.
        reverse: the network takes frames from the last to the first.
        first: number of its first layer in the model.
        frac: common fraction bits of the outputs of the span's parts.
        quantised: the network in integers.
        network: in float; None if it was read from an image folder.
        initial: float states at the start of a run, zero if absent.
        program: the compiler's result.
        block: side of the pattern's blocks, None if it is unknown.
        dealt_block: units kept together by the compiler.
        sections: words of every memory.
        data: the image, as the load port takes it.
        manifest: of the part's image folder.
    """

    number: int
    reverse: bool
    first: int
    frac: int
    quantised: QNetwork
    network: Network | None = None
    initial: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    program: Program | None = None
    block: int | None = None
    dealt_block: int = 0
    sections: tuple[Section, ...] = ()
    data: bytes = b""
    manifest: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """Name of its folder in a model's folder: ``span0``, ``span0_reverse``."""
        return f"span{self.number}{'_reverse' if self.reverse else ''}"

    def compiled(self) -> Program:
        """The program.

        Raises:
            UsageError: the part is not compiled yet.
        """
        if self.program is None:
            raise UsageError(f"{self.name}: is not compiled yet")
        return self.program

    def model_keys(self) -> dict[str, str]:
        """The model's name of each state -> its name in this network."""
        return {model_key(k, self.first, self.reverse): k for k in self.quantised.state_keys()}


@dataclasses.dataclass(frozen=True)
class Build:
    """A model for a configuration.

    Attributes:
        config: the machine.
        options: how it is compiled.
        source: where the model is from; None if it was read from an image folder.
        model: in float; None if it was read from an image folder.
        calibrate: float inputs ``[..., frames, inputs]`` for the number formats, if any.
        parts: the networks, in the order of the run; none before quantisation.
        host: parts of an ONNX file around the engine, if there are any.
        notes: entries of the manifest about the source: ``source_check``, ``unused``.
    """

    config: Config
    options: Options = Options()
    source: Source | None = None
    model: Model | None = None
    calibrate: np.ndarray | None = None
    parts: tuple[Part, ...] = ()
    host: HostParts | None = None
    notes: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def spans(self) -> list[list[Part]]:
        """Parts with the same input frames, together."""
        found: dict[int, list[Part]] = {}
        for part in self.parts:
            found.setdefault(part.number, []).append(part)
        return [found[n] for n in sorted(found)]

    @property
    def single(self) -> bool:
        """The model is one network, run forwards."""
        return len(self.parts) == 1 and not self.parts[0].reverse

    @property
    def part(self) -> Part:
        """The one part of a model of one direction.

        Raises:
            UsageError: the model has several.
        """
        if len(self.parts) != 1:
            raise UsageError(
                f"the model has {len(self.parts)} parts, each with an image of its own"
            )
        return self.parts[0]

    @property
    def inputs(self) -> int:
        """Values of an input frame."""
        return self.parts[0].quantised.inputs

    @property
    def outputs(self) -> int:
        """Values of an output frame."""
        return sum(part.quantised.outputs for part in self.spans[-1])

    @property
    def kept_weights(self) -> int:
        """Weights other than zero, before quantisation."""
        return sum(part.quantised.kept_weights for part in self.parts)

    @property
    def cell(self) -> str:
        """Name of the cell: the source's, else the first layer's."""
        named = self.source.cell if self.source is not None else ""
        return named or self.parts[0].quantised.layers[0].cell.name

    def state_keys(self) -> dict[str, tuple[Part, str]]:
        """The model's name of every state -> its part, and its name there."""
        return {key: (part, own) for part in self.parts for key, own in part.model_keys().items()}

    def initial_states(self) -> dict[str, Any]:
        """The model's own initial states, by its names."""
        return {
            key: part.initial[own]
            for key, (part, own) in self.state_keys().items()
            if own in part.initial
        }

    def integers(self) -> QModel:
        """The networks in integers, as one model."""
        return QModel(
            tuple(
                QSpan({p.reverse: p.quantised for p in parts}, parts[0].first, parts[0].frac)
                for parts in self.spans
            )
        )
