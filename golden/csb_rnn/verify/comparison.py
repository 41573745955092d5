# SPDX-License-Identifier: Apache-2.0
"""Outputs of the RTL beside the models' outputs, and the report of both.

Example: one output with one wrong bit is 1 mismatch.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn.flow import schema
from csb_rnn.flow.cycles import frame_cycles, issue_cycles, ratio, steady_frames
from csb_rnn.machine.error_codes import ERRORS
from csb_rnn.machine.numerics import Ints
from csb_rnn.program.program import Program
from csb_rnn.simulation.run_result import RunResult, Simulate
from csb_rnn.verify import explanation
from csb_rnn.verify.ran import Ran

STALLS = {  # seeds of the random stalls of source and sink
    "none": (0, 0),
    "source": (0x1234567, 0),
    "sink": (0, 0x89ABCDE),
    "both": (0x1234567, 0x89ABCDE),
}


@dataclasses.dataclass
class Comparison:
    """Sequences on the RTL, beside the models' outputs. Arrays are over all frames
    sent, streams interleaved; a missing output counts as different.

    Attributes:
        lengths: frames of each sequence.
        outputs: int [frames, outputs], zero where nothing came out.
        cycles_measured, cycles_predicted: [frames], see :func:`frame_cycles`; -1: never came.
        latency: [frames] first input beat taken -> last output beat, in cycles; -1: never came.
        state: final state of the last sequence, key -> int [streams, H].
        busy, busy_frames: cycles of useful work of each PEGroup in so many frames.
        counters: of the machine, in the same frames (saturations: in all).
        explanation: lines on the place of the first difference, see
            :mod:`csb_rnn.verify.explanation`; none if there is none.
    """

    lengths: list[int]
    outputs: np.ndarray
    mismatches: int
    state_mismatches: int
    cycles_measured: np.ndarray
    cycles_predicted: np.ndarray
    latency: np.ndarray
    state: dict[str, np.ndarray]
    busy: np.ndarray
    busy_frames: int
    counters: dict[str, int]
    cycles: int
    seconds: float
    error: int
    stuck: bool
    explanation: list[str] = dataclasses.field(default_factory=list)

    @property
    def cycle_mismatches(self) -> int:
        """Frames in another cycle than predicted."""
        return int((self.cycles_measured != self.cycles_predicted).sum())


def merge(parts: Sequence[Comparison]) -> Comparison:
    """Several comparisons as one; the state is the last one's."""

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])

    counters: Counter[str] = Counter()
    for part in parts:
        counters.update(part.counters)
    return Comparison(
        lengths=[n for part in parts for n in part.lengths],
        outputs=joined("outputs"),
        mismatches=sum(part.mismatches for part in parts),
        state_mismatches=sum(part.state_mismatches for part in parts),
        cycles_measured=joined("cycles_measured"),
        cycles_predicted=joined("cycles_predicted"),
        latency=joined("latency"),
        state=parts[-1].state,
        busy=np.sum([part.busy for part in parts], axis=0),
        busy_frames=sum(part.busy_frames for part in parts),
        counters=dict(counters),
        cycles=sum(part.cycles for part in parts),
        seconds=sum(part.seconds for part in parts),
        error=next((part.error for part in parts if part.error), 0),
        stuck=any(part.stuck for part in parts),
        explanation=next((part.explanation for part in parts if part.explanation), []),
    )


def judge(
    got: RunResult,
    lengths: Sequence[int],
    want: Ints,
    want_state: Mapping[str, Ints],
    predicted: np.ndarray,
    count_last: bool = False,
) -> Comparison:
    """Outputs of the RTL beside the expected ones.

    Args:
        got: the run.
        lengths: frames of each sequence.
        want: int [frames, outputs], the fixed model's.
        want_state: its state after the last sequence, key -> int [streams, H].
        predicted: [longest sequence] cycle of the last output beat of each frame, from idle; a
            shorter sequence takes the first of them.
        count_last: counters were read after the last sequence only.
    """
    frames = sum(lengths)
    came, taken = min(len(got.out_cycles), frames), len(got.in_cycles)
    outputs = np.zeros_like(want)
    if came:
        outputs[:came] = got.outputs[:came]
    differ = outputs != want
    differ[came:] = True
    measured, latency = np.full(frames, -1, np.int64), np.full(frames, -1, np.int64)
    both = min(came, taken)
    latency[:both] = got.out_cycles[:both] - got.in_cycles[:both]
    at = 0
    for n in lengths:
        end = min(at + n, came)
        if end > at:
            measured[at:end] = frame_cycles(got.out_cycles[at:end], got.in_cycles[at])
        at += n
    return Comparison(
        lengths=list(lengths),
        outputs=outputs,
        mismatches=int(differ.sum()),
        state_mismatches=sum(int((got.state[k] != v).sum()) for k, v in want_state.items()),
        cycles_measured=measured,
        cycles_predicted=np.concatenate([frame_cycles(predicted[:n], 0) for n in lengths]),
        latency=latency,
        state=got.state,
        busy=got.busy,
        busy_frames=lengths[-1] if count_last else frames,
        counters=got.counters,
        cycles=got.cycles,
        seconds=got.seconds,
        error=got.error,
        stuck=got.stuck,
    )


def compare(
    ran: Ran,
    work: Path,
    *,
    simulate: Simulate | None = None,
    sim: str = "verilator",
    waves: bool = False,
    stall: str = "none",
    count_last: bool = False,
) -> Comparison:
    """Run sequences on the RTL and compare.

    Args:
        ran: the frames, and the models' results for them, cycles too.
        work: folder for the files of the run; of a different one, also ``outputs.npy`` and
            ``expected.npy``.
        simulate: who runs the RTL; :func:`csb_rnn.simulation.simulate.simulate` if None.
        stall: who stalls at random, a key of :data:`STALLS`.
        count_last: read counters after the last sequence only, which is quicker.

    Raises:
        SimulationError: the simulation failed.
    """
    from csb_rnn.simulation.repeat import repeat_command

    if simulate is None:
        from csb_rnn.simulation.simulate import simulate as on_rtl

        run_rtl: Simulate = on_rtl
    else:
        run_rtl = simulate
    assert ran.predicted is not None, "cycles of the timing model"
    p, start = ran.program, None if ran.state is None else dict(ran.state)
    got = run_rtl(
        p,
        ran.x,
        work.resolve(),
        sim=sim,
        sequences=ran.lengths,
        state=start,
        waves=waves,
        stall=STALLS[stall],
        count_last=count_last,
    )
    found = judge(got, ran.lengths, ran.want, ran.want_state, ran.predicted, count_last)
    if stall != "none":
        ran = dataclasses.replace(ran, predicted=None)

    def rerun(frames: Ints) -> Mapping[str, Ints]:
        again = work.resolve() / "again"
        return run_rtl(p, frames, again, sim=sim, state=start, stall=STALLS[stall]).state

    found.explanation = explanation.complain(ran, got, work.resolve(), rerun, repeat_command(sim))
    return found


def report(
    comparison: Comparison,
    p: Program,
    *,
    sim: str,
    stall: str = "none",
    input_saturations: int = 0,
    saturated: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """The report of a comparison, as :data:`csb_rnn.flow.schema.REPORT` says.

    Figures of missing frames are None; so is ``accuracy``, which
    :mod:`csb_rnn.verify.loss` fills in. ``saturated`` is by place, see there.

    * ``cycles_per_frame``: the interval, streams counted together
    * ``latency_idle``: frame 0; ``latency_steady``: median of the frames of the interval
    * ``mac_efficiency``: kept weights / (PEs x ``issue_cycles``), see :func:`issue_cycles`
    * ``busy_pe_utilisation``: useful issues of all PEGroups, as the hardware counts them /
      (PEGroups x frames counted x ``issue_cycles``)
    * ``frame_efficiency``: kept weights / (PEs x ``cycles_per_frame``)
    """
    c, r = p.config, comparison
    frames = sum(r.lengths)
    steady = steady_frames(r.lengths)
    if not steady.any():
        steady[:] = True

    def came(cycles: np.ndarray, value: float) -> float | None:
        return value if (cycles >= 0).all() else None

    interval = came(r.cycles_measured[steady], float(r.cycles_measured[steady].mean()))
    typical = came(r.latency[steady], float(np.median(r.latency[steady])))
    issue = issue_cycles(p)
    codes = {code: name for name, (code, _) in ERRORS.items()}
    value = {
        "schema": schema.VERSION,
        "frames": frames,
        "sequences": len(r.lengths),
        "streams": p.streams,
        "mismatches": r.mismatches,
        "state_mismatches": r.state_mismatches,
        "cycle_mismatches": r.cycle_mismatches if stall == "none" else None,
        "saturations": int(r.counters.get("SATURATIONS", 0)),
        "input_saturations": int(input_saturations),
        "saturated": dict(saturated or {}),
        "accuracy": None,
        "warning": None,
        "frame_cycles": [int(n) if n >= 0 else None for n in r.cycles_measured],
        "frame_cycles_predicted": r.cycles_predicted.tolist(),
        "cycles_per_frame": interval,
        "cycles_per_frame_predicted": float(r.cycles_predicted[steady].mean()),
        "latency_idle": came(r.latency[:1], int(r.latency[0])),
        "latency_steady": typical,
        "kept_weights": int(p.kept_weights),
        "pes": c.pes,
        "issue_cycles": issue,
        "mac_efficiency": ratio(p.kept_weights, c.pes * issue),
        "busy_pe_utilisation": ratio(int(r.busy.sum()), c.groups * r.busy_frames * issue),
        "frame_efficiency": interval and ratio(p.kept_weights, c.pes * interval),
        "config": c.name,
        "sim": sim,
        "stall": stall,
        "error": codes.get(r.error, str(r.error)),
        "stuck": r.stuck,
        "cycles": int(r.cycles),
        "cycles_per_second": ratio(r.cycles, r.seconds),
        "counters": {k: int(v) for k, v in r.counters.items()},
    }
    schema.check(value, schema.REPORT)
    return value


def is_equal(value: Mapping[str, Any]) -> bool:
    """Whether a report (or a summary row) shows no mismatch of any kind."""
    wrong = ("mismatches", "state_mismatches", "cycle_mismatches", "stuck")
    return not any(value[k] for k in wrong) and value["error"] == "none"
