# SPDX-License-Identifier: Apache-2.0
"""Fields and counters stand in one place: a map in which all of them moved needs no other edit."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
from pathlib import Path

import pytest

import csb_rnn
from csb_rnn.machine import design, folders, image, registers, rtl_names
from csb_rnn.machine.counters import COUNTER_BASE, COUNTERS, Counter
from csb_rnn.machine.registers import Register
from csb_rnn.simulation.toolchain import tool_env

PROBE = folders.ROOT / "tb/interface/regs_probe.sv"
TOP = folders.HDL / "csb_top.sv"
REGS = folders.HDL / "control/csb_regs.sv"


def mirrored(r: Register) -> Register:
    """The register with its fields in the opposite order, from bit 31 down."""
    fields = [dataclasses.replace(f, lsb=32 - f.lsb - f.width) for f in r.fields]
    return dataclasses.replace(r, fields=tuple(fields))


def moved() -> tuple[list[Register], list[Counter]]:
    """A map with every field elsewhere, counters in the opposite order, VERSION at another offset.
    IDENTITY stays: it names the map."""
    counters = COUNTERS[::-1]
    places = {c.name: COUNTER_BASE + 4 * i for i, c in enumerate(counters)}
    places["VERSION"] = 0x1C
    found = [
        dataclasses.replace(r, offset=places.get(r.name, r.offset)) for r in registers.REGISTERS
    ]
    return [r if r.name == "IDENTITY" else mirrored(r) for r in found], list(counters)


class Map:
    """Values by name in a map that may be another than the one of the machine."""

    def __init__(self, found: list[Register]) -> None:
        self.by_name = {r.name: r for r in found}

    def value(self, name: str, **fields: int) -> int:
        places = {f.name: f.lsb for f in self.by_name[name].fields}
        return sum(number << places[key] for key, number in fields.items())

    def read(self, name: str) -> str:
        return f"r {self.by_name[name].offset:x}"

    def write(self, name: str, **fields: int) -> str:
        return f"w {self.by_name[name].offset:x} {self.value(name, **fields):x}"


def probe(work: Path, package: str, script: list[str]) -> list[str]:
    """The lines that csb_regs answers a script with, compiled with a package of this text."""
    file = work / "csb_regs_pkg.sv"
    file.write_text(package)
    (work / "script").write_text("\n".join(script) + "\n")
    sources = [file if f.name == file.name else f for f in design.needed_sources("csb_regs")]
    include = [f"-I{folder}" for folder in design.file_list()[1]]
    command = ["iverilog", "-g2012", "-s", "regs_probe", "-o", str(work / "probe"), *include]
    env = {**os.environ, **tool_env()}
    subprocess.run([*command, *map(str, sources), str(PROBE)], env=env, check=True)
    simulation = ["vvp", "-n", str(work / "probe"), f"+script={work / 'script'}"]
    return subprocess.run(
        simulation, env=env, check=True, capture_output=True, text=True
    ).stdout.split("\n")


@pytest.mark.parametrize("elsewhere", [False, True])
def test_registers_follow_their_definition(tmp_path, elsewhere: bool) -> None:
    found, counters = list(registers.REGISTERS), list(COUNTERS)
    if elsewhere:
        found, counters = moved()
    m = Map(found)
    major, minor, patch = registers.IP_VERSION
    want = {
        "IDENTITY": registers.IDENTITY,
        "GRID": m.value("GRID", k=3, l=5, p=2, q=4),
        "FORMATS": m.value("FORMATS", data_w=16, state_w=20, state_frac=13, drain_banks=2),
        "STREAM": m.value("STREAM", stream_w=64, x_per_cycle=2, sharing=2),
        "WORD": m.value("WORD", weight_w=12, shared_cols=2),
        "VERSION": m.value("VERSION", major=major, minor=minor, patch=patch),
        "CONTROL": m.value("CONTROL", fresh=1),
        "STATUS": m.value("STATUS", image_valid=1, idle=1, out_open=1, in_cut=1, error=5),
        "IRQ_ENABLE": m.value("IRQ_ENABLE", error=1),
        "IRQ_PENDING": m.value("IRQ_PENDING", error=1),
        "PEG_SELECT": m.value("PEG_SELECT", group=0xA5),
        "STATE_ADDR": m.value("STATE_ADDR", addr=0x123, lane=0x45),
        **{c.name: 1000 + i for i, c in enumerate(counters)},
    }
    commands = ["stop", "flush", "reset", "start"]
    script = [m.write("CONTROL", **{name: 1}) for name in commands]
    script += [
        m.write("CONTROL", fresh=1),
        m.write("IRQ_ENABLE", error=1),
        m.write("PEG_SELECT", group=0xA5),
        m.write("STATE_ADDR", addr=0x123, lane=0x45),
        *(m.read(name) for name in want),
    ]
    lines = probe(tmp_path, registers.package_text(found, counters), script)
    assert [line for line in lines if line in commands] == commands
    assert "irq 1 fresh 1" in lines
    answers = [line for line in lines if re.fullmatch(r"\w+ \w+ \w", line)][-len(want) :]
    for (name, value), answer in zip(want.items(), answers, strict=True):
        assert answer == f"{m.by_name[name].offset:03x} {value:08x} 0", name


def test_no_field_is_placed_by_hand() -> None:
    text = REGS.read_text()
    by_hand = r"\b(?:here|wdata_q|wmask|command|state_addr_q|irq_\w+)\[\d.*|\bhere *= *\{.*"
    assert not re.findall(by_hand, text)
    assert re.findall(by_hand, "here[15:8] = code;")
    assert re.findall(by_hand, "here = {24'b0, x}")
    used = set(re.findall(r"\b[A-Z]\w+Lsb\b", text))
    known = set(re.findall(r"\b\w+Lsb\b", registers.package_text()))
    enable = {"IrqEnableLoadedLsb", "IrqEnableErrorLsb"}  # bit by bit those of IRQ_PENDING
    assert known - used == {"IdentityMagicLsb", "IdentityMapLsb", *enable}
    fields = registers.BY_NAME["IRQ_ENABLE"].fields
    assert fields == registers.BY_NAME["IRQ_PENDING"].fields


def test_every_counter_counts() -> None:
    text = TOP.read_text()
    names = re.findall(r"inc\[Cnt(\w+)\*CounterIncW\+:CounterIncW\] =", text)
    assert sorted(names) == sorted(rtl_names.camel(c.name) for c in COUNTERS)


def test_counters_in_another_order_than_their_registers_are_refused() -> None:
    with pytest.raises(ValueError, match="not in their order"):
        registers.package_text(counters=COUNTERS[::-1])
    doubled = [*registers.REGISTERS, dataclasses.replace(registers.BY_NAME["GRID"], name="OTHER")]
    with pytest.raises(ValueError, match="one offset"):
        registers.package_text(doubled)


def test_values_of_fields() -> None:
    assert registers.value("CONTROL", start=1, fresh=1) == 5
    with pytest.raises(ValueError, match=r"CONTROL\.start: 2 does not fit 1 bits"):
        registers.value("CONTROL", start=2)
    with pytest.raises(KeyError):
        registers.value("CONTROL", begin=1)


def test_one_version_of_a_release() -> None:
    """Python, hardware and FuseSoC core agree; map and image format have their own."""
    assert re.fullmatch(r"\d+\.\d+\.\d+", csb_rnn.__version__)
    core = (folders.ROOT / "csb_rnn.core").read_text()
    assert f"\nname: ::csb_rnn:{csb_rnn.__version__}\n" in core
    package = registers.PACKAGE_FILE.read_text()
    for part, number in zip(("Major", "Minor", "Patch"), registers.IP_VERSION, strict=True):
        assert f"parameter int Version{part} = {number};" in package
        registers.value("VERSION", **{part.lower(): number})  # it fits
    assert registers.field("IDENTITY", "map", registers.IDENTITY) == registers.VERSION
    assert f"ImageVersion = 32'd{image.VERSION};" in image.PACKAGE_FILE.read_text()
