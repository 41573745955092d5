# SPDX-License-Identifier: Apache-2.0
"""From a file to an image folder, as functions on one record, :class:`Build`.

:func:`build` and :func:`save` are behind ``scripts/gen_image.py``; runs of a build are in
:mod:`csb_rnn.verify`. All results are written beside their place first and moved there when they
are whole. Cycles are defined in :mod:`csb_rnn.flow.cycles`, the files by
:mod:`csb_rnn.flow.schema`.
"""

from csb_rnn.compiler import COMPILERS
from csb_rnn.flow.cycles import (
    LOOP_CYCLES,
    bound_cycles,
    frame_cycles,
    issue_cycles,
    ratio,
    recurrence_cycles,
    slot_cycles,
    steady_frames,
)
from csb_rnn.flow.engines import fixed_engine, float_engine
from csb_rnn.flow.files import (
    read_array,
    read_inputs,
    read_state,
    write_json,
)
from csb_rnn.flow.folder import load, save
from csb_rnn.flow.leaving import fitting
from csb_rnn.flow.manifest import PREDICTED_FRAMES
from csb_rnn.flow.record import Build, Options, Part, Source
from csb_rnn.flow.steps import BLOCKS, build, build_source, choose_block, finish
from csb_rnn.system.staging import check_out, staged

__all__ = [
    "BLOCKS",
    "COMPILERS",
    "LOOP_CYCLES",
    "PREDICTED_FRAMES",
    "Build",
    "Options",
    "Part",
    "Source",
    "bound_cycles",
    "build",
    "build_source",
    "check_out",
    "choose_block",
    "finish",
    "fitting",
    "fixed_engine",
    "float_engine",
    "frame_cycles",
    "issue_cycles",
    "load",
    "ratio",
    "read_array",
    "read_inputs",
    "read_state",
    "recurrence_cycles",
    "save",
    "slot_cycles",
    "staged",
    "steady_frames",
    "write_json",
]
