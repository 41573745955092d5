# SPDX-License-Identifier: Apache-2.0
"""From a checkpoint to an image folder, as functions.

:func:`build_image` is behind ``scripts/gen_image.py``; runs of an image are in
:mod:`csb_rnn.verify`. All results are written beside their place first and moved there when they
are whole. Cycles are defined in :mod:`csb_rnn.flow.cycles`, the files by
:mod:`csb_rnn.flow.schema`.
"""

from csb_rnn.compiler import COMPILERS
from csb_rnn.flow.building import (
    BLOCKS,
    Image,
    build_image,
    choose_block,
    load_image,
    make_image,
    memory_files,
    read_manifest,
)
from csb_rnn.flow.cycles import (
    LOOP_CYCLES,
    frame_cycles,
    issue_cycles,
    ratio,
    recurrence_cycles,
    steady_frames,
)
from csb_rnn.flow.files import check_out, read_array, read_state, staged, write_json
from csb_rnn.flow.manifest import PREDICTED_FRAMES, make_manifest

__all__ = [
    "BLOCKS",
    "COMPILERS",
    "LOOP_CYCLES",
    "PREDICTED_FRAMES",
    "Image",
    "build_image",
    "check_out",
    "choose_block",
    "frame_cycles",
    "issue_cycles",
    "load_image",
    "make_image",
    "make_manifest",
    "memory_files",
    "ratio",
    "read_array",
    "read_manifest",
    "read_state",
    "recurrence_cycles",
    "staged",
    "steady_frames",
    "write_json",
]
