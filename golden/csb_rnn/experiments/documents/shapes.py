# SPDX-License-Identifier: Apache-2.0
"""Tables of the named configurations: shapes, words, depths, memories."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from csb_rnn.experiments.documents.tables import by_configuration, configurations, table
from csb_rnn.machine import config, image, isa
from csb_rnn.machine.config import Config
from csb_rnn.machine.memories import memory_bits
from csb_rnn.machine.sharing_modes import MODES, SharingMode


def _built_in(mode: SharingMode, c: Config) -> str:
    return "yes" if getattr(c, mode.switch) else "no"


def shape_table() -> str:
    rows: list[tuple[str, Callable[[Config], Any]]] = [
        ("PEGroups, K x L", lambda c: f"{c.K} x {c.L}"),
        ("PEs of one, P x Q", lambda c: f"{c.P} x {c.Q}"),
        ("multipliers (PEs)", lambda c: c.pes),
        ("rings, K*P", lambda c: c.rings),
        ("accumulator banks of a PE row", lambda c: c.drain_banks),
        ("data path lanes", lambda c: c.lanes),
        ("cycles of a slot on the neuron bus, w", lambda c: c.sub_slots),
        ("stages of the sum across an engine row, RS", lambda c: c.reduce_stages),
        *((f"{m.name} sharing", partial(_built_in, m)) for m in MODES),
        ("PE rows that share neuron addresses", lambda c: c.shared_cols),
        ("values of a frame beat", lambda c: c.values_per_beat),
        ("input values written in a cycle", lambda c: c.x_per_cycle),
        ("further registers in the long paths, `deep`", lambda c: c.deep),
        ("configuration hash", lambda c: f"`{image.config_hash(c):08x}`"),
    ]
    return by_configuration(rows, "")


def word_table() -> str:
    rows: list[tuple[str, Callable[[Config], Any]]] = [
        ("weight", lambda c: c.weight_w),
        ("neuron", lambda c: c.data_w),
        ("accumulator, bias", lambda c: c.acc_w),
        ("data path value", lambda c: c.lane_w),
        ("state (fraction)", lambda c: f"{c.state_w} ({c.state_frac})"),
        ("PEGroup word", isa.pegroup_width),
        ("one section of it", isa.section_width),
        ("drain word", lambda _: isa.width(isa.DRAIN)),
        ("element word", lambda _: isa.width(isa.ELEM)),
        ("output table word", lambda c: c.values_per_beat * image.out_entry_width(c)),
        ("frame beat", lambda c: c.stream_w),
    ]
    return by_configuration(rows, "bits of")


def depth_table() -> str:
    keys = [k for k in config.rtl_parameters("tiny") if k.endswith("Depth")]
    rows = [(f"`{k}`", lambda c, k=k: config.rtl_parameters(c)[k]) for k in keys]
    rows += [
        (f"`{k}`", lambda c, k=k: config.rtl_parameters(c)[k]) for k in ("AccGuard", "MaxBlock")
    ]
    return by_configuration(rows, "words")


def memory_table() -> str:

    def of(name: str) -> Callable[[Config], str]:
        return lambda c: f"{memory_bits(c).get(name, 0) / 1024:.1f}"

    rows = [(name, of(name)) for name in memory_bits(config.load("small"))]
    rows.append(("**all**", lambda c: f"{sum(memory_bits(c).values()) / 1024:.1f}"))
    return by_configuration(rows, "Kibit")


def keys_of_configurations() -> str:
    """The comment on the keys, as it is in ``configs.toml``."""
    text = config.CONFIG_FILE.read_text().split("\n[default]\n")[0]
    return "\n".join(line.lstrip("#").removeprefix(" ") for line in text.splitlines()[3:]).strip()


def readme_table() -> str:
    """The short table of README.md."""
    rows = [
        (
            f"`{c.name}`",
            f"{c.K} x {c.L}",
            f"{c.P} x {c.Q}",
            c.pes,
            c.lanes,
            f"{c.data_w} / {c.state_w}",
            c.stream_w,
            f"{sum(memory_bits(c).values()) / 1024:.0f}",
        )
        for c in configurations()
    ]
    head = ("configuration", "PEGroups", "PEs of one", "PEs", "data path lanes")
    return table((*head, "data / state bits", "beat bits", "memory, Kibit"), rows)
