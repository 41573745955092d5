# SPDX-License-Identifier: Apache-2.0
"""Tables of the rate of slots, from the rows of :mod:`.slot_rate`."""

from __future__ import annotations

from collections.abc import Sequence

from csb_rnn.experiments.bench.slot_rate import BASE, FAST, MACHINES, NOT_BUILT, STREAMS
from csb_rnn.experiments.bench.tables import Row, Table, pick
from csb_rnn.flow.cycles import LOOP_CYCLES
from csb_rnn.machine import config
from csb_rnn.machine.config import Config

TITLES = {
    "bus_neurons": f"`{BASE}`, `bus_neurons` = 2",
    "drain_rows": f"`{BASE}`, `drain_rows` = 2",
    "both": f"`{BASE}`, both",
}


def title(machine: str) -> str:
    """A machine as the tables name it."""
    if machine in TITLES:
        return TITLES[machine]
    base, _, change = machine.partition(", ")
    plain = not change or change == "all three" or change in NOT_BUILT
    return f"`{base}`" + (f", {change if plain else f'`{change}` = 1'}" if change else "")


def interval_table(rows: Sequence[Row]) -> Table:
    """Cycles a frame, one stream / four, and LUTs a PE more than those of :data:`BASE`."""
    areas = pick(rows, table="area")
    base = pick(areas, machine=BASE)[0]["lut"] if areas else 0
    price = {r["machine"]: (r["lut"] - base) / r["pes"] for r in areas}
    found = pick(rows, table="intervals", source="timing")
    names = tuple(dict.fromkeys(r["model"] for r in found))
    lines = []
    for machine in dict.fromkeys(r["machine"] for r in found):
        own = pick(found, machine=machine)
        cells = (
            " / ".join(f"{pick(own, model=m, streams=s)[0]['cycles']:g}" for s in STREAMS)
            for m in names
        )
        cost = f"{price[machine]:+.1f}" if machine in price else "-"
        lines.append((title(machine), *cells, cost))
    note = f"Not built: {', '.join(NOT_BUILT)}. Its row is of the timing model with that latency."
    return Table(
        "cycles a frame, one stream / four streams",
        ("machine", *names, "LUT/PE more"),
        lines,
        note=note,
    )


#: Units and drained rows of a unit of each model.
SHAPES = {"SR4": (256, 4), "z6_lstm": (256, 4), "z2_gru": (256, 4), "z3_ligru": (256, 2)}
BOUNDED = (BASE, "bus_neurons", "drain_rows", "both", "fast512")


def slot_cycles(units: int, rows: int, c: Config) -> int:
    """Cycles of a frame's slots, each on the drain unit and the neuron bus.

    Example: 256 units of 4 rows are 16 slots of 4 cycles, so 64, on ``paper256``, 32 on
    ``fast256``."""
    return -(-units // c.lanes) * max(-(-rows // c.drain_rows), c.sub_slots)


def bound_table(rows: Sequence[Row]) -> Table:
    """The bound of a frame of one stream with the rate of slots, and the measured frame."""
    lines = []
    found = pick(rows, table="intervals", source="timing", streams=1)
    for machine in BOUNDED:
        base, changes = MACHINES[machine]
        c = config.load(base, **changes)
        for r in pick(found, machine=machine):
            slots = slot_cycles(*SHAPES[r["model"]], c)
            products = r["kept_weights"] / c.pes
            lines.append((title(machine), r["model"], f"{products:.0f}", str(slots),
                          f"{max(products, slots + LOOP_CYCLES):.0f}",
                          f"{r['cycles']:g}"))  # fmt: skip
    heads = ("machine", "model", "products", "slots", "bound", "cycles a frame")
    note = (
        f"Bound: the products of all weights, or the slots and {LOOP_CYCLES} cycles of their loop, "
        "if more (`csb_rnn.flow.recurrence_cycles`)."
    )
    return Table("bound of one stream, slots counted", heads, lines, left=2, note=note)


def rtl_table(rows: Sequence[Row]) -> Table:
    """Frames on the RTL beside the timing model."""
    lines = []
    for r in pick(rows, table="intervals", source="rtl"):
        (same,) = pick(rows, table="intervals", source="timing", model=r["model"],
                       machine=r["machine"], streams=r["streams"])  # fmt: skip
        efficiency = r["kept_weights"] / (r["pes"] * r["cycles"])
        lines.append((r["model"], f"`{r['machine']}`", str(r["streams"]), f"{r['cycles']:g}",
                      f"{same['cycles']:g}", f"{efficiency:.3f}"))  # fmt: skip
    heads = ("model", "configuration", "streams", "cycles, RTL", "cycles, timing model",
             "frame efficiency")  # fmt: skip
    note = "Every bit and every cycle of these frames was that of the models."
    return Table(f"frames of `{FAST}` on the RTL", heads, lines, left=2, note=note)


def tables(rows: Sequence[Row]) -> list[Table]:
    """All of them, in the order of the page."""
    out = [interval_table(rows), bound_table(rows)]
    return out + ([rtl_table(rows)] if pick(rows, table="intervals", source="rtl") else [])
