# SPDX-License-Identifier: Apache-2.0
"""The timeline: it adds up, it is well formed, and the machine's counters say the same."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from csb_rnn.cells import CELLS
from csb_rnn.compiler import compile_network
from csb_rnn.execution import timing, trace
from csb_rnn.machine import config
from csb_rnn.models import quantise
from csb_rnn.program.program import Program
from csb_rnn.simulation.simulate import simulate
from csb_rnn.verify.random_layers import LayerCase

CASES = [  # configuration, streams, layers, hidden
    ("tiny", 1, 1, 11),
    ("tiny", 3, 2, 14),
    ("small", 1, 2, 60),
    ("odd", 2, 2, 33),
    ("paper512", 1, 3, 40),
]


def program(
    name: str, streams: int, layers: int, hidden: int, cell: str = "lstm", inputs: int = 17
) -> Program:
    c = config.load(name)
    case = LayerCase(4, cell, inputs, hidden, layers=layers, density=0.25)
    return compile_network(quantise.quantise(case.network(), c), c, streams)


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("frames", [1, 2, 9, 230])
def test_adds_up(case, frames) -> None:
    """Every PE-cycle of the interval has one cause, and recording changes no time."""
    p = program(*case)
    t = trace.timeline(p, frames)
    assert np.array_equal(t.times.last_out, timing.predict(p, frames).last_out)
    found = trace.losses(t)
    assert sum(found.parts.values()) == found.pes * found.cycles
    interval = timing.interval(t.times.last_out)
    assert found.cycles == pytest.approx(interval * found.frames)
    assert found.frame_efficiency == pytest.approx(p.kept_weights / (p.config.pes * interval))
    waits = {s.cause for stalls in t.stalls for s in stalls}
    assert found.parts.keys() <= {*trace.CAUSES, *waits}
    negative = {name for name, n in found.parts.items() if n < 0}
    assert negative <= {trace.CAUSES[1], trace.CAUSES[-1]}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_words_issue_once(case) -> None:
    """A PEGroup issues every word of every iteration, one a cycle, none in a stall."""
    p = program(*case)
    t = trace.timeline(p, 6)
    for g, (bursts, stalls) in enumerate(zip(t.bursts, t.stalls, strict=True)):
        words = [(s.iteration, w) for s in bursts for w in range(s.first, s.last)]
        whole = [w for w in words if w[0] < 6]
        assert whole == [(n, w) for n in range(6) for w in range(len(p.groups[g]))]
        spans = [(s.begin, s.begin + s.last - s.first) for s in bursts]
        spans += [(s.begin, s.end) for s in stalls]
        spans.sort()
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
        ends = [s.begin + s.last - s.first - 1 for s in bursts if s.last == len(p.groups[g])]
        assert ends[:6] == t.times.last_issue[g].tolist()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_idle_latency_is_explained(case) -> None:
    """The longest path through the first frame has its latency, step by step."""
    t = trace.timeline(program(*case), 2)
    steps = trace.idle_path(t)
    assert sum(s["cycles"] for s in steps) == t.times.last_out[0]
    assert steps[0]["step"] == "input frame to neurons"
    assert steps[-1]["step"] in ("element to output", "output beats")


def test_events() -> None:
    """The file is trace-event JSON: named tracks, slices of one track that do not overlap."""
    t = trace.timeline(program(*CASES[1]), 9)
    value = json.loads(json.dumps(trace.trace_events(t)))
    tracks: dict[tuple, list] = {}
    named = set()
    for e in value["traceEvents"]:
        assert e["ph"] in "XM"
        if e["ph"] == "X":
            tracks.setdefault((e["pid"], e["tid"]), []).append((e["ts"], e["dur"]))
        elif e["name"] == "thread_name":
            named.add((e["pid"], e["tid"]))
    assert tracks.keys() == named
    for spans in tracks.values():
        spans.sort()
        assert all(dur > 0 for _, dur in spans)
        assert all(a[0] + a[1] <= b[0] for a, b in itertools.pairwise(spans))
    lost = value["otherData"]["losses"]
    assert sum(c["share"] for c in lost["causes"]) == pytest.approx(1)
    rest = sum(c["share"] for c in lost["causes"] if c["cause"] != "useful")
    assert rest == pytest.approx(lost["lost"])


def test_every_cell_has_a_timeline() -> None:
    """Cells of several vectors and layers without a recurrence too."""
    c = config.load("odd")
    for cell in sorted(CELLS):
        case = LayerCase(4, cell, 17, 20, layers=2, density=0.25)
        t = trace.timeline(compile_network(quantise.quantise(case.network(), c), c), 5)
        found = trace.losses(t)
        assert sum(found.parts.values()) == found.pes * found.cycles
        assert sum(s["cycles"] for s in trace.idle_path(t)) == t.times.last_out[0]
        assert json.dumps(trace.trace_events(t))


def test_accumulator_bubbles_are_found() -> None:
    """Short products: a PE row comes back to a row before its sum is there."""
    c = config.load("odd")
    case = LayerCase(5, "lstm", 9, 20, layers=2, density=0.2)
    p = compile_network(quantise.quantise(case.network(), c), c)
    assert trace.losses(trace.timeline(p, 5)).parts[trace.CAUSES[3]] > 0


@pytest.mark.parametrize(("frames", "streams", "inputs"), [(1, 1, 17), (12, 1, 2), (15, 3, 17)])
def test_counters_of_the_machine(sim, tmp_path, frames, streams, inputs) -> None:
    """Recorded busy and stalled cycles are the hardware's counts."""
    p = program("tiny", streams, 2, 20, "gru", inputs)
    rng = np.random.default_rng(3)
    x = rng.integers(-4000, 4000, (frames, p.inputs))
    got = simulate(p, x, tmp_path, sim=sim)
    assert np.array_equal(got.out_cycles - got.in_cycles[0], timing.predict(p, frames).last_out)
    t = trace.timeline(p, frames)
    assert (got.in_cycles - got.in_cycles[0]).tolist() == trace.first_beats(t).tolist()
    want = trace.counters(t, got.running)
    assert want.pop("PEG_ISSUE") == got.busy.tolist()
    assert want == {name: got.counters[name] for name in want}
