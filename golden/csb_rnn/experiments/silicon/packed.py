# SPDX-License-Identifier: Apache-2.0
"""Two 8-bit products a multiplier: LUTs and multipliers of two PE rows that share their neurons.

``packed_rows.sv`` holds products and sums of the rows, with a multiplier for each product or for
each pair. A DSP48E2 takes 27 x 18 bits, a pair's operand has 27; an ECP5 multiplier takes 18 x 18.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from csb_rnn.experiments.silicon import synthesis

SOURCE = Path(__file__).with_name("packed_rows.sv")
OUT = Path("build/packed")
COLUMNS = (4, 8)  # Q: neurons of a word


def rows() -> Iterator[dict[str, Any]]:
    """A row for each target, Q and way.

    Raises:
        RuntimeError: Yosys failed, or a product is in LUTs.
    """
    for target in sorted(synthesis.SCRIPTS, reverse=True):
        for q in COLUMNS:
            for packed in (0, 1):
                name = f"q{q}_{'packed' if packed else 'own'}"
                table, found = synthesis.synthesise(
                    target, name, "packed_rows", {"Q": q, "Packed": packed}, [SOURCE], OUT
                )
                if found:
                    raise RuntimeError(f"{name}: {found[0]}")
                total = table["total"]
                yield {
                    "target": target,
                    "q": q,
                    "packed": bool(packed),
                    "products": 2 * q,
                    "lut": int(total["LUT"]),
                    "dsp": int(total["DSP"]),
                }
