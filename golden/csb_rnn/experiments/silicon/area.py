# SPDX-License-Identifier: Apache-2.0
"""Area of every sharing mode and of shared columns, and the clock of `small` on an ECP5.

LUTs of ``small`` move into its carry chains (:mod:`.folding`), flip-flops into its hard blocks
(:mod:`.hard_registers`), which get a floorplan (:mod:`.floorplan`); nextpnr places and routes it
from several seeds, and the clock is their median. Area is that of the netlist which is placed.
The others are mapped to UltraScale+ by Yosys (estimates).
Prints a table and keeps the rows of every machine in docs/results/data, with area by part and
critical path; build/bench/area.json holds them all. A run of the tools is kept in build/area under
a hash of the sources, parameters and tools, and not made again; so is each placement that ends.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from csb_rnn import commands, errors
from csb_rnn.experiments.bench.area_tables import PARTS, area_name
from csb_rnn.experiments.bench.programs import shared
from csb_rnn.experiments.reports import measured
from csb_rnn.experiments.reports.kinds import VARIANTS
from csb_rnn.experiments.silicon import (
    dsp_blocks,
    flat,
    floorplan,
    folding,
    hard_registers,
    routing,
    synthesis,
)
from csb_rnn.flow import schema, write_json
from csb_rnn.machine import config, design, folders, image
from csb_rnn.machine.config import Config
from csb_rnn.machine.sharing_modes import PAPER_MODES

OUT = Path("build/area")  # relative: nextpnr runs in a sandbox with its working folder alone
RESULTS = Path("build/bench")
BLOCKS = (32, 128)
BRAM_KBIT = {"xcup": 18, "ecp5": 18}  # of a block as synthesis.AREA counts them
SEEDS = (1, 2, 3)
ROUTED = ("small", *VARIANTS)
COMPARED = "paper256"  # with every sharing mode; the others as they are
#: ``COMPARED`` before its host interface was mended, by today's tools. It may have grown by one LUT
#: for each multiplier since: the result ``area_limit`` holds both, a test holds the limit.
BASE = {"commit": "80a5cee", "config": COMPARED, "sharing": "horizontal", "target": "xcup",
        "pes": 256, "lut": 29853, "ff": 42423}  # fmt: skip
PLACING = (folding, hard_registers, dsp_blocks, floorplan)
FOLDERS = {"engine": "engine", "datapath": "data path", "interface": "interface"}


@dataclasses.dataclass(frozen=True)
class Job:
    """One configuration on one target."""

    config: Config
    sharing: str
    max_block: int
    target: str

    @property
    def name(self) -> str:
        return f"{self.config.name}_{self.sharing}"

    def digest(self) -> str:
        """Hash of everything behind the result; the largest block is no circuit."""
        c = dataclasses.replace(self.config, max_block=BLOCKS[0])
        lines = Path("requirements.in").read_text().split()
        tools = [line for line in lines if line.startswith(("pyosys=", "yowasp-"))]
        placing = []
        if self.config.name in ROUTED:
            placing = [
                routing.PLACE,
                routing.CLOCK,
                SEEDS,
                flat.script(c, Path("netlist")),
                *(Path(str(m.__file__)).read_text() for m in PLACING),
            ]
        parts = [json.dumps([image.all_parameters(c), self.target, placing, tools])]
        parts += [f.read_text() for f in design.needed_files(design.TOP)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def load(name: str) -> Config:
    """A named configuration, or one of :data:`VARIANTS`."""
    if name not in VARIANTS:
        return config.load(name)
    base, changes = VARIANTS[name]
    return dataclasses.replace(config.load(base, **changes), name=name)


def jobs(names: list[str]) -> list[Job]:
    """Rows of the table, for those of its configurations."""
    out = []
    for name in names:
        c = load(name)
        built_in = c.choose_sharing(None)
        if name in ROUTED:
            out.append(Job(c, built_in, c.max_block, "ecp5"))
            continue
        for sharing in PAPER_MODES if name == COMPARED else (built_in,):
            for block in BLOCKS:
                own = dataclasses.replace(shared(c, sharing), max_block=block)
                out.append(Job(own, sharing, block, "xcup"))
    return out


def part_of(instance: design.Instance, files: dict[str, Path]) -> str:
    """Engine, data path or interface: by the folder of the outermost module below the top. The top
    itself, which is wiring and the loader's clearing, counts as interface."""
    outer = instance.path.split(".")[1] if "." in instance.path else ""
    folder = files[outer].parent.name if outer in files else "interface"
    return FOLDERS.get(folder, "interface")


def split(stat: Path, target: str, instances: list[design.Instance]) -> dict[str, dict[str, int]]:
    """Area of each part, from the statistics of a design with its hierarchy kept."""
    files = {f.stem: f for f in design.file_list()[0]}
    modules = json.loads(stat.read_text())["modules"]
    used = {k.lstrip("\\"): v["num_cells_by_type"] for k, v in modules.items()}
    top = {i.path: files[i.module] for i in instances if i.path.count(".") == 1}
    outer = {path.split(".")[1]: file for path, file in top.items()}
    first: dict[tuple, str] = {}
    out = {part: Counter(dict.fromkeys(synthesis.COLUMNS, 0)) for part in PARTS}
    for i in instances:
        name = f"{i.module}${i.path}" if i.path != i.module else i.module
        cells = used.get(first.setdefault((i.module, i.parameters), name), {})
        part = part_of(i, outer)
        for resource, kinds in synthesis.AREA[target].items():
            out[part][resource] += sum(cells.get(kind, 0) * n for kind, n in kinds.items())
    return {part: dict(c) for part, c in out.items()}


def mapped(job: Job) -> dict[str, Any]:
    """Area by Yosys, hierarchy kept: total and parts.

    Raises:
        RuntimeError: Yosys failed.
    """
    parameters = config.rtl_parameters(job.config)
    table, found = synthesis.synthesise(job.target, job.name, design.TOP, parameters, out=OUT)
    if found:
        raise RuntimeError(f"{job.name}: {found[0]}")
    instances = design.elaborate(design.TOP, parameters)
    stat = OUT / f"{job.name}_{job.target}.stat.json"
    total = {r: int(table["total"][r]) for r in synthesis.COLUMNS}
    return {"total": total, "parts": split(stat, job.target, instances), "fmax": None, "path": []}


def routed(job: Job, clock: bool = True) -> dict[str, Any]:
    """Area and clock of a design placed and routed on an ECP5-85k, speed grade 8: the median of
    those of :data:`SEEDS` that end in time, the lower one of two. None if none does or is wanted.

    Raises:
        RuntimeError: a tool failed, or the design does not fit the device.
    """
    prefix = OUT / f"{job.name}_flat"
    folded, packed, planned = (
        Path(f"{prefix}_{step}.json") for step in ("folded", "packed", "planned")
    )
    netlist = flat.synthesise(job.config, OUT)
    into_carries = folding.fold_file(netlist, folded, design.TOP)
    moved = hard_registers.pack_file(folded, packed, design.TOP)
    print(f"{job.name}: {into_carries} LUTs into carries, {moved}", file=sys.stderr, flush=True)
    files = {f.stem: f for f in design.file_list()[0]}
    instances = design.elaborate(design.TOP, config.rtl_parameters(job.config))
    outer = {i.path.split(".")[1]: files[i.module] for i in instances if i.path.count(".") == 1}
    parts = {f"{name}.": FOLDERS.get(f.parent.name, "interface") for name, f in outer.items()}
    area = flat.areas(packed, design.TOP, {**parts, "": "interface"})
    out: dict[str, Any] = {
        "total": {r: sum(used[r] for used in area.values()) for r in synthesis.COLUMNS},
        "parts": {part: dict(area[part]) for part in PARTS},
        "fmax": None,
        "path": [],
    }
    if not clock:
        return out
    try:
        floorplan.floorplan(packed, planned, design.TOP)
    except ValueError as error:
        raise RuntimeError(f"{job.name}: {error}") from error
    paths = routing.clocks(planned, OUT / f"{job.digest()}_place", SEEDS, job.name)
    if paths:
        middle = statistics.median_low(paths)
        out |= {"fmax": middle, "path": paths[middle]}
    return out


def result(job: Job, clock: bool) -> dict[str, Any]:
    """The kept rows, or new ones: a clock takes nextpnr most of an hour."""
    kept = OUT / f"{job.digest()}.json"
    if not kept.is_file():
        value = routed(job, clock) if job.target == "ecp5" else mapped(job)
        if job.target == "ecp5" and value["fmax"] is None:
            return value  # with an hour more there is a clock: not kept
        temporary = kept.with_suffix(".new")
        temporary.write_text(json.dumps(value, indent=1))
        temporary.replace(kept)
    return json.loads(kept.read_text())


def row(job: Job, value: dict[str, Any]) -> dict[str, Any]:
    """A row of ``area.json``, with area by part and critical path beside."""
    total = value["total"]
    return {
        "config": job.config.name,
        "sharing": job.sharing,
        "max_block": job.max_block,
        "target": job.target,
        "pes": job.config.pes,
        "lut": total["LUT"],
        "ff": total["FF"],
        "dsp": total["DSP"],
        "bram_kbit": total["BRAM"] * BRAM_KBIT[job.target],
        "fmax_mhz": value["fmax"],
        "parts": value["parts"],
        "path": value["path"],
    }


def show(rows: list[dict[str, Any]]) -> None:
    """Prints the rows as a table. xcup: estimates of Yosys; ecp5: placed and routed."""
    heads = ("config", "sharing", "block", "target", "LUT", "FF", "DSP", "BRAM kbit", "LUT/PE",
             *PARTS, "Fmax")  # fmt: skip
    lines = [
        (
            r["config"], r["sharing"], str(r["max_block"]), r["target"],
            *(str(r[k]) for k in ("lut", "ff", "dsp", "bram_kbit")), f"{r['lut'] / r['pes']:.1f}",
            *(f"{r['parts'][name]['LUT'] / r['pes']:.1f}" for name in PARTS),
            "-" if r["fmax_mhz"] is None else f"{r['fmax_mhz']:.1f}",
        )
        for r in rows
    ]  # fmt: skip
    print("\n".join(commands.table(heads, lines, left=4)))


def main() -> int:
    parser = commands.Parser(description=__doc__.splitlines()[0])
    default = "small,paper256,paper256_cols,fast256,wide256"
    parser.add_argument("--config", default=default, help=f"with commas; default: {default}")
    parser.add_argument("--no-clock", action="store_true", help="ecp5: area without placement")
    args = parser.parse_args()
    names = args.config.split(",")
    for name in names:
        if name not in (*config.names(), *VARIANTS):
            known = ", ".join((*config.names(), *VARIANTS))
            raise errors.UsageError(f"unknown configuration '{name}': known are {known}")
    os.chdir(folders.ROOT)
    OUT.mkdir(parents=True, exist_ok=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    rows, failed = [], []
    for job in jobs(names):
        name = area_name(job.config.name, job.sharing)
        began = measured.begin(name) if name in measured.KINDS else None
        try:
            value = result(job, not args.no_clock)
        except RuntimeError as error:  # the others' areas are wanted all the same
            print(f"error: {job.name}: {commands.one_line(error)}", file=sys.stderr)
            failed.append(job.name)
            continue
        rows.append(row(job, value))
        if job.target == "ecp5" and value["fmax"] is None and not args.no_clock:
            failed.append(job.name)  # the row is shown; a result from before is better than it
            continue
        own = [r for r in rows if (r["config"], r["sharing"]) == (job.config.name, job.sharing)]
        if began:
            measured.write(name, own, began)
            if all(rows[-1][key] == BASE[key] for key in ("config", "sharing", "target")):
                now = {key: rows[-1].get(key, began.commit) for key in BASE}
                measured.write("area_limit", [BASE, now], began)
        done = f"{time.monotonic() - started:.0f} s"
        print(job.name, job.max_block, done, file=sys.stderr, flush=True)
    if not failed:  # the results from before are better than half of new ones
        plain = [{key: r[key] for key in schema.AREA[0]} for r in rows]
        write_json(RESULTS / "area.json", plain, schema.AREA)
    show(rows)
    for line in (line for r in rows for line in r["path"]):
        print(line)
    return commands.MISMATCH if failed else commands.OK
