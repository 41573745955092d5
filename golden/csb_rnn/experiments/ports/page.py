# SPDX-License-Identifier: Apache-2.0
"""Tables and pictures of ``docs/use/integrating.md`` from the measured rows."""

from __future__ import annotations

from pathlib import Path

from csb_rnn.driver import recovery
from csb_rnn.experiments.documents.tables import DOCS, table
from csb_rnn.experiments.ports import drawing
from csb_rnn.experiments.reports import measured
from csb_rnn.machine import config
from csb_rnn.machine.error_codes import ERROR_ACTIONS, ERRORS

FOLDER = DOCS / "use/waves"
#: Each picture and its title.
WAVES = {
    "reset": "A reset of two cycles, then a read of IDENTITY",
    "image": "The last words of an image, and its interrupt",
    "registers": "A write of IRQ_PENDING, then a read of STATUS",
    "interrupt": "A start while running: error busy; the host writes 2 to IRQ_PENDING",
    "input": "Frames of 4 beats, offered without a pause: TREADY falls while no buffer is free",
    "output": "An output frame of 3 beats whose sink is late: the last beat holds one value",
    "stop": "CONTROL.stop in an output frame: zeros up to TLAST",
    "flush": "CONTROL.flush after an input frame was cut; the next start takes a whole frame",
}


def port_table() -> str:
    """Transfers a cycle of each port: measured, of both configurations."""
    rows = [r for r in measured.read("ports").rows if r["table"] == "rate"]
    body = [
        (r["name"], f"`{r['config']}`", r["bits"], r["beats"], r["cycles"], f"{r['rate']:.3f}")
        for r in sorted(rows, key=lambda r: r["config"] != "tiny")
    ]
    heads = ("port", "configuration", "bits", "beats in a row", "cycles", "beats a cycle")
    return table(heads, body)


def input_rate_table() -> str:
    """Beats a cycle that the input takes at most, by configuration."""
    body = []
    for name in config.names():
        c = config.load(name)
        values = c.stream_w // 16
        rate = f"{min(1, c.x_per_cycle / values):g}"
        body.append((f"`{name}`", c.stream_w, values, c.x_per_cycle, rate))
    heads = ("configuration", "bits of a beat", "values of a beat", "written a cycle",
             "input beats a cycle")  # fmt: skip
    return table(heads, body)


def soc_table() -> str:
    """What the driver adds to a frame on a RISC-V core."""
    body = [
        (r["how"], r["frames"], f"{r['cycles_a_frame']:.0f}", f"{r['interval']:g}",
         f"{r['overhead']:.2f} a {r['unit']}", f"{r['load_cycles']:,}", r["different"])
        for r in measured.read("soc").rows
    ]  # fmt: skip
    heads = ("frames moved by", "frames", "cycles a frame", "of these the accelerator's",
             "overhead in cycles", "cycles of the load", "other than the model")  # fmt: skip
    return table(heads, body)


def step_table() -> str:
    """The three commands from a trained file to the firmware's output, timed."""
    body = [
        (f"`{r['command']}`", r["processor_seconds"], r["seconds"])
        for r in measured.read("soc_steps").rows
    ]
    keys = ("processor_seconds", "seconds")
    total = [sum(r[k] for r in measured.read("soc_steps").rows) for k in keys]
    return table(("command", "seconds of processors", "seconds"), [*body, ("all", *total)])


def driver_table() -> str:
    """The C driver on the RTL: functions, lines, codes."""
    body = [
        (f"`{r['file']}`", f"{r['ran']} of {r['functions']}",
         f"{r['covered']} of {r['lines']}, {100 * r['covered'] / r['lines']:.1f} %",
         f"{r['shown']} of {r['codes']}")
        for r in measured.read("driver").rows
    ]  # fmt: skip
    heads = ("driver", "functions that ran on the RTL", "lines", "error codes shown")
    return table(heads, body)


def code_reaction_table() -> str:
    """Every error code, the host's reaction, the driver's calls after it."""
    body = [
        (code, f"`{name}`", text, ERROR_ACTIONS[name],
         ", ".join(f"`csb_{call}`" for call in recovery.SHOWN[name].calls) or "-")
        for name, (code, text) in ERRORS.items()
    ]  # fmt: skip
    return table(("code", "error", "meaning", "the host", "the C driver"), body)


def pictures() -> dict[Path, str]:
    """The files of the pictures."""
    rows = [r for r in measured.read("ports").rows if r["table"] == "wave"]
    out = {FOLDER / "system.svg": drawing.system()}
    for name, title in WAVES.items():
        waves = {
            r["signal"].removeprefix("s_axil_"): r["values"].split()
            for r in rows
            if r["name"] == name
        }
        out[FOLDER / f"{name}.svg"] = drawing.wave(name, title, waves)
    return out
