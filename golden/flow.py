# SPDX-License-Identifier: Apache-2.0
"""The whole path as functions: checkpoint -> image folder -> run on the RTL -> report.

:func:`build_image` and :func:`run` are what ``scripts/gen_image.py`` and ``scripts/simulate.py``
call; :func:`compare` and :func:`report` are the parts that other jobs share. All results are
written beside their place first and moved there when they are whole.

Figures are defined in one place each: cycles by :func:`frame_cycles` and :func:`steady_frames`,
efficiencies by :func:`report`, the files by :mod:`golden.schema`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import shutil
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from golden import assemble, config, image, quantise, schema, store, timing, trace
from golden.checkpoint import Checkpoint
from golden.cli import UsageError
from golden.compiler import compile_network
from golden.config import Config
from golden.fixed import FixedModel
from golden.listing import listing
from golden.network import Network
from golden.numerics import Ints, Saturations
from golden.program import CompileError, Program
from golden.quantise import QNetwork
from golden.reading import read_model
from golden.regmap import ERRORS

if TYPE_CHECKING:
    from tb.simulate import RunResult

COMPILERS = ("default",)
STALLS = {  # seeds of the random stalls of source and sink
    "none": (0, 0),
    "source": (0x1234567, 0),
    "sink": (0, 0x89ABCDE),
    "both": (0x1234567, 0x89ABCDE),
}
BLOCKS = (8, 16, 32, 64, 128)  # that are tried if the pattern's is unknown
PREDICTED_FRAMES = 240  # of the manifest's interval: enough for its definition
LOOP_CYCLES = 24  # of each dependent product, in the definition of a recurrence bound
# What one run of the simulation top holds (tb/csb_sim_top.sv, tb/simulate.py).
SIM_FRAMES = 1 << 16
SIM_BEATS = {"verilator": 1 << 18, "icarus": 1 << 15}
SIM_IMAGE_WORDS = {"verilator": 1 << 20, "icarus": 1 << 17}


# --- files ------------------------------------------------------------------------------------


@contextlib.contextmanager
def staged(out: Path, last: str) -> Iterator[Path]:
    """A temporary folder beside ``out`` whose files move there when the block ends well.

    If ``out`` exists, files of the same names are replaced and others stay; the file ``last``,
    which describes the others, goes last.

    Raises:
        UsageError: ``out`` is a file.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is a file, not a folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        yield folder
        folder.chmod(0o755)
        if not out.exists():
            folder.rename(out)
        else:
            for file in sorted(folder.iterdir(), key=lambda f: f.name == last):
                file.replace(out / file.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write_json(path: Path, value: Any, kind: Any) -> None:
    """Write ``value`` if it fits the schema ``kind``."""
    schema.check(value, kind)
    path.write_text(json.dumps(value, indent=1) + "\n")


def read_array(path: Path) -> np.ndarray:
    """Numbers of a ``.npy`` file.

    Raises:
        UsageError: no such file, or not one array of numbers.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    try:
        a = np.load(path, allow_pickle=False)
    except Exception as error:  # whatever a damaged file makes numpy raise
        raise UsageError(f"{path}: not a readable .npy file: {error}") from None
    if not isinstance(a, np.ndarray) or a.dtype.kind not in "fiub":
        raise UsageError(f"{path}: expected one array of numbers")
    return a


def read_state(path: Path) -> dict[str, np.ndarray]:
    """Arrays of a ``.npz`` file by name.

    Raises:
        UsageError: no such file, or not an archive of numbers.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    try:
        with np.load(path, allow_pickle=False) as data:
            state = {k: data[k] for k in data.files}
    except Exception as error:  # likewise
        raise UsageError(f"{path}: not a readable .npz file: {error}") from None
    for key, a in state.items():
        if a.dtype.kind not in "fiub":
            raise UsageError(f"{path}: state '{key}' is of type {a.dtype}, expected numbers")
    return state


# --- checkpoint -> image ----------------------------------------------------------------------


def choose_block(block: str | int, c: Config, csb: Mapping[str, Any]) -> int | None:
    """Side of the blocks of the pattern: the dealing keeps units of a block together, and the
    statistics are about them. ``auto``: that of the checkpoint's metadata; None if it has none.

    Raises:
        CompileError: larger than the configuration's ``max_block``, or no positive number.
    """
    if block == "auto":
        chosen = csb.get("block")
    elif str(block).isdigit() and int(block) > 0:
        chosen = int(block)
    else:
        raise CompileError(f"block '{block}': expected a positive number or auto")
    if chosen is not None and chosen > c.max_block:
        raise CompileError(
            f"block {chosen} is larger than max_block {c.max_block} of configuration {c.name}"
        )
    return chosen


def _fastest(q: QNetwork, c: Config, streams: int, sharing: str, block: int | None) -> Program:
    """The program for a block size, or for the one that costs fewest cycles if it is unknown."""
    sizes = [block] if block else [n for n in BLOCKS if n <= c.max_block]
    programs = [compile_network(q, c, streams, sharing, n) for n in sizes]
    if len(programs) == 1:
        return programs[0]
    return min(programs, key=lambda p: timing.interval(timing.predict(p, 8 * streams).last_out))


def issue_cycles(p: Program) -> int:
    """Issue cycles of an iteration: from the first to the last useful word of the slowest
    PEGroup, bubbles between them included."""
    spans = [np.flatnonzero(g.ctl["work"]) for g in p.groups]
    return max((int(at[-1] - at[0]) + 1 for at in spans if len(at)), default=0)


def recurrence_cycles(network: Network, c: Config) -> float:
    """Cycles of the longest loop: kept weights of its products / PEs + LOOP_CYCLES for each of
    them that depends on the one before."""
    longest = 0.0
    for la in network.layers:
        inner = {v for d in la.cell.drains for v in d.inputs if v in la.cell.vectors}
        kept = sum(int(np.count_nonzero(w)) for (_, v), w in la.weights.items() if v in inner)
        longest = max(longest, kept / c.pes + LOOP_CYCLES * len(inner))
    return longest


def _matrices(network: Network, checkpoint: Checkpoint | None) -> Iterator[np.ndarray]:
    """Weight matrices as blocks cut them: a checkpoint's in the order of its metadata, else the
    gates of each input of a layer stacked."""
    for name in [] if checkpoint is None else checkpoint.matrices():
        w = checkpoint.tensors[name]
        for axis, order in enumerate(("row_order", "col_order")):
            places = (checkpoint.csb.get(order) or {}).get(name)
            w = w if places is None else np.take(w, places, axis=axis)
        yield w
    for la in network.layers if checkpoint is None else ():
        for v in la.inputs:
            yield np.concatenate([w for (_, i), w in la.weights.items() if i == v])


def _pattern(
    network: Network, checkpoint: Checkpoint | None, block: int | None, c: Config
) -> dict[str, Any]:
    """What the pattern costs in the CSB format."""
    matrices = list(_matrices(network, checkpoint))
    weights, kept = sum(w.size for w in matrices), network.kept_weights
    out: dict[str, Any] = {
        "weights": weights,
        "rate": weights / kept if kept else None,
        "weight_bits": kept * c.data_w,
        "nio": None,
        "index_bits": None,
        "size_bits": None,
        "note": "the block is unknown: name one for the statistics of its kernels",
    }
    if block is None:
        return out
    from golden.pruning.projection import kernel_stats

    entries = index = size = 0
    for w in matrices:
        stats = kernel_stats(w, block, c.data_w)
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


def _image_contents(p: Program, data: bytes) -> dict[str, Any]:
    """What the image holds: memory words and bits by target, and use of the weight slots."""
    c = p.config
    widths = image.memories(c)
    count: Counter[str] = Counter()
    words: Counter[str] = Counter()
    bits: Counter[str] = Counter()
    for s in image.unpack(c, data):
        name = s.target.name.lower()
        count[name] += 1
        words[name] += len(s.words)
        bits[name] += len(s.words) * widths[s.target][0]
    slots = sum(len(g) for g in p.groups) * c.P * c.Q
    address = slots * (c.neuron_aw + c.share_h)
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
            "weight_bits": slots * c.data_w,
            "address_bits": address,
            "control_bits": bits["pegroup"] - slots * c.data_w - address,
        },
    }


def _vectors(q: QNetwork) -> list[dict[str, dict[str, Any]]]:
    """For each layer and neuron vector: the bound that its cell gives, what the format holds."""
    out = []
    for la in q.layers:
        bounds = quantise.vector_bounds(la.cell)
        found = {}
        for n in la.cell.elems:
            if n.vector is None and not n.output:
                continue
            name, bound = n.vector or "out", bounds[n.name]
            limit = 2.0 ** (15 - la.fracs[name])
            found[name] = {
                "bound": bound if np.isfinite(bound) else None,
                "limit": limit,
                "may_saturate": bool(bound > limit),
            }
        out.append(found)
    return out


def make_manifest(
    network: Network,
    q: QNetwork,
    p: Program,
    data: bytes,
    *,
    checkpoint: Checkpoint | None,
    cell: str,
    block: int | None,
    sharing: str,
    compiler: str,
    source: Mapping[str, Any],
    calibrate: np.ndarray | None,
    files: Mapping[str, str],
) -> dict[str, Any]:
    """The manifest of an image folder, as :data:`golden.schema.MANIFEST` says."""
    c = p.config
    times = timing.predict(p, PREDICTED_FRAMES)
    interval = timing.interval(times.last_out)
    issue, loop = issue_cycles(p), recurrence_cycles(network, c)
    vectors = _vectors(q)
    saturated = Saturations()
    if calibrate is not None:
        q.quantise_inputs(calibrate, saturated)
    return {
        "schema": schema.VERSION,
        "kind": "image",
        "config": dataclasses.asdict(c),
        "config_hash": image.config_hash(c),
        "streams": p.streams,
        "cell": cell,
        "sharing": sharing,
        "compiler": compiler,
        "block": block,
        "inputs": p.inputs,
        "outputs": p.outputs,
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
        "formats": {
            "data_w": c.data_w,
            "state_w": c.state_w,
            "state_frac": c.state_frac,
            "x_frac": q.x_frac,
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
        "saturation": {
            "x_limit": 2.0 ** (c.data_w - 1 - q.x_frac),
            "x_saturated": None if calibrate is None else saturated["input"],
            "vectors": [
                f"{name}_l{n}"
                for n, found in enumerate(vectors)
                for name, v in found.items()
                if v["may_saturate"]
            ],
        },
        "kept_weights": q.kept_weights,
        "stored_weights": sum(
            int(np.count_nonzero(w)) for la in q.layers for w in la.weights.values()
        ),
        "pes": c.pes,
        "image": _image_contents(p, data),
        "pattern": _pattern(network, checkpoint, block, c),
        "predicted": {
            "cycles_per_frame": interval,
            "latency_idle": int(times.last_out[0]),
            "issue_cycles": issue,
            "mac_efficiency": _ratio(q.kept_weights, c.pes * issue),
            "frame_efficiency": _ratio(q.kept_weights, c.pes * interval),
        },
        "bounds": {
            "issue_cycles": int(p.bound_words),
            "recurrence_cycles": loop,
            "bound_by_recurrence": loop > q.kept_weights / c.pes,
        },
        "source": {**source, "csb": dict(network.csb), "calibrated": calibrate is not None},
        "files": dict(files),
    }


def _ratio(a: float, b: float) -> float:
    return float(a / b) if b else 0.0


@dataclasses.dataclass(frozen=True)
class Image:
    """An image folder in memory."""

    manifest: dict[str, Any]
    program: Program
    network: QNetwork
    data: bytes


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
        checkpoint_path: state dict (:mod:`golden.checkpoint`), ONNX or description file, of a
            model of one direction; :mod:`golden.passes` builds the others.
        config_name: a named configuration, or one.
        out_dir: the folder; None writes nothing.
        block: block size of the pattern; ``auto``: see :func:`choose_block`, and if that does not
            know either, the one that costs fewest cycles.
        sharing: one of ``golden.config.SHARING``; None for what the configuration has.
        compiler: ``default``.
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
    if compiler not in COMPILERS:
        raise CompileError(f"unknown compiler '{compiler}': known are {', '.join(COMPILERS)}")
    chosen = c.choose_sharing(sharing)
    block_size = choose_block(block, c, {"block": network.block})
    samples = None if calibrate is None else np.asarray(calibrate)
    if q is None:
        q = quantise.quantise(network, c, samples, initial)
    if cell is None:
        cell = checkpoint.cell if checkpoint is not None else network.layers[0].cell.name
    p = _fastest(q, c, streams, chosen, block_size)
    data = assemble.assemble(p)

    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch)
        (made / "image.bin").write_bytes(data)
        (made / "image.memh").write_text(image.memh(data))
        for name, text in memory_files(c, data).items():
            (made / name).write_text(text)
        (made / "listing.txt").write_text(listing(p))
        store.save_program(made / "program.npz", p)
        store.save_network(made / "network.npz", q)
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
            sharing=chosen,
            compiler=compiler,
            source={"name": source.name, "sha256": _sha256(source.read_bytes())},
            calibrate=samples,
            files={f.name: _sha256(f.read_bytes()) for f in sorted(made.iterdir())},
        )
        write_json(made / "manifest.json", manifest, schema.MANIFEST)
        if out_dir is not None:
            with staged(Path(out_dir), "manifest.json") as folder:
                shutil.copytree(made, folder, dirs_exist_ok=True)
    return Image(manifest, p, q, data)


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


def load_image(folder: str | Path) -> Image:
    """Read an image folder.

    Raises:
        UsageError, StoreError: it is none, or a file is missing or was changed.
    """
    folder = Path(folder)
    path = folder / "manifest.json"
    if not path.is_file():
        raise UsageError(f"{folder}: no image folder, it has no manifest.json")
    try:
        manifest = json.loads(path.read_text())
    except ValueError as error:
        raise UsageError(f"{path}: not JSON: {error}") from None
    try:
        schema.check(manifest, schema.MANIFEST)
    except schema.SchemaError as error:
        raise UsageError(f"{path}: {error}") from None
    if manifest["schema"] != schema.VERSION or manifest["kind"] != "image":
        raise UsageError(f"{path}: expected an image of schema {schema.VERSION}")
    for name in ("image.bin", "program.npz", "network.npz"):
        file = folder / name
        if not file.is_file():
            raise UsageError(f"{file}: no such file")
        if _sha256(file.read_bytes()) != manifest["files"].get(name):
            raise UsageError(f"{file}: is not the file that manifest.json describes")
    program = store.load_program(folder / "program.npz")
    network = store.load_network(folder / "network.npz")
    data = (folder / "image.bin").read_bytes()
    if assemble.assemble(program) != data:
        raise UsageError(f"{folder}: image.bin is not the image of program.npz")
    return Image(manifest, program, network, data)


# --- cycles -----------------------------------------------------------------------------------


def frame_cycles(last_out: np.ndarray, first_in: int) -> np.ndarray:
    """Distances between the last output beats of consecutive frames; entry 0 is from the first
    input beat taken.

    Args:
        last_out: [frames] cycle of the last output beat of each frame.
        first_in: cycle in which the first beat of frame 0 was taken.
    """
    return np.diff(last_out, prepend=first_in)


def steady_frames(lengths: Sequence[int]) -> np.ndarray:
    """Which frames count for the interval: those from 20 on of a sequence of at least 220, else
    the second half (the first frame of a sequence never); their mean distance is the interval,
    for one sequence as :func:`golden.timing.interval`.

    Args:
        lengths: frames of each sequence.

    Returns:
        bool [all frames].
    """
    starts = [20 if n >= 220 else max(1, n // 2) for n in lengths]
    return np.concatenate([np.arange(n) >= s for n, s in zip(lengths, starts, strict=True)])


@dataclasses.dataclass
class Comparison:
    """Sequences that ran on the RTL, beside what the models say. Arrays are over all frames that
    were sent, streams interleaved; what never came out counts as different.

    Attributes:
        lengths: frames of each sequence.
        outputs: int [frames, outputs], zero where nothing came out.
        cycles_measured, cycles_predicted: [frames], see :func:`frame_cycles`; -1: never came.
        latency: [frames] first input beat taken -> last output beat, in cycles; -1: never came.
        state: final state of the last sequence, key -> int [streams, H].
        busy, busy_frames: cycles of useful work of each PEGroup in so many frames.
        counters: of the machine, in the same frames (saturations: in all).
    """

    lengths: list[int]
    outputs: np.ndarray
    mismatches: int
    state_mismatches: int
    cycles_measured: np.ndarray
    cycles_predicted: np.ndarray
    latency: np.ndarray
    state: dict[str, np.ndarray]
    busy: np.ndarray
    busy_frames: int
    counters: dict[str, int]
    cycles: int
    seconds: float
    error: int
    stuck: bool

    @property
    def cycle_mismatches(self) -> int:
        """Frames that did not come in the predicted cycle."""
        return int((self.cycles_measured != self.cycles_predicted).sum())


def merge(parts: Sequence[Comparison]) -> Comparison:
    """Several comparisons as one; the state is that of the last."""

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])

    counters: Counter[str] = Counter()
    for part in parts:
        counters.update(part.counters)
    return Comparison(
        lengths=[n for part in parts for n in part.lengths],
        outputs=joined("outputs"),
        mismatches=sum(part.mismatches for part in parts),
        state_mismatches=sum(part.state_mismatches for part in parts),
        cycles_measured=joined("cycles_measured"),
        cycles_predicted=joined("cycles_predicted"),
        latency=joined("latency"),
        state=parts[-1].state,
        busy=np.sum([part.busy for part in parts], axis=0),
        busy_frames=sum(part.busy_frames for part in parts),
        counters=dict(counters),
        cycles=sum(part.cycles for part in parts),
        seconds=sum(part.seconds for part in parts),
        error=next((part.error for part in parts if part.error), 0),
        stuck=any(part.stuck for part in parts),
    )


def judge(
    got: RunResult,
    lengths: Sequence[int],
    want: Ints,
    want_state: Mapping[str, Ints],
    predicted: np.ndarray,
    count_last: bool = False,
) -> Comparison:
    """What came out of the RTL beside what should have.

    Args:
        got: the run.
        lengths: frames of each sequence.
        want: int [frames, outputs], the fixed model's.
        want_state: its state after the last sequence, key -> int [streams, H].
        predicted: [longest sequence] cycle of the last output beat of each frame, from idle; a
            shorter sequence takes the first of them.
        count_last: counters were read after the last sequence only.
    """
    frames = sum(lengths)
    came, taken = min(len(got.out_cycles), frames), len(got.in_cycles)
    outputs = np.zeros_like(want)
    if came:
        outputs[:came] = got.outputs[:came]
    differ = outputs != want
    differ[came:] = True
    measured, latency = np.full(frames, -1, np.int64), np.full(frames, -1, np.int64)
    both = min(came, taken)
    latency[:both] = got.out_cycles[:both] - got.in_cycles[:both]
    at = 0
    for n in lengths:
        end = min(at + n, came)
        if end > at:
            measured[at:end] = frame_cycles(got.out_cycles[at:end], got.in_cycles[at])
        at += n
    return Comparison(
        lengths=list(lengths),
        outputs=outputs,
        mismatches=int(differ.sum()),
        state_mismatches=sum(int((got.state[k] != v).sum()) for k, v in want_state.items()),
        cycles_measured=measured,
        cycles_predicted=np.concatenate([frame_cycles(predicted[:n], 0) for n in lengths]),
        latency=latency,
        state=got.state,
        busy=got.busy,
        busy_frames=lengths[-1] if count_last else frames,
        counters=got.counters,
        cycles=got.cycles,
        seconds=got.seconds,
        error=got.error,
        stuck=got.stuck,
    )


def check_size(p: Program, frames: int, sim: str) -> None:
    """Refuse a run that the simulation top cannot hold.

    Raises:
        UsageError: it has too many frames or beats.
    """
    if sim not in SIM_BEATS:
        raise UsageError(f"unknown simulator '{sim}': known are {', '.join(SIM_BEATS)}")
    limit = min(SIM_FRAMES, SIM_BEATS[sim] // max(p.in_beats, p.out_beats))
    if frames > limit:
        raise UsageError(
            f"{frames} frames: {sim} runs {limit} of this size at once; cut the inputs in pieces "
            "and start each from the state.npz of the one before"
        )


def compare(
    p: Program,
    sequences: Sequence[Ints],
    want: Ints,
    want_state: Mapping[str, Ints],
    predicted: np.ndarray,
    work: Path,
    *,
    sim: str = "verilator",
    state: Mapping[str, Ints] | None = None,
    waves: bool = False,
    stall: str = "none",
    count_last: bool = False,
) -> Comparison:
    """Run sequences on the RTL and compare: see :func:`judge` for ``want`` and ``predicted``.

    Args:
        p: the program.
        sequences: int [frames, inputs] each, streams interleaved.
        work: folder for the files of the run.
        state: what every sequence starts from, key -> int [streams, H]; zero if None.
        stall: who stalls at random, a key of :data:`STALLS`.
        count_last: read counters after the last sequence only, which is quicker.

    Raises:
        SimulationError: the simulation failed.
    """
    # The benches stand above this package: only what runs the RTL needs them.
    from tb.simulate import simulate

    got = simulate(
        p,
        np.concatenate(sequences),
        work.resolve(),
        sim=sim,
        sequences=[len(x) for x in sequences],
        state=None if state is None else dict(state),
        waves=waves,
        stall=STALLS[stall],
        count_last=count_last,
    )
    return judge(got, [len(x) for x in sequences], want, want_state, predicted, count_last)


def report(
    comparison: Comparison,
    p: Program,
    *,
    sim: str,
    stall: str = "none",
    input_saturations: int = 0,
) -> dict[str, Any]:
    """The report of a comparison, as :data:`golden.schema.REPORT` says.

    * ``cycles_per_frame``: the interval, streams counted together
    * ``latency_idle``: frame 0; ``latency_steady``: median of the frames of the interval
    * ``mac_efficiency``: kept weights / (PEs x ``issue_cycles``), see :func:`issue_cycles`
    * ``busy_pe_utilisation``: useful issues of all PEGroups, as the hardware counts them /
      (PEGroups x frames counted x ``issue_cycles``)
    * ``frame_efficiency``: kept weights / (PEs x ``cycles_per_frame``)
    """
    c, r = p.config, comparison
    frames = sum(r.lengths)
    steady = steady_frames(r.lengths)
    if not steady.any():
        steady[:] = True
    interval = float(r.cycles_measured[steady].mean())
    issue = issue_cycles(p)
    codes = {code: name for name, (code, _) in ERRORS.items()}
    value = {
        "schema": schema.VERSION,
        "frames": frames,
        "sequences": len(r.lengths),
        "streams": p.streams,
        "mismatches": r.mismatches,
        "state_mismatches": r.state_mismatches,
        "cycle_mismatches": r.cycle_mismatches if stall == "none" else None,
        "saturations": int(r.counters.get("SATURATIONS", 0)),
        "input_saturations": int(input_saturations),
        "frame_cycles": r.cycles_measured.tolist(),
        "frame_cycles_predicted": r.cycles_predicted.tolist(),
        "cycles_per_frame": interval,
        "cycles_per_frame_predicted": float(r.cycles_predicted[steady].mean()),
        "latency_idle": int(r.latency[0]),
        "latency_steady": float(np.median(r.latency[steady])),
        "kept_weights": int(p.kept_weights),
        "pes": c.pes,
        "issue_cycles": issue,
        "mac_efficiency": _ratio(p.kept_weights, c.pes * issue),
        "busy_pe_utilisation": _ratio(int(r.busy.sum()), c.groups * r.busy_frames * issue),
        "frame_efficiency": _ratio(p.kept_weights, c.pes * interval),
        "config": c.name,
        "sim": sim,
        "stall": stall,
        "error": codes.get(r.error, str(r.error)),
        "stuck": r.stuck,
        "cycles": int(r.cycles),
        "cycles_per_second": _ratio(r.cycles, r.seconds),
        "counters": {k: int(v) for k, v in r.counters.items()},
    }
    schema.check(value, schema.REPORT)
    return value


def is_equal(value: Mapping[str, Any]) -> bool:
    """Whether a report (or a summary row) shows no mismatch of any kind."""
    wrong = ("mismatches", "state_mismatches", "cycle_mismatches", "stuck")
    return not any(value[k] for k in wrong) and value["error"] == "none"


# --- image -> run -----------------------------------------------------------------------------


def interleave(x: np.ndarray) -> np.ndarray:
    """``[streams, frames, n]`` to ``[streams * frames, n]`` in the machine's order: frame after
    frame, one of each stream."""
    return np.swapaxes(x, 0, 1).reshape(-1, x.shape[-1])


def _inputs(x: ArrayLike, img: Image) -> tuple[Ints, int]:
    """Inputs as integers [streams, frames, inputs], and how many of them saturated.

    Raises:
        UsageError, QuantError: wrong shape, NaN or infinity.
    """
    x, streams, width = np.asarray(x), img.program.streams, img.network.inputs
    wanted = f"[frames, {width}]" if streams == 1 else f"[{streams}, frames, {width}]"
    if x.ndim != (2 if streams == 1 else 3) or x.shape[-1] != width or 0 in x.shape:
        raise UsageError(f"inputs have shape {list(x.shape)}, expected {wanted}")
    if streams > 1 and len(x) != streams:
        raise UsageError(f"inputs have shape {list(x.shape)}, expected {wanted}")
    counts = Saturations()
    ints = img.network.quantise_inputs(x, counts)
    return ints.reshape(streams, -1, width), counts["input"]


def _state(state: Mapping[str, ArrayLike] | None, img: Image) -> dict[str, Ints] | None:
    """Initial state as integers, key -> [streams, H].

    Raises:
        UsageError, QuantError: an unknown name, a wrong shape, NaN or infinity.
    """
    if state is None:
        return None
    streams = img.program.streams
    ints = img.network.quantise_state(state)
    for key, v in ints.items():
        if v.ndim == 2 and len(v) != streams:
            raise UsageError(f"state '{key}' has {len(v)} streams, the image has {streams}")
    return {k: np.broadcast_to(v, (streams, v.shape[-1])).copy() for k, v in ints.items()}


def run(
    image_dir: str | Path,
    x: ArrayLike,
    state: Mapping[str, ArrayLike] | None = None,
    out: str | Path | None = None,
    *,
    sim: str = "verilator",
    waves: bool = False,
    stall: str = "none",
    timeline: bool = False,
) -> dict[str, Any]:
    """Run an image folder on the RTL and compare with the fixed and the timing model.

    Writes ``outputs.npy`` (float32, shaped as ``x`` but as wide as the last layer), ``state.npz``
    (final state, torch's keys, float32 ``[hidden]`` or ``[streams, hidden]``), ``report.json``,
    with ``waves`` also ``waves.fst``, with ``timeline`` ``trace.json`` and ``losses.json``. All
    floats are exact, so a run that starts from the ``state.npz`` of another continues it bit for
    bit.

    Args:
        image_dir: from :func:`build_image`.
        x: float inputs ``[frames, inputs]``, with several streams ``[streams, frames, inputs]``.
        state: initial state ``[hidden]`` or ``[streams, hidden]``; absent states are zero. None:
            the one that came with the model, or zero.
        out: folder for the results; None writes nothing.
        sim: ``verilator`` or ``icarus``.
        waves: record every signal.
        stall: who stalls at random, a key of :data:`STALLS`; cycles are not compared then.
        timeline: write who worked when and where cycles were lost, see :mod:`golden.trace`.

    Returns:
        The report.

    Raises:
        UsageError, StoreError, QuantError: bad input; nothing is written.
        SimulationError: the simulation failed.
    """
    if stall not in STALLS:
        raise UsageError(f"unknown stall '{stall}': known are {', '.join(STALLS)}")
    if timeline and stall != "none":
        raise UsageError("a trace is of the machine that nobody stalls: not with --stall")
    img = load_image(image_dir)
    p, q = img.program, img.network
    single = p.streams == 1
    ints, saturated = _inputs(x, img)
    given = Path(image_dir) / "initial.npz"
    if state is None and given.is_file():
        state = read_state(given)
    initial = _state(state, img)
    frames = interleave(ints)
    check_size(p, len(frames), sim)
    if len(img.data) // 4 > SIM_IMAGE_WORDS[sim]:
        raise UsageError(f"the image has {len(img.data) // 4} words, too many for {sim}")
    if out is not None and Path(out).exists() and not Path(out).is_dir():
        raise UsageError(f"{out}: is a file, not a folder")

    want, want_state = FixedModel(q, p.config).run(ints, initial)
    times = trace.timeline(p, len(frames)) if timeline else None
    predicted = timing.predict(p, len(frames)) if times is None else times.times
    work = Path(tempfile.mkdtemp())  # stays if the simulation fails: its log is there
    comparison = compare(
        p,
        [frames],
        interleave(want),
        want_state,
        predicted.last_out,
        work,
        sim=sim,
        state=initial,
        waves=waves,
        stall=stall,
    )
    result = report(comparison, p, sim=sim, stall=stall, input_saturations=saturated)
    if out is not None:
        y = comparison.outputs.reshape(-1, p.streams, p.outputs).swapaxes(0, 1)
        final = q.state_float(comparison.state)
        with staged(Path(out), "report.json") as folder:
            np.save(folder / "outputs.npy", q.output_float(y[0] if single else y))
            np.savez(folder / "state.npz", **{k: v[0] if single else v for k, v in final.items()})
            write_json(folder / "report.json", result, schema.REPORT)
            if times is not None:
                (folder / "trace.json").write_text(json.dumps(trace.trace_events(times)) + "\n")
                write_json(folder / "losses.json", trace.losses(times).record(), schema.LOSSES)
            for wave in list(work.rglob("*.fst"))[:1] if waves else []:
                shutil.copyfile(wave, folder / "waves.fst")
    shutil.rmtree(work)
    return result
