# SPDX-License-Identifier: Apache-2.0
"""A transition system of Yosys (SMT-LIB 2), asked by Z3: from reset, by induction, for covers.

Limits are counts of Z3's own steps, so an answer does not depend on the computer's speed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import z3

STEPS = 2_000_000_000  # Z3's resource limit of one question


class Failed(NamedTuple):
    """Names of broken assertions, and the cycle after reset; -1 if from no reachable state."""

    names: tuple[str, ...]
    cycle: int


class System:
    """A circuit with its assertions, assumptions and covers.

    Args:
        file: written by ``write_smt2``.
    """

    def __init__(self, file: Path) -> None:
        self.text = file.read_text()
        found = re.search(r"^; yosys-smt2-topmod (\S+)", self.text, re.MULTILINE)
        if found is None:
            raise ValueError(f"{file}: no top module")
        self.top = found[1]
        self.asserts, self.covers = (
            dict(re.findall(rf"^; yosys-smt2-{kind} (\d+) (.*)", self.text, re.MULTILINE))
            for kind in ("assert", "cover")
        )

    def _solver(self) -> z3.Solver:
        solver = z3.SolverFor("QF_AUFBV")
        solver.set("rlimit", STEPS)
        return solver

    def _states(self, count: int) -> str:
        return "\n".join(f"(declare-fun s{i} () |{self.top}_s|)" for i in range(count))

    def _call(self, function: str, *cycles: int) -> str:
        return f"(|{self.top}{function}| {' '.join(f's{c}' for c in cycles)})"

    def _path(self, last: int, *, reset: bool) -> list[str]:
        """Conditions of states 0 to ``last`` that follow each other."""
        out = []
        for i in range(last + 1):
            out += [self._call("_h", i), self._call("_u", i)]
            out.append(
                self._call("_is", i) if reset and i == 0 else f"(not {self._call('_is', i)})"
            )
            if i:
                out.append(self._call("_t", i - 1, i))
        return [*out, self._call("_i", 0)] if reset else out

    def _ask(self, count: int, conditions: list[str], wanted: dict[str, str]) -> list[str] | None:
        """Keys of ``wanted`` that hold in a solution; None if there is no solution.

        Raises:
            TimeoutError: Z3 gave up.
        """
        solver = self._solver()
        names = [f"(declare-fun w{i} () Bool) (assert (= w{i} {w}))" for i, w in
                 enumerate(wanted.values())]  # fmt: skip
        text = "\n".join((self.text, self._states(count), *names))
        solver.from_string(text + "".join(f"\n(assert {c})" for c in conditions))
        answer = solver.check()
        if answer == z3.unsat:
            return None
        if answer == z3.unknown:
            raise TimeoutError(f"{self.top}: Z3 gave up: {solver.reason_unknown()}")
        model = {d.name(): model_value for d in solver.model()
                 if (model_value := solver.model()[d]) is not None}  # fmt: skip
        return [key for i, key in enumerate(wanted) if z3.is_true(model.get(f"w{i}"))]

    def _broken(self, cycle: int) -> dict[str, str]:
        return {
            name: f"(not {self._call(f'_a {index}', cycle)})"
            for index, name in self.asserts.items()
        }

    def from_reset(self, bound: int) -> Failed | None:
        """The first cycle after reset, at most ``bound``, in which an assertion breaks."""
        for cycle in range(bound + 1):
            kept = [self._call("_a", i) for i in range(cycle)]
            path = self._path(cycle, reset=True)
            broken = f"(not {self._call('_a', cycle)})"
            names = self._ask(cycle + 1, [*path, *kept, broken], self._broken(cycle))
            if names is not None:
                return Failed(tuple(names), cycle)
        return None

    def induction(self, steps: int) -> Failed | None:
        """Any ``steps`` states in a row that keep all assertions are followed by one that does."""
        kept = [self._call("_a", i) for i in range(steps)]
        broken = f"(not {self._call('_a', steps)})"
        path = self._path(steps, reset=False)
        names = self._ask(steps + 1, [*path, *kept, broken], self._broken(steps))
        return None if names is None else Failed(tuple(names), -1)

    def cover(self, bound: int) -> dict[str, int | None]:
        """For each cover the first cycle after reset that reaches it; None beyond ``bound``."""
        out: dict[str, int | None] = dict.fromkeys(self.covers.values())
        for cycle in range(bound + 1):
            left = {k: v for k, v in self.covers.items() if out[v] is None}
            while left:
                wanted = {v: self._call(f"_c {k}", cycle) for k, v in left.items()}
                some = f"(or {' '.join(wanted.values())})"
                path = [*self._path(cycle, reset=True)]
                hit = self._ask(cycle + 1, [*path, some], wanted)
                if hit is None:
                    break
                out |= dict.fromkeys(hit, cycle)
                left = {k: v for k, v in left.items() if out[v] is None}
        return out
