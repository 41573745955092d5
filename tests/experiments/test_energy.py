# SPDX-License-Identifier: Apache-2.0
"""Energy of a frame: counts, prices, page. Beside the RTL: ``scripts/energy.py --check``."""

from collections import Counter
from pathlib import Path

import pytest

from csb_rnn.compiler import compile_network
from csb_rnn.experiments.energy import cacti, frame, page, rtl
from csb_rnn.experiments.energy.accesses import accesses, operations, total_bits
from csb_rnn.experiments.reports import measured
from csb_rnn.machine import config, design
from csb_rnn.machine.memories import memory_bits
from csb_rnn.models.quantise import quantise
from csb_rnn.program.program import Program
from csb_rnn.verify.random_layers import LayerCase


def program(c: config.Config) -> Program:
    case = LayerCase(3, "gru", inputs=6, hidden=12)
    return compile_network(quantise(case.network(), c), c)


@pytest.mark.parametrize("name", ["tiny", "tiny_cols", "small_both", "odd", "paper512_w8"])
def test_memories_are_those_of_the_machine(name: str) -> None:
    c = config.load(name)
    p = program(c)
    shown = [1] * (len(p.elem) - p.elem_loop)
    assert total_bits(c, accesses(p, len(shown), shown=shown)) == sum(memory_bits(c).values())


def test_with_deep_a_register_is_read_where_it_is_selected() -> None:
    p = program(config.load("tiny", deep=1))
    with pytest.raises(ValueError, match="cycles of each element word"):
        accesses(p, 100)
    words = p.elem[p.elem_loop :]
    found = accesses(p, 10 * len(words), shown=[10] * len(words))
    chosen = sum(w.get(f"m{i}_sel", 0) < 2 for w in words for i in (0, 1))  # 2: one, 3: zero
    assert found["narrow registers"].reads == 10 * chosen * p.config.lanes
    assert 0 < chosen < 2 * len(words)


def test_a_word_reads_what_its_lanes_share() -> None:
    p = program(config.load("tiny_cols"))
    words = sum(map(len, p.groups))
    found = accesses(p, 100)
    assert found["PEGroup words"].reads == words
    assert found["neurons"].reads == words * 2  # P = Q = C = 2: one share group of two columns
    assert operations(p).products == words * 4
    assert found["states"].reads == 100 * p.config.lanes


def test_a_count_that_differs_from_the_rtl_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    p = program(config.load("tiny"))
    (few, many), seen = (Counter(), Counter()), []

    def run(_: Program, frames: int, *rest: object) -> Counter[tuple[str, int]]:
        seen.append(frames)
        return few if len(seen) % 2 else many

    monkeypatch.setattr(rtl, "run", run)
    lines, compared = rtl.differences(p, tmp_path)  # still counters
    assert seen == [rtl.FRAMES, 2 * rtl.FRAMES]
    assert 0 < len(lines) < compared  # some counts are zero
    for name, m in accesses(p, 1).items():
        many[name, 1] = m.writes * rtl.FRAMES
    lines, _ = rtl.differences(p, tmp_path)
    assert {line.split(",")[0] for line in lines if "second" in line} == {"products", "lane"}
    many["biases", 1] += 1
    lines, _ = rtl.differences(p, tmp_path)
    assert "biases, second count: 1 in the RTL, 0 in the program" in lines


def test_counters_are_summed_by_purpose(tmp_path: Path) -> None:
    top = "csb_sim_top.u_top.u_engine.gen_engine_row[0].gen_group[1].u_group"
    file = tmp_path / "accesses.txt"
    file.write_text(
        f"{top}.u_seq.u_program.u_ram.u_accesses 99 64 7 5\n"
        f"{top}.gen_row[1].u_row.u_bank.u_row.u_accesses 36 64 3 2\n"
        f"{top}.gen_row[0].u_row.u_bank.u_row.u_accesses 36 64 4 2\n"
    )
    found = rtl.read_counters(file)
    assert found["PEGroup words", 0] == 7
    assert [found["accumulators of PE rows", n] for n in (0, 1)] == [7, 4]
    with pytest.raises(LookupError, match="no purpose is known"):
        rtl.purpose("csb_top.u_new.u_accesses")


@pytest.mark.parametrize("name", ["tiny", "small", "fast256"])
def test_every_counter_of_the_design_has_a_purpose(name: str) -> None:
    """Without a simulation: the places of memories and lanes, as elaborated."""
    counted = ("csb_ram_1r1w", "csb_neuron_ram", "csb_lane")
    found = {
        rtl.purpose(f"{i.path}.u_accesses")
        for i in design.elaborate(design.TOP, config.rtl_parameters(name))
        if i.module in counted
    }
    deep = {"counters"} if config.load(name).deep else set()
    assert found == {what for _, what in rtl.PLACES} - {"products", "counters"} | deep


def test_a_memory_is_asked_for_once_and_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = []

    def run(*shape: int) -> cacti.Access:
        asked.append(shape)
        return cacti.Access(1.5, 2.5)

    monkeypatch.setattr(cacti, "run", run)
    monkeypatch.setattr(cacti, "TABLE", tmp_path / "cacti.json")
    new = cacti.Energies()
    assert new.of(16, 64, 45) == new.of(16, 64, 45) == cacti.Access(1.5, 2.5)
    new.write()
    assert cacti.Energies().of(16, 64, 45).write == 2.5
    assert asked == [(16, 64, 45)]
    assert cacti.Energies(again=True).of(16, 64, 45).read == 1.5
    assert len(asked) == 2


def test_without_a_package_it_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cacti, "FOLDER", tmp_path / "cacti")
    monkeypatch.setattr(cacti, "PACKAGE", "")
    with pytest.raises(cacti.CactiError) as error:
        cacti.run(16, 64, 45)
    assert "cannot be fetched and compiled" in str(error.value)
    assert "\n" not in str(error.value)


def test_operations_cost_what_was_published() -> None:
    assert frame.multiply(32, 32) == pytest.approx(3.1)
    assert frame.add(32) == pytest.approx(0.1)
    assert frame.product_pj(config.load("paper256")) == pytest.approx(3.1 / 4 + 0.1 * 36 / 32)
    assert frame.scale(45) == 1
    assert frame.scale(22) == pytest.approx(0.2414, abs=1e-4)


def test_the_page_says_first_what_it_is_not() -> None:
    assert page.energy().split("\n\n")[2].startswith("**These figures are not")
    assert not [r for r in measured.read("energy").rows if r.get("different")]
