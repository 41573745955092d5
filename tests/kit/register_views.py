# SPDX-License-Identifier: Apache-2.0
"""The register files of a kit, each read by a tool of others: the C compiler, an XML parser, the
SystemRDL compiler. All give the same kind of record."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

from systemrdl import RDLCompiler
from systemrdl.node import FieldNode

from tb.lib.register_checks import Field

PRINTER = """\
#include <stdio.h>
#include "csb_regs.h"
#include "csb_config.h"
#define FIELD(r, f, offset, lsb, width, access) \\
  printf("field %s %s %u %u %u %s %u\\n", #r, #f, offset, lsb, width, #access, CSB_REG_##r);
#define RESET(r, value) printf("reset %s %u\\n", #r, value);
int main(void) { CSB_FIELD_LIST(FIELD) CSB_THIS_RESET_LIST(RESET) return 0; }
"""


def _part(value: int, lsb: int, width: int) -> int:
    return value >> lsb & (1 << width) - 1


def of_header(driver: Path, work: Path) -> list[Field]:
    """From ``csb_regs.h`` and ``csb_config.h`` by a C program that prints their lists; bits are
    those of the macros ``_LSB`` and ``_MASK`` if the register has fields with names."""
    (work / "printer.c").write_text(PRINTER)
    command = ["gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", f"-I{driver}"]
    subprocess.run([*command, "printer.c", "-o", "printer"], cwd=work, check=True)
    said = subprocess.run([work / "printer"], capture_output=True, text=True, check=True).stdout
    macros = ["gcc", "-E", "-dM", driver / "csb_regs.h"]
    text = subprocess.run(macros, capture_output=True, text=True, check=True).stdout
    number = {k: int(v, 0) for k, v in re.findall(r"^#define (CSB_\w+) (\w+)u$", text, re.M)}
    resets = {k: int(v) for k, v in re.findall(r"^reset (\w+) (\d+)$", said, re.M)}
    found = []
    for line in re.findall(r"^field (.*)$", said, re.M):
        register, field, offset, lsb, width, access, base = line.split()
        name = f"CSB_{register}_{field}"
        mask = number.get(f"{name}_MASK", 0xFFFFFFFF)
        bits = number.get(f"{name}_LSB", 0), mask.bit_count()
        assert mask == (1 << bits[1]) - 1 << bits[0], name
        assert (int(lsb), int(width), int(offset)) == (*bits, int(base)), name
        value = _part(resets[register], *bits) if register in resets else None
        found.append(Field(register, field.lower(), int(base), *bits, access, value))
    return found


def of_svd(file: Path) -> list[Field]:
    """From the SVD file."""
    found = []
    for r in ElementTree.parse(file).iter("register"):

        def number(name: str, r: ElementTree.Element = r) -> int:
            return int(r.findtext(name, "0xFFFFFFFF"), 0)

        for f in r.iter("field"):
            high, lsb = map(int, re.findall(r"\d+", f.findtext("bitRange", "")))
            width = high - lsb + 1
            access = f.findtext("access") or r.findtext("access") or ""
            kind = {"read-only": "RO", "read-write": "RW", "write-only": "WO"}[access]
            if f.findtext("modifiedWriteValues") == "oneToClear":
                kind = "W1C"
            known = _part(number("resetMask"), lsb, width)
            value = _part(number("resetValue"), lsb, width) if known else None
            names = r.findtext("name", ""), f.findtext("name", "")
            found.append(Field(*names, number("addressOffset"), lsb, width, kind, value))
    return found


def _rdl_access(f: FieldNode) -> str:
    if str(f.get_property("onwrite")).endswith("woclr"):
        return "W1C"
    if f.get_property("singlepulse"):
        return "WO" if not f.is_sw_readable else "readable command"
    return {(True, False): "RO", (True, True): "RW"}[f.is_sw_readable, f.is_sw_writable]


def of_systemrdl(file: Path) -> list[Field]:
    """From the SystemRDL file."""
    compiler = RDLCompiler()
    compiler.compile_file(str(file))
    return [
        Field(r.inst_name, f.inst_name, r.absolute_address, f.lsb, f.width, _rdl_access(f),
                  f.get_property("reset"))
        for r in compiler.elaborate().top.registers()
        for f in r.fields()
    ]  # fmt: skip


def views(kit: Path, work: Path) -> dict[str, list[Field]]:
    """The fields by the kind of their file, each in the order of offsets and bits."""
    found = {
        "header": of_header(kit / "driver", work),
        "svd": of_svd(kit / "csb_regs.svd"),
        "systemrdl": of_systemrdl(kit / "csb_regs.rdl"),
    }
    return {kind: sorted(v, key=lambda f: (f.offset, f.lsb)) for kind, v in found.items()}


def differences(found: dict[str, list[Field]]) -> list[str]:
    """A line for each field that is not the same in all files."""
    (first, fields), *others = found.items()
    lines = []
    for kind, mine in others:
        for a, b in ((a, b) for a, b in zip(fields, mine, strict=False) if a != b):
            lines.append(f"{first} {a}, {kind} {b}")
        if len(fields) != len(mine):
            lines.append(f"{first} has {len(fields)} fields, {kind} has {len(mine)}")
    return lines


def as_json(fields: list[Field]) -> str:
    """For the bench."""
    return json.dumps([f._asdict() for f in fields])
