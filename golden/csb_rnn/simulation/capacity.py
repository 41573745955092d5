# SPDX-License-Identifier: Apache-2.0
"""How large a run the simulation top holds, by simulator."""

from __future__ import annotations

from csb_rnn.errors import UsageError
from csb_rnn.machine import image
from csb_rnn.machine.config import Config
from csb_rnn.program.program import Program

# Capacity of one run. These are the only depths of the memories in csb_sim_top.sv: see depths().
SIM_FRAMES = 1 << 16
SIM_BEATS = {"verilator": 1 << 18, "icarus": 1 << 15}
SIM_IMAGE_WORDS = {"verilator": 1 << 20, "icarus": 1 << 17}  # at least


def image_words(c: Config, sim: str) -> int:
    """Words of the image memory of the simulation top: on Verilator any image fits, Icarus takes
    long to allocate memories."""
    if sim == "icarus":
        return SIM_IMAGE_WORDS[sim]
    largest = sum(
        image.stream_words(bits) * n * count for bits, n, count in image.memories(c).values()
    )
    return max(SIM_IMAGE_WORDS[sim], 1 << largest.bit_length())


def depths(c: Config, sim: str) -> dict[str, int]:
    """Depths of the memories of csb_sim_top.sv, by parameter; every build of it gets them.

    Example: ``tiny`` on Icarus, {"ImageDepth": 131072, "BeatDepth": 32768, "FrameDepth": 65536}.
    """
    return {
        "ImageDepth": image_words(c, sim),
        "BeatDepth": SIM_BEATS[sim],
        "FrameDepth": SIM_FRAMES,
    }


def check_size(p: Program, frames: int, sim: str) -> None:
    """Refuse a run beyond the simulation top.

    Raises:
        UsageError: it has too many frames or beats.
    """
    if sim not in SIM_BEATS:
        raise UsageError(f"unknown simulator '{sim}': known are {', '.join(SIM_BEATS)}")
    limit = min(SIM_FRAMES, SIM_BEATS[sim] // max(p.in_beats, p.out_beats))
    if frames > limit:
        raise UsageError(
            f"{frames} frames: {sim} runs {limit} of this size at once; cut the inputs in pieces "
            "and start each from the state.npz of the one before"
        )
