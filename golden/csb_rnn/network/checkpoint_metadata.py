# SPDX-License-Identifier: Apache-2.0
"""The ``csb`` metadata of a checkpoint: a JSON object beside its tensors, all fields optional.

======================  ==========================================================================
``version``             1
``cell``                name of a cell description, e.g. ``"lstm"``
``block``, ``align``    side of a block; ``[P, Q]``
``row_order``,          matrix name -> permutation: entry ``i`` is the row (column) of torch's
``col_order``           matrix that stands at place ``i`` when blocks are cut
``classes``,            rows of PE rows with shared columns; unit space and layer -> class of each
``unit_class``          unit
``task``, ``rate``      task id, weights / non-zeros of all matrices together
======================  ==========================================================================

Its name is ``csb``: in an npz file a string array, in safetensors the file's metadata, beside a pt
file the file ``NAME.pt.csb.json``, or an entry of its dict.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from csb_rnn.network.checkpoint import CELL_GATES, CheckpointError
from csb_rnn.system import untrusted

CSB_VERSION = 1
BLOCK_LIMIT = 1 << 16


def check_csb(csb: Any, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
    """Metadata whose types are right, or an error with the field's name."""

    def fail(name: str, expected: str) -> None:
        raise CheckpointError(f"csb.{name}: expected {expected}, got {untrusted.show(csb[name])}")

    if not isinstance(csb, dict):
        raise CheckpointError(f"csb: expected a JSON object, got {type(csb).__name__}")
    if csb.get("version", CSB_VERSION) != CSB_VERSION:
        fail("version", str(CSB_VERSION))
    cell = csb.get("cell")
    if cell is not None and not (isinstance(cell, str) and cell in CELL_GATES):
        fail("cell", "one of " + ", ".join(CELL_GATES))
    block = csb.get("block")
    if block is not None and not (type(block) is int and 1 <= block <= BLOCK_LIMIT):
        fail("block", f"an integer of 1 to {BLOCK_LIMIT}")
    align = csb.get("align")
    if align is not None and not (
        isinstance(align, (list, tuple))
        and len(align) == 2
        and all(type(a) is int and 1 <= a <= BLOCK_LIMIT for a in align)
    ):
        fail("align", f"two integers of 1 to {BLOCK_LIMIT}")
    classes = csb.get("classes")
    if classes is not None and not (type(classes) is int and classes >= 1):
        fail("classes", "a positive integer")
    unit_class = csb.get("unit_class")
    if unit_class is not None and not (
        isinstance(unit_class, dict)
        and all(
            isinstance(v, list) and all(type(n) is int and n >= 0 for n in v)
            for v in unit_class.values()
        )
    ):
        fail("unit_class", "an object: unit space and layer, as hidden_l0 -> classes")
    rate = csb.get("rate")
    if rate is not None and not (type(rate) in (int, float) and 1 <= rate < 1e9):
        fail("rate", "a number of at least 1")
    for axis, name in enumerate(("row_order", "col_order")):
        orders = csb.get(name)
        if orders is None:
            continue
        if not isinstance(orders, dict):
            fail(name, "an object: matrix name -> permutation")
        for matrix, order in orders.items():
            if matrix not in tensors or tensors[matrix].ndim != 2:
                raise CheckpointError(
                    f"csb.{name}.{untrusted.clean(matrix, 80)}: no such matrix in the checkpoint"
                )
            size = tensors[matrix].shape[axis]
            if not (
                isinstance(order, list)
                and all(type(i) is int for i in order)
                and sorted(order) == list(range(size))
            ):
                raise CheckpointError(
                    f"csb.{name}.{matrix}: expected a permutation of 0..{size - 1}"
                )
    return dict(csb)


def of_module(csb: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Metadata of one module: of names with dots, those with its prefix, without it.

    Example: of ``{"enc.hidden_l0": [0, 1], "dec.hidden_l0": [1, 0]}`` the module ``enc.`` has
    ``{"hidden_l0": [0, 1]}``.
    """
    own = dict(csb)
    for key in ("row_order", "col_order", "unit_class"):
        if isinstance(found := csb.get(key), dict):
            own[key] = {
                name.removeprefix(prefix): value
                for name, value in found.items()
                if "." not in name or (prefix and name.startswith(prefix))
            }
    return own


def parse_json(text: Any) -> dict[str, Any]:
    try:
        return untrusted.parse_json(str(text))
    except untrusted.FileError as error:
        reason = str(error).removeprefix("not JSON: ")
        raise CheckpointError(f"csb: expected JSON, {reason}") from None
