# SPDX-License-Identifier: Apache-2.0
"""From a checkpoint to an image folder, and back into memory."""

from __future__ import annotations

import dataclasses
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from csb_rnn import untrusted
from csb_rnn.compiler import compile_network
from csb_rnn.errors import UsageError
from csb_rnn.execution import timing
from csb_rnn.execution.listing import listing
from csb_rnn.flow import schema
from csb_rnn.flow.files import check_out, locked, read_state, sha256, staged, write_json
from csb_rnn.flow.manifest import derived, make_manifest
from csb_rnn.machine import config, image
from csb_rnn.machine.config import Config
from csb_rnn.models import quantise
from csb_rnn.models.quantise import QNetwork
from csb_rnn.network.checkpoint import Checkpoint
from csb_rnn.network.network import Network
from csb_rnn.network.read import read_model
from csb_rnn.program import archive, assemble
from csb_rnn.program.program import CompileError, Program

FILE_NAME = re.compile(r"[a-z0-9_]{1,64}\.[a-z]{1,8}")  # of a file of an image
FILE_LIMIT = 1 << 28  # bytes of one
BLOCKS = (8, 16, 32, 64, 128)  # that are tried if the pattern's is unknown


def choose_block(block: str | int, c: Config, csb: Mapping[str, Any]) -> int | None:
    """Side of the blocks of the pattern: the dealing keeps units of a block together, and the
    statistics are about them. ``auto``: that of the checkpoint's metadata; None if it has none.

    Raises:
        CompileError: larger than the configuration's ``max_block``, or no positive number.
    """
    if block == "auto":
        chosen = csb.get("block")
    elif str(block).isdecimal() and int(block) > 0:
        chosen = int(block)
    else:
        raise CompileError(f"block '{block}': expected a positive number or auto")
    if chosen is not None and chosen > c.max_block:
        raise CompileError(
            f"block {chosen} is larger than max_block {c.max_block} of configuration {c.name}"
        )
    return chosen


def _fastest(
    q: QNetwork, c: Config, streams: int, sharing: str, block: int | None, compiler: str
) -> tuple[Program, int]:
    """The program for a block size, or for the one that costs fewest cycles if it is unknown; and
    that size."""
    sizes = [block] if block else [n for n in BLOCKS if n <= c.max_block]
    programs = [compile_network(q, c, streams, sharing, n, compiler) for n in sizes]
    if len(programs) == 1:
        return programs[0], sizes[0]

    def interval(choice: tuple[Program, int]) -> float:
        return timing.interval(timing.predict(choice[0], 8 * streams).last_out)

    return min(zip(programs, sizes, strict=True), key=interval)


@dataclasses.dataclass(frozen=True)
class Image:
    """An image folder in memory; ``initial`` is the state that a run starts from, zero if None."""

    manifest: dict[str, Any]
    program: Program
    network: QNetwork
    data: bytes
    initial: Mapping[str, ArrayLike] | None = None


def build_image(
    checkpoint_path: str | Path,
    config_name: str | Config,
    out_dir: str | Path | None = None,
    *,
    block: str | int = "auto",
    sharing: str | None = None,
    compiler: str = "default",
    streams: int = 1,
    calibrate: ArrayLike | None = None,
    prefix: str | None = None,
) -> Image:
    """From a checkpoint to an image, written to a folder if one is named.

    The folder gets ``manifest.json``, ``image.bin`` (what the load port takes), ``image.memh``
    (the same for $readmemh, 32 bits a line), one ``$readmemh`` file for each program and weight
    memory in ``*.memh``, ``listing.txt``, and ``program.npz`` and ``network.npz`` for the models.

    Args:
        checkpoint_path: state dict (:mod:`csb_rnn.network.checkpoint`), ONNX or description file,
            of a model of one direction; :mod:`csb_rnn.verify.directions` builds the others.
        config_name: a named configuration, or one.
        out_dir: the folder; None writes nothing.
        block: block size of the pattern; ``auto``: see :func:`choose_block`, and if that does not
            know either, the one that costs fewest cycles.
        sharing: one of ``csb_rnn.machine.config.SHARING``; None for what the configuration has.
        compiler: one of ``csb_rnn.compiler.COMPILERS``.
        streams: independent streams, 1 to 8.
        calibrate: float inputs ``[..., frames, inputs]`` that set the formats.
        prefix: name prefix of the recurrent module in the checkpoint.

    Raises:
        CheckpointError, NetworkError, QuantError, CompileError, ConfigError, UsageError: bad
            input; nothing is written.
    """
    path = Path(checkpoint_path)
    c = config.load(config_name) if isinstance(config_name, str) else config_name
    model, checkpoint = read_model(path, prefix)
    if model.single is None:
        raise UsageError(f"{path}: runs in both directions, one image has one")
    return make_image(
        model.single,
        c,
        out_dir,
        source=path,
        checkpoint=checkpoint,
        block=block,
        sharing=sharing,
        compiler=compiler,
        streams=streams,
        calibrate=calibrate,
        initial=model.initial,
    )


def make_image(
    network: Network,
    c: Config,
    out_dir: str | Path | None = None,
    *,
    source: Path,
    q: QNetwork | None = None,
    checkpoint: Checkpoint | None = None,
    cell: str | None = None,
    block: str | int = "auto",
    sharing: str | None = None,
    compiler: str = "default",
    streams: int = 1,
    calibrate: ArrayLike | None = None,
    initial: Mapping[str, ArrayLike] | None = None,
) -> Image:
    """The image of a network; arguments as :func:`build_image`, and

    Args:
        source: file that the network was read from.
        q: the network in integers; made here if None.
        checkpoint: where the network is from, if it is one.
        cell: name of the cell in the manifest; the checkpoint's or the first layer's if None.
        initial: states that a run starts from unless told otherwise, ``initial.npz`` in the
            folder; zero if empty.
    """
    if out_dir is not None:
        check_out(Path(out_dir))
    chosen = c.choose_sharing(sharing)
    block_size = choose_block(block, c, {"block": network.block})
    samples = None if calibrate is None else np.asarray(calibrate)
    if q is None:
        q = quantise.quantise(network, c, samples, initial)
    if cell is None:
        cell = checkpoint.cell if checkpoint is not None else network.layers[0].cell.name
    p, dealt = _fastest(q, c, streams, chosen, block_size, compiler)
    data = assemble.assemble(p)

    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch)
        (made / "image.bin").write_bytes(data)
        (made / "image.memh").write_text(image.memh(data))
        for name, text in memory_files(c, data).items():
            (made / name).write_text(text)
        (made / "listing.txt").write_text(listing(p))
        archive.save_program(made / "program.npz", p)
        archive.save_network(made / "network.npz", q)
        if initial:
            np.savez(made / "initial.npz", **{k: np.float32(v) for k, v in initial.items()})
        manifest = make_manifest(
            network,
            q,
            p,
            data,
            checkpoint=checkpoint,
            cell=cell,
            block=block_size,
            dealt_block=dealt,
            sharing=chosen,
            compiler=compiler,
            source={"name": source.name, "sha256": sha256(source.read_bytes())},
            calibrate=samples,
            files={f.name: sha256(f.read_bytes()) for f in sorted(made.iterdir())},
        )
        write_json(made / "manifest.json", manifest, schema.MANIFEST)
        if out_dir is not None:
            with staged(Path(out_dir), "manifest.json", _files_of) as folder:
                shutil.copytree(made, folder, dirs_exist_ok=True)
    return Image(manifest, p, q, data, initial or None)


def _files_of(folder: Path) -> set[str]:
    """Files of the image that a folder holds; none if it holds no image."""
    try:
        names = untrusted.parse_json(untrusted.read_text(folder / "manifest.json"))["files"]
        return {name for name in names if FILE_NAME.fullmatch(name)}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def memory_files(c: Config, data: bytes) -> dict[str, str]:
    """``$readmemh`` text of every memory that an image fills, one memory word a line, by file
    name: ``pegroup_3.memh``, ``drain.memh``, ..."""
    widths, files = image.memories(c), {}
    for s in image.unpack(c, data):
        width, _, count = widths[s.target]
        digits = -(-width // 4)
        name = s.target.name.lower() + (f"_{s.index}" if count > 1 else "")
        files[f"{name}.memh"] = "".join(f"{w:0{digits}x}\n" for w in s.words)
    return files


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder, of either kind, as its schema says.

    Raises:
        UsageError: there is none, or it is another file.
    """
    path = folder / "manifest.json"
    if not path.is_file():
        raise UsageError(f"{folder}: no image folder, it has no manifest.json")
    try:
        manifest = untrusted.parse_json(untrusted.read_text(path))
        schema.check(manifest, {"schema": int, "kind": str})
        kinds = {"image": schema.MANIFEST, "model": schema.MODEL}
        if manifest["schema"] != schema.VERSION or manifest["kind"] not in kinds:
            raise schema.SchemaError(f"expected an image of schema {schema.VERSION}")
        schema.check(manifest, kinds[manifest["kind"]])
    except (untrusted.FileError, schema.SchemaError) as error:
        raise UsageError(f"{path}: {error}") from None
    return manifest


def _read_files(folder: Path, sums: Mapping[str, Any]) -> dict[str, bytes]:
    """The files of an image that are used, each the one whose SHA-256 the manifest has."""
    names = ["image.bin", "program.npz", "network.npz"]
    found = {}
    for name in names + [n for n in ("initial.npz",) if n in sums]:
        file = folder / name
        try:
            found[name] = untrusted.read_bytes(file, FILE_LIMIT)
        except untrusted.FileError as error:
            raise UsageError(f"{file}: {error}") from None
        if sha256(found[name]) != sums.get(name):
            raise UsageError(f"{file}: is not the file that manifest.json describes")
    return found


def load_image(folder: str | Path) -> Image:
    """Read an image folder, of which nothing is trusted.

    ``network.npz`` is checked number by number and compiled again; program, image and all of the
    manifest that follows from them have to be what comes out.

    Raises:
        UsageError, StoreError, ConfigError, CompileError, QuantError: it is none, a file is
            missing or was changed, or one contradicts another.
    """
    folder = Path(folder)
    with locked(folder, shared=True):
        manifest = read_manifest(folder)
        if manifest["kind"] != "image":
            raise UsageError(f"{folder}/manifest.json: expected an image, not a model")
        files = _read_files(folder, manifest["files"])
    where = f"{folder}/manifest.json"
    try:
        c = config.from_fields(manifest["config"])
        chosen = c.choose_sharing(manifest["sharing"])
    except config.ConfigError as error:
        raise UsageError(f"{where}: config: {error}") from None
    if manifest["dealt_block"] > c.max_block:
        raise UsageError(f"{where}: dealt_block: {manifest['dealt_block']} is above max_block")
    q = archive.load_network(folder / "network.npz", files["network.npz"])
    q.check_config(c)
    p = compile_network(
        q, c, manifest["streams"], chosen, manifest["dealt_block"], manifest["compiler"]
    )
    archive.check_program(folder / "program.npz", files["program.npz"], p)
    data = files["image.bin"]
    if assemble.assemble(p) != data:
        raise UsageError(f"{folder}: image.bin is not the image of program.npz")
    for key, value in derived(q, p, data).items():
        if manifest[key] != untrusted.plain_json(value):
            raise UsageError(f"{where}: {key}: is not that of the image")
    initial = None
    if "initial.npz" in files:
        initial = read_state(folder / "initial.npz", files["initial.npz"])
        q.quantise_state(initial)
    return Image(manifest, p, q, data, initial)
