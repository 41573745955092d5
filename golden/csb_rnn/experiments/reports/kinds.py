# SPDX-License-Identifier: Apache-2.0
"""The measured results of this repository: the command of each, and its sources.

A result is a file ``docs/results/data/NAME.json``. Code that only shows a result (tables, pages,
figures, the command's arguments) is no source of it.
"""

from __future__ import annotations

from csb_rnn.experiments.reports.pruning_kinds import PRUNING
from csb_rnn.experiments.reports.sources import (
    BENCH,
    COLUMNS,
    COMPILE,
    DIRECT,
    LARGE,
    LAYER,
    PACKAGE,
    PROGRAM,
    PRUNED,
    READING,
    ROOM,
    SILICON,
    SOC,
    SYNTHESIS,
    TASKS,
    Kind,
    rooms,
)
from csb_rnn.machine.sharing_modes import PAPER_MODES

#: Below folders of :data:`KINDS`, but deciding no result: readers of other files.
ASIDE = (f"{PACKAGE}/network/onnx",)

AREAS = (
    ("small", "horizontal"),
    *(("paper256", m) for m in PAPER_MODES),
    *((name, "horizontal") for name in ("paper256_cols", "fast256", "wide256")),
)

#: Named configurations with changes, for their area and clock alone. `small_cols` has as many PEs
#: and lanes as `small` and two thirds of its block RAMs: how much of the clock do they cost?
VARIANTS: dict[str, tuple[str, dict[str, int]]] = {"small_cols": ("small", {"shared_cols": 4})}


def _area(config: str, sharing: str) -> Kind:
    base = VARIANTS[config][0] if config in VARIANTS else config
    placing = ("flat", "folding", "hard_registers", "dsp_blocks", "floorplan", "routing")
    place = tuple(f"{SILICON}/{name}.py" for name in placing) if base == "small" else ()
    return Kind(
        f"scripts/area.py --config {config}",
        ("hdl", f"{SILICON}/area.py", f"{SILICON}/synthesis.py", *place),
        (base,),
        SYNTHESIS,
        ("config", "sharing", "max_block", "target"),
    )


KINDS: dict[str, Kind] = {
    "sim": Kind(
        "scripts/sim.py --results",
        ("hdl", *COMPILE, *rooms("flow", "execution", "simulation", "verify"), *TASKS,
         "checkpoints", f"{PACKAGE}/experiments/trained/cases.py",
         f"{PACKAGE}/experiments/trained/simulation.py"),
        ("paper256", "small"),
        key=("model", "config", "sim"),
    ),
    "engine_layers": Kind(
        "scripts/bench.py --only layers",
        (*COMPILE, *PRUNED, f"{BENCH}/layers.py"),
        ROOM,
        key=LAYER,
        loose=("busy_pe_utilisation",),  # Z3 may find another cut of as many cycles
    ),
    "engine_trained": Kind(
        "scripts/bench.py --only trained",
        (*COMPILE, *PRUNED, f"{BENCH}/layers.py", "checkpoints"),
        ROOM,
        key=LAYER,
    ),
    "engine_paper": Kind(
        "scripts/bench.py --only paper",
        (f"{PACKAGE}/compiler/reference.py", *PRUNED, f"{BENCH}/layers.py"),
        ROOM[:1],
        key=LAYER,
        loose=("timeouts",),
    ),
    "engine_frames": Kind(
        "scripts/bench.py --only frames",
        ("hdl", *COMPILE, *rooms("execution", "simulation"), *PRUNED, f"{BENCH}/frames.py",
         f"{BENCH}/on_rtl.py", "checkpoints"),
        LARGE,
        key=("model", "config", "streams", "calibrated"),
        loose=("source", "compile_seconds", "simulated_cycles_per_second"),
    ),
    "shared_columns": Kind(
        "scripts/shared_columns.py",
        (*COMPILE, *PRUNED, *rooms("execution/timing.py", "execution/units.py",
                                    "pruning/classes.py", "pruning/schemes.py"),
         f"{BENCH}/shared_columns.py"),
        (*LARGE[:4], *COLUMNS, *(f"{name}_sim" for name in COLUMNS)),
        key=("table", "model", "config", "block", "sharing"),
    ),
    "shared_rtl": Kind(
        "scripts/shared_columns.py --rtl",
        ("hdl", *COMPILE, *PRUNED, *rooms("execution", "simulation", "pruning/classes.py"),
         f"{BENCH}/shared_columns.py", f"{BENCH}/shared_rtl.py", f"{BENCH}/on_rtl.py"),
        ("paper512_cols",),
        key=("model", "config"),
    ),
    "slot_rate": Kind(
        "scripts/slot_rate.py",
        ("hdl", *COMPILE, *PRUNED, *rooms("execution", "simulation"), f"{BENCH}/slot_rate.py",
         f"{BENCH}/on_rtl.py", f"{SILICON}/synthesis.py", "checkpoints"),
        ("paper256", "paper512", "fast256", "fast512"),
        SYNTHESIS[:1],
        key=("table", "model", "machine", "streams", "source"),
    ),
    "large_models": Kind(
        "scripts/large_models.py",
        ("hdl", *COMPILE, *PRUNED, *rooms("execution", "simulation"), f"{BENCH}/streamed.py",
         f"{BENCH}/large_models.py", f"{BENCH}/frames.py", f"{BENCH}/on_rtl.py",
         f"{SILICON}/synthesis.py"),
        ("vu9p", "paper256_sim"),
        SYNTHESIS[:1],
        key=("table", "model", "streams", "piece", "memory", "kind"),
    ),
    "weight_bits": Kind(
        "scripts/weight_bits.py",
        (*rooms("cells", "network", "models", "machine/numerics.py"),
         *rooms("experiments/tasks/measure.py", "experiments/tasks/weight_bits.py"),
         *TASKS, "checkpoints"),
        ROOM[:1],
    ),
    "energy": Kind(
        "scripts/energy.py",
        ("hdl", *COMPILE, *PRUNED, f"{BENCH}/shared_columns.py", f"{PACKAGE}/experiments/energy",
         *rooms("flow", "execution/timing.py", "simulation", "pruning/classes.py",
                 "pruning/schemes.py"), "checkpoints"),
        ("tiny", "tiny_cols", "paper256", "paper256_cols"),
    ),
    "gates": Kind(
        "scripts/gates.py",
        ("hdl", *COMPILE, *rooms("flow", "execution", "simulation"), f"{SILICON}/netlist.py",
         f"{SILICON}/power.py", f"{SILICON}/synthesis.py", "checkpoints"),
        ROOM[:1],
        SYNTHESIS[:1],
        key=("module", "config", "clock_gates"),
    ),
    "packed": Kind(
        "scripts/packed.py",
        ("hdl/util", f"{SILICON}/packed.py", f"{SILICON}/packed_rows.sv",
         f"{SILICON}/synthesis.py"),
        tools=SYNTHESIS[:1],
        key=("target", "q", "packed"),
    ),
    "mutants": Kind(
        "scripts/mutate.py --sample 6 --results",
        ("hdl", "tb", "tests/rtl", "tests/data/mutants.toml", *(
            f"{PACKAGE}/experiments/mutants/{n}.py" for n in ("equal", "run", "source", "tree"))),
        key=("module", "line", "change"),
    ),
    "python_mutants": Kind(
        "scripts/mutate.py --python --sample 8 --results",
        ("tests/data/mutants_python.toml", *rooms("models", "execution", "compiler", "machine",
         "network"), *(f"{PACKAGE}/experiments/mutants/{n}.py" for n in ("python", "run"))),
        key=("module", "line", "change"),
    ),
    "soak": Kind(
        "scripts/soak.py --results",
        ("hdl", *DIRECT, *rooms("experiments/soak")),
        ("tiny", "small"),
        tools=("verilator",),
        key=("table", "config"),
    ),
    "coverage": Kind(
        "scripts/coverage.py --more --top --results TESTS",
        ("hdl", "tb", "tests/rtl", *DIRECT, *rooms("experiments/coverage",
         "experiments/functional", "experiments/soak")),
        tools=("verilator",),
        key=("module",),
    ),
    "faults": Kind(
        "scripts/faults.py --results",
        ("hdl", *DIRECT, *rooms("experiments/faults")),
        ("tiny",),
        tools=("verilator",),
        key=("table", "parity", "place", "path", "bit", "cycle"),
    ),
    "netlist": Kind(
        "scripts/netlist.py --results",
        ("hdl", *DIRECT, *rooms("experiments/board/cells.py")),
        ("tiny", "small"),
        SYNTHESIS[:1],
        key=("config", "parity"),
    ),
    "functional": Kind(
        "scripts/functional.py --results",
        ("hdl", *DIRECT, *rooms("driver/recovery.py", "experiments/faults", "experiments/soak",
         "experiments/functional")),
        ("tiny", "small", "tiny_cols"),
        tools=("verilator", "cocotb-coverage"),
        key=("point",),
    ),
    "formal": Kind(
        "scripts/formal.py",
        ("hdl", "formal", "formal/proofs.toml",
         *(f"{PACKAGE}/experiments/formal/{name}.py" for name in ("proofs", "prove", "solve"))),
        tools=("pyosys", "z3-solver"), key=("proof",),
    ),
    "kit": Kind(
        "scripts/kit.py --results",
        ("hdl", *rooms("kit", "cli/rtl.py", "api/example_frames.py", "machine/registers.py",
                        "experiments/own_config")),
        ("tiny",),
        SYNTHESIS[:1],
        key=("config", "target"),
    ),
    "soc": Kind(
        "scripts/soc.py --results",
        ("hdl", "drivers/c/csb_rnn.c", "drivers/c/csb_rnn.h", "examples/soc",
         *(f"examples/soc/firmware/{name}" for name in ("main.c", "soc.c", "soc.ld", "start.S")),
         *PROGRAM, *SOC, *rooms("kit/wrapper.py"), *TASKS, "checkpoints"),
        ("small",),
        key=("model", "config", "how"),
    ),
    "soc_steps": Kind(
        "scripts/soc.py --steps",
        ("hdl", "examples/soc", *SOC, *rooms("kit", "flow", "cli/build.py", "cli/rtl.py")),
        ("small",),
        key=("command",),
        loose=("seconds", "processor_seconds"),
    ),
    "driver": Kind(
        "CSB_RESULTS=1 SIM=verilator -m pytest tests/rtl/test_driver_rtl.py -k c_driver",
        ("hdl", "drivers/c/csb_rnn.c", "drivers/c/csb_rnn.h", "tb/driver",
         "tests/rtl/test_driver_rtl.py", *rooms("driver")),
        ("tiny",),
        key=("file",),
    ),
    "ports": Kind(
        "scripts/ports.py",
        ("hdl", *PROGRAM, *rooms("experiments/ports/measure.py", "verify/random_layers.py"),
         "tb/interface/test_ports.py"),
        ("tiny", "small"),
        key=("table", "config", "name", "signal"),
    ),
    "ecp5": Kind(
        "scripts/ecp5.py",
        ("hdl", "examples/ecp5", "examples/ecp5/ulx3s.lpf", *PROGRAM, *rooms("kit/wrapper.py"),
         *(f"{PACKAGE}/experiments/board/{name}.py" for name in (
             "cells", "netlist", "path", "place", "sources")),
         *(f"{SILICON}/{name}.py" for name in ("flat", "floorplan", "routing", "synthesis")),
         "checkpoints"),
        ("small",),
        SYNTHESIS,
        ("table", "name"),
    ),
    **PRUNING,
    "accuracy": Kind(
        "scripts/accuracy.py --results",
        (*rooms("machine", "cells", "models", "network/network.py", "experiments/accuracy"),
         *TASKS, "checkpoints"),
        ("tiny",),
        key=("network",),
    ),
    "import_soak": Kind(
        "-m tests.soak",
        (*READING, "tests/soak.py", "tests/network/onnx_drawn.py", "tests/network/onnx_graphs.py",
         "tests/network/onnx_verdict.py", "tests/system/changed_files.py"),
        tools=("onnx", "onnxruntime", "torch"),
        key=("cases",),
    ),
    "public_models": Kind(
        "scripts/public_models.py --results",
        (*READING, f"{PACKAGE}/experiments/importing/public.py",
         f"{PACKAGE}/experiments/importing/public.toml"),
        tools=("onnx", "onnxruntime", "torch"),
        key=("package", "file", "sha256"),
    ),
    "import_speed": Kind(
        "scripts/import_speed.py",
        (*READING, *COMPILE, f"{PACKAGE}/experiments/importing/speed.py"),
        key=("file", "config"),
        loose=("processor_seconds",),
    ),
    "exports": Kind(
        "scripts/exports.py",
        (*READING, f"{PACKAGE}/experiments/importing/exports.py"),
        tools=("onnx", "onnxruntime", "torch"),
        key=("exporter", "cell"),
    ),
    **{f"area_{config}_{sharing}": _area(config, sharing) for config, sharing in AREAS},
    **{f"area_{config}_horizontal": _area(config, "horizontal") for config in VARIANTS},
    "area_limit": _area("paper256", "horizontal")._replace(key=("commit",)),
}  # fmt: skip

#: Command to measure a result and write its file.
COMMANDS = {name: kind.command for name, kind in KINDS.items()}
