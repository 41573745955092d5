# SPDX-License-Identifier: Apache-2.0
"""Runs steps too long for the test suite; can be stopped and taken up again."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.experiments.farm.cluster import add_arguments, workers
from csb_rnn.experiments.farm.steps import on_farm
from csb_rnn.experiments.reports.nightly import Step, nightly, pytest

#: One line a step.
STEPS = (
    pytest("nightly_tests", "tests", "-m", "nightly", CSB_NIGHTLY="1"),
    pytest("another_seed", "tests/rtl", CSB_SEED="random"),
    pytest("cover_all", "tests/rtl/test_cover_rtl.py", CSB_COVER="all"),
    pytest(
        "importer",
        "tests/network/test_onnx_fuzz.py",
        CSB_FUZZ_GRAPHS="5000",
        CSB_FUZZ_EXPORTS="300",
    ),
    Step("importer_soak", ("-m", "tests.soak")),
    Step("exports", ("scripts/exports.py",)),
    Step("public_models", ("scripts/public_models.py",)),
    Step("import_speed", ("scripts/import_speed.py",)),
    Step("sim_all", ("scripts/sim.py", "--all")),
    Step("own_config", ("scripts/kit.py",)),
    Step("soc", ("scripts/soc.py",)),
    Step("ecp5", ("scripts/ecp5.py",)),
    Step("energy", ("scripts/energy.py", "--check")),
    Step("accuracy", ("scripts/accuracy.py",)),
    Step("tutorial", ("scripts/tutorial.py", "--fresh")),
    Step("formal", ("scripts/formal.py",)),
    Step("soak", ("scripts/soak.py", "--minutes", "30")),
    Step("functional", ("scripts/functional.py",)),
    Step("coverage", ("scripts/coverage.py", "--top", "tests/rtl")),
    Step("faults", ("scripts/faults.py",)),
    Step("netlist", ("scripts/netlist.py",)),
    Step("language", ("scripts/language.py",)),
    Step("results_of_today", ("scripts/gen_docs.py", "--stale")),
    pytest(
        "recovery",
        "tests/rtl/test_interface_rtl.py",
        "tests/rtl/test_top_rtl.py",
        SIM="verilator",
        CSB_RECOVERY="2000",
    ),
    pytest("illegal_images", "tests/rtl", "-k", "illegal", SIM="verilator", CSB_ILLEGAL="1000"),
    pytest("seeds", "tests/rtl/test_seeds_rtl.py", CSB_SEEDS="300"),
    pytest("changed_files", "tests/system/test_fuzz_files.py", CSB_FUZZ_FILES="2000"),
)


def main() -> int:
    parser = commands.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("steps", nargs="*", help=f"{', '.join(s.name for s in STEPS)} (all)")
    parser.add_argument("--again", action="store_true", help="also steps that are current")
    parser.add_argument("--list", action="store_true", help="print the steps' names, as JSON")
    add_arguments(parser)
    args = parser.parse_args()
    if args.list:
        print(json.dumps([step.name for step in STEPS]))
        return 0
    unknown = set(args.steps) - {step.name for step in STEPS}
    if unknown:
        parser.error(f"unknown step '{min(unknown)}'")
    chosen = [step for step in STEPS if not args.steps or step.name in args.steps]
    if args.cluster:
        with workers(args.cluster, args.workers) as client:
            return 1 if on_farm(chosen, client, again=args.again) else 0
    return 1 if nightly(chosen, again=args.again) else 0


if __name__ == "__main__":
    commands.run(main)
