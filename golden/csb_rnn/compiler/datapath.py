# SPDX-License-Identifier: Apache-2.0
"""Drain and element programs.

Drain: for every unit slot, one word for each accumulator row of a unit. Element: the cell's
element-wise nodes, software-pipelined over the slots of a stage. Registers are handed from the
drain unit to the element unit in sets, one set a slot, by tokens.
"""

from __future__ import annotations

import dataclasses

from csb_rnn.cells.graph import PORTS, Elem, Stage
from csb_rnn.machine import isa
from csb_rnn.machine.config import Config
from csb_rnn.program.program import CompileError


@dataclasses.dataclass(frozen=True)
class StagePlan:
    """Where the parts of one stage of a layer are: first addresses, events, formats."""

    name: str  # of the cell, for messages
    stage: Stage
    slots: int
    acc_base: int  # accumulator (and bias) address of slot s, drain g: acc_base + s*G + g
    shifts: tuple[int, ...]  # shift field of each drain
    state: dict[str, int]  # address of each state and constant of the space in slot 0
    fine: frozenset[str]  # those with LANE_FRAC fraction bits
    restore: dict[str, str | None]  # states restored by the prologue, and their vectors
    neuron_base: dict[str, list[int]]  # of each vector with a reader, slot by slot
    neuron_pp: dict[str, bool]
    neuron_shift: dict[str, int]  # of every vector
    rot: list[int]  # column of lane 0 in every slot
    sub_slots: int  # words of one slot on the neuron bus
    out_base: int | None  # output buffer word of slot 0, if the layer is the last
    written: dict[str, int]  # event of each vector
    early: dict[str, tuple[int, int]]  # of some: slots with an event of their own, and the
    drained: int | None  # event of the stage, if anybody waits for it

    def state_addr(self, slot: int, name: str) -> int:
        return self.state[name] + slot * len(self.state)


def register_sets(slots: int, largest: int) -> tuple[list[int], int]:
    """Register set of each of a cycle of ``slots`` slots, and how many may be in flight.

    The cycle repeats for ever, so sets are reused within it *and* across its end. It is cut in
    nearly equal blocks of at most REG_DEPTH // largest slots; a set comes back after a block at
    the earliest, so as many sets as the smallest block has slots may be in flight.
    """
    limit = isa.REG_DEPTH // largest
    blocks = -(-slots // limit)
    sizes = [slots // blocks + (b < slots % blocks) for b in range(blocks)]
    return [i for size in sizes for i in range(size)], min(sizes)


def drain_program(plans: list[StagePlan], acc_pp: bool) -> tuple[list[dict[str, int]], int]:
    """Drain words and the number of register sets in flight."""
    largest = max(len(plan.stage.drains) for plan in plans)
    sets, in_flight = register_sets(sum(plan.slots for plan in plans), largest)
    words = []
    for plan in plans:
        count = len(plan.stage.drains)
        for s in range(plan.slots):
            base = sets.pop(0) * largest
            for g, d in enumerate(plan.stage.drains):
                addr = plan.acc_base + s * count + g
                words.append(
                    {
                        "wait_mark": g == 0,
                        "acquire": g == 0,
                        "post": g == count - 1,
                        "acc_addr": addr,
                        "acc_pp": acc_pp,
                        "bias_addr": addr,
                        "shift": plan.shifts[g],
                        "act": isa.ACT[d.act],
                        "dst": base + g,
                    }
                )
        if plan.drained is not None:
            words[-1].update(evt_en=1, evt=plan.drained)
    words[-1]["last"] = 1
    return words, in_flight


# --- element unit -----------------------------------------------------------------------------


@dataclasses.dataclass
class _Op:
    """One element word before timing: its reads and writes, for hazards."""

    word: dict[str, int]
    reads: list[tuple]  # ("reg", n) or ("state", addr)
    writes: list[tuple]
    bus: bool = False  # uses the neuron write bus


def registers(stage: Stage) -> dict[str, int]:
    """Element register, within a slot's, of every node with users."""
    used = {op for n in stage.elems for op in n.operands}
    return {name: i for i, name in enumerate(n.name for n in stage.elems if n.name in used)}


def _slot_ops(plan: StagePlan, s: int, drain_base: int, elem_base: int) -> list[_Op]:
    """The stage's element nodes for one slot, in order."""
    drains = [d.name for d in plan.stage.drains]
    regs = {name: elem_base + i for name, i in registers(plan.stage).items()}
    ops = []
    for n in plan.stage.elems:
        word: dict[str, int] = {"sub": n.sub, "act": isa.ACT[n.act]}
        reads: list[tuple] = []
        writes: list[tuple] = []
        for port in PORTS:
            table = isa.M_SEL if port[0] == "m" else isa.X_SEL
            op = getattr(n, port)
            if op in ("one", "zero"):
                word[f"{port}_sel"] = table[op]
            elif ":" in op:
                addr = plan.state_addr(s, op)
                word[f"{port}_sel"], word["st_raddr"] = table["state"], addr
                word["st_fine_rd"] = op in plan.fine
                reads.append(("state", addr))
            elif op in drains:
                word[f"{port}_sel"], word[port] = table["drain"], drain_base + drains.index(op)
                reads.append(("drain", op))
            else:
                word[f"{port}_sel"], word[port] = table["elem"], regs[op]
                reads.append(("reg", regs[op]))
        if n.name in regs:
            word.update(reg_we=1, reg=regs[n.name])
            writes.append(("reg", regs[n.name]))
        if n.state is not None:
            name = f"state:{n.state}"
            addr = plan.state_addr(s, name)
            word.update(st_we=1, st_waddr=addr, st_fine_wr=name in plan.fine)
            writes.append(("state", addr))
        _route(plan, s, n, word)
        ops.append(_Op(word, reads, writes, bool(word.get("neu_we") or word.get("out_we"))))
    return ops


def _route(plan: StagePlan, s: int, n: Elem, word: dict[str, int]) -> None:
    """Neuron vector and output of a node; a slot takes sub_slots words of both."""
    if n.vector is not None and n.vector in plan.neuron_base:
        early, event = plan.early.get(n.vector, (0, 0))
        word.update(neu_we=1, neu_addr=plan.neuron_base[n.vector][s],
                    neu_pp=plan.neuron_pp[n.vector], neu_shift=plan.neuron_shift[n.vector],
                    neu_rot=plan.rot[s])  # fmt: skip
        if s == plan.slots - 1:
            word.update(evt_en=1, evt=plan.written[n.vector])
        elif s + 1 == early:
            word.update(evt_en=1, evt=event)
    if n.output and plan.out_base is not None:
        word.update(out_we=1, out_addr=plan.out_base + s * plan.sub_slots, out_acquire=s == 0,
                    out_done=s == plan.slots - 1, neu_shift=plan.neuron_shift[str(n.vector)],
                    neu_rot=plan.rot[s])  # fmt: skip


def _pipeline(
    per_slot: list[list[_Op]], interval: int, sets: int, turns: int, c: Config
) -> list[_Op]:
    """Interleave the ops of consecutive slots, a slot every ``interval`` cycles, so that an op
    comes when the results of its own slot are there.

    The first op in time that reads drain registers or writes a kept value waits for the drains of
    its slot, their last reader gives them back. No more slots may be between those two
    than there are register ``sets``, or the drain unit and the element unit would wait for each
    other. Element registers come round every ``turns`` slots: by then the last reader has gone.
    """
    first = per_slot[0]
    offsets: list[int] = []
    taken: set[int] = set()
    for i, op in enumerate(first):
        t = 0
        for j in range(i):
            for w in set(first[j].writes) & set(op.reads):
                t = max(t, offsets[j] + _latency(w, c))
            if {r for r in first[j].reads if r[0] == "state"} & set(op.writes):
                t = max(t, offsets[j] + 1)  # the old value is read before it is replaced
        while t % interval in taken:
            t += 1
        taken.add(t % interval)
        offsets.append(t)
    readers = [i for i, op in enumerate(first) if any(r[0] == "drain" for r in op.reads)] or [0]
    # Kept values are of a complete frame: nothing is written before the frame's first post.
    writers = [i for i, op in enumerate(first) if op.word.get("st_we") or op.bus]
    begin = min(readers + writers, key=offsets.__getitem__)
    end = max(readers, key=offsets.__getitem__)
    lives = [
        offsets[i] - offsets[j]
        for i, op in enumerate(first)
        for j in range(i)
        if {r for r in op.reads if r[0] == "reg"} & set(first[j].writes)
    ]
    if (offsets[end] - offsets[begin]) // interval + 1 > sets or max(
        lives, default=0
    ) >= turns * interval:
        return _pipeline(per_slot, interval + 1, sets, turns, c)
    for ops in per_slot:
        ops[begin].word["pend"] = 1
        ops[end].word["release"] = 1
    timed = [
        (s * interval + offsets[i], s, i) for s, ops in enumerate(per_slot) for i in range(len(ops))
    ]
    return [per_slot[s][i] for _, s, i in sorted(timed)]


def _latency(resource: tuple, c: Config) -> int:
    return isa.lat_elem_reg(c) if resource[0] == "reg" else isa.lat_elem_state(c)


def _with_gaps(ops: list[_Op], c: Config, cyclic: bool) -> list[dict[str, int]]:
    """Words with the free cycles between them for registers, state and the neuron bus.

    Only distances without any other wait count: a wait can only make them longer.
    """
    ready: dict[tuple, int] = {}
    bus_free, t = 0, -1
    gaps = [0] * len(ops)
    for _ in range(2 if cyclic else 1):  # the second turn sees the needs of the loop's end
        for i, op in enumerate(ops):
            at = t + 1 + gaps[i]
            for r in op.reads:
                at = max(at, ready.get(r, 0))
            if op.bus:
                at = max(at, bus_free)
                bus_free = at + c.sub_slots
            gaps[i] = max(gaps[i], at - t - 1)
            for w in op.writes:
                ready[w] = at + _latency(w, c)
            t = at
    words = []
    for op, gap in zip(ops, gaps, strict=True):
        while gap > 15:
            words.append({"gap": 15})
            gap -= 16
        words.append({**op.word, "gap": gap})
    return words


def element_program(plans: list[StagePlan], c: Config) -> tuple[list[dict[str, int]], int]:
    """Element words and the start address of the loop.

    The prologue brings the neuron buffers of frame -1 in line with the states (zero if the run
    starts fresh). Then, stage after stage, the cells.
    """
    prologue: list[_Op] = []
    for plan in plans:
        for s in range(plan.slots):
            for name, v in plan.restore.items():
                addr, fine = plan.state_addr(s, name), name in plan.fine
                word = {
                    "m0_sel": isa.M_SEL["one"], "x0_sel": isa.X_SEL["state"], "st_raddr": addr,
                    "m1_sel": isa.M_SEL["zero"], "x1_sel": isa.X_SEL["one"], "fresh": 1,
                    "st_we": 1, "st_waddr": addr, "st_fine_rd": fine, "st_fine_wr": fine,
                }  # fmt: skip
                if v in plan.neuron_base:
                    word.update(neu_we=1, neu_pp=plan.neuron_pp[v], neu_shift=plan.neuron_shift[v],
                                neu_rot=plan.rot[s], neu_addr=plan.neuron_base[v][s])  # fmt: skip
                prologue.append(_Op(word, [], [], v in plan.neuron_base))
    if not prologue:
        nothing = {"m0_sel": isa.M_SEL["zero"], "m1_sel": isa.M_SEL["zero"]}
        prologue = [_Op(nothing | dict.fromkeys(("x0_sel", "x1_sel"), isa.X_SEL["one"]), [], [])]
    head = _with_gaps(prologue, c, cyclic=True)

    largest = max(len(plan.stage.drains) for plan in plans)
    sets, in_flight = register_sets(sum(plan.slots for plan in plans), largest)
    ops: list[_Op] = []
    for plan in plans:
        regs = max(1, len(registers(plan.stage)))
        turns = isa.REG_DEPTH // regs
        if not turns:
            raise CompileError(
                f"cell {plan.name} needs {regs} element registers, a lane has {isa.REG_DEPTH}"
            )
        per_slot = [
            _slot_ops(plan, s, sets.pop(0) * largest, (s % turns) * regs) for s in range(plan.slots)
        ]
        bus = sum(op.bus for op in per_slot[0]) * c.sub_slots
        interval = max(len(per_slot[0]), bus, len(plan.stage.drains))
        ops += _pipeline(per_slot, interval, in_flight, turns, c)
    # A frame is complete when its states are: who stops behind the last one has all of them.
    done = next(i for i, op in enumerate(ops) if op.word.get("out_done"))
    ops[done].word["out_done"] = False
    ops[-1].word["out_done"] = ops[-1].bus = True
    body = _with_gaps(ops, c, cyclic=True)
    body[-1]["last"] = 1
    return head + body, len(head)
