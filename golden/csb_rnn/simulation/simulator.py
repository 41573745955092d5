# SPDX-License-Identifier: Apache-2.0
"""A simulation that stays open: frames go in one at a time, as from a program with the chip.

with Simulator(program, folder) as sim:
    sim.start()
    y = sim.step(x)      # x may depend on the y before
"""

from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn.machine import image
from csb_rnn.machine.numerics import Ints
from csb_rnn.program import assemble
from csb_rnn.program.program import Program
from csb_rnn.simulation import launcher, toolchain
from csb_rnn.simulation.capacity import depths
from csb_rnn.simulation.simulate import build_arguments, limits
from csb_rnn.system import processes

ANSWER_WITHIN = 7200  # half seconds; the first answer comes after the build


def _serve(work: Path, build: dict[str, Any]) -> None:
    """The owner process of the simulation."""
    processes.follow_parent()
    try:
        launcher.run(
            "csb_sim_top",
            "csb_rnn.simulation.serve_program",
            **build,
            extra_env={"CSB_JOB": str(work / "job.json")},
            plus_args=["+image=image.memh"],
            work_dir=work,
            limit=None,  # it lives as long as its user
        )
    except toolchain.SimulationError as error:
        (work / "error.txt").write_text(str(error))


class Simulator:
    """The RTL with one program loaded; one stream.

    Attributes:
        cycles: of the last :meth:`step`, first input beat taken to last output beat.
    """

    def __init__(self, p: Program, work: Path, *, sim: str = "verilator") -> None:
        """Build, start and load.

        Args:
            p: the program, of one stream.
            work: folder for the files of the run.

        Raises:
            SimulationError: the simulation failed, or the machine refused the image.
        """
        if p.streams != 1:
            raise ValueError(f"the program has {p.streams} streams: a step is one frame of one")
        self.program, self.cycles = p, 0
        self.work = work = Path(work).resolve()
        work.mkdir(parents=True, exist_ok=True)
        c = p.config
        data = assemble.assemble(p)
        (work / "image.memh").write_text(image.memh(data))
        (work / "error.txt").unlink(missing_ok=True)
        pipes = {name: work / name for name in ("commands", "answers")}
        for pipe in pipes.values():
            pipe.unlink(missing_ok=True)
            os.mkfifo(pipe)
        depth = depths(c, sim)
        job = {
            "image_words": len(data) // 4,
            **limits(p, len(data) // 4),
            "in_beats": p.in_beats,
            "out_beats": p.out_beats,
            "beat_depth": depth["BeatDepth"],  # beats and frames go round
            "frame_depth": depth["FrameDepth"],
            **{name: str(pipe) for name, pipe in pipes.items()},
        }
        (work / "job.json").write_text(json.dumps(job))
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=_serve, args=(work, build_arguments(c, sim)))
        self._process.start()
        # Opening a pipe waits for the other end; it may never come if the build fails.
        self._commands = os.open(pipes["commands"], os.O_RDWR)
        self._answers = os.open(pipes["answers"], os.O_RDWR | os.O_NONBLOCK)
        self._buffer = b""
        error = self._answer()["error"]
        if error:
            self.close()
            raise toolchain.SimulationError(f"the machine refuses the image: error {error}")

    def _answer(self) -> dict[str, Any]:
        """The next line of the simulation.

        Raises:
            SimulationError: it has ended.
        """
        import select

        for _ in range(ANSWER_WITHIN):
            if b"\n" in self._buffer:
                break
            ready, _, _ = select.select([self._answers], [], [], 0.5)
            if ready:
                self._buffer += os.read(self._answers, 1 << 20)
            elif not self._process.is_alive():
                text = self.work / "error.txt"
                said = f"\n{text.read_text()}" if text.is_file() else ""
                raise toolchain.SimulationError(f"the simulation has ended{said}")
        else:
            self._process.terminate()
            raise toolchain.SimulationError("the simulation does not answer")
        line, self._buffer = self._buffer.split(b"\n", 1)
        return json.loads(line)

    def _ask(self, name: str, *arguments: Any) -> dict[str, Any]:
        os.write(self._commands, json.dumps([name, *arguments]).encode() + b"\n")
        return self._answer()

    def start(self, state: dict[str, Ints] | None = None) -> None:
        """Begin a sequence.

        Args:
            state: integers ``[H]`` of every state; zero if None.
        """
        words = None
        if state is not None:
            words = [
                [int(lane), int(s.base + slot * s.stride), int(value)]
                for s in self.program.states
                for lane, slot, value in zip(s.lane, s.slot, state[s.key], strict=True)
            ]
        self._ask("start", words)

    def step(self, x: Ints) -> Ints:
        """One frame ``[inputs]`` in, its answer ``[outputs]`` out; integers.

        Raises:
            SimulationError: no answer came.
        """
        per_beat = self.program.config.values_per_beat
        x = np.asarray(x, np.int64)
        if x.shape != (self.program.inputs,):
            raise ValueError(f"a frame has {self.program.inputs} values, not shape {x.shape}")
        flat = np.pad(x, (0, -len(x) % per_beat)).reshape(-1, per_beat) & 0xFFFF
        beats = [sum(v << 16 * i for i, v in enumerate(beat)) for beat in flat.tolist()]
        answer = self._ask("step", beats)
        if answer.get("stuck"):
            raise toolchain.SimulationError("no output frame came")
        self.cycles = answer["cycles"]
        values = [b >> 16 * i & 0xFFFF for b in answer["beats"] for i in range(per_beat)]
        y = np.array(values[: self.program.outputs], np.int64)
        return np.where(y >= 1 << 15, y - (1 << 16), y)

    def stop(self) -> dict[str, Ints]:
        """End the sequence; returns the states, integers ``[H]``.

        Raises:
            SimulationError: the machine reports an error.
        """
        slots = [(s.key, s.lane.tolist(), (s.base + s.slot * s.stride).tolist())
                 for s in self.program.states]  # fmt: skip
        places = [list(at) for _, lane, addr in slots for at in zip(lane, addr, strict=True)]
        answer = self._ask("stop", places)
        if answer["error"]:
            raise toolchain.SimulationError(f"the machine reports error {answer['error']}")
        words = np.array(answer["state"], np.int64)
        words = np.where(words >= 1 << 31, words - (1 << 32), words)
        found, at = {}, 0
        for key, lane, _ in slots:
            found[key] = words[at : at + len(lane)]
            at += len(lane)
        return found

    def close(self) -> None:
        """End the simulation."""
        if self._process.is_alive():
            os.write(self._commands, b'["end"]\n')
            self._process.join(30)
        for pipe in (self._commands, self._answers):
            os.close(pipe)

    def __enter__(self) -> Simulator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
