# SPDX-License-Identifier: Apache-2.0
"""The whole path as functions: checkpoint -> image folder -> run on the RTL -> report.

:func:`build_image` and :func:`run` are what ``scripts/gen_image.py`` and ``scripts/simulate.py``
call; :func:`compare` and :func:`report` are the parts that other jobs share. All results are
written beside their place first and moved there when they are whole.

Figures are defined in one place each: cycles in :mod:`golden.flow.cycles`, efficiencies by
:func:`report`, the files by :mod:`golden.schema`.
"""

from golden.compiler import COMPILERS
from golden.flow.building import (
    BLOCKS,
    Image,
    build_image,
    choose_block,
    load_image,
    make_image,
    memory_files,
)
from golden.flow.comparing import (
    SIM_BEATS,
    SIM_FRAMES,
    SIM_IMAGE_WORDS,
    STALLS,
    Comparison,
    check_size,
    compare,
    image_words,
    is_equal,
    judge,
    merge,
    report,
)
from golden.flow.cycles import (
    LOOP_CYCLES,
    frame_cycles,
    issue_cycles,
    ratio,
    recurrence_cycles,
    steady_frames,
)
from golden.flow.files import (
    read_array,
    read_state,
    staged,
    write_json,
)
from golden.flow.manifest import (
    PREDICTED_FRAMES,
    make_manifest,
)
from golden.flow.running import (
    interleave,
    run,
)

__all__ = [
    "BLOCKS",
    "COMPILERS",
    "LOOP_CYCLES",
    "PREDICTED_FRAMES",
    "SIM_BEATS",
    "SIM_FRAMES",
    "SIM_IMAGE_WORDS",
    "STALLS",
    "Comparison",
    "Image",
    "build_image",
    "check_size",
    "choose_block",
    "compare",
    "frame_cycles",
    "image_words",
    "interleave",
    "is_equal",
    "issue_cycles",
    "judge",
    "load_image",
    "make_image",
    "make_manifest",
    "memory_files",
    "merge",
    "ratio",
    "read_array",
    "read_state",
    "recurrence_cycles",
    "report",
    "run",
    "staged",
    "steady_frames",
    "write_json",
]
