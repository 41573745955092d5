# SPDX-License-Identifier: Apache-2.0
"""Targets beside results."""

from __future__ import annotations

from csb_rnn.experiments.bench import models
from csb_rnn.experiments.bench.frame_tables import cell_rows
from csb_rnn.experiments.bench.layer_tables import default_rows
from csb_rnn.experiments.bench.plan import UNALIGNED_RATE
from csb_rnn.experiments.bench.results import Results
from csb_rnn.experiments.bench.tables import Table, long_enough, mean, pick, three
from csb_rnn.machine.sharing_modes import PAPER_MODES

Check = tuple[str, str, str, bool | None]


def _better(a: float | None, goal: float, least: bool = True) -> bool | None:
    if a is None:
        return None
    return a >= goal if least else a <= goal


def checks(results: Results) -> list[Check]:
    """(name, target, reached, whether it is) for each measured line of the targets."""
    out: list[Check] = []

    def add(what: str, goal: str, value: str, ok: bool | None) -> None:
        out.append((what, goal, value, ok))

    pairs = [r for r in default_rows(results) if long_enough(r)]
    by = {s: mean(r["mac_efficiency"] for r in pick(pairs, sharing=s)) for s in PAPER_MODES}
    directions = [by[s] for s in ("horizontal", "vertical")]
    one = max((value for value in directions if value is not None), default=None)
    for name, value, goal in (("none", by["none"], 0.8), ("better single direction", one, 0.97),
                              ("both", by["both"], 0.985)):  # fmt: skip
        what = f"mean MAC efficiency, paper256, aligned, {name}"
        add(what, f">= {goal}", three(value), _better(value, goal))

    single = [r for r in results.latency if r["streams"] == 1 and r["model"] != models.EDGE.name]
    for model, goal in (("MT1", 147), ("SR1", 1228), ("SR2", 957)):
        for r in pick(single, model=model, pes=512):
            value = r["frame_efficiency"]
            what = f"frame efficiency, {r['config']}, {model} ({r['source']})"
            add(what, ">= 0.975", three(value), value >= 0.975)
            cycles = r["cycles_per_frame"]
            what = f"interval, {r['config']}, {model} ({r['source']}), cycles"
            add(what, f"<= {goal}", f"{cycles:.1f}", cycles <= goal)
            kept, want = r["kept_weights"], models.MODELS[model].kept
            off = abs(kept / want - 1)
            limit = models.KEPT_TOLERANCE
            add(f"kept weights, {model}", f"{want} +- {limit:.1%}", str(kept), off <= limit)
    for pes in (256, 512):
        rest = [r for r in pick(single, pes=pes) if r["model"] in models.MODELS]
        rest = [r for r in rest if not r["bound_by_recurrence"]]
        rest = [r for r in rest if r["model"] not in models.PAPER_CYCLES or pes == 256]
        for r in rest:
            value = r["frame_efficiency"]
            what = f"frame efficiency, {r['config']}, {r['model']} ({r['source']})"
            add(what, ">= 0.95", three(value), value >= 0.95)
    for r in results.latency:
        if r["streams"] > 1 and r["model"] in models.MODELS:
            value, free = r["frame_efficiency"], r["model"] == "SR4" and r["pes"] == 512
            what = f"frame efficiency, {r['streams']} streams, {r['config']}, {r['model']}"
            add(what, "reported" if free else ">= 0.9", three(value),
                None if free else value >= 0.9)  # fmt: skip
    loose = pick(results.efficiency, pattern="unaligned", rate=UNALIGNED_RATE)
    for sharing in PAPER_MODES:
        found = [r for r in pick(loose, sharing=sharing) if long_enough(r)]
        value = mean(r["mac_efficiency"] for r in found)
        if value is not None:
            what = f"mean MAC efficiency, not aligned, block 32 at {UNALIGNED_RATE:g}x, {sharing}"
            add(what, ">= 0.9" if sharing == "both" else "reported", three(value),
                value >= 0.9 if sharing == "both" else None)  # fmt: skip
    for name, r, lstm in cell_rows(results):
        change = r["frame_efficiency"] - lstm["frame_efficiency"]
        what = f"frame efficiency, {name}, {r['config']}, less that of an LSTM"
        add(what, ">= -0.02", f"{change:+.3f}", change >= -0.02)
    for model, goal in (("MT2", 20), ("MT1", 1)):
        for r in pick(single, model=model):
            seconds = r["compile_seconds"]
            what = f"compile time, {model}, {r['config']}, quantising included, s of one core"
            add(what, f"<= {goal}", f"{seconds:.1f}", seconds <= goal)
    for r in results.latency:
        speed = r["simulated_cycles_per_second"]
        if speed and r["pes"] == 512 and r["model"] == "SR1":
            add("simulation, paper512, SR1, cycles/s", ">= 60000", f"{speed:.0f}", speed >= 60_000)
    return out


def target_table(lines: list[Check]) -> Table:
    mark = {True: "yes", False: "no", None: "-"}
    rows = [(what, goal, value, mark[ok]) for what, goal, value, ok in lines]
    return Table("targets", ("what", "target", "reached", "met"), rows)
