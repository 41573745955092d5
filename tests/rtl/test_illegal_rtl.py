# SPDX-License-Identifier: Apache-2.0
"""Illegal images on the machine: see tb/test_illegal.py. CSB_ILLEGAL=1000 draws so many, not 40."""

import json
import os
import random
from collections import Counter
from pathlib import Path

import numpy as np

from csb_rnn import compiler
from csb_rnn.machine import config, image
from csb_rnn.machine.image import Target
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.program import assemble
from csb_rnn.simulation.launcher import run
from csb_rnn.verify.random_layers import LayerCase
from tb.lib import illegal

CASES = (
    LayerCase(seed=5, cell="gru", inputs=7, hidden=5),
    LayerCase(seed=6, cell="lstm", inputs=5, hidden=4, layers=2),
    LayerCase(seed=7, cell="linear", inputs=9, hidden=6, density=0.6),
)
#: As in tests/test_top_rtl.py, whose build Verilator shares.
SHALLOW = {"neuron_depth": 128, "acc_depth": 128, "bias_depth": 64, "state_depth": 64}
#: Icarus loads every word of its memories once, so none is X.
PROGRAMS = {"weight_depth": 128, "drain_depth": 32, "elem_depth": 64, "out_depth": 8}
DRAWN = int(os.environ.get("CSB_ILLEGAL", "40"))


def filler(c: config.Config, rng: random.Random) -> bytes:
    """An image of random words in all memories that a load does not clear."""
    sections = []
    for target, (width, depth, count) in image.memories(c).items():
        words = [rng.getrandbits(width) | 1 for _ in range(depth)]
        if target is Target.CONFIG:
            words = [high for _, high in image.config_limits(c).values()]
        if target not in (Target.BIAS, Target.STATE):
            sections += [image.section(c, target, words, index) for index in range(count)]
    return image.pack(c, sections)


def write_job(folder: Path, overrides: dict[str, int], drawn: int, seed: int) -> None:
    """Legal networks and illegal images, as tb/test_illegal.py reads them."""
    c = config.load("tiny", **overrides)
    legal = []
    for n, case in enumerate(CASES):
        qnet, _ = case.make(c)
        program = compiler.compile_network(qnet, c)
        x = qnet.quantise_inputs(case.frames(3))
        y, _ = FixedModel(qnet, c).run(x)
        legal.append(assemble.sections(program))
        data = np.frombuffer(image.pack(c, legal[-1]), np.uint8)
        np.savez(folder / f"good{n}.npz", x=x, y=y, image=data)
    images, data = [], b""
    for n in range(drawn):
        rng = random.Random(seed * 1_000_003 + n)
        good = rng.randrange(len(legal))
        recipe, drawn_image = illegal.draw(c, rng, [legal[good]])
        name = f"{n} {CASES[good].cell} {recipe}"
        images.append({"name": name, "good": good, "bytes": len(drawn_image), "seed": n})
        data += drawn_image
    job = {"config": "tiny", "overrides": overrides, "images": images}
    (folder / "cases.json").write_text(json.dumps(job))
    (folder / "cases.bin").write_bytes(data)
    small = filler(c, random.Random(seed)) if "weight_depth" in overrides else image_of(legal[0], c)
    (folder / "filler.bin").write_bytes(small)


def image_of(sections: list[image.Section], c: config.Config) -> bytes:
    return image.pack(c, sections)


def test_illegal_images(sim: str, tmp_path: Path, seed: int) -> None:
    """None ends in silence, and after each a good image works without a reset."""
    overrides = SHALLOW if sim == "verilator" else SHALLOW | PROGRAMS
    drawn = DRAWN if sim == "verilator" else max(10, DRAWN // 10)
    write_job(tmp_path, overrides, drawn, seed)
    run(
        "csb_top",
        "tb.test_illegal",
        sim=sim,
        parameters=image.all_parameters(config.load("tiny", **overrides)),
        plus_args=["+any_program"],
        extra_env={"CSB_JOB": str(tmp_path)},
    )
    outcomes = json.loads((tmp_path / "outcomes.json").read_text())
    assert len(outcomes) == drawn
    print(sim, dict(Counter(o["outcome"] for o in outcomes).most_common()))
