# SPDX-License-Identifier: Apache-2.0
"""The design as tools see it: its files, and its instances in a configuration."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from csb_rnn.errors import CsbError
from csb_rnn.machine.folders import HDL, ROOT

FILE_LIST = HDL / "files.f"
WAIVERS = HDL / "csb_waivers.vlt"
TOP = "csb_top"


class DesignError(CsbError, RuntimeError):
    """A module has no file, or the design does not elaborate."""


class Instance(NamedTuple):
    """A module instance; ``parameters`` are those set by its parent, so no derived ones."""

    path: str
    module: str
    parameters: tuple[tuple[str, int], ...]


@functools.cache
def file_list() -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Sources and include folders of the design, in the order of ``hdl/files.f``."""
    lines = [line.split("//")[0].strip() for line in FILE_LIST.read_text().splitlines()]
    folders = [line.removeprefix("+incdir+") for line in lines if line.startswith("+")]
    sources = [line for line in lines if line and not line.startswith("+")]
    return tuple(HDL / name for name in sources), tuple(HDL / name for name in folders)


def needed_files(top: str, extra: Sequence[Path] = ()) -> list[Path]:
    """Sources and headers for ``top``, in compile order.

    Every file is named after the module, package or header in it, so a file needs those whose names
    occur in it. With only these in a build, an edit elsewhere in the design does not outdate it.

    Args:
        top: a module.
        extra: files beside those of ``hdl/files.f``, such as the top of a test bench. One that
            binds its module into others is needed although none of them names it.
    """
    sources, includes = file_list()
    headers = [header for folder in includes for header in sorted(folder.glob("*.svh"))]
    files = {file.stem: file for file in (*headers, *sources, *extra)}
    if top not in files:
        raise DesignError(f"no source file for '{top}': is it in {FILE_LIST.relative_to(ROOT)}?")
    needed: set[str] = set()
    todo = [top, *(f.stem for f in extra if re.search("^bind ", f.read_text(), re.MULTILINE))]
    while todo:
        name = todo.pop()
        needed.add(name)
        words = set(re.findall(r"\w+", files[name].read_text()))
        todo += (words & files.keys()) - needed
    return [file for name, file in files.items() if name in needed]


def needed_sources(top: str, extra: Sequence[Path] = ()) -> list[Path]:
    """:func:`needed_files` without the headers: the input of a tool, with the include folders."""
    return [file for file in needed_files(top, extra) if file.suffix == ".sv"]


class Port(NamedTuple):
    """A port of a module: name, direction, bits."""

    name: str
    is_input: bool
    width: int


def _compile(top: str, parameters: Mapping[str, int], extra: Sequence[Path] = ()):
    """The design below ``top``, elaborated by slang: the driver, which has to live on, and the
    compilation.

    Raises:
        DesignError: slang is missing or finds an error.
    """
    try:
        from pyslang.driver import Driver
    except ImportError:
        raise DesignError("the design is read by pyslang: pip install 'csb-rnn[rtl]'") from None
    arguments = [f"-G{p}={v}" for p, v in parameters.items()]
    arguments += [f"-I{folder}" for folder in file_list()[1]]
    driver = Driver()
    driver.addStandardArgs()
    arguments += ["--top", top, *map(str, needed_sources(top, extra))]
    driver.parseCommandLine(" ".join(["slang", *arguments]))
    if not (driver.processOptions() and driver.parseAllSources()):
        raise DesignError(f"{top} does not parse")
    compilation = driver.createCompilation()
    if not compilation.getRoot().topInstances:
        raise DesignError(f"{top} does not elaborate")
    return driver, compilation


def ports(top: str, parameters: Mapping[str, int]) -> list[Port]:
    """The ports of a module with these parameters, in their order.

    Raises:
        DesignError: slang finds an error.
    """
    from pyslang import ast

    _driver, compilation = _compile(top, parameters)
    found = compilation.getRoot().topInstances[0].body.portList
    return [Port(p.name, p.direction == ast.ArgumentDirection.In, p.type.bitWidth) for p in found]


def elaborate(
    top: str, parameters: Mapping[str, int], extra: Sequence[Path] = ()
) -> list[Instance]:
    """All instances below ``top``, itself first, parents before their children.

    Raises:
        DesignError: slang finds an error.
    """
    from pyslang import ast

    _driver, compilation = _compile(top, parameters, extra)
    instances: list[Instance] = []

    def visit(symbol: ast.Symbol) -> None:
        if isinstance(symbol, ast.InstanceSymbol) and symbol.isModule:
            own = [p for p in symbol.body.parameters if p.isOverridden]
            values = {p.name: int(p.value.convertToInt().value) for p in own}
            path, module = symbol.hierarchicalPath, symbol.definition.name
            given = values if instances else parameters  # slang does not call those overridden
            instances.append(Instance(path, module, tuple(given.items())))

    compilation.getRoot().visit(visit)
    return instances
