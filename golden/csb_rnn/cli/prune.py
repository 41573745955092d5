# SPDX-License-Identifier: Apache-2.0
"""``csb-rnn prune``, ``scripts/prune.py``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from csb_rnn import commands
from csb_rnn.api.cycle_target import prune_to_cycles
from csb_rnn.api.prune_onnx import prune_onnx
from csb_rnn.api.schemes import scheme_for
from csb_rnn.errors import UsageError
from csb_rnn.machine import own_config
from csb_rnn.network.checkpoint import Checkpoint
from csb_rnn.network.checkpoint_files import check_target, read_checkpoint
from csb_rnn.network.pruned_file import rewrite
from csb_rnn.pictures import check_name, save
from csb_rnn.pruning.oneshot import prune_checkpoint
from csb_rnn.pruning.post_training import prune_with_data
from csb_rnn.pruning.report import Pruned
from csb_rnn.pruning.schemes import Csb
from csb_rnn.system import untrusted

HELP = "Prune a checkpoint to compressed structured blocks at a rate, by size or with data."


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of the subcommand."""
    parser.add_argument("checkpoint", help=".pt, .safetensors or .npz state dict, or .onnx")
    parser.add_argument(
        "--block", type=commands.positive_int, default=32, help="side of a block (default 32)"
    )
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--rate", type=commands.rate, help="weights / non-zeros, met within 1 %%")
    how.add_argument(
        "--target-cycles",
        type=commands.positive_int,
        metavar="N",
        help="in place of a rate, with --config: as little as N cycles a frame allow; rates of the "
        "search are pruned and compiled",
    )
    parser.add_argument(
        "--align",
        type=commands.parse_align,
        default=(1, 1),
        metavar="PxQ",
        help="keep rows in groups of P, columns in groups of Q",
    )
    parser.add_argument(
        "--classes",
        type=commands.positive_int,
        default=1,
        metavar="N",
        help="kernels keep as many rows of each of N classes of a block's units, for machines with "
        "shared columns; --align counts for columns only",
    )
    parser.add_argument(
        "--config",
        metavar="NAME",
        help="configuration that the model is for (in hdl/configs.toml, or a TOML file): sets "
        "alignment and classes, and a block that fits",
    )
    parser.add_argument(
        "--data",
        metavar="X.npy",
        help="inputs of the recurrent layers, [frames, inputs] or [batch, frames, inputs]: the "
        "pattern and the weights that are left are those that change sums least; no labels",
    )
    parser.add_argument(
        "--refine",
        type=commands.positive_int,
        default=0,
        metavar="N",
        help="with --data: N steps of gradients at the end, towards the outputs of the source",
    )
    parser.add_argument("--prefix", help="name prefix of the recurrent module")
    parser.add_argument(
        "--out",
        required=True,
        help="pruned checkpoint, same choice of formats: as the source but for zeros",
    )
    parser.add_argument("--plot", metavar="FILE", help="picture of the kernels, .png, .svg or .pdf")


def _onnx(a: argparse.Namespace, scheme: Csb) -> int:
    """Prune an ONNX file to another."""
    for name in ("target_cycles", "plot", "prefix"):
        if getattr(a, name) is not None:
            raise UsageError(f"--{name.replace('_', '-')} is for state dicts, not for ONNX files")
    data = None if a.data is None else untrusted.read_npy(Path(a.data))
    kept = prune_onnx(a.checkpoint, a.out, scheme, a.rate, data=data, refine=a.refine, log=print)
    print(kept)
    print(f"{a.out}: rate {kept.rate:.4g}, block {scheme.block}")
    if data is None and kept.warning is not None:
        print(f"warning: {kept.warning}", file=sys.stderr)
    return commands.OK


def run(arguments: argparse.Namespace) -> int:
    """Prune, write, and say how much is kept, matrix by matrix."""
    a = arguments
    onnx = Path(a.checkpoint).suffix == ".onnx"
    if onnx != (Path(a.out).suffix == ".onnx"):
        raise UsageError("--out: of an ONNX file another one is written, and of no other file")
    if not onnx:
        check_target(a.out)
    if a.plot is not None:
        check_name(a.plot)
    if a.config is not None and (a.classes != 1 or a.align != (1, 1)):
        raise UsageError("--config sets alignment and classes: leave them out")
    if a.refine and a.data is None:
        raise UsageError("--refine is for pruning with --data")
    if a.target_cycles is not None and a.config is None:
        raise UsageError("--target-cycles is for pruning with --config")
    scheme = scheme_for(Csb(a.block, a.align, joint=a.data is not None), a.classes, a.config)
    assert isinstance(scheme, Csb)
    if onnx:
        return _onnx(a, scheme)
    checkpoint = read_checkpoint(a.checkpoint, a.prefix)
    data = None if a.data is None else untrusted.read_npy(Path(a.data))

    def fast(rate: float) -> tuple[Checkpoint, Pruned]:
        return prune_checkpoint(checkpoint, scheme, rate)

    def with_data(rate: float) -> tuple[Checkpoint, Pruned]:
        assert data is not None
        return prune_with_data(checkpoint, scheme, rate, data, refine=a.refine, log=print)

    last = fast if data is None else with_data
    if a.target_cycles is None:
        pruned, kept = last(a.rate)
    else:
        c = own_config.choose(a.config)
        pruned, kept, taken = prune_to_cycles(c, a.target_cycles, fast, last, print)
        print(f"{taken:g} cycles a frame on {c.name}, {a.target_cycles} allowed")
    picture = None
    if a.plot is not None:
        from csb_rnn.api.plots import plot_kernels

        picture = plot_kernels(pruned.tensors, scheme.block)
    rewrite(a.checkpoint, a.out, pruned)
    if picture is not None:
        save(picture, a.plot)
    print(kept)
    classes = pruned.csb.get("classes", 1)
    print(
        f"{a.out}: {pruned.cell}, {pruned.kept_weights} of {pruned.weights} weights kept,"
        f" rate {pruned.rate:.4g}, block {scheme.block}, "
        + (f"{classes} classes" if classes > 1 else "aligned {}x{}".format(*scheme.align))
    )
    if a.data is None and kept.warning is not None:
        print(f"warning: {kept.warning}", file=sys.stderr)
    return commands.OK
