# SPDX-License-Identifier: Apache-2.0
"""A compiled program, instruction by instruction, without time.

Every unit runs its words in order and waits for events and tokens as the hardware does
(docs/reference/isa.md); a random choice picks the next of the units able to go on. Results must
not depend on it: if a program reads a value without a wait for it, or overwrites one too early, it
gives other numbers than the fixed model, and an endless wait stops.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from csb_rnn.errors import CsbError
from csb_rnn.machine import isa, numerics
from csb_rnn.machine.numerics import Ints
from csb_rnn.program.program import Program

_ACTS = {code: name for name, code in isa.ACT.items()}


class StuckError(CsbError, RuntimeError):
    """No unit can go on."""


class Interpreter:
    """One run of a program over frames."""

    def __init__(self, p: Program, x: Ints, state: Mapping[str, Ints] | None, seed: int) -> None:
        """
        Args:
            x: integers ``[iterations, inputs]``, one frame of each stream after the other.
            state: ``[streams, H]`` of every state; zero if None.
        """
        c = self.c = p.config
        self.p, self.x, self.fresh = p, np.asarray(x, np.int64), state is None
        self.choice = np.random.default_rng(seed)
        self.neurons = np.zeros((c.L, c.neuron_depth), np.int64)
        # Of every ring: the L columns of its own engine row, then those of each other set of banks.
        self.sides, self.sets = np.array(c.sides), np.array(c.bank_sets)
        columns = len(self.sets) * c.L
        self.acc = np.zeros((c.rings, columns, c.drain_banks, c.acc_depth), np.int64)
        self.state = np.zeros((c.lanes, c.state_depth), np.int64)
        self.state[:, : len(p.constants)] = p.constants.T
        for s in p.states:
            for n, v in enumerate(state[s.key] if state is not None else ()):
                self.state[s.lane, s.base + s.slot * s.stride + n * p.state_stride] = v
        self.regs = {k: np.zeros((isa.REG_DEPTH, c.lanes), np.int64) for k in ("drain", "elem")}
        self.events = [0] * isa.EVENTS
        self.marks, self.drained_marks = [0] * len(p.groups), 0
        self.posts = self.taken_posts = self.releases = self.acquired = 0
        self.iterations = [0] * len(p.groups)  # ended by a PEGroup
        self.out = np.zeros((2, c.out_depth, c.L), np.int64)
        self.done = self.sent = self.out_taken = 0
        self.ready = False  # the prologue has landed
        self.outputs: list[Ints] = []

    # --- addresses ------------------------------------------------------------------------------

    def _neuron(self, addr: Ints, frame: int, stream: int, pp: Ints) -> Ints:
        bits = self.c.neuron_aw
        turned = sum(((stream >> i) & 1) << (bits - 2 - i) for i in range(3))
        half = (frame & 1) * pp << (bits - 1)
        return addr ^ half ^ turned

    def _acc(self, addr: Ints, n: int, pp: int) -> Ints:
        return addr ^ ((n & 1) * pp * self.c.acc_half)

    # --- units: each step of a generator is a word, True if it could issue ------------------------

    def _group(self, g: int) -> Iterator[bool]:
        p, c, n = self.p, self.c, 0
        prog, k, col = p.groups[g], g // c.L, g % c.L
        sums = np.zeros(c.P, np.int64)
        rows = np.arange(c.P)
        ring = k * c.P + rows
        shares = rows // c.shared_cols  # share group of each row
        back = isa.lag_iterations(p.streams)
        while True:
            for at in range(len(prog)):
                word = {name: v[at] for name, v in (*prog.ctl.items(), *prog.rows.items())}
                needs = [(event, n - back[lag] + 1) for event, lag in isa.peg_waits(word)]
                while not self.ready or any(self.events[e] < want for e, want in needs):
                    yield False
                addr = self._neuron(
                    prog.pe["c"][at], n // p.streams, n % p.streams, word["pp"][:, None]
                )
                neurons = self.neurons[(col + self.sides[prog.pe["s"][at]]) % c.L, addr]
                products = prog.pe["w"][at] * neurons[shares]
                place = self._acc(word["row"], n, int(word["acc_pp"]))
                vert = word.get("vert", 0 * rows)
                owner = (ring + self.sets[vert] * c.P) % c.rings
                column = col + vert * c.L
                old = self.acc[owner, column, word["bank"], place]
                begin = np.where(word["clr"], 0, old)
                sums = np.where(word["first"], begin, sums) + products.sum(axis=1)
                for r in np.flatnonzero(word["store"]):
                    self.acc[owner[r], column[r], word["bank"][r], place[r]] = sums[r]
                self.marks[g] += int(word["mark"])
                if at == len(prog) - 1:
                    self.iterations[g] += 1
                yield True
            n += 1

    def _drain(self) -> Iterator[bool]:
        p, c, n = self.p, self.c, 0
        lane = np.arange(c.lanes)
        while True:
            for w in p.drain:
                while w.get("wait_mark") and min(self.marks) <= self.drained_marks:
                    yield False
                self.drained_marks += int(bool(w.get("wait_mark")))
                while w.get("acquire") and self.acquired - self.releases >= p.reg_credits:
                    yield False
                self.acquired += int(bool(w.get("acquire")))
                at = self._acc(np.array(w["acc_addr"], np.int64), n, int(w["acc_pp"]))
                for i in range(c.drain_rows):
                    rows = self.acc[lane // c.drain_banks, :, lane % c.drain_banks, at + i]
                    shift, act = isa.drain_row(w, i)
                    bias = p.bias[w["bias_addr"] + i]
                    v = numerics.drain_value(rows.sum(axis=1), bias, shift, c)
                    self.regs["drain"][w["dst"] + i] = numerics.activation(v, _ACTS[act])
                self.posts += int(bool(w.get("post")))
                if w.get("evt_en"):
                    self.events[w["evt"]] += 1
                yield True
            n += 1

    def _operand(self, w: Mapping[str, int], port: str, base: int, lead: bool) -> Ints | int:
        names = isa.M_SEL if port[0] == "m" else isa.X_SEL
        kind = next(k for k, v in names.items() if v == w.get(f"{port}_sel", 0))
        if kind in ("one", "zero"):
            return numerics.ONE if kind == "one" else 0
        if kind == "state":
            if lead and w.get("fresh") and self.fresh:
                return 0
            raw = self.state[:, w["st_raddr"] + base]
            return numerics.from_state(raw, self.c, bool(w.get("st_fine_rd")))
        return self.regs[kind][w.get(port, 0)].copy()

    def _word(self, w: Mapping[str, int], frame: int, stream: int, lead: bool) -> None:
        c, base = self.c, stream * self.p.state_stride
        m0, x0, m1, x1 = (self._operand(w, k, base, lead) for k in ("m0", "x0", "m1", "x1"))
        v = numerics.element(m0, x0, m1, x1, bool(w.get("sub")), c) + np.zeros(c.lanes, np.int64)
        if w.get("reg_we"):
            self.regs["elem"][w["reg"]] = numerics.activation(v, _ACTS[int(w.get("act", 0))])
        if w.get("st_we"):
            fine = bool(w.get("st_fine_wr"))
            self.state[:, w["st_waddr"] + base] = numerics.to_state(v, c, fine=fine)
        small = numerics.to_neuron(v, w.get("neu_shift", 0), c)
        lane = np.arange(c.lanes)
        place = c.bus_place(lane)
        column = (place + w.get("neu_rot", 0)) % c.L
        if w.get("neu_we"):
            pp = np.array(bool(w.get("neu_pp")), np.int64)
            at = np.int64(w["neu_addr"]) + place // c.L
            self.neurons[column, self._neuron(at, frame, stream, pp)] = small
        if w.get("out_we"):
            self.out[self.done % 2, w["out_addr"] + place // c.L, column] = small
        if w.get("evt_en"):
            self.events[w["evt"]] += 1
        self.done += int(bool(w.get("out_done")))

    def _element(self) -> Iterator[bool]:
        p, n = self.p, 0
        for stream in range(p.streams):
            for w in p.elem[: p.elem_loop]:
                self._word(w, -1, stream, lead=True)
                yield True
        self.ready = True
        while True:
            for w in p.elem[p.elem_loop :]:
                while w.get("pend") and self.posts <= self.taken_posts:
                    yield False
                self.taken_posts += int(bool(w.get("pend")))
                while w.get("out_acquire") and self.out_taken - self.sent >= 2:
                    yield False
                self.out_taken += int(bool(w.get("out_acquire")))
                self._word(w, n // p.streams, n % p.streams, lead=False)
                self.releases += int(bool(w.get("release")))
                yield True
            n += 1

    def _input(self) -> Iterator[bool]:
        p, c = self.p, self.c
        j = np.arange(p.inputs)
        for n, frame in enumerate(self.x):
            while not self.ready or min(self.iterations) < n - 1:
                yield False
            at = self._neuron(p.x_base + j // c.L, n // p.streams, n % p.streams, np.array(1))
            self.neurons[j % c.L, at] = frame
            self.events[isa.EVENT_X] += 1
            yield True
        while True:
            yield False

    def _output(self) -> Iterator[bool]:
        while True:
            while self.sent >= self.done:
                yield False
            self.outputs.append(self.out[self.sent % 2, self.p.out_word, self.p.out_column].copy())
            self.sent += 1
            yield True

    def run(self) -> Ints:
        """All frames; outputs ``[iterations, outputs]``.

        Raises:
            StuckError: no unit can go on, but frames are missing.
        """
        units = [self._group(g) for g in range(len(self.p.groups))]
        units += [self._drain(), self._element(), self._input(), self._output()]
        idle = 0  # turns without a move; a unit may notice one turn late
        while idle < 2:
            moved = False
            for i in self.choice.permutation(len(units)):
                for _ in range(int(self.choice.integers(1, 40))):
                    if not next(units[i]):
                        break
                    moved = True
            idle = 0 if moved else idle + 1
        if len(self.outputs) < len(self.x):
            raise StuckError(f"{len(self.outputs)} of {len(self.x)} frames came out")
        return np.array(self.outputs)

    def final(self) -> dict[str, Ints]:
        """States ``[streams, H]`` by key, after :meth:`run`."""
        return {
            s.key: np.stack(
                [self.state[s.lane, s.base + s.slot * s.stride + n * self.p.state_stride]
                 for n in range(self.p.streams)]
            )
            for s in self.p.states
        }  # fmt: skip
