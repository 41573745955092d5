#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write every file that follows from a definition; with --check, only tell what is not current.

Written: the reference pages of ``docs/`` from ``docs/templates/``, the tables between markers in
README.md, the SystemVerilog packages and the activation table, and ``csb_rnn.core``. Tables of
results are those of the files in ``docs/results/data``. The check also reads the pages written by
hand: links, files, tests and constants that they name must exist.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import jinja2

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import csb_rnn
from csb_rnn.cells import CELLS
from csb_rnn.compiler import compile_network, datapath
from csb_rnn.errors import CsbError
from csb_rnn.execution import timing, utilisation
from csb_rnn.experiments.reports import measured
from csb_rnn.machine import config, image, isa, numerics, registers
from csb_rnn.machine.config import Config
from csb_rnn.machine.memories import memory_bits
from csb_rnn.models import quantise
from csb_rnn.network.onnx.folding import DOMAINS
from csb_rnn.network.onnx.rules import RULES
from tb.lib.random_layers import LayerCase

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
TEMPLATES = DOCS / "templates"
README = ROOT / "README.md"
EXAMPLE = ROOT / "tests/data/janet.py"
CORE = ROOT / "csb_rnn.core"
ARCHITECTURE = DOCS / "architecture.md"
PAGES = ("isa", "image_format", "registers", "configurations", "cells", "use/importing")


class ResultsError(CsbError, ValueError):
    """A page lacks the markers of a table."""


# --- tables -------------------------------------------------------------------------------------
def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table; columns of which every cell is a number are aligned to the right."""
    rows = [[str(cell) for cell in row] for row in rows]
    number = re.compile(r"-|-?[\d.]+( ?%)?")
    right = [all(number.fullmatch(row[i]) for row in rows) and i > 0 for i in range(len(head))]
    rule = ["--:" if r else "---" for r in right]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows))


def _bits(lsb: int, width: int) -> str:
    return f"{lsb + width - 1}:{lsb}" if width > 1 else str(lsb)


def field_table(fields: Iterable[isa.Field]) -> str:
    """Fields of a word, the first one at bit 0."""
    rows, lsb = [], 0
    for f in fields:
        rows.append((_bits(lsb, f.width), f"`{f.name}`", f.width, f.doc))
        lsb += f.width
    return table(("bits", "field", "width", "meaning"), rows)


def code_table(*tables: tuple[str, dict[str, int]]) -> str:
    """Encodings side by side: a row for each code."""
    codes = sorted({code for _, t in tables for code in t.values()})
    named = [{code: name for name, code in t.items()} for _, t in tables]
    rows = [(code, *(t.get(code, "-") for t in named)) for code in codes]
    return table(("code", *(title for title, _ in tables)), rows)


def constants(names: str, *modules: ModuleType) -> list[tuple[str, int, str]]:
    """(name, value, comment) of the integer constants of modules whose names match a pattern."""
    text = "".join(Path(module.__file__).read_text() for module in modules)
    found = re.findall(r"^([A-Z]\w*) = (-?\d+)  # (.*)$", text, re.MULTILINE)
    return [(name, int(value), doc) for name, value, doc in found if re.fullmatch(names, name)]


def constant_table(names: str, *modules: ModuleType) -> str:
    rows = [(f"`{name}`", value, doc) for name, value, doc in constants(names, *modules)]
    return table(("constant", "value", "meaning"), rows)


def configurations() -> list[Config]:
    return [config.load(name) for name in config.names()]


def _by_configuration(rows: Iterable[tuple[str, Callable[[Config], Any]]], first: str) -> str:
    configs = configurations()
    body = [(title, *(value(c) for c in configs)) for title, value in rows]
    return table((first, *(f"`{c.name}`" for c in configs)), body)


def latency_table() -> str:
    """Latencies after issue, in every configuration."""
    fixed = constants(r"LAT_\w+", isa)
    rows: list[tuple[str, Callable[[Config], Any]]] = [
        (f"`{name}`: {doc}", lambda _, v=value: v) for name, value, doc in fixed
    ]
    for function in isa.LATENCIES:
        doc = function.__doc__.split("\n")[0].rstrip(".")
        doc = doc[0].lower() + doc[1:]
        rows.append((f"`{function.__name__}`: {doc}", function))
    return _by_configuration(rows, "constant: from issue to what")


def section_table() -> str:
    """Widths of a section in every configuration; 0 where a field does not exist."""
    tables = ((isa.LANE, "of each lane"), (isa.SHARED, "once"), (isa.LANE_END, "of each lane"),
              (isa.PE_LANE, "of each lane and PE q"), (isa.PE, "of each PE q"))  # fmt: skip
    rows: list[tuple[str, Callable[[Config], Any]]] = []
    for fields, where in tables:
        for f in fields:
            name = f"{f.name}q" if where.endswith("q") else f.name
            rows.append((f"`{name}` {where}: {f.doc}", lambda c, f=f: f.bits(c)))
    rows += [
        ("PEs of a lane, Q", lambda c: c.Q),
        ("lanes of a section, `shared_cols`", lambda c: c.shared_cols),
        ("**section**", isa.section_width),
        ("sections, P / `shared_cols`", lambda c: c.share_groups),
        ("**PEGroup word**, with control", isa.pegroup_width),
    ]
    return _by_configuration(rows, "field")


# --- image, registers ---------------------------------------------------------------------------
TARGET_DOC = {
    image.Target.PEGROUP: "program and weights of a PEGroup",
    image.Target.DRAIN: "program of the drain unit",
    image.Target.ELEM: "program of the element unit",
    image.Target.BIAS: "biases of a data path lane, signed, accumulator units",
    image.Target.STATE: "state memory of a data path lane, signed",
    image.Target.OUT: "output table, one beat a word",
    image.Target.CONFIG: "program registers",
}


def target_table() -> str:
    """Targets, and in every configuration: bits of a word x words x memories."""
    configs = configurations()
    rows = []
    for t in image.Target:
        sizes = [" x ".join(str(n) for n in image.memories(c)[t]) for c in configs]
        rows.append((t.value, f"`{t.name}`", TARGET_DOC[t], *sizes))
    return table(("code", "target", "contents", *(f"`{c.name}`" for c in configs)), rows)


def config_register_table() -> str:
    limits = image.config_limits(config.load("tiny"))
    rows = [
        (i, f"`{f.name}`", "{} to {}".format(*limits[f.name]), f.doc)
        for i, f in enumerate(image.CONFIG)
    ]
    return table(("address", "register", "`tiny`: values", "meaning"), rows)


def example_image() -> str:
    """A short image, word by word."""
    c = config.load("tiny")
    words = [isa.encode(isa.DRAIN, {"wait_mark": 1, "post": 1, "last": 1})]
    data = image.words32(image.pack(c, [image.section(c, image.Target.DRAIN, words)]))
    parts = len(isa.load_parts(0, isa.width(isa.DRAIN)))
    notes = ["magic", "version", "configuration hash", "words of the image"]
    notes += ["target 1, index 0", "address 0", "one memory word"]
    notes += ["DRAIN word, upper bits of its parts"]
    notes += [f"DRAIN word, part {i}, lower 32 bits" for i in range(parts)] + ["CRC-32"]
    lines = [f"{i:3}  {w:08x}  {n}" for i, (w, n) in enumerate(zip(data, notes, strict=True))]
    return "\n".join(lines)


def register_table() -> str:
    rows = [(f"0x{r.offset:02x}", f"`{r.name}`", r.access, r.doc) for r in registers.REGISTERS]
    return table(("offset", "register", "access", "meaning"), rows)


def register_field_table() -> str:
    rows = [
        (f"`{r.name}`", _bits(f.lsb, f.width), f"`{f.name}`", f.doc)
        for r in registers.REGISTERS
        for f in r.fields
    ]
    return table(("register", "bits", "field", "meaning"), rows)


def error_table() -> str:
    return table(
        ("code", "error", "meaning", "what the host does"),
        [
            (code, f"`{name}`", doc, registers.ERROR_ACTIONS[name])
            for name, (code, doc) in registers.ERRORS.items()
        ],
    )


# --- configurations -----------------------------------------------------------------------------
def shape_table() -> str:
    rows: list[tuple[str, Callable[[Config], Any]]] = [
        ("PEGroups, K x L", lambda c: f"{c.K} x {c.L}"),
        ("PEs of one, P x Q", lambda c: f"{c.P} x {c.Q}"),
        ("multipliers (PEs)", lambda c: c.pes),
        ("rings, K*P", lambda c: c.rings),
        ("accumulator banks of a PE row", lambda c: c.drain_banks),
        ("data path lanes", lambda c: c.lanes),
        ("cycles of a slot on the neuron bus, w", lambda c: c.sub_slots),
        ("stages of the sum across an engine row, RS", lambda c: c.reduce_stages),
        ("horizontal sharing", lambda c: "yes" if c.share_h else "no"),
        ("vertical sharing", lambda c: "yes" if c.share_v else "no"),
        ("PE rows that share neuron addresses", lambda c: c.shared_cols),
        ("values of a frame beat", lambda c: c.out_lanes),
        ("input values written in a cycle", lambda c: c.x_lanes),
        ("further registers in the long paths, `deep`", lambda c: c.deep),
        ("configuration hash", lambda c: f"`{image.config_hash(c):08x}`"),
    ]
    return _by_configuration(rows, "")


def word_table() -> str:
    rows: list[tuple[str, Callable[[Config], Any]]] = [
        ("weight", lambda c: c.weight_w),
        ("neuron", lambda c: c.data_w),
        ("accumulator, bias", lambda c: c.acc_w),
        ("data path value", lambda c: c.lane_w),
        ("state (fraction)", lambda c: f"{c.state_w} ({c.state_frac})"),
        ("PEGroup word", isa.pegroup_width),
        ("one section of it", isa.section_width),
        ("drain word", lambda _: isa.width(isa.DRAIN)),
        ("element word", lambda _: isa.width(isa.ELEM)),
        ("output table word", lambda c: c.out_lanes * image.out_entry_width(c)),
        ("frame beat", lambda c: c.stream_w),
    ]
    return _by_configuration(rows, "bits of")


def depth_table() -> str:
    keys = [k for k in config.rtl_parameters("tiny") if k.endswith("Depth")]
    rows = [(f"`{k}`", lambda c, k=k: config.rtl_parameters(c)[k]) for k in keys]
    rows += [
        (f"`{k}`", lambda c, k=k: config.rtl_parameters(c)[k]) for k in ("AccGuard", "MaxBlock")
    ]
    return _by_configuration(rows, "words")


def memory_table() -> str:
    names = memory_bits(config.load("tiny"))
    rows = [(n, lambda c, n=n: f"{memory_bits(c)[n] / 1024:.1f}") for n in names]
    rows.append(("**all**", lambda c: f"{sum(memory_bits(c).values()) / 1024:.1f}"))
    return _by_configuration(rows, "Kibit")


def keys_of_configurations() -> str:
    """The comment that explains the keys, as it is in ``configs.toml``."""
    text = config.CONFIG_FILE.read_text().split("\n[default]\n")[0]
    return "\n".join(line.lstrip("#").removeprefix(" ") for line in text.splitlines()[3:]).strip()


def readme_table() -> str:
    """The short table of README.md."""
    rows = [
        (
            f"`{c.name}`",
            f"{c.K} x {c.L}",
            f"{c.P} x {c.Q}",
            c.pes,
            c.lanes,
            f"{c.data_w} / {c.state_w}",
            c.stream_w,
            f"{sum(memory_bits(c).values()) / 1024:.0f}",
        )
        for c in configurations()
    ]
    head = ("configuration", "PEGroups", "PEs of one", "PEs", "data path lanes")
    return table((*head, "data / state bits", "beat bits", "memory, Kibit"), rows)


def operator_table() -> str:
    """Operators of ONNX that have rules, from the importer's own table."""
    sections = {"recurrent": "a layer", "engine": "values of the engine",
                "repeated": "an initial state", "sizes": "a shape"}  # fmt: skip
    found: dict[tuple[str, str, str], list[str]] = {}
    for (domain, kind, on), rule in RULES.items():
        text = re.sub(r"``", "`", " ".join((rule.__doc__ or "").split())).rstrip(".")
        name = f"{domain}.{kind}" if domain else kind
        found.setdefault((on, text, rule.__name__), []).append(f"`{name}`")
    order = list(sections)
    rows = [
        (", ".join(names), sections[on], text)
        for (on, text, _), names in sorted(found.items(), key=lambda r: order.index(r[0][0]))
    ]
    return table(("operator", "on", "meaning"), rows)


def page(name: str) -> str:
    """A page of ``docs/`` from its template."""
    loader = jinja2.FileSystemLoader(TEMPLATES)
    environment = jinja2.Environment(
        loader=loader, undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    known = {k: v for k, v in globals().items() if k.endswith("_table")}
    return environment.get_template(f"{name}.md.j2").render(
        known,
        isa=isa,
        config=config,
        image=image,
        regmap=registers,
        timing=timing,
        example=example,
        example_image=example_image,
        keys_of_configurations=keys_of_configurations,
        domains_of_constants=", ".join(f"`{d}`" for d in DOMAINS if d),
        note=f"<!-- Generated by scripts/gen_docs.py from docs/templates/{name}.md.j2 -->",
    )


# --- results ------------------------------------------------------------------------------------
FORMATS = {"cycles_per_frame": ".2f", "cycles_per_frame_predicted": ".2f",
           "mac_efficiency": ".3f", "frame_efficiency": ".3f",
           "task_value": ".2f", "task_value_float": ".2f"}  # fmt: skip


def results_table() -> str:
    """The kept rows of ``make sim``; a figure that a row does not have is shown as ``-``."""

    def cell(row: dict[str, Any], key: str) -> str:
        value = row.get(key)
        return "-" if value is None else format(value, FORMATS.get(key, ""))

    rows = measured.read("sim").rows
    body = [[cell(row, key) for _, key in measured.SIM_COLUMNS] for row in rows]
    return table([title for title, _ in measured.SIM_COLUMNS], body)


def between(text: str, marker: str, content: str) -> str:
    """``text`` with what is between ``<!-- marker -->`` and ``<!-- /marker -->`` replaced."""
    parts = re.split(rf"(<!-- /?{marker} -->)", text)
    if len(parts) != 5:
        raise ResultsError(f"README.md: no pair of {marker} markers")
    parts[2] = f"\n{content}\n"
    return "".join(parts)


# --- cells --------------------------------------------------------------------------------------
def cell_table() -> str:
    """What every cell is made of."""
    rows = []
    for c in CELLS.values():
        recurrent = {v for d in c.drains for v in d.inputs if v != "x"}
        spaces = {n.space for n in c.nodes}
        rows.append(
            (
                f"`{c.name}`",
                ", ".join(c.gates),
                ", ".join(c.states),
                ", ".join(c.constants) or "none",
                ", ".join(sorted(recurrent)) or "none",
                len(spaces),
                len(c.stages),
                len(c.drains),
                len(c.elems),
                max(len(datapath.registers(s)) for s in c.stages),
            )
        )
    head = ("cell", "gates", "states", "constants", "vectors it multiplies", "unit spaces",
            "stages", "drains", "elems", "registers")  # fmt: skip
    return table(head, rows)


def cell_cost_table() -> str:
    """Cycles and busy shares of every cell, one layer on paper256."""
    rows, c = [], config.load("paper256")
    for name in CELLS:
        case = LayerCase(1, name, 39, 256, density=0.1, pattern="scattered")
        p = compile_network(quantise.quantise(case.network(), c), c)
        u = utilisation.analyse(p)
        busy = [f"{u.busy[unit]:.0%}" for unit in ("engine", "drain", "element", "neuron bus")]
        rows.append(
            (f"`{name}`", p.kept_weights, f"{u.interval:.1f}", u.latency, f"{u.multipliers:.3f}",
             *busy, u.bound)
        )  # fmt: skip
    head = ("cell", "kept weights", "cycles a frame", "latency, idle", "frame efficiency", "engine",
            "drain", "element", "bus", "bound by")  # fmt: skip
    return table(head, rows)


def example() -> str:
    """The worked example of adding a cell."""
    return EXAMPLE.read_text().strip()


# --- layers -------------------------------------------------------------------------------------
def layers_table() -> str:
    """The rooms of ``docs/layers.toml``, the highest first."""
    rooms = tomllib.loads((DOCS / "layers.toml").read_text())["room"]
    rows = []
    for room in sorted(rooms, key=lambda r: -r["layer"]):
        needs = [*room.get("packages", ()), *(f"({name})" for name in room.get("later", ()))]
        link = f"[`{room['path']}`](../{room['path']})"
        rows.append((room["layer"], link, room["holds"], ", ".join(needs) or "-"))
    return table(("layer", "path", "holds", "needs"), rows)


# --- FuseSoC ------------------------------------------------------------------------------------
def core_text() -> str:
    """``csb_rnn.core``: the sources of ``hdl/files.f`` in their order, a target a configuration."""
    lines = [
        line.split("//")[0].strip() for line in (ROOT / "hdl/files.f").read_text().splitlines()
    ]
    folders = [line.removeprefix("+incdir+") for line in lines if line.startswith("+")]
    headers = [
        h.relative_to(ROOT) for d in folders for h in sorted((ROOT / "hdl" / d).glob("*.svh"))
    ]
    out = [
        "CAPI=2:",
        "# Generated by scripts/gen_docs.py from hdl/files.f and hdl/configs.toml: do not edit.",
        f"name: ::csb_rnn:{csb_rnn.__version__}",
        "description: Accelerator for recurrent networks pruned to compressed structured blocks",
        "",
        "filesets:",
        "  rtl:",
        "    files:",
    ]
    for h in headers:
        out.append(f"      - {h}: {{is_include_file: true, include_path: {h.parent}}}")
    out += [f"      - hdl/{line}" for line in lines if line and not line.startswith("+")]
    out += [
        "    file_type: systemVerilogSource",
        "  waivers:",
        "    files:",
        "      - hdl/csb_waivers.vlt: {file_type: vlt}",
        "",
        "parameters:",
    ]
    for name in image.all_parameters(config.load(config.names()[0])):
        out.append(f"  {name}: {{datatype: int, paramtype: vlogparam}}")
    out += ["", "targets:", "  default:", "    filesets: [rtl]", "    toplevel: csb_top"]
    for c in configurations():
        values = [f"{k}={v}" for k, v in image.all_parameters(c).items()]
        out += [
            f"  {c.name}:",
            f"    description: lint of configuration {c.name}; its parameters, for other flows",
            "    flow: lint",
            "    flow_options:",
            "      tool: verilator",
            "      verilator_options: [-Wall]",
            "    filesets: [rtl, waivers]",
            "    toplevel: csb_top",
            "    parameters:",
            *(f"      - {v}" for v in values),
        ]
    return "\n".join([*out, ""])


# --- everything ---------------------------------------------------------------------------------
def generated() -> dict[Path, str]:
    """Every generated file and what it has to hold."""
    out = {DOCS / f"{name}.md": page(name) for name in PAGES}
    out |= {m.PACKAGE_FILE: m.package_text() for m in (isa, image, registers)}
    out[isa.LAYOUT_FILE] = isa.layout_text()
    out[numerics.ROM_FILE] = numerics.rom_text()
    out[CORE] = core_text()
    readme = between(README.read_text(), "config-table", readme_table())
    out[README] = between(readme, "sim-table", results_table())
    out[ARCHITECTURE] = between(ARCHITECTURE.read_text(), "layers", layers_table())
    return out


def outdated(files: dict[Path, str]) -> list[Path]:
    """Files that do not hold what they should."""
    return [p for p, text in files.items() if not p.exists() or p.read_text() != text]


def value_of(expression: str, c: Config) -> int:
    """A sum of numbers, RS, w and D of a configuration, such as ``7 + RS + 2*D``.

    Raises:
        ValueError: it is something else.
    """
    known = {"RS": c.reduce_stages, "w": c.sub_slots, "D": c.deep}
    terms = [term.strip().split("*") for term in expression.split("+")]
    return sum(math.prod(known[f] if f in known else int(f) for f in term) for term in terms)


def _wrong_constants(text: str) -> Iterator[str]:
    """Every `NAME = value` in a page is what csb_rnn.machine.isa or csb_rnn.execution.timing
    says."""
    known = r"`([A-Z]+_[A-Z_]+|EVENTS|acc_raw|lat_\w+) = ([^`]+)`"
    for name, expression in re.findall(known, text):
        value = getattr(isa, name, getattr(timing, name, None))
        if value is None:
            yield f"no constant {name}"
            continue
        for c in configurations():
            if value_of(expression, c) != (value(c) if callable(value) else value):
                yield f"{name} is not {expression} in {c.name}"
                break


def _missing_files(text: str, where: Path) -> Iterator[str]:
    """Relative links, files and tests that a page names exist."""
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if ":" not in link and not (where / link).exists():
            yield f"no link target {link}"
    paths = r"\b((?:tests|tb|golden|hdl|docs|scripts)/[\w/]+\.(?:py|svh?|toml|md|f|vlt|sh))(?!\.\w)"
    for path, test in re.findall(paths + r"(?:::(\w+))?", text):
        file = ROOT / path
        if not file.exists():
            yield f"no file {path}"
        elif test and not re.search(rf"^(async )?def {test}\b", file.read_text(), re.MULTILINE):
            yield f"no test {path}::{test}"


def findings() -> list[str]:
    """What is wrong in pages, and hardware modules that no page of ``docs/blocks`` names."""
    pages = [README, *sorted(DOCS.rglob("*.md"))]
    out = []
    for file in pages:
        text = file.read_text()
        wrong = [*_wrong_constants(text), *_missing_files(text, file.parent)]
        out += [f"{file.relative_to(ROOT)}: {w}" for w in dict.fromkeys(wrong)]
    named = "".join(p.read_text() for p in (DOCS / "blocks").glob("*.md"))
    for source in sorted((ROOT / "hdl").rglob("*.sv")):
        if not re.search(rf"\b{source.stem}\b", named):
            out.append(f"docs/blocks: no page names {source.stem}")
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if stale")
    parser.add_argument(
        "--stale", action="store_true", help="exit code 1 if results are older than their sources"
    )
    args = parser.parse_args()
    if args.stale:
        old = measured.stale()
        print("\n".join(old) or "all results are of today's sources")
        return int(bool(old))
    files = generated()
    stale = outdated(files)
    for path in stale:
        print(
            f"{path.relative_to(ROOT)}: {'out of date: run make docs' if args.check else 'written'}"
        )
        if not args.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[path])
    wrong = findings()
    for line in wrong:
        print(line)
    return int(bool(wrong or (stale and args.check)))


if __name__ == "__main__":
    sys.exit(main())
