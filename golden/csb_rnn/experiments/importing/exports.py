# SPDX-License-Identifier: Apache-2.0
"""Every legal export of a recurrent module by torch's two exporters, read and compared with torch.

A case is a name such as ``script GRU opset=13 dynamic batch_first layers=2 both last``: exporter,
cell, operator set, open or fixed extents, order of the axes, layers, directions, head. There are
4 cells x 3 layers x 2 directions x 2 orders x 3 heads x 2 kinds of extents = 288 modules; the older
exporter (``script``) writes each at operator sets 9 to 20, the newer one (``dynamo``) at 18 and 20,
as it writes no older ones.
"""

from __future__ import annotations

import io
import itertools
import logging
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from csb_rnn.experiments.reports.measured import MeasuredError
from csb_rnn.models import directions
from csb_rnn.network import onnx as importer
from csb_rnn.network.onnx import OnnxError, hosting

CELLS = ("LSTM", "GRU", "RNN", "RNN-relu")
OPSETS = {"script": range(9, 21), "dynamo": (18, 20)}
LIMIT = 1e-4  # of the largest value
INPUTS, UNITS, CLASSES = 3, 4, 2
STREAMS, FRAMES = 2, 5
#: How a case may end. ``layers``: it runs and its recurrent layers are the engine's. ``host``: it
#: runs, but the exporter has unrolled the layers into arithmetic for the host.
ENDS = ("layers", "host", "refused", "wrong", "traceback", "not exported")


class Net(torch.nn.Module):
    """A recurrent module with a head on every frame, on the last one, or on the mean of all."""

    def __init__(self, cell: str, layers: int, both: bool, batch_first: bool, head: str) -> None:
        super().__init__()
        kind, _, activation = cell.partition("-")
        more = {"nonlinearity": activation} if activation else {}
        self.rnn = getattr(torch.nn, kind)(
            INPUTS, UNITS, layers, bidirectional=both, batch_first=batch_first, **more
        )
        self.form, self.frames = head, 1 if batch_first else 0
        self.head = torch.nn.Linear(UNITS * (1 + both), CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs ``[.., classes]`` of frames ``[streams, frames, n]`` or frames first."""
        y, _ = self.rnn(x)
        if self.form == "last":
            y = y[:, -1] if self.frames == 1 else y[-1]
        elif self.form == "pooled":
            y = y.mean(self.frames)
        return self.head(y)


def modules() -> Iterator[str]:
    """Names of the modules, without exporter and operator set."""
    parts = (CELLS, ("fixed", "dynamic"), ("batch_first", "frames_first"), (1, 2, 3),
             ("forward", "both"), ("every", "last", "pooled"))  # fmt: skip
    for cell, extents, order, layers, way, head in itertools.product(*parts):
        yield f"{cell} {extents} {order} layers={layers} {way} {head}"


def names() -> list[str]:
    """Names of all cases, those of one module beside each other."""
    return [f"{e} opset={n} {m}" for e in OPSETS for m in modules() for n in OPSETS[e]]


class Exports:
    """Cases by name; torch's program of the last module is kept for its other operator sets."""

    def __init__(self) -> None:
        self.captured: tuple[str, Any] = ("", None)

    def run(self, name: str) -> tuple[str, str]:
        """One of :data:`ENDS`, and the reason if it does not run."""
        exporter, opset, module = name.split(" ", 2)
        cell, extents, order, layers, way, head = module.split()
        torch.manual_seed(0)
        net = Net(cell, int(layers[7:]), way == "both", order == "batch_first", head).eval()
        x = torch.randn((STREAMS, FRAMES, INPUTS) if net.frames else (FRAMES, STREAMS, INPUTS))
        export = self.script if exporter == "script" else self.dynamo
        logging.disable(logging.CRITICAL)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                data = export(net, x, int(opset[6:]), extents == "dynamic", module)
        except Exception as error:
            return "not exported", " ".join(str(error).split())[:200]
        finally:
            logging.disable(logging.NOTSET)
        with torch.no_grad():
            want = net(x).numpy()
        return judge(data, x.numpy(), want)

    def script(self, net: Net, x: torch.Tensor, opset: int, dynamic: bool, _: str) -> bytes:
        """By the exporter that traces."""
        out: Any = io.BytesIO()
        torch.onnx.export(
            net,
            (x,),
            out,
            input_names=["x"],
            opset_version=opset,
            dynamo=False,
            dynamic_axes={"x": {0: "one", 1: "two"}} if dynamic else None,
        )
        return out.getvalue()

    def dynamo(self, net: Net, x: torch.Tensor, opset: int, dynamic: bool, name: str) -> bytes:
        """By ``torch.export``."""
        if self.captured[0] != name:
            # Open wherever torch can leave them open: frames are unrolled for some modules.
            shapes = ({0: torch.export.Dim.AUTO, 1: torch.export.Dim.AUTO},) if dynamic else None
            self.captured = (name, torch.export.export(net, (x,), dynamic_shapes=shapes))
        out: Any = io.BytesIO()
        program = torch.onnx.export(
            self.captured[1],
            (x,),
            None,
            input_names=["x"],
            opset_version=opset,
            dynamo=True,
            verbose=False,
        )
        assert program is not None
        program.save(out)
        return out.getvalue()


def judge(data: bytes, x: np.ndarray, want: np.ndarray) -> tuple[str, str]:
    """How an ONNX file with one input and one output ends beside torch's output."""
    import onnx

    try:
        plan = importer.plan_of(onnx.load_from_string(data))
        (name,) = plan.inputs
        found = hosting.of_plan(plan).run({name: x}, lambda f, s: directions.run(plan.model, f, s))
        got = next(iter(found[0].values()))
    except OnnxError as error:
        return "refused", str(error)
    except Exception as error:
        return "traceback", repr(error)
    if got.shape != want.shape or np.abs(got - want).max() > LIMIT * np.abs(want).max():
        return "wrong", f"shape {got.shape}, torch {want.shape}"
    nets = [n for span in plan.model.spans for n in span.networks.values()]
    recurrent = any(layer.cell.states for n in nets for layer in n.layers)
    return ("layers" if recurrent else "host"), ""


def rows(found: Iterable[tuple[str, tuple[str, str]]]) -> tuple[list[dict[str, Any]], list[str]]:
    """How many cases of each exporter and cell ended how, and a line for each reason."""
    seen: dict[tuple[str, str], Counter[str]] = {}
    reasons: Counter[str] = Counter()
    for name, (end, reason) in found:
        exporter, _, cell, *_ = name.split()
        seen.setdefault((exporter, cell), Counter())[end] += 1
        if reason:
            reasons[f"{exporter} {cell}, {end}: {reason}"] += 1
    table = []
    for (exporter, cell), ends in seen.items():
        legal = sum(ends.values()) - ends["not exported"]
        table.append(
            {"exporter": exporter, "cell": cell, "exported": legal, **{e: ends[e] for e in ENDS}}
        )
    return table, [f"{n} of {text}" for text, n in reasons.most_common(20)]


def runs(table: Sequence[Mapping[str, Any]]) -> float:
    """Share of the exported files that run."""
    return sum(r["layers"] + r["host"] for r in table) / max(1, sum(r["exported"] for r in table))


def cases(row: Mapping[str, Any]) -> int:
    """Cases behind a row."""
    return int(row["exported"] + row["not exported"])


def _key(name: str) -> tuple[str, str]:
    exporter, _, cell, *_ = name.split()
    return exporter, cell


def again(found: Sequence[str], kept: Sequence[Mapping[str, Any]], every: int) -> list[str]:
    """Every Nth of the cases of complete rows, and all others.

    Example: of 864 cases of the older exporter with an LSTM 22 with ``every`` = 40.
    """
    total = Counter(map(_key, found))
    whole = {k for r in kept if cases(r) == total[k := (r["exporter"], r["cell"])]}
    return [name for n, name in enumerate(found) if n % every == 0 or _key(name) not in whole]


def joined(
    new: Sequence[Mapping[str, Any]], kept: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], str]:
    """Rows of :func:`again`: kept ones with more cases if the new ones end alike; and a line.

    Raises:
        MeasuredError: some end as none of the kept ones did.
    """
    old, rows, equal, more = {(r["exporter"], r["cell"]): r for r in kept}, [], 0, 0
    for row in new:
        was = old.get((row["exporter"], row["cell"]))
        if was is None or cases(was) <= cases(row):
            rows.append(dict(row))
            more += cases(row)
            continue
        odd = [e for e in ENDS if row[e] and not was[e]]
        if odd:
            raise MeasuredError(f"{row['exporter']} {row['cell']}: {row[odd[0]]} end {odd[0]} now")
        rows.append(dict(was))
        equal += cases(row)
    return rows, f"{equal} cases run again, all as before, and {more} others"
