# SPDX-License-Identifier: Apache-2.0
"""The command ``csb-rnn``: one module a subcommand, each parses, calls the package and prints.

A subcommand is a module with ``HELP``, ``add(parser)`` and ``run(arguments) -> exit code``.
"""
