# SPDX-License-Identifier: Apache-2.0
"""Frames of both drivers are the integers of the quantiser, gains of input columns included."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

import csb_rnn
from csb_rnn.driver import Network
from csb_rnn.machine.folders import ROOT

C = ROOT / "drivers/c"
ENCODE = """
#include <stdio.h>
#include "network.h"
int main(void) {
  static float x[%d];
  static int16_t frame[%d];
  unsigned i;
  while (fread(x, sizeof x, 1, stdin) == 1) {
    printf("%%u", csb_encode(&csb_network_this, x, frame));
    for (i = 0; i < csb_in_values(&csb_network_this); i++) printf(" %%d", frame[i]);
    printf("\\n");
  }
  return 0;
}
"""


def encoded_in_c(folder: Path, x: np.ndarray, values: int) -> np.ndarray:
    """How many inputs saturated, then the values of the frame, for each frame of ``x``."""
    (folder / "say.c").write_text(ENCODE % (x.shape[1], values))
    command = ["gcc", "-std=c99", "-Wall", "-Werror", f"-I{C}", f"-I{folder}"]
    files = [str(folder / "say.c"), str(C / "csb_rnn.c")]
    subprocess.run([*command, *files, "-o", str(folder / "say")], check=True)
    done = subprocess.run(
        [str(folder / "say")], input=x.astype("<f4").tobytes(), capture_output=True, check=True
    )
    return np.array([line.split() for line in done.stdout.decode().splitlines()], np.int64)


@pytest.mark.parametrize("calibrated", [False, True])
def test_frames_are_those_of_the_quantiser(tmp_path: Path, seed, calibrated: bool) -> None:
    """Calibrated on columns that reach from 0.1 to 100, every column has a gain of its own."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    scale = np.geomspace(0.1, 100, 7) if calibrated else np.ones(7)
    x = np.float32(rng.normal(size=(50, 7)) * scale)
    samples = x if calibrated else None
    build = csb_rnn.build(torch.nn.GRU(7, 9), config="tiny", calibrate=samples, unchecked=True)
    build.save(tmp_path)
    n, q = Network.load(tmp_path), build.record.part.quantised
    assert (n.x_gain is not None) == (q.x_gain is not None) == calibrated
    x[-1] *= 1000  # saturates
    want = q.quantise_inputs(x)
    assert (n.encode(x)[:, : n.inputs] == want).all()
    got = encoded_in_c(tmp_path, x, n.in_values)
    assert (got[:, 1 : 1 + n.inputs] == want).all()
    assert got[-1, 0] > 0
    if calibrated:
        assert len(set(n.x_gain.tolist())) > 3
        assert not got[:-1, 0].any()
