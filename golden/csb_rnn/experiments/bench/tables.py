# SPDX-License-Identifier: Apache-2.0
"""What the measured rows say, as tables of text: for the terminal and for the page of results."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from csb_rnn.compiler import COMPILERS
from csb_rnn.experiments.bench import models
from csb_rnn.experiments.bench.measure import PAPER, SHARING
from csb_rnn.experiments.bench.plan import BLOCKS, UNALIGNED_RATE, Results

Row = dict[str, Any]
LEAST_IDEAL = 100  # ideal cycles of a layer-block pair that counts for the mean


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of text under heads; all columns but the first ``left`` are numbers."""

    title: str
    heads: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    left: int = 1
    note: str = ""

    def markdown(self) -> str:
        rule = ["---" if i < self.left else "--:" for i in range(len(self.heads))]
        return "\n".join("| " + " | ".join(r) + " |" for r in (self.heads, rule, *self.rows))


def three(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def mean(values: Iterable[float]) -> float | None:
    values = list(values)
    return statistics.fmean(values) if values else None


def pick(rows: Iterable[Row], **want: Any) -> list[Row]:
    """Rows with these values."""
    return [r for r in rows if all(r[k] == v for k, v in want.items())]


def long_enough(row: Row) -> bool:
    return row["kept_weights"] / row["pes"] >= LEAST_IDEAL


# --- efficiency -------------------------------------------------------------------------------


def default_rows(results: Results, **want: Any) -> list[Row]:
    return pick(results.efficiency, compiler="default", pattern="aligned", **want)


def efficiency_means(results: Results) -> Table:
    """Means by block size beside the paper's busy PEs."""
    rows = []
    for block in BLOCKS:
        paper_none, paper_both = models.PAPER_BUSY[block]
        measures = (*((c, key) for c in COMPILERS for key in ("MAC", "busy")), (PAPER, "busy"))
        for compiler, key in measures:
            found = pick(results.efficiency, compiler=compiler, pattern="aligned", block=block)
            found = [r for r in found if compiler == PAPER or long_enough(r)]
            if not found:
                continue
            cells = []
            for sharing in SHARING:
                values = [
                    r["mac_efficiency"] if key == "MAC" else r["extra"]["busy_pe_utilisation"]
                    for r in pick(found, sharing=sharing)
                ]
                cells.append(three(mean(values)))
            what = "MAC efficiency" if key == "MAC" else "busy PEs"
            layers = len({(r["model"], r["layer"]) for r in found})
            name = "paper's, solved by Z3" if compiler == PAPER else compiler
            rows.append((str(block), f"{name}, {what}", str(layers), *cells))
        text = [f"{a:.2f}-{b:.2f}" for a, b in (paper_none, paper_both)]
        rows.append((str(block), "paper's Fig. 12, busy PEs", "-", text[0], "-", "-", text[1]))
    return Table(
        f"means over layers of {LEAST_IDEAL} ideal cycles or more (the paper's: what was solved)",
        ("block", "compiler, measure", "layers", *SHARING),
        rows,
        left=2,
        note="Busy PEs count a PEGroup that issues at all, MAC efficiency useful products: only "
        "the first may be set beside the paper's figure.",
    )


def efficiency_layers(results: Results, compiler: str) -> Table:
    """Every layer and block: MAC efficiency by sharing mode, bound and cycles of the best one."""
    rows = []
    keys = dict.fromkeys(
        (r["model"], r["layer"], r["block"], r["rate"], r["pattern"])
        for r in pick(results.efficiency, compiler=compiler)
    )
    for key in keys:
        names = ("model", "layer", "block", "rate", "pattern")
        these = pick(results.efficiency, compiler=compiler, **dict(zip(names, key, strict=True)))
        cells = [three(mean(r["mac_efficiency"] for r in pick(these, sharing=s))) for s in SHARING]
        best = min(these, key=lambda r: r["cycles"])
        rows.append(
            (
                f"{key[0]} layer {key[1]}",
                str(key[2]),
                f"{key[3]:g}",
                key[4],
                *cells,
                str(best["cycles"]),
                str(best["bound_cycles"]),
                best["config"],
            )
        )
    heads = ("layer", "block", "rate", "pattern", *SHARING, "cycles", "bound", "config")
    return Table(f"MAC efficiency of every layer, {compiler} compiler", heads, rows)


def paper_layers(results: Results) -> Table:
    """The published machine: busy PEs, and how much of each layer was solved."""
    rows = []
    found = pick(results.efficiency, compiler=PAPER)
    for key in dict.fromkeys((r["model"], r["layer"], r["block"]) for r in found):
        these = pick(found, model=key[0], layer=key[1], block=key[2])
        cells = [
            three(mean(r["extra"]["busy_pe_utilisation"] for r in pick(these, sharing=s)))
            for s in SHARING
        ]
        e = these[0]["extra"]
        times = sum(r["extra"]["timeouts"] for r in these)
        rows.append(
            (
                f"{key[0]} layer {key[1]}",
                str(key[2]),
                *cells,
                f"{e['sets']} of {e['of']}",
                str(times),
            )
        )
    seconds = found[0]["extra"]["seconds_each"] if found else 0
    heads = ("layer", "block", *SHARING, "sets solved", "calls over time")
    return Table(
        f"busy PEs of the published machine, {seconds:g} s for each call of Z3",
        heads,
        rows,
        note="A call over time counts as `no such cut`, and the margin grows.",
    )


# --- latency ----------------------------------------------------------------------------------


def latency_table(results: Results) -> Table:
    rows = []
    for r in results.latency:
        rows.append(
            (
                r["model"],
                r["config"],
                f"{r['rate']:g}",
                str(r["streams"]),
                str(r["kept_weights"]),
                f"{r['cycles_per_frame']:.1f}",
                f"{r['bound_cycles']:.1f}",
                three(r["frame_efficiency"]),
                str(r["latency_idle"]),
                f"{r['latency_steady']:g}",
                f"{r['cycles_per_frame'] / models.CLOCK_MHZ:.2f}",
                f"{r['latency_idle'] / models.CLOCK_MHZ:.2f}",
                "recurrence" if r["extra"]["bound_by_recurrence"] else "products",
                r["source"],
            )
        )
    heads = ("model", "config", "rate", "streams", "kept", "cycles/frame", "bound", "frame eff.",
             "idle", "steady", "us/frame", "us idle", "bound by", "source")  # fmt: skip
    return Table(
        f"interval and latency in cycles; us at {models.CLOCK_MHZ} MHz",
        heads,
        rows,
        left=2,
        note="Steady latency counts from the first beat of a frame, which waits in the input "
        "buffers while two frames before it are worked on, as inputs always wait.",
    )


def published_table(results: Results) -> Table:
    rows = []
    for who, model, us, pes in models.PUBLISHED:
        rows.append((model, who, str(pes), f"{us:.2f}", "-", "-", f"{us * pes:.0f}"))
    for r in results.latency:
        if r["model"] in models.PAPER_CYCLES and r["streams"] == 1:
            us, idle = (r[k] / models.CLOCK_MHZ for k in ("cycles_per_frame", "latency_idle"))
            rows.append(
                (r["model"], f"this, {r['config']}", str(r["pes"]), "-", f"{us:.2f}", f"{idle:.2f}",
                 f"{us * r['pes']:.0f}")
            )  # fmt: skip
    rows.sort(key=lambda row: (list(models.PAPER_CYCLES).index(row[0]), row[1].startswith("this")))
    heads = (
        "model",
        "design",
        "PEs",
        "us, published",
        "us interval",
        "us latency idle",
        "us x PEs",
    )
    return Table(
        "published designs beside interval and latency",
        heads,
        rows,
        left=2,
        note="Whether a published latency is a frame's way through or the distance between frames "
        "is not said. us x PEs is from the interval here, from the published figure there.",
    )


def small_table(results: Results) -> Table:
    rows = [("EdgeDRNN (simulated elsewhere; dense, it cannot skip a zero weight)", "8",
             str(models.EDGEDRNN_CYCLES), "-", "-")]  # fmt: skip
    for r in pick(results.latency, model=models.EDGE.name):
        cycles = r["cycles_per_frame"]
        name = f"this, {r['config']}, {r['kept_weights']} weights kept ({r['source']})"
        times = f"{models.EDGEDRNN_CYCLES / cycles:.1f}"
        rows.append((name, str(r["pes"]), f"{cycles:.1f}", three(r["frame_efficiency"]), times))
    heads = ("design", "PEs", "cycles/frame", "frame eff.", "times faster")
    return Table("8 PEs: GRU 128->256 pruned 13x", heads, rows)


def cell_rows(results: Results) -> list[tuple[str, Row, Row]]:
    """(model, its row, that of an LSTM with as many kept weights) where the recurrence does not
    bind."""
    out = []
    for r in pick(results.latency, streams=1):
        shape = r["model"].split(" (")[0]
        if shape not in models.CELLS_COMPARED or r["model"].endswith("LSTM)"):
            continue
        for lstm in pick(results.latency, streams=1, model=f"{shape} (as LSTM)", pes=r["pes"]):
            if not r["extra"]["bound_by_recurrence"]:
                out.append((r["model"], r, lstm))
    return out


def cell_table(results: Results) -> Table:
    """Cells beside an LSTM."""
    rows = []
    for name, r, lstm in cell_rows(results):
        cells = [f"{one['cycles_per_frame']:.1f}" for one in (r, lstm)]
        cells += [three(one["frame_efficiency"]) for one in (r, lstm)]
        change = r["frame_efficiency"] - lstm["frame_efficiency"]
        rows.append((name, r["config"], str(r["kept_weights"]), str(lstm["kept_weights"]), *cells,
                     f"{change:+.3f}", r["source"]))  # fmt: skip
    heads = ("model", "config", "kept", "kept, LSTM", "cycles/frame", "LSTM", "frame eff.", "LSTM",
             "difference", "source")  # fmt: skip
    return Table("cells beside an LSTM of the same layers, units and kept weights", heads, rows, 2)


def loss_table(results: Results) -> Table:
    """Lost cycles by cause of the models whose interval is published."""
    chosen = [r for r in pick(results.latency, streams=1) if r["model"] in models.PAPER_CYCLES]
    names: dict[str, None] = {}
    for r in chosen:
        for c in r["extra"]["losses"]["causes"]:
            names.setdefault(c["cause"])
    rows = []
    for name in names:
        cells = []
        for r in chosen:
            found = [c for c in r["extra"]["losses"]["causes"] if c["cause"] == name]
            cells.append(f"{found[0]['share']:.2%}" if found else "-")
        rows.append((name, *cells))
    heads = ("PE time", *(f"{r['model']} {r['config']}" for r in chosen))
    return Table("where the PE time goes, one stream", heads, rows)


def idle_table(results: Results) -> Table:
    """The idle latency of the published models, step by step."""
    rows = []
    for r in results.latency:
        if r["model"] in models.PAPER_CYCLES and r["streams"] == 1:
            steps = r["extra"]["idle"]
            bound = models.ideal_cycles(r["kept_weights"], r["pes"])
            engine = sum(s["cycles"] for s in steps if s["step"].startswith("engine words"))
            text = ", ".join(f"{s['step']} {s['cycles']}" for s in steps)
            rows.append((f"{r['model']} {r['config']}", text, str(r["latency_idle"]), str(bound),
                         str(engine)))  # fmt: skip
    heads = ("model", "longest path, cycles", "idle", "multiply bound", "engine words on the path")
    return Table("idle latency: each cycle above the bound", heads, rows, left=2)


# --- what was to be reached -------------------------------------------------------------------

Check = tuple[str, str, str, bool | None]


def _better(a: float | None, goal: float, least: bool = True) -> bool | None:
    if a is None:
        return None
    return a >= goal if least else a <= goal


def checks(results: Results) -> list[Check]:
    """(what, target, reached, whether it is) for each measured line of the targets."""
    out: list[Check] = []

    def add(what: str, goal: str, value: str, ok: bool | None) -> None:
        out.append((what, goal, value, ok))

    pairs = [r for r in default_rows(results) if long_enough(r)]
    by = {s: mean(r["mac_efficiency"] for r in pick(pairs, sharing=s)) for s in SHARING}
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
        rest = [r for r in rest if not r["extra"]["bound_by_recurrence"]]
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
    for sharing in SHARING:
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
            seconds = r["extra"]["compile_seconds"]
            what = f"compile time, {model}, {r['config']}, quantising included, s of one core"
            add(what, f"<= {goal}", f"{seconds:.1f}", seconds <= goal)
    for r in results.latency:
        speed = r["extra"].get("simulated_cycles_per_second")
        if speed and r["pes"] == 512 and r["model"] == "SR1":
            add("simulation, paper512, SR1, cycles/s", ">= 60000", f"{speed:.0f}", speed >= 60_000)
    return out


def target_table(lines: list[Check]) -> Table:
    mark = {True: "yes", False: "no", None: "-"}
    rows = [(what, goal, value, mark[ok]) for what, goal, value, ok in lines]
    return Table("targets", ("what", "target", "reached", "met"), rows)


def tables(results: Results) -> list[Table]:
    """Everything that is printed, in this order."""
    return [
        efficiency_means(results),
        *(efficiency_layers(results, compiler) for compiler in COMPILERS),
        paper_layers(results),
        latency_table(results),
        published_table(results),
        small_table(results),
        cell_table(results),
        loss_table(results),
        idle_table(results),
        target_table(checks(results)),
    ]
