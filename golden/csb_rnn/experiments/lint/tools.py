# SPDX-License-Identifier: Apache-2.0
"""Tools of ``make lint``, and the calls of each.

slang and Icarus see every module alone as top, with every set of its parameters somewhere in a
named configuration. Verilator reads them inside `csb_top`, once for each named configuration, since
it warns of an instance as it does of a top. ruff, verible and mypy see every file once.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from csb_rnn.machine import config, design, folders
from csb_rnn.simulation import toolchain

BIN = Path(sys.executable).parent
HDL_FILES = sorted(design.HDL.rglob("*.sv"))
FORMATTED = [*HDL_FILES, *design.HDL.rglob("*.svh"), *(folders.ROOT / "tb").rglob("*.sv"),
             *(folders.ROOT / "formal").rglob("*.sv")]  # fmt: skip
CONFIG = folders.ROOT / "pyproject.toml"
INCLUDES = [f"-I{folder}" for folder in design.file_list()[1]]

# slang has no command in its wheel. Of -Wextra we leave out rules against our own: a
# `default` in every `unique case`, and casts needed for other parameters only.
SLANG = """
import sys
from pyslang.driver import Driver
d = Driver()
d.addStandardArgs()
args = " ".join(sys.argv)
ok = d.parseCommandLine(args) and d.processOptions() and d.parseAllSources()
sys.exit(not (ok and d.runFullCompilation(True)))
"""
SLANG_WARNINGS = ["-Wextra", "-Werror", "-Wno-case-redundant-default", "-Wno-useless-cast"]

# Icarus says so of every part-select in an always_comb: it watches the whole vector, which
# simulates the same. There is no option to turn this off.
ICARUS_NOISE = "sorry: constant selects in always_* processes are not currently supported"


class Job(NamedTuple):
    """One call of one tool."""

    tool: str
    subject: str
    command: list[str]


def modules_of(file: Path) -> list[str]:
    """Names of the modules in a file."""
    from pyslang import syntax

    module = syntax.SyntaxKind.ModuleDeclaration
    tree = syntax.SyntaxTree.fromFile(str(file))  # owns the loop's slots
    members = tree.root.members if isinstance(tree.root, syntax.CompilationUnitSyntax) else ()
    modules = [m for m in members if isinstance(m, syntax.ModuleDeclarationSyntax)]
    return [str(m.header.name.value) for m in modules if m.kind == module]


def rtl_jobs() -> Iterator[Job]:
    """Every module with every distinct set of its parameters."""
    listed = [file for file in HDL_FILES if file in design.file_list()[0]]
    tops = [top for file in listed for top in modules_of(file)]
    # Each message to be seen, and one configuration with it.
    todo: dict[tuple[str, tuple[tuple[str, int], ...]], str] = {}
    inside: set[str] = set()  # modules that Verilator reads below csb_top
    for name in config.names() if design.TOP in tops else ():
        for _, top, parameters in design.elaborate(design.TOP, config.rtl_parameters(name)):
            todo.setdefault((top, parameters), name)
            inside |= {top} - {design.TOP}
    for top in set(tops) - {top for top, _ in todo}:
        todo[top, ()] = "no configuration"
    for (top, parameters), name in sorted(todo.items()):
        jobs = module_jobs(top, parameters, name, design.needed_sources(top))
        yield from (job for job in jobs if job.tool != "verilator" or top not in inside)


def module_jobs(
    top: str, parameters: tuple[tuple[str, int], ...], name: str, sources: Sequence[Path]
) -> Iterator[Job]:
    """The three tools on one module, whose parameters are those of a configuration ``name``."""
    subject = f"{top} as in {name}"
    generics = [f"-G{p}={v}" for p, v in parameters]
    files = [*INCLUDES, *map(str, sources)]
    verilator = ["verilator_bin", "--lint-only", "--quiet", "-Wall", "--top-module", top]
    yield Job("verilator", subject, [*verilator, *generics, str(design.WAIVERS), *files])
    slang = [sys.executable, "-c", SLANG, *SLANG_WARNINGS, "--top", top]
    yield Job("slang", subject, [*slang, *generics, *files])
    icarus = ["iverilog", "-g2012", "-Wall", "-t", "null", "-s", top]
    yield Job("icarus", subject, [*icarus, *(f"-P{top}.{p}={v}" for p, v in parameters), *files])


def format_jobs(fix: bool) -> Iterator[Job]:
    """ruff and verible over everything, checking or rewriting."""
    ruff = [str(BIN / "ruff")]
    root = str(folders.ROOT)
    yield Job("ruff", "check", [*ruff, "check", "--quiet", *(["--fix"] if fix else []), root])
    yield Job("ruff", "format", [*ruff, "format", "--quiet", *([] if fix else ["--check"]), root])
    for file in FORMATTED:
        mode = "--inplace" if fix else "--verify"
        command = [str(BIN / "verible-verilog-format"), mode, str(file)]
        yield Job("verible", str(file.relative_to(folders.ROOT)), command)


def type_jobs() -> Iterator[Job]:
    """mypy over the package, with the options of ``pyproject.toml``."""
    command = [sys.executable, "-m", "mypy", "--no-error-summary"]
    yield Job("mypy", "golden/csb_rnn", [*command, "--config-file", str(CONFIG)])


def layout_findings() -> list[str]:
    """A module's file is named after it, and in the list of files."""
    listed = set(design.file_list()[0])
    findings = [f"{file}: not in hdl/files.f" for file in HDL_FILES if file not in listed]
    for file in HDL_FILES:
        findings += [f"{file}: holds {m}" for m in modules_of(file) if m != file.stem]
    return findings


def execute(job: Job) -> str:
    """Runs a job; returns its finding, or nothing."""
    environment = {**os.environ, **toolchain.tool_env()}
    done = subprocess.run(
        job.command, cwd=folders.ROOT, env=environment, capture_output=True, text=True, check=False
    )
    # As a set, in order: Icarus repeats itself for every instance.
    output = dict.fromkeys((done.stdout + done.stderr).splitlines())
    lines = [line for line in output if ICARUS_NOISE not in line]
    if done.returncode == 0 and (not lines or job.tool == "verible"):
        return ""
    return "\n".join(lines) or f"exit code {done.returncode}"
