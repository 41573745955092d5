# SPDX-License-Identifier: Apache-2.0
"""One netlist of a whole design for place and route on an ECP5, without its hierarchy.

Copies of controls stay apart (:data:`COPIES`). A netlist is kept under a hash of its sources, of
its script and of Yosys, so that another placement does not wait for synthesis.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from csb_rnn.experiments.silicon import synthesis
from csb_rnn.machine import design, folders, image
from csb_rnn.machine.config import Config

#: abc9 keeps the smallest of three mappings: 1,427 LUT a lane for 1,479.
MAPPING = "scratchpad -copy abc9.script.flow2 abc9.script"
COPIES = "csb_local_copy"  # registers alike on purpose; Yosys would merge them


def script(c: Config, netlist: Path) -> str:
    """Yosys' script that writes ``netlist``, with paths from the repository's folder."""
    sources = design.needed_sources(design.TOP)
    includes = " ".join(f"-I {d.relative_to(folders.ROOT)}" for d in design.file_list()[1])
    files = " ".join(str(f.relative_to(folders.ROOT)) for f in sources)
    generics = " ".join(f"-G {k}={v}" for k, v in image.all_parameters(c).items())
    return (
        f"read_slang --threads 1 --keep-hierarchy --top {design.TOP} "
        f"{generics} {includes} {files}\n"
        f"setattr -mod -set keep_hierarchy 1 {COPIES} {COPIES}$*\n"
        f"{synthesis.ECP5_DELAY}\n{MAPPING}\n"
        f"synth_ecp5 -top {design.TOP} -json {netlist}\n"
    )


def synthesise(c: Config, out: Path) -> Path:
    """The netlist of a configuration, as Yosys writes it, in a folder below the working folder.

    Raises:
        RuntimeError: Yosys failed.
    """
    text = [script(c, Path("netlist")), metadata.version("pyosys")]
    text += [f.read_text() for f in design.needed_files(design.TOP)]
    name = hashlib.sha256("\n".join(text).encode()).hexdigest()[:16]
    netlist = out / f"{c.name}_{name}.netlist.json"
    if not netlist.is_file():
        prefix = out / f"{c.name}_flat"
        new = Path(f"{prefix}.new.json")
        Path(f"{prefix}.ys").write_text(script(c, new))
        synthesis.run_yosys(prefix)
        new.replace(netlist)
    return netlist


def part_of(cell: str, parts: Mapping[str, str]) -> str:
    """The part of a cell of a flat netlist: the first one whose key begins the cell's name."""
    return next(part for start, part in parts.items() if cell.startswith(start))


def areas(netlist: Path, top: str, parts: Mapping[str, str]) -> dict[str, Counter[str]]:
    """LUT, FF, DSP and BRAM of each part, from the netlist that is placed.

    A LUT counts for the instance whose net it drives.

    Args:
        netlist: of Yosys, JSON.
        top: its top module.
        parts: by the start of a cell's name, for :func:`part_of`; the last one is "", the rest.
    """
    modules = json.loads(netlist.read_text())["modules"]
    kinds = synthesis.AREA["ecp5"]

    def used(kind: str) -> Counter[str]:
        own = Counter({r: n[kind] for r, n in kinds.items() if kind in n})
        for cell in modules.get(kind, {}).get("cells", {}).values():
            own += used(cell["type"])
        return own

    out = {part: Counter(dict.fromkeys(synthesis.COLUMNS, 0)) for part in parts.values()}
    for name, cell in modules[top]["cells"].items():
        out[part_of(name, parts)].update(used(cell["type"]))
    return out
