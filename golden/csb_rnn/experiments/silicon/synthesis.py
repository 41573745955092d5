# SPDX-License-Identifier: Apache-2.0
"""Synthesises the design with Yosys and prints its area by module; exits with 1 if a check fails.

Checks: no latch, every multiplier in DSP blocks (one by a constant is an adder), every array of
more than a few words in memory. The hierarchy of blocks is kept, so area can be told by block;
an area is of the block itself, without blocks inside it. Xilinx numbers are Yosys' estimates.
Results and logs go to ``build/synth``.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from csb_rnn import commands
from csb_rnn.machine import config, design, folders
from csb_rnn.machine.design import TOP

OUT = Path("build/synth")  # relative: paths in Yosys' scripts

# The wheel of Yosys is a Python module; run in a process of its own, as its errors end it.
YOSYS = "import sys; from pyosys import libyosys; libyosys.run_pass('script ' + sys.argv[1])"

# Where each target's script can be interrupted: multipliers are mapped, then memories are.
SCRIPTS = {
    "ecp5": ("synth_ecp5 -noflatten", "map_ram", "map_ffram"),
    "xcup": ("synth_xilinx -family xcup -noiopad -noclkbuf", "map_memory", "map_ffram"),
}

# For the mapper to LUTs of an ECP5: paths below this estimate (ps, 300 of a wire) are made smaller
# instead of faster. Without it every path is as short as it can be, at 1,732 for 1,479 LUT a lane.
ECP5_DELAY = "scratchpad -set abc9.D 5000"

# Kinds of cells. LUT: the target's (4 or 6 inputs), memories and shift registers made of them
# included; BRAM: 18 kbit blocks. Other cells (carry, wide multiplexers) come with the LUTs.
AREA = {
    "ecp5": {
        "LUT": {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 4},
        "FF": {"TRELLIS_FF": 1},
        "DSP": {"MULT18X18D": 1},
        "BRAM": {"DP16KD": 1},
    },
    "xcup": {
        "LUT": {
            **{f"LUT{inputs}": 1 for inputs in range(1, 7)},
            **{"SRL16E": 1, "SRLC32E": 1, "RAM64X1S": 1, "RAM64X1D": 2, "RAM128X1S": 2},
            **{"RAM128X1D": 4, "RAM256X1S": 4, "RAM256X1D": 8, "RAM512X1S": 8},
            **{"RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8},
        },
        "FF": {"FDRE": 1, "FDSE": 1, "FDCE": 1, "FDPE": 1},
        "DSP": {"DSP48E2": 1},
        "BRAM": {"RAMB18E2": 1, "RAMB36E2": 2},
    },
}
COLUMNS = ("LUT", "FF", "DSP", "BRAM")

# Modules counted with the block they are in. A hierarchy kept to the
# last rounding unit would count multiplexers that any flow merges with their surroundings.
PARTS_OF_BLOCKS = {
    *(
        "csb_ram_1r1w",
        "csb_load_ram",
        "csb_round_sat",
        "csb_adder_tree",
        "csb_skid",
        "csb_shift_sat",
        "csb_delay",
        "csb_token",
    ),
    *(
        "csb_gap",
        "csb_local_copy",
        "csb_seq",
        "csb_reg_bank",
        "csb_act",
        "csb_act_rom",
        "csb_acc_bank",
        "csb_neuron_ram",
        "csb_sum_split",
    ),
}

# Most bits of registers: of an array taken for a memory by Yosys; of one always block, which
# catches arrays never taken for one (the widest honest one counts for 32 PEGroups).
MEMORY_LIMIT = 256
REGISTER_LIMIT = 3072  # the output buffer of 16 values on 8 columns reads 2,048 bits at once


def shared_modules(instances: list[design.Instance]) -> tuple[Counter[str], str]:
    """How often each module occurs, and the Yosys commands to leave one copy of each.

    With its hierarchy kept, a design comes with one copy of a module for each instance. Copies of
    the same module with the same parameters are alike, so all instances are given the first.
    """
    first: dict[tuple, str] = {}
    count: Counter[str] = Counter()
    others = defaultdict(list)
    for path, module, values in instances:
        name = f"{module}${path}" if path != module else module  # the top's path is its name
        keep = first.setdefault((module, values), name)
        count[keep] += 1
        if keep != name:
            others[keep].append("t:" + re.sub(r"[][]", "?", name))
    commands = [f"chtype -set {keep} {' '.join(names)}" for keep, names in others.items()]
    return count, "\n".join(commands)


def script(target: str, sources: list[Path], top: design.Instance, share: str, prefix: Path) -> str:
    """The Yosys script, with dumps for the checks on its way."""
    synth, map_ram, map_ff = SCRIPTS[target]
    includes = " ".join(
        f"-I {folder.relative_to(folders.ROOT)}" for folder in design.file_list()[1]
    )
    files = " ".join(str(file.relative_to(folders.ROOT)) for file in sources)
    generics = " ".join(f"-G {p}={v}" for p, v in top.parameters)
    blocks = " ".join(f"{f.stem} {f.stem}$*" for f in sources if f.stem not in PARTS_OF_BLOCKS)
    # opt_hier makes up for most of the price of a kept hierarchy: it carries constants and
    # unused ports across it.
    return f"""
        read_slang --threads 1 --keep-hierarchy --top {top.module} {generics} {includes} {files}
        {share}
        hierarchy -check -top {top.module}
        proc
        {ECP5_DELAY if target == "ecp5" else ""}
        setattr -mod -set keep_hierarchy 1 {blocks}
        flatten
        opt_hier
        opt_clean
        dump -m -o {prefix}.registers.il t:$*dff* t:$*latch*
        {synth} -top {top.module} -run :{map_ram}
        dump -m -o {prefix}.multipliers.il t:$mul t:$macc*
        {synth} -top {top.module} -run {map_ram}:{map_ff}
        dump -m -o {prefix}.memories.il t:$mem*
        {synth} -top {top.module} -run {map_ff}:
        tee -q -o {prefix}.stat.json stat -json
    """


def cells(dump: Path) -> Iterator[tuple[str, str, dict[str, str]]]:
    """(type, module and source line, parameters and connections) of each cell in a dump."""
    module = source = kind = ""
    fields: dict[str, str] = {}
    for line in dump.read_text().splitlines():
        match line.split(maxsplit=2):
            case ["module", name]:
                module = name.lstrip("\\")
            case ["attribute", "\\src", value]:
                source = value.strip('"')
            case ["cell", kind, _]:
                fields = {}
            case ["parameter" | "connect", name, value]:
                fields[name.lstrip("\\")] = value
            case ["end"] if kind:
                yield kind, f"{module} ({source})", fields
                kind = ""


def number(constant: str) -> int:
    """Value of an RTLIL constant: 5 or 32'0101."""
    return int(constant.split("'")[1], 2) if "'" in constant else int(constant)


def is_constant(signal: str) -> bool:
    """Holds no wire (names begin with a backslash or a dollar sign): a constant, or nothing."""
    return re.search(r"[\\$]", signal) is None


def findings(prefix: Path) -> list[str]:
    """Breaches of this design's rules, one line each."""
    found = []
    registers: Counter[str] = Counter()
    for kind, where, fields in cells(Path(f"{prefix}.registers.il")):
        if "latch" in kind:
            found.append(f"latch: {where}")
        registers[where] += number(fields["WIDTH"])
    for where, bits in registers.items():
        if bits > REGISTER_LIMIT:
            found.append(f"array of {bits} bits in registers: {where}")
    for _, where, fields in cells(Path(f"{prefix}.multipliers.il")):
        if not (is_constant(fields["A"]) or is_constant(fields["B"])):
            found.append(f"multiplier that is no DSP: {where}")
    for _, where, fields in cells(Path(f"{prefix}.memories.il")):
        if (bits := number(fields["SIZE"]) * number(fields["WIDTH"])) > MEMORY_LIMIT:
            found.append(f"memory of {bits} bits in registers: {where}")
    return list(dict.fromkeys(found))


def areas(target: str, stat: Path, instances: Counter[str]) -> dict[str, Counter[str]]:
    """Area and number of instances of each module, and of the whole as ``total``."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for name, module in json.loads(stat.read_text())["modules"].items():
        count = instances[name.lstrip("\\")]
        used = module["num_cells_by_type"]
        area = Counter({"instances": count})
        for resource, kinds in AREA[target].items():
            area[resource] = count * sum(used.get(kind, 0) * n for kind, n in kinds.items())
        table[name.lstrip("\\").split("$")[0]] += area
        table["total"] += area
    return table


def run_yosys(prefix: Path, limit: int | None = None) -> None:
    """Runs ``PREFIX.ys`` in a process of its own, with its log in ``PREFIX.log``.

    Args:
        limit: seconds; None: no limit.

    Raises:
        RuntimeError: Yosys failed; the message is the end of its log.
        subprocess.TimeoutExpired: it took longer than the limit.
    """
    log = Path(f"{prefix}.log")
    with log.open("w") as said:
        command = [sys.executable, "-c", YOSYS, f"{prefix}.ys"]
        done = subprocess.run(
            command, stdout=said, stderr=subprocess.STDOUT, check=False, timeout=limit
        )
    if done.returncode:
        raise RuntimeError(f"Yosys failed, see {log}\n{log.read_text(errors='replace')[-2000:]}")


def synthesise(
    target: str,
    name: str,
    top: str,
    parameters: Mapping[str, int],
    extra: Sequence[Path] = (),
    out: Path = OUT,
) -> tuple[dict[str, Counter[str]], list[str]]:
    """Runs Yosys on ``top``; returns areas and findings.

    Args:
        target: key of ``SCRIPTS``.
        name: of the result files.
        extra: sources beside those of the design.
        out: folder of the result files, below the working folder.

    Raises:
        RuntimeError: Yosys failed; the message is the end of its log.
    """
    prefix = out / f"{name}_{target}"
    prefix.parent.mkdir(parents=True, exist_ok=True)
    sources = design.needed_sources(top, extra)
    instances = design.elaborate(top, parameters, extra)
    count, share = shared_modules(instances)
    Path(f"{prefix}.ys").write_text(script(target, sources, instances[0], share, prefix))
    run_yosys(prefix)
    table, found = areas(target, Path(f"{prefix}.stat.json"), count), findings(prefix)
    Path(f"{prefix}.json").write_text(json.dumps({"area": table, "findings": found}, indent=1))
    return table, found


def main() -> int:
    parser = commands.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="small", help=", ".join(config.names()))
    parser.add_argument("--target", default="both", choices=[*SCRIPTS, "both"])
    args = parser.parse_args()

    parameters = config.rtl_parameters(args.config)
    os.chdir(folders.ROOT)
    targets = list(SCRIPTS) if args.target == "both" else [args.target]
    failed = False
    with ThreadPoolExecutor() as pool:
        results = [
            (target, pool.submit(synthesise, target, args.config, TOP, parameters))
            for target in targets
        ]
    for target, result in results:
        try:
            table, found = result.result()
        except RuntimeError as error:
            print(error)
            failed = True
            continue
        print(f"\n{args.config} on {target}")
        print(f"{'module':<20}{'instances':>10}" + "".join(f"{c:>9}" for c in COLUMNS))
        for module, area in sorted(table.items(), key=lambda row: (row[0] == "total", row[0])):
            numbers = "".join(f"{area[c]:>9}" for c in COLUMNS)
            print(f"{module:<20}{area['instances']:>10}{numbers}")
        print("\n".join(found) or "checks passed: no latch, multipliers in DSP, buffers in memory")
        failed |= bool(found)
    return int(failed)
