# SPDX-License-Identifier: Apache-2.0
"""The one schema of the JSON files of commands: manifest, report, summary.

A schema is a plain value: a type or a tuple of types, a list of one schema (a list of such), or a
dict of name to schema (an object with at least these keys), a :class:`Between` or :class:`Text`.
``float`` takes integers too.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from csb_rnn.errors import CsbError

VERSION = 3


@dataclasses.dataclass(frozen=True)
class Between:
    """An integer of ``low`` to ``high``."""

    low: int
    high: int


@dataclasses.dataclass(frozen=True)
class Text:
    """A text, matched by a regular expression as a whole."""

    pattern: str


Number = (int, float)
OptionalInt = (int, type(None))
OptionalNumber = (int, float, type(None))
OptionalText = (str, type(None))


class SchemaError(CsbError, ValueError):
    """A file against its schema; one line for the user."""


Size = Between(1, 1 << 16)
Count = Between(0, 1 << 40)
Frac = Between(-64, 64)
Word = Text(r"[A-Za-z0-9_+.-]{1,64}")

MANIFEST: dict[str, Any] = {
    "schema": int,
    "kind": str,  # "image"
    "config": dict,  # every field of the configuration
    "config_hash": Between(0, (1 << 31) - 1),
    "streams": Between(1, 8),
    "cell": Word,
    "sharing": Word,
    "compiler": Word,
    "block": OptionalInt,  # of the pattern, null if unknown: no statistics then
    "dealt_block": Size,  # units kept together by the compiler: the block, or the cheapest number
    "inputs": Size,
    "outputs": Size,
    "layers": [
        {
            "cell": str,
            "inputs": Size,
            "hidden": Size,
            "kept_weights": Count,
            "drains": dict,  # name -> shift, frac
            "fracs": dict,  # x, vectors, out -> fraction bits on the 16-bit grid
            "weight_fracs": dict,
            "vectors": dict,  # name -> bound, limit, may_saturate
        }
    ],
    "formats": {
        "data_w": int,
        "weight_w": int,
        "state_w": int,
        "state_frac": int,
        "x_frac": Frac,
        "x_gain": (list, type(None)),  # factor of each input before it is rounded
        "out_frac": Frac,
    },
    "state": {
        "stride": Count,  # state words of one stream
        "states": [{"key": Word, "length": Size, "frac": Frac, "base": Count, "stride": Count}],
    },
    "saturation": {"x_limit": Number, "x_saturated": OptionalInt, "vectors": [str]},
    "kept_weights": Count,
    "stored_weights": Count,
    "pes": Count,
    "image": {"bytes": Count, "words": Count, "crc": Count, "sections": dict, "weight_slots": dict},
    "pattern": {
        "weights": int,
        "rate": OptionalNumber,
        "nio": OptionalNumber,
        "index_bits": OptionalInt,
        "size_bits": OptionalInt,
        "weight_bits": int,
        "note": str,
    },
    "predicted": {
        "cycles_per_frame": Number,
        "latency_idle": int,
        "issue_cycles": int,
        "mac_efficiency": Number,
        "frame_efficiency": Number,
    },
    "bounds": {
        "issue_cycles": int,  # no schedule of the kept weights can be shorter
        "recurrence_cycles": Number,
        "bound_by_recurrence": bool,
    },
    "source": {"name": str, "sha256": str, "csb": dict, "calibrated": bool},
    "files": dict,  # name -> sha256
}

REPORT: dict[str, Any] = {
    "schema": int,
    "frames": int,
    "sequences": int,
    "streams": int,
    "mismatches": int,  # output values different from the fixed model's, and missing ones
    "state_mismatches": int,
    "cycle_mismatches": OptionalInt,  # null if the run was stalled on purpose
    "saturations": int,  # data path values limited by the hardware
    "input_saturations": int,
    "saturated": dict,  # place -> values limited by the fixed model: csb_rnn.verify.loss
    "accuracy": (dict, type(None)),  # difference from the source; null without a float model
    "warning": OptionalText,  # accuracy was lost needlessly, and a remedy
    "frame_cycles": [OptionalInt],  # null: the frame never came, nor values made of it
    "frame_cycles_predicted": [int],
    "cycles_per_frame": OptionalNumber,
    "cycles_per_frame_predicted": Number,
    "latency_idle": OptionalInt,
    "latency_steady": OptionalNumber,
    "kept_weights": int,
    "pes": int,
    "issue_cycles": int,
    "mac_efficiency": Number,
    "busy_pe_utilisation": Number,
    "frame_efficiency": OptionalNumber,
    "config": str,
    "sim": str,
    "stall": str,
    "error": str,
    "stuck": bool,
    "cycles": int,
    "cycles_per_second": Number,
    "counters": dict,
}

MODEL: dict[str, Any] = {  # manifest of a folder of images: golden/csb_rnn/flow/folder.py
    "schema": int,
    "kind": str,  # "model"
    "config": dict,
    "streams": Between(1, 8),
    "cell": Word,
    "sharing": Word,
    "inputs": Size,
    "outputs": Between(1, 1 << 17),  # both directions
    "kept_weights": Count,
    "image": {"bytes": Count},  # all parts together, and so below
    "predicted": {"cycles_per_frame": Number},
    "parts": [
        {
            "folder": Word,
            "span": Between(0, 255),
            "reverse": bool,
            "first": Between(0, 255),
            "frac": Frac,
        }
    ],
}

MODEL_REPORT: dict[str, Any] = REPORT | {
    "parts": [REPORT],
    "reloads": {"images": int, "cycles": int, "share": Number},
}  # of several parts: golden/csb_rnn/flow/folder.py

SUMMARY: list[Any] = [
    {
        **REPORT,
        "model": str,
        "cell": str,
        "task": OptionalText,
        "task_metric": OptionalText,
        "task_value": OptionalNumber,
        "task_value_float": OptionalNumber,
        "task_items": OptionalInt,
    }
]

LOSSES: dict[str, Any] = {  # PE-cycles of the measured interval; their shares add up to 1
    "pes": int,
    "frames": int,
    "cycles": int,
    "cycles_per_frame": Number,
    "frame_efficiency": Number,
    "lost": Number,  # 1 - frame_efficiency: the sum of the shares of all causes but "useful"
    "causes": [{"cause": str, "pe_cycles": int, "share": Number, "cycles_per_frame": Number}],
}

EFFICIENCY: list[Any] = [
    {
        "model": str,
        "layer": int,
        "block": int,
        "rate": Number,
        "pattern": str,  # aligned, unaligned
        "sharing": str,
        "compiler": str,
        "config": str,
        "kept_weights": int,
        "pes": int,
        "cycles": int,
        "bound_cycles": int,
        "mac_efficiency": Number,
        "source": str,  # rtl, timing
    }
]

LATENCY: list[Any] = [
    {
        "model": str,
        "rate": Number,
        "config": str,
        "streams": int,
        "kept_weights": int,
        "pes": int,
        "cycles_per_frame": Number,
        "latency_idle": int,
        "latency_steady": Number,
        "bound_cycles": Number,
        "frame_efficiency": Number,
        "source": str,
    }
]

AREA: list[Any] = [
    {
        "config": str,
        "sharing": str,
        "max_block": int,
        "target": str,  # xcup, ecp5
        "pes": int,
        "lut": int,
        "ff": int,
        "dsp": int,
        "bram_kbit": Number,
        "fmax_mhz": OptionalNumber,  # null: not placed and routed
    }
]


def check(value: Any, schema: Any, where: str = "") -> None:
    """Accept ``value`` if it fits ``schema``.

    Raises:
        SchemaError: it does not; the message names the first wrong place.
    """
    name = where or "file"
    if isinstance(schema, dict):
        if not isinstance(value, dict):
            raise SchemaError(f"{name}: expected an object, got {type(value).__name__}")
        for key, part in schema.items():
            if key not in value:
                raise SchemaError(f"{where}.{key}: missing".lstrip("."))
            check(value[key], part, f"{where}.{key}".lstrip("."))
    elif isinstance(schema, list):
        if not isinstance(value, list):
            raise SchemaError(f"{name}: expected a list, got {type(value).__name__}")
        for i, item in enumerate(value):
            check(item, schema[0], f"{where}[{i}]")
    elif isinstance(schema, Between):
        if type(value) is not int:
            raise SchemaError(f"{name}: expected int, got {type(value).__name__}")
        if not schema.low <= value <= schema.high:
            raise SchemaError(f"{name}: {value} is not {schema.low} to {schema.high}")
    elif isinstance(schema, Text):
        if not isinstance(value, str) or not re.fullmatch(schema.pattern, value):
            raise SchemaError(f"{name}: {str(value)[:80]!r} is no name")
    else:
        kinds = schema if isinstance(schema, tuple) else (schema,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            names = " or ".join("null" if k is type(None) else k.__name__ for k in kinds)
            raise SchemaError(f"{name}: expected {names}, got {type(value).__name__}")
