# SPDX-License-Identifier: Apache-2.0
"""``csb-rnn explore``."""

from __future__ import annotations

import argparse
import dataclasses
import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from csb_rnn import commands, flow
from csb_rnn.api.explore import CLOCK, Exploration, Point, explore
from csb_rnn.pictures import check_name, save

HELP = "Put a network on every configuration: does it fit, how fast is it there, what bounds it."
WIDTH = 100  # columns of a terminal

T = TypeVar("T")


def _several(text: str, one: Callable[[str], T]) -> list[T]:
    """``"4,8"`` to a list."""
    return [one(part) for part in text.split(",")]


def add(parser: argparse.ArgumentParser) -> None:
    """Arguments of the subcommand."""
    parser.add_argument(
        "checkpoint", help=".pt, .safetensors or .npz state dict, .onnx, or .toml description"
    )
    parser.add_argument(
        "--rates",
        type=lambda text: _several(text, commands.rate),
        default=[],
        metavar="R,R",
        help="prune in one shot to each rate, as each machine needs it: 4,8,12; cycles only, "
        "nothing is said about accuracy (default: the network as it is)",
    )
    parser.add_argument(
        "--blocks",
        type=lambda text: _several(text, commands.positive_int),
        default=[],
        metavar="B,B",
        help="sides of blocks, with --rates those that are pruned to: 16,32",
    )
    parser.add_argument(
        "--configs",
        default="all",
        help="names in hdl/configs.toml or TOML files, with commas (default all)",
    )
    parser.add_argument(
        "--clock", type=float, default=CLOCK, metavar="HZ", help="clock frequency (default 100e6)"
    )
    parser.add_argument(
        "--frame-rate", type=float, metavar="HZ", help="frames a second, for the realtime factor"
    )
    parser.add_argument("--streams", type=int, default=1, help="independent streams, 1 to 8")
    parser.add_argument(
        "--calibrate", metavar="X.npy", help="inputs that set the number formats, [frames, n]"
    )
    parser.add_argument("--prefix", help="name prefix of the recurrent module")
    parser.add_argument("--cell", help="cell of a state dict, where its shapes do not say it")
    parser.add_argument("--json", metavar="FILE", help="the points as data")
    parser.add_argument("--plot", metavar="FILE", help="a picture: .png, .svg or .pdf")


def _figures(point: Point) -> list[str]:
    """Cells of a row behind the configuration's size."""
    p = point.prediction
    assert p is not None
    fullest, use = max(p.memory.items(), key=lambda item: item[1].used / max(1, item[1].depth))
    full = 100 * use.used / max(1, use.depth)
    return [
        f"{p.cycles:g}",
        f"{p.latency}",
        f"{point.microseconds:.4g}",
        "" if point.realtime is None else f"{point.realtime:,.0f}",
        f"{full:.0f} % {fullest}",
        "-" if point.area is None else f"{point.area.lut:,}",
        "-" if not point.energy else f"{point.energy['22 nm']:.1f}",
        p.bound,
    ]


HEADS = ("configuration", "PEs", "Kibit", "cycles", "latency", "us", "realtime", "fullest memory",
         "LUTs", "nJ", "bound by")  # fmt: skip
LEFT = {"configuration", "fullest memory", "bound by"}


def table(points: list[Point]) -> list[str]:
    """Lines of a table; a configuration that is too small has its reason instead of figures.

    Columns without any figure are left out.
    """
    rows = [
        [
            p.config.name,
            str(p.config.pes),
            f"{p.memory_kibit:.0f}",
            *(_figures(p) if p.fits else []),
        ]
        for p in points
    ]
    full = [row for row in rows if len(row) == len(HEADS)]
    shown = [n for n in range(len(HEADS)) if n < 3 or any(row[n] not in ("", "-") for row in full)]
    wide = {n: max(len(HEADS[n]), *(len(r[n]) for r in (full if n > 2 else rows))) for n in shown}

    def line(cells: list[str] | tuple[str, ...], columns: list[int]) -> str:
        parts = [
            f"{cells[n]:<{wide[n]}}" if HEADS[n] in LEFT else f"{cells[n]:>{wide[n]}}"
            for n in columns
        ]
        return "  ".join(parts).rstrip()

    out = [line(HEADS, shown)]
    for point, row in zip(points, rows, strict=True):
        if point.fits:
            out.append(line(row, shown))
            continue
        start = line([*row], shown[:3])
        out += textwrap.wrap(
            f"{start}  does not fit: {short(point)}; {point.remedy}",
            WIDTH,
            subsequent_indent=" " * (len(start) + 2),
            drop_whitespace=True,
        )
    return out


def short(point: Point) -> str:
    """The memory that is too small, and by how much."""
    return point.short.partition("; ")[0].replace(f", configuration {point.config.name}", "; it")


def text(found: Exploration) -> list[str]:
    """Everything that is printed."""
    out = [f"{found.network}; clock {found.points[0].clock / 1e6:g} MHz"]
    groups: dict[tuple[float | None, int | None], list[Point]] = {}
    for point in found.points:
        groups.setdefault((point.rate, point.block), []).append(point)
    for (rate, block), points in groups.items():
        at = "as it is" if rate is None else f"pruned in one shot to rate {rate:g}"
        out += ["", at + ("" if block is None else f", blocks of {block}")]
        out += table(points)
    missing = [
        name
        for name, has in (
            ("area (LUTs)", any(p.area is not None for p in found.points)),
            ("energy (nJ a frame in 22 nm)", any(p.energy for p in found.points)),
        )
        if not has
    ]
    out += ["", "-: not measured" + "".join(f"; {m}: not measured" for m in missing)]
    if found.points[0].frame_rate is None:
        out[-1] += "; realtime: give --frame-rate"
    for note in found.notes:
        out += textwrap.wrap(f"slower though larger: {note}", WIDTH, subsequent_indent="  ")
    best = found.smallest
    out.append(f"smallest that fits: {best.config.name}" if best else "no configuration fits")
    return out


def record(point: Point) -> dict[str, object]:
    """A point as plain values."""
    value = dataclasses.asdict(point)
    value |= {"config": point.config.name, "pes": point.config.pes, "fits": point.fits}
    value |= {"area": None if point.area is None else point.area._asdict()}
    value |= {"microseconds": point.microseconds, "realtime": point.realtime}
    value["busy"] = [part.cycles for part in point.usage]
    del value["usage"]
    return value


def run(arguments: argparse.Namespace) -> int:
    """Build on every configuration in memory, and print a table."""
    a = arguments
    if a.plot is not None:
        check_name(a.plot)
    found = explore(
        a.checkpoint,
        configs=a.configs if a.configs == "all" else a.configs.split(","),
        rates=a.rates,
        blocks=a.blocks,
        clock=a.clock,
        frame_rate=a.frame_rate,
        calibrate=None if a.calibrate is None else flow.read_inputs(Path(a.calibrate)),
        streams=a.streams,
        prefix=a.prefix,
        cell=a.cell,
    )
    print("\n".join(text(found)))
    if a.json is not None:
        value: dict[str, object] = {"network": found.network, "notes": list(found.notes)}
        value |= {"points": [record(p) for p in found.points]}
        Path(a.json).write_text(json.dumps(value, indent=1) + "\n")
    if a.plot is not None:
        save(found.plot(), Path(a.plot))
        print(f"{a.plot}: the picture")
    return commands.OK
