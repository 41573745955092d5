# SPDX-License-Identifier: Apache-2.0
"""Energy of a frame: accesses and operations times an energy each.

Operations at 45 nm: M. Horowitz, "Computing's energy problem", ISSCC 2014: an addition of 32 bits
takes 0.1 pJ, a multiplication 3.1 pJ. An adder is taken as proportional to its bits, a multiplier
to the product of its operands' bits. At 22 nm both are scaled by the equations of Stillmaker and
Baas, Integration 58 (2017), from 0.9 V to 0.8 V.
"""

from __future__ import annotations

import dataclasses

from csb_rnn.experiments.energy.accesses import NARROW_W, accesses, operations
from csb_rnn.experiments.energy.cacti import Energies
from csb_rnn.machine.config import Config
from csb_rnn.program.program import Program

ADD_PJ, MULTIPLY_PJ, BITS = 0.1, 3.1, 32  # Horowitz, 45 nm
# a, b, c of the energy a*V*V + b*V + c of a node (Stillmaker and Baas, table 3).
STILLMAKER = {45: (1.103, -0.362, 0.2767), 32: (0.9559, -0.7823, 0.471),
              20: (0.373, -0.1582, 0.04104)}  # fmt: skip
VOLTS = {45: 0.9, 22: 0.8}
SLOPE_W = 11  # bits of a slope of the activation table (hdl/datapath/csb_act.sv)

#: Parts of a frame's energy: those of the engine, then those of all the rest.
ENGINE = ("words", "neurons read", "neurons written", "accumulators", "products")
REST = ("data path",)


def _stillmaker(node: int, volts: float) -> float:
    a, b, c = STILLMAKER[node]
    return a * volts * volts + b * volts + c


def scale(node: int) -> float:
    """Energy of an operation at ``node`` nm over the energy at 45 nm; 22 lies between 20 and 32."""
    if node == 45:
        return 1.0
    volts = VOLTS[node]
    low, high = _stillmaker(20, volts), _stillmaker(32, volts)
    return (low + (high - low) * (node - 20) / 12) / _stillmaker(45, VOLTS[45])


def add(bits: int) -> float:
    """pJ of an addition at 45 nm."""
    return ADD_PJ * bits / BITS


def multiply(a: int, b: int) -> float:
    """pJ of a multiplication of ``a`` x ``b`` bits at 45 nm."""
    return MULTIPLY_PJ * a * b / BITS**2


@dataclasses.dataclass(frozen=True)
class Frame:
    """Energy of a frame.

    Attributes:
        parts: nJ by name, those of :data:`ENGINE` and :data:`REST`.
        kept: kept weights.
    """

    parts: dict[str, float]
    kept: int

    @property
    def engine(self) -> float:
        """nJ of the engine: words, neurons, accumulators, products."""
        return sum(self.parts[name] for name in ENGINE)

    @property
    def all(self) -> float:
        """nJ of everything counted."""
        return sum(self.parts.values())


def product_pj(c: Config) -> float:
    """pJ of a product and its addition at 45 nm."""
    return multiply(c.weight_w, c.data_w) + add(c.acc_w)


def energy(
    p: Program, cycles: int, node: int, energies: Energies, machine: Config | None = None
) -> Frame:
    """Energy of a frame of a program with so many cycles.

    Args:
        machine: see :func:`csb_rnn.experiments.energy.accesses.accesses`.
    """
    c = machine or p.config
    found = accesses(p, cycles, machine)
    o = operations(p)
    reads, writes = {}, {}
    for name, m in found.items():
        e = energies.of(m.width, m.depth, node)
        reads[name], writes[name] = m.reads * e.read / 1000, m.writes * e.write / 1000
    both = {name: reads[name] + writes[name] for name in found}
    k = scale(node) / 1000
    drained = (c.L * len(c.bank_sets)) * add(c.acc_w) + multiply(SLOPE_W, 10) + add(18)
    element = 2 * multiply(NARROW_W - 1, c.lane_w) + add(c.lane_w) + multiply(SLOPE_W, 10)
    sums = both.pop("accumulators of PE rows") + both.pop("accumulators for drains")
    words = both.pop("PEGroup words")
    both.pop("neurons")
    parts = {
        "words": words,
        "neurons read": reads["neurons"],
        "neurons written": writes["neurons"],
        "accumulators": sums,
        "products": o.products * product_pj(c) * k,
        "data path": sum(both.values()) + (o.drained * drained + o.elements * element) * k,
    }
    return Frame(parts, o.kept)
