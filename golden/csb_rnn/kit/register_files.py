# SPDX-License-Identifier: Apache-2.0
"""The register map for other tools: C header, SystemRDL 2.0, CMSIS-SVD, Markdown.

All four are written from :mod:`csb_rnn.machine.registers`, and the values of the registers of
identity are from the configuration.
"""

from __future__ import annotations

from xml.etree import ElementTree

from csb_rnn.kit.names import UNKNOWN_AFTER_RESET, constants, reset_values, top_name
from csb_rnn.machine import error_codes, registers
from csb_rnn.machine.config import Config
from csb_rnn.machine.registers import REGISTERS, RegField, Register
from csb_rnn.machine.version import __version__

SIZE = 1 << registers.ADDR_W  # bytes of the port


def fields(r: Register) -> tuple[RegField, ...]:
    """The fields of a register; one of 32 bits with its name if it has none."""
    return r.fields or (RegField(r.name.lower(), 0, 32, r.doc),)


def access(r: Register, f: RegField) -> str:
    """Access of a field: RO, RW, W1C, or WO of a command, which reads as zero."""
    return "WO" if f.pulse else r.access


# --- C ------------------------------------------------------------------------------------------


def _defines() -> list[tuple[str, str, str]]:
    """Name, value and comment of each macro."""
    out = [
        ("CSB_MAGIC", f"0x{registers.IDENTITY & 0xFFFFFF:06X}u", "IDENTITY.magic"),
        ("CSB_MAP_VERSION", f"{registers.VERSION}u", "IDENTITY.map that this file is for"),
    ]
    for r in REGISTERS:
        out.append((f"CSB_REG_{r.name}", f"0x{r.offset:02X}u", f"{r.access}: {r.doc}"))
        for f in r.fields:
            mask = ((1 << f.width) - 1) << f.lsb
            name = f"CSB_{r.name}_{f.name.upper()}"
            out.append((f"{name}_LSB", f"{f.lsb}u", f.doc))
            out.append((f"{name}_MASK", f"0x{mask:08X}u", ""))
    for name, (code, doc) in error_codes.ERRORS.items():
        out.append((f"CSB_ERROR_{name.upper()}", f"{code}u", doc))
    return out


def _error_list() -> list[str]:
    """A macro with a call of another one for each error code, in the order of the codes."""
    entries = [
        f'  X({code}, {name.upper()}, "{doc}", "{error_codes.ERROR_ACTIONS[name]}")'
        for name, (code, doc) in error_codes.ERRORS.items()
    ]
    head = "/* X(code, name, what it means, what the host does) for each error code from 0 on */"
    return [head, "#define CSB_ERROR_LIST(X) \\", " \\\n".join(entries)]


def _field_list() -> list[str]:
    """A macro with a call of another one for each field, in the order of the offsets."""
    entries = [
        f"  X({r.name}, {f.name.upper()}, 0x{r.offset:02X}u, {f.lsb}u, {f.width}u, {access(r, f)})"
        for r in REGISTERS
        for f in fields(r)
    ]
    head = (
        "/* X(register, field, offset, lowest bit, width, access) for each field. RO: a write gets",
        " * SLVERR. W1C: a 1 clears the bit. WO: a 1 is a command; it reads as zero. */",
    )
    return [*head, "#define CSB_FIELD_LIST(X) \\", " \\\n".join(entries)]


def _guarded(name: str, about: str, lines: list[str]) -> str:
    return "\n".join(
        [
            "/* SPDX-License-Identifier: Apache-2.0",
            f" * {about} */",
            f"#ifndef {name}",
            f"#define {name}",
            "",
            *lines,
            "",
            "#endif",
            "",
        ]
    )


def header_text() -> str:
    """``csb_regs.h``: offsets, fields and error codes, the same for every configuration."""
    lines = []
    for name, value, doc in _defines():
        if doc:
            lines.append(f"/* {doc} */")
        lines.append(f"#define {name} {value}")
    about = "Generated from the register map: do not edit. CSB_REG_NAME is the byte offset of NAME."
    return _guarded("CSB_REGS_H", about, lines + _error_list() + ["", *_field_list()])


def config_header_text(c: Config) -> str:
    """``csb_config.h``: the values of the registers of the hardware's identity."""
    lines = []
    for k in constants(c):
        whole = not registers.BY_NAME[k.register].fields
        name = k.register if whole else f"{k.register}_{k.field.upper()}"
        lines.append(f"#define CSB_THIS_{name} 0x{k.value:X}u")
    values = reset_values(c)
    known = (r for r in REGISTERS if r.name not in UNKNOWN_AFTER_RESET)
    entries = [f"  X({r.name}, 0x{values.get(r.name, 0):08X}u)" for r in known]
    lines += ["", "/* X(register, its value after reset) for each register that has one */"]
    lines += ["#define CSB_THIS_RESET_LIST(X) \\", " \\\n".join(entries)]
    return _guarded("CSB_CONFIG_H", f"Generated for configuration {c.name}: do not edit.", lines)


# --- SystemRDL ----------------------------------------------------------------------------------

_SW = {"RO": "r", "RW": "rw", "WO": "w", "W1C": "rw"}


def _rdl_field(r: Register, f: RegField, reset: int | None) -> str:
    """A field, ``reset`` None: not known; the hardware writes those that software does not."""
    kept = r.access == "RW" and not f.pulse
    inside = [
        f'desc = "{f.doc.replace(chr(34), chr(39))}";',
        f"sw = {'w' if f.pulse else _SW[r.access]};",
    ]
    inside.append("hw = r;" if kept or f.pulse else "hw = rw;")
    if f.pulse:
        inside.append("singlepulse;")
    if r.access == "W1C":
        inside.append("onwrite = woclr;")
    bits = f"[{f.lsb + f.width - 1}:{f.lsb}]"
    head = f"      field {{ {' '.join(inside)} }} {f.name}{bits}"
    if reset is None:
        return f"{head};"
    return f"{head} = {f.width}'h{reset >> f.lsb & (1 << f.width) - 1:x};"


def systemrdl_text(c: Config) -> str:
    """``csb_regs.rdl``: SystemRDL 2.0, as peakrdl compiles it."""
    values = reset_values(c)
    lines = [
        "// SPDX-License-Identifier: Apache-2.0",
        f"// Generated by `csb-rnn rtl` for configuration {c.name}: do not edit.",
        f"addrmap {top_name(c)} {{",
        f'  name = "CSB-RNN accelerator, configuration {c.name}";',
        "  default regwidth = 32;",
        "  default accesswidth = 32;",
    ]
    for r in REGISTERS:
        lines += ["  reg {", f'      desc = "{r.doc.replace(chr(34), chr(39))}";']
        reset = None if r.name in UNKNOWN_AFTER_RESET else values.get(r.name, 0)
        lines += [_rdl_field(r, f, reset) for f in fields(r)]
        lines.append(f"  }} {r.name} @ 0x{r.offset:03x};")
    return "\n".join([*lines, "};", ""])


# --- CMSIS-SVD ----------------------------------------------------------------------------------

_SVD = {"RO": "read-only", "RW": "read-write", "WO": "write-only", "W1C": "read-write"}


def _put(parent: ElementTree.Element, **texts: str) -> None:
    for name, text in texts.items():
        ElementTree.SubElement(parent, name).text = text


def svd_text(c: Config) -> str:
    """``csb_regs.svd``: CMSIS-SVD 1.3, one peripheral at address 0."""
    values = reset_values(c)
    device = ElementTree.Element("device", schemaVersion="1.3")
    _put(device, name=top_name(c), version=__version__, description="CSB-RNN accelerator")
    _put(device, addressUnitBits="8", width="32")
    peripheral = ElementTree.SubElement(ElementTree.SubElement(device, "peripherals"), "peripheral")
    _put(peripheral, name="CSB", description=f"configuration {c.name}", baseAddress="0x0")
    block = ElementTree.SubElement(peripheral, "addressBlock")
    _put(block, offset="0x0", size=f"0x{SIZE:X}", usage="registers")
    table = ElementTree.SubElement(peripheral, "registers")
    for r in REGISTERS:
        one = ElementTree.SubElement(table, "register")
        _put(one, name=r.name, description=r.doc, addressOffset=f"0x{r.offset:02X}", size="32")
        _put(one, access=_SVD[r.access], resetValue=f"0x{values.get(r.name, 0):08X}")
        known = r.name not in UNKNOWN_AFTER_RESET
        _put(one, resetMask=f"0x{0xFFFFFFFF if known else 0:08X}")
        inner = ElementTree.SubElement(one, "fields")
        for f in fields(r):
            bits = ElementTree.SubElement(inner, "field")
            _put(bits, name=f.name, description=f.doc)
            _put(bits, bitRange=f"[{f.lsb + f.width - 1}:{f.lsb}]")
            if f.pulse:
                _put(bits, access="write-only")
            if r.access == "W1C":
                _put(bits, modifiedWriteValues="oneToClear")
    ElementTree.indent(device)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(device, "unicode") + "\n"
    )


# --- Markdown -----------------------------------------------------------------------------------


def markdown_text(c: Config) -> str:
    """``csb_regs.md``: registers with their fields and values after reset; error codes."""
    values = reset_values(c)
    lines = [
        f"# Registers of {top_name(c)}",
        "",
        "Generated by `csb-rnn rtl`. RO: a write gets SLVERR. W1C: a 1 clears the bit.",
        "",
        "| offset | register | bits | field | access | after reset | meaning |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for r in REGISTERS:
        for f in fields(r):
            value = f"0x{values.get(r.name, 0) >> f.lsb & (1 << f.width) - 1:x}"
            value = "unknown" if r.name in UNKNOWN_AFTER_RESET else value
            bits = f"{f.lsb + f.width - 1}:{f.lsb}" if f.width > 1 else f"{f.lsb}"
            lines.append(
                f"| 0x{r.offset:02x} | `{r.name}` | {bits} | `{f.name}` | "
                f"{access(r, f)} | {value} | {f.doc} |"
            )
    lines += ["", "| code | error | meaning | what the host does |", "| --- | --- | --- | --- |"]
    for name, (code, doc) in error_codes.ERRORS.items():
        lines.append(f"| {code} | `{name}` | {doc} | {error_codes.ERROR_ACTIONS[name]} |")
    return "\n".join([*lines, ""])
