# SPDX-License-Identifier: Apache-2.0
"""Tables of instruction words, latencies, image and registers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from csb_rnn.driver import recovery
from csb_rnn.experiments.documents.tables import by_configuration, configurations, constants, table
from csb_rnn.machine import config, error_codes, image, isa, registers
from csb_rnn.machine.config import Config


def _bits(lsb: int, width: int) -> str:
    return f"{lsb + width - 1}:{lsb}" if width > 1 else str(lsb)


def field_table(fields: Iterable[isa.Field]) -> str:
    """Fields of a word, the first one at bit 0."""
    rows, lsb = [], 0
    for f in fields:
        rows.append((_bits(lsb, f.width), f"`{f.name}`", f.width, f.doc))
        lsb += f.width
    return table(("bits", "field", "width", "meaning"), rows)


def code_table(*tables: tuple[str, dict[str, int]]) -> str:
    """Encodings side by side: a row for each code."""
    codes = sorted({code for _, t in tables for code in t.values()})
    named = [{code: name for name, code in t.items()} for _, t in tables]
    rows = [(code, *(t.get(code, "-") for t in named)) for code in codes]
    return table(("code", *(title for title, _ in tables)), rows)


def latency_table() -> str:
    """Latencies after issue, in every configuration."""
    fixed = constants(r"LAT_\w+", isa)

    def always(value: int) -> Callable[[Config], int]:
        return lambda _: value

    rows: list[tuple[str, Callable[[Config], Any]]] = [
        (f"`{name}`: {doc}", always(value)) for name, value, doc in fixed
    ]
    for function in isa.LATENCIES:
        doc = (function.__doc__ or "").split("\n")[0].rstrip(".")
        doc = doc[0].lower() + doc[1:]
        rows.append((f"`{function.__name__}`: {doc}", function))
    return by_configuration(rows, "constant: from issue to what")


def section_table() -> str:
    """Widths of a section in every configuration; 0 where a field does not exist."""
    tables = ((isa.PE_ROW, "of each PE row"), (isa.SHARED, "once"),
              (isa.PE_ROW_END, "of each PE row"),
              (isa.PE_WEIGHT, "of each PE row and PE q"), (isa.PE, "of each PE q"))  # fmt: skip
    rows: list[tuple[str, Callable[[Config], Any]]] = []

    def bits(field: isa.SectionField) -> Callable[[Config], int]:
        return lambda c: field.bits(c)

    for fields, where in tables:
        for f in fields:
            name = f"{f.name}q" if where.endswith("q") else f.name
            rows.append((f"`{name}` {where}: {f.doc}", bits(f)))
    rows += [
        ("PEs of a PE row, Q", lambda c: c.Q),
        ("PE rows of a section, `shared_cols`", lambda c: c.shared_cols),
        ("**section**", isa.section_width),
        ("sections, P / `shared_cols`", lambda c: c.share_groups),
        ("**PEGroup word**, with control", isa.pegroup_width),
    ]
    return by_configuration(rows, "field")


TARGET_DOC = {
    image.Target.PEGROUP: "program and weights of a PEGroup",
    image.Target.DRAIN: "program of the drain unit",
    image.Target.ELEM: "program of the element unit",
    image.Target.BIAS: "biases of a data path lane, signed, accumulator units",
    image.Target.STATE: "state memory of a data path lane, signed",
    image.Target.OUT: "output table, one beat a word",
    image.Target.CONFIG: "program registers",
}


def target_table() -> str:
    """Targets, and in every configuration: bits of a word x words x memories."""
    configs = configurations()
    rows = []
    for t in image.Target:
        sizes = [" x ".join(str(n) for n in image.memories(c)[t]) for c in configs]
        rows.append((t.value, f"`{t.name}`", TARGET_DOC[t], *sizes))
    return table(("code", "target", "contents", *(f"`{c.name}`" for c in configs)), rows)


def config_register_table() -> str:
    limits = image.config_limits(config.load("tiny"))
    rows = [
        (i, f"`{f.name}`", "{} to {}".format(*limits[f.name]), f.doc)
        for i, f in enumerate(image.CONFIG)
    ]
    return table(("address", "register", "`tiny`: values", "meaning"), rows)


def example_image() -> str:
    """A short image, word by word."""
    c = config.load("tiny")
    words = [isa.encode(isa.DRAIN, {"wait_mark": 1, "post": 1, "last": 1})]
    data = image.words32(image.pack(c, [image.section(c, image.Target.DRAIN, words)]))
    parts = len(isa.load_parts(0, isa.width(isa.DRAIN)))
    notes = ["magic", "version", "configuration hash", "words of the image"]
    notes += ["target 1, index 0", "address 0", "one memory word"]
    notes += ["DRAIN word, upper bits of its parts"]
    notes += [f"DRAIN word, part {i}, lower 32 bits" for i in range(parts)] + ["CRC-32"]
    lines = [f"{i:3}  {w:08x}  {n}" for i, (w, n) in enumerate(zip(data, notes, strict=True))]
    return "\n".join(lines)


def register_table() -> str:
    rows = [(f"0x{r.offset:02x}", f"`{r.name}`", r.access, r.doc) for r in registers.REGISTERS]
    return table(("offset", "register", "access", "meaning"), rows)


def register_field_table() -> str:
    rows = [
        (f"`{r.name}`", _bits(f.lsb, f.width), f"`{f.name}`", f.doc)
        for r in registers.REGISTERS
        for f in r.fields
    ]
    return table(("register", "bits", "field", "meaning"), rows)


def error_table() -> str:
    return table(
        ("code", "error", "meaning", "what the host does"),
        [
            (code, f"`{name}`", doc, error_codes.ERROR_ACTIONS[name])
            for name, (code, doc) in error_codes.ERRORS.items()
        ],
    )


def recovery_table() -> str:
    """Causes and calls that the benches of both drivers make, see csb_rnn.driver.recovery."""
    return table(
        (
            "code",
            "error",
            "provoked in simulation by",
            "driver calls until frames are right",
        ),
        [
            (
                error_codes.ERRORS[name][0],
                f"`{name}`",
                shown.cause,
                ", ".join(f"`{call}`" for call in shown.calls) or "-",
            )
            for name, shown in recovery.SHOWN.items()
        ],
    )
