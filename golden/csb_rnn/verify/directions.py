# SPDX-License-Identifier: Apache-2.0
"""Models of several passes through the same machine: a folder of images, run one after the other.

:func:`build` and :func:`run` take any model; one that is a single network goes to
:mod:`csb_rnn.flow` and gives what that gives. For others the folder has ``manifest.json`` of kind
``model`` and an image folder for each part, such as ``pass0`` and ``pass0_reverse``; outputs of one
pass are the inputs of the next, as floats, exact.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from csb_rnn import flow, verify
from csb_rnn.errors import UsageError
from csb_rnn.flow import schema
from csb_rnn.machine import config
from csb_rnn.machine.config import Config
from csb_rnn.models import quantise
from csb_rnn.network.bidirectional import model_key, part_state, quantise_model
from csb_rnn.network.read import read_model

MOST_PARTS = 64


def _name(number: int, reverse: bool) -> str:
    return f"pass{number}{'_reverse' if reverse else ''}"


def build(
    path: str | Path,
    config_name: str | Config,
    out: str | Path,
    *,
    calibrate: ArrayLike | None = None,
    prefix: str | None = None,
    **options: Any,
) -> dict[str, Any]:
    """From a file to a folder of images; see :func:`csb_rnn.flow.build_image`.

    Returns:
        The manifest, of kind ``image`` or ``model``.

    Raises:
        CheckpointError, NetworkError, QuantError, CompileError, ConfigError, UsageError: bad
            input; nothing is written.
    """
    source, out = Path(path), Path(out)
    flow.check_out(out)
    c = config.load(config_name) if isinstance(config_name, str) else config_name
    model, checkpoint = read_model(source, prefix)
    if model.single is not None:
        return flow.build_image(
            source, c, out, calibrate=calibrate, prefix=prefix, **options
        ).manifest
    samples = None if calibrate is None else np.asarray(calibrate)
    q = quantise_model(model, c, samples)
    parts = []
    with flow.staged(out, "manifest.json") as made:
        for number, (p, qp) in enumerate(zip(model.passes, q.passes, strict=True)):
            for reverse, network in p.networks.items():
                image = flow.make_image(
                    network,
                    c,
                    made / _name(number, reverse),
                    q=qp.networks[reverse],
                    source=source,
                    cell=None if checkpoint is None else checkpoint.cell,
                    initial=part_state(model.initial, network, p.first, reverse),
                    **options,
                )
                parts.append(
                    {
                        "folder": _name(number, reverse),
                        "pass": number,
                        "reverse": reverse,
                        "first": p.first,
                        "frac": qp.frac,
                        "manifest": image.manifest,
                    }
                )
        manifests = [part.pop("manifest") for part in parts]
        first = manifests[0]
        cycles = sum(m["predicted"]["cycles_per_frame"] for m in manifests)
        value = {name: first[name] for name in ("config", "streams", "cell", "sharing", "inputs")}
        value |= {
            "schema": schema.VERSION,
            "kind": "model",
            "outputs": model.outputs,
            "kept_weights": model.kept_weights,
            "image": {"bytes": sum(m["image"]["bytes"] for m in manifests)},
            "predicted": {"cycles_per_frame": cycles},
            "parts": parts,
        }
        flow.write_json(made / "manifest.json", value, schema.MODEL)
    return value


def _manifest(folder: Path) -> tuple[dict[str, Any], dict[str, flow.Image]] | None:
    """The manifest of a model folder and the image of each part by its folder, if they fit each
    other; None for a folder that holds one image.

    Raises:
        UsageError: neither, or parts that are not those of one model.
    """
    manifest = flow.read_manifest(folder)
    if manifest["kind"] != "model":
        return None
    where, parts = f"{folder}/manifest.json", manifest["parts"]
    images: dict[str, flow.Image] = {}

    def need(good: bool, text: str) -> None:
        if not good:
            raise UsageError(f"{where}: {text}")

    need(0 < len(parts) <= MOST_PARTS, f"parts: {len(parts)}, expected 1 to {MOST_PARTS}")
    for part in parts:
        name = _name(part["pass"], part["reverse"])
        need(part["folder"] == name and name not in images, f"parts: expected one called {name}")
        images[name] = flow.load_image(folder / name)
    numbers = sorted({part["pass"] for part in parts})
    need(numbers == list(range(len(numbers))), "parts: a pass is missing")
    inputs, layers = manifest["inputs"], 0
    for number in numbers:
        mine = [part for part in parts if part["pass"] == number]
        networks = [images[part["folder"]].network for part in mine]
        frac = min(network.out_frac for network in networks)
        for part, network in zip(mine, networks, strict=True):
            need(network.inputs == inputs, f"parts: {part['folder']} has other inputs")
            need(len(network.layers) == len(networks[0].layers), "parts: of different depth")
            need((part["first"], part["frac"]) == (layers, frac), "parts: first or frac is wrong")
        inputs = sum(network.outputs for network in networks)
        layers += len(networks[0].layers)
    need(manifest["outputs"] == inputs, "outputs: is not that of the last pass")
    for image in images.values():
        for key in ("config", "streams"):
            need(image.manifest[key] == manifest[key], f"{key}: is not that of the parts")
    return manifest, images


def run(
    folder: str | Path,
    x: ArrayLike,
    state: Mapping[str, ArrayLike] | None = None,
    out: str | Path | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Run a folder of :func:`build` on the RTL; see :func:`csb_rnn.verify.run`.

    For a model of several passes ``out`` gets ``outputs.npy``, ``state.npz`` and ``report.json``
    of the whole, and a folder of results for each part. A resumed run continues each direction
    from its state, as torch does.

    Returns:
        The report. Of several parts: counts are sums, cycles a frame as well.
    """
    folder = Path(folder)
    if out is not None:
        flow.check_out(Path(out))
    whole = _manifest(folder)
    if whole is None:
        return verify.run(folder, x, state, out, **options)
    parts, images = whole[0]["parts"], whole[1]
    v = np.asarray(x)
    wanted = {}  # state -> folder, name there
    for part in parts:
        network = images[part["folder"]].network
        for key in network.state_keys():
            wanted[model_key(key, part["first"], part["reverse"])] = (part["folder"], key)
    for key in state or {}:
        if key not in wanted:
            raise UsageError(f"unknown state '{key}': known are {', '.join(sorted(wanted))}")
    reports, final = [], {}
    with contextlib.ExitStack() as stack:
        if out is None:
            results = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        else:
            results = stack.enter_context(flow.staged(Path(out), "report.json"))
        for number in range(1 + max(part["pass"] for part in parts)):
            ys = []
            for part in (p for p in parts if p["pass"] == number):
                name, reverse = part["folder"], part["reverse"]
                own = None
                if state is not None:
                    mine = {g: k for g, (f, k) in wanted.items() if f == name}
                    own = {k: state[g] for g, k in mine.items() if g in state}
                turned = v[..., ::-1, :] if reverse else v
                reports.append(verify.run(folder / name, turned, own, results / name, **options))
                y = np.load(results / name / "outputs.npy")
                y = y[..., ::-1, :] if reverse else y
                ys.append(quantise.to_float(quantise.to_int(y, part["frac"]), part["frac"]))
                with np.load(results / name / "state.npz") as data:
                    final |= {g: data[k] for g, (f, k) in wanted.items() if f == name}
            v = np.concatenate(ys, axis=-1)
        report = _sum(reports)
        np.save(results / "outputs.npy", v.astype(np.float32))
        np.savez(results / "state.npz", **final)
        flow.write_json(results / "report.json", report, schema.MODEL_REPORT)
    return report


def _total(parts: Iterable[float | None]) -> float | None:
    """The sum, or None if one of them is unknown."""
    known = list(parts)
    return None if None in known else sum(known)


def _sum(reports: list[dict[str, Any]]) -> dict[str, Any]:
    """The report of several parts, which run one after the other: counts and cycles are sums,
    entry i of the cycles that of the i-th frame of every part; shares are of all cycles."""
    first = reports[0]
    same = ("schema", "frames", "sequences", "streams", "pes", "config", "sim", "stall",
            "input_saturations")  # fmt: skip
    sums = ("mismatches", "state_mismatches", "cycle_mismatches", "saturations", "kept_weights",
            "cycles", "cycles_per_frame", "cycles_per_frame_predicted", "issue_cycles",
            "latency_idle", "latency_steady")  # fmt: skip
    value: dict[str, Any] = {k: first[k] for k in same}
    value |= {k: _total(r[k] for r in reports) for k in sums}
    for k in ("frame_cycles", "frame_cycles_predicted"):
        value[k] = [_total(parts) for parts in zip(*(r[k] for r in reports), strict=True)]
    counters: Counter[str] = Counter()
    for r in reports:
        counters.update(r["counters"])
    busy = sum(r["busy_pe_utilisation"] * r["issue_cycles"] for r in reports)
    seconds = sum(flow.ratio(r["cycles"], r["cycles_per_second"]) for r in reports)
    ideal = flow.ratio(value["kept_weights"], value["pes"])
    interval = value["cycles_per_frame"]
    return value | {
        "mac_efficiency": flow.ratio(ideal, value["issue_cycles"]),
        "busy_pe_utilisation": flow.ratio(busy, value["issue_cycles"]),
        "frame_efficiency": interval and flow.ratio(ideal, interval),
        "cycles_per_second": flow.ratio(value["cycles"], seconds),
        "counters": dict(counters),
        "error": next((r["error"] for r in reports if r["error"] != "none"), "none"),
        "stuck": any(r["stuck"] for r in reports),
        "parts": reports,
    }
