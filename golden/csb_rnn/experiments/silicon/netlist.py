# SPDX-License-Identifier: Apache-2.0
"""One module of the design as a netlist of standard cells, with counters of the toggles of its
nets.

The cells are those of Oklahoma State University for 180 nm, from Debian's ``qflow-tech-osu018``.
Memories stay as in the RTL: black boxes for the mapper. The netlist takes the place of
the module in a simulation of the whole machine, so a run with the bits and cycles of the
models shows it is the same circuit.
"""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from csb_rnn.errors import CsbError
from csb_rnn.experiments.silicon.synthesis import run_yosys, shared_modules
from csb_rnn.machine import design, folders

PACKAGES = ("qflow-tech-osu018", "opensta")
HOME = folders.BUILD / "gates"
LIBERTY = HOME / "debian/usr/share/qflow/tech/osu018/osu018_stdcells.lib"
STA = HOME / "debian/usr/bin/sta"
MEMORIES = ("csb_ram_1r1w", "csb_neuron_ram")
#: For the mapper: it puts buffers behind cells with many loads if it knows a driver and a load.
DRIVEN = "set_driving_cell BUFX2\nset_load 0.05\n"
#: Gate in front of the clock of flip-flops that share an enable, of the library's own cells: the
#: latch holds the enable while the clock is high.
CLOCK_GATE = """module csb_clock_gate(input en, input clk, output gclk);
  wire low, held;
  INVX1 u_low(.A(clk), .Y(low));
  LATCH u_hold(.CLK(low), .D(en), .Q(held));
  AND2X1 u_gate(.A(clk), .B(held), .Y(gclk));
endmodule
"""
PERIOD = 10_000  # ps, that the mapper aims at
GATED_FLOPS = 8  # at least: a gate is as large as three flip-flops


class GatesError(CsbError, RuntimeError):
    """A tool or package is not to be had, or fails; one line for the user."""


@dataclasses.dataclass(frozen=True)
class Netlist:
    """A mapped module.

    Attributes:
        top: name of the replaced module.
        cells: for every cell its type and, for each of its pins, the net; constants are "0", "1".
        nets: names of nets, in the order of the toggle counts.
        sources: files in the module's place in a simulation.
        plain: the netlist alone, without memories, for a timing analyser.
    """

    top: str
    cells: dict[str, tuple[str, dict[str, str]]]
    nets: list[str]
    sources: list[Path]
    plain: Path


def fetch() -> None:
    """Library and analyser, unpacked from Debian's packages without installing them.

    Raises:
        GatesError: a package is missing.
    """
    if LIBERTY.exists() and STA.exists():
        return
    folder = HOME / "packages"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for package in PACKAGES:
        command = ["apt-get", "download", "-o", "APT::Sandbox::User=root", package]
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
            (file,) = folder.glob(f"{package}_*.deb")
            target = str(HOME / "debian")
            subprocess.run(["dpkg-deb", "-x", str(file), target], check=True)
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            raise GatesError(f"Debian package {package}: {error!r}"[:300]) from None


def _memory(name: str, instance: design.Instance) -> str:
    """Verilog of a black box: the memory of the RTL, under the netlist's name for it."""
    values = dict(instance.parameters)
    given = "".join(f".{key}({value})," for key, value in values.items()).rstrip(",")
    inside = f"{instance.module} #({given}) u_memory (.*);"
    if instance.module == "csb_neuron_ram":
        reads, width = values["Reads"], values["DataW"]
        sides = values.get("Sides", 2)
        aw = (values["Depth"] - 1).bit_length()
        ports = [("we_i", sides), ("waddr_i", aw), ("wdata_i", sides * width), ("re_i", 1),
                 ("raddr_i", reads * (aw + (sides > 1)))]  # fmt: skip
        data = reads * width
    else:
        width = values["Width"]
        enables = -(-width // values.get("Granule", width))
        aw = max(1, (values["Depth"] - 1).bit_length())
        ports = [("we_i", enables), ("waddr_i", aw), ("wdata_i", width), ("re_i", 1),
                 ("rzero_i", 1), ("raddr_i", aw)]  # fmt: skip
        data = width
    lines = [f"  input wire logic [{bits - 1}:0] {port}," for port, bits in ports]
    head = "\n".join(
        ["  input wire logic clk_i,", *lines, f"  output logic [{data - 1}:0] rdata_o"]
    )
    return f"module \\{name} (\n{head}\n);\n  {inside}\nendmodule\n"


def _gating(prefix: Path) -> str:
    """Commands that put clock gates where flip-flops share an enable."""
    gate = Path(f"{prefix}_clock_gate.v")
    gate.write_text(CLOCK_GATE)
    pins = f"csb_clock_gate en:clk:gclk -min_net_size {GATED_FLOPS}"
    return f"""
        clockgate -pos {pins}
        techmap -map {gate}
    """


def _script(top: design.Instance, share: str, prefix: Path, gated: bool) -> str:
    includes = " ".join(f"-I {folder}" for folder in design.file_list()[1])
    files = " ".join(map(str, design.needed_sources(top.module)))
    generics = " ".join(f"-G {p}={v}" for p, v in top.parameters)
    boxes = " ".join(f"{name}$*" for name in MEMORIES)
    driven = Path(f"{prefix}_driven.sdc")
    driven.write_text(DRIVEN)
    return f"""
        read_slang --threads 1 --keep-hierarchy --top {top.module} {generics} {includes} {files}
        {share}
        hierarchy -check -top {top.module}
        blackbox {boxes}
        proc
        flatten
        synth -top {top.module}
        {_gating(prefix) if gated else ""}
        dfflibmap -liberty {LIBERTY}
        abc -liberty {LIBERTY} -constr {driven} -D {PERIOD}
        opt_clean -purge
        splitnets
        rename -hide w:* c:*
        rename -enumerate -pattern n%_ w:*
        rename -enumerate -pattern g%_ c:*
        rename {top.module} {top.module}_gates
        write_json {prefix}.json
        write_verilog -noattr -noexpr {prefix}.v
        delete t:csb_*
        splitnets -ports
        write_verilog -noattr -noexpr -nohex -nodec {prefix}_plain.v
        design -reset
        read_liberty -ignore_miss_func -ignore_miss_dir -ignore_miss_data_latch {LIBERTY}
        write_verilog -noattr {prefix}_cells.v
    """


def _counted(text: str, nets: list[str], clock: str) -> str:
    """The netlist with counters: toggles and ones of each net in each cycle of a run."""
    count = len(nets)
    separator = ",\n    "  # a line of all nets is too long for a preprocessor
    body = f"""
  logic [{count - 1}:0] csb_nets, csb_before;
  logic [31:0] csb_toggles[{count}];
  logic [31:0] csb_ones[{count}];
  logic [31:0] csb_cycles[1];
  assign csb_nets = {{{separator.join(reversed(nets))}}};
  initial begin
    csb_cycles[0] = 0;
    for (int i = 0; i < {count}; i++) begin
      csb_toggles[i] = 0;
      csb_ones[i] = 0;
    end
  end
  always @(posedge {clock}) begin
    csb_before <= csb_nets;
    if ($test$plusargs("csb_count") && csb_sim_top.in_frame > 1 && !csb_sim_top.done_o) begin
      csb_cycles[0] <= csb_cycles[0] + 1;
      for (int i = 0; i < {count}; i++) begin
        csb_toggles[i] <= csb_toggles[i] + 32'(csb_nets[i] ^ csb_before[i]);
        csb_ones[i] <= csb_ones[i] + 32'(csb_nets[i]);
      end
    end
  end
  final begin
    $writememh("toggles.memh", csb_toggles);
    $writememh("ones.memh", csb_ones);
    $writememh("cycles.memh", csb_cycles);
  end
"""
    at = text.rindex("endmodule")
    return text[:at] + body + text[at:]


def bit_by_bit(text: str) -> str:
    """A netlist whose assignments have no concatenations, which OpenSTA does not read.

    Example: ``assign { a, b } = { c, d };`` becomes ``assign a = c;`` and ``assign b = d;``, and
    ``assign { a, b } = 2'b10;`` becomes ``assign a = 1'b1;`` and ``assign b = 1'b0;``.
    """

    def each(found: re.Match[str]) -> str:
        to, of, bits = found.groups()
        values = of.split(", ") if of else [f"1'b{bit}" for bit in bits]
        pairs = zip(to.split(", "), values, strict=True)
        return "\n".join(f"  assign {to} = {of};" for to, of in pairs)

    return re.sub(r"  assign \{ (.*?) \} = (?:\{ (.*?) \}|\d+'b([01x]+));", each, text)


def make(module: str, parameters: Mapping[str, int], name: str, gated: bool) -> Netlist:
    """Map a module, with parameters, to cells.

    Args:
        name: of the folder of the netlist.
        gated: the clock of flip-flops that share an enable passes a gate; else the enable is a
            multiplexer in front of each.

    Raises:
        GatesError: a package is missing.
        RuntimeError: Yosys failed.
    """
    fetch()
    prefix = HOME / name / f"{module}_gates"
    prefix.parent.mkdir(parents=True, exist_ok=True)
    instances = design.elaborate(module, parameters)
    _, share = shared_modules(instances)
    Path(f"{prefix}.ys").write_text(_script(instances[0], share, prefix, gated))
    run_yosys(prefix)
    found = json.loads(Path(f"{prefix}.json").read_text())["modules"][f"{module}_gates"]
    names = {"0": "0", "1": "1", "x": "0"}
    for port, value in found["ports"].items():
        wide = len(value["bits"]) > 1
        names |= {bit: f"{port}[{i}]" if wide else port for i, bit in enumerate(value["bits"])}
    for net, value in found["netnames"].items():
        if net not in found["ports"]:
            names |= {bit: net for bit in value["bits"] if bit not in names}
    cells = {}
    boxes = set()
    for cell, value in found["cells"].items():
        if value["type"].startswith("csb_"):
            boxes.add(value["type"])
            continue
        pins = {pin: names[bits[0]] for pin, bits in value["connections"].items()}
        cells[cell] = (value["type"], pins)
    nets = sorted({net for _, pins in cells.values() for net in pins.values()} - {"0", "1"})
    paths = {f"{i.module}${i.path}": i for i in instances}
    parts = [
        "/* verilator lint_off */",
        "/* verilator lint_off LATCH */",  # of clock gates
        *(_memory(box, paths[box]) for box in sorted(boxes)),
        Path(f"{prefix}_cells.v").read_text(),
        _counted(Path(f"{prefix}.v").read_text(), nets, "clk_i"),
    ]
    plain = Path(f"{prefix}_plain.v")
    plain.write_text(bit_by_bit(plain.read_text()))
    gates = prefix.with_suffix(".sv")
    gates.write_text("\n".join(parts))
    (original,) = [f for f in design.file_list()[0] if f.stem == module]
    text = original.read_text()
    head = text[: re.search(r"^\);", text, re.MULTILINE).end()]  # type: ignore[union-attr]
    wrapper = prefix.with_name(f"{module}.sv")
    wrapper.write_text(
        f"/* verilator lint_off */\n{head}\n  {module}_gates u_gates (.*);\nendmodule\n"
        "`default_nettype wire\n"
    )
    return Netlist(module, cells, nets, [gates, wrapper], plain)
