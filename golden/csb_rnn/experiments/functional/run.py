# SPDX-License-Identifier: Apache-2.0
"""The runs behind functional coverage: cases of the soak with fixed seeds, then directed ones.

Every run is judged as in the soak; a run that is wrong covers nothing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from csb_rnn.compiler import compile_network
from csb_rnn.driver.recovery import bad_image, eager
from csb_rnn.experiments.direct import jobs, library
from csb_rnn.experiments.direct.host import START, STOP, Host, MismatchError, expect
from csb_rnn.experiments.direct.jobs import Job
from csb_rnn.experiments.direct.library import IMAGE, Direct
from csb_rnn.experiments.faults.places import variables
from csb_rnn.experiments.functional.points import ENDS, PROGRAMS, facts_of
from csb_rnn.experiments.soak import run as soak
from csb_rnn.machine import config, image, isa
from csb_rnn.machine.config import Config
from csb_rnn.machine.image import Section, Target
from csb_rnn.machine.registers import WATCHDOG_RESET
from csb_rnn.program import assemble
from csb_rnn.verify.random_layers import LayerCase

#: Configuration, changes, cases of the soak.
MACHINES: tuple[tuple[str, dict[str, int], int], ...] = (
    ("tiny", {}, 40),
    ("small", {}, 12),
    ("tiny_cols", {}, 4),
    ("tiny", {"share_v": 1, "drain_banks": 2, "state_w": 18}, 6),
)
SEQUENCES = 8
TARGETS = {"pegroup": Target.PEGROUP, "drain": Target.DRAIN, "elem": Target.ELEM}
BAD_IMAGES = ("magic", "version", "config", "length", "section", "crc", "value", "missing")
LIMIT = 3000  # cycles of the watchdog with a damaged program


def drawn() -> Iterator[set[str]]:
    """Facts of cases with seeds 0, 1, ... on each machine.

    Raises:
        MismatchError: a case fails.
    """
    for name, changes, count in MACHINES:
        c = config.load(name, **jobs.SHALLOW, **changes)
        machine = library.build(image.all_parameters(c))
        for seed in range(count):
            case = soak.one(name, seed, machine, SEQUENCES, **changes)
            expect(not case.failure, f"{name} {changes} seed {seed}: {case.failure}")
            assert case.job is not None
            kinds = {f"interruptions: {kind}" for kind in case.interruptions}
            yield case.facts | facts_of(case.job) | kinds


def _job(c: Config, number: int) -> Job:
    case = LayerCase(seed=5 + number, cell=("gru", "lstm")[number], inputs=7, hidden=11)
    q, _ = case.make(c)
    program = compile_network(q, c)
    return jobs.job(case, 1, program, q, c, 2, 6, np.random.default_rng(number))


def _good(host: Host, job: Job) -> None:
    host.load(job)
    host.start()
    host.send(0)
    host.finish(0, job.frames)
    host.command(STOP)
    host.at_rest(reset_source=False)


def errors(machine: Path, c: Config) -> set[str]:
    """Facts of a host that provokes codes of images, of a start too early, of a stray frame."""
    first, second = _job(c, 0), _job(c, 1)
    with Direct(machine, 1, any_program=True) as m:
        host = Host(m)
        host.command(START)
        m.run(4)
        expect(host.error() == "no_image", "a start without an image")
        data = first.image.tobytes()
        for name in BAD_IMAGES:
            words = np.frombuffer(bad_image(name, data), "<u4")
            found = host.image(words)
            expect(found == name, f"code {found} for an image with code {name}")
        _good(host, first)
        program = dataclasses.replace(first.program, elem=eager(first.program.elem))
        words = np.frombuffer(assemble.assemble(program), "<u4")
        expect(host.image(words) == "none", "an eager program is refused")
        host.command(START)
        m.run(2000)
        expect(host.error() == "program", "a stray frame is not told")
        m.take()
        host.at_rest(reset_source=True)
        m.send(IMAGE, np.concatenate([first.image, second.image]), 0)
        m.forget(IMAGE)
        for job in (first, second):  # the second is offered behind the first's last word
            m.send(IMAGE, job.image, len(job.image))
        host.poll(loading=1)
        while m.left(IMAGE):
            m.run(20)
        host.poll(loading=0)
        expect(host.error() == "none", "images back to back are refused")
        host.job = second
        host.start()
        host.send(0)
        host.finish(0, second.frames)
        return host.facts | {"images: back to back"}


def saturated(machine: Path, c: Config) -> Iterator[set[str]]:
    """Facts of networks whose weights and inputs are at the ends of their range."""
    for cell in ("peephole", "sru"):
        case = LayerCase(seed=9, cell=cell, inputs=60, hidden=20, pattern="dense", extreme=True)
        q, _ = case.make(c)
        program = compile_network(q, c)
        job = jobs.job(case, 1, program, q, c, 1, 40, np.random.default_rng(1), ends=True)
        with Direct(machine, 1) as m:
            _good(Host(m), job)
        yield facts_of(job)


@contextlib.contextmanager
def _uncounted() -> Iterator[None]:
    """Without coverage of code, which Verilator cannot count with public variables."""
    folder = os.environ.pop(library.COVERAGE, None)
    try:
        yield
    finally:
        if folder is not None:
            os.environ[library.COVERAGE] = folder


@_uncounted()
def flipped() -> set[str]:
    """Facts of a host whose machine, with parity bits, has a flipped bit in its drain program."""
    c = config.load(MACHINES[0][0], **jobs.SHALLOW, parity=1)
    parameters = image.all_parameters(c)
    # A flip breaks what a program promises, and the bits of a memory need an address.
    machine = library.build(parameters, public=True, defines=["SYNTHESIS"])
    job = _job(c, 0)
    with Direct(machine, 1, any_program=True) as m:
        host = Host(m)
        place = "u_drain.u_seq.u_program.u_ram.mem"
        memory = next(v for v in variables(m, parameters) if v.path.endswith(place))
        for bit in (1, 9):
            host.load(job)
            m.flip(memory.offset, bit)
            host.start()
            host.send(0)
            m.run(LIMIT)
            expect(host.error() == "parity", "a flipped bit is not told")
            expect(not m.read("STATUS", "image_valid"), "an image with a flipped bit is valid")
            m.take()
            host.at_rest(reset_source=True)
            _good(host, job)
        return host.facts


def _layout(c: Config) -> dict[str, list[tuple[str, int, int]]]:
    """Fields of each kind of word: name, lowest bit, bits."""
    out: dict[str, list[tuple[str, int, int]]] = {}
    for unit, fields in PROGRAMS.items():
        at, out[unit] = 0, []
        for f in fields:
            out[unit].append((f"{unit} {f.name}", at, f.width))
            at += f.width
    at, out["section"] = isa.width(isa.PEG_CTL), []
    for place in isa.section(c):
        out["section"].append((f"section {place.name}", at, place.width))
        at += place.width
    return out


def _with(sections: list[Section], target: Target, at: int, lsb: int, width: int, end: str) -> None:
    """One field of one word gets all zeros or all ones; field ``last`` of a last word stays."""
    i = next(n for n, s in enumerate(sections) if s.target == target)
    words, mask = list(sections[i].words), (1 << width) - 1 << lsb
    at %= len(words)
    words[at] = words[at] & ~mask if end == "zeros" else words[at] | mask
    words[-1] |= 1
    sections[i] = dataclasses.replace(sections[i], words=tuple(words))


def fields(machine: Path, c: Config) -> Iterator[set[str]]:
    """Facts of programs in which one field of one word is all zeros or all ones.

    The run ends in frames or in a code, and a good image runs right behind it.

    Raises:
        MismatchError: neither.
    """
    job = _job(c, 0)
    with Direct(machine, 1, any_program=True) as m:
        for unit, places in _layout(c).items():
            target = TARGETS.get(unit, Target.PEGROUP)
            for number, (name, lsb, width) in enumerate({p[0]: p for p in places}.values()):
                for end in ENDS:
                    sections = assemble.sections(job.program)
                    _with(sections, target, number, lsb, width, end)
                    words = np.frombuffer(image.pack(c, sections), "<u4")
                    yield _one_field(Host(m), job, words, f"{name} {end}")


def _one_field(host: Host, job: Job, words: np.ndarray, what: str) -> set[str]:
    try:
        expect(host.image(words) == "none", "its image is refused")
        host.m.write("WATCHDOG", LIMIT)
        host.job = job
        host.start()
        host.send(0)
        host.m.run(4 * LIMIT, job.frames)
        ended = host.error() != "none" or host.m.packets >= job.frames
        expect(ended, "the run ends neither in frames nor in a code")
        host.command(STOP)
        host.at_rest(reset_source=True)
        host.m.write("WATCHDOG", WATCHDOG_RESET)
        _good(host, job)
    except (MismatchError, library.DirectError) as error:
        raise MismatchError(f"a program with {what}: {error}") from None
    return host.facts | {f"fields: {what}"}


def directed() -> Iterator[set[str]]:
    """Facts of all directed runs, on a machine with every mode of sharing and narrow states."""
    name, changes, _ = MACHINES[-1]
    c = config.load(name, **jobs.SHALLOW, **changes)
    machine = library.build(image.all_parameters(c))
    yield errors(machine, c)
    yield flipped()
    yield from saturated(machine, c)
    yield from fields(machine, c)
    yield {"images: behind a run"}  # the good load behind each damaged program
