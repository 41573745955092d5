# SPDX-License-Identifier: Apache-2.0
"""Every PE-cycle of the measured interval, by its cause."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np

from csb_rnn.execution.trace.timeline import Timeline
from csb_rnn.machine import isa
from csb_rnn.program.program import GroupProgram, Program

USEFUL = "useful"
ZERO = "weights quantised to zero (counted as useful, not worked on)"
PADDING = "padding: the word of a row is not full"
RAW = "bubble: a row's last sum is still on its way (acc_raw)"
IDLE = "PE row idle while others of its PEGroup work"
ALIGN = "no PE row works: marks and barriers"
TAIL = "end of program: the PEGroup's other PE rows still work"
SKEW = "edge of the measured interval"
CAUSES = (USEFUL, ZERO, PADDING, RAW, IDLE, ALIGN, TAIL, SKEW)
"""Causes that are no wait; those of waits are :func:`csb_rnn.execution.trace.timeline.cause`."""


@dataclasses.dataclass(frozen=True)
class Losses:
    """PE-cycles of the measured interval by cause; they add up to ``pes * cycles``.

    Attributes:
        frames, cycles: the measured interval, in frames and in cycles.
        parts: PE-cycles; negative only for :data:`ZERO` and :data:`SKEW`.
    """

    pes: int
    frames: int
    cycles: int
    parts: dict[str, int]

    @property
    def shares(self) -> dict[str, float]:
        """Parts of all PE-cycles; they add up to 1."""
        return {name: n / (self.pes * self.cycles) for name, n in self.parts.items()}

    @property
    def frame_efficiency(self) -> float:
        return self.shares[USEFUL]

    def record(self) -> dict:
        """The summary as plain values, cycles a frame included, for JSON."""
        per_frame = self.pes * self.frames
        return {
            "pes": self.pes,
            "frames": self.frames,
            "cycles": self.cycles,
            "cycles_per_frame": self.cycles / self.frames,
            "frame_efficiency": self.frame_efficiency,
            "lost": 1 - self.frame_efficiency,
            "causes": [
                {
                    "cause": name,
                    "pe_cycles": n,
                    "share": self.shares[name],
                    "cycles_per_frame": n / per_frame,
                }
                for name, n in sorted(self.parts.items(), key=lambda part: -part[1])
            ],
        }


def _raw_starts(
    group: GroupProgram, pe_row: int, starts: np.ndarray, ends: np.ndarray, acc_raw: int
) -> set[int]:
    """Stretches of work of a PE row (from ``starts`` to ``ends``) without an earlier begin,
    because their row was stored acc_raw words before."""
    stored: dict[tuple[int, int, int], int] = {}
    at = {n: group.rows[n][:, pe_row] for n in ("row", "bank", "vert", "first", "store", "clr")}
    tight, stretch = set(), 0
    for w in np.flatnonzero(at["first"] | at["store"]).tolist():
        while w >= ends[stretch]:
            stretch += 1
        key = (int(at["row"][w]), int(at["bank"][w]), int(at["vert"][w]))
        if at["first"][w] and not at["clr"][w] and w - stored.get(key, -99) == acc_raw:
            tight.add(int(starts[stretch]))
        if at["store"][w]:
            stored[key] = w
    return tight


def program_parts(p: Program, g: int) -> Counter[str]:
    """PE-cycles of one iteration of a PEGroup's program by cause, waits apart."""
    group, c = p.groups[g], p.config
    full = group.pe["w"] != 0  # [words, P, Q]
    pe_rows = full.any(axis=2)
    some = pe_rows.any(axis=1)
    parts: Counter[str] = Counter()
    parts[USEFUL] = int(full.sum())
    parts[PADDING] = int(pe_rows.sum()) * c.Q - parts[USEFUL]
    for pe_row in range(pe_rows.shape[1]):
        works = pe_rows[:, pe_row]
        edge = np.diff(np.r_[False, works, False].astype(np.int8))
        starts, ends = np.flatnonzero(edge == 1), np.flatnonzero(edge == -1)
        if not len(starts):
            parts[TAIL] += len(group) * c.Q
            continue
        tight = _raw_starts(group, pe_row, starts, ends, isa.acc_raw(c))
        parts[TAIL] += (len(group) - int(ends[-1])) * c.Q
        for begin, end in zip(np.r_[0, ends[:-1]], starts, strict=True):
            gap = int(end - begin)
            others = int(some[begin:end].sum())
            if int(end) in tight:
                # A row comes back acc_raw words after its store, so no longer wait is due to it.
                raw = min(gap, isa.acc_raw(c) - 1)
                parts[RAW] += raw * c.Q
                others = min(others, gap - raw)
                gap -= raw
            parts[IDLE] += others * c.Q
            parts[ALIGN] += (gap - others) * c.Q
    return parts


def losses(t: Timeline) -> Losses:
    """Account for the interval as :func:`csb_rnn.execution.timing.interval` measures it: from frame
    20 of at least 220, else the second half."""
    p, n = t.program, t.iterations
    start = 20 if n >= 220 else n // 2
    before = int(t.times.last_out[start - 1]) if start else -1
    frames, cycles = n - start, int(t.times.last_out[-1]) - before
    tile = p.config.P * p.config.Q
    parts: Counter[str] = Counter()
    for g, ends in enumerate(t.times.last_issue):
        for name, count in program_parts(p, g).items():
            parts[name] += count * frames
        for stall in t.stalls[g]:
            if start <= stall.iteration < n:
                parts[stall.cause] += (stall.end - stall.begin) * tile
        own = int(ends[-1]) - (int(ends[start - 1]) if start else -1)
        parts[SKEW] += (cycles - own) * tile
    stored = parts[USEFUL]
    parts[USEFUL] = p.kept_weights * frames
    parts[ZERO] = stored - parts[USEFUL]
    return Losses(p.config.pes, frames, cycles, {k: v for k, v in parts.items() if v})


# --- counters ---------------------------------------------------------------------------------

# A unit may stall in all cycles of a run but these, until its first word can issue. The first word
# of drain and element unit is shown a cycle before, and stays a cycle longer.
PEG_LATE = 1
UNIT_LATE = 1
RESTART = (
    3  # cycles at least from the last word of a round of the prologue to the first of the next
)


def _held(times: list[tuple[int, int, int]], words: list[dict], start: int, end: int, key: str):
    """Stall cycles of the two conditions of a unit, over a run from ``start`` to ``end``.

    The word after the last issued one waits for the first condition (``key``) until the end.
    """
    first, *rest = times
    begin = start + words[0].get("gap", 0)
    one = first[1] - begin + sum(b - a for a, b, _ in rest)
    two = sum(c - b for _, b, c in times)
    after = words[len(times) % len(words)]
    if after.get(key):
        one += max(0, end - (times[-1][2] + 1 + after.get("gap", 0)))
    return one, two


def prologue_cycles(p: Program) -> int:
    """Cycles of the element unit until the first word of its loop can issue: the prologue runs once
    for each stream."""
    if not p.elem_loop:
        return UNIT_LATE
    first, *others = p.elem[: p.elem_loop]
    rest = sum(1 + w.get("gap", 0) for w in others)
    again = max(1 + first.get("gap", 0), RESTART)
    return UNIT_LATE + 1 + rest + (p.streams - 1) * (again + rest)


def counters(t: Timeline, running: int) -> dict:
    """The machine's counters at the end of a run.

    Args:
        running: cycles between start and stop, CYCLES_LO of the machine.

    Returns:
        STALL_* by name, and ``PEG_ISSUE``: useful issues of each PEGroup.
    """
    p = t.program
    issued, busy = 0, []
    for g, bursts in enumerate(t.bursts):
        work = np.r_[0, np.cumsum(p.groups[g].ctl["work"])]
        issued += sum(s.last - s.first for s in bursts)
        busy.append(int(sum(work[s.last] - work[s.first] for s in bursts)))
    # Times of the model begin with the first input beat, wherever it is: cycles of waiting
    # before it are missing after it.
    loop = p.elem[p.elem_loop :]
    mark, reg = _held(t.record.drain, p.drain, UNIT_LATE, running, "wait_mark")
    prologue = prologue_cycles(p)
    post, out = _held(t.record.elem, loop, prologue, running, "pend")
    # PEGroups begin when the last word of the prologue has landed.
    peg_late = (
        PEG_LATE
        + isa.lat_event(p.config)
        + (prologue + isa.lat_neuron(p.config) if p.elem_loop else 0)
    )
    return {
        "STALL_ENGINE": (running - peg_late) * len(p.groups) - issued,
        "STALL_MARK": mark,
        "STALL_REG": reg,
        "STALL_POST": post,
        "STALL_OUT": out,
        "PEG_ISSUE": busy,
    }
