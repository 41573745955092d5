# SPDX-License-Identifier: Apache-2.0
"""What tests of several rooms share."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

from csb_rnn import flow
from csb_rnn.machine.config import Config
from csb_rnn.models.integer_network import QNetwork
from csb_rnn.program.program import Program


@dataclasses.dataclass(frozen=True)
class Image:
    """An image folder, and the record that it was written from."""

    manifest: dict[str, Any]
    program: Program
    network: QNetwork
    data: bytes


def build_image(source: Path, c: str | Config, folder: Path | None = None, **options: Any) -> Image:
    """The image of a file of one direction, written to a folder (a temporary one if None)."""
    build = flow.build(source, c, **options)
    part = build.part
    with tempfile.TemporaryDirectory() as scratch:
        manifest = flow.save(build, folder or Path(scratch) / "image")
    return Image(manifest, part.compiled(), part.quantised, part.data)
