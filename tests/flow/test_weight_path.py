# SPDX-License-Identifier: Apache-2.0
"""The way of a trained weight from its file to the image is short, and goes down.

How it is counted. A build of a small LSTM is run twice, the second time with all weights negated:
magnitudes, zeros and so formats, dealing and order of calls are the same. A call of a function of
the package *carries weights* if the value that it returns differs between the two runs, or if it
returns None (it checks, or stores in place) and its arguments differ. Questions about sizes, names
and places of non-zeros have the same answer in both runs. The path is these calls in the order in
which they begin; a function that the same caller calls again, as in a loop over gates, counts once;
functions inside of functions belong to the one around them. Then

* *calls* is the length of the path,
* *modules* are those of its functions,
* *climbs* are its steps from a room to one of a higher level of docs/rooms.toml: the way back up
  to the flow after each step of a build, and each detour.

Example: ``steps.quantised`` (flow, level 7) calls ``quantise`` (models, level 4), then
``steps.compiled`` begins: one climb. The check of a model against its source runs beside this path
and is left out (``unchecked``), and so is the search for a block size (``block=8``).
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import sys
import tomllib
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import numpy as np

from csb_rnn import flow
from csb_rnn.machine.folders import PACKAGE, ROOT

DEPTH = 40  # of records in records, as deep as a digest looks
REPEATS = 60  # calls of one function by one caller looked at
MODULES, CLIMBS = 15, 5  # at most


class Call(NamedTuple):
    """A function that was called, by its module and name, and from where."""

    module: str
    name: str
    caller: str


def digest(value: Any, depth: int = DEPTH) -> bytes:
    """Of all numbers in a value: arrays, tensors, records and containers of them."""
    found = hashlib.blake2b(type(value).__name__.encode(), digest_size=16)
    if isinstance(value, np.ndarray):
        found.update(value.tobytes())
    elif type(value).__module__ == "torch":
        found.update(value.detach().numpy().tobytes())
    elif isinstance(value, (bytes, str, int, float, np.generic)):
        found.update(repr(value).encode())
    elif depth:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            value = {f.name: getattr(value, f.name, None) for f in dataclasses.fields(value)}
        if isinstance(value, dict):
            value = list(value.items())
        if isinstance(value, (list, tuple)):
            for item in value:
                found.update(digest(item, depth - 1))
    return found.digest()


def traced(file: Path) -> list[tuple[Call, bytes, list[bytes]]]:
    """Every call of the package in a build of a file, with digests of its inputs and outputs."""
    calls: list[tuple[Call, bytes, list[bytes]]] = []
    open_: dict[FrameType, list[bytes]] = {}
    seen: dict[Call, int] = {}

    def module(frame: FrameType | None) -> str:
        return "" if frame is None else str(frame.f_globals.get("__name__", ""))

    def profile(frame: FrameType, event: str, value: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(str(PACKAGE)):
            if "<" in code.co_qualname:
                return
            back = frame.f_back
            above = "" if back is None else f"{module(back)}.{back.f_code.co_qualname}"
            call = Call(module(frame), code.co_qualname, above.split(".<")[0])
            seen[call] = seen.get(call, 0) + 1
            if seen[call] <= REPEATS:
                names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + 2]
                given = [frame.f_locals[n] for n in names if n in frame.f_locals]
                out: list[bytes] = []
                open_[frame] = out
                calls.append((call, digest(given), out))
        elif event == "return" and frame in open_:
            open_.pop(frame).append(digest(value))

    sys.setprofile(profile)
    try:
        flow.build(file, "tiny", unchecked=True, block=8)
    finally:
        sys.setprofile(None)
    return calls


def weight_path(folder: Path) -> list[Call]:
    """Calls that carry weights, in their order."""
    rng = np.random.default_rng(1)
    sizes = {"weight_ih_l0": (64, 8), "weight_hh_l0": (64, 16), "bias_ih_l0": (64,),
             "bias_hh_l0": (64,)}  # fmt: skip
    state = {k: rng.uniform(0.1, 0.5, n) * rng.choice([-1, 1], n) for k, n in sizes.items()}
    state = {k: v.astype(np.float32) for k, v in state.items()}
    state["weight_hh_l0"][::3] = 0
    runs = []
    for sign in (1, 1, -1):  # the first warms caches
        file = folder / "model.npz"
        np.savez(file, **{k: v * (sign if v.ndim == 2 else 1) for k, v in state.items()})
        runs.append(traced(file))
    _, plus, minus = runs
    assert [c for c, *_ in plus] == [c for c, *_ in minus], "the two runs took different ways"
    differ = [
        call
        for (call, given, out), (_, other, other_out) in zip(plus, minus, strict=True)
        if out != other_out or (out == [digest(None)] and given != other)
    ]
    return list(dict.fromkeys(differ))


def level(module: str) -> int:
    """Of the room of a module."""
    rooms = tomllib.loads((ROOT / "docs/rooms.toml").read_text())["room"]
    return next((r["level"] for r in rooms if f"{module}.".startswith(f"{r['name']}.")), 99)


def climbs(path: list[Call]) -> list[tuple[Call, Call]]:
    """Steps of the path to a room of a higher level."""
    pairs = itertools.pairwise(path)
    return [(a, b) for a, b in pairs if level(b.module) > level(a.module)]


def test_weight_path(tmp_path: Path) -> None:
    path = weight_path(tmp_path)
    modules = {call.module for call in path}
    up = climbs(path)
    text = "\n".join(f"{level(c.module):3} {c.module}.{c.name}" for c in path)
    text += f"\n{len(path)} calls, {len(modules)} modules, {len(up)} climbs"
    print(text)
    assert modules >= {"csb_rnn.models.quantise", "csb_rnn.machine.image"}, text
    assert len(modules) <= MODULES, text
    assert len(up) <= CLIMBS, text
