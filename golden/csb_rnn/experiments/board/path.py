# SPDX-License-Identifier: Apache-2.0
"""The critical path of a placement, in the words of the design instead of those of the netlist."""

from __future__ import annotations

import re
from typing import Any

from csb_rnn.experiments.board import place
from csb_rnn.experiments.silicon import flat

#: Parts of instance names with a meaning, in the order of a name; others are left out.
WORDS = (
    (r"gen_engine_row\[(\d+)\]\.gen_group\[(\d+)\]", r"PEGroup \1,\2"),
    (r"gen_group\[(\d+)\]", r"PEGroup \1"),
    (r"gen_lane\[(\d+)\]", r"lane \1"),
    (r"gen_row\[(\d+)\]", r"PE row \1"),
    (r"gen_pe\[(\d+)\]|gen_column\[(\d+)\]", r"PE \1\2"),
)
CELLS = r"_(TRELLIS_FF|TRELLIS_DPR16X4|LUT4|CCU2C|PFUMX|L6MUX21|DP16KD|MULT18X18D)(_.*)?$"


def term(name: str) -> str:
    """A cell or net in the design's words.

    Example: a cell of register ``rpc_q`` is ``engine, PEGroup 1,0, rpc_q``.
    """
    plain = re.sub(CELLS, "", name)
    found: dict[str, str] = {}
    for pattern, words in WORDS:
        m = re.search(pattern, plain)
        if m:
            found.setdefault(words.rpartition(" ")[0], m.expand(words))
    instance, memory, _ = plain.partition(".mem.")
    parts = instance.split(".")
    last = f"memory {'.'.join(parts[-2:])}" if memory else parts[-1]
    return ", ".join([flat.part_of(name, place.PARTS), *found.values(), last])


def steps(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Each step of the longest path from register to register: ``ns``, ``kind``, ``at``."""
    paths = [p for p in report["critical_paths"] if p["from"].startswith("posedge")]
    paths = [p for p in paths if p["to"].startswith("posedge")]
    if not paths:
        return []
    longest = max(paths, key=lambda p: sum(s["delay"] for s in p["path"]))
    return [
        {"ns": round(s["delay"], 2), "kind": s["type"], "at": term(s.get("net") or s["to"]["cell"])}
        for s in longest["path"]
    ]
