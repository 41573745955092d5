# SPDX-License-Identifier: Apache-2.0
"""Folders of images: a build written, and read back by somebody who trusts nothing in them.

A folder of one image holds ``manifest.json``, ``image.bin`` (the load port takes it),
``image.memh`` (the same for $readmemh, 32 bits a line: simulations load it, the model of a board's
flash too), ``network.h`` (the same, with sizes, number formats and states, for the C driver),
``listing.txt``, and ``program.npz``, ``network.npz`` and ``float.npz`` for the models. A model of
several parts is a folder with a ``manifest.json`` of its own and such a folder for each part.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn.compiler import compile_network
from csb_rnn.errors import UsageError
from csb_rnn.execution.listing import listing
from csb_rnn.flow import float_file, host, schema
from csb_rnn.flow.files import npz, read_state, sha256, write_json
from csb_rnn.flow.manifest import derived, image_manifest, model_manifest
from csb_rnn.flow.network_header import network_header
from csb_rnn.flow.record import Build, Options, Part
from csb_rnn.machine import config, config_ranges, image
from csb_rnn.program import archive, assemble
from csb_rnn.system import untrusted
from csb_rnn.system.staging import locked, staged

FILE_NAME = re.compile(r"[a-z0-9_]{1,64}\.[a-z]{1,8}")  # of a file of an image
FILE_LIMIT = 1 << 28  # bytes of one
MOST_PARTS = 64  # of a model


# --- writing ----------------------------------------------------------------------------------


def contents(build: Build, part: Part) -> dict[str, bytes]:
    """The files of the folder of a part, but for its manifest, by name."""
    program, name = part.compiled(), "this" if build.single else part.name
    files = {
        "image.bin": part.data,
        "image.memh": image.memh(part.data).encode(),
        "network.h": network_header(program, part.data, name).encode(),
        "listing.txt": listing(program).encode(),
        "program.npz": archive.program_bytes(program),
        "network.npz": archive.network_bytes(part.quantised),
    }
    if part.initial:
        files["initial.npz"] = npz({k: np.float32(v) for k, v in part.initial.items()})
    if part.network is not None:
        files[float_file.NAME] = float_file.pack(part.network)
    return files


def _write_part(build: Build, part: Part, folder: Path) -> dict[str, Any]:
    """Write the folder of a part; returns its manifest."""
    files = contents(build, part) | (host.files(build.host) if build.host and build.single else {})
    for name, data in files.items():
        (folder / name).write_bytes(data)
    sums = {name: sha256(data) for name, data in sorted(files.items())}
    manifest = image_manifest(build, part, sums) | (_notes(build) if build.single else {})
    write_json(folder / "manifest.json", manifest, schema.MANIFEST)
    return manifest


def _notes(build: Build) -> dict[str, Any]:
    """Entries of the manifest of the whole, beside those about images."""
    around = {} if build.host is None else {"host": host.record(build.host)}
    return {**build.notes, **around}


def _files_of(folder: Path) -> set[str]:
    """Files of the image in a folder; none if it holds no image."""
    try:
        manifest = untrusted.parse_json(untrusted.read_text(folder / "manifest.json"))
        names = [*manifest.get("files", {}), *manifest.get("host", {}).get("files", {})]
        return {name for name in names if FILE_NAME.fullmatch(name)}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def save(build: Build, out: str | Path) -> dict[str, Any]:
    """Write a build as a folder, which appears whole or not at all.

    Returns:
        The manifest, of kind ``image`` or ``model``.

    Raises:
        UsageError, OSError: the folder cannot be written.
    """
    with staged(Path(out), "manifest.json", _files_of) as folder:
        if build.single:
            return _write_part(build, build.part, folder)
        manifests = []
        for part in build.parts:
            (folder / part.name).mkdir()
            manifests.append(_write_part(build, part, folder / part.name))
        around = {} if build.host is None else host.files(build.host)
        for name, data in around.items():
            (folder / name).write_bytes(data)
        manifest = model_manifest(build, manifests) | _notes(build)
        write_json(folder / "manifest.json", manifest, schema.MODEL)
        return manifest


# --- reading ----------------------------------------------------------------------------------


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
    """The used files of an image, each with the SHA-256 of the manifest."""
    names = ["image.bin", "program.npz", "network.npz"]
    found = {}
    for name in names + [n for n in ("initial.npz", float_file.NAME) if n in sums]:
        file = folder / name
        try:
            found[name] = untrusted.read_bytes(file, FILE_LIMIT)
        except untrusted.FileError as error:
            raise UsageError(f"{file}: {error}") from None
        if sha256(found[name]) != sums.get(name):
            raise UsageError(f"{file}: is not the file that manifest.json describes")
    return found


def _read_image(folder: Path) -> Build:
    """A folder of one image; see :func:`load`."""
    with locked(folder, shared=True):
        manifest = read_manifest(folder)
        if manifest["kind"] != "image":
            raise UsageError(f"{folder}/manifest.json: expected an image, not a model")
        files = _read_files(folder, manifest["files"])
    where = f"{folder}/manifest.json"
    try:
        c = config.from_fields(manifest["config"])
        chosen = c.choose_sharing(manifest["sharing"])
    except config_ranges.ConfigError as error:
        raise UsageError(f"{where}: config: {error}") from None
    dealt = manifest["dealt_block"]
    if dealt > c.max_block:
        raise UsageError(f"{where}: dealt_block: {dealt} is above max_block")
    q = archive.load_network(folder / "network.npz", files["network.npz"])
    q.check_config(c)
    options = Options(
        block=manifest["block"] or "auto",
        sharing=chosen,
        compiler=manifest["compiler"],
        streams=manifest["streams"],
    )
    program = compile_network(q, c, options.streams, chosen, dealt, options.compiler)
    archive.check_program(folder / "program.npz", files["program.npz"], program)
    initial: dict[str, np.ndarray] = {}
    if "initial.npz" in files:
        initial = read_state(folder / "initial.npz", files["initial.npz"])
        q.quantise_state(initial)
    floats = None
    if float_file.NAME in files:
        floats = float_file.unpack(folder / float_file.NAME, files[float_file.NAME], q)
    sections = assemble.sections(program)
    part = Part(
        number=0,
        reverse=False,
        first=0,
        frac=q.out_frac,
        quantised=q,
        network=floats,
        initial=initial,
        program=program,
        block=manifest["block"],
        dealt_block=dealt,
        sections=tuple(sections),
        data=image.pack(c, sections),
        manifest=manifest,
    )
    if part.data != files["image.bin"]:
        raise UsageError(f"{folder}: image.bin is not the image of program.npz")
    for key, value in derived(part).items():
        if manifest[key] != untrusted.plain_json(value):
            raise UsageError(f"{where}: {key}: is not that of the image")
    return Build(c, options, parts=(part,))


def _read_model(folder: Path, manifest: Mapping[str, Any]) -> Build:
    """A folder of several images, if they fit each other; see :func:`load`."""
    where, wanted = f"{folder}/manifest.json", manifest["parts"]

    def need(good: bool, text: str) -> None:
        if not good:
            raise UsageError(f"{where}: {text}")

    need(0 < len(wanted) <= MOST_PARTS, f"parts: {len(wanted)}, expected 1 to {MOST_PARTS}")
    builds: list[Build] = []
    parts: list[Part] = []
    for entry in wanted:
        places = {"number": entry["span"], "reverse": entry["reverse"]}
        name = f"span{entry['span']}{'_reverse' if entry['reverse'] else ''}"
        taken = {part.name for part in parts}
        need(entry["folder"] == name and name not in taken, f"parts: expected one called {name}")
        builds.append(_read_image(folder / name))
        places |= {"first": entry["first"], "frac": entry["frac"]}
        parts.append(dataclasses.replace(builds[-1].part, **places))
    whole = Build(builds[0].config, builds[0].options, parts=tuple(parts))
    numbers = sorted({part.number for part in parts})
    need(numbers == list(range(len(numbers))), "parts: a span is missing")
    inputs, layers = manifest["inputs"], 0
    for span in whole.spans:
        frac = min(part.quantised.out_frac for part in span)
        depth = len(span[0].quantised.layers)
        for part in span:
            need(part.quantised.inputs == inputs, f"parts: {part.name} has other inputs")
            need(len(part.quantised.layers) == depth, "parts: of different depth")
            need((part.first, part.frac) == (layers, frac), "parts: first or frac is wrong")
        inputs = sum(part.quantised.outputs for part in span)
        layers += depth
    need(manifest["outputs"] == inputs, "outputs: is not that of the last span")
    for part in parts:
        for key in ("config", "streams"):
            held = part.manifest
            need(held is not None and held[key] == manifest[key], f"{key}: not that of the parts")
    return whole


def load(folder: str | Path) -> Build:
    """Read a folder of :func:`save`, of which nothing is trusted.

    ``network.npz`` is checked number by number and compiled again; program, image and all of the
    manifest behind them have to be equal to the result.

    Raises:
        UsageError, StoreError, ConfigError, CompileError, QuantError: it is none, a file is
            missing or was changed, or one contradicts another.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    image_only = manifest["kind"] == "image"
    build = _read_image(folder) if image_only else _read_model(folder, manifest)
    notes: dict[str, Any] = {k: manifest[k] for k in ("source_check", "unused") if k in manifest}
    model = float_file.model_of(build.parts)
    return dataclasses.replace(build, model=model, host=host.load(folder, manifest), notes=notes)
