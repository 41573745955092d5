# SPDX-License-Identifier: Apache-2.0
"""A compiled clock in the place of cocotb: the same ports in the same cycles."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from csb_rnn import compiler
from csb_rnn.models import quantise
from csb_rnn.simulation import shared_code, simulate
from csb_rnn.simulation.toolchain import SimulationError
from csb_rnn.verify.random_layers import LayerCase
from tb.lib.exact import tiny


@pytest.mark.sims("verilator")
@pytest.mark.parametrize("stall", [(0, 0), (5, 9)])
def test_it_runs_as_cocotb_does(sim, tmp_path, monkeypatch, stall) -> None:
    """Two sequences, and every figure of the run: beats, cycles, states, counters."""
    c = tiny(sim)
    case = LayerCase(seed=21, cell="lstm", inputs=7, hidden=7, layers=2, density=0.5)
    q = quantise.quantise(case.network(), c)
    p, x = compiler.compile_network(q, c), q.quantise_inputs(case.frames(9))
    runs = []
    for bench in ("compiled", "cocotb"):
        if bench == "cocotb":
            monkeypatch.setenv(simulate.BENCH, "1")
        found = simulate.simulate(p, x, tmp_path / bench, sequences=[4, 5], stall=stall)
        log = (tmp_path / bench / "sim.log").read_text()
        assert ("cocotb" in log) == (bench == "cocotb")
        runs.append(dataclasses.asdict(found) | {"seconds": 0})
    compiled, cocotb = runs
    for name, value in compiled.items():
        np.testing.assert_equal(value, cocotb[name], err_msg=name)
    assert len(compiled["outputs"]) == 9
    assert not compiled["stuck"]


@pytest.mark.sims("verilator")
def test_a_failed_assertion_is_an_error(sim, tmp_path) -> None:
    """A broken contract of the program: frames are finished that nobody has taken."""
    c = tiny(sim)
    q = quantise.quantise(LayerCase(seed=1, inputs=3, hidden=40).network(), c)
    p = compiler.compile_network(q, c)
    for word in (*p.drain, *p.elem):
        word.update({name: 0 for name in word if name in ("gap", "wait_mark", "acquire")})
    with pytest.raises(SimulationError, match=r"program contract .* broken(.|\n)*repeat: "):
        simulate.simulate(p, np.zeros((2, 3), np.int64), tmp_path)


def test_equal_functions_become_one(tmp_path) -> None:
    """Scopes in messages of failures do not count; other scopes, code, class and length do."""

    def function(name: str, scope: str, code: str, owner: str = "Vtop_a", write: str = "") -> str:
        begin = write or 'VL_WRITEF_NX("[%0t] %%Fatal: a.sv:1: %m'
        said = f'{begin}",1, \'M\',vlSymsp->name(),"{scope}");'
        return f"void {name}({owner}* vlSelf) {{\n    {said}\n    {code}\n}}\n"

    long = "vlSelf->a = 1;" * 200
    parts = [function("f0", "top.g[0]", long), function("f1", "top.g[1]", long)]
    parts += [function("f2", "top.g[2]", long + "b();"), function("g0", "top.l", long, "Vtop_b")]
    parts += [function("s0", "top.s[0]", "c();"), function("s1", "top.s[1]", "c();")]
    print_m = 'VL_FWRITEF_NX(file,"%m'
    parts += [function(f"p{n}", f"top.p[{n}]", "d();" * 500, write=print_m) for n in (0, 1)]
    file = tmp_path / "Vtop_a.cpp"
    file.write_text("\n".join(parts))
    assert shared_code.merge(tmp_path) == 1
    text = file.read_text()
    assert text.count(long) == 3
    assert "void f1(Vtop_a* vlSelf) {\n    f0(vlSelf);\n}" in text
    assert text.count("c();") == 2
    assert text.count("d();") == 1000


def test_large_machines_share_code() -> None:
    assert not shared_code.pays({"K": 2, "L": 2, "P": 4, "Q": 4})
    assert not shared_code.pays({})
    assert shared_code.pays({"K": 4, "L": 8, "P": 4, "Q": 4})
