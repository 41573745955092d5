# SPDX-License-Identifier: Apache-2.0
"""Registers of a lane and of a PEGroup load with a word alone: all but flags have an enable."""

import json
import re
from collections import defaultdict
from pathlib import Path

import pytest

from csb_rnn.experiments.silicon import synthesis
from csb_rnn.machine import design

#: Registers that have a clock in every cycle: what tells of a word, and the table's own register.
FLAGS = {
    "csb_lane": r"\w*valid\w*|\w*read_q|sat_o|chord_q",
    "csb_pegroup": r"(issue|store|zero)_q\d|issue_in|issued|go_q|mark_q",
}
#: Module, changes to its parameters and bits of its registers that have an enable, at least.
CASES = [
    ("csb_lane", {"Deep": 0}, 400),
    ("csb_lane", {"Deep": 1, "DrainRows": 2}, 1000),
    ("csb_pegroup", {"Deep": 0}, 2500),
    ("csb_pegroup", {"Deep": 1, "SharedCols": 2}, 2500),
]
#: An enable that is lost, and the register that tells so.
PLANTED = [
    ("csb_lane", "csb_lane.sv", "if (sum_valid) v_q", "v_q", "v_q"),
    ("csb_lane", "csb_lane.sv", "if (cvt_valid) drained_q", "drained_q",
     "gen_drain_row[0].drained_q"),
    ("csb_lane", "csb_act.sv", "if (valid2_q) data_o", "data_o", "u_elem_act.data_o"),
    ("csb_pegroup", "csb_pegroup.sv", "if (issued) neurons_in", "neurons_in", "neurons_in"),
    ("csb_pegroup", "csb_pe_row.sv", "if (issue_q2) stored", "stored",
     "gen_row[0].u_row.stored"),
]  # fmt: skip


def without_enable(
    folder: Path, module: str, parameters: dict[str, int], planted: Path | None = None
) -> tuple[set[str], int]:
    """Names of the registers that load in every cycle, and bits of all that have an enable.

    Args:
        planted: a source to take in place of the one of the same name.
    """
    files = [
        planted if planted and planted.name == f.name else f for f in design.needed_sources(module)
    ]
    includes = " ".join(f"-I {d}" for d in design.file_list()[1])
    generics = " ".join(f"-G {k}={v}" for k, v in parameters.items())
    (folder / "flops.ys").write_text(
        f"read_slang --threads 1 --top {module} {generics} {includes} {' '.join(map(str, files))}\n"
        f"proc\nflatten\nopt_clean\nopt_dff\nopt_clean\nwrite_json {folder}/flops.json\n"
    )
    synthesis.run_yosys(folder / "flops")
    (found,) = json.loads((folder / "flops.json").read_text())["modules"].values()
    names = defaultdict(set)  # of a bit: one in each level of the hierarchy that it passes
    for name, net in found["netnames"].items():
        for bit in net["bits"]:
            names[bit].add(name)
    flag = re.compile(rf"(.*\.)?({FLAGS[module]})")
    free: set[str] = set()
    enabled = 0
    for cell in found["cells"].values():
        bits = cell["connections"].get("Q", [])
        if not re.fullmatch(r"\$\w*dff\w*", cell["type"]):
            continue
        if "EN" in cell["connections"]:
            enabled += len(bits)
        elif not any(flag.fullmatch(name) for name in names[bits[0]]):
            free |= names[bits[0]]
    return free, enabled


@pytest.mark.parametrize(("module", "parameters", "bits"), CASES, ids=str)
def test_every_register_has_an_enable(tmp_path, module, parameters, bits) -> None:
    free, enabled = without_enable(tmp_path, module, parameters)
    assert free == set()
    assert enabled >= bits


@pytest.mark.parametrize(("module", "file", "old", "new", "register"), PLANTED)
def test_a_lost_enable_shows(tmp_path, module, file, old, new, register) -> None:
    (source,) = design.HDL.rglob(file)
    text = source.read_text()
    assert text.count(old) == 1
    planted = tmp_path / file
    planted.write_text(text.replace(old, new))
    free, _ = without_enable(tmp_path, module, {"Deep": 1}, planted)
    assert register in free
