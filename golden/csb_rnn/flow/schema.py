# SPDX-License-Identifier: Apache-2.0
"""The one schema of the JSON files that commands write: manifest, report, summary.

A schema is a plain value: a type or a tuple of types, a list of one schema (a list of such), or a
dict of name to schema (an object with at least these keys). ``float`` takes integers too.
"""

from __future__ import annotations

from typing import Any

VERSION = 1

Number = (int, float)
OptionalInt = (int, type(None))
OptionalNumber = (int, float, type(None))
OptionalText = (str, type(None))


class SchemaError(ValueError):
    """A file whose content is not what its schema says; one line for the user."""


MANIFEST: dict[str, Any] = {
    "schema": int,
    "kind": str,  # "image"
    "config": dict,  # every field of the configuration
    "config_hash": int,
    "streams": int,
    "cell": str,
    "sharing": str,
    "compiler": str,
    "block": OptionalInt,  # of the pattern, null if unknown: no statistics then
    "dealt_block": int,  # units that the compiler kept together: the block, or what cost least
    "inputs": int,
    "outputs": int,
    "layers": [
        {
            "cell": str,
            "inputs": int,
            "hidden": int,
            "kept_weights": int,
            "drains": dict,  # name -> shift, frac
            "fracs": dict,  # x, vectors, out -> fraction bits on the 16-bit grid
            "weight_fracs": dict,
            "vectors": dict,  # name -> bound, limit, may_saturate
        }
    ],
    "formats": {"data_w": int, "state_w": int, "state_frac": int, "x_frac": int, "out_frac": int},
    "state": {
        "stride": int,  # state words of one stream
        "states": [{"key": str, "length": int, "frac": int, "base": int, "stride": int}],
    },
    "saturation": {"x_limit": Number, "x_saturated": OptionalInt, "vectors": [str]},
    "kept_weights": int,
    "stored_weights": int,
    "pes": int,
    "image": {"bytes": int, "words": int, "crc": int, "sections": dict, "weight_slots": dict},
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
    "mismatches": int,  # output values that differ from the fixed model's or never came
    "state_mismatches": int,
    "cycle_mismatches": OptionalInt,  # null if the run was stalled on purpose
    "saturations": int,  # data path values that the hardware limited
    "input_saturations": int,
    "frame_cycles": [OptionalInt],  # null: the frame never came, nor what is made of it
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

MODEL: dict[str, Any] = {  # manifest of a folder of images: golden/csb_rnn/verify/directions.py
    "schema": int,
    "kind": str,  # "model"
    "config": dict,
    "streams": int,
    "cell": str,
    "sharing": str,
    "inputs": int,
    "outputs": int,
    "kept_weights": int,
    "image": {"bytes": int},  # all parts together, and so below
    "predicted": {"cycles_per_frame": Number},
    "parts": [{"folder": str, "pass": int, "reverse": bool, "first": int, "frac": int}],
}

MODEL_REPORT: dict[str, Any] = REPORT | {
    "parts": [REPORT]
}  # of several passes: golden/csb_rnn/verify/directions.py

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
        SchemaError: it does not; the message names the first place that is wrong.
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
    else:
        kinds = schema if isinstance(schema, tuple) else (schema,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            names = " or ".join("null" if k is type(None) else k.__name__ for k in kinds)
            raise SchemaError(f"{name}: expected {names}, got {type(value).__name__}")
