# SPDX-License-Identifier: Apache-2.0
"""The tries of a search for the largest rate, as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from csb_rnn.pictures import rates


def tries_picture(record: Mapping[str, Any]) -> Any:
    """Rate against result of a record of :func:`csb_rnn.experiments.tasks.autoprune.autoprune`;
    ``checkpoints/z2_gru.json`` is one.

    Raises:
        UsageError: no try.
    """
    curve = rates.Curve(
        str(record["scheme"]),
        {t["achieved"]: t["valid"] for t in record["tries"]},
        {t["achieved"]: t["test"] for t in record["tries"]},
        record["rate"],
    )
    return rates.rates(
        [curve], record["metric"], record["target_valid"], record["dense_valid"], record["task"]
    )
