# SPDX-License-Identifier: Apache-2.0
"""A network that does not fit: each buffer is named, with how much it is over, and no word less."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from csb_rnn import compiler
from csb_rnn.machine import config, isa
from csb_rnn.models import quantise
from csb_rnn.program import assemble
from csb_rnn.program.program import CompileError
from csb_rnn.verify.random_layers import LayerCase

ROOT = Path(__file__).parents[2]
NUMBERS = re.compile(
    r"needs (\d+) words, configuration tiny has (\d+): (\d+) too many(; use a larger .*)?$"
)
CASE = LayerCase(seed=3, cell="gru", inputs=9, hidden=13, layers=2)

# parameter -> value too small, its name in the message, whether any number is legal
BUFFERS = {
    "weight_depth": (4, "the weight buffer of PEGroup (", True),
    "acc_depth": (4, "accumulators", False),
    "bias_depth": (4, "the bias buffer", True),
    "state_depth": (4, "the state memory", True),
    "neuron_depth": (16, "half of the neuron buffer", False),
    "drain_depth": (4, "the drain program", True),
    "elem_depth": (4, "the element program", True),
    "out_depth": (4, "the output buffer", True),
}


def refusal(**override: int) -> str:
    """The message of the compiler, empty if it takes the network."""
    c = config.load("tiny", **override)
    try:
        compiler.compile_network(quantise.quantise(CASE.network(), c), c)
    except CompileError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", BUFFERS)
def test_buffer_is_named_with_its_excess(name: str) -> None:
    small, what, any_number = BUFFERS[name]
    message = refusal(**{name: small})
    assert message.startswith(what)
    need, have, excess = (int(text) for text in NUMBERS.search(message).groups()[:3])
    assert have == (small // 2 if name == "neuron_depth" else small)
    assert excess == need - have
    if any_number and name != "weight_depth":  # there, other PEGroups may need more
        assert refusal(**{name: need}) == ""
        assert refusal(**{name: need - 1}).startswith(what)


def test_output_table_is_named() -> None:
    """One value a beat: more words in the table than in a half of the buffer."""
    assert refusal(out_depth=12, stream_w=16, x_per_cycle=1).startswith("the output table needs 13")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["prune.py", "none.pt"], "are required: --out"),
        (["prune.py", "none.pt", "--out", "x.pt"], "one of the arguments --rate --target-cycles"),
        (["synth.py", "--config", "huge"], "unknown configuration 'huge': known are tiny"),
        (["synth.py", "--target", "huge"], "invalid choice: 'huge'"),
        (["lint.py", "--no-such"], "--no-such"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_commands_say_it_in_one_line(command: list[str], message: str) -> None:
    script, *arguments = command
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / script, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch("error: .*\n", done.stderr)
    assert message in done.stderr


def test_reference_compiler_knows_no_shared_columns() -> None:
    c = config.load("tiny_cols")
    with pytest.raises(CompileError, match="configuration tiny_cols has shared_cols 2"):
        compiler.compile_network(quantise.quantise(CASE.network(), c), c, compiler="reference")


def test_a_field_that_the_compiler_does_not_know_is_refused(monkeypatch) -> None:
    """A new field of the instruction set is a line when something is built, and no wrong run."""
    c = config.load("tiny")
    program = compiler.compile_network(quantise.quantise(LayerCase(3).network(), c), c)
    field = isa.SectionField("new", 1, "for this test")
    monkeypatch.setattr(isa, "PE_ROW", (*isa.PE_ROW, field))
    with pytest.raises(CompileError, match="field 'new' of a PEGroup's section"):
        assemble.assemble(program)
