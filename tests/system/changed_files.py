# SPDX-License-Identifier: Apache-2.0
"""Files and arguments changed at random, and the commands that read them.

A case is a kind of change, a command and its arguments; it follows from a generator of random
numbers alone. Commands run in this process, with everything but the simulation itself. Each may
grow the process by 2 GiB and has two minutes, which only guards hangs.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import random
import shutil
import signal
import traceback
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from csb_rnn import flow
from csb_rnn.flow.files import sha256
from csb_rnn.machine import config, config_file
from csb_rnn.system import untrusted
from tests.helpers import build_image, command, make_checkpoint
from tests.network.descriptions import LIGRU, OWN, own_arrays
from tests.network.onnx_models import random_model

MOST = 2 << 30  # most bytes of a command
PATIENCE = 120  # seconds
CFG = "tiny"

ODD: list[Any] = [
    *(None, True, False, -1, 0, 1, 2, 3, 7, 255, 65536, 2**31, 2**63, 10**19, -(2**40)),
    *(1.5, -0.0, 1e300, "", "x", "h", "one", "zero", "state:h", "const:p", "sigmoid", "image.bin"),
    *("../../etc/x", "/dev/zero", "\x1b[2J\x07", "a" * 5000, "\u202e\ud7ff"),
    *([], {}, [1], [[]], {"a": 1}, ["x", "h"], [[[[[[1]]]]]]),
]


# --- changes ------------------------------------------------------------------------------------


def change_bytes(rng: random.Random, data: bytes) -> bytes:
    """Bits, bytes, lengths: what happens to files on their way, and a little more."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        at = rng.randrange(len(out) + 1)
        kind = rng.randrange(6)
        if kind == 0 and at < len(out):
            out[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            out[at : at + 4] = rng.choice((b"\xff\xff\xff\x7f", bytes(4), b"\xff" * 4))
        elif kind == 2:
            del out[at:]
        elif kind == 3:
            out[at:at] = rng.randbytes(rng.randrange(1, 40))
        elif kind == 4:
            del out[at : at + rng.randrange(1, 40)]
        else:
            out[at : at + 8] = rng.randrange(1 << 62).to_bytes(8, "little")
    return bytes(out)


def change_value(rng: random.Random, value: Any) -> Any:
    """A JSON-like value with one place changed."""
    places: list[tuple[Any, Any]] = []

    def walk(v: Any) -> None:
        keys = list(v) if isinstance(v, dict) else range(len(v)) if isinstance(v, list) else ()
        for k in keys:
            places.append((v, k))
            walk(v[k])

    holder = [json.loads(json.dumps(value))]
    walk(holder)
    parent, key = rng.choice(places)
    kind, old = rng.randrange(8), parent[key]
    if kind == 0 and parent is not holder:
        del parent[key]
    elif kind == 1 and isinstance(parent, list):
        parent.insert(key, old)
    elif kind == 2 and isinstance(parent, dict):
        parent[rng.choice(("x", "../a", "\x1b", "extra", "h"))] = old
    elif kind == 3 and type(old) is int:
        parent[key] = old + rng.choice((-1, 1, 16))
    elif kind == 4:
        other, at = rng.choice(places)
        parent[key] = json.loads(json.dumps(other[at]))
    elif kind == 5 and isinstance(old, (list, dict)):
        parent[key] = type(old)()
    else:
        parent[key] = rng.choice(ODD)
    return holder[0]


def change_array(rng: random.Random, a: np.ndarray) -> np.ndarray:
    """Another type, shape or number."""
    kind = rng.randrange(7)
    if kind == 0:
        return a.astype(rng.choice((np.float64, np.float32, bool, np.uint8, complex, np.int8, str)))
    if kind == 1:
        return a.reshape(-1)
    if kind == 2:
        return a[..., None] if rng.random() < 0.5 else a[None]
    if kind == 3:
        return np.resize(a, [max(0, n + rng.choice((-1, 0, 1, 30))) for n in a.shape])
    if kind == 4:
        return np.zeros((0,) * a.ndim, a.dtype)
    flat = np.array(a).reshape(-1)
    if flat.size and flat.dtype.kind in "iuf":
        top = rng.choice((-1, 1, 127, 40_000, 2**31 - 1, 2**62))
        if flat.dtype.kind != "f":
            flat = flat.astype(np.int64)
        flat[rng.randrange(flat.size)] = (
            rng.choice((top, np.nan)) if flat.dtype.kind == "f" else top
        )
    return flat.reshape(a.shape)


def change_entries(rng: random.Random, entries: dict[str, Any]) -> dict[str, Any]:
    """Arrays by name with one of them changed, gone or renamed."""
    out, key = dict(entries), rng.choice(list(entries))
    kind = rng.randrange(6)
    if kind == 0:
        del out[key]
    elif kind == 1:
        out[rng.choice((key + "_x", "weight_hh_l7", "\x1b[2J", "n" * 600))] = out.pop(key)
    elif kind == 2:
        out[key] = out[rng.choice(list(out))]
    elif isinstance(out[key], np.ndarray) and out[key].dtype.kind != "U":
        out[key] = change_array(rng, out[key])
    return out


# --- good files ---------------------------------------------------------------------------------


@functools.cache
def good(folder: Path) -> dict[str, Path]:
    """Files and folders that are as they should be, made once."""
    made = {"lstm": make_checkpoint(folder / "lstm.npz", csb={"block": 4, "task": "x"})}
    made["gru"] = make_checkpoint(folder / "gru.npz", "gru", 3, 5, layers=2)
    module = torch.nn.LSTM(4, 6, 2, bidirectional=True, batch_first=True)
    torch.save({**module.state_dict(), "csb": {"block": 2}}, folder / "both.pt")
    torch.save(torch.nn.GRU(3, 4).state_dict(), folder / "gru.pt")
    from safetensors.numpy import save_file

    save_file(dict(np.load(made["gru"])) | {"csb": np.zeros(1)}, folder / "gru.safetensors")
    onnx.save(random_model(5)[0], folder / "chain.onnx")
    np.savez(folder / "w.npz", **own_arrays())
    (folder / "own.toml").write_text(OWN)
    np.savez(folder / "x.npz", h_l0=np.zeros(9), c_l0=np.zeros(9))
    np.save(folder / "x.npy", np.random.default_rng(0).normal(size=(3, 7)))
    build_image(made["lstm"], CFG, folder / "image")
    build_image(made["gru"], CFG, folder / "streams", streams=2)
    flow.save(flow.build(folder / "both.pt", CFG), folder / "model")
    files = ("both.pt", "gru.pt", "gru.safetensors", "chain.onnx", "own.toml", "w.npz", "x.npz",
             "x.npy", "image", "streams", "model")  # fmt: skip
    return made | {name: folder / name for name in files}


# --- cases: each returns a command and its arguments ----------------------------------------------

Case = tuple[str, list[Any]]


def build(work: Path, file: Path, *more: str) -> Case:
    return "gen_image", [file, "--config", CFG, *more, "--out", work / "out"]


def build_or_prune(rng: random.Random, work: Path, file: Path) -> Case:
    """The two commands that read checkpoints."""
    if rng.random() < 0.7 or file.suffix == ".onnx":
        return build(work, file)
    out = work / "out" / rng.choice(("p.npz", "p.pt", "p.safetensors"))
    return "prune", [file, "--rate", "2", "--block", rng.choice((2, 4, 32)), "--out", out]


def run(work: Path, folder: Path, inputs: Path, *more: Any) -> Case:
    return "simulate", [folder, "--inputs", inputs, *more, "--out", work / "out"]


def checkpoint_bytes(rng: random.Random, work: Path, files: dict[str, Path]) -> Case:
    source = files[
        rng.choice(("lstm", "gru", "both.pt", "gru.pt", "gru.safetensors", "chain.onnx"))
    ]
    (work / source.name).write_bytes(change_bytes(rng, source.read_bytes()))
    return build_or_prune(rng, work, work / source.name)


def checkpoint_entries(rng: random.Random, work: Path, files: dict[str, Path]) -> Case:
    """A state dict with other keys, shapes, types, metadata, in any of the three formats."""
    state = change_entries(rng, dict(np.load(files[rng.choice(("lstm", "gru"))])))
    state.pop("csb", None)
    csb = change_value(
        rng, {"block": 4, "align": [2, 2], "cell": "lstm", "rate": 3.0, "version": 1,
              "row_order": {"weight_ih_l0": [0, 1]}, "task": "x"}
    )  # fmt: skip
    kind = rng.randrange(3)
    if kind == 0:
        np.savez(work / "m.npz", **state, csb=np.array(json.dumps(csb)))
        return build_or_prune(rng, work, work / "m.npz")
    tensors = {k: torch.from_numpy(v.copy()) for k, v in state.items() if v.dtype.kind in "fiub"}
    if kind == 1:
        from safetensors.torch import save_file

        save_file(tensors, work / "m.safetensors", {"csb": json.dumps(csb)})
        return build_or_prune(rng, work, work / "m.safetensors")
    key = rng.choice(list(tensors))
    odd: list[Any] = [
        torch.eye(3).to_sparse(),
        torch.quantize_per_tensor(torch.ones(3, 3), 0.1, 0, torch.qint8),
        torch.empty(36, 7, device="meta"),
        torch.zeros(1).expand(10**5, 10**6),
        torch.ones(36, 7, dtype=torch.bfloat16),
        torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
        torch.ones(3, dtype=torch.complex64).conj(),
        "text", 5, [1, 2], {"a": torch.ones(2)}, None,
    ]  # fmt: skip
    whole: dict[Any, Any] = {**tensors, key: rng.choice(odd), "csb": csb}
    if rng.random() < 0.3:
        whole[rng.choice((5, (1, 2), "\x1b[31m", "w" * 10_000, ""))] = torch.ones(2)
    if rng.random() < 0.3:
        whole = {rng.choice(("state_dict", "model", "x")): whole}
    torch.save(whole, work / "m.pt")
    return build_or_prune(rng, work, work / "m.pt")


def onnx_fields(rng: random.Random, work: Path, files: dict[str, Path]) -> Case:
    """Nodes, attributes and tensors of an ONNX file changed as fields."""
    graph = random_model(rng.randrange(20))[0]
    nodes, tensors = graph.graph.node, graph.graph.initializer
    kind = rng.randrange(8)
    node = rng.choice(nodes)
    if kind == 0:
        node.op_type = rng.choice(("LSTM", "GRU", "Loop", "Tile", "ConstantOfShape", "Transpose",
                                   "Reshape", "Squeeze", "RandomNormal", "\x1b[2J"))  # fmt: skip
    elif kind == 1 and node.attribute:
        del node.attribute[rng.randrange(len(node.attribute))]
    elif kind == 2:
        name = rng.choice(("perm", "axes", "layout", "direction", "activations", "alpha", "x"))
        value = rng.choice((7, -1, [9, 9], "left", 1e30, ["Sigmoid"], [0, 0, 0], b"\xff"))
        node.attribute.append(onnx.helper.make_attribute(name, value))
    elif kind == 3 and tensors:
        t = rng.choice(tensors)
        a = change_array(rng, onnx.numpy_helper.to_array(t))
        with contextlib.suppress(Exception):
            t.CopyFrom(onnx.numpy_helper.from_array(np.ascontiguousarray(a), t.name))
    elif kind == 4 and tensors:
        rng.choice(tensors).dims.append(rng.choice((0, -1, 1 << 40)))
    elif kind == 5 and tensors:
        t = rng.choice(tensors)
        t.data_location = onnx.TensorProto.EXTERNAL
        location = rng.choice(("../../etc/passwd", "/dev/zero", "none.bin", "big.bin", ""))
        t.external_data.add(key="location", value=location)
        t.external_data.add(key="length", value=rng.choice(("9" * 30, "-1", "x", str(1 << 40))))
        with (work / "big.bin").open("wb") as f:
            f.truncate(1 << 40)
    elif kind == 6:
        names = [n for other in nodes for n in (*other.input, *other.output)]
        if node.input:
            node.input[rng.randrange(len(node.input))] = rng.choice([*names, ""])
    else:
        count = rng.choice((1 << 20, 1 << 31, 1 << 38))
        tensor = onnx.numpy_helper.from_array(np.array([count], np.int64), "count")
        graph.graph.node.insert(0, onnx.helper.make_node("ConstantOfShape", ["count"], ["many"]))
        tensors.append(tensor)
    (work / "m.onnx").write_bytes(graph.SerializeToString())
    return build(work, work / "m.onnx")


def toml(value: Any) -> str:
    """A JSON-like value as TOML text."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return "nan" if value is None else json.dumps(value)


def description(rng: random.Random, work: Path, files: dict[str, Path]) -> Case:
    import tomllib

    data = tomllib.loads(rng.choice((OWN, OWN, LIGRU)))
    for _ in range(rng.choice((1, 1, 2))):
        data = change_value(rng, data)
    text = toml(data)
    if isinstance(data, dict):
        text = "\n".join(f"{json.dumps(k)} = {toml(v)}" for k, v in data.items())
    if rng.random() < 0.2:
        text = change_bytes(rng, text.encode()).decode(errors="ignore")
    (work / "m.toml").write_text(text)
    shutil.copyfile(files["w.npz"], work / "w.npz")
    return build(work, work / "m.toml")


def configurations(rng: random.Random, work: Path, files: dict[str, Path]) -> Case:
    """A file of configurations, read in the place of hdl/configs.toml; then one of them built."""
    table = change_value(rng, config_file.read_table(config.CONFIG_FILE))
    if not isinstance(table, dict):
        table = {"default": table}
    if rng.random() < 0.7:  # a used number
        table = json.loads(json.dumps(config_file.read_table(config.CONFIG_FILE)))
        key = rng.choice(list(table["tiny"]))
        table["tiny"][key] = rng.choice((*ODD, 16, 100, 1 << 16))
    lines = []
    for name, keys in table.items():
        lines.append(f"[{json.dumps(name)}]" if isinstance(keys, dict) else "")
        each = keys.items() if isinstance(keys, dict) else ((name, keys),)
        lines += [f"{json.dumps(k)} = {toml(v)}" for k, v in each]
    text = "\n".join(lines).encode()
    if rng.random() < 0.2:
        text = change_bytes(rng, text)
    (work / "configs.toml").write_bytes(text)
    return build(work, files["lstm"])


def rewrite(path: Path, entries: dict[str, Any]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, value in entries.items():
            text = io.BytesIO()
            np.lib.format.write_array(text, np.asarray(value), allow_pickle=False)
            archive.writestr(f"{key}.npy", text.getvalue())


def image_folder(rng: random.Random, work: Path, files: dict[str, Path]) -> Case:
    """An image folder changed in one place or two, all its hashes put right again."""
    kind = rng.choice(("image", "streams", "model"))
    whole = work / "image"
    shutil.copytree(files[kind], whole)
    if kind == "model" and rng.random() < 0.4:
        value = change_value(rng, json.loads((whole / "manifest.json").read_text()))
        (whole / "manifest.json").write_text(json.dumps(value))
        return run(work, whole, files["x.npy"])
    folder = whole / rng.choice(("span0", "span1_reverse")) if kind == "model" else whole
    manifest = json.loads((folder / "manifest.json").read_text())
    for _ in range(rng.choice((1, 1, 2))):
        what = rng.randrange(5)
        if what == 0:
            manifest = change_value(rng, manifest)
        elif what == 1 and isinstance(manifest, dict) and isinstance(manifest.get("config"), dict):
            key = rng.choice([*manifest["config"], "name", "extra"])
            manifest["config"][key] = rng.choice(ODD)
        elif what == 2:
            data = (folder / "image.bin").read_bytes()
            (folder / "image.bin").write_bytes(change_bytes(rng, data))
        else:
            name = rng.choice(("program.npz", "network.npz", "network.npz"))
            entries = dict(np.load(folder / name))
            if rng.random() < 0.5:
                meta = change_value(rng, json.loads(str(entries["meta"])))
                entries["meta"] = np.array(json.dumps(meta))
            else:
                entries = change_entries(rng, entries)
            rewrite(folder / name, entries)
    if isinstance(manifest, dict) and isinstance(manifest.get("files"), dict):
        for name in ("image.bin", "program.npz", "network.npz"):
            manifest["files"][name] = sha256((folder / name).read_bytes())
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return run(work, whole, files["x.npy"])


def inputs(rng: random.Random, work: Path, files: dict[str, Path]) -> Case:
    """Inputs and states."""
    x, s = work / "x.npy", work / "s.npz"
    x.write_bytes(files["x.npy"].read_bytes())
    s.write_bytes(files["x.npz"].read_bytes())
    kind = rng.randrange(4)
    if kind == 0:
        x.write_bytes(change_bytes(rng, x.read_bytes()))
    elif kind == 1:
        np.save(x, change_array(rng, np.load(x)))
    elif kind == 2:
        s.write_bytes(change_bytes(rng, s.read_bytes()))
    else:
        np.savez(s, **change_entries(rng, dict(np.load(s))))
    return run(work, files["image"], x, "--state", s)


WORDS = (
    *("", "0", "-1", "255", "1.5", "x", "one", "-", "--", "-h1", "--config", "--out", "--streams"),
    *("--block", "--stall", "--sim", "--sharing", "--compiler", "--prefix", "/dev/null", "."),
    *("/proc/x/y", "none", "horizontal", "reference", "\udcff\x1b", "\u0661", "\u202e", "a\nb"),
)


def arguments(rng: random.Random, work: Path, files: dict[str, Path]) -> Case:
    """Words in the place of others, options given twice, without a value, or unknown."""
    words = [*WORDS, "9" * 5000, "a" * 300]
    name, args = rng.choice(
        (
            build(work, files["lstm"], "--streams", "2", "--block", "8", "--sharing", "none",
                  "--compiler", "default", "--prefix", "rnn"),
            run(work, files["image"], files["x.npy"], "--sim", "icarus", "--stall", "none"),
            ("prune", [files["gru"], "--rate", "2", "--block", "4", "--align", "1x1", "--prefix",
                       "rnn", "--out", work / "out/p.npz"]),
            ("sim", ["--model", "x", "--config", "y", "--sim", "z"]),
        )
    )  # fmt: skip
    args = [str(a) for a in args]
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = rng.randrange(len(args))
        if rng.random() < 0.6:
            args[at] = rng.choice(words)
        elif rng.random() < 0.5 and len(args) > 1:
            del args[at]
        else:
            args.insert(at, rng.choice(words))
    if name == "sim":  # a right command would run for minutes
        args += ["--sim", "none"]
    if name == "prune":
        return name, args
    if not {*args} & {str(work / "out")}:
        args += ["--out", str(work / "out")]
    return name, args


KINDS: tuple[Callable[[random.Random, Path, dict[str, Path]], Case], ...] = (
    checkpoint_bytes,
    checkpoint_entries,
    onnx_fields,
    description,
    configurations,
    image_folder,
    image_folder,
    inputs,
    arguments,
)


# --- the test -----------------------------------------------------------------------------------


class Reached(Exception):  # noqa: N818
    """All checks were passed: now the simulation would begin."""


def reached(*_: object, **__: object) -> None:
    raise Reached


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Bounds of memory and, for hangs, of time."""

    def hang(*_: object) -> None:
        raise TimeoutError("hangs")

    before = signal.signal(signal.SIGALRM, hang)
    signal.alarm(PATIENCE)
    try:
        with untrusted.bounded_memory(MOST):
            yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def outcome(name: str, args: list[Any], capsys) -> str:
    """What is wrong with how a command ended; empty if nothing."""
    capsys.readouterr()
    try:
        with guarded():
            code = command(name, *args)
    except Reached:
        return ""
    except BaseException:
        return traceback.format_exc(limit=-6)
    text = capsys.readouterr().err
    if code == 0:
        return "" if not text else f"success with a message: {text!r}"
    line = text.removesuffix("\n")
    good = code == 2 and line.startswith("error: ") and line.isprintable() and len(line) < 1100
    for word in ("weights_only", "memory of this machine", "hangs"):
        good = good and word not in line
    return "" if good else f"exit code {code}: {text[:2000]!r}"
