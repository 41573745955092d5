# SPDX-License-Identifier: Apache-2.0
"""``csb-rnn check``."""

from __future__ import annotations

import argparse
from pathlib import Path

from csb_rnn import commands, flow
from csb_rnn.cli.machine import CONFIG_HELP, describe
from csb_rnn.errors import UsageError
from csb_rnn.machine import own_config
from csb_rnn.network.read import read_model

HELP = "Read a model file, an image folder or a configuration, check it, and say what it holds."


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of the subcommand."""
    parser.add_argument("path", nargs="?", help="model file, or folder of csb-rnn build")
    parser.add_argument("--config", help=f"multipliers, memory, largest model of a {CONFIG_HELP}")
    parser.add_argument("--prefix", help="name prefix of the recurrent module in a state dict")


def _image(folder: Path) -> None:
    build = flow.load(folder)
    parts = ", ".join(part.name for part in build.parts)
    print(
        f"{folder}: {build.cell} {build.inputs} -> {build.outputs} on {build.config.name}, "
        f"{build.kept_weights} kept weights" + ("" if build.single else f"; parts: {parts}")
    )


def run(arguments: argparse.Namespace) -> int:
    """Check, and print lines about the configuration, each layer of the model, the folder."""
    if arguments.path is None and arguments.config is None:
        raise UsageError("expected a model file, an image folder or --config")
    if arguments.config is not None:
        describe(own_config.choose(arguments.config))
    if arguments.path is None:
        return commands.OK
    path = Path(arguments.path)
    if path.is_dir():
        _image(path)
        return commands.OK
    model, _ = read_model(path, arguments.prefix)
    for first, reverse, network in model.networks():
        for n, layer in enumerate(network.layers):
            print(
                f"layer {first + n}{' backwards' if reverse else ''}: {layer.cell.name} "
                f"{layer.inputs['x']} -> {layer.outputs}, {layer.kept_weights} kept weights"
            )
    states = ", ".join(f"{k} [{n}]" for k, n in model.state_shapes().items())
    given = ", ".join(model.initial)
    print(f"states: {states or 'none'}; with an initial value: {given or 'none'}")
    return commands.OK
