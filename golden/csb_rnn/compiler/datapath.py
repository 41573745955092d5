# SPDX-License-Identifier: Apache-2.0
"""Drain and element programs.

Drain: for every unit slot, one word for each accumulator row of a unit. Element: the cell's
element-wise nodes, software-pipelined over the slots of a stage. Registers are handed from the
drain unit to the element unit in sets, one set a slot, by tokens.
"""

from __future__ import annotations

import dataclasses

from csb_rnn.cells.graph import PORTS, Elem, Stage
from csb_rnn.compiler.element_order import Op, Pace, pipeline, with_gaps
from csb_rnn.machine import isa
from csb_rnn.machine.config import Config
from csb_rnn.program.program import CompileError


@dataclasses.dataclass(frozen=True)
class StagePlan:
    """Where the parts of one stage of a layer are: first addresses, events, formats."""

    name: str  # of the cell, for messages
    stage: Stage
    slots: int
    acc_base: int  # accumulator (and bias) address of slot s, drain g: acc_base + s*rows + g
    rows: int  # accumulator rows of a unit
    shifts: tuple[int, ...]  # shift field of each drain
    state: dict[str, int]  # address of each state and constant of the space in slot 0
    fine: frozenset[str]  # those with LANE_FRAC fraction bits
    restore: dict[str, str | None]  # states restored by the prologue, and their vectors
    neuron_base: dict[str, list[int]]  # of each vector with a reader, slot by slot
    neuron_pp: dict[str, bool]
    neuron_shift: dict[str, int]  # of every vector
    rot: list[int]  # column of lane 0 in every slot
    slot_words: int  # addresses of one slot
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


def drain_program(
    plans: list[StagePlan], acc_pp: bool, c: Config
) -> tuple[list[dict[str, int]], int]:
    """Drain words and the number of register sets in flight.

    A word drains ``drain_rows`` rows, the last one of a slot perhaps rows that nobody has."""
    largest = max(plan.rows for plan in plans)
    sets, in_flight = register_sets(sum(plan.slots for plan in plans), largest)
    words = []
    for plan in plans:
        acts = [isa.ACT[d.act] for d in plan.stage.drains]
        for s in range(plan.slots):
            base = sets.pop(0) * largest
            for g in range(0, plan.rows, c.drain_rows):
                addr = plan.acc_base + s * plan.rows + g
                word = {
                    "wait_mark": g == 0,
                    "acquire": g == 0,
                    "post": g + c.drain_rows == plan.rows,
                    "acc_addr": addr,
                    "acc_pp": acc_pp,
                    "bias_addr": addr,
                    "shift": plan.shifts[g],
                    "act": acts[g],
                    "dst": base + g,
                }
                if c.drain_rows > 1 and g + 1 < len(acts):
                    word.update(shift1=plan.shifts[g + 1], act1=acts[g + 1])
                words.append(word)
        if plan.drained is not None:
            words[-1].update(evt_en=1, evt=plan.drained)
    words[-1]["last"] = 1
    return words, in_flight


# --- element unit -----------------------------------------------------------------------------


def registers(stage: Stage) -> dict[str, int]:
    """Element register, within a slot's, of every node with users."""
    used = {op for n in stage.elems for op in n.operands}
    return {name: i for i, name in enumerate(n.name for n in stage.elems if n.name in used)}


def _slot_ops(plan: StagePlan, s: int, drain_base: int, elem_base: int) -> list[Op]:
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
        ops.append(Op(word, reads, writes, bool(word.get("neu_we") or word.get("out_we"))))
    return ops


def _route(plan: StagePlan, s: int, n: Elem, word: dict[str, int]) -> None:
    """Neuron vector and output of a node; a slot takes slot_words words of both."""
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
        word.update(out_we=1, out_addr=plan.out_base + s * plan.slot_words, out_acquire=s == 0,
                    out_done=s == plan.slots - 1, neu_shift=plan.neuron_shift[str(n.vector)],
                    neu_rot=plan.rot[s])  # fmt: skip


def _words(ops: list[Op], c: Config, cyclic: bool) -> list[dict[str, int]]:
    """Words with the free cycles between them; a word has a gap of 15 at most."""
    words = []
    for op, gap in zip(ops, with_gaps(ops, c, cyclic), strict=True):
        while gap > 15:
            words.append({"gap": 15})
            gap -= 16
        words.append({**op.word, "gap": gap})
    return words


def element_program(
    plans: list[StagePlan], c: Config, streams: int
) -> tuple[list[dict[str, int]], int]:
    """Element words and the start address of the loop.

    The prologue brings the neuron buffers of frame -1 in line with the states (zero if the run
    starts fresh). Then, stage after stage, the cells.
    """
    prologue: list[Op] = []
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
                prologue.append(Op(word, [], [], v in plan.neuron_base))
    if not prologue:
        nothing = {"m0_sel": isa.M_SEL["zero"], "m1_sel": isa.M_SEL["zero"]}
        prologue = [Op(nothing | dict.fromkeys(("x0_sel", "x1_sel"), isa.X_SEL["one"]), [], [])]
    head = _words(prologue, c, cyclic=True)

    largest = max(plan.rows for plan in plans)
    sets, in_flight = register_sets(sum(plan.slots for plan in plans), largest)
    ops: list[Op] = []
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
        drains = plan.rows // c.drain_rows
        pace = Pace(in_flight, drains, streams, turns)
        ops += pipeline(per_slot, max(len(per_slot[0]), bus, drains), pace, c)
    # A frame is complete when its states are: who stops behind the last one has all of them.
    done = next(i for i, op in enumerate(ops) if op.word.get("out_done"))
    ops[done].word["out_done"] = False
    ops[-1].word["out_done"] = ops[-1].bus = True
    body = _words(ops, c, cyclic=True)
    body[-1]["last"] = 1
    return head + body, len(head)
