# SPDX-License-Identifier: Apache-2.0
"""Whether a mutant is the same circuit: Yosys compares it with the original."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from csb_rnn.experiments.silicon.synthesis import run_yosys
from csb_rnn.machine import design

LIMIT = 25  # seconds of a proof; a longer one proves nothing
SCRIPT = """
    read_slang --threads 1 --top {top} {generics} {includes} {before}
    prep -flatten -top {top}
    memory_map
    opt -full
    rename {top} gold
    design -stash gold
    read_slang --threads 1 --top {top} {generics} {includes} {after}
    prep -flatten -top {top}
    memory_map
    opt -full
    rename {top} gate
    design -stash gate
    design -copy-from gold -as gold gold
    design -copy-from gate -as gate gate
    equiv_make gold gate equiv
    hierarchy -top equiv
    async2sync
    equiv_simple -undef
    equiv_induct -undef
    equiv_status -assert
"""


def equal(module: str, file: Path, text: str, parameters: Mapping[str, int], folder: Path) -> bool:
    """Whether a module with another text of one of its files is the same circuit.

    Args:
        module: the top.
        file: of the design, changed.
        text: its new text.
        parameters: of the module.
        folder: for the files of Yosys.
    """
    folder.mkdir(parents=True, exist_ok=True)
    changed = folder / file.name
    changed.write_text(text)
    before = design.needed_sources(module)
    after = [changed if source == file else source for source in before]
    script = folder / f"{module}_equal"
    Path(f"{script}.ys").write_text(
        SCRIPT.format(
            top=module,
            generics=" ".join(f"-G {name}={value}" for name, value in parameters.items()),
            includes=" ".join(f"-I {include}" for include in design.file_list()[1]),
            before=" ".join(map(str, before)),
            after=" ".join(map(str, after)),
        )
    )
    try:
        run_yosys(script, LIMIT)
    except (RuntimeError, subprocess.TimeoutExpired):
        return False
    return True
