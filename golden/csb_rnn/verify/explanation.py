# SPDX-License-Identifier: Apache-2.0
"""Where the RTL first differs from the models: frame, layer, unit, state or gate, and cycle.

The machine shows outputs of every frame, and states when it has stopped. :func:`explain` reads
the first wrong output from the run itself; for the first wrong state it runs the frames up to
there again, by bisection. The cell's graph then tells the gates among the possible causes: those
that the first wrong values depend on and no right one does. Example, of an LSTM whose c is right
and whose h is wrong::

    first wrong output: frame 3, unit 17 of layer 1 (lstm), cycle 4711: got 0x01a4 (0.102539),
      expected 0x01a3 (0.102295); 12 of 640 outputs differ
    first wrong state: h_l1, unit 17, after frame 3: got ..., expected ...; 3 of 64 units differ
    suspects: gate o of layer 1; there it should be: o 0x00004c2f (0.595184)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from csb_rnn.cells.graph import Cell, Drain
from csb_rnn.machine.error_codes import ERRORS
from csb_rnn.machine.isa import LANE_FRAC
from csb_rnn.machine.numerics import Ints
from csb_rnn.simulation.run_result import RunResult
from csb_rnn.verify.ran import Ran, Wrong, show, wrong_states

Rerun = Callable[[Ints], Mapping[str, Ints]]


# --- gates ------------------------------------------------------------------------------------
def _above(cell: Cell) -> dict[str, set[str]]:
    """Every node with its operands within a frame, direct or not, itself among them."""
    above: dict[str, set[str]] = {}
    for node in cell.nodes:
        if isinstance(node, Drain):
            fresh = [v for v in node.inputs if v in cell.vectors and cell.vectors[v] is None]
            sources = [cell.writer(v).name for v in fresh]
        else:
            sources = list(node.operands)
        above[node.name] = {node.name}.union(*(above.get(s, set()) for s in sources))
    return above


def suspects(cell: Cell, wrong: set[str], right: set[str]) -> list[str]:
    """Possible causes of wrong values: gates, or if no gate can be one, the wrong nodes themselves.

    Args:
        cell: the cell.
        wrong, right: names of nodes whose value of this frame is wrong, or right.
    """
    above = _above(cell)
    first = {n for n in wrong if not (above[n] - {n}) & wrong}
    cleared = set().union(*(above[n] for n in right if not above[n] & wrong))
    drains = {d.name for d in cell.drains}
    possible = set().union(*(above[n] for n in first)) - cleared
    return [n.name for n in cell.nodes if n.name in (possible & drains or first)]


def _suspect_lines(run: Ran, x: Ints, layer: int, unit: int, stream: int, keys: set[str],
                   output: bool | None) -> Iterator[str]:  # fmt: skip
    """The gates of a layer's unit as causes of wrong states ``keys``, and of a wrong output.

    Args:
        output: the output of the unit is wrong; None: unknown, as of an inner layer.
    """
    cell = run.network.layers[layer].cell
    states = {n.state: n.name for n in cell.elems if n.state}
    wrong = {node for s, node in states.items() if f"{s}_l{layer}" in keys}
    if output:
        wrong.add(cell.output.name)
    right = set(states.values()) - wrong
    kept = cell.output.state
    if output and kept is not None and f"{kept}_l{layer}" not in keys:
        yield f"suspects: state {kept}_l{layer} of unit {unit} is right, so what outputs it"
        return
    names = suspects(cell, wrong, right)
    trace: dict[tuple[int, str], Ints] = {}
    run.model(x, trace)
    lane = run.program.config.lane_w
    values = []
    for name in names:
        v = trace[layer, name][stream]
        if unit < len(v):
            values.append(f"{name} {show(int(v[unit]), lane, LANE_FRAC)}")
    yield f"suspects: {', '.join(names)} of layer {layer} ({cell.name}), unit {unit}"
    if values:
        yield f"  expected there, before the activation: {', '.join(values)}"


# --- lines ------------------------------------------------------------------------------------
def _machine_lines(run: Ran, got: RunResult) -> Iterator[str]:
    frames = len(run.want)
    came = min(len(got.out_cycles), frames)
    if got.error:
        names = {code: name for name, (code, _) in ERRORS.items()}
        yield f"the machine reports error {got.error} ({names.get(got.error, 'unknown')})"
    if got.stuck:
        yield (
            f"stuck: m_axis_frame_tvalid stayed low; {came} of {frames} frames came out, "
            f"{len(got.in_cycles)} were taken; given up in cycle {got.cycles}"
        )


def _cycle_lines(run: Ran, got: RunResult) -> Iterator[str]:
    if run.predicted is None:
        return
    begin, late = 0, []
    for n in run.lengths:
        end = min(begin + n, len(got.out_cycles))
        if end > begin:
            own = got.out_cycles[begin:end] - got.in_cycles[begin]
            late += [
                (begin + int(i), int(own[i]), int(run.predicted[i]))
                for i in np.flatnonzero(own != run.predicted[: end - begin])
            ]
        begin += n
    if late:
        index, cycles, want = late[0]
        yield (
            f"first frame in a wrong cycle: {run.name(index)}: last beat {cycles} cycles after the "
            f"sequence's first, expected {want} ({cycles - want:+d}); {len(late)} frames differ"
        )


def _state_line(run: Ran, w: Wrong, when: str) -> str:
    frac = run.network.state_keys()[w.key][1]
    bits = run.program.config.state_w
    stream = f" of stream {w.stream}" if run.program.streams > 1 else ""
    return (
        f"first wrong state: {w.key}, unit {w.unit}{stream}, after {when}: "
        f"got {show(w.got, bits, frac)}, expected {show(w.want, bits, frac)}; "
        f"{w.count} of {w.size} units differ"
    )


def _first_wrong_state(run: Ran, rerun: Rerun, last: int) -> tuple[int, list[Wrong]] | None:
    """The first frame of a sequence with a wrong state behind it, and the wrong ones; None if all
    are right after frame ``last``. Bisection: a wrong state stays wrong.

    Args:
        last: index of a frame, among all.
    """
    begin, streams = run.at(last)[0], run.program.streams

    def wrong(n: int) -> list[Wrong]:
        x = run.prefix(begin + n * streams)
        return wrong_states(run.network, rerun(x), run.model(x))

    high = (last - begin) // streams
    found = wrong(high)
    if not found:
        return None
    low = 0
    while low < high:
        middle = (low + high) // 2
        if there := wrong(middle):
            high, found = middle, there
        else:
            low = middle + 1
    return begin + high * streams, found


def complain(run: Ran, got: RunResult, folder: Path, rerun: Rerun | None, repeat: str) -> list[str]:
    """:func:`explain`, and if there is something to say: floats ``outputs.npy`` and
    ``expected.npy`` [frames, outputs] in ``folder``, and how to repeat the run."""
    lines = explain(run, got, rerun)
    if not lines:
        return []
    outputs = np.zeros_like(run.want)
    came = min(len(got.out_cycles), len(run.want))
    if came and not _cut(run, got):
        outputs[:came] = got.outputs[:came]
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "outputs.npy", run.network.output_float(outputs))
    np.save(folder / "expected.npy", run.network.output_float(run.want))
    return [*lines, f"files:  {folder}/outputs.npy, expected.npy", f"repeat: {repeat}"]


def _cut(run: Ran, got: RunResult) -> bool:
    """Whether frames came with another number of values than the model's."""
    return len(got.out_cycles) > 0 and got.outputs.shape[1] != run.want.shape[1]


def explain(run: Ran, got: RunResult, rerun: Rerun | None = None) -> list[str]:
    """Lines on the first difference of the RTL from the models; none if there is none.

    Args:
        run: the program and its frames.
        got: the outputs.
        rerun: runs frames [frames, inputs] from ``run.state`` on the RTL and returns its states;
            without it only states after the last frame are known.
    """
    q, streams = run.network, run.program.streams
    top = len(q.layers) - 1
    lines = [*_machine_lines(run, got)]
    if _cut(run, got):
        sizes = got.outputs.shape[1], run.want.shape[1]
        return [*lines, "frames of {} values came, expected {}: TLAST is early".format(*sizes)]
    came = min(len(got.out_cycles), len(run.want))
    differ = got.outputs[:came] != run.want[:came] if came else np.zeros((0, 1), bool)
    where, index = None, came - 1
    if differ.any():
        index, unit = (int(i) for i in np.argwhere(differ)[0])
        bits, frac = run.program.config.data_w, q.out_frac
        values = int(got.outputs[index, unit]), int(run.want[index, unit])
        lines.append(
            f"first wrong output: {run.name(index)}, unit {unit} of layer {top} "
            f"({q.layers[top].cell.name}), cycle {int(got.out_cycles[index])}: "
            f"got {show(values[0], bits, frac)}, expected {show(values[1], bits, frac)}; "
            f"{int(differ.sum())} of {differ.size} outputs differ"
        )
        where = unit, run.at(index)[2] % streams
    lines += _cycle_lines(run, got)
    final = [] if got.stuck or got.error else wrong_states(q, got.state, run.want_state)
    if not (where or final):
        return lines
    wrong, frame = final, index
    if rerun is not None and not (got.stuck or got.error):
        if (found := _first_wrong_state(run, rerun, index)) is not None:
            frame, wrong = found
        elif where:
            wrong = []
    if wrong:
        lines.append(_state_line(run, wrong[0], run.name(frame).split(" of stream")[0]))
        layer, place = int(wrong[0].key.rsplit("_l", 1)[1]), (wrong[0].unit, wrong[0].stream)
    elif rerun is not None and where:
        lines.append(f"every state after {run.name(index)} is right")
        layer, place = top, where
    elif where:
        return lines
    own = {w.key for w in wrong if w.key.endswith(f"_l{layer}") and w.unit == place[0]}
    output = where == place and frame // streams == index // streams if layer == top else None
    lines += _suspect_lines(run, run.prefix(frame), layer, *place, own, output)
    return lines
