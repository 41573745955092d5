# SPDX-License-Identifier: Apache-2.0
"""The rate of slots: machines of the table, latencies that are not built, tables."""

from csb_rnn.experiments.bench import slot_rate, slot_tables
from csb_rnn.machine import config, isa
from csb_rnn.network.checkpoint_files import read_checkpoint
from csb_rnn.network.stacking import network_from_checkpoint


def test_a_faster_machine_has_shorter_frames() -> None:
    file = slot_rate.CHECKPOINTS / "z3_ligru.npz"
    network = network_from_checkpoint(read_checkpoint(file))
    cycles = {}
    for machine in (slot_rate.BASE, slot_rate.FAST, "fast256, all three"):
        base, changes = slot_rate.MACHINES[machine]
        c = config.load(base, **changes)
        row = slot_rate.interval_row("z3_ligru", network, machine, c, 1)
        cycles[machine] = row["cycles"]
    fast, today = cycles[slot_rate.FAST], cycles[slot_rate.BASE]
    assert cycles["fast256, all three"] < fast < 0.8 * today
    assert fast <= 71


def test_shorter_latencies_end_with_their_block() -> None:
    c = config.load("tiny")
    before = isa.lat_neuron(c)
    with slot_rate.shorter({"lat_neuron": -1}):
        assert isa.lat_neuron(c) == before - 1
    assert isa.lat_neuron(c) == before


def test_tables_show_one_and_four_streams_and_the_price() -> None:
    def row(machine: str, streams: int, cycles: float, source: str) -> dict:
        return {"table": "intervals", "model": "SR4", "machine": machine, "streams": streams,
                "pes": 256, "kept_weights": 9070, "cycles": cycles, "source": source}  # fmt: skip

    rows = [row("fast256", s, n, "timing") for s, n in ((1, 73.0), (4, 51.0))]
    rows += [row("both", s, n, "timing") for s, n in ((1, 74.0), (4, 52.0))]
    rows += [row("fast256", 4, 51.0, "rtl")]
    sizes = {"paper256": 26000, "both": 33000}
    rows += [{"table": "area", "machine": m, "pes": 256, "lut": n} for m, n in sizes.items()]
    intervals, bound, rtl = slot_tables.tables(rows)
    assert intervals.rows == [
        ("`fast256`", "73 / 51", "-"), ("`paper256`, both", "74 / 52", "+27.3")
    ]  # fmt: skip
    assert bound.rows == [("`paper256`, both", "SR4", "35", "32", "56", "74")]
    assert rtl.rows == [("SR4", "`fast256`", "4", "51", "51", "0.695")]
    assert slot_tables.title("fast256, fast_act") == "`fast256`, `fast_act` = 1"
    assert slot_tables.title("fast512, all three") == "`fast512`, all three"
