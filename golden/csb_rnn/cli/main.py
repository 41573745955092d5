# SPDX-License-Identifier: Apache-2.0
"""``csb-rnn SUBCOMMAND``, and the same subcommands as scripts of their own."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType

from csb_rnn import __version__, commands

SUBCOMMANDS = ("prune", "build", "simulate", "estimate", "explore", "evaluate", "check", "rtl")


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"csb_rnn.cli.{name}")


def _whole() -> int:
    parser = commands.Parser(prog="csb-rnn", description="Pruned recurrent networks on hardware.")
    parser.add_argument("--version", action="version", version=f"csb-rnn {__version__}")
    choices = parser.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND")
    for name in SUBCOMMANDS:
        module = _module(name)
        module.add(choices.add_parser(name, help=module.HELP, description=module.HELP))
    arguments = parser.parse_args()
    return int(_module(arguments.subcommand).run(arguments))


def main() -> None:
    """Entry point of ``csb-rnn``."""
    commands.run(_whole)


def script(name: str) -> Callable[[], int]:
    """The main function of a script that is one subcommand, with its name and options unchanged."""
    module = _module(name)

    def one() -> int:
        parser = commands.Parser(description=module.HELP)
        module.add(parser)
        return int(module.run(parser.parse_args()))

    return one


if __name__ == "__main__":
    main()
