# SPDX-License-Identifier: Apache-2.0
"""Programs and quantised networks as files: ``.npz`` archives of plain arrays and one JSON text.

Nothing is pickled, and equal content gives equal bytes. A program read back equals the saved one,
but instruction words come back with all their fields.
"""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn.cells.as_json import cell_from_json, cell_to_json
from csb_rnn.errors import CsbError
from csb_rnn.machine import config, isa
from csb_rnn.models.integer_layer import QDrain, QLayer, QuantError
from csb_rnn.models.integer_network import QNetwork
from csb_rnn.program.program import GroupProgram, Program, StateSlot
from csb_rnn.system import untrusted

Arrays = dict[str, np.ndarray]
_META = "meta"  # entry with the JSON text


class StoreError(CsbError, ValueError):
    """A missing or damaged file, or one of another kind; one line for the user."""


# --- archives ---------------------------------------------------------------------------------


def _compact(a: np.ndarray) -> np.ndarray:
    """Integers in the smallest type for them. Example: 0 to 200 in ``uint8``."""
    a = np.asarray(a)
    if a.dtype.kind not in "iub" or not a.size:
        return a
    low, high = int(a.min()), int(a.max())
    kinds = (np.int8, np.int16, np.int32, np.int64)
    return a.astype(next(t for t in kinds if np.iinfo(t).min <= low and high <= np.iinfo(t).max))


def _archive(meta: Mapping[str, Any], arrays: Arrays) -> bytes:
    """The bytes of an archive; equal content gives equal bytes."""
    entries = {_META: np.array(json.dumps(meta)), **{k: _compact(v) for k, v in arrays.items()}}
    # np.savez stamps the time of day.
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, value in entries.items():
            info = zipfile.ZipInfo(f"{key}.npy", (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as out:
                np.lib.format.write_array(out, value, allow_pickle=False)
    return stream.getvalue()


def _read(path: Path, kind: str, data: bytes | None = None) -> tuple[dict[str, Any], Arrays]:
    """Meta data and arrays of a file, or of its bytes if they were read before."""
    if data is None and not path.is_file():
        raise StoreError(f"{path}: no such file")
    try:
        arrays = untrusted.read_npz(path if data is None else data)
        meta = untrusted.parse_json(str(arrays.pop(_META)))
    except (untrusted.FileError, KeyError) as error:
        raise StoreError(f"{path}: damaged or no {kind}: {error}") from None
    held = meta.get("kind") if isinstance(meta, dict) else None
    if held != kind:
        raise StoreError(f"{path}: holds a {untrusted.clean(str(held), 40)}, not a {kind}")
    for key, value in arrays.items():
        if value.dtype.kind not in "iub":
            raise StoreError(f"{path}: {untrusted.show(key)}: expected integers")
    return meta, {k: v.astype(np.int64) for k, v in arrays.items()}


# --- programs ---------------------------------------------------------------------------------


def _words(fields: Sequence[isa.Field], words: Sequence[Mapping[str, int]]) -> np.ndarray:
    table = [[int(w.get(f.name, 0)) for f in fields] for w in words]
    return np.array(table, np.int64).reshape(len(words), len(fields))


def _unwords(fields: Sequence[isa.Field], table: np.ndarray) -> list[dict[str, int]]:
    names = [f.name for f in fields]
    return [dict(zip(names, row, strict=True)) for row in table.tolist()]


def _program_entries(p: Program) -> tuple[dict[str, Any], Arrays]:
    """Meta data and arrays of a program's file."""
    arrays: Arrays = {
        "drain": _words(isa.DRAIN, p.drain),
        "elem": _words(isa.ELEM, p.elem),
        "bias": p.bias,
        "out_word": p.out_word,
        "out_column": p.out_column,
        "constants": p.constants,
        "group_words": np.array([len(g) for g in p.groups]),
    }
    for part in ("ctl", "rows", "pe"):
        for name in getattr(p.groups[0], part):
            values = [getattr(g, part)[name] for g in p.groups]
            arrays[f"{part}_{name}"] = np.concatenate(values)
    states = []
    for s in p.states:
        states.append({"key": s.key, "base": s.base, "stride": s.stride, "frac": s.frac})
        arrays[f"slot_{s.key}"], arrays[f"lane_of_{s.key}"] = s.slot, s.lane
    scalars = ("streams", "elem_loop", "reg_credits", "inputs", "x_base", "state_stride",
               "kept_weights", "x_frac", "out_frac", "bound_words")  # fmt: skip
    meta = {
        "kind": "program",
        "config": dataclasses.asdict(p.config),
        "states": states,
        "events": {str(e): name for e, name in p.events.items()},
        "scalars": {name: int(getattr(p, name)) for name in scalars},
    }
    return meta, arrays


def program_bytes(p: Program) -> bytes:
    """A program as the bytes of an ``.npz`` file."""
    return _archive(*_program_entries(p))


def check_program(path: Path, data: bytes, p: Program) -> None:
    """Accept the bytes of a program's file if they hold just this program.

    Raises:
        StoreError: damaged, or another program.
    """
    meta, arrays = _read(path, "program", data)
    want, wanted = _program_entries(p)
    odd = [
        k
        for k in sorted(wanted.keys() | arrays.keys())
        if not (k in arrays and k in wanted and np.array_equal(arrays[k], wanted[k]))
    ]
    if meta != untrusted.plain_json(want) or odd:
        where = untrusted.show(odd[0]) if odd else "its description"
        raise StoreError(f"{path}: {where} is not that of the program of network.npz")


def load_program(path: Path) -> Program:
    """The inverse of :func:`program_bytes`.

    Raises:
        StoreError: no such file, or it is damaged.
    """
    meta, a = _read(path, "program")
    try:
        bounds = np.cumsum(a["group_words"])[:-1]
        parts = {
            part: {
                k[len(part) + 1 :]: np.split(v, bounds)
                for k, v in a.items()
                if k.startswith(f"{part}_")
            }
            for part in ("ctl", "rows", "pe")
        }
        groups = [
            GroupProgram(*({k: v[g] for k, v in parts[x].items()} for x in ("ctl", "rows", "pe")))
            for g in range(len(a["group_words"]))
        ]
        states = [
            StateSlot(slot=a[f"slot_{s['key']}"], lane=a[f"lane_of_{s['key']}"], **s)
            for s in meta["states"]
        ]
        return Program(
            config=config.from_fields(meta["config"]),
            groups=groups,
            drain=_unwords(isa.DRAIN, a["drain"]),
            elem=_unwords(isa.ELEM, a["elem"]),
            states=states,
            events={int(e): name for e, name in meta["events"].items()},
            bias=a["bias"],
            out_word=a["out_word"],
            out_column=a["out_column"],
            constants=a["constants"],
            **meta["scalars"],
        )
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        reason = untrusted.clean(repr(error), 200)
        raise StoreError(f"{path}: not a whole program: {reason}") from None


# --- networks ---------------------------------------------------------------------------------


def network_bytes(q: QNetwork) -> bytes:
    """A quantised network as the bytes of an ``.npz`` file."""
    arrays: Arrays = {}
    layers = []
    for n, la in enumerate(q.layers):
        for i, w in enumerate(la.weights.values()):
            arrays[f"w{n}_{i}"] = w
        for i, d in enumerate(la.drains.values()):
            arrays[f"b{n}_{i}"] = d.bias
        for k, v in la.constants.items():
            arrays[f"k{n}_{k}"] = v
        layers.append(
            {
                "cell": cell_to_json(la.cell),
                "hidden": la.hidden,
                "inputs": la.inputs,
                "weights": [[*key, la.weight_fracs[key]] for key in la.weights],
                "drains": [[name, d.shift, d.frac] for name, d in la.drains.items()],
                "fracs": la.fracs,
                "sizes": la.sizes,
                "fine": sorted(la.fine),
                "lift": la.lift,
            }
        )
    scalars = ("data_w", "weight_w", "state_w", "state_frac", "acc_guard", "kept_weights", "block")
    meta = {
        "kind": "network",
        "layers": layers,
        "x_gain": q.x_gain,
        "csb": dict(q.csb),
        "scalars": {name: getattr(q, name) for name in scalars},
    }
    return _archive(meta, arrays)


def load_network(path: Path, data: bytes | None = None) -> QNetwork:
    """The inverse of :func:`network_bytes`, with every number checked.

    Args:
        path: the file.
        data: its bytes, if they were read before.

    Raises:
        StoreError: no such file, it is damaged, or no network has such numbers.
    """
    meta, a = _read(path, "network", data)
    try:
        layers = []
        for n, la in enumerate(meta["layers"]):
            keys = [(gate, vector) for gate, vector, _ in la["weights"]]
            layers.append(
                QLayer(
                    cell=cell_from_json(la["cell"]),
                    hidden=la["hidden"],
                    inputs=la["inputs"],
                    weights={k: a[f"w{n}_{i}"] for i, k in enumerate(keys)},
                    weight_fracs={k: f for k, (_, _, f) in zip(keys, la["weights"], strict=True)},
                    drains={
                        name: QDrain(a[f"b{n}_{i}"], shift, frac)
                        for i, (name, shift, frac) in enumerate(la["drains"])
                    },
                    fracs=la["fracs"],
                    sizes=la["sizes"],
                    constants={k: a[f"k{n}_{k}"] for k in la["cell"]["constants"]},
                    fine=frozenset(la["fine"]),
                    lift=la["lift"],
                )
            )
        gain = None if meta["x_gain"] is None else tuple(float(g) for g in meta["x_gain"])
        made = QNetwork(tuple(layers), csb=meta["csb"], x_gain=gain, **meta["scalars"])
        return made.check()
    except QuantError as error:
        raise StoreError(f"{path}: {error}") from None
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        reason = untrusted.clean(repr(error), 200)
        raise StoreError(f"{path}: not a whole network: {reason}") from None
