# SPDX-License-Identifier: Apache-2.0
"""Runs a compiled program on the RTL, over whole sequences, at the simulator's full speed."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from csb_rnn.machine import image
from csb_rnn.machine.config import Config
from csb_rnn.machine.image import Target
from csb_rnn.program import assemble
from csb_rnn.program.program import Program
from csb_rnn.simulation import builds, launcher
from csb_rnn.simulation.capacity import depths
from csb_rnn.simulation.run_result import RunResult

#: Environment: cocotb drives every run, as it does Icarus and runs with waves.
BENCH = "CSB_COCOTB"
SIM_TOP = Path(__file__).with_name("csb_sim_top.sv")


def _beats(x: np.ndarray, per_beat: int) -> list[str]:
    """Frames [frames, values] as lines of hexadecimal beats, 16 bits a value."""
    values = x.shape[1]
    pad = -values % per_beat
    flat = np.pad(x, ((0, 0), (0, pad))).astype(np.int64) & 0xFFFF
    flat = flat.reshape(-1, per_beat)[:, ::-1]
    return ["".join(f"{v:04x}" for v in beat) for beat in flat.tolist()]


def _unbeat(lines: list[str], frames: int, values: int) -> np.ndarray:
    """The inverse: values are signed 16-bit containers."""
    words = np.array([[int(w[i : i + 4], 16) for i in range(len(w) - 4, -1, -4)] for w in lines])
    out = words.reshape(frames, -1)[:, :values]
    return np.where(out >= 1 << 15, out - (1 << 16), out)


def _memh(path: Path) -> list[str]:
    """Words of a $writememh file, without its comments and addresses."""
    text = path.read_text() if path.exists() else ""
    return [w for w in text.split("\n") if w and w[0] not in "/@"]


def state_sections(p: Program, state: dict[str, np.ndarray]) -> list[image.Section]:
    """Image sections with an initial state (integers, [streams, H]) for the machine."""
    memory = p.constants.copy()
    for s in p.states:
        for stream in range(p.streams):
            at = s.base + s.slot * s.stride + stream * p.state_stride
            memory[at, s.lane] = state[s.key][stream]
    c = p.config
    return [
        image.section(c, Target.STATE, memory[:, lane].tolist(), index=lane)
        for lane in range(c.lanes)
    ]


def limits(p: Program, words: int) -> dict[str, int]:
    """Cycles until a run is given up, far above those of a working machine.

    Returns:
        ``load_limit`` of an image of so many words, which is sent while memories are cleared;
        ``patience``, cycles from one output beat to the next. Example: 64 times the 150 words and
        beats of a frame for a small network on ``tiny``, and 10,000: 19,600.
    """
    c = p.config  # cleared: neurons and accumulators together, biases and states lane by lane
    clear = max(c.neuron_depth, c.acc_depth) + c.lanes * (c.bias_depth + c.state_depth)
    frame = max(map(len, p.groups)) + len(p.drain) + len(p.elem) + p.in_beats + p.out_beats
    return {
        "load_limit": 2_000 + 4 * (words + clear),
        "patience": 10_000 + 64 * frame * p.streams,
    }


class Probes(NamedTuple):
    """Sources beside the design: observers that are bound into it (Verilator alone can), or others
    in the place of its modules.

    Attributes:
        sources: their files.
        plus_args: arguments of the simulation for them.
    """

    sources: Sequence[Path]
    plus_args: Sequence[str] = ()


NO_PROBES = Probes(())


def build_arguments(c: Config, sim: str, probes: Sequence[Path] = ()) -> dict[str, Any]:
    """What :mod:`csb_rnn.simulation.launcher` needs to compile the simulation top, one build for
    all who use it; another one with ``probes``."""
    return {
        "sim": sim,
        "parameters": {**image.all_parameters(c), **depths(c, sim)},
        "sources": [SIM_TOP, *probes],
        "clock": True,
        "build_name": f"csb_sim_top_{'_'.join([c.name, *(p.stem for p in probes)])}",
    }


def build(c: Config, sim: str) -> Path:
    """Compile the simulation of a configuration unless it is there; returns its folder.

    Raises:
        SimulationError: it does not compile.
    """
    return builds.build("csb_sim_top", **build_arguments(c, sim))


def simulate(
    p: Program,
    x: np.ndarray,
    work: Path,
    *,
    sim: str = "verilator",
    sequences: Sequence[int] | None = None,
    state: dict[str, np.ndarray] | None = None,
    read_state: bool = True,
    count_last: bool = False,
    waves: bool = False,
    stall: tuple[int, int] = (0, 0),
    seed: int | None = None,
    probes: Probes = NO_PROBES,
) -> RunResult:
    """Run frames through the RTL.

    Args:
        p: the program; its image goes in through the load port.
        x: int [frames, inputs], one frame of each stream after the other.
        work: folder for the files of the run.
        sequences: frames of each sequence; every one starts from ``state`` or zero. One by default.
        state: initial state, integers [streams, H] by key.
        count_last: read counters after the last sequence only, except the one of saturations:
            reading them all takes as long as some hundred cycles.
        stall: seeds of random source and sink stalls, 0 for none.
        probes: sources beside the design.

    Raises:
        SimulationError: the simulator failed (an assertion, for example).
    """
    c = p.config
    work.mkdir(parents=True, exist_ok=True)
    parts = assemble.sections(p)
    if state is not None:
        parts += state_sections(p, state)
    data = image.pack(c, parts)
    (work / "image.memh").write_text(image.memh(data))
    (work / "frames.memh").write_text("\n".join(_beats(x, c.values_per_beat)) + "\n")
    places: list[tuple[int, int]] = []
    for s in p.states if read_state else []:
        for stream in range(p.streams):
            addresses = s.base + s.slot * s.stride + stream * p.state_stride
            places += zip(s.lane.tolist(), addresses.tolist(), strict=True)
    job = {
        "image_words": len(data) // 4,
        **limits(p, len(data) // 4),
        "in_beats": p.in_beats,
        "out_beats": p.out_beats,
        "groups": c.groups,
        "count_last": count_last,
        "sequences": list(sequences or [len(x)]),
        "fresh": state is None,
        "state": places,
        "source_stall": stall[0],
        "sink_stall": stall[1],
        "report": str(work / "rtl.json"),
    }
    (work / "job.json").write_text(json.dumps(job))
    files = {"image": "image.memh", "frames": "frames.memh", "out": "out.memh"}
    files |= {"out_cycles": "out_cycles.memh", "in_cycles": "in_cycles.memh"}
    for name in ("out.memh", "out_cycles.memh", "in_cycles.memh", "rtl.json"):
        (work / name).unlink(missing_ok=True)
    arguments = build_arguments(c, sim, probes.sources)
    plus_args = [*(f"+{k}={v}" for k, v in files.items()), *probes.plus_args]
    if sim != "verilator" or waves or os.environ.get("WAVES") == "1" or BENCH in os.environ:
        launcher.run(
            "csb_sim_top",
            "csb_rnn.simulation.run_program",
            **arguments,
            waves=waves,
            seed=seed,
            extra_env={"CSB_JOB": str(work / "job.json")},
            plus_args=plus_args,
            work_dir=work,
        )
        report = json.loads((work / "rtl.json").read_text())
    else:
        report = launcher.run_job(
            "csb_sim_top", job, **arguments, seed=seed, plus_args=plus_args, work_dir=work
        )
    out_cycles = np.array([int(w, 16) for w in _memh(work / "out_cycles.memh")], np.int64)
    in_cycles = np.array([int(w, 16) for w in _memh(work / "in_cycles.memh")], np.int64)
    beats = _memh(work / "out.memh")[: len(out_cycles) * p.out_beats]
    outputs = _unbeat(beats, len(out_cycles), p.outputs) if len(out_cycles) else np.zeros((0, 0))
    words = np.array(report["state"], np.int64)
    words = np.where(words >= 1 << 31, words - (1 << 32), words)
    found, at = {}, 0
    for s in p.states if read_state else []:
        size = p.streams * len(s.slot)
        found[s.key] = words[at : at + size].reshape(p.streams, -1)
        at += size
    return RunResult(
        outputs=outputs,
        in_cycles=in_cycles,
        out_cycles=out_cycles,
        state=found,
        counters=report["counters"],
        busy=np.array(report["busy"]),
        cycles=report["cycles"],
        seconds=report["seconds"],
        error=report["error"],
        stuck=report["stuck"],
        running=report["running_cycles"],
    )
