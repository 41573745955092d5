# SPDX-License-Identifier: Apache-2.0
"""The board's design: names of its parts, its page, its host."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import numpy as np
import torch

import csb_rnn
from csb_rnn.driver import Network
from csb_rnn.experiments.board import cells, host, page, path, place, sources
from csb_rnn.experiments.reports import measured
from csb_rnn.experiments.silicon import flat
from csb_rnn.experiments.soc.firmware import Head
from csb_rnn.machine import config
from csb_rnn.models.fixed_model import FixedModel

CORE = "u_system.u_csb.u_csb_top."


def test_names_in_the_design_s_words() -> None:
    group = f"{CORE}u_engine.gen_engine_row[1].gen_group[0].u_group."
    assert path.term(f"{group}rpc_q_TRELLIS_FF_Q_3") == "engine, PEGroup 1,0, rpc_q"
    memory = f"{group}gen_row[2].u_row.u_bank.u_row.mem.0.0"
    assert path.term(memory) == "engine, PEGroup 1,0, PE row 2, memory u_bank.u_row"
    assert path.term(f"{CORE}u_control.reset_o_LUT4_Z") == "interface, reset_o"
    assert flat.part_of("u_system.u_boot.state_q", place.PARTS) == "boot from flash"
    assert flat.part_of("rst_n_LUT4_Z_1", place.PARTS) == "clock, reset, pins"


def test_the_longest_path_between_registers() -> None:
    def one(start: str, end: str, *delays: float) -> dict:
        found = [{"delay": d, "type": "routing", "net": "u_system.a"} for d in delays]
        return {"from": start, "to": end, "path": found}

    edge = "posedge clk"
    paths = [one(edge, edge, 1, 2), one(edge, edge, 4), one("async", edge, 9), one(edge, "x", 8)]
    found = path.steps({"critical_paths": paths})
    assert found == [{"ns": 4, "kind": "routing", "at": "serial line, a"}]
    assert path.steps({"critical_paths": []}) == []


def test_page_of_a_result(tmp_path: Path) -> None:
    """Sums, shares of the device, steps of one place in one line."""
    parts = [{"table": "part", "name": n, "LUT": 8364, "FF": 10, "DSP": 78, "BRAM": 1}
             for n in ("engine", "data path")]  # fmt: skip
    steps = [("logic", 0.5, "a"), ("routing", 1.5, "a"), ("routing", 2.0, "b")]
    rows = [
        *parts,
        {"table": "netlist", "name": "z2_gru", "frames": 1, "outputs": 256, "image_words": 8957},
        {"table": "clock", "name": "c", "mhz": 61.25, "wanted": 60, "seed": 1, "bitstream": 9999},
        *({"table": "path", "name": k, "kind": k, "ns": ns, "at": at} for k, ns, at in steps),
    ]
    measured.write("ecp5", rows, folder=tmp_path)
    text = page.ecp5(tmp_path)
    assert text.startswith("# On an ECP5: placed and routed, not run on a board\n")
    assert "| **all** | 16,728 | 20 | 156 | 2 |" in text
    assert "| share | 20 % | 0 % | 100 % | 1 % |" in text
    assert "| a | 0.50 | 1.50 |\n| b | 0.00 | 2.00 |" in text
    assert 'From "a" to "b": 4.0 ns, 3.5 of them in wires.' in text


def test_wrapper_is_written_once(tmp_path: Path) -> None:
    found = sources.files(config.load("tiny"), tmp_path)
    names = {f.stem for f in found}
    assert {sources.WRAPPER, sources.TOP, "csb_ecp5", *sources.VENDOR} <= names
    assert not names & set(sources.SIMULATED)
    stamp = found[0].stat().st_mtime_ns
    sources.files(config.load("tiny"), tmp_path)
    assert found[0].stat().st_mtime_ns == stamp
    assert set(sources.SIMULATED) <= {
        f.stem for f in sources.files(config.load("tiny"), tmp_path, simulated=True)
    }


def test_every_pin_has_a_place() -> None:
    """Ports of the board's top are those of its constraints."""
    text = sources.CONSTRAINTS.read_text()
    placed = re.findall(r'^LOCATE COMP "([\w\[\]]+)" SITE', text, re.MULTILINE)
    kinds = re.findall(r'^IOBUF PORT "([\w\[\]]+)"', text, re.MULTILINE)
    head = (sources.EXAMPLE / "ulx3s.sv").read_text().split(") (", 1)[1].split(");", 1)[0]
    ports = []
    for high, low, name in re.findall(r"logic\s+(?:\[(\d+):(\d+)\]\s+)?(\w+)", head):
        ports += [f"{name}[{i}]" for i in range(int(low), int(high) + 1)] if high else [name]
    assert sorted(placed) == sorted(kinds) == sorted(ports)


def test_models_of_cells_name_all_pins() -> None:
    ram = cells.block_ram()
    assert all(f"DOB{i}" in ram and f"DIA{i}" in ram for i in range(18))
    assert ram.count("parameter [319:0] INITVAL_") == 64
    assert "P35" in cells.multiplier()


class Board:
    """A device that computes as the fixed model; ``off`` is added to its outputs."""

    def __init__(self, network: Network, model: FixedModel, off: int = 0) -> None:
        self.network, self._model, self._off = network, model, off

    @contextlib.contextmanager
    def run(self):
        self._seen: list[np.ndarray] = []
        yield self

    def push(self, x: np.ndarray) -> None:
        self._seen.append(x[: self.network.inputs].astype(np.int64))

    def pull(self) -> np.ndarray:
        y, _ = self._model.run(np.array(self._seen))
        return np.pad(y[-1] + self._off, (0, self.network.out_values - self.network.outputs))

    def cycles(self) -> int:
        return 100


def test_host_compares_every_output(capsys) -> None:
    record = csb_rnn.build(torch.nn.GRU(7, 9), config="tiny", unchecked=True).record
    part = record.part
    network = Network.of(part.compiled(), part.data)
    model = FixedModel(part.quantised, record.config)
    rng = np.random.default_rng(1)
    recordings = [part.quantised.quantise_inputs(rng.normal(size=(n, 7))) for n in (3, 2)]
    head = Head.of(rng.normal(size=(4, 9)), rng.normal(size=4), part.quantised.out_frac)
    assert host.compare(Board(network, model), model, head, recordings) == 0
    said = capsys.readouterr().out
    assert said.count("equal") == 3
    assert "3 frames in 100 cycles" in said
    assert host.compare(Board(network, model, off=1), model, head, recordings) == 2
    assert "2 recordings differ" in capsys.readouterr().out
