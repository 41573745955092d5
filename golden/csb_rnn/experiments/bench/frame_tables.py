# SPDX-License-Identifier: Apache-2.0
"""Tables of whole models: intervals, latencies, lost cycles."""

from __future__ import annotations

from csb_rnn.experiments.bench import models
from csb_rnn.experiments.bench.results import Results
from csb_rnn.experiments.bench.tables import Row, Table, pick, three


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
                "recurrence" if r["bound_by_recurrence"] else "products",
                r["calibrated"],
                r["source"],
            )
        )
    heads = ("model", "config", "rate", "streams", "kept", "cycles/frame", "bound", "frame eff.",
             "idle", "steady", "us/frame", "us idle", "bound by", "formats", "source")  # fmt: skip
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
    """(model, its row, the row of an LSTM with as many kept weights) where the recurrence does not
    bind."""
    out = []
    for r in pick(results.latency, streams=1):
        shape = r["model"].split(" (")[0]
        if shape not in models.CELLS_COMPARED or r["model"].endswith("LSTM)"):
            continue
        for lstm in pick(results.latency, streams=1, model=f"{shape} (as LSTM)", pes=r["pes"]):
            if not r["bound_by_recurrence"]:
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
        names |= dict.fromkeys(r["losses"])
    rows = []
    for name in names:
        cells = []
        for r in chosen:
            share = r["losses"].get(name)
            cells.append("-" if share is None else f"{share:.2%}")
        rows.append((name, *cells))
    heads = ("PE time", *(f"{r['model']} {r['config']}" for r in chosen))
    return Table("where the PE time goes, one stream", heads, rows)


def idle_table(results: Results) -> Table:
    """The idle latency of the published models, step by step."""
    rows = []
    for r in results.latency:
        if r["model"] in models.PAPER_CYCLES and r["streams"] == 1:
            steps = r["idle"]
            bound = models.ideal_cycles(r["kept_weights"], r["pes"])
            engine = sum(n for step, n in steps if step.startswith("engine words"))
            text = ", ".join(f"{step} {n}" for step, n in steps)
            rows.append((f"{r['model']} {r['config']}", text, str(r["latency_idle"]), str(bound),
                         str(engine)))  # fmt: skip
    heads = ("model", "longest path, cycles", "idle", "multiply bound", "engine words on the path")
    return Table("idle latency: each cycle above the bound", heads, rows, left=2)
