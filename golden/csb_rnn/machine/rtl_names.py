# SPDX-License-Identifier: Apache-2.0
"""Names as the RTL writes them."""

from __future__ import annotations


def camel(name: str) -> str:
    """UpperCamelCase of words with underscores: ``weight_w`` and ``WEIGHT_W`` are ``WeightW``."""
    return "".join(word.capitalize() for word in name.split("_"))
