# SPDX-License-Identifier: Apache-2.0
"""The manifest of an image folder: formats, pattern, contents, predictions.

Example: ``predicted.cycles_per_frame`` of z2_gru on ``small`` is 162.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from csb_rnn.execution import timing
from csb_rnn.flow import schema
from csb_rnn.flow.cycles import issue_cycles, ratio, recurrence_cycles
from csb_rnn.flow.record import Build, Part
from csb_rnn.machine import image
from csb_rnn.machine.config import Config
from csb_rnn.machine.image import Section
from csb_rnn.machine.numerics import Saturations
from csb_rnn.models import bounds
from csb_rnn.models.integer_network import QNetwork
from csb_rnn.network.checkpoint import Checkpoint
from csb_rnn.network.kernels import kernel_stats
from csb_rnn.network.network import Network
from csb_rnn.program.program import Program

PREDICTED_FRAMES = 240  # of the manifest's interval: enough for its definition


def _matrices(network: Network, checkpoint: Checkpoint | None) -> Iterator[np.ndarray]:
    """Weight matrices as blocks cut them: a checkpoint's in the order of its metadata, else the
    gates of each input of a layer stacked."""
    if checkpoint is None:
        for la in network.layers:
            for v in la.inputs:
                yield np.concatenate([w for (_, i), w in la.weights.items() if i == v])
        return
    for name in checkpoint.matrices():
        w = checkpoint.tensors[name]
        for axis, order in enumerate(("row_order", "col_order")):
            places = (checkpoint.csb.get(order) or {}).get(name)
            w = w if places is None else np.take(w, places, axis=axis)
        yield w


def _pattern(
    network: Network, checkpoint: Checkpoint | None, block: int | None, c: Config
) -> dict[str, Any]:
    """The cost of the pattern in the CSB format."""
    matrices = list(_matrices(network, checkpoint))
    weights, kept = sum(w.size for w in matrices), network.kept_weights
    out: dict[str, Any] = {
        "weights": weights,
        "rate": weights / kept if kept else None,
        "weight_bits": kept * c.weight_w,
        "nio": None,
        "index_bits": None,
        "size_bits": None,
        "note": "the block is unknown: name one for the statistics of its kernels",
    }
    if block is None:
        return out
    entries = index = size = 0
    for w in matrices:
        stats = kernel_stats(w, block, c.weight_w)
        entries, index, size = (
            entries + stats.index_entries,
            index + stats.index_bits,
            size + stats.size_bits,
        )
    return out | {
        "nio": entries / kept if kept else None,
        "index_bits": index,
        "size_bits": size,
        "note": "",
    }


def _image_contents(p: Program, sections: Iterable[Section], data: bytes) -> dict[str, Any]:
    """Contents of the image: memory words and bits by target, and use of the weight slots."""
    c = p.config
    widths = image.memories(c)
    count: Counter[str] = Counter()
    words: Counter[str] = Counter()
    bits: Counter[str] = Counter()
    for s in sections:
        name = s.target.name.lower()
        count[name] += 1
        words[name] += len(s.words)
        bits[name] += len(s.words) * widths[s.target][0]
    slots = sum(len(g) for g in p.groups) * c.P * c.Q
    address = slots // c.shared_cols * (c.neuron_aw + c.side_w)
    return {
        "bytes": len(data),
        "words": len(data) // 4,
        "crc": zlib.crc32(data[:-4]),
        "sections": {
            n: {"sections": count[n], "words": words[n], "bits": bits[n]} for n in sorted(count)
        },
        "weight_slots": {
            "slots": slots,
            "used": sum(int(np.count_nonzero(g.pe["w"])) for g in p.groups),
            "weight_bits": slots * c.weight_w,
            "address_bits": address,
            "control_bits": bits["pegroup"] - slots * c.weight_w - address,
        },
    }


def _vectors(q: QNetwork) -> list[dict[str, dict[str, Any]]]:
    """For each layer and neuron vector: the bound by its cell, the limit of the format."""
    out = []
    for la in q.layers:
        of_cell = bounds.vector_bounds(la.cell)
        found = {}
        for n in la.cell.elems:
            if n.vector is None and not n.output:
                continue
            name, bound = n.vector or "out", of_cell[n.name]
            limit = 2.0 ** (15 - la.fracs[name])
            found[name] = {
                "bound": bound if np.isfinite(bound) else None,
                "limit": limit,
                "may_saturate": bool(bound > limit),
            }
        out.append(found)
    return out


def derived(part: Part) -> dict[str, Any]:
    """The part of a manifest derived from the contents of the folder alone: the reader of a
    folder makes it again and compares."""
    q, p = part.quantised, part.compiled()
    c = p.config
    return {
        "config": dataclasses.asdict(c),
        "config_hash": image.config_hash(c),
        "streams": p.streams,
        "inputs": p.inputs,
        "outputs": p.outputs,
        "formats": {
            "data_w": c.data_w,
            "weight_w": c.weight_w,
            "state_w": c.state_w,
            "state_frac": c.state_frac,
            "x_frac": q.x_frac,
            "x_gain": None if q.x_gain is None else list(q.x_gain),
            "out_frac": q.out_frac,
        },
        "state": {
            "stride": p.state_stride,
            "states": [
                {
                    "key": s.key,
                    "length": len(s.slot),
                    "frac": s.frac,
                    "base": s.base,
                    "stride": s.stride,
                }
                for s in p.states
            ],
        },
        "kept_weights": q.kept_weights,
        "stored_weights": sum(
            int(np.count_nonzero(w)) for la in q.layers for w in la.weights.values()
        ),
        "pes": c.pes,
        "image": _image_contents(p, part.sections, part.data),
    }


def image_manifest(build: Build, part: Part, files: Mapping[str, str]) -> dict[str, Any]:
    """The manifest of the folder of one part, as :data:`csb_rnn.flow.schema.MANIFEST` says.

    Args:
        build: with source and model.
        part: of it, with its image.
        files: SHA-256 of every other file of the folder, by name.
    """
    source, network = build.source, part.network
    assert source is not None, "the manifest of a folder is made once"
    assert network is not None
    c, q, p = build.config, part.quantised, part.compiled()
    # A checkpoint's matrices are those of the whole model, in the order of its metadata.
    checkpoint = source.checkpoint if build.single else None
    times = timing.predict(p, PREDICTED_FRAMES)
    interval = timing.interval(times.last_out)
    issue, loop = issue_cycles(p), recurrence_cycles(network, c)
    vectors = _vectors(q)
    saturated = Saturations()
    samples = build.calibrate if part.number == 0 else None
    if samples is not None:
        q.quantise_inputs(samples, saturated)
    return {
        "schema": schema.VERSION,
        "kind": "image",
        **derived(part),
        "cell": source.cell or q.layers[0].cell.name,
        "sharing": c.choose_sharing(build.options.sharing),
        "compiler": build.options.compiler,
        "block": part.block,
        "dealt_block": part.dealt_block,
        "layers": [
            {
                "cell": la.cell.name,
                "inputs": la.inputs["x"],
                "hidden": la.hidden,
                "kept_weights": float_layer.kept_weights,
                "drains": {n: {"shift": d.shift, "frac": d.frac} for n, d in la.drains.items()},
                "fracs": la.fracs,
                "weight_fracs": {",".join(k): f for k, f in la.weight_fracs.items()},
                "vectors": bounds,
            }
            for la, float_layer, bounds in zip(q.layers, network.layers, vectors, strict=True)
        ],
        "saturation": {
            "x_limit": float(q.x_limits().min()),
            "x_saturated": None if samples is None else saturated["input"],
            "vectors": [
                f"{name}_l{n}"
                for n, found in enumerate(vectors)
                for name, v in found.items()
                if v["may_saturate"]
            ],
        },
        "pattern": _pattern(network, checkpoint, part.block, c),
        "predicted": {
            "cycles_per_frame": interval,
            "latency_idle": int(times.last_out[0]),
            "issue_cycles": issue,
            "mac_efficiency": ratio(q.kept_weights, c.pes * issue),
            "frame_efficiency": ratio(q.kept_weights, c.pes * interval),
        },
        "bounds": {
            "issue_cycles": int(p.bound_words),
            "recurrence_cycles": loop,
            "bound_by_recurrence": loop > q.kept_weights / c.pes,
        },
        "source": {
            "name": source.name,
            "sha256": source.sha256,
            "csb": dict(network.csb),
            "calibrated": samples is not None,
        },
        "files": dict(files),
    }


def model_manifest(build: Build, parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The manifest of a folder with several parts, as :data:`csb_rnn.flow.schema.MODEL` says.

    Args:
        build: the model.
        parts: manifest of each of its parts.
    """
    first = parts[0]
    cycles = sum(m["predicted"]["cycles_per_frame"] for m in parts)
    return {
        **{name: first[name] for name in ("config", "streams", "cell", "sharing", "inputs")},
        "schema": schema.VERSION,
        "kind": "model",
        "outputs": build.outputs,
        "kept_weights": build.kept_weights,
        "image": {"bytes": sum(m["image"]["bytes"] for m in parts)},
        "predicted": {"cycles_per_frame": cycles},
        "parts": [
            {
                "folder": part.name,
                "span": part.number,
                "reverse": part.reverse,
                "first": part.first,
                "frac": part.frac,
            }
            for part in build.parts
        ],
    }
