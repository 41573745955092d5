# SPDX-License-Identifier: Apache-2.0
"""Lints the design and the Python code; exits with 1 on any finding.

Verilator (-Wall), slang and Icarus see every module alone as top, with every set of parameters
that it has somewhere in a named configuration; waivers are in ``hdl/csb_waivers.vlt`` only.
No test reads a clock (``clocks.py``). ``--fix`` rewrites the formatting of both languages, and
what ruff can mend, instead.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from clocks import clock_findings
from pyslang import syntax

from csb_rnn import commands
from csb_rnn.experiments.reports import measured
from csb_rnn.machine import config, design, folders
from csb_rnn.simulation import launcher

BIN = Path(sys.executable).parent
HDL_FILES = sorted(design.HDL.rglob("*.sv"))
FORMATTED = [*HDL_FILES, *design.HDL.rglob("*.svh"), *(folders.ROOT / "tb").rglob("*.sv")]
INCLUDES = [f"-I{folder}" for folder in design.file_list()[1]]

# slang has no command in its wheel. Of -Wextra we leave out what contradicts our own rules: a
# `default` in every `unique case`, and casts that are needed for other parameters only.
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
    """One run of one tool."""

    tool: str
    subject: str
    command: list[str]


def modules_of(file: Path) -> list[str]:
    """Names of the modules in a file."""
    tree = syntax.SyntaxTree.fromFile(str(file))  # owns what the loop looks at
    modules = [m for m in tree.root.members if m.kind == syntax.SyntaxKind.ModuleDeclaration]
    return [module.header.name.value for module in modules]


def rtl_jobs() -> Iterator[Job]:
    """Every module with every distinct set of its parameters."""
    listed = [file for file in HDL_FILES if file in design.file_list()[0]]
    tops = [top for file in listed for top in modules_of(file)]
    # What is to be seen, and one of the configurations in which it occurs.
    todo: dict[tuple[str, tuple[tuple[str, int], ...]], str] = {}
    for name in config.names() if design.TOP in tops else ():
        for _, top, parameters in design.elaborate(design.TOP, config.rtl_parameters(name)):
            todo.setdefault((top, parameters), name)
    for top in set(tops) - {top for top, _ in todo}:
        todo[top, ()] = "no configuration"
    for (top, parameters), name in sorted(todo.items()):
        yield from module_jobs(top, parameters, name, design.needed_sources(top))


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


def layout_findings() -> list[str]:
    """A module's file is named after it, and in the list of files."""
    listed = set(design.file_list()[0])
    findings = [f"{file}: not in hdl/files.f" for file in HDL_FILES if file not in listed]
    for file in HDL_FILES:
        findings += [f"{file}: holds {m}" for m in modules_of(file) if m != file.stem]
    return findings


def execute(job: Job) -> str:
    """Runs a job; returns its finding, or nothing."""
    environment = {**os.environ, **launcher.tool_env()}
    done = subprocess.run(job.command, env=environment, capture_output=True, text=True, check=False)
    # As a set, in order: Icarus repeats itself for every instance.
    output = dict.fromkeys((done.stdout + done.stderr).splitlines())
    lines = [line for line in output if ICARUS_NOISE not in line]
    if done.returncode == 0 and (not lines or job.tool == "verible"):
        return ""
    return "\n".join(lines) or f"exit code {done.returncode}"


def main() -> int:
    parser = commands.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--fix", action="store_true", help="rewrite formatting instead of linting")
    fix = parser.parse_args().fix

    started = time.monotonic()
    misplaced = [] if fix else layout_findings()
    clocks = [] if fix else clock_findings(folders.ROOT)
    jobs = [*format_jobs(fix), *([] if fix else rtl_jobs())]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outputs = list(pool.map(execute, jobs))
    runs = Counter(job.tool for job in jobs)
    # One finding often shows in several configurations: print it once.
    results = zip(jobs, outputs, strict=True)
    unique = {(job.tool, text): job.subject for job, text in results if text}
    for (tool, text), subject in unique.items():
        print(f"--- {tool}: {subject}\n{text}\n")
    for text in [*misplaced, *clocks]:
        print(text)
    findings = Counter(tool for tool, _ in unique)
    print(f"{'tool':<10}{'runs':>6}{'findings':>10}")
    findings.update({"layout": len(misplaced), "clocks": len(clocks)})
    for tool, count in [("layout", len(HDL_FILES)), ("clocks", 1), *runs.items()]:
        print(f"{tool:<10}{count:>6}{findings[tool]:>10}")
    for line in [] if fix else measured.stale():
        print(f"warning: {line}")
    print(f"{time.monotonic() - started:.0f} s")
    return 1 if unique or misplaced or clocks else 0


if __name__ == "__main__":
    commands.run(main)
